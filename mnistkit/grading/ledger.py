"""What a submission got, exercise by exercise, as it is kept in the course's folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mnistkit.course.stored_files import is_plain_name, read_stored, validated
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading.plain_text import plain

_FOLDER = "grades"

GradingStatus = Literal["completed", "failed", "not_done"]


@dataclass(frozen=True)
class Mark:
    """The points of one exercise.

    Attributes
    ----------
    grade_id : str
        The check's name.
    points, most : float
        What the student gets, and could get.
    reason : str
        Why there are no points, for the student to read: nothing of a hidden check's code is in it.
    hidden : bool
        Whether it was a hidden check that failed.
    kind : str
        Type of the exception that ended the check; empty where it passed.
    by_hand : bool
        Whether it is not decided: a person is to grade it, and `points` say nothing.
    """

    grade_id: str
    points: float
    most: float
    reason: str = ""
    hidden: bool = False
    kind: str = ""
    by_hand: bool = False


@dataclass(frozen=True)
class Result:
    """What one notebook that was handed in gets by its checks.

    Only one that is ``completed`` says something about the student's work, and only such a one is kept. A
    grader that died, or ran out of time or memory, has found out nothing: there are no marks then, which is
    not the same as no points, and the next run tries again.

    Attributes
    ----------
    marks : tuple of Mark
        One for each check of the instructor's notebook, in order.
    warnings : tuple of str
        What the teacher should know.
    seconds : float
        Wall time that it took.
    key : str
        Hash of all that it depends on: with the same key nothing has to be run again.
    status : {"completed", "failed", "not_done"}
        How grading ended; ``not_done`` is what was not tried.
    why : str
        Why it is not completed, for the teacher.
    content : str or None
        SHA-256 of the file that was handed in; empty where there was none, None where it is not known.
    """

    marks: tuple[Mark, ...]
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    key: str = ""
    status: GradingStatus = "completed"
    why: str = ""
    content: str | None = None

    @property
    def points(self) -> float:
        """The sum of the points."""
        return sum(mark.points for mark in self.marks)

    @property
    def completed(self) -> bool:
        """Whether the marks are there."""
        return self.status == "completed"


@dataclass(frozen=True)
class Graded:
    """What a student's assignment gets by its checks.

    Attributes
    ----------
    student : str
        The student's id.
    results : dict of str to Result
        By name of the lesson (the notebook's file name without its ending), in the assignment's order. What
        is not completed, or was not reached, is not among those that are kept.
    sandboxed : bool
        Whether the student's code was shut in.
    """

    student: str
    results: dict[str, Result] = field(default_factory=dict)
    sandboxed: bool = True

    @property
    def points(self) -> float:
        """The sum of the points."""
        return sum(result.points for result in self.results.values())


def told(mark: Mark) -> str:
    """Say to a student why a check gave these points.

    Parameters
    ----------
    mark : Mark
        The points; they are decided.

    Returns
    -------
    str
        A sentence, or nothing where nobody knows.
    """
    reason = plain(mark.reason, 600)
    if not reason:
        return "All checks passed, the hidden ones too." if mark.points >= mark.most else ""
    if mark.kind == "AssertionError" and not mark.hidden:
        return f"A check failed: {reason}"
    return f"{reason[0].upper()}{reason[1:]}"


def write_graded(course: Path, assignment: str, graded: Graded) -> Path:
    """Keep what a student got.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of the assignment.
    graded : Graded
        What to keep.

    Returns
    -------
    pathlib.Path
        The file, ``grades/ASSIGNMENT/STUDENT.json``.
    """
    path = course / _FOLDER / assignment / f"{graded.student}.json"
    write_atomically(path, json.dumps(dataclasses.asdict(graded), indent=1, ensure_ascii=False) + "\n")
    return path


def read_graded(course: Path, assignment: str) -> dict[str, Graded]:
    """Read what students got so far.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of the assignment.

    Returns
    -------
    dict of str to Graded
        By student; a file that is damaged, or another student's, is left out, as if that student were still
        to be graded.
    """
    found = {}
    for path in sorted((course / _FOLDER / assignment).glob("*.json")):
        try:
            graded = read_stored(path, Graded, "grade again")
        except (UserError, FileNotFoundError):
            continue
        if graded.student == path.stem and _is_sound(graded):
            found[graded.student] = graded
    return found


def _is_sound(graded: Graded) -> bool:
    """Check that lessons have names and no paths, and that nobody has more points than there are."""
    marks = [mark for result in graded.results.values() for mark in result.marks]
    return all(map(is_plain_name, graded.results)) and all(0 <= mark.points <= mark.most for mark in marks)


def result_from(content: Mapping[str, Any]) -> Result:
    """Make a `Result` from what `dataclasses.asdict` gives of one.

    Parameters
    ----------
    content : mapping
        Plain data.

    Returns
    -------
    Result
        The same as it was.

    Raises
    ------
    UserError
        If it is none.
    """
    return validated(content, Result, "the grader's process", "grade again")
