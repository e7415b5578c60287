"""Texts without accents: names and titles are compared by them, whoever has typed them on what keyboard."""

from __future__ import annotations

import re
import unicodedata

# Latin letters that Unicode does not take apart.
_SMALL = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "ħ": "h",
    "ŧ": "t",
    "ŋ": "n",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
_LETTERS = str.maketrans(
    {
        **_SMALL,
        **{letter.upper(): plain.upper() for letter, plain in _SMALL.items()},
        **{"ß": "ss", "ẞ": "SS", "ı": "i"},
    }
)


_ACCENTED = "\u0700"  # before it: Latin, Greek, Cyrillic, and the vowel signs of Hebrew and Arabic


def plain_letters(text: str) -> str:
    """Give a text with its Latin letters as they are without accents; what has no such letter stays.

    Signs of scripts in which they make another letter stay too: a vowel of Hindi or Thai is no accent.

    Examples
    --------
    >>> plain_letters("Łukasz Groß, Zoë, 王 Wei")
    'Lukasz Gross, Zoe, 王 Wei'
    """
    if text.isascii():
        return text
    kept, base = [], ""
    for character in unicodedata.normalize("NFKD", text.translate(_LETTERS)):
        if not unicodedata.combining(character):
            base = character
        elif base < _ACCENTED:
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def words(text: str) -> list[str]:
    """Give the words of a text, without accents and in small letters.

    Examples
    --------
    >>> words("Prénom "), words("SIS_Login-ID")
    (['prenom'], ['sis', 'login', 'id'])
    """
    plain = plain_letters(text.casefold())
    if plain.isascii():
        return re.findall(r"[^\W_]+", plain)
    return "".join(
        one if one.isalnum() or unicodedata.category(one)[0] == "M" else " " for one in plain
    ).split()
