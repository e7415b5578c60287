"""Execute notebooks on the workers of a Dask scheduler, for a class that has outgrown one machine.

A worker needs this package, the locked versions and the data; nothing else is shared or copied by hand. The
notebook and the models that it takes over travel with the task, and what it wrote comes back through the
scheduler. Scheduler and workers are started with Dask's own commands::

    dask scheduler
    dask worker tcp://HOST:8786 --nworkers 2 --nthreads 1

A worker that dies costs only the time of its tasks: Dask gives them to another one.
"""

from __future__ import annotations

import functools
import platform
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mnistkit.course.running.execute import Failure, Outcome, Task, execute, interrupt
from mnistkit.course.running.executors.local import with_threads
from mnistkit.course.running.jobs import WEIGHTS, installed_versions, package_hash
from mnistkit.data import load
from mnistkit.errors import DataError, UserError
from mnistkit.files import write_atomically
from mnistkit.transfer import identify_weights

T = TypeVar("T")

CONNECT_SECONDS = 15
THREADS = 1
"""For the libraries of each notebook, as Dask itself sets them: the figures must not depend on the worker.

So the setting goes with the task, and what the worker was started with does not count.
"""
_SHOWN = 5  # packages of another version, in a message


@dataclass(frozen=True)
class Installation:
    """What must be the same on all machines for their results to be comparable.

    Attributes
    ----------
    python : str
        Version of Python.
    package : str
        Hash of mnistkit's code.
    versions : dict of str to str
        Version of each installed package.
    """

    python: str
    package: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Delivery:
    """What comes back from a worker.

    Attributes
    ----------
    outcome : Outcome
        How the notebook went.
    files : dict of str to bytes
        What it has written, the executed notebook too, by path in the run's folder.
    """

    outcome: Outcome
    files: dict[str, bytes]


def installation() -> Installation:
    """Describe what this process runs with.

    Returns
    -------
    Installation
        Of this machine, or of the worker that it is called on.
    """
    return Installation(platform.python_version(), package_hash(), installed_versions())


def difference(here: Installation, there: Installation) -> str:
    """Say in which way a worker is another than this machine.

    Packages that only one of the two has don't count: a worker needs no developer's tools.

    Parameters
    ----------
    here, there : Installation
        Of the machine that asks, and of the worker.

    Returns
    -------
    str
        Empty where they fit.
    """
    if here.python != there.python:
        return f"it has Python {there.python}; here it is {here.python}"
    both = set(here.versions) & set(there.versions)
    other = sorted(name for name in both if here.versions[name] != there.versions[name])
    if other:
        named = [f"{name} {there.versions[name]} (here {here.versions[name]})" for name in other[:_SHOWN]]
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        return f"it has other versions than the lock brings here: {', '.join(named)}{more}"
    if here.package != there.package:
        return "its mnistkit has other code than the one here"
    return ""


def _problem(
    here: Installation, data: Sequence[Mapping[str, str]], able: Callable[[], str] | None = None
) -> str:
    """Say why this worker can't do what is asked; empty where it can. Raises nothing (see `check`)."""
    try:
        return _misfit(here, data) or (able() if able else "")
    except Exception as error:
        return f"it failed when it was asked: {type(error).__name__}: {error}"


def _misfit(here: Installation, data: Sequence[Mapping[str, str]]) -> str:
    if problem := difference(here, installation()):
        return problem
    for asked in data:
        try:
            source, sha256 = _found(asked["name"], asked["source"])
        except DataError as error:
            return f"it can't load {asked['name']!r}:\n{error}"
        if sha256 != asked["sha256"]:
            return (
                f"its {asked['name']!r} is other data: {source} (content hash {sha256[:12]}, "
                f"here {asked['sha256'][:12]}); set MNISTKIT_DATA where the worker is started"
            )
    return ""


def _found(name: str, source: str) -> tuple[str, str]:
    """Say where what is asked for is from on this machine, and its hash."""
    if name == WEIGHTS:
        return source, identify_weights(source)
    found = load(name, source, verify=True)
    return found.source, found.sha256


def carry_out(task: Task, files: Mapping[str, bytes], here: Installation) -> Delivery:
    """Execute a notebook on a worker, in a folder that is gone afterwards (runs there).

    Parameters
    ----------
    task : Task
        What to execute.
    files : mapping of str to bytes
        What earlier lessons have kept for it, by path in the run's folder.
    here : Installation
        Of the machine that asks.

    Returns
    -------
    Delivery
        How it went and what it has written.
    """
    from distributed import get_worker

    worker = get_worker()
    if problem := _problem(here, task.data):
        failure = Failure("unfit worker", "", f"the worker {worker.address} can't run this: {problem}")
        return Delivery(Outcome("failed", 0.0, 0, failure, worker=worker.address), {})
    with tempfile.TemporaryDirectory(prefix="mnistkit-") as folder:
        run = Path(folder)
        for name, content in files.items():
            write_atomically(run / name, content)
        there = replace(task, output=str(run / Path(task.output).name))
        outcome = execute(there)
        made = {
            path.relative_to(run).as_posix(): path.read_bytes()
            for path in run.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
    fresh = {name: content for name, content in made.items() if files.get(name) != content}
    return Delivery(replace(outcome, worker=worker.address), fresh)


class DaskExecutor:
    """The workers of a Dask scheduler, as a place to run notebooks.

    One place can be shared by many runs: what one of them takes back, or fails with, is only its own.

    Parameters
    ----------
    address : str
        Of the scheduler: ``tcp://host:8786``; ``tls://`` with the certificates of Dask's own configuration.

    Raises
    ------
    UserError
        If Dask is not installed, or no scheduler answers.
    """

    threads: int = THREADS
    asked: int | None = THREADS

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise UserError(
                "--scheduler needs the package 'distributed'", todo="pip install 'mnistkit[cluster]'"
            ) from error
        try:
            self._client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(
                address,
                found=f"no Dask scheduler ({error or type(error).__name__})",
                expected="the address that 'dask scheduler' prints, like tcp://host:8786",
                todo="start one there, or check the address and the firewall",
            ) from error
        # Not pure: the same notebook a second time is a second run.
        self._executor = self._client.get_executor(pure=False)
        self._here = installation()
        self._sent: dict[str, Future[Delivery]] = {}

    def __enter__(self) -> DaskExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def check(self, asked: Sequence[Mapping[str, str]], able: Callable[[], str] | None = None) -> int:
        """Ask every worker whether it can do what is to be done, before any of it begins.

        Parameters
        ----------
        asked : sequence of mapping
            name, source, sha256 of each data set that is needed.
        able : callable, optional
            Called on each worker, says what else it can't do; empty where it can.

        Returns
        -------
        int
            How many notebooks the workers take at a time.

        Raises
        ------
        UserError
            If there is no worker, or one has another Python, other packages, another mnistkit or other data.
        """
        workers = self._client.scheduler_info()["workers"]
        if not workers:
            assert self._client.scheduler is not None  # it has just answered
            raise UserError(
                self._client.scheduler.address,
                found="a scheduler without workers",
                todo=f"dask worker {self._client.scheduler.address} --nthreads 1",
            )
        data = list({tuple(one.items()): one for one in asked}.values())
        try:
            answers = self._client.run(_problem, self._here, data, able, on_error="return")
        except AssertionError:  # Dask fails over an error with a traceback that it can't read
            answers = dict.fromkeys(workers, "at least one has no mnistkit, or another one than here")
        problems = [f"  {worker}: {_said(answer)}" for worker, answer in answers.items() if answer]
        if problems:
            raise UserError(
                "workers that can't run these notebooks\n" + "\n".join(problems),
                todo="install the same mnistkit with its requirements.lock there, give it the data"
                " (MNISTKIT_DATA),\nand start the worker again",
            )
        return sum(worker["nthreads"] for worker in workers.values())

    def submit(self, task: Task) -> Future[Outcome]:
        """Send a task to the scheduler; its files are written here when it ends."""
        out = Path(task.output).parent
        files = {name: (out / name).read_bytes() for name in task.uses if (out / name).exists()}
        outcome: Future[Outcome] = Future()
        outcome.set_running_or_notify_cancel()
        task = with_threads(task, THREADS)
        sent = self._sent[task.key] = self._executor.submit(carry_out, task, files, self._here)
        sent.add_done_callback(functools.partial(_receive, out, outcome))
        sent.add_done_callback(lambda _: self._sent.pop(task.key, None))
        return outcome

    def call(self, function: Callable[[Any], T], argument: Any) -> Future[T]:
        """Call a function of this package on a worker.

        Parameters
        ----------
        function : callable
            What to call.
        argument : object
            Plain data.

        Returns
        -------
        concurrent.futures.Future
            Of what it returns.
        """
        return self._executor.submit(function, argument)

    def everywhere(self, function: Callable[[], object]) -> None:
        """Call a function of this package on every worker.

        Parameters
        ----------
        function : callable
            What to call.
        """
        self._client.run(function, on_error="ignore")

    def cells_done(self, keys: Collection[str]) -> int:
        """Nothing is known of a notebook on a worker before it ends."""
        return 0

    def interrupt(self, keys: Collection[str]) -> None:
        """Take back these tasks where they wait, and kill their kernels where they are at work."""
        for sent in filter(None, map(self._sent.get, keys)):
            sent.cancel()
        self.everywhere(functools.partial(interrupt, list(keys)))


def _receive(out: Path, outcome: Future[Outcome], sent: Future[Delivery]) -> None:
    """Write what a worker has delivered, and only then say that the notebook has ended."""
    try:
        delivery = sent.result()
        for name, content in delivery.files.items():
            write_atomically(out / name, content)
        outcome.set_result(delivery.outcome)
    except CancelledError:
        outcome.set_result(Outcome("interrupted", 0.0, 0))
    except Exception as error:  # the run makes it this notebook's failure
        outcome.set_exception(error)


def _said(answer: str | Exception) -> str:
    """Put what a worker answered into words: a text of ours, or what Dask says went wrong there."""
    if isinstance(answer, str):
        return answer
    if "No module named 'mnistkit" in str(answer):
        return "it has no mnistkit, or another one than here"
    return f"{type(answer).__name__}: {answer}"
