"""Figures of a supervised project from the files to the submission."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from mnistkit.plots.common import series_style
from mnistkit.utils.arguments import Items, Table, checked, text

__all__ = ["dot_rows", "loss_and_rate"]


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


@checked(histories=Items(Table(("loss", "val_loss", "learning_rate")), keys=text))
def loss_and_rate(histories: Mapping[str, pd.DataFrame], *, title: str) -> Figure:
    """Draw losses over the epochs, and below them the learning rate.

    Parameters
    ----------
    histories : mapping of str to pandas.DataFrame
        For each network its epochs, as `mnistkit.training.fit` gives them: columns ``loss``, ``val_loss`` and
        ``learning_rate``.
    title : str
        What to see.

    Returns
    -------
    matplotlib.figure.Figure
        One column a network; losses on a logarithmic scale.
    """
    figure, axes = plt.subplots(
        2, len(histories), figsize=(5 * len(histories), 5), sharex="col", squeeze=False, height_ratios=(3, 2)
    )
    colours = sns.color_palette("colorblind")
    kinds = {"loss": ("training", "o", "-"), "val_loss": ("validation", "s", "--")}
    for (losses, rates), (name, history) in zip(axes.T, histories.items(), strict=True):
        for position, (column, (label, marker, line)) in enumerate(kinds.items()):
            losses.plot(
                history.index,
                history[column],
                marker=marker,
                linestyle=line,
                color=colours[position],
                label=label,
            )
        rates.step(history.index, history["learning_rate"], where="mid", color="black", marker=".")
        losses.set_title(name, fontsize=11)
        losses.set_yscale("log")
        rates.set(xlabel="epoch", ylim=(0, 1.15 * history["learning_rate"].max()))
        rates.ticklabel_format(axis="y", style="plain")
        rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].set_ylabel("loss (log)")
    axes[1, 0].set_ylabel("learning rate\nafter the epoch")
    axes[0, 0].legend(loc="upper right", fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure
