"""Small lessons with exercises, made for the tests of assignments."""

from __future__ import annotations

import zipfile
from pathlib import Path

import nbformat
from course_helpers import KERNEL, PARAMETERS
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mnistkit.course.lessons import Lesson

TASK = "### Exercise 1 · Double it\n\nWrite `double(x)`."
SOLUTION = '''\
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    twofold = x + x
    return twofold
    ### END SOLUTION'''
CHECK = """\
assert double(1) == 2, "twice 1 is 2"
### BEGIN HIDDEN TESTS
assert double(-4) == -8, "negative numbers too"
### END HIDDEN TESTS"""
ANSWER = "<!-- BEGIN SOLUTION -->\nBecause addition is defined for numbers.\n<!-- END SOLUTION -->"


def mark(identity, *, grade=False, solution=False, points=None):
    """Give nbgrader's metadata of a cell."""
    known = {"grade": grade, "grade_id": identity, "locked": not solution, "schema_version": 3}
    return {
        "nbgrader": known | {"solution": solution, "task": False} | ({"points": points} if points else {})
    }


def exercise_cells(solution=SOLUTION, check=CHECK, answer=ANSWER):
    """Give the cells of a function to write and of a question to answer."""
    return [
        new_markdown_cell(TASK, id="double-text"),
        new_code_cell(solution, id="double", metadata=mark("double", solution=True)),
        new_code_cell(check, id="double-check", metadata=mark("double-check", grade=True, points=2)),
        new_markdown_cell("### Exercise 2 · Why?\n\nSay why.", id="why-text"),
        new_markdown_cell(answer, id="why", metadata=mark("why", grade=True, solution=True, points=3)),
        new_code_cell("after = seed + 1", id="after"),
    ]


def write_exercises(folder: Path, name: str = "01_double", cells=None) -> Lesson:
    """Write a lesson with exercises into the course's folder; give it."""
    notebook = new_notebook(metadata={"kernelspec": KERNEL})
    notebook.cells = [
        new_markdown_cell(f"# {name[:2]} · Doubling", id="title"),
        new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        *(exercise_cells() if cells is None else cells),
    ]
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return Lesson(path)


def unpacked(archive: Path) -> dict[str, str]:
    """Give the files of a zip by name."""
    with zipfile.ZipFile(archive) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}
