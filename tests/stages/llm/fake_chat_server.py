"""Answers of a chat completion server."""

from typing import Any

from tests.stages.fake_server import Handler, streams


def delta(finish: str | None = None, **content: object) -> dict[str, Any]:
    """Return a chunk with a delta."""
    return {"choices": [{"index": 0, "delta": content, "finish_reason": finish}]}


USAGE = {
    "choices": [],
    "usage": {"prompt_tokens": 11, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}},
}


def answers(*texts: str, finish: str = "stop", usage: bool = True) -> Handler:
    """Answer with text deltas, as a well-behaved server does."""
    chunks = [*(delta(content=text) for text in texts), delta(finish), *([USAGE] if usage else [])]
    return streams([*chunks, "[DONE]"])
