"""What judges the matrix finds what it is there to find."""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest

from antiphon.session.context import ContextMessage
from tests.resilience.judge import heard, illegal, remarks
from tests.resilience.model import ASK, STORY, answer, ask, frames_in, understood, words_in
from tests.resilience.phases import begin
from tests.resilience.scene import House, Scene

Event = dict[str, Any]


@pytest.fixture(scope="module")
def calm() -> list[Event]:
    """Return the events of a call in which nothing went wrong."""

    async def run() -> list[Event]:
        scene = Scene(House(), "")
        try:
            await scene.start()
            await scene.caller.connect()
            await begin(scene.caller, manual=False)
        finally:
            await scene.stop()
        return scene.caller.events

    with asyncio.Runner() as runner:
        return runner.run(run())


def place(events: list[Event], kind: str) -> int:
    return next(index for index, event in enumerate(events) if event["type"] == kind)


def again(events: list[Event], kind: str) -> None:
    """Tell an event twice, as another one."""
    index = place(events, kind)
    events.insert(index, {**events[index], "event_id": "event_again"})


def without(events: list[Event], kind: str) -> None:
    del events[place(events, kind)]


def late(events: list[Event], kind: str) -> None:
    events.append(events.pop(place(events, kind)))


def test_a_calm_call_is_legal_and_nobody_remarks_anything(calm: list[Event]) -> None:
    assert illegal(calm, ended=False) == []
    assert remarks(calm) == []


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (again, "session.created"),
        (again, "conversation.item.added"),
        (again, "conversation.item.done"),
        (again, "input_audio_buffer.committed"),
        (again, "response.created"),
        (again, "response.done"),
        (without, "conversation.item.added"),
        (without, "conversation.item.done"),
        (without, "response.created"),
        (without, "response.output_item.added"),
        (without, "response.content_part.added"),
        (without, "response.done"),
        (without, "conversation.item.input_audio_transcription.completed"),
        (again, "conversation.item.input_audio_transcription.completed"),
        (late, "session.created"),
        (late, "response.output_audio.delta"),
        (late, "input_audio_buffer.speech_started"),
    ],
)
def test_what_is_illegal_is_found(calm: list[Event], spoil: Callable[[list[Event], str], None], kind: str) -> None:
    events = copy.deepcopy(calm)
    spoil(events, kind)
    assert illegal(events, ended=False)


def test_one_id_for_two_events_is_found(calm: list[Event]) -> None:
    events = copy.deepcopy(calm)
    events[3]["event_id"] = events[2]["event_id"]
    assert illegal(events, ended=False)


def test_a_word_that_is_missing_or_doubled_is_heard(calm: list[Event]) -> None:
    response_id = calm[place(calm, "response.created")]["response"]["id"]
    assert set(heard(calm, response_id)) == {"Good morning Ada."}
    for spoil in (without, again):
        events = copy.deepcopy(calm)
        spoil(events, "response.output_audio.delta")
        assert heard(events, response_id)[0] != "Good morning Ada."


def test_a_frame_that_is_missing_doubled_or_out_of_order_is_not_understood() -> None:
    whole = ask()
    assert understood(b"".join(whole)) == ASK
    for frames in (whole[:5] + whole[6:], whole[:5] + whole[4:], [whole[1], whole[0], *whole[2:]]):
        assert understood(b"".join(frames)) != ASK
    assert frames_in(whole[0][:100]) == [-1]


def test_the_model_goes_on_only_where_its_answer_stopped() -> None:
    def turns(said: str) -> list[Any]:
        return [ContextMessage("user", ASK), ContextMessage("assistant", said)]

    begun, rest = STORY[:20], STORY[20:].strip()
    assert answer(turns(begun), goes_on=True) == rest
    assert answer(turns("Something else"), goes_on=True) not in STORY


def test_half_a_word_is_heard_as_half() -> None:
    assert words_in(b"") == []
    assert words_in((1000).to_bytes(2, "little") * 1200) == ["Good…"]
