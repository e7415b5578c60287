"""Which notebook of an assignment a file is that somebody handed in, and which of several counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mnistkit.errors import UserError
from mnistkit.files import file_sha256
from mnistkit.grading.collect.archive import ArchiveEntry, Refused, copy_to
from mnistkit.grading.collect.match_student import lesson_in, shown
from mnistkit.grading.collect.strip_outputs import cut_outputs
from mnistkit.grading.course_folder import Released
from mnistkit.grading.submission import NotANotebook, read_cells, read_submitted_cells

__all__ = ["MAX_WHOLE", "Found", "Lessons", "choose", "identify", "read_lessons"]

MAX_WHOLE = 20_000_000
"""Bytes up to which a notebook is taken as it is; of a larger one the outputs are cut out first."""

# The signs of a lesson: its exercises' cells, the file's name, no other lesson.
_CELLS, _NAME, _ONLY = 3, 2, 1


@dataclass(frozen=True)
class Lessons:
    """The notebooks of a course, by what is recognised of them.

    Attributes
    ----------
    wanted : tuple of str
        The assignment's, in order.
    ids : mapping of str to frozenset of str
        nbgrader's names of the cells, by lesson; of the course's other assignments too.
    """

    wanted: tuple[str, ...]
    ids: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Found:
    """A file that is taken for one of the assignment's notebooks.

    Attributes
    ----------
    lesson : str
        Which; empty where it is none of them.
    path : str
        Where it was.
    file : str
        The name that the student gave it, to be shown.
    sign : int
        How sure that is; more is better.
    fault : str
        Why it can't be read as a notebook; empty where it can.
    sha256 : str
        Of what is put in its place.
    staged : pathlib.Path
        Its content.
    received : datetime or None
        When it was handed in.
    changed : datetime or None
        When it was last changed: says which is newer where the other does not.
    notes : tuple of str
        What is odd about it.
    rank : tuple of int
        Which of several counts, whatever their times; more is better.
    original : str
        The SHA-256 of the file as it was handed in.
    platform : str
        Whose export it was in; empty where that is none.
    exported : str
        Its path there, from what the platform wrote on.
    """

    lesson: str
    path: str
    file: str
    sign: int
    fault: str
    sha256: str
    staged: Path
    received: datetime | None = None
    changed: datetime | None = None
    notes: tuple[str, ...] = field(default=())
    rank: tuple[int, ...] = ()
    original: str = ""
    platform: str = ""
    exported: str = ""

    @property
    def described(self) -> str:
        """Its path, with its time where that is known."""
        return f"'{shown(self.path)}'" + (f" of {self.received:%Y-%m-%d %H:%M}" if self.received else "")


def read_lessons(course: Path, released: Released) -> Lessons:
    """Read what the notebooks of a course can be recognised by.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    released : Released
        The assignment.

    Returns
    -------
    Lessons
        Of this assignment and the course's others.

    Raises
    ------
    UserError
        If the assignment's own can't be read.
    """
    paths = {path.stem: path for path in sorted(course.glob("source/*/*.ipynb"))}
    paths |= {lesson: course / "source" / released.name / f"{lesson}.ipynb" for lesson in released.lessons}
    ids = {}
    for lesson, path in paths.items():
        try:
            cells = read_cells(path.read_bytes())
        except (OSError, ValueError) as error:
            if lesson not in released.lessons:
                continue
            raise UserError(
                path,
                found=f"{type(error).__name__}: {error}",
                expected="the notebook as it was released",
                todo="put it back from a copy of the course",
            ) from error
        ids[lesson] = frozenset(cell.grade_id for cell in cells if cell.grade_id)
    return Lessons(tuple(released.lessons), ids)


def identify(
    entry: ArchiveEntry,
    file: str,
    received: datetime | None,
    lessons: Lessons,
    staged: Path,
    *,
    own_name: bool,
) -> Found:
    """Copy a file aside, and find out which notebook it is.

    Parameters
    ----------
    entry : ArchiveEntry
        The file.
    file : str
        Its name as the student gave it.
    received : datetime or None
        When it was handed in.
    lessons : Lessons
        What it can be.
    staged : pathlib.Path
        Where to copy it.
    own_name : bool
        Whether the file is named after the student, as some courses ask for.

    Returns
    -------
    Found
        Without a lesson where it is none of the assignment's.

    Raises
    ------
    Refused
        If it can't be read or is too large.
    """
    notes = []
    with staged.open("wb") as target:
        copied = copy_to(entry, target)
    if copied.size > MAX_WHOLE:
        _shorten(staged)
        notes.append(f"'{shown(file)}' had {copied.size / 1e6:,.0f} MB: its outputs were cut out")
    ids, fault = _read(staged)
    lesson, sign, warning = _which(file, ids, lessons)
    named = lesson_in(file, lessons.ids) == lesson or (own_name and len(lessons.wanted) == 1)
    if sign and not named:
        warning = f"{lesson} was handed in as '{shown(file)}'"
    if fault:
        notes.append(f"'{shown(file)}' {fault}")
    notes += [warning] if warning else []
    return Found(
        lesson,
        entry.place,
        shown(file),
        sign,
        fault,
        file_sha256(staged),
        staged,
        received,
        entry.changed,
        tuple(notes),
        original=copied.sha256,
    )


def _shorten(staged: Path) -> None:
    short = staged.with_suffix(".short")
    try:
        cut_outputs(staged, short)
    except ValueError as error:
        raise Refused(f"it is too large, and no notebook ({error})") from error
    size = short.stat().st_size
    if size > MAX_WHOLE:
        raise Refused(
            f"it has {size / 1e6:,.0f} MB without its outputs; at most {MAX_WHOLE / 1e6:,.0f} MB are taken"
        )
    short.replace(staged)


def _read(staged: Path) -> tuple[frozenset[str], str]:
    """Give the names of the cells that nbgrader knows, and why there are none."""
    try:
        cells = read_submitted_cells(staged)
    except NotANotebook as error:
        return frozenset(), str(error).removeprefix("it ")
    return frozenset(cell.grade_id for cell in cells if cell.grade_id), ""


def _which(file: str, ids: frozenset[str], lessons: Lessons) -> tuple[str, int, str]:
    """Tell which lesson a file is, how sure that is, and what is odd about it where it is none."""
    by_name = lesson_in(file, lessons.ids)
    scores = {lesson: len(ids & known) for lesson, known in lessons.ids.items()}
    most = max(scores.values())
    best = [lesson for lesson, score in scores.items() if score == most] if most else []
    if best and by_name not in best:
        best = [lesson for lesson in best if lesson in lessons.wanted] or best
    lesson, sign = "", 0
    if by_name in best or len(best) == 1:
        lesson, sign = (by_name if by_name in best else best[0]), _CELLS
    elif by_name:
        lesson, sign = by_name, _NAME
    elif not ids and len(lessons.wanted) == 1:
        lesson, sign = lessons.wanted[0], _ONLY
    if lesson in lessons.wanted:
        return lesson, sign, ""
    what = f"is the notebook of {lesson}" if lesson else "is none of the assignment's notebooks"
    return "", 0, f"'{shown(file)}' {what}{', which is not in this assignment' if lesson else ''}"


def choose(found: Sequence[Found]) -> tuple[Found, list[str]]:
    """Choose which of several files counts as a student's notebook of one lesson.

    One that can be read goes before one that can't, one with the cells of exercises before one without; of
    those what a platform says was handed in last; of those the newest.

    Parameters
    ----------
    found : sequence of Found
        Of one student and one lesson; at least one.

    Returns
    -------
    counts : Found
        The one.
    notes : list of str
        What is said of the others; nothing of those with the same content, and of a platform's earlier
        versions.
    """

    def order(one: Found) -> tuple[object, ...]:
        received, changed = (time.timestamp() if time else 0.0 for time in (one.received, one.changed))
        right_name = one.file.casefold() == f"{one.lesson}.ipynb".casefold()
        sure = (not one.fault, one.sign == _CELLS, one.sign)
        return *sure, one.rank, received, changed, right_name, one.path

    *others, counts = sorted(found, key=order)
    said = [_said(other, counts) for other in others if other.sha256 != counts.sha256]
    return counts, [note for note in said if note]


def _said(other: Found, counts: Found) -> str:
    also = f"also handed in: {other.described}"
    if other.sign == _ONLY < counts.sign:
        return f"{also}, which is none of the assignment's notebooks"
    if other.fault and not counts.fault:
        return f"{also}, which {other.fault}"
    if other.sign < counts.sign:
        return f"{also}, which has none of the exercises' cells"
    if other.rank != counts.rank and counts.platform == "Teams":
        return ""  # every student has such ones: it keeps all versions
    known = [(one.received, one.changed) for one in (other, counts)]
    is_newer = None not in known[0][:1] + known[1][:1] and known[0] != known[1]
    newer = "the newer one" if is_newer or other.rank != counts.rank else "which is newer is not known:"
    return f"{also}; {newer} '{shown(counts.path)}' counts"
