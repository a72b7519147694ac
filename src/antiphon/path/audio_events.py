"""Events about the user's audio and its transcripts.

A leg that took over hears the user's running speech again: it gives it another id, and counts from its own beginning.
"""

# ruff: noqa: ARG001 - all handlers are called alike

from typing import TYPE_CHECKING

from antiphon.path.events import CLEAR, COMMIT, Event
from antiphon.path.leg_state import LegState

if TYPE_CHECKING:
    from antiphon.path.exchange import Exchange


def on_speech_started(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
    if leg.replayed_speech is not None:
        # The client knows of this speech, and under another id.
        leg.add_alias(str(event.get("item_id")), leg.replayed_speech)
        leg.replayed_speech = None
        return False
    return _moved(exchange, leg, event, "audio_start_ms")


def on_speech_stopped(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
    moved = _moved(exchange, leg, event, "audio_end_ms")
    stopped, leg.replayed_stop = leg.replayed_stop, None
    if stopped is None or event.get("item_id") != stopped:
        return moved
    exchange.ledger.note_server("input_audio_buffer.speech_stopped", moved if isinstance(moved, dict) else event)
    return False


def on_timeout(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
    return _moved(exchange, leg, event, "audio_start_ms", "audio_end_ms")


def _moved(exchange: "Exchange", leg: LegState, event: Event, *keys: str) -> bool | Event:
    """Count positions from the beginning of the call, and not of the leg."""
    lead_ms = round(1000 * leg.lead_bytes / exchange.ledger.audio_bytes_per_second)
    if not lead_ms:
        return True
    return {**event, **{key: event[key] + lead_ms for key in keys if isinstance(event.get(key), int)}}


def on_committed(exchange: "Exchange", leg: LegState, event: Event) -> bool | Event:
    if leg.spoken_again:
        # The client knows of this turn, and under another id.
        item_id = leg.spoken_again.popleft()[1]
        leg.add_alias(str(event.get("item_id")), item_id)
        leg.restored.add(item_id)
        return False
    exchange.in_flight.answered(COMMIT)
    exchange.news += 1
    if exchange.ledger.creates_response:
        exchange.answered_news = exchange.news
    if exchange.ledger.transcription is not None:
        exchange.transcripts.owed.add(str(event.get("item_id")))
    return exchange.ledger.placed(event, str(event.get("item_id")))


def on_cleared(exchange: "Exchange", leg: LegState, event: Event) -> bool:
    exchange.in_flight.answered(CLEAR)
    return True


def on_transcribed(exchange: "Exchange", leg: LegState, event: Event) -> bool:
    is_news = exchange.transcripts.came(str(event.get("item_id")))
    if not is_news:
        exchange.ledger.note_server(event["type"], event)  # other legs can be told of it in words
    return is_news


FROM_LEG = {
    "conversation.item.input_audio_transcription.completed": on_transcribed,
    "conversation.item.input_audio_transcription.failed": on_transcribed,
    "input_audio_buffer.speech_started": on_speech_started,
    "input_audio_buffer.speech_stopped": on_speech_stopped,
    "input_audio_buffer.timeout_triggered": on_timeout,
    "input_audio_buffer.committed": on_committed,
    "input_audio_buffer.cleared": on_cleared,
}
