"""An agent: who answers a call, and what it knows and can do."""

from dataclasses import dataclass, field

from antiphon.session.context import Knowledge, Tool


@dataclass(frozen=True)
class Agent:
    """A named agent.

    Args:
        name: How configuration and clients refer to it.
        description: One line for people who choose among agents.
        instructions: What the language model is told.
        greeting: What it says first, None to leave that to the model.
        voice: A voice name, None for the server's default.
        knowledge: Its facts, and examples of what users say to it.
        tools: Functions that it may call.
    """

    name: str
    description: str = ""
    instructions: str = ""
    greeting: str | None = None
    voice: str | None = None
    knowledge: Knowledge = field(default_factory=Knowledge)
    tools: tuple[Tool, ...] = ()
