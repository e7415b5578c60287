"""The way to nbgrader: its settings, its gradebook and its converters, and its failures in words."""

from __future__ import annotations

import importlib.util
import logging
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistkit.course.student_edition import CODE_STUB, CONFIG, TEXT_STUB
from mnistkit.errors import UserError
from mnistkit.grading.judgements import Answered, Place, enter_points
from mnistkit.grading.roster import Student
from mnistkit.utils.extras import how_to_install

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = [
    "CONFIG",
    "CONFIG_TEXT",
    "GRADEBOOK",
    "check_path",
    "enrol",
    "enter_grades",
    "generate",
    "gradebook",
    "late_penalty_rule",
    "read_config",
    "require_nbgrader",
]

GRADEBOOK = "gradebook.db"
_NOT_IN_A_PATH = re.compile(r"[?*\[\]\\\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")

CONFIG_TEXT = f'''\
"""nbgrader's settings for this course. They are yours to change: mnistkit writes this file only once."""

c = get_config()

# What stands where a solution was. It must stay an error: the check below it has to notice it.
c.ClearSolutions.code_stub = {{
    "python": {CODE_STUB!r}
}}
c.ClearSolutions.text_stub = {TEXT_STUB!r}

# Seconds that one cell may take when a notebook is run to be graded or validated.
c.ExecutePreprocessor.timeout = 600
'''


def require_nbgrader() -> None:
    """Check that nbgrader is installed.

    Raises
    ------
    UserError
        If it is not; the message has the command that installs it.
    """
    if importlib.util.find_spec("nbgrader") is None:
        raise UserError("assignments need the package 'nbgrader'", todo=how_to_install("assignments"))


def check_path(course: Path) -> None:
    """Check that nbgrader can work in a folder: formgrader makes patterns and an address of its path.

    With a ``?`` in it, formgrader's gradebook would be another file than the course's.

    Parameters
    ----------
    course : pathlib.Path
        The folder; it need not be there.

    Raises
    ------
    UserError
        If the path has a character that nbgrader takes for something else.
    """
    found = sorted(set(_NOT_IN_A_PATH.findall(course.resolve().as_posix())))
    if found:
        raise UserError(
            f"--course {course}",
            found=f"{' '.join(map(repr, found))} in its path",
            expected="a path without ? * [ ] \\ %20 and the like: nbgrader takes them for something else",
            todo="rename the folder, or choose another one with --course",
        )


def read_config(course: Path) -> Config:
    """Read the course's settings of nbgrader."""
    from traitlets.config.loader import PyFileConfigLoader

    class Loader(PyFileConfigLoader):
        def _find_file(self) -> None:  # which would put a value for the "$HOME" of a folder's name
            self.full_filename = str(course.resolve() / CONFIG)

    try:
        return Loader(CONFIG).load_config()
    except Exception as error:  # a Python file of the teacher's: anything can be wrong with it
        raise UserError(
            course / CONFIG,
            found=f"{type(error).__name__}: {error}",
            expected="a Python file that sets nbgrader's options",
        ) from error


@contextmanager
def gradebook(course: Path) -> Iterator[Any]:
    """Open the course's gradebook (`nbgrader.api.Gradebook`).

    Raises
    ------
    UserError
        If the file is damaged, locked by another program, or of another nbgrader.
    """
    from nbgrader.api import Gradebook
    from sqlalchemy import text
    from sqlalchemy.exc import DatabaseError

    try:
        with _nbgraders_ways(), Gradebook(_database(course)) as book:
            # SQLite itself reads a damaged file until it comes to the damage.
            if (found := book.db.execute(text("PRAGMA quick_check(1)")).scalar()) != "ok":
                raise _unusable(course, ValueError(f"a damaged file ({' '.join(str(found).split())})"))
            yield book
    except DatabaseError as error:
        raise _unusable(course, error) from error


def _unusable(course: Path, error: Exception) -> UserError:
    """Say what is wrong with a gradebook."""
    found = str(getattr(error, "orig", error))
    todo = "restore it from a copy, or, if it is of an older nbgrader: nbgrader db upgrade"
    if "locked" in found:
        todo = "end what works with it (a copy of formgrader, a database viewer), and try again"
    elif "unable to open" in found or "readonly" in found:
        todo = "see that this account may read and write it and its folder, and that the disk is not full"
    return UserError(course / GRADEBOOK, found=found, expected="the gradebook of this course", todo=todo)


def enrol(book: Any, students: Iterable[Student]) -> None:
    """Enter students into a gradebook; what is known of one already stays where nothing else is given.

    Parameters
    ----------
    book : nbgrader.api.Gradebook
        From `gradebook`.
    students : iterable of Student
        Who takes part.
    """
    for student in students:
        known = {"first_name": student.first_name, "last_name": student.last_name, "email": student.email}
        book.update_or_create_student(student.id, **{k: v for k, v in known.items() if v})


@contextmanager
def _nbgraders_ways() -> Iterator[None]:
    """Tell nbgrader here which version a new gradebook has, and let it use one engine for a gradebook.

    nbgrader starts a command for the version, ``alembic``: that takes seconds, and is not found in an
    environment that isn't active. And keep quiet what SQLAlchemy says of the order in which nbgrader adds a
    submission.
    """
    from nbgrader import api
    from sqlalchemy.exc import SAWarning

    asked, made = api.get_alembic_version, api.create_engine
    api.get_alembic_version, api.create_engine = _newest_version, _engine
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)
            yield
    finally:
        api.get_alembic_version, api.create_engine = asked, made


@lru_cache(maxsize=8)
def _engine(address: str, **options: Any) -> Any:
    """Make what nbgrader asks a gradebook with; it keeps the statements that it has compiled.

    nbgrader opens the gradebook eight times for each submission. No connection stays in between, as the file
    may be replaced.
    """
    from sqlalchemy import NullPool, create_engine

    return create_engine(address, poolclass=NullPool, **options)


def _newest_version() -> str:
    """Give the version of the tables that this nbgrader makes."""
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return ScriptDirectory(ALEMBIC_DIR).get_heads()[0]


def _database(folder: Path) -> str:
    from sqlalchemy import URL

    check_path(folder)
    address = URL.create("sqlite", database=str(folder.resolve() / GRADEBOOK))
    return address.render_as_string(hide_password=False)


class _Errors(logging.Handler):
    """Keeps what nbgrader says is wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.messages.append(record.getMessage())


def generate(course: Path, stage: Path, assignment: str, *, into_gradebook: bool) -> Path:
    """Let nbgrader make the students' version of what is in the stage's ``source``.

    Parameters
    ----------
    course : pathlib.Path
        The course: its settings are used.
    stage : pathlib.Path
        Folder with ``source/ASSIGNMENT``.
    assignment : str
        Name of the assignment.
    into_gradebook : bool
        Write cells and points into the course's gradebook too.

    Returns
    -------
    pathlib.Path
        The folder that it was written to, in the stage's ``release``.

    Raises
    ------
    UserError
        If nbgrader refuses.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import SaveCells

    with _converter(GenerateAssignment, course, stage, assignment) as app:
        app.force = True
        if not into_gradebook:
            app.no_database = True
            app.preprocessors = [step for step in app.preprocessors if step is not SaveCells]
        app.start()
    return stage / "release" / assignment


def enter_grades(
    course: Path,
    stage: Path,
    assignment: str,
    student: str,
    undecided: Collection[tuple[str, str]],
    answers: Mapping[tuple[str, str], Answered],
) -> Path:
    """Let nbgrader enter into the gradebook what stands in the stage's notebooks; nothing is run.

    Points that a person has given stay, and stay final, as long as the answer is the same
    (`mnistkit.grading.judgements`). nbgrader would open all of them each time.

    Parameters
    ----------
    course : pathlib.Path
        The course: its settings and its gradebook are used.
    stage : pathlib.Path
        Folder with ``submitted/STUDENT/ASSIGNMENT``, its checks with their outputs
        (`mnistkit.grading.autograde.formgrader_notebook`).
    assignment, student : str
        What was handed in, and by whom.
    undecided : collection of (str, str)
        Notebooks and cells of which no check has found out anything: they get no points, not 0, and wait.
    answers : mapping of (str, str) to Answered
        What was handed in, by notebook and cell.

    Returns
    -------
    pathlib.Path
        The folder for formgrader, in the stage's ``autograded``.

    Raises
    ------
    UserError
        If nbgrader refuses.
    """
    from nbgrader.converters import Autograde
    from nbgrader.preprocessors import AssignLatePenalties, OverwriteCells

    with _converter(Autograde, course, stage, assignment) as app:
        app.coursedir.student_id = student
        app.sanitize_preprocessors = [OverwriteCells]
        app.autograde_preprocessors = [_saver(undecided, answers), AssignLatePenalties]
        app.start()
    return stage / "autograded" / student / assignment


def late_penalty_rule(course: Path) -> Callable[[str, float, float], float]:
    """Give what the course's settings of nbgrader take away for lateness.

    Parameters
    ----------
    course : pathlib.Path
        The course.

    Returns
    -------
    callable
        Gets a student's id, the points and the seconds of lateness; gives points, from 0 to those reached.
    """
    from nbgrader.preprocessors import AssignLatePenalties

    step = AssignLatePenalties(config=read_config(course), log=logging.Logger("nbgrader"))
    step.init_plugin()

    def rule(student: str, points: float, seconds: float) -> float:
        penalty = step.plugin_inst.late_submission_penalty(student, points, seconds)
        return min(max(float(penalty or 0), 0.0), points)

    return rule


def _saver(undecided: Collection[tuple[str, str]], answers: Mapping[tuple[str, str], Answered]) -> Any:
    """Give nbgrader's step that saves points, with another rule for what waits; see `enter_grades`."""
    from nbgrader.preprocessors import SaveAutoGrades
    from nbgrader.utils import determine_grade

    class Save(SaveAutoGrades):
        def _add_score(self, cell: Any, resources: Any) -> None:
            name = cell.metadata["nbgrader"]["grade_id"]
            points, _ = determine_grade(cell, self.log)
            here = (self.notebook_id, name)
            place = Place(self.assignment_id, self.student_id, *here)
            enter_points(self.gradebook, place, None if here in undecided else points, answers[here])

    return Save


@contextmanager
def _converter(kind: Any, course: Path, root: Path, assignment: str) -> Iterator[Any]:
    """Set up one of nbgrader's converters, and put into words what it says when it fails."""
    from nbgrader.coursedir import CourseDirectory
    from sqlalchemy.exc import DatabaseError

    config = read_config(course)
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = _database(course)
    config.CourseDirectory.assignment_id = assignment
    errors = _Errors()
    log = logging.Logger("nbgrader")  # of its own: nobody else's handlers
    log.addHandler(errors)
    directory = CourseDirectory(config=config, log=log)
    app = kind(coursedir=directory, config=config, log=log)
    try:
        with _nbgraders_ways():
            yield app
    except DatabaseError as error:
        raise _unusable(course, error) from error
    except Exception as error:  # nbgrader's own, sqlalchemy's, nbconvert's: the log says what it was
        if isinstance(error.__context__, DatabaseError):
            raise _unusable(course, error.__context__) from error
        said = "\n".join(message.strip() for message in errors.messages) or str(error)
        raise UserError(f"{assignment}: nbgrader could not do its part", found=said) from error
