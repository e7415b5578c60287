"""A figure of a source report, and how far a run may lie from it.

Every report's figure is one draw: one run, one seed. So is a lesson's. How far apart two draws may lie and
still count as the same is a reference's *tolerance*. The references stand beside each lesson:
see `mnistkit.records.lesson_facts`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One figure of a source report.

    Attributes
    ----------
    report : str
        Which report: ``R3``; ``Kaggle`` for what Kaggle asks for.
    what : str
        The figure in words: model, data and size.
    value : float
        The figure.
    tolerance : float
        How far one run may lie from it and still count as the same, in the figure's own unit.
    better : str
        ``higher`` or ``lower``: what is better than the report's figure has reached it too. ``equal``: only
        the same figure has.
    lesson : str
        Number of the lesson that reproduces it: what stands before the first ``_`` of its name.
    data : str
        Name of the data set that the report used; on another one the figure can't be compared. Empty where
        the lesson has only that one.
    any_data : bool
        True for what a network has before it sees any data, such as its parameters: found on a stand-in it
        counts too.
    """

    report: str
    what: str
    value: float
    tolerance: float
    better: str
    lesson: str
    data: str = ""
    any_data: bool = False
