"""A run of the whole course with the smoke preset, which `make test` has made: what only all lessons show."""

import os
from pathlib import Path

import nbformat
import pytest

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.report.pages.reproduction import reproduce
from mnistkit.course.running.jobs import read_budgets
from mnistkit.course.running.results import read_results
from mnistkit.records.lesson_facts import course_references

RUN = os.environ.get("MNISTKIT_SMOKE_RUN", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not RUN, reason="set MNISTKIT_SMOKE_RUN to the folder of a run of all lessons, as `make test` does"
    ),
]
FOLDER = Path(RUN).resolve()
COURSE = find(find_folder())
LESSONS = [lesson.name for lesson in COURSE]
INDEX_BYTES, PAGE_BYTES = 3_000_000, 8_000_000


@pytest.fixture(scope="module")
def entries():
    return read_results(FOLDER)["notebooks"]


def test_every_lesson_was_completed_with_the_smoke_preset(entries):
    assert {name: (e["status"], e["preset"]) for name, e in entries.items()} == dict.fromkeys(
        LESSONS, ("completed", "smoke")
    )


@pytest.mark.parametrize("name", LESSONS)
def test_no_cell_prints_what_libraries_warn_of(name):
    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert len(outputs) > 20
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("preset", ["smoke", "lab", "full"])
def test_every_lesson_has_a_budget(preset):
    assert list(read_budgets(COURSE, preset)) == LESSONS


@pytest.mark.parametrize("name", LESSONS)
def test_no_lesson_takes_more_than_its_budget(entries, name):
    """Measured while two run at a time; the budget has room for a noisy machine."""
    entry = entries[name]
    slowest = ", ".join(f"{cell['cell']} {cell['seconds']} s" for cell in entry["slowest_cells"])
    assert entry["seconds"] <= entry["budget"]["seconds"], slowest
    assert entry["peak_memory_bytes"] <= entry["budget"]["memory_bytes"]


def test_every_figure_of_the_source_reports_was_recorded_and_only_what_needs_no_data_is_compared():
    verdicts = {row.record: (row.verdict, row.reason) for row in reproduce(read_results(FOLDER))}
    references = course_references()
    for name, (verdict, reason) in verdicts.items():
        if not references[name].any_data:
            assert (verdict, reason) == ("not comparable", "stand-in data"), name
        elif not name.startswith("vgg16"):  # smaller images here
            assert verdict == "reached", name


def test_the_report_is_small_enough_to_send_and_has_every_page():
    pages = {path.name: path.stat().st_size for path in (FOLDER / "report").glob("*.html")}
    assert {f"{name}.html" for name in LESSONS} | {"index.html", "reproduction.html"} <= set(pages)
    assert pages.pop("index.html") < INDEX_BYTES
    assert max(pages.values()) < PAGE_BYTES, pages


@pytest.mark.parametrize("lesson", find(find_folder()), ids=LESSONS)
def test_models_are_left_for_the_lessons_that_take_them_over(lesson):
    text = (FOLDER / lesson.path.name).read_text(encoding="utf-8")
    for name in lesson.hands_over:
        assert (FOLDER / "models" / f"{name}.keras").exists()
    for name in lesson.takes_over:
        assert f"The model {name!r} of an earlier lesson of this run is used." in text
