"""Clients over HTTP: how events wait for them, how their POSTs are ordered, and what each may cost."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from antiphon.errors import ClientEventError
from antiphon.protocol.server_events import ErrorDetail
from antiphon.session.start import SessionStart
from antiphon.transports.admission import Admission, Refusal
from antiphon.transports.base import Client
from antiphon.transports.handshake import Handshake
from antiphon.transports.http import (
    HttpCall,
    HttpLimits,
    HttpSessions,
    Mailbox,
    MissingPostError,
    Stream,
    TooManyPostsError,
    UnknownSessionError,
)
from antiphon.transports.http.bodies import MAX_EVENTS, events_in
from antiphon.transports.http.framing import COMMENT, event_id_in, framed, resume_point
from antiphon.transports.websocket import BAD_REQUEST, TRY_AGAIN_LATER, UNAUTHORIZED

TOKEN = "token_1"
ASKED = Handshake("/v1/realtime", (("model", "gpt-realtime"),), peer="here")


def event(kind: str, number: int = 0, **fields: Any) -> bytes:
    return json.dumps({"type": kind, "event_id": f"event_{number}", **fields}, separators=(",", ":")).encode()


class Session:
    """Says that it has begun, and keeps what it gets."""

    def __init__(self, client: Client, greets: bool) -> None:
        self.client = client
        self.received: list[bytes] = []
        self.slow: list[bool] = []
        self.lost: list[bool] = []
        self.fails = False
        if greets:
            client.send(event("session.created"))
            client.send(event("antiphon.session.resumable", 1, token=TOKEN, resume_seconds=60))

    def receive(self, message: bytes) -> None:
        if self.fails:
            raise RuntimeError("a bug")
        self.received.append(message)

    def client_slow(self, slow: bool) -> None:
        self.slow.append(slow)

    def close(self, lost: bool = False) -> None:
        self.lost.append(lost)


class Scene:
    """All sessions of a server whose engine and door are the test's own."""

    def __init__(self, **limits: Any) -> None:
        self.ready = True
        self.starts: list[SessionStart] = []
        self.opened: list[Session] = []
        self.handed_in: list[tuple[str, bytes]] = []
        self.released = 0
        self.greets = True
        self.on_open: Callable[[Client], None] | None = None
        self.refusal: Refusal | None = None
        self.knows_call = True
        self.all = HttpSessions(self, self._admit, self._send, lambda token: self.knows_call, HttpLimits(**limits))

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, start: SessionStart, client: Client) -> Session:
        self.starts.append(start)
        if self.on_open is not None:
            self.on_open(client)
        self.opened.append(Session(client, self.greets))
        return self.opened[-1]

    def _admit(self, handshake: Handshake) -> Admission | Refusal:
        return self.refusal or Admission(SessionStart("gpt-realtime"), self._release)

    def _release(self) -> None:
        self.released += 1

    def _send(self, token: str, message: bytes) -> bool:
        self.handed_in.append((token, message))
        return self.knows_call

    def stream(self) -> Stream:
        stream = self.all.stream(ASKED)
        assert isinstance(stream, Stream)
        return stream

    def mailbox(self) -> Mailbox:
        mailbox = self.all.poll(ASKED)
        assert isinstance(mailbox, Mailbox)
        return mailbox

    @property
    def session(self) -> Session:
        return self.opened[-1]

    @property
    def call(self) -> HttpCall:
        return self.all.call(TOKEN)


async def read(stream: Stream) -> str:
    async with asyncio.timeout(5):
        return ((await stream.chunk()) or b"").decode()


async def turn() -> None:
    """Let the loop do what was put off."""
    for _ in range(3):
        await asyncio.sleep(0)


# --- framing --------------------------------------------------------------------------------------------------


def test_an_event_is_framed_with_token_and_id() -> None:
    message = event("session.created", 7)
    assert framed(b"T", message) == b"id: T/event_7\ndata: " + message + b"\n\n"


def test_an_event_that_was_laid_out_comes_on_one_line() -> None:
    message = json.dumps({"type": "x", "event_id": "event_1", "text": "a\nb"}, indent=2).replace("\n", "\r\n").encode()
    _, data, *rest = framed(b"T", message).split(b"\n")
    assert json.loads(data.removeprefix(b"data: ")) == {"type": "x", "event_id": "event_1", "text": "a\nb"}
    assert rest == [b"", b""]


@pytest.mark.parametrize(
    ("message", "event_id"),
    [
        (b'{"event_id":"event_1","type":"x"}', b"event_1"),
        (b'{"type": "x", "event_id": "event_1"}', b"event_1"),
        (b'{"type":"error","error":{"event_id":"inner"},"event_id":"outer"}', b"outer"),
        (b'{"type":"error","error":{"event_id":"inner"}}', b""),
        (b'{"type":"x","event_id":"a\\nid: b"}', b""),
        (b'{"type":"x","event_id":"with space"}', b""),
        (b'{"type":"x","event_id":7}', b""),
        (b'{"type":"x"}', b""),
    ],
)
def test_the_id_of_an_event_is_its_own_and_breaks_no_line(message: bytes, event_id: bytes) -> None:
    assert event_id_in(message) == event_id


def test_an_event_without_an_id_leaves_the_last_one() -> None:
    assert framed(b"T", b'{"type":"x"}') == b'data: {"type":"x"}\n\n'


def test_an_id_line_says_where_to_go_on() -> None:
    assert resume_point("T/event_1") == ("T", "event_1")
    assert resume_point("event_1") == ("", "event_1")
    assert resume_point("") == ("", "")


# --- bodies ---------------------------------------------------------------------------------------------------


def test_events_keep_their_bytes() -> None:
    assert events_in(b' {"a": 1.0}\n', is_lines=False) == [b'{"a": 1.0}']
    assert events_in('[{"a":"é"} , 2]'.encode(), is_lines=False) == ['{"a":"é"}'.encode(), b"2"]
    assert events_in(b'{"a":1}\r\n\n{"b":2}', is_lines=True) == [b'{"a":1}', b'{"b":2}']


def test_as_many_events_as_may_are_taken_and_no_more() -> None:
    assert len(events_in(b"{}\n" * MAX_EVENTS, is_lines=True)) == MAX_EVENTS
    with pytest.raises(ClientEventError):
        events_in(b"{}\n" * (MAX_EVENTS + 1), is_lines=True)


# --- a stream -------------------------------------------------------------------------------------------------


async def test_a_session_begins_with_events_that_name_it() -> None:
    scene = Scene()
    stream = scene.stream()
    assert await stream.begins() is None
    assert scene.starts[0].extensions
    assert stream.token == TOKEN
    assert await read(stream) == "retry: 1000\n\n"
    first, second = (await read(stream)).strip().split("\n\n")
    assert first.startswith("id: token_1/event_0\n")
    assert second.startswith("id: token_1/event_1\n")


async def test_who_is_refused_at_the_door_costs_nothing() -> None:
    scene = Scene()
    scene.refusal = Refusal(ErrorDetail("invalid_request_error", "invalid_api_key", "no"), UNAUTHORIZED)
    assert scene.all.stream(ASKED) is scene.refusal
    assert scene.all.poll(ASKED) is scene.refusal
    assert len(scene.all) == 0


async def test_a_session_that_ends_with_its_first_event_is_a_refusal() -> None:
    scene = Scene()
    scene.greets = False
    stream = scene.stream()
    scene.session.client.send(event("error", error={"type": "server_error", "code": "full", "message": "no room"}))
    scene.session.client.close(TRY_AGAIN_LATER, "server_error.full")
    refusal = await stream.begins()
    assert refusal is not None
    assert (refusal.error.code, refusal.error.message, refusal.close_code) == ("full", "no room", TRY_AGAIN_LATER)
    await turn()
    assert (scene.session.lost, scene.released) == ([False], 1)


async def test_a_session_that_does_not_begin_is_given_up() -> None:
    scene = Scene(begin_seconds=0.01)
    scene.greets = False
    refusal = await scene.stream().begins()
    assert refusal is not None
    assert refusal.close_code == TRY_AGAIN_LATER


async def test_only_a_session_that_began_is_logged_as_begun(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    scene = Scene()
    scene.on_open = lambda client: client.close(BAD_REQUEST, "no such session")
    scene.stream()
    await turn()
    assert caplog.messages == ["client here refused: 4000 no such session"]
    scene.on_open = None
    scene.stream().gone()
    assert [message.split()[2] for message in caplog.messages[1:]] == ["began:", "ended"]


async def test_a_session_that_cannot_be_opened_is_a_refusal_without_the_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene()

    def broken(_client: Client) -> None:
        raise RuntimeError("a bug")

    scene.on_open = broken
    refusal = await scene.stream().begins()
    assert refusal is not None
    assert "a bug" not in refusal.error.message
    assert "a bug" in caplog.text
    await turn()
    assert scene.released == 1


async def test_a_session_of_a_client_that_is_gone_already_is_closed() -> None:
    scene = Scene()
    scene.on_open = lambda client: client.abort()
    scene.stream()
    assert scene.session.lost == [True]
    assert (scene.released, len(scene.all)) == (1, 0)


async def test_a_broken_stream_leaves_a_session_that_may_be_resumed() -> None:
    scene = Scene()
    stream = scene.stream()
    stream.gone()
    stream.gone()
    assert (scene.session.lost, scene.released, len(scene.all)) == ([True], 1, 0)


async def test_what_was_sent_before_the_end_is_delivered() -> None:
    scene = Scene()
    stream = scene.stream()
    await read(stream)
    scene.session.client.send(event("error", 2))
    scene.session.client.close(1001, "over")
    scene.session.client.send(event("late", 3))
    assert "event_2" in await read(stream)
    assert await stream.chunk() is None


async def test_a_quiet_stream_shows_life() -> None:
    scene = Scene(alive_seconds=0.01)
    stream = scene.stream()
    await read(stream)
    await read(stream)
    assert await read(stream) == COMMENT.decode()
    assert await read(stream) == COMMENT.decode()


async def test_an_ended_stream_that_is_not_read_is_dropped() -> None:
    scene = Scene(close_seconds=0.01)
    stream = scene.stream()
    scene.all.close(1001, "the server stops")
    async with asyncio.timeout(5):
        await scene.all.empty()
    assert stream.unsent == 0
    assert scene.session.lost == [True]


async def test_the_session_is_told_of_a_slow_client() -> None:
    scene = Scene()
    stream = scene.stream()
    await read(stream)
    for number in range(60):
        stream.send(event("x", number, delta="x" * 10_000))
    await turn()
    assert scene.session.slow == [True]
    while stream.unsent:
        if stream.waiting:
            await read(stream)
        else:
            reading = asyncio.ensure_future(stream.chunk())
            await turn()
            reading.cancel()
    await turn()
    assert scene.session.slow == [True, False]


async def test_a_client_that_does_not_read_at_all_is_lost() -> None:
    scene = Scene(max_unsent=10_000)
    stream = scene.stream()
    stream.send(event("x", delta="x" * 20_000))
    assert stream.ended is None
    stream.send(event("x"))
    await turn()
    assert stream.ended is not None
    assert stream.ended[0] == TRY_AGAIN_LATER
    assert (scene.session.lost, scene.released) == ([True], 1)
    stream.gone()


# --- a mailbox ------------------------------------------------------------------------------------------------


async def test_events_wait_until_they_are_acknowledged() -> None:
    scene = Scene()
    mailbox = scene.mailbox()
    assert await mailbox.begins() is None
    events = await mailbox.poll(1)
    assert (len(events), mailbox.last_event_id(events)) == (2, "event_1")
    assert scene.all.mailbox(TOKEN, "event_0") is mailbox
    assert await mailbox.poll(1) == events[1:]
    assert scene.all.mailbox(TOKEN, "event_1") is mailbox
    assert (await mailbox.poll(0.01), mailbox.unsent) == ([], 0)
    assert scene.all.mailbox(TOKEN, "event_9") is None  # the call itself may know it
    mailbox.gone()


async def test_an_answer_is_no_larger_than_it_may_be() -> None:
    scene = Scene()
    mailbox = scene.mailbox()
    for number in range(5):
        mailbox.send(event("x", number + 2, delta="x" * 400_000))
    events = await mailbox.poll(1)
    assert 0 < sum(map(len, events)) < 1_000_000
    mailbox.acknowledge(mailbox.last_event_id(events))
    assert len(await mailbox.poll(1)) == 2
    mailbox.gone()


# --- POSTs ----------------------------------------------------------------------------------------------------


async def test_events_go_to_the_connection_and_without_one_to_the_call() -> None:
    scene = Scene()
    stream = scene.stream()
    await scene.call.post([b"1", b"2"])
    assert scene.session.received == [b"1", b"2"]
    stream.gone()
    await scene.call.post([b"3"])
    assert scene.handed_in == [(TOKEN, b"3")]
    scene.knows_call = False
    with pytest.raises(UnknownSessionError):
        await scene.call.post([b"4"])


async def test_posts_wait_for_those_before_them() -> None:
    scene = Scene()
    stream = scene.stream()
    later = [asyncio.ensure_future(scene.call.post([b"%d" % number], number)) for number in (2, 1)]
    await turn()
    assert scene.session.received == []
    await scene.call.post([b"0"], 0)
    await asyncio.gather(*later)
    assert scene.session.received == [b"0", b"1", b"2"]
    stream.gone()


async def test_the_order_outlives_the_connection() -> None:
    scene = Scene()
    scene.stream().gone()
    await scene.call.post([b"0"], 0)
    scene.stream()
    await scene.call.post([b"0"], 0)
    await scene.call.post([b"1"], 1)
    assert scene.session.received == [b"1"]
    scene.session.client.abort()


async def test_two_copies_that_wait_are_taken_once() -> None:
    scene = Scene()
    stream = scene.stream()
    copies = [asyncio.ensure_future(scene.call.post([b"1"], 1)) for _ in range(2)]
    await turn()
    await scene.call.post([b"0"], 0)
    await asyncio.gather(*copies)
    assert scene.session.received == [b"0", b"1"]
    stream.gone()


async def test_one_that_is_missing_is_not_waited_for_for_ever() -> None:
    scene = Scene(turn_seconds=0.01)
    stream = scene.stream()
    with pytest.raises(MissingPostError):
        await scene.call.post([b"1"], 1)
    await scene.call.post([b"0"], 0)
    await scene.call.post([b"1"], 1)
    assert scene.session.received == [b"0", b"1"]
    stream.gone()


async def test_only_so_many_wait() -> None:
    scene = Scene(max_waiting=2)
    stream = scene.stream()
    waiting = [asyncio.ensure_future(scene.call.post([b"x"], number)) for number in (1, 2)]
    await turn()
    with pytest.raises(TooManyPostsError):
        await scene.call.post([b"x"], 0)
    stream.gone()
    scene.all.abort()
    assert all(
        isinstance(error, UnknownSessionError) for error in await asyncio.gather(*waiting, return_exceptions=True)
    )


async def test_a_session_that_takes_nothing_holds_posts_back_in_their_order() -> None:
    scene = Scene()
    stream = scene.stream()
    stream.pause_reading()
    waiting = [asyncio.ensure_future(scene.call.post([b"%d" % number])) for number in range(3)]
    await turn()
    assert scene.session.received == []
    stream.resume_reading()
    await asyncio.gather(*waiting)
    assert scene.session.received == [b"0", b"1", b"2"]
    stream.gone()


async def test_a_session_that_takes_nothing_for_long_refuses() -> None:
    scene = Scene(turn_seconds=0.01)
    stream = scene.stream()
    stream.pause_reading()
    with pytest.raises(TooManyPostsError):
        await scene.call.post([b"x"], 0)
    assert scene.session.received == []
    stream.gone()
    await scene.call.post([b"x"], 0)  # there is no connection that could be paused
    assert scene.handed_in == [(TOKEN, b"x")]


async def test_only_so_many_bytes_of_bodies_wait() -> None:
    scene = Scene(max_message=1_000)
    stream = scene.stream()
    scene.call.hold(2_000)
    with pytest.raises(TooManyPostsError):
        scene.call.hold(1)
    scene.call.let_go(2_000)
    scene.call.hold(1)
    stream.gone()


async def test_a_bug_on_a_message_ends_the_session_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    stream = scene.stream()
    await read(stream)
    scene.session.fails = True
    await scene.call.post([b"x"])
    assert "its log says why" in await read(stream)
    assert "a bug" in caplog.text
    assert stream.ended is not None
    stream.gone()


async def test_a_call_that_ended_is_forgotten() -> None:
    scene = Scene(keep_seconds=0.01)
    scene.stream().gone()
    waiting = scene.call
    await asyncio.sleep(0.05)
    with pytest.raises(UnknownSessionError):
        scene.all.call(TOKEN)
    with pytest.raises(UnknownSessionError):
        await waiting.post([b"x"])


async def test_hanging_up_ends_the_stream_for_good() -> None:
    scene = Scene()
    stream = scene.stream()
    await read(stream)
    await read(stream)
    scene.all.hang_up(TOKEN)
    assert await stream.chunk() is None
    await turn()
    assert (scene.session.lost, scene.released) == ([False], 1)
    scene.knows_call = False
    with pytest.raises(UnknownSessionError):
        scene.all.hang_up(TOKEN)
    stream.gone()
