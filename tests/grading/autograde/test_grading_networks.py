"""Networks as plain data: what comes back, and what a hostile message can't do."""

import json

import numpy as np
import pytest

from mnistkit.grading.sandbox import keras_codec
from mnistkit.grading.sandbox.codec import NotSerializable, decode, encode
from mnistkit.utils.keras_backend import import_keras


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


def through(model):
    return decode(json.loads(json.dumps(encode(model))))


@pytest.mark.slow
def test_a_network_comes_back_and_gives_the_same_answers(keras):
    model = small(keras)
    back = through(model)
    x = np.random.default_rng(0).random((5, 8, 8, 1), dtype=np.float32)
    np.testing.assert_allclose(back.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    assert back.count_params() == model.count_params()
    assert back.output_shape == (None, 4)
    assert keras.models.clone_model(back).count_params() == model.count_params()


def usual(keras):
    """Give usual layers and settings, each in the middle of a network for 9 × 9 images."""
    new = keras.layers
    return {
        "depthwise": [new.DepthwiseConv2D(3, depth_multiplier=2), new.SeparableConv2D(5, 2)],
        "L2": [new.Conv2D(4, 3, kernel_regularizer="l2", bias_regularizer=keras.regularizers.L1L2(0.1, 0.2))],
        "norms": [new.LayerNormalization(), new.GroupNormalization(2), new.UnitNormalization()],
        "augmentation": [new.RandomFlip("horizontal"), new.RandomRotation(0.1), new.RandomTranslation(0.1, 0.1)],
        "augmentation in a model": [keras.Sequential([new.RandomFlip(), new.GaussianNoise(0.1)])],
        "groups": [new.Conv2D(4, 3, groups=2)],
        "objects": [new.Conv2D(4, 3, activation=new.LeakyReLU(0.3)), new.Activation(keras.activations.relu)],
        "a ReLU with a limit": [new.ReLU(max_value=0.1, negative_slope=0.2)],
        "kept dimensions": [new.GlobalAveragePooling2D(keepdims=True)],
        "constraint": [new.Conv2D(4, 3, kernel_constraint=keras.constraints.MaxNorm(1))],
        "others": [new.UpSampling2D(), new.Cropping2D(1), new.Permute((2, 1, 3)), new.PReLU()],
    }  # fmt: skip


@pytest.mark.slow
def test_usual_layers_come_back_with_all_settings(keras):
    x = np.random.default_rng(0).normal(size=(3, 9, 9, 2)).astype("float32")
    for name, layers in usual(keras).items():
        model = keras.Sequential([keras.Input((9, 9, 2)), *layers])
        back = through(model)
        np.testing.assert_allclose(back(x, training=False), model(x, training=False), rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(sum(back.losses), sum(model.losses), rtol=1e-5, err_msg=name)


def test_branches_come_back(keras):
    new = keras.layers
    start = keras.Input((8, 8, 2))
    x = new.Conv2D(2, 3, padding="same", activation="relu")(start)
    x = new.Add()([x, start])
    x = keras.ops.relu(x + start)
    x = new.Concatenate()([new.GlobalMaxPooling2D()(x), new.GlobalAveragePooling2D()(x)])
    model = keras.Model(start, new.Dense(3)(x))
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 2)).astype("float32")
    np.testing.assert_allclose(through(model)(images), model(images), rtol=1e-5)


def test_what_runs_other_code_or_is_not_kerass_is_refused_by_name(keras):
    class Own(keras.layers.Layer):
        def call(self, x):
            return x

    class Model(keras.Model):
        def call(self, x):
            return x

    for layer, reason in {
        keras.layers.Lambda(lambda x: x): "Lambda",
        keras.layers.Dense(2, activation=lambda x: x): "lambda",
        Own(): "Own",
    }.items():
        with pytest.raises(NotSerializable, match=reason):
            encode(keras.Sequential([keras.Input((8, 8, 1)), layer]))
    with pytest.raises(NotSerializable, match="of type Model"):
        encode(Model())


@pytest.mark.slow
def test_a_network_that_takes_too_much_is_refused_before_it_has_weights(keras, monkeypatch):
    new = keras.layers
    sides = [keras.Input((28, 28, 1)), new.Conv2D(30, 3, padding="same")]
    slow = keras.Sequential([*sides, *[new.Conv2D(30, 3, padding="same") for _ in range(4)]])
    deep = keras.Sequential([keras.Input((4,)), *[new.Dense(2) for _ in range(101)]])
    wide = json.loads(json.dumps(encode(keras.Sequential([keras.Input((4,)), new.Dense(2)]))))
    wide["config"] = wide["config"].replace('"units": 2', '"units": 1000000')
    usual = encode(keras.Sequential([*sides, new.Conv2D(30, 3)]))
    trees = [encode(slow), encode(deep), wide]
    assert decode(usual).count_params() == 8_430

    def made(*_):
        raise AssertionError("weights were made")

    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__", made)
    for tree in trees:
        with pytest.raises(NotSerializable, match="too large"):
            decode(tree)


def test_a_message_that_no_network_gives_is_refused(keras):
    good = encode(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="relu")]))
    config = good["config"]
    assert decode(good).count_params() == 8
    for changed in (
        config.replace('"Dense"', '"Lambda"'),
        config.replace('"Dense"', '"__class__"'),
        config.replace('"relu"', '"os.system"'),
        config.replace(
            '"relu"', '{"module": "os", "class_name": "system", "config": {}, "registered_name": null}'
        ),
        config.replace('"relu"', '{"module": "builtins", "class_name": "function", "config": "eval"}'),
        config.replace('"keras.layers"', '"os"'),
        config.replace('"keras.layers"', '"keras.src.utils"'),
        config.replace('"registered_name": null', '"registered_name": "own>Dense"'),
        config.replace('"units": 2', '"units": 10000000000'),
        config.replace('"units": 2', '"units": 3'),
        config.replace('"units": 2', '"units": "2"'),
        config.replace("3]", "null]"),
        "[" * 1000,
        "{}",
        '{"class_name": "Sequential"}',
        "3",
    ):
        assert changed != config
        with pytest.raises(NotSerializable):
            decode({**good, "config": changed})
    for weights in ([], "abc", [1, 2], good["weights"][:1], good["weights"][::-1]):
        with pytest.raises(NotSerializable):
            decode({**good, "weights": weights})
    with pytest.raises(NotSerializable):
        decode({**good, "config": 3})


def test_a_network_is_not_built_where_none_was_asked_for(monkeypatch):
    monkeypatch.delitem(keras_codec.sys.modules, "keras", raising=False)
    with pytest.raises(NotSerializable, match="no network was asked for"):
        decode({"$": "network", "config": "{}", "weights": []})
