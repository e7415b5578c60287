"""Rows about reading images from CSV: pandas and TensorFlow's parser, against `load` and `input_pipeline`."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from comparison import Comparison, Given, Growth, kind_of

BATCH = 32
READERS = 5


def _one_table(given: Given) -> str:
    """Write the two tables of a data set, training and test."""
    from mnistkit.data import export, load, subset

    data, n = load("mnist", given.source), given.size["n"]
    smaller = data if len(data.x_train) <= n else subset(data, n)
    export(smaller, given.folder / "tables", "csv")
    return kind_of(data)


def _read_csv(given: Given) -> Callable[[], list[int]]:
    import numpy as np
    import pandas as pd

    paths = sorted((given.folder / "tables").glob("*.csv"))

    def work() -> list[int]:
        tables = [pd.read_csv(path, dtype=np.uint8) for path in paths]
        return sorted(int(table.to_numpy(np.uint8)[:, 1:].sum(dtype=np.int64)) for table in tables)

    return work


def _load(again: bool, given: Given) -> Callable[[], list[int]]:
    import numpy as np

    from mnistkit.data import load

    os.environ["MNISTKIT_CACHE"] = str(given.fresh_folder())
    folder = given.folder / "tables"
    if again:
        load("mnist", folder)

    def work() -> list[int]:
        data = load("mnist", folder)
        # All pixels are read: those of the second time are only mapped into memory.
        return sorted(int(part.sum(dtype=np.int64)) for part in (data.x_train, data.x_test))

    return work


def _parts(given: Given) -> str:
    """Write report R4's files."""
    from mnistkit import input_pipeline
    from mnistkit.data import load

    data, n = load("digit-recognizer", given.source), given.size["n"]
    input_pipeline.write_parts(
        data.x_train[:n], data.y_train[:n], given.folder / "parts", given.size["files"]
    )
    return kind_of(data)


def _line_by_line(paths: list[Path]) -> Iterable[tuple[Any, Any]]:
    """Stream as report R4 does."""
    import tensorflow as tf

    def lines(path: object) -> object:
        return tf.data.TextLineDataset(path).skip(1)

    def parse(line: object) -> tuple[object, object]:
        cells = tf.io.decode_csv(line, [tf.constant([], tf.float32)] * 785)
        return tf.reshape(tf.stack(cells[1:]), (28, 28, 1)), cells[0]

    files = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    return files.interleave(lines, cycle_length=READERS).map(parse).batch(BATCH).prefetch(1)


def _in_blocks(paths: list[Path]) -> Iterable[tuple[Any, Any]]:
    """Stream as lesson 07 does."""
    from mnistkit import input_pipeline

    return input_pipeline.from_parts(paths, BATCH, readers=READERS)


def _whole_files(paths: list[Path]) -> Iterable[tuple[Any, Any]]:
    """Read one file after the other with pandas."""
    import numpy as np
    import pandas as pd

    for path in paths:
        cells = pd.read_csv(path, dtype=np.uint8).to_numpy()
        yield cells[:, 1:], cells[:, 0]


def _stream(
    batches: Callable[[list[Path]], Iterable[tuple[Any, Any]]], given: Given
) -> Callable[[], list[int]]:
    """Go through all batches; give a sum for each image with its label, in an order of their own."""
    import numpy as np

    from mnistkit.utils.keras_backend import import_keras

    import_keras()
    paths, weights = sorted((given.folder / "parts").glob("*.csv")), np.arange(1, 785)

    def work() -> list[int]:
        sums: list[int] = []
        for images, labels in batches(paths):
            pixels = np.asarray(images).reshape(len(labels), -1).astype(np.int64)
            sums += (1000 * (pixels @ weights) + np.asarray(labels).astype(np.int64)).tolist()
        return sorted(sums)

    return work


def _streaming(name: str, way: str, plain: Callable[[list[Path]], Iterable[tuple[Any, Any]]]) -> Comparison:
    return Comparison(
        name,
        (way, "`input_pipeline.from_parts`"),
        _parts,
        partial(_stream, plain),
        partial(_stream, _in_blocks),
        {"n": 27_000, "files": 20},
        {"n": 1_000, "files": 5},
    )


LOADING = Comparison(
    "CSV, first time",
    ("`pandas.read_csv`", "`load`, which also checks and keeps"),
    _one_table,
    _read_csv,
    partial(_load, False),
    {"n": 60_000},
    {"n": 1_500},
)
ROWS = [
    LOADING,
    Comparison(
        "CSV, again",
        ("`pandas.read_csv`", "`load`, mapped into memory"),
        _one_table,
        _read_csv,
        partial(_load, True),
        {"n": 60_000},
        {"n": 1_500},
    ),
    _streaming("CSV in parts, streamed", "line by line (report R4)", _line_by_line),
    _streaming("CSV in parts, whole files", "`pandas.read_csv`, file by file", _whole_files),
]
GROWTH = [Growth(LOADING, "n", (15_000, 30_000, 60_000), (400, 800, 1_500), "Each line is parsed once.")]
