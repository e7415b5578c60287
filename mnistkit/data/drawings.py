"""Drawings of a class's students: kept as small pictures, and collected into a folder that `load` reads.

A drawing is a PNG of 28 × 28 pixels, whose class stands in the file itself: learning platforms rename what is
handed in, and take it out of its folders. It says nothing about who has drawn it.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np

from mnistkit.data.dataset import SIDE
from mnistkit.data.formats.pictures import grey_picture
from mnistkit.errors import DataError
from mnistkit.files import expanded, reading, write_atomically
from mnistkit.utils.arguments import Array, checked

_log = logging.getLogger(__name__)

_CLASS = "class"  # the key of the text in the PNG
_LONGEST_CLASS = 60
_MOST_BYTES = 10_000  # 784 pixels and a word; anything larger is something else


@checked(image=Array((2,), 0, 255, integers=True))
def save_drawing(image: np.ndarray, class_name: str, folder: str | os.PathLike[str]) -> Path:
    """Keep a drawing and its class in a small file: ``folder/7/3fa9c1….png``.

    Parameters
    ----------
    image : numpy.ndarray of int, shape (28, 28)
        Grey levels of 0 to 255, as `mnistkit.data.normalisation_steps` gives them at the end.
    class_name : str
        What it shows.
    folder : str or path-like
        Where drawings are kept, a folder for each class in it.

    Returns
    -------
    pathlib.Path
        The file. The same drawing of the same class is the same file.

    Raises
    ------
    ValueError
        If the image is of another size, or the class has no name that a folder can have.
    OSError
        If it can't be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> for place in range(20, 25):
    ...     seven, one = np.zeros((2, 28, 28), dtype=np.uint8)
    ...     seven[4, 8:place] = one[4:place, 14] = 255
    ...     files = save_drawing(seven, "7", folder), save_drawing(one, "1", folder)
    >>> from mnistkit.data import load
    >>> load(folder).class_names
    ('1', '7')
    """
    if image.shape != (SIDE, SIDE):
        raise ValueError(f"image has shape {image.shape}; expected ({SIDE}, {SIDE})")
    place = _class_folder(class_name)
    if not place:
        raise ValueError(
            f"class_name is {class_name!r}; expected a name of up to {_LONGEST_CLASS} characters"
        )
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    said, content = PngInfo(), io.BytesIO()
    said.add_itxt(_CLASS, class_name)
    pixels = image.astype(np.uint8)
    Image.fromarray(pixels).save(content, "PNG", pnginfo=said)
    name = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
    path = expanded(folder) / place / f"{name}.png"
    write_atomically(path, content.getvalue())
    return path


@checked()
def collect_drawings(source: str | os.PathLike[str], folder: str | os.PathLike[str]) -> dict[str, int]:
    """Bring the drawings that students have handed in into one folder, which `load` then reads.

    They may lie in folders of any depth, under any names. What is no drawing is left out, with a warning that
    says why. Nothing in `source` is changed.

    Parameters
    ----------
    source : str or path-like
        What was handed in.
    folder : str or path-like
        Where to; drawings that are there stay.

    Returns
    -------
    dict of str to int
        How many different drawings of each class were found.

    Raises
    ------
    DataError
        If the source can't be read, or there is no drawing in it.
    OSError
        If a drawing can't be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> handed = tempfile.mkdtemp()
    >>> file = save_drawing(np.eye(28, dtype=np.uint8) * 255, "1", f"{handed}/some student/drawings")
    >>> collect_drawings(handed, f"{tempfile.mkdtemp()}/digits")
    {'1': 1}
    """
    handed = expanded(source)
    with reading(handed):
        if not handed.is_dir():
            handed.stat()
            raise _not_a_drawing(handed, "a file", "unpack archives first, and give the folder")
        files = sorted(path for path in handed.rglob("*") if path.is_file() and not _is_hidden(path, handed))
    found, refused = {}, []
    for path in files:
        try:
            image, class_name = _read(path)
        except DataError as error:
            refused.append(error)
        else:
            found[save_drawing(image, class_name, folder)] = class_name
    if not found:
        raise _not_a_drawing(
            handed,
            f"{len(files)} files, no drawing",
            "check the folder; students save drawings in the lesson",
        )
    for reason in refused:
        _log.warning("Left out: %s", reason)
    return dict(sorted(Counter(found.values()).items()))


def _is_hidden(path: Path, source: Path) -> bool:
    """Say whether an archive's or a system's own file is meant, such as those in ``__MACOSX``."""
    return any(part.startswith((".", "__")) for part in path.relative_to(source).parts)


def _read(path: Path) -> tuple[np.ndarray, str]:
    """Read a drawing and its class."""
    from PIL import Image

    with reading(path):
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise _not_a_drawing(path, f"{size:,} bytes")
        content = path.read_bytes()
    picture = grey_picture(content, path)
    if picture.size != (SIDE, SIDE):
        raise _not_a_drawing(path, "{} × {} pixels".format(*picture.size))
    class_name = str(Image.open(io.BytesIO(content)).info.get(_CLASS, ""))
    if not _class_folder(class_name):
        raise _not_a_drawing(path, "a picture that does not say its class")
    return np.asarray(picture), class_name


def _class_folder(class_name: str) -> str:
    """Make a class's name one that a folder can have; empty where there is none."""
    place = re.sub(r"[^\w+-]+", "-", class_name).strip("-_")
    return place if len(class_name) <= _LONGEST_CLASS else ""


def _not_a_drawing(where: Path, found: str, todo: str = "save the drawing in the lesson again") -> DataError:
    expected = f"a drawing as the lesson saves it: a PNG of {SIDE} × {SIDE} pixels with its class"
    return DataError(where, found=found, expected=expected, todo=todo)
