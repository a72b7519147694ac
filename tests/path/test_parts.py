"""The small parts of the relay, each by itself."""

import json

from hypothesis import given
from hypothesis import strategies as st

from antiphon.path.aliases import Aliases
from antiphon.path.events import APPEND
from antiphon.path.held import Held, Kept
from antiphon.path.in_flight import MOST_ATTEMPTS, MOST_EVENTS, InFlight, Sent
from antiphon.path.replay import Missed, Replay, first_of, woven
from antiphon.path.steady import SteadySession
from antiphon.path.timers import Timers
from antiphon.path.transcripts import MOST_OWED, Transcripts

# --- aliases --------------------------------------------------------------------------------------------------


def test_an_alias_goes_both_ways() -> None:
    aliases = Aliases()
    aliases.add("item_theirs", "item_ours")
    assert aliases.to_client(b'{"item_id":"item_theirs"}') == b'{"item_id":"item_ours"}'
    assert aliases.to_leg(b'{"item_id":"item_ours"}') == b'{"item_id":"item_theirs"}'


def test_an_id_inside_of_text_is_text() -> None:
    aliases = Aliases()
    aliases.add("item_theirs", "item_ours")
    for text in ('say "item_theirs" aloud', "item_theirs and more", '"item_theirs"'):
        message = json.dumps({"delta": text}).encode()
        assert json.loads(aliases.to_client(message)) == {"delta": text}


def test_the_same_id_needs_no_alias() -> None:
    aliases = Aliases()
    aliases.add("item_1", "item_1")
    assert aliases.to_client(b'"item_1"') == b'"item_1"'


# --- held -----------------------------------------------------------------------------------------------------


def append(audio_bytes: int) -> bytes:
    return b'{"type":"input_audio_buffer.append","audio":"%b"}' % (b"AAAA" * (audio_bytes // 3))


def test_what_is_held_comes_out_in_order_and_once() -> None:
    held = Held(10_000, 10_000)
    messages = [("a", b"1"), (APPEND, append(30)), ("b", b"2")]
    for kind, message in messages:
        assert held.add(kind, message) is Kept.YES
    assert list(held.take()) == messages
    assert list(held.take()) == []


def test_audio_beyond_its_bound_is_refused_and_said_once() -> None:
    held = Held(1_000_000, 100)
    assert held.add(APPEND, append(90)) is Kept.YES
    assert held.add(APPEND, append(30)) is Kept.NO_ROOM_FOR_AUDIO
    assert held.add(APPEND, append(30)) is Kept.STILL_NO_ROOM_FOR_AUDIO
    assert held.add("response.create", b"{}") is Kept.YES


def test_bytes_beyond_their_bound_are_refused_each_time() -> None:
    held = Held(1_000, 1_000_000)
    assert held.add("x", b"." * 2_000) is Kept.NO_ROOM
    assert held.add("x", b"." * 2_000) is Kept.NO_ROOM


def test_many_empty_messages_count_too() -> None:
    held = Held(1_000, 1_000_000)
    assert Kept.NO_ROOM in [held.add("x", b"{}") for _ in range(1_000)]


# --- in flight ------------------------------------------------------------------------------------------------


def sent(kind: str, event_id: str, item_id: str = "") -> Sent:
    return Sent(kind, event_id, False, b"{}", item_id)


def test_an_answer_takes_out_the_oldest_of_its_kind_and_item() -> None:
    in_flight = InFlight()
    for each in (sent("create", "1", "a"), sent("create", "2", "b"), sent("commit", "3")):
        in_flight.add(each)
    assert in_flight.answered("create", "b") == sent("create", "2", "b")
    assert in_flight.answered("commit") == sent("commit", "3")
    assert in_flight.answered("commit") is None
    assert [each.event_id for each in in_flight] == ["1"]


def test_an_event_that_no_leg_answers_is_not_sent_for_ever() -> None:
    in_flight = InFlight()
    in_flight.add(sent("create", "1"))
    for _ in range(MOST_ATTEMPTS - 1):
        again, hopeless = in_flight.again()
        assert ([each.event_id for each in again], hopeless) == (["1"], [])
    again, hopeless = in_flight.again()
    assert (again, [each.event_id for each in hopeless]) == ([], ["1"])


def test_the_number_of_unanswered_events_is_bounded() -> None:
    in_flight = InFlight()
    for number in range(MOST_EVENTS):
        assert not in_flight.is_full
        in_flight.add(sent("create", str(number)))
    assert in_flight.is_full


# --- replay ---------------------------------------------------------------------------------------------------


def event(number: int) -> bytes:
    return b'{"type":"x","event_id":"event_%d"}' % number


def test_a_client_that_knows_its_last_event_gets_all_behind_it() -> None:
    replay = Replay()
    for number in range(5):
        replay.add(event(number))
    assert replay.missed("event_2") == Missed([event(3), event(4)])


def test_a_client_that_does_not_know_gets_what_came_after_the_loss() -> None:
    replay = Replay()
    replay.add(event(0))
    replay.mark_received()
    replay.add(event(1))
    assert replay.missed(None) == Missed([event(1)])


def test_old_messages_are_let_go_and_that_is_said() -> None:
    replay = Replay(most_bytes=3 * len(event(0)))
    for number in range(9):
        replay.add(event(number))
    assert replay.missed("event_2") == Missed([event(6), event(7), event(8)], is_all=False)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 60))
def test_nothing_is_replayed_twice_or_left_out(before: int, after: int, room: int) -> None:
    """What is told as complete is exactly what came behind the last event; else it is a tail of it."""
    replay = Replay(most_bytes=room * len(event(10)))
    messages = [event(10 + number) for number in range(before + after)]
    for index, message in enumerate(messages):
        if index == before:
            replay.mark_received()
        replay.add(message)
    if not after:
        replay.mark_received()
    missed = replay.missed(None)
    assert messages[len(messages) - len(missed) :] == missed.messages
    assert (len(missed) == after) if missed.is_all else (len(missed) < after)


def test_of_an_event_that_is_not_known_what_came_before_the_loss_is_told_apart() -> None:
    replay = Replay()
    for number in range(4):
        if number == 2:
            replay.mark_received()
        replay.add(event(number))
    assert replay.missed("event_7") == Missed([event(2), event(3)], is_all=False, again=[event(0), event(1)])


def test_a_client_that_comes_back_names_the_event_that_told_it_so() -> None:
    """It has what came before the events that were told anew, and perhaps none of these."""
    replay = Replay()
    for number in range(4):
        replay.add(event(number))
    replay.returned("resumed", 2)
    replay.add(event(4))
    assert replay.missed("resumed") == Missed([event(2), event(3), event(4)])


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
def test_what_is_put_in_the_place_of_others_moves_no_return(before: int, latest: int, new: int, after: int) -> None:
    replay = Replay()
    for number in range(before):
        replay.add(event(number))
    replay.returned("earlier", 0)
    for number in range(latest):
        replay.add(event(10 + number))
    replay.returned("later", 0)
    replay.replace(latest, [event(20 + number) for number in range(new)])
    for number in range(after):
        replay.add(event(30 + number))
    behind = [event(30 + number) for number in range(after)]
    if latest:
        assert replay.missed("later") == Missed(behind)
    assert replay.missed("earlier") == Missed([event(20 + number) for number in range(new)] + behind)


def test_what_is_put_in_the_place_of_others_is_bounded_as_well() -> None:
    replay = Replay(most_bytes=3 * len(event(0)))
    replay.add(event(0))
    replay.add(event(1))
    replay.returned("earlier", 1)
    replay.replace(1, [event(2), event(3), event(4), event(5)])
    assert replay.missed("earlier") == Missed([event(3), event(4), event(5)], is_all=False)
    replay.add(event(6))
    assert replay.missed("event_3") == Missed([event(4), event(5), event(6)], is_all=False)


def test_of_what_is_too_much_the_beginning_is_kept_without_a_gap() -> None:
    assert first_of([b"aaa", b"bbbb", b"c"], 5) == [b"aaa"]
    assert first_of([b"aaa", b"bb", b"c"], 5) == [b"aaa", b"bb"]
    assert first_of([], 5) == []


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_what_is_dropped_was_never_there(unwanted: list[bool], came_back: int, received: int) -> None:
    replay = Replay()
    for number, is_unwanted in enumerate(unwanted):
        if number == came_back:
            replay.returned("resumed", 0)
        if number == received:
            replay.mark_received()
        replay.add(delta("a") if is_unwanted else event(number))
    replay.drop(lambda message: message == delta("a"))
    kept = [number for number, is_unwanted in enumerate(unwanted) if not is_unwanted]
    if came_back < len(unwanted):
        assert replay.missed("resumed") == Missed([event(number) for number in kept if number >= came_back])
    if received < len(unwanted):
        assert replay.missed(None) == Missed([event(number) for number in kept if number >= received])


def part(item: str) -> bytes:
    return b'{"type":"response.content_part.added","event_id":"e","response_id":"r","item_id":"%b"}' % item.encode()


def delta(item: str) -> bytes:
    return b'{"type":"response.output_audio.delta","event_id":"e","response_id":"r","item_id":"%b"}' % item.encode()


def test_audio_that_was_held_back_is_told_behind_the_event_that_begins_its_part() -> None:
    told = [event(0), part("b"), event(1), part("c"), event(2)]
    audio = [delta("a"), delta("b"), delta("b"), delta("c")]
    wanted = [delta("a"), event(0), part("b"), delta("b"), delta("b"), event(1), part("c"), delta("c"), event(2)]
    assert woven(audio, told) == wanted
    assert woven([], told) == told


# --- the rest -------------------------------------------------------------------------------------------------


def test_a_session_keeps_its_id_model_and_end() -> None:
    steady = SteadySession("gpt-realtime", 2_000)
    first = steady.show({"id": "sess_1", "model": "deployment", "expires_at": 1_000, "voice": "marin"})
    second = steady.show({"id": "sess_2", "model": "other", "expires_at": 1_500})
    assert first == {"id": "sess_1", "model": "gpt-realtime", "expires_at": 2_000, "voice": "marin"}
    assert second == {"id": "sess_1", "model": "gpt-realtime", "expires_at": 2_000}


def test_timers_are_taken_in_order_once_they_are_due() -> None:
    timers = Timers()
    timers.set("late", 3.0)
    timers.set("soon", 1.0)
    timers.set("now", 0.5)
    assert timers.next() == 0.5
    assert timers.take_due(1.0) == ["now", "soon"]
    assert timers.next() == 3.0


def test_a_timer_that_stays_as_it_is_changes_nothing() -> None:
    timers = Timers()
    timers.set("end", 3.0)
    timers.changed = False
    timers.set("end", 3.0)
    timers.set("unknown", None)
    assert not timers.changed


# --- transcripts ----------------------------------------------------------------------------------------------


def test_of_transcripts_that_never_come_the_oldest_are_given_up() -> None:
    transcripts = Transcripts()
    for number in range(MOST_OWED + 2):
        transcripts.owed.add(f"item_{number}")
    transcripts.take_over(())
    hopeless = transcripts.give_up()
    assert (len(hopeless), hopeless[0], hopeless[-1]) == (MOST_OWED, "item_2", f"item_{MOST_OWED + 1}")
    assert not transcripts
    assert transcripts.came("item_0")  # nobody was told that it would not
    assert not transcripts.came("item_2")


def test_a_transcript_of_what_was_spoken_again_is_not_given_up() -> None:
    transcripts = Transcripts()
    for item_id in ("heard", "told"):
        transcripts.owed.add(item_id)
    transcripts.take_over({"heard"})
    assert transcripts.give_up() == ["told"]
    assert transcripts


def test_a_transcript_that_came_in_time_is_not_given_up() -> None:
    transcripts = Transcripts()
    for item_id in ("item_1", "item_2"):
        transcripts.owed.add(item_id)
    transcripts.take_over(())
    transcripts.owed.add("item_3")
    assert transcripts.came("item_1")
    assert transcripts.give_up() == ["item_2"]
    assert list(transcripts.owed) == ["item_3"]
    assert transcripts.give_up() == []
