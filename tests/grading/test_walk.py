"""The way of docs/teacher/assignments.md, from the release to the grades, as it stands there."""

import csv
import json
import re
import shlex
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from course_helpers import with_least_sizes
from sandbox_helpers import make_sandbox

import mnistkit
from mnistkit.cli import main
from mnistkit.grading import nbgrader_bridge

HOME = Path(mnistkit.__file__).resolve().parents[1]
NAME = "02_kmeans_elbow_silhouette"
SECTION = (
    (HOME / "docs" / "teacher" / "assignments.md")
    .read_text()
    .split("## From clone to grades")[1]
    .split("\n## ")[0]
)
COMMANDS = re.search(r"```bash\n(.*?)```", SECTION, re.S)[1].splitlines()
ROSTER = 'id,first_name,last_name,email\nada,Ada,Lovelace,\nalan,Alan,"Turing, Dr.",\ngrace,Grace,Hopper,\n'


def invoke(command: str) -> str:
    program, *arguments = shlex.split(command)
    assert program == "mnistkit"
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def as_handed_in(*, solved: bool) -> str:
    """Give what a student makes of the hand-out; the answers are those of the instructor."""
    with zipfile.ZipFile(f"course/release/{NAME}.zip") as archive:
        made = json.loads(archive.read(f"{NAME}/{NAME}.ipynb"))
    source = json.loads(Path(f"course/source/{NAME}/{NAME}.ipynb").read_text())
    answers = {
        cell["id"]: re.sub(r".*(BEGIN|END) SOLUTION.*\n?", "", "".join(cell["source"]))
        for cell in source["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    for cell in made["cells"]:
        if solved and cell["id"] in answers:
            cell["source"] = answers[cell["id"]]
    return json.dumps(made)


def export() -> None:
    """Write what a learning platform exports: one solved it, one only opened it, one handed in nothing."""
    with zipfile.ZipFile("export.zip", "w") as archive:
        for folder, text in (
            ("Ada Lovelace_4711_assignsubmission_file_", as_handed_in(solved=True)),
            ("Alan Turing_4712_assignsubmission_file_", as_handed_in(solved=False)),
        ):
            archive.writestr(f"{folder}/{NAME}.ipynb", text)


def read_by_hand() -> None:
    """Give points for the answer in words, as formgrader does."""
    with nbgrader_bridge.gradebook(Path("course")) as book:
        grade = book.find_grade("exercise-defend-k", NAME, NAME, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.find_comment("exercise-defend-k", NAME, NAME, "ada").manual_comment = "Which <k> is it?"
        book.db.commit()


@pytest.mark.slow
@pytest.mark.long
def test_the_way_from_the_release_to_the_grades(isolated, tmp_path, monkeypatch):
    make_sandbox()
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(with_least_sizes(tmp_path, NAME)))
    # Each grading process tries the instructor's notebook first, which takes longer than two students.
    monkeypatch.setattr("mnistkit.grading.autograde.command.default_jobs", lambda students: 1)
    release, collect, grade, feedback = COMMANDS
    Path("roster.csv").write_text(ROSTER)
    assert "5 exercises, 10 points" in invoke(release)
    export()
    assert "grace" in invoke(collect), "who handed in nothing is named"
    said = invoke(grade)
    assert "2 graded" in said
    assert "1 of 2 have answers for you to read" in said
    read_by_hand()
    invoke(feedback)

    sheet = Path(f"course/grades/{NAME}/grades.csv").read_text(encoding="utf-8-sig")
    rows = {row["id"]: row for row in csv.DictReader(sheet.splitlines())}
    assert {student: float(row["total"] or 0) for student, row in rows.items()} == {
        "ada": 9.5,
        "alan": 0,
        "grace": 0,
    }
    assert rows["alan"]["last_name"] == "Turing, Dr."
    page = Path(f"course/feedback/ada/{NAME}/{NAME}.html").read_text()
    assert "Which &lt;k&gt; is it?" in page
    assert "9.5" in page
    hidden = re.findall(
        r"### BEGIN HIDDEN TESTS(.*?)### END", Path(f"course/source/{NAME}/{NAME}.ipynb").read_text()
    )
    assert not [line for line in hidden if line.strip() in page]
    assert not Path("course/feedback/grace").exists()
    assert "Hopper" in Path(f"course/grades/{NAME}/index.html").read_text()
