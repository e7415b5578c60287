"""Feedback for students: what they got and why, their teacher's comments, and their own notebook.

One page for each notebook, in nbgrader's own place and under its own name for it. nbgrader's feedback is not
used: it shows the text of hidden tests, and what students wrote takes effect in it as scripts.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mnistkit.course.report.html.layout import Link, Page, frame, render
from mnistkit.course.report.pages.lesson import notebook_content
from mnistkit.files import write_atomically
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.ai_declaration import read_declaration
from mnistkit.grading.dates.gradebook_dates import enter_dates
from mnistkit.grading.exercises import Exercise
from mnistkit.grading.feedback import killable_call
from mnistkit.grading.feedback.gradebook_scores import ClassScores, Score, StudentScore, read_class_scores
from mnistkit.grading.feedback.instructor_page import SHEET, feedback_path, mark_of, write_overview
from mnistkit.grading.feedback.notebook_excerpt import shown_notebook
from mnistkit.grading.feedback.page_states import note_pages
from mnistkit.grading.feedback.similarity import WrittenAnswers
from mnistkit.grading.ledger import Graded, Mark, read_graded, told
from mnistkit.grading.plain_text import plain, plain_lines
from mnistkit.grading.roster import is_id
from mnistkit.grading.submission import (
    NotANotebook,
    SubmittedCell,
    SubmittedNotebook,
    read_any_cells,
    read_submitted_cells,
)
from mnistkit.utils.threads import cores

_logger = logging.getLogger(__name__)

MAX_SECONDS = 60.0
"""Time that laying out a notebook may take; real ones take about a second."""

_COMMENT = 10_000  # characters
_PRELOADED = ["mnistkit.grading.feedback.layout_start"]
_NO_RESPONSE = "No response."
"""What nbgrader itself says about a cell that was left as it was."""


@dataclass(frozen=True)
class Line:
    """What a student is told about an exercise.

    Attributes
    ----------
    title : str
        The exercise.
    score : Score
        The points.
    good : bool
        Whether nothing is missing.
    says : str
        Why there are these points.
    comment : str
        What the teacher says.
    place : str
        Where the student's work stands on the page; empty if it is not there.
    """

    title: str
    score: Score
    good: bool
    says: str
    comment: str
    place: str


def feedback_command(course: Path, assignment: str) -> None:
    """Carry out ``mnistkit assignment feedback``: write feedback, the teacher's page and the table again.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of the assignment.

    Raises
    ------
    UserError
        If the assignment was not released from this course.
    """
    nbgrader_bridge.require_nbgrader()
    assignment = courses.released_name(course, assignment)
    from mnistkit.grading.collect.command import read_collected

    enter_dates(course, assignment)
    standings = read_class_scores(course, assignment)
    answers = WrittenAnswers(course, standings)
    count = write_feedback(course, standings, answers)
    page = write_overview(course, standings, read_collected(course, assignment), answers)
    _logger.info(f"feedback for {count} student{'s' * (count != 1)}: {course / 'feedback'}/ID/{assignment}/")
    _logger.info(f"table of grades: {page.with_name(SHEET)}")
    _logger.info(f"your page: {page}")


def write_feedback(course: Path, standings: ClassScores, answers: WrittenAnswers) -> int:
    """Write the feedback for everybody who handed in.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    standings : ClassScores
        What everybody has.
    answers : WrittenAnswers
        Takes note of what is read.

    Returns
    -------
    int
        For how many students.
    """
    assignment, graded = standings.assignment, read_graded(course, standings.assignment)
    there = [standing for standing in standings.students if standing.handed_in and _is_folder(standing)]
    nobody = replace(standings, students=())  # what is made for a student has nothing of another one
    given = {
        lesson: read_submitted_cells(course / "release" / assignment / f"{lesson}.ipynb", ("markdown",))
        for lesson in standings.titles
    }
    tasks = [(standing, lesson) for standing in there for lesson in standings.titles]

    def page_of(task: tuple[StudentScore, str]) -> tuple[str, str]:
        standing, lesson = task
        submission = _read(courses.submitted_path(course, standing.student, assignment, lesson))
        answers.note(standing.student, lesson, submission.of_kinds("code", "markdown"))
        mine = graded.get(standing.student)
        return feedback_page(nobody, standing, mine, lesson, submission, given[lesson])

    with ThreadPoolExecutor(cores()) as pool:  # each waits for the process that lays out a notebook
        made = pool.map(page_of, tasks)
        for (standing, lesson), (page, problem) in zip(tasks, made, strict=True):
            write_atomically(feedback_path(course, assignment, standing.student, lesson), page)
            if problem:
                _logger.info(f"{standing.student}, {lesson}: {problem}")
    for standing in there:
        _add_what_nbgrader_asks_for(course, assignment, standing)
    note_pages(course, standings, graded)
    return len(there)


def _is_folder(standing: StudentScore) -> bool:
    """Say whether a student's id is one: the gradebook takes any text."""
    if not is_id(standing.student):
        _logger.info(f"{plain(standing.student)}: no feedback, because this id can't be the name of a folder")
    return is_id(standing.student)


def _add_what_nbgrader_asks_for(course: Path, assignment: str, standing: StudentScore) -> None:
    """Write beside the pages what ``nbgrader release_feedback`` reads: the time, and the submission's secret.

    A student fetches feedback by a secret that nbgrader's own ``submit`` has made. Where the work came in
    another way there is none; a new one then takes its place, by which nobody can fetch it.
    """
    submitted = course / "submitted" / standing.student / assignment
    folder = feedback_path(course, assignment, standing.student, "").parent
    defaults = {courses.TIMESTAMP: standing.received, "submission_secret.txt": secrets.token_hex(32)}
    for name, default in defaults.items():
        known = [
            path for path in (submitted / name, folder / name) if path.is_file() and not path.is_symlink()
        ]
        write_atomically(folder / name, known[0].read_bytes() if known else default)


def _read(path: Path) -> SubmittedNotebook:
    """Read a submission; a student is told of a link or an unreadable file as of any that is no notebook."""
    try:
        return SubmittedNotebook(None, tuple(read_any_cells(path)))
    except NotANotebook as error:
        return SubmittedNotebook(None, problem=str(error))


def feedback_page(
    standings: ClassScores,
    standing: StudentScore,
    graded: Graded | None,
    lesson: str,
    submission: SubmittedNotebook,
    given: Sequence[SubmittedCell] = (),
) -> tuple[str, str]:
    """Make a student's page about a notebook.

    Parameters
    ----------
    standings : ClassScores
        The assignment; nothing of other students gets onto the page.
    standing : StudentScore
        What the student has.
    graded : Graded or None
        What the checks said; None if they were not run.
    lesson : str
        Name of the notebook.
    submission : SubmittedNotebook
        What the student handed in.
    given : sequence of SubmittedCell, optional
        The texts that were handed out.

    Returns
    -------
    page : str
        The file's text.
    problem : str
        Why the notebook could not be shown; empty where it was.
    """
    pairs = zip(standings.exercises, standing.scores, strict=True)
    here = {exercise: score for exercise, score in pairs if exercise.lesson == lesson}
    title = standings.titles[lesson]
    work, contents, places, problem = _work(submission, title, [cell for e in here for cell in e.work])
    content = render(
        "feedback.html.j2",
        title=title,
        standings=standings,
        standing=standing,
        name=plain(standing.name, 80),
        points=sum(score.points for score in here.values() if not score.open),
        most=sum(score.most for score in here.values()),
        waiting=sum(score.waiting for score in here.values()),
        lines=[_line(e, score, mark_of(graded, e) if graded else None, places) for e, score in here.items()],
        sandboxed=graded is None or graded.sandboxed,
        declaration=read_declaration(
            [cell.source for cell in given], [cell.source for cell in submission.of_kinds("markdown")]
        ),
        work=work,
        problem=problem,
    )
    links = [Link("Exercises", "#mk-exercises"), Link("Your notebook", "#mk-notebook")]
    links += [Link(link.label, link.target, 3) for link in contents]
    menu = [Link(heading, f"{name}.html") for name, heading in standings.titles.items()]
    page = Page(lesson, f"Feedback: {title}", content, links)
    return frame(page, menu if len(menu) > 1 else (), kind="feedback"), problem


def _line(exercise: Exercise, score: Score, mark: Mark | None, places: Mapping[str, int]) -> Line:
    place = next((f"#cell-id={places[cell]}" for cell in exercise.work if cell in places), "")
    comment = "" if score.comment == _NO_RESPONSE else plain_lines(score.comment, _COMMENT)
    good = score.full and not score.open
    return Line(exercise.title, score, good, _says(exercise, score, mark), comment, place)


def _says(exercise: Exercise, score: Score, mark: Mark | None) -> str:
    """Say why an exercise has its points."""
    reason = plain(mark.reason, 600) if mark else ""
    if score.not_done:
        return "It was not graded yet."
    if score.waiting:
        return "Your teacher has not read this yet."
    if exercise.automatic and score.by_hand:
        before = f" Before, by its checks: {reason}" if reason else ""
        return f"Your teacher gave these points.{before}"
    if score.by_hand:
        return "Read by your teacher."
    if not exercise.automatic:
        return "There is no answer here." if not score.points else ""
    return told(mark) if mark else "It was not checked."


def _work(
    submission: SubmittedNotebook, title: str, own: list[str]
) -> tuple[Markup, list[Link], Mapping[str, int], str]:
    """Lay out what was handed in; where that can't be done, say why."""
    if submission.problem:
        return Markup(), [], {}, f"the file can't be shown: {submission.problem}"
    notebook, places = shown_notebook(submission.cells, own)
    try:
        content, contents = killable_call.call(
            notebook_content, notebook, title, seconds=MAX_SECONDS, preload=_PRELOADED
        )
    except TimeoutError as error:
        return _as_text(notebook), [], {}, f"only its text is shown: {error}"
    except killable_call.Failed as error:  # made to break a page, by a file that can have anything in it
        return _as_text(notebook), [], {}, f"only its text is shown ({error})"
    return content, contents, places, ""


def _as_text(notebook: Any) -> Markup:
    """Give the text of the cells that students write, as it is."""
    cells = [cell.source for cell in notebook.cells if "own" in cell.metadata.tags]
    box = Markup('<div class="scroll" tabindex="0" role="group" aria-label="Text"><pre>{}</pre></div>\n')
    return Markup().join(box.format(source) for source in cells)
