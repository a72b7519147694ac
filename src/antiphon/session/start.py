"""What a session begins with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
        extensions: Whether the client asked for `antiphon.*` events.
        asked: What was asked for on the client's behalf before it connected, as a GA `session` of which only some keys
            are set: what a client secret or an agent carries. `config` has it already.
        safety_identifier: Of the end user, as `OpenAI-Safety-Identifier` gave it.
        call_id: Of the call that the session is, "rtc_" and letters; "" lets one be chosen where it is needed.
        addressed: Whether the client names the call in each of its requests, as over HTTP, and needs a token for that.
        media: Whether the client sends and hears audio as media, such as RTP, and not in events.
        owner: Which client secret the call was begun with, "" for an API key; only its holder may see the call again.
    """

    model: str
    config: SessionConfig = field(default_factory=SessionConfig)
    kind: SessionKind = REALTIME
    dialect: Dialect = field(default_factory=GaDialect)
    extensions: bool = False
    asked: Mapping[str, Any] = field(default_factory=dict)
    safety_identifier: str | None = None
    call_id: str = ""
    addressed: bool = False
    media: bool = False
    owner: str = ""
