"""What a session begins with."""

from dataclasses import dataclass, field

from antiphon.protocol.config import SessionConfig


@dataclass(frozen=True)
class SessionStart:
    """How the client connected.

    Args:
        model: As asked for; shown in the session object.
        config: The configuration to begin with: the defaults, or what a client secret carries.
    """

    model: str
    config: SessionConfig = field(default_factory=SessionConfig)
