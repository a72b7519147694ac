"""One call: a conversation, the session that answers it, and the clients that are connected to it now.

A client that comes back, over whatever transport, goes on where it was:

- Events: it gets those behind the last one that it names, each once and in order. One that names none gets those that
  came after its connection was lost; over media, those that came after its last sign of life.
- Audio in events was received when the event was; the client has it, plays it, and truncates what it did not play.
- Audio as media was heard up to the client's last sign of life, give or take a way through the network. A client that
  vanished is missed only a good while later; what was played to nobody meanwhile is owed. It is played to the next
  connection that has media; to one that has none it is told as the deltas that it came in, behind the events that
  begin its part, also where its response was done long ago.
- User audio goes on where it broke off. Over media time goes on as well: the silence after the break is heard like any
  other, and ends the turn where turn detection is on.
- Client events that are still on their way over the earlier connection when the next one comes are not taken.
- Chat asks with the call's token and is nobody's connection; but a call that nobody is connected to waits anew with
  each question.
"""

import asyncio
import logging
import os
import secrets
from dataclasses import replace
from typing import Protocol

import msgspec

from antiphon.errors import AntiphonError
from antiphon.path.connections import Attachment, Client, Guest
from antiphon.path.playback import Playback
from antiphon.path.playback_events import AUDIO_DELTA, ErrorEvent, read
from antiphon.path.replay import Replay, first_of, woven
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.heads import field_of, type_of
from antiphon.protocol.ids import Ids
from antiphon.session.start import SessionStart

log = logging.getLogger("antiphon.calls")

_NORMAL = 1000
MOST_CLIENT_GUESTS = 8  # with the call's token, at once
_MOST_OWED = 8_000_000  # bytes; with all that a replay keeps, as much as may wait to be sent to one client
_MOST_ASKED = 256  # client events of guests whose errors are told to them alone
_CALL_LETTERS = 21
_HEAD_BYTES = 200
_SESSION = b"session."


class EngineSession(Protocol):
    """What answers a call."""

    def receive(self, message: bytes) -> None: ...

    def client_slow(self, slow: bool) -> None: ...

    def close(self, lost: bool = False) -> None: ...


class Engine(Protocol):
    def open(self, start: SessionStart, client: Client) -> EngineSession: ...


class CallFullError(AntiphonError):
    """As many guests take part with the call's token as may at once; the client must wait."""


class House(Protocol):
    """All calls, as one of them sees them."""

    resume_seconds: float
    parked: int

    def discard(self, call: "Call") -> None: ...


class Call:
    """A conversation that may outlive its client's connection; to its session it is the client.

    Everything in it is GA-shaped; each connection has its own edge.
    """

    def __init__(self, house: House, start: SessionStart) -> None:
        self._house = house
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._ids = Ids(os.urandom)
        self.id = start.call_id or f"rtc_{self._ids.letters(_CALL_LETTERS)}"
        self.owner = start.owner
        self.kind = start.kind
        named = start.addressed or (start.extensions and house.resume_seconds > 0)
        self.token = secrets.token_urlsafe(32) if named else ""
        self._replay = Replay() if self.token else None
        self._playback: Playback | None = None
        self._owed: list[bytes] = []  # audio that a transport with media did not come to play
        self._owes_all = True  # and it was not too much to be kept
        self._heard: dict[str, int] = {}  # what was played of items, in ms, by transports with media
        self._session_event = b""  # the latest event that tells of the whole configuration
        self._has_media = start.media  # over the connection that the client has, or had last
        self._slow = False
        self.is_full = False  # very much waits to be played
        self._session: EngineSession | None = None
        self.attached: Attachment | None = None
        self._guests: dict[Guest, None] = {}
        self._asked: dict[str, Guest] = {}  # by event id
        self._asking: Guest | None = None
        self._parting: asyncio.TimerHandle | None = None
        self._announced = False
        self._over = False

    # --- beginning and coming back ----------------------------------------------------------------------------

    def begin(self, engine: Engine, client: Client) -> Attachment:
        """Open the session; `client` is the one that the call is with."""
        attachment = self._attach(client, self._start)
        session = engine.open(replace(self._start, dialect=GaDialect(), call_id=self.id), self)
        if self._over:
            session.close()
        else:
            self._session = session
        return attachment

    def resume(self, client: Client, last_event_id: str | None, start: SessionStart | None) -> Attachment:
        """Go on with a client that has come back; a connection that it still seems to have is closed."""
        assert self._replay is not None
        self._stop_waiting()
        self._part_with_earlier()
        missed = self._replay.missed(last_event_id)
        owed, self._owed = self._owed, []
        is_all, self._owes_all = missed.is_all and self._owes_all, True
        before, messages = self._replay.before(len(missed)), woven(owed, missed.messages)
        attachment = self._attach(client, start or self._start)
        told = [*missed.again, *messages]
        if self._playback is None:
            self._replay.replace(len(missed.messages), messages)
        else:
            self._playback.catch_up([self._session_event, *before, *missed.again])
            # Audio is played and not told; what of it is not heard in the end comes back from the playback.
            self._replay.drop(_is_audio)
            told = [each for each in told if not _is_audio(each)]
            if last_event_id is not None and missed.is_all:
                self._replay.returned(last_event_id, len(told))  # it may have been audio, and may be named again
        self._tell_again(attachment, told, is_all)
        if self._playback is not None:
            for message in messages:
                self._playback.queue(message)
        return attachment

    def _tell_again(self, attachment: Attachment, told: list[bytes], is_all: bool) -> None:
        """Tell a client that it is back, and then what it missed, which is the end of what is kept."""
        assert self._replay is not None
        resumed = _event(self._ids, "antiphon.session.resumed", events=len(told), complete=is_all)
        self._replay.returned(field_of(resumed, "event_id"), len(told))
        self._replay.mark_received(but=len(told))
        for message in (resumed, *told):
            attachment.tell(message)

    def note_own(self, event_id: str) -> None:
        """Note the id of an event that is told to the client's connection alone: it may come back naming that."""
        if self._replay is not None:
            self._replay.returned(event_id, 0)

    def _part_with_earlier(self) -> None:
        """Close the connection that the client still seems to have, and tell it why."""
        earlier = self.attached
        self._detach()
        if earlier is not None:
            moved = _event(self._ids, "antiphon.session.moved")
            self.note_own(field_of(moved, "event_id"))
            earlier.tell(moved)
            earlier.client.close(_NORMAL, "The session goes on over another connection.")

    def _attach(self, client: Client, start: SessionStart) -> Attachment:
        self.attached = Attachment(self, client, start.dialect, self._ids)
        self._has_media = start.media
        if start.media:
            self._playback = self.attached.playback = Playback(self._publish, self._ask, self._ids, self._heard)
        return self.attached

    def _detach(self) -> None:
        """Let the client go, and keep what it has not heard."""
        attached, self.attached = self.attached, None
        if attached is not None:
            attached.playback = None
        if self._playback is not None:
            unplayed = self._playback.unplayed()
            # The beginning is kept: the answer goes on where it broke off, and what was heard of it has no gap.
            self._owed = first_of(unplayed, _MOST_OWED)
            self._owes_all = len(self._owed) == len(unplayed)
            self._heard = self._playback.heard
            self._playback = None
        elif attached is not None and self._replay is not None:
            self._replay.mark_received()
        self.is_full = False
        self.client_slow(False)

    # --- the end ----------------------------------------------------------------------------------------------

    def client_gone(self, lost: bool) -> None:
        """The client is gone; a lost one may come back for a while, if it asked for that."""
        if lost and self._replay is not None and self._announced and not self._over:
            self._detach()
            log.info("a client was lost; its call waits %g s for it", self._house.resume_seconds)
            self._wait()
            self._house.parked += 1
        else:
            self._close_guests()
            self.end()

    def _wait(self) -> None:
        """Wait for the client from now on."""
        if self._parting is not None:
            self._parting.cancel()
        self._parting = self._loop.call_later(self._house.resume_seconds, self._give_up)

    def _give_up(self) -> None:
        if any(guest.is_client for guest in self._guests):
            self._wait()
            return
        self._close_guests()
        self.end()

    def end(self) -> None:
        """End the call for good, and drop its session. Safe to call twice."""
        self._over = True
        if self.attached is not None:
            self.attached.playback = None
        self.attached = self._playback = None
        self._guests.clear()
        self._asked.clear()
        self._house.discard(self)
        self._stop_waiting()
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _close_guests(self) -> None:
        for guest in tuple(self._guests):
            guest.client.close(_NORMAL, "The call has ended.")

    def _stop_waiting(self) -> None:
        if self._parting is not None:
            self._parting.cancel()
            self._parting = None
            self._house.parked -= 1

    # --- guests -----------------------------------------------------------------------------------------------

    def join(self, client: Client, dialect: Dialect, *, is_client: bool = False) -> Guest:
        """Connect one more client; nothing is told of what was before.

        Args:
            client: Its connection.
            dialect: What it speaks.
            is_client: Whether it has the call's token, as the call's own client has: it keeps the call from ending.

        Raises:
            CallFullError: So many others have come by the token that there is no place for it.
        """
        if is_client and len(self._guests) - self.guests >= MOST_CLIENT_GUESTS:
            raise CallFullError(f"{MOST_CLIENT_GUESTS} guests take part with the token, the most at once.")
        guest = Guest(self, client, dialect, self._ids, is_client=is_client)
        self._guests[guest] = None
        return guest

    @property
    def guests(self) -> int:
        """How many guests came by the call's id. Those that came by its token take none of their places."""
        return sum(not guest.is_client for guest in self._guests)

    def leave(self, guest: Guest) -> None:
        self._guests.pop(guest, None)
        if guest.is_client and self._parting is not None:
            self._wait()

    def receive_from(self, guest: Guest, message: bytes) -> None:
        """Take a client event of a guest; what is wrong with it is told to this guest alone."""
        if event_id := field_of(message, "event_id"):
            self._asked[event_id] = guest
            if len(self._asked) > _MOST_ASKED:
                del self._asked[next(iter(self._asked))]
        self._asking = guest
        try:
            self.receive(message)
        finally:
            self._asking = None

    def _asker(self, message: bytes) -> Guest | None:
        """Return the guest whose event an `error` event is about."""
        if b'"error"' not in message[:_HEAD_BYTES] or type_of(message) != "error":
            return None
        event = read(message, ErrorEvent)
        event_id = event.error.event_id if event is not None else None
        return self._asked.get(event_id) if event_id else self._asking

    # --- client events ----------------------------------------------------------------------------------------

    def receive(self, message: bytes) -> None:
        """Take a client event, in GA's shape, from whoever is connected."""
        if self._playback is not None:
            self._playback.receive(message)
        else:
            self._ask(message)

    def _ask(self, message: bytes) -> None:
        if self._session is not None:
            self._session.receive(message)

    def client_slow(self, slow: bool) -> None:
        self._slow = slow
        if self._session is not None:
            self._session.client_slow(slow or self.is_full)

    def note_room(self, playback: Playback) -> None:
        """Hold back the session while very much waits to be played."""
        if playback.is_full is not self.is_full:
            self.is_full = playback.is_full
            self.client_slow(self._slow)

    def mark_received(self) -> None:
        """The client has all that was sent to it."""
        if self._replay is not None:
            self._replay.mark_received()

    # --- the session's client ---------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        if self._playback is not None:
            self._playback.take(message)
            self.note_room(self._playback)
        else:
            self._publish(message)

    def close(self, code: int, reason: str) -> None:
        """The call ends: tell everybody who is connected."""
        clients = [guest.client for guest in self._guests]
        if self.attached is not None:
            clients.append(self.attached.client)
        self._over = True
        if self.attached is not None:
            self.attached.playback = None
        self.attached = None
        self._guests.clear()
        self._house.discard(self)
        for client in clients:
            client.close(code, reason)
        # Later, because the session itself may be asking for this from within one of its methods.
        self._loop.call_soon(self.end)

    def abort(self) -> None:
        if self.attached is not None:
            self.attached.client.abort()

    @property
    def unsent(self) -> int:
        return self.attached.client.unsent if self.attached is not None else 0

    def pause_reading(self) -> None:
        if self.attached is not None:
            self.attached.client.pause_reading()

    def resume_reading(self) -> None:
        if self.attached is not None:
            self.attached.client.resume_reading()

    def _publish(self, message: bytes) -> None:
        """Tell everybody who is connected, and keep it for a client that comes back."""
        if self._guests and (asker := self._asker(message)) is not None:
            asker.tell(message)
            return
        if self._replay is not None:
            self._replay.add(message)
        if self.attached is not None:
            self.attached.tell(message)
        # Audio comes here also of a call with media, while it waits for its client.
        if self._guests and not (self._has_media and _is_audio(message)):
            for guest in tuple(self._guests):
                guest.tell(message)
        if self._replay is not None and message.find(_SESSION, 0, _HEAD_BYTES) >= 0:
            self._note_session(message)

    def _note_session(self, message: bytes) -> None:
        """Keep what tells of the configuration; behind `session.created` tell what to come back with."""
        if not type_of(message).startswith(("session.", "transcription_session.")):
            return
        self._session_event = message
        if not self._announced:
            self._announced = True
            told = {"token": self.token, "resume_seconds": self._house.resume_seconds, "call_id": self.id}
            self._publish(_event(self._ids, "antiphon.session.resumable", **told))


def _is_audio(message: bytes) -> bool:
    return type_of(message) == AUDIO_DELTA


def _event(ids: Ids, kind: str, **fields: object) -> bytes:
    return msgspec.json.encode({"type": kind, "event_id": ids.event(), **fields})
