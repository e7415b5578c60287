"""The teacher's page: how the class did, what was hard, who needs a look and why, and what everybody has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from mnistkit.course.report.html.images import figure_png
from mnistkit.course.report.html.layout import Link, Page, frame, render
from mnistkit.files import write_atomically
from mnistkit.grading.exercises import Exercise
from mnistkit.grading.feedback.gradebook_scores import ClassScores, StudentScore
from mnistkit.grading.feedback.grades_csv import grades_csv
from mnistkit.grading.feedback.similarity import ALIKE, WrittenAnswers
from mnistkit.grading.ledger import Graded, Mark, read_graded
from mnistkit.grading.plain_text import plain
from mnistkit.grading.remarks import split_shared

if TYPE_CHECKING:
    from mnistkit.grading.collect.command import Collected

OVERVIEW_PAGE, SHEET = "index.html", "grades.csv"
_REASONS = 3  # of an exercise
_REMARKS = 20  # of a student
_BARS = 30


@dataclass(frozen=True)
class Difficulty:
    """How a class did at an exercise.

    Attributes
    ----------
    label : str
        The exercise's name.
    share : float or None
        Mean points by what there is to earn, of those who handed in and don't wait; None if there is nobody.
    full : int
        How many have all points.
    graded, waiting : int
        How many have their points, and how many have none yet: from a person, or from the checks.
    reasons : tuple of (str, int)
        Why points were lost most often, and how often.
    """

    label: str
    share: float | None
    full: int
    graded: int
    waiting: int
    reasons: tuple[tuple[str, int], ...]


def write_overview(
    course: Path,
    standings: ClassScores,
    collected: Collected,
    answers: WrittenAnswers,
    not_graded: Mapping[str, Sequence[str]] = {},
) -> Path:
    """Write the teacher's page and the table of grades.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    standings : ClassScores
        What everybody has.
    collected : Collected
        What was handed in.
    answers : WrittenAnswers
        What was read of the submissions already; the others are read here.
    not_graded : mapping of str to sequence of str, optional
        Why submissions could not be graded, by student.

    Returns
    -------
    pathlib.Path
        The page, ``grades/ASSIGNMENT/index.html``; the table is beside it, ``grades.csv``.
    """
    assignment, graded = standings.assignment, read_graded(course, standings.assignment)
    folder = course / "grades" / assignment
    write_atomically(folder / SHEET, grades_csv(standings))
    there = [standing for standing in standings.students if standing.handed_in]
    links = {s.student: _feedback_link(course, standings, s.student) for s in there}
    pairs = answers.similar_pairs(standing.student for standing in there)  # which reads what was not read
    own_remarks, shared_remarks = split_shared(remarks(standings, graded, collected, not_graded))
    content = render(
        "overview.html.j2",
        standings=standings,
        counts=_counts(standings),
        unsandboxed=sum(not one.sandboxed for one in graded.values()),
        figure=draw_points(standings),
        difficulties=difficulties(standings, graded),
        remarks=own_remarks,
        shared=shared_remarks,
        missing=[standing for standing in standings.students if not standing.handed_in],
        unclear=[plain(text) for text in collected.unclear],
        pairs=pairs,
        declared=_declared(answers, there),
        alike=ALIKE,
        names={standing.student: plain(standing.name, 80) for standing in standings.students},
        links={student: link for student, link in links.items() if link},
        sheet=SHEET,
    )
    sections = {
        "look": "Who needs a look",
        "points": "Points",
        "exercises": "Exercises",
        "similar": "Similar submissions",
        "declared": "Declared use of AI",
        "everybody": "Everybody",
    }
    contents = [Link(heading, f"#mk-{name}") for name, heading in sections.items() if f"mk-{name}" in content]
    page = Page("index", f"Grades: {assignment}", content, contents)
    write_atomically(folder / OVERVIEW_PAGE, frame(page, kind="grades"))
    return folder / OVERVIEW_PAGE


def _declared(answers: WrittenAnswers, students: Sequence[StudentScore]) -> list[tuple[str, list[str]]]:
    """Collect who declared what on the use of AI, the empty ones last; nothing where nobody is asked."""
    found: dict[str, list[str]] = {}
    for standing in students:
        for declaration in dict.fromkeys(answers.declarations(standing.student).values()):
            found.setdefault(declaration.said, []).append(standing.student)
    return sorted(found.items(), key=lambda item: (not item[0], item[0]))


def feedback_path(course: Path, assignment: str, student: str, lesson: str) -> Path:
    """Say where a student's feedback on a notebook is: nbgrader's own place and name for it."""
    return course / "feedback" / student / assignment / f"{lesson}.html"


def _feedback_link(course: Path, standings: ClassScores, student: str) -> str:
    """Give the way from the teacher's page to a student's feedback; empty while there is none."""
    for lesson in standings.titles:
        path = feedback_path(course, standings.assignment, student, lesson)
        if path.is_file():
            return "../../" + quote(path.relative_to(course).as_posix())
    return ""


def _counts(standings: ClassScores) -> dict[str, int]:
    """Count students; who could not be graded only where there are any."""
    there = [standing for standing in standings.students if standing.handed_in]
    not_done = sum(standing.not_done > 0 for standing in there)
    return {
        "handed in": len(there),
        "missing": len(standings.students) - len(there),
        "late": sum(standing.seconds_late > 0 for standing in there),
        "with all points": sum(standing.total >= standings.most for standing in there),
        "waiting for a person": sum(standing.waiting > 0 for standing in there),
        **({"not graded": not_done} if not_done else {}),
    }


def difficulties(standings: ClassScores, graded: Mapping[str, Graded]) -> list[Difficulty]:
    """Say how the class did at each exercise.

    Parameters
    ----------
    standings : ClassScores
        What everybody has.
    graded : mapping of str to Graded
        What the checks said, by student.

    Returns
    -------
    list of Difficulty
        The hardest first; those for which most still wait for a person come last.
    """
    found = []
    for place, exercise in enumerate(standings.exercises):
        scores = [standing.scores[place] for standing in standings.students if standing.handed_in]
        done = [score for score in scores if not score.open]
        reasons = Counter(
            plain(mark.reason, 200)
            for one in graded.values()
            if (mark := mark_of(one, exercise)) is not None and mark.reason
        )
        found.append(
            Difficulty(
                standings.label(exercise),
                sum(score.points / score.most for score in done) / len(done) if done else None,
                sum(score.full for score in done),
                len(done),
                len(scores) - len(done),
                tuple(reasons.most_common(_REASONS)),
            )
        )
    return sorted(found, key=lambda d: (d.share is None or d.waiting > d.graded, d.share or 0.0))


def mark_of(graded: Graded, exercise: Exercise) -> Mark | None:
    """Find what the checks said about an exercise; None where they said nothing."""
    result = graded.results.get(exercise.lesson)
    marks = result.marks if result else ()
    return next((mark for mark in marks if mark.grade_id == exercise.id), None)


def remarks(
    standings: ClassScores,
    graded: Mapping[str, Graded],
    collected: Collected,
    not_graded: Mapping[str, Sequence[str]] = {},
) -> dict[str, list[str]]:
    """Collect what a teacher should know about single submissions.

    Parameters
    ----------
    standings : ClassScores
        What everybody has.
    graded : mapping of str to Graded
        What the checks said, by student.
    collected : Collected
        What was handed in.
    not_graded : mapping of str to sequence of str, optional
        Why submissions could not be graded, by student.

    Returns
    -------
    dict of str to list of str
        By student, only those of whom there is something to say.
    """
    known = {standing.student: standing for standing in standings.students}
    found = {}
    for student in sorted({*known, *graded, *collected.students, *not_graded}):
        handed_in = collected.students.get(student)
        texts = [plain(note) for note in handed_in.notes] if handed_in else []
        if student not in known:
            texts.append("is not in the gradebook, and so not in the tables below")
        texts += map(plain, not_graded.get(student, ()))
        if student in known and known[student].not_done and student not in not_graded:
            texts.append("was not graded by the checks yet: mnistkit assignment grade does it")
        if student in graded:
            texts += _grading_remarks(graded[student], known.get(student), standings)
        if texts:
            rest = len(texts) - _REMARKS
            found[student] = texts[:_REMARKS] + [f"… and {rest} more remarks"] * (rest > 0)
    return found


def _grading_remarks(graded: Graded, standing: StudentScore | None, standings: ClassScores) -> Iterator[str]:
    """Say what the grader warns of, and where the gradebook says something else."""
    if not graded.sandboxed:
        yield "was run without the sandbox"
    for lesson, result in graded.results.items():
        place = f"{lesson[:2]}: " if len(standings.titles) > 1 else ""
        yield from (plain(f"{place}{text}") for text in result.warnings)
    pairs = zip(standings.exercises, standing.scores if standing else (), strict=False)
    for exercise, score in pairs:
        if score.again:
            yield f"{standings.label(exercise)}: {score.again}"
        mark = mark_of(graded, exercise)
        if mark and mark.points != score.points and not score.by_hand and not score.open:
            yield (
                f"{standings.label(exercise)}: the gradebook has {score.points:g} points, "
                f"the checks gave {mark.points:g}, and no person has changed them"
            )


def draw_points(standings: ClassScores) -> dict[str, str]:
    """Draw how the points are distributed over those who handed in.

    Parameters
    ----------
    standings : ClassScores
        What everybody has.

    Returns
    -------
    dict of str to str
        ``png`` in base64, and what can be seen in words, as ``alt`` and ``caption``; empty if nobody has
        handed in.
    """
    import numpy as np

    there = [standing for standing in standings.students if standing.handed_in and not standing.not_done]
    if not there:
        return {}
    totals = np.array([standing.total for standing in there])
    waiting = np.array([standing.waiting > 0 for standing in there])
    found = (
        f"lowest {totals.min():g}, median {np.median(totals):g}, mean {totals.mean():.1f}, "
        f"highest {totals.max():g}; {waiting.sum()} of them still wait for points by a person."
    )
    count = f"{len(there)} student{'s' * (len(there) != 1)}"
    return {
        "png": _histogram(totals[~waiting], totals[waiting], standings.most),
        "alt": f"Histogram of the points of {count}, from 0 to {standings.most:g}: {found}",
        "caption": f"{count}: {found}",
    }


def _histogram(final: Sequence[float], waiting: Sequence[float], most: float) -> str:
    """Draw totals as stacked bars; give a PNG in base64."""
    import numpy as np
    import seaborn as sns
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    width = max(1.0, np.ceil(most / _BARS))
    edges = np.arange(-0.5 * width, max(most, *final, *waiting) + width, width)
    figure = Figure(figsize=(7.2, 3), layout="constrained")
    axes = figure.subplots()
    blue, orange = sns.color_palette("colorblind")[:2]
    heights = [np.histogram(totals, edges)[0] for totals in (final, waiting)]
    look = {"width": 0.9 * width, "edgecolor": "white"}
    middles = edges[:-1] + width / 2
    axes.bar(middles, heights[0], color=blue, label="all points given", **look)
    again = "some still wait for a person"
    axes.bar(middles, heights[1], bottom=heights[0], color=orange, hatch="//", label=again, **look)
    axes.set(xlabel=f"points (of {most:g}), rounded", ylabel="students")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    if len(waiting):
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return figure_png(figure)
