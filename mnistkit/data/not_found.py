"""What to say where no data set was found: what is there, which names would do, and what to do with it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from mnistkit.data.dataset_titles import title
from mnistkit.data.discovery import MAX_FOLDER_DEPTH, USUAL_NAMES, Candidate, check_is_data, walk
from mnistkit.data.formats.content_type import (
    ARCHIVE,
    ARRAY,
    PICTURE,
    PICTURE_TODO,
    Content,
    describe_content,
)
from mnistkit.data.formats.csv_dialect import table_kinds
from mnistkit.data.formats.pictures import ENDINGS
from mnistkit.data.registry import any_spelling, dataset_spec, share_base
from mnistkit.errors import DataError, printable

_LISTED = 6  # files that a message names
_PACKED = 2  # of the kinds of endings, those that may hold what is missing
_LOOKED_INTO = 200  # files: in a tree of pictures all are alike

_ENDINGS = (
    (r"\.(crdownload|part|partial|download|tmp)", "an unfinished download", "download it again, to its end"),
    (r"\.(zip|tar|tgz|7z|rar|bz2|xz|zst)", "an archive", "unpack it, and give the folder again"),
    (r"\.(pkl|pickle|pt|pth|joblib)", "a Python pickle", "pickles are never opened: get another format"),
    (r"\.(png|jpe?g|jfif|bmp|gif|tiff?|webp|pgm|ppm|heic|heif|avif|svg)", PICTURE, PICTURE_TODO),
    (
        r"\.(parquet|arrow|feather|h5|hdf5|mat|arff|tfrecord|xlsx?|json|sqlite|db)",
        "in a format that is not read",
        "only IDX, CSV, .npz and .npy are read: convert it",
    ),
    (
        r"\.[ct]sv",
        "a table with another name or without pixels",
        "give train.csv, with a label and 784 pixels in each row, and test.csv with the images for testing "
        "(of your own images, train.csv alone will do: a fifth becomes the test part)",
    ),
    (r"\.np[yz]", "an array or archive with another name", "give it one of the usual names"),
)
_CONTENTS = tuple(
    (re.compile(rf"{ending}(\.gz)?", re.IGNORECASE), Content(*says)) for ending, *says in _ENDINGS
)

_WORDS = (
    r"\d++|data(set)?|full|all|original|train(ing)?|test(ing)?|t10k|images?|labels?|set|of|in|x|y|idx|ubyte|gzip"
    r"|handwritten|digits|png|jpg|python|csv"
)
_READABLE = r"\.(npz|npy|csv|tsv|idx|gz)"
_UNREADABLE = "|".join(ending for ending, what, _ in _ENDINGS if what != PICTURE)
# Behind a data set's or a part's name, nothing but what names data: no model of it, no results on it.
_REST = rf"([-_. ]?({_WORDS}))*[-_ ]*(\(\d+\))?({_READABLE}|\.txt|{_UNREADABLE})+"
_PART_NAME = re.compile(rf"(train|test|t10k)(ing)?{_REST}", re.IGNORECASE)
_IDX_NAME = re.compile(rf"(train|test|t10k)[-_. ]?(images|labels)[-_. ]?idx{_REST}", re.IGNORECASE)


_UNKNOWN = Content("a file with an ending that is not read", "give it one of the usual names, if it is one")


def check_complete(name: str | None, candidate: Candidate) -> None:
    """Raise `DataError`, naming what is missing, unless the data set can be read from these files."""
    if not candidate.complete_for(name):
        check_is_data(candidate)
        others = [path for path in _files(candidate.folder) if path not in candidate.paths]
        hints = _hints(others, _CONTENTS[:_PACKED])  # the missing half may be there, but packed
        raise DataError(
            str(candidate.folder),
            found=f"{candidate.file_names}, but no file with {', '.join(candidate.missing)}",
            expected=f"all parts of {name or 'the data set'} in one folder",
            todo="; ".join([*hints, "copy the missing files there, or remove the incomplete ones"]),
        )


def _files(folder: Path) -> list[Path]:
    return list(islice(chain.from_iterable(walk(folder.absolute())), _LOOKED_INTO))


def _hints(files: Iterable[Path], contents: Sequence[tuple[re.Pattern[str], Content]]) -> list[str]:
    """Say what to do with files that can't be read: once for each kind."""
    hints: dict[str, str] = {}
    for path in files:
        if content := _content(path, contents):
            hints.setdefault(content.todo, f"{printable(path.name)} is {content.what}: {content.todo}")
    return list(hints.values())


def nothing_found(folder: Path, names: Iterable[str]) -> DataError:
    """Return the error for a folder without a file that any reader could take.

    Parameters
    ----------
    folder : pathlib.Path
        Where nothing was found.
    names : iterable of str
        The data sets that were looked for.

    Returns
    -------
    DataError
        With the first files that are there, the names that would do, and one hint for each kind of file.
    """
    start = folder.absolute()
    files = _files(start)
    shown = [str(path.relative_to(start)) for path in files[:_LISTED]]
    if len(files) > len(shown):
        count = "more" if len(files) == _LOOKED_INTO else f"{len(files) - len(shown)} more"
        shown.append(f"and {count}")
    hints = _hints(files, _CONTENTS)
    return DataError(
        str(folder),
        found=f"no data files with the usual names; there: {', '.join(shown)}"
        if files
        else f"no data files, neither in it nor in its folders ({MAX_FOLDER_DEPTH} deep)",
        expected=f"files of {' or '.join(names)}: {USUAL_NAMES}",
        todo="; ".join(hints)
        or f"check the path, or give {'the files one of these names' if files else 'a deeper folder'}",
    )


def _content(path: Path, contents: Sequence[tuple[re.Pattern[str], Content]] = _CONTENTS) -> Content | None:
    """Say what a file is, by its content or else by its ending; of some endings only where they are given."""
    for_ending = next((content for ending, content in contents if ending.search(path.name)), None)
    content = describe_content(path) if for_ending or contents is _CONTENTS else None
    return for_ending if content is None or content.what in (ARCHIVE, ARRAY) else content


def check_none_broken(name: str, folder: Path, found: Iterable[Candidate]) -> None:
    """Raise `DataError` where a file that by its name should be a data set, or what it is made from, is none.

    For a folder that somebody named, in which the data set was not found: a broken file is no absent one.

    Parameters
    ----------
    name : str
        The data set.
    folder : pathlib.Path
        The folder.
    found : iterable of Candidate
        What `mnistkit.data.discovery.candidates` gives for it.

    Raises
    ------
    DataError
        About the first such file, with what it is.
    """
    for candidate in found:
        if candidate.said is None or share_base(candidate.said, name):
            check_is_data(candidate)
    start = folder.absolute()
    for path in chain.from_iterable(map(_named_for_data, walk(start))):
        own = _names_a_whole_set().fullmatch(path.name) is not None
        said = title(path, path.parent if own else start, own_name=True)
        by_file = said is None and _IDX_NAME.fullmatch(path.name)  # several data sets call their files so
        if by_file or (said and said.said in (name, dataset_spec(name).base.name)):
            content = _content(path) or _UNKNOWN
            raise DataError(
                str(path),
                found=content.what,
                expected=f"a file of {said.said if said else name} that can be read: {USUAL_NAMES}",
                todo=f"{content.todo}; or take it out of the folder",
            )


@functools.cache
def _names_a_whole_set() -> re.Pattern[str]:
    return re.compile(rf"[\W\d_]*({any_spelling()}){_REST}", re.IGNORECASE)


def _named_for_data(files: Iterable[Path]) -> Iterator[Path]:
    """Yield those of a folder's files that by their names are a data set, or a part of one.

    A folder called as a digit has pictures of it: the first is enough.
    """
    pictures = (path for path in files if path.suffix.lower() in ENDINGS)
    if (first := next(pictures, None)) and re.fullmatch(r"\d", first.parent.name):
        yield first
    for path in files:
        is_named = _names_a_whole_set().fullmatch(path.name) or _PART_NAME.fullmatch(path.name)
        if is_named and (path.suffix.lower() != ".txt" or table_kinds(path)):  # no notes
            yield path
