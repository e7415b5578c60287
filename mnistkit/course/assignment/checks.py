"""Points for a submission, decided outside the student's process.

The checks of an exercise, visible and hidden ones, run in the grader's process. Where a check calls the
student's function, the arguments go to the student's process as plain data and the result comes back as
plain data: a student's code never meets a check, an expected value or the code that compares, whatever it
does to its own process. All that it can do is to give another answer.
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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mnistkit.course.assignment.cells import Cell, NotANotebook, read_submission
from mnistkit.course.assignment.exchange import MAX_TEXT, NotPlain, changes, decode, encode, is_empty
from mnistkit.course.assignment.instructor import Check, InstructorState, Statement, parameters_source
from mnistkit.course.assignment.marks import Mark, Result
from mnistkit.course.assignment.sandbox import Ended, Sandbox, Session, Strayed
from mnistkit.course.assignment.slices import Unit, needed
from mnistkit.course.assignment.texts import plain, plain_lines
from mnistkit.course.assignment.unusual import unusual

_LARGE = 1_000_000
"""Arrays from so many characters on are sent to a process once."""

_FINAL = ("NotImplementedError", "Ended", "")
"""How a check may end for which running more of a notebook is of no use."""

_LIMITS = ("MemoryError", "OSError", "PermissionError", "BlockingIOError", "ConnectionRefusedError")
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
        super().__init__(f"{who} raised {kind}: {message}" if message else f"{who} raised {kind}")
        self.who, self.kind = who, kind


def check_submission(instructor: InstructorState, submission: Path, sandbox: Sandbox) -> Result:
    """Give a submission its points.

    Not to be called from two threads of a process at a time: the checks share the instructor's objects.

    Parameters
    ----------
    instructor : InstructorState
        The assignment, from `mnistkit.course.assignment.instructor.prepare`.
    submission : pathlib.Path
        The notebook that was handed in.
    sandbox : Sandbox
        Where its code runs.

    Returns
    -------
    Result
        Whatever the submission is or does; it takes at most three times the sandbox's limit of wall time.

    Raises
    ------
    SandboxError
        If there is no sandbox on this machine.
    """
    start = time.monotonic()
    try:
        everything = read_submission(submission, ("code", "markdown"))
    except NotANotebook as error:
        marks = tuple(_failed(check, f"the file can't be graded: {error}") for check in instructor.checks)
        return Result(submission.name, marks, (str(error),))
    cells = [cell for cell in everything if cell.kind == "code"]
    odd = [*_differences(instructor, cells), *unusual(everything, instructor.cells)]
    try:
        marks = _grade(instructor, cells, sandbox, odd)
    except (Ended, NotPlain) as ended:  # while its text was read
        odd.append(f"the notebook could not be read: {ended}")
        marks = tuple(_failed(check, "the notebook could not be read") for check in instructor.checks)
    remarks = tuple(dict.fromkeys(map(plain, odd)))
    return Result(submission.name, marks, remarks, round(time.monotonic() - start, 2))


def _failed(check: Check, reason: str, *, hidden: bool = False, kind: str = "") -> Mark:
    return Mark(check.cell.grade_id, 0.0, check.cell.points, plain_lines(reason, MAX_TEXT), hidden, kind)


def _differences(instructor: InstructorState, cells: Sequence[Cell]) -> list[str]:
    """Say what was done to cells that students should leave as they are."""
    odd = []
    found = Counter(cell.grade_id for cell in cells if cell.grade_id)
    by_id = {cell.grade_id: cell for cell in cells}
    for wanted in instructor.cells:
        name = wanted.grade_id
        if not name:
            continue
        if not found[name]:
            odd.append(f"cell {name!r} is missing")
        elif found[name] > 1:
            odd.append(f"cell {name!r} is there {found[name]} times")
        elif wanted.grade:
            if by_id[name].points != wanted.points:
                odd.append(f"the points of {name!r} were changed")
            if by_id[name].visible.split() != wanted.visible.split():
                odd.append(f"the text of check {name!r} was changed")
    return odd


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


def _read(instructor: InstructorState, cells: Sequence[Cell], session: Session) -> _Notebook:
    """Cut a submission into units, in a sandbox: parsing a hostile text can end a process."""
    lesson = {cell.source.strip() for cell in instructor.cells}
    checks = {check.cell.grade_id for check in instructor.checks}
    code = [cell for cell in cells if not (cell.grade and cell.grade_id in checks)]
    requests = [[cell.source, cell.source.strip() not in lesson] for cell in code]
    request = {"do": "units", "cells": [*requests, [parameters_source(instructor.parameters), True]]}
    answer = session.ask(request, session.limits.cell_seconds)
    if "cells" not in answer:
        raise NotPlain(f"{answer.get('error')} in its text")
    *cut, settings = [[_as_unit(unit) for unit in cell] for cell in answer["cells"]]
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


def _as_unit(parts: list[Any]) -> Unit:
    source, *names = parts
    return Unit(source, *map(frozenset, names))


def _grade(
    instructor: InstructorState, cells: Sequence[Cell], sandbox: Sandbox, odd: list[str]
) -> tuple[Mark, ...]:
    """Run what the answers need; more of the notebook only where points are missing."""
    with sandbox.start() as session:
        notebook = _read(instructor, cells, session)
        wanted = notebook.wanted(instructor.checks)
        least = needed(notebook.units, wanted)
        marks = _attempt(instructor, notebook, _Student(sandbox, notebook.units, least.chosen, odd, session))
    own = needed(notebook.units, wanted, always=notebook.own).chosen
    if own != least.chosen and any(not m.points and m.kind not in _FINAL for m in marks):
        marks = _better(marks, _attempt(instructor, notebook, _Student(sandbox, notebook.units, own, odd)))
    everything = tuple(range(len(notebook.units)))
    if least.opaque and everything != own and any(m.kind == "NameError" for m in marks):
        again = _Student(sandbox, notebook.units, everything, odd)
        marks = _better(marks, _attempt(instructor, notebook, again))
    return marks


def _better(one: tuple[Mark, ...], other: tuple[Mark, ...]) -> tuple[Mark, ...]:
    return tuple(max(pair, key=lambda mark: mark.points) for pair in zip(one, other, strict=True))


def _attempt(instructor: InstructorState, notebook: _Notebook, student: _Student) -> tuple[Mark, ...]:
    with student:
        marks = {}
        for check in sorted(instructor.checks, key=notebook.place):
            student.advance(notebook.place(check))
            marks[check.cell.grade_id] = _decide(check, student)
    return tuple(marks[check.cell.grade_id] for check in instructor.checks)


@dataclass
class _Student:
    """A student's process, started again where the student's code has ended it."""

    sandbox: Sandbox
    units: Sequence[Unit]
    chosen: tuple[int, ...]
    odd: list[str]
    session: Session | None = None
    done: list[int] = field(default_factory=list)
    fatal: set[int] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    kept: list[tuple[Any, Any]] = field(default_factory=list)
    called: bool = False
    own_changes: bool = True
    """Whether arguments become what the student's functions make of them; else what the instructor's do."""
    start: float = field(default_factory=time.monotonic)

    def advance(self, place: int) -> None:
        """Run the chosen units that stand before a place."""
        for position in self.chosen:
            if position < place and position not in self.done:
                self.done.append(position)
                if self.session is not None:
                    self._run(self.session, position)

    def ask(self, make: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
        """Send a request to a process that has run all units so far; made then, as it may be a new one."""
        try:
            return self._ask(make, seconds)
        except Strayed as strayed:  # the fault of what was called before
            self.odd.append(str(strayed))
            return self._ask(make, seconds)

    def _ask(self, make: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
        if self.session is None:
            self._restart()
        assert self.session
        self.called = True
        try:
            return self.session.ask(make(), min(seconds, self._left()))
        except Ended:
            self._end()
            raise

    def _left(self) -> float:
        """Give the seconds that are left for the whole submission."""
        left = self.sandbox.limits.seconds - (time.monotonic() - self.start)
        if left <= 0:
            raise Ended(f"it took longer than {self.sandbox.limits.seconds:,.0f} s in all")
        return left

    def _restart(self) -> None:
        """Start a process and run all units so far; those that end it are left out from then on."""
        while self.session is None:
            self._left()
            self.session, self.sent = self.sandbox.start(), set()
            for position in self.done:
                if self.session is not None:
                    self._run(self.session, position)

    def _run(self, session: Session, position: int) -> None:
        if position in self.fatal:
            return
        seconds = self.sandbox.limits.cell_seconds
        try:
            answer = session.ask(
                {"do": "run", "source": self.units[position].source}, min(seconds, self._left())
            )
            self.called = False
            if "error" in answer:
                said = plain(f"{answer['error']}: {answer.get('message')}", MAX_HINT)
                self.odd.append(f"a cell raised {said}")
        except (Ended, NotPlain) as ended:
            self.odd.append(f"a cell ended its process: {ended}")
            if not isinstance(ended, Strayed):
                self.fatal.add(position)
            elif not self.called:  # it talks out of turn, or what ran before it goes on to talk
                self.fatal |= {position, *self.done[: self.done.index(position)][-1:]}
            self.called = False
            self._end()

    def _end(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None

    def __enter__(self) -> _Student:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def call(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], truth: Callable[..., Any]
    ) -> Any:
        """Call a function of the student and take over what it, or the true one, did to its arguments."""
        values = [*args, *kwargs.values()]
        encoded = [encode(value) for value in values]

        def request() -> dict[str, Any]:
            return {"do": "call", "name": name, "args": self._once(encoded), "kwargs": list(kwargs)}

        answer = self.ask(request, self.sandbox.limits.call_seconds)
        result = _value(name, answer)
        changed = answer.get("changed")
        if not self.own_changes:
            (copies, named) = copy.deepcopy((args, kwargs))
            truth(*copies, **named)
            changed = changes(encoded, [*copies, *named.values()])
        for position, tree in changed.items() if isinstance(changed, dict) else ():
            if position.isdigit() and int(position) < len(values):
                self._take_over(name, values[int(position)], decode(tree))
        return result

    def _take_over(self, name: str, value: Any, changed: Any) -> None:
        """Do to an argument what the student's function did to its copy."""
        kept = copy.deepcopy(value)
        if not _put(value, changed):
            raise NotPlain(f"{name} changed an argument that it should leave as it is")
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


def _value(name: str, answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise Raised(name, plain(str(answer["error"]), MAX_KIND), str(answer.get("message"))[:MAX_TEXT])
    if "refused" in answer:
        raise NotPlain(str(answer["refused"])[:MAX_TEXT])
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
        case dict(), dict():
            value.clear()
            value.update(new)
        case np.random.Generator(), np.random.Generator():
            value.bit_generator.state = new.bit_generator.state
        case pd.DataFrame(), pd.DataFrame():
            pd.DataFrame.__init__(value, new)  # type: ignore[call-arg]
        case _:
            return False
    return True


def _stand_in(student: _Student, name: str, truth: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that asks the student's."""

    def ask(*args: Any, **kwargs: Any) -> Any:
        before = copy.deepcopy((args, kwargs)) if not _is_large((*args, *kwargs.values())) else (args, kwargs)
        value = student.call(name, args, kwargs, truth)
        if is_empty(value) and not is_empty(truth(*before[0], **before[1])):
            # NumPy compares nothing with anything as equal.
            raise NotPlain("it is empty")
        return value

    ask.__name__ = name
    return ask


def _is_large(values: Iterable[Any]) -> bool:
    return any(getattr(value, "nbytes", 0) > _LARGE for value in values if isinstance(value, np.ndarray))


def _decide(check: Check, student: _Student) -> Mark:
    """Run a check with the student's functions in the place of the instructor's."""
    if check.by_hand:
        student.odd.append(f"{check.cell.grade_id} must be graded by hand: {check.by_hand}")
        return replace(_failed(check, "your teacher grades this one"), by_hand=True)
    statement = check.statements[0]
    try:
        for student.own_changes in (True, False):
            scope = _scope(check, student)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                for statement in check.statements:
                    exec(statement.code, scope)
            if not student.kept:
                break
            # Arguments were changed, and with them perhaps what the check expects: it must also hold
            # where they become what the instructor's functions make of them.
            student.restore()
    except Exception as error:
        if isinstance(error, Ended) or getattr(error, "kind", "") in _LIMITS:
            student.odd.append(f"{check.cell.grade_id}: {plain(str(error))}")
        reason = _reason(error, check, statement)
        return _failed(
            check, reason, hidden=statement.hidden, kind=getattr(error, "kind", type(error).__name__)
        )
    finally:
        student.restore()
    return Mark(check.cell.grade_id, check.cell.points, check.cell.points)


def _scope(check: Check, student: _Student) -> dict[str, Any]:
    """Give the names that a check sees, the student's answers among them."""
    scope, true_scope = check.scope(), check.scope()
    for name in check.asks:
        truth = true_scope[name]
        scope[name] = _stand_in(student, name, truth) if callable(truth) else student.get(name)
    return scope


def _reason(error: Exception, check: Check, statement: Statement) -> str:
    """Say why a check failed; of a hidden one its number, its hint, and what the student's code did."""
    match error:
        case Raised(kind="NotImplementedError"):
            return NOT_SOLVED
        case Raised():
            return _raised_hidden(error) if statement.hidden else str(error)
        case Ended():
            return f"your code was stopped: {error}"
        case NotPlain() if statement.hidden:  # the student's process may have written its text
            return "the answer can't be used in a hidden check"
        case NotPlain():
            return f"the answer can't be used: {error}"
        case _ if statement.hidden:
            return _hidden_reason(error, check)
        case AssertionError():
            return (str(error) or f"this is not true: {statement.source.removeprefix('assert ')}")[:MAX_TEXT]
        case _:
            return f"the answer can't be used: {type(error).__name__}: {error}"[:MAX_TEXT]


def _raised_hidden(error: Raised) -> str:
    """Name Python's own exceptions only: any other name may tell what the check has sent."""
    kind = getattr(builtins, error.kind, None)
    known = isinstance(kind, type) and issubclass(kind, BaseException)
    return f"{error.who} raised {error.kind if known else 'an exception'} in a hidden check"


def _hidden_reason(error: Exception, check: Check) -> str:
    """Name a hidden check by its number; the hint is what its own ``assert`` says, nobody else's error.

    The text of an error of a library may hold what was expected.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    line = next((line for frame, line in frames if frame.f_code.co_filename == check.file), 0)
    asserts = check.hidden_asserts
    number = next((i for i, each in enumerate(asserts, start=1) if line < each.stop), len(asserts))
    reason = f"hidden check {number} of {len(asserts)} failed"
    its_own = isinstance(error, AssertionError) and frames[-1][0].f_code.co_filename == check.file
    return f"{reason}: {str(error)[:MAX_HINT]}" if its_own and str(error) else reason
