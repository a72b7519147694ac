"""What a page loads: the modules that a module needs, and their bytes as the server sends them.

`python -m tests.web.weight` prints what a page loads for what; with the name of a module, file by file what that needs.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

from antiphon.gateway.web import FOLDER
from antiphon.gateway.web_files import WebFile, WebFiles

ELEMENT = "antiphon-voice.js"
# What is loaded when the element is there already.
CLIENT = re.compile(r"^antiphon\.js$")
# What a conversation over WebRTC does without: the other steps, what else a person may ask for, and what may go wrong.
LATER = re.compile(
    r"^(?:client/transports/(?:websocket|http|text)|client/audio/(?:check|microphone-problems)|element/device-menu)\.js$"
)
# Types are imported in comments. What looks like one within a string (`'text/*'`) has no space before it.
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:/\*.*?\*/|//[^\n]*)", re.DOTALL | re.MULTILINE)
_FROM = re.compile(r"""^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]""", re.MULTILINE)
_BARE = re.compile(r"""^\s*import\s*['"]([^'"]+)['"]""", re.MULTILINE)
_LATER = re.compile(r"""\bimport\(\s*['"]([^'"]+)['"]\s*\)""")
# Worklets, styles and pictures are named by their URLs; so are routes, which are no files.
_URL = re.compile(r"""\bnew URL\(\s*['"]([^'"]+\.(?:css|js|png|svg|wav))['"]\s*,\s*import\.meta\.url\s*\)""")


@dataclass(frozen=True)
class Loaded:
    """One file that is loaded.

    Args:
        name: Under `/web/`.
        sent: Bytes of its body as a browser gets it, compressed where that helps.
        size: Bytes before they are compressed.
    """

    name: str
    sent: int
    size: int


def needs(source: str) -> Iterator[tuple[str, bool]]:
    """Yield what a module imports or names by its URL, as it is written there, and whether that is loaded later."""
    code = _COMMENT.sub("", source)
    for form in (_FROM, _BARE, _LATER, _URL):
        yield from ((name, form is _LATER) for name in form.findall(code))


def graph(entry: str, files: WebFiles, *left_out: re.Pattern[str]) -> list[Loaded]:
    """Return all files that `entry` leads to, itself first.

    Args:
        entry: Name of a module under `/web/`.
        files: Where they are.
        left_out: Names of those that may be loaded later, and are not.

    Raises:
        LookupError: A module needs a file that is not served.
    """
    found: dict[str, WebFile] = {}
    waiting = [(entry, "")]
    while waiting:
        name, by = waiting.pop(0)
        if name in found:
            continue
        file = files.find(name)
        if file is None:
            raise LookupError(f"{by or 'nobody'} needs {name}, which is not served")
        found[name] = file
        if name.endswith(".js"):
            needed = ((_resolved(name, path), later) for path, later in needs(file.content.decode()))
            waiting += [
                (other, name) for other, later in needed if not (later and any(each.search(other) for each in left_out))
            ]
    return [_loaded(name, file) for name, file in found.items()]


def _resolved(name: str, needed: str) -> str:
    if not needed.startswith("."):
        raise LookupError(f"{name} needs {needed!r}; browsers find relative paths alone")
    return normpath(join(dirname(name), needed))


def _loaded(name: str, file: WebFile) -> Loaded:
    sent = file.content if file.compressed is None else file.compressed
    return Loaded(name, len(sent), len(file.content))


def table(loaded: list[Loaded]) -> str:
    """Return one line for each file, the heaviest first, and the sum."""
    lines = [f"{each.sent:8,}  {each.size:9,}  {each.name}" for each in sorted(loaded, key=lambda each: -each.sent)]
    total = f"{sum(each.sent for each in loaded):8,}  {sum(each.size for each in loaded):9,}  in {len(loaded)} files"
    return "\n".join([f"{'sent':>8}  {'before':>9}", *lines, total])


def heaviest_language(files: WebFiles, folder: Path = FOLDER) -> str:
    """Return which of the element's languages weighs most, such as `ja`."""
    sizes = {path.stem: weight(graph(f"texts/{path.name}", files)) for path in (folder / "texts").glob("??.js")}
    return max(sizes, key=lambda name: sizes[name])


def only(language: str) -> re.Pattern[str]:
    """Return what a page does not load that shows one language: the others."""
    return re.compile(rf"(?:^|/)texts/(?!{language}\.)[a-z][a-z]\.js$")


def talk_page(files: WebFiles, folder: Path = FOLDER) -> list[Loaded]:
    """Return what the talk page loads, in English, before it connects."""
    html = (folder / "index.html").read_text()
    named = re.findall(r'(?:src|href)="/?web/([^"#?]+)"', html)
    loaded = {each.name: each for name in named for each in graph(name, files, LATER, only("en"))}
    return [*(_loaded("index.html", file) for file in [files.find("index.html")] if file), *loaded.values()]


def weight(loaded: list[Loaded]) -> int:
    """Return how many bytes are sent in all."""
    return sum(each.sent for each in loaded)


def summary(files: WebFiles) -> str:
    """Return one line for each thing that a page may load."""
    language = only(heaviest_language(files))
    weights = {
        "the element, shown": weight(graph(ELEMENT, files, LATER, CLIENT, language)),
        "a conversation over WebRTC": weight(graph(ELEMENT, files, LATER, language)),
        "all steps of the ladder, and the menu": weight(graph(ELEMENT, files, language)),
        "the talk page": weight(talk_page(files)),
    }
    for path in sorted((FOLDER / "texts").glob("??.js")):
        weights[f"the words in {path.stem}"] = weight(graph(f"texts/{path.name}", files))
    return "\n".join(f"{sent:8,}  {name}" for name, sent in weights.items())


if __name__ == "__main__":
    served = WebFiles(FOLDER)
    if len(sys.argv) > 1:
        print(table(graph(sys.argv[1], served, LATER, only(heaviest_language(served)))))  # noqa: T201
    else:
        print(summary(served))  # noqa: T201
