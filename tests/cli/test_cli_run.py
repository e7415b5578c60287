"""`mnistkit run` and `mnistkit list` as they are typed."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from course_helpers import write_course, write_lesson

from mnistkit.cli import main
from mnistkit.cli.options import PATH


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    parameters = 'data: str = "auto"  # where from\nk_max: int = 5  # largest k'
    write_lesson(folder, "01_first", 'ds = load("mnist", data)', parameters=parameters)
    parameters = "k_max: int = 5  # largest k\nn_init: int = 3  # starts (at least 1)"
    write_lesson(folder, "02_second", "print(k_max)", parameters=parameters)
    monkeypatch.chdir(tmp_path)
    return folder


def invoke(*arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "k_maxx=5"], "unknown parameter 'k_maxx', did you mean 'k_max'?"),
        (["-p", "n_init=0"], "-p n_init: expected at least 1, found 0"),
        (["-p", "k_max=ten"], "-p k_max: expected int, found 'ten'"),
        (["--preset", "fulll"], "unknown preset 'fulll', did you mean 'full'?"),
        (["frist"], "unknown lesson 'frist', did you mean 'first'?"),
        (["--data", "bundle"], "bundled"),
        (["--data", "no/such/folder"], "no such file or folder"),
        (["-j", "0"], "x>=1"),
        (["~nobody-of-that-name.ipynb"], "unknown lesson"),
        (["--data", "x" * 300], "File name too long"),
        (["--data", "~nobody-of-that-name/x"], "no such file or folder"),
        (["--out", "notebooks"], "itself, which would be lost"),
        (["--out", "notebooks", "--prepare-only"], "would be lost"),
        (["--out", "notebooks/01_first.ipynb"], "expected: a folder to write into"),
    ],
)
def test_a_mistake_is_answered_before_anything_is_written(course, tmp_path, arguments, message):
    result = invoke("run", *arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert not (tmp_path / "runs").exists()


def test_the_home_folder_is_found_where_the_shell_leaves_its_sign(course, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert invoke("run", "02", "--prepare-only", "--out=~/made").exit_code == 0
    assert (tmp_path / "home" / "made" / "02_second.ipynb").exists()
    assert not (tmp_path / "~").exists()


def test_every_path_of_a_command_may_be_in_the_home_folder():
    def commands(command):
        yield command
        for each in getattr(command, "commands", {}).values():
            yield from commands(each)

    paths = [each for one in commands(main) for each in one.params if isinstance(each.type, click.Path)]
    assert len(paths) > 15
    assert {each.name for each in paths if each.type is not PATH} == set()


def test_a_typo_is_answered_without_loading_what_runs_need():
    code = (
        "import sys\nfrom mnistkit.cli import main\n"
        "try:\n    main(['run', '-p', 'k_maxx=5'])\nexcept SystemExit as e:\n    assert e.code == 1\n"
        "print({'papermill', 'nbformat', 'pandas', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "did you mean 'k_max'" in done.stderr
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
def test_a_run_ends_with_its_report(course, tmp_path):
    result = invoke("run", "second", "-p", "k_max=7")
    assert result.exit_code == 0, result.output
    assert f"Report: {tmp_path / 'runs/lab/report/index.html'}" in result.output
    assert (tmp_path / "runs/lab/report/02_second.html").exists()
    assert "STAND-IN" not in result.output


@pytest.mark.slow
def test_a_standin_is_named_where_the_run_starts(course, tmp_path):
    write_lesson(course, "01_first", 'load("mnist")')
    result = invoke("run", "01")
    assert "data: mnist: STAND-IN: scikit-learn's" in result.output


@pytest.mark.slow
def test_a_failing_lesson_is_explained_and_the_exit_status_is_1(course):
    write_lesson(course, "03_bad", "raise ValueError('bad thing')")
    result = invoke("run", "03")
    assert result.exit_code == 1
    assert "03_bad: error\n    | raise ValueError('bad thing')" in result.output
    assert result.output.rstrip().endswith("ValueError: bad thing")


def test_list_shows_the_course_in_order_with_parameters(course):
    lines = invoke("list").output.splitlines()
    assert lines[0] == "Title of 01_first"
    assert lines[2].split() == ["k_max=5", "int", "largest", "k"]
    assert "Title of 02_second" in lines
    assert lines[-1].split() == ["n_init=3", "int", "starts", "(at", "least", "1)"]
