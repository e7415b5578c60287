"""A plugin for pytest with nbval: a kernel that has died fails its cell at once.

nbval itself waits for the answer until the time for a cell is over, two minutes here. What remains of the
notebook then fails without a wait: nbval asks before each cell whether the kernel lives.
"""

import queue
import time

from nbval.kernel import RunningKernel

POLL_SECONDS = 1.0
_get_message = RunningKernel.get_message


def get_message(kernel, stream, timeout=None):
    """Wait for a message as nbval does, and see meanwhile whether the kernel lives."""
    end = float("inf") if timeout is None else time.monotonic() + timeout
    while True:
        try:
            return _get_message(kernel, stream, min(POLL_SECONDS, max(0.0, end - time.monotonic())))
        except queue.Empty:
            if not kernel.is_alive():
                raise RuntimeError("the kernel died in this cell") from None
            if time.monotonic() >= end:
                raise


RunningKernel.get_message = get_message
