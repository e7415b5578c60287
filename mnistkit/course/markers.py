"""The lines around what no student may see: solutions, hidden tests, the marking schemes of tasks.

nbgrader takes any line for a marker that has its words somewhere, and leaves in what stands behind words that
are mistyped. Here one rule holds for whoever takes such a region out, hides it or looks for it: what looks
like a marker is one, so that in doubt too much is hidden. What is released must have markers that nbgrader
and a reader of the notebook can't take for anything else (`is_exact`).
"""

from __future__ import annotations

import re
import textwrap
from typing import Literal, NamedTuple

RegionKind = Literal["SOLUTION", "HIDDEN TESTS", "MARK SCHEME"]

_SPACE = r"(?:[^\S\n]|[_-])*"
_IS_A_WORD = r"(?i:(?<=\bbegin)|(?<=\bend))"
_IN_CAPITALS = r"(?<=BEGIN)|(?<=END)"  # which nbgrader takes at the end of another word too
LIKE_A_MARKER = re.compile(
    rf"(?P<edge>(?i:begin|end))(?:{_IS_A_WORD}|{_IN_CAPITALS})"
    rf"{_SPACE}(?i:(?P<solution>solution)|(?P<hidden>hidden{_SPACE}test)|mark{_SPACE}scheme)"
)
_EXACT = r"\W*(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\W*"
_EXACT_TEXT, _EXACT_COMMENT = re.compile(_EXACT), re.compile(rf"\s*#{_EXACT}")


class Marker(NamedTuple):
    """What a marker says.

    Attributes
    ----------
    edge : {"BEGIN", "END"}
        Of which end of a region it is.
    kind : {"SOLUTION", "HIDDEN TESTS", "MARK SCHEME"}
        What stands in the region.
    """

    edge: str
    kind: RegionKind


def markers(line: str) -> list[Marker]:
    """Find what looks like a marker.

    Parameters
    ----------
    line : str
        A line of a cell.

    Returns
    -------
    list of Marker
        In order; as a rule none, or one.
    """
    return [_marker(found) for found in LIKE_A_MARKER.finditer(line)]


def _marker(found: re.Match[str]) -> Marker:
    edge = found["edge"].upper()
    if found["solution"]:
        return Marker(edge, "SOLUTION")
    return Marker(edge, "HIDDEN TESTS" if found["hidden"] else "MARK SCHEME")


def is_exact(line: str, *, is_code: bool) -> bool:
    """Tell whether a line is a marker and nothing else, so that nobody can misread it.

    Parameters
    ----------
    line : str
        A line of a cell.
    is_code : bool
        Whether the cell is one for code, where a marker is a comment: ``### BEGIN SOLUTION``. In a text other
        signs may stand around it too: ``<!-- BEGIN SOLUTION -->``.

    Returns
    -------
    bool
        False for words in small letters, or with others beside them.
    """
    return (_EXACT_COMMENT if is_code else _EXACT_TEXT).fullmatch(line) is not None


def regions(source: str, kind: RegionKind) -> list[range]:
    """Find the regions of a kind in a cell.

    Parameters
    ----------
    source : str
        The cell's text.
    kind : {"SOLUTION", "HIDDEN TESTS", "MARK SCHEME"}
        Which.

    Returns
    -------
    list of range
        The lines of each, counted from 0, with those of its markers. What is never closed goes to the end.
    """
    text = _with_plain_line_ends(source)
    found, opened, line, place = list[range](), -1, 0, 0
    for match in LIKE_A_MARKER.finditer(text):
        line, place = line + text.count("\n", place, match.start()), match.start()
        edge, of = _marker(match)
        if of == kind and edge == "BEGIN" and opened < 0:
            opened = line
        elif of == kind and edge == "END" and 0 <= opened < line:
            found.append(range(opened, line + 1))
            opened = -1
    return found + [range(opened, text.count("\n") + 1)] * (opened >= 0)


def replace_regions(source: str, kind: RegionKind, text: str = "") -> str:
    """Put a text in the place of each region of a kind, or nothing.

    Parameters
    ----------
    source : str
        The cell's text.
    kind : {"SOLUTION", "HIDDEN TESTS", "MARK SCHEME"}
        Which.
    text : str, optional
        What to put there, as far to the right as the marker stood; by default the lines are taken out.

    Returns
    -------
    str
        The text without its regions and their markers.
    """
    lines, made, done = _with_plain_line_ends(source).split("\n"), list[str](), 0
    for region in regions(source, kind):
        first = lines[region.start]
        indent = first[: len(first) - len(first.lstrip())]
        made += lines[done : region.start]
        made += [textwrap.indent(text, indent)] * bool(text)
        done = region.stop
    return "\n".join([*made, *lines[done:]])


def _with_plain_line_ends(source: str) -> str:
    """End lines where Python ends them, so that they are counted as its parser counts them."""
    return source.replace("\r\n", "\n").replace("\r", "\n")
