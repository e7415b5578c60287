"""Points into the gradebook: for everybody, exactly once, whatever else happens."""

import csv
import html
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime

import psutil
import pytest
from class_helpers import ANSWERS, NAME, POINTS, grade, hand_in, make_batch, notebook, release_small, scores
from click.testing import CliRunner
from grades_helpers import class_page
from sandbox_helpers import make_sandbox

from mnistkit.cli import main
from mnistkit.course.running.executors.local import LocalExecutor
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge, submission
from mnistkit.grading.autograde import command as grading
from mnistkit.grading.autograde import gradebook_writer
from mnistkit.grading.autograde.worker_pool import InstructorHangs, examine
from mnistkit.grading.collect.command import Collected
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.ledger import Mark, Result, read_graded
from mnistkit.grading.personalize import personal_parameters, read_secret
from mnistkit.grading.submission import SubmittedNotebook

pytestmark = pytest.mark.slow

FULL = {"double": (2.0, False), "total": (3.0, False), "mine": (1.0, False), "why": (None, True)}
NONE = {"double": (0.0, False), "total": (0.0, False), "mine": (0.0, False), "why": (0.0, False)}


@pytest.fixture(autouse=True)
def sandbox():
    """Skip where there is none."""
    make_sandbox()


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return release_small(tmp_path_factory.mktemp("released"))


@pytest.fixture
def course(released, tmp_path):
    return shutil.copytree(released, tmp_path / "course")


def judge(course, student, cell, points=None, *, extra=None):
    """Give points by hand, as formgrader does."""
    with nbgrader_bridge.gradebook(course) as book:
        found = book.find_grade(cell, NAME, NAME, student)
        found.manual_score, found.extra_credit, found.needs_manual_grade = points, extra, False
        book.db.commit()


def nobody(job):
    raise AssertionError("nothing is to be graded again")


def test_points_are_in_the_gradebook_and_questions_wait_for_a_person(course, tmp_path, said):
    hand_in(course, "ada", notebook(course))
    untouched = (course / "release" / NAME / f"{NAME}.ipynb").read_text()
    hand_in(course, "bob", untouched)
    hand_in(course, "cyd", notebook(course, {"total": "def total(x):\n    return 3"}))
    said.clear()
    done = grade(make_batch(course))
    assert said == ["3 graded"]
    assert scores(course) == {
        "ada": FULL,
        "bob": NONE,
        "cyd": {**FULL, "total": (0.0, False)},
    }
    assert {student: graded.points for student, graded in done.items()} == {"ada": 6, "bob": 0, "cyd": 3}
    assert [mark.reason for mark in done["bob"].results[NAME].marks] == ["not solved yet"] * 3
    assert done == read_graded(course, NAME)
    shown = json.loads((course / "autograded" / "cyd" / NAME / f"{NAME}.ipynb").read_text())
    outputs = {c["metadata"].get("nbgrader", {}).get("grade_id"): c.get("outputs") for c in shown["cells"]}
    assert outputs["double-check"] == []
    assert "hidden check" in outputs["total-check"][0]["evalue"]
    assert (course / "submitted" / "bob" / NAME / f"{NAME}.ipynb").read_text() == untouched


def test_what_was_graded_is_kept_and_a_new_hand_in_is_graded_again(course, monkeypatch, said):
    hand_in(course, "ada", notebook(course))
    hand_in(course, "bob", notebook(course, {"total": "def total(x):\n    return 3"}))
    grade(make_batch(course))
    judge(course, "ada", "why", 3.5)
    monkeypatch.setattr(grading, "examine", nobody)
    said.clear()
    grade(make_batch(course))
    assert said == ["0 graded, 2 kept: nothing has changed"]
    assert scores(course)["ada"]["why"] == (None, False), "nobody has to look at it a second time"
    monkeypatch.undo()
    hand_in(course, "bob", notebook(course))
    graded = []
    monkeypatch.setattr(grading, "examine", lambda job: graded.append(job.student) or examine(job))
    grade(make_batch(course))
    assert graded == ["bob"]
    assert scores(course)["bob"] == FULL
    with nbgrader_bridge.gradebook(course) as book:
        assert book.find_submission(NAME, "ada").score == 9.5


def telling(**points):
    """Give an `examine` that runs nothing: all points but those said, by student and exercise."""

    def told(job):
        got = {"double": 2.0, "total": 3.0, "mine": 1.0} | points.get(job.student, {})
        marks = (
            Mark(f"{name}-check", most, POINTS[name], "" if most else "wrong") for name, most in got.items()
        )
        return Result(tuple(marks))

    return told


def test_what_a_person_judged_stays_judged_as_long_as_the_answer_is_the_same(course, monkeypatch):
    students = ("ada", "bob", "cyd", "dan")
    wrong = {"total": 0.0}
    monkeypatch.setattr(
        grading, "examine", telling(ada=wrong, bob=wrong, cyd=wrong, dan={**wrong, "mine": 0.0})
    )
    for student in students:
        hand_in(course, student, notebook(course, {"total": "def total(x):\n    return 3"}))
    grade(make_batch(course))
    for student in students:
        judge(course, student, "why", 3.5)
        judge(course, student, "total-check", 1.0)  # a complaint that was settled
        judge(course, student, "double-check", extra=0.5)
    with nbgrader_bridge.gradebook(course) as book:
        book.find_comment("why", NAME, NAME, "ada").manual_comment = "Well said."
        book.db.commit()
    before = scores(course)
    # Another check is corrected, and the program and its limits are other ones: all is graded again.
    source = course / "source" / NAME / f"{NAME}.ipynb"
    source.write_text(source.read_text().replace('\\"negative numbers too\\"', '\\"also below zero\\"'))
    # One changes the answer that was read, one the code of the complaint, one something else.
    total = {"total": "def total(x):\n    return 3"}
    hand_in(course, "bob", notebook(course, {**total, "why": "Another reason."}))
    hand_in(course, "cyd", notebook(course, {"total": "def total(x):\n    return 4"}))
    hand_in(course, "dan", notebook(course, {**total, "mine": "def mine():\n    return 0"}))
    batch = replace(make_batch(course, seconds=100), program="another")
    grade(batch)
    assert scores(course) == {
        "ada": before["ada"],
        "bob": {**before["bob"], "why": (None, True)},
        "cyd": {**before["cyd"], "total": (0.0, True)},
        "dan": before["dan"],
    }
    standings = {s.student: s for s in read_class_scores(course, NAME).students}
    assert {s: standings[s].total for s in students} == {"ada": 8, "bob": 4.5, "cyd": 7, "dan": 7}
    assert standings["ada"].scores[3].comment == "Well said."
    page = html.unescape(class_page(course, NAME, Collected({}, ())))
    assert page.count("to an earlier answer") == 2
    assert "a person gave 3.5 points to an earlier answer, and this is another one" in page
    # What waits goes on waiting until a person has said something, also the same again.
    grade(replace(batch, program="a third"))
    assert scores(course)["bob"]["why"] == (None, True)
    judge(course, "bob", "why", 3.5)
    grade(replace(batch, program="a fourth"))
    assert scores(course)["bob"]["why"] == (None, False)


def test_a_time_that_was_edited_counts_and_who_is_left_out_is_named(course, monkeypatch):
    monkeypatch.setattr(grading, "examine", telling())
    with nbgrader_bridge.gradebook(course) as book:
        book.update_or_create_assignment(NAME, duedate=datetime(2026, 11, 20, 18))
    time = hand_in(course, "ada", notebook(course)).with_name("timestamp.txt")
    time.write_text("2026-11-20 17:00:00 UTC")
    (course / "submitted" / "a b" / NAME).mkdir(parents=True)
    grade(make_batch(course))
    monkeypatch.setattr(grading, "examine", nobody)
    late = []
    for text in ("2026-11-20 21:00:00 UTC", "2026-11-20 19:00:00"):
        time.write_text(text)
        grade(make_batch(course))
        late += [s.seconds_late for s in read_class_scores(course, NAME).students if s.student == "ada"]
    assert late == [3 * 3600, 3600]
    time.write_text("last Friday")
    with pytest.raises(UserError, match=r"timestamp.txt\n  found:.*last Friday"):
        grade(make_batch(course))
    time.unlink()
    arguments = ["assignment", "grade", NAME, "--course", str(course), "-j", "1"]
    monkeypatch.setattr(grading, "examine", telling())
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 1
    assert "  submitted/a b: not graded: 'a b' can't be an id" in shown.output
    assert "1 of 2 could not be graded: a b" in shown.output
    assert scores(course) == {"ada": FULL}
    assert "a b&#39; can&#39;t be an id" in (course / "grades" / NAME / "index.html").read_text()


def test_a_corrected_check_is_applied_and_changed_points_are_refused(course):
    hand_in(course, "ada", notebook(course))
    grade(make_batch(course))
    path = course / "source" / NAME / f"{NAME}.ipynb"
    text = path.read_text()
    path.write_text(
        text.replace("[20, 1, 0.7]), 21.7", "[20, 1, 0.7]), 21.8").replace(
            "float(sum(x))", "sum(x) + 0.1 * (len(x) == 3)"
        )
    )
    grade(make_batch(course))
    assert scores(course)["ada"]["total"] == (0.0, False)
    path.write_text(text.replace('"points": 3', '"points": 30'))
    with pytest.raises(UserError, match=r"exercises or points that the gradebook does not have: .*total"):
        make_batch(course)


def test_what_was_done_before_an_interruption_is_kept(course, monkeypatch, said):
    for student in ("ada", "bob", "cyd"):
        hand_in(course, student, notebook(course))

    def interrupted(job):
        if job.student == "cyd":
            raise KeyboardInterrupt
        return examine(job)

    monkeypatch.setattr(grading, "examine", interrupted)
    with pytest.raises(KeyboardInterrupt):
        grade(make_batch(course), executor=LocalExecutor(1))
    assert set(read_graded(course, NAME)) == {"ada", "bob"}
    assert {s for s, found in scores(course).items() if found == FULL} == {"ada", "bob"}
    monkeypatch.undo()
    said.clear()
    grade(make_batch(course))
    assert said == ["1 graded, 2 kept: nothing has changed"]
    assert scores(course)["cyd"] == FULL


def test_a_gradebook_that_was_lost_is_filled_again_without_running_anything(course, monkeypatch):
    hand_in(course, "ada", notebook(course))
    grade(make_batch(course))
    with nbgrader_bridge.gradebook(course) as book:
        book.remove_submission(NAME, "ada")
    monkeypatch.setattr(grading, "examine", nobody)
    grade(make_batch(course))
    assert scores(course) == {"ada": FULL}


OPEN = {"double": (None, True), "total": (None, True), "mine": (None, True), "why": (None, True)}
"""No points, which is not 0."""


def failing(student, *whys):
    """Give an `examine` that fails for a student, for each reason once."""
    left = list(whys)

    def examine_or_fail(job):
        if job.student == student and left:
            return Result((), status="failed", why=left.pop(0))
        return examine(job)

    return examine_or_fail


def rows_of(course):
    text = (course / "grades" / NAME / "grades.csv").read_text(encoding="utf-8-sig")
    return {row["id"]: row for row in csv.DictReader(text.splitlines())}


def test_a_graders_failure_is_not_the_students(course, monkeypatch, said):
    for student in ("ada", "bob"):
        hand_in(course, student, notebook(course))
    killed = "the grader's process ended: Killed"
    monkeypatch.setattr(grading, "examine", failing("ada", killed, killed))
    arguments = ["assignment", "grade", NAME, "--course", str(course), "-j", "2"]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 1
    assert f"  ada: not graded: {killed}\n1 graded, 1 could not be graded" in shown.output
    assert "1 of 2 could not be graded: ada" in shown.output
    assert scores(course) == {"ada": OPEN, "bob": FULL}
    assert set(read_graded(course, NAME)) == {"bob"}
    assert not (course / "grades" / NAME / "ada.json").exists()
    row = rows_of(course)["ada"]
    assert [row[name] for name in row if "(of" in name] == ["", "", "", ""]
    assert (row["total"], row["handed_in"]) == ("", "yes")
    page = (course / "grades" / NAME / "index.html").read_text()
    assert "not graded: the grader&#39;s process ended: Killed" in page
    CliRunner().invoke(main, ["assignment", "feedback", NAME, "--course", str(course)])
    page = (course / "feedback" / "ada" / NAME / f"{NAME}.html").read_text()
    assert "Not graded yet" in page
    assert "0 of" not in page
    assert "6 of 10 points" in (course / "feedback" / "bob" / NAME / f"{NAME}.html").read_text()
    # What goes wrong once is tried again at once; then nothing of it is left.
    monkeypatch.setattr(grading, "examine", failing("ada", killed))
    said.clear()
    grade(make_batch(course, seconds=600))
    assert scores(course) == {"ada": FULL, "bob": FULL}


def test_an_earlier_grade_is_not_shown_for_what_could_not_be_graded(course, monkeypatch):
    path = hand_in(course, "ada", notebook(course))
    grade(make_batch(course))
    judge(course, "ada", "why", 3.0)
    content = path.read_bytes()
    hand_in(course, "ada", notebook(course, {"total": "def total(x):\n    return 3"}))
    monkeypatch.setattr(grading, "examine", failing("ada", "it died", "it died"))
    grade(make_batch(course))
    assert scores(course)["ada"] == {**OPEN, "why": (None, False)}, (
        "what a person gave is for the same answer"
    )
    assert not read_graded(course, NAME)["ada"].results
    # Also the very notebook that had its points before is graded and entered again.
    path.write_bytes(content)
    grade(make_batch(course))
    assert scores(course)["ada"] == {**FULL, "why": (None, False)}


def test_a_file_that_cant_be_read_is_no_zero_and_nothing_handed_in_is_one(course, monkeypatch, said):
    path = hand_in(course, "ada", notebook(course))
    grade(make_batch(course))
    judge(course, "ada", "why", 3.0)
    (course / "submitted" / "bob" / NAME).mkdir(parents=True)
    hand_in(course, "cyd", notebook(course)).rename(path.with_name("real"))
    (course / "submitted" / "cyd" / NAME / f"{NAME}.ipynb").symlink_to(path.with_name("real"))
    real = submission.read_handed_in

    def refused(file):
        if file == path:
            raise PermissionError(13, "Permission denied", str(file))
        return real(file)

    monkeypatch.setattr(submission, "read_handed_in", refused)
    monkeypatch.setattr(gradebook_writer, "read_handed_in", refused)
    said.clear()
    done = grade(make_batch(course))
    assert scores(course) == {"ada": {**OPEN, "why": (None, False)}, "bob": NONE, "cyd": OPEN}
    assert "  ada: not graded: what was handed in can't be read (Permission denied)" in said
    assert any(line.startswith("  cyd: not graded") and "it is a link" in line for line in said)
    assert set(grading.not_graded(done)) == {"ada", "cyd"}
    monkeypatch.undo()
    grade(make_batch(course))
    assert scores(course)["ada"] == {**FULL, "why": (None, False)}


def test_a_submission_is_parsed_once_by_each_command(course, monkeypatch):
    path, parsed, real = hand_in(course, "ada", notebook(course)), [], submission._parse
    monkeypatch.setattr(submission, "_parse", lambda text: parsed.append(text) or real(text))
    content = path.read_bytes()
    for _ in range(2):  # the second time its points are kept
        grade(make_batch(course))
        assert parsed.count(content) == 1
    for times in (2, 3):  # the command compares it with others too, also where its points are kept
        result = CliRunner().invoke(main, ["assignment", "grade", NAME, "--course", str(course)])
        assert result.exit_code == 0, result.output
        assert parsed.count(content) == times


def test_a_grading_process_that_dies_or_hangs_is_replaced(course, monkeypatch):
    import mnistkit.grading.autograde.worker_pool as examination

    hand_in(course, "ada", notebook(course))
    batch = make_batch(course)
    job = grading.job_of(batch, batch.plans[0], "ada", SubmittedNotebook(None))
    assert examine(job).completed
    examiner = examination._examiners[threading.get_ident()]
    examiner._process.kill()
    examiner._process.wait()
    assert examine(job).completed
    monkeypatch.setattr(examination, "PREPARE_SECONDS", 0)
    with pytest.raises(InstructorHangs, match="took longer than 0 s"):
        examine(job)
    monkeypatch.undo()
    # What a student handed in gets no time of the lesson's.
    monkeypatch.setattr(examination, "CHECK_SECONDS", 0)
    monkeypatch.setattr(examination, "MAX_RUNS", 0)
    result = examine(job)
    assert (result.status, result.marks) == ("failed", ())
    assert "took longer than 0 s" in result.why
    monkeypatch.undo()
    real = subprocess.Popen
    monkeypatch.setattr(examination.subprocess, "Popen", lambda *args, **kwargs: real(["false"], **kwargs))
    assert "it said nothing" in examine(job).why
    monkeypatch.undo()
    assert examine(job).completed


def test_a_personal_notebook_that_fails_or_hangs_for_some_is_not_their_fault(isolated, tmp_path, monkeypatch):
    course = release_small(tmp_path, "ada", "bob", "cyd", "dan")
    for student in ("ada", "bob", "cyd", "dan"):
        hand_in(course, student, notebook(course))
    asked = []

    def hanging(job):
        asked.append(job.student)
        raise InstructorHangs("it took longer than 1,800 s")

    monkeypatch.setattr(grading, "examine", hanging)
    done = grade(make_batch(course), executor=LocalExecutor(1))
    status = [done[student].results[NAME].status for student in ("ada", "bob", "dan")]
    assert status == ["failed", "failed", "not_done"]
    assert "dan" not in asked
    assert set(map(str, scores(course).values())) == {str(OPEN)}


def test_only_few_submissions_are_read_at_a_time(course, monkeypatch):
    for number in range(9):
        hand_in(course, f"s{number}", notebook(course))
    at_work, most = [], []

    class Slow:
        slots = 1

        def submit(self, function, job):
            at_work.append(job)
            most.append(len(at_work))
            future = Future()
            threading.Timer(0.01, lambda: (at_work.remove(job), future.set_result(Result(())))).start()
            return future

        def cancel(self, futures):
            assert not futures

    batch = make_batch(course)
    waiting = [(f"s{number}", batch.plans[0]) for number in range(9)]
    assert len(list(grading._graded(batch, waiting, Slow()))) == 9
    assert max(most) <= 2


def cell(source, kind="markdown"):
    outputs = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": "own", "metadata": {}, "source": source, **outputs}


def place_of(made, name):
    return [c["metadata"].get("nbgrader", {}).get("grade_id") for c in made["cells"]].index(name)


def test_an_answer_that_is_not_in_its_cell_is_found_or_waits_and_is_named(course, said):
    stub = json.loads((course / "release" / NAME / f"{NAME}.ipynb").read_text())["cells"]
    why, double = (next(c for c in stub if c["id"] == name) for name in ("why", "double"))
    text, code = cell("My *real* answer."), cell(ANSWERS["double"].replace("###", "#"), "code")
    variants = {
        "below": ("why", [why, text]),
        "anew": ("why", [text]),
        "code": ("double", [double, code]),
        "drafts": ("double", [double, {**code, "source": "def double(x):\n    return x"}, code]),
    }
    for student, (name, cells) in variants.items():
        made = notebook(course)
        place = place_of(made, name)
        made["cells"][place : place + 1] = cells
        hand_in(course, student, made)
    lost = notebook(course)
    for one in lost["cells"]:
        one["metadata"].pop("nbgrader", None)
    hand_in(course, "lost", lost)
    failing_drafts = notebook(course)
    place = place_of(failing_drafts, "double-check")
    drafts = [{**code, "source": f"def double(x):\n    return {text}"} for text in ("x", "x + x", "1")]
    failing_drafts["cells"][place - 1 : place] = drafts
    hand_in(course, "unclear", failing_drafts)
    said.clear()
    grade(make_batch(course))
    assert scores(course) == {
        **dict.fromkeys(("below", "anew", "code", "drafts", "lost"), FULL),
        "unclear": {**FULL, "double": (None, True)},
    }
    for student in (*variants, "lost", "unclear"):
        assert any(line.startswith(f"  {student}: ") for line in said), student
        assert student in (course / "grades" / NAME / f"{student}.json").name
    for student in ("below", "anew"):
        shown = json.loads((course / "autograded" / student / NAME / f"{NAME}.ipynb").read_text())
        assert "My *real* answer." in shown["cells"][place_of(shown, "why")]["source"]
    standings = {s.student: s for s in read_class_scores(course, NAME).students}
    assert standings["unclear"].waiting == 2
    assert standings["unclear"].not_done == 0


def test_an_instructors_notebook_that_fails_ends_the_batch_with_its_name(course):
    hand_in(course, "ada", notebook(course))
    path = course / "source" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text().replace("return 2 * np.asarray(x)", "return 3 * np.asarray(x)"))
    with pytest.raises(UserError, match=r"01_small: the instructor's notebook, cell 'double-check'"):
        grade(make_batch(course))
    assert not scores(course)


def test_nothing_to_grade_no_release_and_no_sandbox_are_said(course, tmp_path, monkeypatch):
    def invoke(*arguments):
        return CliRunner().invoke(main, ["assignment", "grade", *arguments, "--course", str(course)])

    assert "mnistkit assignment collect 01_small" in invoke(NAME).output
    assert "no assignment of this name" in invoke("02_other").output
    hand_in(course, "ada", notebook(course))
    monkeypatch.setenv("PATH", str(tmp_path))
    result = invoke(NAME)
    assert result.exit_code == 1
    assert "apt-get install bubblewrap" in result.output
    assert "--unsandboxed" in result.output
    assert not (course / "grades").exists()
    result = invoke(NAME, "--unsandboxed", "-j", "1")
    assert result.exit_code == 0, result.output
    assert "WARNING: without a sandbox" in result.output
    assert scores(course) == {"ada": FULL}
    assert read_graded(course, NAME)["ada"].sandboxed is False


def test_an_own_number_is_computed_again_and_a_neighbours_is_named(isolated, tmp_path, said):
    course = release_small(tmp_path, "ada", "bob", "cyd")
    seeds = {
        student: personal_parameters(read_secret(course), student, NAME, ["seed"])["seed"]
        for student in ("ada", "bob", "cyd")
    }
    answer = "def mine():\n    return {}"
    import numpy as np

    right = {s: int(np.random.default_rng(seed).normal(size=100_000).argmax()) for s, seed in seeds.items()}
    for student, numbers_of, seed in (("ada", "ada", "ada"), ("bob", "ada", "ada"), ("cyd", "cyd", "bob")):
        made = notebook(course, {"mine": answer.format(right[numbers_of])})
        (cell,) = [c for c in made["cells"] if "parameters" in c["metadata"].get("tags", ())]
        cell["source"] = "".join(cell["source"]).replace("= 42", f"= {seeds[seed]}")
        hand_in(course, student, made)
    said.clear()
    grade(make_batch(course))
    found = scores(course)
    assert [found[s]["mine"][0] for s in ("ada", "bob", "cyd")] == [1, 0, 1]
    assert sorted(said[:-1]) == [
        "  bob: this notebook has the personal numbers of ada; it was graded with the student's own",
        "  cyd: this notebook has the personal numbers of bob; it was graded with the student's own",
    ]


def test_two_lessons_of_one_assignment_go_into_one_submission(isolated, tmp_path, said):
    course = release_small(tmp_path, lessons=("01_small", "02_small"), name="week1")
    hand_in(course, "ada", notebook(course, name="week1"), name="week1")
    for lesson in ("01_small", "02_small"):
        hand_in(course, "bob", notebook(course, lesson=lesson, name="week1"), lesson=lesson, name="week1")
    said.clear()
    done = grade(make_batch(course, name="week1"))
    assert said == ["  ada: 02_small: nothing was handed in for this notebook", "2 graded"]
    assert {student: graded.points for student, graded in done.items()} == {"ada": 6, "bob": 12}
    with nbgrader_bridge.gradebook(course) as book:
        submission = book.find_submission("week1", "ada")
        assert {n.name: n.score for n in submission.notebooks} == {"01_small": 6, "02_small": 0}
        assert submission.max_score == 2 * sum(POINTS.values())


def test_a_grading_process_leaves_no_files(course, monkeypatch, tmp_path):
    import mnistkit.grading.autograde.worker_pool as examination

    monkeypatch.setattr(examination.tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    hand_in(course, "ada", notebook(course))
    batch = make_batch(course)
    examine(grading.job_of(batch, batch.plans[0], "ada", SubmittedNotebook(None)))
    examination.end_examiners()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_grading_process_ends_with_a_command_that_is_killed(tmp_path):
    script = (
        "import sys, threading\nfrom mnistkit.grading.autograde.worker_pool import _Examiner\n"
        "examiner = _Examiner()\nprint(examiner._process.pid, flush=True)\n"
        "examiner.ask({'source': sys.argv[1], 'parameters': {}}, 60)"
    )
    loop = {"nbgrader": {"grade_id": "loop", "grade": True, "points": 1}}
    begun = tmp_path / "begun"
    source = f"open({str(begun)!r}, 'w').close()\nwhile True: pass"
    cell = {"cell_type": "code", "metadata": loop, "source": source}
    text = json.dumps({"cells": [cell]})
    with subprocess.Popen([sys.executable, "-c", script, text], stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout
        examiner = psutil.Process(int(command.stdout.readline()))
        while not begun.exists():
            assert command.poll() is None
        command.kill()
        examiner.wait(10)


def test_a_course_that_students_code_could_read_is_not_graded(course, monkeypatch):
    hand_in(course, "ada", notebook(course))
    arguments = ["assignment", "grade", NAME, "--course", str(course)]
    for name in ("MNISTKIT_DATA", "MNISTKIT_CACHE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, str(course.parent))
            shown = CliRunner().invoke(main, arguments).output
        assert "students' code can read" in shown
        assert not (course / "grades").exists()


def test_data_that_students_code_may_not_read_costs_nobody_points(isolated, tmp_path, monkeypatch):
    """Found by grading the instructor's own notebook first."""
    (tmp_path / "data").mkdir()
    secret = tmp_path / "data" / "numbers.txt"
    secret.write_text("1 2 3")
    lesson = f"import numpy as np\n\nnumbers = np.loadtxt({str(secret)!r})"
    monkeypatch.setattr("class_helpers.LESSON", lesson)
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "data"))
    course = release_small(tmp_path)
    hand_in(course, "ada", notebook(course))
    # Root may read what it may not; elsewhere the folder is not there at all.
    secret.chmod(0o600 if os.getuid() == 0 else 0o644)
    monkeypatch.setenv("MNISTKIT_DATA", "" if os.getuid() else str(tmp_path / "data"))
    with pytest.raises(UserError, match=r"(?s)own solutions lose points in the sandbox.*mine-check.*chmod"):
        grade(make_batch(course), executor=LocalExecutor(1))
    assert not scores(course)
    secret.chmod(0o644)
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "data"))
    grade(make_batch(course), executor=LocalExecutor(1))
    assert scores(course) == {"ada": FULL}


def test_an_assignment_is_found_by_the_beginning_of_its_name(course, tmp_path):
    assert courses.released_name(course, NAME) == NAME
    assert courses.released_name(course, "01") == NAME
    for text in ("0", "01_smal", "02"):
        with pytest.raises(UserError, match=rf"(?s){text}\n.*released there: {NAME}"):
            courses.released_name(course, text)
    (course / "assignments" / "01_other.json").write_text("{}")
    with pytest.raises(UserError, match=r"found: +01_other, 01_small"):
        courses.released_name(course, "01")
    with pytest.raises(UserError, match="there is none yet"):
        courses.released_name(tmp_path / "empty", "01")
