"""Files that the kit wrote and reads back: checked against a typed model before anything believes them.

Anybody can have edited, cut off or replaced such a file. A model is a `typing.TypedDict` or a dataclass; what
is read has every field with the type that the model says, finite numbers, texts that can be written again,
and plain names wherever a name becomes a part of a path (`PlainName`).
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from pathlib import Path
from typing import Any, Literal, NewType, NotRequired, TypeVar, Union

from mnistkit.errors import UserError

_T = TypeVar("_T")

PlainName = NewType("PlainName", str)
"""A text that is one part of a path and nothing else: no folder, no drive, not hidden."""

_MOST_BYTES = 256 * 2**20
_LARGEST = 2**63  # of whole numbers: counts of bytes and of nanoseconds fit
_LONGEST_NAME = 200
_NOT_PLAIN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')


def is_plain_name(text: str) -> bool:
    """Whether a text can be the name of a file or folder, and of none elsewhere.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool
        False for an empty or hidden name, one with a separator, or one too long.
    """
    return (
        0 < len(text) <= _LONGEST_NAME
        and not text.startswith((".", " "))
        and not text.endswith((".", " "))
        and not _NOT_PLAIN.search(text)
    )


def read_stored(path: Path, model: type[_T], todo: str) -> _T:
    """Read a JSON file that the kit wrote.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    model : type
        A `typing.TypedDict` or a dataclass.
    todo : str
        What to do if it is not as it should be, for the message.

    Returns
    -------
    model
        Its content. Fields that the model does not know are left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UserError
        If it can't be read, is no JSON, or is not as the model says.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes, more than any such file has")
        content = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error) or type(error).__name__
        raise _misfit(path, "", f"no readable JSON ({reason})", "the file as it was written", todo) from error
    return check(content, model, path, todo)


def check(content: Any, model: type[_T], where: Path | str, todo: str) -> _T:
    """See that plain data is as a model says.

    Parameters
    ----------
    content : object
        What `json.loads` gave.
    model : type
        A `typing.TypedDict` or a dataclass.
    where : pathlib.Path or str
        Where it is from, for the message.
    todo : str
        What to do if it is not.

    Returns
    -------
    model
        The same content.

    Raises
    ------
    UserError
        If a field is missing or not of its type; it names file, field, what was found and expected.
    """
    try:
        return _value(content, model, "")
    except _MisfitError as misfit:
        raise _misfit(where, misfit.field, misfit.found, misfit.expected, todo) from None


class _MisfitError(Exception):
    """A field that is not as it should be."""

    def __init__(self, field: str, found: str, expected: str) -> None:
        super().__init__(field, found, expected)
        self.field, self.found, self.expected = field, found, expected


def _misfit(where: Path | str, field: str, found: str, expected: str, todo: str) -> UserError:
    place = f"{where}: {field}" if field else str(where)
    return UserError(place, found=found, expected=expected, todo=todo)


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text}, which is no number")


def _shown(content: Any) -> str:
    text = ascii(content)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _value(content: Any, model: Any, place: str) -> Any:
    """Give `content` as `model` says, or raise `_MisfitError`."""
    origin, arguments = typing.get_origin(model), typing.get_args(model)
    if origin in (Union, types.UnionType):
        return _any_of(content, arguments, place)
    if origin is Literal:
        if content in arguments and type(content) in {type(one) for one in arguments}:
            return content
        raise _MisfitError(place, _shown(content), f"one of {', '.join(map(str, arguments))}")
    if origin in (list, tuple):
        return origin(
            _value(each, arguments[0], f"{place}[{i}]") for i, each in enumerate(_list(content, place))
        )
    if origin is dict:
        return {
            _value(key, arguments[0], f"{place}: the name"): _value(each, arguments[1], _inside(place, key))
            for key, each in _mapping(content, place).items()
        }
    if typing.is_typeddict(model) or dataclasses.is_dataclass(model):
        return _fields(_mapping(content, place), model, place)
    return _plain(content, model, place)


def _any_of(content: Any, models: tuple[Any, ...], place: str) -> Any:
    """Take the first of several types that fits; where none does, the reason of the one that got furthest."""
    misfits = []
    for model in models:
        try:
            return _value(content, model, place)
        except _MisfitError as misfit:
            misfits.append(misfit)
    if deeper := [misfit for misfit in misfits if misfit.field != place]:
        raise deeper[0]
    raise _MisfitError(place, misfits[0].found, ", or ".join(misfit.expected for misfit in misfits))


def _inside(place: str, key: str) -> str:
    return f"{place}.{key}" if place else str(key)


def _list(content: Any, place: str) -> list[Any]:
    if not isinstance(content, list):
        raise _MisfitError(place, _shown(content), "a list")
    return content


def _mapping(content: Any, place: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _MisfitError(place, _shown(content), "names with values")
    return content


def _fields(content: dict[str, Any], model: Any, place: str) -> Any:
    made = {}
    for name, hint in typing.get_type_hints(model, include_extras=True).items():
        optional = typing.get_origin(hint) is NotRequired or _has_default(model, name)
        if name in content:
            wanted = typing.get_args(hint)[0] if typing.get_origin(hint) is NotRequired else hint
            made[name] = _value(content[name], wanted, _inside(place, name))
        elif not optional:
            raise _MisfitError(_inside(place, name), "nothing", "a value")
    return model(**made)


def _has_default(model: Any, name: str) -> bool:
    if not dataclasses.is_dataclass(model):
        return False
    field = next(field for field in dataclasses.fields(model) if field.name == name)
    return not (field.default is field.default_factory is dataclasses.MISSING)


def _plain(content: Any, model: Any, place: str) -> Any:
    """Check a text, a number, a truth value or nothing."""
    kind, expected = _KINDS[model]
    fits = type(content) in kind
    if fits and isinstance(content, str):
        fits = content.isascii() or not re.search(r"[\ud800-\udfff]", content)  # half a character: not UTF-8
        fits = fits and (model is not PlainName or is_plain_name(content))
    elif fits and isinstance(content, int):
        fits = abs(content) < _LARGEST
    elif fits and isinstance(content, float):
        fits = math.isfinite(content)
    if not fits:
        raise _MisfitError(place, _shown(content), expected)
    return content


_KINDS: dict[Any, tuple[tuple[type, ...], str]] = {
    PlainName: ((str,), "a plain name, which is no path"),
    str: ((str,), "a text"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((float, int), "a number"),
    None: ((type(None),), "nothing (null)"),
    type(None): ((type(None),), "nothing (null)"),
}
"""What a model's types are in JSON, and what they are called in a message."""
