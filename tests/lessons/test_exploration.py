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
