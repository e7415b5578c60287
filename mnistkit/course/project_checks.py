"""The project's own checks, which ``mnistkit test`` runs in a clone: format, types, tests, all lessons."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mnistkit.course.running.executors.local import default_jobs
from mnistkit.errors import UserError
from mnistkit.utils.extras import how_to_install
from mnistkit.utils.threads import cores, environment_as_asked, threads_each

_logger = logging.getLogger(__name__)

_TOOLS = ("ruff", "mypy", "pytest", "xdist", "nbval")
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
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


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
        How many processes share the cores, with this one.

    Returns
    -------
    Step
    """
    plugins = ("no:cacheprovider", "nbval_notices_death", "nbval_other_data", "nbval_student_edition")
    options = ("--nbval-lax", "--nbval-cell-timeout=120")
    variables = {
        "MNISTKIT_DATA": "",
        "MNISTKIT_RUN": str(folder),
        "PYTHONPATH": os.pathsep.join(str(home / "tests" / name) for name in ("nbval_plugins", "helpers")),
    }
    variables |= environment_as_asked(threads_each(at_a_time))
    given = [word for plugin in plugins for word in ("-p", plugin)]
    return Step(("-m", "pytest", *given, *options, str(folder)), variables)


def check_steps(home: Path, workers: int, *, quick: bool) -> list[tuple[Step, ...]]:
    """List the commands of the checks in their order; those of one tuple work at the same time.

    Parameters
    ----------
    home : pathlib.Path
        The clone.
    workers : int
        Processes for the tests; each may use `WORKER_BYTES`.
    quick : bool
        Leave out the tests that are marked slow, and the lessons.

    Returns
    -------
    list of tuple of Step
    """
    ruff, formatted, types = (
        Step(("-m", *tool.split())) for tool in ("ruff check .", "ruff format --check .", "mypy")
    )
    tests = ("-m", "pytest", "tests", "-n", str(workers), "--dist", "worksteal")
    if quick:
        return [(ruff,), (formatted,), (types,), (Step((*tests, "-m", "not slow")),)]
    run, prepared = home / "build" / "run", home / "build" / "smoke"
    smoke = ("-m", "mnistkit.cli", "run", "--preset", "smoke")
    # Tests wait for kernels, browsers and sandboxes: one process more keeps the cores at work.
    return [
        (ruff,),
        (formatted,),
        (
            Step((*smoke, "--out", str(run)), {"MNISTKIT_STRICT": "1"}),
            types,
            Step((*smoke, "-p", "further=false", "--prepare-only", "--out", str(prepared))),
        ),
        (Step(tests, {"MNISTKIT_SMOKE_RUN": str(run)}), nbval_step(prepared, home, workers + 1)),
    ]


def run_checks(workers: int | None, *, quick: bool) -> bool:
    """Carry out ``mnistkit test``: one stage of commands after the other, until one fails.

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


def _run(stages: Sequence[Sequence[Step]], home: Path) -> bool:
    return all(_take_together(steps, home) for steps in stages)


def _take_together(steps: Sequence[Step], home: Path) -> bool:
    """Take steps at the same time; what those after the first say is shown when their turn has come."""
    first, *others = steps
    with contextlib.ExitStack() as until_the_end:
        outputs = [until_the_end.enter_context(tempfile.TemporaryFile()) for _ in others]
        _say_command(first)
        processes = [_start(step, home, output) for step, output in zip(steps, [None, *outputs], strict=True)]
        for process in processes:
            until_the_end.callback(process.kill)  # where this is interrupted
        processes[0].wait()
        for step, process, output in zip(others, processes[1:], outputs, strict=True):
            process.wait()
            output.seek(0)
            _say_command(step)
            _logger.info(output.read().decode(errors="replace").rstrip())
        return not any(process.returncode for process in processes)


def _say_command(step: Step) -> None:
    _logger.info(f"$ python {shlex.join(step.arguments)}")


def _start(step: Step, home: Path, output: IO[bytes] | None) -> subprocess.Popen[bytes]:
    # OpenMP threads that spin while they wait slow each other down on busy or small machines.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **step.environment}
    # Images of containers often set this: each of hundreds of processes would compile the package again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, *step.arguments]
    return subprocess.Popen(command, cwd=home, env=environment, stdout=output, stderr=output)
