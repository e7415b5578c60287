"""Work on the workers of a Dask scheduler, for a class that has outgrown one machine.

A worker needs this package, the locked versions and the data; nothing else is shared or copied by hand.
Scheduler and workers are started with Dask's own commands::

    dask scheduler
    dask worker tcp://HOST:8786 --nworkers 2 --nthreads 1

A worker that dies costs only the time of its tasks: Dask gives them to another one.
"""

from __future__ import annotations

import functools
import platform
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from mnistkit.course.running.executors.calls import Call
from mnistkit.course.running.executors.installation import WEIGHTS, installed_versions, package_hash
from mnistkit.data import load
from mnistkit.errors import DataError, UserError
from mnistkit.transfer import identify_weights
from mnistkit.utils.extras import how_to_install

_T = TypeVar("_T")

CONNECT_SECONDS = 15
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


class UnfitWorker(Exception):  # noqa: N818 (about one machine)
    """A worker that is not as the machine that asks, so that it did nothing.

    Parameters
    ----------
    worker : str
        Its address.
    problem : str
        What is other there.
    """

    def __init__(self, worker: str, problem: str) -> None:
        super().__init__(worker, problem)
        self.worker, self.problem = worker, problem

    def __str__(self) -> str:
        return f"the worker {self.worker} can't run this: {self.problem}"


@functools.cache
def installation() -> Installation:
    """Describe what this process runs with.

    Read once: files that change while it runs are not the code that it has loaded.

    Returns
    -------
    Installation
        Of this machine, or of the worker that it is called on.
    """
    return Installation(platform.python_version(), package_hash(), installed_versions())


def installation_difference(here: Installation, there: Installation) -> str:
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
        return installation_difference(here, installation()) or data_problem(data) or (able() if able else "")
    except Exception as error:
        return f"it failed when it was asked: {type(error).__name__}: {error}"


def data_problem(data: Sequence[Mapping[str, str]]) -> str:
    """Say which data this worker can't load as they are on the machine that asks.

    Parameters
    ----------
    data : sequence of mapping
        name, source, sha256 of each data set.

    Returns
    -------
    str
        Empty where they are the same.
    """
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


_calls: dict[str, Call] = {}
"""On a worker: by key, the calls that are at work, or cancelled before they came."""


def _call(key: str, here: Installation, function: Callable[..., _T], *arguments: Any) -> _T:
    """Call a function on a worker, where that is as the machine that asks (it may have joined later)."""
    from distributed import get_worker

    if problem := _problem(here, ()):
        raise UnfitWorker(get_worker().address, problem)
    try:
        return _calls.setdefault(key, Call()).run(function, *arguments)
    finally:
        _calls.pop(key, None)


def _cancel(keys: Collection[str]) -> None:
    """Cancel calls on a worker, also those that have not come yet."""
    for key in keys:
        _calls.setdefault(key, Call()).cancelled = True


class DaskExecutor:
    """Call functions on the workers of a Dask scheduler; several may use the same workers.

    Parameters
    ----------
    address : str
        Of the scheduler: ``tcp://host:8786``; ``tls://`` with the certificates of Dask's own configuration.

    Raises
    ------
    UserError
        If Dask is not installed, or no scheduler answers.
    """

    # As Dask itself sets them. What a worker was started with does not count: figures must not depend on it.
    threads: int = 1
    asked: int | None = 1
    shares_files: bool = False

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise UserError(
                "--scheduler needs the package 'distributed'", todo=how_to_install("cluster")
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
        self._sent: dict[Future[Any], tuple[str, Future[Any]]] = {}
        self._closing = ExitStack()

    def __enter__(self) -> DaskExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()
        self._client.close()

    def check(self, asked: Sequence[Mapping[str, str]], able: Callable[[], str] | None = None) -> None:
        """Ask every worker whether it can do what is to be done, before any of it begins.

        Parameters
        ----------
        asked : sequence of mapping
            name, source, sha256 of each data set that is needed.
        able : callable, optional
            Called on each worker, says what else it can't do; empty where it can.

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

    @property
    def slots(self) -> int:
        """How many calls are at work at a time: workers may come and go."""
        return max(1, sum(self._client.nthreads().values()))

    def submit(self, function: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """Send a call to the scheduler; function and arguments are pickled."""
        future: Future[_T] = Future()
        # Nobody here knows when a worker begins: it counts as begun, so that a call that was cancelled ends
        # with an error.
        future.set_running_or_notify_cancel()
        key = uuid.uuid4().hex
        sent = self._executor.submit(_call, key, self._here, function, *arguments)
        self._sent[future] = key, sent
        sent.add_done_callback(functools.partial(self._receive, future))
        return future

    def _receive(self, future: Future[_T], sent: Future[_T]) -> None:
        del self._sent[future]
        try:
            future.set_result(sent.result())
        except BaseException as error:  # also that it was cancelled
            future.set_exception(error)

    def cancel(self, futures: Collection[Future[Any]]) -> None:
        """Take these calls back; those at work are told to end, and what they return is lost."""
        found = [one for future in futures if (one := self._sent.get(future))]
        for _, sent in found:
            sent.cancel()
        if found:
            self._client.run(_cancel, [key for key, _ in found], on_error="ignore")
        wait(futures)

    def progress(self, futures: Collection[Future[Any]]) -> int:
        """Nothing is known of a call on a worker before it ends."""
        return 0

    def on_close(self, function: Callable[[], object]) -> None:
        """Have a function called on every worker when this is closed."""
        self._closing.callback(self._client.run, function, on_error="ignore")


def _said(answer: str | Exception) -> str:
    """Put what a worker answered into words: a text of ours, or what Dask says went wrong there."""
    if isinstance(answer, str):
        return answer
    if "No module named 'mnistkit" in str(answer):
        return "it has no mnistkit, or another one than here"
    return f"{type(answer).__name__}: {answer}"
