"""The response object and its usage, as `response.created` and `response.done` show them."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.protocol.config import (
    AudioFormat,
    CustomVoice,
    MaxOutputTokens,
    OutputModalities,
    Prompt,
    Reasoning,
    SessionTool,
    ToolChoiceParam,
)
from antiphon.protocol.items import InputItem

MetadataKey = Annotated[str, Meta(max_length=64)]
MetadataValue = Annotated[str, Meta(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)]


class ResponseAudioOutput(Struct, frozen=True, forbid_unknown_fields=True):
    format: AudioFormat | None = None
    voice: str | CustomVoice | None = None


class ResponseAudio(Struct, frozen=True, forbid_unknown_fields=True):
    output: ResponseAudioOutput | None = None


class ResponseOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What a `response.create` may set for its one response; null means: as the session has it.

    `input` present, even when empty, replaces the conversation as the model's context.
    """

    output_modalities: OutputModalities | None = None
    instructions: str | None = None
    audio: ResponseAudio | None = None
    tools: list[SessionTool] | None = None
    tool_choice: ToolChoiceParam | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: MaxOutputTokens | None = None
    reasoning: Reasoning | None = None
    prompt: Prompt | None = None
    metadata: Metadata | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[InputItem] | None = None


class Usage(Struct, frozen=True):
    """Tokens of one response; audio counts 1 token per 100 ms heard and per 50 ms spoken."""

    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    cached_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0

    def wire(self) -> dict[str, Any]:
        input_tokens = self.input_text_tokens + self.input_audio_tokens + self.input_image_tokens
        output_tokens = self.output_text_tokens + self.output_audio_tokens
        return {
            "total_tokens": input_tokens + output_tokens,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "input_token_details": {
                "text_tokens": self.input_text_tokens,
                "audio_tokens": self.input_audio_tokens,
                "image_tokens": self.input_image_tokens,
                "cached_tokens": self.cached_tokens,
                "cached_tokens_details": {"text_tokens": self.cached_tokens, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {
                "text_tokens": self.output_text_tokens,
                "audio_tokens": self.output_audio_tokens,
            },
        }


class FailureDetail(Struct, frozen=True):
    """Why a response failed; `message` helps the one who must act."""

    type: str
    code: str
    message: str


class StatusDetails(Struct, frozen=True, omit_defaults=True):
    """How a response ended, beside its status."""

    type: Literal["completed", "cancelled", "incomplete", "failed"]
    reason: Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"] | UnsetType = UNSET
    error: FailureDetail | UnsetType = UNSET
