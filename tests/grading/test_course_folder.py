"""The folder of a course: nothing in it is lost, whenever a command ends; and where it may lie."""

import contextlib
import json
import os
import shutil
import sqlite3
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from class_helpers import NAME, hand_in, notebook, release_small
from click.testing import CliRunner
from nbgrader.api import get_alembic_version
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mnistkit.cli import main
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.judgements import Answered, answer_sha256
from mnistkit.grading.ledger import Graded, Mark, Result, read_graded, write_graded


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return release_small(tmp_path_factory.mktemp("released"))


@pytest.fixture
def course(released, tmp_path):
    return shutil.copytree(released, tmp_path / "course")


class Killed(BaseException):
    """Stands for a process that is no more."""


@pytest.fixture
def folders(tmp_path):
    """Give a course with a folder that a teacher has worked in, and one to put in its place."""
    place = tmp_path / "autograded" / "ada" / "week1"
    place.mkdir(parents=True)
    (place / "corrected.txt").write_text("old")
    return tmp_path, place


def make_new(stage):
    new = stage / "new" / "week1"
    new.mkdir(parents=True)
    (new / "made.txt").write_text("new")
    return new


def content(place):
    return sorted(path.name for path in place.iterdir())


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_takes_the_place_of_another_one(folders, monkeypatch, exchange):
    root, place = folders
    if not exchange:
        monkeypatch.setattr(courses, "_exchange", lambda one, other: False)
    with courses.staging(root) as stage:
        courses.replace_folder(make_new(stage), place, stage)
        assert content(place) == ["made.txt"]
        assert content(place.parent) == ["week1"]
        assert list(stage.rglob("corrected.txt")), "it ends with the stage, and not before"
    assert not list(root.rglob("corrected.txt"))


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("end", [OSError(28, "No space left on device"), Killed()])
def test_whatever_ends_a_replacement_one_of_the_two_is_there(folders, monkeypatch, exchange, step, end):
    root, place = folders
    if not exchange:
        monkeypatch.setattr(courses, "_exchange", lambda one, other: False)
    real, calls = Path.rename, []

    def rename(self, target):
        calls.append(target)
        # After a kill nothing more is done at all.
        if len(calls) == step or (len(calls) > step and isinstance(end, Killed)):
            raise end
        return real(self, target)

    with contextlib.suppress(OSError, Killed), courses.staging(root) as stage:
        new = make_new(stage)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", rename)
            courses.replace_folder(new, place, stage)
    with courses.staging(root):
        pass
    assert content(place) in (["corrected.txt"], ["made.txt"])
    assert content(place.parent) == ["week1"]
    if not exchange and step < 3:
        assert content(place) == ["corrected.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["what?1", "a[ab]", "a*", "tab\there", "my%20course"])
def test_a_path_that_formgrader_takes_for_something_else_is_refused_early(tmp_path, name, released):
    tmp_path = tmp_path / "here"
    tmp_path.mkdir()
    folder = tmp_path / name
    with pytest.raises(UserError, match=r"in its path\n  expected: a path without"):
        courses.open_course(folder)
    assert list(tmp_path.iterdir()) == []
    shutil.copytree(released, folder)
    for command in (["grade", NAME], ["feedback", NAME]):
        hand_in(folder, "ada", notebook(folder))
        shown = CliRunner().invoke(main, ["assignment", *command, "--course", str(folder)])
        assert shown.exit_code == 1
        assert "in its path" in shown.output
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.slow
def test_other_odd_paths_work(tmp_path):
    tmp_path = tmp_path / "here"
    course = release_small(tmp_path / "a #1 $HOME {x} 100% ü'&;@:+~")
    assert (course / "gradebook.db").is_file()
    with nbgrader_bridge.gradebook(course) as book:
        assert [assignment.name for assignment in book.assignments] == [NAME]
    hand_in(course, "ada", notebook(course))
    with courses.staging(course) as stage:
        folder = stage / "submitted" / "ada" / NAME
        shutil.copytree(course / "submitted" / "ada" / NAME, folder)
        answers = defaultdict(lambda: Answered(answer_sha256(["an answer"])))
        made = nbgrader_bridge.enter_grades(course, stage, NAME, "ada", (), answers)
        assert (made / f"{NAME}.ipynb").is_file()
    assert len(list(tmp_path.iterdir())) == 1


def test_settings_that_a_full_disk_has_emptied_are_written_anew(tmp_path):
    tmp_path = tmp_path / "course"
    tmp_path.mkdir()
    (tmp_path / nbgrader_bridge.CONFIG).write_text("")
    courses.open_course(tmp_path)
    assert "ClearSolutions" in (tmp_path / nbgrader_bridge.CONFIG).read_text()
    (tmp_path / nbgrader_bridge.CONFIG).write_text("c = get_config()  # mine")
    courses.open_course(tmp_path)
    assert "mine" in (tmp_path / nbgrader_bridge.CONFIG).read_text()


def test_settings_of_the_account_or_the_machine_are_not_used(course, tmp_path, monkeypatch):
    (tmp_path / "jupyter").mkdir()
    (tmp_path / "jupyter" / "nbgrader_config.py").write_text("raise SystemExit('read')")
    (tmp_path / "jupyter" / "nbgrader_config.json").write_text(
        json.dumps({"CourseDirectory": {"root": "/x"}})
    )
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.chdir(tmp_path / "jupyter")
    assert nbgrader_bridge.read_config(course).CourseDirectory == {}
    with nbgrader_bridge._converter(
        __import__("nbgrader.converters").converters.Autograde, course, course, NAME
    ) as app:
        assert app.coursedir.root == str(course)


def test_a_gradebook_that_cant_be_used_is_one_clear_error(course):
    hand_in(course, "ada", notebook(course))
    path = course / "gradebook.db"
    whole = path.read_bytes()
    for broken in (b"no database at all" * 100, whole[: len(whole) // 2 + 100], whole[:5000] + bytes(9000)):
        path.write_bytes(broken)
        for command in ("grade", "feedback"):
            shown = CliRunner().invoke(main, ["assignment", command, NAME, "--course", str(course)])
            assert shown.exit_code == 1, shown.output
            assert "gradebook.db\n  found:    " in shown.output
            assert "Traceback" not in shown.output
            assert isinstance(shown.exception, SystemExit)


def test_a_locked_gradebook_is_said_to_be_locked(course):
    locked = OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked"))
    said = r"database is locked\n.*\n  to do:    end what works with it"
    with pytest.raises(UserError, match=said), nbgrader_bridge.gradebook(course):
        raise locked


SHORT = {"r": "results", "n": NAME, "m": "marks"}


def edited(course, **changes):
    graded = Graded("ada", {NAME: Result((Mark("double-check", 2.0, 2.0),), key="k")})
    path = write_graded(course, NAME, graded)
    content = json.loads(path.read_text())
    for place, value in changes.items():
        *way, last = [SHORT.get(name, name) for name in place.split("__")]
        found = content
        for name in way:
            found = found[int(name) if name.isdigit() else name]
        found[last] = value
    path.write_text(json.dumps(content))
    return read_graded(course, NAME)


@pytest.mark.parametrize(
    "changes",
    [
        {"student": "bob"},
        {"student": 5},
        {"results": []},
        {"results": {"../../x": {"submission": "", "marks": []}}},
        {"r__n__m__0__points": 1000},
        {"r__n__m__0__points": float("nan")},
        {"r__n__m__0__points": "2"},
        {"r__n__m__0__most": -1},
        {"r__n__m": None},
        {"r__n__status": "passed"},
        {"r__n__warnings": "text"},
        {"r__n__key": None},
    ],
)
def test_grades_that_were_edited_into_something_else_are_not_believed(tmp_path, changes):
    assert set(edited(tmp_path)) == {"ada"}
    assert edited(tmp_path, **changes) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"lessons": ["../../x"]},
        {"lessons": []},
        {"lessons": "01"},
        {"name": "other"},
        {"students": ["a/b"]},
        {"personal": 5},
    ],
)
def test_a_note_of_a_release_that_was_edited_is_one_clear_error(course, changes):
    path = courses.note_path(course, NAME)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    for command in ("grade", "feedback"):
        shown = CliRunner().invoke(main, ["assignment", command, NAME, "--course", str(course)])
        assert shown.exit_code == 1
        assert f"{path}" in shown.output
        assert "to do:    put the file back" in shown.output


@pytest.mark.slow
def test_a_new_gradebook_has_the_version_that_nbgraders_own_command_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    said = get_alembic_version()
    with nbgrader_bridge.gradebook(tmp_path) as book:
        ((kept,),) = book.db.execute(text("select version_num from alembic_version"))
    assert kept == said
