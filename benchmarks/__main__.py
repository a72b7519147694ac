"""Runs the benchmarks one after the other: `python -m benchmarks [NAME ...]`."""

import subprocess
import sys

# In the order of RESULTS.md; each is a module with a `main`, and flags of its own.
BENCHMARKS = (
    "latency",
    "interruption",
    "capacity",
    "stt_accuracy",
    "audio_stages",
    "event_path",
    "connections",
    "relay",
    "webrtc",
    "web",
)


def main() -> int:
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"unknown benchmark: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"\n=== {name}\n", flush=True)
        code = subprocess.call([sys.executable, "-m", f"benchmarks.{name}"])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
