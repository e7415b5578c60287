"""Train Keras models reproducibly and fast, and keep them safely in files.

What is learnt is exactly what ``model.fit`` learns; what differs is the time. Keras goes back to Python after
every batch, which takes longer than a dense network's whole step, so many steps are executed in one call
(``steps_per_execution``): the same weights, bit by bit. Compiling with XLA would be faster still for dense
networks, but it adds in another order and drops other units: after ten epochs the losses differ in the third
digit. Nearly half of a dense network's step is then Adam, as Keras writes it: a dozen passes over the
weights. One pass over all weights laid end to end gains nothing, and TensorFlow's fused Adam, which takes a
quarter of the step off, rounds 1 - beta in another way, so that the losses differ too. Without Adam an epoch
would take a third of what ``model.fit`` takes.
``benchmarks/training.py`` compares ``model.fit``, `fit` and XLA.
"""

from __future__ import annotations

import contextlib
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from mnistkit.errors import UserError
from mnistkit.files import replacing
from mnistkit.utils.arguments import LABELS, SEED, Array, Integer, Number, Pair, checked
from mnistkit.utils.keras_backend import import_keras

if TYPE_CHECKING:
    import keras

__all__ = ["SHORT_RECIPE", "Fitted", "ModelFileError", "adam", "fit", "load_model", "one_cycle", "save_model"]

_STEPS_AT_ONCE = 500
_CONVOLUTION_STEPS_AT_ONCE = 50
"""More is hardly faster, and the progress bar would stand still for seconds."""
_FEW_STEPS = 100
"""Below this, preparing the loop over steps (a fifth of a second) takes longer than it saves."""
_VALIDATION_BATCH = 500
_FEW_IMAGES = 100
_STEPS = Integer(high=10**12)


class ModelFileError(UserError):
    """A model file can't be read or written: what was found, what was expected, what to do now."""


@dataclass(frozen=True)
class Fitted:
    """A trained model and how it got there, as `fit` returns it.

    Attributes
    ----------
    model : keras.Model
        The trained model; with early stopping that restores the best weights, the best one.
    history : pandas.DataFrame
        Index ``epoch`` from 1. ``loss`` and ``accuracy`` on the training data, as Keras measures them: means
        over the epoch, while the weights change and dropout is on. ``val_loss`` and ``val_accuracy`` after
        the epoch, where validation data was given. ``learning_rate`` at the epoch's end, ``seconds`` of the
        epoch with its validation.
    seconds : float
        Wall time of all epochs, validation and compilation included.
    seed : int
        The seed of everything random in it.
    """

    model: keras.Model
    history: pd.DataFrame
    seconds: float
    seed: int


@checked(steps=_STEPS)
def adam(steps: int) -> keras.optimizers.Optimizer:
    """Make the reports' optimiser: Adam at its default learning rate of 0.001 throughout.

    Parameters
    ----------
    steps : int
        Number of steps to come; not needed here.

    Returns
    -------
    keras.optimizers.Adam

    Examples
    --------
    >>> round(float(adam(100).learning_rate), 6)
    0.001
    """
    return import_keras().optimizers.Adam()


@checked(steps=_STEPS, peak=Number(0, above=True), warm_up=Number(0, 1, below=True))
def one_cycle(steps: int, *, peak: float = 4e-3, warm_up: float = 0.3) -> keras.optimizers.Optimizer:
    """Make Adam with a learning rate that rises, then falls to zero: few epochs are enough.

    Smith and Topin, "Super-Convergence", 2019 (https://arxiv.org/abs/1708.07120); momentum stays as it is.

    Parameters
    ----------
    steps : int
        Number of steps to come, all epochs together.
    peak : float
        The highest learning rate.
    warm_up : float
        Share of the steps in which the rate rises, linearly from a 25th of the peak; then it falls as a
        cosine does.

    Returns
    -------
    keras.optimizers.Adam

    Examples
    --------
    >>> round(float(one_cycle(100, peak=0.004).learning_rate), 6)  # before the first step
    0.00016
    """
    keras = import_keras()
    rising = int(warm_up * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        peak / 25, steps - rising, warmup_target=peak, warmup_steps=rising
    )
    return keras.optimizers.Adam(schedule)


SHORT_RECIPE = {"epochs": 9, "batch_size": 64, "optimizer": one_cycle, "label_smoothing": 0.1}
"""Arguments of `fit` that bring report R0's CNN to R0's accuracy in 9 epochs instead of 20.

``docs/engineer/speed.md`` has it beside R0's way.
"""


@checked(
    "x y",
    x=Array(),
    y=LABELS,
    validation=Pair(Array(), LABELS),
    epochs=Integer(),
    batch_size=Integer(),
    label_smoothing=Number(0, 1, below=True),
    seed=SEED,
)
def fit(
    build: Callable[[], keras.Model],
    x: NDArray[np.float32],
    y: NDArray[np.integer],
    *,
    validation: tuple[NDArray[np.float32], NDArray[np.integer]] | None = None,
    epochs: int,
    batch_size: int = 32,
    optimizer: Callable[[int], keras.optimizers.Optimizer] = adam,
    label_smoothing: float = 0.0,
    seed: int = 42,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: str = "",
) -> Fitted:
    """Build a classifier and train it with cross-entropy.

    Parameters
    ----------
    build : callable
        Makes the model, such as `mnistkit.models.cnn`: it is called after seeding, so that the first weights
        are repeatable too.
    x : numpy.ndarray of float32, shape (n, ...)
        What the model takes, such as images of shape (28, 28, 1) with values 0 to 1.
    y : numpy.ndarray of int, shape (n,)
        Classes, 0 to the number of the model's outputs minus 1.
    validation : tuple (x, y), optional
        What to validate with after each epoch.
    epochs : int
        How often to go through the data, at least 1.
    batch_size : int
        Images a step, at least 1.
    optimizer : callable
        Makes the optimiser from the number of all steps: `adam`, `one_cycle` or your own.
    label_smoothing : float
        Share of the probability that the loss wants to see spread over all classes, 0 to below 1: a network
        that need not be certain over-fits less (Szegedy et al., 2016, https://arxiv.org/abs/1512.00567). The
        losses, the validation's too, can then not be compared with those of another value.
    seed : int
        Seed of Python, NumPy and TensorFlow: first weights, dropout, order of the images (Keras takes them in
        the same order in each epoch where there is a seed). The same seed gives the same model bit by bit on
        one machine with the same number of threads.
    callbacks : sequence of keras.callbacks.Callback
        ``EarlyStopping``, ``ModelCheckpoint`` and others, used as Keras does.
    progress : str
        What to write before the progress bar; no bar where empty.

    Returns
    -------
    Fitted

    Raises
    ------
    ValueError
        If `x` and `y` (or the validation's) have different lengths or are empty, a class has no output,
        `epochs` or `batch_size` is below 1, or `label_smoothing` is outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> images = np.random.default_rng(0).random((40, 28, 28, 1), dtype="float32")
    >>> fitted = fit(models.ann, images, np.arange(40) % 10, epochs=2)
    >>> fitted.history.columns.tolist()
    ['accuracy', 'loss', 'learning_rate', 'seconds']
    >>> fitted.model.name, len(fitted.history)
    ('ann', 2)
    """
    keras = import_keras()
    if isinstance(build, keras.Model):
        raise TypeError(
            f"build is a model, {build.name!r}; expected a function that makes one (models.cnn, not "
            "models.cnn()): it is called after seeding, so that the first weights repeat too"
        )
    keras.utils.set_random_seed(seed)
    model = build()
    _check_fits(model, "x", x, "y", y)
    if validation is not None:
        _check_fits(model, "validation[0]", validation[0], "validation[1]", validation[1])
    steps_an_epoch = -(-len(x) // batch_size)
    steps = steps_an_epoch * epochs
    model.compile(
        optimizer=optimizer(steps),
        loss=_loss(label_smoothing),
        metrics=[_accuracy(label_smoothing)],
        steps_per_execution=min(_steps_at_once(model, steps), steps_an_epoch),
        jit_compile=False,
    )
    # Here, or the first step makes variables, and TensorFlow then prepares the whole step a second time.
    model.optimizer.build(model.trainable_variables)
    if label_smoothing:
        y, validation = _as_probabilities(y, validation, model.output_shape[-1])
    watch = _watch_class()(steps, progress)
    start = time.perf_counter()
    with watch.bar:
        result = model.fit(
            **_training_data(model, x, y, batch_size),
            epochs=epochs,
            validation_data=validation,
            validation_batch_size=_VALIDATION_BATCH,
            callbacks=[watch, *callbacks],
            verbose=0,
        )
    seconds = time.perf_counter() - start
    history = pd.DataFrame(result.history)
    history = history.assign(learning_rate=watch.learning_rates, seconds=watch.seconds)
    history.index = pd.RangeIndex(1, len(history) + 1, name="epoch")
    return Fitted(model, history, seconds, seed)


def _training_data(model: keras.Model, x: NDArray[Any], y: NDArray[Any], batch_size: int) -> dict[str, Any]:
    """Give what ``model.fit`` takes its batches from.

    From arrays, Keras makes an iterator at the beginning of each epoch and another at its end: with a few
    hundred images that can be half of the time. Batches without an end need one for all epochs; but where an
    epoch is several calls of many steps, the last of them would not stop at its end.
    """
    steps = -(-len(x) // batch_size)
    if model.steps_per_execution not in (1, steps):
        return {"x": x, "y": y, "batch_size": batch_size}
    return {"x": _endless_batches(x, y, batch_size), "steps_per_epoch": steps, "shuffle": False}


def _endless_batches(x: NDArray[Any], y: NDArray[Any], batch_size: int) -> Any:
    """Make the batches that Keras makes of arrays: shuffled once, as its seed starts anew with each epoch."""
    import tensorflow as tf

    floats = import_keras().config.floatx()
    arrays = tuple(a.astype(floats) if np.issubdtype(a.dtype, np.floating) else a for a in (x, y))

    def shuffle(_: Any) -> Any:
        return tf.random.shuffle(tf.range(len(x), dtype=tf.int64))

    def gather(places: Any, arrays: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(tf.gather(array, places) for array in arrays)

    order = tf.data.Dataset.range(1).map(shuffle).get_single_element()
    places = tf.data.Dataset.from_tensor_slices(order).batch(batch_size).repeat()
    batches = tf.data.Dataset.zip(places, tf.data.Dataset.from_tensors(arrays).repeat())
    as_they_are = tf.data.Options()  # to look for a faster order of these steps takes longer than it gains
    as_they_are.experimental_optimization.apply_default_optimizations = False
    batches = batches.map(gather, num_parallel_calls=tf.data.AUTOTUNE).with_options(as_they_are)
    return batches.prefetch(tf.data.AUTOTUNE)


def _check_fits(
    model: keras.Model, x_name: str, x: NDArray[Any], y_name: str, y: NDArray[np.integer]
) -> None:
    """Check what a model can't take, or would silently learn little from."""
    wanted, classes = model.input_shape[1:], model.output_shape[-1]
    if x.ndim != 1 + len(wanted) or any(w not in (None, n) for w, n in zip(wanted, x.shape[1:], strict=True)):
        raise ValueError(f"{x_name} has shape {x.shape}; expected (n, {', '.join(map(str, wanted))})")
    if y.max() >= classes:
        raise ValueError(
            f"{y_name} has classes up to {y.max()}; expected 0 to {classes - 1}: "
            f"the model has {classes} outputs"
        )
    layers, some = import_keras().layers, x[:_FEW_IMAGES]  # of all, a copy might not fit into memory
    scales = any(isinstance(layer, layers.Rescaling | layers.Normalization) for layer in model.layers)
    if some.max() > 1 and not scales and np.array_equal(some, np.floor(some)):
        raise ValueError(
            f"{x_name} has whole numbers up to {some.max():g}, as pixels in files; expected values near 0 to "
            f"1, or a model that begins with a Rescaling layer: {x_name}.astype('float32') / 255"
        )


def _loss(label_smoothing: float) -> keras.losses.Loss:
    losses = import_keras().losses
    if label_smoothing:
        return losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    return losses.SparseCategoricalCrossentropy()


def _accuracy(label_smoothing: float) -> keras.metrics.Metric:
    """Make what the name ``accuracy`` stands for; an object has its variables before the first step."""
    metrics = import_keras().metrics
    if label_smoothing:
        return metrics.CategoricalAccuracy(name="accuracy")
    return metrics.SparseCategoricalAccuracy(name="accuracy")


def _as_probabilities(
    y: NDArray[Any], validation: tuple[NDArray[Any], NDArray[Any]] | None, classes: int
) -> tuple[NDArray[Any], tuple[NDArray[Any], NDArray[Any]] | None]:
    """Give labels as a row of probabilities each, 0 or 1: Keras smooths no others."""
    one_hot = import_keras().utils.to_categorical
    return one_hot(y, classes), validation and (validation[0], one_hot(validation[1], classes))


def _steps_at_once(model: keras.Model, steps: int) -> int:
    if steps < _FEW_STEPS:
        return 1
    convolution = import_keras().layers.Conv2D
    has_convolutions = any(isinstance(layer, convolution) for layer in model.layers)
    return _CONVOLUTION_STEPS_AT_ONCE if has_convolutions else _STEPS_AT_ONCE


@cache
def _watch_class() -> type[keras.callbacks.Callback]:
    """Define the callback when Keras is first needed: its base class is Keras' own."""

    class Watch(import_keras().callbacks.Callback):  # type: ignore[misc]
        """Times each epoch, notes its learning rate, and moves one progress bar over all steps."""

        def __init__(self, steps: int, text: str) -> None:
            super().__init__()
            self.seconds: list[float] = []
            self.learning_rates: list[float] = []
            # Standard output: on standard error a notebook shows a progress bar on red ground.
            self.bar = tqdm(
                total=steps,
                desc=text,
                unit="step",
                file=sys.stdout,
                ncols=100,
                mininterval=1.0,
                disable=not text,
            )
            self._steps_in_epoch = 0

        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self._start = time.perf_counter()
            self._steps_in_epoch = 0

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            # Called once for all steps of one execution, with the number that a full one would end at.
            done = min(batch + 1, self.params["steps"])
            self.bar.update(done - self._steps_in_epoch)
            self._steps_in_epoch = done

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.seconds.append(time.perf_counter() - self._start)
            self.learning_rates.append(float(self.model.optimizer.learning_rate))
            shown = {
                name: f"{value:.3f}" for name, value in (logs or {}).items() if name.endswith("accuracy")
            }
            self.bar.set_postfix(shown, refresh=False)

        def on_train_end(self, logs: dict[str, float] | None = None) -> None:
            self.bar.total = self.bar.n  # stopped early is complete, not broken off

    return Watch


@checked()
def save_model(model: keras.Model, path: Path | str) -> Path:
    """Write a model as a ``.keras`` file, whole or not at all.

    Parameters
    ----------
    model : keras.Model
        What to write: architecture, weights, and the state of training.
    path : pathlib.Path or str
        Where to; the name ends in ``.keras``. Its folder is made; a file there is replaced.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    ModelFileError
        If the name has another ending, or it can't be written (no permission, disk full).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mnistkit import models
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(models.ann(), Path(folder) / "ann.keras").name
    'ann.keras'
    """
    path = Path(path)
    _check_ending(path)
    try:
        with replacing(path) as temporary:
            model.save(temporary)
    except OSError as error:
        raise ModelFileError(
            path,
            found=f"it can't be written ({error.strerror or error})",
            todo="choose a folder that you may write to, on a disk with room",
        ) from error
    return path


@checked()
def load_model(path: Path | str) -> keras.Model:
    """Read a model from a ``.keras`` file without running code from it.

    Parameters
    ----------
    path : pathlib.Path or str
        The file.

    Returns
    -------
    keras.Model

    Raises
    ------
    ModelFileError
        If there is no such file, it is no Keras model, it is damaged, or it holds Python code (a ``Lambda``
        layer): Keras' safe mode refuses that, since whoever made the file could run anything on this machine.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mnistkit import models
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = load_model(save_model(models.ann(), Path(folder) / "ann.keras"))
    >>> model.count_params()
    109386
    """
    path = Path(path)
    _check_ending(path)
    with _reading(path):
        return import_keras().saving.load_model(path, safe_mode=True)


def _check_ending(path: Path) -> None:
    if path.suffix != ".keras":
        raise ModelFileError(
            path,
            found=f"a name that ends in {path.suffix or 'nothing'!r}",
            expected=".keras, the only format that can be checked before it is loaded",
            todo="save the model again with model.save('NAME.keras')",
        )


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what Keras raises about a file into one error that says what to do."""
    if not path.is_file():
        raise ModelFileError(path, found="no such file", todo="check the path")
    if not zipfile.is_zipfile(path):
        raise ModelFileError(
            path,
            found=f"{path.stat().st_size:,} bytes that are no .keras file (or half of one)",
            expected="a whole file as model.save writes it",
            todo="copy or save it again",
        )
    try:
        yield
    except Exception as error:  # Keras raises nearly any type about what is in a file
        unsafe = "safe_mode" in str(error) or "unsafe" in str(error).lower()
        raise ModelFileError(
            path,
            found="Python code in the model, which would run here"
            if unsafe
            else f"{type(error).__name__}: {error}",
            expected="a model of Keras layers only",
            todo="get the model without Lambda layers from its author" if unsafe else "copy or save it again",
        ) from error
