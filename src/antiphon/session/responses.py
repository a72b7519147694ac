"""The responses of a session: one at a time in the conversation, others beside it, and whose result is whose."""

from antiphon.errors import ClientEventError
from antiphon.session.context import Knowledge
from antiphon.session.conversation import Conversation, Entry
from antiphon.session.kit import Kit
from antiphon.session.response import CancelReason, Response, ResponsePlan
from antiphon.session.results import (
    GeneratedArguments,
    GeneratedCall,
    GeneratedText,
    GenerationDone,
    GenerationFailed,
    SpeechDone,
    SpeechFailed,
    SpokenAudio,
)
from antiphon.session.transcriptions import Transcriptions

GenerationResult = GeneratedText | GeneratedCall | GeneratedArguments | GenerationDone | GenerationFailed
SpeechResult = SpokenAudio | SpeechDone | SpeechFailed


class Responses:
    """Starts responses, hands them their results and forgets them when they are done.

    Args:
        kit: What every part of a session shares.
        conversation: The default conversation.
        transcriptions: Where the audio of a response's own input is transcribed.
        knowledge: What the agent knows.
    """

    def __init__(
        self, kit: Kit, conversation: Conversation, transcriptions: Transcriptions, knowledge: Knowledge
    ) -> None:
        self._kit = kit
        self._conversation = conversation
        self._transcriptions = transcriptions
        self._knowledge = knowledge
        self._running: dict[str, Response] = {}
        self._queued: ResponsePlan | None = None
        self.spoke = False  # audio was produced: the voice is settled
        self.last: Response | None = None  # the newest of the conversation

    @property
    def active(self) -> Response | None:
        """The response that is running in the conversation."""
        return next((response for response in self._running.values() if response.plan.in_conversation), None)

    def create(self, plan: ResponsePlan) -> None:
        """Begin a response.

        Raises:
            ClientEventError: The conversation has an active one, or too many run.
        """
        active = self.active
        if plan.in_conversation and active is not None:
            raise ClientEventError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        if len(self._running) >= self._kit.limits.responses:
            raise ClientEventError(
                "rate_limit_exceeded",
                f"{len(self._running)} responses are running, the most at once; wait until one is done.",
            )
        self._begin(plan)

    def create_for_turn(self, plan: ResponsePlan) -> None:
        """Begin a response to what the user said, at once or when the active one is done."""
        if self.active is not None:
            self._queued = plan
        else:
            self._begin(plan)

    def cancel(self, response_id: str | None) -> None:
        """Cancel a response at the client's wish: the named one, else the conversation's.

        Raises:
            ClientEventError: It is not running.
        """
        response = self.active if response_id is None else self._running.get(response_id)
        if response is None:
            which = "no active response found" if response_id is None else f"no active response '{response_id[:64]}'"
            raise ClientEventError("response_cancel_not_active", f"Cancellation failed: {which}")
        self._cancel(response, "client_cancelled")

    def interrupt(self) -> None:
        """The user speaks: end the conversation's response, and forget one that waits."""
        self._queued = None
        if (active := self.active) is not None:
            self._cancel(active, "turn_detected")

    def close(self) -> None:
        """Forget all without a word: the client is gone or its time is over."""
        self._running.clear()
        self._queued = None

    def input_entry(self, item_id: str) -> Entry | None:
        """Return an item that a running response brought along, outside the conversation."""
        inputs = (entry for response in self._running.values() for entry in response.plan.input or ())
        return next((entry for entry in inputs if entry.id == item_id), None)

    # --- what comes back ------------------------------------------------------------------------------------

    def handle_transcripts(self) -> None:
        """A transcript came or failed: responses may have waited for it."""
        for response in list(self._running.values()):
            response.begin_if_ready()
            self._settle(response)

    def receive_generation(self, result: GenerationResult, now: float) -> None:
        response = self._running.get(result.response_id)
        if response is None:
            return
        match result:
            case GeneratedText():
                response.receive_text(result, now)
            case GeneratedCall():
                response.receive_call(result)
            case GeneratedArguments():
                response.receive_arguments(result)
            case GenerationDone():
                response.receive_generation_done(result, now)
            case GenerationFailed():
                response.fail(result.code, result.message)
        self._settle(response)

    def receive_speech(self, result: SpeechResult, now: float) -> None:
        response = next((one for one in self._running.values() if one.speaks(result.speech_id)), None)
        if response is None:
            return
        match result:
            case SpokenAudio():
                self.spoke = True
                response.receive_audio(result, now)
            case SpeechDone():
                response.receive_speech_done(now)
            case SpeechFailed():
                response.fail(result.code, result.message)
        self._settle(response)

    def next_deadline(self) -> float | None:
        deadlines = (response.next_deadline() for response in self._running.values())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        for response in list(self._running.values()):
            response.handle_deadline(now)
            self._settle(response)

    # --- inside ---------------------------------------------------------------------------------------------

    def _begin(self, plan: ResponsePlan) -> None:
        response = Response(self._kit, self._conversation, plan, self._knowledge)
        self._running[response.id] = response
        if plan.in_conversation:
            self.last = response
        response.begin_if_ready()
        self._settle(response)

    def _forget_input(self, response: Response) -> None:
        # What only this response wanted to hear need not be transcribed any more.
        for entry in response.plan.input or ():
            if entry.awaits_transcript and self._conversation.get(entry.id) is not entry:
                self._transcriptions.forget(entry.id)

    def _cancel(self, response: Response, reason: CancelReason) -> None:
        response.cancel(reason)
        self._settle(response)

    def _settle(self, response: Response) -> None:
        if not response.done:
            return
        if self._running.pop(response.id, None) is not None:
            self._forget_input(response)
        if self._queued is not None and self.active is None:
            plan, self._queued = self._queued, None
            self._begin(plan)
