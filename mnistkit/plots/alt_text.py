"""What a figure shows, in words: the alt text that a figure has where its lesson gives no better one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter

__all__ = ["describe_figure"]

_MOST_NAMES = 10  # titles of images, bars, curves, rows that are named one by one
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
        bars, the number of points and images. Where an axis has names instead of numbers: what stands at each
        name, a point with its error bar, or several points by their mean and range. A point that has a label
        alone is told with its place; others are counted only.

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
    drawn = [(ax, text) for ax in panels if (text := _panel(ax)) or (ax.has_data() and _title(ax))]
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
    sentences = [part if part.endswith((".", "?", "!")) else f"{part}." for part in parts]
    return " ".join(" ".join(sentences).split())  # labels have line breaks


_PICTURE = "An image"


def _panel(ax: Axes) -> str:
    series = list(_series(ax))
    rows, elsewhere = _rows(ax, series)
    found = [
        *_curves(elsewhere),
        *_bars(ax),
        *rows,
        *_levels(ax),
        *_points(elsewhere),
        *_hills(ax),
        *_tables(ax),
    ]
    axes = " over ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel())))
    if not found:
        return _PICTURE if ax.get_images() else axes
    return f"{axes}: {'; '.join(found)}" if axes else "; ".join(found)


def _gallery(axes: Sequence[Axes]) -> str:
    names = [name for ax in axes if (name := _title(ax))]
    text = f"{len(axes)} images"
    if not names:
        return text
    more = ", …" if len(names) > _MOST_NAMES else ""
    return f"{text}: {', '.join(names[:_MOST_NAMES])}{more}"


def _title(ax: Axes) -> str:
    return next(filter(None, (ax.get_title(loc=place) for place in ("left", "center", "right"))), "")


@dataclass(frozen=True)
class _Series:
    """Points that belong together: x and y of each in a row, NaN where one is missing."""

    label: str
    points: np.ndarray
    is_joined: bool
    """Whether a line joins them."""
    bars: Mapping[int, Sequence[np.ndarray]] = field(default_factory=dict)
    """The ends of each point's error bar: of those along x (0), of those along y (1)."""


def _series(ax: Axes) -> Iterator[_Series]:
    groups = [group for group in ax.containers if isinstance(group, ErrorbarContainer)]
    with_bars = {group[0]: group for group in groups if group[0]}
    ends = {end for group in groups for end in group[1]}  # ends of error bars are lines too
    for line in ax.get_lines():
        group = with_bars.get(line)
        if line not in ends and (group or _is_series(line, ax)):
            yield _Series(_label(group or line), _xy(line), _is_joined(line), _error_bars(group))
    for cloud in ax.collections:
        if isinstance(cloud, PathCollection):
            points: np.ndarray = np.ma.filled(np.ma.asarray(cloud.get_offsets(), float), np.nan)
            yield _Series(_label(cloud), points.reshape(-1, 2), is_joined=False)


def _xy(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_xydata(), dtype=float)


def _is_joined(line: Line2D) -> bool:
    return line.get_linestyle() not in ("None", "none", "", " ")


def _is_series(line: Line2D, ax: Axes) -> bool:
    """Tell a series from a line that marks a place, from a box, and from marks that have no name."""
    points = _xy(line)
    if line.get_transform() != ax.transData or len(points) == 0:
        return False
    is_open = len(points) > 2 and not np.array_equal(points[0], points[-1])
    return bool(_label(line)) or (_is_joined(line) and is_open)


def _error_bars(group: ErrorbarContainer | None) -> dict[int, list[np.ndarray]]:
    if group is None:
        return {}
    along = [axis for axis, is_there in enumerate((group.has_xerr, group.has_yerr)) if is_there]
    return {
        axis: [np.asarray(path.vertices)[:, axis] for path in drawn.get_paths()]
        for axis, drawn in zip(along, group[2], strict=True)
    }


def _there(points: np.ndarray) -> np.ndarray:
    return np.isfinite(points).all(axis=1)


def _rows(ax: Axes, series: Sequence[_Series]) -> tuple[list[str], list[_Series]]:
    """Say what stands at each name of an axis; give also the series that stand elsewhere."""
    for axis, along in ((ax.yaxis, 1), (ax.xaxis, 0)):
        places, names = _names(axis)
        rows: list[list[str]] = [[] for _ in names]
        elsewhere = []
        for one in series:
            stands_at = _stands_at(one, along, places, names)
            if stands_at is None:
                elsewhere.append(one)
                continue
            for row in np.unique(stands_at[_there(one.points)]):
                rows[row].append(_values(one, stands_at == row, 1 - along))
        told = [f"{name}: {', '.join(row)}" for name, row in zip(names, rows, strict=True) if row]
        if told:
            return told[:_MOST_NAMES] + ["…"] * (len(told) > _MOST_NAMES), elsewhere
    return [], list(series)


def _names(axis: Axis) -> tuple[np.ndarray, list[str]]:
    """Give the places on an axis that have names, and these."""
    formatter = axis.get_major_formatter()
    is_set = isinstance(axis.get_major_locator(), FixedLocator) and isinstance(formatter, FuncFormatter)
    if not (is_set or isinstance(formatter, StrCategoryFormatter)):
        return np.empty(0), []
    places = np.asarray(axis.get_majorticklocs(), dtype=float)
    names = np.array(formatter.format_ticks(places.tolist()))
    return places[names != ""], names[names != ""].tolist()


def _stands_at(one: _Series, along: int, places: np.ndarray, names: Sequence[str]) -> np.ndarray | None:
    """Give the number of the name at which each point stands; None where one stands at none."""
    there = _there(one.points)
    if not names or not there.any():
        return None
    away = np.abs(one.points[:, along, None] - places)
    nearest = np.where(np.isnan(away), np.inf, away).argmin(axis=1)
    gap = np.diff(np.sort(places)).min() if len(places) > 1 else 1.0
    # Series that share a row are drawn side by side. A line goes through the places themselves; where their
    # names are numbers, it is a curve over these.
    most = 1e-6 if one.is_joined else 0.45
    if (away.min(axis=1)[there] > most * gap).any():
        return None
    is_curve = one.is_joined and all(
        _is_number(name, place) for name, place in zip(names, places, strict=True)
    )
    return None if is_curve else nearest


def _is_number(name: str, place: float) -> bool:
    try:
        return bool(np.isclose(float(name), place))
    except ValueError:
        return False


def _values(one: _Series, here: np.ndarray, across: int) -> str:
    here = here & _there(one.points)
    values = one.points[here, across]
    text = f"{values.mean():.4g}"
    low, high = values.min(), values.max()
    if len(values) > 1:
        text += f" on average ({low:.4g} to {high:.4g})"
    elif across in one.bars:
        low, high = one.bars[across][int(here.argmax())]
        text += f" ({low:.4g} to {high:.4g})"
    return f"{one.label} at {text}" if one.label else text


def _curves(series: Sequence[_Series]) -> Iterator[str]:
    lines = [one for one in series if one.is_joined and _there(one.points).sum() > 1]
    for one in lines[:_MOST_NAMES]:
        yield f"{one.label or 'a curve'} {_course(*one.points[_there(one.points)].T)}"
    if len(lines) > _MOST_NAMES:
        yield f"and {len(lines) - _MOST_NAMES} more curves"


def _levels(ax: Axes) -> Iterator[str]:
    """Name the lines from side to side that have a label."""
    for line in ax.get_lines():
        if _label(line) and line.get_transform() != ax.transData:
            for values in _xy(line).T[::-1]:
                if np.ptp(values) == 0:
                    yield f"{_label(line)} (a line at {values[0]:.4g})"


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
        if len(names) != len(values) or not all(names):
            names = [""] * len(values)
        each = [
            f"{name} {value:.4g}".strip()
            for name, value in zip(names, values, strict=True)
            if np.isfinite(value)
        ]
        yield f"{_label(group) or 'bars'}: {_few(each)}"


def _points(series: Sequence[_Series]) -> Iterator[str]:
    clouds = [(one.label, one.points[_there(one.points)]) for one in series if not one.is_joined]
    named = [(label, points) for label, points in clouds if label and len(points)][:_MOST_NAMES]
    for label, points in named:
        if len(points) == 1:
            ((x, y),) = points
            yield f"{label} {y:.4g} at {f'{x:,.0f}' if abs(x) >= 10_000 else f'{x:.4g}'}"
        else:
            yield f"{label}: {_counted(len(points))}"
    rest = sum(len(points) for _, points in clouds) - sum(len(points) for _, points in named)
    if rest:
        yield _counted(rest, "more " if named else "")


def _counted(count: int, more: str = "") -> str:
    return f"{count:,} {more}point{'' if count == 1 else 's'}"


def _hills(ax: Axes) -> Iterator[str]:
    """Say of histograms without bars, and of other filled shapes, from where to where they reach."""
    for shape in ax.patches:
        if isinstance(shape, Polygon) and _label(shape) and shape.get_data_transform() == ax.transData:
            x, y = np.asarray(shape.get_xy(), dtype=float).T
            if (y > 0).any():
                over = x[y > 0]
                top = x[y.argmax()]
                yield f"{_label(shape)} from {over.min():.4g} to {over.max():.4g}, highest at {top:.4g}"


def _tables(ax: Axes) -> Iterator[str]:
    """Say where each row of a table of numbers has its largest, and which cells are framed."""
    for mesh in (drawn for drawn in ax.collections if isinstance(drawn, QuadMesh)):
        values = np.ma.filled(np.ma.asarray(mesh.get_array()).astype(float), np.nan)
        if values.ndim != 2 or not np.isfinite(values).any(axis=1).all():
            continue
        rows, columns = (
            [tick.get_text() for tick in axis.get_majorticklabels()] for axis in (ax.yaxis, ax.xaxis)
        )
        if (len(rows), len(columns)) != values.shape:
            yield f"a table of {values.shape[0]} rows and {values.shape[1]} columns"
            continue
        each = [f"{row}: {_largest(own, columns)}" for row, own in zip(rows, values, strict=True)]
        yield f"a table, the largest number of each row: {_few(each)}"
        framed = {
            (round(patch.get_y()), round(patch.get_x()))  # of a cell, whose sides are 1
            for patch in ax.patches
            if isinstance(patch, Rectangle) and not patch.get_fill()
        }
        if framed:
            cells = [f"{rows[row]}: {columns[at]} ({values[row, at]:.4g})" for row, at in sorted(framed)]
            yield f"framed: {_few(cells)}"


def _largest(values: np.ndarray, columns: Sequence[str]) -> str:
    high = np.nanmax(values)
    if len(values) > 1 and (values == high).all():
        return f"all {high:.4g}"
    highest = [name for name, value in zip(columns, values, strict=True) if value == high]
    return f"{' and '.join(highest)} ({high:.4g})"


def _few(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_MOST_NAMES]) + (", …" if len(texts) > _MOST_NAMES else "")
