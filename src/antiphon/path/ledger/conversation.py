"""The conversation as the client sees it: its items in their order, and the summary of what went before them."""

from collections.abc import Mapping
from typing import Any

from antiphon.path.ledger.configuration import AudioForm
from antiphon.path.ledger.entries import TEXT_BYTES_PER_TOKEN, Entries, Entry, given_entry
from antiphon.path.ledger.event_fields import Event, dict_of, integer_of, text_of
from antiphon.path.ledger.input_audio import KeptAudio
from antiphon.path.ledger.limits import EARLY_TRANSCRIPTS, PENDING_ITEMS, REMEMBERED_IDS, LedgerLimits
from antiphon.path.ledger.restoration import NO_IMAGE, within
from antiphon.path.ledger.summary import Summary, line_of

SUMMARY_SHARE = 10  # a summary gets one tenth of the budget


class Conversation:
    """Items, and what is known of them before they are there and after they went.

    Args:
        limits: How much is kept.
    """

    def __init__(self, limits: LedgerLimits) -> None:
        self.entries = Entries()
        self._limits = limits
        self._summary = Summary(limits.context_tokens * TEXT_BYTES_PER_TOKEN // SUMMARY_SHARE)
        self._pending: dict[str, Event] = {}  # creates of the client that were not acknowledged, by item id
        self._nameless: list[Event] = []  # the same, of items whose id the server will choose
        self._transcripts: dict[str, tuple[int, str]] = {}  # of items that are not there yet
        self._gone: dict[str, bool] = {}  # ids of items that went: whether they are in the summary

    @property
    def summary(self) -> str:
        """What was condensed; "" if nothing was."""
        return self._summary.text

    # --- what the client creates ----------------------------------------------------------------------------

    def create_sent(self, event: Event) -> None:
        """Keep what the client brings until it is acknowledged: the acknowledgement does not repeat audio."""
        item = dict_of(event, "item")
        item_id = text_of(item, "id")
        if item_id:
            _remember(self._pending, item_id, event, PENDING_ITEMS)
        elif item:
            self._nameless = [*self._nameless[1 - PENDING_ITEMS :], event]

    def drop_pending(self, item_id: str) -> None:
        self._pending.pop(item_id, None)

    def refused(self, event_id: str) -> None:
        """The client's event of that id was refused."""
        self._pending = {key: one for key, one in self._pending.items() if one.get("event_id") != event_id}
        self._nameless = [one for one in self._nameless if one.get("event_id") != event_id]

    # --- what the server says -------------------------------------------------------------------------------

    def committed(self, event: Event, audio: KeptAudio | None) -> None:
        """Make the item of a committed turn, before the client is told of it."""
        item_id = text_of(event, "item_id")
        if not item_id or item_id in self.entries:
            return
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content}
        entry = Entry(item, is_added=False)
        if audio is not None:
            entry.audio[0] = audio
        self._insert(self._position(event, None), entry)

    def added(self, event: Event, form: AudioForm) -> Entry | None:
        """Take `conversation.item.added`; return the entry, None for an item without an id.

        Args:
            event: The event.
            form: The session's input format, for audio that the client brought.
        """
        item = dict_of(event, "item")
        item_id = text_of(item, "id")
        if not item_id:
            return None
        entry = self.entries.get(item_id)
        if entry is None:
            return self._add(event, item, form)
        if not entry.is_added:  # a committed turn: its place is told only now
            self.entries.move(entry, self._position(event, None, moving=item_id))
        entry.is_added = True
        self.update(entry, item)
        return entry

    def place_of(self, event: Event, item_id: str) -> str | None:
        """Return the item that the client is to see before one that `event` tells of; None at the front."""
        entry = self.entries.get(item_id)
        others = [one.id for one in self.entries if one is not entry]
        position = self._position(event, self._pending.get(item_id), moving=item_id if entry is not None else "")
        return others[position - 1] if position > 0 else None

    def done(self, event: Event, form: AudioForm) -> None:
        """Take an item's last state; `previous_item_id` may be null here though `added` had it right."""
        item = dict_of(event, "item")
        item_id = text_of(item, "id")
        if not item_id or (item_id in self._gone and item_id not in self.entries):
            return
        entry = self.entries.get(item_id) or self._add(event, item, form)
        entry.is_added = entry.is_done = True
        self.update(entry, item)

    def update(self, entry: Entry, item: Mapping[str, Any]) -> None:
        """Take an item of the conversation as an event shows it now."""
        entry.update(item)
        self.entries.weigh(entry)

    def deleted(self, item_id: str) -> None:
        self.entries.remove(item_id)
        self._transcripts.pop(item_id, None)
        _remember(self._gone, item_id, False, REMEMBERED_IDS)

    def retrieved(self, event: Event) -> None:
        """An item was shown again: a transcript may be new in it."""
        item = dict_of(event, "item")
        parts = item.get("content")
        entry = self.entries.get(text_of(item, "id"))
        if entry is None or entry.role != "user" or not isinstance(parts, list):
            return
        for index, part in enumerate(parts):
            if isinstance(part, dict) and isinstance(part.get("transcript"), str):
                entry.transcribe(index, part["transcript"])
        self.entries.weigh(entry)

    def transcribed(self, event: Event) -> None:
        """Take a transcript, which may come before its item and long after it."""
        item_id, index, transcript = (
            text_of(event, "item_id"),
            integer_of(event, "content_index"),
            text_of(event, "transcript"),
        )
        entry = self.entries.get(item_id)
        if entry is not None:
            entry.transcribe(index, transcript)
            self.entries.weigh(entry)
        elif item_id not in self._gone:
            _remember(self._transcripts, item_id, (index, transcript), EARLY_TRANSCRIPTS)

    # --- bounds ---------------------------------------------------------------------------------------------

    def bound(self) -> None:
        """Condense what is far beyond the budget, and let go of images."""
        if self.entries.tokens > 2 * self._limits.context_tokens:
            self.condense(self._limits.context_tokens)
        for entry in self.entries:
            if self.entries.image_size <= self._limits.kept_image_bytes:
                return
            if entry.image_size:
                entry.forget_images(NO_IMAGE)
                self.entries.weigh(entry)

    def condense(self, budget: int) -> None:
        """Let all but the newest items go into the summary; `budget` in tokens."""
        if self.entries.tokens <= budget:
            return
        entries = list(self.entries)
        names = {entry.call_id: str(entry.item.get("name")) for entry in entries if entry.kind == "function_call"}
        gone = self.entries.retain(within(entries, budget))
        lines = (line_of(entry, names) for entry in gone)
        self._summary.add(line for line in lines if line is not None)
        for entry in gone:
            _remember(self._gone, entry.id, True, REMEMBERED_IDS)

    def drop_audio(self, size: int) -> int:
        """Let go of the oldest audio, `size` bytes of memory or more; return how much is still to go."""
        for entry in self.entries:
            if size <= 0:
                break
            if entry.audio:
                size -= entry.audio_size
                entry.audio.clear()
                self.entries.weigh(entry)
        return size

    # --- inside ---------------------------------------------------------------------------------------------

    def _add(self, event: Event, item: Mapping[str, Any], form: AudioForm) -> Entry:
        create = self._answered(item)
        position = self._position(event, create)
        given = None if create is None else {**create["item"], "id": item["id"]}
        entry = Entry({}) if given is None else given_entry(given, form)
        entry.update(item)
        self._insert(position, entry)
        return entry

    def _insert(self, position: int, entry: Entry) -> None:
        self._gone.pop(entry.id, None)
        early = self._transcripts.pop(entry.id, None)
        if early is not None:
            entry.transcribe(*early)
        self.entries.insert(position, entry)

    def _answered(self, item: Mapping[str, Any]) -> Event | None:
        """Return the create that this item acknowledges, None if the server made it by itself."""
        create = self._pending.pop(item["id"], None)
        if create is not None or item.get("status") == "in_progress":
            return create
        index = next((index for index, one in enumerate(self._nameless) if _alike(one["item"], item)), None)
        return None if index is None else self._nameless.pop(index)

    def _position(self, event: Event, create: Event | None, moving: str = "") -> int:
        """Return where an item goes: behind the one that the event names, else where the client asked, else the end.

        Null means the front for the client's "root" alone: some servers never name an item.
        """
        end = len(self.entries) - (moving in self.entries)
        previous = event.get("previous_item_id")
        if previous is None and create is not None:
            previous = create.get("previous_item_id")
        if previous == "root":
            return 0
        if not isinstance(previous, str) or previous == moving:
            return end
        if previous in self.entries:
            place = self.entries.position_of(previous) + 1
            return place - (moving in self.entries and self.entries.position_of(moving) < place)
        # What was condensed stood before all that is left.
        return 0 if self._gone.get(previous) else end


def _alike(given: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    # An acknowledgement repeats these; a call that came without its id gets one.
    same = ("type", "role", "name") if given.get("call_id") is None else ("type", "call_id")
    return all(given.get(key) == item.get(key) for key in same)


def _remember(known: dict[str, Any], key: str, value: Any, most: int) -> None:
    # The oldest goes when there are too many.
    known.pop(key, None)
    known[key] = value
    while len(known) > most:
        del known[next(iter(known))]
