"""Items that clients bring: checked, given an id, and their audio decoded."""

from typing import Literal

from antiphon.errors import ClientEventError
from antiphon.protocol.config import AudioFormat
from antiphon.protocol.ids import Ids
from antiphon.protocol.items import (
    ROLE_CONTENT,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    ItemParam,
    McpApprovalResponse,
    Message,
)
from antiphon.session.capabilities import Capabilities
from antiphon.session.conversation import Entry
from antiphon.session.formats import AudioDecoder


def entry_of(item: ItemParam, path: str, ids: Ids, form: AudioFormat, capabilities: Capabilities) -> Entry:
    """Return what the conversation keeps of a client's item.

    Args:
        item: As it came.
        path: Where it stands in the event, for errors: `item` or `response.input[0]`.
        ids: For an item without an id.
        form: The format of its audio.
        capabilities: What the engine can do with it.

    Raises:
        ClientEventError: Content that the role cannot carry, or that this server cannot use.
    """
    item_id = item.id or ids.item()
    match item:
        case Message():
            return _message_entry(item, item_id, path, form, capabilities)
        case FunctionCall():
            return Entry(FunctionCall(item.name, item.arguments, item.call_id or ids.call(), item_id))
        case FunctionCallOutput():
            return Entry(FunctionCallOutput(item.call_id, item.output, item_id))
        case McpApprovalResponse():
            message = "MCP tools are not available in this server, so there is nothing to approve."
            raise ClientEventError("invalid_value", message, f"{path}.type")


def _message_entry(item: Message, item_id: str, path: str, form: AudioFormat, capabilities: Capabilities) -> Entry:
    audio = b""
    parts: list[ContentPart] = []
    for index, part in enumerate(item.content):
        where = f"{path}.content[{index}]"
        _check_part(item.role, part, where, capabilities)
        if isinstance(part, InputAudio):
            audio += _decoded(part, where, form)
            parts.append(InputAudio(transcript=part.transcript))
        else:
            parts.append(part)
    heard = bool(audio) and not any(isinstance(part, InputAudio) and part.transcript for part in parts)
    return Entry(
        Message(item.role, parts, id=item_id, status=_status(item), phase=item.phase),
        audio=audio,
        awaits_transcript=heard,
    )


def _status(item: Message) -> Literal["completed", "incomplete"]:
    # A client replays an interrupted answer as incomplete; nothing that it brings is in progress.
    return "incomplete" if item.status == "incomplete" else "completed"


def _check_part(role: str, part: ContentPart, where: str, capabilities: Capabilities) -> None:
    allowed = ROLE_CONTENT[role]
    if not isinstance(part, allowed):
        found = type(part).__struct_config__.tag
        names = ", ".join(f"'{kind.__struct_config__.tag}'" for kind in allowed)
        message = f"Invalid value: '{found}'. A message of the {role} takes: {names}."
        raise ClientEventError("invalid_value", message, f"{where}.type")
    if isinstance(part, InputImage):
        _check_image(part, where, capabilities)


def _check_image(part: InputImage, where: str, capabilities: Capabilities) -> None:
    if not capabilities.images:
        message = "The language model of this server takes no images; connect one that does with the llm setting."
        raise ClientEventError("invalid_value", message, f"{where}.type")
    if not part.image_url.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
        message = "An image must be a data: URI of a png or jpeg in base64."
        raise ClientEventError("invalid_value", message, f"{where}.image_url")


def _decoded(part: InputAudio, where: str, form: AudioFormat) -> bytes:
    if not isinstance(part.audio, bytes):
        return b""
    decoder = AudioDecoder(form)
    try:
        return decoder.decode(part.audio) + decoder.flush()
    except ClientEventError as error:
        raise ClientEventError(error.code, error.message, f"{where}.audio") from None
