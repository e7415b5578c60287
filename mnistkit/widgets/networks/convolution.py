"""The explorer of one convolution: a window that slides, and nine weights to edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy.signal import correlate2d

from mnistkit import plots
from mnistkit.utils.arguments import IMAGES, TEXTS, checked
from mnistkit.widgets.explorer import Explorer, arrow_slider, buttons

KERNELS: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "left edges": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "top edges": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    "blur": ((0.1, 0.1, 0.1), (0.1, 0.2, 0.1), (0.1, 0.1, 0.1)),
    "all edges": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
}
"""Kernels to begin with, by what they answer to."""

_SIDE = 3
_LARGEST_WEIGHT = 100


class ConvolutionExplorer(Explorer):
    """A kernel, a place and an image to choose; see `convolution_explorer`, which checks what it is given.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width)
        The images.
    titles : sequence of str
        What each image is.

    Attributes
    ----------
    pick : ipywidgets.SelectionSlider
        The image, by its title. Arrow keys move it.
    place : ipywidgets.IntSlider
        How many places the window has visited, row by row. Arrow keys move it.
    start : ipywidgets.ToggleButtons
        A known kernel to fill the nine weights with.
    weights : tuple of ipywidgets.FloatText
        The nine weights, row by row: each can be edited.
    """

    def __init__(self, images: NDArray[Any], titles: Sequence[str]) -> None:
        self._images, self._titles = images, titles
        places = (images.shape[1] - _SIDE + 1) * (images.shape[2] - _SIDE + 1)
        first = KERNELS[next(iter(KERNELS))]
        narrow = ipywidgets.Layout(width="70px")
        self.pick = arrow_slider(
            ipywidgets.SelectionSlider,
            options=[(f"{number}: {title}", number) for number, title in enumerate(titles)],
            description="image",
            about="The image",
        )
        self.place = arrow_slider(
            ipywidgets.IntSlider,
            min=1,
            max=places,
            value=_telling_place(images[0], first),
            description="places",
            about="Places that the window has visited",
        )
        self.start = buttons(
            list(KERNELS), description="kernel", about="Fill the nine weights; then edit them"
        )
        self.weights = tuple(
            ipywidgets.BoundedFloatText(
                value=weight,
                min=-_LARGEST_WEIGHT,
                max=_LARGEST_WEIGHT,
                step=0.5,
                tooltip=f"Weight in row {number // _SIDE}, column {number % _SIDE}",
                layout=narrow,
            )
            for number, weight in enumerate(np.ravel(first))
        )
        super().__init__([self.pick, self.place, self.start, *self.weights])
        grid = ipywidgets.GridBox(
            self.weights, layout=ipywidgets.Layout(grid_template_columns="repeat(3, 80px)")
        )
        self.children = (self.pick, self.place, self.start, grid, self._frame, self.text)

    @property
    def kernel(self) -> NDArray[np.float64]:
        """The nine weights, of shape (3, 3)."""
        return np.array([weight.value for weight in self.weights]).reshape(_SIDE, _SIDE)

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        image, kernel, (row, column) = self._images[self.pick.value], self.kernel, self._corner()
        filled = self._map()
        name = f"image {self.pick.value} ({self._titles[self.pick.value]})"
        weights = "; ".join(" ".join(f"{weight:g}" for weight in line) for line in kernel)
        total = (image[row : row + _SIDE, column : column + _SIDE] * kernel).sum()
        return (
            f"Kernel {weights} on {name}: the window in row {row}, "
            f"column {column} gives {total:.2f}. The map reaches from {np.nanmin(filled):.2f} to "
            f"{np.nanmax(filled):.2f}; {np.isfinite(filled).sum()} of {filled.size} places are visited."
        )

    def _choice(self) -> tuple[float, ...]:
        return (self.pick.value, self.place.value, *(weight.value for weight in self.weights))

    def _name(self) -> str:
        return f"image {self.pick.value}, place {self.place.value}"

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        return "kernel", {
            name: dict(zip(self.weights, np.ravel(kernel), strict=True)) for name, kernel in KERNELS.items()
        }

    def _corner(self) -> tuple[int, int]:
        """Give row and column of the window's upper left pixel."""
        return divmod(self.place.value - 1, self._images.shape[2] - _SIDE + 1)

    def _map(self) -> NDArray[np.float64]:
        """Compute the map as far as the window has come; the rest is NaN."""
        whole = correlate2d(self._images[self.pick.value], self.kernel, mode="valid")
        whole.reshape(-1)[self.place.value :] = np.nan
        return whole

    def _figure(self) -> Figure:
        return plots.convolution_step(
            self._images[self.pick.value],
            self.kernel,
            self._map(),
            self._corner(),
            title=f"{self._titles[self.pick.value]}: {self.place.value} of {self.place.max} places",
        )

    def _adapt(self, control: Any) -> None:
        if control is self.start:
            for weight, value in zip(self.weights, np.ravel(KERNELS[self.start.value]), strict=True):
                weight.value = value


def _telling_place(image: NDArray[Any], kernel: ArrayLike) -> int:
    """Find the strongest answer in the lower half, where most of the map is filled already."""
    answers = np.abs(correlate2d(image, kernel, mode="valid"))
    upper = answers[: len(answers) // 2].size
    return 1 + upper + int(answers.ravel()[upper:].argmax())


@checked("images titles", images=IMAGES, titles=TEXTS)
def convolution_explorer(images: ArrayLike, titles: Sequence[str]) -> ConvolutionExplorer:
    """Make an explorer of a 3 × 3 convolution: the window slides, and each weight can be edited.

    A picture is drawn when its choice is first made, and kept.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Some grey images, values 0 to 1, of at least 3 × 3 pixels.
    titles : sequence of str
        What each image is.

    Returns
    -------
    ConvolutionExplorer

    Raises
    ------
    ValueError
        If images and titles are not of equal number, or the window does not fit into an image.

    Examples
    --------
    >>> import numpy as np
    >>> explorer = convolution_explorer(np.eye(5)[None], ["a diagonal"])
    >>> explorer.place.max
    9
    >>> explorer.kernel[0].tolist()
    [-1.0, 0.0, 1.0]
    """
    pictures = np.asarray(images, dtype="float64")
    if min(pictures.shape[1:]) < _SIDE:
        raise ValueError(
            f"images are of {pictures.shape[1]} × {pictures.shape[2]} pixels; expected at least 3 × 3"
        )
    return ConvolutionExplorer(pictures, titles)
