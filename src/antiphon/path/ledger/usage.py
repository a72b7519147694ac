"""What a conversation used: the sums of what the servers said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class UsageTotals:
    """Totals over all legs.

    Args:
        responses: How many responses told their usage.
        response: Sums of their `usage`, nested as in `response.done`.
        transcription: Sums of the usage of transcriptions: tokens or `seconds`.
    """

    responses: int = 0
    response: dict[str, Any] = field(default_factory=dict)
    transcription: dict[str, Any] = field(default_factory=dict)

    def add_response(self, usage: Any) -> None:
        """Add the usage of a response; null, as of one that was cut, adds nothing."""
        if isinstance(usage, Mapping):
            self.responses += 1
            _add(self.response, usage)

    def add_transcription(self, usage: Any) -> None:
        if isinstance(usage, Mapping):
            _add(self.transcription, usage)


def _add(total: dict[str, Any], usage: Mapping[str, Any]) -> None:
    for key, value in usage.items():
        if isinstance(value, Mapping):
            inner = total.setdefault(key, {})
            if isinstance(inner, dict):
                _add(inner, value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            before = total.get(key, 0)
            total[key] = before + value if isinstance(before, int | float) else value
