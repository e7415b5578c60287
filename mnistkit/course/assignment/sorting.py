"""Sorting what was handed in: each file to a student, and each notebook to a lesson."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from mnistkit.course.assignment.entries import Entry, Refused, copy_to, entries_of_archive
from mnistkit.course.assignment.found import Found, Lessons, examine
from mnistkit.course.assignment.handed_in import Class, Names, id_from, read_names

__all__ = ["Pile", "Sorter"]

_NOTEBOOK = (".ipynb", ".ipynb.txt", ".ipynb.json")  # browsers add an ending


@dataclass
class Pile:
    """What a source has of one student.

    Attributes
    ----------
    found : list of Found
        What is taken for one of the assignment's notebooks.
    notes : list of str
        What is odd about the rest.
    others : list of str
        Paths of files that are no notebooks, to be shown.
    """

    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


class Sorter:
    """Gives each file of a source to a student, and finds out which notebook it is.

    Parameters
    ----------
    students : Class
        Who can have handed in; where nobody is known, names become ids.
    lessons : Lessons
        The assignment's notebooks.
    name : str
        The assignment.
    stage : pathlib.Path
        Folder to copy files into.
    ids : iterable of str
        Ids that were made of names before: their spelling stays.

    Attributes
    ----------
    piles : dict of str to Pile
        What there is, by student.
    unclear : list of str
        What could be given to nobody, a sentence each.
    """

    def __init__(self, students: Class, lessons: Lessons, name: str, stage: Path, ids: Iterable[str]) -> None:
        self._class, self._lessons, self._name, self._stage = students, lessons, name, stage
        self._ids = {student.casefold(): student for student in ids}
        self._common = self._copied = 0
        self._last = ""
        self.piles: dict[str, Pile] = {}
        self.unclear: list[str] = []

    def sort(self, entries: list[Entry], source: Path) -> None:
        """Go through all files of a source."""
        folders = zip(*(entry.path[:-1] for entry in entries), strict=False)
        self._common = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, folders))
        self._last = source.stem
        for entry in entries:
            if entry.path[-1].casefold().endswith(".zip"):
                self._unpack(entry)
            else:
                self._take(entry, entry.changed)

    def _unpack(self, entry: Entry) -> None:
        """Go through an archive that somebody handed in."""
        packed = self._stage / "archive.zip"
        try:
            with packed.open("wb") as file:
                copy_to(entry, file)
            with packed.open("rb") as stream:
                for inside in entries_of_archive(stream, entry):
                    self._take(inside, entry.changed)
        except Refused as refusal:
            self._refuse(entry, refusal)

    def _take(self, entry: Entry, changed: datetime | None) -> None:
        names = read_names(entry.path)
        student, why = self._owner(names)
        is_notebook = entry.path[-1].casefold().endswith(_NOTEBOOK)
        if not student:
            if is_notebook or entry.path[-1].casefold().endswith(".zip"):
                self.unclear.append(f"'{entry.shown}': {why}")
            return
        pile = self.piles.setdefault(student, Pile())
        if not is_notebook:
            pile.others.append(entry.shown)
            return
        self._copied += 1
        staged = self._stage / f"{self._copied}.ipynb"
        # A file that Canvas exports has the time of the export.
        received = names.received or (None if names.platform == "Canvas" else changed)
        alone = Names((names.file,), names.file)
        own_name = self._owner(alone)[0] == student
        try:
            found = examine(entry, names.file, received, self._lessons, staged, own_name=own_name)
        except Refused as refusal:
            pile.notes.append(f"'{entry.shown}' was not taken: {refusal}")
            return
        marked = ("Canvas has marked it as late",) if names.late else ()
        because = (f"taken for {student}'s because of the name '{why}' alone",) if why else ()
        found = replace(found, notes=(*found.notes, *because, *marked))
        if found.lesson:
            pile.found.append(found)
        else:
            pile.notes += found.notes

    def _refuse(self, entry: Entry, refusal: Refused) -> None:
        student, why = self._owner(read_names(entry.path))
        if student:
            self.piles.setdefault(student, Pile()).notes.append(f"'{entry.shown}' was not taken: {refusal}")
        else:
            self.unclear.append(f"'{entry.shown}': {refusal}; {why}")

    def _owner(self, names: Names) -> tuple[str, str]:
        """Give a student and by what single name, or nobody and why."""
        if self._class.students:
            owner = self._class.find(names, self._lessons.wanted)
            if not owner.student and not owner.why and not names.platform:
                owner = self._class.find(Names((self._last,), "", "source"), self._lessons.wanted)
            return owner.student, owner.why or ("" if owner.student else "it names no student of the list")
        made = id_from(names, self._common, self._lessons.wanted, self._name)
        if not made:
            return "", "no name from which a student's id could be made"
        return self._ids.setdefault(made.casefold(), made), ""
