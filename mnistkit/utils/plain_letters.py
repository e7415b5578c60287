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


def plain_letters(text: str) -> str:
    """Give a text with its Latin letters as they are without accents; what has no such letter stays.

    Examples
    --------
    >>> plain_letters("Łukasz Groß, Zoë, 王 Wei")
    'Lukasz Gross, Zoe, 王 Wei'
    """
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(character for character in apart if not unicodedata.combining(character))


def words(text: str) -> list[str]:
    """Give the words of a text, without accents and in small letters.

    Examples
    --------
    >>> words("Prénom "), words("SIS_Login-ID")
    (['prenom'], ['sis', 'login', 'id'])
    """
    return re.findall(r"[^\W_]+", plain_letters(text.casefold()))
