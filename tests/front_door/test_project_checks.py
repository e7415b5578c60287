"""`mnistkit test`: its steps, and how it ends; and what is said where TensorFlow is not installed."""

import os
import shlex
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from mnistkit.cli import main
from mnistkit.course import project_checks
from mnistkit.course.project_checks import WORKER_BYTES, Step, check_steps, clone_folder
from mnistkit.course.running.executors import local
from mnistkit.errors import UserError
from mnistkit.utils import extras, keras_backend
from mnistkit.utils.extras import how_to_install, how_to_install_again, typed


def commands(*, quick):
    return [" ".join(step.arguments) for step in check_steps(Path("clone"), 3, quick=quick)]


def test_the_quick_checks_run_no_slow_test_and_no_lesson():
    ruff, form, types, tests = commands(quick=True)
    assert (ruff, form, types) == (
        "-m ruff check .",
        "-m ruff format --check .",
        "-m mypy",
    )
    assert "-n 3 --dist worksteal" in tests
    assert tests.endswith("-m not slow")


def test_all_checks_run_every_test_and_every_lesson_and_the_tests_read_that_run():
    *form, prepared, nbval, lab, run, tests = check_steps(Path("clone"), 3, quick=False)
    assert [step.arguments[1] for step in form] == ["ruff", "ruff", "mypy"]
    assert run.environment == {"MNISTKIT_STRICT": "1"}
    assert run.arguments[-1] == tests.environment["MNISTKIT_SMOKE_RUN"]
    assert "not slow" not in tests.arguments
    browser = lab.arguments[-1]
    assert f"--ignore={browser}" in tests.arguments
    assert (clone_folder() / browser).is_file()
    assert "--prepare-only" in prepared.arguments
    assert prepared.arguments[-1] == nbval.arguments[-1] == nbval.environment["MNISTKIT_RUN"]


def test_with_one_process_for_the_tests_nothing_works_beside_them():
    beside = {
        workers: [step.is_beside for step in check_steps(Path("clone"), workers, quick=False)]
        for workers in (1, 2)
    }
    assert beside == {1: [False] * 8, 2: [False, False, True, True, True, True, False, False]}


@pytest.mark.parametrize(("gigabytes", "cores", "workers"), [(100, 2, 2), (9, 8, 2), (1, 2, 1)])
def test_as_many_processes_run_tests_as_cores_and_memory_are_there_for(
    monkeypatch, gigabytes, cores, workers
):
    monkeypatch.setattr(local, "available_memory", lambda: gigabytes * 10**9)
    monkeypatch.setattr(local, "cores", lambda: cores)
    assert local.default_jobs(cores, WORKER_BYTES) == workers


@pytest.fixture
def check(monkeypatch, tmp_path):
    """Give what carries out steps that are written in Python, some beside others, as `mnistkit test` does."""

    def check(*sources, beside=()):
        steps = [Step(("-c", source), is_beside=source in beside) for source in sources]
        monkeypatch.setattr(project_checks, "check_steps", lambda *given, **more: steps)
        monkeypatch.setattr(project_checks, "clone_folder", lambda: tmp_path)
        return CliRunner().invoke(main, ["test", "--quick"])

    return check


NOTE = "open('ran', 'a').write('x')"
FAIL = "exit(1)"


@pytest.mark.parametrize(
    ("sources", "beside", "status", "ran"),
    [
        ([NOTE, NOTE], [], 0, "xx"),
        ([NOTE, FAIL, NOTE], [], 1, "x"),
        ([NOTE, FAIL, f"{NOTE} "], [FAIL, f"{NOTE} "], 1, "x"),
        ([FAIL, NOTE], [FAIL], 1, "x"),
    ],
    ids=["passes", "fails", "fails before one beside it", "fails beside another"],
)
def test_the_first_check_that_fails_ends_them(check, tmp_path, sources, beside, status, ran):
    assert check(*sources, beside=beside).exit_code == status
    assert (tmp_path / "ran").read_text() == ran


def test_steps_beside_others_work_at_the_same_time_in_the_gaps_and_speak_after_them(check):
    """Each waits for the other to begin: the reader of a pipe and its writer are let in together."""
    make = "import os; os.mkfifo('pipe')"
    beside = "import os; print('read', open('pipe').read(), 'at', os.nice(0))"
    done = check(make, beside, "open('pipe', 'w').write('x')", beside=[beside])
    assert done.exit_code == 0
    assert done.output.splitlines()[-2:] == [
        f"$ python -c {shlex.quote(beside)}",
        f"read x at {min(19, os.nice(0) + 5)}",
    ]


def test_who_interrupts_the_checks_ends_what_works_beside_them_too(check, tmp_path):
    """A kernel, for one, has a session of its own: Ctrl-C reaches the other steps alone."""
    make = "import os; os.mkfifo('pipe')"
    late = "signal.signal(signal.SIGALRM, lambda *_: open('late', 'w')); signal.alarm(60)"
    beside = f"import signal; {late}; open('pipe', 'w').close(); signal.pause()"
    interrupt = "import os, signal; open('pipe'); os.kill(os.getppid(), signal.SIGINT)"
    assert check(make, beside, interrupt, beside=[beside]).exit_code == 1
    assert not (tmp_path / "late").exists()


def test_compiled_code_is_kept_between_the_processes_also_where_a_container_says_not_to(check, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert check("import sys; sys.exit(sys.dont_write_bytecode)").exit_code == 0


def test_without_the_developers_packages_it_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr(project_checks, "_TOOLS", ("ruff", "no_such_tool"))
    done = CliRunner().invoke(main, ["test"])
    assert done.exit_code == 1
    assert "no no_such_tool" in done.output
    assert "install.py --for developer" in done.output


def test_a_package_without_its_clone_is_said(monkeypatch, tmp_path):
    assert (clone_folder() / "Makefile").exists()
    monkeypatch.setattr(project_checks, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(UserError, match="a clone of mnistkit"):
        clone_folder()


def test_without_tensorflow_a_network_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(keras_backend.importlib.util, "find_spec", lambda name: name != "tensorflow" or None)
    with pytest.raises(ImportError) as missing:
        keras_backend.import_keras.__wrapped__()
    assert str(missing.value).startswith("tensorflow missing")
    assert "install.py --for student" in str(missing.value)


@pytest.mark.parametrize(
    ("system", "path", "begun", "within"),
    [
        ("posix", "/opt/kit", "/opt/kit", "/opt/kit"),
        ("posix", "/my work/kit", "'/my work/kit'", "'/my work/kit'"),
        ("nt", r"C:\kit\.venv", r"C:\kit\.venv", r"C:\kit\.venv"),
        ("nt", r"C:\Anna Maria", r'& "C:\Anna Maria"', r'"C:\Anna Maria"'),
        ("nt", r"C:\kit(1)", r'& "C:\kit(1)"', r'"C:\kit(1)"'),
    ],
)
def test_a_path_in_a_command_can_be_typed_as_it_stands(monkeypatch, system, path, begun, within):
    with monkeypatch.context() as patched:  # pathlib asks for the system too
        patched.setattr(extras.os, "name", system)
        shown = (typed(path, begins=True), typed(path))
    assert shown == (begun, within)


def test_what_is_missing_is_installed_as_mnistkit_was(monkeypatch, tmp_path):
    assert how_to_install("cluster").endswith(f"{clone_folder() / 'install.py'} --for teacher")
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "mnistkit" / "utils" / "extras.py"))
    monkeypatch.setattr(extras.sys, "prefix", str(tmp_path / "bundle" / ".venv"))
    wheel = Mock(read_text=lambda name: '{"url": "file:///given/mnistkit-1-py3-none-any.whl"}')
    monkeypatch.setattr(extras.importlib.metadata, "distribution", lambda name: wheel)
    assert how_to_install("drawing") == (
        "pip install 'mnistkit[drawing] @ file:///given/mnistkit-1-py3-none-any.whl'"
    )
    again = "pip install --force-reinstall 'mnistkit @ file:///given/mnistkit-1-py3-none-any.whl'"
    assert how_to_install_again("--without-tensorflow") == again
    wheel.read_text = lambda name: None  # from an index
    assert how_to_install("cluster") == "pip install 'mnistkit[cluster]'"
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "install.py").touch()
    monkeypatch.setattr(extras.sys, "prefix", str(tmp_path / "bundle 2" / ".venv"))
    (tmp_path / "bundle").rename(tmp_path / "bundle 2")
    script = typed(tmp_path / "bundle 2" / "install.py")
    assert how_to_install_again("--without-tensorflow").endswith(f"python {script} --without-tensorflow")
    assert how_to_install("networks").endswith(f"{script} --for student")
