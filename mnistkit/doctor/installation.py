"""Checks of what is installed: Python, the packages, the kernel, TensorFlow."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from mnistkit.doctor.diagnosis import Diagnosis, fault, fine, note
from mnistkit.utils.extras import how_to_install, how_to_install_again, installer, typed

TENSORFLOW_SECONDS = 180.0
"""Longest time for TensorFlow's start: 6 s with its bytecode, 20 without, more on a slow disk."""
_SHOWN = 5  # packages, in a message

_START = """
import json, time
begun = time.perf_counter()
from mnistkit.utils.keras_backend import import_keras
import_keras()
import tensorflow as tf
devices = [f"{d.device_type} {d.name.rpartition(':')[2]}" for d in tf.config.list_logical_devices()]
print(json.dumps([tf.__version__, time.perf_counter() - begun, devices]))
"""


def check_python() -> Iterator[Diagnosis]:
    """See whether the packages are made for this Python, and whether it is in an environment of its own."""
    from packaging.specifiers import SpecifierSet

    asked = importlib.metadata.metadata("mnistkit")["Requires-Python"]
    shown = f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}"
    if not SpecifierSet(asked).contains(platform.python_version(), prereleases=True):
        yield fault(f"{shown}: mnistkit needs {asked}", f"{how_to_install_again()}, with such a Python")
    elif sys.maxsize < 2**32:
        yield fault(f"{shown}, 32-bit", "install a 64-bit Python, then mnistkit with it")
    elif sys.prefix == sys.base_prefix and "CONDA_PREFIX" not in os.environ:
        yield note(
            f"{shown}, in no environment of its own: other packages may disturb these",
            f"{_python()} -m venv .venv, and install mnistkit with the Python in it",
        )
    else:
        yield fine(f"{shown}, in {sys.prefix}")


def check_packages() -> Iterator[Diagnosis]:
    """See whether the packages are those of the lock, and from this environment."""
    locked = _locked()
    if not locked:
        yield _unlocked()
        return
    installed = {name: _version(name) for name in locked}
    missing = sorted(name for name, version in installed.items() if not version)
    other = sorted(
        f"{name} {version} (locked: {locked[name]})"
        for name, version in installed.items()
        if version and version != locked[name]
    )
    if missing:
        yield fault(f"not installed: {_some(missing)}", how_to_install_again())
    if other:
        yield fault(f"other versions: {_some(other)}", how_to_install_again())
    if foreign := [name for name in ("numpy", "pandas", "notebook") if not _is_inside(name)]:
        yield fault(
            f"{', '.join(foreign)} would be imported from outside of {sys.prefix}",
            "unset PYTHONPATH and PYTHONHOME, and set PYTHONNOUSERSITE=1",
        )
    elif not missing and not other:
        yield fine(f"{len(locked)} packages as locked")


def _unlocked() -> Diagnosis:
    """Compare the packages with what mnistkit itself asks for, where pip has installed it."""
    from packaging.requirements import Requirement

    asked = map(Requirement, importlib.metadata.requires("mnistkit") or ())
    wrong = [
        f"{each.name} {_version(each.name) or 'missing'} (asked: {each.specifier})"
        for each in asked
        if (each.marker is None or each.marker.evaluate({"extra": ""}))
        and not each.specifier.contains(_version(each.name) or "0", prereleases=True)
    ]
    if wrong:
        return fault(f"not what mnistkit asks for: {_some(wrong)}", how_to_install_again())
    if script := installer():
        return note(
            "no lock to compare with: install.py has not made this environment", f"python {typed(script)}"
        )
    return fine("the packages that mnistkit asks for")


def _locked() -> dict[str, str]:
    """Read which packages install.py has chosen for this system, with their versions."""
    from packaging.requirements import Requirement

    try:
        text = (Path(sys.prefix) / "requirements.txt").read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = [line.rstrip(" \\") for line in text.splitlines() if "==" in line.split(";")[0]]
    asked = [Requirement(line) for line in lines]
    return {
        each.name: next(iter(each.specifier)).version
        for each in asked
        if each.marker is None or each.marker.evaluate()
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _is_inside(name: str) -> bool:
    """Whether a package is imported from this environment, or not at all."""
    spec = PathFinder.find_spec(name)
    return spec is None or spec.origin is None or Path(sys.prefix) in Path(spec.origin).parents


def _python() -> str:
    """Write this environment's Python as a command begins with it."""
    return typed(sys.executable, begins=True)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def check_kernel() -> Iterator[Diagnosis]:
    """See whether a notebook's kernel has mnistkit."""
    from jupyter_core.paths import jupyter_path

    own = Path(sys.prefix) / "share" / "jupyter"
    spec = own / "kernels" / "python3" / "kernel.json"
    try:
        program = json.loads(spec.read_text(encoding="utf-8"))["argv"][0]
    except (OSError, ValueError, LookupError, TypeError) as error:
        yield fault(f"{spec}: {type(error).__name__}", f"{_python()} -m ipykernel install --sys-prefix")
        return
    if Path(program).is_absolute() and Path(program).parent != Path(sys.executable).parent:
        yield fault(
            f"the kernel of this environment starts {program}",
            f"{_python()} -m ipykernel install --sys-prefix",
        )
        return
    kernels = (Path(folder) / "kernels" / "python3" for folder in jupyter_path() if Path(folder) != own)
    if others := [folder for folder in kernels if folder.is_dir()]:
        yield note(
            f"other kernels of the name python3: {', '.join(map(str, others))}",
            f"for VS Code and others: {_python()} -m ipykernel install --user --name mnistkit;"
            " mnistkit lab takes the right one",
        )
    else:
        yield fine("notebooks run in this environment")


def check_tensorflow() -> Iterator[Diagnosis]:
    """See whether TensorFlow starts, how fast, and on what it computes."""
    if importlib.util.find_spec("tensorflow") is None:
        todo = f"{how_to_install('networks')}, where there is one for this machine"
        yield note("not installed: lessons without networks run", todo)
        return
    command = [sys.executable, "-c", _START]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TENSORFLOW_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        yield fault(
            f"it has not started within {TENSORFLOW_SECONDS:g} s",
            f"{_python()} -m compileall -q {typed(sys.prefix)}; see whether a virus scanner slows it down",
        )
        return
    try:
        version, seconds, devices = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        words = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        todo = how_to_install_again()
        if done.returncode in (-4, 132, 0xC000001D):  # an instruction that the processor does not have
            without = (
                how_to_install_again("--without-tensorflow") if installer() else "pip uninstall tensorflow"
            )
            todo = f"this processor is too old for TensorFlow: {without}"
        yield fault(f"it does not start: {words}", todo)
        return
    yield fine(f"{version} starts in {seconds:.0f} s, on {', '.join(devices)}")
