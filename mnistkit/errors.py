"""The one error that is shown to a user: where it is, what was found, what was expected, what to do now."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def printable(text: object) -> str:
    r"""Return a text, such as a path, that can be printed and stored: what is no text becomes ``\udce9``."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def suggestion(word: str, choices: Sequence[str]) -> str:
    """Return ``did you mean '…'?`` for the nearest choice, or an empty text; case does not count."""
    known = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"did you mean {known[near[0]]!r}?" if near else ""


class UserError(Exception):
    """What a user asked for can't be done as it stands; a command shows it without a traceback.

    Parameters
    ----------
    where : object
        The file, folder, option or data set that the error is about (or a sentence that says all).
    found : object
        What is there, with the place (line, column, byte) where that helps.
    expected : object
        What would have been right.
    todo : object
        What the reader can do now, as an instruction.

    Attributes
    ----------
    where, found, expected, todo : str
        The same as texts that can be printed; empty where nothing was given.

    Examples
    --------
    >>> print(UserError("train.csv", found="785 columns", expected="784 or 785", todo="export it again"))
    train.csv
      found:    785 columns
      expected: 784 or 785
      to do:    export it again
    """

    def __init__(
        self, where: object, *, found: object = "", expected: object = "", todo: object = ""
    ) -> None:
        self.where, self.found, self.expected, self.todo = map(printable, (where, found, expected, todo))
        super().__init__(self.where, self.found, self.expected, self.todo)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), *self.args)  # errors come from other processes by pickling

    def __str__(self) -> str:
        parts = (("found:", self.found), ("expected:", self.expected), ("to do:", self.todo))
        lines = [f"  {name:<9} {text.replace(chr(10), _NEXT_LINE)}" for name, text in parts if text]
        return "\n".join([self.where, *lines])


_NEXT_LINE = "\n" + 12 * " "


def _rebuild(kind: type[UserError], where: str, found: str, expected: str, todo: str) -> UserError:
    return kind(where, found=found, expected=expected, todo=todo)


class DataError(UserError):
    """Something is wrong with data: which file, what was found, what was expected, what to do now."""
