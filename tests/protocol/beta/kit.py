"""The session core's harness, with a client of the beta shape and the SDK's beta types as judge."""

import json
from typing import Any

from antiphon.errors import ClientEventError
from antiphon.protocol.beta.dialect import BetaDialect
from antiphon.protocol.beta.sessions import SHAPES
from antiphon.protocol.codec import event_id_of
from antiphon.protocol.dialect import Dialect
from antiphon.protocol.server_events import ServerEvent
from antiphon.protocol.session_kinds import REALTIME, SessionKind
from antiphon.session import SessionStart
from tests.sdk_beta_events import check_beta_event
from tests.session.harness import CoreClient


class BetaClient(CoreClient):
    """Sends beta events to a session and keeps the beta events that come out."""

    def __init__(self, kind: SessionKind = REALTIME) -> None:
        self.dialect: Dialect = BetaDialect(SHAPES[kind.name])
        super().__init__(SessionStart("gpt-4o-realtime-preview" if kind.responds else "", kind=kind))

    def send_raw(self, message: bytes) -> None:
        try:
            event = self.dialect.decode(message)
        except ClientEventError as error:
            self.session.refuse(error, event_id_of(message))
        else:
            self.session.receive_event(event, self.now)
        self._take()

    def configure(self, **session: Any) -> None:
        self.send("session.update", session=session)

    def last_item_id(self) -> str:
        return str(self.sent("conversation.item.created")["item"]["id"])

    def _take(self) -> None:
        while outputs := self.session.outputs():
            for output in outputs:
                if isinstance(output, ServerEvent):
                    for message in self.dialect.encode(output, self.ids):
                        event = json.loads(message)
                        check_beta_event(event)
                        self.events.append(event)
                else:
                    self.requests.append(output)
            for output in outputs:
                self._detect(output)
