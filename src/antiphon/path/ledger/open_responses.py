"""The responses that run, and what each has sent so far."""

from antiphon.path.ledger.entries import Entry
from antiphon.path.ledger.event_fields import Event, dict_of, integer_of, text_of
from antiphon.path.ledger.limits import OPEN_RESPONSES, PARTS
from antiphon.path.ledger.open_response import OpenItem, OpenPart, OpenResponse
from antiphon.path.ledger.spoken import Spoken


class OpenResponses:
    """Running responses by id.

    Args:
        pending_bytes: How much is kept of their deltas.
    """

    def __init__(self, pending_bytes: int) -> None:
        self.running: dict[str, OpenResponse] = {}
        self._pending_bytes = pending_bytes
        self._size = 0  # bytes of memory of all deltas
        self._items: dict[str, OpenItem] = {}
        self._speaking: dict[str, Spoken] = {}  # what an item's audio deltas count for

    def item(self, item_id: str) -> OpenItem | None:
        """Return an output item of a running response."""
        return self._items.get(item_id)

    # --- what comes often -----------------------------------------------------------------------------------

    def add_audio(self, item_id: str, audio_bytes: int) -> None:
        spoken = self._speaking.get(item_id)
        if spoken is not None:
            spoken.audio_bytes += audio_bytes

    def add_delta(self, response_id: str, message: bytes) -> None:
        response = self.running.get(response_id)
        if response is None:
            return
        response.add_delta(message)
        self._size += len(message)
        if self._size > self._pending_bytes:
            self._make_room()

    # --- events ---------------------------------------------------------------------------------------------

    def created(self, event: Event) -> OpenResponse | None:
        response = dict_of(event, "response")
        if not text_of(response, "id"):
            return None
        opened = OpenResponse(response)
        self.close(opened.id)  # a server that begins it twice
        while len(self.running) >= OPEN_RESPONSES:
            self.close(next(iter(self.running)))
        self.running[opened.id] = opened
        return opened

    def close(self, response_id: str) -> OpenResponse | None:
        """Forget a response; return it if it was running."""
        response = self.running.pop(response_id, None)
        for item in response.items if response is not None else ():
            self._items.pop(item.id, None)
            self._speaking.pop(item.id, None)
        self._measure()
        return response

    def item_added(self, event: Event) -> OpenItem | None:
        response, item = self.running.get(text_of(event, "response_id")), dict_of(event, "item")
        item_id = text_of(item, "id")
        if response is None or not item_id:
            return None
        opened = response.item(item_id) or response.open(item, integer_of(event, "output_index"))
        if opened is not None:
            self._items[item_id] = opened
        return opened

    def item_done(self, event: Event) -> OpenItem | None:
        item = dict_of(event, "item")
        opened = self._items.get(text_of(item, "id"))
        if opened is None:
            return None
        opened.item = dict(item)
        opened.is_done = True
        opened.response.release()
        self._measure()
        return opened

    def joined(self, event: Event, entry: Entry) -> None:
        """A conversation item was shown: if a response writes it, the two belong together."""
        opened = self._items.get(entry.id)
        if opened is not None:
            previous = event.get("previous_item_id")
            opened.in_conversation = True
            opened.previous_item_id = previous if isinstance(previous, str) else None
            for index, part in opened.parts.items():
                _share(entry, index, part)

    def settled(self, event: Event) -> None:
        """`conversation.item.done` came."""
        item = dict_of(event, "item")
        opened = self._items.get(text_of(item, "id"))
        if opened is not None:
            opened.item = dict(item)
            opened.is_settled = True

    def deleted(self, item_id: str) -> None:
        if item_id in self._items:
            self._items[item_id].in_conversation = False

    def part_added(self, event: Event, entry: Entry | None, bytes_per_second: int) -> None:
        """Open a part of an item.

        Args:
            event: `response.content_part.added`.
            entry: The item in the conversation, if it is there.
            bytes_per_second: Of output audio, unless the response says otherwise.
        """
        opened, index = self._items.get(text_of(event, "item_id")), integer_of(event, "content_index")
        if opened is None or not 0 <= index < PARTS or index in opened.parts:
            return
        rate = opened.response.bytes_per_second or bytes_per_second
        part = opened.parts[index] = OpenPart(dict(dict_of(event, "part")), Spoken(rate))
        if entry is not None:
            _share(entry, index, part)
        if part.is_audio:
            self._speaking[opened.id] = part.spoken

    def part_done(self, event: Event) -> None:
        if (part := self._part(event)) is not None:
            part.is_done = True

    def audio_done(self, event: Event) -> None:
        if (part := self._part(event)) is not None:
            part.audio_done = True

    def text_done(self, event: Event) -> None:
        if (part := self._part(event)) is not None:
            part.text_done = True
            part.spoken.text = text_of(event, "transcript") or text_of(event, "text")

    def arguments_done(self, event: Event) -> None:
        opened = self._items.get(text_of(event, "item_id"))
        if opened is not None:
            opened.arguments = text_of(event, "arguments")

    # --- inside ---------------------------------------------------------------------------------------------

    def _part(self, event: Event) -> OpenPart | None:
        opened = self._items.get(text_of(event, "item_id"))
        return None if opened is None else opened.parts.get(integer_of(event, "content_index"))

    def _make_room(self) -> None:
        """Keep the text alone of all deltas; if even that is too much, none."""
        for response in self.running.values():
            response.read_deltas()
        self._measure()
        if self._size > self._pending_bytes // 2:
            for response in self.running.values():
                response.forget_deltas()
            self._measure()

    def _measure(self) -> None:
        self._size = sum(response.size for response in self.running.values())


def _share(entry: Entry, index: int, part: OpenPart) -> None:
    # The client may have truncated the item already.
    before = entry.spoken.get(index)
    if before is not None and before is not part.spoken:
        part.spoken.heard_ms = before.heard_ms
    entry.spoken[index] = part.spoken
