"""openai-python, GA and beta, over relays: the tests of the local engine with another server, all at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.clients import test_openai_python as ga
from tests.clients import test_openai_python_beta as beta
from tests.clients.table import clients
from tests.clients.ways import KEY, UPSTREAM_KEY, WRONG_KEY, Way
from tests.running import RunningServer

from antiphon.testing import ThreadedEmulator

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Speech comes at its own pace; more of it at once would wait for the server's ears.
AT_ONCE = 6

Test = Callable[[RunningServer], Awaitable[None]]
# What the page of clients calls what is shown by which test.
SCENARIOS: dict[str, dict[str, Test]] = {
    "test_openai_python.py": {
        "text": ga.test_a_text_turn,
        "audio": lambda server: ga.test_a_spoken_question_gets_a_spoken_answer(server, "bedrooms"),
        "function": ga.test_a_function_call_and_its_result,
        "interruption": ga.test_speech_interrupts_an_answer,
        "wrong_key": ga.test_a_wrong_key,
    },
    "test_openai_python_beta.py": {
        "text": beta.test_a_text_turn,
        "audio": lambda server: beta.test_a_spoken_question_gets_a_spoken_answer(server, "bedrooms"),
        "function": beta.test_a_function_call_and_its_result,
        "interruption": beta.test_speech_interrupts_an_answer,
        "wrong_key": beta.test_a_wrong_key,
    },
}
# All else that they are tried with; these do not depend on what answers.
MORE = {
    "cancel": ga.test_cancel,
    "committed": ga.test_a_committed_question_gets_an_answer,
    "mistake": ga.test_a_mistake_is_told_and_survived,
    "secret": ga.test_a_client_secret_carries_its_session,
    "models": ga.test_models,
    "beta-mistake": beta.test_a_mistake_is_told_in_the_clients_own_words,
    "beta-transcription": beta.test_a_transcription_session,
    "beta-azure": beta.test_azure,
    "beta-session": beta.test_a_session_made_over_rest_is_the_one_that_begins,
    "beta-transcription-session": beta.test_a_transcription_session_made_over_rest,
}
# A GA client that writes a field of the beta shape is understood by a server of that shape, and not corrected.
NOT_OVER = {Way.BETA: {"mistake"}}


@dataclass(frozen=True)
class Case:
    way: Way
    name: str
    test: Test

    def __str__(self) -> str:
        return f"{self.way}-{self.name}"


def cases() -> list[Case]:
    relays = [way for way in Way if way is not Way.DIRECT]
    listed = [
        Case(way, f"{client.tests.removeprefix('test_').removesuffix('.py')}-{scenario}", test)
        for way in relays
        for client in clients()
        if client.tests in SCENARIOS
        for scenario, test in SCENARIOS[client.tests].items()
        if scenario in client.passes
    ]
    more = [Case(way, name, test) for way in relays for name, test in MORE.items() if name not in NOT_OVER.get(way, ())]
    return listed + more


CASES = cases()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(servers: dict[Way, RunningServer]) -> AsyncIterator[dict[Case, asyncio.Task[None]]]:
    """How each case went, or will go: all of them are begun here."""
    room = asyncio.Semaphore(AT_ONCE)

    async def run(case: Case) -> None:
        async with room:
            await case.test(servers[case.way])

    begun = {case: asyncio.create_task(run(case)) for case in CASES}
    yield begun
    for task in begun.values():
        task.cancel()
    await asyncio.gather(*begun.values(), return_exceptions=True)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_over_a_relay(case: Case, runs: dict[Case, asyncio.Task[None]]) -> None:
    await runs[case]


async def test_the_emulator_was_told_all(runs: dict[Case, asyncio.Task[None]], emulator: ThreadedEmulator) -> None:
    """No relay answered by itself."""
    await asyncio.wait(runs.values())
    told = {event["type"] for event in emulator.client_events}
    assert told >= {
        "session.update",
        "conversation.item.create",
        "conversation.item.truncate",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "response.create",
        "response.cancel",
    }


async def test_no_key_is_logged(runs: dict[Case, asyncio.Task[None]], servers: dict[Way, RunningServer]) -> None:
    await asyncio.wait(runs.values())
    for server in servers.values():
        log = "".join(server.lines)
        assert "session" in log
        for key in (KEY, WRONG_KEY, UPSTREAM_KEY):
            assert key not in log
