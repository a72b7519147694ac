"""The session's configuration: what the client asked for, and what the server showed of the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.protocol.config import ECHOED_KEYS, TELEPHONE_RATE, WIRE_RATE

# The objects whose fields a session.update merges one by one; every other value is replaced as a whole.
_MERGED_PATHS = ("audio", "audio.input", "audio.output")
_NO_MAPPING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class AudioForm:
    """An audio format as far as sizes go: its type on the wire, bytes a second, bytes a sample."""

    type: str = "audio/pcm"
    bytes_per_second: int = WIRE_RATE * 2
    sample_bytes: int = 2

    def bytes_at(self, ms: float) -> int:
        """Return how many bytes last `ms`, a whole number of samples."""
        return round(ms * self.bytes_per_second / 1000) // self.sample_bytes * self.sample_bytes

    def milliseconds(self, size: int) -> float:
        """Return how long `size` bytes last."""
        return size * 1000 / self.bytes_per_second


def audio_form(value: Any) -> AudioForm:
    """Return the form of a GA format object; the default for anything else."""
    if not isinstance(value, Mapping):
        return AudioForm()
    if value.get("type") in ("audio/pcmu", "audio/pcma"):
        return AudioForm(value["type"], TELEPHONE_RATE, 1)
    rate = value.get("rate")
    # Some servers speak 16000 Hz.
    return AudioForm("audio/pcm", (rate if isinstance(rate, int) and rate > 0 else WIRE_RATE) * 2)


class Configuration:
    """What is asked and what holds.

    Args:
        asked: What the client asked for before its first `session.update`, as with its client secret.
        transcribes_only: Whether this is a transcription session.
    """

    def __init__(self, asked: Mapping[str, Any] | None, transcribes_only: bool) -> None:
        self.asked: dict[str, Any] = {"type": "transcription" if transcribes_only else "realtime"}
        self._shown: dict[str, Any] = {}
        self.merge(asked or {})

    def merge(self, update: Mapping[str, Any]) -> None:
        """Take over a partial GA session, but for the model and what only servers set: every leg has its own."""
        plain = {key: value for key, value in update.items() if key not in ECHOED_KEYS}
        self.asked = _merged(self.asked, plain, "")

    def show(self, session: Mapping[str, Any]) -> None:
        """Note what holds, as the server showed it."""
        self._shown = {key: session.get(key) for key in ("audio", "model", "truncation")}

    @property
    def input_form(self) -> AudioForm:
        return audio_form(self._effective("audio", "input", "format"))

    @property
    def output_form(self) -> AudioForm:
        return audio_form(self._effective("audio", "output", "format"))

    @property
    def model(self) -> str | None:
        value = self._shown.get("model")
        return value if isinstance(value, str) else None

    @property
    def transcription(self) -> Mapping[str, Any] | None:
        value = self._effective("audio", "input", "transcription")
        return value if isinstance(value, Mapping) else None

    @property
    def turn_detection(self) -> dict[str, Any] | None:
        """What detects turns, None when the client does; null is a value of its own here, not the default."""
        asked, wanted = _look(self.asked, "audio", "input", "turn_detection")
        known, shown = _look(self._shown, "audio", "input", "turn_detection")
        if not asked:
            return dict(shown) if isinstance(shown, Mapping) else None if known else {"type": "server_vad"}
        if not isinstance(wanted, Mapping):
            return None
        same = isinstance(shown, Mapping) and shown.get("type") == wanted.get("type")
        return {**(shown if same else {}), **{key: value for key, value in wanted.items() if value is not None}}

    @property
    def token_limit(self) -> int | None:
        """How many tokens of conversation the client wants the model to see; None for all."""
        limits = _look({"truncation": self._effective("truncation")}, "truncation", "token_limits")[1]
        value = limits.get("post_instructions") if isinstance(limits, Mapping) else None
        return value if isinstance(value, int) else None

    def _effective(self, *path: str) -> Any:
        asked = _look(self.asked, *path)[1]
        return _look(self._shown, *path)[1] if asked is None else asked


def _merged(base: Mapping[str, Any], update: Mapping[str, Any], path: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in update.items():
        below = f"{path}.{key}" if path else key
        if below in _MERGED_PATHS and isinstance(value, Mapping):
            before = base.get(key)
            merged[key] = _merged(before if isinstance(before, Mapping) else _NO_MAPPING, value, below)
        else:
            merged[key] = value
    return merged


def _look(tree: Any, *path: str) -> tuple[bool, Any]:
    # Whether something stands there, null included, and what.
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return False, None
        tree = tree[key]
    return True, tree
