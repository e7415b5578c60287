"""When an assignment is due, for whom, and what lateness costs: what stands in the course's file counts."""

import csv
import io
import re
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from assignment_helpers import unpacked, write_exercises
from click.testing import CliRunner
from course_helpers import write_course
from grades_helpers import DUE, LESSON, enter_all, hand_in, release_small, score
from traitlets.config import Config

from mnistkit.cli import main
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.dates.due_dates import (
    DATES,
    DueDates,
    LatePenalty,
    read_course_dates,
    read_dates,
    write_course_dates,
)
from mnistkit.grading.dates.gradebook_dates import assignment_dates, enter_dates
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.feedback.grades_csv import grades_csv
from mnistkit.grading.feedback.student_page import feedback_page
from mnistkit.grading.release.command import Assignment, release
from mnistkit.grading.roster import Student
from mnistkit.grading.submission import SubmittedNotebook

FILE = """\
timezone: Europe/Berlin
groups: {tutorial-a: [ada, alan]}
extra_time: {grace: +90 minutes}
assignments:
  week1:
    due: 2026-03-27 18:00
    penalty: {percent: 10, per: day, most: 50, grace_minutes: 15}
    extensions: {tutorial-a: +3 days, alan: 2026-04-02 12:00:00}
"""


def write(folder, text=FILE):
    (folder / DATES).write_text(text)
    return read_dates(folder, "week1")


def test_everybodys_own_date_is_the_latest_that_holds(tmp_path):
    dates = write(tmp_path)
    shown = {who: dates.of(who)[0].isoformat() for who in ("linus", "ada", "alan", "grace")}
    assert shown == {
        "linus": "2026-03-27T18:00:00+01:00",
        "ada": "2026-03-30T18:00:00+02:00",  # summer time begins between: six o'clock stays six o'clock
        "alan": "2026-04-02T12:00:00+02:00",
        "grace": "2026-03-27T19:30:00+01:00",
    }
    assert dates.of("ada")[1] == "an extension"
    earlier = write(tmp_path, FILE.replace("+3 days", "2026-03-01 18:00").replace("+90 minutes", "+48 hours"))
    assert earlier.of("ada")[0].isoformat() == "2026-03-27T18:00:00+01:00", "an extension takes no time away"
    assert earlier.of("grace")[0].isoformat() == "2026-03-29T19:00:00+02:00", "48 hours are 48 hours"
    write(tmp_path)
    assert dates.of("grace")[1] == "extra time"
    assert read_dates(tmp_path, "week2") == DueDates()
    assert read_dates(tmp_path / "nowhere", "week1") == DueDates()


@pytest.fixture
def in_berlin(monkeypatch):
    """Let this machine stand in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["", "Europe/Berlin"])
@pytest.mark.parametrize(
    ("due", "more", "later"),
    [
        # Summer time begins on 2026-03-29 and ends on 2026-10-25; an offset is as `collect --due` writes it.
        ("2026-03-27 18:00", "+3 days", "2026-03-30 18:00+02:00"),
        ("2026-03-27 18:00+01:00", "+3 days", "2026-03-30 18:00+02:00"),
        ("2026-10-23 18:00", "+7 days", "2026-10-30 18:00+01:00"),
        ("2026-10-23 18:00+02:00", "+7d", "2026-10-30 18:00+01:00"),
        ("2026-10-23 18:00+02:00", "+168 hours", "2026-10-30 18:00+02:00"),
        ("2026-10-23 18:00", "+168h", "2026-10-30 17:00+01:00"),
        ("2026-10-25 02:30", "+60 min", "2026-10-25 02:30+01:00"),  # the same on the clock
        ("2026-10-23 16:00+00:00", "+1 day", "2026-10-24 16:00+00:00"),
        ("2026-10-23 16:00+00:00", "+7 days", "2026-10-30 17:00+00:00"),  # 18:00 there, as before
    ],
)
def test_days_more_end_at_the_same_time_of_day_and_hours_are_hours(
    tmp_path, in_berlin, zone, due, more, later
):
    text = f"timezone: {zone}\nassignments:\n  week1: {{due: {due}, extensions: {{ada: {more}}}}}\n"
    found = write(tmp_path, text).of("ada")
    assert found[0].astimezone(UTC) == datetime.fromisoformat(later).astimezone(UTC)
    assert found[1] == "an extension"


def test_a_zone_of_the_course_is_not_that_of_the_machine(tmp_path):
    dates = write(tmp_path, FILE.replace("2026-03-27 18:00", "2026-03-27 18:00+01:00"))
    assert dates.of("ada")[0].isoformat() == "2026-03-30T18:00:00+02:00"
    dates = write(tmp_path, FILE.replace("Europe/Berlin", "America/New_York"))
    assert dates.of("ada")[0].isoformat() == "2026-03-30T18:00:00-04:00"


@pytest.mark.parametrize(
    ("minutes", "share"),
    [(0, 0), (15, 0), (15.1, 0.1), (24 * 60, 0.1), (24 * 60 + 1, 0.2), (100 * 24 * 60, 0.5)],
)
def test_each_unit_begun_costs_up_to_the_most(minutes, share):
    assert LatePenalty(10, "day", 50, 15).share(60 * minutes) == pytest.approx(share)
    assert LatePenalty(10, "hour", 50, 15).share(60 * minutes / 24) == pytest.approx(
        share if minutes > 360 else 0
    )


def test_lateness_is_said_with_its_reason(tmp_path):
    dates = write(tmp_path)
    late = dates.late("ada", datetime(2026, 3, 31, 18, 0, tzinfo=UTC), points=8)
    assert late.penalty == pytest.approx(1.6)
    assert late.reason == (
        "1 d 2 h late: handed in 2026-03-31 20:00, due 2026-03-30 18:00 (an extension); −20 % for 2 days begun"
    )
    assert (
        "within 15 minutes of grace"
        in dates.late("linus", datetime(2026, 3, 27, 17, 10, tzinfo=UTC), 8).reason
    )
    assert not dates.late("linus", datetime(2026, 3, 27, 17, tzinfo=UTC)).reason
    assert not dates.late("linus", None).reason
    assert dates.text("alan").startswith(
        "Due Thursday, 2026-04-02 12:00 (UTC+02:00, Europe/Berlin): an extension."
    )
    assert "10 % of the points reached for each day begun, at most 50 %" in dates.text()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("due: 2026-03-27 18:00", "due: 2026-03-27", "assignments.week1.due\n  found:    '2026-03-27'"),
        ("due: 2026-03-27 18:00", "due: tomorrow", "a day and a time like"),
        ("extensions:", "extension:", "assignments.week1.extension\n  found:    the name 'extension'"),
        ("percent: 10", "percents: 10", "penalty.percents"),
        ("percent: 10", "percent: ten", "penalty.percent\n  found:    'ten'\n  expected: a number"),
        ("percent: 10", "percent: .inf", "penalty.percent\n  found:    '.inf'"),
        ("percent: 10", "percent: inf", "penalty.percent\n  found:    inf"),
        ("percent: 10", "percent: null", "penalty.percent\n  found:    nothing"),
        ("percent: 10", "percent: 110", "percent and most above 0"),
        ("per: day", "per: week", "one of hour, day"),
        ("+3 days", "3 weeks", "extensions.tutorial-a\n  found:    '3 weeks'"),
        ("+3 days", "+9999999999 days", "extensions.tutorial-a\n  found:    '+9999999999 days'"),
        ("+3 days", "+99999999 hours", "extensions.tutorial-a\n  found:    '+99999999 hours'"),
        ("+3 days", f"+{'9' * 400} min", "extensions.tutorial-a\n  found:    '+999"),
        ("due: 2026-03-27 18:00", "due: 0001-01-01 00:00", "assignments.week1.due\n  found:    '0001-"),
        ("due: 2026-03-27 18:00", "due: 9999-12-31 23:00Z", "assignments.week1.due\n  found:    '9999-"),
        ("Europe/Berlin", "Europe/Atlantis", "timezone: Europe/Atlantis"),
        ("[ada, alan]", "ada", "groups.tutorial-a"),
        ("timezone:", "timezone", "a YAML file"),
    ],
)
def test_a_mistake_in_the_file_is_named_and_not_passed_over(tmp_path, before, after, says):
    assert before in FILE
    with pytest.raises(UserError) as refused:
        write(tmp_path, FILE.replace(before, after, 1))
    assert says in str(refused.value)
    assert DATES in str(refused.value) or "timezone" in says


@pytest.mark.parametrize(
    "student",
    ["0123456", "1234567", "1e5", "0x1F", "1_000", "12:30", "no", "null", "~x", "2026-11-20", "1.0"],
)
def test_an_id_that_looks_like_something_else_is_an_id(tmp_path, student):
    text = (
        f"timezone:\ngroups: {{one: [{student}]}}\nextra_time: ~\n"
        f"assignments:\n  week1:\n    due: 2026-03-27 18:00+00:00\n    penalty: null\n"
        f"    extensions:\n      {student}: +1 day\n      one: +2 hours\n"
    )
    assert write(tmp_path, text).own == {student: (datetime(2026, 3, 28, 18, tzinfo=UTC), "an extension")}
    before = read_course_dates(tmp_path)
    write_course_dates(tmp_path, before, [student])
    assert read_course_dates(tmp_path) == before, "what the command writes is read as it was"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Release a small lesson; ada hands in an hour early, grace three hours late."""
    home = tmp_path_factory.mktemp("dates")
    course = home / "course"
    release_small(course, write_course(home))
    for student in ("ada", "grace"):
        hand_in(course, student)
    full = [score("double-check", 2.0), score("why", manual=2.0)]
    enter_all(course, {"ada": (full, {}), "grace": (full, {"hours": 3})})
    return course


@pytest.fixture
def course(released):
    yield released
    (released / DATES).unlink(missing_ok=True)


def dates(course, *words):
    return CliRunner().invoke(main, ["assignment", "dates", LESSON, "--course", str(course), *words])


def test_the_command_sets_shows_and_grades_by_it(course):
    done = dates(course, "--due", "2026-11-20 17:30+00:00", "--penalty", "10/hour", "--most", "25")
    assert done.exit_code == 0, done.output
    assert "Due Friday, 2026-11-20 17:30 (UTC+00:00)." in done.output
    grace = next(one for one in read_class_scores(course, LESSON).students if one.student == "grace")
    assert (grace.seconds_late, grace.penalty, grace.total) == (3.5 * 3600, 1.0, 3.0)
    done = dates(course, "--extend", "grace=+2 hours", "--extra-time", "grace=+3 hours")
    assert "grace  2026-11-20 20:30 (extra time)" in done.output
    assert "2026-11-20 17:30" in done.output, "the rest stays"
    done = dates(course, "--grace", "15")
    assert "for each hour begun, at most 25 %; up to 15 minutes cost nothing." in done.output
    [ada, grace] = read_class_scores(course, LESSON).students
    assert (ada.penalty, ada.late_reason) == (0, "")
    assert grace.penalty == pytest.approx(0.4)
    row = list(
        csv.DictReader(io.StringIO(grades_csv(read_class_scores(course, LESSON)).decode("utf-8-sig")))
    )[1]
    assert row["late_reason"].endswith("due 2026-11-20 20:30 (extra time); −10 % for 1 hour begun")
    page, _ = feedback_page(read_class_scores(course, LESSON), grace, None, LESSON, SubmittedNotebook(None))
    assert "due 2026-11-20 20:30 (extra time); −10 % for 1 hour begun" in " ".join(page.split())
    dates(course, "--extend", "grace=", "--extra-time", "grace=")
    assert read_course_dates(course).extra_time == {}
    assert read_class_scores(course, LESSON).students[1].penalty == 1.0


def test_nbgrader_knows_dates_extensions_and_penalties(course, monkeypatch):
    dates(course, "--due", "2026-11-20 19:00+01:00", "--penalty", "50/day", "--extend", "ada=+1 day")
    with nbgrader_bridge.gradebook(course) as book:
        assert book.find_assignment(LESSON).duedate == DUE
        late = {
            one.student_id: (one.duedate, one.late_submission_penalty)
            for one in book.assignment_submissions(LESSON)
        }
    assert late == {"ada": (DUE.replace(day=21), 0), "grace": (DUE, 2.0)}
    # Without a penalty in the file, that of nbgrader's settings is computed anew: none, or all points.
    path = course / DATES
    path.write_text(re.sub(r"    penalty:\n(      .*\n)+", "", path.read_text()))
    enter_dates(course, LESSON)
    assert read_class_scores(course, LESSON).students[1].total == 4
    with monkeypatch.context() as settings:
        settings.setattr(
            nbgrader_bridge,
            "read_config",
            lambda course: Config(LateSubmissionPlugin={"penalty_method": "zero"}),
        )
        enter_dates(course, LESSON)
    assert read_class_scores(course, LESSON).students[1].total == 0
    enter_dates(course, LESSON)


def test_an_edited_date_counts_and_a_stranger_in_it_is_named(course):
    dates(course, "--due", "2026-11-20 18:00+00:00")
    path = course / DATES
    path.write_text(path.read_text().replace("18:00", "22:00"))
    assert not read_class_scores(course, LESSON).students[1].seconds_late
    refused = dates(course, "--extend", "adda=+1 day")
    assert (refused.exit_code, "extensions\n  found:    'adda'" in refused.output) == (1, True)
    assert "again with the longer list (--roster)" in refused.output
    path.write_text(path.read_text() + "    extensions: {adda: +1 day}\n")
    with pytest.raises(UserError, match="'adda'"):
        enter_dates(course, LESSON)


def test_without_a_file_the_gradebooks_date_counts(course):
    assert assignment_dates(course, LESSON).due == DUE.replace(tzinfo=UTC)
    assert read_class_scores(course, LESSON).students[1].seconds_late == 3 * 3600
    assert dates(course, "--extend", "ada=+1 day").exit_code == 0
    assert read_dates(course, LESSON).of("ada")[0] == DUE.replace(day=21, tzinfo=UTC)
    dates(course, "--timezone", "Europe/Berlin", "--extend", "ada=+150 days")
    own, _ = read_dates(course, LESSON).of("ada")
    there = DUE.replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin")) + timedelta(days=150)
    assert own.astimezone(UTC) == there.astimezone(UTC), "summer time has begun, and the hour is the same"
    (course / DATES).write_text("timezone: Europe/Berlin\n")
    assert assignment_dates(course, LESSON).text().endswith("(UTC+01:00, Europe/Berlin).")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--due", "friday"], "a day and a time like"),
        (["--penalty", "10"], "10/day or 2/hour"),
        (["--penalty", "120/day"], "percent and most above 0"),
        (["--due", "2026-11-20 18:00", "--grace", "15"], "no penalty yet"),
        (["--extend", "ada"], "WHO=TIME"),
        (["--extend", "ada=soon"], "a time more like"),
        (["--timezone", "Nowhere"], "the name of a time zone"),
    ],
)
def test_a_wrong_option_is_explained_and_changes_nothing(course, words, says):
    done = dates(course, *words)
    assert done.exit_code == 1
    assert says in done.output
    assert not (course / DATES).exists()


def test_students_read_their_own_dates_in_the_hand_out(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    lesson, course = write_exercises(folder), tmp_path / "course"
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(folder))

    def set_dates(*words):
        done = CliRunner().invoke(main, ["assignment", "dates", "01_double", "--course", str(course), *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert "not released yet" in set_dates("--due", "2026-11-20 18:00+01:00")
    courses.open_course(course)
    release(Assignment("01_double", (lesson,)), course)
    readme = unpacked(course / "release" / "01_double.zip")["01_double/README.txt"]
    assert "\nDue Friday, 2026-11-20 18:00 (UTC+01:00).\n" in readme
    assert "ada" not in readme
    assert "no list of students is known yet" in set_dates("--extend", "zoe=+2 days")
    assert "no list" not in set_dates("--extend", "zoe=")
    release(Assignment("01_double", (lesson,)), course, [Student("ada"), Student("alan")])
    folder = course / "release" / "01_double-personal"
    before = {who: unpacked(folder / f"{who}.zip") for who in ("ada", "alan")}
    assert "no list" not in set_dates("--extend", "ada=+2 days")
    after = {who: unpacked(folder / f"{who}.zip") for who in ("ada", "alan")}
    assert before["alan"] == after["alan"]
    readme = "01_double/README.txt"
    assert before["ada"].pop(readme) != (text := after["ada"].pop(readme))
    assert before["ada"] == after["ada"], "a notebook that was handed out stays"
    assert "\nDue Sunday, 2026-11-22 18:00 (UTC+01:00): an extension.\n" in text
    assert "\nDue Friday, 2026-11-20 18:00 (UTC+01:00).\n" in after["alan"][readme]
