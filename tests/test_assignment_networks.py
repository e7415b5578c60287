"""Networks as plain data: what comes back, and what a hostile message can't do."""

import json

import numpy as np
import pytest

from mnistkit.backend import import_keras
from mnistkit.course.assignment import networks
from mnistkit.course.assignment.exchange import NotPlain, decode, encode


@pytest.fixture(scope="module")
def keras():
    return import_keras()


def small(keras):
    new = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            new.Conv2D(3, 3, activation="relu", padding="same"),
            new.BatchNormalization(),
            new.MaxPooling2D(),
            new.Dropout(0.2),
            new.Flatten(),
            new.Dense(4, activation="softmax"),
        ]
    )


def test_a_network_comes_back_and_gives_the_same_answers(keras):
    model = small(keras)
    back = decode(json.loads(json.dumps(encode(model))))
    x = np.random.default_rng(0).random((5, 8, 8, 1), dtype=np.float32)
    np.testing.assert_allclose(back.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    assert back.count_params() == model.count_params()
    assert back.output_shape == (None, 4)


def test_convolutions_of_every_kind_come_back(keras):
    new = keras.layers
    kinds = [new.Conv2D(4, 3), new.DepthwiseConv2D(3, depth_multiplier=2), new.SeparableConv2D(5, 2)]
    model = keras.Sequential([keras.Input((9, 9, 2)), *kinds, new.GlobalAveragePooling2D()])
    x = np.random.default_rng(0).random((3, 9, 9, 2), dtype=np.float32)
    np.testing.assert_allclose(decode(encode(model))(x), model(x), rtol=1e-5)


def test_a_network_that_takes_minutes_to_train_is_refused_before_it_is_made(keras, monkeypatch):
    new = keras.layers
    sides = [keras.Input((28, 28, 1)), new.Conv2D(30, 3, padding="same")]
    slow = keras.Sequential([*sides, *[new.Conv2D(30, 3, padding="same") for _ in range(4)]])
    deep = keras.Sequential([keras.Input((4,)), *[new.Dense(2) for _ in range(101)]])
    usual = encode(keras.Sequential([*sides, new.Conv2D(30, 3)]))
    slow, deep = encode(slow), encode(deep)
    assert decode(usual).count_params() == 8_430
    monkeypatch.setattr(keras, "Sequential", None)
    for tree in (slow, deep):
        with pytest.raises(NotPlain, match="too large"):
            decode(tree)


def test_a_functional_chain_comes_back_and_branches_do_not(keras):
    start = keras.Input((4,))
    first = keras.layers.Dense(3)(start)
    chain = keras.Model(start, keras.layers.Dense(2)(first))
    assert decode(encode(chain)).count_params() == chain.count_params()
    branch = keras.Model(start, keras.layers.Concatenate()([first, start]))
    with pytest.raises(NotPlain, match="branches"):
        encode(branch)
    skip = keras.Model(start, [first, keras.layers.Dense(2)(start)])
    with pytest.raises(NotPlain, match="branches"):
        encode(skip)


def test_other_layers_and_settings_are_refused_by_name(keras):
    for layer, reason in {
        keras.layers.Lambda(lambda x: x): "Lambda",
        keras.layers.Dense(2, kernel_regularizer="l2"): "kernel_regularizer",
        small(keras): "Sequential",
    }.items():
        with pytest.raises(NotPlain, match=reason):
            encode(keras.Sequential([keras.Input((8, 8, 1)), layer]))


def dense(units=2, **changes):
    settings = {"units": units, "activation": "relu", "use_bias": True}
    return ["Dense", settings | changes, [np.zeros((3, 2), np.float32), np.zeros(2, np.float32)]]


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        ([3], [dense(units=10**9)]),
        ([3], [dense(units=4000)]),
        ([4], [dense()]),
        ([3], [dense(activation="os.system")]),
        ([3], [dense(activation={"module": "os", "class_name": "system"})]),
        ([3], [dense(name="x")]),
        ([3], [["Lambda", {}, []]]),
        ([3], [["__class__", {}, []]]),
        ([3], [["Dense", dense()[1], []]]),
        ([3], [["Dense", dense()[1], ["abc", "de"]]]),
        ([10**6], []),
        ([4096, 4096, 4096], [["Flatten", {}, []]]),
        ([3.5], []),
        ([4096], [["Reshape", {"target_shape": [64, 64, 1]}, []], ["ZeroPadding2D", {"padding": 4000}, []]]),
        ([3], "abc"),
        ([3], [[1, 2, 3]]),
    ],
)
def test_a_message_that_no_network_gives_is_refused(keras, shape, layers):
    with pytest.raises(NotPlain):
        decode({"$": "network", "shape": encode(shape), "layers": encode(layers)})


def test_a_network_is_not_built_where_none_was_asked_for(monkeypatch):
    monkeypatch.delitem(networks.sys.modules, "keras", raising=False)
    with pytest.raises(NotPlain, match="no network was asked for"):
        decode({"$": "network", "shape": [3], "layers": []})
