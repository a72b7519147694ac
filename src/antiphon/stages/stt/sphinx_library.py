"""PocketSphinx through the C functions that its Python extension exports, called with the interpreter released.

The extension's own Python API holds the interpreter while it decodes and cannot mix two language models. ctypes
releases it, and the C functions can do both.
"""

import ctypes
import importlib.util
import json
from collections.abc import Mapping
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_int32, c_size_t, c_void_p
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from antiphon.errors import MissingExtraError, StageError

STAGE = "stt pocketsphinx"
RATE = 16000  # Hz, of the bundled acoustic model
CEPSTRA = 13  # coefficients of one frame
FRAME_SAMPLES = RATE // 100
_NGRAM_AUTO = 0  # ngram_file_type_t: tell the format by the file's name

# name: (result, arguments); from include/pocketsphinx.h, pocketsphinx/model.h and fe/fe.h of version 5.1
_FUNCTIONS: Mapping[str, tuple[type | None, tuple[type, ...]]] = {
    "err_set_loglevel_str": (c_char_p, (c_char_p,)),
    "ps_config_parse_json": (c_void_p, (c_void_p, c_char_p)),
    "ps_config_free": (c_int, (c_void_p,)),
    "ps_init": (c_void_p, (c_void_p,)),
    "ps_free": (c_int, (c_void_p,)),
    "ps_get_logmath": (c_void_p, (c_void_p,)),
    "ps_add_word": (c_int, (c_void_p, c_char_p, c_char_p, c_int)),
    "ps_add_lm": (c_int, (c_void_p, c_char_p, c_void_p)),
    "ps_activate_search": (c_int, (c_void_p, c_char_p)),
    "ps_remove_search": (c_int, (c_void_p, c_char_p)),
    "ps_start_stream": (c_int, (c_void_p,)),
    "ps_start_utt": (c_int, (c_void_p,)),
    "ps_process_raw": (c_int, (c_void_p, c_char_p, c_size_t, c_int, c_int)),
    "ps_end_utt": (c_int, (c_void_p,)),
    "ps_get_hyp": (c_char_p, (c_void_p, c_void_p)),
    "ps_set_cmn": (c_int, (c_void_p, c_char_p)),
    "ngram_model_read": (c_void_p, (c_void_p, c_char_p, c_int, c_void_p)),
    "ngram_model_free": (c_int, (c_void_p,)),
    "ngram_model_set_init": (
        c_void_p,
        (c_void_p, POINTER(c_void_p), POINTER(c_char_p), POINTER(c_float), c_int32),
    ),
    "fe_init_auto_r": (c_void_p, (c_void_p,)),
    "fe_free": (c_int, (c_void_p,)),
    "fe_start_utt": (c_int, (c_void_p,)),
    "fe_process_frames_int16": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
}


def package_folder() -> Path:
    """Return where the `pocketsphinx` package is installed.

    Raises:
        MissingExtraError: It is not.
    """
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(STAGE, "pocketsphinx", "pocketsphinx")
    return Path(spec.submodule_search_locations[0])


def load_library(folder: Path) -> ctypes.CDLL:
    """Load the extension in `folder` and describe its C functions to ctypes.

    Raises:
        StageError: `unsupported_platform`: there is no extension, or it keeps its C functions to itself.
    """
    library = ctypes.CDLL(str(_extension(folder)))
    missing = [name for name in _FUNCTIONS if not hasattr(library, name)]
    if missing:
        raise StageError(
            STAGE,
            f"this platform's pocketsphinx wheel does not export {', '.join(missing[:3])}"
            f"{' and others' if len(missing) > 3 else ''}; install pocketsphinx 5.1 built for Linux or macOS,"
            " or choose another STT stage",
            "unsupported_platform",
        )
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.err_set_loglevel_str(b"FATAL")  # everything less is reported by return values
    return library


def _extension(folder: Path) -> Path:
    for suffix in EXTENSION_SUFFIXES:
        path = folder / f"_pocketsphinx{suffix}"
        if path.exists():
            return path
    raise StageError(
        STAGE,
        f"no compiled extension for this Python in {folder}; reinstall pocketsphinx, or choose another STT stage",
        "unsupported_platform",
    )


# lw is the least wrong of the language weights tried. The other two bound the hypotheses of a frame and the words that
# end in it: unbounded, speech in room noise takes twice as long as it lasted and its final result comes 8 s late;
# bounded, both are fast, and clear speech is understood as well.
SETTINGS: Mapping[str, object] = {"lw": 5.0, "maxhmmpf": 3000, "maxwpf": 40}


class Decoder:
    """One recogniser with the general English model; used by one thread at a time, of any thread.

    Args:
        library: From `load_library`.
        model: Folder with `en-us`, `en-us.lm.bin` and the dictionary, as in the wheel.
        second_pass: Search each utterance again when it ended; about 1 of 100 words better, 0.1 to 0.6 s later.
    """

    def __init__(self, library: ctypes.CDLL, model: Path, second_pass: bool = False) -> None:
        self._library = library
        paths = {"hmm": str(model / "en-us"), "dict": str(model / "cmudict-en-us.dict")}
        text = json.dumps({**paths, **SETTINGS, "fwdflat": second_pass, "loglevel": "FATAL"})
        self._config = _pointer(library.ps_config_parse_json(None, text.encode()), "read its settings")
        self._decoder = _pointer(library.ps_init(self._config), f"load the acoustic model in {model}")
        self._general = self._read_model(model / "en-us.lm.bin")
        self._front_end: int | None = None
        self._in_utterance = False
        self.added_words: set[str] = set()

    def close(self) -> None:
        """Free everything; the decoder must not be used again."""
        if self._decoder:
            self._free_front_end()
            self._library.ngram_model_free(self._general)
            self._library.ps_free(self._decoder)
            self._library.ps_config_free(self._config)
            self._decoder = 0

    def add_word(self, word: str, phones: str) -> None:
        """Teach a word; call it before `install` of a model that has the word."""
        if word not in self.added_words:
            _check(self._library.ps_add_word(self._decoder, word.encode(), phones.encode(), 0), f"add {word!r}")
            self.added_words.add(word)

    def install_general(self, name: str) -> None:
        """Make the general model available alone, as `name`."""
        _check(self._library.ps_add_lm(self._decoder, name.encode(), self._general), "install its language model")

    def install(self, name: str, arpa: Path, general_weight: float) -> None:
        """Mix the model in the ARPA file with the general one and make the mixture available as `name`."""
        domain = self._read_model(arpa)
        models = (c_void_p * 2)(self._general, domain)
        names = (c_char_p * 2)(b"general", b"domain")
        weights = (c_float * 2)(general_weight, 1 - general_weight)
        mixed = _pointer(
            self._library.ngram_model_set_init(self._config, models, names, weights, 2), "mix its language models"
        )
        added = self._library.ps_add_lm(self._decoder, name.encode(), mixed)
        self._library.ngram_model_free(mixed)  # the search keeps what it needs
        self._library.ngram_model_free(domain)
        _check(added, "install its language model")

    def remove(self, name: str) -> None:
        """Forget a model; the one in use must not be removed during an utterance."""
        _check(self._library.ps_remove_search(self._decoder, name.encode()), f"remove the model {name!r}")

    def begin(self, name: str) -> None:
        """Begin an utterance with the model `name`, knowing nothing of earlier ones."""
        if self._in_utterance:  # the last one failed half way
            self.end()
        _check(self._library.ps_activate_search(self._decoder, name.encode()), f"choose the model {name!r}")
        self._free_front_end()
        self._front_end = _pointer(self._library.fe_init_auto_r(self._config), "make a front end")
        self._library.ps_start_stream(self._decoder)
        _check(self._library.ps_start_utt(self._decoder), "begin an utterance")
        self._in_utterance = True

    def cepstra(self, pcm: bytes) -> NDArray[np.float32]:
        """Return the cepstra of the whole frames in `pcm`: float32, (frames, 13), before normalisation."""
        frames = max(len(pcm) // 2 // FRAME_SAMPLES, 1) + 1
        values = np.zeros((frames, CEPSTRA), np.float32)
        start, row = values.ctypes.data, values.strides[0]
        rows = (c_void_p * frames)(*range(start, start + frames * row, row))
        samples = c_char_p(pcm)
        samples_left, made = c_size_t(len(pcm) // 2), c_int32(frames)
        self._library.fe_start_utt(self._front_end)
        _check(
            self._library.fe_process_frames_int16(
                self._front_end, byref(samples), byref(samples_left), rows, byref(made)
            ),
            "analyse audio",
        )
        return values[: made.value]

    def set_cepstral_mean(self, mean: NDArray[np.float32]) -> None:
        """Normalise what follows by this mean: float32, (13,)."""
        text = ",".join(f"{value:.3f}" for value in mean.tolist())
        _check(self._library.ps_set_cmn(self._decoder, text.encode()), "set the cepstral mean")

    def process(self, pcm: bytes) -> None:
        """Decode audio: PCM16 at 16000 Hz, whole samples."""
        _check(self._library.ps_process_raw(self._decoder, pcm, len(pcm) // 2, 0, 0), "decode audio")

    def end(self) -> None:
        """End the utterance; afterwards `hypothesis` is the final one."""
        self._in_utterance = False
        _check(self._library.ps_end_utt(self._decoder), "end the utterance")

    def hypothesis(self) -> str:
        """Return the best hypothesis so far as the decoder words it, "" when there is none."""
        text: bytes | None = self._library.ps_get_hyp(self._decoder, None)
        return text.decode() if text else ""

    def _read_model(self, path: Path) -> int:
        logmath = self._library.ps_get_logmath(self._decoder)
        model = self._library.ngram_model_read(self._config, str(path).encode(), _NGRAM_AUTO, logmath)
        return _pointer(model, f"read the language model {path.name}")

    def _free_front_end(self) -> None:
        if self._front_end is not None:
            self._library.fe_free(self._front_end)
            self._front_end = None


def _pointer(value: int | None, action: str) -> int:
    if not value:
        raise StageError(
            STAGE, f"PocketSphinx could not {action}; reinstall pocketsphinx, or report this", "decoder_failed"
        )
    return value


def _check(result: int, action: str) -> None:
    if result < 0:
        raise StageError(
            STAGE, f"PocketSphinx could not {action}; report this with the audio if you can", "decoder_failed"
        )
