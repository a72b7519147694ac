"""The phases in which something goes wrong: each is a whole small conversation around that moment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.resilience.caller import Caller
from tests.resilience.model import ASK, ASK_FRAMES, CHECK, CLOCK, INSTRUCTIONS, NOON, STORY, ask, hello, silence

Strike = Callable[[], Awaitable[None]]
TOOL = {"type": "function", "name": "clock", "description": "Tells the time.", "parameters": {"type": "object"}}
VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 100, "silence_duration_ms": 300}
NAME = "My name is Ada."
PAUSE = silence(600)


@dataclass(frozen=True)
class Phase:
    """One column.

    Args:
        name: As the page has it.
        play: Goes through it: up to the moment, the fault itself, and what is left of the turn.
        asked: What the user says in it; "" for nothing.
        answered: What the answer is.
        hold: Where the model waits for the moment.
        manual: Whether the client commits its turns itself.
        has_note: Whether the client may write something in the very moment of the fault.
        heard: Whether the turn's audio must be whole at the server that serves after the fault.
    """

    name: str
    play: Callable[[Caller, Strike], Awaitable[None]]
    asked: str = ""
    answered: str = ""
    hold: str = ""
    manual: bool = False
    has_note: bool = True
    heard: bool = False


# --- what all have in common ----------------------------------------------------------------------------------


async def begin(caller: Caller, *, manual: bool) -> None:
    """Configure the session, say something in writing and something aloud, waiting for each answer."""
    await configure(caller, manual=manual)
    await caller.until("session.updated")
    await caller.write("msg_name", NAME)
    await caller.until("conversation.item.done")
    await greet(caller, manual=manual)
    await caller.until("response.done")


async def configure(caller: Caller, *, manual: bool) -> None:
    hears = {"turn_detection": None if manual else VAD, "transcription": {"model": "whisper-1"}}
    session = {"type": "realtime", "instructions": INSTRUCTIONS, "tools": [TOOL], "audio": {"input": hears}}
    await caller.send("session.update", session=session)


async def greet(caller: Caller, *, manual: bool) -> None:
    await caller.speak(hello())
    await (commit(caller) if manual else caller.speak(PAUSE))


async def commit(caller: Caller) -> None:
    await caller.send("input_audio_buffer.commit")
    await caller.send("response.create")


async def ask_in_writing(caller: Caller, text: str) -> None:
    await caller.write("msg_ask", text)
    await caller.send("response.create")
    await caller.until("response.created", nth=2)


async def check(caller: Caller, item_id: str = "msg_check") -> None:
    """Show that the session goes on."""
    before = len(caller.all("response.done"))
    await caller.write(item_id, CHECK)
    await caller.send("response.create")
    await caller.until("response.done", nth=before + 1)


# --- each phase -----------------------------------------------------------------------------------------------


async def before_ready(caller: Caller, strike: Strike) -> None:
    """All that begins a call is sent before the server has said a word."""
    await strike()
    await configure(caller, manual=False)
    await caller.write("msg_name", NAME)
    await greet(caller, manual=False)
    await caller.until("response.done")


async def idle(caller: Caller, strike: Strike) -> None:
    await strike()


async def user_speaking(caller: Caller, strike: Strike) -> None:
    question = ask()
    await caller.speak(question[: ASK_FRAMES // 2])
    await caller.until("input_audio_buffer.speech_started", nth=2)
    await strike()
    await caller.speak([*question[ASK_FRAMES // 2 :], *PAUSE])
    await caller.until("response.done", nth=2)


async def user_speaking_by_hand(caller: Caller, strike: Strike) -> None:
    question = ask()
    await caller.speak(question[: ASK_FRAMES // 2])
    await strike()
    await caller.speak(question[ASK_FRAMES // 2 :])
    await commit(caller)
    await caller.until("response.done", nth=2)


async def turn_committed(caller: Caller, strike: Strike) -> None:
    """The server has taken the turn; its transcript and the answer are owed."""
    await caller.speak([*ask(), *PAUSE])
    await caller.until("input_audio_buffer.committed", nth=2)
    await strike()
    await caller.until("response.done", nth=2)


async def response_thinking(caller: Caller, strike: Strike) -> None:
    await ask_in_writing(caller, ASK)
    await strike()
    await caller.until("response.done", nth=2)


async def response_speaking(caller: Caller, strike: Strike) -> None:
    await ask_in_writing(caller, ASK)
    response_id = caller.last("response.created")["response"]["id"]
    await caller.until("response.output_audio.delta", 4, lambda event: event["response_id"] == response_id)
    await strike()
    await caller.until("response.done", nth=2)


async def tool_pending(caller: Caller, strike: Strike) -> None:
    await ask_in_writing(caller, CLOCK)
    done = await caller.until("response.done", nth=2)
    (call,) = done["response"]["output"]
    await strike()
    output = {"id": "msg_output", "type": "function_call_output", "call_id": call["call_id"], "output": "noon"}
    await caller.send("conversation.item.create", item=output)
    await caller.send("response.create")
    await caller.until("response.done", nth=3)


PHASES = (
    Phase("before ready", before_ready, has_note=False),
    Phase("idle", idle),
    Phase("user speaking", user_speaking, ASK, STORY, heard=True),
    Phase("user speaking, turns by hand", user_speaking_by_hand, ASK, STORY, manual=True, heard=True),
    Phase("turn committed", turn_committed, ASK, STORY, hold="hearing"),
    Phase("response thinking", response_thinking, ASK, STORY, hold="thinking"),
    Phase("response speaking", response_speaking, ASK, STORY, hold="speaking"),
    Phase("tool pending", tool_pending, CLOCK, NOON),
)
