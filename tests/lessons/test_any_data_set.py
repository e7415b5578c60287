"""Lessons on images of one's own: with the least sizes, strictly, and with sentences that hold.

On another of the course's data sets than their own, nbval executes them.
"""

import json
import re

import nbformat
import pytest
from click.testing import CliRunner
from course_helpers import least_sizes, sentences
from data_helpers import draw_shapes

from mnistkit.cli import main
from mnistkit.course.lessons import find, find_folder

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_own_images_in_three_classes(tmp_path, monkeypatch):
    folder, out = draw_shapes(tmp_path / "shapes"), tmp_path / "run"
    monkeypatch.setenv("MNISTKIT_STRICT", "1")
    lessons = find(find_folder())[:2]
    # The folder has no stand-in; offline, the data sets beside it are stand-ins all the same.
    given = {"dataset": folder, "data": "auto", "further": "false"}
    for lesson in lessons:
        given |= least_sizes(lesson)
    options = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    names = [lesson.name for lesson in lessons]
    done = CliRunner().invoke(
        main, ["run", *names, "--preset", "smoke", *options, "--out", str(out), "-j", "1"]
    )
    assert done.exit_code == 0, done.output
    entries = json.loads((out / "results.json").read_text())["notebooks"]
    assert {name: entry["status"] for name, entry in entries.items()} == dict.fromkeys(names, "completed")
    for name, entry in entries.items():
        (source,) = [data["source"] for data in entry["data"] if data["name"] == "shapes"]
        assert "one fifth of each class" in source
        cells = nbformat.read(out / f"{name}.ipynb", as_version=4).cells
        given = [cell for cell in cells if cell.cell_type == "code" and "nbgrader" not in cell.metadata]
        said = "\n".join(sentences(output) for cell in given for output in cell.outputs)
        assert "circle" in said
        assert not re.search(r"\bdigits?\b|\b10 classes|\bten\b", said)
    records = {record["name"]: record for record in entries["02_kmeans_elbow_silhouette"]["records"]}
    assert records["purity_k3"]["dataset"] == "shapes"
