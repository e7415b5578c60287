"""CSV tables of images and labels: Kaggle's, Fashion-MNIST's, the Twist assignment's, and people's own.

`numpy.loadtxt` parses the cells: strictly, as bytes, as fast as `pandas.read_csv`. It is fed line by line, so
that a damaged file is refused at its first wrong line, with the line and the column. How the file is written
is read once, from its first lines (`csv_dialect`); a cell that is written in another way is wrong.
"""

from __future__ import annotations

import io
import itertools
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mnistkit.data.dataset import SIDE
from mnistkit.data.formats.arrays import black_and_white
from mnistkit.data.formats.csv_dialect import (
    COUNT,
    EITHER,
    HEAD,
    INDEX,
    LABEL,
    ONE_HOT,
    PIXEL,
    PIXELS,
    Dialect,
    read_dialect,
)
from mnistkit.data.registry import MAX_CLASSES
from mnistkit.errors import DataError
from mnistkit.files import check_expansion, opened

__all__ = ["PIXELS", "CsvTable", "check_csv_header", "read_csv_table", "write_csv"]

_MAX_LINE = 1 << 15  # 785 cells of three digits have 3,140 bytes, of floats as np.savetxt writes them 19,625
_LINES_A_CHECK = 1000
_LINES_A_BLOCK = 500  # of floats, so that memory is needed for few of them
_NEAR = 5e-6  # five decimals of k / 255; no k / 256 but 0 is as near to one
_CORRECT = "correct the cell, or copy the file again"
_HIGHEST_LABEL = MAX_CLASSES - 1  # where no name says which column has the labels


@dataclass(frozen=True)
class CsvTable:
    """The contents of one CSV file.

    Attributes
    ----------
    images : numpy.ndarray of uint8, shape (n, 28, 28), or None
        Pixels, if the table has pixel columns.
    labels : numpy.ndarray of uint8, shape (n,), or None
        Labels (any number up to 255: whoever knows the classes checks them), if it has a label column.
    """

    images: np.ndarray | None
    labels: np.ndarray | None


def read_csv_table(path: Path | str) -> CsvTable:
    """Read a CSV file with labels, 784 pixel columns, or both; also gzipped.

    The header may be ``label,pixel0,…`` (Kaggle's Digit Recognizer), ``label,pixel1,…`` (Fashion-MNIST),
    ``label,1x1,…``, ``0,1,…`` and ``0`` (the Twist assignment's images and labels), any other that has one
    meaning, or none: see `mnistkit.data.formats.csv_dialect`.

    Parameters
    ----------
    path : pathlib.Path or str
        The file.

    Returns
    -------
    CsvTable
        Images, labels, or both.

    Raises
    ------
    DataError
        If the columns are not understood or may mean two things, or a line has too few or too many cells, or
        a cell is not an integer from 0 to 255 (nor, where the file has floats, one such as ``5.0``, or
        k / 255); with the line and column of the first such place.
    """
    path = Path(path)
    with opened(path) as stream:
        dialect = read_dialect(path, stream.read(HEAD))
        stream.seek(0)
        lines = _Lines(path, stream, dialect)
        cells, roles = _read_floats(lines) if dialect.floats else _read_integers(lines)
    labels = None
    if ONE_HOT in roles:
        labels = _from_one_hot(lines, cells[:, roles.index(ONE_HOT) : roles.rindex(ONE_HOT) + 1])
        labels += np.uint8(dialect.first_class)
    elif LABEL in roles:
        labels = np.ascontiguousarray(cells[:, roles.index(LABEL)])
    return CsvTable(_images(cells, roles), labels)


def check_csv_header(path: Path | str) -> None:
    """Refuse a CSV file that does not have labels and 784 columns of pixels.

    Parameters
    ----------
    path : pathlib.Path or str
        The file; only its first lines are read.

    Raises
    ------
    DataError
        If it can't be read, or its header is another one.
    """
    path = Path(path)
    with opened(path) as stream:
        kinds = read_dialect(path, stream.read(HEAD)).kinds
    if kinds != "xy":
        raise DataError(
            f"{path}, line 1",
            found="only labels" if kinds == "y" else "no labels",
            expected="a column label and 784 columns of pixels",
            todo="write the file with mnistkit.input_pipeline.write_parts",
        )


def read_row_names(path: Path | str) -> tuple[str, list[str]] | None:
    """Read the column that names or numbers the rows, which is no part of the images or labels.

    Parameters
    ----------
    path : pathlib.Path or str
        The file.

    Returns
    -------
    tuple of str and list of str, or None
        The column's name, and its cells; None where there is no such column.

    Raises
    ------
    DataError
        As of `read_csv_table`, but for what is wrong with single cells.
    """
    path = Path(path)
    with opened(path) as stream:
        dialect = read_dialect(path, stream.read(HEAD))
        if INDEX not in dialect.roles or not dialect.names:
            return None
        at, separator = dialect.roles.index(INDEX), dialect.separator.encode()
        stream.seek(0)
        cells = [line.split(separator, at + 1)[at].strip() for line in _Lines(path, stream, dialect)]
    return dialect.names[at], [cell.decode("utf-8", errors="backslashreplace") for cell in cells]


class _Lines:
    """A table's rows as plain lines, refused where they could not be ones; it knows where it is.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    stream : binary file
        At the file's beginning.
    dialect : Dialect
        How it is written.
    """

    def __init__(self, path: Path, stream: IO[bytes], dialect: Dialect) -> None:
        self.path, self.dialect = path, dialect
        self._stream, self._separator = stream, dialect.separator.encode()
        self._number, self._bytes, self._line = dialect.before, 0, b""
        self._count: int | None = None
        cell, between = rb'("[^"]*"|[^"%s]*)' % self._separator, re.escape(self._separator)
        self._well_quoted = re.compile(rb"%s(%s%s)*" % (cell, between, cell))

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line, and refuse a file that unpacks to far more than any table would."""
        dialect, separator, blank = self.dialect, self._separator, 0
        if dialect.first_row:
            self._line = separator.join(cell.encode() for cell in dialect.first_row)
            yield self._line
        for line in self._raw():
            self._number, self._line = self._number + 1, line.rstrip(b"\r\n")
            self._bytes += len(line)
            if not self._line.strip() or (
                self._line.startswith(separator) and not self._line.strip(separator + b" \t")
            ):
                blank = blank or self._number  # spreadsheets leave such lines, but only at the end
                continue
            if blank:
                self._number, self._line = blank, b""
                raise self._width_fault()
            if not dialect.is_ready:
                self._line = self._made_plain(self._line)
            if self._line.count(separator) + 1 != len(dialect.roles):
                raise self._width_fault()
            if COUNT in dialect.roles:
                self._check_count()
            if self._number % _LINES_A_CHECK == 0:
                check_expansion(self.path, self._bytes)
            yield self._line

    def _raw(self) -> Iterator[bytes]:
        """Yield the lines behind the header as bytes that begin with ASCII's, whatever the encoding."""
        if self.dialect.as_text:
            with io.TextIOWrapper(self._stream, self.dialect.encoding, errors="backslashreplace") as text:
                for _ in range(self.dialect.before):
                    text.readline(HEAD)
                while signs := text.readline(_MAX_LINE):
                    yield signs.encode("utf-8", "backslashreplace")
        else:
            for _ in range(self.dialect.before):
                self._stream.readline(HEAD)
            while line := self._stream.readline(_MAX_LINE):
                yield line.removeprefix(b"\xef\xbb\xbf") if self._bytes == 0 else line

    def _made_plain(self, line: bytes) -> bytes:
        """Return a line without quotes, with one separator between two cells, and with decimal points."""
        if self.dialect.separator == "," and (decimal := re.search(rb'"\d+,\d+"', line)):
            raise DataError(
                f"{self.path}, line {self._number}",
                found=f"{decimal[0].decode()}: decimal commas, and commas between the cells",
                expected="decimal points, or semicolons between the cells",
                todo="save it with decimal points, or with semicolons",
            )
        if self.dialect.quoted and self._well_quoted.fullmatch(line):
            line = line.replace(b'"', b"")
        if self.dialect.separator == " ":
            return b" ".join(line.split())
        return line.replace(b",", b".") if self.dialect.floats and self.dialect.separator != "," else line

    def _check_count(self) -> None:
        """Refuse a row whose number is not the next one: no name says that the column may be left out."""
        at = self.dialect.roles.index(COUNT)
        cell = self._line.split(self._separator, at + 1)[at].strip()
        if self._count is None and cell in (b"0", b"1"):
            self._count = int(cell)
        if self._count is None or cell != b"%d" % self._count:
            raise self.cell_fault(at, "the number of the row, one more than above")
        self._count += 1

    def go_back(self, row: int, line: bytes) -> None:
        """Stand at a row again, counted from 0, for a message."""
        self._number = self.dialect.before + row + (0 if self.dialect.first_row else 1)
        self._line = line

    def fault(self) -> DataError:
        """Return the error about the first wrong cell of the line that was read last."""
        if not self._line:
            return DataError(
                str(self.path),
                found="a header and no rows",
                expected="at least one row",
                todo="copy the file again",
            )
        is_right = _is_number if self.dialect.floats else _is_byte
        cells = self._line.split(self._separator)
        at = next((at for at in self.dialect.used if not is_right(cells[at])), 0)
        is_word = self.dialect.roles[at] == LABEL and re.search(rb"[^\W\d]", cells[at])
        todo = "write the classes as numbers: 0, 1, …" if is_word else _CORRECT
        return self.cell_fault(at, todo=todo)

    def cell_fault(
        self, at: int, expected: str = "an integer from 0 to 255", todo: str = _CORRECT
    ) -> DataError:
        """Return the error about a cell of the line that was read last."""
        found = self._line.split(self._separator)[at].strip()[:30].decode("utf-8", errors="backslashreplace")
        return DataError(
            f"{self.path}, line {self._number}, {self.dialect.column(at)}",
            found=repr(found) if found else "an empty cell",
            expected=expected,
            todo=todo,
        )

    def _width_fault(self) -> DataError:
        found = f"{self._line.count(self._separator) + 1} cells" if self._line else "an empty line"
        is_note = not self._line.strip(b"\x1a \t") or self._line.startswith(b"#")
        if len(self._line) >= _MAX_LINE:
            found = f"a line of more than {_MAX_LINE:,} characters"
        there = "header" if self.dialect.names else "first row"
        return DataError(
            f"{self.path}, line {self._number}",
            found=found,
            expected=f"{len(self.dialect.roles)} cells, as in the {there}",
            todo="delete the line" if is_note else "the file is cut off or damaged: copy it again",
        )


def _is_byte(cell: bytes) -> bool:
    return re.fullmatch(rb"\s*\d{1,3}\s*", cell) is not None and int(cell) <= 255


def _is_number(cell: bytes) -> bool:
    return re.fullmatch(rb"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", cell, re.IGNORECASE) is not None


def _parsed(lines: Iterable[bytes], dialect: Dialect, dtype: type[np.generic]) -> np.ndarray:
    """Parse the columns that count; raise `ValueError`, or a warning as an error, at the first wrong cell."""
    with warnings.catch_warnings():
        # Without these NumPy would only warn of a table with no rows, or of 1.0 where 1 should be.
        warnings.simplefilter("error")
        return np.loadtxt(
            iter(lines),
            dtype,
            delimiter=dialect.separator,
            comments=None,
            quotechar=None,
            ndmin=2,
            usecols=dialect.used if len(dialect.used) < len(dialect.roles) else None,
        )


def _read_integers(lines: _Lines) -> tuple[np.ndarray, str]:
    """Parse the lines into uint8 of shape (lines, columns); return the columns' roles, too."""
    try:
        cells = _parsed(lines, lines.dialect, np.uint8)
    except (ValueError, UserWarning, DeprecationWarning) as error:
        raise lines.fault() from error
    return cells, _decided(lines, cells)


def _read_floats(lines: _Lines) -> tuple[np.ndarray, str]:
    """Parse lines of numbers that are written as floats, as `_read_integers` does.

    Pixels are grey values; where none is over 1, they are all k / 255, the scaling that can be undone.
    """
    rows = 0
    ends: list[np.ndarray] = []
    roles = _used_roles(lines.dialect)
    layouts = [LABEL + PIXEL * PIXELS, PIXEL * PIXELS + LABEL] if EITHER in roles else [roles]
    are_pixels = {layout: np.array([role == PIXEL for role in layout]) for layout in layouts}
    plain = _Reading(np.ones(len(roles), int))
    scaled = {layout: _Reading(np.where(are_pixels[layout], 255, 1)) for layout in layouts}
    tops = np.zeros(len(roles))
    source = iter(lines)
    while block := list(itertools.islice(source, _LINES_A_BLOCK)):
        try:
            values = _parsed(block, lines.dialect, np.float64)
        except (ValueError, UserWarning, DeprecationWarning) as error:
            raise _first_fault(lines, rows, block) from error
        ends.append(values[:, [0, -1]])
        tops = np.maximum(tops, values.max(axis=0, initial=0, where=np.isfinite(values)))
        for reading in (plain, *scaled.values()):
            reading.add(rows, block, values)
        rows += len(block)
    if not rows:
        raise lines.fault()
    roles = _decided(lines, np.concatenate(ends))  # by all rows: the first may have one class only
    is_scaled = PIXEL in roles and tops[are_pixels[roles]].max() <= 1
    return (scaled[roles] if is_scaled else plain).cells(lines), roles


class _Reading:
    """One way to understand floats: each cell times its column's scale is a grey value, or a label.

    Parameters
    ----------
    scales : numpy.ndarray of int, shape (columns,)
        1 or 255.
    """

    def __init__(self, scales: NDArray[np.int_]) -> None:
        self._scales = scales
        self._blocks: list[NDArray[np.uint8]] = []
        self._fault: tuple[int, bytes, int] | None = None  # row, line and column

    def add(self, rows: int, block: list[bytes], values: NDArray[np.float64]) -> None:
        """Take the next block of lines, which follows `rows` others; remember the first wrong cell."""
        if self._fault:
            return
        with np.errstate(invalid="ignore"):  # from NaN and infinity, which are faults
            scaled = values * self._scales
            whole = np.rint(scaled)
            near = np.abs(scaled - whole) <= np.where(self._scales > 1, _NEAR * self._scales, 0)
        wrong = np.argwhere(~(near & (whole >= 0) & (whole <= 255)))
        if len(wrong):
            row, column = (int(at) for at in wrong[0])
            self._fault = rows + row, block[row], column
        else:
            self._blocks.append(whole.astype(np.uint8))

    def cells(self, lines: _Lines) -> NDArray[np.uint8]:
        """Return all cells, or raise the `DataError` about the first wrong one."""
        if self._fault:
            row, line, column = self._fault
            lines.go_back(row, line)
            expected = "an integer from 0 to 255"
            if self._scales[column] > 1:
                expected += (
                    " or, as no pixel is over 1, k / 255 with five decimals: other scalings can't be undone"
                )
            is_scaled = self._scales[column] > 1
            todo = "store the images as they were, before any scaling"
            todo = todo if is_scaled else f"{_CORRECT}; or {todo}, if they are scaled"
            raise lines.cell_fault(lines.dialect.used[column], expected, todo)
        return np.concatenate(self._blocks)


def _first_fault(lines: _Lines, rows: int, block: list[bytes]) -> DataError:
    """Return the error about the first cell of a block that is no number."""
    for row, line in enumerate(block):
        cells = line.split(lines.dialect.separator.encode())
        if not all(_is_number(cells[at]) for at in lines.dialect.used):
            lines.go_back(rows + row, line)
            break
    return lines.fault()


def _used_roles(dialect: Dialect) -> str:
    return "".join(dialect.roles[at] for at in dialect.used)


def _decided(lines: _Lines, cells: np.ndarray) -> str:
    """Return the roles of the parsed columns; where the label may be the first or the last, by their values.

    `cells` has at least the first and the last column, of all rows. A column of labels has small numbers,
    most of them not 0. A pixel in a picture's corner is mostly 0, or has values over any label. A first
    column that counts up may be labels, or only number the rows.
    """
    roles = _used_roles(lines.dialect)
    if EITHER not in roles:
        return roles
    ends = cells[:, 0], cells[:, -1]
    may_be = [bool(((end == np.rint(end)) & (end >= 0) & (end <= _HIGHEST_LABEL)).all()) for end in ends]
    share = [float((end != 0).mean()) for end in ends]
    first = int(ends[0][0]) if ends[0][0] in (0, 1) else None
    if first is not None and len(cells) > 2 and np.array_equal(ends[0], np.arange(first, first + len(cells))):
        may_be = [False, False]
    for one, other in ((0, 1), (1, 0)):
        if may_be[one] and share[one] > (2 * share[other] if may_be[other] else 0.5):
            return LABEL + PIXEL * PIXELS if one == 0 else PIXEL * PIXELS + LABEL
    raise DataError(
        str(lines.path),
        found=f"{PIXELS + 1} columns, none named label: the first holds {ends[0].min():g} to "
        f"{ends[0].max():g}, the last {ends[1].min():g} to {ends[1].max():g}; either may be the label",
        expected=f"labels from 0 to {_HIGHEST_LABEL} in one of them, and the other a pixel",
        todo="give the columns names: label,pixel0,…",
    )


def _images(cells: np.ndarray, roles: str) -> np.ndarray | None:
    if PIXEL not in roles:
        return None
    first, last = roles.index(PIXEL), roles.rindex(PIXEL) + 1
    pixels = cells[:, first:last]
    if last - first > PIXELS:  # the label is between them
        pixels = pixels[:, [role == PIXEL for role in roles[first:last]]]
    return black_and_white(np.ascontiguousarray(pixels).reshape(-1, SIDE, SIDE))


def _from_one_hot(lines: _Lines, cells: np.ndarray) -> np.ndarray:
    """Return the number of the column that has a 1."""
    wrong = np.flatnonzero((cells.max(axis=1) != 1) | (cells.sum(axis=1) != 1))
    if len(wrong):
        raise DataError(
            f"{lines.path}, row {wrong[0]:,} (counted from 0)",
            found="one-hot labels that are not a single 1 beside zeros",
            expected="exactly one 1 a row",
            todo="store the labels as numbers, in one column",
        )
    return cells.argmax(axis=1).astype(np.uint8)


def write_csv(stream: IO[bytes], header: list[str], cells: np.ndarray) -> None:
    """Write a header and rows of uint8, shape (n, columns), as CSV."""
    stream.write((",".join(header) + "\n").encode())
    text = [str(value).encode() for value in range(256)]
    for row in cells:
        stream.write(b",".join([text[value] for value in row.tobytes()]) + b"\n")
