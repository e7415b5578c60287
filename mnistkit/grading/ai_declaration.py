"""What a student declares on the use of AI: a cell at the end of the hand-out, read back for the teacher.

The text is the course's own file: it may say something else, or nothing, and then nobody is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mnistkit.files import write_atomically
from mnistkit.grading.plain_text import plain

__all__ = [
    "DECLARATION_FILE",
    "Declaration",
    "declaration_cell",
    "is_declaration",
    "read_declaration",
]

DECLARATION_FILE = "ai_declaration.md"
"""The text's file in a course's folder; an empty one asks nobody."""

_MARK = "<!-- declaration on the use of AI -->"
"""In the cell, which is known by it whatever an editor does to its metadata."""

_DEFAULT = """\
## Declaration on the use of AI

Click twice on this text, and put an x between the brackets of what is true. It costs no points.

- [ ] I used no AI tool for this assignment.
- [ ] I used an AI tool to understand the exercises, an error or a term.
- [ ] I used an AI tool for code or text that I hand in.

Which tool, and for what:
"""
_BOX = re.compile(r"\s*[-*+]\s*\[\s*(\S?)\s*\]\s*(.*)")
_MOST = 1000  # characters of what is said


@dataclass(frozen=True)
class Declaration:
    """What a student declared.

    Attributes
    ----------
    said : str
        The choices that are marked, and the student's own words, as one line; empty where there is nothing.
    """

    said: str

    @property
    def shown(self) -> str:
        """What is shown of it, also where it is empty."""
        return self.said or "left empty, which costs no points"


def declaration_cell(course: Path) -> str:
    """Give the text of the cell, from the course's file, which is made where there is none.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Returns
    -------
    str
        Empty where nobody is to be asked.
    """
    path = course / DECLARATION_FILE
    if not path.exists():
        write_atomically(path, _DEFAULT)
    text = path.read_text(encoding="utf-8").strip()
    return f"{_MARK}\n{text}" if text else ""


def is_declaration(text: str) -> bool:
    """Tell whether a cell's text is the declaration."""
    return _MARK in text


def read_declaration(given: Iterable[str], texts: Iterable[str]) -> Declaration | None:
    """Read what a student declared.

    Parameters
    ----------
    given : iterable of str
        The texts of the cells that were handed out.
    texts : iterable of str
        Those that were handed in.

    Returns
    -------
    Declaration or None
        None where nobody was asked.
    """
    asked = next(filter(is_declaration, given), None)
    if asked is None:
        return None
    known = [line.strip() for line in asked.splitlines() if line.strip()]
    answer = next(filter(is_declaration, texts), "")[: 10 * _MOST]
    lines = [part for line in answer.splitlines() if (part := _said(line, known))]
    return Declaration(plain("; ".join(lines), _MOST))


def _said(line: str, known: Iterable[str]) -> str:
    """Give what a line says beyond what was handed out: a choice that is marked, or own words."""
    if box := _BOX.fullmatch(line):
        return box[2].strip() if box[1] else ""
    begin = max((text for text in known if line.strip().startswith(text)), key=len, default="")
    return line.strip().removeprefix(begin).strip()
