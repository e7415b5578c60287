"""What a marker works on: questions, answers, rubrics and marks; and a part of them as a file.

A mark is saved with what the marker saw of it before. Where somebody else has changed it meanwhile, nothing
is overwritten: both are named.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from mnistkit.course.stored_files import read_stored
from mnistkit.errors import UserError
from mnistkit.files import write_atomically

__all__ = [
    "Answer",
    "HandMark",
    "MarkConflict",
    "MarkStore",
    "PartFile",
    "Question",
    "RubricItem",
    "Sheet",
    "merge_part",
    "points_of",
    "split_sheet",
]

_TODO = "take the file as it came from the marker, or split the assignment again"


@dataclass(frozen=True)
class Question:
    """An exercise as a marker sees it.

    Attributes
    ----------
    lesson, exercise : str
        Its notebook, and nbgrader's name of its cell.
    title : str
        The heading above it.
    most : float
        What there is to earn.
    text : str
        The exercise, as markdown.
    solution : str
        The instructor's own answer.
    """

    lesson: str
    exercise: str
    title: str
    most: float
    text: str
    solution: str

    @property
    def key(self) -> tuple[str, str]:
        """Its notebook and its cell."""
        return self.lesson, self.exercise


@dataclass(frozen=True)
class Answer:
    """What a student answered to a question.

    Attributes
    ----------
    student, name : str
        Whose: the id, and the name where there is one.
    lesson, exercise : str
        To which question.
    cells : tuple of str
        As handed in; not to be believed.
    sha256 : str
        `mnistkit.grading.judgements.answer_sha256` of the cells.
    auto : float or None
        What the checks gave; None where there are none, or they have not decided.
    reason : str
        Why they gave no more.
    declaration : str
        What the student declared on the use of AI; empty where nobody was asked.
    """

    student: str
    name: str
    lesson: str
    exercise: str
    cells: tuple[str, ...]
    sha256: str
    auto: float | None
    reason: str
    declaration: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """Whose, and to which question."""
        return self.student, self.lesson, self.exercise


@dataclass(frozen=True)
class RubricItem:
    """Something that gives or costs points, the same for all who have it.

    Attributes
    ----------
    id : str
        A name for it that is never shown.
    lesson, exercise : str
        Of which question.
    text : str
        What it is.
    points : float
        What it gives; less than 0 where it costs points.
    """

    id: str
    lesson: str
    exercise: str
    text: str
    points: float


@dataclass(frozen=True)
class HandMark:
    """What a person gave for an answer.

    Attributes
    ----------
    student, lesson, exercise : str
        Whose answer, to which question.
    sha256 : str
        Which answer; empty where nobody has given points.
    points : float or None
        None where no person has given any.
    items : tuple of str
        The rubric items that the points are made of; empty for points that were given as a number.
    comment : str
        For the student.
    marker : str
        Who gave them, where that is known.
    """

    student: str
    lesson: str
    exercise: str
    sha256: str = ""
    points: float | None = None
    items: tuple[str, ...] = ()
    comment: str = ""
    marker: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """Whose, and to which question."""
        return self.student, self.lesson, self.exercise

    def says_the_same(self, other: HandMark) -> bool:
        """Tell whether two marks say the same of the same answer, whoever gave them.

        Points that are made of rubric items follow these, and are not compared.
        """
        mine, others = (
            (mark.sha256, mark.items or mark.points, mark.comment.strip()) for mark in (self, other)
        )
        return mine == others


@dataclass(frozen=True)
class Sheet:
    """All that a marker needs.

    Attributes
    ----------
    assignment : str
        Its name.
    questions, answers, items, marks : tuple
        What there is; a mark for each answer.
    base_items, base_marks : tuple
        In a part, what was there when it was split off.
    """

    assignment: str
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    items: tuple[RubricItem, ...]
    marks: tuple[HandMark, ...]
    base_items: tuple[RubricItem, ...] = ()
    base_marks: tuple[HandMark, ...] = ()


class MarkConflict(Exception):  # noqa: N818 (a finding, to be shown)
    """Somebody else has changed a mark, an answer or a rubric item meanwhile; the message says what."""


class MarkStore(Protocol):
    """Where marks are kept: the gradebook, or a part's file."""

    def sheet(self) -> Sheet:
        """Give everything as it is now."""
        ...

    def save(self, mark: HandMark, seen: HandMark) -> HandMark:
        """Keep a mark in place of the one that was seen, else `MarkConflict`; give it with its points."""
        ...

    def set_item(self, item: RubricItem, seen: RubricItem | None) -> None:
        """Keep a rubric item in place of the one that was seen, else `MarkConflict`; score who has it."""
        ...


def points_of(chosen: Iterable[str], items: Iterable[RubricItem], auto: float | None, most: float) -> float:
    """Add up the points of rubric items, on top of those of the checks.

    Parameters
    ----------
    chosen : iterable of str
        Ids of the items.
    items : iterable of RubricItem
        All there are.
    auto : float or None
        What the checks gave.
    most : float
        What there is to earn.

    Returns
    -------
    float
        From 0 to `most`.

    Examples
    --------
    >>> items = [RubricItem("a", "01", "why", "a reason", 2), RubricItem("b", "01", "why", "a slip", -0.5)]
    >>> points_of(["a", "b"], items, None, 3)
    1.5
    """
    wanted = set(chosen)
    total = (auto or 0.0) + sum(item.points for item in items if item.id in wanted)
    return round(min(max(total, 0.0), most), 4)


def check_mark(found: HandMark, seen: HandMark, answer: str, mark: HandMark) -> None:
    """Check that a mark is still what the marker saw, and the answer too.

    Parameters
    ----------
    found, seen : HandMark
        What is kept, and what the marker saw.
    answer : str
        Which answer is there.
    mark : HandMark
        What the marker wants to keep.

    Raises
    ------
    MarkConflict
        If not.
    """
    where = f"{mark.student}, {mark.lesson}, {mark.exercise}"
    if mark.points is not None and mark.points < 0:
        raise MarkConflict(f"{where}: {mark.points:g} points are below 0; nothing was changed")
    if mark.sha256 not in ("", answer, found.sha256):
        raise MarkConflict(f"{where}: another answer was handed in meanwhile; nothing was changed")
    if not found.says_the_same(seen) and not found.says_the_same(mark):
        raise MarkConflict(
            f"{where}: {_said(found)} is kept, which somebody gave meanwhile, and not {_said(mark)}"
        )


def check_item(found: RubricItem | None, seen: RubricItem | None, item: RubricItem) -> None:
    """Check that a rubric item is still what the marker saw; see `check_mark`."""
    if found not in (seen, item):
        kept = f"{found.text!r} with {found.points:g} points" if found else "that it is gone"
        raise MarkConflict(
            f"rubric of {item.exercise}: {kept} is kept, which somebody wrote meanwhile, "
            f"and not {item.text!r} with {item.points:g} points"
        )


def _said(mark: HandMark) -> str:
    points = "no points by hand" if mark.points is None else f"{mark.points:g} points"
    by = f" by {mark.marker}" if mark.marker else ""
    return f"{points}{by}{' with a comment' * bool(mark.comment.strip())}"


class PartFile:
    """A part of an assignment in a file, for a marker who does not have the course.

    Parameters
    ----------
    path : pathlib.Path
        The file, of which `split_sheet` gave the content.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def sheet(self) -> Sheet:
        """Read the file.

        Raises
        ------
        UserError
            If it is not there, or no such file.
        """
        try:
            return read_stored(self._path, Sheet, _TODO)
        except FileNotFoundError as error:
            raise UserError(self._path, found="no such file", expected="a part", todo=_TODO) from error

    def save(self, mark: HandMark, seen: HandMark) -> HandMark:
        """Keep a mark; see `MarkStore`."""
        with self._lock():
            sheet = self.sheet()
            answer = next((answer for answer in sheet.answers if answer.place == mark.place), None)
            if answer is None:
                raise MarkConflict(f"{', '.join(mark.place)}: there is no such answer")
            found = next(each for each in sheet.marks if each.place == mark.place)
            check_mark(found, seen, answer.sha256, mark)
            made = _scored(sheet, {answer.place: answer}, mark)
            marks = (made if each.place == made.place else each for each in sheet.marks)
            self._write(replace(sheet, marks=tuple(marks)))
        return made

    def set_item(self, item: RubricItem, seen: RubricItem | None) -> None:
        """Keep a rubric item; see `MarkStore`."""
        with self._lock():
            sheet = self.sheet()
            check_item(next((each for each in sheet.items if each.id == item.id), None), seen, item)
            sheet = replace(sheet, items=with_item(sheet.items, item))
            answers = {answer.place: answer for answer in sheet.answers}
            marks = tuple(
                _scored(sheet, answers, mark) if item.id in mark.items else mark for mark in sheet.marks
            )
            self._write(replace(sheet, marks=marks))

    def _lock(self) -> FileLock:
        return FileLock(f"{self._path}.lock", timeout=10)

    def _write(self, sheet: Sheet) -> None:
        write_atomically(self._path, sheet_text(sheet))


def with_item(items: Sequence[RubricItem], item: RubricItem) -> tuple[RubricItem, ...]:
    """Give items with one that is new or takes the place of the one of the same id."""
    return tuple(({each.id: each for each in items} | {item.id: item}).values())


def _scored(sheet: Sheet, answers: Mapping[tuple[str, str, str], Answer], mark: HandMark) -> HandMark:
    """Give a mark the points of its rubric items, where it has some."""
    if not mark.items:
        return mark
    question = next(each for each in sheet.questions if each.key == (mark.lesson, mark.exercise))
    points = points_of(mark.items, sheet.items, answers[mark.place].auto, question.most)
    return replace(mark, points=points)


def sheet_text(sheet: Sheet) -> str:
    """Write a sheet as the text of a file."""
    return json.dumps(dataclasses.asdict(sheet), indent=1, ensure_ascii=False) + "\n"


def split_sheet(sheet: Sheet, count: int) -> list[Sheet]:
    """Give each of several markers the answers of some students.

    Parameters
    ----------
    sheet : Sheet
        All of an assignment.
    count : int
        How many parts.

    Returns
    -------
    list of Sheet
        Each student's answers are in one of them; parts are of the same size, as far as that can be.
    """
    students = sorted({answer.student for answer in sheet.answers})
    parts = []
    for number in range(count):
        mine = set(students[number::count])
        marks = tuple(mark for mark in sheet.marks if mark.student in mine)
        answers = tuple(answer for answer in sheet.answers if answer.student in mine)
        part = replace(sheet, answers=answers, marks=marks, base_items=sheet.items, base_marks=marks)
        parts.append(part)
    return parts


def merge_part(store: MarkStore, part: Sheet) -> tuple[int, list[str]]:
    """Take over what a marker has changed in a part.

    Parameters
    ----------
    store : MarkStore
        Where to.
    part : Sheet
        The part.

    Returns
    -------
    count : int
        How many marks were taken over.
    conflicts : list of str
        What was not, because it was changed here too: each with what is kept.
    """
    count, conflicts = 0, list[str]()
    base_items = {item.id: item for item in part.base_items}
    for item in part.items:
        if item != base_items.get(item.id):
            try:
                store.set_item(item, base_items.get(item.id))
            except MarkConflict as conflict:
                conflicts.append(str(conflict))
    base = {mark.place: mark for mark in part.base_marks}
    for mark in part.marks:
        if not mark.says_the_same(base[mark.place]):
            try:
                store.save(mark, base[mark.place])
                count += 1
            except MarkConflict as conflict:
                conflicts.append(str(conflict))
    return count, conflicts
