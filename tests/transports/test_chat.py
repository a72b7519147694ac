"""A chat client as its session sees it: what it keeps, what it lets go, and how it ends."""

import asyncio
import json
import os
from io import BytesIO
from typing import Any

import pytest

from antiphon.audio.pcm import Wav, silence, write_wav
from antiphon.errors import MediaError
from antiphon.protocol.chat import (
    ChatError,
    Exchange,
    Finished,
    TextPiece,
    read_request,
    turn_of,
)
from antiphon.protocol.ids import Ids
from antiphon.transports.chat import ChatClient, ChatLimits, read_audio

ADDED = "conversation.item.added"
OURS = {"id": "resp_1", "metadata": {"antiphon_chat": "chat_k"}}
BEGUN = {"type": "response.created", "response": OURS}
WHOLE = {"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}
REFUSED = {"type": "error", "error": {"code": "invalid_value", "message": "No.", "event_id": "chat_k_r1"}}
BUSY = {
    "type": "error",
    "error": {"code": "conversation_already_has_active_response", "message": "No.", "event_id": "chat_k_r1"},
}
RESPONSE = {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 1}}


class Session:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.closes = 0
        self.closed = asyncio.Event()

    def receive(self, message: bytes) -> None:
        self.told.append(json.loads(message))

    def client_slow(self, slow: bool) -> None: ...

    def close(self, lost: bool = False) -> None:
        self.closes += 1
        self.closed.set()


def client_of(limits: ChatLimits | None = None, *, joins: bool = False) -> tuple[ChatClient, Session]:
    request = read_request({"model": "m", "messages": [{"role": "user", "content": "Hello?"}]})
    turn = turn_of(request, Ids(os.urandom), read_audio, joins=joins)
    client, session = ChatClient(Exchange(turn, "chat_k", joins=joins), limits), Session()
    client.begin(session)
    return client, session


def tell(client: ChatClient, kind: str, **fields: Any) -> None:
    client.send(json.dumps({"type": kind, "event_id": "e", **fields}).encode())


def tell_text(client: ChatClient, text: str) -> None:
    tell(client, "response.output_text.delta", response_id="resp_1", item_id="i", content_index=0, delta=text)


async def test_the_pieces_of_an_answer_in_their_order() -> None:
    client, session = client_of()
    tell(client, "session.created", session={})
    tell(client, "response.created", response={"id": "resp_1"})
    tell_text(client, "Hel")
    tell_text(client, "lo.")
    tell(client, "response.done", response=RESPONSE)
    pieces = [piece async for piece in client]
    assert pieces == [TextPiece("Hel"), TextPiece("lo."), Finished("stop", RESPONSE["usage"])]  # type: ignore[arg-type]
    assert [event["type"] for event in session.told] == ["conversation.item.create", "response.create"]


async def test_what_comes_later_is_waited_for() -> None:
    client, _ = client_of()
    tell(client, "session.created", session={})
    tell(client, "response.created", response={"id": "resp_1"})
    waiting = asyncio.ensure_future(anext(client))
    await asyncio.sleep(0)
    tell_text(client, "Hello.")
    assert await waiting == TextPiece("Hello.")


async def test_what_is_no_part_of_an_answer_is_not_kept() -> None:
    client, _ = client_of()
    tell(client, "response.output_audio.delta", response_id="resp_1", item_id="i", delta="A" * 4000)
    tell(client, "rate_limits.updated", rate_limits=[])
    client.send(b"no event at all")
    assert client.unsent == 0


async def test_an_answer_that_nobody_takes_is_given_up() -> None:
    client, session = client_of(ChatLimits(max_waiting=1000))
    for _ in range(100):
        tell_text(client, "a" * 100)
        assert client.unsent < 1500
    assert session.closes == 0
    await asyncio.sleep(0)
    assert (session.closes, client.unsent) == (1, 0)
    with pytest.raises(ChatError, match="does not read"):
        await anext(client)


async def test_a_session_that_ends_first() -> None:
    client, _ = client_of()
    client.close(1001, "The server is shutting down.")
    with pytest.raises(ChatError, match=r"The server is shutting down") as failed:
        await anext(client)
    assert (failed.value.status, failed.value.code) == (502, "session_ended")


async def test_what_came_before_the_end_of_a_session_counts() -> None:
    client, _ = client_of()
    tell(client, "error", error={"type": "server_error", "code": "upstream_unavailable", "message": "Not there."})
    client.close(1013, "server_error")
    with pytest.raises(ChatError, match=r"Not there\.") as failed:
        await anext(client)
    assert failed.value.status == 503


async def test_an_aborted_session_says_nothing_more() -> None:
    client, _ = client_of()
    tell(client, "error", error={"message": "Too late."})
    client.abort()
    assert client.unsent == 0
    with pytest.raises(ChatError, match="dropped"):
        await anext(client)


async def test_an_answer_that_takes_too_long() -> None:
    client, _ = client_of(ChatLimits(seconds=0))
    with pytest.raises(ChatError) as failed:
        await anext(client)
    assert (failed.value.status, failed.value.code) == (504, "timeout")


async def test_who_leaves_within_an_answer_cancels_it_and_closes_once() -> None:
    client, session = client_of(joins=True)
    tell(client, "conversation.item.added", item={"id": session.told[0]["item"]["id"]})
    tell(client, "response.created", response={"id": "resp_1", "metadata": {"antiphon_chat": "chat_k"}})
    tell_text(client, "Hel")
    assert await anext(client) == TextPiece("Hel")
    client.end()
    client.end()
    assert session.told[-1] == {"type": "response.cancel", "response_id": "resp_1"}
    assert session.closes == 1
    tell_text(client, "lo.")
    assert client.unsent == 0


async def test_who_leaves_after_an_answer_cancels_nothing() -> None:
    client, session = client_of()
    tell(client, "session.created", session={})
    tell(client, "response.created", response={"id": "resp_1"})
    tell(client, "response.done", response=RESPONSE)
    assert [piece async for piece in client]
    client.end()
    assert [event["type"] for event in session.told] == ["conversation.item.create", "response.create"]
    assert session.closes == 1


def asked(limits: ChatLimits | None = None) -> tuple[ChatClient, Session]:
    """A conversation that was asked for an answer, and the client that leaves before it begins."""
    client, session = client_of(limits, joins=True)
    client._take(json.dumps({"type": ADDED, "item": {"id": session.told[0]["item"]["id"]}}).encode())
    assert session.told[-1]["type"] == "response.create"
    return client, session


async def test_who_leaves_before_an_answer_begins_stays_to_cancel_it() -> None:
    client, session = asked()
    client.end()
    tell(client, "response.created", response={"id": "resp_0", "metadata": None})
    await asyncio.sleep(0)
    assert session.closes == 0
    tell(client, "response.created", response=OURS)
    tell_text(client, "Hel")
    assert (session.closes, client.unsent) == (0, 0)  # the session is sending just now
    await asyncio.sleep(0)
    assert session.told[-1] == {"type": "response.cancel", "response_id": "resp_1"}
    assert session.closes == 1


async def test_a_beginning_that_was_not_taken_yet_counts() -> None:
    client, session = asked()
    tell(client, "response.created", response=OURS)
    client.end()
    assert session.told[-1] == {"type": "response.cancel", "response_id": "resp_1"}
    assert session.closes == 1


async def test_an_answer_that_is_whole_or_refused_meanwhile_is_not_cancelled() -> None:
    for events in ([BEGUN, WHOLE], [REFUSED], [BUSY]):
        client, session = asked()
        client.end()
        for event in events:
            client.send(json.dumps(event).encode())
        await asyncio.sleep(0)
        assert (session.told[-1]["type"], session.closes) == ("response.create", 1)


async def test_who_leaves_does_not_stay_for_long() -> None:
    client, session = asked(ChatLimits(leave_seconds=0))
    client.end()
    assert session.closes == 0
    await asyncio.wait_for(session.closed.wait(), 10)
    assert session.told[-1]["type"] == "response.create"


async def test_who_leaves_stays_no_longer_than_the_session() -> None:
    client, session = asked()
    client.end()
    client.close(1001, "The server is shutting down.")
    await asyncio.sleep(0)
    assert session.closes == 1


async def test_who_leaves_before_asking_does_not_stay() -> None:
    client, session = client_of(joins=True)
    client.end()
    assert session.closes == 1


# --- audio ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100])
def test_a_wav_file_is_read_at_its_rate(rate: int) -> None:
    file = BytesIO()
    write_wav(file, Wav(silence(0.5, rate), rate))
    assert len(read_audio(file.getvalue(), "wav")) == pytest.approx(24_000, abs=2)


def test_bare_pcm16_is_taken_as_it_is() -> None:
    assert read_audio(b"\1\0\2\0", "pcm16") == b"\1\0\2\0"


def wav_of(rate: int) -> bytes:
    file = BytesIO()
    write_wav(file, Wav(silence(0.1, rate), rate))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "what"),
    [
        (b"\1", "pcm16", "whole samples"),
        (b"ID3", "mp3", "use 'wav'"),
        (b"RIFF", "wav", "not a WAV file"),
        (wav_of(100), "wav", "of 100 Hz"),  # would become 240 times as much
    ],
)
def test_other_audio_is_refused(data: bytes, name: str, what: str) -> None:
    with pytest.raises(MediaError, match=what):
        read_audio(data, name)
