"""Stand-ins for MNIST and Fashion-MNIST, made on the spot: every lesson runs with no data and no network.

Both functions return what the real files hold: ``(x_train, y_train, x_test, y_test)``, images uint8 of shape
(n, 28, 28) with background 0, labels uint8 of shape (n,). They are small and easier than the real data:
figures from them say that a lesson runs, never how good a method is.
"""

from __future__ import annotations

import numpy as np

from mnistkit.data.dataset import SIDE
from mnistkit.data.registry import FourArrays
from mnistkit.data.sets.drawn_garments import N_GARMENTS, draw_garments

GLYPH = 20  # MNIST fits every digit into a box of 20 × 20 pixels inside the 28 × 28
DIGITS_TEST = 297
GARMENTS_TRAIN = 6_000
GARMENTS_TEST = 1_000
_SEED = 2017  # the year of Fashion-MNIST; any other value draws another, equally good, data set


def digits() -> FourArrays:
    """Scikit-learn's 1,797 handwritten digits, enlarged from 8 × 8 to look like MNIST.

    Stands in for MNIST and Digit Recognizer in every lesson on digits. As in MNIST, each glyph is about
    20 pixels high and its centre of mass is in the middle of the image.

    Returns
    -------
    x_train, y_train, x_test, y_test : numpy.ndarray of uint8
        1,500 training and 297 test images of shape (28, 28), 0 to 255, and their digits; stratified by digit.
        The same arrays on every call.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    1998.
    """
    # Imported here because scikit-learn costs half a second, and who has the real data never needs it.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    small, labels = load_digits(return_X_y=True)
    images = _centre(_enlarge(small.reshape(-1, 8, 8) / 16.0))
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels.astype(np.uint8), test_size=DIGITS_TEST, stratify=labels, random_state=_SEED
    )
    return x_train, y_train, x_test, y_test


def garments() -> FourArrays:
    """Ten kinds of garments drawn by code, in Fashion-MNIST's order of classes.

    Stands in for Fashion-MNIST and the twist in every lesson on garments; see `drawn_garments` for
    how they are drawn and what they keep of the real thing.

    Returns
    -------
    x_train, y_train, x_test, y_test : numpy.ndarray of uint8
        6,000 training and 1,000 test images of shape (28, 28), 0 to 255, and their classes, 0 to 9; every
        class is equally frequent in both parts. The same arrays on every call.
    """
    per_class = (GARMENTS_TRAIN + GARMENTS_TEST) // N_GARMENTS
    images, labels = draw_garments(per_class, _SEED)
    in_test = np.arange(len(labels)) % per_class < GARMENTS_TEST // N_GARMENTS
    rng = np.random.default_rng(_SEED)
    train = rng.permutation(np.flatnonzero(~in_test))
    test = rng.permutation(np.flatnonzero(in_test))
    return images[train], labels[train], images[test], labels[test]


def _enlarge(small: np.ndarray) -> np.ndarray:
    """Scale images from 8 × 8 to 20 × 20 by cubic splines; grey values stay in 0…1."""
    from scipy import ndimage  # only now: whoever lists the data sets imports this module

    # A spline is linear in the pixels: enlarging the unit vectors once gives the matrix for all images.
    spline = ndimage.zoom(np.eye(8), (GLYPH / 8, 1), order=3, mode="grid-constant", grid_mode=True)
    large = spline @ small @ spline.T
    # Block averages are blurred, MNIST's strokes nearly white with a narrow grey rim: this steepens the rim.
    return np.clip(2.0 * large - 0.55, 0.0, 1.0)


def _centre(glyphs: np.ndarray) -> np.ndarray:
    """Put 20 × 20 glyphs (0…1) on 28 × 28 canvases, centre of mass in the middle; uint8."""
    position = np.arange(GLYPH) + 0.5
    mass = glyphs.sum(axis=(1, 2))
    rows = glyphs.sum(axis=2) @ position / mass
    columns = glyphs.sum(axis=1) @ position / mass
    room = SIDE - GLYPH
    tops = np.clip(np.rint(SIDE / 2 - rows), 0, room).astype(int)
    lefts = np.clip(np.rint(SIDE / 2 - columns), 0, room).astype(int)
    images = np.zeros((len(glyphs), SIDE, SIDE), dtype=np.uint8)
    for image, glyph, top, left in zip(images, np.rint(255 * glyphs), tops, lefts, strict=True):
        image[top : top + GLYPH, left : left + GLYPH] = glyph
    return images
