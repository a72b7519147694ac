"""Virtual environments for clients that are too large for ours: one for each, pinned, kept in `.cache/clients`."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
CACHE = Path(__file__).parents[3] / ".cache" / "clients"
INSTALL_SECONDS = 240
# What pip says when it cannot reach the package registry at all.
UNREACHABLE = re.compile(
    r"connection broken by|Max retries exceeded|timed out|Name or service not known", re.IGNORECASE
)


class NotInstalledError(Exception):
    """The environment could not be made; the message says why."""


class RegistryUnreachableError(NotInstalledError):
    """The package registry could not be reached: nothing is wrong with the client or with us."""


def requirements(client: str) -> Path:
    return FOLDER / f"{client}.txt"


def kind(client: str) -> str:
    """What the names of the client's environments for this minor version of Python begin with."""
    return f"{client}-{sys.implementation.cache_tag}-"


def place(client: str) -> Path:
    """Return where the environment belongs: it depends on its pins and on the interpreter."""
    digest = hashlib.sha256(requirements(client).read_bytes() + f"{sys.version}{sys.base_prefix}".encode())
    return CACHE / f"{kind(client)}{digest.hexdigest()[:16]}"


def make(client: str) -> Path:
    """Return the interpreter of the client's environment, which is made unless it is there already.

    Raises:
        NotInstalledError: The installation failed; pip's last words are in the message.
    """
    folder = place(client)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Two test runs at once: the second waits, and finds the work done.
    with folder.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(client, folder)
    return folder / "bin" / "python"


def _install(client: str, folder: Path) -> None:
    for outdated in CACHE.glob(f"{kind(client)}*"):
        if outdated.is_dir():
            shutil.rmtree(outdated)
    # Ours does the installing, so the environment needs no pip of its own; that saves seconds.
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin" / "python"))
    # The lock names every package, so there is nothing to resolve; what runs once need not be compiled beforehand.
    _run(*pip, "install", "--quiet", "--no-deps", "--no-compile", "--requirement", str(requirements(client)))
    (folder / "complete").touch()


def _run(*command: str) -> None:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RegistryUnreachableError(f"the installation did not end within {INSTALL_SECONDS} s") from error
    if ended.returncode:
        kind = RegistryUnreachableError if UNREACHABLE.search(ended.stderr) else NotInstalledError
        raise kind(ended.stderr.strip()[-800:])


def may_be_missing(error: NotInstalledError) -> bool:
    """A missing client is passed over, but in continuous integration only while the registry is out of reach."""
    return not os.environ.get("CI") or isinstance(error, RegistryUnreachableError)
