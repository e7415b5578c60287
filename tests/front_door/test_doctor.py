"""`mnistkit doctor`: seeded faults are found, each with what to type, and are fine again once that is done."""

import json
import os
import shutil
import socket
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from course_helpers import write_course, write_lesson
from data_helpers import make_tiny

from mnistkit import doctor, transfer
from mnistkit.cli import main
from mnistkit.course.running.executors import local
from mnistkit.data import download, export
from mnistkit.data.verify import OFFICIAL, FileCheck
from mnistkit.doctor import course_data, installation, machine
from mnistkit.doctor.diagnosis import fine, note
from mnistkit.errors import UserError
from mnistkit.grading.autograde.worker_pool import sandbox_problem
from mnistkit.grading.sandbox import containers
from mnistkit.utils import threads

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and programs of POSIX")


def only(check):
    (diagnosis,) = check()
    return diagnosis.severity, diagnosis.found, diagnosis.todo


def severities(check):
    return [diagnosis.severity for diagnosis in check()]


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    """Give the folder of a pretended environment."""
    folder = tmp_path / "env"
    folder.mkdir()
    monkeypatch.setattr(installation.sys, "prefix", str(folder))
    return folder


def test_a_python_that_is_too_new(monkeypatch):
    assert only(installation.check_python)[0] == "fine"
    monkeypatch.setattr(installation.platform, "python_version", lambda: "3.99.0")
    severity, found, todo = only(installation.check_python)
    assert severity == "fault" and "3.99.0" in found and "install.py" in todo


def test_packages_that_are_missing_or_of_another_version(prefix, monkeypatch):
    monkeypatch.setattr(installation, "_is_inside", lambda name: True)
    assert only(installation.check_packages)[0] == "note"
    lines = f"numpy=={np.__version__} \\\n    --hash=sha256:0\nno-such==1 ; sys_platform == 'never' \\\n    --hash=sha256:0\n"
    (prefix / "requirements.txt").write_text(lines)
    assert only(installation.check_packages) == ("fine", "1 packages as locked", "")
    (prefix / "requirements.txt").write_text(f"{lines}absent==1 \\\nclick==0.1 ; python_version > '3' \\\n")
    missing, other = installation.check_packages()
    assert (missing.severity, missing.found) == ("fault", "not installed: absent")
    assert other.severity == "fault" and "(locked: 0.1)" in other.found
    assert "install.py" in other.todo


def test_packages_that_pip_has_installed_are_compared_with_what_is_asked_and_no_clone_is_named(
    prefix, monkeypatch
):
    monkeypatch.setattr(installation, "installer", lambda: None)
    monkeypatch.setattr("mnistkit.utils.extras.installer", lambda: None)
    assert only(installation.check_packages) == ("fine", "the packages that mnistkit asks for", "")
    monkeypatch.setattr(
        installation.importlib.metadata, "requires", lambda name: ["absent>1", "numpy<1", 'x; extra == "dev"']
    )
    severity, found, todo = only(installation.check_packages)
    assert (
        severity == "fault"
        and "absent missing (asked: >1)" in found
        and "numpy" in found
        and " x" not in found
    )
    assert todo.startswith("pip install --force-reinstall 'mnistkit")
    monkeypatch.setattr(installation.platform, "python_version", lambda: "3.99.0")
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda name: None)
    for check in (installation.check_python, installation.check_tensorflow):
        assert "pip install" in only(check)[2] and "install.py" not in only(check)[2]


def test_a_package_from_outside_of_the_environment(prefix, tmp_path, monkeypatch):
    (prefix / "requirements.txt").write_text(f"numpy=={np.__version__} \\\n")
    for home in (tmp_path / "elsewhere", prefix / "lib"):
        for name in ("numpy", "pandas", "notebook"):
            (home / name).mkdir(parents=True)
            (home / name / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(prefix / "lib"), *sys.path])
    assert severities(installation.check_packages) == ["fine"]
    monkeypatch.setattr(sys, "path", [str(tmp_path / "elsewhere"), str(prefix / "lib"), *sys.path])
    severity, found, todo = only(installation.check_packages)
    assert severity == "fault" and found.startswith("numpy, pandas, notebook") and "PYTHONPATH" in todo


def test_a_kernel_that_is_missing_or_starts_another_python(prefix, monkeypatch):
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda: [])
    severity, _, todo = only(installation.check_kernel)
    assert severity == "fault" and "ipykernel install --sys-prefix" in todo
    spec = prefix / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    for program, severity in (("/usr/old/python", "fault"), ("python", "fine"), (sys.executable, "fine")):
        spec.write_text(json.dumps({"argv": [program, "-m", "ipykernel_launcher"]}))
        assert severities(installation.check_kernel) == [severity]


def test_a_users_own_kernel_of_the_same_name(tmp_path, monkeypatch):
    (tmp_path / "kernels" / "python3").mkdir(parents=True)
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda: [str(tmp_path)])
    severity, found, todo = only(installation.check_kernel)
    assert severity == "note" and str(tmp_path) in found and "--name mnistkit" in todo


@POSIX
@pytest.mark.parametrize(
    ("code", "seconds", "found", "todo"),
    [
        ("raise ImportError('libfoo.so: not found')", 60, "ImportError: libfoo.so", "install.py"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", 60, "exit status -4", "too old"),
        ("import signal; signal.pause()", 0.3, "within 0.3 s", "compileall"),
    ],
    ids=["broken", "old processor", "slow"],
)
def test_a_tensorflow_that_does_not_start(monkeypatch, code, seconds, found, todo):
    monkeypatch.setattr(installation, "_START", code)
    monkeypatch.setattr(installation, "TENSORFLOW_SECONDS", seconds)
    severity, said, advice = only(installation.check_tensorflow)
    assert severity == "fault" and found in said and todo in advice


def test_a_tensorflow_that_starts_or_is_not_there(monkeypatch):
    monkeypatch.setattr(installation, "_START", "print('chatter'); print('[\"2.0\", 6.4, [\"GPU 0\"]]')")
    assert only(installation.check_tensorflow) == ("fine", "2.0 starts in 6 s, on GPU 0", "")
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda name: None)
    assert only(installation.check_tensorflow)[0] == "note"


def test_data_that_is_absent_broken_or_not_official(tmp_path, monkeypatch, fresh_cache):
    absent, _ = course_data.check_data()
    assert (absent.severity, "stand-in" in absent.found) == ("note", True)
    assert "mnistkit data fetch mnist" in absent.todo
    folder = tmp_path / "files" / "mnist"
    files = export(make_tiny(), folder, "idx")
    monkeypatch.setenv("MNISTKIT_DATA", str(folder.parent))
    readable, _ = course_data.check_data()
    assert readable.severity == "note" and "not the official" in readable.found
    files[0].write_bytes(files[0].read_bytes()[:100])
    broken, _ = course_data.check_data()
    assert broken.severity == "fault" and files[0].name in broken.found and "fetch mnist" in broken.todo


def test_official_data_is_fine(monkeypatch):
    row = FileCheck("x", OFFICIAL, "")
    monkeypatch.setattr(course_data, "verify", lambda name: [row])
    assert severities(course_data.check_data) == ["fine", "fine"]


def test_with_a_network_data_that_is_absent_will_come(monkeypatch, fresh_cache):
    monkeypatch.setattr(download, "is_off", lambda: False)
    monkeypatch.setattr(download, "is_online", lambda: True)
    assert all("first lesson downloads it" in diagnosis.found for diagnosis in course_data.check_data())


def test_a_folder_of_data_that_is_gone(monkeypatch, tmp_path):
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "gone"))
    assert severities(course_data.check_data) == ["fault", "fault"]


def test_weights(monkeypatch, tmp_path):
    for found, severity in ((None, "note"), (tmp_path / "vgg16.h5", "fine")):
        monkeypatch.setattr(transfer, "find_imagenet_weights", lambda found=found: found)
        assert severities(course_data.check_weights) == [severity]


@pytest.mark.parametrize(("free", "severities_"), [(1.9e9, ["fault", "fault"]), (2.1e9, ["fine"])])
def test_a_full_disk(monkeypatch, free, severities_):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9e9, 0, free))
    assert severities(machine.check_disk) == severities_


@pytest.mark.parametrize(
    ("limit", "severity", "jobs"),
    [
        ("1000000000\n", "fault", 1),
        ("3000000000\n", "note", 1),
        ("9000000000\n", "fine", 4),
        ("max\n", "fine", 9),
    ],
)
def test_a_container_with_little_memory(monkeypatch, tmp_path, limit, severity, jobs):
    (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(threads, "_GROUP_LIMIT", tmp_path / "memory.max")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=20e9, total=20e9))
    monkeypatch.setattr(local, "cores", lambda: 9)
    assert severities(machine.check_memory) == [severity]
    assert local.default_jobs(9) == jobs


def test_folders_that_can_not_be_written(monkeypatch):
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000, raising=False)
    assert severities(machine.check_permissions) == ["fine"]

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuse)
    cache, here, jupyter = machine.check_permissions()
    assert {cache.severity, here.severity, jupyter.severity} == {"fault"}
    assert "MNISTKIT_CACHE" in cache.todo and "JUPYTER_RUNTIME_DIR" in jupyter.todo


def test_root_is_told_how_jupyterlab_starts(monkeypatch):
    monkeypatch.setattr(machine.os, "geteuid", lambda: 0, raising=False)
    assert severities(machine.check_permissions) == ["fine", "note"]


def test_a_port_that_is_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(machine, "PORT", server.getsockname()[1])
        assert only(machine.check_ports)[0] == "note"
    assert only(machine.check_ports)[0] == "fine"


def test_no_loopback(monkeypatch):
    def refuse(*address, **options):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(machine.socket, "create_connection", refuse)
    assert only(machine.check_ports)[0] == "fault"


def test_a_clock_that_is_behind(monkeypatch):
    assert only(machine.check_clock)[0] == "fine"
    monkeypatch.setattr(machine.time, "time", lambda: 1e9)
    severity, found, todo = only(machine.check_clock)
    assert severity == "fault" and "2001-09" in found and todo


def test_programs_that_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = (machine.check_graphviz, machine.check_browser, machine.check_sandbox)
    assert [only(check)[0] for check in checks] == ["note"] * 3
    assert "bubblewrap" in only(machine.check_sandbox)[2] or sys.platform != "linux"
    (tmp_path / "dot").write_text("#!/bin/sh\n")
    (tmp_path / "dot").chmod(0o755)
    assert only(machine.check_graphviz) == ("fine", str(tmp_path / "dot"), "")


# bubblewrap's words under the rights that Docker gives: root's, with CAP_SYS_ADMIN only, an ordinary user's, and
# the latter's without the filter of calls.
REFUSALS = {
    "bwrap: Creating new namespace failed: Operation not permitted": (True, 0, "--cap-add SYS_ADMIN"),
    "bwrap: loopback: Failed RTM_NEWADDR: No child processes": (True, 0, "--cap-add NET_ADMIN"),
    "bwrap: No permissions to create new namespace, likely because": (True, 1000, "seccomp=unconfined"),
    "bwrap: Can't mount proc on /newroot/proc: Operation not permitted": (
        True,
        1000,
        "systempaths=unconfined",
    ),
    "bwrap: setting up uid map: Permission denied": (
        False,
        1000,
        "sysctl kernel.unprivileged_userns_clone=1",
    ),
    "bwrap: execvp python: No such file or directory": (True, 0, ""),
}


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
@pytest.mark.parametrize("words", REFUSALS)
def test_a_bubblewrap_that_may_not_makes_the_doctor_and_grading_name_the_same_option(
    words, monkeypatch, tmp_path
):
    contained, user, option = REFUSALS[words]
    (tmp_path / "bwrap").write_text(f'#!/bin/sh\necho "{words}" >&2\nexit 1\n')
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "mark").touch()
    monkeypatch.setattr(containers, "_CONTAINER_FILES", (tmp_path / ("mark" if contained else "none"),))
    monkeypatch.delenv("container", raising=False)
    monkeypatch.setattr(containers.os, "getuid", lambda: user)
    severity, found, todo = only(machine.check_sandbox)
    assert severity == "note"
    assert words in found
    assert option in todo
    refusal = sandbox_problem()
    assert words in refusal
    assert not option or f"to do:    {todo}" in refusal


@pytest.fixture
def checks(monkeypatch):
    """Let the doctor have three checks of the test's own."""

    def breaks():
        yield fine("half")
        raise ZeroDivisionError("by zero")

    def refuses():
        raise UserError("a file", found="a hole", todo="mend it")
        yield

    monkeypatch.setattr(
        doctor, "CHECKS", {"one": lambda: iter([note("so so", "type x")]), "two": breaks, "three": refuses}
    )


def test_a_check_that_fails_itself_is_a_fault_and_stops_no_other(checks):
    found = [(each.check, each.severity, each.found, each.todo) for each in doctor.diagnose()]
    assert found == [
        ("one", "note", "so so", "type x"),
        ("two", "fine", "half", ""),
        ("two", "fault", "ZeroDivisionError: by zero", "report this: the check failed"),
        ("three", "fault", "a file: a hole", "mend it"),
    ]


def test_the_command_shows_what_to_do_and_its_exit_status_tells(checks, monkeypatch):
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 1
    assert done.output.splitlines()[:2] == ["note   one          so so", " " * 19 + " to do: type x"]
    machine_readable = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).output)
    assert machine_readable[3] == {
        "severity": "fault",
        "found": "a file: a hole",
        "todo": "mend it",
        "check": "three",
    }
    monkeypatch.setattr(doctor, "CHECKS", {"one": lambda: iter([note("so so", "type x")])})
    assert CliRunner().invoke(main, ["doctor"]).exit_code == 0


def test_each_check_has_its_line():
    modules = (course_data, installation, machine)
    functions = {
        getattr(module, name) for module in modules for name in dir(module) if name.startswith("check_")
    }
    assert functions == set(doctor.CHECKS.values())


@pytest.mark.parametrize("command", [["run"], ["lab", "--no-browser"]])
def test_without_loopback_nothing_begins_and_the_message_says_why(tmp_path, monkeypatch, command):
    def refuse(*address, **options):
        raise OSError(99, "Cannot assign requested address")

    write_lesson(write_course(tmp_path), "01_first", "1 + 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "create_server", refuse)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert "Cannot assign requested address" in done.output and "ip link set lo up" in done.output
    assert not (tmp_path / "runs").exists()
