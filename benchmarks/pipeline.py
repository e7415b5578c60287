"""Time reading images from CSV parts: report R4's way against `mnistkit.input_pipeline`, on the same files.

R4 parses line by line in TensorFlow (``decode_csv``); `pipeline.from_parts` parses arrays of bytes with
NumPy. Both interleave five files and give batches of 32. The run compares what the batches hold: the same
images with the same labels. For comparison: R4's way with five calls in parallel, each file at once with
`pandas.read_csv`, and the images mapped into memory, as `load` gives them.

The ways take turns, several times; the table has each way's median. The ratios matter: all sides slow down
together on a busy machine.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from mnistkit import input_pipeline
from mnistkit.data import load
from mnistkit.utils.keras_backend import import_keras

BATCH = 32
READERS = 5


def line_by_line(paths: list[Path], calls: int | None = None) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Stream as report R4 does; with `calls`, that many lines are parsed at a time."""
    import tensorflow as tf

    def lines(path: object) -> object:
        return tf.data.TextLineDataset(path).skip(1)

    def parse(line: object) -> tuple[object, object]:
        cells = tf.io.decode_csv(line, [tf.constant([], tf.float32)] * 785)
        return tf.reshape(tf.stack(cells[1:]), (28, 28, 1)), cells[0]

    files = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    streamed = files.interleave(lines, cycle_length=READERS).map(parse, num_parallel_calls=calls)
    return streamed.batch(BATCH).prefetch(1)


def in_blocks(paths: list[Path]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Stream as lesson 07 does."""
    return input_pipeline.from_parts(paths, BATCH, readers=READERS)


def whole_files(paths: list[Path]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Read one file after the other with pandas."""
    for path in paths:
        cells = pd.read_csv(path, dtype=np.uint8).to_numpy()
        yield cells[:, 1:].reshape(-1, 28, 28, 1), cells[:, 0]


def timed(batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[float, np.ndarray]:
    """Return images per second, and a sum for each image and label that does not depend on their order."""
    marks = []
    start = time.perf_counter()
    for images, labels in batches:
        marks.append((np.asarray(images), np.asarray(labels)))
    seconds = time.perf_counter() - start
    weights = np.arange(1, 785)
    sums = [1000 * (x.reshape(len(x), -1).astype(np.int64) @ weights) + y.astype(np.int64) for x, y in marks]
    return sum(map(len, sums)) / seconds, np.sort(np.concatenate(sums))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="auto", help="source of the images, as for mnistkit.data.load")
    parser.add_argument("--n", type=int, default=27_000, help="images (report R4: 27,000)")
    parser.add_argument("--parts", type=int, default=20, help="files (report R4: 20)")
    parser.add_argument("--turns", type=int, default=3, help="how often each way is timed")
    options = parser.parse_args()
    import_keras()
    data = load("digit-recognizer", options.data)
    n = min(options.n, len(data.x_train))
    ways: dict[str, Callable[[list[Path]], Iterable[tuple[np.ndarray, np.ndarray]]]] = {
        "line by line (R4)": line_by_line,
        "line by line, 5 in parallel": lambda paths: line_by_line(paths, 5),
        "arrays of bytes (mnistkit)": in_blocks,
        "whole files (pandas)": whole_files,
        "mapped into memory": lambda _: input_pipeline.from_arrays(data.x_train[:n], data.y_train[:n], BATCH),
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = input_pipeline.write_parts(data.x_train[:n], data.y_train[:n], folder, options.parts)
        found = [{name: timed(way(paths)) for name, way in ways.items()} for _ in range(options.turns)]
    first = found[0]["line by line (R4)"][1]
    speeds = {name: float(np.median([turn[name][0] for turn in found])) for name in ways}
    rows = [
        {
            "way": name,
            "images/s": speed,
            "ratio": speed / speeds["line by line (R4)"],
            "same": all(np.array_equal(turn[name][1], first) for turn in found),
        }
        for name, speed in speeds.items()
    ]
    print(pd.DataFrame(rows).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
