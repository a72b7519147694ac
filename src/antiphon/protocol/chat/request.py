"""The body of a chat completion request: its fields, and what of it is refused by name.

What would change the answer and cannot be done is refused. What only tunes the model's choice of words, or is about
storage and billing, is accepted and has no effect, since the Realtime API has nothing like it.

Source: Chat completions API, "Create chat completion".
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from antiphon.errors import ClientEventError
from antiphon.protocol.validation import convert

# --- messages -------------------------------------------------------------------------------------------------
# Clients send back what they were sent, with fields of their own beside it: messages may have more than is read here.


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


class ImageUrl(Struct, frozen=True):
    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class AudioData(Struct, frozen=True):
    """`data` is base64 on the wire."""

    data: bytes
    format: str


class AudioPart(Struct, frozen=True, tag_field="type", tag="input_audio"):
    input_audio: AudioData


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system"):
    content: str | list[TextPart]


class DeveloperMessage(Struct, frozen=True, tag_field="role", tag="developer"):
    content: str | list[TextPart]


class UserMessage(Struct, frozen=True, tag_field="role", tag="user"):
    content: str | list[TextPart | ImagePart | AudioPart]


class CalledFunction(Struct, frozen=True):
    name: str
    arguments: str


class ToolCall(Struct, frozen=True):
    id: str
    function: CalledFunction


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant"):
    content: str | list[TextPart | RefusalPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Any = None


class ToolMessage(Struct, frozen=True, tag_field="role", tag="tool"):
    tool_call_id: str
    content: str | list[TextPart]


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


# --- tools ----------------------------------------------------------------------------------------------------


class FunctionDefinition(Struct, frozen=True, forbid_unknown_fields=True):
    """`strict` has no effect: the Realtime API has no such promise."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChatTool(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="function"):
    function: FunctionDefinition


class FunctionName(Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class ChatToolChoice(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="function"):
    function: FunctionName


class AllowedTools(Struct, frozen=True, forbid_unknown_fields=True):
    mode: Literal["auto", "required"]
    tools: list[ChatToolChoice]


class AllowedToolsChoice(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="allowed_tools"):
    allowed_tools: AllowedTools


ChatChoice = Literal["none", "auto", "required"] | ChatToolChoice | AllowedToolsChoice


# --- the request ----------------------------------------------------------------------------------------------

Limit = Annotated[int, Meta(ge=1)]


class StreamOptions(Struct, frozen=True, forbid_unknown_fields=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole request; null is as good as absent. `session` is an extension: the token of a running conversation."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    model: str
    session: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: Limit | None = None
    max_tokens: Limit | None = None
    tools: list[ChatTool] | None = None
    tool_choice: ChatChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    safety_identifier: str | None = None

    # Refused, unless they ask for what is done anyway: see `_REFUSED`.
    audio: Any = None
    function_call: Any = None
    functions: Any = None
    logprobs: Any = None
    modalities: Any = None
    moderation: Any = None
    n: Any = None
    response_format: Any = None
    stop: Any = None
    top_logprobs: Any = None
    web_search_options: Any = None

    # Without effect.
    frequency_penalty: Any = None
    logit_bias: Any = None
    metadata: Any = None
    prediction: Any = None
    presence_penalty: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    seed: Any = None
    service_tier: Any = None
    store: Any = None
    temperature: Any = None
    top_p: Any = None
    user: Any = None
    verbosity: Any = None


def read_request(body: Any) -> ChatRequest:
    """Return the request in a parsed body.

    Raises:
        ClientEventError: What is wrong or cannot be done, with the path of the field.
    """
    request = convert(body, ChatRequest, "")
    for name, is_harmless, what in _REFUSED:
        if not is_harmless(getattr(request, name)):
            raise ClientEventError("unsupported_parameter", f"Not available in this server: '{name}'; {what}.", name)
    for index, message in enumerate(request.messages):
        _check_message(message, f"messages[{index}]")
    _check_choice(request)
    return request


def _absent(value: Any) -> bool:
    return value is None or value is False


def _absent_or(*values: Any) -> Callable[[Any], bool]:
    # With the type, since JSON's true equals 1 in Python.
    return lambda value: value is None or any(type(value) is type(one) and value == one for one in values)


_REFUSED: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("functions", _absent_or([]), "send 'tools' instead"),
    ("function_call", _absent, "send 'tool_choice' instead"),
    ("n", _absent_or(1), "there is one choice: send 1, or ask again"),
    ("logprobs", _absent, "leave it out"),
    ("top_logprobs", _absent_or(0), "leave it out"),
    (
        "response_format",
        _absent_or({"type": "text"}),
        "answers are text; for JSON of a given form offer a function in 'tools' and name it in 'tool_choice'",
    ),
    ("modalities", _absent_or(["text"]), "answers are text here; for speech connect to /v1/realtime"),
    ("audio", _absent, "answers are text here; for speech connect to /v1/realtime"),
    ("stop", _absent_or("", []), "cut the answer yourself"),
    ("web_search_options", _absent, "offer a function in 'tools' that searches"),
    ("moderation", _absent, "leave it out"),
)


def _check_message(message: Message, path: str) -> None:
    if not isinstance(message, AssistantMessage):
        return
    if message.function_call is not None:
        where = f"{path}.function_call"
        raise ClientEventError(
            "unsupported_parameter", f"Not available in this server: '{where}'; send 'tool_calls' instead.", where
        )
    if message.content is None and message.refusal is None and not message.tool_calls:
        where = f"{path}.content"
        raise ClientEventError("missing_required_parameter", f"Missing required parameter: '{where}'.", where)


def _check_choice(request: ChatRequest) -> None:
    """Refuse a choice of what is not there; without `tools` only the engine knows what is."""
    choice = request.tool_choice
    if isinstance(choice, AllowedToolsChoice) and request.tools is None:
        message = "'tool_choice.allowed_tools' chooses from 'tools', but there are none."
        raise ClientEventError("invalid_value", message, "tool_choice.allowed_tools")
    offered = None if request.tools is None else {tool.function.name for tool in request.tools}
    for name in chosen_names(choice):
        if offered is not None and name not in offered:
            message = f"'tool_choice' names the function {name[:64]!r}, which is not in 'tools'."
            raise ClientEventError("invalid_value", message, "tool_choice")


def chosen_names(choice: ChatChoice | None) -> tuple[str, ...]:
    """Return the functions that a choice names."""
    match choice:
        case ChatToolChoice():
            return (choice.function.name,)
        case AllowedToolsChoice():
            return tuple(tool.function.name for tool in choice.allowed_tools.tools)
        case _:
            return ()
