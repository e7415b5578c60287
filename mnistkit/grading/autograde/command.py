"""`mnistkit assignment grade`: points for everybody who handed in, into nbgrader's gradebook.

Each submission is graded by `mnistkit.grading.autograde.worker_pool`; what it got is entered at once, so a
batch that was interrupted goes on where it was. A result is kept as long as nothing changes that it depends
on: the file, the instructor's notebook, the parameters, the data, the limits, this program.

A result that is not ``completed`` is the grader's failure and not the student's. It is tried once more in a
fresh process; then it is named, has no points anywhere, is not kept, and the next run tries again. Nothing
earlier is shown in its place: that was another notebook, or other checks.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from mnistkit.course.commands import ExecutionOptions, jobs_and_scheduler, say_data
from mnistkit.course.running.executors import Executor
from mnistkit.course.running.executors.local import LocalExecutor, default_jobs
from mnistkit.course.running.jobs import NotebookJob
from mnistkit.data.cache import cache_root
from mnistkit.data.loader import search_folders
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.autograde.batch import Batch, Submitted, left_out, make_batch, students_of
from mnistkit.grading.autograde.gradebook_writer import GradebookWriter
from mnistkit.grading.autograde.worker_pool import (
    InstructorHangs,
    Job,
    end_examiners,
    examine,
    sandbox_problem,
)
from mnistkit.grading.collect.command import read_collected
from mnistkit.grading.dates.gradebook_dates import enter_dates
from mnistkit.grading.exercises import read_exercises
from mnistkit.grading.feedback.gradebook_scores import assignment_exercises, read_class_scores
from mnistkit.grading.feedback.instructor_page import write_overview
from mnistkit.grading.feedback.similarity import WrittenAnswers
from mnistkit.grading.ledger import Graded, Mark, Result
from mnistkit.grading.personalize import personal_parameters, read_secret, whose_numbers
from mnistkit.grading.plain_text import plain
from mnistkit.grading.sandbox.bwrap import check_system
from mnistkit.grading.submission import SubmittedNotebook, submission_sha256

_logger = logging.getLogger(__name__)

NOT_FOUND = "your answer is not in its cell, and several others may be it; your teacher looks at it"
NOTHING_HANDED_IN = "nothing was handed in for this notebook"


HANGS = 2
"""After so many students for whom the instructor's personal notebook never ended, no other one is tried."""


def grade_command(name: str, course: Path, execution: ExecutionOptions, unsandboxed: bool) -> None:
    """Carry out ``mnistkit assignment grade``.

    Parameters
    ----------
    name : str
        The assignment.
    course : pathlib.Path
        The course's folder.
    execution : ExecutionOptions
        With what: its limits are those of one submission.
    unsandboxed : bool
        Run students' code as ordinary processes.

    Raises
    ------
    UserError
        If it was not released, nobody handed in, there is no sandbox, or the instructor's notebook fails;
        also if anything could not be graded, after the rest was. Always on Windows.
    """
    check_system()
    nbgrader_bridge.require_nbgrader()
    name = courses.released_name(course, name)
    if not unsandboxed:
        check_out_of_reach(course)
    batch = make_batch(course, name, execution, unsandboxed)
    students = students_of(batch)
    for folder, reasons in left_out(batch).items():
        _logger.info(f"  submitted/{plain(folder)}: {plain(reasons[0])}")
    say_data(batch.plans)
    if not unsandboxed and execution.scheduler is None and (problem := sandbox_problem()):
        raise UserError(problem)
    if unsandboxed:
        _logger.info("WARNING: without a sandbox. Students' code can read and change all that you can.")
    with courses.staging(course) as stage, _executor(batch, execution, len(students)) as executor:
        executor.on_close(end_examiners)
        answers = WrittenAnswers(course, assignment_exercises(name, [plan.lesson for plan in batch.plans]))
        try:
            done = grade(batch, students, stage, executor, answers)
        except KeyboardInterrupt:
            _logger.warning(f"what was graded is kept; mnistkit assignment grade {name} goes on")
            raise
        enter_dates(course, name)
    _say_what_is_next(batch, done, answers)


def check_out_of_reach(course: Path) -> None:
    """Check that the course is in none of the folders that students' code can read."""
    for folder in (*search_folders(), cache_root()):
        if course.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                course,
                found=f"it is in {folder}, which students' code can read",
                expected="a course outside of the data (MNISTKIT_DATA, data) and the cache",
                todo="move one of them",
            )


def _say_what_is_next(batch: Batch, done: Mapping[str, Graded], answers: WrittenAnswers) -> None:
    """Write the teacher's page and say where it is, and what is left to do."""
    name, missing = batch.released.name, not_graded(done) | left_out(batch)
    standings = read_class_scores(batch.course, name)
    page = write_overview(batch.course, standings, read_collected(batch.course, name), answers, missing)
    waiting = sum(standing.waiting > 0 for standing in standings.students)
    if again := sum(bool(score.again) for standing in standings.students for score in standing.scores):
        _logger.info(f"{again} points by hand are to be looked at again: mnistkit assignment confirm {name}")
    if waiting:
        _logger.info(
            f"{waiting} of {len(done)} have answers for you to read: mnistkit assignment mark {name}"
        )
    _logger.info(f"your page: {page}")
    if missing:
        names = ", ".join(map(plain, list(missing)[:5])) + ", …" * (len(missing) > 5)
        raise UserError(
            f"{len(missing)} of {len({*done, *missing})} could not be graded: {names}",
            found="what is said above; it is no fault of theirs, and they have no points yet, not 0",
            todo=f"mnistkit assignment grade {name}, which tries only what is missing",
        )
    _logger.info(f"when all is graded: mnistkit assignment feedback {name}")


def not_graded(done: Mapping[str, Graded]) -> dict[str, list[str]]:
    """Say what could not be graded, and why.

    Parameters
    ----------
    done : mapping of str to Graded
        By student, with results that are not completed.

    Returns
    -------
    dict of str to list of str
        By student, a sentence for each notebook.
    """
    found: dict[str, list[str]] = {}
    for student, graded in done.items():
        for lesson, result in graded.results.items():
            if not result.completed:
                place = f"{lesson}: " if len(graded.results) > 1 else ""
                found.setdefault(student, []).append(f"{place}not graded: {plain(result.why)}")
    return found


@contextmanager
def _executor(batch: Batch, execution: ExecutionOptions, n_students: int) -> Iterator[Executor]:
    if execution.scheduler is None:
        with LocalExecutor(execution.jobs or default_jobs(n_students)) as local:
            yield local
        return
    if execution.jobs is not None:
        raise jobs_and_scheduler()
    from mnistkit.course.running.executors.dask import DaskExecutor

    data = [asked for plan in batch.plans for asked in plan.needs]
    with DaskExecutor(execution.scheduler) as cluster:
        cluster.check(data, None if batch.unsandboxed else sandbox_problem)
        yield cluster


def grade(
    batch: Batch,
    students: Sequence[str],
    stage: Path,
    executor: Executor,
    answers: WrittenAnswers | None = None,
) -> dict[str, Graded]:
    """Grade students' submissions, and enter each as soon as it is done.

    Parameters
    ----------
    batch : Batch
        The assignment.
    students : sequence of str
        Whose.
    stage : pathlib.Path
        What `courses.staging` gave.
    executor : Executor
        Where; each call at work has a grading process of its own.
    answers : WrittenAnswers, optional
        Takes note of what is read.

    Returns
    -------
    dict of str to Graded
        By student, all that were asked for.

    Raises
    ------
    UserError
        If the instructor's notebook fails; what was graded before is kept.
    """
    ledger = GradebookWriter(batch, students, stage)
    n_kept = len(ledger.done)
    # Closed at once where something goes wrong: what is at work then ends.
    with closing(_graded(batch, ledger.missing(), executor)) as found:
        for student, plan, result, submitted in found:
            ledger.take(student, plan, result, submitted)
            if answers and submitted:
                answers.note(student, plan.name, submitted.notebook.of_kinds("code", "markdown"))
            for line in (*result.warnings, *(() if result.completed else (f"not graded: {result.why}",))):
                where = student if len(batch.plans) == 1 else f"{student}: {plan.name}"
                _logger.info(f"  {where}: {plain(line)}")
    n_missing = len(not_graded(ledger.done))
    kept = f", {n_kept} kept: nothing has changed" if n_kept else ""
    missing = f", {n_missing} could not be graded" if n_missing else ""
    _logger.info(f"{len(ledger.done) - n_kept - n_missing} graded{kept}{missing}")
    return ledger.done


_Done = tuple[str, NotebookJob, Result, Submitted | None]


def _graded(
    batch: Batch, waiting: Sequence[tuple[str, NotebookJob]], executor: Executor
) -> Generator[_Done, None, None]:
    """Grade notebooks, and show how many are done; only as many are read at a time as are at work or next."""
    from tqdm import tqdm

    queue, again = deque(waiting), set[tuple[str, str]]()
    futures: dict[Future[Result], tuple[str, NotebookJob, Submitted]] = {}
    hanging: dict[str, list[InstructorHangs]] = {}
    try:
        with tqdm(total=len(queue), unit="notebook", desc="  grading", disable=None, leave=False) as bar:
            while queue or futures:
                while queue and len(futures) < 2 * executor.slots:
                    student, plan = queue.popleft()
                    submitted, result = _handed_in(batch, plan, student, hanging.get(plan.name, []))
                    if submitted and not result:
                        job = job_of(batch, plan, student, submitted.to_grade)
                        future = executor.submit(examine, job)
                        futures[future] = (student, plan, submitted)
                    elif result:
                        bar.update()
                        yield student, plan, _about(batch, plan, student, result, submitted), submitted
                done = wait(futures, return_when=FIRST_COMPLETED).done
                # In their order: what was graded before one that ends the batch is kept.
                for future in [future for future in futures if future in done]:
                    student, plan, submitted = futures.pop(future)
                    result = _result(batch, plan, student, submitted, future, hanging)
                    if (
                        result.status == "failed"
                        and (student, plan.name) not in again
                        and plan.name not in hanging
                    ):
                        again.add((student, plan.name))
                        queue.append((student, plan))
                    else:
                        bar.update()
                        yield student, plan, _about(batch, plan, student, result, submitted), submitted
    finally:
        executor.cancel([future for future in futures if not future.done()])


def _about(
    batch: Batch, plan: NotebookJob, student: str, result: Result, submitted: Submitted | None
) -> Result:
    """Write down what a result depends on, where it is one."""
    if not result.completed or submitted is None:
        return result
    sha256 = submission_sha256(submitted.notebook.content)
    return replace(result, key=batch.key(plan, student, sha256), content=sha256)


def _handed_in(
    batch: Batch, plan: NotebookJob, student: str, hanging: Sequence[InstructorHangs]
) -> tuple[Submitted | None, Result | None]:
    """Read what was handed in, and give the result of what needs no grading or can't be graded."""
    submitted, result = None, None
    try:
        submitted = batch.read(student, plan.name)
        if submitted.notebook.content is None:
            result = Result(no_points(plan, NOTHING_HANDED_IN), (NOTHING_HANDED_IN,))
    except OSError as error:
        why = f"what was handed in can't be read ({error.strerror or error})"
        result = Result((), status="failed", why=why)
    if len(hanging) >= HANGS:
        result = Result((), status="not_done", why=f"not tried: {hanging[0]}")
    return submitted, result


def job_of(batch: Batch, plan: NotebookJob, student: str, notebook: SubmittedNotebook) -> Job:
    """Make of a submission what a grading process is asked."""
    parameters = batch.parameters(plan, student)
    return Job(student, plan.name, plan.lesson.text, parameters, notebook, batch.limits, batch.unsandboxed)


def no_points(plan: NotebookJob, reason: str) -> tuple[Mark, ...]:
    """Give no points to each exercise with checks, all for the same reason."""
    exercises = [exercise for exercise in read_exercises(plan.lesson) if exercise.automatic]
    return tuple(Mark(exercise.id, 0.0, exercise.points, reason) for exercise in exercises)


def _result(
    batch: Batch,
    plan: NotebookJob,
    student: str,
    submitted: Submitted,
    future: Future[Result],
    hanging: dict[str, list[InstructorHangs]],
) -> Result:
    """Take the result of a submission."""
    try:
        result = future.result()
    except UserError as error:
        # With own numbers, the instructor's notebook is another one for each student.
        if not batch.released.personal:
            raise
        if isinstance(error, InstructorHangs):
            hanging.setdefault(plan.name, []).append(error)
        return Result((), status="failed", why=str(error))
    except Exception as error:  # of a worker that was lost
        return Result((), status="failed", why=f"{type(error).__name__}: {error}")
    return after_checks(batch, plan, student, submitted, result)


def after_checks(
    batch: Batch, plan: NotebookJob, student: str, submitted: Submitted, result: Result
) -> Result:
    """Add to what the checks said what is known of the file: whose numbers it has, where its answers were.

    Parameters
    ----------
    batch : Batch
        The assignment.
    plan : NotebookJob
        The instructor's notebook.
    student : str
        Whose it is; matters for own numbers only.
    submitted : Submitted
        What was handed in.
    result : Result
        Of `examine`.

    Returns
    -------
    Result
        With warnings, and with exercises left to a person whose answer could be one of several.
    """
    if not result.completed:
        return result
    found = submitted.restored
    numbers = _foreign_numbers(batch, plan, student, submitted)
    warnings = dict.fromkeys((*filter(None, (numbers,)), *found.notes, *result.warnings))
    return replace(
        result, warnings=tuple(warnings), marks=_left_to_a_person(plan, result.marks, found.unclear)
    )


def _left_to_a_person(plan: NotebookJob, marks: Sequence[Mark], unclear: Collection[str]) -> tuple[Mark, ...]:
    """Leave exercises to a person whose answer could be one of several, where points are missing."""
    open_ = {exercise.id for exercise in read_exercises(plan.lesson) if set(exercise.work) & set(unclear)}
    return tuple(
        replace(mark, by_hand=True, reason=NOT_FOUND)
        if mark.grade_id in open_ and mark.points < mark.most
        else mark
        for mark in marks
    )


def _foreign_numbers(batch: Batch, plan: NotebookJob, student: str, submitted: Submitted) -> str:
    """Say whose numbers a personal notebook has, where they are not the student's own."""
    if not batch.released.personal or submitted.notebook.problem:
        return ""
    source = "\n".join(cell.source for cell in submitted.notebook.of_kinds("code") if cell.parameters)
    secret, released = read_secret(batch.course), batch.released
    numbers = personal_parameters(secret, student, released.name, released.personal_names)
    own = {name: value for name, value in numbers.items() if name in plan.parameters}
    return whose_numbers(secret, released.students, released.name, released.personal_names, source, own)
