"""From lessons to what students are given: nothing that they must not see, nothing half-made."""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest
from assignment_helpers import ANSWER, CHECK, SOLUTION, exercise_cells, mark, unpacked, write_exercises
from click.testing import CliRunner
from course_helpers import write_course
from filelock import FileLock
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from mnistkit.cli import main
from mnistkit.course.lessons import Lesson, find, find_folder
from mnistkit.course.student_edition import KERNEL_CELL
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.ai_declaration import is_declaration
from mnistkit.grading.exercises import check_release, check_source, read_exercises
from mnistkit.grading.release import self_check
from mnistkit.grading.release.command import Assignment, release

pytestmark = pytest.mark.slow

LESSONS = find(find_folder())
REGION = re.compile(
    r"BEGIN (?:SOLUTION|HIDDEN TESTS)[^\n]*\n(.*?)\n[^\n]*END (?:SOLUTION|HIDDEN TESTS)", re.S
)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Release all lessons of the course as one assignment, once; give the course's folder."""
    course = tmp_path_factory.mktemp("all") / "course"
    courses.open_course(course)
    release(Assignment("everything", tuple(LESSONS)), course)
    return course


@pytest.fixture(params=LESSONS, ids=[lesson.name for lesson in LESSONS])
def lesson(request):
    return request.param


def read(course, lesson):
    """Give the cells of the lesson and of its released version."""
    after = nbformat.read(course / "release" / "everything" / lesson.path.name, as_version=4)
    nbformat.validate(after)
    before = nbformat.read(lesson.path, as_version=4)
    assert after.cells.pop(1).id == "assignment-note"
    code = next(number for number, cell in enumerate(after.cells) if cell.cell_type == "code")
    assert after.cells.pop(code) == KERNEL_CELL
    return before.cells, after.cells


def test_no_line_of_a_solution_or_hidden_check_is_released(released, lesson):
    """Looked for by another way than the one that the release itself uses."""
    before, after = read(released, lesson)
    text = "\n".join(cell.source for cell in after)
    whole_lines = {line.strip() for line in text.splitlines()}
    assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN)", text, re.I)
    secrets = [
        line.strip() for c in before for region in REGION.findall(c.source) for line in region.split("\n")
    ]
    telling = [line for line in secrets if len(re.findall(r"\w", line)) > 8 and line[-1] not in "(["]
    assert len(telling) > 15
    assert not [line for line in telling if line in whole_lines]
    assert not [line for line in telling if len(line) > 25 and line in text]


def test_a_released_lesson_is_the_lesson_but_for_what_is_taken_out(released, lesson):
    before, (*after, declaration) = read(released, lesson)
    assert is_declaration(declaration.source)
    for old, new in zip(before, after, strict=True):
        assert (new.id, new.cell_type) == (old.id, old.cell_type)
        assert not new.get("outputs")
        if "nbgrader" not in old.metadata:
            assert new.source == old.source
        elif old.cell_type == "markdown":
            assert new.source.startswith("*Your answer")
        elif old.metadata.nbgrader.solution:
            assert "raise NotImplementedError(" in new.source
            assert new.source.startswith(old.source.split("### BEGIN")[0])
        else:
            assert new.source == old.source.split("\n### BEGIN")[0], "the visible checks stay"
            assert "raises-exception" in new.metadata.tags, "or Run All would end here"


def test_the_gradebook_has_the_points_of_every_exercise(released, lesson):
    exercises = read_exercises(lesson)
    assert 4 <= len(exercises) <= 6
    with nbgrader_bridge.gradebook(released) as book:
        notebook = book.find_notebook(lesson.name, "everything")
        in_book = {cell.name: (cell.max_score, cell.cell_type) for cell in notebook.grade_cells}
    assert in_book == {e.id: (e.points, "code" if e.automatic else "markdown") for e in exercises}
    assert any(not exercise.automatic for exercise in exercises)


def test_the_zip_has_what_is_handed_out_and_says_how(released):
    files = unpacked(released / "release" / "everything.zip")
    assert set(files) == {
        f"everything/{name}"
        for name in ["README.txt", "nbgrader_config.py", *(lesson.path.name for lesson in LESSONS)]
    }
    readme = files["everything/README.txt"]
    points = sum(exercise.points for lesson in LESSONS for exercise in read_exercises(lesson))
    assert f"{points:g} points" in readme
    for lesson in LESSONS:
        assert lesson.path.name in readme
        in_folder = (released / "release" / "everything" / lesson.path.name).read_text()
        assert files[f"everything/{lesson.path.name}"] == in_folder
    table = (released / "release" / "everything-points.md").read_text()
    for exercise in (exercise for lesson in LESSONS for exercise in read_exercises(lesson)):
        way = "by its checks" if exercise.automatic else "by hand"
        assert f"| {exercise.title} | `{exercise.id}` | {exercise.points:g} | {way} |" in table


def test_the_hand_out_names_the_data_set_where_a_lesson_asks_for_one(released):
    readme = (released / "source" / "everything" / "README.txt").read_text()
    for lesson in LESSONS:
        parameters = next(cell.source for cell in lesson.cells if "parameters" in cell.tags)
        asked = re.findall(r'^dataset: str = "(.+?)"', parameters, re.M)
        (line,) = (line for line in readme.splitlines() if lesson.path.name in line)
        assert line.endswith(f"(data set: {asked[0]})" if asked else lesson.path.name)
        notebook = nbformat.read(released / "release" / "everything" / lesson.path.name, as_version=4)
        assert re.findall("Its data set is (.+)[.]", notebook.cells[1].source) == asked


def test_nothing_but_the_course_is_left_behind(released):
    assert {path.name for path in released.iterdir()} == {
        *(
            ".course.lock",
            "nbgrader_config.py",
            "gradebook.db",
            "source",
            "release",
            "assignments",
            "ai_declaration.md",
        )
    }
    note = courses.read_released(released, "everything")
    assert note.lessons == [lesson.name for lesson in LESSONS]
    assert not note.personal


# Small lessons, made for the purpose.


@pytest.fixture
def folder(isolated, tmp_path):
    """Give the folder of the notebooks of a course of one's own, in which commands are given."""
    return write_course(tmp_path / "work")


@pytest.fixture(scope="module")
def empty_course(tmp_path_factory):
    """Give a course with an empty gradebook: nbgrader takes seconds to make one."""
    course = tmp_path_factory.mktemp("empty") / "course"
    courses.open_course(course)
    with nbgrader_bridge.gradebook(course):
        pass
    return course


@pytest.fixture
def course(empty_course, tmp_path):
    return shutil.copytree(empty_course, tmp_path / "course")


def released_cells(course, name="01_double"):
    return {c.id: c for c in nbformat.read(course / "release" / name / f"{name}.ipynb", 4).cells}


def one(lesson):
    return Assignment(lesson.name, (lesson,))


def everything_in(course):
    return {
        path.relative_to(course): path.read_bytes()
        for path in course.rglob("*")
        if path.is_file() and path.name not in (".course.lock", "gradebook.db")
    }


def test_the_same_lesson_gives_the_same_bytes(folder, course):
    lesson = write_exercises(folder)
    release(one(lesson), course)
    before = everything_in(course)
    assert len(before) == 11
    release(one(lesson), course)
    assert everything_in(course) == before


def test_a_released_notebook_runs_and_says_what_is_missing(folder, course):
    """As "Run All" does: without leave to go on after an error."""
    release(one(write_exercises(folder)), course)
    path = course / "release" / "01_double" / "01_double.ipynb"
    notebook = nbformat.read(path, 4)
    by_id = {cell.id: cell for cell in notebook.cells}
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert by_id["after"].execution_count, "the cells below run"
    [error] = by_id["double-check"].outputs
    assert (error.ename, error.evalue) == ("NotImplementedError", "this function is still to be written")

    stub = by_id["double"].source
    by_id["double"].source = stub[: stub.index("    # YOUR CODE")] + "    return 2 * x"
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert by_id["double-check"].outputs == []


@pytest.mark.parametrize(
    ("changes", "where", "says"),
    [
        ({"solution": SOLUTION.replace("    ### END SOLUTION", "")}, "double", "never closed"),
        ({"solution": SOLUTION.replace("    ### BEGIN SOLUTION\n", "")}, "double", "without its BEGIN"),
        ({"solution": SOLUTION.replace("BEGIN SOLUTION", "begin solution")}, "double", "begin solution"),
        ({"solution": SOLUTION.replace("BEGIN SOLUTION", "BEGIN  SOLUTION")}, "double", "BEGIN  SOLUTION"),
        (
            {"solution": SOLUTION.replace("twofold = x", "### BEGIN SOLUTION\n    x")},
            "double",
            "inside SOLUTION",
        ),
        ({"solution": "def double(x):\n    return x + x"}, "double", "nothing between"),
        (
            {"solution": "def double(x):\n    ### BEGIN SOLUTION\n    ### END SOLUTION\n    return x + x"},
            "double",
            "nothing between",
        ),
        ({"answer": "Because addition is defined."}, "why", "nothing between"),
        ({"check": CHECK.replace("HIDDEN TESTS", "SOLUTION")}, "double-check", "SOLUTION in a cell"),
        ({"solution": SOLUTION.replace("SOLUTION", "HIDDEN TESTS")}, "double", "HIDDEN TESTS in a cell"),
        ({"check": CHECK.replace("### END HIDDEN TESTS", "")}, "double-check", "never closed"),
        ({"check": CHECK.replace("END HIDDEN TESTS", "END HIDDEN TEST")}, "double-check", "END HIDDEN TEST"),
        ({"answer": ANSWER.replace("END SOLUTION", "END SOLUTON")}, "why", "never closed"),
    ],
)
def test_a_broken_marker_stops_the_release_with_its_place(folder, course, changes, where, says):
    lesson = write_exercises(folder, cells=exercise_cells(**changes))
    with pytest.raises(UserError, match=re.escape(says)) as raised:
        release(one(lesson), course)
    assert f"01_double.ipynb: cell {where!r}" in str(raised.value)
    assert {path.name for path in course.iterdir()} == {"nbgrader_config.py", "gradebook.db"}


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (new_code_cell(SOLUTION, id="extra"), "a cell that is not marked for it"),
        (new_code_cell("1", id="extra", metadata=mark("double-check", grade=True, points=1)), "of its own"),
        (new_code_cell("1", id="extra", metadata=mark("extra", grade=True)), "0 points"),
    ],
)
def test_a_cell_that_nbgrader_would_misread_stops_the_release(folder, extra, says):
    lesson = write_exercises(folder, cells=[*exercise_cells(), extra])
    with pytest.raises(UserError, match=says) as raised:
        check_source(lesson)
    assert "cell 'extra'" in str(raised.value)


def test_a_lesson_without_exercises_is_no_assignment(folder):
    with pytest.raises(UserError, match="no cell that is graded"):
        check_source(write_exercises(folder, cells=[new_code_cell("1")]))


@pytest.mark.parametrize(
    "leak",
    [
        new_code_cell("# twofold = x + x", id="leak"),
        new_code_cell("if seed:\n        return  twofold", id="leak"),
        new_markdown_cell(
            'Your teacher also checks `assert double(-4) == -8, "negative numbers too"`.', id="leak"
        ),
        new_markdown_cell("Note: because you ask.\nBecause addition is\ndefined for numbers.", id="leak"),
    ],
)
def test_a_solution_outside_its_markers_stops_the_release(folder, course, leak):
    lesson = write_exercises(folder, cells=[*exercise_cells(), leak])
    with pytest.raises(UserError, match="nothing of a solution") as raised:
        release(one(lesson), course)
    assert "01_double.ipynb: cell 'leak'" in str(raised.value)
    assert not (course / "release").exists()
    with nbgrader_bridge.gradebook(course) as book:
        assert book.assignments == []


def test_lines_that_say_nothing_may_occur(folder, course):
    solution = SOLUTION.replace("twofold = x + x\n", "twofold = max(\n        x + x, x + x\n    )\n")
    cells = [*exercise_cells(solution=solution), new_code_cell("largest = max(\n    1, 2\n)")]
    release(one(write_exercises(folder, cells=cells)), course)
    assert "twofold" not in released_cells(course)["double"].source


def test_markers_are_looked_for_in_metadata_and_other_files_too(folder):
    lesson = write_exercises(folder)
    notebook = json.dumps({"cells": [], "metadata": {"note": "### Begin Hidden Test"}})
    for files in ({"n.ipynb": notebook}, {"README.txt": "END SOLUTION"}, {"README.txt": "twofold = x + x"}):
        with pytest.raises(UserError, match="nothing of a solution"):
            check_release([lesson], files)
    check_release([lesson], {"README.txt": "In the end, solutions are discussed."})


def test_outputs_of_a_teachers_run_are_not_released(folder, course):
    cells = exercise_cells()
    cells[2].outputs = [new_output("stream", name="stdout", text="the answer is 42")]
    cells[2].execution_count = 3
    release(one(write_exercises(folder, cells=cells)), course)
    check = released_cells(course)["double-check"]
    assert (check.outputs, check.execution_count) == ([], None)
    cells[2].source = "double(1)"
    with pytest.raises(UserError, match="an output"):
        check_release([], {"n.ipynb": json.dumps({"cells": [cells[2]]})})


def test_several_lessons_can_be_one_assignment(folder, course):
    first, second = write_exercises(folder), write_exercises(folder, "02_again")
    release(Assignment("week1", (first, second)), course)
    assert {path.name for path in (course / "release" / "week1").iterdir()} == {
        *("README.txt", "nbgrader_config.py", "01_double.ipynb", "02_again.ipynb")
    }
    with nbgrader_bridge.gradebook(course) as book:
        assert book.find_assignment("week1").max_score == 10


def test_a_new_release_replaces_the_old_one_whole(folder, course):
    release(one(write_exercises(folder)), course)
    changed = [cell for cell in exercise_cells() if not cell.id.startswith("why")]
    release(one(write_exercises(folder, cells=changed)), course)
    assert "why" not in released_cells(course)
    assert "why" not in (course / "source" / "01_double" / "01_double.ipynb").read_text()
    assert "why" not in "".join(unpacked(course / "release" / "01_double.zip").values())
    with nbgrader_bridge.gradebook(course) as book:
        assert book.find_assignment("01_double").max_score == 2


def test_a_release_that_fails_leaves_the_one_before(folder, course):
    release(one(write_exercises(folder)), course)
    before, book = everything_in(course), (course / "gradebook.db").read_bytes()
    leaking = [*exercise_cells(), new_code_cell("# twofold = x + x")]
    with pytest.raises(UserError):
        release(one(write_exercises(folder, cells=leaking)), course)
    assert everything_in(course) == before
    assert (course / "gradebook.db").read_bytes() == book


def test_a_release_that_was_killed_is_made_again(folder, course, monkeypatch):
    """Killed at the worst moment: the gradebook is written, the folders are not yet."""
    lesson = write_exercises(folder)
    stopped = KeyboardInterrupt()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(
            "mnistkit.grading.course_folder.replace_folder", lambda *_: (_ for _ in ()).throw(stopped)
        )
        release(one(lesson), course)
    (course / ".stage-left" / "source").mkdir(parents=True)
    release(one(lesson), course)
    assert "double" in released_cells(course)
    assert not list(course.glob(".stage-*"))


@pytest.mark.filterwarnings("ignore:Object of type <Submitted")  # nbgrader's way with its database
def test_what_has_been_handed_in_is_not_released_again(folder, course):
    lesson = write_exercises(folder)
    release(one(lesson), course)
    before = everything_in(course)
    with nbgrader_bridge.gradebook(course) as book:
        book.add_student("ada")
        book.add_submission("01_double", "ada")
    with pytest.raises(UserError, match="handed in by 1 already \\(ada\\)"):
        release(one(lesson), course)
    (course / "submitted" / "alan" / "01_double").mkdir(parents=True)
    with pytest.raises(UserError, match="handed in by 2 already \\(ada, alan\\)"):
        release(one(lesson), course)
    assert everything_in(course) == before
    release(Assignment("another", (lesson,)), course)


def test_one_release_at_a_time(folder, course):
    lesson = write_exercises(folder)
    with (
        FileLock(course / ".course.lock"),
        pytest.raises(UserError, match="another release, collection or grading is at work"),
    ):
        release(one(lesson), course)


def test_the_teachers_own_settings_stay_and_hold(folder, course):
    config = course / nbgrader_bridge.CONFIG
    text = config.read_text() + 'c.ClearSolutions.text_stub = "Schreib hier."\n'
    config.write_text(text)
    courses.open_course(course)
    release(one(write_exercises(folder)), course)
    assert config.read_text() == text
    assert released_cells(course)["why"].source == "Schreib hier."
    config.write_text("c = get_config(\n")
    with pytest.raises(UserError, match=r"nbgrader_config.py\n  found:    SyntaxError"):
        release(one(write_exercises(folder)), course)


def test_what_nbgrader_says_is_passed_on(folder, course):
    cells = exercise_cells()
    cells[2].metadata.nbgrader.schema_version = 99
    with pytest.raises(UserError, match="nbgrader could not do") as raised:
        release(one(write_exercises(folder, cells=cells)), course)
    assert "newer version" in str(raised.value)


def test_validate_gives_each_cell_the_time_that_lessons_need(folder, course, monkeypatch):
    """As the button of JupyterLab does it: nbgrader's own 30 s end a lesson in the middle of a training."""
    from nbgrader.preprocessors import Execute
    from nbgrader.server_extensions.validate_assignment.handlers import ValidateAssignmentHandler
    from nbgrader.validator import Validator

    release(one(write_exercises(folder)), course)
    monkeypatch.chdir(course / "release" / "01_double")
    config = ValidateAssignmentHandler.load_config(None)
    assert Execute(parent=Validator(config=config)).timeout == 600


# The command.


def command(*words):
    return CliRunner().invoke(main, ["assignment", "release", *map(str, words)])


def test_the_command_releases_and_shows_the_points(folder, tmp_path):
    write_exercises(folder)
    write_exercises(folder, "02_again")
    done = command("2")
    assert done.exit_code == 0, done.output
    assert "02_again: 2 exercises, 5 points" in done.output
    assert "by hand        02  Exercise 2 · Why?" in done.output
    assert (tmp_path / "work" / "course" / "release" / "02_again.zip").exists()
    assert not (tmp_path / "work" / "course" / "release" / "01_double.zip").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["01_dubble"], "unknown lesson '01_dubble', did you mean '01_double'?"),
        (["--course", "full"], "a folder with other things in it"),
        (["--course", "full/letter.txt"], "found:    a file"),
        (["--name", "../outside"], "letters, digits, _ and -"),
        (["--personal", "nobody.csv"], "FileNotFoundError"),
    ],
)
def test_a_request_that_can_not_be_met_is_explained(folder, tmp_path, words, says):
    write_exercises(folder)
    full = tmp_path / "work" / "full"
    full.mkdir()
    (full / "letter.txt").write_text("Dear")
    done = command(*words)
    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output
    assert [path.name for path in full.iterdir()] == ["letter.txt"]
    assert not (tmp_path / "work" / "course").exists()


def solution(body):
    return f"def double(x):\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"


REFUSED = {
    "a syntax error": ({"solution": solution("return x +")}, "SyntaxError"),
    "a wrong solution": ({"solution": solution("return 2")}, "double-check"),
    "a check that all pass": ({"check": "double\nassert True"}, "01_double: double-check"),
    "a type's name": (
        {"check": "assert double(1) is not None and type(double).__name__ == 'x'"},
        "double-check",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_grading_would_refuse_for_a_whole_class_is_not_released(folder, tmp_path, kind):
    cells, says = REFUSED[kind]
    write_exercises(folder, cells=exercise_cells(**cells))
    done = command()
    assert done.exit_code == 1
    for line in (says, "  found:  ", "  expected: ", "  to do:  "):
        assert line in done.output, done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "work" / "course" / "release").exists()


def test_what_a_person_must_grade_is_said_when_it_is_released(folder, tmp_path):
    figure = solution("from matplotlib.figure import Figure\n    return Figure()")
    write_exercises(folder, cells=exercise_cells(figure, "assert double(1).axes == []"))
    error = solution("if x < 0:\n        raise ValueError('negative')\n    return 2 * x")
    caught = "try:\n    double(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False, 'no error'"
    write_exercises(folder, "02_error", exercise_cells(error, caught))
    done = command()
    assert done.exit_code == 0, done.output
    assert "double-check must be graded by hand: double: a Figure object is not plain data" in done.output
    assert done.output.count("must be graded by hand") == 1


def test_without_bubblewrap_a_release_is_tried_as_it_is_and_says_so(folder, monkeypatch):
    write_exercises(folder)
    monkeypatch.setattr(self_check, "sandbox_problem", lambda: "bwrap\n  found:    not installed")
    done = command()
    assert done.exit_code == 0, done.output
    assert "bwrap" in done.output
    assert "tried without it" in done.output


def test_without_nbgrader_the_command_says_how_to_install_it(folder, monkeypatch):
    write_exercises(folder)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = command()
    assert done.exit_code == 1
    assert "install.py --for teacher" in done.output


def test_help_and_other_commands_do_without_nbgrader(folder):
    """It takes seconds to import."""
    code = "import sys, mnistkit.grading.release.command\nprint('nbgrader' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_lesson_that_is_no_notebook_is_named(folder, course):
    lesson = write_exercises(folder)
    lesson.path.write_text("{")
    with pytest.raises(UserError, match="not a readable notebook"):
        release(one(Lesson(lesson.path)), course)


def test_archives_can_be_opened_anywhere(folder, course):
    release(one(write_exercises(folder)), course)
    with zipfile.ZipFile(course / "release" / "01_double.zip") as packed:
        assert packed.testzip() is None
        assert all(info.external_attr >> 16 == 0o644 for info in packed.infolist())


# Lessons that other editors have saved.


def as_vs_code(notebook):
    """Without ids, with its own kernel and metadata, and an output of an older format."""
    notebook["nbformat_minor"] = 2
    notebook["metadata"] = {
        "kernelspec": {"display_name": ".venv (3.12.1)", "language": "python", "name": "my-venv"},
        "language_info": {"name": "python", "version": "3.12.1", "codemirror_mode": {"name": "ipython"}},
        "vscode": {"interpreter": {"hash": "abc"}},
    }
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"]["vscode"] = {"languageId": "python"}


def as_colab(notebook):
    """With ids in the metadata, and none where nbformat wants them."""
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {
        "colab": {"provenance": []},
        "kernelspec": {"name": "ir", "display_name": "Python 3"},
    }
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"id": f"x{number}", "colab": {"base_uri": "https://localhost"}}
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "text": "no name"}]
            cell["metadata"]["collapsed"] = "yes"


def as_merged(notebook):
    """With one id twice, one too long, one that is a number."""
    for cell, wrong in zip(notebook["cells"], ("a", "a", "x" * 65, 7), strict=False):
        cell["id"] = wrong


@pytest.mark.parametrize("saved", [as_vs_code, as_colab, as_merged])
def test_a_lesson_of_another_editor_is_released_valid_and_with_our_kernel(tmp_path, saved):
    lesson = write_exercises(write_course(tmp_path))
    notebook = json.loads(lesson.path.read_text())
    saved(notebook)
    lesson.path.write_text(json.dumps(notebook))
    course = tmp_path / "course"
    courses.open_course(course)
    made = []
    for _ in range(2 if saved is as_vs_code else 1):
        release(Assignment("01_double", (Lesson(lesson.path),)), course)
        made.append((course / "release" / "01_double.zip").read_bytes())
    assert len(set(made)) == 1, "the same ids each time"
    for step in ("source", "release"):
        text = (course / step / "01_double" / "01_double.ipynb").read_text()
        after = json.loads(text)
        nbformat.validate(after)
        assert (after["nbformat"], after["nbformat_minor"]) == (4, 5)
        assert after["metadata"]["kernelspec"] == {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        }
        assert len({cell["id"] for cell in after["cells"]}) == len(after["cells"])
        assert not re.search("vscode|colab|my-venv|no name", text)
    marks = [
        cell["metadata"]["nbgrader"]["grade_id"] for cell in after["cells"] if "nbgrader" in cell["metadata"]
    ]
    assert marks == ["double", "double-check", "why"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda notebook: notebook["cells"][0].update(cell_type="heading", level=1),
            "not a readable notebook",
        ),
        (lambda notebook: notebook["cells"][0]["metadata"].update(tags="one"), "'one'"),
        (lambda notebook: notebook["metadata"]["kernelspec"].update(language="R"), "is written in R"),
    ],
)
def test_what_can_not_be_made_valid_is_not_released(tmp_path, change, says):
    lesson = write_exercises(write_course(tmp_path))
    notebook = json.loads(lesson.path.read_text())
    change(notebook)
    lesson.path.write_text(json.dumps(notebook))
    course = tmp_path / "course"
    courses.open_course(course)
    with pytest.raises(UserError, match=r"01_double.ipynb\n  found:") as raised:
        release(Assignment("01_double", (Lesson(lesson.path),)), course)
    assert says in str(raised.value)
    assert not (course / "release").exists()
