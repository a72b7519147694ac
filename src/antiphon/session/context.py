"""What a language model and a speech recogniser are told: plain values, free of wire details."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# A fact's value: a scalar, a list of scalars, or a table of further facts.
FactValue = str | int | float | bool | Sequence["FactValue"] | Mapping[str, "FactValue"]


@dataclass(frozen=True)
class Knowledge:
    """What an agent was given to know.

    Args:
        facts: Table of facts, nested as far as wanted: `{"bedrooms": 4, "price": {"amount": 489000}}`.
        phrases: Examples of what users say to this agent; they shape what STT expects to hear.
    """

    facts: Mapping[str, FactValue] = field(default_factory=dict)
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContextMessage:
    """A message as the model sees it; spoken ones by transcript, cut to what was heard.

    `images` are `data:` URIs that came with a user message.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContextToolCall:
    """A function call that the model made; `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class ContextToolResult:
    """The client's answer to a function call."""

    call_id: str
    output: str


ContextItem = ContextMessage | ContextToolCall | ContextToolResult


@dataclass(frozen=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON Schema object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ToolChoice:
    """`mode` as in the API; with `function` set, the model must call exactly that one."""

    mode: Literal["auto", "none", "required"] = "auto"
    function: str | None = None


@dataclass(frozen=True)
class ModelContext:
    """One request to a language model."""

    instructions: str
    items: tuple[ContextItem, ...]
    knowledge: Knowledge = Knowledge()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool = True
    max_output_tokens: int | None = None
    spoken: bool = True  # the answer will be read aloud: no markdown, no tables


@dataclass(frozen=True)
class TranscriptionHint:
    """What the recogniser may expect in one utterance.

    Args:
        language: ISO 639-1 code, or None for the stage's default.
        prompt: Words or sentences to expect, from `audio.input.transcription.prompt`.
        knowledge: What the agent knows; its words and phrasings are likely.
    """

    language: str | None = None
    prompt: str | None = None
    knowledge: Knowledge = Knowledge()
