"""The page of a sweep: what depended on what, every run with a link to its report, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

from mnistkit.course.report.html.images import figure_png
from mnistkit.course.report.html.layout import Link, Page, frame, render
from mnistkit.course.running.results import REPORT
from mnistkit.course.sweeps.runner import RUNS, Trial
from mnistkit.course.sweeps.table import (
    PARQUET,
    SEED_PARAMETER,
    TABLE,
    draw_figures,
    tidy,
    varied,
    write_table,
)
from mnistkit.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

PAGE = "index.html"
FILES = (PAGE, TABLE, PARQUET)
"""What a sweep writes into its folder, beside the runs."""


def write_sweep(trials: Sequence[Trial], out: Path) -> Path:
    """Write the table and the page of a sweep as far as it has got.

    Parameters
    ----------
    trials : sequence of Trial
        Its runs.
    out : pathlib.Path
        The sweep's folder.

    Returns
    -------
    pathlib.Path
        The page.
    """
    table = tidy(trials, out)
    write_table(table, out)
    with matplotlib.rc_context({"text.parse_math": False}):  # a dollar sign in a value is no formula
        drawn = [
            {"lesson": lesson, "record": record, "png": figure_png(figure), "alt": alt}
            for lesson, record, figure, alt in draw_figures(table)
        ]
    runs, parameters = table.drop_duplicates(["run", "lesson"]), varied(table)
    lessons = {plan.name: plan.lesson.title for trial in trials for plan in trial.plans}
    title = f"mnistkit: a sweep of {len(trials)} run{'s' * (len(trials) != 1)}"
    content = render(
        "sweep.html.j2",
        title=title,
        lessons=lessons,
        varied={name: sorted(set(table[name].dropna())) for name in parameters},
        counts=runs["status"].value_counts().to_dict(),
        data=sorted({name for names in table["data_set"].dropna() for name in names.split(", ") if name}),
        standin=bool(table["is_standin"].fillna(False).any()),
        runs=runs.astype(object).where(runs.notna(), "").to_dict("records"),
        seconds=_one_record(table, "seconds"),
        parameters=parameters,
        failures=runs[runs["failure"] != ""].to_dict("records"),
        figures=drawn,
        spread=_spread(table),
        report=lambda run: f"{RUNS}/{run}/{REPORT.as_posix()}",
        table=TABLE,
    )
    contents = [Link(heading, f"#mk-{name}") for name, heading in lessons.items()] if drawn else []
    write_atomically(out / PAGE, frame(Page("index", title, content, contents), kind="sweep"))
    return out / PAGE


def _one_record(table: pd.DataFrame, record: str) -> dict[tuple[str, str], float]:
    rows = table[table["record"] == record]
    return dict(zip(zip(rows["run"], rows["lesson"], strict=True), rows["value"], strict=True))


def _spread(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """List mean, lowest and highest of each figure over the runs that differ in nothing but the seed."""
    import pandas as pd

    axes = [name for name in varied(table) if name != SEED_PARAMETER]
    numbers = table.dropna(subset="value")
    keys = ["lesson", "record", *axes]
    grouped = numbers.groupby(keys, sort=False, dropna=False)["value"].agg(["mean", "min", "max", "count"])
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in grouped.reset_index().to_dict("records"):
        setting = ", ".join(f"{name} = {row[name]}" for name in axes if pd.notna(row[name]))
        setting = setting or ("as in the preset" if axes else "all runs")
        figure = {name: row[name] for name in ("record", "mean", "min", "max", "count")}
        rows.setdefault(str(row["lesson"]), []).append({**figure, "setting": setting})
    return rows
