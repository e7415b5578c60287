"""Remarks on students: what is said of many is said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["remark_lines", "split_shared"]

_MANY = 3
"""Students of whom the same is said, from which on it is said once."""


def split_shared(
    remarks: Mapping[str, Sequence[str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Take out of remarks what is said of many students.

    Parameters
    ----------
    remarks : mapping of str to sequence of str
        By student.

    Returns
    -------
    own : dict of str to list of str
        By student, without what many share; only students of whom something is left to say.
    shared : dict of str to list of str
        Students, by what is said of them.

    Examples
    --------
    >>> split_shared({"a": ["late", "empty"], "b": ["late"], "c": ["late"]})
    ({'a': ['empty']}, {'late': ['a', 'b', 'c']})
    """
    whose: dict[str, list[str]] = {}
    for student, texts in remarks.items():
        for text in dict.fromkeys(texts):
            whose.setdefault(text, []).append(student)
    shared = {text: students for text, students in whose.items() if len(students) >= _MANY}
    own = {
        student: left
        for student, texts in remarks.items()
        if (left := [text for text in dict.fromkeys(texts) if text not in shared])
    }
    return own, shared


def remark_lines(remarks: Mapping[str, Sequence[str]]) -> list[str]:
    """Give remarks as lines of text, those on one student first.

    Parameters
    ----------
    remarks : mapping of str to sequence of str
        By student.

    Returns
    -------
    list of str
        The students' names stand in a column.
    """
    own, shared = split_shared(remarks)
    width = max(map(len, own), default=0)
    lines = [
        f"{'' if number else student:<{width}}  {text}"
        for student, texts in own.items()
        for number, text in enumerate(texts)
    ]
    return [*lines, *(f"{text}: {', '.join(students)}" for text, students in shared.items())]
