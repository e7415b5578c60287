"""What stands between markers: one rule for whoever hides it, and a release takes no marker that is in doubt."""

import copy
import json

import nbformat
import pytest
from assignment_helpers import ANSWER, CHECK, SOLUTION, exercise_cells, mark, write_exercises
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions
from sandbox_helpers import cell, notebook

from mnistkit.course.markers import regions, replace_regions
from mnistkit.course.student_edition import CODE_STUB, TEXT_STUB, without_solutions
from mnistkit.errors import UserError
from mnistkit.grading.autograde.reference_solution import prepare
from mnistkit.grading.exercises import check_release, check_source, read_exercises
from mnistkit.grading.submission import SubmittedCell

ALL_BUT_THREE_SIGNS = ["# {}", "## {}", "#### {}", "###{}", "    ### {}", "### {} ###", "# ---- {} ----\t"]
IN_DOUBT = ["### {}: the rest", "x = 1  ### {}", '"{}"', "### {0} ### {0}", "{}", "###_{}"]


def sources(lesson):
    return ["".join(cell["source"]) for cell in json.loads(lesson.text)["cells"]]


def checked(written):
    """Give the check of the small lesson with its markers written in another way."""
    return CHECK.replace("### BEGIN HIDDEN TESTS", written.format("BEGIN HIDDEN TESTS")).replace(
        "### END HIDDEN TESTS", written.format("END HIDDEN TESTS")
    )


@pytest.mark.parametrize("written", ALL_BUT_THREE_SIGNS)
def test_a_comment_of_only_a_marker_is_one_for_all_readers(tmp_path, written):
    solution = SOLUTION.replace("### ", written.replace("{}", ""))
    lesson = write_exercises(tmp_path, cells=exercise_cells(solution, checked(written)))
    check_source(lesson)
    theirs = nbformat.reads(lesson.text, as_version=4)
    stubs = ClearSolutions(code_stub={"python": CODE_STUB}, text_stub=TEXT_STUB)
    for preprocessor in (stubs, ClearHiddenTests()):
        theirs, _ = preprocessor.preprocess(theirs, {})
    ours = without_solutions(json.loads(lesson.text))["cells"]
    assert ["".join(cell["source"]) for cell in ours] == [cell.source for cell in theirs.cells]
    (check,) = prepare(lesson.text, {"seed": 1}).checks
    assert [[s.source for s in part] for part in (check.visible, check.hidden)] == [
        ['assert double(1) == 2, "twice 1 is 2"'],
        ['assert double(-4) == -8, "negative numbers too"'],
    ]


@pytest.mark.parametrize("check", [*map(checked, IN_DOUBT), CHECK.replace("BEGIN HIDDEN", "begin_hidden")])
def test_what_is_in_doubt_is_hidden_and_never_released(tmp_path, check):
    with pytest.raises(UserError, match="alone in its line, exactly like: ### BEGIN SOLUTION"):
        check_source(write_exercises(tmp_path, cells=exercise_cells(check=check)))
    assert "-4" in check
    assert "-4" not in SubmittedCell(check).visible
    edition = without_solutions({"cells": [cell(check, "double-check", grade=True, points=1)]})
    assert "-4" not in edition["cells"][0]["source"]


@pytest.mark.parametrize("written", ["<!-- {} -->", "### {}", "=== {} ===", "{}", "  <!--{}-->  "])
def test_in_a_text_other_signs_may_stand_around_a_marker(tmp_path, written):
    answer = ANSWER.replace("<!-- ", written.partition("{")[0]).replace(" -->", written.partition("}")[2])
    check_source(write_exercises(tmp_path, cells=exercise_cells(answer=answer)))


@pytest.mark.parametrize("line", ["<!-- BEGIN SOLUTION --> Because", "<!-- Begin Solution -->"])
def test_in_a_text_nothing_else_may_stand_beside_a_marker(tmp_path, line):
    answer = ANSWER.replace("<!-- BEGIN SOLUTION -->", line)
    with pytest.raises(UserError, match="exactly like: <!-- BEGIN SOLUTION -->"):
        check_source(write_exercises(tmp_path, cells=exercise_cells(answer=answer)))


def test_the_marking_scheme_of_a_task_is_hidden_as_nbgrader_hides_it():
    task = {"grade_id": "draw", "grade": False, "solution": False, "task": True, "points": 2}
    source = "Draw it.\n=== BEGIN MARK SCHEME ===\n1 point for the axes\n=== END MARK SCHEME ===\nSay why."
    written = new_notebook(cells=[new_markdown_cell(source, metadata={"nbgrader": task})])
    theirs, _ = ClearMarkScheme().preprocess(copy.deepcopy(written), {})
    ours = without_solutions(json.loads(nbformat.writes(written)))
    assert ours["cells"][0]["source"] == theirs.cells[0].source == "Draw it.\nSay why."


def test_a_marker_names_no_part(tmp_path):
    cells = exercise_cells(check="# whole numbers\nassert double(1) == 2")
    hidden = checked("# {}").partition("\n")[2]
    cells.insert(3, new_code_cell(hidden, metadata=mark("more", grade=True, points=1)))
    titles = [exercise.title for exercise in read_exercises(write_exercises(tmp_path, cells=cells))]
    assert titles[:2] == ["Exercise 1 · Double it: whole numbers", "Exercise 1 · Double it: part 2"]


def test_regions_are_found_by_their_kind():
    source = "a\n# BEGIN SOLUTION\nb\n# END HIDDEN TESTS\n# BEGIN SOLUTION\n# END SOLUTION\nc\n# END SOLUTION"
    assert regions(source, "SOLUTION") == [range(1, 6)]
    assert regions(source, "HIDDEN TESTS") == []
    assert regions("# BEGIN HIDDEN TESTS\na", "HIDDEN TESTS") == [range(2)], "what is never closed"
    assert regions("a\r# BEGIN SOLUTION\r\nb\n# END SOLUTION\r\nc", "SOLUTION") == [range(1, 4)]
    assert regions("append solution, bend_solution", "SOLUTION") == []
    assert regions("APPEND SOLUTION # xBEGIN SOLUTION", "SOLUTION") == [range(1)], "nbgrader's words"
    two = "  # BEGIN SOLUTION\n  a\n  # END SOLUTION\nb\n# BEGIN SOLUTION\n# END SOLUTION"
    assert replace_regions(two, "SOLUTION", "x\n\ny") == "  x\n\n  y\nb\nx\n\ny"
    assert replace_regions(two, "SOLUTION") == "b"


def test_every_students_copy_is_searched_for_what_is_hidden(tmp_path):
    lesson = write_exercises(tmp_path)
    common = {"cell_type": "code", "source": "double(1)"}
    leak = {"cell_type": "code", "id": "leak", "source": "seed = 7\ntwofold = x + x"}
    sound = notebook([common])
    check_release([lesson], {"ada/n.ipynb": sound, "bob/n.ipynb": sound})
    with pytest.raises(UserError, match=r"bob/n\.ipynb: cell 'leak'"):
        check_release([lesson], {"ada/n.ipynb": sound, "bob/n.ipynb": notebook([common, leak])})
    with pytest.raises(UserError, match="an output"):
        ran = notebook([common | {"outputs": [{"output_type": "stream"}]}])
        check_release([lesson], {"ada/n.ipynb": sound, "bob/n.ipynb": ran})


REGION = "### BEGIN HIDDEN TESTS\nassert f(-7) == 49, 'below 0'\n### END HIDDEN TESTS"


@pytest.mark.parametrize("indent", [True, False], ids=["indented", "markers at column 0"])
@pytest.mark.parametrize(
    "head",
    [
        "for x in (1, 2):",
        "while f(2) == 4:",
        "with np.errstate():",
        "if f(1):",
        "def also():",
        "class Also:",
        "try:",
        "@np.vectorize\ndef also(x):",
    ],
)
def test_a_statement_that_has_something_hidden_in_it_is_hidden(head, indent):
    region = REGION.replace("###", "    ###") if indent else REGION
    region = region.replace("assert", "    assert")
    end = "    break\n" * head.startswith("while") + "finally:\n    pass\n" * (head == "try:")
    source = f"assert f(0) == 0\n{head}\n    assert f(1) == 1\n{region}\n{end}assert f(3) == 9"
    cells = [
        cell("import numpy as np"),
        cell("def f(x):\n    return x * x", "f"),
        cell(source, "f-check", grade=True, points=1),
    ]
    (check,) = prepare(notebook(cells), {}).checks
    assert [statement.source for statement in check.visible] == ["assert f(0) == 0"]
    assert "-7" in check.hidden[0].source
    assert [(each.lines, each.hint) for each in check.hidden_asserts] == [
        (range(5 + head.count("\n"), 6 + head.count("\n")), "below 0")
    ]


def test_a_hidden_decorator_hides_its_function_and_finds_what_it_needs():
    check = (
        "import functools\n### BEGIN HIDDEN TESTS\n@functools.lru_cache(maxsize=f(-7))\n"
        "### END HIDDEN TESTS\ndef also():\n    return 1\nassert also() == 1"
    )
    cells = [cell("def f(x):\n    return x * x", "f"), cell(check, "f-check", grade=True, points=1)]
    (found,) = prepare(notebook(cells), {}).checks
    assert [statement.source for statement in found.visible] == ["import functools"]
    assert found.hidden[0].source == "import functools"


def test_lines_are_counted_as_python_counts_them():
    """Other ends of lines than Python's, such as U+2028 in a text, move nothing out of what is hidden."""
    check = f"said = 'a\u2028b\x0c'\nassert f(1) == 1\r{REGION}"
    cells = [cell("def f(x):\n    return x * x", "f"), cell(check, "f-check", grade=True, points=1)]
    (found,) = prepare(notebook(cells), {}).checks
    assert [statement.line for statement in found.visible] == [1, 2]
    assert [statement.line for statement in found.hidden] == [4]
