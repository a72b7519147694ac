"""Speech to text with PocketSphinx: English, on the CPU, with its wheel's models; shaped by what the agent knows."""

import asyncio
import ctypes
import logging
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from antiphon.errors import StageError
from antiphon.session.context import TranscriptionHint
from antiphon.stages.base import Transcript
from antiphon.stages.stt.decoder_pool import DecoderPool, Seat
from antiphon.stages.stt.language_model import DomainModel, domain_model, model_name
from antiphon.stages.stt.pronunciation import Dictionary
from antiphon.stages.stt.sphinx_library import RATE, STAGE, Decoder, load_library, package_folder
from antiphon.stages.stt.utterance import SAMPLE_BYTES, SLICE_BYTES, Utterance

log = logging.getLogger(__name__)

# The mean of the voice's cepstra must be known before decoding begins (cepstral_mean.py); a second tells enough.
_FIRST_BYTES = RATE * SAMPLE_BYTES
_BASE_HINT = TranscriptionHint()
_BASE = model_name(_BASE_HINT)

_Result = TypeVar("_Result")


class Submit(Protocol):
    """Runs work in one of the stage's threads."""

    def __call__(self, work: Callable[[], _Result], /) -> "asyncio.Future[_Result]": ...


@dataclass(frozen=True)
class PocketSphinxSettings:
    """How the stage runs.

    Args:
        decoders: Decoders loaded at the start; None is one for each core.
        most_decoders: Further ones are loaded when calls must wait, up to this many; each takes about 130 MB. None is
            `decoders`, or four for each core where that is None: live speech keeps one busy an eighth of its time.
        general_weight: Share of the general English model in the mixture with what the agent's users say.
        second_pass: Search each utterance again when it ended: 1 of 100 words better and 0.1 to 0.6 s later.
        prepared: Language models that each decoder keeps, for the agents used last.
        segment_seconds: Longer utterances are finalised in pieces of this length, so that the end stays near.
        waiting_seconds: Audio that an utterance may have waiting for a decoder; with more it fails, `overloaded`.
    """

    decoders: int | None = None
    most_decoders: int | None = None
    general_weight: float = 0.99
    second_pass: bool = False
    prepared: int = 3
    segment_seconds: float = 30.0
    waiting_seconds: float = 120.0

    @property
    def first(self) -> int:
        """Decoders to load at the start."""
        return self.decoders or _cores()

    @property
    def most(self) -> int:
        """Decoders to have at most."""
        return max(self.most_decoders or self.decoders or 4 * self.first, self.first)


class PocketSphinx:
    """The embedded recogniser. Sessions share its decoders, which run in threads with the interpreter released."""

    def __init__(self, settings: PocketSphinxSettings | None = None) -> None:
        self._settings = settings or PocketSphinxSettings()
        self._pool = DecoderPool()
        self._seats: list[Seat] = []
        self._threads: ThreadPoolExecutor | None = None
        self._dictionary: Dictionary | None = None
        self._models: OrderedDict[str, asyncio.Future[DomainModel]] = OrderedDict()
        self._streams: set[PocketSphinxStream] = set()
        self._load: Callable[[], Seat] = _not_loaded
        self._growing: asyncio.Future[Seat] | None = None

    @property
    def rate(self) -> int:
        return RATE

    async def start(self) -> None:
        """Load the first decoders and warm them; about a second.

        Raises:
            MissingExtraError: The package is not installed.
            StageError: `unsupported_platform`, or `decoder_failed`.
        """
        if self._threads is not None:
            return
        package = package_folder()
        # One thread more builds language models.
        self._threads = ThreadPoolExecutor(self._settings.most + 1, thread_name_prefix="stt")
        try:
            library = load_library(package)
            folder = package / "model" / "en-us"
            self._dictionary = await self._submit(lambda: Dictionary.read(folder / "cmudict-en-us.dict"))
            base = await self._model(_BASE, _BASE_HINT)

            self._load = partial(self._loaded, library, folder, base)
            self._seats = list(await asyncio.gather(*(self._submit(self._load) for _ in range(self._settings.first))))
        except BaseException:
            await self.close()
            raise
        self._pool = DecoderPool(self._seats, self._grow)

    async def close(self) -> None:
        if self._threads is None:
            return
        streams = list(self._streams)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*(stream.ended() for stream in streams))
        if self._growing is not None:
            await asyncio.wait([self._growing])
        threads, self._threads = self._threads, None
        await asyncio.to_thread(threads.shutdown)
        for seat in self._seats:
            seat.decoder.close()
        self._seats, self._pool = [], DecoderPool()
        self._models.clear()

    async def prepare(self, hint: TranscriptionHint) -> None:
        """Build the language model for `hint` and install it in every decoder that is free; others follow in use.

        Raises:
            StageError: `language_not_supported` or `not_started`.
        """
        _check_language(hint)
        name = model_name(hint)
        model = await self._model(name, hint)
        while (seat := self._pool.take_without(name)) is not None:
            work = self._submit(lambda seat=seat: seat.install(name, model))  # type: ignore[misc]
            work.add_done_callback(lambda _, seat=seat: self._pool.give_back(seat))  # type: ignore[misc]
            await asyncio.shield(work)

    def open(self, hint: TranscriptionHint) -> "PocketSphinxStream":
        """Begin an utterance; when the model for `hint` is not built yet, with general conversation.

        Raises:
            StageError: `language_not_supported` or `not_started`.
        """
        _check_language(hint)
        name = model_name(hint)
        model = self._built(name)
        if model is None:
            name, model = _BASE, self._built(_BASE)
        if model is None:
            raise _not_started()
        stream = PocketSphinxStream(self._pool, self._submit, name, model, self._settings)
        self._streams.add(stream)
        stream.start(self._streams.discard)
        return stream

    def _loaded(self, library: ctypes.CDLL, folder: Path, base: DomainModel) -> Seat:
        """Return a new decoder, warm. Runs in a thread."""
        seat = Seat(
            Decoder(library, folder, self._settings.second_pass), self._settings.general_weight, self._settings.prepared
        )
        seat.install(_BASE, base)
        Utterance(seat.decoder, _BASE, 1.0).finish(bytes(2 * _FIRST_BYTES))
        return seat

    def _grow(self) -> None:
        """Somebody waits for a decoder: load one more if there may be more; one at a time, as it keeps a core busy."""
        if self._growing is not None or len(self._seats) >= self._settings.most:
            return
        thread = ThreadPoolExecutor(1, "stt-load", initializer=_give_way)
        self._growing = asyncio.get_running_loop().run_in_executor(thread, self._load)
        self._growing.add_done_callback(self._grown)
        thread.shutdown(wait=False)

    def _grown(self, growing: "asyncio.Future[Seat]") -> None:
        self._growing = None
        if growing.cancelled() or (error := growing.exception()) is not None:
            log.warning(
                "stt pocketsphinx: no further decoder could be loaded: %s",
                "cancelled" if growing.cancelled() else error,
            )
            return
        seat = growing.result()
        self._seats.append(seat)
        self._pool.give_back(seat)

    def _submit(self, work: Callable[[], _Result]) -> "asyncio.Future[_Result]":
        if self._threads is None:
            raise _not_started()
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _model(self, name: str, hint: TranscriptionHint) -> DomainModel:
        """Build a model, once though many ask; forget those used longest ago."""
        dictionary = self._dictionary
        if dictionary is None:
            raise _not_started()
        if name not in self._models:
            self._models[name] = self._submit(lambda: domain_model(hint, dictionary))
        self._models.move_to_end(name)
        while len(self._models) > 4 * self._settings.prepared + 1:
            self._models.pop(next(other for other in self._models if other != _BASE))
        return await asyncio.shield(self._models[name])

    def _built(self, name: str) -> DomainModel | None:
        future = self._models.get(name)
        if future is None or not future.done():
            return None
        self._models.move_to_end(name)
        return future.result()


class PocketSphinxStream:
    """One utterance: queues audio, lends a decoder for it, and keeps the newest hypothesis."""

    def __init__(
        self, pool: DecoderPool, submit: Submit, name: str, model: DomainModel, settings: PocketSphinxSettings
    ) -> None:
        self._pool = pool
        self._submit = submit
        self._name = name
        self._model = model
        self._settings = settings
        self._queued = bytearray()
        self._fed_bytes = 0
        self._finishing = False
        self._cancelled = False
        self._overloaded = False
        self._news = asyncio.Event()  # for the task: audio, or an end
        self._partial = ""
        self._partial_news = asyncio.Event()
        self._lease = pool.take(name)
        self._utterance: Utterance | None = None
        self._task: asyncio.Task[str] | None = None

    def start(self, on_end: Callable[["PocketSphinxStream"], None]) -> None:
        """Begin to decode; `on_end` is called when the decoder is free again."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda task: self._end(task, on_end))

    def feed(self, pcm: bytes) -> None:
        if self._cancelled or self._finishing or self._overloaded:
            return
        self._fed_bytes += len(pcm)
        self._queued += pcm
        if len(self._queued) > self._settings.waiting_seconds * RATE * SAMPLE_BYTES:
            self._overloaded = True
            self._queued.clear()
            self._lease.cancel()
        self._news.set()

    async def partials(self) -> AsyncIterator[str]:
        told = ""
        while not self._is_ended():
            if self._partial != told:
                told = self._partial
                yield told
            else:
                self._partial_news.clear()
                await self._partial_news.wait()

    async def finish(self) -> Transcript:
        """End the utterance and return what was said; "" after `cancel`.

        Raises:
            StageError: `overloaded`, or `decoder_failed`.
        """
        assert self._task is not None
        self._finishing = True
        self._news.set()
        text = await asyncio.shield(self._task)
        return Transcript(text, self._fed_bytes / SAMPLE_BYTES / RATE, "en")

    def cancel(self) -> None:
        self._cancelled = True
        self._queued.clear()
        if self._utterance is not None:
            self._utterance.cancel()
        self._lease.cancel()
        self._news.set()
        self._partial_news.set()

    async def ended(self) -> None:
        """Return when the decoder is free again."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> str:
        try:
            seat = await self._lease
        except asyncio.CancelledError:
            if self._overloaded:
                raise self._overload() from None
            return ""
        try:
            return await self._decode(seat)
        finally:
            self._pool.give_back(seat)

    async def _decode(self, seat: Seat) -> str:
        # The model is installed, if this decoder lacks it, while the first second of audio comes in.
        utterance = self._utterance = await self._submit(lambda: self._begin(seat))
        wanted = _FIRST_BYTES
        while await self._audio(wanted):
            pcm = self._take_samples()
            self._hear(await self._submit(lambda pcm=pcm: utterance.decode(pcm)))  # type: ignore[misc]
            wanted = SLICE_BYTES
        if self._cancelled or self._overloaded:
            await self._submit(utterance.abandon)
            if self._overloaded:
                raise self._overload()
            return ""
        pcm = self._take_samples()
        return await self._submit(lambda: utterance.finish(pcm))

    def _begin(self, seat: Seat) -> Utterance:
        seat.install(self._name, self._model)
        return Utterance(seat.decoder, self._name, self._settings.segment_seconds)

    async def _audio(self, wanted: int) -> bool:
        """Wait for this many bytes; False when the utterance ended first, in whatever way."""
        while not (self._finishing or self._cancelled or self._overloaded):
            if len(self._queued) >= wanted:
                return True
            self._news.clear()
            await self._news.wait()
        return False

    def _take_samples(self) -> bytes:
        whole = len(self._queued) // SAMPLE_BYTES * SAMPLE_BYTES
        pcm = bytes(self._queued[:whole])
        del self._queued[:whole]
        return pcm

    def _hear(self, text: str) -> None:
        if text != self._partial:
            self._partial = text
            self._partial_news.set()

    def _is_ended(self) -> bool:
        return self._cancelled or (self._task is not None and self._task.done())

    def _end(self, task: asyncio.Task[str], on_end: Callable[["PocketSphinxStream"], None]) -> None:
        if not task.cancelled():
            task.exception()  # `finish` raises it; an utterance that nobody finishes may fail unheard
        self._partial_news.set()
        on_end(self)

    def _overload(self) -> StageError:
        return StageError(
            STAGE,
            f"more than {self._settings.waiting_seconds:g} s of audio waited for a decoder; give the stage more"
            " decoders, or send this machine fewer calls",
            "overloaded",
        )


def _cores() -> int:
    """Return the cores that this process may use: in a container often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _give_way() -> None:
    # Loading takes a core for a second, just when there is too much to do; on Linux a thread can stand back.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _not_loaded() -> Seat:
    raise _not_started()


def _check_language(hint: TranscriptionHint) -> None:
    if hint.language is not None and hint.language.lower().replace("_", "-").split("-")[0] != "en":
        raise StageError(
            STAGE,
            f"language {hint.language!r} is not supported, only English is; use 'en', or configure another STT stage,"
            " such as faster-whisper or an OpenAI-compatible server",
            "language_not_supported",
        )


def _not_started() -> StageError:
    return StageError(STAGE, "it is not started; await start() first", "not_started")
