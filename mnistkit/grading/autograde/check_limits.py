"""Limits on what a check takes in the grader's own process: a small answer can make it take gigabytes."""

from __future__ import annotations

import contextlib
import mmap
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

from mnistkit.grading.sandbox.bwrap import SandboxFailure

MAX_CHECK_BYTES = 2 << 30
"""Memory that a check may take beside what the process has when it begins; the lessons' take a tenth."""

MAX_CHECK_SECONDS = 60.0
"""Processor time that a check may take; the longest of the lessons trains a small network."""

MAX_RUNS = 3
"""How many times its limit of wall time a submission may take in all: its processes follow each other."""

_AGAIN = 1.0  # processor seconds after which a stop that was swallowed is repeated


class _Stop(BaseException):
    """Not an `Exception`: nothing on the way may take it for one of its own."""


@contextlib.contextmanager
def limited(memory_bytes: int = MAX_CHECK_BYTES, seconds: float = MAX_CHECK_SECONDS) -> Iterator[None]:
    """Run a block with limits of memory and processor time; whoever waits for another process spends none.

    Processor time, not wall time: on a busy machine a check has as much of it as on a quiet one, and what a
    student's process takes is limited by its sandbox. Only in the main thread, and not on Windows; elsewhere
    nothing is limited. Not to be nested.

    Parameters
    ----------
    memory_bytes : int
        What the block may take beside what this process has now.
    seconds : float
        Processor time of this process, all threads together.

    Raises
    ------
    MemoryError
        If the block needed more memory than that.
    TimeoutError
        If it needed more time, also where something in it has swallowed the stop.
    SandboxFailure
        If there was no memory although the block has not used what it may: the machine has none, or a limit
        from outside (``ulimit -v``) holds. This says nothing about an answer.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    late = False

    def stop(*_: object) -> None:
        nonlocal late
        late = True
        raise _Stop

    reason = f"it took more than {seconds:,.0f} s of processor time"
    before = signal.signal(signal.SIGPROF, stop)
    try:
        with _memory(memory_bytes):
            signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
    except _Stop:
        raise TimeoutError(reason) from None
    except (SandboxFailure, KeyboardInterrupt):
        raise
    except BaseException as error:
        if late:  # what came of the stop on its way
            raise TimeoutError(reason) from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if late:
        raise TimeoutError(reason)


@contextlib.contextmanager
def _memory(most: int) -> Iterator[None]:
    """Limit the memory that a process has for itself; files that it has mapped do not count."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _data_bytes() + most
    ours = all(limit < old for old in (soft, hard) if old != resource.RLIM_INFINITY)
    if ours:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    except MemoryError as error:
        _lift(ours, soft, hard)
        traceback.clear_frames(error.__traceback__)  # they keep what the block has allocated
        if not ours or not _can_have(most):
            raise SandboxFailure("the grader's process can't get the memory that a check may take") from None
        raise MemoryError(f"it took more than {most / 1e6:,.0f} MB of memory") from None
    finally:
        _lift(ours, soft, hard)


def _lift(ours: bool, soft: int, hard: int) -> None:
    import resource

    if ours:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # no Linux
        return 1 << 40
    return 1024 * int(re.search(r"VmData:\s+(\d+) kB", status)[1])  # type: ignore[index]


def _can_have(size: int) -> bool:
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return False
    return True
