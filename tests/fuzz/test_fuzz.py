"""A bounded run of the fuzzers; `make fuzz` runs them for as long as one likes."""

from typing import Any

from hypothesis import given, settings

from tests.fuzz.strategies import MESSAGES
from tests.fuzz.targets import SCRIPTS, decode_bytes, play


@settings(max_examples=1200, deadline=None)
@given(MESSAGES)
def test_no_message_breaks_the_decoder(message: bytes) -> None:
    decode_bytes(message)


@settings(max_examples=400, deadline=None)
@given(SCRIPTS)
def test_no_script_breaks_a_session(script: list[Any]) -> None:
    play(script)
