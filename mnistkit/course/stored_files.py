"""Files that the kit wrote and reads back: checked against a typed model before anything believes them.

Anybody can have edited, cut off or replaced such a file. A model is a `typing.TypedDict` or a dataclass; what
is read has every field with the type that the model says, finite numbers, texts that can be written again,
and plain names wherever a name becomes a part of a path (`PlainName`). The text of a field's
`typing.Annotated` is its description in the JSON Schema that `json_schema` makes of a model.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypeVar, Union

from mnistkit.errors import UserError

Model = TypeVar("Model")


@dataclasses.dataclass(frozen=True)
class Pattern:
    """What the whole of a text has to look like.

    Attributes
    ----------
    regex : str
        A regular expression that means the same in Python and in a JSON Schema.
    expected : str
        The same in words, for messages.
    """

    regex: str
    expected: str


_NOT_PLAIN = r'/\\:*?"<>|\x00-\x1f\x7f'
_PLAIN = rf"(?![. ])[^{_NOT_PLAIN}]{{0,199}}[^{_NOT_PLAIN}. ]"
PlainName = Annotated[str, Pattern(_PLAIN, "a plain name, which is no path")]
"""A text that is one part of a path and nothing else: no folder, no drive, not hidden."""
Version = Annotated[str, Pattern(r"[0-9]{1,4}\.[0-9]{1,4}", "a version like 1.0")]
"""The version of a file's schema, ``major.minor``."""

_MOST_BYTES = 256 * 2**20
_LARGEST = 2**63  # of whole numbers: counts of bytes and of nanoseconds fit


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
    return re.fullmatch(_PLAIN, text) is not None


def read_stored(path: Path, model: type[Model], todo: str) -> Model:
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
    return validated(read_json(path, todo), model, path, todo)


def read_json(path: Path, todo: str) -> Any:
    """Read a JSON file before it is known which model it has.

    Parameters
    ----------
    path, todo
        As for `read_stored`.

    Returns
    -------
    object
        Its content, unchecked.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UserError
        If it can't be read, or is no JSON.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes, more than any such file has")
        return json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error) or type(error).__name__
        raise _misfit(path, "", f"no readable JSON ({reason})", "the file as it was written", todo) from error


def validated(content: Any, model: type[Model], where: Path | str, todo: str) -> Model:
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
    if origin is Annotated:
        return _annotated(content, arguments, place)
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


def _annotated(content: Any, arguments: tuple[Any, ...], place: str) -> Any:
    """Check a text against its pattern; other annotations are descriptions."""
    for pattern in (note for note in arguments[1:] if isinstance(note, Pattern)):
        if not isinstance(content, str) or not re.fullmatch(pattern.regex, content):
            raise _MisfitError(place, _shown(content), pattern.expected)
    return _value(content, arguments[0], place)


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
    for name, hint, required in _fields_of(model):
        if name in content:
            made[name] = _value(content[name], hint, _inside(place, name))
        elif required:
            raise _MisfitError(_inside(place, name), "nothing", "a value")
    return model(**made)


@cache  # evaluating annotations takes longer than all else
def _fields_of(model: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Give name and type of each field, and whether it must be there."""
    fields = []
    for name, hint in typing.get_type_hints(model, include_extras=True).items():
        left_out = typing.get_origin(hint) is NotRequired
        required = not (left_out or _has_default(model, name))
        fields.append((name, typing.get_args(hint)[0] if left_out else hint, required))
    return tuple(fields)


def _has_default(model: Any, name: str) -> bool:
    if not dataclasses.is_dataclass(model):
        return False
    field = next(field for field in dataclasses.fields(model) if field.name == name)
    return not (field.default is field.default_factory is dataclasses.MISSING)


def _plain(content: Any, model: Any, place: str) -> Any:
    """Check a text, a number, a truth value or nothing."""
    kind, _, expected = _KINDS[model]
    fits = type(content) in kind
    if fits and isinstance(content, str):
        fits = content.isascii() or not re.search(r"[\ud800-\udfff]", content)  # half a character: not UTF-8
    elif fits and isinstance(content, int):
        fits = abs(content) < _LARGEST
    elif fits and isinstance(content, float):
        fits = math.isfinite(content)
    if not fits:
        raise _MisfitError(place, _shown(content), expected)
    return content


_KINDS: dict[Any, tuple[tuple[type, ...], str, str]] = {
    str: ((str,), "string", "a text"),
    bool: ((bool,), "boolean", "true or false"),
    int: ((int,), "integer", "a whole number"),
    float: ((float, int), "number", "a number"),
    None: ((type(None),), "null", "nothing (null)"),
    type(None): ((type(None),), "null", "nothing (null)"),
}
"""A model's types as they are read, as JSON Schema names them, and as messages do."""


def json_schema(model: Any) -> dict[str, Any]:
    """Describe a model as a JSON Schema, for readers in other languages.

    Parameters
    ----------
    model : type
        A `typing.TypedDict` or a dataclass.

    Returns
    -------
    dict
        A schema of draft 2020-12. As `validated` does, it allows fields that the model does not know.
    """
    models: dict[str, Any] = {}
    top = _schema_of(model, models)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": models}


def _schema_of(model: Any, models: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a type; those of the models in it are put into `models`."""
    origin, arguments = typing.get_origin(model), typing.get_args(model)
    if origin is Annotated:
        schema = _schema_of(arguments[0], models)
        for note in arguments[1:]:
            schema |= {"pattern": f"^{note.regex}$"} if isinstance(note, Pattern) else {"description": note}
        return schema
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(one, models) for one in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (list, tuple):
        return {"type": "array", "items": _schema_of(arguments[0], models)}
    if origin is dict:
        names, values = (_schema_of(one, models) for one in arguments)
        return {"type": "object", "propertyNames": names, "additionalProperties": values}
    if typing.is_typeddict(model) or dataclasses.is_dataclass(model):
        if model.__name__ not in models:
            models[model.__name__] = {}  # keeps its place, before those of its fields
            models[model.__name__] |= _object_schema(model, models)
        return {"$ref": f"#/$defs/{model.__name__}"}
    return {"type": _KINDS[model][1]}


def _object_schema(model: Any, models: dict[str, Any]) -> dict[str, Any]:
    fields = _fields_of(model)
    return {
        "description": (model.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": {name: _schema_of(hint, models) for name, hint, _ in fields},
        "required": [name for name, _, required in fields if required],
    }
