"""Figures of exploring the data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from mnistkit.plots.common import MARKERS, pushed_apart, series_style, show_whole_numbers
from mnistkit.utils.arguments import IMAGES, LABELS, POINTS, TEXTS, Array, Items, Number, checked, text

__all__ = [
    "class_boxes",
    "class_counts",
    "class_scatters",
    "distance_histogram",
    "intensity_by_class",
    "rotation_answers",
    "sample_sheets",
    "scree",
    "value_histograms",
]


@checked("sheets row_labels titles", sheets=Items(Array((4,))), titles=TEXTS)
def sample_sheets(
    sheets: Sequence[np.ndarray], row_labels: Sequence[Sequence[str]], titles: Sequence[str], *, title: str
) -> Figure:
    """Draw sheets of samples side by side, one class a row.

    Parameters
    ----------
    sheets : sequence of numpy.ndarray, shape (rows, columns, height, width)
        The images of each sheet.
    row_labels : sequence of sequence of str
        For each sheet, one label a row.
    titles : sequence of str
        One title a sheet.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a sheet.
    """
    height = max(5.6, 0.42 * max(map(len, row_labels)))
    figure, axes = plt.subplots(1, len(sheets), figsize=(10, height), squeeze=False)
    for ax, sheet, labels, name in zip(axes.flat, sheets, row_labels, titles, strict=True):
        rows, columns, height, width = sheet.shape
        ax.imshow(sheet.transpose(0, 2, 1, 3).reshape(rows * height, columns * width), cmap="gray")
        ax.set_xticks([])
        ax.set_yticks((np.arange(rows) + 0.5) * height, labels, fontsize=9)
        ax.tick_params(length=0)
        ax.grid(False)
        ax.set_title(name)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked("counts class_names titles", counts=Items(Array((1,), low=0)), titles=TEXTS)
def class_counts(
    counts: Sequence[np.ndarray], class_names: Sequence[Sequence[str]], titles: Sequence[str], *, title: str
) -> Figure:
    """Draw how many images each class has, with the numbers.

    Parameters
    ----------
    counts : sequence of numpy.ndarray of int, shape (k,)
        Images a class, for each data set.
    class_names : sequence of sequence of str
        Names of the classes of each data set.
    titles : sequence of str
        One title a data set.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a data set; a dashed line marks equal shares.
    """
    height = max(3.6, 0.2 * max(map(len, class_names)))
    figure, axes = plt.subplots(1, len(counts), figsize=(10, height), squeeze=False)
    for ax, count, names, name in zip(axes.flat, counts, class_names, titles, strict=True):
        bars = ax.barh(list(names), count, color=sns.color_palette()[0])
        # Inside the bars: beside them the numbers would stand on the dashed line.
        ax.bar_label(bars, labels=[f"{n:,}" for n in count], label_type="center", color="white", fontsize=10)
        ax.axvline(float(np.mean(count)), color="black", linestyle="--", linewidth=1)
        ax.set(xlabel="training images (dashed: equal shares)", xlim=(0, 1.05 * count.max()), title=name)
        show_whole_numbers(ax.xaxis)
        ax.invert_yaxis()
        ax.grid(visible=False, axis="y")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked("values class_names titles", values=Items(Items(Array((1,)))), titles=TEXTS)
def class_boxes(
    values: Sequence[Sequence[np.ndarray]],
    class_names: Sequence[Sequence[str]],
    titles: Sequence[str],
    *,
    title: str,
    xlabel: str,
) -> Figure:
    """Draw how one number is distributed in each class, for data sets side by side.

    Parameters
    ----------
    values : sequence of sequence of numpy.ndarray
        For each data set, for each class the number of each of its images.
    class_names : sequence of sequence of str
        Names of the classes of each data set.
    titles : sequence of str
        One title a data set.
    title, xlabel : str
        What to see, and what the number is, with its unit.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a data set, on one scale: a box is the middle half of a class, its line the median; the
        whiskers go from the 5th to the 95th of 100 images.
    """
    height = max(3.6, 0.2 * max(map(len, class_names)))
    figure, axes = plt.subplots(1, len(values), figsize=(10, height), squeeze=False, sharex=True)
    for ax, groups, names, name in zip(axes.flat, values, class_names, titles, strict=True):
        boxes = ax.boxplot(
            list(groups),
            positions=range(len(names)),
            orientation="horizontal",
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            medianprops={"color": "black", "linewidth": 2},
        )
        for box in boxes["boxes"]:
            box.set_facecolor(sns.color_palette("pastel")[0])
        ax.set_yticks(range(len(names)), names, fontsize=9)
        ax.set(xlabel=xlabel, ylim=(len(names) - 0.4, -0.6))
        ax.set_title(name, fontsize=10)
        ax.grid(visible=False, axis="y")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked("histograms titles units", histograms=Items(Items(Array((1,)), fewest=2)), titles=TEXTS)
def value_histograms(
    histograms: Sequence[tuple[np.ndarray, np.ndarray]],
    titles: Sequence[str],
    units: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw histograms of pixel values on a logarithmic scale.

    Parameters
    ----------
    histograms : sequence of tuple (counts, edges)
        Number of pixels in each bin, and the edges of the bins, as `numpy.histogram` gives them.
    titles, units : sequence of str
        Title and label of the value axis of each panel.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a histogram.
    """
    figure, axes = plt.subplots(1, len(histograms), figsize=(10, 3.2), sharey=True, squeeze=False)
    for ax, (counts, edges), name, unit in zip(axes.flat, histograms, titles, units, strict=True):
        ax.stairs(counts, edges, fill=True, color=sns.color_palette()[0])
        ax.set(yscale="log", xlabel=unit)
        ax.set_title(name, fontsize=10)
    axes[0, 0].set_ylabel("number of pixels (log scale)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(
    "densities mean_intensity class_names",
    grid=Array((1,)),
    densities=Array((2,)),
    mean_intensity=Items(Array((1,))),
)
def intensity_by_class(
    grid: np.ndarray,
    densities: np.ndarray,
    mean_intensity: Sequence[np.ndarray],
    class_names: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw total intensity (densities) and mean intensity (boxes) of each class.

    Parameters
    ----------
    grid : numpy.ndarray, shape (m,)
        Total intensities, in grey levels.
    densities : numpy.ndarray, shape (k, m)
        Estimated density of each class on `grid`.
    mean_intensity : sequence of numpy.ndarray
        For each class the mean grey level of each of its images.
    class_names : sequence of str
        Names of the k classes.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        Left one hill a class, right one box a class, in the same rows.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
    rows = np.arange(len(class_names))
    height = 0.9 / densities.max()
    for row, density in zip(rows, densities, strict=True):
        # The row axis points down, so a hill is drawn towards smaller rows.
        left.fill_between(grid / 1000, row, row - height * density, color=sns.color_palette()[0], alpha=0.7)
        left.axhline(row, color="0.6", linewidth=0.6)
    left.set_yticks(rows, class_names)
    left.set(xlabel="total intensity of an image (thousand grey levels)", ylim=(len(rows) - 0.6, -1.1))
    left.set_title("density by class (each hill has the same area)", fontsize=10)
    right.boxplot(
        list(mean_intensity),
        positions=rows,
        orientation="horizontal",
        flierprops={"marker": ".", "markersize": 2, "alpha": 0.3},
        medianprops={"color": "black", "linewidth": 2},
    )
    right.set_yticks(rows, class_names)
    right.set(xlabel="mean intensity of an image (grey levels, 0–255)", ylim=(len(rows) - 0.5, -0.6))
    right.set_title("box: middle half of the images; line: median", fontsize=10)
    for ax in (left, right):
        ax.grid(visible=False, axis="y")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(groups=Items(Array((1,)), keys=text))
def distance_histogram(
    groups: dict[str, np.ndarray],
    *,
    title: str,
    xlabel: str,
    threshold: float | None = None,
    threshold_label: str = "",
) -> Figure:
    """Draw distributions of distances as steps, over a log axis: near ones differ by factors from far ones.

    Parameters
    ----------
    groups : dict of str to numpy.ndarray
        Label and distances of each group, in grey levels; below 1 they are drawn as 1.
    title, xlabel : str
        What to see, and the value axis with its unit.
    threshold : float, optional
        Where to draw a vertical line, in the same unit.
    threshold_label : str
        What the line means.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; lines differ in colour and in style.
    """
    figure, ax = plt.subplots(figsize=(9, 3.4))
    every = np.concatenate(list(groups.values()))
    low = max(1.0, float(every.min()))  # 0 has no place on a log axis: equal images stand at its left end
    edges = np.geomspace(low, max(2 * low, float(every.max())), 60).tolist()
    styles = cycle(("-", "--", ":", "-."))
    for (label, values), style in zip(groups.items(), styles, strict=False):
        weights = np.full(len(values), 1 / len(values))
        drawn = np.maximum(values, low)
        ax.hist(drawn, edges, weights=weights, histtype="step", linewidth=2, linestyle=style, label=label)
    if threshold is not None:
        ax.axvline(threshold, color="black", linewidth=1, label=threshold_label)
    ax.set(xscale="log", xlabel=xlabel, ylabel="share of the images", title=title)
    ax.legend(fontsize=9)
    return figure


@checked(ratios=Items(Array((1,), 0), keys=text), share=Number(0, 1))
def scree(ratios: dict[str, np.ndarray], share: float, needed: dict[str, int], *, title: str) -> Figure:
    """Draw the variance that principal components explain, one by one and together.

    Parameters
    ----------
    ratios : dict of str to numpy.ndarray
        Explained variance ratio of each component, for each data set.
    share : float
        The share that `needed` is about, 0 to 1.
    needed : dict of str to int
        For each data set, how many components explain that share.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        Left the single shares, right their sums.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    for (name, ratio), marker, style in zip(ratios.items(), cycle(MARKERS), cycle(("-", "--")), strict=False):
        number = np.arange(1, len(ratio) + 1)
        left.plot(number[:20], 100 * ratio[:20], marker=marker, linestyle=style, label=name)
        (line,) = right.plot(number, 100 * np.cumsum(ratio), linestyle=style, label=name)
        right.plot(needed[name], 100 * share, marker=marker, color=line.get_color())
        offset = (6, -14) if style == "-" else (-6, 8)
        right.annotate(
            f"{needed[name]}",
            (needed[name], 100 * share),
            xytext=offset,
            textcoords="offset points",
            ha="left" if style == "-" else "right",
        )
    right.axhline(100 * share, color="black", linewidth=0.8)
    left.set(xlabel="component", ylabel="explained variance (%)", xticks=range(1, 21, 2))
    left.set_title("each of the first 20 components", fontsize=10)
    right.set(
        xlabel="number of components", ylabel="explained variance, sum (%)", xscale="log", ylim=(0, 103)
    )
    right.set_title(f"together; the marks show where {share:.0%} is reached", fontsize=10)
    left.legend()
    right.legend(loc="lower right")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked("points labels class_names titles", points=Items(POINTS), labels=Items(LABELS), titles=TEXTS)
def class_scatters(
    points: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    class_names: Sequence[Sequence[str]],
    titles: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw two-dimensional projections, a marker and a colour for each class.

    Parameters
    ----------
    points : sequence of numpy.ndarray, shape (n, 2)
        The projected images of each data set.
    labels : sequence of numpy.ndarray of int, shape (n,)
        Their classes.
    class_names : sequence of sequence of str
        Names of the classes of each data set.
    titles : sequence of str
        One title a data set.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a data set; the class's name stands near the median of its points.
    """
    figure, axes = plt.subplots(1, len(points), figsize=(10, 5), squeeze=False)
    for ax, xy, y, names, name in zip(axes.flat, points, labels, class_names, titles, strict=True):
        for label in range(len(names)):
            own = xy[y == label]
            ax.scatter(*own.T, s=12, **series_style(label), alpha=0.45, linewidths=0)
        medians = np.array([np.median(xy[y == label], axis=0) for label in range(len(names))])
        places = pushed_apart(medians, np.ptp(xy, axis=0) * (0.2, 0.06))
        for label, class_name in enumerate(names):
            ax.annotate(
                class_name,
                places[label],
                ha="center",
                va="center",
                fontsize=9,
                fontweight="bold",
                bbox={
                    "boxstyle": "round,pad=0.15",
                    "facecolor": "white",
                    "edgecolor": series_style(label)["color"],
                },
            )
        ax.set(xlabel="first principal component", ylabel="second principal component", title=name)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked("angles strip", angles=Array((1,)), shares=Items(Array((1,)), keys=text), strip=IMAGES)
def rotation_answers(
    angles: np.ndarray, shares: dict[str, np.ndarray], limit: float, strip: np.ndarray, *, title: str
) -> Figure:
    """Draw what a classifier answers when images are turned (augmentation).

    Parameters
    ----------
    angles : numpy.ndarray, shape (m,)
        Angles in degrees, evenly spaced.
    shares : dict of str to numpy.ndarray, shape (m,)
        For each answer the share of the images that got it, 0 to 1.
    limit : float
        Angle in degrees up to which the background is shaded: the range that an augmentation uses.
    strip : numpy.ndarray, shape (m, height, width)
        One image, turned by each angle; drawn below the curves.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        The curves above the turned images.
    """
    figure = plt.figure(figsize=(9, 4))
    grid = figure.add_gridspec(2, len(angles), height_ratios=(4, 1))
    ax = figure.add_subplot(grid[0, :])
    ax.axvspan(0, limit, color="0.9", label=f"report R4's range (up to {limit:g}°)")
    looks = zip(cycle(MARKERS), cycle(("-", "--", ":")), strict=False)
    for (answer, share), (marker, style) in zip(shares.items(), looks, strict=False):
        ax.plot(angles, 100 * share, marker=marker, linestyle=style, label=answer)
    half_step = (angles[1] - angles[0]) / 2
    # Half a step beyond both ends: each point then stands above its image.
    ax.set(xlim=(angles[0] - half_step, angles[-1] + half_step), xticks=angles, ylim=(0, 103))
    ax.set(xlabel="angle of rotation (degrees)", ylabel="share of the images (%)")
    ax.set_title(title, pad=26)
    # Above the axes: the curves cross everywhere below.
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, fontsize=9, frameon=False, borderaxespad=0.1)
    for column, image in enumerate(strip):
        cell = figure.add_subplot(grid[1, column])
        cell.imshow(image, cmap="gray", vmin=0, vmax=255)
        cell.set_axis_off()
    return figure
