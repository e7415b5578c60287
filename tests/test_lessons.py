"""Which files are lessons, and what is said of those that can't be read."""

import json
import re

import nbformat
import pytest
from click.testing import CliRunner
from course_helpers import task_of, write_course, write_lesson
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mnistkit.cli import main
from mnistkit.course.lessons import KERNEL, Lesson, find, find_copies, providers, select
from mnistkit.course.parameters import read_schema
from mnistkit.course.running.execute import execute, prepare_notebook
from mnistkit.errors import UserError


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    write_lesson(folder, "01_first", "1 + 1")
    write_lesson(folder, "02_second", "1 + 1")
    monkeypatch.chdir(tmp_path)
    return folder


def as_format_3(content):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# 08 · Mine"]},
        {
            "cell_type": "code",
            "collapsed": False,
            "input": content["cells"][1]["source"],
            "language": "python",
            "metadata": {"tags": ["parameters"]},
            "outputs": [],
        },
    ]
    return {
        "metadata": {"name": "x"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": cells, "metadata": {}}],
    }


def changed(**changes):
    return lambda content: {**content, **changes}


def without_ids(content):
    return {**content, "cells": [{k: v for k, v in c.items() if k != "id"} for c in content["cells"]]}


def from_an_editor(content):
    """As editors write cells: fields of no format, and some that are missing."""
    for cell in content["cells"]:
        cell["editor"] = {"folded": True}
        cell.pop("outputs", None)
    del content["cells"][0]["metadata"]
    return content


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_notebook_is_read_in_whatever_encoding_json_may_have(tmp_path, encoding):
    path = write_lesson(tmp_path, "08_x", "1")
    path.write_bytes(path.read_text().replace("Title", "Über").encode(encoding))
    assert Lesson(path).title == "Über of 08_x"
    assert next(iter(read_schema(Lesson(path)))) == "seed"
    prepare_notebook(task_of(path, tmp_path))
    assert "Über" in (tmp_path / "out" / "08_x.ipynb").read_text(encoding="utf-8")


def test_cells_without_an_id_are_called_the_same_in_each_run(tmp_path):
    path = write_lesson(tmp_path, "08_x", "1", "2", "3")
    content = without_ids(json.loads(path.read_text()))
    content["cells"][0]["id"] = content["cells"][1]["id"] = f"cell-{len(content['cells']) - 1}"
    path.write_text(json.dumps(content))
    made = []
    for _ in range(2):
        prepare_notebook(task_of(path, tmp_path))
        cells = nbformat.read(tmp_path / "out" / "08_x.ipynb", as_version=4).cells
        made.append([cell.id for cell in cells])
    assert made[0] == made[1]
    assert len(set(made[0])) == len(content["cells"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        changed(metadata={}),
        changed(metadata={"kernelspec": {"name": "conda-env-ml-py", "language": "python"}}),
        changed(metadata={"language_info": {"name": "python"}, "orig_nbformat": 4}),
        changed(nbformat_minor=6),
        changed(nbformat_minor=2),
        lambda content: without_ids({**content, "nbformat_minor": 4}),
        without_ids,
        from_an_editor,
        as_format_3,
    ],
    ids=["none", "conda", "vscode", "4.6", "4.2 with ids", "4.4", "4.5 without ids", "editor", "3"],
)
def test_a_notebook_of_another_editor_is_prepared_as_a_valid_one_for_the_courses_kernel(tmp_path, change):
    path = write_lesson(tmp_path, "08_x", "1")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    task = task_of(path, tmp_path, parameters={"seed": 7})
    prepare_notebook(task)
    made = nbformat.read(task.output, as_version=nbformat.NO_CONVERT)
    nbformat.validate(made)
    assert (made.nbformat, made.nbformat_minor) == (4, 5)
    assert made.metadata.kernelspec == KERNEL
    assert "seed = 7" in made.cells[2].source
    if change is as_format_3:  # of all the most changed
        assert execute(task).status == "completed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("<!DOCTYPE html><html>", "a web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        ("{\n<<<<<<< HEAD\n=======\n>>>>>>> other\n", "conflict markers of git"),
        ('{"cells": [', "JSONDecodeError"),
        ("[" * 100_000, "RecursionError"),
        ('{"cells": []}', "KeyError: 'nbformat'"),
        ('{"nbformat": 5, "nbformat_minor": 5, "metadata": {}, "cells": []}', "it is of format 5"),
        ('{"nbformat": 4, "metadata": null, "cells": []}', "AttributeError"),
        ('{"nbformat": 3}', "not a readable notebook"),
        ('{"nbformat": 4, "metadata": {"kernelspec": {"language": "R"}}, "cells": []}', "written in R"),
        (
            '{"nbformat": 4, "metadata": {"language_info": {"name": "julia"}}, "cells": []}',
            "written in julia",
        ),
        ('{"nbformat": 4, "cells": [{"cell_type": "heading", "source": ""}]}', "of the kind heading"),
    ],
)
def test_what_is_no_notebook_is_named_in_one_sentence(course, text, message):
    (course / "08_x.ipynb").write_text(text)
    for more in ((), ("--prepare-only",)):
        result = CliRunner().invoke(main, ["run", "08", *more])
        assert result.exit_code == 1
        assert "08_x.ipynb\n  found:    not a readable notebook: " in result.output
        assert message in result.output
        assert "to do:" in result.output
        assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("name", ["02_second-Copy1", "02_second-Copy12", "02_second (1)", "02_second copy"])
def test_a_copy_of_a_lesson_is_left_out_with_a_note(course, name):
    write_lesson(course, name, "raise ValueError")
    assert [lesson.name for lesson in find(course)] == ["01_first", "02_second"]
    assert [path.stem for path in find_copies(course)] == [name]
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 0
    assert f"note: {name}.ipynb is left out" in result.stderr
    prepared = CliRunner().invoke(main, ["run", "--prepare-only"])
    assert prepared.exit_code == 0, prepared.output
    assert f"note: {name}.ipynb is left out" in prepared.stderr


def test_a_checkpoint_is_no_lesson(course):
    folder = course / ".ipynb_checkpoints"
    folder.mkdir()
    write_lesson(folder, "02_second-checkpoint", "1")
    assert [lesson.name for lesson in find(course)] == ["01_first", "02_second"]
    assert find_copies(course) == []


def test_two_lessons_of_one_number_are_refused(course):
    write_lesson(course, "02_second_version", "1")
    with pytest.raises(UserError, match=r"02_second\.ipynb and 02_second_version\.ipynb"):
        find(course)


def test_a_notebook_elsewhere_is_a_lesson_of_its_own(course, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    own = write_lesson(elsewhere, "08_own", "print(k_max)", "load_artifact('cnn')")
    copy = write_lesson(course, "02_second-Copy1", "1")
    lessons = find(course)
    names = [
        lesson.name
        for lesson in select(lessons, ["else where/08_own.ipynb", "2", "notebooks/01_first.ipynb"])
    ]
    assert names == ["01_first", "02_second", "08_own"]
    assert [lesson.path for lesson in select(lessons, [str(copy)])] == [copy]
    assert providers(Lesson(own)) == ()
    with pytest.raises(UserError, match=r"unknown lesson 'else where/09_none\.ipynb'"):
        select(lessons, ["else where/09_none.ipynb"])


@pytest.mark.parametrize("name", ["index", "reproduction", "a#b", "-x"])
def test_a_notebook_whose_name_a_report_has_no_page_for_is_refused(course, tmp_path, name):
    path = write_lesson(tmp_path, name, "1")
    with pytest.raises(UserError, match=rf"a notebook named '{re.escape(name)}'"):
        select(find(course), [str(path)])


def test_two_notebooks_of_one_name_are_refused(course, tmp_path):
    path = write_lesson(tmp_path, "02_second", "1")
    with pytest.raises(UserError, match="two notebooks of one name"):
        select(find(course), ["02", str(path)])
    assert [lesson.path for lesson in select(find(course), [str(path)])] == [path]


@pytest.mark.slow
def test_a_notebook_elsewhere_is_run_with_a_report(course, tmp_path):
    (course / "presets" / "smoke.yaml").write_text("02_second: {k_max: 3}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    own = write_lesson(elsewhere, "08_own", "print(seed)", parameters="seed: int = 4  # seed")
    same = write_lesson(elsewhere, "02_second", "print(k_max)")
    command = ["run", str(own), str(same), "--preset", "smoke", "-p", "seed=9", "--out", "x"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    for name, printed in (("08_own", "9\n"), ("02_second", "3\n")):
        assert nbformat.read(f"x/{name}.ipynb", as_version=4).cells[-1].outputs[0].text == printed
        assert (tmp_path / "x" / "report" / f"{name}.html").exists()


@pytest.mark.parametrize("more", [(), ("--prepare-only",)])
def test_a_notebook_is_not_overwritten_with_what_comes_of_it(course, tmp_path, more):
    own = write_lesson(tmp_path, "08_own", "1")
    (tmp_path / ".lock").touch()  # as in the folder of a run
    before = own.read_bytes()
    result = CliRunner().invoke(main, ["run", str(own), "--out", str(tmp_path), *more])
    assert result.exit_code == 1
    assert "08_own.ipynb itself, which would be lost" in result.output
    assert own.read_bytes() == before


def test_parameters_of_an_earlier_run_are_not_taken_over(tmp_path):
    first = task_of(write_lesson(tmp_path, "01_x", "1"), tmp_path, parameters={"seed": 7})
    prepare_notebook(first)
    again = tmp_path / "again"
    again.mkdir()
    second = task_of(tmp_path / "out" / "01_x.ipynb", again)
    prepare_notebook(second)
    assert not [c for c in nbformat.read(second.output, as_version=4).cells if "seed = 7" in c.source]


@pytest.mark.parametrize(
    ("cell", "question", "minutes"),
    [
        ("# 01 · A", "", 0),
        ("# 01 · A\n\nTwo ways at 0.9.\nWhich is *better*? And why?", "Two ways at 0.9. Which is better?", 0),
        ("# 01 · A\n\n**The question.** Which one?\n\n- a list?", "Which one?", 0),
        (
            "# 01 · A\n\nLook first. Then count.\n\n| section | minutes |\n|---|---|\n| **Part A** | 30 |\n"
            "| 1 · Is it so? | 10 |\n| 2 · And why? | 20 min |\n| **Part B** | 5 |\n| 3 · When? | 5 |",
            "Look first.",
            35,
        ),
    ],
)
def test_the_first_cell_says_what_a_lesson_asks_and_how_long_it_takes(tmp_path, cell, question, minutes):
    path = tmp_path / "01_a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1"), new_markdown_cell(cell)]), path)
    lesson = Lesson(path)
    assert (lesson.question, lesson.minutes) == (question, minutes)
