"""Grading on the workers of a Dask scheduler gives what grading here gives."""

import json
import shutil
import time
from dataclasses import replace

import pytest
from class_helpers import NAME, grade, hand_in, make_batch, notebook, release_small, scores
from click.testing import CliRunner
from dask_helpers import worker
from sandbox_helpers import make_sandbox

from mnistkit.cli import main
from mnistkit.course.running.executors.dask import DaskExecutor
from mnistkit.course.running.executors.local import LocalExecutor
from mnistkit.grading.autograde.worker_pool import Job, end_examiners, examine, sandbox_problem
from mnistkit.grading.ledger import read_graded
from mnistkit.grading.submission import parse_notebook

pytestmark = pytest.mark.slow


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
    with (
        worker(scheduler, tmp_path / "a"),
        worker(scheduler, tmp_path / "b", "--no-nanny"),
        DaskExecutor(scheduler) as cluster,
    ):
        cluster.check([], sandbox_problem)
        assert cluster.slots == 2
        grade(make_batch(elsewhere), executor=cluster)
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
        with worker(scheduler, tmp_path, "--no-nanny"):
            context.undo()
            result = invoke()
    assert result.exit_code == 1
    assert "bubblewrap is not installed" in result.output
    assert not (course / "grades").exists()


def waiting(folder, student):
    """A job whose lesson says that it has begun, and goes on when it may."""
    source = f"""
import time
from pathlib import Path
Path({str(folder / student)!r}).touch()
while not Path({str(folder / "go")!r}).exists():
    time.sleep(0.05)
"""
    check = {"nbgrader": {"grade_id": "check", "grade": True, "points": 1}}
    content = json.dumps({"cells": [{"cell_type": "code", "metadata": check, "source": source}]})
    return Job(student, "01_a", content, {}, parse_notebook(content.encode()), unsandboxed=True)


@pytest.mark.parametrize("how", ["is interrupted", "has ended"])
def test_another_batch_on_the_same_workers_goes_on_when_one(how, tmp_path, scheduler):
    """Whoever interrupted or closed a batch killed the grading processes of all that were at work there."""
    with (
        worker(scheduler, tmp_path, "--no-nanny", "--nthreads", "2"),
        DaskExecutor(scheduler) as one,
    ):
        kept = one.submit(examine, waiting(tmp_path, "ada"))
        with DaskExecutor(scheduler) as two:
            two.on_close(end_examiners)
            ended = two.submit(examine, waiting(tmp_path, "bob"))
            end = time.monotonic() + 60
            while not all((tmp_path / student).exists() for student in ("ada", "bob")):
                assert time.monotonic() < end
                time.sleep(0.1)
            if how == "is interrupted":
                two.cancel([ended])
                assert ended.done()
                assert not kept.done()
        (tmp_path / "go").touch()
        assert kept.result(60).completed


def test_a_call_that_is_cancelled_ends_its_own_grading_process(isolated, tmp_path):
    with LocalExecutor(2) as executor:
        ended, kept = (executor.submit(examine, waiting(tmp_path, student)) for student in ("ada", "bob"))
        while not all((tmp_path / student).exists() for student in ("ada", "bob")):
            assert not (ended.done() or kept.done())
            time.sleep(0.1)
        executor.cancel([ended])
        assert not ended.result(0).completed
        assert not kept.done()
        end_examiners()
        (tmp_path / "go").touch()
        assert kept.result(60).completed
        assert executor.submit(examine, waiting(tmp_path, "cyd")).result(60).completed
