import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat.v4 import new_code_cell, new_notebook, new_output

from mnistkit import records
from mnistkit.data import Dataset
from mnistkit.records.references import Reference


def dataset(is_standin=False):
    images = np.zeros((2, 28, 28), np.uint8)
    labels = np.zeros(2, np.uint8)
    return Dataset(
        "mnist", images, labels, images, labels, ("0",), "folder <data>", "ab" * 32, is_standin=is_standin
    )


GOOD = {"name": "n", "value": 1, "dataset": "", "data_source": "", "is_standin": False}
KNN = Reference("R3", "KNN: test accuracy", 0.85, 0.01, "higher", "03")


@pytest.fixture(autouse=True)
def no_records(monkeypatch):
    InteractiveShell.instance()
    monkeypatch.setattr(records, "_recorded", {})
    monkeypatch.setattr(records, "course_references", lambda: {"knn_accuracy": KNN})


def bundles(call):
    """Display outputs of a call, as they would stand in a saved notebook."""
    with capture_output() as captured:
        call()
    return [output.data for output in captured.outputs]


def notebook_of(data):
    cell = new_code_cell("x", outputs=[new_output("display_data", data=bundle) for bundle in data])
    return nbformat.reads(nbformat.writes(new_notebook(cells=[cell])), as_version=4)


def test_a_record_survives_the_way_through_a_notebook_file():
    """With the report's figure, which is looked up by the record's name."""
    shown = bundles(
        lambda: records.record("knn_accuracy", np.float64(0.8541), data=dataset(), differs="8 of 20 epochs")
    )
    found, _ = records.read(notebook_of(shown))
    expected = records.Record(
        "knn_accuracy", 0.8541, "mnist", "folder <data>", False, 0.85, "R3", 0.01, "higher", "8 of 20 epochs"
    )
    assert found == [expected]
    assert type(found[0].value) is float


def test_a_record_of_an_earlier_version_is_still_read():
    old = {"name": "n", "value": 0.5, "dataset": "mnist", "data_source": "x", "is_standin": False}
    found, _ = records.read(notebook_of([{records.RECORD_MIME: old | {"reference": 0.4, "report": "R2"}}]))
    assert (found[0].reference, found[0].tolerance, found[0].better, found[0].differs) == (0.4, None, "", "")


def test_the_line_shows_the_reference_and_why_it_does_not_count():
    (same,) = bundles(lambda: records.record("knn_accuracy", 0.86, data=dataset()))
    (other,) = bundles(lambda: records.record("knn_accuracy", 0.86, data=dataset(), differs="half of it"))
    assert same["text/plain"] == "recorded: knn_accuracy = 0.8600  (R3 reports 0.85)"
    assert other["text/plain"].endswith("(R3 reports 0.85; not comparable: half of it)")
    (small,) = bundles(lambda: records.record("rate", 0.000034, data=dataset()))
    assert small["text/plain"] == "recorded: rate = 3.4e-05"


def test_what_differs_is_said_in_words():
    assert records.differs_in() == records.differs_in("", (20, 20, "epochs")) == ""
    facts = (1000, 60_000, "images"), "random weights", (30, 20, "epochs")
    assert records.differs_in(*facts) == "1,000 of 60,000 images; random weights; 30 instead of 20 epochs"


def test_a_record_says_where_it_is_from_and_when_it_is_a_standins():
    (shown,) = bundles(lambda: records.record("n", 3, data=dataset(is_standin=True)))
    assert shown["text/plain"] == "recorded: n = 3  [stand-in data]"


def test_the_last_record_of_a_name_counts():
    shown = bundles(lambda: [records.record("n", value, data=dataset()) for value in (1, 2)])
    found, _ = records.read(notebook_of(shown))
    assert [r.value for r in found] == [2]
    assert list(records.summary()["value"]) == ["2"]


@pytest.mark.parametrize("value", [[1], None, np.zeros(3), {"a": 1}])
def test_only_single_figures_are_recorded(value):
    with pytest.raises((TypeError, ValueError)):
        records.record("n", value, data=dataset())


@pytest.mark.parametrize("value", [float("nan"), np.float32("inf")])
def test_a_figure_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        records.record("n", value, data=dataset())


def test_a_name_is_an_identifier():
    with pytest.raises(ValueError, match="identifier"):
        records.record("test accuracy", 1, data=dataset())


@pytest.mark.parametrize(
    ("value", "about", "difference"),
    [
        (0.9, {}, "+0.05"),
        (0.8, {}, "-0.05"),
        (1_234_568, {}, "+1,234,567"),
        (0.9, {"differs": "half of it"}, "not comparable: half of it"),
        (0.9, {"differs": f"{32 * 'x'}; y"}, f"not comparable: {32 * 'x'} …"),  # pandas shows 50 characters
        (0.9, {"is_standin": True}, "not comparable: stand-in data"),
        (0.9, {"is_standin": True, "differs": "half of it"}, "not comparable: stand-in data"),
        ("none", {}, "not comparable: not a number"),
    ],
)
def test_only_what_can_be_compared_has_a_difference(value, about, difference):
    about = {"is_standin": False, "differs": ""} | about
    bundles(
        lambda: records.record(
            "knn_accuracy", value, data=dataset(about["is_standin"]), differs=about["differs"]
        )
    )
    (row,) = records.summary().itertuples()
    assert (row.difference, row.reference, row.report) == (difference, "0.85", "R3")
    assert row.data == ("mnist (STAND-IN)" if about["is_standin"] else "mnist")


def test_what_does_not_depend_on_data_is_compared_on_a_standin_too(monkeypatch):
    known = Reference("R0", "x", 10, 0.0, "equal", "02", any_data=True)
    monkeypatch.setattr(records, "course_references", lambda: {"n": known})
    bundles(lambda: records.record("n", 12, data=dataset(is_standin=True)))
    assert records.summary().difference.tolist() == ["+2"]


def test_what_no_report_has_is_shown_alone():
    (shown,) = bundles(lambda: records.record("c", 0.9, data=dataset()))
    (row,) = records.summary().itertuples()
    assert (row.reference, row.difference, row.report) == ("", "", "")
    assert shown["text/plain"] == "recorded: c = 0.9000"


def test_large_references_keep_all_their_digits(monkeypatch):
    known = Reference("R2", "parameters", 17_927_370, 0, "equal", "06")
    monkeypatch.setattr(records, "course_references", lambda: {"n": known})
    bundles(lambda: records.record("n", 17_927_370, data=dataset()))
    assert list(records.summary()["reference"]) == ["17927370"]


def test_the_data_shown_is_read_back_once_and_cannot_inject_html():
    shown = bundles(lambda: records.show_data(dataset(), dataset(), dataset(is_standin=True)))
    _, data = records.read(notebook_of(shown))
    assert [d["name"] for d in data] == ["mnist"]
    assert "folder &lt;data&gt;" in shown[0]["text/html"]
    assert "STAND-IN" in shown[2]["text/html"]
    assert "STAND-IN" not in shown[0]["text/html"]


@pytest.mark.parametrize(
    "bundle",
    [
        {records.RECORD_MIME: [1]},
        {records.RECORD_MIME: {"name": "n", "value": 1}},
        {records.RECORD_MIME: GOOD | {"value": [1]}},
        {records.RECORD_MIME: GOOD | {"reference": float("nan")}},
        {records.RECORD_MIME: GOOD | {"tolerance": "wide"}},
        {records.RECORD_MIME: GOOD | {"better": 1}},
        {records.RECORD_MIME: GOOD | {"differs": ["x"]}},
        {records.RECORD_MIME: GOOD | {"unknown": 1}},
        {records.RECORD_MIME: GOOD | {"name": 5}},
        {records.RECORD_MIME: GOOD | {"dataset": None}},
        {records.RECORD_MIME: GOOD | {"data_source": 7}},
        {records.RECORD_MIME: GOOD | {"report": 3}},
        {records.RECORD_MIME: GOOD | {"is_standin": "no"}},
        {records.RECORD_MIME: GOOD | {"reference": "0.5"}},
        {records.RECORD_MIME: GOOD | {"reference": True}},
        {records.DATA_MIME: "mnist"},
        {records.DATA_MIME: {"name": "mnist"}},
    ],
)
def test_what_is_not_as_we_write_it_is_no_record(bundle):
    assert records.read(notebook_of([bundle])) == ([], [])


def test_the_pattern_of_the_bad_records_is_a_good_one():
    found, _ = records.read(notebook_of([{records.RECORD_MIME: GOOD}]))
    assert [r.name for r in found] == ["n"]
