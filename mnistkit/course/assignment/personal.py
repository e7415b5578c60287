"""Personal data: numbers of each student's own, which nobody can work out without the course's secret.

A student's notebook has them as its parameters ``seed`` (own images, own starts) and ``mystery_seed``
(lesson 05: an own mystery). Whoever grades has the secret and computes them again: nothing that comes back
from a student is believed.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistkit.course import CourseError

__all__ = [
    "COLUMNS",
    "SECRET",
    "Student",
    "is_id",
    "personal_parameters",
    "read_or_make_secret",
    "read_roster",
    "read_secret",
    "whose_numbers",
]

SECRET = "secret.key"
"""Name of the file in the course's folder; whoever has it can compute every student's numbers."""

COLUMNS = ("id", "first_name", "last_name", "email")
"""Columns of a roster, by nbgrader's names; only the first must be there."""

_NAMES = ("seed", "mystery_seed")
_LARGEST = 2_000_000_000  # with a lesson's "seed + 1, seed + 2, …" still below 2^31
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
    """Tell whether a text can be a student's id: files and folders are named by it.

    Parameters
    ----------
    text : str
        From a roster, or a folder's name.

    Returns
    -------
    bool
    """
    return _ID.fullmatch(text) is not None


def whose_numbers(
    secret: bytes, students: Sequence[str], assignment: str, source: str, own: Mapping[str, int]
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
        theirs = personal_parameters(secret, student, assignment)
        if found and all(theirs[name] == value for name, value in found.items()):
            return (
                f"this notebook has the personal numbers of {student}; it was graded with the student's own"
            )
    return "its personal numbers were changed; it was graded with the student's own"


def personal_parameters(secret: bytes, student: str, assignment: str) -> dict[str, int]:
    """Compute a student's own numbers for an assignment.

    Parameters
    ----------
    secret : bytes
        The course's secret, as `read_secret` gives it.
    student : str
        The student's id, as in the roster.
    assignment : str
        Name of the assignment.

    Returns
    -------
    dict of str to int
        ``seed`` and ``mystery_seed``, from 1 to 2,000,000,000; the same for the same arguments. A lesson
        takes those that it has as parameters.
    """
    message = json.dumps(["mnistkit personal 1", assignment, student])  # which no other names can give
    digest = hmac.new(secret, message.encode(), hashlib.sha256).digest()
    parts = (digest[8 * i : 8 * i + 8] for i in range(len(_NAMES)))
    return {
        name: 1 + int.from_bytes(part, "big") % _LARGEST for name, part in zip(_NAMES, parts, strict=True)
    }


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
    CourseError
        If there is one that can't be used: see `read_secret`.
    """
    path = course / SECRET
    if not path.exists():
        temporary = path.with_name(f".{SECRET}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 (from its birth nobody else's)
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
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
    CourseError
        If it is missing or broken, or others may read it. A new one would change every student's numbers.
    """
    path = course / SECRET
    try:
        text = path.read_text(encoding="ascii").strip()
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(
            f"{path}\n  found:    {type(error).__name__}: {error}\n"
            "  expected: the secret that the personal numbers were made with\n"
            "  to do:    put the file back from a copy of the course's folder"
        ) from error
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise CourseError(
            f"{path}\n  found:    {len(text)} characters that are no secret\n"
            "  expected: 64 hexadecimal digits, as they were made\n"
            "  to do:    put the file back from a copy; only if nothing was handed out yet, delete it"
        )
    if os.name == "posix" and mode & 0o077:
        raise CourseError(
            f"{path}\n  found:    others may read it (mode {mode:o})\n  expected: mode 600\n"
            f"  to do:    chmod 600 {path}"
        )
    return bytes.fromhex(text)


def read_roster(path: Path) -> list[Student]:
    """Read who takes part.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file with a header: ``id``, and where known ``first_name``, ``last_name``, ``email``. Other
        columns are left alone. UTF-8, with or without a byte order mark.

    Returns
    -------
    list of Student
        In the order of the file.

    Raises
    ------
    CourseError
        If the file can't be read, has no column ``id`` or no student, or an id is empty, odd or there twice;
        the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            students = list(_students(path, csv.DictReader(file, strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(
            f"{path}\n  found:    {type(error).__name__}: {error}\n"
            f"  expected: a CSV file in UTF-8 with the columns {', '.join(COLUMNS)}"
        ) from error
    if not students:
        raise CourseError(f"{path}\n  found:    no student\n  expected: one line a student below the header")
    return students


def _students(path: Path, rows: csv.DictReader[str]) -> Iterator[Student]:
    columns = [column.strip() for column in rows.fieldnames or ()]
    if columns.count("id") != 1:
        raise CourseError(
            f"{path}: line 1\n  found:    the columns {', '.join(columns) or '(none)'}\n"
            f"  expected: a header with one column id, separated by commas, such as {','.join(COLUMNS)}"
        )
    rows.fieldnames = columns
    lines: dict[str, int] = {}
    for row in rows:
        if any(isinstance(value, str) and value.strip() for value in row.values()):
            student = _student(f"{path}: line {rows.line_num}", row)
            # Ids name files, and many file systems don't tell A from a.
            first = lines.setdefault(student.id.lower(), rows.line_num)
            if first != rows.line_num:
                raise CourseError(
                    f"{path}: line {rows.line_num}\n  found:    the id {student.id!r} of line {first} again\n"
                    "  expected: each student once (upper and lower case count as the same)"
                )
            yield student


def _student(where: str, row: Mapping[str | None, str | None]) -> Student:
    if None in row:
        raise CourseError(
            f"{where}\n  found:    more values than columns\n  expected: commas inside a value in quotes"
        )
    student = Student(**{column: (row.get(column) or "").strip() for column in COLUMNS})
    if not is_id(student.id):
        raise CourseError(
            f"{where}\n  found:    the id {student.id!r}\n  expected: 1 to 64 letters, digits and . _ @ -"
            " without accents, with a letter or digit at both ends: it becomes the name of a folder"
        )
    return student
