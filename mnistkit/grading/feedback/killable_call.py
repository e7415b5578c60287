"""A function called in a process that can be killed: what hostile content makes endless then has an end.

An alarm in one's own process is no such end: it raises an exception wherever the program is, and a callback
of a library in C, or an ``except`` on the way, swallows it.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

MEMORY_BYTES = 4 << 30
"""Memory that such a process may have for itself; laying out a notebook takes a twentieth."""


class Failed(Exception):  # noqa: N818 (as a rule the content's fault)
    """The function raised an exception, whose type is the message, or its process has ended."""


def call(function: Callable[..., Any], *args: Any, seconds: float, preload: Sequence[str] = ()) -> Any:
    """Call a function in a process of its own.

    Parameters
    ----------
    function : callable
        A module's function; what it gives can be pickled.
    *args : object
        What it is called with; can be pickled.
    seconds : float
        Wall time that it may take.
    preload : sequence of str, optional
        Modules that are loaded once, for all calls of this program: the first call decides.

    Returns
    -------
    object
        What it gives.

    Raises
    ------
    TimeoutError
        If it takes longer; the process is killed.
    Failed
        If it fails, or takes more than `MEMORY_BYTES`.
    """
    context = _context(preload)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, args), daemon=True)
    try:
        process.start()
        sender.close()
        if not receiver.poll(seconds):
            raise TimeoutError(f"it took more than {seconds:.0f} s")
        done, value = receiver.recv()
    except EOFError:
        process.join()
        raise Failed(f"its process ended with status {process.exitcode}") from None
    finally:
        receiver.close()
        if process.pid is not None:
            process.kill()
            process.join()
    if not done:
        raise Failed(value)
    return value


def _context(preload: Sequence[str]) -> Any:
    """Start processes from one that has loaded the modules and nothing else: no thread, no file of ours."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", *preload])
    return context


def _work(sender: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, MEMORY_BYTES)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        answer = (True, function(*args))
    except Exception as error:  # of whatever type: content can be made to break anything
        answer = (False, type(error).__name__)
    sender.send(answer)
