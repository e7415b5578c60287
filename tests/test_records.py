import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat.v4 import new_code_cell, new_notebook, new_output

from mnistkit import records
from mnistkit.data import Dataset


def dataset(is_standin=False):
    images = np.zeros((2, 28, 28), np.uint8)
    labels = np.zeros(2, np.uint8)
    return Dataset(
        "mnist", images, labels, images, labels, ("0",), "folder <data>", "ab" * 32, is_standin=is_standin
    )


@pytest.fixture(autouse=True)
def no_records(monkeypatch):
    InteractiveShell.instance()
    monkeypatch.setattr(records, "_recorded", {})


def bundles(call):
    """Display outputs of a call, as they would stand in a saved notebook."""
    with capture_output() as captured:
        call()
    return [output.data for output in captured.outputs]


def notebook_of(data):
    cell = new_code_cell("x", outputs=[new_output("display_data", data=bundle) for bundle in data])
    return nbformat.reads(nbformat.writes(new_notebook(cells=[cell])), as_version=4)


def test_a_record_survives_the_way_through_a_notebook_file():
    shown = bundles(
        lambda: records.record(
            "knn_accuracy", np.float64(0.8541), data=dataset(), reference=0.85, report="R3"
        )
    )
    found, _ = records.read(notebook_of(shown))
    assert found == [records.Record("knn_accuracy", 0.8541, "mnist", "folder <data>", False, 0.85, "R3")]
    assert type(found[0].value) is float


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


def test_a_standins_figures_are_not_compared():
    bundles(lambda: records.record("a", 0.9, data=dataset(is_standin=True), reference=0.8, report="R3"))
    bundles(lambda: records.record("b", 0.9, data=dataset(), reference=0.8, report="R3"))
    bundles(lambda: records.record("c", 0.9, data=dataset()))
    table = records.summary()
    assert list(table["difference"]) == ["not comparable", "+0.1", ""]
    assert list(table["data"]) == ["mnist (STAND-IN)", "mnist", "mnist"]


def test_the_data_shown_is_read_back_once_and_cannot_inject_html():
    shown = bundles(lambda: records.show_data(dataset(), dataset(), dataset(is_standin=True)))
    _, data = records.read(notebook_of(shown))
    assert [d["name"] for d in data] == ["mnist"]
    assert "folder &lt;data&gt;" in shown[0]["text/html"]
    assert "STAND-IN" in shown[2]["text/html"]
    assert "STAND-IN" not in shown[0]["text/html"]


def test_a_reference_is_a_finite_number():
    with pytest.raises(ValueError, match="finite"):
        records.record("n", 1, data=dataset(), reference=float("nan"))


@pytest.mark.parametrize(
    "bundle",
    [
        {records.RECORD_MIME: [1]},
        {records.RECORD_MIME: {"name": "n", "value": 1}},
        {
            records.RECORD_MIME: {
                "name": "n",
                "value": [1],
                "dataset": "",
                "data_source": "",
                "is_standin": False,
            }
        },
        {records.DATA_MIME: "mnist"},
        {records.DATA_MIME: {"name": "mnist"}},
    ],
)
def test_what_is_not_as_we_write_it_is_no_record(bundle):
    assert records.read(notebook_of([bundle])) == ([], [])
