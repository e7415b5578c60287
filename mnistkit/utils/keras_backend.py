"""Load Keras with TensorFlow below it: quietly, once, and only when a lesson needs it."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistkit.utils.extras import how_to_install
from mnistkit.utils.garbage import collector_at_rest

_MISSING = """{} missing: networks need it.
  to do:    {} (without --without-tensorflow).
            There is no TensorFlow for Macs with an Intel processor: such lessons need another machine."""


@cache
def import_keras() -> ModuleType:
    """Import Keras without the page of messages that TensorFlow writes when it starts.

    On a GPU, TensorFlow is told to take memory as it needs it: by default one notebook takes it all, and
    a second one fails.

    Returns
    -------
    types.ModuleType
        The module ``keras``.

    Raises
    ------
    ImportError
        If TensorFlow or Keras is not installed, and then the message says how to get it, or can't be
        imported; what TensorFlow wrote is shown then.
    """
    if missing := [name for name in ("tensorflow", "keras") if importlib.util.find_spec(name) is None]:
        raise ImportError(_MISSING.format(" and ".join(missing), how_to_install("networks")))
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _standard_error_held_back(), collector_at_rest():
        gc.collect()  # what is garbage already goes now: it would stay too
        import keras
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            with contextlib.suppress(RuntimeError):  # it is in use already: too late to change
                tf.config.experimental.set_memory_growth(gpu, enable=True)
        # Its warning that many models mean much compiling is no news where a lesson compares models.
        tf.get_logger().setLevel(logging.ERROR)
        tf.constant(0)  # the first operation starts the devices, with messages of their own
        # All this stays. The collector would go through half a million objects ten times while they are
        # imported, a quarter of the time that takes, and again in each full collection.
        gc.freeze()
    return keras


def fitting_images(model: Any, images: ArrayLike) -> NDArray[np.float32]:
    """Give images as the float32 array that a model takes.

    Parameters
    ----------
    model : keras.Model
        With one input.
    images : array-like of shape (n, ...)
        At least one.

    Returns
    -------
    numpy.ndarray of float32, shape (n, ...)

    Raises
    ------
    ValueError
        If their shape is not that of the model's input.
    """
    x = np.asarray(images, "float32")
    expected = model.input_shape[1:]
    fits = x.ndim == 1 + len(expected) and all(
        want in (None, have) for want, have in zip(expected, x.shape[1:], strict=True)
    )
    if not fits or len(x) == 0:
        wanted = ", ".join("any" if size is None else str(size) for size in expected)
        raise ValueError(
            f"images have shape {x.shape}; model {model.name!r} takes (n, {wanted}), n at least 1"
        )
    return x


@contextlib.contextmanager
def _standard_error_held_back() -> Iterator[None]:
    """Keep what is written to file descriptor 2; show it only if the block raises.

    TensorFlow writes from C++, past `sys.stderr` and past its own log level.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        real = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(real, kept.read())
            raise
        finally:
            os.dup2(real, 2)
            os.close(real)
