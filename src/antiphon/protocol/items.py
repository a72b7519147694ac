"""Conversation items and their content parts, as they stand on the wire in GA shape.

Source: Realtime API, conversation items.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

ItemId = Annotated[str, Meta(min_length=1, max_length=32)]
ItemStatus = Literal["completed", "in_progress", "incomplete"]
Role = Literal["system", "user", "assistant"]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class InputText(_Part, frozen=True, tag="input_text"):
    text: str


class InputAudio(_Part, frozen=True, tag="input_audio"):
    """User audio: base64 on the wire, PCM16 in the session's input format here."""

    audio: bytes | UnsetType = UNSET
    transcript: str | None = None


class InputImage(_Part, frozen=True, tag="input_image"):
    """A picture as a `data:` URI of a png or jpeg."""

    image_url: str
    detail: Literal["auto", "low", "high"] = "auto"


class OutputText(_Part, frozen=True, tag="output_text"):
    text: str


class OutputAudio(_Part, frozen=True, tag="output_audio"):
    """Assistant audio; `audio` is sent only when an item is retrieved."""

    transcript: str | None = None
    audio: bytes | UnsetType = UNSET


ContentPart = InputText | InputAudio | InputImage | OutputText | OutputAudio

# Which content each role may carry.
ROLE_CONTENT: dict[str, tuple[type[_Part], ...]] = {
    "system": (InputText,),
    "user": (InputText, InputAudio, InputImage),
    "assistant": (OutputText, OutputAudio),
}


class _Item(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class Message(_Item, frozen=True, tag="message"):
    role: Role
    content: list[ContentPart]
    id: ItemId | None = None
    status: ItemStatus = "completed"
    object: Literal["realtime.item"] | UnsetType = UNSET
    phase: Literal["commentary", "final_answer"] | UnsetType = UNSET


class FunctionCall(_Item, frozen=True, tag="function_call"):
    name: str
    arguments: str
    call_id: str | None = None
    id: ItemId | None = None
    status: ItemStatus = "completed"
    object: Literal["realtime.item"] | UnsetType = UNSET


class FunctionCallOutput(_Item, frozen=True, tag="function_call_output"):
    call_id: str
    output: str
    id: ItemId | None = None
    status: ItemStatus | UnsetType = UNSET
    object: Literal["realtime.item"] | UnsetType = UNSET


class McpApprovalResponse(_Item, frozen=True, tag="mcp_approval_response"):
    approval_request_id: str
    approve: bool
    id: ItemId | None = None
    reason: str | None = None


class ItemReference(_Item, frozen=True, tag="item_reference"):
    """Stands for an item of the conversation in a response's own `input`."""

    id: str


Item = Message | FunctionCall | FunctionCallOutput
ItemParam = Message | FunctionCall | FunctionCallOutput | McpApprovalResponse
InputItem = Message | FunctionCall | FunctionCallOutput | McpApprovalResponse | ItemReference


def wire(item: Item) -> dict[str, Any]:
    """Return `item` as the server shows it: without fields that are unset and without stored audio."""
    if isinstance(item, FunctionCallOutput):
        return {"id": item.id, "type": "function_call_output", "call_id": item.call_id, "output": item.output}
    if isinstance(item, FunctionCall):
        return {
            "id": item.id,
            "type": "function_call",
            "status": item.status,
            "name": item.name,
            "call_id": item.call_id,
            "arguments": item.arguments,
        }
    message: dict[str, Any] = {
        "id": item.id,
        "type": "message",
        "status": item.status,
        "role": item.role,
        "content": [_wire_part(part) for part in item.content],
    }
    if item.phase is not UNSET:
        message["phase"] = item.phase
    return message


def _wire_part(part: ContentPart) -> dict[str, Any]:
    match part:
        case InputText(text=text):
            return {"type": "input_text", "text": text}
        case OutputText(text=text):
            return {"type": "output_text", "text": text}
        case InputAudio(transcript=transcript):
            # The key must be there even when null: agents-js throws without it.
            return {"type": "input_audio", "transcript": transcript}
        case OutputAudio(transcript=transcript):
            return {"type": "output_audio", "transcript": transcript}
        case InputImage():
            return {"type": "input_image", "image_url": part.image_url, "detail": part.detail}
