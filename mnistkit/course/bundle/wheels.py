"""The packages of a bundle: the locked wheels of each system, as files."""

from __future__ import annotations

import runpy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from mnistkit.errors import UserError
from mnistkit.files import write_atomically

ANY = "any"
"""The folder of wheels that every system can have."""


@dataclass(frozen=True)
class Target:
    """A kind of machine that wheels are for.

    Attributes
    ----------
    markers : dict of str to str
        What the lock's markers ask about it.
    tags : tuple of str
        Its platform tags, as pip takes them.
    """

    markers: dict[str, str]
    tags: tuple[str, ...]


def _target(sys_platform: str, machine: str, *tags: str) -> Target:
    names = {"linux": ("Linux", "posix"), "darwin": ("Darwin", "posix"), "win32": ("Windows", "nt")}
    system, os_name = names[sys_platform]
    markers = {
        "sys_platform": sys_platform,
        "platform_system": system,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    return Target(markers, tags)


_MANYLINUX = (*(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)), "manylinux2014_x86_64")
TARGETS = {
    "windows": (_target("win32", "AMD64", "win_amd64"),),
    "macos": (
        _target("darwin", "arm64", "macosx_13_0_arm64"),
        _target("darwin", "x86_64", "macosx_13_0_x86_64"),
    ),
    "linux": (_target("linux", "x86_64", *_MANYLINUX, "manylinux1_x86_64"),),
}
"""The systems that a bundle can be for: Windows, macOS 13 and newer, Linux with glibc 2.28 and newer."""


def read_students_lock(home: Path) -> list[str]:
    """Read what of the lock a student's machine gets: install.py is the one that knows.

    Parameters
    ----------
    home : pathlib.Path
        The clone.

    Returns
    -------
    list of str
        Requirements with their versions, markers and hashes.
    """
    installer = runpy.run_path(str(home / "install.py"))
    return [package.text for package in installer["read_selection"](installer["EXTRAS"]["student"])]


def for_target(locked: Sequence[str], target: Target, python: str) -> list[str]:
    """Choose what a kind of machine needs.

    Parameters
    ----------
    locked : sequence of str
        Requirements as in the lock.
    target : Target
        The machine.
    python : str
        Its Python: ``3.12``.

    Returns
    -------
    list of str
        The requirements, without their markers: pip would ask them about the machine that it runs on.
    """
    environment = {**target.markers, "python_version": python, "python_full_version": f"{python}.0"}
    chosen = []
    for text in locked:
        first, _, hashes = text.partition("\\\n")
        requirement = Requirement(first)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            chosen.append(f"{requirement.name}{requirement.specifier} \\\n{hashes}")
    return chosen


def fetch_wheels(locked: Sequence[str], system: str, pythons: Sequence[str], folder: Path) -> None:
    """Get the wheels for a system.

    Parameters
    ----------
    locked : sequence of str
        Requirements as in the lock; each file must have one of its hashes.
    system : {"windows", "macos", "linux"}
        For which.
    pythons : sequence of str
        For which Pythons.
    folder : pathlib.Path
        Where to: into its subfolders ``any`` and that of the system.

    Raises
    ------
    UserError
        If pip can't get one of them.
    """
    own = folder / system
    own.mkdir(parents=True, exist_ok=True)
    (folder / ANY).mkdir(exist_ok=True)
    for target in TARGETS[system]:
        for python in pythons:
            options = [option for tag in target.tags for option in ("--platform", tag)]
            options += ["--python-version", python, "--implementation", "cp", "--only-binary", ":all:"]
            _download(for_target(locked, target, python), options, own)
    for wheel in own.glob("*-none-any.whl"):
        wheel.replace(folder / ANY / wheel.name)


def _download(requirements: Sequence[str], options: Sequence[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "requirements.txt"
        write_atomically(listed, "\n".join(requirements) + "\n")
        asked = ["--require-hashes", "-r", str(listed), "--no-deps", "--dest", str(folder)]
        _pip("download", *asked, *options)


def build_wheel(home: Path, folder: Path) -> None:
    """Make the wheel of mnistkit itself, from its clone.

    Parameters
    ----------
    home : pathlib.Path
        The clone.
    folder : pathlib.Path
        Where to: into its subfolder ``any``.

    Raises
    ------
    UserError
        If it can't be built.
    """
    _pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder / ANY), str(home))


def _pip(command: str, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", command, "--quiet"]
    done = subprocess.run([*pip, *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
        raise UserError(
            f"pip {command}",
            found="\n".join(errors[-5:]) or f"exit status {done.returncode}",
            expected="the locked packages as wheels, from a package index",
            todo="read pip's message; is there a network?",
        )
