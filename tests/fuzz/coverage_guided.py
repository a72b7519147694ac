"""Fuzzes the decoder by what its code covers, with atheris: `python -m tests.fuzz.coverage_guided SECONDS`."""

import sys

import atheris  # type: ignore[import-untyped]  # optional: pip install atheris

with atheris.instrument_imports(include=["antiphon.protocol"]):
    from tests.fuzz.targets import decode_bytes


def main() -> None:
    seconds = sys.argv.pop() if len(sys.argv) > 1 else "60"
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-verbosity=0"], decode_bytes)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
