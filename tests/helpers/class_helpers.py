"""A small released assignment, and a class that hands it in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path

from assignment_helpers import mark, write_exercises
from nbformat.v4 import new_code_cell, new_markdown_cell
from sandbox_helpers import LIMITS

from mnistkit.course.commands import ExecutionOptions
from mnistkit.course.lessons import Lesson
from mnistkit.course.running.executors.local import LocalExecutor
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.autograde import command as grading
from mnistkit.grading.autograde.batch import Batch, students_of
from mnistkit.grading.autograde.batch import make_batch as batch_of
from mnistkit.grading.autograde.worker_pool import end_examiners
from mnistkit.grading.release.command import Assignment, release
from mnistkit.grading.roster import Student

NAME = "01_small"
ANSWERS = {
    "double": 'def double(x):\n    """Return twice x."""\n    ### BEGIN SOLUTION\n    return 2 * np.asarray(x)\n    ### END SOLUTION',
    "total": "def total(x):\n    ### BEGIN SOLUTION\n    return float(sum(x))\n    ### END SOLUTION",
    "mine": "def mine():\n    ### BEGIN SOLUTION\n    return int(numbers.argmax())\n    ### END SOLUTION",
}
CHECKS = {
    "double": (
        'assert np.allclose(double([1, 2]), [2, 4]), "twice 1 and 2"\n### BEGIN HIDDEN TESTS\n'
        'assert np.allclose(double(np.array([-4.5])), [-9]), "negative numbers too"\n### END HIDDEN TESTS'
    ),
    "total": (
        'assert total([1.0, 2.0]) == 3, "1 + 2 is 3"\n### BEGIN HIDDEN TESTS\n'
        'assert np.isclose(total([20, 1, 0.7]), 21.7), "fractions too"\n### END HIDDEN TESTS'
    ),
    "mine": (
        'found = mine()\nassert 0 <= found < len(numbers), "a position"\n### BEGIN HIDDEN TESTS\n'
        'assert numbers[found] == numbers.max(), "of the largest number"\n### END HIDDEN TESTS'
    ),
}
POINTS = {"double": 2, "total": 3, "mine": 1, "why": 4}
WHY = "<!-- BEGIN SOLUTION -->\nBecause addition is defined for numbers.\n<!-- END SOLUTION -->"
LESSON = "import numpy as np\n\nnumbers = np.random.default_rng(seed).normal(size=100_000)"


def small_lesson(folder: Path, name: str = NAME) -> Lesson:
    """Write the small lesson."""
    cells = [new_code_cell(LESSON, id="lesson")]
    for exercise, answer in ANSWERS.items():
        cells.append(new_markdown_cell(f"### Exercise · {exercise}", id=f"{exercise}-text"))
        cells.append(new_code_cell(answer, id=exercise, metadata=mark(exercise, solution=True)))
        check = mark(f"{exercise}-check", grade=True, points=POINTS[exercise])
        cells.append(new_code_cell(CHECKS[exercise], id=f"{exercise}-check", metadata=check))
    why = mark("why", grade=True, solution=True, points=POINTS["why"])
    cells.append(new_markdown_cell(WHY, id="why", metadata=why))
    return write_exercises(folder, name, cells)


def release_small(folder: Path, *students: str, lessons: Sequence[str] = (NAME,), name: str = NAME) -> Path:
    """Release the small lesson, with own numbers where students are named; give the course's folder."""
    course = folder / "course"
    courses.open_course(course)
    made = tuple(small_lesson(folder, lesson) for lesson in lessons)
    release(Assignment(name, made), course, [Student(student) for student in students])
    return course


def notebook(course: Path, answers: Mapping[str, str] = {}, *, lesson: str = NAME, name: str = NAME) -> dict:
    """Give the released notebook with answers in it; by default the instructor's."""
    made = json.loads((course / "release" / name / f"{lesson}.ipynb").read_text())
    answers = {**ANSWERS, "why": "Since *plus* is commutative.", **answers}
    for cell in made["cells"]:
        exercise = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if exercise in answers:
            cell["source"] = "\n".join(line for line in answers[exercise].splitlines() if "###" not in line)
    return made


def hand_in(
    course: Path, student: str, content: dict | str | bytes, *, lesson: str = NAME, name: str = NAME
) -> Path:
    """Put what a student hands in where `collect` puts it."""
    path = course / "submitted" / student / name / f"{lesson}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def make_batch(course: Path, *, name: str = NAME, **limits) -> Batch:
    """Make a batch with small limits."""
    batch = batch_of(course, name, ExecutionOptions(), unsandboxed=False)
    return replace(batch, limits=replace(LIMITS, **limits))


@cache
def here() -> LocalExecutor:
    """Give two grading processes that stay for the next test: to start one takes seconds."""
    return LocalExecutor(2)


def grade(batch: Batch, *, executor=None) -> dict:
    """Grade on this machine, two at a time, or on an executor of one's own, which is closed then."""
    if executor:
        executor.on_close(end_examiners)
    with courses.staging(batch.course) as stage, executor or nullcontext(here()) as there:
        return grading.grade(batch, students_of(batch), stage, there)


def scores(course: Path, *, name: str = NAME) -> dict[str, dict[str, tuple]]:
    """Read from the gradebook what each student has: automatic points, and whether a person is waited for."""
    with nbgrader_bridge.gradebook(course) as book:
        return {
            submission.student_id: {
                grade.cell.name.removesuffix("-check"): (grade.auto_score, bool(grade.needs_manual_grade))
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in book.find_assignment(name).submissions
        }
