"""A term by the commands alone: six ways to hand in, dates, a crash, two markers, a correction, a complaint, and back."""

import csv
import json
import re
import shlex
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from assignment_helpers import unpacked
from class_helpers import NAME, notebook, small_lesson
from click.testing import CliRunner
from collect_helpers import mail, put, sort, zipped
from course_helpers import write_course
from sandbox_helpers import make_sandbox

from mnistkit.cli import main
from mnistkit.grading.autograde import command as grading
from mnistkit.grading.marking.gradebook_sheet import GradebookSheet
from mnistkit.grading.marking.sheet import PartFile
from mnistkit.grading.nbgrader_bridge import gradebook
from mnistkit.grading.personalize import read_secret
from mnistkit.grading.roster import Student, read_roster

MOODLE = """\
First name,Last name,ID number,Email address
Jörg,Müller,joerg,joerg@x.org
Jan,Novák,jan1,jan1@x.org
Jan,Novák,jan2,jan2@x.org
"""
CANVAS = f"""\
Student,ID,SIS User ID,SIS Login ID,Section,{NAME} (991)
    Points Possible,,,,,10.00
"García López, María José",21,s21,maria,Sec 1,
"Wei, Li",22,s22,li,Sec 1,
"""
BRIGHTSPACE = f"""\
OrgDefinedId,Username,Last Name,First Name,{NAME} Points Grade <Numeric MaxPoints:10>,End-of-Line Indicator
#31,#olivia,Brown,Olivia,,#
"""
OTHERS = (
    "id,first_name,last_name,email\nnina,Nina,Schäfer,\ndiego,Diego,Rivera,diego@x.org\nmarie,Marie,Curie,\n"
)
CLASSROOM = '"identifier","github_username","github_id","name"\n"Marie Curie","radium","7",""\n'
WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Feedback comments
Participant 11,Jörg Müller,joerg@x.org,Submitted,,10.00,Yes,
Participant 12,Jan Novák,jan1@x.org,Submitted,,10.00,Yes,
Participant 13,Jan Novák,jan2@x.org,Submitted,,10.00,Yes,
"""
WRONG = {"double": "def double(x):\n    return x", "total": "def total(x):\n    return 3"}


def run(command, *, status=0):
    done = CliRunner().invoke(main, ["assignment", *shlex.split(command)], catch_exceptions=False)
    assert done.exit_code == status, done.output
    return done.output


def handed_in(student, answers=None, words="Since plus is commutative."):
    """Give a student's own notebook with answers in it."""
    own = json.loads(unpacked(Path(f"course/release/{NAME}-personal/{student}.zip"))[f"{NAME}/{NAME}.ipynb"])
    solved = notebook(Path("course"), {**(answers or {}), "why": words})
    for cell, answered in zip(own["cells"], solved["cells"], strict=True):
        if cell["id"] != "parameters":
            cell["source"] = answered["source"]
    return json.dumps(own)


def exports():
    """Write what six platforms export, in time and of 20 November unless said otherwise."""
    work = {who: handed_in(who) for who in ("joerg", "maria", "li", "olivia", "nina", "diego", "marie")}
    moodle = {
        f"Jörg Müller_11_assignsubmission_file_/{NAME}.ipynb": work["joerg"],
        f"Jan Novák_12_assignsubmission_file_/{NAME}.ipynb": handed_in("jan1", WRONG),
        f"Jan Novák_13_assignsubmission_file_/{NAME}.ipynb": "",
    }
    Path("moodle.zip").write_bytes(zipped(moodle, (2026, 11, 25, 6, 0, 0)))  # when it was downloaded
    canvas = {
        f"garcíalópezmaríajosé_LATE_21_881_{NAME}.ipynb": work["maria"],
        f"weili_22_882_{NAME}-1.ipynb": handed_in("maria", WRONG),  # another student's numbers
    }
    Path("canvas.zip").write_bytes(zipped(canvas))
    folder = "31-99 - Olivia Brown - Nov {}, 2026 1005 AM/" + f"{NAME}.ipynb"
    brightspace = {folder.format(18): handed_in("olivia", WRONG), folder.format(19): work["olivia"]}
    Path("brightspace.zip").write_bytes(zipped({"index.html": "<p>", **brightspace}))
    teams = {
        f"{where}/Nina Schäfer/HW/{version}{NAME}.ipynb": text
        for where, version, text in (
            ("Submitted files", "Version 1/", handed_in("nina", WRONG)),
            ("Submitted files", "Version 2/", work["nina"]),
            ("Working files", "", handed_in("nina", WRONG)),
        )
    }
    Path("teams.zip").write_bytes(zipped(teams, (2026, 11, 21, 6, 0, 0)))
    late = {"received": "Sat, 21 Nov 2026 06:00:00 +0100", "content": work["diego"].encode()}
    put(Path("mails"), "Re_ Abgabe.eml", mail("Diego <diego@x.org>", ["a.ipynb"], **late))
    put(Path("repositories"), f"hw-radium/{NAME}.ipynb", work["marie"])
    put(Path("repositories"), "hw-radium/.git/config", "")


def released(monkeypatch):
    """Release with the lists of all platforms, one after the other, with dates that the hand-outs say."""
    folder = write_course(Path("teacher"))
    small_lesson(folder)
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(folder.resolve()))
    monkeypatch.setattr(
        "mnistkit.grading.release.command.self_check", lambda lessons: None
    )  # tried elsewhere
    run(f'dates {NAME} --due "2026-11-20 18:00" --timezone Europe/Berlin --penalty 10/day')
    run(f"dates {NAME} --most 50 --extend nina=+3d")
    for name, text in {
        "moodle": MOODLE,
        "canvas": CANVAS,
        "brightspace": BRIGHTSPACE,
        "others": OTHERS,
    }.items():
        Path(f"{name}.csv").write_text(text)
        said = run(f"release 01 --name {NAME} --personal {name}.csv")
    assert "kept from the release before: 6 more" in said
    assert len(list(Path(f"course/release/{NAME}-personal").iterdir())) == 9
    readme = unpacked(Path(f"course/release/{NAME}-personal/nina.zip"))[f"{NAME}/README.txt"]
    assert "Due Monday, 2026-11-23 18:00 (UTC+01:00, Europe/Berlin): an extension." in readme
    mails = run(f"export {NAME} --for eml --hand-out")
    assert "4 mails, to be sent by you" in mails
    assert "no mail (no mail address is known): li, maria, marie, nina, olivia" in mails


def collected():
    """Collect from everywhere; what names don't say, tables do."""
    exports()
    assert "2 could be given to nobody" in (said := run(f"collect {NAME} moodle.zip"))
    table = Path(f"course/assignments/{NAME}-who.csv")
    assert f"--who {table}" in said
    filled = (
        table.read_text(encoding="utf-8-sig").replace(".ipynb,", ".ipynb,jan2").replace("jan2", "jan1", 1)
    )
    table.write_text(filled)
    assert "nobody" not in run(f"collect {NAME} moodle.zip --who {table}")
    for source in ("canvas.zip", "brightspace.zip", "teams.zip", "mails"):
        run(f"collect {NAME} {source}")
    assert "with --who" in CliRunner().invoke(main, ["assignment", "collect", NAME, "repositories"]).output
    Path("classroom.csv").write_text(CLASSROOM)
    said = run(f"collect {NAME} repositories --who classroom.csv")
    assert "9 of 9 students handed in" in said
    assert "not known, so no lateness is counted: jan1, jan2, joerg, li, maria, marie" in said
    assert "Canvas has marked it as late" in said
    assert re.search(r"diego .*\n +12 h late: .*−10 % for 1 day begun", said)
    assert "nina" not in said, "an extension is no lateness, and versions are nothing odd"


def graded_after_a_crash(monkeypatch):
    def interrupted(job):
        if job.student == "maria":
            raise KeyboardInterrupt
        return examine(job)

    examine = grading.examine
    with monkeypatch.context() as patch:
        patch.setattr(grading, "examine", interrupted)
        said = run(f"grade {NAME} -j 1", status=1)
    assert "what was graded is kept" in said
    assert "li: this notebook has the personal numbers of maria" in said
    assert "4 graded, 5 kept: nothing has changed" in run(f"grade {NAME} -j 2")


def give(store, student, points, exercise="why", **more):
    """Give points as the page for marking does."""
    sheet = store.sheet()
    seen = next(one for one in sheet.marks if one.place == (student, NAME, exercise))
    answer = next(one for one in sheet.answers if one.place == seen.place)
    store.save(replace(seen, points=points, sha256=answer.sha256, **more), seen)


def marked():
    """Two mark in files of their own, and a third settles a complaint meanwhile."""
    run(f"mark {NAME} --split 2")
    parts = [Path(f"course/marking/{NAME}-part-{number}.json") for number in (1, 2)]
    for marker, path in zip(("grace", "alan"), parts, strict=True):
        store = PartFile(path)
        for student in sorted({answer.student for answer in store.sheet().answers} - {"jan2"}):
            give(store, student, 3.0, comment="Good.", marker=marker)
    with gradebook(Path("course")) as book:
        store = GradebookSheet(Path("course"), book, NAME)
        give(store, "li", 1.0, "double-check", comment="Half of it is right.", marker="ada")
    run(f"mark {NAME} --merge {parts[0]} --merge {parts[1]}")


def totals():
    run(f"feedback {NAME}")
    sheet = Path(f"course/grades/{NAME}/grades.csv").read_text(encoding="utf-8-sig")
    return {row["id"]: float(row["total"] or -1) for row in csv.DictReader(sheet.splitlines())}


@pytest.mark.slow
@pytest.mark.long
def test_a_term_goes_from_the_dates_to_the_platforms_and_back(isolated, monkeypatch):
    make_sandbox()
    released(monkeypatch)
    collected()
    graded_after_a_crash(monkeypatch)
    marked()
    full = dict.fromkeys(("joerg", "maria", "olivia", "nina", "diego", "marie"), 9.0)
    full["diego"] = 8.1  # less 10 % for the day
    # jan1: mine and why; li: the same and the complaint's point.
    assert totals() == full | {"jan1": 4.0, "jan2": 0.0, "li": 5.0}

    # A check is corrected, somebody hands in anew, somebody comes late.
    source = Path(f"course/source/{NAME}/{NAME}.ipynb")
    source.write_text(
        source.read_text().replace("np.isclose(total([20, 1, 0.7]), 21.7)", "total([20, 1]) > 0")
    )
    again = {f"Jörg Müller_11_assignsubmission_file_/{NAME}.ipynb": handed_in("joerg", words="Now I know.")}
    Path("again.zip").write_bytes(zipped(again, (2026, 11, 22, 12, 0, 0)))
    run(f"collect {NAME} again.zip")
    Path("late.csv").write_text("id,first_name,last_name,email\nlise,Lise,Meitner,lise@x.org\n")
    assert "students added: 1" in run(f"release 01 --name {NAME} --personal late.csv")
    put(Path("mails"), "lise.eml", mail("Lise <lise@x.org>", content=handed_in("lise").encode()))
    run(f"collect {NAME} mails")
    assert "1 points by hand are to be looked at again" in run(f"grade {NAME} -j 2")
    assert "joerg" in run(f"confirm {NAME} --yes")
    with gradebook(Path("course")) as book:
        give(GradebookSheet(Path("course"), book, NAME), "lise", 2.0)
    assert totals() == full | {"jan1": 7.0, "jan2": 0.0, "li": 8.0, "lise": 8.0}

    # Back: each platform's table and files name the same students to `collect` and as a list.
    Path("worksheet.csv").write_text(WORKSHEET)
    people = {
        "canvas": ["maria", "li"],
        "moodle-offline": ["joerg", "jan1", "jan2"],
        "brightspace": ["olivia"],
    }
    tables = {"canvas": "canvas.csv", "moodle-offline": "worksheet.csv", "brightspace": "brightspace.csv"}
    everybody = [
        student
        for name in ("moodle", "canvas", "brightspace")
        for student in read_roster(Path(f"{name}.csv"))
    ]
    for platform, ids in people.items():
        said = run(f"export {NAME} --for {platform} --gradebook {tables[platform]}")
        assert f"{len(ids)} grades for {platform}" in said
        filled = Path(f"course/export/{NAME}-{platform}.csv")
        if platform != "moodle-offline":
            assert [one.id for one in read_roster(filled)] == ids
        with zipfile.ZipFile(f"course/export/{NAME}-{platform}-feedback.zip") as packed:
            names = [name.replace(".html", ".ipynb") for name in packed.namelist()]
        found = sort(names, [*everybody, Student("nobody")], who={"12": "jan1", "13": "jan2"}).piles
        assert sorted(found) == sorted(ids)
    assert '"Wei, Li",22,s22,li,Sec 1,8' in Path(f"course/export/{NAME}-canvas.csv").read_text()
    assert "questions to 9 students" in run(f"questions {NAME}")
    assert "own numbers for each student" in run(f"autograder {NAME} --for gradescope", status=1)
    secret = read_secret(Path("course")).hex()
    assert not [
        path
        for path in Path("course/export").rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]
