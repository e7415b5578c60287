"""Looking at a data set before learning from it: samples, distances, duplicates, small changes."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistkit.data import Dataset, subset
from mnistkit.files import reading
from mnistkit.utils.arguments import IMAGES, LABELS, SEED, Array, Integer, Number, checked

_BLOCK = 4096  # images a step: 26 MB as float64, whatever the size of the data set


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
    """
    with reading(Path(source)), Path(source).open(newline="") as file:
        rows = list(csv.reader(file))
    if line > len(rows) or column not in rows[0]:
        raise ValueError(
            f"line={line}, column={column!r}: {source} has {len(rows):,} lines and the columns "
            f"{', '.join(rows[0][:5])}{', …' * (len(rows[0]) > 5)}"
        )
    rows[line - 1][rows[0].index(column)] = text
    with Path(target).open("w", newline="") as file:
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


@checked(a=IMAGES, b=Array((2, 3)))
def pixel_distance(a: np.ndarray, b: np.ndarray) -> NDArray[np.float64]:
    """Measure how far images are apart: the Euclidean distance of their pixels.

    Parameters
    ----------
    a, b : numpy.ndarray, shape (n, height, width)
        Images, compared one by one; `b` may also be a single image.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        ``√(Σ (aᵢ − bᵢ)²)`` in grey levels: 0 for equal images, at most 255 · 28 = 7,140 for 28 × 28 pixels.
    """
    distances = np.empty(len(a))
    for start in range(0, len(a), _BLOCK):
        part = slice(start, start + _BLOCK)
        # Subtract as floats: 3 − 5 of unsigned bytes is 254.
        difference = a[part].astype(np.float64) - (b[part] if b.ndim == a.ndim else b)
        distances[part] = np.sqrt((difference**2).sum(axis=(1, 2)))
    return distances


@checked(x=IMAGES)
def exact_duplicates(x: np.ndarray) -> list[tuple[int, ...]]:
    """Find images that are equal in every pixel (leakage).

    Each image is hashed once, so the time grows with n and not with n².

    Parameters
    ----------
    x : numpy.ndarray, shape (n, height, width)
        Images.

    Returns
    -------
    list of tuple of int
        Indices of each group of equal images, ascending; no groups of one.
    """
    groups: dict[bytes, list[int]] = {}
    for index, image in enumerate(x):
        groups.setdefault(image.tobytes(), []).append(index)
    return [tuple(group) for group in groups.values() if len(group) > 1]


@dataclass(frozen=True)
class Neighbours:
    """The nearest other image of each image.

    Attributes
    ----------
    index : numpy.ndarray of int, shape (n,)
        Which reference image it is.
    distance : numpy.ndarray of float64, shape (n,)
        How far away it is, in grey levels (see `pixel_distance`).
    bound : numpy.ndarray of float64, shape (n,)
        No reference image is nearer than this: the distance to the nearest one after the projection.
    """

    index: np.ndarray
    distance: np.ndarray
    bound: np.ndarray


@checked(x=IMAGES, reference=IMAGES, n_components=Integer(), candidates=Integer())
def nearest_images(
    x: np.ndarray, reference: np.ndarray | None = None, *, n_components: int = 50, candidates: int = 5
) -> Neighbours:
    """Find the nearest other image of each image (near duplicates).

    The search runs on the first principal components, about 15 times fewer numbers than pixels. A projection
    never makes a distance longer, so a pair that is far apart there is at least as far apart in pixels. The
    few candidates found are then compared pixel by pixel.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, height, width)
        Images.
    reference : numpy.ndarray, shape (m, height, width), optional
        Where to look for neighbours; by default among the other images of `x`.
    n_components : int
        Principal components to search on.
    candidates : int
        How many neighbours after the projection are compared pixel by pixel.

    Returns
    -------
    Neighbours
        Nearest candidate of each image of `x`.
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import NearestNeighbors

    within = reference is None
    pool = x if reference is None else reference
    flat_pool = pool.reshape(len(pool), -1).astype(np.float32)
    pca = PCA(min(n_components, *flat_pool.shape), svd_solver="covariance_eigh").fit(flat_pool)
    search = NearestNeighbors(n_neighbors=candidates, algorithm="brute").fit(pca.transform(flat_pool))
    del flat_pool
    # Without a query scikit-learn leaves out each image itself, also where it has an exact copy.
    query = None if within else pca.transform(x.reshape(len(x), -1).astype(np.float32))
    bound, found = search.kneighbors(query)
    distances = np.stack([pixel_distance(x, pool[column]) for column in found.T], axis=1)
    best = distances.argmin(axis=1)
    rows = np.arange(len(x))
    return Neighbours(found[rows, best], distances[rows, best], bound[:, 0].astype(np.float64))


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
