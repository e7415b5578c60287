"""Notebooks of hundreds of megabytes: their outputs are cut out of the text, which is never held whole."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["cut_outputs"]

_CHUNK = 1 << 20
_MAX_TOKENS = 30_000_000  # some ten seconds
# A string that never ends goes to the end of the file: or each quote in it would be tried as a beginning.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[\]{}]', re.S)
_VALUE = re.compile(rb"\s*:\s*(?=([\[{]))")
# By how many brackets are open: cells' outputs, and the state of widgets.
_CUT = {3: b'"outputs"', 2: b'"widgets"'}
_EMPTY = {b"[": b"[]", b"{": b"{}"}


def cut_outputs(source: Path, target: Path) -> None:
    """Copy a notebook without its outputs; all other bytes stay as they are.

    Parameters
    ----------
    source : pathlib.Path
        A file of unknown origin. What is no JSON stays none.
    target : pathlib.Path
        Where to write.

    Raises
    ------
    ValueError
        If it has more brackets and texts than any notebook.
    """
    with (
        source.open("rb") as file,
        target.open("wb") as written,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        for start, end, instead in _kept(text):
            for place in range(start, end, _CHUNK):
                written.write(text[place : min(place + _CHUNK, end)])
            written.write(instead)


def _kept(text: mmap.mmap) -> Iterator[tuple[int, int, bytes]]:
    """Give the parts to keep, and what stands after each in the place of what is cut."""
    depth, kept, cut_at = 0, 0, -1
    for count, token in enumerate(_TOKEN.finditer(text)):
        if count > _MAX_TOKENS:
            raise ValueError("too many brackets and texts")
        start, end = token.span()
        first = text[start]
        if first in b"[{":
            depth += 1
        elif first in b"]}":
            depth -= 1
            if depth == cut_at:
                kept, cut_at = end, -1
        elif (
            cut_at < 0
            and end - start < 12
            and token[0] == _CUT.get(depth)
            and (value := _VALUE.match(text, end))
        ):
            yield kept, value.end(), _EMPTY[value[1]]
            kept, cut_at = len(text), depth
    yield kept, len(text), b""
