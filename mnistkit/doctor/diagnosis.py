"""What a check finds: that something is fine, or what to type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["fine", "note", "fault"]
"""fault: the lessons do not run so. note: they do, and something else can't be done, or is done otherwise."""


@dataclass(frozen=True)
class Diagnosis:
    """One line of the doctor's.

    Attributes
    ----------
    severity : {"fine", "note", "fault"}
        How it is.
    found : str
        What was found.
    todo : str
        What to type or to do; empty where all is fine.
    check : str
        The name of the check that found it.
    """

    severity: Severity
    found: str
    todo: str = ""
    check: str = ""


def fine(found: str) -> Diagnosis:
    """Say that something is as it should be."""
    return Diagnosis("fine", found)


def note(found: str, todo: str) -> Diagnosis:
    """Say what works otherwise, or not, without harm to the lessons."""
    return Diagnosis("note", found, todo)


def fault(found: str, todo: str) -> Diagnosis:
    """Say what keeps lessons from running."""
    return Diagnosis("fault", found, todo)
