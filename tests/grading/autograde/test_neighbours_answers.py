"""Whoever hands in what a neighbour has found loses at least half of the automatic points.

Students with personal numbers, made up. A neighbour's answer is what the neighbour's function returned, typed in;
a function with arguments has no such answer, so its code is handed in and keeps its points.
"""

import contextlib
import inspect
import io

import nbformat
import pytest

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.parameters import read_preset
from mnistkit.grading.autograde.reference_solution import prepare
from mnistkit.grading.personalize import personal_names, personal_parameters

pytestmark = [pytest.mark.slow, pytest.mark.long]

STUDENTS = 30
FEWER = {"06_vgg16_vs_tsne_gmm": 4}
"""Where a network is trained for each student before the first exercise comes."""
TAKES_LONG = (
    "exercise-prepare",
    "exercise-better",
    "exercise-small",
    "exercise-space",
    "exercise-few",
    "exercise-recipe",
)
"""Exercises whose code keeps its points, and takes seconds for each student: a training, a t-SNE."""

LESSONS = find(find_folder())


@pytest.fixture(params=LESSONS, ids=[lesson.name for lesson in LESSONS])
def lesson(request):
    return request.param


def made_up(lesson):
    """Give each student's checks, and the points of all that is left out."""
    notebook = nbformat.reads(lesson.text, as_version=4)
    left_out = [cell for cell in notebook.cells if cell.id.startswith(TAKES_LONG)]
    kept = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in left_out)
    notebook.cells = [cell for cell in notebook.cells if cell not in left_out]
    sizes = read_preset(find_folder(), "smoke", LESSONS)[lesson.name]
    names = personal_names([lesson])
    own = [
        personal_parameters(b"secret" * 6, f"s{n}", lesson.name, names)
        for n in range(FEWER.get(lesson.name, STUDENTS))
    ]
    return [prepare(nbformat.writes(notebook), sizes | numbers).checks for numbers in own], kept


def typed_in(check):
    """Give functions that return what the true ones returned."""
    true = {name: check.namespace[name] for name in check.asks if callable(check.namespace[name])}
    found = {name: f() for name, f in true.items() if not inspect.signature(f).parameters}
    return {name: lambda value=value: value for name, value in found.items()}


def points(check, answers):
    scope = check.scope() | answers
    try:
        for statement in (*check.visible, *check.hidden):
            exec(statement.code, scope)
    except AssertionError:
        return 0
    return check.cell.points


def test_a_neighbours_answers_lose_half_of_the_points(lesson):
    students, kept = made_up(lesson)
    total = kept + sum(check.cell.points for check in students[0])
    with contextlib.redirect_stdout(io.StringIO()):
        answers = [[typed_in(check) for check in own] for own in students]
        for checks, own, neighbours in zip(students, answers, answers[1:] + answers[:1], strict=True):
            right = [points(*both) for both in zip(checks, own, strict=True)]
            assert sum(right) == total - kept, "one's own answers must be right"
            wrong = [points(*both) for both in zip(checks, neighbours, strict=True)]
            assert kept + sum(wrong) <= total / 2
