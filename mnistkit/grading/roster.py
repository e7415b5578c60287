"""Rosters: tables of who takes part, as spreadsheets and learning platforms write them.

The rule: what has one meaning is read, what has two or none is refused with what was found and what is
expected. The encoding is what the first bytes say, else UTF-8, else Windows' (which differs in names only:
ids are plain letters). The separator is the one with which the first line names a column of ids. Columns are
known by their names, in any case and order; unknown ones are left alone.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistkit.errors import UserError

__all__ = ["COLUMNS", "RosterRow", "read_rows"]

COLUMNS = ("id", "first_name", "last_name", "email")
"""Columns of a roster, by nbgrader's names; only the first must be there."""

_MAX_BYTES = 20_000_000
_MAX_SHOWN = 200
_SEPARATORS = (",", ";", "\t", "|")
_EXAMPLE = ",".join(COLUMNS)

# Names of columns, in small letters and without accents and signs; the first of `id` that a table has counts.
_IDS = (
    *("id", "sis login id", "username", "user name", "login", "login id", "user", "benutzername"),
    *("anmeldename", "kennung", "nombre de usuario", "nom d utilisateur", "id number", "idnumber"),
    *("student id", "studentid", "student number", "sid", "sis user id", "orgdefinedid", "org defined id"),
    *(
        "matriculation number",
        "matrikelnummer",
        "matrikelnr",
        "matr nr",
        "numero de id",
        "numero d identification",
    ),
)
_OTHERS: Mapping[str, Sequence[str]] = {
    "first_name": ("first name", "firstname", "given name", "vorname", "prenom", "nombre", "nome"),
    "last_name": (
        *("last name", "lastname", "surname", "family name", "nachname", "familienname", "name de famille"),
        *("nom", "nom de famille", "apellido", "apellidos", "apellido s", "cognome", "sobrenome", "apelido"),
    ),
    "email": (
        *("email", "e mail", "mail", "email address", "e mail address", "e mail adresse", "mail adresse"),
        *("emailadresse", "correo", "correo electronico", "direccion de correo", "adresse de courriel"),
        *("adresse e mail", "adresse mail", "courriel"),
    ),
    "name": (
        "student",
        "name",
        "full name",
        "fullname",
        "student name",
        "vollstandiger name",
        "display name",
    ),
}
_CANVAS = {"student", "id", "section"}
_BRIGHTSPACE = "end of line indicator"  # which writes # before each id
_NO_STUDENTS = ("points possible", "student, test", "test student")  # lines of Canvas' gradebook


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


def read_rows(path: Path) -> tuple[list[RosterRow], str]:
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

    Raises
    ------
    UserError
        If it can't be read, is something else, or has no or two columns of ids.
    """
    text = _text(path)
    header, separator, skipped = _header(path, text)
    columns = _columns(path, header, skipped + 1)
    rows = [
        RosterRow(line, _values(row, columns, "#" if _BRIGHTSPACE in _known(header) else ""))
        for line, row in _lines(path, text, separator)
        if line > skipped + 1 and any(cell.strip() for cell in row) and _is_student(path, line, row, header)
    ]
    return rows, header[columns["id"]].strip()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _refused(path, f"{type(error).__name__}: {error.strerror or error}") from error
    if len(data) > _MAX_BYTES:
        raise _refused(path, f"more than {_MAX_BYTES / 1e6:.0f} MB")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _refused(path, "a workbook of a spreadsheet program", "save it there as CSV (UTF-8)")
    text = _decoded(path, data)
    if text.lstrip()[:200].casefold().startswith(("<!doctype", "<html", "<table", "<?xml")):
        raise _refused(path, "a web page", "open it in a spreadsheet program, and save it as CSV (UTF-8)")
    return text


def _decoded(path: Path, data: bytes) -> str:
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    encoding = next((name for mark, name in marks if data.startswith(mark)), "")
    if not encoding and len(data) > 1:
        halves = {"utf-16-be": data[:20:2], "utf-16-le": data[1:20:2]}  # of letters, one is zero
        encoding = next((name for name, half in halves.items() if not half.strip(b"\0")), "")
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise _refused(path, f"a text that is no {encoding}: {error.reason}") from error
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise _refused(path, "null bytes: no text")
    return text


def _refused(where: Path | str, found: str, todo: str = "") -> UserError:
    return UserError(
        where,
        found=found,
        expected=f"a CSV file with a header and one line a student, such as {_EXAMPLE}",
        todo=todo,
    )


def _lines(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Give the lines with the number on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _refused(f"{path}: line {line}", f"a line that can't be read ({error})") from error
        yield line, row


def _header(path: Path, text: str) -> tuple[list[str], str, int]:
    """Give the header, the separator, and how many lines stand before it."""
    skipped = int(bool(re.match(r"sep=.\r?\n", text)))  # Excel's own line
    found = []
    for separator in _SEPARATORS:
        try:
            rows = (row for line, row in _lines(path, text, separator) if line > skipped)
            found.append((next(rows, []), separator))
        except UserError:  # quotes that are none with this separator
            continue
    if not found:
        raise _refused(f"{path}: line {skipped + 1}", "a line that can't be read as columns")
    header, separator = max(found, key=lambda one: (bool(_known(one[0]) & set(_IDS)), len(one[0])))
    return header, separator, skipped


def _plain(name: str) -> str:
    """Give a column's name in small letters, without accents and signs."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return " ".join(re.findall(r"[^\W_]+", "".join(one for one in apart if not unicodedata.combining(one))))


def _known(header: Sequence[str]) -> set[str]:
    return set(map(_plain, header))


def _columns(path: Path, header: Sequence[str], line: int) -> dict[str, int]:
    """Find the columns, by the names of `COLUMNS`, and ``name`` for one with the whole name."""
    names = [_plain(name) for name in header]
    # Canvas' own "ID" is a number that nobody knows.
    wanted = (*_IDS[1:], "id") if set(names) >= _CANVAS else _IDS
    best = next((name for name in wanted if name in names), "")
    found = {"id": [best]} if best else {}
    found |= {column: [name for name in known if name in names] for column, known in _OTHERS.items()}
    twice = [name for column in found.values() for name in column if names.count(name) > 1]
    if not best or twice:
        shown = ", ".join(name.strip() for name in header)[:_MAX_SHOWN] or "(none)"
        looks = any("@" in name or name.strip().isdigit() for name in header)
        raise UserError(
            f"{path}: line {line}",
            found=f"the columns {shown}"
            + (f"; {twice[0]!r} is there more than once" if twice else "")
            + (" (is this a student, and the header is missing?)" if looks else ""),
            expected="a header with one column id (or username, ID number, SIS Login ID …), separated"
            f" by commas, semicolons or tabs, such as {_EXAMPLE}",
            todo="put such a line first" if looks else "name the column with the students' ids id",
        )
    return {column: names.index(known[0]) for column, known in found.items() if known}


def _is_student(path: Path, line: int, row: Sequence[str], header: Sequence[str]) -> bool:
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        raise UserError(
            f"{path}: line {line}",
            found="more values than columns",
            expected="separators inside a value in quotes",
        )
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
