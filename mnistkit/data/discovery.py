"""Which data sets are in a folder: from file names and first lines, without reading the images."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from mnistkit.data.cache import META
from mnistkit.data.dataset import part_sha256
from mnistkit.data.dataset_titles import Title, says_something, title
from mnistkit.data.formats.content_type import ARCHIVE, ARRAY, describe_content
from mnistkit.data.formats.csv_dialect import table_kinds
from mnistkit.data.formats.idx import read_idx
from mnistkit.data.formats.npz import has_both_halves, read_npy
from mnistkit.data.registry import (
    PARTS,
    STANDIN_NOTE,
    any_spelling,
    dataset_spec,
    datasets,
    names,
    owners,
    part_named,
)
from mnistkit.errors import DataError, printable
from mnistkit.files import reading

USUAL_NAMES = (
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte "
    "(or .gz); mnist_train.csv and mnist_test.csv; x_train, y_train, x_test and y_test as .csv or .npy; "
    "or mnist.npz"
)
"""The names of files that would do, for messages."""

MAX_FOLDER_DEPTH = 3  # as deep as Kaggle's, torchvision's and a course's folders nest
MAX_FOLDERS = 200  # a home or source tree given by mistake is not searched to its end

_COPY = re.compile(  # what browsers, desktops and CDs (;1) add to a name, in front of the endings
    r"(;\d| ?\(\d{1,3}\)| - (copy|kopie|copie|copia|cópia)( \(\d+\))?| copy( \d+)?)+(?=(\.[a-z0-9-]+)*$)"
)
_TWICE = re.compile(r"(\.(?:csv|tsv|np[yz]))\1+$")  # Windows hides the ending that people then add again
_SIZE = re.compile(r"(train|test)[-_]\d{1,6}k?(?=\.)")  # mnist_train_100.csv: so many rows of it
_IDX = re.compile(
    r"(.*?)(train|t10k|test)(?:ing)?[-_. ]?(image|img|label)s?"
    r"(?:[-_. ]?idx[123])?(?:[-_. ]?(?:ubyte|int))?(?:\.idx|\.bin)?"
)
_NPZ_HALF = re.compile(r"(.*?)(train|test)(?:ing)?\.npz")
_TABLE = re.compile(
    r"(.*?)(train|test)(?:ing)?(?:[-_. ]?(?:set|data|dataset))?|(train|test)(?:ing)?[-_. ](.*)"
)

_FOR_A_PART = re.compile(r"train|test|t10k|image|label", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """Files that belong together and hold one data set.

    Attributes
    ----------
    fmt : str
        ``idx``, ``npz``, ``npy`` (one array a file), ``quartet`` (one CSV file a part), ``table`` (label and
        pixels in one CSV file a half) or ``whole`` (all rows in one).
    files : dict of str to pathlib.Path
        The file that holds each part; parts may share a file, and parts that are not there are absent.
    said : str or None
        The data set, one of ours or another, that the names of files and folders say this is: see
        `dataset_titles`.
    said_by : str
        The name that says it.
    """

    fmt: str
    files: dict[str, Path]
    said: str | None
    said_by: str = ""

    @property
    def folder(self) -> Path:
        """Where the files are, or the folders that they are in."""
        return Path(os.path.commonpath([path.parent for path in self.files.values()]))

    @property
    def is_standin(self) -> bool:
        """Whether a note beside a file, or beside the folders, says that they are exported stand-ins."""
        folders = {self.folder, *(path.parent for path in self.files.values())}
        return any((folder / STANDIN_NOTE).is_file() for folder in folders)

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
        return printable(", ".join(path.name for path in self.paths))

    @cached_property
    def known(self) -> str | None:
        """The data set that the content is known to be, seen from the test labels in a file of their own."""
        path = self.files.get("y_test")
        if self.fmt not in ("idx", "npy") or path is None:
            return None
        try:
            labels = read_idx(path) if self.fmt == "idx" else read_npy(path, "y_test")
        except DataError:  # a broken file is reported when it is loaded
            return None
        return next((name for name, _ in owners(part_sha256(labels))), None)

    @property
    def identity(self) -> str | None:
        """The data set that this is: by known content, then by name, then by its kind of files."""
        if self.known:
            return self.known
        typical = (spec for spec in datasets().values() if spec.typical(self.fmt, self.said, self.missing))
        return next((spec.name for spec in typical), self.said)

    @property
    def is_other(self) -> bool:
        """Whether it is a data set that is none of ours."""
        return self.identity not in (None, *names())

    @property
    def description(self) -> str:
        """What this is and how that is known, for messages."""
        by = f", by the name {self.said_by!r}" if self.is_other else ""
        by = ", by its content" if self.known else by
        return f"{self.identity or 'unnamed'}{by} ({self.file_names})"

    def complete_for(self, name: str | None) -> bool:
        """Whether every part is there that the data set needs."""
        return dataset_spec(name).is_complete(self.missing) if name in datasets() else not self.missing


def check_is_data(candidate: Candidate) -> None:
    """Raise `DataError` where a file of a data set is recognised as something else, such as a web page."""
    for path in candidate.paths:
        if candidate.fmt in ("table", "quartet", "whole") and table_kinds(path):
            continue  # a table in UTF-16 is read
        content = describe_content(path)
        if content and content.what not in {"npz": (ARCHIVE,), "npy": (ARRAY,)}.get(candidate.fmt, ()):
            raise DataError(
                str(path),
                found=content.what,
                expected=f"a file of {candidate.said or 'a data set'}, as its name says",
                todo=content.todo,
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
    found: list[Candidate] = []
    for files in walk(folder, own_name=by_own_name):
        found += _group(files, folder, own_name=by_own_name)
    return _with_halves_together(found)


def walk(folder: Path, *, own_name: bool = True) -> Iterator[list[Path]]:
    """Yield the files of a folder and of its subfolders, one list a folder, nearest first; not without end.

    Parameters
    ----------
    folder : pathlib.Path
        Where to begin.
    own_name : bool
        Whether its own name can say what is in it.

    Yields
    ------
    list of pathlib.Path
        Sorted, without hidden files; absolute where `folder` is.

    Raises
    ------
    DataError
        If the folder, or a subfolder whose name says that there is data in it, can't be listed.
    """
    queue, seen = [(folder, 0)], 0
    while queue and seen < MAX_FOLDERS:
        here, depth = queue.pop(0)
        seen += 1
        try:
            files, folders = _listing(here)
        except DataError:
            if here == folder or title(here, folder, own_name=own_name):
                raise
            continue  # a locked subfolder such as lost+found, on which nothing says that it has data
        yield [] if here / META in files else files  # not what the kit itself keeps
        if depth < MAX_FOLDER_DEPTH:
            queue += [(sub, depth + 1) for sub in folders]


def candidate_of_file(path: Path) -> Candidate:
    """Return the data set that one named file belongs to: an .npz archive, or a file among its siblings.

    Raises
    ------
    DataError
        If the file is of no known kind.
    """
    path = path.absolute()
    for candidate in _group(_listing(path.parent)[0], path.parent, own_name=False):
        if path in candidate.paths:
            return candidate
    if path.suffix == ".npz" and path.is_file():  # not a pipe, which would be waited for
        said = title(path, path.parent, own_name=False)
        return Candidate("npz", dict.fromkeys(PARTS, path), *(said or (None, "")))
    content = describe_content(path) if path.is_file() else None
    raise DataError(
        str(path),
        found=content.what if content else "a file of no known kind",
        expected=f"a file with one of the usual names, or a folder of them: {USUAL_NAMES}",
        todo=content.todo if content else "rename the file, or give the folder",
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
            elif entry.is_file(follow_symlinks=True) or _leads_nowhere(entry):
                files.append(folder / entry.name)
    return sorted(files), sorted(folders, key=lambda sub: (not says_something(sub.name), sub))


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Whether it is a symbolic link to what is not there: a broken file, not an absent one."""
    return entry.is_symlink() and not Path(entry.path).exists()


def _plain(name: str) -> str:
    """Return a file's name in small letters, without .gz and what marks a copy or a number of rows."""
    plain = _COPY.sub("", name.lower())
    while plain.endswith(".gz"):
        plain = plain.removesuffix(".gz")
    plain = _TWICE.sub(r"\1", plain)
    return _SIZE.sub(r"\1", plain)


def _group(files: Iterable[Path], folder: Path, *, own_name: bool) -> list[Candidate]:
    """Put the files of one folder together: one candidate for each format and name prefix."""
    groups: dict[tuple[str, str], dict[str, Path]] = {}
    for path in sorted(files, key=lambda path: len(path.name)):  # a copy's name is longer than the original's
        for fmt, prefix, parts in _roles(path, partial(title, path, folder, own_name=own_name)):
            for part in parts:
                groups.setdefault((fmt, prefix), {}).setdefault(part, path)
    found = []
    for (fmt, _), members in sorted(groups.items()):
        titles = [title(path, folder, own_name=own_name) for path in dict.fromkeys(members.values())]
        said = next((each for each in titles if each and each.said not in names()), titles[0])
        found.append(Candidate(fmt, dict(sorted(members.items(), key=_part_order)), *(said or (None, ""))))
    return found


def _with_halves_together(found: list[Candidate]) -> list[Candidate]:
    """Join incomplete candidates of one folder and its subfolders where together they are one data set.

    So are ``train/`` and ``test/``, ``images/`` and ``labels/``, and a folder for each file, as 7-Zip unpacks
    them. The subfolders' names must say that they hold a part only, and no part may be there twice.
    """
    homes: dict[tuple[Path, str, str | None], list[Candidate]] = {}
    for piece in found:
        if piece.missing:
            homes.setdefault((piece.folder, piece.fmt, piece.said), []).append(piece)
            if _FOR_A_PART.search(piece.folder.name):
                homes.setdefault((piece.folder.parent, piece.fmt, piece.said), []).append(piece)
    for pieces in homes.values():
        parts = [item for piece in pieces for item in piece.files.items()]
        whole = replace(pieces[0], files=dict(sorted(parts, key=_part_order)))
        once = len(whole.files) == len(parts) and all(piece in found for piece in pieces)
        if len(pieces) > 1 and once and whole.complete_for(whole.identity):
            at = found.index(pieces[0])
            found = [candidate for candidate in found if candidate not in pieces]
            found.insert(at, whole)
    return found


def _part_order(item: tuple[str, Path]) -> int:
    return PARTS.index(item[0])


def _roles(path: Path, said: Callable[[], Title | None]) -> Iterable[tuple[str, str, list[str]]]:
    """Yield format, prefix and parts for which a file may be meant."""
    name = _plain(path.name)
    if match := _IDX.fullmatch(name):
        half = "train" if match[2] == "train" else "test"
        yield "idx", match[1], [("y_" if match[3] == "label" else "x_") + half]
    elif name.endswith((".csv", ".tsv")):
        yield from _table_roles(path, name[:-4], said)
    elif name.endswith(".npy"):
        if part := _part_at_end(name.removesuffix(".npy")):
            yield "npy", *part
    elif match := _NPZ_HALF.fullmatch(name):
        both = has_both_halves(path)
        yield "npz", name if both else match[1], [part for part in PARTS if both or part.endswith(match[2])]
    elif name.endswith(".npz") and re.search(f"digit|{any_spelling()}", name):
        yield "npz", name, list(PARTS)


def _table_roles(
    path: Path, stem: str, said: Callable[[], Title | None]
) -> Iterable[tuple[str, str, list[str]]]:
    """Yield format, prefix and parts for which a table may be meant: one part, a half, or all in one."""
    match = _TABLE.fullmatch(stem)
    part = _part_at_end(stem)
    if part and not (stem.endswith("data") and table_kinds(path) == "xy"):
        yield "quartet", *part
    elif match:
        prefix, half = match[1] or match[4] or "", match[2] or match[3]
        kinds = table_kinds(path)
        if kinds is None or kinds == "":  # about something else, unless its name says that it is broken
            kinds = _broken_parts(path, prefix, said()) if kinds == "" else "xy"
        if kinds:
            yield "table", prefix, [f"{kind}_{half}" for kind in kinds]
    elif says_something(stem) and (named := said()) and named.said in names() and table_kinds(path) == "xy":
        yield "whole", stem, list(PARTS)


def _part_at_end(stem: str) -> tuple[str, list[str]] | None:
    """Return prefix and part where a name such as ``mnist_x_train`` ends with one's."""
    for start in [0, *(match.end() for match in re.finditer(r"[-_. ]", stem))]:
        if part := part_named(stem[start:]):
            return stem[:start], [part]
    return None


def _broken_parts(path: Path, prefix: str, said: Title | None) -> str:
    """Say what a table should have that is one by its name only: a broken file is never an absent one.

    ``mnist_train.csv`` is taken at its word, and ``train.csv`` in a folder named for a data set, and either
    where it is a web page or the like; any other table is about something else.
    """
    prefix = prefix.strip("-_. ")
    named = said is not None and said.said in names() and (not prefix or says_something(prefix))
    content = None if named else describe_content(path)
    if not named and (content is None or content.what.startswith("text in ")):  # a table all the same
        return ""
    unlabelled = said is not None and said.said in names() and not dataset_spec(said.said).has_test_labels
    return "x" if unlabelled and "test" in path.name.lower() else "xy"
