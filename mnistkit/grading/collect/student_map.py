"""A teacher's table of whose something is: folders, files, mail addresses, GitHub names, numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.grading.roster import ID_COLUMNS, OTHER_COLUMNS, participants
from mnistkit.grading.tables import DelimitedTable, column_key, read_table

__all__ = ["StudentMap", "read_student_map", "with_entries"]

_EXPECTED = "a CSV file with a column id and others with what names the student, such as who,id"
_STUDENTS = ("id", "student", "identifier", *ID_COLUMNS)  # GitHub Classroom's list has an identifier
_ENDING = re.compile(r"\.(ipynb(\.(txt|json))?|zip|eml)$")
_NUMBERED = re.compile(r"[^\d@]+ ?(\d+)")  # Moodle's "Participant 4711", in any language


class StudentMap:
    """What a teacher has said about whose something is.

    Parameters
    ----------
    entries : mapping of str to str
        Ids by what names the student: a folder, a file, a path, an address, a GitHub name, a number.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._exact = {_exact(text): student for text, student in entries.items()}
        self._loose: dict[str, set[str]] = {}
        for text, student in self._exact.items():
            numbered = _NUMBERED.fullmatch(text)
            for key in {_key(text), *([numbered[1]] if numbered else [])}:
                self._loose.setdefault(key, set()).add(student)

    def find(self, texts: Iterable[str]) -> str:
        """Give whose the first of some texts is that is in the table; empty where none is.

        A text counts as it is written; in other letters' case or without its ending only if that is one's.
        """
        for text in texts:
            some = self._loose.get(_key(text), set())
            if student := self._exact.get(_exact(text)) or (min(some) if len(some) == 1 else ""):
                return student
        return ""


def with_entries(before: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Add a table's entries to earlier ones; of one text, however it is written, the newer one counts."""
    earlier, said = {*map(_exact, before)}, {*map(_exact, new)}
    keys = {_key(text) for text in said - earlier}
    kept = (text for text in before if _exact(text) not in said and _key(text) not in keys)
    return {**{text: before[text] for text in kept}, **new}


def _exact(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().removeprefix("'").strip("/")  # ' of `no_formula`


def _key(text: str) -> str:
    return _ENDING.sub("", _exact(text).casefold())


def read_student_map(path: Path) -> dict[str, str]:
    """Read a table that says whose something is.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file with a column of ids; what stands in its other columns names this student.

    Returns
    -------
    dict of str to str
        Whose each is: an id, or a mail address or full name where the table has no ids. In Moodle's grading
        worksheet that is whose a participant's number is.

    Raises
    ------
    UserError
        If it can't be read, has no column of students or no other one, or gives one thing to two students.
    """
    table = read_table(path, _STUDENTS, _EXPECTED)
    names = [column_key(name) for name in table.header]
    students, others = _columns(path, table, names)
    said = [
        (line, next(filter(None, (_cell(row, place) for place in students)), ""), _cell(row, other))
        for line, row in table.rows
        for other in others
    ]
    some = any(student and text for _, student, text in said)
    entries: dict[str, str] = {}
    ids: dict[str, str] = {}
    for line, student, text in said:
        if not text or (some and not student):  # a line that is not filled in yet
            continue
        entries[text] = student
        if not student or ids.setdefault(_exact(text), student) != student:
            raise UserError(
                f"{path}: line {line}",
                found=f"{text!r} for " + (f"{student!r} and {ids[_exact(text)]!r}" if student else "nobody"),
                expected="one student's id for each",
                todo="correct it; a column that names nobody, such as a group, is taken out",
            )
    return entries


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _columns(path: Path, table: DelimitedTable, names: Sequence[str]) -> tuple[list[int], list[int]]:
    """Give the columns of students, the best one first, and those of what is theirs."""
    if (numbered := participants(table)) is not None:
        # Moodle's worksheet: its other columns are the same for many.
        known = (*ID_COLUMNS, *OTHER_COLUMNS["email"], *OTHER_COLUMNS["name"])
        students = [names.index(name) for name in known if name in names and names.index(name) != numbered]
        if any(_cell(row, place) for _, row in table.rows for place in students):
            return students, [numbered]
        raise UserError(
            path,
            found="a grading worksheet without names: the marking is still blind",
            expected="one that says whose each number is",
            todo="let Moodle reveal the students' identities and download it again, or add a column id",
        )
    place = next((names.index(name) for name in _STUDENTS if name in names), None)
    if place is None or len(names) < 2:
        raise UserError(
            f"{path}: line 1",
            found=f"the columns {', '.join(table.header) or '(none)'}",
            expected=_EXPECTED,
            todo="name the column with the students' ids id",
        )
    return [place], [other for other in range(len(names)) if other != place]
