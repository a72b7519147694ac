"""The ledger of what was played."""

from antiphon.talk.playback import Cut, Playback


def pcm(ms: int, level: int = 1) -> bytes:
    return level.to_bytes(2, "little") * (24 * ms)


def test_audio_is_taken_in_order_and_padded_with_silence() -> None:
    playback = Playback()
    playback.add("a", 0, pcm(5, 1))
    playback.add("a", 0, pcm(10, 2))
    assert playback.take(240) == pcm(5, 1) + pcm(5, 2)
    assert playback.take(240) == pcm(5, 2) + pcm(5, 0)
    assert not playback.is_waiting


def test_a_later_part_waits_until_the_earlier_one_has_ended() -> None:
    playback = Playback()
    playback.add("a", 0, pcm(10, 1))
    playback.add("b", 0, pcm(10, 2))
    assert playback.take(480) == pcm(10, 1) + pcm(10, 0)
    playback.add("a", 0, pcm(10, 3))
    playback.end("a", 0)
    assert playback.take(480) == pcm(10, 3) + pcm(10, 2)


def test_a_flush_tells_how_much_of_each_part_was_heard() -> None:
    playback = Playback()
    playback.add("a", 1, pcm(100))
    playback.end("a", 1)
    playback.add("b", 0, pcm(100))
    playback.take(24 * 130)
    playback.add("c", 0, pcm(100))
    assert playback.flush() == [Cut("b", 0, 30), Cut("c", 0, 0)]
    assert playback.flush() == []
    assert playback.take(24) == bytes(48)


def test_a_part_of_which_more_may_come_is_cut_where_it_stands() -> None:
    """The server may have made more than has arrived."""
    playback = Playback()
    playback.add("a", 0, pcm(20))
    playback.take(480)
    assert not playback.is_waiting
    assert playback.flush() == [Cut("a", 0, 20)]


def test_milliseconds_are_rounded_down_so_that_they_never_exceed_the_audio() -> None:
    playback = Playback()
    playback.add("a", 0, pcm(20))
    playback.take(47)
    assert playback.flush() == [Cut("a", 0, 1)]


def test_what_is_still_in_the_loudspeakers_buffer_was_not_heard() -> None:
    playback = Playback(delay=0.05)
    playback.add("a", 0, pcm(500))
    playback.take(24 * 200)
    assert playback.flush() == [Cut("a", 0, 150)]
    playback.add("b", 0, pcm(500))
    playback.take(24 * 20)
    assert playback.flush() == [Cut("b", 0, 0)]


def test_nothing_is_cut_of_what_was_heard_to_its_end() -> None:
    playback = Playback()
    playback.add("a", 0, pcm(20))
    playback.take(480)
    playback.end_all()
    assert playback.flush() == []
