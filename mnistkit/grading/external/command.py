"""`mnistkit assignment grade-file`: one submission, in a platform's container, without a gradebook.

It is the grading of `mnistkit.grading.autograde`: the same sandbox, limits, checks and reasons. What could
not be graded gets no result here either: the command fails, and the platform says so.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnistkit.course.commands import ExecutionOptions
from mnistkit.course.running.jobs import NotebookJob
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading import course_folder as courses
from mnistkit.grading.autograde.batch import Batch, read_batch, with_answers_restored
from mnistkit.grading.autograde.command import (
    NOTHING_HANDED_IN,
    after_checks,
    check_out_of_reach,
    job_of,
    no_points,
)
from mnistkit.grading.autograde.worker_pool import end_examiners, examine, sandbox_problem
from mnistkit.grading.collect.archive import Refused, entries_of
from mnistkit.grading.collect.match_notebook import Found, choose, identify, read_lessons
from mnistkit.grading.exercises import Exercise, read_exercises
from mnistkit.grading.external.result_formats import (
    RESULT_FORMATS,
    ExerciseResult,
    SubmissionResult,
    without_commands,
)
from mnistkit.grading.ledger import Mark, Result, told
from mnistkit.grading.plain_text import plain
from mnistkit.grading.sandbox.bwrap import check_system
from mnistkit.grading.submission import read_notebook

_logger = logging.getLogger(__name__)

_ATTEMPTS = 2


@dataclass(frozen=True)
class ResultTarget:
    """Where a result goes.

    Attributes
    ----------
    platform : str
        One of `RESULT_FORMATS`.
    path : pathlib.Path
        The file.
    """

    platform: str
    path: Path


def grade_file_command(
    name: str,
    source: Path,
    course: Path,
    target: ResultTarget,
    execution: ExecutionOptions,
    unsandboxed: bool,
) -> bool:
    """Carry out ``mnistkit assignment grade-file``.

    Parameters
    ----------
    name : str
        The assignment.
    source : pathlib.Path
        What one student handed in: a notebook, or a folder or zip with it.
    course : pathlib.Path
        The course's folder, or that of `write_autograder`.
    target : ResultTarget
        What to write.
    execution : ExecutionOptions
        Its limits are those of a submission.
    unsandboxed : bool
        Run the student's code as an ordinary process.

    Returns
    -------
    bool
        Whether the checks gave all points.

    Raises
    ------
    UserError
        If the assignment can't be graded like this, there is no sandbox, or it could not be graded: there
        is no file then. Always on Windows.
    """
    check_system()
    target.path.unlink(missing_ok=True)  # or it would look like the result of this submission
    name = courses.released_name(course, name)
    if not unsandboxed:
        check_out_of_reach(course)
        if problem := sandbox_problem():
            raise UserError(problem)
    batch = read_batch(course, name, execution, unsandboxed)
    check_gradable_alone(batch)
    try:
        result = grade_source(batch, source)
    finally:
        end_examiners()
    content = json.dumps(RESULT_FORMATS[target.platform](result), indent=1, ensure_ascii=False) + "\n"
    target.path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target.path, content)
    for exercise in result.exercises:
        points = "-" if exercise.points is None else f"{exercise.points:g}"
        _logger.info(f"{points:>5} of {exercise.most:<5g} {exercise.title}")
    _logger.info(f"{result.points:>5g} of {result.most:<5g} by checks: {target.path}")
    return result.passed


def check_gradable_alone(batch: Batch) -> None:
    """Check that an assignment can be graded without its course.

    Parameters
    ----------
    batch : Batch
        The assignment.

    Raises
    ------
    UserError
        If students have own numbers, or nothing is graded by checks.
    """
    if batch.released.personal:
        raise UserError(
            batch.released.name,
            found="own numbers for each student (--personal)",
            expected="the same numbers for all: the key of the others must not leave the course",
            todo="release it without --personal, under another --name; or collect and grade it here",
        )
    if not any(exercise.automatic for plan in batch.plans for exercise in read_exercises(plan.lesson)):
        raise UserError(
            batch.released.name, found="no check", expected="an exercise that is graded by checks"
        )


def grade_source(batch: Batch, source: Path) -> SubmissionResult:
    """Grade what one student handed in.

    Parameters
    ----------
    batch : Batch
        The assignment.
    source : pathlib.Path
        A notebook, or a folder or zip with it.

    Returns
    -------
    SubmissionResult
        Of all its notebooks together.

    Raises
    ------
    UserError
        If the source can't be read, or something could not be graded.
    """
    exercises, notes, seconds, readable = list[ExerciseResult](), list[str](), 0.0, False
    with tempfile.TemporaryDirectory(prefix="mnistkit-") as stage:
        found, odd = _notebooks(batch, source, Path(stage))
        notes += odd
        for plan in batch.plans:
            result = _graded(batch, plan, found.get(plan.name))
            seconds += result.seconds
            readable |= plan.name in found and not found[plan.name].fault
            notes += [] if plan.name in found else [f"{plan.name}: {NOTHING_HANDED_IN}"]
            exercises += _exercise_results(plan, result)
    return SubmissionResult(tuple(exercises), seconds, tuple(plain(note) for note in notes), readable)


def _notebooks(batch: Batch, source: Path, stage: Path) -> tuple[Mapping[str, Found], list[str]]:
    """Find the assignment's notebooks among the files, as collecting does; say what is odd."""
    lessons = read_lessons(batch.course, batch.released)
    files, notes = dict[str, list[Found]](), list[str]()
    with entries_of(source, batch.course) as entries:
        for number, entry in enumerate(entries):
            if not entry.is_notebook:
                continue
            try:
                one = identify(entry, entry.path[-1], None, lessons, stage / f"{number}.ipynb", own_name=True)
            except Refused as error:
                notes.append(f"'{entry.shown}': {error}")
                continue
            notes += one.notes
            if one.lesson:
                files.setdefault(one.lesson, []).append(one)
    chosen = {}
    for lesson, several in files.items():
        chosen[lesson], said = choose(several)
        notes += said
    return chosen, notes


def _graded(batch: Batch, plan: NotebookJob, found: Found | None) -> Result:
    if found is None:
        return Result(no_points(plan, NOTHING_HANDED_IN))
    submitted = with_answers_restored(
        read_notebook(found.staged), batch.course / "release" / batch.released.name / f"{plan.name}.ipynb"
    )
    for _ in range(_ATTEMPTS):
        result = examine(job_of(batch, plan, "", submitted.to_grade))
        if result.completed:
            result = after_checks(batch, plan, "", submitted, result)
            for warning in result.warnings:
                _logger.info(f"  {plan.name}: {without_commands(plain(warning))}")
            return result
    raise UserError(
        f"{plan.name}: it could not be graded",
        found=without_commands(plain(result.why)),
        expected="a grading process that ends",
        todo="grade it again; has the container enough memory and time?",
    )


def _exercise_results(plan: NotebookJob, result: Result) -> Iterator[ExerciseResult]:
    marks = {mark.grade_id: mark for mark in result.marks}
    for exercise in read_exercises(plan.lesson):
        yield _exercise_result(exercise, marks.get(exercise.id))


def _exercise_result(exercise: Exercise, mark: Mark | None) -> ExerciseResult:
    if mark is None or mark.by_hand:
        says = f"Your teacher looks at this; it gives up to {exercise.points:g} points."
        return ExerciseResult(exercise.title, exercise.points, None, says, exercise.automatic)
    return ExerciseResult(exercise.title, exercise.points, mark.points, told(mark), automatic=True)
