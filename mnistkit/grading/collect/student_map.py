"""A teacher's table of whose something is: folders, files, mail addresses, GitHub names, numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.grading.roster import ID_COLUMNS
from mnistkit.grading.tables import column_key, read_table

__all__ = ["StudentMap", "read_student_map"]

_EXPECTED = "a CSV file with a column id and others with what names the student, such as who,id"
_STUDENTS = ("id", "student", "identifier", *ID_COLUMNS)  # GitHub Classroom's list has an identifier
_ENDING = re.compile(r"\.(ipynb|zip|eml)$")
_NUMBERED = re.compile(r"[^\d@]+ ?(\d+)")  # Moodle's "Participant 4711", in any language


class StudentMap:
    """What a teacher has said about whose something is.

    Parameters
    ----------
    entries : mapping of str to str
        Ids by what names the student: a folder, a file, a path, an address, a GitHub name, a number.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._ids = {_key(text): student for text, student in entries.items()}
        for text, student in entries.items():
            if numbered := _NUMBERED.fullmatch(text.strip()):
                self._ids.setdefault(numbered[1], student)

    def find(self, texts: Iterable[str]) -> str:
        """Give whose the first of some texts is that is in the table; empty where none is."""
        return next((self._ids[key] for key in map(_key, texts) if key in self._ids), "")


def _key(text: str) -> str:
    return _ENDING.sub("", unicodedata.normalize("NFC", text).strip().strip("/").casefold())


def read_student_map(path: Path) -> dict[str, str]:
    """Read a table that says whose something is.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file with a column of ids; what stands in its other columns names this student.

    Returns
    -------
    dict of str to str
        Ids by what names the student.

    Raises
    ------
    UserError
        If it can't be read, has no column of ids or no other one, or gives one thing to two students.
    """
    table = read_table(path, _STUDENTS, _EXPECTED)
    names = [column_key(name) for name in table.header]
    place = next((names.index(name) for name in _STUDENTS if name in names), None)
    if place is None or len(names) < 2:
        raise UserError(
            f"{path}: line 1",
            found=f"the columns {', '.join(table.header) or '(none)'}",
            expected=_EXPECTED,
            todo="name the column with the students' ids id",
        )
    entries: dict[str, str] = {}
    for line, row in table.rows:
        student = row[place].strip() if place < len(row) else ""
        for text in (cell.strip() for number, cell in enumerate(row) if number != place and cell.strip()):
            if not student or entries.setdefault(text, student) != student:
                raise UserError(
                    f"{path}: line {line}",
                    found=f"{text!r} for " + (f"{student!r} and {entries[text]!r}" if student else "nobody"),
                    expected="one student's id for each",
                )
    return entries
