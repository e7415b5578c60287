"""A call at work, as its executor and the function that is called both see it.

A function that takes long looks at `current_call` now and then, so that it ends soon after the call was
cancelled, and counts its steps there. One that does neither runs to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass
class Call:
    """What is known of a call that may be at work.

    Attributes
    ----------
    cancelled : bool
        Whether it is to end: set by the executor, for the function to look at.
    steps : int
        How many steps it has done: counted by the function, for the executor to show.
    """

    cancelled: bool = False
    steps: int = 0

    def run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function, in which `current_call` is this one.

        Parameters
        ----------
        function : callable
            What to call.
        *arguments
            With what.

        Returns
        -------
        object
            What the function returns.

        Raises
        ------
        concurrent.futures.CancelledError
            If it was cancelled before it began.
        """
        if self.cancelled:
            raise CancelledError
        token = _current.set(self)
        try:
            return function(*arguments)
        finally:
            _current.reset(token)


_current: ContextVar[Call | None] = ContextVar("call", default=None)


def current_call() -> Call:
    """Give the call that this function is called by.

    Returns
    -------
    Call
        One that nobody cancels where no executor is in between.
    """
    return _current.get() or Call()
