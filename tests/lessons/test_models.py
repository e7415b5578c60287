"""The reports' networks, as the reports describe them, and what they cost."""

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest

from mnistkit import models
from mnistkit.utils import keras_backend
from mnistkit.utils.garbage import collector_at_rest
from mnistkit.utils.keras_backend import import_keras

PARAMETERS = {
    "ann": 109_386,
    "cnn": 225_034,
    "pattern_spotter": 1_932,
    "mlp": 415_310,
    "deep_cnn": 1_412_938,
    "twist_default": 40_933,
    "twist_custom": 259_717,
    "recognizer": 2_686_858,
}
LAYERS = {
    "ann": "Flatten Dense128 Dense64 Dense10",
    "cnn": "Conv2D32 MaxPooling2D Conv2D64 MaxPooling2D Flatten Dense128 Dropout0.5 Dense10",
    "mlp": "Flatten Dense400 Dense200 Dropout0.2 Dense100 Dropout0.2 Dense10",
    "pattern_spotter": "Conv2D12 Conv2D16 GlobalMaxPooling2D Dense4",
    "deep_cnn": "Conv2D64 MaxPooling2D Conv2D64 Conv2D128 MaxPooling2D Conv2D256 Conv2D256 MaxPooling2D Flatten "
    "Dense128 Dropout0.2 Dense64 Dropout0.2 Dense10",
    "twist_default": "Conv2D32 MaxPooling2D Conv2D32 Flatten Dense5",
    "twist_custom": "Conv2D32 Conv2D128 MaxPooling2D BatchNormalization Dropout0.5 Conv2D64 MaxPooling2D "
    "BatchNormalization Dropout0.5 Flatten Dense64 Dense5",
    "recognizer": "Conv2D64 MaxPooling2D BatchNormalization Conv2D128 Conv2D128 MaxPooling2D BatchNormalization "
    "Conv2D256 Conv2D256 MaxPooling2D BatchNormalization Flatten Dense512 Dropout0.2 Dense512 Dropout0.2 Dense256 "
    "Dense10",
}


def describe(layer):
    size = [getattr(layer, name) for name in ("units", "filters", "rate") if hasattr(layer, name)]
    return "".join(map(str, [type(layer).__name__, *size]))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_network_is_as_its_report_describes_it(name):
    model = getattr(models, name)()
    assert model.name == name
    assert model.count_params() == PARAMETERS[name]
    assert " ".join(map(describe, model.layers)) == LAYERS[name]
    activations = [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")]
    assert activations[-1] == "softmax"
    dense = 3 if name == "recognizer" else 0
    assert activations[:-1] == ["relu"] * (len(activations) - 1 - dense) + ["elu"] * dense


def test_the_deep_network_keeps_the_size_of_its_images_and_starts_with_wide_kernels():
    convolutions = [layer for layer in models.deep_cnn().layers if hasattr(layer, "kernel_size")]
    assert [layer.kernel_size[0] for layer in convolutions] == [6, 6, 3, 3, 3]
    assert {layer.padding for layer in convolutions} == {"same"}
    assert {layer.padding for layer in models.cnn().layers if hasattr(layer, "padding")} == {"valid"}


def test_report_r4s_network_learns_all_but_what_batch_norm_measures():
    recognizer = models.recognizer()
    assert sum(int(np.prod(weight.shape)) for weight in recognizer.trainable_weights) == 2_685_962
    assert recognizer.get_layer("flatten").output.shape == (None, 2304)
    assert recognizer.get_layer("conv1").kernel_size == (5, 5)
    dense = [recognizer.get_layer(f"dense{number}") for number in (1, 2, 3)]
    assert all(layer.kernel_regularizer for layer in dense)
    quick = models.recognizer(norm_momentum=0.9)
    norms = [{net.get_layer(f"norm{n}").momentum for n in (1, 2, 3)} for net in (recognizer, quick)]
    assert norms == [{0.99}, {0.9}]


def test_report_r1s_custom_network_learns_all_but_what_batch_norm_measures():
    custom = models.twist_custom()
    assert sum(int(np.prod(weight.shape)) for weight in custom.trainable_weights) == 259_333
    assert custom.get_layer("flatten").output.shape == (None, 2304)
    convolutions = [layer.padding for layer in custom.layers if hasattr(layer, "kernel_size")]
    assert convolutions == ["same", "valid", "same"]
    quick = models.twist_custom(norm_momentum=0.9)
    norms = [[net.get_layer(name).momentum for name in ("norm1", "norm2")] for net in (custom, quick)]
    assert norms == [[0.99, 0.99], [0.9, 0.9]]
    assert [models.twist_default(7).output_shape, models.twist_custom(7).output_shape] == [(None, 7)] * 2


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_probabilities_come_out_and_each_call_makes_new_weights(name):
    first, second = (getattr(models, name)() for _ in range(2))
    out = first.predict(np.zeros((2, 28, 28, 1), "float32"), verbose=0)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-5)
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])


def test_the_small_recognizer_is_small_and_normalises_before_each_relu():
    small, large = models.small_recognizer(), models.recognizer()
    assert small.count_params() == 497_282
    assert (
        models.multiply_adds(small) == 24 * 24 * 25 * 24 + 144 * 216 * 48 + 36 * 432 * 96 + 3456 * 128 + 1280
    )
    assert models.multiply_adds(large) > 23 * models.multiply_adds(small)
    kinds = [type(layer).__name__ for layer in small.layers]
    assert [kinds[i + 1 : i + 3] for i, kind in enumerate(kinds) if kind == "Conv2D"] == [
        ["BatchNormalization", "ReLU"]
    ] * 3
    assert {layer.momentum for layer in small.layers if hasattr(layer, "momentum")} == {0.9}
    assert small.get_layer("map3").output.shape == (None, 6, 6, 96)


def test_multiply_adds_of_known_layers():
    keras = import_keras()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((10, 8, 3)),
            layers.Conv2D(4, (3, 2), strides=2, padding="valid"),  # 4 × 4 places, 3·2·3 weights a filter
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )
    each = [models.multiply_adds(layer) for layer in model.layers]
    assert each == [4 * 4 * 3 * 2 * 3 * 4, 0, 0, 64 * 5]
    assert models.multiply_adds(model) == sum(each)


def test_a_convolution_has_fewer_weights_but_uses_each_many_times():
    """The numbers that lesson 03 explains: parameters don't say what an image costs."""
    assert models.multiply_adds(models.ann()) == 784 * 128 + 128 * 64 + 64 * 10
    assert models.multiply_adds(models.cnn()) == 26 * 26 * 9 * 32 + 11 * 11 * 288 * 64 + 1600 * 128 + 128 * 10


def test_the_table_lists_every_layer():
    model = models.cnn()
    table = models.layer_table(model)
    assert list(table.index) == [layer.name for layer in model.layers]
    assert table["parameters"].sum() == model.count_params()
    assert table["multiply_adds"].sum() == models.multiply_adds(model)
    assert table.loc["conv1", "output"] == "26 × 26 × 32"
    assert table.loc["pool2", "layer"] == "MaxPooling2D"


def test_a_drawing_is_a_picture(monkeypatch):
    if models.shutil.which("dot") is None:
        pytest.skip("install graphviz: its program dot draws")
    assert models.drawing(models.ann()).startswith(b"\x89PNG")


def test_without_graphviz_there_is_no_drawing(monkeypatch):
    monkeypatch.setattr(models.shutil, "which", lambda name: None)
    assert models.drawing(models.ann()) is None


def test_what_tensorflow_writes_while_it_starts_is_held_back_unless_it_fails(capfd):
    with keras_backend._standard_error_held_back():
        os.write(2, b"a page of messages")
    assert capfd.readouterr().err == ""
    with pytest.raises(ImportError), keras_backend._standard_error_held_back():
        os.write(2, b"no such library")
        raise ImportError
    assert capfd.readouterr().err == "no such library"
    os.write(2, b"as before")
    assert capfd.readouterr().err == "as before"


@pytest.mark.slow
def test_nothing_is_written_when_keras_is_imported():
    code = "from mnistkit.utils.keras_backend import import_keras; keras = import_keras(); keras.ops.zeros(3)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.slow
def test_the_garbage_collector_leaves_alone_what_keras_is_made_of_and_garbage_goes_first():
    class Cycle:
        def __init__(self):
            self.itself = self

    garbage = weakref.ref(Cycle())
    gc.unfreeze()  # the tests themselves, which are left alone too
    with collector_at_rest():  # as where an explorer's picture is the first that needs Keras
        import_keras.__wrapped__()
        assert not gc.isenabled()
    assert garbage() is None
    assert gc.get_freeze_count() > 100_000
    assert gc.isenabled()
