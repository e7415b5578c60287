"""A submission to Kaggle's Digit Recognizer: written whole, checked line by line, scored."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistkit.data.formats.content_type import describe_head
from mnistkit.errors import DataError
from mnistkit.files import expanded, opened, write_atomically
from mnistkit.utils.arguments import Integer, checked

__all__ = ["ROWS", "read_submission", "write_submission"]

ROWS = 28_000
"""Images in Kaggle's ``test.csv``."""

_HEADER = "ImageId,Label"
_LINE = re.compile(r"([1-9][0-9]*),([0-9])")
_QUOTED = re.compile(r'"([^",]*)"(?=,|$)')
_SHOWN = 40  # characters of a wrong line


@checked(rows=Integer())
def write_submission(labels: ArrayLike, path: Path | str, *, rows: int = ROWS) -> Path:
    """Write predicted digits as Kaggle wants them: ``ImageId,Label``, from image 1.

    Parameters
    ----------
    labels : array-like of int, shape (rows,)
        The digit, 0 to 9, of each image of ``test.csv``, in its order.
    path : pathlib.Path or str
        Where to; its folder is made, a file there is replaced once the new one is complete.
    rows : int
        How many there must be; Kaggle wants all 28,000.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    DataError
        If the labels are not `rows` integers from 0 to 9, or the file can't be written.
    """
    path = expanded(path)
    digits = np.asarray(labels)
    if digits.shape != (rows,) or not np.issubdtype(digits.dtype, np.integer):
        raise DataError(
            str(path),
            found=f"labels of shape {digits.shape} and type {digits.dtype}",
            expected=f"{rows:,} integers, one digit for each image",
            todo="take the most likely class: probabilities.argmax(axis=1)",
        )
    if not (digits.min() >= 0 and digits.max() <= 9):
        at = int(np.flatnonzero((digits < 0) | (digits > 9))[0])
        raise DataError(
            str(path),
            found=f"{digits[at]} in labels, for image {at + 1}",
            expected="digits from 0 to 9",
            todo="check which class each output of the network stands for",
        )
    lines = [_HEADER, *(f"{image},{digit}" for image, digit in enumerate(digits.tolist(), start=1))]
    try:
        write_atomically(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise DataError(
            str(path),
            found=f"it can't be written ({error.strerror or error})",
            expected="a folder with permission to write",
            todo="choose another folder",
        ) from error
    return path


@checked(rows=Integer())
def read_submission(path: Path | str, *, rows: int = ROWS) -> NDArray[np.uint8]:
    """Read a submission and refuse what Kaggle would refuse, or score as something else.

    Parameters
    ----------
    path : pathlib.Path or str
        A CSV file of ``ImageId,Label``; lines may end as on any system, cells may be in quotes, and Excel's
        mark at the beginning and blank lines at the end are allowed.
    rows : int
        How many images there must be.

    Returns
    -------
    numpy.ndarray of uint8, shape (rows,)
        The labels in the order of the images.

    Raises
    ------
    DataError
        With the line: another header, a line that is not an image's number and a digit, an image that is
        missing, repeated or out of order, too few or too many lines.
    """
    path = expanded(path)
    with opened(path) as stream:
        head = stream.read(20 * (rows + 2) + len(_HEADER))
    if content := describe_head(head[:2048]):
        raise DataError(
            f"{path}, line 1", found=content.what, expected=f"the header {_HEADER}", todo=content.todo
        )
    text = head.decode("utf-8-sig", errors="backslashreplace")
    lines = [_QUOTED.sub(r"\1", line) for line in text.rstrip().splitlines()]
    if not lines or lines[0] != _HEADER:
        raise _fault(path, 1, lines[0] if lines else "", f"the header {_HEADER}, with a comma")
    labels = np.empty(rows, np.uint8)
    for image, line in enumerate(lines[1:], start=1):
        found = _LINE.fullmatch(line)
        if image > rows:
            raise _fault(path, image + 1, line, f"no more than {rows:,} images")
        if not found:
            raise _fault(
                path, image + 1, line, "an image's number, a comma and a digit from 0 to 9, not as 5.0"
            )
        if int(found[1]) != image:
            raise _fault(path, image + 1, line, f"image {image}: each one once and in order")
        labels[image - 1] = int(found[2])
    if len(lines) - 1 < rows:
        raise _fault(path, len(lines) + 1, "", f"{rows:,} images, and there are {len(lines) - 1:,}")
    return labels


def _fault(path: Path, number: int, line: str, expected: str) -> DataError:
    return DataError(
        f"{path}, line {number}",
        found=repr(line[:_SHOWN]) if line else "nothing",
        expected=expected,
        todo="write the file again with write_submission",
    )
