"""The folder of a course: nbgrader's, with what this kit keeps beside it."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import logging
import os
import re
import shutil
import sysconfig
import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistkit.course.stored_files import is_plain_name, read_stored
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading.release.personalize import Student

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = [
    "COLLECTED",
    "CONFIG",
    "TIMESTAMP",
    "Released",
    "check_assignment_name",
    "check_no_submissions",
    "enrol",
    "enter_grades",
    "generate",
    "gradebook",
    "open_course",
    "read_released",
    "released_name",
    "replace_folder",
    "require_nbgrader",
    "staging",
]

CONFIG = "nbgrader_config.py"
_GRADEBOOK = "gradebook.db"
_NOTES = "assignments"
COLLECTED = "-collected"
"""Ends the name of the note of what was collected, which lies beside that of the release."""
TIMESTAMP = "timestamp.txt"
"""Name of the file with the time of handing in: nbgrader's."""
_STAGE = ".stage-"
_ASIDE = ".aside"
_NOT_IN_A_PATH = re.compile(r"[?*\[\]\\\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")
_RENAME_EXCHANGE, _AT_FDCWD = 2, -100

_CONFIG_TEXT = '''\
"""nbgrader's settings for this course. They are yours to change: mnistkit writes this file only once."""

c = get_config()

# What stands where a solution was. It must stay an error: the check below it has to notice it.
c.ClearSolutions.code_stub = {
    "python": "# YOUR CODE HERE: replace these two lines, then run the check below.\\n"
    'raise NotImplementedError("this function is still to be written")'
}
c.ClearSolutions.text_stub = "*Your answer: click twice on this line and replace it.*"

# Seconds that one cell may take when a notebook is run to be graded or validated.
c.ExecutePreprocessor.timeout = 600
'''


@dataclass(frozen=True)
class Released:
    """What was noted when an assignment was released.

    Attributes
    ----------
    name : str
        The assignment.
    lessons : list of str
        Names of its notebooks.
    personal : bool
        Whether each student has own numbers, as `personalize.personal_parameters` computes them.
    students : list of str
        Whose copies were made; empty where all have the same.
    personal_names : list of str
        The parameters that are own numbers. A note that does not say is of a version that knew these two.
    """

    name: str
    lessons: list[str]
    personal: bool
    students: list[str]
    personal_names: list[str] = field(default_factory=lambda: ["seed", "mystery_seed"])

    def text(self) -> str:
        """Give the note as the text of its file."""
        return json.dumps(vars(self), indent=1) + "\n"


def require_nbgrader() -> None:
    """Check that nbgrader is installed.

    Raises
    ------
    UserError
        If it is not; the message has the command that installs it.
    """
    if importlib.util.find_spec("nbgrader") is None:
        raise UserError("assignments need the package 'nbgrader'", todo="pip install 'mnistkit[assignments]'")


def check_assignment_name(assignment: str) -> None:
    """Check that a text can be an assignment's name: nbgrader makes folders of it, and patterns.

    Raises
    ------
    UserError
        If not.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", assignment):
        raise UserError(
            f"--name {assignment}",
            found=f"{assignment!r}",
            expected="1 to 64 letters, digits, _ and -, the first a letter or digit",
        )


def open_course(course: Path) -> None:
    """Make a folder into a course, or check that it is one.

    An empty file of settings, which a full disk can leave, is written anew.

    Parameters
    ----------
    course : pathlib.Path
        A new, an empty or a course's folder.

    Raises
    ------
    UserError
        If it is a file, or holds something else.
    """
    _check_path(course)
    try:
        # For nobody else: it holds solutions, and students' work.
        course.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"--course {course}", found="a file", expected="a folder, or none yet") from error
    if (course / CONFIG).is_file() and (course / CONFIG).stat().st_size:
        return
    if any(path.name != CONFIG and not path.name.startswith(f".{CONFIG}.") for path in course.iterdir()):
        raise UserError(
            f"--course {course}",
            found=f"a folder with other things in it, and no {CONFIG}",
            expected="a course that this command has made, an empty folder, or none yet",
            todo="choose another folder with --course",
        )
    write_atomically(course / CONFIG, _CONFIG_TEXT)


def _check_path(course: Path) -> None:
    """Check that nbgrader can work in a folder: formgrader makes patterns and an address of its path.

    With a ``?`` in it, formgrader's gradebook would be another file than the course's.
    """
    found = sorted(set(_NOT_IN_A_PATH.findall(course.resolve().as_posix())))
    if found:
        raise UserError(
            f"--course {course}",
            found=f"{' '.join(map(repr, found))} in its path",
            expected="a path without ? * [ ] \\ %20 and the like: nbgrader takes them for something else",
            todo="rename the folder, or choose another one with --course",
        )


@contextmanager
def staging(course: Path) -> Iterator[Path]:
    """Give a folder inside the course to prepare things in; one at a time, and nothing of it stays.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Yields
    ------
    pathlib.Path
        An empty folder on the same file system.

    Raises
    ------
    UserError
        If another release, collection or grading is at work in this course.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(course / ".course.lock", timeout=0):
            for left in course.glob(f"{_STAGE}*/"):  # of a command that was killed
                shutil.rmtree(left)
            stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=course.resolve()))
            try:
                _restore(course, stage)
                yield stage
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    except PermissionError as error:
        raise UserError(
            course,
            found=f"a course of another account ({error.strerror})",
            todo="give it to this one (chown -R), or work as that account",
        ) from error
    except Timeout as error:
        raise UserError(
            f"{course}: another release, collection or grading is at work there",
            todo="wait until it has ended",
        ) from error


def replace_folder(new: Path, place: Path, stage: Path) -> None:
    """Put a folder in the place of another one, which goes into the stage and ends with it.

    At each moment one of the two is complete, and found: they are exchanged in one step where the system can
    do so; elsewhere the old one is first set aside, beside its place and under a name that `staging` knows.

    Parameters
    ----------
    new, place : pathlib.Path
        The folder, and where it shall be.
    stage : pathlib.Path
        What `staging` gave.

    Raises
    ------
    OSError
        If it can't be put there; what was there is there again then.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        new.rename(place)
    elif not _exchange(new, place):
        aside = place.with_name(f".{place.name}{_ASIDE}")
        place.rename(aside)
        try:
            new.rename(place)
        except OSError:
            aside.rename(place)
            raise
        aside.rename(_room(stage) / place.name)


def _room(stage: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="old-", dir=stage))


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; say whether system and file system can do that."""
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    paths = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    return renameat2(*paths, ctypes.c_uint(_RENAME_EXCHANGE)) == 0


def _restore(course: Path, stage: Path) -> None:
    """Put back folders that a killed command had set aside, or clear them away where it had come further."""
    for depth in ("*", "*/*"):
        for aside in course.glob(f"{depth}/.*{_ASIDE}"):
            place = aside.with_name(aside.name.removeprefix(".").removesuffix(_ASIDE))
            aside.rename(_room(stage) / place.name if place.exists() else place)


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
    return UserError(course / _GRADEBOOK, found=found, expected="the gradebook of this course", todo=todo)


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
    """Let nbgrader find `alembic`, which it calls by name, in an environment that isn't active.

    And keep quiet what SQLAlchemy says of the order in which nbgrader adds a submission.
    """
    from sqlalchemy.exc import SAWarning

    path = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join(filter(None, (sysconfig.get_path("scripts"), path)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)
            yield
    finally:
        os.environ["PATH"] = path


def _database(folder: Path) -> str:
    from sqlalchemy import URL

    _check_path(folder)
    address = URL.create("sqlite", database=str(folder.resolve() / _GRADEBOOK))
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
    undecided: Collection[tuple[str, str]] = (),
    changed: Collection[tuple[str, str]] = (),
) -> Path:
    """Let nbgrader enter into the gradebook what stands in the stage's notebooks; nothing is run.

    Points that a person has given stay, and stay final, as long as the answer is the same; of a changed
    answer they are kept, and it waits for a person again. (nbgrader would open all of them each time.)

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
    changed : collection of (str, str)
        Notebooks and cells whose answer is another one than a person may have graded.

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
        app.autograde_preprocessors = [_saver(undecided, changed), AssignLatePenalties]
        app.start()
    return stage / "autograded" / student / assignment


def _saver(undecided: Collection[tuple[str, str]], changed: Collection[tuple[str, str]]) -> Any:
    """Give nbgrader's step that saves points, with another rule for what waits; see `enter_grades`."""
    from nbgrader.preprocessors import SaveAutoGrades
    from nbgrader.utils import determine_grade

    class Save(SaveAutoGrades):
        def _add_score(self, cell: Any, resources: Any) -> None:
            name = cell.metadata["nbgrader"]["grade_id"]
            grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
            place = (self.notebook_id, name)
            points, _ = determine_grade(cell, self.log)
            grade.auto_score = None if place in undecided else points
            by_hand = grade.manual_score is not None or bool(grade.extra_credit)
            if grade.auto_score is None and grade.manual_score is None:
                grade.needs_manual_grade = True
            elif place in changed or not by_hand:
                grade.needs_manual_grade = by_hand
            self.gradebook.db.commit()

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


def check_no_submissions(course: Path, assignment: str) -> None:
    """Check that nobody has handed in yet: a new release would no longer fit what students worked on.

    Raises
    ------
    UserError
        If somebody has.
    """
    found = {
        path.parent.name
        for step in ("submitted", "autograded")
        for path in course.glob(f"{step}/*/{assignment}")
    }
    if (course / _GRADEBOOK).exists():
        from nbgrader.api import MissingEntry

        with gradebook(course) as book, contextlib.suppress(MissingEntry):
            found |= {submission.student.id for submission in book.find_assignment(assignment).submissions}
    if found:
        raise UserError(
            assignment,
            found=f"it has been handed in by {len(found)} already ({', '.join(sorted(found)[:3])}"
            f"{', …' * (len(found) > 3)})",
            expected="one that nobody has handed in: a changed one would no longer fit their work",
            todo="release it under another name with --name, or into another folder with --course",
        )


def note_path(course: Path, assignment: str) -> Path:
    """Say where it is noted what was released."""
    return course / _NOTES / f"{assignment}.json"


def released_name(course: Path, text: str) -> str:
    """Find an assignment by its name, or by the beginning of it: ``02`` for ``02_kmeans_elbow_silhouette``.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    text : str
        What was asked for.

    Returns
    -------
    str
        The assignment's name.

    Raises
    ------
    UserError
        If none was released here that fits, or several fit.
    """
    found = sorted(path.stem for path in (course / _NOTES).glob("*.json"))
    names = [name for name in found if not name.endswith(COLLECTED)]
    fits = [text] if text in names else [name for name in names if name.startswith(f"{text}_")]
    if len(fits) != 1:
        raise UserError(
            text,
            found=", ".join(fits) if fits else f"no assignment of this name in {course}",
            expected=f"one that was released there: {', '.join(names) or 'there is none yet'}",
            todo="mnistkit assignment release, or --course with the right folder",
        )
    return fits[0]


def read_released(course: Path, assignment: str) -> Released:
    """Read what was noted when an assignment was released.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of the assignment.

    Returns
    -------
    Released
        The note.

    Raises
    ------
    UserError
        If it was not released from here, or the note is broken.
    """
    path = note_path(course, assignment)
    todo = "put the file back from a copy, or release the assignment again"
    try:
        released = read_stored(path, Released, todo)
    except FileNotFoundError as error:
        raise UserError(
            path,
            found="no such file",
            expected=f"the note that `mnistkit assignment release` leaves for {assignment!r}",
            todo=todo,
        ) from error
    names = [released.name, *released.lessons, *released.students]
    if released.name != assignment or not released.lessons or not all(map(is_plain_name, names)):
        raise UserError(
            path,
            found=", ".join(map(ascii, names))[:200],
            expected=f"the name {assignment!r}, its notebooks and students, as plain names",
            todo=todo,
        )
    return released
