"""The lessons' own checks: they give the points to whoever solved an exercise, in whatever way, and to nobody else.

The YAML file beside a lesson has, for each exercise that is graded automatically, what people typically write:
wrong answers, named by the mistake, and right ones in another style than the instructor's. Exercises are
independent of each other, so one notebook carries an answer to each.

With stand-in data and the least sizes that a lesson allows: what the checks compare does not depend on them
(hidden checks bring small inputs of their own), and real data takes longer to load than all the rest.
"""

import ast
import copy
import re

import nbformat
import pytest
from course_helpers import least_sizes
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from sandbox_helpers import hand_in, make_sandbox

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.parameters import read_preset
from mnistkit.grading.autograde.checks import check_submission
from mnistkit.grading.autograde.reference_solution import prepare
from mnistkit.grading.personalize import personal_names
from mnistkit.grading.sandbox.bwrap import SandboxLimits
from mnistkit.records.lesson_facts import read_lesson_facts

pytestmark = [pytest.mark.slow, pytest.mark.long]

LESSONS = find(find_folder())
PERSONAL = (7, 5)
"""Numbers of a student's own, for the parameters of a lesson that are personal."""

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION", re.S | re.M)


@pytest.fixture(scope="module", params=LESSONS, ids=[lesson.name for lesson in LESSONS])
def lesson(request):
    return request.param


@pytest.fixture(scope="module")
def answers(lesson):
    """Give the wrong and the right answers of each exercise, as [(name, is right, what to write)]."""
    facts = read_lesson_facts(lesson.path)
    answers = {}
    for is_right, given in ((False, facts.wrong_answers), (True, facts.right_answers)):
        for exercise, bodies in given.items():
            answers.setdefault(exercise, []).extend((name, is_right, body) for name, body in bodies.items())
    return answers


@pytest.fixture(scope="module")
def grade(lesson, warm, tmp_path_factory):
    """Give what grades a notebook of the lesson; it is prepared once, as for a class."""
    parameters = read_preset(find_folder(), "smoke", LESSONS)[lesson.name]
    folder, prepared = tmp_path_factory.mktemp("handed-in"), []

    def grade(notebook, sandbox=warm):
        if not prepared:  # in a test, where the stand-ins are at hand
            own = dict(zip(personal_names([lesson]), PERSONAL, strict=False))
            prepared.append(prepare(lesson.text, parameters | least_sizes(lesson) | own))
        return check_submission(prepared[0], hand_in(folder, nbformat.writes(notebook)), sandbox)

    return grade


def read(lesson):
    return nbformat.reads(lesson.text, as_version=4)


def automatic(notebook):
    """Give the points of each check by the name of its exercise."""
    cells = [
        c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")
    ]
    return {c.metadata.nbgrader.grade_id.removesuffix("-check"): c.metadata.nbgrader.points for c in cells}


def points(result):
    return {mark.grade_id.removesuffix("-check"): mark.points for mark in result.marks}


def cell_of(notebook, exercise):
    (cell,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == exercise]
    return cell


def leave_unsolved(notebook, exercise):
    """Leave of an exercise's cell its function alone: what the lesson computes for it takes seconds."""
    cell = cell_of(notebook, exercise)
    cell.source = re.search(r"^def .*:$", cell.source, re.M)[0] + "\n    raise NotImplementedError\n"


def write(notebook, exercise, body):
    """Put another answer in the place of the instructor's."""
    cell = cell_of(notebook, exercise)
    indented = "".join(f"    {line}\n" if line else "\n" for line in body.splitlines())
    cell.source, count = SOLUTION.subn(lambda _: indented, cell.source)
    assert count == 1, exercise


def test_every_exercise_has_wrong_and_right_answers(lesson, answers):
    assert set(answers) == set(automatic(read(lesson)))
    for given in answers.values():
        assert sum(not right for _, right, _ in given) >= 2
        assert sum(right for _, right, _ in given) >= 1


def test_every_hidden_assert_has_a_hint(lesson):
    for cell in read(lesson).cells:
        hidden = re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", cell.source, re.S)
        nodes = [node for part in hidden for node in ast.walk(ast.parse(part))]
        for node in nodes:
            if isinstance(node, ast.Assert):
                assert isinstance(node.msg, ast.Constant), f"it is not shown: {ast.unparse(node)}"
                assert isinstance(node.msg.value, str), ast.unparse(node)


def test_an_untouched_notebook_gets_nothing(lesson, grade):
    released = copy.deepcopy(read(lesson))  # nbgrader changes the notebook that it is given
    for preprocessor in (ClearSolutions(), ClearHiddenTests()):
        released, _ = preprocessor.preprocess(released, {})
    result = grade(released)
    assert points(result) == dict.fromkeys(automatic(read(lesson)), 0)
    assert {mark.reason for mark in result.marks} == {"not solved yet"}
    assert result.warnings == ()


def test_right_answers_get_their_points_and_wrong_ones_none(lesson, grade, answers):
    full = automatic(read(lesson))
    notebooks = max(map(len, answers.values()))
    for number in range(notebooks):
        notebook, expected, written = read(lesson), dict(full), {}
        for shift, (exercise, given) in enumerate(answers.items()):
            if number < len(given):  # shifted, so that wrong answers stand beside right ones
                written[exercise], right, body = given[(number + shift) % len(given)]
                write(notebook, exercise, body)
            else:
                written[exercise], right = "unsolved", False
                leave_unsolved(notebook, exercise)
            expected[exercise] = full[exercise] * right
        result = grade(notebook)
        reasons = {mark.grade_id: mark.reason for mark in result.marks}
        assert points(result) == expected, (written, reasons, result.warnings)
        assert all(mark.reason for mark in result.marks if not mark.points)


def test_the_instructors_notebook_gets_every_point(lesson, grade, session_cache):
    """In the sandbox, and after all that others have handed in: nobody changes anything for who comes later."""
    result = grade(read(lesson), make_sandbox(limits=SandboxLimits(), cache=session_cache))
    assert points(result) == automatic(read(lesson))
    assert result.warnings == ()
