"""Arrays that took a while, kept as .npy files: the next time they are mapped into memory.

Parsed data sets (`get_or_make`), and single arrays that were computed piece by piece (`get_or_compute`).

An entry is a folder with one .npy file a part and ``meta.json``. It is written beside its place and renamed
into it whole, so processes that load at the same time see nothing or a complete entry.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnistkit.data.dataset import content_sha256
from mnistkit.errors import DataError
from mnistkit.files import expanded, reading, scratch_beside

Arrays = dict[str, np.ndarray]
"""Part name (``x_train`` …) to array; ``y_test`` is absent where there are no labels."""

META = "meta.json"
"""The file in each entry that says what it holds: arrays beside it are ours, and nobody's data set."""

_FORMAT = 2  # raise it when entries written by older code must not be used any more

_verifying: ContextVar[bool] = ContextVar("verifying", default=False)


@dataclass(frozen=True)
class CacheEntry:
    """One cached data set.

    Attributes
    ----------
    arrays : dict of str to numpy.memmap of uint8
        The parts, read-only, mapped into memory.
    sha256 : str
        `content_sha256` of the parts.
    """

    arrays: Arrays
    sha256: str


def cache_root() -> Path:
    """Return the cache's folder: ``MNISTKIT_CACHE``, or else the user's cache folder."""
    if folder := os.environ.get("MNISTKIT_CACHE"):
        return expanded(folder)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("mnistkit"))


def files_key(paths: list[Path]) -> list[list[Any]]:
    """Return what identifies files without reading them.

    Parameters
    ----------
    paths : list of pathlib.Path
        The files.

    Returns
    -------
    list
        For each its resolved path, size, time of last modification (ns), time of last change (ns) and inode:
        the last two no program can set, so another file in its place is noticed, whatever its size and time.

    Raises
    ------
    DataError
        If a file is not there.
    """
    return [_file_key(path) for path in paths]


def _file_key(path: Path) -> list[Any]:
    with reading(path):
        status = path.stat()
    identity = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    return [str(path.resolve()), *identity]


@contextmanager
def verifying() -> Iterator[None]:
    """Take entries, within a ``with`` block, only where their content has the recorded hash.

    Reading all bytes takes about a tenth of a second. What is damaged is made anew, so the hash of what is
    given is always that of its content.
    """
    token = _verifying.set(True)
    try:
        yield
    finally:
        _verifying.reset(token)


def get_or_make(kind: str, key: list[Any], make: Callable[[], Arrays]) -> CacheEntry:
    """Return the entry for a key, made and stored now if there is none that is sound.

    Parameters
    ----------
    kind : str
        What the entry is, for people who look into the folder, for example ``mnist-idx``.
    key : list
        JSON values that change whenever the arrays would.
    make : callable
        Gives the arrays where there is no entry.

    Returns
    -------
    CacheEntry
        Its arrays are mapped from the cache.

    Raises
    ------
    DataError
        From `make`, or if the cache can't be written (disk full, no permission).
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, kind, key]).encode()).hexdigest()
    place = cache_root() / "arrays" / f"{kind}-{digest[:16]}"
    entry = _open(place)
    if entry is None:
        entry = _store(place, make())
    return entry


def get_or_compute(
    kind: str, key: list[Any], shape: tuple[int, ...], blocks: Callable[[], Iterable[np.ndarray]]
) -> np.memmap:
    """Return the array for a key, computed and stored now if it is not there; never whole in memory.

    Parameters
    ----------
    kind : str
        What it is, for people who look into the folder, for example ``vgg16-224``.
    key : list
        JSON values that change whenever the array would.
    shape : tuple of int
        The array's shape.
    blocks : callable
        Gives the array's rows, float32, a block at a time.

    Returns
    -------
    numpy.memmap of float32
        Mapped from the cache, read-only.

    Raises
    ------
    DataError
        If the cache can't be written (disk full, no permission).
    ValueError
        If the blocks do not add up to the shape.
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, kind, key, shape]).encode()).hexdigest()
    stem = cache_root() / "computed" / f"{kind}-{digest[:16]}"
    for place in stem.parent.glob(f"{stem.name}-*.npy"):
        if (array := _open_array(place, shape)) is not None:
            return array
    return _compute(stem, shape, blocks())


def _open_array(place: Path, shape: tuple[int, ...]) -> np.memmap | None:
    """Map an array, or return None where it is absent or its content is not the one that the name tells."""
    try:
        array = np.load(place, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    sound = array.shape == shape and array.dtype == np.float32 and array.flags.c_contiguous
    return array if sound and _named(place, hashlib.sha256(array.data).hexdigest()) else None


def _named(place: Path, sha256: str) -> bool:
    return place.stem.endswith(f"-{sha256[:16]}")


def _compute(stem: Path, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> np.memmap:
    """Write the blocks beside the array's place, move them there, and map them; its name tells its hash."""
    needed = 4 * math.prod(shape)
    try:
        scratch = scratch_beside(stem)
        try:
            place = _write_blocks(scratch, stem, shape, blocks)
        finally:
            scratch.unlink(missing_ok=True)
        for damaged in stem.parent.glob(f"{stem.name}-*.npy"):
            if damaged != place:
                damaged.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(stem.parent, needed, error) from error
    array = _open_array(place, shape)
    if array is None:
        raise _cannot_write(place, needed, OSError(errno.EIO, "what was written can't be read back"))
    return array


def _write_blocks(scratch: Path, stem: Path, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> Path:
    """Write the blocks as one array, and move it to the place that its hash names."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False}
    needed, digest = 4 * math.prod(shape), hashlib.sha256()
    # Through a stream, not a mapped file: writing past the end of a full disk would kill the process.
    with scratch.open("xb") as stream:
        np.lib.format.write_array_header_1_0(stream, header | {"shape": shape})
        start = stream.tell()
        for block in blocks:
            values = np.ascontiguousarray(block, np.float32).data
            digest.update(values)
            stream.write(values)
        written = stream.tell() - start
        stream.flush()
        os.fsync(stream.fileno())
    if written != needed:
        raise ValueError(f"the blocks have {written:,} bytes; shape {shape} needs {needed:,}")
    return scratch.replace(stem.with_name(f"{stem.name}-{digest.hexdigest()[:16]}.npy"))


def _open(place: Path) -> CacheEntry | None:
    """Map an entry, or return None where it is absent, incomplete or damaged."""
    try:
        meta = json.loads((place / META).read_text(encoding="utf-8"))
        arrays = {}
        for part, shape in meta["shapes"].items():
            # Mapping a file that is shorter than its header says is a ValueError.
            arrays[part] = np.load(place / f"{part}.npy", mmap_mode="r", allow_pickle=False)
            if arrays[part].dtype != np.uint8 or list(arrays[part].shape) != shape:
                return None
        if _verifying.get() and _sha256(arrays) != meta["sha256"]:
            return None
        return CacheEntry(arrays, meta["sha256"])
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError):
        return None


def _store(place: Path, arrays: Arrays) -> CacheEntry:
    """Write an entry beside its place, move it there, and map it."""
    needed = sum(array.nbytes for array in arrays.values())
    try:
        scratch = scratch_beside(place)
        try:
            scratch.mkdir()
            _write(scratch, arrays)
            _move(scratch, place)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(place.parent, needed, error) from error
    entry = _open(place)
    if entry is None:
        raise _cannot_write(place, needed, OSError(errno.EIO, "what was written can't be read back"))
    return entry


def _write(folder: Path, arrays: Arrays) -> None:
    for part, array in arrays.items():
        path = folder / f"{part}.npy"
        with path.open("wb") as stream:
            np.save(stream, np.ascontiguousarray(array, dtype=np.uint8), allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())  # or a power cut could leave the right size with the wrong content
    sha256 = _sha256(arrays)
    shapes = {part: array.shape for part, array in arrays.items()}
    meta = json.dumps({"sha256": sha256, "shapes": shapes}, indent=1)
    (folder / META).write_text(meta, encoding="utf-8")


def _sha256(arrays: Arrays) -> str:
    return content_sha256(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays.get("y_test"))


def _move(scratch: Path, place: Path) -> None:
    """Rename `scratch` to `place`, unless another process has put a sound entry there meanwhile."""
    for _ in range(10):
        try:
            scratch.rename(place)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES) or not place.exists():
                raise
        if _open(place) is not None:
            return
        damaged = scratch_beside(place)
        try:
            place.rename(damaged)
        except FileNotFoundError:  # another process has just removed it
            continue
        shutil.rmtree(damaged, ignore_errors=True)


def _cannot_write(folder: Path, needed: int, error: OSError) -> DataError:
    return DataError(
        str(folder),
        found=f"the cache can't be written ({error.strerror or error})",
        expected=f"a folder with {needed:,} bytes free and permission to write",
        todo="free some space, or set MNISTKIT_CACHE to another folder",
    )
