"""What every part of a session shares."""

from dataclasses import dataclass, field

from antiphon.protocol.ids import Ids
from antiphon.session.limits import Limits
from antiphon.session.outbox import Outbox


@dataclass(frozen=True)
class Kit:
    ids: Ids
    limits: Limits
    outbox: Outbox = field(default_factory=Outbox)
