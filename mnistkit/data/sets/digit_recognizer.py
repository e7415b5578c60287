"""Kaggle's Digit Recognizer, made from MNIST where its files are not at hand.

The competition shuffled MNIST's 70,000 images and labelled 42,000 of them. We do the same with a seed of our
own, so the rows come in another order than Kaggle's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistkit.data import cache
from mnistkit.data.dataset import Dataset
from mnistkit.data.registry import DatasetSpec, Derived
from mnistkit.data.sets.mnist import MNIST
from mnistkit.errors import DataError
from mnistkit.utils.arguments import IMAGES, checked

LABELLED = 0.6  # 42,000 of 70,000
_SEED = 42  # fixed: like Kaggle's files, the made ones are the same for everybody


def make_recognizer(mnist: Dataset) -> Dataset:
    """Shuffle MNIST into 42,000 labelled and 28,000 unlabelled images.

    Parameters
    ----------
    mnist : Dataset
        MNIST, its stand-in or a subset; 60 % of its images become the training part.

    Returns
    -------
    Dataset
        Named ``digit-recognizer``, with ``y_test`` None. Its arrays are kept in the cache.

    Raises
    ------
    DataError
        If `mnist` is another data set or unlabelled, or the cache can't be written.
    """
    total = len(mnist.x_train) + len(mnist.x_test)
    order, cut = np.random.default_rng(_SEED).permutation(total), round(LABELLED * total)

    def shuffled() -> dict[str, np.ndarray]:
        x = np.concatenate([mnist.x_train, mnist.x_test])[order]
        return {"x_train": x[:cut], "y_train": _labels(mnist)[order[:cut]], "x_test": x[cut:]}

    entry = cache.get_or_make(DIGIT_RECOGNIZER.name, [mnist.sha256, _SEED], shuffled)
    return Dataset(
        name=DIGIT_RECOGNIZER.name,
        x_train=entry.arrays["x_train"],
        y_train=entry.arrays["y_train"],
        x_test=entry.arrays["x_test"],
        y_test=None,
        class_names=mnist.class_names,
        source=f"{mnist.source}; shuffled like Kaggle's Digit Recognizer, seed {_SEED}",
        sha256=entry.sha256,
        is_standin=mnist.is_standin,
    )


@checked(images=IMAGES)
def known_labels(images: np.ndarray, mnist: Dataset) -> np.ndarray | None:
    """Look images up in MNIST, to score answers for a test part without labels.

    Kaggle's test images are MNIST's, pixel for pixel, so this works for its files as for the ones made here.

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape (n, 28, 28)
        Images without labels.
    mnist : Dataset
        MNIST or its stand-in.

    Returns
    -------
    numpy.ndarray of uint8, shape (n,), or None
        The digit on each image; None where MNIST does not have all of them.

    Raises
    ------
    DataError
        If `mnist` is another data set or unlabelled.

    Examples
    --------
    >>> from mnistkit.data import load
    >>> unlabelled = load("digit-recognizer", "bundled")
    >>> labels = known_labels(unlabelled.x_test, load("mnist", "bundled"))
    >>> len(labels) == len(unlabelled.x_test)
    True
    """
    known = np.concatenate([mnist.x_train, mnist.x_test])
    digits = {image.tobytes(): digit for image, digit in zip(known, _labels(mnist), strict=True)}
    found = [digits.get(image.tobytes()) for image in images]
    return None if None in found else np.array(found, np.uint8)


def _labels(mnist: Dataset) -> np.ndarray:
    if mnist.name != MNIST.name or mnist.y_test is None:
        raise DataError(
            DIGIT_RECOGNIZER.name,
            found=f"the data set {mnist.name!r}",
            expected=f"{MNIST.name!r}, with test labels",
            todo=f'use load("{MNIST.name}")',
        )
    return np.concatenate([mnist.y_train, mnist.y_test])


def _is_recognizer(fmt: str, said: str | None, missing: Sequence[str]) -> bool:
    """Whether it is a table a half, as Kaggle has them, whose test half is not labelled."""
    return fmt == "table" and list(missing) == ["y_test"] and said in (None, MNIST.name)


DIGIT_RECOGNIZER = DatasetSpec(
    name="digit-recognizer",
    rank=4,
    summary="MNIST as Kaggle's competition: 42,000 labelled + 28,000 unlabelled",
    licence=MNIST.licence,
    full_name="Digit Recognizer",
    item=MNIST.item,
    class_names=MNIST.class_names,
    spelling="digit[-_ ]?recogni[sz]er",
    origin=Derived(MNIST.name, make_recognizer),
    has_test_labels=False,
    typical=_is_recognizer,
)
