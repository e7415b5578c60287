"""Strict parameters: a notebook's own parameters cell is the schema, and nothing runs that doesn't fit it.

Papermill alone only warns of an unknown name, checks no types, and pastes names into the notebook as code.
The cell is read with `ast`, not with `papermill.inspect_notebook`: that takes seconds to import, and a typo
should be answered at once (a test holds the two to the same answer); and it fails at texts with an ``=``.

A line is ``name: type = default  # help``. The help may say in brackets which values there are, and whatever
else is given is refused before anything runs::

    k_max: int = 14  # largest number of clusters (1 to 50)
    n_init: int = 3  # starts for each k (at least 1)
    rate: float = 0.5  # share of pixels (at most 0.9)
    loss: str = "mse"  # what is minimised (one of: mse, mae)
    dataset: str = "mnist"  # what the lesson is about (a data set or a folder)

Both ends are included. Brackets that say anything else are text.
"""

from __future__ import annotations

import ast
import io
import math
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistkit.course.lessons import Lesson, unknown
from mnistkit.errors import UserError
from mnistkit.files import read_yaml

Value = bool | int | float | str
PRESETS = ("smoke", "lab", "full")
"""smoke: for CI. lab: the notebooks' own defaults. full: the source reports' own sizes."""

_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
_NUMBER = r"-?\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e-?\d+)?"
_ALLOWED = re.compile(
    rf"\((?:(?P<least>{_NUMBER}) to (?P<most>{_NUMBER})|at least (?P<only_least>{_NUMBER})"
    rf"|at most (?P<only_most>{_NUMBER})|one of:(?P<choices>[^()]*)|(?P<dataset>a data set or a folder))\)",
    re.IGNORECASE,
)
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
    least, most : int, float or None
        Ends of the range of its values, included; None: open.
    choices : tuple
        Its only values; empty: no such list.
    is_dataset : bool
        Whether it names a data set, or is the path of a folder with images of one's own.
    """

    name: str
    type: str
    default: Value
    help: str
    least: float | None = None
    most: float | None = None
    choices: tuple[Value, ...] = ()
    is_dataset: bool = False

    def check(self, where: str, value: Value) -> Value:
        """Give a value of the right type back if it is one that the parameter may have.

        Parameters
        ----------
        where : str
            Where it is from, for the message.
        value : bool, int, float or str
            The value.

        Returns
        -------
        bool, int, float or str
            The same; of a folder the absolute path, because a notebook runs in another folder.

        Raises
        ------
        UserError
            If it is not in the range, none of the choices, or no data set.
        """
        if self.is_dataset and isinstance(value, str):
            return _data_set(where, value)
        if self.choices and value not in self.choices:
            raise UserError(f"{where}: expected one of {', '.join(map(str, self.choices))}, found {value!r}")
        if isinstance(value, int | float):
            if self.least is not None and value < self.least:
                raise UserError(f"{where}: expected {self._range()}, found {value}")
            if self.most is not None and value > self.most:
                raise UserError(f"{where}: expected {self._range()}, found {value}")
        return value

    def _range(self) -> str:
        if self.least is None:
            return f"at most {self.most}"
        return f"at least {self.least}" if self.most is None else f"{self.least} to {self.most}"


def _data_set(where: str, name: str) -> str:
    """Check that a data set is known, or that there is such a folder; return its name or path."""
    from mnistkit.data import registry  # only for lessons with such a parameter: it needs NumPy
    from mnistkit.data.loader import own_folder

    if name in registry.names():
        return name
    try:
        return str(own_folder(name))
    except UserError as error:
        raise UserError(
            where, found=f"{name!r}, {error.found}", expected=error.expected, todo=error.todo
        ) from error


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
    UserError
        If there is not exactly one such cell, a line of it is not ``name: type = value  # help``, or a
        default is not in its range.
    """
    cells = [cell for cell in lesson.cells if "parameters" in cell.tags]
    if len(cells) != 1:
        raise UserError(f"{lesson.path}: expected one cell tagged 'parameters', found {len(cells)}")
    try:
        comments = _comments(cells[0].source)
        statements = ast.parse(cells[0].source).body
    except (SyntaxError, tokenize.TokenError) as error:
        raise UserError(f"{lesson.path}: the parameters cell is not Python: {error}") from error
    schema: dict[str, Parameter] = {}
    for statement in statements:
        parameter = _parameter(lesson.path.name, statement, comments)
        if parameter is None or parameter.name in schema:
            raise UserError(
                f"{lesson.path}: line {statement.lineno} of the parameters cell",
                found=ast.unparse(statement),
                expected=f"name: type = value  # help, type one of {', '.join(_TYPES)}, each name once",
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
            place = f"{where}: {name}"
            default = _from_python(place, kind, default)
            # Behind the last line of the value, which can have several.
            lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
            comment = next((comments[line] for line in reversed(lines) if line in comments), "")
            parameter = Parameter(name, kind, default, comment, **_allowed(place, kind, comment))
            parameter.check(place, default)
            return parameter
    return None


def _allowed(where: str, kind: str, comment: str) -> dict[str, Any]:
    """Read which values a comment allows: the fields of `Parameter` for them."""
    found = list(_ALLOWED.finditer(comment))
    if not found:
        return {}
    said = " and ".join(match[0] for match in found)
    if len(found) > 1:
        raise UserError(f"{where}: expected one range or list of choices, found {said}")
    match = found[0]
    if match["dataset"] is not None:
        if kind != "str":
            raise UserError(f"{where}: expected a data set only for a str, found {said} for {kind}")
        return {"is_dataset": True}
    if match["choices"] is not None:
        texts = [text.strip().strip("\"'") for text in match["choices"].split(",")]
        if kind == "bool" or "" in texts:
            raise UserError(f"{where}: expected choices like (one of: a, b) of a {kind}, found {said}")
        return {"choices": tuple(_from_text(where, kind, text) for text in texts)}
    if kind not in ("int", "float"):
        raise UserError(f"{where}: expected a range only for an int or a float, found {said} for a {kind}")
    least, most = match["least"] or match["only_least"], match["most"] or match["only_most"]
    ends = {"least": _number(least), "most": _number(most)}
    if ends["least"] is not None and ends["most"] is not None and ends["least"] > ends["most"]:
        raise UserError(f"{where}: expected a range from a lower to a higher number, found {said}")
    return ends


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    digits = text.replace(",", "").replace("_", "")
    return int(digits) if re.fullmatch(r"-?\d+", digits) else float(digits)


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def _from_python(where: str, kind: str, value: Any) -> Any:
    """Accept a value that already has a type (YAML, a default): an int is a float, nothing else changes."""
    if kind == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TYPES[kind]:
        quote = " (quote it)" if kind == "str" else ""
        raise UserError(f"{where}: expected {kind}{quote}, found {type(value).__name__} {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where}: expected a finite number, found {value}")
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
    raise UserError(f"{where}: expected {kind}{options}, found {text!r}")


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
    UserError
        If one has no ``=`` or a name comes twice.
    """
    assignments: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"-p {text}: expected NAME=VALUE, for example -p k_max=10")
        if name in assignments:
            raise UserError(f"-p {name} is given twice: {assignments[name]!r} and {value!r}")
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
    UserError
        If the preset, a lesson or a parameter in it is unknown, or a value has the wrong type or is out of
        its range.
    """
    if preset not in PRESETS:
        raise UserError(unknown("preset", preset, PRESETS))
    if preset == "lab":
        return {}
    path = folder / "presets" / f"{preset}.yaml"
    content = read_yaml(path) or {}
    by_name = {lesson.name: lesson for lesson in lessons}
    values: dict[str, dict[str, Value]] = {}
    for name, changes in _mapping(path.name, content).items():
        if name not in by_name:
            raise UserError(f"{path}: {unknown('lesson', name, list(by_name))}")
        schema = read_schema(by_name[name])
        where = f"{path.name}: {name}"
        _refuse_unknown(where, _mapping(where, changes), schema)
        values[name] = {
            key: schema[key].check(f"{where}.{key}", _from_yaml(f"{where}.{key}", schema[key].type, value))
            for key, value in changes.items()
        }
    return values


def _mapping(where: str, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise UserError(f"{where}: expected 'name: value' lines, found {found!r}")
    return {str(key): value for key, value in found.items()}


def _refuse_unknown(where: str, names: Mapping[str, Any], schema: Mapping[str, Parameter]) -> None:
    for name in names:
        if name not in schema:
            raise UserError(f"{where}: {unknown('parameter', name, list(schema))}")


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
    UserError
        If a name is unknown to all of the lessons, or a value has the wrong type or is out of its range for
        one of them.
    """
    schemas = {lesson.name: read_schema(lesson) for lesson in lessons}
    everything = {name: p for schema in schemas.values() for name, p in schema.items()}
    _refuse_unknown(where, assignments, everything)
    values = {}
    for name, schema in schemas.items():
        typed = {
            key: schema[key].check(f"{where} {key}", _from_user(f"{where} {key}", schema[key].type, value))
            for key, value in assignments.items()
            if key in schema
        }
        # A notebook elsewhere may have the name of a lesson of the course: what it has too is set.
        changed = {
            key: schema[key].check(key, _from_python(f"the preset's {key}", schema[key].type, value))
            for key, value in preset.get(name, {}).items()
            if key in schema
        }
        defaults = {key: parameter.default for key, parameter in schema.items()}
        values[name] = {**defaults, **changed, **typed}
    return values
