"""KMNIST, QMNIST and EMNIST: what is peculiar to their files, and that nothing stands in for them."""

import gzip
import hashlib
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from data_helpers import make_tiny

from mnistkit.data import DataError, cache, download, export, load, registry, verify
from mnistkit.data.registry import OfficialArchive, OfficialPart, dataset_spec

pytestmark = pytest.mark.usefixtures("fresh_cache")

SPLITS = ("digits", "letters", "balanced")


def idx(array, code=8):
    return struct.pack(f">{1 + array.ndim}I", 256 * code + array.ndim, *array.shape) + array.tobytes()


def write_emnist(folder, split, seed=3):
    """Write files as NIST has them: images on their side, letters from 1. Return upright images and classes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, names = np.random.default_rng(seed), dataset_spec(f"emnist-{split}").class_names
    upright = {}
    for half, each in (("train", 3), ("test", 2)):
        labels = np.tile(np.arange(len(names), dtype=np.uint8), each)
        images = rng.integers(0, 256, (len(labels), 28, 28), np.uint8)
        upright[half] = images, labels
        first = np.uint8(1 if split == "letters" else 0)
        files = {"images-idx3": images.transpose(0, 2, 1), "labels-idx1": labels + first}
        for what, array in files.items():
            path = folder / f"emnist-{split}-{half}-{what}-ubyte.gz"
            path.write_bytes(gzip.compress(idx(np.ascontiguousarray(array)), mtime=0))
    return upright


@pytest.mark.parametrize("split", SPLITS)
def test_emnist_is_turned_upright_and_counts_from_0(split, tmp_path, monkeypatch):
    upright = write_emnist(tmp_path / "EMNIST" / "gzip", split)
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))
    for source in ("auto", tmp_path, tmp_path / "EMNIST" / "gzip"):
        dataset = load(f"emnist-{split}", source)
        for half, (images, labels) in upright.items():
            np.testing.assert_array_equal(getattr(dataset, f"x_{half}"), images)
            np.testing.assert_array_equal(getattr(dataset, f"y_{half}"), labels)
    assert dataset.class_names[int(dataset.y_test[11 % len(dataset.class_names)])] in "1LB"
    assert dataset.title == f"EMNIST {split}"
    with pytest.raises(DataError, match=f"emnist-{split}"):
        load("mnist", tmp_path)


def test_of_several_splits_the_right_one_is_read(tmp_path):
    upright = {split: write_emnist(tmp_path / "EMNIST" / "raw", split) for split in SPLITS}
    for split in SPLITS:
        np.testing.assert_array_equal(load(f"emnist-{split}", tmp_path).x_test, upright[split]["test"][0])


@pytest.mark.parametrize("fmt", ["idx-gz", "csv", "npz"])
def test_exported_letters_are_read_as_they_were(fmt, tmp_path):
    write_emnist(tmp_path / "emnist", "letters")
    letters = load("emnist-letters", tmp_path / "emnist")
    export(letters, tmp_path / "written", fmt)
    assert load("emnist-letters", tmp_path / "written").sha256 == letters.sha256


def test_letters_that_count_from_0_are_refused(tmp_path):
    rng, labels = np.random.default_rng(0), np.arange(26, dtype=np.uint8)
    images = rng.integers(0, 256, (26, 28, 28), np.uint8)
    path = tmp_path / "emnist-letters.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(DataError, match=r"label 0 for image 0.*\n.*labels from 1 to 26"):
        load("emnist-letters", path)


def test_letters_are_no_digits(tmp_path):
    write_emnist(tmp_path / "x", "letters")
    for path in (tmp_path / "x").iterdir():
        path.rename(path.with_name(path.name.removeprefix("emnist-letters-").replace("test", "t10k")))
    with pytest.raises(DataError, match="26 different labels up to 26"):
        load("mnist", tmp_path / "x")


def test_qmnist_s_extended_labels(tiny, tmp_path):
    folder = tmp_path / "q"
    folder.mkdir()
    for half in ("train", "test"):
        digits = getattr(tiny, f"y_{half}").astype(">i4")
        extended = np.zeros((len(digits), 8), ">i4")
        extended[:, 0], extended[:, 2], extended[:, 4] = digits, 2154, 30 + digits
        stem = folder / f"qmnist-{half}"
        stem.with_name(f"{stem.name}-labels-idx2-int.gz").write_bytes(gzip.compress(idx(extended, code=0x0C)))
        images = getattr(tiny, f"x_{half}")
        stem.with_name(f"{stem.name}-images-idx3-ubyte").write_bytes(idx(np.ascontiguousarray(images)))
    assert load("qmnist", folder).sha256 == tiny.sha256
    with pytest.raises(DataError, match="qmnist"):
        load("mnist", folder)


@pytest.mark.parametrize("name", ["kmnist", "qmnist", *(f"emnist-{split}" for split in SPLITS)])
def test_nothing_stands_in(name):
    with pytest.raises(DataError, match=f"{name}'\n.*no stand-in"):
        load(name, "bundled")
    with pytest.raises(DataError, match="no other data set stands in for it"):
        load(name)


def test_a_link_to_a_set_that_only_its_name_tells_is_that_set(tiny, tmp_path):
    export(tiny, tmp_path / "kmnist", "idx")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "mnist").symlink_to(tmp_path / "kmnist")
    with pytest.raises(DataError, match="kmnist"):
        load("mnist", tmp_path / "given")


def test_official_files_are_known_by_their_hash(tmp_path, monkeypatch):
    dataset, spec = make_tiny(seed=4), dataset_spec("kmnist")
    files = {
        path.name: path for path in export(replace(dataset, name="kmnist"), tmp_path / "kmnist", "idx-gz")
    }
    parts = {
        part: OfficialPart(hashlib.sha256(files[f"{stem}.gz"].read_bytes()).hexdigest(), 0)
        for part, stem in spec.published.idx_stem.items()
    }
    changed = replace(spec, origin=replace(spec.origin, files=parts))
    monkeypatch.setitem(registry.datasets(), "kmnist", changed)
    assert {row.status for row in verify(tmp_path / "kmnist")} == {"official"}


def test_files_come_out_of_the_archive_where_no_mirror_has_them(tmp_path, monkeypatch):
    upright = write_emnist(tmp_path / "gzip", "letters")
    spec = dataset_spec("emnist-letters")
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as packed:
        for path in (tmp_path / "gzip").iterdir():
            packed.write(path, f"gzip/{path.name}")
    parts = {
        part: OfficialPart(hashlib.sha256(content).hexdigest(), len(content))
        for part, stem in spec.published.idx_stem.items()
        for content in [(tmp_path / "gzip" / f"{stem}.gz").read_bytes()]
    }
    sha256 = hashlib.sha256((tmp_path / "gzip.zip").read_bytes()).hexdigest()
    archive = OfficialArchive("gzip.zip", ("https://localhost/",), sha256, "gzip/")
    changed = replace(spec, origin=replace(spec.origin, files=parts, archive=archive))
    monkeypatch.setitem(registry.datasets(), "emnist-letters", changed)
    monkeypatch.setattr(download, "_check_network", lambda name: None)

    def served(mirrors, file, sha256, folder):
        if file != "gzip.zip":
            raise download._NotServedError(file, found="404")
        folder.mkdir(parents=True)
        (folder / file).write_bytes((tmp_path / "gzip.zip").read_bytes())

    monkeypatch.setattr(download, "_fetch_file", served)
    np.testing.assert_array_equal(load("emnist-letters", "download").x_test, upright["test"][0])
    shared = cache.cache_root() / "downloads" / f"archive-{sha256[:12]}" / "gzip.zip"
    assert shared.is_file(), "the other splits need not get it again"
