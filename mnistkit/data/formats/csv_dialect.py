"""How a CSV file of images or labels is written: read once, from its first lines.

The rule: what has one meaning is taken, and what has two is refused, with both of them named.

- Text: UTF-8 with or without a mark, Latin-1, UTF-16 and UTF-32; any line ends; blank lines at the end; blank
  lines and comments (#) in front.
- Cells: separated by commas, semicolons, tabs, bars or spaces; quoted or not; whole numbers, also as ``5.0``
  (``5,0`` between semicolons); scaled pixels where they are k / 255 (see `mnistkit.data.formats.csv_tables`).
- Columns: one of labels with a usual name, first, last or in between, or ten one-hot ones beside the pixels;
  784 pixels whose names count up (``pixel0``, ``pixel_1``, ``V2``, …) or go through the rows of an image
  (``1x1``, ``r0c0``, …); columns that only number the rows are left out.
- No names, or only numbers for names: the label is the first or the last column, whichever the values show.
  A first image that a program took for names (``5,0,0.1,0.2,…``) is an image again.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mnistkit.data.dataset import SIDE
from mnistkit.data.formats.content_type import describe_head
from mnistkit.errors import DataError
from mnistkit.files import opened

PIXELS = SIDE * SIDE
HEAD = 1 << 17
"""Bytes from which a dialect is read: the longest header in use has about 8,000, a row of floats 20,000."""

LABEL, ONE_HOT, PIXEL, EITHER = "l", "h", "x", "?"
INDEX, COUNT, BLANK = "i", "c", "b"

_ROWS = 32  # rows looked at
_CLASSES = 10
_SEPARATORS = ",;\t|"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LABEL_NAMES = frozenset(
    re.findall(
        r"\w+",
        "label labels lbl class classes classid classlabel digit digits y target targets category categories "
        "truth groundtruth gt group groups output outcome answer ylabel ytrain ytest trainlabel testlabel "
        "klasse ziffer classe chiffre étiquette clase cifra etiqueta rótulo",
    )
)
_LONE_LABEL_NAMES = _LABEL_NAMES | {"0", "x", "v1"}  # as the assignment, and R, call an only column
_INDEX_NAME = re.compile(
    r"|unnamed\d+|level\d|index|idx|(image|img|row|sample)?(id|index|nr|no)|image|row|rownames?|filename|x"
)
_COLUMN_NAME = re.compile(r"(v|x|col(umn)?)[-_. ]*")  # R's, MATLAB's and others', of columns without names
_MAX_LABEL = 255
_INTEGER = re.compile(r"\d{1,9}")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_DECIMAL = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?")
_RUN = re.compile(r"(.*?)(\d{1,9})(\D*)")
_GRID = re.compile(r"(.*?)(\d{1,9})(\D+)(\d{1,9})(\D*)")
_COLUMN_AXIS, _ROW_AXIS = re.compile(r".*?(x|c|col|column)[-_. ]*"), re.compile(r"[-_. ]*(y|r|row)[-_. ]*")


@dataclass(frozen=True)
class Dialect:
    """How one file is written.

    Attributes
    ----------
    encoding : str
        Python's name of it.
    as_text : bool
        Whether it must be decoded to find its lines; otherwise its bytes are read as they are.
    separator : str
        What stands between cells; a space also for several.
    quoted : bool
        Whether cells may be in quotes.
    floats : bool
        Whether cells may be written as ``5.0``.
    names : tuple of str
        The columns' names; empty where the file has none.
    before : int
        Lines before the first row.
    first_row : tuple of str
        A first row that was found in the place of names; otherwise empty.
    roles : str
        One letter a column: `LABEL`, `ONE_HOT`, `PIXEL`, `EITHER` (785 columns, of which the first or the
        last is the label), or one that is left out: `INDEX`, `COUNT` (nothing but its values says that it
        numbers the rows), `BLANK`.
    """

    encoding: str
    as_text: bool
    separator: str
    quoted: bool
    floats: bool
    names: tuple[str, ...]
    before: int
    first_row: tuple[str, ...]
    roles: str

    @property
    def kinds(self) -> str:
        """What the table holds: ``x`` (images), ``y`` (labels) or ``xy``."""
        return "".join(
            kind for kind, of in (("x", PIXEL), ("y", LABEL + ONE_HOT)) if set(of + EITHER) & {*self.roles}
        )

    @property
    def used(self) -> list[int]:
        """The columns that are not left out."""
        return [at for at, role in enumerate(self.roles) if role not in INDEX + COUNT + BLANK]

    @property
    def first_class(self) -> int:
        """The label that the name of the first one-hot column says, such as 1 for ``class_1``.

        0 where no name says one: names that number all columns, pixels too, number no classes.
        """
        first, last = self.roles.index(ONE_HOT), self.roles.rindex(ONE_HOT)
        run = _RUN.fullmatch(self.names[first].lower()) if self.names else None
        if not run or _COLUMN_NAME.fullmatch(run[1]) or int(run[2]) + last - first > _MAX_LABEL:
            return 0
        numbered = _agreement([self.names[at] for at in self.used])[0]
        return int(run[2]) if numbered == last - first + 1 or PIXEL not in self.roles else 0

    @property
    def is_ready(self) -> bool:
        """Whether lines can be parsed as they are."""
        decimal_commas = self.floats and self.separator != ","
        return not self.quoted and self.separator != " " and not decimal_commas

    def column(self, at: int) -> str:
        """Name a column for a message."""
        return f"column {at + 1}" + (f" ({self.names[at][:20]})" if self.names and self.names[at] else "")


def read_dialect(path: Path, head: bytes) -> Dialect:
    """Read how a file is written.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    head : bytes
        Its first `HEAD` bytes, or all of them where it is shorter.

    Returns
    -------
    Dialect
        What was understood; rows further down may still be wrong.

    Raises
    ------
    DataError
        If it is no table at all (a web page, a Git LFS pointer, …), or its columns are not labels and pixels
        in a way that has one meaning.
    """
    encoding = _encoding(head)
    if encoding == "utf-8" and (content := describe_head(head[:2048])):
        raise DataError(
            str(path), found=content.what, expected="a CSV table of images or labels", todo=content.todo
        )
    encoding, text = _decoded(head, encoding)
    lines = _lines(text, whole=len(head) < HEAD)
    above = _lines_above(lines)
    lines = lines[above:]
    if not lines[0].strip():
        raise DataError(
            str(path), found="an empty first line", expected="a header, or a row", todo="copy the file again"
        )
    announced = re.fullmatch(r'"?sep=.,*"?', lines[0], re.IGNORECASE) is not None  # a line for Excel alone
    lines, above = lines[announced:] or [""], above + announced
    separator = _separator(next((line for line in lines[1:] if line.strip() and line[0] != "#"), lines[0]))
    first = _cells(lines[0].removeprefix("#").lstrip(" "), separator)  # np.savetxt's mark of a header
    rows = [_cells(line, separator) for line in lines[1:4] if line.strip()]
    if _have_row_names(first, rows):
        first = ["", *first]
    image = _image_in_names(first)
    is_header = not image and _are_names(first)
    names = tuple(first) if is_header else ()
    if is_header and len(rows) > 1 and {len(row) for row in rows} == {len(first) + 1}:
        raise DataError(
            f"{path}, line {above + 1}",
            found=f"{len(first)} names above {len(first) + 1} columns",
            expected="a name for each column",
            todo="add the missing name, such as label where the labels are",
        )
    rows = rows if is_header else [image or first, *rows]

    def sample() -> list[list[str]]:
        return rows + [_cells(line, separator) for line in lines[4:] if line.strip()]

    body = "".join(lines[1:] if is_header else lines)
    return Dialect(
        encoding=encoding,
        as_text=encoding.startswith(("utf-16", "utf-32")) or ("\r" in text and "\n" not in text),
        separator=separator,
        quoted='"' in body,
        floats="." in "".join(lines[1:] if image else body) or (separator in ";\t|" and "," in body),
        names=names,
        before=above + bool(names or image),
        first_row=tuple(image),
        # The index of an image that was taken for names is empty.
        roles=_Layout(path, 1 + above, names, sample).roles(len(first), int(bool(image) and not image[0])),
    )


def is_plain(path: Path, head: bytes) -> bool:
    """Say whether a file is one of `csv_tables.write_csv`: names, the label first, commas, integers.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    head : bytes
        Its first bytes, as for `read_dialect`.

    Returns
    -------
    bool
        False also where the file is packed.

    Raises
    ------
    DataError
        As of `read_dialect`.
    """
    if head.startswith(b"\x1f\x8b"):
        return False
    dialect = read_dialect(path, head)
    return dialect.roles == LABEL + PIXEL * PIXELS and dialect == replace(
        dialect, as_text=False, separator=",", quoted=False, floats=False, before=1, first_row=()
    )


def table_kinds(path: Path) -> str | None:
    """Say what a CSV file holds, from its first lines.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str or None
        ``x`` (images), ``y`` (labels) or ``xy``; an empty text for a table about something else; None for
        what can't be read: no table at all, or one of pixels whose columns are not understood.
    """
    try:
        with opened(path) as stream:
            head = stream.read(HEAD)
    except DataError:
        return None
    try:
        return read_dialect(path, head).kinds
    except DataError:
        return "" if _is_other_table(head) else None


def _is_other_table(head: bytes) -> bool:
    encoding = _encoding(head)
    if not head.strip() or (encoding == "utf-8" and describe_head(head[:2048])):
        return False
    first = next(iter(_decoded(head, encoding)[1].splitlines()), "").lower()
    # Names of pixels, or hundreds of cells, belong to images.
    return not re.search(r"pixel|\b\dx\d\b", first) and max(first.count(sign) for sign in ",;\t| ") < 100


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if len(head) > 1 and 0 in head[:2] and head[0] != head[1]:
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    return "utf-8"


def _decoded(head: bytes, encoding: str) -> tuple[str, str]:
    """Decode the head, which may end inside a character; return the encoding too."""
    try:
        return encoding, codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return "latin-1", head.decode("latin-1")


def _lines(text: str, *, whole: bool) -> list[str]:
    """Return the first lines, without one that is cut off."""
    lines = re.split(r"\r\n|\r|\n", text, maxsplit=_ROWS)
    if len(lines) > 1 and (len(lines) > _ROWS or not whole):
        lines.pop()
    return lines


def _lines_above(lines: list[str]) -> int:
    """Count the lines in front of a table that are blank, or comments too short to be a row or names."""
    separator = _separator(max(lines, key=len))
    most = max(line.count(separator) for line in lines)
    rest = (
        at
        for at, line in enumerate(lines)
        if line.strip() and not (line.startswith("#") and line.count(separator) < most)
    )
    return next(rest, 0)


def _separator(line: str) -> str:
    bare = re.sub(r'"[^"]*"', "0", line)
    counts = {sign: bare.count(sign) for sign in _SEPARATORS}
    most = max(_SEPARATORS, key=lambda sign: counts[sign])
    for sign in ";\t|":
        if most == "," and counts[sign] and all(_DECIMAL.fullmatch(cell) for cell in bare.split(sign)):
            return sign  # the commas are decimal ones: at most one a cell, inside it
    if counts[most]:
        return most
    return " " if " " in bare.strip() else ","


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        return [cell.strip('"') for cell in line.split()] or [""]
    (cells,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return [cell.strip() for cell in cells] or [""]


def _have_row_names(first: list[str], rows: list[list[str]]) -> bool:
    """Say whether rows begin with their number and the header has nothing above it, as R writes tables."""
    numbers = [row[0] for row in rows if len(row) == len(first) + 1]
    return len(rows) > 1 and numbers == [str(number) for number in range(1, len(rows) + 1)]


def _are_names(cells: list[str]) -> bool:
    """Say whether a first line is a header: of words, or of numbers that count up."""
    if len(cells) == 1:
        return cells[0] == "0" or not _NUMBER.fullmatch(cells[0])  # 0: as the assignment's labels have it
    words = sum(not _NUMBER.fullmatch(cell) for cell in cells)
    if words > (len(cells) // 2 if len(cells) >= PIXELS else 0):
        return True
    numbers = [int(cell) if _INTEGER.fullmatch(cell) else None for cell in cells]
    steps = sum(a is not None and b is not None and b == a + 1 for a, b in itertools.pairwise(numbers))
    return len(cells) > 2 and 2 * steps >= len(cells)


def _image_in_names(cells: list[str]) -> list[str]:
    """Return the first image where a program took it for names, and told equal ones apart; else nothing.

    Pandas writes ``5,0,0.1,0.2``, R ``X5,X0,X0.1,X0.2``, for the row ``5,0,0,0``.
    """
    index = [cell for cell in cells[:1] if _is_index(cell) and cell.lower() != "x"]
    marked = [cell.removeprefix("X") for cell in cells[len(index) :]]
    seen: dict[str, int] = {}
    values = []
    for cell in marked:
        value = cell.partition(".")[0]
        count = seen.get(value, 0)
        if not _INTEGER.fullmatch(value) or cell != (f"{value}.{count}" if count else value):
            return []
        seen[value] = count + 1
        values.append(value)
    return [*index, *values] if 0 < len(seen) < len(marked) and len(marked) >= PIXELS else []


def _value(cell: str) -> float:
    """Return the number in a cell; -1 where it is none."""
    return float(cell.replace(",", ".")) if _NUMBER.fullmatch(cell) else -1


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _is_index(name: str) -> bool:
    return _INDEX_NAME.fullmatch(_plain(name)) is not None


class _Layout:
    """What each column of a file is.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.
    line : int
        The line of the names, for messages.
    names : tuple of str
        The columns' names; empty where there are none.
    sample : callable
        Gives the cells of the first rows: looked at only where the names don't tell.
    """

    def __init__(
        self, path: Path, line: int, names: Sequence[str], sample: Callable[[], list[list[str]]]
    ) -> None:
        self._where, self._names, self._sample = f"{path}, line {line}", names, sample

    def roles(self, width: int, index: int) -> str:
        """Return one letter a column, or raise `DataError` where there is none or more than one meaning.

        The first `index` columns number the rows, as is known already.
        """
        if self._names:
            return "".join(self._named(width))
        self._rows = [row for row in self._sample() if len(row) == width]
        return "".join([INDEX] * index + self._by_values(list(range(index, width))))

    def _named(self, width: int) -> list[str]:
        first, last = 0, width
        while first < width - 1 and self._is_index(first):
            first += 1
        end = [BLANK] if last - first > 1 and self._is_blank(last - 1) else []
        if not end and last - first > 1 and _plain(self._names[-1]) and self._is_index(last - 1):
            end = [INDEX]
        last -= len(end)
        rest = list(range(first, last))
        usual = _LABEL_NAMES if len(rest) > 1 else _LONE_LABEL_NAMES
        # Names of pixels end with numbers: most are passed over at once.
        words = [at for at in rest if len(rest) == 1 or not self._names[at][-1:].isdecimal()]
        labels = [at for at in words if _plain(self._names[at]) in usual]
        if len(labels) > 1:
            raise self._fault(
                f"{len(labels)} columns that may be the labels: "
                + " and ".join(repr(self._names[at]) for at in labels[:3]),
                "delete all of them but one",
            )
        if not labels:
            for at in range(first) if len(rest) == PIXELS else ():
                self._check_no_labels(at)
            return [INDEX] * first + self._unlabelled(rest) + end
        pixels = [at for at in rest if at not in labels]
        if pixels:
            self._check_pixels(pixels, [at for at in labels if at < pixels[0]])
        return [INDEX] * first + [LABEL if at in labels else PIXEL for at in rest] + end

    def _is_index(self, at: int) -> bool:
        name = _plain(self._names[at])
        return _is_index(name) and (name != "x" or len(self._names) > PIXELS)

    def _is_blank(self, at: int) -> bool:
        """Say whether a column without a name has no cells either: lines may end with a separator."""
        name = _plain(self._names[at])
        if name and not name.startswith("unnamed"):
            return False
        rows = self._all_rows()
        return bool(rows) and not any(row[at] for row in rows)

    def _all_rows(self) -> list[list[str]]:
        return [row for row in self._sample() if len(row) == len(self._names)]

    def _check_no_labels(self, at: int) -> None:
        """Refuse a column that is named as one of rows' numbers, if at all, where it may be the labels."""
        values = [row[at] for row in self._all_rows()]
        digits = all(re.fullmatch(r"\d", value) for value in values)
        if len(values) > 1 and digits and values != sorted({*values}):
            raise self._fault(
                f"column {at + 1}, with the name {self._names[at]!r}: labels, or numbers of the rows",
                "give it the name label, or delete it",
            )

    def _unlabelled(self, columns: list[int]) -> list[str]:
        """Find the roles of columns of which none is named as the label."""
        names = [self._names[at] for at in columns]
        if len(names) == PIXELS + _CLASSES and _agreement(names)[0] < len(names):
            for hot, pixels in (
                (slice(0, _CLASSES), slice(_CLASSES, None)),
                (slice(PIXELS, None), slice(PIXELS)),
            ):
                if all(_agreement(part)[0] == len(part) for part in (names[hot], names[pixels])):
                    roles = [PIXEL] * len(names)
                    roles[hot] = [ONE_HOT] * _CLASSES
                    return roles
        if len(names) == 1 and max(names[0].count(sign) for sign in ":~^/") >= _CLASSES:
            raise self._fault(f"one column, named {names[0][:20]!r}", "put commas between the cells")
        if len(names) == 1:
            raise self._fault(f"one column, named {names[0][:20]!r}", "name it label, if it is the labels")
        if len(names) <= _CLASSES and _agreement(names)[0] == len(names):
            return [ONE_HOT] * len(names)
        if 1 < len(names) <= _CLASSES:
            self._rows = self._all_rows()
            if self._one_hot(columns):
                raise self._fault(
                    f"one-hot labels in columns with words as names, such as {names[0][:20]!r}",
                    "call the columns by their labels, 0 to 9, or write the labels into one column: label",
                )
        if len(names) in (PIXELS + 1, PIXELS + _CLASSES) and _agreement(names)[0] == len(names):
            self._rows = self._all_rows()  # names that go on over all columns don't say which is which
            return self._by_values(columns)
        self._check_pixels(columns, [])
        return [PIXEL] * len(columns)

    def _by_values(self, columns: list[int]) -> list[str]:
        """Find the roles of columns whose names don't tell them."""
        count = len(columns)
        if count == 1:
            return [LABEL]
        if count == PIXELS:
            return [PIXEL] * count
        if self._rows and not any(row[columns[-1]] for row in self._rows):
            return [*self._by_values(columns[:-1]), BLANK]
        if 2 <= count <= _CLASSES and self._one_hot(columns):
            return [ONE_HOT] * count
        if count == PIXELS + _CLASSES:
            first, last = self._one_hot(columns[:_CLASSES]), self._one_hot(columns[PIXELS:])
            if first != last:
                hot, pixels = [ONE_HOT] * _CLASSES, [PIXEL] * PIXELS
                return hot + pixels if first else pixels + hot
        counted = self._counted(columns[0])
        if count == PIXELS + 1:
            # Labels may count up too, but not beyond 9.
            return [COUNT] + [PIXEL] * PIXELS if counted > _CLASSES else [EITHER] * count
        if counted and count in (2, PIXELS + 2, _CLASSES + 1, PIXELS + _CLASSES + 1):
            return [COUNT, *self._by_values(columns[1:])]
        raise DataError(
            self._where,
            found=f"no header, and {count} columns" if not self._names else f"{count} columns",
            expected=f"{PIXELS} pixels a row, with or without labels (in one column, or one-hot)",
            todo="use the file as it was published, or give its columns names: label,pixel0,…",
        )

    def _one_hot(self, columns: list[int]) -> bool:
        return bool(self._rows) and all(
            sorted(_value(row[at]) for at in columns) == [0] * (len(columns) - 1) + [1] for row in self._rows
        )

    def _counted(self, at: int) -> int:
        """Return how many rows the column numbers, from 0 or 1; 0 where it does not."""
        values = [int(row[at]) if _INTEGER.fullmatch(row[at]) else -1 for row in self._rows]
        start = values[0] if values else -1
        return len(values) if start in (0, 1) and values == list(range(start, start + len(values))) else 0

    def _check_pixels(self, columns: list[int], before: list[int]) -> None:
        """Raise `DataError` unless the columns are named as pixels, 784 of them, row by row."""
        names = [self._names[at] for at in columns]
        at, expected = _agreement(names)
        if at == PIXELS == len(names):
            return
        if at <= SIDE and _agreement(names, turned=True)[0] == len(names):
            raise self._fault(
                f"pixels in the order {', '.join(names[:3])}, …: "
                "column after column (transposed), or named the other way round",
                "look at one picture; then put the columns in the order of rows: pixel0, pixel1, …",
            )
        rest = names[:at] + names[at + 1 :]
        if len(rest) == PIXELS and _agreement(rest)[0] == PIXELS:
            raise self._odd_column(columns[at])
        if at == 1 and len(names) == PIXELS + 1 and _agreement(names[1:])[0] == PIXELS:
            raise self._odd_column(columns[0])  # it was taken for the beginning
        if at in (len(names), PIXELS):
            found = f"{len(self._names)} columns instead of {len(self._names) - len(names) + PIXELS}"
        else:
            found = (
                f"column {columns[at] + 1} is {names[at][:20]!r} where {expected!r} should be "
                f"({len(self._names)} columns)"
            )
        raise self._fault(found, "use the file as it was published, or write one with `mnistkit data export`")

    def _odd_column(self, at: int) -> DataError:
        """Return the error about the only column whose name is not understood."""
        return self._fault(
            f"column {at + 1} is {self._names[at][:20]!r}, beside {PIXELS} pixels",
            "call it label, if it is the labels; otherwise delete it",
        )

    def _fault(self, found: str, todo: str) -> DataError:
        return DataError(
            self._where,
            found=found,
            expected=f"a header such as label,pixel0,…,pixel{PIXELS - 1}, each column once and in order",
            todo=todo,
        )


def _agreement(names: Sequence[str], *, turned: bool = False) -> tuple[int, str]:
    """Count the names that go on as the first one begins; return the name that should come then, too.

    Names may count up, or name the row and the column of a pixel; `turned` asks for those of a picture whose
    columns come one after another.
    """
    best = (0, "pixel0")
    for pattern, expected in _families(names[0].lower(), turned=turned):
        at = 0
        while at < len(names):
            name, parts = names[at].lower(), expected(at)
            if name != "".join(map(str, parts)):  # 007 is 7 too
                found = pattern.fullmatch(name)
                if not found or [int(part) if part.isdecimal() else part for part in found.groups()] != parts:
                    break
            at += 1
        best = max(best, (at, "".join(map(str, expected(at)))), key=lambda pair: pair[0])
    return best


def _families(
    first: str, *, turned: bool
) -> Iterator[tuple[re.Pattern[str], Callable[[int], list[str | int]]]]:
    """Yield each regular way in which names go on after the first: a pattern, and the n-th name's parts."""
    if not turned and (run := _RUN.fullmatch(first)):
        yield _RUN, lambda at: [run[1], int(run[2]) + at, run[3]]
    if grid := _GRID.fullmatch(first):
        # 1x2 is row 1, column 2, as Kaggle's files have it; x1y2 says itself that it is the other way round.
        column_first = _COLUMN_AXIS.fullmatch(grid[1]) and _ROW_AXIS.fullmatch(grid[3])
        swapped = bool(column_first) != turned

        def of_grid(at: int) -> list[str | int]:
            slow, fast = divmod(at, SIDE)
            one, two = (fast, slow) if swapped else (slow, fast)
            return [grid[1], int(grid[2]) + one, grid[3], int(grid[4]) + two, grid[5]]

        yield _GRID, of_grid
