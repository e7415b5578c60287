"""A platform's own table of grades, filled in; what is unknown in it stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.grading.collect.match_student import Roster
from mnistkit.grading.export.platforms import GradeFormat
from mnistkit.grading.feedback.gradebook_scores import ClassScores, StudentScore
from mnistkit.grading.plain_text import plain
from mnistkit.grading.remarks import remark_lines
from mnistkit.grading.roster import ID_COLUMNS, OTHER_COLUMNS, Student
from mnistkit.grading.tables import DelimitedTable, column_key, no_formula, table_bytes

__all__ = ["Filled", "fill", "grade_of", "new_table"]

_LONGEST_COMMENT = 2_000
_EXCUSED = ("ex", "excused")  # as Canvas writes it


@dataclass
class Filled:
    """A table with the grades.

    Attributes
    ----------
    content : bytes
        The file.
    notes : list of str
        What is not in it, and why: a sentence each.
    written : int
        How many grades are in it.
    """

    content: bytes = b""
    notes: list[str] = field(default_factory=list)
    written: int = 0


def grade_of(student: StudentScore) -> tuple[float | None, str]:
    """Give the grade that can be handed over, or why there is none: what is not final is no grade."""
    if not student.handed_in:
        return None, "handed in nothing"
    if student.not_done:
        return None, "was not graded yet"
    if student.waiting:
        return None, f"waits for a person ({student.waiting} exercise{'s' * (student.waiting != 1)})"
    return student.total, ""


def comment_of(scores: ClassScores, student: StudentScore) -> str:
    """Say on one line what the points are for, what the teacher commented, and what lateness cost."""
    parts = []
    for exercise, score in zip(scores.exercises, student.scores, strict=True):
        said = f" ({plain(score.comment, 500)})" if score.comment else ""
        parts.append(f"{plain(scores.label(exercise), 80)}: {score.points:g} of {score.most:g}{said}")
    if student.late_reason:
        parts.append(student.late_reason)
    return no_formula(plain("; ".join(parts), _LONGEST_COMMENT))


def new_table(form: GradeFormat, assignments: Sequence[ClassScores]) -> DelimitedTable:
    """Make a table for a platform that takes one which it has not made.

    Parameters
    ----------
    form : GradeFormat
        The platform.
    assignments : sequence of ClassScores
        One column for each, and one for comments where the platform takes some.

    Returns
    -------
    DelimitedTable
        A line for each student, without grades.

    Raises
    ------
    UserError
        If only the platform's own file has what it needs.
    """
    if not form.header:
        raise UserError(
            f"--for {form.name}",
            found="no file of the platform",
            expected="its own exported table: only that has its numbers of the students",
            todo="export it there, and name it with --gradebook FILE.csv",
        )
    columns = [form.column.format(name=one.assignment) for one in assignments]
    if form.comments:
        columns += [f"{one.assignment} (Feedback)" for one in assignments]
    end = form.header[-1:] if form.header[-1].startswith("End") else ()
    header = [*form.header[: len(form.header) - len(end)], *columns, *end]
    students = {student.student: student for one in assignments for student in one.students}
    rows = [[_cell(name, student) for name in header] for _, student in sorted(students.items())]
    if form.most_row:
        most = [f"{one.most:g}" for one in assignments]
        rows.insert(0, [form.most_row, *[""] * (len(form.header) - 1), *most])
    return DelimitedTable(header, [(number, row) for number, row in enumerate(rows, 2)])


def _cell(column: str, student: StudentScore) -> str:
    """Give what a new table says of a student in a column."""
    known = {
        "Student": f"{student.last_name}, {student.first_name}".strip(", ") or student.student,
        "SIS Login ID": student.student,
        "First name": student.first_name,
        "Last name": student.last_name,
        "ID number": student.student,
        "Email address": student.email,
        "Username": f"#{student.student}",
        "End-of-Line Indicator": "#",
    }
    return no_formula(plain(known.get(column, "")))


def fill(
    table: DelimitedTable,
    path: Path | str,
    form: GradeFormat,
    assignments: Sequence[ClassScores],
    columns: Mapping[str, str] = {},
    numbers: Mapping[str, str] = {},
    *,
    scale: bool = False,
) -> Filled:
    """Fill in grades and comments.

    Parameters
    ----------
    table : DelimitedTable
        The platform's own, or a new one.
    path : pathlib.Path or str
        Where it is from, for messages.
    form : GradeFormat
        The platform.
    assignments : sequence of ClassScores
        What to fill in.
    columns : mapping of str to str, optional
        Names of columns, by assignment, where they can't be told.
    numbers : mapping of str to str, optional
        Ids, by the platform's own numbers of students.
    scale : bool, optional
        Convert points where the platform's column has another maximum.

    Returns
    -------
    Filled
        With all lines and columns that were there, in their order, encoding and separator.

    Raises
    ------
    UserError
        If a column can't be told or takes another number of points, or two lines are of one student.
    """
    rows = [(line, [*row, *[""] * (len(table.header) - len(row))]) for line, row in table.rows]
    filled = Filled()
    owners, filled.notes = _owners(replace(table, rows=rows), path, form, assignments, numbers)
    remarks: dict[str, list[str]] = {}
    for scores in assignments:
        place = _column(table, path, form, scores.assignment, columns, alone=len(assignments) == 1)
        comma, changed = _writes_commas(table, form, rows, place), 0
        missing = {student.student: student for student in scores.students}
        for number, (line, row) in enumerate(rows):
            student = missing.pop(owners.get(number, ""), None)
            if student is None:
                continue
            grade, why = grade_of(student)
            if grade is not None and form.is_locked(table, row):
                grade, why = None, "can't be changed there, the file says"
            if grade is not None and row[place].strip().casefold() in _EXCUSED:
                grade, why = None, f"is excused there ({row[place].strip()})"
            if grade is None:
                said = f"{why}: no grade is written for {scores.assignment}"
                remarks.setdefault(plain(student.student), []).append(said)
                continue
            factor = _factor(form.most(table, row, place), scores, f"{path}: line {line}", scale=scale)
            before, points = row[place], f"{round(grade * factor, 4):g}"
            _write(table, form, row, place, points, comment_of(scores, student), comma=comma)
            changed += _is_other(before, points)
            filled.written += 1
        column = plain(f"{scores.assignment}: the column {table.header[place]!r} is filled in")
        filled.notes.append(column + f"; marks in it that were others before: {changed}" * bool(changed))
        for student_id in (name for name, one in missing.items() if one.handed_in):
            remarks.setdefault(plain(student_id), []).append("has no line in the table")
    filled.notes += remark_lines(remarks)
    known = [number for number, (_, row) in enumerate(rows) if row and form.is_line(row[0])]
    strangers = [rows[number][0] for number in known if number not in owners and any(rows[number][1])]
    if strangers:
        shown = ", ".join(map(str, strangers[:5])) + ", …" * (len(strangers) > 5)
        filled.notes.append(plain(f"lines of nobody who is known here, left as they are: {shown}"))
    filled.content = table_bytes(table, (row for _, row in rows))
    return filled


def _write(
    table: DelimitedTable,
    form: GradeFormat,
    row: list[str],
    place: int,
    grade: str,
    comment: str,
    *,
    comma: bool,
) -> None:
    row[place] = grade.replace(".", ",") if comma else grade
    if (where := form.comment_column(table, place)) is not None:
        row[where] = comment
    if "update" in (keys := [column_key(name) for name in table.header]):  # ILIAS reads only these lines
        row[keys.index("update")] = "1"


def _is_other(before: str, points: str) -> bool:
    """Tell whether a mark that stood in a table was another one."""
    number = before.strip().replace(",", ".")
    if not re.fullmatch(r"\d+(\.\d+)?", number):
        return number not in ("", "-")
    return float(number) != float(points)


def _writes_commas(
    table: DelimitedTable, form: GradeFormat, rows: Sequence[tuple[int, list[str]]], place: int
) -> bool:
    """Tell whether a table writes numbers with commas: Moodle and Canvas do, in some languages."""
    places = {place, *(n for n, title in enumerate(table.header) if form.is_grade(title))}
    cells = [row[n] for _, row in rows for n in places] + [form.most(table, row, place) for _, row in rows]
    return any(re.fullmatch(r"\d+,\d{1,5}", cell.strip()) for cell in cells)


def _factor(most: str, scores: ClassScores, where: str, *, scale: bool) -> float:
    """Give by what points are multiplied: other than 1 only where that was asked for."""
    there = float(most.replace(",", ".")) if re.fullmatch(r"\d+(?:[.,]\d+)?", most) else scores.most
    if there == scores.most or not there:
        return 1.0
    if not scale:
        raise UserError(
            where,
            found=f"{there:g} points for {scores.assignment} on the platform",
            expected=f"{scores.most:g}, as the assignment has",
            todo="change it there and export again, or convert the points with --scale",
        )
    return there / scores.most


def _column(
    table: DelimitedTable,
    path: Path | str,
    form: GradeFormat,
    name: str,
    columns: Mapping[str, str],
    *,
    alone: bool,
) -> int:
    """Find the column of an assignment: named by the teacher, by the assignment's name, or the only one."""
    places = [place for place, title in enumerate(table.header) if form.is_grade(title)]
    if name in columns:
        wanted = columns[name].strip().casefold()
        found = [place for place, title in enumerate(table.header) if title.strip().casefold() == wanted]
    else:
        key = f" {column_key(name)} "
        found = [place for place in places if key in f" {column_key(table.header[place])} "]
        found = found or (places if alone else [])
    if len(found) != 1:
        titles = [table.header[place] for place in (found or places)]
        raise UserError(
            f"{path}: the column of {name}",
            found=", ".join(map(repr, titles)) or f"no column with points, as {form.name} writes it",
            expected="one column with the assignment's name",
            todo=f'--column {name}="…" with the name of the column',
        )
    return found[0]


def _owners(
    table: DelimitedTable,
    path: Path | str,
    form: GradeFormat,
    assignments: Sequence[ClassScores],
    numbers: Mapping[str, str],
) -> tuple[dict[int, str], list[str]]:
    """Say whose each row is, by id, address, the platform's number or full name; and which is of two."""
    known = {one.student: one for scores in assignments for one in scores.students}
    ids = {
        text.casefold(): one.student for one in known.values() for text in (one.email, one.student) if text
    }
    roster = Roster(Student(one.student, one.first_name, one.last_name, one.email) for one in known.values())
    keys = [column_key(name) for name in table.header]
    canvas = {"student", "section"} <= set(keys)  # whose ID is a number of its own
    exact = [
        n
        for n, key in enumerate(keys)
        if key in {*ID_COLUMNS, *OTHER_COLUMNS["email"]} - ({"id"} if canvas else set())
    ]
    numbered = [n for n, key in enumerate(keys) if key in ("identifier", "identifikator", "id", "usr id")]
    # A column in which nobody's id stands has other ids, such as the platform's own.
    spoken = {n for n in exact if any(_sign(row, n) in ids for _, row in table.rows)}
    owners: dict[int, str] = {}
    notes = []
    for number, (line, row) in enumerate(table.rows):
        if not row or not form.is_line(row[0]):
            continue
        people = {ids[_sign(row, n)] for n in exact if _sign(row, n) in ids}
        if len(people) > 1:
            notes.append(f"line {line} names {' and '.join(sorted(people))}: it is left as it is")
            continue
        tails = [re.search(r"(\d+)$", row[n].strip()) for n in numbered]
        by_number = next((numbers[tail[1]] for tail in tails if tail and tail[1] in numbers), "")
        found = min(people, default=by_number) or _by_name(roster, keys, row)
        if found and not people and not by_number and _contradicts(known[found], keys, row, spoken):
            found = ""
        if found and found in owners.values():
            raise UserError(
                f"{path}: line {line}", found=f"a second line of {found}", expected="one line a student"
            )
        if found:
            owners[number] = found
    return owners, notes


def _sign(row: Sequence[str], place: int) -> str:
    """Give an id or address as it is compared; Brightspace writes # before ids."""
    return row[place].strip().removeprefix("#").casefold()


def _contradicts(student: StudentScore, keys: Sequence[str], row: Sequence[str], spoken: set[int]) -> bool:
    """Tell whether the id or address of a line, where it has one, is another than the student's."""
    for place, key in enumerate(keys):
        known = student.email if key in OTHER_COLUMNS["email"] else place in spoken
        if known and _sign(row, place):
            return True  # with the student's own, the line would have been known by it
    return False


def _by_name(roster: Roster, keys: Sequence[str], row: Sequence[str]) -> str:
    """Find the student by the full name, where it is exactly one's."""
    cells = {
        part: next((row[n] for n, key in enumerate(keys) if key in OTHER_COLUMNS[part]), "")
        for part in ("first_name", "last_name", "name")
    }
    name = f"{cells['first_name']} {cells['last_name']}".strip() or cells["name"]
    return roster.exactly(name) if name else ""
