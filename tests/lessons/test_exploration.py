"""Lesson 01's computations, each against a plain way to get the same answer."""

import os

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from mnistkit import exploration
from mnistkit.data import Dataset


def _images(n, seed=0, side=28):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)


def _glyph():
    """One asymmetric image, empty at the border, so that a shift or a turn cuts nothing off."""
    image = np.zeros((28, 28), dtype=np.uint8)
    image[8:20, 10:13] = 255
    image[17:20, 10:18] = 120
    return image


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


def test_pixel_distance_does_not_wrap_around_and_takes_one_image():
    a = np.array([3, 250], dtype=np.uint8).reshape(2, 1, 1)
    b = np.array([5, 0], dtype=np.uint8).reshape(2, 1, 1)
    assert exploration.pixel_distance(a, b).tolist() == [2, 250]
    assert exploration.pixel_distance(a, b[0]).tolist() == [2, 245]


def test_pixel_distance_of_more_than_one_block():
    a, b = _images(9000, 1, side=2), _images(9000, 2, side=2)
    expected = np.linalg.norm(a.astype(float).reshape(9000, -1) - b.reshape(9000, -1), axis=1)
    np.testing.assert_allclose(exploration.pixel_distance(a, b), expected)


def test_exact_duplicates_finds_groups_and_nothing_else():
    x = _images(6)
    x[[3, 5]] = x[0]
    x[4] = x[1]
    x[2] = x[1].T  # the same pixels in another order are another image
    assert exploration.exact_duplicates(x) == [(0, 3, 5), (1, 4)]
    assert exploration.exact_duplicates(x[:3]) == []


def _smooth(n, seed):
    """Images of ten numbers each: as real images, they vary in fewer directions than they have pixels."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(99).normal(size=(10, 784))
    return np.clip(128 + 12 * rng.normal(size=(n, 10)) @ patterns, 0, 255).astype(np.uint8).reshape(n, 28, 28)


@pytest.mark.parametrize("within", [True, False])
def test_nearest_images_agree_with_all_distances(within):
    x, reference = _smooth(150, 1), _smooth(200, 2)
    found = exploration.nearest_images(x) if within else exploration.nearest_images(x, reference)
    pool = x if within else reference
    distances = pairwise_distances(
        x.reshape(150, -1).astype(float), pool.reshape(len(pool), -1).astype(float)
    )
    if within:
        np.fill_diagonal(distances, np.inf)
    assert np.array_equal(found.index, distances.argmin(axis=1))
    np.testing.assert_allclose(found.distance, distances.min(axis=1))
    assert (found.bound <= distances.min(axis=1) + 0.5).all(), "the bound must hold for every reference image"


def test_nearest_images_orders_candidates_by_pixels_not_by_components():
    # One component sees only the strong first pixel, in which image 1 is nearest to image 0.
    x = np.zeros((4, 28, 28), dtype=np.uint8)
    x[:, 0, 0] = [0, 1, 10, 250]
    x[1, 20:, 20:] = 20
    found = exploration.nearest_images(x, n_components=1, candidates=3)
    assert found.index[0] == 2
    assert found.distance[0] == 10
    assert found.bound[0] <= found.distance[0]


def test_nearest_images_sees_an_exact_copy_but_not_the_image_itself():
    x = _images(30)
    x[7] = x[21]
    found = exploration.nearest_images(x)
    assert (found.index[7], found.index[21]) == (21, 7)
    assert found.distance[[7, 21]].tolist() == [0, 0]
    assert (found.index != np.arange(30)).all()
    assert (np.delete(found.distance, [7, 21]) > 0).all()


def test_resaved_changes_drawn_pixels_a_little():
    x = np.zeros((50, 28, 28), dtype=np.uint8)
    x[:, 5:20, 5:20] = _images(50)[:, 5:20, 5:20]
    x[:, 10, 10] = 255
    copies = exploration.resaved(x, noise=8, seed=3)
    change = copies.astype(int) - x
    assert copies.dtype == np.uint8
    assert (copies[x == 0] == 0).all()
    assert abs(change).max() == 8
    assert (change > 0).any()
    assert (change < 0).any()
    assert np.array_equal(copies, exploration.resaved(x, noise=8, seed=3))
    assert not np.array_equal(copies, exploration.resaved(x, noise=8, seed=4))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_rotated_by_quarter_turns_is_counter_clockwise(quarters):
    turned = exploration.rotated(_glyph(), 90 * quarters)
    assert turned.dtype == np.uint8
    assert np.array_equal(turned, np.rot90(_glyph(), quarters))


def test_shifted_down_and_right_by_whole_pixels():
    expected = np.roll(_glyph(), (3, -2), axis=(0, 1))
    assert np.array_equal(exploration.shifted(_glyph(), 3, -2), expected)


def test_shifted_out_of_the_frame_does_not_come_back_on_the_other_side():
    assert exploration.shifted(_glyph(), 0, 28).max() == 0


def test_with_contrast_by_hand():
    image = np.array([[0, 100], [200, 100]], dtype=np.uint8)  # mean 100
    assert exploration.with_contrast(image, 1).tolist() == image.tolist()
    assert exploration.with_contrast(image, 0.5).tolist() == [[50, 100], [150, 100]]
    assert exploration.with_contrast(image, 2).tolist() == [[0, 100], [255, 100]]


def test_augmented_without_ranges_changes_nothing():
    rng = np.random.default_rng(0)
    assert np.array_equal(exploration.augmented(_glyph(), rng, turn=0, contrast=0, translation=0), _glyph())


def test_augmented_stays_within_each_range():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:28, :28]
    glyph = _glyph().astype(float)
    centre = np.array([(glyph * rows).sum(), (glyph * columns).sum()]) / glyph.sum()
    offsets, angles = [], []
    for _ in range(60):
        moved = exploration.augmented(_glyph(), rng, turn=0, contrast=0, translation=0.1).astype(float)
        offsets.append(np.array([(moved * rows).sum(), (moved * columns).sum()]) / moved.sum() - centre)
        turned = exploration.augmented(_glyph(), rng, turn=0.1, contrast=0, translation=0).astype(float)
        angles.append(
            min(range(-90, 91, 6), key=lambda a, t=turned: abs(t - exploration.rotated(_glyph(), a)).sum())
        )
    assert 2 < np.abs(offsets).max() <= 2.8 + 0.1, "a tenth of 28 pixels"
    assert 24 < np.abs(angles).max() <= 36, "a tenth of a turn"
    assert min(angles) < 0 < max(angles)


def test_augmented_repeats_with_the_seed_only():
    first, again, other = (exploration.augmented(_glyph(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


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
