"""The arithmetic of the WebRTC benchmark: what counts as a gap, and when a load is borne."""

import math
from dataclasses import replace

from benchmarks.relay.histogram import Histogram
from benchmarks.webrtc.arrivals import Load, Stream, Tally, gathered

MS = 1_000_000


def tally(packets: int = 0, gap_ms: float = 20.0, lost: int = 0) -> Tally:
    made = Tally(Histogram(), packets, lost)
    for _ in range(packets):
        made.gaps.add(int(gap_ms * MS))
    return made


def came(*packets: tuple[int, int, float]) -> Tally:
    """Return the tally of a stream: sequence number, frame of the time line, when it came in milliseconds."""
    stream, counted = Stream(), Tally()
    for number, frame, at in packets:
        stream.packet(number & 0xFFFF, frame * 960 & 0xFFFF_FFFF, int(at * MS), counted)
    return counted


def test_a_gap_is_the_time_between_two_packets_of_sound_that_goes_on() -> None:
    counted = came((1, 1, 0), (2, 2, 20), (3, 3, 55))
    assert (counted.packets, counted.lost, len(counted.gaps)) == (3, 0, 2)
    assert round(counted.gaps.percentile(0.5)) == 20
    assert round(counted.gaps.percentile(1.0)) == 35


def test_a_pause_in_the_sound_is_no_gap() -> None:
    assert len(came((1, 1, 0), (2, 21, 400)).gaps) == 0


def test_numbers_that_are_missing_are_lost_packets() -> None:
    counted = came((1, 1, 0), (4, 4, 60))
    assert (counted.lost, len(counted.gaps)) == (2, 0)


def test_numbers_and_timestamps_wrap() -> None:
    last = 2**32 // 960
    counted = came((0xFFFF, last, 0), (0x10000, last + 1, 20))
    assert (counted.lost, len(counted.gaps)) == (0, 1)


def test_a_packet_that_comes_after_its_successor_is_not_a_loss_of_thousands() -> None:
    assert came((2, 2, 0), (1, 1, 1)).lost == 0


def test_packets_before_the_window_count_only_as_predecessors() -> None:
    stream, counted = Stream(), Tally()
    stream.packet(1, 0, 0, None)
    stream.packet(2, 960, 20 * MS, counted)
    assert (counted.packets, len(counted.gaps)) == (1, 1)


def test_what_several_processes_counted_adds_up() -> None:
    whole = gathered([tally(3, 20, lost=1).report(), tally(1, 40).report()])
    assert (whole.packets, whole.lost, len(whole.gaps)) == (4, 1, 4)
    assert round(whole.gaps.percentile(1.0)) == 40


BORNE = Load(10, 2.0, tally(1000), tally(1000), heard=20.0, cpu=0.5)


def test_a_load_is_borne_when_all_is_there_in_time() -> None:
    assert BORNE.passes
    assert BORNE.tools_kept_up
    assert (BORNE.cpu_ms, BORNE.core_share) == (25.0, 0.25)


def test_a_load_is_not_borne_when_packets_are_late_missing_or_made_up_for() -> None:
    assert not replace(BORNE, received=tally(1000, gap_ms=31)).passes
    assert not replace(BORNE, received=tally(980)).passes
    assert not replace(BORNE, received=tally(1020)).passes
    assert not replace(BORNE, received=tally(1000, lost=20)).passes


def test_a_load_is_not_borne_when_clients_are_not_heard_or_not_let_in() -> None:
    assert not replace(BORNE, heard=19.0).passes
    assert not replace(BORNE, refusals=("full",)).passes


def test_clients_that_send_unevenly_measure_themselves() -> None:
    assert not replace(BORNE, sent=tally(1000, gap_ms=31)).tools_kept_up
    assert not replace(BORNE, sent=tally(900)).tools_kept_up


def test_only_a_load_that_failed_narrowly_is_tried_again() -> None:
    assert not replace(BORNE, received=tally(980)).is_hopeless
    assert replace(BORNE, received=tally(800)).is_hopeless
    assert replace(BORNE, refusals=("full",)).is_hopeless


def test_a_load_that_never_was_has_no_figures() -> None:
    nothing = Load(10, refusals=("full",))
    assert not nothing.passes
    assert math.isnan(nothing.cpu_ms)
    assert math.isnan(nothing.gap(0.99))
