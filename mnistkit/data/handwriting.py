"""A drawn or photographed digit in MNIST's form, step by step.

Y. LeCun, C. Cortes and C. Burges made MNIST's images so: black and white digits were fitted into a box of
20 × 20 pixels, their height in its relation to their width, and laid into 28 × 28 pixels with their centre of
mass in the middle.
"""

from __future__ import annotations

import numpy as np

from mnistkit.data.dataset import SIDE
from mnistkit.data.sets.standins import GLYPH
from mnistkit.utils.arguments import Array, checked

_LARGEST = 400  # pixels of the longer side: a photo has more than a digit of 20 pixels needs
_FAINT, _FULL = 0.25, 0.75  # of the brightest: below is paper, above is ink
_SPECK = 0.05  # of all ink: a piece with less is dust, one with more a stroke of its own


@checked(picture=Array((2,), 0, 255, integers=True))
def normalisation_steps(picture: np.ndarray) -> dict[str, np.ndarray]:
    """Bring a picture of one digit into MNIST's form, and keep each step.

    Parameters
    ----------
    picture : numpy.ndarray of uint8, shape (height, width)
        Grey levels: a photo or a drawing of one digit, on ground of one colour, with nothing else in it. Its
        strokes are thinner than a quarter of the picture.

    Returns
    -------
    dict of str to numpy.ndarray of uint8
        ``grey``: the picture, at most 400 pixels wide and high. ``white on black``: inverted where the ground
        is bright. ``ink only``: without shadows, paper and specks. ``box of 20 pixels``: what is left, its
        longer side 20 pixels. ``centred``: shape (28, 28), the centre of mass in the middle: MNIST's form.

    Raises
    ------
    ValueError
        If there is nothing to see: all pixels are alike.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit.data import normalisation_steps
    >>> paper = np.full((90, 60), 250, dtype=np.uint8)
    >>> paper[10:50, 40:44] = 20  # a 1 in the upper right corner
    >>> steps = normalisation_steps(paper)
    >>> steps["box of 20 pixels"].shape, steps["centred"].shape
    ((20, 2), (28, 28))
    """
    grey = _at_most(picture.astype(np.uint8))
    low, high = int(grey.min()), int(grey.max())
    if low == high:
        raise ValueError(f"picture is of one grey level, {low}: nothing is drawn; expected a digit")
    white = 255 - grey if np.median(grey) > (low + high) / 2 else grey
    ink = _ink(white)
    box = _boxed(ink)
    return {
        "grey": grey,
        "white on black": white,
        "ink only": ink,
        "box of 20 pixels": box,
        "centred": centred(box),
    }


def centred(glyph: np.ndarray) -> np.ndarray:
    """Lay a glyph into the middle of an image by its centre of mass, as MNIST's are.

    Parameters
    ----------
    glyph : numpy.ndarray of uint8, shape (height, width)
        White on black, of at most 28 × 28 pixels, not all black.

    Returns
    -------
    numpy.ndarray of uint8, shape (28, 28)
        The whole glyph, moved by whole pixels: as near to the middle as its sides allow.
    """
    corner = []
    for axis, size in enumerate(glyph.shape):
        mass = glyph.sum(axis=1 - axis, dtype=np.float64)
        middle = mass @ (np.arange(size) + 0.5) / mass.sum()
        # In all of MNIST's images it lies 14 pixels from the edge or up to one more.
        corner.append(int(np.clip(np.ceil(SIDE / 2 - middle), 0, SIDE - size)))
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    (top, left), (height, width) = corner, glyph.shape
    image[top : top + height, left : left + width] = glyph
    return image


def _at_most(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    reduced = Image.fromarray(picture)
    reduced.thumbnail((_LARGEST, _LARGEST), Image.Resampling.BICUBIC)  # smaller only
    return np.array(reduced)


def _ink(white: np.ndarray) -> np.ndarray:
    """Return what is thinner than a quarter of the picture: no shadow, no paper, no specks."""
    from scipy import ndimage  # only now: whoever lists the data sets imports this module

    strokes = ndimage.white_tophat(white.astype(np.float64), size=max(white.shape) // 4 + 1)
    strokes /= strokes.max()
    ink = np.rint(255 * np.clip((strokes - _FAINT) / (_FULL - _FAINT), 0, 1)).astype(np.uint8)
    pieces, count = ndimage.label(ink, structure=np.ones((3, 3)))
    mass = ndimage.sum_labels(ink, pieces, np.arange(count + 1))
    return np.where((mass >= _SPECK * mass.sum())[pieces], ink, 0).astype(np.uint8)


def _boxed(ink: np.ndarray) -> np.ndarray:
    from PIL import Image

    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    cut = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = GLYPH / max(cut.size)
    width, height = (max(1, round(scale * side)) for side in cut.size)
    box = np.array(cut.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
    return np.rint(255 * box / box.max()).astype(np.uint8)  # a thin stroke has become grey
