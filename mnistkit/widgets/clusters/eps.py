"""The explorer of DBSCAN's eps."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.utils.arguments import POINTS, Array, Items, Number, checked, text
from mnistkit.widgets.explorer import Explorer, arrow_slider


class EpsExplorer(Explorer):
    """A slider over the eps of clusterings; see `eps_explorer`, which checks what it is given.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 2)
        Where each point is drawn.
    clusterings : dict of float to numpy.ndarray of int, shape (n,)
        For each eps, ascending, the cluster of each point.
    eps : float
        The one to begin with.
    axis_names : sequence of str
        Names of the two axes.
    to_scale : bool
        Whether eps is a distance in the drawing.

    Attributes
    ----------
    slider : ipywidgets.SelectionSlider
        Its options are the eps of the clusterings. Arrow keys move it.
    """

    def __init__(
        self,
        points: NDArray[Any],
        clusterings: dict[float, NDArray[Any]],
        eps: float,
        axis_names: Sequence[str],
        to_scale: bool,
    ) -> None:
        self._points, self._clusterings = points, clusterings
        self._axis_names, self._to_scale = axis_names, to_scale
        self.slider = arrow_slider(
            ipywidgets.SelectionSlider,
            options=[(f"{one:.3g}", one) for one in clusterings],
            value=eps,
            description="eps",
            about="Distance within which points are neighbours",
        )
        super().__init__([self.slider])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        clusters = self._clusterings[self._choice()]
        sizes = np.bincount(clusters[clusters >= 0], minlength=1)
        each = ", ".join(f"c{c}: {size:,}" for c, size in enumerate(sizes) if size)
        return f"DBSCAN with {self._title()}. Points in each cluster: {each or 'none'}."

    def _choice(self) -> float:
        return self.slider.value

    def _name(self) -> str:
        return f"eps = {self._choice():.3g}"

    def _title(self) -> str:
        clusters = self._clusterings[self._choice()]
        noise = clusters < 0
        found = f"{clusters.max() + 1} cluster{'' if clusters.max() == 0 else 's'}"
        return f"{self._name()}: {found}, {noise.mean():.0%} noise ({noise.sum():,} of {len(noise):,} points)"

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        return "eps", {label: {self.slider: one} for label, one in self.slider.options}

    def _ground(self) -> tuple[Hashable, Callable[[], Figure]]:
        return None, lambda: plots.eps_ground(self._clusterings)

    def _figure(self) -> Figure:
        return plots.eps_step(
            self._points,
            self._clusterings,
            self._choice(),
            title=self._title(),
            axis_names=self._axis_names,
            to_scale=self._to_scale,
            over_ground=True,
        )


@checked(
    points=POINTS,
    clusterings=Items(Array((1,), -1, integers=True), keys=Number(0, above=True)),
    eps=Number(0, above=True),
    axis_names=Items(text, fewest=2),
)
def eps_explorer(
    points: ArrayLike,
    clusterings: Mapping[float, ArrayLike],
    eps: float,
    *,
    axis_names: Sequence[str] = ("x", "y"),
    to_scale: bool = False,
) -> EpsExplorer:
    """Make an explorer of DBSCAN's eps: clusters and noise for the eps of a slider.

    Nothing is computed; a picture is drawn when its eps is first asked for, and kept.

    Parameters
    ----------
    points : array-like of shape (n, 2)
        Where each point is drawn.
    clusterings : mapping of float to array-like of int, shape (n,)
        For each eps the cluster of each point, from 0; −1 is noise.
    eps : float
        The explorer begins with the nearest to this one.
    axis_names : sequence of str
        Names of the two axes.
    to_scale : bool
        Whether eps is a distance in the drawing: it is then drawn as a circle.

    Returns
    -------
    EpsExplorer

    Raises
    ------
    ValueError
        If a clustering does not fit the points, or the points are not in the plane.

    Examples
    --------
    >>> points = [[0.0, 0], [0, 1], [5, 0]]
    >>> eps_explorer(points, {1.0: [0, 0, -1], 9.0: [0, 0, 0]}, 1.0).describe()
    'DBSCAN with eps = 1: 1 cluster, 33% noise (1 of 3 points). Points in each cluster: c0: 2.'
    """
    places = np.asarray(points)
    ascending = {one: np.asarray(clusterings[one]) for one in sorted(clusterings)}
    if places.shape[1] != 2:
        raise ValueError(f"points have shape {places.shape}; expected two numbers a point")
    for one, clusters in ascending.items():
        if len(clusters) != len(places):
            raise ValueError(
                f"clusterings[{one}] is of {len(clusters):,} points; there are {len(places):,} points"
            )
    nearest = min(ascending, key=lambda one: abs(one - eps))
    return EpsExplorer(places, ascending, nearest, axis_names, to_scale)
