"""Equal and nearly equal images, each against a plain way to get the same answer."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from mnistkit import duplicates


def _images(n, seed=0, side=28):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)


def _smooth(n, seed):
    """Images of ten numbers each: as real images, they vary in fewer directions than they have pixels."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(99).normal(size=(10, 784))
    return np.clip(128 + 12 * rng.normal(size=(n, 10)) @ patterns, 0, 255).astype(np.uint8).reshape(n, 28, 28)


def test_pixel_distance_does_not_wrap_around_and_takes_one_image():
    a = np.array([3, 250], dtype=np.uint8).reshape(2, 1, 1)
    b = np.array([5, 0], dtype=np.uint8).reshape(2, 1, 1)
    assert duplicates.pixel_distance(a, b).tolist() == [2, 250]
    assert duplicates.pixel_distance(a, b[0]).tolist() == [2, 245]


def test_pixel_distance_of_more_than_one_block():
    a, b = _images(9000, 1, side=2), _images(9000, 2, side=2)
    expected = np.linalg.norm(a.astype(float).reshape(9000, -1) - b.reshape(9000, -1), axis=1)
    np.testing.assert_allclose(duplicates.pixel_distance(a, b), expected)


def test_exact_duplicates_finds_groups_and_nothing_else():
    x = _images(6)
    x[[3, 5]] = x[0]
    x[4] = x[1]
    x[2] = x[1].T  # the same pixels in another order are another image
    assert duplicates.exact_duplicates(x) == [(0, 3, 5), (1, 4)]
    assert duplicates.exact_duplicates(x[:3]) == []


@pytest.mark.parametrize("within", [True, False])
def test_nearest_images_agree_with_all_distances(within):
    x, reference = _smooth(150, 1), _smooth(200, 2)
    found = duplicates.nearest_images(x) if within else duplicates.nearest_images(x, reference)
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
    found = duplicates.nearest_images(x, n_components=1, candidates=3)
    assert found.index[0] == 2
    assert found.distance[0] == 10
    assert found.bound[0] <= found.distance[0]


def test_nearest_images_sees_an_exact_copy_but_not_the_image_itself():
    x = _images(30)
    x[7] = x[21]
    found = duplicates.nearest_images(x)
    assert (found.index[7], found.index[21]) == (21, 7)
    assert found.distance[[7, 21]].tolist() == [0, 0]
    assert (found.index != np.arange(30)).all()
    assert (np.delete(found.distance, [7, 21]) > 0).all()
