"""Points by hand stay with the answer that they were given for: on a gradebook, with nothing run."""

import warnings
from dataclasses import dataclass

import pytest
from class_helpers import NAME
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from mnistkit.cli import main
from mnistkit.errors import UserError
from mnistkit.grading.judgements import (
    Answered,
    Place,
    answer_sha256,
    confirm,
    enter_points,
    one_step,
    read_again,
)
from mnistkit.grading.nbgrader_bridge import gradebook

CHECK, WORDS = "double-check", "why"
RULES = (
    "hand in",
    "correct a check",
    "update the kit",
    "mark",
    "confirm",
    "grade",
    "grade what can't be read",
)
STEP = st.tuples(st.sampled_from(RULES), st.sampled_from((CHECK, WORDS)), st.integers(0, 2))


@pytest.fixture(scope="module")
def course(make_course):
    return make_course({})


@pytest.fixture(scope="module")
def book(course):
    with gradebook(course) as opened:
        opened.db.execute(text("PRAGMA synchronous=OFF"))  # a test need not survive a power cut
        yield opened


def add_submission(book, student):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own, of sqlalchemy
        book.update_or_create_student(student)
        book.update_or_create_submission(NAME, student)


@dataclass
class Model:
    """What should be: the answer that lies there, the one that is shown, and what a person gave for which."""

    answer: int = 0
    shown: int = 0
    mark: tuple | None = None
    auto: float | None = None

    @property
    def counts(self):
        return self.mark is not None and self.mark[1] == self.shown


class Term:
    """A student's term on a gradebook, and the model of it."""

    count = 0

    def __init__(self, book):
        Term.count += 1
        self.book, self.student = book, f"s{Term.count}"
        add_submission(book, self.student)
        self.exercises = {CHECK: Model(), WORDS: Model()}
        self.rows = {name: book.find_grade(name, NAME, NAME, self.student) for name in self.exercises}
        self.checks, self.same_file = 0, True
        self.grade()

    def grade(self, readable=True):
        for exercise, model in self.exercises.items():
            if readable:
                model.shown = model.answer
                model.auto = float((model.answer + self.checks) % 3) if exercise == CHECK else None
            sha256 = answer_sha256([f"answer {model.answer}"]) if readable else None
            place = Place(NAME, self.student, NAME, exercise)
            enter_points(self.book, place, model.auto, Answered(sha256, self.same_file))
        self.same_file = True

    def step(self, rule, exercise, number):
        model = self.exercises[exercise]
        if rule == "hand in":
            model.answer, self.same_file = number, False
        elif rule == "correct a check":
            self.checks += 1
        elif rule == "update the kit":
            self.same_file = False
        elif rule == "mark":  # as formgrader does, also to settle a complaint about a check
            row = self.rows[exercise]
            row.manual_score, row.needs_manual_grade = float(number), False
            self.book.db.commit()
            model.mark = (float(number), model.shown)
        elif rule == "confirm":
            confirm(self.book, NAME, read_again(self.book, NAME))
            for each in self.exercises.values():
                each.mark = each.mark and (each.mark[0], each.shown)
        else:
            self.grade(readable=rule == "grade")

    def check(self):
        again = {place.exercise for place in read_again(self.book, NAME) if place.student == self.student}
        for exercise, model in self.exercises.items():
            row = self.rows[exercise]
            assert row.manual_score == (model.mark[0] if model.mark else None), "a mark is lost"
            if model.mark is None:
                assert row.needs_manual_grade is (model.auto is None)
            else:
                assert row.needs_manual_grade is not model.counts, (
                    "a mark is hidden, or counts for another answer"
                )
                assert model.counts or exercise in again, "it waits without a reason"


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=12))
def test_no_mark_of_an_unchanged_answer_is_lost_or_hidden(book, steps):
    term = Term(book)
    for step in steps:
        term.step(*step)
        term.check()
    with one_step(book):  # what the examples leave would slow the others down
        book.remove_submission(NAME, term.student)


def test_what_the_check_gives_anew_is_said_once_and_the_settled_complaint_counts(book):
    term = Term(book)
    for step in (("mark", CHECK, 1), ("correct a check", CHECK, 0), ("grade", CHECK, 0)):
        term.step(*step)
    place = Place(NAME, term.student, NAME, CHECK)
    assert read_again(book, NAME) == {
        place: "a person gave 1 points when its checks gave 0, and now they give 1: what the person gave counts"
    }
    term.check()
    term.step("confirm", CHECK, 0)
    term.step("grade", CHECK, 0)
    assert read_again(book, NAME) == {}


def test_all_are_confirmed_in_one_step_and_only_what_was_seen(course, book):
    terms = [Term(book) for _ in range(2)]
    for term in terms:
        for step in (("mark", WORDS, 2), ("hand in", WORDS, 1), ("grade", WORDS, 0)):
            term.step(*step)
    seen = read_again(book, NAME)
    assert len(seen) == 2
    terms[0].step("mark", WORDS, 1)
    with pytest.raises(UserError, match="changed since they were listed"):
        confirm(book, NAME, seen)
    assert term.rows[WORDS].needs_manual_grade
    arguments = ["assignment", "confirm", NAME, "--course", str(course)]
    asked = CliRunner().invoke(main, arguments, input="n\n")
    assert f"{terms[1].student}, {NAME}, why: a person gave 2 points to an earlier answer" in asked.output
    assert term.rows[WORDS].needs_manual_grade
    assert "1 confirmed" in CliRunner().invoke(main, [*arguments, "--yes"]).output
    book.db.commit()
    assert not term.rows[WORDS].needs_manual_grade
    assert "no points by hand" in CliRunner().invoke(main, arguments).output


def test_a_gradebook_of_an_earlier_version_keeps_marks_of_the_same_file_only(book):
    for same_file in (True, False):
        student = f"old-{same_file}"
        add_submission(book, student)
        row = book.find_grade(WORDS, NAME, NAME, student)
        row.manual_score, row.needs_manual_grade = 3.0, False
        book.db.commit()
        enter_points(book, Place(NAME, student, NAME, WORDS), None, Answered(answer_sha256(["a"]), same_file))
        assert row.needs_manual_grade is not same_file
        assert row.manual_score == 3


def test_a_step_that_fails_changes_nothing(book):
    term = Term(book)
    with pytest.raises(RuntimeError), one_step(book):
        term.rows[WORDS].manual_score = 4.0
        book.db.flush()
        raise RuntimeError
    assert term.rows[WORDS].manual_score is None
