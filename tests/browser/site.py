"""The pages of tests/browser/pages, bundled for browsers and served on a port of their own."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SPEECH = FOLDER.parent / "speech" / "questions"


def build(folder: Path, modules: Path) -> Path:
    """Bundle the pages, and put driver.mjs where it finds its packages.

    Args:
        folder: Empty.
        modules: The node_modules to take packages from.

    Returns:
        The folder with the site.
    """
    (folder / "node_modules").symlink_to(modules)
    shutil.copy(FOLDER / "driver.mjs", folder)
    shutil.copytree(FOLDER / "pages", folder / "pages")
    scripts = [str(folder / "pages" / name) for name in ("agents.js", "console.js")]
    site = folder / "site"
    flags = ("--bundle", "--format=esm", "--log-level=warning", f"--outdir={site}")
    esbuild = folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    made = subprocess.run([str(esbuild), *scripts, *flags], cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    for page in (*(folder / "pages").glob("*.html"), *SPEECH.glob("*.wav")):
        shutil.copy(page, site)
    return site


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve the site until the block ends; gives its address, whose origin is never that of a server under test."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
