"""The lessons: which there are, in which order, and what their notebooks say about themselves.

The order of the course is the file names, a title is a notebook's first heading, the models that a lesson
uses of another one are its calls of ``load_artifact``. Nothing of this is written down a second time.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from mnistkit.errors import UserError, suggestion
from mnistkit.files import expanded
from mnistkit.records.lesson_facts import course_folder
from mnistkit.utils.extras import typed

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
"""The kernelspec of every notebook that is made, prepared or executed."""
PAGES = ("index", "provenance", "report", "reproduction")
"""The report's pages about the whole run: no lesson has such a name."""


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
        """The notebook as text, read once: what is planned is what is run.

        Whatever encoding JSON may have is read, with or without a byte order mark. A notebook of format 3 is
        given as one of format 4.

        Raises
        ------
        UserError
            If the file can't be read, or is no notebook that the course's kernel can execute.
        """
        return self._read[0]

    @property
    def content(self) -> dict[str, Any]:
        """What `text` says, parsed once: whoever changes it changes a copy.

        Raises
        ------
        UserError
            As for `text`.
        """
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[str, dict[str, Any]]:
        """The notebook's text and what it says.

        Read as the JSON that it is: importing nbformat takes a second, and `mnistkit list` or the answer to a
        typo should take none. Whoever executes a notebook reads it with nbformat.
        """
        try:
            raw = self.path.read_bytes()
            text = raw.decode(json.detect_encoding(raw))
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(f"{type(error).__name__}: {error}") from error
        try:
            content = json.loads(text)
            version = content["nbformat"]
            if version == 3:
                text = _upgraded(text)
                content = json.loads(text)
            language = _other_language(content)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise self._unreadable(_what_it_is(text) or f"{type(error).__name__}: {error}") from error
        if version not in (3, 4):
            raise self._unreadable(
                f"it is of format {version}", "write it as format 4, with the program that it is from"
            )
        if language:
            raise self._unreadable(f"it is written in {language}", "choose a notebook in Python")
        return text, content

    def _unreadable(self, found: str, todo: str = "") -> UserError:
        return UserError(
            self.path,
            found=f"not a readable notebook: {found}",
            expected="a Jupyter notebook in Python (.ipynb, format 4)",
            todo=todo or f"restore it, for example: git checkout -- {typed(self.path.name)}",
        )

    @cached_property
    def cells(self) -> list[Cell]:
        """The notebook's cells as they are in the file.

        Raises
        ------
        UserError
            If the file is not a notebook.
        """
        try:
            cells = [
                Cell(c["cell_type"], "".join(c["source"]), tuple(c.get("metadata", {}).get("tags", ())))
                for c in self._read[1]["cells"]
            ]
        except (LookupError, TypeError, AttributeError) as error:
            raise self._unreadable(f"{type(error).__name__}: {error}") from error
        if kinds := {cell.kind for cell in cells} - {"code", "markdown", "raw"}:
            raise self._unreadable(f"cells of the kind {', '.join(sorted(map(str, kinds)))}")
        return cells

    @cached_property
    def title(self) -> str:
        """The notebook's first heading, or its name where it has none."""
        for cell in self.cells:
            for line in cell.source.splitlines() if cell.kind == "markdown" else ():
                if line.startswith("# "):
                    return line[2:].strip()
        return self.name

    @cached_property
    def question(self) -> str:
        """What the lesson asks: the first question below its title, with the sentence before it.

        Without a question it is the first sentence.
        """
        blocks = re.split(r"\n\s*\n", self._first_cell)
        texts = [" ".join(block.split()) for block in blocks if not re.match(r"\s*([#|<]|[-+*] )", block)]
        unlinked = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(texts))
        plain = re.sub(r"\*\*[^*]*[.:]\*\*|[*_]", "", unlinked).strip()
        sentences = re.split(r"(?<=[.?!])\s+", plain)
        for number, sentence in enumerate(sentences):
            if sentence.endswith("?"):
                return " ".join(sentences[max(number - 1, 0) : number + 1])
        return sentences[0]

    @cached_property
    def minutes(self) -> int:
        """Minutes in class by the table ``section | minutes`` below its title; 0 where there is none."""
        rows = re.findall(r"^\|(?! *\*\*).*\| *(\d+)[^|\n]*\|\s*$", self._first_cell, re.M)
        return sum(map(int, rows))

    @property
    def _first_cell(self) -> str:
        return next((cell.source for cell in self.cells if cell.kind == "markdown"), "")

    @cached_property
    def hands_over(self) -> tuple[str, ...]:
        """Names of the models that the notebook keeps for later lessons: its calls of ``save_artifact``."""
        return self._names_given_to("save_artifact")

    @cached_property
    def takes_over(self) -> tuple[str, ...]:
        """Names of the models that it takes from earlier lessons: its calls of ``load_artifact``."""
        return self._names_given_to("load_artifact")

    def _names_given_to(self, function: str) -> tuple[str, ...]:
        names = {}
        for cell in self.cells:
            if cell.kind == "code":
                names.update(dict.fromkeys(_names_in_calls(function, cell.source)))
        return tuple(names)


def _what_it_is(text: str) -> str:
    """Name what is often found in the place of a notebook; empty for anything else."""
    start = text.lstrip()[:100].lower()
    if not start:
        return "an empty file"
    if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE):
        return "it has conflict markers of git (<<<<<<<, >>>>>>>): one side must be chosen"
    if start.startswith("version https://git-lfs"):
        return "a pointer of Git LFS: git lfs pull brings the file"
    return "a web page" if start.startswith(("<!doctype", "<html")) else ""


def _upgraded(text: str) -> str:
    """Turn a notebook of format 3 into one of format 4."""
    import nbformat

    try:
        return str(nbformat.writes(nbformat.reads(text, as_version=4)))
    except nbformat.ValidationError as error:
        raise ValueError(f"not of format 3: {error}") from error


def _other_language(content: dict[str, Any]) -> str:
    """Say in which language a notebook is written if not in Python; empty where it says nothing."""
    metadata = content.get("metadata", {})
    language = str(
        metadata.get("kernelspec", {}).get("language")
        or metadata.get("language_info", {}).get("name")
        or "python"
    )
    return "" if language.lower().startswith(("python", "ipython")) else language


def python_of(source: str) -> str:
    """Give a cell without IPython's own lines, ``%magics`` and ``!commands``; the others keep their numbers.

    Parameters
    ----------
    source : str
        The cell.

    Returns
    -------
    str
        What Python can read of it.
    """
    lines = source.split("\n")  # not `splitlines`: a text may hold what that takes for an end
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def _names_in_calls(function: str, source: str) -> Iterable[str]:
    """Yield the constant names that a cell gives to a function."""
    try:
        tree = ast.parse(python_of(source))
    except SyntaxError:  # a student's half-written cell: running it says what is wrong with it
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called == function:
                named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
                for argument in [*node.args[:1], *named]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def notebook_text(content: Mapping[str, Any]) -> str:
    """Write a notebook's content as its file has it: in nbformat's form, to compare with what editors save.

    Parameters
    ----------
    content : mapping
        The notebook, such as `Lesson.content`.

    Returns
    -------
    str
        The text of its file.
    """
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def find_folder() -> Path:
    """Find the folder of the notebooks: upwards from here, else beside the installed package.

    Returns
    -------
    pathlib.Path
        A folder ``notebooks`` that holds ``presets``.

    Raises
    ------
    UserError
        If there is none.
    """
    folder = course_folder()
    if folder is not None:
        return folder
    raise UserError(
        Path.cwd(),
        found="no folder 'notebooks' here or above",
        expected="a clone of mnistkit, or a course of your own: a folder 'notebooks' with 'presets' in it",
        todo="change into its folder and run the command again, or begin one: mnistkit new lesson NAME",
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
        Every ``NN_*.ipynb``, by file name, but for copies (`find_copies`).

    Raises
    ------
    UserError
        If there is none, or two have the same number.
    """
    copies = find_copies(folder)
    lessons = [Lesson(path) for path in _files(folder) if path not in copies]
    if not lessons:
        raise UserError(folder, found="no notebooks", expected="files like 01_*.ipynb")
    for one, other in pairwise(lessons):
        if one.name[:2] == other.name[:2]:
            raise UserError(
                folder,
                found=f"{one.path.name} and {other.path.name}",
                expected="one lesson a number",
                todo="rename or move the one that is a copy",
            )
    return lessons


def find_copies(folder: Path) -> list[Path]:
    """List the copies of lessons: JupyterLab's *Duplicate* makes ``02_name-Copy1.ipynb``.

    Parameters
    ----------
    folder : pathlib.Path
        Where the notebooks are.

    Returns
    -------
    list of pathlib.Path
        Those whose name is another lesson's with something behind it that begins with neither letter, digit
        nor underscore, such as ``-Copy1`` or `` (1)``. They are no lessons.
    """
    files = _files(folder)
    stems = [path.stem for path in files]
    return [path for path in files if any(re.match(rf"{re.escape(stem)}[^\w]", path.stem) for stem in stems)]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9][0-9]_*.ipynb") if path.is_file())


def providers(lesson: Lesson) -> tuple[str, ...]:
    """Find the lessons that keep a model which a lesson takes over.

    Parameters
    ----------
    lesson : Lesson
        A lesson in its folder, which need not be that of a course.

    Returns
    -------
    tuple of str
        Names of earlier lessons; empty for most.

    Raises
    ------
    UserError
        If the course can't be read.
    """
    wanted = set(lesson.takes_over)
    if not wanted:
        return ()
    copies = find_copies(lesson.path.parent)
    files = [path for path in _files(lesson.path.parent) if path not in copies]
    earlier = (Lesson(path) for path in files if path.stem < lesson.name)
    return tuple(other.name for other in earlier if wanted & set(other.hands_over))


def select(lessons: Sequence[Lesson], wanted: Sequence[str]) -> list[Lesson]:
    """Choose lessons by number, name or part of it, or a notebook anywhere by its path.

    Parameters
    ----------
    lessons : sequence of Lesson
        What there is.
    wanted : sequence of str
        ``02``, ``2``, ``02_kmeans_elbow_silhouette``, a part of it that is in no other lesson's name, or a
        path to the file. A path to a notebook that is none of these is a lesson of its own. Empty: all.

    Returns
    -------
    list of Lesson
        In the order of the course, each once; then the others in the order in which they were given.

    Raises
    ------
    UserError
        If one is unknown, and then the message names the nearest, or two would have the same name.
    """
    if not wanted:
        return list(lessons)
    by_name: dict[str, Lesson] = {}
    for lesson in lessons:
        number, _, topic = lesson.name.partition("_")
        by_name |= dict.fromkeys((lesson.name, number, number.lstrip("0"), topic), lesson)
    paths = {lesson.path.resolve() for lesson in lessons}
    chosen: set[str] = set()
    own: dict[Path, Lesson] = {}
    for word in wanted:
        path = expanded(word).resolve()
        if word.endswith(".ipynb") and path.is_file() and path not in paths:
            own[path] = Lesson(path)
            continue
        key = Path(word).stem if word.endswith(".ipynb") else word
        parts = [lesson for lesson in lessons if key and key in lesson.name]
        if key not in by_name and len(parts) == 1:
            by_name[key] = parts[0]
        if key not in by_name:
            raise UserError(unknown("lesson", word, [lesson.name for lesson in lessons], list(by_name)))
        chosen.add(by_name[key].name)
    both = [*(lesson for lesson in lessons if lesson.name in chosen), *own.values()]
    _check_names(own.values(), both)
    return both


def _check_names(own: Iterable[Lesson], lessons: Sequence[Lesson]) -> None:
    """Raise `UserError` where a notebook's name can't be that of its files in a run."""
    for lesson in own:
        same = [str(other.path) for other in lessons if other.name == lesson.name]
        if len(same) > 1:
            raise UserError(
                " and ".join(same),
                found="two notebooks of one name",
                expected="names that differ, because results are kept by name",
                todo="rename one, or run it alone into a folder of its own (--out)",
            )
        if lesson.name.lower() in PAGES or not re.fullmatch(r"\w[\w .-]*", lesson.name):
            raise UserError(
                lesson.path,
                found=f"a notebook named {lesson.name!r}",
                expected="a name of letters, digits, spaces, dots, - and _ that is none of "
                f"{', '.join(PAGES)}",
                todo="rename it, for example: 08_own.ipynb",
            )


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
    meant = suggestion(found, candidates or known)
    return f"unknown {kind} {found!r}{', ' if meant else ''}{meant}\n  known: {', '.join(known)}"
