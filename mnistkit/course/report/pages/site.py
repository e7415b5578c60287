"""Which pages a report has, what stands on each, and which of them have to be written again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from mnistkit.course.report.html.glossary import glossary
from mnistkit.course.report.html.images import thumbnail
from mnistkit.course.report.html.layout import Link, Page, frame, render, templates_hash
from mnistkit.course.report.pages.lesson import lesson_content
from mnistkit.course.report.pages.reproduction import Reproduced, reproduce
from mnistkit.course.running.results import REPORT, Entry, read_executed, read_results
from mnistkit.files import write_atomically
from mnistkit.lesson import read_findings

MENU = (
    Link("All lessons", "index.html"),
    Link("Reproduction", "reproduction.html"),
    Link("Provenance", "provenance.html"),
)

_KEPT_CARDS = 256  # of some kilobytes each


def write_report(out: Path, pages: Collection[str] | None = None, *, with_solutions: bool = False) -> Path:
    """Write the report of a run as far as it has got.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    pages : collection of str, optional
        The lessons whose pages to write; all by default. Others are written too where they don't show what
        the results say; the index and the other pages about the whole run always are.
    with_solutions : bool
        Whether to show the solutions of exercises, and the hidden checks: not to students.

    Returns
    -------
    pathlib.Path
        The index page.

    Raises
    ------
    UserError
        If `out` holds no run.
    """
    site = Site(out, with_solutions=with_solutions)
    index = out / REPORT
    for name in site.entries:
        path, state = index.parent / f"{name}.html", site.state(name)
        if pages is None or name in pages or not _shows(path, state):
            write_atomically(path, frame(site.lesson(name), MENU, state=state))
    for page in site.overviews():
        write_atomically(index.parent / page.file, frame(page, MENU))
    return index


def _shows(path: Path, state: str) -> bool:
    """Whether a page that was written before has this mark in its first lines."""
    try:
        with path.open(encoding="utf-8") as file:
            return f'content="{state}"' in file.read(1000)
    except (OSError, UnicodeDecodeError):
        return False


class Site:
    """The pages of one run's report.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    with_solutions : bool
        Whether lessons are shown with solutions and hidden checks.

    Attributes
    ----------
    results : Results
        The run's results.
    entries : dict of str to Entry
        What of them belongs to each lesson, by name, in the order of the course.

    Raises
    ------
    UserError
        If `out` holds no run.
    """

    def __init__(self, out: Path, *, with_solutions: bool = False) -> None:
        self._out, self._with_solutions = out, with_solutions
        self.results = read_results(out)
        self.entries = self.results["notebooks"]

    def state(self, name: str) -> str:
        """Give a mark of all that a lesson's page is made from."""
        entry = {key: value for key, value in self.entries[name].items() if key != "kept"}
        titles = [e["title"] for e in self.entries.values()]
        parts = [templates_hash(), glossary(), self._has_ended(name), entry, titles, self._with_solutions]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def lesson(self, name: str) -> Page:
        """Make the page of a lesson; a short one while it has not ended."""
        entry = self.entries[name]
        names = list(self.entries)
        position = names.index(name)
        before = self._link(names[position - 1]) if position else None
        after = self._link(names[position + 1]) if position + 1 < len(names) else None
        if not self._has_ended(name):
            return Page(name, entry["title"], render("waiting.html.j2", entry=entry), (), before, after)
        notebook = read_executed(self._out, name)
        self._card(name)  # now, while the notebook is parsed: the first page will ask for it
        content, contents = lesson_content(notebook, entry, names, with_solutions=self._with_solutions)
        return Page(name, entry["title"], content, contents, before, after)

    def overviews(self) -> list[Page]:
        """Make the pages about the whole run, the index first."""
        return [self._index(), self._reproduction(), self._provenance()]

    def _index(self) -> Page:
        title = "mnistkit: report of a run"
        lessons = []
        for name, entry in self.entries.items():
            card = self._card(name) if self._has_ended(name) else _Card()
            after = [self.entries[n]["title"] for n in entry.get("after", {}) if n in self.entries]
            lessons.append({"name": name, "entry": entry, "after": after, **vars(card)})
        standins = {d["name"] for entry in self.entries.values() for d in entry["data"] if d["is_standin"]}
        values = {
            "lessons": lessons,
            "standins": sorted(standins),
            "summary": reproduction_summary(self._figures),
        }
        return Page("index", title, render("index.html.j2", title=title, results=self.results, **values))

    def _reproduction(self) -> Page:
        title = "Are the source reports' figures reached?"
        reports = sorted({row.report for row in self._figures}, key=lambda report: (len(report), report))
        values = {"rows": self._figures, "reports": reports, "entries": self.entries}
        values["report_name"] = report_name
        content = render(
            "reproduction.html.j2", title=title, summary=reproduction_summary(self._figures), **values
        )
        contents = [Link(report_name(report), f"#mk-{report}") for report in reports]
        return Page("reproduction", title, content, contents)

    def _provenance(self) -> Page:
        title = "What this run was made with"
        values = {"results": self.results, "entries": self.entries, "facts": self._facts()}
        return Page("provenance", title, render("provenance.html.j2", title=title, **values))

    def _facts(self) -> dict[str, list[tuple[str, list[str]]]]:
        """List the versions and commits with the lessons that they were used for."""
        ended = {name: entry for name, entry in self.entries.items() if "versions" in entry}
        packages = sorted({package for entry in ended.values() for package in entry["versions"]})
        facts = {
            "git commit": by_value(ended, lambda entry: entry.get("git_commit") or "not recorded"),
            "Python": by_value(ended, lambda entry: entry["python"]),
        }
        for package in packages:
            facts[package] = by_value(ended, lambda entry, name=package: entry["versions"].get(name))
        return facts

    @cached_property
    def _figures(self) -> list[Reproduced]:
        return list(reproduce(self.results))

    def _link(self, name: str) -> Link:
        return Link(self.entries[name]["title"], f"{name}.html")

    def _has_ended(self, name: str) -> bool:
        ended = self.entries[name]["status"] not in ("waiting", "interrupted")
        return ended and (self._out / f"{name}.ipynb").exists()

    def _card(self, name: str) -> _Card:
        about = (self._out / f"{name}.ipynb").stat()
        return _read_card(self._out.resolve(), name, (about.st_mtime_ns, about.st_size))


@dataclass(frozen=True)
class _Card:
    """What the first page shows of a lesson's notebook: its figure, that one's alt text, its answer."""

    thumbnail: str = ""
    alt: str = ""
    answer: str = ""


@lru_cache(maxsize=_KEPT_CARDS)
def _read_card(out: Path, name: str, written: tuple[int, int]) -> _Card:
    """Read a card once for each state of its file: the first page is written after each lesson."""
    notebook = read_executed(out, name)
    return _Card(*thumbnail(notebook), _answer(notebook))


def _answer(notebook: Any) -> str:
    """Give the first of a lesson's last sentences: the answer to its title's question."""
    return next((found.text for found in read_findings(notebook) if found.is_conclusion), "")


def report_name(report: str) -> str:
    """Name a source in a heading: reports have numbers like R3, Kaggle is no report.

    Parameters
    ----------
    report : str
        As a reference has it.

    Returns
    -------
    str
        ``Report R3``, ``Kaggle``.
    """
    return f"Report {report}" if report.startswith("R") else report


def by_value(entries: Mapping[str, Entry], read: Callable[..., str | None]) -> list[tuple[str, list[str]]]:
    """Group lessons by a fact about them, so that what is equal is said once.

    Parameters
    ----------
    entries : mapping
        By lesson.
    read : callable
        Called with an entry; None where the fact is not known.

    Returns
    -------
    list of (str, list of str)
        Each value with the lessons that it holds for, in the order of the course.
    """
    groups: dict[str, list[str]] = {}
    for name, entry in entries.items():
        value = read(entry)
        if value is not None:
            groups.setdefault(value, []).append(name)
    return list(groups.items())


def reproduction_summary(rows: Sequence[Reproduced]) -> str:
    """Say how much of the source reports was reached: counts and results apart, as a count is no achievement.

    Parameters
    ----------
    rows : sequence of Reproduced
        All figures.

    Returns
    -------
    str
        Empty without figures.
    """
    if not rows:
        return ""
    compared = [row for row in rows if row.verdict in ("reached", "missed")]
    counts = [row.verdict == "reached" for row in compared if row.is_count]
    results = [row.verdict == "reached" for row in compared if not row.is_count]
    all_results = sum(not row.is_count for row in rows)
    said = (
        f"Results of the source reports: {len(results)} of {all_results} comparable, {sum(results)} reached."
    )
    if counts:
        said += f" Parameters, sizes and counts: {sum(counts)} of {len(counts)} equal."
    return said
