"""Changes of transport that are not in the matrix: what is refused, what is told, and who else is there."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import httpx2
import pytest
from websockets.asyncio.client import connect

from antiphon.gateway.server import Server
from tests.resilience.judge import illegal
from tests.resilience.matrix import _told
from tests.resilience.model import ANSWERS, ASK, CHECK, HELLO, STORY
from tests.sdk_beta_events import check_beta_event
from tests.transitions.lines import MODEL, PATIENCE, Line, RtcLine, WebSocketLine
from tests.transitions.matrix import serving, until_parked
from tests.transitions.person import AUDIO, Person, until, user
from tests.transitions.sound import samples, stretch, words_in
from tests.transitions.world import ToneWorld


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@pytest.fixture
def world() -> ToneWorld:
    return ToneWorld()


@contextlib.asynccontextmanager
async def talking(world: ToneWorld, kind: str, engine: str = "local", **settings: Any) -> AsyncIterator[Person]:
    """Somebody in a conversation that has begun."""
    async with serving(engine, world, **settings) as server:
        person = Person(server)
        try:
            await person.connect(kind)
            await person.until("antiphon.session.resumable")
            await person.configure()
            yield person
        finally:
            await person.close()


def heard(line: Line) -> list[tuple[str, int]]:
    return words_in(line.heard())


# --- what is refused ------------------------------------------------------------------------------------------


async def statuses(server: Server, token: str) -> dict[str, int | str]:
    """Return what each transport says to somebody who comes with a token."""
    line = WebSocketLine(server, {"resume": token})
    await line.open()
    await line.ended.wait()
    await line.close()
    url, query = f"http://127.0.0.1:{server.port}/v1", {"resume": token, "model": MODEL}
    async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE) as http:
        events = await http.get(f"{url}/realtime/events", params=query)
        rtc = RtcLine(server, {"resume": token})
        body = {"model": MODEL, "messages": [user(CHECK)]}
        chat = await http.post(f"{url}/chat/completions", json=body, headers={"Antiphon-Session": token})
    offered = await rtc.status_of_offer()
    return {
        "websocket": line.events[-1]["error"]["code"],
        "http": events.status_code,
        "webrtc": offered,
        "chat": chat.status_code,
    }


async def test_a_client_that_comes_too_late_is_told_so_over_every_transport(world: ToneWorld) -> None:
    async with talking(world, "websocket", resume_seconds=0.01) as person:
        await person.line.show()
        await until(lambda: len(person.server._calls) == 0)
        told = await statuses(person.server, person.token)
        assert told == {"websocket": "session_not_found", "http": 404, "webrtc": 404, "chat": 404}
        assert person.server.sessions == 0


@pytest.mark.parametrize("kind", ["websocket", "webrtc"])
async def test_where_nobody_may_come_back_nobody_gets_a_token(kind: str, world: ToneWorld) -> None:
    async with serving("local", world, resume_seconds=0) as server:
        person = Person(server)
        await person.connect(kind)
        await person.until("session.created")
        await person.configure()
        assert person.all("antiphon.session.resumable") == []
        assert getattr(person.line, "token", "") == ""
        await person.line.show()
        await until(lambda: len(server._calls) == server._calls.parked == 0)
        await person.close()


async def test_over_http_a_token_that_nobody_may_come_back_with_ends_with_the_stream(world: ToneWorld) -> None:
    """It is needed to send anything at all."""
    async with talking(world, "http", resume_seconds=0) as person:
        token = person.token
        await person.line.show()
        await until(lambda: len(person.server._calls) == 0)
        assert (await statuses(person.server, token))["http"] == 404


# --- two who want the same ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["websocket", "http", "webrtc"])
async def test_of_two_clients_with_one_token_the_later_wins_and_the_earlier_is_told(
    kind: str, world: ToneWorld
) -> None:
    async with talking(world, kind) as person:
        earlier = person.line
        await person.come_back("websocket")
        await until(lambda: earlier.events[-1]["type"] == "antiphon.session.moved")
        if kind == "websocket":
            await earlier.ended.wait()
            assert earlier.reason == "The session goes on over another connection."
        elif kind == "http":
            await earlier.ended.wait()
            assert earlier.reason == "retry: 3600000", "or it would come back by itself, and take the session away"
        await person.write("msg_1", HELLO)
        await person.until("conversation.item.done")
        # The earlier one comes back in its turn, from where it was.
        last = earlier.events[-1]["event_id"]
        await person.connect("websocket", resume=person.token, last_event_id=last)
        await person.until("antiphon.session.resumed", 2)
        back = person.line
        await until(lambda: len(back.events) >= 3)
        assert back.events[0]["complete"]
        assert [event["type"] for event in back.events[1:3]] == ["conversation.item.added", "conversation.item.done"]


# --- dialects -------------------------------------------------------------------------------------------------


class BetaLine(WebSocketLine):
    async def open(self) -> None:
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        headers = {"OpenAI-Beta": "realtime=v1"}
        url = f"ws://{self.root}/realtime?{query}"
        self._ws = await connect(url, proxy=None, max_size=None, additional_headers=headers)
        self._reading = asyncio.create_task(self._read())

    def audio(self) -> list[bytes]:
        deltas = [event["delta"] for event in self.events if event["type"] == "response.audio.delta"]
        return [base64.b64decode(delta) for delta in deltas]


@pytest.mark.parametrize("engine", ["local", "relay"])
async def test_a_conversation_goes_from_one_shape_to_the_other_and_back(engine: str, world: ToneWorld) -> None:
    world.hold = "speaking"
    async with talking(world, "websocket", engine) as person:
        await person.ask("msg_1", ASK)
        await person.until_heard(STORY.split()[2])
        beta = await come_back_in_beta(person, person.events[-1]["event_id"])
        await beta.cut()
        beta = await come_back_in_beta(person, beta.events[-1]["event_id"])
        world.release()
        await until(lambda: any(event["type"] == "response.done" for event in beta.events))
        for event in beta.events:
            if not event["type"].startswith("antiphon."):
                check_beta_event(event)
        pcm = [person.line.heard(), samples(b"".join(beta.audio()))]
        assert [word for part in pcm for word, _ in words_in(part)] == STORY.split()
        await beta.send({"type": "session.update", "session": {"volume": 3}})
        await until(lambda: beta.events[-1]["type"] == "error")
        await person.connect("http", resume=person.token, last_event_id=beta.events[-1]["event_id"])
        resumed = await person.until("antiphon.session.resumed")
        assert (resumed["complete"], resumed["events"]) == (True, 0), "a refusal was this connection's alone"
        await person.ask("msg_2", CHECK)
        await person.until("response.done")
        await person.until_heard(ANSWERS[CHECK].split()[-1])
        await beta.close()
    assert _told(world.contexts[-1])[1] == f"assistant: {STORY}"


async def come_back_in_beta(person: Person, last_event_id: str) -> BetaLine:
    line = BetaLine(person.server, {"resume": person.token, "last_event_id": last_event_id})
    await line.open()
    await until(lambda: bool(line.events))
    assert line.events[0]["complete"]
    return line


# --- guests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["websocket", "http", "webrtc"])
@pytest.mark.parametrize("after", ["websocket", "http", "webrtc"])
async def test_a_guest_sees_all_and_stays_whatever_the_client_changes_to(
    before: str, after: str, world: ToneWorld
) -> None:
    world.hold = "speaking"
    async with talking(world, before) as person:
        call_id = person.all("antiphon.session.resumable")[0]["call_id"]
        guest = WebSocketLine(person.server, {"call_id": call_id})
        await guest.open()
        await person.ask("msg_1", ASK)
        await person.until_heard(STORY.split()[1])
        await person.come_back(after)
        world.release()
        await person.until("response.done")
        await until(lambda: any(event["type"] == "response.done" for event in guest.events))
        await guest.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}})
        assert (await person.until("session.updated", 2))["session"]["instructions"] == "Be brief."
        assert not guest.ended.is_set()
        # Audio of a call with media is told to nobody; all else was told to both, once.
        own = ("antiphon.session.resumed", "antiphon.session.moved")
        client = [event["event_id"] for event in person.events if event["type"] not in (*own, *AUDIO)]
        seen = [event["event_id"] for event in guest.events if event["type"] not in AUDIO]
        assert client[client.index(seen[0]) :] == seen
        await guest.close()


# --- media that fails -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_call_whose_media_never_connects_goes_on_over_a_websocket(noticed: bool, world: ToneWorld) -> None:
    """All that it was told is told again: nothing of it came."""
    async with serving("local", world) as server:
        offering = RtcLine(server, {})
        await offering.offer_only()
        if noticed:
            await offering.show()
            await until_parked(server)
        person = Person(server)
        await person.connect("websocket", resume=offering.token)
        await person.until("antiphon.session.resumable")
        kinds = [event["type"] for event in person.events]
        assert kinds == ["antiphon.session.resumed", "session.created", "antiphon.session.resumable"]
        await person.ask("msg_1", HELLO)
        await person.until_heard(ANSWERS[HELLO].split()[-1])
        await person.close()
        await offering.close()


async def test_a_loss_that_is_noticed_late_is_counted_from_the_last_sign_of_life(world: ToneWorld) -> None:
    """The server finds out for itself, as ICE does."""
    with (
        mock.patch("aioice.ice.CONSENT_INTERVAL", 0.1),
        mock.patch("aioice.ice.CONSENT_FAILURES", 1),
    ):
        async with talking(world, "webrtc") as person:
            await person.ask("msg_1", ASK)
            await person.until("response.done")
            await person.until_heard(STORY.split()[2])
            first = person.line
            await first.cut()
            await until_parked(person.server)
            await person.come_back("http")
            await person.until_heard(STORY.split()[-1])
            whole = STORY.split()
            end, begin = stretch(heard(first), whole)[1], stretch(heard(person.line), whole)[0]
            assert abs(end - begin) <= 80


async def test_what_was_said_to_nobody_is_told_in_its_order(world: ToneWorld) -> None:
    """An answer came while the client was gone and the server did not know: its audio stands where it belongs."""
    world.hold = "thinking"
    async with talking(world, "webrtc") as person:
        await person.ask("msg_1", ASK)
        await person.line.cut()
        world.release()
        (call,) = person.server._calls._calls.values()
        await until(lambda: call._playback is not None and call._playback.heard != {})
        await person.come_back("websocket")
        await person.until("response.done")
        assert stretch(heard(person.line), STORY.split()) == pytest.approx((0, 60 * len(STORY.split())), abs=30)
        assert (
            illegal([event for event in person.events if event["type"] != "antiphon.session.moved"], ended=False) == []
        )


async def test_an_answer_is_heard_once_over_three_transports(world: ToneWorld) -> None:
    """Over media, events, and media; a client that comes back from `resumed` is played nothing twice."""
    async with talking(world, "webrtc") as person:
        await person.ask("msg_1", ASK)
        await person.until("response.done")
        await person.until_heard(STORY.split()[2])
        await person.line.cut()
        await person.come_back("webrtc")
        resumed = person.all("antiphon.session.resumed")[0]
        await person.until_heard(STORY.split()[8])
        await person.line.cut()
        await person.connect("http", resume=person.token, last_event_id=resumed["event_id"])
        await person.until_heard(STORY.split()[-1])
        at = 0
        for line in person.lines:
            begin, end = stretch(heard(line), STORY.split())
            assert abs(begin - at) <= 80
            at = end


@pytest.mark.parametrize("engine", ["local", "relay"])
@pytest.mark.parametrize("before", ["websocket", "webrtc"])
async def test_an_interruption_counts_what_was_heard_over_both(before: str, engine: str, world: ToneWorld) -> None:
    async with talking(world, before, engine) as person:
        world.hold = "speaking" if before == "websocket" else ""
        await person.ask("msg_1", ASK)
        await person.until_heard(STORY.split()[3])
        await person.line.cut()
        await asyncio.sleep(0.2)
        await person.come_back("webrtc")
        world.release()
        await person.until("response.done")
        await person.until_heard(STORY.split()[9])
        await person.send("output_audio_buffer.clear")
        truncated = await person.until("conversation.item.truncated")
        end = stretch(heard(person.line), STORY.split())[1]
        assert abs(truncated["audio_end_ms"] - end) <= 100
        await person.ask("msg_2", CHECK)
        await person.until("response.done", 2)
        said = _told(world.contexts[-1])[1].removeprefix("assistant: ").split()
        assert said == STORY.split()[: len(said)]
        assert abs(len(said) * 60 - end) <= 160


# --- bounds ---------------------------------------------------------------------------------------------------


async def test_a_client_that_missed_too_much_is_told_that_it_is_not_all(
    world: ToneWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.path.replay.Replay.__init__.__defaults__", (20_000,))
    async with talking(world, "websocket") as person:
        last = person.events[-1]["event_id"]
        await person.ask("msg_1", ASK)
        await person.until("response.done")
        await person.connect("http", resume=person.token, last_event_id=last)
        assert (await person.until("antiphon.session.resumed"))["complete"] is False
        await person.ask("msg_2", CHECK)
        await person.until_heard(ANSWERS[CHECK].split()[-1])


async def test_questions_by_chat_keep_the_call(world: ToneWorld) -> None:
    """Somebody who goes on by chat is not gone, though nobody is connected."""
    world.hold = "thinking"
    async with talking(world, "websocket", resume_seconds=0.2) as person:
        await person.line.show()
        await until_parked(person.server)
        asking = asyncio.create_task(person.chat(user(ASK)))
        await asyncio.sleep(0.6)
        world.release()
        assert await asking == STORY
        await until(lambda: len(person.server._calls) == 0)
