"""The cells of a notebook that somebody handed in: read as what it is, a text of unknown origin.

This is the one reader of such files: collecting, grading, feedback and comparing call it, so that they say
the same of a file that is no notebook. What it is says `mnistkit.grading.not_a_notebook`.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnistkit.course.markers import replace_regions
from mnistkit.grading.not_a_notebook import described

MAX_BYTES = 100_000_000
"""Larger files are not read; a notebook with all its pictures has a few MB."""


class NotANotebook(Exception):  # noqa: N818 (a finding about a submission)
    """A file that can't be read as a notebook; the message says what it is instead."""


@dataclass(frozen=True)
class SubmittedCell:
    """A cell.

    Attributes
    ----------
    source : str
        Its text.
    grade_id : str
        Its name for nbgrader; empty for cells that are not the assignment's.
    grade, solution : bool
        Whether it is a check with points, and whether students write it.
    points : float
        What the file says that it is worth.
    parameters : bool
        Whether it is the cell of the parameters.
    kind : str
        ``code`` or ``markdown``.
    """

    source: str
    grade_id: str = ""
    grade: bool = False
    solution: bool = False
    points: float = 0.0
    parameters: bool = False
    kind: str = "code"

    @property
    def visible(self) -> str:
        """Its text without hidden tests."""
        return replace_regions(self.source, "HIDDEN TESTS")


def read_handed_in(path: Path) -> bytes | None:
    """Read what was handed in, so much of it as is graded.

    Parameters
    ----------
    path : pathlib.Path
        Where it should lie.

    Returns
    -------
    bytes or None
        The beginning of the file, more than `MAX_BYTES` where it is too large; None where there is nothing.

    Raises
    ------
    OSError
        If something is there that can't be read: no student has decided that.
    """
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(kind):
        raise OSError("it is a link or a folder, and no file: put the file itself there")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


@dataclass(frozen=True)
class SubmittedNotebook:
    """A file that was handed in, read and parsed once.

    Attributes
    ----------
    content : bytes or None
        What `read_handed_in` gave.
    cells : tuple of dict
        All of its cells as they stand there: anything can be missing in them, or of a wrong type.
    problem : str
        Why it can't be read as a notebook; empty where it can.
    """

    content: bytes | None = field(repr=False)
    cells: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    problem: str = ""

    def of_kinds(self, *kinds: str) -> list[SubmittedCell]:
        """Give the cells of some kinds: ``code``, ``markdown``."""
        return _cells(self.cells, kinds)


def read_notebook(path: Path) -> SubmittedNotebook:
    """Read and parse what was handed in, whatever it is.

    Parameters
    ----------
    path : pathlib.Path
        Where it should lie.

    Returns
    -------
    SubmittedNotebook
        With a problem where it is no notebook, or not there.

    Raises
    ------
    OSError
        See `read_handed_in`.
    """
    content = read_handed_in(path)
    if content is None:
        return SubmittedNotebook(None, problem="it is no file")
    if len(content) > MAX_BYTES:
        return SubmittedNotebook(content, problem=_too_large(path.stat().st_size))
    return parse_notebook(content)


def parse_notebook(content: bytes) -> SubmittedNotebook:
    """Parse the content of a file, whatever it is.

    Parameters
    ----------
    content : bytes
        Of what should be a notebook.

    Returns
    -------
    SubmittedNotebook
        With a problem where it is none.
    """
    try:
        return SubmittedNotebook(content, tuple(_parse_any(content)))
    except NotANotebook as error:
        return SubmittedNotebook(content, problem=str(error))


def submission_sha256(content: bytes | None) -> str:
    """Give the SHA-256 of what `read_handed_in` gave; empty where there was nothing."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


def read_submitted_cells(path: Path, kinds: Collection[str] = ("code",)) -> list[SubmittedCell]:
    """Read the cells of a file that was handed in.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    kinds : collection of str, optional
        Which cells: ``code``, ``markdown``.

    Returns
    -------
    list of SubmittedCell
        In order.

    Raises
    ------
    NotANotebook
        If it is no file, too large, not JSON, or has no cells.
    """
    return _cells(read_any_cells(path), kinds)


def read_any_cells(path: Path) -> list[dict[str, Any]]:
    """Read all cells of a file that was handed in, as they stand there.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    list of dict
        In order; anything can be missing in them, or of a wrong type.

    Raises
    ------
    NotANotebook
        If it is no file, too large, not JSON, or has no cells; the message says what it is instead.
    """
    path = Path(path)
    if path.is_symlink() or not path.is_file():
        raise NotANotebook("it is no file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise NotANotebook(_too_large(size))
    try:
        content = path.read_bytes()
    except (OSError, MemoryError) as error:
        raise NotANotebook(f"it can't be read ({type(error).__name__})") from error
    return _parse_any(content)


def _too_large(size: int) -> str:
    return f"it has {size / 1e6:,.0f} MB; at most {MAX_BYTES / 1e6:,.0f} MB are read"


def _parse_any(content: bytes) -> list[dict[str, Any]]:
    """Parse what may be anything; `NotANotebook` says what it is instead."""
    try:
        return _parse(content)
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotANotebook(described(content, error)) from error


def read_cells(text: str | bytes, kinds: Collection[str] = ("code",)) -> list[SubmittedCell]:
    """Read the cells of a notebook.

    Parameters
    ----------
    text : str or bytes
        The file's content.
    kinds : collection of str, optional
        Which cells: ``code``, ``markdown``.

    Returns
    -------
    list of SubmittedCell
        In order; what is missing or of a wrong type in a cell counts as not given.

    Raises
    ------
    ValueError
        If it is not JSON or has no list of cells.
    """
    return _cells(_parse(text), kinds)


def joined(source: Any) -> str:
    """Give a text that a notebook's JSON has as one string or as a list of lines; else nothing.

    Parameters
    ----------
    source : object
        What stands in the JSON.

    Returns
    -------
    str
        The text.
    """
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    # JSON can hold half characters (surrogates), which no file can.
    return source.encode(errors="replace").decode() if isinstance(source, str) else ""


def grade_id_of(cell: Mapping[str, Any]) -> str:
    """Give nbgrader's name of a cell as it stands in the JSON; empty where there is none that can be one.

    Parameters
    ----------
    cell : mapping
        From `read_any_cells`.

    Returns
    -------
    str
        The name.
    """
    name = _dict(_dict(cell.get("metadata")).get("nbgrader")).get("grade_id")
    return name if isinstance(name, str) else ""


def _parse(text: str | bytes) -> list[dict[str, Any]]:
    notebook = json.loads(text)
    if not isinstance(notebook, dict):
        raise ValueError("a notebook is no list")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        cells = _old_cells(notebook.get("worksheets"))
    return [cell for cell in cells if isinstance(cell, dict)]


def _old_cells(worksheets: Any) -> list[dict[str, Any]]:
    """Give the cells of a notebook of format 2 or 3 as those of format 4.

    nbformat's own conversion validates all of it, which takes minutes for a large one, and builds a heading
    of as many signs as the file says.
    """
    if not isinstance(worksheets, list):
        raise ValueError("a notebook has a list of cells")
    sheets = [sheet["cells"] for sheet in map(_dict, worksheets) if isinstance(sheet.get("cells"), list)]
    return [_new_cell(cell) for cells in sheets for cell in cells if isinstance(cell, dict)]


def _new_cell(cell: dict[str, Any]) -> dict[str, Any]:
    kind, metadata = cell.get("cell_type"), _dict(cell.get("metadata"))
    if kind == "code":
        outputs = cell.get("outputs")
        return {
            "cell_type": "code",
            "metadata": metadata,
            "source": cell.get("input", ""),
            "execution_count": cell.get("prompt_number"),
            "outputs": list(map(_new_output, outputs)) if isinstance(outputs, list) else [],
        }
    source = cell.get("source", "")
    if kind == "heading":
        level = cell.get("level")
        marks = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
        source, kind = f"{marks} {' '.join(joined(source).splitlines())}", "markdown"
    return {"cell_type": "markdown" if kind == "html" else kind, "metadata": metadata, "source": source}


_MIME = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}


def _new_output(output: Any) -> Any:
    output = _dict(output)
    kind = output.get("output_type")
    if kind in ("pyout", "display_data"):
        data = {_MIME[name]: value for name, value in output.items() if name in _MIME}
        made = {"output_type": "display_data", "metadata": {}, "data": data}
        if kind == "pyout":
            made |= {"output_type": "execute_result", "execution_count": output.get("prompt_number")}
        return made
    if kind == "stream":
        return {
            "output_type": "stream",
            "name": output.get("stream", "stdout"),
            "text": output.get("text", ""),
        }
    return {**output, "output_type": "error"} if kind == "pyerr" else output


def _cells(cells: Iterable[dict[str, Any]], kinds: Collection[str]) -> list[SubmittedCell]:
    return [_cell(cell) for cell in cells if cell.get("cell_type") in tuple(kinds)]


def _cell(cell: dict[str, Any]) -> SubmittedCell:
    metadata = _dict(cell.get("metadata"))
    given, tags = _dict(metadata.get("nbgrader")), metadata.get("tags")
    points = given.get("points")
    return SubmittedCell(
        joined(cell.get("source")),
        grade_id_of(cell),
        given.get("grade") is True,
        given.get("solution") is True,
        float(points) if isinstance(points, (int, float)) and abs(points) < 1e9 else 0.0,
        isinstance(tags, list) and "parameters" in tags,
        cell["cell_type"],
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
