"""What the relay remembers of one leg."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from antiphon.path.aliases import Aliases
from antiphon.path.events import renumbered
from antiphon.path.legs import Leg, LegEnd


@dataclass
class Continued:
    """A response that one leg began and another goes on with, under the id that the client knows.

    Args:
        response_id: As the client knows it.
        event_id: Of the `response.create` that asked this leg for the rest.
        in_conversation: Whether it belongs to the default conversation.
        earlier: Its output items from before; this leg's are numbered behind them.
        begun: Whether the leg's `response.created` came.
    """

    response_id: str
    event_id: str
    in_conversation: bool
    earlier: list[dict[str, Any]] = field(default_factory=list)
    begun: bool = False


@dataclass(eq=False)
class LegState:
    """One leg.

    Args:
        route: Index of its route.
        name: The route's.
        leg: The connection itself.
        session: Of its `session.created`; None until that came.
        restored: Items that it was told of: it knows what was said in them, but not the audio.
        unnamed: Items, in order, whose ids are longer than servers take: the leg names them anew.
        own_updates: Configurations that the relay sent, and whose confirmation the client must not see.
        own_deletes: Items that the relay deletes to make them anew, and whose deletion the client must not see.
        aliases: Ids of its own for what the client knows by others.
        lead_bytes: User audio before the first that this leg was sent; positions that it tells lack that much.
        replayed_speech: The item that the user's running speech belongs to; the leg will give it another id.
        is_translated: Whether there are any of these, or responses that it goes on with.
        continued: Responses that it goes on with, by the id that the client knows.
        heard: Whether anything came since the last look.
        silent_since: When it was first found to owe something and to say nothing.
        ended: How it ended, once it has.
        config: What it was told to be configured with.
    """

    route: int
    name: str
    leg: Leg = field(init=False)
    session: Mapping[str, Any] | None = None
    restored: set[str] = field(default_factory=set)
    unnamed: deque[str] = field(default_factory=deque)
    own_updates: int = 0
    own_deletes: set[str] = field(default_factory=set)
    aliases: Aliases = field(default_factory=Aliases)
    is_translated: bool = False
    lead_bytes: int = 0
    replayed_speech: str | None = None
    continued: dict[str, Continued] = field(default_factory=dict)
    heard: bool = False
    silent_since: float | None = None
    ended: LegEnd | None = None
    config: dict[str, Any] = field(default_factory=dict)

    def add_alias(self, leg_id: str, client_id: str) -> None:
        """The leg calls `leg_id` what is `client_id` to the client."""
        self.aliases.add(leg_id, client_id)
        self.is_translated = True

    def go_on_with(self, continued: Continued) -> None:
        """The leg is asked for the rest of a response."""
        self.continued[continued.response_id] = continued
        self.is_translated = True

    def send(self, message: bytes) -> None:
        """Send a client event, in which ids are those that the client knows."""
        if self.is_translated:
            message = self.aliases.to_leg(message)
        self.leg.send(message)

    def to_client(self, message: bytes) -> bytes:
        """Return an event of the leg with the ids and numbers that the client knows."""
        message = self.aliases.to_client(message)
        for continued in self.continued.values():
            if continued.earlier:
                message = renumbered(message, continued.response_id, len(continued.earlier))
        return message
