"""`mnistkit assignment collect`: what was handed in is put where nbgrader looks for it.

nbgrader has a command for this, ``zip_collect``, and none of its pieces is used here. It unpacks each archive
whole and without limits; it knows a student only by a regular expression that the teacher writes for each
platform; a second file of the same name without a time, or a folder that is there already, ends the whole
batch; and it tells none of what a teacher asks: who is missing, late, handed in twice or something else.
What comes out is the same: its folders, its ``timestamp.txt``, its due date.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mnistkit.course import CourseError
from mnistkit.course.assignment import course as courses
from mnistkit.course.assignment.entries import entries_of
from mnistkit.course.assignment.found import (
    Found,
    Lessons,
    choose,
    file_sha256,
    moment,
    read_lessons,
)
from mnistkit.course.assignment.handed_in import Class
from mnistkit.course.assignment.personal import Student, read_roster
from mnistkit.course.assignment.sorting import Pile, Sorter
from mnistkit.data.files import write_atomically

__all__ = ["Collected", "HandedIn", "collect", "collect_command", "parse_due", "read_collected"]


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
        What was odd, one plain sentence each, for the teacher.
    """

    student: str
    notebooks: Mapping[str, str]
    received: str
    notes: tuple[str, ...]


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


@dataclass(frozen=True)
class _Record:
    """The file in which it is noted what was collected."""

    notebooks: dict[str, dict[str, _Kept]]
    other: dict[str, list[str]]
    placing: frozenset[str]


def _path(course: Path, assignment: str) -> Path:
    return courses.note_path(course, f"{assignment}{courses.COLLECTED}")


def _content(course: Path, assignment: str) -> dict[str, Any]:
    """Read the note of what was collected, as it is in its file."""
    path = _path(course, assignment)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {"students": dict(content["students"]), "unclear": list(content["unclear"]), **content}
    except FileNotFoundError:
        return {"students": {}, "unclear": []}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(
            f"{path}\n  found:    {type(error).__name__}: {error}\n"
            "  expected: the note that `mnistkit assignment collect` leaves\n"
            "  to do:    put it back from a copy of the course's folder, or delete it and collect again"
        ) from error


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
    CourseError
        If the note about it is broken.
    """
    content = _content(course, assignment)
    students = {
        student: HandedIn(
            student,
            {lesson: kept["path"] for lesson, kept in known["notebooks"].items()},
            known["received"],
            tuple(known["notes"]),
        )
        for student, known in content["students"].items()
    }
    return Collected(students, tuple(content["unclear"]))


def _record(content: Mapping[str, Any]) -> _Record:
    notebooks = {
        student: {
            lesson: _Kept(**{**kept, "notes": tuple(kept["notes"])})
            for lesson, kept in known["notebooks"].items()
        }
        for student, known in content["students"].items()
    }
    other = {student: list(known["other"]) for student, known in content["students"].items()}
    return _Record(notebooks, other, frozenset(content.get("placing", ())))


def parse_due(text: str) -> datetime:
    """Read a due date.

    Parameters
    ----------
    text : str
        ``2026-11-20 18:00``, or with a zone: ``2026-11-20 18:00+01:00``.

    Returns
    -------
    datetime
        With a zone: this machine's where the text has none.

    Raises
    ------
    CourseError
        If it is not such a text.
    """
    try:
        if ":" in text:
            return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        pass
    raise CourseError(
        f"--due {text}\n  found:    {text!r}\n"
        '  expected: a day and a time like "2026-11-20 18:00", or with a zone: "2026-11-20 18:00+01:00"'
    )


def collect_command(
    name: str, source: Path, course: Path, roster: Path | None, due: str | None, say: Callable[[str], None]
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
        See `parse_due`.
    say : callable
        Gets lines to show.

    Raises
    ------
    CourseError
        If the assignment was not released here, or the source can't be read or has nothing of anybody.
    """
    courses.require_nbgrader()
    time = parse_due(due) if due else None
    collected = collect(course, name, source, read_roster(roster) if roster else (), time, say)
    handed_in = [one for one in collected.students.values() if one.notebooks]
    say(f"{name}: {len(handed_in)} of {len(collected.students)} students handed in")
    width = max(map(len, collected.students), default=0)
    for one in collected.students.values():
        for number, note in enumerate(one.notes):
            say(f"  {'' if number else one.student:<{width}}  {note}")
    if collected.unclear:
        say(f"{len(collected.unclear)} could be given to nobody:")
        for line in collected.unclear:
            say(f"  {line}")
    say(f"  {course / 'submitted'}")


def collect(
    course: Path,
    name: str,
    source: Path,
    roster: Iterable[Student] = (),
    due: datetime | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Collected:
    """Put what was handed in where nbgrader looks for it.

    A file that a teacher has changed or put there is left as it is. What an earlier source had, and this one
    does not have, stays.

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
        Kept in the gradebook. Default: what is there already.
    say : callable, optional
        Gets a line to show where no list says who takes part.

    Returns
    -------
    Collected
        All that was handed in so far.

    Raises
    ------
    CourseError
        If the assignment was not released here, or the source can't be read or has nothing of anybody.
    """
    released = courses.read_released(course, courses.released_name(course, name))
    name = released.name
    if source.resolve() == course.resolve():
        raise CourseError(f"{source}\n  found:    the course's own folder\n  expected: what was handed in")
    lessons = read_lessons(course, released)
    with courses.staging(course) as stage:
        known, due = _class(course, name, list(roster), due)
        if not known:
            say("No list says who takes part: the students' ids are taken from the names. A list: --roster")
        content = _content(course, name)
        with entries_of(source, course) as entries:
            sorter = Sorter(Class(known), lessons, name, stage, list(content["students"]))
            sorter.sort(entries, source)
        if not sorter.piles:
            raise _nothing(source, sorter.unclear)
        record = _record(content)
        plan = _merge(course, name, lessons, sorter.piles, record)
        placing = [found.sha256 for student in plan.found.values() for found in student.values()]
        if placing:  # so that what a killed collection has put somewhere is known as ours
            _write(course, name, {**content, "placing": sorted({*placing, *record.placing})})
        listed = {student.id for student in known}
        students = sorted({*plan.kept, *plan.other, *listed})
        if listed:
            for student in set(students) - listed:  # collected when there was no list yet
                plan.other[student] = ["this id is in no list of students"]
        noted = {student: _noted(student, plan, lessons, due) for student in students}
        for student in students:
            _place(
                course / "submitted" / student / name, plan.found.get(student, {}), noted[student]["received"]
            )
        _write(course, name, {"students": noted, "unclear": sorter.unclear})
    return read_collected(course, name)


def _nothing(source: Path, unclear: list[str]) -> CourseError:
    some = "".join(f"\n            {line}" for line in unclear[:5])
    return CourseError(
        f"{source}\n  found:    nothing that is a known student's{some}\n"
        "  expected: notebooks, in a folder per student or with the student's name in the file's\n"
        "  to do:    name the right folder, or with --roster a list of the students' ids and names"
    )


def _write(course: Path, name: str, content: Mapping[str, Any]) -> None:
    write_atomically(_path(course, name), json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _class(
    course: Path, name: str, roster: list[Student], due: datetime | None
) -> tuple[list[Student], datetime | None]:
    """Bring gradebook, roster and due date together; give who is known and the date that holds."""
    with courses.gradebook(course) as book:
        before = {one.id.casefold(): one.id for one in book.students}
        # The gradebook's spelling of an id stays: it names folders.
        courses.enrol(book, [replace(one, id=before.get(one.id.casefold(), one.id)) for one in roster])
        known = [
            Student(one.id, one.first_name or "", one.last_name or "", one.email or "")
            for one in book.students
            if one.id not in (".", "..") and Path(one.id).name == one.id
        ]
        date = book.update_or_create_assignment(name, **({"duedate": due} if due else {})).duedate
    return known, date.replace(tzinfo=UTC) if date else None


@dataclass
class _Plan:
    """What is to be noted and put in its place, by student."""

    kept: dict[str, dict[str, _Kept]]
    found: dict[str, dict[str, Found]]
    other: dict[str, list[str]]


def _merge(course: Path, name: str, lessons: Lessons, piles: Mapping[str, Pile], record: _Record) -> _Plan:
    """Bring what a source has together with what was collected before."""

    def place(student: str, lesson: str) -> Path:
        return course / "submitted" / student / name / f"{lesson}.ipynb"

    there = {  # a teacher may have deleted some
        student: {lesson: one for lesson, one in kept.items() if place(student, lesson).is_file()}
        for student, kept in record.notebooks.items()
    }
    plan = _Plan(there, {}, dict(record.other))
    for student, pile in piles.items():
        kept = plan.kept.setdefault(student, {})
        plan.other[student] = list(pile.notes)
        for lesson in lessons.wanted:
            candidates = [found for found in pile.found if found.lesson == lesson]
            if not candidates:
                continue
            new, said = choose(candidates)
            new = replace(new, notes=(*new.notes, *said))
            takes, kept[lesson] = _decide(new, kept.get(lesson), place(student, lesson), record.placing)
            if takes:
                plan.found.setdefault(student, {})[lesson] = new
        if not pile.found and not kept:
            plan.other[student] += [f"'{path}' is no notebook" for path in pile.others[:3]]
    return plan


def _decide(new: Found, old: _Kept | None, place: Path, placing: frozenset[str]) -> tuple[bool, _Kept]:
    """Decide whether a new file is put in its place, and what is noted."""
    there = file_sha256(place) if place.is_file() else ""
    noted = _Kept(
        new.path, new.received.isoformat() if new.received else "", new.sha256, new.fault, new.notes
    )
    if there and there not in {new.sha256, *placing} and (old is None or there != old.sha256):
        by_hand = f"'{place.name}' was put there or changed by hand: it stays, and '{new.path}' was not taken"
        return False, _Kept(old.path if old else str(place.name), "", "", "", (by_hand,))
    if old is None or not old.sha256:
        return there != new.sha256, noted
    if old.sha256 == new.sha256:
        times = [time for time in (old.received, noted.received) if time]
        earliest = min(times, key=datetime.fromisoformat, default="")
        return there != new.sha256, replace(noted, received=earliest, replaced=old.replaced)
    if new.fault and not old.fault:
        again = f"handed in anew as {new.described}, which {new.fault}: the earlier one, '{old.path}', stays"
        return False, replace(old, notes=(again,))
    if new.received and old.received and new.received < datetime.fromisoformat(old.received):
        older = f"{new.described} is older than '{old.path}', which was collected before and stays"
        return False, replace(old, notes=(older,))
    return True, replace(noted, replaced=f"handed in anew: '{new.path}' takes the place of '{old.path}'")


def _noted(student: str, plan: _Plan, lessons: Lessons, due: datetime | None) -> dict[str, Any]:
    """Give what is noted about a student."""
    kept, other = plan.kept.get(student, {}), plan.other.get(student, [])
    notes = [note for one in kept.values() for note in (*one.notes, one.replaced) if note] + other
    missing = [lesson for lesson in lessons.wanted if lesson not in kept]
    if not kept:
        notes.append("no notebook of it was handed in" if other else "nothing was handed in")
    elif missing:
        notes.append(f"missing: {', '.join(missing)}")
    times = [datetime.fromisoformat(one.received) for one in kept.values() if one.received]
    received = max(times, default=None)
    if due and received and received > due:
        notes.append(f"{_span(received - due)} late: handed in {moment(received)}, due {moment(due)}")
    return {
        "received": received.isoformat() if received else "",
        "notes": list(dict.fromkeys(notes)),
        "notebooks": {lesson: asdict(kept[lesson]) for lesson in lessons.wanted if lesson in kept},
        "other": other,
    }


def _span(time: timedelta) -> str:
    minutes = max(1, round(time.total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def _place(folder: Path, found: Mapping[str, Found], received: str) -> None:
    """Put a student's notebooks and their time in their place, each whole or not at all."""
    if not found and not folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for lesson, one in found.items():
        with one.staged.open("rb") as file:
            os.fsync(file.fileno())
        one.staged.replace(folder / f"{lesson}.ipynb")
    stamp = folder / "timestamp.txt"
    if received:
        text = f"{datetime.fromisoformat(received).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != text:
            write_atomically(stamp, text)
    elif found:
        stamp.unlink(missing_ok=True)
