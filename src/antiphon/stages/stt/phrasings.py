"""What people are likely to say to an agent, written out from what it knows. Pure.

The sentences only shape a language model that stands beside a general one, so they need not be elegant: what counts is
that the words of each fact appear in the company that they keep in questions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from antiphon.session.context import FactValue, Knowledge
from antiphon.stages.stt.ngram import Sentence, merge
from antiphon.stages.stt.spoken import key_words, readings_of, sentences_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# How often each kind is expected, relative to the others.
_SMALL_TALK, _QUESTIONS, _VALUES, _PHRASES, _PROMPT = 2.0, 2.0, 1.0, 8.0, 4.0
_LONGEST = 40  # words of one sentence; longer prose teaches nothing about speech
_MOST_NAMES = 400  # facts that get questions of their own; a larger table would take seconds to learn

CONVERSATION = """
hello|hi|hi there|hey|good morning|good afternoon|good evening|hello can you hear me|hello i have a question|yes
yes please|yeah|yep|sure|okay|of course|that is right|that's right|correct|yes that is right|yes i do|yes it is|great
no|no thanks|no thank you|nope|not really|that is wrong|that is not right|that's not what i meant|no i don't
i don't think so|thanks|thank you|thank you very much|thanks a lot|thanks for your help|that is all|that's all
that's it|perfect|i see|goodbye|bye|bye bye|see you later|have a nice day|talk to you later|stop|stop it|wait
wait a minute|one moment please|hold on|please stop|stop talking|cancel|cancel that|never mind|be quiet|sorry
excuse me|pardon|what|what did you say|can you repeat that|could you repeat that please|please repeat that
say that again|can you say that again|i didn't understand|i don't understand|what do you mean|please speak more slowly
can you speak up|help|can you help me|i need help|i need some help|what can you do|what can i ask you|who are you
what is your name|go on|continue|next|next one please|go back|go back to the previous one|go back to the first one
back|previous|show me the next one|show me another one|show me more|what else|what else is there|anything else
tell me more|tell me more about it|tell me more about that|can you tell me more|i have another question
one more question|i would like to speak to someone|can i speak to a person|can you call me back
can you send me an email|my name is|my number is|my email address is|i am calling about|i'm calling about
i am interested in|i am looking for|i'm looking for|i would like|i'd like|i want|i need|do you have|is there|are there
can i have|how about|what about|how are you|how much is it|how much does it cost|what does it cost
how long does it take|when can i come|where are you|what time is it|what day is it|how do i get there|why|why not|when
where|who|how|how much|how many|which one|what time
"""

# {n} is the fact's name ("floor area"), {s} what the agent is about ("house", "it"), {u} a unit.
_ABOUT = """
what is the {n}|what's the {n}|what is the {n} of the {s}|what is the {n} of this {s}|tell me the {n}
tell me about the {n}|what about the {n}|how about the {n}|can you tell me the {n}|can you tell me about the {n}
do you know the {n}|the {n} please|can you tell me what the {n} is|could you tell me about the {n}
i would like to know the {n}|i want to know about the {n}|is there a {n}|is there any {n}|does it have a {n}
does it have {n}|does the {s} have a {n}|does this {s} have {n}|do you have a {n}|do you have any {n}|has it got a {n}
is there a {n} in the {s}|does it come with a {n}|i need a {n}|how is the {n}|what kind of {n} is it
what kind of {n} does it have|what {n} does it have|what {n} is it|which {n}|show me the {n}|can you show me the {n}
can i see the {n}|let me see the {n}|i would like to see the {n}|where is the {n}|how big is the {n}
how large is the {n}|what does the {n} look like|does the {s} come with {n}|is the {n} included|what size is the {n}
is it {n}|is the {s} {n}|is this {s} {n}|{n}|how good is the {n}|explain the {n}
"""
_MORE = """
do you have {n}|is {n} included|do you offer {n}|is there {n}|what about {n}|tell me about {n}
"""
_MANY = """
how many {n}|how many {n} are there|how many {n} does it have|how many {n} does the {s} have
how many {n} does this {s} have|how many {n} are there in the {s}|how many {n} do you have|how many {n} has it got
are there any {n}|what are the {n}|does it have {n}|what {n} are there|what {n} do you have
tell me how many {n} it has|can you tell me how many {n} there are|what {n} are available|when are the {n}
where are the {n}|how much are the {n}|tell me about the {n}|do you have any {n}|can you tell me how many {n} it has
do you know how many {n} there are|are the {n} included|show me the {n}|list the {n}
"""
_ACTION = """
i would like to book a {n}|i want to book a {n}|can i book a {n}|could i book a {n}|i would like to arrange a {n}
can i arrange a {n}|i would like to make a {n}|can i have a {n}|i would like a {n}|i want a {n}|when is the next {n}
can i get a {n}|i would like to order a {n}|i need to cancel my {n}|i would like to change my {n}
can you book a {n} for me
"""
_STATE = """
are {n} {p}|is {n} {p}|are {n} {p} in the {s}|is the {n} {p}|are the {n} {p}|is it {p}|is the {s} {p}|is this {s} {p}
are there {n} {p}|do you know if {n} are {p}|can you tell me if {n} are {p}|are you {p}|does it come {p}|{n} {p}
when was it {p}|when was the {s} {p}|when was this {s} {p}|what {n} was it {p}|what {n} was the {s} {p}|can i have {n}
can i bring {n}|do you allow {n}|do you accept {n}|do you have {n}|who {p} it|where was it {p}|is {n} included
"""
_SUBJECT = """
tell me about the {s}|tell me about this {s}|tell me more about the {s}|show me the next {s}|show me another {s}
show me the {s}|show me the previous {s}|go back to the previous {s}|go back to the {s}|what is this {s}
i like this {s}|what is special about this {s}|do you have any other {s}|what {s} is this|where is the {s}
how old is the {s}|how big is the {s}|how much is the {s}|how much does the {s} cost|is the {s} available
is this {s} still available|i am interested in this {s}|i am looking for a {s}|what kind of {s} is it|describe the {s}
can i see the {s}|i am calling about the {s}|when can i see the {s}|how do i get to the {s}
can you tell me about the {s}
"""
# Families of facts that are asked for in words of their own; found by a word of the key.
_FAMILIES: tuple[tuple[frozenset[str], str], ...] = (
    (
        _words("price cost costs rent fee fees charge charges rate deposit tariff amount fare"),
        "how much is it|how much does it cost|how much is the {s}|how much does the {s} cost|how much is the {n}"
        "|what does it cost|how expensive is it|how expensive is the {s}|how high is the {n}|how much are the {n}"
        "|how much do you charge|what is the price|what's the price|how much do i have to pay|how much for the {s}",
    ),
    (
        _words("area size surface space acreage volume capacity dimensions"),
        "how big is it|how big is the {s}|how big is this {s}|how large is it|how large is the {s}|what size is it"
        "|how much space is there|how many {u} is it|how many {u} does it have|how big is the {r}"
        "|how large is the {r}|what is the size of the {r}|how many {u} is the {r}|is there a {r}"
        "|does it have a {r}|tell me about the {r}|can you show me the {r}|show me the {r}",
    ),
    (
        _words("year built age founded established opened constructed date since"),
        "how old is it|how old is the {s}|when was it built|when was the {s} built|when was this {s} built"
        "|what year was it built|what year is it from|when is the {n}|what date is the {n}|when was it {n}",
    ),
    (
        _words("distance near nearest closest walk far travel"),
        "how far is it|how far is the {n}|how far is it to the {n}|how far away is the {n}|how far is the {r}"
        "|how close is the {n}|where is the {n}|is there a {r} nearby|is the {n} far away"
        "|how long does it take to the {n}|how far is the nearest {r}|where is the nearest {r}"
        "|where is the closest {r}|how do i get to the {n}|is it close to the {r}|what is the nearest {r}"
        "|how many {u} is it to the {r}|is it near the {r}",
    ),
    (
        _words("address location place street city postcode zip"),
        "where is it|where is the {s}|where is this {s}|where is it located|where is the {s} located"
        "|where are you located|what street is it on|what city is it in|which street is it|how do i get there",
    ),
    (
        _words("hours hour opening open close closing time times schedule checkin checkout departure arrival"),
        "when are you open|when do you open|when do you close|what time do you open|what time do you close"
        "|are you open today|are you open on saturday|are you open on sunday|what are your {n}|when is {n}"
        "|what time is {n}|until when are you open|are you open tomorrow|how late are you open|when does it open"
        "|when does it close|when does it start|when does it end|what time does it start|what time does it leave"
        "|what time is the {n}"
        "|what time is {r}|when is {r}|what time is the {r}|when is the {r}|when do i have to {r}|when can i {r}"
        "|what time do i have to {r}|what time can i {r}|how late can i {r}",
    ),
    (
        _words("phone telephone number email mail contact website url"),
        "what is your {n}|what is the {n}|how can i contact you|how can i reach you|can i have your {n}"
        "|give me the {n}|can you give me the {n}|how do i contact you",
    ),
    (
        _words("weight height length width depth"),
        "how heavy is it|how tall is it|how long is it|how wide is it|how deep is it|how many {u} is it|how high is it",
    ),
)
_PARTICIPLES = _words(
    "built made known open included available refundable accessible friendly free allowed permitted furnished sold"
)
# Left out when what remains of a key is named: "train station" of "nearest train station".
_LITTLE_WORDS = _words("nearest closest next to from of the per")
_NOT_NAMES = _words("id ids name names type kind title label description")
_PLAIN_SUBJECTS = ("place", "one")


@dataclass(frozen=True)
class _Fact:
    """One entry of the table: its spoken name with the names above it, its unit and its value."""

    path: tuple[tuple[str, ...], ...]
    unit: tuple[str, ...]
    value: FactValue

    @property
    def name(self) -> tuple[str, ...]:
        return self.path[-1]


def likely_sentences(knowledge: Knowledge, prompt: str | None = None) -> dict[Sentence, float]:
    """Return what users may say, as lower-case words, and how often each sentence is expected.

    Args:
        knowledge: Facts of any table, and example phrasings.
        prompt: Words or sentences that the client told the recogniser to expect.
    """
    facts = list(_facts(knowledge.facts))[:_MOST_NAMES]
    subjects = _subjects(facts)
    return merge(
        [
            (_SMALL_TALK, (line.split() for line in _templates(CONVERSATION))),
            (_SMALL_TALK, _filled(_SUBJECT, {"s": subjects})),
            *((_QUESTIONS, _questions(fact, subjects)) for fact in facts),
            (_VALUES, (words for fact in facts for words in _values(fact))),
            (_PHRASES, _prose(knowledge.phrases)),
            (_PROMPT, _prose([prompt or ""])),
        ]
    )


def _facts(table: Mapping[str, FactValue], above: tuple[tuple[str, ...], ...] = ()) -> Iterator[_Fact]:
    for key, value in table.items():
        name, unit = key_words(key)
        if not name:
            continue
        path = (*above, tuple(name))
        yield _Fact(path, tuple(unit), value)
        if isinstance(value, Mapping):
            yield from _facts(value, path)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for entry in value:
                if isinstance(entry, Mapping):
                    yield from _facts(entry, path)


def _subjects(facts: Iterable[_Fact]) -> list[str]:
    """Return what the agent is about: "property" of `property_id`, "house" of the title "Detached family house"."""
    found: list[str] = []
    for fact in facts:
        if len(fact.path) == 1 and fact.name[-1] in _NOT_NAMES:
            if len(fact.name) > 1:
                found.append(" ".join(fact.name[:-1]))
            if fact.name[-1] in {"title", "type", "kind"} and isinstance(fact.value, str):
                found.extend(words[-1] for words in readings_of(fact.value)[:1] if words)
    return list(dict.fromkeys([*found, *_PLAIN_SUBJECTS]))


def _questions(fact: _Fact, subjects: list[str]) -> Iterator[list[str]]:
    name = " ".join(fact.name)
    fields = {"n": [name], "s": subjects, "u": [" ".join(fact.unit)] if fact.unit else []}
    yield from _filled(_ABOUT + _MORE, fields)
    if _is_plural(fact.name[-1]):
        yield from _filled(_MANY, fields)
    yield from _filled(_ACTION, {"n": [_singular(name)]})
    yield from _states(fact, subjects)
    yield from _family_questions(fact, fields)
    if len(fact.path) > 1:
        yield from _nested(fact, subjects)


def _nested(fact: _Fact, subjects: list[str]) -> Iterator[list[str]]:
    """Ask for a fact by the name above it: the distance of the nearest train station."""
    above = " ".join(fact.path[-2])
    name = " ".join(fact.name)
    both = {"n": [f"{name} of the {above}", f"{name} to the {above}", f"{above} {name}"], "s": subjects[:1]}
    yield from _filled("what is the {n}|what are the {n}|tell me the {n}|what's the {n}", both)
    unit = [" ".join(fact.unit)] if fact.unit else []
    yield from _family_questions(fact, {"n": [above], "s": subjects, "u": unit})


def _states(fact: _Fact, subjects: list[str]) -> Iterator[list[str]]:
    """Ask whether something is so: `pets_allowed`, `furnished`, `year_built`."""
    last = fact.name[-1]
    is_state = last in _PARTICIPLES or (last.endswith("ed") and len(last) > 4)
    if is_state or (isinstance(fact.value, bool) and len(fact.name) == 1 and not _is_plural(last)):
        rest = " ".join(fact.name[:-1])
        yield from _filled(_STATE, {"n": [rest] if rest else [], "p": [last], "s": subjects})


def _family_questions(fact: _Fact, fields: Mapping[str, list[str]]) -> Iterator[list[str]]:
    words = set(fact.name)
    for family, templates in _FAMILIES:
        if words & family:
            name = fields["n"][0].split()
            rest = [word for word in name if word not in family and word not in _LITTLE_WORDS]
            yield from _filled(templates, {**fields, "r": [" ".join(rest)] if rest else []})


def _values(fact: _Fact) -> Iterator[list[str]]:
    value = fact.value
    if isinstance(value, Mapping | bool):
        return
    if isinstance(value, str | int | float):
        texts = sentences_of(str(value)) if isinstance(value, str) else [str(value)]
        for text in texts:
            for words in readings_of(text):
                spoken = words[:_LONGEST]
                yield spoken
                yield [*spoken, *fact.unit]
                yield from ([*lead, *spoken] for lead in (["is", "it"], ["is", "there", "a"], ["what", "about"]))
        return
    for entry in value:
        yield from _values(_Fact(fact.path, fact.unit, entry))


def _prose(texts: Iterable[str]) -> Iterator[list[str]]:
    for text in texts:
        for sentence in sentences_of(text):
            yield from (words[:_LONGEST] for words in readings_of(sentence))


def _templates(text: str) -> Iterator[str]:
    return (piece.strip() for line in text.splitlines() for piece in line.split("|") if piece.strip())


def _filled(text: str, fields: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Fill each template with every combination of its fields; one whose field has no value is left out."""
    for template in _templates(text):
        filled = [template]
        for letter, values in fields.items():
            slot = "{" + letter + "}"
            if slot in template:
                filled = [line.replace(slot, value) for line in filled for value in values]
        yield from (_with_articles(line.split()) for line in filled if "{" not in line)


def _with_articles(words: list[str]) -> list[str]:
    """Say "an energy rating", not "a energy rating"; by letters, so an hour and a unit are missed."""
    following = [*words[1:], ""]
    return [
        "an" if word == "a" and after[:1] in tuple("aeio") else word
        for word, after in zip(words, following, strict=True)
    ]


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3


def _singular(name: str) -> str:
    if not _is_plural(name):
        return name
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-2] if name.endswith(("sses", "ches", "shes", "xes")) else name[:-1]
