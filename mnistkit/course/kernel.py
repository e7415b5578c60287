"""Execute one notebook in a kernel of its own, and say in bounded time how it went.

Papermill does the work. What is added: limits on every cell and on the whole, encrypted messages (lab
machines are shared), the peak memory of the kernel, and an outcome that is right when the kernel died:
papermill's own notes in the notebook then say that every cell was completed.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import nbformat
import papermill
import psutil
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from mnistkit.data.files import write_atomically
from mnistkit.handover import RUN_FOLDER

POLL_SECONDS = 0.2
START_SECONDS = 60
SLOWEST_CELLS = 3
"""How many of a notebook's cells to name with what they took."""
LAST_BYTES = 2000
"""How much of a crashed kernel's own standard error to show."""


@dataclass(frozen=True)
class Limits:
    """What a notebook may take before it is stopped.

    Attributes
    ----------
    seconds : float or None
        Wall time, kernel start included; None: as long as it takes.
    memory_bytes : int or None
        Resident memory of the kernel, children included; None: as much as there is.
    """

    seconds: float | None = None
    memory_bytes: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Task:
    """One notebook to execute; plain data, so that it can be sent to another process or machine.

    Attributes
    ----------
    name : str
        The lesson's name.
    notebook : str
        The notebook to execute, as the text of its file.
    output : str
        Path of the executed notebook, in the run's folder.
    parameters : dict
        Values to set after the parameters cell.
    env : dict of str to str
        What the kernel's environment has besides that of the process that starts it.
    cell_seconds : float
        Longest time that one cell may take.
    limits : Limits
        What the whole may take.
    data : tuple of dict
        name, source, sha256 of each data set that the notebook loads; the source as it is asked for.
    uses : tuple of str
        Files that earlier lessons may have kept for it, as paths in the run's folder.
    key : str
        What `interrupt` and `cells_done` know it by.
    """

    name: str
    notebook: str
    output: str
    parameters: dict[str, Any]
    env: dict[str, str]
    cell_seconds: float
    limits: Limits = NO_LIMITS
    data: tuple[dict[str, str], ...] = ()
    uses: tuple[str, ...] = ()
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not reach its end.

    Attributes
    ----------
    kind : str
        ``error`` (a cell raised), ``timeout``, ``over budget``, ``dead kernel`` or ``no kernel`` (it did not
        start).
    cell : str
        Source of the cell that was being executed; empty where there was none.
    message : str
        The error, as plain text.
    """

    kind: str
    cell: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """How the execution of a notebook went.

    Attributes
    ----------
    status : str
        ``completed``, ``failed`` or ``interrupted``.
    seconds : float
        Wall time, kernel start included.
    peak_memory_bytes : int
        Largest resident memory of the kernel, children included.
    failure : Failure or None
        Where `status` is ``failed``.
    slowest_cells : tuple of dict
        The cells that took longest, slowest first: cell (its id), seconds, and peak_memory_bytes (resident,
        as often as it was looked at while the cell ran).
    worker : str
        Which machine of a cluster it was; empty for this one.
    """

    status: str
    seconds: float
    peak_memory_bytes: int
    failure: Failure | None = None
    slowest_cells: tuple[dict[str, Any], ...] = ()
    worker: str = ""


@dataclass
class _Watch:
    """What the runner sees of a kernel while it works, and ends it when it takes too much."""

    limits: Limits
    start: float = field(default_factory=time.monotonic)
    notebook: Any = None
    cell: Any = None
    at_work: bool = False
    cell_start: float = 0.0
    cell_bytes: int = 0
    costs: list[dict[str, Any]] = field(default_factory=list)
    pid: int | None = None
    peak_bytes: int = 0
    interrupted: bool = False
    excess: str = ""
    stderr: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    finished: threading.Event = field(default_factory=threading.Event)

    def last_words(self) -> str:
        """Read the end of what the kernel's process itself wrote to standard error, as a crash does."""
        with self.stderr as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
            return file.read().decode(errors="replace").strip()

    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self.start

    def poll(self) -> None:
        """Follow what the kernel takes until it is finished (runs in a thread of its own)."""
        while not self.finished.wait(POLL_SECONDS):
            self.see_memory()
            self.excess = self.excess or self._excess()
            if self.excess and self.pid is not None:
                _kill(self.pid)

    def _excess(self) -> str:
        """Say which limit is exceeded, if one is."""
        most = self.limits
        if most.seconds is not None and self.seconds() > most.seconds:
            return f"it took more than {most.seconds:,.0f} s, its limit (--max-seconds)"
        if most.memory_bytes is not None and self.peak_bytes > most.memory_bytes:
            found, limit = self.peak_bytes / 1e6, most.memory_bytes / 1e6
            return f"it took {found:,.0f} MB of memory; its limit is {limit:,.0f} MB (--max-memory)"
        return ""

    def see_memory(self) -> None:
        """Take note of the memory that the kernel uses now, or has used where the system tells."""
        if self.pid is not None:
            now, peak = _memory_bytes(self.pid)
            self.cell_bytes = max(self.cell_bytes, now)
            self.peak_bytes = max(self.peak_bytes, peak)

    def begin(self, cell: Any) -> None:
        """Note that a cell begins."""
        self.cell, self.at_work, self.cell_start, self.cell_bytes = cell, True, time.monotonic(), 0

    def end(self) -> None:
        """Note what the cell took that is at work, if one is."""
        if self.at_work:
            self.see_memory()
            seconds = round(time.monotonic() - self.cell_start, 2)
            cost = {"cell": self.cell.get("id", ""), "seconds": seconds, "peak_memory_bytes": self.cell_bytes}
            self.costs.append(cost)
            self.at_work = False

    def source(self) -> str:
        """Give the last cell that began; empty where none did."""
        return "" if self.cell is None else self.cell.source

    def slowest(self) -> tuple[dict[str, Any], ...]:
        """Give what the slowest cells took, slowest first."""
        return tuple(sorted(self.costs, key=lambda cost: -cost["seconds"])[:SLOWEST_CELLS])


_watches: dict[str, _Watch] = {}


def cells_done(keys: Collection[str]) -> int:
    """Count the code cells that kernels now at work in this process have finished.

    Parameters
    ----------
    keys : collection of str
        The tasks to count for.

    Returns
    -------
    int
        Cells of tasks at work; those of finished tasks are not in it.
    """
    return sum(len(watch.costs) for watch in _watching(keys))


def interrupt(keys: Collection[str]) -> None:
    """Kill kernels of this process with their children; their `execute` calls then say ``interrupted``.

    A kernel that is still starting is not known yet: call again until all the `execute` calls have ended.

    Parameters
    ----------
    keys : collection of str
        The tasks to end; others are left alone.
    """
    for watch in _watching(keys):
        watch.interrupted = True
        if watch.pid is not None:
            _kill(watch.pid)


def _watching(keys: Collection[str]) -> Iterator[_Watch]:
    return (watch for key, watch in list(_watches.items()) if key in keys)


def _kill(pid: int) -> None:
    try:
        kernel = psutil.Process(pid)
        processes = [*kernel.children(recursive=True), kernel]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _memory_bytes(pid: int) -> tuple[int, int]:
    """Resident memory of a process and its children, now and at its peak; on Linux with short spikes too."""
    try:
        process = psutil.Process(pid)
        children = sum(child.memory_info().rss for child in process.children(recursive=True))
        own = peak = process.memory_info().rss
        status = Path(f"/proc/{pid}/status")
        if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
            peak = int(found[1]) * 1024
        return own + children, peak + children
    except (psutil.Error, OSError):  # it ended meanwhile
        return 0, 0


class _WatchedEngine(Engine):
    """Papermill's own engine with hooks: nbclient has them, papermill passes none through."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, watch: _Watch, task: Task, **_: Any
    ) -> None:
        """Execute the cells, telling `watch` what is going on."""

        def kernel_started(**_: Any) -> None:
            watch.pid = client.km.provisioner.pid

        def cell_started(cell: Any, **_: Any) -> None:
            if cell.cell_type == "code":
                watch.begin(cell)

        def cell_done(**_: Any) -> None:
            watch.end()

        watch.notebook = nb_man.nb
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            timeout=task.cell_seconds,
            startup_timeout=START_SECONDS,
            # One output for a cell's progress bar instead of one for every step of it.
            coalesce_streams=True,
            config=Config({"KernelManager": {"transport_encryption": "required"}}),
            on_notebook_start=kernel_started,
            on_cell_start=cell_started,
            on_cell_executed=cell_done,  # on_cell_complete comes when the cell has only been sent
        )
        client.execute(env=_environment(task), stderr=watch.stderr)


papermill_engines.register("mnistkit", _WatchedEngine)


def execute(task: Task) -> Outcome:
    """Execute a notebook and write the executed one, whatever happens in it.

    Parameters
    ----------
    task : Task
        What to execute.

    Returns
    -------
    Outcome
        How it went: a notebook that raises, hangs or kills its kernel is an outcome, not an exception.
    """
    output = Path(task.output)
    output.unlink(missing_ok=True)  # or an earlier run's would pass for this one's if no kernel starts
    watch = _watches[task.key] = _Watch(task.limits)
    poller = threading.Thread(target=watch.poll, daemon=True)
    poller.start()
    error: Exception | None = None
    try:
        # The node and no output path: papermill formats paths with str.format, so braces in one break it.
        papermill.execute_notebook(
            nbformat.reads(task.notebook, as_version=4),
            None,
            parameters=task.parameters,
            engine_name="mnistkit",
            progress_bar=False,
            watch=watch,
            task=task,
        )
    except Exception as raised:  # whatever it is, it is this notebook's failure and not the run's
        error = raised
    finally:
        watch.finished.set()
        poller.join()
        del _watches[task.key]
    last_words = watch.last_words()
    failure = _explain(error, watch, last_words, task.cell_seconds) if error else None
    watch.end()
    if watch.notebook is not None:
        write_atomically(output, nbformat.writes(watch.notebook))
    status = "interrupted" if watch.interrupted and failure else "failed" if failure else "completed"
    return Outcome(status, round(watch.seconds(), 2), watch.peak_bytes, failure, watch.slowest())


def _environment(task: Task) -> dict[str, str]:
    """Make the kernel's environment: this process' own, but for its way to draw, and the task's."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return env | task.env | {RUN_FOLDER: str(Path(task.output).resolve().parent)}


def _explain(error: Exception, watch: _Watch, last_words: str, cell_seconds: float) -> Failure:
    if watch.excess:
        return Failure(
            "over budget", watch.source(), f"the notebook was stopped in this cell: {watch.excess}"
        )
    match error:
        case PapermillExecutionError():
            text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)).strip()
            return Failure("error", error.source, text or f"{error.ename}: {error.evalue}")
        case CellTimeoutError():
            limit = f"the cell was stopped after {cell_seconds:,.0f} s, the limit of this preset"
            return Failure("timeout", watch.source(), f"{limit}: choose smaller sizes, or --preset full")
        case DeadKernelError():
            reason = "the kernel died: it was out of memory, it crashed, or the cell ended it"
            return Failure("dead kernel", watch.source(), f"{reason}\n{last_words}".strip())
        case _:
            kind = "error" if watch.pid else "no kernel"
            return Failure(kind, watch.source(), f"{type(error).__name__}: {error}\n{last_words}".strip())


def prepare(task: Task) -> None:
    """Write the notebook with its parameters set but not executed, for a test tool to execute.

    Parameters
    ----------
    task : Task
        What to prepare.
    """
    notebook = papermill.execute_notebook(
        nbformat.reads(task.notebook, as_version=4), None, parameters=task.parameters, prepare_only=True
    )
    write_atomically(Path(task.output), nbformat.writes(notebook))
