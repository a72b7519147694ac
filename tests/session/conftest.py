import pytest

from tests.session.harness import CoreClient


@pytest.fixture
def session() -> CoreClient:
    """A session with a virtual clock, as a client and its stages see it."""
    return CoreClient()
