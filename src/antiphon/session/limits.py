"""The bounds of a session; each keeps one client from using up the server."""

from dataclasses import dataclass

RATE = 24_000  # Hz of all audio inside a session
SAMPLE_BYTES = 2
BYTES_PER_SECOND = RATE * SAMPLE_BYTES


@dataclass(frozen=True)
class Limits:
    """Bounds of one session.

    Args:
        session_seconds: After this long the session ends with `session_expired`.
        buffer_seconds: User audio held without a commit; more is refused.
        quiet_seconds: Audio kept in front of speech while turn detection hears none; older audio is let go.
        utterance_seconds: A turn that lasts longer is ended, so that constant noise cannot hold it open.
        kept_audio_seconds: Audio of items kept for `conversation.item.retrieve`; the oldest goes first.
        items: Items in the conversation; the oldest goes first.
        characters: Text, arguments and images of the conversation together; the oldest item goes first.
        utterances: Utterances whose transcripts are awaited; more are refused.
        responses: Responses running at once, out-of-band ones included.
        input_tokens: Tokens of context for the model; the oldest items are left out first.
        speak_ahead_seconds: How far spoken audio may run ahead of its playback.
        stalled_seconds: User audio in the middle of an utterance may pause this long before its transcription is
            given up, to be begun anew when audio comes again.
    """

    session_seconds: float = 3600.0
    buffer_seconds: float = 600.0
    quiet_seconds: float = 30.0
    utterance_seconds: float = 120.0
    kept_audio_seconds: float = 600.0
    items: int = 2000
    characters: int = 32_000_000
    utterances: int = 64
    responses: int = 16
    input_tokens: int = 28_224
    speak_ahead_seconds: float = 5.0
    stalled_seconds: float = 3.0


def milliseconds(samples: int) -> int:
    """Return the position of a sample in whole milliseconds, as events show it."""
    return samples * 1000 // RATE


def samples_of(ms: int) -> int:
    """Return the number of samples in `ms` milliseconds."""
    return ms * RATE // 1000


def seconds_of(pcm_bytes: int) -> float:
    """Return how long that many bytes of PCM16 at 24000 Hz last."""
    return pcm_bytes / BYTES_PER_SECOND
