"""Install mnistkit into the folder .venv beside this file: ``python install.py``.

It needs Python's standard library only. It looks for what is missing before it changes anything, installs the
locked packages that its reader needs, and prints the next command for this system. In a folder that
``mnistkit bundle`` has written it takes the packages from the folder ``wheels``, and needs no network.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

HERE = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 13)
UV = "uv==0.13.8"
EXTRAS = {
    "student": ("networks", "assignments", "drawing"),
    "teacher": ("networks", "assignments", "drawing", "cluster"),
    "developer": ("networks", "assignments", "drawing", "cluster", "docs", "dev"),
}
"""Whom it may be installed for, and what of pyproject.toml's extras they get."""
TENSORFLOW_SYSTEMS = {
    ("Linux", "x86_64"),
    ("Linux", "aarch64"),
    ("Darwin", "arm64"),
    ("Windows", "AMD64"),
}
"""Where the locked TensorFlow has wheels: not on Macs with an Intel processor, nor on Windows on ARM."""
FOLDERS = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}
"""What a bundle calls a system's folder of wheels."""
GIGABYTES, GIGABYTES_WITHOUT_TENSORFLOW = 4.0, 2.0  # with what is unpacked on the way
LONGEST_PATH = 190  # characters below .venv: TensorFlow's headers
WINDOWS_MAX_PATH = 260


class InstallError(Exception):
    """What is missing: where, what was found, what was expected, what to do."""

    def __init__(self, where: object, found: str, expected: str, todo: str) -> None:
        super().__init__(f"{where}\n  found:    {found}\n  expected: {expected}\n  to do:    {todo}")


class System(NamedTuple):
    """The machine and the Python that the packages are for."""

    name: str  # as platform.system() says it
    machine: str
    python: tuple[int, int]
    bits: int
    glibc: bool
    has_venv: bool
    long_paths: bool

    @property
    def has_tensorflow(self) -> bool:
        """Whether the locked TensorFlow has wheels for it."""
        return (self.name, self.machine) in TENSORFLOW_SYSTEMS

    @property
    def python_command(self) -> str:
        """What starts a Python that fits."""
        return "py -3.12" if self.name == "Windows" else "python3.12"


class Package(NamedTuple):
    """One package of the lock, with the names of those that need it."""

    name: str
    text: str
    needed_by: frozenset[str]


def this_system() -> System:
    """Look at the machine and the Python that run this."""
    return System(
        platform.system(),
        platform.machine(),
        (sys.version_info[0], sys.version_info[1]),
        64 if sys.maxsize > 2**32 else 32,
        platform.libc_ver()[0] == "glibc",
        importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None,
        _allows_long_paths(),
    )


def _allows_long_paths() -> bool:
    if sys.platform != "win32":
        return True
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False


def check_python(system: System) -> None:
    """Raise `InstallError` unless this Python can have the locked packages."""
    version = ".".join(map(str, system.python))
    wanted = "Python {}.{} to {}.{}".format(*OLDEST, *NEWEST)
    if not OLDEST <= system.python <= NEWEST:
        raise InstallError(
            "Python", version, wanted, f"install one of them, then: {system.python_command} install.py"
        )
    if system.bits != 64:
        raise InstallError(
            "Python",
            "a 32-bit Python",
            f"a 64-bit {wanted}",
            "install the 64-bit version: the packages have no other",
        )
    if system.name == "Linux" and not system.glibc:
        raise InstallError(
            "this Linux",
            "another C library than glibc (Alpine has musl)",
            "glibc, as in Debian, Ubuntu or Fedora",
            "install on such a system or in such a container",
        )
    if not system.has_venv:
        raise InstallError(
            "Python",
            "no module ensurepip or venv",
            "a Python that can make environments",
            f"on Debian and Ubuntu: apt install python{version}-venv; elsewhere install the whole Python",
        )


def check_folder(system: System, venv: Path, gigabytes: float) -> None:
    """Raise `InstallError` unless the environment can be made there."""
    folder = venv.parent
    if os.pathsep in str(venv):
        raise InstallError(
            venv,
            f"{os.pathsep!r} in the path",
            "a path without it: it separates folders in PATH",
            "rename or move the folder",
        )
    try:
        with tempfile.TemporaryFile(dir=str(folder)):
            pass
    except OSError as error:
        raise InstallError(
            folder,
            f"nothing can be written here ({error.strerror})",
            "a folder of your own",
            "copy this folder to a disk of your own, and install there",
        ) from error
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < gigabytes:
        raise InstallError(
            folder,
            f"{free:.1f} GB free",
            f"{gigabytes:g} GB",
            "make room, or copy this folder to another disk",
        )
    if system.name == "Windows" and not system.long_paths:
        room = WINDOWS_MAX_PATH - LONGEST_PATH
        if len(str(venv)) > room:
            raise InstallError(
                venv,
                f"a path of {len(str(venv))} characters",
                f"at most {room}: Windows allows {WINDOWS_MAX_PATH} together with the longest file below it",
                r"move this folder to a short path such as C:\mnistkit, or let Windows allow long paths",
            )


def read_lock(text: str) -> list[Package]:
    """Read requirements.lock, in which ``# via`` names who needs a package."""
    packages = []
    for block in re.split(r"\n(?=[a-z0-9])", text.strip()):
        lines = block.split("\n")
        needed_by = [
            name for line in lines if "# via " in line for name in line.split("# via ")[1].split(", ")
        ]
        pinned = "\n".join(line for line in lines if "# via " not in line)
        packages.append(Package(_name(block), pinned, frozenset(map(str.strip, needed_by))))
    return packages


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def choose(packages: Iterable[Package], wanted: Iterable[str]) -> list[Package]:
    """Give the packages of these names, and what they need, in the order of the lock."""
    packages = list(packages)
    names = set(wanted)
    while more := {package.name for package in packages if package.needed_by & names} - names:
        names |= more
    return [package for package in packages if package.name in names]


def wanted_names(project: dict[str, Any], extras: Iterable[str]) -> set[str]:
    """Name what pyproject.toml asks for, with these extras, and what builds the package."""
    optional = project["project"]["optional-dependencies"]
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    return {_name(requirement) for extra in extras for requirement in optional[extra]} | set(
        map(_name, asked)
    )


def read_selection(extras: Iterable[str]) -> list[Package]:
    """Give the locked packages that mnistkit needs with these extras."""
    import tomllib  # here, so that an older Python gets as far as its message

    packages = read_lock((HERE / "requirements.lock").read_text(encoding="utf-8"))
    return choose(packages, wanted_names(tomllib.loads((HERE / "pyproject.toml").read_text("utf-8")), extras))


def program(venv: Path, name: str, system: System) -> Path:
    """Say where a program of an environment is."""
    return venv / "Scripts" / f"{name}.exe" if system.name == "Windows" else venv / "bin" / name


def make_environment(venv: Path, system: System) -> None:
    """Make the environment; one whose Python is gone, or is another version, is made anew."""
    python = program(venv, "python", system)
    if venv.exists():
        asked = [str(python), "-c", "import sys, pip; print(*sys.version_info[:2])"]
        try:
            answer = subprocess.run(
                asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ).stdout
        except OSError:
            answer = ""
        if answer.split() == [str(number) for number in system.python]:
            return
        if not (venv / "pyvenv.cfg").exists() and any(venv.iterdir()):
            raise InstallError(venv, "a folder that is no environment", "nothing, or one", "move it away")
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)]).returncode:
        shutil.rmtree(venv, ignore_errors=True)
        raise InstallError(
            venv,
            f"'{sys.executable} -m venv' failed",
            "a Python that can make environments",
            "on Debian and Ubuntu: apt install python3-venv; else read its message above",
        )


def install_packages(venv: Path, requirements: Path, system: System) -> None:
    """Install what is chosen, and mnistkit itself: from the folder wheels, by uv, or else by pip.

    uv is about eight times faster. Where it can't be had, pip installs the same locked versions.
    """
    pip = [str(program(venv, "python", system)), "-m", "pip", "--disable-pip-version-check", "install"]
    locked = ["--require-hashes", "--no-deps", "-r", str(requirements)]  # no-deps: the lock has them all
    wheels = HERE / "wheels"
    if (wheels / "any").is_dir():  # a bundle
        for folder in ("any", FOLDERS[system.name]):
            pip += ["--find-links", str(wheels / folder)]
        pip += ["--no-index", "--quiet"]
        itself = ["--no-deps", "--force-reinstall", "mnistkit"]  # a newer bundle's may have the same version
        if _done([*pip, *locked], venv) and _done([*pip, *itself], venv):
            return
        raise InstallError(
            wheels,
            f"not all packages for {system.name} on {system.machine} with Python "
            + ".".join(map(str, system.python)),
            "the wheels of this system",
            "read the message above; try another Python, or make the bundle again with "
            f"--for {FOLDERS[system.name]}",
        )
    uv = [str(program(venv, "uv", system)), "pip", "install", "--quiet"]
    itself = ["--no-deps", "--no-build-isolation", "-e", str(HERE)]
    with (venv / "uv.log").open("w") as log:
        if (
            _done([*pip, "--quiet", UV], venv, log)
            and _done([*uv, "--compile-bytecode", *locked], venv, log)
            and _done([*uv, *itself], venv, log)
        ):
            return
    print(f"uv could not do it (see {venv / 'uv.log'}); pip does it too, in some minutes ...", flush=True)
    if not (_done([*pip, "--quiet", *locked], venv) and _done([*pip, "--quiet", *itself], venv)):
        raise InstallError(
            "the packages",
            "pip could not install them; its message is above",
            "a package index that can be reached",
            "connect to a network, then give the same command again; without one, install from a folder that "
            "'mnistkit bundle' has written",
        )


def installation_state(packages: str) -> str:
    """Digest what an installation is made of; another bundle's mnistkit can have the same version."""
    digest = hashlib.sha256(f"{sys.version}\n{HERE}\n{packages}".encode())
    for wheel in sorted((HERE / "wheels" / "any").glob("mnistkit-*.whl")):
        digest.update(wheel.name.encode() + hashlib.sha256(wheel.read_bytes()).digest())
    return digest.hexdigest()


def _done(command: list[str], venv: Path, log: IO[str] | None = None) -> bool:
    environment = {**os.environ, "VIRTUAL_ENV": str(venv)}
    try:
        return subprocess.run(command, env=environment, stderr=log).returncode == 0
    except OSError:
        return False


def next_commands(venv: Path, system: System, reader: str) -> str:
    """Say what to type now."""
    kit = program(venv, "mnistkit", system)
    kit = kit.relative_to(Path.cwd()) if Path.cwd() in kit.parents else kit
    shown = f'"{kit}"' if " " in str(kit) else str(kit)
    shown = f"& {shown}" if system.name == "Windows" and " " in str(kit) else shown
    lines = {"lab": "work through the lessons in JupyterLab", "doctor": "see whether all is well"}
    if reader != "student":
        lines |= {"run": "run every lesson, and write a report"}
    if reader == "developer":
        lines |= {"test": "run every check"}
    return "\n".join(f"  {shown} {name:<8} {what}" for name, what in lines.items())


def main(arguments: list[str] | None = None) -> None:
    """Check, install, and print the next command."""
    parser = argparse.ArgumentParser(description="Install mnistkit into the folder .venv beside this file.")
    parser.add_argument("--for", dest="reader", choices=EXTRAS, default="student", help="default: student")
    parser.add_argument("--venv", type=Path, default=HERE / ".venv", help="the environment's folder")
    parser.add_argument(
        "--without-tensorflow", action="store_true", help="2 GB less; lessons 01 and 02 run without it"
    )
    options = parser.parse_args(arguments)
    system, venv = this_system(), options.venv.absolute()
    without = options.without_tensorflow or not system.has_tensorflow
    extras = [extra for extra in EXTRAS[options.reader] if not (without and extra == "networks")]
    check_python(system)
    packages = read_selection(extras)
    text = "\n".join(package.text for package in packages) + "\n"
    stamp, state = venv / ".installed", installation_state(text)
    if not (stamp.exists() and stamp.read_text() == state):
        check_folder(system, venv, GIGABYTES_WITHOUT_TENSORFLOW if without else GIGABYTES)
        make_environment(venv, system)
        stamp.unlink(missing_ok=True)
        print(f"Installing {len(packages)} locked packages into {venv} (once) ...", flush=True)
        requirements = venv / "requirements.txt"
        requirements.write_text(text, encoding="utf-8")
        install_packages(venv, requirements, system)
        stamp.write_text(state)  # last, so that an interrupted installation is done again
    if without:
        print("Without TensorFlow: lessons 01 and 02 run, the others say what is missing.")
        if not options.without_tensorflow:
            print(f"TensorFlow has no packages for {system.name} on {system.machine}.")
    print(f"mnistkit is installed. Next:\n{next_commands(venv, system, options.reader)}")


if __name__ == "__main__":
    try:
        main()
    except InstallError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on.")
