"""What a lesson's result depends on besides its own text: the data sets and the weights that it loads.

It is read from the calls in the cells. An argument counts as known where it stands there as a text, is a
parameter, is a name that one line of the notebook sets to a text, or one of two such texts, chosen by whether
two others are equal. Where a name is worked out while the
notebook runs, nobody can know beforehand what the result will depend on: that is a doubt, and a lesson with a
doubt is never kept. A source that is worked out, like a folder that the notebook itself has filled, follows
from what stands before it, and is none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mnistkit.course.lessons import Lesson, python_of
from mnistkit.course.parameters import Value
from mnistkit.data.registry import names

DependencyKind = Literal["data", "weights"]
_FUNCTIONS: dict[str, DependencyKind] = {"load": "data", "vgg16": "weights"}
_MODULES: dict[DependencyKind, str] = {"data": "mnistkit.data", "weights": "mnistkit.transfer"}
_MENTIONED = re.compile(r"(?<![\w.])(load|vgg16)\s*\(")
_SHOWN = 60


@dataclass
class Dependencies:
    """What a lesson loads with given parameters.

    Attributes
    ----------
    data : list of (str, str)
        Name and source of each data set, each once, in the order of the calls.
    weights : list of str
        What VGG16's weights are asked for as, each once.
    doubts : list of str
        What can't be known before the notebook runs, as it stands there.
    """

    data: list[tuple[str, str]] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def read_dependencies(lesson: Lesson, values: Mapping[str, Value | None]) -> Dependencies:
    """Read what a lesson loads.

    Parameters
    ----------
    lesson : Lesson
        The notebook.
    values : mapping of str to bool, int, float, str or None
        The value of every parameter; only texts count, so that None can stand for any other.

    Returns
    -------
    Dependencies

    Raises
    ------
    UserError
        If the notebook can't be read.
    """
    found = Dependencies()
    trees = []
    for cell in lesson.cells:
        if cell.kind == "code":
            tree, unread = _parse(cell.source)
            trees.append((tree, "parameters" in cell.tags))
            found.doubts += unread
    names = _Names(trees, values)
    sources: dict[str, list[str]] = {}
    for tree, _ in trees:
        for kind, call in names.calls(tree):
            if kind == "weights":
                asked = names.text_of(_argument(call, 0, "weights"), "auto")
                _note(found.weights, asked, call, found.doubts)
            elif name := names.text_of(_argument(call, 0, "name"), None):
                source = names.text_of(_argument(call, 1, "source"), "auto")
                sources.setdefault(name, []).extend([] if source is None else [source])
            else:
                found.doubts.append(_shown(call))
        found.doubts += names.handed_on(tree)
    for name, known in sources.items():
        found.data += [(name, one) for one in dict.fromkeys(known or [str(values.get("data", "auto"))])]
    found.doubts = list(dict.fromkeys(found.doubts))
    return found


def _note(texts: list[str], text: str | None, call: ast.AST, doubts: list[str]) -> None:
    if text is None:
        doubts.append(_shown(call))
    elif text not in texts:
        texts.append(text)


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _parse(source: str) -> tuple[ast.Module, list[str]]:
    """Parse a cell without IPython's own lines; what can't be read and mentions a load is a doubt."""
    lines, python = source.split("\n"), python_of(source)
    try:
        tree = ast.parse(python)
        unread = [line for line, kept in zip(lines, python.split("\n"), strict=True) if line != kept]
    except (SyntaxError, ValueError, RecursionError):  # running the cell says what is wrong with it
        tree, unread = ast.Module([], []), lines
    return tree, [line.strip()[:_SHOWN] for line in unread if _MENTIONED.search(line)]


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """Give an argument of a call, by position or name; None where it is not given."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == name]
    return call.args[position] if len(call.args) > position else named[0] if named else None


class _Names:
    """What the names in a notebook stand for.

    Parameters
    ----------
    trees : sequence of (ast.Module, bool)
        The code cells, and whether each is the one with the parameters.
    values : mapping
        The value of every parameter.
    """

    def __init__(self, trees: Sequence[tuple[ast.Module, bool]], values: Mapping[str, Value | None]) -> None:
        self._texts: dict[str, list[Value | None]] = {name: [value] for name, value in values.items()}
        self._functions: dict[str, DependencyKind | None] = {**_FUNCTIONS}
        self._modules: dict[str, DependencyKind] = {}
        self._known: set[ast.AST] = set()
        for tree, is_parameters in trees:
            for node in ast.walk(tree):
                self._import(node)
                if not is_parameters:
                    self._bind(node)

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name, whole = alias.asname or alias.name, f"{node.module}.{alias.name}"
                if alias.name in _FUNCTIONS:
                    ours = str(node.module).startswith("mnistkit")
                    self._functions[name] = _FUNCTIONS[alias.name] if ours else None
                self._import_module(name, whole)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self._import_module(alias.asname or alias.name, alias.name)

    def _import_module(self, name: str, whole: str) -> None:
        for kind, module in _MODULES.items():
            if whole == module:
                self._modules[name] = kind

    def _bind(self, node: ast.AST) -> None:
        """Take note of a name that is set: to a text, or to what nobody knows (None)."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name) as target], value=ast.Constant(value=str(text))):
                self._texts.setdefault(name, []).append(text)
                self._known.add(target)  # which is walked over later
            case ast.Name(id=name, ctx=ast.Store()) if node not in self._known:
                self._texts.setdefault(name, []).append(None)
            case ast.arg(arg=name):
                self._texts.setdefault(name, []).append(None)
            case ast.FunctionDef(name=name) if name in _FUNCTIONS:
                self._functions[name] = None

    def text_of(self, node: ast.expr | None, default: str | None) -> str | None:
        """Give the text that an expression stands for; None where that is not known before it runs."""
        match node:
            case None:
                return default
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) if len(self._texts.get(name, ())) == 1:
                (value,) = self._texts[name]
                return value if isinstance(value, str) else None
            case ast.IfExp(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
                texts = self.text_of(left, None), self.text_of(right, None)
                return (
                    None
                    if None in texts
                    else self.text_of(node.body if texts[0] == texts[1] else node.orelse, None)
                )
        return None

    def _kind(self, function: ast.expr) -> DependencyKind | None:
        match function:
            case ast.Name(id=name):
                return self._functions.get(name)
            case ast.Attribute(attr=name) if name in _FUNCTIONS:
                kind = _FUNCTIONS[name]
                ours = self._modules.get(ast.unparse(function.value)) == kind
                return kind if ours or ast.unparse(function.value) == _MODULES[kind] else None
        return None

    def calls(self, tree: ast.AST) -> Iterator[tuple[DependencyKind, ast.Call]]:
        """Yield the calls that load data or weights, as they stand in the cell."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                first = _argument(node, 0, "name")
                if kind := self._kind(node.func):
                    yield kind, node
                elif (
                    isinstance(node.func, ast.Attribute)
                    and node.func.attr == "load"
                    and isinstance(first, ast.Constant)
                    and first.value in names()
                ):
                    yield "data", node  # whatever it is called through, it names a data set

    def handed_on(self, tree: ast.AST) -> Iterator[str]:
        """Yield where one of the functions is not called but given to something else, which may call it."""
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
                continue
            if id(node) not in called and self._kind(node):
                yield _shown(node)
