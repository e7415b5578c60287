"""Figures of activations: what the layers of a network see, and which pixels decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from mnistkit.plots.common import blank, series_style, show_whole_numbers, unplaced
from mnistkit.utils.arguments import IMAGES, Array, Integer, Items, Number, Table, checked, text

__all__ = [
    "convolution_by_hand",
    "dense_answers",
    "evidence_maps",
    "feature_maps",
    "filter_class_heatmap",
    "layer_overview",
    "occlusion_maps",
    "occlusion_step",
    "probe_ladder",
    "shares_with_intervals",
    "strongest_images",
]


def _frame(ax: Axes, corner: Sequence[float] | np.ndarray, size: tuple[float, float]) -> None:
    """Frame pixels from a top left one (row, column), in white on black to be seen on any ground.

    The frame lies a little outside: it must not cover the few pixels that it is about.
    """
    at, (height, width) = (corner[1] - 0.9, corner[0] - 0.9), size
    for colour, thick in (("black", 2.8), ("white", 1.4)):
        frame = Rectangle(at, width + 0.8, height + 0.8, fill=False, edgecolor=colour, linewidth=thick)
        # Not clipped at the image's border, and an artist: a patch would make room for itself in the axes.
        ax.add_artist(frame).set_clip_on(False)


def _mark_brightest(ax: Axes, values: np.ndarray) -> None:
    """Put a cross on the largest value, to be seen on any ground; none where all values are equal."""
    if values.min() == values.max():
        return
    row, column = np.unravel_index(values.argmax(), values.shape)
    for colour, thick in (("black", 3.5), ("cyan", 1.5)):
        ax.plot(column, row, "x", color=colour, markersize=7, markeredgewidth=thick)


def _tiles(maps: np.ndarray, columns: int) -> np.ndarray:
    """Lay maps (height, width, n) side by side, one empty pixel between them."""
    height, width, n = maps.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for number in range(n):
        row, column = divmod(number, columns)
        top, left = row * (height + 1), column * (width + 1)
        sheet[top : top + height, left : left + width] = maps[..., number]
    return sheet


def _draw_tiles(ax: Axes, maps: np.ndarray, columns: int) -> None:
    """Draw a layer's maps on one scale from 0, with the number of the first filter of each row."""
    height, _, n = maps.shape
    sheet = np.ma.masked_invalid(_tiles(maps, columns))
    # At least a little above 0: a layer that is silent must be drawn dark, not as noise.
    drawn = ax.imshow(
        sheet, cmap="viridis", vmin=0, vmax=max(float(maps.max()), 1e-6), interpolation="nearest"
    )
    rows = np.arange(-(-n // columns))
    blank(ax)
    ax.set_yticks(rows * (height + 1) + height / 2, [str(row * columns) for row in rows], fontsize=9)
    ax.set_ylabel("number of the row's first filter", fontsize=9)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8, pad=0.02).set_label("activation (no unit)", fontsize=9)


@checked(image=Array((2,)), maps=Array((3,)), columns=Integer())
def feature_maps(image: np.ndarray, maps: np.ndarray, *, title: str, columns: int) -> Figure:
    """Draw an image and all maps of a layer, on one scale.

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        What went into the network.
    maps : numpy.ndarray, shape (rows, columns, filters)
        What a layer made of it.
    title : str
        What to see.
    columns : int
        Maps a row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = -(-maps.shape[2] // columns)
    height = 6.6 * rows * maps.shape[0] / (columns * maps.shape[1]) + 1.1
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, height), width_ratios=[1, 4])
    left.imshow(image, cmap="gray")
    blank(left)
    left.set_title(f"the image\n{image.shape[0]} × {image.shape[1]} pixels", fontsize=10)
    _draw_tiles(right, maps, columns)
    right.set_title(f"{maps.shape[2]} maps of {maps.shape[0]} × {maps.shape[1]}", fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked("probabilities class_names", image=Array((2,)), dense=Array((1,)), probabilities=Array((1,)))
def dense_answers(
    image: np.ndarray, dense: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], *, title: str
) -> Figure:
    """Draw an image, the numbers of a dense layer, and the probabilities that follow.

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        What went into the network.
    dense : numpy.ndarray, shape (units,)
        What the dense layer put out.
    probabilities : numpy.ndarray, shape (classes,)
        What the last layer put out.
    class_names : sequence of str
        Names of the classes.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), width_ratios=[1, 2.6, 1.8])
    axes[0].imshow(image, cmap="gray")
    blank(axes[0])
    axes[0].set_title("the image", fontsize=10)
    axes[1].bar(np.arange(len(dense)), dense, width=1.0, color=sns.color_palette()[0])
    axes[1].set(xlabel="number of the unit", ylabel="activation (no unit)")
    show_whole_numbers(axes[1].xaxis)
    axes[1].set_title(f"dense layer: {len(dense)} numbers", fontsize=10)
    bars = axes[2].barh(list(class_names), probabilities, color=sns.color_palette()[1], hatch="//")
    axes[2].bar_label(bars, labels=[f"{p:.2f}" for p in probabilities], padding=2, fontsize=8)
    axes[2].set(xlabel="probability", xlim=(0, 1.2))
    axes[2].set_title("output", fontsize=10)
    axes[2].invert_yaxis()
    axes[2].grid(visible=False, axis="y")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(image=Array((2,)), place=Items(Integer(0), fewest=2), tables=Items(Array((2,)), keys=text))
def convolution_by_hand(
    image: np.ndarray, place: tuple[int, int], tables: Mapping[str, np.ndarray], *, title: str
) -> Figure:
    """Draw one place of an image, and small tables of numbers to multiply and add.

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        The image.
    place : tuple of int
        Row and column of the top left pixel that is used.
    tables : mapping of str to numpy.ndarray, shape (rows, columns)
        What each table is, and its numbers: first the pixels, which are drawn as in the image. The others
        have one scale of colours.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, 1 + len(tables), figsize=(10, 3.1))
    pixels, *others = tables.values()
    most = max([1e-6, *(float(np.abs(table).max()) for table in others)])
    grey = {"cmap": "gray", "vmin": float(image.min()), "vmax": float(image.max())}
    signed = {"cmap": "BrBG", "vmin": -most, "vmax": most, "alpha": 0.45}
    axes[0].imshow(image, **grey)
    _frame(axes[0], place, pixels.shape)
    axes[0].set_title("the place in the image", fontsize=10)
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.85, "edgecolor": "none"}
    for ax, (name, table) in zip(axes[1:], tables.items(), strict=True):
        ax.imshow(table, **(grey if table is pixels else signed))
        for (row, column), value in np.ndenumerate(table):
            number = f"{round(value, 2) + 0.0:.2f}"
            ax.text(column, row, number, ha="center", va="center", fontsize=10, bbox=box)
        ax.set_title(name, fontsize=10)
    for ax in axes:
        blank(ax)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked()
def filter_class_heatmap(table: pd.DataFrame, *, title: str, unit: str) -> Figure:
    """Draw one number for each filter and class.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a class, one column a filter.
    title : str
        What to see.
    unit : str
        What the numbers are; the label of the scale.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(10, 4))
    sns.heatmap(
        table,
        ax=ax,
        cmap="viridis",
        xticklabels=True,
        cbar_kws={"label": unit},
        linewidths=0.3,
        linecolor="white",
    )
    ax.tick_params(axis="x", labelsize=7, labelrotation=90)
    ax.set(title=title, xlabel=f"{table.columns.name} (its number)", ylabel="")
    return figure


@checked(
    "made images corners row_labels",
    made=IMAGES,
    images=Array((4,)),
    corners=Array((3,), integers=True),
    size=Items(Integer(), fewest=2),
)
def strongest_images(
    made: np.ndarray,
    images: np.ndarray,
    corners: np.ndarray,
    size: tuple[int, int],
    row_labels: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw for each filter the image made for it, and the real images that excite it most.

    Parameters
    ----------
    made : numpy.ndarray, shape (filters, height, width)
        Images made by activation maximisation.
    images : numpy.ndarray, shape (filters, k, height, width)
        The k strongest images of each filter.
    corners : numpy.ndarray of int, shape (filters, k, 2)
        Row and column of the top left pixel of the part that excites it.
    size : tuple of int
        Height and width of that part.
    row_labels : sequence of str
        One label a filter.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows, count = images.shape[:2]
    figure, axes = plt.subplots(
        rows, count + 1, figsize=(1.0 * (count + 1) + 1.2, 1.0 * rows + 0.8), squeeze=False
    )
    for row, label in enumerate(row_labels):
        axes[row, 0].imshow(made[row], cmap="gray", vmin=0, vmax=1)
        axes[row, 0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        for column in range(count):
            ax = axes[row, column + 1]
            ax.imshow(images[row, column], cmap="gray", vmin=0, vmax=1)
            _frame(ax, corners[row, column], size)
    for ax in axes.flat:
        blank(ax)
    axes[0, 0].set_title("made for it", fontsize=9, loc="center")
    axes[0, 1].set_title("strongest", fontsize=9, loc="center")
    axes[0, -1].set_title(f"number {count}", fontsize=9, loc="center")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked()
def probe_ladder(
    curves: Mapping[str, pd.Series],
    *,
    title: str,
    ylabel: str,
    xlabel: str = "layer, from the input to the output",
    errors: Mapping[str, pd.Series] | None = None,
) -> Figure:
    """Draw a number for each layer, from the pixels to the last layer.

    Parameters
    ----------
    curves : mapping of str to pandas.Series
        What each curve is, and its numbers, indexed by layer name in the order of the network; the same
        layers in each.
    title : str
        What to see.
    ylabel, xlabel : str
        What the numbers are, and what their order is.
    errors : mapping of str to pandas.Series, optional
        For some or all of the curves, half the length of the error bar of each number.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(9, 4))
    for position, (name, values) in enumerate(curves.items()):
        if errors and name in errors:
            colour = series_style(position)["color"]
            ax.errorbar(
                np.arange(len(values)), values, errors[name], fmt="none", capsize=4, ecolor=colour, zorder=1
            )
        ax.plot(
            np.arange(len(values)),
            values,
            label=name,
            markersize=8,
            linestyle=("-", "--", ":")[position % 3],
            **series_style(position),
        )
        if position == 0:
            for at, value in enumerate(values):
                rising = at + 1 < len(values) and values.iloc[at + 1] > value  # the text keeps off the line
                ax.annotate(
                    f"{value:.3f}",
                    (at, value),
                    xytext=(8, -13 if rising else 6),
                    textcoords="offset points",
                    ha="left",
                    fontsize=9,
                )
    ax.set_xticks(np.arange(len(values)), list(values.index))
    ax.margins(y=0.15)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        ax.legend(loc="best")
    return figure


@checked(
    "images titles",
    images=IMAGES,
    maps=Items(IMAGES, keys=text),
    corners=Array((2,), integers=True),
    size=Integer(0),
)
def evidence_maps(
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    titles: Sequence[str],
    *,
    title: str,
    corners: np.ndarray | None = None,
    size: int = 0,
    one_scale: bool = False,
    mark_brightest: bool = False,
) -> Figure:
    """Draw images, and below each what methods say about which pixels decide.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width)
        The images.
    maps : mapping of str to numpy.ndarray, shape (n, height, width)
        One row of maps a method. All maps of a row have one scale, from 0 to their largest value; negative
        values are drawn as 0.
    titles : sequence of str
        One title an image.
    title : str
        What to see.
    corners : numpy.ndarray of int, shape (n, 2), optional
        Row and column of the top left pixel of a square to frame: the place that is known to decide.
    size : int
        Side of that square in pixels.
    one_scale : bool
        Whether all rows share a scale: for maps in the same unit.
    mark_brightest : bool
        Whether a cross marks the largest value of each map.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n = len(images)
    most = {name: max(float(drawn.max()), 1e-12) for name, drawn in maps.items()}
    if one_scale:
        most = dict.fromkeys(most, max(most.values()))
    figure, axes = plt.subplots(
        1 + len(maps), n, figsize=(1.25 * n + 1.2, 1.28 * (1 + len(maps)) + 0.9), squeeze=False
    )
    for column, image in enumerate(images):
        axes[0, column].imshow(image, cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(titles[column], fontsize=8, loc="center", pad=3)
        for row, (name, drawn) in enumerate(maps.items(), start=1):
            pixels = axes[row, column].imshow(drawn[column], cmap="magma", vmin=0, vmax=most[name])
            if mark_brightest:
                _mark_brightest(axes[row, column], drawn[column])
            if column == n - 1:
                bar = figure.colorbar(pixels, ax=list(axes[row]), shrink=0.9, pad=0.01, aspect=9)
                bar.ax.tick_params(labelsize=7)
                bar.locator = MaxNLocator(3)
            # The outline of the garment, to see where the map lies.
            axes[row, column].contour(image, levels=[0.15], colors="white", linewidths=0.5, alpha=0.7)
        if corners is not None:
            for ax in axes[:, column]:
                _frame(ax, corners[column], (size, size))
    for row, name in enumerate(["image", *maps]):
        axes[row, 0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    for ax in axes.flat:
        blank(ax)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked(table=Table(("share", "error")))
def shares_with_intervals(
    table: pd.DataFrame, *, title: str, xlabel: str, against: float | None = None, against_label: str = ""
) -> Figure:
    """Draw a share for each method, with its interval (how much of a map lies on empty ground).

    Parameters
    ----------
    table : pandas.DataFrame
        One row a method, its name the index: ``share``, 0 to 1, and ``error``, half the interval's length.
    title, xlabel : str
        What to see, and what the shares are.
    against : float, optional
        A share to compare with, drawn as a line from top to bottom.
    against_label : str
        What that is.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import pandas as pd
    >>> from mnistkit.plots import shares_with_intervals, use_style
    >>> use_style()
    >>> table = pd.DataFrame({"share": [0.6, 0.4], "error": [0.04, 0.02]}, index=["Grad-CAM", "occlusion"])
    >>> shares_with_intervals(table, title="Two methods", xlabel="share of the map").axes[0].get_title("left")
    'Two methods'
    """
    figure, ax = plt.subplots(figsize=(9, 0.5 * len(table) + 1.5))
    rows = np.arange(len(table))
    ax.errorbar(
        table["share"],
        rows,
        xerr=table["error"],
        fmt="o",
        markersize=8,
        capsize=5,
        color=series_style(0)["color"],
    )
    for row, (share, error) in enumerate(zip(table["share"], table["error"], strict=True)):
        ax.annotate(
            f"{share:.2f} ± {error:.2f}",
            (1.01, row),  # beside the axes: no line crosses it there
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
        )
    if against is not None:
        ax.axvline(against, color="0.3", linestyle="--")
        ax.annotate(
            f"{against_label}: {against:.2f}",
            (against, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=9,
        )
    ax.set_yticks(rows, list(table.index))
    ax.set(title=title, xlabel=xlabel, ylim=(len(table) - 0.3, -0.7))
    ax.grid(visible=False, axis="y")
    return figure


@checked(image=Array((2,)), maps=Array((3,)), chosen=Integer(0))
def layer_overview(image: np.ndarray, maps: np.ndarray, chosen: int, *, title: str) -> Figure:
    """Draw an image, one filter's map, and all maps of the layer with that one framed (for the explorer).

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        What went into the network.
    maps : numpy.ndarray, shape (rows, columns, filters)
        What a layer made of it.
    chosen : int
        Which filter to draw large.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    height, width, n = maps.shape
    columns = int(np.ceil(np.sqrt(2 * n)))
    places = [(left, 0.06, width_of, 0.76) for left, width_of in ((0.01, 0.22), (0.25, 0.22), (0.52, 0.48))]
    figure, axes = unplaced(11, 3.4, places)
    axes[0].imshow(image, cmap="gray")
    axes[0].set_title("the image", fontsize=10)
    axes[1].imshow(maps[..., chosen], cmap="viridis", vmin=0, vmax=max(float(maps.max()), 1e-6))
    axes[1].set_title(f"filter {chosen}: up to {maps[..., chosen].max():.2f}", fontsize=10)
    for ax in axes[:2]:
        blank(ax)
    _draw_tiles(axes[2], maps, columns)
    row, column = divmod(chosen, columns)
    _frame(axes[2], (row * (height + 1), column * (width + 1)), (height, width))
    axes[2].set_title(f"all {n} filters", fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


_MOST_OCCLUDED = 2
"""Classes whose maps have room side by side."""


@checked(maps=Items(Array((2,), 0, 1), keys=text))
def occlusion_maps(maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw a class's probability for each place of a square that covers the image: the explorer's ground.

    Parameters
    ----------
    maps : mapping of str to numpy.ndarray, shape (height, width)
        For one or two classes the probability, 0 to 1, with the square's middle on each pixel.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are more than two classes.
    """
    figure, image, panels, bars = _occlusion_axes(maps)
    for ax in (image, *bars):
        ax.set_axis_off()
    for ax, (name, chances) in zip(panels, maps.items(), strict=True):
        drawn = ax.imshow(chances, cmap="viridis", vmin=0, vmax=1)
        ax.set_title(name, fontsize=11)
    right = panels[-1].get_position().x1
    scale = figure.colorbar(drawn, cax=figure.add_axes((right + 0.01, 0.3, 0.015, 0.56)))
    scale.set_label("probability, with the square's\nmiddle on this pixel", fontsize=10)
    scale.ax.tick_params(labelsize=9)
    return figure


@checked(
    image=Array((2,)),
    maps=Items(Array((2,), 0, 1), keys=text),
    before=Items(Number(0), keys=text),
    place=Items(Integer(0), fewest=2),
    patch=Integer(),
)
def occlusion_step(
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    before: Mapping[str, float],
    place: Sequence[int],
    patch: int,
    *,
    title: str,
) -> Figure:
    """Draw an image with a square that covers a part of it, and what is then left of the probabilities.

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        The image as it was; the square is black.
    maps : mapping of str to numpy.ndarray, shape (height, width)
        The maps that `occlusion_maps` has drawn, on which this figure is laid.
    before : mapping of str to float
        The probability of each of these classes without the square.
    place : sequence of int
        Row and column of the square's middle.
    patch : int
        Its side in pixels.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are more than two classes, or a class has no probability without the square.

    Examples
    --------
    >>> image, maps = np.ones((3, 3)), {"cat": np.full((3, 3), 0.25)}
    >>> figure = occlusion_step(image, maps, {"cat": 0.9}, (0, 0), 3, title="t")
    >>> figure.axes[2].patches[0].get_width()  # the bar
    np.float64(0.25)
    """
    if missing := set(maps) - set(before):
        raise ValueError(f"before says nothing of {', '.join(sorted(missing))}")
    figure, left, panels, bars = _occlusion_axes(maps)
    row, column = place
    top, start = max(row - patch // 2, 0), max(column - patch // 2, 0)
    covered = image.copy()
    covered[top : row + patch // 2 + 1, start : column + patch // 2 + 1] = 0
    left.imshow(covered, cmap="gray", vmin=0, vmax=max(float(image.max()), 1e-6))
    left.set_title("framed: covered", fontsize=11)
    bottom, end = min(row + patch // 2 + 1, len(image)), min(column + patch // 2 + 1, image.shape[1])
    _frame(left, (top, start), (bottom - top, end - start))
    for ax, bar, (name, chances) in zip(panels, bars, maps.items(), strict=True):
        ax.set(xlim=(-0.5, chances.shape[1] - 0.5), ylim=(len(chances) - 0.5, -0.5), aspect="equal")
        ax.patch.set_visible(False)
        _frame(ax, (row, column), (1, 1))
        chance = float(chances[row, column])
        bar.barh(0, chance, color="0.65")
        bar.axvline(before[name], color="black", linewidth=2)
        bar.set(xlim=(0, 1), ylim=(-0.5, 0.5))
        bar.set_title(f"{chance:.0%} (uncovered: {before[name]:.0%})", fontsize=11)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def _occlusion_axes(maps: Mapping[str, np.ndarray]) -> tuple[Figure, Axes, list[Axes], list[Axes]]:
    """Make axes for the image, and for each class one for its map and one for its bar."""
    if len(maps) > _MOST_OCCLUDED:
        raise ValueError(f"maps are of {len(maps)} classes; expected at most {_MOST_OCCLUDED}")
    left = [0.34 + 0.27 * number for number in range(len(maps))]
    places = [
        (0.01, 0.1, 0.3, 0.76),
        *((x, 0.3, 0.25, 0.56) for x in left),
        *((x, 0.1, 0.25, 0.08) for x in left),
    ]
    figure, (image, *others) = unplaced(10, 4.4, places)
    for ax in (image, *others):
        blank(ax)
    return figure, image, others[: len(maps)], others[len(maps) :]
