"""What functions may be given: one rule for all of them.

An argument must be what its annotation says; `checked` adds what an annotation can't say: a range, a number
of dimensions, equal lengths. It is looked at before the function begins, so that a mistake is named where it
was made: not deep inside a library, in other words, after minutes, or never.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import math
import numbers
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import numpy as np

__all__ = [
    "CATEGORIES",
    "IMAGES",
    "INCHES",
    "LABELS",
    "PATHS",
    "PIXEL_IMAGES",
    "POINTS",
    "SEED",
    "TEXTS",
    "Array",
    "Choice",
    "Integer",
    "Items",
    "Number",
    "Pair",
    "Table",
    "anything",
    "checked",
    "text",
]

P = ParamSpec("P")
R = TypeVar("R")
Validator = Callable[[str, Any], Any]
"""What an argument must be: takes its name and value, gives the value, or raises with the name in it."""

_SHOWN = 40
"""Characters of a value that a message shows."""
_LARGEST = 1e15
"""The squares of larger numbers, summed over an image, are infinite as float32."""
_MANY = 1_000_000
"""More rounds, images or components than that are a slip of the keyboard: memory or the day would not do."""


@dataclass(frozen=True)
class Integer:
    """A whole number, Python's or NumPy's, in a range; True and 2.0 are none.

    Attributes
    ----------
    low, high : int
        The smallest and the largest.
    """

    low: int = 1
    high: int = _MANY

    def __call__(self, name: str, value: Any) -> Any:
        """Check a value."""
        expected = f"a whole number from {self.low:,} to {self.high:,}"
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise TypeError(_message(name, value, expected))
        if not self.low <= int(value) <= self.high:
            raise ValueError(_message(name, value, expected))
        return value


SEED = Integer(0, 2**32 - 1)
"""What NumPy's and scikit-learn's generators take."""


@dataclass(frozen=True)
class Number:
    """A finite number in a range.

    Attributes
    ----------
    low, high : float
        The smallest and the largest.
    above, below : bool
        Whether `low` itself is too small, and `high` itself too large.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __call__(self, name: str, value: Any) -> Any:
        """Check a value."""
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise TypeError(_message(name, value, self._expected))
        size = float(value)
        too_small = size <= self.low if self.above else size < self.low
        too_large = size >= self.high if self.below else size > self.high
        if not math.isfinite(size) or too_small or too_large:
            raise ValueError(_message(name, value, self._expected))
        return value

    @property
    def _expected(self) -> str:
        limits = []
        if self.low > -math.inf:
            limits.append(f"{'above' if self.above else 'of at least'} {self.low:g}")
        if self.high < math.inf:
            limits.append(f"{'below' if self.below else 'of at most'} {self.high:g}")
        return f"a finite number {' and '.join(limits)}".rstrip()


INCHES = Number(0.1, 100)
"""A side of something drawn."""


@dataclass(frozen=True)
class Array:
    """Numbers in an array, or what NumPy makes one; never empty.

    Attributes
    ----------
    ndim : tuple of int
        The dimensions that it may have; any from 1 where empty.
    low, high : float
        The smallest and the largest number that may be in it.
    integers : bool
        Whether the dtype must be one of whole numbers.
    names : bool
        Whether texts are as good as numbers: what is counted, not computed with.
    gaps : bool
        Whether NaN is allowed.
    """

    ndim: tuple[int, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    integers: bool = False
    names: bool = False
    gaps: bool = False

    def __call__(self, name: str, value: Any) -> Any:
        """Check a value, and make it an array."""
        array = self._as_array(name, value)
        if array.dtype.kind not in ("iu" if self.integers else "iufbOUS" if self.names else "iufb"):
            raise TypeError(_message(name, array if array.ndim else value, self._expected))
        if array.size == 0 or array.ndim not in (self.ndim or range(1, array.ndim + 1)):
            raise ValueError(_message(name, array if array.ndim else value, self._expected))
        if array.dtype.kind == "O":
            _check_no_gaps(name, array)
        elif array.dtype.kind in "iuf":
            self._check_range(name, array)
        return array

    def _as_array(self, name: str, value: Any) -> np.ndarray:
        if value is None or isinstance(value, str | bytes | Mapping):
            raise TypeError(_message(name, value, self._expected))
        try:
            return np.asarray(value)
        except (ValueError, TypeError) as error:  # rows of different lengths
            raise ValueError(_message(name, value, self._expected)) from error

    def _check_range(self, name: str, array: np.ndarray) -> None:
        ends = (np.nanmin(array), np.nanmax(array)) if self.gaps else (array.min(), array.max())
        low, high = map(float, ends)
        if not (math.isfinite(low) and math.isfinite(high)):
            strange = np.argwhere(~np.isfinite(array))
            raise ValueError(
                f"{name} has {len(strange):,} numbers that are NaN or infinite, the first at "
                f"{strange[0].tolist()}; expected {self._expected}"
            )
        found = f"{name} has numbers from {low:g} to {high:g}"
        if max(-low, high) > _LARGEST:
            raise ValueError(f"{found}; expected {_LARGEST:g} at most")
        if low < self.low or high > self.high:
            raise ValueError(f"{found}; expected {self._expected}")
        if self.names and array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)):
            raise ValueError(f"{found}, not all of them whole; expected {self._expected}")

    @property
    def _expected(self) -> str:
        what = "whole numbers" if self.integers else "labels" if self.names else "numbers"
        low = f" of at least {self.low:g}" if self.low > -math.inf else ""
        high = f" of at most {self.high:g}" if self.high < math.inf else ""
        shape = f" with {' or '.join(map(str, self.ndim))} dimensions" if self.ndim else ""
        return f"an array of {what}{low}{' and' if low and high else ''}{high}{shape}, not empty"


IMAGES = Array((3,))
"""Grey images, one after the other."""
PIXEL_IMAGES = Array((3,), 0, 255, integers=True)
"""Grey images in the values of files."""
LABELS = Array((1,), 0, _MANY, integers=True)
"""Classes by their numbers."""
POINTS = Array((2,))
"""Places, one a row."""
CATEGORIES = Array((1,), names=True)
"""Classes or clusters by any names."""


@dataclass(frozen=True)
class Choice:
    """One of some texts.

    Attributes
    ----------
    texts : tuple of str
        The choices.
    """

    texts: tuple[str, ...]

    def __call__(self, name: str, value: Any) -> Any:
        """Check a value."""
        if not isinstance(value, str) or value not in self.texts:
            kind = ValueError if isinstance(value, str) else TypeError
            raise kind(_message(name, value, f"one of {', '.join(self.texts)}"))
        return value


@dataclass(frozen=True)
class Items:
    """Several things of one kind, in a list or by their names.

    Attributes
    ----------
    kind : callable, optional
        What each must be; for a mapping, each value.
    keys : callable, optional
        What each key must be, where a mapping is wanted.
    fewest : int
        How many at least.
    """

    kind: Validator | None = None
    keys: Validator | None = None
    fewest: int = 1

    def __call__(self, name: str, value: Any) -> Any:
        """Check a value; what can be gone through only once is made a list."""
        expected = f"a {'mapping' if self.keys else 'list'} of {self.fewest} or more"
        if not isinstance(value, Mapping if self.keys else Iterable) or isinstance(value, str | bytes):
            raise TypeError(_message(name, value, expected))
        if isinstance(value, np.ndarray) and value.ndim == 0:
            raise TypeError(_message(name, value, expected))
        items: Any = value if hasattr(value, "__len__") else list(value)
        if len(items) < self.fewest:
            raise ValueError(_message(name, value, expected))
        for position, item in enumerate(items):
            if self.keys:
                self.keys(f"a key of {name}", item)
            if self.kind:
                where, part = (item, items[item]) if self.keys else (position, item)
                self.kind(f"{name}[{where!r}]", part)
        return items


@dataclass(frozen=True)
class Pair:
    """Two things of the same length, such as images and their labels.

    Attributes
    ----------
    first, second : callable
        What they must be.
    """

    first: Validator
    second: Validator

    def __call__(self, name: str, value: Any) -> Any:
        """Check a value."""
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(_message(name, value, "a pair (tuple) of two arrays"))
        names = (f"{name}[0]", f"{name}[1]")
        checked = (self.first(names[0], value[0]), self.second(names[1], value[1]))
        _check_lengths(dict(zip(names, checked, strict=True)))
        return checked


@dataclass(frozen=True)
class Table:
    """A table of pandas that has rows.

    Attributes
    ----------
    columns : tuple of str, optional
        Columns of numbers that it must have; where None, all columns are of numbers.
    low : float
        The smallest number that may be in them; NaN may.
    """

    columns: tuple[str, ...] | None = None
    low: float = -math.inf

    def __call__(self, name: str, value: Any) -> Any:
        """Check a value."""
        import pandas as pd

        if not isinstance(value, pd.DataFrame):
            raise TypeError(_message(name, value, "a pandas.DataFrame"))
        wanted = value.columns if self.columns is None else self.columns
        missing = [column for column in wanted if column not in value.columns]
        if missing or value.size == 0:
            among = f", among them {', '.join(self.columns)}" if self.columns else ""
            found = f"{len(value):,} rows and the columns {list(value)}"
            raise ValueError(f"{name} has {found}; expected rows and columns{among}")
        for column in wanted:
            Array(low=self.low, gaps=True)(f"{name}[{column!r}]", value[column])
        return value


def anything(name: str, value: Any) -> Any:
    """Take any value: for the keys of a mapping whose values matter."""
    return value


def checked(*same_length: str, **asked: Validator) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check a function's arguments before it begins.

    Parameters
    ----------
    *same_length : str
        Names of arguments that must be of the same length: ``"images labels"``.
    **asked : callable
        What an argument must be, where its annotation does not say enough.

    Returns
    -------
    callable
        A decorator. The function then raises TypeError for an argument of the wrong type and ValueError for
        one of the right type that it can't take; the message has the argument's name, what was found and
        what is expected. None passes where the annotation allows it.

    Examples
    --------
    >>> @checked(parts=Integer(1, 100))
    ... def split(parts: int) -> int:
    ...     return parts
    >>> split(0)
    Traceback (most recent call last):
    ...
    ValueError: parts is 0; expected a whole number from 1 to 100
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        annotations = {
            name: str(parameter.annotation)
            for name, parameter in signature.parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD
        }

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            for name in [name for name in bound.arguments if name in annotations]:
                kind = asked.get(name)
                if signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                    kind = _each(kind or _annotated(annotations[name], function.__globals__))
                value = bound.arguments[name]
                bound.arguments[name] = _checked(name, value, annotations[name], kind, function)
            for group in same_length:
                _check_lengths({name: bound.arguments.get(name) for name in group.split()})
            return function(*bound.args, **bound.kwargs)

        return wrapper

    return decorate


def _checked(
    name: str, value: Any, annotation: str, asked: Validator | None, function: Callable[..., Any]
) -> Any:
    if value is None and annotation.endswith("| None"):
        return value
    return (asked or _annotated(annotation, function.__globals__))(name, value)


def _annotated(annotation: str, scope: Mapping[str, Any]) -> Validator:
    """Give the kind that an annotation names; where it can't be looked up, anything will do."""
    if " | " in annotation.split("[")[0] or annotation.endswith("| None"):
        return _one_of([_annotated(part, scope) for part in annotation.split(" | ")])
    name, _, inside = annotation.removesuffix("]").partition("[")
    simple: dict[str, Validator] = {
        "int": Integer(-(2**63), 2**63 - 1),
        "float": Number(),
        "str": _instance(str, "a text"),
        "bool": _instance((bool, np.bool_), "True or False"),
        "Path": _path,
        "os.PathLike": _path,
        "NDArray": Array(),
        "ArrayLike": Array(),
        "np.ndarray": Array(),
        "Callable": _instance(Callable, "a function"),
        "pd.DataFrame": Table(),
        "Any": anything,
        "tuple": Items(),
        "None": _instance(type(None), "None"),
    }
    if name in ("Sequence", "Iterable"):
        return Items(_annotated(inside, scope), fewest=0)
    if name in ("Mapping", "dict"):
        keys, _, values = inside.partition(", ")
        return Items(_annotated(values, scope), keys=_annotated(keys, scope))
    if name in simple:
        return simple[name]
    if name.startswith(("keras.", "tf.")):
        return _imported_late(name)
    root, *parts = name.split(".")
    found = scope.get(root)
    for part in parts:
        found = getattr(found, part, None)
    return _instance(found, f"a {name}") if isinstance(found, type) else anything


def _path(name: str, value: Any) -> Any:
    """Take what names a file or folder; an empty text would be the current folder."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(_message(name, value, "a path"))
    if value == "":
        raise ValueError(_message(name, value, "a path"))
    return value


def _instance(wanted: Any, expected: str) -> Validator:
    def check(name: str, value: Any) -> Any:
        if not isinstance(value, wanted):
            raise TypeError(_message(name, value, expected))
        return value

    return check


PATHS = Items(_path, fewest=0)
"""Names of files."""
text = _instance(str, "a text")
TEXTS = Items(text)
"""One name or more."""


def _each(kind: Validator) -> Validator:
    def check(name: str, values: Any) -> Any:
        return tuple(kind(f"{name}[{position}]", value) for position, value in enumerate(values))

    return check


def _one_of(kinds: list[Validator]) -> Validator:
    def check(name: str, value: Any) -> Any:
        for kind in kinds[:-1]:
            with contextlib.suppress(TypeError):
                return kind(name, value)
        return kinds[-1](name, value)

    return check


def _imported_late(path: str) -> Validator:
    """Look a class up when it is needed: TensorFlow takes seconds to import, and annotations don't do it."""

    def check(name: str, value: Any) -> Any:
        from mnistkit.utils.keras_backend import import_keras

        root, *parts = path.split(".")
        found: Any = import_keras() if root == "keras" else importlib.import_module("tensorflow")
        for part in parts:
            found = getattr(found, part)
        return _instance(found, f"a {path}")(name, value)

    return check


def _check_no_gaps(name: str, array: np.ndarray) -> None:
    import pandas as pd

    if pd.isna(array).any():
        raise ValueError(f"{name} has {int(pd.isna(array).sum()):,} missing values; expected none")


def _check_lengths(values: Mapping[str, Any]) -> None:
    lengths = {name: len(value) for name, value in values.items() if value is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        raise ValueError(f"{found}; expected as many of each")


def _message(name: str, value: Any, expected: str) -> str:
    return f"{name} is {_described(value)}; expected {expected}"


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}, shape {value.shape}"
    if value is None or isinstance(value, numbers.Number | str):
        text = repr(value.item() if isinstance(value, np.generic) else value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({type(value).__name__})"
    size = f" of {len(value):,}" if hasattr(value, "__len__") else ""
    return f"a {type(value).__name__}{size}"
