"""Figures of embeddings: images laid out in a plane, and how near their neighbours are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.spatial.distance import cdist

from mnistkit.plots.common import name_places, series_style
from mnistkit.utils.arguments import checked

__all__ = ["k_distance_curves", "views"]


@checked("panels axis_names")
def views(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray, Sequence[str]]],
    *,
    title: str,
    axis_names: Sequence[tuple[str, str]],
) -> Figure:
    """Draw points in a plane, one panel a view, coloured and marked by group.

    Parameters
    ----------
    panels : mapping of str to (points, groups, names)
        For each panel its title, the places of shape (n, 2), the group of each point (int; −1 is noise, drawn
        as small grey dots) and the name of group 0, 1, …, written where its points are densest: a group may
        have several islands.
    title : str
        What to see.
    axis_names : sequence of (str, str)
        Names of the two axes of each panel.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 5.4), squeeze=False)
    for ax, (name, panel), (x_name, y_name) in zip(axes.flat, panels.items(), axis_names, strict=True):
        _draw_groups(ax, *panel)
        ax.set_title(name, fontsize=11)
        ax.set(xlabel=x_name, ylabel=y_name)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked()
def k_distance_curves(curves: Mapping[str, np.ndarray], chosen: Mapping[str, float], *, title: str) -> Figure:
    """Draw sorted distances to the k-th neighbour, and the eps that is read from each curve.

    A thin line joins the ends of each curve, dots lead from it down to the eps: there the curve bends.

    Parameters
    ----------
    curves : mapping of str to numpy.ndarray, shape (n,)
        For each choice of k the distances, ascending.
    chosen : mapping of str to float
        The eps of each curve.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(8, 4))
    for position, (name, curve) in enumerate(curves.items()):
        style = series_style(position)
        ax.plot(
            np.arange(1, len(curve) + 1),
            curve,
            color=style["color"],
            linestyle=("-", "--", ":")[position % 3],
            label=name,
        )
        place = int(np.searchsorted(curve, chosen[name]))
        ax.plot(place + 1, chosen[name], markersize=9, **style)
        ax.plot([1, len(curve)], [curve[0], curve[-1]], color="0.5", linewidth=1)
        line = np.interp(place, [0, len(curve) - 1], [curve[0], curve[-1]])
        ax.plot([place + 1] * 2, [chosen[name], line], color="0.3", linestyle=":")
        ax.annotate(
            f"eps = {chosen[name]:.1f}",
            (place + 1, chosen[name]),
            (-10, 8) if position == 0 else (0, -16),
            textcoords="offset points",
            ha="right" if position == 0 else "left",
            fontsize=10,
        )
    ax.set(title=title, xlabel="images, sorted by that distance", ylabel="distance (standard deviations)")
    ax.legend(loc="upper left")
    return figure


def _draw_groups(ax: Axes, points: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> None:
    noise = points[groups < 0]
    ax.scatter(noise[:, 0], noise[:, 1], s=4, color="0.6", linewidths=0)
    present = [group for group in range(len(names)) if np.any(groups == group)]
    if not present:
        return
    for group in present:
        own = points[groups == group]
        ax.scatter(
            own[:, 0], own[:, 1], s=11, alpha=0.5, linewidths=0, label=names[group], **series_style(group)
        )
    crowded = np.array([_densest(points[groups == group]) for group in present])
    least = np.ptp(points, axis=0) * (0.16, 0.055)
    name_places(ax, [names[group] for group in present], crowded, least, fontsize=9)
    legend = ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=5 if max(map(len, names)) < 4 else 3,
        fontsize=9,
        handletextpad=0.1,
        columnspacing=0.8,
        markerscale=2,
    )
    for handle in filter(None, legend.legend_handles):
        handle.set_alpha(1)


def _densest(points: np.ndarray) -> np.ndarray:
    """Give the point whose nearest quarter is nearest: a mean of two islands would lie in the sea."""
    some = points[:: max(1, len(points) // 500)]
    near = np.partition(cdist(some, some), len(some) // 4, axis=1)[:, len(some) // 4]
    return some[near.argmin()]
