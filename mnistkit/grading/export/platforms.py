"""Tables of grades as learning platforms export and import them: what is in which column.

Taken from their documentation and, for Moodle, Canvas and ILIAS, from the code that reads the files again. A
platform is a `GradeFormat` in `GRADE_FORMATS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mnistkit.grading.tables import DelimitedTable, column_key

__all__ = ["GRADE_FORMATS", "GradeFormat"]

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_GRADE = ("grade", "bewertung", "note", "calificacion", "valutazione", "nota", "beoordeling", "cijfer")
_COMMENT = (
    "feedback comments",
    "feedback als kommentar",
    "commentaires de feedback",
    "feedback por comentarios",
)
_FEEDBACK = ("feedback", "ruckmeldung", "retroalimentacion", "commentaire", "comment", "commento")
_NO_POINTS = (
    "percentage",
    "letter",
    "prozent",
    "prozentsatz",
    "buchstabe",
    "pourcentage",
    "lettre",
    "porcentaje",
)
_TOTALS = (
    *("course total", "kurs gesamt", "total du cours", "total del curso", "totale del corso", "cursustotaal"),
    *("total do curso", "total da disciplina"),
)
"""Moodle computes these columns itself."""
_CHANGEABLE = ("grade can be changed", "bewertung kann geandert werden", "la note peut etre modifiee")
_NO = ("no", "nein", "non")


@dataclass(frozen=True)
class GradeFormat:
    """How a platform writes a table of grades.

    Attributes
    ----------
    name : str
        As a command names it.
    platform : str
        The platform's name in `mnistkit.grading.collect.lms`, which reads its exports.
    is_grade : callable
        Tells of a column's name whether points can stand there.
    header : tuple of str
        Columns of a table that is made without the platform's file; empty where only that has the platform's
        own numbers of the students.
    column : str
        What a new table calls the column of an assignment.
    comments : bool
        Whether a comment can be imported.
    comment_for_each : bool
        Whether each column of points has one of comments with the same title, and not the table one for all.
    most_row : str
        First cell of the row in which a new table says how many points there are; empty where it has none.
    is_line : callable
        Tells of a row's first cell whether the line can be a student's.
    most : callable
        Gives, of a table, a row and a column, how many points the platform takes there; empty where it says
        nothing.
    """

    name: str
    platform: str
    is_grade: Callable[[str], bool]
    header: tuple[str, ...] = ()
    column: str = "{name}"
    comments: bool = False
    comment_for_each: bool = False
    most_row: str = ""
    is_line: Callable[[str], bool] = lambda first: True
    most: Callable[[DelimitedTable, list[str], int], str] = lambda table, row, place: ""

    def comment_column(self, table: DelimitedTable, place: int) -> int | None:
        """Find the column of comments that belongs to a column of points."""
        if not self.comments:
            return None
        keys = [column_key(name) for name in table.header]
        if self.comment_for_each:
            title = _without_kind(table.header[place])
            same = [n for n, name in enumerate(table.header) if _without_kind(name) == title]
            return next((n for n in same if keys[n].endswith(_FEEDBACK)), None)
        return next((n for n, key in enumerate(keys) if key in (*_COMMENT, "comment")), None)

    def is_locked(self, table: DelimitedTable, row: list[str]) -> bool:
        """Tell whether the platform says that a row's points can't be changed."""
        places = [n for n, name in enumerate(table.header) if column_key(name) in _CHANGEABLE]
        return any(row[n].strip().casefold() in _NO for n in places if n < len(row))


def _without_kind(name: str) -> str:
    """Give "Assignment: Week 1" of Moodle's "Assignment: Week 1 (Real)"."""
    return re.sub(r"\s*\([^()]*\)\s*$", "", name).strip().casefold()


def _is_moodle_points(name: str) -> bool:
    key = column_key(name)
    is_points = name.strip().endswith(")") and not key.endswith((*_FEEDBACK, *_NO_POINTS))
    return is_points and not any(total in key for total in _TOTALS)


def _canvas_most(table: DelimitedTable, row: list[str], place: int) -> str:
    lines = [one for _, one in table.rows if one and one[0].strip() == "Points Possible"]
    return lines[0][place].strip() if lines and place < len(lines[0]) else ""


def _brightspace_most(table: DelimitedTable, row: list[str], place: int) -> str:
    found = re.search(r"MaxPoints:\s*([\d.,]+)", table.header[place])
    return found[1] if found else ""


def _worksheet_most(table: DelimitedTable, row: list[str], place: int) -> str:
    places = [
        n
        for n, name in enumerate(table.header)
        if column_key(name).startswith(("maxim", "hochst", "bestwertung", "note max"))
    ]
    found = row[places[0]].strip() if places and places[0] < len(row) else ""
    return found if _NUMBER.fullmatch(found) else ""


GRADE_FORMATS = {
    one.name: one
    for one in (
        GradeFormat(
            "canvas",
            "Canvas",
            lambda name: re.search(r"\S \(\d+\)$", name.strip()) is not None,
            header=("Student", "ID", "SIS User ID", "SIS Login ID", "Section"),
            most_row="    Points Possible",
            is_line=lambda first: first.strip().casefold() not in ("points possible", "student, test", ""),
            most=_canvas_most,
        ),
        GradeFormat(
            "moodle",
            "Moodle",
            _is_moodle_points,
            header=("First name", "Last name", "ID number", "Email address"),
            comments=True,
            comment_for_each=True,
        ),
        GradeFormat(
            "moodle-offline",
            "Moodle",
            lambda name: column_key(name) in _GRADE,
            comments=True,
            most=_worksheet_most,
        ),
        GradeFormat(
            "brightspace",
            "Brightspace",
            lambda name: "points grade" in column_key(name),
            header=("Username", "End-of-Line Indicator"),
            column="{name} Points Grade",
            most=_brightspace_most,
        ),
        GradeFormat("ilias", "ILIAS", lambda name: column_key(name) == "mark", comments=True),
    )
}
"""The platforms, by the name that a command takes."""
