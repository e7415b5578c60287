"""The figures of the source reports beside those of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reproduced:
    """One figure of a source report, and what became of it in a run.

    Attributes
    ----------
    record : str
        Name of the record.
    lesson : str
        Name of the notebook; empty if there is none in this course.
    report : str
        Which report: ``R3``.
    what : str
        What the figure is, as a sentence.
    reference, tolerance : float
        The report's figure, and how far from it counts as reached.
    value, difference : float or None
        This run's figure and its difference from the report's.
    verdict : str
        ``reached``, ``missed``, ``not comparable`` or ``not run``.
    reason : str
        Why not comparable or not run; empty otherwise.
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


def reproduce(results: Mapping[str, Any]) -> list[Reproduced]:
    """Compare a run's records with the source reports.

    Parameters
    ----------
    results : mapping
        What `mnistkit.course.results.read_results` gave.

    Returns
    -------
    list of Reproduced
        One for each figure of the reports.
    """
    return []
