"""Whether what a client saw is a legal stream of the Realtime API, said once, and what of it a user would notice."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.resilience.model import words_in
from tests.sdk_events import check_server_event

Event = dict[str, Any]

_DELTAS = {
    "response.output_audio.delta": "response.output_audio.done",
    "response.output_audio_transcript.delta": "response.output_audio_transcript.done",
    "response.output_text.delta": "response.output_text.done",
    "response.function_call_arguments.delta": "response.function_call_arguments.done",
}
_ONCE_AN_ITEM = (
    "conversation.item.added",
    "conversation.item.done",
    "response.output_item.added",
    "response.output_item.done",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
)
_TRANSCRIPT = "conversation.item.input_audio_transcription"
# Each needs, of the same item, the one behind it to have come before.
_NEEDS = {
    "conversation.item.done": "conversation.item.added",
    "response.output_item.done": "response.output_item.added",
    "response.content_part.added": "response.output_item.added",
    "response.content_part.done": "response.content_part.added",
    "response.output_audio.delta": "response.content_part.added",
    "response.output_audio_transcript.delta": "response.content_part.added",
    "input_audio_buffer.speech_stopped": "input_audio_buffer.speech_started",
}


def api_events(events: Iterable[Event]) -> list[Event]:
    """Return the events of the API, without the extensions."""
    return [event for event in events if not event["type"].startswith("antiphon.")]


def illegal(events: list[Event], *, ended: bool) -> list[str]:
    """Return what is wrong with the events of one call, nothing if all is legal.

    Args:
        events: All that the client got, over all its connections.
        ended: Whether the server closed the call: then what was going on has no end.
    """
    api = api_events(events)
    for event in api:
        check_server_event(event)
    wrong = [f"event id {name} came twice" for name in _twice(event["event_id"] for event in events)]
    kinds = [event["type"] for event in api]
    if kinds.count("session.created") > 1:
        wrong.append("`session.created` came twice")
    if kinds and kinds[0] not in ("session.created", "error"):
        wrong.append(f"the first event is `{kinds[0]}`")
    return wrong + _illegal_items(api, ended) + _illegal_responses(api, ended)


def _illegal_items(api: list[Event], ended: bool) -> list[str]:
    seen: Counter[tuple[str, str]] = Counter()
    wrong = []
    for event in api:
        kind, item_id = event["type"], _item_of(event)
        if kind in _ONCE_AN_ITEM and seen[kind, item_id]:
            wrong.append(f"`{kind}` came twice")
        if kind in _NEEDS and not seen[_NEEDS[kind], item_id]:
            wrong.append(f"`{kind}` without `{_NEEDS[kind]}` before it")
        if kind in _DELTAS and seen[_DELTAS[kind], item_id]:
            wrong.append(f"`{kind}` after `{_DELTAS[kind]}`")
        if item_id:
            seen[kind, item_id] += 1
    turns = [item_id for kind, item_id in seen if kind == "input_audio_buffer.committed"]
    if not ended:
        wrong += [
            f"a turn has {count} transcripts"
            for item_id in turns
            if (count := sum(seen[f"{_TRANSCRIPT}.{end}", item_id] for end in ("completed", "failed"))) != 1
        ]
    begun = [item_id for kind, item_id in seen if kind == "conversation.item.added"]
    if not ended:
        wrong += ["`conversation.item.done` is missing" for name in begun if not seen["conversation.item.done", name]]
    return wrong


def _illegal_responses(api: list[Event], ended: bool) -> list[str]:
    created, done, wrong = set(), set(), []
    for event in api:
        kind = event["type"]
        if not kind.startswith("response."):
            continue
        response_id = event.get("response_id") or event["response"]["id"]
        if kind == "response.created":
            if response_id in created:
                wrong.append("`response.created` came twice")
            created.add(response_id)
        elif response_id not in created:
            wrong.append(f"`{kind}` without `response.created` before it")
        elif response_id in done:
            wrong.append(f"`{kind}` after `response.done`")
        if kind == "response.done":
            done.add(response_id)
            wrong += _illegal_output(api, event["response"])
    if not ended:
        wrong += ["`response.done` is missing" for _ in created - done]
    return wrong


def _illegal_output(api: list[Event], response: Mapping[str, Any]) -> list[str]:
    """Compare the output of a finished response with what was told of it before."""
    added = [
        (event["output_index"], event["item"]["id"])
        for event in api
        if event["type"] == "response.output_item.added" and event["response_id"] == response["id"]
    ]
    if added != list(enumerate(item["id"] for item in response["output"])):
        return ["`response.done` has other items than were told of before"]
    return []


def _item_of(event: Event) -> str:
    item = event.get("item")
    return str(item.get("id")) if isinstance(item, dict) else str(event.get("item_id") or "")


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


# --- what was heard -------------------------------------------------------------------------------------------


def heard(events: list[Event], response_id: str) -> tuple[str, str, str]:
    """Return what was heard of a response: the words in its audio, in its transcript's deltas, and in its end."""
    mine = [event for event in events if event.get("response_id") == response_id]
    audio = b"".join(
        base64.b64decode(event["delta"]) for event in mine if event["type"] == "response.output_audio.delta"
    )
    deltas: dict[str, str] = {}
    for event in mine:
        if event["type"] == "response.output_audio_transcript.delta":
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
    parts = [
        part["transcript"]
        for event in events
        if event["type"] == "response.done" and event["response"]["id"] == response_id
        for item in event["response"]["output"]
        for part in item.get("content", [])
    ]
    return " ".join(words_in(audio)), " ".join(" ".join(deltas.values()).split()), " ".join(" ".join(parts).split())


def remarks(events: list[Event]) -> list[str]:
    """Return what a client could notice, in words of the page; nothing if all went as if nothing had been."""
    found = []
    codes = Counter(event["error"]["code"] for event in events if event["type"] == "error")
    found += [f"{count} error{'s' if count > 1 else ''} `{code}`" for code, count in codes.items()]
    for event in events:
        if event["type"] != "response.done":
            continue
        response = event["response"]
        if response["status"] != "completed":
            found.append(f"response ended `{response['status']}`")
        if sum(1 for item in response["output"] if item["type"] == "message") > 1:
            found.append("the answer went on in a second item")
    failed = sum(1 for event in events if event["type"].endswith("input_audio_transcription.failed"))
    return found + ["no transcript of the turn"] * failed
