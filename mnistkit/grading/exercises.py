"""What a lesson's exercises are, and what of them no student may be given.

nbgrader takes solutions and hidden tests out between its markers, and is forgiving where a marker is
mistyped: an END without a BEGIN, or `begin solution` in small letters, leaves the solution in. Here each
marker (`mnistkit.course.markers`) is checked before, and each line that had to go is looked for in what has
come out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mnistkit.course.lessons import Lesson
from mnistkit.course.markers import LIKE_A_MARKER, is_exact, markers
from mnistkit.errors import UserError

__all__ = ["Exercise", "check_release", "check_source", "headings", "read_exercises"]

_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1|\Z)", re.M | re.S)
_SHORT = 24  # characters: shorter lines are compared as a whole, longer ones also as a part of a line


@dataclass(frozen=True)
class Exercise:
    """Something in a notebook that gives points.

    Attributes
    ----------
    lesson : str
        Name of the notebook.
    id : str
        nbgrader's ``grade_id`` of the cell that has the points.
    title : str
        The heading above it; of a part, with what it looks at.
    points : float
        What there is to earn.
    automatic : bool
        Graded by its checks; otherwise by a person.
    work : tuple of str
        Names of the cells that students write for it; parts share them.
    part : int
        Which part of its exercise it is, from 1 on; 0 where that has only one check.
    """

    lesson: str
    id: str
    title: str
    points: float
    automatic: bool
    work: tuple[str, ...] = ()
    part: int = 0


@dataclass(frozen=True)
class _Region:
    """What stands between two markers of a cell."""

    kind: str
    lines: tuple[str, ...]


def _cells(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Give each cell of a notebook as JSON, with a name to call it by."""
    cells = json.loads(text)["cells"]
    return [(f"cell {cell.get('id', number)!r}", cell) for number, cell in enumerate(cells, start=1)]


def _source(cell: Mapping[str, Any]) -> str:
    return "".join(cell["source"])


def _mark(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what nbgrader knows about a cell."""
    return cell["metadata"].get("nbgrader", {})


def read_exercises(lesson: Lesson) -> list[Exercise]:
    """List what gives points in a lesson.

    Parameters
    ----------
    lesson : Lesson
        The notebook.

    Returns
    -------
    list of Exercise
        In the order of the notebook. Several check cells after the same cells of a student, under the same
        heading, are parts of one exercise, each with its points; a comment in a check's first line names it.
    """
    exercises, title, work = list[Exercise](), lesson.title, list[str]()
    names: dict[str, str] = {}
    for _, cell in _cells(lesson.text):
        if cell["cell_type"] == "markdown":
            title = [title, *headings(_source(cell))][-1]
        mark = _mark(cell)
        if mark.get("solution") or mark.get("task"):
            work.append(mark["grade_id"])
        if mark.get("grade") or mark.get("task"):
            automatic = cell["cell_type"] == "code" and not mark.get("solution")
            before = exercises[-1] if exercises else None
            if automatic and not work and before and before.automatic and before.title == title:
                work += before.work  # a further part
            exercise = Exercise(
                lesson.name, mark["grade_id"], title, float(mark["points"]), automatic, tuple(work)
            )
            exercises.append(exercise)
            names[exercise.id] = _part_name(_source(cell))
            work.clear()
    return _with_parts(exercises, names)


def headings(text: str) -> list[str]:
    """Give the headings of a text in Markdown; a comment in an example of code is none.

    Parameters
    ----------
    text : str
        Of a cell.

    Returns
    -------
    list of str
        In order, without their signs.
    """
    return re.findall(r"^#+ +(.+?)\s*$", _FENCED.sub("", text), re.M)


def _part_name(source: str) -> str:
    """Give what a check says in its first line that it looks at; empty where that is no such comment."""
    found = re.match(r"#(?!#)[ \t]*(.*)", source)
    return found[1].strip() if found and not markers(found[1]) else ""


def _with_parts(exercises: Sequence[Exercise], names: Mapping[str, str]) -> list[Exercise]:
    """Count the checks of an exercise that has several, and add to the title of each what it looks at."""
    made = []
    for exercise in exercises:
        parts = [other.id for other in exercises if exercise.work and other.work == exercise.work]
        if len(parts) > 1:
            part = parts.index(exercise.id) + 1
            title = f"{exercise.title}: {names[exercise.id] or f'part {part}'}"
            made.append(replace(exercise, title=title, part=part))
        else:
            made.append(exercise)
    return made


def check_source(lesson: Lesson) -> None:
    """Check that everything that no student may see stands between markers that nbgrader understands.

    Parameters
    ----------
    lesson : Lesson
        The notebook.

    Raises
    ------
    UserError
        If the file is no notebook; if a marker is mistyped, without its partner, inside another region or in
        a cell of the wrong kind; if a cell for a student's work has nothing between markers; if two cells
        have the same name, one that is graded has no points, or there is nothing to grade.
    """
    if not lesson.cells:  # which fails where the file is no notebook
        raise _broken(lesson.path.name, "no cells", "a lesson")
    ids = set()
    for name, cell in _cells(lesson.text):
        where, mark = f"{lesson.path.name}: {name}", _mark(cell)
        regions = _regions(where, cell)
        _check_kind(where, cell, regions)
        if not mark:
            continue
        if not mark.get("grade_id") or mark["grade_id"] in ids:
            raise _broken(where, f"the grade_id {mark.get('grade_id')!r}", "a grade_id of its own")
        ids.add(mark["grade_id"])
        points = mark.get("points", 0)
        if (mark.get("grade") or mark.get("task")) and not (isinstance(points, int | float) and points > 0):
            raise _broken(where, f"{points!r} points", "a graded cell with more than 0 points")
    if not any(exercise.points for exercise in read_exercises(lesson)):
        raise _broken(lesson.path.name, "no cell that is graded", "exercises in nbgrader's cells")


def _check_kind(where: str, cell: Mapping[str, Any], regions: Sequence[_Region]) -> None:
    """Check that the regions of a cell are of the kinds that nbgrader takes out of such a cell."""
    mark, kinds = _mark(cell), {region.kind for region in regions}
    test_cell = mark.get("grade") and not mark.get("solution") and cell["cell_type"] == "code"
    allowed = {
        "SOLUTION": mark.get("solution"),
        "HIDDEN TESTS": test_cell,
        "MARK SCHEME": mark.get("task"),
    }
    for kind in kinds:
        if not allowed[kind]:
            raise _broken(where, f"{kind} in a cell that is not marked for it", "nbgrader's mark on the cell")
    if mark.get("solution") and not any(line.strip() for r in regions for line in r.lines):
        raise _broken(
            where,
            "a cell for a student's work with nothing between BEGIN SOLUTION and END SOLUTION",
            "markers around what a student should write",
        )


def _regions(where: str, cell: Mapping[str, Any]) -> list[_Region]:
    """Find the regions of a cell, or say what is wrong with its markers."""
    regions: list[_Region] = []
    opened, lines = "", list[str]()
    is_code = cell["cell_type"] == "code"
    like = "### BEGIN SOLUTION" if is_code else "<!-- BEGIN SOLUTION -->"
    for number, line in enumerate(_source(cell).split("\n"), start=1):
        here = f"{where}, line {number}"
        found = markers(line)
        if not found:
            lines.append(line)
            continue
        if not is_exact(line, is_code=is_code):
            raise _broken(here, line.strip(), f"a marker alone in its line, exactly like: {like}")
        edge, kind = found[0]
        if edge == "BEGIN" and opened:
            raise _broken(here, f"BEGIN {kind} inside {opened}", f"END {opened} before it")
        if edge == "END" and opened != kind:
            raise _broken(here, f"END {kind} without its BEGIN", f"BEGIN {kind} before it")
        if edge == "END":
            regions.append(_Region(kind, tuple(lines)))
        opened, lines = ("" if edge == "END" else kind), []
    if opened:
        raise _broken(where, f"BEGIN {opened} that is never closed", f"END {opened} after it")
    return regions


def _broken(where: str, found: str, expected: str) -> UserError:
    return UserError(where, found=found, expected=expected, todo="correct the notebook; nothing was released")


def check_release(lessons: Iterable[Lesson], released: Mapping[str, str]) -> None:
    """Check that nothing of a solution or a hidden test is left in what students get.

    Lines that say nothing by themselves (a closing bracket, `assert np.allclose(`) may occur.

    Parameters
    ----------
    lessons : iterable of Lesson
        The notebooks with their solutions.
    released : mapping of str to str
        The text of each file that is handed out, by its name; notebooks as JSON.

    Raises
    ------
    UserError
        If a marker, an output, or a line of a solution or hidden test is there; the message says where.
    """
    hidden = [line for lesson in lessons for line in _hidden_lines(lesson)]
    sound = set[str]()  # most cells are the same in each student's copy
    for name, text in released.items():
        if marker := LIKE_A_MARKER.search(text):
            raise _survived(name, f"the marker {marker[0]!r}")
        cells = _cells(text) if name.endswith(".ipynb") else [("", {"source": text})]
        for cell_name, cell in cells:
            if cell.get("outputs"):
                raise _survived(f"{name}: {cell_name}", "an output of a run")
            source = _source(cell)
            if source in sound:
                continue
            lines, whole = {_plain(line) for line in source.split("\n")}, _plain(source)
            for origin, line in hidden:
                if line in lines or (len(line) >= _SHORT and line in whole):
                    raise _survived(f"{name}: {cell_name}", f"{line!r}, which is of {origin}")
            sound.add(source)


def _hidden_lines(lesson: Lesson) -> Iterator[tuple[str, str]]:
    """Give the lines between markers, each with where it is from, without those that say nothing."""
    for name, cell in _cells(lesson.text):
        for region in _regions(name, cell):
            for line in map(_plain, region.lines):
                says_nothing = len(re.sub(r"\W", "", line)) < 6 or (
                    len(line) < _SHORT and line.endswith(("(", "[", "{"))
                )
                if not says_nothing:
                    yield f"{region.kind} in {lesson.path.name}, {name}", line


def _plain(text: str) -> str:
    """Give a text without what may change when it is copied: tags around it, a comment's mark, spaces."""
    return " ".join(re.sub(r"</?(?:details|summary)>", " ", text).split()).lstrip("# ")


def _survived(where: str, what: str) -> UserError:
    return UserError(
        where,
        found=what,
        expected="nothing of a solution or a hidden test",
        todo="take it out of the lesson's visible text, or reword it; nothing was released",
    )
