"""Who may take part in a call beside its client, and what such guests are told."""

import pytest

from antiphon.path.call import MOST_CLIENT_GUESTS, CallFullError
from antiphon.path.calls import Calls
from antiphon.protocol.dialect import GaDialect
from antiphon.protocol.session_kinds import REALTIME, TRANSCRIPTION, SessionKind
from antiphon.session.start import SessionStart
from tests.path.test_call import MemoryClient
from tests.path.test_call_properties import Engine, Traveller

AUDIO = "response.output_audio.delta"


def begun(start: SessionStart) -> tuple[Calls, str, str]:
    """Return all calls, and the token and the id of the one there is."""
    calls, client = Calls(Engine()), MemoryClient()
    calls.open(start, client)
    return calls, client.token, next(event["call_id"] for event in client.events if "call_id" in event)


async def test_guests_with_the_token_are_bounded() -> None:
    calls, token, _ = begun(SessionStart("m", extensions=True))
    guests = [calls.join_by_token(token, MemoryClient(), GaDialect()) for _ in range(MOST_CLIENT_GUESTS)]
    assert None not in guests
    with pytest.raises(CallFullError):
        calls.join_by_token(token, MemoryClient(), GaDialect())
    assert guests[0] is not None
    guests[0].close()
    assert calls.join_by_token(token, MemoryClient(), GaDialect()) is not None


async def test_guests_with_the_token_take_no_place_of_the_others() -> None:
    calls, token, call_id = begun(SessionStart("m", extensions=True))
    for _ in range(MOST_CLIENT_GUESTS):
        calls.join_by_token(token, MemoryClient(), GaDialect())
    assert calls.guests(call_id) == 0
    for _ in range(MOST_CLIENT_GUESTS + 1):
        calls.join(call_id, MemoryClient(), GaDialect())
    assert calls.guests(call_id) == MOST_CLIENT_GUESTS + 1


@pytest.mark.parametrize("media", [True, False])
async def test_guests_get_audio_of_a_call_that_waits_only_if_its_client_had_it_in_events(media: bool) -> None:
    travel = Traveller()
    travel.come_back(media=media, noticed=False)
    guest = MemoryClient()
    (call_id,) = [event["call_id"] for event in travel.got if "call_id" in event]
    assert travel.calls.join(call_id, guest, GaDialect()) is not None
    travel.speaker.say(3)
    travel.line.close(lost=True)
    travel.speaker.say(3)
    travel.speaker.finish()
    assert guest.kinds.count(AUDIO) == (0 if media else 2)
    assert guest.kinds[-1] == "response.done"


async def test_what_guests_are_not_told_is_kept_for_the_client() -> None:
    travel = Traveller()
    travel.line.close(lost=True)
    (call_id,) = [event["call_id"] for event in travel.got if "call_id" in event]
    travel.calls.join(call_id, MemoryClient(), GaDialect())
    travel.speaker.say(3)
    again = MemoryClient()
    travel.calls.resume(travel.token, again, travel.got[-1]["event_id"], SessionStart("m"))
    assert again.kinds.count(AUDIO) == 1


async def test_errors_that_make_no_sense_are_everybody_s() -> None:
    """What says nothing of whose event it is about, and comes while nobody asks."""
    travel = Traveller()
    (call_id,) = [event["call_id"] for event in travel.got if "call_id" in event]
    guest = MemoryClient()
    travel.calls.join(call_id, guest, GaDialect())
    travel.speaker.tell("error", error=7)
    assert guest.kinds == travel.connection.kinds == ["error"]


@pytest.mark.parametrize("kind", [REALTIME, TRANSCRIPTION])
async def test_a_call_s_kind_is_known_by_its_token_and_its_id(kind: SessionKind) -> None:
    calls, token, call_id = begun(SessionStart("m", kind=kind, extensions=True))
    assert (calls.kind_by_token(token), calls.kind(call_id)) == (kind, kind)
    assert (calls.kind_by_token("none"), calls.kind("none")) == (REALTIME, REALTIME)
