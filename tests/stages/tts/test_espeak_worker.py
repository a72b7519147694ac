"""What the worker does to espeak's audio before it sends it, and how the process behaves."""

import asyncio
import json
import signal
import struct
import sys

from antiphon.stages.tts.espeak_worker import HEADER, MARK, MARK_COUNT, Utterance

COMMAND = (sys.executable, "-m", "antiphon.stages.tts.espeak_worker")


def pcm(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


def read(payload: bytes) -> tuple[list[tuple[int, int, int]], bytes]:
    (count,) = MARK_COUNT.unpack_from(payload)
    split = MARK_COUNT.size + count * MARK.size
    return list(MARK.iter_unpack(payload[MARK_COUNT.size : split])), payload[split:]


def test_leading_silence_is_cut_and_marks_move_with_it() -> None:
    utterance = Utterance(lead_samples=1)
    utterance.mark(0, 3, 0)
    utterance.mark(4, 5, 7)
    assert utterance.take(pcm(0, 5, -9)) == b""
    assert read(utterance.take(pcm(0, 0, 500, 0))) == ([(0, 3, 0)], pcm(0, 500, 0))
    assert read(utterance.take(pcm(0, 7))) == ([(4, 5, 3)], pcm(0, 7))
    assert utterance.finish() == b""


def test_a_mark_beyond_the_audio_is_sent_at_the_end() -> None:
    utterance = Utterance(lead_samples=0)
    utterance.mark(0, 2, 9)
    assert read(utterance.take(pcm(1000))) == ([], pcm(1000))
    assert read(utterance.finish()) == ([(0, 2, 9)], b"")


async def test_it_outlives_ctrl_c_and_ends_with_its_parent() -> None:
    """Ctrl-C goes to the whole group: the parent decides; when its pipe closes the worker ends by itself."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert process.stdin is not None
    kind, _, size = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
    assert (kind, json.loads(await process.stdout.readexactly(size))) == (b"R", {"rate": 22050})
    process.send_signal(signal.SIGINT)
    process.stdin.write(HEADER.pack(b"S", 1, 2) + b"{}")
    kind, number, size = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
    assert (kind, number, await process.stdout.readexactly(size)) == (b"E", 1, b"'voices'")
    process.stdin.close()
    assert await process.wait() == 0


async def test_a_request_cancelled_before_its_turn_makes_no_audio() -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=pipe, stdout=pipe)
    request = {"text": "Hello.", "rate": 175, "voices": [("en-us", 50, 50)]}
    payload = json.dumps(request).encode()
    cancel, speak = HEADER.pack(b"C", 7, 0), HEADER.pack(b"S", 7, len(payload)) + payload
    output, _ = await process.communicate(cancel + speak)
    assert output.endswith(HEADER.pack(b"D", 7, 0))
    assert HEADER.pack(b"A", 7, 0)[:1] + struct.pack("<I", 7) not in output
