"""Audio arithmetic: PCM16, resampling and G.711. It imports nothing of ours but the errors."""

from antiphon.audio.g711 import decode_pcma, decode_pcmu, encode_pcma, encode_pcmu
from antiphon.audio.pcm import Wav, level_db, read_wav, samples_of, seconds_of, silence, write_wav
from antiphon.audio.resample import Resampler, resample

__all__ = [
    "Resampler",
    "Wav",
    "decode_pcma",
    "decode_pcmu",
    "encode_pcma",
    "encode_pcmu",
    "level_db",
    "read_wav",
    "resample",
    "samples_of",
    "seconds_of",
    "silence",
    "write_wav",
]
