"""A small course with a made-up class that has handed in: for the tests of grades, feedback and pages."""

import datetime
import json
import warnings
from types import SimpleNamespace

from assignment_helpers import write_exercises

from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.feedback.instructor_page import write_overview
from mnistkit.grading.feedback.similarity import WrittenAnswers
from mnistkit.grading.feedback.student_page import write_feedback
from mnistkit.grading.ledger import Graded, Mark, Result, write_graded
from mnistkit.grading.release.command import Assignment, release

LESSON = "01_double"
SOLVED = "def double(x):\n    return 2 * x"
SECRET = "assert double(-4) == -8"
"""A line of the hidden check."""
DUE = datetime.datetime(2026, 11, 20, 18)


def release_small(course, folder, names=(LESSON,), assignment=LESSON):
    """Release small lessons as one assignment."""
    courses.open_course(course)
    release(Assignment(assignment, tuple(write_exercises(folder, name) for name in names)), course)
    with nbgrader_bridge.gradebook(course) as book:
        book.update_or_create_assignment(assignment, duedate=DUE)


def hand_in(course, student, *, lesson=LESSON, assignment=LESSON, double=SOLVED, why="Because.", more=()):
    """Put a student's version of the released notebook where submissions are; None leaves a cell as it was."""
    notebook = json.loads((course / "release" / assignment / f"{lesson}.ipynb").read_text())
    for cell in notebook["cells"]:
        new = {"double": double, "why": why}.get(cell["id"])
        if new is not None:
            cell["source"] = new
    notebook["cells"] += more
    path = course / "submitted" / student / assignment / f"{lesson}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))
    return path


def enter(course, student, scores=(), **how):
    """Enter a student with a submission; see `enter_all`."""
    enter_all(course, {student: (scores, how)})


def enter_all(course, students):
    """Enter students with what `score` gave for each, and their due dates, penalties and names."""
    with warnings.catch_warnings(), nbgrader_bridge.gradebook(course) as book:
        warnings.simplefilter("ignore")  # nbgrader's own, of sqlalchemy
        for student, (scores, how) in students.items():
            _enter(book, student, scores, **how)
        book.db.commit()


def _enter(book, student, scores, *, assignment=LESSON, hours=-1, penalty=0.0, **about):
    book.update_or_create_student(student, **about)
    book.update_or_create_submission(assignment, student, timestamp=DUE + datetime.timedelta(hours=hours))
    for lesson, cell, changes, comment in scores:
        grade = book.find_grade(cell, lesson, assignment, student)
        for name, value in changes.items():
            setattr(grade, name, value)
        if comment:
            said = book.find_comment(cell.removesuffix("-check"), lesson, assignment, student)
            said.manual_comment = comment
        book.find_submission_notebook(lesson, assignment, student).late_submission_penalty = penalty


def score(cell, auto=None, manual=None, *, waiting=False, comment=None, lesson=LESSON):
    """Describe a score for `enter`."""
    changes = {"auto_score": auto, "manual_score": manual, "needs_manual_grade": waiting}
    return lesson, cell, changes, comment


def check(course, student, *marks, odd=(), sandboxed=True, lesson=LESSON, assignment=LESSON):
    """Keep what the checks said."""
    results = {lesson: Result(marks, tuple(odd))}
    write_graded(course, assignment, Graded(student, results, sandboxed))


PASSED = Mark("double-check", 2.0, 2.0)
HIDDEN = Mark("double-check", 0.0, 2.0, "hidden check 1 of 1 failed: below zero", True, "AssertionError")


def collected(*students, unclear=(), **notes):
    """Give what collecting leaves: the students, remarks on some of them, files of nobody."""
    ids = dict.fromkeys((*students, *notes))
    handed_in = {
        student: SimpleNamespace(
            student=student, notebooks={}, received="", notes=tuple(notes.get(student, ()))
        )
        for student in ids
    }
    return SimpleNamespace(students=handed_in, unclear=tuple(unclear))


def class_feedback(course, assignment=LESSON):
    """Write the feedback for everybody; say for how many."""
    standings = read_class_scores(course, assignment)
    return write_feedback(course, standings, WrittenAnswers(course, standings))


def class_page(course, assignment, noted):
    """Write the teacher's page; give its text."""
    standings = read_class_scores(course, assignment)
    return write_overview(course, standings, noted, WrittenAnswers(course, standings)).read_text()


def fill_class(course):
    """Enter a class: ada is done, alan waits and failed, grace was late, linus handed in nothing."""
    hand_in(course, "ada")
    enter(
        course,
        "ada",
        [score("double-check", 2.0), score("why", manual=2.5, comment="Good: 1 < 2, <b>yes</b>.\nGo on!")],
        first_name="Ada",
        last_name="Lovelace, Countess",
        email="ada@example.org",
    )
    check(course, "ada", PASSED)
    hand_in(course, "alan", double="def double(x):\n    return abs(x) * 2", why="I can't say.")
    enter(
        course,
        "alan",
        [score("double-check", 0.0), score("why", waiting=True)],
        first_name="=1+2",
        last_name="<i>",
    )
    check(course, "alan", HIDDEN, odd=["the points of 'double-check' were changed"])
    hand_in(course, "grace", double=None, why=None)
    enter(
        course,
        "grace",
        [score("double-check", 0.0), score("why", 0.0)],
        hours=3,
        penalty=1.0,
    )
    check(course, "grace", Mark("double-check", 0.0, 2.0, "not solved yet", False, "NotImplementedError"))
    with nbgrader_bridge.gradebook(course) as book:
        book.update_or_create_student("linus")
