"""``results.json``: what came of each notebook of a run, and whether it still stands.

The file is `Results`, version 1. Anybody may have edited it, so it is read in one place, `read_results`,
which checks all of it; nothing else of the kit opens it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, cast

import psutil

from mnistkit import records
from mnistkit.course.running.execute import Outcome
from mnistkit.course.running.jobs import NotebookJob, code_hash
from mnistkit.course.stored_files import PlainName, read_stored
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.records.artifacts import kept_models
from mnistkit.utils.threads import cores

RESULTS = "results.json"
LOCK = ".lock"
"""Stays in the folder: by it a run's folder is known."""
REPORT = Path("report") / "index.html"
PAGES = ("index", "reproduction", "provenance")
"""The report's pages about the whole run: no lesson's page may have their names."""
_VERSIONS = (
    "mnistkit",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "matplotlib",
    "seaborn",
    "papermill",
    "keras",
    "tensorflow",
)


Value = bool | int | float | str
Status = Literal["waiting", "completed", "failed", "interrupted"]


class Data(TypedDict):
    """A data set that a notebook used."""

    name: str
    source: str
    sha256: str
    is_standin: bool


class Figure(TypedDict):
    """A `mnistkit.records.Record`; what later versions have added may be missing."""

    name: str
    value: Value
    is_standin: bool
    reference: float | None
    report: str
    dataset: NotRequired[str]
    data_source: NotRequired[str]
    tolerance: NotRequired[float | None]
    better: NotRequired[str]
    differs: NotRequired[str]


class FailureEntry(TypedDict):
    """A `mnistkit.course.running.execute.Failure`."""

    kind: str
    cell: str
    message: str


class CellCost(TypedDict):
    """What one cell took."""

    cell: str
    seconds: float
    peak_memory_bytes: int


class Budget(TypedDict):
    """`mnistkit.course.running.execute.Limits` that a notebook should keep."""

    seconds: float | None
    memory_bytes: int | None


class Threads(TypedDict):
    """How many threads libraries could use: what was asked for, what they were told (empty: not known)."""

    asked: dict[str, str]
    told: dict[str, str]


class Entry(TypedDict):
    """What came of one notebook; the second part is there when it has ended."""

    title: str
    preset: str
    status: Status
    kept: NotRequired[bool]
    parameters: dict[str, Value]
    data: list[Data]
    budget: NotRequired[Budget]
    records: list[Figure]
    git_commit: NotRequired[str]

    seconds: NotRequired[float]
    peak_memory_bytes: NotRequired[int]
    failure: NotRequired[FailureEntry | None]
    slowest_cells: NotRequired[list[CellCost]]
    worker: NotRequired[str]
    notebook: NotRequired[PlainName]
    notebook_sha256: NotRequired[str]
    fingerprint: NotRequired[str]
    after: NotRequired[dict[PlainName, str]]
    threads: NotRequired[Threads]
    finished: NotRequired[str]
    python: NotRequired[str]
    versions: NotRequired[dict[str, str]]


class Machine(TypedDict):
    """Where a run was started."""

    cores: int
    memory_bytes: int
    system: str


class Results(TypedDict):
    """The whole file, version 1."""

    schema: Literal[1]
    started: NotRequired[str]
    machine: Machine
    lock_sha256: NotRequired[str]
    notebooks: dict[PlainName, Entry]


_ENDED = ("seconds", "peak_memory_bytes", "finished")
_ALWAYS: dict[str, Any] = {"kept": False, "git_commit": ""}
_DEFAULTS: dict[str, Any] = {"failure": None, "fingerprint": "", "python": "not recorded", "versions": {}}
"""Of every entry, and of one that has ended, where an earlier version has written it."""
_TODO = "restore the file, or give the command that made the run again: it runs what is not kept"


def read_results(out: Path) -> dict[str, Any]:
    """Read ``results.json`` of a run.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.

    Returns
    -------
    dict
        A `Results`.

    Raises
    ------
    UserError
        If the folder holds no run, or the file is not as a run has written it.
    """
    path = out / RESULTS
    try:
        results = cast(dict[str, Any], read_stored(path, Results, _TODO))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(out, found=f"no {RESULTS} of a run", expected="the folder of a run") from None
    entries = {name: _settled(path, name, entry) for name, entry in results["notebooks"].items()}
    return {"started": "", **results, "notebooks": entries}


def _settled(path: Path, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """See that an entry that has ended has what is then known, and give it what earlier versions left out."""
    missing = [key for key in _ENDED if key not in entry and entry["status"] != "waiting"]
    if name in PAGES or missing:
        place, found = (
            (name, "a page of the report") if name in PAGES else (f"{name}.{missing[0]}", "nothing")
        )
        raise UserError(
            f"{path}: notebooks.{place}", found=found, expected="what came of a lesson", todo=_TODO
        )
    return {**_ALWAYS, **({} if entry["status"] == "waiting" else _DEFAULTS), **entry}


def figures_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give what a notebook found, to be compared with what others found.

    Parameters
    ----------
    entry : mapping
        An `Entry`; empty where there is none.

    Returns
    -------
    list of dict
        Its records; none of a notebook that was not completed: what it recorded until then is no result.
    """
    return list(entry["records"]) if entry.get("status") == "completed" else []


def read_earlier(out: Path, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Read the results of an earlier run, if there are any: a damaged file only means running again.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    say : callable, optional
        Called with the reason why a file that is there is not used.

    Returns
    -------
    dict
        Its content; empty where there is none or it can't be read.
    """
    try:
        return read_results(out)
    except UserError as error:
        if (out / RESULTS).exists():
            say(f"The earlier results are not used, and all is run again:\n{error}")
        return {}


def read_executed(out: Path, name: str) -> Any:
    """Read an executed notebook of a run.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    name : str
        The lesson's name.

    Returns
    -------
    nbformat.NotebookNode
        The notebook.

    Raises
    ------
    UserError
        If it can't be read.
    """
    import nbformat

    path = out / f"{name}.ipynb"
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # nbformat raises many kinds, also AttributeError
        reason = str(error).partition("\n")[0][:200]
        raise UserError(
            path,
            found=f"not a readable notebook ({type(error).__name__}: {reason})",
            expected="the executed notebook as the run has written it",
            todo="run this lesson again: what was changed is not kept",
        ) from error
    return notebook


def write_results(out: Path, results: Mapping[str, Any]) -> None:
    """Write ``results.json``, whole or not at all.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    results : mapping
        Plain data.
    """
    text = json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    # Half a character, as a notebook may print one, has no place in UTF-8.
    write_atomically(out / RESULTS, text.encode("utf-8", "replace"))


def begin_results(
    results: dict[str, Any], plans: Sequence[NotebookJob], kept: Sequence[NotebookJob], preset: str
) -> dict[str, Any]:
    """Make the results of a run about to start: what is kept, the rest as waiting; other lessons stay.

    Parameters
    ----------
    results : dict
        What `read_earlier` gave.
    plans : sequence of NotebookJob
        All lessons of this run.
    kept : sequence of NotebookJob
        Those whose earlier result stands.
    preset : str
        Name of the preset.

    Returns
    -------
    dict
        Plain data for `write_results`.
    """
    notebooks = dict(results.get("notebooks", {}))
    commit = _git_commit(plans[0].lesson.path.parent)  # one folder, so one clone
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
                "budget": asdict(plan.budget),
                "records": [],
                "git_commit": commit,
            }
    return {
        "schema": 1,
        "started": _now(),
        "machine": {
            "cores": cores(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(terse=True),
        },
        "lock_sha256": _lock_sha256(plans[0].lesson.path.parents[1]),
        "notebooks": dict(sorted(notebooks.items())),
    }


def make_entry(plan: NotebookJob, outcome: Outcome, out: Path, threads: Threads) -> dict[str, Any]:
    """Collect everything about one notebook that has ended.

    Parameters
    ----------
    plan : NotebookJob
        The lesson.
    outcome : Outcome
        How it ended.
    out : pathlib.Path
        The run's folder.
    threads : Threads
        How many it could use.

    Returns
    -------
    dict
        Plain data for the lesson's place in the results.
    """
    import nbformat

    path = out / f"{plan.name}.ipynb"
    content = path.read_bytes() if path.exists() else b""
    found, shown = records.read(nbformat.reads(content.decode(), as_version=4)) if content else ([], [])
    return {
        **asdict(outcome),
        "records": [vars(r) for r in found],
        "data": _used_data(plan.data, shown),
        "notebook": path.name,
        "notebook_sha256": hashlib.sha256(content).hexdigest(),
        # Code that was edited while the notebook ran: nobody can say which of it the result is from.
        "fingerprint": plan.fingerprint if plan.code == code_hash() else "",
        "threads": threads,
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


def _lock_sha256(clone: Path) -> str:
    """Hash the list of the exact versions; empty where there is none, as in an installed package."""
    path = clone / "requirements.lock"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def fingerprints(results: Mapping[str, Any]) -> dict[str, str]:
    """Collect the fingerprints of what is completed.

    Parameters
    ----------
    results : mapping
        Results of a run, of an earlier or of this one.

    Returns
    -------
    dict of str to str
        By lesson name.
    """
    entries = results.get("notebooks", {})
    return {name: entry["fingerprint"] for name, entry in entries.items() if entry["status"] == "completed"}


def taken_from(plan: NotebookJob, known: Mapping[str, str]) -> dict[str, str]:
    """Choose the fingerprints of the lessons that a lesson takes models over from.

    Parameters
    ----------
    plan : NotebookJob
        The lesson.
    known : mapping of str to str
        Fingerprints by lesson name, of those that are or will be completed.

    Returns
    -------
    dict of str to str
        Empty for most lessons.
    """
    return {name: known[name] for name in plan.after if name in known}


def expected_fingerprints(results: Mapping[str, Any], plans: Sequence[NotebookJob]) -> dict[str, str]:
    """Collect the fingerprints that there will be after a run.

    Parameters
    ----------
    results : mapping
        What `read_earlier` gave.
    plans : sequence of NotebookJob
        The lessons of the run.

    Returns
    -------
    dict of str to str
        By lesson name; empty, as no result has it, where nobody can know what the lesson will load.
    """
    return fingerprints(results) | {plan.name: "" if plan.doubts else plan.fingerprint for plan in plans}


def is_unchanged(
    plan: NotebookJob,
    results: Mapping[str, Any],
    out: Path,
    expected: Mapping[str, str],
    threads: Threads | None = None,
) -> bool:
    """Whether the result of an earlier run still stands, whole and for all that the plan depends on.

    Parameters
    ----------
    plan : NotebookJob
        The lesson.
    results : mapping
        What `read_earlier` gave.
    out : pathlib.Path
        The run's folder.
    expected : mapping of str to str
        What `expected_fingerprints` gave.
    threads : Threads, optional
        Those of this run; not compared where they are not given.

    Returns
    -------
    bool
        True if it was completed, nothing has changed, the executed notebook is as it was written, and the
        models that it keeps for later lessons are there.
    """
    entry = results.get("notebooks", {}).get(plan.name, {})
    if entry.get("status") != "completed" or plan.doubts or entry["fingerprint"] != plan.fingerprint:
        return False
    if entry.get("after", {}) != taken_from(plan, expected) or not _same_threads(entry, threads):
        return False
    if not all(path.exists() for path in kept_models(plan.lesson.hands_over, out)):
        return False
    path = out / f"{plan.name}.ipynb"
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == entry.get("notebook_sha256")


def _same_threads(entry: Mapping[str, Any], threads: Threads | None) -> bool:
    """Whether the same was asked for, or comes to the same though it was asked for in another way."""
    before = entry.get("threads", {"asked": {}, "told": {}})
    if threads is None or before["asked"] == threads["asked"]:
        return True
    return bool(threads["told"]) and before["told"] == threads["told"]


def what_changed(
    plan: NotebookJob,
    before: Mapping[str, Any],
    expected: Mapping[str, str],
    threads: Threads | None = None,
) -> str:
    """Say why a completed notebook is run again.

    Parameters
    ----------
    plan : NotebookJob
        The lesson as it will be run.
    before : mapping
        Its place in the earlier results.
    expected, threads
        As for `is_unchanged`.

    Returns
    -------
    str
        The first reason that applies.
    """
    if plan.doubts:
        return f"what it loads is only known when it runs: {'; '.join(plan.doubts)}"
    names = [n for n, v in plan.parameters.items() if before["parameters"].get(n, v) != v]
    if names:
        return f"another {' and '.join(names)}"
    known = {d["name"]: d["sha256"] for d in before["data"]}
    if any(known.get(d["name"]) != d["sha256"] for d in plan.data):
        return "other data"
    if before.get("after", {}) != taken_from(plan, expected):
        return f"another result of {' and '.join(plan.after)}, whose model it takes over"
    if before["fingerprint"] == plan.fingerprint and not _same_threads(before, threads):
        return "another number of threads, on which some figures depend (OMP_NUM_THREADS, -j)"
    return "the notebook, mnistkit, its packages or the weights that it loads have changed"


def failures(results: Mapping[str, Any], plans: Sequence[NotebookJob]) -> Iterator[str]:
    """Describe each notebook that failed: which cell, and what it said.

    Parameters
    ----------
    results : mapping
        What `read_results` gave.
    plans : sequence of NotebookJob
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
