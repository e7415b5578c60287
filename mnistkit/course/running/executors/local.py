"""Work on this machine, and how many calls it takes at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Any, TypeVar

from mnistkit.course.running.executors.calls import Call
from mnistkit.utils.threads import available_memory, cores, threads_each

_T = TypeVar("_T")

KERNEL_BYTES = 2_000_000_000
"""What a kernel with TensorFlow needs in the preset lab, for the choice of how many to run at a time."""


class LocalExecutor:
    """Call functions in threads of this process: what takes long is in processes that they start.

    Parameters
    ----------
    slots : int
        How many at a time; they share the cores.
    asked : bool
        Whether somebody has asked for that number.
    """

    shares_files: bool = True

    def __init__(self, slots: int, *, asked: bool = True) -> None:
        self.slots = slots
        self.threads = threads_each(slots)
        self.asked = self.threads if asked else None
        self._pool = ThreadPoolExecutor(max_workers=slots)
        self._calls: dict[Future[Any], Call] = {}
        self._closing = ExitStack()

    def submit(self, function: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """Call a function, or let it wait for its turn."""
        call = Call()
        future = self._pool.submit(call.run, function, *arguments)
        self._calls[future] = call
        future.add_done_callback(self._calls.pop)
        return future

    def cancel(self, futures: Collection[Future[Any]]) -> None:
        """End these calls and wait for their end."""
        begun = [future for future in futures if not future.cancel()]
        for future in begun:
            if call := self._calls.get(future):
                call.cancelled = True
        # With a timeout, because on Windows a wait without one can't be interrupted.
        while wait(begun, timeout=0.5).not_done:
            pass

    def progress(self, futures: Collection[Future[Any]]) -> int:
        """Count the steps that these calls have done; those of finished ones are not in it."""
        return sum(call.steps for future in futures if (call := self._calls.get(future)))

    def on_close(self, function: Callable[[], object]) -> None:
        """Have a function called when this is closed."""
        self._closing.callback(function)

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._closing.close()


def default_jobs(n_lessons: int, bytes_each: int = KERNEL_BYTES) -> int:
    """Choose how many kernels, or other processes, to run at a time on this machine.

    Parameters
    ----------
    n_lessons : int
        How many could run at a time.
    bytes_each : int
        Memory that each needs.

    Returns
    -------
    int
        At least 1; not more than there are lessons, cores, or times that free memory holds one.
    """
    by_memory = int(available_memory() // bytes_each)
    return max(1, min(n_lessons, cores(), by_memory))
