"""Durations, levels and WAV files."""

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from antiphon.audio.pcm import SILENT_DB, Wav, level_db, read_wav, samples_of, seconds_of, silence, write_wav
from antiphon.errors import MediaError


def test_duration_and_silence_agree() -> None:
    assert silence(0.02, 24000) == bytes(960)
    assert seconds_of(silence(0.25, 22050), 22050) == pytest.approx(0.25, abs=1 / 22050)


@pytest.mark.parametrize(
    ("samples", "level"),
    [([-32768] * 8, 0.0), ([3277, -3277] * 4, -20.0), ([0] * 8, SILENT_DB), ([], SILENT_DB)],
)
def test_level(samples: list[int], level: float) -> None:
    assert level_db(np.array(samples, "<i2").tobytes()) == pytest.approx(level, abs=0.01)


def test_a_sine_is_three_db_below_a_square() -> None:
    sine = np.rint(32767 * np.sin(np.arange(24000) * 2 * np.pi / 24)).astype("<i2")
    assert level_db(sine.tobytes()) == pytest.approx(-3.01, abs=0.01)


def test_samples_are_a_view() -> None:
    assert samples_of(b"\x01\x00\xff\xff").tolist() == [1, -1]
    with pytest.raises(MediaError, match="send whole samples"):
        samples_of(b"\x01")


def test_a_wav_comes_back(tmp_path: Path) -> None:
    wav = Wav(b"\x01\x00\x02\x00\xff\x7f", 16000)
    write_wav(tmp_path / "a.wav", wav)
    assert read_wav(tmp_path / "a.wav") == wav
    buffer = io.BytesIO()
    write_wav(buffer, wav)
    assert read_wav(io.BytesIO(buffer.getvalue())) == wav


@pytest.mark.parametrize(("channels", "width", "found"), [(2, 2, "2 channel.* 16 bits"), (1, 1, "1 channel.* 8 bits")])
def test_another_layout_is_named(tmp_path: Path, channels: int, width: int, found: str) -> None:
    with wave.open(str(tmp_path / "b.wav"), "wb") as file:
        file.setparams((channels, width, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8))
    with pytest.raises(MediaError, match=found):
        read_wav(tmp_path / "b.wav")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3 not a wav at all",
        b"RIFF\x00\x00\x00\x00WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 3, 1, 8000, 32000, 4, 32)
        + b"data\x00\x00\x00\x00",
    ],
)
def test_another_format_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError, match=r"the WAV data is not a WAV file of PCM .*convert it"):
        read_wav(io.BytesIO(data))
