"""A loaded recogniser, shared by the tests of this folder because it takes a second, and real speech to give it."""

import json
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from antiphon.session.context import Knowledge, TranscriptionHint
from antiphon.stages.stt.pocketsphinx import PocketSphinx, PocketSphinxSettings
from antiphon.stages.stt.sphinx_library import Decoder, load_library, package_folder

SPEECH = Path(__file__).parents[2] / "speech"
HOUSE = TranscriptionHint(
    knowledge=Knowledge(
        {
            "property_id": "maple-17",
            "bedrooms": 4,
            "garage": "double garage",
            "nearest_train_station": {"name": "Oakfield Central", "distance_km": 1.2},
        }
    )
)


def texts() -> dict[str, str]:
    """Return what is said in each recording, by its path in the folder."""
    return {entry["file"]: entry["text"] for entry in json.loads((SPEECH / "manifest.json").read_text())}


def speech(file: str) -> bytes:
    """Return a recording with 300 ms of silence before and after it: PCM16 at 16000 Hz."""
    with wave.open(str(SPEECH / file)) as audio:
        assert audio.getframerate() == 16000
        pcm: bytes = audio.readframes(audio.getnframes())
    return bytes(9600) + pcm + bytes(9600)


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    """A decoder with the general model, as `general`."""
    package = package_folder()
    decoder = Decoder(load_library(package), package / "model" / "en-us")
    decoder.install_general("general")
    yield decoder
    decoder.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stt() -> AsyncIterator[PocketSphinx]:
    stage = PocketSphinx(PocketSphinxSettings(decoders=2, waiting_seconds=20, prepared=1))
    await stage.start()
    await stage.prepare(HOUSE)
    yield stage
    await stage.close()
