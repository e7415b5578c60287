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
from mnistkit.data.dataset_titles import is_exactly
from mnistkit.data.discovery import Candidate
from mnistkit.data.formats import readers
from mnistkit.data.formats.npz import has_both_halves
from mnistkit.data.formats.pictures import ENDINGS, fitted, read_grey_image
from mnistkit.data.registry import MAX_CLASSES, dataset_spec, names
from mnistkit.errors import DataError, printable
from mnistkit.files import reading

_WORD = re.compile(r"(train|test)(ing)?", re.IGNORECASE)
_HALF = re.compile(r"(.*[-_. ])?(?P<half>train|test)(ing)?([-_. ]?(set|data|images?))?", re.IGNORECASE)
_UNREAD = (  # pictures, and archives that may hold some
    *(".heic", ".heif", ".avif", ".svg", ".jxl", ".jp2", ".psd", ".dng", ".pdf"),
    *(".zip", ".7z", ".rar", ".tar", ".tgz", ".gz"),
)
_SHOWN = 3  # names in a list
_LOW_RANGE = 64  # of grey values: fainter than MNIST's images by so much that it is said
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
        Names of folders that are neither, and of files that may be meant and are not read.
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
        If there are no images in it, or more than one data set, fewer than 2 or more than 62 classes, too few
        images of a class, or something that can't be read.
    """
    folder = folder.resolve()
    archives = [path for path in sorted(folder.glob("*.npz")) if path.is_file()]  # of any name
    found = discovery.candidates(folder)
    found = found or [discovery.candidate_of_file(path) for path in archives if has_both_halves(path)]
    whole = [candidate for candidate in found if is_whole(candidate)]
    _check_one(folder, whole)
    if not whole and (pictures := _find_pictures(folder)):
        return _load_pictures(folder, pictures)
    found = whole or found or [discovery.candidate_of_file(path) for path in archives]
    if not found:
        raise _too_deep(folder) or not_found.nothing_found(folder, ["your own images"])
    return _known_name(folder, found[0]) or _load_tables(folder, found[0])


def _check_one(folder: Path, whole: Sequence[Candidate]) -> None:
    """Refuse a folder with several data sets: whichever was taken might not be the one that is meant."""
    there = [", ".join(str(path.relative_to(folder)) for path in each.paths) for each in whole]
    classes = folders_of_pictures(folder) if there else []
    if len(classes) > 1:  # one folder of pictures beside tables is no data set
        there.append(f"pictures in {_some([str(path.relative_to(folder)) for path in classes])}")
    if len(there) > 1:
        raise DataError(
            folder,
            found=f"{len(there)} data sets: {printable('; '.join(there))}",
            expected="one data set",
            todo="move each into a folder of its own, and give the one that is meant",
        )


def _known_name(folder: Path, candidate: Candidate) -> str | None:
    """Name one of the known data sets where the files are that one, and not only remind of it.

    A word such as digits or fashion in a name is no more than a word here: the folder was given as one's own.
    """
    if candidate.known:
        return candidate.known
    is_name = is_exactly(candidate.said, candidate.said_by) and candidate.said_by not in _names_above(folder)
    return candidate.identity if is_name and candidate.identity in names() else None


def _names_above(folder: Path) -> set[str]:
    return {parent.name for parent in folder.parents}


def _name(folder: Path) -> str:
    """Name a data set as its folder, but never as one of those that everybody knows."""
    return f"own-{folder.name}" if folder.name in names() else printable(folder.name)


def _find_pictures(folder: Path) -> _Pictures | None:
    """List the pictures by class; None where there are none in subfolders."""
    subfolders = _subfolders(folder)
    whole = _halves(subfolders) or {"all": folder}
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
            if not one and _pictures_in(whole[half]):
                raise readers.unlabelled_test_part(whole[half])
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
    return _Pictures(tuple(map(printable, classes)), listed, tuple(_unused(folder, whole, classes)))


def _halves(subfolders: Sequence[Path]) -> dict[str, Path]:
    """Return the folders of the training and of the test part; nothing where these are not kept apart."""
    found: dict[str, list[Path]] = {"train": [], "test": []}
    for sub in subfolders:
        if match := _HALF.fullmatch(sub.name):
            found[match["half"].lower()].append(sub)
    exact = {half: [sub for sub in of if _WORD.fullmatch(sub.name)] or of for half, of in found.items()}
    if not all(len(of) == 1 for of in exact.values()):
        return {}
    parts = {half: of[0] for half, of in exact.items()}
    by_name = all(_WORD.fullmatch(part.name) for part in parts.values())
    # Without classes in them, bullet train and crash test are classes themselves.
    return parts if by_name or _subfolders(parts["train"]) else {}


def _too_deep(folder: Path) -> DataError | None:
    """Return the error about folders of pictures that are below others, which are no classes."""
    if not (deep := folders_of_pictures(folder)):
        return None
    return DataError(
        folder,
        found=f"pictures in {_some([str(path.relative_to(folder)) for path in deep])}, which are no classes",
        expected="a subfolder for each class, or two subfolders, train and test, with those in them",
        todo=f"give one of them, such as {printable(deep[0].parent)}; or rename two of them: train and test",
    )


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _pictures_in(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.suffix.lower() in ENDINGS and not path.is_dir()]


def folders_of_pictures(folder: Path) -> list[Path]:
    """List the subfolders, and theirs, that have pictures in them: classes, where it is a data set."""
    places = [folder, *_subfolders(folder)]
    return [sub for place in places for sub in _subfolders(place) if _pictures_in(sub)]


def _unused(folder: Path, parts: Mapping[str, Path], classes: Sequence[str]) -> list[str]:
    """Name what beside and between the pictures of the classes may be meant as some, and is not read."""
    folders = [] if "all" in parts else [sub for sub in _subfolders(folder) if sub not in parts.values()]
    files = [path for place in {folder, *parts.values()} for path in _unread(place) + _pictures_in(place)]
    files += [path for place in parts.values() for name in classes for path in _unread(place / name)]
    return [str(path.relative_to(folder)) for path in folders + sorted(files)]


def _unread(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.suffix.lower() in _UNREAD and not path.is_dir()]


def _some(names: Sequence[str]) -> str:
    """List a few names, and how many more there are."""
    more = len(names) - _SHOWN
    return printable(", ".join(names[:_SHOWN])) + (f" and {more:,} more" if more > 0 else "")


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
            else f"no pictures but {_some([path.name for path in unread])}, which can't be read"
            if (unread := _unread(folder))
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
    key = [cache.files_key(paths), list(pictures.halves), list(pictures.classes), list(pictures.unused)]
    entry = cache.get_or_make("own-pictures", key, lambda: _read_pictures(folder, pictures))
    return _dataset(folder, entry, pictures.classes)


def _read_pictures(folder: Path, pictures: _Pictures) -> cache.Arrays:
    arrays: cache.Arrays = {}
    sizes: set[tuple[int, int]] = set()
    for half, listed in pictures.halves.items():
        images = np.empty((len(listed), SIDE, SIDE), np.uint8)
        for image, (path, _) in zip(images, listed, strict=True):
            image[:], size = read_grey_image(path)
            sizes.add(size)
        arrays |= {f"x_{half}": images, f"y_{half}": np.array([label for _, label in listed], np.uint8)}
    unused = [f"not used: {_some(pictures.unused)}"] if pictures.unused else []
    return _finished(folder, arrays, sizes, unused)


def is_whole(candidate: Candidate) -> bool:
    """Whether files are enough for a data set of one's own, which may lack the test part."""
    return candidate.missing in ([], ["x_test", "y_test"])


def _load_tables(folder: Path, candidate: Candidate) -> Dataset:
    if not is_whole(candidate) and candidate.missing != ["y_test"]:  # which has an error of its own
        not_found.check_complete(None, candidate)
    turned, notes = _orientation(folder, candidate)
    key = [*cache.files_key(candidate.paths), notes]
    entry = cache.get_or_make(f"own-{candidate.fmt}", key, lambda: _read_tables(candidate, turned, notes))
    labels = bytes(entry.arrays["labels"])
    return _dataset(folder, entry, tuple(str(label) for label in labels))


def _orientation(folder: Path, candidate: Candidate) -> tuple[bool, list[str]]:
    """Say whether rows and columns are to be exchanged, as EMNIST's files have them, and a note about it."""
    said, by = candidate.said, candidate.said_by
    if said != "EMNIST" and not (said in names() and dataset_spec(said).published.transposed):
        return False, []
    if by in _names_above(folder):
        return False, [f"taken as upright, although {by!r} is above it: EMNIST's files lie on their side"]
    return True, [f"rows and columns exchanged, as {by!r} says that it is EMNIST"]


def _read_tables(candidate: Candidate, turned: bool, notes: list[str]) -> cache.Arrays:
    arrays = readers.read_own(candidate)  # of any size, with any labels
    if turned:
        images = {part: array.swapaxes(1, 2) for part, array in arrays.items() if part.startswith("x")}
        arrays |= {part: np.ascontiguousarray(array) for part, array in images.items()}
    two_levels = (np.isin(array, (0, 255)).all() for part, array in arrays.items() if part.startswith("x"))
    notes = [*notes, "black and white"] if all(two_levels) else [*notes]
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
    return _finished(candidate.folder, arrays, sizes, notes) | {"labels": labels.astype(np.uint8)}


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
            todo="add a folder for another class, with its pictures (a list of labels is not read)"
            if len(classes) < 2
            else "join classes, or leave some out",
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


def _finished(
    where: Path, arrays: cache.Arrays, sizes: set[tuple[int, int]], notes: list[str]
) -> cache.Arrays:
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
    notes += _faintness(where, arrays["x_train"])
    bright = _bright_share(arrays["x_train"])
    if bright > 0.5:
        notes.append(
            f"the border of {bright:.0%} is bright, where MNIST's is dark: invert the pictures (255 − grey) "
            "if they are drawings on white paper"
        )
    return arrays | {_NOTES: np.frombuffer("; ".join(notes).encode(), np.uint8)}


def _faintness(where: Path, images: np.ndarray) -> list[str]:
    """Note images in which little is to be seen; refuse those in which nothing is."""
    low, high = int(images.min()), int(images.max())
    if high - low <= 1:
        raise DataError(
            where,
            found=f"nothing on the images: all grey values are {low}" + (f" or {high}" if high > low else ""),
            expected="grey values from 0 (black) to 255 (white)",
            todo="save them with the whole range: what is transparent becomes white, so white on it is lost, "
            "and of 16 bits 65,535 is white",
        )
    faint = f"faint: grey values only from {low} to {high}, where MNIST's go from 0 to 255"
    return [faint] if high - low < _LOW_RANGE else []


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
