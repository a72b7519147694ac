import pytest

from antiphon.errors import StageError
from antiphon.stages.tts.none import NoVoice


async def test_a_server_without_a_voice_says_so() -> None:
    stage = NoVoice()
    await stage.start()
    with pytest.raises(StageError, match="output_modalities") as caught:
        await anext(stage.speak("Hello.", "alloy"))
    assert caught.value.code == "no_voice"
