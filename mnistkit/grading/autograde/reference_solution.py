"""The instructor's side of the checks: what is true, and the code that decides about points.

The instructor's notebook is run in the grader's own process, as far as its checks need it. What it leaves
is kept as it was before each check; a student's functions then take the place of the instructor's.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from mnistkit.course.lessons import python_of
from mnistkit.course.markers import regions
from mnistkit.errors import UserError
from mnistkit.grading.autograde.answer_shapes import Outline, outline
from mnistkit.grading.sandbox.code_dependencies import Unit, needed, units
from mnistkit.grading.sandbox.codec import NotSerializable, encode
from mnistkit.grading.submission import SubmittedCell, read_cells


@dataclass(frozen=True)
class Statement:
    """A statement of a check.

    Attributes
    ----------
    code : code object
        To be run.
    source : str
        Its text.
    hidden : bool
        Whether students may not see it.
    line : int
        Where it begins in its cell.
    """

    code: CodeType
    source: str
    hidden: bool
    line: int


@dataclass(frozen=True)
class HiddenAssert:
    """A hidden ``assert``.

    Attributes
    ----------
    lines : range
        Where it stands.
    hint : str
        Its message, where that is a constant text: what is computed may carry a value that stays hidden.
    """

    lines: range
    hint: str


@dataclass(frozen=True)
class Check:
    """A check with points.

    Attributes
    ----------
    cell : SubmittedCell
        The instructor's cell; its points are what counts.
    visible : tuple of Statement
        What students may see: all up to the first hidden statement.
    hidden : tuple of Statement
        All from the first hidden statement on, with what that needs of those before.
    asks : tuple of str
        Names that the student defines.
    namespace : dict
        All true names, as they were before the check.
    by_hand : str
        Why it can't be decided here, where that is so.
    outlines : dict of str to Outline
        Of what the true functions gave in this check, by `call_key`.
    """

    cell: SubmittedCell
    visible: tuple[Statement, ...]
    hidden: tuple[Statement, ...]
    asks: tuple[str, ...]
    namespace: dict[str, Any]
    by_hand: str = ""
    outlines: dict[str, Outline] = field(default_factory=dict)

    @cached_property
    def handlers(self) -> list[CodeType]:
        """What stands after each ``except`` of the check, to be evaluated among its names."""
        nodes = (
            node for node in ast.walk(ast.parse(self.cell.source)) if isinstance(node, ast.ExceptHandler)
        )
        return [compile(ast.Expression(node.type), self.file, "eval") for node in nodes if node.type]

    @property
    def file(self) -> str:
        """What tracebacks call the check's text."""
        return f"<check {self.cell.grade_id}>"

    @property
    def hidden_asserts(self) -> list[HiddenAssert]:
        """Each hidden ``assert``, in order."""
        hidden = _hidden_lines(self.cell.source)
        nodes = [node for node in ast.walk(ast.parse(self.cell.source)) if isinstance(node, ast.Assert)]
        nodes.sort(key=lambda node: node.lineno)
        asserts = [HiddenAssert(_lines(node), _constant(node.msg)) for node in nodes]
        return [each for each in asserts if not hidden.isdisjoint(each.lines)]

    def scope(self) -> dict[str, Any]:
        """Give a copy of the true names; the lesson's functions in it see the copy's names."""
        scope = dict(self.namespace)
        home = self.namespace["__lesson__"]
        for name, value in self.namespace.items():
            if isinstance(value, FunctionType) and value.__globals__ is home:
                copy = FunctionType(
                    value.__code__, scope, value.__name__, value.__defaults__, value.__closure__
                )
                copy.__kwdefaults__ = value.__kwdefaults__
                scope[name] = copy
        return scope


@dataclass(frozen=True)
class ReferenceSolution:
    """An assignment that is ready to be graded with; it stays in the process that made it.

    Attributes
    ----------
    cells : tuple of SubmittedCell
        The instructor's code cells.
    checks : tuple of Check
        In order.
    parameters : dict
        What the notebook's parameters were set to.
    """

    cells: tuple[SubmittedCell, ...]
    checks: tuple[Check, ...]
    parameters: dict[str, Any]


def prepare(text: str, parameters: Mapping[str, Any]) -> ReferenceSolution:
    """Run an instructor's notebook as far as its checks need it.

    The code runs in this process, with its files and its environment: only for the instructor's own.

    Parameters
    ----------
    text : str
        The notebook, with solutions and hidden tests.
    parameters : mapping of str to object
        Values to set after the parameters cell.

    Returns
    -------
    ReferenceSolution
        For `mnistkit.grading.autograde.checks.check_submission`.

    Raises
    ------
    UserError
        If the notebook fails, or its own solutions fail its checks.
    """
    cells = read_cells(text)
    parts = [(cell, unit) for cell in cells for unit in _cut(cell, parameters)]
    grades = [i for i, (cell, _) in enumerate(parts) if cell.grade]
    chosen = needed([unit for _, unit in parts], dict.fromkeys(grades, frozenset()), always=grades)
    everything = tuple(range(len(parts)))
    try:
        checks = _run_lesson(parts, everything if chosen.missing else chosen.chosen)
    except UserError:
        if chosen.chosen == everything:
            raise
        checks = _run_lesson(parts, everything)  # a setting that the text does not show, or a true error
    return ReferenceSolution(tuple(cells), tuple(checks), dict(parameters))


def _run_lesson(parts: Sequence[tuple[SubmittedCell, Unit]], positions: Sequence[int]) -> list[Check]:
    lesson: dict[str, Any] = {"__name__": "__main__"}
    checks, defined = [], set[str]()
    for position in positions:
        cell, unit = parts[position]
        if cell.grade:
            asks = tuple(sorted((unit.uses | unit.later) & defined))
            check = Check(cell, (), (), asks, {**lesson, "__lesson__": lesson})
            by_hand = _self_check(check, unit, lesson)
            visible, hidden = _statements(check)
            checks.append(replace(check, visible=visible, hidden=hidden, by_hand=by_hand))
        else:
            _run(cell, unit, lesson)
        if cell.solution:
            defined |= unit.binds - _imported(unit.source)
    return checks


def parameters_source(parameters: Mapping[str, Any]) -> str:
    """Write parameters as the code that sets them."""
    return "\n".join(f"{name} = {value!r}" for name, value in parameters.items())


def _cut(cell: SubmittedCell, parameters: Mapping[str, Any]) -> list[Unit]:
    cut = units(python_of(cell.source), whole=cell.grade or cell.solution)
    return [*cut, *(units(parameters_source(parameters), whole=True) if cell.parameters else [])]


def _imported(source: str) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name.split(".")[0] for node in nodes for alias in node.names}


def _self_check(check: Check, unit: Unit, lesson: dict[str, Any]) -> str:
    """Run a check with the instructor's solution; see whether all that passes to and fro is plain."""
    refused: list[str] = []
    true = {name: lesson[name] for name in check.asks}
    lesson |= {name: _watched(name, value, refused, check.outlines) for name, value in true.items()}
    _run(check.cell, unit, lesson)
    lesson |= {name: value for name, value in true.items() if name not in unit.fixes}
    return refused[0] if refused else ""


def _watched(name: str, value: Any, refused: list[str], outlines: dict[str, Outline]) -> Any:
    """Note what is not plain data, of a value or of what a function takes and gives, and its outlines."""

    def note(part: Any) -> Any:
        try:
            return encode(part)
        except NotSerializable as error:
            refused.append(f"{name}: {error}")
            return None

    if isinstance(value, type):
        refused.append(f"{name} is a class")
    if isinstance(value, type) or not callable(value):
        note(value)
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        key = call_key(name, [note(part) for part in (*args, *kwargs.values())], list(kwargs))
        result = value(*args, **kwargs)
        note(result)
        outlines[key] = outline(result)
        return result

    return call


def call_key(name: str, encoded: Sequence[Any], keywords: Sequence[str]) -> str:
    """Name a call of a function.

    Parameters
    ----------
    name : str
        The function.
    encoded : sequence of JSON values
        Its arguments, from `mnistkit.grading.sandbox.codec.encode`; those with names at the end.
    keywords : sequence of str
        Their names.

    Returns
    -------
    str
        The same for equal arguments.
    """
    return hashlib.sha256(json.dumps([name, encoded, keywords]).encode()).hexdigest()


def _hidden_lines(source: str) -> set[int]:
    """Give the lines that students may not see, counted as Python's parser counts them."""
    return {line + 1 for region in regions(source, "HIDDEN TESTS") for line in region}


def _lines(node: ast.stmt) -> range:
    """Say where a statement stands, with its decorators: all of it is hidden where a line of it is."""
    first = [node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))]
    return range(min(first), (node.end_lineno or node.lineno) + 1)


def _statements(check: Check) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """Give the visible statements of a check, and those that decide about what is hidden."""
    text = check.cell.source
    hidden, nodes = _hidden_lines(text), ast.parse(text).body
    statements = []
    for node in nodes:
        code = compile(ast.Module([node], []), check.file, "exec")
        source = ast.get_source_segment(text, node) or ""
        statements.append(Statement(code, source, not hidden.isdisjoint(_lines(node)), node.lineno))
    first = next((i for i, each in enumerate(statements) if each.hidden), len(statements))
    parts = [units(ast.unparse(node), whole=True)[0] for node in nodes]  # with decorators
    wanted = dict.fromkeys(range(first, len(parts) + 1), frozenset[str]())  # what functions read is due there
    chosen = needed(parts, wanted, always=range(first, len(parts))).chosen
    behind = tuple(statements[i] for i in chosen) if first < len(statements) else ()
    return tuple(statements[:first]), behind


def _constant(message: ast.expr | None) -> str:
    match message:
        case ast.Constant(value=str(text)):
            return text
    return ""


def _run(cell: SubmittedCell, unit: Unit, lesson: dict[str, Any]) -> None:
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(unit.source, "<instructor's notebook>", "exec"), lesson)
    except Exception as error:
        raise UserError(
            f"the instructor's notebook{(f', cell {cell.grade_id!r}' if cell.grade_id else '')}",
            found=f"{type(error).__name__}: {error}, in\n{unit.source}",
            expected="it runs, and its own solutions pass its checks",
            todo="correct this cell",
        ) from error
