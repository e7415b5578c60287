"""What a file is that was handed in as a notebook and is none: said in words, with what to do.

Its first bytes, then what JSON says. The file is of unknown origin: nothing of it is run, and of its
own text nothing is shown but a line number.
"""

from __future__ import annotations

import json
import re

from mnistkit.data.formats.content_type import SIGNATURE_BYTES, describe_signature

__all__ = ["described"]

_LOOKED_AT = 1_000_000  # bytes in which the marks of a conflict are looked for, from both ends

_NOT = "not a notebook but "
_SIGNATURES = (  # beside those of files that are handed over as data
    (re.compile(rb"\x1f\x8b"), "a file packed with gzip"),
    (re.compile(rb"\{\\rtf"), "a text of a word processor (RTF)"),
    (re.compile(rb"bplist.*WebMainResource", re.DOTALL), "a web page that Safari has saved"),
    (re.compile(rb"version https://git-lfs"), "a pointer of Git LFS, not the file itself (git lfs pull)"),
    (re.compile(rb"bplist"), "a bookmark (macOS), not the file that it leads to"),
)
_STARTS = (  # in small letters, behind blanks
    (
        ("<!doctype html", "<html", "<head", "<body", "<script", "<!--"),
        "a web page, such as a sign-in or preview page",
    ),
    (("<?xml", "<error"), "an XML file, such as the error message of a server"),
    (("[internetshortcut]", "http://", "https://"), "a link, not the file that it leads to"),
    (("from:", "return-path:", "mime-version:", "received:"), "a mail, not the file that was in it"),
)
_CONFLICT = re.compile(rb"^(?:<{7} |>{7} |\|{7} ).*$", re.M)
_PYTHON = re.compile(
    r"^(?:#!.*python|# *%%|# In\[|# coding|# -\*- coding|import \w|from \w+ import |def \w+\(|class \w+)",
    re.M,
)
_STUB = ("doc_id", "resource_key", "url", "resource_id")  # of the files that Google Drive leaves on a disk


def described(content: bytes, error: BaseException) -> str:
    """Say what a file is that can't be read as a notebook.

    Parameters
    ----------
    content : bytes
        The file's.
    error : BaseException
        What reading it has raised: `json.JSONDecodeError`, another ValueError, RecursionError or MemoryError.

    Returns
    -------
    str
        A sentence that begins with "it is".
    """
    return f"it is {_by_its_bytes(content) or _by_its_text(content, error)}"


def _by_its_bytes(content: bytes) -> str:
    if not content:
        return "empty, and not a notebook"
    if not content.strip(b"\0"):
        return f"not a notebook: all of its {len(content):,} bytes are zero, as after a failed upload"
    if _CONFLICT.match(content):
        return ""
    if known := next((what for pattern, what in _SIGNATURES if pattern.match(content)), ""):
        return f"{_NOT}{known}"
    found = describe_signature(content[:SIGNATURE_BYTES])
    return f"{_NOT}{found.what}" if found else ""


def _by_its_text(content: bytes, error: BaseException) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return f"not a notebook: it is nested too deep or too large ({type(error).__name__})"
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        return "not a notebook: it is no text in UTF-8 or UTF-16"
    if not text.strip():
        return "empty but for blanks, and not a notebook"
    start = text.lstrip("\ufeff \t\r\n")[:200].casefold()
    for starts, what in _STARTS:
        if start.startswith(starts):
            return f"{_NOT}{what}"
    if found := _conflict(content):
        return found
    if not isinstance(error, json.JSONDecodeError):
        return _json(text)
    if start.startswith(("{", "[")):
        return _damaged(text, error)
    if _PYTHON.search(text):
        return f"{_NOT}Python code, as an export writes it"
    return f"{_NOT}a text"


def _conflict(content: bytes) -> str:
    """Name the line where Git has left the marks of a conflict."""
    for part in (content[:_LOOKED_AT], content[-_LOOKED_AT:]):
        if found := _CONFLICT.search(part):
            line = content.count(b"\n", 0, content.index(found[0])) + 1
            return f"a notebook with the marks of a merge conflict of Git, in line {line:,}"
    return ""


def _json(text: str) -> str:
    """Say what JSON is that is no notebook."""
    try:
        found = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return "not a notebook: a number in it is too long"
    if not isinstance(found, dict):
        kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        return f"not a notebook: it is JSON, but {kind.get(type(found), 'a number')}"
    if any(name in found for name in _STUB) and len(found) < 10:
        return f"{_NOT}a link of Google Drive (download the file that it leads to)"
    return "not a notebook: it is JSON without a list of cells"


def _damaged(text: str, error: json.JSONDecodeError) -> str:
    if not text[error.pos :].strip() or error.msg.startswith("Unterminated string"):
        return f"a notebook that was cut off: it ends in line {text.count(chr(10)) + 1:,}, in the middle"
    if error.msg == "Extra data":
        return f"a notebook with something behind its end, in line {error.lineno:,}"
    return f"not a notebook: it is no JSON from line {error.lineno:,} on"
