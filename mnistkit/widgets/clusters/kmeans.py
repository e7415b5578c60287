"""The explorer of a K-means sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.clustering import KMeansSweep
from mnistkit.utils.arguments import POINTS, TEXTS, Array, Integer, Items, checked
from mnistkit.widgets.explorer import Explorer, arrow_slider


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

    Attributes
    ----------
    slider : ipywidgets.SelectionSlider
        The number of clusters: its options are those of the sweep. Arrow keys move it.
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
        super().__init__([self.slider])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        k = self._choice()
        sizes = ", ".join(f"c{c}: {size:,}" for c, size in enumerate(self._sizes()))
        inertia = self._sweep.table.set_index("k")["inertia"][k]
        return f"K-means with k = {k}: inertia {inertia:,.0f}. Images in each cluster: {sizes}."

    def _choice(self) -> int:
        return self.slider.value

    def _name(self) -> str:
        return f"k = {self._choice()}"

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        return "clusters k", {str(k): {self.slider: k} for k in self._sweep.ks}

    def _sizes(self) -> NDArray[np.int64]:
        return np.bincount(self._sweep.labels[self._choice()], minlength=self._choice())

    def _figure(self) -> Figure:
        k = self._choice()
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
) -> KMeansExplorer:
    """Make an explorer of a K-means sweep: clusters, centres and sizes for the k of a slider.

    Nothing is computed; a picture is drawn when its k is first asked for, and kept.

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

    Returns
    -------
    KMeansExplorer

    Raises
    ------
    ValueError
        If `projection` is not of shape (n, 2), `k` is not in the sweep, or `shape` does not fit the centres.
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
    drawn = np.arange(n) if rows is None else np.asarray(rows)
    return KMeansExplorer(sweep, points, drawn, shape, k, matched or {}, class_names)
