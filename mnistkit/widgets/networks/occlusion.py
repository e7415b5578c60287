"""The explorer of occlusion: a square to move over an image, and what is left of the probability."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.utils.arguments import Array, Integer, Items, Number, checked, text
from mnistkit.widgets.explorer import Explorer, arrow_slider


class OcclusionExplorer(Explorer):
    """Two sliders that move a square; see `occlusion_explorer`, which checks what it is given.

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        The image.
    before : mapping of str to float
        Probability of each class without the square.
    maps : dict of str to numpy.ndarray, shape (height, width)
        Probability of each class with the square's middle on each pixel.
    patch : int
        Side of the square.

    Attributes
    ----------
    across, down : ipywidgets.IntSlider
        Column and row of the square's middle. Arrow keys move it.
    """

    def __init__(
        self,
        image: NDArray[Any],
        before: Mapping[str, float],
        maps: dict[str, NDArray[Any]],
        patch: int,
    ) -> None:
        self._image, self._before, self._maps, self._patch = image, before, maps, patch
        first = next(iter(maps.values()))
        row, column = np.unravel_index(first.argmin(), first.shape)  # where the first class loses most
        self.across, self.down = (
            arrow_slider(
                ipywidgets.IntSlider,
                value=int(value),
                min=0,
                max=size - 1,
                description=name,
                about=f"{what} of the square's middle",
            )
            for name, what, value, size in (
                ("across", "Column", column, image.shape[1]),
                ("down", "Row", row, len(image)),
            )
        )
        super().__init__([self.across, self.down])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        left = "; ".join(
            f"{name} {chances[self._choice()]:.1%}, uncovered {self._before[name]:.1%}"
            for name, chances in self._maps.items()
        )
        return f"{self._name()}: {left}."

    def _choice(self) -> tuple[int, int]:
        return self.down.value, self.across.value

    def _name(self) -> str:
        row, column = self._choice()
        return f"{self._patch} × {self._patch} pixels covered, the middle in row {row}, column {column}"

    def _ground(self) -> tuple[Hashable, Callable[[], Figure]]:
        return None, lambda: plots.occlusion_maps(self._maps)

    def _figure(self) -> Figure:
        return plots.occlusion_step(
            self._image, self._maps, self._before, self._choice(), self._patch, title=self._name()
        )


@checked(
    image=Array((2,)),
    before=Items(Number(0), keys=text),
    falls=Items(Array((2,)), keys=text),
    patch=Integer(),
)
def occlusion_explorer(
    image: ArrayLike, before: Mapping[str, float], falls: Mapping[str, ArrayLike], *, patch: int
) -> OcclusionExplorer:
    """Make an explorer of occlusion: move a square over an image, and see what is left of the probability.

    It begins where the first class loses most. Nothing is computed.

    Parameters
    ----------
    image : array-like of shape (height, width)
        A grey image.
    before : mapping of str to float
        For one or two classes the probability, 0 to 1, without the square.
    falls : mapping of str to array-like of shape (height, width)
        For the same classes how far it falls with the square's middle on each pixel, as
        `mnistkit.activations.occlusion` returns it.
    patch : int
        Side of the square in pixels, the one that was used there.

    Returns
    -------
    OcclusionExplorer

    Raises
    ------
    ValueError
        If there are more than two classes, the two mappings are not of the same, or a map is not as large as
        the image.

    Examples
    --------
    >>> falls = np.zeros((3, 3))
    >>> falls[1, 2] = 0.75
    >>> occlusion_explorer(np.ones((3, 3)), {"cat": 0.8}, {"cat": falls}, patch=1).describe()
    '1 × 1 pixels covered, the middle in row 1, column 2: cat 5.0%, uncovered 80.0%.'
    """
    picture = np.asarray(image)
    if set(before) != set(falls):
        raise ValueError(
            f"before is of {', '.join(before)}, falls is of {', '.join(falls)}; expected the same"
        )
    maps = {}
    for name, fall in falls.items():
        if np.shape(fall) != picture.shape:
            raise ValueError(f"falls[{name!r}]: expected shape {picture.shape}, found {np.shape(fall)}")
        maps[name] = np.clip(before[name] - np.asarray(fall), 0, 1)  # of rounded numbers
    return OcclusionExplorer(picture, before, maps, patch)
