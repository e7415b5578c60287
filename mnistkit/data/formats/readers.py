"""Reading the files of a data set, whatever their format, and checking that they belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from mnistkit.data.dataset import part_sha256
from mnistkit.data.discovery import Candidate
from mnistkit.data.formats.csv_tables import CsvTable, read_csv_table, read_row_names
from mnistkit.data.formats.idx import read_idx
from mnistkit.data.formats.npz import read_npy, read_npz
from mnistkit.data.registry import dataset_spec, datasets, owners
from mnistkit.errors import DataError

N_TRAIN, N_TEST = 60_000, 10_000
"""Images in the official files' two halves."""

Reader = Callable[[Path, list[str], bool], dict[str, np.ndarray]]
"""Gives, from one file, the parts that it is to hold, and images of any size where that is true."""


def read_dataset(name: str, candidate: Candidate) -> dict[str, np.ndarray]:
    """Read all files of a data set.

    Parameters
    ----------
    name : str
        The data set that they are to be.
    candidate : Candidate
        The files.

    Returns
    -------
    dict of str to numpy.ndarray of uint8
        ``x_train`` …, without ``y_test`` where the test part is unlabelled.

    Raises
    ------
    DataError
        If a file is broken, images and labels don't match, or the content is known to be another data set's.
    """
    arrays = _read_files(candidate)
    check_together(name, candidate, arrays)
    return dataset_spec(name).published.from_files(arrays)


def read_own(candidate: Candidate) -> dict[str, np.ndarray]:
    """Read the files of a data set of one's own: grey images of any size, with labels from 0 to 255.

    Parameters
    ----------
    candidate : Candidate
        The files.

    Returns
    -------
    dict of str to numpy.ndarray of uint8
        ``x_train``, shape (n, height, width), ``y_train`` and, where they are there, ``x_test``, ``y_test``.

    Raises
    ------
    DataError
        As `read_dataset`, or if the test part is not labelled.
    """
    arrays = _read_files(candidate, any_size=True)
    if "x_test" in arrays and "y_test" not in arrays:
        raise unlabelled_test_part(candidate.files["x_test"])
    check_together(None, candidate, arrays)
    return arrays


def unlabelled_test_part(where: Path) -> DataError:
    """Return the error about a test part of one's own without labels."""
    return DataError(
        where,
        found="no labels for the test images",
        expected="a label for each image",
        todo="add them, or leave the test part out: one fifth of the images is then taken for it (Kaggle's "
        "own files are the data set digit-recognizer)",
    )


def _read_files(candidate: Candidate, *, any_size: bool = False) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for path in candidate.paths:
        parts = [part for part, file in candidate.files.items() if file == path]
        arrays |= read_file(candidate.fmt, path, parts, any_size=any_size)
    return arrays


def read_file(fmt: str, path: Path, parts: Iterable[str], *, any_size: bool = False) -> dict[str, np.ndarray]:
    """Read the parts that one file holds.

    Parameters
    ----------
    fmt : str
        As in `Candidate`.
    path : pathlib.Path
        The file.
    parts : iterable of str
        What it is to hold (``y_test`` may be missing from an .npz archive).
    any_size : bool
        Whether images need not have 28 × 28 pixels.

    Returns
    -------
    dict of str to numpy.ndarray of uint8
        Images (n, height, width) and labels (n,) by part.

    Raises
    ------
    DataError
        If the file is broken, or holds something else.
    """
    return READERS[fmt](path, list(parts), any_size)


def _read_npz_parts(path: Path, parts: list[str], any_size: bool) -> dict[str, np.ndarray]:
    halves = {part.removeprefix("x_").removeprefix("y_") for part in parts}
    return read_npz(path, halves.pop() if len(halves) == 1 else None, any_size=any_size)


def _read_npy_parts(path: Path, parts: list[str], any_size: bool) -> dict[str, np.ndarray]:
    return {part: read_npy(path, part, any_size=any_size) for part in parts}


def _read_idx_parts(path: Path, parts: list[str], any_size: bool) -> dict[str, np.ndarray]:
    return _kinds_to_parts(path, parts, *_by_dimensions(read_idx(path, any_size=any_size)))


def _read_csv_parts(path: Path, parts: list[str], any_size: bool) -> dict[str, np.ndarray]:
    table = read_csv_table(path)
    return _kinds_to_parts(path, parts, table.images, table.labels)


def _read_whole_csv(path: Path, parts: list[str], any_size: bool) -> dict[str, np.ndarray]:
    return _halves(path, read_csv_table(path))


READERS: dict[str, Reader] = {
    "idx": _read_idx_parts,
    "npz": _read_npz_parts,
    "npy": _read_npy_parts,
    "quartet": _read_csv_parts,
    "table": _read_csv_parts,
    "whole": _read_whole_csv,
}
"""What reads a file of each format, by `Candidate.fmt`."""


def _halves(path: Path, table: CsvTable) -> dict[str, np.ndarray]:
    """Cut a table of all images in two, where it has as many as the official files together."""
    images, labels = table.images, table.labels
    if images is None or labels is None or len(images) != N_TRAIN + N_TEST:
        count = 0 if images is None else len(images)
        raise DataError(
            str(path),
            found=f"{count:,} images in one file: nothing says which of them are the test part",
            expected=f"{N_TRAIN + N_TEST:,}, the last {N_TEST:,} of them the test part, as OpenML has them",
            todo="make two files of it, such as mnist_train.csv and mnist_test.csv",
        )
    cut = {"train": slice(N_TRAIN), "test": slice(N_TRAIN, None)}
    return {
        f"{kind}_{half}": array[cut[half]] for half in cut for kind, array in (("x", images), ("y", labels))
    }


def _check_labels(name: str, path: Path, labels: np.ndarray) -> None:
    """Refuse a label that the data set's files don't have."""
    allowed = dataset_spec(name).labels_in_files
    first, last = allowed[0], allowed[-1]
    wrong = (labels < first) | (labels > last)
    if not wrong.any():
        return
    row = int(wrong.argmax())
    found = f"label {labels[row]} for image {row:,} (counted from 0)"
    if first == 0 and labels.min() == 1 and labels.max() == last + 1:
        found = f"labels from 1 to {last + 1}, the first {found}"
        todo = f"write them from 0: each one less, or, where {last + 1} stands for the digit 0, only "
        todo += f"{last + 1} as 0"
    elif labels.max() > last + 1:
        found = f"{found}; {len(np.unique(labels))} different labels up to {labels.max()}"
        todo = f"get {name}, if this is another data set, such as letters; "
        todo += "correct a single label"
    else:
        todo = "copy or download the file again"
    raise DataError(str(path), found=found, expected=f"labels from {first} to {last}", todo=todo)


def _by_dimensions(array: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return (images, None) or (None, labels)."""
    return (array, None) if array.ndim > 1 else (None, array)


def _kinds_to_parts(
    path: Path, parts: list[str], images: np.ndarray | None, labels: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Name what a file holds by the parts that it is to hold, exactly."""
    there = {"x": images, "y": labels}
    found = [kind for kind, array in there.items() if array is not None]
    if sorted(part[0] for part in parts) != found:
        words = {"x": "images", "y": "labels"}
        raise DataError(
            str(path),
            found=" and ".join(words[kind] for kind in found),
            expected=" and ".join(words[part[0]] for part in sorted(parts)),
            todo="check whether two files were swapped or renamed, or copy the file again",
        )
    return {part: array for part in parts if (array := there[part[0]]) is not None}


def check_together(name: str | None, candidate: Candidate, arrays: dict[str, np.ndarray]) -> None:
    """Check that the files fit together, and fit the data set.

    Parameters
    ----------
    name : str or None
        The data set that the files are to be; None if that is not known.
    candidate : Candidate
        Where they came from.
    arrays : dict of str to numpy.ndarray of uint8
        What they hold.

    Raises
    ------
    DataError
        If the numbers of images and labels differ, the data set has no such label, or an official part is in
        another one's place.
    """
    if "y_test" not in arrays and "y_test" in candidate.files:
        _check_may_lack_labels(name, candidate)
    for half in ("train", "test") if "x_test" in arrays else ("train",):
        images, labels = arrays[f"x_{half}"], arrays.get(f"y_{half}")
        if labels is not None and len(images) != len(labels):
            header = candidate.fmt == "quartet" and len(images) == len(labels) + 1
            raise DataError(
                str(candidate.files[f"y_{half}"]),
                found=f"{len(labels):,} labels for {len(images):,} images",
                expected="one label for each image",
                todo="use images and labels from the same place; copy them again"
                + (
                    "; where the first line is a label of 0, write a header above it: label" if header else ""
                ),
            )
        if labels is not None and candidate.fmt == "quartet":
            _check_same_rows(candidate.files[f"x_{half}"], candidate.files[f"y_{half}"])
        if labels is not None and name:
            _check_labels(name, candidate.files[f"y_{half}"], labels)
    for part, array in arrays.items():
        known = owners(part_sha256(array))
        if name and known and (dataset_spec(name).base.name, part) not in known and part in candidate.files:
            official, there = known[0]
            raise DataError(
                str(candidate.files[part]),
                found=f"the official {official} {there}",
                expected=f"{dataset_spec(name).base.name} {part}",
                todo="a mirror served other files under this name, or files were swapped: "
                f'get them from elsewhere, or load them as "{official}"',
            )


def _check_same_rows(images: Path, labels: Path) -> None:
    """Refuse two tables whose rows have numbers of one name, in which the same row has two of them.

    Numbers that only count the rows, from 0 in one and from 1 in the other, say nothing about their order.
    """
    named = [read_row_names(path) for path in (images, labels)]
    if named[0] is None or named[1] is None or named[0][0].casefold() != named[1][0].casefold():
        return
    (column, ours), (_, theirs) = named[0], named[1]
    wrong = next(
        (row for row, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other), None
    )
    if wrong is None or (_count_up(ours) and _count_up(theirs)):
        return
    raise DataError(
        str(labels),
        found=f"the label of row {theirs[wrong][:30]!r} where {images.name} has the image of row "
        f"{ours[wrong][:30]!r}, by the column {column!r}",
        expected="images and labels in one order",
        todo=f"sort both files by {column!r}; or delete this column, if it says nothing about the rows",
    )


def _count_up(cells: list[str]) -> bool:
    """Whether cells are whole numbers, each one more than the last."""
    start = cells[0]
    return start.isdecimal() and cells == [
        str(number) for number in range(int(start), int(start) + len(cells))
    ]


def _check_may_lack_labels(name: str | None, candidate: Candidate) -> None:
    if name is not None and dataset_spec(name).has_test_labels:
        unlabelled = [f'"{spec.name}"' for spec in datasets().values() if not spec.has_test_labels]
        raise DataError(
            str(candidate.files["y_test"]),
            found="no y_test",
            expected=f"labels for the test images of {name}",
            todo=f"use a file with y_test, or load it as {' or '.join(unlabelled)}",
        )
