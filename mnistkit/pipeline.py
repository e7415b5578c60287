"""Images streamed from CSV parts with `tf.data`, for what does not fit into memory (lesson 07).

Murray and others, "tf.data: a machine learning data processing framework", 2021
(https://doi.org/10.14778/3476311.3476374).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mnistkit.backend import import_keras
from mnistkit.data.dataset import SIDE, DataError
from mnistkit.data.tables import PIXELS, read_csv_blocks
from mnistkit.data.writing import write_table

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["from_arrays", "from_parts", "images_per_second", "write_parts"]

_ROWS_A_BLOCK = 256
"""Lines parsed at a time: so many that a call costs little, so few that a block is small (200 kB)."""


def write_parts(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    folder: Path | str,
    parts: int,
    *,
    name: str = "part",
    progress: str = "",
) -> list[Path]:
    """Write images as several CSV files of nearly the same size, as report R4 did (lesson 07).

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape (n, 28, 28)
        Grey values.
    labels : numpy.ndarray of uint8, shape (n,)
        Their classes.
    folder : pathlib.Path or str
        Where to; made if it does not exist. Files of the same names are replaced.
    parts : int
        How many files, 1 to n.
    name : str
        What the files' names begin with: ``train-00-of-20.csv`` and so on.
    progress : str
        What to write before the progress bar; no bar where empty.

    Returns
    -------
    list of pathlib.Path
        The files, in order; each has Kaggle's header, ``label,pixel0,…,pixel783``.

    Raises
    ------
    DataError
        If the folder can't be written.
    ValueError
        If there are not as many labels as images, or `parts` is out of its range.
    """
    if len(images) != len(labels) or not 1 <= parts <= len(images):
        raise ValueError(
            f"{len(images):,} images, {len(labels):,} labels, {parts} parts: "
            "as many labels as images are needed, and no more parts than that"
        )
    header = ["label", *(f"pixel{i}" for i in range(PIXELS))]
    blocks = np.array_split(np.column_stack([labels, images.reshape(len(images), -1)]), parts)
    names = [f"{name}-{number:02d}-of-{parts:02d}.csv" for number in range(parts)]
    bar = tqdm(
        zip(names, blocks, strict=True),
        total=parts,
        desc=progress,
        unit="file",
        file=sys.stdout,
        ncols=100,
        disable=not progress,
    )
    return [write_table(Path(folder) / file, header, block) for file, block in bar]


def from_parts(
    paths: Sequence[Path],
    batch_size: int,
    *,
    readers: int = 5,
    shuffle: int = 0,
    cache: bool = False,
    seed: int = 42,
) -> tf.data.Dataset:
    """Stream batches from CSV files: list, interleave, parse, cache, shuffle, batch, prefetch (lesson 07).

    Lines are parsed in blocks by NumPy, many times faster than one by one in TensorFlow
    (``benchmarks/pipeline.py``).

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Files as `write_parts` makes them.
    batch_size : int
        Images in a batch; the last one of a pass may have fewer.
    readers : int
        Files that are open at a time; their images take turns.
    shuffle : int
        Images among which the next one is drawn; 0 leaves the order: each pass gives the same.
    cache : bool
        Keep the parsed images in memory (784 bytes each) after the first pass.
    seed : int
        Seed of the order.

    Returns
    -------
    tensorflow.data.Dataset
        Of images, uint8, shape (batch, 28, 28, 1), and labels, uint8, shape (batch,). Where a line is wrong,
        iterating over it raises a `tensorflow.errors.OpError` with the text of the `DataError`: file, line,
        column, what was found.

    Raises
    ------
    DataError
        If there is no file.
    """
    if not paths:
        raise DataError(
            "pipeline",
            found="no files",
            expected="at least one CSV file with images and labels",
            todo="check the folder, or write the files with write_parts",
        )
    tf = _tensorflow()
    signature = (
        tf.TensorSpec((None, SIDE, SIDE, 1), tf.uint8),
        tf.TensorSpec((None,), tf.uint8),
    )

    def images_of(path: Any) -> Any:
        return tf.data.Dataset.from_generator(_blocks, args=(path,), output_signature=signature).unbatch()

    images = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    images = images.interleave(images_of, cycle_length=min(readers, len(paths)))
    if cache:
        images = images.cache()
    return _batches(images, batch_size, shuffle, seed)


def from_arrays(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    batch_size: int,
    *,
    shuffle: int = 0,
    seed: int = 42,
) -> tf.data.Dataset:
    """Stream batches from arrays, also from ones that are mapped into memory (lesson 07).

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape (n, 28, 28)
        Grey values.
    labels : numpy.ndarray of uint8, shape (n,)
        Their classes.
    batch_size, shuffle, seed
        As for `from_parts`.

    Returns
    -------
    tensorflow.data.Dataset
        As of `from_parts`.
    """
    data = _tensorflow().data.Dataset.from_tensor_slices((images[..., np.newaxis], labels))
    return _batches(data, batch_size, shuffle, seed)


def images_per_second(batches: tf.data.Dataset, *, passes: int = 1) -> float:
    """Measure how fast batches come, without a network that would use them (lesson 07).

    Parameters
    ----------
    batches : tensorflow.data.Dataset
        Of images and labels.
    passes : int
        How often to go through it; the first pass fills a cache, if there is one.

    Returns
    -------
    float
        Images per second of the last pass.
    """
    for _ in range(passes):
        start, count = time.perf_counter(), 0
        for images, _ in batches:
            count += len(images)
        seconds = time.perf_counter() - start
    return count / seconds


def _batches(data: tf.data.Dataset, batch_size: int, shuffle: int, seed: int) -> tf.data.Dataset:
    if shuffle:
        data = data.shuffle(shuffle, seed=seed)
    return data.batch(batch_size).prefetch(_tensorflow().data.AUTOTUNE)


def _blocks(path: bytes) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Parse a file's next lines for TensorFlow, which gives the path as bytes."""
    for table in read_csv_blocks(Path(path.decode()), _ROWS_A_BLOCK):
        if table.images is None or table.labels is None:
            raise DataError(
                path.decode(),
                found="only labels" if table.images is None else "no labels",
                expected="a column label and 784 columns of pixels",
                todo="write the file with write_parts",
            )
        yield table.images[..., np.newaxis], table.labels


def _tensorflow() -> Any:
    import_keras()  # quietly
    import tensorflow as tf

    return tf
