"""Run lessons into a folder: strict parameters, several at a time, resumable, with a report.

A run is a folder: the executed notebooks, ``results.json`` and ``report/``. What has not changed since a
notebook was completed there (its cells, parameters, the package, the data, the installed versions) is not
run again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from mnistkit.course.kernel import Failure, Outcome, Task, cells_done, execute, interrupt_all
from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import Value, read_schema

RESULTS = "results.json"
LOCK = ".lock"
"""Stays in the folder: by it a run's folder is known."""
REPORT = Path("report") / "index.html"
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
    code : str
        Hash of the lesson code in the package.
    fingerprint : str
        Hash of everything that the result depends on.
    """

    lesson: Lesson
    parameters: dict[str, Value]
    data: tuple[dict[str, Any], ...]
    code: str
    fingerprint: str

    @property
    def name(self) -> str:
        """The lesson's name."""
        return self.lesson.name


def make_plans(lessons: Sequence[Lesson], parameters: Mapping[str, dict[str, Value]]) -> list[Plan]:
    """Load the data of each lesson once and fix what its result depends on.

    Loading here, before any kernel starts, shows a download's progress in the terminal, stops a run with bad
    data at once, and leaves the arrays in the cache for the kernels.

    Parameters
    ----------
    lessons : sequence of Lesson
        What to run.
    parameters : mapping of str to dict
        Values by parameter, by lesson name.

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
    code = _code_hash()
    installed = sorted(f"{d.name}=={d.version}" for d in importlib.metadata.distributions())
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
        parts = [cells, values, [d["sha256"] for d in data], code, installed, platform.python_version()]
        plans.append(Plan(lesson, values, data, code, _hash(parts)))
    return plans


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _code_hash() -> str:
    """Hash the files of the package that a notebook can import: all but the runner's own."""
    package = Path(__file__).resolve().parents[1]
    files = {path.relative_to(package): path for path in sorted(package.rglob("*.py"))}
    return _hash(
        [
            [name.as_posix(), path.read_text(encoding="utf-8")]
            for name, path in files.items()
            if name.parts[0] not in ("course", "cli.py")
        ]
    )


def run(
    plans: Sequence[Plan],
    out: Path,
    *,
    preset: str,
    jobs: int | None,
    executor: Executor | None = None,
    say: Callable[[str], None],
    report: Callable[[Path, Collection[str] | None], object],
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
    jobs : int or None
        How many to run at a time; None: what fits this machine.
    executor : concurrent.futures.Executor, optional
        What drives the kernels; threads of this process where not given (a kernel is a process already).
        It stays open. Progress and interrupts reach only kernels of this process.
    say : callable
        Called with each line for the person who waits.
    report : callable
        Called with the run's folder and the lessons whose pages have changed (None: all), after each
        notebook: the report's first page need not wait for the last.

    Returns
    -------
    bool
        True if every notebook was completed.

    Raises
    ------
    CourseError
        If another run is writing to the folder, it holds what is not a run's, or it is no folder.
    KeyboardInterrupt
        On Ctrl-C, after the kernels were stopped and what is finished was written.
    """
    _refuse_foreign(plans, out)
    with _only_run_in(out):
        book = _Book(out, preset, say, report)
        todo = book.begin(plans)
        jobs = jobs or default_jobs(len(todo))
        pool = executor or ThreadPoolExecutor(max_workers=jobs)
        futures = {pool.submit(execute, make_task(plan, out, preset, jobs)): plan for plan in todo}
        try:
            for future in _as_finished(futures):
                book.enter(futures[future], _outcome(future))
        except BaseException:
            say("\n  stopping the kernels (finished notebooks are kept)")
            _stop(futures)
            for future, plan in futures.items():
                if not future.cancelled() and not book.has(plan):
                    book.enter(plan, _outcome(future))
            raise
        finally:
            if executor is None:
                pool.shutdown()
            book.close()
        return all(book.results["notebooks"][plan.name]["status"] == "completed" for plan in plans)


def _as_finished(futures: Mapping[Future[Outcome], Plan]) -> Iterator[Future[Outcome]]:
    """Yield each future as it finishes, and show how many cells are done meanwhile."""
    from tqdm import tqdm

    cells = {plan.name: sum(c.kind == "code" for c in plan.lesson.cells) for plan in futures.values()}
    pending = set(futures)
    # disable=None: no bar where the output is a file or a pipe.
    total = sum(cells.values())
    with tqdm(total=total, unit="cell", desc="  running", disable=None, leave=False) as bar:
        while pending:
            # With a timeout, because on Windows a wait without one can't be interrupted.
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            finished = sum(cells[plan.name] for future, plan in futures.items() if future not in pending)
            bar.update(min(finished + cells_done(), total) - bar.n)
            bar.clear()
            yield from done


def _stop(futures: Collection[Future[Outcome]]) -> None:
    """Cancel what has not begun and kill the rest, again and again: a kernel may just be starting."""
    for future in futures:
        future.cancel()
    pending: Collection[Future[Outcome]] = futures
    while pending:
        interrupt_all()
        _, pending = wait(pending, timeout=0.5)


def _outcome(future: Future[Outcome]) -> Outcome:
    """Take the outcome of a notebook; what went wrong around it is that notebook's failure."""
    try:
        return future.result()
    except Exception as error:
        return Outcome("failed", 0.0, 0, Failure("error", "", f"{type(error).__name__}: {error}"))


class _Book:
    """Keeps ``results.json`` and the report of a run up to date.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    preset : str
        Name of the preset.
    say, report : callable
        As for `run`.
    """

    def __init__(
        self,
        out: Path,
        preset: str,
        say: Callable[[str], None],
        report: Callable[[Path, Collection[str] | None], object],
    ) -> None:
        self.out, self.preset, self.say, self._report = out, preset, say, report
        self.results: dict[str, Any] = {}
        self._entered: set[str] = set()

    def begin(self, plans: Sequence[Plan]) -> list[Plan]:
        """Write that the run begins; give what has to be run."""
        earlier = _read_results(self.out)
        kept = [plan for plan in plans if _is_unchanged(plan, earlier, self.out)]
        for plan in plans:
            before = earlier.get("notebooks", {}).get(plan.name, {})
            if plan in kept:
                self.say(f"  {plan.name:34} kept: nothing it depends on has changed")
            elif before.get("status") == "completed":
                self.say(f"  {plan.name:34} replaces the earlier result: {_what_changed(plan, before)}")
        self.results = _begin(earlier, plans, kept, self.preset)
        self._write(pages=())
        return [plan for plan in plans if plan not in kept]

    def enter(self, plan: Plan, outcome: Outcome) -> None:
        """Write how a notebook ended."""
        self.results["notebooks"][plan.name] |= _entry(plan, outcome, self.out)
        self._entered.add(plan.name)
        self._write(pages=(plan.name,))
        self.say(f"  {plan.name:34} {_describe(outcome)}")

    def has(self, plan: Plan) -> bool:
        """Whether the outcome of a notebook has been entered."""
        return plan.name in self._entered

    def close(self) -> None:
        """Write all pages again, now that it is known which there are, and say where they are."""
        self._write(pages=None)
        self.say(f"Report: {(self.out / REPORT).resolve()}")

    def _write(self, pages: Collection[str] | None) -> None:
        write_results(self.out, self.results)
        try:
            self._report(self.out, pages)
        except Exception as error:  # a page that can't be made is no reason to lose a run
            self.say(f"  the report could not be written: {type(error).__name__}: {error}")


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
    output = out / f"{plan.name}.ipynb"
    env = _kernel_environment(jobs)
    if any(d["is_standin"] for d in plan.data) and plan.parameters.get("data", "auto") == "auto":
        env.setdefault("MNISTKIT_OFFLINE", "a download was tried when the run began")
    return Task(plan.name, plan.lesson.text, str(output), changed, env, CELL_SECONDS[preset])


def _kernel_environment(jobs: int) -> dict[str, str]:
    """Share the cores among the kernels."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    threads = str(max(1, _cores() // jobs))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env.setdefault(name, threads)
    # Threads that spin while they wait take the cores away from the other kernels.
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return env


def _cores() -> int:
    """Count the cores that this process may use, which a scheduler can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
    return max(1, min(n_lessons, _cores(), by_memory))


def _begin(
    results: dict[str, Any], plans: Sequence[Plan], kept: Sequence[Plan], preset: str
) -> dict[str, Any]:
    """Results of the run about to start: what is kept, and the rest as waiting; other lessons stay."""
    notebooks = dict(results.get("notebooks", {}))
    for plan in plans:
        if plan in kept:
            notebooks[plan.name]["kept"] = True
        else:
            notebooks[plan.name] = {
                "title": plan.lesson.title,
                "preset": preset,
                "status": "waiting",
                "kept": False,
                "parameters": plan.parameters,
                "data": list(plan.data),
                "records": [],
                "git_commit": _git_commit(plan.lesson.path.parent),
            }
    return {
        "schema": 1,
        "started": _now(),
        "machine": {
            "cores": _cores(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(terse=True),
        },
        "notebooks": dict(sorted(notebooks.items())),
    }


def _entry(plan: Plan, outcome: Outcome, out: Path) -> dict[str, Any]:
    """Everything about one notebook of the run, for ``results.json``."""
    import nbformat

    path = out / f"{plan.name}.ipynb"
    content = path.read_bytes() if path.exists() else b""
    found, shown = records.read(nbformat.reads(content.decode(), as_version=4)) if content else ([], [])
    return {
        **outcome.as_dict(),
        "records": [vars(r) for r in found],
        "data": _used_data(plan.data, shown),
        "notebook": path.name,
        "notebook_sha256": hashlib.sha256(content).hexdigest(),
        # Code that was edited while the notebook ran: nobody can say which of it the result is from.
        "fingerprint": plan.fingerprint if plan.code == _code_hash() else "",
        "finished": _now(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _VERSIONS},
    }


def _used_data(
    planned: Sequence[Mapping[str, Any]], shown: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Join the data that was loaded for a notebook and what it showed: a stand-in is never left out."""
    used = {d["name"]: d for d in planned}
    for data in shown:
        if data["name"] not in used or (data["is_standin"] and not used[data["name"]]["is_standin"]):
            used[data["name"]] = data
    return list(used.values())


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
    entry = results.get("notebooks", {}).get(plan.name, {})
    if entry.get("status") != "completed" or entry.get("fingerprint") != plan.fingerprint:
        return False
    path = out / f"{plan.name}.ipynb"
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == entry["notebook_sha256"]


def _what_changed(plan: Plan, before: Mapping[str, Any]) -> str:
    """Say why a completed notebook is run again."""
    names = [n for n, v in plan.parameters.items() if before["parameters"].get(n, v) != v]
    if names:
        return f"another {' and '.join(names)}"
    known = {d["name"]: d["sha256"] for d in before["data"]}
    if any(known.get(d["name"]) != d["sha256"] for d in plan.data):
        return "other data"
    return "the notebook, mnistkit or its packages have changed"


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
        entry = results["notebooks"][plan.name]
        if failure := entry.get("failure"):
            cell = "\n".join(f"    | {line}" for line in failure["cell"].splitlines())
            yield f"{plan.name}: {failure['kind']}\n{cell}\n{failure['message']}"


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


def _refuse_foreign(plans: Sequence[Plan], out: Path) -> None:
    """Raise `CourseError` where a run would overwrite what no run has written: lessons, someone's files."""
    ours = [*(f"{plan.name}.ipynb" for plan in plans), str(REPORT), RESULTS]
    there = [name for name in ours if (out / name).exists()]
    if there and not (out / LOCK).exists():
        raise CourseError(
            f"{out}\n  found:    {', '.join(there)}, not written by a run\n"
            "  expected: a new folder, or that of an earlier run\n"
            "  to do:    choose another folder with --out"
        )


@contextmanager
def _only_run_in(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the system frees the lock of a run that was killed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise CourseError(
            f"{out}\n  found:    another run is writing here\n"
            "  to do:    wait for it, or choose another folder with --out"
        ) from None
    except OSError as error:
        raise CourseError(
            f"{out}\n  found:    {error.strerror or error}\n  expected: a folder to write into\n"
            "  to do:    choose another folder with --out"
        ) from error
    try:
        yield
    finally:
        lock.release()
