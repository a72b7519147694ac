"""Each example of examples/web starts with its one command, and answers a written question in a browser."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from antiphon import __version__
from tests.clients.node_apps import NodeMissingError, is_required, node_major
from tests.clients.ways import KEY
from tests.running import ROOT, RunningServer, clean_environment, free_port

Opening = Callable[..., Page]

EXAMPLES = ROOT / "examples" / "web"
# As deep in the tree as the examples are: their own paths to other parts of it hold there, too.
CACHE = ROOT / ".cache" / "examples"
RECIPES = ("package.json", "package-lock.json", "requirements.txt")
INSTALLED = {"node_modules", ".venv"}
INSTALL_SECONDS = 240
START_SECONDS = 120
ANSWER_MS = 30_000
LOGIN = {"username": "guest", "password": "maple"}
QUESTION = "How many bedrooms does this property have?"
ANSWER = re.compile(r"\b(4|four) bedrooms")
BOOKING = "Please book a viewing for me on Saturday."
# What npm and pip say when they cannot reach what they install from.
UNREACHABLE = re.compile(r"EAI_AGAIN|ENOTFOUND|ECONN|ETIMEDOUT|connection broken by|Max retries exceeded|timed out")


@contextmanager
def running_example(name: str, server: RunningServer) -> Iterator[str]:
    """Run a copy of an example with its one command; gives its address."""
    port = free_port()
    environment = {
        **clean_environment(),
        "ANTIPHON_URL": server.base_url.removesuffix("/v1"),
        "ANTIPHON_API_KEY": KEY,
    }
    with copied(name, server) as folder, (folder / "log.txt").open("w+") as log:
        command = ["make", "run", f"PORT={port}"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/", process, folder / "log.txt")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@contextmanager
def copied(name: str, server: RunningServer) -> Iterator[Path]:
    """Give a copy of an example with all that it needs; skips where that cannot be installed."""
    source = EXAMPLES / name
    recipe = b"".join((source / part).read_bytes() for part in RECIPES if (source / part).exists())
    folder = CACHE / f"{name}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        copy(source, folder, server)
        if (folder / "package.json").exists():
            need_node()
        if "\ninstall:" in (folder / "Makefile").read_text():
            need_installed(folder)
        yield folder


def copy(source: Path, folder: Path, server: RunningServer) -> None:
    """Make the copy anew, but for what was installed into it."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        if old.is_dir() and old.name not in INSTALLED:
            shutil.rmtree(old)
        elif old.name not in INSTALLED | set(RECIPES):
            old.unlink()
    left_out = shutil.ignore_patterns(*INSTALLED, ".next", "dist", "__pycache__")
    shutil.copytree(source, folder, ignore=left_out, copy_function=copy_if_new, dirs_exist_ok=True)
    for script in folder.glob("*.html"):
        script.write_text(server.rewritten(script.read_text()))


def copy_if_new(source: str, target: str) -> str:
    """Leave alone what `make` compares the times of."""
    if Path(target).name not in RECIPES or not Path(target).exists():
        shutil.copy2(source, target)
    return target


def need_node() -> None:
    try:
        node_major()
    except NodeMissingError as error:
        if is_required():
            raise
        pytest.skip(str(error))


def need_installed(folder: Path) -> None:
    try:
        command = ["make", "install"]
        made = subprocess.run(
            command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        told = made.stdout + made.stderr
        failed = made.returncode != 0
    except subprocess.TimeoutExpired:
        told, failed = "timed out", True
    if failed:
        assert UNREACHABLE.search(told), told
        assert not is_required(), told
        pytest.skip("what the example needs cannot be installed; is there a network?")


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the example answers, be it that one must log in."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"it did not start: {log.read_text()[-3000:]}")


def ask_the_element(page: Page) -> None:
    """Write a question into <antiphon-voice>, and see the answer in it."""
    element = page.locator("antiphon-voice")
    element.locator("[part~=button]").click()
    field = element.get_by_role("textbox")
    field.fill(QUESTION)
    expect(element.locator("[part~=send]")).to_have_attribute("aria-disabled", "false", timeout=ANSWER_MS)
    field.press("Enter")
    expect(element.locator("[part~=entry-assistant]")).to_contain_text(ANSWER, timeout=ANSWER_MS)


def book_a_viewing(page: Page) -> None:
    """Write what makes the assistant call the page's function, and see that it did."""
    page.get_by_role("textbox").fill(BOOKING)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("list")).to_contain_text("book_viewing(", timeout=ANSWER_MS)
    expect(page.get_by_role("list")).to_contain_text(re.compile(r"assistant: .*Saturday"), timeout=ANSWER_MS)


def test_the_static_page_has_a_voice(server: RunningServer, open_page: Opening) -> None:
    with running_example("static", server) as address:
        page = open_page(address)
        ask_the_element(page)


def test_the_page_with_an_interface_of_its_own_gives_the_assistant_a_function(
    server: RunningServer, open_page: Opening
) -> None:
    with running_example("static", server) as address:
        page = open_page(f"{address}/client.html")
        book_a_viewing(page)
        page.get_by_role("button", name="End", exact=True).click()
        expect(page.locator("#state")).to_have_text("closed")


def test_the_fastapi_app_gives_tokens_to_those_who_are_logged_in(
    keyed_server: RunningServer, open_page: Opening
) -> None:
    with running_example("fastapi", keyed_server) as address:
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(f"{address}/token", b"{}")
        refused.value.close()
        page = open_page(address, http_credentials=LOGIN)
        assert KEY not in page.content()
        ask_the_element(page)


def test_the_nextjs_app_has_a_voice(keyed_server: RunningServer, open_page: Opening) -> None:
    """`next build`, which checks types, is a part of the command."""
    with running_example("nextjs", keyed_server) as address:
        page = open_page(address)
        ask_the_element(page)
        assert KEY not in page.content()


def test_the_react_app_renders_what_the_assistant_does(keyed_server: RunningServer, open_page: Opening) -> None:
    with running_example("react", keyed_server) as address:
        page = open_page(address)
        book_a_viewing(page)
        expect(page.get_by_text("Viewing: Saturday, 3 pm")).to_be_visible()


def test_the_clients_package_has_the_projects_version() -> None:
    package = json.loads((ROOT / "src" / "antiphon" / "web" / "package.json").read_text())
    lock = json.loads((EXAMPLES / "react" / "package-lock.json").read_text())
    assert package["version"] == __version__
    assert lock["packages"]["../../../src/antiphon/web"]["version"] == __version__


def test_lock_files_name_no_registry() -> None:
    for lock in EXAMPLES.glob("*/package-lock.json"):
        assert "://" not in re.sub(r'"(url|funding)": "[^"]*"', "", lock.read_text()), lock
