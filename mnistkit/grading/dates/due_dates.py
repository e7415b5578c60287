"""Due dates, extensions and late penalties: one file of the course, which a person may edit.

What stands in ``dates.yaml`` counts from the next command on. Whoever shows or grades reads it again. No date
is kept anywhere else but in nbgrader's gradebook, where `mnistkit.grading.dates.gradebook_dates` enters it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Literal, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from mnistkit.course.stored_files import validated
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.utils.yaml_text import load_texts

__all__ = [
    "DATES",
    "AssignmentDates",
    "CourseDates",
    "DueDates",
    "Late",
    "LatePenalty",
    "check_people",
    "in_zone",
    "parse_extension",
    "parse_time",
    "read_course_dates",
    "read_dates",
    "span",
    "time_zone",
    "write_course_dates",
]

DATES = "dates.yaml"
"""Name of the file in the course's folder."""

_HEADER = """\
# Due dates of this course. Edit them here, or with `mnistkit assignment dates`, which writes this file anew
# (and leaves out comments). An extension is a date or a time more ("+3 days"), for a student or a group.
"""
_TODO = "correct the file"
_TIME = 'a day and a time like "2026-11-20 18:00", or with a zone: "2026-11-20 18:00+01:00"'
_EXTENSION = 'a time like "2026-11-20 18:00", or a time more like "+3 days", "+12 hours" or "+90 minutes"'
_NOTHING = ("", "~", "null")  # what YAML writes where there is no value
_MORE = re.compile(r"\+\s*(\d+(?:\.\d+)?)\s*(m|h|d)(?:in(?:ute)?s?|ours?|ays?)?", re.I)


@dataclass(frozen=True)
class LatePenalty:
    """What lateness costs.

    Attributes
    ----------
    percent : float
        Of the points reached, for each hour or day begun.
    per : str
        ``hour`` or ``day``.
    most : float
        Percent that are taken away at most.
    grace_minutes : float
        Lateness up to which nothing is taken away.
    """

    percent: float
    per: Literal["hour", "day"] = "day"
    most: float = 100.0
    grace_minutes: float = 0.0

    def units(self, seconds: float) -> int:
        """Count the hours or days begun of a lateness; none within the grace."""
        if seconds <= 60 * self.grace_minutes:
            return 0
        return math.ceil(seconds / (3600 if self.per == "hour" else 86400))

    def share(self, seconds: float) -> float:
        """Give which part of the points is taken away, from 0 to 1."""
        return min(self.most, self.percent * self.units(seconds)) / 100

    def __str__(self) -> str:
        most = f", at most {self.most:g} %" if self.most < 100 else ""
        grace = f"; up to {self.grace_minutes:g} minutes cost nothing" if self.grace_minutes else ""
        return f"minus {self.percent:g} % of the points reached for each {self.per} begun{most}{grace}"


@dataclass(frozen=True)
class AssignmentDates:
    """What the file has of an assignment: texts, as they were written."""

    due: str
    penalty: LatePenalty | None = None
    extensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CourseDates:
    """The whole file.

    Attributes
    ----------
    timezone : str
        Like ``Europe/Berlin``: of times without one. Empty: that of this machine.
    groups : dict of str to list of str
        Students' ids, by the name of a group.
    extra_time : dict of str to str
        A time more for every assignment, by student or group.
    assignments : dict of str to AssignmentDates
        By name.
    """

    timezone: str = ""
    groups: dict[str, list[str]] = field(default_factory=dict)
    extra_time: dict[str, str] = field(default_factory=dict)
    assignments: dict[str, AssignmentDates] = field(default_factory=dict)


@dataclass(frozen=True)
class Late:
    """How late something was handed in.

    Attributes
    ----------
    seconds : float
        After the student's own due date; 0 where it was in time.
    penalty : float
        Points that are taken away.
    reason : str
        Both as a sentence; empty where it was in time.
    """

    seconds: float = 0.0
    penalty: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class DueDates:
    """The dates of one assignment.

    Attributes
    ----------
    due : datetime or None
        For everybody who has no other date; None: there is no date.
    penalty : LatePenalty or None
        What lateness costs; None: nothing that this kit takes away.
    own : mapping of str to (datetime, str)
        Other dates, by student, and why.
    """

    due: datetime | None = None
    penalty: LatePenalty | None = None
    own: Mapping[str, tuple[datetime, str]] = field(default_factory=dict)

    def of(self, student: str) -> tuple[datetime | None, str]:
        """Give when it is due for a student, and why that is another date; else an empty text."""
        return self.own.get(student, (self.due, ""))

    def late(self, student: str, received: datetime | None, points: float = 0.0) -> Late:
        """Say how late a student was.

        Parameters
        ----------
        student : str
            The id.
        received : datetime or None
            When it was handed in, with a zone; None: that is not known.
        points : float, optional
            The points reached, of which some may be taken away.

        Returns
        -------
        Late
            In time where a date or a time is not known.
        """
        due, why = self.of(student)
        if due is None or received is None or received <= due:
            return Late()
        seconds = (received - due).total_seconds()
        said = f"{span(received - due)} late: handed in {_shown(received, due)}, due {_shown(due, due)}"
        said += f" ({why})" if why else ""
        if self.penalty is None:
            return Late(seconds, 0.0, said)
        share, units = self.penalty.share(seconds), self.penalty.units(seconds)
        cost = f"−{100 * share:g} % for {units} {self.penalty.per}{'s' * (units != 1)} begun"
        cost = cost if share else f"within {self.penalty.grace_minutes:g} minutes of grace"
        return Late(seconds, round(points * share, 4), f"{said}; {cost}")

    def text(self, student: str = "") -> str:
        """Say it to students: when it is due, and what lateness costs; empty where there is no date."""
        due, why = self.of(student)
        if due is None:
            return ""
        lines = [
            f"Due {due:%A}, {_shown(due, due)} (UTC{_offset(due)}{_zone(due)}){f': {why}' if why else ''}."
        ]
        if self.penalty:
            lines.append(f"Late: {self.penalty}.")
        return "\n".join(lines)


def _shown(time: datetime, zone: datetime) -> str:
    return f"{time.astimezone(zone.tzinfo):%Y-%m-%d %H:%M}"


def _offset(time: datetime) -> str:
    text = f"{time:%z}"
    return f"{text[:3]}:{text[3:5]}"


def _zone(time: datetime) -> str:
    return f", {time.tzinfo.key}" if isinstance(time.tzinfo, ZoneInfo) else ""


def span(time: timedelta) -> str:
    """Give a time as days, hours and minutes.

    Examples
    --------
    >>> span(timedelta(hours=27, minutes=5))
    '1 d 3 h 5 min'
    """
    minutes = max(1, round(time.total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def parse_time(text: object, timezone: str, where: object) -> datetime:
    """Read a day and a time.

    Parameters
    ----------
    text : object
        ``2026-11-20 18:00``, or with a zone: ``2026-11-20 18:00+01:00``.
    timezone : str
        Where the text has none; empty: that of this machine.
    where : object
        For the message.

    Returns
    -------
    datetime
        With a zone.

    Raises
    ------
    UserError
        If it is no such text, or there is no such zone.
    """
    try:
        if isinstance(text, str) and ":" in text:
            time = datetime.fromisoformat(text.strip())
            return in_zone(time, time_zone(timezone))
    except (ValueError, OverflowError, OSError):
        pass
    raise UserError(where, found=f"{text!r}", expected=_TIME)


def in_zone(time: datetime, zone: tzinfo | None) -> datetime:
    """Say of a time without a zone in which one it is; a time with one stays as it is.

    Parameters
    ----------
    time : datetime.datetime
        With or without a zone.
    zone : datetime.tzinfo or None
        None: that of this machine.

    Returns
    -------
    datetime
        With a zone.

    Raises
    ------
    ValueError, OverflowError, OSError
        If it is no time that the calendar has in all zones.
    """
    if time.tzinfo is None:
        time = time.replace(tzinfo=zone) if zone else time.astimezone()
    there, day = time.astimezone(UTC), timedelta(days=1)
    _ = (there - day, there + day)  # raises at the calendar's ends, where some zones have no such time
    return time


def time_zone(timezone: str) -> ZoneInfo | None:
    """Give the zone of this name; None for an empty one, as for that of this machine.

    Raises
    ------
    UserError
        If there is no such zone.
    """
    if not timezone:
        return None
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(
            f"timezone: {timezone}",
            found=f"{timezone!r}",
            expected="the name of a time zone, like Europe/Berlin",
        ) from error


def parse_extension(text: str, due: datetime, timezone: str, where: object) -> datetime:
    """Read another due date: a time, or a time more.

    Days more end at the same time of day in the course's zone, however the clocks change and whatever offset
    `due` is written with. Hours and minutes are as long as they are.

    Parameters
    ----------
    text : str
        ``2026-11-25 18:00`` or ``+3 days``.
    due : datetime
        What a time more is added to.
    timezone : str
        As for `parse_time`.
    where : object
        For the message.

    Returns
    -------
    datetime
        With a zone.

    Raises
    ------
    UserError
        If it is neither.
    """
    try:
        if not (more := _MORE.fullmatch(text.strip())):
            return parse_time(text, timezone, where)
        number, unit = float(more[1]), more[2].lower()
        if unit == "d":
            return _days_later(due, timedelta(days=number), time_zone(timezone))
        time = timedelta(hours=number) if unit == "h" else timedelta(minutes=number)
        return (due.astimezone(UTC) + time).astimezone(due.tzinfo)
    except (UserError, ValueError, OverflowError, OSError) as error:
        raise UserError(where, found=f"{text!r}", expected=_EXTENSION) from error


def _days_later(due: datetime, days: timedelta, zone: tzinfo | None) -> datetime:
    there = due.astimezone(zone)
    later = in_zone(there.replace(tzinfo=None) + days, zone)
    # Shown with the offset that the teacher has written, where that is not the zone's own.
    return later if there.utcoffset() == due.utcoffset() else later.astimezone(due.tzinfo)


def read_course_dates(course: Path) -> CourseDates:
    """Read the file of a course's dates, and check all of it.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Returns
    -------
    CourseDates
        Empty where there is no file.

    Raises
    ------
    UserError
        If it can't be read, has a name that it should not have, or a date or zone that is none.
    """
    path = course / DATES
    try:
        # An id may look like a number, a date or a truth value: 0123456, 1e5, no.
        content = load_texts(path.read_bytes()) or {}
    except FileNotFoundError:
        return CourseDates()
    except (OSError, yaml.YAMLError) as error:
        raise UserError(
            path, found=" ".join(str(error).split()), expected="a YAML file", todo=_TODO
        ) from error
    dates = validated(_of_model(content, CourseDates, path, ""), CourseDates, path, _TODO)
    _check(dates, path)
    return dates


def _check(dates: CourseDates, path: Path) -> None:
    time_zone(dates.timezone)
    for name in dates.assignments:
        _resolved(dates, name, path)


def _of_model(content: Any, model: Any, path: Path, place: str) -> Any:
    """Give what the file has for a model, whose numbers alone are no texts; what is empty is left out.

    A misspelt name is refused: it would have no effect, and nobody would know.
    """
    if not isinstance(content, dict):
        return content
    hints, found = get_type_hints(model), {}
    for name, value in content.items():
        where = f"{place}.{name}" if place else name
        if name not in hints:
            known = ", ".join(one.name for one in fields(model))
            raise UserError(f"{path}: {where}", found=f"the name {name!r}", expected=known, todo=_TODO)
        if not (isinstance(value, str) and value.lower() in _NOTHING):
            found[name] = _number(value) if hints[name] is float else _of_field(value, name, path, where)
    return found


def _of_field(value: Any, name: str, path: Path, where: str) -> Any:
    if name == "assignments" and isinstance(value, dict):
        return {
            one: _of_model(dates, AssignmentDates, path, f"{where}.{one}") for one, dates in value.items()
        }
    return _of_model(value, LatePenalty, path, where) if name == "penalty" else value


def _number(value: Any) -> Any:
    """Give a text as a number; as it is where it is none, to be refused with its place."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def read_dates(course: Path, assignment: str) -> DueDates:
    """Read the dates of an assignment.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    assignment : str
        Name of the assignment.

    Returns
    -------
    DueDates
        Without a date where the file has none of it.

    Raises
    ------
    UserError
        As `read_course_dates` does.
    """
    dates = read_course_dates(course)
    return _resolved(dates, assignment, course / DATES) if assignment in dates.assignments else DueDates()


def _resolved(dates: CourseDates, name: str, path: Path) -> DueDates:
    """Work out everybody's own date: of several, also that for all, the latest counts."""
    asked, place = dates.assignments[name], f"{path}: assignments.{name}"
    due = parse_time(asked.due, dates.timezone, f"{place}.due")
    _check_penalty(asked.penalty, place)
    own: dict[str, tuple[datetime, str]] = {}
    reasons = (
        (asked.extensions, f"{place}.extensions", "an extension"),
        (dates.extra_time, f"{path}: extra_time", "extra time"),
    )
    for more, where, why in reasons:
        for who, text in more.items():
            time = parse_extension(text, due, dates.timezone, f"{where}.{who}")
            for student in dates.groups.get(who, [who]):
                latest, _ = own.get(student, (due, ""))
                if time.astimezone(UTC) > latest.astimezone(UTC):  # else Python compares what clocks show
                    own[student] = (time, why)
    return DueDates(due, asked.penalty, own)


def _check_penalty(penalty: LatePenalty | None, place: str) -> None:
    if penalty and not (
        0 < penalty.percent <= 100 and 0 < penalty.most <= 100 and penalty.grace_minutes >= 0
    ):
        raise UserError(
            f"{place}.penalty",
            found=", ".join(f"{name} {value}" for name, value in asdict(penalty).items()),
            expected="percent and most above 0 and up to 100, grace_minutes of at least 0",
            todo=_TODO,
        )


def write_course_dates(course: Path, dates: CourseDates, known: Collection[str]) -> None:
    """Write the file, after it was checked as it will be read.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    dates : CourseDates
        What to write.
    known : collection of str
        The students' ids; empty: nobody is known yet.

    Raises
    ------
    UserError
        If a date is none, or somebody has another date who is neither a student nor a group.
    """
    _check(dates, course / DATES)
    check_people(course, dates, known)
    content = {name: value for name, value in asdict(dates).items() if value}
    for one in content.get("assignments", {}).values():
        for name in [name for name, value in one.items() if not value]:
            del one[name]
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    write_atomically(course / DATES, _HEADER + text)


def check_people(course: Path, dates: CourseDates, known: Collection[str]) -> None:
    """Check that everybody who has another date is a student, or a group of students.

    Raises
    ------
    UserError
        If somebody is not: the date would have no effect.
    """
    if not known:
        return
    people = [("extra_time", who) for who in dates.extra_time]
    for name, one in dates.assignments.items():
        people += [(f"assignments.{name}.extensions", who) for who in one.extensions]
    wrong = [(place, who) for place, who in people if who not in {*known, *dates.groups}]
    for name, members in dates.groups.items():
        wrong += [(f"groups.{name}", who) for who in members if who not in known]
    for place, who in wrong:
        raise UserError(
            f"{course / DATES}: {place}",
            found=repr(who),
            expected="a student's id" + ", or the name of a group" * bool(dates.groups),
            todo="correct it; the ids are those of the list with which you release or collect. To enter who "
            "has joined, collect an earlier export again with the longer list (--roster)",
        )
