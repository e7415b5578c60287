"""Points for a submission, decided outside the student's process.

The checks of an exercise, visible and hidden ones, run in the grader's process. Where a check calls the
student's function, the arguments go to the student's process as plain data and the result comes back as
plain data: a student's code never meets a check, an expected value or the code that compares, whatever it
does to its own process. All that it can do is to give another answer.

**What is hidden stays so**: no text that a student's code made after it has seen a hidden check's arguments
reaches the student. The visible statements of all checks come first, in a process of their own, and what it
says may be shown. Who has passed those of an exercise is asked the hidden ones, in a fresh process for each
exercise. Of that only the number of the first hidden check that failed is told, with its constant hint:
no error, no type's name, no reason why a process ended.

**One answer counts**: the first process runs what the answers need by the notebook's text. Where something
ended with a missing name there was no answer, and a process with more of the notebook is asked for that
exercise alone. So code that finds out in which of them it is gains nothing: it can't answer twice.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import hashlib
import io
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mnistkit.grading.autograde.answer_shapes import Outline, outline, outline_difference
from mnistkit.grading.autograde.check_limits import MAX_RUNS, limited
from mnistkit.grading.autograde.reference_solution import (
    Check,
    ReferenceSolution,
    Statement,
    call_key,
    parameters_source,
)
from mnistkit.grading.autograde.suspicious_code import unusual
from mnistkit.grading.ledger import Mark, Result
from mnistkit.grading.plain_text import plain, plain_lines
from mnistkit.grading.sandbox.bwrap import Ended, Sandbox, SandboxFailure, Session, Strayed
from mnistkit.grading.sandbox.code_dependencies import Unit, needed
from mnistkit.grading.sandbox.codec import MAX_MESSAGE, NotSerializable, changes, decode, encode
from mnistkit.grading.submission import SubmittedCell, SubmittedNotebook

_LARGE = 1_000_000
"""Arrays from so many characters on are sent to a process once."""

_MISSING = "NameError"
"""How a check may end for which more of the notebook is run: there was no answer."""

_EXPECTED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    AssertionError,
)
"""What a student's function may raise so that a check can expect it (``except ValueError``)."""

_PROCESS_SECONDS = 0.5
"""What each process counts for as well: code that ends one after the other comes to an end, too."""

_LIMITS = (
    "MemoryError",
    "OSError",
    "PermissionError",
    "BlockingIOError",
    "ConnectionRefusedError",
    "TimeoutError",
)
"""What code raises that meets a limit of the sandbox, or looks for what is not there."""

NOT_SOLVED = "not solved yet"

MAX_KIND = 100
"""Longest name of an exception that is shown, in characters."""

MAX_HINT = 300
"""Longest hint of a hidden check that is shown, in characters."""


class Raised(Exception):  # noqa: N818 (the student's error, not this program's)
    """The student's code raised an exception.

    Parameters
    ----------
    who : str
        What was asked for.
    kind, message : str
        The exception's type and text, as the student's process gives them.
    """

    def __init__(self, who: str, kind: str, message: str) -> None:
        Exception.__init__(self, f"{who} raised {kind}: {message}" if message else f"{who} raised {kind}")
        self.who, self.kind = who, kind

    def __str__(self) -> str:
        return str(self.args[0])


def _raised(who: str, kind: str, message: str, expected: Mapping[str, type[Exception]]) -> Raised:
    """Make what stands for the student's exception.

    One of Python's usual ones can be caught as such, and one that the check names itself: by its name, as
    a student's process can't send a type.
    """
    known = expected.get(kind, getattr(builtins, kind, None))
    usual = isinstance(known, type) and issubclass(known, _EXPECTED) and not issubclass(known, UnicodeError)
    if isinstance(known, type) and (usual or kind in expected):
        return type("Raised", (Raised, known), {})(who, kind, message)
    return Raised(who, kind, message)


def check_submission(
    instructor: ReferenceSolution, submission: SubmittedNotebook, sandbox: Sandbox
) -> Result:
    """Give a submission its points.

    Not to be called from two threads of a process at a time: the checks share the instructor's objects.

    Parameters
    ----------
    instructor : ReferenceSolution
        The assignment, from `mnistkit.grading.autograde.reference_solution.prepare`.
    submission : SubmittedNotebook
        What was handed in.
    sandbox : Sandbox
        Where its code runs.

    Returns
    -------
    Result
        Whatever the submission is or does; it takes at most `MAX_RUNS` times the sandbox's limit of time.

    Raises
    ------
    SandboxError
        If there is no sandbox on this machine.
    SandboxFailure
        If something outside of its code ended a process: nothing is known about the answers.
    """
    start = time.monotonic()
    if problem := submission.problem:
        marks = tuple(_failed(check, f"the file can't be graded: {problem}") for check in instructor.checks)
        return Result(marks, (problem,))
    everything = submission.of_kinds("code", "markdown")
    cells = [cell for cell in everything if cell.kind == "code"]
    warnings = [*_differences(instructor, cells), *unusual(everything, instructor.cells)]
    marks = _grade(instructor, cells, sandbox, warnings)
    remarks = tuple(dict.fromkeys(map(plain, warnings)))
    return Result(marks, remarks, round(time.monotonic() - start, 2))


def _failed(check: Check, reason: str, *, hidden: bool = False, kind: str = "") -> Mark:
    return Mark(check.cell.grade_id, 0.0, check.cell.points, plain_lines(reason, MAX_MESSAGE), hidden, kind)


def _differences(instructor: ReferenceSolution, cells: Sequence[SubmittedCell]) -> list[str]:
    """Say what was done to cells that students should leave as they are."""
    warnings = []
    found = Counter(cell.grade_id for cell in cells if cell.grade_id)
    by_id = {cell.grade_id: cell for cell in cells}
    for wanted in instructor.cells:
        name = wanted.grade_id
        if not name:
            continue
        if not found[name]:
            warnings.append(f"cell {name!r} is missing")
        elif found[name] > 1:
            warnings.append(f"cell {name!r} is there {found[name]} times")
        elif wanted.grade:
            if by_id[name].points != wanted.points:
                warnings.append(f"the points of {name!r} were changed")
            if by_id[name].visible.split() != wanted.visible.split():
                warnings.append(f"the text of check {name!r} was changed")
    return warnings


@dataclass
class _Notebook:
    """A submission as units."""

    units: list[Unit]
    own: list[int]
    """Positions of units that the student wrote or changed."""
    places: dict[str, int]
    """Before which unit the check of that name stands."""

    def wanted(self, checks: Sequence[Check]) -> dict[int, frozenset[str]]:
        """Give the names that are asked for, by position."""
        wanted: dict[int, frozenset[str]] = {}
        for check in checks:
            place = self.place(check)
            wanted[place] = wanted.get(place, frozenset()) | set(check.asks)
        return wanted

    def place(self, check: Check) -> int:
        """Say before which unit a check is due; at the end where its cell was deleted."""
        return self.places.get(check.cell.grade_id, len(self.units))


def _read(instructor: ReferenceSolution, cells: Sequence[SubmittedCell], student: _Student) -> _Notebook:
    """Cut a submission into units, in a sandbox: parsing a hostile text can end a process."""
    lesson = {cell.source.strip() for cell in instructor.cells}
    checks = {check.cell.grade_id for check in instructor.checks}
    code = [cell for cell in cells if not (cell.grade and cell.grade_id in checks)]
    requests = [(cell.source, cell.source.strip() not in lesson) for cell in code]
    *cut, settings = _cut([*requests, (parameters_source(instructor.parameters), True)], student)
    notebook = _Notebook([], [], {})
    if not any(cell.parameters for cell in code):
        notebook.units += settings
    remaining = iter(zip(code, requests, cut, strict=True))
    for cell in cells:
        if cell.grade and cell.grade_id in checks:
            notebook.places[cell.grade_id] = len(notebook.units)
            continue
        _, (_, own), pieces = next(remaining)
        notebook.own += range(len(notebook.units), len(notebook.units) + len(pieces)) if own else ()
        notebook.units += [*pieces, *(settings if cell.parameters else ())]
    return notebook


def _cut(requests: Sequence[tuple[str, bool]], student: _Student) -> list[list[Unit]]:
    """Cut cells into units; where that fails, each half of them, so that one cell costs no other."""
    try:
        limit = student.sandbox.limits.cell_seconds
        answer = student.ask(lambda: {"do": "units", "cells": list(requests)}, limit)
        if "cells" not in answer:
            raise NotSerializable(f"{answer.get('error')} in its text")
        found = zip(requests, answer["cells"], strict=True)
        return [[_as_unit(unit, source) for unit in units] for (source, _), units in found]
    except (Ended, NotSerializable) as problem:
        if len(requests) > 1:
            half = len(requests) // 2
            return [*_cut(requests[:half], student), *_cut(requests[half:], student)]
        student.warnings.append(f"a cell could not be read: {problem}")
        return [[Unit(requests[0][0], *[frozenset[str]()] * 6)]]


def _as_unit(parts: list[Any], cell: str) -> Unit:
    source, *names = parts
    return Unit(cell if source is None else source, *map(frozenset, names))


def _grade(
    instructor: ReferenceSolution, cells: Sequence[SubmittedCell], sandbox: Sandbox, warnings: list[str]
) -> tuple[Mark, ...]:
    """Run what the answers need; more of the notebook only where a name is missing."""
    spent = _Spent()
    with _Student(sandbox, (), (), warnings, spent) as first:
        notebook = _read(instructor, cells, first)
        wanted = notebook.wanted(instructor.checks)
        least = needed(notebook.units, wanted)
        first.units, first.chosen = notebook.units, least.chosen
        marks = _attempt(instructor.checks, notebook, first)
    everything = range(len(notebook.units))
    for always in (notebook.own, everything if least.opaque else ()):
        missing = [check for check in instructor.checks if marks[check.cell.grade_id].kind == _MISSING]
        more = needed(notebook.units, notebook.wanted(missing), always=always).chosen
        if missing and not set(more) <= set(least.chosen):
            again = _Student(sandbox, notebook.units, more, warnings, spent)
            marks |= _attempt(missing, notebook, again, always, marks)
    return tuple(marks[check.cell.grade_id] for check in instructor.checks)


def _attempt(
    checks: Sequence[Check],
    notebook: _Notebook,
    student: _Student,
    always: Sequence[int] = (),
    before: Mapping[str, Mark] = MappingProxyType({}),
) -> dict[str, Mark]:
    """Decide checks: first all that is visible, then what is hidden, each exercise in a process of its own.

    Where a hidden check ended `before` with a missing name, this run tells no more than that did.
    """
    marks = {}
    with student:
        for check in sorted(checks, key=notebook.place):
            student.advance(notebook.place(check))
            marks[check.cell.grade_id] = _decide(check, student, hidden=False)
    for check in checks:
        name = check.cell.grade_id
        if marks[name].points and check.hidden:
            place = notebook.place(check)
            chosen = needed(notebook.units, {place: frozenset(check.asks)}, always=always).chosen
            with student.fresh(chosen) as fresh:
                fresh.advance(place)
                marks[name] = _decide(check, fresh, hidden=True)
        if name in before and before[name].hidden and not marks[name].points:
            marks[name] = before[name]
    return marks


@dataclass
class _Spent:
    """Time that a student's code has taken: not what the grader itself or others on the machine took."""

    seconds: float = 0.0


@dataclass
class _Student:
    """A student's process, started again where the student's code has ended it."""

    sandbox: Sandbox
    units: Sequence[Unit]
    chosen: tuple[int, ...]
    warnings: list[str]
    spent: _Spent
    """By all processes of the submission."""
    session: Session | None = None
    done: list[int] = field(default_factory=list)
    fatal: set[int] = field(default_factory=set)
    """Units that end a process."""
    talking: set[int] = field(default_factory=set)
    """Units after which a process answered what it was not asked, and those before them."""
    sent: set[str] = field(default_factory=set)
    kept: list[tuple[Any, Any]] = field(default_factory=list)
    failure: SandboxFailure | None = None
    """That nothing is known about an answer; also where a check takes every exception for one it expects."""
    called: bool = False
    """Whether it has called functions: what these left running may end it in a unit that is right."""
    processes: int = 0
    """How many there were before a check: what it starts and leaves running takes from the next ones."""
    own_changes: bool = True
    """Whether arguments become what the student's functions make of them; else what the instructor's do."""
    own: _Spent = field(default_factory=_Spent)
    """By this process, and those that took its place."""

    def fresh(self, chosen: tuple[int, ...]) -> _Student:
        """Give a process that knows nothing of this one, but for the units that end it."""
        return _Student(self.sandbox, self.units, chosen, self.warnings, self.spent, fatal=set(self.fatal))

    def advance(self, place: int) -> None:
        """Run the chosen units that stand before a place; where a check has left processes, in a new one."""
        if self.session is not None and self.called and self.session.processes > self.processes:
            self._end()
        for position in self.chosen:
            if position < place and position not in self.done:
                self.done.append(position)
                if self.session is not None:
                    self._run(self.session, position)
        if self.session is not None:
            self.processes = self.session.processes

    def ask(self, make: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
        """Send a request to a process that has run all units so far; made then, as it may be a new one."""
        try:
            try:
                return self._ask(make, seconds)
            except Strayed as strayed:  # the fault of what was called before
                self.warnings.append(str(strayed))
                return self._ask(make, seconds)
        except SandboxFailure as failure:
            self.failure = failure
            raise

    def _ask(self, make: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
        if self.session is None:
            self._restart()
        assert self.session
        request = make()
        self.called |= request["do"] != "units"
        try:
            return self.session.ask(request, min(seconds, self._left()))
        except Ended:
            self._end()
            raise

    def _left(self) -> float:
        """Give the seconds that are left for the whole submission."""
        seconds = self.sandbox.limits.seconds
        now = self.session.spent_seconds if self.session else 0.0
        left = min(seconds - self.own.seconds, MAX_RUNS * seconds - self.spent.seconds) - now
        if left <= 0:
            raise Ended(f"it took longer than {seconds:,.0f} s in all")
        return left

    def _restart(self) -> None:
        """Start a process and run all units so far; those that end it are left out from then on."""
        while self.session is None:
            self._left()
            self.session, self.sent, self.called = self.sandbox.start(), set(), False
            for position in self.done:
                if self.session is not None:
                    self._run(self.session, position)
        self.processes = self.session.processes

    def _run(self, session: Session, position: int) -> None:
        if position in self.fatal | self.talking:
            return
        seconds = self.sandbox.limits.cell_seconds
        try:
            answer = session.ask(
                {"do": "run", "source": self.units[position].source}, min(seconds, self._left())
            )
            if "error" in answer:
                said = plain(f"{answer['error']}: {answer.get('message')}", MAX_HINT)
                self.warnings.append(f"a cell raised {said}")
        except (Ended, NotSerializable) as ended:
            self.warnings.append(f"a cell ended its process: {ended}")
            if self.called:
                pass  # perhaps the fault of what was called: a new process tells
            elif isinstance(ended, Strayed):  # it talks out of turn, or what ran before it goes on to talk
                self.talking |= {position, *self.done[: self.done.index(position)][-1:]}
            else:
                self.fatal.add(position)
            self._end()

    def _end(self) -> None:
        if self.session is not None:
            for spent in (self.own, self.spent):
                spent.seconds += self.session.spent_seconds + _PROCESS_SECONDS
            self.session.close()
            self.session = None

    def __enter__(self) -> _Student:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def call(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        truth: Callable[..., Any],
        outlines: Mapping[str, Outline] = MappingProxyType({}),
        expected_errors: Mapping[str, type[Exception]] = MappingProxyType({}),
    ) -> Any:
        """Call a function of the student and take over what it, or the true one, did to its arguments.

        The result has the outline of what the true function gives, which is looked up or found out. What
        the student's raises can be caught as one of the expected errors, by its name.
        """
        values = [*args, *kwargs.values()]
        encoded = [encode(value) for value in values]

        def request() -> dict[str, Any]:
            return {"do": "call", "name": name, "args": self._once(encoded), "kwargs": list(kwargs)}

        copies, expected = list[Any](), outlines.get(call_key(name, encoded, list(kwargs)))
        if expected is None or not self.own_changes:
            copies = [decode(tree) for tree in encoded]
            named = dict(zip(kwargs, copies[len(args) :], strict=True))
            with contextlib.suppress(Exception):  # the check expects it, or its argument is a student's
                expected = outline(truth(*copies[: len(args)], **named))
        answer = self.ask(request, self.sandbox.limits.call_seconds)
        result = _value(name, answer, expected_errors)
        changed = answer.get("changed")
        if not self.own_changes:
            changed = changes(encoded, copies)
        for position, tree in changed.items() if isinstance(changed, dict) else ():
            if position.isdigit() and int(position) < len(values):
                self._take_over(name, values[int(position)], decode(tree))
        if expected is not None:
            _compare(outline(result), expected)
        return result

    def _take_over(self, name: str, value: Any, changed: Any) -> None:
        """Do to an argument what the student's function did to its copy."""
        kept = copy.deepcopy(value)
        if not _put(value, changed):
            raise NotSerializable(f"{name} changed an argument that it should leave as it is")
        self.kept.append((value, kept))

    def restore(self) -> None:
        """Undo what was done to arguments: they may be the lesson's own, which other students get too."""
        while self.kept:
            _put(*self.kept.pop())

    def get(self, name: str) -> Any:
        """Give the value of a name of the student."""
        return _value(name, self.ask(lambda: {"do": "get", "name": name}, self.sandbox.limits.call_seconds))

    def _once(self, tree: Any) -> Any:
        """Send the content of a large array only the first time."""
        if isinstance(tree, list):
            return [self._once(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        content = tree.get("v")
        if tree.get("$") == "array" and isinstance(content, str) and len(content) > _LARGE:
            key = hashlib.sha256(content.encode()).hexdigest()
            known = key in self.sent
            self.sent.add(key)
            return {**tree, "key": key, "v": "" if known else content}
        return {name: self._once(value) for name, value in tree.items()}


def _value(
    name: str, answer: dict[str, Any], expected: Mapping[str, type[Exception]] = MappingProxyType({})
) -> Any:
    if "error" in answer:
        kind, message = plain(str(answer["error"]), MAX_KIND), str(answer.get("message"))[:MAX_MESSAGE]
        raise _raised(name, kind, message, expected)
    if "refused" in answer:
        raise NotSerializable(str(answer["refused"])[:MAX_MESSAGE])
    return decode(answer.get("value"))


def _put(value: Any, new: Any) -> bool:
    """Make an object like another one of its kind; say whether that was possible."""
    match value, new:
        case np.ndarray(), np.ndarray():
            if not value.flags.writeable or (value.shape, value.dtype) != (new.shape, new.dtype):
                return False
            value[...] = new
        case list(), list():
            value[:] = new
        case (dict(), dict()) | (set(), set()):
            value.clear()
            value.update(new)
        case np.random.Generator(), np.random.Generator():
            value.bit_generator.state = new.bit_generator.state
        case pd.DataFrame(), pd.DataFrame():
            pd.DataFrame.__init__(value, new)  # type: ignore[call-arg]
        case pd.Series(), pd.Series():
            pd.Series.__init__(value, new)  # type: ignore[call-arg]
        case _:
            return False
    return True


def _compare(answer: Outline, truth: Outline) -> None:
    if problem := outline_difference(answer, truth):
        raise NotSerializable(problem)


def _stand_in(
    student: _Student, check: Check, name: str, truth: Callable[..., Any], scope: Mapping[str, Any]
) -> Callable[..., Any]:
    """Make a function that asks the student's, for a check that sees the names of `scope`."""

    def ask(*args: Any, **kwargs: Any) -> Any:
        return student.call(name, args, kwargs, truth, check.outlines, _named_errors(check, scope))

    ask.__name__ = name
    return ask


def _named_errors(check: Check, scope: Mapping[str, Any]) -> dict[str, type[Exception]]:
    """Give the exceptions that a check expects by name (``except NotADigit``), the lesson's own among them.

    Those that may come of a limit of the sandbox are no answer, whatever a check says.
    """
    found = {}
    for handler in check.handlers:
        with contextlib.suppress(Exception):  # a name that is not there yet
            caught = eval(handler, dict(scope))
            for kind in caught if isinstance(caught, tuple) else (caught,):
                if issubclass(kind, Exception) and kind.__name__ not in _LIMITS:
                    found[kind.__name__] = kind
    return found


def _decide(check: Check, student: _Student, *, hidden: bool) -> Mark:
    """Run what is visible or what is hidden of a check, with the student's answers for the true ones."""
    grade_id, points = check.cell.grade_id, check.cell.points
    if check.by_hand:
        student.warnings.append(f"{grade_id} must be graded by hand: {check.by_hand}")
        return replace(_failed(check, "your teacher grades this one"), by_hand=True)
    try:
        for student.own_changes in (True, False):
            _run_statements(check, student, check.hidden if hidden else check.visible)
            if not student.kept:
                break
            # Arguments were changed, and with them perhaps what the check expects: it must also hold
            # where they become what the instructor's functions make of them.
            student.restore()
    except _Failed as failed:
        error = failed.error
        kind = getattr(error, "kind", type(error).__name__)
        if isinstance(error, (Ended, NotSerializable)) or kind in _LIMITS:
            student.warnings.append(f"{grade_id}: {plain(str(error))}")
        elif hidden and not isinstance(error, (AssertionError, Raised)):
            said = plain(f"{type(error).__name__}: {error}", MAX_HINT)
            student.warnings.append(f"{grade_id}: a hidden check could not be decided: {said}")
        if hidden:
            reason = _hidden_reason(failed, check)
            return _failed(check, reason, hidden=True, kind=kind * (kind == _MISSING))
        return _failed(check, _reason(error, failed.statement), kind=kind)
    finally:
        student.restore()
    return Mark(grade_id, points, points)


class _Failed(Exception):  # noqa: N818 (a check's result)
    """A statement of a check has failed."""

    def __init__(self, statement: Statement, error: Exception) -> None:
        super().__init__(str(error))
        self.statement, self.error = statement, error


def _run_statements(check: Check, student: _Student, statements: Sequence[Statement]) -> None:
    if not statements:
        return
    statement, nowhere = statements[0], io.StringIO()
    try:
        with limited(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            scope = _scope(check, student)
            for statement in statements:
                exec(statement.code, scope)
    except SandboxFailure:
        raise
    except Exception as error:
        if student.failure is None:
            raise _Failed(statement, error) from error
    if student.failure is not None:
        raise student.failure


def _scope(check: Check, student: _Student) -> dict[str, Any]:
    """Give the names that a check sees, the student's answers among them."""
    scope, true_scope = check.scope(), check.scope()
    for name in check.asks:
        truth = true_scope[name]
        if callable(truth):
            scope[name] = _stand_in(student, check, name, truth, scope)
        else:
            scope[name] = student.get(name)
            _compare(outline(scope[name]), outline(truth))
    return scope


def _reason(error: Exception, statement: Statement) -> str:
    """Say why a visible statement failed."""
    match error:
        case Raised(kind="NotImplementedError"):
            return NOT_SOLVED
        case Raised():
            return str(error)
        case Ended():
            return f"your code was stopped: {error}"
        case NotSerializable():
            return f"the answer can't be used: {error}"
        case AssertionError():
            return (str(error) or f"this is not true: {statement.source.removeprefix('assert ')}")[
                :MAX_MESSAGE
            ]
        case _:
            return f"the answer can't be used: {type(error).__name__}: {error}"[:MAX_MESSAGE]


def _hidden_reason(failed: _Failed, check: Check) -> str:
    """Name a hidden check by its number and its constant hint, however it failed."""
    frames = traceback.walk_tb(failed.error.__traceback__)
    lines = (line for frame, line in frames if frame.f_code.co_filename == check.file)
    line = next(lines, failed.statement.line)
    asserts = check.hidden_asserts
    last = len(asserts)
    number = next((i for i, each in enumerate(asserts, start=1) if line < each.lines.stop), last)
    reason = f"hidden check {number} of {last} failed"
    hint = asserts[number - 1].hint if asserts and line in asserts[number - 1].lines else ""
    return f"{reason}: {hint[:MAX_HINT]}" if hint else reason
