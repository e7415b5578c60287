"""One's own images: a folder of pictures, one subfolder a class, or of arrays and tables with other classes.

::

    shapes/circle/*.png         shapes/train/circle/*.png
    shapes/bar/*.png            shapes/train/bar/*.png
                                shapes/test/circle/*.png …

Without ``train`` and ``test``, one fifth of each class becomes the test part, always the same. What was done
to the images is said in `Dataset.source`, which every lesson shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistkit.data import cache, discovery, not_found
from mnistkit.data.dataset import SIDE, Dataset
from mnistkit.data.discovery import Candidate
from mnistkit.data.formats import readers
from mnistkit.data.formats.pictures import ENDINGS, fitted, read_grey_image
from mnistkit.data.registry import MAX_CLASSES, names
from mnistkit.errors import DataError, printable
from mnistkit.files import reading

_HALF = re.compile(r"(?P<train>train(ing)?)|(?P<test>test(ing)?)", re.IGNORECASE)
_TEST_SHARE = 0.2
_SEED = 42  # fixed: the split is the same for everybody
_LEAST = 5  # images of a class that is split: one of them for the test part
_MAX_PICTURES = 200_000
_NOTES = "notes"  # what was done to the images: kept beside the arrays, as text


@dataclass(frozen=True)
class _Pictures:
    """Pictures by class.

    Attributes
    ----------
    classes : tuple of str
        The classes' names.
    halves : dict of str to list of (pathlib.Path, int)
        Picture and class, for ``train`` and ``test``, or for ``all`` that are to be split.
    unused : tuple of str
        Names of folders that are neither.
    """

    classes: tuple[str, ...]
    halves: Mapping[str, Sequence[tuple[Path, int]]]
    unused: tuple[str, ...]


def load_folder(folder: Path) -> Dataset | str:
    """Load one's own images.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.

    Returns
    -------
    Dataset or str
        Named as the folder. The name of one of the known data sets, where the folder holds that.

    Raises
    ------
    DataError
        If there are no images in it, fewer than 2 or more than 62 classes, too few images of a class, or
        something that can't be read.
    """
    folder = folder.resolve()
    if pictures := _find_pictures(folder):
        return _load_pictures(folder, pictures)
    archives = sorted(folder.glob("*.npz"))  # of any name
    found = discovery.candidates(folder) or [discovery.candidate_of_file(path) for path in archives]
    if not found:
        raise not_found.nothing_found(folder, ["your own images"])
    candidate = next((each for each in found if _is_whole(each)), found[0])
    above = {parent.name for parent in folder.parents}
    if candidate.identity in names() and (candidate.known or candidate.said_by not in above):
        return str(candidate.identity)
    return _load_tables(folder, candidate)


def _name(folder: Path) -> str:
    """Name a data set as its folder, but never as one of those that everybody knows."""
    return f"own-{folder.name}" if folder.name in names() else printable(folder.name)


def _find_pictures(folder: Path) -> _Pictures | None:
    """List the pictures by class; None where there are none in subfolders."""
    subfolders = _subfolders(folder)
    halves = {match.lastgroup: sub for sub in subfolders if (match := _HALF.fullmatch(sub.name))}
    whole = {"train": halves["train"], "test": halves["test"]} if len(halves) == 2 else {"all": folder}
    unused = tuple(sub.name for sub in subfolders if len(halves) == 2 and sub not in halves.values())
    if len(subfolders) == 1 and not _pictures_in(subfolders[0]) and _subfolders(subfolders[0]):
        return _find_pictures(subfolders[0])  # as archives unpack, or a training part alone
    by_class = {
        half: {sub.name: _pictures_in(sub) for sub in _subfolders(place)} for half, place in whole.items()
    }
    if not any(files for classes in by_class.values() for files in classes.values()):
        if _pictures_in(folder):
            raise DataError(
                folder,
                found="pictures, but no subfolders",
                expected="a subfolder for each class, with its pictures in it",
                todo=f"make folders such as {folder.name}/circle and move the pictures into them",
            )
        return None
    classes = sorted({name for one in by_class.values() for name in one}, key=_natural)
    for half, one in by_class.items():
        for name in classes:
            _check_class(whole[half] / name, one.get(name))
    listed = {
        half: [(path, classes.index(name)) for name in classes for path in one[name]]
        for half, one in by_class.items()
    }
    count = sum(map(len, listed.values()))
    if count > _MAX_PICTURES:
        raise DataError(
            folder,
            found=f"{count:,} pictures",
            expected=f"at most {_MAX_PICTURES:,}",
            todo="give a folder with fewer pictures, or store them as arrays with numpy.savez",
        )
    return _Pictures(tuple(map(printable, classes)), listed, unused)


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _pictures_in(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.suffix.lower() in ENDINGS and not path.is_dir()]


def _entries(folder: Path) -> list[Path]:
    with reading(folder), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith((".", "__"))]
    return [folder / name for name in sorted(names)]  # paths have another order on Windows


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Order names with numbers as people do, 2 before 10; of the same number by how it is written."""
    return [(int(digits or 0), text) for digits, text in re.findall(r"(\d+)|(\D+)", name)], name


def _check_class(folder: Path, files: Sequence[Path] | None) -> None:
    """Refuse a class without pictures, or with folders in it."""
    if not files:
        raise DataError(
            folder,
            found="no such folder, although there is one in the other part"
            if files is None
            else "no pictures",
            expected=f"pictures ({', '.join(ENDINGS)}): each subfolder is a class",
            todo="put pictures of this class there, or take the folder out",
        )
    if deeper := _subfolders(folder):
        raise DataError(
            folder,
            found=f"a folder in it: {deeper[0].name}",
            expected="only pictures in a class's folder",
            todo="move these pictures into a class's folder, or the folder away",
        )


def _load_pictures(folder: Path, pictures: _Pictures) -> Dataset:
    _check_counts(
        folder, pictures.classes, {half: [c for _, c in of] for half, of in pictures.halves.items()}
    )
    paths = [path for listed in pictures.halves.values() for path, _ in listed]
    key = [cache.files_key(paths), list(pictures.halves), list(pictures.classes)]
    entry = cache.get_or_make("own-pictures", key, lambda: _read_pictures(pictures))
    return _dataset(folder, entry, pictures.classes)


def _read_pictures(pictures: _Pictures) -> cache.Arrays:
    arrays: cache.Arrays = {}
    sizes: set[tuple[int, int]] = set()
    for half, listed in pictures.halves.items():
        images = np.empty((len(listed), SIDE, SIDE), np.uint8)
        for image, (path, _) in zip(images, listed, strict=True):
            image[:], size = read_grey_image(path)
            sizes.add(size)
        arrays |= {f"x_{half}": images, f"y_{half}": np.array([label for _, label in listed], np.uint8)}
    unused = [f"not used: {', '.join(pictures.unused)}"] if pictures.unused else []
    return _finished(arrays, sizes, unused)


def _is_whole(candidate: Candidate) -> bool:
    return candidate.missing in ([], ["x_test", "y_test"])


def _load_tables(folder: Path, candidate: Candidate) -> Dataset:
    if not _is_whole(candidate):
        discovery.check_complete(None, candidate)
    key = cache.files_key(candidate.paths)
    entry = cache.get_or_make(f"own-{candidate.fmt}", key, lambda: _read_tables(candidate))
    labels = bytes(entry.arrays["labels"])
    return _dataset(folder, entry, tuple(str(label) for label in labels))


def _read_tables(candidate: Candidate) -> cache.Arrays:
    arrays = readers.read_own(candidate)  # of any size, with any labels
    if "x_test" not in arrays:
        arrays = {"x_all": arrays["x_train"], "y_all": arrays["y_train"]}
    labels = np.unique(np.concatenate([array for part, array in arrays.items() if part.startswith("y")]))
    sizes = set()
    for part, array in arrays.items():
        if part.startswith("y"):
            arrays[part] = np.searchsorted(labels, array).astype(np.uint8)
        else:
            sizes.add(array.shape[:0:-1])
            arrays[part] = _all_fitted(array)
    counts = {part[2:]: array.tolist() for part, array in arrays.items() if part.startswith("y")}
    _check_counts(candidate.folder, [str(label) for label in labels], counts)
    return _finished(arrays, sizes, []) | {"labels": labels.astype(np.uint8)}


def _all_fitted(images: np.ndarray) -> np.ndarray:
    from PIL import Image

    if images.shape[1:] == (SIDE, SIDE):
        return images
    return np.stack([fitted(Image.fromarray(image)) for image in images])


def _check_counts(where: Path, classes: Sequence[str], labels: Mapping[str, Sequence[int]]) -> None:
    """Refuse what is too few or too many to learn from."""
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataError(
            where,
            found=f"{len(classes)} class{'es' if len(classes) != 1 else f' ({classes[0]})'}",
            expected=f"2 to {MAX_CLASSES} classes",
            todo="add a folder for another class" if len(classes) < 2 else "join classes, or leave some out",
        )
    for half, least in {"all": _LEAST, "train": 2, "test": 1}.items():
        counts = np.bincount(labels.get(half, ()), minlength=len(classes))
        if half in labels and counts.min() < least:
            part = "" if half == "all" else f" for {half}ing"
            rarest = classes[int(counts.argmin())]
            raise DataError(
                where,
                found=f"{counts.min()} image{'s' if counts.min() != 1 else ''} of {rarest}{part}",
                expected=f"at least {least} of each class{part}",
                todo="add images of this class, or leave it out",
            )


def _finished(arrays: cache.Arrays, sizes: set[tuple[int, int]], notes: list[str]) -> cache.Arrays:
    """Split what is not split, put the images in a random order, and note what was done."""
    rng = np.random.default_rng(_SEED)
    if sizes != {(SIDE, SIDE)}:
        smallest, largest = (" × ".join(map(str, size)) for size in (min(sizes), max(sizes)))
        were = smallest if len(sizes) == 1 else f"{smallest} to {largest}"
        notes.append(f"brought to 28 × 28 from {were} pixels (width × height)")
    if "x_all" in arrays:
        images, labels = arrays["x_all"], arrays["y_all"]
        order = rng.permutation(len(labels))
        place = np.empty(len(labels))  # of each image among those of its class, from 0 to 1
        for label in np.unique(labels):
            own = order[labels[order] == label]
            place[own] = (np.arange(len(own)) + 0.5) / len(own)
        test, train = (order[side] for side in (place[order] < _TEST_SHARE, place[order] >= _TEST_SHARE))
        arrays = {"x_train": images[train], "y_train": labels[train]}
        arrays |= {"x_test": images[test], "y_test": labels[test]}
        notes.append(f"one fifth of each class, drawn with seed {_SEED}, is the test part")
    else:
        notes.append("training and test part as they are in the folder")
        for half in ("train", "test"):
            order = rng.permutation(len(arrays[f"y_{half}"]))
            arrays |= {f"{kind}_{half}": arrays[f"{kind}_{half}"][order] for kind in "xy"}
    bright = _bright_share(arrays["x_train"])
    if bright > 0.5:
        notes.append(
            f"the border of {bright:.0%} is bright, where MNIST's is dark: invert the pictures (255 − grey) "
            "if they are drawings on white paper"
        )
    return arrays | {_NOTES: np.frombuffer("; ".join(notes).encode(), np.uint8)}


def _bright_share(images: np.ndarray) -> float:
    """Return the share of images whose border is bright."""
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    return float((np.median(border, axis=1) > 127).mean())


def _dataset(folder: Path, entry: cache.CacheEntry, classes: tuple[str, ...]) -> Dataset:
    notes = bytes(entry.arrays[_NOTES]).decode()
    return Dataset(
        name=_name(folder),
        x_train=entry.arrays["x_train"],
        y_train=entry.arrays["y_train"],
        x_test=entry.arrays["x_test"],
        y_test=entry.arrays["y_test"],
        class_names=classes,
        source=f"{printable(folder)}: {notes}",
        sha256=entry.sha256,
        is_standin=False,
    )
