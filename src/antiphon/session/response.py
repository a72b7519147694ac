"""One response: from `response.created` to its one `response.done`."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from antiphon.protocol.config import AudioFormat, CustomVoice, FunctionTool, SessionConfig, ToolChoiceParam
from antiphon.protocol.config import FunctionChoice as FunctionChoiceParam
from antiphon.protocol.responses import FailureDetail, ResponseOptions, StatusDetails, Usage
from antiphon.protocol.server_events import RateLimit, RateLimitsUpdated, ResponseCreated, ResponseDone
from antiphon.session.context import Knowledge, ModelContext, Tool, ToolChoice
from antiphon.session.conversation import Conversation, Entry
from antiphon.session.formats import AudioEncoder
from antiphon.session.kit import Kit
from antiphon.session.model_context import ContextOverflowError, context_items, window_of
from antiphon.session.output_items import (
    CallOutput,
    Ending,
    Output,
    Place,
    SpokenMessage,
    TextMessage,
    Voice,
)
from antiphon.session.requests import CancelGeneration, Generate
from antiphon.session.results import (
    GeneratedArguments,
    GeneratedCall,
    GeneratedText,
    GenerationDone,
    SpokenAudio,
)
from antiphon.session.usage import input_usage, output_usage

CancelReason = Literal["turn_detected", "client_cancelled"]
# The embedded engine has no quota; clients that read the event see one that never runs out.
_RATE_LIMITS = [RateLimit("tokens", 1_000_000, 1_000_000, 0.0)]


@dataclass(frozen=True)
class ResponsePlan:
    """A response's configuration: the session's, with the overrides of its `response.create`.

    `input` replaces the conversation as context when it is not None.
    """

    config: SessionConfig
    metadata: dict[str, str] | None = None
    in_conversation: bool = True
    input: tuple[Entry, ...] | None = None

    @property
    def voice(self) -> str:
        voice = self.config.audio.output.voice
        return voice.id if isinstance(voice, CustomVoice) else voice

    @property
    def output_format(self) -> AudioFormat:
        return self.config.audio.output.format


class _State(Enum):
    WAITING = "waiting"  # for transcripts of what the user said
    GENERATING = "generating"
    FINISHING = "finishing"  # the model is done; speech may still be made
    DONE = "done"


class Response:
    """One run of the model and what it says.

    Args:
        kit: What every part of a session shares.
        conversation: The default conversation.
        plan: How to respond.
        knowledge: What the agent knows.
    """

    def __init__(self, kit: Kit, conversation: Conversation, plan: ResponsePlan, knowledge: Knowledge) -> None:
        self.id = kit.ids.response()
        self.plan = plan
        self._kit = kit
        self._conversation = conversation
        self._knowledge = knowledge
        self._state = _State.WAITING
        self._status = "in_progress"
        self._details: StatusDetails | None = None
        self._outputs: list[Output] = []
        self._closed = 0  # outputs whose closing events are out
        self._calls: dict[int, CallOutput] = {}
        self._message: TextMessage | SpokenMessage | None = None
        self._context: ModelContext | None = None
        self._generation = GenerationDone("")
        self._usage: Usage | None = None
        kit.outbox.emit(ResponseCreated(self.wire()))

    @property
    def done(self) -> bool:
        return self._state is _State.DONE

    @property
    def plays_until(self) -> float | None:
        """When the spoken answer will have been played, None if nothing was spoken."""
        return self._message.plays_until if isinstance(self._message, SpokenMessage) else None

    def wire(self) -> dict[str, Any]:
        """Return the response as events show it."""
        config = self.plan.config
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": msgspec.to_builtins(self._details) if self._details else None,
            "output": [output.entry.wire() for output in self._outputs] if self.done else [],
            "conversation_id": self._conversation.id if self.plan.in_conversation else None,
            "output_modalities": config.output_modalities,
            "max_output_tokens": config.max_output_tokens,
            "audio": {
                "output": {"format": msgspec.to_builtins(self.plan.output_format), "voice": self.plan.voice},
            },
            "usage": self._usage.wire() if self._usage else None,
            "metadata": self.plan.metadata,
        }

    # --- what happens to it ---------------------------------------------------------------------------------

    def begin_if_ready(self) -> None:
        """Ask the model once all that the user said is transcribed."""
        if self._state is not _State.WAITING:
            return
        entries = self._entries()
        if any(entry.awaits_transcript for entry in entries):
            return
        failure = next((entry.failure for entry in entries[-1:] if entry.failure), None)
        if failure is not None:
            self.fail("transcription_failed", failure)
            return
        try:
            self._context = self._model_context(entries)
        except ContextOverflowError as overflow:
            self.fail("context_length_exceeded", f"{overflow}; delete items, or allow truncation")
            return
        self._state = _State.GENERATING
        self._kit.outbox.request(Generate(self.id, self._context))

    def receive_text(self, result: GeneratedText, now: float) -> None:
        if not result.text or self._state is not _State.GENERATING:
            return
        message = self._open_message()
        if isinstance(message, SpokenMessage):
            message.add_text(result.text, now)
        else:
            message.add_text(result.text)

    def receive_call(self, result: GeneratedCall) -> None:
        if self._state is not _State.GENERATING or result.index in self._calls:
            return
        call_id = result.call_id or self._kit.ids.call()
        call = CallOutput(self._place(), result.name, call_id)
        self._calls[result.index] = call
        self._outputs.append(call)

    def receive_arguments(self, result: GeneratedArguments) -> None:
        call = self._calls.get(result.index)
        if call is not None and self._state is _State.GENERATING and result.arguments:
            call.add_arguments(result.arguments)

    def receive_generation_done(self, result: GenerationDone, now: float) -> None:
        if self._state is not _State.GENERATING:
            return
        self._generation = result
        self._state = _State.FINISHING
        for output in self._outputs:
            output.finish()
        if isinstance(self._message, SpokenMessage):
            self._message.speak(now)
        self._close_complete()

    def speaks(self, speech_id: str) -> bool:
        """Whether this response asked for that speech."""
        return isinstance(self._message, SpokenMessage) and self._message.owns(speech_id)

    def receive_audio(self, result: SpokenAudio, now: float) -> None:
        assert isinstance(self._message, SpokenMessage)
        self._message.receive_audio(result, now)

    def receive_speech_done(self, now: float) -> None:
        assert isinstance(self._message, SpokenMessage)
        self._message.end_piece(now)
        if self._state is _State.FINISHING:
            self._close_complete()

    def cancel(self, reason: CancelReason) -> None:
        """End it early, because the client asked or the user spoke."""
        self._stop()
        self._end("cancelled", StatusDetails("cancelled", reason=reason), "incomplete")

    def fail(self, code: str, message: str) -> None:
        """End it because a stage failed; `message` helps the one who must act."""
        self._stop()
        detail = FailureDetail("server_error", code, message)
        self._end("failed", StatusDetails("failed", error=detail), "incomplete")

    def next_deadline(self) -> float | None:
        return self._message.next_deadline() if isinstance(self._message, SpokenMessage) else None

    def handle_deadline(self, now: float) -> None:
        if not isinstance(self._message, SpokenMessage) or self.done:
            return
        self._message.speak(now)
        if self._state is _State.FINISHING:
            self._close_complete()  # what was left may have been blank

    # --- inside ---------------------------------------------------------------------------------------------

    def _entries(self) -> tuple[Entry, ...]:
        return tuple(self._conversation) if self.plan.input is None else self.plan.input

    def _model_context(self, entries: tuple[Entry, ...]) -> ModelContext:
        config = self.plan.config
        most = None if config.max_output_tokens == "inf" else config.max_output_tokens
        return ModelContext(
            instructions=config.instructions,
            items=context_items(entries, window_of(config, self._kit.limits.input_tokens)),
            knowledge=self._knowledge,
            tools=tuple(_tool(tool) for tool in config.tools if isinstance(tool, FunctionTool)),
            tool_choice=_tool_choice(config.tool_choice),
            parallel_tool_calls=config.parallel_tool_calls is not False,
            max_output_tokens=most,
            spoken=config.speaks,
        )

    def _place(self) -> Place:
        conversation = self._conversation if self.plan.in_conversation else None
        return Place(self._kit, self.id, len(self._outputs), conversation)

    def _open_message(self) -> TextMessage | SpokenMessage:
        if self._message is None:
            if self.plan.config.speaks:
                output = self.plan.config.audio.output
                voice = Voice(self.plan.voice, output.speed, AudioEncoder(output.format))
                self._message = SpokenMessage(self._place(), voice)
            else:
                self._message = TextMessage(self._place())
            self._outputs.append(self._message)
        return self._message

    def _close_complete(self) -> None:
        cut = self._generation.reason in ("length", "content_filter")
        while self._closed < len(self._outputs) and self._outputs[self._closed].complete:
            last = self._closed == len(self._outputs) - 1
            self._close_next("incomplete" if cut and last else "completed")
        if self._closed == len(self._outputs):
            self._end_as_generated()

    def _close_next(self, ending: Ending) -> None:
        self._outputs[self._closed].close(ending)
        self._closed += 1

    def _end_as_generated(self) -> None:
        match self._generation.reason:
            case "length":
                self._end("incomplete", StatusDetails("incomplete", reason="max_output_tokens"), "incomplete")
            case "content_filter":
                self._end("incomplete", StatusDetails("incomplete", reason="content_filter"), "incomplete")
            case _:
                self._end("completed", None, "completed")

    def _stop(self) -> None:
        if self._state is _State.GENERATING:
            self._kit.outbox.request(CancelGeneration(self.id))
        if isinstance(self._message, SpokenMessage):
            self._message.cancel()

    def _end(self, status: str, details: StatusDetails | None, ending: Ending) -> None:
        while self._closed < len(self._outputs):
            self._close_next(ending)
        self._state = _State.DONE
        self._status = status
        self._details = details
        self._usage = self._count()
        self._kit.outbox.emit(ResponseDone(self.wire()))
        self._kit.outbox.emit(RateLimitsUpdated(_RATE_LIMITS))

    def _count(self) -> Usage:
        if self._context is None:
            return Usage()
        used = input_usage(self._context, self._entries_before())
        return output_usage(used, [output.entry for output in self._outputs], self._generation)

    def _entries_before(self) -> list[Entry]:
        own = {output.entry.id for output in self._outputs}
        return [entry for entry in self._entries() if entry.id not in own]


def plan_response(config: SessionConfig, options: ResponseOptions | None) -> ResponsePlan:
    """Return the session's configuration with what `response.create` overrides; `input` is left to the caller."""
    if options is None:
        return ResponsePlan(config)
    output = config.audio.output
    if options.audio is not None and options.audio.output is not None:
        output = msgspec.structs.replace(
            output,
            format=options.audio.output.format or output.format,
            voice=options.audio.output.voice or output.voice,
        )
    changed = {name: value for name in _OVERRIDES if (value := getattr(options, name)) is not None}
    audio = msgspec.structs.replace(config.audio, output=output)
    plan = msgspec.structs.replace(config, audio=audio, **changed)
    return ResponsePlan(plan, options.metadata, options.conversation != "none")


_OVERRIDES = (
    "output_modalities",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_output_tokens",
    "reasoning",
    "prompt",
)


def _tool(tool: FunctionTool) -> Tool:
    return Tool(
        tool.name,
        "" if tool.description is UNSET else tool.description,
        {} if tool.parameters is UNSET else tool.parameters,
    )


def _tool_choice(choice: ToolChoiceParam) -> ToolChoice:
    if isinstance(choice, FunctionChoiceParam):
        return ToolChoice("required", choice.name)
    return ToolChoice(choice) if isinstance(choice, str) else ToolChoice()
