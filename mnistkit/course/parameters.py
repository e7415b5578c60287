"""Strict parameters: a notebook's own parameters cell is the schema, and nothing runs that doesn't fit it.

Papermill alone only warns of an unknown name, checks no types, and pastes names into the notebook as code.
The cell is read with `ast`, not with `papermill.inspect_notebook`: that takes seconds to import, and a typo
should be answered at once (a test holds the two to the same answer).
"""

from __future__ import annotations

import ast
import io
import math
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mnistkit.course import CourseError
from mnistkit.course.lessons import Lesson, unknown

Value = bool | int | float | str
PRESETS = ("smoke", "lab", "full")
"""smoke: for CI. lab: the notebooks' own defaults. full: the source reports' own sizes."""

_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell: ``name: type = default  # help``.

    Attributes
    ----------
    name : str
        Its name.
    type : str
        ``bool``, ``int``, ``float`` or ``str``.
    default : bool, int, float or str
        Its value in the lab preset.
    help : str
        The comment behind it.
    """

    name: str
    type: str
    default: Value
    help: str


def read_schema(lesson: Lesson) -> dict[str, Parameter]:
    """Read the parameters of a lesson from its cell tagged ``parameters``.

    Parameters
    ----------
    lesson : Lesson
        The notebook.

    Returns
    -------
    dict of str to Parameter
        In the order of the cell.

    Raises
    ------
    CourseError
        If there is not exactly one such cell, or a line of it is not ``name: type = value  # help``.
    """
    cells = [cell for cell in lesson.cells if "parameters" in cell.tags]
    if len(cells) != 1:
        raise CourseError(f"{lesson.path}: expected one cell tagged 'parameters', found {len(cells)}")
    try:
        comments = _comments(cells[0].source)
        statements = ast.parse(cells[0].source).body
    except (SyntaxError, tokenize.TokenError) as error:
        raise CourseError(f"{lesson.path}: the parameters cell is not Python: {error}") from error
    schema: dict[str, Parameter] = {}
    for statement in statements:
        parameter = _parameter(lesson.path.name, statement, comments)
        if parameter is None or parameter.name in schema:
            raise CourseError(
                f"{lesson.path}: line {statement.lineno} of the parameters cell\n"
                f"  found:    {ast.unparse(statement)}\n"
                f"  expected: name: type = value  # help, type one of {', '.join(_TYPES)}, each name once"
            )
        schema[parameter.name] = parameter
    return schema


def _parameter(where: str, statement: ast.stmt, comments: Mapping[int, str]) -> Parameter | None:
    """Read one line of a parameters cell; None where it is something else."""
    match statement:
        case ast.AnnAssign(
            target=ast.Name(id=name), annotation=ast.Name(id=kind), value=ast.expr() as value
        ) if kind in _TYPES:
            try:
                default = ast.literal_eval(value)
            except ValueError:
                return None
            default = _from_python(f"{where}: {name}", kind, default)
            return Parameter(name, kind, default, comments.get(statement.lineno, ""))
    return None


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def _from_python(where: str, kind: str, value: Any) -> Any:
    """Accept a value that already has a type (YAML, a default): an int is a float, nothing else changes."""
    if kind == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TYPES[kind]:
        quote = " (quote it)" if kind == "str" else ""
        raise CourseError(f"{where}: expected {kind}{quote}, found {type(value).__name__} {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise CourseError(f"{where}: expected a finite number, found {value}")
    return value


def _from_yaml(where: str, kind: str, value: Any) -> Value:
    """Read a value of a preset: YAML 1.1 takes 1e-3 for a string."""
    convert = _from_text if kind == "float" and isinstance(value, str) else _from_python
    return convert(where, kind, value)


def _from_text(where: str, kind: str, text: str) -> Value:
    """Read a value typed on the command line: ``007`` stays a text where the notebook wants a text."""
    if kind == "bool" and text.lower() in _BOOLS:
        return _BOOLS[text.lower()]
    if kind != "bool":
        try:
            return _from_python(where, kind, _TYPES[kind](text))
        except ValueError:
            pass
    options = f" ({', '.join(_BOOLS)})" if kind == "bool" else ""
    raise CourseError(f"{where}: expected {kind}{options}, found {text!r}")


def _from_user(where: str, kind: str, value: Value) -> Value:
    """Read a value that was typed on the command line, or has a type from a sweep's file."""
    return _from_text(where, kind, value) if isinstance(value, str) else _from_python(where, kind, value)


def parse_assignments(texts: Sequence[str]) -> dict[str, str]:
    """Split ``NAME=VALUE`` texts of the command line.

    Parameters
    ----------
    texts : sequence of str
        The texts.

    Returns
    -------
    dict of str to str
        Value text by name.

    Raises
    ------
    CourseError
        If one has no ``=`` or a name comes twice.
    """
    assignments: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CourseError(f"-p {text}: expected NAME=VALUE, for example -p k_max=10")
        if name in assignments:
            raise CourseError(f"-p {name} is given twice: {assignments[name]!r} and {value!r}")
        assignments[name] = value
    return assignments


def read_preset(folder: Path, preset: str, lessons: Sequence[Lesson]) -> dict[str, dict[str, Value]]:
    """Read what a preset changes, by lesson.

    Parameters
    ----------
    folder : pathlib.Path
        The notebooks' folder; presets are in its ``presets``.
    preset : str
        One of `PRESETS`. ``lab`` is the notebooks' own defaults and has no file.
    lessons : sequence of Lesson
        All lessons of the course.

    Returns
    -------
    dict of str to dict
        Typed values by parameter, by lesson name.

    Raises
    ------
    CourseError
        If the preset, a lesson or a parameter in it is unknown, or a value has the wrong type.
    """
    if preset not in PRESETS:
        raise CourseError(unknown("preset", preset, PRESETS))
    if preset == "lab":
        return {}
    path = folder / "presets" / f"{preset}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CourseError(f"{path}\n  found:    {error}\n  expected: a readable YAML file") from error
    by_name = {lesson.name: lesson for lesson in lessons}
    values: dict[str, dict[str, Value]] = {}
    for name, changes in _mapping(path.name, content).items():
        if name not in by_name:
            raise CourseError(f"{path}: {unknown('lesson', name, list(by_name))}")
        schema = read_schema(by_name[name])
        where = f"{path.name}: {name}"
        _refuse_unknown(where, _mapping(where, changes), schema)
        values[name] = {
            key: _from_yaml(f"{where}.{key}", schema[key].type, value) for key, value in changes.items()
        }
    return values


def _mapping(where: str, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise CourseError(f"{where}: expected 'name: value' lines, found {found!r}")
    return {str(key): value for key, value in found.items()}


def _refuse_unknown(where: str, names: Mapping[str, Any], schema: Mapping[str, Parameter]) -> None:
    for name in names:
        if name not in schema:
            raise CourseError(f"{where}: {unknown('parameter', name, list(schema))}")


def resolve(
    lessons: Sequence[Lesson],
    preset: Mapping[str, Mapping[str, Value]],
    assignments: Mapping[str, Value],
    where: str = "-p",
) -> dict[str, dict[str, Value]]:
    """Work out every parameter of every chosen lesson: defaults, then the preset, then the command line.

    Parameters
    ----------
    lessons : sequence of Lesson
        The lessons to run.
    preset : mapping of str to mapping
        What `read_preset` gave.
    assignments : mapping of str to bool, int, float or str
        What `parse_assignments` gave, or one setting of a sweep. A name must be known to at least one of the
        lessons; the others are run without it.
    where : str, optional
        Where the assignments are from, for messages.

    Returns
    -------
    dict of str to dict
        All values by parameter, by lesson name.

    Raises
    ------
    CourseError
        If a name is unknown to all of the lessons, or a value has the wrong type for one of them.
    """
    schemas = {lesson.name: read_schema(lesson) for lesson in lessons}
    everything = {name: p for schema in schemas.values() for name, p in schema.items()}
    _refuse_unknown(where, assignments, everything)
    values = {}
    for name, schema in schemas.items():
        typed = {
            key: _from_user(f"{where} {key}", schema[key].type, value)
            for key, value in assignments.items()
            if key in schema
        }
        defaults = {key: parameter.default for key, parameter in schema.items()}
        values[name] = {**defaults, **preset.get(name, {}), **typed}
    return values
