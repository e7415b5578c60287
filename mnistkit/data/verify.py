"""Checking files on disk against what the official ones hold (``mnistkit data verify``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnistkit.data import discovery, download, not_found, own_images
from mnistkit.data.dataset import part_sha256
from mnistkit.data.discovery import Candidate
from mnistkit.data.formats import readers
from mnistkit.data.loader import check_not_empty, load, named_folders, search_folders
from mnistkit.data.registry import dataset_spec, file_owner, names, owners
from mnistkit.errors import DataError, printable
from mnistkit.files import expanded, file_sha256, reading
from mnistkit.utils.arguments import checked

OFFICIAL, READABLE, OTHER, BROKEN = "official", "readable", "other", "BROKEN"


class FileCheck(NamedTuple):
    """What `verify` found out about one file, or about files that belong together.

    Attributes
    ----------
    file : str
        The file or folder.
    status : str
        ``official`` (its content is the published one), ``readable`` (sound, but not official: a subset, a
        shuffled or a made data set), ``other`` (a data set that is none of ours, by its name) or ``BROKEN``.
    detail : str
        What it holds, or what is wrong.
    """

    file: str
    status: str
    detail: str


@checked()
def verify(target: str | Path | None = None) -> list[FileCheck]:
    """Read every data file in a folder, or of a data set, and compare its content with the official one.

    Parameters
    ----------
    target : str or pathlib.Path, optional
        A folder, also of your own images, one file of a data set, or a name that `load` takes: then its
        files in the folders that ``auto`` looks into and in the cache's downloads. Without it, those of all
        data sets.

    Returns
    -------
    list of FileCheck
        One row a file, and one more for each set of files that do not belong together.

    Raises
    ------
    DataError
        If the folder does not exist, can't be listed, or has no data files. What is wrong with a file is a
        row, not an error.

    Examples
    --------
    >>> import tempfile
    >>> from mnistkit.data import export, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = export(load("mnist", "bundled"), folder, "npz")
    ...     [check.status for check in verify(folder)]
    ['readable']
    """
    if target is None or target in names():
        return _of_names(names() if target is None else [str(target)])
    check_not_empty(target)
    path = expanded(target)
    with reading(path):
        exists = path.exists()
    if not exists:
        raise DataError(
            str(path),
            found="no such file or folder",
            expected=f"an existing path, or one of {', '.join(names())}",
            todo="check the path",
        )
    found = discovery.candidates(path) if path.is_dir() else [discovery.candidate_of_file(path)]
    if not found and path.is_dir() and own_images.folders_of_pictures(path):
        return [_check_pictures(path)]
    if not found:
        raise not_found.nothing_found(path, names())
    return [row for candidate in found for row in _check(candidate)]


def _of_names(wanted: Sequence[str]) -> list[FileCheck]:
    """Check the files of data sets, each once: several names can have the same ones."""
    downloads = [folder for name in wanted if (folder := download.downloads_folder(name)).is_dir()]
    folders = dict.fromkeys(folder.absolute() for folder in (*search_folders(), *downloads))
    found = {folder: discovery.candidates(folder) for folder in folders}
    rows: list[FileCheck] = []
    checked_already: list[Candidate] = []
    for name in wanted:
        either = {name, dataset_spec(name).base.name}
        mine = [each for there in found.values() for each in there if either & {each.identity, each.said}]
        for candidate in mine:
            if candidate not in checked_already:
                checked_already.append(candidate)
                rows += _check(candidate)
        try:
            for folder in () if mine else named_folders():
                not_found.check_none_broken(name, folder, found[folder.absolute()])
        except DataError as error:
            rows.append(_broken(error))
    return list(dict.fromkeys(rows))


def _broken(error: DataError) -> FileCheck:
    return FileCheck(error.where, BROKEN, f"{error.found}; expected {error.expected}; to do: {error.todo}")


def _check_pictures(folder: Path) -> FileCheck:
    """Check a folder with a subfolder of pictures for each class."""
    try:
        own = load(str(folder.absolute()))
    except DataError as error:
        return _broken(error)
    count = len(own.x_train) + len(own.x_test)
    return FileCheck(printable(folder), READABLE, f"{count:,} pictures in {len(own.class_names)} classes")


def _check(candidate: Candidate) -> list[FileCheck]:
    """Check each file of a candidate, then all of them together."""
    if candidate.is_other:
        detail = f"{candidate.description}: not one of {', '.join(names())}"
        return [FileCheck(printable(candidate.folder), OTHER, detail)]
    rows: list[FileCheck] = []
    arrays: dict[str, np.ndarray] = {}
    is_own = not candidate.known and candidate.said not in names()  # by all that is known
    for path in candidate.paths:
        parts = [part for part, file in candidate.files.items() if file == path]
        try:
            there = readers.read_file(candidate.fmt, path, parts, any_size=is_own)
        except DataError as error:
            rows.append(_broken(error))
            continue
        arrays |= there
        rows.append(_describe(path, there))
    if all(part in arrays for part in candidate.files if part != "y_test"):
        name = candidate.said if candidate.said in names() else candidate.identity
        try:
            if not (is_own and own_images.is_whole(candidate)):
                not_found.check_complete(name, candidate)
            readers.check_together(name if name in names() else None, candidate, arrays)
        except DataError as error:
            rows.append(_broken(error))
    return rows


def _describe(path: Path, arrays: dict[str, np.ndarray]) -> FileCheck:
    known = [owners(part_sha256(array)) for array in arrays.values()]
    with reading(path):
        as_published = file_owner(file_sha256(path))
    if as_published:  # of some, only the files are known again
        known = [[as_published] for _ in arrays]
    sizes = ", ".join(f"{part} {' × '.join(map(str, array.shape))}" for part, array in arrays.items())
    if all(known):
        official = " and ".join(sorted({owned[0][0] for owned in known}))
        return FileCheck(printable(path), OFFICIAL, f"{official}: {sizes}")
    return FileCheck(printable(path), READABLE, f"not an official file: {sizes}")
