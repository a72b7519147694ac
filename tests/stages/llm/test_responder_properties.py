"""Whatever is said, known or offered, the responder answers with one well-formed generation."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.session.context import (
    ContextMessage,
    ContextToolCall,
    ContextToolResult,
    Knowledge,
    ModelContext,
    Tool,
    ToolChoice,
)
from antiphon.stages.base import GenerationEvent, GenerationFinished, TextDelta, ToolCallDelta
from antiphon.stages.llm.responder import Responder
from tests.stages.llm.phrasings import PROPERTY, PROPERTY_FACTS, UNKNOWN

WORDS = sorted({word for text in (*(asked for asked, _ in PROPERTY), *UNKNOWN) for word in text.split()})
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
KEYS = st.one_of(
    st.sampled_from(["price", "name", "currency", ("open_hours"), "area_sqm", "is", "_", ""]), st.text(max_size=12)
)
SCALARS = st.one_of(st.text(max_size=20), st.booleans(), st.integers(), st.floats(allow_nan=False))
FACTS = st.dictionaries(
    KEYS,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)),
    max_size=5,
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
SCHEMAS = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(
            KEYS,
            st.fixed_dictionaries(
                {},
                optional={
                    "type": st.sampled_from(["string", "integer", "number", "boolean", "array", "object"]),
                    "enum": JSON,
                    ("description"): TEXTS,
                },
            ),
            max_size=3,
        ),
        "required": st.lists(KEYS, max_size=2),
    }
)
TOOLS = st.lists(
    st.builds(
        Tool,
        st.from_regex((r"[a-z_]{1,20}"), fullmatch=True),
        TEXTS,
        SCHEMAS | JSON.filter(lambda v: isinstance(v, dict)),
    ),
    max_size=3,
)
ITEMS = st.one_of(
    st.builds(ContextMessage, st.sampled_from(["system", "user", "assistant"]), TEXTS),
    st.builds(ContextToolCall, st.just("c"), st.just("tool"), TEXTS),
    st.builds(ContextToolResult, st.just("c"), TEXTS | JSON.map(json.dumps)),
)
CHOICES = st.sampled_from([ToolChoice(), ToolChoice("none"), ToolChoice("required"), ToolChoice(function="tool")])


def run(context: ModelContext) -> list[GenerationEvent]:
    async def collect() -> list[GenerationEvent]:
        return [event async for event in Responder().generate(context)]

    return asyncio.run(collect())


CONTEXTS = st.builds(
    ModelContext,
    TEXTS,
    st.lists(ITEMS, max_size=5).map(tuple),
    st.builds(Knowledge, FACTS),
    TOOLS.map(tuple),
    CHOICES,
    max_output_tokens=st.none() | st.integers(1, 50),
)


@settings(deadline=None, max_examples=60)
@given(CONTEXTS)
def test_any_context_gets_one_well_formed_generation(context: ModelContext) -> None:
    events = run(context)
    last = events[-1]
    assert [type(event) for event in events].count(GenerationFinished) == 1
    assert isinstance(last, GenerationFinished)
    assert len(events) > 1 or last.reason == "length"
    # A call that the limit cut is not whole JSON, and is not sent.
    assert all(isinstance(json.loads(event.arguments), dict) for event in events if isinstance(event, ToolCallDelta))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join))
def test_answers_never_contain_a_number_that_is_not_a_fact(question: str) -> None:
    """Numbers are what a listener acts on: each one said must stand in the facts."""
    events = run(ModelContext("", (ContextMessage("user", question),), Knowledge(PROPERTY_FACTS)))
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    numbers = {word.strip(".,").replace(",", "") for word in said.split() if word[0].isdigit()}
    assert numbers <= {"17", "4", "3", "489000", "2150", "1987", "640", "1.2", "22"}
