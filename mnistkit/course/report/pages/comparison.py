"""Runs side by side: what differs in parameters, data and versions, in what they found and what they show.

The page is made with the report's own templates and is as closed as it is: pictures are read and written
again, everything else from the runs is text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mnistkit.course import unfit_folder
from mnistkit.course.report.html.images import alt_text, read_picture, shrink
from mnistkit.course.report.html.layout import Link, Page, difference, duration, frame, render, size
from mnistkit.course.running.results import Entry, Results, figures_of, read_executed, read_results
from mnistkit.errors import UserError
from mnistkit.files import remove_scratch, write_atomically
from mnistkit.records import figure

FIGURE_PIXELS = 900
NOTHING = "–"
_PAGE = "index.html"
_MARK = re.compile(r'<meta name="generator" content="mnistkit [^"]*, comparison">')


@dataclass(frozen=True)
class Run:
    """One of the runs.

    Attributes
    ----------
    label : str
        What it is called: the name of its folder, with more of the path where two would have the same.
    folder : pathlib.Path
        Where it is.
    results : Results
        Its results.
    """

    label: str
    folder: Path
    results: Results

    @property
    def entries(self) -> dict[str, Entry]:
        """What belongs to each lesson, by name."""
        return self.results["notebooks"]


@dataclass(frozen=True)
class Row:
    """One line of a table: a value for each run.

    Attributes
    ----------
    lesson, what : str
        What the values are of.
    values : list of str
        One for each run.
    differences : list of str
        For each run after the first, the difference from the first.
    """

    lesson: str
    what: str
    values: list[str]
    differences: list[str]

    @property
    def differs(self) -> bool:
        """Whether a run's value is another than the first run's, where both have one."""
        return any(text not in ("", "equal") for text in self.differences)


@dataclass(frozen=True)
class Figures:
    """The pictures of one place in a lesson, one for each run that has the lesson.

    Attributes
    ----------
    cell : str
        Id of the cell.
    number : int
        Which picture of that cell, from 1.
    pictures : list of (str, str)
        PNG in base64 and alt text; empty where a run has no such picture.
    same : bool
        Whether all are the same to the last byte: then only the first is kept.
    """

    cell: str
    number: int
    pictures: list[tuple[str, str]]
    same: bool


def compare(folders: Sequence[Path], out: Path) -> str:
    """Write a page with runs side by side.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        At least two folders of runs; differences are from the first.
    out : pathlib.Path
        The folder to write into: a new one, or that of an earlier comparison.

    Returns
    -------
    str
        The records that differ, as a table for the terminal.

    Raises
    ------
    UserError
        If there are fewer than two runs, a folder holds none, or `out` holds something else.
    """
    runs = read_runs(folders)
    _refuse_foreign(out)
    counts = Counter(name for run in runs for name in run.entries)
    lessons = sorted(name for name, count in counts.items() if count > 1)
    rows = records(runs, lessons)
    titles = {name: next(r.entries[name]["title"] for r in runs if name in r.entries) for name in lessons}
    title = f"{len(runs)} runs side by side"
    content = render(
        "compare.html.j2",
        title=title,
        runs=runs,
        titles=titles,
        alone=sorted(set(counts) - set(lessons)),
        parameters=parameters(runs, lessons),
        facts=facts(runs, lessons),
        records=rows,
        costs=costs(runs, lessons),
        figures={name: figures(runs, name) for name in lessons},
    )
    sections = ("Parameters", "Data and versions", "Records", "Time and memory", "Figures")
    contents = [Link(name, f"#mk-{name.split()[0].lower()}") for name in sections]
    write_atomically(out / _PAGE, frame(Page("index", title, content, contents), kind="comparison"))
    return _table(runs, rows)


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read the results of runs and find a name for each.

    Parameters
    ----------
    folders : sequence of pathlib.Path
        Folders of runs.

    Returns
    -------
    list of Run
        In the same order.

    Raises
    ------
    UserError
        If they are fewer than two, one is given twice, or one holds no run.
    """
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < max(2, len(places)):
        raise UserError(
            f"a comparison of {', '.join(map(str, folders)) or 'nothing'}",
            found=f"{len(set(places))} different folder{'s' * (len(set(places)) != 1)}",
            expected="at least two runs, each once",
            todo="name the folders of the runs",
        )
    return [
        Run(label, place, read_results(place)) for label, place in zip(_labels(places), places, strict=True)
    ]


def _labels(places: Sequence[Path]) -> list[str]:
    """Name folders by the end of their path, as much of it as tells them apart."""
    depth = 1
    while len({place.parts[-depth:] for place in places}) < len(places):
        depth += 1
    return ["/".join(place.parts[-depth:]) for place in places]


def _refuse_foreign(out: Path) -> None:
    """Raise `UserError` where something would be lost that is no earlier comparison."""
    page = out / _PAGE
    if out.is_dir():
        remove_scratch(out)  # of a comparison that was killed
        there = sorted(path.name for path in out.iterdir())
        if not there or (there == [_PAGE] and _MARK.search(page.read_text("utf-8", "replace")[:2000])):
            return
    elif not out.exists():
        return
    found = "a file" if not out.is_dir() else f"{', '.join(there[:5])}, not written by a comparison"
    raise unfit_folder(out, found, "comparison")


def parameters(runs: Sequence[Run], lessons: Sequence[str]) -> list[Row]:
    """List the parameters that differ.

    Parameters
    ----------
    runs : sequence of Run
        What is compared.
    lessons : sequence of str
        Names of lessons that more than one run has.

    Returns
    -------
    list of Row
        Without what is the same in all.
    """
    return _rows(runs, lessons, lambda entry: {n: str(v) for n, v in entry["parameters"].items()})


def facts(runs: Sequence[Run], lessons: Sequence[str]) -> list[Row]:
    """List the presets, outcomes, data and versions that differ.

    Parameters
    ----------
    runs, lessons
        As for `parameters`.

    Returns
    -------
    list of Row
        Without what is the same in all.
    """
    return _rows(runs, lessons, _facts)


def _facts(entry: Entry) -> dict[str, str]:
    found = {"preset": entry["preset"], "outcome": entry["status"]}
    for data in entry["data"]:
        standin = "STAND-IN: " if data["is_standin"] else ""
        found[f"data: {data['name']}"] = f"{standin}{data['source']} ({data['sha256'][:12]})"
    found |= {
        "git commit": entry.get("git_commit", "")[:12] or NOTHING,
        "Python": entry.get("python", NOTHING),
    }
    return found | entry.get("versions", {})


def costs(runs: Sequence[Run], lessons: Sequence[str]) -> list[Row]:
    """List seconds and peak memory of each lesson.

    Parameters
    ----------
    runs, lessons
        As for `parameters`.

    Returns
    -------
    list of Row
        Two for each lesson that was completed in a run.
    """
    rows = []
    for name in lessons:
        entries = [run.entries.get(name) for run in runs]
        for key, what, write in (
            ("seconds", "time", duration),
            ("peak_memory_bytes", "peak memory", size),
        ):
            found = [
                entry.get(key) if entry and entry["status"] == "completed" else None for entry in entries
            ]
            if any(value is not None for value in found):
                rows.append(_row(name, what, found, write, _ratio))
    return rows


def records(runs: Sequence[Run], lessons: Sequence[str]) -> list[Row]:
    """List what the lessons recorded.

    Parameters
    ----------
    runs, lessons
        As for `parameters`.

    Returns
    -------
    list of Row
        In the order of recording, of the first run that has each.
    """
    rows = []
    for name in lessons:
        found = [{r["name"]: r for r in figures_of(run.entries.get(name))} for run in runs]
        for what in dict.fromkeys(key for of_run in found for key in of_run):
            values = [of_run[what]["value"] if what in of_run else None for of_run in found]
            row = _row(name, what, values, figure, _change)
            for i, of_run in enumerate(found):
                if what in of_run and of_run[what]["is_standin"]:
                    row.values[i] += " (stand-in)"
            rows.append(row)
    return rows


def _rows(
    runs: Sequence[Run], lessons: Sequence[str], read: Callable[[Entry], Mapping[str, str]]
) -> list[Row]:
    """Read texts from the entries of each lesson and keep those that differ."""
    rows = []
    for name in lessons:
        found = [read(run.entries[name]) if name in run.entries else None for run in runs]
        there = [texts for texts in found if texts is not None]
        for what in dict.fromkeys(key for texts in there for key in texts):
            # A run without this lesson does not differ in it.
            known = [texts.get(what, NOTHING) for texts in there]
            values = ["" if texts is None else texts.get(what, NOTHING) for texts in found]
            if len(set(known)) > 1:
                rows.append(Row(name, what, values, []))
    return rows


def _row(
    lesson: str,
    what: str,
    values: Sequence[Any],
    write: Callable[[Any], str],
    change: Callable[[Any, Any], str],
) -> Row:
    first, *others = values
    differences = ["" if first is None or value is None else change(first, value) for value in others]
    return Row(lesson, what, [NOTHING if value is None else write(value) for value in values], differences)


def _change(first: Any, value: Any) -> str:
    """Say how a value differs from the first run's: only numbers have a difference."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (first, value))
    if first == value and type(first) is type(value):
        return "equal"
    return difference(value - first) if numbers else "different"


def _ratio(first: float, value: float) -> str:
    return f"× {value / first:.2f}" if first else ""


def figures(runs: Sequence[Run], lesson: str) -> list[Figures]:
    """Put the pictures of one lesson side by side, by cell and in order.

    Parameters
    ----------
    runs : sequence of Run
        What is compared.
    lesson : str
        Its name.

    Returns
    -------
    list of Figures
        In the order of the first run's notebook; cells that only later runs have come last.
    """
    found = [_pictures(run, lesson) for run in runs if lesson in run.entries]
    rows = []
    for cell in dict.fromkeys(cell for of_run in found for cell in of_run):
        for number, outputs in enumerate(zip_longest(*(of_run.get(cell, []) for of_run in found)), start=1):
            same = len({output and output[0] for output in outputs}) == 1
            shown = outputs[:1] if same else outputs
            rows.append(Figures(cell, number, [_shown(output) for output in shown], same))
    return rows


def _pictures(run: Run, lesson: str) -> dict[str, list[tuple[str, str]]]:
    """Collect a notebook's pictures with their alt texts, by cell id."""
    if not (run.folder / f"{lesson}.ipynb").exists():
        return {}
    found: dict[str, list[tuple[str, str]]] = {}
    for number, cell in enumerate(read_executed(run.folder, lesson).cells):
        for output in cell.get("outputs", ()):
            for mime in (mime for mime in ("image/png", "image/jpeg") if mime in output.get("data", {})):
                picture = (output["data"][mime], alt_text(output, mime))
                found.setdefault(cell.get("id", f"cell {number}"), []).append(picture)
    return found


def _shown(output: tuple[str, str] | None) -> tuple[str, str]:
    """Make a picture smaller; nothing stays nothing."""
    picture = read_picture(output[0]) if output else None
    return ("", "") if output is None or picture is None else (shrink(picture, FIGURE_PIXELS, 128), output[1])


def _table(runs: Sequence[Run], rows: Sequence[Row]) -> str:
    """Write the records that differ for the terminal."""
    changed = [row for row in rows if row.differs]
    lines = [["", *(run.label for run in runs)]]
    for row in changed:
        changes = ["", *(f"  ({d})" if d else "" for d in row.differences)]
        values = [value + change for value, change in zip(row.values, changes, strict=True)]
        lines.append([f"{row.lesson[:2]} {row.what}", *values])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  ".join(
            [line[0].ljust(widths[0]), *(c.ljust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    ]
    common = [row for row in rows if any(row.differences)]
    count = f"{len(changed)} of the {len(common)} records of more than one run differ"
    return "\n".join(line.rstrip() for line in ([*table, count] if changed else [count]))
