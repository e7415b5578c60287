"""The cells of an exercise to begin with: they can be released and graded as they are."""

from __future__ import annotations

import json
import keyword
from pathlib import Path
from typing import Any

from mnistkit.course.lessons import find, find_folder, notebook_text, select
from mnistkit.course.new_lesson import code_cell, exercise_mark, markdown_cell
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading.sandbox.code_dependencies import units


def new_exercise(lesson: str, name: str, *, words: bool) -> Path:
    """Add the cells of an exercise at the end of a lesson.

    Parameters
    ----------
    lesson : str
        Which, as `mnistkit.course.lessons.select` takes it.
    name : str
        The exercise: the name of the function to write.
    words : bool
        A question to answer in words instead.

    Returns
    -------
    pathlib.Path
        The notebook.

    Raises
    ------
    UserError
        If there is no such lesson, the name can't be one, or the lesson has it already. Nothing is written
        then.
    """
    (found,) = select(find(find_folder()), [lesson])
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise UserError(
            name, found=repr(name), expected="a name of Python: letters, digits and _, as in mean_value"
        )
    notebook = json.loads(found.text)
    cells = _question(name) if words else _function(name)
    known = {cell.get("id") for cell in notebook["cells"]}
    taken = [f"a cell {identity!r}" for identity in sorted(known & {cell["id"] for cell in cells})]
    code = [cell.source for cell in found.cells if cell.kind == "code" and not words]
    if any(name in unit.binds for source in code for unit in units(source, whole=True)):
        taken.append(f"{name!r}, which a cell defines")
    if taken:
        raise UserError(
            found.path,
            found=taken[0],
            expected="a name that nothing in the lesson has yet",
            todo="choose another name",
        )
    notebook["cells"] += cells
    write_atomically(found.path, notebook_text(notebook))
    return found.path


def _function(name: str) -> list[dict[str, Any]]:
    cell = f"exercise-{name.replace('_', '-')}"
    marks = [
        exercise_mark(cell, solution=True),
        exercise_mark(f"{cell}-check", points=1),
        exercise_mark(f"{cell}-check-2", points=1),
    ]
    texts = (_SOLUTION, _CHECK, _HIDDEN_CHECK)
    made = [
        code_cell(mark["grade_id"], text.format(name=name), nbgrader=mark)
        for mark, text in zip(marks, texts, strict=True)
    ]
    return [markdown_cell(f"{cell}-text", _TEXT.format(name=name)), *made]


def _question(name: str) -> list[dict[str, Any]]:
    cell = f"exercise-{name.replace('_', '-')}"
    mark = exercise_mark(cell, solution=True, points=2)
    return [
        markdown_cell(f"{cell}-text", _QUESTION.format(title=name.replace("_", " ").capitalize())),
        markdown_cell(cell, _ANSWER, nbgrader=mark),
    ]


_TEXT = """\
### Exercise · {name}

Write `{name}(values)`. `values` is a list or an array of numbers. Return their mean, as one number. The cells
after it check it; your teacher's copy checks a little more.

<details><summary>Hint</summary>

What does `len` tell?

</details>"""

_SOLUTION = '''\
def {name}(values):
    """Return the mean of the values."""
    ### BEGIN SOLUTION
    return sum(values) / len(values)
    ### END SOLUTION'''

_CHECK = """\
# whole numbers
assert {name}([1, 2, 3]) == 2, "the mean of 1, 2 and 3"
### BEGIN HIDDEN TESTS
assert {name}([5]) == 5, "a single number"
### END HIDDEN TESTS"""

_HIDDEN_CHECK = """\
# fractions and numbers below 0
### BEGIN HIDDEN TESTS
assert abs({name}([-1.5, 0.5, 0.5, 0.5])) < 1e-9, "numbers on both sides of 0"
### END HIDDEN TESTS"""

_QUESTION = """\
### Exercise · {title}

Ask one question here. Say how long an answer should be, and what it should refer to: two sentences, with one
number of your own run."""

_ANSWER = """\
<!-- BEGIN SOLUTION -->
What you would accept, and what earns how many points.
<!-- END SOLUTION -->"""
