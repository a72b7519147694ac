"""Messages that no client should send: each is answered by name, and the session goes on."""

import base64
import json
from typing import Any

import pytest

from tests.fuzz.shapes import changes, event_schemas, examples
from tests.hostile.kit import Host, bystander, guest, peak_of_allocations
from tests.sdk_events import check_server_event
from tests.transports.kit import BINARY, CLOSE, CONTINUATION, TEXT, frame

APPEND = b'{"type":"input_audio_buffer.append","audio":"%s"}'
MOST_AUDIO = 15 * 1024 * 1024


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def update(session: bytes) -> bytes:
    return b'{"type":"session.update","session":{"type":"realtime",%s}}' % session


def tool(parameters: bytes) -> bytes:
    return b'"tools":[{"type":"function","name":"f","parameters":{"a":%s}}]' % parameters


MALFORMED = {
    "nothing": b"",
    "a space": b" ",
    "half an object": b'{"type":"response.create"',
    "two objects": b'{"type":"response.create"}{"type":"response.create"}',
    "no value": b'{"type":}',
    "single quotes": b"{'type':'response.create'}",
    "a comment": b'{"type":"response.create"} // now',
    "NaN": b'{"type":"conversation.item.truncate","item_id":"a","content_index":NaN,"audio_end_ms":1}',
    "a byte order mark": b'\xef\xbb\xbf{"type":"response.create"}',
    "a control character": b'{"type":"response.create","event_id":"a\x00b"}',
    "half a surrogate pair": b'{"type":"conversation.item.retrieve","item_id":"\\ud800"}',
    "100,000 arrays": b"[" * 100_000,
    "100,000 objects": nested(100_000),
    "bad base64": APPEND % b"****",
    "base64 without padding": APPEND % b"AAA",
    "base64 for URLs": APPEND % b"__--",
    "base64 with spaces": APPEND % b"AA AA===",
    "half a sample": APPEND % b"AAAA",
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_event_is_an_error_and_the_session_goes_on(host: Host, message: bytes) -> None:
    async with guest(host.port) as peer:
        peer.text(message)
        (answer,) = await peer.drained()
        assert check_server_event(answer).error.type == "invalid_request_error"


@pytest.mark.parametrize("message", [b"null", b"true", b"12", b'"text"', b"[]", b"{}", b'[{"type":"response.create"}]'])
async def test_json_that_is_no_object_of_ours_is_an_error(host: Host, message: bytes) -> None:
    async with guest(host.port) as peer:
        peer.text(message)
        (answer,) = await peer.drained()
        assert answer["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("depth", [50, 99, 200, 400, 600, 800, 900, 950, 990, 1500, 5000])
@pytest.mark.parametrize("where", ["session", "tools", "response", "type", "event_id", "unknown"])
async def test_nesting_is_taken_or_refused_but_never_our_fault(host: Host, where: str, depth: int) -> None:
    deep = nested(depth)
    message = {
        "session": update(b'"tracing":{"metadata":{"a":%s}}' % deep),
        "tools": update(tool(deep)),
        "response": b'{"type":"response.create","response":{%s}}' % tool(deep),
        "type": b'{"type":%s}' % deep,
        "event_id": b'{"type":"response.create","event_id":%s}' % deep,
        "unknown": b'{"type":"response.create","unknown":%s}' % deep,
    }[where]
    async with guest(host.port) as peer:
        peer.text(message)
        answers = await peer.drained()
        errors = [answer["error"] for answer in answers if answer["type"] == "error"]
        assert [error["type"] for error in errors] in ([], ["invalid_request_error"])
        assert errors or where in ("session", "tools", "response")
        assert errors or depth <= 100


@pytest.mark.parametrize(
    "value",
    [
        b"18446744073709551616",
        b"-9223372036854775809",
        b"1" * 4000,
        b"1e400",
        b"1e-400",
        b"0.1",
        b'"\\u0000"',
        b"[1e308]",
    ],
)
async def test_numbers_of_any_size_are_taken_or_refused(host: Host, value: bytes) -> None:
    """What a client puts where anything may stand comes back in `session.updated`: it must be writable again."""
    async with guest(host.port) as peer:
        peer.text(update(tool(value)))
        (answer,) = await peer.drained()
        assert answer["type"] == "session.updated" or answer["error"]["type"] == "invalid_request_error"


async def test_binary_messages_are_refused_one_by_one(host: Host) -> None:
    async with guest(host.port) as peer:
        peer.send(frame(BINARY, b"\x00" * 1000))
        peer.send(frame(BINARY, b"\x00" * 10, fin=False) + frame(CONTINUATION, b"\x00" * 10))
        peer.send(frame(BINARY, APPEND % b"AAAA"))
        answers = await peer.drained()
        assert [answer["error"]["code"] for answer in answers] == ["invalid_event"] * 3


async def test_15_mib_of_audio_is_taken_and_more_is_refused(host: Host) -> None:
    async with guest(host.port) as peer:
        peer.configure(audio={"input": {"turn_detection": None}})
        assert (await peer.next())["type"] == "session.updated"
        peer.text(APPEND % base64.b64encode(bytes(MOST_AUDIO)))
        assert await peer.drained() == []
        peer.text(APPEND % base64.b64encode(bytes(MOST_AUDIO + 2)))
        (answer,) = await peer.drained()
        assert answer["error"]["param"] == "audio"
        assert "15 MiB" in answer["error"]["message"]


async def test_a_message_beyond_the_limit_ends_the_session_and_no_other(host: Host) -> None:
    async with bystander(host.port) as other, guest(host.port) as peer:
        peer.send(frame(TEXT, b" " * 22_000_001))
        code, reason = await peer.close_frame()
        assert (code, "22000000" in reason) == (1009, True)
        before = other.answers
        async with guest(host.port) as next_peer:
            assert await next_peer.drained() == []
        assert other.answers > before


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"response.create","%s":1}' % (b"x" * 20_000_000),
        b'{"type":"%s"}' % (b"x" * 20_000_000),
        b'{"type":"response.create","event_id":"%s"}' % (b"x" * 20_000_000),
        b'{"type":"conversation.item.delete","item_id":"%s"}' % (b"x" * 20_000_000),
        b'{"type":"response.create","response":{"metadata":{"%s":"x"}}}' % (b"x" * 20_000_000),
        update(b'"%s":1' % (b"x" * 900_000)),
        update(b'"tool_choice":"%s"' % (b"x" * 900_000)),
    ],
    ids=["field", "type", "event_id", "item_id", "metadata", "session", "tool_choice"],
)
async def test_an_error_does_not_echo_megabytes(host: Host, message: bytes) -> None:
    async with guest(host.port) as peer:
        peer.text(message)
        (answer,) = await peer.drained()
        assert answer["error"]["type"] == "invalid_request_error"
        assert len(json.dumps(answer)) < 2000


@pytest.mark.parametrize("filler", [b"[],", b"{},", b'{"a":0},'])
@pytest.mark.parametrize("place", ["type", "event_id", "session", "tools", "unknown"])
async def test_20_mb_of_tiny_values_are_not_built_up_in_memory(host: Host, place: str, filler: bytes) -> None:
    """Seven million empty lists would be 500 MB of objects."""
    many = b"[" + filler * (20_000_000 // len(filler)) + b"0]"
    message = {
        "type": b'{"type":%s}' % many,
        "event_id": b'{"type":"response.create","event_id":%s}' % many,
        "session": update(b'"tracing":%s' % many),
        "tools": b'{"type":"response.create","response":{%s}}' % tool(many),
        "unknown": b'{"type":"response.create","unknown":%s}' % many,
    }[place]
    async with guest(host.port) as peer:
        with peak_of_allocations() as peak:
            peer.text(message)
            (answer,) = await peer.drained()
        assert answer["error"]["type"] == "invalid_request_error"
        assert peak.bytes < 200_000_000  # the message itself, a few times over


@pytest.mark.parametrize("kind", sorted(event_schemas()))
async def test_wrong_types_at_every_path_are_errors_or_taken(host: Host, kind: str) -> None:
    """Each JSON type at each path of each event, each field left out, a field too many in each object."""
    cases = {change.message: change.where for example in examples(event_schemas()[kind]) for change in changes(example)}
    async with guest(host.port) as peer:
        for message, where in cases.items():
            peer.text(message)
            for answer in await peer.drained():
                check_server_event(answer)
                is_ours = answer["type"] == "error" and answer["error"]["type"] == "server_error"
                assert not is_ours, (where, message, answer)
    assert len(cases) > 10


async def test_garbage_frames_end_the_session_and_no_other(host: Host) -> None:
    async with bystander(host.port) as other:
        for garbage in (
            b"\xff" * 4096,
            b"\x81\xff" + b"\xff" * 8,
            b"\x81\x05hello",
            b"\x83\x80\0\0\0\0",
            bytes(range(256)) * 16,
        ):
            async with guest(host.port) as peer:
                peer.send(garbage)
                assert (await _end(peer)) in (1002, 1009, None)
        async with guest(host.port) as peer:
            assert await peer.drained() == []
        assert other.answers > 0


async def _end(peer: Any) -> int | None:
    """Return the close code, None when the connection ended without one."""
    try:
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])
    except EOFError:
        return None
