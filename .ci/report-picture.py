"""Draws docs/images/report.png: the head of the report of results/grounding-cpu, as Chromium shows it.

Run it in an environment with the development tools, with Chromium on the path or named in CHROMIUM.
"""

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from glam_eval.figures import Study
from glam_eval.report.build import heading_of, render_page
from glam_eval.report.citation import command_of

ROOT = Path(__file__).parents[1]
STUDY, PICTURE = ROOT / "results/grounding-cpu", ROOT / "docs/images/report.png"
WINDOW = {"width": 1280, "height": 860}


def draw(page: Path) -> None:
    """Write the picture of a page."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as session:
        browser = session.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport=WINDOW, color_scheme="light")
        tab.goto(page.as_uri())
        tab.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(
            render_page(Study.load(STUDY), *heading_of(STUDY), command_of(STUDY)), encoding="utf-8"
        )
        draw(page)
