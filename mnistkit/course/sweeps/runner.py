"""Sweeps: the same lessons run with many settings, each a run like any other in a folder of its own.

A run that is finished is kept, so a sweep that was killed goes on where it was when the same command is given
again. A run that fails is listed and stops nothing.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from mnistkit.course import unfit_folder
from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import Value, resolve
from mnistkit.course.running.execute import Limits
from mnistkit.course.running.executors import Executor
from mnistkit.course.running.jobs import JobMaker, NotebookJob
from mnistkit.course.running.results import read_results
from mnistkit.course.running.runner import run
from mnistkit.errors import UserError

RUNS = "runs"
"""Folder of the runs' folders in a sweep's."""
_LONGEST_NAME = 80

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Attributes
    ----------
    name : str
        Its folder's name, which says what is special about it.
    setting : dict
        The parameters that the sweep sets, with their values.
    plans : list of NotebookJob
        Its lessons.
    """

    name: str
    setting: dict[str, Value]
    plans: list[NotebookJob]


def make_trials(
    lessons: Sequence[Lesson],
    preset: Mapping[str, Mapping[str, Value]],
    fixed: Mapping[str, Value],
    settings: Iterable[Mapping[str, Value]],
    where: str,
) -> list[Trial]:
    """Work out every run of a sweep, and check all of them before the first begins.

    Parameters
    ----------
    lessons : sequence of Lesson
        What each run runs.
    preset : mapping
        What `read_preset` gave.
    fixed : mapping of str to bool, int, float or str
        Assignments for all runs.
    settings : iterable of mapping
        Assignments of each run.
    where : str
        Where the settings are from, for messages.

    Returns
    -------
    list of Trial
        Each setting once.

    Raises
    ------
    UserError
        If a parameter is unknown or a value has the wrong type.
    mnistkit.data.DataError
        If the data can't be had.
    """
    trials, maker = {}, JobMaker()
    for setting in settings:
        values = resolve(lessons, preset, {**fixed, **setting}, where)
        typed = {name: next(v[name] for v in values.values() if name in v) for name in setting}
        name = folder_name(typed)
        if name not in trials:
            trials[name] = Trial(name, typed, maker.make(lessons, values))
    return list(trials.values())


def folder_name(setting: Mapping[str, Value]) -> str:
    """Name the folder of a run after what is special about it.

    Parameters
    ----------
    setting : mapping of str to bool, int, float or str
        Parameters and values.

    Returns
    -------
    str
        ``k_max=8,seed=0``; with a hash where the values do not fit into a file name.
    """
    text = ",".join(f"{name}={setting[name]}" for name in sorted(setting))
    plain = re.sub(r"[^\w=,.+-]", "-", text, flags=re.ASCII)[:_LONGEST_NAME]
    if plain == text and not plain.endswith("."):
        return plain
    return f"{plain.rstrip('.')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class _Ended:
    """What came of a run: whether it went well, whether it was there before, the lines about its lessons."""

    ok: bool
    kept: bool
    said: list[str]


def make_folder(out: Path, files: Collection[str]) -> None:
    """Make the folder of a sweep, or see that it is one.

    Parameters
    ----------
    out : pathlib.Path
        The sweep's folder.
    files : collection of str
        Names of the files that a sweep writes there.

    Raises
    ------
    UserError
        If it can't be made, or holds files of these names that no sweep has written.
    """
    there = [] if (out / RUNS).is_dir() else [name for name in files if (out / name).exists()]
    found = f"{', '.join(there)}, not written by a sweep" if there else ""
    if not found:
        try:
            (out / RUNS).mkdir(parents=True, exist_ok=True)
            return
        except OSError as error:
            found = error.strerror or str(error)
    raise unfit_folder(out, found, "sweep")


def sweep(
    trials: Sequence[Trial],
    out: Path,
    *,
    preset: str,
    executor: Executor,
    width: int,
    limits: Limits,
    report: Callable[[Path, Collection[str]], object],
) -> bool:
    """Run all trials of a sweep, several at a time.

    Parameters
    ----------
    trials : sequence of Trial
        What to run.
    out : pathlib.Path
        The sweep's folder; each run has its own in it.
    preset : str
        Name of the preset.
    executor : Executor
        Where to run; it stays open.
    width : int
        How many runs to have under way.
    limits : Limits
        What each notebook may take.
    report : callable
        As for `mnistkit.course.running.runner.run`.

    Returns
    -------
    bool
        True if every notebook of every run was completed.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, after the kernels were stopped; what is finished stays.
    """
    one_at_a_time, stop = threading.Lock(), threading.Event()

    def one_report(folder: Path, pages: Collection[str]) -> None:
        with one_at_a_time:  # nbconvert and what it uses make no promise about threads
            report(folder, pages)

    def run_one(trial: Trial) -> _Ended:
        said: list[str] = []
        folder = out / RUNS / trial.name
        ok = run(
            trial.plans,
            folder,
            preset=preset,
            executor=executor,
            limits=limits,
            progress=False,
            stop=stop,
            say=said.append,
            report=one_report,
        )
        entries = read_results(folder)["notebooks"]
        kept = all(entries[plan.name]["kept"] for plan in trial.plans)
        return _Ended(ok, kept, [" ".join(line.split()) for line in said if not line.startswith("Report:")])

    pool = ThreadPoolExecutor(max_workers=width)
    futures = {pool.submit(run_one, trial): trial for trial in trials}
    try:
        ok = list(_as_finished(futures))
        return all(ok)
    except BaseException:
        _logger.info("\n  stopping the kernels (finished runs are kept)")
        stop.set()  # each run ends its own notebooks
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _as_finished(futures: Mapping[Future[_Ended], Trial]) -> Iterator[bool]:
    """Yield whether each run was completed as it ends; a bar in a terminal, in a log a line a run."""
    from tqdm import tqdm

    start, total, executed = time.monotonic(), len(futures), 0
    pending: Collection[Future[_Ended]] = futures
    with tqdm(total=total, unit="run", desc="  sweep", disable=None) as bar:
        while pending:
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                ended = _outcome(future)
                executed += not ended.kept
                so_far = f"{total - len(pending):>{len(str(total))}}/{total}"
                # What was kept took no time, and says nothing about what is still to be run.
                seconds = (time.monotonic() - start) / max(executed, 1) * len(pending)
                left = f", {tqdm.format_interval(seconds)} left" if executed else ""
                bar.update()
                bar.clear()
                for line in ended.said:
                    _logger.info(f"  [{so_far}{left}] {futures[future].name}: {line}")
                bar.refresh()
                yield ended.ok


def _outcome(future: Future[_Ended]) -> _Ended:
    """Take what came of a run; that its folder can't be written is that run's failure."""
    try:
        return future.result()
    except (UserError, OSError) as error:
        return _Ended(False, False, [f"FAILED: {error}"])
