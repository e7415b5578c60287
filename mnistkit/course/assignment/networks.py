"""Networks as plain data: a chain of well-known layers with their settings and weights.

Keras' own files and configurations can name any class or function of any module, so none of them is read
here. A network is built anew from names that stand in this module, after its size was checked.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

MAX_VALUES = 2_000_000
"""Most weights of a network, and most values of one image between two layers."""

MAX_MULTIPLY_ADDS = 20_000_000
"""Most multiplications of a network for one image: a check may train it, and that has no time limit."""

MAX_LAYERS = 100

_CONVOLUTION = ("kernel_size", "strides", "padding", "activation", "use_bias", "dilation_rate")
_POOLING = ("pool_size", "strides", "padding")
LAYERS: dict[str, tuple[str, ...]] = {
    "Conv2D": ("filters", *_CONVOLUTION),
    "DepthwiseConv2D": ("depth_multiplier", *_CONVOLUTION),
    "SeparableConv2D": ("filters", "depth_multiplier", *_CONVOLUTION),
    "Dense": ("units", "activation", "use_bias"),
    "MaxPooling2D": _POOLING,
    "AveragePooling2D": _POOLING,
    "GlobalMaxPooling2D": (),
    "GlobalAveragePooling2D": (),
    "Flatten": (),
    "Reshape": ("target_shape",),
    "ZeroPadding2D": ("padding",),
    "Dropout": ("rate",),
    "SpatialDropout2D": ("rate",),
    "BatchNormalization": ("momentum", "epsilon"),
    "Activation": ("activation",),
    "ReLU": (),
    "LeakyReLU": ("negative_slope",),
    "Softmax": (),
    "Rescaling": ("scale", "offset"),
}
"""Layers that can be exchanged, with the settings that are kept."""

_ACTIVATIONS = {"linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "tanh"}
_ACTIVATIONS |= {"sigmoid", "softmax", "softplus"}
_WORDS = {"activation": _ACTIVATIONS, "padding": {"valid", "same"}}


class NotAChain(Exception):  # noqa: N818 (a property of a network)
    """A network that can't be exchanged; the message says why."""


def is_network(value: object) -> bool:
    """Tell whether something is a Keras model, without importing Keras."""
    keras: Any = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Model)


def describe(model: Any) -> tuple[list[int], list[tuple[str, dict[str, Any], list[np.ndarray]]]]:
    """Take a network apart.

    Parameters
    ----------
    model : keras.Model
        Sequential, or functional with one layer after the other.

    Returns
    -------
    shape : list of int
        Shape of one input.
    layers : list of (str, dict, list of numpy.ndarray)
        Name of the class, settings and weights of each layer.

    Raises
    ------
    NotAChain
        If there are other layers in it, branches, or settings that would be lost.
    """
    chain = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    if type(model).__name__ not in ("Sequential", "Functional") or not model.built:
        raise NotAChain(f"a network of type {type(model).__name__}, or one without an Input, can't be sent")
    if type(model).__name__ == "Functional":
        for before, layer in zip([None, *chain], chain, strict=False):
            parents = [node.operation for node in layer._inbound_nodes[0].parent_nodes]
            if (
                len(layer._inbound_nodes) != 1
                or len(parents) != 1
                or parents[0] is not (before or parents[0])
            ):
                raise NotAChain("a network with branches can't be sent")
    return list(model.input_shape[1:]), [_describe_layer(layer) for layer in chain]


def _describe_layer(layer: Any) -> tuple[str, dict[str, Any], list[np.ndarray]]:
    kind, config = type(layer).__name__, layer.get_config()
    if kind not in LAYERS:
        raise NotAChain(f"a network with a layer {kind} can't be sent")
    for name, value in config.items():
        if name.endswith(("regularizer", "constraint")) and value is not None:
            raise NotAChain(f"a network with a {name} can't be sent")
    return kind, {name: config[name] for name in LAYERS[kind]}, layer.get_weights()


def build(shape: Sequence[Any], layers: Sequence[Sequence[Any]]) -> Any:
    """Put a network together from what `describe` gave; anything in it may be a lie.

    Parameters
    ----------
    shape : sequence of int
        Shape of one input.
    layers : sequence of (str, dict, list of numpy.ndarray)
        As `describe` gives them.

    Returns
    -------
    keras.Sequential
        Not compiled.

    Raises
    ------
    NotAChain
        If Keras is not in use in this process, or the network is too large or not of this form.
    """
    keras: Any = sys.modules.get("keras")
    if keras is None:
        raise NotAChain("no network was asked for")
    if len(layers) > MAX_LAYERS:
        raise NotAChain(f"a network of more than {MAX_LAYERS} layers is too large")
    if not 1 <= len(shape) <= 4 or not all(type(n) is int and 0 < n <= 4096 for n in shape):
        raise NotAChain("not a network's input shape")
    stack, work = [keras.Input(tuple(shape))], 0
    flow = (None, *shape)
    for kind, settings, weights in layers:
        if kind not in LAYERS or set(settings) != set(LAYERS[kind]):
            raise NotAChain("not a layer that can be sent")
        layer = getattr(keras.layers, kind)(**{name: _checked(name, v) for name, v in settings.items()})
        after = layer.compute_output_shape(flow)
        work += _cost(kind, layer, flow, after, weights)
        flow = after
        stack.append(layer)
    if work > MAX_MULTIPLY_ADDS:
        raise NotAChain(f"a network of {work:,} multiply-adds is too large")
    model = keras.Sequential(stack)
    for layer, (_, _, weights) in zip(stack[1:], layers, strict=True):
        layer.set_weights(weights)
    return model


def _checked(name: str, value: Any) -> Any:
    """Let pass numbers, some words, and tuples of numbers."""
    if isinstance(value, (list, tuple)) and len(value) <= 4:
        return tuple(_checked("", item) for item in value)
    known_word = type(value) is str and value in _WORDS.get(name, ())
    known_number = type(value) in (int, float, bool) and -1 <= value <= 4096
    if value is not None and not known_word and not known_number:
        raise NotAChain(f"a layer with {name}={str(value)[:40]} can't be sent")
    return value


def _cost(kind: str, layer: Any, before: Sequence[Any], after: Sequence[Any], weights: Sequence[Any]) -> int:
    """Count the multiply-adds of a layer from its settings, before Keras makes its weights.

    The weights that came with it must be of that size: so a network is no larger than its message.
    """
    values = math.prod(n for n in after[1:])
    if values > MAX_VALUES or any(type(part) is not np.ndarray for part in weights):
        raise NotAChain("the network is too large, or its weights are no arrays")
    kernels = _kernels(kind, layer, before[-1])
    if any(math.prod(kernel) > MAX_VALUES for kernel in kernels):
        raise NotAChain("the network is too large")
    if [part.shape for part in weights[: len(kernels)]] != kernels:
        raise NotAChain("the network's weights do not fit its layers")
    places = values // after[-1]
    return max(values, places * sum(math.prod(kernel) for kernel in kernels))


def _kernels(kind: str, layer: Any, channels: int) -> list[tuple[int, ...]]:
    """Give the shapes of the weights that are multiplied with: each of them once at every place."""
    if kind == "Dense":
        return [(channels, layer.units)]
    if kind == "Conv2D":
        return [(*layer.kernel_size, channels, layer.filters)]
    if kind == "DepthwiseConv2D":
        return [(*layer.kernel_size, channels, layer.depth_multiplier)]
    if kind == "SeparableConv2D":
        between = channels * layer.depth_multiplier
        return [(*layer.kernel_size, channels, layer.depth_multiplier), (1, 1, between, layer.filters)]
    return []
