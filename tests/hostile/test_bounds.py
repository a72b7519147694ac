"""What one session may hold and ask for at once: each buffer and each queue has an end."""

import asyncio
import base64
import gc
import warnings
from typing import Any

from antiphon.session import Equipment, SessionStart
from antiphon.session.limits import Limits
from tests.hostile.kit import Ears, Peer, guest, hosting, peak_of_allocations, until

MOST_UTTERANCES = 64  # more than anyone speaks while a recogniser is behind
MOST_TEXT = 50_000_000  # characters in a conversation
SILENCE = base64.b64encode(bytes(4800)).decode()
BUFFERS = "antiphon.session.input_buffer", "InputAudioBuffer"


def audio_item(**fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": SILENCE}], **fields}


async def manual(peer: Peer) -> None:
    peer.configure(audio={"input": {"turn_detection": None}})
    await peer.until("session.updated")


async def test_commits_that_stt_cannot_follow_are_bounded() -> None:
    ears = Ears(None)
    async with hosting(ears=ears) as host, guest(host.port) as peer:
        await manual(peer)
        for _ in range(500):
            peer.event("input_audio_buffer.append", audio=SILENCE)
            peer.event("input_audio_buffer.commit")
        await peer.drained()
        assert len(ears.open_streams) <= MOST_UTTERANCES


async def test_audio_items_that_stt_cannot_follow_are_bounded() -> None:
    ears = Ears(None)
    async with hosting(ears=ears) as host, guest(host.port) as peer:
        for _ in range(500):
            peer.event("conversation.item.create", item=audio_item())
        await peer.drained()
        assert len(ears.open_streams) <= MOST_UTTERANCES


async def test_an_item_that_goes_takes_its_transcription_along() -> None:
    ears = Ears(None)
    equipment = Equipment(limits=Limits(items=5))
    async with hosting(ears=ears, equipment=equipment) as host, guest(host.port) as peer:
        for _ in range(50):
            peer.event("conversation.item.create", item=audio_item())
        await peer.drained()
        assert len(ears.open_streams) <= 5


async def test_a_refused_response_begins_no_transcription() -> None:
    ears = Ears(None)
    async with hosting(ears=ears) as host, guest(host.port) as peer:
        for _ in range(100):
            peer.event("response.create", response={"conversation": "none", "input": [audio_item()]})
        events = await peer.drained()
        assert sum(event["type"] == "error" for event in events) == 100 - Limits().responses
        assert len(ears.open_streams) <= Limits().responses


async def test_a_cancelled_response_takes_its_transcription_along() -> None:
    ears = Ears(None)
    async with hosting(ears=ears) as host, guest(host.port) as peer:
        for _ in range(100):
            peer.event("response.create", response={"conversation": "none", "input": [audio_item()]})
            created = await peer.until("response.created")
            peer.event("response.cancel", response_id=created["response"]["id"])
            await peer.until("response.done")
        assert len(ears.open_streams) <= 1


async def test_preparations_for_stt_do_not_pile_up() -> None:
    ears = Ears(None)
    async with hosting(ears=ears) as host, guest(host.port) as peer:
        for number in range(100):
            peer.configure(audio={"input": {"transcription": {"model": "whisper-1", "prompt": f"word{number}"}}})
        await peer.drained()
        assert ears.preparing <= 2


async def test_the_text_of_a_conversation_is_bounded() -> None:
    async with hosting() as host, guest(host.port) as peer:
        part = {"type": "input_text", "text": "x" * 2_000_000}
        with peak_of_allocations() as peak:
            for _ in range(60):
                item = {"type": "message", "role": "user", "content": [part]}
                peer.event("conversation.item.create", item=item)
                await peer.until("conversation.item.done")
        assert peak.bytes < MOST_TEXT + 30_000_000


async def test_audio_that_does_not_fit_is_refused_before_it_is_decoded() -> None:
    """G.711 grows six-fold, and eight times more while it is resampled."""
    equipment = Equipment(limits=Limits(buffer_seconds=10))
    async with hosting(equipment=equipment) as host, guest(host.port) as peer:
        peer.configure(audio={"input": {"format": {"type": "audio/pcmu"}}})
        await peer.until("session.updated")
        audio = base64.b64encode(bytes(8000 * 120)).decode()
        with peak_of_allocations() as peak:
            peer.event("input_audio_buffer.append", audio=audio)
            (answer,) = await peer.drained()
        assert answer["error"]["code"] == "input_audio_buffer_full"
        assert peak.bytes < 15_000_000


async def test_the_loop_turns_while_minutes_of_audio_are_looked_at() -> None:
    """One event may bring 15 MiB; turn detection gives way to others between its batches."""
    async with hosting() as host, guest(host.port) as peer:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count())
        sound = (b"\x10\x27" * 24 + b"\xf0\xd8" * 24) * 5000 + bytes(48_000 * 60)  # 10 s loud, 60 s silent
        try:
            peer.event("input_audio_buffer.append", audio=base64.b64encode(sound).decode())
            await peer.until("input_audio_buffer.speech_started")
            before = turns
            await peer.until("input_audio_buffer.speech_stopped")
        finally:
            counting.cancel()
        assert turns - before >= 5  # about ten batches of a second lie between the two


async def test_what_a_session_held_is_free_at_once_when_it_ends() -> None:
    """Garbage collection counts objects and not bytes: left to it, megabytes of audio wait for a long time."""
    gc.collect()
    gc.disable()
    try:
        async with hosting() as host:
            async with guest(host.port) as peer:
                await peer.drained()
            await until(lambda: host.server.connections == 0)
            kinds = [type(each) for each in gc.get_objects()]
            assert not [kind for kind in kinds if (kind.__module__, kind.__qualname__) == BUFFERS]
    finally:
        gc.enable()


async def test_work_that_was_cancelled_before_it_began_leaves_no_warning() -> None:
    async with hosting() as host:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session = host.engine.open(SessionStart("gpt-realtime"), _Nobody())
            session.receive(b'{"type":"response.create"}')
            session.close()
            del session
            for _ in range(3):
                await asyncio.sleep(0)
            gc.collect()
        assert [str(warning.message) for warning in caught] == []


class _Nobody:
    def send(self, message: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...
