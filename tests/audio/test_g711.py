"""G.711 against the values and the decision values of the standard's tables."""

import importlib
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from antiphon.audio.g711 import decode_pcma, decode_pcmu, encode_pcma, encode_pcmu
from antiphon.errors import MediaError

EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2")
EVERY_CODE = bytes(range(256))


def pcmu_value(code: int) -> int:
    """G.711 table 2b in words: y = sign * (2**segment * (2 * step + 33) - 33), 14 bits, here times 4."""
    code ^= 0xFF
    value = ((2 * (code & 15) + 33 << (code >> 4 & 7)) - 33) * 4
    return -value if code & 0x80 else value


def pcma_value(code: int) -> int:
    """G.711 table 1b in words: segments 0 and 1 are linear in 2 * step + 1; 13 bits, here times 8."""
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 15
    value = 8 * (2 * step + 1 if segment == 0 else (2 * step + 33) << segment - 1)
    return value if code & 0x80 else -value


@pytest.mark.parametrize(("decode", "value"), [(decode_pcmu, pcmu_value), (decode_pcma, pcma_value)])
def test_every_code_has_the_value_of_the_standard(
    decode: Callable[[bytes], bytes], value: Callable[[int], int]
) -> None:
    assert np.frombuffer(decode(EVERY_CODE), "<i2").tolist() == [value(code) for code in range(256)]


@pytest.mark.parametrize(
    ("encode", "positive", "bounds"),
    [
        # Tables 2a and 1a: where the interval of each of a half's 128 codes begins, in 16 bits.
        (encode_pcmu, 0xFF, [4 * (2**segment * (2 * step + 32) - 33) for segment in range(8) for step in range(16)]),
        (
            encode_pcma,
            0xD5,
            [
                8 * 2 ** max(segment - 1, 0) * (2 * step + 32 * (segment > 0))
                for segment in range(8)
                for step in range(16)
            ],
        ),
    ],
)
def test_every_sample_falls_in_its_interval(encode: Callable[[bytes], bytes], positive: int, bounds: list[int]) -> None:
    """A sample's code follows from the decision values; a sample on one may go to either side."""
    samples = EVERY_SAMPLE[~np.isin(np.abs(EVERY_SAMPLE.astype(int)), bounds)].astype(int)
    interval = np.searchsorted(bounds, np.abs(samples), side="right") - 1
    expected = np.where(samples >= 0, interval ^ positive, interval ^ positive ^ 0x80)
    assert (np.frombuffer(encode(samples.astype("<i2").tobytes()), np.uint8) == expected).all()


@pytest.mark.parametrize(
    ("encode", "codes"),
    [
        (encode_pcmu, {0: 0xFF, 32767: 0x80, -32768: 0x00, 1000: 0xCE, -1000: 0x4E}),
        (encode_pcma, {0: 0xD5, -1: 0x55, 32767: 0xAA, -32768: 0x2A, 1000: 0xFA, -1000: 0x7A}),
    ],
)
def test_known_codes(encode: Callable[[bytes], bytes], codes: dict[int, int]) -> None:
    assert {sample: encode(np.array([sample], "<i2").tobytes())[0] for sample in codes} == codes


@pytest.mark.parametrize(("encode", "decode"), [(encode_pcmu, decode_pcmu), (encode_pcma, decode_pcma)])
def test_a_second_pass_changes_nothing(encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]) -> None:
    once = decode(encode(EVERY_SAMPLE.tobytes()))
    assert decode(encode(once)) == once


def test_the_standard_library_agrees() -> None:
    """`audioop` (Python 3.11 and 3.12) decodes alike, and encodes alike where its negative mu-law rounding is exact."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop")
        importlib.import_module("audioop")
    positive = EVERY_SAMPLE[EVERY_SAMPLE >= 0].tobytes()
    assert decode_pcmu(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert decode_pcma(EVERY_CODE) == audioop.alaw2lin(EVERY_CODE, 2)
    assert encode_pcmu(positive) == audioop.lin2ulaw(positive, 2)
    assert encode_pcma(EVERY_SAMPLE.tobytes()) == audioop.lin2alaw(EVERY_SAMPLE.tobytes(), 2)


def test_nothing_becomes_nothing() -> None:
    assert encode_pcmu(b"") == decode_pcmu(b"") == encode_pcma(b"") == decode_pcma(b"") == b""


@pytest.mark.parametrize("encode", [encode_pcmu, encode_pcma])
def test_half_a_sample_is_refused(encode: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MediaError, match="5 bytes came"):
        encode(b"abcde")
