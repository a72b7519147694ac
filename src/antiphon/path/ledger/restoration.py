"""What a fresh leg is told of the conversation: an item of the API for each of ours, in words where it must be.

Items of MCP tools are left out: servers make them themselves and take none from clients (`mcp_approval_response`
answers a request that the fresh leg never made). Items are created one behind the other, without `previous_item_id`:
if a server refuses one, those behind it still come.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from antiphon.path.ledger.configuration import AudioForm
from antiphon.path.ledger.entries import Entry
from antiphon.path.ledger.limits import PENDING_CALLS

Event = dict[str, Any]

LONGEST_ID = 32  # letters; servers refuse more
SUMMARY_ITEM_ID = "item_antiphon_summary"

UNAVAILABLE = "(The user spoke here; what was said is no longer available.)"
SILENCE = "(The user said nothing here.)"
NO_IMAGE = "(The user showed an image here; it is no longer available.)"
UNHEARD = "…"  # the assistant began, and the user heard no word of it


@dataclass(frozen=True)
class Restored:
    """One item for a fresh leg: the id that the client knows, None for the summary, and the event that makes it."""

    item_id: str | None
    event: Event


def creation(item: Event) -> Event:
    return {"type": "conversation.item.create", "item": item}


def summary_creation(text: str) -> Event:
    """Return the event that tells of everything that was condensed."""
    content = [{"type": "input_text", "text": text}]
    return creation({"id": SUMMARY_ITEM_ID, "type": "message", "role": "system", "content": content})


def restored(entry: Entry, calls: set[str], form: AudioForm) -> Event | None:
    """Return the item that stands for an entry, None when there is none.

    Args:
        entry: What happened.
        calls: Ids of the calls that the fresh leg is told of: servers refuse an output without its call.
        form: The session's input format, which audio must have.
    """
    if entry.in_progress:
        return None
    item: Event | None
    match entry.kind:
        case "message":
            item = _message(entry, form)
        case "function_call":
            item = _fields(entry, "name", "call_id", "arguments") if entry.is_whole_call else None
        case "function_call_output":
            item = _fields(entry, "call_id", "output") if entry.call_id in calls else _lone_output(entry)
        case _:
            item = None
    if item is None or len(entry.id) > LONGEST_ID:
        return item
    return {"id": entry.id, **item}


def known_calls(entries: Iterable[Entry]) -> set[str]:
    """Return the ids of the function calls that can be restored."""
    return {entry.call_id for entry in entries if entry.is_whole_call}


def within(entries: list[Entry], budget: int) -> set[str]:
    """Return the ids of what stays as it is: the newest items that fit, and the calls that they or nobody answered.

    The newest item always stays, and what a running response writes.
    """
    kept: set[str] = {entry.id for entry in entries if entry.in_progress}
    for entry in reversed(entries):
        budget -= entry.tokens
        if budget < 0 and len(kept) > 0:
            break
        kept.add(entry.id)
    return kept | _calls_of(entries, kept)


def _calls_of(entries: list[Entry], kept: set[str]) -> set[str]:
    outputs = [entry for entry in entries if entry.kind == "function_call_output"]
    answered = {entry.call_id for entry in outputs}
    wanted = {entry.call_id for entry in outputs if entry.id in kept}
    calls = [entry for entry in entries if entry.is_whole_call]
    pending = [entry.id for entry in calls if entry.call_id not in answered]
    return {entry.id for entry in calls if entry.call_id in wanted} | set(pending[-PENDING_CALLS:])


def _fields(entry: Entry, *names: str) -> Event:
    return {"type": entry.kind, **{name: entry.item[name] for name in names if name in entry.item}}


def _lone_output(entry: Entry) -> Event:
    text = f"A tool returned (call {entry.call_id}): {entry.item.get('output')}"
    return {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}


def _message(entry: Entry, form: AudioForm) -> Event:
    content = [_part(entry, index, form) for index in range(len(entry.content))]
    if not content and entry.role == "assistant":
        content = [{"type": "output_text", "text": UNHEARD}]
    item: Event = {"type": "message", "role": entry.role, "content": content}
    if entry.item.get("status") == "incomplete":
        item["status"] = "incomplete"
    return item


def _part(entry: Entry, index: int, form: AudioForm) -> Event:
    part = entry.content[index]
    match part.get("type"):
        case "input_audio":
            return _user_audio(entry, index, form)
        case "output_text" | "output_audio" | "text" | "audio":
            return {"type": "output_text", "text": entry.text_of(index) or UNHEARD}
        case _:
            return part


def _user_audio(entry: Entry, index: int, form: AudioForm) -> Event:
    transcript, audio = entry.content[index].get("transcript"), entry.audio.get(index)
    if transcript is not None:
        return {"type": "input_text", "text": entry.text_of(index) or SILENCE}
    if audio is None or audio.form != form or not (spoken := audio.base64()):
        return {"type": "input_text", "text": UNAVAILABLE}
    return {"type": "input_audio", "audio": spoken}
