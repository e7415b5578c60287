"""The package for students: one wheel with the course as they get it, and the locked packages beside it."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mnistkit.course.bundle import wheels
from mnistkit.course.bundle.command import write_student_course
from mnistkit.course.lessons import Lesson
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.records.lesson_facts import INSTALLED_COURSE

REQUIREMENTS = "requirements.txt"
"""The locked packages that a student needs, beside the wheel."""
_BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")
_VERSION = re.compile(r'^version = "([^"+]+)[^"]*"', re.M)


def write_student_wheel(home: Path, course: Sequence[Lesson], out: Path) -> Path:
    """Write a wheel of mnistkit that has a course without its solutions, and what it needs beside it.

    Parameters
    ----------
    home : pathlib.Path
        The clone of mnistkit.
    course : sequence of Lesson
        The lessons, of the kit or of one's own.
    out : pathlib.Path
        The folder; it may be there, and then a newer wheel replaces the one before.

    Returns
    -------
    pathlib.Path
        The wheel. Its version ends with the time, so that pip takes a newer one for newer.

    Raises
    ------
    UserError
        If it can't be built.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, built = Path(scratch, "source"), Path(scratch, "built")
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(home / "mnistkit", source / "mnistkit", ignore=unwanted)
        for name in _BUILT_FROM:
            shutil.copyfile(home / name, source / name)
        project = source / "pyproject.toml"
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        text, count = _VERSION.subn(rf'version = "\1+students.{stamp}"', project.read_text(encoding="utf-8"))
        if count != 1:
            raise UserError(home / project.name, found=f"{count} lines with a version", expected="one")
        write_atomically(project, text)
        write_student_course(course, source / "mnistkit" / INSTALLED_COURSE)
        wheels.build_wheel(source, built)
        (wheel,) = (built / wheels.ANY).iterdir()
        earlier = [path for path in out.glob("mnistkit-*+students.*.whl") if path.name != wheel.name]
        write_atomically(out / wheel.name, wheel.read_bytes())
    write_atomically(out / REQUIREMENTS, "\n".join(wheels.read_students_lock(home)) + "\n")
    for path in earlier:
        path.unlink()
    return out / wheel.name
