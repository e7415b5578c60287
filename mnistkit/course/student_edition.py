"""Lessons as students get them: copies to work in, without solutions, which are never overwritten.

`without_solutions` takes out what nbgrader's release takes out, by the same marks. `start` puts copies into a
folder. Beside each lies the edition that the student was given, by which a newer one can be merged into the
copy later (`mnistkit.course.notebook_merge`), and by which `read_progress` sees how far the student has come.
"""

from __future__ import annotations

import copy
import itertools
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mnistkit.course.check_cells import CHECK_TAG, FOLDED, fold_check_cells
from mnistkit.course.lessons import Lesson, notebook_text
from mnistkit.course.markers import regions, replace_regions
from mnistkit.course.notebook_merge import Merged, NotebookCell, is_same_text, merge
from mnistkit.errors import UserError
from mnistkit.files import write_atomically

CODE_STUB = """\
# YOUR CODE HERE: replace these two lines, then run the check below.
raise NotImplementedError("this function is still to be written")"""
TEXT_STUB = "*Your answer: click twice on this line and replace it.*"
"""What stands in the place of a solution."""

STUDENT_EDITION = "mnistkit_student_edition"
"""In the metadata of a notebook whose solutions are out already: its stubs have no marks around them."""

CONFIG = "nbgrader_config.py"
STUDENTS_CONFIG = """\
# Read by "Validate" where JupyterLab is started in this folder.
c = get_config()
c.ExecutePreprocessor.timeout = 600  # seconds a cell may take; nbgrader's own 30 are too few for this course
"""
"""nbgrader's settings beside a student's notebooks."""

KERNEL_CELL: NotebookCell = {
    "cell_type": "code",
    "id": "kernel-of-mnistkit",
    "metadata": {"tags": [CHECK_TAG], **FOLDED},
    "execution_count": None,
    "outputs": [],
    "source": """\
try:
    import mnistkit
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This notebook runs in a Python that does not have mnistkit. Close it, and go to it from the page "
        "that 'mnistkit lab' opens. In VS Code or on a JupyterHub, choose the kernel that has mnistkit."
    ) from None""",
}
"""Says what is wrong where a notebook is run in another kernel; see `add_kernel_cell`."""

_GIVEN = ".given"
_PAGES = "](../docs/"  # how a lesson links to a page of the course, such as the glossary: `start` copies them
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NUMBERED = re.compile(r"^(-+>)?\s*\d+\s")  # how a traceback begins a line of the source
_GOES_ON = "raises-exception"  # Run All goes on after the check of an exercise that is not solved yet

_logger = logging.getLogger(__name__)


def add_kernel_cell(cells: list[NotebookCell]) -> None:
    """Put the cell about a wrong kernel before a notebook's first code: for each notebook that is handed out.

    Parameters
    ----------
    cells : list of dict
        The notebook's cells, which get one more.
    """
    first = next((number for number, cell in enumerate(cells) if cell["cell_type"] == "code"), 0)
    cells.insert(first, copy.deepcopy(KERNEL_CELL))


def without_solutions(notebook: dict[str, Any]) -> dict[str, Any]:
    """Take solutions, hidden checks and marking schemes out of a notebook, as nbgrader's release does.

    Parameters
    ----------
    notebook : dict
        A notebook of format 4 with nbgrader's marks.

    Returns
    -------
    dict
        A copy. Where a solution stood, students are told to write one; the cells of checks let Run All go on.
        The stubs of a `STUDENT_EDITION` stay as they are.
    """
    notebook = copy.deepcopy(notebook)
    is_edition = STUDENT_EDITION in notebook.get("metadata", {})
    for cell in notebook["cells"]:
        mark = _mark(cell)
        if mark.get("solution"):
            cell["source"] = _stub(cell, is_edition=is_edition)
        elif mark.get("task"):
            cell["source"] = replace_regions("".join(cell["source"]), "MARK SCHEME")
        elif mark.get("grade"):
            cell["source"] = replace_regions("".join(cell["source"]), "HIDDEN TESTS").rstrip("\n")
            tags = cell["metadata"].setdefault("tags", [])
            tags += [_GOES_ON] * (_GOES_ON not in tags)
    return notebook


def _stub(cell: NotebookCell, *, is_edition: bool) -> str:
    if cell["cell_type"] != "code":
        return TEXT_STUB
    source = "".join(cell["source"])
    if is_edition and all(line in source for line in CODE_STUB.split("\n")):
        return source
    return replace_regions(source, "SOLUTION", CODE_STUB) if regions(source, "SOLUTION") else CODE_STUB


class Secrets:
    """What `without_solutions` takes out of a notebook, to be taken out of what came of it too.

    The traceback of an error shows the lines around it: those of a solution, or of a hidden check.

    Parameters
    ----------
    notebook : dict
        The notebook with its solutions.

    Attributes
    ----------
    edition : dict
        The notebook without them.
    """

    def __init__(self, notebook: dict[str, Any]) -> None:
        self.edition = without_solutions(notebook)
        self._lines: set[str] = set()
        for cell, shown in zip(notebook["cells"], self.edition["cells"], strict=True):
            self._lines |= _lines(cell) - _lines(shown)

    def left_out(self, text: str) -> str:
        """Give a text, such as a traceback, without the lines that are secret.

        Parameters
        ----------
        text : str
            With terminal colours, marks and line numbers or not.

        Returns
        -------
        str
            The other lines, as they are.
        """
        lines = text.split("\n")
        return "\n".join(
            line for line in lines if _NUMBERED.sub("", _COLOUR.sub("", line)).strip() not in self._lines
        )


def _lines(cell: NotebookCell) -> set[str]:
    return {line.strip() for line in "".join(cell["source"]).split("\n")} - {""}


def start(lessons: Sequence[Lesson], folder: Path) -> list[Path]:
    """Put lessons into a folder for a student to work in.

    Parameters
    ----------
    lessons : sequence of Lesson
        Which.
    folder : pathlib.Path
        Where; it is made where it is missing.

    Returns
    -------
    list of pathlib.Path
        The student's notebooks. One that is there already stays; where the kit has a newer edition, that is
        merged into it, and what could not be done is said.

    Raises
    ------
    UserError
        If a notebook that is there can't be read, or is not one that this function has put there. It is left
        as it is.
    """
    return [_start(lesson, folder / lesson.path.name) for lesson in lessons]


class Progress(NamedTuple):
    """How far a student has come in a copy, by what was in it when it was saved last.

    Attributes
    ----------
    begun : bool
        Whether anything was written or run.
    ran, cells : int
        How many cells with code were run, of how many.
    passed, checks : int
        How many checks of exercises passed when they were run last, of how many.
    answered, questions : int
        How many questions in words have an answer, of how many.
    """

    begun: bool
    ran: int
    cells: int
    passed: int
    checks: int
    answered: int
    questions: int


def read_progress(path: Path) -> Progress | None:
    """See how far a student has come in a copy.

    Parameters
    ----------
    path : pathlib.Path
        A notebook that `start` has put there.

    Returns
    -------
    Progress or None
        None where the copy is not there, or is none of ours.

    Raises
    ------
    UserError
        If it can't be read any more.
    """
    if not (path.exists() and _given(path).exists()):
        return None
    given, own = _read(_given(path))["cells"], _read(path)["cells"]
    copies = {cell["id"]: cell for cell in reversed(own)}  # of two with the same id the first counts
    pairs = [(cell, copies.get(cell["id"], {})) for cell in given]
    code = [(cell, copy) for cell, copy in pairs if cell["cell_type"] == "code"]
    checks = [copy for cell, copy in code if _mark(cell).get("grade")]
    questions = [pair for pair in pairs if pair not in code and _mark(pair[0]).get("solution")]
    return Progress(
        begun=any(cell.get("outputs") or _has_run(cell) for cell in own) or not is_same_text(given, own),
        ran=sum(_has_run(copy) for _, copy in code),
        cells=len(code),
        passed=sum(_has_run(copy) and not _has_failed(copy) for copy in checks),
        checks=len(checks),
        answered=sum(bool(copy) and not is_same_text([cell], [copy]) for cell, copy in questions),
        questions=len(questions),
    )


def _has_run(cell: NotebookCell) -> bool:
    return cell.get("execution_count") is not None


def _has_failed(cell: NotebookCell) -> bool:
    return any(output.get("output_type") == "error" for output in cell.get("outputs", ()))


def _mark(cell: NotebookCell) -> dict[str, Any]:
    """Give what nbgrader knows of a cell; a report's notebook may be anybody's, and have anything there."""
    mark = cell.get("metadata", {}).get("nbgrader", {})
    return mark if isinstance(mark, dict) else {}


def work_folder(notebooks: Path) -> Path:
    """Say in which folder a student works who has named none.

    Parameters
    ----------
    notebooks : pathlib.Path
        The course's folder ``notebooks``.

    Returns
    -------
    pathlib.Path
        ``work`` beside the notebooks. Where these belong to the installed package, or nothing can be written
        beside them, as where an administrator has installed the kit for all, ``mnistkit-work`` in the home.
    """
    beside, package = notebooks.parent / "work", Path(__file__).resolve().parents[1]
    is_installed = package in notebooks.resolve().parents
    if is_installed or not os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return Path.home() / "mnistkit-work"
    return beside


def _given(path: Path) -> Path:
    return path.parent / _GIVEN / path.name


def _edition(lesson: Lesson) -> dict[str, Any]:
    """Make a student's copy of a lesson: check cells folded, links to pages as `start` copies these."""
    edition = _with_ids(without_solutions(lesson.content))
    add_kernel_cell(edition["cells"])
    fold_check_cells(edition["cells"])
    for cell in edition["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = "".join(cell["source"]).replace(_PAGES, "](docs/")
    return edition


def _start(lesson: Lesson, path: Path) -> Path:
    edition = _edition(lesson)
    given = _given(path)
    if not path.exists():
        _write(given, edition)  # first: without it, the copy could never be brought up to date
        _write(path, edition)
        return path
    if not given.exists():
        raise UserError(
            path,
            found="a notebook that mnistkit start has not put there",
            expected="no file of this name, or the copy that you have begun",
            todo="rename it, then give the command again",
        )
    before, own = _read(given), _read(path)
    if before["cells"] != edition["cells"]:
        merged = merge(before["cells"], edition["cells"], own["cells"])
        _write(path, {**own, "cells": merged.cells})
        _write(given, edition)
        _say_what_was_done(lesson, merged)
    return path


def _say_what_was_done(lesson: Lesson, merged: Merged) -> None:
    done = {"updated": merged.updated, "new": merged.added, "no longer in it": merged.removed}
    counts = [f"{len(names)} {word}" for word, names in done.items() if names]
    _logger.info(
        f"{lesson.name}: a newer edition is merged into your copy: {', '.join(counts) or 'no cells'}"
    )
    for name in merged.kept:
        _logger.info(f"  cell {name}: the kit has changed it, and so have you: yours stays")


def _read(path: Path) -> dict[str, Any]:
    lesson = Lesson(path)
    return _with_ids({**lesson.content, "cells": lesson.content["cells"] if lesson.cells else []})


def _with_ids(notebook: dict[str, Any]) -> dict[str, Any]:
    """Name cells that have no id, as before format 4.5, by their order: merging and progress go by ids."""
    if all("id" in cell for cell in notebook["cells"]):
        return notebook
    numbers = itertools.count()
    cells = [
        cell if "id" in cell else {**cell, "id": f"without-id-{next(numbers)}"} for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells, "nbformat_minor": 5}


def _write(path: Path, notebook: dict[str, Any]) -> None:
    write_atomically(path, notebook_text(notebook))
