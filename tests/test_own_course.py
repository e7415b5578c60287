"""A course of one's own, outside of the clone: from `mnistkit new lesson` to the grades."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from sandbox_helpers import make_sandbox

from mnistkit.cli import main
from mnistkit.grading import course_folder as courses
from mnistkit.records.lesson_facts import read_lesson_facts

NAME = "01_edge_detection"
NOTEBOOK = Path("notebooks", f"{NAME}.ipynb")
FACTS = NOTEBOOK.with_suffix(".yaml")
REFERENCE = """
  - name: largest_class_share
    report: R9
    what: "Digits: share of the largest class"
    value: 0.5
    tolerance: {}
    better: equal
    any_data: true
"""


def invoke(*arguments):
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def hand_in(student, answer="", given=Path("course", "release", NAME, NOTEBOOK.name)):
    """Write what a student makes of what was given out; without an answer it is as it was."""
    notebook = json.loads(given.read_text())
    for cell in notebook["cells"]:
        if answer and cell["id"] == "exercise-mean":
            cell["source"] = answer
    Path("inbox", student).mkdir(parents=True)
    Path("inbox", student, NOTEBOOK.name).write_text(json.dumps(notebook))


@pytest.mark.slow
def test_a_new_lesson_is_run_reported_released_and_graded(isolated):
    make_sandbox()
    invoke("new", "lesson", "edge detection")
    facts = FACTS.read_text()
    FACTS.write_text(facts.replace("references: []", "references:" + REFERENCE.format(0.45)))

    assert "completed" in invoke("run", "--preset", "smoke")
    page = Path("runs", "smoke", "report", "reproduction.html")
    assert "Digits: share of the largest class" in page.read_text()
    assert 'class="status-reached"' in page.read_text()

    # Another tolerance is no reason to run the lesson again, but a reason for another verdict.
    FACTS.write_text(facts.replace("references: []", "references:" + REFERENCE.format(0.1)))
    assert "kept: nothing it depends on has changed" in invoke("run", "--preset", "smoke")
    invoke("report", "runs/smoke")
    assert 'class="status-missed"' in page.read_text()

    assert "1 exercise, 2 points" in invoke("assignment", "release", "edge")
    source = json.loads(NOTEBOOK.read_text())
    (solved,) = ["".join(cell["source"]) for cell in source["cells"] if cell["id"] == "exercise-mean"]
    (body,) = read_lesson_facts(NOTEBOOK).wrong_answers["exercise-mean"].values()
    hand_in("ada", re.sub(r".*(BEGIN|END) SOLUTION\n?", "", solved))
    hand_in("alan")
    hand_in("eve", f"def mean_grey(images):\n    {body}")
    # Who has worked with `mnistkit lab` can hand in that notebook.
    invoke("start")
    hand_in("grace", re.sub(r".*(BEGIN|END) SOLUTION\n?", "", solved), Path("work", NOTEBOOK.name))
    Path("roster.csv").write_text("id\nada\nalan\neve\ngrace\n")
    invoke("assignment", "collect", NAME, "inbox", "--roster", "roster.csv")
    assert "4 graded" in invoke("assignment", "grade", NAME)
    with courses.gradebook(Path("course")) as book:
        points = {s.student.id: s.score for s in book.assignment_submissions(NAME)}
    assert points == {"ada": 2, "alan": 0, "eve": 0, "grace": 2}
    invoke("assignment", "feedback", NAME)
    assert Path("course", "feedback", "ada", NAME, f"{NAME}.html").exists()
