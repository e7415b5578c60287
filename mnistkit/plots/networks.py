"""Figures of networks: how they train, where they err, how sure they are, what they cost."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from mnistkit.plots.common import blank, series_style, show_whole_numbers
from mnistkit.utils.arguments import (
    IMAGES,
    LABELS,
    TEXTS,
    Array,
    Integer,
    Items,
    Number,
    Table,
    checked,
    text,
)

__all__ = [
    "accuracy_intervals",
    "convolution_step",
    "cost_panels",
    "drawings",
    "learning_curves",
    "mistake_sheet",
    "paired_runs",
    "rate_range",
    "reliability_curves",
]


@checked(
    image=Array((2,)),
    kernel=Array((2,)),
    filled=Array((2,), gaps=True),
    corner=Items(Integer(0), fewest=2),
)
def convolution_step(
    image: np.ndarray, kernel: np.ndarray, filled: np.ndarray, corner: tuple[int, int], *, title: str
) -> Figure:
    """Draw one step of a convolution: the window in the image, its products, and the map so far.

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        A grey image.
    kernel : numpy.ndarray, shape (rows, columns)
        The weights.
    filled : numpy.ndarray, shape (height - rows + 1, width - columns + 1)
        The sums so far; NaN where the window has not been.
    corner : tuple of int
        Row and column of the window's upper left pixel.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        In the map grey is 0, white positive, black negative; hatched: not visited yet.
    """
    rows, columns = kernel.shape
    row, column = corner
    window = image[row : row + rows, column : column + columns]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.8), width_ratios=(4, 3, 4.4))
    left.imshow(image, cmap="gray")
    for ax, width, height in ((left, columns, rows), (right, 1, 1)):
        place = (column - 0.5, row - 0.5)
        ax.add_patch(Rectangle(place, width, height, fill=False, edgecolor="tab:orange", linewidth=2.5))
    left.set_title("image, with the window", fontsize=11)
    middle.imshow(window, cmap="gray", vmin=float(image.min()), vmax=float(image.max()))
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.85, "edgecolor": "none"}
    for (down, across), weight in np.ndenumerate(kernel):
        text = f"{window[down, across]:.2f}\n× {weight:g}"
        middle.annotate(text, (across, down), ha="center", va="center", fontsize=10, bbox=box)
    middle.set_title(f"sum of the products: {(window * kernel).sum():.2f}", fontsize=11)
    high = max(float(np.nanmax(np.abs(filled))), 1e-9)
    drawn = right.imshow(filled, cmap="gray", vmin=-high, vmax=high)
    if np.isnan(filled).any():
        right.patch.set(hatch="///", edgecolor="0.7")
    right.set_title("map: one sum a place", fontsize=11)
    figure.colorbar(drawn, ax=right, shrink=0.8)
    for ax in (left, middle, right):
        blank(ax)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked()
def accuracy_intervals(
    accuracies: pd.DataFrame,
    errors: pd.DataFrame,
    *,
    title: str,
    xlabel: str = "accuracy, and two standard errors to each side",
) -> Figure:
    """Draw accuracies as points, each with two standard errors to both sides.

    Parameters
    ----------
    accuracies : pandas.DataFrame
        One row a model, from top to bottom; one column a series, 0 to 1. NaN is left out.
    errors : pandas.DataFrame
        The standard error of each, with the same rows and columns.
    title, xlabel : str
        What to see, and what the points are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(9, 0.5 * len(accuracies) + 1.7))
    for position, (name, values) in enumerate(accuracies.items()):
        rows = np.arange(len(accuracies)) + 0.22 * (position - (accuracies.shape[1] - 1) / 2)
        style = series_style(position) | {"linestyle": "none", "markersize": 7, "capsize": 3}
        ax.errorbar(values, rows, xerr=2 * errors[name].fillna(0), label=str(name), **style)
    ax.set_yticks(range(len(accuracies)), [str(name) for name in accuracies.index])
    ax.set(title=title, xlabel=xlabel, ylim=(len(accuracies) - 0.5, -0.5))  # the first row on top
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    ax.grid(visible=False, axis="y")
    if accuracies.shape[1] > 1:
        figure.legend(loc="outside lower center", ncols=4, fontsize=9)
    return figure


@checked()
def drawings(pictures: Mapping[str, bytes], *, title: str) -> Figure:
    """Put drawings of networks side by side, pixel for pixel.

    Parameters
    ----------
    pictures : mapping of str to bytes
        For each network its name and a PNG, as `mnistkit.models.drawing` makes it.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    images = {name: plt.imread(io.BytesIO(picture)) for name, picture in pictures.items()}
    gap, top = 20, 70
    width = sum(image.shape[1] + gap for image in images.values())
    height = max(image.shape[0] for image in images.values()) + top
    with plt.rc_context({"figure.constrained_layout.use": False}):  # it would change the sizes
        figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    left = 0
    for name, image in images.items():
        rows, columns = image.shape[:2]
        ax = figure.add_axes((left / width, (height - top - rows) / height, columns / width, rows / height))
        ax.imshow(image, interpolation="none", aspect="auto")
        ax.set_axis_off()
        ax.set_title(name, fontsize=12, loc="center")
        left += columns + gap
    figure.suptitle(title, x=0.01, y=1 - 8 / height, ha="left", va="top", fontsize=12)
    return figure


@checked(histories=Items(Table(("accuracy", "val_accuracy")), keys=text))
def learning_curves(
    histories: Mapping[str, pd.DataFrame], after: Mapping[str, tuple[float, float]], *, title: str
) -> Figure:
    """Draw accuracy over the epochs, one panel a network, and both after training.

    Parameters
    ----------
    histories : mapping of str to pandas.DataFrame
        For each network its epochs: columns ``accuracy`` and ``val_accuracy``, 0 to 1.
    after : mapping of str to (float, float)
        For each network its accuracy on training and validation images after training, without dropout.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    width = max(10.0, 3.3 * len(histories))
    figure, axes = plt.subplots(1, len(histories), figsize=(width, 3.8), sharey=True, squeeze=False)
    colours = sns.color_palette("colorblind")
    for ax, (name, history) in zip(axes.flat, histories.items(), strict=True):
        ax.plot(
            history.index,
            history["accuracy"],
            color=colours[0],
            marker="o",
            label="training, as Keras reports it",
        )
        ax.plot(
            history.index,
            history["val_accuracy"],
            color=colours[1],
            marker="s",
            linestyle="--",
            label="validation",
        )
        last, (train, validation) = history.index[-1], after[name]
        ax.plot(last, train, color="black", marker="*", markersize=14, linestyle="none")
        ax.plot([], [], color="black", marker="*", linestyle="none", label="training, measured afterwards")
        ax.vlines(last, validation, train, color="black", linewidth=1.5)
        ax.set_title(f"{name}: gap {100 * (train - validation):+.1f} points", fontsize=11)
        ax.set(xlabel="epoch")
        show_whole_numbers(ax.xaxis)
    axes[0, 0].set_ylabel("accuracy")
    axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked(
    "images probabilities truth",
    images=IMAGES,
    probabilities=Array((2,)),
    truth=LABELS,
    class_names=TEXTS,
    columns=Integer(),
)
def mistake_sheet(
    images: np.ndarray,
    probabilities: np.ndarray,
    truth: np.ndarray,
    class_names: Sequence[str],
    *,
    title: str,
    columns: int = 4,
) -> Figure:
    """Draw images beside the three classes that a model held most likely.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width)
        Grey images.
    probabilities : numpy.ndarray, shape (n, k)
        What the model answered, 0 to 1.
    truth : numpy.ndarray of int, shape (n,)
        True classes.
    class_names : sequence of str
        Names of the k classes.
    title : str
        What to see.
    columns : int
        Images a row.

    Returns
    -------
    matplotlib.figure.Figure
        The true class has a hatched bar and a bold name where it is among the three.
    """
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        2 * rows, columns, figsize=(10, 2.6 * rows + 0.5), squeeze=False, height_ratios=(1.7, 1) * rows
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for position, (image, probability, label) in enumerate(zip(images, probabilities, truth, strict=True)):
        row, column = divmod(position, columns)
        picture, bars = axes[2 * row, column], axes[2 * row + 1, column]
        picture.imshow(image, cmap="gray")
        picture.set_title(f"truth: {class_names[label]}", fontsize=10, loc="center", pad=3)
        first = np.argsort(-probability, kind="stable")[:3]
        bars.set_axis_on()
        drawn = bars.barh(range(len(first)), probability[first], color="0.75", edgecolor="black")
        for bar, name in zip(drawn, first, strict=True):
            bar.set_hatch("///" if name == label else "")
            text = f"{class_names[name]} {probability[name]:.1%}"
            bars.text(
                0.02,
                bar.get_y() + bar.get_height() / 2,
                text,
                va="center",
                fontsize=8.5,
                weight="bold" if name == label else "normal",
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.8, "edgecolor": "none"},
            )
        bars.set(xlim=(0, 1), xticks=[], yticks=[])
        bars.invert_yaxis()
        bars.grid(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked(tables=Items(Table(("images", "confidence", "accuracy")), keys=text))
def reliability_curves(tables: Mapping[str, pd.DataFrame], *, title: str) -> Figure:
    """Draw how often models are right against how sure they were.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        For each model what `mnistkit.evaluation.reliability` found: ``images``, ``confidence``, ``accuracy``.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        Bars reach two standard errors to both sides: they are long where a point stands for few images.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), sharex=True, width_ratios=(3, 2))
    left.plot([0, 1], [0, 1], color="black", linewidth=1, label="right as often as sure")
    for position, (name, table) in enumerate(tables.items()):
        style = series_style(position) | {"linestyle": ("-", "--", ":")[position % 3]}
        error = np.sqrt(table["accuracy"] * (1 - table["accuracy"]) / table["images"])
        left.plot(table["confidence"], table["accuracy"], label=name, **style)
        bars = {"yerr": 2 * error, "fmt": "none", "ecolor": style["color"], "capsize": 3}
        left.errorbar(table["confidence"], table["accuracy"], **bars)
        right.plot(table["confidence"], table["images"] / table["images"].sum(), label=name, **style)
    left.set(xlabel="confidence (largest probability)", ylabel="share of right answers", ylim=(0, 1.03))
    left.annotate("too sure:\nbelow the line", (0.95, 0.06), ha="right", fontsize=9, color="0.3")
    left.annotate("too timid:\nabove the line", (0.12, 0.88), ha="left", fontsize=9, color="0.3")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    right.set(xlabel="confidence (largest probability)", yscale="log")
    right.set_ylabel("share of the images (log)")
    left.set_xlim(0.08, 1.02)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked(table=Table(("accuracy",)))
def cost_panels(
    table: pd.DataFrame, costs: Mapping[str, str], *, title: str, ylabel: str = "accuracy on test images"
) -> Figure:
    """Draw accuracy against several costs, one panel a cost.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a model, by name: ``accuracy`` (0 to 1) and the columns of `costs`. NaN or 0 in a cost: the
        model has none of it and is left out of that panel.
    costs : mapping of str to str
        Columns to draw against, and what to write under each axis.
    title, ylabel : str
        What to see, and what the accuracy is.

    Returns
    -------
    matplotlib.figure.Figure
        Costs are on logarithmic scales: a step to the right is ten times as much.
    """
    figure, axes = plt.subplots(1, len(costs), figsize=(11, 3.9), sharey=True, squeeze=False)
    for position, (name, row) in enumerate(table.iterrows()):
        look = {"label": str(name), "linestyle": "none", "markersize": 9, **series_style(position)}
        for ax, cost in zip(axes.flat, costs, strict=True):
            # Also what is nowhere, at NaN: it must be in the legend.
            ax.plot(row[cost] if row[cost] > 0 else np.nan, row["accuracy"], **look)
    for ax, label in zip(axes.flat, costs.values(), strict=True):
        ax.set_xscale("log")
        ax.margins(x=0.12)
        ax.set_xlabel(label, fontsize=10)
    axes[0, 0].set_ylabel(ylabel)
    axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 7), fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


@checked()
def paired_runs(runs: pd.DataFrame, level: float, level_name: str, *, title: str) -> Figure:
    """Draw the accuracy of models by seed, the runs of one seed joined by a line.

    Parameters
    ----------
    runs : pandas.DataFrame
        One row a seed, one column a model: accuracy, 0 to 1.
    level : float
        Accuracy of something without a seed, for a horizontal line.
    level_name : str
        What that is.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(8.5, 4.4))
    ax.axhline(level, color="black", linestyle="--", linewidth=1.5, label=f"{level_name}: {level:.1%}")
    places = np.arange(runs.shape[1])
    for position, (seed, row) in enumerate(runs.iterrows()):
        ax.plot(places, row, label=f"seed {seed}", linewidth=1.2, markersize=8, **series_style(position))
    spans = [f"{name}\n{column.min():.1%}\nto {column.max():.1%}" for name, column in runs.items()]
    ax.set_xticks(places, spans)
    low, high = min(level, float(runs.min().min())), max(level, float(runs.max().max()))
    ax.set(
        title=title,
        ylabel="accuracy on test images",
        xlim=(-0.5, len(places) - 0.5),
        ylim=(low - 0.1 * (high - low), high + 0.1 * (high - low)),
    )
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    return figure


@checked("rates losses", rates=Items(Number(0, above=True)), losses=Array((1,)), chosen=Number(0, above=True))
def rate_range(rates: Sequence[float], losses: np.ndarray, chosen: float, *, title: str) -> Figure:
    """Draw the loss of each step while the learning rate grows (learning-rate range test).

    Parameters
    ----------
    rates : sequence of float
        Learning rate of each step.
    losses : numpy.ndarray, shape (steps,)
        Training loss of each step, smoothed.
    chosen : float
        The rate that the lesson uses, for a vertical line.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = plt.subplots(figsize=(8, 3.8))
    ax.plot(rates, losses, color=sns.color_palette("colorblind")[0])
    ax.axvline(
        chosen, color="black", linestyle="--", linewidth=1.2, label=f"peak of our schedule: {chosen:g}"
    )
    ax.set(
        title=title,
        xscale="log",
        xlabel="learning rate (log)",
        ylabel="training loss, smoothed",
        ylim=(0, 1.5 * float(losses[0])),
    )
    ax.legend(loc="upper left", fontsize=9)
    return figure
