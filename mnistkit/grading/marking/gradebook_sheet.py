"""Questions, answers and marks out of a course, and marks into nbgrader's gradebook.

Rubrics have a table beside nbgrader's, as judgements do (`mnistkit.grading.judgements`): points,
comment, chosen items and the answer that they are for change together. nbgrader's own fields are those that
its formgrader writes, so that both can be used in turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistkit.course.lessons import Lesson
from mnistkit.course.markers import markers
from mnistkit.errors import UserError
from mnistkit.grading.ai_declaration import read_declaration
from mnistkit.grading.autograde.batch import read_submitted
from mnistkit.grading.course_folder import read_released, source_lessons
from mnistkit.grading.exercises import Exercise, headings, read_exercises
from mnistkit.grading.feedback.instructor_page import mark_of
from mnistkit.grading.judgements import (
    Judgement,
    Place,
    answer_sha256,
    judged_so_far,
    one_step,
    read_judgements,
    rows_of_cells,
    write_judgement,
)
from mnistkit.grading.ledger import read_graded
from mnistkit.grading.marking.sheet import (
    Answer,
    HandMark,
    MarkConflict,
    Question,
    RubricItem,
    Sheet,
    check_item,
    check_mark,
    points_of,
    with_item,
)
from mnistkit.grading.plain_text import plain, plain_lines
from mnistkit.grading.submission import grade_id_of, joined, read_submitted_cells

if TYPE_CHECKING:
    from sqlalchemy import Table

MAX_ANSWER = 100_000
"""Characters of a cell of an answer that are shown."""


class GradebookSheet:
    """An assignment to be marked; what was handed in is read once.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    book : nbgrader.api.Gradebook
        Its gradebook, open as long as this is used.
    assignment : str
        Name of the assignment.

    Raises
    ------
    UserError
        If nothing was graded yet.
    """

    def __init__(self, course: Path, book: Any, assignment: str) -> None:
        self._course, self._book, self._assignment = course, book, assignment
        released = read_released(course, assignment)
        lessons = source_lessons(course, released)
        self._exercises = {(e.lesson, e.id): e for lesson in lessons for e in read_exercises(lesson)}
        self._questions = tuple(question for lesson in lessons for question in _questions(lesson))
        handed_out = course / "release" / assignment
        self._given = {
            name: [cell.source for cell in read_submitted_cells(handed_out / f"{name}.ipynb", ("markdown",))]
            for name in released.lessons
        }
        self._known: object = None
        self._answers: dict[tuple[str, str, str], Answer] = {}
        self._read_what_is_new()
        if not self._answers:
            raise UserError(
                assignment,
                found="no answers that were graded by their checks",
                expected="the checks first: they say which answers there are",
                todo=f"mnistkit assignment grade {assignment}",
            )

    def _read_what_is_new(self) -> None:
        """Read the answers again where something was graded since."""
        judgements = read_judgements(self._book, self._assignment)
        shown = {place: judgement.shown for place, judgement in judgements.items()}
        auto = self._auto_scores()
        if self._known != (shown, auto):
            self._known = (shown, auto)
            self._answers = {answer.place: answer for answer in self._read_answers(shown, auto)}

    def _read_answers(
        self, shown: Mapping[Place, str], auto: Mapping[Place, float | None]
    ) -> Iterator[Answer]:
        """Read the answers that were graded; what was handed in anew since waits for the next grading."""
        graded = read_graded(self._course, self._assignment)
        names = {s.id: f"{s.first_name or ''} {s.last_name or ''}".strip() for s in self._book.students}
        for student, lesson in sorted({(place.student, place.lesson) for place in shown}):
            try:
                submitted = read_submitted(self._course, self._assignment, student, lesson)
            except OSError:  # grading names it
                continue
            texts = [cell.source for cell in submitted.notebook.of_kinds("markdown")]
            declaration = read_declaration(self._given[lesson], texts)
            for exercise in self._exercises.values():
                place = Place(self._assignment, student, lesson, exercise.id)
                cells = submitted.written(exercise)
                sha256 = answer_sha256(cells)
                if exercise.lesson != lesson or shown.get(place) != sha256:
                    continue
                mark = mark_of(graded[student], exercise) if student in graded else None
                yield Answer(
                    student,
                    plain(names.get(student, ""), 80),
                    lesson,
                    exercise.id,
                    tuple(plain_lines(cell, MAX_ANSWER) for cell in cells),
                    sha256,
                    auto.get(place),
                    plain_lines(mark.reason, 2_000) if mark else "",
                    declaration.shown if declaration else "",
                )

    def _auto_scores(self) -> dict[Place, float | None]:
        from nbgrader.api import Grade

        rows = rows_of_cells(self._book.db, self._assignment, Grade, Grade.auto_score)
        return {Place(self._assignment, *names): auto for *names, auto in rows}

    def sheet(self) -> Sheet:
        """Give everything as it is now."""
        self._book.db.commit()  # so that what others have written is seen
        self._read_what_is_new()
        items = read_items(self._book, self._assignment)
        marks = self._marks(read_judgements(self._book, self._assignment))
        return Sheet(self._assignment, self._questions, tuple(self._answers.values()), items, tuple(marks))

    def _marks(self, judgements: Mapping[Place, Judgement]) -> Iterator[HandMark]:
        from nbgrader.api import Comment, Grade

        wanted = (Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade, Grade.auto_score)
        rows = rows_of_cells(self._book.db, self._assignment, Grade, *wanted)
        said = rows_of_cells(self._book.db, self._assignment, Comment, Comment.manual_comment)
        comments = {tuple(names): text or "" for *names, text in said}
        for row in rows:
            place = Place(self._assignment, *row[:3])
            if place[1:] in self._answers:
                cell = _comment_cell(self._exercises[place[2:]])
                comment = comments.get((place.student, place.lesson, cell), "")
                yield _mark(place, judged_so_far(row, judgements.get(place, Judgement())), comment)

    def save(self, mark: HandMark, seen: HandMark) -> HandMark:
        """Keep a mark; see `mnistkit.grading.marking.sheet.MarkStore`."""
        if mark.place not in self._answers:
            raise MarkConflict(f"{', '.join(mark.place)}: there is no such answer, or a newer one")
        place, book = Place(self._assignment, *mark.place), self._book
        exercise = self._exercises[place[2:]]
        with one_step(book):
            grade = book.find_grade(place.exercise, place.lesson, place.assignment, place.student)
            cell = _comment_cell(exercise)
            comment = book.find_comment(cell, place.lesson, place.assignment, place.student)
            known = read_judgements(book, place.assignment, place.student).get(place, Judgement())
            now = judged_so_far(grade, known)
            check_mark(_mark(place, now, comment.manual_comment or ""), seen, now.shown, mark)
            if mark.items:
                items = read_items(book, self._assignment)
                points = points_of(mark.items, items, grade.auto_score, exercise.points)
                mark = replace(mark, points=points)
            comment.manual_comment = mark.comment.strip() or None
            made = _judgement(now, mark, grade)
            grade.manual_score = made.points
            undecided = made.points is None and grade.auto_score is None
            grade.needs_manual_grade = undecided or made.is_outdated
            write_judgement(book, place, made)
        return _mark(place, made, mark.comment.strip())

    def set_item(self, item: RubricItem, seen: RubricItem | None) -> None:
        """Keep a rubric item, and score anew who has it; see `mnistkit.grading.marking.sheet.MarkStore`."""
        book = self._book
        with one_step(book):
            before = read_items(book, self._assignment)
            check_item(next((each for each in before if each.id == item.id), None), seen, item)
            _write_item(book, self._assignment, item)
            items = with_item(before, item)
            most = self._exercises[item.lesson, item.exercise].points
            for place, known in read_judgements(book, self._assignment).items():
                if item.id not in known.items.split():
                    continue
                grade = book.find_grade(place.exercise, place.lesson, place.assignment, place.student)
                now = judged_so_far(grade, known)
                if now.items:  # nobody has given other points in formgrader since
                    points = points_of(now.items.split(), items, now.auto, most)
                    grade.manual_score = points
                    write_judgement(book, place, replace(now, points=points))


def _judgement(now: Judgement, mark: HandMark, grade: Any) -> Judgement:
    """Note what a person has decided about the answer that is shown; of an earlier one all stays."""
    if mark.points is None:
        return Judgement(shown=now.shown)
    if mark.sha256 != now.shown:  # only the comment is another one
        return now
    return Judgement(
        now.shown,
        now.shown,
        grade.auto_score,
        mark.points,
        now.extra,
        " ".join(sorted(mark.items)),
        mark.marker,
    )


def _mark(place: Place, judgement: Judgement, comment: str) -> HandMark:
    return HandMark(
        *place[1:],
        judgement.judged,
        judgement.points,
        tuple(judgement.items.split()),
        comment,
        judgement.marker,
    )


def _comment_cell(exercise: Exercise) -> str:
    """Name the cell that comments on an exercise stand at: nbgrader has them at students' cells only."""
    return exercise.work[-1] if exercise.work else exercise.id


@cache
def _table() -> Table:
    from sqlalchemy import Column, Float, Integer, MetaData, String, Table

    texts = [Column(name, String, nullable=False) for name in ("assignment", "lesson", "exercise", "text")]
    number, key = Column("number", Integer, primary_key=True), Column("id", String(32), unique=True)
    return Table("mnistkit_rubric", MetaData(), number, key, *texts, Column("points", Float, nullable=False))


def read_items(book: Any, assignment: str) -> tuple[RubricItem, ...]:
    """Read the rubric items of an assignment, in the order in which they were made."""
    from sqlalchemy import inspect

    table, connection = _table(), book.db.connection()
    if not inspect(connection).has_table(table.name):
        return ()
    query = table.select().where(table.c.assignment == assignment).order_by(table.c.number)
    rows = connection.execute(query)
    return tuple(RubricItem(row.id, row.lesson, row.exercise, row.text, row.points) for row in rows)


def _write_item(book: Any, assignment: str, item: RubricItem) -> None:
    from sqlalchemy.dialects.sqlite import insert

    table, connection = _table(), book.db.connection()
    table.create(connection, checkfirst=True)
    statement = insert(table).values(assignment=assignment, **vars(item))
    new = {"text": item.text, "points": item.points}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=new))


def _questions(lesson: Lesson) -> Iterator[Question]:
    """Give the exercises of a notebook with their text and the instructor's answer."""
    cells = json.loads(lesson.text)["cells"]
    by_name = {grade_id_of(cell): number for number, cell in enumerate(cells) if grade_id_of(cell)}
    for exercise in read_exercises(lesson):
        work = [by_name[name] for name in exercise.work or (exercise.id,)]
        solution = "\n\n".join(_without_markers(joined(cells[place]["source"])) for place in work)
        yield Question(
            lesson.name, exercise.id, exercise.title, exercise.points, _text(cells, work[0]), solution.strip()
        )


def _without_markers(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if not markers(line))


def _text(cells: list[dict[str, Any]], place: int) -> str:
    """Give the markdown above an answer, up from the heading that it stands under."""
    texts: list[str] = []
    for cell in reversed(cells[:place]):
        if cell["cell_type"] == "markdown":
            texts.insert(0, joined(cell["source"]))
            if headings(texts[0]):
                break
    return "\n\n".join(texts)
