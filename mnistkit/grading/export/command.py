"""`mnistkit assignment export`: grades, comments and feedback for a learning platform, or as mails."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.collect.command import Collected, read_collected
from mnistkit.grading.collect.lms import export_number
from mnistkit.grading.dates.due_dates import read_dates
from mnistkit.grading.dates.gradebook_dates import enter_dates
from mnistkit.grading.export.feedback_zip import feedback_zip
from mnistkit.grading.export.grades_table import fill, grade_of, new_table
from mnistkit.grading.export.mails import Letter, draft, write_mailbox
from mnistkit.grading.export.platforms import GRADE_FORMATS
from mnistkit.grading.feedback.gradebook_scores import ClassScores, StudentScore, read_class_scores
from mnistkit.grading.feedback.page_states import check_pages
from mnistkit.grading.plain_text import plain
from mnistkit.grading.remarks import remark_lines
from mnistkit.grading.roster import is_id
from mnistkit.grading.tables import read_table

__all__ = ["EXPORT_FORMATS", "MAILS", "ExportOptions", "export_command"]

_logger = logging.getLogger(__name__)

MAILS = ("eml", "mbox")
"""Exports that are mails."""
EXPORT_FORMATS = (*GRADE_FORMATS, *MAILS)
"""What can be exported for."""

_FOLDER = "export"
_EXPECTED = "a table of grades as the platform exports it, as CSV"


@dataclass(frozen=True)
class ExportOptions:
    """How to export.

    Attributes
    ----------
    target : str
        One of `EXPORT_FORMATS`.
    gradebook : pathlib.Path or None
        The platform's own table, to be filled in.
    columns : tuple of str
        ``NAME=COLUMN``, where the column of an assignment can't be told.
    scale : bool
        Convert points where the platform has another maximum.
    hand_out : bool
        Of mails: the personal hand-outs, not the feedback.
    """

    target: str
    gradebook: Path | None = None
    columns: tuple[str, ...] = ()
    scale: bool = False
    hand_out: bool = False


def export_command(names: Sequence[str], course: Path, options: ExportOptions) -> None:
    """Carry out ``mnistkit assignment export``.

    Parameters
    ----------
    names : sequence of str
        The assignments: all of them go into one table.
    course : pathlib.Path
        The course's folder.
    options : ExportOptions
        How.

    Raises
    ------
    UserError
        If an assignment was not released, its feedback is older than its points, or the platform's table
        can't be read or filled in.
    """
    nbgrader_bridge.require_nbgrader()
    names = [courses.released_name(course, name) for name in names]
    for name in names:
        enter_dates(course, name)
    scores = [read_class_scores(course, name) for name in names]
    if not (options.hand_out and options.target in MAILS):
        for one in scores:
            check_pages(course, one)
    if options.target in MAILS:
        for one in scores:
            _export_mails(course, one, options)
        return
    _export_table(course, scores, options)
    for name in names:
        _export_feedback(course, name, options.target)


def _export_table(course: Path, scores: Sequence[ClassScores], options: ExportOptions) -> None:
    form = GRADE_FORMATS[options.target]
    columns = dict(_column_pair(text, scores) for text in options.columns)
    if options.gradebook is None:
        table, where = new_table(form, scores), f"a new table for {form.name}"
        columns = {one.assignment: form.column.format(name=one.assignment) for one in scores}
    else:
        table, where = read_table(options.gradebook, (), _EXPECTED), str(options.gradebook)
    numbers = _numbers(read_collected(course, one.assignment) for one in scores)
    filled = fill(table, where, form, scores, columns, numbers, scale=options.scale)
    title = "-".join(one.assignment for one in scores) if len(scores) < 3 else "grades"
    path = course / _FOLDER / f"{title}-{form.name}.csv"
    write_atomically(path, filled.content)
    for note in filled.notes:
        _logger.info(f"  {note}")
    _logger.info(f"{filled.written} grades for {form.name}: {path}")
    if not form.comments:
        _logger.info(f"  {form.name} imports no comments with grades: they are in the feedback")


def _column_pair(text: str, scores: Sequence[ClassScores]) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    fits = [
        one.assignment for one in scores if one.assignment == name or one.assignment.startswith(f"{name}_")
    ]
    if not sign or not column or len(fits) != 1:
        raise UserError(
            f"--column {text}", found=repr(text), expected='NAME=COLUMN, like week1="Week 1 (4711)"'
        )
    return fits[0], column


def _numbers(collections: Iterable[Collected]) -> dict[str, str]:
    """Give ids by Moodle's numbers of the participants, which stand in the paths of its export."""
    found: dict[str, set[str]] = {}
    for collected in collections:
        for one in collected.students.values():
            if number := export_number(one.exported.get("Moodle", "")):
                found.setdefault(number, set()).add(one.student)
    return {number: min(students) for number, students in found.items() if len(students) == 1}


def _pages(course: Path, name: str) -> dict[str, list[Path]]:
    """List the pages of feedback that there are, by student."""
    found: dict[str, list[Path]] = {}
    for path in sorted(course.glob(f"feedback/*/{name}/*.html")):
        if is_id(path.parts[-3]):
            found.setdefault(path.parts[-3], []).append(path)
    return found


def _export_feedback(course: Path, name: str, target: str) -> None:
    collected = read_collected(course, name).students
    platform = GRADE_FORMATS[target].platform
    paths = {student: one.exported.get(platform, "") for student, one in collected.items()}
    content, left_out = feedback_zip(target, name, _pages(course, name), paths)
    path = course / _FOLDER / f"{name}-{target}-feedback.zip"
    if content:
        write_atomically(path, content)
        _logger.info(f"feedback in the names of {platform}'s export: {path}")
        if left_out:
            some = ", ".join(left_out[:5]) + ", …" * (len(left_out) > 5)
            _logger.info(f"  not in it, because their work came in another way: {some}")
    else:
        path.unlink(missing_ok=True)
        why = "no work came from an export of it"
        if not left_out:
            why = f"no feedback is written yet (mnistkit assignment feedback {name})"
        _logger.info(f"{name}: no zip of feedback for {platform}: {why}")


def _export_mails(course: Path, scores: ClassScores, options: ExportOptions) -> None:
    """Write a mail for each student with a page of feedback, or with a hand-out of the own."""
    name = scores.assignment
    letters = _hand_outs if options.hand_out else _feedback
    what = "hand-out" if options.hand_out else "feedback"
    messages, remarks = {}, {}
    for student, letter in letters(course, scores):
        try:
            messages[student] = draft(letter)
        except (
            ValueError,
            IndexError,
        ) as error:  # what the standard library raises on an address that is none
            remarks[plain(student)] = [f"no mail ({plain(str(error)) or 'its address is none'})"]
    for line in remark_lines(remarks):
        _logger.info(f"  {line}")
    if remarks:
        _logger.info("  addresses come from a list with a column email: collect --roster, release --personal")
    if not messages:
        raise UserError(
            f"{name}: nothing to mail",
            expected="pages of feedback, or personal hand-outs, and students with mail addresses",
            todo=f"mnistkit assignment feedback {name}"
            if not options.hand_out
            else "mnistkit assignment release --personal",
        )
    folder = course / _FOLDER / f"{name}-{what}-mails"
    with courses.staging(course) as stage:
        made = stage / "mails"
        made.mkdir()
        if options.target == "mbox":
            write_mailbox(made / f"{name}-{what}.mbox", messages)
        else:
            for student, message in messages.items():
                (made / f"{student}.eml").write_bytes(message.as_bytes())
        courses.replace_folder(made, folder, stage)
    _logger.info(f"{len(messages)} mails, to be sent by you: {folder}")


def _feedback(course: Path, scores: ClassScores) -> Iterator[tuple[str, Letter]]:
    """Give a letter with the feedback for each student who has some."""
    pages = _pages(course, scores.assignment)
    for student in scores.students:
        if files := pages.get(student.student):
            grade, why = grade_of(student)
            points = (
                f"{grade:g} of {scores.most:g} points" if grade is not None else f"no points yet: it {why}"
            )
            text = f"{scores.assignment}: {points}.\n"
            text += f"{student.late_reason}.\n" if student.late_reason else ""
            yield student.student, _letter(student, f"Feedback: {scores.assignment}", text, files)


def _hand_outs(course: Path, scores: ClassScores) -> Iterator[tuple[str, Letter]]:
    """Give a letter with the personal hand-out for each student who has one."""
    dates = read_dates(course, scores.assignment)
    for student in scores.students:
        path = course / "release" / f"{scores.assignment}-personal" / f"{student.student}.zip"
        if is_id(student.student) and path.is_file():
            text = f"{scores.assignment}: your own notebook. Start with README.txt in the zip.\n"
            text += f"{dates.text(student.student)}\n"
            yield student.student, _letter(student, f"Hand-out: {scores.assignment}", text, [path])


def _letter(student: StudentScore, subject: str, text: str, files: Sequence[Path]) -> Letter:
    return Letter(student.name or student.student, student.email, subject, text, tuple(files))
