"""The source reports' figures: each is right, each is reproduced by its lesson."""

import ast
import re

import pytest

from mnistkit.course.lessons import find, find_folder
from mnistkit.records.lesson_facts import course_references

REFERENCES = course_references()
LESSONS = {lesson.name[:2]: lesson for lesson in find(find_folder())}
# Copied from the reports a second time, so that a slip of the keyboard is noticed.
FIGURES = {
    "knn3_test_accuracy": 0.8541,
    "ann_validation_accuracy": 0.8903,
    "cnn_validation_accuracy": 0.9175,
    "mlp_validation_accuracy": 0.877,
    "ann_parameters": 109386,
    "cnn_parameters": 225034,
    "twist_default_test_accuracy": 0.9285,
    "twist_default_test_loss": 0.2097,
    "twist_custom_test_accuracy": 0.9448,
    "twist_custom_test_loss": 0.1614,
    "twist_custom_trainable_parameters": 259333,
    "vgg16_validation_accuracy": 0.9683,
    "vgg16_trainable_parameters": 3212682,
    "tsne_gmm_purity": 0.8365,
    "tsne_gmm_purity_2400": 0.8325,
    "r4_parameters": 2686858,
    "r4_network_test_part_accuracy": 0.9930,
    "hidden_test_accuracy": 0.99385,
}


def record_patterns(lesson):
    """Patterns of the names that a notebook records, with what an f-string fills in left open."""
    patterns = []
    for cell in lesson.cells:
        if cell.kind == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "record":
                    name = node.args[0]
                    parts = name.values if isinstance(name, ast.JoinedStr) else [name]
                    patterns.append(
                        "".join(re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in parts)
                    )
    return patterns


@pytest.mark.parametrize("name", FIGURES)
def test_the_main_figures_are_the_reports(name):
    assert REFERENCES[name].value == FIGURES[name]


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_is_whole(name):
    reference = REFERENCES[name]
    assert name.isidentifier()
    assert re.fullmatch("R[0-4]|Kaggle", reference.report)
    assert reference.tolerance >= 0
    assert reference.better in ("higher", "lower", "equal")
    assert reference.better == "lower" or "loss" not in name
    assert reference.tolerance > 0 or reference.better == "equal", "what is random has a spread"
    assert len(reference.what) > 15


@pytest.mark.parametrize("name", REFERENCES)
def test_the_lesson_of_a_reference_records_it(name):
    lesson = LESSONS[REFERENCES[name].lesson]
    assert any(re.fullmatch(pattern, name) for pattern in record_patterns(lesson))


def test_a_figure_is_counted_once_in_a_lesson():
    """The same figure of the same report may stand under two names only where two lessons reproduce it."""
    keys = [(r.report, r.what, r.lesson) for r in REFERENCES.values()]
    assert len(keys) == len(set(keys))


def test_a_record_without_a_report_is_not_in_the_way_of_one_with():
    """A name with a reference must mean the same thing in every lesson that records it."""
    for number, lesson in LESSONS.items():
        plain = {pattern for pattern in record_patterns(lesson) if r"\w" not in pattern}
        assert not [name for name in plain & set(REFERENCES) if REFERENCES[name].lesson != number]
