"""What the documentation gives to pages works in a browser, as it stands there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.asking import calls_with_secret, transcript_of
from tests.browser.browsers import Page, ProgramMissingError, chromium_options, find, running_browser
from tests.browser.site import FOLDER, served
from tests.browser.sound import microphone_file
from tests.clients.node_apps import NodeMissingError, install, node_major
from tests.docs.test_docs import ROOT, blocks
from tests.running import RunningServer, running_server

QUESTION = ROOT / "tests" / "speech" / "questions" / "property-00-slt.wav"
PAGE = """\
<!doctype html>
<link rel="icon" href="data:,">
<script type="module">
import {{ Log }} from './kit.js';
{block}
const log = new Log();
window.app = {{
  async connect({{ clientSecret }}) {{
    const {{ connection, events, id }} = await call(clientSecret);
    events.onmessage = ({{ data }}) => log.add(JSON.parse(data));
    window.kept = connection;
    return id;
  }},
  wait: (argument) => log.wait(argument),
}};
</script>
"""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what drives a browser; skips where there is none."""
    try:
        node_major()
        (tmp_path / "node_modules").symlink_to(install())
        find("chromium")
    except (NodeMissingError, ProgramMissingError) as error:
        pytest.skip(str(error))
    shutil.copy(FOLDER / "driver.mjs", tmp_path)
    shutil.copy(FOLDER / "pages" / "kit.js", tmp_path)
    return tmp_path


@pytest.fixture
def page(folder: Path) -> Iterator[Page]:
    """A Chromium whose microphone asks a question."""
    microphone = microphone_file(folder / "microphone.wav", QUESTION)
    with running_browser(folder, chromium_options(folder / "chromium", microphone)) as page:
        yield page


@pytest.mark.parametrize("block", blocks("js page"))
def test_a_page_gets_an_answer_to_what_is_said(block: str, server: RunningServer, folder: Path, page: Page) -> None:
    (folder / "page.html").write_text(PAGE.format(block=server.rewritten(block)))
    with served(folder) as address:
        page.open(f"{address}/page.html")
        assert page.call("connect", clientSecret=calls_with_secret(server)["key"]).startswith("rtc_")
        assert "4" in transcript_of(page.wait("response.done"))
        page.wait("output_audio_buffer.stopped")
