"""Grading on the workers of a Dask scheduler gives what grading here gives."""

import shutil
from dataclasses import replace

import pytest
from class_helpers import NAME, grade, hand_in, make_batch, notebook, release_small, scores
from click.testing import CliRunner
from dask_helpers import worker
from sandbox_helpers import make_sandbox

from mnistkit.cli import main
from mnistkit.course.running.executors.dask import DaskExecutor
from mnistkit.grading.autograde import command as grading
from mnistkit.grading.autograde.ledger import read_graded


@pytest.fixture
def course(isolated, tmp_path):
    make_sandbox()
    course = release_small(tmp_path)
    hand_in(course, "ada", notebook(course))
    hand_in(course, "bob", (course / "release" / NAME / f"{NAME}.ipynb").read_text())
    hand_in(course, "cyd", notebook(course, {"total": "def total(x):\n    return 3"}))
    hand_in(course, "dan", notebook(course, {"double": "import os\n\ndef double(x):\n    os._exit(3)"}))
    hand_in(course, "eve", "not a notebook")
    return course


def without_seconds(graded):
    return {
        student: {lesson: replace(result, seconds=0) for lesson, result in one.results.items()}
        for student, one in graded.items()
    }


def test_two_workers_give_the_same_grades(course, tmp_path, scheduler):
    elsewhere = shutil.copytree(course, tmp_path / "elsewhere")
    grade(make_batch(course))
    with worker(scheduler, tmp_path, "--nworkers", "2"), DaskExecutor(scheduler) as cluster:
        assert cluster.check([], grading.sandbox_problem) == 2
        grade(make_batch(elsewhere), place=grading.There(cluster))
    assert scores(elsewhere) == scores(course)
    here, there = (without_seconds(read_graded(folder, NAME)) for folder in (course, elsewhere))
    assert there == here
    assert len(here) == 5


def test_a_worker_without_a_sandbox_is_named_before_anything_is_graded(
    course,
    tmp_path,
    scheduler,
    monkeypatch,
):
    def invoke(*options):
        arguments = ["assignment", "grade", NAME, "--course", str(course), "--scheduler", scheduler, *options]
        return CliRunner().invoke(main, arguments)

    assert "-j says how many" in invoke("-j", "2").output
    with monkeypatch.context() as context:
        context.setenv("PATH", str(tmp_path))
        with worker(scheduler, tmp_path):
            context.undo()
            result = invoke()
    assert result.exit_code == 1
    assert "bubblewrap is not installed" in result.output
    assert not (course / "grades").exists()
