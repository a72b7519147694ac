"""All sessions over HTTP."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from antiphon.transports.admission import Admission, Refusal
from antiphon.transports.base import Engine
from antiphon.transports.handshake import Handshake
from antiphon.transports.http.call import HttpCall, UnknownSessionError
from antiphon.transports.http.client import HttpClient, log
from antiphon.transports.http.limits import HttpLimits
from antiphon.transports.http.mailbox import Mailbox
from antiphon.transports.http.stream import Stream
from antiphon.transports.websocket import GOING_AWAY, Admit

C = TypeVar("C", bound=HttpClient)


class HttpSessions:
    """All clients that are connected over HTTP, and the calls that they may come back to.

    Args:
        engine: Answers them; each session tells its token in `antiphon.session.resumable`.
        admit: Decides who may begin a session, and with what.
        send: Hands a client event to the call of a token; returns whether there is one.
        hang_up: Ends the call of a token; returns whether there was one.
        limits: What each client may cost.
    """

    def __init__(
        self,
        engine: Engine,
        admit: Admit,
        send: Callable[[str, bytes], bool],
        hang_up: Callable[[str], bool],
        limits: HttpLimits | None = None,
    ) -> None:
        self.engine = engine
        self.limits = limits or HttpLimits()
        self._admit = admit
        self._send = send
        self._hang_up = hang_up
        self._calls: dict[str, HttpCall] = {}
        self._clients: set[HttpClient] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._clients)

    # --- clients come -----------------------------------------------------------------------------------------

    def stream(self, handshake: Handshake) -> Stream | Refusal:
        """Begin a session, or go on with one, whose events are streamed.

        Args:
            handshake: With `resume` and `last_event_id` in the query of a client that comes back.
        """
        decision = self._decide(handshake)
        return decision if isinstance(decision, Refusal) else self._begin(Stream, decision, handshake)

    def poll(self, handshake: Handshake) -> Mailbox | Refusal:
        """Begin a session, or go on with one, whose events are asked for."""
        decision = self._decide(handshake)
        return decision if isinstance(decision, Refusal) else self._begin(Mailbox, decision, handshake)

    def mailbox(self, token: str, last_event_id: str) -> Mailbox | None:
        """Return the mailbox that a client has already, with what it got taken out; None when it needs another one."""
        call = self._calls.get(token)
        client = call.client if call is not None else None
        if not isinstance(client, Mailbox) or not client.acknowledge(last_event_id) or client.is_done:
            return None
        return client

    def _decide(self, handshake: Handshake) -> Admission | Refusal:
        decision = self._admit(handshake)
        if isinstance(decision, Refusal):
            log.info("client %s refused: %s", handshake.peer, decision.close_reason)
            return decision
        # Without the token that these events bring, a client could send nothing.
        return replace(decision, start=replace(decision.start, extensions=True, addressed=True))

    def _begin(self, kind: type[C], admission: Admission, handshake: Handshake) -> C:
        client = kind(self, handshake.peer)
        self._clients.add(client)
        self._empty.clear()
        client.admit(admission)
        token = handshake.parameter("resume")
        if token and client.ended is None:
            client.begun(token)
        return client

    # --- what they send ---------------------------------------------------------------------------------------

    def call(self, token: str) -> HttpCall:
        """Return the call that a client sends something to.

        Raises:
            UnknownSessionError: There is none.
        """
        call = self._calls.get(token)
        if call is None:
            raise UnknownSessionError
        return call

    def hang_up(self, token: str) -> None:
        """End a call.

        Raises:
            UnknownSessionError: There is none.
        """
        call = self._calls.get(token)
        if call is not None:
            if call.client is not None:
                call.client.end(GOING_AWAY, "The client has ended the session.", lost=False)
            self._forget(call)
        if not self._hang_up(token):
            raise UnknownSessionError

    # --- for clients ------------------------------------------------------------------------------------------

    def attach(self, client: HttpClient) -> None:
        """A client's session has its token."""
        call = self._calls.get(client.token)
        if call is None:
            call = self._calls[client.token] = HttpCall(client.token, self.limits, self._send)
        if call.forgetting is not None:
            call.forgetting.cancel()
            call.forgetting = None
        call.client = client
        client.call = call
        call.changed()

    def discard(self, client: HttpClient) -> None:
        """A client is not connected any more. Safe to call twice."""
        self._clients.discard(client)
        if not self._clients:
            self._empty.set()
        call = client.call
        if call is None or call.client is not client or call.forgetting is not None:
            return
        call.changed()
        seconds = self.limits.keep_seconds if client.lost else self.limits.poll_seconds
        call.forgetting = asyncio.get_running_loop().call_later(seconds, self._forget, call)

    def _forget(self, call: HttpCall) -> None:
        if self._calls.get(call.token) is call:
            del self._calls[call.token]
        if call.forgetting is not None:
            call.forgetting.cancel()
        call.end()

    # --- the server stops -------------------------------------------------------------------------------------

    def close(self, code: int, reason: str) -> None:
        """Close every connection."""
        for client in tuple(self._clients):
            client.end(code, reason, lost=True)

    def abort(self) -> None:
        """Drop every connection, and take no more from anybody."""
        for client in tuple(self._clients):
            client.abort()
        for call in tuple(self._calls.values()):
            self._forget(call)

    async def empty(self) -> None:
        """Wait until no connection is left."""
        await self._empty.wait()
