"""What there is, for people: ``mnistkit data list`` and ``mnistkit data info``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnistkit.data import download, not_found
from mnistkit.data.dataset import Dataset, part_sha256
from mnistkit.data.discovery import Candidate, candidates
from mnistkit.data.loader import find_in, named_folders, search_folders
from mnistkit.data.registry import DatasetSpec, dataset_spec, names, owners
from mnistkit.errors import DataError, printable


class Available(NamedTuple):
    """Where one data set can be had now.

    Attributes
    ----------
    name, summary : str
        The data set and what it is.
    places : list of str
        The sources that have it, in the order in which ``auto`` takes them, with sizes.
    """

    name: str
    summary: str
    places: list[str]


def survey(wanted: Iterable[str] | None = None) -> list[Available]:
    """List data sets and their sources, from file names only: no images are read, no network is used.

    Parameters
    ----------
    wanted : iterable of str, optional
        Their names; all, where it is not given.

    Returns
    -------
    list of Available

    Raises
    ------
    DataError
        If ``MNISTKIT_DATA`` names a folder that does not exist.
    """
    folders, named = search_folders(), named_folders()
    look_into = functools.cache(candidates)
    return [
        Available(spec.name, spec.summary, _places(spec, folders, named, look_into))
        for spec in map(dataset_spec, names() if wanted is None else wanted)
    ]


def _places(
    spec: DatasetSpec, folders: list[Path], named: list[Path], look_into: Callable[[Path], list[Candidate]]
) -> list[str]:
    name, base, places = spec.name, spec.base.name, []
    for folder in folders:
        try:
            found = look_into(folder)
            candidate = find_in(name, folder, found) or find_in(base, folder, found)
            if candidate is None and folder in named:
                not_found.check_none_broken(name, folder, found)
        except DataError as error:
            places.append(f"{error.where}: unusable: {error.found}")
            continue
        if candidate:
            size = sum(path.stat().st_size for path in candidate.paths)
            made = "" if candidate.identity == name else f", made from {base}"
            kind = ", stand-in" if candidate.is_standin else ""
            places.append(f"{printable(candidate.folder)}: {candidate.fmt}, {size / 1e6:.1f} MB{made}{kind}")
    if download.is_downloaded(name):
        places.append(f"{download.downloads_folder(name)}: downloaded")
    elif download.is_off():
        places.append("download: switched off by MNISTKIT_OFFLINE")
    else:
        size = sum(part.gz_bytes for part in spec.published.files.values())
        places.append(f"download: {size / 1e6:.1f} MB (mnistkit data fetch {base})")
    return [*places, f"bundled: {spec.published.standin_source or 'nothing stands in for it'}"]


def describe(dataset: Dataset) -> str:
    """Describe a loaded data set in a few lines: source, shapes, classes with their counts, hash."""
    lines = [
        f"name     {dataset.name}",
        f"source   {dataset.source}",
        f"content  {_kind(dataset)}",
        f"sha256   {dataset.sha256}",
        f"train    {' × '.join(map(str, dataset.x_train.shape))}, {dataset.x_train.dtype}",
        f"test     {' × '.join(map(str, dataset.x_test.shape))}"
        + (", unlabelled" if dataset.y_test is None else ""),
        "classes",
    ]
    train = np.bincount(dataset.y_train, minlength=len(dataset.class_names))
    for index, name in enumerate(dataset.class_names):
        test = "" if dataset.y_test is None else f"  test {np.count_nonzero(dataset.y_test == index):>6,}"
        lines.append(f"  {index:>2}  {name:<12} train {train[index]:>7,}{test}")
    return "\n".join(lines)


def _kind(dataset: Dataset) -> str:
    """Say whether the content is the official one."""
    if dataset.is_standin:
        return "STAND-IN"
    if dataset.name not in names():
        return "your own images"
    if not dataset_spec(dataset.name).published.is_known_by_content:
        return (
            f"not compared: only the hashes of its files are published (mnistkit data verify {dataset.name})"
        )
    x_train, y_train, x_test, y_test = (
        array is not None and bool(owners(part_sha256(array)))
        for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
    )
    if not (x_train and x_test):
        return "not the official images, or not in the official order"
    return "official" if y_train and y_test else "official images, other labels"
