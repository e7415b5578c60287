"""The explorer of what a network's layers see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.utils.arguments import IMAGES, TEXTS, Array, Items, checked, text
from mnistkit.widgets.explorer import Explorer, arrow_slider, buttons

_STRONGEST = 5
"""Filters of each layer that a report's page offers: all together would be hundreds."""


class ActivationExplorer(Explorer):
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
    layer : ipywidgets.ToggleButtons
        The layer.
    filter : ipywidgets.IntSlider
        The number of the filter. Arrow keys move it.
    """

    def __init__(
        self, images: NDArray[Any], activations: dict[str, NDArray[Any]], titles: Sequence[str]
    ) -> None:
        self._images, self._activations, self._titles = images, activations, titles
        options = [(f"{number}: {title}", number) for number, title in enumerate(titles)]
        self.pick = arrow_slider(
            ipywidgets.SelectionSlider,
            options=options,
            description="image",
            about="The image",
        )
        self.layer = buttons(list(activations), description="layer", about="The layer of the network")
        self.filter = arrow_slider(
            ipywidgets.IntSlider,
            min=0,
            max=self._last_filter(),
            description="filter",
            about="Number of the filter",
        )
        super().__init__([self.pick, self.layer, self.filter])

    def _last_filter(self) -> int:
        return self._activations[self.layer.value].shape[-1] - 1

    def _adapt(self, control: Any) -> None:
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

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        stops = {}
        for layer, maps in self._activations.items():
            strength = maps[self.pick.value].max(axis=(0, 1))
            for number in sorted(np.argsort(-strength, kind="stable")[:_STRONGEST].tolist()):
                stops[f"{layer}, {number}"] = {self.layer: layer, self.filter: number}
        return f"layer and filter, the {_STRONGEST} strongest of each layer", stops

    def _figure(self) -> Figure:
        image, layer, number = self._choice()
        return plots.layer_overview(
            self._images[image],
            self._activations[layer][image],
            number,
            title=f"{self._titles[image]} in layer {layer}, filter {number}",
        )


@checked("images titles", images=IMAGES, activations=Items(Array(), keys=text), titles=TEXTS)
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
