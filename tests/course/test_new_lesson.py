"""The skeleton of a lesson: where it is written, under which name, and that nothing is overwritten."""

import subprocess

import nbformat
import pytest
from click.testing import CliRunner
from course_helpers import write_course, write_lesson

from mnistkit.cli import main
from mnistkit.course.lessons import Lesson, find
from mnistkit.course.new_lesson import new_lesson
from mnistkit.course.parameters import read_preset, read_schema
from mnistkit.course.running.jobs import read_budgets
from mnistkit.errors import UserError
from mnistkit.grading.exercises import check_source, read_exercises
from mnistkit.grading.personalize import personal_names
from mnistkit.records.lesson_facts import read_lesson_facts


def names(paths, folder):
    return [path.relative_to(folder).as_posix() for path in paths]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_first_lesson_makes_a_course(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = new_lesson("Edge detection")
    notebook = "notebooks/01_edge_detection"
    presets = ["notebooks/presets/smoke.yaml", "notebooks/presets/full.yaml"]
    assert names(made, tmp_path) == [f"{notebook}.ipynb", f"{notebook}.yaml", *presets, ".gitignore"]
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 0
    assert result.output.startswith("01 · Edge detection\n    data=auto")


def test_the_skeleton_is_a_lesson_with_all_that_stands_beside_it(tmp_path):
    path, *_ = new_lesson("edge_detection", tmp_path / "notebooks")
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    lessons = find(tmp_path / "notebooks")
    lesson = lessons[0]
    check_source(lesson)
    (exercise,) = read_exercises(lesson)
    assert (exercise.title, exercise.automatic) == ("Exercise 1 · How bright is an image?", True)
    facts = read_lesson_facts(path)
    assert set(facts.wrong_answers) == set(facts.right_answers) == {exercise.id.removesuffix("-check")}
    assert personal_names(lessons) == ["seed"]
    for preset in ("smoke", "full"):
        assert set(read_preset(tmp_path / "notebooks", preset, lessons)[lesson.name]) <= set(
            read_schema(lesson)
        )
    assert list(read_budgets(lessons, "smoke")) == list(read_budgets(lessons, "lab")) == [lesson.name]


@pytest.mark.parametrize(
    ("there", "made"),
    [
        (["01_a.ipynb"], "02_x"),
        (["01_a.ipynb", "07_b.ipynb"], "08_x"),
        (["01_a.ipynb", "03_a-Copy1.ipynb"], "04_x"),
        (["01_a.ipynb", "02_gone.yaml"], "03_x"),  # whose notebook was moved away: it is not this lesson's
        (["x.ipynb", "9_x.ipynb"], "01_x"),
    ],
)
def test_the_number_is_the_next_that_is_free(tmp_path, there, made):
    folder = write_course(tmp_path)
    for name in there:
        (folder / name).touch()
    before = contents(tmp_path)
    presets = ["presets/smoke.yaml", "presets/full.yaml"]
    assert names(new_lesson("x", folder), folder) == [f"{made}.ipynb", f"{made}.yaml", *presets]
    after = contents(tmp_path)
    assert all(after[path].startswith(text) for path, text in before.items()), "what was there stays"
    changed = [path.name for path, text in before.items() if after[path] != text]
    assert sorted(changed) == ["full.yaml", "smoke.yaml"]


@pytest.mark.parametrize(
    "before", ["", "# mine\r\n01_a:  # why\r\n  k_max: 3", "01_a: {k_max: 3}\n", "---\n01_a:\n    seed: 7\n"]
)
def test_a_further_lesson_gets_its_section_in_the_presets(tmp_path, before):
    folder = write_course(tmp_path)
    (folder / "presets" / "smoke.yaml").write_bytes(before.encode())
    write_lesson(folder, "01_a")
    earlier = read_preset(folder, "smoke", find(folder))
    new_lesson("b", folder)
    assert read_preset(folder, "smoke", find(folder)) == {
        **earlier,
        "02_b": {"data": "bundled", "further": True, "n_train": 200},
    }
    assert (folder / "presets" / "smoke.yaml").read_bytes().startswith(before.encode())


@pytest.mark.parametrize(
    "before", ["{01_a: {k_max: 3}}", "{}", "01_a: {k_max: 3}\n...\n", "01_a: [", " 01_a: {}"]
)
def test_a_preset_to_which_nothing_can_be_added_is_refused(tmp_path, before):
    folder = write_course(tmp_path, full=before)
    there = contents(tmp_path)
    with pytest.raises(UserError, match=r"full\.yaml"):
        new_lesson("b", folder)
    assert contents(tmp_path) == there


def test_a_new_course_keeps_students_work_out_of_a_repository(tmp_path):
    new_lesson("x", tmp_path / "notebooks")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    paths = ["course/submitted/ada/x.ipynb", "work/x.ipynb", "runs/lab/x.html", "build/x"]
    asked = [*paths, "notebooks/01_x.ipynb", "notebooks/presets/smoke.yaml", "roster.py"]
    command = ["git", "-C", tmp_path, "check-ignore", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == paths
    (tmp_path / ".gitignore").write_text("mine")
    new_lesson("y", tmp_path / "notebooks")
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_a_lesson_is_written_into_the_course_in_which_one_works(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    for number, place in enumerate((tmp_path, folder, folder / "presets"), start=1):
        monkeypatch.chdir(place)
        assert names(new_lesson(f"lesson {'abc'[number - 1]}"), folder)[0].startswith(f"{number:02}_lesson_")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("08_edges", "'08_edges'"),
        ("", "''"),
        ("../edges", "'../edges'"),
        ("édges", "'édges'"),
        ("edges-", "'edges-'"),
        ("Second thoughts", "the lesson 02_second_thoughts"),
    ],
)
def test_a_name_that_can_be_none_is_refused(tmp_path, name, found):
    folder = write_course(tmp_path)
    write_lesson(folder, "02_second_thoughts", "1")
    before = contents(tmp_path)
    result = CliRunner().invoke(main, ["new", "lesson", name, "--notebooks", str(folder)])
    assert result.exit_code == 1
    assert f"found:    {found}" in result.output
    assert contents(tmp_path) == before


def test_a_folder_that_no_command_would_find_is_refused(tmp_path):
    with pytest.raises(UserError, match="'lessons'") as refused:
        new_lesson("edges", tmp_path / "lessons")
    assert refused.value.todo == f"--notebooks {tmp_path / 'lessons' / 'notebooks'}"
    assert not (tmp_path / "lessons").exists()


def test_there_is_no_lesson_after_the_last_number(tmp_path):
    folder = write_course(tmp_path)
    (folder / "99_last.ipynb").touch()
    with pytest.raises(UserError, match="99_last"):
        new_lesson("x", folder)
    assert new_lesson("x", tmp_path / "other" / "notebooks")
    assert Lesson(tmp_path / "other" / "notebooks" / "01_x.ipynb").title == "01 · X"
