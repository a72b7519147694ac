"""The fixture `realtime_emulator` for pytest: `pytest_plugins = ["antiphon.testing.pytest_plugin"]` in conftest.py."""

from collections.abc import Iterator

import pytest

from antiphon.testing.threaded import ThreadedEmulator


@pytest.fixture
def realtime_emulator(request: pytest.FixtureRequest) -> Iterator[ThreadedEmulator]:
    """Run an emulator for one test, in a thread, for tests of any kind.

    The mark `realtime_script` gives its script: `@pytest.mark.realtime_script("script.toml")`, or the keys of one.
    """
    mark = request.node.get_closest_marker("realtime_script")
    arguments, keys = (mark.args, mark.kwargs) if mark else ((), {})
    with ThreadedEmulator(*arguments, **keys) as running:
        yield running


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "realtime_script(source, **keys): the script of the fixture realtime_emulator")
