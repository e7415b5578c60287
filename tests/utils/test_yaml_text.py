"""YAML that people write: no line of it is dropped without a word."""

import pytest
import yaml

from mnistkit.utils.yaml_text import load_texts, load_yaml


@pytest.mark.parametrize("load", [load_yaml, load_texts])
@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("a: 1\nb: 2\na: 3", "a", 3),
        ("a:\n  b: 1\n  b: 1", "b", 3),
        ("- {c: 1, d: 2,\n   c: 3}", "c", 2),
        ("0123: x\n'0124': y\n0123: z", "0123", 3),
        ("a: &same {b: 1}\nc: *same\na: 2", "a", 3),
    ],
)
def test_a_name_that_stands_twice_is_named_with_its_line(load, text, name, line):
    with pytest.raises(yaml.YAMLError, match=rf"'{name}' stands twice in one mapping\n.*line {line}, "):
        load(text)


@pytest.mark.parametrize("load", [load_yaml, load_texts])
def test_a_name_may_stand_once_in_each_mapping(load):
    text = "a: {b: x, c: y}\nb: {a: x, b: z}\nmore: [{b: x}, {b: y}, &same {c: z}, *same]"
    assert load(text) == {
        "a": {"b": "x", "c": "y"},
        "b": {"a": "x", "b": "z"},
        "more": [{"b": "x"}, {"b": "y"}, {"c": "z"}, {"c": "z"}],
    }


def test_what_is_added_to_a_mapping_by_its_anchor_may_have_the_same_names():
    text = "usual: &usual {epochs: 3, seed: 1}\nmine:\n  <<: *usual\n  seed: 2"
    assert load_yaml(text)["mine"] == {"epochs": 3, "seed": 2}
