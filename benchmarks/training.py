"""Time `mnistkit.training.fit` against ``model.fit`` with Keras' own settings: same data, same process.

``python benchmarks/training.py speed`` trains each report's network three ways for a few epochs: plainly
(``compile`` and ``fit`` with defaults, as the reports do), with `fit`, and compiled by XLA, to show why
`fit` leaves XLA alone. The first epoch of each is left out of the times: it has the compilation in it.

``python benchmarks/training.py schedule`` trains report R0's CNN plainly (Adam, batch 32, 20 epochs) and with
`mnistkit.training.SHORT_RECIPE`, on R0's split: 48,000 and 12,000 images of Fashion-MNIST.

The ratios matter: both sides slow down together on a busy machine.
"""

import argparse
import time

import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from mnistkit import models, training
from mnistkit.data import Dataset, load

BATCH_SIZES = {"ann": 32, "mlp": 10, "cnn": 32, "deep_cnn": 32}
"""Those of the reports."""


def prepare(data: Dataset) -> list[np.ndarray]:
    """Scale and split as R0 does: x_train, x_validation, y_train, y_validation."""
    x = data.x_train[..., np.newaxis].astype("float32") / 255
    return train_test_split(x, data.y_train, test_size=0.2, random_state=42)


def plain_fit(
    name: str, x: np.ndarray, y: np.ndarray, epochs: int, validation: tuple | None = None, **options: bool
) -> pd.DataFrame:
    """Train as the reports do; give the history with the seconds of each epoch."""
    seconds = []
    timer = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seconds.append(-time.perf_counter()),
        on_epoch_end=lambda epoch, logs: seconds.append(seconds.pop() + time.perf_counter()),
    )
    keras.utils.set_random_seed(0)
    model = getattr(models, name)()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    settings = {"batch_size": BATCH_SIZES[name], "epochs": epochs, "validation_data": validation}
    result = model.fit(x, y, callbacks=[timer], verbose=0, **settings)
    return pd.DataFrame(result.history).assign(seconds=seconds)


def compare_speed(name: str, data: list[np.ndarray], n: int, epochs: int) -> dict[str, object]:
    """Train one network three ways; give a row of the table of speeds."""
    x, _, y, _ = data
    x, y = x[:n], y[:n]
    plain = plain_fit(name, x, y, epochs)
    settings = {"epochs": epochs, "batch_size": BATCH_SIZES[name], "seed": 0}
    ours = training.fit(getattr(models, name), x, y, **settings).history.reset_index(drop=True)
    xla = plain_fit(name, x, y, epochs, jit_compile=True, steps_per_execution=50)
    seconds = [table["seconds"].iloc[1:].mean() for table in (plain, ours, xla)]
    differences = [(table["loss"] - plain["loss"]).abs().max() for table in (ours, xla)]
    return {
        "network": name,
        "batch": BATCH_SIZES[name],
        "images": n,
        "plain (s/epoch)": round(seconds[0], 2),
        "fit (s/epoch)": round(seconds[1], 2),
        "ratio": round(seconds[0] / seconds[1], 2),
        "loss differs by": f"{differences[0]:.1g}",
        "XLA ratio": round(seconds[0] / seconds[2], 2),
        "XLA loss differs by": f"{differences[1]:.1g}",
    }


def compare_schedules(data: list[np.ndarray], seeds: int) -> pd.DataFrame:
    """Train R0's CNN plainly once, then with the short recipe for several seeds."""
    x, x_validation, y, y_validation = data
    validation = (x_validation, y_validation)
    plain = plain_fit("cnn", x, y, epochs=20, validation=validation)
    plain_seconds = plain["seconds"].sum()
    print(f"the plain way: {plain_seconds:.0f} s", flush=True)
    rows = [("R0: Adam, batch 32, 20 epochs", 0, plain_seconds, plain["val_accuracy"].iloc[-1])]
    for seed in range(seeds):
        fitted = training.fit(models.cnn, x, y, validation=validation, seed=seed, **training.SHORT_RECIPE)
        rows.append(("SHORT_RECIPE", seed, fitted.seconds, fitted.history["val_accuracy"].iloc[-1]))
        print(f"seed {seed}: {fitted.seconds / plain_seconds:.3f} of the plain way's seconds", flush=True)
    table = pd.DataFrame(rows, columns=["way", "seed", "seconds", "validation accuracy"])
    return table.assign(share=table["seconds"] / plain_seconds).round(
        {"seconds": 1, "validation accuracy": 4, "share": 3}
    )


def main() -> None:
    """Print the table of one comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "schedule"])
    parser.add_argument("--data", default="auto", help="source of the images, as for mnistkit.data.load")
    parser.add_argument("--n", type=int, default=12_000, help="speed: training images (deep_cnn: a tenth)")
    parser.add_argument("--epochs", type=int, default=4, help="speed: epochs")
    parser.add_argument("--seeds", type=int, default=3, help="schedule: how many seeds")
    options = parser.parse_args()
    fashion = load("fashion-mnist", source=options.data)
    print(f"Fashion-MNIST, {'stand-in' if fashion.is_standin else 'real'}: {fashion.source}")
    data = prepare(fashion)
    if options.what == "schedule":
        table = compare_schedules(data, options.seeds)
    else:
        sizes = {name: options.n // 10 if name == "deep_cnn" else options.n for name in BATCH_SIZES}
        table = pd.DataFrame([compare_speed(name, data, n, options.epochs) for name, n in sizes.items()])
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
