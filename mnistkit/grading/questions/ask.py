"""Questions about a submission, made by reading its code and its recorded outputs; nothing of it is run.

Each kind of question is a function that looks for something in a student's function and knows the answer.
Code of unknown origin can take long to parse, or end the process: `mnistkit.grading.questions.command` calls
this in one that can be killed.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mnistkit.grading.plain_text import plain, plain_lines

__all__ = ["AnsweredExercise", "OralQuestion", "ShownCell", "questions_about"]

QUESTIONS_EACH = 3
"""Questions to one student."""

_MAX_CODE = 40  # lines of a function that are shown
_MAX_SOURCE = 20_000  # characters of a cell that are looked at
_MAX_LINES, _MAX_LINE = 100, 300  # of an output, characters of a line
_MAX_VALUES = 5  # of an f-string: to find more of them takes long
_OTHER_SIDE = {ast.GtE: ">", ast.LtE: "<", ast.Gt: ">=", ast.Lt: "<="}
_POSITIONS = {"argmax": "largest", "argmin": "smallest"}
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class ShownCell:
    """A cell of code.

    Attributes
    ----------
    source : str
        Its text.
    shown : str
        What its outputs say, as text.
    """

    source: str
    shown: str


@dataclass(frozen=True)
class AnsweredExercise:
    """What a student wrote for an exercise, and what stands around it.

    Attributes
    ----------
    title : str
        The exercise.
    sources : tuple of str
        The code of the cells that the student has changed.
    check : str
        The code of the check as students see it.
    cells : tuple of ShownCell
        The student's cells of code.
    """

    title: str
    sources: tuple[str, ...]
    check: str
    cells: tuple[ShownCell, ...]


@dataclass(frozen=True)
class OralQuestion:
    """A question with its answer; parts between backticks are code.

    Attributes
    ----------
    title : str
        The exercise.
    text : str
        What the student is asked.
    answer : str
        What the teacher should hear.
    code : tuple of (int, str)
        The lines of the function that it is about, with their numbers.
    kind : str
        What kind of question it is.
    own_number : bool
        Whether it is about a value that the student's notebook shows.
    """

    title: str
    text: str
    answer: str
    code: tuple[tuple[int, str], ...]
    kind: str
    own_number: bool = False


def questions_about(exercises: Sequence[AnsweredExercise], student: str) -> list[OralQuestion]:
    """Choose questions to a student.

    Parameters
    ----------
    exercises : sequence of AnsweredExercise
        What was handed in.
    student : str
        Whose it is: two with the same code need not get the same questions; one gets the same each time.

    Returns
    -------
    list of OralQuestion
        At most `QUESTIONS_EACH`, from different exercises as far as there are some; first one about a number
        that the notebook shows.
    """
    found = [question for exercise in exercises for question in _all_about(exercise)]

    def rank(question: OralQuestion, chosen: Sequence[OralQuestion]) -> tuple[int | str, ...]:
        titles, kinds = [one.title for one in chosen], [one.kind for one in chosen]
        wanted = not any(one.own_number for one in chosen)
        return (
            titles.count(question.title),
            int(question.own_number is not wanted),
            kinds.count(question.kind),
            _chance(student, question.kind),
            _chance(student, question.title, question.text),
        )

    chosen: list[OralQuestion] = []
    while found and len(chosen) < QUESTIONS_EACH:
        chosen.append(min(found, key=partial(rank, chosen=tuple(chosen))))
        found.remove(chosen[-1])
    return chosen


def _chance(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "replace")).hexdigest()


def _all_about(exercise: AnsweredExercise) -> Iterator[OralQuestion]:
    for source in exercise.sources:
        for function in _functions(source):
            lines = source.splitlines()[function.lineno - 1 : function.end_lineno]
            code = tuple(
                (function.lineno + number, plain_lines(line, _MAX_LINE))
                for number, line in enumerate(lines[:_MAX_CODE])
            )
            for kind in _KINDS:
                for text, answer in kind(function):
                    yield OralQuestion(exercise.title, text, answer, code, kind.__name__)
            shown = (*_checked_calls(function, exercise), *_printed_numbers(function, exercise))
            for text, answer in shown:
                yield OralQuestion(exercise.title, text, answer, code, "number", own_number=True)


def _functions(source: str) -> list[ast.FunctionDef]:
    if len(source) > _MAX_SOURCE:
        return []
    return [node for node in _parsed(source) if isinstance(node, ast.FunctionDef)]


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # a cell with IPython's own lines, for one: nothing is asked about it


def _code(node: ast.AST) -> str:
    """Quote code in a sentence."""
    return f"`{plain(ast.unparse(node), 80).replace('`', chr(39))}`"


def _nodes(tree: ast.AST, kind: type[ast.AST]) -> Iterator[Any]:
    return (node for node in ast.walk(tree) if isinstance(node, kind))


Pairs = Iterator[tuple[str, str]]
"""Questions with their answers."""


def _comparison(function: ast.FunctionDef) -> Pairs:
    for node in _nodes(function, ast.Compare):
        other = _OTHER_SIDE.get(type(node.ops[0])) if len(node.ops) == 1 else None
        if other:
            becomes = "no longer holds" if "=" not in other else "then holds too"
            yield (
                f"Line {node.lineno} of `{function.name}` compares {_code(node)}. What would change with"
                f" `{other}`?",
                f"Only where {_code(node.left)} and {_code(node.comparators[0])} are equal: there it"
                f" {becomes}.",
            )


def _axis(function: ast.FunctionDef) -> Pairs:
    for node in _nodes(function, ast.Call):
        axis = next((word.value for word in node.keywords if word.arg == "axis"), None)
        if isinstance(axis, ast.Constant) and axis.value in (0, 1):
            one = "row" if axis.value else "column"
            yield (
                f"What does `axis={axis.value}` say in {_code(node)}, line {node.lineno} of"
                f" `{function.name}`? What would come out without it?",
                f"For a table: along axis {axis.value}, so one value for each {one}. Without it, for most"
                " functions of NumPy, one value for all.",
            )


def _position(function: ast.FunctionDef) -> Pairs:
    for node in _nodes(function, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _POSITIONS:
            yield (
                f"Line {node.lineno} of `{function.name}` has {_code(node)}. Does it give a value or a"
                " position?",
                f"The position of the {_POSITIONS[name]} value, counted from 0; `{name[3:]}` would give the"
                " value.",
            )


def _index(function: ast.FunctionDef) -> Pairs:
    for node in _nodes(function, ast.Subscript):
        if isinstance(node.slice, ast.Constant) and type(node.slice.value) is int:
            number = node.slice.value
            if 0 <= number < len(_ORDINALS):
                yield (
                    f"Line {node.lineno} of `{function.name}` has {_code(node)}. Which element is that, and"
                    " which number has the last one?",
                    f"The {_ORDINALS[number]} of {_code(node.value)}, as counting begins at 0. The last one"
                    " has the length less 1, or -1.",
                )


def _variable(function: ast.FunctionDef) -> Pairs:
    given: dict[str, list[ast.stmt]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For):
            for name in _nodes(node, ast.Name):
                if isinstance(name.ctx, ast.Store):
                    given.setdefault(name.id, []).append(node)
    arguments = {node.arg for node in _nodes(function, ast.arg)}
    for name, nodes in given.items():
        used = _lines_with(function, name)
        only = nodes[0] if len(nodes) == 1 and used and name not in arguments else None
        if isinstance(only, ast.Assign) and any(_nodes(only.value, ast.Name)):
            where = ", ".join(map(str, used))
            yield (
                f"What does your variable `{name}` hold in `{function.name}`, and what would happen without"
                f" line {only.lineno}?",
                f"The value of {_code(only.value)}. It is used in line {where}; without it that would be a"
                f" NameError, or another `{name}` of the notebook.",
            )


def _lines_with(function: ast.FunctionDef, name: str) -> list[int]:
    """List the lines in which a name's value is used."""
    names = _nodes(function, ast.Name)
    return sorted({node.lineno for node in names if node.id == name and isinstance(node.ctx, ast.Load)})


def _loop(function: ast.FunctionDef) -> Pairs:
    for node in _nodes(function, ast.For):
        yield _loop_pair(function, node.target, node.iter, node.lineno)
    for node in _nodes(function, ast.comprehension):
        yield _loop_pair(function, node.target, node.iter, node.target.lineno)


def _loop_pair(function: ast.FunctionDef, target: ast.expr, source: ast.expr, line: int) -> tuple[str, str]:
    return (
        f"Which values does {_code(target)} take in line {line} of `{function.name}`, one after the other?",
        f"The elements of {_code(source)}.",
    )


def _division(function: ast.FunctionDef) -> Pairs:
    for node in _nodes(function, ast.BinOp):
        if isinstance(node.op, ast.Div) and not isinstance(node.right, ast.Constant):
            yield (
                f"Line {node.lineno} of `{function.name}` divides: {_code(node)}. When could that go wrong,"
                " and what would you see?",
                f"When {_code(node.right)} is 0: NumPy gives inf or nan with a warning, Python's own numbers"
                " raise a ZeroDivisionError.",
            )


def _default(function: ast.FunctionDef) -> Pairs:
    for argument, default in zip(
        reversed(function.args.args), reversed(function.args.defaults), strict=False
    ):
        used = _lines_with(function, argument.arg)
        if used:
            where = ", ".join(map(str, used))
            yield (
                f"Which value has `{argument.arg}` if `{function.name}` is called without it, and where does"
                " it matter?",
                f"{_code(default)}; in line {where}.",
            )


_KINDS: tuple[Callable[[ast.FunctionDef], Pairs], ...] = (
    *(_comparison, _axis, _position, _index, _variable, _loop, _division, _default),
)
"""What can be asked about a function's code."""


def _checked_calls(function: ast.FunctionDef, exercise: AnsweredExercise) -> Pairs:
    """Ask about calls with a result that the visible check has written down."""
    returns = sorted((n for n in _nodes(function, ast.Return) if n.value), key=lambda node: node.lineno)
    for node in _parsed(exercise.check):
        test = node.test if isinstance(node, ast.Assert) else None
        if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq) and returns):
            continue
        call, value = test.left, test.comparators[0]
        if isinstance(call, ast.Call) and _is_call_of(call, function) and isinstance(value, ast.Constant):
            ends = " or ".join(f"{_code(one)} (line {one.lineno})" for one in returns[:3])
            yield (
                f"The check calls {_code(call)}. What should your function return, and how do its lines come"
                " to that?",
                f"{_code(value)}, by {ends}. Let the student go through the lines with these arguments.",
            )


def _is_call_of(call: ast.Call, function: ast.FunctionDef) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == function.name


def _printed_numbers(function: ast.FunctionDef, exercise: AnsweredExercise) -> Pairs:
    """Ask about numbers that a cell shows which has called the function: what they are says its code."""
    for cell in exercise.cells:
        if len(cell.source) > _MAX_SOURCE or f"{function.name}(" not in cell.source:
            continue
        lines = cell.shown.splitlines()[:_MAX_LINES]
        for node in _parsed(cell.source):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield from _about_print(node.value, lines)
                if _is_call_of(node.value, function) and lines:
                    yield (
                        f"In your notebook {_code(node.value)} gave `{_shown(lines[0])}`. How do the lines of"
                        " your function come to that?",
                        "Let the student go through the lines with these arguments, to this value.",
                    )


def _shown(text: str) -> str:
    return plain(text, 120).replace("`", "'")


def _about_print(call: ast.Call, lines: Sequence[str]) -> Pairs:
    """Find a line that an f-string has printed, and which of its numbers is which value."""
    text = call.args[0] if call.args and _code(call.func) == "`print`" else None
    if not isinstance(text, ast.JoinedStr):
        return
    values = [part.value for part in text.values if isinstance(part, ast.FormattedValue)]
    if len(values) > _MAX_VALUES:
        return
    pattern = "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.{1,40}?)" for part in text.values
    )
    for line in lines:
        match = re.fullmatch(pattern, line[:_MAX_LINE])
        numbers = zip(match.groups(), values, strict=True) if match else ()
        number, value = next((pair for pair in numbers if re.search(r"\d", pair[0])), ("", None))
        if value is not None:
            yield (
                f"Your notebook shows: “{_shown(line)}”. What does `{_shown(number)}` in it say, and where"
                " does it come from?",
                f"It is {_code(value)}.",
            )
