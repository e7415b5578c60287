"""What came of a sweep: one tidy table of all its figures, and figures of how they depend on the settings."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import Value
from mnistkit.course.running.results import Entry, figures_of, read_earlier
from mnistkit.course.student_edition import Secrets
from mnistkit.course.sweeps.runner import RUNS, Trial
from mnistkit.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TABLE, PARQUET = "sweep.csv", "sweep.parquet"
SEED_PARAMETER = "seed"
"""The parameter whose values are repetitions of the same experiment."""
_MOST_TICKS = 12
_LONGEST_LABEL = 24
_OWN = (
    *("run", "lesson", "status", "record", "value", "text"),
    *("reference", "report", "data_set", "is_standin", "failure"),
)


def tidy(trials: Sequence[Trial], out: Path) -> pd.DataFrame:
    """Collect the figures of all runs of a sweep.

    Parameters
    ----------
    trials : sequence of Trial
        Its runs.
    out : pathlib.Path
        The sweep's folder.

    Returns
    -------
    pandas.DataFrame
        One row a figure: run, lesson, a column a parameter that was varied (``set_`` before it where it has
        the name of another column), status, record, value (float, missing for a text), text, reference,
        report, data_set (its name), is_standin, failure (without solutions and hidden checks). Each lesson
        that was completed has the rows ``seconds`` and ``peak_memory_mb`` too; each other one has a single
        row without a figure.
    """
    import pandas as pd

    names = list(dict.fromkeys(name for trial in trials for name in trial.setting))
    columns = {name: f"set_{name}" if name in _OWN else name for name in names}
    rows = [row for trial in trials for row in _rows(trial, out, columns)]
    frame = pd.DataFrame(rows, columns=[*_OWN[:2], *columns.values(), *_OWN[2:]])
    given = {name: [trial.setting[name] for trial in trials if name in trial.setting] for name in names}
    # Where not every run has a parameter, its whole numbers would become 7.0.
    whole = {
        columns[name]: "Int64"
        for name, values in given.items()
        if len(values) < len(trials) and all(type(value) is int for value in values)
    }
    return frame.astype({"value": "float64", "reference": "float64", "is_standin": "boolean"} | whole)


def _rows(trial: Trial, out: Path, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    setting = {columns[name]: value for name, value in trial.setting.items()}
    entries = read_earlier(out / RUNS / trial.name)
    for plan in trial.plans:
        entry = entries.get(plan.name)
        row = {"run": trial.name, "lesson": plan.name, **setting, **_outcome(entry, plan.lesson)}
        for record in figures_of(entry):
            facts = {name: record.get(name) for name in ("reference", "report", "is_standin")}
            facts["data_set"] = record.get("dataset")
            yield {**row, "record": record["name"], **_split(record["value"]), **facts}
        if entry is None or entry["status"] != "completed":  # what a failure took until then is no figure
            yield row
            continue
        used = {
            "data_set": ", ".join(data["name"] for data in entry["data"]),
            "is_standin": any(data["is_standin"] for data in entry["data"]),
        }
        costs = {"seconds": entry["seconds"], "peak_memory_mb": entry["peak_memory_bytes"] / 1e6}
        for name, value in costs.items():
            yield {**row, "record": name, "value": float(value), **used}


def _outcome(entry: Entry | None, lesson: Lesson) -> dict[str, str]:
    """Say how a run ended, to others too: without what is left out of a lesson's page."""
    if entry is None:
        return {"status": "waiting", "failure": ""}
    failure = entry.get("failure")
    said = Secrets(lesson.content).left_out(failure["message"]) if failure else ""
    return {"status": entry["status"], "failure": said}


def _split(value: Value) -> dict[str, Any]:
    """Give a figure as number or as text: a column of a table has one type."""
    return {"text": value} if isinstance(value, str) else {"value": float(value)}


def varied(frame: pd.DataFrame) -> list[str]:
    """List the columns of a table that are parameters with more than one value.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `tidy` gave.

    Returns
    -------
    list of str
        In the order of the columns.
    """
    return [name for name in frame.columns if name not in _OWN and len(frame[name].drop_duplicates()) > 1]


def write_table(frame: pd.DataFrame, out: Path) -> None:
    """Write a sweep's table as CSV and as Parquet, each whole or not at all.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `tidy` gave.
    out : pathlib.Path
        The sweep's folder.
    """
    write_atomically(out / TABLE, frame.to_csv(index=False, lineterminator="\n"))
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    write_atomically(out / PARQUET, content.getvalue())


def draw_figures(frame: pd.DataFrame) -> Iterator[tuple[str, str, Figure, str]]:
    """Draw every figure that the runs recorded against every parameter that was varied.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `tidy` gave.

    Yields
    ------
    lesson, record : str
        What is drawn.
    figure : matplotlib.figure.Figure
        One panel a parameter; the seed only where nothing else was varied.
    alt : str
        What can be seen, in words.
    """
    names, numbers = varied(frame), frame.dropna(subset="value")
    for (lesson, record), rows in numbers.groupby(["lesson", "record"], sort=False):
        told = [name for name in names if rows[name].notna().any()]  # others vary in runs without figures
        if axes := [name for name in told if name != SEED_PARAMETER] or told:
            name = str(record)
            yield str(lesson), name, _draw(rows, name, axes), _describe(rows, name, axes)


def _draw(rows: pd.DataFrame, record: str, axes: Sequence[str]) -> Figure:
    import seaborn as sns
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(axes) + 0.6, 3.4), layout="constrained")
    panels = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
    color = sns.color_palette("colorblind")[0]
    for panel, name in zip(panels, axes, strict=True):
        data = rows.dropna(subset=name)
        if data[name].dtype.kind not in "iuf":
            data = data.assign(**{name: data[name].astype(str).str.slice(0, _LONGEST_LABEL)})
        # The mean, with lowest and highest: few runs have no standard deviation worth the name.
        look = {"data": data, "x": name, "y": "value", "ax": panel}
        sns.lineplot(**look, color=color, errorbar=("pi", 100), marker="D", zorder=3)
        sns.scatterplot(**look, color="black", alpha=0.45, s=18, zorder=2)
        panel.set(xlabel=name, ylabel=record)
        panel.set_title(_ends(rows, name), loc="left", fontsize=10)
        if len(values := data[name].unique()) <= _MOST_TICKS:
            panel.set_xticks(values)
    figure.suptitle(record, fontsize=11, x=0.01, ha="left")
    return figure


def _ends(rows: pd.DataFrame, name: str) -> str:
    """Say in words what a panel shows: the mean at both ends of a parameter."""
    means = rows.groupby(name, sort=True)["value"].mean()
    first, last = (f"{_short(means.iloc[i])} at {_short(means.index[i])}" for i in (0, -1))
    return f"mean {first}, {last}"


def _short(value: Any) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)[:_LONGEST_LABEL]
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _describe(rows: pd.DataFrame, record: str, axes: Sequence[str]) -> str:
    return f"{record}: {'; '.join(f'against {name}: {_ends(rows, name)}' for name in axes)}"
