"""A run beside the source reports: which figures are reached, and why others can't be compared."""

import pytest

from mnistkit.course.report.pages import reproduction
from mnistkit.course.report.pages.reproduction import reproduce
from mnistkit.records.lesson_facts import course_references
from mnistkit.records.references import Reference

KNOWN = {
    "accuracy": Reference("R0", "accuracy", 0.90, 0.01, "higher", "01"),
    "loss": Reference("R1", "loss", 0.20, 0.05, "lower", "02"),
    "parameters": Reference("R2", "parameters", 1000, 0, "equal", "02"),
}


@pytest.fixture(autouse=True)
def few_references(monkeypatch):
    monkeypatch.setattr(reproduction, "course_references", lambda: KNOWN)


def record(name, value, **changes):
    fields = {"name": name, "value": value, "dataset": "mnist", "data_source": "x", "is_standin": False}
    known = KNOWN[name]
    return fields | {"reference": known.value, "report": known.report, "differs": ""} | changes


def run(*records, lesson="02_second", status="completed", further=True):
    entry = {"status": status, "preset": "lab", "parameters": {"further": further}, "records": list(records)}
    return {"schema": 1, "notebooks": {lesson: entry}}


def row(name, results):
    return next(r for r in reproduce(results) if r.record == name)


def test_every_reference_has_its_row_in_the_order_of_the_course(monkeypatch):
    assert [r.record for r in reproduce({})] == list(KNOWN)
    references = course_references()
    monkeypatch.setattr(reproduction, "course_references", lambda: references)
    rows = reproduce({})
    assert [r.record for r in rows] == list(references)
    lessons = [references[r.record].lesson for r in rows]
    assert lessons == sorted(lessons)


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("accuracy", 0.90, "reached"),
        ("accuracy", 0.89, "reached"),  # exactly the tolerance
        ("accuracy", 0.8899, "missed"),
        ("accuracy", 0.99, "reached"),  # better, however far
        ("accuracy", 1, "reached"),
        ("loss", 0.20, "reached"),
        ("loss", 0.25, "reached"),
        ("loss", 0.2501, "missed"),
        ("loss", 0.01, "reached"),
        ("parameters", 1000, "reached"),
        ("parameters", 1001, "missed"),
        ("parameters", 999, "missed"),
    ],
)
def test_what_is_within_the_tolerance_or_better_is_reached(name, value, verdict):
    lesson = f"{KNOWN[name].lesson}_lesson"
    found = row(name, run(record(name, value), lesson=lesson))
    assert (found.verdict, found.reason, found.value) == (verdict, "", value)
    assert found.difference == pytest.approx(value - KNOWN[name].value)
    assert (found.lesson, found.report, found.what) == (lesson, KNOWN[name].report, KNOWN[name].what)
    assert (found.reference, found.tolerance) == (KNOWN[name].value, KNOWN[name].tolerance)


@pytest.mark.parametrize("better", ["higher", "lower", "equal"])
@pytest.mark.parametrize("size", [0.005, 0.02])
def test_inside_the_tolerance_both_sides_count(monkeypatch, better, size):
    """With any direction; outside only the better side does."""
    known = Reference("R0", "x", 0.5, 0.01, better, "02")
    monkeypatch.setattr(reproduction, "course_references", lambda: {"loss": known})
    above, below = (row("loss", run(record("loss", 0.5 + d))).verdict == "reached" for d in (size, -size))
    inside = size < known.tolerance
    assert (above, below) == (inside or better == "higher", inside or better == "lower")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_standin": True}, "stand-in data"),
        ({"is_standin": True, "differs": "8 of 20 epochs"}, "stand-in data"),
        ({"differs": "8 of 20 epochs"}, "8 of 20 epochs"),
        ({"reference": None}, "recorded without the report's figure"),
        ({"value": "none"}, "not a number"),
        ({"value": True}, "not a number"),
    ],
)
def test_what_is_not_the_reports_experiment_is_not_compared(changes, reason):
    found = row("loss", run(record("loss", 0.2) | changes))
    assert (found.verdict, found.reason, found.difference) == ("not comparable", reason, None)
    number = changes.get("value", 0.2) == 0.2
    assert found.value == (0.2 if number else None)


def test_what_does_not_depend_on_data_counts_on_a_standin_too(monkeypatch):
    known = Reference("R0", "x", 1000, 0.0, "equal", "02", any_data=True)
    monkeypatch.setattr(reproduction, "course_references", lambda: {"parameters": known})
    for value, changes, verdict in (
        (1000, {}, "reached"),
        (1001, {}, "missed"),
        (1001, {"differs": "images of 32 × 32"}, "not comparable"),
    ):
        results = run(record("parameters", value, is_standin=True) | changes)
        assert row("parameters", results).verdict == verdict


@pytest.mark.parametrize("status", ["waiting", "failed", "interrupted"])
def test_a_lesson_that_was_not_completed_has_reproduced_nothing(status):
    found = row("loss", run(record("loss", 0.2), status=status))
    assert (found.verdict, found.value, found.difference) == ("not run", None, None)
    assert found.lesson == "02_second"
    assert status in found.reason


def test_a_lesson_that_is_not_in_the_run_is_said():
    found = row("accuracy", run(record("loss", 0.2)))
    assert (found.verdict, found.lesson) == ("not run", "")
    assert found.reason == "lesson 01 is not in this run"


@pytest.mark.parametrize(("further", "said"), [(True, False), (False, True)])
def test_a_preset_that_does_not_get_there_is_said(further, said):
    found = row("loss", run(further=further))
    assert found.verdict == "not run"
    assert "lab" in found.reason
    assert ("Going further" in found.reason) == said


def test_a_record_of_another_lesson_is_not_taken():
    """Lessons 03 and 04 both record an accuracy of the CNN."""
    assert row("loss", run(record("loss", 0.2), lesson="01_first")).verdict == "not run"


def test_results_of_an_earlier_version_are_read():
    old = {key: value for key, value in record("loss", 0.2).items() if key != "differs"}
    assert row("loss", run(old)).verdict == "reached"
    del old["reference"]
    assert row("loss", run(old)).verdict == "not comparable"
    assert {r.verdict for r in reproduce({"notebooks": {"02_x": {"status": "completed"}}})} == {"not run"}
