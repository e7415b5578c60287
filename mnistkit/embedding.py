"""Images in few dimensions, and how near their neighbours are.

What scikit-learn does is used from there; a lesson calls `StandardScaler`, `PCA`, `DBSCAN` and others itself.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import kneighbors_graph
from tqdm import tqdm

from mnistkit.utils import threads
from mnistkit.utils.arguments import SEED, Array, Choice, Integer, Number, checked

__all__ = ["distance_matrix", "k_distances", "neighbourhood_preservation", "tsne"]

_THREADS_PAY = 2_000
"""Up to that many rows threads, which wait for each other in each step, gain little and may lose much."""
_WIDE = 10_000  # columns
_FEWEST_ROWS = 20  # that scikit-learn takes
_EXAGGERATED = 250
_STEPS_A_CALL = 25
_INTERPOLATION_PAYS = 10_000
"""Rows from which interpolation on a grid, whose cost hardly grows with them, beats Barnes-Hut's tree."""


@checked(
    x=Array((2,)),
    dimensions=Integer(2, 3),
    components=Integer(),
    perplexity=Number(1),
    iterations=Integer(_EXAGGERATED + 1),
    init=Choice(("pca", "random")),
    seed=SEED,
)
def tsne(
    x: ArrayLike,
    dimensions: int = 2,
    *,
    components: int = 50,
    perplexity: float = 30.0,
    iterations: int = 750,
    init: Literal["pca", "random"] = "pca",
    seed: int = 42,
    progress: str = "",
) -> NDArray[np.float32]:
    """Lay out rows in 2 or 3 dimensions with t-SNE, after principal components.

    van der Maaten and Hinton, "Visualizing data using t-SNE", 2008, as openTSNE has it (Poličar et al., 2024,
    https://doi.org/10.18637/jss.v109.i03): faster than scikit-learn in 3 dimensions and for many rows, and it
    can report its progress (``docs/engineer/speed.md``). The first components keep nearly all of what
    distances say, and make each of the many distances cheap.

    Parameters
    ----------
    x : array-like of shape (n, d)
        The rows.
    dimensions : int
        2 or 3.
    components : int
        Principal components to lay out; all columns as they are where there are no more than that.
    perplexity : float
        About how many neighbours of a row count; below n / 3.
    iterations : int
        Steps, of which the first 250 exaggerate the neighbours' attraction; more than 250.
    init : str
        ``pca``: begin with the first components, which keeps the large picture. ``random``: begin anywhere,
        to see what is luck.
    seed : int
        Seed of everything random.
    progress : str
        What to write before the progress bar; no bar where empty.

    Returns
    -------
    numpy.ndarray of float32, shape (n, dimensions)
        Which rows are near is meant; how far apart islands are, and how large, is not.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(60, 5))
    >>> tsne(rows, perplexity=10, iterations=260).shape
    (60, 2)
    """
    from openTSNE import TSNE

    rows = np.asarray(x, dtype="float32")
    if components < min(rows.shape):
        rows = PCA(n_components=components, random_state=seed).fit_transform(rows)
    interpolate = dimensions == 2 and len(rows) > _INTERPOLATION_PAYS

    def move(*_: Any) -> None:  # what it returns would stop the layout
        bar.update(_STEPS_A_CALL)

    with tqdm(
        total=iterations, desc=progress, unit="step", file=sys.stdout, ncols=100, disable=not progress
    ) as bar:
        method = TSNE(
            n_components=dimensions,
            perplexity=perplexity,
            n_iter=iterations - _EXAGGERATED,
            early_exaggeration_iter=_EXAGGERATED,
            initialization=init,
            negative_gradient_method="fft" if interpolate else "bh",
            random_state=seed,
            n_jobs=threads.allowed() if len(rows) > _THREADS_PAY else 1,
            callbacks=move,
            callbacks_every_iters=_STEPS_A_CALL,
        )
        with _narrow_search(rows):
            places = method.fit(rows)
    return np.asarray(places, dtype="float32")


@checked(x=Array((2,)))
def distance_matrix(x: ArrayLike) -> NDArray[np.float32]:
    """Compute the distance of each row to each other, once for all that asks about neighbours.

    The curve of `k_distances` and ``DBSCAN(metric="precomputed")`` need the same distances.

    Parameters
    ----------
    x : array-like of shape (n, d)
        The rows.

    Returns
    -------
    numpy.ndarray of float32, shape (n, n)
        Euclidean distances, 0 on the diagonal; 4 n² bytes: 400 MB for 10,000 rows.

    Examples
    --------
    >>> distance_matrix([[0.0, 0.0], [3.0, 4.0]]).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    rows = np.asarray(x)
    distances = np.empty((len(rows), len(rows)), "float32")
    start = 0
    for part in pairwise_distances_chunked(rows, n_jobs=1, working_memory=64):
        distances[start : start + len(part)] = part
        start += len(part)
    np.fill_diagonal(distances, 0)
    return distances


@checked(distances=Array((2,), low=0), k=Integer())
def k_distances(distances: NDArray[np.floating], k: int) -> NDArray[np.float32]:
    """Sort the rows' distances to their k-th nearest other row: the curve to choose eps from.

    Ester et al., "A density-based algorithm for discovering clusters", 1996, section 4.2. scikit-learn's
    DBSCAN counts the row itself among its ``min_samples``: a row is a core point if its distance to the
    ``min_samples - 1``-th other row is at most eps.

    Parameters
    ----------
    distances : numpy.ndarray, shape (n, n)
        From `distance_matrix`.
    k : int
        1 to n - 1.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Ascending.

    Raises
    ------
    ValueError
        If `k` is out of its range.

    Examples
    --------
    >>> k_distances(distance_matrix([[0.0], [1.0], [3.0]]), 1).tolist()
    [1.0, 1.0, 2.0]
    """
    if k >= len(distances):
        raise ValueError(f"k is {k}: with {len(distances)} rows it must be 1 to {len(distances) - 1}")
    # Row by row: np.partition of the whole would copy it. The row itself is at position 0.
    return np.sort([np.partition(row, k)[k] for row in distances])


@checked("before after", before=Array((2,)), after=Array((2,)), k=Integer())
def neighbourhood_preservation(before: ArrayLike, after: ArrayLike, k: int = 10) -> float:
    """Measure how many of the k nearest neighbours stay neighbours.

    Parameters
    ----------
    before, after : array-like of shape (n, d) and (n, e)
        The same rows in two spaces.
    k : int
        Neighbours of each row, 1 to n - 1.

    Returns
    -------
    float
        Share of the k nearest rows before that are among the k nearest after, 0 to 1; k / (n - 1) by chance.

    Raises
    ------
    ValueError
        If the two have different numbers of rows.

    Examples
    --------
    >>> before = [[0.0], [1.0], [3.0], [6.0]]
    >>> neighbourhood_preservation(before, [[0.0], [2.0], [6.0], [12.0]], 1)
    1.0
    >>> neighbourhood_preservation(before, [[0.0], [1.0], [6.0], [3.0]], 1)
    0.5
    """
    first, second = (_neighbour_graph(np.asarray(x), k) for x in (before, after))
    return float(first.multiply(second).sum() / first.sum())


def _neighbour_graph(rows: NDArray[np.floating], k: int) -> csr_matrix:
    with _narrow_search(rows):
        return kneighbors_graph(rows, k)


def _narrow_search(rows: NDArray[np.floating]) -> AbstractContextManager[None]:
    """Have scikit-learn search few rows at a time where they are wide.

    Each of its threads holds twice 256 rows as float64: 1.2 GB of report R2's 150,528 columns.
    """
    return config_context(pairwise_dist_chunk_size=256 if rows.shape[1] < _WIDE else _FEWEST_ROWS)
