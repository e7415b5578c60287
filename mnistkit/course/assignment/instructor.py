"""The instructor's side of the checks: what is true, and the code that decides about points.

The instructor's notebook is run in the grader's own process, as far as its checks need it. What it leaves
is kept as it was before each check; a student's functions then take the place of the instructor's.
"""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import CodeType, FunctionType
from typing import Any

from mnistkit.course import CourseError
from mnistkit.course.assignment.cells import Cell, read_cells
from mnistkit.course.assignment.exchange import NotPlain, encode
from mnistkit.course.assignment.slices import Unit, needed, units


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
    """

    code: CodeType
    source: str
    hidden: bool


@dataclass(frozen=True)
class Check:
    """A check with points.

    Attributes
    ----------
    cell : Cell
        The instructor's cell; its points are what counts.
    statements : tuple of Statement
        What is run.
    asks : tuple of str
        Names that the student defines.
    namespace : dict
        All true names, as they were before the check.
    by_hand : str
        Why it can't be decided here, where that is so.
    """

    cell: Cell
    statements: tuple[Statement, ...]
    asks: tuple[str, ...]
    namespace: dict[str, Any]
    by_hand: str = ""

    @property
    def file(self) -> str:
        """What tracebacks call the check's text."""
        return f"<check {self.cell.grade_id}>"

    @property
    def hidden_asserts(self) -> list[range]:
        """The lines of each hidden ``assert``, in order."""
        hidden = _hidden_lines(self.cell.source)
        nodes = [node for node in ast.walk(ast.parse(self.cell.source)) if isinstance(node, ast.Assert)]
        lines = sorted((node.lineno, node.end_lineno or node.lineno) for node in nodes)
        return [range(first, last + 1) for first, last in lines if first in hidden]

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
class InstructorState:
    """An assignment that is ready to be graded with; it stays in the process that made it.

    Attributes
    ----------
    cells : tuple of Cell
        The instructor's code cells.
    checks : tuple of Check
        In order.
    parameters : dict
        What the notebook's parameters were set to.
    """

    cells: tuple[Cell, ...]
    checks: tuple[Check, ...]
    parameters: dict[str, Any]


def prepare(text: str, parameters: Mapping[str, Any]) -> InstructorState:
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
    InstructorState
        For `mnistkit.course.assignment.checks.check_submission`.

    Raises
    ------
    CourseError
        If the notebook fails, or its own solutions fail its checks.
    """
    cells = read_cells(text)
    parts = [(cell, unit) for cell in cells for unit in _cut(cell, parameters)]
    grades = [i for i, (cell, _) in enumerate(parts) if cell.grade]
    chosen = needed([unit for _, unit in parts], dict.fromkeys(grades, frozenset()), always=grades)
    everything = tuple(range(len(parts)))
    try:
        checks = _run_lesson(parts, everything if chosen.missing else chosen.chosen)
    except CourseError:
        if chosen.chosen == everything:
            raise
        checks = _run_lesson(parts, everything)  # a setting that the text does not show, or a true error
    return InstructorState(tuple(cells), tuple(checks), dict(parameters))


def _run_lesson(parts: Sequence[tuple[Cell, Unit]], positions: Sequence[int]) -> list[Check]:
    lesson: dict[str, Any] = {"__name__": "__main__"}
    checks, defined = [], set[str]()
    for position in positions:
        cell, unit = parts[position]
        if cell.grade:
            asks = tuple(sorted((unit.uses | unit.later) & defined))
            check = Check(cell, (), asks, {**lesson, "__lesson__": lesson})
            by_hand = _rehearse(check, unit, lesson)
            checks.append(replace(check, statements=tuple(_statements(check)), by_hand=by_hand))
        else:
            _run(cell, unit, lesson)
        if cell.solution:
            defined |= unit.binds - _imported(unit.source)
    return checks


def parameters_source(parameters: Mapping[str, Any]) -> str:
    """Write parameters as the code that sets them."""
    return "\n".join(f"{name} = {value!r}" for name, value in parameters.items())


def _cut(cell: Cell, parameters: Mapping[str, Any]) -> list[Unit]:
    lines = ("" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines())
    cut = units("\n".join(lines), whole=cell.grade or cell.solution)
    return [*cut, *(units(parameters_source(parameters), whole=True) if cell.parameters else [])]


def _imported(source: str) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name.split(".")[0] for node in nodes for alias in node.names}


def _rehearse(check: Check, unit: Unit, lesson: dict[str, Any]) -> str:
    """Run a check with the instructor's solution; see whether all that passes to and fro is plain."""
    refused: list[str] = []
    true = {name: lesson[name] for name in check.asks}
    lesson |= {name: _watched(name, value, refused) for name, value in true.items()}
    _run(check.cell, unit, lesson)
    lesson |= {name: value for name, value in true.items() if name not in unit.fixes}
    return refused[0] if refused else ""


def _watched(name: str, value: Any, refused: list[str]) -> Any:
    """Note what is not plain data: a value, or what a function takes and gives."""

    def note(part: Any) -> None:
        try:
            encode(part)
        except NotPlain as error:
            refused.append(f"{name}: {error}")

    if isinstance(value, type):
        refused.append(f"{name} is a class")
    if isinstance(value, type) or not callable(value):
        note(value)
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        for part in (*args, *kwargs.values()):
            note(part)
        result = value(*args, **kwargs)
        note(result)
        return result

    return call


def _hidden_lines(source: str) -> set[int]:
    hidden: set[int] = set()
    inside = False
    for number, line in enumerate(source.splitlines(), start=1):
        inside = (inside or "### BEGIN HIDDEN TESTS" in line) and "### END HIDDEN TESTS" not in line
        if inside:
            hidden.add(number)
    return hidden


def _statements(check: Check) -> Sequence[Statement]:
    text = check.cell.source
    hidden = _hidden_lines(text)
    statements = []
    for node in ast.parse(text).body:
        code = compile(ast.Module([node], []), check.file, "exec")
        source = ast.get_source_segment(text, node) or ""
        statements.append(Statement(code, source, node.lineno in hidden))
    return statements


def _run(cell: Cell, unit: Unit, lesson: dict[str, Any]) -> None:
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(unit.source, "<instructor's notebook>", "exec"), lesson)
    except Exception as error:
        raise CourseError(
            f"the instructor's notebook{f', cell {cell.grade_id!r}' if cell.grade_id else ''}\n"
            f"  found:    {type(error).__name__}: {error}, in\n{unit.source}\n"
            "  expected: it runs, and its own solutions pass its checks"
        ) from error
