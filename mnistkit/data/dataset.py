"""What `load` returns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from mnistkit.data.registry import DatasetSpec, datasets

SIDE = 28
"""Height and width of every image, in pixels."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels, split into a training and a test part.

    The arrays are read-only: a lesson that changes pixels works on a copy.

    Attributes
    ----------
    name : str
        ``mnist``, ``fashion-mnist``, …; of images of one's own, the name of their folder.
    x_train, x_test : numpy.ndarray of uint8, shape (n, 28, 28)
        Grey values, 0 (background) to 255.
    y_train : numpy.ndarray of uint8, shape (n,)
        Class of each training image, an index into `class_names`.
    y_test : numpy.ndarray of uint8, shape (n,), or None
        Class of each test image; None where the test part is unlabelled (``digit-recognizer``).
    class_names : tuple of str
        Name of class 0, 1, ….
    source : str
        Where the data came from, for people: a folder, a URL, or the name of the stand-in.
    sha256 : str
        Hash of the four arrays' contents (see `content_sha256`): the same data in another format has the
        same hash.
    is_standin : bool
        True where these are stand-ins and not the data set that `name` says.

    Examples
    --------
    >>> from mnistkit.data import load
    >>> digits = load("mnist", "bundled")
    >>> digits.x_train.shape, digits.y_train.shape, digits.is_standin
    ((1500, 28, 28), (1500,), True)
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray | None
    class_names: tuple[str, ...]
    source: str
    sha256: str
    is_standin: bool

    @property
    def title(self) -> str:
        """What a text calls it: ``Fashion-MNIST``; the name where it has no other."""
        spec = _spec(self.name)
        return (spec.full_name if spec else "") or self.name

    @property
    def item(self) -> str:
        """What one image shows: ``digit``, ``garment``, ``letter`` …, or ``image``."""
        spec = _spec(self.name)
        return spec.item if spec else "image"

    def __repr__(self) -> str:
        kind = "STAND-IN, " if self.is_standin else ""
        return (
            f"Dataset({self.name!r}, {kind}{len(self.x_train):,} train + {len(self.x_test):,} test images, "
            f"{len(self.class_names)} classes, source={self.source!r})"
        )


def _spec(name: str) -> DatasetSpec | None:
    """Return what there is to know about a data set; None about images of one's own."""
    return datasets().get(name)


def part_sha256(array: np.ndarray | None) -> str:
    """Hash one array's bytes, without its shape: SHA-256 in hexadecimal, or ``none`` for None."""
    if array is None:
        return "none"
    return hashlib.sha256(np.ascontiguousarray(array, dtype=np.uint8).data).hexdigest()


def content_sha256(
    x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray | None
) -> str:
    """Hash the contents of a data set, whatever files it came from.

    Parameters
    ----------
    x_train, y_train, x_test : numpy.ndarray of uint8
        The arrays of a `Dataset`.
    y_test : numpy.ndarray of uint8 or None
        Test labels, None where there are none.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits, over each array's length and `part_sha256` in this order.
    """
    digest = hashlib.sha256()
    for array in (x_train, y_train, x_test, y_test):
        length = 0 if array is None else len(array)
        digest.update(f"{length}:{part_sha256(array)}\n".encode())
    return digest.hexdigest()
