"""The form in which notebooks are handed out: nbformat 4.5, valid, with this course's kernel.

A lesson that another editor has saved has that editor's kernel, cells without ids, its own metadata, or what
no version of the format allows. Students would get all of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mnistkit.course.lessons import KERNEL
from mnistkit.errors import UserError

__all__ = ["check_valid", "standard_form"]

_KEPT = ("title", "authors")  # of a notebook's metadata
_KEPT_OF_CELLS = ("nbgrader", "tags", "editable", "deletable", "jupyter", "slideshow")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def standard_form(text: str, where: str) -> dict[str, Any]:
    """Give a lesson's notebook in the form in which it is handed out.

    Parameters
    ----------
    text : str
        The notebook's JSON, of format 4 and for Python, as `mnistkit.course.lessons.Lesson.text` gives it.
    where : str
        What it is called in a message.

    Returns
    -------
    dict
        The same cells, without outputs. Cells keep the ids that they have; the others get one that is the
        same each time.

    Raises
    ------
    UserError
        If it can't be made a valid one.
    """
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(where, f"no JSON ({error})") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise _invalid(where, "no list of cells")
    metadata = _dict(notebook.get("metadata"))
    taken = {cell.get("id") for cell in cells if isinstance(cell.get("id"), str)}
    used: set[str] = set()
    made = {
        "cells": [_cell(cell, _id(cell, number, taken, used)) for number, cell in enumerate(cells, 1)],
        "metadata": {**{name: metadata[name] for name in _KEPT if name in metadata}, "kernelspec": KERNEL},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    check_valid(made, where)
    return made


def _cell(cell: Mapping[str, Any], identity: str) -> dict[str, Any]:
    kind, metadata = cell.get("cell_type"), _dict(cell.get("metadata"))
    made = {
        "cell_type": kind,
        "id": identity,
        "metadata": {name: metadata[name] for name in _KEPT_OF_CELLS if name in metadata},
        "source": cell.get("source", ""),
    }
    if kind == "code":
        return made | {"execution_count": None, "outputs": []}
    return made | ({"attachments": cell["attachments"]} if cell.get("attachments") else {})


def _id(cell: Mapping[str, Any], number: int, taken: set[Any], used: set[str]) -> str:
    """Give a cell's own id, or one that no other cell has."""
    own = cell.get("id")
    if isinstance(own, str) and _ID.fullmatch(own) and own not in used:
        made = own
    else:
        name = str(_dict(_dict(cell.get("metadata")).get("nbgrader")).get("grade_id", ""))
        made = name if _ID.fullmatch(name) and name not in taken | used else f"cell-{number}"
        while made in taken | used:
            made += "-"
    used.add(made)
    return made


def check_valid(notebook: Mapping[str, Any], where: str) -> None:
    """Check that a notebook is as nbformat says.

    Parameters
    ----------
    notebook : mapping
        The notebook's JSON.
    where : str
        What it is called in a message.

    Raises
    ------
    UserError
        If not; the message has what is wrong in which cell.
    """
    import nbformat

    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        place = ".".join(map(str, error.relative_path))
        said = str(getattr(error, "message", error)).splitlines()[0]
        raise _invalid(where, f"{place}: {said[:200]}" if place else said[:200]) from error


def _invalid(where: str, found: str) -> UserError:
    return UserError(
        where,
        found=found,
        expected="a valid notebook for Python (nbformat 4)",
        todo="open the lesson in JupyterLab, save it there, and release again",
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
