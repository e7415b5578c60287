"""What stands beside a lesson, in the YAML file of its name: read as it is, or refused with the place."""

import pytest
from course_helpers import write_course, write_lesson

from mnistkit.errors import UserError
from mnistkit.records import lesson_facts
from mnistkit.records.lesson_facts import (
    REFERENCES_VARIABLE,
    Budget,
    LessonFacts,
    course_folder,
    course_references,
    read_lesson_facts,
    read_references,
    references_as_text,
)
from mnistkit.records.references import Reference

PURITY = "{name: purity, report: R9, what: purity of 9 images, value: 0.5, tolerance: 0.1, better: higher}"
WHOLE = f"""
references:
  - {PURITY}
budgets:
  smoke: {{seconds: 60, memory_mb: 700.5}}
personal: [seed, own_seed]
wrong_answers:
  exercise-double:
    forgot it: return x
right_answers: {{}}
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    write_lesson(folder, "01_a", "1")
    monkeypatch.chdir(tmp_path)
    return folder


def test_every_section_is_read(course):
    (course / "01_a.yaml").write_text(WHOLE)
    facts = read_lesson_facts(course / "01_a.ipynb")
    assert facts.references == {"purity": Reference("R9", "purity of 9 images", 0.5, 0.1, "higher", "01")}
    assert facts.budgets == {"smoke": Budget(60, 700.5)}
    assert facts.personal == ("seed", "own_seed")
    assert facts.wrong_answers == {"exercise-double": {"forgot it": "return x"}}
    assert facts.right_answers == {}


@pytest.mark.parametrize("text", [None, "", "# nothing yet", "{}"])
def test_what_is_not_there_is_empty(course, text):
    if text is not None:
        (course / "01_a.yaml").write_text(text)
    assert read_lesson_facts(course / "01_a.ipynb") == LessonFacts()
    assert LessonFacts().personal is None
    assert read_references(course) == {}


@pytest.mark.parametrize(
    ("text", "where", "found", "expected"),
    [
        ("a: [", "", "while parsing", "a readable YAML file"),
        ("personal: 2026-13-45", "", "month must be in 1..12", "a readable YAML file"),
        ("[1]", "", "[1]", "'name: value' lines"),
        ("reference: []", "", "the field 'reference'", "only references, budgets, personal, wrong_answers"),
        ("references: {a: 1}", ": references", "{'a': 1}", "a list"),
        ("references: [1]", ": references, entry 1", "1", "'name: value' lines"),
        ("references: [{name: a}]", ": references, entry 1", "no field 'report'", "name, report, what"),
        (
            f"references: [{PURITY[:-1]}, many: 1}}]",
            ": references, entry 1",
            "the field 'many'",
            "only name, report, what, value, tolerance, better, data, any_data",
        ),
        (
            f"references: [{PURITY.replace('higher', 'bigger')}]",
            ": references, entry 1: better",
            "'bigger'",
            "higher, lower or equal",
        ),
        (
            f"references: [{PURITY.replace('0.1', '-1')}]",
            ": references, entry 1: tolerance",
            "-1",
            "a number that is 0 or more",
        ),
        (
            f"references: [{PURITY.replace('0.5', '.nan')}]",
            ": references, entry 1: value",
            "nan",
            "a number",
        ),
        (
            f"references: [{PURITY.replace('name: purity', 'name: a b')}]",
            ": references, entry 1: name",
            "'a b'",
            "a name like purity_k10",
        ),
        (f"references: [{PURITY}, {PURITY}]", ": references, entry 2", "'purity' again", "each name once"),
        ("budgets: {lab: 5}", ": budgets.lab", "5", "'name: value' lines"),
        ("budgets: {lab: {seconds: 5}}", ": budgets.lab", "no field 'memory_mb'", "seconds, memory_mb"),
        (
            "budgets: {lab: {seconds: x, memory_mb: 1}}",
            ": budgets.lab: seconds",
            "'x'",
            "a number above 0",
        ),
        ("personal: seed", ": personal", "'seed'", "a list"),
        ("personal: [a, a]", ": personal", "['a', 'a']", "names of parameters, each once"),
        ("personal: [7]", ": personal", "[7]", "names of parameters, each once"),
        ("wrong_answers: {e: [x]}", ": wrong_answers.e", "['x']", "'name: value' lines"),
        ("right_answers: {e: {a: 5}}", ": right_answers.e.a", "5", "a text"),
    ],
)
def test_a_broken_file_is_answered_with_the_place_and_what_should_stand_there(
    course, text, where, found, expected
):
    (course / "01_a.yaml").write_text(text)
    with pytest.raises(UserError) as raised:
        read_references(course)
    error = raised.value
    assert error.where == f"{course / '01_a.yaml'}{where}"
    assert found in error.found
    assert expected in error.expected
    assert error.todo


def test_two_lessons_can_not_have_a_reference_of_one_name(course):
    write_lesson(course, "02_b", "1")
    for name in ("01_a", "02_b"):
        (course / f"{name}.yaml").write_text(WHOLE)
    with pytest.raises(UserError, match=r"02_b\.yaml: references\n  found:    purity, as beside another"):
        read_references(course)


def test_only_what_stands_beside_a_notebook_is_read(course):
    (course / "notes.yaml").write_text("[1]")
    assert read_references(course) == {}


def test_the_references_are_those_of_the_course_that_is_worked_in(course, monkeypatch):
    (course / "01_a.yaml").write_text(WHOLE)
    assert course_folder() == course
    assert list(course_references()) == ["purity"]
    monkeypatch.chdir(course)  # as kernels of JupyterLab are
    assert list(course_references()) == ["purity"]


def test_a_kernel_of_a_run_has_the_runs_references_wherever_it_is(course, monkeypatch):
    (course / "01_a.yaml").write_text(WHOLE)
    known = read_references(course)
    monkeypatch.chdir("/")
    monkeypatch.setenv(REFERENCES_VARIABLE, references_as_text(known))
    assert course_references() == known
    monkeypatch.setenv(REFERENCES_VARIABLE, references_as_text({}))
    assert course_references() == {}


def test_without_any_course_there_are_no_references(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lesson_facts, "course_folder", lambda: None)
    assert course_references() == {}
