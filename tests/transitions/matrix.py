"""Every change of transport in every phase, each in a conversation of its own over real sockets."""

import asyncio
import contextlib
import traceback
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from antiphon.config.settings import ServerSettings
from antiphon.config.webrtc_settings import WebRtcSettings
from antiphon.engines.upstream import UpstreamConfig, UpstreamRoute
from antiphon.gateway.engine import Backend
from antiphon.gateway.server import Server
from antiphon.path.options import RelayOptions
from antiphon.path.relayed import RelayEngine
from antiphon.testing import Emulator
from tests.resilience.judge import api_events, illegal
from tests.resilience.matrix import _told
from tests.resilience.model import ANSWERS, CHECK, HELLO, INSTRUCTIONS
from tests.transitions.lines import RtcLine
from tests.transitions.person import AUDIO, Person, until, user
from tests.transitions.phases import BEGUN, PHASES, Phase, begin
from tests.transitions.sound import WORD_MS, stretch, words_in
from tests.transitions.world import ToneWorld

AT_ONCE = 12  # cells side by side
ENGINES = ("local", "relay")
TRANSPORTS = ("websocket", "http", "poll", "webrtc")
# Around the break of a line with media: what was on its way, and what is unclear of a tone that is cut.
_MOST_LOST_MS = _MOST_DOUBLED_MS = 80


@dataclass(frozen=True)
class Place:
    """One cell."""

    engine: str
    before: str
    after: str
    phase: str
    noticed: bool

    def __str__(self) -> str:
        how = "noticed" if self.noticed else "unnoticed"
        return f"{self.engine}-{self.before}-{self.after}-{self.phase.replace(' ', '_')}-{how}"


def places() -> list[Place]:
    """Return all cells that make sense."""
    every = [
        Place(engine, before, after, phase.name, noticed)
        for engine in ENGINES
        for before in TRANSPORTS
        for after in (*TRANSPORTS, "chat")
        for phase in PHASES
        for noticed in (True, False)
        if before == "webrtc" or not phase.media
    ]
    return [place for place in every if _makes_sense(place)]


def _makes_sense(place: Place) -> bool:
    ways = (place.before, place.after)
    if place.after == "chat" or ways == ("poll", "poll"):
        return place.noticed  # else nothing has changed yet: they go on beside, or with, what is there
    # Beside other HTTP, or for another engine, polls are nothing new.
    return "poll" not in ways or (place.engine == "local" and "http" not in ways)


@contextlib.asynccontextmanager
async def serving(engine: str, world: ToneWorld, **settings: object) -> AsyncIterator[Server]:
    """A gateway, with what stands behind it."""
    async with contextlib.AsyncExitStack() as stack:
        backend = Backend(world.engine())
        if engine == "relay":
            emulator = Emulator(backend=backend)
            await emulator.start()
            stack.push_async_callback(emulator.stop)
            config = UpstreamConfig("upstream", f"http://127.0.0.1:{emulator.port}/v1", proxy="")
            backend = Backend(RelayEngine([UpstreamRoute(config)], RelayOptions()), upstream_decides=True)
        webrtc = WebRtcSettings(address=("127.0.0.1",))
        server = Server(ServerSettings(port=0, drain_seconds=0.0, **settings), backend, webrtc=webrtc)  # type: ignore[arg-type]
        await server.start()
        stack.push_async_callback(server.stop)
        stack.callback(world.release)
        yield server


async def run_matrix(chosen: list[Place] | None = None) -> dict[Place, list[str]]:
    """Return what is wrong in each cell.

    Media is heard in real time, and the ears are in this process too: on a machine that is busy with something else
    they miss some of it. So a cell that failed beside others is played again by itself, and that counts.
    """
    room = asyncio.Semaphore(AT_ONCE)
    wanted = places() if chosen is None else chosen

    async def run(place: Place) -> list[str]:
        async with room:
            return await run_cell(place)

    found = dict(zip(wanted, await asyncio.gather(*map(run, wanted)), strict=True))
    for place in [place for place, problems in found.items() if problems]:
        found[place] = await run_cell(place)
    return found


async def run_cell(place: Place) -> list[str]:
    (phase,) = [phase for phase in PHASES if phase.name == place.phase]
    world = ToneWorld(hold=phase.hold)
    try:
        async with serving(place.engine, world) as server:
            person = Person(server)
            try:
                return await _play(person, world, place, phase)
            finally:
                await person.close()
    except Exception:
        return [traceback.format_exc(limit=-6)]


async def _play(person: Person, world: ToneWorld, place: Place, phase: Phase) -> list[str]:
    await person.connect(place.before)
    await person.until("antiphon.session.resumable")
    await person.configure()
    if phase.begun:
        await begin(person)
    await phase.before(person)
    await move(person, place.after, noticed=place.noticed)
    world.release()
    if place.after == "chat":
        await phase.after_by_chat(person)
        assert await person.chat(user(CHECK)) == ANSWERS[CHECK]
        return _wrong_by_chat(person, world, phase)
    await phase.after(person)
    before = len(person.all("response.done"))
    await person.ask("msg_check", CHECK)
    await person.until("response.done", before + 1)
    await _hear_out(person)
    wrong = _wrong(person, world, phase)
    return wrong + await _left_over(person)


async def move(person: Person, after: str, *, noticed: bool) -> None:
    """Go on over another transport."""
    earlier = person.line
    await earlier.cut()
    if noticed:
        if isinstance(earlier, RtcLine):
            await asyncio.sleep(0.3)  # meanwhile the server plays to nobody
        await earlier.show()
        await until_parked(person.server)
    if after != "chat":
        await person.come_back(after)


async def until_parked(server: Server) -> None:
    await until(lambda: server._calls.parked == 1)


async def _hear_out(person: Person) -> None:
    """Wait until all was played."""
    last = ANSWERS[CHECK].split()[-1]
    await person.until_heard(last)
    if isinstance(person.line, RtcLine):
        await asyncio.sleep(WORD_MS / 1000 + 0.04)


# --- what is judged -------------------------------------------------------------------------------------------


def _wrong(person: Person, world: ToneWorld, phase: Phase) -> list[str]:
    wrong = _wrongly_told(world, (*(BEGUN if phase.begun else ()), *phase.told, f"user: {CHECK}"))
    return wrong + _wrong_events(person) + _wrongly_heard(person, phase)


def _wrong_by_chat(person: Person, world: ToneWorld, phase: Phase) -> list[str]:
    told = phase.told if phase.told_by_chat is None else phase.told_by_chat
    wrong = _wrongly_told(world, (*(BEGUN if phase.begun else ()), *told, f"user: {CHECK}"))
    waiting = (person.server._calls.parked, len(person.server._calls))
    return wrong if waiting == (1, 1) else [*wrong, f"parked, and in all: {waiting}"]


def _wrongly_told(world: ToneWorld, wanted: tuple[str, ...]) -> list[str]:
    """Compare what the model was told at the end with what the conversation was."""
    context = world.contexts[-1]
    wrong = []
    if context.instructions != INSTRUCTIONS or [tool.name for tool in context.tools] != ["clock"]:
        wrong.append(f"configuration: {context.instructions!r}, {context.tools}")
    if (told := _told(context)) != list(wanted):
        wrong.append(f"the model was told {told} in place of {list(wanted)}")
    return wrong


def _wrong_events(person: Person) -> list[str]:
    events = [event for event in person.events if event["type"] != "antiphon.session.moved"]
    wrong = [f"an error: {event['error']}" for event in events if event["type"] == "error"]
    twice = Counter(event["event_id"] for event in events)
    wrong += [f"{name} came {count} times" for name, count in twice.items() if count > 1]
    if any(isinstance(line, RtcLine) for line in person.lines):
        events = [event for event in events if event["type"] not in AUDIO]
    wrong += illegal(events, ended=False)
    wrong += [f"not complete: {event}" for event in person.all("antiphon.session.resumed") if not event["complete"]]
    last = api_events(events)[-1]["type"]
    if last not in ("response.done", "rate_limits.updated", "output_audio_buffer.stopped"):
        wrong.append(f"the last event is {last}")
    return wrong


def _wrongly_heard(person: Person, phase: Phase) -> list[str]:
    """Compare what was heard over all connections with what was said: all of it, and once."""
    said = " ".join([*([ANSWERS[HELLO]] if phase.begun else []), phase.spoken, ANSWERS[CHECK]]).split()
    parts = [words for line in person.lines if (words := words_in(line.heard()))]
    at, wrong = 0, []
    for words in parts:
        begin, end = stretch(words, said)
        if begin < 0:
            wrong.append(f"heard {words} of {said}")
        elif not -_MOST_LOST_MS <= at - begin <= _MOST_DOUBLED_MS:
            wrong.append(f"{at - begin} ms were doubled (or lost) between {parts}")
        at = end
    if at < len(said) * WORD_MS - _MOST_LOST_MS:
        wrong.append(f"the end is missing of {parts}")
    return wrong


async def _left_over(person: Person) -> list[str]:
    """Hang up, and look what is left."""
    calls = person.server._calls
    call_id = person.all("antiphon.session.resumable")[0]["call_id"]
    assert calls.hang_up(call_id)
    await person.close()
    person.lines.clear()
    try:
        await until(lambda: not (len(calls) or calls.parked or person.server.sessions))
    except TimeoutError:
        return [f"left over: {len(calls)} calls, {calls.parked} parked, {person.server.sessions} sessions"]
    return []
