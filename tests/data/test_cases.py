"""A table of files as people have them, and the answer to each.

The small ones are made here. The folders of ``shared/cases`` beside the clone (or ``MNISTKIT_CASES``) are read
too where they are there: each holds the first 60 + 30 rows of MNIST.
"""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

import mnistkit
from mnistkit.data import DataError, export, load, verify
from mnistkit.data.registry import PARTS, names
from mnistkit.data.verify import BROKEN, OTHER

pytestmark = pytest.mark.usefixtures("fresh_cache")

CASES = Path(
    os.environ.get("MNISTKIT_CASES", Path(mnistkit.__file__).resolve().parents[2] / "shared" / "cases")
)
ON_DATA = [f"{number:02}-" for number in range(1, 15)]
FOLDERS = sorted(
    case.relative_to(CASES).as_posix()
    for group in CASES.glob("*-*")
    if group.name.startswith(tuple(ON_DATA))
    for case in group.iterdir()
    if case.is_dir()
)
REFUSED = {
    "08b-emnist-digits": "emnist-digits (",
    "30c-kuzushiji": "kmnist (",
    "31-html-csv": "a web page (Kaggle: Sign in)",
    "31b-html-mnist-csv": "a web page (Google Drive - Virus scan warning)",
    "31i-lfs-csv": "git lfs pull",
    "03-html-page": "a web page (403 Forbidden)",
    "03b-s3-xml": "an XML error message (AccessDenied)",
    "10-mnist-pkl-gz": "pickles are never opened",
    "12n-csv-openml-one-file": "60 images in one file",
    "14b-labels-1-to-10": "labels from 1 to 10",
    "15j-twist-label-1..3": "labels from 1 to 10",
}
"""What the error names, by the folder; all others of `FOLDERS` are read, and give the original rows."""


def original():
    """Read the rows that all cases hold from the one that has them as they were published."""
    folder = CASES / "01-emnist-taken-for-mnist" / "30-torch-root-emnist" / "MNIST" / "raw"
    stems = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    data = [(folder / f"{stem}-ubyte").read_bytes() for stem in stems]
    arrays = [np.frombuffer(d, np.uint8, offset=16 if i % 2 == 0 else 8) for i, d in enumerate(data)]
    return [array.reshape(-1, 28, 28) if len(array) > 784 else array for array in arrays]


@pytest.mark.parametrize("case", FOLDERS or [None])
def test_every_case_gives_the_original_rows_or_names_what_it_is(case, monkeypatch):
    if case is None:
        pytest.skip(f"no folder {CASES} with small inputs that fail")
    folder, refused = CASES / case, REFUSED.get(Path(case).name)
    try:
        dataset = load("mnist", folder)
    except DataError as error:
        assert refused, f"it should be read: {error}"
        assert refused in str(error)
        assert error.todo
        known = refused.removesuffix(" (") in names()  # another of our data sets, and sound as that
        assert sound(folder) == known, "verify finds nothing wrong with what info refuses"
    else:
        assert not refused, "it should be refused"
        for part, rows in zip(PARTS, original(), strict=True):
            np.testing.assert_array_equal(getattr(dataset, part), rows)
        assert sound(folder), "verify finds something wrong with what info takes"
    monkeypatch.setenv("MNISTKIT_DATA", str(folder))
    if refused and Path(case).parent.name[:2] in ("02", "03", "10") and "html-csv" not in case:
        with pytest.raises(DataError) as info:  # a broken file, not an absent one
            load("mnist")
        assert refused in str(info.value)


def sound(target):
    """Whether `verify` is content with a folder, as its exit status tells."""
    try:
        statuses = {row.status for row in verify(target)}
    except DataError:
        return False
    return BROKEN not in statuses and statuses != {OTHER}


# --- variants --------------------------------------------------------------------------------------------


def swapped(data):
    """Write an IDX header as a little-endian machine has it."""
    ndim = data[3]
    lengths = struct.unpack(f">{ndim}I", data[4 : 4 + 4 * ndim])
    return data[3::-1] + struct.pack(f"<{ndim}I", *lengths) + data[4 + 4 * ndim :]


def wide(data, code=0x0C, dtype=">i4"):
    ndim = data[3]
    start = 4 + 4 * ndim
    return (
        bytes([0, 0, code, ndim])
        + data[4:start]
        + np.frombuffer(data, np.uint8, offset=start).astype(dtype).tobytes()
    )


def flat(data):
    return struct.pack(">3I", 0x0802, struct.unpack(">I", data[4:8])[0], 784) + data[16:]


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:440f\nsize 99\n"
VARIANTS = [
    ("every file swapped", "", swapped, None),
    ("int32 everywhere", "", wide, None),
    ("float64 labels", "labels", lambda data: wide(data, 0x0E, ">f8"), None),
    ("swapped twice packed", "", lambda data: gzip.compress(gzip.compress(swapped(data))), None),
    ("flat images", "images", flat, None),
    (
        "a page in gzip",
        "t10k-labels",
        lambda _: gzip.compress(b"<html><title>429</title>"),
        "a web page (429)",
    ),
    ("a pointer", "train-labels", lambda _: LFS, "git lfs pull"),
    ("JSON", "train-images", lambda _: b'{"error": "quota exceeded"}', "JSON"),
    ("text", "train-images", lambda _: b"Google Drive quota exceeded", "text that begins with"),
    ("a zip", "train-images", lambda _: b"PK\x03\x04" + bytes(60), "unpack"),
    ("zeros", "train-images", lambda data: bytes(len(data)), "zero bytes"),
    ("nothing", "t10k-labels", lambda _: b"", "an empty file"),
    ("a pickle", "t10k-images", lambda _: b"\x80\x04\x95", "never opened"),
    ("UTF-16", "t10k-images", lambda _: "label,pixel0".encode("utf-16"), "UTF-16"),
    ("swapped, one byte short", "t10k-images", lambda data: swapped(data)[:-1], "only"),
    (
        "scaled",
        "t10k-images",
        lambda data: wide(data, 0x0D, ">f4")[:-4] + struct.pack(">f", 0.3),
        "values from",
    ),
    ("letters", "train-labels", lambda data: data[:-1] + b"\x1a", "another data set, such as letters"),
]


@pytest.mark.parametrize(
    ("files", "change", "refused"), [row[1:] for row in VARIANTS], ids=[row[0] for row in VARIANTS]
)
def test_variants_of_idx_files(files, change, refused, tiny, tmp_path, monkeypatch):
    for path in export(tiny, tmp_path / "given" / "mnist", "idx"):
        if files in path.name:
            path.write_bytes(change(path.read_bytes()))
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "given"))
    for source in (tmp_path / "given", "auto"):
        if refused is None:
            assert load("mnist", source).sha256 == tiny.sha256
        else:
            with pytest.raises(DataError) as info:
                load("mnist", source)
            assert refused in str(info.value)
            assert files in info.value.where
    assert sound(tmp_path / "given") is (refused is None)
    assert sound("mnist") is (refused is None)
