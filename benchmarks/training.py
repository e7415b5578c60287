"""Rows about networks: Keras as the reports call it, against `mnistkit.training` and `mnistkit.transfer`."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from comparison import LIMIT, Comparison, Given, Timed, kind_of, nothing

BATCH_SIZES = {"ann": 32, "mlp": 10, "cnn": 32, "deep_cnn": 32}
"""Those of the reports."""


def _as_r0(given: Given) -> str:
    """Keep images 0 to 1, split as R0 does: four fifths to train with."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    from mnistkit.data import load

    data = load("fashion-mnist", given.source)
    x = data.x_train[..., np.newaxis].astype("float32") / 255
    parts = train_test_split(x, data.y_train, test_size=0.2, random_state=42)
    for name, part in zip(("x", "x_validation", "y", "y_validation"), parts, strict=True):
        given.save(name, part[: given.size["n"]] if name in "xy" else part)
    return kind_of(data)


def _plain_fit(network: str, given: Given, *, validate: bool = False) -> Callable[[], Timed]:
    """Train with ``compile`` and ``fit`` as they come."""
    import time

    from mnistkit import models
    from mnistkit.utils.keras_backend import import_keras

    keras = import_keras()
    x, y, seconds = given.array("x"), given.array("y"), []
    timer = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seconds.append(-time.perf_counter()),
        on_epoch_end=lambda epoch, logs: seconds.append(seconds.pop() + time.perf_counter()),
    )
    settings: dict[str, Any] = {"batch_size": BATCH_SIZES[network], "epochs": given.size["epochs"]}
    if validate:
        settings["validation_data"] = given.array("x_validation"), given.array("y_validation")

    def work() -> Timed:
        keras.utils.set_random_seed(0)
        model = getattr(models, network)()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, callbacks=[timer], verbose=0, **settings).history
        return Timed(history, sum(seconds) if validate else _after_the_first(seconds))

    return work


def _operations_alone(given: Given) -> Callable[[], Timed]:
    """Train the ANN's layers with one unit each on one pixel: all its operations, with nothing to compute."""
    from mnistkit import training
    from mnistkit.utils.keras_backend import import_keras

    keras = import_keras()
    x, y = given.array("x")[:, :1, :1], given.array("y") * 0

    def build() -> Any:
        units = ((1, "relu"), (1, "relu"), (2, "softmax"))
        layers = [keras.layers.Dense(number, activation=kind) for number, kind in units]
        return keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten(), *layers])

    def work() -> Timed:
        settings = {"batch_size": BATCH_SIZES["ann"], "epochs": given.size["epochs"]}
        history = training.fit(build, x, y, seed=0, **settings).history
        return Timed(history, _after_the_first(history["seconds"].tolist()))

    return work


def _products_alone(given: Given) -> Callable[[], Timed]:
    """Multiply the matrices of the ANN's steps, forward and back, and nothing else."""
    import time

    import numpy as np

    rng, batch = np.random.default_rng(0), BATCH_SIZES["ann"]
    sides = [(784, 128), (128, 64), (64, 10)]
    layers = [
        tuple(rng.normal(size=shape).astype("float32") for shape in ((batch, a), (a, b), (batch, b)))
        for a, b in sides
    ]

    def work() -> Timed:
        start = time.perf_counter()
        for _ in range(given.size["epochs"] * given.size["n"] // batch):
            for number, (x, weights, gradient) in enumerate(layers):
                _ = x @ weights, x.T @ gradient
                if number:
                    _ = gradient @ weights.T
        return Timed(None, (time.perf_counter() - start) / given.size["epochs"])

    return work


def _our_fit(
    network: str, given: Given, *, validate: bool = False, short: bool = False, adam: bool = True
) -> Callable[[], Timed]:
    from mnistkit import models, training
    from mnistkit.utils.keras_backend import import_keras

    keras = import_keras()
    x, y = given.array("x"), given.array("y")
    plain = {"batch_size": BATCH_SIZES[network], "epochs": given.size["epochs"]}
    settings: dict[str, Any] = dict(training.SHORT_RECIPE) if short else plain
    if validate:
        settings["validation"] = given.array("x_validation"), given.array("y_validation")
    if not adam:  # plain SGD has no sums of its own
        settings["optimizer"] = lambda steps: keras.optimizers.SGD()

    def work() -> Timed:
        history = training.fit(getattr(models, network), x, y, seed=0, **settings).history
        seconds = history["seconds"].tolist()
        return Timed(history.to_dict("list"), sum(seconds) if validate else _after_the_first(seconds))

    return work


def _after_the_first(seconds: list[float]) -> float:
    """Average the epochs, without the first: it has the compilation in it."""
    return sum(seconds[1:]) / (len(seconds) - 1)


def _losses(history: dict[str, list[float]], given: Given) -> list[float]:
    return history["loss"]


def _last_accuracy(history: dict[str, list[float]], given: Given) -> float:
    return history["val_accuracy"][-1]


def _small_images(given: Given) -> str:
    from mnistkit.data import load

    data, n = load("mnist", given.source), given.size["n"]
    given.save("images", data.x_train[:n])
    given.save("y", data.y_train[:n])
    return f"{kind_of(data)}; random weights"


def _frozen_in_each_epoch(given: Given) -> Callable[[], list[float]]:
    from mnistkit import models, training, transfer

    images, y, size = given.array("images"), given.array("y"), given.size["pixels"]
    backbone = transfer.vgg16("random", size, seed=0)

    def work() -> list[float]:
        rgb = transfer.as_rgb(images, size)
        build = partial(models.vgg16_transfer, backbone.model)
        return training.fit(build, rgb, y, epochs=given.size["epochs"], seed=0).history["loss"].tolist()

    return work


def _features_once(given: Given) -> Callable[[], list[float]]:
    import numpy as np

    from mnistkit import models, training, transfer

    os.environ["MNISTKIT_CACHE"] = str(given.fresh_folder())  # features of an earlier turn would cost nothing
    images, y = given.array("images"), given.array("y")
    backbone = transfer.vgg16("random", given.size["pixels"], seed=0)

    def work() -> list[float]:
        features = np.asarray(transfer.frozen_features(backbone, images))
        build = partial(models.vgg16_head, backbone.model.output_shape[1:])
        return training.fit(build, features, y, epochs=given.size["epochs"], seed=0).history["loss"].tolist()

    return work


def _epoch(network: str, n: int, quick: int | None) -> Comparison:
    return Comparison(
        f"{network.replace('_', ' ')}: an epoch",
        ("`model.fit`", "`training.fit`"),
        _as_r0,
        partial(_plain_fit, network),
        partial(_our_fit, network),
        {"n": n, "epochs": 4},
        None if quick is None else {"n": quick, "epochs": 3},
        tolerance=1e-6,
        summary=_losses,
    )


ROWS = [
    _epoch("ann", 12_000, 2_000),
    _epoch("cnn", 12_000, 1_000),
    _epoch("mlp", 12_000, None),
    _epoch("deep_cnn", 1_200, None),
    *(
        Comparison(
            f"{LIMIT}ann: an epoch, {part}",
            ("`training.fit`", words),
            _as_r0,
            partial(_our_fit, "ann"),
            alone,
            {"n": 12_000, "epochs": 4},
            {"n": 2_000, "epochs": 3},
            summary=nothing,
        )
        for part, words, alone in (
            ("operations", "TensorFlow's operations on one pixel, with one unit a layer", _operations_alone),
            ("products", "the products of matrices (NumPy's BLAS)", _products_alone),
            ("all but Adam", "the same with plain SGD in Adam's place", partial(_our_fit, "ann", adam=False)),
        )
    ),
    Comparison(
        "ann: to R0's accuracy",
        ("`model.fit`, 20 epochs", "`training.fit`, 20 epochs"),
        _as_r0,
        partial(_plain_fit, "ann", validate=True),
        partial(_our_fit, "ann", validate=True),
        {"n": 48_000, "epochs": 20},
        None,
        tolerance=1e-6,
        summary=_last_accuracy,
        pairs=1,
    ),
    Comparison(
        "cnn: to R0's accuracy",
        ("`model.fit`, 20 epochs", "`training.SHORT_RECIPE`, 9 epochs"),
        _as_r0,
        partial(_plain_fit, "cnn", validate=True),
        partial(_our_fit, "cnn", validate=True, short=True),
        {"n": 48_000, "epochs": 20},
        None,
        tolerance=0.01,  # R0's: three seeds lie 0.7 points apart
        summary=_last_accuracy,
        pairs=1,
    ),
    Comparison(
        "VGG16's frozen features",
        ("in each epoch", "once, `transfer.frozen_features`"),
        _small_images,
        _frozen_in_each_epoch,
        _features_once,
        {"n": 320, "pixels": 96, "epochs": 10},
        {"n": 48, "pixels": 32, "epochs": 2},
        tolerance=1e-3,
        pairs=1,
    ),
]
