"""Which parts of a notebook some names need: a student's answers are then checked without running the lesson.

By the text alone: a statement is needed if it binds a needed name or may change what the name stands for;
what it uses is then needed too. It is a guess that errs towards more. What it can't see (names made with
``exec``, settings that change a library) is why the grader runs more of a notebook where a student would
lose points by it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_BLOCKS = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match)
_ANY = "*"  # as in: from library import *
_MAKERS = {"exec", "eval", "globals", "vars", "setattr", "get_ipython", "__import__"}
"""Functions that bind names which the text does not show."""


@dataclass(frozen=True)
class Unit:
    """A piece of a notebook that is run whole or not at all, and what it does to names.

    Attributes
    ----------
    source : str
        Its text.
    binds : frozenset of str
        Names that it binds.
    changes : frozenset of str
        Names of what it may change.
    imports : frozenset of str
        Names that it binds by an import: a call of one of their functions does not change a module.
    fixes : frozenset of str
        Those of them that it binds in any case: what stood in them before does not matter.
    uses : frozenset of str
        Names that it reads when it runs.
    later : frozenset of str
        Names that functions which it defines read when they are called.
    """

    source: str
    binds: frozenset[str]
    changes: frozenset[str]
    imports: frozenset[str]
    fixes: frozenset[str]
    uses: frozenset[str]
    later: frozenset[str]


def units(source: str, *, whole: bool) -> list[Unit]:
    """Cut a cell into units.

    Parameters
    ----------
    source : str
        A code cell as Python (IPython's own lines already translated).
    whole : bool
        Keep it in one piece; otherwise every statement is a unit.

    Returns
    -------
    list of Unit
        In order; a cell that is not Python is one unit that binds nothing (running it says what is wrong).
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [Unit(source, *[frozenset[str]()] * 6)]
    parts = [_unit(source, [part]) for node in body for part in ([node] if whole else _single(node))]
    return [_join(source, parts)] if whole and parts else parts


def _single(node: ast.stmt) -> list[ast.stmt]:
    """Cut an import of several things into imports of one: some take seconds, and few are needed."""
    match node:
        case ast.Import(names=[_, _, *_]):
            return [ast.Import([name]) for name in node.names]
        case ast.ImportFrom(names=[_, _, *_]):
            return [ast.ImportFrom(node.module, [name], node.level) for name in node.names]
    return [node]


def _join(source: str, parts: Sequence[Unit]) -> Unit:
    """Put the statements of a cell together: what one has bound, a later one does not need from outside."""
    bound: set[str] = set()
    uses: set[str] = set()
    for part in parts:
        uses |= part.uses - bound
        bound |= part.fixes
    binds, changes, imports, later = (
        frozenset().union(*(getattr(part, name) for part in parts))
        for name in ("binds", "changes", "imports", "later")
    )
    return Unit(source, binds, changes, imports, frozenset(bound), frozenset(uses), later - bound)


def _unit(source: str, nodes: list[ast.stmt]) -> Unit:
    seen = _Names()
    for node in nodes:
        seen.visit(node)
    text = "\n".join(_text(source, node) for node in nodes)
    sure = set() if isinstance(nodes[0], _BLOCKS) else seen.bound
    names = (seen.bound, seen.changed, seen.imported, sure, seen.used, seen.later)
    return Unit(text, *map(frozenset, names))


def _text(source: str, node: ast.stmt) -> str:
    if not hasattr(node, "lineno"):  # one of several imports of a line
        return ast.unparse(node)
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    lines = source.splitlines()[first - 1 : node.end_lineno]
    if len(lines) == 1 and ";" in lines[0]:
        return ast.unparse(node)
    return "\n".join(lines)


def _targets(node: ast.AST) -> set[str]:
    """Give the names that a loop or a ``with`` has bound before its body runs."""
    parts: list[ast.expr | None] = [node.target] if isinstance(node, ast.For) else []
    if isinstance(node, ast.With):
        parts = [item.optional_vars for item in node.items]
    inside = [name for part in parts if part for name in ast.walk(part)]
    return {name.id for name in inside if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}


class _Names(ast.NodeVisitor):
    """Collects the names of a statement."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.changed: set[str] = set()
        self.imported: set[str] = set()
        self.used: set[str] = set()
        self.later: set[str] = set()

    def generic_visit(self, node: ast.AST) -> None:
        """Take a block's statements in order: what one has bound, a later one does not need from outside."""
        for field, value in ast.iter_fields(node):
            items = value if isinstance(value, list) else [value]
            known = _targets(node) if field == "body" else set[str]()
            for item in items:
                if isinstance(item, ast.stmt):
                    known = self._visit_next(item, known)
                elif isinstance(item, ast.AST):
                    self.visit(item)

    def _visit_next(self, node: ast.stmt, known: set[str]) -> set[str]:
        """Visit a statement before which some names are bound; give the names that are bound after it."""
        inside = _Names()
        inside.visit(node)
        self.used |= inside.used - known
        for names in ("bound", "changed", "imported", "later"):
            getattr(self, names).update(getattr(inside, names))
        return known if isinstance(node, _BLOCKS) else known | inside.bound

    def visit_Name(self, node: ast.Name) -> None:
        (self.used if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.imported.update((alias.asname or alias.name.split(".")[0]) for alias in node.names)
        self.bound |= self.imported

    visit_ImportFrom = visit_Import  # noqa: N815 (ast.NodeVisitor's names)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs  # noqa: N815

    def visit_Global(self, node: ast.Global) -> None:
        """Who calls such a function binds names that don't stand in the call."""
        self.changed.add(_ANY)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._change(node.target)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(node)
        self.generic_visit(node)

    visit_Subscript = visit_Attribute  # noqa: N815

    def visit_Expr(self, node: ast.Expr) -> None:
        """Take a call for its effect, like ``runs.append(x)`` or ``shuffle(rows)``, for a change."""
        call = node.value
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") not in dir(builtins):
            self._change(call.func)
            for argument in call.args:
                if not isinstance(argument, ast.Call):  # what a call gives is new
                    self._change(argument)
        self.generic_visit(node)

    def _change(self, node: ast.expr) -> None:
        while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
            node = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Name):
            self.changed.add(node.id)
            self.used.add(node.id)

    def _visit_scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef) -> None:
        """Take what stands inside for read later, and only what stands in the head for read now."""
        inside = _Names()
        for child in node.body if isinstance(node.body, list) else [node.body]:
            inside.visit(child)
        arguments: set[str] = set()
        if isinstance(node, ast.ClassDef):
            heads: Iterable[ast.expr | None] = [*node.bases, *node.decorator_list]
            self.used |= inside.used  # a class body runs at once
        else:
            given = node.args
            heads = [*given.defaults, *given.kw_defaults, *getattr(node, "decorator_list", [])]
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            arguments = {argument.arg for argument in every if argument}
        for head in heads:
            if head is not None:
                self.visit(head)
        self.changed |= inside.changed & {_ANY}
        self.later |= (inside.used | inside.later | inside.changed) - arguments - inside.bound
        self.bound |= {node.name} if not isinstance(node, ast.Lambda) else set()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _visit_scope  # noqa: N815

    def _visit_comprehension_scope(self, node: ast.expr) -> None:
        """Keep the names of its loops to itself."""
        inside = _Names()
        inside.generic_visit(node)
        self.used |= inside.used - inside.bound
        self.later |= inside.later - inside.bound

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension_scope  # noqa: N815


@dataclass(frozen=True)
class Slice:
    """What is needed of a notebook.

    Attributes
    ----------
    chosen : tuple of int
        Positions of the units, in order.
    missing : frozenset of str
        Names that are used and that nothing binds, builtins aside.
    opaque : bool
        Some unit of the notebook may bind names that its text does not show.
    """

    chosen: tuple[int, ...]
    missing: frozenset[str]
    opaque: bool


def needed(parts: Sequence[Unit], wanted: dict[int, frozenset[str]], *, always: Iterable[int] = ()) -> Slice:
    """Choose the units that some names need.

    Parameters
    ----------
    parts : sequence of Unit
        A notebook, in order.
    wanted : dict of int to frozenset of str
        Names that are asked for before the unit at that position runs; position ``len(parts)`` is the end.
    always : iterable of int
        Positions of units to take in any case.

    Returns
    -------
    Slice
        The units, and what could not be found.
    """
    late: frozenset[str] = frozenset()
    while True:
        chosen, missing = _backwards(parts, wanted, late, frozenset(always))
        found = frozenset().union(*(parts[i].later for i in chosen))
        if found <= late:
            break
        late |= found
    opaque = any(_ANY in part.binds | part.changes or (part.uses | part.later) & _MAKERS for part in parts)
    return Slice(chosen, missing - set(dir(builtins)), opaque)


def _backwards(
    parts: Sequence[Unit], wanted: dict[int, frozenset[str]], late: frozenset[str], always: frozenset[int]
) -> tuple[tuple[int, ...], frozenset[str]]:
    """Walk from the end to the beginning with the names that are needed."""
    names: set[str] = set()
    chosen = []
    modules = frozenset().union(*(part.imports for part in parts))
    for i in range(len(parts), -1, -1):
        if i in wanted:
            names |= wanted[i] | late
        if i == 0:
            break
        part = parts[i - 1]
        if i - 1 in always or (part.binds | part.changes - modules) & names:
            chosen.append(i - 1)
            names = (names - part.fixes) | part.uses
    ever = frozenset().union(*(parts[i].binds for i in chosen))
    return tuple(reversed(chosen)), frozenset(names) - ever
