"""Readers meet good files in every spelling, and several hundred damaged ones."""

import faulthandler
import gzip
import io
import os
import random
import shutil
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnistkit.data import DataError, export, load
from mnistkit.data.formats.csv_tables import read_csv_table
from mnistkit.data.formats.idx import read_idx
from mnistkit.data.formats.npz import read_npz
from mnistkit.data.registry import PARTS

pytestmark = pytest.mark.usefixtures("fresh_cache")

FORMATS = ("idx", "idx-gz", "csv", "twist", "npz")
ROW = ",".join(["7"] * 784)
HEADER = "label," + ",".join(f"pixel{i}" for i in range(784))


@pytest.fixture(scope="session")
def good(tiny, tmp_path_factory):
    """Give one folder of sound files a format."""
    root = tmp_path_factory.mktemp("good")
    for fmt in FORMATS:
        export(tiny, root / fmt, fmt)
    return root


@pytest.fixture(autouse=True)
def no_hang():
    """End the test run, with a traceback, where a reader never returns."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def write_table(path, *lines, encoding="utf-8", end="\n"):
    path.write_bytes(end.join(lines).encode(encoding) + end.encode(encoding))
    return path


# --- sound files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["labels.gz", "labels"])
def test_read_idx_sees_gzip_by_content_not_by_name(tmp_path, name):
    raw = struct.pack(">2I", 2049, 3) + bytes([4, 0, 9])
    (tmp_path / name).write_bytes(raw if name.endswith(".gz") else gzip.compress(raw))
    assert read_idx(tmp_path / name).tolist() == [4, 0, 9]


def test_read_idx_keeps_rows_and_columns_apart(tmp_path):
    pixels = np.arange(2 * 784, dtype=np.uint32).astype(np.uint8)
    (tmp_path / "images").write_bytes(struct.pack(">4I", 2051, 2, 28, 28) + pixels.tobytes())
    images = read_idx(tmp_path / "images")
    assert images.shape == (2, 28, 28)
    assert images.dtype == np.uint8
    assert images[1, 3, 5] == (784 + 3 * 28 + 5) % 256


@pytest.mark.parametrize(
    "columns",
    [
        [f"pixel{i}" for i in range(784)],
        [f"pixel{i}" for i in range(1, 785)],
        [str(i) for i in range(784)],
        [f"{row}x{column}" for row in range(1, 29) for column in range(1, 29)],
    ],
    ids=["from-0", "from-1", "numbers", "row-x-column"],
)
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_headers_in_use(tmp_path, columns, labelled, end):
    row = ",".join(str(i % 256) for i in range(784))
    header = ",".join(["label"] * labelled + columns)
    path = write_table(tmp_path / "a.csv", header, f"5,{row}" if labelled else row, end=end)
    table = read_csv_table(path)
    assert table.images.shape == (1, 28, 28)
    assert table.images[0, 2, 1] == 57
    assert table.images[0, 27, 27] == 783 % 256
    assert (table.labels is None) if not labelled else (table.labels.tolist() == [5])


@pytest.mark.parametrize("change", ["bom", "gzip", "no-last-newline", "quoted-header", "upper-case"])
def test_csv_harmless_differences(tmp_path, change):
    header = {"quoted-header": HEADER.replace("label", '"label"'), "upper-case": HEADER.upper()}.get(
        change, HEADER
    )
    data = f"{header}\n3,{ROW}\n4,{ROW}\n".encode("utf-8-sig" if change == "bom" else "utf-8")
    data = data.rstrip(b"\n") if change == "no-last-newline" else data
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(data) if change == "gzip" else data)
    table = read_csv_table(path)
    assert table.labels.tolist() == [3, 4]
    assert (table.images == 7).all()


def test_csv_longer_than_one_block(tmp_path, tiny):
    # 3,000 rows are several blocks; every value of a pixel occurs at both ends of lines.
    cells = np.random.default_rng(0).integers(0, 256, (3000, 785)).astype(np.uint8)
    text = "\n".join(",".join(map(str, row)) for row in cells.tolist())
    table = read_csv_table(write_table(tmp_path / "a.csv", HEADER, text))
    assert np.array_equal(table.labels, cells[:, 0])
    assert np.array_equal(table.images.reshape(-1, 784), cells[:, 1:])


@pytest.mark.parametrize("line", [2, 1500, 3001])
def test_csv_fault_is_located_in_any_block(tmp_path, line):
    lines = [HEADER] + [f"1,{ROW}"] * 3000
    lines[line - 1] = lines[line - 1][:-1] + "256"
    with pytest.raises(DataError) as info:
        read_csv_table(write_table(tmp_path / "a.csv", *lines))
    assert f"line {line}, column 785 (pixel783)" in info.value.where
    assert info.value.found == "'256'"


def test_npz_of_flat_wide_integers_in_column_order(tmp_path, tiny):
    np.savez(
        tmp_path / "a.npz",
        x_train=np.asfortranarray(tiny.x_train.reshape(60, 784).astype(">i8")),
        y_train=tiny.y_train.astype(np.int32),
        x_test=np.asfortranarray(tiny.x_test),
        y_test=tiny.y_test,
    )
    arrays = read_npz(tmp_path / "a.npz")
    for part in PARTS:
        assert arrays[part].dtype == np.uint8
        assert np.array_equal(arrays[part], getattr(tiny, part))


# --- faults with a known answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ("9,x", "'x'"),
        ("9,", "an empty cell"),
        ("9,nan", "'nan'"),
        ("9,256", "'256'"),
        ("9,1000", "'1000'"),
        ("9,99999999999999999999", "'99999999999999999999'"),
        ("9,-1", "'-1'"),
        ("9,1.5", "'1.5'"),
        ("9,1e2", "'1e2'"),
        ("9,\x00", r"'\x00'"),
        ('9,"5', "'\"5'"),
        ('9,"5"6', "'\"5\"6'"),
        ("9,\u0665", "'\u0665'"),  # a digit, but an Arabic one
    ],
)
def test_csv_wrong_cell_is_named(tmp_path, cells, found):
    bad = cells + "," + ",".join(["7"] * 783)
    with pytest.raises(DataError) as info:
        read_csv_table(write_table(tmp_path / "a.csv", HEADER, f"1,{ROW}", bad))
    assert info.value.where == f"{tmp_path / 'a.csv'}, line 3, column 2 (pixel0)"
    assert info.value.found == found


@pytest.mark.parametrize(
    ("lines", "where", "found"),
    [
        ([HEADER, f"1,{ROW}", f"1,{ROW},7"], "line 3", "786 cells"),
        ([HEADER, f"1,{ROW},7"], "line 2", "786 cells"),
        ([HEADER, f"1,{ROW}", "1,2,3"], "line 3", "3 cells"),
        ([HEADER, "", f"1,{ROW}"], "line 2", "an empty line"),
        ([HEADER], "", "no rows"),
        (
            [f"1,{ROW}", f"1,{ROW}"],
            "",
            "785 columns, none named label: the first holds 1 to 1, the last 7 to 7",
        ),
        ([HEADER.replace("pixel5,", "")], "line 1", "column 7 is 'pixel6' where 'pixel5'"),
        ([HEADER.replace("pixel5,", "pixel4,")], "line 1", "column 7 is 'pixel4' where 'pixel5'"),
        ([",".join(str(i) for i in range(784) if i != 5)], "line 1", "column 6 is '6' where '5'"),
        ([HEADER + ",pixel784"], "line 1", "786 columns"),
        ([HEADER.removeprefix("label,") + ",label"], "", "no rows"),
        (["label"], "", "no rows"),
        (["", " "], "", "empty first line"),
        ([HEADER.replace(",", ";"), f"1,{ROW}"], "line 1", "one column, named 'label;pixel0"),
        ([HEADER, "7" * 2_000_000], "", "a line of more than"),
    ],
)
def test_csv_wrong_shape_is_named(tmp_path, lines, where, found):
    with pytest.raises(DataError) as info:
        read_csv_table(write_table(tmp_path / "a.csv", *lines))
    assert where in info.value.where
    assert found in info.value.found


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"y_test": None}, None),
        ({"x_train": None}, "no x_train"),
        ({"x_train": np.full((60, 28, 28), 0.3, np.float32)}, "float32"),
        ({"x_train": np.zeros((60, 32, 32), np.uint8)}, "(60, 32, 32)"),
        ({"x_train": np.full((60, 28, 28), 256)}, "256"),
        ({"x_train": np.full((60, 28, 28), -1)}, "-1"),
        ({"x_train": np.zeros((0, 28, 28), np.uint8)}, "(0, 28, 28)"),
        ({"y_train": np.zeros((60, 10), np.uint8)}, "(60, 10)"),
        ({"y_train": np.uint8(3)}, "()"),
        ({"x_train": np.array([{"a": 1}] * 60)}, "object"),
    ],
)
def test_npz_wrong_arrays_are_named(tmp_path, tiny, change, found):
    arrays = {part: getattr(tiny, part) for part in PARTS} | change
    np.savez(tmp_path / "a.npz", **{part: array for part, array in arrays.items() if array is not None})
    if found is None:
        assert "y_test" not in read_npz(tmp_path / "a.npz")
        return
    with pytest.raises(DataError) as info:
        read_npz(tmp_path / "a.npz")
    assert found in info.value.found


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]
)
def test_unreadable_file(good, monkeypatch, error):
    def fail(self, *args, **kwargs):
        raise error

    monkeypatch.setattr(Path, "open", fail)
    for read, path in ((read_idx, "idx/train-images-idx3-ubyte"), (read_npz, "npz/mnist.npz")):
        with pytest.raises(
            DataError, match="permission" if isinstance(error, PermissionError) else "Input/output"
        ):
            read(good / path)


@pytest.mark.parametrize(
    ("fmt", "file", "data", "found"),
    [
        (
            "idx",
            "t10k-labels-idx1-ubyte",
            struct.pack(">2I", 2049, 20) + bytes([10] * 20),
            "label 10 for image 0",
        ),
        (
            "idx",
            "t10k-labels-idx1-ubyte",
            struct.pack(">2I", 2049, 19) + bytes(19),
            "19 labels for 20 images",
        ),
        ("idx", "t10k-labels-idx1-ubyte", struct.pack(">4I", 2051, 1, 28, 28) + bytes(784), "images"),
        ("idx", "train-images-idx3-ubyte", struct.pack(">4I", 2051, 1, 28, 27) + bytes(756), "1 × 28 × 27"),
        ("idx", "train-images-idx3-ubyte", struct.pack(">4I", 2051, 0, 28, 28), "0 × 28 × 28"),
        ("idx", "t10k-labels-idx1-ubyte", struct.pack(">2I", 2049, 0), "shape 0"),
        ("idx", "train-images-idx3-ubyte", struct.pack(">I", 0x00000A03), "magic number 2563"),
        ("idx", "train-images-idx3-ubyte", b"", "an empty file"),
        ("idx", "train-images-idx3-ubyte", b"<!DOCTYPE html>", "a web page"),
        ("twist", "y_test.csv", b"0\n" + b"3\n" * 19 + b"10\n", "label 10 for image 19"),
        ("twist", "y_test.csv", b"0\n" + b"3\n" * 19, "19 labels for 20 images"),
        ("csv", "mnist_test.csv", b"", "an empty file"),
    ],
)
def test_load_names_what_was_found(good, tmp_path, fmt, file, data, found):
    folder = shutil.copytree(good / fmt, tmp_path / "files")
    (folder / file).write_bytes(data)
    with pytest.raises(DataError) as info:
        load("mnist", folder)
    assert found in info.value.found
    assert file in info.value.where


# --- mutations -------------------------------------------------------------------------------------------


def truncations(data, rng):
    for share in (0, 0.01, 0.3, 0.7, 0.99):
        yield f"cut-{share}", data[: int(len(data) * share)]
    yield "cut-1-byte", data[:-1]


def additions(data, rng):
    yield "byte-added", data + b"\x00"
    yield "line-added", data + b"1\n"
    yield "twice", data + data


def flips(data, rng, count=14, head=6):
    """Flip single bits: some near the start, where headers are, the others anywhere."""
    for index in range(count):
        at = rng.randrange(min(64, len(data)) if index < head else len(data))
        bit = rng.randrange(8)
        yield f"flip-{at}-{bit}", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def garbage(data, rng):
    at = rng.randrange(len(data))
    yield "zeros", data[:at] + bytes(40) + data[at + 40 :]
    yield "noise", data[:at] + rng.randbytes(40) + data[at + 40 :]
    yield "html", b"<html><body>404 Not Found</body></html>"
    yield "text-for-number", data.replace(b",", b",x", 1) if b"," in data else b"x" + data
    yield "line-lost", data[: at // 2] + data[data.find(b"\n", at // 2) + 1 :]


FILES = {
    "idx": [
        "train-images-idx3-ubyte",
        "t10k-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-labels-idx1-ubyte",
    ],
    "idx-gz": ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"],
    "csv": ["mnist_train.csv", "mnist_test.csv"],
    "twist": ["x_test.csv", "y_train.csv"],
    "npz": ["mnist.npz"],
}
KINDS = {"truncations": truncations, "additions": additions, "flips": flips, "garbage": garbage}


def naive_parts(fmt, name, data):
    """Read a mutated file the slow and obvious way: what it means now, or None where it means nothing."""
    if fmt == "idx":
        images = "images" in name
        count, start = (20 if name.startswith("t10k") else 60), (16 if images else 8)
        header = struct.pack(">4I", 2051, count, 28, 28) if images else struct.pack(">2I", 2049, count)
        if data[:start] != header or len(data) != start + count * (784 if images else 1):
            return None
        array = np.frombuffer(data, np.uint8, offset=start)
        part = ("x_" if images else "y_") + ("test" if name.startswith("t10k") else "train")
        return {part: array.reshape(-1, 28, 28)} if images else ({part: array} if array.max() < 10 else None)
    lines = data.decode("latin-1").replace("\r\n", "\n").removesuffix("\n").split("\n")
    labelled = fmt == "csv" or name.startswith("y")
    pixels = [] if name.startswith("y") else [f"pixel{i}" for i in range(1, 785)]
    header = (["label"] if fmt == "csv" else []) + pixels
    if fmt == "twist":
        header = ["0"] if name.startswith("y") else [str(i) for i in range(784)]
    if lines[0].lower().split(",") != header:
        return None
    rows = [line.split(",") for line in lines[1:]]
    if not rows or any(len(row) != len(header) for row in rows):
        return None
    if any(
        not (cell.isascii() and cell.isdigit() and len(cell) <= 3 and int(cell) <= 255)
        for row in rows
        for cell in row
    ):
        return None
    cells = np.array(rows, dtype=np.int64).astype(np.uint8)
    if labelled and cells[:, 0].max() > 9:
        return None
    half = "test" if "test" in name else "train"
    parts = {f"y_{half}": cells[:, 0]} if labelled else {}
    return parts | ({f"x_{half}": cells[:, labelled:].reshape(-1, 28, 28)} if pixels else {})


def expected_arrays(fmt, name, data, tiny):
    """Return the arrays that a folder with this mutated file must give, or None for a DataError.

    Compressed formats carry checksums: only the original data may come out, or an error.
    """
    original = {part: getattr(tiny, part) for part in PARTS}
    if fmt in ("idx-gz", "npz"):
        return original
    parts = naive_parts(fmt, name, data)
    if parts is None:
        return None
    arrays = original | parts
    lengths_fit = len(arrays["x_train"]) == len(arrays["y_train"]) and len(arrays["x_test"]) == len(
        arrays["y_test"]
    )
    return arrays if lengths_fit else None


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fmt", "name"), [(fmt, name) for fmt, names in FILES.items() for name in names])
def test_mutated_files(good, tiny, tmp_path, fmt, name, kind):
    folder = shutil.copytree(good / fmt, tmp_path / "files")
    original = (folder / name).read_bytes()
    for label, data in KINDS[kind](original, random.Random(f"{name} {kind}")):
        (folder / name).write_bytes(data)
        expected = expected_arrays(fmt, name, data, tiny)
        tracemalloc.start()
        try:
            dataset = load("mnist", folder)
        except DataError as error:
            # Compressed data may be refused or read right; uncompressed data has exactly one answer.
            assert fmt in ("idx-gz", "npz") or expected is None, f"{label}: {error}"
            assert str(folder) in error.where, label
        else:
            assert expected is not None, f"{label} was read as if nothing had happened"
            for part in PARTS:
                assert np.array_equal(getattr(dataset, part), expected[part]), f"{label}: {part}"
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 12 * 2**20 + 8 * len(original), label


def test_mutations_are_as_many_as_promised(good):
    count = sum(
        len(list(mutate((good / fmt / name).read_bytes(), random.Random(0))))
        for fmt, names in FILES.items()
        for name in names
        for mutate in KINDS.values()
    )
    assert count >= 200


@pytest.mark.parametrize(
    ("one", "other"), [(a, b) for i, a in enumerate(FILES["idx"]) for b in FILES["idx"][:i]]
)
def test_swapped_files(good, tmp_path, one, other):
    folder = shutil.copytree(good / "idx", tmp_path / "files")
    first, second = (folder / one).read_bytes(), (folder / other).read_bytes()
    (folder / one).write_bytes(second)
    (folder / other).write_bytes(first)
    with pytest.raises(DataError):
        load("mnist", folder)


def test_swapped_csv_tables_with_and_without_labels(good, tmp_path):
    folder = shutil.copytree(good / "twist", tmp_path / "files")
    (folder / "x_test.csv").rename(folder / "z")
    (folder / "y_test.csv").rename(folder / "x_test.csv")
    (folder / "z").rename(folder / "y_test.csv")
    with pytest.raises(DataError, match=r"expected: (labels|images)"):
        load("mnist", folder)


# --- files made to fill the memory -----------------------------------------------------------------------


def idx_header(count):
    return struct.pack(">4I", 2051, count, 28, 28)


def bomb_csv():
    row = (",".join(["0"] * 784) + "\n").encode()
    return gzip.compress((",".join(str(i) for i in range(784)) + "\n").encode() + row * 25_000)


def bomb_npz(declared, present):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in PARTS:
            inner = (28, 28) if part.startswith("x") else ()
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                header, {"descr": "|u1", "fortran_order": False, "shape": (declared, *inner)}
            )
            archive.writestr(f"{part}.npy", header.getvalue() + bytes(present * (784 if inner else 1)))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("file", "make", "read"),
    [
        ("a", lambda: idx_header(2**32 - 1) + bytes(784), read_idx),
        ("b", lambda: gzip.compress(idx_header(2**32 - 1) + bytes(784)), read_idx),
        ("c", lambda: gzip.compress(idx_header(50_000) + bytes(784 * 50_000)), read_idx),
        ("d", lambda: gzip.compress(idx_header(2) + bytes(784 * 50_000)), read_idx),
        ("e.csv", bomb_csv, read_csv_table),
        ("f.npz", lambda: bomb_npz(2**40, 1), read_npz),
        ("g.npz", lambda: bomb_npz(25_000, 25_000), read_npz),
        ("h.npz", lambda: bomb_npz(2, 25_000), read_npz),
    ],
    ids=["raw-huge", "gz-huge", "gz-bomb", "gz-longer", "csv-bomb", "npz-huge", "npz-bomb", "npz-longer"],
)
def test_bombs_are_refused_in_little_memory(tmp_path, file, make, read):
    path = tmp_path / file
    path.write_bytes(make())
    tracemalloc.start()
    with pytest.raises(DataError):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * 2**20


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipe_is_not_waited_for(good, tmp_path):
    folder = shutil.copytree(good / "idx", tmp_path / "files")
    (folder / "train-images-idx3-ubyte").unlink()
    os.mkfifo(folder / "train-images-idx3-ubyte")
    with pytest.raises(DataError, match="no file with x_train"):
        load("mnist", folder)
    os.mkfifo(tmp_path / "mnist.npz")
    with pytest.raises(DataError, match="no known kind"):
        load("mnist", tmp_path / "mnist.npz")
