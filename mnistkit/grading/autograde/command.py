"""`mnistkit assignment grade`: points for everybody who handed in, into nbgrader's gradebook.

Each submission is graded by `mnistkit.grading.autograde.worker_pool`; what it got is entered at once, so a
batch that was interrupted goes on where it was. A result is kept as long as nothing changes that it depends
on: the file, the instructor's notebook, the parameters, the data, the limits, this program.

A result that is not ``completed`` is the grader's failure and not the student's. It is tried once more in a
fresh process; then it is named, has no points anywhere, is not kept, and the next run tries again. Nothing
earlier is shown in its place: that was another notebook, or other checks.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mnistkit.course import CourseError
from mnistkit.course.commands import ExecutionOptions, jobs_and_scheduler, say_data
from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import read_schema
from mnistkit.course.running.executors.local import default_jobs, end
from mnistkit.course.running.jobs import NotebookJob, make_notebook_jobs, needed_data, package_hash
from mnistkit.data.cache import cache_root
from mnistkit.data.loader import search_folders
from mnistkit.grading import course_folder as courses
from mnistkit.grading.autograde.formgrader_notebook import rebuild
from mnistkit.grading.autograde.ledger import Graded, Mark, Result, read_graded, write_graded
from mnistkit.grading.autograde.restore_answers import Restored, restore
from mnistkit.grading.autograde.worker_pool import (
    CannotGrade,
    InstructorHangs,
    Job,
    end_examiners,
    examine,
    interrupt_examiners,
    sandbox_problem,
)
from mnistkit.grading.collect.command import read_collected
from mnistkit.grading.course_folder import TIMESTAMP, Released
from mnistkit.grading.exercises import read_exercises
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.feedback.instructor_page import write_overview
from mnistkit.grading.feedback.plain_text import plain
from mnistkit.grading.release.personalize import (
    id_problem,
    is_id,
    personal_parameters,
    read_secret,
    whose_numbers,
)
from mnistkit.grading.sandbox.bwrap import SandboxLimits
from mnistkit.grading.submission import (
    NotANotebook,
    grade_id_of,
    joined,
    read_any_cells,
    read_handed_in,
    read_submission,
    submission_sha256,
)

if TYPE_CHECKING:
    from mnistkit.course.running.executors.dask import DaskExecutor

NOT_FOUND = "your answer is not in its cell, and several others may be it; your teacher looks at it"
NOTHING_HANDED_IN = "nothing was handed in for this notebook"


HANGS = 2
"""After so many students for whom the instructor's personal notebook never ended, no other one is tried."""


class GradingPlace(Protocol):
    """Where submissions are graded, and how many at a time."""

    slots: int

    def submit(self, job: Job) -> Future[Result]:
        """Grade a submission, or queue it."""

    def interrupt(self) -> None:
        """End what is at work."""


class Here:
    """Grade on this machine, each thread with a grading process of its own."""

    def __init__(self, jobs: int) -> None:
        self.slots = jobs
        self._pool = ThreadPoolExecutor(max_workers=jobs)

    def submit(self, job: Job) -> Future[Result]:
        """Grade a submission, or queue it."""
        return self._pool.submit(examine, job)

    def interrupt(self) -> None:
        """Kill the grading processes."""
        interrupt_examiners()

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        end_examiners()


class There:
    """Grade on the workers of a Dask scheduler, each of their threads with a grading process of its own."""

    def __init__(self, cluster: DaskExecutor, slots: int = 2) -> None:
        self.slots = slots
        self._cluster = cluster

    def submit(self, job: Job) -> Future[Result]:
        """Send a submission to the scheduler."""
        return self._cluster.call(examine, job)

    def interrupt(self) -> None:
        """Take back what waits, and kill the grading processes."""
        self._cluster.everywhere(interrupt_examiners)

    def __enter__(self) -> There:
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.everywhere(end_examiners)


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
            own = personal_parameters(read_secret(self.course), student, self.released.name)
            values |= {name: value for name, value in own.items() if name in values}
        return values

    def submission(self, student: str, lesson: str) -> Path:
        """Say where what a student handed in lies."""
        return self.course / "submitted" / student / self.released.name / f"{lesson}.ipynb"


def grade_command(
    name: str, course: Path, means: ExecutionOptions, unsandboxed: bool, say: Callable[[str], None]
) -> None:
    """Carry out ``mnistkit assignment grade``.

    Parameters
    ----------
    name : str
        The assignment.
    course : pathlib.Path
        The course's folder.
    means : ExecutionOptions
        With what: its limits are those of one submission.
    unsandboxed : bool
        Run students' code as ordinary processes.
    say : callable
        Gets lines to show.

    Raises
    ------
    CourseError
        If it was not released, nobody handed in, there is no sandbox, or the instructor's notebook fails;
        also if anything could not be graded, after the rest was.
    """
    courses.require_nbgrader()
    name = courses.released_name(course, name)
    if not unsandboxed:
        _check_out_of_reach(course)
    batch = make_batch(course, name, means, unsandboxed)
    students = students_of(batch)
    for folder, reasons in left_out(batch).items():
        say(f"  submitted/{plain(folder)}: {plain(reasons[0])}")
    say_data(batch.plans)
    if not unsandboxed and means.scheduler is None and (problem := sandbox_problem()):
        raise CourseError(problem)
    if unsandboxed:
        say("WARNING: without a sandbox. Students' code can read and change all that you can.")
    with courses.staging(course) as stage, _place(batch, means, len(students)) as place:
        done = grade(batch, students, stage, place, say)
    _say_what_is_next(batch, done, say)


def _check_out_of_reach(course: Path) -> None:
    """Check that the course is in none of the folders that students' code can read."""
    for folder in (*search_folders(), cache_root()):
        if course.resolve().is_relative_to(folder.resolve()):
            raise CourseError(
                f"{course}\n  found:    it is in {folder}, which students' code can read\n"
                "  expected: a course outside of the data (MNISTKIT_DATA, data) and the cache\n"
                "  to do:    move one of them"
            )


def _say_what_is_next(batch: Batch, done: Mapping[str, Graded], say: Callable[[str], None]) -> None:
    """Write the teacher's page and say where it is, and what is left to do."""
    name, missing = batch.released.name, not_graded(done) | left_out(batch)
    page = write_overview(batch.course, name, read_collected(batch.course, name), missing)
    waiting = sum(standing.waiting > 0 for standing in read_class_scores(batch.course, name).students)
    if waiting:
        say(f"{waiting} of {len(done)} have answers for you to read:")
        say(f"  cd {batch.course} && jupyter lab, and there Nbgrader > Formgrader > Manual Grading")
    say(f"your page: {page}")
    if missing:
        names = ", ".join(map(plain, list(missing)[:5])) + ", …" * (len(missing) > 5)
        raise CourseError(
            f"{len(missing)} of {len({*done, *missing})} could not be graded: {names}\n"
            "  found:    what is said above; it is no fault of theirs, and they have no points yet, not 0\n"
            f"  to do:    mnistkit assignment grade {name}, which tries only what is missing"
        )
    say(f"when all is graded: mnistkit assignment feedback {name}")


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


def make_batch(course: Path, name: str, means: ExecutionOptions, unsandboxed: bool) -> Batch:
    """Read what was released, and check that it is still what is in the gradebook.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        The assignment.
    means : ExecutionOptions
        Its limits are those of one submission.
    unsandboxed : bool
        See `Batch`.

    Returns
    -------
    Batch
        With the data loaded once.

    Raises
    ------
    CourseError
        If it was not released, or the instructor's notebooks have other exercises or points by now.
    """
    released = courses.read_released(course, name)
    lessons = [Lesson(course / "source" / name / f"{lesson}.ipynb") for lesson in released.lessons]
    _check_points(course, name, lessons)
    values = {
        lesson.name: {parameter.name: parameter.default for parameter in read_schema(lesson).values()}
        for lesson in lessons
    }
    limits = SandboxLimits()
    if means.max_seconds is not None:
        limits = replace(limits, seconds=means.max_seconds)
    if means.max_memory_bytes is not None:
        limits = replace(limits, memory_bytes=means.max_memory_bytes)
    plans = tuple(make_notebook_jobs(lessons, values))
    return Batch(course, released, plans, limits, unsandboxed, package_hash())


def _check_points(course: Path, name: str, lessons: Sequence[Lesson]) -> None:
    """Check that the gradebook has the exercises that the instructor's notebooks have."""
    from nbgrader.api import MissingEntry

    wanted = {(lesson.name, e.id): e.points for lesson in lessons for e in read_exercises(lesson)}
    try:
        with courses.gradebook(course) as book:
            notebooks = book.find_assignment(name).notebooks
            known = {(n.name, cell.name): cell.max_score for n in notebooks for cell in n.grade_cells}
    except MissingEntry:
        known = {}
    if wanted != known:
        other = sorted(f"{lesson}: {cell}" for lesson, cell in dict([*(wanted.items() ^ known.items())]))
        raise CourseError(
            f"{course / 'source' / name}\n  found:    exercises or points that the gradebook does not have: "
            f"{', '.join(other[:3])}\n  expected: those that were released; the text of a check may change\n"
            "  to do:    undo the change"
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
    CourseError
        If nobody has, or the time of a submission can't be read.
    """
    name = batch.released.name
    students = [student for student in _folders(batch) if is_id(student)]
    if not students:
        raise CourseError(
            f"{batch.course / 'submitted'}\n  found:    nothing of {name!r}\n"
            f"  expected: submitted/STUDENT/{name}/NOTEBOOK.ipynb\n"
            f"  to do:    mnistkit assignment collect {name} FOLDER_OR_ZIP"
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
        raise CourseError(
            f"{path}\n  found:    {plain(str(error))}\n"
            "  expected: when it was handed in, such as 2026-11-20 18:00:00 UTC\n  to do:    correct the file"
        ) from error


@contextmanager
def _place(batch: Batch, means: ExecutionOptions, n_students: int) -> Iterator[GradingPlace]:
    if means.scheduler is None:
        with Here(means.jobs or default_jobs(n_students)) as here:
            yield here
        return
    if means.jobs is not None:
        raise jobs_and_scheduler()
    from mnistkit.course.running.executors.dask import DaskExecutor

    data = [asked for plan in batch.plans for asked in needed_data(plan)]
    with DaskExecutor(means.scheduler) as cluster:
        slots = cluster.check(data, None if batch.unsandboxed else sandbox_problem)
        with There(cluster, slots) as there:
            yield there


def grade(
    batch: Batch, students: Sequence[str], stage: Path, place: GradingPlace, say: Callable[[str], None]
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
    place : GradingPlace
        Where.
    say : callable
        Gets a line for each submission with something odd, and a summary.

    Returns
    -------
    dict of str to Graded
        By student, all that were asked for.

    Raises
    ------
    CourseError
        If the instructor's notebook fails; what was graded before is kept.
    """
    ledger = _Ledger(batch, students, stage)
    n_kept = len(ledger.done)
    # Closed at once where something goes wrong: what is at work then ends.
    with closing(_graded(batch, ledger.missing(), place)) as found:
        for student, plan, result in found:
            ledger.take(student, plan, result)
            for line in (*result.warnings, *(() if result.completed else (f"not graded: {result.why}",))):
                where = student if len(batch.plans) == 1 else f"{student}: {plan.name}"
                say(f"  {where}: {plain(line)}")
    n_missing = len(not_graded(ledger.done))
    kept = f", {n_kept} kept: nothing has changed" if n_kept else ""
    missing = f", {n_missing} could not be graded" if n_missing else ""
    say(f"{len(ledger.done) - n_kept - n_missing} graded{kept}{missing}")
    return ledger.done


class _Ledger:
    """What each student has so far; entered into the gradebook as soon as nothing of it is missing.

    Parameters
    ----------
    batch : Batch
        The assignment.
    students : sequence of str
        Whose.
    stage : pathlib.Path
        What `courses.staging` gave.
    """

    def __init__(self, batch: Batch, students: Sequence[str], stage: Path) -> None:
        self.done: dict[str, Graded] = {}
        self._batch, self._stage = batch, stage
        self._earlier = read_graded(batch.course, batch.released.name)
        self._entered = _entered(batch)
        self._results: dict[str, dict[str, Result]] = {student: self._kept(student) for student in students}
        for student in students:
            self._enter(student)

    def _kept(self, student: str) -> dict[str, Result]:
        """Give the earlier results of a student that still hold."""
        earlier = self._earlier[student].results if student in self._earlier else {}
        kept = {}
        for plan in self._batch.plans:
            result = earlier.get(plan.name)
            if result is not None and result.completed and result.key == _key(self._batch, plan, student):
                kept[plan.name] = result
        return kept

    def missing(self) -> list[tuple[str, NotebookJob]]:
        """List what is to be graded, by lesson first: a grading process keeps one of them ready."""
        found = [(student, plan) for plan in self._batch.plans for student in self._results]
        return [(student, plan) for student, plan in found if plan.name not in self._results[student]]

    def take(self, student: str, plan: NotebookJob, result: Result) -> None:
        """Keep the result of a notebook."""
        self._results[student][plan.name] = result
        self._enter(student)

    def _enter(self, student: str) -> None:
        found, sandboxed = self._results[student], not self._batch.unsandboxed
        results = {plan.name: found[plan.name] for plan in self._batch.plans if plan.name in found}
        graded = Graded(student, results, sandboxed)
        kept = Graded(student, {name: r for name, r in results.items() if r.completed}, sandboxed)
        is_new = self._earlier.get(student) != kept
        all_there = len(results) == len(self._batch.plans)
        # What is written down here is in the gradebook: it is written after it, and taken back before it.
        if is_new and graded != kept and (kept.results or student in self._earlier):
            self._write(kept)
        if all_there:
            if is_new or graded != kept or student not in self._entered:
                _enter(self._batch, graded, self._stage)
            self.done[student] = graded
        if is_new and graded == kept and results:
            self._write(kept)

    def _write(self, kept: Graded) -> None:
        write_graded(self._batch.course, self._batch.released.name, kept)
        self._earlier[kept.student] = kept


def _entered(batch: Batch) -> set[str]:
    """List whose submissions the gradebook and formgrader have, with the time that is now theirs."""
    name = batch.released.name
    with courses.gradebook(batch.course) as book:
        known = {submission.student_id for submission in book.find_assignment(name).submissions}
    return {
        student
        for student in known
        if (folder := batch.course / "autograded" / student / name).is_dir()
        and _text_of(folder / TIMESTAMP) == _text_of(batch.submission(student, "").with_name(TIMESTAMP))
    }


def _text_of(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError:
        return b""


def _key(batch: Batch, plan: NotebookJob, student: str) -> str:
    """Hash all that the points of a notebook depend on; empty where what was handed in can't be read."""
    try:
        content = read_handed_in(batch.submission(student, plan.name))
    except OSError:
        return ""
    return _key_of(batch, plan, student, submission_sha256(content))


def _key_of(batch: Batch, plan: NotebookJob, student: str, sha256: str) -> str:
    parts = [
        batch.program,
        asdict(batch.limits),
        batch.unsandboxed,
        plan.fingerprint,
        plan.lesson.text,
        batch.parameters(plan, student),
        sha256,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _graded(
    batch: Batch, waiting: Sequence[tuple[str, NotebookJob]], place: GradingPlace
) -> Generator[tuple[str, NotebookJob, Result], None, None]:
    """Grade notebooks, and show how many are done; only as many are read at a time as are at work or next."""
    from tqdm import tqdm

    queue, again = deque(waiting), set[tuple[str, str]]()
    futures: dict[Future[Result], tuple[str, NotebookJob, tuple[str, str]]] = {}
    hanging: dict[str, list[InstructorHangs]] = {}
    try:
        with tqdm(total=len(queue), unit="notebook", desc="  grading", disable=None, leave=False) as bar:
            while queue or futures:
                while queue and len(futures) < 2 * place.slots:
                    student, plan = queue.popleft()
                    content, result = _handed_in(batch, plan, student, hanging.get(plan.name, []))
                    sha256 = submission_sha256(content)
                    about = (_key_of(batch, plan, student, sha256), sha256)
                    if content is not None:
                        found = _restored(batch, plan, student)
                        content = found.content() if found.notes else content
                        futures[place.submit(_job(batch, plan, student, content))] = (student, plan, about)
                    else:
                        bar.update()
                        yield student, plan, _about(result, *about)
                done = wait(futures, return_when=FIRST_COMPLETED).done
                # In their order: what was graded before one that ends the batch is kept.
                for future in [future for future in futures if future in done]:
                    student, plan, about = futures.pop(future)
                    result = _result(batch, plan, student, future, hanging)
                    if (
                        result.status == "failed"
                        and (student, plan.name) not in again
                        and plan.name not in hanging
                    ):
                        again.add((student, plan.name))
                        queue.append((student, plan))
                    else:
                        bar.update()
                        yield student, plan, _about(result, *about)
    finally:
        end([future for future in futures if not future.done()], place.interrupt)


def _about(result: Result, key: str, content: str) -> Result:
    """Write down what a result depends on, where it is one."""
    return replace(result, key=key, content=content) if result.completed else result


def _handed_in(
    batch: Batch, plan: NotebookJob, student: str, hanging: Sequence[InstructorHangs]
) -> tuple[bytes | None, Result]:
    """Give what is to be graded, or the result of what needs no grading or can't be graded."""
    if len(hanging) >= HANGS:
        return None, Result("", (), status="not_done", why=f"not tried: {hanging[0]}")
    try:
        content = read_handed_in(batch.submission(student, plan.name))
    except OSError as error:
        why = f"what was handed in can't be read ({error.strerror or error})"
        return None, Result("", (), status="failed", why=why)
    return content, Result("", _no_points(plan, NOTHING_HANDED_IN), (NOTHING_HANDED_IN,))


def _job(batch: Batch, plan: NotebookJob, student: str, content: bytes) -> Job:
    parameters = batch.parameters(plan, student)
    return Job(student, plan.name, plan.lesson.text, parameters, content, batch.limits, batch.unsandboxed)


def _no_points(plan: NotebookJob, reason: str) -> tuple[Mark, ...]:
    exercises = [exercise for exercise in read_exercises(plan.lesson) if exercise.automatic]
    return tuple(Mark(exercise.id, 0.0, exercise.points, reason) for exercise in exercises)


def _result(
    batch: Batch,
    plan: NotebookJob,
    student: str,
    future: Future[Result],
    hanging: dict[str, list[InstructorHangs]],
) -> Result:
    """Take the result of a submission."""
    try:
        result = future.result()
    except CourseError as error:
        # With own numbers, the instructor's notebook is another one for each student.
        if not batch.released.personal:
            raise
        if isinstance(error, InstructorHangs):
            hanging.setdefault(plan.name, []).append(error)
        return Result("", (), status="failed", why=str(error))
    except CannotGrade as error:
        return Result("", (), status="failed", why=str(error))
    except Exception as error:  # of a worker that was lost
        return Result("", (), status="failed", why=f"{type(error).__name__}: {error}")
    if not result.completed:
        return result
    found = _restored(batch, plan, student)
    numbers = _foreign_numbers(batch, plan, student)
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


def _restored(batch: Batch, plan: NotebookJob, student: str) -> Restored:
    """Read what was handed in, with answers that are not in their cells where they were found."""
    path = batch.submission(student, plan.name)
    try:
        cells = read_any_cells(path)
    except NotANotebook:
        return Restored([])
    released = read_any_cells(batch.course / "release" / batch.released.name / path.name)
    return restore(released, cells)


def _foreign_numbers(batch: Batch, plan: NotebookJob, student: str) -> str:
    """Say whose numbers a personal notebook has, where they are not the student's own."""
    if not batch.released.personal:
        return ""
    try:
        cells = read_submission(batch.submission(student, plan.name))
    except NotANotebook:
        return ""
    source = "\n".join(cell.source for cell in cells if cell.parameters)
    secret, everybody = read_secret(batch.course), batch.released.students
    numbers = personal_parameters(secret, student, batch.released.name)
    own = {name: value for name, value in numbers.items() if name in plan.parameters}
    return whose_numbers(secret, everybody, batch.released.name, source, own)


def _enter(batch: Batch, graded: Graded, stage: Path) -> None:
    """Enter points into the gradebook, and give formgrader a notebook that is safe to open."""
    name, student = batch.released.name, graded.student
    before = batch.course / "autograded" / student / name
    folder = stage / "submitted" / student / name
    folder.mkdir(parents=True)
    undecided, changed = set[tuple[str, str]](), set[tuple[str, str]]()
    for plan in batch.plans:
        result, exercises = graded.results[plan.name], read_exercises(plan.lesson)
        notebook, is_read = _shown(batch, plan, student, result, before)
        for exercise in exercises:
            if not (result.completed or (is_read and not exercise.automatic)):
                undecided.add((plan.name, exercise.id))
        undecided |= {(plan.name, mark.grade_id) for mark in result.marks if mark.by_hand}
        answers, earlier = _answers(notebook["cells"]), _answers(_cells_of(before / f"{plan.name}.ipynb"))
        for exercise in exercises:
            cells = exercise.work or (exercise.id,)
            if any(answers.get(cell) != earlier.get(cell) for cell in cells):
                changed.add((plan.name, exercise.id))
        (folder / f"{plan.name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    if time := _text_of(batch.submission(student, "").with_name(TIMESTAMP)):
        (folder / TIMESTAMP).write_bytes(time + b"\n")
    made = courses.enter_grades(batch.course, stage, name, student, undecided, changed)
    # Last: what a person has graded is told from what is handed in by what lies there.
    courses.replace_folder(made, before, stage)


def _shown(
    batch: Batch, plan: NotebookJob, student: str, result: Result, before: Path
) -> tuple[dict[str, Any], bool]:
    """Give the notebook for formgrader, and say whether it is what was handed in."""
    path = batch.submission(student, plan.name)
    released = (batch.course / "release" / batch.released.name / path.name).read_text(encoding="utf-8")
    note = "" if result.completed else f"Not graded by the checks: {plain(result.why)}."
    try:
        read_handed_in(path)
    except OSError:  # what was read before stays
        cells = _cells_of(before / path.name)
        return rebuild(released, cells, (), "" if cells else note), False
    try:
        read_any_cells(path)
    except NotANotebook as error:
        note = f"What was handed in can't be shown: {error}."
    return rebuild(released, _restored(batch, plan, student).cells, result.marks, note), True


def _cells_of(path: Path) -> list[dict[str, Any]]:
    try:
        return read_any_cells(path)
    except NotANotebook:
        return []


def _answers(cells: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {grade_id_of(cell): joined(cell.get("source")) for cell in cells if grade_id_of(cell)}
