"""What a student handed in, put together anew as a notebook that is safe to open.

nbgrader, and whoever grades by hand in its formgrader, get this one instead of the file: well-formed,
each cell of the assignment once and with the points that it was released with, the verdict of the checks
below each check, and nothing in it that a browser would carry out or fetch (formgrader shows markdown and
outputs as they are).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mnistkit.grading.ledger import Mark
from mnistkit.grading.submission import grade_id_of, joined

MAX_KEPT_CELLS = 1000
MAX_SOURCE = 100_000
"""Longest cell that is kept, in characters."""
MAX_OUTPUT_TEXT = 20_000
"""Longest output of text, in characters."""
MAX_PICTURES = 20_000_000
"""Pictures of one notebook together, in characters of base64."""

_KEPT_METADATA = ("nbgrader", "tags", "deletable", "editable")
_FORMULA_LINKS = "href|url|class|style|unicode|cssId|mmlToken|require"
_NOTHING_RUN = "As handed in; this output was not made again."


def rebuild(
    released: str, cells: Sequence[Mapping[str, Any]], marks: Sequence[Mark], problem: str = ""
) -> dict[str, Any]:
    """Put a notebook together from its release and from what a student handed in.

    Parameters
    ----------
    released : str
        The notebook as students got it, as the text of its file.
    cells : sequence of dict
        The cells that were handed in, of unknown origin.
    marks : sequence of Mark
        What its checks said.
    problem : str
        Why there are no cells, where that is so.

    Returns
    -------
    dict
        A notebook of format 4.5.
    """
    notebook = json.loads(released)
    given = {grade_id_of(cell): cell for cell in notebook["cells"] if grade_id_of(cell)}
    known = {joined(cell.get("source")) for cell in notebook["cells"]}
    pictures = _Pictures()
    made, seen = [], set[str]()
    for cell in cells[:MAX_KEPT_CELLS]:
        name = grade_id_of(cell)
        if name in given and name not in seen:
            seen.add(name)
            made.append(_graded(given[name], joined(cell.get("source")), pictures.outputs(cell)))
        elif cell.get("cell_type") in ("code", "markdown", "raw"):
            made.append(_other(cell, known, pictures))
    _add_missing(made, given)
    _write_verdicts(made, marks)
    notes = [problem] if problem else []
    if len(cells) > MAX_KEPT_CELLS:
        notes.append(f"Only the first {MAX_KEPT_CELLS:,} of {len(cells):,} cells are shown.")
    made = [_markdown(note) for note in notes] + made
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    return {**notebook, "cells": made}


def sanitize_markdown(markdown: str) -> str:
    """Make markdown harmless: tags are shown as text, and no picture is fetched.

    Parameters
    ----------
    markdown : str
        From a student.

    Returns
    -------
    str
        Markdown without HTML, pictures, and links other than to pages: one to ``javascript:`` is a script.
    """
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", markdown[:MAX_SOURCE])
    text = re.sub(r"\](?=\((?!https?://)|:(?!\s*https?://))", r"]\\", text)
    return re.sub(rf"\\+({_FORMULA_LINKS})(?![A-Za-z])", r"\1", text.replace("![", "!\\["))


def _graded(given: Mapping[str, Any], text: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Make a cell of the assignment: the student's text where students write, else the released one."""
    metadata = {name: value for name, value in given["metadata"].items() if name in _KEPT_METADATA}
    own = metadata["nbgrader"].get("solution", False)
    source = text if own else joined(given.get("source"))
    if given["cell_type"] == "code":
        return _code(source[:MAX_SOURCE], metadata, outputs if own else [])
    changed = source != joined(given.get("source"))
    return _markdown(sanitize_markdown(source) if changed else source) | {"metadata": metadata}


def _other(cell: Mapping[str, Any], known: set[str], pictures: _Pictures) -> dict[str, Any]:
    text = joined(cell.get("source"))
    if cell["cell_type"] == "code":
        return _code(text[:MAX_SOURCE], {}, pictures.outputs(cell))
    return _markdown(text if text in known else sanitize_markdown(text))


def _code(source: str, metadata: dict[str, Any], outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": outputs,
        "source": source,
    }


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


class _Pictures:
    """Takes over outputs that can only be looked at, up to a size."""

    def __init__(self) -> None:
        self._left = MAX_PICTURES

    def outputs(self, cell: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Give texts and PNG pictures of a cell."""
        outputs = cell.get("outputs")
        made = []
        for output in outputs[:50] if isinstance(outputs, list) else ():
            if isinstance(output, dict) and (data := self._data(output)):
                made.append({"output_type": "display_data", "metadata": {}, "data": data})
        if made:
            made.insert(0, {"output_type": "stream", "name": "stdout", "text": f"{_NOTHING_RUN}\n"})
        return made

    def _data(self, output: Mapping[str, Any]) -> dict[str, str]:
        bundle = output.get("data")
        found = bundle if isinstance(bundle, dict) else {"text/plain": output.get("text")}
        picture = "".join(joined(found.get("image/png")).split())
        if picture and len(picture) <= self._left and _is_png(picture):
            self._left -= len(picture)
            return {"image/png": picture}
        text = joined(found.get("text/plain"))
        return {"text/plain": text[:MAX_OUTPUT_TEXT]} if text else {}


def _is_png(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True).startswith(b"\x89PNG\r\n")
    except (binascii.Error, ValueError):
        return False


def _add_missing(made: list[dict[str, Any]], given: Mapping[str, Mapping[str, Any]]) -> None:
    """Put cells of the assignment that were deleted back after the one that stood before them."""
    for position, (name, cell) in enumerate(given.items()):
        there = {grade_id_of(other): place for place, other in enumerate(made)}
        if name not in there:
            before = [there[other] for other in list(given)[:position] if other in there]
            made.insert(max(before, default=-1) + 1, _graded(cell, joined(cell.get("source")), []))


def _write_verdicts(made: Sequence[dict[str, Any]], marks: Sequence[Mark]) -> None:
    """Write below each check what it said: nbgrader reads the points from it."""
    by_name = {mark.grade_id: mark for mark in marks}
    for cell in made:
        mark = by_name.get(grade_id_of(cell))
        if mark and mark.points < mark.most and not mark.by_hand:
            said = {"ename": "no points", "evalue": mark.reason, "traceback": [mark.reason]}
            cell["outputs"] = [{"output_type": "error", **said}]
