"""What was handed in finds its place, whatever it is called; what is odd is named and stops nothing."""

import io
import json
import os
import shutil
import stat
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from assignment_helpers import exercise_cells, mark, unpacked, write_exercises
from click.testing import CliRunner
from collect_helpers import ADA, ALAN, LESSONS, PEOPLE, mail, put, sort, whose, zipped
from course_helpers import write_course
from filelock import FileLock
from nbformat.v4 import new_code_cell

from mnistkit.cli import main
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.collect import archive, match_notebook
from mnistkit.grading.collect import command as collecting
from mnistkit.grading.collect.command import HandedIn, collect, read_collected
from mnistkit.grading.collect.match_student import lesson_in, shown
from mnistkit.grading.collect.strip_outputs import cut_outputs
from mnistkit.grading.dates.due_dates import parse_time
from mnistkit.grading.release.command import Assignment, release
from mnistkit.grading.roster import Student

DUE = datetime(2026, 11, 20, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Release two lessons as one assignment, one of them alone, and a third."""
    home = tmp_path_factory.mktemp("collect")
    folder, course = write_course(home), home / "course"
    courses.open_course(course)
    lessons = [write_exercises(folder)]
    for name, start in (("02_triple", "triple"), ("03_other", "other")):
        cells = [
            new_code_cell(start, metadata=mark(start, solution=True))
            if cell.id == "double"
            else new_code_cell("assert True", metadata=mark(f"{start}-check", grade=True, points=1))
            if cell.id == "double-check"
            else cell
            for cell in exercise_cells()
            if not cell.id.startswith("why")
        ]
        cells[1].source = "### BEGIN SOLUTION\nanswer = 123456789\n### END SOLUTION"
        lessons.append(write_exercises(folder, name, cells))
    release(Assignment("week1", tuple(lessons[:2])), course)
    release(Assignment("01_double", tuple(lessons[:1])), course)
    release(Assignment("03_other", tuple(lessons[2:])), course)
    return course


@pytest.fixture
def course(released, tmp_path):
    return shutil.copytree(released, tmp_path / "course")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def work(course, lesson="01_double", text="my work", name="week1"):
    """Give a released notebook with something written into it."""
    notebook = json.loads((course / "release" / name / f"{lesson}.ipynb").read_text())
    notebook["cells"].append(
        {
            "cell_type": "code",
            "id": "mine",
            "metadata": {},
            "source": text,
            "outputs": [],
            "execution_count": None,
        }
    )
    return json.dumps(notebook)


def submitted(course, name="01_double"):
    """Give the texts of what has been put in place, by student and file."""
    return {
        f"{path.parts[-3]}/{path.name}": path.read_text(errors="replace")
        for path in (course / "submitted").glob(f"*/{name}/*")
        if path.name != "timestamp.txt"
    }


def take(course, source, roster=(ADA, ALAN), name="01_double", due=None, **more):
    return collect(course, name, source, roster, due, **more)


def notes(collected, student="al12"):
    return " | ".join(collected.students[student].notes)


# Names: whose.


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("Ada Lovelace_12345_assignsubmission_file_/02_triple.ipynb", "al12"),
        ("Ada Lovelace_12345_assignsubmission_file/alan.ipynb", "al12"),
        ("Lovelace Ada_12345_assignsubmission_file_02_triple.ipynb", "al12"),
        ("Group 1-Ada Lovelace_12345_assignsubmission_file_/alan.ipynb", "al12"),
        ("lovelaceada_123_4567_02_triple.ipynb", "al12"),
        ("lovelaceada_LATE_123_4567_alan.ipynb", "al12"),
        ("turingalan_123_4567_hand-in.zip/02_triple.ipynb", "alan"),
        ("Homework 1_alan_attempt_2026-11-20-17-30-05_al12.ipynb", "alan"),
        ("02_a_b_attempt_2026-11-20-17-30-05_02.ipynb", "a_b"),
        ("Abgaben/Lovelace_Ada_al12_4711/20261120173005_alan.ipynb", "al12"),
        ("Abgaben/Turing_Alan_alan_4711/02_triple.ipynb", "alan"),
        ("Ada Lovelace - 02_triple.ipynb", "al12"),
        ("ada@example.org/02_triple.ipynb", "al12"),
        ("alan.ipynb", "alan"),
        ("ALAN_02.IPYNB", "alan"),
        ("02_triple-alan (1).ipynb", "alan"),
        ("alan.zip", "alan"),
        ("alan/al12_02.ipynb", "alan"),
        ("AdaLovelace_lesson2.ipynb", "al12"),
        ("Lovelace, Ada/x.ipynb", "al12"),
        ("Jurgen Muller Turk/x.ipynb", "mtue"),
        ("Juergen_Mueller-Tuerk/x.ipynb", "mtue"),
        ("Ju\u0308rgen Mu\u0308ller-Tu\u0308rk/x.ipynb", "mtue"),
        ("Soren Kierkegard_1_assignsubmission_file_/x.ipynb", "soren"),
        ("x-1_02.ipynb", "x-1"),
        ("x-12_02.ipynb", "x-12"),
        ("Turing/02.ipynb", "alan"),
        ("Alan Mathison Turing_1_assignsubmission_file_/x.ipynb", "alan"),
        ("ada.ipynb", "ada"),
        # Nobody, or two: never a guess.
        ("Group Turing/al12.ipynb", ""),
        ("Group Turing/alan_02.ipynb", "alan"),
        ("Ada Turing_1_assignsubmission_file_/x.ipynb", ""),
        ("Ada Smith_1_assignsubmission_file_/al12.ipynb", ""),
        ("Eve Smith_1_assignsubmission_file_/alan.ipynb", ""),
        ("smitheve_123_4567_alan.ipynb", ""),
        ("Turing homework_eve_attempt_2026-11-20-17-30-05_alan.ipynb", ""),
        ("Jan Novak/x.ipynb", ""),
        ("Li/x.ipynb", ""),
        ("alan_al12.ipynb", ""),
        ("02_triple.ipynb", ""),
        ("eve.ipynb", ""),
        ("malan.ipynb", ""),
    ],
)
def test_whose_a_file_is(path, student):
    assert whose([path]) == [student]


WHEN = datetime(2026, 11, 19, 10, 5).astimezone()


@pytest.mark.parametrize(
    ("platform", "paths", "received"),
    [
        (
            "Moodle",
            {
                "Ada Lovelace_12_assignsubmission_file_/turing.ipynb": "al12",
                "Alan Turing_13_assignsubmission_file_/hw_al12_attempt_2020-01-01-10-00-00_x.ipynb": "alan",
                "Grace Hopper_14_assignsubmission_file_/Ada Lovelace_12_assignsubmission_file_/x.ipynb": "ada",
                "Søren Kierkegård_15_assignsubmission_file_al12.ipynb": "soren",
            },
            None,
        ),
        (
            "Canvas",
            {
                "lovelaceada_11_21_x.ipynb": "al12",
                "turingalan_LATE_12_22_al12_attempt_2020-01-01-10-00-00_x.ipynb": "alan",
                "novakeve_13_23_alan_attempt_2020-01-01-10-00-00_x.ipynb": "",
                "hoppergrace_14_24_Ada Lovelace_9_assignsubmission_file_x.zip": "ada",
            },
            None,
        ),
        (
            "Blackboard",
            {
                "HW_1_al12_attempt_2026-11-19-10-05-00_alan.ipynb": "al12",
                "HW_1_alan_attempt_2026-11-19-10-05-00_al12_attempt_2020-01-01-10-00-00_x.ipynb": "alan",
                "HW_1_a_b_attempt_2026-11-19-10-05-00_turingalan_1_2_x.ipynb": "a_b",
                "HW_1_eve_attempt_2026-11-19-10-05-00_alan.zip": "",
            },
            WHEN,
        ),
        (
            "ILIAS",
            {
                "Abgaben/Lovelace_Ada_al12_47/20261119100500_alan.ipynb": "al12",
                "Abgaben/Turing_Alan_alan_48/20261119100500_20200101100000_al12.ipynb": "alan",
                "Abgaben/Jones_Eve_eve_49/20261119100500_Turing_Alan_alan_48.zip": "",
            },
            WHEN,
        ),
        (
            "OLAT",
            {
                "Lovelace_Ada_al12/2_submissions/alan.ipynb": "al12",
                "Turing_Alan_alan/2_submissions/al12/20200101100000_x.ipynb": "alan",
                "Turing_Alan_alan/3_corrections/x.ipynb": "",
                "Jones_Eve_eve/2_submissions/alan.ipynb": "",
            },
            None,
        ),
        (
            "Teams",
            {
                "Submitted files/Ada Lovelace/Week 1/Version 2/alan.ipynb": "al12",
                "Working files/Alan Turing/Week 1/Submitted files/Ada Lovelace/Week 1/x.ipynb": "alan",
                "Submitted files/Eve Jones/Week 1/Version 1/alan.ipynb": "",
            },
            None,
        ),
        (
            "Brightspace",
            {
                "1-2 - Ada Lovelace - Nov 19, 2026 1005 AM/alan.ipynb": "al12",
                "2-2 - Alan Turing - Nov 19, 2026 1005 AM/1-2 - Ada Lovelace - Nov 1, 2020 1005 AM.ipynb": "alan",
                "3-2 - Eve Jones - Nov 19, 2026 1005 AM/alan.ipynb": "",
                "4-2 - Grace Hopper - Nov 19, 2026 10:05 AM - al12.ipynb": "ada",
            },
            WHEN,
        ),
        (
            "plain folders",
            {
                "Ada Lovelace/alan.ipynb": "al12",
                "Alan Turing/hw_al12_attempt_2020-01-01-10-00-00_x.ipynb": "alan",
                "Eve Jones/alan.ipynb": "",
                "Eve Jones/turingalan_1_2_x.ipynb": "",
                "ada/Ada Lovelace_12_assignsubmission_file_/x.ipynb": "ada",
            },
            None,
        ),
    ],
)
def test_only_what_the_platform_wrote_says_whose_and_when(platform, paths, received):
    exported = datetime(2026, 11, 25, tzinfo=UTC)
    for chosen in (paths, dict(reversed(paths.items()))):
        assert dict(zip(chosen, whose(list(chosen)), strict=True)) == chosen
    times = {one.received for pile in sort(list(paths), when=exported).piles.values() for one in pile.found}
    assert times == {received or (None if platform in ("Canvas", "Moodle") else exported)}


@pytest.mark.parametrize(
    "path",
    [
        "HW_1_al12_attempt_2026-11-19-10-05-00_x.ipynb",
        "Abgaben/Lovelace_Ada_al12_47/20261119100500_x.ipynb",
        "1-2 - Ada Lovelace - Nov 19, 2026 1005 AM/x.ipynb",
    ],
)
def test_what_a_platform_writes_without_a_zone_is_of_the_courses(path):
    for zone in (ZoneInfo("Asia/Tokyo"), timezone(timedelta(hours=-5))):
        [found] = sort([path], zone=zone).piles["al12"].found
        assert found.received.isoformat() == datetime(2026, 11, 19, 10, 5, tzinfo=zone).isoformat()
        assert "of 2026-11-19 10:05" in found.described


@pytest.mark.parametrize(
    ("time", "zone"), [("0001-01-01-05", "Asia/Tokyo"), ("9999-12-31-20", "America/New_York")]
)
def test_a_time_that_utc_does_not_have_is_not_known(time, zone):
    [found] = sort([f"HW_1_al12_attempt_{time}-00-00_x.ipynb"], zone=ZoneInfo(zone)).piles["al12"].found
    assert found.received is None


def test_the_times_of_a_zip_and_all_that_are_shown_are_the_courses(course, tmp_path):
    (course / "dates.yaml").write_text("timezone: Asia/Tokyo\n")
    names = ("al12.ipynb", "alan_attempt_2026-11-20-17-30-00_01_double.ipynb")
    for name, student in zip(names, ("al12", "alan"), strict=True):
        source = put(tmp_path, "source.zip", zipped({name: work(course)}, (2026, 11, 20, 17, 30, 0)))
        collected = take(course, source, due=datetime(2026, 11, 20, 9, tzinfo=UTC))  # 18:00 in Tokyo
        assert collected.students[student].received == "2026-11-20T17:30:00+09:00"
        assert not notes(collected, student)
    with pytest.raises(UserError, match=r"--due 2026-11-20 19:00\n.* is due 2026-11-20 18:00"):
        take(course, source, due=datetime(2026, 11, 20, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("novakeve_13_23_alan_attempt_2020-01-01-10-00-00_x.ipynb", ""),
        ("turingalan_13_23_al12_attempt_2020-01-01-10-00-00_x.ipynb", "alan"),
        ("al12/hw_alan_attempt_2020-01-01-10-00-00_x.ipynb", "al12"),
        ("al12/Alan Turing_12_assignsubmission_file_/x.ipynb", "al12"),
        ("al12/Submitted files/Alan Turing/Week 1/x.ipynb", "al12"),
    ],
)
def test_a_single_file_is_read_as_strictly(path, student):
    assert whose([path]) == [student]


@pytest.mark.parametrize("source", ["al12.zip", "Ada Lovelace 02.zip", "late_al12.zip"])
def test_a_students_archive_is_the_students_whatever_is_in_it(source):
    assert whose(["alan.ipynb", "Alan Turing_1_assignsubmission_file_/x.ipynb"], source=source) == [
        "al12",
        "al12",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["al12.zip", "Ada Lovelace_1_assignsubmission_file_.zip"])
def test_the_times_in_a_students_archive_are_not_believed(course, tmp_path, name):
    received = "" if "assignsubmission" in name else at(19).isoformat()  # a download has the download's
    backdated = zipped({"01_double.ipynb": work(course)}, (2020, 1, 1, 0, 0, 0))
    for place in (
        put(tmp_path, f"alone/{name}", backdated, at(19)),
        put(tmp_path, f"class/{name}", backdated, at(19)).parent,
    ):
        collected = take(course, place)
        assert collected.students["al12"].received.replace("Z", "+00:00") == received
        (course / "assignments" / "01_double-collected.json").unlink()


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("Copy of Ursula Leyen_02.ipynb", "ul"),
        ("Kopie von 02_triple.ipynb", ""),
        ("Abgabe an von der.ipynb", ""),
        ("a/x.ipynb", ""),
        ("de la 02.ipynb", ""),
        ("Lina.ipynb", ""),
        ("Li Na.ipynb", "ln"),
        ("von der Leyen.ipynb", "ul"),
        ("Copia de ana_02.ipynb", "ana"),
        ("an.ipynb", ""),
    ],
)
def test_small_words_are_nobodys_name(path, student):
    people = [
        *(Student("ul", "Ursula", "von der Leyen"), Student("xan", "A", "N"), Student("jd", "Jo", "de la O")),
        *(
            Student("ln", "Li", "Na"),
            Student("lm", "Lina", "Meier"),
            Student("ana"),
            Student("bn", "Bo", "An"),
        ),
    ]
    assert whose([path], people) == [student]


def test_two_people_of_one_name_are_told_apart_by_nobody():
    paths = [f"Ada Lovelace_{number}_assignsubmission_file_/x.ipynb" for number in (1, 2)]
    for people in (PEOPLE, []):
        sorter = sort(paths, people)
        assert not sorter.piles
        assert all("two people of this name" in one.why for one in sorter.unclear)


def test_of_teams_versions_the_highest_that_was_submitted_counts(course, source):
    folders = ("Submitted files/Ada Lovelace/HW/Version 2", "Submitted files/Ada Lovelace/HW/Version 10")
    for folder, when in zip(
        (*folders, "Working files/Ada Lovelace/HW"), (at(11), at(9), at(12)), strict=True
    ):
        put(source, f"{folder}/01_double.ipynb", work(course, text=folder), when)
    put(source, "Working files/Alan Turing/HW/01_double.ipynb", work(course), at(9))
    collected = take(course, source)
    assert submitted(course)["al12/01_double.ipynb"] == work(course, text=folders[1])
    assert "not handed in there" in notes(collected, "alan")
    shutil.rmtree(source / folders[1])
    assert "earlier version" in notes(take(course, source))
    assert submitted(course)["al12/01_double.ipynb"] == work(course, text=folders[1])


def test_gradescope_says_whose_and_when_in_its_own_file(course, source):
    put(
        source,
        "assignment_1_export/submission_metadata.yml",
        "---\nsubmission_11:\n  :submitters:\n  - :name: Ada Lovelace\n    :sid: '1815'\n"
        "    :email: ada@example.org\n  :created_at: 2026-11-20 10:05:00.000000000 Z\n  :score: 0.0\n"
        "submission_12:\n  :submitters:\n  - :name: Alan Turing\n  :created_at: 2026-11-20 11:05:00 Z\n",
    )
    put(source, "assignment_1_export/submission_11/alan.ipynb", work(course))
    put(source, "assignment_1_export/submission_12/01_double.ipynb", work(course))
    claim = "submission_12:\n  :submitters:\n  - :name: Ada Lovelace\n"
    put(source, "assignment_1_export/submission_12/submission_metadata.yml", claim)
    collected = take(course, source)
    assert collected.students["al12"].notebooks == {
        "01_double": "assignment_1_export/submission_11/alan.ipynb"
    }
    assert datetime.fromisoformat(collected.students["alan"].received) == at(11) + timedelta(minutes=5)
    assert set(sort(["index.html", "x/01.ipynb", "y/01.ipynb"], []).piles) == {"x", "y"}, (
        "a page is no student"
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [("Jan Novak/x.ipynb", "x-1, x-12"), ("Li/x.ipynb", "li1, li2"), ("alan al12.ipynb", "al12, alan")],
)
def test_between_two_nobody_is_chosen_and_both_are_named(path, why):
    sorter = sort([path])
    assert [one.why for one in sorter.unclear] == [f"it could be of {why}"]


def test_a_lesson_is_nobodys_name_and_its_number_nobodys_id():
    people = [Student("02"), Student("t1", "Ann", "Triple")]
    assert whose(["02_triple.ipynb"], people) == [""]
    assert whose(["02/02_triple.ipynb"], people) == ["02"]


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("Ada Lovelace_12345_assignsubmission_file_/x.ipynb", "Ada_Lovelace"),
        ("lovelaceada_123_4567_x.ipynb", "lovelaceada"),
        ("hw_ada_attempt_2026-11-20-17-30-05_x.ipynb", "ada"),
        ("Abgaben/Lovelace_Ada_al12_4711/20261120173005_x.ipynb", "al12"),
        ("export/ada/02_triple.ipynb", "ada"),
        ("ada/02_triple.ipynb", "ada"),
        ("export/ada_02 (1).ipynb", "ada"),
        ("Ada Lovelace - 02_triple.ipynb", "Ada_Lovelace"),
        ("Kopie von ada_02.ipynb", "ada"),
        ("Jürgen.zip", "Jurgen"),
        ("../../etc.ipynb", "etc"),
        ("02_triple.ipynb", ""),
        ("week1/02_triple.ipynb", ""),
        ("李雷/02_triple.ipynb", ""),
        ("1-2 - Ada Lovelace - Nov 19, 2026 1005 AM/x.ipynb", "Ada_Lovelace"),
        ("Weiß Łukasz/02_triple.ipynb", "Weiss_Lukasz"),
        ("SØREN BØ/02_triple.ipynb", "SOREN_BO"),
        ("Zoe\u0308/02_triple.ipynb", "Zoe"),
        # Nothing of a name is left out: who is called otherwise would get the same id.
        ("1-2 - 王 Wei - Nov 19, 2026 1005 AM/x.ipynb", ""),
        ("李 Wei/02_triple.ipynb", ""),
        ("Иван_attempt_2026-11-20-17-30-05_x.ipynb", ""),
        (f"{'a' * 64}/02_triple.ipynb", "a" * 64),
        (f"{'a' * 64}b/02_triple.ipynb", ""),
    ],
)
def test_without_a_list_names_become_ids(path, made):
    assert whose([path], []) == [made]


def test_two_names_of_which_ids_have_only_a_part_are_two_students():
    for names in (["王 Wei", "李 Wei"], ["Иван", "Пётр"]):
        paths = [f"{name}/solution.ipynb" for name in names]
        assert whose(paths, []) == ["", ""]
        assert "(A-Z, 0-9 and . _ @ -)" in sort(paths, []).unclear[0].why
        assert whose(paths, [], who={names[0]: "one", names[1]: "two"}) == ["one", "two"]


# Names: which notebook, and when.


@pytest.mark.parametrize(
    ("file", "lesson"),
    [
        ("02_triple.ipynb", "02_triple"),
        ("02_Triple (1).IPYNB", "02_triple"),
        ("02_triple-Copy1.ipynb", "02_triple"),
        ("Copy of 02_triple.ipynb", "02_triple"),
        ("lovelace Kopie von 02_triple.ipynb", "02_triple"),
        ("Co\u0301pia de 02_triple-Copy1 ada.ipynb", "02_triple"),
        ("Copie de 02.ipynb", "02_triple"),
        ("02-Copy1.ipynb", "02_triple"),
        ("02_triple-2.ipynb", "02_triple"),
        ("ada 02 triple.ipynb.txt", "02_triple"),
        ("ada_02.ipynb", "02_triple"),
        ("Lesson 2 final.ipynb", "02_triple"),
        ("ada_2.ipynb", ""),
        ("ada02.ipynb", ""),
        ("01_02.ipynb", ""),
        ("final.ipynb", ""),
    ],
)
def test_which_lesson_a_name_is_about(file, lesson):
    assert lesson_in(file, LESSONS) == lesson


def test_names_are_shown_on_one_line():
    assert shown("a\n\x1b[31mb\u202e\udcff.ipynb") == "a��[31mb��.ipynb"
    assert len(shown("x" * 5000)) == 120


# From a source to its place.


def test_a_class_with_every_habit_is_collected(course, source):
    habits = {
        "s1": "Anna One_101_assignsubmission_file_/01_double.ipynb",
        "s2": "Bert Two_102_assignsubmission_file_01_double (1).ipynb",
        "s3": "threecora_103_4567_01_double-1.ipynb",
        "s4": "hw_s4_attempt_2026-11-20-12-00-00_01_double.ipynb",
        "s5": "Five_Dora_s5_47/20261120120000_01_double.IPYNB",
        "s6": "Emil Six - 01_double.ipynb",
        "s7": "s7.ipynb",
        "s8": "s8_01.ipynb",
        "s9": "s9/01_double-Copy1.ipynb",
    }
    names = [
        "Anna One",
        "Bert Two",
        "Cora Three",
        "D Four",
        "Dora Five",
        "Emil Six",
        "F Seven",
        "G Eight",
        "H Nine",
    ]
    roster = [Student(f"s{i}", *name.split()) for i, name in enumerate(names, 1)]
    files = {path: work(course, text=student) for student, path in habits.items()}
    noise = (
        "__MACOSX/s7._.ipynb",
        "s9/.ipynb_checkpoints/01_double-checkpoint.ipynb",
        "s9/.DS_Store",
        ".s1.ipynb",
    )
    export = source / "export.zip"
    export.write_bytes(zipped(files | dict.fromkeys(noise, "noise")))
    for place in (export, source / "unpacked"):
        shutil.rmtree(course / "submitted", ignore_errors=True)
        if place.suffix != ".zip":
            with zipfile.ZipFile(export) as packed:
                packed.extractall(place)
        collected = take(course, place, roster)
        assert submitted(course) == {f"{s}/01_double.ipynb": files[path] for s, path in habits.items()}
        assert {s: h.notebooks for s, h in collected.students.items()} == {
            student: {"01_double": path} for student, path in habits.items()
        }
        assert not collected.unclear
        assert not any(handed_in.notes for handed_in in collected.students.values())
        (course / "assignments" / "01_double-collected.json").unlink()


def test_nothing_else_in_the_course_changes(course, source):
    def others():
        return {
            path: path.read_bytes()
            for path in course.rglob("*")
            if path.is_file() and path.relative_to(course).parts[0] not in ("submitted", "gradebook.db")
        }

    before = others()
    put(source, "alan.ipynb", work(course))
    take(course, source)
    assert others().keys() - before.keys() == {course / "assignments" / "01_double-collected.json"}
    assert {path: content for path, content in others().items() if path in before} == before
    assert not list(course.glob(".stage-*"))


def test_nbgrader_reads_time_and_due_date(course, source):
    from nbgrader.coursedir import CourseDirectory

    put(source, "alan.ipynb", work(course), datetime(2026, 11, 20, 19, 5, 1, tzinfo=UTC))
    put(source, "al12.ipynb", work(course), datetime(2026, 11, 20, 16, 59, tzinfo=UTC))
    collected = take(course, source, due=DUE)
    place = course / "submitted" / "alan" / "01_double"
    assert CourseDirectory().get_existing_timestamp(str(place)) == datetime(2026, 11, 20, 19, 5, 1)
    with nbgrader_bridge.gradebook(course) as book:
        assert book.find_assignment("01_double").duedate == datetime(2026, 11, 20, 17)
        assert {one.id: one.last_name for one in book.students} == {"al12": "Lovelace", "alan": "Turing"}
    assert datetime.fromisoformat(collected.students["alan"].received) == datetime(
        2026, 11, 20, 19, 5, 1, tzinfo=UTC
    )
    assert "2 h 5 min late" in notes(collected, "alan")
    assert not notes(collected)
    assert "2 h 5 min late" in notes(take(course, source), "alan"), "the gradebook knows the date"


def test_the_due_date_is_the_assignments_and_moves_only_when_asked(course, source, said):
    put(source, "alan.ipynb", work(course), at(19))
    take(course, source, due=DUE)
    late = put(source.parent, "al12.ipynb", work(course), at(20))
    with pytest.raises(UserError, match=r"is due 2026-11-20.*for everybody[^$]*--move-due"):
        take(course, late, due=at(21))
    assert "2 h late" in "".join(read_collected(course, "01_double").students["alan"].notes)
    assert not (course / "submitted" / "al12").exists()
    collected = take(course, late, due=at(21), move_due=True)
    assert any("moves from 2026-11-20" in line and "for everybody" in line for line in said)
    assert not notes(collected, "alan")
    with pytest.raises(ValueError, match=r"due: .* has no time zone"):
        take(course, late, due=datetime(2026, 11, 21))


@pytest.mark.parametrize("fault", ["damaged", "nobody's", "empty", "who", "stranger"])
def test_a_source_that_can_not_be_used_moves_no_date_and_enters_nobody(course, source, fault):
    put(source, "alan.ipynb", work(course), at(9))
    take(course, source, [ALAN], due=DUE)
    before = (course / "dates.yaml").read_text()
    if fault == "stranger":  # an extension of somebody who is on no list
        before += "    extensions: {eve: +1 day}\n"
        (course / "dates.yaml").write_text(before)
    wrong = {
        "damaged": put(source.parent, "damaged.zip", "PK nothing"),
        "nobody's": put(source.parent, "other/eve.ipynb", work(course)).parent,
        "empty": put(source.parent, "empty/.nothing", "").parent,
    }.get(fault, source)
    with pytest.raises(UserError):
        take(
            course, wrong, [ADA], due=at(20), move_due=True, who={"alan": "nobody"} if fault == "who" else {}
        )
    assert (course / "dates.yaml").read_text() == before
    with nbgrader_bridge.gradebook(course) as book:
        assert [one.id for one in book.students] == ["alan"]
        assert book.find_assignment("01_double").duedate == DUE.replace(tzinfo=None)


def test_a_roster_adds_to_what_the_gradebook_knows(course, source):
    put(source, "Ada Lovelace.ipynb", work(course), at(9))
    (course / "dates.yaml").write_text("extra_time: {al12: +1 hour}\n")
    take(course, source, [ADA], due=DUE)
    take(course, source, [Student("AL12", "", "", "new@example.org"), ALAN])
    with nbgrader_bridge.gradebook(course) as book:
        known = {one.id: (one.first_name, one.email) for one in book.students}
    assert known == {"al12": ("Ada", "new@example.org"), "alan": ("Alan", None)}


def test_canvas_tells_who_is_late_and_not_when(course, source):
    put(source, "lovelaceada_LATE_1_2_01_double.ipynb", work(course))
    collected = take(course, source, due=DUE)
    assert notes(collected) == "Canvas has marked it as late"
    assert collected.students["al12"].received == ""
    assert not (course / "submitted" / "al12" / "01_double" / "timestamp.txt").exists()


def test_who_hands_in_nothing_is_named(course, source):
    put(source, "alan/report.pdf", "%PDF")
    put(source, "eve.ipynb", work(course))
    put(source, "eve.txt", "nothing")
    put(source, "al12/01_double.ipynb", work(course))
    collected = take(course, source, [ADA, ALAN, Student("grace")])
    assert collected.students["grace"] == HandedIn("grace", {}, "", ("nothing was handed in",))
    assert notes(collected, "alan") == "'alan/report.pdf' is no notebook | no notebook of it was handed in"
    assert collected.unclear == ("'eve.ipynb': it names no student of the list",)
    assert list(submitted(course)) == ["al12/01_double.ipynb"]
    assert read_collected(course, "01_double") == collected
    assert read_collected(course, "week1").students == {}


def test_content_says_which_notebook_it_is(course, source):
    put(source, "al12/02_triple.ipynb", one := work(course))
    put(source, "al12/final.ipynb", two := work(course, "02_triple"))
    put(source, "al12/03_other.ipynb", work(course, "03_other", name="03_other"))
    put(source, "alan/02_triple.ipynb", work(course, "03_other", name="03_other"))
    put(source, "alan/scratch.ipynb", json.dumps({"cells": []}))
    collected = take(course, source, name="week1")
    assert submitted(course, "week1") == {"al12/01_double.ipynb": one, "al12/02_triple.ipynb": two}
    said = notes(collected)
    assert "01_double was handed in as '02_triple.ipynb'" in said
    assert "02_triple was handed in as 'final.ipynb'" in said
    assert "'03_other.ipynb' is the notebook of 03_other, which is not in this assignment" in said
    said = notes(collected, "alan")
    assert "'02_triple.ipynb' is the notebook of 03_other" in said
    assert "'scratch.ipynb' is none of the assignment's notebooks" in said
    assert "no notebook of it was handed in" in said


def test_without_cells_of_exercises_the_name_says_which(course, source):
    put(source, "al12/02_triple.ipynb", text := json.dumps({"cells": []}))
    put(source, "al12/01_double.ipynb", work(course, "01_double"))
    collected = take(course, source, name="week1")
    assert submitted(course, "week1")["al12/02_triple.ipynb"] == text
    assert not notes(collected)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "'01_double.ipynb' is empty"),
        ("{", "'01_double.ipynb' is a notebook that was cut off: it ends in line 1"),
        ("[1]", "is not a notebook: it is JSON, but a list"),
        ("[" * 100_000, "is not a notebook: it is nested too deep"),
        (b"\xff\xfe\x00", "is not a notebook: it is no text in UTF-8"),
    ],
)
def test_what_is_no_notebook_is_put_in_place_and_named(course, source, content, says):
    file = put(source, "al12/01_double.ipynb", content)
    assert says in notes(take(course, source))
    assert (course / "submitted" / "al12" / "01_double" / "01_double.ipynb").read_bytes() == file.read_bytes()


# Several of one kind.


def at(hour):
    return datetime(2026, 11, 20, hour, tzinfo=UTC)


def test_the_newest_of_two_counts(course, source):
    put(source, "alan/01_double (1).ipynb", work(course, text="old"), at(9))
    put(source, "alan/01_double.ipynb", new := work(course, text="new"), at(12))
    put(source, "alan/a copy.ipynb", work(course, text="new"), at(8))
    put(source, "al12/01_double (1).ipynb", first := work(course, text="first"), at(12))
    put(source, "al12/01_double.ipynb", work(course, text="second"), at(9))
    collected = take(course, source)
    assert submitted(course) == {"alan/01_double.ipynb": new, "al12/01_double.ipynb": first}
    said = notes(collected, "alan")
    assert "also handed in: 'alan/01_double (1).ipynb' of" in said
    assert "the newer one 'alan/01_double.ipynb' counts" in said
    assert "a copy" not in said
    assert datetime.fromisoformat(collected.students["alan"].received) == at(12)


def test_of_two_without_a_time_the_right_name_counts(course, source):
    for name in ("01_double.ipynb", "01_double final.ipynb"):
        put(source, f"alan/{name}", work(course, text=name), at(9))
    collected = take(course, source)
    assert submitted(course) == {"alan/01_double.ipynb": work(course, text="01_double.ipynb")}
    assert "which is newer is not known" in notes(collected, "alan")


def test_one_that_can_be_read_counts_before_a_newer_one_that_can_not(course, source):
    put(source, "alan/01_double.ipynb", old := work(course), at(9))
    put(source, "alan/01_double (1).ipynb", "", at(12))
    put(source, "al12/01_double.ipynb", bare := json.dumps({"cells": []}), at(9))
    put(source, "al12/01_double (1).ipynb", "", at(12))
    collected = take(course, source)
    assert submitted(course) == {"alan/01_double.ipynb": old, "al12/01_double.ipynb": bare}
    assert "01_double (1).ipynb' of" in notes(collected, "alan")
    assert "which is empty" in notes(collected, "alan")


def test_a_further_notebook_is_named_and_does_not_count(course, source):
    put(source, "alan/01_double.ipynb", old := work(course), at(9))
    put(source, "alan/scratch.ipynb", json.dumps({"cells": []}), at(12))
    collected = take(course, source)
    assert submitted(course) == {"alan/01_double.ipynb": old}
    assert "scratch.ipynb" in notes(collected, "alan")
    assert "none of the assignment's notebooks" in notes(collected, "alan")


def test_in_an_archive_the_platforms_time_counts_and_the_newer_file(course, source):
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as archive:
        for name, hour, text in (("01_double.ipynb", 8, "untouched"), ("01_double-Copy1.ipynb", 9, "work")):
            archive.writestr(zipfile.ZipInfo(name, (2030, 1, 1, hour, 0, 0)), work(course, text=text))
    put(source, "alan/hand-in.zip", inside.getvalue(), at(12))
    collected = take(course, source, due=DUE)
    assert submitted(course) == {"alan/01_double.ipynb": work(course, text="work")}
    assert datetime.fromisoformat(collected.students["alan"].received) == at(12)
    assert "late" not in notes(collected, "alan")


def test_the_release_zipped_again_is_opened(course, source):
    files = unpacked(course / "release" / "01_double.zip") | {"01_double/01_double.ipynb": work(course)}
    put(source, "Ada Lovelace_1_assignsubmission_file_/01_double.ZIP", zipped(files))
    collected = take(course, source)
    assert submitted(course) == {"al12/01_double.ipynb": work(course)}
    assert not notes(collected)


# Again.


def test_collecting_again_changes_nothing(course, source):
    put(source, "alan.ipynb", work(course, text="old"), at(9))
    put(source, "al12/02_triple.ipynb", work(course), at(9))
    take(course, source)
    put(source, "alan.ipynb", work(course, text="new"), at(10))
    take(course, source, due=at(9))
    files = [*(course / "submitted").rglob("*.*"), course / "assignments" / "01_double-collected.json"]
    before = [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in files[:-1]]
    note = files[-1].read_bytes()
    again = take(course, source)
    assert [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in files[:-1]] == before
    assert files[-1].read_bytes() == note
    assert "takes the place of" in notes(again, "alan")


def test_a_newer_export_replaces_and_takes_nothing_away(course, source):
    put(source, "alan/01_double.ipynb", work(course, text="old"), at(9))
    put(source, "al12/01_double.ipynb", ada := work(course), at(9))
    take(course, source)
    shutil.rmtree(source / "al12")
    put(source, "alan/01_double.ipynb", new := work(course, text="new"), at(10))
    collected = take(course, source)
    assert submitted(course) == {"alan/01_double.ipynb": new, "al12/01_double.ipynb": ada}
    assert "handed in anew" in notes(collected, "alan")
    assert collected.students["al12"].notebooks == {"01_double": "al12/01_double.ipynb"}
    assert (course / "submitted/alan/01_double/timestamp.txt").read_text() == "2026-11-20 10:00:00 UTC"
    put(source, "alan/01_double.ipynb", work(course, text="old"), at(9))
    collected = take(course, source)
    assert submitted(course)["alan/01_double.ipynb"] == new
    assert "is older than" in notes(collected, "alan")
    put(source, "alan/01_double.ipynb", "broken", at(12))
    collected = take(course, source)
    assert submitted(course)["alan/01_double.ipynb"] == new
    assert "is not a notebook but a text: the earlier one" in notes(collected, "alan")


def test_times_are_those_of_what_is_in_its_place(course, source):
    stamp = course / "submitted" / "al12" / "01_double" / "timestamp.txt"
    for hour in (9, 12):  # the same content, copied about
        put(source, "al12.ipynb", work(course), at(hour))
        collected = take(course, source, due=at(10))
        assert stamp.read_text() == "2026-11-20 09:00:00 UTC"
        assert not notes(collected)
    (source / "al12.ipynb").unlink()
    put(source, "lovelaceada_1_2_01_double.ipynb", work(course, text="new"))
    assert take(course, source).students["al12"].received == ""
    assert not stamp.exists()


def test_what_has_less_of_the_exercises_never_replaces_the_work(course, source):
    put(source, "al12/01_double.ipynb", good := work(course), at(9))
    take(course, source)
    question = mail("Ada <ada@example.org>", ["Untitled.ipynb"])
    collected = take(course, put(source.parent, "mails/question.eml", question).parent)
    assert submitted(course) == {"al12/01_double.ipynb": good}
    assert collected.students["al12"].notebooks == {"01_double": "al12/01_double.ipynb"}
    assert "question.eml/Untitled.ipynb' of" in notes(collected)
    assert "less of the exercises: the earlier one, 'al12/01_double.ipynb', stays" in notes(collected)


def test_of_canvas_uploads_the_last_counts_whenever_it_is_collected(course, source):
    for upload in (200, 100, 300):
        place = put(
            source, f"{upload}/lovelaceada_11_{upload}_01_double.ipynb", work(course, text=f"{upload}")
        )
        collected = take(course, place.parent)
        newest = max(upload, 200)
        assert submitted(course) == {"al12/01_double.ipynb": work(course, text=f"{newest}")}
        assert f"_{upload}_" in notes(collected) or upload == 200
    for upload in (400, 500):
        put(source, f"both/lovelaceada_11_{upload}_01_double.ipynb", work(course, text=f"{upload}"))
    said = notes(take(course, source / "both"))
    assert "_400_01_double.ipynb'; the newer one 'lovelaceada_11_500_01_double.ipynb' counts" in said


def test_what_can_be_work_is_never_passed_over(course, source):
    put(source, "al12/01_double.ipynb", work(course))
    for name in ("al12/final.rar", "al12/01_double.ipynb.download", "eve.7z", "Re hand-in.msg", "eve.html"):
        put(source, name, "x")
    put(source, "alan/both.zip", zipped({"old.ipynb": work(course), "inner.zip": zipped({"a.ipynb": "x"})}))
    put(source, "grace/.ipynb", work(course))
    put(source, "linus.eml", mail("linus@x.org", ["work.tar.gz"]))
    collected = take(course, source, [ADA, ALAN, Student("grace")])
    assert set(submitted(course)) == {f"{who}/01_double.ipynb" for who in ("al12", "alan", "grace")}
    assert "'al12/final.rar' is an archive or mail of a kind that is not opened" in notes(collected)
    assert "'al12/01_double.ipynb.download' is no notebook" in notes(collected)
    assert "'alan/both.zip/inner.zip' is no notebook, and an archive in another" in notes(collected, "alan")
    assert [line.split("'")[1] for line in collected.unclear] == ["Re hand-in.msg", "eve.7z", "linus.eml"]
    assert [one.path for one in sort(["eve.7z", "x/02_triple.ipynb"], []).unclear] == ["eve.7z"]


@pytest.mark.slow
def test_the_other_notebook_of_an_assignment_can_come_later(course, source):
    put(source, "al12/01_double.ipynb", one := work(course), at(9))
    assert "missing: 02_triple" in notes(take(course, source, name="week1"))
    (source / "al12/01_double.ipynb").unlink()
    put(source, "al12/02_triple.ipynb", two := work(course, "02_triple"), at(10))
    assert not notes(take(course, source, name="week1"))
    assert submitted(course, "week1") == {"al12/01_double.ipynb": one, "al12/02_triple.ipynb": two}


def test_what_a_teacher_changed_by_hand_stays(course, source):
    put(source, "alan.ipynb", work(course, text="old"), at(9))
    place = put(course, "submitted/al12/01_double/01_double.ipynb", "by hand")
    put(source, "al12.ipynb", work(course), at(9))
    for _ in range(2):
        collected = take(course, source)
        assert place.read_text() == "by hand"
        assert "put there or changed by hand" in notes(collected)
    mended = put(course, "submitted/alan/01_double/01_double.ipynb", work(course, text="mended"))
    put(source, "alan.ipynb", work(course, text="new"), at(10))
    assert "changed by hand" in notes(take(course, source), "alan")
    assert "mended" in mended.read_text()
    mended.unlink()
    assert "changed by hand" not in notes(take(course, source), "alan")
    assert "new" in mended.read_text()


def test_who_was_late_stays_late_when_a_teacher_mends_the_file(course, source):
    put(source, "alan/01_double.ipynb", work(course, text="broken"), at(19))
    put(source, "alan/02_triple.ipynb", work(course, "02_triple"), at(9))
    take(course, source, name="week1", due=at(10))
    put(course, "submitted/alan/week1/01_double.ipynb", work(course, text="mended"))
    for text in ("broken", "broken", "handed in again"):  # the last one is not taken
        put(source, "alan/01_double.ipynb", work(course, text=text), at(19))
        collected = take(course, source, name="week1")
        assert "9 h late" in notes(collected, "alan")
        assert "changed by hand" in notes(collected, "alan")
        stamp = course / "submitted" / "alan" / "week1" / "timestamp.txt"
        assert stamp.read_text() == "2026-11-20 19:00:00 UTC"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_collection_that_was_killed_is_made_again(course, source, monkeypatch, after):
    for student in ("al12", "alan"):
        put(source, f"{student}.ipynb", work(course, text="old"), at(9))
    place, placed = collecting._place, []

    def killed(folder, *rest):
        if len(placed) == after:
            raise KeyboardInterrupt
        placed.append(folder)
        place(folder, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(collecting, "_place", killed)
        if after == 2:
            patch.setattr(collecting, "_unclear", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        take(course, source)
    assert read_collected(course, "01_double").students == {}
    for student in ("al12", "alan"):
        put(source, f"{student}.ipynb", work(course, text="new"), at(10))
    collected = take(course, source)
    assert submitted(course) == dict.fromkeys(
        ["al12/01_double.ipynb", "alan/01_double.ipynb"], work(course, text="new")
    )
    assert not notes(collected)


def test_what_is_unclear_stays_listed_until_it_is_somebodys(course, source, tmp_path):
    unknown = put(source, "x.ipynb", work(course, text="whose?"))
    put(source, "alan.ipynb", work(course), at(9))
    line = ("'x.ipynb': it names no student of the list",)
    assert take(course, source).unclear == line
    other = put(tmp_path, "mails/al12.ipynb", work(course)).parent
    assert take(course, other).unclear == line
    assert take(course, source).unclear == line, "once, and not twice"
    put(other, "grace.ipynb", unknown.read_bytes())
    collected = take(course, other, [ADA, ALAN, Student("grace")])
    assert collected.unclear == ()
    assert "'x.ipynb' was nobody's before, and has the same content" in notes(collected, "grace")


def test_the_date_of_a_file_in_a_clone_says_nothing(course, source):
    put(source, "hw-al12/.git/config", "")
    for who in ("al12", "alan"):
        put(source, f"hw-{who}/week/01_double.ipynb", work(course), at(20))
    collected = take(course, source)
    assert collected.students["al12"].received == ""
    assert datetime.fromisoformat(collected.students["alan"].received) == at(20)


def test_mails_are_their_senders_and_of_their_servers_time(course, source):
    put(source, "Re_ hand-in.eml", mail("Ada <ada@example.org>", ["x.ipynb"], content=work(course).encode()))
    packed = zipped({"01_double.ipynb": work(course, text="packed")})
    put(source, "alan.eml", mail('"Turing, Alan" <a@home.example>', ["y.zip"], content=packed))
    put(source, "eve.eml", mail("Eve <eve@home.example>", content=work(course).encode()))
    put(source, "news.eml", mail("News <news@home.example>", ["news.pdf"]))
    collected = take(course, source, due=DUE - timedelta(hours=1))
    assert submitted(course)["al12/01_double.ipynb"] == work(course)
    assert submitted(course)["alan/01_double.ipynb"] == work(course, text="packed")
    assert "1 h late" in notes(collected)
    assert "taken for alan's because of the name 'Turing, Alan <a@home.example>' alone" in notes(
        collected, "alan"
    )
    assert collected.unclear == ("'eve.eml': its sender is no student of the list: Eve <eve@home.example>",)
    assert take(course, source / "Re_ hand-in.eml").students["al12"].notebooks == {
        "01_double": "Re_ hand-in.eml/x.ipynb"
    }


def test_without_a_list_a_mail_is_its_address(course, source):
    put(source, "a.eml", mail("Ada <ada@example.org>", content=work(course).encode()))
    put(source, "news.eml", mail("News <news@home.example>", ["news.pdf"]))
    assert set(take(course, source, []).students) == {"ada@example.org"}


def test_a_table_of_whose_it_is_is_kept(course, source, tmp_path):
    put(source, "x.ipynb", work(course, text="whose?"))
    put(source, "eve/01_double.ipynb", work(course, text="eve's"))
    with pytest.raises(
        UserError, match=r"--who: x\n.*'nobody'\n.*an id, a mail address or a full name in the list"
    ):
        take(course, source, who={"x": "nobody"})
    with nbgrader_bridge.gradebook(course) as book:
        nbgrader_bridge.enrol(book, [ADA, ALAN])
    table = put(tmp_path, "who.csv", "who,id\nx.ipynb,AL12\n")
    done = command("01_double", source, "--course", course, "--who", table)
    assert done.exit_code == 0, done.output
    assert submitted(course) == {"al12/01_double.ipynb": work(course, text="whose?")}
    assert "'eve/01_double.ipynb': it names no student of the list" in done.output
    put(source, "x.ipynb", work(course, text="anew"))
    assert len(take(course, source, who={"of_another_week.ipynb": "nobody"}).unclear) == 1
    assert submitted(course)["al12/01_double.ipynb"] == work(course, text="anew")
    # What is nobody's stands in a table to be filled in, which may name students in other ways, and stays.
    table = course / "assignments" / "01_double-who.csv"
    assert f"collect again with --who {table}" in done.output
    assert table.read_text(encoding="utf-8-sig") == "who,id\neve/01_double.ipynb,\n"
    # A teacher may add and move columns, as a spreadsheet program may change the separator.
    table.write_text("Note;id;who\nasked;Alan Turing;eve/01_double.ipynb\n\n")
    put(source, "bob/01_double.ipynb", work(course))
    command("01_double", source, "--course", course)
    assert table.read_text(encoding="utf-8-sig").splitlines() == [
        "Note;id;who",
        "asked;Alan Turing;eve/01_double.ipynb",
        ";;bob/01_double.ipynb",
    ]
    table.write_text("id,who\nAlan Turing,eve/01_double.ipynb\n")
    assert command("01_double", source, "--course", course, "--who", table).exit_code == 0
    assert submitted(course)["alan/01_double.ipynb"] == work(course, text="eve's")


def test_a_file_never_changes_hands_silently(course, source):
    put(source, "Turing/01_double.ipynb", work(course))
    take(course, source)
    collected = take(course, source, who={"Turing": "al12"})
    said = "'Turing/01_double.ipynb' is now taken for al12's, and was taken for alan's before"
    assert said in notes(collected, "alan")
    assert said in notes(collected)


def test_who_can_not_be_graded_is_named_and_not_collected(course, source):
    with nbgrader_bridge.gradebook(course) as book:
        for student in ("ada lovelace", "zoë", "x."):
            book.update_or_create_student(student)
    for name in ("ada lovelace", "zoë", "alan"):
        put(source, f"{name}/01_double.ipynb", work(course))
    collected = take(course, source, [ALAN])
    assert set(collected.students) == {"alan"} == {path.name for path in (course / "submitted").iterdir()}
    put(source, "a.eml", mail("zoë@example.org", content=work(course).encode()))
    put(source, "b/01_double.ipynb", work(course))
    with nbgrader_bridge.gradebook(course) as book:
        book.update_or_create_student("zoë", email="zoë@example.org")
    collected = take(course, source, [ALAN], who={"b": "x."})
    assert {path.name for path in (course / "submitted").iterdir()} == {"alan"}
    said = "\n".join(collected.unclear)
    assert "'a.eml': it is 'zoë''s, and 'zoë' can't be an id" in said.replace('"', "'")
    assert "'b/01_double.ipynb': it is 'x.''s" in said.replace('"', "'")
    for student in ("ada lovelace", "zoë", "x."):
        assert f"a student of the gradebook: {student!r} can't be an id: give this student another" in said
    assert "'zoë/01_double.ipynb': it is 'zoë''s, and 'zoë' can't be an id" in said.replace('"', "'")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"alan"', '"../../alan"'),
        lambda text: text.replace('"01_double"', '"../01_double"'),
        lambda text: text.replace('"received": "2026', '"received": "today 2026'),
        lambda text: text.replace('"students": {', '"students": [').replace("}", "]"),
        lambda text: text.replace('"notes": []', '"notes": null'),
    ],
)
def test_a_damaged_note_is_one_clear_error_and_leads_nowhere(course, source, damage):
    put(source, "alan.ipynb", work(course), at(9))
    take(course, source)
    note = course / "assignments" / "01_double-collected.json"
    note.write_text(damage(note.read_text()))
    before = sorted(course.parent.rglob("*"))
    for action in (lambda: take(course, source), lambda: read_collected(course, "01_double")):
        with pytest.raises(UserError, match=r"collected.json.*\n  found:"):
            action()
    assert sorted(course.parent.rglob("*")) == before


# Hostile.


def test_links_and_special_files_are_refused(course, source, tmp_path):
    secret = put(tmp_path, "secret.ipynb", work(course, text="secret"))
    (source / "alan").mkdir()
    (source / "alan" / "01_double.ipynb").symlink_to(secret)
    (source / "al12").symlink_to(tmp_path)
    os.mkfifo(source / "grace.ipynb")
    collected = take(course, source, [ADA, ALAN, Student("grace")])
    assert "'alan/01_double.ipynb' was not taken: it is a link" in notes(collected, "alan")
    assert "'grace.ipynb' was not taken: it is no ordinary file" in notes(collected, "grace")
    assert not submitted(course)
    link = zipfile.ZipInfo("alan.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    export = tmp_path / "export.zip"
    with zipfile.ZipFile(export, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "it is a link" in notes(take(course, export), "alan")
    assert not submitted(course)


def test_names_lead_nowhere(course, tmp_path):
    names = ["../../alan.ipynb", "/al12.ipynb", "..\\..\\grace.ipynb", "a\n\x1b[2Jeve/../x.ipynb"]
    export = tmp_path / "export.zip"
    export.write_bytes(zipped(dict.fromkeys(names, work(course))))
    before = set(tmp_path.parent.iterdir()) | set(tmp_path.iterdir())
    collected = take(course, export, [ADA, ALAN, Student("grace")])
    assert set(submitted(course)) == {f"{s}/01_double.ipynb" for s in ("alan", "al12", "grace")}
    assert set(tmp_path.parent.iterdir()) | set(tmp_path.iterdir()) == before
    assert collected.unclear == ("'a��[2Jeve/x.ipynb': it names no student of the list",)


def encrypted(packed):
    """Set the flag of a password on all entries."""
    data = bytearray(packed)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(signature, place + 4)
    return bytes(data)


def test_a_students_bad_archive_is_noted(course, source, monkeypatch):
    monkeypatch.setattr(archive, "_MAX_OWN_ENTRIES", 50)
    good = zipped({"01_double.ipynb": work(course)})
    bad = {
        "s1": (good[:-30], "it is no zip that can be opened (BadZipFile)"),
        "s2": (b"Rar!", "it is no zip that can be opened (BadZipFile)"),
        "s3": (encrypted(good), "it is encrypted with a password"),
        "s4": (zipped({"01_double.ipynb": bytes(40_000_000)}), "as only a zip bomb does"),
        "s5": (zipped({f"{i}.ipynb": "" for i in range(51)}), "51 files; at most 50 are read"),
        "s6": (zipped({"again.zip": good}), "again.zip' is no notebook, and an archive in another is not"),
        "s7": (good.replace(b"PK\x03\x04", b"PK\x03\x05"), "it can't be unpacked (BadZipFile)"),
        "s8": (b"", "it is no zip that can be opened (BadZipFile)"),
        "s9": (zipped({f"{i}.ipynb": bytes(8_000_000) for i in range(3)}), "as only a zip bomb does"),
    }
    for student, (content, _) in bad.items():
        put(source, f"{student}/hand-in.zip", content)
    put(source, "al12/hand-in.zip", good)
    put(source, "eve/hand-in.zip", b"Rar!")
    collected = take(course, source, [ADA, *map(Student, bad)])
    assert list(submitted(course)) == ["al12/01_double.ipynb"]
    for student, (_, says) in bad.items():
        assert says in notes(collected, student)
    assert len(collected.unclear) == 1
    assert not notes(collected)


def test_a_bomb_in_the_source_is_noted_and_the_rest_taken(course, tmp_path):
    files = {"alan.ipynb": bytes(24_000_000), "al12.ipynb": work(course)}
    collected = take(course, put(tmp_path, "export.zip", zipped(files)))
    assert "as only a zip bomb does" in notes(collected, "alan")
    assert list(submitted(course)) == ["al12/01_double.ipynb"]


def test_a_zips_directory_is_counted_before_it_is_read(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MAX_ENTRIES", 30)
    many = zipped({f"{i}.ipynb": "" for i in range(31)})
    end = many.rfind(b"PK\x05\x06")
    lying = many[: end + 8] + b"\1\0\1\0" + many[end + 12 :]
    long = zipped({f"{'x' * 1200}{i}.ipynb": "" for i in range(30)})
    opened = []
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda self, *_: opened.append(self))
    for content, says in (
        (many, "31 files"),
        (lying, "31 files"),
        (b"before" + many, "31 files"),
        (long, "list"),
    ):
        with pytest.raises(UserError, match=says):
            take(course, put(tmp_path, "export.zip", content))
    assert not opened


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 broken", "BadZipFile"),
        (b"", "BadZipFile"),
        (encrypted(zipped({"alan.ipynb": "{}"})), "an archive with a password"),
        (zipped({"readme.txt": ""}), "nothing that is a known student's"),
        (zipped({"eve.ipynb": ""}), "'eve.ipynb': it names no student of the list"),
        (zipped({"eve.ipynb": ""}), "assignments/01_double-who.csv, and collect again with --who"),
        (zipped({f"{i}.ipynb": "" for i in range(5)}), "5 files; at most 3 are read"),
    ],
)
def test_a_source_that_can_not_be_used_is_refused(course, tmp_path, monkeypatch, content, says):
    monkeypatch.setattr(archive, "_MAX_ENTRIES", 3)
    export = put(tmp_path, "export.zip", content)
    with pytest.raises(UserError, match=r"export.zip\n  found:") as raised:
        take(course, export)
    assert says in str(raised.value)
    table = course / "assignments" / "01_double-who.csv"
    assert not table.exists() or table.read_text(encoding="utf-8-sig") == "who,id\neve.ipynb,\n"
    assert not (course / "submitted").exists()
    assert read_collected(course, "01_double").students == {}


def test_sources_that_are_none(course, source, tmp_path):
    for place, says in (
        (tmp_path / "nowhere", "FileNotFoundError"),
        (course, "own folder"),
        (source, "nothing"),
    ):
        with pytest.raises(UserError, match=says):
            take(course, place)
    with pytest.raises(UserError, match="assignment release"):
        take(course, source, name="week2")


def test_the_course_in_a_source_is_passed_over(course, tmp_path):
    put(tmp_path, "al12.ipynb", work(course))
    put(course, "feedback/alan/01_double/01_double.ipynb", work(course))
    collected = take(course, tmp_path)
    assert notes(collected, "alan") == "nothing was handed in"
    assert not collected.unclear


def test_one_notebook_or_one_students_archive_can_be_added(course, tmp_path):
    take(course, put(tmp_path, "late_alan.ipynb", work(course)))
    take(course, put(tmp_path, "al12.zip", zipped({"01_double.ipynb": work(course)})))
    take(course, put(tmp_path, "grace_02.IPYNB.txt", work(course)), [Student("grace")])
    assert set(submitted(course)) == {f"{student}/01_double.ipynb" for student in ("alan", "al12", "grace")}


def test_without_a_list_ids_come_from_names(course, tmp_path):
    files = {f"export/{name}/01_double.ipynb": work(course) for name in ("ada", "alan")}
    collected = take(course, put(tmp_path, "export.zip", zipped(files)), [])
    assert set(collected.students) == {"ada", "alan"}
    take(
        course,
        put(tmp_path, "export.zip", zipped({"export/ADA/01_double.ipynb": work(course, text="x")})),
        [],
    )
    assert set(submitted(course)) == {"ada/01_double.ipynb", "alan/01_double.ipynb"}
    assert (
        "No list says who takes part"
        in command("01_double", tmp_path / "export.zip", "--course", course).output
    )


def test_ids_from_before_there_was_a_list_are_named(course, source):
    put(source, "ada_lovelace.ipynb", work(course))
    take(course, source, [])
    collected = take(course, source)
    assert set(submitted(course)) == {"ada_lovelace/01_double.ipynb", "al12/01_double.ipynb"}
    assert notes(collected, "ada_lovelace") == "this id is in no list of students"
    assert not notes(collected)


def test_names_in_utf8_that_do_not_say_so_are_read(course, tmp_path):
    data = zipped({"Jürgen Müller/01_double.ipynb": work(course)})
    assert data[7] & 8
    central = data.rfind(b"PK\x01\x02")
    plain = bytearray(data)
    plain[7] &= ~8
    plain[central + 9] &= ~8
    collected = take(course, put(tmp_path, "x.zip", bytes(plain)), [Student("jm", "Jürgen", "Müller")])
    assert collected.students["jm"].notebooks == {"01_double": "Jürgen Müller/01_double.ipynb"}


def test_one_collection_at_a_time(course, source):
    put(source, "alan.ipynb", work(course))
    with (
        FileLock(course / ".course.lock"),
        pytest.raises(UserError, match="collection or grading is at work"),
    ):
        take(course, source)


def test_what_a_teacher_deleted_is_no_longer_noted(course, source):
    for student in ("al12", "alan"):
        put(source, f"{student}.ipynb", work(course))
    take(course, source)
    shutil.rmtree(course / "submitted" / "alan")
    (source / "alan.ipynb").unlink()
    assert notes(take(course, source), "alan") == "nothing was handed in"


# Large.


def large(course, count):
    """Give a notebook with so many pictures of 300 kB."""
    notebook = json.loads(work(course))
    image = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "i" * 300_000}}
    notebook["cells"][-1]["outputs"] = [image] * count
    notebook["cells"][-1]["source"] = 'text = "\\"outputs\\": [1, {"  # ]}'
    notebook["metadata"]["widgets"] = {"state": {"a": [1, {"b": "]"}]}}
    return notebook


def without(notebook):
    notebook = json.loads(json.dumps(notebook))
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = []
    notebook["metadata"]["widgets"] = {}
    return notebook


@pytest.mark.parametrize("indent", [None, 1])
def test_outputs_are_cut_out_and_nothing_else(course, tmp_path, indent):
    notebook = large(course, 1)
    text = put(tmp_path, "n.ipynb", json.dumps(notebook, indent=indent))
    cut_outputs(text, tmp_path / "short.ipynb")
    short = (tmp_path / "short.ipynb").read_text()
    assert json.loads(short) == without(notebook)
    put(tmp_path, "n.ipynb", short)
    cut_outputs(tmp_path / "n.ipynb", tmp_path / "again.ipynb")
    assert (tmp_path / "again.ipynb").read_text() == short


@pytest.mark.parametrize(
    "text", ["{", '{"cells": [{"outputs": [', '"', "]" * 50, '{"cells": [{"outputs": [}]}']
)
def test_cutting_what_is_no_notebook_leaves_none(tmp_path, text):
    cut_outputs(put(tmp_path, "n.ipynb", text), tmp_path / "short.ipynb")
    with pytest.raises(ValueError, match=r"."):
        json.loads((tmp_path / "short.ipynb").read_text())


def test_cutting_ends_in_time(tmp_path):
    start = time.monotonic()
    cut_outputs(put(tmp_path, "n.ipynb", b'"' + b'\\"' * 5_000_000), tmp_path / "short.ipynb")
    assert time.monotonic() - start < 5, "not once for each quote"


def test_a_large_notebook_is_taken_without_its_outputs(course, source, monkeypatch):
    monkeypatch.setattr(match_notebook, "MAX_WHOLE", 1_000_000)
    monkeypatch.setattr(archive, "MAX_FILE", 3_600_000)
    put(source, "alan.ipynb", json.dumps(large(course, 9)))
    put(source, "al12.ipynb", json.dumps(large(course, 13)))
    put(source, "grace.ipynb", work(course, text="x" * 1_600_000))
    put(source, "linus.ipynb", "[" * 1_200_000)
    collected = take(course, source, [ADA, ALAN, Student("grace"), Student("linus")])
    assert json.loads(submitted(course)["alan/01_double.ipynb"]) == without(large(course, 9))
    assert "had 3 MB: its outputs were cut out" in notes(collected, "alan")
    assert "more than 4 MB" in notes(collected)
    assert "2 MB without its outputs; at most 1 MB" in notes(collected, "grace")
    assert "was not taken" in notes(collected, "linus")
    assert len(submitted(course)) == 1


# The command.


def command(*words):
    return CliRunner().invoke(main, ["assignment", "collect", *map(str, words)])


def test_the_command_shows_what_is_odd_and_only_that(course, source, tmp_path):
    roster = put(
        tmp_path, "roster.csv", "id,first_name,last_name\nal12,Ada,Lovelace\nalan,Alan,Turing\ngrace,,\n"
    )
    put(source, "al12.ipynb", work(course), at(9))
    put(source, "alan.ipynb", "", at(18))
    put(source, "eve.ipynb", "")
    done = command(
        "01_double", source, "--course", course, "--roster", roster, "--due", "2026-11-20 17:00+00:00"
    )
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "01_double: 2 of 3 students handed in"
    assert "  alan   'alan.ipynb' is empty, and not a notebook" in lines
    assert any(line.startswith("         1 h late: ") for line in lines)
    assert "  grace  nothing was handed in" in lines
    for more in ("linus", "zoe"):
        roster.write_text(roster.read_text() + f"{more},,\n")
    more = command("01_double", source, "--course", course, "--roster", roster)
    assert "  nothing was handed in: grace, linus, zoe" in more.output.splitlines()
    assert "  'eve.ipynb': it names no student of the list" in lines
    assert "al12" not in done.output
    again = command("01_double", source, "--course", course)
    assert again.output == more.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["week2"], "mnistkit assignment release"),
        (["01_double", "--due", "tomorrow"], "2026-11-20 18:00"),
        (["01_double", "--due", "2026-11-20"], "a day and a time"),
        (["01_double", "--roster", "nobody.csv"], "FileNotFoundError"),
        (["../01_double"], "mnistkit assignment release"),
    ],
)
def test_a_request_that_can_not_be_met_is_explained(course, source, words, says):
    put(source, "alan.ipynb", work(course))
    done = command(words[0], source, "--course", course, *words[1:])
    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output
    assert not (course / "submitted").exists()


def test_a_due_date_without_a_zone_is_of_this_machine():
    assert parse_time("2026-11-20 18:00", "", "--due") == datetime(2026, 11, 20, 18).astimezone()
    assert parse_time("2026-11-20T18:00+01:00", "", "--due") == DUE
    assert parse_time("2026-11-20 18:00", "Europe/Berlin", "--due") == DUE


@pytest.mark.parametrize(
    "text", ["", "18:00", "2026-11-20", "0001-01-01 00:00", "x" * 999, None, 7, [], b"2026-11-20 18:00"]
)
def test_what_is_no_due_date_is_refused(text):
    with pytest.raises(UserError, match="expected: a day and a time"):
        parse_time(text, "", "--due")


def test_help_does_without_nbgrader():
    code = "import sys, mnistkit.grading.collect.command\nsys.exit('nbgrader' in sys.modules)"
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0
