"""Tables as spreadsheets and learning platforms write them: CSV in every usual encoding and separator.

What has one meaning is read, what has two or none is refused with what was found and what is expected. The
encoding is what the first bytes say, else UTF-8, else Windows', and that is said: other old ones look alike.
A table that was read is written back in its own encoding, with its own separator and ends of lines: the
platform that made it has to read it again.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.utils.plain_letters import words

__all__ = ["DelimitedTable", "column_key", "no_formula", "read_table", "refused_table", "table_bytes"]

_logger = logging.getLogger(__name__)

_MAX_BYTES = 20_000_000
_SEPARATORS = (",", ";", "\t", "|")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell instead of showing it."""


@dataclass(frozen=True)
class DelimitedTable:
    """A table with a header.

    Attributes
    ----------
    header : list of str
        Names of the columns, as they are written.
    rows : list of (int, list of str)
        The lines below it, each with its number in the file.
    separator : str
        Between the values of a line.
    encoding : str
        Of the file, as Python names it; with a mark at its beginning where it had one.
    newline : str
        At the end of a line.
    before : str
        What stood before the header: Excel's own line that names the separator.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]]
    separator: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    before: str = ""


def column_key(name: str) -> str:
    """Give a column's name in small letters, without accents and signs: by it columns are known.

    Examples
    --------
    >>> column_key("Prénom "), column_key("SIS_Login-ID")
    ('prenom', 'sis login id')
    """
    return " ".join(words(name))


def no_formula(text: str) -> str:
    """Give a text as one that a spreadsheet shows and does not compute: an apostrophe before it says so.

    Examples
    --------
    >>> no_formula("=1+2"), no_formula("Ada")
    ("'=1+2", 'Ada')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def read_table(path: Path, known: Collection[str], expected: str) -> DelimitedTable:
    """Read a table.

    Parameters
    ----------
    path : pathlib.Path
        A text with a header, separated by commas, semicolons, tabs or bars.
    known : collection of str
        Keys of columns (`column_key`): the separator is the one with which the header names one of them.
    expected : str
        What such a table is, for the message.

    Returns
    -------
    DelimitedTable
        With all its lines, in their order.

    Raises
    ------
    UserError
        If it can't be read, or is something else.
    """
    data = _content(path, expected)
    text, encoding = _decoded(path, data, expected)
    if text.lstrip()[:200].casefold().startswith(("<!doctype", "<html", "<table", "<?xml")):
        todo = "open it in a spreadsheet program, and save it as CSV (UTF-8)"
        raise refused_table(path, "a web page", expected, todo)
    said = re.match(r"sep=.\r?\n", text)
    before = said[0] if said else ""
    header, separator = _header(path, text, known, expected, bool(before))
    skipped = 1 + bool(before)
    rows = [(line, row) for line, row in _lines(path, text, separator, expected) if line > skipped]
    newline = "\r\n" if "\r\n" in text else "\n"
    return DelimitedTable(header, rows, separator, encoding, newline, before)


def refused_table(where: Path | str, found: str, expected: str, todo: str = "") -> UserError:
    """Give the error about a file that is no such table."""
    return UserError(where, found=found, expected=expected, todo=todo)


def table_bytes(table: DelimitedTable, rows: Iterable[Sequence[str]]) -> bytes:
    """Write a table as it was read, with these lines below its header.

    Parameters
    ----------
    table : DelimitedTable
        Its header, encoding, separator and ends of lines are used.
    rows : iterable of sequence of str
        The lines.

    Returns
    -------
    bytes
        The file. What an encoding does not have is written as ``?``.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=table.separator, lineterminator=table.newline)
    writer.writerow(table.header)
    writer.writerows(rows)
    return (table.before + file.getvalue()).encode(table.encoding, errors="replace")


def _content(path: Path, expected: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        found = f"{type(error).__name__}: {error.strerror or error}"
        raise refused_table(path, found, expected) from error
    if len(data) > _MAX_BYTES:
        raise refused_table(path, f"more than {_MAX_BYTES / 1e6:.0f} MB", expected)
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        todo = "save it there as CSV (UTF-8)"
        raise refused_table(path, "a workbook of a spreadsheet program", expected, todo)
    return data


def _decoded(path: Path, data: bytes, expected: str) -> tuple[str, str]:
    """Give the text and its encoding."""
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    encoding = next((name for mark, name in marks if data.startswith(mark)), "")
    if not encoding and len(data) > 1:
        halves = {"utf-16-be": data[:20:2], "utf-16-le": data[1:20:2]}  # of letters, one is zero
        encoding = next((name for name, half in halves.items() if not half.strip(b"\0")), "")
    try:
        text, found = data.decode(encoding or "utf-8"), encoding or "utf-8"
    except UnicodeDecodeError as error:
        if encoding:
            said = f"a text that is no {encoding}: {error.reason}"
            raise refused_table(path, said, expected) from error
        text, found = data.decode("cp1252", errors="replace"), "cp1252"
        if "�" in text:
            said, todo = "an encoding that is neither UTF-8 nor Windows-1252", "save it as CSV (UTF-8)"
            raise refused_table(path, said, expected, todo) from None
        [word, *_] = re.findall(r"\S*[^\x00-\x7f]\S*", text)
        said = "if that is wrong, save it as CSV (UTF-8)"
        _logger.info(f"{path}: read in the encoding Windows-1252, in which it has {word[:40]!r}; {said}")
    if "\0" in text:
        raise refused_table(path, "null bytes: no text", expected)
    return text, found


def _lines(path: Path, text: str, separator: str, expected: str) -> Iterator[tuple[int, list[str]]]:
    """Give the lines with the number on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            said = f"a line that can't be read ({error})"
            raise refused_table(f"{path}: line {line}", said, expected) from error
        yield line, row


def _header(
    path: Path, text: str, known: Collection[str], expected: str, skips: bool
) -> tuple[list[str], str]:
    """Give the header and the separator."""
    found = []
    for separator in _SEPARATORS:
        try:
            rows = (row for line, row in _lines(path, text, separator, expected) if line > skips)
            found.append((next(rows, []), separator))
        except UserError:  # quotes that are none with this separator
            continue
    if not found:
        where = f"{path}: line {1 + skips}"
        raise refused_table(where, "a line that can't be read as columns", expected)
    return max(found, key=lambda one: (bool(set(map(column_key, one[0])) & set(known)), len(one[0])))
