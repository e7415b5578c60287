"""Images streamed from CSV parts with `tf.data`, for what does not fit into memory.

Murray and others, "tf.data: a machine learning data processing framework", 2021
(https://doi.org/10.14778/3476311.3476374).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mnistkit.data.dataset import SIDE
from mnistkit.data.formats.csv_dialect import HEAD, is_plain
from mnistkit.data.formats.csv_tables import PIXELS, check_csv_header, read_csv_table
from mnistkit.data.formats.export import write_labelled_csv
from mnistkit.errors import DataError
from mnistkit.files import reading
from mnistkit.utils.arguments import IMAGES, LABELS, PATHS, PIXEL_IMAGES, SEED, Array, Integer, checked
from mnistkit.utils.keras_backend import import_keras

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["from_arrays", "from_parts", "images_per_second", "write_parts"]

_ROWS_A_TURN = 32
"""Images that a file gives before it is the next one's turn."""
_BYTES_AT_ONCE = 1 << 18
"""Text parsed at a time: what is computed from it stays in the processor's cache."""
_WIDTH = 1 + PIXELS
_ROW_ENDS = np.frombuffer(b"," * PIXELS + b"\n", np.uint8)


@checked("images labels", images=PIXEL_IMAGES, labels=Array((1,), 0, 255, integers=True), parts=Integer())
def write_parts(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    folder: Path | str,
    parts: int,
    *,
    name: str = "part",
    progress: str = "",
) -> list[Path]:
    """Write images as several CSV files of nearly the same size, as report R4 did.

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
    if parts > len(images):
        raise ValueError(f"parts is {parts:,}; expected at most {len(images):,}, the number of images")
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
    return [write_labelled_csv(Path(folder) / file, header, block) for file, block in bar]


@checked(paths=PATHS, batch_size=Integer(), readers=Integer(), shuffle=Integer(0), seed=SEED)
def from_parts(
    paths: Sequence[Path],
    batch_size: int,
    *,
    readers: int = 5,
    shuffle: int = 0,
    cache: bool = False,
    seed: int = 42,
) -> tf.data.Dataset:
    """Stream batches from CSV files: list, interleave, parse, cache, shuffle, batch, prefetch.

    Files are parsed as arrays of bytes: many times faster than cell by cell with ``decode_csv``
    (``benchmarks/tables.py``). A file is in memory as long as it has its turns.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Files as `write_parts` makes them.
    batch_size : int
        Images in a batch; the last one of a pass may have fewer.
    readers : int
        Files that are open at a time; they take turns, 32 images each.
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
        If there is no file, or one has another header.
    """
    if not paths:
        raise DataError(
            "paths",
            found="no files",
            expected="at least one CSV file with images and labels",
            todo="check the folder, or write the files with write_parts",
        )
    for path in paths:
        check_csv_header(path)
    tf = _tensorflow()

    def parse(name: Any) -> Any:
        cells = tf.ensure_shape(tf.numpy_function(_cells_of, [name], tf.uint8), (None, _WIDTH))
        return tf.reshape(cells[:, 1:], (-1, SIDE, SIDE, 1)), cells[:, 0]

    names = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    blocks = names.interleave(
        lambda name: tf.data.Dataset.from_tensors(name).map(parse).rebatch(_ROWS_A_TURN),
        cycle_length=min(readers, len(paths)),
    )
    if cache:
        blocks = blocks.cache()
    if shuffle:
        return _batches(blocks.unbatch(), batch_size, shuffle, seed)
    return blocks.rebatch(batch_size).prefetch(tf.data.AUTOTUNE)  # image by image would cost half the speed


@checked("images labels", images=IMAGES, labels=LABELS, batch_size=Integer(), shuffle=Integer(0), seed=SEED)
def from_arrays(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    batch_size: int,
    *,
    shuffle: int = 0,
    seed: int = 42,
) -> tf.data.Dataset:
    """Stream batches from arrays, also from ones that are mapped into memory.

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


@checked(passes=Integer())
def images_per_second(batches: tf.data.Dataset, *, passes: int = 1) -> float:
    """Measure how fast batches come, without a network that would use them.

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


def _cells_of(name: bytes) -> NDArray[np.uint8]:
    """Parse a file; where it is not as `write_parts` makes them, as `read_csv_table` does: cell by cell."""
    path = Path(name.decode())
    with reading(path):
        text = path.read_bytes()
    cells = _plain_cells(text) if is_plain(path, text[:HEAD]) else None
    if cells is None:
        table = read_csv_table(path)
        assert table.images is not None and table.labels is not None  # check_csv_header has seen both
        cells = np.column_stack([table.labels, table.images.reshape(-1, PIXELS)])
    return cells


def _plain_cells(text: bytes) -> NDArray[np.uint8] | None:
    """Parse lines of integers from 0 to 255 and commas; None where there is anything else, or nothing."""
    start = text.find(b"\n") + 1  # behind the header
    pieces = []
    while start < len(text):
        end = text.rfind(b"\n", start, start + _BYTES_AT_ONCE) + 1 or len(text)
        line_end = b"" if text[end - 1] == ord("\n") else b"\n"
        piece = _plain_lines(np.frombuffer(text[start:end] + line_end, np.uint8))
        if piece is None:
            return None
        pieces.append(piece)
        start = end
    return np.concatenate(pieces) if pieces else None


def _plain_lines(signs: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    digits = signs - np.uint8(ord("0"))
    ends = np.flatnonzero(digits > 9)
    lengths = np.diff(ends, prepend=-1) - 1
    if len(ends) % _WIDTH or lengths.min() < 1 or lengths.max() > 3:
        return None
    if (signs[ends].reshape(-1, _WIDTH) != _ROW_ENDS).any():
        return None
    cells = digits[ends - 1].astype(np.uint16)
    for back, worth in ((2, 10), (3, 100)):
        longer = np.flatnonzero(lengths >= back)  # most pixels are 0: few cells have more than one digit
        cells[longer] += worth * digits[ends[longer] - back].astype(np.uint16)
    return cells.astype(np.uint8).reshape(-1, _WIDTH) if cells.max() <= 255 else None


def _tensorflow() -> Any:
    import_keras()  # quietly
    import tensorflow as tf

    return tf
