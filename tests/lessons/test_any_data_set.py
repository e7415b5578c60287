"""Lessons on other data than their own: with the least sizes, strictly, and with sentences that hold."""

import json
import re

import nbformat
import pytest
from click.testing import CliRunner
from course_helpers import least_sizes
from data_helpers import draw_shapes

from mnistkit.cli import main
from mnistkit.course.lessons import find, find_folder

pytestmark = pytest.mark.slow


def run(lessons, dataset, out, monkeypatch):
    monkeypatch.setenv("MNISTKIT_STRICT", "1")
    # The folder has no stand-in; offline, the data sets beside it are stand-ins all the same.
    given = {"dataset": dataset, "data": "auto", "further": "false"}
    least = [least_sizes(lesson) for lesson in find(find_folder()) if lesson.name[:2] in lessons]
    given |= {name: size for sizes in least for name, size in sizes.items()}
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = CliRunner().invoke(
        main, ["run", *lessons, "--preset", "smoke", *options, "--out", str(out), "-j", "1"]
    )
    assert done.exit_code == 0, done.output
    return json.loads((out / "results.json").read_text())["notebooks"]


def sentences(path):
    """Give all that a student reads in the outputs: findings, predictions, titles of figures."""
    shown = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "nbgrader" not in cell.metadata:
            for output in cell.outputs:
                shown.append(output.get("data", {}).get("text/markdown", ""))
                shown.append(output.get("metadata", {}).get("image/png", {}).get("alt", ""))
    return "\n".join(shown)


def test_another_data_set_is_named_and_not_compared_with_the_reports(tmp_path, monkeypatch):
    """What each lesson shows of another data set is checked where nbval executes it."""
    (entry,) = run(["02"], "fashion-mnist", tmp_path / "run", monkeypatch).values()
    assert (entry["data"][0]["name"], entry["data"][0]["is_standin"]) == ("fashion-mnist", True)
    assert {record["dataset"] for record in entry["records"]} == {"fashion-mnist"}
    compared = [record for record in entry["records"] if record["reference"] is not None]
    assert compared
    assert all("fashion-mnist" in record["differs"] for record in compared)


def test_own_images_in_three_classes(tmp_path, monkeypatch):
    folder = draw_shapes(tmp_path / "shapes")
    entries = run(["01", "02"], folder, tmp_path / "run", monkeypatch)
    assert {entry["status"] for entry in entries.values()} == {"completed"}
    for name, entry in entries.items():
        (source,) = [data["source"] for data in entry["data"] if data["name"] == "shapes"]
        assert "one fifth of each class" in source
        said = sentences(tmp_path / "run" / f"{name}.ipynb")
        assert "circle" in said
        assert not re.search(r"\bdigits?\b|\b10 classes|\bten\b", said)
    records = {record["name"]: record for record in entries["02_kmeans_elbow_silhouette"]["records"]}
    assert records["purity_k3"]["dataset"] == "shapes"
