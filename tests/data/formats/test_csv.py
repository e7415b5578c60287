"""CSV files as people have them: what has one meaning gives the same arrays, and what has two is refused."""

import csv
import gzip
import io
import itertools
import random
import tracemalloc

import numpy as np
import pytest
from data_helpers import make_tiny

from mnistkit.data import DataError, export, load
from mnistkit.data.formats import readers
from mnistkit.data.formats.csv_dialect import table_kinds
from mnistkit.data.formats.csv_tables import PIXELS, read_csv_table
from mnistkit.data.formats.export import write_labelled_csv
from mnistkit.data.verify import BROKEN, verify

pytestmark = pytest.mark.usefixtures("fresh_cache")

N = 12  # rows of a small table: more than ten, so that a column that numbers them can be told from labels


@pytest.fixture(scope="module")
def digits():
    """Pixels, shape (N, 784), black in the corners as handwriting is, and labels from 0 to 9."""
    tiny = make_tiny(n_train=60)
    images = tiny.x_train[:N].copy()
    images[:, :2], images[:, -2:] = 0, 0
    return images.reshape(N, PIXELS), tiny.y_train[:N]


# --- every combination that has one meaning ---------------------------------------------------------------

HEADERS = {
    "none": None,
    "kaggle": ("label", lambda i: f"pixel{i}"),
    "openml": ("class", lambda i: f"pixel{i + 1}"),
    "underscore": ("target", lambda i: f"pixel_{i}"),
    "padded": ("Digit", lambda i: f"px{i:03d}"),
    "row-x-column": ("y", lambda i: f"{i // 28 + 1}x{i % 28 + 1}"),
    "from-0x0": ("category", lambda i: f"{i // 28}x{i % 28}"),
    "r-c": ("Labels", lambda i: f"r{i // 28}c{i % 28}"),
    "x-y": ("Klasse", lambda i: f"x{i % 28}_y{i // 28}"),
    "R": ("V1", lambda i: f"V{i + 2}"),
    "counted": ("0", lambda i: f"{i + 1}"),
    "R-last": ("V785", lambda i: f"V{i + 1}"),
}
LABELS = ("first", "last", "between", "absent", "one-hot-first", "one-hot-last")
INDEXES = ("", "Unnamed: 0", "id", None, "twice", "nameless")
QUOTES = {"none": csv.QUOTE_NONE, "all": csv.QUOTE_ALL, "header": csv.QUOTE_NONNUMERIC}
CELLS = {"integers": str, "floats": lambda value: f"{value}.0", "savetxt": lambda value: f"{value:.18e}"}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1")
ENDS = ("\n", "\r\n", "\r")
SEPARATORS = (",", ";", "\t", "|", " ")
TAILS = ("", "no newline", "blank", "empty cells")


def names_of(header, label):
    """Return the names of label and pixels; None where no program gives these names to such columns."""
    if (header in ("R", "counted") and label != "first") or (header == "R-last" and label != "last"):
        return None  # these go on over all columns
    name, pixel = HEADERS[header]
    return name, [pixel(i) for i in range(PIXELS)]


def with_labels(rows, labels, label, cell):
    """Put the labels into rows of pixels; ``label`` says where."""
    if label == "absent":
        return rows
    if label.startswith("one-hot"):
        hot = [[cell(int(value == digit)) for digit in range(10)] for value in labels]
        pairs = zip(hot, rows, strict=True)
        return [one + row if label == "one-hot-first" else row + one for one, row in pairs]
    at = {"first": 0, "last": PIXELS, "between": 300}[label]
    return [
        [*row[:at], cell(int(value)) if isinstance(value, np.integer) else value, *row[at:]]
        for row, value in zip(rows, labels, strict=True)
    ]


def with_index(rows, names, index):
    """Number the rows."""
    if index == "nameless":
        return [[str(number), *row] for number, row in enumerate(rows, start=1)], names
    for name in ["Unnamed: 0.1", "Unnamed: 0"] if index == "twice" else [index] if index is not None else []:
        rows, names = [[str(10 * number), *row] for number, row in enumerate(rows)], [name, *names]
    return rows, names


def can_be(separator, header, label, index):
    """Say whether a table like this has one meaning that its first lines show."""
    if header == "none":
        return index in (None, "nameless") and label != "between"
    return index != "nameless" and (separator != " " or index in (None, "id"))


def table_text(digits, *, separator, header, label, index, quotes, cells, end, tail):
    """Write a table in one of the dialects; None where nobody would write it so."""
    if not can_be(separator, header, label, index):
        return None
    cell = CELLS[cells]
    rows = with_labels([[cell(int(value)) for value in row] for row in digits[0]], digits[1], label, cell)
    names = []
    if HEADERS[header]:
        if (named := names_of(header, label)) is None:
            return None
        hot = [f"{named[0]}_{digit}" for digit in range(10)]
        if label == "absent":
            names = named[1]
        elif label.startswith("one-hot"):
            names = hot + named[1] if label == "one-hot-first" else named[1] + hot
        else:
            (names,) = with_labels([named[1]], [named[0]], label, str)
    rows, names = with_index(rows, names, index)
    text = io.StringIO()
    options = {"delimiter": separator, "lineterminator": end}
    if names:
        csv.writer(text, **options, quoting=QUOTES[quotes]).writerow(names)
    csv.writer(text, **options, quoting=QUOTES["all" if quotes == "all" else "none"]).writerows(rows)
    after = {"blank": 2 * end, "empty cells": separator * (len(rows[0]) - 1) + end}
    return text.getvalue().removesuffix(end if tail == "no newline" else "") + after.get(tail, "")


def expected_of(digits, label):
    return digits[0].reshape(-1, 28, 28), None if label == "absent" else digits[1]


def check_dialect(tmp_path, digits, encoding, **choice):
    text = table_text(digits, **choice)
    wide = encoding.startswith(("utf-16", "utf-32")) or choice["cells"] != "integers"
    if text is None or (wide and choice["label"] == "absent" and choice["index"] == "nameless"):
        return False  # of few long rows a number may be a label: what is looked at is bounded
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    what = f"{choice} in {encoding}"
    images, labels = expected_of(digits, choice["label"])
    try:
        table = read_csv_table(path)
    except DataError as error:
        raise AssertionError(f"{what}: {error}") from error
    assert np.array_equal(table.images, images), what
    assert labels is None if table.labels is None else np.array_equal(table.labels, labels), what
    assert (table.labels is None) == (labels is None), what
    assert table_kinds(path) == ("x" if labels is None else "xy"), what
    return True


PLAIN = {
    "separator": ",",
    "header": "kaggle",
    "label": "first",
    "index": None,
    "quotes": "none",
    "cells": "integers",
    "end": "\n",
    "tail": "",
    "encoding": "utf-8",
}
CHOICES = {
    "separator": SEPARATORS,
    "header": tuple(HEADERS),
    "label": LABELS,
    "index": INDEXES,
    "quotes": tuple(QUOTES),
    "cells": tuple(CELLS),
    "end": ENDS,
    "tail": TAILS,
    "encoding": ENCODINGS,
}


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(CHOICES, 2)])
def test_every_two_differences_together_give_the_same_arrays(digits, tmp_path, one, other):
    read = 0
    for a, b in itertools.product(CHOICES[one], CHOICES[other]):
        read += check_dialect(tmp_path, digits, **(PLAIN | {one: a, other: b}))
    assert read >= min(len(CHOICES[one]), len(CHOICES[other])), "hardly any combination was tried"


@pytest.mark.slow
def test_random_differences_together_give_the_same_arrays(digits, tmp_path):
    rng = random.Random(0)
    choices = [{name: rng.choice(values) for name, values in CHOICES.items()} for _ in range(300)]
    assert sum(check_dialect(tmp_path, digits, **choice) for choice in choices) > 100


def test_labels_alone(digits, tmp_path):
    path, labels = tmp_path / "y.csv", [int(label) for label in digits[1]]
    lines = [str(label) for label in labels]
    hot = [",".join(str(int(label == digit)) for digit in range(10)) for label in labels]
    for text in (
        ["0", *lines],
        ["label", *lines],
        ['"target"', *lines],
        lines,
        [f"{label}.0" for label in labels],
        [f'"{label}"' for label in labels],
        [",0", *(f"{i},{line}" for i, line in enumerate(lines))],
        ["id;y", *(f"{i + 7};{line}" for i, line in enumerate(lines))],
        ['"","x"', *(f'"{i}",{line}' for i, line in enumerate(lines, start=1))],  # R's write.csv
        ['"x"', *(f'"{i}" {line}' for i, line in enumerate(lines, start=1))],  # R's write.table
        [f"{i},{line}" for i, line in enumerate(lines)],
        hot,
        [",".join("0123456789"), *hot],
        [",".join(f"class_{digit}" for digit in range(10)), *hot],
        ["," + ",".join("0123456789"), *(f"{i},{line}" for i, line in enumerate(hot))],
    ):
        path.write_text("\n".join(text) + "\n")
        table = read_csv_table(path)
        assert table.labels.tolist() == labels, text[:2]
        assert table.images is None
        assert table_kinds(path) == "y"


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ([str(at) for at in range(1, 11)], 1),
        ([f"class_{at}" for at in range(1, 11)], 1),
        ([f"digit {at}" for at in range(5, 15)], 5),
        ([f"V{at}" for at in range(1, 11)], 0),  # R's names of columns without one
        ([f"year{at}" for at in range(2015, 2025)], 0),
    ],
)
def test_the_names_of_one_hot_columns_say_the_labels(digits, tmp_path, names, first):
    hot = [[str(int(digit == at)) for at in range(10)] for digit in digits[1]]
    rows = [[*one, *map(str, row)] for one, row in zip(hot, digits[0], strict=True)]
    for text in ([names, *hot], [[*names, *PIXEL_NAMES], *rows]):
        (tmp_path / "a.csv").write_text("\n".join(map(",".join, text)))
        assert read_csv_table(tmp_path / "a.csv").labels.tolist() == (digits[1] + first).tolist()
    counted = [[str(at + 1) for at in range(PIXELS + 10)], *rows]  # pixels too: no label is named
    (tmp_path / "a.csv").write_text("\n".join(map(",".join, counted)))
    assert np.array_equal(read_csv_table(tmp_path / "a.csv").labels, digits[1])


@pytest.mark.parametrize(
    ("names", "rows", "refused"),
    [
        (("id", "id"), lambda numbers: numbers[::-1], True),
        (("Id", "id"), lambda numbers: [number + 1 if number > 5 else number for number in numbers], True),
        (("", ""), lambda numbers: [3 * number for number in numbers], True),
        (("id", "id"), lambda numbers: numbers, False),
        (("id", "id"), lambda numbers: [number + 1 for number in numbers], False),
        (("id", "row"), lambda numbers: numbers[::-1], False),
    ],
)
def test_rows_of_two_tables_are_compared_by_their_numbers(tiny, tmp_path, names, rows, refused):
    for path in export(tiny, tmp_path, "twist"):
        header, *lines = path.read_text().splitlines()
        header = header if path.name.startswith("x") else "label"
        numbers = list(range(len(lines)))
        if path.name == "y_train.csv":
            numbers = rows(numbers)
        numbered = [f"{number},{line}" for number, line in zip(numbers, lines, strict=True)]
        path.write_text("\n".join([f"{names[path.name.startswith('y')]},{header}", *numbered]))
    if not refused:
        assert load("mnist", tmp_path).sha256 == tiny.sha256
        return
    with pytest.raises(DataError) as info:
        load("mnist", tmp_path)
    assert info.value.found.startswith("the label of row ")
    assert str(tmp_path / "y_train.csv") in info.value.where


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize(
    ("change", "separator"),
    [
        (lambda lines: ["sep=;", *lines], ";"),  # for Excel
        (lambda lines: [f"# {lines[0]}", *lines[1:]], ","),  # by numpy.savetxt
        (lambda lines: ["", *lines], ","),
        (lambda lines: ["# exported, by a program", "", "# today", *lines], ","),
        (lambda lines: ["", "# exported", f"# {lines[0]}", *lines[1:]], ","),
        (lambda lines: [f"{line}," for line in lines], ","),
        (lambda lines: [line.replace(" ", "   ") for line in lines], " "),
        (lambda lines: [f"  {line} " for line in lines], " "),
        (lambda lines: [line.replace(",", " , ") for line in lines], ","),
        (lambda lines: [line.replace("|", "\t") for line in lines], "|"),
    ],
    ids=[
        "sep=",
        "#",
        "blank-first",
        "comments",
        "comments-and-#",
        "separator-at-end",
        "wide",
        "indented",
        "spaces-around",
        "tabs",
    ],
)
def test_what_programs_add_to_lines(digits, tmp_path, change, separator, names):
    rows = [[label, *row] for label, row in zip(digits[1], digits[0], strict=True)]
    lines = [separator.join(["label", *PIXEL_NAMES])] if names else []
    lines = change(lines + [separator.join(map(str, row)) for row in rows])
    if not names and any(len(line) > 99 for line in lines if line.startswith("#")):
        pytest.skip("a mark of a header, and no header")
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    table = read_csv_table(tmp_path / "a.csv")
    assert np.array_equal(table.images.reshape(N, -1), digits[0])
    assert np.array_equal(table.labels, digits[1])


def first_image_as_names(rows, prefix=""):
    """Write what pandas (or R, with X in front) makes of a file without a header, on reading and writing it."""
    seen, names = {}, []
    for value in rows[0]:
        names.append(f"{prefix}{value}.{seen[value]}" if value in seen else f"{prefix}{value}")
        seen[value] = seen.get(value, 0) + 1
    return [names, *rows[1:]]


@pytest.mark.parametrize("prefix", ["", "X"])
@pytest.mark.parametrize("index", [False, True])
def test_a_first_image_that_was_taken_for_names_is_an_image(digits, tmp_path, prefix, index):
    rows = [[str(label), *map(str, row)] for label, row in zip(digits[1], digits[0], strict=True)]
    rows = first_image_as_names(rows, prefix)
    if index:
        rows = [["", *rows[0]], *([str(i), *row] for i, row in enumerate(rows[1:]))]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    table = read_csv_table(path)
    assert np.array_equal(table.images.reshape(N, -1), digits[0])
    assert np.array_equal(table.labels, digits[1])


# --- numbers ----------------------------------------------------------------------------------------------


def write_cells(path, cells, text, names=True):
    header = ["label," + ",".join(f"pixel{i}" for i in range(PIXELS))] if names else []
    lines = [",".join([str(row[0]), *(text(int(value)) for value in row[1:])]) for row in cells]
    path.write_text("\n".join(header + lines) + "\n")
    return path


@pytest.mark.parametrize("text", [str, lambda k: f"{k}.0"])
def test_pixels_of_0_and_1_are_black_and_white(digits, tmp_path, text):
    cells = np.column_stack([digits[1], digits[0] > 0]).astype(int)
    images = read_csv_table(write_cells(tmp_path / "a.csv", cells, text)).images
    assert np.array_equal(images.reshape(N, -1), np.where(digits[0] > 0, 255, 0))


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        lambda k: str(k / 255),
        lambda k: f"{k / 255:.5f}",
        lambda k: f"{k / 255:.6f}".rstrip("0"),
        lambda k: str(np.float32(k) / np.float32(255)),
        lambda k: f"{k / 255:.18e}",
    ],
)
def test_pixels_scaled_by_255_are_grey_values_again(tmp_path, text, names):
    values = np.random.default_rng(0).permutation(np.arange(3 * PIXELS) % 256).reshape(3, PIXELS)
    values[:, [0, -1]] = 0
    cells = np.column_stack([[3, 0, 9], values])
    table = read_csv_table(write_cells(tmp_path / "a.csv", cells, text, names))
    assert np.array_equal(table.images.reshape(3, -1), values)
    assert table.labels.tolist() == [3, 0, 9]


def test_decimal_commas_between_semicolons(digits, tmp_path):
    cells = np.column_stack(digits[::-1])
    path = write_cells(tmp_path / "a.csv", cells, lambda k: f"{k / 255:.6f}")
    path.write_text(path.read_text().replace(",", ";").replace(".", ","))
    assert np.array_equal(read_csv_table(path).images.reshape(N, -1), digits[0])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (lambda k: f"{k / 256:.6f}", "'0."),  # another scale
        (lambda k: f"{k / 255:.3f}", "'0."),  # k / 255 or k / 256: three decimals don't tell
        (lambda k: f"{k / 127.5 - 1:.6f}", "'-"),  # from -1 to 1
        (lambda k: f"{(k - 33.3) / 78.6:.6f}", "'"),  # standardised
        (lambda k: "0.5" if k else "0.0", "'0.5'"),
    ],
)
def test_pixels_scaled_in_another_way_are_refused(digits, tmp_path, text, found):
    path = write_cells(tmp_path / "a.csv", np.column_stack(digits[::-1]), text)
    with pytest.raises(DataError) as info:
        read_csv_table(path)
    assert f"{path}, line 2, column " in info.value.where
    assert info.value.found.startswith(found)
    assert info.value.expected.startswith(("k / 255", "an integer from 0 to 255"))
    assert "before any scaling" in info.value.todo or "other scalings" not in info.value.expected
    assert ("correct the cell" not in info.value.todo) == ("other scalings" in info.value.expected)


@pytest.mark.parametrize("ending", ["", ".0"])
def test_words_as_labels_are_told_to_be_numbers(tmp_path, ending):
    path = write_cells(tmp_path / "a.csv", [["circle", *[7] * PIXELS]], lambda k: f"{k}{ending}")
    with pytest.raises(DataError, match=r"column 1 \(label\)") as info:
        read_csv_table(path)
    assert info.value.todo.startswith("write the classes as numbers")


@pytest.mark.parametrize(
    "cell", ["1.5", "nan", "inf", "-1.0", "256.0", "1e3", "", "x", "1.0.0", "0x5", "1_0"]
)
@pytest.mark.parametrize("row", [2, 600])
def test_a_wrong_cell_among_floats_is_named(tmp_path, cell, row):
    lines = ["label," + ",".join(f"pixel{i}" for i in range(PIXELS))]
    lines += [",".join(["1.0", *["7.0"] * PIXELS])] * 700
    lines[row] = ",".join(["1.0", "7.0", cell, *["7.0"] * (PIXELS - 2)])
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as info:
        read_csv_table(path)
    assert info.value.where == f"{path}, line {row + 1}, column 3 (pixel1)"
    assert info.value.found == (repr(cell) if cell else "an empty cell")


def test_floats_need_no_more_memory_than_a_few_blocks(tmp_path):
    line = ",".join(["1.0", *["7.0"] * PIXELS])
    header = "label," + ",".join(f"pixel{i}" for i in range(PIXELS))
    (tmp_path / "a.csv").write_text("\n".join([header, *[line] * 4000]))
    tracemalloc.start()
    read_csv_table(tmp_path / "a.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000 * PIXELS * 8, "as much as all rows as floats"


# --- what has two meanings, or none -----------------------------------------------------------------------


def with_names(names, first=("5",)):
    return [",".join(names), ",".join([*first, *["7"] * (len(names) - len(first))])]


PIXEL_NAMES = [f"pixel{i}" for i in range(PIXELS)]
GRID = [(i // 28, i % 28) for i in range(PIXELS)]


@pytest.mark.parametrize(
    ("lines", "where", "found"),
    [
        (with_names(["label", "class", *PIXEL_NAMES]), "line 1", "2 columns that may be the labels"),
        (
            [",".join(PIXEL_NAMES), *[",".join(["7"] * 785)] * 3],
            "line 1",
            "784 names above 785 columns",
        ),
        (
            [*with_names(["label", *PIXEL_NAMES]), ",".join(['"0,5"'] * 785)],
            "line 3",
            "decimal commas, and commas between the cells",
        ),
        (with_names(["split", *PIXEL_NAMES]), "line 1", "column 1 is 'split', beside 784 pixels"),
        (with_names([*PIXEL_NAMES, "letter"]), "line 1", "column 785 is 'letter', beside 784 pixels"),
        (
            ["cat,dog,cow", "0,1,0", "1,0,0"],
            "line 1",
            "one-hot labels in columns with words as names, such as 'cat'",
        ),
        (with_names(["label_id", *PIXEL_NAMES]), "line 1", "column 1 is 'label_id', beside 784 pixels"),
        (with_names(["Column1", *PIXEL_NAMES]), "line 1", "column 1 is 'Column1', beside 784 pixels"),
        (with_names(["label", "path", *PIXEL_NAMES]), "line 1", "column 2 is 'path', beside 784 pixels"),
        (
            with_names(["id", *PIXEL_NAMES[:9], "mine", *PIXEL_NAMES[9:]]),
            "line 1",
            "column 11 is 'mine', beside",
        ),
        ([":".join(["label", *PIXEL_NAMES]), ":".join(["7"] * 785)], "line 1", "one column, named"),
        (with_names(["label", *(f"{c}x{r}" for r, c in GRID)]), "line 1", "column after column (transposed)"),
        (
            with_names(["label", *(f"r{c}c{r}" for r, c in GRID)]),
            "line 1",
            "column after column (transposed)",
        ),
        (
            with_names(["label", *(f"x{r}y{c}" for r, c in GRID)]),
            "line 1",
            "column after column (transposed)",
        ),
        (with_names(["label", *(f"p{i}" for i in range(64))]), "line 1", "65 columns instead of 785"),
        (
            with_names(["label", *(f"p{i}" for i in range(3 * PIXELS))]),
            "line 1",
            "2353 columns instead of 785",
        ),
        ([",".join(["7"] * 1025)] * 2, "line 1", "no header, and 1025 columns"),
        ([",".join(["7"] * 786)] * 2, "line 1", "no header, and 786 columns"),
        ([",".join(["0"] * 785)] * 2, "", "the first holds 0 to 0, the last 0 to 0; either may be the label"),
        (
            [",".join(["", *PIXEL_NAMES]), *(",".join([k, *["7"] * PIXELS]) for k in "5041")],
            "line 1",
            "column 1, with the name '': labels, or numbers of the rows",
        ),
        (
            [",".join(["id", "x", *PIXEL_NAMES]), *(",".join([k, k, *["7"] * PIXELS]) for k in "1231")],
            "line 1",
            "column 1, with the name 'id'",
        ),
        (
            [",".join(["7"] * 786), *(f"{i}," + ",".join(["7"] * 785) for i in range(3))],
            "line 1",
            "no header, and 786 columns",
        ),
        (
            [f"{i}," + ",".join(["1"] + ["7"] * 783 + ["0"]) for i in (0, 1, 2, *range(3, 40), 50)],
            "line 41, column 1",
            "'50'",
        ),
        (["0,0,1", "0,1,1"], "", "columns"),
        (["#", "5", "6"], "line 1", "one column, named ''"),
        (["a,b,c", "0,7,0"], "line 1", "column 1 is 'a'"),
        (["review", "5"], "line 1", "one column, named 'review'"),
        ([",".join("0123456789"), *["0,0,1,0,0,0,0,0,0,0"] * 3, "0,0,1,1,0,0,0,0,0,0"], "row 3", "one-hot"),
        ([",".join("0123456789"), "0,0,0,0,0,0,0,0,0,0"], "row 0", "one-hot"),
    ],
)
def test_what_is_not_clear_is_refused_and_named(tmp_path, lines, where, found):
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as info:
        read_csv_table(path)
    assert where in info.value.where
    assert found in info.value.found


@pytest.mark.parametrize("note", ["", "# end", "\x1a"])
@pytest.mark.parametrize("at", [1, 3])
def test_a_line_that_is_no_row_is_told_to_be_deleted(tmp_path, note, at):
    lines = [",".join(["label", *PIXEL_NAMES]), *[",".join(["7"] * 785)] * 4]
    lines.insert(at, note)
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match=f"line {at + 1}") as info:
        read_csv_table(tmp_path / "a.csv")
    assert info.value.todo == "delete the line"


def test_labels_from_1_to_10_without_a_header_are_no_pixels(tmp_path):
    # The last column, all black, must not become the labels.
    rows = [[label, *["0"] * 300, "9", *["0"] * 483] for label in map(str, range(1, 11))]
    random.Random(0).shuffle(rows)
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in rows))
    assert read_csv_table(tmp_path / "a.csv").labels.tolist() == [int(row[0]) for row in rows]


@pytest.mark.parametrize("last", [True, False])
def test_labels_of_26_classes_without_a_header(tmp_path, last):
    labels = np.random.default_rng(0).permutation(np.arange(52) % 26 + 1)
    rows = [["0", "250", *["9"] * 781, "0"] for _ in labels]
    rows = [
        [*row, str(label)] if last else [str(label), *row] for row, label in zip(rows, labels, strict=True)
    ]
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in rows))
    assert read_csv_table(tmp_path / "a.csv").labels.tolist() == labels.tolist()


def test_a_few_rows_that_count_up_without_a_header_may_be_anything(tmp_path):
    rows = [[str(number), *["7"] * 783, "0"] for number in range(5)]
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in rows))
    with pytest.raises(DataError, match="the first holds 0 to 4, the last 0 to 0; either may be the label"):
        read_csv_table(tmp_path / "a.csv")


@pytest.mark.parametrize(("count", "ending"), [(40, ""), (260, ".0")])
@pytest.mark.parametrize("order", [1, -1])
def test_rows_sorted_by_class_without_a_header(tmp_path, count, ending, order):
    # The first rows have only label 0, and a corner's pixel is not 0 in some: they alone would not tell.
    rows = [[label, *["0"] * 300, "9", *["0"] * 482, "1" if at % 50 == 9 else "0"]
            for label in "012" for at in range(count)]  # fmt: skip
    lines = (",".join(f"{cell}{ending}" for cell in row[::order]) for row in rows)
    (tmp_path / "a.csv").write_text("\n".join(lines))
    table = read_csv_table(tmp_path / "a.csv")
    assert table.labels.tolist() == [0] * count + [1] * count + [2] * count
    assert table.images.max() == 9


# --- files and folders ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html><title>Sign in</title></html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:440fcabf\nsize 109575994\n",
        b"PK\x03\x04" + bytes(40),
        b"",
        "PassengerId,Survived\n1,0\n".encode("utf-16"),
        b"PassengerId,Survived\n1,0\n",
    ],
    ids=["page", "pointer", "zip", "empty", "utf-16", "other-table"],
)
@pytest.mark.parametrize("half", ["train", "test"])
def test_a_broken_table_is_never_an_absent_one(tiny, tmp_path, monkeypatch, content, half):
    folder = tmp_path / "files"
    export(tiny, folder, "csv")
    path = folder / f"mnist_{half}.csv"
    path.write_bytes(content)
    monkeypatch.setenv("MNISTKIT_DATA", str(folder))
    for source in ("auto", folder, path):
        with pytest.raises(DataError) as info:
            load("mnist", source)
        assert str(path) in info.value.where
    assert next(row.file for row in verify(folder) if row.status == BROKEN).startswith(str(path))


@pytest.mark.parametrize(
    "names",
    [
        ("mnist_train.csv", "mnist_test.csv"),
        ("mnist_train (1).csv", "mnist_test.csv"),
        ("mnist_train_100.csv", "mnist_test_10.csv"),
        ("Train.CSV", "Test.CSV"),
        ("train_mnist.csv", "test_mnist.csv"),
        ("mnist-training-set.csv", "mnist-test-set.csv"),
        ("mnist_train_data.csv", "mnist_test_data.csv"),
        ("mnist_train.csv.gz", "mnist_test.csv"),
        ("mnist_train.tsv", "mnist_test.tsv"),
        ("mnist_train.csv.csv", "mnist_test.csv.csv"),
    ],
)
def test_names_of_halves(tiny, tmp_path, names):
    folder = tmp_path / "files"
    for path, name in zip(export(tiny, tmp_path, "csv"), names, strict=True):
        folder.mkdir(exist_ok=True)
        data = path.read_bytes().replace(b",", b"\t" if name.endswith("tsv") else b",")
        (folder / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert load("mnist", folder).sha256 == tiny.sha256


@pytest.mark.parametrize(
    "rename",
    [
        lambda kind, half: f"{kind}_{half}",
        lambda kind, half: f"{half}_{kind}",
        lambda kind, half: f"{half}{kind}".upper(),
        lambda kind, half: f"{half}_{'images' if kind == 'x' else 'labels'}",
        lambda kind, half: f"mnist_{kind}_{half} (2)",
    ],
)
def test_names_of_parts(tiny, tmp_path, rename):
    (tmp_path / "files").mkdir()
    for path in export(tiny, tmp_path, "twist"):
        path.rename(tmp_path / "files" / f"{rename(*path.stem.split('_'))}.csv")
    assert load("mnist", tmp_path / "files").sha256 == tiny.sha256


def test_labels_without_a_header_that_begin_with_0(tiny, tmp_path):
    for path in export(tiny, tmp_path, "twist"):
        if path.name == "y_test.csv":
            path.write_text("\n".join(["0", *path.read_text().splitlines()[2:]]))  # 0 is a header, too
    with pytest.raises(DataError) as info:
        load("mnist", tmp_path)
    assert info.value.found == "19 labels for 20 images"
    assert "write a header above it: label" in info.value.todo


@pytest.mark.parametrize("name", ["mnist_784.csv", "mnist.csv", "mnist_784 (1).csv"])
def test_one_file_of_all_is_cut_where_openml_cuts_it(tiny, tmp_path, monkeypatch, name):
    monkeypatch.setattr(readers, "N_TRAIN", 60)
    monkeypatch.setattr(readers, "N_TEST", 20)
    labels = np.concatenate([tiny.y_train, tiny.y_test])
    images = np.concatenate([tiny.x_train, tiny.x_test]).reshape(80, -1)
    path = write_labelled_csv(
        tmp_path / "files" / name, ["label", *PIXEL_NAMES], np.column_stack([labels, images])
    )
    assert load("mnist", path.parent).sha256 == tiny.sha256
    assert load("mnist", path).sha256 == tiny.sha256
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    for source in (path.parent, path):
        with pytest.raises(DataError, match="79 images in one file: nothing says which of them are the test"):
            load("mnist", source)
