"""The networks of the source reports, by name, and what a network costs.

Each function returns a fresh Keras model, not compiled, with random weights: seed before you call it
(`mnistkit.training.fit` does). Images go in as float32 of shape (28, 28, 1), probabilities of the classes
come out; those for the Twist and for VGG16's features say where theirs differ. The functions are short so
that a lesson can show their text.
"""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd

from mnistkit.utils.arguments import Integer, Items, Number, checked
from mnistkit.utils.keras_backend import import_keras

if TYPE_CHECKING:
    import keras

__all__ = [
    "ann",
    "cnn",
    "deep_cnn",
    "drawing",
    "layer_table",
    "mlp",
    "multiply_adds",
    "pattern_spotter",
    "recognizer",
    "small_recognizer",
    "twist_custom",
    "twist_default",
    "vgg16_head",
    "vgg16_transfer",
]


@checked(classes=Integer(2))
def ann(classes: int = 10) -> keras.Sequential:
    """Two dense hidden layers: report R0's ANN, 109,386 parameters with 10 classes.

    Parameters
    ----------
    classes : int
        Number of classes: outputs.
    """
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dense(64, activation="relu", name="dense2"),
            layers.Dense(classes, activation="softmax", name="output"),
        ],
        name="ann",
    )


@checked(classes=Integer(2))
def cnn(classes: int = 10) -> keras.Sequential:
    """Two convolutions, then dense layers: report R0's CNN, 225,034 parameters with 10 classes.

    Parameters
    ----------
    classes : int
        Number of classes: outputs.
    """
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
            layers.Dense(classes, activation="softmax", name="output"),
        ],
        name="cnn",
    )


def pattern_spotter() -> keras.Sequential:
    """Two small convolutions and a maximum over all places, for `mnistkit.activations.planted_patches`.

    1,932 parameters. Where the pattern is does not matter to it: its last layer sees only how strongly each
    filter answers anywhere.
    """
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(12, 3, activation="relu", name="conv1"),
            layers.Conv2D(16, 3, activation="relu", name="conv2"),
            layers.GlobalMaxPooling2D(name="pool"),
            layers.Dense(4, activation="softmax", name="output"),
        ],
        name="pattern_spotter",
    )


@checked(classes=Integer(2))
def mlp(classes: int = 10) -> keras.Sequential:
    """Three dense hidden layers with dropout: report R3's MLP, 415,310 parameters with 10 classes.

    Parameters
    ----------
    classes : int
        Number of classes: outputs.
    """
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
            layers.Dense(classes, activation="softmax", name="output"),
        ],
        name="mlp",
    )


@checked(classes=Integer(2))
def deep_cnn(classes: int = 10) -> keras.Sequential:
    """Five convolutions, then dense layers: report R3's CNN, 1,412,938 parameters with 10 classes.

    Parameters
    ----------
    classes : int
        Number of classes: outputs.
    """
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
            layers.Dense(classes, activation="softmax", name="output"),
        ],
        name="deep_cnn",
    )


@checked(groups=Integer())
def twist_default(groups: int = 5) -> keras.Sequential:
    """Two convolutions and one dense layer: report R1's default CNN, 40,933 parameters.

    Parameters
    ----------
    groups : int
        Number of mystery groups: outputs.
    """
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.Flatten(name="flatten"),
            layers.Dense(groups, activation="softmax", name="output"),
        ],
        name="twist_default",
    )


@checked(groups=Integer(), norm_momentum=Number(0, 1))
def twist_custom(groups: int = 5, *, norm_momentum: float = 0.99) -> keras.Sequential:
    """Three convolutions, batch norm and dropout: report R1's custom CNN, 259,717 parameters.

    Training changes 259,333 of them; batch norm's means and variances are only measured. The layer
    ``flatten`` gives the report's encoding: 2,304 numbers an image.

    Parameters
    ----------
    groups : int
        Number of mystery groups: outputs.
    norm_momentum : float
        How slowly batch norm's running means follow; Keras' own by default. After some hundred steps they are
        still near where they began, and a well-trained network answers wrongly: short trainings need 0.9.
    """
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),
            layers.Conv2D(128, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool1"),
            layers.BatchNormalization(momentum=norm_momentum, name="norm1"),
            layers.Dropout(0.5, name="dropout1"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(name="pool2"),
            layers.BatchNormalization(momentum=norm_momentum, name="norm2"),
            layers.Dropout(0.5, name="dropout2"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense1"),
            layers.Dense(groups, activation="softmax", name="output"),
        ],
        name="twist_custom",
    )


@checked(norm_momentum=Number(0, 1))
def recognizer(*, norm_momentum: float = 0.99) -> keras.Sequential:
    """Five convolutions and batch norm, dense layers: report R4's CNN, 2,686,858 parameters.

    Training changes 2,685,962 of them; the rest are batch norm's means and variances. The output is
    softmax's, where R4 has its logits: the same parameters, and `mnistkit.training.fit` can train it. The
    report does not say how strong its L2 penalty is; this is Keras' own.

    Parameters
    ----------
    norm_momentum : float
        As for `twist_custom`.
    """
    keras = import_keras()
    layers = keras.layers

    def convolution(filters: int, side: int, number: int) -> Any:
        settings = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
        return layers.Conv2D(filters, side, name=f"conv{number}", **settings)

    def dense(units: int, number: int) -> Any:
        settings = {"activation": "elu", "kernel_initializer": "he_normal", "kernel_regularizer": "l2"}
        return layers.Dense(units, name=f"dense{number}", **settings)

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            convolution(64, 5, 1),
            layers.MaxPooling2D(name="pool1"),
            layers.BatchNormalization(momentum=norm_momentum, name="norm1"),
            convolution(128, 3, 2),
            convolution(128, 3, 3),
            layers.MaxPooling2D(name="pool2"),
            layers.BatchNormalization(momentum=norm_momentum, name="norm2"),
            convolution(256, 3, 4),
            convolution(256, 3, 5),
            layers.MaxPooling2D(name="pool3"),
            layers.BatchNormalization(momentum=norm_momentum, name="norm3"),
            layers.Flatten(name="flatten"),
            dense(512, 1),
            layers.Dropout(0.2, name="dropout1"),
            dense(512, 2),
            layers.Dropout(0.2, name="dropout2"),
            dense(256, 3),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="recognizer",
    )


def small_recognizer() -> keras.Sequential:
    """Three convolutions and batch norm, a fifth of report R4's parameters: 497,282.

    Each convolution has a batch norm before its ReLU (Ioffe and Szegedy, 2015,
    https://arxiv.org/abs/1502.03167), so it needs no bias. ``map1`` to ``map3`` are the maps after
    the ReLU. An image costs 3.8 million multiply-adds, where report R4's network takes 90 million. The
    running means follow faster than Keras' own (momentum 0.9, not 0.99): a training may be short.
    """
    keras = import_keras()
    layers = keras.layers

    def normed(layer: Any, name: str) -> list[Any]:
        norm = layers.BatchNormalization(momentum=0.9, name=f"{layer.name}_norm")
        return [layer, norm, layers.ReLU(name=name)]

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *normed(layers.Conv2D(24, 5, use_bias=False, name="conv1"), "map1"),
            layers.MaxPooling2D(name="pool1"),
            *normed(layers.Conv2D(48, 3, padding="same", use_bias=False, name="conv2"), "map2"),
            layers.MaxPooling2D(name="pool2"),
            *normed(layers.Conv2D(96, 3, padding="same", use_bias=False, name="conv3"), "map3"),
            layers.Flatten(name="flatten"),
            *normed(layers.Dense(128, use_bias=False, name="dense1"), "dense1_relu"),
            layers.Dropout(0.4, name="dropout1"),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="small_recognizer",
    )


@checked(features=Items(Integer(), fewest=3))
def vgg16_head(features: tuple[int, int, int]) -> keras.Sequential:
    """Two dense layers on VGG16's features, as report R2 has them: 3,212,682 parameters.

    Parameters
    ----------
    features : tuple of int
        Height, width and channels of VGG16's output for one image: (7, 7, 512) at 224 × 224.
    """
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(features),
            layers.Flatten(name="flatten"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dropout(0.5, name="dropout1"),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="vgg16_head",
    )


@checked()
def vgg16_transfer(base: keras.Model) -> keras.Sequential:
    """Report R2's whole network: VGG16 that does not learn, and a head that does.

    17,927,370 parameters at 224 × 224, of which 3,212,682 are trained.

    Parameters
    ----------
    base : keras.Model
        VGG16 without its own head, as `mnistkit.transfer.vgg16` makes it; it is frozen.
    """
    keras = import_keras()
    base.trainable = False
    head = vgg16_head(base.output_shape[1:])
    return keras.Sequential([keras.Input(base.input_shape[1:]), base, *head.layers], name="vgg16_transfer")


@checked()
def multiply_adds(layer: keras.Layer) -> int:
    """Count the multiplications of one image's way through a layer; each comes with an addition.

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


@checked()
def layer_table(model: keras.Model) -> pd.DataFrame:
    """List a model's layers with their sizes and costs.

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


@checked()
def drawing(model: keras.Model) -> bytes | None:
    """Draw a model's layers from top to bottom with Keras' `model_to_dot`.

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
