"""For clients of the beta shape that do not say so: they show it in their first `session.update`."""

from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.protocol.beta.dialect import BetaDialect
from antiphon.protocol.beta.fields import SESSION
from antiphon.protocol.client_events import ClientEvent, SessionUpdate
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.ids import Ids
from antiphon.protocol.server_events import ServerEvent

_BETA = frozenset(field.name for field in SESSION)
_BETA_ALONE = frozenset(field.name for field in SESSION if field.name != field.place or field.name == "temperature")


class LenientDialect:
    """GA, until the first `session.update` is one of the beta shape; then beta for good.

    What was sent before, `session.created` above all, was in GA's shape.
    """

    def __init__(self) -> None:
        self._dialect: Dialect = GaDialect()
        self._settled = False

    def decode(self, message: bytes) -> ClientEvent:
        event = self._dialect.decode(message)
        if self._settled or not isinstance(event, SessionUpdate):
            return event
        self._settled = True
        if is_beta(event.session):
            self._dialect = BetaDialect()
            return self._dialect.decode(message)
        return event

    def encode(self, event: ServerEvent, ids: Ids) -> Sequence[bytes]:
        return self._dialect.encode(event, ids)


def is_beta(session: Mapping[str, Any]) -> bool:
    """Whether a session has nothing but fields of the beta shape, and one at least that GA does not have."""
    return session.keys() <= _BETA and not _BETA_ALONE.isdisjoint(session)
