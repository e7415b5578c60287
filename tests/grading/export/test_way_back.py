"""Grades, comments and feedback go back in the platforms' own tables and names, and nothing else changes in them."""

import csv
import io
import json
import mailbox
import shutil
import zipfile
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from collect_helpers import sort
from course_helpers import write_course
from grades_helpers import HIDDEN, LESSON, check, enter_all, hand_in, release_small, score

from mnistkit.cli import main
from mnistkit.cli.grading import export_grades
from mnistkit.errors import UserError
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.collect.lms import PLATFORMS
from mnistkit.grading.export.command import EXPORT_FORMATS
from mnistkit.grading.export.feedback_zip import feedback_zip
from mnistkit.grading.export.grades_table import fill, new_table
from mnistkit.grading.export.mails import Letter, draft
from mnistkit.grading.export.platforms import GRADE_FORMATS
from mnistkit.grading.feedback.gradebook_scores import ClassScores, Score, StudentScore, read_class_scores
from mnistkit.grading.feedback.page_states import note_pages
from mnistkit.grading.ledger import read_graded
from mnistkit.grading.roster import Student
from mnistkit.grading.tables import read_table

EXERCISES = (
    SimpleNamespace(title="Double", points=2.0, lesson="1"),
    SimpleNamespace(title="Why", points=3.0, lesson="1"),
)


def student(identity, first="", last="", email="", scores=(), **more):
    made = tuple(Score(points, most, **how) for points, most, how in scores)
    return StudentScore(identity, first, last, email, made, handed_in=bool(scores), **more)


DONE = [(2.0, 2.0, {}), (1.5, 3.0, {"by_hand": True, "comment": '=Good;\n"go on", but <b>why</b>?'})]
CLASS = (
    student("ada", "Ada", "Lovelace", "ada@example.org", DONE),
    student(
        "alan", "Alan", "Turing", "", [(0.0, 2.0, {}), (3.0, 3.0, {})], penalty=0.5, late_reason="1 h late"
    ),
    student("grace", "Grace", "Hopper", "", [(2.0, 2.0, {}), (0.0, 3.0, {"waiting": True})]),
    student("linus", "Linus", "Zoë", ""),
)


def scores(name="week1", people=CLASS):
    return ClassScores(name, {"1": "One"}, EXERCISES, people)


ADA_SAYS = 'Double: 2 of 2; Why: 1.5 of 3 (=Good; "go on", but <b>why</b>?)'
QUOTED = ADA_SAYS.replace('"', '""')

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Week1 (4711),Week2 (4712),Assignments Current Score
    Points Possible,,,,,5.00,5.00,(read only)
"Lovelace, Ada",101,s1,ada,Sec 1,{},{},80.00
"Turing, Alan",102,s2,ALAN,Sec 1,{},{},
"Hopper, Grace",103,s3,grace,"Sec 1, Sec 2",3,{},
"Eve, =Stranger",104,s4,eve,Sec 1,N/A,EX,
"Student, Test",105,,c4f,Sec 1,,,
"""
MOODLE = """\
"First name";Surname;"ID number";"Email address";"Assignment: Week1 (Real)";"Assignment: Week1 (Percentage)";"Assignment: Week1 (Feedback)";"Course total (Real)"\r
Ada;Lovelace;;ada@example.org;{};-;{};-\r
Alan;Turing;;;{};-;{};-\r
"""
WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),Last modified (grade),Feedback comments
Participant 11,Ada Lovelace,,Submitted for grading,{},"5,00",Yes,"Friday, 20 November 2026, 4:00 PM",-,{}
Participant 12,,,Submitted for grading,{},"5,00",Yes,-,-,{}
Participant 13,Grace Hopper,,Submitted for grading,,"5,00",Yes,-,-,
Participant 14,Linus Zoë,,No submission,,"5,00",No,-,-,
"""
BRIGHTSPACE = """\
OrgDefinedId,Username,Last Name,First Name,Week1 Points Grade <Numeric MaxPoints:5 Weight:10 Category:Labs>,Week1 Grade Symbol,End-of-Line Indicator
#1,#ada,Lovelace,Ada,{},A,#
#2,#alan,Turing,Alan,{},,#
"""
ILIAS = """\
update,usr_id,login,lastname,firstname,status,mark,notice,comment,plagiarism,plag_comment
{},301,ada,Lovelace,Ada,notgraded,{},mine,{},,
{},302,alan,Turing,Alan,notgraded,{},,{},,
0,303,grace,Hopper,Grace,notgraded,,,,,
"""
ALAN_SAYS = "Double: 0 of 2; Why: 3 of 3; 1 h late"
GOLDEN = {
    "canvas": (CANVAS, [""] * 5, ["3.5", "3.5", "2.5", "2.5", ""], "utf-8-sig"),
    "moodle": (MOODLE, ["-", "", "-", ""], ["3.5", f'"{QUOTED}"', "2.5", f'"{ALAN_SAYS}"'], "utf-8"),
    "moodle-offline": (WORKSHEET, [""] * 4, ['"3,5"', f'"{QUOTED}"', '"2,5"', ALAN_SAYS], "utf-8"),
    "brightspace": (BRIGHTSPACE, [""] * 2, ["3.5", "2.5"], "utf-16"),
    "ilias": (
        ILIAS,
        ["0", "", "", "0", "", ""],
        ["1", "3.5", f'"{QUOTED}"', "1", "2.5", ALAN_SAYS],
        "cp1252",
    ),
}


@pytest.mark.parametrize("platform", GOLDEN)
def test_a_platforms_own_table_is_filled_in_and_else_stays(tmp_path, platform):
    text, before, after, encoding = GOLDEN[platform]
    path = tmp_path / "gradebook.csv"
    path.write_bytes(text.format(*before).encode(encoding))
    assignments = [scores("week1"), scores("week2")] if platform == "canvas" else [scores()]
    table = read_table(path, (), "")
    filled = fill(table, path, GRADE_FORMATS[platform], assignments, numbers={"11": "ada", "12": "alan"})
    found = list(rows_of(filled.content.decode(encoding), table.separator))
    assert found == list(rows_of(text.format(*after), table.separator))
    path.write_bytes(filled.content)
    again = read_table(path, (), "")
    assert (again.encoding, again.newline) == (table.encoding, table.newline)
    assert filled.written == 2 * len(assignments)
    said = " | ".join(filled.notes)
    if platform in ("canvas", "moodle-offline", "ilias"):
        assert "grace  waits for a person (1 exercise): no grade is written for week1" in said
    if platform == "canvas":
        assert "lines of nobody who is known here, left as they are: 6" in said


def rows_of(text, separator):
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)


MOODLE_HEADER = "First name,Last name,ID number,Email address,Assignment: Week1 (Real),Course total (Real)\n"


@pytest.mark.parametrize(
    ("platform", "lines", "filled", "says"),
    [
        # A name counts only where it is the whole one, and the line has nobody else's address or id.
        ("moodle", [MOODLE_HEADER, "Ada,Lovelace Byron,,,{},-\n", "Ada,Lovelace,,,{},-\n"], ["-", "3.5"], ""),
        ("moodle", [MOODLE_HEADER, "Ada,Lovelace,,other@x.org,{},-\n"], ["-"], "ada"),
        ("moodle", [MOODLE_HEADER, "Alan,Turing,,alan@x.org,{},9\n"], ["2.5"], ""),
        ("moodle", [MOODLE_HEADER, "Ada,Lovelace,999,,{},9\n"], ["3.5"], ""),
        ("moodle", [MOODLE_HEADER, "Ada,Lovelace,999,,{},9\n", "Alan,Turing,alan,,{},9\n"], ["-", "2.5"], ""),
        # Whose ids are crossed, nobody can tell.
        ("canvas", ["Student,ID,SIS User ID,SIS Login ID,Section,Week1 (9)\n", '"A, A",1,alan,ADA,"1,2",{}\n'],
         ["-"], "line 2 names ada and alan"),
        # Marks that were others are counted, and who is excused stays so.
        ("canvas", ["Student,ID,SIS User ID,SIS Login ID,Section,Quiz (9)\n", '"A, A",1,,alan,"1,2",4\n{}{}'],
         ["", ""], "the column 'Quiz (9)' is filled in; marks in it that were others before: 1"),
        ("canvas", ["Student,ID,SIS User ID,SIS Login ID,Section,Week1 (9)\n", '"A, A",1,,alan,"1,2",EX\n{}{}'],
         ["", ""], "alan   is excused there (EX)"),
    ],
)  # fmt: skip
def test_a_mark_stands_only_where_it_is_sure(tmp_path, platform, lines, filled, says):
    path, text = tmp_path / "gradebook.csv", "".join(lines)
    path.write_text(text.format(*("-" if one else "" for one in filled)))
    done = fill(read_table(path, (), ""), path, GRADE_FORMATS[platform], [scores()])
    expected = text.format(*filled).replace(",4\n", ",2.5\n")
    assert done.content.decode() == expected
    assert says in " | ".join(done.notes)


def test_what_moodle_computes_itself_is_never_filled_in(tmp_path):
    path = tmp_path / "gradebook.csv"
    path.write_text("Vorname,Nachname,ID-Nummer,Kurs gesamt (Punkte)\nAda,Lovelace,ada,5\n")
    with pytest.raises(UserError, match="no column with points"):
        fill(read_table(path, (), ""), path, GRADE_FORMATS["moodle"], [scores()])


@pytest.mark.parametrize("platform", ["canvas", "moodle", "brightspace"])
def test_without_the_platforms_file_a_table_is_made(platform):
    eve = student("eve", '=cmd("x")', "@Evil", "+eve@x.org", DONE)
    form, assignments = GRADE_FORMATS[platform], [scores(people=(*CLASS, eve))]
    columns = {"week1": form.column.format(name="week1")}
    table = new_table(form, assignments)
    lines = fill(table, "new", form, assignments, columns).content.decode().splitlines()
    expected = {
        "canvas": [
            "Student,ID,SIS User ID,SIS Login ID,Section,week1",
            "    Points Possible,,,,,5",
            '"Lovelace, Ada",,,ada,,3.5',
            '"\'@Evil, =cmd(""x"")",,,eve,,3.5',
        ],
        "moodle": [
            "First name,Last name,ID number,Email address,week1,week1 (Feedback)",
            f'Ada,Lovelace,ada,ada@example.org,3.5,"{QUOTED}"',
            f'"\'=cmd(""x"")",\'@Evil,eve,\'+eve@x.org,3.5,"{QUOTED}"',
            "Linus,Zoë,linus,,,",
        ],
        "brightspace": [
            "Username,week1 Points Grade,End-of-Line Indicator",
            "#ada,3.5,#",
            "#eve,3.5,#",
            "#linus,,#",
        ],
    }[platform]
    assert [line for line in lines if line in expected] == sorted(expected, key=lines.index)
    assert lines[0] == expected[0]


@pytest.mark.parametrize("platform", ["moodle-offline", "ilias"])
def test_where_only_the_platform_knows_its_numbers_its_file_is_asked_for(platform):
    with pytest.raises(UserError, match="--gradebook FILE"):
        new_table(GRADE_FORMATS[platform], [scores()])


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("5.00,5.00", "100,5.00", "found:    100 points for week1 on the platform\n  expected: 5"),
        ("Week1 (4711)", "Lab (4711)", "found:    'Lab (4711)', 'Week2 (4712)'"),
        ("Week2 (4712)", "Week1 again (4712)", "found:    'Week1 (4711)', 'Week1 again (4712)'"),
        (",eve,", ",ada,", "a second line of ada"),
    ],
)
def test_what_could_mean_two_things_is_refused(tmp_path, before, after, says):
    path = tmp_path / "gradebook.csv"
    path.write_text(CANVAS.format(*[""] * 5).replace(before, after))
    table = read_table(path, (), "")
    with pytest.raises(UserError) as refused:
        fill(table, path, GRADE_FORMATS["canvas"], [scores()])
    assert says in str(refused.value)
    if "points" in says:
        filled = fill(table, path, GRADE_FORMATS["canvas"], [scores()], scale=True)
        assert "ada,Sec 1,70," in filled.content.decode()
    elif "again" in says:
        assert (
            fill(table, path, GRADE_FORMATS["canvas"], [scores()], {"week1": "week1 AGAIN (4712)"}).written
            == 2
        )


PATHS = {
    "canvas": ("lovelaceada_LATE_11_21_work.ipynb", "lovelaceada_LATE_11_21_page.html"),
    "moodle": (
        "Ada Lovelace_12_assignsubmission_file_/x.ipynb",
        "Ada Lovelace_12_assignsubmission_file_/page.html",
    ),
    "moodle-offline": (
        "Ada Lovelace_12_assignsubmission_file_hand-in.zip/x.ipynb",
        "Ada Lovelace_12_assignsubmission_file_page.html",
    ),
    "brightspace": (
        "1-2 - Ada Lovelace - Nov 19, 2026 1005 AM/x.ipynb",
        "1-2 - Ada Lovelace - Nov 19, 2026 1005 AM/page.html",
    ),
    "ilias": (
        "Lovelace_Ada_al12_47/20261119100500_x.ipynb",
        "multi_feedback_week1/Lovelace_Ada_al12_47/page.html",
    ),
}


@pytest.mark.parametrize("platform", PATHS)
def test_feedback_has_the_names_of_the_platforms_export(tmp_path, platform):
    page = tmp_path / "page.html"
    page.write_text("<p>Well done")
    came, goes = PATHS[platform]
    pages = {"al12": [page], "alan": [page]}
    # What a student has named like the platform's, in a mail or behind the platform's part, is nobody's name.
    content, left_out = feedback_zip(platform, "week1", pages, {"al12": came, "alan": f"mail.eml/{came}"})
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.namelist() == [goes]
        assert packed.read(goes) == b"<p>Well done"
    assert left_out == ["alan"]
    # `collect` finds the same student in the name.
    back = goes.replace("page.html", "20261119100500_page.ipynb" if platform == "ilias" else "page.ipynb")
    assert list(sort([back], [Student("al12", "Ada", "Lovelace"), Student("alan")]).piles) == ["al12"]
    assert feedback_zip(platform, "week1", pages, {}) == (b"", ["al12", "alan"])


def test_a_mail_is_a_draft_and_its_head_is_one_line(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>Zoë")
    letter = Letter("Zoë\r\nBcc: eve@x.org", "zoe@x.org", "Feedback:\nweek1", "3 of 5 points.\n", (page,))
    back = message_from_bytes(draft(letter).as_bytes(), policy=policy.default)
    assert (back["X-Unsent"], back["Bcc"], back["From"]) == ("1", None, None)
    assert back["To"].addresses[0].addr_spec == "zoe@x.org"
    assert back["Subject"] == "Feedback: week1"
    assert [part.get_filename() for part in back.iter_attachments()] == ["page.html"]
    for address in ("", "nobody", "a@b, c@d", "a@b\nBcc: c@d"):
        with pytest.raises((ValueError, IndexError)):
            draft(Letter("A", address, "s", "t", ()))


# The command.


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    home = tmp_path_factory.mktemp("export")
    course = home / "course"
    release_small(course, write_course(home))
    for who in ("ada", "grace"):
        hand_in(course, who)
    full = [score("double-check", 2.0), score("why", manual=1.5, comment="Good.")]
    about = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"}
    enter_all(course, {"ada": (full, about), "grace": (full, {"email": "nobody"})})
    with nbgrader_bridge.gradebook(course) as book:
        book.update_or_create_student("linus", email="linus@example.org")
    note = {
        "students": {
            "ada": {"received": "", "notes": [], "notebooks": {LESSON: {
                "path": "export/Participant_4711_assignsubmission_file_/x.ipynb", "received": "", "sha256": "0",
                "platform": "Moodle", "exported": "Participant_4711_assignsubmission_file_/x.ipynb"}}},
            "grace": {"received": "", "notes": [], "notebooks": {LESSON: {
                "path": "Participant_4712_assignsubmission_file_/x.ipynb", "received": "", "sha256": "0"}}},
        }
    }  # fmt: skip
    (course / "assignments" / f"{LESSON}-collected.json").write_text(json.dumps(note))
    page = course / "feedback" / "ada" / LESSON / f"{LESSON}.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>Well done")
    other = course / "feedback" / "grace" / LESSON / f"{LESSON}.html"
    other.parent.mkdir(parents=True)
    other.write_text("<p>Well done")
    note_current_pages(course)
    own = course / "release" / f"{LESSON}-personal" / "linus.zip"
    own.parent.mkdir()
    own.write_bytes(b"PK")
    return course


def note_current_pages(course):
    """Note what the pages would be made of now; to lay them out takes seconds."""
    note_pages(course, read_class_scores(course, LESSON), read_graded(course, LESSON))


def export(course, *words):
    return CliRunner().invoke(
        main, ["assignment", "export", LESSON[:2], "--course", str(course), *map(str, words)]
    )


def test_the_command_fills_in_a_blind_worksheet_and_packs_feedback(course, tmp_path):
    path = tmp_path / "grades.csv"
    header = (
        "Identifier,Status,Grade,Maximum Grade,Grade can be changed,Last modified (grade),Feedback comments\n"
    )
    path.write_text(
        header + "Participant 4711,Submitted,,5.00,Yes,-,\nParticipant 4712,Submitted,,5.00,Yes,-,\n"
    )
    done = export(course, "--for", "moodle-offline", "--gradebook", path)
    assert done.exit_code == 0, done.output
    lines = (course / "export" / f"{LESSON}-moodle-offline.csv").read_text().splitlines()
    assert lines[1].startswith("Participant 4711,Submitted,3.5,5.00,Yes,-,")
    assert "(Good.)" in lines[1]
    assert lines[2] == "Participant 4712,Submitted,,5.00,Yes,-,"
    assert "1 grades for moodle-offline" in done.output
    assert "grace  has no line in the table" in done.output
    with zipfile.ZipFile(course / "export" / f"{LESSON}-moodle-offline-feedback.zip") as packed:
        assert packed.namelist() == [f"Participant_4711_assignsubmission_file_/{LESSON}.html"]


def test_the_command_knows_every_platform():
    choices = next(one.type.choices for one in export_grades.params if one.name == "target")
    assert tuple(choices) == EXPORT_FORMATS
    gives_back = {platform.name for platform in PLATFORMS if platform.gives_back}
    assert {form.platform for form in GRADE_FORMATS.values()} == gives_back


def test_the_command_names_what_is_left_out(course):
    done = export(course, "--for", "canvas")
    assert done.exit_code == 0, done.output
    assert "linus  handed in nothing: no grade is written" in done.output
    assert "no zip of feedback for Canvas: no work came from an export of it" in done.output
    assert "canvas imports no comments" in done.output
    refused = export(course, "--for", "canvas", "--column", "nonsense")
    assert (refused.exit_code, "NAME=COLUMN" in refused.output) == (1, True)


def test_mails_are_written_and_not_sent(course):
    done = export(course, "--for", "eml")
    assert done.exit_code == 0, done.output
    folder = course / "export" / f"{LESSON}-feedback-mails"
    assert [path.name for path in folder.iterdir()] == ["ada.eml"]
    assert "grace  no mail ('nobody' is no mail address)" in done.output
    said = message_from_bytes((folder / "ada.eml").read_bytes(), policy=policy.default)
    assert "3.5 of 5 points" in said.get_body().get_content()
    done = export(course, "--for", "mbox", "--hand-out")
    assert done.exit_code == 0, done.output
    [only] = mailbox.mbox(course / "export" / f"{LESSON}-hand-out-mails" / f"{LESSON}-hand-out.mbox")
    assert only["To"] == "linus <linus@example.org>"


def change_mark(course):
    enter_all(course, {"ada": ([score("why", manual=3.0)], {})})


def change_comment(course):
    enter_all(course, {"grace": ([score("why", manual=1.5, comment="Better.")], {})})


def set_date(course):
    (course / "dates.yaml").write_text(f"assignments:\n  {LESSON}: {{due: 2026-11-01 18:00}}\n")


def hand_in_anew(course):
    hand_in(course, "ada", why="After all.")


def grade_anew(course):
    check(course, "grace", HIDDEN)


def join_late(course):
    hand_in(course, "zoe")
    enter_all(course, {"zoe": ((), {})})


@pytest.mark.parametrize(
    ("change", "who"),
    [
        (change_mark, "ada"),
        (change_comment, "grace"),
        (set_date, "ada, grace"),
        (hand_in_anew, "ada"),
        (grade_anew, "grace"),
        (join_late, "zoe"),
    ],
)
def test_feedback_that_is_older_than_what_it_tells_does_not_go_out(course, tmp_path, change, who):
    copy = tmp_path / "course"
    shutil.copytree(course, copy)
    shutil.rmtree(copy / "export", ignore_errors=True)
    change(copy)
    for target in ("eml", "canvas"):
        refused = export(copy, "--for", target)
        assert refused.exit_code == 1
        assert f"work of {who}\n" in refused.output
        assert f"mnistkit assignment feedback {LESSON}" in refused.output
        assert not (copy / "export").exists()
    assert export(copy, "--for", "eml", "--hand-out").exit_code == 0
    note_current_pages(copy)
    assert export(copy, "--for", "eml").exit_code == 0


def test_an_address_in_the_list_makes_no_page_older(course, tmp_path):
    copy = tmp_path / "course"
    shutil.copytree(course, copy)
    enter_all(copy, {"grace": ((), {"email": "grace@example.org"})})
    assert export(copy, "--for", "eml").exit_code == 0
    assert (copy / "export" / f"{LESSON}-feedback-mails" / "grace.eml").exists()
