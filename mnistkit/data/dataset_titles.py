"""Which data set the names of files and folders say that something is: the one rule for all who ask.

Many data sets use MNIST's file names, and some are drawn alike. So a name counts before the content does,
unless the content is known to be official (see `discovery.Candidate.identity`):

1. Inside the folder that is searched, a file's or a folder's name that is another data set's (EMNIST,
   CIFAR …) decides, wherever on the path it is: a folder ``emnist`` holds nothing of MNIST. Only a name that
   says which of them is one of ours: ``emnist-letters``.
2. Otherwise the nearest name that says anything decides, from the file outward.
3. Where no name inside says anything, the folder's own name and those above it are asked, the nearest that
   says anything first. They can say that it is another data set, or one of ours that is not known by its
   content; only the folder's own can say that it is MNIST or the like, and only where `own_name` allows it.
4. Where a symbolic link leads to another data set, or to one that is not known by its content, seen from the
   nearest name there that says anything, it is that one, whatever the link is called.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mnistkit.data.registry import any_spelling, dataset_spec, datasets, names


class Title(NamedTuple):
    """What a name says.

    Attributes
    ----------
    said : str
        One of `registry.names`, or what another data set is called.
    by : str
        The file or folder name that says it.
    """

    said: str
    by: str


_SCRIPTS = "arabic|bangla|bengali|chinese|devanagari|farsi|hebrew|hindi|kannada|persian|tamil|telugu|urdu"
_OTHERS = tuple(
    (said, re.compile(pattern))
    for said, pattern in (
        ("EMNIST", r"(?<![a-z])emnist|(?<![a-z0-9])e[-_ ]mnist"),
        ("Kuzushiji-49", r"ku[zj]ushiji[-_ ]?49|(?<![a-z0-9])k-?49(?![0-9])"),
        ("Kannada-MNIST", r"kannada|dig[-_ ]mnist"),
        ("notMNIST", r"not[-_ ]?mnist"),
        ("CIFAR", r"cifar"),
        ("SVHN", r"svhn"),
        ("USPS", r"(?<![a-z])usps(?![a-z])"),
        (
            "MedMNIST",
            r"med[-_ ]?mnist|(path|chest|derma|oct|pneumonia|retina|breast|blood|tissue|organ[acs]?)mnist",
        ),
        ("Sign Language MNIST", r"(?<![a-z])sign[-_ ]?(lang(uage)?)?[-_ ]?mnist"),
        ("Omniglot", r"omniglot"),
        ("handwriting in another script", rf"({_SCRIPTS})[-_ ]?(handwritten[-_ ]?)?(digit|numeral|mnist)"),
        (
            "a variant of MNIST",
            r"(moving|colou?r(ed)?|rotated|affine|permuted|binari[sz]ed|corrupted|noisy|infi|overhead|typo(graphy)?"
            r"|3d)[-_ ]?mnist|affnist"
            r"|(?<![a-z])mnist[-_ ]?(c|m|1d|3d|8m|back|rot(at\w*)?|noise|corrupted)(?![a-z])",
        ),
    )
)
_FILE_WORDS = (  # of files' and folders' names as they are published
    "train|test|t10k|images?|labels?|x|y|idx|ubyte|int|data(set)?|raw|full|all|original|gzip|csv|npz|npy|gz|in"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GLUED = re.compile(r"[a-z]+mnist")  # as dozens of data sets are called, new ones every year


def title(path: Path, folder: Path, *, own_name: bool) -> Title | None:
    """Say which data set a file is by its name and those of the folders around it.

    Parameters
    ----------
    path : pathlib.Path
        The file (or a folder), absolute, inside `folder`.
    folder : pathlib.Path
        The folder that is searched.
    own_name : bool
        Whether the folder's own name may say that it is one of our data sets.

    Returns
    -------
    Title or None
        None where no name says anything.
    """
    real = Path(os.path.realpath(path))
    if real != path and (linked := _nearest(real.parts[::-1])) and not _is_known_by_content(linked):
        return linked
    inside = path.relative_to(folder).parts[::-1]
    other, own = (next(filter(None, map(says, inside)), None) for says in (_other, _ours))
    if found := own if other and own and _is_kind_of(own, other) else other or own:
        return found
    around = (folder.name, *(above.name for above in folder.parents))
    found = _nearest(around)
    told = found and (not _is_known_by_content(found) or (own_name and _ours(folder.name)))
    return found if told else None


def says_something(name: str) -> bool:
    """Whether a single name says which data set something is."""
    return (_other(name) or _ours(name)) is not None


def is_exactly(said: str | None, name: str) -> bool:
    """Whether a file's or folder's name is one of our data sets', and has no other words in it.

    ``fashion-mnist_train.csv`` is; ``fashion shop`` and ``mnist of our class`` only remind of one.
    """
    return (
        said in names()
        and re.search(dataset_spec(said).spelling, name.lower()) is not None
        and re.fullmatch(rf"([\W\d_]*({any_spelling()}|{_FILE_WORDS}))*[\W\d_]*", name.lower()) is not None
    )


def _nearest(names: Iterable[str]) -> Title | None:
    return next((found for name in names if (found := _named_other(name) or _ours(name))), None)


def _named_other(name: str) -> Title | None:
    """Recognise another data set by what it is called."""
    lower = name.lower()
    words = _CAMEL.sub("-", name).lower()  # MyEMNIST is my EMNIST; themnist is none
    for said, pattern in _OTHERS:
        if pattern.search(lower) or pattern.search(words):
            title = Title(said, name)
            return None if (own := _ours(name)) and _is_kind_of(own, title) else title
    return None


def _is_kind_of(own: Title, other: Title) -> bool:
    """Whether one of our data sets is one of several that a name such as EMNIST can mean."""
    pattern = dict(_OTHERS).get(other.said)
    return pattern is not None and pattern.search(own.said) is not None


def _is_known_by_content(title: Title) -> bool:
    """Whether what a name says need not be relied on."""
    return title.said in names() and dataset_spec(title.said).published.is_known_by_content


def _other(name: str) -> Title | None:
    """Recognise another data set, also one that is not listed."""
    if found := _named_other(name):
        return found
    glued = None if _ours(name) else _GLUED.search(name.lower())
    return Title(glued[0].upper(), name) if glued else None


def _ours(name: str) -> Title | None:
    """Recognise one of our data sets."""
    lower = name.lower()
    meant = (spec for spec in reversed(datasets().values()) if spec.is_meant_by(lower))
    return next((Title(spec.name, name) for spec in meant), None)
