"""`mnistkit assignment confirm`: points by hand that should be looked at again stand, all in one step."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.feedback.plain_text import plain
from mnistkit.grading.marking.judgements import confirm, read_again

_logger = logging.getLogger(__name__)


def confirm_command(name: str, course: Path, agree: Callable[[str], bool]) -> None:
    """Carry out ``mnistkit assignment confirm``.

    Parameters
    ----------
    name : str
        The assignment.
    course : pathlib.Path
        The course's folder.
    agree : callable
        Asks the person a question, after all reasons were shown.

    Raises
    ------
    UserError
        If it was not released, or something changed while the person was reading.
    """
    nbgrader_bridge.require_nbgrader()
    name = courses.released_name(course, name)
    with nbgrader_bridge.gradebook(course) as book:
        found = read_again(book, name)
    if not found:
        _logger.info("no points by hand are to be looked at again")
        return
    for place, reason in found.items():
        _logger.info(f"  {plain(place.student)}, {place.lesson}, {place.exercise}: {reason}")
    if agree(f"Do the points that a person gave stand for all {len(found)}?"):
        with nbgrader_bridge.gradebook(course) as book:
            confirm(book, name, found)
        _logger.info(
            f"{len(found)} confirmed; mnistkit assignment feedback {name} writes them into its pages"
        )
