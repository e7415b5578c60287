"""Personal data: numbers of each student's own, which nobody can work out without the course's secret.

A student's notebook has them as its parameters: those that the YAML file beside the lesson calls personal, or
``seed``. Whoever grades has the secret and computes them again: nothing that comes back from a student is
believed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import read_schema
from mnistkit.errors import UserError
from mnistkit.files import replacing
from mnistkit.records.lesson_facts import read_lesson_facts

__all__ = [
    "SECRET",
    "personal_names",
    "personal_parameters",
    "read_or_make_secret",
    "read_secret",
    "whose_numbers",
]

_logger = logging.getLogger(__name__)

SECRET = "secret.key"
"""Name of the file in the course's folder; whoever has it can compute every student's numbers."""

_USUAL = "seed"
"""The personal parameter of a lesson with nothing beside it that says another."""
_NUMBERS_A_DIGEST = 4
_LARGEST = 2_000_000_000  # with a lesson's "seed + 1, seed + 2, …" still below 2^31


def personal_names(lessons: Sequence[Lesson]) -> list[str]:
    """List the parameters of which each student gets own numbers.

    Parameters
    ----------
    lessons : sequence of Lesson
        The lessons of an assignment.

    Returns
    -------
    list of str
        What the YAML files beside them call ``personal``; ``seed`` of a lesson that has it and says nothing.

    Raises
    ------
    UserError
        If a name is not that of a whole number in the lesson's parameters cell.
    """
    names: dict[str, None] = {}
    for lesson in lessons:
        numbers = [name for name, parameter in read_schema(lesson).items() if parameter.type == "int"]
        said = read_lesson_facts(lesson.path).personal
        for name in said or ():
            if name not in numbers:
                raise UserError(
                    f"{lesson.path.with_suffix('.yaml')}: personal",
                    found=repr(name),
                    expected=f"whole numbers of its parameters cell: {', '.join(numbers) or 'it has none'}",
                    todo="correct the file, then try again",
                )
        names |= dict.fromkeys([name for name in numbers if name == _USUAL] if said is None else said)
    return list(names)


def whose_numbers(
    secret: bytes,
    students: Sequence[str],
    assignment: str,
    names: Sequence[str],
    source: str,
    own: Mapping[str, int],
) -> str:
    """Say whose numbers stand in a parameters cell that a student has handed in.

    Parameters
    ----------
    secret : bytes
        The course's secret.
    students : sequence of str
        Who got own numbers.
    assignment : str
        Name of the assignment.
    names : sequence of str
        Its personal parameters.
    source : str
        The parameters cell.
    own : mapping of str to int
        What should stand there; a name that the notebook does not have is left out.

    Returns
    -------
    str
        A sentence for the teacher; empty where they are the student's own.
    """
    found = {name: int(value) for name, value in re.findall(r"^(\w+)(?:: int)? = (\d{1,12})\b", source, re.M)}
    found = {name: value for name, value in found.items() if name in own}
    if all(found.get(name) == value for name, value in own.items()):
        return ""
    for student in students:
        theirs = personal_parameters(secret, student, assignment, names)
        if found and all(theirs[name] == value for name, value in found.items()):
            return (
                f"this notebook has the personal numbers of {student}; it was graded with the student's own"
            )
    return "its personal numbers were changed; it was graded with the student's own"


def personal_parameters(secret: bytes, student: str, assignment: str, names: Sequence[str]) -> dict[str, int]:
    """Compute a student's own numbers for an assignment.

    Parameters
    ----------
    secret : bytes
        The course's secret, as `read_secret` gives it.
    student : str
        The student's id, as in the roster.
    assignment : str
        Name of the assignment.
    names : sequence of str
        Its personal parameters, as `personal_names` gives them: the place in it decides a number.

    Returns
    -------
    dict of str to int
        By name, from 1 to 2,000,000,000; the same for the same arguments. A lesson takes those that it has as
        parameters.
    """
    numbers = {}
    for place, name in enumerate(names):
        block, part = divmod(place, _NUMBERS_A_DIGEST)
        # Which no other names can give.
        message = json.dumps(["mnistkit personal 1", assignment, student, *([block] if block else [])])
        digest = hmac.new(secret, message.encode(), hashlib.sha256).digest()
        numbers[name] = 1 + int.from_bytes(digest[8 * part : 8 * part + 8], "big") % _LARGEST
    return numbers


def read_or_make_secret(course: Path) -> bytes:
    """Read a course's secret; make one where there is none yet.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    UserError
        If there is one that can't be used: see `read_secret`.
    """
    path = course / SECRET
    if not path.exists():
        with replacing(path) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 (from its birth nobody else's)
                file.write(secrets.token_hex(32) + "\n")
    return read_secret(course)


def read_secret(course: Path) -> bytes:
    """Read a course's secret.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    UserError
        If it is missing or broken, or others may read it. A new one would change every student's numbers.
    """
    path = course / SECRET
    try:
        text = path.read_text(encoding="ascii").strip()
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            path,
            found=f"{type(error).__name__}: {error}",
            expected="the secret that the personal numbers were made with",
            todo="put the file back from a copy of the course's folder",
        ) from error
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise UserError(
            path,
            found=f"{len(text)} characters that are no secret",
            expected="64 hexadecimal digits, as they were made",
            todo="put the file back from a copy; only if nothing was handed out yet, delete it",
        )
    if os.name == "posix" and mode & 0o077:
        raise UserError(
            path, found=f"others may read it (mode {mode:o})", expected="mode 600", todo=f"chmod 600 {path}"
        )
    return bytes.fromhex(text)
