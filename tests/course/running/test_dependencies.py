"""What a result depends on is read from the notebook, or said to be unknown."""

import json
from pathlib import Path

import pytest
from course_helpers import write_course, write_lesson

import mnistkit
from mnistkit.course.lessons import find
from mnistkit.course.parameters import read_schema
from mnistkit.course.running.dependencies import read_dependencies

PARAMETERS = 'data: str = "auto"  # where\nname: str = "mnist"  # which\nvgg_weights: str = "auto"  # which'
VALUES = {"data": "bundled", "name": "twist", "vgg_weights": "random"}


def dependencies(tmp_path, *cells):
    course = write_course(tmp_path)
    write_lesson(course, "01_a", *cells, parameters=PARAMETERS)
    return read_dependencies(find(course)[0], VALUES)


@pytest.mark.parametrize(
    ("cell", "data"),
    [
        ('load("mnist", data)', [("mnist", "bundled")]),
        ('load("mnist")', [("mnist", "auto")]),
        ('load(source="download", name="mnist")', [("mnist", "download")]),
        ("load(name, data)", [("twist", "bundled")]),
        ('which = "fashion-mnist"\nload(which, data)', [("fashion-mnist", "bundled")]),
        ('load("mnist" if name == "twist" else "twist", data)', [("mnist", "bundled")]),
        ('load("mnist" if name == "mnist" else name, data)', [("twist", "bundled")]),
        ('from mnistkit.data import load as get\nget("mnist", data)', [("mnist", "bundled")]),
        ('import mnistkit.data as d\nd.load("mnist", data)', [("mnist", "bundled")]),
        ('load("mnist", data)\nload("mnist", folder / "csv")', [("mnist", "bundled")]),
        ('load("mnist", folder)', [("mnist", "bundled")]),
        ('a, b = load("mnist", data), load("twist", data)', [("mnist", "bundled"), ("twist", "bundled")]),
        ("import numpy as np\nnp.load(path)\nfrom json import load\nload(file)\npickle.load(f)", []),
        ("%matplotlib inline\n!ls\n1 +", []),
        ('%matplotlib inline\nload("mnist", data)\ntext = "a\u2028b\x0cc"', [("mnist", "bundled")]),
    ],
)
def test_data_sets_are_known_by_their_names(tmp_path, cell, data):
    found = dependencies(tmp_path, cell)
    assert found.data == data
    assert found.doubts == []


@pytest.mark.parametrize(
    ("cell", "doubt"),
    [
        ('load("mn" + "ist")', "load('mn' + 'ist')"),
        ('name = "mnist"\nload(name)', "load(name)"),  # a parameter that is set again
        ("for one in names:\n    load(one, data)", "load(one, data)"),
        ('which = "mnist"\ndef get(which):\n    return load(which)', "load(which)"),
        ("[load(one) for one in names]", "load(one)"),
        ("list(map(load, names))", "load"),
        ("from mnistkit.data import load as get\nget(x)", "get(x)"),
        ("from mnistkit import data as sets\nsets.load(x)", "sets.load(x)"),
        ('%time ds = load("mnist")', '%time ds = load("mnist")'),
        ('load("mnist"', 'load("mnist"'),
        ("from mnistkit import transfer\ntransfer.vgg16(pick())", "transfer.vgg16(pick())"),
    ],
)
def test_what_is_only_known_when_the_notebook_runs_is_a_doubt(tmp_path, cell, doubt):
    assert dependencies(tmp_path, cell).doubts == [doubt]


def test_weights_are_known_by_parameter_or_text(tmp_path):
    found = dependencies(
        tmp_path,
        'from mnistkit import transfer\ntransfer.vgg16(vgg_weights, 48)\ntransfer.vgg16("imagenet")\ntransfer.vgg16()',
    )
    assert found.weights == ["random", "imagenet", "auto"]


@pytest.mark.slow
def test_the_lessons_of_the_course_leave_no_doubt():
    for lesson in find(Path(mnistkit.__file__).resolve().parents[1] / "notebooks"):
        found = read_dependencies(lesson, {name: p.default for name, p in read_schema(lesson).items()})
        assert found.doubts == [], lesson.name
        assert {source for _, source in found.data} == {"auto"}, lesson.name
        assert bool(found.weights) is ("vgg16(" in json.dumps(lesson.text)), lesson.name
