"""Grading processes that are killed, starved and timed out at random: no point is lost, and none unearned."""

import csv
import json
import random
import resource
import threading
from contextlib import suppress

import psutil
import pytest
from class_helpers import NAME, POINTS, grade, hand_in, make_batch, notebook, release_small, scores
from grades_helpers import class_page
from sandbox_helpers import make_sandbox

from mnistkit.course.running.executors.local import LocalExecutor
from mnistkit.errors import UserError
from mnistkit.grading.autograde import worker_pool
from mnistkit.grading.autograde.gradebook_writer import GradebookWriter
from mnistkit.grading.collect.command import Collected

SEED, MOST_ROUNDS = 15, 6
KINDS = {"killed", "starved", "late"}
EARNED = {
    "solved": {"double": 2, "total": 3, "mine": 1},
    "partly": {"double": 2, "total": 0, "mine": 1},
    "untouched": {"double": 0, "total": 0, "mine": 0},
    "hungry": {"double": 0, "total": 3, "mine": 1},
}


@pytest.fixture
def course(tmp_path):
    make_sandbox()
    course = release_small(tmp_path)
    wrong = {"total": "def total(x):\n    return 3"}
    hungry = {"double": "def double(x):\n    return b'x' * (1 << 33)"}
    hand_in(course, "solved", notebook(course))
    hand_in(course, "partly", notebook(course, wrong))
    hand_in(course, "untouched", (course / "release" / NAME / f"{NAME}.ipynb").read_text())
    hand_in(course, "hungry", notebook(course, hungry))
    return course


class Disturbance:
    """Does something to a grading process before or while it works, at random and repeatably."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._real = worker_pool._Examiner.ask
        self._next = []
        self.done = set()

    def patched(self):
        """Give a function to take the place of the method `_Examiner.ask`."""

        def ask(examiner, request, seconds):
            return self.ask(examiner, request, seconds)

        return ask

    def ask(self, examiner, request, seconds):
        """Ask a grading process to which something happens."""
        if not self._next:
            self._next = [*sorted(KINDS), "", ""]
            self._random.shuffle(self._next)
        what, moment = self._next.pop(), self._random.random()
        if what == "killed":
            timer = threading.Timer(moment, examiner._process.kill)
            timer.start()
        elif what == "starved":
            with suppress(psutil.Error, OSError):
                used = psutil.Process(examiner._process.pid).memory_info().vms
                limit = int(used + 2**20 + moment * 2**28)
                resource.prlimit(examiner._process.pid, resource.RLIMIT_AS, (limit, limit))
        elif what == "late" and "content" in request:  # else the batch ends: the instructor's notebook hangs
            seconds = moment
        self.done.add(what)
        return self._real(examiner, request, seconds)


def assert_nothing_unearned(course):
    """Compare all that says something about points with what was earned; nothing is right, too."""
    for path in (course / "grades" / NAME).glob("*.json"):
        for mark in json.loads(path.read_text())["results"].get(NAME, {"marks": ()})["marks"]:
            assert mark["points"] == EARNED[path.stem][mark["grade_id"].removesuffix("-check")], path
    for student, found in scores(course).items():
        for name, points in EARNED[student].items():
            assert found[name] in ((points, False), (None, True)), (student, name)
    class_page(course, NAME, Collected({}, ()))
    text = (course / "grades" / NAME / "grades.csv").read_text(encoding="utf-8-sig")
    for row in csv.DictReader(text.splitlines()):
        for name, points in EARNED[row["id"]].items():
            (shown,) = [value for column, value in row.items() if f"· {name} (of {POINTS[name]})" in column]
            assert shown in ("", f"{points:g}"), (row["id"], name)


@pytest.mark.slow
def test_a_disturbed_batch_loses_no_point_and_gives_none(course, monkeypatch):
    disturbance, entered = Disturbance(SEED), []
    real = GradebookWriter._enter_grades

    def watched(self, graded):
        real(self, graded)
        entered.append(graded.student)
        assert_nothing_unearned(course)

    monkeypatch.setattr(GradebookWriter, "_enter_grades", watched)
    with monkeypatch.context() as patch:
        patch.setattr(worker_pool._Examiner, "ask", disturbance.patched())
        for _ in range(MOST_ROUNDS):
            with suppress(UserError):  # of the instructor's notebook, which is disturbed as well
                grade(make_batch(course), executor=LocalExecutor(2))
            assert_nothing_unearned(course)
            if disturbance.done >= KINDS:
                break
    assert disturbance.done >= KINDS
    grade(make_batch(course), executor=LocalExecutor(2))
    assert entered
    found = {
        student: {name: points for name, (points, _) in marks.items() if name != "why"}
        for student, marks in scores(course).items()
    }
    assert found == EARNED
