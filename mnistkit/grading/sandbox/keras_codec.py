"""Networks as plain data: Keras' own configuration of them, and their weights.

A configuration can name any class or function of any module, so each name in it must be one of Keras' own
that runs no other code, and everything else numbers and short words. It is checked on both sides: in the
student's process so that a refusal can name what is refused, and in the grader's because the message may be
a lie. There it is first put together without weights, to see how large it would be.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

MAX_VALUES = 2_000_000
"""Most weights of a network, and most values of one image between two layers."""

MAX_MULTIPLY_ADDS = 20_000_000
"""Most multiplications of a network for one image: a check may train it."""

MAX_LAYERS = 100

_MAX_TEXT = 1_000_000
_MAX_NUMBER = 1_000_000
_MAX_WORD = 200
_MAX_DEPTH = 50

_OTHER_CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "Wrapper"}
_FILES = {"StringLookup", "IntegerLookup", "TextVectorization", "MelSpectrogram", "STFTSpectrogram"}
_MODELS = {"Sequential", "Functional"}
_PLACES = ("layers", "initializers", "regularizers", "constraints")
"""Where Keras keeps what a configuration may name."""
_VALUES = {"__keras_tensor__", "__tuple__", "__slice__", "__ellipsis__", "__tensor__", "__numpy__"}
_NOT_KEPT = {"build_config", "compile_config"}


class CannotSend(Exception):  # noqa: N818 (a property of a network)
    """A network that can't be exchanged; the message says why."""


def is_network(value: object) -> bool:
    """Tell whether something is a Keras model, without importing Keras."""
    keras: Any = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Model)


def describe_network(model: Any) -> tuple[str, list[np.ndarray]]:
    """Take a network apart.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional, of Keras' own layers and operations.

    Returns
    -------
    text : str
        Its configuration, as JSON.
    weights : list of numpy.ndarray
        Its weights.

    Raises
    ------
    CannotSend
        If there is anything else in it; the message names it.
    """
    keras: Any = sys.modules["keras"]
    kind = type(model)
    if kind.__name__ not in _MODELS or not kind.__module__.startswith("keras.") or not model.built:
        raise CannotSend(f"a network of type {kind.__name__}, or one without an Input, can't be sent")
    try:
        tree = keras.saving.serialize_keras_object(model)
    except Exception as error:  # of a layer of the student's own
        raise CannotSend(f"the network can't be sent: {error}") from error
    return json.dumps(_checked(tree, keras)), model.get_weights()


def build(text: str, weights: Sequence[Any]) -> Any:
    """Put a network together from what `describe_network` gave; anything in it may be a lie.

    Parameters
    ----------
    text : str
        Its configuration.
    weights : list of numpy.ndarray
        Its weights.

    Returns
    -------
    keras.Model
        Not compiled.

    Raises
    ------
    CannotSend
        If Keras is not in use in this process, or the network is too large or not of this form.
    """
    keras: Any = sys.modules.get("keras")
    if keras is None:
        raise CannotSend("no network was asked for")
    if type(text) is not str or len(text) > _MAX_TEXT or any(type(w) is not np.ndarray for w in weights):
        raise CannotSend("not a network")
    try:
        tree = _checked(json.loads(text), keras)
        if tree.get("class_name") not in _MODELS:
            raise CannotSend("not a network")
        _measure(tree, weights, keras)
        model = _put_together(tree, keras)
        model.set_weights(weights)
    except (CannotSend, MemoryError):
        raise
    except Exception as error:  # of any kind: Keras believes a configuration
        raise CannotSend(f"not a network that Keras can build ({type(error).__name__})") from error
    return model


def _put_together(tree: Any, keras: Any) -> Any:
    copy = json.loads(json.dumps(tree))  # Keras takes parts out of what it reads
    return keras.saving.deserialize_keras_object(copy, safe_mode=True)


def _checked(tree: Any, keras: Any, depth: int = 0) -> Any:
    """Give a configuration as it may be: names of Keras' own, numbers and short words."""
    if depth > _MAX_DEPTH:
        raise CannotSend("the network is nested too deeply")
    if isinstance(tree, (list, tuple)):
        return [_checked(item, keras, depth + 1) for item in tree]
    if isinstance(tree, dict):
        if "class_name" in tree:
            _check_name(tree, keras)
        kept = {key: value for key, value in tree.items() if key not in _NOT_KEPT}
        return {str(key): _checked(value, keras, depth + 1) for key, value in kept.items()}
    is_number = type(tree) in (int, float) and math.isfinite(tree) and abs(tree) <= _MAX_NUMBER
    if tree is None or type(tree) is bool or is_number or (type(tree) is str and len(tree) <= _MAX_WORD):
        return tree
    raise CannotSend(f"a network with {str(tree)[:40]!r} in it can't be sent")


def _check_name(tree: dict[str, Any], keras: Any) -> None:
    """Check that the class, or function, that a part of a configuration names is one of Keras' own."""
    name, module = str(tree["class_name"]), str(tree.get("module"))
    registered = tree.get("registered_name")
    if name in _VALUES and "module" not in tree:
        return
    if name == "function":
        function = tree.get("config")
        known = type(function) is str and hasattr(keras.activations, function)
        name = str(function)
    else:
        known = registered in (None, name) and _is_keras_own(name, module, keras)
    if not known:
        raise CannotSend(f"a network with {name[:_MAX_WORD]} can't be sent")


def _is_keras_own(name: str, module: str, keras: Any) -> bool:
    if name in _OTHER_CODE | _FILES:
        return False
    if name in _MODELS | {"DTypePolicy"}:
        return bool(re.fullmatch(r"keras(\.models|\.src\.models\.\w+)?", module))
    if re.fullmatch(r"keras\.src\.ops\.(numpy|nn)", module):  # x + y, keras.ops.relu(x)
        known = getattr(sys.modules.get(module), name, None)
        return isinstance(known, type) and issubclass(known, keras.Operation)
    place = module.removeprefix("keras.")
    return place in _PLACES and isinstance(getattr(getattr(keras, place), name, None), type)


def _measure(tree: Any, weights: Sequence[np.ndarray], keras: Any) -> None:
    """Refuse a network that is too large, before it has any weights.

    Variables that are made in a stateless scope have a shape and no values.
    """
    from keras.src.backend.common import global_state

    try:
        with keras.StatelessScope(initialize_variables=False):
            model = _put_together(tree, keras)
            shapes = [tuple(weight.shape) for weight in model.weights]
            layers = list(_layers(model))
            work = sum(map(_cost, layers))
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])  # or Keras would fill them later
    if None in model.input_shape[1:]:
        raise CannotSend("a network whose input has no fixed size can't be sent")
    if len(layers) > MAX_LAYERS:
        raise CannotSend(f"a network of more than {MAX_LAYERS} layers is too large")
    if work > MAX_MULTIPLY_ADDS:
        raise CannotSend(f"a network of {work:,} multiply-adds is too large")
    if shapes != [weight.shape for weight in weights]:
        raise CannotSend("the network's weights do not fit its layers")


def _layers(model: Any) -> Iterator[Any]:
    """Give the layers and operations of a network, and those of networks in it."""
    for layer in getattr(model, "operations", model.layers):
        if type(layer).__name__ in _MODELS:
            yield from _layers(layer)
        else:
            yield layer


def _cost(layer: Any) -> int:
    """Count the multiply-adds of a layer: each weight once at every place, and at least its values."""
    before, after = (_shapes(getattr(layer, end)) for end in ("input", "output"))
    weights = [tuple(weight.shape) for weight in getattr(layer, "weights", ())]
    values = max((math.prod(shape) for shape in after), default=0)
    if max([values, *map(math.prod, weights)]) > MAX_VALUES:
        raise CannotSend("the network is too large")
    ends = after if "Conv" in type(layer).__name__ else [*before, *after]
    places = max((math.prod(shape[:-1]) for shape in ends), default=1)
    return max(values, places * sum(math.prod(weight) for weight in weights if len(weight) > 1))


def _shapes(tensors: Any) -> list[tuple[int, ...]]:
    """Give the shapes of tensors for one image."""
    keras: Any = sys.modules["keras"]
    return [tuple(n or 1 for n in tensor.shape[1:]) for tensor in keras.tree.flatten(tensors)]
