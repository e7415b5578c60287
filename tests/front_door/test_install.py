"""install.py: what it finds missing on pretended systems, what it chooses of the lock, and its next command."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

import mnistkit

HOME = Path(mnistkit.__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("install", HOME / "install.py")
install = importlib.util.module_from_spec(_spec)
sys.modules["install"] = install
_spec.loader.exec_module(install)

GOOD = install.System("Linux", "x86_64", (3, 12), 64, glibc=True, has_venv=True, long_paths=True)
WINDOWS = GOOD._replace(name="Windows", machine="AMD64", long_paths=False)
LOCK = install.read_lock((HOME / "requirements.lock").read_text())
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())
MARKERS = {
    "linux": {"sys_platform": "linux", "platform_machine": "x86_64", "os_name": "posix"},
    "mac-arm": {"sys_platform": "darwin", "platform_machine": "arm64", "os_name": "posix"},
    "mac-intel": {"sys_platform": "darwin", "platform_machine": "x86_64", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_machine": "AMD64", "os_name": "nt"},
}


def chosen(reader):
    return {package.name for package in install.read_selection(install.EXTRAS[reader])}


def installed_on(system, python="3.12"):
    """Name what the lock installs there."""
    environment = {**MARKERS[system], "python_version": python, "python_full_version": f"{python}.1"}
    lines = (package.text.split("\\")[0] for package in LOCK)
    locked = [Requirement(line) for line in lines]
    return {each.name for each in locked if each.marker is None or each.marker.evaluate(environment)}


def test_a_good_system_has_nothing_missing(tmp_path):
    install.check_python(GOOD)
    install.check_folder(GOOD, tmp_path / ".venv", 0)


@pytest.mark.parametrize(
    ("system", "found", "todo"),
    [
        (GOOD._replace(python=(3, 10)), "3.10", "python3.12 install.py"),
        (GOOD._replace(python=(3, 14)), "3.14", "python3.12 install.py"),
        (WINDOWS._replace(python=(3, 9)), "3.9", "py -3.12 install.py"),
        (GOOD._replace(bits=32), "32-bit", "64-bit"),
        (GOOD._replace(glibc=False), "Alpine", "such a container"),
        (GOOD._replace(has_venv=False), "ensurepip", "apt install python3.12-venv"),
    ],
    ids=["old", "too new", "old on Windows", "32 bits", "musl", "no venv"],
)
def test_a_python_that_can_not_have_the_packages_is_refused(system, found, todo):
    with pytest.raises(install.InstallError) as refused:
        install.check_python(system)
    assert found in str(refused.value)
    assert todo in str(refused.value).split("to do:")[1]


def test_macs_have_no_glibc_and_need_none():
    install.check_python(GOOD._replace(name="Darwin", glibc=False))


def test_a_full_disk_is_found_before_anything_is_made(tmp_path):
    with pytest.raises(install.InstallError, match="make room"):
        install.check_folder(GOOD, tmp_path / ".venv", 9e9)
    assert not (tmp_path / ".venv").exists()


def test_a_folder_that_can_not_be_written_is_found(tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", dir)

    monkeypatch.setattr(install.tempfile, "TemporaryFile", refuse)
    with pytest.raises(install.InstallError, match="copy this folder to a disk of your own"):
        install.check_folder(GOOD, tmp_path / ".venv", 0)


def test_a_path_with_the_separator_of_paths_is_refused(tmp_path):
    with pytest.raises(install.InstallError, match="rename or move"):
        install.check_folder(GOOD, tmp_path / f"a{os.pathsep}b" / ".venv", 0)


def test_a_long_path_is_refused_on_windows_where_they_are_not_allowed(tmp_path):
    folder = tmp_path / ("n" * 60)
    folder.mkdir()
    with pytest.raises(install.InstallError, match=r"C:\\mnistkit"):
        install.check_folder(WINDOWS, folder / ".venv", 0)
    for system in (GOOD, WINDOWS._replace(long_paths=True)):
        install.check_folder(system, folder / ".venv", 0)


def test_a_folder_that_is_no_environment_is_never_cleared(tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "thesis.txt").write_text("mine")
    with pytest.raises(install.InstallError, match="no environment"):
        install.make_environment(tmp_path / ".venv", GOOD)
    assert (tmp_path / ".venv" / "thesis.txt").read_text() == "mine"


def test_what_a_package_needs_is_chosen_with_it_and_nothing_else():
    lock = install.read_lock(
        "a-b==1 \\\n    --hash=sha256:1\n    # via mnistkit (pyproject.toml)\n"
        "c==2 ; os_name == 'nt' \\\n    --hash=sha256:2\n    # via a-b, d\n"
        "d==3 \\\n    --hash=sha256:3\n    # via mnistkit (pyproject.toml)\n"
        "e==4 \\\n    --hash=sha256:4\n    # via c, d"
    )
    assert [package.name for package in install.choose(lock, ["a-b"])] == ["a-b", "c", "e"]
    assert [package.name for package in install.choose(lock, ["e"])] == ["e"]
    assert lock[1].text == "c==2 ; os_name == 'nt' \\\n    --hash=sha256:2"


def test_readers_get_what_they_need():
    student, teacher, developer = map(chosen, install.EXTRAS)
    assert {"tensorflow", "keras", "jupyterlab", "nbgrader", "ipycanvas", "hatchling"} <= student
    assert not {"distributed", "dask", "ruff", "mypy", "playwright", "pytest", "sphinx", "furo"} & student
    assert teacher - student >= {"distributed", "dask"}
    assert not {"ruff", "mypy", "playwright", "pytest", "sphinx"} & teacher
    assert developer == {package.name for package in LOCK}


def test_without_the_extra_of_networks_there_is_nothing_of_tensorflow():
    without = {package.name for package in install.read_selection(["assignments", "drawing"])}
    assert not {"tensorflow", "keras", "grpcio", "libclang", "protobuf"} & without
    assert {"jupyterlab", "scikit-learn", "h5py", "numpy"} <= without


def test_the_lock_has_tensorflow_where_it_has_wheels():
    assert {system for system in MARKERS if "tensorflow" in installed_on(system)} == {
        "linux",
        "mac-arm",
        "windows",
    }
    assert GOOD.has_tensorflow and WINDOWS.has_tensorflow
    assert not GOOD._replace(name="Darwin").has_tensorflow
    assert not WINDOWS._replace(machine="ARM64").has_tensorflow


def test_extras_are_those_of_the_project():
    optional = PROJECT["project"]["optional-dependencies"]
    assert set(install.EXTRAS["developer"]) == set(optional)
    oldest, newest = (".".join(map(str, version)) for version in (install.OLDEST, install.NEWEST))
    asked = Marker(f"python_version >= '{oldest}' and python_version <= '{newest}'")
    specifier = Requirement(f"x{PROJECT['project']['requires-python']}").specifier
    for minor in range(9, 17):
        assert asked.evaluate({"python_version": f"3.{minor}"}) == specifier.contains(f"3.{minor}.1")


@pytest.mark.parametrize(
    ("system", "folder", "shown"),
    [
        (GOOD, "kit", "bin/mnistkit lab"),
        (GOOD, "my kit", '/.venv/bin/mnistkit" lab'),
        (WINDOWS, "my kit", '& "'),
    ],
)
def test_the_next_command_is_this_systems(tmp_path, system, folder, shown):
    lines = install.next_commands(tmp_path / folder / ".venv", system, "student")
    assert shown in lines
    assert ("mnistkit.exe" in lines) == (system is WINDOWS)
    assert "every check" not in lines
    assert "every check" in install.next_commands(tmp_path / folder / ".venv", system, "developer")


def test_an_installation_that_stands_is_not_done_again(tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(install, "make_environment", lambda venv, system: venv.mkdir(exist_ok=True))
    monkeypatch.setattr(install, "install_packages", lambda *given: calls.append(given))
    monkeypatch.setattr(install, "check_folder", lambda *given: None)
    arguments = ["--venv", str(tmp_path / ".venv")]
    for more, count in (([], 1), ([], 1), (["--without-tensorflow"], 2), ([], 3)):
        install.main([*arguments, *more])
        assert len(calls) == count
        assert "Next:" in capsys.readouterr().out
    stamp = tmp_path / ".venv" / ".installed"
    os.utime(stamp, (0, 0))
    install.main(arguments)
    assert stamp.stat().st_mtime == 0, "nothing is written into an environment that may be read-only"


def test_a_newer_bundle_that_was_copied_over_is_installed(tmp_path, monkeypatch):
    commands = []
    wheel = tmp_path / "wheels" / "any" / "mnistkit-0.1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((HOME / name).read_bytes())
    monkeypatch.setattr(install, "HERE", tmp_path)
    monkeypatch.setattr(install, "check_folder", lambda *given: None)
    monkeypatch.setattr(install, "make_environment", lambda venv, system: venv.mkdir(exist_ok=True))
    monkeypatch.setattr(install, "_done", lambda command, venv, log=None: commands.append(command) or True)
    for content, count in (("first", 1), ("first", 1), ("corrected, of the same version", 2)):
        wheel.write_text(content)
        install.main(["--venv", str(tmp_path / ".venv")])
        assert [command[-1] for command in commands].count("mnistkit") == count
    assert "--force-reinstall" in commands[-1], "pip leaves what has the same version"
    assert "--force-reinstall" not in commands[0], "the locked packages stay"


def test_an_installation_that_failed_is_done_again(tmp_path, monkeypatch):
    def fail(*given):
        raise install.InstallError("the packages", "nothing", "all", "try again")

    monkeypatch.setattr(install, "make_environment", lambda venv, system: venv.mkdir(exist_ok=True))
    monkeypatch.setattr(install, "install_packages", fail)
    monkeypatch.setattr(install, "check_folder", lambda *given: None)
    for _ in range(2):
        with pytest.raises(install.InstallError):
            install.main(["--venv", str(tmp_path / ".venv")])


def test_after_a_failure_the_selection_of_before_is_installed_again(tmp_path, monkeypatch):
    calls = []

    def fail_the_second_time(*given):
        calls.append(given)
        if len(calls) == 2:
            raise install.InstallError("the packages", "nothing", "all", "try again")

    monkeypatch.setattr(install, "make_environment", lambda venv, system: venv.mkdir(exist_ok=True))
    monkeypatch.setattr(install, "install_packages", fail_the_second_time)
    monkeypatch.setattr(install, "check_folder", lambda *given: None)
    student = ["--venv", str(tmp_path / ".venv")]
    install.main(student)
    with pytest.raises(install.InstallError):
        install.main([*student, "--for", "teacher"])
    install.main(student)
    assert len(calls) == 3, "what the failure has left is a mixture"


def test_a_bundle_without_this_systems_wheels_says_so(tmp_path, monkeypatch):
    asked = []
    (tmp_path / "wheels" / "any").mkdir(parents=True)
    monkeypatch.setattr(install, "HERE", tmp_path)
    monkeypatch.setattr(install, "_done", lambda command, venv, log=None: asked.append(command))
    with pytest.raises(install.InstallError, match="make the bundle again with --for macos"):
        install.install_packages(tmp_path / ".venv", tmp_path / "r.txt", GOOD._replace(name="Darwin"))
    (command,) = asked
    assert "--no-index" in command and "--require-hashes" in command
    assert str(tmp_path / "wheels" / "macos") in command


def test_an_error_is_shown_without_a_traceback(tmp_path):
    (tmp_path / "taken").write_text("a file")
    command = [sys.executable, str(HOME / "install.py"), "--venv", str(tmp_path / "taken" / ".venv")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and "to do:" in done.stderr
    assert "Traceback" not in done.stderr
