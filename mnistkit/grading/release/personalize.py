"""Personal data: numbers of each student's own, which nobody can work out without the course's secret.

A student's notebook has them as its parameters: those that the YAML file beside the lesson calls personal, or
``seed``. Whoever grades has the secret and computes them again: nothing that comes back from a student is
believed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import read_schema
from mnistkit.errors import UserError
from mnistkit.files import replacing
from mnistkit.grading.roster import COLUMNS, RosterRow, read_rows
from mnistkit.records.lesson_facts import read_lesson_facts

__all__ = [
    "COLUMNS",
    "SECRET",
    "Student",
    "id_problem",
    "is_id",
    "personal_names",
    "personal_parameters",
    "read_or_make_secret",
    "read_roster",
    "read_secret",
    "whose_numbers",
]

_logger = logging.getLogger(__name__)

SECRET = "secret.key"
"""Name of the file in the course's folder; whoever has it can compute every student's numbers."""

_USUAL = "seed"
"""The personal parameter of a lesson with nothing beside it that says another."""
_NUMBERS_A_DIGEST = 4
_LARGEST = 2_000_000_000  # with a lesson's "seed + 1, seed + 2, …" still below 2^31
_EXPECTED = (
    "1 to 64 letters, digits and . _ @ - without accents and spaces, with a letter or digit at both ends"
)
_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Student:
    """One line of a roster.

    Attributes
    ----------
    id : str
        Names the student's folder and files, and decides the student's numbers.
    first_name, last_name, email : str
        For the gradebook; empty where the roster has none.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""


def is_id(text: str) -> bool:
    """Tell whether a text can be a student's id: files, folders and addresses of pages are named by it.

    This is the one rule for ids, from the roster to the feedback. Who has another one is named, with
    `id_problem`, and left out: half of the commands, or of the operating systems, would not find the work.

    Parameters
    ----------
    text : str
        From a roster, a gradebook, or a folder's name.

    Returns
    -------
    bool
        False for what is no text, too.
    """
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def id_problem(text: str) -> str:
    """Say why a text can't be a student's id, and what to do.

    Parameters
    ----------
    text : str
        From a gradebook, or a folder's name.

    Returns
    -------
    str
        The end of a sentence; empty where it can be one.
    """
    if is_id(text):
        return ""
    return f"{text!r} can't be an id: give this student another one ({_EXPECTED})"


def personal_names(lessons: Sequence[Lesson]) -> list[str]:
    """List the parameters of which each student gets own numbers.

    Parameters
    ----------
    lessons : sequence of Lesson
        The lessons of an assignment.

    Returns
    -------
    list of str
        What the YAML files beside them call ``personal``; ``seed`` of a lesson that has it and says nothing.

    Raises
    ------
    UserError
        If a name is not that of a whole number in the lesson's parameters cell.
    """
    names: dict[str, None] = {}
    for lesson in lessons:
        numbers = [name for name, parameter in read_schema(lesson).items() if parameter.type == "int"]
        said = read_lesson_facts(lesson.path).personal
        for name in said or ():
            if name not in numbers:
                raise UserError(
                    f"{lesson.path.with_suffix('.yaml')}: personal",
                    found=repr(name),
                    expected=f"whole numbers of its parameters cell: {', '.join(numbers) or 'it has none'}",
                    todo="correct the file, then try again",
                )
        names |= dict.fromkeys([name for name in numbers if name == _USUAL] if said is None else said)
    return list(names)


def whose_numbers(
    secret: bytes,
    students: Sequence[str],
    assignment: str,
    names: Sequence[str],
    source: str,
    own: Mapping[str, int],
) -> str:
    """Say whose numbers stand in a parameters cell that a student has handed in.

    Parameters
    ----------
    secret : bytes
        The course's secret.
    students : sequence of str
        Who got own numbers.
    assignment : str
        Name of the assignment.
    names : sequence of str
        Its personal parameters.
    source : str
        The parameters cell.
    own : mapping of str to int
        What should stand there; a name that the notebook does not have is left out.

    Returns
    -------
    str
        A sentence for the teacher; empty where they are the student's own.
    """
    found = {name: int(value) for name, value in re.findall(r"^(\w+)(?:: int)? = (\d{1,12})\b", source, re.M)}
    found = {name: value for name, value in found.items() if name in own}
    if all(found.get(name) == value for name, value in own.items()):
        return ""
    for student in students:
        theirs = personal_parameters(secret, student, assignment, names)
        if found and all(theirs[name] == value for name, value in found.items()):
            return (
                f"this notebook has the personal numbers of {student}; it was graded with the student's own"
            )
    return "its personal numbers were changed; it was graded with the student's own"


def personal_parameters(secret: bytes, student: str, assignment: str, names: Sequence[str]) -> dict[str, int]:
    """Compute a student's own numbers for an assignment.

    Parameters
    ----------
    secret : bytes
        The course's secret, as `read_secret` gives it.
    student : str
        The student's id, as in the roster.
    assignment : str
        Name of the assignment.
    names : sequence of str
        Its personal parameters, as `personal_names` gives them: the place in it decides a number.

    Returns
    -------
    dict of str to int
        By name, from 1 to 2,000,000,000; the same for the same arguments. A lesson takes those that it has as
        parameters.
    """
    numbers = {}
    for place, name in enumerate(names):
        block, part = divmod(place, _NUMBERS_A_DIGEST)
        # Which no other names can give.
        message = json.dumps(["mnistkit personal 1", assignment, student, *([block] if block else [])])
        digest = hmac.new(secret, message.encode(), hashlib.sha256).digest()
        numbers[name] = 1 + int.from_bytes(digest[8 * part : 8 * part + 8], "big") % _LARGEST
    return numbers


def read_or_make_secret(course: Path) -> bytes:
    """Read a course's secret; make one where there is none yet.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    UserError
        If there is one that can't be used: see `read_secret`.
    """
    path = course / SECRET
    if not path.exists():
        with replacing(path) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 (from its birth nobody else's)
                file.write(secrets.token_hex(32) + "\n")
    return read_secret(course)


def read_secret(course: Path) -> bytes:
    """Read a course's secret.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    UserError
        If it is missing or broken, or others may read it. A new one would change every student's numbers.
    """
    path = course / SECRET
    try:
        text = path.read_text(encoding="ascii").strip()
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            path,
            found=f"{type(error).__name__}: {error}",
            expected="the secret that the personal numbers were made with",
            todo="put the file back from a copy of the course's folder",
        ) from error
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise UserError(
            path,
            found=f"{len(text)} characters that are no secret",
            expected="64 hexadecimal digits, as they were made",
            todo="put the file back from a copy; only if nothing was handed out yet, delete it",
        )
    if os.name == "posix" and mode & 0o077:
        raise UserError(
            path, found=f"others may read it (mode {mode:o})", expected="mode 600", todo=f"chmod 600 {path}"
        )
    return bytes.fromhex(text)


def read_roster(path: Path) -> list[Student]:
    """Read who takes part.

    Parameters
    ----------
    path : pathlib.Path
        A table as spreadsheets and learning platforms write it: see `mnistkit.grading.roster`.

    Returns
    -------
    list of Student
        In the order of the file.

    Raises
    ------
    UserError
        If the file can't be read, has no column of ids or no student, or an id is empty, odd or there twice;
        the message names the line.
    """
    rows, column, others = read_rows(Path(path))
    students = list(_students(path, rows, column))
    if not students:
        raise UserError(path, found="no student", expected="one line a student below the header")
    if column.casefold() != "id" or others:
        instead = f", not those of {', '.join(map(repr, others))}" if others else ""
        _logger.info(f"{path}: the students' ids are those of the column {column!r}{instead}")
    return students


def _students(path: Path, rows: Sequence[RosterRow], column: str) -> Iterator[Student]:
    lines: dict[str, int] = {}
    for row in rows:
        student = Student(**{name: row.values.get(name, "") for name in COLUMNS})
        where = f"{path}: line {row.line}"
        if not is_id(student.id):
            raise UserError(
                where,
                found=_described(student.id, column),
                expected=f"{_EXPECTED}: it becomes the name of a folder",
                todo="write an id there, or take the line out",
            )
        # Ids name files, and many file systems don't tell A from a.
        first = lines.setdefault(student.id.lower(), row.line)
        if first != row.line:
            raise UserError(
                where,
                found=f"the id {student.id!r} of line {first} again",
                expected="each student once (upper and lower case count as the same)",
            )
        yield student


def _described(text: str, column: str) -> str:
    said = f"the id {text!r}" + (f" in the column {column!r}" if column != "id" else "")
    if re.fullmatch(r"\d([.,]\d+)?E\+\d+", text):
        said += ", a number that a spreadsheet has shortened (make the column a text, and export again)"
    return said
