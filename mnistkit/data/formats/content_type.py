"""What a file is, seen from its first bytes: the one table of what is handed over in the wrong form.

Every reader asks `describe_content` when it can't make sense of a file, so that its error names what is there
and what to do. What a reader can read itself (IDX, .npz, a CSV table) is its own to judge.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from mnistkit.errors import DataError
from mnistkit.files import opened

SIGNATURE_BYTES = 2048  # bytes: a page's title, and a tar archive's mark at 257
_AGAIN = "copy or download the file again"
_NOT_READ = (
    "only IDX, CSV, .npz and .npy files are read: convert it, or get the data set in one of these formats"
)
_OFFICE = "a document of an office program, such as Excel or Word"
_UNPACK = "unpack it, and give the folder with what was inside"

ARCHIVE, ARRAY = "a NumPy archive (.npz)", "a NumPy array (.npy)"
"""What is described as such is data for the readers of NumPy's files, and none for the others."""
PICTURE = "a picture"
"""What begins as one is described as such, whole or not."""
PICTURE_TODO = (
    "pictures are a data set of their own: give a folder with a subfolder for each class as the dataset"
)


class Content(NamedTuple):
    """What a file is.

    Attributes
    ----------
    what : str
        Its kind, as a noun with its article, for a message's "found".
    todo : str
        What the reader can do now, as an instruction.
    """

    what: str
    todo: str


_MAGIC: tuple[tuple[re.Pattern[bytes], str, str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), what, todo)
    for pattern, what, todo in (
        (rb"PK\x03\x04.{22}.{4}[^\0]*?\.npy", ARCHIVE, "give it a name that ends with .npz"),
        (rb"PK\x03\x04.{26}xl/", "an Excel workbook", "save it as CSV (UTF-8)"),
        (rb"PK\x03\x04.{26}(\[Content_Types\]|_rels/)", _OFFICE, "save it as CSV (UTF-8)"),
        (rb"PK(\x03\x04|\x05\x06)", "a zip archive", _UNPACK),
        (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
        (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
        (rb".{257}ustar", "a tar archive", _UNPACK),
        (rb"BZh[1-9]1AY&SY", "a file packed with bzip2", _UNPACK),
        (rb"\xfd7zXZ\0", "a file packed with xz", _UNPACK),
        (rb"\x28\xb5\x2f\xfd", "a file packed with Zstandard", _UNPACK),
        (rb"\x1f[\x9d\xa0]", "a file packed with compress (.Z)", _UNPACK),
        (rb"\x1f\x8b", "a file that gzip has packed more than twice", _UNPACK),
        (rb"\x93NUMPY", ARRAY, "give it a name that ends with .npy, such as x_train.npy"),
        (
            rb"\x80[\x02-\x05].|\(dp?[01q\n]|\(lp?[01q\n]|c[a-z_.]+\n[A-Za-z_]+\n",
            "a Python pickle",
            "pickles are never opened, because they can run any code: "
            "store the arrays with numpy.savez, or get the data set as IDX, CSV or .npz",
        ),
        (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", _NOT_READ),
        (rb"PAR1", "a Parquet file", _NOT_READ),
        (rb"ARROW1|FEA1", "an Arrow (Feather) file", _NOT_READ),
        (rb"MATLAB [57]\.\d", "a MATLAB file", _NOT_READ),
        (rb"SQLite format 3\0", "an SQLite database", _NOT_READ),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE, "save it as CSV (UTF-8)"),
        (
            rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|BM.{4}\0\0\0\0|II\*\0|MM\0\*|RIFF.{4}WEBP",
            PICTURE,
            PICTURE_TODO,
        ),
        (rb"%PDF-", "a PDF document", _AGAIN),
        (
            rb"\0\x05\x16\x07",
            "a note of macOS about another file (AppleDouble)",
            "use the file itself, without ._",
        ),
        (rb"\[InternetShortcut\]|L\0\0\0\x01\x14\x02\0", "a link to a file, not the file", _AGAIN),
        (
            rb"version https://git-lfs\.|version https://hawser",
            "a Git LFS pointer",
            "get the file itself: git lfs pull",
        ),
        (rb"(\.\./)*(\.git)?/annex/objects/", "a git-annex pointer", "get the file itself: git annex get"),
        (
            rb"<{7} |={7}\n|>{7} ",
            "a file with the marks of a Git conflict",
            "solve the conflict, or copy the file again",
        ),
    )
)
"""Pattern of the first bytes, what the file is, what to do; the first that matches counts."""

_WIDE = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_PAGE = re.compile(rb"<!doctype html|<html|<head|<body|<script|<title", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>\s*(.*?)\s*</title", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"<\?xml|<Error>|<[A-Za-z][\w:.-]*[\s>/]")
_CODE = re.compile(rb"<Code>\s*(.*?)\s*</Code>", re.DOTALL)
_JSON = re.compile(rb"\{\s*(\"|\})|\[\s*[\[{\"\]\d-]")
_SERVER = re.compile(
    rb"\d{3}:? [A-Z][a-z]|error|not found|forbidden|access ?denied|unauthorized|too many requests|rate limit"
    rb"|bad gateway|service unavailable",
    re.IGNORECASE,
)


def describe_content(path: Path | str) -> Content | None:
    """Say what a file is that is no readable data file.

    Parameters
    ----------
    path : pathlib.Path or str
        The file. Only its first bytes are read; where gzip has packed it, those of what is inside.

    Returns
    -------
    Content or None
        What it is and what to do; None where nothing known is recognised (text such as CSV is not, nor is a
        sound IDX file), or where the file can't be read at all.
    """
    try:
        with opened(Path(path)) as stream:
            head = stream.read(SIGNATURE_BYTES)
    except DataError:  # its own message says it better
        return None
    return describe_head(head)


def describe_head(head: bytes) -> Content | None:
    """Say the same of a file whose first 2,048 bytes (or all, where it is shorter) these are."""
    if not head:
        return Content("an empty file", _AGAIN)
    if not head.strip(b"\0"):
        return Content("a file of zero bytes only", _AGAIN) if len(head) > 16 else None
    if wide := _wide_text(head):
        return Content(f"text in {wide}", "save it as UTF-8")
    return describe_signature(head) or _text(head.removeprefix(b"\xef\xbb\xbf").lstrip())


def describe_signature(head: bytes) -> Content | None:
    """Say it only of a file whose first bytes are its kind's signature; nothing is told of a text."""
    return next((Content(what, todo) for pattern, what, todo in _MAGIC if pattern.match(head)), None)


def text_start(head: bytes) -> str | None:
    """Return how a text begins, shortened; None where the bytes are no text."""
    start = head[:200]
    if not start or re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", start):
        return None
    words = " ".join(start.decode("utf-8", errors="replace").split())
    return words if len(words) <= 40 else f"{words[:39]}…"


def _text(head: bytes) -> Content | None:
    """Recognise what servers send in place of a file."""
    if _PAGE.match(head) or (head.startswith(b"<!--") and _PAGE.search(head)):
        title = _TITLE.search(head)
        return Content(
            f"a web page{_quoted(title)}", f"{_AGAIN}, after signing in where the page asks for it"
        )
    if _XML.match(head):
        if _PAGE.search(head):
            return Content(f"a web page{_quoted(_TITLE.search(head))}", _AGAIN)
        kind = "an XML error message" if b"<Error>" in head else "an XML file"
        return Content(f"{kind}{_quoted(_CODE.search(head))}", f"{_AGAIN} from another place")
    if _JSON.match(head):
        return Content(f"JSON ({text_start(head)})", f"{_AGAIN}; JSON is not read as data")
    if _SERVER.match(head) and text_start(head):
        return Content(f"a server's message ({text_start(head)})", f"{_AGAIN} from another place")
    return None


def _quoted(match: re.Match[bytes] | None) -> str:
    return f" ({text_start(match[1])})" if match and text_start(match[1]) else ""


def _wide_text(head: bytes) -> str | None:
    """Return the encoding of a text with two or four bytes a character: by its mark, or by its zero bytes."""
    for mark, encoding in _WIDE:
        if head.startswith(mark):
            return encoding
    start = head[:64]
    for high, low in ((start[::2], start[1::2]), (start[1::2], start[::2])):
        if len(start) >= 4 and not any(high) and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in low):
            return "UTF-16"
    return None
