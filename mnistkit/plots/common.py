"""What the figures of several lessons share: the look, showing a figure, grids, maps and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullFormatter

from mnistkit.plots.alt_text import describe_figure
from mnistkit.utils.arguments import (
    IMAGES,
    INCHES,
    POINTS,
    TEXTS,
    Array,
    Integer,
    Items,
    Number,
    Table,
    checked,
)

__all__ = [
    "MARKERS",
    "accuracy_ladder",
    "curves",
    "dot_rows",
    "image_grid",
    "method_comparison",
    "name_places",
    "pixel_maps",
    "pushed_apart",
    "series_style",
    "show",
    "unplaced",
    "use_style",
]


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


@checked()
def show(figure: Figure, alt: str | None = None) -> None:
    """Display a figure once, with a description for those who can't see it (every lesson).

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to show. It is closed afterwards, which frees its memory.
    alt : str, optional
        What is to be seen, in a sentence or two: the screen reader's version of the figure. Default: what is
        drawn, as `describe_figure` says it.

    Raises
    ------
    ValueError
        If there is no text: an empty `alt`, or a figure without anything that can be named.
    """
    from IPython.display import display

    alt = describe_figure(figure) if alt is None else alt
    if not alt.strip():
        raise ValueError("a figure needs alt text: say in a sentence what is to be seen")
    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


@checked(width=INCHES, height=INCHES, places=Items(Items(Number(0, 1), fewest=4)))
def unplaced(
    width: float, height: float, places: Sequence[tuple[float, float, float, float]]
) -> tuple[Figure, list[Axes]]:
    """Make a figure whose axes are placed by hand, for a slider: a layout engine would draw everything twice.

    Parameters
    ----------
    width, height : float
        Size of the figure in inches.
    places : sequence of tuple of float
        Left, bottom, width and height of each axes, as shares of the figure.

    Returns
    -------
    matplotlib.figure.Figure, list of matplotlib.axes.Axes
        A figure that pyplot does not know: nothing keeps it open.
    """
    with plt.rc_context({"figure.constrained_layout.use": False}):
        figure = Figure(figsize=(width, height))
    return figure, [figure.add_axes(place) for place in places]


def blank(ax: Axes) -> None:
    """Leave nothing of an axes but what is drawn in it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        It gets neither ticks nor a grid.
    """
    ax.set(xticks=[], yticks=[])
    ax.grid(False)


@checked("images titles", images=IMAGES, columns=Integer(), cell_inches=INCHES)
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
        blank(ax)
        if position >= len(images):
            ax.set_axis_off()
            continue
        ax.imshow(images[position], cmap="gray", vmin=low, vmax=high)
        if titles is not None:
            ax.set_title(titles[position], fontsize=8, loc="center", pad=2)
    for row, label in enumerate(row_labels or ()):
        axes[row, 0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def draw_sheet(ax: Axes, images: np.ndarray, captions: Sequence[str], *, columns: int, rows: int) -> None:
    """Draw images with captions into one axes: that is faster than an axes for each.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; it gets no frame.
    images : numpy.ndarray, shape (n, height, width)
        Grey images, row by row, each with a grey scale of its own.
    captions : sequence of str
        What stands over each, in one line or several.
    columns, rows : int
        How many there is room for.
    """
    lines = max(caption.count("\n") + 1 for caption in captions)
    width, height = 1.12, 1.1 + 0.2 * lines  # of a cell, in sides of an image
    for position, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(position, columns)
        x, y = column * width, row * height
        ax.imshow(image, cmap="gray", extent=(x, x + 1, y + 1, y))
        ax.text(x, y - 0.04, caption, fontsize=8, linespacing=1)
    ax.set(xlim=(0, columns * width), ylim=(rows * height, -0.25 * lines), aspect="equal")
    ax.set_axis_off()
    ax.set_anchor("NW")


@checked(position=Integer(0))
def series_style(position: int) -> dict[str, Any]:
    """Choose colour and marker of a series, so that it can be told from the others in grey too.

    Parameters
    ----------
    position : int
        Number of the series in its figure, from 0.

    Returns
    -------
    dict
        ``color`` and ``marker``, arguments of `matplotlib.axes.Axes.plot`; a pair repeats after 100 series.
    """
    marker = MARKERS[(position + position // 10) % len(MARKERS)]
    return {"color": sns.color_palette("colorblind", 10)[position % 10], "marker": marker}


@checked()
def curves(
    table: pd.DataFrame,
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    marks: Mapping[float, str] | None = None,
    log_x: bool = False,
) -> Figure:
    """Draw each column of a table as a curve over its index, with the spread of repeated runs.

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
        style = series_style(position)
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
        places = sorted(set(table.index))
        ax.set_xticks(places, _log_names(places))
        ax.minorticks_off()
    elif pd.api.types.is_integer_dtype(table.index):
        show_whole_numbers(ax.xaxis)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if table.shape[1] > 1:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def show_whole_numbers(axis: Axis) -> None:
    """Label an axis that counts with whole numbers only.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        Such as ``ax.yaxis``.
    """
    # With at least two labels, as it comes, a count that never changes would have fractions above and below.
    axis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def _log_names(places: list[float]) -> list[str]:
    """Name each place but those whose name would run into the next one's."""
    least = 0.08 * np.log(places[-1] / places[0])
    crowded = np.diff(np.log(places), append=np.inf) < least
    return ["" if close else f"{x:g}" for x, close in zip(places, crowded, strict=True)]


@checked("maps titles", maps=Array((3,), gaps=True), columns=Integer(), cell_inches=INCHES)
def pixel_maps(
    maps: np.ndarray,
    titles: Sequence[str],
    *,
    title: str,
    unit: str,
    columns: int,
    diverging: bool = False,
    signs: bool = False,
    cell_inches: float = 2.8,
) -> Figure:
    """Draw one number a pixel as images with a colour scale.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, height, width)
        What to draw; NaN is white and hatched: a pixel that never changes, where a map has nothing to say.
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
    signs : bool
        Whether to write the sign on each pixel, to be read in grey too: for maps of few pixels. Numbers below
        a twentieth of the largest have none.
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
        if np.isnan(values).any():
            corner, (height, width) = (-0.5, -0.5), values.shape
            # Under the map, which is transparent where it is NaN.
            ax.add_patch(
                Rectangle(corner, width, height, fc="white", ec="0.55", hatch="////", lw=0, zorder=-1)
            )
        for (row, column), value in np.ndenumerate(values if signs else np.empty((0, 0))):
            if abs(value) >= high / 20:
                sign, colour = ("+" if value > 0 else "−"), ("white" if abs(value) > high / 2 else "black")
                drawn_sign = ax.text(column, row, sign, ha="center", va="center", fontsize=8, color=colour)
                drawn_sign.set_in_layout(False)  # it stays inside; hundreds of texts make the layout slow
    for ax in axes.flat:
        ax.set_axis_off()
    figure.colorbar(drawn, ax=axes, shrink=0.9).set_label(unit, fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(methods=TEXTS)
def accuracy_ladder(
    accuracies: Mapping[str, Sequence[float]],
    methods: Sequence[str],
    *,
    title: str,
    margins: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Draw the accuracy of a few baselines for each data set.

    Parameters
    ----------
    accuracies : mapping of str to sequence of float
        For each data set, the accuracy of each method, 0 to 1.
    methods : sequence of str
        Names of the methods, from the simplest up.
    title : str
        What to see.
    margins : mapping of str to sequence of float, optional
        For each data set, how far chance may have moved each accuracy, up or down: drawn as error bars.

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
            rows + position * thickness,
            values,
            thickness,
            label=name,
            hatch=("", "//")[position % 2],
            xerr=None if margins is None else margins[name],
            error_kw={"capsize": 3},
        )
        ax.bar_label(bars, labels=[f"{value:.3f}" for value in values], padding=3, fontsize=9)
    ax.set_yticks(rows + thickness * (len(accuracies) - 1) / 2, methods)
    ax.set(xlabel="share of test images with the right class", xlim=(0, 1.12), title=title)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.legend(loc="upper right", fontsize=9)
    return figure


@checked()
def dot_rows(
    table: pd.DataFrame, *, title: str, xlabel: str, number: str = "{:.3g}", log_x: bool = False
) -> Figure:
    """Draw each row of a table as a line of points, one a column.

    Parameters
    ----------
    table : pandas.DataFrame
        The index names the rows, drawn from top to bottom; each column is one kind of point.
    title, xlabel : str
        What to see, and what the axis shows.
    number : str
        How to write the numbers beside the points, for `str.format`; used where there is only one column.
    log_x : bool
        Draw x on a logarithmic scale.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(9, 0.42 * len(table) + 1.7))
    for position, (name, values) in enumerate(table.items()):
        height = [row + 0.16 * (position - (table.shape[1] - 1) / 2) for row in range(len(table))]
        ax.plot(values, height, label=str(name), **{**series_style(position), "linestyle": "none"})
        if table.shape[1] == 1:
            for value, at in zip(values, height, strict=True):
                ax.annotate(
                    number.format(value),
                    (value, at),
                    (8, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                )
    ax.set_yticks(range(len(table)), [str(name) for name in table.index])
    ax.invert_yaxis()
    ax.set(title=title, xlabel=xlabel)
    if log_x:
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(x=0.12)
    if table.shape[1] > 1:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@checked(table=Table(("seconds",)), scores=TEXTS)
def method_comparison(
    table: pd.DataFrame,
    way: str,
    scores: Sequence[str],
    *,
    title: str,
    xlabel: str = "score, one point a seed",
) -> Figure:
    """Draw the scores of several ways, with their spread, beside their cost.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a run: the column `way`, one column a score (0 to 1), and ``seconds``.
    way : str
        Name of the column that says which way it was; drawn from top to bottom in this order.
    scores : sequence of str
        Columns to draw, at most four.
    title, xlabel : str
        What to see, and what the points are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_columns("way", [way], table)
    check_columns("scores", scores, table)
    names = list(table[way].unique())
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 0.62 * len(names) + 1.6), sharey=True, width_ratios=(3, 1)
    )
    runs = table.groupby(way, sort=False)
    for position, score in enumerate(scores):
        shift, style = 0.18 * (position - (len(scores) - 1) / 2), series_style(position)
        heights = np.arange(len(names)) + shift
        left.hlines(heights, runs[score].min(), runs[score].max(), color=style["color"], linewidth=2)
        left.scatter(table[score], runs.ngroup() + shift, s=30, label=score, **style)
    seconds = runs["seconds"].mean()
    right.scatter(seconds, range(len(names)), s=50, color="0.3")
    for row, mean in enumerate(seconds):
        right.annotate(
            f"{mean:,.0f} s" if mean >= 10 else f"{mean:.2g} s",
            (mean, row),
            (7, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    left.set(title=title, xlabel=xlabel)
    figure.legend(loc="outside lower center", ncols=len(scores), fontsize=9)
    right.set_xscale("log")
    low, high = right.get_xlim()
    right.set(xlabel="mean seconds a run (log)", xlim=(low / 1.3, high * 10))
    # On less than a decade Matplotlib labels the minor ticks too, one over the other.
    right.xaxis.set_minor_formatter(NullFormatter())
    return figure


def check_columns(argument: str, names: Sequence[str], table: pd.DataFrame) -> None:
    """Raise ValueError where a table does not have the columns that an argument names."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(f"{argument} names {missing}; expected columns of the table: {list(table.columns)}")


@checked("names places", names=TEXTS, places=POINTS, least=Array((1,), 0), fontsize=Integer())
def name_places(ax: Axes, names: Sequence[str], places: np.ndarray, least: np.ndarray, fontsize: int) -> None:
    """Write names on white ground at places in a scatter plot, none over another.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to write.
    names : sequence of str
        The names.
    places : numpy.ndarray, shape (n, 2)
        Where each should stand, in the axes' units.
    least : numpy.ndarray, shape (2,)
        Width and height of a name in these units.
    fontsize : int
        In points.
    """
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.85, "edgecolor": "none"}
    for name, place in zip(names, pushed_apart(places, least), strict=True):
        ax.annotate(name, place, ha="center", va="center", fontsize=fontsize, weight="bold", bbox=box)


@checked(places=POINTS, least=Array((1,), 0))
def pushed_apart(places: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Move places of labels up and down until none hides another.

    Parameters
    ----------
    places : numpy.ndarray, shape (n, 2)
        Where the labels should stand, in the axes' units.
    least : numpy.ndarray, shape (2,)
        Width and height of a label in these units.

    Returns
    -------
    numpy.ndarray, shape (n, 2)
        Places of which no two are closer than `least` in both directions, or what 100 steps have reached.
    """
    places = places.astype(float)
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
