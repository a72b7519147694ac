"""The recogniser's decoders, shared by all sessions: each serves one utterance at a time."""

import asyncio
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from antiphon.stages.stt.language_model import DomainModel
from antiphon.stages.stt.sphinx_library import Decoder

_MOST_ADDED_WORDS = 5000  # words that one decoder can be taught; it cannot forget them


class Seat:
    """A decoder with the language models that it has; one thread at a time.

    Args:
        decoder: Loaded, with no language model yet.
        general_weight: Share of the general English model in each mixture.
        kept: Models kept besides the first; the one used longest ago goes.
    """

    def __init__(self, decoder: Decoder, general_weight: float, kept: int) -> None:
        self.decoder = decoder
        self._general_weight = general_weight
        self._kept = kept
        self._models: list[str] = []  # the one used last at the end; the first stays

    def __contains__(self, name: str) -> bool:
        return name in self._models

    def install(self, name: str, model: DomainModel) -> None:
        """Make `model` available as `name`: 0.3 s, or nothing when it is there already."""
        if name in self._models:
            self._touch(name)
            return
        for word, phones in model.pronunciations.items():
            if len(self.decoder.added_words) < _MOST_ADDED_WORDS:
                self.decoder.add_word(word, phones)
        with tempfile.TemporaryDirectory(prefix="antiphon-stt-") as folder:
            arpa = Path(folder) / "domain.arpa"
            arpa.write_text(model.arpa, encoding="utf-8")
            self.decoder.install(name, arpa, self._general_weight)
        self._models.append(name)
        while len(self._models) > self._kept + 1:
            self.decoder.remove(self._models.pop(1))

    def _touch(self, name: str) -> None:
        if name != self._models[0]:
            self._models.remove(name)
            self._models.append(name)


class DecoderPool:
    """Lends seats in the order that they were asked for. On the event loop.

    Args:
        seats: The seats to begin with.
        grow: Called when somebody must wait; may `give_back` a new seat later.
    """

    def __init__(self, seats: Sequence[Seat] = (), grow: Callable[[], None] | None = None) -> None:
        self._idle = list(seats)
        self._grow = grow
        self._waiting: deque[asyncio.Future[Seat]] = deque()

    def take(self, model: str) -> asyncio.Future[Seat]:
        """Return a seat to come, at once one that has `model` if such a one is free; cancel it if unwanted."""
        future: asyncio.Future[Seat] = asyncio.get_running_loop().create_future()
        if self._idle:
            seat = next((seat for seat in self._idle if model in seat), self._idle[0])
            self._idle.remove(seat)
            future.set_result(seat)
        else:
            self._waiting.append(future)
            if self._grow is not None:
                self._grow()
        return future

    def take_without(self, model: str) -> Seat | None:
        """Return a free seat that lacks `model`, or None."""
        seat = next((seat for seat in self._idle if model not in seat), None)
        if seat is not None:
            self._idle.remove(seat)
        return seat

    def give_back(self, seat: Seat) -> None:
        """Lend `seat` to whoever waits longest, or keep it."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(seat)
                return
        self._idle.append(seat)
