"""The result of one submission as platforms read it from their containers.

Each format has only what its documentation has. What students may see is the same as on the feedback's pages:
points, and why they are missing; of a hidden check its number and its hint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["RESULT_FORMATS", "ExerciseResult", "SubmissionResult", "without_commands"]


@dataclass(frozen=True)
class ExerciseResult:
    """What a student is told about an exercise.

    Attributes
    ----------
    title : str
        The exercise.
    most : float
        What it can give.
    points : float or None
        What it gives; None where a person decides.
    says : str
        Why.
    automatic : bool
        Whether its points come from checks.
    """

    title: str
    most: float
    points: float | None
    says: str
    automatic: bool

    @property
    def passed(self) -> bool:
        """Whether nothing is missing."""
        return self.points is not None and self.points >= self.most


@dataclass(frozen=True)
class SubmissionResult:
    """What a submission got by its checks.

    Attributes
    ----------
    exercises : tuple of ExerciseResult
        All of the assignment's.
    seconds : float
        How long grading took.
    notes : tuple of str
        What the student should know of the files.
    readable : bool
        Whether there was any notebook to grade.
    """

    exercises: tuple[ExerciseResult, ...]
    seconds: float
    notes: tuple[str, ...]
    readable: bool

    @property
    def checked(self) -> tuple[ExerciseResult, ...]:
        """The exercises that are graded by checks."""
        return tuple(exercise for exercise in self.exercises if exercise.automatic)

    @property
    def points(self) -> float:
        """The sum of the points that are decided."""
        return sum(exercise.points or 0.0 for exercise in self.checked)

    @property
    def most(self) -> float:
        """What the checks can give."""
        return sum(exercise.most for exercise in self.checked)

    @property
    def passed(self) -> bool:
        """Whether the checks gave all points."""
        return all(exercise.passed for exercise in self.checked)


def _gradescope(result: SubmissionResult) -> dict[str, Any]:
    """Give a ``results.json`` (gradescope-autograders.readthedocs.io, "Output format").

    A test without points is one that the teacher marks there; texts stand in ``<pre>``, as they are.
    """
    tests = []
    for exercise in result.exercises:
        decided = {} if exercise.points is None else {"score": exercise.points, "max_score": exercise.most}
        tests.append({"name": exercise.title, **decided, "output": exercise.says, "visibility": "visible"})
    return {
        "score": result.points,
        "execution_time": round(result.seconds, 1),
        "output": "\n".join(result.notes),
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _prairielearn(result: SubmissionResult) -> dict[str, Any]:
    """Give a ``results.json`` (prairielearn.readthedocs.io, "External grading", "Grading results").

    What can't be read as a notebook is not gradable there, and costs no attempt.
    """
    if not result.readable:
        return {"gradable": False, "format_errors": list(result.notes)}
    tests = [
        {
            "name": exercise.title,
            "points": exercise.points or 0.0,
            "max_points": exercise.most,
            "message": exercise.says,
        }
        for exercise in result.checked
    ]
    return {
        "gradable": True,
        "score": result.points / result.most,
        "message": "\n".join(result.notes),
        "tests": tests,
    }


def _github(result: SubmissionResult) -> dict[str, Any]:
    """Give what GitHub Classroom's autograding-grading-reporter reads, which wants it in base64."""
    tests = [
        {
            "name": exercise.title,
            "status": "pass" if exercise.passed else "fail",
            "message": None if exercise.passed else without_commands(exercise.says),
            "test_code": "",
            "filename": "",
            "line_no": 0,
            "score": exercise.points or 0.0,
        }
        for exercise in result.checked
    ]
    status = "pass" if result.passed else "fail"
    return {"version": 1, "status": status, "max_score": result.most, "tests": tests}


def without_commands(text: str) -> str:
    """Take out what GitHub's log takes for a command, wherever it stands in a line.

    Parameters
    ----------
    text : str
        One line, which a student's code may have made.

    Returns
    -------
    str
        Nearly the same.

    Examples
    --------
    >>> without_commands("ValueError: ##[set-output name=result;]")
    'ValueError: ## [set-output name=result;]'
    """
    return text.replace("##[", "## [")


RESULT_FORMATS: dict[str, Callable[[SubmissionResult], dict[str, Any]]] = {
    "gradescope": _gradescope,
    "prairielearn": _prairielearn,
    "github": _github,
}
"""What makes the content of a platform's file, by the platform."""
