"""The explorer of a K-means sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.clustering import KMeansSweep, SilhouetteSweep
from mnistkit.utils.arguments import POINTS, TEXTS, Array, Integer, Items, checked
from mnistkit.widgets.explorer import Explorer, arrow_slider, buttons

_ALL = -1  # of the clusters


class KMeansExplorer(Explorer):
    """A slider over the clusterings of a sweep; see `kmeans_explorer`, which checks what it is given.

    Parameters
    ----------
    sweep : KMeansSweep
        The clusterings.
    projection : numpy.ndarray, shape (n, 2)
        Where each image is drawn.
    rows : numpy.ndarray of int
        Which images are drawn.
    shape : tuple of int
        Height and width of a centre's picture.
    k : int
        The number of clusters to begin with.
    matched : mapping of int to mapping of int to int
        For each k the class of each matched cluster; may be empty.
    class_names : sequence of str, optional
        Name of class 0, 1, …
    x : numpy.ndarray, shape (n, d), optional
        The clustered rows.
    silhouettes : SilhouetteSweep, optional
        Their silhouettes.

    Attributes
    ----------
    slider : ipywidgets.SelectionSlider
        The number of clusters: its options are those of the sweep. Arrow keys move it.
    cluster : ipywidgets.ToggleButtons
        All clusters or one of them, whose images are then shown; only where `x` is given.
    """

    def __init__(
        self,
        sweep: KMeansSweep,
        projection: NDArray[Any],
        rows: NDArray[Any],
        shape: tuple[int, int],
        k: int,
        matched: Mapping[int, Mapping[int, int]],
        class_names: Sequence[str] | None,
        x: NDArray[Any] | None,
        silhouettes: SilhouetteSweep | None,
    ) -> None:
        self._matched, self._class_names = matched, class_names
        self._sweep, self._projection, self._rows, self._shape = sweep, projection, rows, shape
        self.slider = arrow_slider(
            ipywidgets.SelectionSlider,
            options=sweep.ks,
            value=k,
            description="clusters k",
            about="Number of clusters",
        )
        self._x, self._silhouettes = x, silhouettes
        self.cluster = buttons(
            self._clusters(), description="show", about="All clusters, or the images of one"
        )
        super().__init__([self.slider] if x is None else [self.slider, self.cluster])

    def _clusters(self) -> list[tuple[str, int]]:
        """List the clusters that have images, by name and number, behind all of them together."""
        return [("all clusters", _ALL), *((f"c{c}", c) for c, size in enumerate(self._sizes()) if size)]

    def _adapt(self, control: Any) -> None:
        if control is not self.slider:
            return
        before, options = self.cluster.value, self._clusters()
        self.cluster.options = options
        if before in dict(options).values():
            self.cluster.value = before

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        k, cluster = self._choice()
        if cluster != _ALL:
            away, known = self._distances(self._members()), self._known_silhouettes()
            below = f", {(known < 0).mean():.0%} of them with a silhouette below 0" if len(known) else ""
            return f"{self._title()}. Its images lie {away[0]:.2f} to {away[-1]:.2f} from the centre{below}."
        sizes = ", ".join(f"c{c}: {size:,}" for c, size in enumerate(self._sizes()))
        inertia = self._sweep.table.set_index("k")["inertia"][k]
        return f"K-means with k = {k}: inertia {inertia:,.0f}. Images in each cluster: {sizes}."

    def _choice(self) -> tuple[int, int]:
        return self.slider.value, self.cluster.value

    def _name(self) -> str:
        k, cluster = self._choice()
        return f"k = {k}" if cluster == _ALL else f"k = {k}, cluster c{cluster}"

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        """Offer each k, or where one cluster is shown each cluster of this k."""
        if self.cluster.value == _ALL:
            return "clusters k", {str(k): {self.slider: k} for k in self._sweep.ks}
        clusters = {name: {self.cluster: c} for name, c in self._clusters() if c != _ALL}
        return f"cluster of k = {self.slider.value}", clusters

    def _sizes(self) -> NDArray[np.int64]:
        k = self.slider.value
        return np.bincount(self._sweep.labels[k], minlength=k)

    def _title(self) -> str:
        """Say how large the chosen cluster is, and how well apart."""
        k, cluster = self._choice()
        title = f"K-means, k = {k}, cluster c{cluster}: {self._sizes()[cluster]:,} images"
        known = self._known_silhouettes()
        return f"{title}, mean silhouette {known.mean():.2f}" if len(known) else title

    def _members(self) -> NDArray[np.intp]:
        """Give the numbers of the chosen cluster's images, the nearest to its centre first."""
        k, cluster = self._choice()
        members = np.flatnonzero(self._sweep.labels[k] == cluster)
        return members[np.argsort(self._distances(members), kind="stable")]

    def _distances(self, members: NDArray[np.intp]) -> NDArray[np.float64]:
        """Give the distance of members of the chosen cluster to its centre."""
        assert self._x is not None, "without rows no cluster can be chosen"
        k, cluster = self._choice()
        return np.linalg.norm(self._x[members] - self._sweep.centers[k][cluster], axis=1)

    def _silhouette(self, images: NDArray[np.intp]) -> NDArray[np.float64]:
        """Give the silhouette of each image, NaN where it is not known."""
        k = self.slider.value
        values = np.full(len(self._sweep.labels[k]), np.nan)
        if self._silhouettes is not None and k in self._silhouettes.samples:
            values[self._silhouettes.rows] = self._silhouettes.samples[k]
        return values[images]

    def _known_silhouettes(self) -> NDArray[np.float64]:
        """Give the silhouettes of the chosen cluster's images, of those that were sampled."""
        values = self._silhouette(self._members())
        return values[~np.isnan(values)]

    def _captioned(self, images: NDArray[np.intp]) -> tuple[NDArray[Any], list[str]]:
        """Give images, and in words their distance and silhouette."""
        assert self._x is not None, "without rows no cluster can be chosen"
        captions = [f"distance {away:.2f}" for away in self._distances(images)]
        for position, value in enumerate(self._silhouette(images)):
            if not np.isnan(value):
                captions[position] += f"\nsilhouette {value:.2f}"
        return self._x[images].reshape(-1, *self._shape), captions

    def _figure(self) -> Figure:
        k, cluster = self._choice()
        if cluster != _ALL:
            members = self._members()
            return plots.cluster_members(
                self._sweep.labels[k][self._rows],
                self._projection[self._rows],
                cluster,
                self._sweep.centers[k][cluster].reshape(self._shape),
                self._captioned(members[: plots.MOST_MEMBERS]),
                self._captioned(members[::-1][: plots.MOST_MEMBERS]),
                title=self._title(),
                matched=self._matched.get(k),
            )
        return plots.clustering_overview(
            self._sweep.labels[k][self._rows],
            self._projection[self._rows],
            self._sweep.centers[k].reshape(k, *self._shape),
            self._sizes(),
            title=f"K-means, k = {k}",
            matched=self._matched.get(k),
            class_names=self._class_names,
        )


@checked(
    projection=POINTS,
    rows=Array((1,), 0, integers=True),
    shape=Items(Integer(), fewest=2),
    k=Integer(),
    matched=Items(Items(Integer(0), keys=Integer(0), fewest=0), keys=Integer(), fewest=0),
    class_names=TEXTS,
    x=POINTS,
)
def kmeans_explorer(
    sweep: KMeansSweep,
    projection: ArrayLike,
    *,
    rows: ArrayLike | None = None,
    shape: tuple[int, int] = (28, 28),
    k: int = 10,
    matched: Mapping[int, Mapping[int, int]] | None = None,
    class_names: Sequence[str] | None = None,
    x: ArrayLike | None = None,
    silhouettes: SilhouetteSweep | None = None,
) -> KMeansExplorer:
    """Make an explorer of a K-means sweep: clusters, centres and sizes for the k of a slider.

    With the clustered rows one cluster can be chosen: its images that are nearest to the centre, and farthest
    from it. A picture is drawn when its k is first asked for, and kept.

    Parameters
    ----------
    sweep : KMeansSweep
        What to explore.
    projection : array-like of shape (n, 2)
        Two coordinates of each row of the sweep, such as the first two principal components.
    rows : array-like of int, optional
        Positions of the rows to draw as points, where all are too many; all by default. Sizes count all rows.
    shape : tuple of int
        Height and width of a centre as an image.
    k : int
        The number of clusters to begin with, one of the sweep's.
    matched : mapping of int to mapping of int to int, optional
        For each k what `mnistkit.clustering.match_clusters` returns: each cluster then has its class's colour
        and name.
    class_names : sequence of str, optional
        Name of class 0, 1, …; their numbers otherwise.
    x : array-like of shape (n, d), optional
        The rows that were clustered, each an image.
    silhouettes : SilhouetteSweep, optional
        What `mnistkit.clustering.silhouette_sweep` returns for them: the clusters' images then have theirs.

    Returns
    -------
    KMeansExplorer

    Raises
    ------
    ValueError
        If `projection` is not of shape (n, 2), `k` is not in the sweep, `shape` does not fit the centres, or
        `x` or `silhouettes` are not of the sweep's rows.
    """
    points = np.asarray(projection)
    if k not in sweep.labels:
        raise ValueError(f"k = {k} is not in the sweep; it has {', '.join(map(str, sweep.ks))}")
    n, d = len(sweep.labels[k]), sweep.centers[k].shape[1]
    if points.shape != (n, 2):
        raise ValueError(
            f"the projection has shape {points.shape}; the sweep needs ({n}, 2): two numbers a row"
        )
    if shape[0] * shape[1] != d:
        raise ValueError(f"shape is {shape[0]} × {shape[1]}; a centre has {d} values, which do not fill that")
    if rows is not None and np.max(rows) >= n:
        raise ValueError(f"rows go up to {np.max(rows)}; expected at most {n - 1}")
    clustered = None if x is None else np.asarray(x)
    if clustered is not None and clustered.shape != (n, d):
        raise ValueError(
            f"x has shape {clustered.shape}; the sweep needs ({n}, {d}), the rows that it clustered"
        )
    if silhouettes is not None and silhouettes.rows.max() >= n:
        raise ValueError(f"silhouettes are of rows up to {silhouettes.rows.max()}; expected at most {n - 1}")
    drawn = np.arange(n) if rows is None else np.asarray(rows)
    return KMeansExplorer(sweep, points, drawn, shape, k, matched or {}, class_names, clustered, silhouettes)
