"""A newer edition of a notebook, merged into the copy that a student works in, cell by cell.

Three versions meet: the edition that the student was given, the newer one, and the student's own copy. Cells
are known by their id. What the student wrote or changed stays as it is, character by character; what the
student has not touched becomes the newer edition's. Where both have changed a cell, the student's stays, and
its name is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

NotebookCell = dict[str, Any]


@dataclass
class Merged:
    """A merged notebook.

    Attributes
    ----------
    cells : list of dict
        Its cells.
    updated, added, removed : list of str
        Ids of cells that were taken from the newer edition, are new in it, or are no longer in it.
    kept : list of str
        Ids of cells that the newer edition has changed or dropped, where the student's version stays.
    """

    cells: list[NotebookCell] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def merge(
    given: Sequence[NotebookCell], newer: Sequence[NotebookCell], own: Sequence[NotebookCell]
) -> Merged:
    """Merge a newer edition into a student's copy.

    Parameters
    ----------
    given : sequence of dict
        The cells that the student was given, each with an id of its own.
    newer : sequence of dict
        Those of the newer edition, likewise.
    own : sequence of dict
        Those of the student's copy: moved, missing, added, changed, and perhaps with the same id twice.

    Returns
    -------
    Merged
        In the newer edition's order; a cell that is the student's alone follows the one that it followed.
        A cell that the student has deleted does not come back.
    """
    before, after, merged = _by_id(given), _by_id(newer), Merged()
    known = _first_of_each(own, {*before, *after})
    followers: dict[str, list[NotebookCell]] = {}
    last = ""
    for cell in own:
        name = _id(cell)
        if known.get(name) is cell and name in after:
            last = name
        elif known.get(name) is cell and _same(cell, before[name]):
            merged.removed.append(name)
        else:
            followers.setdefault(last, []).append(cell)
            if known.get(name) is cell:
                merged.kept.append(name)
    merged.cells += followers.get("", [])
    for name, cell in after.items():
        if name in known:
            merged.cells.append(_chosen(before.get(name), cell, known[name], merged))
        elif name not in before:
            merged.cells.append(cell)
            merged.added.append(name)
        merged.cells += followers.get(name, [])
    return merged


def is_same_text(one: Sequence[NotebookCell], other: Sequence[NotebookCell]) -> bool:
    """Whether two notebooks say the same, whatever came out when they were run.

    Parameters
    ----------
    one, other : sequence of dict
        Their cells.

    Returns
    -------
    bool
        Whether they have the same texts in the same order.
    """
    return len(one) == len(other) and all(map(_same, one, other))


def _first_of_each(own: Iterable[NotebookCell], names: Collection[str]) -> dict[str, NotebookCell]:
    """Give the student's version of each cell that is an edition's; of two with the same id the first."""
    known: dict[str, NotebookCell] = {}
    for cell in own:
        if _id(cell) in names:
            known.setdefault(_id(cell), cell)
    return known


def _chosen(
    before: NotebookCell | None, after: NotebookCell, own: NotebookCell, merged: Merged
) -> NotebookCell:
    """Choose whose version of a cell stands in the merged notebook, and note what was done."""
    name = _id(after)
    if _same(own, after):
        return {**own, "metadata": {**own.get("metadata", {}), **after.get("metadata", {})}}
    if before is not None and _same(own, before):
        merged.updated.append(name)
        return after
    if before is None or not _same(after, before):
        merged.kept.append(name)
    return own


def _by_id(cells: Iterable[NotebookCell]) -> dict[str, NotebookCell]:
    return {_id(cell): cell for cell in cells}


def _id(cell: NotebookCell) -> str:
    return str(cell.get("id", ""))


def _same(one: NotebookCell, other: NotebookCell) -> bool:
    """Whether two cells say the same, whatever came out when they were run."""
    return all(_said(one, key) == _said(other, key) for key in ("cell_type", "source", "attachments"))


def _said(cell: NotebookCell, key: str) -> Any:
    value = cell.get(key) or ""
    return "".join(value) if isinstance(value, list) else value
