"""Audio that a client with media was gone too soon to hear: kept for it whole, within a bound."""

import base64

import pytest

from antiphon.session.start import SessionStart
from tests.path.test_call import MemoryClient
from tests.path.test_call_properties import Traveller

DELTAS = 6


async def gone_and_back(*, media: bool) -> tuple[Traveller, bytes, bytes]:
    """Return who was told of an answer, went, and came back; what it heard then, and the whole answer."""
    travel = Traveller()
    for _ in range(DELTAS):
        travel.speaker.say(10)
    travel.speaker.finish()
    (whole,) = travel.speaker.said.values()
    travel.take(10_000)
    travel.line.close(lost=True)
    travel.connection = MemoryClient()
    start = SessionStart("m", media=media)
    travel.line = travel.calls.resume(travel.token, travel.connection, travel.got[-1]["event_id"], start)
    travel.take(10_000)
    travel.pull(100)
    travel.take(10_000)
    return travel, b"".join(travel.heard), whole


def complete(travel: Traveller) -> list[bool]:
    return [event["complete"] for event in travel.got if event["type"] == "antiphon.session.resumed"]


@pytest.mark.parametrize("media", [True, False])
async def test_what_fits_is_heard_whole(media: bool) -> None:
    travel, heard, whole = await gone_and_back(media=media)
    assert heard == whole
    assert complete(travel) == [True]


@pytest.mark.parametrize("media", [True, False])
async def test_of_what_does_not_fit_whole_deltas_of_the_beginning_are_heard(
    media: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the client is told that this is not all."""
    delta = len(base64.b64encode(bytes(4800))) + 200
    monkeypatch.setattr("antiphon.path.call._MOST_OWED", 3 * delta)
    travel, heard, whole = await gone_and_back(media=media)
    assert heard == whole[: 3 * 4800]
    assert complete(travel) == [False]


async def test_what_was_too_much_once_is_not_told_of_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.path.call._MOST_OWED", 1)
    travel, _, _ = await gone_and_back(media=True)
    travel.come_back(media=True, noticed=False)
    travel.take(1)
    assert complete(travel) == [False, True]
