"""The element is light: all that a page loads for it, in one language, is 60 KB at most."""

import re
from pathlib import Path

import pytest

from antiphon.gateway.web import FOLDER
from antiphon.gateway.web_files import WebFiles
from tests.web.weight import ELEMENT, graph, needs, one_language, table

MOST = 60_000  # bytes, each file compressed as it is sent


def test_the_element_with_all_that_it_may_load_is_light() -> None:
    files = WebFiles(FOLDER)
    loaded = graph(ELEMENT, files, one_language(files))
    names = [each.name for each in loaded]
    assert names[0] == ELEMENT
    # The client comes later, the worklets by their URLs.
    assert {"antiphon.js", "client/client.js", "client/audio/worklets/playback-worklet.js"} <= set(names)
    assert len([name for name in names if name.startswith("texts/") and name != "texts/index.js"]) == 1
    assert sum(each.sent for each in loaded) <= MOST, "\n" + table(loaded)


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
    (each,) = graph("a.js", written(tmp_path, a="// the same words\n" * 100))
    assert each.size == 1_800
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


def test_only_the_heaviest_language_counts(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for name, length in (("en", 10), ("ja", 90), ("de", 50)):
        (tmp_path / "texts" / f"{name}.js").write_text("".join(chr(40 + n) for n in range(length)))
    left_out = one_language(WebFiles(tmp_path), tmp_path)
    found = [name for name in ("en", "ja", "de") if not left_out.search(f"texts/{name}.js")]
    assert found == ["ja"]
    assert not left_out.search("texts/index.js")


def test_imports_are_told_from_what_is_loaded_later() -> None:
    source = "import a from './a.js';\nexport { b } from './b.js';\nawait import('./c.js');\n"
    assert dict(needs(source)) == {"./a.js": False, "./b.js": False, "./c.js": True}
