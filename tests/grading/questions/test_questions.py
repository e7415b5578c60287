"""Questions about students' own code and numbers: right answers, nothing run, nothing of hidden checks."""

import csv
import json
import re
import shutil

import pytest
from click.testing import CliRunner
from grades_helpers import LESSON, hand_in, release_small

from mnistkit.cli import main
from mnistkit.grading.questions import command
from mnistkit.grading.questions.ask import AnsweredExercise, ShownCell, questions_about

SOURCE = """\
def pick(values, limit=3):
    scaled = values / values.max()
    best = scaled.sum(axis=1).argmax()
    if values[1] >= limit:
        return 5
    for row in zip(values, scaled):
        limit = row
    return best
"""
SAID = {
    # a part of the question, the whole answer
    "compares `values[1] >= limit`. What would change with `>`?": "Only where `values[1]` and `limit` are equal:"
    " there it no longer holds.",
    "What does `axis=1` say in `scaled.sum(axis=1)`, line 3": "For a table: along axis 1, so one value for each"
    " row. Without it, for most functions of NumPy, one value for all.",
    "Line 3 of `pick` has `scaled.sum(axis=1).argmax()`": "The position of the largest value, counted from 0;"
    " `max` would give the value.",
    "Line 4 of `pick` has `values[1]`": "The second of `values`, as counting begins at 0. The last one has the"
    " length less 1, or -1.",
    "your variable `best` hold in `pick`, and what would happen without line 3": "The value of"
    " `scaled.sum(axis=1).argmax()`. It is used in line 8; without it that would be a NameError, or another"
    " `best` of the notebook.",
    "values does `row` take in line 6": "The elements of `zip(values, scaled)`.",
    "Line 2 of `pick` divides: `values / values.max()`": "When `values.max()` is 0: NumPy gives inf or nan with a"
    " warning, Python's own numbers raise a ZeroDivisionError.",
    "value has `limit` if `pick` is called without it": "`3`; in line 4.",
    "The check calls `pick(3, limit=2)`": "`5`, by `return 5` (line 5) or `return best` (line 8). Let the student"
    " go through the lines with these arguments.",
    "“12 of 40 are right”. What does `12` in it say": "It is `pick(x)['right']`.",
    "`pick(y)` gave `{'a': 7}`": "Let the student go through the lines with these arguments, to this value.",
}
CELLS = (
    ShownCell("print(f\"{pick(x)['right']} of {len(x)} are right\")", "a warning\n12 of 40 are right"),
    ShownCell("pick(y)", "{'a': 7}"),
    ShownCell("other(y)", "99"),
)
CHECK = "assert pick(3, limit=2) == 5, 'five'\nassert other(3) == 4\nassert pick(1) > 0"


def exercise(*sources, title="One", check=CHECK, cells=CELLS):
    return AnsweredExercise(title, sources, check, cells)


@pytest.fixture
def all_said(monkeypatch):
    """Give all questions, not three of them."""
    monkeypatch.setattr("mnistkit.grading.questions.ask.QUESTIONS_EACH", 100)
    return {question.text: question for question in questions_about([exercise(SOURCE)], "ada")}


def test_each_kind_of_question_has_its_right_answer(all_said):
    for part, answer in SAID.items():
        (found,) = [question for text, question in all_said.items() if part in text]
        assert found.answer == answer
        assert found.code[1] == (2, "    scaled = values / values.max()")
        assert found.own_number == (part.startswith(("The check", "“", "`pick(y)`")))
    assert not [text for text in all_said if "`limit` hold" in text], (
        "an argument has a value without its line"
    )


def test_three_questions_of_different_exercises_begin_with_a_number_and_stay_the_same():
    exercises = [exercise(SOURCE, title=title, cells=CELLS if title == "b" else ()) for title in "abcd"]
    asked = questions_about(exercises, "ada")
    assert len({question.title for question in asked}) == 3
    assert [question.own_number for question in asked] == [True, False, False]
    assert asked == questions_about(exercises, "ada")
    others = [questions_about(exercises, f"s{number}") for number in range(5)]
    assert any(other != asked for other in others)


@pytest.mark.parametrize(
    "source", ["def f(:", "(" * 5000, "x\0", "%%time\ndef f(): pass", "def f():" + "x" * 30_000]
)
def test_what_can_not_be_read_gives_no_question(source):
    assert questions_about([exercise(source)], "ada") == []


HOSTILE = """\
open({path!r}, 'w').write('run')


def double(x):
    "<script>alert(1)</script>`"
    text = '<img src=x onerror=alert(1)>' + str(x)
    return text
"""


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions")
    release_small(folder / "course", folder)
    return folder / "course"


@pytest.fixture
def course(released, tmp_path):
    course = shutil.copytree(released, tmp_path / "course")
    hand_in(course, "ada")
    hand_in(course, "bob", double=HOSTILE.format(path=str(tmp_path / "was-run")))
    hand_in(course, "cyd", double=None)
    return course


def test_each_student_gets_a_sheet_and_the_teacher_the_answers(course, tmp_path):
    done = CliRunner().invoke(main, ["assignment", "questions", "01", "--course", str(course)])
    assert done.exit_code == 0, done.output
    folder = course / "grades" / LESSON / "questions"
    assert "none to 1" in done.output
    page, ada = (folder / "index.html").read_text(), (folder / "sheets" / "ada.html").read_text()
    assert (
        "The check calls <code>double(1)</code>" in page and "The check calls <code>double(1)</code>" in ada
    )
    assert "<strong>Answer:</strong>" in page and "Answer" not in ada
    assert "bob" not in ada
    assert not (tmp_path / "was-run").exists()
    bob = (folder / "sheets" / "bob.html").read_text()
    assert "&lt;img src=x" in bob
    assert "<img" not in bob + page and "<script" not in bob + page
    for text in (page, ada, bob):
        assert "-4" not in text, "of a hidden check"


def test_blind_sheets_have_numbers_and_one_table_says_whose_they_are(course):
    folder = course / "grades" / LESSON / "questions"
    assert command.questions_command(course, LESSON, blind=True) == folder / "index.html"
    rows = list(csv.reader((folder / "who.csv").read_text().splitlines()))
    assert rows[0] == ["number", "id"]
    assert {student for _, student in rows[1:]} == {"ada", "bob", "cyd"}
    sheets = {path.stem: path.read_text() for path in (folder / "sheets").iterdir()}
    assert set(sheets) == {"1", "2", "3"}
    for text in (*sheets.values(), (folder / "index.html").read_text()):
        assert not re.search(r"\b(ada|bob|cyd)\b", text)
    command.questions_command(course, LESSON, blind=False)
    assert not (folder / "who.csv").exists()


def test_code_that_takes_too_long_costs_only_its_own_questions(course, monkeypatch):
    monkeypatch.setattr(command, "READ_SECONDS", 0.0)
    page = command.questions_command(course, LESSON, blind=False).read_text()
    assert page.count("The code could not be read: it took more than 0 s.") == 3


def test_an_answer_that_is_not_in_its_cell_is_asked_about_too(course):
    path = course / "submitted" / "ada" / LESSON / f"{LESSON}.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["id"] == "double":
            cell["metadata"], cell["id"] = {}, "new"
    path.write_text(json.dumps(notebook))
    page = command.questions_command(course, LESSON, blind=False)
    assert "double(1)" in (page.parent / "sheets" / "ada.html").read_text()
