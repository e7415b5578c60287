"""What ``mnistkit bundle`` does: puts the course, its packages and its data into one folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from mnistkit import transfer
from mnistkit.course.bundle import wheels
from mnistkit.course.bundle.page import BUNDLE_PAGE, render_page
from mnistkit.course.lessons import Lesson, notebook_text
from mnistkit.course.start_page import COURSE_PAGES, find_page
from mnistkit.course.student_edition import STUDENT_EDITION, without_solutions
from mnistkit.data import export, load, registry
from mnistkit.errors import UserError
from mnistkit.files import file_sha256, read_yaml, scratch_beside, write_atomically
from mnistkit.records.lesson_facts import read_lesson_facts

SUMS = "SHA256SUMS"
"""The list of a bundle's files with their hashes, as ``sha256sum --check`` reads it."""
_SECTIONS_FOR_STUDENTS = ("references", "budgets")  # the others have answers to exercises
_INSTALLER = ("install.py", "requirements.lock", "pyproject.toml", "LICENSE")

_logger = logging.getLogger(__name__)


def write_bundle(
    home: Path, course: Sequence[Lesson], out: Path, systems: Sequence[str], pythons: Sequence[str]
) -> None:
    """Write a folder from which the course can be installed and worked through without internet.

    Parameters
    ----------
    home : pathlib.Path
        The clone of mnistkit, of which the wheel is made.
    course : sequence of Lesson
        The lessons; students' editions of them are written.
    out : pathlib.Path
        The folder; there must be none yet.
    systems : sequence of str
        Names of `mnistkit.course.bundle.wheels.TARGETS`.
    pythons : sequence of str
        Versions of Python: ``3.12``.

    Raises
    ------
    UserError
        If the folder is there, or something can't be had. Nothing is left then.
    """
    if out.exists():
        raise UserError(
            out, found="a file or folder", expected="a new name", todo="choose another, or move it away"
        )
    scratch = scratch_beside(out)
    try:
        _write_packages(home, scratch, systems, pythons)
        write_student_course(course, scratch)
        published = ((name, registry.dataset_spec(name).published) for name in registry.published_names())
        write_data(scratch / "data", [name for name, files in published if files.standin is not None])
        write_weights(scratch / "data")
        for name in _INSTALLER:
            shutil.copyfile(home / name, scratch / name)
        write_atomically(scratch / BUNDLE_PAGE, render_page(scratch))
        write_atomically(scratch / SUMS, _sums(scratch))
        scratch.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_packages(home: Path, folder: Path, systems: Sequence[str], pythons: Sequence[str]) -> None:
    locked = wheels.read_students_lock(home)
    for system in systems:
        _logger.info(f"packages for {system}, Python {', '.join(pythons)} ...")
        wheels.fetch_wheels(locked, system, pythons, folder / "wheels")
    wheels.build_wheel(home, folder / "wheels")


def write_student_course(course: Sequence[Lesson], folder: Path) -> None:
    """Write the lessons without solutions, and of what stands beside them nothing that is an answer.

    Parameters
    ----------
    course : sequence of Lesson
        The lessons.
    folder : pathlib.Path
        The course's folder, which gets ``notebooks`` and ``docs``.
    """
    for lesson in course:
        edition = without_solutions(lesson.content)
        edition["metadata"][STUDENT_EDITION] = True
        write_atomically(folder / "notebooks" / lesson.path.name, notebook_text(edition))
        beside = lesson.path.with_suffix(".yaml")
        if beside.exists():
            read_lesson_facts(lesson.path)  # says what is wrong with it
            facts: dict[str, Any] = read_yaml(beside) or {}
            shown = {name: facts[name] for name in _SECTIONS_FOR_STUDENTS if name in facts}
            text = yaml.safe_dump(shown, allow_unicode=True, sort_keys=False)
            write_atomically(folder / "notebooks" / beside.name, text)
    source = course[0].path.parent
    shutil.copytree(source / "presets", folder / "notebooks" / "presets")
    for name in COURSE_PAGES:
        if page := find_page(source, name):
            write_atomically(folder / "docs" / name, page.read_bytes())


def write_data(folder: Path, names: Iterable[str]) -> None:
    """Write data sets into a folder that ``MNISTKIT_DATA`` can name, as far as they are to be had.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; each gets a folder of its name in it.
    names : iterable of str
        Data sets of the registry.
    """
    for name in names:
        dataset = load(name, verify=True)
        if dataset.is_standin:
            _logger.warning(f"note: {name} is not to be had here: lessons will take its stand-in")
        else:
            export(dataset, folder / name, "idx-gz")
            _logger.info(f"{name}: {dataset.source}")


def write_weights(folder: Path) -> None:
    """Copy VGG16's weights into a folder that ``MNISTKIT_DATA`` can name, where they are here.

    Parameters
    ----------
    folder : pathlib.Path
        Where to: into its subfolder ``vgg16``.
    """
    weights = transfer.find_imagenet_weights()
    if weights is None:
        _logger.warning("note: VGG16's weights are not here: its lesson will take random ones")
    else:
        (folder / "vgg16").mkdir(parents=True)
        shutil.copyfile(weights, folder / "vgg16" / weights.name)
        _logger.info(f"VGG16's weights: {weights}")


def _sums(folder: Path) -> str:
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        lines.append(f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}\n")
    return "".join(lines)
