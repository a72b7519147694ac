"""The session core as an upstream server of either shape, and a client of either shape, with the relay's translations
between them and the SDK's types of both shapes as judges."""

import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

from antiphon.errors import ClientEventError
from antiphon.protocol.beta import SHAPES, BetaDialect, BetaUpstream
from antiphon.protocol.beta.dialect import NAMES
from antiphon.protocol.client_events import ClientEvent
from antiphon.protocol.codec import error_event, event_id_of, tag_of
from antiphon.protocol.dialect import Dialect, GaDialect
from antiphon.protocol.relayed import decode_server, encode_client
from antiphon.protocol.server_events import ConversationItemDone, ServerEvent
from antiphon.protocol.session_kinds import REALTIME, SessionKind
from antiphon.session import SessionStart
from tests.sdk_beta_events import check_beta_event
from tests.sdk_events import check_server_event
from tests.session.harness import LOUD, QUIET, CoreClient

_BETA_NAMES = {tag_of(event).decode(): name.decode() for event, name in NAMES.items()}
# What only one of the shapes has.
GA_ALONE = tag_of(ConversationItemDone).decode()
BETA_ALONE = "conversation.created"


class RelayedClient(CoreClient):
    """Sends events of its shape through the relay to a server of the other's, and keeps what comes back in its own.

    Args:
        client: Shape of the client, `ga` or `beta`.
        upstream: Shape of the server.
        kind: Of session.
    """

    def __init__(self, client: str, upstream: str, kind: SessionKind = REALTIME) -> None:
        shape = SHAPES[kind.name]
        self.is_beta = client == "beta"
        self.dialect: Dialect | None = BetaDialect(shape) if self.is_beta else None
        self.translation = BetaUpstream(shape) if upstream == "beta" else None
        self._server: Dialect = BetaDialect(shape) if upstream == "beta" else GaDialect()
        self.is_slow = False  # answers stay under way until `arrive`
        self._under_way: list[bytes] = []
        self.upstream_received: list[dict[str, Any]] = []
        super().__init__(SessionStart("gpt-realtime" if kind.responds else "", kind=kind))

    # --- to the server --------------------------------------------------------------------------------------

    def send_raw(self, message: bytes) -> None:
        if self.dialect is None:
            self._forward(message)
            return
        try:
            event = self.dialect.decode(message)
        except ClientEventError as error:
            self._keep(self.dialect.encode(error_event(error, event_id_of(message)), self.ids))
        else:
            self._forward(encode_client(event))

    def _forward(self, message: bytes) -> None:
        for each in self.translation.to_upstream(message) if self.translation else (message,):
            self.upstream_received.append(json.loads(each))
            try:
                event: ClientEvent = self._server.decode(each)
            except ClientEventError as error:
                self.session.refuse(error, event_id_of(each))
            else:
                self.session.receive_event(event, self.now)
            self._take()

    # --- from the server ------------------------------------------------------------------------------------

    def _take(self) -> None:
        while outputs := self.session.outputs():
            for output in outputs:
                if isinstance(output, ServerEvent):
                    self._under_way += self._server.encode(output, self.ids)
                else:
                    self.requests.append(output)
            for output in outputs:
                self._detect(output)
        if not self.is_slow:
            self.arrive()

    def arrive(self) -> None:
        """What the server has sent so far comes to the client."""
        under_way, self._under_way = self._under_way, []
        for message in under_way:
            for each in self.translation.from_upstream(message) if self.translation else (message,):
                self._receive(each)

    def _receive(self, message: bytes) -> None:
        check_server_event(json.loads(message))  # inside the relay all is GA
        if self.dialect is None:
            self.events.append(json.loads(message))
        else:
            event = decode_server(message)
            assert event is not None, message
            self._keep(self.dialect.encode(event, self.ids))

    def _keep(self, messages: Any) -> None:
        for message in messages:
            check_beta_event(json.loads(message))
            self.events.append(json.loads(message))

    # --- in the client's shape ------------------------------------------------------------------------------

    def name(self, kind: str) -> str:
        """Return what a GA event is called in the client's shape."""
        return _BETA_NAMES.get(kind, kind) if self.is_beta else kind

    def names(self, *kinds: str) -> list[str]:
        """Return what the client sees of a sequence of GA events."""
        return [self.name(kind) for kind in kinds if not (self.is_beta and kind == GA_ALONE)]

    def sent(self, kind: str) -> dict[str, Any]:
        return super().sent(self.name(kind))

    def all_sent(self, kind: str) -> list[dict[str, Any]]:
        return super().all_sent(self.name(kind))

    def configure(self, **session: Any) -> None:
        """Configure in GA's shape, or with the beta shape's fields when the client is of that."""
        self.send("session.update", session=session if self.is_beta else {"type": "realtime", **session})

    def write_only(self, **session: Any) -> None:
        """Have answers in text."""
        modalities = {"modalities": ["text"]} if self.is_beta else {"output_modalities": ["text"]}
        self.configure(**modalities, **session)

    def have_transcripts(self) -> None:
        transcription = {"model": "whisper-1"}
        if self.is_beta:
            self.configure(input_audio_transcription=transcription)
        else:
            self.configure(audio={"input": {"transcription": transcription}})


# --- what other servers may send ------------------------------------------------------------------------------

_values = st.sampled_from([None, True, -1, 0.5, 2**70, "", "text", "auto", [], {}, [None], {"type": 1}, {"type": "x"}])


@cache
def whole_turn(upstream: str) -> tuple[dict[str, Any], ...]:
    """Return what a server of that shape sends in a call with speech, a function call and an error."""
    call = RelayedClient(upstream, upstream)
    call.have_transcripts()
    call.hear((QUIET, 300), (LOUD, 500), (QUIET, 900))
    call.transcribe("How many?")
    call.generate("Four.")
    call.speak(40)
    call.send("conversation.item.retrieve", item_id=call.last_item_id())
    call.configure(tools=[{"type": "function", "name": "f", "parameters": {}}])
    call.send("response.create")
    call.call("f", "{}")
    call.send("response.cancel")
    return tuple(call.events)


@st.composite
def broken(draw: st.DrawFn, events: tuple[dict[str, Any], ...]) -> Any:
    """One of `events` with one of its values, at any depth, lost or replaced."""
    event = json.loads(json.dumps(draw(st.sampled_from(events))))
    node, key = event, draw(st.sampled_from([key for key in event if key != "type"]))
    while isinstance(node[key], dict | list) and node[key] and draw(st.integers(0, 3)):
        node = node[key]
        key = draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
    if draw(st.booleans()):
        del node[key]
    else:
        node[key] = draw(_values)
    return event
