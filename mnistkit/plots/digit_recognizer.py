"""Figures of a supervised project from the files to the submission."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mnistkit.plots.common import series_style
from mnistkit.utils.arguments import checked

__all__ = ["dot_rows"]


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
