"""The folder of a course: nbgrader's, with what this kit keeps beside it.

Folders take their places in one step, or not at all. What nbgrader itself does there is in
`mnistkit.grading.nbgrader_bridge`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mnistkit.course.lessons import Lesson
from mnistkit.course.stored_files import is_plain_name, read_stored
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading.nbgrader_bridge import CONFIG, CONFIG_TEXT, GRADEBOOK, check_path, gradebook

__all__ = [
    "COLLECTED",
    "TIMESTAMP",
    "Released",
    "check_assignment_name",
    "check_no_submissions",
    "open_course",
    "read_released",
    "released_name",
    "replace_folder",
    "source_lessons",
    "staging",
    "submitted_path",
]

_NOTES = "assignments"
COLLECTED = "-collected"
"""Ends the name of the note of what was collected, which lies beside that of the release."""
TIMESTAMP = "timestamp.txt"
"""Name of the file with the time of handing in: nbgrader's."""
_STAGE = ".stage-"
_ASIDE = ".aside"
_RENAME_EXCHANGE, _AT_FDCWD = 2, -100


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
    check_path(course)
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
    write_atomically(course / CONFIG, CONFIG_TEXT)


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
    if (course / GRADEBOOK).exists():
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


def submitted_path(course: Path, student: str, assignment: str, lesson: str) -> Path:
    """Say where a notebook that a student handed in lies."""
    return course / "submitted" / student / assignment / f"{lesson}.ipynb"


def source_lessons(course: Path, released: Released) -> list[Lesson]:
    """List the instructor's notebooks of an assignment."""
    return [Lesson(course / "source" / released.name / f"{lesson}.ipynb") for lesson in released.lessons]


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
