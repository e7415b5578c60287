"""Lesson 01's computations, each against a plain way to get the same answer."""

import os

import numpy as np
import pytest

from mnistkit import exploration
from mnistkit.data import Dataset


def _images(n, seed=0, side=28):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)


@pytest.fixture
def dataset():
    y = np.arange(40, dtype=np.uint8) % 10
    return Dataset(
        "mnist", _images(40), y, _images(20, 1), y[:20], tuple("0123456789"), "test", "0" * 64, True
    )


def test_at_most_gives_the_same_object_when_nothing_is_left_out(dataset):
    assert exploration.at_most(dataset, 40, 20) is dataset
    assert exploration.at_most(dataset, 60_000, 10_000) is dataset


@pytest.mark.parametrize(("n_train", "n_test", "sizes"), [(20, 10, (20, 10)), (99, 10, (40, 10))])
def test_at_most_caps_each_part_by_itself(dataset, n_train, n_test, sizes):
    part = exploration.at_most(dataset, n_train, n_test)
    assert (len(part.x_train), len(part.x_test)) == sizes
    assert np.bincount(part.y_train).tolist() == [sizes[0] // 10] * 10


def test_sample_by_class_draws_different_images_of_the_right_class():
    y = np.repeat([2, 0, 1], 5)
    x = np.arange(15, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones((1, 2, 3), dtype=np.uint8)
    sheet = exploration.sample_by_class(x, y, 4, seed=1)
    assert sheet.shape == (3, 4, 2, 3)
    for label, row in enumerate(sheet[:, :, 0, 0]):
        assert len(set(row)) == 4
        assert (y[row] == label).all()
    assert np.array_equal(sheet, exploration.sample_by_class(x, y, 4, seed=1))
    assert not np.array_equal(sheet, exploration.sample_by_class(x, y, 4, seed=2))


def test_sample_by_class_names_the_class_that_is_too_small():
    with pytest.raises(ValueError, match="class 1 has 2 images"):
        exploration.sample_by_class(_images(5), np.array([0, 0, 0, 1, 1]), 3)


def test_damaged_csv_changes_one_cell_only(tmp_path):
    source = tmp_path / "good.csv"
    source.write_text("label,pixel1,pixel2\n5,0,1\n6,2,3\n")
    damaged = exploration.damaged_csv(source, tmp_path / "bad.csv", line=3, column="pixel1", text="x")
    assert damaged.read_text() == "label,pixel1,pixel2\n5,0,1\n6,x,3\n"
    assert source.read_text() == "label,pixel1,pixel2\n5,0,1\n6,2,3\n"
    with pytest.raises(UnicodeEncodeError):
        exploration.damaged_csv(source, damaged, line=3, column="pixel1", text="\udcff")
    assert damaged.read_text() == "label,pixel1,pixel2\n5,0,1\n6,x,3\n", "what was there before still is"


@pytest.mark.parametrize("before", [None, "somewhere"])
def test_private_cache_is_undone_even_after_an_error(monkeypatch, tmp_path, before):
    monkeypatch.delenv("MNISTKIT_CACHE", raising=False)
    if before:
        monkeypatch.setenv("MNISTKIT_CACHE", before)
    with pytest.raises(RuntimeError), exploration.private_cache(tmp_path):
        assert os.environ["MNISTKIT_CACHE"] == str(tmp_path)
        raise RuntimeError
    assert os.environ.get("MNISTKIT_CACHE") == before


def test_class_densities_have_area_one_and_sit_on_their_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 300)
    values = rng.normal(np.where(y == 0, -5, 5), 1)
    grid = np.linspace(-12, 12, 500)
    densities = exploration.class_densities(values, y, grid)
    assert densities.shape == (2, 500)
    assert np.trapezoid(densities, grid, axis=1) == pytest.approx([1, 1], abs=1e-3)
    assert grid[densities.argmax(axis=1)] == pytest.approx([-5, 5], abs=0.5)


def test_class_means_by_hand():
    x = np.array([0, 200, 100, 255], dtype=np.uint8).reshape(4, 1, 1)
    assert exploration.class_means(x, np.array([1, 0, 1, 0])).ravel().tolist() == [227.5, 50]


def test_doubted_labels_finds_planted_ones_and_puts_the_clearest_first():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 50)
    x = rng.normal(size=(100, 2)) + np.where(y == 0, -10, 10)[:, np.newaxis]
    x[3], x[60] = (10, 10), (-14, -14)  # in the middle of the other class, and at its edge
    index, says = exploration.suspect_labels(x, y, n_neighbors=10)
    assert index.tolist() == [3, 60]
    assert says.tolist() == [1, 0]


def test_doubted_labels_needs_all_neighbours_to_agree():
    x = np.array([0.0, 0.1, 0.2, 0.3, 9.0])[:, np.newaxis]
    y = np.array([0, 1, 1, 2, 1])
    index, _ = exploration.suspect_labels(x, y, n_neighbors=3)
    assert 0 not in index
    assert 0 in exploration.suspect_labels(x, y, n_neighbors=2)[0]


def _classes(n=2_000, side=5):
    """Draw images that differ, with about equally many labels of each class."""
    return _images(n, side=side), np.random.default_rng(1).integers(0, 10, n).astype(np.uint8)


def _sources(x, copied):
    """Say for each copied image where it comes from, and whether it was inverted or transposed."""
    known = {}
    for row, image in enumerate(x):
        for how, changed in (("", image), ("inverted", 255 - image), ("transposed", image.T)):
            known[changed.tobytes()] = row, how
    return [known[image.tobytes()] for image in copied]


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_copy_has_the_damage_that_was_drawn_and_no_other(seed):
    x, y = _classes()
    images, labels = exploration.damaged_copy(x, y, 800, seed)
    damage = exploration.planned_damage(800, seed)
    rows, how = zip(*_sources(x, images), strict=True)
    rows, how, late = np.array(rows), np.array(how), damage.rows_kind == "late labels"
    assert 400 <= damage.first_row < 640
    assert len(set(rows[: damage.first_row])) == damage.first_row
    sound = labels.copy()
    if late:
        sound[damage.first_row - 1 : -1] = labels[damage.first_row :]
        known = np.arange(799)  # the last row's label is gone
    else:
        again = slice(damage.first_row, damage.first_row + 80)
        assert set(rows[again]) <= set(rows[: damage.first_row])
        assert len(set(rows)) == 720
        known = np.arange(800)
    turned = how[known] == damage.images_kind
    assert np.array_equal(turned, sound[known] == damage.images_class)
    assert set(how) == {"", damage.images_kind}
    if damage.classes_kind == "missing":
        assert set(labels) == set(range(10)) - set(damage.classes)
        assert np.array_equal(sound[known], y[rows[known]])
    else:
        one, other = damage.classes
        swapped = y[rows[known]].copy()
        swapped[y[rows[known]] == one], swapped[y[rows[known]] == other] = other, one
        assert np.array_equal(sound[known], swapped)


def test_damage_is_drawn_anew_with_each_seed_and_spares_what_it_is_given():
    x, y = _classes()
    before = x.copy(), y.copy()
    first, again = (exploration.damaged_copy(x, y, 300, 3) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(before, (x, y), strict=True))
    drawn = [exploration.planned_damage(800, seed) for seed in range(100)]
    assert len({(d.classes_kind, d.classes) for d in drawn}) > 30
    assert len({(d.images_kind, d.images_class) for d in drawn}) == 16
    assert all(d.images_class not in d.classes for d in drawn)
    small = exploration.planned_damage(100, 3)
    assert small.classes == exploration.planned_damage(800, 3).classes


def test_a_damaged_copy_needs_enough_images():
    with pytest.raises(ValueError, match="expected at most"):
        exploration.damaged_copy(*_classes(50), 60, 1)
