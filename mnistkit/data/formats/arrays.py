"""Arrays as people store them, made into images (n, 28, 28) and labels (n,) of uint8, or refused.

The rule, for IDX, .npz and .npy alike: what has one meaning is taken. Images may be flat or have one channel,
labels may be a column, one-hot or digits in text; whole numbers may be of any type. Images without a value
over 1, of bool or any other type, are black (0) and white (255), as a picture of two colours is. Floats that
are not whole are taken only where all are k / 255, the scaling that can be undone exactly; standardised or
otherwise scaled ones are refused.
"""

from __future__ import annotations

import numpy as np

from mnistkit.data.dataset import SIDE
from mnistkit.data.registry import MAX_CLASSES
from mnistkit.errors import DataError

_IMAGES = ((SIDE, SIDE), (SIDE * SIDE,), (SIDE, SIDE, 1), (1, SIDE, SIDE))
_ROWS = 4096  # converted at a time, so that a wide type does not take its memory twice


def kind_of(shape: tuple[int, ...], *, any_size: bool = False) -> str | None:
    """Say by its shape whether an array holds images (``x``), labels (``y``) or neither (None).

    Parameters
    ----------
    shape : tuple of int
        The array's shape.
    any_size : bool
        Whether images need not have 28 × 28 pixels; flat ones still must.
    """
    if not shape or shape[0] < 1:
        return None
    if shape[1:] in _IMAGES or (any_size and _height_and_width(shape)):
        return "x"
    return "y" if len(shape) == 1 or (len(shape) == 2 and 1 <= shape[1] <= MAX_CLASSES) else None


def _height_and_width(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return how large images of this shape are, with or without an axis for their one channel."""
    sides = shape[1:-1] if len(shape) == 4 and shape[-1] == 1 else shape[1:]
    sides = sides[1:] if len(sides) == 3 and sides[0] == 1 else sides
    return (sides[0], sides[1]) if len(sides) == 2 and min(sides) > 1 else None


def as_images(where: str, array: np.ndarray) -> np.ndarray:
    """Return images as uint8, shape (n, height, width); flat ones have 28 × 28 pixels.

    Parameters
    ----------
    where : str
        The file (and array), for messages.
    array : numpy.ndarray
        Of a shape that `kind_of` calls images.

    Returns
    -------
    numpy.ndarray of uint8
        The same memory where it is uint8 already, and not only of 0 and 1.

    Raises
    ------
    DataError
        If the values are not whole numbers from 0 to 255, nor all k / 255.
    """
    sides = _height_and_width(array.shape) or (SIDE, SIDE)
    if array.dtype.kind == "f" and array.max() <= 1:
        return _unscaled(where, array).reshape(-1, *sides)
    return black_and_white(_whole(where, array)).reshape(-1, *sides)


def black_and_white(images: np.ndarray) -> np.ndarray:
    """Return images of whole numbers with 255 for 1, where no value is over 1; others as they are."""
    return images * np.uint8(255) if images.max() <= 1 else images


def as_labels(where: str, array: np.ndarray) -> np.ndarray:
    """Return labels as uint8, shape (n,); one-hot rows become the number of their column.

    Of QMNIST's extended labels (digit, series, writer, …) only the digit is taken.

    Parameters
    ----------
    where : str
        The file (and array), for messages.
    array : numpy.ndarray
        Of a shape that `kind_of` calls labels.

    Returns
    -------
    numpy.ndarray of uint8
        Numbers from 0 to 255: whoever knows the classes checks them.

    Raises
    ------
    DataError
        If the values are not whole numbers from 0 to 255, or the rows of a table not one-hot.
    """
    if array.ndim == 2 and array.shape[1] > 1:
        return _whole(where, array[:, 0]) if _is_extended(array) else _from_one_hot(where, array)
    if array.dtype.kind in "SU":
        array = _from_text(where, array)
    return _whole(where, array).reshape(-1)


def _whole(where: str, array: np.ndarray) -> np.ndarray:
    """Convert whole numbers from 0 to 255 of any type."""
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "buif":
        raise _wrong_type(where, array)
    whole = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS]
        fits = (block >= 0) & (block <= 255)  # false for NaN too
        if not fits.all() or (array.dtype.kind == "f" and (block != np.rint(block)).any()):
            raise _wrong_values(where, array)
        whole[start : start + _ROWS] = block
    return whole


def _unscaled(where: str, array: np.ndarray) -> np.ndarray:
    """Undo the division by 255, where that is what was done to every value."""
    tolerance = 2 * np.finfo(array.dtype).eps  # whoever multiplies by 1/255 rounds twice
    whole = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS].astype(np.float64)
        grey = np.rint(block * 255)
        if not (np.abs(block - grey / 255) <= tolerance * block).all():
            raise _wrong_values(where, array)
        whole[start : start + _ROWS] = grey
    return whole


def _is_extended(array: np.ndarray) -> bool:
    """Whether rows are QMNIST's extended labels: the fifth of eight numbers is 30 + the digit."""
    return array.shape[1] == 8 and array.dtype.kind in "iu" and bool((array[:, 4] == array[:, 0] + 30).all())


def _from_one_hot(where: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "buif":
        raise _wrong_type(where, array)
    hot = array == 1
    if not ((hot | (array == 0)).all() and (hot.sum(axis=1) == 1).all()):
        raise DataError(
            where,
            found=f"{array.dtype} of shape {array.shape} whose rows are not one-hot",
            expected="a label for each image, or rows with a single 1",
            todo="store the labels as numbers, shape (n,)",
        )
    return hot.argmax(axis=1).astype(np.uint8)


def _from_text(where: str, array: np.ndarray) -> np.ndarray:
    text = np.char.strip(array.astype("U") if array.dtype.kind == "S" else array)
    wrong = ~(np.char.isdigit(text) & (np.char.str_len(text) <= 3))
    if wrong.any():
        raise DataError(
            where,
            found=f"{array.dtype} of shape {array.shape}: labels such as {text[wrong][0][:30]!r}",
            expected="whole numbers from 0 to 255",
            todo="store the classes as numbers: 0, 1, …",
        )
    return text.astype(np.int64)


def _wrong_type(where: str, array: np.ndarray) -> DataError:
    return DataError(
        where,
        found=f"{array.dtype} of shape {array.shape}",
        expected="whole numbers from 0 to 255",
        todo="store the images and labels as plain numbers (uint8), as they were before any scaling",
    )


def _wrong_values(where: str, array: np.ndarray) -> DataError:
    low, high = array.min(), array.max()  # NaN where there is one
    return DataError(
        where,
        found=f"{array.dtype} values from {low:.6g} to {high:.6g}",
        expected="whole numbers from 0 to 255 (or images scaled to k / 255 exactly)",
        todo="store the images and labels as they were, before any scaling",
    )
