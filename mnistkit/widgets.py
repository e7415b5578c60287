"""What people touch: explorers with a slider, which show what a lesson has computed and compute nothing.

Where no kernel runs (an HTML report, a page on GitHub) a picture stands in for the explorer: it displays
both under one output, and whoever shows the notebook takes what it can.
"""

from __future__ import annotations

import html
from io import BytesIO
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.clustering import KMeansSweep

_WIDTH_PIXELS = 1000


class KMeansExplorer(ipywidgets.VBox):
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

    Attributes
    ----------
    slider : ipywidgets.SelectionSlider
        The number of clusters: its options are those of the sweep. Arrow keys move it.
    image : ipywidgets.Image
        The picture of the chosen clustering, PNG.
    text : ipywidgets.HTML
        The same in words, or the error if drawing failed.
    """

    def __init__(
        self, sweep: KMeansSweep, projection: NDArray[Any], rows: NDArray[Any], shape: tuple[int, int], k: int
    ) -> None:
        self._sweep, self._projection, self._rows, self._shape = sweep, projection, rows, shape
        self._pictures: dict[int, bytes] = {}
        self.slider = ipywidgets.SelectionSlider(
            options=sweep.ks,
            value=k,
            description="clusters k",
            tooltip="Number of clusters; the arrow keys move it",
            layout=ipywidgets.Layout(width="480px"),
        )
        self.image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width=f"{_WIDTH_PIXELS}px"))
        self.text = ipywidgets.HTML()
        self.slider.observe(self._on_move, names="value")
        self._draw(k)
        super().__init__([self.slider, self.image, self.text])

    def describe(self, k: int) -> str:
        """Say in words what the picture for `k` clusters shows: the alt text."""
        sizes = ", ".join(f"c{c}: {size:,}" for c, size in enumerate(self._sizes(k)))
        inertia = self._sweep.table.set_index("k")["inertia"][k]
        return f"K-means with k = {k}: inertia {inertia:,.0f}. Images in each cluster: {sizes}."

    def _sizes(self, k: int) -> NDArray[np.int64]:
        return np.bincount(self._sweep.labels[k], minlength=k)

    def _picture(self, k: int) -> bytes:
        """Return the PNG for `k`, drawn when it is first asked for."""
        if k not in self._pictures:
            figure = plots.clustering_overview(
                self._sweep.labels[k][self._rows],
                self._projection[self._rows],
                self._sweep.centers[k].reshape(k, *self._shape),
                self._sizes(k),
                title=f"K-means, k = {k}",
            )
            buffer = BytesIO()
            figure.savefig(buffer, format="png", dpi=_WIDTH_PIXELS / figure.get_figwidth())
            self._pictures[k] = buffer.getvalue()
        return self._pictures[k]

    def _draw(self, k: int) -> None:
        self.image.value = self._picture(k)
        self.text.value = html.escape(self.describe(k))

    def _on_move(self, change: dict[str, Any]) -> None:
        try:
            self._draw(change["new"])
        except Exception as error:
            # JupyterLab hides a callback's traceback in its log: say it where the student looks.
            self.text.value = f"<strong>Can't draw k = {change['new']}:</strong> {html.escape(repr(error))}"
            raise

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live widget, and for places without a kernel its picture and its text."""
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        text = self.describe(self.slider.value)
        bundle |= {"image/png": self._picture(self.slider.value), "text/plain": text}
        return bundle, {"image/png": {"alt": text}}


def kmeans_explorer(
    sweep: KMeansSweep,
    projection: ArrayLike,
    *,
    rows: ArrayLike | None = None,
    shape: tuple[int, int] = (28, 28),
    k: int = 10,
) -> KMeansExplorer:
    """Make an explorer of a K-means sweep: clusters, centres and sizes for the k of a slider (lesson 02).

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
        raise ValueError(f"centres have {d} values, which do not fill an image of {shape[0]} × {shape[1]}")
    return KMeansExplorer(sweep, points, np.arange(n) if rows is None else np.asarray(rows), shape, k)
