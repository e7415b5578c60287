"""Run lessons into a folder: strict parameters, several at a time, resumable, with a report.

A run is a folder: the executed notebooks, ``results.json`` and ``report/``. What has not changed since a
notebook was completed there (its cells, parameters, the package, the data, the locked versions) is not run
again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from mnistkit import data as datasets
from mnistkit import records
from mnistkit.course import CourseError
from mnistkit.course.files import write_atomically
from mnistkit.course.kernel import Outcome, Task, cells_done, execute, interrupt_all
from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import Value, read_schema

RESULTS = "results.json"
CELL_SECONDS = {"smoke": 120.0, "lab": 600.0, "full": 4 * 3600.0}
"""Longest time that one cell may take, by preset: far above what any needs, so that a hang ends."""

KERNEL_BYTES = 1_000_000_000
"""What a kernel is expected to need, for the choice of how many to run at a time."""

_VERSIONS = ("mnistkit", "numpy", "scipy", "scikit-learn", "pandas", "matplotlib", "seaborn", "papermill")


@dataclass(frozen=True)
class Plan:
    """One lesson of a run, with all that its result depends on.

    Attributes
    ----------
    lesson : Lesson
        The notebook.
    parameters : dict
        The value of every parameter.
    data : tuple of dict
        name, source, sha256, is_standin of each data set that it loads.
    fingerprint : str
        Hash of everything that the result depends on.
    """

    lesson: Lesson
    parameters: dict[str, Value]
    data: tuple[dict[str, Any], ...]
    fingerprint: str


def make_plans(
    lessons: Sequence[Lesson], parameters: Mapping[str, dict[str, Value]], home: Path
) -> list[Plan]:
    """Load the data of each lesson once and fix what its result depends on.

    Loading here, before any kernel starts, shows a download's progress in the terminal, stops a run with bad
    data at once, and leaves the arrays in the cache for the kernels.

    Parameters
    ----------
    lessons : sequence of Lesson
        What to run.
    parameters : mapping of str to dict
        Values by parameter, by lesson name.
    home : pathlib.Path
        The clone, for its lock file.

    Returns
    -------
    list of Plan
        One a lesson.

    Raises
    ------
    mnistkit.data.DataError
        If a data set is asked for that can't be had or is broken.
    """
    loaded: dict[tuple[str, str], dict[str, Any]] = {}
    package = _hash_files(_lesson_code())
    lock = _hash_files([home / "requirements.lock"])
    plans = []
    for lesson in lessons:
        values = parameters[lesson.name]
        source = str(values.get("data", "auto"))
        for name in lesson.datasets:
            if (name, source) not in loaded:
                found = datasets.load(name, source)
                loaded[name, source] = {
                    "name": name,
                    "source": found.source,
                    "sha256": found.sha256,
                    "is_standin": found.is_standin,
                }
        data = tuple(loaded[name, source] for name in lesson.datasets)
        cells = [(cell.kind, cell.source, cell.tags) for cell in lesson.cells]
        parts = [cells, values, [d["sha256"] for d in data], package, lock, platform.python_version()]
        plans.append(Plan(lesson, values, data, _hash(parts)))
    return plans


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _lesson_code() -> list[Path]:
    """Files of the package that a notebook can import: all but the runner's own."""
    package = Path(__file__).resolve().parents[1]
    return [p for p in sorted(package.rglob("*.py")) if "course" not in p.parts and p.name != "cli.py"]


def _hash_files(paths: Sequence[Path]) -> str:
    return _hash([[p.name, p.read_text(encoding="utf-8")] for p in paths if p.exists()])


def run(
    plans: Sequence[Plan],
    out: Path,
    *,
    preset: str,
    jobs: int,
    executor: Executor | None = None,
    say: Callable[[str], None],
    report: Callable[[Path], object],
) -> bool:
    """Run lessons into a folder; what is unchanged there is kept.

    Parameters
    ----------
    plans : sequence of Plan
        What to run.
    out : pathlib.Path
        The run's folder; made where it is missing.
    preset : str
        Name of the preset, for the limit on cells and for the report.
    jobs : int
        How many to run at a time.
    executor : concurrent.futures.Executor, optional
        What drives the kernels; threads of this process where not given (a kernel is a process already).
    say : callable
        Called with each line for the person who waits.
    report : callable
        Called with the run's folder after each notebook: the report's first page need not wait for the last.

    Returns
    -------
    bool
        True if every notebook was completed.

    Raises
    ------
    CourseError
        If another run is writing to the folder.
    KeyboardInterrupt
        On Ctrl-C, after the kernels were stopped and what is finished was written.
    """
    with _only_run_in(out):
        results = _read_results(out)
        kept = [plan for plan in plans if _is_unchanged(plan, results, out)]
        for plan in kept:
            say(f"  {plan.lesson.name:34} kept: nothing it depends on has changed")
        results = _begin(results, plans, kept, preset)
        write_results(out, results)
        report(out)
        todo = [plan for plan in plans if plan not in kept]
        tasks = {plan.lesson.name: make_task(plan, out, preset, jobs) for plan in todo}
        pool = executor or ThreadPoolExecutor(max_workers=jobs)
        try:
            for plan, outcome in _run_all(pool, todo, tasks, say):
                results["notebooks"][plan.lesson.name] |= _entry(plan, outcome, out)
                write_results(out, results)
                report(out)
                say(f"  {plan.lesson.name:34} {_describe(outcome)}")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return all(results["notebooks"][plan.lesson.name]["status"] == "completed" for plan in plans)


def _run_all(
    pool: Executor, plans: Sequence[Plan], tasks: Mapping[str, Task], say: Callable[[str], None]
) -> Iterator[tuple[Plan, Outcome]]:
    """Yield each plan with its outcome as it finishes; on Ctrl-C stop the kernels first."""
    from tqdm import tqdm

    futures: dict[Future[Outcome], Plan] = {
        pool.submit(execute, tasks[plan.lesson.name]): plan for plan in plans
    }
    total = sum(cell.kind == "code" for plan in plans for cell in plan.lesson.cells)
    pending = set(futures)
    # disable=None: no bar where the output is a file or a pipe.
    with tqdm(total=total, unit="cell", desc="  running", disable=None, leave=False) as bar:
        try:
            while pending:
                done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                bar.update(min(cells_done(), total) - bar.n)
                for future in done:
                    bar.clear()
                    yield futures[future], future.result()
        except KeyboardInterrupt:
            say("\n  interrupted: stopping the kernels (finished notebooks are kept)")
            for future in pending:
                future.cancel()
            interrupt_all()
            raise


def make_task(plan: Plan, out: Path, preset: str, jobs: int) -> Task:
    """Make the work of one lesson into plain data for the kernel's side.

    Parameters
    ----------
    plan : Plan
        The lesson.
    out : pathlib.Path
        The run's folder.
    preset : str
        For the limit on cells.
    jobs : int
        How many kernels share the cores.

    Returns
    -------
    Task
        With only those parameters that differ from the notebook's own.
    """
    schema = read_schema(plan.lesson)
    changed = {name: v for name, v in plan.parameters.items() if v != schema[name].default}
    output = out / f"{plan.lesson.name}.ipynb"
    env = _kernel_environment(jobs, plan.data)
    return Task(plan.lesson.name, str(plan.lesson.path), str(output), changed, env, CELL_SECONDS[preset])


def _kernel_environment(jobs: int, data: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Share the cores among the kernels, and spare each of them finding out that there is no network."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env.setdefault(name, threads)
    # Threads that spin while they wait take the cores away from the other kernels.
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if any(d["is_standin"] for d in data):
        env.setdefault("MNISTKIT_OFFLINE", "a download was tried when the run began")
    return env


def default_jobs(n_lessons: int) -> int:
    """Choose how many kernels to run at a time on this machine.

    Parameters
    ----------
    n_lessons : int
        How many there are to run.

    Returns
    -------
    int
        At least 1; not more than there are lessons, cores, or gigabytes of free memory.
    """
    by_memory = int(psutil.virtual_memory().available // KERNEL_BYTES)
    return max(1, min(n_lessons, os.cpu_count() or 1, by_memory))


def _begin(
    results: dict[str, Any], plans: Sequence[Plan], kept: Sequence[Plan], preset: str
) -> dict[str, Any]:
    """Results of the run about to start: what is kept, and the rest as waiting; other lessons stay."""
    notebooks = dict(results.get("notebooks", {}))
    for plan in plans:
        if plan in kept:
            notebooks[plan.lesson.name]["kept"] = True
        else:
            notebooks[plan.lesson.name] = {
                "title": plan.lesson.title,
                "preset": preset,
                "status": "waiting",
                "kept": False,
                "parameters": plan.parameters,
                "data": list(plan.data),
                "records": [],
            }
    return {
        "schema": 1,
        "started": _now(),
        "machine": {
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(terse=True),
        },
        "notebooks": dict(sorted(notebooks.items())),
    }


def _entry(plan: Plan, outcome: Outcome, out: Path) -> dict[str, Any]:
    """Everything about one notebook of the run, for ``results.json``."""
    import nbformat

    path = out / f"{plan.lesson.name}.ipynb"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found, shown = records.read(nbformat.reads(text, as_version=4)) if text else ([], [])
    return {
        **outcome.as_dict(),
        "records": [vars(r) for r in found],
        "shown_data": shown,
        "notebook": path.name,
        "notebook_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "fingerprint": plan.fingerprint,
        "finished": _now(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _VERSIONS},
        "git_commit": _git_commit(plan.lesson.path.parent),
    }


def _git_commit(folder: Path) -> str:
    """Commit of the clone, with ``+changes`` where it was edited since; empty where git can't tell."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _describe(outcome: Outcome) -> str:
    figures = f"{outcome.seconds:.1f} s, peak {outcome.peak_memory_bytes / 1e6:,.0f} MB"
    return f"{outcome.status.upper() if outcome.failure else outcome.status} in {figures}"


def _is_unchanged(plan: Plan, results: Mapping[str, Any], out: Path) -> bool:
    entry = results.get("notebooks", {}).get(plan.lesson.name, {})
    if entry.get("status") != "completed" or entry.get("fingerprint") != plan.fingerprint:
        return False
    path = out / f"{plan.lesson.name}.ipynb"
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == entry["notebook_sha256"]


def failures(results: Mapping[str, Any], plans: Sequence[Plan]) -> Iterator[str]:
    """Describe each notebook that failed: which cell, and what it said.

    Parameters
    ----------
    results : mapping
        What `read_results` gave.
    plans : sequence of Plan
        The lessons of this run.

    Yields
    ------
    str
        A few lines for the terminal.
    """
    for plan in plans:
        entry = results["notebooks"][plan.lesson.name]
        if failure := entry.get("failure"):
            cell = "\n".join(f"    | {line}" for line in failure["cell"].splitlines())
            yield f"{plan.lesson.name}: {failure['kind']}\n{cell}\n{failure['message']}"


def _read_results(out: Path) -> dict[str, Any]:
    """Results of an earlier run in the folder; a file that can't be read only means running again."""
    try:
        results = json.loads((out / RESULTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return results if isinstance(results, dict) and results.get("schema") == 1 else {}


def read_results(out: Path) -> dict[str, Any]:
    """Read ``results.json`` of a run.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.

    Returns
    -------
    dict
        Its content.

    Raises
    ------
    CourseError
        If the folder holds no run.
    """
    results = _read_results(out)
    if not results:
        raise CourseError(f"{out}\n  found:    no {RESULTS} of a run\n  expected: the folder of a run")
    return results


def write_results(out: Path, results: Mapping[str, Any]) -> None:
    """Write ``results.json``, whole or not at all.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    results : mapping
        Plain data.
    """
    write_atomically(out / RESULTS, json.dumps(results, indent=1, allow_nan=False) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _only_run_in(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the system frees the lock of a run that was killed."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout:
        raise CourseError(
            f"{out}\n  found:    another run is writing here\n"
            "  to do:    wait for it, or choose another folder with --out"
        ) from None
