"""Images that are equal or nearly so, and how far apart others are (leakage)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistkit.utils.arguments import IMAGES, Array, Integer, checked

_BLOCK = 4096  # images a step: 26 MB as float64, whatever the size of the data set


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
