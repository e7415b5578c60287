"""Figures of what a network answers to single images, for explorers: drawn within a slider's patience."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mnistkit.utils.arguments import Array, Integer, Items, Table, checked

__all__ = ["MOST_ANSWERS", "confusion_cell"]

MOST_ANSWERS = 8
"""Images that a sheet of answers has room for."""

_COLUMNS = 2
_CELL, _BARS = (2.7, 1.12), 1.5  # in sides of an image: width and height of a cell, length of a bar of 1
_MOST_COUNTS = 16  # classes of a matrix in whose cells a count can be read


@checked(
    "images probabilities",
    table=Table(low=0),
    truth=Integer(0),
    answer=Integer(0),
    images=Items(Array((2,)), fewest=0),
    probabilities=Items(Array((1,)), fewest=0),
)
def confusion_cell(
    table: pd.DataFrame,
    truth: int,
    answer: int,
    images: Sequence[np.ndarray],
    probabilities: Sequence[np.ndarray],
    *,
    title: str,
) -> Figure:
    """Draw a confusion matrix with one cell marked, and images of that cell beside it.

    Parameters
    ----------
    table : pandas.DataFrame of int
        Images, a row for each true class, a column for each predicted class, in the same order.
    truth, answer : int
        Row and column of the marked cell.
    images : sequence of numpy.ndarray, each of shape (height, width)
        Images of that cell; the first `MOST_ANSWERS` are drawn.
    probabilities : sequence of numpy.ndarray, each of shape (k,)
        What the network answered to each, 0 to 1.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        Colours are the share of the row; the diagonal (the right answers) is left white, so that the mistakes
        do not drown. A cell without a number is 0. Beside each image stand the three most likely classes.
    """
    names = [str(name) for name in table.columns]
    figure, (left, right) = _unplaced(11, 5.4, (0.095, 0.17, 0.36, 0.73), (0.5, 0.02, 0.495, 0.88))
    _draw_matrix(left, table.to_numpy(), names)
    left.add_patch(Rectangle((answer - 0.5, truth - 0.5), 1, 1, fill=False, ec="tab:orange", lw=3))
    _draw_answers(right, images, probabilities, [truth] * len(images), names)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def _unplaced(
    width: float, height: float, *places: tuple[float, float, float, float]
) -> tuple[Figure, list[Axes]]:
    """Make axes placed by hand: with a layout engine, saving draws all twice, and a slider must not lag."""
    with plt.rc_context({"figure.constrained_layout.use": False}):
        figure = Figure(figsize=(width, height))
    return figure, [figure.add_axes(place) for place in places]


def _draw_matrix(ax: Axes, counts: np.ndarray, names: Sequence[str]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(np.where(np.eye(len(counts), dtype=bool), 0.0, shares), cmap="Blues", vmin=0, aspect="auto")
    high = np.max(shares - np.diag(np.diag(shares)))
    if len(counts) <= _MOST_COUNTS:
        for row, column in zip(*np.nonzero(counts), strict=True):
            dark = row != column and shares[row, column] > high / 2
            look = {"ha": "center", "va": "center", "fontsize": 8, "color": "white" if dark else "black"}
            ax.text(column, row, str(counts[row, column]), **look)
    short = [name if len(name) <= 12 else f"{name[:11]}…" for name in names]
    size = 8 if len(names) <= _MOST_COUNTS else 5
    ax.set_xticks(range(len(names)), short, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    ax.set_yticks(range(len(names)), short, fontsize=size)
    ax.set_xlabel("answer", fontsize=10)
    ax.set_ylabel("truth", fontsize=10)
    ax.set_title("images; blue: share of the true class", fontsize=10)
    ax.grid(False)


def _draw_answers(
    ax: Axes,
    images: Sequence[np.ndarray],
    probabilities: Sequence[np.ndarray],
    truths: Sequence[int],
    names: Sequence[str],
) -> None:
    """Draw images row by row, beside each its three most likely classes; one axes for all is fast."""
    drawn = list(zip(images, probabilities, truths, strict=True))[:MOST_ANSWERS]
    for position, (image, probability, truth) in enumerate(drawn):
        row, column = divmod(position, _COLUMNS)
        x, y = column * _CELL[0], row * _CELL[1]
        ax.imshow(image, cmap="gray", extent=(x, x + 1, y + 1, y))
        for place, name in enumerate(np.argsort(-probability, kind="stable")[:3]):
            corner = (x + 1.08, y + 0.05 + place / 3)
            _draw_bar(ax, corner, float(probability[name]), str(names[name]), name == truth)
    ax.set(xlim=(0, _COLUMNS * _CELL[0]), ylim=(MOST_ANSWERS / _COLUMNS * _CELL[1], 0), aspect="equal")
    ax.set_axis_off()
    ax.set_anchor("NW")
    ax.set_title("three likeliest classes; bold and black: the truth" if drawn else "no image", fontsize=10)


def _draw_bar(ax: Axes, corner: tuple[float, float], probability: float, name: str, is_truth: bool) -> None:
    """Draw a name and under it its probability; the true class is black and bold."""
    x, y = corner
    weight = "bold" if is_truth else "normal"
    ax.text(x, y + 0.18, f"{name} {probability:.1%}", fontsize=8.5, weight=weight)
    colour = "black" if is_truth else "0.65"
    ax.add_patch(Rectangle((x, y + 0.21), _BARS * probability, 0.06, facecolor=colour, linewidth=0))
