"""Which data sets are in a folder: from file names and first lines, without reading the images."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mnistkit.data.dataset import DataError, part_sha256
from mnistkit.data.dialect import table_kinds
from mnistkit.data.files import reading
from mnistkit.data.idx import read_idx
from mnistkit.data.registry import FASHION, MNIST, PARTS, RECOGNIZER, STANDIN_NOTE, TWIST, owner

MAX_DEPTH = 3  # as deep as Kaggle's, torchvision's and a course's folders nest
MAX_FOLDERS = 200  # a home or source tree given by mistake is not searched to its end

_IDX = re.compile(r"(.*?)(train|t10k|test)[-_.](images|labels)[-_.]idx[13][-_.]ubyte(\.gz)?")
_QUARTET = re.compile(r"([xy]_(?:train|test))\.csv(\.gz)?")
_TABLE = re.compile(r"(.*?)(train|test)\.csv(\.gz)?")
_NPZ = re.compile(r".*(mnist|twist|digit).*\.npz")

_SAYS = (
    (RECOGNIZER, re.compile(r"digit[-_ ]?recogni[sz]er")),
    (TWIST, re.compile(r"twist")),
    (FASHION, re.compile(r"fashion")),
    (MNIST, re.compile(r"(?<![a-z])mnist|digits?\b")),
    ("another data set", re.compile(r"[a-z]mnist")),  # EMNIST, KMNIST, … use MNIST's file names
)


@dataclass(frozen=True)
class Candidate:
    """Files that belong together and hold one data set.

    Attributes
    ----------
    fmt : str
        ``idx``, ``npz``, ``quartet`` (one CSV file a part) or ``table`` (label and pixels in one CSV file).
    files : dict of str to pathlib.Path
        The file that holds each part; parts may share a file, and parts that are not there are absent.
    said : str or None
        The data set that the nearest telling file or folder name says this is.
    """

    fmt: str
    files: dict[str, Path]
    said: str | None

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return next(iter(self.files.values())).parent

    @property
    def is_standin(self) -> bool:
        """Whether a note beside the files says that they are exported stand-ins."""
        return (self.folder / STANDIN_NOTE).is_file()

    @property
    def missing(self) -> list[str]:
        """Parts for which there is no file."""
        return [part for part in PARTS if part not in self.files]

    @property
    def paths(self) -> list[Path]:
        """The files, each once."""
        return list(dict.fromkeys(self.files.values()))

    @property
    def file_names(self) -> str:
        """The files' names, for messages."""
        return ", ".join(path.name for path in self.paths)

    @cached_property
    def known(self) -> str | None:
        """The data set that the content is known to be, seen from the test labels (10,000 bytes) in IDX."""
        path = self.files.get("y_test")
        if self.fmt != "idx" or path is None:
            return None
        try:
            official = owner(part_sha256(read_idx(path)))
        except DataError:  # a broken file is reported when it is loaded
            return None
        return official[0] if official else None

    @property
    def identity(self) -> str | None:
        """The data set that this is: by known content, then by name, then by its kind of files."""
        unlabelled = self.missing == ["y_test"]
        if self.known:
            return self.known
        if self.fmt == "table" and unlabelled and self.said in (None, MNIST):
            return RECOGNIZER
        if self.fmt == "quartet" and self.said is None:
            return TWIST
        return self.said

    def complete_for(self, name: str | None) -> bool:
        """Whether every part is there that the data set needs."""
        return not self.missing or (name == RECOGNIZER and self.missing == ["y_test"])


def check_complete(name: str | None, candidate: Candidate) -> None:
    """Raise `DataError`, naming what is missing, unless the data set can be read from these files."""
    if not candidate.complete_for(name):
        raise DataError(
            str(candidate.folder),
            found=f"{candidate.file_names}, but no file with {', '.join(candidate.missing)}",
            expected=f"all parts of {name or 'the data set'} in one folder",
            todo="copy the missing files there, or remove the incomplete ones",
        )


def candidates(folder: Path, *, by_own_name: bool = True) -> list[Candidate]:
    """List the data sets in a folder and its subfolders (three levels down), nearest first.

    Parameters
    ----------
    folder : pathlib.Path
        Where to look.
    by_own_name : bool
        Whether the folder's own name may say what is in it, as those of files and subfolders do.

    Returns
    -------
    list of Candidate
        Complete or not; nothing is said yet about whether the files are sound.

    Raises
    ------
    DataError
        If the folder can't be listed.
    """
    folder = folder.absolute()  # "." has no name to tell by; not resolve(): a symbolic link may have one
    below = folder.parent if by_own_name else folder
    found: list[Candidate] = []
    queue, seen = [(folder, 0)], 0
    while queue and seen < MAX_FOLDERS:
        here, depth = queue.pop(0)
        seen += 1
        try:
            files, folders = _listing(here)
        except DataError:
            if here == folder or _said(here, here.parent):
                raise
            continue  # a locked subfolder such as lost+found, on which nothing says that it has data
        found += _group(files, below)
        if depth < MAX_DEPTH:
            queue += [(sub, depth + 1) for sub in folders]
    return found


def candidate_of_file(path: Path) -> Candidate:
    """Return the data set that one named file belongs to: an .npz archive, or a file among its siblings.

    Raises
    ------
    DataError
        If the file is of no known kind.
    """
    path = path.absolute()
    if path.suffix == ".npz" and path.is_file():  # not a pipe, which would be waited for
        return Candidate("npz", dict.fromkeys(PARTS, path), _said(path, path.parent))
    for candidate in _group(_listing(path.parent)[0], path.parent):
        if path in candidate.paths:
            return candidate
    raise DataError(
        str(path),
        found="a file of no known kind",
        expected="an IDX, CSV or .npz file with one of the usual names, or a folder of them",
        todo="see `mnistkit data export --help` for the names, or give the folder",
    )


def _listing(folder: Path) -> tuple[list[Path], list[Path]]:
    """List the files and subfolders of a folder, sorted (telling names first), without hidden ones."""
    files, folders = [], []
    with reading(folder), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "__")):
                continue
            if entry.is_dir(follow_symlinks=True):
                nested = folder / entry.name / entry.name  # as some tools unpack a single file
                if nested.is_file():
                    files.append(nested)
                else:
                    folders.append(nested.parent)
            elif entry.is_file(follow_symlinks=True):
                files.append(folder / entry.name)
    return sorted(files), sorted(folders, key=lambda sub: (_said(sub, folder) is None, sub))


def _group(files: Iterable[Path], below: Path) -> list[Candidate]:
    """Put the files of one folder together: one candidate for each format and name prefix."""
    groups: dict[tuple[str, str], dict[str, Path]] = {}
    for path in files:
        for fmt, prefix, parts in _roles(path):
            for part in parts:
                groups.setdefault((fmt, prefix), {}).setdefault(part, path)
    return [
        Candidate(fmt, dict(sorted(parts.items(), key=_part_order)), _said(next(iter(parts.values())), below))
        for (fmt, _), parts in sorted(groups.items())
    ]


def _part_order(item: tuple[str, Path]) -> int:
    return PARTS.index(item[0])


def _roles(path: Path) -> Iterable[tuple[str, str, list[str]]]:
    """Yield format, prefix and parts for which a file may be meant."""
    name = path.name.lower()
    if match := _IDX.fullmatch(name):
        half = "train" if match[2] == "train" else "test"
        yield "idx", match[1], [("x_" if match[3] == "images" else "y_") + half]
    elif match := _QUARTET.fullmatch(name):
        yield "quartet", "", [match[1]]
    elif (match := _TABLE.fullmatch(name)) and (kinds := _table_parts(path)):
        yield "table", match[1], [f"{kind}_{match[2]}" for kind in kinds]
    elif _NPZ.fullmatch(name):
        yield "npz", name, list(PARTS)


def _table_parts(path: Path) -> str:
    """Say whether a CSV file has images ("x"), images and labels ("xy"), or is about something else ("")."""
    kinds = table_kinds(path)
    return "xy" if kinds is None else kinds  # what is broken is reported when it is loaded


def _said(path: Path, below: Path) -> str | None:
    """Read the data set off the file's name, or else off the nearest folder's that is inside `below`."""
    for name in reversed(path.relative_to(below).parts):
        for said, pattern in _SAYS:
            if pattern.search(name.lower()):
                return said
    return None
