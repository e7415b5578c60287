"""Figures of the lessons: each function takes arrays or a lesson's results, draws, and computes nothing.

Every function returns a `matplotlib.figure.Figure`; `show` puts it into the notebook together with its alt
text. Colours come from seaborn's colour-blind palette, and nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
"""One marker a class, so that a scatter plot can still be read in grey."""


def use_style() -> None:
    """Set the look of all figures (setup cell of every lesson).

    A call and not an import's side effect: whoever imports the package keeps their own settings.
    """
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "axes.titlelocation": "left",
            "axes.titlesize": 12,
            "image.cmap": "gray",
        }
    )


def show(figure: Figure, alt: str) -> None:
    """Display a figure once, with a description for those who can't see it (every lesson).

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to show. It is closed afterwards, which frees its memory.
    alt : str
        What is to be seen, in a sentence or two: the screen reader's version of the figure.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("a figure needs alt text: say in a sentence what is to be seen")
    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


def image_grid(
    images: np.ndarray,
    titles: Sequence[str] | None = None,
    *,
    title: str,
    columns: int = 10,
    row_labels: Sequence[str] | None = None,
    cell_inches: float = 0.8,
) -> Figure:
    """Draw images side by side (all lessons).

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width)
        Grey images; each grid shares one grey scale from the smallest to the largest value of `images`.
    titles : sequence of str, optional
        One title an image.
    title : str
        What to see.
    columns : int
        Images a row.
    row_labels : sequence of str, optional
        One label a row, written to its left.
    cell_inches : float
        Width of an image in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The grid.
    """
    rows = -(-len(images) // columns)
    label_inches = 0.0 if row_labels is None else 1.1
    height = rows * (cell_inches + (0.22 if titles is not None else 0.0)) + 0.5
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * cell_inches + label_inches, height), squeeze=False
    )
    low, high = float(np.min(images)), float(np.max(images))
    for position, ax in enumerate(axes.flat):
        ax.set(xticks=[], yticks=[])
        if position >= len(images):
            ax.set_axis_off()
            continue
        ax.grid(False)
        ax.imshow(images[position], cmap="gray", vmin=low, vmax=high)
        if titles is not None:
            ax.set_title(titles[position], fontsize=8, loc="center", pad=2)
    for row, label in enumerate(row_labels or ()):
        axes[row, 0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


# --- Lesson 01: exploring the data


def sample_sheets(
    sheets: Sequence[np.ndarray], row_labels: Sequence[Sequence[str]], titles: Sequence[str], *, title: str
) -> Figure:
    """Draw sheets of samples side by side, one class a row (lesson 01).

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
    figure, axes = plt.subplots(1, len(sheets), figsize=(10, 5.6), squeeze=False)
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


def class_counts(
    counts: Sequence[np.ndarray], class_names: Sequence[Sequence[str]], titles: Sequence[str], *, title: str
) -> Figure:
    """Draw how many images each class has, with the numbers (lesson 01).

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
    figure, axes = plt.subplots(1, len(counts), figsize=(10, 3.6), squeeze=False)
    for ax, count, names, name in zip(axes.flat, counts, class_names, titles, strict=True):
        bars = ax.barh(list(names), count, color=sns.color_palette()[0])
        # Inside the bars: beside them the numbers would stand on the dashed line.
        ax.bar_label(bars, labels=[f"{n:,}" for n in count], label_type="center", color="white", fontsize=10)
        ax.axvline(float(np.mean(count)), color="black", linestyle="--", linewidth=1)
        ax.set(xlabel="training images (dashed: equal shares)", xlim=(0, 1.05 * count.max()), title=name)
        ax.invert_yaxis()
        ax.grid(visible=False, axis="y")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def pixel_maps(
    maps: np.ndarray,
    titles: Sequence[str],
    *,
    title: str,
    unit: str,
    columns: int,
    diverging: bool = False,
    cell_inches: float = 2.8,
) -> Figure:
    """Draw one number a pixel as images with a colour scale (lesson 01).

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, height, width)
        What to draw; NaN stays white.
    titles : sequence of str
        One title a map.
    title : str
        What to see.
    unit : str
        What the numbers are, with their unit; the label of the scale.
    columns : int
        Maps a row.
    diverging : bool
        Whether the sign matters: zero is then white, negative dark brown, positive dark green.
    cell_inches : float
        Width of a map in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The maps, on one scale.
    """
    rows = -(-len(maps) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * cell_inches + 1, rows * (cell_inches + 0.3) + 0.4), squeeze=False
    )
    high = float(np.nanmax(np.abs(maps)))
    low, cmap = (-high, "BrBG") if diverging else (float(np.nanmin(maps)), "viridis")
    for ax, values, name in zip(axes.flat, maps, titles, strict=False):
        drawn = ax.imshow(values, cmap=cmap, vmin=low, vmax=high)
        ax.set_title(name, fontsize=10)
    for ax in axes.flat:
        ax.set_axis_off()
    figure.colorbar(drawn, ax=axes, shrink=0.9).set_label(unit, fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def value_histograms(
    histograms: Sequence[tuple[np.ndarray, np.ndarray]],
    titles: Sequence[str],
    units: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw histograms of pixel values on a logarithmic scale (lesson 01).

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


def intensity_by_class(
    grid: np.ndarray,
    densities: np.ndarray,
    mean_intensity: Sequence[np.ndarray],
    class_names: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw total intensity (densities) and mean intensity (boxes) of each class (lesson 01).

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


def distance_histogram(
    groups: dict[str, np.ndarray],
    *,
    title: str,
    xlabel: str,
    threshold: float | None = None,
    threshold_label: str = "",
) -> Figure:
    """Draw distributions of distances as steps (lesson 01).

    Parameters
    ----------
    groups : dict of str to numpy.ndarray
        Label and distances of each group.
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
    edges = np.linspace(0, max(float(values.max()) for values in groups.values()), 60).tolist()
    styles = ("-", "--", ":", "-.")
    for (label, values), style in zip(groups.items(), styles, strict=False):
        weights = np.full(len(values), 1 / len(values))
        ax.hist(values, edges, weights=weights, histtype="step", linewidth=2, linestyle=style, label=label)
    if threshold is not None:
        ax.axvline(threshold, color="black", linewidth=1, label=threshold_label)
    ax.set(xlabel=xlabel, ylabel="share of the images", title=title)
    ax.legend(fontsize=9)
    return figure


def scree(ratios: dict[str, np.ndarray], share: float, needed: dict[str, int], *, title: str) -> Figure:
    """Draw the variance that principal components explain, one by one and together (lesson 01).

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
    for (name, ratio), marker, style in zip(ratios.items(), MARKERS, ("-", "--"), strict=False):
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


def class_scatters(
    points: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    class_names: Sequence[Sequence[str]],
    titles: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw two-dimensional projections, a marker and a colour for each class (lesson 01).

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
        One panel a data set; the class's name stands at the median of its points.
    """
    figure, axes = plt.subplots(1, len(points), figsize=(10, 5), squeeze=False)
    colours = sns.color_palette(n_colors=10)
    for ax, xy, y, names, name in zip(axes.flat, points, labels, class_names, titles, strict=True):
        for label in range(len(names)):
            own = xy[y == label]
            ax.scatter(*own.T, s=12, marker=MARKERS[label], color=colours[label], alpha=0.45, linewidths=0)
        for label, class_name in enumerate(names):
            ax.annotate(
                class_name,
                np.median(xy[y == label], axis=0),
                ha="center",
                va="center",
                fontsize=9,
                fontweight="bold",
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colours[label]},
            )
        ax.set(xlabel="first principal component", ylabel="second principal component", title=name)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def accuracy_ladder(accuracies: dict[str, Sequence[float]], methods: Sequence[str], *, title: str) -> Figure:
    """Draw the accuracy of a few baselines for each data set (lesson 01).

    Parameters
    ----------
    accuracies : dict of str to sequence of float
        For each data set, the accuracy of each method, 0 to 1.
    methods : sequence of str
        Names of the methods, from the simplest up.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        One bar a method and data set, with its number.
    """
    figure, ax = plt.subplots(figsize=(9, 3.4))
    rows = np.arange(len(methods))
    thickness = 0.8 / len(accuracies)
    for position, (name, values) in enumerate(accuracies.items()):
        bars = ax.barh(
            rows + position * thickness, values, thickness, label=name, hatch=("", "//")[position % 2]
        )
        ax.bar_label(bars, labels=[f"{value:.3f}" for value in values], padding=3, fontsize=9)
    ax.set_yticks(rows + thickness * (len(accuracies) - 1) / 2, methods)
    ax.set(xlabel="share of test images with the right class", xlim=(0, 1.12), title=title)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.legend(loc="upper right", fontsize=9)
    return figure


def rotation_answers(
    angles: np.ndarray, shares: dict[str, np.ndarray], limit: float, strip: np.ndarray, *, title: str
) -> Figure:
    """Draw what a classifier answers when images are turned (lesson 01, augmentation).

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
    for (answer, share), marker, style in zip(shares.items(), MARKERS, ("-", "--", ":"), strict=False):
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


# --- Lesson 02: K-means


def _series_style(position: int) -> dict[str, Any]:
    """Colour and marker of series number `position`; the pair repeats only after 100 series."""
    marker = MARKERS[(position + position // 10) % len(MARKERS)]
    return {"color": sns.color_palette("colorblind", 10)[position % 10], "marker": marker}


def curves(
    table: pd.DataFrame,
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    marks: Mapping[float, str] | None = None,
    log_x: bool = False,
) -> Figure:
    """Draw each column of a table as a curve over its index, with the spread of repeated runs (lesson 02).

    Parameters
    ----------
    table : pandas.DataFrame
        The index is x, such as k. An x that stands in several rows was measured several times: the curve
        goes through the mean, the band from the smallest to the largest value. NaN is left out.
    title, xlabel, ylabel : str
        What to see, and what the axes show.
    marks : mapping of float to str, optional
        Places on the x axis to mark with a vertical line, and the text to write there.
    log_x : bool
        Draw x on a logarithmic scale.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(8, 4))
    for position, (name, column) in enumerate(table.items()):
        repeats = column.dropna().groupby(level=0)
        mean, low, high = repeats.mean(), repeats.min(), repeats.max()
        style = _series_style(position)
        ax.plot(mean.index, mean, label=str(name), **style)
        ax.fill_between(mean.index, low, high, color=style["color"], alpha=0.2, linewidth=0)
    for place, text in (marks or {}).items():
        ax.axvline(place, color="0.3", linestyle="--", linewidth=1)
        ax.annotate(
            text,
            (place, 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            va="top",
            textcoords="offset points",
            fontsize=9,
        )
    if log_x:
        ax.set_xscale("log")
        ax.set_xticks(sorted(set(table.index)), [f"{x:g}" for x in sorted(set(table.index))])
        ax.minorticks_off()
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if table.shape[1] > 1:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def scaling_maps(
    variance: np.ndarray,
    scaled_variance: np.ndarray,
    image: np.ndarray,
    scaled_image: np.ndarray,
    *,
    title: str,
) -> Figure:
    """Draw what standardising does to the weight of each pixel, and to one image (lesson 02).

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
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.set_title(name, fontsize=10)
        figure.colorbar(picture, ax=ax, shrink=0.75)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def score_strips(table: pd.DataFrame, group: str, *, title: str) -> Figure:
    """Draw every run's scores as points, one column of points a score and group (lesson 02).

    Parameters
    ----------
    table : pandas.DataFrame
        One row a run: the column `group`, and one column a score (0 to 1).
    group : str
        Name of the column to compare by.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = [column for column in table.columns if column != group]
    groups = table[group].unique()
    figure, ax = plt.subplots(figsize=(8, 3.6))
    for position, name in enumerate(groups):
        runs = table.loc[table[group] == name, names]
        shift = 0.18 * (position - (len(groups) - 1) / 2)
        for at, score in enumerate(names):
            label = str(name) if at == 0 else None
            ax.scatter(
                np.full(len(runs), at + shift), runs[score], s=40, label=label, **_series_style(position)
            )
    ax.set_xticks(range(len(names)), names)
    ax.set(title=title, ylabel="score (1 = clusters are the digits)", xlim=(-0.5, len(names) - 0.5))
    ax.legend(title=group, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def elbow_figure(
    inertia: pd.DataFrame, elbows: Mapping[str, int | None], by_range: Mapping[int, int | None], *, title: str
) -> Figure:
    """Draw inertia over k with its elbow, and the elbow for sweeps that end earlier (lesson 02).

    Parameters
    ----------
    inertia : pandas.DataFrame
        Index k, one column an input: inertia as a share of that at k = 1.
    elbows : mapping of str to int or None
        The elbow of each column; None where it has none.
    by_range : mapping of int to int or None
        Last k of a shorter sweep, and the elbow found in it.
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
        left.plot(column.index, column, label=label, **_series_style(position))
        if found is not None:
            left.scatter(found, column[found], s=260, facecolors="none", edgecolors="black", zorder=3)
    left.set(
        title=title, xlabel="number of clusters k", ylabel="inertia (share of that at k = 1)", ylim=(0, 1.05)
    )
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend(loc="lower left")
    found_at = {last: k for last, k in by_range.items() if k is not None}
    right.plot(list(found_at), list(found_at.values()), color="black", marker="o")
    right.set(title="The same sweep, ended earlier", xlabel="last k of the sweep", ylabel="elbow found at k")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.yaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_ylim(0, max(found_at.values(), default=1) + 2)
    return figure


def own_against_next(a: np.ndarray, b: np.ndarray, *, title: str) -> Figure:
    """Draw the two distances of which a silhouette is made, one point an image (lesson 02).

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


def silhouette_profile(samples: np.ndarray, clusters: np.ndarray, *, title: str) -> Figure:
    """Draw the silhouette of every image, sorted within its cluster (lesson 02).

    Parameters
    ----------
    samples : numpy.ndarray, shape (n,)
        Silhouette of each image, −1 to 1.
    clusters : numpy.ndarray of int, shape (n,)
        Its cluster.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(8, 5))
    gap, bottom = max(1, len(samples) // 100), 0
    left = samples.min() - 0.3 * np.ptp(samples)
    shades = sns.color_palette("colorblind", 10)
    for cluster in np.unique(clusters):
        values = np.sort(samples[clusters == cluster])
        heights = np.arange(bottom, bottom + len(values))
        ax.fill_betweenx(heights, 0, values, color=shades[cluster % 10], linewidth=0)
        ax.text(
            left,
            heights.mean(),
            f"{cluster}: {(values < 0).mean():.0%} below 0",
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


def distance_histograms(panels: Mapping[str, tuple[np.ndarray, np.ndarray]], *, title: str) -> Figure:
    """Draw histograms of the distances between images of the same digit and of different digits (lesson 02).

    Parameters
    ----------
    panels : mapping of str to (same, different)
        For each panel its name and two arrays of distances, divided by the mean of them all.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(10, 3.6), sharex=True, squeeze=False)
    bins = np.linspace(0, max(d.max() for pair in panels.values() for d in pair), 80).tolist()
    for ax, (name, (same, different)) in zip(axes.flat, panels.items(), strict=True):
        ax.hist(same, bins, density=True, histtype="stepfilled", alpha=0.4, label="same digit")
        ax.hist(
            different,
            bins,
            density=True,
            histtype="step",
            color="black",
            linewidth=1.5,
            label="different digits",
        )
        ax.set_title(name, fontsize=11)
        ax.set(xlabel="distance (1 = mean of all pairs)", ylabel="density of pairs")
    axes[0, -1].legend(loc="upper right", fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def _pushed_apart(places: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Move label places until no two are closer than `least` in both directions (or 100 steps are done)."""
    places = places.copy()
    for _ in range(100):
        gaps = (places[:, None] - places[None, :]) / least
        close = (np.abs(gaps) < 1).all(axis=-1) & ~np.eye(len(places), dtype=bool)
        if not close.any():
            break
        # Sideways only where they are side by side already; the order keeps equal places from staying equal.
        up = np.where(
            gaps[..., 1] == 0, np.sign(np.subtract.outer(*[np.arange(len(places))] * 2)), gaps[..., 1]
        )
        places[:, 1] += 0.2 * least[1] * (np.sign(up) * close).sum(axis=1)
    return places


def _scatter_groups(ax: Axes, points: np.ndarray, groups: np.ndarray, names: Mapping[int, str]) -> None:
    """Draw each group with its own colour and marker, and write its name near its median."""
    present = [group for group in names if np.any(groups == group)]
    for group in present:
        own = points[groups == group]
        ax.scatter(own[:, 0], own[:, 1], s=9, alpha=0.6, linewidths=0.3, **_series_style(group))
    medians = np.array([np.median(points[groups == group], axis=0) for group in present])
    for group, place in zip(
        present, _pushed_apart(medians, np.ptp(points, axis=0) * (0.07, 0.05)), strict=True
    ):
        ax.annotate(
            names[group],
            place,
            ha="center",
            va="center",
            fontsize=10,
            weight="bold",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.85, "edgecolor": "none"},
        )


def projection_pair(
    points: np.ndarray,
    clusters: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str],
    *,
    axis_names: tuple[str, str],
    title: str,
) -> Figure:
    """Draw the same points twice: coloured by cluster and by digit (lesson 02).

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

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5), sharex=True, sharey=True)
    _scatter_groups(left, points, clusters, {int(c): f"c{c}" for c in np.unique(clusters)})
    _scatter_groups(right, points, classes, dict(enumerate(class_names)))
    left.set_title("by cluster (c0, c1, …)", fontsize=11)
    right.set_title("by digit", fontsize=11)
    left.set(xlabel=axis_names[0], ylabel=axis_names[1])
    right.set(xlabel=axis_names[0])
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def cluster_heatmap(table: pd.DataFrame, matched: Mapping[Any, Any], *, title: str) -> Figure:
    """Draw how many images of each class are in each cluster (lesson 02).

    Parameters
    ----------
    table : pandas.DataFrame
        Counts, a row for each cluster, a column for each class.
    matched : mapping
        Column of the class that each cluster is matched to; its cell gets a frame.
    title : str
        What to see.

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
        cbar_kws={"label": "images"},
    )
    for cluster, name in matched.items():
        place = list(table.columns).index(name), list(table.index).index(cluster)
        ax.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor="red", linewidth=2.5, clip_on=False))
    ax.set(title=title, xlabel="digit", ylabel="cluster")
    ax.tick_params(axis="y", rotation=0)
    return figure


def ways_figure(table: pd.DataFrame, way: str, scores: Sequence[str], *, title: str) -> Figure:
    """Draw the scores of several ways to cluster, with their spread, beside their cost (lesson 02).

    Parameters
    ----------
    table : pandas.DataFrame
        One row a run: the column `way`, one column a score (0 to 1), and ``seconds``.
    way : str
        Name of the column that says how the clusters were made; drawn from top to bottom in this order.
    scores : sequence of str
        Columns to draw, at most four.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = list(table[way].unique())
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 0.62 * len(names) + 1.6), sharey=True, width_ratios=(3, 1)
    )
    for row, name in enumerate(names):
        runs = table[table[way] == name]
        for position, score in enumerate(scores):
            height = row + 0.18 * (position - (len(scores) - 1) / 2)
            style = _series_style(position)
            left.plot([runs[score].min(), runs[score].max()], [height] * 2, color=style["color"], linewidth=2)
            label = score if row == 0 else None
            left.scatter(runs[score], [height] * len(runs), s=30, label=label, **style)
        mean = runs["seconds"].mean()
        right.scatter(mean, row, s=50, color="0.3")
        right.annotate(
            f"{mean:.2g} s", (mean, row), (7, 0), textcoords="offset points", va="center", fontsize=9
        )
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    left.set(title=title, xlabel="score, one point a seed")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=len(scores), fontsize=9)
    right.set_xscale("log")
    low, high = right.get_xlim()
    right.set(xlabel="mean seconds a run (log)", xlim=(low, high * 10))
    return figure


def clustering_overview(
    clusters: np.ndarray, points: np.ndarray, centers: np.ndarray, sizes: np.ndarray, *, title: str
) -> Figure:
    """Draw one clustering: its images as points, its centres as images, its sizes (lesson 02's explorer).

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

    Returns
    -------
    matplotlib.figure.Figure
    """
    # Placed by hand: with any layout engine, saving draws everything twice, and a slider must not lag.
    with plt.rc_context({"figure.constrained_layout.use": False}):
        figure = Figure(figsize=(10, 5.2))
    scatter = figure.add_axes((0.07, 0.11, 0.42, 0.79))
    _scatter_groups(scatter, points, clusters, {c: f"c{c}" for c in range(len(centers))})
    scatter.set(xlabel="principal component 1", ylabel="principal component 2")
    scatter.set_title(title, fontsize=12)
    columns = 5
    rows = -(-len(centers) // columns)
    height, width = centers.shape[1:]
    sheet = np.full((rows * height, columns * width), centers.min())
    pictures = figure.add_axes((0.52, 0.40, 0.46, 0.50))
    for cluster, center in enumerate(centers):
        top, left = height * (cluster // columns), width * (cluster % columns)
        sheet[top : top + height, left : left + width] = center
        pictures.text(left + 1, top + 1, f"c{cluster}", color="yellow", fontsize=9, va="top", weight="bold")
    pictures.imshow(sheet, cmap="gray")
    pictures.set_anchor("N")
    pictures.set_axis_off()
    pictures.set_title("centre of each cluster", fontsize=12)
    bars = figure.add_axes((0.57, 0.11, 0.41, 0.21))
    bars.bar([f"c{c}" for c in range(len(sizes))], sizes, color="0.55")
    bars.set(ylabel="images")
    bars.tick_params(labelsize=9)
    bars.grid(False, axis="x")
    return figure
