"""Texts that students made (names, messages, remarks), fit to stand on a page or in a table."""

from __future__ import annotations

import unicodedata

_NOT_SHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's categories of what has no look of its own, and can change how the text around it looks."""


def plain(text: str, most: int = 300) -> str:
    """Make a text one line without control characters, and short.

    Parameters
    ----------
    text : str
        Any text.
    most : int, optional
        Characters that are kept.

    Returns
    -------
    str
        Without what could turn the direction of the text around it, hide in it or break a file.
    """
    shown = _without_controls(text[: 4 * most], kept="")
    line = " ".join(shown.split())
    cut = len(line) > most or len(text) > 4 * most
    return line[:most].rstrip() + " …" if cut else line


def plain_lines(text: str, most: int) -> str:
    """Take control characters out of a text, but for its lines and tabs, and make it short.

    Parameters
    ----------
    text : str
        Any text.
    most : int
        Characters that are kept.

    Returns
    -------
    str
        The same text where it has none of them and is short.
    """
    rest = len(text) - most
    shown = _without_controls(text[:most], kept="\n\t")
    return f"{shown}\n[… {rest:,} more characters are not shown]" if rest > 0 else shown


def _without_controls(text: str, kept: str) -> str:
    def shown(character: str) -> str:
        if character in kept or unicodedata.category(character) not in _NOT_SHOWN:
            return character
        return " " if character.isspace() else ""

    return text if text.isascii() and text.isprintable() else "".join(map(shown, text))
