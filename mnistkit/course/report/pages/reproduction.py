"""Which figures of the source reports a run has reproduced, and why the others can't be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnistkit.records.lesson_facts import course_references
from mnistkit.records.references import Reference

_SLACK = 1e-9
"""A difference of exactly the tolerance still counts; binary fractions move it by far less than this."""


@dataclass(frozen=True)
class Reproduced:
    """One figure of a source report beside a run's.

    Attributes
    ----------
    record : str
        Name of the record.
    lesson : str
        Name of the notebook; empty where the run has none for it.
    report, what : str
        Which report, and the figure in words.
    reference, tolerance : float
        The report's figure, and how far a run may lie from it.
    value : float or None
        This run's figure; None where there is none.
    difference : float or None
        Value minus reference; None where the two can't be compared.
    verdict : str
        ``reached`` (within the tolerance, or better), ``missed``, ``not comparable`` or ``not run``.
    reason : str
        Why it is one of the last two; empty for the first two.
    """

    record: str
    lesson: str
    report: str
    what: str
    reference: float
    tolerance: float
    value: float | None
    difference: float | None
    verdict: str
    reason: str

    @property
    def is_count(self) -> bool:
        """Whether it is a parameter, a size or a count, where nothing is left to chance."""
        return self.tolerance == 0


def reproduce(results: Mapping[str, Any]) -> list[Reproduced]:
    """Compare a run with the source reports.

    Parameters
    ----------
    results : mapping
        Content of a run's ``results.json``.

    Returns
    -------
    list of Reproduced
        One for every reference beside a lesson of the course, in its order.
    """
    notebooks = results.get("notebooks", {})
    return [_row(name, reference, notebooks) for name, reference in course_references().items()]


def _row(name: str, reference: Reference, notebooks: Mapping[str, Any]) -> Reproduced:
    lesson = next((n for n in sorted(notebooks) if n.startswith(f"{reference.lesson}_")), "")
    entry = notebooks.get(lesson, {})
    record = next((r for r in entry.get("records", ()) if r["name"] == name), None)
    reason = _not_run(reference, entry, record)
    value, difference, verdict = None, None, "not run"
    if record is not None and not reason:
        value = _number(record["value"])
        reason = _not_comparable(reference, record, value)
        verdict = "not comparable"
    if value is not None and not reason:
        difference = value - reference.value
        verdict = "reached" if _reached(difference, reference) else "missed"
    about = reference.report, reference.what, reference.value, reference.tolerance
    return Reproduced(name, lesson, *about, value, difference, verdict, reason)


def _not_run(reference: Reference, entry: Mapping[str, Any], record: Mapping[str, Any] | None) -> str:
    """Say why there is no figure; empty where there is one."""
    if not entry:
        return f"lesson {reference.lesson} is not in this run"
    if entry["status"] != "completed":
        return f"lesson {reference.lesson} is {entry['status']}"
    if record is not None:
        return ""
    without = "" if entry.get("parameters", {}).get("further") else ", without the part “Going further”"
    return f"not recorded with the preset {entry.get('preset', '')}{without}"


def _not_comparable(reference: Reference, record: Mapping[str, Any], value: float | None) -> str:
    """Say why a figure is not the report's; empty where it is."""
    if record.get("is_standin") and not reference.any_data:
        return "stand-in data"
    if record.get("differs"):
        return str(record["differs"])
    if record.get("reference") is None:  # it ran before the figure was added, or by an earlier version
        return "recorded without the report's figure"
    return "not a number" if value is None else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _reached(difference: float, reference: Reference) -> bool:
    """Whether a figure lies within the tolerance, or is better: `difference` is ours minus the report's."""
    short_by = {"higher": -difference, "lower": difference, "equal": abs(difference)}[reference.better]
    return short_by <= reference.tolerance + _SLACK
