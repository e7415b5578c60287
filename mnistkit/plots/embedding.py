"""Figures of embeddings: images laid out in a plane, and how near their neighbours are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import PercentFormatter
from scipy.spatial.distance import cdist

from mnistkit.plots.common import draw_sheet, name_places, series_style, show_whole_numbers, unplaced
from mnistkit.utils.arguments import IMAGES, LABELS, POINTS, TEXTS, Array, Items, Number, checked, text

__all__ = [
    "MOST_CHOSEN",
    "embedding_choice",
    "embedding_planes",
    "eps_ground",
    "eps_step",
    "k_distance_curves",
    "views",
]

MOST_CHOSEN = 12
"""Images beside an embedding."""

_PLANES = 2  # side by side; more would be too small to find a place in
_SIZE = (11, 5.4)
_EPS_PLACES = (0.1, 0.12, 0.49, 0.76), (0.67, 0.55, 0.32, 0.33), (0.67, 0.12, 0.32, 0.33)
_SHEET = (0.7, 0.02, 0.29, 0.87)


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
        _draw_legend(ax, panel[2])
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
    show_whole_numbers(ax.xaxis)
    ax.legend(loc="upper left")
    return figure


@checked(
    points=POINTS,
    clusterings=Items(Array((1,), -1, integers=True), keys=Number(0, above=True)),
    eps=Number(0, above=True),
    axis_names=Items(text, fewest=2),
)
def eps_step(
    points: np.ndarray,
    clusterings: Mapping[float, np.ndarray],
    eps: float,
    *,
    title: str,
    axis_names: Sequence[str],
    to_scale: bool = False,
    over_ground: bool = False,
) -> Figure:
    """Draw what DBSCAN finds with one eps, and how many clusters and how much noise it finds with each.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 2)
        Where each point is drawn.
    clusterings : mapping of float to numpy.ndarray of int, shape (n,)
        For each eps, ascending, the cluster of each point; −1 is noise, drawn as small grey dots.
    eps : float
        One of these, to be drawn.
    title : str
        What to see.
    axis_names : sequence of str
        Names of the two axes.
    to_scale : bool
        Whether eps is a distance in the drawing: it then has a circle of that radius, round the point nearest
        to the middle.
    over_ground : bool
        Whether to leave out what `eps_ground` draws, to be laid on that.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no clustering with that eps.
    """
    if eps not in clusterings:
        raise ValueError(f"eps is {eps}; expected one of {', '.join(map(str, clusterings))}")
    figure, (left, upper, lower) = unplaced(10, 5, _EPS_PLACES)
    clusters = clusterings[eps]
    _draw_groups(left, points, clusters, [f"c{c}" for c in range(clusters.max() + 1)])
    left.set(xlabel=axis_names[0], ylabel=axis_names[1])
    left.set_title("grey: noise", fontsize=10)
    if to_scale:
        middle = points[np.square(points - points.mean(axis=0)).sum(axis=1).argmin()]
        left.plot(middle[0], middle[1], color="black", marker="+")
        left.add_patch(Circle(tuple(middle), eps, fill=False, edgecolor="black", linewidth=1.5))
        left.set_title("grey: noise; circle: what lies within eps of the cross", fontsize=10)
        left.set_aspect("equal")
    if over_ground:
        for ax in (upper, lower):
            ax.set_xlim(*_eps_range(clusterings))
            ax.set_axis_off()
    else:
        _draw_eps_curves(upper, lower, clusterings)
    for ax in (upper, lower):
        ax.axvline(eps, color="0.3", linestyle="--", linewidth=1)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(clusterings=Items(Array((1,), -1, integers=True), keys=Number(0, above=True)))
def eps_ground(clusterings: Mapping[float, np.ndarray]) -> Figure:
    """Draw of `eps_step` what is the same for each eps: the numbers of clusters and of noise.

    Parameters
    ----------
    clusterings : mapping of float to numpy.ndarray of int, shape (n,)
        For each eps, ascending, the cluster of each point; −1 is noise.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, upper, lower) = unplaced(10, 5, _EPS_PLACES)
    left.set_axis_off()
    _draw_eps_curves(upper, lower, clusterings)
    return figure


def _draw_eps_curves(upper: Axes, lower: Axes, clusterings: Mapping[float, np.ndarray]) -> None:
    counts = [float(found.max()) + 1 for found in clusterings.values()]
    noise = [float((found < 0).mean()) for found in clusterings.values()]
    for position, (ax, values, label) in enumerate(((upper, counts, "clusters"), (lower, noise, "noise"))):
        ax.plot(list(clusterings), values, **series_style(position))
        ax.set_xlim(*_eps_range(clusterings))
        ax.set_ylabel(label, fontsize=10)
        ax.tick_params(labelsize=9)
    show_whole_numbers(upper.yaxis)
    lower.yaxis.set_major_formatter(PercentFormatter(1))
    lower.set_xlabel("eps (dashed: chosen)", fontsize=10)


def _eps_range(clusterings: Mapping[float, np.ndarray]) -> tuple[float, float]:
    """Give the ends of the axis of eps: the same on the ground and over it."""
    low, high = min(clusterings), max(clusterings)
    rim = 0.05 * (high - low) or 0.05 * high
    return low - rim, high + rim


@checked(planes=Items(POINTS, keys=text), groups=Array((1,), -1, integers=True), names=TEXTS)
def embedding_planes(planes: Mapping[str, np.ndarray], groups: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw one or two embeddings of the same images, and leave room beside them: the explorer's ground.

    Parameters
    ----------
    planes : mapping of str to numpy.ndarray, shape (n, 2)
        For each embedding its name and where it places the images.
    groups : numpy.ndarray of int, shape (n,)
        Group of each image, whose colour and marker it has; those of −1 are small grey dots.
    names : sequence of str
        Name of group 0, 1, …

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are more than two embeddings, or one has not two numbers for each image.

    Examples
    --------
    >>> points = np.array([[0.0, 0], [1, 1], [5, 2]])
    >>> figure = embedding_planes({"PCA": points}, np.array([0, 0, 1]), ["cat", "dog"])
    >>> [label.get_text() for label in figure.legends[0].get_texts()]
    ['cat', 'dog']
    """
    figure, axes = _planes(planes, len(groups))
    for ax, (name, points) in zip(axes, planes.items(), strict=True):
        # As curves without a line: 10,000 points as a scatter plot take three times as long.
        look: dict[str, Any] = {"linestyle": "none", "markeredgewidth": 0}
        ax.plot(*points[groups < 0].T, marker="o", markersize=2, color="0.6", **look)
        for group in _present(groups, names):
            style = {**look, **series_style(group), "label": names[group]}
            ax.plot(*points[groups == group].T, markersize=3.3, alpha=0.5, **style)
        _name_groups(ax, points, groups, names)
        ax.set_title(name, fontsize=11)
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="lower center",
        bbox_to_anchor=(_SHEET[0] / 2, 0),
        ncols=5 if max(map(len, names)) > 4 else 10,
        fontsize=9,
        handletextpad=0.1,
        columnspacing=0.8,
        markerscale=2,
        frameon=False,
    )
    return figure


@checked(
    "images captions",
    planes=Items(POINTS, keys=text),
    place=Items(Number(), fewest=2),
    chosen=LABELS,
    images=IMAGES,
    captions=TEXTS,
)
def embedding_choice(
    planes: Mapping[str, np.ndarray],
    plane: str,
    place: Sequence[float],
    chosen: np.ndarray,
    images: np.ndarray,
    captions: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw what is chosen in embeddings: a cross, rings round the chosen points in each, and their images.

    Parameters
    ----------
    planes : mapping of str to numpy.ndarray, shape (n, 2)
        The embeddings, as `embedding_planes` has drawn them, on which this figure is laid.
    plane : str
        Name of the one with the cross.
    place : sequence of float
        Where the cross is.
    chosen : numpy.ndarray of int
        Numbers of the chosen images.
    images : numpy.ndarray, shape (m, height, width)
        Grey images of the chosen; the first `MOST_CHOSEN` are drawn.
    captions : sequence of str
        What stands under each of these.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are more than two embeddings, one has not two numbers for each image, `plane` is not among
        them, or a chosen number is too large.
    """
    if plane not in planes:
        raise ValueError(f"plane is {plane!r}; expected one of {', '.join(planes)}")
    count = len(planes[plane])
    if chosen.max() >= count:
        raise ValueError(f"chosen has the number {chosen.max()}; there are {count} images")
    figure, axes = _planes(planes, count)
    for ax, (name, points) in zip(axes, planes.items(), strict=True):
        ax.patch.set_visible(False)
        ax.plot(*points[chosen].T, "o", markersize=8, fillstyle="none", color="black", markeredgewidth=1.3)
        if name == plane:
            ax.plot(*place, "+", markersize=22, color="black", markeredgewidth=2)
    sheet = figure.add_axes(_SHEET)
    draw_sheet(sheet, images[:MOST_CHOSEN], captions[:MOST_CHOSEN], columns=4, rows=3)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def _planes(planes: Mapping[str, np.ndarray], count: int) -> tuple[Figure, list[Axes]]:
    """Make a figure with an axes for each embedding, none of them with numbers: only neighbourhood counts."""
    if len(planes) > _PLANES:
        raise ValueError(f"planes has {len(planes)} embeddings; expected at most {_PLANES}")
    width = (_SHEET[0] - 0.03) / len(planes)
    figure, axes = unplaced(
        *_SIZE, [(0.01 + n * width, 0.12, width - 0.01, 0.74) for n in range(len(planes))]
    )
    for ax, (name, points) in zip(axes, planes.items(), strict=True):
        if points.shape != (count, 2):
            raise ValueError(f"planes[{name!r}]: expected shape ({count}, 2), found {points.shape}")
        low, high = points.min(axis=0), points.max(axis=0)
        rim = 0.04 * (high - low) + 1e-9  # points may all be one
        ax.set(xticks=[], yticks=[])
        ax.set(xlim=(low[0] - rim[0], high[0] + rim[0]), ylim=(low[1] - rim[1], high[1] + rim[1]))
    return figure, axes


def _draw_groups(ax: Axes, points: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> None:
    noise = points[groups < 0]
    ax.scatter(noise[:, 0], noise[:, 1], s=4, color="0.6", linewidths=0)
    for group in _present(groups, names):
        own = points[groups == group]
        ax.scatter(
            own[:, 0], own[:, 1], s=11, alpha=0.5, linewidths=0, label=names[group], **series_style(group)
        )
    _name_groups(ax, points, groups, names)


def _present(groups: np.ndarray, names: Sequence[str]) -> list[int]:
    """List the groups that have points."""
    return [group for group in range(len(names)) if np.any(groups == group)]


def _name_groups(ax: Axes, points: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> None:
    """Write each group's name where its points are densest."""
    present = _present(groups, names)
    if not present:
        return
    crowded = np.array([_densest(points[groups == group]) for group in present])
    least = np.ptp(points, axis=0) * (0.16, 0.055)
    name_places(ax, [names[group] for group in present], crowded, least, fontsize=9)


def _draw_legend(ax: Axes, names: Sequence[str]) -> None:
    if not ax.get_legend_handles_labels()[0]:
        return
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
