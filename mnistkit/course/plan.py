"""What a run is going to do: each lesson with its parameters, its data and all that its result needs."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mnistkit import data as datasets
from mnistkit.course.kernel import Task
from mnistkit.course.lessons import Lesson, providers
from mnistkit.course.parameters import Value, read_schema
from mnistkit.handover import RUN_FOLDER

CELL_SECONDS = {"smoke": 120.0, "lab": 600.0, "full": 4 * 3600.0}
"""Longest time that one cell may take, by preset: far above what any needs, so that a hang ends."""
KERNEL_BYTES = 2_000_000_000
"""What a kernel with TensorFlow needs (lesson 03, lab), for the choice of how many to run at a time."""


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
        Hash of everything that the result depends on, but for `after`.
    after : tuple of str
        Names of lessons whose models it takes over: it starts when those in the same run have ended.
    """

    lesson: Lesson
    parameters: dict[str, Value]
    data: tuple[dict[str, Any], ...]
    code: str
    fingerprint: str
    after: tuple[str, ...] = ()

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
    code = code_hash()
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
        plans.append(Plan(lesson, values, data, code, _hash(parts), providers(lesson)))
    return plans


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def code_hash() -> str:
    """Hash the files of the package that a notebook can import: all but the runner's own.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    package = Path(__file__).resolve().parents[1]
    files = {path.relative_to(package): path for path in sorted(package.rglob("*.py"))}
    return _hash(
        [
            [name.as_posix(), path.read_text(encoding="utf-8")]
            for name, path in files.items()
            if name.parts[0] not in ("course", "cli.py")
        ]
    )


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
    env = _kernel_environment(jobs) | {RUN_FOLDER: str(out.resolve())}
    if any(d["is_standin"] for d in plan.data) and plan.parameters.get("data", "auto") == "auto":
        env.setdefault("MNISTKIT_OFFLINE", "a download was tried when the run began")
    return Task(plan.name, plan.lesson.text, str(output), changed, env, CELL_SECONDS[preset])


def _kernel_environment(jobs: int) -> dict[str, str]:
    """Share the cores among the kernels."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    threads = str(max(1, cores() // jobs))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env.setdefault(name, threads)
    # Threads that spin while they wait take the cores away from the other kernels.
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return env


def cores() -> int:
    """Count the cores that this process may use, which a scheduler can make fewer than there are.

    Returns
    -------
    int
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_jobs(n_lessons: int) -> int:
    """Choose how many kernels to run at a time on this machine.

    Parameters
    ----------
    n_lessons : int
        How many could run at a time.

    Returns
    -------
    int
        At least 1; not more than there are lessons, cores, or times that free memory holds a kernel.
    """
    by_memory = int(psutil.virtual_memory().available // KERNEL_BYTES)
    return max(1, min(n_lessons, cores(), by_memory))
