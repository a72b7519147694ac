"""RNNoise's shared library, as the package pyrnnoise brings it.

The package's own Python code is not imported: it wants matplotlib, PyAV and a score more for what is not needed here.
"""

import ctypes
import sys
import weakref
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from antiphon.errors import MissingExtraError, StageError

STAGE = "noise rnnoise"
RATE = 48_000
FRAME_SAMPLES = 480
# Two overlapping windows of 10 ms each: what goes in comes out this much later.
DELAY_SAMPLES = 2 * FRAME_SAMPLES
_FRAME_BYTES = FRAME_SAMPLES * 4
_FILES = {"darwin": "librnnoise.dylib", "win32": "rnnoise.dll"}


def load_library() -> ctypes.CDLL:
    """Load the library; calls into it let other threads run.

    Raises:
        MissingExtraError: The package is not installed.
        StageError: It is, but its library does not work here.
    """
    spec = find_spec("pyrnnoise")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(STAGE, "pyrnnoise", "noise")
    path = Path(spec.submodule_search_locations[0]) / _FILES.get(sys.platform, "librnnoise.so")
    try:
        library = ctypes.CDLL(str(path))
        return _declare(library)
    except (OSError, AttributeError) as error:
        raise StageError(
            STAGE, f"{path} cannot be used ({error}); reinstall pyrnnoise, version 0.4", "library_failed"
        ) from error


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    library.rnnoise_create.argtypes, library.rnnoise_create.restype = [ctypes.c_void_p], ctypes.c_void_p
    library.rnnoise_init.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.rnnoise_destroy.argtypes, library.rnnoise_destroy.restype = [ctypes.c_void_p], None
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.rnnoise_process_frame.restype = ctypes.c_float
    if (samples := library.rnnoise_get_frame_size()) != FRAME_SAMPLES:
        raise OSError(f"its frames have {samples} samples instead of {FRAME_SAMPLES}")
    return library


class Denoiser:
    """The network's memory for one stream, 32 KB; used by one thread at a time."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._state = library.rnnoise_create(None)
        if not self._state:
            raise StageError(STAGE, "no memory for one more stream; allow fewer sessions", "no_memory")
        self._free = weakref.finalize(self, library.rnnoise_destroy, self._state)

    def denoise(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `samples` without noise, `DELAY_SAMPLES` later.

        Args:
            samples: float32, (whole frames of 480,), 48000 Hz, in [-32768, 32767].
        """
        assert self._free.alive
        given, cleaned = np.ascontiguousarray(samples), np.empty_like(samples)
        source, target = given.ctypes.data, cleaned.ctypes.data
        for start in range(0, given.size * 4, _FRAME_BYTES):
            self._library.rnnoise_process_frame(self._state, target + start, source + start)
        return cleaned

    def reset(self) -> None:
        """Forget what was heard."""
        self._library.rnnoise_init(self._state, None)

    def close(self) -> None:
        """Free the memory; safe to call twice."""
        self._free()
