"""Before anything is handed out: the grading itself is tried on the notebooks of a release.

What `mnistkit assignment grade` would refuse for a whole class is refused here: a solution that does not run
or loses points, a check that the untouched notebook passes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import read_schema
from mnistkit.errors import UserError
from mnistkit.grading.autograde.worker_pool import Job, end_examiners, examine, sandbox_problem
from mnistkit.grading.submission import parse_notebook

_logger = logging.getLogger(__name__)


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
    problem = sandbox_problem()
    if problem:
        _logger.info(
            f"{problem}\nThe notebooks are tried without it, as they are your own; grading needs it."
        )
    try:
        for lesson in lessons:
            _logger.info(f"{lesson.name}: its own solutions and the untouched notebook are graded ...")
            _check(lesson, unsandboxed=bool(problem))
    finally:
        end_examiners()


def _check(lesson: Lesson, *, unsandboxed: bool) -> None:
    values = {parameter.name: parameter.default for parameter in read_schema(lesson).values()}
    untouched = parse_notebook(_untouched(lesson))
    job = Job("", lesson.name, lesson.text, values, untouched, unsandboxed=unsandboxed)
    result = examine(job)  # after the solutions, which must get all points
    if not result.completed:
        raise _refused(lesson.name, f"it could not be graded: {result.why}", "points", "try it again")
    for mark in result.marks:
        if mark.by_hand:
            _logger.info(
                next(
                    line
                    for line in result.warnings
                    if line.startswith(f"{mark.grade_id} must be graded by hand")
                )
            )
        elif mark.points:
            raise _refused(
                f"{lesson.name}: {mark.grade_id}",
                f"{mark.points:g} points for the notebook as it is handed out, in which nothing is solved",
                "no points for it",
                "let the check fail where the answer's cell only raises NotImplementedError",
            )


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
