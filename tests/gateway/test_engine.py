"""The stages that the settings name are the ones that are built, with what was set for them."""

from antiphon.config import Settings
from antiphon.config.settings import LlmSettings, SttSettings, TtsSettings
from antiphon.engines import LocalEngine, Stages
from antiphon.gateway.engine import build_backend
from antiphon.session.context import ModelContext, TranscriptionHint
from tests.stages.fake_server import FakeServer, refuses, streams_bytes
from tests.stages.llm.fake_chat_server import answers

KEY = "a-key-of-its-own"


def stages_of(settings: Settings) -> Stages:
    engine = build_backend(settings).engine
    assert isinstance(engine, LocalEngine)
    return engine.stages


async def test_ears_on_a_server() -> None:
    async with FakeServer() as server:
        server.then(refuses("200 OK", {"text": "hello"}))
        stt = stages_of(Settings(stt=SttSettings("openai", 0, server.base_url, KEY, "ears"))).stt
        await stt.start()
        stream = stt.open(TranscriptionHint())
        stream.feed(bytes(32_000))
        assert (await stream.finish()).text == "hello"
        await stt.close()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].body["model"] == "ears"


async def test_a_mind_on_a_server() -> None:
    async with FakeServer() as server:
        server.then(answers("Hello."))
        llm = stages_of(Settings(llm=LlmSettings("openai", server.base_url, KEY, "mind"))).llm
        await llm.start()
        assert [event async for event in llm.generate(ModelContext("", ()))]
        await llm.close()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].body["model"] == "mind"


async def test_a_voice_on_a_server() -> None:
    async with FakeServer() as server:
        server.then(streams_bytes(bytes(960), content_type="audio/pcm"))
        tts = stages_of(Settings(tts=TtsSettings("openai", server.base_url, KEY, "lungs", "af_heart", "Be brisk."))).tts
        await tts.start()
        assert [speech async for speech in tts.speak("Hello.", "coral")]
        await tts.close()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    wanted = {"model": "lungs", "voice": "af_heart", "instructions": "Be brisk."}
    assert {name: server.requests[0].body[name] for name in wanted} == wanted
