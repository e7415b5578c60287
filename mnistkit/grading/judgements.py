"""For which answer a person has given points: so that they stay with it, whatever else is graded again.

nbgrader's gradebook knows a person's points, and not what they were given for. A table of our own beside
nbgrader's, in the same file, notes for each exercise of a student the answer that is shown now, and the one
that was judged. Both are changed together with the points or not at all, and nbgrader's programs don't mind
a table that they don't know.

Who saves points, in formgrader or on our own page, has judged the answer that is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mnistkit.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.orm import Query

__all__ = [
    "Answered",
    "Judgement",
    "Place",
    "answer_sha256",
    "confirm",
    "enter_points",
    "judged_so_far",
    "one_step",
    "read_again",
    "read_judgements",
    "rows_of_cells",
    "why_again",
    "write_judgement",
]

_UNKNOWN = "?"
"""Stands for an answer that no version of this program has noted."""


class Place(NamedTuple):
    """An exercise of a student: the four names by which nbgrader finds it."""

    assignment: str
    student: str
    lesson: str
    exercise: str


@dataclass(frozen=True)
class Answered:
    """What a student has answered to an exercise.

    Attributes
    ----------
    sha256 : str or None
        From `answer_sha256`; None where what was handed in can't be read, so that nothing has changed.
    same_file : bool
        Whether the file is the one that was graded before. Asked where no answer was noted: in a gradebook
        of an earlier version.
    """

    sha256: str | None
    same_file: bool = False


@dataclass(frozen=True)
class Judgement:
    """What a person's points for an exercise were given for.

    Attributes
    ----------
    shown : str
        The answer that formgrader and the marking page show (`answer_sha256`); empty where none is known.
    judged : str
        The answer that the points were given for; empty where no person has given any.
    auto : float or None
        What the checks gave when the person decided.
    points, extra : float or None
        What the person gave.
    items : str
        Ids of the rubric items that make the points, with spaces between; empty for points of another way.
    marker : str
        Who gave them, where that is known.
    """

    shown: str = ""
    judged: str = ""
    auto: float | None = None
    points: float | None = None
    extra: float | None = None
    items: str = ""
    marker: str = ""

    @property
    def is_outdated(self) -> bool:
        """Whether a person has given points, and not for the answer that is shown."""
        return (self.points is not None or self.extra is not None) and self.judged != self.shown


def answer_sha256(texts: Sequence[str]) -> str:
    r"""Hash an answer as it was handed in; ends of lines and blanks there are no change.

    Parameters
    ----------
    texts : sequence of str
        The cells of the answer.

    Returns
    -------
    str
        The same for the same answer, whichever version of this program asks.

    Examples
    --------
    >>> answer_sha256(["a\r\nb  "]) == answer_sha256(["a\nb\n"]) != answer_sha256(["a b"])
    True
    """
    plain = ["\n".join(line.rstrip() for line in text.strip().splitlines()) for text in texts]
    return hashlib.sha256("\0".join(plain).encode(errors="replace")).hexdigest()


@cache
def _table() -> Table:
    from sqlalchemy import Column, Float, MetaData, String, Table

    key = [Column(name, String(255), primary_key=True) for name in Place._fields]
    texts = [Column(name, String, nullable=False) for name in ("shown", "judged", "items", "marker")]
    numbers = [Column(name, Float) for name in ("auto", "points", "extra")]
    return Table("mnistkit_judgement", MetaData(), *key, *texts, *numbers)


@contextmanager
def one_step(book: Any) -> Iterator[None]:
    """Change points and judgements together, with nobody else in between; nothing changes if it fails.

    Parameters
    ----------
    book : nbgrader.api.Gradebook
        The gradebook, without changes of which nothing was saved.
    """
    from sqlalchemy import text

    book.db.commit()  # what was read before may be out of date
    book.db.execute(text("BEGIN IMMEDIATE"))
    try:
        yield
        book.db.commit()
    except BaseException:
        book.db.rollback()
        raise


def read_judgements(book: Any, assignment: str, student: str | None = None) -> dict[Place, Judgement]:
    """Read what is noted of an assignment.

    Parameters
    ----------
    book : nbgrader.api.Gradebook
        The gradebook.
    assignment : str
        Name of the assignment.
    student : str, optional
        Only of this one.

    Returns
    -------
    dict of Place to Judgement
        By exercise and student; nothing of those that were never graded by this version.
    """
    from sqlalchemy import inspect

    table, connection = _table(), book.db.connection()
    if not inspect(connection).has_table(table.name):
        return {}
    query = table.select().where(table.c.assignment == assignment)
    if student is not None:
        query = query.where(table.c.student == student)
    found = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        place = Place(*(values.pop(name) for name in Place._fields))
        found[place] = Judgement(**values)
    return found


def write_judgement(book: Any, place: Place, judgement: Judgement) -> None:
    """Note what is shown and judged; in the transaction that the gradebook is in.

    Parameters
    ----------
    book : nbgrader.api.Gradebook
        The gradebook.
    place : Place
        Whose, and which exercise.
    judgement : Judgement
        Takes the place of what was noted.
    """
    from sqlalchemy.dialects.sqlite import insert

    connection, values = book.db.connection(), vars(judgement)
    _table().create(connection, checkfirst=True)
    statement = insert(_table()).values(**place._asdict(), **values)
    statement = statement.on_conflict_do_update(index_elements=list(Place._fields), set_=values)
    connection.execute(statement)


def enter_points(book: Any, place: Place, auto: float | None, answered: Answered) -> None:
    """Enter what the checks gave, and decide whether what a person gave still counts.

    Points by hand count, and are not asked for again, while the answer is the one that they were given for:
    whatever else was graded again, and also where another answer had been handed in meanwhile. For another
    answer they are kept, don't count, and wait for a person.

    Parameters
    ----------
    book : nbgrader.api.Gradebook
        The gradebook.
    place : Place
        Whose, and which exercise.
    auto : float or None
        What the checks gave; None where they have not decided.
    answered : Answered
        The answer now.
    """
    with one_step(book):
        grade = book.find_grade(place.exercise, place.lesson, place.assignment, place.student)
        known = read_judgements(book, place.assignment, place.student).get(place)
        if known is None:
            known = Judgement(shown=(answered.same_file and answered.sha256) or _UNKNOWN)
        before = judged_so_far(grade, known)
        now = replace(before, shown=answered.sha256 or before.shown)
        grade.auto_score = auto
        grade.needs_manual_grade = now.is_outdated or (auto is None and grade.manual_score is None)
        write_judgement(book, place, now)


def judged_so_far(grade: Any, known: Judgement) -> Judgement:
    """Add to what is noted what a person has done since, in formgrader perhaps.

    Parameters
    ----------
    grade : nbgrader.api.Grade
        What the gradebook has.
    known : Judgement
        What was noted when the program looked last.

    Returns
    -------
    Judgement
        As it is now.
    """
    points, extra = grade.manual_score, grade.extra_credit or None
    if points is None and extra is None:
        return Judgement(shown=known.shown)
    same = (points, extra) == (known.points, known.extra)
    if grade.needs_manual_grade:  # nobody has decided about the answer that is shown
        return replace(known, points=points, extra=extra)
    if same and known.judged == known.shown:
        return known
    items, marker = (known.items, known.marker) if same else ("", "")
    return Judgement(known.shown, known.shown, grade.auto_score, points, extra, items, marker)


def why_again(judgement: Judgement, auto: float | None) -> str:
    """Say why a person should look at points again that were given by hand.

    Parameters
    ----------
    judgement : Judgement
        As `judged_so_far` gives it.
    auto : float or None
        What the checks give now.

    Returns
    -------
    str
        Two reasons can be: another answer, for which the points don't count, or other points by the checks,
        where they do. Empty where there is none.
    """
    given = " and ".join(
        filter(
            None,
            (
                "" if judgement.points is None else f"{judgement.points:g} points",
                "" if judgement.extra is None else f"{judgement.extra:+g} extra",
            ),
        )
    )
    if judgement.is_outdated:
        return (
            f"a person gave {given} to an earlier answer, and this is another one: it waits to be read again"
        )
    if judgement.judged and auto != judgement.auto:
        return (
            f"a person gave {given} when its checks gave {_number(judgement.auto)}, "
            f"and now they give {_number(auto)}: what the person gave counts"
        )
    return ""


def _number(points: float | None) -> str:
    return "nothing" if points is None else f"{points:g}"


def read_again(book: Any, assignment: str) -> dict[Place, str]:
    """List the points by hand that a person should look at again.

    Parameters
    ----------
    book : nbgrader.api.Gradebook
        The gradebook.
    assignment : str
        Name of the assignment.

    Returns
    -------
    dict of Place to str
        The reasons, from `why_again`.
    """
    known = read_judgements(book, assignment)
    found = {}
    for place, grade in sorted(_by_hand(book, assignment), key=lambda found: found[0]):
        if reason := why_again(judged_so_far(grade, known.get(place, Judgement())), grade.auto_score):
            found[place] = reason
    return found


def rows_of_cells(db: Any, assignment: str, table: Any, *columns: Any) -> Query[Any]:
    """Ask for columns of a table of nbgrader's that has a row for each cell that was handed in.

    Parameters
    ----------
    db : sqlalchemy session
        Of the gradebook.
    assignment : str
        Name of the assignment.
    table, *columns
        `nbgrader.api.Grade` or `nbgrader.api.Comment`, and what to ask for.

    Returns
    -------
    sqlalchemy.orm.Query
        Rows of student, notebook and cell, and then the columns.
    """
    from nbgrader import api

    names = (api.SubmittedAssignment.student_id, api.Notebook.name, api.BaseCell.name)
    query: Query[Any] = (
        db.query(*names, *columns)
        .select_from(table)
        .join(api.BaseCell, table.cell_id == api.BaseCell.id)
        .join(api.SubmittedNotebook, table.notebook_id == api.SubmittedNotebook.id)
        .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .filter(api.Assignment.name == assignment)
    )
    return query


def _by_hand(book: Any, assignment: str) -> Iterator[tuple[Place, Any]]:
    """Give what a person has given points for, with nbgrader's `Grade`."""
    from nbgrader.api import Grade

    given = Grade.manual_score.is_not(None) | Grade.extra_credit.is_not(None)
    for *names, grade in rows_of_cells(book.db, assignment, Grade, Grade).filter(given):
        yield Place(assignment, *names), grade


def confirm(book: Any, assignment: str, seen: Mapping[Place, str]) -> None:
    """Let points by hand stand for the answers and beside the checks as they are now, all in one step.

    Parameters
    ----------
    book : nbgrader.api.Gradebook
        The gradebook.
    assignment : str
        Name of the assignment.
    seen : mapping of Place to str
        What `read_again` gave, and a person has seen.

    Raises
    ------
    UserError
        If it is no longer so: nothing is confirmed then.
    """
    with one_step(book):
        if read_again(book, assignment) != dict(seen):
            raise UserError(
                assignment,
                found="marks or answers that have changed since they were listed",
                expected="the list that was shown",
                todo=f"mnistkit assignment confirm {assignment}",
            )
        known = read_judgements(book, assignment)
        for place, grade in _by_hand(book, assignment):
            if place in seen:
                now = judged_so_far(grade, known.get(place, Judgement()))
                grade.needs_manual_grade = False
                write_judgement(book, place, replace(now, judged=now.shown, auto=grade.auto_score))
