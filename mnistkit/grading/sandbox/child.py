"""The end of the line in a student's process: runs cells, calls functions and answers in plain data.

Started by `mnistkit.grading.sandbox.bwrap`. The student's code runs in this very process and may change
all that is here; the grader counts on nothing but the sandbox around it and on its own reading of the
answers.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import resource
import signal
import sys
import warnings
from typing import IO, Any

from mnistkit.grading.sandbox.code_dependencies import units
from mnistkit.grading.sandbox.codec import MAX_MESSAGE, NotSerializable, changes, decode, encode
from mnistkit.grading.sandbox.seccomp import confine
from mnistkit.grading.sandbox.stdio import own_pipes


def _drop_privileges(settings: dict[str, Any]) -> dict[str, str]:
    """Take on the limits, the user and the filter of calls, for good; say what stands in the way."""
    if settings["uid"] != os.getuid():
        os.setgroups([])
        os.setresgid(*[settings["uid"]] * 3)
        os.setresuid(*[settings["uid"]] * 3)
    for name, most in settings["limits"].items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY and hard < most:
            return {
                "failure": f"a limit from outside ({name}, see ulimit -a) is {hard:,}, less than {most:,}"
            }
        # Where both are exceeded at once, the process would be killed as if by somebody else.
        resource.setrlimit(kind, (most, hard if name == "RLIMIT_CPU" else most))
    if settings["confined"]:
        try:
            confine()
        except OSError as error:
            return {"unsuitable": str(error)}
    return {}


def _outlive_a_shutdown() -> None:
    """Leave signals that go to all processes of a machine or session to the grader: its end is this one's.

    Else the code would seem to have ended itself. What the code starts is ended by them as usual.
    """
    ends = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    for number in ends:
        signal.signal(number, lambda *_: None)

    def as_usual() -> None:
        for number in ends:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)

    # Held back meanwhile: a child that is ended at once would take the signal as its parent does.
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ends),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ends),
        after_in_child=as_usual,
    )


class _Student:
    """The student's names, and what can be asked about them."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        class Shell(InteractiveShell):
            """A shell in which what only a notebook has (``%matplotlib inline``) ends no cell."""

            def enable_gui(self, gui: str | None = None) -> None:
                """Do nothing: there is no window."""

            def enable_matplotlib(self, gui: str | None = None) -> tuple[str | None, str]:
                """Do nothing: figures are drawn into memory."""
                return gui, "agg"

            def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
                """Go on with the cell where a magic, which sets something for a notebook, fails here."""
                try:
                    return super().run_line_magic(magic_name, line, _stack_depth + 1)
                except Exception as error:
                    sys.stderr.write(f"%{magic_name}: {error}\n")
                    return None

        self.shell = Shell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        self.sent: dict[str, str] = {}

    def units(self, request: dict[str, Any]) -> dict[str, Any]:
        """Cut cells into units: here, because parsing a hostile text may end a process."""
        cells = []
        for given, whole in request["cells"]:
            cut = units(self._as_python(given), whole=whole)
            # A text that is known is not sent back: of a very long cell only the names matter.
            cells.append(
                [
                    [None if u.source == given else u.source, *map(sorted, list(vars(u).values())[1:])]
                    for u in cut
                ]
            )
        return {"cells": cells}

    def _as_python(self, source: str) -> str:
        """Translate IPython's own lines; Python needs that not, and a long text would take a minute."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(SyntaxError, ValueError, MemoryError, RecursionError):
                ast.parse(source)
                return source
            with contextlib.suppress(SyntaxError):
                return self.shell.transform_cell(source)
        return source

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a piece of code as a notebook's cell."""
        result = self.shell.run_cell(request["source"], store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return {} if error is None else _error(error)

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        """Give the value of a name."""
        return {"value": encode(self._named(request["name"]))}

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call a function."""
        function = self._named(request["name"])
        args = self._remembered(request["args"])
        values = [decode(tree) for tree in args]
        names = request["kwargs"]
        first = len(values) - len(names)
        value = function(*values[:first], **dict(zip(names, values[first:], strict=True)))
        return {"value": encode(value), "changed": changes(args, values)}

    def _named(self, name: str) -> Any:
        if name not in self.shell.user_ns:
            raise NameError(f"name {name!r} is not defined")
        return self.shell.user_ns[name]

    def _remembered(self, tree: Any) -> Any:
        """Put the content of large arrays in its place: the same is sent once."""
        if isinstance(tree, list):
            return [self._remembered(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        if key := tree.pop("key", None):
            tree["v"] = self.sent.setdefault(key, tree.get("v", ""))
        return {name: self._remembered(value) for name, value in tree.items()}


def _error(error: BaseException) -> dict[str, Any]:
    return {"error": type(error).__name__[:MAX_MESSAGE], "message": str(error)[:MAX_MESSAGE]}


def _answer(student: _Student, request: dict[str, Any]) -> str:
    try:
        answer = getattr(student, request["do"])(request)
    except NotSerializable as refused:
        answer = {"refused": str(refused)}
    except BaseException as error:  # SystemExit and KeyboardInterrupt too
        answer = _error(error)
    return json.dumps({**answer, "number": request["number"]})


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Be a student's process: answer requests until there are no more.

    Parameters
    ----------
    requests, replies : file
        One JSON text a line; the first request is the settings to take on.
    """

    def reply(message: str) -> None:
        replies.write(message + "\n")
        replies.flush()

    settings = json.loads(requests.readline())
    _outlive_a_shutdown()
    problem = _drop_privileges(settings)
    student = _Student()
    reply(json.dumps({**problem, "number": settings["number"]}))
    for line in requests:
        reply(_answer(student, json.loads(line)))
        sys.stdout.flush()


if __name__ == "__main__":
    serve(*own_pipes())
