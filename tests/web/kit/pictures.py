"""Pictures of pages, for people to look at: one file for each state, and a sheet with all of them."""

import html
import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.running import ROOT

SHEET = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pictures</title>
<style>
  body {{ font: 13px system-ui, sans-serif; margin: 24px; background: #888; }}
  section {{ display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; margin-bottom: 16px; }}
  figure {{ margin: 0; max-width: 480px; }}
  img {{ max-width: 100%; max-height: 640px; display: block; background: #fff; }}
</style>
{sections}
</html>
"""
FIGURE = '<figure><a href="{name}.png"><img src="{name}.png" alt=""></a><figcaption>{name}</figcaption></figure>'


def default_folder() -> Path:
    """Where pictures go unless `ANTIPHON_PICTURES` names another folder."""
    return Path(os.environ.get("ANTIPHON_PICTURES") or ROOT / ".cache" / "screenshots")


SHEET_NAME = "index.html"
ON_A_SHEET = 24


class Pictures:
    """The pictures of a test run; those of an earlier run are thrown away.

    Args:
        folder: For them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def take(self, page: Page, name: str, whole: bool = False) -> Path:
        """Take a picture of a page that stands still.

        Args:
            page: Its animations are ended for the picture.
            name: What it shows, for example `talk-connected-dark-phone`; becomes the file's name.
            whole: Whether it shows the whole page, not only what fits the window.
        """
        path = self.folder / f"{name}.png"
        page.evaluate("document.fonts.ready.then(() => null)")
        page.screenshot(path=path, full_page=whole, animations="disabled", caret="hide")
        self.names.append(name)
        return path

    def write_sheet(self) -> Path:
        """Write a page that shows all pictures."""
        names = sorted(set(self.names))
        groups = (names[at : at + ON_A_SHEET] for at in range(0, len(names), ON_A_SHEET))
        sheet = self.folder / SHEET_NAME
        sheet.write_text(SHEET.format(sections="\n".join(map(_section, groups))), encoding="utf-8")
        return sheet

    def take_sheets(self, browser: Browser) -> list[Path]:
        """Write that page, and pictures of it: `sheet-1.png` and so on, with `ON_A_SHEET` pictures each."""
        page = browser.new_page(viewport={"width": 2048, "height": 1024})
        page.goto(self.write_sheet().as_uri())
        paths = []
        for number, section in enumerate(page.locator("section").all(), start=1):
            paths.append(self.folder / f"sheet-{number}.png")
            section.screenshot(path=paths[-1])
        page.close()
        return paths


def _section(names: list[str]) -> str:
    figures = (FIGURE.format(name=html.escape(name)) for name in names)
    return "\n".join(["<section>", *figures, "</section>"])
