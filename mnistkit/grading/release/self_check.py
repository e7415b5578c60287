"""The grading itself is tried on an author's notebooks: before anything is handed out, and when asked for.

What `mnistkit assignment grade` would refuse for a whole class is refused here: a solution that does not run
or loses points, a check that the untouched notebook passes. Asked for alone, it also tries the typical wrong
answers and the unusual right ones that the YAML file beside a lesson has.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest

from mnistkit.course.lessons import Lesson, find, find_folder, select
from mnistkit.course.markers import regions, replace_regions
from mnistkit.course.parameters import read_schema
from mnistkit.errors import UserError
from mnistkit.grading.autograde.worker_pool import Job, end_examiners, examine, sandbox_problem
from mnistkit.grading.exercises import check_source, read_exercises
from mnistkit.grading.ledger import Result
from mnistkit.grading.nbgrader_bridge import require_nbgrader
from mnistkit.grading.sandbox.bwrap import check_system
from mnistkit.grading.submission import grade_id_of, joined, parse_notebook
from mnistkit.records.lesson_facts import read_lesson_facts

_logger = logging.getLogger(__name__)

_WAYS = (
    ("Figure", "let the function return the numbers that it draws, and check those"),
    ("Axes", "let the function return the numbers that it draws, and check those"),
    ("is a class", "ask for a function that makes an object, uses it and returns its values"),
    ("generator object", "ask for a list, or let a function of yours make one of it"),
    ("", "let the function return numbers, texts, lists, arrays or tables, and check those"),
)
"""How an exercise can be asked so that its answer crosses, by what the refusal says; the first counts."""


def check_command(wanted: Sequence[str]) -> None:
    """Carry out ``mnistkit assignment check``: try the grading of lessons, and write nothing.

    Parameters
    ----------
    wanted : sequence of str
        Lessons as `mnistkit.course.lessons.select` takes them.

    Raises
    ------
    UserError
        If a marker is wrong, or an answer gets other points than it should; the message names the exercise.
        Also on Windows.
    """
    check_system()
    require_nbgrader()
    lessons = select(find(find_folder()), wanted)
    for lesson in lessons:
        check_source(lesson)
    with _tried() as unsandboxed:
        for lesson in lessons:
            points = _check_solutions(lesson, unsandboxed=unsandboxed)
            count = _check_answers(lesson, unsandboxed=unsandboxed)
            _logger.info(
                f"{lesson.name}: {points:g} points for its own solutions, none for the untouched notebook;"
                f" {count} other answers get what they should"
            )


def self_check(lessons: Sequence[Lesson]) -> None:
    """Grade each lesson's own solutions, which must get all points, and its untouched notebook: none.

    Parameters
    ----------
    lessons : sequence of Lesson
        What is to be released, with solutions.

    Raises
    ------
    UserError
        If one of the two gets other points; the message names the exercise.
    """
    with _tried() as unsandboxed:
        for lesson in lessons:
            _check_solutions(lesson, unsandboxed=unsandboxed)


@contextmanager
def _tried() -> Iterator[bool]:
    """Say whether there is no sandbox to try it in; end the grading processes afterwards."""
    problem = sandbox_problem()
    if problem:
        _logger.info(
            f"{problem}\nThe notebooks are tried without it, as they are your own; grading needs it."
        )
    try:
        yield bool(problem)
    finally:
        end_examiners()


def _grade(lesson: Lesson, notebook: bytes, *, unsandboxed: bool) -> Result:
    """Grade a version of a lesson, after its own solutions, which must get all points."""
    values = {parameter.name: parameter.default for parameter in read_schema(lesson).values()}
    job = Job("", lesson.name, lesson.text, values, parse_notebook(notebook), unsandboxed=unsandboxed)
    result = examine(job)
    if not result.completed:
        raise _refused(lesson.name, f"it could not be graded: {result.why}", "points", "try it again")
    return result


def _check_solutions(lesson: Lesson, *, unsandboxed: bool) -> float:
    """Grade a lesson's own solutions, which must get all points, and its untouched notebook: none.

    Give how many points its checks decide; a person gives the others.
    """
    _logger.info(f"{lesson.name}: its own solutions and the untouched notebook are graded ...")
    result = _grade(lesson, _untouched(lesson), unsandboxed=unsandboxed)
    for mark in result.marks:
        if mark.by_hand:
            begin = f"{mark.grade_id} must be graded by hand"
            said = next(line for line in result.warnings if line.startswith(begin))
            way = next(way for words, way in _WAYS if words in said)
            _logger.info(f"{lesson.name}: cell {said}\n  a way to check it: {way}")
        elif mark.points:
            raise _refused(
                f"{lesson.name}: {mark.grade_id}",
                f"{mark.points:g} points for the notebook as it is handed out, in which nothing is solved",
                "no points for it",
                "let the check fail where the answer's cell only raises NotImplementedError",
            )
    return sum(mark.most for mark in result.marks if not mark.by_hand)


def _check_answers(lesson: Lesson, *, unsandboxed: bool) -> int:
    """Grade what students may write in the place of a solution; give how many answers there are.

    A notebook has an answer to each exercise, so that a few are enough. What comes out wrong there is graded
    once more alone: an exercise may use what another one defines.
    """
    answers = _typical_answers(lesson)
    for written in zip_longest(*answers.values()):
        together = [answer for answer in written if answer]
        result = _grade(lesson, _with_answers(lesson, together), unsandboxed=unsandboxed)
        for answer in together:
            if answer.problem(lesson, result):
                alone = _grade(lesson, _with_answers(lesson, [answer]), unsandboxed=unsandboxed)
                if problem := answer.problem(lesson, alone):
                    raise _refused(f"{lesson.name}: {answer.cell}, {answer.name!r}", *problem)
    return sum(map(len, answers.values()))


@dataclass(frozen=True)
class _Typical:
    """What a student may write in a cell, and whether it is right."""

    cell: str
    name: str
    body: str
    is_right: bool

    def problem(self, lesson: Lesson, result: Result) -> tuple[str, str, str] | None:
        """Say what was found, expected and is to be done, where the points are not what they should be."""
        ids = {exercise.id for exercise in read_exercises(lesson) if self.cell in exercise.work}
        marks = [mark for mark in result.marks if mark.grade_id in ids and not mark.by_hand]
        lost = [mark for mark in marks if mark.points < mark.most]
        if self.is_right and lost:
            return f"{lost[0].grade_id}: {lost[0].reason}", "all points", "correct the check"
        if not self.is_right and marks and not lost:
            return "all points for a wrong answer", "fewer", "add a check, hidden perhaps, that it fails"
        return None


def _typical_answers(lesson: Lesson) -> dict[str, list[_Typical]]:
    """Read the wrong and the right answers beside a lesson, by the cell that they are for."""
    facts, found = read_lesson_facts(lesson.path), dict[str, list[_Typical]]()
    for is_right, answers in ((False, facts.wrong_answers), (True, facts.right_answers)):
        for cell, bodies in answers.items():
            found.setdefault(cell, []).extend(
                _Typical(cell, name, body, is_right) for name, body in bodies.items()
            )
    return found


def _with_answers(lesson: Lesson, answers: Sequence[_Typical]) -> bytes:
    """Put answers in the place of the instructor's."""
    notebook = json.loads(lesson.text)
    cells = {grade_id_of(cell): cell for cell in notebook["cells"]}
    for answer in answers:
        source = joined(cells[answer.cell]["source"]) if answer.cell in cells else ""
        if len(regions(source, "SOLUTION")) != 1:
            raise _refused(
                f"{lesson.path.with_suffix('.yaml')}: {answer.cell}",
                "no cell of this name with one region for a solution",
                "the name of a cell that students write",
                "correct the name",
            )
        cells[answer.cell]["source"] = replace_regions(source, "SOLUTION", answer.body)
    return json.dumps(notebook).encode()


def _untouched(lesson: Lesson) -> bytes:
    """Take out what students may not see, as nbgrader does."""
    import nbformat
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    notebook = nbformat.reads(lesson.text, as_version=4)
    for preprocessor in (ClearSolutions(), ClearHiddenTests()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return nbformat.writes(notebook).encode()


def _refused(where: str, found: str, expected: str, todo: str) -> UserError:
    return UserError(where, found=found, expected=expected, todo=f"{todo}; nothing was released")
