"""The ways to an answer that clients are tried with: a server's own engine, and relays in front of other servers."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

from tests.running import RunningServer, running_server

KEY = "a-key-for-this-test"
WRONG_KEY = "another-key"
UPSTREAM_KEY = "sk-a-key-that-no-client-has"
SCRIPT = Path(__file__).with_name("emulator.toml")
# Azure's clients name a deployment of their own; behind a relay it is for the operator to say which model that is.
DEPLOYMENT = "my-own-deployment"
CONFIG = """\
[[upstream]]
name = "openai"  # its address and key are in the environment
dialect = "{dialect}"
models = {{ "{deployment}" = "gpt-realtime" }}
"""


class Way(StrEnum):
    """What is behind the address that a client is told."""

    DIRECT = "direct"  # a server with the local engine
    LOCAL = "relay-local"  # a relay to such a server
    EMULATOR = "relay-emulator"  # a relay to the emulator
    BETA = "relay-beta"  # a relay that speaks the beta shape to a server with the local engine


def relay(
    base_url: str, folder: Path, dialect: str = "ga", tls: tuple[Path, Path] | None = None
) -> AbstractContextManager[RunningServer]:
    """Run a relay that wants `KEY`; nobody but the server at `base_url` answers its clients.

    Args:
        base_url: As the SDKs have it.
        folder: For its configuration; it is made.
        dialect: What it speaks to that server.
        tls: As for `running_server`.
    """
    folder.mkdir()
    (folder / "antiphon.toml").write_text(CONFIG.format(dialect=dialect, deployment=DEPLOYMENT))
    return running_server(
        cwd=folder,
        tls=tls,
        ANTIPHON_API_KEYS=KEY,
        ANTIPHON_RELAY_FALLBACK="none",
        OPENAI_BASE_URL=base_url,
        OPENAI_API_KEY=UPSTREAM_KEY,
    )


@contextmanager
def all_running(
    servers: Mapping[Way, AbstractContextManager[RunningServer]],
) -> Iterator[dict[Way, RunningServer]]:
    """Run servers, which are started side by side, until the block ends."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        yield dict(zip(servers, pool.map(stack.enter_context, servers.values()), strict=True))
