"""What the relay remembers of one leg."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from antiphon.path.aliases import Aliases
from antiphon.path.events import renumbered
from antiphon.path.legs import Leg, LegEnd
from antiphon.path.watchdog import Watchdog


@dataclass
class Continued:
    """A response that one leg began and another goes on with, under the id that the client knows.

    Args:
        response_id: As the client knows it.
        event_id: Of the `response.create` that asked this leg for the rest.
        in_conversation: Whether it belongs to the default conversation.
        earlier: Its output items from before; this leg's are numbered behind them.
        begun: Whether the leg's `response.created` came.
        cancels: What waits for that, as the leg knows no such response before.
    """

    response_id: str
    event_id: str
    in_conversation: bool
    earlier: list[dict[str, Any]] = field(default_factory=list)
    begun: bool = False
    cancels: list[bytes] = field(default_factory=list)


@dataclass(eq=False)
class LegState:
    """One leg.

    Args:
        route: Index of its route.
        name: The route's.
        leg: The connection itself.
        session: Of its `session.created`; None until that came.
        restored: Items that it was told of: it knows what was said in them, but not the audio.
        left_out: Items that it could not be told of, though the client knows them.
        unnamed: Items, in order, whose ids are longer than servers take: the leg names them anew. The id of the event
            that makes each, and its own.
        spoken_again: Turns, in order, that it was made to hear again and has not confirmed: the ids of the commit
            and of the item.
        own_updates: Configurations that the relay sent, and whose confirmation the client must not see.
        own_deletes: Items that the relay deletes to make them anew, and whose deletion the client must not see: the id
            of the event that does it, and the item's.
        aliases: Ids of its own for what the client knows by others.
        lead_bytes: User audio before the first that this leg was sent; positions that it tells lack that much.
        replayed_speech: The item that the user's running speech belongs to; the leg will give it another id.
        is_translated: Whether there are any of these, or responses that it goes on with.
        replayed_stop: The same item, if the client knows of the speech's end as well.
        continued: Responses that it goes on with, by the id that the client knows.
        watchdog: Hears whether it says anything.
        streamed: Bytes of user audio, over all legs, at the last look.
        last: Its last message: some that stand in front of servers deliver one twice.
        is_broken: Whether it sent an event that nobody can read: what was in it is known to the next one alone.
        took_over_at: When it took the call over; long ago for the first one, which had nothing to take over.
        ended: How it ended, once it has.
        config: What it was told to be configured with.
    """

    route: int
    name: str
    leg: Leg = field(init=False)
    session: Mapping[str, Any] | None = None
    restored: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    unnamed: deque[tuple[str, str]] = field(default_factory=deque)
    spoken_again: deque[tuple[str, str]] = field(default_factory=deque)
    own_updates: int = 0
    own_deletes: list[tuple[str, str]] = field(default_factory=list)
    aliases: Aliases = field(default_factory=Aliases)
    is_translated: bool = False
    lead_bytes: int = 0
    replayed_speech: str | None = None
    replayed_stop: str | None = None
    continued: dict[str, Continued] = field(default_factory=dict)
    watchdog: Watchdog = field(default_factory=Watchdog)
    streamed: int = 0
    last: bytes = b""
    is_broken: bool = False
    took_over_at: float = -math.inf
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

    def refused(self, event_id: str) -> str | None:
        """A restoring event was refused: its answer will not come. Return the turn that was to be heard again by it."""
        self.unnamed = deque(one for one in self.unnamed if one[0] != event_id)
        self.own_deletes = [one for one in self.own_deletes if one[0] != event_id]
        turn = next((item_id for commit_id, item_id in self.spoken_again if commit_id == event_id), None)
        self.spoken_again = deque(one for one in self.spoken_again if one[0] != event_id)
        return turn

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
