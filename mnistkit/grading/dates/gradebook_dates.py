"""The dates of the course's file in nbgrader's gradebook, for formgrader and nbgrader's own commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.dates.due_dates import (
    DueDates,
    check_people,
    read_course_dates,
    read_dates,
    time_zone,
)

__all__ = ["assignment_dates", "enter_dates"]


def assignment_dates(course: Path, assignment: str) -> DueDates:
    """Read the dates of an assignment: those of the file, else the one that the gradebook has.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder, with its gradebook.
    assignment : str
        Name of the assignment.

    Returns
    -------
    DueDates
        Without a date where neither has one.
    """
    dates = read_dates(course, assignment)
    if dates.due is not None or not (course / nbgrader_bridge.GRADEBOOK).exists():
        return dates
    with nbgrader_bridge.gradebook(course) as book:
        found = {one.name: one.duedate for one in book.assignments}.get(assignment)
    zone = time_zone(read_course_dates(course).timezone)
    return DueDates(found.replace(tzinfo=UTC).astimezone(zone) if found else None)


def enter_dates(course: Path, assignment: str) -> None:
    """Enter due date, extensions and late penalties of the course's file into nbgrader's gradebook.

    Nothing changes where the file has no date of the assignment. Where it has no penalty, that of nbgrader's
    settings is computed anew.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of an assignment in the gradebook.

    Raises
    ------
    UserError
        If the file can't be so, or somebody has another date who is not in the gradebook.
    """
    dates = read_dates(course, assignment)
    if dates.due is None:
        return
    with nbgrader_bridge.gradebook(course) as book:
        check_people(course, read_course_dates(course), {one.id for one in book.students})
        there = book.update_or_create_assignment(assignment, duedate=_utc(dates.due))
        rule = nbgrader_bridge.late_penalty_rule(course)
        for submission in there.submissions:
            _enter(submission, dates, dates.due, rule)
        book.db.commit()


def _enter(
    submission: Any, dates: DueDates, due: datetime, rule: Callable[[str, float, float], float]
) -> None:
    own, _ = dates.of(submission.student_id)
    submission.extension = (_utc(own) - _utc(due) if own else None) or None
    received = submission.timestamp.replace(tzinfo=UTC) if submission.timestamp else None
    for notebook in submission.notebooks:
        points = float(notebook.score)
        late = dates.late(submission.student_id, received, points)
        penalty = late.penalty
        if dates.penalty is None and late.seconds:
            penalty = rule(submission.student_id, points, late.seconds)
        notebook.late_submission_penalty = penalty or None


def _utc(time: datetime) -> datetime:
    """Give a time as nbgrader keeps it: in UTC, without saying so."""
    return time.astimezone(UTC).replace(tzinfo=None)
