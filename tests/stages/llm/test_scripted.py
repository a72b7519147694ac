"""The scripted language model."""

import asyncio

import pytest

from antiphon.errors import StageError
from antiphon.session.context import ContextMessage, ModelContext
from antiphon.stages.base import GenerationEvent, GenerationFinished, TextDelta
from antiphon.stages.llm.scripted import Gate, ScriptedLanguageModel, says

CONTEXT = ModelContext("", (ContextMessage("user", "Hello"),))


async def first(model: ScriptedLanguageModel) -> GenerationEvent:
    return await anext(model.generate(CONTEXT))


async def test_each_generation_plays_its_own_script() -> None:
    model = ScriptedLanguageModel([says("Hi there."), says("Bye.")])
    assert [event async for event in model.generate(CONTEXT)] == [
        TextDelta("Hi"),
        TextDelta(" there."),
        GenerationFinished(output_tokens=2),
    ]
    assert TextDelta("Bye.") in [event async for event in model.generate(CONTEXT)]
    assert model.contexts == [CONTEXT, CONTEXT]
    assert model.finished == [0, 1]


async def test_an_error_is_raised_where_the_script_has_it() -> None:
    model = ScriptedLanguageModel([[TextDelta("Half"), StageError("llm scripted", "broken", "stream_cut")]])
    events = model.generate(CONTEXT)
    assert await anext(events) == TextDelta("Half")
    with pytest.raises(StageError, match="broken"):
        await anext(events)


async def test_a_gate_holds_the_generation_until_it_is_opened() -> None:
    gate = Gate()
    model = ScriptedLanguageModel([[gate, TextDelta("Now"), GenerationFinished()]])
    task = asyncio.create_task(first(model))
    await gate.reached.wait()
    assert not task.done()
    gate.open()
    assert await task == TextDelta("Now")


async def test_closing_and_cancelling_are_noticed() -> None:
    gate = Gate()
    model = ScriptedLanguageModel([says("A long answer"), [gate]])
    events = model.generate(CONTEXT)
    await anext(events)
    await events.aclose()
    assert model.closed == [0]
    task = asyncio.create_task(first(model))
    await gate.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.closed == [0, 1]
    assert model.finished == []


async def test_a_generation_too_many_says_so() -> None:
    with pytest.raises(StageError, match="has no script"):
        await anext(ScriptedLanguageModel().generate(CONTEXT))
