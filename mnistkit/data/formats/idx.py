"""The IDX format, in which MNIST and Fashion-MNIST are published.

A file is a big-endian header (magic number, then the length of each dimension, four bytes each) and
the values, row by row: http://yann.lecun.com/exdb/mnist/ (section "File formats"). The official files have
unsigned bytes; whole numbers of other types, flat images, one-hot labels and headers in the byte order of
other machines are read too, as `mnistkit.data.formats.arrays` says.
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from mnistkit.data.dataset import SIDE
from mnistkit.data.formats.arrays import as_images, as_labels, kind_of
from mnistkit.data.formats.content_type import describe_head, text_start
from mnistkit.errors import DataError
from mnistkit.files import check_expansion, opened, read_up_to

_MAGIC = {1: 2049, 3: 2051}  # by number of dimensions: 8 = unsigned bytes, then that number
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
_MAX_DIMENSIONS = 4


class _Header(NamedTuple):
    """What the values are: NumPy's type with its byte order, and the length of each dimension."""

    dtype: np.dtype
    shape: tuple[int, ...]


def read_idx(path: Path | str, *, any_size: bool = False) -> np.ndarray:
    """Read one IDX file, raw or gzipped.

    Parameters
    ----------
    path : pathlib.Path or str
        The file; whether it is gzipped is seen from its content.
    any_size : bool
        Whether images need not have 28 × 28 pixels.

    Returns
    -------
    numpy.ndarray of uint8
        Images, shape (n, 28, 28), or labels, shape (n,).

    Raises
    ------
    DataError
        If the file can't be read, or its magic number, dimensions, length or values are not those of images
        or labels.
    """
    path = Path(path)
    with opened(path) as stream:
        dtype, shape = _read_header(path, stream, any_size=any_size)
        count = math.prod(shape) * dtype.itemsize
        check_expansion(path, count)
        data = read_up_to(stream, count)
        if len(data) < count:
            raise _wrong_length(path, f"only {len(data):,}", shape, count)
        if stream.read(1):  # in a gzipped file this also makes gzip compare the checksum
            raise _wrong_length(path, "more", shape, count)
    array = np.frombuffer(data, dtype=dtype).reshape(shape)
    return (
        as_images(str(path), array)
        if kind_of(shape, any_size=any_size) == "x"
        else as_labels(str(path), array)
    )


def _read_header(path: Path, stream: IO[bytes], *, any_size: bool) -> _Header:
    magic = stream.read(4)
    swapped = magic[2:] == b"\0\0"  # written as the machine has it, by a program of its own
    code, ndim = (magic[1], magic[0]) if swapped else (magic[2], magic[3]) if magic[:2] == b"\0\0" else (0, 0)
    if len(magic) < 4 or code not in _TYPES or not 1 <= ndim <= _MAX_DIMENSIONS:
        raise _no_idx(path, magic + stream.read(2044))
    lengths = stream.read(4 * ndim)
    if len(lengths) < 4 * ndim:
        raise DataError(
            str(path),
            found="a file that ends inside its header",
            expected=f"{4 + 4 * ndim} bytes of header",
            todo="copy or download the file again",
        )
    order = "<" if swapped else ">"
    shape = struct.unpack(f"{order}{ndim}I", lengths)
    if kind_of(shape, any_size=any_size) is None:
        raise DataError(
            str(path),
            found=f"shape {' × '.join(map(str, shape))}",
            expected=f"n × {SIDE} × {SIDE} (images) or n (labels), n at least 1",
            todo="use files in MNIST's format",
        )
    return _Header(np.dtype(order + _TYPES[code]), shape)


def _no_idx(path: Path, head: bytes) -> DataError:
    """Say what a file is that does not begin as IDX files do."""
    expected = "an IDX file: magic number 2051 (images) or 2049 (labels)"
    if content := describe_head(head):
        return DataError(str(path), found=content.what, expected=expected, todo=content.todo)
    if text := text_start(head):
        found = f"text that begins with {text!r}"
    elif len(head) < 4:
        found = f"a file of {len(head)} bytes"
    else:
        found = f"magic number {int.from_bytes(head[:4], 'big')}"
    todo = "copy or download the file again; IDX files of other kinds are not MNIST's format"
    return DataError(str(path), found=found, expected=expected, todo=todo)


def _wrong_length(path: Path, found: str, shape: tuple[int, ...], count: int) -> DataError:
    return DataError(
        str(path),
        found=f"{found} bytes after the header",
        expected=f"exactly {count:,} ({' × '.join(map(str, shape))}), as the header says",
        todo="the file is cut off or damaged: copy or download it again",
    )


def write_idx(stream: IO[bytes] | gzip.GzipFile, array: np.ndarray) -> None:
    """Write images (n, 28, 28) or labels (n,) of dtype uint8 as IDX."""
    stream.write(struct.pack(f">{1 + array.ndim}I", _MAGIC[array.ndim], *array.shape))
    stream.write(np.ascontiguousarray(array).data)
