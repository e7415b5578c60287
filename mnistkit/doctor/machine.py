"""Checks of the machine: disk, memory, permissions, ports, clock, and programs that some commands call."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from mnistkit.course import loopback
from mnistkit.data.cache import cache_root
from mnistkit.doctor.diagnosis import Diagnosis, fault, fine, note
from mnistkit.errors import UserError
from mnistkit.utils.threads import available_memory

LEAST_FREE_BYTES = 2e9
"""Room for downloads, parsed arrays and runs."""
LEAST_MEMORY_BYTES, GOOD_MEMORY_BYTES = 2e9, 4e9
"""What the largest lesson takes with its defaults, and that beside a browser."""
PORT = 8888
"""Where JupyterLab serves, if nobody else does."""
_HOUR = 3600.0


def _existing(path: Path) -> Path:
    """Give the nearest folder above that is there."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def check_disk() -> Iterator[Diagnosis]:
    """See whether there is room where the cache and the runs are."""
    free = {place: shutil.disk_usage(_existing(place)).free for place in (cache_root(), Path.cwd())}
    small = [place for place, left in free.items() if left < LEAST_FREE_BYTES]
    for place in small:
        yield fault(
            f"{free[place] / 1e9:.1f} GB free for {place}",
            "make room there, or set MNISTKIT_CACHE to a folder on another disk",
        )
    if not small:
        yield fine(f"{min(free.values()) / 1e9:.0f} GB free")


def check_memory() -> Iterator[Diagnosis]:
    """See whether there is memory for a lesson."""
    available = available_memory()
    shown = f"{available / 1e9:.1f} GB of {psutil.virtual_memory().total / 1e9:.0f} GB can be had"
    if available < LEAST_MEMORY_BYTES:
        yield fault(f"{shown}; a lesson takes up to {LEAST_MEMORY_BYTES / 1e9:g} GB", "close other programs")
    elif available < GOOD_MEMORY_BYTES:
        yield note(shown, "close other programs; run one lesson at a time: mnistkit run -j 1")
    else:
        yield fine(shown)


def check_permissions() -> Iterator[Diagnosis]:
    """See whether the kit and JupyterLab can write where they write."""
    from jupyter_core.paths import jupyter_runtime_dir

    places = {
        "the cache": (cache_root(), "set MNISTKIT_CACHE to a folder of your own"),
        "this folder": (Path.cwd(), "change into a folder of your own"),
        "Jupyter's files": (Path(jupyter_runtime_dir()), "set JUPYTER_RUNTIME_DIR to a folder of your own"),
    }
    refused = False
    for what, (place, todo) in places.items():
        try:
            with tempfile.TemporaryFile(dir=_existing(place)):
                pass
        except OSError as error:
            refused = True
            yield fault(f"{what}: nothing can be written to {place} ({error.strerror})", todo)
    if not refused:
        yield fine("cache, this folder and Jupyter's files can be written")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield note("you are root: JupyterLab does not start", "use another account, or --allow-root")


def check_ports() -> Iterator[Diagnosis]:
    """See whether JupyterLab and the kernels can be reached on this machine."""
    try:
        loopback.check_loopback()
    except UserError as error:
        yield fault(error.found, error.todo)
        return
    try:
        socket.create_server(("127.0.0.1", PORT)).close()
    except OSError:
        yield note(f"port {PORT} is taken: JupyterLab takes the next one", "mnistkit lab --port 9999")
    else:
        yield fine(f"port {PORT} is free")


def check_clock() -> Iterator[Diagnosis]:
    """See whether the clock is behind: certificates of downloads then count as not valid yet."""
    written = Path(__file__).stat().st_mtime
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    if now < written - _HOUR:
        yield fault(f"{shown}, which is before this mnistkit was installed", "set date and time")
    else:
        yield fine(shown)


def check_sandbox() -> Iterator[Diagnosis]:
    """See whether assignments can be graded here: for teachers."""
    if platform.system() != "Linux":
        yield note("assignments can't be graded here", "grade on Linux: lessons need none of it")
        return
    from mnistkit.grading.sandbox.bwrap import Sandbox, SandboxFailure

    try:
        Sandbox().start().close()
    except (UserError, SandboxFailure) as error:
        found = error.found if isinstance(error, UserError) else str(error)
        todo = error.todo if isinstance(error, UserError) else ""
        shown = textwrap.shorten(found, 200, placeholder=" ...")  # a process' last words can be long
        yield note(shown, todo or "nothing, unless you grade: only that needs it")
    else:
        yield fine("students' code can be shut in (bubblewrap)")


def check_graphviz() -> Iterator[Diagnosis]:
    """See whether networks can be drawn."""
    if path := shutil.which("dot"):
        yield fine(path)
    else:
        yield note(
            "no program dot: a table stands in for drawings of networks", "apt install graphviz, or the like"
        )


def check_browser() -> Iterator[Diagnosis]:
    """See whether reports can be printed as PDF."""
    from mnistkit.course.report.export import find_browser

    try:
        yield fine(find_browser())
    except UserError as error:
        yield note(f"no PDF of reports: {error.found}", error.todo)
