"""Each example of examples/web starts with its one command, and answers a written question in a browser."""

import base64
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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from antiphon import __version__
from tests.clients.node_apps import NodeMissingError, is_required, node_major
from tests.clients.ways import KEY
from tests.running import ROOT, RunningServer, clean_environment, free_port
from tests.web.kit.chromium import Faults

Opening = Callable[..., Page]

EXAMPLES = ROOT / "examples" / "web"
# As deep in the tree as the examples are: their own paths to other parts of it hold there, too.
CACHE = ROOT / ".cache" / "examples"
RECIPES = ("package.json", "package-lock.json", "requirements.txt")
INSTALLED = {"node_modules", ".venv"}
INSTALL_SECONDS = 240
START_SECONDS = 240  # some are built first
REQUEST_SECONDS = 30
ANSWER_MS = 30_000
LOGIN = {"username": "guest", "password": "maple"}
QUESTION = "How many bedrooms does this property have?"
ANSWER = re.compile(r"\b(4|four) bedrooms")
BOOKING = "Please book a viewing for me on Saturday."
CALLED = re.compile(r'book_viewing\(.*Saturday.*\) → .*"booked"')
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
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End it with all that it started: nothing may write into the copy that the next test makes anew."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
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
            urllib.request.urlopen(url, timeout=REQUEST_SECONDS).close()
            return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"it did not start: {log.read_text()[-3000:]}")


def asked_for_a_token(url: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """Return the status of what a route for tokens answers to a POST with these headers, and what it gave."""
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code, {}


def check_token_route(address: str, path: str, **headers: str) -> None:
    """It gives its own page a secret and the model to ask for, and nothing else of the session."""
    status, given = asked_for_a_token(address + path, Origin=address, **headers)
    assert (status, set(given)) == (200, {"value", "expires_at", "session"})
    assert given["value"].startswith("ek_")
    assert given["session"] == {"model": "gpt-realtime"}


def check_strangers_get_no_token(address: str, path: str) -> None:
    """A website may point a name of its own at this machine."""
    port = address.rpartition(":")[2]
    rebound = {"Origin": f"http://evil.example:{port}", "Host": f"evil.example:{port}"}
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        rebound,
    ):
        assert asked_for_a_token(address + path, **headers) == (403, {}), headers


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
    expect(page.get_by_role("list")).to_contain_text(CALLED, timeout=ANSWER_MS)
    expect(page.get_by_role("list")).to_contain_text(re.compile(r"assistant: .*Saturday"), timeout=ANSWER_MS)


def fail_to_write(page: Page, told: Locator, code: str) -> None:
    """Write without a conversation that could begin: the page says why, and the text stays to be sent again."""
    field = page.get_by_role("textbox")
    field.fill(BOOKING)
    page.get_by_role("button", name="Send").click()
    expect(told).to_contain_text(code, timeout=ANSWER_MS)
    expect(field).to_have_value(BOOKING)


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


def test_the_page_with_an_interface_of_its_own_says_why_it_cannot_begin(
    keyed_server: RunningServer, open_page: Opening, faults: Faults
) -> None:
    faults.expect("401")
    with running_example("static", keyed_server) as address:
        page = open_page(f"{address}/client.html")
        fail_to_write(page, page.locator("#state"), "key_missing")


def test_the_fastapi_app_gives_tokens_to_those_who_are_logged_in(
    keyed_server: RunningServer, open_page: Opening
) -> None:
    with running_example("fastapi", keyed_server) as address:
        assert asked_for_a_token(f"{address}/token", Origin=address) == (401, {})
        login = base64.b64encode(":".join(LOGIN.values()).encode()).decode()
        check_token_route(address, "/token", Authorization=f"Basic {login}")
        page = open_page(address, http_credentials=LOGIN)
        assert KEY not in page.content()
        ask_the_element(page)


def test_the_nextjs_app_has_a_voice(keyed_server: RunningServer, open_page: Opening) -> None:
    """`next build`, which checks types, is a part of the command."""
    with running_example("nextjs", keyed_server) as address:
        check_token_route(address, "/api/token")
        check_strangers_get_no_token(address, "/api/token")
        page = open_page(address)
        ask_the_element(page)
        assert KEY not in page.content()


def test_the_react_app_renders_what_the_assistant_does(
    keyed_server: RunningServer, open_page: Opening, faults: Faults
) -> None:
    faults.expect("503")
    with running_example("react", keyed_server) as address:
        check_token_route(address, "/api/token")
        check_strangers_get_no_token(address, "/api/token")
        page = open_page(address)
        page.route("**/api/token", lambda route: route.fulfill(status=503))
        fail_to_write(page, page.get_by_role("alert"), "token_failed")
        page.unroute("**/api/token")
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
