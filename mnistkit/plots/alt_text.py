"""What a figure shows, in words: the alt text that a figure has where its lesson gives no better one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

__all__ = ["describe_figure"]

_MOST_NAMES = 10  # titles of images, bars, curves that are named one by one
_FEW_PANELS = 6


def describe_figure(figure: Figure) -> str:
    """Say what a figure shows, from what is drawn in it (every lesson, through `mnistkit.plots.show`).

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        A figure with its titles, labels and legends.

    Returns
    -------
    str
        Its title; then for each panel the axes, where each curve begins, ends and is highest, the height of
        bars, the number of points and images. What carries no label is counted only.

    Examples
    --------
    >>> figure = Figure()
    >>> ax = figure.subplots()
    >>> _ = ax.plot([1, 2, 3], [9, 4, 1], label="inertia")
    >>> _ = ax.set(title="Inertia falls", xlabel="k", ylabel="inertia")
    >>> describe_figure(figure)
    'Inertia falls. inertia over k: inertia falls from 9 at 1 to 1 at 3.'
    """
    panels = [ax for ax in figure.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]
    drawn = [(ax, text) for ax in panels if (text := _panel(ax))]
    images = [ax for ax, text in drawn if text == _PICTURE]
    title = figure.get_suptitle()
    parts = [title] if title else []
    if len(images) > 1:
        parts.append(_gallery(images))
        drawn = [(ax, text) for ax, text in drawn if text != _PICTURE]
    for ax, text in drawn[:_FEW_PANELS]:
        parts += [part for part in (_title(ax), text) if part and part != title]
    if len(drawn) > _FEW_PANELS:
        parts.append(f"And {len(drawn) - _FEW_PANELS} more panels")
    return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)


_PICTURE = "An image"


def _panel(ax: Axes) -> str:
    found = [*_curves(ax), *_bars(ax), *_intervals(ax), *_points(ax), *_tables(ax)]
    if found:
        axes = " over ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel())))
        return f"{axes}: {'; '.join(found)}" if axes else "; ".join(found)
    return _PICTURE if ax.get_images() else ""


def _gallery(axes: Sequence[Axes]) -> str:
    names = [name for ax in axes if (name := _title(ax))]
    text = f"{len(axes)} images"
    if not names:
        return text
    more = ", …" if len(names) > _MOST_NAMES else ""
    return f"{text}: {', '.join(' '.join(name.split()) for name in names[:_MOST_NAMES])}{more}"


def _title(ax: Axes) -> str:
    return next(filter(None, (ax.get_title(loc=place) for place in ("left", "center", "right"))), "")


def _curves(ax: Axes) -> Iterator[str]:
    groups = _error_bars(ax)
    with_bars = {group[0]: group for group in groups}
    not_curves = {end for group in groups for end in group[1]}  # ends of bars are lines too
    not_curves |= {line for line in with_bars if line and _row_names(ax, line)}
    lines = [
        line
        for line in ax.get_lines()
        if np.size(line.get_xdata()) > 1 and _is_curve(line, ax) and line not in not_curves
    ]
    for line in lines[:_MOST_NAMES]:
        x, y = (np.asarray(values, dtype=float) for values in line.get_data())
        there = np.isfinite(x) & np.isfinite(y)
        if there.sum() > 1:
            yield f"{_label(with_bars.get(line, line)) or 'a curve'} {_course(x[there], y[there])}"
    if len(lines) > _MOST_NAMES:
        yield f"and {len(lines) - _MOST_NAMES} more curves"


def _is_curve(line: Line2D, ax: Axes) -> bool:
    """Tell a curve from a line that marks a place: that one has two points, no label, or other units."""
    return line.get_transform() == ax.transData and (bool(_label(line)) or np.size(line.get_xdata()) > 2)


def _label(drawn: Any) -> str:
    label = str(drawn.get_label() or "")
    return "" if label.startswith("_") else label


def _course(x: np.ndarray, y: np.ndarray) -> str:
    """Say where a curve begins and ends, and its top or bottom where that is neither."""
    if y[0] == y[-1]:
        ends = f"is {y[0]:.4g} at {x[0]:.4g} and at {x[-1]:.4g}"
    else:
        way = "rises" if y[-1] > y[0] else "falls"
        ends = f"{way} from {y[0]:.4g} at {x[0]:.4g} to {y[-1]:.4g} at {x[-1]:.4g}"
    for place, word in ((int(y.argmax()), "highest"), (int(y.argmin()), "lowest")):
        if y[place] not in (y[0], y[-1]):
            ends += f", {word} {y[place]:.4g} at {x[place]:.4g}"
    return ends


def _bars(ax: Axes) -> Iterator[str]:
    groups = [group for group in ax.containers if isinstance(group, BarContainer)]
    for group in groups[:_MOST_NAMES]:
        lying = group.orientation == "horizontal"
        axis = ax.yaxis if lying else ax.xaxis
        names = [tick.get_text() for tick in axis.get_majorticklabels()]
        values = [bar.get_width() if lying else bar.get_height() for bar in group]
        each = [f"{value:.4g}" for value in values]
        if len(names) == len(each) and all(names):
            each = [f"{name} {value}" for name, value in zip(names, each, strict=True)]
        shown = ", ".join(each[:_MOST_NAMES]) + (", …" if len(each) > _MOST_NAMES else "")
        label = _label(group)
        yield f"{label}: {shown}" if label else f"bars: {shown}"


def _intervals(ax: Axes) -> Iterator[str]:
    """Name what is drawn with error bars in rows that have names; a curve with bars is named as a curve."""
    for group in _error_bars(ax)[:_MOST_NAMES]:
        if group[0] and (names := _row_names(ax, group[0])):
            values = np.asarray(group[0].get_xdata(), dtype=float)
            each = [f"{name} {value:.4g}" for name, value in zip(names, values, strict=True)]
            yield f"{_label(group)}: {', '.join(each[:_MOST_NAMES])}"


def _error_bars(ax: Axes) -> list[ErrorbarContainer]:
    return [group for group in ax.containers if isinstance(group, ErrorbarContainer)]


def _row_names(ax: Axes, line: Line2D) -> list[str]:
    """Give the names of the rows that a line's points stand in; none where it is a curve."""
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    return names if ax.yaxis_inverted() and len(names) == np.size(line.get_xdata()) else []


def _points(ax: Axes) -> Iterator[str]:
    clouds = [cloud for cloud in ax.collections if isinstance(cloud, PathCollection)]
    named = [cloud for cloud in clouds if _label(cloud)]
    for cloud in named[:_MOST_NAMES]:
        yield f"{_label(cloud)}: {_count(cloud):,} points"
    rest = sum(_count(cloud) for cloud in clouds if cloud not in named[:_MOST_NAMES])
    if rest:
        yield f"{rest:,} {'more ' if named else ''}points"


def _tables(ax: Axes) -> Iterator[str]:
    """Say where each row of a table of numbers has its largest."""
    for mesh in (drawn for drawn in ax.collections if isinstance(drawn, QuadMesh)):
        values = np.ma.filled(np.ma.asarray(mesh.get_array()).astype(float), np.nan)
        if values.ndim != 2 or not np.isfinite(values).any(axis=1).all():
            continue
        rows, columns = (
            [tick.get_text() for tick in axis.get_majorticklabels()] for axis in (ax.yaxis, ax.xaxis)
        )
        largest = np.nanargmax(values, axis=1)
        if (len(rows), len(columns)) != values.shape:
            yield f"a table of {values.shape[0]} rows and {values.shape[1]} columns"
            continue
        each = [
            f"{row}: {columns[at]} ({values[i, at]:.4g})"
            for i, (row, at) in enumerate(zip(rows, largest, strict=True))
        ]
        shown = ", ".join(each[:_MOST_NAMES]) + (", …" if len(each) > _MOST_NAMES else "")
        yield f"a table, the largest number of each row: {shown}"


def _count(cloud: PathCollection) -> int:
    return int(np.shape(cloud.get_offsets())[0])
