"""`mnistkit assignment dates`: show and set when an assignment is due, for whom, and what lateness costs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.dates.due_dates import (
    DATES,
    AssignmentDates,
    CourseDates,
    LatePenalty,
    read_course_dates,
    write_course_dates,
)
from mnistkit.grading.dates.gradebook_dates import assignment_dates, enter_dates
from mnistkit.grading.release.command import say_dates

__all__ = ["DateChanges", "dates_command", "parse_pairs", "parse_penalty", "set_dates"]

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


def dates_command(name: str, course: Path, changes: DateChanges) -> None:
    """Carry out ``mnistkit assignment dates``.

    Parameters
    ----------
    name : str
        The assignment; also one that is not released yet.
    course : pathlib.Path
        The course's folder.
    changes : DateChanges
        What to set; without anything, the dates are shown.

    Raises
    ------
    UserError
        If a date is none, or somebody is neither a student nor a group.
    """
    nbgrader_bridge.require_nbgrader()
    name, released = _assignment(course, name)
    if changes != DateChanges():
        courses.open_course(course)
        set_dates(course, name, changes)
    if released:
        enter_dates(course, name)
        say_dates(course, name)
        if changes != DateChanges():
            _logger.info("  the README.txt of its hand-outs says so now; tell those who have one already")
    else:
        _logger.info(f"{name} is not released yet; its hand-out will say these dates")
    dates = assignment_dates(course, name)
    _logger.info(f"{name}: {dates.text().replace(chr(10), ' ') or 'no due date; give one with --due'}")
    for student, (time, why) in sorted(dates.own.items()):
        _logger.info(f"  {student}  {time:%Y-%m-%d %H:%M} ({why})")
    if released:
        _say_who_is_late(course, name)
    _logger.info(f"  {course / DATES}")


def _assignment(course: Path, name: str) -> tuple[str, bool]:
    """Give the assignment's name, and whether it is released: dates can be set before, to be handed out."""
    from mnistkit.course.lessons import find, find_folder, select

    try:
        return courses.released_name(course, name), True
    except UserError:
        courses.check_assignment_name(name)
    try:
        lessons = select(find(find_folder()), [name])
    except UserError:
        return name, False
    return lessons[0].name, False


def _say_who_is_late(course: Path, name: str) -> None:
    from mnistkit.grading.collect.command import read_collected  # which itself sets dates

    dates = assignment_dates(course, name)
    for one in read_collected(course, name).students.values():
        late = dates.late(one.student, datetime.fromisoformat(one.received) if one.received else None)
        if late.reason:
            _logger.info(f"  {one.student}  {late.reason}")


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
