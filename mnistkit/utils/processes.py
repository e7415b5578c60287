"""Processes that others have started: a kernel with its workers, a tool with its kernels."""

from __future__ import annotations

from contextlib import suppress

import psutil


def kill_with_children(process: psutil.Process) -> None:
    """Kill a process, and all that it has started and that has started; nothing where it has ended.

    Parameters
    ----------
    process : psutil.Process
        Another process than this one.
    """
    with suppress(psutil.NoSuchProcess):
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
