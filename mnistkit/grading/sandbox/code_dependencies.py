"""Which parts of a notebook some names need: a student's answers are then checked without running the lesson.

By the text alone: a statement is needed if it binds a needed name or may change what the name stands for;
what it uses is then needed too. It is a guess that errs towards more. A change is

- an assignment to a part of it (``t.a = 1``, ``t[0] += 1``, ``setattr``),
- a method called on it, wherever that stands (``last = rows.pop()``), but for those that only read,
- a function called with it for the call's effect (``shuffle(rows)``), or one that is known to change what it
  gets: by its name, or as the notebook's own text of it does so,
- for a cell that a student has written, any function called with it.

A number, a text or a function of Python's own never changes: a name that stands for nothing else (a lesson's
``seed``, ``len``) is only bound.

Two things have no name in the text and get one here: the state of the global random generators, which every
use of them changes, and settings: those of the process (``sys.setrecursionlimit``) are needed by
everything, those of another module (``np.seterr``) by what uses it. What can't be seen (names made with
``exec``) is why the grader runs more of a notebook where a name is missing.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_BLOCKS = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match)
_ANY = "*"  # as in: from library import *
_RANDOM = "global random state"
_SETTINGS = "settings of the process"
_SETTINGS_OF = "settings of "
_ARGUMENT = "an argument"

_MAKERS = {"exec", "eval", "globals", "vars", "setattr", "get_ipython", "__import__"}
"""Functions that bind names which the text does not show."""

_READING = frozenset(
    re.findall(
        r"\w+",
        """
        abs agg aggregate all any apply argmax argmin argsort around assign astype capitalize ceil clip conj
        copy corr corrwith count count_params cov cumprod cumsum decision_function describe diagonal diff
        difference dot drop drop_duplicates dropna duplicated encode endswith eq explode fillna filter find
        first floor format ge get get_config get_layer get_params get_weights groupby gt head idxmax idxmin
        index info interpolate intersection inverse_transform isalnum isalpha isascii isdigit isdisjoint
        isin islower isna isnull isspace issubset issuperset isupper item items iterrows itertuples join
        keys kneighbors kurt last le ljust lower lstrip lt map max mean median melt merge min mode ne
        nlargest nonzero notna notnull nsmallest nunique pct_change pivot pivot_table predict predict_proba
        prod ptp quantile query rank ravel reindex removeprefix removesuffix rename repeat replace
        reset_index reshape rfind rjust rolling round rstrip sample score score_samples searchsorted
        select_dtypes set_axis set_index shift skew sort_index sort_values split splitlines squeeze
        startswith std strftime strip style sum summary swapaxes tail take title to_csv to_dict to_frame
        to_html to_list to_markdown to_numpy to_string tobytes tolist trace transform transpose union unique
        unstack upper value_counts values var view xs zfill
        """,
    )
)
"""Methods of NumPy's, pandas', scikit-learn's, Keras' and Python's objects that leave them as they are
(without ``inplace``)."""

_FITTING = {"fit", "fit_predict", "fit_transform", "partial_fit"}
"""Methods that change an estimator, and never what it was built from (scikit-learn's contract)."""

_CHANGING = {"setattr", "delattr", "next", "shuffle", "put", "place", "putmask", "copyto", "fill_diagonal"}
_CHANGING |= {
    "heappush",
    "heappop",
    "heapify",
    "heapreplace",
    "heappushpop",
    "insort",
    "insort_left",
    "insort_right",
}
"""Functions that change what they get, in whatever way they are called."""

_SHOWING = {"check", "display", "finding", "in_five_sentences", "plots", "record", "show_data", "widgets"}
"""Functions and modules that show or note what they get; a notebook's own are told by their text."""

_PROCESS = {"sys", "os", "warnings", "gc", "locale", "signal", "decimal", "resource", "faulthandler"}
"""Modules whose settings hold for all code of a process."""

_COPYING = {"list", "tuple", "set", "dict", "sorted", "str", "range", "super", "open", "type"}

_DRAWING = {
    "seed",
    "shuffle",
    "random",
    "randint",
    "rand",
    "randn",
    "choice",
    "choices",
    "sample",
    "uniform",
    "normal",
    "permutation",
}
"""Functions of the global generators that are used under their own names."""

_SEEDING = {"seed", "set_seed", "set_random_seed", "manual_seed"}
_NEW_GENERATORS = {
    "default_rng",
    "Generator",
    "RandomState",
    "Random",
    "SystemRandom",
    "PCG64",
    "SeedSequence",
}


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
    calls : frozenset of str
        Calls of functions by their bare name, each as ``function(argument``.
    effects : frozenset of str
        What functions that it defines change when they are called, each as ``function(name``.
    constants : frozenset of str
        Names that it binds to a number or a text and to nothing else.
    """

    source: str
    binds: frozenset[str]
    changes: frozenset[str]
    imports: frozenset[str]
    fixes: frozenset[str]
    uses: frozenset[str]
    later: frozenset[str]
    calls: frozenset[str] = frozenset()
    effects: frozenset[str] = frozenset()
    constants: frozenset[str] = frozenset()


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
    nodes = [part for node in body for part in ([node] if whole else _single(node))]
    lines = source.splitlines()
    parts = [_unit(lines, node, whole=whole) for node in nodes]
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
    binds, changes, imports, later, calls, effects = (
        frozenset().union(*(getattr(part, name) for part in parts))
        for name in ("binds", "changes", "imports", "later", "calls", "effects")
    )
    sure, uses_before = frozenset(bound), frozenset(uses)
    names = (binds, changes, imports, sure, uses_before, later - bound, calls, effects, _constants(parts))
    return Unit(source, *names)


def _constants(parts: Sequence[Unit]) -> frozenset[str]:
    """Give the names that are bound to a number or a text, in whichever part they are bound."""
    others = frozenset[str]().union(*(part.binds - part.constants for part in parts))
    return frozenset[str]().union(*(part.constants for part in parts)) - others


def _unit(lines: Sequence[str], node: ast.stmt, *, whole: bool) -> Unit:
    seen = _Names()
    seen.visit(node)
    sure = set() if isinstance(node, _BLOCKS) else seen.bound
    changed = seen.changed | (seen.passed if whole else set())
    constants = seen.bound if _is_of_a_constant(node) else set[str]()
    names = (seen.bound, changed, seen.imported, sure, seen.used, seen.later, seen.calls, seen.effects)
    return Unit("" if whole else _text(lines, node), *map(frozenset, (*names, constants)))


def _is_of_a_constant(node: ast.stmt) -> bool:
    """Say whether a statement is ``a = 1``, ``a: int = 1`` or the like."""
    match node:
        case ast.Assign(targets=targets, value=ast.Constant()):
            return all(isinstance(target, ast.Name) for target in targets)
        case ast.AnnAssign(target=ast.Name(), value=ast.Constant()):
            return True
    return False


def _text(source: Sequence[str], node: ast.stmt) -> str:
    if not hasattr(node, "lineno"):  # one of several imports of a line
        return ast.unparse(node)
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    lines = source[first - 1 : node.end_lineno]
    if len(lines) == 1 and ";" in lines[0]:
        return ast.unparse(node)
    return "\n".join(lines)


def _root(node: ast.AST) -> str:
    """Give the name that an expression like ``a.b[0].c(1)`` begins with; empty where there is none."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _dotted(node: ast.AST) -> list[str]:
    """Give the parts of ``a.b.c``."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [*parts, node.id] if isinstance(node, ast.Name) else parts


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


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
        self.passed: set[str] = set()
        """Names that functions get."""
        self.calls: set[str] = set()
        self.effects: set[str] = set()

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
        for names in ("bound", "changed", "imported", "later", "passed", "calls", "effects"):
            getattr(self, names).update(getattr(inside, names))
        return known if isinstance(node, _BLOCKS) else known | inside.bound

    def visit_Name(self, node: ast.Name) -> None:
        (self.used if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.imported.update((alias.asname or alias.name.split(".")[0]) for alias in node.names)
        self.bound |= self.imported

    visit_ImportFrom = visit_Import  # noqa: N815 (ast.NodeVisitor's names)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Take ``keras = import_keras()`` for an import."""
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and getattr(call.func, "id", "").startswith("import_"):
            self.imported |= {target.id for target in node.targets if isinstance(target, ast.Name)}

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
            root = _root(node)
            self.changed.add(_SETTINGS if root in _PROCESS else f"{_SETTINGS_OF}{root}")
        self.generic_visit(node)

    visit_Subscript = visit_Attribute  # noqa: N815

    def visit_Expr(self, node: ast.Expr) -> None:
        """Take a call for its effect, like ``runs.append(x)`` or ``shuffle(rows)``, for a change."""
        call = node.value
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") not in dir(builtins):
            if getattr(call.func, "attr", "") not in _READING and _root(call.func) not in _SHOWING:
                self._change(call.func)
                self._change_arguments(call)
            self._set(call.func)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Take a call, wherever it stands, for a change of what its function may change."""
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        arguments = {_root(part) for part in (*node.args, *(k.value for k in node.keywords))} - {""}
        if isinstance(node.func, ast.Attribute):
            self._call_method(node.func, node.keywords)
            self.passed |= arguments
        elif isinstance(node.func, ast.Name):
            self.calls |= {f"{name}({argument}" for argument in {"", *arguments}}
            self.passed |= arguments if name not in dir(builtins) else set()
        if name in _SEEDING or (name in _DRAWING and isinstance(node.func, ast.Name)):
            self._draw()
        if name in _CHANGING:
            self._change_arguments(node)
        self.generic_visit(node)

    def _call_method(self, function: ast.Attribute, keywords: Sequence[ast.keyword]) -> None:
        in_place = any(k.arg == "inplace" and not _is_false(k.value) for k in keywords)
        is_class = function.attr[:1].isupper()
        if in_place or not (is_class or function.attr in _READING):
            self._change(function.value, built_from=function.attr not in _FITTING)
        if "random" in _dotted(function.value) and function.attr not in _NEW_GENERATORS:
            self._draw()
        for keyword in keywords:
            if keyword.arg == "out":
                self._change(keyword.value)

    def _set(self, function: ast.expr) -> None:
        """Take ``sys.setrecursionlimit(9)``, ``np.seterr(all="raise")`` and the like for a setting."""
        root = _root(function)
        if root in _PROCESS:
            self.changed.add(_SETTINGS)
        elif getattr(function, "attr", "").startswith(("set", "use", "enable", "disable")):
            self.changed.add(f"{_SETTINGS_OF}{root}")

    def _draw(self) -> None:
        self.changed.add(_RANDOM)
        self.used.add(_RANDOM)

    def _change_arguments(self, call: ast.Call) -> None:
        for argument in call.args:
            if not isinstance(argument, ast.Call):  # what a call gives is new
                self._change(argument)

    def _change(self, node: ast.expr, *, built_from: bool = True) -> None:
        """Take an object for changed, and with it what it was `built_from`: it may hold that."""
        if name := _root(node):
            self.changed.add(name)
            self.used.add(name)
        while built_from and isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
            if isinstance(node, ast.Call) and _root(node.func) not in _COPYING:  # vars(x)["a"] = 1
                self._change_arguments(node)
            node = node.func if isinstance(node, ast.Call) else node.value

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
        lasting = {name for name in inside.changed if not name.startswith(_SETTINGS_OF)}
        self.changed |= inside.changed & {_ANY}
        self.effects |= inside.effects
        if not isinstance(node, (ast.Lambda, ast.ClassDef)):
            changed = lasting - inside.bound | lasting & arguments
            self.effects |= {f"{node.name}({_ARGUMENT if n in arguments else n}" for n in changed}
        self.later |= (inside.used | inside.later | lasting) - arguments - inside.bound
        self.bound |= {node.name} if not isinstance(node, ast.Lambda) else set()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _visit_scope  # noqa: N815

    def _visit_comprehension_scope(self, node: ast.expr) -> None:
        """Keep the names of its loops to itself."""
        inside = _Names()
        inside.generic_visit(node)
        self.used |= inside.used - inside.bound
        self.later |= inside.later - inside.bound
        self.changed |= inside.changed - inside.bound
        self.passed |= inside.passed - inside.bound
        self.calls |= inside.calls

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
    opaque = any(_ANY in part.binds | part.changes or (part.uses | part.later) & _MAKERS for part in parts)
    unchanging = frozenset().union(*(part.imports for part in parts))
    if not opaque:
        unchanging |= _constants(parts) | set(dir(builtins)).difference(*(part.binds for part in parts))
    while True:
        chosen, missing = _backwards(parts, wanted, late, unchanging, frozenset(always))
        found = frozenset().union(*(parts[i].later for i in chosen))
        if found <= late:
            break
        late |= found
    return Slice(chosen, missing - set(dir(builtins)), opaque)


def _backwards(
    parts: Sequence[Unit],
    wanted: dict[int, frozenset[str]],
    late: frozenset[str],
    unchanging: frozenset[str],
    always: frozenset[int],
) -> tuple[tuple[int, ...], frozenset[str]]:
    """Walk from the end to the beginning with the names that are needed."""
    names: set[str] = {_SETTINGS}
    chosen = []
    effects = frozenset().union(*(part.effects for part in parts))
    for i in range(len(parts), -1, -1):
        if i in wanted:
            names |= wanted[i] | late
        if i == 0:
            break
        part = parts[i - 1]
        if i - 1 in always or (part.binds | _changes(part, effects, unchanging, names)) & names:
            chosen.append(i - 1)
            names = (names - part.fixes) | part.uses
    ever = frozenset().union(*(parts[i].binds for i in chosen), {_RANDOM, _SETTINGS})
    return tuple(reversed(chosen)), frozenset(names) - ever


def _changes(part: Unit, effects: frozenset[str], unchanging: frozenset[str], names: set[str]) -> set[str]:
    """Give what a unit may change, also through the functions of the notebook that it calls.

    What is `unchanging` no call changes: numbers, texts, Python's functions, and modules but for settings.
    """
    called: dict[str, set[str]] = {}
    for call in part.calls:
        name, argument = call.split("(", 1)
        called.setdefault(name, set()).add(argument)
    found = set(part.changes)
    for effect in effects:
        name, changed = effect.split("(", 1)
        if name in called:
            found |= called[name] if changed == _ARGUMENT else {changed}
    return (found - unchanging - {""}) | {name for name in names if f"{_SETTINGS_OF}{name}" in part.changes}
