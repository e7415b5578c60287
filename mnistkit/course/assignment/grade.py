"""`mnistkit assignment grade`: points for everybody who handed in, into nbgrader's gradebook.

Each submission is graded by `mnistkit.course.assignment.examination`; what it got is entered at once, so a
batch that was interrupted goes on where it was. A result is kept as long as nothing changes that it depends
on: the file, the instructor's notebook, the parameters, the data, the limits, this program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mnistkit.course import CourseError
from mnistkit.course.assignment import course as courses
from mnistkit.course.assignment.cells import NotANotebook, read_any_cells, read_submission
from mnistkit.course.assignment.collect import read_collected
from mnistkit.course.assignment.course import Released
from mnistkit.course.assignment.examination import (
    Job,
    end_examiners,
    examine,
    interrupt_examiners,
    sandbox_problem,
)
from mnistkit.course.assignment.exercises import read_exercises
from mnistkit.course.assignment.found import file_sha256
from mnistkit.course.assignment.marks import Graded, Mark, Result, read_graded, write_graded
from mnistkit.course.assignment.overview import write_overview
from mnistkit.course.assignment.personal import is_id, personal_parameters, read_secret, whose_numbers
from mnistkit.course.assignment.rebuilt import rebuild
from mnistkit.course.assignment.sandbox import SandboxLimits
from mnistkit.course.assignment.standings import read_standings
from mnistkit.course.assignment.texts import plain
from mnistkit.course.command import Means, jobs_and_scheduler, say_data
from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import read_schema
from mnistkit.course.places import default_jobs, end
from mnistkit.course.plan import Plan, make_plans, needed_data, package_hash
from mnistkit.data.cache import cache_root
from mnistkit.data.loader import search_folders

if TYPE_CHECKING:
    from mnistkit.course.cluster import Cluster

NOTHING = "nothing was handed in for this notebook"


class GradingPlace(Protocol):
    """Where submissions are graded."""

    def submit(self, job: Job) -> Future[Result]:
        """Grade a submission, or queue it."""

    def interrupt(self) -> None:
        """End what is at work."""


class Here:
    """Grade on this machine, each thread with a grading process of its own."""

    def __init__(self, jobs: int) -> None:
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

    def __init__(self, cluster: Cluster) -> None:
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
    plans : tuple of Plan
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
    plans: tuple[Plan, ...]
    limits: SandboxLimits
    unsandboxed: bool
    program: str

    def parameters(self, plan: Plan, student: str) -> dict[str, Any]:
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
    name: str, course: Path, means: Means, unsandboxed: bool, say: Callable[[str], None]
) -> None:
    """Carry out ``mnistkit assignment grade``.

    Parameters
    ----------
    name : str
        The assignment.
    course : pathlib.Path
        The course's folder.
    means : Means
        With what: its limits are those of one submission.
    unsandboxed : bool
        Run students' code as ordinary processes.
    say : callable
        Gets lines to show.

    Raises
    ------
    CourseError
        If it was not released, nobody handed in, there is no sandbox, or the instructor's notebook fails.
    """
    courses.require_nbgrader()
    name = courses.released_name(course, name)
    if not unsandboxed:
        _check_out_of_reach(course)
    batch = make_batch(course, name, means, unsandboxed)
    students = students_of(batch)
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
    """Write the teacher's page and say where it is, and what is left to do by hand."""
    name = batch.released.name
    page = write_overview(batch.course, name, read_collected(batch.course, name))
    waiting = sum(standing.waiting > 0 for standing in read_standings(batch.course, name).students)
    if waiting:
        say(f"{waiting} of {len(done)} have answers for you to read:")
        say(f"  cd {batch.course} && jupyter lab, and there Nbgrader > Formgrader > Manual Grading")
    say(f"your page: {page}")
    say(f"when all is graded: mnistkit assignment feedback {name}")


def make_batch(course: Path, name: str, means: Means, unsandboxed: bool) -> Batch:
    """Read what was released, and check that it is still what is in the gradebook.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        The assignment.
    means : Means
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
    plans = tuple(make_plans(lessons, values))
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
    """List who has handed in."""
    name = batch.released.name
    found = sorted(path.parent.name for path in batch.course.glob(f"submitted/*/{name}") if path.is_dir())
    students = [student for student in found if is_id(student)]
    if not students:
        raise CourseError(
            f"{batch.course / 'submitted'}\n  found:    nothing of {name!r}\n"
            f"  expected: submitted/STUDENT/{name}/NOTEBOOK.ipynb\n"
            f"  to do:    mnistkit assignment collect {name} FOLDER_OR_ZIP"
        )
    return students


@contextmanager
def _place(batch: Batch, means: Means, n_students: int) -> Iterator[GradingPlace]:
    if means.scheduler is None:
        with Here(means.jobs or default_jobs(n_students)) as here:
            yield here
        return
    if means.jobs is not None:
        raise jobs_and_scheduler()
    from mnistkit.course.cluster import Cluster

    data = [asked for plan in batch.plans for asked in needed_data(plan)]
    with Cluster(means.scheduler) as cluster:
        cluster.check(data, None if batch.unsandboxed else sandbox_problem)
        with There(cluster) as there:
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
            for line in result.odd:
                where = student if len(batch.plans) == 1 else f"{student}: {plan.name}"
                say(f"  {where}: {plain(line)}")
    kept = f", {n_kept} kept: nothing has changed" if n_kept else ""
    say(f"{len(ledger.done) - n_kept} graded{kept}")
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
        self._keys = {(s, plan.name): _key(batch, plan, s) for s in students for plan in batch.plans}
        self._earlier = read_graded(batch.course, batch.released.name)
        self._entered = _entered(batch)
        self._results: dict[str, dict[str, Result]] = {student: self._kept(student) for student in students}
        for student in students:
            self._enter(student)

    def _kept(self, student: str) -> dict[str, Result]:
        """Give the earlier results of a student that still hold."""
        earlier = self._earlier[student].results if student in self._earlier else {}
        return {
            lesson: result
            for lesson, result in earlier.items()
            if result.key == self._keys.get((student, lesson))
        }

    def missing(self) -> list[tuple[str, Plan]]:
        """List what is to be graded, by lesson first: a grading process keeps one of them ready."""
        found = [(student, plan) for plan in self._batch.plans for student in self._results]
        return [(student, plan) for student, plan in found if plan.name not in self._results[student]]

    def take(self, student: str, plan: Plan, result: Result) -> None:
        """Keep the result of a notebook."""
        self._results[student][plan.name] = replace(result, key=self._keys[student, plan.name])
        self._enter(student)

    def _enter(self, student: str) -> None:
        found = self._results[student]
        ordered = {plan.name: found[plan.name] for plan in self._batch.plans if plan.name in found}
        graded = Graded(student, ordered, not self._batch.unsandboxed)
        is_new = self._earlier.get(student) != graded
        if len(ordered) == len(self._batch.plans):
            if is_new or student not in self._entered:
                _enter(self._batch, graded, self._stage)
            self.done[student] = graded
        if is_new and ordered:
            write_graded(self._batch.course, self._batch.released.name, graded)


def _entered(batch: Batch) -> set[str]:
    """List whose submissions the gradebook and formgrader have."""
    name = batch.released.name
    with courses.gradebook(batch.course) as book:
        known = {submission.student_id for submission in book.find_assignment(name).submissions}
    return {student for student in known if (batch.course / "autograded" / student / name).is_dir()}


def _key(batch: Batch, plan: Plan, student: str) -> str:
    """Hash all that the points of a notebook depend on."""
    path = batch.submission(student, plan.name)
    parts = [
        batch.program,
        asdict(batch.limits),
        batch.unsandboxed,
        plan.fingerprint,
        plan.lesson.text,
        batch.parameters(plan, student),
        file_sha256(path) if _is_file(path) else None,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _graded(
    batch: Batch, waiting: Sequence[tuple[str, Plan]], place: GradingPlace
) -> Generator[tuple[str, Plan, Result], None, None]:
    """Grade notebooks, and show how many are done."""
    from tqdm import tqdm

    futures: dict[Future[Result], tuple[str, Plan]] = {}
    try:
        for student, plan in waiting:
            path = batch.submission(student, plan.name)
            if _is_file(path):
                futures[place.submit(_job(batch, plan, student, path.read_bytes()))] = (student, plan)
            else:
                yield student, plan, Result("", _no_points(plan, NOTHING), (NOTHING,))
        with tqdm(total=len(futures), unit="notebook", desc="  grading", disable=None, leave=False) as bar:
            for future in as_completed(futures):
                bar.update()
                student, plan = futures[future]
                yield student, plan, _result(batch, plan, student, future)
    finally:
        end([future for future in futures if not future.done()], place.interrupt)


def _job(batch: Batch, plan: Plan, student: str, content: bytes) -> Job:
    parameters = batch.parameters(plan, student)
    return Job(student, plan.name, plan.lesson.text, parameters, content, batch.limits, batch.unsandboxed)


def _no_points(plan: Plan, reason: str) -> tuple[Mark, ...]:
    exercises = [exercise for exercise in read_exercises(plan.lesson) if exercise.automatic]
    return tuple(Mark(exercise.id, 0.0, exercise.points, reason) for exercise in exercises)


def _result(batch: Batch, plan: Plan, student: str, future: Future[Result]) -> Result:
    """Take the result of a submission; one that could not be graded is for the teacher to look at."""
    try:
        result = future.result()
    except Exception as error:
        # With own numbers, the instructor's notebook is another one for each student.
        if isinstance(error, CourseError) and not batch.released.personal:
            raise
        said = f"it could not be graded: {error}"
        return Result("", _no_points(plan, "it could not be graded; your teacher looks at it"), (said,))
    numbers = _foreign_numbers(batch, plan, student)
    return replace(result, odd=(numbers, *result.odd)) if numbers else result


def _foreign_numbers(batch: Batch, plan: Plan, student: str) -> str:
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
    folder = stage / "submitted" / student / name
    folder.mkdir(parents=True)
    for plan in batch.plans:
        path = batch.submission(student, plan.name)
        released = (batch.course / "release" / name / path.name).read_text(encoding="utf-8")
        try:
            cells, problem = read_any_cells(path), ""
        except NotANotebook as error:
            cells, problem = [], f"What was handed in can't be shown: {error}."
        notebook = rebuild(released, cells, graded.results[plan.name].marks, problem)
        (folder / path.name).write_text(json.dumps(notebook), encoding="utf-8")
    time = batch.submission(student, "").with_name("timestamp.txt")
    if _is_file(time):
        (folder / time.name).write_bytes(time.read_bytes())
    made = courses.enter_grades(batch.course, stage, name, student)
    courses.replace_folder(made, batch.course / "autograded" / student / name, stage)
