"""The table of a sweep and its figures, made of what the runs have left."""

import nbformat
import pandas as pd
import pytest
from course_helpers import write_lesson

from mnistkit.course.lessons import Lesson
from mnistkit.course.running.jobs import NotebookJob
from mnistkit.course.sweeps import table
from mnistkit.course.sweeps.runner import Trial


def frame_of(values, **columns):
    rows = [
        {"run": str(i), "lesson": "01_a", "record": "x", "value": value, "status": "completed"}
        for i, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(**columns)


def test_a_figure_has_a_panel_for_each_parameter_but_the_seed():
    frame = frame_of([1.0, 2.0, 3.0, 5.0], k=[1, 1, 2, 2], kind=["a", "b"] * 2, seed=[0, 1, 0, 1], same=7)
    ((lesson, record, figure, alt),) = table.draw_figures(frame)
    assert (lesson, record) == ("01_a", "x")
    assert [panel.get_xlabel() for panel in figure.axes] == ["k", "kind"]
    first = figure.axes[0]
    assert first.get_title("left") == "mean 1.5 at 1, 4 at 2"
    band = first.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.0, 5.0), "the spread goes from the lowest to the highest"
    assert "mean 1.5 at 1, 4 at 2" in alt
    ((_, _, figure, _),) = table.draw_figures(frame_of([1.0, 2.0], seed=[0, 1]))
    assert [panel.get_xlabel() for panel in figure.axes] == ["seed"]


@pytest.mark.parametrize(
    ("columns", "axes"),
    [
        ({"k": [None, None], "seed": [0, 1]}, ["seed"]),  # of a plan with parts, all runs that have k failed
        ({"k": [None, None], "rate": [0.1, 0.2], "seed": [0, 1]}, ["rate"]),
    ],
)
def test_a_parameter_that_only_runs_without_figures_have_has_no_panel(columns, axes):
    failed = pd.DataFrame([{"run": "k=20", "lesson": "01_a", "status": "failed", "k": 20.0}])
    frame = pd.concat([frame_of([1.0, 2.0], **columns).astype({"k": "float64"}), failed])
    ((_, _, figure, _),) = table.draw_figures(frame)
    assert [panel.get_xlabel() for panel in figure.axes] == axes


def test_what_is_secret_in_a_lesson_is_not_in_the_table_for_others(tmp_path, monkeypatch):
    check = "assert one\n### BEGIN HIDDEN TESTS\nassert k_max < 9, few\n### END HIDDEN TESTS"
    path = write_lesson(tmp_path, "01_a", check)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].metadata["nbgrader"] = {"grade": True, "solution": False}
    nbformat.write(notebook, path)
    traceback = (
        "AssertionError  Traceback\n      1 assert one\n----> 3 assert k_max < 9, few\n\nAssertionError: 9"
    )
    entry = {"status": "failed", "failure": {"message": traceback}, "records": []}
    monkeypatch.setattr(table, "read_earlier", lambda _: {"01_a": entry})
    trial = Trial("k_max=9", {"k_max": 9}, [NotebookJob(Lesson(path), {}, (), "", "")])
    (said,) = table.tidy([trial], tmp_path)["failure"]
    assert said == "AssertionError  Traceback\n      1 assert one\n\nAssertionError: 9"
