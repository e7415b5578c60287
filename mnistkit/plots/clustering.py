"""Figures of clustering: K-means and other ways of clustering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from mnistkit.plots.common import (
    blank,
    check_columns,
    draw_sheet,
    name_places,
    series_style,
    show_whole_numbers,
    unplaced,
)
from mnistkit.utils.arguments import (
    IMAGES,
    LABELS,
    POINTS,
    TEXTS,
    Array,
    Integer,
    Items,
    Pair,
    Table,
    anything,
    checked,
    text,
)

__all__ = [
    "MOST_MEMBERS",
    "cluster_heatmap",
    "cluster_members",
    "clustering_overview",
    "distance_histograms",
    "elbow_figure",
    "kmeans_moves",
    "own_against_next",
    "projection_pair",
    "scaling_maps",
    "score_strips",
    "silhouette_profile",
]

MOST_MEMBERS = 9
"""Images of a cluster that are drawn near its centre, and as many far from it."""

MATCH = Items(Integer(0), keys=Integer(0), fewest=0)
"""The class that each cluster is matched with, by their numbers."""


def cluster_style(cluster: int, matched: Mapping[int, int] | None = None) -> dict[str, Any]:
    """Choose colour and marker of a cluster: those of its matched class, as they stand in other panels.

    Parameters
    ----------
    cluster : int
        Number of the cluster.
    matched : mapping of int to int, optional
        The class of each matched cluster; another cluster has small black dots, as no class has. Without it,
        clusters have colours of their own.

    Returns
    -------
    dict
        ``color`` and ``marker``, as `series_style` gives them.
    """
    if matched is None:
        return series_style(cluster)
    return series_style(matched[cluster]) if cluster in matched else {"color": "black", "marker": "."}


def _cluster_name(
    cluster: int, matched: Mapping[int, int] | None, class_names: Sequence[str] | None = None, gap: str = " "
) -> str:
    if not matched or cluster not in matched:
        return f"c{cluster}"
    label = matched[cluster]
    return f"c{cluster}:{gap}{class_names[label] if class_names and label < len(class_names) else label}"


@checked(variance=Array((2,)), scaled_variance=Array((2,)), image=Array((2,)), scaled_image=Array((2,)))
def scaling_maps(
    variance: np.ndarray,
    scaled_variance: np.ndarray,
    image: np.ndarray,
    scaled_image: np.ndarray,
    *,
    title: str,
) -> Figure:
    """Draw what standardising does to the weight of each pixel, and to one image.

    Parameters
    ----------
    variance, scaled_variance : numpy.ndarray, shape (28, 28)
        Variance of each pixel before and after.
    image, scaled_image : numpy.ndarray, shape (28, 28)
        One image before and after.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    panels = [
        (variance, "pixels 0 to 1: variance", "cividis"),
        (scaled_variance, "standardised: variance", "cividis"),
        (image, "one image, pixels 0 to 1", "gray"),
        (scaled_image, "the same, standardised", "gray"),
    ]
    figure, axes = plt.subplots(1, 4, figsize=(10, 2.9))
    for ax, (values, name, colours) in zip(axes, panels, strict=True):
        picture = ax.imshow(values, cmap=colours)
        blank(ax)
        ax.set_title(name, fontsize=10)
        figure.colorbar(picture, ax=ax, shrink=0.75)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked(table=Table(()), marked=Items(Integer(0), fewest=0))
def score_strips(
    table: pd.DataFrame, group: str, *, title: str, marked: Sequence[int] = (), marked_as: str = ""
) -> Figure:
    """Draw every run's scores as points, one column of points a score and group.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a run: the column `group`, and one column a score (0 to 1).
    group : str
        Name of the column to compare by.
    title : str
        What to see.
    marked : sequence of int
        Rows of the table, from 0, to draw a ring around.
    marked_as : str
        What a ring means.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the table has no such column or row.
    """
    check_columns("group", [group], table)
    if max(marked, default=0) >= len(table):
        raise ValueError(f"marked names row {max(marked)}; the table has rows 0 to {len(table) - 1}")
    names = [column for column in table.columns if column != group]
    groups = table[group].unique()
    figure, ax = plt.subplots(figsize=(8, 3.6))
    ring: dict[str, Any] = {"s": 130, "facecolors": "none", "edgecolors": "black", "linewidths": 1.5}
    drawn: dict[str, PathCollection] = {}
    rings: dict[str, PathCollection] = {}
    is_marked = np.isin(np.arange(len(table)), marked)
    for position, name in enumerate(groups):
        is_own = table[group] == name
        runs, ringed = table.loc[is_own, names], table.loc[is_own & is_marked, names]
        at = np.arange(len(names)) + 0.18 * (position - (len(groups) - 1) / 2)
        look: dict[str, Any] = {"s": 40, "label": str(name), **series_style(position)}
        drawn[str(name)] = ax.scatter(np.tile(at, len(runs)), runs, **look)
        if len(ringed):
            label = f"{name}, {marked_as}"
            rings[f"ring: {marked_as}"] = ax.scatter(np.tile(at, len(ringed)), ringed, label=label, **ring)
    ax.set_xticks(range(len(names)), names)
    ax.set(title=title, ylabel="score (1 = clusters are the classes)", xlim=(-0.5, len(names) - 0.5))
    drawn |= rings
    ax.legend(drawn.values(), drawn, title=group, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@checked()
def elbow_figure(
    inertia: pd.DataFrame, elbows: Mapping[str, int | None], by_range: Mapping[int, int | None], *, title: str
) -> Figure:
    """Draw inertia over k with its elbow, and the elbow for sweeps that end earlier.

    Parameters
    ----------
    inertia : pandas.DataFrame
        Index k, one column an input: inertia as a share of that at k = 1.
    elbows : mapping of str to int or None
        The elbow of each column; None where it has none.
    by_range : mapping of int to int or None
        Last k of a shorter sweep, and the elbow found in it; None is drawn as a cross at 0.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(3, 2))
    for position, (name, column) in enumerate(inertia.items()):
        found = elbows[str(name)]
        label = f"{name} (elbow: {'none' if found is None else f'k = {found}'})"
        left.plot(column.index, column, label=label, **series_style(position))
        if found is not None:
            left.scatter(found, column[found], s=260, facecolors="none", edgecolors="black", zorder=3)
    left.set(
        title=title, xlabel="number of clusters k", ylabel="inertia (share of that at k = 1)", ylim=(0, 1.05)
    )
    show_whole_numbers(left.xaxis)
    left.legend(loc="lower left")
    found_at = {last: k for last, k in by_range.items() if k is not None}
    right.plot(list(found_at), list(found_at.values()), color="black", marker="o")
    if none := [last for last, k in by_range.items() if k is None]:
        right.scatter(none, [0] * len(none), color="black", marker="x", label="no elbow", clip_on=False)
        right.legend(loc="upper right")
    right.set(title="The same sweep, ended earlier", xlabel="last k of the sweep", ylabel="elbow found at k")
    show_whole_numbers(right.xaxis)
    show_whole_numbers(right.yaxis)
    right.set_ylim(0, max(found_at.values(), default=1) + 2)
    return figure


@checked("a b", a=Array((1,)), b=Array((1,)))
def own_against_next(a: np.ndarray, b: np.ndarray, *, title: str) -> Figure:
    """Draw the two distances of which a silhouette is made, one point an image.

    Parameters
    ----------
    a, b : numpy.ndarray, shape (n,)
        Mean distance to the image's own cluster, and to the next nearest one.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(5.6, 4.6))
    colours = sns.color_palette("colorblind")
    for chosen, name, colour, marker in (
        (b >= a, "nearer to its own cluster (s ≥ 0)", colours[0], "o"),
        (b < a, "nearer to another cluster (s < 0)", colours[1], "x"),
    ):
        ax.scatter(a[chosen], b[chosen], s=12, alpha=0.6, color=colour, marker=marker, label=name)
    ends = [min(a.min(), b.min()), max(a.max(), b.max())]
    ax.plot(ends, ends, color="black", linewidth=1, label="a = b (s = 0)")
    ax.set(title=title, xlabel="a: mean distance to own cluster", ylabel="b: to the next nearest cluster")
    ax.set_aspect("equal")
    ax.legend(fontsize=9)
    return figure


@checked("samples clusters", samples=Array((1,), -1, 1), clusters=LABELS, matched=MATCH, class_names=TEXTS)
def silhouette_profile(
    samples: np.ndarray,
    clusters: np.ndarray,
    *,
    title: str,
    matched: Mapping[int, int] | None = None,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draw the silhouette of every image, sorted within its cluster.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n,)
        Silhouette of each image, −1 to 1.
    clusters : numpy.ndarray of int, shape (n,)
        Its cluster.
    title : str
        What to see.
    matched : mapping of int to int, optional
        The class of each cluster, whose colour it then has.
    class_names : sequence of str, optional
        Name of class 0, 1, …; their numbers otherwise.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(8, 5))
    gap, bottom = max(1, len(samples) // 100), 0
    left = samples.min() - 0.3 * np.ptp(samples)
    for cluster in np.unique(clusters).tolist():
        values = np.sort(samples[clusters == cluster])
        heights = np.arange(bottom, bottom + len(values))
        ax.fill_betweenx(heights, 0, values, color=cluster_style(cluster, matched)["color"], linewidth=0)
        ax.text(
            left,
            heights.mean(),
            f"{_cluster_name(cluster, matched, class_names)} · {(values < 0).mean():.0%} below 0",
            va="center",
            fontsize=9,
        )
        bottom += len(values) + gap
    ax.axvline(samples.mean(), color="black", linestyle="--", label=f"mean {samples.mean():.3f}")
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set(
        title=title, xlabel="silhouette of an image", ylabel="images, sorted within their cluster", yticks=[]
    )
    ax.set_xlim(left - 0.02 * np.ptp(samples), samples.max() * 1.05)
    ax.legend(loc="lower right")
    return figure


@checked(panels=Items(Items(Array((1,)), fewest=2), keys=text))
def distance_histograms(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    title: str,
    xlabel: str = "distance (1 = mean of all pairs)",
) -> Figure:
    """Draw histograms over pairs of images of the same class and of different classes.

    Parameters
    ----------
    panels : mapping of str to (same, different)
        For each panel its name and two arrays: the distances of pairs, or how alike they are.
    title, xlabel : str
        What to see, and what the numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(10, 3.6), sharex=True, sharey=True, squeeze=False)
    numbers = np.concatenate([values for pair in panels.values() for values in pair])
    bins = np.linspace(min(0.0, numbers.min()), numbers.max(), 80).tolist()
    for ax, (name, (same, different)) in zip(axes.flat, panels.items(), strict=True):
        ax.hist(same, bins, density=True, histtype="stepfilled", alpha=0.4, label="same class")
        ax.hist(
            different,
            bins,
            density=True,
            histtype="step",
            color="black",
            linewidth=1.5,
            label="different classes",
        )
        ax.set_title(name, fontsize=10)
        ax.set(xlabel=xlabel)
    axes[0, 0].set_ylabel("density of pairs")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def _scatter_groups(
    ax: Axes,
    points: np.ndarray,
    groups: np.ndarray,
    names: Mapping[int, str],
    matched: Mapping[int, int] | None = None,
) -> None:
    """Draw each group with its colour and marker, and write its name near its median."""
    present = [group for group in names if np.any(groups == group)]
    for group in present:
        own = points[groups == group]
        ax.scatter(own[:, 0], own[:, 1], s=9, alpha=0.6, linewidths=0.3, **cluster_style(group, matched))
    medians = np.array([np.median(points[groups == group], axis=0) for group in present])
    least = np.ptp(points, axis=0) * (0.07, 0.05)
    name_places(ax, [names[group] for group in present], medians, least, fontsize=10)


@checked(
    "points clusters classes",
    points=POINTS,
    clusters=LABELS,
    classes=LABELS,
    class_names=TEXTS,
    matched=MATCH,
)
def projection_pair(
    points: np.ndarray,
    clusters: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str],
    *,
    axis_names: tuple[str, str],
    title: str,
    matched: Mapping[int, int] | None = None,
) -> Figure:
    """Draw the same points twice: coloured by cluster and by class.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 2)
        Where each image is.
    clusters, classes : numpy.ndarray of int, shape (n,)
        Its cluster and its class.
    class_names : sequence of str
        Name of class 0, 1, ….
    axis_names : tuple of str
        What the two axes are.
    title : str
        What to see.
    matched : mapping of int to int, optional
        The class of each cluster: it then has the same colour and marker in both panels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5), sharex=True, sharey=True)
    names = {c: _cluster_name(c, matched, class_names) for c in np.unique(clusters).tolist()}
    _scatter_groups(left, points, clusters, names, matched)
    _scatter_groups(right, points, classes, dict(enumerate(class_names)))
    left.set_title("by cluster (c0, c1, …)" + (": matched class" if matched else ""), fontsize=11)
    right.set_title("by class", fontsize=11)
    left.set(xlabel=axis_names[0], ylabel=axis_names[1])
    right.set(xlabel=axis_names[0])
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked(table=Table(low=0), matched=Items(keys=anything, fewest=0))
def cluster_heatmap(
    table: pd.DataFrame, matched: Mapping[Any, Any], *, title: str, unit: str = "images"
) -> Figure:
    """Draw how many images of each class are in each cluster, or other counts.

    Parameters
    ----------
    table : pandas.DataFrame
        Counts, a row for each cluster, a column for each class; the names of both indexes go on the axes.
    matched : mapping
        Column of the class that each cluster is matched to; its cell gets a frame. May be empty.
    title : str
        What to see.
    unit : str
        What is counted.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(7.5, 0.4 * len(table) + 1.4))
    sns.heatmap(
        table,
        annot=True,
        fmt="d",
        cmap="cividis",
        ax=ax,
        annot_kws={"size": 9},
        cbar_kws={"label": unit},
    )
    for cluster, name in matched.items():
        place = list(table.columns).index(name), list(table.index).index(cluster)
        for colour, width in (("white", 5.0), ("red", 2.0)):  # white: seen in grey on dark cells too
            frame = Rectangle(place, 1, 1, fill=False, edgecolor=colour, linewidth=width, clip_on=False)
            ax.add_patch(frame)
    ax.set(title=title, xlabel=table.columns.name, ylabel=table.index.name)
    ax.tick_params(axis="y", rotation=0)
    return figure


@checked(
    "clusters points",
    "centers sizes",
    clusters=LABELS,
    points=POINTS,
    centers=IMAGES,
    sizes=LABELS,
    matched=MATCH,
    class_names=TEXTS,
)
def clustering_overview(
    clusters: np.ndarray,
    points: np.ndarray,
    centers: np.ndarray,
    sizes: np.ndarray,
    *,
    title: str,
    matched: Mapping[int, int] | None = None,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draw one clustering: its images as points, its centres as images, its sizes (for the explorer).

    Parameters
    ----------
    clusters : numpy.ndarray of int, shape (n,)
        Cluster of each point, 0 to k − 1.
    points : numpy.ndarray, shape (n, 2)
        Where each image is.
    centers : numpy.ndarray, shape (k, height, width)
        Centre of each cluster.
    sizes : numpy.ndarray of int, shape (k,)
        Images in each cluster.
    title : str
        What to see.
    matched : mapping of int to int, optional
        The class of each cluster, whose colour it then has; clusters without a class are black.
    class_names : sequence of str, optional
        Name of class 0, 1, …; their numbers otherwise.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # Placed by hand: with any layout engine, saving draws everything twice, and a slider must not lag.
    with plt.rc_context({"figure.constrained_layout.use": False}):
        figure = Figure(figsize=(10, 5.2))
    scatter = figure.add_axes((0.07, 0.11, 0.42, 0.79))
    names = {c: _cluster_name(c, matched, class_names) for c in range(len(centers))}
    _scatter_groups(scatter, points, clusters, names, matched)
    scatter.set(xlabel="principal component 1", ylabel="principal component 2")
    scatter.set_title(title, fontsize=12)
    columns = min(5, len(centers)) if len(centers) <= 20 else 10
    rows = -(-len(centers) // columns)
    height, width = centers.shape[1:]
    sheet = np.full((rows * height, columns * width), centers.min())
    pictures = figure.add_axes((0.52, 0.40, 0.46, 0.50))
    for cluster, center in enumerate(centers):
        top, left = height * (cluster // columns), width * (cluster % columns)
        sheet[top : top + height, left : left + width] = center
        name = _cluster_name(cluster, matched, class_names, "\n")
        label = pictures.text(left + 1, top + 1, name, color="yellow", va="top", weight="bold")
        label.set(fontsize=45 / max(5, columns), path_effects=[withStroke(linewidth=2.5, foreground="black")])
    pictures.imshow(sheet, cmap="gray")
    pictures.set_anchor("N")
    pictures.set_axis_off()
    pictures.set_title("centre of each cluster", fontsize=12)
    bars = figure.add_axes((0.57, 0.11, 0.41, 0.21))
    bars.bar([f"c{c}" for c in range(len(sizes))], sizes, color="0.55")
    bars.set(ylabel="images")
    show_whole_numbers(bars.yaxis)
    bars.tick_params(labelsize=9 if len(sizes) <= 16 else 5)
    bars.grid(False, axis="x")
    return figure


@checked(
    "clusters points",
    clusters=LABELS,
    points=POINTS,
    cluster=Integer(0),
    center=Array((2,)),
    nearest=Pair(IMAGES, TEXTS),
    farthest=Pair(IMAGES, TEXTS),
    matched=MATCH,
)
def cluster_members(
    clusters: np.ndarray,
    points: np.ndarray,
    cluster: int,
    center: np.ndarray,
    nearest: tuple[np.ndarray, Sequence[str]],
    farthest: tuple[np.ndarray, Sequence[str]],
    *,
    title: str,
    matched: Mapping[int, int] | None = None,
) -> Figure:
    """Draw one cluster: its points among all others, its centre, and images near and far (for the explorer).

    Parameters
    ----------
    clusters : numpy.ndarray of int, shape (n,)
        Cluster of each point.
    points : numpy.ndarray, shape (n, 2)
        Where each image is.
    cluster : int
        The one to draw; all others are light grey.
    center : numpy.ndarray, shape (height, width)
        Its centre.
    nearest, farthest : tuple of (numpy.ndarray of shape (m, height, width), sequence of str)
        Its images that are nearest to the centre and farthest from it, and what stands over each; the first
        `MOST_MEMBERS` are drawn.
    title : str
        What to see.
    matched : mapping of int to int, optional
        The class of each cluster, whose colour it then has.

    Returns
    -------
    matplotlib.figure.Figure
    """
    left = (0.01, 0.5, 0.2, 0.36), (0.01, 0.04, 0.2, 0.36)
    figure, (middle, plane, *sheets) = unplaced(
        10, 5.2, [*left, (0.24, 0.02, 0.36, 0.84), (0.63, 0.02, 0.36, 0.84)]
    )
    middle.imshow(center, cmap="gray")
    middle.set_title("centre", fontsize=11)
    inside = clusters == cluster
    others, own = points[~inside], points[inside]
    plane.scatter(others[:, 0], others[:, 1], s=3, color="0.87", linewidths=0)  # one class is grey too
    plane.scatter(own[:, 0], own[:, 1], s=9, alpha=0.6, linewidths=0.3, **cluster_style(cluster, matched))
    for ax in (middle, plane):
        blank(ax)
    headings = "nearest to the centre", "farthest from the centre"
    for ax, heading, (images, captions) in zip(sheets, headings, (nearest, farthest), strict=True):
        draw_sheet(ax, images[:MOST_MEMBERS], captions[:MOST_MEMBERS], columns=3, rows=3)
        ax.set_title(heading, fontsize=11)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def _step(name: str, value: Any) -> Any:
    """Check a step of K-means: the clusters of all points, and the centres that they were nearest to."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} is a {type(value).__name__}; expected a pair: clusters and centres")
    return LABELS(f"{name}[0]", value[0]), POINTS(f"{name}[1]", value[1])


STEPS = Items(_step)
"""What K-means did: clusters and centres of every step."""


@checked(points=POINTS, steps=STEPS, moves=Items(Integer(0)))
def kmeans_moves(
    points: np.ndarray,
    steps: Sequence[tuple[np.ndarray, np.ndarray]],
    moves: Sequence[int],
    *,
    title: str,
) -> Figure:
    """Draw some moves of K-means on points in the plane, a panel each.

    Each step is two moves: points go to their nearest centre, centres go to the mean of their points.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 2)
        The points.
    steps : sequence of (clusters, centers)
        Cluster of each point, and the k centres that were nearest to them, step by step.
    moves : sequence of int
        What to draw: move 2i is the points' move in step i, move 2i + 1 the centres' after it, to where
        step i + 1 has them.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a step does not fit the points, or there is no such move.

    Examples
    --------
    >>> points = np.array([[0.0, 0], [0, 1], [5, 0], [5, 1]])
    >>> steps = [(np.array([0, 0, 1, 1]), points[:2]), (np.array([0, 0, 1, 1]), points[1:3])]
    >>> len(kmeans_moves(points, steps, [0, 1], title="two moves").axes)
    2
    """
    last = 2 * (len(steps) - 1)
    if max(moves) > last:
        raise ValueError(
            f"moves go up to {max(moves)}; expected at most {last}: there are {len(steps)} steps"
        )
    arrays = [(np.asarray(clusters), np.asarray(centers)) for clusters, centers in steps]
    shapes = {(len(clusters), centers.shape) for clusters, centers in arrays}
    if len(shapes) > 1 or shapes != {(len(points), (len(arrays[0][1]), 2))}:
        raise ValueError(
            f"steps and points do not fit: points of shape {points.shape}, clusters and centres of "
            f"{sorted(shapes)}; expected a cluster for each point and k centres, all in 2-D"
        )
    columns = min(2, len(moves))
    rows = -(-len(moves) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(5 * columns + 2 * (columns == 1), 3.5 * rows + 0.5 + 0.4 * (columns == 1)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for ax in axes.flat[len(moves) :]:
        ax.set_axis_off()
    for ax, move in zip(axes.flat, moves, strict=False):
        _draw_move(ax, points, arrays, move)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def _draw_move(
    ax: Axes, points: np.ndarray, steps: Sequence[tuple[np.ndarray, np.ndarray]], move: int
) -> None:
    step, centres_move = divmod(move, 2)
    clusters = steps[step][0]
    way = np.array([centers for _, centers in steps[: step + 1 + centres_move]])
    for cluster in range(way.shape[1]):
        style = series_style(cluster)
        own = points[clusters == cluster]
        ax.scatter(own[:, 0], own[:, 1], s=14, alpha=0.55, linewidths=0.3, **style)
        ax.plot(way[:, cluster, 0], way[:, cluster, 1], color="black", linewidth=1.2)
        x, y = way[-1, cluster]
        ax.scatter(x, y, s=130, edgecolors="black", linewidths=1.5, zorder=3, **style)
    what = "centres move to the mean" if centres_move else "points go to the nearest centre"
    ax.set_title(f"step {step + 1}: {what}", fontsize=10)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal")
