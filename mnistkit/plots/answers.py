"""Figures of what a network answers to single images, for explorers: drawn within a slider's patience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from mnistkit.plots.common import blank, series_style, unplaced
from mnistkit.utils.arguments import TEXTS, Array, Integer, Items, Table, checked, text

__all__ = [
    "MOST_ANSWERS",
    "answer_bars",
    "confusion_cell",
    "confusion_ground",
    "handwriting_steps",
    "threshold_curves",
    "threshold_ground",
]

MOST_ANSWERS = 8
"""Images that a sheet of answers has room for."""

_MATRIX_PLACES = (0.095, 0.17, 0.36, 0.73), (0.5, 0.02, 0.495, 0.88)
_THRESHOLD_PLACES = (0.095, 0.57, 0.35, 0.31), (0.095, 0.2, 0.35, 0.31), (0.5, 0.02, 0.495, 0.86)
_COLUMNS, _ROWS = 2, 4
_CELL, _BARS = (2.7, 1.12), 1.5  # in sides of an image: width and height of a cell, length of a bar of 1
_LONGEST_NAME = 12
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
    over_ground: bool = False,
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
    over_ground : bool
        Whether to leave out what `confusion_ground` draws, to be laid on that.

    Returns
    -------
    matplotlib.figure.Figure
        Colours are the share of the row; the diagonal (the right answers) is left white, so that the mistakes
        do not drown. A cell without a number is 0. Beside each image stand the three most likely classes.
    """
    names = [str(name) for name in table.columns]
    figure, (left, right) = unplaced(11, 5.4, _MATRIX_PLACES)
    if over_ground:
        left.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        left.set_axis_off()
    else:
        _draw_matrix(left, table.to_numpy(), names)
    left.add_patch(Rectangle((answer - 0.5, truth - 0.5), 1, 1, fill=False, ec="tab:orange", lw=3))
    for position, (image, chances) in enumerate(zip(images[:MOST_ANSWERS], probabilities, strict=False)):
        _draw_answer(right, divmod(position, _COLUMNS), image, chances, truth, names)
    _frame_answers(right, "three likeliest classes; bold and black: the truth" if len(images) else "no image")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(table=Table(low=0))
def confusion_ground(table: pd.DataFrame) -> Figure:
    """Draw of `confusion_cell` what is the same for all cells: the matrix.

    Parameters
    ----------
    table : pandas.DataFrame of int
        Images, a row for each true class, a column for each predicted class, in the same order.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = unplaced(11, 5.4, _MATRIX_PLACES)
    _draw_matrix(left, table.to_numpy(), [str(name) for name in table.columns])
    right.set_axis_off()
    return figure


@checked(
    "images probabilities truth",
    table=Table(("answered", "right", "error")),
    images=Items(Array((2,)), fewest=0),
    probabilities=Items(Array((1,)), fewest=0),
    truth=Items(Integer(0), fewest=0),
    class_names=TEXTS,
)
def threshold_curves(
    table: pd.DataFrame,
    chosen: float,
    images: Sequence[np.ndarray],
    probabilities: Sequence[np.ndarray],
    truth: Sequence[int],
    class_names: Sequence[str],
    *,
    title: str,
    over_ground: bool = False,
) -> Figure:
    """Draw what a threshold on the confidence does: how much is answered, how often that is right, and what.

    Parameters
    ----------
    table : pandas.DataFrame
        The index has the thresholds, from low to high; ``answered`` is the share of images whose confidence
        is at least that (coverage), ``right`` the share of these with the right answer, ``error``
        its standard error.
    chosen : float
        A threshold of the table, to be marked.
    images : sequence of numpy.ndarray, each of shape (height, width)
        Images of about that confidence, the nearest first; the first four of each side are drawn.
    probabilities : sequence of numpy.ndarray, each of shape (k,)
        What the network answered to each, 0 to 1: it answers where the largest reaches the threshold.
    truth : sequence of int
        Their classes.
    class_names : sequence of str
        Names of the k classes.
    title : str
        What to see.
    over_ground : bool
        Whether to leave out what `threshold_ground` draws, to be laid on that.

    Returns
    -------
    matplotlib.figure.Figure
        Thresholds stand side by side at equal distances: what happens near 1 would not be seen otherwise.

    Raises
    ------
    ValueError
        If `chosen` is not in the table.

    Examples
    --------
    >>> columns = {"answered": [1.0, 0.9], "right": [0.98, 0.995], "error": [0.002, 0.001]}
    >>> table = pd.DataFrame(columns, index=[0, 0.9])
    >>> figure = threshold_curves(table, 0.9, [], [], [], ["no", "yes"], title="Ask a person")
    >>> [ax.get_ylabel() for ax in figure.axes[:2]]
    ['answered (coverage)', 'right, of these']
    """
    if chosen not in table.index:
        raise ValueError(
            f"chosen is {chosen}; expected one of the table's thresholds, {table.index.tolist()}"
        )
    figure, (upper, lower, right) = unplaced(11, 5.4, _THRESHOLD_PLACES)
    if over_ground:
        for ax in (upper, lower):
            ax.set_axis_off()
    else:
        _draw_thresholds(upper, lower, table)
    for ax in (upper, lower):
        ax.axvline(table.index.tolist().index(chosen), color="0.3", linestyle="--", linewidth=1)
        ax.set_xlim(-0.5, len(table) - 0.5)
    rows = [0, 0]
    for image, chances, label in zip(images, probabilities, truth, strict=True):
        side = int(np.max(chances) >= chosen)
        if rows[side] < _ROWS:
            _draw_answer(right, (rows[side], side), image, chances, label, class_names)
        rows[side] += 1
    for side, heading in enumerate(("just below: a person reads", "just above: answered (bold: truth)")):
        right.text(side * _CELL[0], -0.06, heading if rows[side] else "", fontsize=10)
    _frame_answers(right, "")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(table=Table(("answered", "right", "error")))
def threshold_ground(table: pd.DataFrame) -> Figure:
    """Draw of `threshold_curves` what is the same for all thresholds: the curves.

    Parameters
    ----------
    table : pandas.DataFrame
        The thresholds and what each does.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (upper, lower, right) = unplaced(11, 5.4, _THRESHOLD_PLACES)
    _draw_thresholds(upper, lower, table)
    right.set_axis_off()
    return figure


@checked(image=Array((2,)), answers=Items(Array((1,), 0), keys=text), class_names=TEXTS)
def answer_bars(
    image: np.ndarray,
    answers: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    truth: str | None = None,
    *,
    title: str,
) -> Figure:
    """Draw an image and what networks answer to it: a bar for each class, a panel for each network.

    Parameters
    ----------
    image : numpy.ndarray, shape (height, width)
        What the networks were given.
    answers : mapping of str to numpy.ndarray, shape (k,)
        For each network its panel's title, and its probabilities, 0 to 1.
    class_names : sequence of str
        Names of the k classes, from top to bottom.
    truth : str, optional
        The class of the image, where it is known: its bars are black.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If answers are of another number of classes than there are names.
    """
    for name, probabilities in answers.items():
        if len(probabilities) != len(class_names):
            raise ValueError(
                f"answers[{name!r}] are of {len(probabilities)} classes; class_names has {len(class_names)}"
            )
    width = 0.62 / len(answers)
    bars = [(0.36 + number * width, 0.1, width - 0.02, 0.74) for number in range(len(answers))]
    figure, (left, *panels) = unplaced(10, 4, [(0.01, 0.1, 0.23, 0.74), *bars])
    left.imshow(image, cmap="gray", vmin=0, vmax=max(float(image.max()), 1e-6))
    left.set_axis_off()
    left.set_title("black bar: the truth" if truth else "", fontsize=10)
    colours = ["black" if name == truth else "0.65" for name in class_names]
    names = [_short(name) for name in class_names]
    for ax, (name, probabilities) in zip(panels, answers.items(), strict=True):
        drawn = ax.barh(range(len(class_names)), probabilities, color=colours)
        ax.bar_label(drawn, [f"{value:.0%}" if value >= 0.005 else "" for value in probabilities], padding=2)
        ax.set(xlim=(0, 1.25), ylim=(len(class_names) - 0.4, -0.6), xticks=[])
        ax.set_yticks(range(len(class_names)), names if ax is panels[0] else [""] * len(names))
        ax.set_title(name, fontsize=10)
        ax.grid(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


@checked(
    "steps answers",
    steps=Items(Array((2,)), keys=text),
    answers=Items(Array((1,), 0)),
    class_names=TEXTS,
)
def handwriting_steps(
    steps: Mapping[str, np.ndarray],
    answers: Sequence[np.ndarray],
    class_names: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Draw how a digit is brought into MNIST's form, and what a classifier answers after each step.

    Parameters
    ----------
    steps : mapping of str to numpy.ndarray, shape (height, width)
        The picture after each step, grey levels of 0 to 255.
    answers : sequence of numpy.ndarray, each of shape (k,)
        Its probabilities after each step, 0 to 1; those after the last are drawn as bars.
    class_names : sequence of str
        Names of the k classes.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If answers are of another number of classes than there are names.
    """
    if len(answers[-1]) != len(class_names):
        raise ValueError(f"answers are of {len(answers[-1])} classes; class_names has {len(class_names)}")
    width = 0.98 / len(steps)
    places = [(0.01 + number * width, 0.5, width - 0.02, 0.34) for number in range(len(steps))]
    figure, (*pictures, bars) = unplaced(10, 5.2, [*places, (0.1, 0.09, 0.84, 0.24)])
    for number, (ax, (name, step), chances) in enumerate(zip(pictures, steps.items(), answers, strict=True)):
        ax.imshow(step, cmap="gray", vmin=0, vmax=255)
        blank(ax)
        ax.set_title(f"{number + 1}. {name}", fontsize=10)
        said = int(np.argmax(chances))
        ax.set_xlabel(f"answer: {_short(class_names[said])} ({chances[said]:.0%})", fontsize=10)
    drawn = bars.bar(range(len(class_names)), answers[-1], color="0.65")
    bars.bar_label(drawn, [f"{value:.0%}" if value >= 0.005 else "" for value in answers[-1]], fontsize=9)
    bars.set_xticks(range(len(class_names)), [_short(name) for name in class_names], fontsize=10)
    bars.set(ylim=(0, 1.2), yticks=[0, 0.5, 1])
    bars.yaxis.set_major_formatter(PercentFormatter(1))
    bars.tick_params(axis="y", labelsize=9)
    bars.set_title(f"probabilities after step {len(steps)}", fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure


def _draw_thresholds(upper: Axes, lower: Axes, table: pd.DataFrame) -> None:
    columns = (upper, "answered", "answered (coverage)"), (lower, "right", "right, of these")
    for position, (ax, column, label) in enumerate(columns):
        ax.plot(range(len(table)), table[column], **series_style(position))
        ax.set_xlim(-0.5, len(table) - 0.5)
        ax.set_xticks(range(len(table)), [""] * len(table))
        ax.set_ylabel(label, fontsize=10)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
        ax.tick_params(axis="y", labelsize=9)
    low, high = table["right"] - 2 * table["error"], table["right"] + 2 * table["error"]
    look = {"alpha": 0.2, "color": series_style(1)["color"], "linewidth": 0}
    lower.fill_between(range(len(table)), low, high.clip(upper=1), **look)
    lower.set_xticks(range(len(table)), [f"{one:g}" for one in table.index], rotation=45, fontsize=9)
    xlabel = "least confidence for an answer (not to scale)\ndashed: chosen; band: two standard errors"
    lower.set_xlabel(xlabel, fontsize=10)


def _draw_matrix(ax: Axes, counts: np.ndarray, names: Sequence[str]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(np.where(np.eye(len(counts), dtype=bool), 0.0, shares), cmap="Blues", vmin=0, aspect="auto")
    high = np.max(shares - np.diag(np.diag(shares)))
    if len(counts) <= _MOST_COUNTS:
        for row, column in zip(*np.nonzero(counts), strict=True):
            dark = row != column and shares[row, column] > high / 2
            colour = "white" if dark else "black"
            ax.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=colour)
    short = [_short(name) for name in names]
    size = 8 if len(names) <= _MOST_COUNTS else 5
    ax.set_xticks(range(len(names)), short, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    ax.set_yticks(range(len(names)), short, fontsize=size)
    ax.set_xlabel("answer", fontsize=10)
    ax.set_ylabel("truth", fontsize=10)
    ax.set_title("images; blue: share of the true class", fontsize=10)
    ax.grid(False)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _draw_answer(
    ax: Axes,
    place: tuple[int, int],
    image: np.ndarray,
    probabilities: np.ndarray,
    truth: int,
    names: Sequence[str],
) -> None:
    """Draw an image, beside it its three likeliest classes, in a row and column; one axes for all is fast."""
    x, y = place[1] * _CELL[0], place[0] * _CELL[1]
    ax.imshow(image, cmap="gray", extent=(x, x + 1, y + 1, y))
    for rank, name in enumerate(np.argsort(-probabilities, kind="stable")[:3]):
        corner = (x + 1.08, y + 0.05 + rank / 3)
        _draw_bar(ax, corner, float(probabilities[name]), _short(names[name]), name == truth)


def _frame_answers(ax: Axes, title: str) -> None:
    ax.set(xlim=(0, _COLUMNS * _CELL[0]), ylim=(_ROWS * _CELL[1], 0), aspect="equal")
    ax.set_axis_off()
    ax.set_anchor("NW")
    ax.set_title(title, fontsize=10)


def _draw_bar(ax: Axes, corner: tuple[float, float], probability: float, name: str, is_truth: bool) -> None:
    """Draw a name and under it its probability; the true class is black and bold."""
    x, y = corner
    weight = "bold" if is_truth else "normal"
    ax.text(x, y + 0.18, f"{name}: {probability:.1%}", fontsize=8.5, weight=weight)
    colour = "black" if is_truth else "0.65"
    ax.add_patch(Rectangle((x, y + 0.21), _BARS * probability, 0.06, facecolor=colour, linewidth=0))
