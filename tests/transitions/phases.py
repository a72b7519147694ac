"""The moments of a conversation in which it changes its transport: what comes before, and what after."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.resilience.model import ANSWERS, ASK, CLOCK, HELLO, NOON, STORY
from tests.resilience.phases import NAME
from tests.transitions.person import Person, user
from tests.transitions.sound import SYLLABLES, question

Part = Callable[[Person], Awaitable[None]]
BEGUN = (f"user: {NAME}", f"user: {HELLO}", f"assistant: {ANSWERS[HELLO]}")
STORY_TOLD = (f"user: {ASK}", f"assistant: {STORY}")
CALLED = (f"user: {CLOCK}", 'call: clock {"zone":"UTC"}')
NOON_TOLD = (*CALLED, "result: noon", f"assistant: {NOON}")


async def nothing(_person: Person) -> None: ...


@dataclass(frozen=True)
class Phase:
    """One moment.

    Args:
        name: Of it.
        before: What happens up to it.
        after: What is left of the turn.
        after_by_chat: The same for somebody who goes on by chat.
        told: What was said in the end.
        told_by_chat: The same for somebody who goes on by chat; None for no difference.
        spoken: What is heard of it.
        hold: Where the model waits until it is over.
        begun: Whether something was said before.
        media: Whether it makes sense only where audio is played in its time.
    """

    name: str
    before: Part
    after: Part = nothing
    after_by_chat: Part = nothing
    told: tuple[str, ...] = ()
    told_by_chat: tuple[str, ...] | None = None
    spoken: str = ""
    hold: str = ""
    begun: bool = True
    media: bool = False


async def begin(person: Person) -> None:
    """Say something in writing, and wait for the answer."""
    await person.write("msg_name", NAME)
    await person.until("conversation.item.done")
    await person.ask("msg_hello", HELLO)
    await person.until("response.done")


async def speak_half(person: Person) -> None:
    await person.line.speak(question(0, SYLLABLES // 2))
    # Until it is there: what is on its way when the next connection comes is lost, as with any loss.
    await person.send("session.update", session={"type": "realtime"})
    await person.until("session.updated", 2)


async def speak_the_rest(person: Person) -> None:
    await person.line.speak(question(SYLLABLES // 2))
    await commit(person)
    await person.until("response.done", 2)


async def commit(person: Person) -> None:
    await person.send("input_audio_buffer.commit")
    await person.send("response.create")


async def speak_and_commit(person: Person) -> None:
    await person.line.speak(question())
    await commit(person)
    await person.until("input_audio_buffer.committed")


async def answer_comes(person: Person) -> None:
    await person.until("response.done", 2)


async def hear_half(person: Person) -> None:
    await person.ask("msg_ask", ASK)
    await person.until_heard(STORY.split()[2])


async def hear_some_of_what_was_said(person: Person) -> None:
    await person.ask("msg_ask", ASK)
    await person.until("response.done", 2)
    await person.until_heard(STORY.split()[3])


async def whole_turn(person: Person) -> None:
    await person.ask("msg_ask", ASK)
    await person.until("response.done", 2)


async def call_comes(person: Person) -> None:
    await person.ask("msg_ask", CLOCK)
    await person.until("response.done", 2)


async def answer_call(person: Person) -> None:
    await send_output(person)
    await person.until("response.done", 3)


async def send_output(person: Person) -> None:
    (call,) = person.all("response.done")[1]["response"]["output"]
    output = {"id": "msg_output", "type": "function_call_output", "call_id": call["call_id"], "output": "noon"}
    await person.send("conversation.item.create", item=output)
    await person.send("response.create")


async def answer_call_by_chat(person: Person) -> None:
    (call,) = person.all("response.done")[1]["response"]["output"]
    assert await person.chat({"role": "tool", "tool_call_id": call["call_id"], "content": "noon"}) == NOON


async def call_answered(person: Person) -> None:
    await call_comes(person)
    await send_output(person)
    await person.until_heard(NOON.split()[0])


async def second_answer_comes(person: Person) -> None:
    await person.until("response.done", 3)


async def chat_once(person: Person) -> None:
    assert await person.chat(user(ASK)) == STORY
    await person.until("response.done", 2)


async def begin_chat(person: Person) -> None:
    person.chatting = asyncio.create_task(person.chat(user(ASK)))
    await person.until("response.created", 2)


async def chat_ends(person: Person) -> None:
    """Who asked by chat gets the answer, whatever became of the other connection, which is told as well."""
    assert person.chatting is not None
    assert await person.chatting == STORY


PHASES = (
    Phase("new", nothing, begin, told=BEGUN, told_by_chat=(), spoken=ANSWERS[HELLO], begun=False),
    Phase("half spoken", speak_half, speak_the_rest, told=STORY_TOLD, told_by_chat=(), spoken=STORY),
    Phase("committed", speak_and_commit, answer_comes, told=STORY_TOLD, spoken=STORY, hold="hearing"),
    Phase("speaking", hear_half, answer_comes, told=STORY_TOLD, spoken=STORY, hold="speaking"),
    Phase("playing", hear_some_of_what_was_said, told=STORY_TOLD, spoken=STORY, media=True),
    Phase("call pending", call_comes, answer_call, answer_call_by_chat, told=NOON_TOLD, spoken=NOON),
    Phase("call answered", call_answered, second_answer_comes, told=NOON_TOLD, spoken=NOON, hold="telling"),
    Phase("idle", whole_turn, told=STORY_TOLD, spoken=STORY),
    Phase("chat before", chat_once, told=STORY_TOLD),
    Phase("chat under way", begin_chat, chat_ends, chat_ends, told=STORY_TOLD, hold="thinking"),
)
