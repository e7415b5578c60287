"""Smaller data sets with the same balance of classes, for lessons that must fit into a class hour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mnistkit.data.dataset import Dataset, content_sha256
from mnistkit.errors import DataError
from mnistkit.utils.arguments import SEED, checked


@checked(seed=SEED)
def subset(dataset: Dataset, n_train: int, n_test: int | None = None, seed: int = 42) -> Dataset:
    """Draw a stratified random part of a data set (all lessons, for their lab presets).

    Parameters
    ----------
    dataset : Dataset
        Where to draw from.
    n_train : int
        Training images to keep.
    n_test : int, optional
        Test images to keep; all of them if not given.
    seed : int
        The same seed draws the same images in the same order.

    Returns
    -------
    Dataset
        In shuffled order. Every class is within one image of its share of the original part (an unlabelled
        test part is drawn without regard to class).

    Raises
    ------
    DataError
        If a number is below 1 or above what the part has.

    Examples
    --------
    >>> from mnistkit.data import load
    >>> few = subset(load("mnist", "bundled"), 100, 20)
    >>> len(few.x_train), len(few.x_test)
    (100, 20)
    """
    n_test = len(dataset.x_test) if n_test is None else n_test
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)  # so n_train does not change which test images
    _check_size(dataset, "train", n_train, len(dataset.x_train))
    _check_size(dataset, "test", n_test, len(dataset.x_test))
    train = _draw(dataset.y_train, n_train, train_rng)
    if dataset.y_test is None:
        test = test_rng.choice(len(dataset.x_test), n_test, replace=False)
    else:
        test = _draw(dataset.y_test, n_test, test_rng)
    x_train, y_train, x_test = dataset.x_train[train], dataset.y_train[train], dataset.x_test[test]
    y_test = None if dataset.y_test is None else dataset.y_test[test]
    for array in (x_train, y_train, x_test, y_test):
        if array is not None:
            array.flags.writeable = False
    whole = f"{len(dataset.x_train):,} + {len(dataset.x_test):,}"
    return replace(
        dataset,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        source=f"{dataset.source}; subset {n_train:,} + {n_test:,} of {whole}, seed {seed}",
        sha256=content_sha256(x_train, y_train, x_test, y_test),
    )


def _check_size(dataset: Dataset, part: str, wanted: int, available: int) -> None:
    if not 1 <= wanted <= available:
        raise DataError(
            f"subset of {dataset.name}",
            found=f"n_{part}={wanted:,}",
            expected=f"1 to {available:,}: that many {part} images are there",
            todo="ask for fewer images" if wanted > available else "ask for at least one image",
        )


def _draw(labels: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of a stratified sample, shuffled."""
    order = rng.permutation(len(labels))
    shuffled = labels[order]
    shares = _shares(np.bincount(labels), wanted, rng)
    chosen = [order[shuffled == label][:share] for label, share in enumerate(shares)]
    return rng.permutation(np.concatenate(chosen))


def _shares(counts: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Split `wanted` in proportion to `counts` by largest remainder (Hamilton's method), ties at random."""
    exact = counts * (wanted / counts.sum())
    shares = np.floor(exact).astype(np.int64)
    by_remainder = np.lexsort((rng.random(len(counts)), shares - exact))
    shares[by_remainder[: wanted - shares.sum()]] += 1
    return shares
