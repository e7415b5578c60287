"""The whole report in one file, for mail; and printed from it, as a PDF."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup
from markupsafe import Markup

from mnistkit.course.report.html.images import lighter
from mnistkit.course.report.html.layout import Link, Page, frame, render
from mnistkit.course.report.html.sanitize import OUR_IDS, clean_page
from mnistkit.course.report.pages.site import Site
from mnistkit.errors import UserError
from mnistkit.files import scratch_beside, write_atomically

SINGLE_FILE = "report.html"
PDF = "report.pdf"

_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_SECONDS = 300
_LARGE = 40_000  # characters; a larger picture is stored with fewer colours: mail has limits


def export_report(
    out: Path, *, single_file: bool = False, pdf: bool = False, with_solutions: bool = False
) -> list[Path]:
    """Write all pages of a run's report as one file, as a PDF, or both.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    single_file : bool
        Write ``report.html`` there.
    pdf : bool
        Write ``report.pdf`` there, printed by an installed Chromium, Chrome or Edge.
    with_solutions : bool
        Whether to show the solutions of exercises, and the hidden checks: not to students.

    Returns
    -------
    list of pathlib.Path
        What was written.

    Raises
    ------
    UserError
        If `out` holds no run, there is no browser for the PDF, or it could not print.
    """
    browser = find_browser() if pdf else ""
    markup = _single_file(Site(out, with_solutions=with_solutions))
    written = []
    if single_file:
        write_atomically(out / SINGLE_FILE, markup)
        written.append(out / SINGLE_FILE)
    if pdf:
        # In the run's folder: a browser may be kept out of the system's, and the move is atomic.
        folder = scratch_beside(out.resolve() / "printing")
        try:
            folder.mkdir()
            (folder / SINGLE_FILE).write_text(markup, encoding="utf-8")
            _print(browser, folder)
            written.append((folder / PDF).replace(out / PDF))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return written


def find_browser() -> str:
    """Find a browser that can print.

    Returns
    -------
    str
        Its path.

    Raises
    ------
    UserError
        If there is none; with what was looked for.
    """
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        names = ", ".join(name for name in _BROWSERS if not re.search(r"[/\\]", name))
        raise UserError(
            "a PDF needs a browser to print with",
            found=f"none of {names}, nor one where macOS and Windows keep them",
            expected="Chromium, Chrome or Edge",
            todo="install one (Debian, Ubuntu: apt install chromium), or print the report from any browser",
        )
    return found


def _print(browser: str, folder: Path) -> None:
    """Let a browser print the single file in `folder` to a PDF beside it."""
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={folder / PDF}",
        (folder / SINGLE_FILE).as_uri(),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # as root, Chromium starts with no other setting
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)
        said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        said = f"it did not end within {_SECONDS} s"
    pdf = folder / PDF
    if not (pdf.exists() and pdf.read_bytes().startswith(b"%PDF")):
        raise UserError(
            browser,
            found=f"no PDF from it; it said: {said}",
            todo="try again, or print the report from any browser",
        )


def _single_file(site: Site) -> str:
    """Join all pages: the index stays as it is, the others become its sections."""
    index, *about = site.overviews()
    pages = [index, *(site.lesson(name) for name in site.entries), *about]
    names = [page.name for page in pages]
    parts = [(f"{OUR_IDS}{page.name}", Markup(_as_part(page, names))) for page in pages]
    contents = [Link(page.title, f"#{OUR_IDS}{page.name}") for page in pages[1:]]
    whole = Page("report", index.title, render("single.html.j2", parts=parts), contents)
    return frame(whole)


def _as_part(page: Page, names: Collection[str]) -> str:
    """Make a page a part of a file with others: its ids its own, its links inside, its headings lower."""
    soup = BeautifulSoup(page.content, "html.parser")
    for image in soup.select('img[src^="data:image/png;base64,"]'):
        if len(image["src"]) > _LARGE and (small := lighter(str(image["src"]).partition(",")[2])):
            image["src"] = f"data:image/png;base64,{small}"
    for attribute in ("id", "name", "aria-describedby"):
        for tag in soup.select(f"[{attribute}]"):
            tag[attribute] = f"{OUR_IDS}{page.name}-{tag[attribute]}"
    for link in soup.find_all("a", href=True):
        link["href"] = _inside(str(link["href"]), page.name, names)
    if page.name != "index":
        for heading in soup.find_all(re.compile(r"h[1-5]")):
            heading.name = f"h{int(heading.name[1]) + 1}"
    return clean_page(str(soup))


def _inside(target: str, name: str, names: Collection[str]) -> str:
    """Turn a link to a place or a page of the report into one within the single file."""
    if target.startswith("#"):
        return f"#{OUR_IDS}{name}-{unquote(target[1:])}"
    if target.removesuffix(".html") in names:
        return f"#{OUR_IDS}{target.removesuffix('.html')}"
    return target
