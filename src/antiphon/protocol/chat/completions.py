"""What a chat client is answered: one `chat.completion`, or a row of `chat.completion.chunk`.

Source: Chat completions API, "The chat completion object" and "The chat completion chunk object".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from antiphon.protocol.chat.answer import CallArguments, CallBegun, Finished, FinishReason, Piece, TextPiece
from antiphon.protocol.chat.mappings import mapping_of


class PromptTokensDetails(Struct, frozen=True):
    cached_tokens: int = 0
    audio_tokens: int = 0


class CompletionTokensDetails(Struct, frozen=True):
    reasoning_tokens: int = 0
    audio_tokens: int = 0


class ChatUsage(Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class FunctionCalled(Struct, frozen=True):
    name: str
    arguments: str


class MessageToolCall(Struct, frozen=True):
    id: str
    type: Literal["function"]
    function: FunctionCalled


class AnswerMessage(Struct, frozen=True):
    """`content` is null when functions are called and nothing is said."""

    role: Literal["assistant"]
    content: str | None
    refusal: None = None
    tool_calls: list[MessageToolCall] | UnsetType = UNSET


class Choice(Struct, frozen=True):
    index: int
    message: AnswerMessage
    finish_reason: FinishReason
    logprobs: None = None


class ChatCompletion(Struct, frozen=True):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage | None


class FunctionDelta(Struct, frozen=True):
    arguments: str
    name: str | UnsetType = UNSET


class ToolCallDelta(Struct, frozen=True):
    index: int
    function: FunctionDelta
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET


class Delta(Struct, frozen=True):
    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True):
    index: int
    delta: Delta
    finish_reason: FinishReason | None = None
    logprobs: None = None


class ChatCompletionChunk(Struct, frozen=True):
    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: ChatUsage | UnsetType | None = UNSET


@dataclass(frozen=True)
class Head:
    """What all of one answer shares; `created` is Unix time."""

    id: str
    created: int
    model: str


class Chunks:
    """Turns pieces into chunks.

    Args:
        head: What they share.
        includes_usage: Whether a last chunk tells what was used, and all others that they do not.
    """

    def __init__(self, head: Head, *, includes_usage: bool) -> None:
        self._head = head
        self._includes_usage = includes_usage
        self._begun = False

    def of(self, piece: Piece) -> Iterator[ChatCompletionChunk]:
        """Yield what a client is sent of `piece`."""
        if not self._begun:
            self._begun = True
            yield self._chunk(Delta(role="assistant", content=None if isinstance(piece, CallBegun) else ""))
        match piece:
            case TextPiece():
                yield self._chunk(Delta(content=piece.text))
            case CallBegun():
                call = ToolCallDelta(piece.index, FunctionDelta("", piece.name), piece.call_id, "function")
                yield self._chunk(Delta(tool_calls=[call]))
            case CallArguments():
                yield self._chunk(Delta(tool_calls=[ToolCallDelta(piece.index, FunctionDelta(piece.text))]))
            case Finished():
                yield self._chunk(Delta(), piece.reason)
                if self._includes_usage:
                    yield self._with([], usage_of(piece.usage))

    def _chunk(self, delta: Delta, reason: FinishReason | None = None) -> ChatCompletionChunk:
        return self._with([ChunkChoice(0, delta, reason)], None if self._includes_usage else UNSET)

    def _with(self, choices: list[ChunkChoice], usage: ChatUsage | UnsetType | None) -> ChatCompletionChunk:
        head = self._head
        return ChatCompletionChunk(head.id, "chat.completion.chunk", head.created, head.model, choices, usage)


class Completion:
    """Collects pieces until they are a whole answer."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[CallBegun] = []
        self._arguments: dict[int, str] = {}
        self._end: Finished | None = None

    def add(self, piece: Piece) -> None:
        match piece:
            case TextPiece():
                self._text.append(piece.text)
            case CallBegun():
                self._calls.append(piece)
            case CallArguments():
                self._arguments[piece.index] = self._arguments.get(piece.index, "") + piece.text
            case Finished():
                self._end = piece

    def whole(self, head: Head) -> ChatCompletion:
        """Return the answer, once its end has come."""
        assert self._end is not None
        choice = Choice(0, self._message(), self._end.reason)
        return ChatCompletion(head.id, "chat.completion", head.created, head.model, [choice], usage_of(self._end.usage))

    def _message(self) -> AnswerMessage:
        text = "".join(self._text)
        if not self._calls:
            return AnswerMessage("assistant", text)
        calls = [
            MessageToolCall(call.call_id, "function", FunctionCalled(call.name, self._arguments.get(call.index, "")))
            for call in self._calls
        ]
        return AnswerMessage("assistant", text or None, tool_calls=calls)


def usage_of(usage: Mapping[str, Any] | None) -> ChatUsage | None:
    """Return the Realtime API's usage of a response in the chat API's words."""
    if usage is None:
        return None
    heard, said = mapping_of(usage.get("input_token_details")), mapping_of(usage.get("output_token_details"))
    return ChatUsage(
        prompt_tokens=_count(usage, "input_tokens"),
        completion_tokens=_count(usage, "output_tokens"),
        total_tokens=_count(usage, "total_tokens"),
        prompt_tokens_details=PromptTokensDetails(_count(heard, "cached_tokens"), _count(heard, "audio_tokens")),
        completion_tokens_details=CompletionTokensDetails(
            _count(said, "reasoning_tokens"), _count(said, "audio_tokens")
        ),
    )


def _count(counts: Mapping[str, Any], key: str) -> int:
    value = counts.get(key)
    return value if isinstance(value, int) else 0
