"""Figures of a supervised project from the files to the submission."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter

from mnistkit.plots.common import series_style
from mnistkit.utils.arguments import Table, checked

__all__ = ["dot_rows", "threshold_curves"]


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


@checked(table=Table(("answered", "right", "error")))
def threshold_curves(table: pd.DataFrame, chosen: float, *, title: str) -> Figure:
    """Draw what a threshold on the confidence does: how much is answered, and how often that is right.

    Parameters
    ----------
    table : pandas.DataFrame
        The index has the thresholds, from low to high; ``answered`` is the share of images whose confidence
        is at least that (coverage), ``right`` the share of these with the right answer, ``error``
        its standard error.
    chosen : float
        A threshold of the table, to be marked.
    title : str
        What to see.

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
    >>> figure = threshold_curves(pd.DataFrame(columns, index=[0, 0.9]), 0.9, title="Ask a person")
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['answered (coverage)', 'right, of these answers']
    """
    if chosen not in table.index:
        raise ValueError(
            f"chosen is {chosen}; expected one of the table's thresholds, {table.index.tolist()}"
        )
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    places = range(len(table))
    columns = {"answered": "answered (coverage)", "right": "right, of these answers"}
    for position, (ax, (column, label)) in enumerate(zip(axes, columns.items(), strict=True)):
        ax.plot(places, table[column], **series_style(position))
        ax.axvline(table.index.get_loc(chosen), color="0.3", linestyle="--", linewidth=1)
        ax.set_xticks(places, [f"{threshold:g}" for threshold in table.index], rotation=45)
        ax.set(xlabel="least confidence for an answer\n(not to scale; dashed: chosen)", ylabel=label)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    low, high = table["right"] - 2 * table["error"], table["right"] + 2 * table["error"]
    axes[1].fill_between(
        places, low, high.clip(upper=1), alpha=0.2, color=series_style(1)["color"], linewidth=0
    )
    axes[1].annotate(
        "band: two standard errors", (0.98, 0.03), xycoords="axes fraction", ha="right", fontsize=9
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure
