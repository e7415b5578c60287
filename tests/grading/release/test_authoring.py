"""Exercises of one's own: cells to begin with, and the proof that they can be graded."""

import json
from pathlib import Path

import pytest
from assignment_helpers import exercise_cells, write_exercises
from click.testing import CliRunner
from course_helpers import write_course

from mnistkit.cli import main
from mnistkit.course.lessons import Lesson
from mnistkit.grading.exercises import check_source, read_exercises
from mnistkit.grading.ledger import Mark, Result
from mnistkit.grading.release import self_check

FACTS = """\
wrong_answers:
  double:
    the square: |
      return x * x
right_answers:
  double:
    a product: |
      y = 2
      return x * y
"""


@pytest.fixture
def folder(isolated, monkeypatch):
    """A course's folder of notebooks, where commands look for it."""
    made = write_course(Path.cwd())
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(made))
    return made


def invoke(*arguments):
    return CliRunner().invoke(main, ["assignment", *map(str, arguments)])


def test_new_cells_are_an_exercise_and_nothing_else_changes(folder):
    lesson = write_exercises(folder)
    before = json.loads(lesson.text)["cells"]
    assert invoke("new", "01", "mean_grey").exit_code == 0
    assert invoke("new", "01", "why_so", "--words").exit_code == 0
    lesson = Lesson(lesson.path)
    check_source(lesson)
    assert json.loads(lesson.text)["cells"][: len(before)] == before
    assert [(e.title, e.points, e.automatic) for e in read_exercises(lesson)][2:] == [
        ("Exercise · mean_grey: whole numbers", 1, True),
        ("Exercise · mean_grey: fractions and numbers below 0", 1, True),
        ("Exercise · Why so", 2, False),
    ]
    text = lesson.path.read_bytes()
    for name, says in (
        ("mean_grey", "a cell 'exercise-mean-grey'"),
        ("2nd", "a name of Python"),
        ("if", "Python"),
        ("double", "'double', which a cell defines"),
        ("seed", "'seed', which a cell defines"),
    ):
        assert says in invoke("new", "01", name).output
    assert lesson.path.read_bytes() == text


def grading(rule):
    """Give an `examine` that runs nothing: `rule` says of a notebook's answer whether it is right."""

    def examine(job):
        (source,) = (
            "".join(cell["source"])
            for cell in job.notebook.cells
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double"
        )
        points = 2.0 if rule(source) else 0.0
        return Result((Mark("double-check", points, 2.0, "" if points else "twice 1 is 2"),))

    return examine


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (lambda source: "x * y" in source, "1 points"),
        (lambda source: "x * " in source, "'the square'\n  found:    all points for a wrong answer"),
        (lambda source: False, "'a product'\n  found:    double-check: twice 1 is 2"),
        (lambda source: True, "2 points for the notebook as it is handed out"),
    ],
)
def test_wrong_answers_must_lose_points_and_right_ones_none(folder, monkeypatch, rule, says):
    write_exercises(folder).path.with_suffix(".yaml").write_text(FACTS)
    monkeypatch.setattr(self_check, "sandbox_problem", lambda: "")
    monkeypatch.setattr(self_check, "examine", grading(rule))
    done = invoke("check", "01")
    if says == "1 points":
        assert done.exit_code == 0, done.output
        assert "01_double: 2 points for its own solutions" in done.output
        assert "2 other answers get what they should" in done.output
    else:
        assert done.exit_code == 1
        assert says in done.output, done.output


def test_an_answer_to_no_cell_is_named(folder, monkeypatch):
    lesson = write_exercises(folder)
    lesson.path.with_suffix(".yaml").write_text(FACTS.replace("double", "duoble"))
    monkeypatch.setattr(self_check, "sandbox_problem", lambda: "")
    monkeypatch.setattr(self_check, "examine", grading(lambda source: False))
    assert "01_double.yaml: duoble\n  found:    no cell of this name" in invoke("check", "01").output


@pytest.mark.slow
def test_what_new_writes_passes_the_proof(folder):
    write_exercises(folder, cells=[])
    invoke("new", "01", "mean_grey")
    facts = FACTS.replace("double", "exercise-mean-grey").replace("x * y", "sum(values) / len(values)")
    (folder / "01_double.yaml").write_text(facts.replace("x * x", "sum(values) / 3"))
    done = invoke("check", "01")
    assert done.exit_code == 0, done.output
    assert "2 other answers get what they should" in done.output
    assert [path.name for path in folder.parent.iterdir()] == ["notebooks"]


@pytest.mark.slow
def test_what_cant_cross_is_said_with_a_way_to_ask_for_it(folder):
    solution = "def double(x):\n    ### BEGIN SOLUTION\n    return (2 * n for n in [x])\n    ### END SOLUTION"
    write_exercises(folder, cells=exercise_cells(solution, "assert next(double(1)) == 2"))
    done = invoke("check", "01")
    assert done.exit_code == 0, done.output
    assert "01_double: cell double-check must be graded by hand: double: a generator object" in done.output
    assert "a way to check it: ask for a list" in done.output
