"""What a transcription server answers: a whole transcript, or one that grows. No I/O."""

import json
from collections.abc import Mapping
from typing import Any

from antiphon.stages.event_stream import MalformedStreamError, parse_object


class TranscriptReader:
    """Reads a transcript as servers stream it: OpenAI's events, chunks like a chat's, or whole segments.

    `text` is what came so far; `is_complete` says that the server called it final, `may_end` that the stream may end
    here: segments have no mark of their end.
    """

    def __init__(self) -> None:
        self._text = ""
        self.is_complete = False
        self.may_end = False

    @property
    def text(self) -> str:
        return self._text.strip()

    def read(self, data: str) -> None:
        """Take in one event.

        Raises:
            MalformedStreamError: It is not JSON, or not of a transcript.
            ServerReportedError: It is an error.
        """
        event = parse_object(data)
        match event:
            case {"type": "transcript.text.delta", "delta": str(delta)}:
                self._text += delta
            case {"type": "transcript.text.done"}:
                # What was streamed stands where a server repeats nothing.
                self._text, self.is_complete = str(event.get("text") or self._text), True
            case {"type": str(kind)} if kind.startswith("transcript."):
                pass  # segments and what may come; their words come as deltas as well
            case {"choices": [*choices]}:
                self._read_choices(choices)
            case {"text": str(segment)}:
                self._text, self.may_end = f"{self._text} {segment.strip()}", True
            case {"usage": _}:
                pass
            case _:
                raise MalformedStreamError(f"an event that is not of a transcript: {data[:80]!r}")

    def _read_choices(self, choices: list[Any]) -> None:
        for choice in choices[:1]:
            delta = choice.get("delta") if isinstance(choice, Mapping) else None
            content = delta.get("content") if isinstance(delta, Mapping) else None
            self._text += content if isinstance(content, str) else ""
            self.is_complete = self.is_complete or bool(isinstance(choice, Mapping) and choice.get("finish_reason"))


def whole_transcript(body: bytes, is_json: bool) -> str:
    """Return the text of an answer that is not streamed.

    Raises:
        MalformedStreamError: It is not a transcript.
        ServerReportedError: It is an error.
    """
    text = body.decode(errors="replace").strip()
    if not is_json and not text.startswith("{"):
        if text.startswith("<"):
            raise MalformedStreamError(f"a page: {text[:80]!r}")
        return text  # servers exist that know no format but plain text
    match parse_object(text):
        case {"text": str(found)}:
            return found.strip()
        case other:
            raise MalformedStreamError(f"an answer without a text: {json.dumps(other)[:80]!r}")
