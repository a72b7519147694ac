"""Whether a leg that says nothing is still there: pure, told now and then what was heard and what could be expected.

Most of what a server says is owed to somebody: a response, an answer to an event. While the user only speaks, or the
client only streams silence, nothing is, and a server that is stuck looks like one that listens; so it is asked.
"""

from enum import Enum, auto


class Verdict(Enum):
    """What is to be done about a leg."""

    WELL = auto()
    ASK = auto()  # for an answer that costs nothing
    DEAD = auto()


class Watchdog:
    """One leg's silence.

    `heard` is set whenever anything came, `answers` once the leg has answered when it was asked: some servers never do.
    """

    __slots__ = ("_asked", "_since", "answers", "heard")

    def __init__(self) -> None:
        self.heard = False
        self.answers = False
        self._asked = False
        self._since: float | None = None

    def look(self, now: float, patience: float, *, owes: bool, turn: bool, streams: bool) -> Verdict:
        """Judge the leg; to be called several times within `patience` seconds.

        Args:
            now: In seconds.
            patience: How long it may say nothing.
            owes: Whether it has something to say.
            turn: Whether the user's turn is open: the leg told its beginning, and owes its end some time.
            streams: Whether audio was sent since the last look.
        """
        heard, self.heard = self.heard, False
        if heard:
            self._asked = False
        if heard or not (owes or turn or streams):
            self._since = None
            return Verdict.WELL
        if self._since is None:
            self._since = now - patience / 4  # the silence began between the last look and this one
        if now - self._since < patience:
            return Verdict.WELL
        if owes or (self._asked and (turn or self.answers)):
            return Verdict.DEAD
        if self._asked:
            return Verdict.WELL
        self._asked, self._since = True, now
        return Verdict.ASK
