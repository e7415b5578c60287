"""The explorer of the steps of K-means in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.plots.clustering import STEPS
from mnistkit.utils.arguments import POINTS, checked
from mnistkit.widgets.explorer import Explorer, arrow_slider, picture_of

_PANELS = 4


class KMeansSteps(Explorer):
    """A slider over the moves of K-means; see `kmeans_steps`, which checks what it is given.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 2)
        The points.
    steps : list of (clusters, centers)
        What K-means did.

    Attributes
    ----------
    slider : ipywidgets.IntSlider
        The move, from 0. Arrow keys move it.
    """

    def __init__(self, points: NDArray[Any], steps: list[tuple[NDArray[Any], NDArray[Any]]]) -> None:
        self._points, self._steps = points, steps
        self.slider = arrow_slider(
            ipywidgets.IntSlider,
            value=0,
            min=0,
            max=2 * (len(steps) - 1),
            description="move",
            about="Move of K-means",
        )
        super().__init__([self.slider])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        return self._words(self._choice())

    def _words(self, move: int) -> str:
        step, centres_move = divmod(move, 2)
        clusters, centers = self._steps[step][0], self._steps[step + centres_move][1]
        inertia = ((self._points - centers[clusters]) ** 2).sum()
        what = "the centres have moved to the mean" if centres_move else "the points have a new cluster"
        return f"Step {step + 1} of {len(self._steps)}: {what}, inertia {inertia:,.0f}."

    def _choice(self) -> int:
        return self.slider.value

    def _name(self) -> str:
        return f"move {self._choice()}"

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        return "move", {str(move): {self.slider: move} for move in range(self.slider.max + 1)}

    def _figure(self) -> Figure:
        return self._drawn([self._choice()], f"K-means: {self.describe()}")

    def _drawn(self, moves: list[int], title: str) -> Figure:
        return plots.kmeans_moves(self._points, self._steps, moves, title=title)

    def _still(self) -> tuple[bytes, str]:
        """Return a few moves side by side, from the first to the last."""
        later = np.linspace(min(1, self.slider.max), self.slider.max, _PANELS - 1).round().astype(int)
        moves = sorted({0, *later.tolist()})
        words = " ".join(map(self._words, moves))
        title = f"{len(moves)} of {self.slider.max + 1} moves of K-means, from the first to the last"
        return picture_of(lambda: self._drawn(moves, title)), words


@checked(points=POINTS, steps=STEPS)
def kmeans_steps(points: ArrayLike, steps: Sequence[tuple[ArrayLike, ArrayLike]]) -> KMeansSteps:
    """Make an explorer of K-means in the plane: points and centres, move by move.

    Nothing is computed but the inertia. Where no kernel runs, a few moves stand side by side.

    Parameters
    ----------
    points : array-like of shape (n, 2)
        The points.
    steps : sequence of (clusters, centers)
        Cluster of each point, and the k centres that were nearest to them, step by step.

    Returns
    -------
    KMeansSteps

    Raises
    ------
    ValueError
        If a step does not fit the points.

    Examples
    --------
    >>> points = [[0.0, 0], [0, 1], [5, 0], [5, 1]]
    >>> steps = [([0, 1, 1, 1], [[0.0, 0], [0, 1]]), ([0, 0, 1, 1], [[0.0, 0], [3.3, 0.7]])]
    >>> kmeans_steps(points, steps).describe()
    'Step 1 of 2: the points have a new cluster, inertia 51.'
    """
    places = np.asarray(points)
    arrays = [(np.asarray(clusters), np.asarray(centers)) for clusters, centers in steps]
    for clusters, centers in arrays:
        if places.shape[1] != 2 or len(clusters) != len(places) or centers.shape[1] != 2:
            raise ValueError(
                f"steps and points do not fit: {len(clusters)} clusters and centres of {centers.shape[1]} "
                f"numbers, points of shape {places.shape}; expected a cluster for each point, all in 2-D"
            )
        if clusters.max() >= len(centers):
            raise ValueError(f"steps name the cluster {clusters.max()}; there are {len(centers)} centres")
    return KMeansSteps(places, arrays)
