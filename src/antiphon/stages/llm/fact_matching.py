"""Which facts a question asks for: tolerant of wrong words, and silent when the question is about something else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.stages.llm.facts import Entry, FactBook
from antiphon.stages.llm.vocabulary import (
    BOOKING_VERBS,
    QUALIFIERS,
    STOP_WORDS,
    SUBJECT_WORDS,
    TIME_WORDS,
    WEAK_WORDS,
    attributes_of,
    topic_members,
    topics_agree,
)
from antiphon.stages.llm.words import edit_distance, is_number, sound_key, sounds_like, split_words, stem

# How much of a question its fact must explain: half of it may be about something else, no more.
_ENOUGH = 0.55
# From here on the answer needs no caution.
_SURE = 0.75
_ENOUGH_OF_SUBJECT = 0.5
_OF_ANOTHER = 0.7
_EXACT, _SYNONYM, _IN_VALUE, _BY_SOUND = 1.0, 0.9, 0.75, 0.65
# A kind of question (`how big`) says less than a topic (`garden`).
_ATTRIBUTE_WEIGHT = 0.5
_TIME_WEIGHT = 0.3
_SEVERAL = 3
# Asked of the world, not of the facts; and sentences that tell about the speaker.
_ELSEWHERE = re.compile(
    r"\bhow (?:do|can|should|would|does) (?:i|you|we|one|people|someone) (?:make|clean|build"
    r"|cook|train|fix|grow|learn|install"
    r"|paint|design|become|write|spell)\b|\bhow long does it take\b|^what(?:'s| is) an? \w+(?: \w+)?$|"
    r"\bwhat (?:time|day|date|year|month) (?:is|was) (?:it|today|now|tomorrow)\b"
    r"|\bwhat(?:'s| is) the (?:time|date|year|day)(?: (?:now|today|please|it))*$|\bmy (?:\w+ )?(?:is|are|was)\b"
)
# The question is about the subject itself, so one wrong word beside a known topic is a mishearing.
_ABOUT_SUBJECT = re.compile(
    r"\b(?:is|are) (?:there|their)\b|\b(?:does|do|has|have) (?:it|you|they|this|the)\b|\b(?:in|of|about) (?:it|this)\b"
    rf"|\b(?:this|the) (?:{'|'.join(sorted(SUBJECT_WORDS))})\b"
)
_LONG_SUBJECTS = tuple(sorted(word for word in SUBJECT_WORDS if len(word) >= 5))
_WHAT_KIND = re.compile(r"\b(?:type|kind|sort) of\b|\bwhat is (?:it|this)$")
_CLAUSE_ENDS = re.compile(r"[?!;]|[.,](?!\d)|\b(?:and also|and then|and|also|plus)\b")


@dataclass(frozen=True)
class Term:
    """A word of a question that means something; `kinds` of question it asks for, () for a topic."""

    word: str
    stem: str
    kinds: tuple[str, ...]
    weight: float

    @property
    def is_topic(self) -> bool:
        """Whether it names something; times and kinds of questions do not."""
        return not self.kinds and self.weight == 1.0


@dataclass(frozen=True)
class Match:
    """An entry that answers one clause.

    Args:
        entry: What answers.
        score: Share of the clause that it explains, in [0, 1].
        complete: False when the clause asks for a kind of fact that the entry does not have (the size of a garage
            that is only known to be double).
    """

    entry: Entry
    score: float
    complete: bool = True

    @property
    def is_sure(self) -> bool:
        return self.score >= _SURE


@dataclass(frozen=True)
class Finding:
    """What a question asks for, and the clauses that nothing answers."""

    matches: tuple[Match, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return max((match.score for match in self.matches), default=0.0)


def find_facts(question: str, book: FactBook, focus: Sequence[Entry] = ()) -> Finding:
    """Return the entries that answer `question`; `focus` is what the conversation was about just before."""
    matches: list[Match] = []
    unanswered: list[str] = []
    for clause in split_clauses(question):
        terms = read_terms(clause, book)
        found = [] if _ELSEWHERE.search(clause.lower()) else _match_clause(clause, terms, book, focus)
        matches.extend(match for match in found if all(match.entry is not other.entry for other in matches))
        if not found and any(not term.kinds for term in terms):
            unanswered.append(clause)
    return Finding(tuple(matches), tuple(unanswered))


def split_clauses(question: str) -> list[str]:
    """Return the parts of `question` that may each ask for something."""
    question = re.sub(r"\b(come|go|try) and\b", r"\1 to", question, flags=re.I)
    return [clause.strip() for clause in _CLAUSE_ENDS.split(question) if clause and clause.strip()]


def read_terms(clause: str, book: FactBook) -> list[Term]:
    """Return the words of `clause` that say what is asked, joining what only makes sense as one word."""
    words = split_words(clause)
    terms: list[Term] = []
    position = 0
    while position < len(words):
        pair = words[position : position + 2]
        if len(pair) == 2 and (joined := _joined(pair, book)) is not None:
            terms.extend(_term(word) for word in joined)
            position += 2
            continue
        if _means_something(words[position], book):
            terms.append(_term(_as_meant(words[position], book)))
        position += 1
    return terms


def _joined(pair: list[str], book: FactBook) -> tuple[str, ...] | None:
    """Return what two words are when heard as one: `bad rooms` a topic, `proper tea` only the subject; else None."""
    joined = "".join(pair)
    if len(joined) < 5 or all(part in STOP_WORDS for part in pair):
        return None
    if stem(joined) in book.topics:
        return (joined,)
    if any(part in SUBJECT_WORDS or attributes_of(stem(part)) for part in pair):
        return None
    if any(joined[0] == word[0] and sounds_like(joined, word) for word in _LONG_SUBJECTS):
        return ()
    if all(_is_known(part, book) for part in pair):
        return None
    close = (word for word in book.topic_words if len(word) >= 5 and not any(stem(part) == stem(word) for part in pair))
    return (joined,) if any(sounds_like(joined, word) for word in close) else None


def _is_known(word: str, book: FactBook) -> bool:
    return any(topics_agree(stem(word), topic) for topic in book.topics)


def _means_something(word: str, book: FactBook) -> bool:
    if stem(word) in book.topics and word not in STOP_WORDS:
        return True
    if word in STOP_WORDS or word in BOOKING_VERBS or word in QUALIFIERS or is_number(word) or len(word) == 1:
        return False
    if stem(word) in book.subject_words or word in book.subject_words:
        return False
    return bool(attributes_of(stem(word))) or not _sounds_like_subject(word)


def _as_meant(word: str, book: FactBook) -> str:
    """Return `price` for `prize`, when a fact's key says so and the word itself means nothing here."""
    if attributes_of(stem(word)) or _is_known(word, book) or stem(word) in TIME_WORDS:
        return word
    return next((kind for kind in sorted(book.kind_words) if len(kind) >= 5 and sounds_like(word, kind)), word)


def _sounds_like_subject(word: str) -> bool:
    return any(sounds_like(word, subject) for subject in _LONG_SUBJECTS)


def _term(word: str) -> Term:
    stemmed = stem(word)
    kinds = attributes_of(stemmed)
    weight = _TIME_WEIGHT if stemmed in TIME_WORDS or word in WEAK_WORDS else _ATTRIBUTE_WEIGHT if kinds else 1.0
    return Term(word, stemmed, kinds, weight)


def _match_clause(clause: str, terms: list[Term], book: FactBook, focus: Sequence[Entry]) -> list[Match]:
    if not terms and book.title is not None and _WHAT_KIND.search(clause.lower()):
        return [Match(book.title, _SYNONYM)]
    if not any(term.is_topic for term in terms):
        # `when` and the like ask for nothing by themselves, unless it is about the past of the subject.
        is_weak = all(term.weight < _ATTRIBUTE_WEIGHT for term in terms)
        is_askable = not is_weak or bool(focus) or "when was" in clause.lower()
        return _match_kinds(terms, book, focus) if is_askable else []
    enough = _ENOUGH_OF_SUBJECT if _ABOUT_SUBJECT.search(clause.lower()) else _ENOUGH
    best = _best(terms, book, enough)
    if best is None:
        return []
    left = [term for term in terms if not term.kinds and not _strength(term, best.entry)]
    other = _best(left, book, _SYNONYM) if left else None
    if other is None or other.entry is best.entry:
        return [best]
    # `is there a garage, a pool`, in one clause: what the other explains is no reason to doubt the first.
    first = _match([term for term in terms if term not in left], best.entry, book)
    return [first or best, other]


def _best(terms: list[Term], book: FactBook, enough: float) -> Match | None:
    matches = [match for entry in book.entries if (match := _match(terms, entry, book)) and match.score >= enough]
    return max(matches, key=lambda match: _rank(match, terms), default=None)


def _match(terms: list[Term], entry: Entry, book: FactBook) -> Match | None:
    """Return how well `entry` explains `terms`, None when it shares no topic with them."""
    strengths = [(term, _strength(term, entry)) for term in terms]
    strengths = _helped_by_neighbours(strengths, entry)
    if not any(strength and term.is_topic for term, strength in strengths):
        return None
    # A word that belongs to another fact is less foreign than one that belongs to none.
    total = sum(
        term.weight * (1.0 if strength or term.stem not in book.topics else _OF_ANOTHER) for term, strength in strengths
    )
    score = sum(term.weight * strength for term, strength in strengths) / total
    return Match(entry, score, complete=not any(term.kinds and not strength for term, strength in strengths))


def _helped_by_neighbours(strengths: list[tuple[Term, float]], entry: Entry) -> list[tuple[Term, float]]:
    """Hear `energy raining` as `energy rating`: beside one word of a key, the other may be further off."""
    said = {term.stem for term, strength in strengths if strength == _EXACT}
    unsaid = [word for word in entry.key_words if stem(word) in entry.topics and stem(word) not in said]
    if not said & entry.topics or not unsaid:
        return strengths
    return [(term, strength or (_BY_SOUND if _is_roughly(term, unsaid) else 0.0)) for term, strength in strengths]


def _is_roughly(term: Term, words: Sequence[str]) -> bool:
    heard = term.word
    return term.is_topic and any(
        len(heard) >= 5 and sound_key(heard)[0] == sound_key(word)[0] and edit_distance(heard, word) <= len(word) // 2
        for word in words
    )


def _strength(term: Term, entry: Entry) -> float:
    if term.stem in entry.topics:
        return _EXACT
    if any(kind in entry.attributes for kind in term.kinds):
        return _EXACT if term.stem in entry.own_key_words else _SYNONYM
    if any(topics_agree(term.stem, topic) for topic in entry.topics):
        return _SYNONYM
    if term.stem in entry.value_words or any(topics_agree(term.stem, word) for word in entry.value_words):
        return _IN_VALUE
    return _BY_SOUND if not term.kinds and _sounds_like_topic(term, entry) else 0.0


def _sounds_like_topic(term: Term, entry: Entry) -> bool:
    heard = (term.word, term.stem)
    if any(sounds_like(one, word) for one in heard for word in entry.key_words if stem(word) in entry.topics):
        return True
    members = {member for topic in entry.topics for member in topic_members(topic)}
    return any(sounds_like(one, member) for one in heard for member in members)


def _rank(match: Match, terms: list[Term]) -> tuple[float, bool, int]:
    """Prefer what explains most, then what was meant by its own key, then the table before its parts."""
    entry = match.entry
    asked = [term.stem for term in terms]
    unasked = sum(1 for topic in entry.topics if not any(topics_agree(stemmed, topic) for stemmed in asked))
    own = any(stemmed in entry.own_key_words for stemmed in asked)
    return (match.score - 0.1 * min(unasked, 3), own, -len(entry.path))


def _match_kinds(terms: list[Term], book: FactBook, focus: Sequence[Entry]) -> list[Match]:
    """Answer a question that only names a kind of fact: `how big is it`, `how much`, `where is it`."""
    for kind in _kinds_asked(terms):
        holders = [entry for entry in book.entries if kind in entry.attributes]
        alone = [entry for entry in holders if _may_answer_alone(entry, kind)]
        chosen = _at_that_time(terms, alone) or _near(focus, holders) or _plainest(alone, kind)
        if chosen:
            return [Match(entry, _SYNONYM) for entry in chosen]
    return []


def _at_that_time(terms: list[Term], holders: list[Entry]) -> list[Entry]:
    """Return the holders for a day that was named: `are you open on monday`."""
    days = {term.stem for term in terms if term.stem in TIME_WORDS}
    return [entry for entry in holders if not entry.is_table and days & entry.topics]


def _kinds_asked(terms: list[Term]) -> list[str]:
    """Return the kinds asked for, those of the strongest word first."""
    ordered = sorted(terms, key=lambda term: (-term.weight, len(term.kinds)))
    return list(dict.fromkeys(kind for term in ordered for kind in term.kinds if kind != "count"))


def _may_answer_alone(entry: Entry, kind: str) -> bool:
    """A time says nothing without its topic; a price, a size or a distance does."""
    if kind == "time":
        return not entry.topics - TIME_WORDS
    return not entry.is_table and (kind != "name" or not entry.topics)


def _near(focus: Sequence[Entry], holders: list[Entry]) -> list[Entry]:
    """Return the holder that the conversation was just about, or one of its sisters."""
    same = [entry for entry in holders if any(entry.path == other.path for other in focus)]
    sisters = [
        entry for entry in holders for other in focus if entry.path[0] == other.path[0] or (entry.topics & other.topics)
    ]
    return (same or sisters)[:1]


def _plainest(holders: list[Entry], kind: str) -> list[Entry]:
    plain = [entry for entry in holders if not entry.topics]
    # `price` before `price_per_night` would be lost among equals; the first is the one that the table leads with.
    if plain:
        named = [entry for entry in plain if any(kind in attributes_of(word) for word in entry.own_key_words)]
        return (named or plain)[:1]
    return holders if len(holders) <= _SEVERAL else []
