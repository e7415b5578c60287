"""What `mnistkit run` and `mnistkit sweep` do: check everything, then run, then say what came of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistkit.course.lessons import Lesson, find, find_copies, find_folder, select
from mnistkit.course.loopback import check_loopback
from mnistkit.course.parameters import parse_assignments, read_preset, resolve
from mnistkit.data.loader import KEYWORDS
from mnistkit.errors import UserError
from mnistkit.files import expanded

if TYPE_CHECKING:
    from mnistkit.course.running.execute import Limits
    from mnistkit.course.running.executors.dask import DaskExecutor
    from mnistkit.course.running.jobs import NotebookJob
    from mnistkit.course.sweeps.runner import Trial

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExecutionOptions:
    """With what a run or a sweep is carried out.

    Attributes
    ----------
    jobs : int or None
        How many notebooks at a time on this machine; None: what fits it.
    scheduler : str or None
        Address of the Dask scheduler whose workers run them instead.
    max_seconds : float or None
        Longest time that a notebook may take.
    max_memory_bytes : int or None
        Most memory that a notebook may take.
    """

    jobs: int | None = None
    scheduler: str | None = None
    max_seconds: float | None = None
    max_memory_bytes: int | None = None

    def limits(self) -> Limits:
        """Put the limits of a notebook into the runner's terms."""
        from mnistkit.course.running.execute import Limits

        return Limits(self.max_seconds, self.max_memory_bytes)


def find_course() -> tuple[Path, list[Lesson]]:
    """Find the lessons, and say which notebooks beside them are none.

    Returns
    -------
    folder : pathlib.Path
        Where they are.
    lessons : list of Lesson
        In the order of the course.

    Raises
    ------
    UserError
        If there are none.
    """
    folder = find_folder()
    lessons = find(folder)
    for path in find_copies(folder):
        _logger.warning(f"note: {path.name} is left out: by its name a copy of a lesson")
    return folder, lessons


def run_command(
    wanted: Sequence[str],
    preset: str,
    assignments: Sequence[str],
    *,
    source: str | None,
    execution: ExecutionOptions,
    out: Path | None,
    prepare_only: bool,
    with_solutions: bool = False,
) -> bool:
    """Carry out ``mnistkit run``.

    Parameters
    ----------
    wanted : sequence of str
        Lessons as `mnistkit.course.lessons.select` takes them.
    preset : str
        ``smoke``, ``lab`` or ``full``.
    assignments : sequence of str
        ``NAME=VALUE`` texts.
    source : str or None
        One more assignment: that of the parameter ``data``.
    execution : ExecutionOptions
        With what.
    out : pathlib.Path or None
        The run's folder; None: ``runs/PRESET``, or ``build/PRESET`` for prepared notebooks.
    prepare_only : bool
        Write the notebooks with their parameters set, and run nothing.
    with_solutions : bool
        Whether the report shows the solutions of exercises, and the hidden checks.

    Returns
    -------
    bool
        True if every lesson was completed.

    Raises
    ------
    UserError
        If a lesson, preset or parameter is unknown, a value has the wrong type, no scheduler answers, or a
        worker does not fit: before anything runs.
    DataError
        If the data can't be had: before anything runs.
    """
    folder, course = find_course()
    lessons = select(course, wanted)
    values = resolve(lessons, read_preset(folder, preset, course), _assignments(assignments, source))

    # Only now what takes seconds to import: a typo has been answered by here.
    from mnistkit.course.running.jobs import JobMaker, read_budgets

    out = out or Path("build" if prepare_only else "runs") / preset
    _spare_lessons(lessons, out)
    plans = JobMaker().make(lessons, values, read_budgets(lessons, preset))
    if prepare_only:
        return _prepare(plans, out, preset)
    return _run(plans, out, preset, execution, with_solutions)


def _spare_lessons(lessons: Sequence[Lesson], out: Path) -> None:
    """Raise `UserError` where a lesson would be overwritten with what comes of it."""
    for lesson in lessons:
        if lesson.path.resolve() == (out / lesson.path.name).resolve():
            raise UserError(
                out,
                found=f"{lesson.path.name} itself, which would be lost",
                expected="another folder than that of the notebook",
                todo="choose another folder with --out",
            )


def _assignments(texts: Sequence[str], source: str | None) -> dict[str, str]:
    return parse_assignments(texts if source is None else (*texts, f"data={_source(source)}"))


def _source(text: str) -> str:
    """Make a path of ``--data`` absolute, so that results say which folder it was; keywords stay."""
    if text in KEYWORDS:
        return text
    path = expanded(text)
    return str(path.resolve()) if path.exists() else text


def _prepare(plans: Sequence[NotebookJob], out: Path, preset: str) -> bool:
    from mnistkit.course.running.execute import NO_LIMITS, prepare_notebook
    from mnistkit.course.running.jobs import make_task
    from mnistkit.course.running.results import LOCK

    if (out / LOCK).exists():
        raise UserError(f"{out} holds notebooks that would be lost: choose another folder with --out")
    for plan in plans:
        prepare_notebook(make_task(plan, out, preset, NO_LIMITS))
    _logger.info(f"{len(plans)} notebooks with their parameters set, not run: {out}")
    return True


def _run(
    plans: Sequence[NotebookJob], out: Path, preset: str, execution: ExecutionOptions, with_solutions: bool
) -> bool:
    from mnistkit.course.report import write_report
    from mnistkit.course.running.results import failures, read_results
    from mnistkit.course.running.runner import run

    with _cluster(execution, plans) as cluster:
        _logger.info(f"{len(plans)} lesson{'s' * (len(plans) > 1)}, preset {preset}, into {out}")
        _say_what_is_used(plans, preset)
        options: dict[str, Any] = {"preset": preset, "jobs": execution.jobs, "limits": execution.limits()}
        report = partial(write_report, with_solutions=with_solutions)
        ok = run(plans, out, executor=cluster, **options, say=_logger.info, report=report)
    for failure in failures(read_results(out), plans):
        _logger.error(f"\n{failure}")
    return ok


def _say_what_is_used(plans: Sequence[NotebookJob], preset: str) -> None:
    if preset == "full":
        _logger.info("  full takes long: 'Time and memory' at the top of each lesson says how long")
    say_data(plans)


def say_data(plans: Sequence[NotebookJob]) -> None:
    """Show which data the lessons load.

    Parameters
    ----------
    plans : sequence of NotebookJob
        The lessons.
    """
    for data in {d["name"]: d for plan in plans for d in plan.data}.values():
        _logger.info(f"  data: {data['name']}: {data['source'].replace('stand-in', 'STAND-IN', 1)}")


@contextmanager
def _cluster(execution: ExecutionOptions, plans: Sequence[NotebookJob]) -> Iterator[DaskExecutor | None]:
    """Give the cluster that was asked for; None without one."""
    if execution.scheduler is None:
        check_loopback()
        yield None
        return
    if execution.jobs is not None:
        raise jobs_and_scheduler()
    from mnistkit.course.running.executors.dask import DaskExecutor

    with DaskExecutor(execution.scheduler) as cluster:
        cluster.check([asked for plan in plans for asked in plan.needs])
        _logger.info(f"{cluster.slots} at a time on the workers of {execution.scheduler}")
        yield cluster


def jobs_and_scheduler() -> UserError:
    """Say that the number of jobs is not asked for where the work is done elsewhere.

    Returns
    -------
    UserError
        To be raised.
    """
    return UserError(
        "-j says how many notebooks run at a time on this machine; with --scheduler the workers'\n"
        "threads do: dask worker --nworkers 2 --nthreads 1"
    )


def sweep_command(
    wanted: Sequence[str],
    preset: str | None,
    assignments: Sequence[str],
    *,
    grid: Sequence[str],
    plan: Path | None,
    source: str | None,
    execution: ExecutionOptions,
    out: Path | None,
) -> bool:
    """Carry out ``mnistkit sweep``.

    Parameters
    ----------
    wanted, assignments, source, execution
        As for `run_command`; the assignments hold for all runs.
    preset : str or None
        None: what the plan says, else ``lab``.
    grid : sequence of str
        ``NAME=VALUE,VALUE`` texts.
    plan : pathlib.Path or None
        A YAML file that says what to vary, instead of `grid`.
    out : pathlib.Path or None
        The sweep's folder; None: ``runs/sweep-LESSONS-PRESET``.

    Returns
    -------
    bool
        True if every notebook of every run was completed.

    Raises
    ------
    UserError, DataError
        As for `run_command`, or if the plan is not one.
    """
    from mnistkit.course.sweeps.design import make_plan, parse_grid, read_plan

    if plan is not None and grid:
        raise UserError("give either --grid or a plan: the plan can have a grid in it")
    where = plan.name if plan else "--grid"
    content = read_plan(plan) if plan else {"grid": parse_grid(grid)} if grid else {}
    made = make_plan(content, where)
    folder, course = find_course()
    lessons = select(course, wanted or made.lessons)
    preset = preset or made.preset or "lab"
    values = read_preset(folder, preset, course)
    fixed = _assignments(assignments, source)
    resolve(lessons, values, {**fixed, **made.settings[0]}, where)  # before what takes seconds to import

    from mnistkit.course.sweeps.runner import make_trials

    trials = make_trials(lessons, values, fixed, made.settings, where)
    numbers = "-".join(lesson.name[:2] for lesson in lessons) if len(lessons) < len(course) else "all"
    return _sweep(trials, out or Path("runs") / f"sweep-{numbers}-{preset}", preset, execution)


def _sweep(trials: Sequence[Trial], out: Path, preset: str, execution: ExecutionOptions) -> bool:
    from mnistkit.course.report import write_report
    from mnistkit.course.report.pages.sweep import FILES, write_sweep
    from mnistkit.course.running.executors.local import LocalExecutor, default_jobs
    from mnistkit.course.sweeps.runner import make_folder, sweep

    plans = [plan for trial in trials for plan in trial.plans]
    with _cluster(execution, plans) as cluster:
        make_folder(out, FILES)
        jobs = execution.jobs or default_jobs(len(trials))
        _logger.info(f"{len(trials)} run{'s' * (len(trials) > 1)}, preset {preset}, into {out}")
        _say_what_is_used(plans, preset)
        with (
            nullcontext(cluster)
            if cluster
            else LocalExecutor(jobs, asked=execution.jobs is not None) as executor
        ):
            try:
                return sweep(
                    trials,
                    out,
                    preset=preset,
                    executor=executor,
                    # On a cluster some more than it takes at a time, for workers that join.
                    width=2 * cluster.slots if cluster else jobs,
                    limits=execution.limits(),
                    report=write_report,
                )
            finally:
                _logger.info(f"Sweep: {write_sweep(trials, out).resolve()}")
