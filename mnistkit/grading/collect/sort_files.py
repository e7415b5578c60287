"""Sorting what was handed in: each file to a student, and each notebook to a lesson."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from mnistkit.errors import printable
from mnistkit.grading.collect.archive import (
    ArchiveEntry,
    Copied,
    Refused,
    copy_to,
    entries_of_archive,
    is_single,
)
from mnistkit.grading.collect.lms import (
    METADATA,
    Layout,
    Names,
    choose_layout,
    read_metadata,
    shared_folders,
)
from mnistkit.grading.collect.mail import MAIL, Sender, attachments, read_sender
from mnistkit.grading.collect.match_notebook import Found, Lessons, identify
from mnistkit.grading.collect.match_student import Match, Roster, id_from, is_about, shown
from mnistkit.grading.collect.student_map import StudentMap
from mnistkit.grading.dates.due_dates import in_zone
from mnistkit.grading.roster import id_problem
from mnistkit.utils.plain_letters import words

__all__ = ["Sorter", "StudentFiles", "Unclear"]

_CLOSED = (".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".msg")
_NOT_OPENED = "an archive or mail of a kind that is not opened: hand in the notebook, or a zip"
_BRANCH = re.compile(r"-(main|master)(\.zip)?$", re.I)  # at the end of what GitHub's page gives to download
_MAX_METADATA = 20_000_000


@dataclass
class StudentFiles:
    """What a source has of one student.

    Attributes
    ----------
    found : list of Found
        What is taken for one of the assignment's notebooks.
    notes : list of str
        What is odd about the rest.
    others : list of str
        What is said of files that are no notebooks.
    """

    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Unclear:
    """A file that could be given to nobody.

    Attributes
    ----------
    source : str
        Where it was collected from.
    path : str
        Where it is there, in full: by it the teacher's table names it.
    why : str
        Why it is nobody's.
    sha256 : str
        Of its content; empty where that can't be read.
    """

    source: str
    path: str
    why: str
    sha256: str = ""


@dataclass(frozen=True)
class _Read:
    """A file, and what its path says."""

    entry: ArchiveEntry
    names: Names
    student: str
    why: str  # by what single name the student is meant, or why it is nobody's
    exported: str = ""  # its path from what a platform wrote on


class Sorter:
    """Gives each file of a source to a student, and finds out which notebook it is.

    How the source is laid out is decided once (`mnistkit.grading.collect.lms`). Whose a file is and when it
    came says what stands around it, never what is inside an archive that a student made.

    Parameters
    ----------
    students : Roster
        Who can have handed in; where nobody is known, names become ids.
    lessons : Lessons
        The assignment's notebooks.
    name : str
        The assignment.
    stage : pathlib.Path
        Folder to copy files into.
    ids : iterable of str
        Ids that were made of names before: their spelling stays.
    who : StudentMap, optional
        What the teacher has said about whose something is: it comes before what names say.
    zone : datetime.tzinfo, optional
        Of times that platforms and archives write without one, and in which all are given. Default: that of
        this machine.

    Attributes
    ----------
    piles : dict of str to StudentFiles
        What there is, by student.
    unclear : list of Unclear
        What could be given to nobody.
    source : str
        What was sorted.
    given : dict of str to str
        Who got what, by its hash.
    mapped : set of str
        Whom the teacher's table named for some file.
    """

    def __init__(
        self,
        students: Roster,
        lessons: Lessons,
        name: str,
        stage: Path,
        ids: Iterable[str],
        who: StudentMap | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self._class, self._lessons, self._name, self._stage = students, lessons, name, stage
        self._ids = {student.casefold(): student for student in ids}
        self._who, self._about, self._zone = who or StudentMap({}), {*words(name)}, zone
        self._shared_words: set[str] = set()
        self._copied = self._common = 0
        self._levels: set[int] = set()  # how deep in plain folders some students' own are
        self._groups: set[tuple[str, ...]] = set()  # folders around students' own
        self._layout = Layout()
        self._source, self.source = Path(), ""
        self.piles: dict[str, StudentFiles] = {}
        self.unclear: list[Unclear] = []
        self.given: dict[str, str] = {}
        self.mapped: set[str] = set()

    def sort(self, entries: Sequence[ArchiveEntry], source: Path) -> None:
        """Go through all files of a source."""
        self._source, self.source = source, str(source.resolve())
        # The name of a folder or archive is the outermost of what is around the files in it.
        around = () if is_single(source) else (_stem(source),)
        paths = [(*around, *entry.path) for entry in entries]
        self._decide(entries, paths)
        reads = [
            replace(_checked(self._read(entry, path)), exported=self._exported(path))
            for entry, path in zip(entries, paths, strict=True)
        ]
        for read in self._without_twins(reads):
            if not read.student:
                self._leave(read)
            elif _is_zip(read.entry) or _is_mail(read.entry):
                self._unpack(read)
            else:
                self._take(read, read.entry, read.names.file, self._received(read))

    def _decide(self, entries: Sequence[ArchiveEntry], paths: Sequence[Sequence[str]]) -> None:
        """Decide how the source is laid out."""
        if not entries:
            return
        counted = [
            path for entry, path in zip(entries, paths, strict=True) if _is_zip(entry) or entry.is_notebook
        ] or paths
        shared = shared_folders(counted)
        self._shared_words = _in_all(counted, shared)
        self._about |= self._about_all(counted, shared)
        metadata, place = _metadata(entries)
        if metadata and place + len(paths[0]) - len(entries[0].path) > shared:
            metadata = {}  # not of the whole source: somebody handed it in
        self._layout = choose_layout(counted, shared, metadata, self._is_person)
        if self._layout.platform is None and self._class.students:
            self._find_own_folders(counted)
        self._about |= self._groups_before(counted)
        self._common = shared - (len(paths[0]) - len(entries[0].path))

    def _about_all(self, paths: Sequence[Sequence[str]], shared: int) -> set[str]:
        """Give the words of all names that are about the hand-in: besides them, two students are named."""
        rest = {word for name in _siblings(paths, shared) for word in words(name)} - self._shared_words
        return self._shared_words if sum(map(self._class.is_name, rest)) > 1 else set()

    def _groups_before(self, paths: Sequence[Sequence[str]]) -> set[str]:
        """Give the words of groups that Moodle writes before names, with a hyphen: two students have each."""
        members: dict[str, set[str]] = {}
        for names in map(self._layout.read, paths):
            owner = names.owners[0] if names and names.platform == "Moodle" else ""
            for hyphen in re.finditer("-", owner):
                if self._class.exactly(owner[hyphen.end() :]):
                    members.setdefault(owner[: hyphen.start()], set()).add(owner)
        return {word for group, some in members.items() if len(some) > 1 for word in words(group)}

    def _is_person(self, text: str) -> bool:
        return bool(self._mapped([text])) or self._class.is_person(text, self._lessons.wanted)

    def _find_own_folders(self, paths: Sequence[Sequence[str]]) -> None:
        """Find how deep in plain folders students' own are, and which folders are around them."""
        if len(paths[0]) > 1 and paths[0][0] == _stem(self._source) and self._is_person(paths[0][0]):
            self._levels = {0}
            return
        folders = {tuple(path[: level + 1]) for path in paths for level in range(1, len(path) - 1)}
        own = {folder for folder in folders if self._names_one(folder[-1])}
        inside: dict[tuple[str, ...], int] = {}
        for folder in own:
            inside[folder[:-1]] = inside.get(folder[:-1], 0) + 1
        # A stranger's folder can have one that is named after somebody else.
        self._groups = {
            folder
            for folder, count in inside.items()
            if folder not in own and (count > 1 or is_about(folder[-1], self._about))
        }
        self._levels = {len(folder) - 1 for folder in own}

    def _names_one(self, folder: str) -> bool:
        nothing = {*self._about, *(word for lesson in self._lessons.wanted for word in words(lesson))}
        return self._class.names_one(folder, nothing) or bool(self._mapped([folder]))

    def _own_level(self, path: Sequence[str]) -> int | None:
        """Give how deep in its path a student's own folder is, of the list or not; None where none is."""
        levels = (level for level in sorted(self._levels) if tuple(path[: level + 1]) not in self._groups)
        level = next(levels, None)
        return level if level is not None and len(path) > level + 1 else None

    def _exported(self, path: Sequence[str]) -> str:
        """Give a path from what a platform wrote on; empty where none did, or it can't be written down."""
        text = "/".join(path[self._layout.root :]) if self._layout.platform else ""
        return text if printable(text) == text else ""

    def _read(self, entry: ArchiveEntry, path: Sequence[str]) -> _Read:
        """Read a path: whose it is, or why it is nobody's."""
        names = self._layout.read(path)
        if names is None:
            platform = self._layout.platform
            why = f"it is not where or as {platform.name if platform else ''} names what was handed in"
            return _Read(entry, Names((), entry.path[-1], "unknown"), "", why)
        whole = ["/".join(entry.path), entry.place]
        said = [*whole, *names.owners, names.key, *path[self._layout.root :][:1]]
        if not self._layout.platform:
            inner = path[len(path) - len(entry.path) :]
            level = self._own_level(path)
            if level is not None:
                inner = (path[level], "")  # nothing that stands in the student's own folder
            names, said = replace(names, owners=tuple(inner)), [*whole, *inner]
            if _is_mail(entry) and level is None:
                return self._read_mail(entry, said)
        if mapped := self._mapped(said):
            self.mapped.add(mapped)
            return _Read(entry, replace(names, key=""), mapped, "")
        if not names.owners:
            return _Read(entry, names, "", "")
        student, why = self._owner(names)
        return _Read(entry, names, student, why)

    def _read_mail(self, entry: ArchiveEntry, said: Sequence[str]) -> _Read:
        """Read who has sent a mail, or why that is nobody."""
        names = Names((), entry.path[-1], "mail")
        try:
            sender = read_sender(entry)
        except Refused as refusal:
            return _Read(entry, names, "", str(refusal))
        names = replace(names, owners=(sender.address, sender.name), received=sender.received)
        if mapped := self._mapped([*said, sender.address, sender.name]):
            self.mapped.add(mapped)
            return _Read(entry, names, mapped, "")
        if not self._class.students:
            student, why = self._owner(names)
            return _Read(entry, names, student, why)
        found = self._class.find_sender(sender.address, sender.name)
        why = found.why or ("" if found.student else "its sender is no student of the list")
        return _Read(entry, names, found.student, why if found.student else f"{why}: {_named(sender)}")

    def _mapped(self, texts: Iterable[str]) -> str:
        """Give whose something is by the teacher's table; GitHub puts the assignment before the name."""
        nothing = {
            *self._about,
            *self._shared_words,
            *(word for lesson in self._lessons.wanted for word in words(lesson)),
        }
        said = list(filter(None, texts))
        said += [short for text in said if (short := _BRANCH.sub("", text)) != text]
        tails = [
            "-".join(pieces[start:])
            for pieces in (text.split("-") for text in said)
            for start in range(1, len(pieces))
            if is_about("-".join(pieces[:start]), nothing)
        ]
        return self._who.find([*said, *tails])

    def _owner(self, names: Names) -> tuple[str, str]:
        """Give a student and by what single name, or nobody and why."""
        if self._class.students:
            owner = self._class.find(names, self._lessons.wanted, self._about)
            if owner == Match() and not names.platform and not self._levels:
                outer = Names((_stem(self._source),), "")
                owner = self._class.find(outer, self._lessons.wanted, self._about)
            what = "it names" if names.owners[-1] else "its folder names"
            return owner.student, owner.why or ("" if owner.student else f"{what} no student of the list")
        made = id_from(names, self._common, self._lessons.wanted, self._name)
        if not made:
            return "", "no name from which a student's id (A-Z, 0-9 and . _ @ -) could be made"
        return self._ids.setdefault(made.casefold(), made), ""

    def _without_twins(self, reads: Sequence[_Read]) -> list[_Read]:
        """Take from a student what is of two people: the platform has two numbers for the one name."""
        keys: dict[str, set[str]] = {}
        for read in reads:
            if read.student and read.names.key:
                keys.setdefault(read.student, set()).add(read.names.key)
        twins = {student for student, known in keys.items() if len(known) > 1}
        why = "the source has two people of this name; name the file or folder after the student's id"
        return [replace(read, student="", why=why) if read.student in twins else read for read in reads]

    def _received(self, read: _Read) -> datetime | None:
        """Say when a file came; the times in an archive that a student made are the student's."""
        time = read.names.received
        if time is None and (self._layout.platform is None or self._layout.platform.dated):
            own = self._is_students_archive()
            time = datetime.fromtimestamp(self._source.stat().st_mtime, UTC) if own else read.entry.changed
        try:
            return in_zone(time, self._zone).astimezone(self._zone) if time else None
        except (ValueError, OverflowError, OSError):  # a time that no calendar has
            return None

    def _is_students_archive(self) -> bool:
        layout = self._layout
        people = layout.root == 0 and layout.platform is not None and layout.platform.names_people
        outermost = people or 0 in self._levels
        return outermost and self._source.is_file() and not is_single(self._source)

    def _leave(self, read: _Read) -> None:
        """Note a file that is nobody's."""
        if not read.why or not self._is_work(read.entry):
            return
        why = read.why + "; an export is collected by itself" * _is_zip(read.entry)
        why += f"; {_NOT_OPENED}" * _is_closed(read.entry)
        try:
            known = self._copy(read.entry).sha256
        except Refused as refusal:
            why, known = f"{refusal}; {why}", ""
        self.unclear.append(Unclear(self.source, read.entry.place, why, known))

    def _is_work(self, entry: ArchiveEntry) -> bool:
        """Tell whether a file is, or has in it, what can have been handed in."""
        if not _is_mail(entry):
            return entry.is_notebook or _may_be_work(entry)
        try:
            return any(one.is_notebook or _may_be_work(one) for one in attachments(entry))
        except Refused:
            return True

    def _unpack(self, read: _Read) -> None:
        """Go through an archive or mail that somebody handed in: it is theirs, and of its time, all of it."""
        try:
            packed = self._copy(read.entry)
            self.given.setdefault(packed.sha256, read.student)
            if _is_mail(read.entry):
                self._open_mail(read)
                return
            with (self._stage / "copy").open("rb") as stream:
                for inside in entries_of_archive(stream, read.entry, self._zone):
                    self._take(read, inside, inside.path[-1], self._received(read))
        except Refused as refusal:
            self._pile(read).notes.append(f"'{read.entry.shown}' was not taken: {refusal}")

    def _open_mail(self, read: _Read) -> None:
        """Go through what is attached to a mail; its text is nobody's notebook."""
        found = attachments(read.entry)
        if not self._class.students and not any(one.is_notebook or _may_be_work(one) for one in found):
            return  # where no list says who takes part, anybody can have written
        for attached in found:
            if _is_zip(attached):
                self._unpack(replace(read, entry=attached))
            else:
                self._take(read, attached, attached.path[-1], self._received(read))

    def _copy(self, entry: ArchiveEntry) -> Copied:
        with (self._stage / "copy").open("wb") as file:
            return copy_to(entry, file)

    def _pile(self, read: _Read) -> StudentFiles:
        return self.piles.setdefault(read.student, StudentFiles())

    def _take(self, read: _Read, entry: ArchiveEntry, file: str, received: datetime | None) -> None:
        if not entry.is_notebook:
            # A page that a platform adds, or one file among many, is nobody who takes part.
            if self._class.students or read.names.platform or len(entry.path) > 1 + self._common:
                pile = self._pile(read)
                (pile.notes if _may_be_work(entry) else pile.others).append(_said_of(entry))
            else:
                self._leave(replace(read, why="it is no notebook, and no list says who takes part"))
            return
        pile = self._pile(read)
        self._copied += 1
        staged = self._stage / f"{self._copied}.ipynb"
        own_name = self._owner(Names((file,), file))[0] == read.student
        try:
            found = identify(entry, file, received, self._lessons, staged, own_name=own_name)
        except Refused as refusal:
            pile.notes.append(f"'{entry.shown}' was not taken: {refusal}")
            return
        self.given.setdefault(found.original, read.student)
        marked = (f"{read.names.platform} has marked it as late",) if read.names.late else ()
        because = (f"taken for {read.student}'s because of the name '{read.why}' alone",) if read.why else ()
        warnings = (read.names.note,) if read.names.note else ()
        found = replace(found, notes=(*found.notes, *because, *warnings, *marked), rank=read.names.rank)
        if self._layout.platform:
            found = replace(found, platform=self._layout.platform.name, exported=read.exported)
        if found.lesson:
            pile.found.append(found)
        else:
            pile.notes += found.notes


def _stem(source: Path) -> str:
    return source.name if source.is_dir() else source.stem


def _checked(read: _Read) -> _Read:
    """Give nothing to somebody whose id can't be the name of a folder."""
    problem = id_problem(read.student) if read.student else ""
    return replace(read, student="", why=f"it is {read.student!r}'s, and {problem}") if problem else read


def _in_all(paths: Sequence[Sequence[str]], shared: int) -> set[str]:
    """Give the words that the names of all folders have, or of all files where there are none."""
    said = [set(words(name)) for name in _siblings(paths, shared)]
    return set.intersection(*said) if len(said) > 1 else set()


def _siblings(paths: Sequence[Sequence[str]], shared: int) -> set[str]:
    """Give the names of the outermost folders in which files differ; of the files where there are none."""
    return {path[shared] for path in paths if len(path) > shared + 1} or {path[-1] for path in paths}


def _named(sender: Sender) -> str:
    return shown(f"{sender.name} <{sender.address}>".strip())


def _is_mail(entry: ArchiveEntry) -> bool:
    return entry.path[-1].casefold().endswith(MAIL)


def _is_zip(entry: ArchiveEntry) -> bool:
    return entry.path[-1].casefold().endswith(".zip")


def _is_closed(entry: ArchiveEntry) -> bool:
    return entry.path[-1].casefold().endswith(_CLOSED)


def _may_be_work(entry: ArchiveEntry) -> bool:
    """Tell whether a file that is no notebook can be one under another name, or have one in it."""
    return _is_zip(entry) or _is_closed(entry) or ".ipynb" in entry.path[-1].casefold()


def _said_of(entry: ArchiveEntry) -> str:
    if _is_closed(entry):
        return f"'{entry.shown}' is {_NOT_OPENED}"
    return f"'{entry.shown}' is no notebook" + ", and an archive in another is not opened" * _is_zip(entry)


def _metadata(entries: Sequence[ArchiveEntry]) -> tuple[Mapping[str, Names], int]:
    """Read Gradescope's own file, the outermost one, and say in how many folders it is."""
    found = min(
        (entry for entry in entries if entry.path[-1] == METADATA),
        key=lambda one: len(one.path),
        default=None,
    )
    if found is None:
        return {}, 0
    try:
        with found.opened() as stream:
            return read_metadata(stream.read(_MAX_METADATA)), len(found.path) - 1
    except (Refused, OSError, ValueError):
        return {}, 0
