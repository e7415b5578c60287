"""Variants of images, each against a plain way to get the same answer."""

import numpy as np
import pytest

from mnistkit import augmentation


def _images(n, seed=0, side=28):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)


def _glyph():
    """One asymmetric image, empty at the border, so that a shift or a turn cuts nothing off."""
    image = np.zeros((28, 28), dtype=np.uint8)
    image[8:20, 10:13] = 255
    image[17:20, 10:18] = 120
    return image


def test_resaved_changes_drawn_pixels_a_little():
    x = np.zeros((50, 28, 28), dtype=np.uint8)
    x[:, 5:20, 5:20] = _images(50)[:, 5:20, 5:20]
    x[:, 10, 10] = 255
    copies = augmentation.resaved(x, noise=8, seed=3)
    change = copies.astype(int) - x
    assert copies.dtype == np.uint8
    assert (copies[x == 0] == 0).all()
    assert abs(change).max() == 8
    assert (change > 0).any()
    assert (change < 0).any()
    assert np.array_equal(copies, augmentation.resaved(x, noise=8, seed=3))
    assert not np.array_equal(copies, augmentation.resaved(x, noise=8, seed=4))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_rotated_by_quarter_turns_is_counter_clockwise(quarters):
    turned = augmentation.rotated(_glyph(), 90 * quarters)
    assert turned.dtype == np.uint8
    assert np.array_equal(turned, np.rot90(_glyph(), quarters))


def test_shifted_down_and_right_by_whole_pixels():
    expected = np.roll(_glyph(), (3, -2), axis=(0, 1))
    assert np.array_equal(augmentation.shifted(_glyph(), 3, -2), expected)


def test_shifted_out_of_the_frame_does_not_come_back_on_the_other_side():
    assert augmentation.shifted(_glyph(), 0, 28).max() == 0


def test_with_contrast_by_hand():
    image = np.array([[0, 100], [200, 100]], dtype=np.uint8)  # mean 100
    assert augmentation.with_contrast(image, 1).tolist() == image.tolist()
    assert augmentation.with_contrast(image, 0.5).tolist() == [[50, 100], [150, 100]]
    assert augmentation.with_contrast(image, 2).tolist() == [[0, 100], [255, 100]]


def test_augmented_without_ranges_changes_nothing():
    rng = np.random.default_rng(0)
    assert np.array_equal(augmentation.augmented(_glyph(), rng, turn=0, contrast=0, translation=0), _glyph())


def test_augmented_stays_within_each_range():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:28, :28]
    glyph = _glyph().astype(float)
    centre = np.array([(glyph * rows).sum(), (glyph * columns).sum()]) / glyph.sum()
    offsets, angles = [], []
    for _ in range(60):
        moved = augmentation.augmented(_glyph(), rng, turn=0, contrast=0, translation=0.1).astype(float)
        offsets.append(np.array([(moved * rows).sum(), (moved * columns).sum()]) / moved.sum() - centre)
        turned = augmentation.augmented(_glyph(), rng, turn=0.1, contrast=0, translation=0).astype(float)
        angles.append(
            min(range(-90, 91, 6), key=lambda a, t=turned: abs(t - augmentation.rotated(_glyph(), a)).sum())
        )
    assert 2 < np.abs(offsets).max() <= 2.8 + 0.1, "a tenth of 28 pixels"
    assert 24 < np.abs(angles).max() <= 36, "a tenth of a turn"
    assert min(angles) < 0 < max(angles)


def test_augmented_repeats_with_the_seed_only():
    first, again, other = (
        augmentation.augmented(_glyph(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
