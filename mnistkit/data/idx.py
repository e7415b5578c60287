"""The IDX format, in which MNIST and Fashion-MNIST are published.

A file is a big-endian header (magic number, then the length of each dimension, four bytes each) and
unsigned bytes, row by row: http://yann.lecun.com/exdb/mnist/ (section "File formats").
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import IO

import numpy as np

from mnistkit.data.dataset import SIDE, DataError
from mnistkit.data.files import check_expansion, opened, read_up_to

_NDIM = {2049: 1, 2051: 3}  # magic number: 8 = unsigned bytes, then the number of dimensions
_MAGIC = {ndim: magic for magic, ndim in _NDIM.items()}


def read_idx(path: Path | str) -> np.ndarray:
    """Read one IDX file, raw or gzipped (lesson 01).

    Parameters
    ----------
    path : pathlib.Path or str
        The file; whether it is gzipped is seen from its content.

    Returns
    -------
    numpy.ndarray of uint8
        Images, shape (n, 28, 28), or labels, shape (n,).

    Raises
    ------
    DataError
        If the file can't be read, or its magic number, dimensions or length are not those of MNIST's format.
    """
    path = Path(path)
    with opened(path) as stream:
        shape = _read_shape(path, stream)
        count = math.prod(shape)
        check_expansion(path, count)
        data = read_up_to(stream, count)
        if len(data) < count:
            raise _wrong_length(path, f"only {len(data):,}", shape)
        if stream.read(1):  # in a gzipped file this also makes gzip compare the checksum
            raise _wrong_length(path, "more", shape)
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _read_shape(path: Path, stream: IO[bytes]) -> tuple[int, ...]:
    header = stream.read(4)
    magic = int.from_bytes(header, "big")
    if len(header) < 4 or magic not in _NDIM:
        raise DataError(
            str(path),
            found=f"magic number {magic}" if len(header) == 4 else f"a file of {len(header)} bytes",
            expected="an IDX file: magic number 2051 (images) or 2049 (labels)",
            todo="copy or download the file again; IDX files of other kinds are not MNIST's format",
        )
    ndim = _NDIM[magic]
    lengths = stream.read(4 * ndim)
    if len(lengths) < 4 * ndim:
        raise DataError(
            str(path),
            found="a file that ends inside its header",
            expected=f"{4 + 4 * ndim} bytes of header",
            todo="copy or download the file again",
        )
    shape = struct.unpack(f">{ndim}I", lengths)
    if shape[1:] not in ((), (SIDE, SIDE)) or shape[0] == 0:
        raise DataError(
            str(path),
            found=f"shape {' × '.join(map(str, shape))}",
            expected=f"n × {SIDE} × {SIDE} (images) or n (labels), n at least 1",
            todo="use files in MNIST's format",
        )
    return shape


def _wrong_length(path: Path, found: str, shape: tuple[int, ...]) -> DataError:
    return DataError(
        str(path),
        found=f"{found} bytes after the header",
        expected=f"exactly {math.prod(shape):,} ({' × '.join(map(str, shape))}), as the header says",
        todo="the file is cut off or damaged: copy or download it again",
    )


def write_idx(stream: IO[bytes] | gzip.GzipFile, array: np.ndarray) -> None:
    """Write images (n, 28, 28) or labels (n,) of dtype uint8 as IDX."""
    stream.write(struct.pack(f">{1 + array.ndim}I", _MAGIC[array.ndim], *array.shape))
    stream.write(np.ascontiguousarray(array).data)
