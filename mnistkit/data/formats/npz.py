"""NumPy's files: archives with ``x_train``, ``y_train`` …, as Keras publishes MNIST, and single arrays."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from mnistkit.data.dataset import SIDE
from mnistkit.data.formats.arrays import as_images, as_labels, kind_of
from mnistkit.data.formats.content_type import ARCHIVE, ARRAY, Content, describe_content
from mnistkit.data.registry import PARTS, part_named
from mnistkit.errors import DataError
from mnistkit.files import check_expansion, opened, read_up_to, reading


def read_npz(path: Path | str, half: str | None = None, *, any_size: bool = False) -> dict[str, np.ndarray]:
    """Read an .npz archive.

    Parameters
    ----------
    path : pathlib.Path or str
        The file. Objects in it are never unpickled.
    half : {"train", "test"}, optional
        The half that it holds, if it is not to hold both.
    any_size : bool
        Whether images need not have 28 × 28 pixels.

    Returns
    -------
    dict of str to numpy.ndarray of uint8
        ``x_train``, ``x_test``, shape (n, 28, 28); ``y_train`` and, if it is there, ``y_test``, shape (n,).

    Raises
    ------
    DataError
        If an array is missing or damaged, has two names, or is not of images or labels as
        `mnistkit.data.formats.arrays` takes them.
    """
    path = Path(path)
    with reading(path), path.open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                members = _members(path, archive, half)
                return {
                    part: _read_member(path, archive, part, name, any_size=any_size)
                    for part, name in members.items()
                }
        except zipfile.BadZipFile:
            if (content := describe_content(path)) and content.what != ARCHIVE:
                raise _is_other(path, content, "an .npz archive of plain arrays") from None
            raise
        # Python's zip reader raises all of these on archives that are damaged, encrypted or too new.
        except (RuntimeError, ValueError, LookupError, OverflowError) as error:
            raise _damaged(path, str(error)) from error


def has_both_halves(path: Path) -> bool:
    """Whether an archive, from its list of contents, has arrays for training and for testing."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {part_named(name.removesuffix(".npy")) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):  # reported when it is read
        return False
    return {"x_train", "x_test"} <= parts


def read_npy(path: Path | str, part: str, *, any_size: bool = False) -> np.ndarray:
    """Read one array from an .npy file, also gzipped.

    Parameters
    ----------
    path : pathlib.Path or str
        The file. Objects in it are never unpickled.
    part : str
        ``x_train`` …: what it is to hold.
    any_size : bool
        Whether images need not have 28 × 28 pixels.

    Returns
    -------
    numpy.ndarray of uint8
        Images (n, 28, 28) or labels (n,).

    Raises
    ------
    DataError
        If it is damaged, or not of images or labels as `mnistkit.data.formats.arrays` takes them.
    """
    path = Path(path)
    try:
        with opened(path) as stream:
            return _read_array(path, part, str(path), stream, any_size=any_size)
    except DataError as error:
        if (content := describe_content(path)) and content.what != ARRAY:
            raise _is_other(path, content, "an .npy file of a plain array") from error
        raise


def _members(path: Path, archive: zipfile.ZipFile, half: str | None) -> dict[str, str]:
    """Return the archive's member for each part, from the names that people give to the arrays."""
    names = archive.namelist()
    wanted = [part for part in PARTS if half is None or part.endswith(half)]
    members: dict[str, str] = {}
    for part in wanted:
        exact = f"{part}.npy"
        mine = [name for name in names if part_named(name.removesuffix(".npy"), half) == part]
        if exact not in names and len(mine) > 1:
            raise DataError(
                str(path),
                found=f"{' and '.join(mine)}, which both could be {part}",
                expected=f"one array for each of {', '.join(wanted)}",
                todo="store only the arrays that are meant, each once",
            )
        if mine:
            members[part] = exact if exact in names else mine[0]
    missing = [part for part in wanted if part not in members and part != "y_test"]
    if missing:
        raise DataError(
            str(path),
            found=f"no {', '.join(missing)} (it has {', '.join(sorted(set(names))[:8]) or 'nothing'})",
            expected=f"the arrays {', '.join(wanted)}",
            todo="rename the arrays: numpy.savez(file, x_train=…, y_train=…, x_test=…, y_test=…)"
            + ("; or call the file train.npz, if it is your own training part" * (missing == ["x_test"])),
        )
    return members


def _read_member(path: Path, archive: zipfile.ZipFile, part: str, name: str, *, any_size: bool) -> np.ndarray:
    member = archive.getinfo(name)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _damaged(path, f"{part} has compression method {member.compress_type}, not NumPy's")
    with archive.open(member) as stream:
        where = f"{path}, array {name.removesuffix('.npy')}"
        return _read_array(path, part, where, stream, any_size=any_size)


def _read_array(path: Path, part: str, where: str, stream: IO[bytes], *, any_size: bool) -> np.ndarray:
    shape, fortran_order, dtype = _read_header(path, part, stream)
    if kind_of(shape, any_size=any_size) != part[0] or dtype.kind == "O" or dtype.itemsize == 0:
        raise DataError(
            where,
            found=f"{dtype} of shape {shape}",
            expected=f"uint8 of shape {'(n, 28, 28)' if part.startswith('x') else '(n,)'}",
            todo=_todo_by_shape(part, shape)
            or "store the images and labels as plain numbers, as they were before any scaling",
        )
    count = math.prod(shape) * dtype.itemsize
    check_expansion(path, count)
    data = read_up_to(stream, count)
    if len(data) < count or stream.read(1):  # the read at the end also compares zip's checksum
        raise _damaged(path, f"{part} is shorter or longer than its header says")
    array = np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran_order else "C")
    return as_images(where, array) if part.startswith("x") else as_labels(where, array)


def _todo_by_shape(part: str, shape: tuple[int, ...]) -> str:
    """Say what to do with images of colours, or with their axes in another order; nothing about others."""
    if part.startswith("x") and len(shape) == 4 and (shape[-1] in (3, 4) or shape[1] in (3, 4)):
        return 'store the images grey, of shape (n, height, width): PIL\'s convert("L") makes them so'
    if part.startswith("x") and len(shape) == 3 and shape[:2] == (SIDE, SIDE):
        return "store the images one after another, of shape (n, 28, 28): numpy.moveaxis(images, -1, 0)"
    return ""


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


def _is_other(path: Path, content: Content, expected: str) -> DataError:
    return DataError(str(path), found=content.what, expected=expected, todo=content.todo)


def _damaged(path: Path, detail: str) -> DataError:
    return DataError(
        str(path),
        found=f"damaged data ({detail[:200]})",
        expected="a sound file of plain arrays",
        todo="copy or download it again",
    )


def write_npz(stream: IO[bytes], arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as a compressed archive."""
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
