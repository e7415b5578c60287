"""``results.json``: what came of each notebook of a run, and whether it still stands.

``docs/reports/results.md`` explains the file to others who read it. Here it is a `Results`, from which
``python -m mnistkit.course.running.results`` makes ``docs/reports/results.schema.json``. Anybody may have
edited the file, so it is read in one place, `read_results`, which checks all of it; nothing else of the kit
opens it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

import psutil

from mnistkit import records
from mnistkit.course.lessons import PAGES
from mnistkit.course.parameters import Value
from mnistkit.course.running.execute import FailureKind, Outcome
from mnistkit.course.running.executors.installation import code_hash, installed_versions
from mnistkit.course.running.jobs import NotebookJob
from mnistkit.course.stored_files import Pattern, PlainName, Version, json_schema, read_json, validated
from mnistkit.errors import UserError
from mnistkit.files import file_sha256, write_atomically
from mnistkit.records.artifacts import kept_models
from mnistkit.utils.threads import cores

RESULTS = "results.json"
LOCK = ".lock"
"""Stays in the folder: by it a run's folder is known."""
REPORT = Path("report") / "index.html"
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


VERSION = "1.0"
"""The version that is written. A new field raises the second number, all else the first."""
_VERSION_1 = Pattern(r"1\.[0-9]{1,4}", "a version like 1.0")
Status = Literal["waiting", "completed", "failed", "interrupted"]


class Data(TypedDict):
    """A data set that a notebook used."""

    name: Annotated[str, "Name of the data set: mnist."]
    source: Annotated[str, "Folder, archive or address that it was loaded from."]
    sha256: Annotated[str, "Hash of its content: equal data, equal hash."]
    is_standin: Annotated[bool, "True: generated images in place of the real ones."]


class Figure(TypedDict):
    """A value that a notebook recorded, a `mnistkit.records.Record`."""

    name: Annotated[str, "What it is, in snake_case; unique in its notebook."]
    value: Annotated[Value, "The value; texts are for reading."]
    is_standin: Annotated[bool, "True: found on stand-in data."]
    reference: Annotated[float | None, "The source report's value; null: there is none."]
    report: Annotated[str, "The source report, R2; empty: there is none."]
    dataset: NotRequired[Annotated[str, "Name of the data set that it was found on."]]
    data_source: NotRequired[Annotated[str, "Where that data set was loaded from."]]
    tolerance: NotRequired[Annotated[float | None, "How far from the reference counts as the same."]]
    better: NotRequired[Annotated[str, "Values that reach the reference: higher, lower or equal."]]
    differs: NotRequired[Annotated[str, "Why it can't be compared with the reference; empty: it can."]]


class FailureEntry(TypedDict):
    """Why a notebook did not reach its end, a `mnistkit.course.running.execute.Failure`."""

    kind: Annotated[
        FailureKind, "error: a cell raised; no kernel: it did not start; unfit worker: of a cluster."
    ]
    cell: Annotated[str, "Source of the cell; empty: no cell."]
    message: Annotated[str, "The error as plain text."]


class CellCost(TypedDict):
    """What one cell took."""

    cell: Annotated[str, "Id of the cell in the notebook."]
    seconds: Annotated[float, "Wall time in seconds."]
    peak_memory_bytes: Annotated[int, "Largest resident memory of the kernel while it ran, in bytes."]


class AllowedCost(TypedDict):
    """What a notebook should keep to; it is not stopped for it."""

    seconds: Annotated[float | None, "Wall time in seconds; null: no limit."]
    memory_bytes: Annotated[int | None, "Resident memory in bytes; null: no limit."]


class Threads(TypedDict):
    """How many threads libraries could use, by environment variable."""

    asked: Annotated[dict[str, str], "What the user asked for."]
    told: Annotated[dict[str, str], "What the kernel was told; empty: not known."]


class Entry(TypedDict):
    """What came of one notebook; the second part is there when it has ended."""

    title: Annotated[str, "The lesson's title."]
    preset: Annotated[str, "Name of the preset."]
    status: Annotated[Status, "waiting: not ended yet; interrupted: stopped by the user."]
    kept: NotRequired[Annotated[bool, "True: of an earlier run, as nothing it depends on has changed."]]
    parameters: Annotated[dict[str, Value], "All parameters with the values that were used."]
    data: Annotated[list[Data], "The data sets that it used."]
    budget: NotRequired[AllowedCost]
    records: Annotated[list[Figure], "What it recorded, in order; no result unless completed."]
    git_commit: NotRequired[Annotated[str, "Commit of the clone, +changes: edited since; empty: not known."]]

    seconds: NotRequired[Annotated[float, "Wall time in seconds, start of the kernel included."]]
    peak_memory_bytes: NotRequired[Annotated[int, "Largest resident memory of the kernel in bytes."]]
    failure: NotRequired[Annotated[FailureEntry | None, "Why it is not completed; null: it is."]]
    slowest_cells: NotRequired[Annotated[list[CellCost], "The cells that took longest, slowest first."]]
    worker: NotRequired[Annotated[str, "The cluster's worker that ran it; empty: this machine."]]
    notebook: NotRequired[Annotated[PlainName, "Name of the executed notebook in the run's folder."]]
    notebook_sha256: NotRequired[Annotated[str, "Hash of that file."]]
    fingerprint: NotRequired[Annotated[str, "Hash of all it depends on; empty: edited while it ran."]]
    after: NotRequired[Annotated[dict[PlainName, str], "Lessons whose models it took over, fingerprints."]]
    threads: NotRequired[Threads]
    finished: NotRequired[Annotated[str, "When it ended: ISO 8601 in UTC."]]
    python: NotRequired[Annotated[str, "Version of Python."]]
    versions: NotRequired[Annotated[dict[str, str], "Versions of the packages, by name."]]


class Machine(TypedDict):
    """Where a run was started."""

    cores: Annotated[int, "Processor cores that the run could use."]
    memory_bytes: Annotated[int, "Memory of the machine in bytes."]
    system: Annotated[str, "Operating system."]


class _Versioned(TypedDict):
    """What every version of the file has: read before anything else."""

    version: NotRequired[Version]


class Results(TypedDict):
    """What came of a run."""

    version: NotRequired[Annotated[str, _VERSION_1, "Version of this schema; missing: 1.0."]]
    started: NotRequired[Annotated[str, "When the run was started last: ISO 8601 in UTC."]]
    machine: Machine
    lock_sha256: NotRequired[Annotated[str, "Hash of requirements.lock; empty: there was none."]]
    notebooks: Annotated[dict[PlainName, Entry], "By the lesson's name, in the order of the course."]


Entries = dict[str, Entry]
"""What came of the notebooks of a run, by the lesson's name."""


class NewerVersionError(UserError):
    """A later mnistkit wrote the file: it is whole, but its meaning is not known here."""


_ENDED = ("seconds", "peak_memory_bytes", "finished")
_ALWAYS: dict[str, Any] = {"kept": False, "git_commit": ""}
_DEFAULTS: dict[str, Any] = {"failure": None, "fingerprint": "", "python": "not recorded", "versions": {}}
"""Of every entry, and of one that has ended, where an earlier version has written it."""
_TODO = "restore the file, or give the command that made the run again: it runs what is not kept"


def read_results(out: Path) -> Results:
    """Read ``results.json`` of a run.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.

    Returns
    -------
    Results
        Its content; what earlier versions left out has a default.

    Raises
    ------
    NewerVersionError
        If a later version of the kit has written the file, with another meaning.
    UserError
        If the folder holds no run, or the file is not as a run has written it.
    """
    path = out / RESULTS
    try:
        content = read_json(path, _TODO)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(out, found=f"no {RESULTS} of a run", expected="the folder of a run") from None
    _refuse_newer(path, validated(content, _Versioned, path, _TODO).get("version", "1.0"))
    results = validated(content, Results, path, _TODO)
    for name, entry in results["notebooks"].items():
        results["notebooks"][name] = _settled(path, name, entry)
    return {"started": "", **results}


def results_schema() -> str:
    """Make the JSON Schema of ``results.json``.

    Returns
    -------
    str
        The text of ``docs/reports/results.schema.json``.
    """
    title = f"results.json of mnistkit, version {VERSION}"
    return json.dumps({"title": title, **json_schema(Results)}, indent=1) + "\n"


def _refuse_newer(path: Path, version: str) -> None:
    """Raise `NewerVersionError` where the first number is higher than ours."""
    major = VERSION.split(".")[0]
    if int(version.split(".")[0]) > int(major):
        raise NewerVersionError(
            f"{path}: version",
            found=f"version {version}, written by a later mnistkit",
            expected=f"version {major}.x, which mnistkit {importlib.metadata.version('mnistkit')} reads",
            todo="update mnistkit, or run into another folder with --out",
        )


def _settled(path: Path, name: str, entry: Entry) -> Entry:
    """See that an entry that has ended has what is then known, and give it what earlier versions left out."""
    missing = [key for key in _ENDED if key not in entry and entry["status"] != "waiting"]
    if name in PAGES or missing:
        place, found = (
            (name, "a page of the report") if name in PAGES else (f"{name}.{missing[0]}", "nothing")
        )
        raise UserError(
            f"{path}: notebooks.{place}", found=found, expected="what came of a lesson", todo=_TODO
        )
    return cast(Entry, _ALWAYS | ({} if entry["status"] == "waiting" else _DEFAULTS) | entry)


def figures_of(entry: Entry | None) -> list[Figure]:
    """Give what a notebook found, to be compared with what others found.

    Parameters
    ----------
    entry : Entry or None
        Its place in the results, if it has one.

    Returns
    -------
    list of Figure
        Its records; none of a notebook that was not completed: what it recorded until then is no result.
    """
    return entry["records"] if entry and entry["status"] == "completed" else []


def read_earlier(out: Path, say: Callable[[str], None] = lambda _: None) -> Entries:
    """Read the results of an earlier run, if there are any: a damaged file only means running again.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    say : callable, optional
        Called with the reason why a file that is there is not used.

    Returns
    -------
    dict of str to Entry
        Its entries by lesson name; empty where there are none or the file can't be read.

    Raises
    ------
    NewerVersionError
        If a later version of the kit has written the file: it is not damaged, and must not be lost.
    """
    try:
        return read_results(out)["notebooks"]
    except NewerVersionError:
        raise
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
        The notebook; whoever changes it changes a copy.

    Raises
    ------
    UserError
        If it can't be read.
    """
    import nbformat

    path = out / f"{name}.ipynb"
    try:
        notebook = _parsed(path.read_bytes())
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


@lru_cache(maxsize=1)
def _parsed(content: bytes) -> Any:
    """Parse a notebook; the last one is kept, as a run reads it for its records and again for its page."""
    import nbformat

    return nbformat.reads(content.decode(), as_version=4)


def write_results(out: Path, results: Results) -> None:
    """Write ``results.json``, whole or not at all.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    results : Results
        Its content.
    """
    text = json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    # Half a character, as a notebook may print one, has no place in UTF-8.
    write_atomically(out / RESULTS, text.encode("utf-8", "replace"))


def begin_results(
    earlier: Entries, plans: Sequence[NotebookJob], kept: Sequence[NotebookJob], preset: str
) -> Results:
    """Make the results of a run about to start: what is kept, the rest as waiting; other lessons stay.

    Parameters
    ----------
    earlier : dict of str to Entry
        What `read_earlier` gave.
    plans : sequence of NotebookJob
        All lessons of this run.
    kept : sequence of NotebookJob
        Those whose earlier result stands.
    preset : str
        Name of the preset.

    Returns
    -------
    Results
        For `write_results`.
    """
    notebooks = dict(earlier)
    commits = {folder: git_commit(folder) for folder in {plan.lesson.path.parent for plan in plans}}
    for plan in plans:
        name = plan.name
        if plan in kept:
            notebooks[name]["kept"] = True
        else:
            notebooks[name] = {
                "title": plan.lesson.title,
                "preset": preset,
                "status": "waiting",
                "kept": False,
                "parameters": plan.parameters,
                "data": _used_data(plan.data, ()),
                "budget": {"seconds": plan.budget.seconds, "memory_bytes": plan.budget.memory_bytes},
                "records": [],
                "git_commit": commits[plan.lesson.path.parent],
            }
    return {
        "version": VERSION,
        "started": _now(),
        "machine": {
            "cores": cores(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(terse=True),
        },
        "lock_sha256": _lock_sha256(plans[0].lesson.path.parent.parent),
        "notebooks": dict(sorted(notebooks.items())),
    }


def finish_entry(entries: Entries, plan: NotebookJob, outcome: Outcome, out: Path, threads: Threads) -> None:
    """Enter everything about one notebook that has ended.

    Parameters
    ----------
    entries : dict of str to Entry
        The run's, from `begin_results`; the lesson's is replaced.
    plan : NotebookJob
        The lesson.
    outcome : Outcome
        How it ended.
    out : pathlib.Path
        The run's folder.
    threads : Threads
        How many it could use.
    """
    path, installed = out / f"{plan.name}.ipynb", installed_versions()
    content = path.read_bytes() if path.exists() else b""
    found, shown = records.read(_parsed(content)) if content else ([], [])
    ended = {
        **asdict(outcome),
        "records": [vars(r) for r in found],
        "data": _used_data(plan.data, shown),
        "notebook": path.name,
        "notebook_sha256": hashlib.sha256(content).hexdigest(),
        # Code that was edited while the notebook ran: nobody can say which of it the result is from.
        "fingerprint": plan.fingerprint if plan.code == code_hash() else "",
        "after": taken_from(plan, fingerprints(entries)),
        "threads": threads,
        "finished": _now(),
        "python": platform.python_version(),
        "versions": {name: installed[name] for name in _VERSIONS if name in installed},
    }
    name = plan.name
    entries[name] = cast(Entry, entries[name] | ended)


def _used_data(planned: Iterable[Mapping[str, Any]], shown: Iterable[Mapping[str, Any]]) -> list[Data]:
    """Join the data that was loaded for a notebook and what it showed: a stand-in is never left out."""
    used = {d["name"]: d for d in planned}
    for data in shown:
        if data["name"] not in used or (data["is_standin"] and not used[data["name"]]["is_standin"]):
            used[data["name"]] = data
    return cast(list[Data], list(used.values()))


def git_commit(folder: Path) -> str:
    """Ask git for the commit of a clone.

    Parameters
    ----------
    folder : pathlib.Path
        In the clone.

    Returns
    -------
    str
        With ``+changes`` where it was edited since; empty where git can't tell.
    """

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
    return file_sha256(path) if path.exists() else ""


def fingerprints(entries: Entries) -> dict[str, str]:
    """Collect the fingerprints of what is completed.

    Parameters
    ----------
    entries : dict of str to Entry
        Of a run, of an earlier or of this one.

    Returns
    -------
    dict of str to str
        By lesson name.
    """
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


def expected_fingerprints(entries: Entries, plans: Sequence[NotebookJob]) -> dict[str, str]:
    """Collect the fingerprints that there will be after a run.

    Parameters
    ----------
    entries : dict of str to Entry
        What `read_earlier` gave.
    plans : sequence of NotebookJob
        The lessons of the run.

    Returns
    -------
    dict of str to str
        By lesson name; empty, as no result has it, where nobody can know what the lesson will load.
    """
    planned = {plan.name: "" if plan.doubts else plan.fingerprint for plan in plans}
    return fingerprints(entries) | planned


def is_unchanged(
    plan: NotebookJob,
    entries: Entries,
    out: Path,
    expected: Mapping[str, str],
    threads: Threads | None = None,
) -> bool:
    """Whether the result of an earlier run still stands, whole and for all that the plan depends on.

    Parameters
    ----------
    plan : NotebookJob
        The lesson.
    entries : dict of str to Entry
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
    entry = entries.get(plan.name)
    if entry is None or entry["status"] != "completed" or plan.doubts:
        return False
    if entry["fingerprint"] != plan.fingerprint:
        return False
    if entry.get("after", {}) != taken_from(plan, expected) or not _same_threads(entry, threads):
        return False
    if not all(path.exists() for path in kept_models(plan.lesson.hands_over, out)):
        return False
    path = out / f"{plan.name}.ipynb"
    return path.exists() and file_sha256(path) == entry.get("notebook_sha256")


def _same_threads(entry: Entry, threads: Threads | None) -> bool:
    """Whether the same was asked for, or comes to the same though it was asked for in another way."""
    before = entry.get("threads", Threads(asked={}, told={}))
    if threads is None or before["asked"] == threads["asked"]:
        return True
    return bool(threads["told"]) and before["told"] == threads["told"]


def what_changed(
    plan: NotebookJob,
    before: Entry,
    expected: Mapping[str, str],
    threads: Threads | None = None,
) -> str:
    """Say why a completed notebook is run again.

    Parameters
    ----------
    plan : NotebookJob
        The lesson as it will be run.
    before : Entry
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


def failures(results: Results, plans: Sequence[NotebookJob]) -> Iterator[str]:
    """Describe each notebook that failed: which cell, and what it said.

    Parameters
    ----------
    results : Results
        What `read_results` gave.
    plans : sequence of NotebookJob
        The lessons of this run.

    Yields
    ------
    str
        A few lines for the terminal.
    """
    for plan in plans:
        entry = results["notebooks"][PlainName(plan.name)]
        if failure := entry.get("failure"):
            cell = "\n".join(f"    | {line}" for line in failure["cell"].splitlines())
            yield f"{plan.name}: {failure['kind']}\n{cell}\n{failure['message']}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.stdout.write(results_schema())
