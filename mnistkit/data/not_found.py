"""What to say where no data set was found: what is there, which names would do, and what to do with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

from mnistkit.data.dataset_titles import title
from mnistkit.data.discovery import USUAL_NAMES, Candidate, check_is_data, walk
from mnistkit.data.formats.content_type import (
    ARCHIVE,
    ARRAY,
    PICTURE,
    PICTURE_TODO,
    Content,
    describe_content,
)
from mnistkit.data.registry import any_spelling, dataset_spec, share_base
from mnistkit.errors import DataError

_LISTED = 6  # files that a message names
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

_WHOLE_NAME = (  # nothing but the data set's: no model of it, no results on it
    r"[\W\d_]*({spelling})"
    r"([-_. ]?(\d++|data(set)?|full|all|original|train|test|images?|handwritten|digits|png|jpg|python|csv))*"
    r"[-_ ]*(\(\d+\))?\.(zip|tar|tgz|7z|rar|pkl|pickle|mat|arff|parquet|npz|npy|csv|tsv|idx|gz|bz2|xz)"
    r"(\.(gz|bz2|xz))?"
)


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
    files = list(islice(chain.from_iterable(walk(start)), _LOOKED_INTO))
    shown = [str(path.relative_to(start)) for path in files[:_LISTED]]
    if len(files) > len(shown):
        count = "more" if len(files) == _LOOKED_INTO else f"{len(files) - len(shown)} more"
        shown.append(f"and {count}")
    hints: dict[str, str] = {}
    for path in files:
        if content := _content(path):
            hints.setdefault(content.todo, f"{path.name} is {content.what}: {content.todo}")
    return DataError(
        str(folder),
        found=f"no data files with the usual names; there: {', '.join(shown)}"
        if files
        else "no data files: nothing is there",
        expected=f"files of {' or '.join(names)}: {USUAL_NAMES}",
        todo="; ".join(hints.values()) or "check the path, or give the files one of these names",
    )


def _content(path: Path) -> Content | None:
    """Say what a file is, by its content or else by its ending."""
    for_ending = next((content for ending, content in _CONTENTS if ending.search(path.name)), None)
    content = describe_content(path)
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
    whole_name = re.compile(_WHOLE_NAME.replace("{spelling}", any_spelling()), re.IGNORECASE)
    for path in chain.from_iterable(walk(folder.absolute())):
        if not whole_name.fullmatch(path.name):
            continue
        said = title(path, path.parent, own_name=False)
        if said and said.said in (name, dataset_spec(name).base.name):
            content = _content(path) or Content(
                "a file of an unknown kind", "see `mnistkit data info --help`"
            )
            raise DataError(
                str(path),
                found=content.what,
                expected=f"a file of {said.said} that can be read: {USUAL_NAMES}",
                todo=f"{content.todo}; or take it out of the folder",
            )
