"""Set when an assignment is due, for whom, and what lateness costs, in the course's file of dates."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mnistkit.errors import UserError
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.dates.due_dates import (
    AssignmentDates,
    CourseDates,
    LatePenalty,
    read_course_dates,
    write_course_dates,
)
from mnistkit.grading.dates.gradebook_dates import assignment_dates

__all__ = ["DateChanges", "parse_pairs", "parse_penalty", "set_dates"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DateChanges:
    """What to change; what is empty or None stays as it is.

    Attributes
    ----------
    due : str
        When it is due.
    timezone : str
        Of times without one, in the whole course.
    penalty : tuple of (float, str) or None
        What lateness costs, as `parse_penalty` gives it.
    most : float or None
        Percent that it costs at most.
    grace_minutes : float or None
        Lateness that costs nothing.
    extensions : mapping of str to str
        Another date or a time more, by student or group; an empty text takes it away.
    extra_time : mapping of str to str
        The same for all assignments of the course.
    """

    due: str = ""
    timezone: str = ""
    penalty: tuple[float, Literal["hour", "day"]] | None = None
    most: float | None = None
    grace_minutes: float | None = None
    extensions: Mapping[str, str] = field(default_factory=dict)
    extra_time: Mapping[str, str] = field(default_factory=dict)


def parse_penalty(text: str) -> tuple[float, Literal["hour", "day"]]:
    """Read what lateness costs.

    Parameters
    ----------
    text : str
        Percent for each hour or day begun: ``10/day``.

    Returns
    -------
    tuple of (float, str)
        The percent, checked when it is written, and ``hour`` or ``day``.

    Raises
    ------
    UserError
        If it is not such a text.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%?\s*/\s*(hour|day)", text.strip())
    if not found:
        raise UserError(
            f"--penalty {text}", found=repr(text), expected="percent for each unit: 10/day or 2/hour"
        )
    return float(found[1]), "hour" if found[2] == "hour" else "day"


def parse_pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Read ``WHO=TIME``.

    Raises
    ------
    UserError
        If one is not so.
    """
    pairs = [text.partition("=") for text in texts]
    if wrong := [who + sign for who, sign, _ in pairs if not who.strip() or not sign]:
        raise UserError(f"{option} {wrong[0]}", found=repr(wrong[0]), expected='WHO=TIME, like ada="+3 days"')
    return {who.strip(): time.strip() for who, _, time in pairs}


def set_dates(course: Path, name: str, changes: DateChanges) -> None:
    """Set dates in the course's file.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        The assignment.
    changes : DateChanges
        What to set.

    Raises
    ------
    UserError
        If a date is none, somebody is neither a student nor a group, or there is no due date yet, or no
        penalty whose limits could be set.
    """
    known: set[str] = set()
    if (course / nbgrader_bridge.GRADEBOOK).exists():
        with nbgrader_bridge.gradebook(course) as book:
            known = {student.id for student in book.students}
    before = read_course_dates(course)
    there = before.assignments.get(name) or _of_gradebook(course, name, changes)
    after = AssignmentDates(
        changes.due or there.due,
        _changed_penalty(there.penalty, changes),
        _changed(there.extensions, changes.extensions),
    )
    dates = CourseDates(
        changes.timezone or before.timezone,
        before.groups,
        _changed(before.extra_time, changes.extra_time),
        {**before.assignments, name: after},
    )
    write_course_dates(course, dates, known)
    if not known and any((*changes.extensions.values(), *changes.extra_time.values())):
        _logger.info("  no list of students is known yet: whether these ids are somebody's is checked later")


def _of_gradebook(course: Path, name: str, changes: DateChanges) -> AssignmentDates:
    """Give what holds before the file has the assignment: the gradebook's date."""
    if changes.due:
        return AssignmentDates(changes.due)
    due = assignment_dates(course, name).due
    if due is None:
        raise UserError(
            f"{name}: it has no due date yet",
            expected="one, before others are set",
            todo='--due "2026-11-20 18:00"',
        )
    return AssignmentDates(due.isoformat(sep=" ", timespec="minutes"))


def _changed_penalty(before: LatePenalty | None, changes: DateChanges) -> LatePenalty | None:
    limits = {"most": changes.most, "grace_minutes": changes.grace_minutes}
    given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    if changes.penalty:
        percent, per = changes.penalty
        return replace(before or LatePenalty(percent), percent=percent, per=per, **given)
    if given and before is None:
        raise UserError(
            "--most and --grace", found="no penalty yet", expected="one to limit", todo="--penalty 10/day"
        )
    return replace(before, **given) if before else None


def _changed(before: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    return {who: text for who, text in {**before, **changes}.items() if text}
