"""A sandbox for the tests where the machine has one, and a small lesson with exercises."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import pytest

from mnistkit.grading.sandbox.bwrap import Sandbox, SandboxError, SandboxLimits
from mnistkit.grading.submission import SubmittedNotebook, read_notebook

LIMITS = SandboxLimits(
    seconds=60,
    call_seconds=2,
    cell_seconds=10,
    memory_bytes=400 << 20,
    file_bytes=8 << 20,
    processes=40,
    output_bytes=1_000_000,
    answer_bytes=1_000_000,
)


def make_sandbox(**options):
    """Give a sandbox with small limits; skip the test where the machine can't make one."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt-get install bubblewrap)")
    if problem := _problem():
        pytest.skip(f"bubblewrap is installed but can't be used here: {problem}")
    return Sandbox(**{"limits": LIMITS, **options})


@cache
def _problem() -> str:
    """Say why this machine can't make one; asked once, as each process costs time."""
    try:
        Sandbox(LIMITS).start().close()
    except SandboxError as error:
        return str(error)
    return ""


PARAMETERS = "n: int = 9  # how many"
LESSON = [
    "import numpy as np\nimport pandas as pd",
    "numbers = np.arange(n)\nnumbers[0] = 5",
    "raise RuntimeError('nothing needs this cell')",
    "scale = 2\ntable = pd.DataFrame({'k': [2, 3], 'name': ['a', 'b']})",
]
SOLVED = {
    "double": "def double(x):\n    ### BEGIN SOLUTION\n    return scale * np.asarray(x)\n    ### END SOLUTION",
    "total": "def total(x):\n    ### BEGIN SOLUTION\n    return float(sum(x))\n    ### END SOLUTION",
    "answer": "### BEGIN SOLUTION\nanswer = 3\n### END SOLUTION",
}
CHECKS = {
    "double": (
        'doubled = double([1, 2])\nassert np.allclose(doubled, [2, 4]), "twice 1 and 2"\n### BEGIN HIDDEN TESTS\n'
        "assert np.allclose(double(numbers), 2 * numbers), 'other numbers'\nassert len(numbers) == n\n"
        "kept = numbers.copy()\ndouble(numbers)\nassert (kept == numbers).all(), 'in place'\n### END HIDDEN TESTS"
    ),
    "total": (
        'assert total([1.0, 2.0]) == 3, "1 + 2 is 3"\n### BEGIN HIDDEN TESTS\n'
        "SECRET = [20, 1, 0.7]\nassert np.isclose(total(SECRET), 21.7), 'a longer list'\n"
        "assert isinstance(total(x=[1, 2]), float), 'the type'\n### END HIDDEN TESTS"
    ),
    "answer": "assert answer == table['k'].max()",
}
POINTS = {"double": 2, "total": 3, "answer": 1}


def cell(source, name="", *, grade=False, points=None, tags=()):
    """Make a code cell of a notebook; with a name, one of nbgrader's."""
    metadata = {"tags": list(tags)} if tags else {}
    if name:
        metadata["nbgrader"] = {"grade_id": name, "grade": grade, "solution": not grade, "locked": grade}
    if points is not None:
        metadata["nbgrader"]["points"] = points
    return {
        "cell_type": "code",
        "source": source,
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
    }


def instructor_cells():
    """Give the cells of the small lesson, with solutions and hidden tests."""
    cells = [cell(PARAMETERS, tags=["parameters"]), *map(cell, LESSON)]
    for name in SOLVED:
        cells.append(cell(SOLVED[name], name))
        cells.append(cell(CHECKS[name], f"{name}-check", grade=True, points=POINTS[name]))
    return cells


def student_cells(**answers):
    """Give the cells that a student hands in: solved, but for the answers given here."""
    cells = [cell(PARAMETERS, tags=["parameters"]), *map(cell, LESSON)]
    for name in SOLVED:
        source = answers.get(name, SOLVED[name])
        visible = CHECKS[name].split("### BEGIN HIDDEN TESTS")[0]
        cells.append(cell(source, name))
        cells.append(cell(visible, f"{name}-check", grade=True, points=POINTS[name]))
    return cells


def notebook(cells):
    """Give the text of a notebook file."""
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def hand_in(folder: Path, cells) -> SubmittedNotebook:
    """Write a notebook that a student hands in, and read it."""
    path = folder / "handed_in.ipynb"
    path.write_text(cells if isinstance(cells, str) else notebook(cells))
    return read_notebook(path)
