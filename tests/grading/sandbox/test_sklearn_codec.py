"""What crosses of a fitted scikit-learn model: its parameters and documented values, and no more."""

import json

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from mnistkit.grading.autograde.answer_shapes import outline, outline_difference
from mnistkit.grading.sandbox.codec import NotSerializable, decode, encode

X = np.array([[0.0, 1], [1, 0], [10, 11], [11, 10]])


def crossed(model):
    return decode(json.loads(json.dumps(encode(model))))


def test_parameters_and_documented_values_cross_and_methods_do_not():
    model = PCA(1).fit(X)
    found = crossed({"model": model})["model"]
    assert found.n_components == 1
    assert np.array_equal(found.components_, model.components_)
    with pytest.raises(AttributeError, match="without 'transform'; let a function of the student predict"):
        found.transform(X)
    with pytest.raises(AttributeError):
        crossed(PCA(1)).components_  # noqa: B018 (not fitted)
    with pytest.raises(NotSerializable, match="FittedModel"):
        encode(found)


def test_values_of_another_shape_are_no_answer():
    truth = outline(KMeans(2, n_init=1, random_state=0).fit(X))
    right = crossed(KMeans(2, n_init=1, random_state=1).fit(X))
    assert outline_difference(outline(right), truth) == ""
    stretched = crossed(KMeans(1, n_init=1).fit(X))
    assert "has the shape (1, 2)" in outline_difference(outline(stretched), truth)


@pytest.mark.parametrize(
    "lie",
    [
        {"name": "A", "v": [["__class__", 1]]},
        {"name": "A", "v": [["_values", 1]]},
        {"name": ["A"], "v": []},
        {"name": "A", "v": [["a b", 1]]},
        {"name": "A"},
    ],
)
def test_what_is_no_model_is_refused(lie):
    with pytest.raises(NotSerializable):
        decode({"$": "model", **lie})
