"""What axe-core finds on a page: barriers for people who do not see it, or use no mouse."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

from tests.clients.node_apps import install

# All rules that are on by default, and those of WCAG 2.2 AA that are not. Nothing is fetched for it.
OPTIONS = {"rules": {"target-size": {"enabled": True}}, "preload": False, "resultTypes": ["violations"]}
RUN = f"axe.run(document, {json.dumps(OPTIONS)}).then((found) => JSON.stringify(found.violations))"


def violations(page: Page) -> list[str]:
    """Return what axe finds in the page as it is now, shadow trees included; one text for each element at fault.

    axe runs beside the page's own scripts, in a world of its own, so that the page's policy stays as it is.

    Raises:
        NodeMissingError: axe-core cannot be installed here.
    """
    session = page.context.new_cdp_session(page)
    try:
        found = json.loads(_evaluated(session, _world(session), RUN))
    finally:
        session.detach()
    return [_told(rule, node) for rule in found for node in rule["nodes"]]


def assert_accessible(page: Page) -> None:
    """Fail with a readable list if axe finds anything."""
    found = violations(page)
    assert not found, f"{len(found)} violations on {page.url}:\n" + "\n".join(found)


def _world(session: CDPSession) -> int:
    """Make a world with axe in it; returns its id."""
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world: int = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})["executionContextId"]
    _evaluated(session, world, f"{_axe()}; ''")
    return world


def _evaluated(session: CDPSession, world: int, script: str) -> str:
    asked = {"expression": script, "contextId": world, "awaitPromise": True, "returnByValue": True}
    answer = session.send("Runtime.evaluate", asked)
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    value: str = answer["result"]["value"]
    return value


@cache
def _axe() -> str:
    return (Path(install()) / "axe-core" / "axe.min.js").read_text()


def _told(rule: dict[str, Any], node: dict[str, Any]) -> str:
    # A selector, or a list of them: one for each shadow tree on the way.
    where = " > ".join(part if isinstance(part, str) else " > ".join(part) for part in node["target"])
    reasons = "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])
    return f"{rule['id']} ({rule['impact']}) at {where}: {reasons or rule['help']}"
