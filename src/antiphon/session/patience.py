"""How long to wait in a pause before a turn counts as ended.

`server_vad` waits a fixed time. `semantic_vad` waits for a thought to be finished: shortly after words that can end a
sentence, up to the API's maximum after words that cannot.
"""

from antiphon.protocol.config import ServerVad, TurnDetection

# The longest wait in ms for each eagerness. Source: Realtime API, `semantic_vad`; auto is medium.
LONGEST_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
# The wait after words that seem to end a thought.
FINISHED_MS = {"low": 900, "medium": 600, "auto": 600, "high": 400}

# The wait while no words are known: a recogniser without interim results must not make every turn wait its longest.
UNKNOWN_MS = {"low": 1500, "medium": 1000, "auto": 1000, "high": 600}

# English words after which a sentence goes on; interim transcripts carry no punctuation to go by.
_OPEN_ENDS = frozenset(
    """
    a an the this these my your his her its our their some any every no
    and or but so because if when while that which who whose than as like though although unless until since
    of without by into over under between around during
    i he she we they very more really just also maybe please
    um uh er hmm well
    """.split()
)
# Words that leave a statement open ("the house is") and end a question well ("how old it is", "what does it have").
_OPEN_IN_STATEMENTS = frozenset(
    """
    am is are was were be been do does did have has had can could will would should shall may might must
    to in on at for from with about near
    """.split()
)
_QUESTION_BEGINNINGS = frozenset(
    """
    how what where when who whose which why
    do does did is are was were can could will would should shall may has have
    """.split()
)
# A sentence that ends with one of these has only begun: "and how", "tell me where".
_QUESTION_WORDS = frozenset("how what where when why".split())
# One word that is a whole answer.
_WHOLE_REPLIES = frozenset(
    "yes no yeah nope okay ok sure thanks hello hi hey bye goodbye stop right exactly correct great".split()
)


def silence_ms(vad: TurnDetection, transcript: str) -> int:
    """Return the silence that ends a turn in which `transcript` was understood so far."""
    if isinstance(vad, ServerVad):
        return vad.silence_duration_ms
    if not transcript.strip():
        return UNKNOWN_MS[vad.eagerness]
    return (FINISHED_MS if seems_finished(transcript) else LONGEST_MS)[vad.eagerness]


def threshold(vad: TurnDetection) -> float:
    """Return the speech probability from which on a frame is speech."""
    return vad.threshold if isinstance(vad, ServerVad) else ServerVad().threshold


def padding_ms(vad: TurnDetection | None) -> int:
    """Return how much audio before speech belongs to the turn."""
    return vad.prefix_padding_ms if isinstance(vad, ServerVad) else ServerVad().prefix_padding_ms


def seems_finished(transcript: str) -> bool:
    """Whether a sentence may end after these words."""
    text = transcript.strip().lower()
    if text.endswith(("...", "…", ",")):
        return False
    if text.endswith((".", "?", "!")):
        return True
    words = text.split()
    if len(words) < 2:
        return bool(words) and words[0] in _WHOLE_REPLIES
    last = words[-1]
    if len(words) == 2 and words[0] in _QUESTION_BEGINNINGS:
        return False  # "does it", "how many": a question needs more
    if last in _OPEN_IN_STATEMENTS:
        return words[0] in _QUESTION_BEGINNINGS
    return last not in _OPEN_ENDS and last not in _QUESTION_WORDS
