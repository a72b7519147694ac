"""The element is light: all that a page loads for a conversation over WebRTC, in one language, is 60 KB at most."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from antiphon.gateway.web import FOLDER
from antiphon.gateway.web_files import WebFiles, without_comments
from tests.browser.browsers import CHROMIUM_FLAGS, ProgramMissingError, find
from tests.clients.node_apps import NodeMissingError, install, is_required, node_major
from tests.running import RunningServer
from tests.web.weight import CLIENT, ELEMENT, LATER, graph, heaviest_language, needs, only, summary, table, weight

MOST = 60 * 1024  # bytes, each file compressed as it is sent
MOST_WITH_ALL_STEPS = 90_000


def test_a_conversation_over_webrtc_is_light() -> None:
    files = WebFiles(FOLDER)
    loaded = graph(ELEMENT, files, LATER, only(heaviest_language(files)))
    names = [each.name for each in loaded]
    assert names[0] == ELEMENT
    assert {"antiphon.js", "client/client.js", "client/transports/webrtc.js"} <= set(names)
    assert len([name for name in names if name.startswith("texts/") and name != "texts/index.js"]) == 1
    assert weight(loaded) <= MOST, "\n" + table(loaded)


def test_so_it_is_with_all_steps() -> None:
    files = WebFiles(FOLDER)
    loaded = graph(ELEMENT, files, only(heaviest_language(files)))
    names = {each.name for each in loaded}
    assert {"client/transports/text.js", "client/audio/worklets/playback-worklet.js", "element/device-menu.js"} <= names
    assert weight(loaded) <= MOST_WITH_ALL_STEPS, "\n" + table(loaded)


def test_what_is_left_out_is_what_is_loaded_later() -> None:
    """A module that one of those needs at once would be weighed in vain."""
    files = WebFiles(FOLDER)
    for entry in (ELEMENT, "antiphon.js"):
        names = {each.name for each in graph(entry, files, LATER, CLIENT, only("en"))}
        assert not [name for name in names if LATER.search(name)]


@pytest.mark.parametrize("entry", [ELEMENT, "antiphon.js"])
def test_an_entry_names_all_its_modules(entry: str) -> None:
    """Browsers load what it names side by side, all else one behind the other."""
    all_later = re.compile("")
    loaded = {each.name for each in graph(entry, WebFiles(FOLDER), all_later)}
    named = {path.removeprefix("./") for path, _ in needs((FOLDER / entry).read_text())}
    assert named == loaded - {entry}


def test_the_summary_says_what_is_loaded_for_what() -> None:
    told = summary(WebFiles(FOLDER))
    for name in ("the element, shown", "a conversation over WebRTC", "all steps", "the talk page", "the words in ar"):
        assert name in told


# --- what is sent ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def esbuild() -> Path:
    try:
        node_major()
        return install() / ".bin" / "esbuild"
    except NodeMissingError as error:
        if is_required():
            raise
        pytest.skip(str(error))


def test_scripts_mean_the_same_without_their_comments(esbuild: Path, tmp_path: Path) -> None:
    """What is left, each in its line, is the same program: a minifier makes the same of both."""
    scripts = [path.relative_to(FOLDER) for path in FOLDER.rglob("*.js")]
    for script in scripts:
        source = (FOLDER / script).read_bytes()
        sent = without_comments(source)
        assert sent.count(b"\n") == source.count(b"\n")
        for kind, content in (("source", source), ("sent", sent)):
            (tmp_path / kind / script).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / kind / script).write_bytes(content)
    for kind in ("source", "sent"):
        folder = tmp_path / kind
        flags = ["--minify", "--legal-comments=none", f"--outbase={folder}", f"--outdir={folder}.small"]
        subprocess.run([esbuild, *flags, *(folder / script for script in scripts)], check=True, capture_output=True)
    assert scripts
    for script in scripts:
        small = [(tmp_path / f"{kind}.small" / script).read_text() for kind in ("source", "sent")]
        assert small[0] == small[1], script


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("/** A. */\nf(1);\n", "\nf(1);\n"),
        ("/**\n * A.\n */\n  f(1); // b\n", "\n\n\nf(1);\n"),
        ("f('/* no */', \"// no\", `\n  // no\n`);\n", "f('/* no */', \"// no\", `\n  // no\n`);\n"),
        ("f('it\\'s // no'); // it's\n", "f('it\\'s // no');\n"),
        ("f(/** @type {any} */ (x));", "f((x));"),
    ],
)
def test_comments_are_told_from_strings(source: str, sent: str) -> None:
    assert without_comments(source.encode()).decode() == sent


# --- in a browser ---------------------------------------------------------------------------------------------

HTML = """<!doctype html><html lang="{language}"><title>A page</title>
<script type="module" src="/web/antiphon-voice.js"></script><antiphon-voice></antiphon-voice></html>"""
TALKING = """async () => {
  const element = document.querySelector('antiphon-voice');
  await customElements.whenDefined('antiphon-voice');
  const answered = new Promise((resolve) => element.addEventListener('antiphon-entry', ({ detail }) => {
    if (detail.from === 'assistant' && detail.status === 'done') resolve();
  }));
  if (!await element.start()) throw new Error(JSON.stringify(element.client.state));
  element.client.sendText('Hello.');
  await answered;
  const loaded = performance.getEntriesByType('resource');
  const files = loaded.map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]);
  return {
    transport: element.client.state.transport,
    files: files.filter(([path]) => path.startsWith('/web/')),
  };
}"""


@pytest.fixture
def page(playwright: Playwright) -> Iterator[Page]:
    try:
        program = find("chromium")
    except ProgramMissingError as error:
        pytest.skip(str(error))
    browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_FLAGS))
    yield browser.new_page()
    browser.close()


def test_so_much_is_really_sent_up_to_the_first_answer(page: Page, server: RunningServer) -> None:
    url = f"http://127.0.0.1:{server.port}/page"
    html = HTML.format(language=heaviest_language(WebFiles(FOLDER)))
    page.route(url, lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(url)
    seen: dict[str, Any] = page.evaluate(TALKING)
    assert seen["transport"] == "webrtc"
    sizes = dict(seen["files"])
    assert sizes["/web/client/client.js"] > 0
    assert sum(sizes.values()) <= MOST, sizes


# --- the measure ----------------------------------------------------------------------------------------------


def test_every_module_finds_what_it_needs() -> None:
    files = WebFiles(FOLDER)
    modules = [str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.js") if "adapters" not in path.parts]
    assert len(modules) > 20
    for name in modules:
        assert graph(name, files)


def test_the_page_loads_what_is_there() -> None:
    files = WebFiles(FOLDER)
    html = (FOLDER / "index.html").read_text()
    named = re.findall(r'(?:src|href)="/?web/([^"#?]+)"', html)
    assert any(name.endswith(".js") for name in named)
    for name in named:
        assert files.find(name), name


def written(folder: Path, **modules: str) -> WebFiles:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return WebFiles(folder)


def test_the_graph_has_each_file_once_and_no_types(tmp_path: Path) -> None:
    files = written(
        tmp_path,
        a="import './b.js';\nimport {\n  x,\n} from './c.js';\n/** @type {import('./t.js').T} */\n// from './no.js'\n",
        b="export * from './c.js';\nconst text = 'text/*';\nconst later = () => import('./d.js');\n",
        c="import { y } from './a.js'; // round and round\nexport const x = 1;\n",
        d="const url = new URL('./e.js', import.meta.url); const other = new URL('./f.js', document.baseURI);\n",
        e="registerProcessor('e', E);\nconst route = new URL('../v1/realtime', import.meta.url);\n",
    )
    assert [each.name for each in graph("a.js", files)] == ["a.js", "c.js", "b.js", "d.js", "e.js"]


def test_what_is_sent_is_what_is_weighed(tmp_path: Path) -> None:
    (each,) = graph("a.js", written(tmp_path, a="f('the same words');\n" * 100))
    assert each.size == 2_100
    assert each.sent < 200


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("import './gone.js';", "a.js needs gone.js, which is not served"),
        ("import '../up.js';", r"a.js needs \.\./up.js"),
        ("import { z } from 'zod';", "a.js needs 'zod'; browsers find relative paths alone"),
    ],
)
def test_what_a_browser_would_not_find_is_named(tmp_path: Path, module: str, problem: str) -> None:
    with pytest.raises(LookupError, match=problem):
        graph("a.js", written(tmp_path, a=module))


def test_the_heaviest_language_stands_for_all(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for name, length in (("en", 10), ("ja", 90), ("de", 50)):
        (tmp_path / "texts" / f"{name}.js").write_text("".join(chr(40 + n) for n in range(length)))
    assert heaviest_language(WebFiles(tmp_path), tmp_path) == "ja"
    left_out = only("ja")
    assert [name for name in ("en", "ja", "de", "index") if not left_out.search(f"texts/{name}.js")] == ["ja", "index"]


def test_imports_are_told_from_what_is_loaded_later() -> None:
    source = "import a from './a.js';\nexport { b } from './b.js';\nawait import('./c.js');\n"
    assert dict(needs(source)) == {"./a.js": False, "./b.js": False, "./c.js": True}
