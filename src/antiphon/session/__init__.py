"""The session core: the behaviour of a Realtime session, with no I/O and no clock."""

from antiphon.session.session import Equipment, Session
from antiphon.session.start import SessionStart

__all__ = ["Equipment", "Session", "SessionStart"]
