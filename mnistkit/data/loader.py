"""`load`: find a data set, read it once, and give it from the cache ever after."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sys
import textwrap
from contextlib import nullcontext
from pathlib import Path

from mnistkit.data import cache, discovery, download, not_found, own_images, sets
from mnistkit.data.dataset import Dataset
from mnistkit.data.discovery import Candidate
from mnistkit.data.formats import readers
from mnistkit.data.registry import (
    PARTS,
    dataset_spec,
    names,
    published_names,
    share_base,
)
from mnistkit.errors import DataError, printable, suggestion
from mnistkit.files import expanded, reading
from mnistkit.utils.arguments import checked

KEYWORDS = ("auto", "bundled", "download")
"""The sources that are not paths."""

_KERNEL_FOLDERS = ("notebooks", "work")  # where JupyterLab's kernels start: a teacher's and a student's
_PLACES = "./data, the folder data beside the environment, or the cache"

_logger = logging.getLogger(__name__)


@checked()
def load(name: str, source: str | os.PathLike[str] = "auto", *, verify: bool = False) -> Dataset:
    """Load a data set (every lesson).

    Parameters
    ----------
    name : str
        ``mnist``, ``fashion-mnist``, ``kmnist``, …: see ``mnistkit data list``. ``twist`` and
        ``digit-recognizer`` are read from files of their own where there are any, and otherwise made from
        Fashion-MNIST and MNIST. Or a folder with images of your own: see `mnistkit.data.own_images`.
    source : str or path
        ``auto``: the folders in ``MNISTKIT_DATA``, ``./data`` (``../data`` in ``notebooks/`` and ``work/``),
        the folder ``data`` beside the virtual environment, the cache, a download, and last a stand-in, which
        is announced on stderr. ``bundled``: the stand-in. ``download``: the official files. Anything else: a
        folder with the files (searched three levels deep), or one of them.
    verify : bool
        Read what the cache holds through and compare it with its hash, as a run or a grading does when it
        begins: a damaged entry is made anew. Without it only another file in the source's place is noticed.

    Returns
    -------
    Dataset
        Read-only arrays, mapped into memory from the cache.

    Raises
    ------
    DataError
        If the name or the source is unknown, a folder that was asked for is missing or does not have the
        data set, a file is broken, or the cache can't be written. Only ``auto`` goes on to the next source,
        and only where the data set is absent, never where it is broken. Most data sets, and a folder of your
        own, have no stand-in: where they can't be had, nothing else is given in their place.

    Examples
    --------
    >>> load("mnist", "bundled")  # doctest: +ELLIPSIS
    Dataset('mnist', STAND-IN, 1,500 train + 297 test images, 10 classes, source=...)
    """
    check_not_empty(source)
    with cache.verifying() if verify else nullcontext():
        return _load(name, source)


def _load(name: str, source: str | os.PathLike[str]) -> Dataset:
    if name not in names():
        folder = own_folder(name, source)
        own = own_images.load_folder(folder)
        return own if isinstance(own, Dataset) else _load_path(own, folder)
    if source == "auto":
        return _load_auto(name)
    if source == "bundled":
        return _standin(name)
    if source == "download":
        if not download.is_downloaded(name):
            download.fetch(name)
        return _downloaded(name)
    return _load_path(name, expanded(source))


def own_folder(name: str, source: str | os.PathLike[str] = "auto") -> Path:
    """Find the folder with images of one's own that a name means.

    Parameters
    ----------
    name : str
        A path. One that is not absolute is looked for in the current folder, in JupyterLab's also in the one
        above, and in the folders with data.
    source : str or path
        ``auto``, or the only folder to look into.

    Returns
    -------
    pathlib.Path
        The folder, absolute.

    Raises
    ------
    DataError
        If there is none, or a stand-in or a download of it is asked for.
    """
    if source in KEYWORDS:
        here = Path.cwd()
        places = [here, here.parent] if here.name in _KERNEL_FOLDERS else [here]
        places += search_folders()
    else:
        places = [expanded(source)]
    folders = [place / expanded(name) for place in places] if name.strip() else []
    if folder := next((each.absolute() for each in folders if each.is_dir()), None):
        if source in ("bundled", "download"):
            raise DataError(
                f"data set {name!r}",
                found=f"the source {source!r}, but no such thing of images of your own",
                expected="the source auto: nothing stands in for them",
                todo="leave the source out (-p data=auto)",
            )
        return folder
    if file := next((each.absolute() for each in folders if each.exists()), None):
        raise DataError(
            f"data set {name!r}",
            found="a file",
            expected=f"one of {', '.join(names())}, or a folder with images of your own",
            todo=f"give its folder: {file.parent}",
        )
    raise DataError(
        f"data set {name!r}",
        found="no data set and no folder of this name",
        expected=f"one of {', '.join(names())}, or a folder with images of your own",
        todo=suggestion(name, names())
        or f"check the path (looked for in {', '.join(map(str, places))}); grading looks only into "
        "the folder data and those of MNISTKIT_DATA",
    )


def check_not_empty(source: str | os.PathLike[str]) -> None:
    """Raise `DataError` for an empty text: a variable that was not set, not the current folder."""
    if not str(source).strip():
        raise DataError(
            f"source {str(source)!r}",
            found="an empty text",
            expected=f"{', '.join(KEYWORDS)}, or an existing path",
            todo="give a folder ('.' is the current one), or leave it out",
        )


def search_folders() -> list[Path]:
    """List the folders that ``auto`` looks into before the cache, in order.

    The last one is ``data`` beside the virtual environment, a clone's or a bundle's own: it is found from
    wherever a notebook lies. No such folder is looked for beside a system's Python.

    Raises
    ------
    DataError
        If ``MNISTKIT_DATA`` names a folder that does not exist: whoever set it wants that data.
    """
    places = ["data", "../data"] if Path.cwd().name in _KERNEL_FOLDERS else ["data"]
    folders = named_folders() + [Path(place) for place in places if Path(place).is_dir()][:1]
    beside = Path(sys.prefix).parent / "data"
    is_new = beside.is_dir() and beside.resolve() not in map(Path.resolve, folders)
    return [*folders, beside] if is_new and sys.prefix != sys.base_prefix else folders


def named_folders() -> list[Path]:
    """List the folders in ``MNISTKIT_DATA``.

    Raises
    ------
    DataError
        If one of them does not exist.
    """
    entries = os.environ.get("MNISTKIT_DATA", "").split(os.pathsep)
    named = [expanded(entry) for entry in entries if entry]
    for folder in named:
        if not folder.is_dir():
            raise DataError(
                f"MNISTKIT_DATA={os.environ['MNISTKIT_DATA']}",
                found=f"{folder} is not a folder",
                expected=f"existing folders, separated by {os.pathsep!r}",
                todo="correct or unset MNISTKIT_DATA",
            )
    return named


def find_in(name: str, folder: Path, found: list[Candidate]) -> Candidate | None:
    """Choose the files in a folder that ``auto`` takes for a data set, without reading the images.

    Parameters
    ----------
    name : str
        The data set.
    folder : pathlib.Path
        The folder, for messages.
    found : list of Candidate
        What `mnistkit.data.discovery.candidates` gives for it: a folder is looked into once for all names.

    Returns
    -------
    Candidate or None

    Raises
    ------
    DataError
        If there are files, but incomplete ones, or another data set's, or a published one's with no way to
        tell which.
    """
    mine = [candidate for candidate in found if candidate.identity == name]
    for candidate in mine:
        if candidate.complete_for(name):
            return candidate
    if mine:
        not_found.check_complete(name, mine[0])
    for candidate in [] if dataset_spec(name).is_derived else found:
        if candidate.said == name and candidate.known:
            raise _not_this(name, folder, [candidate])
        if candidate.identity is None:
            discovery.check_is_data(candidate)
            known = published_names()
            raise DataError(
                str(candidate.folder),
                found=f"{candidate.file_names}: {' and '.join(known)} use the same names",
                expected=f"a file or folder name with {' or '.join(map(repr, known))} in it",
                todo=f"rename the folder, or ask for it: source={str(candidate.folder)!r}",
            )
    return None


def _load_auto(name: str) -> Dataset:
    others: list[str] = []
    spec = dataset_spec(name)
    base = spec.base.name
    look_into = functools.cache(discovery.candidates)
    for folder in search_folders():
        if candidate := find_in(name, folder, look_into(folder)):
            return _read(name, candidate)
        if spec.is_derived and (candidate := find_in(base, folder, look_into(folder))):
            return spec.from_base(_read(base, candidate))
    for folder in named_folders():
        not_found.check_none_broken(name, folder, look_into(folder))
        others += [found.description for found in look_into(folder) if found.is_other]
    if not download.is_downloaded(name):
        failure = _try_download(base)
        if failure:
            if spec.published.standin is None:
                raise _absent(name, failure, "; ".join(others))
            _announce(base, failure, "; ".join(others))
            return _standin(name)
    return _downloaded(name)


@functools.cache
def _try_download(name: str) -> str:
    """Download once a process; return why it failed, or an empty text."""
    try:
        download.fetch(name)
    except DataError as error:
        return textwrap.shorten(f"{error.where}: {error.found}", 200)
    return ""


@functools.cache
def _announce(name: str, failure: str, others: str) -> None:
    """Say on stderr, once a process, that a stand-in is used (logging prints warnings there by default)."""
    _logger.warning(
        "mnistkit: using a %s. Not found: %s in MNISTKIT_DATA%s, %s (%s). "
        "For the real data: `mnistkit data fetch %s`, or set MNISTKIT_DATA to a folder that has it.",
        dataset_spec(name).published.standin_source,
        name,
        f" (there: {textwrap.shorten(others, 300)})" if others else "",
        _PLACES,
        failure,
        name,
    )


def _absent(name: str, failure: str, others: str) -> DataError:
    there = f" (there: {textwrap.shorten(others, 300)})" if others else ""
    return DataError(
        f"data set {name!r}",
        found=f"not in MNISTKIT_DATA{there}, {_PLACES}, and no download ({failure})",
        expected=f"the files of {name}: no other data set stands in for it",
        todo=f"mnistkit data fetch {name} where there is a network, or put the files into a folder and set "
        "MNISTKIT_DATA to it",
    )


def _load_path(name: str, path: Path) -> Dataset:
    """Load from exactly this folder or file, taking the user's word for what is not named."""
    with reading(path):  # even to ask can fail: a name too long, a folder above locked
        exists = path.exists()
    if not exists:
        raise DataError(
            f"source {str(path)!r}",
            found="no such file or folder",
            expected=f"{', '.join(KEYWORDS)}, or an existing path",
            todo=suggestion(str(path), KEYWORDS) or "check the path (it starts from the current folder)",
        )
    is_folder = path.is_dir()
    found = (
        discovery.candidates(path, by_own_name=False) if is_folder else [discovery.candidate_of_file(path)]
    )
    candidate = _choose(name, found)
    if candidate:
        return _read(name, candidate)
    spec = dataset_spec(name)
    if spec.is_derived and (candidate := _choose(spec.base.name, found)):
        return spec.from_base(_read(spec.base.name, candidate))
    raise _not_this(name, path, found)


def _choose(name: str, found: list[Candidate]) -> Candidate | None:
    mine = [candidate for candidate in found if candidate.identity == name]
    spec = dataset_spec(name)
    if not mine and spec.can_be_unnamed:
        unnamed = [candidate for candidate in found if candidate.said is None and not candidate.known]
        mine = [each for each in unnamed if spec.has_test_labels or "y_test" in each.missing]
    for candidate in mine:
        if candidate.complete_for(name):
            return candidate
    if mine:
        not_found.check_complete(name, mine[0])
    return None


def _read(name: str, candidate: Candidate, source: str = "") -> Dataset:
    """Give the data set from the cache, reading the files where it is not there."""
    key = cache.files_key(candidate.paths)
    entry = cache.get_or_make(f"{name}-{candidate.fmt}", key, lambda: readers.read_dataset(name, candidate))
    where = source or printable(candidate.folder.resolve())
    if candidate.is_standin:
        return _dataset(name, entry, f"stand-in: exported into {where}", is_standin=True)
    return _dataset(name, entry, where, is_standin=False)


def _downloaded(name: str) -> Dataset:
    folder, spec = download.downloads_folder(name), dataset_spec(name)
    base = spec.base.name
    files = {part: folder / f"{stem}.gz" for part, stem in spec.published.idx_stem.items()}
    candidate = Candidate("idx", files, base)
    return spec.from_base(_read(base, candidate, f"downloaded official files in {folder}"))


def _standin(name: str) -> Dataset:
    spec = dataset_spec(name)
    base = spec.base.name
    if spec.published.standin is None:
        have_one = ", ".join(other for other in names() if dataset_spec(other).published.standin)
        raise DataError(
            f"data set {name!r}",
            found="no stand-in for it",
            expected=f"one of {have_one}",
            todo="use the source auto, or one of these data sets",
        )
    entry = cache.get_or_make(f"{base}-standin", [_standins_version()], lambda: _make_standin(base))
    return spec.from_base(_dataset(base, entry, spec.published.standin_source, is_standin=True))


def _make_standin(name: str) -> cache.Arrays:
    standin = dataset_spec(name).published.standin
    return dict(zip(PARTS, standin(), strict=True)) if standin else {}


def _standins_version() -> str:
    """Hash the code that draws the stand-ins, so that a change in it reaches everyone's cache."""
    files = (file for folder in sets.__path__ for file in sorted(Path(folder).glob("*.py")))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _dataset(name: str, entry: cache.CacheEntry, source: str, *, is_standin: bool) -> Dataset:
    arrays = entry.arrays
    groups = 1 + max(int(labels.max()) for part, labels in arrays.items() if part.startswith("y"))
    return Dataset(
        name=name,
        x_train=arrays["x_train"],
        y_train=arrays["y_train"],
        x_test=arrays["x_test"],
        y_test=arrays.get("y_test"),
        class_names=dataset_spec(name).classes(groups),
        source=source,
        sha256=entry.sha256,
        is_standin=is_standin,
    )


def _not_this(name: str, path: Path, found: list[Candidate]) -> DataError:
    names = list(dict.fromkeys([name, dataset_spec(name).base.name]))
    if not found:
        return not_found.nothing_found(path, names)
    for candidate in found:
        if candidate.identity is None or share_base(candidate.identity, name):
            discovery.check_is_data(candidate)
    others = any(candidate.is_other for candidate in found)
    return DataError(
        str(path),
        found="; ".join(candidate.description for candidate in found),
        expected=f"files of {', or of '.join(names)}",
        todo=f"get {name} itself, or, if these files are it, move them to a folder whose path names no other"
        if others
        else "check the path and the name of the data set",
    )
