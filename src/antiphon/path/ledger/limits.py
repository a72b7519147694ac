"""The ledger's bounds."""

from dataclasses import dataclass

EARLY_TRANSCRIPTS = 64  # of items that are not there yet
REMEMBERED_IDS = 1024  # of items that went
PENDING_ITEMS = 256  # sent by the client and not acknowledged
OPEN_RESPONSES = 64
PENDING_CALLS = 32  # function calls that stay as they are though nobody answered them
MARKS = 256  # commits and clears without their answer
PARTS = 256  # of one item, as a server opens them


@dataclass(frozen=True)
class LedgerLimits:
    """How much is kept of one conversation; beyond it the oldest goes first.

    Args:
        kept_audio_bytes: User audio that has no transcript, and that of the uncommitted turn, as it came in base64.
        kept_image_bytes: Images, as `data:` URIs.
        preroll_seconds: Input audio kept while nobody speaks and the server detects turns.
        context_tokens: Budget of a restoration; beyond it older items become a summary. In memory twice as much is
            kept word for word.
        pending_bytes: Raw deltas kept of running responses.
    """

    kept_audio_bytes: int = 16_000_000
    kept_image_bytes: int = 32_000_000
    preroll_seconds: float = 2.0
    context_tokens: int = 28_000
    pending_bytes: int = 4_000_000
