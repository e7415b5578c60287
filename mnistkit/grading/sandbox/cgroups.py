"""A control group for a student's processes, where one can be had: the kernel then counts all their memory.

The sandbox's own watch counts what it knows of; a control group also counts what the kernel holds for a
process (tables, names, buffers of every kind). It can be had by root, and by whom systemd has given a part of
the tree (programs that its user manager has started). Elsewhere the watch is all there is.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_TREE = Path("/proc/self")
_REMOVE_SECONDS = 2.0


class ControlGroup:
    """A group with a limit of memory.

    Parameters
    ----------
    folder : pathlib.Path
        Its place in the tree.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, pid: int) -> None:
        """Put a process into it, with what it will start."""
        with contextlib.suppress(OSError):  # it has ended, or it may not be moved: the watch remains
            (self._folder / "cgroup.procs").write_text(str(pid))

    @property
    def exceeded(self) -> bool:
        """Whether its limit was met and nothing could be given back: not where the machine had no memory."""
        with contextlib.suppress(OSError):
            return bool(re.search(r"^oom [1-9]", (self._folder / "memory.events").read_text(), re.M))
        with contextlib.suppress(OSError):  # version 1 counts both kinds as one
            killed = re.search(r"^oom_kill [1-9]", (self._folder / "memory.oom_control").read_text(), re.M)
            return bool(killed) and int((self._folder / "memory.failcnt").read_text()) > 0
        return False

    @property
    def processor_seconds(self) -> float:
        """Processor time of all that was ever in it, also of what nobody has waited for; 0 in version 1."""
        with contextlib.suppress(OSError):
            used = re.search(r"^usage_usec (\d+)", (self._folder / "cpu.stat").read_text(), re.M)
            return int(used[1]) / 1e6 if used else 0.0
        return 0.0

    def close(self) -> None:
        """Remove it; all its processes have ended."""
        end = time.monotonic() + _REMOVE_SECONDS
        while self._folder.exists() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self._folder.rmdir()
                return
            time.sleep(0.01)


def make_group(memory_bytes: int, processes: int) -> ControlGroup | None:
    """Make a control group.

    Parameters
    ----------
    memory_bytes : int
        What its processes may take together, files in memory and the kernel's part included.
    processes : int
        How many processes and threads there may be, where that can be limited too.

    Returns
    -------
    ControlGroup or None
        None where this account can't have one.
    """
    for parent, limits in _parents(memory_bytes, processes):
        _remove_left(parent)
        folder = parent / f"mnistkit-{os.getpid()}-{secrets.token_hex(8)}"
        try:
            folder.mkdir()
            for name, value in limits.items():
                if name.startswith("memory.") or (folder / name).exists():
                    (folder / name).write_text(str(value))
            return ControlGroup(folder)
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
    return None


def _remove_left(parent: Path) -> None:
    """Remove what graders have left that were killed; a group with processes can't be removed."""
    for folder in parent.glob("mnistkit-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _parents(memory_bytes: int, processes: int) -> Iterator[tuple[Path, dict[str, int]]]:
    """Give the places where a group may be made, and what to write there."""
    for kind, own in _own_groups():
        if kind == "cgroup":
            yield own, {"memory.limit_in_bytes": memory_bytes}
            continue
        for folder in (own, *own.parents):
            with contextlib.suppress(OSError):
                if "memory" in (folder / "cgroup.subtree_control").read_text().split():
                    yield folder, {"memory.max": memory_bytes, "pids.max": processes}


def _own_groups() -> Iterator[tuple[str, Path]]:
    """Give this process's own group in each tree that limits memory ("cgroup" is version 1)."""
    try:
        mounts, groups = (_TREE / "mounts").read_text(), (_TREE / "cgroup").read_text()
    except OSError:
        return
    own = {names: path for _, names, path in (line.split(":", 2) for line in groups.splitlines())}
    for line in mounts.splitlines():
        _, where, kind, options, *_ = line.split()
        names = "" if kind == "cgroup2" else "memory"
        if kind == "cgroup2" or (kind == "cgroup" and "memory" in options.split(",")):
            yield kind, Path(where, own.get(names, "/").lstrip("/"))
