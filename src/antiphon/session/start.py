"""What a session begins with."""

from dataclasses import dataclass, field

from antiphon.protocol.config import SessionConfig
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.session_kinds import REALTIME, SessionKind


@dataclass(frozen=True)
class SessionStart:
    """How the client connected.

    Args:
        model: As asked for; shown in the session object. "" for a transcription session, which has none.
        config: The configuration to begin with: the defaults, or what a client secret carries.
        kind: Whether it converses or only transcribes.
        dialect: The shape that the client speaks.
    """

    model: str
    config: SessionConfig = field(default_factory=SessionConfig)
    kind: SessionKind = REALTIME
    dialect: Dialect = field(default_factory=GaDialect)
