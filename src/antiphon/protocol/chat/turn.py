"""A chat request as what a Realtime session is told: conversation items, and the options of a response."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pybase64

from antiphon.errors import ClientEventError, MediaError
from antiphon.protocol.chat.request import (
    AllowedToolsChoice,
    AssistantMessage,
    AudioPart,
    ChatRequest,
    ChatTool,
    ChatToolChoice,
    DeveloperMessage,
    ImagePart,
    Message,
    RefusalPart,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
    chosen_names,
)
from antiphon.protocol.ids import Ids

# Source: Realtime API, `item.call_id` and `max_output_tokens`.
_LONGEST_CALL_ID = 32
_MOST_TOKENS = 4096
_IMAGES = ("data:image/png;base64,", "data:image/jpeg;base64,")

Wire = dict[str, Any]
# Given audio and its format's name, returns PCM16 at 24000 Hz; raises a MediaError.
ReadAudio = Callable[[bytes, str], bytes]


@dataclass(frozen=True)
class Turn:
    """What one request adds to a conversation, and how it wants to be answered.

    Args:
        items: With ids of their own, in order.
        paths: Which message of the request each item is from, such as `messages[0]`.
        options: Of the `response.create`.
    """

    items: tuple[Wire, ...]
    paths: tuple[str, ...]
    options: Wire


def turn_of(request: ChatRequest, ids: Ids, read_audio: ReadAudio, *, joins: bool) -> Turn:
    """Return what a session is told.

    Args:
        request: A checked one.
        ids: Source of the items' ids.
        read_audio: Reads the audio of messages.
        joins: Whether it goes to a running conversation, which knows all up to the last answer.

    Raises:
        ClientEventError: A message cannot be told, or a running conversation is told nothing new.
    """
    first = _first_new(request.messages) if joins else 0
    if first == len(request.messages):
        message = "There is nothing new behind the last message of the assistant; the conversation knows the rest."
        raise ClientEventError("invalid_value", message, "messages")
    writer = _Items(ids, None if joins else read_audio)
    told = [
        (item, f"messages[{index}]")
        for index, message in enumerate(request.messages[first:], first)
        for item in writer.of(message, f"messages[{index}]")
    ]
    return Turn(tuple(item for item, _ in told), tuple(path for _, path in told), _options(request))


def _first_new(messages: list[Message]) -> int:
    spoken = (index for index in reversed(range(len(messages))) if isinstance(messages[index], AssistantMessage))
    return next(spoken, -1) + 1


# --- items ----------------------------------------------------------------------------------------------------


class _Items:
    """Writes messages as items.

    Args:
        ids: Source of their ids.
        read_audio: None where audio cannot be added, because its format is not known.
    """

    def __init__(self, ids: Ids, read_audio: ReadAudio | None) -> None:
        self._ids = ids
        self._read_audio = read_audio
        self._short: dict[str, str] = {}  # ids of calls that are too long

    def of(self, message: Message, path: str) -> Iterator[Wire]:
        match message:
            case SystemMessage() | DeveloperMessage():
                yield self._message("system", [_input_text(text) for text in _texts(message.content)])
            case UserMessage():
                yield self._message("user", [*self._user_parts(message, path)])
            case AssistantMessage():
                yield from self._spoken(message)
            case ToolMessage():
                output = "".join(_texts(message.content))
                yield self._item("function_call_output", call_id=self._call_id(message.tool_call_id), output=output)

    def _spoken(self, message: AssistantMessage) -> Iterator[Wire]:
        texts = [text for text in (*_texts(message.content), message.refusal) if text]
        if texts or not message.tool_calls:
            yield self._message("assistant", [{"type": "output_text", "text": text} for text in texts or [""]])
        for call in message.tool_calls or ():
            yield self._call(call)

    def _call(self, call: ToolCall) -> Wire:
        function = call.function
        return self._item(
            "function_call", call_id=self._call_id(call.id), name=function.name, arguments=function.arguments
        )

    def _user_parts(self, message: UserMessage, path: str) -> Iterator[Wire]:
        parts = [TextPart(message.content)] if isinstance(message.content, str) else message.content
        for index, part in enumerate(parts):
            where = f"{path}.content[{index}]"
            match part:
                case TextPart():
                    yield _input_text(part.text)
                case ImagePart():
                    yield _image(part, where)
                case AudioPart():
                    yield self._audio(part, where)

    def _audio(self, part: AudioPart, where: str) -> Wire:
        if self._read_audio is None:
            message = "Audio cannot be added to a running conversation this way; send it where the conversation speaks."
            raise ClientEventError("invalid_value", message, f"{where}.input_audio")
        try:
            pcm = self._read_audio(part.input_audio.data, part.input_audio.format)
        except MediaError as error:
            raise ClientEventError("invalid_value", f"Invalid audio: {error}.", f"{where}.input_audio") from None
        return {"type": "input_audio", "audio": pybase64.b64encode(pcm).decode("ascii")}

    def _call_id(self, call_id: str) -> str:
        # Calls that other servers made may have ids that the Realtime API refuses; call and result stay together.
        if len(call_id) <= _LONGEST_CALL_ID:
            return call_id
        return self._short.setdefault(call_id, self._ids.call())

    def _message(self, role: str, content: list[Wire]) -> Wire:
        return self._item("message", role=role, content=content)

    def _item(self, kind: str, **fields: Any) -> Wire:
        return {"id": self._ids.item(), "type": kind, **fields}


def _input_text(text: str) -> Wire:
    return {"type": "input_text", "text": text}


def _texts(content: str | list[TextPart] | list[TextPart | RefusalPart] | None) -> list[str]:
    if content is None or isinstance(content, str):
        return [] if content is None else [content]
    return [part.text if isinstance(part, TextPart) else part.refusal for part in content]


def _image(part: ImagePart, where: str) -> Wire:
    image = part.image_url
    if not image.url.startswith(_IMAGES):
        message = "An image must be a data: URI of a png or jpeg in base64; images at other addresses are not fetched."
        raise ClientEventError("invalid_value", message, f"{where}.image_url.url")
    told = {"type": "input_image", "image_url": image.url}
    return told if image.detail is None else {**told, "detail": image.detail}


# --- options --------------------------------------------------------------------------------------------------


def _options(request: ChatRequest) -> Wire:
    """Return what the request says of its answer; of what it does not say the session's configuration holds."""
    options: Wire = {"output_modalities": ["text"]}
    limit = request.max_completion_tokens or request.max_tokens
    if limit is not None:
        options["max_output_tokens"] = min(limit, _MOST_TOKENS)
    if request.tools is not None:
        options["tools"] = [_tool(tool) for tool in request.tools if _is_allowed(tool, request)]
    if request.tool_choice is not None:
        options["tool_choice"] = _choice(request)
    if request.parallel_tool_calls is not None:
        options["parallel_tool_calls"] = request.parallel_tool_calls
    if request.reasoning_effort not in (None, "none"):
        options["reasoning"] = {"effort": request.reasoning_effort}
    return options


def _is_allowed(tool: ChatTool, request: ChatRequest) -> bool:
    choice = request.tool_choice
    return not isinstance(choice, AllowedToolsChoice) or tool.function.name in chosen_names(choice)


def _tool(tool: ChatTool) -> Wire:
    function = tool.function
    told = {"type": "function", "name": function.name}
    given = {"description": function.description, "parameters": function.parameters}
    return told | {key: value for key, value in given.items() if value is not None}


def _choice(request: ChatRequest) -> str | Wire:
    choice = request.tool_choice
    match choice:
        case ChatToolChoice():
            return {"type": "function", "name": choice.function.name}
        case AllowedToolsChoice():
            return choice.allowed_tools.mode
        case _:
            assert choice is not None
            return choice
