"""The benchmarks: rows run at tiny sizes on stand-ins, and a row whose ways do not agree is an error."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import mnistkit

FOLDER = Path(mnistkit.__file__).parents[1] / "benchmarks"
WAYS = """
def prepare(given):
    given.folder.joinpath("input").write_text("4")
    return "made for it"


def plain(given):
    number = int(given.folder.joinpath("input").read_text())
    return lambda: [number, number * given.size["n"]]


def ours(given):
    number = int(given.folder.joinpath("input").read_text())
    return lambda: [number, number * given.size["n"] + 1e-3]
"""


@pytest.fixture
def benchmarks(tmp_path, monkeypatch):
    """Give the benchmarks' modules, and two ways in a module that other processes can import."""
    (tmp_path / "two_ways.py").write_text(WAYS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:  # their names are short ones
        path = getattr(sys.modules[name], "__file__", None) or ""
        if path.startswith((str(FOLDER), str(tmp_path))):
            del sys.modules[name]


def row_of(benchmarks, **changes):
    ways, comparison = benchmarks("two_ways"), benchmarks("comparison")
    made = ("a row", ("plain", "ours"), ways.prepare, ways.plain, ways.ours, {"n": 50}, {"n": 5})
    return replace(comparison.Comparison(*made), **changes)


def test_rows_whose_results_disagree_are_errors_and_the_others_are_kept(
    benchmarks, tmp_path, monkeypatch, capsys
):
    run = benchmarks("run")
    row = row_of(benchmarks)
    known = {"exact": replace(row, name="exact"), "near": replace(row, name="near", tolerance=1e-2)}
    monkeypatch.setattr(run, "rows", lambda: known)
    monkeypatch.setattr(run, "provenance", str)
    monkeypatch.setattr(run, "in_process", lambda function, *arguments: "today")
    with pytest.raises(SystemExit, match="no result: exact"):
        run.main(["compare", "--quick", "--to", str(tmp_path / "bench.json")])
    assert "exact" in (said := capsys.readouterr()).err
    assert "near" in said.out
    (kept,) = json.loads((tmp_path / "bench.json").read_text())["rows"].items()
    name, found = kept
    assert (name, found["size"], found["data"]) == ("near", {"n": 5}, "made for it")
    assert found["difference"] == pytest.approx(5e-5)  # of 20, relatively
    assert found["made_with"] == "today"
    assert all(peak > 1e6 for peak in found["peak_bytes"])


def test_results_of_another_kind_or_not_a_number_do_not_agree(benchmarks):
    apart = benchmarks("comparison").apart
    assert apart({"a": [1.0, 2]}, {"a": (1.0, 2)}) == 0
    assert apart([1e6], [1e6 + 1]) == pytest.approx(1e-6)
    assert apart(0.0, 1e-3) == 1e-3
    for one, other in (
        ({"a": 1}, {"b": 1}),
        ([1], [1, 2]),
        ("x", "y"),
        (None, 1.0),
        ([1.0, 2.0], [1.0, float("nan")]),
    ):
        assert apart(one, other) == float("inf")


def test_the_slope_is_the_exponent(benchmarks):
    slope = benchmarks("comparison").slope
    assert slope((1, 2, 4), (3, 12, 48)) == pytest.approx(2)
    assert slope((1, 2, 4), (5, 5, 5)) == pytest.approx(0)


def test_every_row_and_growth_is_whole(benchmarks):
    run, cores = benchmarks("run"), benchmarks("comparison").CORES
    rows, growths = run.rows(), run.growths()
    assert len(rows) == sum(len(benchmarks(room).ROWS) for room in run.ROOMS) > 30
    for row in rows.values():
        assert row.quick is None or set(row.quick) == set(row.full), row.name
    for name, growth in growths.items():
        assert growth.by == cores or growth.by in growth.row.full, name
        assert len(growth.full) == len(growth.quick) >= 2
        assert growth.why.endswith(".")


@pytest.mark.slow
def test_cheap_rows_run_on_standins(benchmarks):
    comparison, rows = benchmarks("comparison"), benchmarks("run").rows()
    for name, size in (
        ("silhouette sweep", {"n": 60, "k": 3}),
        ("CSV, again", {"n": 60}),
        ("`import mnistkit`", {}),
    ):
        found = comparison.compare(replace(rows[name], quick=size), quick=True, source="bundled")
        assert found["ratio"] > 0
        assert found["data"] == ("stand-in for MNIST" if size else "no data")
