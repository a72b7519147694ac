"""A call between its peer and its session, on a clock that the test moves."""

import asyncio
import json
import logging
from dataclasses import replace
from unittest import mock

import pytest

import antiphon.transports.webrtc.call as under_test
from antiphon.engines.scripted import ScriptedEngine, parse_script
from antiphon.errors import ClientEventError, MediaError
from antiphon.transports.base import Client
from antiphon.transports.rtp import (
    Opus,
    ReceiverReport,
    ReportBlock,
    RtpPacket,
    RtpSender,
    SenderReport,
    parse_rtcp,
    parse_rtp,
    write_report,
)
from antiphon.transports.webrtc.sdp import parse_offer
from tests.sdk_events import check_server_event
from tests.transports.webrtc.call_kit import (
    START,
    Session,
    Switchboard,
    Wire,
    WiredCall,
    floats,
    level_of,
    loudness,
    tone,
    wired,
)
from tests.transports.webrtc.offers import CHROME, SAFARI

MAX_MESSAGE = 262_144  # of Chrome's offer
FAR_SSRC = 99


def audio_only(offer: str = CHROME) -> str:
    return offer[: offer.index("m=application")].replace("BUNDLE 0 1", "BUNDLE 0")


class FarEnd:
    """What the client sends and hears, packet by packet."""

    def __init__(self, call: WiredCall, payload_type: int = 111) -> None:
        self._call = call
        self._sender = RtpSender(Opus(), payload_type, FAR_SSRC)
        self._decoder = Opus()

    def sing(self, pcm: bytes) -> None:
        """Send so much audio in real time."""
        for at in range(0, len(pcm), 960):
            packet = self._sender.packet(pcm[at : at + 960])
            if packet is not None:
                self._call.call.on_media(packet, self._call.hand.now)
            self._call.go(0.02)

    def heard(self) -> list[float]:
        """Return how loud each packet was that came since."""
        packets = [parse_rtp(packet) for packet in self._call.wire.media]
        self._call.wire.media.clear()
        return [loudness(floats(self._decoder.decode(packet.payload))) for packet in packets]


# --- audio ------------------------------------------------------------------------------------------------------------


async def test_what_the_user_says_is_appended_as_it_was_said() -> None:
    async with wired() as call:
        FarEnd(call).sing(tone(2000, 500))
        heard = call.session.heard
        assert 2000 - 200 <= len(heard) / 48 <= 2000  # in ms; what is left is in the jitter buffer
        middle = floats(heard)[12_000:36_000]
        assert level_of(middle, 500) == pytest.approx(0.3, rel=0.1)
        assert loudness(middle) == pytest.approx(0.3 / 2**0.5, rel=0.1)


async def test_a_silent_client_is_silence_and_is_heard_again() -> None:
    async with wired() as call:
        far = FarEnd(call)
        far.sing(tone(1000, 500))
        said = len(call.session.heard)
        call.go(30)  # muted: not one packet
        silence = call.session.heard[said:]
        assert len(silence) == pytest.approx(30 * 48_000, abs=9600)
        assert loudness(floats(silence[9600:])) == 0
        said += len(silence)
        far.sing(tone(1000, 500))
        assert level_of(floats(call.session.heard[said:])[12_000:], 500) == pytest.approx(0.3, rel=0.15)


async def test_before_the_client_is_connected_no_time_passes() -> None:
    async with wired(connected=False) as call:
        assert len(call.hand) == 0
        call.session.answer(tone(100))
        call.wire.connect()
        call.go(1)
        assert [event["type"] for event in call.wire.events if event["type"].startswith("output")] == [
            "output_audio_buffer.started",
            "output_audio_buffer.stopped",
        ]


async def test_an_answer_is_heard_and_no_audio_is_in_events() -> None:
    async with wired() as call:
        far = FarEnd(call)
        call.session.answer(tone(1000, 600))
        call.go(1.2)
        loud = [level for level in far.heard() if level > 0.1]
        assert len(loud) == pytest.approx(50, abs=2)
        kinds = [event["type"] for event in call.wire.events]
        assert kinds == [
            "session.created",
            "response.created",
            "response.output_audio.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
            "output_audio_buffer.started",
            "output_audio_buffer.stopped",
        ]
        assert b"response.output_audio.delta" not in b"".join(call.wire.messages)


async def test_packets_are_20_ms_apart_and_speech_begins_with_a_marker() -> None:
    async with wired() as call:
        call.session.answer(tone(200))
        call.go(0.2)
        packets = [parse_rtp(packet) for packet in call.wire.media]
        assert {(packet.ssrc, packet.payload_type) for packet in packets} == {(call.wire.ssrc, 111)}
        first = packets[0]
        assert [(packet.sequence_number - first.sequence_number) & 0xFFFF for packet in packets] == list(range(10))
        assert [(packet.timestamp - first.timestamp) & 0xFFFFFFFF for packet in packets] == list(range(0, 9600, 960))
        assert [packet.marker for packet in packets] == [True] + [False] * 9


async def test_two_calls_do_not_begin_with_the_same_numbers() -> None:
    firsts: list[RtpPacket] = []
    for _ in range(2):
        async with wired() as call:
            call.session.answer(tone(20))
            call.go(0.02)
            firsts.append(parse_rtp(call.wire.media[0]))
    assert firsts[0].timestamp != firsts[1].timestamp


async def test_an_interruption_is_silence_within_two_packets() -> None:
    async with wired() as call:
        far = FarEnd(call)
        call.session.answer(tone(5000))
        call.go(1)
        assert min(far.heard()[5:]) > 0.1
        call.session.tell("input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_1")
        call.go(0.4)
        assert max(far.heard()[2:]) < 0.01
        assert call.wire.events[-1]["type"] == "output_audio_buffer.cleared"
        (truncated,) = call.session.asked
        assert (truncated["type"], truncated["item_id"]) == ("conversation.item.truncate", "item_of_resp_1")
        assert truncated["audio_end_ms"] == 1000


async def test_the_client_clears_its_buffer() -> None:
    async with wired() as call:
        far = FarEnd(call)
        call.session.answer(tone(5000))
        call.go(0.5)
        far.heard()
        call.call.on_message(b'{"type":"output_audio_buffer.clear"}')
        call.go(0.4)
        assert max(far.heard()[2:]) < 0.01
        cleared = check_server_event(call.wire.events[-1])
        assert (cleared.type, cleared.response_id) == ("output_audio_buffer.cleared", "resp_1")
        assert "output_audio_buffer.clear" not in [event["type"] for event in call.session.asked]


async def test_a_client_that_only_listens_is_not_listened_to() -> None:
    async with wired(SAFARI) as call:
        FarEnd(call).sing(tone(200))
        assert call.session.heard == b""
        call.session.answer(tone(200))
        call.go(0.2)
        assert len(call.wire.media) >= 10


async def test_a_client_that_only_speaks_is_sent_no_audio_though_its_answers_are_played() -> None:
    async with wired(CHROME.replace("a=sendrecv", "a=sendonly")) as call:
        FarEnd(call).sing(tone(400))
        assert loudness(floats(call.session.heard)) > 0.1
        call.session.answer(tone(200))
        call.go(0.4)
        assert call.wire.media == []
        assert call.wire.events[-1]["type"] == "output_audio_buffer.stopped"


# --- events -----------------------------------------------------------------------------------------------------------


async def test_a_call_without_a_channel_is_told_nothing() -> None:
    async with wired(audio_only()) as call:
        call.session.answer(tone(200))
        call.session.tell("a.large.one", padding="x" * 1_000_000)
        call.go(1)
        assert call.wire.messages == []
        assert len(call.wire.media) >= 10


async def test_an_event_too_large_for_the_client_is_replaced_by_an_error() -> None:
    async with wired() as call:
        call.session.tell("conversation.item.retrieved", item={"audio": "x" * MAX_MESSAGE})
        call.session.tell("after.it")
        event, after = call.wire.events[-2:]
        error = check_server_event(event).error
        assert (error.code, error.type, after["type"]) == ("message_too_large", "invalid_request_error", "after.it")
        assert "conversation.item.retrieved (event_1) was left out" in error.message
        assert f"a=max-message-size is {MAX_MESSAGE}" in error.message


async def test_a_client_too_small_even_for_the_error_is_told_nothing() -> None:
    async with wired(CHROME.replace("max-message-size:262144", "max-message-size:100")) as call:
        call.session.tell("large", padding="x" * 200)
        call.session.tell("small")
        assert [event["type"] for event in call.wire.events] == ["small"]


async def test_what_is_no_text_is_told_and_the_call_goes_on() -> None:
    async with wired() as call:
        call.call.on_message(b'{"type":"\xff"}')
        assert check_server_event(call.wire.events[-1]).error.code == "invalid_json"
        assert call.session.received == []
        call.call.on_message('{"type":"größer"}'.encode())
        assert call.session.asked == [{"type": "größer"}]


async def test_a_session_that_fails_on_a_message_ends_the_call() -> None:
    async with wired() as call:
        call.session.on_message = lambda message: 1 // 0  # type: ignore[assignment]
        call.call.on_message(b"{}")
        call.call.on_message(b"{}")
        assert len(call.session.received) == 1
        error = check_server_event(call.wire.events[-1]).error
        assert (error.type, error.code) == ("server_error", "server_error")
        await call.session.closed.wait()
        assert call.session.lost is False


async def test_a_client_that_closed_its_channel_is_not_slow() -> None:
    """What a channel is closed for is nobody's; it must not pile up and hold back the session."""
    async with wired() as call:
        call.wire.channel_is_open = False
        call.call.on_channel_close()
        call.wire.unsent = 1_000_000
        told = len(call.wire.messages)
        call.session.tell("to.nobody")
        call.go(1)
        assert len(call.wire.messages) == told
        assert call.session.slow == []
        call.wire.unsent = 0
        call.wire.channel_is_open = True
        call.call.on_channel_open()
        call.session.tell("again")
        assert call.wire.events[-1]["type"] == "again"


async def test_what_waits_for_a_channel_that_is_not_open_yet_makes_nobody_slow() -> None:
    async with wired() as call:
        call.wire.channel_is_open = False
        call.wire.unsent = 3_000_000
        call.session.tell("early")
        call.go(1)
        await asyncio.sleep(0)
        assert call.session.slow == []
        assert call.call.unsent == 0


async def test_a_client_is_slow_from_512_kb_to_128_kb() -> None:
    async with wired() as call:
        for unsent, slow in [(512_000, []), (512_001, [True]), (200_000, [True]), (127_999, [True, False])]:
            call.wire.unsent = unsent
            call.session.tell("more")
            call.go(0.5)
            await asyncio.sleep(0)
            assert call.session.slow == slow


async def test_slowness_is_told_at_once() -> None:
    async with wired() as call:
        call.wire.unsent = 600_000
        call.session.tell("more")
        await asyncio.sleep(0)
        assert call.session.slow == [True]


async def test_a_client_that_does_not_read_16_mb_is_lost() -> None:
    async with wired() as call:
        call.wire.unsent = 16_000_001
        told = len(call.wire.messages)
        call.session.tell("one.too.many")
        assert len(call.wire.messages) == told
        await call.session.closed.wait()
        assert call.switchboard.released == 1


# --- media that does not come -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("extensions", [True, False])
async def test_media_that_never_comes_is_told_once(extensions: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with wired(extensions=extensions) as call:
        call.go(14)
        assert "no audio came" not in caplog.text
        call.go(30)
        told = [event for event in call.wire.events if event["type"] == "antiphon.media.missing"]
        assert [event["seconds"] for event in told] == [15] * extensions
        assert caplog.text.count("no audio came within 15 s of connecting") == 1


async def test_media_that_comes_is_not_missed(caplog: pytest.LogCaptureFixture) -> None:
    async with wired(extensions=True) as call:
        call.go(10)
        FarEnd(call).sing(tone(100))
        call.go(60)
        assert "antiphon.media.missing" not in [event["type"] for event in call.wire.events]
        assert "no audio came" not in caplog.text


@pytest.mark.parametrize("offer", [SAFARI, CHROME[: CHROME.index("m=audio")] + CHROME[CHROME.index("m=app") :]])
async def test_media_that_was_not_offered_is_not_missed(offer: str, caplog: pytest.LogCaptureFixture) -> None:
    async with wired(offer.replace("BUNDLE 0 1", "BUNDLE 1"), extensions=True) as call:
        call.go(60)
        assert "no audio came" not in caplog.text


# --- RTCP -------------------------------------------------------------------------------------------------------------


async def test_reports_go_out_every_five_seconds() -> None:
    async with wired() as call:
        FarEnd(call).sing(tone(4960))
        assert call.wire.rtcp == []
        call.go(11)
        assert len(call.wire.rtcp) == 3
        (report,) = parse_rtcp(call.wire.rtcp[0])
        assert isinstance(report, SenderReport)
        assert report.ssrc == call.wire.ssrc
        assert [block.ssrc for block in report.blocks] == [FAR_SSRC]
        assert b"realtimeapi" in call.wire.rtcp[0]


async def test_who_sends_no_audio_reports_all_the_same() -> None:
    async with wired(CHROME.replace("a=sendrecv", "a=sendonly")) as call:
        FarEnd(call).sing(tone(5000))
        (report,) = parse_rtcp(call.wire.rtcp[0])
        assert isinstance(report, ReceiverReport)
        assert (report.ssrc, report.blocks[0].ssrc) == (call.wire.ssrc, FAR_SSRC)


async def test_a_sender_report_is_answered_so_that_the_client_knows_the_round_trip() -> None:
    async with wired() as call:
        FarEnd(call).sing(tone(100))
        call.call.on_rtcp(write_report(SenderReport(FAR_SSRC, 0x0000_1234_5678_0000, 0, 5, 500)))
        call.go(5)
        (report,) = parse_rtcp(call.wire.rtcp[0])
        assert not hasattr(report, "ssrcs")
        assert report.blocks[0].last_report == 0x12345678


async def test_loss_that_the_client_reports_switches_fec_on_and_off() -> None:
    async with wired() as call:
        expected: list[int] = []
        with mock.patch.object(call.call._sender._codec, "expect_loss", expected.append):  # type: ignore[union-attr]
            for ssrc, loss in [(call.wire.ssrc, 0.25), (FAR_SSRC, 1.0), *[(call.wire.ssrc, 0.0)] * 12]:
                call.call.on_rtcp(write_report(ReceiverReport(FAR_SSRC, (ReportBlock(ssrc, loss, 0, 0, 0),))))
        assert expected[0] == 25
        assert max(expected) == 25
        assert expected[-1] == 0


@pytest.mark.parametrize(
    "packet", [b"", b"\x80", b"\x80\xc8\x00\xff" + bytes(20), b"\x00" * 40, b"\x9f\xc9\x00\x01" + bytes(4)]
)
async def test_malformed_rtcp_is_dropped(packet: bytes) -> None:
    async with wired() as call:
        call.call.on_rtcp(packet)
        assert call.call in call.hand.members


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_a_call_that_fails_in_its_tick_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with wired() as call:
        call.call.ticker_failed(ValueError("broken"))
        assert check_server_event(call.wire.events[-1]).error.code == "server_error"
        await call.session.closed.wait()
        assert call.session.lost is False
        assert "1011" in caplog.text
        assert len(call.hand) == 0


async def test_a_client_that_closes_ends_the_call() -> None:
    async with wired(extensions=True) as call:
        call.call.on_closed("the client closed the connection", lost=False)
        assert call.session.lost is False
        assert (call.switchboard.house.parked, call.switchboard.released, len(call.hand)) == (0, 1, 0)


async def test_a_client_that_is_lost_may_come_back() -> None:
    async with wired(extensions=True) as call:
        call.call.on_closed("the client is not there any more", lost=True)
        assert not call.session.closed.is_set()
        assert (call.switchboard.house.parked, call.switchboard.released) == (1, 1)


async def test_what_was_sent_last_leaves_before_the_connection_ends() -> None:
    async with wired() as call:
        call.wire.unsent = 1000
        call.session.tell("the.last")
        call.call.close(1000, "done")
        assert len(call.hand) == 0
        await call.session.closed.wait()
        await asyncio.sleep(0.05)
        assert not call.wire.closed
        call.wire.unsent = 0
        await asyncio.wait_for(call.switchboard.calls.empty(), 1)
        assert call.wire.closed


async def test_a_client_that_takes_nothing_any_more_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_GOODBYE_SECONDS", 0.05)
    async with wired() as call:
        call.wire.unsent = 1000
        call.call.close(1000, "done")
        await asyncio.wait_for(call.switchboard.calls.empty(), 1)


async def test_after_its_end_a_call_sends_and_hears_nothing() -> None:
    async with wired() as call:
        call.call.close(1000, "done")
        told = len(call.wire.messages)
        call.session.tell("late")
        call.call.on_message(b'{"type":"late"}')
        call.call.close(1000, "again")
        call.call.abort()
        call.call.abort()
        call.call.on_connected()
        assert len(call.hand) == 0
        assert (len(call.wire.messages), call.session.received) == (told, [])
        assert call.switchboard.released == 1


async def test_a_call_that_is_closed_is_not_waited_for() -> None:
    async with wired(extensions=True) as call:
        call.call.close(1000, "done")
        await call.switchboard.calls.empty()
        assert (call.session.lost, call.switchboard.house.parked) == (False, 0)


async def test_a_server_that_goes_down_parks_its_calls() -> None:
    async with wired(extensions=True) as call:
        call.switchboard.calls.close(1001, "The server is shutting down.")
        await call.switchboard.calls.empty()
        assert call.switchboard.house.parked == 1


async def test_a_session_that_cannot_be_closed_releases_its_place(caplog: pytest.LogCaptureFixture) -> None:
    async with wired() as call:
        with mock.patch.object(Session, "close", side_effect=ValueError("stuck")):
            call.call.on_closed("gone", lost=False)
        assert "could not be closed" in caplog.text
        assert call.switchboard.released == 1


async def test_a_client_without_any_sign_of_life_is_lost_after_14_seconds() -> None:
    async with wired(extensions=True) as call:
        call.wire.unsent = 1000
        call.go(20)
        call.wire.is_there = False
        call.go(13.9)
        assert not call.wire.closed
        call.go(0.7)
        assert call.wire.closed
        assert (len(call.hand), call.switchboard.house.parked) == (0, 1)


async def test_one_sign_of_life_is_enough() -> None:
    async with wired() as call:
        for _ in range(5):
            call.wire.is_there = False
            call.go(13)
            call.wire.is_there = True
            call.go(0.02)
        assert not call.wire.closed


@pytest.mark.parametrize(("gap", "doubt"), [(2.5, 0.0), (5.0, 3.0)])
async def test_what_was_played_into_a_gap_does_not_count_as_heard_before_the_client_had_time_to_come_back(
    gap: float, doubt: float
) -> None:
    """The old connection may give a sign of life first."""
    signs: list[float] = []
    async with wired() as call:
        call.go(1)
        with mock.patch.object(type(call.call._session), "still_there") as still_there:
            still_there.side_effect = lambda events: signs.append(call.hand.now)
            call.wire.is_there = False
            call.go(gap)
            back = call.hand.now
            call.wire.is_there = True
            call.go(0.02)
            call.wire.is_there = doubt == 0.0  # one is enough
            call.go(4)
        assert signs[0] - back == pytest.approx(doubt + 0.02, abs=0.021)


# --- beginnings that fail ---------------------------------------------------------------------------------------------


async def nothing_left(board: Switchboard) -> None:
    await asyncio.wait_for(board.calls.empty(), 1)
    assert (len(board.calls), board.released, len(board.house)) == (0, board.admitted, 0)


async def test_an_offer_that_is_none_is_refused_and_leaves_nothing() -> None:
    board = Switchboard()
    with pytest.raises(ClientEventError, match="offer"):
        await board.begin("nonsense")
    await nothing_left(board)


async def test_without_a_port_there_is_no_call() -> None:
    board = Switchboard()
    with mock.patch.object(Wire, "answer", side_effect=MediaError("no UDP port")), pytest.raises(MediaError):
        async with wired(board=board):
            pass
    await nothing_left(board)
    assert board.engine.sessions == []


async def test_an_engine_that_cannot_open_leaves_nothing() -> None:
    board = Switchboard()
    with (
        mock.patch.object(board.engine, "open", side_effect=ValueError("broken")),
        pytest.raises(ValueError, match="broken"),
    ):
        async with wired(board=board):
            pass
    await asyncio.wait_for(board.calls.empty(), 1)
    assert (len(board.calls), board.released) == (0, 1)


async def test_an_engine_that_plays_no_media_is_closed_again() -> None:
    board = Switchboard()
    board.calls.engine = board.engine  # without `Calls` around it
    with mock.patch.object(under_test, "Peer", Wire):
        assert await board.calls.begin(CHROME.encode(), board.admission()) is None
    assert board.session.closed.is_set()
    await nothing_left(board)


async def test_a_server_that_goes_down_meanwhile_answers_nobody() -> None:
    board = Switchboard()
    answering = asyncio.Event()

    async def answer(self: Wire) -> str:
        board.calls.close(1001, "The server is shutting down.")
        answering.set()
        await asyncio.sleep(0)
        return "v=0"

    with mock.patch.object(Wire, "answer", answer), pytest.raises(MediaError, match="shutting down"):
        async with wired(board=board):
            pass
    await nothing_left(board)


async def test_a_session_that_closes_at_once_is_told_to_the_client() -> None:
    """An engine that is full says so in an event, which waits for the channel like every other."""

    class Refusing(Session):
        def __init__(self, start: object, client: Client) -> None:
            super().__init__(START, client)
            self.tell("error", error={"code": "full"})
            client.close(1013, "full")

    board = Switchboard()
    with mock.patch.object(board.engine, "open", Refusing):
        async with wired(connected=False, board=board) as call:
            call.wire.unsent = 500
            await asyncio.sleep(0.05)
            assert not call.wire.closed
            call.wire.connect()
            assert len(call.hand) == 0
            assert [event["type"] for event in call.wire.events] == ["session.created", "error"]
            call.wire.unsent = 0
            await asyncio.wait_for(board.calls.empty(), 1)
            assert board.released == 1


async def test_a_token_that_opens_nothing_leaves_nothing() -> None:
    board = Switchboard()
    admission = replace(board.admission(), resume=lambda client: Session(START, client))
    with mock.patch.object(under_test, "Peer", Wire):
        assert await board.calls.begin(CHROME.encode(), admission) is None
    await nothing_left(board)


async def test_the_offers_of_these_tests_are_what_they_say() -> None:
    assert parse_offer(audio_only()).channel is None
    assert json.dumps(parse_offer(CHROME).channel.max_message_bytes) == str(MAX_MESSAGE)  # type: ignore[union-attr]


async def test_whatever_comes_over_the_channel_gets_an_answer_of_the_engine_and_ends_nothing() -> None:
    board = Switchboard()
    board.house.engine = ScriptedEngine(parse_script(""))
    async with wired(board=board) as call:
        told = len(call.wire.messages)
        hostile = [b"", b"no json", b"[", b"null", b"[" * 100_000, b'{"type":1}', b'{"type":"\xff"}', b"\x00\xff\xfe"]
        hostile += [
            b'{"type":"input_audio_buffer.append","audio":"\xff"}',
            b'{"type":"input_audio_buffer.append","audio":"!"}',
        ]
        for message in hostile:
            call.call.on_message(message)
        call.call.on_message(b'{"type":"session.update","session":{"type":"realtime","instructions":"Be kind."}}')
        errors, updated = call.wire.events[told:-1], call.wire.events[-1]
        assert [event["type"] for event in errors] == ["error"] * len(hostile)
        assert all(check_server_event(event).error.type == "invalid_request_error" for event in errors)
        assert [event["error"]["code"] for event in errors[:2]] == ["invalid_json"] * 2
        assert updated["type"] == "session.updated"
