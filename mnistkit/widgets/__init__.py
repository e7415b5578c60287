"""What people touch: explorers with sliders, which show what a lesson has computed and compute nothing.

Where no kernel runs (an HTML report, a page on GitHub) a picture stands in for the explorer: it displays
both under one output, and whoever shows the notebook takes what it can.
"""

from __future__ import annotations

import html
from collections.abc import Hashable, Mapping, Sequence
from io import BytesIO
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.clustering import KMeansSweep
from mnistkit.utils.arguments import IMAGES, NAMES, POINTS, Array, Integer, Items, checked, text

_WIDTH_PIXELS = 1000


class _Explorer(ipywidgets.VBox):
    """Controls, the picture of what they choose, and the same in words.

    A picture is drawn when its choice is first made, and kept. An explorer says which choice its controls
    stand at, what to draw for it, and how to say it. Sliders have no number of their own beside them: the
    browser would move it when no kernel draws any more, after a restart or in a saved notebook, and it would
    be another one than the picture's. The title and the words are the kernel's, and change with the picture.

    Parameters
    ----------
    controls : sequence of ipywidgets.Widget
        What chooses, from top to bottom.

    Attributes
    ----------
    image : ipywidgets.Image
        The picture, PNG.
    text : ipywidgets.HTML
        The same in words, or the error if drawing failed.
    """

    def __init__(self, controls: Sequence[Any]) -> None:
        self._pictures: dict[Hashable, bytes] = {}
        self.image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width=f"{_WIDTH_PIXELS}px"))
        self.text = ipywidgets.HTML()
        for control in controls:
            control.observe(self._on_move, names="value")
        self._draw()
        super().__init__([*controls, self.image, self.text])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        raise NotImplementedError

    def _choice(self) -> Hashable:
        """Say what the controls stand at."""
        raise NotImplementedError

    def _name(self) -> str:
        """Name the choice in a few words: what could not be drawn."""
        raise NotImplementedError

    def _figure(self) -> Figure:
        """Draw the choice."""
        raise NotImplementedError

    def _picture(self) -> bytes:
        """Return the PNG of the choice, drawn when it is first asked for."""
        if self._choice() not in self._pictures:
            figure = self._figure()
            buffer = BytesIO()
            figure.savefig(buffer, format="png", dpi=_WIDTH_PIXELS / figure.get_figwidth())
            self._pictures[self._choice()] = buffer.getvalue()
        return self._pictures[self._choice()]

    def _draw(self) -> None:
        self.image.value = self._picture()
        self.text.value = html.escape(self.describe())

    def _on_move(self, change: dict[str, Any]) -> None:
        try:
            self._draw()
        except Exception as error:
            # JupyterLab hides a callback's traceback in its log: say it where the student looks.
            self.text.value = f"<strong>Can't draw {self._name()}:</strong> {html.escape(repr(error))}"
            raise

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live widget, and for places without a kernel its picture and its text."""
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        text = self.describe()
        bundle |= {"image/png": self._picture(), "text/plain": text}
        return bundle, {"image/png": {"alt": text}}


class KMeansExplorer(_Explorer):
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
    """

    def __init__(
        self, sweep: KMeansSweep, projection: NDArray[Any], rows: NDArray[Any], shape: tuple[int, int], k: int
    ) -> None:
        self._sweep, self._projection, self._rows, self._shape = sweep, projection, rows, shape
        self.slider = ipywidgets.SelectionSlider(
            options=sweep.ks,
            value=k,
            description="clusters k",
            tooltip="Number of clusters; the arrow keys move it",
            readout=False,
            layout=ipywidgets.Layout(width="480px"),
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
        )


@checked(
    projection=POINTS,
    rows=Array((1,), 0, integers=True),
    shape=Items(Integer(), fewest=2),
    k=Integer(),
)
def kmeans_explorer(
    sweep: KMeansSweep,
    projection: ArrayLike,
    *,
    rows: ArrayLike | None = None,
    shape: tuple[int, int] = (28, 28),
    k: int = 10,
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
    return KMeansExplorer(sweep, points, np.arange(n) if rows is None else np.asarray(rows), shape, k)


class ActivationExplorer(_Explorer):
    """A choice of image, layer and filter; see `activation_explorer`, which checks what it is given.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width)
        The images.
    activations : dict of str to numpy.ndarray, shape (n, rows, columns, filters)
        The maps of each layer.
    titles : sequence of str
        What each image is.

    Attributes
    ----------
    pick : ipywidgets.SelectionSlider
        The image, by its title. Arrow keys move it.
    layer : ipywidgets.Dropdown
        The layer.
    filter : ipywidgets.IntSlider
        The number of the filter. Arrow keys move it.
    """

    def __init__(
        self, images: NDArray[Any], activations: dict[str, NDArray[Any]], titles: Sequence[str]
    ) -> None:
        self._images, self._activations, self._titles = images, activations, titles
        wide = ipywidgets.Layout(width="480px")
        options = [(f"{number}: {title}", number) for number, title in enumerate(titles)]
        self.pick = ipywidgets.SelectionSlider(
            options=options,
            description="image",
            tooltip="The image; the arrow keys move it",
            readout=False,
            layout=wide,
        )
        self.layer = ipywidgets.Dropdown(
            options=list(activations), description="layer", tooltip="The layer of the network"
        )
        self.filter = ipywidgets.IntSlider(
            min=0,
            max=self._last_filter(),
            description="filter",
            tooltip="Number of the filter; the arrow keys move it",
            readout=False,
            layout=wide,
        )
        # Before the drawing: a filter that the new layer does not have must not be asked for.
        self.layer.observe(self._on_layer, names="value")
        super().__init__([self.pick, self.layer, self.filter])

    def _last_filter(self) -> int:
        return self._activations[self.layer.value].shape[-1] - 1

    def _on_layer(self, change: dict[str, Any]) -> None:
        self.filter.max = self._last_filter()  # a larger value becomes this one

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        image, layer, number = self._choice()
        maps = self._activations[layer][image]
        silent = int((maps.max(axis=(0, 1)) <= 0).sum())
        return (
            f"Layer {layer}, image {image} ({self._titles[image]}): filter {number} reaches "
            f"{maps[..., number].max():.2f}, the strongest filter, {maps.max(axis=(0, 1)).argmax()}, "
            f"{maps.max():.2f}. {silent} of {maps.shape[-1]} filters are silent on this image."
        )

    def _choice(self) -> tuple[int, str, int]:
        return self.pick.value, self.layer.value, self.filter.value

    def _name(self) -> str:
        return "image {}, layer {}, filter {}".format(*self._choice())

    def _figure(self) -> Figure:
        image, layer, number = self._choice()
        return plots.layer_overview(
            self._images[image],
            self._activations[layer][image],
            number,
            title=f"{self._titles[image]} in layer {layer}, filter {number}",
        )


@checked("images titles", images=IMAGES, activations=Items(Array(), keys=text), titles=NAMES)
def activation_explorer(
    images: ArrayLike, activations: Mapping[str, ArrayLike], titles: Sequence[str]
) -> ActivationExplorer:
    """Make an explorer of what layers see: image, layer and filter to choose.

    Nothing is computed; a picture is drawn when its choice is first made, and kept.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Some images.
    activations : mapping of str to array-like of shape (n, rows, columns, filters)
        What each layer made of them, as `mnistkit.activations.layer_activations` returns it.
    titles : sequence of str
        What each image is.

    Returns
    -------
    ActivationExplorer

    Raises
    ------
    ValueError
        If there is no layer, or the images, their titles and a layer's activations are not of equal number,
        or a layer's activations are no maps.
    """
    pictures = np.asarray(images)
    maps = {name: np.asarray(values) for name, values in activations.items()}
    for name, values in maps.items():
        if values.ndim != 4 or len(values) != len(pictures):
            raise ValueError(
                f"activations[{name!r}]: expected maps of shape ({len(pictures)}, rows, columns, filters), "
                f"found {values.shape}"
            )
    return ActivationExplorer(pictures, maps, titles)
