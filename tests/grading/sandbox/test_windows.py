"""Windows: what of the assignments works there, and what the rest says. It is only pretended."""

import importlib
import os
import pkgutil
import platform
import runpy
import select
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import mnistkit.grading
from mnistkit.cli import main

ONLY_ON_LINUX = "mnistkit.grading.sandbox.child"
LACKING = {
    os: ("fork", "getuid", "readv", "setsid"),
    signal: ("SIGKILL", "SIGSTOP", "SIGTSTP"),
    select: ("poll",),
}


@pytest.fixture
def modules(monkeypatch):
    """Give the modules of the grading, on a Python that lacks what Windows' lacks, as far as they could need it."""
    found = pkgutil.walk_packages(mnistkit.grading.__path__, "mnistkit.grading.")
    names = [module.name for module in found if module.name != ONLY_ON_LINUX]
    modules = [importlib.import_module(name) for name in names]  # with the libraries that they import
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setitem(sys.modules, "resource", None)
    for module, names in LACKING.items():
        for name in names:
            monkeypatch.delattr(module, name, raising=False)
    return modules


@pytest.mark.parametrize(
    "command",
    [
        "release",
        "check",
        "grade week1",
        "grade week1 --unsandboxed",
        "grade-file week1 a --for github --to b",
    ],
)
def test_a_command_that_runs_exercises_says_where_it_can(command, modules):
    result = CliRunner().invoke(main, ["assignment", *command.split()])
    assert result.exit_code == 1
    for words in ("found:    Windows", "expected: Linux", "WSL 2", "all other commands"):
        assert words in result.output
    assert not list(Path.cwd().iterdir())


def test_all_others_can_be_imported(modules):
    """Collect, mark, feedback and export share modules with the grading."""
    assert len(modules) > 80
    for module in modules:
        runpy.run_path(module.__file__)
