"""Bring `.venv` to what a lock file says; quick when it is there already.

Run through `make`. Needs nothing but the standard library. Safe to run twice, by two at once (they queue), and to
interrupt: a set-up that did not come to its end leaves a mark, and the next one begins afresh.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Stands while files in .venv are being written.
UNFINISHED = VENV / ".unfinished"
GROUPS = {"run": "what the server needs", "dev": "what the server and its tests need"}


class SetupFailedError(Exception):
    """The set-up cannot go on; the message says what to do."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def fingerprint(group: str) -> str:
    """What the environment depends on: the lock, the project's own metadata, its place and the interpreter."""
    digest = hashlib.sha256(f"{ROOT}\n{sys.version}\n".encode())
    for path in (lock_file(group), ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def lock_file(group: str) -> Path:
    return ROOT / "requirements" / f"{group}.txt"


def stamp(group: str) -> Path:
    return VENV / f".ready-{group}"


def is_ready(group: str) -> bool:
    if not PYTHON.exists():  # the interpreter that its link points to may have gone
        return False
    # The development environment contains the run-time one.
    return any(
        stamp(each).is_file() and stamp(each).read_text() == fingerprint(each) for each in dict.fromkeys((group, "dev"))
    )


def check_call(*command: str, advice: str) -> None:
    """Run `command`; should it fail, say `advice`."""
    # The child keeps the lock's descriptor: should this process be killed, nobody begins before the child has ended.
    code = subprocess.run(command, cwd=ROOT, check=False, close_fds=False).returncode
    if code < 0:
        raise KeyboardInterrupt
    if code:
        raise SetupFailedError(advice)


def has_pip() -> bool:
    if not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-m", "pip", "--version"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def make_environment() -> None:
    """Create `.venv`, in place of one that is broken or half made."""
    if UNFINISHED.exists():
        say("the last set-up was interrupted; starting afresh")
    elif has_pip():
        return
    elif VENV.exists():
        say(".venv does not work (any more); making it anew")
    # Not sys.executable: that may be the very environment which goes away here.
    base = getattr(sys, "_base_executable", None) or os.path.realpath(sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"making .venv with Python {version} ({base})")
    # bin goes first: scripts/setup, started meanwhile, must not find a python here without the mark beside it.
    shutil.rmtree(VENV / "bin", ignore_errors=True)
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()
    check_call(base, "-m", "venv", str(VENV), advice="python could not make .venv; see its message above")


def install(group: str) -> None:
    pip = (str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install")
    say(f"installing {GROUPS[group]} from requirements/{group}.txt (the first time: a minute or two)")
    check_call(
        *pip,
        "--require-hashes",
        "--requirement",
        str(lock_file(group)),
        advice="the packages could not be installed; see pip's message above, then run again. Behind a proxy or with a "
        "mirror, configure pip for it (pip config); where a package has no wheel, a C compiler and CMake are needed",
    )
    say("installing Antiphon itself, in place")
    check_call(
        *pip,
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--editable",
        str(ROOT),
        advice="Antiphon itself could not be installed; see pip's message above",
    )


def prepare(group: str) -> None:
    """Bring `.venv` to the lock of `group`, holding the mark of an unfinished one meanwhile."""
    began = time.monotonic()
    make_environment()
    UNFINISHED.touch()
    try:
        install(group)
    except SetupFailedError:
        # pip itself gave up, and undid what it had begun: nothing is half written.
        UNFINISHED.unlink()
        raise
    stamp(group).write_text(fingerprint(group))
    UNFINISHED.unlink()
    say(f"done in {time.monotonic() - began:.0f} s")


def lock(held: TextIO) -> None:
    """Wait until no other set-up is at work; the lock ends with the last process that holds the file open."""
    os.set_inheritable(held.fileno(), True)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up is at work here; waiting for it")
        fcntl.flock(held, fcntl.LOCK_EX)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in GROUPS:
        print(f"usage: scripts/setup {'|'.join(GROUPS)}", file=sys.stderr)
        return 2
    group = arguments[0]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends pip as well, as Ctrl-C does
    try:
        with (ROOT / "pyproject.toml").open() as held:
            lock(held)
            if UNFINISHED.exists() or not is_ready(group):
                prepare(group)
    except SetupFailedError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the next one starts afresh", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
