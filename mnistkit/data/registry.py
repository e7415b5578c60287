"""Every data set that there is, and the facts about each: names, classes, official files, where they are.

A data set is a `DatasetSpec` in a module of its own in `mnistkit.data.sets`. Such a module is all that it
takes: `load`, `export`, `verify`, downloads and lists know every data set from here.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mnistkit.errors import DataError, suggestion

if TYPE_CHECKING:
    from mnistkit.data.dataset import Dataset

FourArrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""x_train, y_train, x_test and y_test."""

PARTS = ("x_train", "y_train", "x_test", "y_test")
"""The four arrays of a data set, in the order of `Dataset`'s hash."""

MAX_CLASSES = 62
"""As many as digits, capital and small letters together: more has no data set here, nor may one's own."""

STANDIN_NOTE = "STAND-IN.txt"
"""File beside exported stand-ins, which look like the real files: it says that they are not."""

IDX_STEM = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""What nearly all data sets of MNIST's kind call each part's file, without ``.gz``."""


@dataclass(frozen=True)
class OfficialPart:
    """One official file.

    Attributes
    ----------
    gz_sha256 : str
        SHA-256 of the ``.gz`` file as published.
    gz_bytes : int
        Size of that file.
    content_sha256 : str, optional
        SHA-256 of the array's bytes, without the IDX header: the same whatever the format. None where nobody
        has published it: then only the ``.gz`` file is known again.
    """

    gz_sha256: str
    gz_bytes: int
    content_sha256: str | None = None


@dataclass(frozen=True)
class OfficialArchive:
    """A zip archive that holds the official files beside others.

    Attributes
    ----------
    file : str
        Its name.
    mirrors : tuple of str
        Folders that serve it; each is tried in this order.
    sha256 : str
        SHA-256 of the archive as published.
    folder : str
        The folder in it that holds the ``.gz`` files, with a ``/`` at its end.
    """

    file: str
    mirrors: tuple[str, ...]
    sha256: str
    folder: str


@dataclass(frozen=True)
class Published:
    """A data set that has official files.

    Attributes
    ----------
    files : dict of str to OfficialPart
        The official file of each part.
    mirrors : tuple of str
        Folders that serve the ``.gz`` files; each is tried in this order.
    standin : callable, optional
        Makes the four arrays that stand in for the data set where it can't be had. It imports what it needs
        when it is called, as who has the real data never needs it. None: nothing stands in for it.
    standin_source : str
        What a stand-in's `Dataset.source` says.
    idx_stem : dict of str to str
        Name of each part's file, without ``.gz``.
    archive : OfficialArchive, optional
        Where no mirror has a file, the archive that has them all.
    transposed : bool
        Whether rows and columns are exchanged in its files.
    first_label : int
        The label of the first class in its files.
    """

    files: Mapping[str, OfficialPart]
    mirrors: tuple[str, ...]
    standin: Callable[[], FourArrays] | None = None
    standin_source: str = ""
    idx_stem: Mapping[str, str] = field(default_factory=lambda: IDX_STEM)
    archive: OfficialArchive | None = None
    transposed: bool = False
    first_label: int = 0

    @property
    def is_known_by_content(self) -> bool:
        """Whether the official content is known again in any format."""
        return all(official.content_sha256 for official in self.files.values())

    def in_files(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return a data set's arrays as its files have them."""
        return {part: self._converted(array, self.first_label) for part, array in arrays.items()}

    def from_files(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return what its files hold as images that stand upright, with labels from 0."""
        return {part: self._converted(array, -self.first_label) for part, array in arrays.items()}

    def _converted(self, array: np.ndarray, shift: int) -> np.ndarray:
        if array.ndim == 1:
            return (array.astype(np.int16) + shift).astype(np.uint8) if shift else array
        return np.ascontiguousarray(array.swapaxes(1, 2)) if self.transposed else array


@dataclass(frozen=True)
class Derived:
    """A data set that is made from another one, where it has no files of its own.

    Attributes
    ----------
    base : str
        The name of the other one.
    make : callable
        Makes it from the other one.
    """

    base: str
    make: Callable[[Dataset], Dataset]


@dataclass(frozen=True)
class DatasetSpec:
    """What there is to know about one data set of grey images of 28 × 28 pixels.

    Attributes
    ----------
    name : str
        What `load` takes.
    summary : str
        What it is, in a line.
    licence : str
        Under which its images may be used.
    origin : Published or Derived
        Its official files, or what it is made from.
    class_names : tuple of str, or callable
        The classes' names, or what gives them for a number of classes where that is not fixed.
    spelling : str
        Regular expression of the ways in which its name is written, in small letters.
    full_name : str
        What texts call it: ``Fashion-MNIST``; the name if empty.
    item : str
        What one of its images shows: ``digit``.
    title : str
        Regular expression of what says in a file's or folder's name, in small letters, that it is this one;
        the spelling if empty.
    rank : int
        Its place in lists. In a name that more than one title fits, the last in the list is meant.
    has_test_labels : bool
        Whether its test part is labelled.
    can_be_unnamed : bool
        Whether files on which no name says anything are this one where somebody says so.
    typical : callable, optional
        From the format of files, what names say that they are and the parts that are missing: whether they
        can only be this one.
    """

    name: str
    summary: str
    licence: str
    origin: Published | Derived
    class_names: tuple[str, ...] | Callable[[int], tuple[str, ...]]
    spelling: str
    full_name: str = ""
    item: str = "image"
    title: str = ""
    rank: int = 100
    has_test_labels: bool = True
    can_be_unnamed: bool = True
    typical: Callable[[str, str | None, Sequence[str]], bool] = lambda fmt, said, missing: False

    @property
    def is_derived(self) -> bool:
        """Whether it is made from another data set."""
        return isinstance(self.origin, Derived)

    @property
    def base(self) -> DatasetSpec:
        """The data set with official files that this one is, or is made from."""
        return dataset_spec(self.origin.base).base if isinstance(self.origin, Derived) else self

    @property
    def published(self) -> Published:
        """The official files of this one, or of what it is made from."""
        origin = self.origin
        return dataset_spec(origin.base).published if isinstance(origin, Derived) else origin

    def from_base(self, base: Dataset) -> Dataset:
        """Return this data set, made from `base` or `base` itself."""
        if isinstance(self.origin, Published):
            return base
        return self.origin.make(dataset_spec(self.origin.base).from_base(base))

    @property
    def labels_in_files(self) -> range:
        """The labels that its files can have."""
        count = len(self.class_names) if not callable(self.class_names) else len(self.base.labels_in_files)
        first = self.published.first_label
        return range(first, first + count)

    def classes(self, count: int) -> tuple[str, ...]:
        """Return the names of the classes, of which the data have `count`."""
        return self.class_names(count) if callable(self.class_names) else self.class_names

    def is_complete(self, missing: Sequence[str]) -> bool:
        """Whether all is there that it needs, where these parts are missing."""
        return not missing or (not self.has_test_labels and list(missing) == ["y_test"])

    def is_meant_by(self, name: str) -> bool:
        """Whether the name of a file or folder, in small letters, says that it is this one."""
        return re.search(self.title or self.spelling, name) is not None


@functools.cache
def datasets() -> dict[str, DatasetSpec]:
    """Return every data set by its name, in the order of lists.

    Raises
    ------
    ValueError
        If two modules define data sets of the same name.
    """
    from mnistkit.data import sets

    found: dict[str, DatasetSpec] = {}
    for module in pkgutil.iter_modules(sets.__path__, f"{sets.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, DatasetSpec) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"{module.name}: the data set {value.name!r} is there already")
    return {spec.name: spec for spec in sorted(found.values(), key=lambda spec: (spec.rank, spec.name))}


def names() -> tuple[str, ...]:
    """Return every name that `load` takes."""
    return tuple(datasets())


def dataset_spec(name: str) -> DatasetSpec:
    """Return what there is to know about a data set."""
    return datasets()[name]


def published_names() -> tuple[str, ...]:
    """Return the names of the data sets with official files."""
    return tuple(name for name, spec in datasets().items() if not spec.is_derived)


def any_spelling() -> str:
    """Return a regular expression of the ways in which any data set's name is written, in small letters."""
    return "|".join(spec.spelling for spec in datasets().values())


def share_base(name: str | None, other: str) -> bool:
    """Whether a name is a data set's that is, or is made from, the same official files as another one."""
    return name in datasets() and dataset_spec(name).base is dataset_spec(other).base


_KIND = r"(?P<x>x|images?|imgs?|pixels|data)|(?P<y>y|labels?|targets?)"
_HALF = r"(?P<train>train(?:ing)?)|(?P<test>test(?:ing)?|t10k)"
_KIND_WORD = re.compile(_KIND)
_PART_WORDS = tuple(
    re.compile(words) for words in (rf"(?:{_KIND})[-_. ]?(?:{_HALF})", rf"(?:{_HALF})[-_. ]?(?:{_KIND})")
)


def part_named(word: str, half: str | None = None) -> str | None:
    """Return the part that people mean by a name such as ``X_train``, ``train_images`` or ``testY``.

    Parameters
    ----------
    word : str
        The name of an array, or of a file without its ending.
    half : {"train", "test"}, optional
        Where only one half can be meant: then ``x``, ``labels`` and the like are names too.

    Returns
    -------
    str or None
        One of `PARTS`; None where the name says nothing.
    """
    word = word.lower()
    for pattern in _PART_WORDS:
        if match := pattern.fullmatch(word):
            named = "train" if match["train"] else "test"
            return f"{'x' if match['x'] else 'y'}_{named}" if half in (None, named) else None
    if half and (match := _KIND_WORD.fullmatch(word)):
        return f"{'x' if match['x'] else 'y'}_{half}"
    return None


def owners(part_sha256: str) -> list[tuple[str, str]]:
    """Return each data set and part whose official content has this hash; none if it is not official.

    QMNIST's training labels are MNIST's: a content can have two owners.
    """
    return _owners().get(part_sha256, [])


def _owners() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name in published_names():
        for part, official in dataset_spec(name).published.files.items():
            if official.content_sha256:
                found.setdefault(official.content_sha256, []).append((name, part))
    return found


def file_owner(gz_sha256: str) -> tuple[str, str] | None:
    """Return the data set and part whose official ``.gz`` file has this hash, or None."""
    files = (
        (name, part, official.gz_sha256)
        for name in published_names()
        for part, official in dataset_spec(name).published.files.items()
    )
    return next(((name, part) for name, part, known in files if known == gz_sha256), None)


def check_dataset_name(name: str) -> None:
    """Raise `DataError`, with the nearest name, unless `name` is one that `load` takes."""
    if name not in names():
        raise DataError(
            "data set",
            found=f"the name {name!r}",
            expected=f"one of {', '.join(names())}",
            todo=suggestion(name, names()) or "choose one of these names",
        )
