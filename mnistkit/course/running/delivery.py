"""A notebook on an executor: where its machines see other files, what it needs and makes travels with it.

The notebook and the models that it takes over go with the task, and what it wrote comes back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

from mnistkit.course.running.execute import Outcome, Task, execute
from mnistkit.course.running.executors import Executor
from mnistkit.course.running.executors.dask import UnfitWorker, data_problem
from mnistkit.files import write_atomically


@dataclass(frozen=True)
class Delivery:
    """What comes of a notebook.

    Attributes
    ----------
    outcome : Outcome
        How it went.
    files : dict of str to bytes
        What it has written on another machine, the executed notebook too, by path in the run's folder.
    """

    outcome: Outcome
    files: dict[str, bytes] = field(default_factory=dict)

    def unpack(self, out: Path) -> Outcome:
        """Write the files into the run's folder, and only then say how the notebook went."""
        for name, content in self.files.items():
            write_atomically(out / name, content)
        return self.outcome


def submit_notebook(executor: Executor, task: Task) -> Future[Delivery]:
    """Begin a notebook or queue it.

    Parameters
    ----------
    executor : Executor
        Where.
    task : Task
        What to execute; it gets the executor's number of threads.

    Returns
    -------
    concurrent.futures.Future of Delivery
        Its files are in the run's folder when the delivery is unpacked.
    """
    task = task.with_threads(executor.threads)
    if executor.shares_files:
        return executor.submit(_execute, task)
    out = Path(task.output).parent
    files = {name: (out / name).read_bytes() for name in task.uses if (out / name).exists()}
    return executor.submit(_execute_elsewhere, task, files)


def _execute(task: Task) -> Delivery:
    return Delivery(execute(task))


def _execute_elsewhere(task: Task, files: Mapping[str, bytes]) -> Delivery:
    """Execute a notebook on a worker, in a folder that is gone afterwards (runs there)."""
    from distributed import get_worker

    worker = get_worker().address
    if problem := data_problem(task.data):
        raise UnfitWorker(worker, problem)
    with tempfile.TemporaryDirectory(prefix="mnistkit-") as folder:
        run = Path(folder)
        for name, content in files.items():
            write_atomically(run / name, content)
        outcome = execute(replace(task, output=str(run / Path(task.output).name)))
        made = {
            path.relative_to(run).as_posix(): path.read_bytes()
            for path in run.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
    fresh = {name: content for name, content in made.items() if files.get(name) != content}
    return Delivery(replace(outcome, worker=worker), fresh)
