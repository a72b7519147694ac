import pytest

from antiphon.protocol.session_kinds import TRANSCRIPTION
from tests.protocol.beta.kit import BetaClient


@pytest.fixture
def session() -> BetaClient:
    return BetaClient()


@pytest.fixture
def transcription_session() -> BetaClient:
    return BetaClient(TRANSCRIPTION)
