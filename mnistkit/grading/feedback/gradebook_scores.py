"""What everybody has, exercise by exercise: read from nbgrader's gradebook, which people write into too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mnistkit.course.lessons import Lesson
from mnistkit.errors import UserError
from mnistkit.grading.course_folder import read_released, source_lessons, submitted_path
from mnistkit.grading.dates.due_dates import DueDates, read_dates
from mnistkit.grading.exercises import Exercise, read_exercises
from mnistkit.grading.judgements import read_again, rows_of_cells
from mnistkit.grading.ledger import Graded, read_graded
from mnistkit.grading.nbgrader_bridge import gradebook
from mnistkit.grading.submission import read_handed_in, submission_sha256

_Place = tuple[str, str, str]
"""A student, a notebook, and a cell of it."""


@dataclass(frozen=True)
class Score:
    """What somebody has for one exercise.

    Attributes
    ----------
    points : float
        So far; a person's points where one has given some, else those of the checks.
    most : float
        What there is to earn.
    waiting : bool
        Whether a person is still to grade it.
    by_hand : bool
        Whether a person has given the points.
    comment : str
        The teacher's, or nbgrader's own ("No response."); empty where there is none.
    not_done : bool
        Whether nothing is known yet: the checks have not been run on what lies there now, or the grader
        failed.
    again: str
        Why a person should look at points by hand again; empty where there is no reason.
    """

    points: float
    most: float
    waiting: bool = False
    by_hand: bool = False
    comment: str = ""
    not_done: bool = False
    again: str = ""

    @property
    def open(self) -> bool:
        """Whether there are no points yet, which is not the same as 0."""
        return self.waiting or self.not_done

    @property
    def full(self) -> bool:
        """Whether nothing is missing."""
        return self.points >= self.most


@dataclass(frozen=True)
class StudentScore:
    """What somebody has for an assignment.

    Attributes
    ----------
    student : str
        The student's id.
    first_name, last_name, email : str
        As the gradebook has them.
    scores : tuple of Score
        One for each exercise, in their order.
    handed_in : bool
        Whether anything was.
    received : str
        When, in UTC (ISO 8601); empty if that is not known.
    seconds_late : float
        How long after the due date, with the student's extension.
    penalty : float
        Points that are taken away for that.
    late_reason : str
        Both as a sentence, where the course's file of dates says it.
    """

    student: str
    first_name: str
    last_name: str
    email: str
    scores: tuple[Score, ...]
    handed_in: bool = False
    received: str = ""
    seconds_late: float = 0.0
    penalty: float = 0.0
    late_reason: str = ""

    @property
    def name(self) -> str:
        """First and last name; empty where the gradebook has none."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def total(self) -> float:
        """All points so far less the penalty: never below 0; what waits again after a change has none."""
        return max(0.0, sum(score.points for score in self.scores if not score.open) - self.penalty)

    @property
    def not_done(self) -> int:
        """How many exercises nothing is known of, so that there is no total."""
        return sum(score.not_done for score in self.scores) if self.handed_in else 0

    @property
    def waiting(self) -> int:
        """How many exercises a person is still to grade."""
        return sum(score.waiting for score in self.scores)


@dataclass(frozen=True)
class AssignmentExercises:
    """What an assignment asks, whoever has handed in.

    Attributes
    ----------
    assignment : str
        Its name.
    titles : dict of str to str
        The heading of each notebook, by its name, in order.
    exercises : tuple of Exercise
        In the order of the notebooks.
    """

    assignment: str
    titles: Mapping[str, str]
    exercises: tuple[Exercise, ...]

    @property
    def most(self) -> float:
        """What there is to earn."""
        return sum(exercise.points for exercise in self.exercises)

    def label(self, exercise: Exercise) -> str:
        """Name an exercise; with its notebook where there are several."""
        return exercise.title if len(self.titles) == 1 else f"{exercise.lesson[:2]} · {exercise.title}"


@dataclass(frozen=True)
class ClassScores(AssignmentExercises):
    """What a class has for an assignment.

    Attributes
    ----------
    students : tuple of StudentScore
        All that are in the gradebook, by id; also who handed in nothing.
    """

    students: tuple[StudentScore, ...]


def assignment_exercises(assignment: str, lessons: Sequence[Lesson]) -> AssignmentExercises:
    """Say what an assignment asks.

    Parameters
    ----------
    assignment : str
        Its name.
    lessons : sequence of Lesson
        Its notebooks, with solutions.

    Returns
    -------
    AssignmentExercises
        All that gives points.
    """
    exercises = tuple(exercise for lesson in lessons for exercise in read_exercises(lesson))
    return AssignmentExercises(assignment, {lesson.name: lesson.title for lesson in lessons}, exercises)


def read_class_scores(course: Path, assignment: str) -> ClassScores:
    """Read what everybody has for an assignment.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of the assignment.

    Returns
    -------
    ClassScores
        As the gradebook has it now. The queries are few, but each submission is read, to see whether it is
        the one that was graded: a command reads a class once.

    Raises
    ------
    UserError
        If the assignment was not released from here, or is not in the gradebook.
    """
    released = read_released(course, assignment)
    asked = assignment_exercises(assignment, source_lessons(course, released))
    graded = read_graded(course, assignment)
    changed = _handed_in_anew(course, assignment, graded)
    with gradebook(course) as book:
        if assignment not in [known.name for known in book.assignments]:
            raise UserError(
                assignment,
                found=f"no such assignment in {course}'s gradebook",
                expected="one that was released from this course",
                todo=f"mnistkit assignment release … --course {course}",
            )
        handed_in = _submissions(book.db, assignment)
        scores = _scores(book.db, assignment)
        comments = _comments(book.db, assignment)
        again = {place[1:]: reason for place, reason in read_again(book, assignment).items()}
        rows = [(s.id, s.first_name or "", s.last_name or "", s.email or "") for s in book.students]
    noted = (scores, comments, graded, changed, again)
    students = tuple(
        StudentScore(
            *row,
            tuple(_score(row[0], exercise, *noted) for exercise in asked.exercises),
            **handed_in.get(row[0], {}),
        )
        for row in sorted(rows)
    )
    dates = read_dates(course, assignment)
    students = tuple(_with_dates(student, dates) for student in students)
    return ClassScores(assignment, asked.titles, asked.exercises, students)


def _with_dates(student: StudentScore, dates: DueDates) -> StudentScore:
    """Judge lateness by the course's file, as it is now; where it has no date, the gradebook's counts."""
    if dates.due is None:
        return student
    received = datetime.fromisoformat(student.received) if student.received else None
    points = sum(score.points for score in student.scores if not score.open)
    late = dates.late(student.student, received, points)
    penalty = late.penalty if dates.penalty or not late.seconds else student.penalty
    return replace(student, seconds_late=late.seconds, penalty=penalty, late_reason=late.reason)


def _handed_in_anew(course: Path, assignment: str, graded: Mapping[str, Graded]) -> set[tuple[str, str]]:
    """List the students and notebooks of which another file lies there than the one that was graded."""
    changed = set()
    for student, theirs in graded.items():
        for lesson, result in theirs.results.items():
            try:
                now = read_handed_in(submitted_path(course, student, assignment, lesson))
            except OSError:  # grading names it
                continue
            if result.content not in (None, submission_sha256(now)):
                changed.add((student, lesson))
    return changed


def _submissions(db: Any, assignment: str) -> dict[str, dict[str, Any]]:
    """Give when each was handed in and what that costs, by student."""
    from nbgrader.api import Assignment, SubmittedAssignment
    from sqlalchemy.orm import contains_eager, undefer

    query = (
        db.query(SubmittedAssignment)
        .join(SubmittedAssignment.assignment)
        .filter(Assignment.name == assignment)
        .options(
            contains_eager(SubmittedAssignment.assignment),
            undefer(SubmittedAssignment.late_submission_penalty),
        )
    )
    return {
        row.student_id: {
            "handed_in": True,
            "received": _iso(row.timestamp),
            "seconds_late": row.total_seconds_late,
            "penalty": float(row.late_submission_penalty),
        }
        for row in query
    }


def _iso(moment: datetime | None) -> str:
    """Write nbgrader's time, which is UTC without saying so."""
    return f"{moment.isoformat(timespec='seconds')}+00:00" if moment else ""


def _scores(db: Any, assignment: str) -> dict[_Place, Score]:
    """Give what stands in the gradebook; ``not_done`` where neither checks nor a person have decided."""
    from nbgrader.api import Grade

    points_by = (Grade.score, Grade.auto_score, Grade.manual_score, Grade.extra_credit)
    rows = rows_of_cells(db, assignment, Grade, Grade.needs_manual_grade, *points_by)
    return {
        (student, notebook, cell): Score(
            float(points),
            0.0,
            bool(waiting),
            manual is not None or bool(extra),
            not_done=auto is None and manual is None,
        )
        for student, notebook, cell, waiting, points, auto, manual, extra in rows
    }


def _comments(db: Any, assignment: str) -> dict[_Place, str]:
    """Give what is said about a cell; a person's words before nbgrader's."""
    from nbgrader.api import Comment

    rows = rows_of_cells(db, assignment, Comment, Comment.comment)
    return {(student, notebook, cell): said.strip() for student, notebook, cell, said in rows if said}


def _score(
    student: str,
    exercise: Exercise,
    scores: Mapping[_Place, Score],
    comments: Mapping[_Place, str],
    graded: Mapping[str, Graded],
    changed: set[tuple[str, str]],
    again: Mapping[_Place, str],
) -> Score:
    score = scores.get((student, exercise.lesson, exercise.id), Score(0.0, 0.0))
    said = [comments.get((student, exercise.lesson, cell), "") for cell in _cells(exercise)]
    # Checks that were run and left it to a person have found out something: it waits.
    was_run = student in graded and exercise.lesson in graded[student].results
    not_done = score.not_done and exercise.automatic and not was_run
    not_done |= (student, exercise.lesson) in changed
    return replace(
        score,
        most=exercise.points,
        waiting=score.waiting and not not_done,
        comment="\n\n".join(filter(None, said)),
        not_done=not_done,
        again=again.get((student, exercise.lesson, exercise.id), ""),
    )


def _cells(exercise: Exercise) -> Sequence[str]:
    """Give the cells of an exercise that a comment can stand at; parts show those of their work once."""
    work = exercise.work if exercise.part <= 1 else ()
    return tuple(dict.fromkeys((*work, exercise.id)))
