"""What students work in: copies without solutions, brought up to date without a loss."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from course_helpers import write_course
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

import mnistkit
from mnistkit.cli import main
from mnistkit.course.check_cells import FOLDED, fold_files
from mnistkit.course.lessons import Lesson, find, find_folder
from mnistkit.course.new_lesson import new_lesson
from mnistkit.course.start_page import update_start_page, write_start_page
from mnistkit.course.student_edition import (
    CODE_STUB,
    KERNEL_CELL,
    TEXT_STUB,
    read_progress,
    start,
    without_solutions,
    work_folder,
)
from mnistkit.errors import UserError
from mnistkit.utils.extras import typed

LESSONS = find(find_folder())
KIT = Path(mnistkit.__file__).parents[1]


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])
def test_it_is_what_nbgrader_would_hand_out(lesson):
    theirs = nbformat.reads(lesson.text, as_version=4)
    stubs = ClearSolutions(code_stub={"python": CODE_STUB}, text_stub=TEXT_STUB)
    for preprocessor in (stubs, ClearHiddenTests()):
        theirs, _ = preprocessor.preprocess(theirs, {})
    ours = without_solutions(json.loads(lesson.text))
    assert [("".join(c["source"]), c["id"]) for c in ours["cells"]] == [
        (c.source, c.id) for c in theirs.cells
    ]
    checks = [
        c
        for c in ours["cells"]
        if c["metadata"].get("nbgrader", {}).get("grade") and c["cell_type"] == "code"
    ]
    assert checks
    assert all("raises-exception" in c["metadata"]["tags"] for c in checks)


@pytest.fixture
def lesson(tmp_path):
    """A lesson that runs, with an exercise, in a course of one's own."""
    folder = write_course(tmp_path)
    (path,) = (path for path in new_lesson("edges", folder) if path.suffix == ".ipynb")
    return Lesson(path)


def read(path):
    return json.loads(path.read_text())


def change(path, name, source):
    notebook = read(path)
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == name)
    cell["source"] = source
    path.write_text(json.dumps(notebook))


def source(path, name):
    return next("".join(cell["source"]) for cell in read(path)["cells"] if cell["id"] == name)


def test_a_copy_has_no_solution_and_is_never_overwritten(lesson, tmp_path, said):
    (path,) = start([lesson], tmp_path / "work")
    assert "NotImplementedError" in source(path, "exercise-mean")
    assert "SOLUTION" not in path.read_text()
    assert "HIDDEN" not in path.read_text()
    change(path, "exercise-mean", "mine")
    before = path.read_bytes()
    assert start([lesson], tmp_path / "work") == [path]
    assert path.read_bytes() == before
    assert not said


def test_a_newer_edition_is_merged_and_what_it_could_not_do_is_said(lesson, tmp_path, said):
    (path,) = start([lesson], tmp_path / "work")
    change(path, "exercise-mean", "mine")
    change(path, "look", "mine too")
    change(lesson.path, "look", "newer")
    change(lesson.path, "classes", "newer classes")
    start([Lesson(lesson.path)], tmp_path / "work")
    assert source(path, "exercise-mean") == "mine"
    assert source(path, "look") == "mine too"
    assert source(path, "classes") == "newer classes"
    assert said == [
        f"{lesson.name}: a newer edition is merged into your copy: 1 updated",
        "  cell look: the kit has changed it, and so have you: yours stays",
    ]
    said.clear()
    start([Lesson(lesson.path)], tmp_path / "work")
    assert not said, "merged once"


def test_a_lesson_of_a_format_without_ids_can_be_begun_saved_and_brought_up_to_date(lesson, tmp_path, said):
    notebook = read(lesson.path)
    for cell in notebook["cells"]:
        del cell["id"]
    lesson.path.write_text(json.dumps({**notebook, "nbformat_minor": 4}))
    (path,) = start([Lesson(lesson.path)], tmp_path / "work")
    nbformat.validate(read(path))
    assert read_progress(path).cells == 13
    copy = read(path)
    for file in (path, path.parent / ".given" / path.name):  # as an earlier mnistkit has given them out
        cells = [
            {key: value for key, value in cell.items() if key != "id" or value == KERNEL_CELL["id"]}
            for cell in copy["cells"]
        ]
        cells[-1]["source"] = "mine" if file == path else cells[-1]["source"]
        file.write_text(json.dumps({**copy, "cells": cells, "nbformat_minor": 4}))
    assert (read_progress(path).cells, read_progress(path).begun) == (13, True)
    notebook["cells"][0]["source"] = "# Newer"
    lesson.path.write_text(json.dumps({**notebook, "nbformat_minor": 4}))
    start([Lesson(lesson.path)], tmp_path / "work")
    merged = read(path)
    nbformat.validate(merged)
    assert (merged["cells"][0]["source"], merged["cells"][-1]["source"]) == ("# Newer", "mine")
    assert [cell["source"] for cell in merged["cells"][1:-1]] == [c["source"] for c in copy["cells"][1:-1]]


def test_an_interruption_while_merging_loses_nothing(lesson, tmp_path, monkeypatch):
    from mnistkit.course import student_edition as module

    (path,) = start([lesson], tmp_path / "work")
    change(path, "exercise-mean", "mine")
    change(lesson.path, "classes", "newer classes")
    write = module.write_atomically

    def interrupted(where, text):
        if where.parent.name == module._GIVEN:
            raise KeyboardInterrupt
        write(where, text)

    monkeypatch.setattr(module, "write_atomically", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start([Lesson(lesson.path)], tmp_path / "work")
    monkeypatch.undo()
    start([Lesson(lesson.path)], tmp_path / "work")
    assert source(path, "exercise-mean") == "mine"
    assert source(path, "classes") == "newer classes"


@pytest.mark.parametrize("text", ["", "{}", '{"cells": 3, "nbformat": 4}'])
def test_a_file_that_is_no_copy_or_was_broken_is_left_alone(lesson, tmp_path, text):
    path = tmp_path / "work" / lesson.path.name
    path.write_text(text)
    with pytest.raises(UserError, match="not put there"):
        start([lesson], path.parent)
    path.unlink()
    start([lesson], path.parent)
    path.write_text(text)
    change(lesson.path, "look", "newer")
    with pytest.raises(UserError, match="not a readable notebook"):
        start([Lesson(lesson.path)], path.parent)
    assert path.read_text() == text


def test_the_command_puts_the_course_beside_the_notebooks_or_where_it_is_told(lesson, tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(lesson.path.parent))
    result = CliRunner().invoke(main, ["start"])
    assert result.exit_code == 0, result.output
    *paths, advice = result.output.splitlines()
    assert paths == [str(tmp_path / "work" / name) for name in (lesson.path.name, "START.md")]
    assert advice == "Next: mnistkit lab"
    folder = tmp_path / "my work"
    result = CliRunner().invoke(main, ["start", "edges", "--into", str(folder)])
    assert result.exit_code == 0, result.output
    assert (folder / lesson.path.name).exists()
    assert result.output.splitlines()[-1] == f"Next: mnistkit lab --into {typed(folder)}"


def test_the_start_page_lists_the_course_and_says_what_is_begun(lesson, tmp_path):
    second = new_lesson("a or b", lesson.path.parent)[0]
    change(second, "title", "# 02 · A | B\n\nWhich is it?")
    folder = tmp_path / "work"
    course = find(lesson.path.parent)
    (path,) = start([lesson], folder)

    def rows():
        page = write_start_page(course, folder).read_text()
        return [line for line in page.splitlines() if line.startswith(("| [", "| 0"))]

    first, other = rows()
    assert first.startswith("| [01 · Edges](01_edges.ipynb) | What do we want to know, and why? |")
    assert first.endswith("| not begun |")
    assert other == r"| 02 · A \| B | Which is it? |  | `mnistkit start 02` brings it |"
    change(path, "look", "mine")
    assert rows()[0].endswith("| 0 of 13 cells run, 0 of 1 checks passed |")
    path.write_text("broken")
    assert rows()[0].endswith("| can't be read |")


def test_progress_counts_what_was_run_and_passed_last_and_answers(lesson, tmp_path):
    notebook = read(lesson.path)
    mark = {
        "grade": True,
        "solution": True,
        "grade_id": "why",
        "locked": False,
        "points": 1,
        "schema_version": 3,
    }
    question = {"cell_type": "markdown", "id": "why", "metadata": {"nbgrader": mark}, "source": "Because."}
    lesson.path.write_text(json.dumps({**notebook, "cells": [*notebook["cells"], question]}))
    (path,) = start([Lesson(lesson.path)], tmp_path / "work")

    def progress(**changes):
        """Give what is counted after these cells were changed; the check is the exercise's."""
        copy = read(path)
        for cell in copy["cells"]:
            cell.update(changes.get(cell["id"].replace("-", "_"), {}))
        path.write_text(json.dumps(copy))
        found = read_progress(path)
        return found.begun, found.ran, found.passed, found.answered

    found = read_progress(path)
    assert (found.cells, found.checks, found.questions) == (13, 1, 1)
    assert progress() == (False, 0, 0, 0)
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    assert progress(exercise_mean_check={"execution_count": 3, "outputs": [error]}) == (True, 1, 0, 0)
    assert progress(exercise_mean_check={"execution_count": 4, "outputs": []}) == (True, 1, 1, 0)
    assert progress(why={"source": "It depends."}) == (True, 1, 1, 1)
    assert progress(exercise_mean_check={"id": "another"}, why={"id": "other"}) == (True, 0, 0, 0)
    assert read_progress(tmp_path / "work" / "none.ipynb") is None


def test_the_start_page_follows_when_a_copy_is_saved(lesson, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(lesson.path.parent))
    (path,) = start([lesson], tmp_path / "work")
    page = write_start_page([lesson], path.parent)
    change(path, "look", "mine")
    before = page.read_text()
    monkeypatch.setattr("mnistkit.course.start_page.survey", lambda _: pytest.fail("whoever saves waits"))
    update_start_page(os_path=str(path), model={}, contents_manager=None)
    assert page.read_text() == before.replace("not begun", "0 of 13 cells run, 0 of 1 checks passed")
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(tmp_path / "gone"))
    update_start_page(os_path=str(path), model={}, contents_manager=None)
    assert "not brought up to date" in caplog.text, "the notebook is saved all the same"
    page.unlink()
    update_start_page(os_path=str(path), model={}, contents_manager=None)
    assert not page.exists()


def test_the_start_page_says_which_data_is_here(lesson, tmp_path, monkeypatch):
    from data_helpers import make_tiny

    from mnistkit.data import export

    export(make_tiny("mnist"), tmp_path / "files" / "mnist", "idx-gz")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "files"))
    page = write_start_page([lesson], tmp_path / "work").read_text()
    (digits,) = re.findall(r"^- \*\*mnist\*\*.*$", page, re.M)
    assert f"`{tmp_path / 'files' / 'mnist'}: idx, " in digits
    (clothes,) = re.findall(r"^- \*\*fashion-mnist\*\*.*$", page, re.M)
    assert "not here" in clothes and "garments drawn by code" in clothes


def test_another_kernel_says_so_before_anything_else(lesson, tmp_path, monkeypatch):
    import sys

    (path,) = start([lesson], tmp_path / "work")
    code = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    assert code[0]["id"] == KERNEL_CELL["id"]
    assert "parameters" in code[1]["metadata"]["tags"]
    exec(code[0]["source"], {})
    monkeypatch.setitem(sys.modules, "mnistkit", None)  # as where it is not installed
    with pytest.raises(ModuleNotFoundError, match="mnistkit lab"):
        exec(code[0]["source"], {})


def test_students_work_beside_the_notebooks_or_at_home(tmp_path, monkeypatch):
    from mnistkit.course import student_edition as module

    folder = write_course(tmp_path)
    assert work_folder(folder) == tmp_path / "work"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    installed = Path(module.__file__).parents[1] / "any" / "notebooks"
    assert work_folder(installed) == tmp_path / "home" / "mnistkit-work"
    asked = []
    monkeypatch.setattr(module.os, "access", lambda path, mode: asked.append(path))
    assert work_folder(folder) == tmp_path / "home" / "mnistkit-work"
    (tmp_path / "work").rmdir()
    work_folder(folder)
    assert asked == [tmp_path / "work", tmp_path]


def test_a_page_that_is_somebody_elses_stays_and_validate_finds_its_settings(lesson, tmp_path):
    folder = tmp_path / "work"
    start([lesson], folder)
    (folder / "START.md").write_text("mine")
    write_start_page([lesson], folder)
    assert (folder / "START.md").read_text() == "mine"
    (folder / "START.md").unlink()
    write_start_page([lesson], folder)
    settings = folder / "nbgrader_config.py"
    assert "timeout = 600" in settings.read_text()
    settings.write_text("mine")
    write_start_page([lesson], folder)
    assert settings.read_text() == "mine"


def test_links_to_the_pages_of_the_course_lead_to_their_copies(lesson, tmp_path):
    docs = lesson.path.parents[1] / "docs"
    docs.mkdir()
    (docs / "glossary.md").write_text("# Words of this course")
    change(lesson.path, "title", "# 01\n\nA [k](../docs/glossary.md#k).")
    (path,) = start([Lesson(lesson.path)], tmp_path / "work")
    assert source(path, "title").endswith("A [k](docs/glossary.md#k).")
    page = write_start_page([lesson], path.parent).read_text()
    for target in re.findall(r"\]\(([^)]+)\)", page):
        assert (path.parent / target).exists(), target
    assert (path.parent / "docs" / "glossary.md").read_text() == "# Words of this course"


def test_check_cells_are_folded_by_their_tag_alone(lesson, tmp_path):
    notebook = read(lesson.path)
    checks = [cell for cell in notebook["cells"] if "check" in cell["metadata"].get("tags", ())]
    assert checks
    assert all(FOLDED.items() <= cell["metadata"].items() for cell in checks)
    for cell in checks:
        cell["metadata"] = {"tags": ["check"]}
    lesson.path.write_text(json.dumps(notebook))
    (path,) = start([Lesson(lesson.path)], tmp_path / "work")
    fold_files([str(lesson.path)])
    for edition in (read(path), read(lesson.path)):
        for cell in edition["cells"]:
            is_check = "check" in cell["metadata"].get("tags", ())
            assert (FOLDED.items() <= cell["metadata"].items()) == is_check
    before = lesson.path.read_bytes()
    fold_files([str(lesson.path)])
    assert lesson.path.read_bytes() == before


def test_a_notebook_among_the_pages_stays_as_a_student_has_left_it(lesson, tmp_path):
    folder = tmp_path / "work"
    write_start_page([lesson], folder)
    copy = folder / "docs" / "draw-a-digit.ipynb"
    assert copy.read_bytes() == (KIT / "docs" / copy.name).read_bytes()
    assert "".join(read(copy)["cells"][1]["source"]) == KERNEL_CELL["source"]
    copy.write_text("with my own digit")
    (folder / "docs" / "glossary.md").write_text("old")
    write_start_page([lesson], folder)
    assert copy.read_text() == "with my own digit"
    assert (folder / "docs" / "glossary.md").read_text() != "old"
