"""CSV tables of images and labels: Kaggle's, Fashion-MNIST's and the Twist assignment's.

`numpy.loadtxt` parses the cells: strictly, as bytes, as fast as `pandas.read_csv`. It is fed line by line, so
that a damaged file is refused at its first wrong line, with the line and the column.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from mnistkit.data.dataset import SIDE, DataError
from mnistkit.data.files import check_expansion, opened

MAX_HEADER = 1 << 16  # bytes; the longest header in use has about 8,000
PIXELS = SIDE * SIDE

_MAX_LINE = 1 << 14  # 785 cells of three digits have 3,140 bytes
_LINES_A_CHECK = 1000
_LABEL_COLUMNS = ("label", "labels", "y", "class", "0")
_PIXEL_COLUMNS = (
    tuple(f"pixel{i}" for i in range(PIXELS)),
    tuple(f"pixel{i}" for i in range(1, PIXELS + 1)),
    tuple(f"{i}" for i in range(PIXELS)),
    tuple(f"{row}x{column}" for row in range(1, SIDE + 1) for column in range(1, SIDE + 1)),
)


@dataclass(frozen=True)
class Table:
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


def read_csv_table(path: Path | str) -> Table:
    """Read a CSV file with a label column, 784 pixel columns, or both; also gzipped (lesson 01).

    The header may be ``label,pixel0,…`` (Kaggle's Digit Recognizer), ``label,pixel1,…`` (Fashion-MNIST),
    ``label,1x1,…``, or ``0,1,…`` and ``0`` (the Twist assignment's images and labels).

    Parameters
    ----------
    path : pathlib.Path or str
        The file.

    Returns
    -------
    Table
        Images, labels, or both.

    Raises
    ------
    DataError
        If the header is none of these, or a line has too few or too many cells, or a cell is not an integer
        from 0 to 255; with the line and column of the first such place.
    """
    path = Path(path)
    with opened(path) as stream:
        columns = _read_header(path, stream)
        labelled = _check_header(path, columns)
        cells = _read_cells(_Lines(path, stream, columns))
    labels = np.ascontiguousarray(cells[:, 0]) if labelled else None
    pixels = cells[:, 1:] if labelled else cells
    return Table(np.ascontiguousarray(pixels).reshape(-1, SIDE, SIDE) if pixels.size else None, labels)


def check_csv_header(path: Path | str) -> None:
    """Refuse a CSV file that does not have a label column and then 784 pixel columns (lesson 07).

    Parameters
    ----------
    path : pathlib.Path or str
        The file; only its first line is read.

    Raises
    ------
    DataError
        If it can't be read, or its header is another one.
    """
    path = Path(path)
    with opened(path) as stream:
        columns = _read_header(path, stream)
    if not _check_header(path, columns) or len(columns) == 1:
        raise DataError(
            f"{path}, line 1",
            found="only labels" if len(columns) == 1 else "no labels",
            expected="a column label and 784 columns of pixels",
            todo="write the file with mnistkit.pipeline.write_parts",
        )


def _read_header(path: Path, stream: IO[bytes]) -> list[str]:
    line = stream.readline(MAX_HEADER).removeprefix(b"\xef\xbb\xbf")  # Excel's byte order mark
    names = line.decode("utf-8", errors="backslashreplace").rstrip("\r\n").split(",")
    if not line.strip():
        raise DataError(
            str(path), found="an empty first line", expected="a header", todo="copy the file again"
        )
    return [name.strip().strip('"') for name in names]


def _check_header(path: Path, columns: list[str]) -> bool:
    """Return whether the first column is the label; raise `DataError` unless the columns are in order."""
    first = columns[0].lower()
    if len(columns) == 1 and first in _LABEL_COLUMNS:
        return True
    labelled = first in ("label", "labels")
    pixels = [name.lower() for name in columns[labelled:]]
    if tuple(pixels) in _PIXEL_COLUMNS:
        return labelled
    raise DataError(
        f"{path}, line 1",
        found=_header_fault(columns, pixels, labelled),
        expected=f"a header such as label,pixel0,…,pixel{PIXELS - 1}, each column once and in order",
        todo="use the file as it was published, or write one with `mnistkit data export`",
    )


def _header_fault(columns: list[str], pixels: list[str], labelled: bool) -> str:
    """Say what is wrong with a header, as closely as possible."""
    agreement = [_agreement(pixels, family) for family in _PIXEL_COLUMNS]
    at = max(agreement)
    right = _PIXEL_COLUMNS[agreement.index(at)]
    if at < 3 and all(re.fullmatch(r"\d{1,3}", name) for name in columns):
        return f"no header: a row of {len(columns)} numbers"
    if at == len(pixels) or at == PIXELS:
        return f"{len(columns)} columns instead of {PIXELS + labelled}"
    return (
        f"column {at + 1 + labelled} is {pixels[at][:20]!r} where {right[at]!r} should be "
        f"({len(columns)} columns)"
    )


def _agreement(names: list[str], expected: tuple[str, ...]) -> int:
    """Count the names before the first one that is not as expected."""
    differs = (at for at, (name, right) in enumerate(zip(names, expected, strict=False)) if name != right)
    return next(differs, min(len(names), len(expected)))


class _Lines:
    """The lines of a table's body, refused where they could not be ones; it knows where it is.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    stream : binary file
        Positioned behind the header.
    columns : list of str
        The header.
    """

    def __init__(self, path: Path, stream: IO[bytes], columns: list[str]) -> None:
        self._path, self._stream, self._columns = path, stream, columns
        self._number, self._bytes, self._line = 1, 0, b""

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line, and refuse a file that unpacks to far more than any table would."""
        while line := self._stream.readline(_MAX_LINE):
            self._number, self._line = self._number + 1, line.rstrip(b"\r\n")
            self._bytes += len(line)
            if self._line.count(b",") + 1 != len(self._columns) or not self._line:
                raise self._width_fault()
            if self._number % _LINES_A_CHECK == 0:
                check_expansion(self._path, self._bytes)
            yield self._line

    def fault(self) -> DataError:
        """Return the error about the first wrong cell of the line that was read last."""
        if self._number == 1:
            return DataError(
                str(self._path),
                found="a header and no rows",
                expected="at least one row",
                todo="copy the file again",
            )
        cells = self._line.split(b",")
        at = next((i for i, cell in enumerate(cells) if not _is_byte(cell)), 0)
        found = cells[at][:30].decode("utf-8", errors="backslashreplace")
        return DataError(
            f"{self._path}, line {self._number}, column {at + 1} ({self._columns[at]})",
            found=repr(found) if found else "an empty cell",
            expected="an integer from 0 to 255",
            todo="correct the cell, or copy the file again",
        )

    def _width_fault(self) -> DataError:
        found = f"{self._line.count(b',') + 1} cells" if self._line else "an empty line"
        if len(self._line) == _MAX_LINE:
            found = f"a line of more than {_MAX_LINE:,} characters"
        return DataError(
            f"{self._path}, line {self._number}",
            found=found,
            expected=f"{len(self._columns)} cells, as in the header",
            todo="the file is cut off or damaged: copy it again",
        )


def _is_byte(cell: bytes) -> bool:
    return re.fullmatch(rb"\s*\d{1,3}\s*", cell) is not None and int(cell) <= 255


def _read_cells(lines: _Lines) -> np.ndarray:
    """Parse the lines into uint8 of shape (lines, columns)."""
    try:
        with warnings.catch_warnings():
            # Without these NumPy would only warn of a table with no rows, or of 1.0 where 1 should be.
            warnings.simplefilter("error")
            return np.loadtxt(iter(lines), np.uint8, delimiter=",", comments=None, quotechar=None, ndmin=2)
    except (ValueError, UserWarning, DeprecationWarning) as error:
        raise lines.fault() from error


def write_csv(stream: IO[bytes], header: list[str], cells: np.ndarray) -> None:
    """Write a header and rows of uint8, shape (n, columns), as CSV."""
    stream.write((",".join(header) + "\n").encode())
    text = [str(value).encode() for value in range(256)]
    for row in cells:
        stream.write(b",".join([text[value] for value in row.tobytes()]) + b"\n")
