"""The one rule about shapes: an answer that NumPy would stretch to fit, or pass over, is no right answer.

NumPy compares nothing with anything as "all equal" (``np.allclose(np.empty(0), 5)`` is true), one number
with a whole array, and leaves out what is masked or missing. A check that compares values means their shape
too, so each value that a student gives to a check must have the outline of the true one. An axis of length 1
more or less, or a list in the place of an array, is as good; what can't be stretched is left to the check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd

from mnistkit.grading.sandbox.codec import decode, encode
from mnistkit.grading.sandbox.sklearn_codec import FittedModel, is_model


@dataclass(frozen=True)
class Outline:
    """What a value looks like, without its numbers.

    Attributes
    ----------
    shape : tuple of int or None
        As NumPy sees it; None where it is no array, and can't be made one.
    empty : bool
        Whether it, or something in it, has no element.
    missing : bool
        Whether something in it is masked or missing.
    parts : dict
        Outlines of what it holds, by position or key, where it has no shape.
    """

    shape: tuple[int, ...] | None
    empty: bool
    missing: bool
    parts: Mapping[Any, Outline]


def outline(value: object) -> Outline:
    """Give the outline of plain data.

    Parameters
    ----------
    value : object
        Plain data (see `mnistkit.grading.sandbox.codec`).

    Returns
    -------
    Outline
    """
    if isinstance(value, (np.ndarray, np.generic, pd.Series, pd.Index, pd.DataFrame)):
        return Outline(tuple(value.shape), value.size == 0, _misses(value), {})
    if isinstance(value, (bool, int, float, complex)):
        return Outline((), False, False, {})
    if isinstance(value, (list, tuple)):
        return _of_items(dict(enumerate(map(outline, value))))
    if is_model(value):
        value = decode(encode(value))
    if isinstance(value, FittedModel):
        value = value.values
    if isinstance(value, Mapping):
        parts = {key: outline(part) for key, part in value.items()}
        return Outline(None, not parts or any(p.empty for p in parts.values()), _any_missing(parts), parts)
    is_empty = isinstance(value, (set, frozenset)) and not value
    return Outline(None, is_empty, False, {})


def _of_items(parts: dict[Any, Outline]) -> Outline:
    shapes = {part.shape for part in parts.values()}
    inner = shapes.pop() if len(shapes) == 1 else None
    shape = (0,) if not parts else None if inner is None else (len(parts), *inner)
    is_empty = not parts or any(part.empty for part in parts.values())
    return Outline(shape, is_empty, _any_missing(parts), {} if shape else parts)


def _any_missing(parts: Mapping[Any, Outline]) -> bool:
    return any(part.missing for part in parts.values())


def _misses(value: Any) -> bool:
    """Tell whether a comparison would leave something out: what is masked, or missing for pandas."""
    if isinstance(value, np.ma.MaskedArray):
        return bool(np.ma.getmaskarray(value).any())
    if isinstance(value, (pd.Series, pd.Index, pd.DataFrame)):
        return bool(np.any(pd.isna(value)))
    return False


def outline_difference(answer: Outline, truth: Outline) -> str:
    """Say why an answer can't be compared with the truth.

    Parameters
    ----------
    answer, truth : Outline
        Of a student's value, and of the instructor's.

    Returns
    -------
    str
        What it is; empty where a comparison means something.
    """
    if answer.empty and not truth.empty:
        return "it is empty"
    if answer.missing and not truth.missing:
        return "some of its values are missing"
    if answer.shape is not None and truth.shape is not None:
        stretched = _squeezed(answer.shape) != _squeezed(truth.shape)
        if stretched and _fit(answer.shape, truth.shape):
            return f"it has the shape {answer.shape}, and a right answer has another one"
        return ""
    parts = answer.parts
    if answer.shape is not None and truth.parts:
        if answer.shape == ():
            return "it is a single number"
        if answer.shape[0] == len(truth.parts):
            parts = dict.fromkeys(range(len(truth.parts)), Outline(answer.shape[1:], False, False, {}))
    if parts.keys() != truth.parts.keys():
        return ""
    found = (outline_difference(part, truth.parts[key]) for key, part in parts.items())
    return next(filter(None, found), "")


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _fit(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Tell whether NumPy would compare arrays of these shapes with each other."""
    sides = zip_longest(reversed(one), reversed(other), fillvalue=1)
    return all(a == b or 1 in (a, b) for a, b in sides)
