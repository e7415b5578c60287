"""Answers that are not in their cells: found again, or left to a person; never a 0 without a word.

nbgrader knows a cell by its metadata. Other editors drop them, and students delete a cell and write a new
one, or write below it. The rule, for each cell of the assignment:

- A cell with the same id or the same text as one that is missing is that cell.
- A *written* answer whose cell is missing or untouched: one new text in its place is the answer. Where there
  are other texts that the release does not have, they are shown in the cell, and a person decides.
- *Code* whose cell is missing or untouched: the one other cell that defines what the exercise asks for is the
  answer. Where there are several, and points are missing then, a person decides.
- Only where nothing of the kind is found is there no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnistkit.grading.ai_declaration import is_declaration
from mnistkit.grading.submission import grade_id_of, joined

MAX_QUOTED = 20_000
"""Characters of other cells that are shown in a cell without an answer."""

FOUND = "**There is no answer in this cell. Elsewhere in the notebook stands:**"

_LETTERS = 3  # that a text has at least
_DEFINED = re.compile(r"^(?:async )?(?:def|class) +(\w+)", re.M)
_COMMENT = re.compile(r"\s*(#.*)?")
_WORDS = re.compile(r"\s*(?!from |import )[^\W\d_]+(?:[,;:’'-]? [^\W\d_]+){5,}[.!?]?\s*")


@dataclass(frozen=True)
class Restored:
    """The cells of a submission with their names.

    Attributes
    ----------
    cells : list of dict
        As they were handed in, but that answers stand under their names.
    notes : tuple of str
        What was found elsewhere, for the teacher.
    unclear : frozenset of str
        Names of cells for code whose answer could be one of several.
    """

    cells: list[dict[str, Any]]
    notes: tuple[str, ...] = ()
    unclear: frozenset[str] = frozenset()


def restore(released: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, Any]]) -> Restored:
    """Find the answers that do not stand in their cells.

    Parameters
    ----------
    released : sequence of mapping
        The cells that students got.
    cells : sequence of mapping
        Those that were handed in, from `mnistkit.grading.submission.read_any_cells`.

    Returns
    -------
    Restored
        The same cells where every answer is in its place.
    """
    work = _Submission(released, cells)
    work.take_back_names()
    for name in work.asked:
        if work.is_unanswered(name):
            if work.is_code(name):
                work.find_code(name)
            else:
                work.find_text(name)
    return Restored([dict(cell) for cell in work.cells], tuple(work.notes), frozenset(work.unclear))


class _Submission:
    """A submission while its answers are looked for."""

    def __init__(self, released: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, Any]]) -> None:
        self.cells = list(cells)
        self.notes: list[str] = []
        self.unclear: set[str] = set()
        self._given = {grade_id_of(cell): cell for cell in released if grade_id_of(cell)}
        self._known = {_plain(cell) for cell in released}
        self.asked = [name for name, cell in self._given.items() if _mark(cell).get("solution")]

    def _places(self) -> dict[str, int]:
        """Say where the cells of the assignment stand; of copies the first one counts."""
        places: dict[str, int] = {}
        for place, cell in enumerate(self.cells):
            if (name := grade_id_of(cell)) in self._given:
                places.setdefault(name, place)
        return places

    def _is_stray(self, cell: Mapping[str, Any]) -> bool:
        """Tell whether a cell is none of the release's."""
        text = _plain(cell)
        return (
            grade_id_of(cell) not in self._given
            and text not in self._known
            and not is_declaration(text)
            and sum(map(str.isalnum, text[:1000])) >= _LETTERS
        )

    def _name(self, place: int, name: str) -> None:
        cell, given = self.cells[place], self._given[name]
        metadata = cell.get("metadata")
        kept = metadata if isinstance(metadata, dict) else {}
        self.cells[place] = {**cell, "metadata": {**kept, "nbgrader": dict(_mark(given))}}

    def take_back_names(self) -> None:
        """Give cells their lost names back by their id, or by their text."""
        for same in (_same_id, _same_text):
            places = self._places()
            for name in [name for name in self._given if name not in places]:
                found = [
                    place
                    for place, cell in enumerate(self.cells)
                    if grade_id_of(cell) not in self._given and same(cell, self._given[name])
                ]
                if len(found) == 1:
                    self._name(found[0], name)
                    self.notes.append(f"the cell {name!r} has lost its metadata; it was found again")

    def is_code(self, name: str) -> bool:
        """Tell whether checks grade what stands in a cell."""
        return self._given[name].get("cell_type") == "code" and not _mark(self._given[name]).get("grade")

    def is_unanswered(self, name: str) -> bool:
        """Tell whether a cell is missing, or is as it was released."""
        place = self._places().get(name)
        return place is None or _plain(self.cells[place]) in ("", _plain(self._given[name]))

    def find_code(self, name: str) -> None:
        """Look for the definitions that stood in a cell."""
        wanted = set(_DEFINED.findall(joined(self._given[name].get("source"))))
        found = [
            place
            for place, cell in enumerate(self.cells)
            if cell.get("cell_type") == "code"
            and self._is_stray(cell)
            and wanted & set(_DEFINED.findall(joined(cell.get("source"))))
        ]
        if len(found) > 1:
            self.unclear.add(name)
            self.notes.append(f"the answer {name!r} is not in its cell, and {len(found)} others may be it")
        elif found:
            self._move_code(name, found[0])
            self.notes.append(f"the answer {name!r} is not in its cell; it was found in another one")

    def _move_code(self, name: str, place: int) -> None:
        """Make a cell the answer, in the place of its own one, with its checks behind it."""
        places = self._places()
        early = [places[check] for check in self._checks_of(name) if places.get(check, place) < place]
        self._name(place, name)
        moved = {*early, places.get(name)}
        order = [each for each in range(len(self.cells)) if each not in moved]
        behind = order.index(place) + 1
        order[behind:behind] = early
        self.cells = [self.cells[each] for each in order]

    def _checks_of(self, name: str) -> list[str]:
        """Name the checks that grade what stands in a cell for code; its exercise may have several cells."""
        checks, order = list[str](), list(self._given)
        for other in order[order.index(name) + 1 :]:
            if other in self.asked:
                if checks or not self.is_code(other):
                    break  # the next exercise
            elif _mark(self._given[other]).get("grade"):
                checks.append(other)
        return checks

    def find_text(self, name: str) -> None:
        """Look for texts that may be an answer to be read."""
        places = self._places()
        order = list(self._given)
        position, own = order.index(name), places.get(name)
        first = max((places[n] for n in order[:position] if n in places), default=-1)
        last = min((places[n] for n in order[position + 1 :] if n in places), default=len(self.cells))
        strays = [p for p, cell in enumerate(self.cells) if self._is_stray(cell) and _is_prose(cell)]
        near = [place for place in strays if first < place < last]
        if own is None and len(near) == 1:
            self._name(near[0], name)
            self.notes.append(
                f"the answer {name!r} is not in its cell; the text in its place was taken for it"
            )
        elif near or strays:
            self._show(name, own, near or strays, first)
            self.notes.append(
                f"there is no answer in the cell {name!r}, but text in other cells: it waits for a person"
            )
        elif own is None:
            self.notes.append(f"cell {name!r} is missing")

    def _show(self, name: str, own: int | None, found: Sequence[int], first: int) -> None:
        """Write what was found elsewhere into the cell of an answer."""
        texts = "\n\n---\n\n".join(joined(self.cells[place].get("source")) for place in found)
        cell = {**self._given[name], "source": f"{FOUND}\n\n{texts[:MAX_QUOTED]}"}
        if own is None:
            self.cells.insert(first + 1, cell)
        else:
            self.cells[own] = cell


def _mark(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Give nbgrader's metadata of a cell of the release."""
    return cell["metadata"]["nbgrader"]


def _plain(cell: Mapping[str, Any]) -> str:
    return " ".join(joined(cell.get("source")).split())


def _same_id(cell: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return cell.get("id") == given.get("id") and cell.get("cell_type") == given.get("cell_type")


def _same_text(cell: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return _plain(cell) == _plain(given)


def _is_prose(cell: Mapping[str, Any]) -> bool:
    """Tell whether a cell holds words to be read: also one for code that has only comments, or no code."""
    text = joined(cell.get("source"))
    if cell.get("cell_type") != "code":
        return True
    lines = text.splitlines()
    only_comments = all(_COMMENT.fullmatch(line) for line in lines)
    return only_comments or text.lstrip().startswith(('"', "'")) or any(map(_WORDS.fullmatch, lines))
