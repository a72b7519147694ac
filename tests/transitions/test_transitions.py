"""Whatever transport a conversation changes to, and whenever: it goes on as if nothing had been."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from unittest import mock

import pytest

from tests.transitions.matrix import ENGINES, Place, places, run_matrix


@pytest.fixture(scope="module")
def cells() -> dict[Place, list[str]]:
    """All cells, those of each engine in a process of its own."""
    with ProcessPoolExecutor(len(ENGINES), multiprocessing.get_context("spawn")) as pool:
        return {place: wrong for part in pool.map(run, ENGINES) for place, wrong in part.items()}


def run(engine: str) -> dict[Place, list[str]]:
    with mock.patch("aioice.ice.get_host_addresses", return_value=["127.0.0.1"]):
        return asyncio.run(run_matrix([place for place in places() if place.engine == engine]))


@pytest.mark.parametrize("place", places(), ids=str)
def test_the_conversation_goes_on(place: Place, cells: dict[Place, list[str]]) -> None:
    assert cells[place] == []
