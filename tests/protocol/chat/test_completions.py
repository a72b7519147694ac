"""What chat clients are sent; the official SDK's types judge it."""

from typing import Any

import msgspec
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from antiphon.protocol.chat.answer import CallArguments, CallBegun, Finished, Piece, TextPiece
from antiphon.protocol.chat.completions import Chunks, Completion, Head

HEAD = Head("chatcmpl-1", 1_750_000_000, "gpt-realtime")
USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 5, "audio_tokens": 15, "cached_tokens": 4},
    "output_token_details": {"text_tokens": 10, "audio_tokens": 0},
}


def whole(*pieces: Piece) -> dict[str, Any]:
    completion = Completion()
    for piece in pieces:
        completion.add(piece)
    wire: dict[str, Any] = msgspec.to_builtins(completion.whole(HEAD))
    ChatCompletion.model_validate(wire, strict=True)
    return wire


def streamed(*pieces: Piece, includes_usage: bool = False) -> list[dict[str, Any]]:
    chunks = Chunks(HEAD, includes_usage=includes_usage)
    wires: list[dict[str, Any]] = [msgspec.to_builtins(chunk) for piece in pieces for chunk in chunks.of(piece)]
    for wire in wires:
        ChatCompletionChunk.model_validate(wire, strict=True)
    return wires


def test_an_answer_as_a_whole() -> None:
    wire = whole(TextPiece("Hel"), TextPiece("lo."), Finished("stop", USAGE))
    assert wire["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello.", "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]


def test_calls_as_a_whole() -> None:
    wire = whole(
        CallBegun(0, "call_1", "f"),
        CallBegun(1, "call_2", "g"),
        CallArguments(0, '{"a"'),
        CallArguments(1, "{}"),
        CallArguments(0, ":1}"),
        Finished("tool_calls", None),
    )
    message = wire["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_usage_in_the_chat_apis_words() -> None:
    assert whole(Finished("stop", USAGE))["usage"] == {
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 15},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def test_usage_that_is_not_known() -> None:
    assert whole(Finished("stop", None))["usage"] is None
    assert whole(Finished("stop", {"input_tokens": "many"}))["usage"]["prompt_tokens"] == 0


def test_an_answer_as_a_stream() -> None:
    wires = streamed(TextPiece("Hello."), Finished("stop", USAGE))
    assert [wire["choices"][0]["delta"] for wire in wires] == [
        {"role": "assistant", "content": ""},
        {"content": "Hello."},
        {},
    ]
    assert [wire["choices"][0]["finish_reason"] for wire in wires] == [None, None, "stop"]
    assert all("usage" not in wire for wire in wires)


def test_calls_as_a_stream() -> None:
    wires = streamed(CallBegun(0, "call_1", "f"), CallArguments(0, "{}"), Finished("tool_calls", None))
    assert [wire["choices"][0]["delta"] for wire in wires] == [
        {"role": "assistant", "content": None},
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {},
    ]


def test_an_empty_answer_still_has_a_role() -> None:
    wires = streamed(Finished("stop", None))
    assert wires[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def test_usage_as_a_stream() -> None:
    wires = streamed(TextPiece("Hello."), Finished("stop", USAGE), includes_usage=True)
    assert [wire["usage"] is None for wire in wires] == [True, True, True, False]
    assert wires[-1]["choices"] == []
