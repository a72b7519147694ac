"""Sound for browsers and from them: the file behind a microphone, and the words in what was heard."""

import asyncio
from pathlib import Path

from antiphon.agents.loader import load_agent
from antiphon.audio.pcm import Wav, read_wav, silence, write_wav
from antiphon.audio.resample import resample
from antiphon.session.context import TranscriptionHint
from antiphon.stages.stt.pocketsphinx import PocketSphinx, PocketSphinxSettings

SPEECH = Path(__file__).parents[1] / "speech"
MICROPHONE_RATE = 48_000  # what Chromium takes unchanged
# A page opens its microphone before it is connected: the first word must not come sooner than the call is there.
LEAD_SECONDS = 4.0
# Silence ends the turn; Chromium's microphone must outlast the test, as it fails when the file is at its end.
TAIL_SECONDS = 60.0
LISTENING_RATE = 16_000


def microphone_file(path: Path, speech: Path) -> Path:
    """Write what a microphone hears: a pause, a recording of tests/speech, and a long silence.

    Returns:
        `path`.
    """
    said = read_wav(speech)
    pcm = resample(said.pcm, said.rate, MICROPHONE_RATE)
    before, after = (silence(seconds, MICROPHONE_RATE) for seconds in (LEAD_SECONDS, TAIL_SECONDS))
    write_wav(path, Wav(before + pcm + after, MICROPHONE_RATE))
    return path


def words_in(pcm: bytes, rate: int) -> str:
    """Return what the embedded recogniser, which knows what the default agent talks of, makes of PCM16."""
    return asyncio.run(_words_in(resample(pcm, rate, LISTENING_RATE)))


async def _words_in(pcm: bytes) -> str:
    hint = TranscriptionHint(knowledge=load_agent().knowledge)
    stage = PocketSphinx(PocketSphinxSettings(decoders=1, prepared=1))
    await stage.start()
    try:
        await stage.prepare(hint)
        stream = stage.open(hint)
        stream.feed(pcm)
        return (await stream.finish()).text
    finally:
        await stage.close()
