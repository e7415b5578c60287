"""`mnistkit assignment questions`: a page with answers for the teacher, and a sheet for each student."""

from __future__ import annotations

import csv
import io
import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistkit.course.lessons import Lesson
from mnistkit.course.report.html.layout import Link, Page, frame, render
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.autograde.batch import Submitted, read_submitted
from mnistkit.grading.exercises import Exercise, read_exercises
from mnistkit.grading.feedback import killable_call
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.plain_text import plain
from mnistkit.grading.questions.ask import AnsweredExercise, OralQuestion, ShownCell, questions_about
from mnistkit.grading.roster import is_id
from mnistkit.grading.submission import joined, read_cells
from mnistkit.utils.threads import cores

_logger = logging.getLogger(__name__)

READ_SECONDS = 20.0
"""Time that reading one submission may take; real ones take far less than a second."""

_MAX_SHOWN = 20_000  # characters of a cell's outputs


@dataclass(frozen=True)
class _Asked:
    """A student's questions, under the name that stands on the sheet."""

    heading: str
    file: str
    questions: Sequence[OralQuestion]
    problem: str = ""


def questions_command(course: Path, name: str, *, blind: bool) -> Path:
    """Carry out ``mnistkit assignment questions``.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        The assignment.
    blind : bool
        Put numbers in the place of names, in an order of chance.

    Returns
    -------
    pathlib.Path
        The teacher's page.

    Raises
    ------
    UserError
        If it was not released, or nobody handed in.
    """
    nbgrader_bridge.require_nbgrader()
    name = courses.released_name(course, name)
    scores = read_class_scores(course, name)
    students = sorted(
        path.parent.name for path in course.glob(f"submitted/*/{name}") if is_id(path.parent.name)
    )
    if not students:
        raise UserError(
            name, found="nothing was handed in", todo=f"mnistkit assignment collect {name} SOURCE"
        )
    if blind:
        secrets.SystemRandom().shuffle(students)
    lessons = [_Read(course, name, lesson) for lesson in scores.titles]
    with ThreadPoolExecutor(cores()) as pool:  # each waits for the process that reads a submission
        made = list(pool.map(lambda student: _questions_to(lessons, student), students))
    names = {one.student: plain(one.name, 80) for one in scores.students}
    asked = []
    for number, (student, (questions, problem)) in enumerate(zip(students, made, strict=True), start=1):
        known = f"{names[student]} ({student})" if names.get(student) else student
        heading, file = (f"Number {number}", f"{number}") if blind else (known, student)
        asked.append(_Asked(heading, file, questions, problem))
    folder = course / "grades" / name / "questions"
    with courses.staging(course) as stage:
        _write(stage / "questions", name, asked)
        if blind:
            write_atomically(stage / "questions" / "who.csv", _table(students))
        courses.replace_folder(stage / "questions", folder, stage)
    few = sum(not one.questions for one in asked)
    _logger.info(
        f"questions to {len(asked) - few} students: {folder / 'sheets'}" + f"; none to {few}" * bool(few)
    )
    return folder / "index.html"


def _table(students: Sequence[str]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("number", "id"))
    rows.writerows((number, student) for number, student in enumerate(students, start=1))
    return text.getvalue()


def _write(folder: Path, name: str, asked: Sequence[_Asked]) -> None:
    content = render("questions.html.j2", assignment=name, asked=asked, teacher=True)
    contents = [Link(one.heading, f"#mk-{number}") for number, one in enumerate(asked, start=1)]
    page = Page("index", f"Questions: {name}", content, contents)
    write_atomically(folder / "index.html", frame(page, kind="questions"))
    for one in asked:
        content = render("questions.html.j2", assignment=name, asked=[one], teacher=False)
        page = Page(one.file, f"Questions: {name}", content)
        write_atomically(folder / "sheets" / f"{one.file}.html", frame(page, kind="questions"))


class _Read:
    """A lesson of an assignment: its exercises, and what was handed out of them."""

    def __init__(self, course: Path, assignment: str, lesson: str) -> None:
        self.lesson, self._course, self._assignment = lesson, course, assignment
        source = Lesson(course / "source" / assignment / f"{lesson}.ipynb")
        exercises = read_exercises(source)
        self._exercises = [exercise for exercise in exercises if exercise.automatic and exercise.part < 2]
        released = (course / "release" / assignment / f"{lesson}.ipynb").read_bytes()
        self._released = {cell.grade_id: cell.source for cell in read_cells(released) if cell.grade_id}

    def answered(self, student: str) -> Iterator[AnsweredExercise]:
        """Give the exercises that a student has changed something of."""
        submitted = read_submitted(self._course, self._assignment, student, self.lesson)
        cells = tuple(map(_shown_cell, _code_cells(submitted)))
        for exercise in self._exercises:
            sources = [
                source
                for cell, source in zip(exercise.work, submitted.written(exercise), strict=False)
                if source.strip() and source != self._released.get(cell)
            ]
            if sources:
                check = self._released.get(exercise.id, "")
                yield AnsweredExercise(_title(exercise), tuple(sources), check, cells)


def _title(exercise: Exercise) -> str:
    return exercise.title.rpartition(": ")[0] if exercise.part else exercise.title


def _code_cells(submitted: Submitted) -> Iterator[Mapping[str, Any]]:
    return (cell for cell in submitted.restored.cells if cell.get("cell_type") == "code")


def _shown_cell(cell: Mapping[str, Any]) -> ShownCell:
    outputs = cell.get("outputs")
    texts = (
        [joined(text) for output in outputs for text in _texts(output)] if isinstance(outputs, list) else []
    )
    return ShownCell(joined(cell.get("source")), "\n".join(texts)[:_MAX_SHOWN])


def _texts(output: object) -> Iterator[Any]:
    if isinstance(output, dict):
        data = output.get("data")
        if output.get("output_type") == "stream":
            yield output.get("text")
        elif output.get("output_type") == "execute_result" and isinstance(data, dict):
            yield data.get("text/plain")


def _questions_to(lessons: Sequence[_Read], student: str) -> tuple[list[OralQuestion], str]:
    """Give the questions to a student, or why there are none."""
    try:
        exercises = [exercise for lesson in lessons for exercise in lesson.answered(student)]
        found = killable_call.call(
            questions_about, exercises, student, seconds=READ_SECONDS, preload=[questions_about.__module__]
        )
    except (TimeoutError, killable_call.Failed) as error:
        return [], f"the code could not be read: {error}"
    except OSError as error:
        return [], f"what was handed in can't be read ({error.strerror or error})"
    return found, "" if found else "no function of the student's own was found"
