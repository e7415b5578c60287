"""The project's own checks, which ``mnistkit test`` runs in a clone: format, types, tests, all lessons."""

from __future__ import annotations

import importlib.util
import itertools
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from mnistkit.course.running.executors.local import default_jobs
from mnistkit.errors import UserError
from mnistkit.utils.extras import how_to_install
from mnistkit.utils.processes import kill_with_children
from mnistkit.utils.threads import cores, environment_as_asked, threads_each

_logger = logging.getLogger(__name__)

_TOOLS = ("ruff", "mypy", "pytest", "xdist", "nbval")
_LOW_PRIORITY = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 5)  # the name is Windows'
_LAB = "tests/course/test_lab_browser.py"
"""Minutes of one browser and one kernel at a time: no two processes could share it."""
WORKER_BYTES = 4_000_000_000
"""Memory of a process that runs tests, with the kernels, browsers and sandboxes that it starts."""


@dataclass(frozen=True)
class Step:
    """One command of the checks.

    Attributes
    ----------
    arguments : tuple of str
        What this environment's Python is given.
    environment : dict of str to str
        Variables for it besides those that are there.
    is_beside : bool
        Whether neither it nor what follows has to wait for the other.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_beside: bool = False


def clone_folder() -> Path:
    """Find the clone that this package is installed from.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    UserError
        If it is installed without one.
    """
    home = Path(__file__).resolve().parents[2]
    if (home / "pyproject.toml").is_file() and (home / "install.py").is_file():
        return home
    raise UserError(
        home,
        found="the package alone",
        expected="a clone of mnistkit, with its pyproject.toml",
        todo="give the command with the mnistkit that install.py has installed in a clone",
    )


def nbval_step(folder: Path, home: Path, at_a_time: int) -> Step:
    """Execute prepared notebooks as students get them, on other data; what is checked are their asserts.

    Parameters
    ----------
    folder : pathlib.Path
        Where the prepared notebooks are.
    home : pathlib.Path
        The clone.
    at_a_time : int
        How many processes share the cores, with this one, which works beside the others.

    Returns
    -------
    Step
    """
    plugins = ("no:cacheprovider", "nbval_notices_death", "nbval_other_data", "nbval_student_edition")
    options = ("--nbval-lax", "--nbval-cell-timeout=300")
    variables = {
        "MNISTKIT_DATA": "",
        "MNISTKIT_RUN": str(folder),
        "PYTHONPATH": os.pathsep.join(str(home / "tests" / name) for name in ("nbval_plugins", "helpers")),
    }
    variables |= environment_as_asked(threads_each(at_a_time))
    given = [word for plugin in plugins for word in ("-p", plugin)]
    return Step(("-m", "pytest", *given, *options, str(folder)), variables, is_beside=at_a_time > 1)


def check_steps(home: Path, workers: int, *, quick: bool) -> list[Step]:
    """List the commands of the checks, in their order.

    Parameters
    ----------
    home : pathlib.Path
        The clone.
    workers : int
        Processes for the tests; each may use `WORKER_BYTES`. With one, nothing works beside it.
    quick : bool
        Leave out the tests that are marked slow, and the lessons.

    Returns
    -------
    list of Step
    """
    form = [Step(("-m", "ruff", "check", ".")), Step(("-m", "ruff", "format", "--check", "."))]
    is_beside = workers > 1 and not quick
    types = Step(("-m", "mypy"), is_beside=is_beside)
    tests = ("-m", "pytest", "tests", "-n", str(workers), "--dist", "worksteal", f"--ignore={_LAB}")
    if quick:
        return [*form, types, Step((*tests, "-m", "not slow"))]
    at_a_time = workers + is_beside
    run, prepared = home / "build" / "run", home / "build" / "smoke"
    smoke = ("-m", "mnistkit.cli", "run", "--preset", "smoke")
    prepare = (*smoke, "-p", "further=false", "--prepare-only", "--out", str(prepared))
    return [
        *form,
        types,
        Step(prepare, is_beside=is_beside),
        nbval_step(prepared, home, at_a_time),
        Step(("-m", "pytest", _LAB), environment_as_asked(threads_each(at_a_time)), is_beside=is_beside),
        Step((*smoke, "--out", str(run)), {"MNISTKIT_STRICT": "1"}),
        Step(tests, {"MNISTKIT_SMOKE_RUN": str(run)}),
    ]


def run_checks(workers: int | None, *, quick: bool) -> bool:
    """Carry out ``mnistkit test``: one command after the other, until one fails.

    Parameters
    ----------
    workers : int or None
        As for `check_steps`; None: as many as there are cores and memory for.
    quick : bool
        As for `check_steps`.

    Returns
    -------
    bool
        True if all have passed.

    Raises
    ------
    UserError
        If there is no clone, or the tools for developers are not installed.
    """
    home = clone_folder()
    if missing := [tool for tool in _TOOLS if importlib.util.find_spec(tool) is None]:
        raise UserError(
            "this environment",
            found=f"no {', '.join(missing)}",
            expected="the packages of the extra 'dev'",
            todo=how_to_install("dev"),
        )
    shutil.rmtree(home / "build" / "smoke", ignore_errors=True)
    workers = workers or default_jobs(cores(), WORKER_BYTES)
    return _run(check_steps(home, workers, quick=quick), home)


@dataclass(frozen=True)
class _Background:
    """Where steps beside the others write what they say, and their processes."""

    said: IO[bytes]
    processes: list[psutil.Process] = field(default_factory=list)


def _run(steps: Sequence[Step], home: Path) -> bool:
    """Take the steps, until one fails; what those beside the others say is shown after them."""
    first = list(itertools.takewhile(lambda step: not step.is_beside, steps))
    beside = [step for step in steps if step.is_beside]
    if not _take(first, home):
        return False
    with tempfile.TemporaryFile() as said, ThreadPoolExecutor(1) as pool:
        background = _Background(said)
        taken = pool.submit(_take, beside, home, background)
        try:
            passed = _take([step for step in steps[len(first) :] if not step.is_beside], home)
            passed = taken.result() and passed
        except KeyboardInterrupt:  # Ctrl-C does not reach kernels, and the pool waits for its thread
            for process in background.processes:
                kill_with_children(process)
            raise
        said.seek(0)
        if text := said.read().decode(errors="replace").rstrip():
            _logger.info(text)
    return passed


def _take(steps: Sequence[Step], home: Path, background: _Background | None = None) -> bool:
    """Take steps one after the other, until one fails; at a low priority, where it is in the background."""
    said = None if background is None else background.said
    for step in steps:
        command = f"$ python {shlex.join(step.arguments)}"
        if said is None:
            _logger.info(command)
        else:
            said.write(f"{command}\n".encode())
            said.flush()
        # OpenMP threads that spin while they wait slow each other down on busy or small machines.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **step.environment}
        # Images of containers often set this: each of hundreds of processes would compile the package again.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with subprocess.Popen(
            [sys.executable, *step.arguments], cwd=home, env=environment, stdout=said, stderr=said
        ) as process:
            if background is not None:
                background.processes.append(psutil.Process(process.pid))
                # The others wait for kernels, browsers and sandboxes: it works in these gaps.
                background.processes[-1].nice(_LOW_PRIORITY)
        if process.returncode:
            return False
    return True
