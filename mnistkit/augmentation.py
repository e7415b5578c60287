"""Variants of images: turned, shifted, with another contrast, saved again."""

from __future__ import annotations

import numpy as np

from mnistkit.utils.arguments import IMAGES, SEED, Array, Integer, Number, checked


@checked(x=IMAGES, noise=Integer(0, 255), seed=SEED)
def resaved(x: np.ndarray, *, noise: int = 8, seed: int = 42) -> np.ndarray:
    """Change each drawn pixel a little, as saving with loss or another resizing does.

    Parameters
    ----------
    x : numpy.ndarray of uint8, shape (n, height, width)
        Images.
    noise : int
        Largest change, in grey levels; each change from −`noise` to `noise` is equally likely.
    seed : int
        Seed of the changes.

    Returns
    -------
    numpy.ndarray of uint8, shape (n, height, width)
        The changed images; the background (0) stays as it is.
    """
    change = np.random.default_rng(seed).integers(-noise, noise, x.shape, dtype=np.int16, endpoint=True)
    return np.where(x > 0, np.clip(x + change, 0, 255), 0).astype(np.uint8)


@checked(image=Array((2,)))
def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate an image about its centre (augmentation).

    Parameters
    ----------
    image : numpy.ndarray of uint8, shape (height, width)
        An image on a black background.
    degrees : float
        Counter-clockwise.

    Returns
    -------
    numpy.ndarray of uint8, shape (height, width)
        The rotated image, interpolated linearly; what turns out of the frame is cut off.
    """
    from scipy import ndimage

    turned = ndimage.rotate(image.astype(np.float64), degrees, reshape=False, order=1)
    return _as_grey(turned)


@checked(image=Array((2,)))
def shifted(image: np.ndarray, down: float, right: float) -> np.ndarray:
    """Shift an image (augmentation).

    Parameters
    ----------
    image : numpy.ndarray of uint8, shape (height, width)
        An image on a black background.
    down, right : float
        Pixels.

    Returns
    -------
    numpy.ndarray of uint8, shape (height, width)
        The shifted image, interpolated linearly; what leaves the frame is cut off.
    """
    from scipy import ndimage

    return _as_grey(ndimage.shift(image.astype(np.float64), (down, right), order=1))


@checked(image=Array((2,)))
def with_contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Stretch or squeeze the grey levels about their mean (augmentation).

    Parameters
    ----------
    image : numpy.ndarray of uint8, shape (height, width)
        An image.
    factor : float
        Above 1 for more contrast, below 1 for less: ``mean + factor · (pixel − mean)``, as in Keras'
        RandomContrast.

    Returns
    -------
    numpy.ndarray of uint8, shape (height, width)
        The image, cut to 0 … 255.
    """
    mean = image.mean()
    return _as_grey(mean + factor * (image - mean))


def _as_grey(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@checked(image=Array((2,)), turn=Number(0, 1), contrast=Number(0, 1), translation=Number(0, 1))
def augmented(
    image: np.ndarray,
    rng: np.random.Generator,
    *,
    turn: float = 0.1,
    contrast: float = 0.2,
    translation: float = 0.2,
) -> np.ndarray:
    """Draw one random variant of an image, with report R4's ranges as defaults.

    Parameters
    ----------
    image : numpy.ndarray of uint8, shape (height, width)
        An image on a black background.
    rng : numpy.random.Generator
        Source of the random numbers.
    turn : float
        Largest rotation, as a part of a full turn: 0.1 is ±36°.
    contrast : float
        Largest change of contrast: 0.2 is a factor from 0.8 to 1.2.
    translation : float
        Largest shift, as a part of height and width.

    Returns
    -------
    numpy.ndarray of uint8, shape (height, width)
        The variant: rotated, then shifted, then with another contrast.
    """
    height, width = image.shape
    degrees = 360 * rng.uniform(-turn, turn)
    down, right = rng.uniform(-translation, translation, 2) * (height, width)
    moved = shifted(rotated(image, degrees), down, right)
    return with_contrast(moved, rng.uniform(1 - contrast, 1 + contrast))
