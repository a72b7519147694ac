"""docs/clients.md and clients.toml say what the tests show."""

import re

import pytest
from tests.clients.table import FOLDER, ROOT, SCENARIOS, Client, clients, to_markdown

LISTED = [pytest.param(client, id=f"{client.package}-{client.name}") for client in clients()]


def test_the_page_of_clients_matches_the_data() -> None:
    assert (ROOT / "docs" / "clients.md").read_text() == to_markdown(clients()), "mend with: make docs"


@pytest.mark.parametrize("client", LISTED)
def test_the_version_is_the_one_that_is_tested(client: Client) -> None:
    lock, name, version = client.lock.read_text(), re.escape(client.package), re.escape(client.version)
    pins = {".txt": rf"^{name}=={version}(\s|$)", ".json": rf'"{name}": "{version}"'}
    assert re.search(pins[client.lock.suffix], lock, re.MULTILINE), f"{client.pinned} has another {client.package}"


@pytest.mark.parametrize("client", LISTED)
def test_its_tests_are_there(client: Client) -> None:
    assert (FOLDER / client.tests).is_file()
    assert client.passes <= SCENARIOS.keys()
