"""The grades as a table for a learning platform.

nbgrader's own ``export`` writes names between commas without quoting them: "Lovelace, Ada" shifts all
columns behind it, and a name that begins with ``=`` is a formula where the file is opened. It has no
exercises either.
"""

from __future__ import annotations

import csv
import io

from mnistkit.grading.feedback.gradebook_scores import ClassScores, StudentScore
from mnistkit.grading.plain_text import plain
from mnistkit.grading.tables import no_formula

_BEFORE = ("id", "last_name", "first_name", "email", "handed_in")
_AFTER = ("hours_late", "late_penalty", "late_reason", "total", "most", "waiting_for_a_person")


def grades_csv(standings: ClassScores) -> bytes:
    """Write the grades as CSV.

    Parameters
    ----------
    standings : ClassScores
        What everybody has.

    Returns
    -------
    bytes
        UTF-8 with a byte order mark, by which spreadsheets know it. A row for each student. An exercise that
        waits for a person, was not handed in or could not be graded has an empty place, and so has the total
        of who handed in nothing or could not be graded: 0 would look like a grade.
    """
    file = io.StringIO(newline="")
    table = csv.writer(file)
    exercises = [f"{_text(standings.label(e))} (of {e.points:g})" for e in standings.exercises]
    table.writerow([*_BEFORE, *exercises, *_AFTER])
    for standing in standings.students:
        table.writerow(_row(standing, standings.most))
    return file.getvalue().encode("utf-8-sig")


def _row(standing: StudentScore, most: float) -> list[str]:
    who = (standing.student, standing.last_name, standing.first_name, standing.email)
    points = [
        f"{score.points:g}" if standing.handed_in and not score.open else "" for score in standing.scores
    ]
    late = f"{standing.seconds_late / 3600:.1f}" if standing.seconds_late else ""
    return [
        *map(_text, who),
        standing.received or ("yes" if standing.handed_in else "no"),
        *points,
        late,
        f"{standing.penalty:g}" if standing.penalty else "",
        _text(standing.late_reason),
        f"{standing.total:g}" if standing.handed_in and not standing.not_done else "",
        f"{most:g}",
        str(standing.waiting),
    ]


def _text(text: str) -> str:
    return no_formula(plain(text))
