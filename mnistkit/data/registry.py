"""Facts about the data sets: names, classes, official files, their hashes and where to download them.

MNIST is by Y. LeCun, C. Cortes and C. Burges (CC BY-SA 3.0); Fashion-MNIST by Zalando SE (MIT).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from mnistkit.errors import DataError

PARTS = ("x_train", "y_train", "x_test", "y_test")
"""The four arrays of a data set, in the order of `Dataset`'s hash."""

MNIST, FASHION, TWIST, RECOGNIZER = "mnist", "fashion-mnist", "twist", "digit-recognizer"
NAMES = (MNIST, FASHION, TWIST, RECOGNIZER)
"""Every name that `load` takes."""

BASE = {MNIST: MNIST, FASHION: FASHION, TWIST: FASHION, RECOGNIZER: MNIST}
"""The data set with official files that each one is, or is made from."""

DIGITS = tuple("0123456789")
GARMENTS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

CLASS_NAMES = {MNIST: DIGITS, RECOGNIZER: DIGITS, FASHION: GARMENTS}
"""Class names of the data sets with fixed classes (a twist's classes are groups: see `twist.group_names`)."""

STANDIN_NOTE = "STAND-IN.txt"
"""File beside exported stand-ins, which look like the real files: it says that they are not."""

SUMMARY = {
    MNIST: "handwritten digits, 60,000 + 10,000",
    FASHION: "clothes, 60,000 + 10,000",
    TWIST: "Fashion-MNIST's classes hidden in mystery groups",
    RECOGNIZER: "MNIST as Kaggle's competition: 42,000 labelled + 28,000 unlabelled",
}

IDX_STEM = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""Official name of each part's file, without ``.gz``."""

MIRRORS = {
    MNIST: (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    FASHION: (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
}
"""Folders that serve the official ``.gz`` files; each is tried in this order."""


@dataclass(frozen=True)
class OfficialPart:
    """One official file.

    Attributes
    ----------
    gz_sha256 : str
        SHA-256 of the ``.gz`` file as published.
    gz_bytes : int
        Size of that file.
    content_sha256 : str
        SHA-256 of the array's bytes, without the IDX header: the same whatever the format.
    """

    gz_sha256: str
    gz_bytes: int
    content_sha256: str


OFFICIAL: dict[str, dict[str, OfficialPart]] = {
    MNIST: {
        "x_train": OfficialPart(
            gz_sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            gz_bytes=9_912_422,
            content_sha256="741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        ),
        "y_train": OfficialPart(
            gz_sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            gz_bytes=28_881,
            content_sha256="1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        ),
        "x_test": OfficialPart(
            gz_sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            gz_bytes=1_648_877,
            content_sha256="6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        ),
        "y_test": OfficialPart(
            gz_sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            gz_bytes=4_542,
            content_sha256="ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        ),
    },
    FASHION: {
        "x_train": OfficialPart(
            gz_sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            gz_bytes=26_421_880,
            content_sha256="2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        ),
        "y_train": OfficialPart(
            gz_sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            gz_bytes=29_515,
            content_sha256="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        ),
        "x_test": OfficialPart(
            gz_sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            gz_bytes=4_422_102,
            content_sha256="c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        ),
        "y_test": OfficialPart(
            gz_sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            gz_bytes=5_148,
            content_sha256="3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        ),
    },
}

_OWNER = {
    official.content_sha256: (name, part)
    for name, parts in OFFICIAL.items()
    for part, official in parts.items()
}


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


def owner(part_sha256: str) -> tuple[str, str] | None:
    """Return the data set and part whose official content has this hash, or None if it is not official."""
    return _OWNER.get(part_sha256)


def check_name(name: str) -> None:
    """Raise `DataError`, with the nearest name, unless `name` is one that `load` takes."""
    if name not in NAMES:
        raise DataError(
            "data set",
            found=f"the name {name!r}",
            expected=f"one of {', '.join(NAMES)}",
            todo=suggestion(name, NAMES) or "choose one of these names",
        )


def suggestion(word: str, choices: tuple[str, ...]) -> str:
    """Return ``did you mean '…'?`` for the choice nearest to `word`, or an empty text if none is near."""
    near = difflib.get_close_matches(word.lower(), choices, n=1)
    return f"did you mean {near[0]!r}?" if near else ""
