"""`mnistkit assignment mark` and `confirm`: the page for marking, its parts, and points that stand."""

from __future__ import annotations

import asyncio
import getpass
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.judgements import confirm, read_again
from mnistkit.grading.marking.gradebook_sheet import GradebookSheet
from mnistkit.grading.marking.server import Desk, start_server
from mnistkit.grading.marking.sheet import PartFile, merge_part, sheet_text, split_sheet
from mnistkit.grading.plain_text import plain

_logger = logging.getLogger(__name__)

_REDIRECT = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}">\n'


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


def mark_command(
    name: str, course: Path, show: Callable[[str], object], *, blind: bool, seed: int | None, marker: str
) -> None:
    """Carry out ``mnistkit assignment mark``: serve the page until the person ends it (Ctrl-C).

    Parameters
    ----------
    name : str
        The assignment, or the file of a part (``….json``).
    course : pathlib.Path
        The course's folder; not needed for a part.
    show : callable
        Opens the address of a file that leads to the page.
    blind, seed, marker
        See `mnistkit.grading.marking.server.Desk`.

    Raises
    ------
    UserError
        If there is no such assignment or part, or nothing to mark.
    """
    marker = marker or getpass.getuser()
    if name.endswith(".json"):
        part = PartFile(Path(name))
        part.sheet()  # says what is wrong with the file before a page opens
        _serve(Desk(part, marker, blind=blind, seed=seed), show)
        return
    nbgrader_bridge.require_nbgrader()
    name = courses.released_name(course, name)
    with nbgrader_bridge.gradebook(course) as book:
        _serve(Desk(GradebookSheet(course, book, name), marker, blind=blind, seed=seed), show)
    _logger.info(f"into the pages and tables: mnistkit assignment feedback {name}")


def _serve(desk: Desk, show: Callable[[str], object]) -> None:
    async def serve() -> None:
        server, address = start_server(desk)
        _logger.info(f"{address}\nOnly for you: whoever has this address can read and mark. Ctrl-C ends it.")
        try:
            with tempfile.TemporaryDirectory(prefix="mnistkit-") as folder:
                # Others on this machine can read a command's words, but not this file.
                page = Path(folder) / "mark.html"
                page.write_text(_REDIRECT.format(address=address), encoding="utf-8")
                show(page.as_uri())
                await asyncio.Event().wait()
        finally:
            server.stop()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        _logger.info("ended; all marks are saved")


def split_command(name: str, course: Path, count: int) -> None:
    """Carry out ``mnistkit assignment mark --split``: write a file for each of several markers.

    Parameters
    ----------
    name : str
        The assignment.
    course : pathlib.Path
        The course's folder.
    count : int
        How many markers.

    Raises
    ------
    UserError
        If a part of an earlier split is still there: it may have marks in it.
    """
    nbgrader_bridge.require_nbgrader()
    name = courses.released_name(course, name)
    paths = [course / "marking" / f"{name}-part-{number}.json" for number in range(1, count + 1)]
    if there := [path for path in paths if path.exists()]:
        raise UserError(
            there[0],
            found="a part of an earlier split, which may have marks in it",
            expected="no such file yet",
            todo=f"mnistkit assignment mark {name} --merge {there[0]}, then delete it",
        )
    with nbgrader_bridge.gradebook(course) as book:
        parts = split_sheet(GradebookSheet(course, book, name).sheet(), count)
    for path, part in zip(paths, parts, strict=True):
        write_atomically(path, sheet_text(part))
        students = len({answer.student for answer in part.answers})
        _logger.info(f"{path}: {students} students; mnistkit assignment mark {path.name}")
    _logger.info(f"then, with the files that come back: mnistkit assignment mark {name} --merge FILE")


def merge_command(name: str, course: Path, paths: Sequence[Path]) -> None:
    """Carry out ``mnistkit assignment mark --merge``: take over what markers have done in their parts.

    Parameters
    ----------
    name : str
        The assignment.
    course : pathlib.Path
        The course's folder.
    paths : sequence of pathlib.Path
        The parts.

    Raises
    ------
    UserError
        If a file is no part of this assignment, before anything is taken over; if something was changed on
        both sides, after the rest was.
    """
    nbgrader_bridge.require_nbgrader()
    name = courses.released_name(course, name)
    parts = [PartFile(path).sheet() for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if part.assignment != name:
            raise UserError(path, found=f"a part of {part.assignment!r}", expected=f"one of {name!r}")
    conflicts: list[str] = []
    with nbgrader_bridge.gradebook(course) as book:
        store = GradebookSheet(course, book, name)
        for path, part in zip(paths, parts, strict=True):
            count, found = merge_part(store, part)
            conflicts += found
            _logger.info(f"{path}: {count} marks taken over, {len(found)} not")
    for conflict in conflicts:
        _logger.info(f"  {plain(conflict)}")
    if conflicts:
        raise UserError(
            f"changes that were not taken over: {len(conflicts)}",
            found="another mark there, as is said above",
            todo=f"decide about them on the page: mnistkit assignment mark {name}",
        )
