"""What the pages of feedback were made of: so that none goes out beside points that are newer than it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading.feedback.gradebook_scores import ClassScores, StudentScore
from mnistkit.grading.ledger import Graded, read_graded
from mnistkit.grading.roster import is_id
from mnistkit.grading.submission import read_handed_in, submission_sha256

__all__ = ["check_pages", "note_pages"]


def note_pages(course: Path, standings: ClassScores, graded: Mapping[str, Graded]) -> None:
    """Note what everybody's pages are made of.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    standings : ClassScores
        What everybody has, as the pages say it.
    graded : mapping of str to Graded
        What the checks said, as the pages say it.
    """
    states = _states(course, standings, graded)
    lines = [f"{state}  {student}\n" for student, state in states.items()]
    write_atomically(_note(course, standings.assignment), "".join(lines))


def check_pages(course: Path, standings: ClassScores) -> None:
    """Check that no page of feedback is older than what it tells; where there is none at all, all is well.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    standings : ClassScores
        What everybody has now.

    Raises
    ------
    UserError
        If points, a comment, a date, a name or what was handed in has changed since then, or there is no
        page of somebody who has handed in.
    """
    name = standings.assignment
    if not any(course.glob(f"feedback/*/{name}/*.html")):
        return
    note = _note(course, name)
    lines = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
    noted = {student: state for state, _, student in (line.partition("  ") for line in lines)}
    states = _states(course, standings, read_graded(course, name))
    if old := [student for student, state in states.items() if noted.get(student) != state]:
        some = ", ".join(old[:5]) + ", …" * (len(old) > 5)
        raise UserError(
            f"{name}: the pages of feedback",
            found=f"older than points, comments, dates or work of {some}",
            expected="pages that say what is exported",
            todo=f"mnistkit assignment feedback {name}",
        )


def _note(course: Path, assignment: str) -> Path:
    return course / "grades" / assignment / "feedback-pages.txt"


def _states(course: Path, standings: ClassScores, graded: Mapping[str, Graded]) -> dict[str, str]:
    """Give a hash of what each student's pages are made of."""
    there = [one for one in standings.students if one.handed_in and is_id(one.student)]
    return {one.student: _state(course, standings, one, graded.get(one.student)) for one in there}


def _state(course: Path, standings: ClassScores, standing: StudentScore, graded: Graded | None) -> str:
    told = replace(standing, email="", scores=tuple(replace(score, again="") for score in standing.scores))
    said = (graded.sandboxed, {name: one.marks for name, one in graded.results.items()}) if graded else ()
    folder = course / "submitted" / standing.student / standings.assignment
    work = [_sha256(folder / f"{lesson}.ipynb") for lesson in standings.titles]
    return hashlib.sha256(repr((told, said, work)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        return submission_sha256(read_handed_in(path))
    except OSError:  # the page says that it can't be read
        return ""
