"""Comparisons: what differs is shown, what is equal is said to be, nothing else's folder is written into."""

import re

import pytest
from click.testing import CliRunner
from nbformat.v4 import new_markdown_cell
from report_helpers import (
    ENTRY,
    EVIL,
    Tags,
    assert_harmless,
    evil_cells,
    evil_entry,
    figure_cell,
    write_run,
)

from mnistkit.cli import main
from mnistkit.course.report.pages.comparison import compare
from mnistkit.errors import UserError

TEXT = [new_markdown_cell("# x")]


def rec(name, value, is_standin=False):
    return {"name": name, "value": value, "is_standin": is_standin, "reference": None, "report": ""}


def page_of(*folders, out):
    table = compare(folders, out)
    return (out / "index.html").read_text(), table


def rows(page, section):
    """Read a section's table as lists of texts."""
    part = page[page.index(f'id="mk-{section}"') :]
    part = part[: part.index("</section>")]
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
        for row in re.findall(r"<tr>.*?</tr>", part, re.S)
    ]


def test_only_parameters_that_differ_are_shown(tmp_path):
    a = write_run(tmp_path / "a", {"01_a": (TEXT, {"parameters": {"seed": 1, "k": 5, "new": True}})})
    b = write_run(
        tmp_path / "b",
        {"01_a": (TEXT, {"parameters": {"seed": 2, "k": 5}}), "02_b": (TEXT, {"parameters": {"seed": 3}})},
    )
    page, _ = page_of(a, b, out=tmp_path / "out")
    assert rows(page, "parameters")[1:] == [["01", "seed", "1", "2"], ["01", "new", "True", "–"]]


def test_data_presets_and_versions_that_differ_are_shown(tmp_path):
    a = write_run(tmp_path / "a", {"01_a": (TEXT, {"versions": {"numpy": "2.4", "scipy": "1"}})})
    data = [{**ENTRY["data"][0], "source": "drawn", "sha256": "b" * 64, "is_standin": True}]
    changes = {"versions": {"numpy": "2.5", "scipy": "1"}, "data": data, "preset": "full"}
    b = write_run(tmp_path / "b", {"01_a": (TEXT, changes)})
    page, _ = page_of(a, b, out=tmp_path / "out")
    found = {row[1]: row[2:] for row in rows(page, "data")[1:]}
    assert found == {
        "preset": ["lab", "full"],
        "data: mnist": ["folder &lt;x&gt; (aaaaaaaaaaaa)", "STAND-IN: drawn (bbbbbbbbbbbb)"],
        "numpy": ["2.4", "2.5"],
    }


def test_records_stand_side_by_side_with_the_difference_from_the_first_run(tmp_path):
    values = {
        "a": [("accuracy", 0.9), ("k", 8), ("best", "x"), ("ok", True), ("tiny", 0.123456), ("only_a", 1)],
        "b": [("accuracy", 0.8), ("k", 8), ("best", "y"), ("ok", False), ("tiny", 0.123457)],
        "c": [("accuracy", 0.95), ("k", 9), ("best", "x"), ("ok", True), ("only_c", 2.5)],
    }
    folders = [
        write_run(tmp_path / n, {"01_a": (TEXT, {"records": [rec(*v) for v in found]})})
        for n, found in values.items()
    ]
    page, table = page_of(*folders, out=tmp_path / "out")
    header, *found = rows(page, "records")
    assert header == ["lesson", "what", "a", "b", "difference", "c", "difference"]
    assert found == [
        ["01", "accuracy", "0.9000", "0.8000", "−0.1", "0.9500", "+0.05"],
        ["01", "k", "8", "8", "equal", "9", "+1"],
        ["01", "best", "x", "y", "different", "x", "equal"],
        ["01", "ok", "True", "False", "different", "True", "equal"],
        ["01", "tiny", "0.1235", "0.1235", "+1e−06", "–", ""],
        ["01", "only_a", "1", "–", "", "–", ""],
        ["01", "only_c", "–", "–", "", "2.5000", ""],
    ]
    lines = table.splitlines()
    assert lines[0].split() == ["a", "b", "c"]
    assert [line.split()[1] for line in lines[1:-1]] == ["accuracy", "k", "best", "ok", "tiny"]
    assert lines[-1] == "5 of the 5 records of more than one run differ"


def test_equal_runs_have_nothing_that_differs(tmp_path):
    changes = {"records": [rec("a", 0.5)]}
    folders = [
        write_run(tmp_path / n, {"01_a": ([figure_cell(alt="f", cell_id="one")], changes)}) for n in "ab"
    ]
    page, table = page_of(*folders, out=tmp_path / "out")
    assert table == "0 of the 1 records of more than one run differ"
    assert page.count("<p>None.</p>") == 2
    assert "the same in all runs" in page
    assert len(Tags(page).all("img")) == 1


def test_a_standins_record_is_marked(tmp_path):
    a = write_run(tmp_path / "a", {"01_a": (TEXT, {"records": [rec("x", 1, True)]})})
    b = write_run(tmp_path / "b", {"01_a": (TEXT, {"records": [rec("x", 1)]})})
    page, _ = page_of(a, b, out=tmp_path / "out")
    assert rows(page, "records")[1][2:4] == ["1 (stand-in)", "1"]


def test_time_and_memory_are_compared(tmp_path):
    a = write_run(tmp_path / "a", {"01_a": (TEXT, {"seconds": 10.0}), "02_b": (None, {"status": "waiting"})})
    b = write_run(tmp_path / "b", {"01_a": (TEXT, {"seconds": 25.0, "peak_memory_bytes": 690_000_000})})
    page, _ = page_of(a, b, out=tmp_path / "out")
    assert rows(page, "time")[1:3] == [
        ["01", "time", "10 s", "25 s", "× 2.50"],
        ["01", "peak memory", "345 MB", "690 MB", "× 2.00"],
    ]


def test_figures_of_the_same_cell_stand_side_by_side_and_missing_ones_are_named(tmp_path):
    a = write_run(
        tmp_path / "a",
        {"01_a": ([figure_cell(0, "A1", cell_id="one"), figure_cell(9, "same", cell_id="two")], {})},
    )
    b = write_run(
        tmp_path / "b",
        {
            "01_a": (
                [
                    figure_cell(9, "same", cell_id="two"),
                    figure_cell(99, "B1", cell_id="one"),
                    figure_cell(5, "B3", cell_id="three"),
                ],
                {},
            )
        },
    )
    page, _ = page_of(a, b, out=tmp_path / "out")
    assert [image["alt"] for image in Tags(page).all("img")] == ["A1", "B1", "same", "B3"]
    assert re.findall(r"cell <code>(\w+)</code>", page) == ["one", "two", "three"]
    assert page.count("No such figure in this run.") == 1
    assert "Only one run has" not in page
    assert page.count("the same in all runs") == 1


def test_a_lesson_of_only_one_run_is_named_and_not_compared(tmp_path):
    lone = {"records": [rec("lonely", 1)], "title": "02 · Alone"}
    a = write_run(tmp_path / "a", {"01_a": (TEXT, {}), "02_b": ([figure_cell()], lone)})
    b = write_run(tmp_path / "b", {"01_a": (TEXT, {})})
    c = write_run(tmp_path / "c", {"03_c": ([figure_cell(alt="C")], {})})
    d = write_run(tmp_path / "d", {"03_c": ([figure_cell(9, alt="D")], {})})
    page, table = page_of(a, b, c, d, out=tmp_path / "out")
    assert "Only one run has 02_b" in page
    assert "lonely" not in page + table
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert set(captions) == {"c", "d"}


def test_runs_of_the_same_name_are_told_apart(tmp_path):
    folders = [write_run(tmp_path / n / "lab", {"01_a": (TEXT, {})}) for n in ("mine", "yours")]
    page, _ = page_of(*folders, out=tmp_path / "out")
    assert "mine/lab" in page
    assert "yours/lab" in page


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVIL)
def test_nothing_of_a_run_takes_effect(tmp_path, kind):
    folders = [
        write_run(
            tmp_path / name,
            {"01_a": (evil_cells(EVIL[kind]), {**evil_entry(EVIL[kind]), "seconds": 1.0 + i})},
        )
        for i, name in enumerate(("a", "b"))
    ]
    page, _ = page_of(*folders, out=tmp_path / "out")
    assert_harmless(page)


@pytest.mark.parametrize("given", [[], ["a"], ["a", "a"], ["a", "./a"], ["a", "empty"], ["a", "missing"]])
def test_fewer_than_two_runs_are_refused(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "a", {"01_a": (TEXT, {})})
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(main, ["compare", *given])
    assert result.exit_code == 1
    assert "expected: " in result.output
    assert not (tmp_path / "runs").exists()


def test_a_comparison_is_replaced_and_other_folders_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [str(write_run(tmp_path / n, {"01_a": (TEXT, {})})) for n in "ab"]
    for _ in range(2):
        result = CliRunner().invoke(main, ["compare", *folders])
        assert result.exit_code == 0, result.output
        assert f"Comparison: {tmp_path / 'runs/comparison/index.html'}" in result.output
    mine = tmp_path / "runs" / "comparison" / "notes.txt"
    mine.write_text("mine")
    report = CliRunner().invoke(main, ["report", folders[0]])
    assert report.exit_code == 0, report.output
    (tmp_path / "file").write_text("x")
    for out in (mine.parent, tmp_path / "a", tmp_path / "a" / "report", tmp_path / "file"):
        with pytest.raises(UserError, match="choose another folder with --out"):
            compare([tmp_path / "a", tmp_path / "b"], out)
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "index.html").write_text("<html>mine</html>")
    with pytest.raises(UserError, match="not written by a comparison"):
        compare([tmp_path / "a", tmp_path / "b"], alone)
    assert (alone / "index.html").read_text() == "<html>mine</html>"
