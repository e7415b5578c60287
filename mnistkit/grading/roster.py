"""Rosters: tables of who takes part, as spreadsheets and learning platforms write them.

The separator is the one with which the first line names a column of ids (`mnistkit.grading.tables`). Columns
are known by their names, in any case and order; unknown ones are left alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.grading.tables import DelimitedTable, column_key, read_table, refused_table

__all__ = [
    "COLUMNS",
    "ID_COLUMNS",
    "OTHER_COLUMNS",
    "RosterRow",
    "Student",
    "id_problem",
    "is_id",
    "participants",
    "read_roster",
    "read_rows",
]

_logger = logging.getLogger(__name__)

COLUMNS = ("id", "first_name", "last_name", "email")
"""Columns of a roster, by nbgrader's names; only the first must be there."""

_MAX_SHOWN = 200
_EXAMPLE = ",".join(COLUMNS)
_EXPECTED = f"a CSV file with a header and one line a student, such as {_EXAMPLE}"

_ID_EXPECTED = (
    "1 to 64 letters, digits and . _ @ - without accents and spaces, with a letter or digit at both ends"
)
_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")

# Names of columns as `column_key` gives them, in the languages that the platforms' own exports were seen in.
ID_COLUMNS = (
    *("id", "sis login id", "username", "user name", "login", "login id", "user", "benutzername"),
    *("anmeldename", "kennung", "nombre de usuario", "nom d utilisateur", "nome utente", "gebruikersnaam"),
    *("nome de usuario", "nome de utilizador", "id number", "idnumber", "id nummer", "numero de id"),
    *("numero d identification", "numero de identificacao", "codice identificativo", "student id"),
    *(
        "studentid",
        "student number",
        "sid",
        "sis user id",
        "orgdefinedid",
        "org defined id",
        "matriculation number",
    ),
    *("matrikelnummer", "matrikelnr", "matr nr", "matricola", "studentnummer"),
)
"""Columns of ids; the first that a table has counts."""
OTHER_COLUMNS: Mapping[str, Sequence[str]] = {
    "first_name": (
        *("first name", "firstname", "given name", "vorname", "prenom", "nombre", "nome", "voornaam"),
        "primeiro nome",
    ),
    "last_name": (
        *("last name", "lastname", "surname", "family name", "nachname", "familienname"),
        *("nom", "nom de famille", "apellido", "apellidos", "apellido s", "cognome", "sobrenome", "apelido"),
        *("achternaam", "ultimo nome"),
    ),
    "email": (
        *("email", "e mail", "mail", "email address", "e mail address", "e mail adresse", "mail adresse"),
        *("emailadresse", "emailadres", "e mailadres", "correo", "correo electronico", "direccion de correo"),
        *("direccion email", "adresse de courriel", "adresse e mail", "adresse mail", "courriel"),
        *("indirizzo email", "endereco de email", "endereco de e mail"),
    ),
    "name": (
        *("student", "name", "full name", "fullname", "student name", "vollstandiger name", "display name"),
        *("nom complet", "nombre completo", "nome completo", "volledige naam"),
        "first name last name",
    ),
}
"""Columns of names and addresses; ``name`` is one with the whole name."""
_CANVAS = {"student", "id", "section"}
_BRIGHTSPACE = "end of line indicator"  # which writes # before each id
_PARTICIPANT = re.compile(r"([^\d@]{5,}?) ?\d+")
_NO_STUDENTS = ("points possible", "student, test", "test student")  # lines of Canvas' gradebook


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
    return f"{text!r} can't be an id: give this student another one ({_ID_EXPECTED})"


@dataclass(frozen=True)
class RosterRow:
    """One line of a roster.

    Attributes
    ----------
    line : int
        Its number in the file.
    values : mapping of str to str
        By the names of `COLUMNS`; what the table does not have is left out.
    """

    line: int
    values: Mapping[str, str]


def read_roster(path: Path) -> list[Student]:
    """Read who takes part.

    Parameters
    ----------
    path : pathlib.Path
        A table as spreadsheets and learning platforms write it: see the top of this module.

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
                expected=f"{_ID_EXPECTED}: it becomes the name of a folder",
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


def read_rows(path: Path) -> tuple[list[RosterRow], str, list[str]]:
    """Read a roster's lines.

    Parameters
    ----------
    path : pathlib.Path
        A text with one line a student below a header, separated by commas, semicolons or tabs.

    Returns
    -------
    rows : list of RosterRow
        In the order of the file, without empty lines and lines that are no student.
    column : str
        The name of the column that the ids are from.
    others : list of str
        Names of further columns in which ids stand.

    Raises
    ------
    UserError
        If it can't be read, is something else, or has no or two columns of ids.
    """
    table = read_table(path, ID_COLUMNS, _EXPECTED)
    columns = _columns(path, table)
    ids = [one for one in _values_of(table, columns["id"]) if one]
    mark = "#" if _BRIGHTSPACE in _known(table.header) or all(one.startswith("#") for one in ids) else ""
    rows = [
        RosterRow(line, _values(row, columns, mark))
        for line, row in table.rows
        if any(cell.strip() for cell in row) and _is_student(path, line, row, table.header)
    ]
    titles = [title.strip() for title in table.header]
    column, filled = titles[columns["id"]], _filled(table, _id_columns(table))
    return rows, column, [one for one in titles if column_key(one) in filled and one != column]


def _known(header: Sequence[str]) -> set[str]:
    return set(map(column_key, header))


def _columns(path: Path, table: DelimitedTable) -> dict[str, int]:
    """Find the columns, by the names of `COLUMNS`, and ``name`` for one with the whole name."""
    names = [column_key(name) for name in table.header]
    found = {column: [name for name in known if name in names] for column, known in OTHER_COLUMNS.items()}
    found["id"] = _ids(table, names, found["email"])
    twice = [name for column in found.values() for name in column if names.count(name) > 1]
    if not found["id"] or twice:
        shown = ", ".join(name.strip() for name in table.header)[:_MAX_SHOWN] or "(none)"
        looks = any("@" in name or name.strip().isdigit() for name in table.header)
        raise UserError(
            f"{path}: line {1 + bool(table.before)}",
            found=f"the columns {shown}"
            + (f"; {twice[0]!r} is there more than once" if twice else "")
            + (" (is this a student, and the header is missing?)" if looks else ""),
            expected="a header with one column id (or username, ID number, SIS Login ID …), separated"
            f" by commas, semicolons or tabs, such as {_EXAMPLE}",
            todo="put such a line first" if looks else "name the column with the students' ids id",
        )
    return {column: names.index(known[0]) for column, known in found.items() if known}


def _ids(table: DelimitedTable, names: Sequence[str], email: Sequence[str]) -> list[str]:
    """Give the columns that ids can be in, the best one first: it is not empty all the way."""
    there = _id_columns(table)
    if filled := _filled(table, there):
        return filled[:1]
    # As from Teams, and from Moodle where nobody has an ID number.
    addresses = _values_of(table, names.index(email[0])) if email else []
    some = [one for one in addresses if one]  # a line without one is named when it is read
    if some and all("@" in one for one in some):
        return list(email[:1])
    return there[:1]


def _id_columns(table: DelimitedTable) -> list[str]:
    """Give the columns of ids, the best one first."""
    names = [column_key(name) for name in table.header]
    # Canvas' own "ID" is a number that nobody knows.
    wanted: Sequence[str] = (*ID_COLUMNS[1:], "id") if set(names) >= _CANVAS else ID_COLUMNS
    if (numbered := participants(table)) is not None:
        wanted = tuple(name for name in wanted if name != names[numbered])
    return [name for name in wanted if name in names]


def _filled(table: DelimitedTable, columns: Sequence[str]) -> list[str]:
    """Give those columns in which something stands."""
    names = [column_key(name) for name in table.header]
    return [name for name in columns if any(_values_of(table, names.index(name)))]


def participants(table: DelimitedTable) -> int | None:
    """Find the column of Moodle's own numbers in a grading worksheet, like "Participant 4711".

    Parameters
    ----------
    table : DelimitedTable
        Any table.

    Returns
    -------
    int or None
        Its place; None where the table is no such worksheet.
    """
    names = [column_key(name) for name in table.header]
    place = next((names.index(name) for name in ("identifier", "identifikator") if name in names), None)
    if place is None and {"id", "status"} <= {*names}:  # German Moodle calls it so, and writes no blank
        place = names.index("id")
    if place is None:
        return None
    found = [_PARTICIPANT.fullmatch(cell) for cell in _values_of(table, place)]
    same = len({one[1] for one in found if one}) == 1
    return place if same and all(found) else None


def _values_of(table: DelimitedTable, place: int) -> list[str]:
    """Give what stands in a column, of the lines that are not empty."""
    rows = [row for _, row in table.rows if any(cell.strip() for cell in row)]
    return [row[place].strip() if place < len(row) else "" for row in rows]


def _is_student(path: Path, line: int, row: Sequence[str], header: Sequence[str]) -> bool:
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        found, expected = "more values than columns", "separators inside a value in quotes"
        raise refused_table(f"{path}: line {line}", found, expected)
    first = row[0].strip().casefold()
    is_canvas = _known(header) >= _CANVAS
    return not (is_canvas and (first in _NO_STUDENTS or not first))


def _values(row: Sequence[str], columns: Mapping[str, int], mark: str) -> dict[str, str]:
    cells = {column: row[place].strip() for column, place in columns.items() if place < len(row)}
    cells["id"] = cells.get("id", "").removeprefix(mark)
    if name := cells.pop("name", ""):
        first, last = _split(name)
        cells = {"first_name": first, "last_name": last} | cells
    return cells


def _split(name: str) -> tuple[str, str]:
    """Give first and last name of "Lovelace, Ada" and of "Ada Lovelace"."""
    if "," in name:
        last, _, first = name.partition(",")
    else:
        first, _, last = name.rpartition(" ")
    return first.strip(), last.strip()
