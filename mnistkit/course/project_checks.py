"""The project's own checks, which ``mnistkit test`` runs in a clone: format, types, tests, all lessons."""

from __future__ import annotations

import importlib.util
import logging
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mnistkit.course.running.executors.local import default_jobs
from mnistkit.errors import UserError
from mnistkit.utils.extras import how_to_install
from mnistkit.utils.threads import cores

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


def nbval_step(folder: Path, home: Path, workers: int) -> Step:
    """Execute prepared notebooks as students get them, and compare nothing: their checks are asserts.

    Parameters
    ----------
    folder : pathlib.Path
        Where the prepared notebooks are.
    home : pathlib.Path
        The clone.
    workers : int
        Processes; 0: this one.

    Returns
    -------
    Step
    """
    plugins = ("-p", "no:cacheprovider", "-p", "nbval_notices_death", "-p", "nbval_student_edition")
    options = ("-n", str(workers), "--dist", "loadfile", "--nbval-lax", "--nbval-cell-timeout=120")
    variables = {
        "MNISTKIT_DATA": "",
        "MNISTKIT_RUN": str(folder),
        "PYTHONPATH": os.pathsep.join(str(home / "tests" / name) for name in ("nbval_plugins", "helpers")),
    }
    return Step(("-m", "pytest", *plugins, *options, str(folder)), variables)


def check_steps(home: Path, workers: int, *, quick: bool) -> list[Step]:
    """List the commands of the checks, in their order.

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
    list of Step
    """
    tools = ("ruff check .", "ruff format --check .", "mypy")
    form = [Step(("-m", *tool.split())) for tool in tools]
    tests = ("-m", "pytest", "tests", "-n", str(workers), "--dist", "worksteal")
    if quick:
        return [*form, Step((*tests, "-m", "not slow"))]
    run, prepared = home / "build" / "run", home / "build" / "smoke"
    smoke = ("-m", "mnistkit.cli", "run", "--preset", "smoke")
    return [
        *form,
        Step((*smoke, "--out", str(run)), {"MNISTKIT_STRICT": "1"}),
        Step(tests, {"MNISTKIT_SMOKE_RUN": str(run)}),
        Step((*smoke, "-p", "further=false", "--prepare-only", "--out", str(prepared))),
        nbval_step(prepared, home, workers),
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


def _run(steps: Sequence[Step], home: Path) -> bool:
    for step in steps:
        _logger.info(f"$ python {shlex.join(step.arguments)}")
        # OpenMP threads that spin while they wait slow each other down on busy or small machines.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **step.environment}
        command = [sys.executable, *step.arguments]
        if subprocess.run(command, cwd=home, env=environment, check=False).returncode:
            return False
    return True
