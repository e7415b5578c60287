"""The form of the second edition: what fits into two sittings of 45 minutes, and what each section has."""

import json
import re
import symtable
from pathlib import Path

import nbformat
import pytest
from test_notebooks import is_exercise, tags

import mnistkit
from mnistkit.course.lessons import find, find_folder

MOST_CELLS, MOST_WORDS, MOST_FIGURES, SITTING_MINUTES = 24, 1300, 12, 45
MOST_ALLS, MOST_ALLS_OF_A_CELL = 180, 30  # lab preset, real data, 2 cores
FEWEST_PREDICTIONS = 4
LAB = Path(mnistkit.__file__).parents[1] / "docs" / "measured" / "lab.json"
METHOD_LINES, BOOKKEEPING_SHARE = 12, 0.05
BOOKKEEPING = re.compile(r"^\s*(record|check|assert|differs_in)\b|\balt=")
FIGURE = re.compile(r"plots\.show\(|widgets\.\w+\(")
FOLDED = {"tags": ["check"], "jupyter": {"source_hidden": True}, "cellView": "form"}

ALL = [(lesson.name, nbformat.reads(lesson.text, as_version=4)) for lesson in find(find_folder())]


@pytest.fixture(params=[notebook for _, notebook in ALL], ids=[name for name, _ in ALL])
def core(request):
    """Cells before "Going further"."""
    cells = request.param.cells
    (end,) = (number for number, cell in enumerate(cells) if cell.source.startswith("## Going further"))
    return cells[:end]


def is_text_of_an_exercise(cell):
    return cell.cell_type == "markdown" and bool(re.match(r"#{3,4} .*Exercise", cell.source))


def visible(core):
    """Code cells that students read: neither exercises nor check cells."""
    return [c for c in core if c.cell_type == "code" and not is_exercise(c) and "check" not in tags(c)]


def sections(core):
    """Give the cells of each section by its heading."""
    found, name = {}, None
    for cell in core:
        if heading := re.search(r"^## (\d+ · .*)", cell.source, re.M):
            name = heading[1]
            found[name] = []
        elif cell.source.startswith("## "):
            name = None
        if name:
            found[name].append(cell)
    return found


def test_the_core_fits_two_sittings(core):
    figures = sum(len(FIGURE.findall(cell.source)) for cell in visible(core))
    texts = [c for c in core if c.cell_type == "markdown" and not is_exercise(c)]
    prose = [cell.source for cell in texts if not is_text_of_an_exercise(cell)]
    lines = [line for text in prose for line in text.splitlines() if not line.lstrip().startswith("|")]
    words = len(
        re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", re.sub(r"\$\$.*?\$\$", "", "\n".join(lines), flags=re.S))
    )
    assert len(visible(core)) <= MOST_CELLS
    assert words <= MOST_WORDS
    assert figures <= MOST_FIGURES


def test_the_plan_gives_each_part_at_most_45_minutes(core):
    rows = [line.strip("| ").split("|") for line in core[0].source.splitlines() if line.startswith("|")]
    minutes, part = {"A": 0, "B": 0}, None
    for name, *numbers in rows:
        if heading := re.search(r"Part ([AB])", name):
            part = heading[1]
        elif part:
            minutes[part] += int(numbers[-1])
    assert all(0 < spent <= SITTING_MINUTES for spent in minutes.values()), minutes


@pytest.mark.parametrize(("name", "notebook"), ALL, ids=[name for name, _ in ALL])
def test_the_measured_waiting_is_short(name, notebook):
    taken = json.loads(LAB.read_text(encoding="utf-8"))["lessons"][name]
    assert not any(data["is_standin"] for data in taken["data"])
    assert taken["machine"]["cores"] == 2
    assert taken["seconds"] <= MOST_ALLS, "take docs/measured/lab.json again, on an idle machine"
    assert max(taken["slowest_cells"].values()) <= MOST_ALLS_OF_A_CELL
    ids = {cell.id for cell in notebook.cells}
    assert set(taken["slowest_cells"]) <= ids, "the lesson has other cells now: take it again"


def test_each_section_asks_predicts_and_answers(core):
    found = sections(core)
    assert found
    for heading, cells in found.items():
        assert "?" in heading
        assert any("finding(" in cell.source for cell in cells if cell.cell_type == "code"), heading
    code = "\n".join(cell.source for cell in core if cell.cell_type == "code")
    assert len(re.findall(r"(?<!\.)\bpredict\(", code)) >= FEWEST_PREDICTIONS
    assert len(re.findall(r"\bin_five_sentences\(", code)) == 1


def test_a_prediction_comes_before_anything_of_its_section_is_computed(core):
    for heading, cells in sections(core).items():
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        asked = [number for number, source in enumerate(code) if re.search(r"(?<!\.)\bpredict\(", source)]
        shown = [number for number, source in enumerate(code) if "finding(" in source]
        assert not asked or min(asked) < min(shown), heading


def test_exercises_stand_in_their_sections(core):
    inside = [cell.id for cells in sections(core).values() for cell in cells if is_exercise(cell)]
    everywhere = [cell.id for cell in core if is_exercise(cell)]
    assert inside == everywhere
    assert len({i for i in inside if not i.endswith("-check")}) >= 4


def test_bookkeeping_is_folded_away(core):
    checks = [cell for cell in core if "check" in tags(cell)]
    assert all(dict(cell.metadata) == FOLDED for cell in checks)
    assert all(sum("check" in tags(cell) for cell in cells) <= 1 for cells in sections(core).values())
    lines = [line for cell in visible(core) for line in cell.source.splitlines() if line.strip()]
    kept = [line for line in lines if BOOKKEEPING.search(line)]
    assert len(kept) <= BOOKKEEPING_SHARE * len(lines), kept
    recorded = [cell.id for cell in visible(core) if re.search(r"^\s*record\(", cell.source, re.M)]
    assert not recorded


def names_of(source):
    """Give the names that a cell defines, and those of other cells that it needs."""
    top = symtable.symtable(source, "cell", "exec")
    inner, scopes = [top], []
    while inner:
        scopes.append(inner.pop())
        inner += scopes[-1].get_children()
    defined = {name.get_name() for name in top.get_symbols() if name.is_assigned() or name.is_imported()}
    used = {
        name.get_name()
        for scope in scopes
        for name in scope.get_symbols()
        if name.is_referenced() and (scope is top or name.is_global())
    }
    return defined, used - defined


def test_a_cell_can_be_run_again(core):
    """What an earlier cell has defined for another one is not taken away by a later cell."""
    cells = [(cell.id, *names_of(cell.source)) for cell in core if cell.cell_type == "code"]
    for place, (needing, _, needed) in enumerate(cells):
        before = set().union(*(defined for _, defined, _ in cells[:place]))
        for later, defined, _ in cells[place + 1 :]:
            assert not needed & before & defined, f"{needing} needs what {later} changes"
