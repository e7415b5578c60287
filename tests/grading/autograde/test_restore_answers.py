"""Answers that are not in their cells: found, shown, or left to a person."""

import pytest
from test_formgrader_notebook import code, text

from mnistkit.grading.autograde.restore_answers import FOUND, restore
from mnistkit.grading.submission import grade_id_of

STUB = "def double(x):\n    raise NotImplementedError"
ANSWER = "def double(x):\n    return 2 * x"
WHY = "Since *plus* is commutative, and 2 x = x + x."
RELEASED = [
    text("## Lesson"),
    code(STUB, "double", solution=True),
    code("assert double(1) == 2", "double-check", grade=True, points=2),
    text("### Exercise · Why?"),
    text("*Your answer*", "why", grade=True, solution=True, points=4),
    text("## Discussion"),
    code("plot()"),
]


def other(source, kind="markdown"):
    """Make a cell of the student's own."""
    return {"cell_type": kind, "id": "m1", "metadata": {}, "source": source}


def with_cells(**changes):
    """Give the released cells with others in their places, by name; as a list of cells each."""
    made = []
    for cell in RELEASED:
        made += changes.get(grade_id_of(cell).replace("-", "_"), [cell])
    return made


def stripped(cell, source=None, *, keep_id=True):
    kept = {**cell, "metadata": {}, "source": source or cell["source"]}
    return kept if keep_id else {**kept, "id": "another"}


def source_of(cells, name):
    (found,) = [cell["source"] for cell in cells if grade_id_of(cell) == name]
    return found


ANSWERED = {**RELEASED[4], "source": WHY}
SOLVED = {**RELEASED[1], "source": ANSWER}


def test_what_is_in_its_place_stays_as_it_is():
    for cells in (RELEASED, with_cells(why=[ANSWERED], double=[SOLVED]), [*RELEASED, other("1 + 1", "code")]):
        found = restore(RELEASED, cells)
        assert (found.cells, found.notes, found.unclear) == (cells, (), frozenset())


@pytest.mark.parametrize(
    "why",
    [
        [other(WHY)],
        [stripped(RELEASED[4], WHY)],
        [stripped(RELEASED[4], WHY, keep_id=False)],
        [other(WHY, "raw")],
        [other("# " + WHY, "code")],
        [other(f"## Discussion\n{WHY}")],
    ],
    ids=[
        "deleted and written anew",
        "no metadata",
        "no metadata, no id",
        "raw",
        "a comment",
        "with a heading",
    ],
)
def test_one_new_text_in_the_place_of_a_missing_answer_is_the_answer(why):
    found = restore(RELEASED, with_cells(why=why))
    assert WHY in source_of(found.cells, "why")
    assert len(found.notes) == 1
    assert "'why'" in found.notes[0]


@pytest.mark.parametrize(
    "cells",
    [
        with_cells(why=[RELEASED[4], other(WHY)]),
        with_cells(why=[other(WHY), RELEASED[4]]),
        [*with_cells(), other(WHY)],
        [other(WHY), *with_cells()],
        with_cells(why=[RELEASED[4], other(f'"""{WHY}"""', "code")]),
        with_cells(why=[RELEASED[4], other("because both are the very same number", "code")]),
        with_cells(why=[other(WHY), other("More of it.")]),
        [
            {**cell, "source": f"{cell['source']}\n\n{WHY}"} if "Why?" in cell["source"] else cell
            for cell in RELEASED
        ],
    ],
)
def test_text_elsewhere_is_shown_in_the_untouched_cell_and_waits(cells):
    found = restore(RELEASED, cells)
    shown = source_of(found.cells, "why")
    assert shown.startswith(FOUND)
    assert "commutative" in shown or "the very same" in shown
    assert any("'why'" in note for note in found.notes)


def test_no_answer_anywhere_stays_none():
    for cells in (RELEASED, [*RELEASED, other("x = 1\nfor a in b:\n    print(a)", "code"), other(" . ")]):
        assert source_of(restore(RELEASED, cells).cells, "why") == "*Your answer*"
    found = restore(RELEASED, with_cells(why=[]))
    assert "why" not in map(grade_id_of, found.cells)
    assert found.notes == ("cell 'why' is missing",)


@pytest.mark.parametrize(
    "cells",
    [
        with_cells(double=[stripped(SOLVED)]),
        with_cells(double=[stripped(SOLVED, keep_id=False)]),
        with_cells(double=[other(ANSWER, "code")]),
        with_cells(double_check=[RELEASED[2], other(ANSWER, "code")]),
        [*RELEASED, other(ANSWER, "code")],
        with_cells(double=[RELEASED[1], other(ANSWER, "code")]),
    ],
)
def test_code_is_found_by_what_it_defines_and_its_check_comes_after_it(cells):
    found = restore(RELEASED, cells)
    assert source_of(found.cells, "double") == ANSWER
    order = list(map(grade_id_of, found.cells))
    assert order.index("double") < order.index("double-check")
    assert found.notes
    assert not found.unclear
    assert len(found.cells) in (7, 8)


def in_parts(*names):
    """Give cells of two exercises by their names: the first has two cells for code and two checks."""
    made = {
        "double": code(STUB, "double", solution=True),
        "help": code("def help(x):\n    raise NotImplementedError", "help", solution=True),
        "given": code("given = 1", "given"),
        "check-1": code("assert double(1) == 2", "check-1", grade=True, points=1),
        "check-2": code("assert double(2) == 4", "check-2", grade=True, points=1),
        "why": RELEASED[4],
        "next": code("def next(x):\n    raise NotImplementedError", "next", solution=True),
        "next-check": code("assert next(1)", "next-check", grade=True, points=1),
        "ANSWER": other(ANSWER, "code"),
        "PLOT": other("plot()", "code"),
    }
    return [made[name] for name in names]


@pytest.mark.parametrize(
    ("handed_in", "expected"),
    [
        ("double check-1 check-2 ANSWER next next-check", "ANSWER check-1 check-2 next next-check"),
        ("check-1 check-2 ANSWER next next-check", "ANSWER check-1 check-2 next next-check"),
        ("double check-1 ANSWER check-2 next", "ANSWER check-1 check-2 next"),
        ("check-2 double PLOT check-1 ANSWER", "PLOT ANSWER check-1 check-2"),
        ("ANSWER check-1 check-2 double next", "ANSWER check-1 check-2 next"),
        ("double help given check-1 PLOT check-2 ANSWER", "help given PLOT ANSWER check-1 check-2"),
        (
            "double check-1 check-2 next given next-check ANSWER",
            "next given next-check ANSWER check-1 check-2",
        ),
        ("check-1 why ANSWER check-2 next-check double", "why ANSWER check-1 check-2 next-check"),
    ],
)
def test_all_checks_of_an_answer_come_after_it_and_no_other_cell_goes(handed_in, expected):
    released = in_parts("double", "help", "given", "check-1", "check-2", "why", "next", "next-check")
    found = restore(released, in_parts(*handed_in.split()))
    named = {"double": "ANSWER"}
    order = [named.get(name, name) if (name := grade_id_of(cell)) else "PLOT" for cell in found.cells]
    assert order == expected.split()
    assert source_of(found.cells, "double") == ANSWER


def test_of_several_definitions_a_person_chooses():
    found = restore(RELEASED, with_cells(double=[other(ANSWER, "code"), other(ANSWER + " + 0", "code")]))
    assert found.unclear == {"double"}
    assert "2 others" in found.notes[0]


def test_checks_are_known_by_their_text():
    stripped_all = [stripped(cell, keep_id=False) for cell in with_cells(double=[SOLVED], why=[ANSWERED])]
    found = restore(RELEASED, stripped_all)
    assert [n for n in map(grade_id_of, found.cells) if n] == ["double", "double-check", "why"]


@pytest.mark.parametrize(
    "cell", [{}, {"cell_type": 5}, {"cell_type": "code", "source": 5, "metadata": 5, "id": []}]
)
def test_anything_can_stand_in_a_file(cell):
    assert restore(RELEASED, [cell, *RELEASED, cell]).notes == ()
