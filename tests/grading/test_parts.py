"""Exercises of several parts: check cells after the same answer, each with points of its own."""

import csv
import json

import pytest
from assignment_helpers import exercise_cells, mark, write_exercises
from grades_helpers import LESSON, check, class_feedback, enter, hand_in, score
from nbformat.v4 import new_code_cell
from sandbox_helpers import hand_in as read_handed_in
from sandbox_helpers import make_sandbox, notebook

from mnistkit.grading import course_folder as courses
from mnistkit.grading.autograde.checks import check_submission
from mnistkit.grading.autograde.reference_solution import prepare
from mnistkit.grading.exercises import read_exercises
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.feedback.grades_csv import grades_csv
from mnistkit.grading.ledger import Mark
from mnistkit.grading.release.command import Assignment, release

HIDDEN = (
    "# negative numbers\n### BEGIN HIDDEN TESTS\nassert double(-4) == -8, 'below zero'\n### END HIDDEN TESTS"
)
LISTS = "assert double([1]) == [1, 1], 'of a list'"


def parts():
    """Give the cells of the small lesson, with two more checks after the first."""
    cells = exercise_cells(check="# one number\nassert double(1) == 2, 'twice 1'")
    place = next(i for i, cell in enumerate(cells) if cell.id == "double-check") + 1
    cells[place:place] = [
        new_code_cell(HIDDEN, id="double-hidden", metadata=mark("double-hidden", grade=True, points=1)),
        new_code_cell(LISTS, id="double-lists", metadata=mark("double-lists", grade=True, points=0.5)),
    ]
    return cells


@pytest.fixture
def lesson(tmp_path):
    return write_exercises(tmp_path, LESSON, parts())


def test_checks_after_the_same_answer_are_its_parts(lesson):
    assert [(e.id, e.title, e.points, e.work, e.part) for e in read_exercises(lesson)] == [
        ("double-check", "Exercise 1 · Double it: one number", 2, ("double",), 1),
        ("double-hidden", "Exercise 1 · Double it: negative numbers", 1, ("double",), 2),
        ("double-lists", "Exercise 1 · Double it: part 3", 0.5, ("double",), 3),
        ("why", "Exercise 2 · Why?", 3, ("why",), 0),
    ]


def test_a_comment_in_an_example_of_code_is_no_title(tmp_path):
    cells = exercise_cells()
    cells[0].source += "\n\n```python\n# an example\ndouble(2)\n```\n\n~~~~\n# another\n~~~\n# one more\n~~~~"
    first = read_exercises(write_exercises(tmp_path, LESSON, cells))[0]
    assert first.title == "Exercise 1 · Double it"
    cells[0].source += "\n#### In short"
    assert read_exercises(write_exercises(tmp_path, LESSON, cells))[0].title == "In short"


@pytest.mark.slow
def test_each_part_has_its_own_points_and_reason(lesson, tmp_path):
    sandbox = make_sandbox()
    cells = [cell for cell in json.loads(lesson.text)["cells"] if cell["cell_type"] == "code"]
    instructor = prepare(lesson.text, {"seed": 1})
    assert check_submission(instructor, read_handed_in(tmp_path, notebook(cells)), sandbox).points == 3.5
    for cell in cells:
        if cell["id"] == "double":
            cell["source"] = "def double(x):\n    return abs(x) * 2"
    marks = check_submission(instructor, read_handed_in(tmp_path, notebook(cells)), sandbox).marks
    assert [(mark.points, mark.reason) for mark in marks] == [
        (2, ""),
        (0, "hidden check 1 of 1 failed: below zero"),
        (0, "double raised TypeError: bad operand type for abs(): 'list'"),
    ]


@pytest.mark.slow
def test_a_student_reads_of_each_part_and_a_comment_once(lesson, tmp_path):
    course = tmp_path / "course"
    courses.open_course(course)
    release(Assignment(LESSON, (lesson,)), course)
    hand_in(course, "ada")
    below = Mark("double-hidden", 0.0, 1.0, "hidden check 1 of 1 failed: below zero", True)
    check(course, "ada", Mark("double-check", 2.0, 2.0), below, Mark("double-lists", 0.5, 0.5))
    gave = [
        score("double-check", 2.0, comment="Nearly!"),
        score("double-hidden", 0.0),
        score("double-lists", 0.5),
    ]
    enter(course, "ada", gave)
    class_feedback(course, LESSON)
    page = (course / "feedback" / "ada" / LESSON / f"{LESSON}.html").read_text()
    assert page.count("Nearly!") == 1
    assert "below zero" in page
    assert "double(-4)" not in page
    rows = list(
        csv.DictReader(grades_csv(read_class_scores(course, LESSON)).decode("utf-8-sig").splitlines())
    )
    assert [value for name, value in rows[0].items() if "Double it" in name] == ["2", "0", "0.5"]
