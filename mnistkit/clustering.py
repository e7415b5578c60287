"""Clustering: sweeps over the number of clusters, and how clusters compare with known classes.

The silhouette of a row needs its distance to every other row, but those distances do not depend on the
clustering. :func:`silhouette_sweep` therefore computes each distance once for all numbers of clusters.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.utils import check_random_state
from sklearn.utils.extmath import randomized_svd
from tqdm import tqdm

from mnistkit.utils.arguments import CATEGORIES, SEED, Array, Integer, Items, Number, Table, anything, checked

__all__ = [
    "KMeansSweep",
    "SilhouetteSweep",
    "cluster_table",
    "confused_pairs",
    "elbow",
    "kmeans_sweep",
    "match_clusters",
    "one_to_one_accuracy",
    "purity",
    "scores",
    "silhouette_sweep",
]

_T = TypeVar("_T")

# A squared distance |x|² + |y|² - 2xy is off by some 1e-15 of |x|² + |y|². Below this share of it the
# distance is computed again from the differences, so that every distance is good to about 1e-8.
_CANCELLATION = 1e-6

# K-means compares distances within the leading components, found on some of the rows. More components cost
# more in each iteration, and leave fewer rows in doubt: on MNIST, 128 are the fastest of 64, 96, 128 and 192.
_COMPONENTS = 128
_BASIS_ROWS = 5000
# Of a row's square: what float32 can be off by in a difference of two squared distances.
_ROUNDING = 1e-5
_MAX_ITERATIONS = 300  # scikit-learn's
_TOLERANCE = 1e-4  # scikit-learn's: of the columns' mean variance


@dataclass(frozen=True)
class KMeansSweep:
    """K-means for several numbers of clusters, as :func:`kmeans_sweep` returns it.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per k, ascending: ``k``, ``inertia`` (sum of squared distances to the nearest centre),
        ``n_iter`` (of the best start), ``seconds`` (wall time; choosing the starts counts in equal parts).
    labels : dict of int to ndarray of shape (n,), int32
        The cluster of each row, 0 to k - 1, by k.
    centers : dict of int to ndarray of shape (k, d)
        The centres by k, in the units of the data.
    """

    table: pd.DataFrame
    labels: dict[int, NDArray[np.int32]]
    centers: dict[int, NDArray[np.floating]]

    @property
    def ks(self) -> tuple[int, ...]:
        """The numbers of clusters, ascending."""
        return tuple(self.labels)

    @property
    def rises(self) -> tuple[int, ...]:
        """Every k whose inertia is above that of the k before it.

        The best inertia can only fall as k grows, so a rise means that the starts were unlucky: run the
        sweep with a larger ``n_init``.
        """
        return tuple(int(k) for k in self.table["k"][self.table["inertia"].diff() > 0])


@dataclass(frozen=True)
class SilhouetteSweep:
    """Silhouettes of several clusterings of the same rows, as :func:`silhouette_sweep` returns them.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per clustering, in the order given: ``k`` and ``silhouette``, the mean over the rows
        (-1 to 1).
    samples : dict of int to ndarray of shape (len(rows),), float64
        The silhouette of each row in ``rows``, by k (-1 to 1).
    rows : ndarray of shape (n or sample_size,), int64
        The rows of the data that were used, ascending.
    """

    table: pd.DataFrame
    samples: dict[int, NDArray[np.float64]]
    rows: NDArray[np.int64]


@checked(x=Array((2,)), ks=Items(Integer()), seed=SEED, n_init=Integer())
def kmeans_sweep(
    x: ArrayLike, ks: Iterable[int], *, seed: int = 42, n_init: int = 3, progress: bool = True
) -> KMeansSweep:
    """Run K-means once for each number of clusters, as scikit-learn's `KMeans` does but faster.

    The greedy k-means++ chooses one centre after the other, so its choice for fewer clusters is the beginning
    of that for more: each start is chosen once for many k. Where there are many columns, most rows find their
    nearest centre within the leading principal components: what the other components can change is bounded,
    and only rows in doubt are compared in full. ``benchmarks/clustering.py`` measures both.

    Parameters
    ----------
    x : array-like of shape (n, d)
        The data, scaled as the lesson wants it. float32 is faster than float64.
    ks : iterable of int
        Numbers of clusters, each from 1 to n, in any order, without repeats.
    seed : int
        Seed of the starts; the same for each k. The first start is that of
        ``KMeans(k, n_init=1, random_state=seed)``.
    n_init : int
        Starts for each k, of which the one with the lowest inertia is kept.
    progress : bool
        Show a progress line.

    Returns
    -------
    KMeansSweep

    Raises
    ------
    ValueError
        If `ks` is empty, repeats a number or has one outside 1 to n; if `x` is not a finite 2-D array.

    References
    ----------
    D. Arthur and S. Vassilvitskii (2007). k-means++: the advantages of careful seeding. Proceedings of SODA,
    1027-1035. S. P. Lloyd (1982). Least squares quantization in PCM. IEEE Transactions on Information Theory
    28, 129-137.

    Examples
    --------
    >>> x = [[0.0], [0.1], [5.0], [5.1]]
    >>> sweep = kmeans_sweep(x, [2], progress=False)
    >>> len(set(sweep.labels[2].tolist()))
    2
    """
    x = np.asarray(x)
    x = x if x.dtype in (np.float64, np.float32) else x.astype(np.float64)
    ks = _checked_ks(ks, len(x))
    begin = time.perf_counter()
    mean = x.mean(axis=0)
    rows = _Rows.of(x - mean)
    starts = _starts(rows.x, ks, [seed, *np.random.SeedSequence(seed).generate_state(n_init - 1).tolist()])
    preparing = (time.perf_counter() - begin) / len(ks)
    records = []
    labels: dict[int, NDArray[np.int32]] = {}
    centers: dict[int, NDArray[np.floating]] = {}
    for k in _progress(ks, "K-means", progress):
        start = time.perf_counter()
        best = min((_lloyd(rows, rows.x[first]) for first in starts[k]), key=lambda fit: fit.inertia)
        seconds = time.perf_counter() - start + preparing
        records.append((k, best.inertia, best.n_iter, seconds))
        labels[k], centers[k] = best.labels, best.centers + mean
    return KMeansSweep(pd.DataFrame(records, columns=["k", "inertia", "n_iter", "seconds"]), labels, centers)


def _starts(
    x: NDArray[np.floating[Any]], ks: Sequence[int], seeds: Sequence[int]
) -> dict[int, list[NDArray[np.int64]]]:
    """Choose the rows that are the first centres, of centred data: by k, for each seed."""
    starts: dict[int, list[NDArray[np.int64]]] = {k: [] for k in ks}
    candidates = [2 + int(np.log(k)) for k in ks]  # how many are tried for each centre: scikit-learn's rule
    for tried in sorted(set(candidates)):
        alike = [k for k, number in zip(ks, candidates, strict=True) if number == tried]
        for seed in seeds:
            _, rows = kmeans_plusplus(x, max(alike), random_state=seed, n_local_trials=tried)
            for k in alike:
                starts[k].append(rows[:k])
    return starts


@dataclass(frozen=True)
class _Rows:
    """Centred data, and what bounds how much nearer one centre is than another.

    A row is the sum of its projection on the basis and of a residual at right angles to it. Centres are means
    of many rows: outside of the leading principal components they hardly differ.

    Attributes
    ----------
    x : ndarray of shape (n, d)
        The data.
    squares : ndarray of shape (n,)
        Squared length of each row.
    basis : ndarray of shape (d, p), or None
        Orthonormal columns; None where projections would save nothing.
    projected : ndarray of shape (p, n)
        A row for each component: its product with few centres is faster than that of the transpose.
    residual : ndarray of shape (n,)
        Length of each row's residual.
    """

    x: NDArray[np.floating[Any]]
    squares: NDArray[np.floating[Any]]
    basis: NDArray[np.floating[Any]] | None
    projected: NDArray[np.floating[Any]]
    residual: NDArray[np.floating[Any]]

    @classmethod
    def of(cls, x: NDArray[np.floating[Any]]) -> _Rows:
        """Prepare centred data."""
        squares = np.einsum("ij,ij->i", x, x)
        if x.shape[1] < 2 * _COMPONENTS:
            return cls(x, squares, None, x.T, np.zeros_like(squares))
        some = x[:: -(-len(x) // _BASIS_ROWS)]
        basis = randomized_svd(some, _COMPONENTS, n_iter=1, random_state=0)[2].T
        projected = basis.T @ x.T
        residual = np.sqrt(np.maximum(squares - np.einsum("ij,ij->j", projected, projected), 0))
        return cls(x, squares, basis, projected, residual)

    def nearest(self, centers: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
        """Find the nearest centre of each row."""
        lengths = np.einsum("ij,ij->i", centers, centers)
        if self.basis is None:
            return _relative_squares(self.projected, centers, lengths).argmin(axis=0).astype(np.int32)
        inside = centers @ self.basis
        squares = _relative_squares(self.projected, inside, lengths)
        labels = squares.argmin(axis=0).astype(np.int32)
        own = labels, np.arange(len(labels))
        least = squares[own]
        squares[own] = np.inf
        # Residuals change the difference of two squared distances by at most twice their lengths' product.
        outside = centers - inside @ self.basis.T
        farthest = cdist(outside, outside).max(axis=1).astype(least.dtype)
        bound = 2 * self.residual * farthest[labels] + _ROUNDING * self.squares
        doubtful = np.flatnonzero(squares.min(axis=0) - least <= bound)
        whole = self.x.take(doubtful, axis=0)
        labels[doubtful] = _relative_squares(whole.T, centers, lengths).argmin(axis=0)
        return labels


def _relative_squares(
    columns: NDArray[np.floating[Any]], centers: NDArray[np.floating[Any]], lengths: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Compute squared distances less the points' own squares: a row for each centre, a column for each point.

    `lengths` are the centres' squares.
    """
    squares: NDArray[np.floating[Any]] = (-2 * centers) @ columns
    squares += lengths[:, np.newaxis]
    return squares


class _Fit(NamedTuple):
    """What one start of K-means ends with."""

    labels: NDArray[np.int32]
    inertia: float
    centers: NDArray[np.floating[Any]]
    n_iter: int


def _lloyd(rows: _Rows, first: NDArray[np.floating[Any]]) -> _Fit:
    """Run K-means from the first centres, and end by the rules of scikit-learn's `KMeans`."""
    x, k = rows.x, len(first)
    tolerance = _TOLERANCE * float(rows.squares.mean()) / x.shape[1]
    labels, centers = np.full(len(x), -1, np.int32), first
    sums, sizes = np.zeros(first.shape), np.zeros(k)
    n_iter, shift = 0, np.inf
    while n_iter < _MAX_ITERATIONS and shift > tolerance:
        n_iter += 1
        old, labels = labels, rows.nearest(centers)
        moved = np.flatnonzero(labels != old)
        if not len(moved):
            break
        # After the first iterations few rows move: only they are added to one sum and taken off another.
        change = (labels[moved] == np.arange(k)[:, np.newaxis]).astype(x.dtype)
        change -= old[moved] == np.arange(k)[:, np.newaxis]
        sums += change @ (x if len(moved) == len(x) else x.take(moved, axis=0))
        sizes += change.sum(axis=1)
        if not sizes.all():  # KMeans knows what to do about an empty cluster
            fit = KMeans(k, init=first, n_init=1).fit(x)
            return _Fit(fit.labels_, float(fit.inertia_), fit.cluster_centers_, fit.n_iter_)
        centers, before = (sums / sizes[:, np.newaxis]).astype(x.dtype), centers
        shift = float(np.square(centers - before).sum())
    else:
        labels = rows.nearest(centers)
    blocks = (slice(start, start + 256) for start in range(0, len(x), 256))  # few enough to stay in the cache
    inertia = sum(float(np.square(x[block] - centers.take(labels[block], axis=0)).sum()) for block in blocks)
    return _Fit(labels, inertia, centers, n_iter)


@checked(
    x=Array((2,)),
    labels_by_k=Items(CATEGORIES, keys=anything),
    sample_size=Integer(),
    seed=SEED,
    block_rows=Integer(),
)
def silhouette_sweep(
    x: ArrayLike,
    labels_by_k: Mapping[int, ArrayLike],
    *,
    sample_size: int | None = None,
    seed: int = 42,
    block_rows: int = 1024,
    progress: bool = True,
) -> SilhouetteSweep:
    """Compute the exact silhouettes of several clusterings in one pass over the distances.

    The silhouette of a row is (b - a) / max(a, b): a is its mean distance to the other rows of its own
    cluster, b the mean distance to the rows of the nearest other cluster. The row of a cluster of one, and
    a row with a = b = 0, has 0. The results equal :func:`sklearn.metrics.silhouette_samples`.

    Parameters
    ----------
    x : array-like of shape (n, d)
        The data, of any real dtype; distances are computed in float64, a block at a time.
    labels_by_k : mapping of int to array-like of shape (n,)
        The clusterings, such as ``kmeans_sweep(...).labels``. Labels are names: they need not be 0 to k - 1.
        Each clustering must have from 2 to n - 1 clusters among the rows used, so leave k = 1 out.
    sample_size : int, optional
        Use this many rows only, drawn without replacement, the same for all clusterings: those that
        :func:`sklearn.metrics.silhouette_score` draws with ``random_state=seed``. Distances, and so the
        silhouettes, are then between the sampled rows; a cluster without a sampled row takes no part.
        All rows where it is n or more.
    seed : int
        Seed of the sample.
    block_rows : int
        Rows and columns of one block of distances. Changes speed and memory, not the results.
    progress : bool
        Show a progress line.

    Returns
    -------
    SilhouetteSweep

    Raises
    ------
    ValueError
        If `x` is not a finite 2-D array, there is no clustering, labels are not one per row, `sample_size` or
        `block_rows` is below 1, or a clustering has fewer than 2 or more than n - 1 clusters among the n rows
        used.

    Notes
    -----
    Distances are symmetric: only blocks on and above the diagonal are computed, and one above it also
    serves the rows of its mirror image. Within a block, the sums of distances from each row to each cluster,
    of all clusterings together, are one product with the stacked one-hot labels. Time is O(n² (d + Σk)).
    Beyond the data (and a copy of the sampled rows), memory is about ``8 * n * Σk`` bytes for the sums,
    plus ``24 * block_rows²`` and ``24 * block_rows * d`` for the blocks.

    References
    ----------
    P. J. Rousseeuw (1987). Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis. Journal of Computational and Applied Mathematics 20, 53-65.

    Examples
    --------
    >>> x = [[0.0], [0.1], [5.0], [5.1]]
    >>> sweep = silhouette_sweep(x, {2: [0, 0, 1, 1]}, progress=False)
    >>> type(sweep).__name__
    'SilhouetteSweep'
    """
    x = np.asarray(x)
    rows = _sampled_rows(len(x), sample_size, seed)
    labels = _checked_labels(labels_by_k, len(x), rows)
    if len(rows) < len(x):
        x = x[rows]
    codes = np.column_stack(list(labels.values()))
    ends = np.cumsum(codes.max(axis=0) + 1)
    starts = np.concatenate([[0], ends[:-1]])
    sums = _sums_of_distances(x, codes + starts, block_rows, progress)
    samples = {
        k: _silhouettes(sums[:, start:end], labels[k])
        for k, start, end in zip(labels, starts, ends, strict=True)
    }
    means = [(k, float(values.mean())) for k, values in samples.items()]
    return SilhouetteSweep(pd.DataFrame(means, columns=["k", "silhouette"]), samples, rows)


@checked("ks inertia", ks=Items(Integer(), fewest=3), inertia=Items(Number(), fewest=3))
def elbow(ks: Iterable[int], inertia: Iterable[float]) -> int | None:
    """Find the elbow of an inertia curve with the kneedle method.

    Both axes are scaled to 0 to 1. The elbow is the first k, ends excluded, where the falling curve lies
    furthest below the straight line between its ends (a local maximum of that difference that is followed by
    a fall of more than the mean step in k: sensitivity S = 1, the paper's own). It depends on the range of k.

    Parameters
    ----------
    ks : iterable of int
        Numbers of clusters, in any order, without repeats.
    inertia : iterable of float
        The inertia for each.

    Returns
    -------
    int or None
        The k of the elbow; None where the curve has none: it is straight, flat, rising or concave.

    Raises
    ------
    ValueError
        If there are fewer than 3 points, a k repeats, the lengths differ or an inertia is not finite.

    References
    ----------
    V. Satopää, J. Albrecht, D. Irwin, B. Raghavan (2011). Finding a "kneedle" in a haystack: detecting knee
    points in system behavior. ICDCS Workshops, 166-171. The code is the library ``kneed``.

    Examples
    --------
    >>> elbow([1, 2, 3, 4, 5, 6], [100, 40, 12, 10, 9, 8])
    3
    """
    # kneed imports all of pyplot, which only this function's callers should pay for.
    from kneed import KneeLocator

    k_values, y = np.asarray(list(ks)), np.asarray(list(inertia), dtype=float)
    if len(np.unique(k_values)) < len(k_values):
        raise ValueError(f"ks has repeated numbers: {k_values.tolist()}; expected one inertia for each.")
    order = np.argsort(k_values)
    k_values, y = k_values[order], y[order]
    if y[0] <= y[-1]:
        return None
    with warnings.catch_warnings():
        # kneed before 0.9 warns where there is no elbow; None says that already.
        warnings.simplefilter("ignore")
        # online=True finds all elbows, not the first one only: where a curve starts concave that is its first
        # point, which is no bend.
        found = KneeLocator(k_values, y, curve="convex", direction="decreasing", online=True).all_elbows
    return min((int(k) for k in found if k_values[0] < k < k_values[-1]), default=None)


@checked("y_true clusters", y_true=CATEGORIES, clusters=CATEGORIES)
def cluster_table(
    y_true: ArrayLike, clusters: ArrayLike, class_names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Count the rows of each class in each cluster.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        The class of each row.
    clusters : array-like of shape (n,)
        The cluster of each row. Any labels: DBSCAN's noise (-1) counts as one more cluster.
    class_names : sequence of str, optional
        The name of class 0, 1, ...; then every class has a column, even one without rows.

    Returns
    -------
    pandas.DataFrame
        Counts (int64), with a row for each cluster and a column for each class, both sorted by label.

    Raises
    ------
    ValueError
        If the labels are empty, missing (NaN), not 1-D or not of the same length, or if `class_names` is
        given and a class is not an integer from 0 to ``len(class_names) - 1``.

    Examples
    --------
    >>> cluster_table([0, 0, 1], [1, 1, 0]).to_numpy().tolist()
    [[0, 1], [2, 0]]
    """
    columns = (pd.Series(np.asarray(clusters), name="cluster"), pd.Series(np.asarray(y_true), name="class"))
    table = pd.crosstab(*columns)
    if class_names is None:
        return table
    expected = range(len(class_names))
    labels: Iterable[Any] = table.columns
    strange = [label for label in labels if label not in expected]
    if strange:
        raise ValueError(
            f"y_true has classes without a name in class_names: {strange}; expected integers from 0 to "
            f"{len(class_names) - 1}, one for each of them."
        )
    table = table.reindex(columns=expected, fill_value=0)
    return table.set_axis(pd.Index(class_names, name="class"), axis="columns")


@checked("y_true clusters", y_true=CATEGORIES, clusters=CATEGORIES)
def match_clusters(y_true: ArrayLike, clusters: ArrayLike) -> dict[Any, Any]:
    """Give each cluster a class of its own so that most rows are right (the Hungarian method).

    With more clusters than classes the clusters that are left over are not in the answer; with fewer,
    some classes have no cluster. A cluster can be given a class of which it has few rows or none, because its
    most common class went to another cluster.

    Parameters
    ----------
    y_true, clusters : array-like of shape (n,)
        The class and the cluster of each row.

    Returns
    -------
    dict
        The class of each matched cluster.

    Raises
    ------
    ValueError
        If the labels are empty, missing (NaN), not 1-D or not of the same length.

    References
    ----------
    H. W. Kuhn (1955). The Hungarian method for the assignment problem. Naval Research Logistics Quarterly 2,
    83-97. Solved by :func:`scipy.optimize.linear_sum_assignment`.

    Examples
    --------
    >>> match = match_clusters([0, 0, 1, 1], [1, 1, 0, 0])
    >>> int(match[1]), int(match[0])
    (0, 1)
    """
    table = cluster_table(y_true, clusters)
    rows, columns = linear_sum_assignment(table.to_numpy(), maximize=True)
    return dict(zip(table.index[rows].tolist(), table.columns[columns].tolist(), strict=True))


@checked("y_true clusters", y_true=CATEGORIES, clusters=CATEGORIES)
def one_to_one_accuracy(y_true: ArrayLike, clusters: ArrayLike) -> float:
    """Compute the share of rows whose cluster is matched to their class, one cluster to a class (0 to 1).

    The match is :func:`match_clusters`: no two clusters may bear the same class, unlike in :func:`purity`.
    Rows of a cluster without a class, and rows of a class without a cluster, count as wrong: the figure is
    accuracy for as many clusters as classes, and too strict for more.

    Parameters
    ----------
    y_true, clusters : array-like of shape (n,)
        The class and the cluster of each row.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the labels are empty, missing (NaN), not 1-D or not of the same length.

    Examples
    --------
    >>> float(one_to_one_accuracy([0, 0, 1, 1], [1, 1, 0, 1]))
    0.75
    """
    table = cluster_table(y_true, clusters).to_numpy()
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


@checked("y_true clusters", y_true=CATEGORIES, clusters=CATEGORIES)
def purity(y_true: ArrayLike, clusters: ArrayLike) -> float:
    """Compute the share of rows that are of the most common class of their cluster (0 to 1).

    This is not accuracy: several clusters may have the same most common class, another class may have none,
    and n clusters of one row each are perfectly pure.

    Parameters
    ----------
    y_true, clusters : array-like of shape (n,)
        The class and the cluster of each row.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the labels are empty, missing (NaN), not 1-D or not of the same length.

    Examples
    --------
    >>> float(purity([0, 0, 1, 1], [1, 1, 0, 1]))
    0.75
    """
    table = cluster_table(y_true, clusters).to_numpy()
    return float(table.max(axis=1).sum() / table.sum())


@checked("y_true clusters", y_true=CATEGORIES, clusters=CATEGORIES)
def scores(y_true: ArrayLike, clusters: ArrayLike) -> dict[str, float]:
    """Compare clusters with classes in four ways.

    Parameters
    ----------
    y_true, clusters : array-like of shape (n,)
        The class and the cluster of each row.

    Returns
    -------
    dict of str to float
        ``purity`` and ``one_to_one`` (:func:`purity`, :func:`one_to_one_accuracy`; 0 to 1), ``ari``
        (adjusted Rand index; 1 for a perfect match, 0 on average for chance) and ``nmi`` (normalised mutual
        information, arithmetic mean; 0 to 1, not corrected for chance).

    Raises
    ------
    ValueError
        If the labels are empty, missing (NaN), not 1-D or not of the same length.

    Examples
    --------
    >>> scores([0, 0, 1, 1], [1, 1, 0, 0])["purity"]
    1.0
    """
    y, c = np.asarray(y_true), np.asarray(clusters)
    return {
        "purity": purity(y, c),
        "one_to_one": one_to_one_accuracy(y, c),
        "ari": float(adjusted_rand_score(y, c)),
        "nmi": float(normalized_mutual_info_score(y, c)),
    }


@checked(table=Table(low=0))
def confused_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Rank the pairs of classes by how much they share clusters.

    The overlap of classes a and b is the sum over clusters c of min(p(c | a), p(c | b)), where p(c | a) is
    the share of class a that is in cluster c. It is 0 if no cluster has both, and 1 if both are spread over
    the clusters alike. Among as many rows of a as of b, the best guess from the cluster alone is wrong for
    overlap / 2 of them. How many rows a class has does not matter.

    Parameters
    ----------
    table : pandas.DataFrame
        Counts with a row for each cluster and a column for each class: :func:`cluster_table`.

    Returns
    -------
    pandas.DataFrame
        One row per pair of classes that have rows, most confused first: ``class_a``, ``class_b``,
        ``overlap`` (0 to 1), ``cluster`` (where they overlap most), ``n_a`` and ``n_b`` (rows of each in it).

    Examples
    --------
    >>> table = cluster_table([0, 0, 1, 1], [0, 1, 1, 1])
    >>> len(confused_pairs(table))
    1
    """
    counts = table.loc[:, table.sum() > 0]
    shares = (counts / counts.sum()).to_numpy()
    records = []
    for a, b in combinations(range(counts.shape[1]), 2):
        common = np.minimum(shares[:, a], shares[:, b])
        at = int(common.argmax())
        pair = (counts.columns[a], counts.columns[b])
        records.append((*pair, common.sum(), counts.index[at], counts.iloc[at, a], counts.iloc[at, b]))
    columns = ["class_a", "class_b", "overlap", "cluster", "n_a", "n_b"]
    pairs = pd.DataFrame(records, columns=columns)
    return pairs.sort_values("overlap", ascending=False, kind="stable", ignore_index=True)


def _checked_ks(ks: Iterable[int], n: int) -> list[int]:
    """Return the numbers of clusters, ascending, if K-means can run on `n` rows with each."""
    found = sorted(int(k) for k in ks)
    if len(set(found)) < len(found):
        raise ValueError(f"ks has repeated numbers: {found}; expected each once.")
    if found[-1] > n:
        raise ValueError(f"ks goes up to {found[-1]}; expected at most {n}, the number of rows.")
    return found


def _progress(items: Sequence[_T], what: str, show: bool) -> Iterable[_T]:
    """Iterate with a progress line that a saved notebook keeps as one line of text.

    ``tqdm.auto`` draws a widget, which is gone in a notebook that is opened without its kernel; standard
    error would be shown as if something were wrong.
    """
    return tqdm(items, desc=what, disable=not show, file=sys.stdout, ncols=80, mininterval=1.0)


def _sampled_rows(n: int, sample_size: int | None, seed: int) -> NDArray[np.int64]:
    """Return the rows to use, ascending: all, or those of scikit-learn's ``silhouette_score``."""
    if sample_size is None:
        return np.arange(n)
    return np.sort(check_random_state(seed).permutation(n)[:sample_size])


def _checked_labels(
    labels_by_k: Mapping[int, ArrayLike], n: int, rows: NDArray[np.int64]
) -> dict[int, NDArray[np.intp]]:
    """Return each clustering of `rows` as codes 0, 1, ... without gaps, if silhouettes are defined for it."""
    encoded = {}
    for k, given in labels_by_k.items():
        labels = np.asarray(given)
        if labels.shape != (n,):
            raise ValueError(
                f"labels_by_k[{k!r}] has shape {labels.shape}; expected ({n},), one label for each row."
            )
        names, encoded[k] = np.unique(labels[rows], return_inverse=True)
        if not 1 < len(names) < len(rows):
            raise ValueError(
                f"labels_by_k[{k!r}] has {len(names)} clusters among the {len(rows)} rows used; expected 2 "
                f"to {len(rows) - 1}, the number of rows - 1. Leave this clustering out, or use more rows."
            )
    return encoded


def _sums_of_distances(
    x: NDArray[Any], columns: NDArray[np.intp], block_rows: int, progress: bool
) -> NDArray[np.float64]:
    """Sum the distances from each row to all rows that share a column.

    Parameters
    ----------
    x : ndarray of shape (n, d)
        The data.
    columns : ndarray of shape (n, m)
        The column of the result for a row's cluster in each of m clusterings; all columns from 0 on are used.
    block_rows : int
        Rows of `x` in a block.
    progress : bool
        Show a progress line.

    Returns
    -------
    ndarray of shape (n, columns.max() + 1), float64
    """
    n = len(x)
    # Distances don't change when the data are centred, and their rounding error is then least.
    mean = x.mean(axis=0, dtype=np.float64)
    sums = np.zeros((n, columns.max() + 1))
    blocks = [slice(start, min(start + block_rows, n)) for start in range(0, n, block_rows)]
    pairs = [(i, j) for i in range(len(blocks)) for j in range(i, len(blocks))]
    for i, j in _progress(pairs, "silhouette", progress):
        rows, others = blocks[i], blocks[j]
        a = x[rows] - mean
        distances = _distances(a, a if i == j else x[others] - mean)
        if i != j:
            sums[others] += distances.T @ _one_hot(columns[rows], sums.shape[1])
        sums[rows] += distances @ _one_hot(columns[others], sums.shape[1])
    return sums


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the Euclidean distances between the rows of `a` and of `b`, both centred.

    |x - y|² = |x|² + |y|² - 2xy is one fast matrix product, but loses digits where x and y are close. Rows
    with such a pair are done again from the differences, so that duplicates are exactly 0 apart. Where `a` is
    `b`, the same object, the diagonal is a row and itself: 0, and no reason to do anything again.
    """
    scale = np.add.outer(np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b))
    squares = a @ b.T
    squares *= -2.0
    squares += scale
    scale *= _CANCELLATION
    close = squares <= scale
    if a is b:
        np.fill_diagonal(squares, 0.0)
        np.fill_diagonal(close, False)
    if close.any():
        again = np.ix_(close.any(axis=1), close.any(axis=0))
        squares[again] = cdist(a[again[0].ravel()], b[again[1].ravel()], "sqeuclidean")
    return np.sqrt(squares, out=squares)


def _one_hot(columns: NDArray[np.intp], width: int) -> NDArray[np.float64]:
    """Return a row of `width` zeros for each row of `columns`, with 1 in the columns that it names."""
    hot = np.zeros((len(columns), width))
    hot[np.arange(len(columns))[:, np.newaxis], columns] = 1.0
    return hot


def _silhouettes(sums: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Compute the silhouette of each row from its sums of distances to each cluster; overwrites `sums`."""
    sizes = np.bincount(labels)
    own = np.arange(len(labels)), labels
    others_in_own = sizes[labels] - 1
    a = sums[own] / np.maximum(others_in_own, 1)
    sums[own] = np.inf
    sums /= sizes
    b = sums.min(axis=1)
    larger = np.maximum(a, b)
    defined = (others_in_own > 0) & (larger > 0)
    return np.divide(b - a, larger, out=np.zeros(len(labels)), where=defined)
