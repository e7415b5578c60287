"""Where work runs: on this machine or on the workers of a Dask cluster, behind one protocol.

Runs, sweeps and grading take an `Executor` and don't know which one it is. What a call at work learns of it
stands in `mnistkit.course.running.executors.calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class Executor(Protocol):
    """A place where functions of this package are called, several at a time; many users may share it.

    Attributes
    ----------
    threads : int
        How many threads the libraries of each call should use.
    asked : int or None
        The same where somebody has asked for it; None where it is what fits.
    shares_files : bool
        Whether a call sees the files of this machine; otherwise what it needs is sent with it.
    """

    threads: int
    asked: int | None
    shares_files: bool

    @property
    def slots(self) -> int:
        """How many calls are at work at a time."""

    def submit(self, function: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """Call a function of this package, or queue it."""

    def cancel(self, futures: Collection[Future[Any]]) -> None:
        """End these calls and wait for their end: what waits is taken back, what is at work is told to stop.

        All other calls go on, and what is submitted later is called as before.
        """

    def progress(self, futures: Collection[Future[Any]]) -> int:
        """Count the steps that these calls have done, as far as that is known before they end."""

    def on_close(self, function: Callable[[], object]) -> None:
        """Have a function of this package called in each process that had calls, when this is closed."""
