"""Logs never hold keys."""

import logging
import sys

import pytest

from antiphon.gateway import logs


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key sk-proj-abc123DEF rejected", "key sk-*** rejected"),
        ("ek_AbC-d_9 expired", "ek_*** expired"),
        ("openai-insecure-api-key.sk-abcd, realtime", "openai-insecure-api-key.sk-***, realtime"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("{'authorization': 'bearer xyz'}", "{'authorization': 'bearer ***'}"),
        ("a desk-lamp and a task_list", "a desk-lamp and a task_list"),
    ],
)
def test_what_looks_like_a_key_is_masked(text: str, clean: str) -> None:
    assert logs.masked(text) == clean


def test_messages_arguments_and_tracebacks_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.set_up("info")
        for handler in root.handlers:
            assert isinstance(handler, logging.StreamHandler)
            handler.setStream(sys.stderr)
        log = logging.getLogger("antiphon.test")
        log.info("with %s", "sk-secretsecret")
        try:
            raise ValueError("ek_secretsecret")
        except ValueError:
            log.exception("failed")
    finally:
        root.handlers[:], root.level = handlers, level
    written = capsys.readouterr().err
    assert "sk-***" in written
    assert "ek_***" in written
    assert "secretsecret" not in written
