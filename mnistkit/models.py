"""The networks of the source reports, by name, and what a network costs.

Each function returns a fresh Keras model, not compiled, with random weights: seed before you call it
(`mnistkit.training.fit` does). Images go in as float32 of shape (28, 28, 1), probabilities of ten classes
come out. The functions are short so that a lesson can show their text.
"""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import pandas as pd

from mnistkit.backend import import_keras

if TYPE_CHECKING:
    import keras

__all__ = ["ann", "cnn", "deep_cnn", "drawing", "layer_table", "mlp", "multiply_adds"]


def ann() -> keras.Sequential:
    """Two dense hidden layers: report R0's ANN, 109,386 parameters (lesson 03)."""
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dense(64, activation="relu", name="dense2"),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="ann",
    )


def cnn() -> keras.Sequential:
    """Two convolutions, then dense layers: report R0's CNN, 225,034 parameters (lessons 03 and 04)."""
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dropout(0.5, name="dropout1"),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="cnn",
    )


def mlp() -> keras.Sequential:
    """Three dense hidden layers with dropout: report R3's MLP, 415,310 parameters (lesson 03)."""
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(name="flatten"),
            layers.Dense(400, activation="relu", name="dense1"),
            layers.Dense(200, activation="relu", name="dense2"),
            layers.Dropout(0.2, name="dropout1"),
            layers.Dense(100, activation="relu", name="dense3"),
            layers.Dropout(0.2, name="dropout2"),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="mlp",
    )


def deep_cnn() -> keras.Sequential:
    """Five convolutions, then dense layers: report R3's CNN, 1,412,938 parameters (lesson 03)."""
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 6, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(64, 6, padding="same", activation="relu", name="conv2"),
            layers.Conv2D(128, 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(name="pool2"),
            layers.Conv2D(256, 3, padding="same", activation="relu", name="conv4"),
            layers.Conv2D(256, 3, padding="same", activation="relu", name="conv5"),
            layers.MaxPooling2D(name="pool3"),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dropout(0.2, name="dropout1"),
            layers.Dense(64, activation="relu", name="dense2"),
            layers.Dropout(0.2, name="dropout2"),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="deep_cnn",
    )


def multiply_adds(layer: keras.Layer) -> int:
    """Count the multiplications of one image's way through a layer; each comes with an addition (lesson 03).

    Only dense and convolution layers count: what the others do is small beside them.

    Parameters
    ----------
    layer : keras.Layer
        A layer that has been built, or a whole model: the sum over its layers.

    Returns
    -------
    int
        Number of multiply-adds: each weight of a dense layer is used once an image, each weight of a
        convolution once for every place of its output.
    """
    layers = import_keras().layers
    if hasattr(layer, "layers"):
        return sum(multiply_adds(inner) for inner in layer.layers)
    if isinstance(layer, layers.Dense | layers.Conv2D):
        places = math.prod(layer.output.shape[1:-1])
        return places * math.prod(layer.kernel.shape)
    return 0


def layer_table(model: keras.Model) -> pd.DataFrame:
    """List a model's layers with their sizes and costs (lessons 03 and 04).

    Parameters
    ----------
    model : keras.Model
        A model that has been built.

    Returns
    -------
    pandas.DataFrame
        One row a layer, by name: ``layer`` (its kind), ``output`` (shape for one image), ``parameters``,
        ``multiply_adds`` for one image.
    """
    rows = {
        layer.name: {
            "layer": type(layer).__name__,
            "output": " × ".join(map(str, layer.output.shape[1:])),
            "parameters": layer.count_params(),
            "multiply_adds": multiply_adds(layer),
        }
        for layer in model.layers
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def drawing(model: keras.Model) -> bytes | None:
    """Draw a model's layers from top to bottom with Keras' `model_to_dot` (lesson 03).

    Parameters
    ----------
    model : keras.Model
        A model that has been built.

    Returns
    -------
    bytes or None
        PNG; None where graphviz' program ``dot`` is not installed: `layer_table` says the same.
    """
    keras = import_keras()
    if shutil.which("dot") is None:
        return None
    dot = keras.utils.model_to_dot(
        model, show_shapes=True, show_layer_activations=True, rankdir="TB", dpi=60, splines="line"
    )
    return dot.create_png()
