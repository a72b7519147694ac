"""One turn of a conversation: a question, and the response that answers it."""

from dataclasses import dataclass, field

from antiphon.talk.outputs import TurnDone


@dataclass
class Turn:
    """What is known of a turn so far; times are on the session's clock, in seconds.

    Args:
        number: From 1.
        asked: Whether the question is out as a whole.
        speech_end: When the user's last sample, or text, was sent; None until known.
    """

    number: int
    asked: bool = False
    speech_end: float | None = None
    silence_ms: int | None = None
    text: str | None = None
    transcripts: dict[str, str] = field(default_factory=dict)
    untranscribed: set[str] = field(default_factory=set)
    response_id: str | None = None
    status: str | None = None
    reason: str | None = None
    tool_calls: int = 0
    done_at: float = 0.0
    first_audio: float | None = None
    first_text: float | None = None
    _parts: dict[tuple[str, int], str] = field(default_factory=dict)

    @property
    def question(self) -> str:
        spoken = " ".join(text.strip() for text in self.transcripts.values() if text.strip())
        return self.text if self.text is not None else spoken

    @property
    def answer(self) -> str:
        return " ".join(text.strip() for text in self._parts.values() if text.strip())

    def begin_response(self, response_id: str) -> None:
        """Take a new response as the answer; what an earlier one said stays only if that one called a tool."""
        self.response_id = response_id
        self.status = self.reason = None
        if not self.tool_calls:
            self._parts.clear()
            self.first_audio = self.first_text = None

    def add_answer(self, key: tuple[str, int], delta: str, now: float) -> None:
        if self.first_text is None:
            self.first_text = now
        self._parts[key] = self._parts.get(key, "") + delta

    def set_answer(self, key: tuple[str, int], text: str) -> None:
        self._parts[key] = text

    def end(self, status: str, reason: str | None, now: float) -> None:
        self.status, self.reason, self.done_at = status, reason, now

    def result(self) -> TurnDone:
        return TurnDone(
            turn=self.number,
            question=self.question,
            answer=self.answer,
            status=self.status or "unanswered",
            reason=self.reason,
            first_audio_ms=self._latency_ms(self.first_audio),
            first_text_ms=self._latency_ms(self.first_text),
            silence_ms=self.silence_ms,
        )

    def _latency_ms(self, moment: float | None) -> int | None:
        # An answer from before the end of speech answers a pause inside the question: there is nothing to measure.
        if moment is None or self.speech_end is None or moment < self.speech_end:
            return None
        return round((moment - self.speech_end) * 1000)
