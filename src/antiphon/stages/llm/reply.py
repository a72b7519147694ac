"""What the responder says or does in one turn, decided by rules from what it was told. No I/O."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.session.context import (
    ContextItem,
    ContextMessage,
    ContextToolCall,
    ContextToolResult,
    Knowledge,
    ModelContext,
)
from antiphon.stages.llm.fact_matching import Finding, Match, find_facts
from antiphon.stages.llm.facts import Entry, FactBook, lay_out
from antiphon.stages.llm.phrasing import join_and, label, lower_first, say, say_all
from antiphon.stages.llm.small_talk import SmallTalk, greets, recognise
from antiphon.stages.llm.tool_matching import ToolRequest, best_request, describe_parameter, find_requests
from antiphon.stages.llm.vocabulary import ACTION_VERBS, BOOKING_VERBS
from antiphon.stages.llm.words import split_words

_PLUG_IN = "For open conversation, connect a language model with the llm setting."
_PLUGGED_IN = "connect a language model"
_UNKNOWN = "I only know the facts I was given, and that is not among them."
_UNKNOWN_AGAIN = "That is not among the facts I was given."
_NO_FACTS = "I was given no facts, so I cannot answer that."
_CANNOT_DO = "I cannot do that. I only answer from the facts I was given."
_CANNOT_SEE = "I cannot look at pictures."
_NOT_CAUGHT = "Sorry, I did not catch that."
_STILL_THERE = "Are you still there?"
_ASKS = "To do that I still need to know "
_LONGEST_RESULT = 500
# A spoken turn is far shorter; matching takes time in proportion.
_LONGEST_TURN = 1000
_FOCUS_DEPTH = 4
_SILENCE = re.compile(
    r"\b(?:idle|timed? ?out|inactiv\w*|silen(?:t|ce)|nobody|no one|no (?:speech|response|reply|answer|input)"
    r"|(?:not|n't) (?:said|spoken|speak|spoke|say|respond(?:ed)?|answer(?:ed)?|repl(?:y|ied)))\b",
    re.I,
)
_GREETING_IN = re.compile(
    r"\b(?:greet\w*|begin|start|open|answer the (?:call|phone)|welcome)\b[^\"“\n]{0,80}[\"“]([^\"”\n]{2,300})[\"”]"
    r"|^\W*greeting\W*:\s*[\"“]?([^\"”\n]{2,300}?)[\"”]?\s*$",
    re.I | re.M,
)
_ORDER = re.compile(
    r"^(?:\W*(?:please|hello|hi|hey|ok|okay|um|uh|and|so|well|yes|now|then|just|also|(?:can"
    r"|could|would|will) you|(?:can|could|may) i|let me|let's"
    r"|i want(?: you)? to|(?:i|we) would like(?: you)? to|(?:i|we)'d like(?: you)? to|i "
    r"need(?: you)? to|i wish to)\b)*\W*(?P<verb>\w+)",
    re.I,
)
_ASKING = re.compile(
    r"^\W*(?:(?:and|so|please|can you tell me|tell me)\W+)*(?:what|which|who|where|when"
    r"|how|is|are|does|do|has|have|can)\b",
    re.I,
)


@dataclass(frozen=True)
class Call:
    """A function call to make; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """Words to say, or calls to make."""

    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class _Turn:
    """What the user said last, and what has been done about it since."""

    text: str
    images: int
    before: tuple[ContextItem, ...]
    after: tuple[ContextItem, ...]

    @property
    def results(self) -> list[ContextToolResult]:
        return [item for item in self.after if isinstance(item, ContextToolResult)]

    @property
    def calls(self) -> list[ContextToolCall]:
        return [item for item in self.after if isinstance(item, ContextToolCall)]


class BookShelf:
    """Keeps the last few tables of facts laid out, since every turn of a session has the same."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._books: dict[tuple[int, str], tuple[Knowledge, FactBook]] = {}

    def book(self, context: ModelContext) -> FactBook:
        """Return the facts of `context`, laid out."""
        key = (id(context.knowledge.facts), context.instructions)
        kept = self._books.get(key)
        if kept is not None and kept[0].facts is context.knowledge.facts:
            return kept[1]
        if len(self._books) >= self._size:
            self._books.pop(next(iter(self._books)))
        book = lay_out(context.knowledge, context.instructions)
        self._books[key] = (context.knowledge, book)
        return book


def compose(context: ModelContext, book: FactBook) -> Reply:
    """Return the reply to the last thing that happened in `context`."""
    if _went_silent(context.items):
        return Reply(_STILL_THERE)
    turn = _last_turn(context.items)
    if turn is None:
        return _without_user(context, book)
    if calls := _calls(context, turn, book):
        return calls
    if turn.results:
        return Reply(_say_results(turn))
    return Reply(_answer(context, turn, book))


def _last_turn(items: Sequence[ContextItem]) -> _Turn | None:
    for position in range(len(items) - 1, -1, -1):
        item = items[position]
        if isinstance(item, ContextMessage) and item.role == "user":
            after = tuple(items[position + 1 :])
            return _Turn(item.text.strip()[:_LONGEST_TURN], len(item.images), tuple(items[:position]), after)
    return None


def _went_silent(items: Sequence[ContextItem]) -> bool:
    """Tell whether the last news is a system message that nobody spoke, with at most an empty turn after it."""
    left = list(items)
    if left and isinstance(left[-1], ContextMessage) and left[-1].role == "user" and not left[-1].text.strip():
        left.pop()
    last = left[-1] if left else None
    return isinstance(last, ContextMessage) and last.role == "system" and bool(_SILENCE.search(last.text))


def _without_user(context: ModelContext, book: FactBook) -> Reply:
    """Open the conversation; also when a client asks for a response before anyone spoke."""
    results = [item for item in context.items if isinstance(item, ContextToolResult)]
    if results and results[-1] is context.items[-1]:
        return Reply(_say_results(_Turn("", 0, (), context.items)))
    choice = context.tool_choice
    if context.tools and (choice.function or choice.mode == "required"):
        return _forced(context, "", book) or Reply(_unknown(context, _Turn("", 0, (), ()), book))
    if any(isinstance(item, ContextMessage) and item.role == "assistant" for item in context.items):
        return Reply("What would you like to know?")
    given = _GREETING_IN.search(context.instructions)
    return Reply((given[1] or given[2]).strip() if given else _greeting(book))


# --- tools --------------------------------------------------------------------------------------------------


def _calls(context: ModelContext, turn: _Turn, book: FactBook) -> Reply | None:
    """Return calls to make, or the question for what a call lacks; None when no tool is wanted."""
    choice = context.tool_choice
    if (choice.mode == "none" and choice.function is None) or not context.tools:
        return None
    text, answers = _with_answers(turn, context, book)
    if choice.function is not None or choice.mode == "required":
        return None if turn.results else _forced(context, text, book)
    if not text or (recognise(turn.text) is not None and not answers):
        return None  # small talk is no request, but `yes` may answer a question
    wanted = find_requests(text, context.tools, book, answers)
    wanted = [request for request in wanted if answers or request.score > find_facts(request.text, book).score]
    lacking = next((request for request in wanted if not request.is_ready), None)
    if lacking is not None:
        return None if turn.results else Reply(_ask_for(lacking))
    calls = [call for call in map(_call, wanted) if not _was_made(call, turn)]
    if not calls:
        return None
    return Reply(calls=tuple(calls if context.parallel_tool_calls else calls[:1]))


def _forced(context: ModelContext, text: str, book: FactBook) -> Reply | None:
    name = context.tool_choice.function
    tools = [tool for tool in context.tools if name is None or tool.name == name]
    best = best_request(text, tools, book)
    return None if best is None else Reply(calls=(_call(best),))


def _call(request: ToolRequest) -> Call:
    return Call(request.tool.name, json.dumps(dict(request.arguments.values), ensure_ascii=False))


def _was_made(call: Call, turn: _Turn) -> bool:
    return any(made.name == call.name and _parsed(made.arguments) == _parsed(call.arguments) for made in turn.calls)


def _parsed(text: str) -> Any:
    """Return the JSON in `text`; clients encode it twice now and then, and some send plain text."""
    value: Any = text
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return value
    return value


def _ask_for(request: ToolRequest) -> str:
    return f"{_ASKS}{describe_parameter(request.tool, request.arguments.missing[0])}. What should I use?"


def _with_answers(turn: _Turn, context: ModelContext, book: FactBook) -> tuple[str, dict[str, str]]:
    """Return the request that the user is answering questions about, and those answers by parameter.

    Without such a question it is the last turn's text as it stands.
    """
    answers: dict[str, str] = {}
    text, before = turn.text, turn.before
    while (asked := _asked_parameter(before, context)) is not None:
        earlier = _last_turn(before)
        if earlier is None or not _may_answer(text, book):
            break
        answers.setdefault(asked, text)
        text, before = earlier.text, earlier.before
    return text, answers


def _may_answer(text: str, book: FactBook) -> bool:
    """Tell an answer from a change of mind: `never mind`, or a question about something else."""
    if recognise(text) not in (None, SmallTalk.AGREEMENT):
        return False
    return not (_ASKING.match(text) and find_facts(text, book).matches)


def _asked_parameter(items: Sequence[ContextItem], context: ModelContext) -> str | None:
    last = items[-1] if items else None
    if not isinstance(last, ContextMessage) or last.role != "assistant" or not last.text.startswith(_ASKS):
        return None
    asked = last.text[len(_ASKS) :]
    names = [(tool, name) for tool in context.tools for name in _properties(tool.parameters)]
    return next((name for tool, name in names if asked.startswith(describe_parameter(tool, name))), None)


def _properties(schema: Mapping[str, Any]) -> list[str]:
    properties = schema.get("properties")
    return [str(name) for name in properties] if isinstance(properties, Mapping) else []


def _say_results(turn: _Turn) -> str:
    last_message = max((i for i, item in enumerate(turn.after) if isinstance(item, ContextMessage)), default=-1)
    results = [item for item in turn.after[last_message + 1 :] if isinstance(item, ContextToolResult)]
    return " ".join(dict.fromkeys(_say_result(result.output) for result in results or turn.results))


def _say_result(output: str) -> str:
    """Say a tool's output: its facts when it is JSON, the text as it is otherwise; at most 500 characters."""
    value = _parsed(output)
    if isinstance(value, Mapping):
        return _say_object(value)
    if isinstance(value, list):
        value = [row for row in value if row is not None]
        return (
            _sentence(_cut(say_all(lay_out(Knowledge({"results": value}), "").roots)))
            if value
            else "There are no results."
        )
    if isinstance(value, bool):
        return "Done." if value else "That did not work."
    text = str(value).strip() if value is not None else ""
    return "Done." if text.lower() in ("", "ok", "okay", "done", "success", "null") else _sentence(_cut(text))


def _say_object(value: Mapping[str, Any]) -> str:
    error = value.get("error") or value.get("error_message")
    if error:
        detail = error.get("message", error) if isinstance(error, Mapping) else error
        return _sentence(f"That did not work: {_cut(str(detail))}")
    for key in ("message", "summary", "answer"):
        if isinstance(value.get(key), str) and len(value[key].split()) > 1:
            return _sentence(_cut(value[key]))
    state = next((value[key] for key in ("success", "ok", "status") if key in value), None)
    rest = {key: part for key, part in value.items() if key not in ("success", "ok", "status") or not _is_done(part)}
    if state is False:
        return "That did not work."
    said = _cut(say_all(lay_out(Knowledge(rest), "").roots))
    return f"Done. {said}".strip() if _is_done(state) else said or "Done."


def _is_done(state: object) -> bool:
    return state is True or (isinstance(state, str) and state.lower() in ("ok", "okay", "success", "done", "succeeded"))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_RESULT else text[:_LONGEST_RESULT].rsplit(" ", 1)[0] + "."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


# --- words --------------------------------------------------------------------------------------------------


def _answer(context: ModelContext, turn: _Turn, book: FactBook) -> str:
    if not turn.text:
        return _CANNOT_SEE if turn.images else _NOT_CAUGHT
    talk = recognise(turn.text)
    if talk is not None:
        return _small_talk(talk, context, turn, book)
    finding = find_facts(turn.text, book, _focus(turn.before, book))
    verb = _ordered_verb(turn.text)
    if verb is not None and (not finding.matches or verb not in BOOKING_VERBS):
        return _with_hint(_CANNOT_DO, context)
    if not finding.matches:
        return _unknown(context, turn, book)
    if verb is not None:
        return f"I cannot do that myself, but I can tell you this. {_say_finding(finding, '')}"
    said = _say_finding(finding, turn.text)
    return f"Hello. {said}" if greets(turn.text) else said


def _ordered_verb(text: str) -> str | None:
    """Return the verb of a request to do something; None for a question."""
    match = _ORDER.match(text)
    verb = match["verb"].lower() if match else ""
    return verb if verb in ACTION_VERBS and not text.rstrip().endswith(f"{verb}?") else None


def _focus(before: Sequence[ContextItem], book: FactBook) -> list[Entry]:
    """Return what the user asked about last."""
    asked = [item.text for item in before if isinstance(item, ContextMessage) and item.role == "user"]
    for text in reversed(asked[-_FOCUS_DEPTH:]):
        matches = find_facts(text, book).matches
        if matches:
            return [match.entry for match in matches]
    return []


def _say_finding(finding: Finding, question: str) -> str:
    said = [_say_match(match, question) for match in finding.matches]
    if finding.unanswered and _ASKING.match(question):
        said.append("The rest I do not know.")
    return " ".join(dict.fromkeys(said))


def _say_match(match: Match, question: str) -> str:
    if match.entry.value is False or (match.complete and match.is_sure):
        return say(match.entry, question)
    sentence = lower_first(say(match.entry))
    return (
        f"What I know about that: {sentence}"
        if match.complete
        else f"I do not know that. What I know is this: {sentence}"
    )


def _unknown(context: ModelContext, turn: _Turn, book: FactBook) -> str:
    if turn.images:
        return _with_hint(_CANNOT_SEE, context)
    if not book.roots:
        return _with_hint(_NO_FACTS, context)
    return _with_hint(_UNKNOWN, context, _UNKNOWN_AGAIN)


def _with_hint(said: str, context: ModelContext, again: str | None = None) -> str:
    """Add how to connect a language model, once in a conversation."""
    spoken = (item.text for item in context.items if isinstance(item, ContextMessage) and item.role == "assistant")
    if any(_PLUGGED_IN in text for text in spoken):
        return again or said
    return f"{said} {_PLUG_IN}"


def _small_talk(talk: SmallTalk, context: ModelContext, turn: _Turn, book: FactBook) -> str:
    if talk is SmallTalk.REPEAT:
        return _repeat(turn)
    if talk is SmallTalk.EVERYTHING:
        return _everything(context, turn, book)
    if talk is SmallTalk.IDENTITY:
        return _with_hint(
            f"I am a small rule-based responder, not a language model. {_abilities(context, book)}", context
        )
    if talk is SmallTalk.HELP:
        hello = "Hello. " if greets(turn.text) else ""
        return f"{hello}{_abilities(context, book)} What would you like to know?"
    return {
        SmallTalk.GREETING: _greeting(book),
        SmallTalk.THANKS: "You are welcome.",
        SmallTalk.GOODBYE: "Goodbye.",
        SmallTalk.HOW_ARE_YOU: "I am only a small program, but I am working. What would you like to know?",
        SmallTalk.STOP: "All right. What would you like to know?",
        SmallTalk.MISUNDERSTOOD: "Sorry, I misunderstood. Could you say it in other words?",
        SmallTalk.AGREEMENT: "Good. What else would you like to know?",
        SmallTalk.REFUSAL: "All right.",
    }[talk]


def _repeat(turn: _Turn) -> str:
    said = [item.text for item in turn.before if isinstance(item, ContextMessage) and item.role == "assistant"]
    return said[-1] if said and said[-1].strip() else "I have not said anything yet."


def _everything(context: ModelContext, turn: _Turn, book: FactBook) -> str:
    return say_all(book.roots) if book.roots else _unknown(context, turn, book)


def _greeting(book: FactBook) -> str:
    if not book.roots:
        return "Hello. I am a small rule-based responder. What would you like to know?"
    return f"Hello. I can answer questions about {_subject(book)}. What would you like to know?"


def _abilities(context: ModelContext, book: FactBook) -> str:
    parts = []
    if book.roots:
        known = [label(root) for root in book.roots if root is not book.title and not root.path[0].endswith("id")]
        parts.append(f"I can answer questions about {_subject(book)}, such as {join_and(known[:4])}." if known else "")
    if context.tools and context.tool_choice.mode != "none":
        names = [" ".join(split_words(tool.name.replace("-", " "))) for tool in context.tools[:4]]
        parts.append(f"I can also use these tools: {join_and(names)}.")
    return " ".join(filter(None, parts)) or "I was given no facts, so there is little that I can answer."


def _subject(book: FactBook) -> str:
    """Return what the facts are about: `a detached family house`, `Sea View Hotel`, or the first few keys."""
    title = book.title
    if title is not None and isinstance(title.value, str):
        return title.value if "name" in title.path[0] else say(title).removeprefix("This is ").removesuffix(".")
    return join_and([f"the {label(root)}" for root in book.roots[:3]])
