"""The energy gate opens at once and closes only after the model heard silence."""

import pytest

from antiphon.stages.vad.gate import QUIET_FRAMES, EnergyGate


def closed_gate(level_db: float) -> EnergyGate:
    gate = EnergyGate()
    for _ in range(QUIET_FRAMES):
        assert gate.admits(level_db)
        gate.learn(level_db, 0.01)
    return gate


def test_it_closes_after_enough_quiet_frames() -> None:
    assert closed_gate(-60).closed
    assert not closed_gate(-60).admits(-60)


def test_one_louder_frame_opens_it() -> None:
    gate = closed_gate(-60)
    assert gate.admits(-58)
    assert gate.admits(-60)  # and it stays open until the model says silence again


def test_speech_keeps_it_open() -> None:
    gate = EnergyGate()
    for index in range(5 * QUIET_FRAMES):
        assert gate.admits(-60)
        gate.learn(-60, 0.9 if index % (QUIET_FRAMES - 1) == 0 else 0.0)


def test_speech_right_after_silence_in_one_chunk_leaves_it_open() -> None:
    gate = closed_gate(-60)
    gate.learn(-30, 0.8)
    assert gate.admits(-60)


def test_noise_is_never_taken_for_silence() -> None:
    assert not closed_gate(-40).closed


def test_the_floor_follows_the_level_down() -> None:
    gate = closed_gate(-50)
    for _ in range(100):
        assert not gate.admits(-60)
    assert gate.admits(-55)


@pytest.mark.parametrize(("level_db", "admitted"), [(-75, False), (-69, True)])
def test_the_inaudible_is_silent_whatever_the_floor(level_db: float, admitted: bool) -> None:
    assert closed_gate(-120).admits(level_db) is admitted
