"""The scripted detector is deterministic, by position and by level."""

import numpy as np

from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector, SpeechSpan

LOUD = np.full(512, 3000, "<i2").tobytes()
QUIET = np.full(512, 30, "<i2").tobytes()


async def test_loud_is_speech() -> None:
    detector = ScriptedVoiceActivityDetector()
    assert (detector.rate, detector.frame_samples) == (16000, 512)
    assert await detector.open().detect(QUIET + LOUD + LOUD + QUIET) == [0, 1, 1, 0]


async def test_spans_go_by_position_and_each_stream_has_its_own() -> None:
    detector = ScriptedVoiceActivityDetector([SpeechSpan(512, 1536, 0.9), SpeechSpan(1024, 1536, 0.4)])
    for _ in range(2):
        stream = detector.open()
        assert await stream.detect(LOUD) == [0]
        stream.reset()
        assert await stream.detect(LOUD * 3) == [0.9, 0.9, 0]
        assert (stream.position, stream.resets) == (2048, 1)
