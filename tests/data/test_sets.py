"""Subsets, twists and exported files."""

import gzip
import os

import numpy as np
import pytest
from data_helpers import make_tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistkit.data import DEFAULT_TWIST, DataError, export, load, make_twist, random_twist, subset
from mnistkit.data.dataset import content_sha256
from mnistkit.data.formats import export as writing
from mnistkit.data.formats.export import FORMATS
from mnistkit.data.registry import PARTS

pytestmark = pytest.mark.usefixtures("fresh_cache")

UNBALANCED = make_tiny(n_train=700, n_test=90, seed=3)
UNBALANCED.y_train[:] = np.random.default_rng(0).choice(10, 700, p=np.arange(1, 11) / 55)


# --- subset ----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(n_train=st.integers(1, 700), n_test=st.integers(1, 90), seed=st.integers(0, 2**32 - 1))
def test_subset_is_stratified(n_train, n_test, seed):
    part = subset(UNBALANCED, n_train, n_test, seed)
    for labels, whole, n in (
        (part.y_train, UNBALANCED.y_train, n_train),
        (part.y_test, UNBALANCED.y_test, n_test),
    ):
        assert len(labels) == n
        share = np.bincount(whole, minlength=10) * n / len(whole)
        assert np.abs(np.bincount(labels, minlength=10) - share).max() < 1


def test_subset_keeps_images_with_their_labels_and_draws_none_twice():
    part = subset(UNBALANCED, 300, 40)
    labels = {x.tobytes(): y for x, y in zip(UNBALANCED.x_train, UNBALANCED.y_train, strict=True)}
    assert [labels.pop(x.tobytes()) for x in part.x_train] == part.y_train.tolist()


def test_subset_is_shuffled_and_seeded():
    first, again, other = (subset(UNBALANCED, 300, 40, seed) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256
    assert (np.diff(first.y_train.astype(int)) < 0).sum() > 50  # not sorted by class
    place = {x.tobytes(): i for i, x in enumerate(UNBALANCED.x_train)}
    assert (np.diff([place[x.tobytes()] for x in first.x_train]) < 0).sum() > 50  # nor in the old order
    assert np.array_equal(subset(UNBALANCED, 100, 40, 1).x_test, first.x_test)


def test_subset_says_what_it_is(tiny):
    part = subset(tiny, 30)
    assert len(part.x_test) == 20
    assert part.source == "made; subset 30 + 20 of 60 + 20, seed 42"
    assert part.sha256 == content_sha256(*(getattr(part, name) for name in PARTS)) != tiny.sha256
    assert part.is_standin == tiny.is_standin
    assert not part.x_train.flags.writeable
    assert not part.y_test.flags.writeable


@pytest.mark.parametrize(
    ("n_train", "n_test", "found"), [(61, 5, "61"), (5, 21, "21"), (0, 5, "0"), (5, -1, "-1")]
)
def test_subset_of_impossible_size(tiny, n_train, n_test, found):
    with pytest.raises(DataError) as info:
        subset(tiny, n_train, n_test)
    assert found in info.value.found


def test_subset_of_unlabelled_test_part(tiny, tmp_path):
    export(tiny, tmp_path, "kaggle")
    part = subset(load("digit-recognizer", tmp_path), 30, 7)
    assert part.y_test is None
    assert len(part.x_test) == 7


# --- twist -----------------------------------------------------------------------------------------------


def test_default_twist_is_the_assignment_s(tiny_fashion):
    known = {9: 4, 2: 2, 1: 2, 6: 0, 8: 3, 5: 1}  # SOURCES: Ankle boot, Pullover, Trouser, Shirt, Bag, Sandal
    assert all(DEFAULT_TWIST[garment] == group for garment, group in known.items())
    assert np.bincount(DEFAULT_TWIST).tolist() == [2, 1, 2, 2, 3]
    twist = make_twist(tiny_fashion)
    assert twist.name == "twist"
    assert np.bincount(twist.y_train).tolist() == [12, 6, 12, 12, 18]
    assert twist.class_names == tuple(f"group {group}" for group in range(5))
    assert twist.sha256 == content_sha256(twist.x_train, twist.y_train, twist.x_test, twist.y_test)


def test_twist_by_dict_equals_twist_by_sequence(tiny_fashion):
    mapping = [3, 2, 1, 0, 0, 0, 1, 1, 2, 3]
    by_dict = make_twist(tiny_fashion, dict(reversed(list(enumerate(mapping)))))
    assert by_dict.sha256 == make_twist(tiny_fashion, mapping).sha256
    assert by_dict.y_test.tolist() == [mapping[label] for label in tiny_fashion.y_test]


@pytest.mark.parametrize(
    "mapping",
    [
        [0] * 9,
        [0] * 11,
        [0, 1, 3, 3, 3, 3, 3, 3, 3, 3],
        [1] * 10,
        [-1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0.0] * 10,
        ["0"] * 10,
        {0: 0},
        dict.fromkeys(range(1, 11), 0),
        dict.fromkeys(range(11), 0),
        dict.fromkeys("0123456789", 0),
    ],
)
def test_twist_with_a_wrong_mapping(tiny_fashion, mapping):
    with pytest.raises(DataError, match="the mapping"):
        make_twist(tiny_fashion, mapping)


def test_twist_of_digits_is_refused(tiny):
    with pytest.raises(DataError, match="'mnist'"):
        make_twist(tiny)


@given(seed=st.integers(0, 2**32 - 1), cuts=st.sets(st.integers(1, 9)))
def test_random_twist_has_the_sizes(seed, cuts):
    sizes = tuple(int(size) for size in np.diff([0, *sorted(cuts), 10]))
    mapping = random_twist(seed, sizes)
    assert mapping == random_twist(seed, sizes)
    assert np.bincount(mapping, minlength=len(sizes)).tolist() == list(sizes)


def test_random_twists_differ():
    assert len({random_twist(seed) for seed in range(30)}) > 25
    assert sorted(random_twist(0)) == [0, 0, 1, 2, 2, 3, 3, 4, 4, 4]


@pytest.mark.parametrize("sizes", [(5, 4), (10, 0), (11, -1), ()])
def test_random_twist_with_wrong_sizes(sizes):
    with pytest.raises(DataError, match="group sizes"):
        random_twist(0, sizes)


# --- export ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", [fmt for fmt in FORMATS if fmt != "kaggle"])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "twist", "digit-recognizer"])
def test_round_trip(name, fmt, tiny, tiny_fashion, tmp_path):
    export(tiny, tmp_path / "mnist", "npz")
    dataset = {
        "mnist": tiny,
        "fashion-mnist": tiny_fashion,
        "twist": make_twist(tiny_fashion),
        "digit-recognizer": load("digit-recognizer", tmp_path / "mnist"),
    }[name]
    files = export(dataset, tmp_path / "out", fmt)
    again = load(name, tmp_path / "out")
    assert again.sha256 == dataset.sha256
    assert again.class_names == dataset.class_names
    assert sorted(files) == sorted((tmp_path / "out").iterdir())


def test_round_trip_of_kaggle_files(tiny, tmp_path):
    export(tiny, tmp_path / "mnist", "npz")
    made = load("digit-recognizer", tmp_path / "mnist")
    export(made, tmp_path / "kaggle", "kaggle")
    assert load("digit-recognizer", tmp_path / "kaggle").sha256 == made.sha256


def first_line(path):
    return path.read_text().split("\n", 1)[0]


def test_files_look_like_the_originals(tiny, tmp_path):
    for fmt in FORMATS:
        export(tiny, tmp_path / fmt, fmt)
    names = {fmt: sorted(path.name for path in (tmp_path / fmt).iterdir()) for fmt in FORMATS}
    assert names["idx"][0] == "t10k-images-idx3-ubyte"
    assert names["idx-gz"] == [f"{name}.gz" for name in names["idx"]]
    assert names["csv"] == ["mnist_test.csv", "mnist_train.csv"]
    assert names["kaggle"] == ["test.csv", "train.csv"]
    assert names["twist"] == ["x_test.csv", "x_train.csv", "y_test.csv", "y_train.csv"]
    assert first_line(tmp_path / "csv" / "mnist_test.csv").startswith("label,pixel1,pixel2,")
    assert first_line(tmp_path / "kaggle" / "train.csv").endswith(",pixel782,pixel783")
    assert first_line(tmp_path / "kaggle" / "test.csv").startswith("pixel0,")
    assert first_line(tmp_path / "twist" / "x_test.csv").endswith(",782,783")
    assert first_line(tmp_path / "twist" / "y_test.csv") == "0"
    raw = gzip.decompress((tmp_path / "idx-gz" / "train-labels-idx1-ubyte.gz").read_bytes())
    assert raw == (tmp_path / "idx" / "train-labels-idx1-ubyte").read_bytes()
    assert raw[:8] == bytes([0, 0, 8, 1, 0, 0, 0, 60])
    assert (tmp_path / "csv" / "mnist_test.csv").stat().st_mode & 0o044 == 0o044  # others may read it


def test_same_data_gives_the_same_gzip_file(tiny, tmp_path):
    for folder in ("a", "b"):
        export(tiny, tmp_path / folder, "idx-gz")
    name = "train-images-idx3-ubyte.gz"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / name).read_bytes()[4:8] == bytes(4)  # gzip's time: both may be of one second


def test_files_are_replaced_only_on_request(tiny, tiny_fashion, tmp_path):
    (path,) = export(tiny, tmp_path, "npz")
    before = path.read_bytes()
    other = make_tiny(seed=8)
    with pytest.raises(DataError, match=r"mnist\.npz already there"):
        export(other, tmp_path, "npz")
    assert path.read_bytes() == before
    export(other, tmp_path, "npz", overwrite=True)
    assert load("mnist", path).sha256 == other.sha256


@pytest.mark.parametrize("fmt", FORMATS)
def test_failed_write_leaves_nothing(tiny, tmp_path, monkeypatch, fmt):
    def fail(stream):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match="No space left"):
        export(tiny, tmp_path / "out", fmt)
    assert list((tmp_path / "out").iterdir()) == []


def test_file_that_reads_back_differently_is_not_kept(tiny, tmp_path, monkeypatch):
    def lossy(stream, array):
        writing_idx(stream, array ^ np.uint8(1))

    writing_idx = writing.write_idx
    monkeypatch.setattr(writing, "write_idx", lossy)
    with pytest.raises(DataError, match="other content"):
        export(tiny, tmp_path / "out", "idx")
    assert list((tmp_path / "out").iterdir()) == []


def test_unknown_format(tiny, tmp_path):
    with pytest.raises(DataError, match="idx-gz"):
        export(tiny, tmp_path, "parquet")
