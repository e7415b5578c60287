"""NumPy archives with ``x_train``, ``y_train``, ``x_test``, ``y_test``, as Keras publishes MNIST."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from mnistkit.data.dataset import SIDE, DataError
from mnistkit.data.files import check_expansion, read_up_to, reading
from mnistkit.data.registry import PARTS


def read_npz(path: Path | str) -> dict[str, np.ndarray]:
    """Read an .npz archive (lesson 01).

    Parameters
    ----------
    path : pathlib.Path or str
        The file. Objects in it are never unpickled.

    Returns
    -------
    dict of str to numpy.ndarray of uint8
        ``x_train``, ``x_test``, shape (n, 28, 28); ``y_train`` and, if it is there, ``y_test``, shape (n,).

    Raises
    ------
    DataError
        If an array is missing or damaged, or is not of integers from 0 to 255 in one of these shapes.
    """
    path = Path(path)
    with reading(path), path.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                return _read_archive(path, archive)
        # Python's zip reader raises all of these on archives that are damaged, encrypted or too new.
        except (RuntimeError, ValueError, LookupError, OverflowError) as error:
            raise _damaged(path, str(error)) from error


def _read_archive(path: Path, archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    members = set(archive.namelist())
    missing = [part for part in PARTS[:3] if f"{part}.npy" not in members]
    if missing:
        raise DataError(
            str(path),
            found=f"no {', '.join(missing)} (it has {', '.join(sorted(members)[:8]) or 'nothing'})",
            expected=f"the arrays {', '.join(PARTS)}",
            todo="rename the arrays: numpy.savez(file, x_train=…, y_train=…, x_test=…, y_test=…)",
        )
    return {part: _read_member(path, archive, part) for part in PARTS if f"{part}.npy" in members}


def _read_member(path: Path, archive: zipfile.ZipFile, part: str) -> np.ndarray:
    member = archive.getinfo(f"{part}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _damaged(path, f"{part} has compression method {member.compress_type}, not NumPy's")
    with archive.open(member) as stream:
        shape, fortran_order, dtype = _read_header(path, part, stream)
        _check_kind(path, part, shape, dtype)
        count = math.prod(shape) * dtype.itemsize
        check_expansion(path, count)
        data = read_up_to(stream, count)
        if len(data) < count or stream.read(1):  # the read at the end also compares zip's checksum
            raise _damaged(path, f"{part} is shorter or longer than its header says")
    array = np.frombuffer(data, dtype=dtype)
    if array.min() < 0 or array.max() > 255:
        raise DataError(
            f"{path}, array {part}",
            found=f"values from {array.min()} to {array.max()}",
            expected="integers from 0 to 255",
            todo="store the images as they were, before any scaling",
        )
    array = array.astype(np.uint8).reshape(shape, order="F" if fortran_order else "C")
    return np.ascontiguousarray(array).reshape(-1, SIDE, SIDE) if part.startswith("x") else array


def _read_header(path: Path, part: str, stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy warns of headers from Python 2: not ours, so damaged
            # Version 1.0 is what NumPy writes for plain arrays, and has 64 kB of header at most.
            if npy.read_magic(stream) != (1, 0):
                raise ValueError("not version 1.0 of the .npy format")
            return npy.read_array_header_1_0(stream)
    except (zipfile.BadZipFile, OSError):
        raise
    except Exception as error:  # the header is a Python literal: a damaged one fails in any way there is
        raise _damaged(path, f"{part}: {error}") from error


def _check_kind(path: Path, part: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise `DataError` unless an array of this shape and dtype can be the part."""
    inner = ((SIDE, SIDE), (SIDE * SIDE,)) if part.startswith("x") else ((),)
    if dtype.kind not in "ui" or len(shape) == 0 or shape[0] < 1 or shape[1:] not in inner:
        raise DataError(
            f"{path}, array {part}",
            found=f"{dtype} of shape {shape}",
            expected=f"uint8 of shape {'(n, 28, 28)' if part.startswith('x') else '(n,)'}",
            todo="store the images and labels as they were, before any scaling",
        )


def _damaged(path: Path, detail: str) -> DataError:
    return DataError(
        str(path),
        found=f"a damaged archive ({detail[:200]})",
        expected="a sound .npz file of plain arrays",
        todo="copy or download it again",
    )


def write_npz(stream: IO[bytes], arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as a compressed archive."""
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
