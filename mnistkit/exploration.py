"""Looking at a data set before learning from it: samples, broken files, classes, planted damage."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from mnistkit.data import Dataset, subset
from mnistkit.files import reading, replacing
from mnistkit.utils.arguments import IMAGES, LABELS, SEED, Array, Integer, checked


@checked(n_train=Integer(), n_test=Integer(), seed=SEED)
def at_most(dataset: Dataset, n_train: int, n_test: int, seed: int = 42) -> Dataset:
    """Give a stratified part of a data set, or all of it where it has no more than that.

    Parameters
    ----------
    dataset : Dataset
        What to take a part of.
    n_train, n_test : int
        Wanted numbers of images; where there are fewer, all are taken.
    seed : int
        Chooses which images.

    Returns
    -------
    Dataset
        `dataset` itself, in its own order, if nothing has to be left out. The order matters where neighbours
        are equally far away, and so for a figure that must be reproduced exactly.
    """
    n_train, n_test = min(n_train, len(dataset.x_train)), min(n_test, len(dataset.x_test))
    if (n_train, n_test) == (len(dataset.x_train), len(dataset.x_test)):
        return dataset
    return subset(dataset, n_train, n_test, seed)


@checked("x y", x=IMAGES, y=LABELS, per_class=Integer(), seed=SEED)
def sample_by_class(x: np.ndarray, y: np.ndarray, per_class: int, seed: int = 42) -> np.ndarray:
    """Draw the same number of images from each class (sheets of samples).

    Parameters
    ----------
    x : numpy.ndarray, shape (n, height, width)
        Images.
    y : numpy.ndarray of int, shape (n,)
        Classes 0 … k − 1.
    per_class : int
        Images a class.
    seed : int
        Chooses which.

    Returns
    -------
    numpy.ndarray, shape (k, per_class, height, width)
        Row c shows class c.

    Raises
    ------
    ValueError
        If a class has fewer than `per_class` images.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(y)
    if counts.min() < per_class:
        scarce = int(counts.argmin())
        raise ValueError(f"class {scarce} has {counts[scarce]} images, fewer than per_class={per_class}")
    chosen = [
        rng.choice(np.flatnonzero(y == label), per_class, replace=False) for label in range(len(counts))
    ]
    return x[np.stack(chosen)]


@checked(line=Integer())
def damaged_csv(source: Path | str, target: Path | str, *, line: int, column: str, text: str) -> Path:
    """Copy a CSV file and change one cell of it (what a broken file looks like).

    Parameters
    ----------
    source, target : pathlib.Path or str
        A CSV file with a header, and where to write the damaged copy.
    line : int
        Line of the file, counted from 1; line 1 is the header.
    column : str
        Name of the column.
    text : str
        What the cell holds afterwards.

    Returns
    -------
    pathlib.Path
        `target`.

    Raises
    ------
    ValueError
        If there is no such line or column.
    DataError
        If `source` can't be read.
    OSError
        If `target` can't be written; what was there before still is.
    """
    with reading(Path(source)), Path(source).open(newline="") as file:
        rows = list(csv.reader(file))
    if line > len(rows) or column not in rows[0]:
        raise ValueError(
            f"line={line}, column={column!r}: {source} has {len(rows):,} lines and the columns "
            f"{', '.join(rows[0][:5])}{', …' * (len(rows[0]) > 5)}"
        )
    rows[line - 1][rows[0].index(column)] = text
    with replacing(Path(target)) as whole, whole.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return Path(target)


@checked()
@contextmanager
def private_cache(folder: Path) -> Iterator[None]:
    """Let `load` keep what it parses in another folder for a while (loading from each format).

    Copies that are written, read once and deleted would otherwise stay in the user's data cache for ever.

    Parameters
    ----------
    folder : pathlib.Path
        The cache inside the ``with`` block.

    Yields
    ------
    None
        Afterwards the cache is where it was before.
    """
    before = os.environ.get("MNISTKIT_CACHE")
    os.environ["MNISTKIT_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MNISTKIT_CACHE"]
        else:
            os.environ["MNISTKIT_CACHE"] = before


@checked("values y", values=Array((1,)), y=LABELS, grid=Array((1,)))
def class_densities(values: np.ndarray, y: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Estimate how one value is distributed in each class (total intensity by class).

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        One value an image.
    y : numpy.ndarray of int, shape (n,)
        Classes 0 … k − 1, each with at least two different values.
    grid : numpy.ndarray, shape (m,)
        Where to estimate.

    Returns
    -------
    numpy.ndarray, shape (k, m)
        Gaussian kernel density (bandwidth by Scott's rule) of each class, in 1 / unit of `values`: the
        area under each row is 1.
    """
    from scipy.stats import gaussian_kde

    return np.stack([gaussian_kde(values[y == label])(grid) for label in range(int(y.max()) + 1)])


@checked("x y", x=IMAGES, y=LABELS)
def class_means(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Average the images of each class (mean images; nearest-mean classifier).

    Parameters
    ----------
    x : numpy.ndarray, shape (n, height, width)
        Images.
    y : numpy.ndarray of int, shape (n,)
        Classes 0 … k − 1.

    Returns
    -------
    numpy.ndarray of float64, shape (k, height, width)
        Mean image of each class, in grey levels.
    """
    return np.stack([x[y == label].mean(axis=0) for label in range(int(y.max()) + 1)])


@checked("x y", x=Array((2,)), y=LABELS, n_neighbors=Integer())
def suspect_labels(x: np.ndarray, y: ArrayLike, n_neighbors: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Find images whose nearest neighbours all agree on another class (label noise).

    Parameters
    ----------
    x : numpy.ndarray, shape (n, m)
        One row an image: pixels, or principal components.
    y : array-like of int, shape (n,)
        Classes.
    n_neighbors : int
        How many neighbours must agree; an image is not its own neighbour.

    Returns
    -------
    index : numpy.ndarray of int
        The doubted images, those with the nearest neighbours first.
    neighbour_label : numpy.ndarray of int
        The class that all their neighbours have.
    """
    from sklearn.neighbors import NearestNeighbors

    labels = np.asarray(y)
    distance, found = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(x).kneighbors()
    around = labels[found]
    agree = (around == around[:, :1]).all(axis=1) & (around[:, 0] != labels)
    index = np.flatnonzero(agree)
    index = index[distance[index].mean(axis=1).argsort(kind="stable")]
    return index, around[index, 0]


_LIES_DOWN = (1, 2, 3, 4, 5, 6, 7, 9)  # digits that look another way when they are transposed: not 0 and 8
_REPEATED = 0.1  # share of the rows that stand there twice


@dataclass(frozen=True)
class Damage:
    """What `damaged_copy` did to its images: one damage of each of three sorts.

    Attributes
    ----------
    classes_kind : {"missing", "swapped"}
        Whether a class is missing, or two classes have each other's label.
    classes : tuple of int
        This class, or both.
    images_kind : {"inverted", "transposed"}
        Whether grey levels are turned (255 − grey), or rows and columns are exchanged.
    images_class : int
        The label whose images are so.
    rows_kind : {"late labels", "repeated"}
        Whether each label is that of the row before, or the rows are exact copies of earlier ones.
    first_row : int
        From which row on.
    """

    classes_kind: str
    classes: tuple[int, ...]
    images_kind: str
    images_class: int
    rows_kind: str
    first_row: int


@checked(n=Integer(), seed=SEED)
def planned_damage(n: int, seed: int = 42) -> Damage:
    """Draw the damage of `damaged_copy` (what the checks of its exercises compare with).

    Parameters
    ----------
    n : int
        Rows of the copy.
    seed : int
        The same seed draws the same damage, and the same classes for every `n`.

    Returns
    -------
    Damage
        No class has two damages.

    Examples
    --------
    >>> planned_damage(800, seed=1) == planned_damage(800, seed=1)
    True
    """
    rng = np.random.default_rng([seed, 1])
    turned = int(rng.choice(_LIES_DOWN))
    others = rng.permutation([label for label in range(10) if label != turned])
    kind = str(rng.choice(["missing", "swapped"]))
    classes = tuple(sorted(others[: 1 if kind == "missing" else 2].tolist()))
    images_kind, rows_kind = rng.choice([["inverted", "transposed"], ["late labels", "repeated"]], axis=1)
    first_row = int(n * rng.uniform(0.5, 0.8))
    return Damage(kind, classes, str(images_kind), turned, str(rows_kind), first_row)


@checked("x y", x=IMAGES, y=LABELS, n=Integer(), seed=SEED)
def damaged_copy(x: np.ndarray, y: np.ndarray, n: int, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """Copy some images with their labels, and damage the copy (a data set to diagnose).

    Parameters
    ----------
    x : numpy.ndarray of uint8, shape (m, height, height)
        Images.
    y : numpy.ndarray of int, shape (m,)
        Classes 0 … 9.
    n : int
        Rows of the copy.
    seed : int
        Chooses the images, their order and the damage: see `planned_damage`.

    Returns
    -------
    images : numpy.ndarray of uint8, shape (n, height, height)
        The images of the copy. The first half has no damaged rows, only damaged classes.
    labels : numpy.ndarray of int, shape (n,)
        Their labels.

    Raises
    ------
    ValueError
        If there are not enough images without the class that is to be missing.
    """
    damage, rng = planned_damage(n, seed), np.random.default_rng([seed, 2])
    usable = np.flatnonzero(y != damage.classes[0]) if damage.classes_kind == "missing" else np.arange(len(y))
    if len(usable) < n:
        raise ValueError(f"n is {n}; expected at most {len(usable)}, the images that can be used")
    chosen = rng.permutation(usable)[:n]
    images, labels = x[chosen], y[chosen]
    if damage.classes_kind == "swapped":
        one, other = damage.classes
        labels = np.where(labels == one, other, np.where(labels == other, one, labels)).astype(y.dtype)
    own = labels == damage.images_class
    images[own] = 255 - images[own] if damage.images_kind == "inverted" else images[own].transpose(0, 2, 1)
    start = damage.first_row
    if damage.rows_kind == "late labels":
        labels[start:] = labels[start - 1 : -1].copy()
    else:
        again = slice(start, start + max(1, int(_REPEATED * n)))
        earlier = rng.permutation(start)[: again.stop - start]
        images[again], labels[again] = images[earlier], labels[earlier]
    return images, labels
