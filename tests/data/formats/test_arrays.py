"""Arrays as people store them, in IDX, .npz and .npy files: what has one meaning is taken, the rest refused."""

import gzip
import struct

import numpy as np
import pytest

from mnistkit.data import DataError
from mnistkit.data.formats.idx import read_idx
from mnistkit.data.formats.npz import read_npy, read_npz
from mnistkit.data.registry import PARTS, part_named

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array, order=">"):
    """Write an array as IDX of its own type, in either byte order."""
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    magic = struct.pack(f"{order}I", CODES[kind] << 8 | array.ndim)
    return (
        magic + struct.pack(f"{order}{array.ndim}I", *array.shape) + array.astype(f"{order}{kind}").tobytes()
    )


def one_hot(labels, dtype=np.uint8):
    return np.eye(10, dtype=dtype)[labels]


SAME_IMAGES = {
    "flat": lambda x: x.reshape(-1, 784),
    "channel last": lambda x: x[..., None],
    "channel first": lambda x: x[:, None],
    "int32": lambda x: x.astype("i4"),
    "int64": lambda x: x.astype("i8"),
    "float32": lambda x: x.astype("f4"),
    "float64": lambda x: x.astype("f8"),
    "k/255 in float32": lambda x: x.astype("f4") / 255,
    "k/255 in float64": lambda x: x / 255,
    "k/255 in float16": lambda x: (x / 255).astype("f2"),
    "times 1/255": lambda x: x.astype("f4") * np.float32(1 / 255),
    "column order": np.asfortranarray,
}
SAME_LABELS = {
    "column": lambda y: y[:, None],
    "int64": lambda y: y.astype("i8"),
    "float64": lambda y: y.astype("f8"),
    "one-hot": one_hot,
    "one-hot bool": lambda y: one_hot(y, bool),
    "one-hot float": lambda y: one_hot(y, np.float32),
    "text": lambda y: y.astype("U1"),
    "bytes": lambda y: y.astype("S2"),
}
OTHER_IMAGES = {
    "k/256": lambda x: x / 256,
    "k/127.5 - 1": lambda x: x / 127.5 - 1,
    "standardised": lambda x: (x - x.mean()) / x.std(),
    "inverted below zero": lambda x: -x.astype("i4"),
    "over 255": lambda x: x.astype("i4") + 1,
    "a half": lambda x: x + 0.5,
    "NaN": lambda x: np.where(np.arange(len(x))[:, None, None] == 5, np.nan, x),
    "infinite": lambda x: np.where(x == 0, np.inf, x),
    "complex": lambda x: x.astype(complex),
    "text": lambda x: x.astype("U3"),
    "colours": lambda x: np.repeat(x[..., None], 3, axis=-1),
    "another size": lambda x: x[:, :27],
    "images last": lambda x: x[:40].transpose(1, 2, 0),
    "objects": lambda x: x.astype(object),
}
OTHER_LABELS = {
    "not one-hot": lambda y: one_hot(y) * 0,
    "two of ten": lambda y: one_hot(y) + one_hot((y + 1) % 10),
    "probabilities": lambda y: one_hot(y, np.float32) * 0.9 + 0.01,
    "halves": lambda y: y + 0.5,
    "names": lambda y: np.array(["zero", "one"])[y % 2],
    "negative": lambda y: y.astype("i8") - 1,
    "objects": lambda y: y.astype(object),
    "too many columns": lambda y: np.eye(63, dtype=np.uint8)[y],
}


@pytest.mark.parametrize("change", SAME_IMAGES)
def test_images_with_one_meaning(change, tiny, tmp_path):
    np.save(tmp_path / "a.npy", SAME_IMAGES[change](tiny.x_train))
    assert_same(read_npy(tmp_path / "a.npy", "x_train"), tiny.x_train)


@pytest.mark.parametrize("change", SAME_LABELS)
def test_labels_with_one_meaning(change, tiny, tmp_path):
    np.save(tmp_path / "a.npy", SAME_LABELS[change](tiny.y_train))
    assert_same(read_npy(tmp_path / "a.npy", "y_train"), tiny.y_train)


@pytest.mark.parametrize(
    ("part", "change"),
    [*(("x_train", change) for change in OTHER_IMAGES), *(("y_train", change) for change in OTHER_LABELS)],
)
def test_what_has_another_meaning_or_several_is_refused(part, change, tiny, tmp_path):
    changes = OTHER_IMAGES if part == "x_train" else OTHER_LABELS
    np.save(tmp_path / "a.npy", changes[change](getattr(tiny, part)))
    with pytest.raises(DataError) as info:
        read_npy(tmp_path / "a.npy", part)
    assert "shape" in info.value.found or "values from" in info.value.found
    assert "store" in info.value.todo
    words = {"colours": "grey", "images last": "moveaxis", "names": "as numbers: 0"}.get(change, "")
    assert words in info.value.todo


@pytest.mark.parametrize("dtype", [bool, "u1", "i8", "f4"])
def test_images_of_0_and_1_are_black_and_white(dtype, tiny, tmp_path):
    np.save(tmp_path / "a.npy", (tiny.x_train > 0).astype(dtype))
    assert_same(
        read_npy(tmp_path / "a.npy", "x_train"), np.where(tiny.x_train > 0, np.uint8(255), np.uint8(0))
    )


def test_an_npy_file_may_be_gzipped(tiny, tmp_path):
    np.save(tmp_path / "a.npy", tiny.y_test)
    (tmp_path / "a.npy.gz").write_bytes(gzip.compress((tmp_path / "a.npy").read_bytes()))
    assert_same(read_npy(tmp_path / "a.npy.gz", "y_test"), tiny.y_test)


@pytest.mark.parametrize(
    ("read", "data", "what"),
    [
        (
            lambda path: read_npy(path, "y_test"),
            b"<!DOCTYPE html><title>Sign in</title>",
            "a web page (Sign in)",
        ),
        (lambda path: read_npy(path, "y_test"), b"\x80\x04\x95", "a Python pickle"),
        (read_npz, b"<!DOCTYPE html><title>Sign in</title>", "a web page (Sign in)"),
        (read_npz, b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (read_npz, b"", "an empty file"),
        (read_idx, b"label,pixel0,pixel1\n", "text that begins with 'label,pixel0,pixel1'"),
        (read_idx, b"7z\xbc\xaf\x27\x1c\0\4", "a 7-Zip archive"),
    ],
)
def test_readers_name_what_is_there(read, data, what, tmp_path):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(DataError) as info:
        read(tmp_path / "file")
    assert info.value.found == what


# --- IDX -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [">", "<"], ids=["official", "swapped"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4", "f8"])
def test_idx_of_any_type_and_byte_order(dtype, order, tiny, tmp_path):
    for part in ("x_test", "y_test"):
        (tmp_path / part).write_bytes(idx(getattr(tiny, part).astype(dtype), order))
        assert_same(read_idx(tmp_path / part), getattr(tiny, part))


@pytest.mark.parametrize("shape", [(20, 784), (20, 28, 28, 1), (20, 1, 28, 28)])
def test_idx_images_of_other_shapes(shape, tiny, tmp_path):
    (tmp_path / "a").write_bytes(gzip.compress(gzip.compress(idx(tiny.x_test.reshape(shape)))))
    assert_same(read_idx(tmp_path / "a"), tiny.x_test)


def test_idx_labels_of_other_shapes(tiny, tmp_path):
    for labels in (tiny.y_test[:, None], one_hot(tiny.y_test)):
        (tmp_path / "a").write_bytes(idx(labels))
        assert_same(read_idx(tmp_path / "a"), tiny.y_test)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.full((2, 28, 28), 0.25, "f4"), "values from 0.25 to 0.25"),
        (np.full((2, 28, 28), 300, "i4"), "values from 300 to 300"),
        (np.full(3, -1, "i1"), "values from -1 to -1"),
        (np.zeros((3, 27, 28), "u1"), "shape 3 × 27 × 28"),
    ],
)
def test_idx_of_other_content_is_refused(array, found, tmp_path):
    (tmp_path / "a").write_bytes(idx(array))
    with pytest.raises(DataError) as info:
        read_idx(tmp_path / "a")
    assert found in info.value.found


# --- names of arrays -------------------------------------------------------------------------------------

SPELLINGS = [
    ("X_train", "Y_train", "X_test", "Y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("training_images", "training_labels", "test_images", "test_labels"),
    ("xtrain", "ytrain", "xtest", "ytest"),
    ("train_x", "train_y", "test_x", "test_y"),
    ("trainX", "trainY", "testX", "testY"),
    ("train_data", "train_target", "test_data", "test_target"),
]


@pytest.mark.parametrize("names", SPELLINGS)
def test_npz_arrays_in_usual_spellings(names, tiny, tmp_path):
    arrays = {name: getattr(tiny, part) for name, part in zip(names, PARTS, strict=True)}
    np.savez(tmp_path / "a.npz", extra=np.zeros(3), **arrays)
    for part, array in read_npz(tmp_path / "a.npz").items():
        assert_same(array, getattr(tiny, part))


def test_npz_of_one_half(tiny, tmp_path):
    for names in (("x", "y"), ("images", "labels"), ("X_test", "y_test")):
        np.savez(tmp_path / "a.npz", **dict(zip(names, (tiny.x_test, tiny.y_test), strict=True)))
        arrays = read_npz(tmp_path / "a.npz", "test")
        assert set(arrays) == {"x_test", "y_test"}
        assert_same(arrays["y_test"], tiny.y_test)


@pytest.mark.parametrize("names", [("x", "y"), ("arr_0", "arr_1"), ("train", "test")])
def test_npz_names_that_do_not_say_the_half(names, tiny, tmp_path):
    np.savez(tmp_path / "a.npz", **dict.fromkeys(names, tiny.x_train))
    with pytest.raises(DataError) as info:
        read_npz(tmp_path / "a.npz")
    assert names[0] in info.value.found


def test_npz_with_two_arrays_for_one_part(tiny, tmp_path):
    arrays = {part: getattr(tiny, part) for part in PARTS}
    np.savez(tmp_path / "a.npz", **arrays, X_train=tiny.x_train[::-1])
    assert_same(read_npz(tmp_path / "a.npz")["x_train"], tiny.x_train)  # its own name is plainest
    del arrays["x_train"]
    np.savez(tmp_path / "a.npz", **arrays, X_train=tiny.x_train, train_images=tiny.x_train[::-1])
    with pytest.raises(DataError, match="both could be x_train"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("word", ["x", "train", "x_valid", "max_train", "x_train_2", "y_pred_test"])
def test_other_words_name_no_part(word):
    assert part_named(word) is None


def assert_same(array, expected):
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, expected)
