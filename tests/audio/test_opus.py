"""The binding to libopus: what goes in and out, by length, place, frequency and level."""

import ctypes
import ctypes.util
import gc
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.transports.rtp.sounds import cut, frequency_of, tone, voice

from antiphon.audio import level_db, opus
from antiphon.audio.opus import OpusDecoder, OpusEncoder, has_fec, packet_ticks
from antiphon.errors import MediaError

SILENCE = bytes(960)


def test_a_tone_comes_back_with_its_pitch_and_level() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    heard = b"".join(decoder.decode(encoder.encode(frame)) for frame in cut(tone(1.0)))
    assert len(heard) == 48_000
    assert frequency_of(heard[9600:]) == pytest.approx(440, abs=1)
    assert level_db(heard[9600:]) == pytest.approx(level_db(tone(1.0)), abs=0.5)


def test_a_call_costs_what_was_set() -> None:
    """32 kbit/s are 80 bytes a packet, on average."""
    encoder = OpusEncoder(bitrate=32_000)
    packets = [encoder.encode(frame) for frame in cut(voice(4.0))]
    assert 60 <= sum(map(len, packets)) / len(packets) <= 85


def test_silence_becomes_dtx_within_a_quarter_second() -> None:
    encoder = OpusEncoder()
    for frame in cut(voice(1.0)):
        encoder.encode(frame)
    sizes = [len(encoder.encode(SILENCE)) for _ in range(13)]
    assert sizes[0] > opus.DTX_BYTES >= max(sizes[11:])


def test_a_packet_of_a_stereo_peer_becomes_mono() -> None:
    library = opus.load_library()
    error = ctypes.c_int()
    state = library.opus_encoder_create(48_000, 2, 2049, ctypes.byref(error))
    left = np.frombuffer(tone(1.0), "<i2").repeat(2)  # 48000 Hz by repetition: good enough for a low tone
    packet = ctypes.create_string_buffer(1275)
    decoder = OpusDecoder()
    heard = b""
    for begin in range(0, left.size, 960):
        both = np.column_stack((left[begin : begin + 960], left[begin : begin + 960])).astype("<i2").tobytes()
        size = library.opus_encode(state, both, 960, packet, 1275)
        heard += decoder.decode(packet.raw[:size])
    library.opus_encoder_destroy(state)
    assert len(heard) == 48_000
    assert frequency_of(heard[9600:]) == pytest.approx(440, abs=1)


@pytest.mark.parametrize(
    ("config", "code", "samples"),
    [
        *((16 + mode * 4 + index, 0, size) for mode in range(4) for index, size in enumerate((60, 120, 240, 480))),
        *((mode * 4 + index, 0, size) for mode in range(3) for index, size in enumerate((240, 480, 960, 1440))),
        *((12 + index, 0, (240, 480)[index % 2]) for index in range(4)),
        (31, 1, 960),
        (3, 1, 2880),
    ],
)
def test_every_legal_length_is_decoded_in_full(config: int, code: int, samples: int) -> None:
    """From 2.5 to 120 ms: RFC 6716, table 2; code 1 is two frames of the same length."""
    packet = bytes([config << 3 | code]) + bytes(20)
    assert len(OpusDecoder().decode(packet)) == 2 * samples
    assert packet_ticks(packet) == 2 * samples


@given(st.binary(max_size=60))
def test_any_bytes_decode_to_the_length_they_announce_or_are_refused(packet: bytes) -> None:
    decoder = OpusDecoder()
    try:
        pcm = decoder.decode(packet)
    except MediaError:
        return
    assert len(pcm) == packet_ticks(packet)
    assert 0 < len(pcm) <= 5760


@pytest.mark.parametrize("packet", [b"", b"\xff\xff\xff", b"\x03"])
def test_a_corrupt_packet_is_a_media_error(packet: bytes) -> None:
    with pytest.raises(MediaError, match="not an Opus packet"):
        OpusDecoder().decode(packet)


def test_a_decoder_goes_on_after_a_corrupt_packet() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for frame in cut(tone(0.5)):
        heard = decoder.decode(encoder.encode(frame))
        with pytest.raises(MediaError):
            decoder.decode(b"\xff\xff\xff")
    assert level_db(heard) == pytest.approx(level_db(tone(0.5)), abs=0.5)


@pytest.mark.parametrize("size", [0, 958, 961, 1920])
def test_only_whole_frames_are_encoded(size: int) -> None:
    with pytest.raises(MediaError, match=f"but {size} came"):
        OpusEncoder().encode(bytes(size))


def test_a_guess_goes_on_with_what_was_heard_and_fades() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for frame in cut(tone(1.0)):
        last = decoder.decode(encoder.encode(frame))
    guesses = [decoder.conceal(480) for _ in range(50)]
    assert level_db(guesses[0]) == pytest.approx(level_db(last), abs=3)
    assert level_db(guesses[-1]) < level_db(last) - 15


@pytest.mark.parametrize("samples", [1, 59, 60, 61, 480, 2880])
def test_a_guess_has_any_length_up_to_120_ms(samples: int) -> None:
    assert len(OpusDecoder().conceal(samples)) == 2 * samples


@pytest.mark.parametrize("samples", [0, -1, 2881])
def test_a_guess_has_no_other_length(samples: int) -> None:
    with pytest.raises(MediaError, match="1 to 2880 samples"):
        OpusDecoder().conceal(samples)


def test_without_expected_loss_there_is_no_copy() -> None:
    encoder = OpusEncoder()
    assert not any(has_fec(encoder.encode(frame)) for frame in cut(voice(2.0)))


def test_with_expected_loss_a_lost_frame_is_recovered_from_the_next_packet() -> None:
    """The recovered frame is nearer to the true one than a guess is."""
    encoder = OpusEncoder()
    encoder.expect_loss(20)
    packets = [encoder.encode(frame) for frame in cut(voice(3.0))]
    lost = [index for index in range(50, 149, 3) if has_fec(packets[index + 1])]
    assert len(lost) >= 10
    true, recovering, guessing = OpusDecoder(), OpusDecoder(), OpusDecoder()
    recovered_error = guessed_error = 0.0
    for index, packet in enumerate(packets):
        wanted = np.frombuffer(true.decode(packet), "<i2").astype(float)
        if index in lost:
            recovered = np.frombuffer(recovering.recover(packets[index + 1], 480), "<i2")
            guessed = np.frombuffer(guessing.conceal(480), "<i2")
            recovered_error += float(np.square(recovered - wanted).sum())
            guessed_error += float(np.square(guessed - wanted).sum())
        else:
            recovering.decode(packet)
            guessing.decode(packet)
    assert recovered_error < guessed_error / 2


def test_expected_loss_may_end() -> None:
    encoder = OpusEncoder()
    frames = cut(voice(4.0))
    encoder.expect_loss(20)
    assert any(has_fec(encoder.encode(frame)) for frame in frames[:100])
    encoder.expect_loss(0)
    assert not any([has_fec(encoder.encode(frame)) for frame in frames[100:]][2:])


def test_the_flag_of_a_copy_is_read_as_libopus_reads_it() -> None:
    library = opus.load_library()
    try:
        reference = library.opus_packet_has_lbrr
    except AttributeError:
        pytest.skip("this libopus is older than 1.4")
    reference.argtypes = [ctypes.c_char_p, ctypes.c_int32]
    for toc in range(0, 256, 4):  # those of one frame
        for byte in range(256):
            packet = bytes([toc, byte, 0])
            assert has_fec(packet) == bool(reference(packet, 3)), packet.hex()


def test_a_reset_forgets_the_stream() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    first = [encoder.encode(frame) for frame in cut(tone(0.2))]
    heard = [decoder.decode(packet) for packet in first]
    encoder.reset()
    decoder.reset()
    assert [encoder.encode(frame) for frame in cut(tone(0.2))] == first
    assert [decoder.decode(packet) for packet in first] == heard


def test_a_rate_that_opus_lacks_is_refused() -> None:
    with pytest.raises(MediaError, match="44100 Hz"):
        OpusEncoder(rate=44_100)
    with pytest.raises(MediaError, match="44100 Hz"):
        OpusDecoder(rate=44_100)


def test_state_is_freed_with_its_object(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[int] = []
    library = opus.load_library()
    monkeypatch.setattr(library, "opus_encoder_destroy", freed.append)
    encoder = OpusEncoder()
    del encoder
    gc.collect()
    assert len(freed) == 1


@pytest.fixture
def no_library_loaded() -> Iterator[None]:
    opus.load_library.cache_clear()
    yield
    opus.load_library.cache_clear()


@pytest.mark.usefixtures("no_library_loaded")
def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "find_spec", lambda name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(MediaError, match=r"pip install 'antiphon\[webrtc\]'"):
        OpusEncoder()


@pytest.mark.usefixtures("no_library_loaded")
def test_the_bundled_library_comes_before_the_system_s_and_a_broken_one_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "av"
    package.mkdir()
    (tmp_path / "av.libs").mkdir()
    (tmp_path / "av.libs" / "libopus-1.so.0").write_bytes(b"not a library")
    (package / ".dylibs").mkdir()
    (package / ".dylibs" / "libopus.0.dylib").write_bytes(b"not a library")
    spec = ModuleSpec("av", None, is_package=True)
    spec.submodule_search_locations = [str(package)]
    monkeypatch.setattr(opus, "find_spec", lambda name: spec)
    asked: list[str] = []

    def load(path: str) -> ctypes.PyDLL:
        asked.append(Path(path).name)
        raise OSError("not a library")

    monkeypatch.setattr(ctypes, "PyDLL", load)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "the system's")
    with pytest.raises(MediaError):
        opus.load_library()
    assert asked == ["libopus-1.so.0", "libopus.0.dylib", "the system's"]
