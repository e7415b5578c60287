"""Writing a data set as files in any of the formats that `load` reads (``mnistkit data export``)."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from mnistkit.data.dataset import SIDE, Dataset
from mnistkit.data.discovery import candidates
from mnistkit.data.formats.csv_tables import PIXELS, write_csv
from mnistkit.data.formats.idx import write_idx
from mnistkit.data.formats.npz import write_npz
from mnistkit.data.formats.readers import read_file
from mnistkit.data.registry import IDX_STEM, PARTS, STANDIN_NOTE, datasets
from mnistkit.errors import DataError
from mnistkit.files import expanded, scratch_beside, write_atomically
from mnistkit.utils.arguments import checked

_FROM_0 = [str(pixel) for pixel in range(PIXELS)]
_FROM_1 = [str(pixel) for pixel in range(1, PIXELS + 1)]


@dataclass(frozen=True)
class _File:
    """One file to write, and how it is read back (see `readers.read_file`)."""

    name: str
    fmt: str
    parts: list[str]
    write: Callable[[IO[bytes]], None]


@checked()
def export(dataset: Dataset, folder: Path | str, fmt: str, *, overwrite: bool = False) -> list[Path]:
    """Write a data set into a folder; ``load(dataset.name, folder)`` gives it back.

    All files are written under temporary names, read back and compared before the first is renamed. While
    they are renamed, the file of the training images is missing: whatever ends the process, no mixture of old
    and new files is left that could be loaded, and the same call again completes it. Beside the files of a
    stand-in a note says what they are; `load` then calls them a stand-in too.

    Parameters
    ----------
    dataset : Dataset
        What to write.
    folder : pathlib.Path or str
        Where to; made if it does not exist.
    fmt : {"idx", "idx-gz", "csv", "kaggle", "twist", "npz"}
        See `FORMATS`. ``kaggle`` leaves out the test labels.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    list of pathlib.Path
        The files written.

    Raises
    ------
    DataError
        If the format is unknown, files or other stand-ins are there already, or the folder can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from mnistkit.data import load, subset
    >>> few = subset(load("mnist", "bundled"), 20, 10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in export(few, folder, "csv")]
    ['mnist_train.csv', 'mnist_test.csv']
    """
    if fmt not in FORMATS:
        raise DataError(
            "export",
            found=f"the format {fmt!r}",
            expected=f"one of {', '.join(FORMATS)}",
            todo="choose one of these",
        )
    folder = expanded(folder)
    arrays = {part: array for part in PARTS if (array := getattr(dataset, part)) is not None}
    if spec := datasets().get(dataset.name):  # EMNIST's images lie on their side in its files
        arrays = spec.published.in_files(arrays)
    files = FORMATS[fmt](dataset.name, arrays)
    there = [file for file in files if (folder / file.name).exists()]
    is_unfinished = files[0] not in there and all(_holds(file, folder / file.name, arrays) for file in there)
    if there and not overwrite and not is_unfinished:
        raise DataError(
            str(folder),
            found=f"{', '.join(file.name for file in there)} already there",
            expected="a folder without these files",
            todo="choose another folder, or allow it with overwrite=True (--overwrite)",
        )
    if (folder / STANDIN_NOTE).exists() and not dataset.is_standin and candidates(folder):
        raise DataError(
            str(folder),
            found=f"{STANDIN_NOTE}: the files there are stand-ins",
            expected="a folder without stand-ins, or the real files would be taken for some",
            todo="choose another folder",
        )
    with _writing(folder, sum(array.nbytes for array in arrays.values())), ExitStack() as scratch:
        written = {
            folder / file.name: scratch.enter_context(_written(file, folder, arrays)) for file in files
        }
        if dataset.is_standin:  # first, so that the files never stand there without it
            note = f"The files in this folder are not {dataset.name}.\n{dataset.source}\n"
            write_atomically(folder / STANDIN_NOTE, note)
        else:  # of an export that ended before its files were there
            (folder / STANDIN_NOTE).unlink(missing_ok=True)
        _put(written)
    return list(written)


def _put(written: dict[Path, Path]) -> None:
    """Rename scratch files to their targets, the first one last."""
    first, *others = written
    if others:
        first.unlink(missing_ok=True)
    for target in (*others, first):
        written[target].replace(target)


@contextmanager
def _writing(folder: Path, values: int) -> Iterator[None]:
    """Make a folder to write into; turn what the operating system raises into a `DataError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DataError(
            str(folder),
            found=f"it can't be written ({error.strerror or error})",
            expected=f"a folder with permission to write and, as CSV, {4 * values:,} bytes free",
            todo="free some space, or choose another folder",
        ) from error


def write_labelled_csv(path: Path, header: list[str], cells: np.ndarray) -> Path:
    """Write a CSV file of images, labels or both as `export` writes its own: whole, read back, or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where to; its folder is made, a file there is replaced.
    header : list of str
        The columns; the label first, if there is one.
    cells : numpy.ndarray of uint8, shape (n, columns)
        The rows.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    DataError
        If the folder can't be written.
    """
    arrays = {"x_train": cells[:, 1:].reshape(-1, SIDE, SIDE), "y_train": cells[:, 0]}
    file = _File(path.name, "table", ["x_train", "y_train"], lambda stream: write_csv(stream, header, cells))
    with _writing(path.parent, cells.nbytes), _written(file, path.parent, arrays) as scratch:
        scratch.replace(path)
    return path


@contextmanager
def _written(file: _File, folder: Path, arrays: dict[str, np.ndarray]) -> Iterator[Path]:
    """Write one file beside its place and read it back; what is still there goes when the block ends."""
    scratch = scratch_beside(folder / file.name)
    try:
        with scratch.open("xb") as stream:
            file.write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        if not _holds(file, scratch, arrays):
            raise DataError(
                str(folder / file.name),
                found="other content than was written",
                expected="what was written",
                todo="check the disk, then try again",
            )
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def _holds(file: _File, path: Path, arrays: dict[str, np.ndarray]) -> bool:
    """Whether a file that was written holds what it is to hold."""
    try:
        there = read_file(file.fmt, path, file.parts)
    except DataError:
        return False
    return all(np.array_equal(there[part], arrays[part]) for part in file.parts)


def _idx(name: str, part: str, array: np.ndarray) -> _File:
    return _File(name, "idx", [part], lambda stream: write_idx(stream, array))


def _idx_gz(name: str, part: str, array: np.ndarray) -> _File:
    def write(stream: IO[bytes]) -> None:
        # No time and no name inside, so that the same data gives the same file.
        with gzip.GzipFile(fileobj=stream, mode="wb", filename="", mtime=0, compresslevel=6) as packed:
            write_idx(packed, array)

    return _File(name, "idx", [part], write)


def _tables(
    train: str, test: str, arrays: dict[str, np.ndarray], pixels: list[str], *, test_labels: bool
) -> list[_File]:
    return [
        _csv(train, ["x_train", "y_train"], arrays, pixels),
        _csv(test, ["x_test", "y_test"] if test_labels else ["x_test"], arrays, pixels),
    ]


def _csv(name: str, parts: list[str], arrays: dict[str, np.ndarray], pixels: list[str]) -> _File:
    """Describe a CSV file of images, of labels, or of both with the label first."""
    columns: list[np.ndarray] = []
    header: list[str] = []
    for part in sorted(parts, reverse=True):  # y before x
        array = arrays[part]
        columns.append(array.reshape(len(array), -1))
        header += pixels if part.startswith("x") else (["label"] if len(parts) > 1 else ["0"])
    return _File(name, "table", parts, lambda stream: write_csv(stream, header, np.hstack(columns)))


def _idx_files(name: str, arrays: dict[str, np.ndarray]) -> list[_File]:
    return [_idx(file, part, arrays[part]) for part, file in _idx_names(name, arrays)]


def _idx_gz_files(name: str, arrays: dict[str, np.ndarray]) -> list[_File]:
    return [_idx_gz(f"{file}.gz", part, arrays[part]) for part, file in _idx_names(name, arrays)]


def _idx_names(name: str, parts: Iterable[str]) -> list[tuple[str, str]]:
    # Published data sets have these names; others say in theirs what they are.
    spec = datasets().get(name)
    stem = f"{name}-" if spec is None or spec.is_derived else ""
    return [(part, f"{stem}{spec.published.idx_stem[part] if spec else IDX_STEM[part]}") for part in parts]


def _csv_files(name: str, arrays: dict[str, np.ndarray]) -> list[_File]:
    pixels = [f"pixel{i}" for i in _FROM_1]
    return _tables(f"{name}_train.csv", f"{name}_test.csv", arrays, pixels, test_labels="y_test" in arrays)


def _kaggle_files(name: str, arrays: dict[str, np.ndarray]) -> list[_File]:
    return _tables("train.csv", "test.csv", arrays, [f"pixel{i}" for i in _FROM_0], test_labels=False)


def _twist_files(name: str, arrays: dict[str, np.ndarray]) -> list[_File]:
    return [_csv(f"{part}.csv", [part], arrays, _FROM_0) for part in arrays]


def _npz_files(name: str, arrays: dict[str, np.ndarray]) -> list[_File]:
    return [_File(f"{name}.npz", "npz", list(arrays), lambda stream: write_npz(stream, arrays))]


FORMATS: dict[str, Callable[[str, dict[str, np.ndarray]], list[_File]]] = {
    "idx": _idx_files,
    "idx-gz": _idx_gz_files,
    "csv": _csv_files,
    "kaggle": _kaggle_files,
    "twist": _twist_files,
    "npz": _npz_files,
}
"""Every format that `export` writes: what gives its files for a data set's name and arrays by part."""
