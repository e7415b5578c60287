"""Execute one notebook in a kernel of its own, and say in bounded time how it went.

nbclient does the work, papermill writes the parameters. What is added: limits on every cell, on its output
and on the whole, encrypted messages (lab machines are shared), the peak memory of the kernel, the course's
own kernel whatever the notebook names, and an outcome that is right.

The rule for the outcome stands in `_why_not_completed`: a notebook is completed when the kernel has answered
for every code cell that the cell reached its end, and lived on. Any other end is a failure that names its
cell, also `sys.exit(0)`, `exit()`, `os._exit(0)` and a cell that is tagged to be skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from traitlets.config import Config

from mnistkit.course.lessons import KERNEL
from mnistkit.course.running.bounded_output import CellOutput, shorten
from mnistkit.course.running.executors.calls import Call, current_call
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.records.artifacts import RUN_FOLDER
from mnistkit.utils.processes import kill_with_children
from mnistkit.utils.threads import environment_as_asked

_POLL_SECONDS = 0.2
_START_SECONDS = 60
OUTPUT_SECONDS = 60
"""How long to wait for the output of a cell that has ended: what it printed may still be on its way."""
GRACE_SECONDS = 10
"""How much longer a cell may take before its kernel is killed, where nbclient does not get to stopping it."""
SLOWEST_CELLS = 3
"""How many of a notebook's cells to name with what they took."""
_LAST_BYTES = 2000
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
    """

    notebook: str
    output: str
    parameters: dict[str, Any]
    env: dict[str, str]
    cell_seconds: float
    limits: Limits = NO_LIMITS
    data: tuple[dict[str, str], ...] = ()
    uses: tuple[str, ...] = ()

    def with_threads(self, threads: int) -> Task:
        """Say how many threads its libraries may use: some results change with it in the last digits.

        Parameters
        ----------
        threads : int
            For each library.

        Returns
        -------
        Task
            The same with the settings of the libraries that use threads; what the user has set stays.
        """
        return replace(self, env=environment_as_asked(threads) | self.env)


FailureKind = Literal["error", "timeout", "over budget", "dead kernel", "no kernel", "unfit worker"]


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not reach its end.

    Attributes
    ----------
    kind : str
        ``error`` (a cell raised), ``timeout``, ``over budget``, ``dead kernel``, ``no kernel`` (it did not
        start) or ``unfit worker`` (of a cluster).
    cell : str
        Source of the cell that was being executed; empty where there was none.
    message : str
        The error, as plain text.
    """

    kind: FailureKind
    cell: str
    message: str


OutcomeStatus = Literal["completed", "failed", "interrupted"]


@dataclass(frozen=True)
class Outcome:
    """How the execution of a notebook went.

    Attributes
    ----------
    status : {"completed", "failed", "interrupted"}
        How it ended.
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

    status: OutcomeStatus
    seconds: float
    peak_memory_bytes: int
    failure: Failure | None = None
    slowest_cells: tuple[dict[str, Any], ...] = ()
    worker: str = ""


@dataclass
class _Watch:
    """What the runner sees of a kernel while it works, and ends it when it takes too much."""

    limits: Limits
    cell_seconds: float
    call: Call
    start: float = field(default_factory=time.monotonic)
    notebook: Any = None
    cell: Any = None
    at_work: bool = False
    cell_start: float = 0.0
    cell_bytes: int = 0
    costs: list[dict[str, Any]] = field(default_factory=list)
    pid: int | None = None
    peak_bytes: int = 0
    excess: tuple[FailureKind, str] | None = None
    """Kind of failure and reason, where a limit is exceeded."""
    stderr: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    finished: threading.Event = field(default_factory=threading.Event)

    def last_words(self) -> str:
        """Read the end of what the kernel's process itself wrote to standard error, as a crash does."""
        with self.stderr as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
            return file.read().decode(errors="replace").strip()

    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self.start

    def poll(self) -> None:
        """Follow what the kernel takes until it is finished (runs in a thread of its own)."""
        while not self.finished.wait(_POLL_SECONDS):
            self.look()
            if (self.excess or self.call.cancelled) and self.pid is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    kill_with_children(psutil.Process(self.pid))

    def look(self) -> None:
        """Take note of what the kernel takes, and whether that is too much."""
        self.see_memory()
        self.excess = self.excess or self._excess()

    def _excess(self) -> tuple[FailureKind, str] | None:
        """Say which limit is exceeded, if one is."""
        most = self.limits
        stopped = "the notebook was stopped in this cell: it took"
        if most.seconds is not None and self.seconds() > most.seconds:
            limit = f"{most.seconds:,.0f} s, its limit (--max-seconds)"
            return "over budget", f"{stopped} more than {limit}"
        if most.memory_bytes is not None and self.peak_bytes > most.memory_bytes:
            found, limit = self.peak_bytes / 1e6, f"{most.memory_bytes / 1e6:,.0f} MB (--max-memory)"
            return "over budget", f"{stopped} {found:,.0f} MB of memory; its limit is {limit}"
        if self.at_work and time.monotonic() - self.cell_start > self.cell_seconds + GRACE_SECONDS:
            return "timeout", _too_slow(self.cell_seconds)
        return None

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
            self.call.steps = len(self.costs)
            self.at_work = False

    def source(self) -> str:
        """Give the last cell that began; empty where none did."""
        return "" if self.cell is None else self.cell.source

    def slowest(self) -> tuple[dict[str, Any], ...]:
        """Give what the slowest cells took, slowest first."""
        return tuple(sorted(self.costs, key=lambda cost: -cost["seconds"])[:SLOWEST_CELLS])


def _memory_bytes(pid: int) -> tuple[int, int]:
    """Memory of a process with its children's own, now and at its peak; on Linux with short spikes too."""
    try:
        process = psutil.Process(pid)
        children = sum(_own_bytes(child) for child in process.children(recursive=True))
        own = peak = process.memory_info().rss
        status = Path(f"/proc/{pid}/status")
        if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
            peak = int(found[1]) * 1024
        return own + children, peak + children
    except (psutil.Error, OSError):  # it ended meanwhile
        return 0, 0


def _own_bytes(process: psutil.Process) -> int:
    """Memory of a process that no other has; none if it ended meanwhile: those that are left still count.

    Of the resident memory, a process that was just forked has all of its parent's: while a notebook starts a
    program, it would seem twice as large.
    """
    try:
        return process.memory_full_info().uss
    except psutil.Error:
        return 0


class _CellError(Exception):
    """A cell that did not reach its end, with the reason."""

    def __init__(self, cell: Any, reason: str) -> None:
        super().__init__(reason)
        self.cell, self.reason = cell, reason


class _Client(NotebookClient):
    """Executes a notebook's cells in the course's own kernel, telling a watch what is going on."""

    def __init__(self, notebook: Any, watch: _Watch) -> None:
        super().__init__(
            notebook,
            kernel_name=KERNEL["name"],
            timeout=watch.cell_seconds,
            startup_timeout=_START_SECONDS,
            iopub_timeout=OUTPUT_SECONDS,
            raise_on_iopub_timeout=True,
            allow_errors=True,  # `_why_not_completed` decides, from the kernel's answer
            config=Config({"KernelManager": {"transport_encryption": "required"}}),
            on_cell_executed=self._answered,
        )
        self._watch = watch
        self._answer: dict[str, Any] | None = None
        self._output = CellOutput()

    def run(self, **start: Any) -> None:
        """Execute all cells, or those up to the first that fails.

        Parameters
        ----------
        **start
            How to start the kernel's process.

        Raises
        ------
        _CellError
            If a cell does not reach its end. Behind one that is tagged to raise an exception the others are
            executed all the same.
        nbclient.exceptions.CellTimeoutError, nbclient.exceptions.DeadKernelError
            If a cell takes too long or the kernel dies.
        """
        self.reset_execution_trackers()
        failed: _CellError | None = None
        with self.setup_kernel(**start):
            for index, cell in enumerate(self.nb.cells):
                if cell.cell_type == "code" and cell.source.strip():
                    self.execute_cell(cell, index)
                    reason = _why_not_completed(cell, self._answer)
                    failed = failed or (_CellError(cell, reason) if reason else None)
                    if reason and "raises-exception" not in cell.metadata.get("tags", ()):
                        break
            else:
                client: Any = self.kc
                answer = self.wait_for_reply(client.kernel_info())
                if answer is None:
                    raise DeadKernelError("no answer after the last cell")
                self.nb.metadata.language_info = answer["content"]["language_info"]
                self.set_widgets_metadata()
        if failed:
            raise failed

    def create_kernel_manager(self) -> Any:
        """Make a manager that knows this environment's own kernel only: a user's may have the same name."""
        manager: Any = super().create_kernel_manager()
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
        return manager

    def start_new_kernel(self, **start: Any) -> None:
        """Start the kernel's process; the watch knows it from here on, before it answers."""
        super().start_new_kernel(**start)
        manager: Any = self.km
        self._watch.pid = manager.provisioner.pid

    def execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        """Execute one cell; its outputs are in it, whatever happens."""
        self._watch.begin(cell)
        self._answer, self._output = None, CellOutput()
        try:
            return super().execute_cell(cell, cell_index, **options)
        finally:
            self._output.finish(cell.outputs)

    def _answered(self, execute_reply: dict[str, Any] | None, **_: Any) -> None:
        self._watch.end()
        self._answer = execute_reply and execute_reply["content"]

    async def _async_poll_output_msg(self, *arguments: Any) -> None:
        with contextlib.suppress(AssertionError):  # the channel was closed: the cell was stopped
            await super()._async_poll_output_msg(*arguments)

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Take a message of the kernel, if there is room for what it shows."""
        if self._output.admit(msg, cell.outputs):
            return super().process_message(msg, cell, cell_index)
        return None

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: Any, cell_index: int) -> Any:
        """Add an output to a cell; what is printed to one stream is one output."""
        added = super().output(outs, msg, display_id, cell_index)
        if added is not None and added.output_type == "stream":
            self._output.join(outs)
        return added

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        """Remove the outputs of a cell, now or when the next one comes."""
        self._output.finish(outs)
        self._output = CellOutput()
        super().clear_output(outs, msg, cell_index)


def _why_not_completed(cell: Any, answer: dict[str, Any] | None) -> str:
    """Say why a cell did not reach its end; empty if it did. This is the rule by which a notebook is judged.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        A code cell.
    answer : dict or None
        What the kernel answered to it; None: the cell was not executed.

    Returns
    -------
    str
        The reason, as plain text.
    """
    if answer is None:
        tags = ", ".join(cell.metadata.get("tags", ())) or "none"
        skipped = UserError(
            f"the cell was not executed (its tags: {tags})",
            expected="a run executes every cell",
            todo="remove the tag 'skip-execution', or put the code under: if further:",
        )
        return str(skipped)
    if answer["status"] != "ok":
        name = answer.get("ename", "")
        trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(answer.get("traceback", ()))).strip()
        # IPython gives no traceback for a mistake in a magic: its name is in the message.
        said = shorten(trace or f"{name or answer['status']}: {answer.get('evalue', '')}")
        return _left_early(said) if name == "SystemExit" else said
    if any(payload.get("source") == "ask_exit" for payload in answer.get("payload", ())):
        return _left_early("the cell called exit() or quit()")
    return ""


def _left_early(said: str) -> str:
    error = UserError(
        said,
        expected="a run executes every cell to its end; one that leaves early was not completed",
        todo="put what is not to be executed under an if",
    )
    return str(error)


def _open(task: Task) -> Any:
    """Read a task's notebook as one of format 4.5: for the course's kernel, with its parameters set."""
    # Only now what takes long to import: where all lessons are kept, none is opened.
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    content = json.loads(task.notebook)
    notebook = nbformat.v4.new_notebook()
    notebook.metadata |= content.get("metadata", {}) | {"kernelspec": KERNEL}
    notebook.metadata.pop("language_info", None)
    for number, cell in enumerate(content["cells"]):
        if "injected-parameters" in cell.get("metadata", {}).get("tags", ()):
            continue  # of an earlier run: it would win over what this one says
        notebook.cells.append(_as_in_4_5(cell, number, {other.id for other in notebook.cells}))
    notebook = load_notebook_node(notebook)
    if task.parameters:
        # Not `papermill.execute_notebook`: it reads the parameters cell once more, and fails where it has
        # an = in a text.
        notebook = parameterize_notebook(notebook, task.parameters)
    return notebook


def _as_in_4_5(cell: dict[str, Any], number: int, taken: Collection[str]) -> Any:
    """Make a cell of any format 4 one of 4.5, without outputs: what editors add is not valid there."""
    identity = str(cell.get("id"))
    if "id" not in cell or identity in taken or not re.fullmatch(r"[\w-]{1,64}", identity, re.ASCII):
        identity = f"cell-{number}"
        while identity in taken:
            identity += "-"
    metadata, source = cell.get("metadata", {}), "".join(cell["source"])
    if cell["cell_type"] == "code":
        return nbformat.v4.new_code_cell(source, id=identity, metadata=nbformat.from_dict(metadata))
    pictures = {"attachments": cell["attachments"]} if "attachments" in cell else {}
    made = nbformat.v4.new_markdown_cell(source, id=identity, metadata=metadata, **pictures)
    made.cell_type = cell["cell_type"]
    return nbformat.from_dict(made)


def execute(task: Task) -> Outcome:
    """Execute a notebook and write the executed one, whatever happens in it.

    Parameters
    ----------
    task : Task
        What to execute.

    Returns
    -------
    Outcome
        How it went: a notebook that raises, hangs or kills its kernel is an outcome, not an exception. Where
        the call is cancelled, the kernel is killed with its children, and it is ``interrupted``.
    """
    output = Path(task.output)
    output.unlink(missing_ok=True)  # or an earlier run's would pass for this one's if no kernel starts
    watch = _Watch(task.limits, task.cell_seconds, current_call())
    poller = threading.Thread(target=watch.poll, daemon=True)
    poller.start()
    error: Exception | None = None
    try:
        watch.notebook = _open(task)
        _Client(watch.notebook, watch).run(env=_environment(task), stderr=watch.stderr)
    except Exception as raised:  # whatever it is, it is this notebook's failure and not the run's
        error = raised
    finally:
        watch.finished.set()
        poller.join()
    if error is None:
        watch.look()  # a limit may have been passed since the poller last looked
    last_words = watch.last_words()
    failure = _explain(error, watch, last_words) if error or watch.excess else None
    watch.end()
    if watch.notebook is not None:
        write_atomically(output, nbformat.writes(watch.notebook))
    status: OutcomeStatus = "failed" if failure else "completed"
    if failure and watch.call.cancelled:
        status = "interrupted"
    return Outcome(status, round(watch.seconds(), 2), watch.peak_bytes, failure, watch.slowest())


def _environment(task: Task) -> dict[str, str]:
    """Make the kernel's environment: this process' own, but for its way to draw, and the task's."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return env | task.env | {RUN_FOLDER: str(Path(task.output).resolve().parent)}


def _explain(error: Exception | None, watch: _Watch, last_words: str) -> Failure:
    if isinstance(error, _CellError):  # it had ended by itself
        return Failure("error", error.cell.source, error.reason)
    if watch.excess:
        return Failure(watch.excess[0], watch.source(), watch.excess[1])
    match error:
        case CellTimeoutError():
            return Failure("timeout", watch.source(), _too_slow(watch.cell_seconds))
        case DeadKernelError():
            reason = "the kernel died: it was out of memory, it crashed, or the cell ended it"
            return Failure("dead kernel", watch.source(), f"{reason}\n{last_words}".strip())
        case _:
            kind: FailureKind = "no kernel" if watch.notebook is not None and watch.cell is None else "error"
            return Failure(kind, watch.source(), f"{type(error).__name__}: {error}\n{last_words}".strip())


def _too_slow(cell_seconds: float) -> str:
    limit = f"the cell was stopped after {cell_seconds:,.0f} s, the limit of this preset"
    return f"{limit}: choose smaller sizes, or --preset full"


def prepare_notebook(task: Task) -> None:
    """Write the notebook with its parameters set but not executed, for a test tool to execute.

    Parameters
    ----------
    task : Task
        What to prepare.
    """
    write_atomically(Path(task.output), nbformat.writes(_open(task)))
