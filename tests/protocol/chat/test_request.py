"""What of a chat request is taken, and what is refused by name."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import ClientEventError
from antiphon.protocol.chat.request import read_request
from tests.protocol.chat.kit import request, turn, user

TOOL: Any = {"type": "function", "function": {"name": "f"}}
NAMED: Any = {"type": "function", "function": {"name": "g"}}


@pytest.mark.parametrize(
    ("options", "code", "param"),
    [
        ({"n": 2}, "unsupported_parameter", "n"),
        ({"n": True}, "unsupported_parameter", "n"),
        ({"logprobs": True}, "unsupported_parameter", "logprobs"),
        ({"top_logprobs": 1}, "unsupported_parameter", "top_logprobs"),
        ({"stop": "x"}, "unsupported_parameter", "stop"),
        ({"response_format": {"type": "json_schema"}}, "unsupported_parameter", "response_format"),
        ({"modalities": ["audio"]}, "unsupported_parameter", "modalities"),
        ({"audio": {"voice": "alloy"}}, "unsupported_parameter", "audio"),
        ({"functions": [{"name": "f"}]}, "unsupported_parameter", "functions"),
        ({"function_call": "none"}, "unsupported_parameter", "function_call"),
        ({"web_search_options": {}}, "unsupported_parameter", "web_search_options"),
        ({"moderation": {"model": "m"}}, "unsupported_parameter", "moderation"),
        ({"colour": "blue"}, "unknown_parameter", "colour"),
        ({"stream": "yes"}, "invalid_type", "stream"),
        ({"stream_options": {"x": 1}}, "unknown_parameter", "stream_options.x"),
        ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ({"tools": [{"type": "custom"}]}, "invalid_value", "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].function"),
        ({"tools": [TOOL], "tool_choice": NAMED}, "invalid_value", "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "custom"}}, "invalid_value", "tool_choice.type"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}},
            "invalid_value",
            "tool_choice.allowed_tools",
        ),
        ({"messages": []}, "invalid_value", "messages"),
        ({"messages": "Hello."}, "invalid_type", "messages"),
        ({"messages": [{"content": "x"}]}, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "missing_required_parameter", "messages[0].content"),
        ({"messages": [{"role": "assistant"}]}, "missing_required_parameter", "messages[0].content"),
        (
            {"messages": [{"role": "assistant", "content": "", "function_call": {"name": "f"}}]},
            "unsupported_parameter",
            "messages[0].function_call",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "missing_required_parameter", "messages[0].tool_call_id"),
    ],
)
def test_a_refusal_names_the_field(options: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(ClientEventError) as refused:
        read_request({"model": "m", "messages": [user()], **options})
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_model_is_needed() -> None:
    with pytest.raises(ClientEventError) as refused:
        read_request({"messages": [user()]})
    assert refused.value.param == "model"


@pytest.mark.parametrize(
    "options",
    [
        {"n": 1, "stop": [], "logprobs": False, "top_logprobs": 0, "functions": [], "modalities": ["text"]},
        {"response_format": {"type": "text"}},
        {"temperature": 0, "top_p": 1, "seed": 3, "logit_bias": {}, "user": "ann", "store": True, "metadata": {}},
        {"prediction": {"type": "content", "content": "x"}, "verbosity": "low", "service_tier": "flex"},
        dict.fromkeys(("n", "stop", "tools", "tool_choice", "max_tokens", "stream", "response_format")),
    ],
)
def test_what_makes_no_difference_is_taken(options: dict[str, Any]) -> None:
    assert request(user(), **options).model == "gpt-realtime"


FIELDS = (
    "role content type text image_url url input_audio data format tool_calls tool_call_id id function name arguments "
    "tools tool_choice allowed_tools mode stop n messages model refusal function_call parameters"
).split()
WORDS = st.sampled_from(["user", "assistant", "tool", "text", "function", "AAAA", "wav", "auto", ""])
LEAVES = st.none() | st.booleans() | st.integers() | WORDS
INNER = LEAVES | st.dictionaries(st.sampled_from(FIELDS), LEAVES, max_size=3)
JSON = LEAVES | st.lists(INNER, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), INNER, max_size=3)
MESSAGES = st.fixed_dictionaries({"role": WORDS, "content": JSON}, optional={"tool_calls": JSON, "tool_call_id": WORDS})


@given(st.lists(MESSAGES, max_size=3), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2), st.booleans())
def test_whatever_comes_is_taken_or_refused(messages: list[Any], options: dict[str, Any], joins: bool) -> None:
    with contextlib.suppress(ClientEventError):
        taken = turn(*messages, joins=joins, **{**options, "messages": messages, "model": "m"})
        assert len(taken.items) == len(taken.paths)
