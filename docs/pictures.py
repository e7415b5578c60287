"""Make the README's pictures of a lesson, an explorer and a report: ``python docs/pictures.py runs/lab``.

They are screenshots of the report's own pages, so a run with the real data must be there, and a browser.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.report.export import find_browser
from mnistkit.files import write_atomically

PICTURES = Path(__file__).parent / "pictures"
WIDTH = 1000


def section(page: Page, heading: str) -> bytes:
    """Take a section of a lesson: from its heading to the next one."""
    top, bottom = page.evaluate(
        """heading => {
            const all = [...document.querySelectorAll('h2, h3')];
            const found = all.findIndex(each => each.textContent.includes(heading));
            return [all[found], all[found + 1]].map(each => each.getBoundingClientRect().top + scrollY);
        }""",
        heading,
    )
    box = {"x": 40, "y": top - 8, "width": WIDTH - 80, "height": bottom - top - 16}
    return page.screenshot(clip=box, full_page=True)


def explorer(page: Page, legend: str) -> bytes:
    """Take an explorer's states, with the first of them chosen."""
    return page.locator("fieldset.states", has=page.locator("legend", has_text=legend)).last.screenshot()


def smaller(picture: bytes) -> bytes:
    """Give a PNG of 256 colours."""
    buffer = BytesIO()
    Image.open(BytesIO(picture)).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main(report: Path) -> None:
    """Write the three pictures."""
    pages = {lesson.path.name[:2]: report / f"{lesson.name}.html" for lesson in find(find_folder())}
    with sync_playwright() as playwright:
        # As root, Chromium starts only without its sandbox; what it opens here are our own pages.
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 770})
        page.goto((report / "index.html").as_uri())
        write_atomically(PICTURES / "report.png", smaller(page.screenshot()))
        page.goto(pages["02"].as_uri())
        write_atomically(PICTURES / "lesson.png", smaller(section(page, "The elbow")))
        page.goto(pages["05"].as_uri())
        write_atomically(PICTURES / "explorer.png", smaller(explorer(page, "colour by")))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() / "report")
