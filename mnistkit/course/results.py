"""``results.json``: what came of each notebook of a run, and whether it still stands."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from mnistkit import records
from mnistkit.course import CourseError
from mnistkit.course.kernel import Outcome
from mnistkit.course.places import cores
from mnistkit.course.plan import Plan, code_hash
from mnistkit.data.files import write_atomically
from mnistkit.handover import kept_models

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


def read_earlier(out: Path) -> dict[str, Any]:
    """Read the results of an earlier run, if there are any: a damaged file only means running again.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.

    Returns
    -------
    dict
        Its content; empty where there is none or it can't be read.
    """
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
    results = read_earlier(out)
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


def begin_results(
    results: dict[str, Any], plans: Sequence[Plan], kept: Sequence[Plan], preset: str
) -> dict[str, Any]:
    """Make the results of a run about to start: what is kept, the rest as waiting; other lessons stay.

    Parameters
    ----------
    results : dict
        What `read_earlier` gave.
    plans : sequence of Plan
        All lessons of this run.
    kept : sequence of Plan
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


def make_entry(plan: Plan, outcome: Outcome, out: Path) -> dict[str, Any]:
    """Collect everything about one notebook that has ended.

    Parameters
    ----------
    plan : Plan
        The lesson.
    outcome : Outcome
        How it ended.
    out : pathlib.Path
        The run's folder.

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


def taken_from(plan: Plan, known: Mapping[str, str]) -> dict[str, str]:
    """Choose the fingerprints of the lessons that a lesson takes models over from.

    Parameters
    ----------
    plan : Plan
        The lesson.
    known : mapping of str to str
        Fingerprints by lesson name, of those that are or will be completed.

    Returns
    -------
    dict of str to str
        Empty for most lessons.
    """
    return {name: known[name] for name in plan.after if name in known}


def is_unchanged(plan: Plan, results: Mapping[str, Any], out: Path, expected: Mapping[str, str]) -> bool:
    """Whether the result of an earlier run still stands, whole and for all that the plan depends on.

    Parameters
    ----------
    plan : Plan
        The lesson.
    results : mapping
        What `read_earlier` gave.
    out : pathlib.Path
        The run's folder.
    expected : mapping of str to str
        Fingerprints of the results that there will be after this run, by lesson name.

    Returns
    -------
    bool
        True if it was completed, nothing has changed, the executed notebook is as it was written, and the
        models that it keeps for later lessons are there.
    """
    entry = results.get("notebooks", {}).get(plan.name, {})
    if entry.get("status") != "completed" or entry.get("fingerprint") != plan.fingerprint:
        return False
    if entry.get("after", {}) != taken_from(plan, expected):
        return False
    if not all(path.exists() for path in kept_models(plan.lesson.hands_over, out)):
        return False
    path = out / f"{plan.name}.ipynb"
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == entry["notebook_sha256"]


def what_changed(plan: Plan, before: Mapping[str, Any], expected: Mapping[str, str]) -> str:
    """Say why a completed notebook is run again.

    Parameters
    ----------
    plan : Plan
        The lesson as it will be run.
    before : mapping
        Its place in the earlier results.
    expected : mapping of str to str
        As for `is_unchanged`.

    Returns
    -------
    str
        The first reason that applies.
    """
    names = [n for n, v in plan.parameters.items() if before["parameters"].get(n, v) != v]
    if names:
        return f"another {' and '.join(names)}"
    known = {d["name"]: d["sha256"] for d in before["data"]}
    if any(known.get(d["name"]) != d["sha256"] for d in plan.data):
        return "other data"
    if before.get("after", {}) != taken_from(plan, expected):
        return f"another result of {' and '.join(plan.after)}, whose model it takes over"
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
