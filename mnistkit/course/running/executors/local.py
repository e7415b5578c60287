"""Where notebooks are executed: the rules for threads and jobs, and this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, Protocol

import psutil

from mnistkit.course.running.execute import Outcome, Task, cells_done, execute, interrupt
from mnistkit.utils.threads import cores, environment_as_asked

KERNEL_BYTES = 2_000_000_000
"""What a kernel with TensorFlow needs in the preset lab, for the choice of how many to run at a time."""


class Place(Protocol):
    """What a run needs of a place.

    Attributes
    ----------
    threads : int
        How many threads the libraries of each notebook use.
    asked : int or None
        The same where somebody has asked for it; None where it is what fits.
    """

    threads: int
    asked: int | None

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a task or queue it; when its future is done, its files are in its folder."""

    def cells_done(self, keys: Collection[str]) -> int:
        """Count the cells that these tasks have finished, as far as that is known before they end."""

    def interrupt(self, keys: Collection[str]) -> None:
        """End these tasks as far as they have begun; called again until they have all ended."""


class Here:
    """Execute on this machine: each kernel is a process already, so threads of this process drive them.

    Parameters
    ----------
    jobs : int
        How many at a time; they share the cores.
    asked : bool
        Whether somebody has asked for that number.
    """

    def __init__(self, jobs: int, *, asked: bool = True) -> None:
        self.threads = threads_each(jobs)
        self.asked = self.threads if asked else None
        self._pool = ThreadPoolExecutor(max_workers=jobs)

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a task, or let it wait for its turn."""
        return self._pool.submit(execute, with_threads(task, self.threads))

    def cells_done(self, keys: Collection[str]) -> int:
        """Count the cells that these tasks have finished."""
        return cells_done(keys)

    def interrupt(self, keys: Collection[str]) -> None:
        """Kill the kernels of these tasks."""
        interrupt(keys)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


def end(futures: Collection[Future[Any]], interrupt: Callable[[], None]) -> None:
    """Cancel what has not begun, and interrupt the rest until all have ended.

    Parameters
    ----------
    futures : collection of concurrent.futures.Future
        What is to end.
    interrupt : callable
        Ends what is at work; called again and again, because a kernel may just be starting.
    """
    for future in futures:
        future.cancel()
    pending = futures
    while pending:
        interrupt()
        _, pending = wait(pending, timeout=0.5)


def with_threads(task: Task, threads: int) -> Task:
    """Say how many threads the libraries of a task may use: some results change with it in the last digits.

    Parameters
    ----------
    task : Task
        To be executed by this process.
    threads : int
        For each library.

    Returns
    -------
    Task
        The same with the settings of the libraries that use threads; what the user has set stays.
    """
    return replace(task, env=environment_as_asked(threads) | task.env)


def threads_each(jobs: int) -> int:
    """Divide the cores among kernels that run at the same time.

    Parameters
    ----------
    jobs : int
        How many at a time.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, cores() // jobs)


def default_jobs(n_lessons: int) -> int:
    """Choose how many kernels to run at a time on this machine.

    Parameters
    ----------
    n_lessons : int
        How many could run at a time.

    Returns
    -------
    int
        At least 1; not more than there are lessons, cores, or times that free memory holds a kernel.
    """
    by_memory = int(psutil.virtual_memory().available // KERNEL_BYTES)
    return max(1, min(n_lessons, cores(), by_memory))
