"""How many threads the libraries of every process use: one place sets it."""

import re
from pathlib import Path

import joblib
import numpy as np
import pytest

import mnistkit
from mnistkit import embedding
from mnistkit.course.running.execute import Task
from mnistkit.course.running.executors import local
from mnistkit.grading.autograde import worker_pool
from mnistkit.grading.sandbox.bwrap import Sandbox
from mnistkit.utils import threads


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in (*threads.THREAD_VARIABLES, "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)


def test_every_kind_of_child_gets_the_same_settings():
    kernel = Task("", "", {}, {}, 1.0).with_threads(1).env
    grader, student = worker_pool._environment(), Sandbox().environment()
    assert set(threads.THREAD_VARIABLES) < set(kernel)
    for name, value in kernel.items():
        assert grader[name] == student[name] == value, name


def test_no_other_module_sets_threads():
    package = Path(mnistkit.__file__).parent
    named = [
        path.name for path in package.rglob("*.py") if re.search(r"[\"']\w+_NUM_THREADS", path.read_text())
    ]
    assert named == ["threads.py"]


@pytest.mark.parametrize(
    ("text", "expected"), [("3", 3), ("2,4", 2), ("", 7), ("0", 7), ("many", 7), (None, 7)]
)
def test_what_omp_num_threads_says_holds_else_there_are_as_many_as_cores(monkeypatch, text, expected):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 7)  # which knows the limits of containers
    if text is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads.allowed() == expected
    assert local.cores() == 7


def test_tsne_obeys(monkeypatch):
    import openTSNE

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    asked = []

    class Layout:
        def __init__(self, **options):
            asked.append(options["n_jobs"])

        def fit(self, rows):
            return rows[:, :2]

    monkeypatch.setattr(openTSNE, "TSNE", Layout)
    embedding.tsne(np.zeros((embedding._THREADS_PAY + 1, 3)))
    assert asked == [1]
