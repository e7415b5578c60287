"""What is graded: an assignment as it was released, who handed in, and what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mnistkit.course.commands import ExecutionOptions
from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import read_schema
from mnistkit.course.running.executors.installation import package_hash
from mnistkit.course.running.jobs import JobMaker, NotebookJob
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.autograde.restore_answers import Restored, restore
from mnistkit.grading.course_folder import TIMESTAMP, Released
from mnistkit.grading.exercises import Exercise, read_exercises
from mnistkit.grading.personalize import personal_parameters, read_secret
from mnistkit.grading.plain_text import plain
from mnistkit.grading.roster import id_problem, is_id
from mnistkit.grading.sandbox.bwrap import SandboxLimits
from mnistkit.grading.submission import (
    SubmittedNotebook,
    grade_id_of,
    joined,
    read_any_cells,
    read_notebook,
)


@dataclass(frozen=True)
class Submitted:
    """What a student handed in for one lesson, read and parsed once.

    Attributes
    ----------
    notebook : SubmittedNotebook
        As it was handed in.
    restored : Restored
        With answers that are not in their cells where they were found; without cells if it is no notebook.
    """

    notebook: SubmittedNotebook
    restored: Restored

    def written(self, exercise: Exercise) -> tuple[str, ...]:
        """Give the cells of an answer, as they were handed in."""
        texts = {grade_id_of(cell): joined(cell.get("source")) for cell in self.restored.cells}
        return tuple(texts.get(cell, "") for cell in exercise.work or (exercise.id,))

    @property
    def to_grade(self) -> SubmittedNotebook:
        """What is graded: the code and texts, with the answers in their cells where they were elsewhere."""
        cells = self.restored.cells if self.restored.notes else self.notebook.cells
        said = tuple({key: value for key, value in cell.items() if key != "outputs"} for cell in cells)
        return SubmittedNotebook(None, said, self.notebook.problem)


@dataclass(frozen=True)
class Batch:
    """An assignment with what is needed to grade it.

    Attributes
    ----------
    course : pathlib.Path
        The course's folder.
    released : Released
        What was handed out.
    plans : tuple of NotebookJob
        The instructor's notebooks with their parameters and data.
    limits : SandboxLimits
        What a student's code may take.
    unsandboxed : bool
        Whether it runs with nothing hidden.
    program : str
        Hash of this package.
    """

    course: Path
    released: Released
    plans: tuple[NotebookJob, ...]
    limits: SandboxLimits
    unsandboxed: bool
    program: str

    def parameters(self, plan: NotebookJob, student: str) -> dict[str, Any]:
        """Give all parameters of a notebook, a student's own numbers among them."""
        values = dict(plan.parameters)
        if self.released.personal:
            released = self.released
            own = personal_parameters(
                read_secret(self.course), student, released.name, released.personal_names
            )
            values |= {name: value for name, value in own.items() if name in values}
        return values

    def submission(self, student: str, lesson: str) -> Path:
        """Say where what a student handed in lies."""
        return courses.submitted_path(self.course, student, self.released.name, lesson)

    def key(self, plan: NotebookJob, student: str, sha256: str) -> str:
        """Hash all that the points of a notebook depend on; `sha256` is that of what was handed in."""
        parts = [
            self.program,
            asdict(self.limits),
            self.unsandboxed,
            plan.fingerprint,
            plan.lesson.text,
            self.parameters(plan, student),
            sha256,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def read(self, student: str, lesson: str) -> Submitted:
        """Read what a student handed in; `OSError` where something is there that can't be read."""
        return read_submitted(self.course, self.released.name, student, lesson)


def read_submitted(course: Path, assignment: str, student: str, lesson: str) -> Submitted:
    """Read what a student handed in, with answers in their cells.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment, student, lesson : str
        What, and by whom.

    Returns
    -------
    Submitted
        Whatever lies there.

    Raises
    ------
    OSError
        If something is there that can't be read.
    """
    notebook = read_notebook(courses.submitted_path(course, student, assignment, lesson))
    return with_answers_restored(notebook, course / "release" / assignment / f"{lesson}.ipynb")


def with_answers_restored(notebook: SubmittedNotebook, released: Path) -> Submitted:
    """Find answers that are not in their cells.

    Parameters
    ----------
    notebook : SubmittedNotebook
        As it was handed in.
    released : pathlib.Path
        The notebook that was handed out.

    Returns
    -------
    Submitted
        Whatever it is.
    """
    if notebook.problem:
        return Submitted(notebook, Restored([]))
    return Submitted(notebook, restore(read_any_cells(released), notebook.cells))


def make_batch(course: Path, name: str, execution: ExecutionOptions, unsandboxed: bool) -> Batch:
    """Read what was released, and check that it is still what is in the gradebook.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        The assignment.
    execution : ExecutionOptions
        Its limits are those of one submission.
    unsandboxed : bool
        See `Batch`.

    Returns
    -------
    Batch
        With the data loaded once.

    Raises
    ------
    UserError
        If it was not released, or the instructor's notebooks have other exercises or points by now.
    """
    batch = read_batch(course, name, execution, unsandboxed)
    _check_points(course, name, [plan.lesson for plan in batch.plans])
    return batch


def read_batch(course: Path, name: str, execution: ExecutionOptions, unsandboxed: bool) -> Batch:
    """Read what was released, without the gradebook; see `make_batch`, which also compares the two."""
    released = courses.read_released(course, name)
    lessons = courses.source_lessons(course, released)
    values = {
        lesson.name: {parameter.name: parameter.default for parameter in read_schema(lesson).values()}
        for lesson in lessons
    }
    limits = SandboxLimits()
    if execution.max_seconds is not None:
        limits = replace(limits, seconds=execution.max_seconds)
    if execution.max_memory_bytes is not None:
        limits = replace(limits, memory_bytes=execution.max_memory_bytes)
    plans = tuple(JobMaker().make(lessons, values))
    return Batch(course, released, plans, limits, unsandboxed, package_hash())


def _check_points(course: Path, name: str, lessons: Sequence[Lesson]) -> None:
    """Check that the gradebook has the exercises that the instructor's notebooks have."""
    from nbgrader.api import MissingEntry

    wanted = {(lesson.name, e.id): e.points for lesson in lessons for e in read_exercises(lesson)}
    try:
        with nbgrader_bridge.gradebook(course) as book:
            notebooks = book.find_assignment(name).notebooks
            known = {(n.name, cell.name): cell.max_score for n in notebooks for cell in n.grade_cells}
    except MissingEntry:
        known = {}
    if wanted != known:
        other = sorted(f"{lesson}: {cell}" for lesson, cell in dict([*(wanted.items() ^ known.items())]))
        raise UserError(
            course / "source" / name,
            found=f"exercises or points that the gradebook does not have: {', '.join(other[:3])}",
            expected="those that were released; the text of a check may change",
            todo="undo the change",
        )


def students_of(batch: Batch) -> list[str]:
    """List who has handed in.

    Parameters
    ----------
    batch : Batch
        The assignment.

    Returns
    -------
    list of str
        Their ids.

    Raises
    ------
    UserError
        If nobody has, or the time of a submission can't be read.
    """
    name = batch.released.name
    students = [student for student in _folders(batch) if is_id(student)]
    if not students:
        raise UserError(
            batch.course / "submitted",
            found=f"nothing of {name!r}",
            expected=f"submitted/STUDENT/{name}/NOTEBOOK.ipynb",
            todo=f"mnistkit assignment collect {name} FOLDER_OR_ZIP",
        )
    for student in students:
        _check_time(batch.submission(student, "").with_name(TIMESTAMP))
    return students


def left_out(batch: Batch) -> dict[str, list[str]]:
    """Say whose work can't be graded as it lies in a folder whose name is no id.

    Parameters
    ----------
    batch : Batch
        The assignment.

    Returns
    -------
    dict of str to list of str
        By the name of the folder, the reason.
    """
    return {name: [f"not graded: {id_problem(name)}"] for name in _folders(batch) if not is_id(name)}


def _folders(batch: Batch) -> list[str]:
    found = batch.course.glob(f"submitted/*/{batch.released.name}")
    return sorted(
        path.parent.name for path in found if path.is_dir() and not path.parent.name.startswith(".")
    )


def _check_time(path: Path) -> None:
    """Check that a time of handing in is one: nbgrader would end the whole batch over it."""
    from nbgrader.utils import parse_utc

    try:
        text = path.read_text(encoding="utf-8").strip()
        if text:
            parse_utc(text)
    except FileNotFoundError:
        return
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(
            path,
            found=plain(str(error)),
            expected="when it was handed in, such as 2026-11-20 18:00:00 UTC",
            todo="correct the file",
        ) from error
