"""The engine that answers from a script: real sessions with scripted stages behind them."""

import msgspec

from antiphon.engines.local import LocalEngine, LocalSession, Stages
from antiphon.engines.scripted.play import Play
from antiphon.engines.scripted.script import Script, Turn
from antiphon.engines.scripted.stages import Mind, Throat, hearings
from antiphon.engines.scripted.usage import Client, ScriptedUsage
from antiphon.protocol.config import SessionConfig
from antiphon.session import Equipment, SessionStart
from antiphon.session.capabilities import Capabilities
from antiphon.session.limits import Limits
from antiphon.stages.stt.scripted import ScriptedSpeechToText
from antiphon.stages.vad.scripted import ScriptedVoiceActivityDetector

# Whatever the API lets a session ask for is accepted, also where nothing comes of it.
_CAPABILITIES = Capabilities(images=True, noise_reduction=True, mcp=True, prompts=True, logprobs=True)
_NO_BOUND_SECONDS = 86_400.0  # the real service sends audio as fast as it makes it


class ScriptedEngine:
    """Answers every client from a script.

    Args:
        script: What to say, call and hear; its faults are not acted here.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._shared = Play(script) if script.shared else None
        limits = Limits(session_seconds=script.session.seconds, speak_ahead_seconds=_NO_BOUND_SECONDS)
        self.equipment = Equipment(capabilities=_CAPABILITIES, limits=limits)
        self.ready = False

    @property
    def defaults(self) -> SessionConfig:
        """What a session begins with."""
        kind = self._script.session.turn_detection
        detection = None if kind == "none" else {"type": kind}
        return msgspec.convert({"audio": {"input": {"turn_detection": detection}}}, SessionConfig)

    async def start(self) -> None:
        """Nothing to load."""
        self.ready = True

    async def close(self) -> None:
        self.ready = False

    def open(self, start: SessionStart, client: Client) -> LocalSession:
        """Begin a session; `session.created` goes to `client` before this returns."""
        play = self._shared or Play(self._script)
        usage, throat = ScriptedUsage(client), Throat()

        def answered(turn: Turn) -> None:
            throat.turn_to(turn)
            usage.answered(turn)

        stages = Stages(
            vad=ScriptedVoiceActivityDetector(threshold_db=self._script.session.threshold_db),
            stt=ScriptedSpeechToText(hearings(play)),
            llm=Mind(play, answered),
            tts=throat,
        )
        return LocalEngine(stages, self.equipment).open(start, usage)
