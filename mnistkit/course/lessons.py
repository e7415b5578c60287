"""The lessons: which there are, in which order, and what their notebooks say about themselves.

The order of the course is the file names, a title is a notebook's first heading, the data sets that a lesson
needs are its calls of ``load``, the models that it uses of another lesson its calls of ``take_over``. Nothing
of this is written down a second time.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from mnistkit.course import CourseError


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook.

    Attributes
    ----------
    kind : str
        ``code``, ``markdown`` or ``raw``.
    source : str
        Its text.
    tags : tuple of str
        Its tags.
    """

    kind: str
    source: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """One notebook of the course.

    Attributes
    ----------
    path : pathlib.Path
        The notebook's file.
    """

    path: Path

    @property
    def name(self) -> str:
        """File name without its ending: ``02_kmeans_elbow_silhouette``."""
        return self.path.stem

    @cached_property
    def text(self) -> str:
        """The text of the notebook's file, read once: what is planned is what is run.

        Raises
        ------
        CourseError
            If the file can't be read.
        """
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> CourseError:
        return CourseError(
            f"{self.path}\n  found:    not a readable notebook ({type(error).__name__}: {error})\n"
            "  expected: a Jupyter notebook (.ipynb, format 4)\n"
            f"  to do:    restore it, for example: git checkout -- {self.path.name}"
        )

    @cached_property
    def cells(self) -> list[Cell]:
        """The notebook's cells as they are in the file.

        Read as the JSON that it is: importing nbformat takes a second, and `mnistkit list` or the answer to a
        typo should take none. Whoever executes a notebook reads it with nbformat and validates it.

        Raises
        ------
        CourseError
            If the file is not a notebook.
        """
        try:
            return [
                Cell(c["cell_type"], "".join(c["source"]), tuple(c["metadata"].get("tags", ())))
                for c in json.loads(self.text)["cells"]
            ]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise self._unreadable(error) from error

    @cached_property
    def title(self) -> str:
        """The notebook's first heading, or its name where it has none."""
        for cell in self.cells:
            for line in cell.source.splitlines() if cell.kind == "markdown" else ():
                if line.startswith("# "):
                    return line[2:].strip()
        return self.name

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets that the notebook loads, in the order of its calls of ``load``."""
        return self._names_given_to("load")

    @cached_property
    def hands_over(self) -> tuple[str, ...]:
        """Names of the models that the notebook keeps for later lessons: its calls of ``hand_over``."""
        return self._names_given_to("hand_over")

    @cached_property
    def takes_over(self) -> tuple[str, ...]:
        """Names of the models that it uses if an earlier lesson has kept them: its calls of ``take_over``."""
        return self._names_given_to("take_over")

    def _names_given_to(self, function: str) -> tuple[str, ...]:
        names = {}
        for cell in self.cells:
            if cell.kind == "code":
                names.update(dict.fromkeys(_names_in_calls(function, cell.source)))
        return tuple(names)


def _names_in_calls(function: str, source: str) -> Iterable[str]:
    """Yield the constant names that a cell gives to a function; IPython's own lines don't count."""
    lines = ("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:  # a student's half-written cell: running it says what is wrong with it
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called == function:
                named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
                for argument in [*node.args[:1], *named]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def find_folder() -> Path:
    """Find the folder of the notebooks: upwards from here, else beside the installed package.

    Returns
    -------
    pathlib.Path
        A folder ``notebooks`` that holds ``presets``.

    Raises
    ------
    CourseError
        If there is none.
    """
    here = Path.cwd()
    package_home = Path(__file__).resolve().parents[2]
    for home in (here, *here.parents, package_home):
        if (home / "notebooks" / "presets").is_dir():
            return home / "notebooks"
    raise CourseError(
        f"{here}\n  found:    no folder 'notebooks' here or above\n"
        "  expected: a clone of mnistkit, which has the lessons in its folder 'notebooks'\n"
        "  to do:    change into the clone and run the command again"
    )


def find(folder: Path) -> list[Lesson]:
    """List the lessons of a folder in the order of the course.

    Parameters
    ----------
    folder : pathlib.Path
        Where the notebooks are.

    Returns
    -------
    list of Lesson
        Every ``NN_*.ipynb``, by file name.

    Raises
    ------
    CourseError
        If there is none, or two have the same number.
    """
    lessons = [Lesson(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
    if not lessons:
        raise CourseError(f"{folder}\n  found:    no notebooks\n  expected: files like 01_*.ipynb")
    for one, other in pairwise(lessons):
        if one.name[:2] == other.name[:2]:
            raise CourseError(
                f"{folder}\n  found:    {one.path.name} and {other.path.name}\n"
                "  expected: one lesson a number\n  to do:    rename or move the one that is a copy"
            )
    return lessons


def providers(lesson: Lesson) -> tuple[str, ...]:
    """Find the lessons that keep a model which a lesson takes over.

    Parameters
    ----------
    lesson : Lesson
        A lesson of the course in its folder.

    Returns
    -------
    tuple of str
        Names of earlier lessons; empty for most.

    Raises
    ------
    CourseError
        If the course can't be read.
    """
    wanted = set(lesson.takes_over)
    if not wanted:
        return ()
    earlier = (other for other in find(lesson.path.parent) if other.name < lesson.name)
    return tuple(other.name for other in earlier if wanted & set(other.hands_over))


def select(lessons: Sequence[Lesson], wanted: Sequence[str]) -> list[Lesson]:
    """Choose lessons by number, name or part of it.

    Parameters
    ----------
    lessons : sequence of Lesson
        What there is.
    wanted : sequence of str
        ``02``, ``2``, ``02_kmeans_elbow_silhouette``, a part of it that is in no other lesson's name, or a
        path to the file. Empty: all.

    Returns
    -------
    list of Lesson
        In the order of the course, each once.

    Raises
    ------
    CourseError
        If one is unknown; the message names the nearest.
    """
    if not wanted:
        return list(lessons)
    by_name: dict[str, Lesson] = {}
    for lesson in lessons:
        number, _, topic = lesson.name.partition("_")
        by_name |= dict.fromkeys((lesson.name, number, number.lstrip("0"), topic), lesson)
    chosen = set()
    for word in wanted:
        key = Path(word).stem if word.endswith(".ipynb") else word
        parts = [lesson for lesson in lessons if key and key in lesson.name]
        if key not in by_name and len(parts) == 1:
            by_name[key] = parts[0]
        if key not in by_name:
            raise CourseError(unknown("lesson", word, [lesson.name for lesson in lessons], list(by_name)))
        chosen.add(by_name[key].name)
    return [lesson for lesson in lessons if lesson.name in chosen]


def unknown(kind: str, found: str, known: Sequence[str], candidates: Sequence[str] | None = None) -> str:
    """Say that a name is unknown and which one may be meant.

    Parameters
    ----------
    kind : str
        What the name should be the name of.
    found : str
        The unknown name.
    known : sequence of str
        The names to list.
    candidates : sequence of str, optional
        The names to look for a near one in; `known` where not given.

    Returns
    -------
    str
        The message.
    """
    near = difflib.get_close_matches(found, candidates or known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {found!r}{hint}\n  known: {', '.join(known)}"
