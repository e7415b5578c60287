"""What every notebook of the course must be as a file: the source that people read, diff and hand out."""

import ast
import copy
import re
import subprocess
import sys

import nbformat
import pytest
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

from mnistkit.course.check_cells import FOLDED
from mnistkit.course.lessons import find, find_folder, providers
from mnistkit.course.parameters import read_preset, read_schema
from mnistkit.course.report.html.math import mathml

LESSONS = find(find_folder())
KERNEL = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
MAX_LINES = 18  # of code in a cell, imports and blank lines not counted; "about 15"
MAX_CORE_CELLS = 40  # code cells before "Going further", exercises not counted
MARKERS = re.compile("BEGIN SOLUTION|END SOLUTION|BEGIN HIDDEN TESTS|END HIDDEN TESTS")


@pytest.fixture(params=LESSONS, ids=[lesson.name for lesson in LESSONS])
def lesson(request):
    return request.param


@pytest.fixture
def notebook(lesson):
    notebook = nbformat.read(lesson.path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    return notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_exercise(cell):
    return "nbgrader" in cell.metadata


def tags(cell):
    return cell.metadata.get("tags", [])


def test_a_notebook_is_stored_without_what_a_run_leaves_in_it(lesson, notebook):
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata == KERNEL
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    for cell in notebook.cells:
        folded = FOLDED if "check" in tags(cell) else {}
        assert folded.items() <= cell.metadata.items(), f"{cell.id}: make format folds it"
        assert set(cell.metadata) <= {"tags", "nbgrader", *folded}, cell.id


def test_nbstripout_would_change_no_notebook():
    paths = [str(lesson.path) for lesson in LESSONS]
    command = [sys.executable, "-m", "nbstripout", "--verify", "--keep-id", *paths]
    assert subprocess.run(command).returncode == 0


def test_cell_ids_are_readable_and_unique(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    bad = [
        i
        for i in ids
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", i) or re.fullmatch("[0-9a-f]{8}", i)
    ]
    assert not bad


def test_the_title_has_the_number_of_the_file(lesson, notebook):
    assert notebook.cells[0].cell_type == "markdown"
    assert lesson.title.startswith(f"{lesson.name[:2]} · ")


def lines_of_code(source):
    lines = [line for line in source.splitlines() if line.strip()]
    return sum(not line.startswith(("import ", "from ")) for line in lines)


def test_cells_are_short(notebook):
    counts = {cell.id: lines_of_code(cell.source) for cell in code_cells(notebook) if not is_exercise(cell)}
    assert not {cell: count for cell, count in counts.items() if count > MAX_LINES}


def test_the_core_path_fits_a_class_and_the_rest_is_switched_on(notebook):
    headings = [i for i, cell in enumerate(notebook.cells) if cell.source.startswith("## Going further")]
    assert len(headings) == 1
    core = [
        cell for cell in notebook.cells[: headings[0]] if cell.cell_type == "code" and not is_exercise(cell)
    ]
    assert len(core) <= MAX_CORE_CELLS
    beyond = [cell for cell in notebook.cells[headings[0] :] if cell.cell_type == "code"]
    assert all("if further" in cell.source for cell in beyond[:-1]), "all but the summary"
    assert "summary()" in beyond[-1].source


def test_one_figure_stands_for_the_lesson(notebook):
    assert sum("thumbnail" in tags(cell) for cell in notebook.cells) == 1


def test_every_figure_comes_from_the_plots_module(notebook):
    """Which describes what it draws, where no cell says it better."""
    figures = 0
    for cell in code_cells(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "plots.show":
                figures += 1
        assert "plt.show" not in cell.source
    assert figures >= 8


def test_what_shows_a_result_can_fail(notebook):
    """Each section that draws or records asserts something."""
    parts = [[]]
    for cell in notebook.cells:
        if cell.source.startswith("## "):
            parts.append([])
        elif cell.cell_type == "code":
            parts[-1].append(cell.source)
    shows, fails = r"plots\.show\(|(?<!def )\brecord\(", r"\bassert\b|(?<!def )\bcheck\("
    texts = ["\n".join(part) for part in parts]
    assert not [text for text in texts if re.search(shows, text) and not re.search(fails, text)]


def test_formulas_can_be_drawn_without_a_network(notebook):
    """JupyterLab brings MathJax along; a report has MathML."""
    formula = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for block, inline in formula.findall(cell.source):
                assert mathml(block or inline, block=bool(block)).startswith("<math"), block or inline
            assert "$" not in formula.sub("", cell.source), cell.id
            assert "http://" not in cell.source, cell.id


def test_the_first_two_lessons_do_without_tensorflow(lesson, notebook):
    if lesson.name[:2] in ("01", "02"):
        assert not re.search(
            "tensorflow|keras", "\n".join(cell.source for cell in code_cells(notebook)), re.I
        )


def test_exercises_are_nbgraders_and_lose_their_solutions(notebook):
    marked = [cell for cell in notebook.cells if is_exercise(cell)]
    questions = [cell for cell in marked if cell.cell_type == "markdown"]
    solutions = [c for c in marked if c.cell_type == "code" and c.metadata.nbgrader.solution]
    checks = [c for c in marked if c.cell_type == "code" and c.metadata.nbgrader.grade]
    assert len(solutions) >= 3
    assert len(checks) == len(solutions)
    assert len(questions) >= 1, "a question to answer in words"
    assert len(solutions) + len(questions) <= 6
    assert len(marked) == len(solutions) + len(checks) + len(questions)
    assert all(cell.metadata.nbgrader.grade_id == cell.id for cell in marked)
    assert all(cell.metadata.nbgrader.points > 0 for cell in checks + questions)
    assert all(cell.metadata.nbgrader.locked for cell in checks)
    assert all(cell.metadata.nbgrader.solution and not cell.metadata.nbgrader.locked for cell in questions)
    released = copy.deepcopy(notebook)  # nbgrader changes the notebook that it is given
    for preprocessor in (ClearSolutions(), ClearHiddenTests()):
        released, _ = preprocessor.preprocess(released, {})
    for before, after in zip(notebook.cells, released.cells, strict=True):
        assert not MARKERS.search(after.source), after.id
        if before in solutions:
            assert "raise NotImplementedError" in after.source
        elif before in questions:
            assert after.source == ClearSolutions().text_stub, "the question stands in the cell before"
        elif before in checks:
            assert "BEGIN HIDDEN TESTS" in before.source
            assert "assert" in after.source, "a student needs a visible check too"
        else:
            assert after.source == before.source


def test_going_further_needs_no_answer_to_an_exercise(notebook):
    """Students have none at first; the smoke run, which executes these cells, has them all."""
    cells = code_cells(notebook)
    written = [
        statement
        for cell in cells
        if cell.metadata.get("nbgrader", {}).get("solution")
        for statement in ast.parse(cell.source).body
    ]
    answers = {
        statement.name for statement in written if isinstance(statement, ast.FunctionDef | ast.ClassDef)
    }
    assigned = [name for s in written if isinstance(s, ast.Assign) for t in s.targets for name in ast.walk(t)]
    answers |= {name.id for name in assigned if isinstance(name, ast.Name)}
    assert answers
    further = [ast.parse(cell.source) for cell in cells if "if further" in cell.source]
    used = {name.id for tree in further for name in ast.walk(tree) if isinstance(name, ast.Name)}
    assert not answers & used


def test_every_function_to_write_has_a_hint(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    solutions = [c for c in code_cells(notebook) if c.metadata.get("nbgrader", {}).get("solution")]
    assert text.count("<summary>Hint</summary>") >= len(solutions)


def test_folded_answers_are_closed(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert text.count("<details>") == text.count("</details>") >= 2


def test_presets_are_valid_and_smoke_runs_everything(lesson):
    folder = find_folder()
    smoke, full = (read_preset(folder, preset, LESSONS) for preset in ("smoke", "full"))
    assert smoke[lesson.name]["further"]
    assert full[lesson.name]["further"]
    schema = read_schema(lesson)
    for name in {"n_train", "n_test", "n_samples"} & set(schema):
        assert smoke[lesson.name][name] < schema[name].default < full[lesson.name][name]


def test_what_a_lesson_takes_over_an_earlier_one_hands_over(lesson):
    assert not lesson.takes_over or providers(lesson)
