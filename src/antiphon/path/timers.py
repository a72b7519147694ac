"""The deadlines of one call, by name."""


class Timers:
    """What is due when; `changed` tells the driver to look again."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self.changed = False

    def set(self, name: str, at: float | None) -> None:
        """Let `name` be due at `at`, or not at all."""
        if self._due.get(name) == at:
            return
        if at is None:
            del self._due[name]
        else:
            self._due[name] = at
        self.changed = True

    def next(self) -> float | None:
        """Return the earliest deadline."""
        return min(self._due.values(), default=None)

    def take_due(self, now: float) -> list[str]:
        """Take out what is due, earliest first."""
        due = sorted((at, name) for name, at in self._due.items() if at <= now)
        for _, name in due:
            self.set(name, None)
        return [name for _, name in due]

    def clear(self) -> None:
        self._due.clear()
        self.changed = True
