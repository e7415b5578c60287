"""``mnistkit assignment dates``: set due dates, extensions and penalties, or show what holds."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from mnistkit.course.lessons import find, find_folder, select
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.collect.command import read_collected
from mnistkit.grading.dates.due_dates import DATES
from mnistkit.grading.dates.gradebook_dates import assignment_dates, enter_dates
from mnistkit.grading.dates.set_dates import DateChanges, set_dates
from mnistkit.grading.release.command import say_dates

__all__ = ["dates_command"]

_logger = logging.getLogger(__name__)


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
    dates = assignment_dates(course, name)
    for one in read_collected(course, name).students.values():
        late = dates.late(one.student, datetime.fromisoformat(one.received) if one.received else None)
        if late.reason:
            _logger.info(f"  {one.student}  {late.reason}")
