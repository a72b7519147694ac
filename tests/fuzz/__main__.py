"""Fuzzes until the time is over: `FUZZ_SECONDS=300 python -m tests.fuzz`; what fails is printed, with its example."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.targets import TARGETS

ROUND = 400  # examples between two looks at the clock


def fuzz_with_hypothesis(seconds: float) -> int:
    """Run every target in turn, each round with a new seed; return how many examples were tried."""
    end, rounds = time.monotonic() + seconds, 0
    start = time.time_ns()
    checks = list(HealthCheck)
    while time.monotonic() < end:
        examples, check = TARGETS[rounds % len(TARGETS)]
        test = settings(max_examples=ROUND, deadline=None, suppress_health_check=checks)(given(examples)(_named(check)))
        seed(start + rounds)(test)()
        rounds += 1
    return rounds * ROUND


def _named(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a function of its own for each round, since Hypothesis marks what it decorates."""

    def fuzz(example: Any) -> None:
        check(example)

    return fuzz


def fuzz_by_coverage(seconds: float) -> int:
    """Fuzz the decoder with atheris, in a process of its own, for it instruments what is imported."""
    return subprocess.call([sys.executable, "-m", "tests.fuzz.coverage_guided", f"{seconds:.0f}"])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    seconds = float(os.environ.get("FUZZ_SECONDS", "300"))
    has_atheris = find_spec("atheris") is not None
    share = seconds / 2 if has_atheris else seconds
    tried = fuzz_with_hypothesis(share)
    _say(f"hypothesis: {tried} examples of {len(TARGETS)} targets, no fault found")
    if not has_atheris:
        _say("atheris is not installed: pip install atheris, to fuzz the decoder by coverage too")
        return
    _say(f"atheris: the decoder for {share:.0f} s")
    sys.exit(fuzz_by_coverage(share))


if __name__ == "__main__":
    main()
