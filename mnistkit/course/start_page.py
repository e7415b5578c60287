"""The page with which a student begins: the lessons, how far each is, the data, how to work and hand in."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from mnistkit.course.lessons import Lesson, find, find_folder
from mnistkit.course.student_edition import CONFIG, STUDENTS_CONFIG, read_progress
from mnistkit.data import registry
from mnistkit.data.describe import survey
from mnistkit.errors import UserError
from mnistkit.files import replacing, write_atomically

START_PAGE = "START.md"
COURSE_PAGES = {
    "draw-a-digit.ipynb": "Draw a digit, and see what is read",
    "before-you-start.md": "Before you start",
    "glossary.md": "Glossary",
}
"""Pages about the course, and what they are called."""

_DOCS = "docs"
_logger = logging.getLogger(__name__)
_OURS = "<!-- mnistkit start writes this page anew each time: what you change here is lost. -->"
_PAGE = """\
{ours}

# Start here

Each lesson is a notebook for two sittings of 45 minutes. In each section you first **predict** what will come
out, then see the method and run it, then read what your own run shows. Nobody marks a prediction: a wrong one
teaches most.

## The lessons

| lesson | what it asks | minutes | your progress |
|---|---|---|---|
{rows}

Progress is what you have saved. A check that has passed was right when you ran it last.

## The data

What the lessons take, as far as the last start has seen:

{data}

## How to work

1. Open a lesson and run its cells from the top, one after the other, with **Shift + Enter**.
2. At *Your prediction*, press an answer before you go on. *What this run shows* comes back to it.
3. A cell with `YOUR CODE HERE` is an exercise. Write your code in the place of these lines, run the cell,
   then the check below it. *Your answer* is a question in words: click twice on that line and replace it.
4. A check fails as long as its exercise is not solved. All other cells run: *Run All Cells* goes on after it.
5. A folded cell (`…`) keeps the figures of the run. Run it like any other; you need not read it.

Change what you like: nothing here is overwritten. When a lesson has a newer edition, the next start brings
your copy up to date, and what you have written stays.

## Check, and hand in

1. *Kernel › Restart Kernel and Run All Cells*, and read the checks. Or press **Validate** above the notebook:
   it runs the notebook too, and lists the checks that fail. Both take as long as the whole lesson.
2. Save, and hand in the notebook under its own name, where your teacher says.

If your teacher gave you a notebook of your own, work in that one: it may have numbers that only you have.
{more}"""
_ROWS = re.compile(r"(?<=^\|---\|---\|---\|---\|\n).*?(?=\n\n)", re.S | re.M)
_MORE = """
## More

{links}
"""


def write_start_page(course: Sequence[Lesson], folder: Path) -> Path:
    """Write the start page into a student's folder, and what it leads to.

    Parameters
    ----------
    course : sequence of Lesson
        All lessons of the course.
    folder : pathlib.Path
        Where `mnistkit.course.student_edition.start` puts copies.

    Returns
    -------
    pathlib.Path
        The page. A file of its name that is somebody else's stays as it is.
    """
    page = folder / START_PAGE
    if page.exists() and _OURS not in page.read_text(encoding="utf-8", errors="replace"):
        return page
    more = ""
    if pages := _copy_pages(course[0].path.parent, folder):
        more = _MORE.format(links="\n".join(f"- [{COURSE_PAGES[name]}]({_DOCS}/{name})" for name in pages))
    text = _PAGE.format(ours=_OURS, rows=_rows(course, folder), data=_data(), more=more)
    write_atomically(page, text)
    if not (folder / CONFIG).exists():
        write_atomically(folder / CONFIG, STUDENTS_CONFIG)
    return page


def update_start_page(os_path: str, **_: object) -> None:
    """Bring the progress on the start page up to date, after JupyterLab has saved a notebook beside it.

    Nothing else of the page: whoever saves waits for this.

    Parameters
    ----------
    os_path : str
        The file that was saved. Jupyter calls this as its ``post_save_hook``, and gives more.
    """
    page = Path(os_path).with_name(START_PAGE)
    if Path(os_path).suffix != ".ipynb" or not page.exists():
        return
    try:
        text = page.read_text(encoding="utf-8", errors="replace")
        rows = _rows(find(find_folder()), page.parent)
        if _OURS in text and (newer := _ROWS.sub(lambda _: rows, text)) != text:
            write_atomically(page, newer)
    except (OSError, UserError) as error:  # what was saved is saved: no message may say otherwise
        _logger.warning(f"{START_PAGE} is not brought up to date: {error}")


def _rows(course: Sequence[Lesson], folder: Path) -> str:
    return "\n".join(_row(lesson, folder / lesson.path.name) for lesson in course)


def _row(lesson: Lesson, copy: Path) -> str:
    there = copy.exists()
    title = f"[{_plain(lesson.title)}]({copy.name})" if there else _plain(lesson.title)
    state = _state(copy) if there else f"`mnistkit start {lesson.name[:2]}` brings it"
    return f"| {title} | {_plain(lesson.question)} | {lesson.minutes or ''} | {state} |"


def _state(copy: Path) -> str:
    """Say how far a student has come."""
    try:
        progress = read_progress(copy)
    except UserError:
        return "can't be read"
    if progress is None or not progress.begun:
        return "not begun"
    parts = [(progress.ran, progress.cells, "cells run"), (progress.passed, progress.checks, "checks passed")]
    parts += [(progress.answered, progress.questions, "answers written")]
    return ", ".join(f"{done} of {count} {what}" for done, count, what in parts if count)


def _data() -> str:
    """Say for each data set that lessons need whether it is here, from the files' names alone."""
    lines = []
    needed = (n for n in registry.published_names() if registry.dataset_spec(n).published.standin)
    for row in survey(needed):
        first, *_, last = row.places
        found = f"`{first}`"
        if first.startswith("download"):
            standin = last.removeprefix("bundled: ")
            found = (
                f"not here ({first.split(' (')[0]}). Where there is no network, lessons take the {standin}"
            )
        lines.append(f"- **{row.name}** ({row.summary}): {found}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Give a text that is one cell of a table."""
    return text.replace("|", r"\|")


def find_page(notebooks: Path | None, name: str) -> Path | None:
    """Find a page about a course; a course of one's own may use the kit's.

    Parameters
    ----------
    notebooks : pathlib.Path or None
        The course's folder ``notebooks``; None: the kit's page.
    name : str
        One of `COURSE_PAGES`.

    Returns
    -------
    pathlib.Path or None
    """
    kit = Path(__file__).parents[2]
    homes = [kit] if notebooks is None else [notebooks.parent, kit]
    return next(filter(Path.is_file, (home / _DOCS / name for home in homes)), None)


def _copy_pages(notebooks: Path, folder: Path) -> list[str]:
    """Copy the pages about the course, as far as there are any."""
    copied = []
    for name in COURSE_PAGES:
        if source := find_page(notebooks, name):
            copy = folder / _DOCS / name
            if not (copy.exists() and copy.suffix == ".ipynb"):  # a notebook may have been changed
                with replacing(copy) as temporary:
                    shutil.copyfile(source, temporary)
            copied.append(name)
    return copied
