"""Each fault, as a client sees it: HTTP statuses, close codes, frames."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

from antiphon.testing import Emulator, emulator
from tests.emulator.kit import QUIET, say, send, speak, speech, to_end, until
from tests.transports.kit import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawClient, frame, raw_client, upgrade

UPGRADE = upgrade("/v1/realtime?model=gpt-realtime")


def fault(at: str, do: str, **options: Any) -> dict[str, Any]:
    return {"fault": [{"at": at, "do": do, **options}]}


async def events_of(raw: RawClient) -> dict[str, Any]:
    """Return the next event of a raw connection."""
    opcode, payload = await raw.frame()
    assert opcode == TEXT
    event: dict[str, Any] = json.loads(payload)
    return event


# --- at the upgrade -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "invalid_api_key"),
        (403, None),
        (404, "unknown_url"),
        (429, "rate_limit_exceeded"),
        (500, "server_error"),
        (503, "service_unavailable"),
        (418, None),
    ],
)
async def test_an_upgrade_is_refused_with_a_status_and_the_apis_body(status: int, code: str | None) -> None:
    async with emulator(fault("connect", "refuse", status=status, retry_after=3)) as emu:
        with pytest.raises(InvalidStatus) as refused:
            await connect(emu.url)
        response = refused.value.response
        assert (response.status_code, response.headers["retry-after"]) == (status, "3")
        assert response.headers["content-type"] == "application/json"
        error = json.loads(response.body or b"")["error"]
        assert (error["code"], set(error)) == (code, {"message", "type", "code", "param"})
        assert (emu.connections[0].ended, emu.connections[0].has_session) == (True, False)


async def test_only_the_first_connection_is_refused() -> None:
    async with emulator(fault("connect", "refuse", session=1)) as emu:
        with pytest.raises(InvalidStatus):
            await connect(emu.url)
        async with connect(emu.url) as ws:
            await until(ws, "session.created")
        assert [connection.has_session for connection in emu.connections] == [False, True]


async def test_a_redirect() -> None:
    async with (
        emulator(fault("connect", "redirect", location="/other", status=302)) as emu,
        raw_client(emu.port) as raw,
    ):
        raw.send(UPGRADE)
        head = await raw.head()
        assert head.startswith(b"HTTP/1.1 302 ")
        assert b"location: /other" in head


async def test_a_connection_that_is_never_answered() -> None:
    async with emulator(fault("connect", "never_answer", session=1)) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        connection = await emu.wait_for_connection()
        async with connect(emu.url) as ws:  # a whole session meanwhile
            await until(ws, "session.created")
        assert not raw.reader._buffer  # type: ignore[attr-defined]
        emu.drop_all()
        assert await raw.reader.read() == b""
        assert list(connection.faults) == ["never_answer at connect"]


async def test_a_connection_that_is_dropped_before_its_answer(caplog: pytest.LogCaptureFixture) -> None:
    """It is closed on purpose: a loop that closes it for an exception says so in the log."""
    async with emulator(fault("connect", "drop", how="fin")) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        assert await raw.reader.read() == b""
        await emu.wait_for_end()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_connection_that_is_reset_before_its_answer() -> None:
    async with emulator(fault("connect", "drop")) as emu:
        with pytest.raises((InvalidHandshake, InvalidMessage, ConnectionResetError)) as broken:
            await connect(emu.url)
        causes = [broken.value, broken.value.__cause__]
        assert any(isinstance(cause, ConnectionResetError | EOFError) for cause in causes)


# --- refusals in-band -----------------------------------------------------------------------------------------

TABLE = [
    ("invalid_api_key", "invalid_api_key", 3000, "invalid_request_error.invalid_api_key"),
    ("missing_key", None, 3000, "invalid_request_error"),
    ("insufficient_quota", "insufficient_quota", 3000, "insufficient_quota.insufficient_quota"),
    ("invalid_model", "invalid_model", 4000, "invalid_request_error.invalid_model"),
    ("missing_model", "missing_model", 4000, "invalid_request_error.missing_model"),
    ("invalid_intent", "invalid_intent", 4000, "invalid_request_error.invalid_intent"),
    ("beta_api_shape_disabled", "beta_api_shape_disabled", 4000, "invalid_request_error.beta_api_shape_disabled"),
    ("session_expired", "session_expired", 1001, "Your session hit the maximum duration of 60 minutes."),
    ("server_full", "server_full", 1013, "server_error.server_full"),
    ("account_deactivated", "account_deactivated", 3000, "invalid_request_error.account_deactivated"),
]


@pytest.mark.parametrize("at", ["connect", "session.created", "response.create"])
@pytest.mark.parametrize(("name", "code", "close_code", "reason"), TABLE, ids=[row[0] for row in TABLE])
async def test_an_error_and_its_close(at: str, name: str, code: str | None, close_code: int, reason: str) -> None:
    async with emulator(fault(at, "error_then_close", code=name)) as emu, connect(emu.url) as ws:
        if at == "response.create":
            await send(ws, "response.create")
        error = await until(ws, "error")
        assert error["error"]["code"] == code
        assert error["error"]["message"]
        assert error["event_id"]
        assert await to_end(ws) == ([], close_code, reason)
        assert (await emu.wait_for_end()).close == (close_code, reason)
        assert emu.connections[0].has_session is (at != "connect")


async def test_the_texts_of_an_error_can_be_given() -> None:
    options = {"code": "mine", "type": "my_error", "message": "Text.", "close_code": 4001, "close_reason": "why"}
    async with emulator(fault("connect", "error_then_close", **options)) as emu, connect(emu.url) as ws:
        error = (await until(ws, "error"))["error"]
        assert (error["type"], error["code"], error["message"]) == ("my_error", "mine", "Text.")
        assert await to_end(ws) == ([], 4001, "why")


async def test_a_request_is_rejected_by_its_own_id_and_the_session_goes_on() -> None:
    options = {"code": "conversation_already_has_active_response"}
    async with emulator(fault("response.create", "error", **options)) as emu, connect(emu.url) as ws:
        await send(ws, "response.create", event_id="mine")
        error = (await until(ws, "error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")
        await send(ws, "response.create")
        assert (await until(ws, "response.done"))["response"]["status"] == "completed"
        await emu.wait_for("response.create", nth=2)
        assert len([kind for kind in sent(emu) if kind == "response.created"]) == 1


def sent(emu: Emulator, number: int = 1) -> list[str]:
    return [event.type for event in emu.connections[number - 1].server_events]


async def test_an_error_of_the_service_in_mid_answer() -> None:
    async with emulator(fault("response.created", "error", code="server_error")) as emu, connect(emu.url) as ws:
        await send(ws, "response.create", event_id="mine")
        seen: list[Any] = []
        error = (await until(ws, "error", seen))["error"]
        assert (error["type"], error["code"], error["event_id"]) == ("server_error", "server_error", None)
        assert seen[-2]["type"] == "response.created"
        await until(ws, "response.done")


# --- the end of the connection --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 3000, 4999])
async def test_a_close_with_any_code(code: int) -> None:
    async with emulator(fault("response.created", "close", code=code, reason="so")) as emu, connect(emu.url) as ws:
        await send(ws, "response.create")
        assert await to_end(ws) == (["session.created", "response.created"], code, "so")


async def test_a_close_without_a_code_and_none_at_all() -> None:
    async with emulator(fault("response.created", "close", code=1005)) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        raw.send(frame(TEXT, b'{"type":"response.create"}'))
        assert [(await events_of(raw))["type"] for _ in range(2)] == ["session.created", "response.created"]
        assert await raw.frame() == (CLOSE, b"")
    async with emulator(fault("response.created", "close", code=1006)) as emu, connect(emu.url) as ws:
        await send(ws, "response.create")
        assert await to_end(ws) == (["session.created", "response.created"], None, "")


@pytest.mark.parametrize("how", ["reset", "fin"])
@pytest.mark.parametrize("place", ["before", "after", "instead"])
async def test_a_dropped_connection(how: str, place: str) -> None:
    async with emulator(fault("response.created", "drop", how=how, place=place)) as emu, connect(emu.url) as ws:
        await until(ws, "session.created")
        await send(ws, "response.create")
        kinds, code, _ = await to_end(ws)
        assert code is None
        # What was sent right before a reset may be lost with it, as on a real network.
        assert kinds == ["response.created"] if (place, how) == ("after", "fin") else len(kinds) <= 1
        connection = await emu.wait_for_end()
        assert connection.lost is True
        assert sent(emu)[1:] == (["response.created"] if place == "after" else [])


async def test_a_reset_is_one_for_the_client() -> None:
    async with emulator(fault("response.create", "drop")) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        await raw.frame()
        raw.send(frame(TEXT, b'{"type":"response.create"}'))
        with pytest.raises(ConnectionResetError):
            await raw.reader.read()


async def test_half_a_message() -> None:
    async with emulator(fault("response.created", "half_message")) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        await raw.frame()
        raw.send(frame(TEXT, b'{"type":"response.create"}'))
        rest = await raw.reader.read()
        assert rest[0] == 0x80 | TEXT
        size = int.from_bytes(rest[2:4])  # 126 to 65535 bytes
        assert 0.4 < len(rest) / size < 0.6
        assert b'"type":"response.created"' in rest


async def test_a_drop_some_time_after_an_event() -> None:
    async with emulator(fault("session.created", "drop", wait=0.01, how="fin")) as emu, connect(emu.url) as ws:
        assert await to_end(ws) == (["session.created"], None, "")
        assert (await emu.wait_for_end()).lost


# --- a connection that is not well ----------------------------------------------------------------------------


async def test_a_stalled_connection_says_nothing_but_pongs() -> None:
    async with emulator(fault("response.created", "stall")) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        raw.send(frame(TEXT, b'{"type":"response.create"}'))
        assert [(await events_of(raw))["type"] for _ in range(2)] == ["session.created", "response.created"]
        await emu.wait_for("response.create")
        raw.send(frame(TEXT, b'{"type":"response.cancel"}') + frame(PING, b"there?"))
        assert await raw.frame() == (PONG, b"there?")  # and no answer to the cancel before it
        await emu.wait_for("response.cancel")
        raw.send(frame(CLOSE, b"\x03\xe8"))
        assert await raw.frame() == (CLOSE, b"\x03\xe8")


async def test_a_hanging_connection_answers_nothing_at_all() -> None:
    async with emulator(fault("session.created", "stall", pong=False, session=1)) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        assert (await events_of(raw))["type"] == "session.created"
        raw.send(frame(PING) + frame(TEXT, b'{"type":"response.create"}') + frame(CLOSE, b"\x03\xe8"))
        await emu.wait_for("response.create")
        async with connect(emu.url):  # the emulator itself does not hang
            pass
        assert not raw.reader._buffer  # type: ignore[attr-defined]


async def test_a_stall_may_pass() -> None:
    async with emulator(fault("response.created", "stall", seconds=0.01)) as emu, connect(emu.url) as ws:
        await say(ws, "a")
        assert (await until(ws, "response.done"))["response"]["status"] == "completed"


async def test_a_late_pong() -> None:
    async with emulator(fault("session.created", "late_pong", seconds=0.02)) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        await raw.frame()
        raw.send(frame(PING, b"1") + frame(TEXT, b'{"type":"input_audio_buffer.clear"}'))
        assert (await events_of(raw))["type"] == "input_audio_buffer.cleared"  # overtakes the pong
        assert await raw.frame() == (PONG, b"1")


async def test_a_trickle_comes_in_small_pieces_and_is_whole() -> None:
    rate = 10_000
    async with (
        emulator(fault("session.created", "trickle", place="before", bytes_per_second=rate)) as emu,
        raw_client(emu.port) as raw,
    ):
        raw.send(UPGRADE)
        await raw.head()
        opcode, payload = await raw.frame()
        assert (opcode, len(payload)) == (TEXT, rate // 20)
        opcode, more = await raw.frame()
        assert opcode == CONTINUATION
        assert json.loads(payload + more)["type"] == "session.created"


async def test_garbage_on_the_wire() -> None:
    async with emulator(fault("session.created", "garbage", bytes=10)) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        await raw.frame()
        garbage = await raw.reader.readexactly(11)
        assert garbage[0] == 0xFF
        raw.send(frame(TEXT, b'{"type":"input_audio_buffer.clear"}'))
        assert (await events_of(raw))["type"] == "input_audio_buffer.cleared"


# --- events that are not as they should be --------------------------------------------------------------------


async def kinds_until_done(emu: Emulator) -> list[str]:
    """Return the types of all that a client gets for one answer in text."""
    async with connect(emu.url) as ws:
        await send(ws, "session.update", session={"type": "realtime", "output_modalities": ["text"]})
        await send(ws, "response.create")
        seen: list[Any] = []
        await until(ws, "rate_limits.updated", seen)
    return [event["type"] for event in seen]


async def test_omitted_duplicated_and_swapped_events() -> None:
    async with emulator() as emu:
        plain = await kinds_until_done(emu)
        emu.add_fault("response.output_text.done", "omit")
        emu.add_fault("response.created", "duplicate", times=3)
        emu.add_fault("response.output_item.added", "reorder")
        changed = await kinds_until_done(emu)
    at = plain.index("response.output_item.added")
    expected = [*plain[:at], plain[at + 1], plain[at], *plain[at + 2 :]]
    expected.remove("response.output_text.done")
    created = expected.index("response.created")
    expected[created:created] = ["response.created"] * 2
    assert changed == expected


async def test_a_clients_event_can_be_lost_doubled_or_swapped() -> None:
    async with emulator() as emu, connect(emu.url) as ws:
        emu.add_fault("input_audio_buffer.clear", "omit")
        emu.add_fault("session.update", "duplicate")
        await send(ws, "input_audio_buffer.clear")
        await send(ws, "session.update", session={"type": "realtime"})
        await send(ws, "input_audio_buffer.clear")
        seen: list[Any] = []
        await until(ws, "input_audio_buffer.cleared", seen)
        assert [event["type"] for event in seen][1:] == ["session.updated"] * 2 + ["input_audio_buffer.cleared"]
        # Taken down as sent, whatever became of it.
        assert [event["type"] for event in emu.client_events] == [
            "input_audio_buffer.clear",
            "session.update",
            "input_audio_buffer.clear",
        ]


async def test_a_delay_keeps_the_order() -> None:
    async with emulator() as emu:
        plain = await kinds_until_done(emu)
        emu.add_fault("response.output_item.added", "delay", seconds=0.01)
        assert await kinds_until_done(emu) == plain


async def test_json_that_is_none() -> None:
    async with emulator(fault("response.created", "malformed_json")) as emu, connect(emu.url) as ws:
        await until(ws, "session.created")
        await send(ws, "response.create")
        broken = str(await ws.recv())
        with pytest.raises(json.JSONDecodeError):
            json.loads(broken)
        assert json.loads(broken + "}")["type"] == "response.created"
        await until(ws, "response.done")


async def test_a_binary_message() -> None:
    async with emulator(fault("response.created", "binary")) as emu, raw_client(emu.port) as raw:
        raw.send(UPGRADE)
        await raw.head()
        await raw.frame()
        raw.send(frame(TEXT, b'{"type":"response.create"}'))
        opcode, payload = await raw.frame()
        assert (opcode, json.loads(payload)["type"]) == (BINARY, "response.created")
        await events_of(raw)


async def test_rate_limits_that_run_out() -> None:
    limits = {"name": "requests", "limit": 100, "remaining": 0, "reset_seconds": 1.5}
    script = fault("rate_limits.updated", "rate_limits", place="instead", limits=limits)
    async with emulator(script) as emu, connect(emu.url) as ws:
        await send(ws, "response.create")
        seen: list[Any] = []
        event = await until(ws, "rate_limits.updated", seen)
        assert event["rate_limits"] == [limits]
        await send(ws, "response.create")
        assert (await until(ws, "rate_limits.updated"))["rate_limits"] != [limits]


async def test_any_event_can_be_sent() -> None:
    event = {"type": "something.new", "x": 1}
    async with emulator(fault("session.created", "send", event=event)) as emu, connect(emu.url) as ws:
        got = await until(ws, "something.new")
        assert (got["x"], got["event_id"][:6]) == (1, "event_")


async def test_session_created_may_be_late() -> None:
    async with emulator(session={"created_delay": 0.01}) as emu, connect(emu.url) as ws:
        await send(ws, "input_audio_buffer.clear")
        seen: list[Any] = []
        await until(ws, "input_audio_buffer.cleared", seen)
        assert [event["type"] for event in seen] == ["session.created", "input_audio_buffer.cleared"]


# --- all at once ----------------------------------------------------------------------------------------------


async def test_the_same_seed_gives_the_same_session() -> None:
    script = {
        "seed": 3,
        "fault": [
            {"at": "server", "do": "omit", "probability": 0.2},
            {"at": "server", "do": "duplicate", "probability": 0.2},
        ],
    }

    async def run(**other: Any) -> list[str]:
        async with emulator({**script, **other}) as emu:
            async with connect(emu.url) as ws:
                await send(ws, "session.update", session={"type": "realtime", "output_modalities": ["text"]})
                await send(ws, "response.create")
                await asyncio.wait_for(emu.wait_for("response.create"), 10)
                await send(ws, "session.update", session={"type": "realtime"}, event_id="last")
                await ws.close()
            await emu.wait_for_end()
            return list(emu.connections[0].faults)

    first = await run()
    assert first
    assert await run() == first
    assert await run(seed=4) != first


async def test_a_fault_in_the_middle_of_speech() -> None:
    """The phase of a conversation is chosen by the event that begins it."""
    async with emulator(fault("input_audio_buffer.speech_started", "drop", how="fin")) as emu, connect(emu.url) as ws:
        await speak(ws, QUIET, speech(600))
        kinds, code, _ = await to_end(ws)
        assert (kinds[-1], code) == ("input_audio_buffer.speech_started", None)
