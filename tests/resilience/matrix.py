"""Every fault in every phase, each in a call of its own over real sockets."""

import asyncio
import time
from dataclasses import dataclass, field, replace

from antiphon.session.context import ContextMessage, ContextToolCall, ContextToolResult, ModelContext
from tests.resilience.caller import CallEndedError
from tests.resilience.faults import TROUBLES, Trouble
from tests.resilience.judge import api_events, heard, illegal, remarks
from tests.resilience.model import ANSWERS, ASK_FRAMES, CHECK, CLOCK, HELD_WORDS, HELLO, INSTRUCTIONS, NOTE, is_note
from tests.resilience.phases import NAME, PHASES, Phase, begin, check
from tests.resilience.scene import Scene, UpstreamProcess

AT_ONCE = 8  # cells side by side

Place = tuple[Trouble, Phase]


@dataclass
class Cell:
    """What became of one fault in one phase.

    Args:
        saw: What a user of the client could notice.
        gap_ms: From the fault to the service behind it; None where nobody else had to serve.
        problems: What must not be; empty in a cell that is well.
    """

    trouble: str
    phase: str
    saw: str = ""
    gap_ms: float | None = None
    problems: list[str] = field(default_factory=list)


async def run_matrix(troubles: tuple[Trouble, ...] = TROUBLES, phases: tuple[Phase, ...] = PHASES) -> list[Cell]:
    """Run every cell, and return them by rows."""
    places = [(trouble, phase) for trouble in troubles for phase in phases]
    cells = await _run_side_by_side([place for place in places if not place[0].house.process])
    # Apart from the others: a port of a killed process is free for anybody until it is taken again.
    cells |= await _run_side_by_side([place for place in places if place[0].house.process])
    return [cells[place] for place in places]


async def _run_side_by_side(places: list[Place]) -> dict[Place, Cell]:
    room = asyncio.Semaphore(AT_ONCE)

    async def run(place: Place) -> Cell:
        async with room:
            return await run_cell(*place)

    return dict(zip(places, await asyncio.gather(*map(run, places)), strict=True))


async def run_cell(trouble: Trouble, phase: Phase) -> Cell:
    cell = Cell(trouble.name, phase.name)
    process = UpstreamProcess(phase.hold, phase is not PHASES[0]) if trouble.house.process else None
    scene = Scene(trouble.house, phase.hold, process)
    try:
        await scene.start()
        await _play(scene, trouble, phase, cell)
    except (TimeoutError, AssertionError, CallEndedError) as error:
        cell.problems.append(f"{type(error).__name__}: {error}")
    finally:
        await scene.stop()
    return cell


async def _play(scene: Scene, trouble: Trouble, phase: Phase, cell: Cell) -> None:
    early = phase is PHASES[0]
    if early:
        await trouble.prepare(scene)
        scene.struck_at = time.monotonic()
    await scene.caller.connect()
    if not early:
        await begin(scene.caller, manual=phase.manual)

    has_note = phase.has_note and not trouble.quiet

    async def strike() -> None:
        if early:
            scene.world.release()
        else:
            await trouble.strike(scene)
        if has_note:
            await scene.caller.write("msg_note", NOTE)

    try:
        await phase.play(scene.caller, strike)
        await check(scene.caller)
        if trouble.after is not None:
            await trouble.after(scene)
            await check(scene.caller, "msg_check_again")
    except CallEndedError:
        if not trouble.ends:
            raise
    events, ended = scene.caller.events, scene.caller.closed is not None
    cell.gap_ms = scene.gap_ms()
    seen = remarks(events)
    if ended:
        seen.append(f"closed with {scene.caller.closed[0]}")  # type: ignore[index]
    wrong = illegal(events, ended=ended)
    if trouble.ends != ended:
        cell.problems.append(f"the call {'ended' if ended else 'did not end'}")
    if not ended:
        answer = " ".join(phase.answered.split()[:HELD_WORDS]) if trouble.cuts and phase.hold == "speaking" else None
        wanted = phase if answer is None else replace(phase, answered=answer)
        cell.problems += _lost(scene, wanted, notes=int(has_note))
        wrong += _said_wrongly(scene, wanted)
    if wrong and trouble.own:
        seen.append(trouble.own)
    elif wrong:
        cell.problems += wrong
    cell.saw = ", ".join(seen) or "nothing"


# --- what must not be lost ------------------------------------------------------------------------------------


def _lost(scene: Scene, phase: Phase, notes: int) -> list[str]:
    """Compare what the model was told at the end with what the conversation was."""
    context = scene.world.contexts[-1]
    lost = []
    if context.instructions != INSTRUCTIONS or [tool.name for tool in context.tools] != ["clock"]:
        lost.append(f"configuration: {context.instructions!r}, {context.tools}")
    told, wanted = _told(context), _conversation(scene, phase)
    if told != wanted:
        lost.append(f"the model was told {told} in place of {wanted}")
    if (came := sum(is_note(item) for item in context.items)) != notes:
        lost.append(f"the note came {came} times to the model")
    if phase.heard and scene.frames not in ([], list(range(ASK_FRAMES))):
        lost.append(f"frames of the open turn at the server: {scene.frames}")
    return lost + _lost_ids(scene)


def _told(context: ModelContext) -> list[str]:
    """Return all that the model was told but the note; what was said in pieces is one."""
    told: list[str] = []
    before = ""
    for item in context.items:
        match item:
            case ContextMessage(role=role, text=text) if not is_note(item):
                if role == before == "assistant":
                    told[-1] += f" {text.strip()}"
                else:
                    told.append(f"{role}: {text.strip()}")
                before = role
            case ContextToolCall(name=name, arguments=arguments):
                told.append(f"call: {name} {arguments}")
                before = "call"
            case ContextToolResult(output=output):
                told.append(f"result: {output}")
                before = "result"
    return told


def _conversation(scene: Scene, phase: Phase) -> list[str]:
    turns = [f"user: {NAME}", f"user: {HELLO}", f"assistant: {ANSWERS[HELLO]}"]
    if phase.asked:
        turns.append(f"user: {phase.asked}")
    if phase.asked == CLOCK:
        turns += ['call: clock {"zone":"UTC"}', "result: noon"]
    if phase.answered:
        turns.append(f"assistant: {phase.answered}")
    checks = len([event for event in scene.caller.all("conversation.item.done") if _is_check(event)])
    return [*turns, *[f"user: {CHECK}", f"assistant: {ANSWERS[CHECK]}"] * checks][:-1]


def _is_check(event: dict[str, object]) -> bool:
    item = event["item"]
    return isinstance(item, dict) and str(item["id"]).startswith("msg_check")


def _lost_ids(scene: Scene) -> list[str]:
    """Compare the ids of the items that the last server was sent with those that the client knows, in their order."""
    known = [event["item"]["id"] for event in scene.caller.all("conversation.item.added")]
    creations = [event for event in scene.serving.client_events if event.type == "conversation.item.create"]
    sent = [event["item"].get("id") for event in creations if event["item"].get("id") != "msg_note"]
    if len(set(sent)) != len(sent) or sent != [name for name in known if name in sent]:
        return [f"ids of items at the server: {sent}; the client knows {known}"]
    return []


def _said_wrongly(scene: Scene, phase: Phase) -> list[str]:
    """Compare what was heard of each answer with what it was: nothing twice, and nothing left out."""
    answers = [ANSWERS[HELLO], *([phase.answered] if phase.answered else []), ANSWERS[CHECK], ANSWERS[CHECK]]
    created = [
        event["response"]["id"] for event in api_events(scene.caller.events) if event["type"] == "response.created"
    ]
    spoken = [each for each in (heard(scene.caller.events, name) for name in created) if any(each)]
    wrong = [
        f"heard of {answer!r}: {each}" for answer, each in zip(answers, spoken, strict=False) if set(each) != {answer}
    ]
    if len(spoken) < len(answers) - 1:
        wrong.append(f"only {len(spoken)} answers were spoken")
    return wrong
