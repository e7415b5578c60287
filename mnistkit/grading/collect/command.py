"""`mnistkit assignment collect`: what was handed in is put where nbgrader looks for it.

nbgrader has a command for this, ``zip_collect``, and none of its pieces is used here. It unpacks each archive
whole and without limits; it knows a student only by a regular expression that the teacher writes for each
platform; a second file of the same name without a time, or a folder that is there already, ends the whole
batch; and it tells none of what a teacher asks: who is missing, late, handed in twice or something else.
What comes out is the same: its folders, its ``timestamp.txt``, its due date.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from mnistkit.course.stored_files import PlainName, read_stored
from mnistkit.errors import UserError
from mnistkit.files import file_sha256, write_atomically
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.collect.archive import entries_of
from mnistkit.grading.collect.match_notebook import (
    Found,
    Lessons,
    choose,
    read_lessons,
)
from mnistkit.grading.collect.match_student import Roster, shown
from mnistkit.grading.collect.sort_files import Sorter, StudentFiles, Unclear
from mnistkit.grading.collect.student_map import StudentMap, read_student_map, with_entries
from mnistkit.grading.dates.due_dates import (
    DueDates,
    check_people,
    parse_time,
    read_course_dates,
    time_zone,
)
from mnistkit.grading.dates.gradebook_dates import assignment_dates, enter_dates
from mnistkit.grading.dates.set_dates import DateChanges, set_dates
from mnistkit.grading.remarks import remark_lines
from mnistkit.grading.roster import Student, id_problem, is_id, read_roster
from mnistkit.grading.tables import DelimitedTable, column_key, no_formula, read_table, table_bytes

__all__ = ["Collected", "HandedIn", "collect", "collect_command", "read_collected"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HandedIn:
    """What one student handed in.

    Attributes
    ----------
    student : str
        The student's id.
    notebooks : mapping of str to str
        Where it was in the source, by name of the lesson; empty for a known student who handed in none.
    received : str
        When the newest of them was handed in: ISO 8601 with a time zone; empty where it is unknown.
    notes : tuple of str
        What was odd, one plain sentence each, for the teacher; lateness by the dates that hold now.
    exported : mapping of str to str
        By platform: where the first notebook was in its export, from what the platform wrote on.
    """

    student: str
    notebooks: Mapping[str, str]
    received: str
    notes: tuple[str, ...]
    exported: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Collected:
    """What was handed in for an assignment.

    Attributes
    ----------
    students : mapping of str to HandedIn
        By id, sorted: who handed in, and who is known and did not.
    unclear : tuple of str
        Files that could be given to nobody, one sentence each with the file's name and why.
    """

    students: Mapping[str, HandedIn]
    unclear: tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    """What is noted about a notebook that was put in its place."""

    path: str
    received: str
    sha256: str
    fault: str = ""
    notes: tuple[str, ...] = ()
    replaced: str = ""
    rank: tuple[int, ...] = ()
    sign: int = 0
    platform: str = ""
    exported: str = ""

    @property
    def time(self) -> datetime | None:
        """When it was handed in."""
        return datetime.fromisoformat(self.received) if self.received else None


@dataclass(frozen=True)
class _Known:
    """What is noted about a student."""

    received: str
    notes: tuple[str, ...]
    notebooks: dict[PlainName, _Kept]
    other: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Note:
    """The file in which it is noted what was collected."""

    students: dict[PlainName, _Known]
    unclear: tuple[Unclear | str, ...] = ()
    placing: tuple[str, ...] = ()
    who: dict[str, str] = field(default_factory=dict)


def _path(course: Path, assignment: str) -> Path:
    return courses.note_path(course, f"{assignment}{courses.COLLECTED}")


def _read_note(course: Path, assignment: str) -> _Note:
    """Read the note of what was collected: nothing in it is believed that can't be so."""
    path = _path(course, assignment)
    todo = "put it back from a copy of the course's folder, or delete it and collect again"
    try:
        note = read_stored(path, _Note, todo)
    except FileNotFoundError:
        return _Note({})
    for student, known in note.students.items():
        times = [known.received, *(kept.received for kept in known.notebooks.values())]
        if wrong := [time for time in times if time and not _is_time(time)]:
            raise UserError(
                f"{path}: students.{student}.received",
                found=ascii(wrong[0])[:60],
                expected="a time with a zone, or an empty text",
                todo=todo,
            )
    return note


def _is_time(text: str) -> bool:
    try:
        time = datetime.fromisoformat(text)
        time.astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return time.tzinfo is not None


def read_collected(course: Path, assignment: str) -> Collected:
    """Read what was handed in for an assignment.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of the assignment.

    Returns
    -------
    Collected
        Empty where nothing was collected.

    Raises
    ------
    UserError
        If the note about it is broken.
    """
    note = _read_note(course, assignment)
    dates = assignment_dates(course, assignment) if note.students else DueDates()
    students: dict[str, HandedIn] = {
        student: HandedIn(
            student,
            {lesson: kept.path for lesson, kept in known.notebooks.items()},
            known.received,
            (*known.notes, *_late(dates, student, known)),
            {kept.platform: kept.exported for kept in reversed(known.notebooks.values()) if kept.platform},
        )
        for student, known in note.students.items()
    }
    return Collected(students, tuple(map(_line, note.unclear)))


def _late(dates: DueDates, student: str, known: _Known) -> list[str]:
    """Say how late somebody was, by the dates that hold now."""
    received = datetime.fromisoformat(known.received) if known.received else None
    late = dates.late(student, received)
    if not received and known.notebooks and dates.due and dates.penalty:
        return ["when it was handed in is not known, so no lateness is counted"]
    return [late.reason] if late.reason else []


def _line(unclear: Unclear | str) -> str:
    return unclear if isinstance(unclear, str) else f"'{shown(unclear.path)}': {unclear.why}"


def collect_command(
    name: str,
    source: Path,
    course: Path,
    roster: Path | None,
    due: str | None,
    *,
    move_due: bool = False,
    who: Path | None = None,
) -> None:
    """Carry out ``mnistkit assignment collect``, and show what is odd.

    Parameters
    ----------
    name : str
        The assignment.
    source : pathlib.Path
        Where it is what was handed in.
    course : pathlib.Path
        The course's folder.
    roster : pathlib.Path or None
        Who takes part, beside those in the gradebook.
    due : str or None
        ``2026-11-20 18:00``, or with a zone: ``2026-11-20 18:00+01:00``. Without one: the course's.
    move_due : bool, optional
        See `collect`.
    who : pathlib.Path, optional
        A table that says whose something is: see `mnistkit.grading.collect.student_map`.

    Raises
    ------
    UserError
        If the assignment was not released here, the source can't be read or has nothing of anybody, or
        another due date holds already.
    """
    nbgrader_bridge.require_nbgrader()
    time = None if due is None else parse_time(due, read_course_dates(course).timezone, f"--due {due}")
    students = read_roster(roster) if roster else ()
    said = read_student_map(who) if who else {}
    collected = collect(course, name, source, students, time, move_due=move_due, who=said)
    handed_in = [one for one in collected.students.values() if one.notebooks]
    _logger.info(f"{name}: {len(handed_in)} of {len(collected.students)} students handed in")
    for line in remark_lines({one.student: one.notes for one in collected.students.values()}):
        _logger.info(f"  {line}")
    if collected.unclear:
        _logger.info(f"{len(collected.unclear)} could be given to nobody:")
        for line in collected.unclear:
            _logger.info(f"  {line}")
        name = courses.released_name(course, name)
        unclear = [one for one in _read_note(course, name).unclear if isinstance(one, Unclear)]
        table = _write_unclear(course, name, unclear)
        _logger.info(f"  write their ids into {table}, and collect again with --who {table}")
    _logger.info(f"  {course / 'submitted'}")


def _write_unclear(course: Path, name: str, unclear: Iterable[Unclear]) -> Path:
    """Write a table of what is nobody's, for a teacher to fill in; what stands in it already stays."""
    path = courses.note_path(course, name).with_name(f"{name}-who.csv")
    table = read_table(path, ("id",), "who,id") if path.exists() else DelimitedTable(["who", "id"], [])
    names = [column_key(title) for title in table.header]
    header = [*table.header, *(column for column in ("who", "id") if column not in names)]
    place = [column_key(title) for title in header].index("who")
    rows = [[*row, *[""] * (len(header) - len(row))] for _, row in table.rows if any(row)]
    there = {row[place] for row in rows}
    for one in dict.fromkeys(no_formula(one.path) for one in unclear):
        if one not in there:
            rows.append([one if column == place else "" for column in range(len(header))])
    # Whatever a spreadsheet program has made of it: paths have all letters.
    write_atomically(path, table_bytes(replace(table, header=header, encoding="utf-8-sig"), rows))
    return path


def collect(
    course: Path,
    name: str,
    source: Path,
    roster: Iterable[Student] = (),
    due: datetime | None = None,
    *,
    move_due: bool = False,
    who: Mapping[str, str] = {},
) -> Collected:
    """Put what was handed in where nbgrader looks for it.

    A file that a teacher has changed or put there is left as it is. What an earlier source had, and this one
    does not have, stays; what was nobody's stays listed until its content is given to somebody, or its source
    is collected again without it.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        An assignment that was released from it.
    source : pathlib.Path
        A folder, a zip or one notebook.
    roster : iterable of Student, optional
        Who takes part, beside those in the gradebook; they are entered there.
    due : datetime, optional
        With a zone. The date is the assignment's, whatever part of it is collected: it is kept in the
        course's file of dates and holds for everybody. Default: what is there already.
    move_due : bool, optional
        Whether `due` may take the place of another date.
    who : mapping of str to str, optional
        Ids by what names the student, where names don't say it. It is kept with the assignment, and holds for
        what is collected later.

    Returns
    -------
    Collected
        All that was handed in so far.

    Raises
    ------
    UserError
        If the assignment was not released here, the source can't be read or has nothing of anybody, or
        another due date holds already.
    ValueError
        If `due` has no zone.
    """
    if due is not None and due.tzinfo is None:
        raise ValueError(f"due: {due} has no time zone")
    course, source = Path(course), Path(source)
    released = courses.read_released(course, courses.released_name(course, name))
    name = released.name
    if source.resolve() == course.resolve():
        raise UserError(source, found="the course's own folder", expected="what was handed in")
    lessons = read_lessons(course, released)
    with courses.staging(course) as stage:
        note, dates = _read_note(course, name), read_course_dates(course)
        zone = time_zone(dates.timezone)
        before = assignment_dates(course, name).due
        is_new = due is not None and _is_new(name, before, due, zone, move=move_due)
        known, entered = _class(course, roster)
        check_people(course, dates, [student.id for student in known])
        if not known:
            _logger.info(
                "No list says who takes part: the students' ids are taken from the names. A list: --roster"
            )
        everybody = Roster(known)
        ids = _known_ids(who, everybody)
        unknown = {text: student for text, student in who.items() if text not in ids}
        said = StudentMap(with_entries(note.who, {**ids, **unknown}))
        note = replace(note, who=with_entries(note.who, ids))
        with entries_of(source, course, zone) as entries:
            sorter = Sorter(everybody, lessons, name, stage, list(note.students), said, zone)
            sorter.sort(entries, source)
        _check_unknown(unknown, sorter, everybody)
        if not sorter.piles:
            table = _write_unclear(course, name, sorter.unclear) if sorter.unclear else None
            raise _nothing(source, sorter.unclear, table)
        # Nothing of the course has changed up to here: it stays as it is where the source can't be used.
        _enter(course, name, entered, due if is_new else None)
        if is_new and due and before:
            moved = f"from {_shown(before, zone)} to {_shown(due, zone)}"
            _logger.info(f"{name}: the due date moves {moved}, for everybody")
        plan = _merge(course, name, lessons, sorter.piles, note)
        listed = {student.id for student in known if is_id(student.id)}
        _name_other_owners(plan, listed)
        _name_what_was_unclear(plan, note, sorter)
        placing = [found.sha256 for student in plan.found.values() for found in student.values()]
        if placing:  # so that what a killed collection has put somewhere is known as ours
            _write(course, name, replace(note, placing=tuple(sorted({*placing, *note.placing}))))
        students = sorted({*plan.kept, *plan.other, *listed})
        if listed:
            for student in set(students) - listed:  # collected when there was no list yet
                plan.other[student] = ("this id is in no list of students",)
        noted = {student: _known(student, plan, lessons) for student in students}
        for student, one in noted.items():
            _place(course / "submitted" / student / name, plan.found.get(student, {}), one.received)
        left_out = [f"a student of the gradebook: {id_problem(one.id)}" for one in known if not is_id(one.id)]
        _write(course, name, _Note(noted, (*left_out, *_unclear(note, sorter)), who=note.who))
    return read_collected(course, name)


def _known_ids(who: Mapping[str, str], known: Roster) -> dict[str, str]:
    """Give a teacher's table with ids as the list spells them: it may say a mail address or a full name."""
    ids = {
        text: known.exactly(student) if known.students else student * is_id(student)
        for text, student in who.items()
    }
    return {text: student for text, student in ids.items() if student}


def _check_unknown(unknown: Mapping[str, str], sorter: Sorter, known: Roster) -> None:
    """Refuse a table that gives a file of the source to somebody unknown; else only name who that is."""
    for text, student in unknown.items():
        if student in sorter.mapped:
            one = "an id, a mail address or a full name in the list, which one student alone has"
            raise UserError(
                f"--who: {text}",
                found=f"the student {student!r}",
                expected=one if known.students else id_problem(student),
                todo="correct the table, or add the student to the list (--roster)",
            )
    if unknown:
        some = ", ".join(sorted({*unknown.values()})[:5]) + ", …" * (len({*unknown.values()}) > 5)
        _logger.info(f"--who: no student of the list, and nothing here is theirs: {some}")


def _unclear(note: _Note, sorter: Sorter) -> list[Unclear]:
    """Give what is nobody's, of this source and of earlier ones."""
    again = {(one.path, one.sha256) for one in sorter.unclear}
    before = (one for one in note.unclear if isinstance(one, Unclear) and one.source != sorter.source)
    return [
        *(one for one in before if one.sha256 not in sorter.given and (one.path, one.sha256) not in again),
        *sorter.unclear,
    ]


def _nothing(source: Path, unclear: list[Unclear], table: Path | None) -> UserError:
    some = "".join(f"\n            {_line(one)}" for one in unclear[:5])
    return UserError(
        source,
        found=f"nothing that is a known student's{some}",
        expected="notebooks, in a folder per student or with the student's name in the file's",
        todo="name the right folder, or with --roster a list of the students' ids and names"
        + (f"; or write their ids into {table}, and collect again with --who {table}" if table else ""),
    )


def _write(course: Path, name: str, note: _Note) -> None:
    text = json.dumps(asdict(note), indent=1, ensure_ascii=False)
    write_atomically(_path(course, name), f"{text}\n")


def _class(course: Path, roster: Iterable[Student]) -> tuple[list[Student], list[Student]]:
    """Give who is known by gradebook and roster together, and those of the roster as they are entered."""
    with nbgrader_bridge.gradebook(course) as book:
        known = {
            one.id: Student(one.id, one.first_name or "", one.last_name or "", one.email or "")
            for one in book.students
        }
    ids = {student.casefold(): student for student in known}
    entered = []
    for one in roster:
        # The gradebook's spelling of an id stays: it names folders.
        there = known.get(ids.get(one.id.casefold(), one.id), one)
        given = {part: value for part, value in asdict(one).items() if value and part != "id"}
        known[there.id] = replace(there, **given)
        entered.append(known[there.id])
    return list(known.values()), entered


def _enter(course: Path, name: str, students: Sequence[Student], due: datetime | None) -> None:
    """Enter into gradebook and file of dates who takes part, and a new due date."""
    if students:
        with nbgrader_bridge.gradebook(course) as book:
            nbgrader_bridge.enrol(book, students)
    if due is not None:
        written = due.isoformat(sep=" ", timespec="seconds" if due.second else "minutes")
        set_dates(course, name, DateChanges(due=written))
    enter_dates(course, name)


def _is_new(name: str, before: datetime | None, due: datetime, zone: tzinfo | None, *, move: bool) -> bool:
    """Tell whether a due date is another one: one that is known moves only where that was asked for."""
    if before is None or due.astimezone(UTC) == before.astimezone(UTC):
        return before is None
    if not move:
        raise UserError(
            f"--due {_shown(due, zone)}",
            found=f"{name} is due {_shown(before, zone)}, for everybody who takes part",
            expected="the same date, or none",
            todo="leave --due out; to move the date for everybody, add --move-due; for some, extend it with"
            " mnistkit assignment dates",
        )
    return True


def _shown(time: datetime, zone: tzinfo | None) -> str:
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M}"


@dataclass
class _Plan:
    """What is to be noted and put in its place, by student."""

    kept: dict[str, dict[str, _Kept]]
    found: dict[str, dict[str, Found]]
    other: dict[str, tuple[str, ...]]


def _merge(
    course: Path, name: str, lessons: Lessons, piles: Mapping[str, StudentFiles], note: _Note
) -> _Plan:
    """Bring what a source has together with what was collected before."""

    def place(student: str, lesson: str) -> Path:
        return course / "submitted" / student / name / f"{lesson}.ipynb"

    there: dict[str, dict[str, _Kept]] = {  # a teacher may have deleted some
        student: {lesson: one for lesson, one in known.notebooks.items() if place(student, lesson).is_file()}
        for student, known in note.students.items()
    }
    plan = _Plan(there, {}, {student: known.other for student, known in note.students.items()})
    for student, pile in piles.items():
        kept = plan.kept.setdefault(student, {})
        plan.other[student] = tuple(pile.notes)
        for lesson in lessons.wanted:
            candidates = [found for found in pile.found if found.lesson == lesson]
            if not candidates:
                continue
            new, said = choose(candidates)
            new = replace(new, notes=(*new.notes, *said))
            takes, kept[lesson] = _decide(new, kept.get(lesson), place(student, lesson), note.placing)
            if takes:
                plan.found.setdefault(student, {})[lesson] = new
        if not pile.found and not kept:
            plan.other[student] += tuple(pile.others[:3])
    return plan


def _name_other_owners(plan: _Plan, listed: Collection[str]) -> None:
    """Say where a file is now somebody's, and was taken for somebody else's before."""
    owners: dict[tuple[str, str, str], list[str]] = {}
    for student, kept in plan.kept.items():
        for lesson, one in kept.items():
            if student in listed and one.sha256:
                owners.setdefault((lesson, one.path, one.sha256), []).append(student)
    for student, lessons in plan.found.items():
        for lesson in lessons:
            one = plan.kept[student][lesson]
            for other in owners.get((lesson, one.path, one.sha256), ()):
                if other != student:
                    said = f"'{shown(one.path)}' is now taken for {student}'s, and was taken for {other}'s"
                    todo = f"{said} before: delete what is wrong in submitted/{other} or submitted/{student}"
                    plan.other[student] += (todo,)
                    plan.other[other] = (*plan.other.get(other, ()), todo)


def _name_what_was_unclear(plan: _Plan, note: _Note, sorter: Sorter) -> None:
    """Say where what was nobody's is somebody's now, because the same content was."""
    for one in note.unclear:
        if isinstance(one, Unclear) and one.source != sorter.source and one.sha256 in sorter.given:
            student = sorter.given[one.sha256]
            said = f"'{shown(one.path)}' was nobody's before, and has the same content: it counts as this one"
            plan.other[student] = (*plan.other.get(student, ()), said)


def _decide(new: Found, old: _Kept | None, place: Path, placing: Sequence[str]) -> tuple[bool, _Kept]:
    """Decide whether a new file is put in its place, and what is noted."""
    there = file_sha256(place) if place.is_file() else ""
    received = new.received.isoformat() if new.received else ""
    noted = _Kept(
        new.path,
        received,
        new.sha256,
        new.fault,
        new.notes,
        rank=new.rank,
        sign=new.sign,
        platform=new.platform,
        exported=new.exported,
    )
    this = f"'{shown(new.path)}'"
    earlier = f"'{shown(old.path)}'" if old else ""
    if there and there not in {new.sha256, *placing} and (old is None or there != old.sha256):
        by_hand = f"'{place.name}' was put there or changed by hand: it stays, and {this} was not taken"
        # What was mended was handed in when it was: its time stays, and so does its lateness.
        path, received = (old.path, old.received) if old else (place.name, "")
        return False, _Kept(path, received, "", "", (by_hand,))
    if old is None or not old.sha256:
        return there != new.sha256, noted
    if old.sha256 == new.sha256:
        earliest = min(filter(None, (old.time, new.received)), default=None)
        received = earliest.isoformat() if earliest else ""
        return there != new.sha256, replace(noted, received=received, replaced=old.replaced)
    if new.fault and not old.fault:
        again = f"handed in anew as {new.described}, which {new.fault}: the earlier one, {earlier}, stays"
        return False, replace(old, notes=(again,))
    if new.sign < old.sign and not old.fault:
        less = f"which has less of the exercises: the earlier one, {earlier}, stays"
        return False, replace(old, notes=(f"also handed in: {new.described}, {less}",))
    if new.platform == old.platform and new.rank != old.rank:  # whatever the times
        if new.rank > old.rank:
            return True, replace(noted, replaced=f"{this} takes the place of {earlier}")
        return False, replace(old, notes=(f"{this} is an earlier version than {earlier}, which stays",))
    if new.received and old.time and new.received < old.time:
        older = f"{new.described} is older than {earlier}, which was collected before and stays"
        return False, replace(old, notes=(older,))
    return True, replace(noted, replaced=f"handed in anew: {this} takes the place of {earlier}")


def _known(student: str, plan: _Plan, lessons: Lessons) -> _Known:
    """Give what is noted about a student."""
    kept, other = plan.kept.get(student, {}), plan.other.get(student, ())
    notes = [note for one in kept.values() for note in (*one.notes, one.replaced) if note]
    notes += other
    missing = [lesson for lesson in lessons.wanted if lesson not in kept]
    if not kept:
        notes.append("no notebook of it was handed in" if other else "nothing was handed in")
    elif missing:
        notes.append(f"missing: {', '.join(missing)}")
    received = max((one.time for one in kept.values() if one.time), default=None)
    notebooks = {lesson: kept[lesson] for lesson in lessons.wanted if lesson in kept}
    text = received.isoformat() if received else ""
    return _Known(text, tuple(dict.fromkeys(notes)), notebooks, other)


def _place(folder: Path, found: Mapping[str, Found], received: str) -> None:
    """Put a student's notebooks and their time in their place, each whole or not at all."""
    if not found and not folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for lesson, one in found.items():
        with one.staged.open("rb") as file:
            os.fsync(file.fileno())
        one.staged.replace(folder / f"{lesson}.ipynb")
    stamp = folder / courses.TIMESTAMP
    if received:
        text = f"{datetime.fromisoformat(received).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != text:
            write_atomically(stamp, text)
    elif found:
        stamp.unlink(missing_ok=True)
