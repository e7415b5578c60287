"""The check of the notebooks with nbval, as `mnistkit test` calls it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from course_helpers import write_lesson

import mnistkit
from mnistkit.course.project_checks import nbval_step

pytestmark = pytest.mark.slow

HOME = Path(mnistkit.__file__).resolve().parents[1]


EXERCISE = """
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
"""


def write_exercise(folder, name, check):
    path = write_lesson(folder, name, EXERCISE, check)
    notebook = nbformat.read(path, as_version=4)
    for cell, kind in zip(notebook.cells[-2:], ("solution", "grade"), strict=True):
        cell.metadata["nbgrader"] = {kind: True, "grade_id": f"{name}-{kind}"}
    nbformat.write(notebook, path)


def run_nbval(folder):
    step = nbval_step(folder, HOME, at_a_time=1)
    environment = {**os.environ, **step.environment}
    command = [sys.executable, *step.arguments]
    return subprocess.run(command, cwd=HOME, env=environment, capture_output=True, text=True, timeout=110)


def test_a_kernel_that_dies_fails_its_notebook_at_once(tmp_path):
    """With nbval alone: after the 120 s of a cell."""
    write_lesson(tmp_path, "01_dies", "1", "import os\nos._exit(0)", "2", "3")
    write_lesson(tmp_path, "02_lives", "1 + 1")
    start = time.monotonic()
    done = run_nbval(tmp_path)
    assert time.monotonic() - start < 60
    assert done.returncode == 1
    assert done.stdout.count("the kernel died in this cell") >= 1
    assert "3 failed, 4 passed" in done.stdout


def test_untouched_exercises_must_fail_their_checks_and_nothing_else_may_fail_or_warn(tmp_path):
    write_exercise(tmp_path, "01_good", "assert double(2) == 4")
    write_exercise(tmp_path, "02_blind", "assert double")
    write_lesson(tmp_path, "03_warns", "import sys\nprint('careful', file=sys.stderr)", "1 / 0")
    done = run_nbval(tmp_path)
    failed = re.findall(r"^FAILED \S*/(\w+\.ipynb::\S+ \d+)", done.stdout, re.M)
    assert sorted(failed) == ["02_blind.ipynb::Cell 2", "03_warns.ipynb::Cell 1", "03_warns.ipynb::Cell 2"]
    assert "the check passes though nothing was done" in done.stdout
    assert "careful" in done.stdout


SAYS = """
from IPython.display import Markdown, display
display(Markdown("{}"))
"""


def test_a_lesson_on_another_data_set_speaks_of_that_one(tmp_path):
    own = {"parameters": 'dataset: str = "mnist"  # (a data set or a folder)'}
    write_lesson(tmp_path, "02_says", SAYS.format("Ankle boot"), SAYS.format("Which digit?"), **own)
    write_lesson(tmp_path, "03_hides", SAYS.format("T-shirt"), **own)
    write_lesson(tmp_path, "04_takes_none", SAYS.format("Which digit?"))
    done = run_nbval(tmp_path)
    failed = re.findall(r"^FAILED \S*/(\w+\.ipynb::\S+ \d+)", done.stdout, re.M)
    assert failed == ["02_says.ipynb::Cell 2", "03_hides.ipynb::Cell 1"]
    assert "2 failed, 5 passed" in done.stdout
