"""Run lessons into a folder: strict parameters, several at a time, resumable, with a report.

A run is a folder: the executed notebooks, ``results.json``, ``models/`` and ``report/``. What has not changed
since a notebook was completed there (its cells, parameters, the package, the data, the installed versions,
the lesson whose model it takes over) is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout

from mnistkit.course import unfit_folder
from mnistkit.course.running.delivery import Delivery, submit_notebook
from mnistkit.course.running.execute import NO_LIMITS, Failure, Limits, Outcome, Task
from mnistkit.course.running.executors import Executor
from mnistkit.course.running.executors.dask import UnfitWorker
from mnistkit.course.running.executors.local import LocalExecutor, default_jobs
from mnistkit.course.running.jobs import NotebookJob, make_task
from mnistkit.course.running.results import (
    LOCK,
    REPORT,
    RESULTS,
    Results,
    Threads,
    begin_results,
    expected_fingerprints,
    finish_entry,
    is_unchanged,
    read_earlier,
    what_changed,
    write_results,
)
from mnistkit.errors import UserError
from mnistkit.files import remove_scratch
from mnistkit.records.artifacts import kept_models
from mnistkit.utils.threads import asked_for, environment_as_asked, threads_each


def run(
    plans: Sequence[NotebookJob],
    out: Path,
    *,
    preset: str,
    jobs: int | None = None,
    executor: Executor | None = None,
    limits: Limits = NO_LIMITS,
    progress: bool = True,
    stop: Event | None = None,
    say: Callable[[str], None],
    report: Callable[[Path, Collection[str]], object],
) -> bool:
    """Run lessons into a folder; what is unchanged there is kept.

    Parameters
    ----------
    plans : sequence of NotebookJob
        What to run.
    out : pathlib.Path
        The run's folder; made where it is missing.
    preset : str
        Name of the preset, for the limit on cells and for the report.
    jobs : int, optional
        How many to run at a time on this machine; what fits it where not given.
    executor : Executor, optional
        Where to run them instead; it stays open.
    limits : Limits, optional
        What each notebook may take before it is stopped.
    progress : bool, optional
        Whether to show a bar where the output is a terminal.
    stop : threading.Event, optional
        Ends the run as Ctrl-C does, when another thread sets it.
    say : callable
        Called with each line for the person who waits.
    report : callable
        Called with the run's folder and the lessons whose pages have changed, after each notebook: the
        report's first page need not wait for the last.

    Returns
    -------
    bool
        True if every notebook was completed, and the report shows it.

    Raises
    ------
    UserError
        If another run is writing to the folder, it holds what is not a run's, or it is no folder.
    OSError
        If ``results.json`` can't be written: then nothing more is run.
    KeyboardInterrupt
        On Ctrl-C, after the kernels were stopped and what is finished was written.
    concurrent.futures.CancelledError
        The same on `stop`.
    """
    _refuse_foreign(plans, out)
    with _only_run_in(out):
        book = RunRecorder(out, preset, say, report)
        todo = book.begin(plans, _threads(jobs, executor))
        chosen = jobs or default_jobs(_at_a_time(todo))
        with nullcontext(executor) if executor else LocalExecutor(chosen, asked=jobs is not None) as where:
            book.threads["told"] = environment_as_asked(where.threads)
            work = _Work(todo, where, lambda plan: make_task(plan, out, preset, limits), progress)
            try:
                for plan, future in work.as_finished(stop or Event()):
                    book.record(plan, _outcome(future, out))
            except BaseException:
                say("\n  stopping the kernels (finished notebooks are kept)")
                ended = [(plan, future) for plan, future in work.stop() if not book.has(plan)]
                with suppress(OSError):  # where that is what went wrong, it is said once
                    for plan, future in ended:
                        book.record(plan, _outcome(future, out))
                    book.close()
                raise
            book.close()
        completed = (book.results["notebooks"][plan.name]["status"] == "completed" for plan in plans)
        return all(completed) and not book.unwritten


def _threads(jobs: int | None, executor: Executor | None) -> Threads:
    """Say how many threads each notebook's libraries will be told to use, as far as it was asked for."""
    each = executor.asked if executor else threads_each(jobs) if jobs else None
    return {"asked": asked_for(each), "told": environment_as_asked(each) if each else {}}


def _at_a_time(plans: Sequence[NotebookJob]) -> int:
    """Count the lessons that need not wait for another one of these: no more run together at the start."""
    names = {plan.name for plan in plans}
    return sum(not names & set(plan.after) for plan in plans)


class _Work:
    """Starts each lesson when those that it takes models over from have ended.

    Where several run at a time, the longest is first: else it would work alone at the end, with nothing left
    for the other cores.

    Parameters
    ----------
    plans : sequence of NotebookJob
        What is to be run, in the order of the course: nothing waits for a later lesson.
    executor : Executor
        Where.
    task_of : callable
        Makes a plan into a task.
    progress : bool
        Whether to show a bar.
    """

    def __init__(
        self,
        plans: Sequence[NotebookJob],
        executor: Executor,
        task_of: Callable[[NotebookJob], Task],
        progress: bool,
    ) -> None:
        if executor.slots > 1:
            plans = _longest_first(plans)
        self._waiting = {plan.name: plan for plan in plans}
        self._begun: dict[Future[Delivery], NotebookJob] = {}
        self._executor, self._task_of, self._progress = executor, task_of, progress

    def as_finished(self, stop: Event) -> Iterator[tuple[NotebookJob, Future[Delivery]]]:
        """Yield each lesson with its future as it finishes, and show how many cells are done meanwhile."""
        from tqdm import tqdm

        cells = {name: sum(c.kind == "code" for c in p.lesson.cells) for name, p in self._waiting.items()}
        known, total = 0, sum(cells.values())
        # None: no bar where the output is a file or a pipe.
        off = None if self._progress else True
        with tqdm(total=total, unit="cell", desc="  running", disable=off, leave=False) as bar:
            while self._waiting or self._begun:
                if stop.is_set():
                    raise CancelledError
                self._start_ready()
                # With a timeout, because on Windows a wait without one can't be interrupted.
                done, at_work = wait(self._begun, timeout=0.5, return_when=FIRST_COMPLETED)
                finished = [(plan, future) for future, plan in self._begun.items() if future in done]
                known += sum(cells[plan.name] for plan, _ in finished)
                bar.update(min(known + self._executor.progress(at_work), total) - bar.n)
                if finished:
                    bar.clear()
                for plan, future in finished:
                    yield plan, future
                    del self._begun[future]  # not before it is recorded; what it brought can be large

    def _start_ready(self) -> None:
        """Give the executor as many as it has slots, and one to go on with while another is written down.

        What it has been given can't be overtaken by a longer one that becomes ready.
        """
        not_ended = {*self._waiting, *(plan.name for plan in self._begun.values())}
        for name, plan in list(self._waiting.items()):
            if sum(not future.done() for future in self._begun) > self._executor.slots:
                return
            if not not_ended & set(plan.after):
                self._begun[submit_notebook(self._executor, self._task_of(plan))] = plan
                del self._waiting[name]

    def stop(self) -> list[tuple[NotebookJob, Future[Delivery]]]:
        """Cancel what has not begun, kill the rest, and give what had begun."""
        self._executor.cancel(self._begun)
        return [(plan, future) for future, plan in self._begun.items() if not future.cancelled()]


def _longest_first(plans: Sequence[NotebookJob]) -> list[NotebookJob]:
    """Sort lessons by their budgets, each with that of the longest that waits for it."""

    def seconds(plan: NotebookJob) -> float:
        behind = (seconds(other) for other in plans if plan.name in other.after)
        return (plan.budget.seconds or 0) + max(behind, default=0)

    return sorted(plans, key=seconds, reverse=True)


def _outcome(future: Future[Delivery], out: Path) -> Outcome:
    """Take the outcome of a notebook; what went wrong around it is that notebook's failure."""
    try:
        return future.result().unpack(out)
    except CancelledError:
        return Outcome("interrupted", 0.0, 0)
    except UnfitWorker as error:
        return Outcome("failed", 0.0, 0, Failure("unfit worker", "", str(error)), worker=error.worker)
    except Exception as error:
        return Outcome("failed", 0.0, 0, Failure("error", "", f"{type(error).__name__}: {error}"))


class RunRecorder:
    """Keeps ``results.json`` and the report of a run up to date.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    preset : str
        Name of the preset.
    say, report : callable
        As for `run`.

    Attributes
    ----------
    results : Results
        What is written.
    unwritten : str
        Why the report does not show it; empty where it does.
    """

    def __init__(
        self,
        out: Path,
        preset: str,
        say: Callable[[str], None],
        report: Callable[[Path, Collection[str]], object],
    ) -> None:
        self.out, self.preset, self.say, self._report = out, preset, say, report
        self.results: Results
        self.threads: Threads = {"asked": {}, "told": {}}
        self.unwritten = ""

    def begin(self, plans: Sequence[NotebookJob], threads: Threads) -> list[NotebookJob]:
        """Write that the run begins; give what has to be run."""
        earlier = read_earlier(self.out, self.say)
        expected = expected_fingerprints(earlier, plans)
        kept = [plan for plan in plans if is_unchanged(plan, earlier, self.out, expected, threads)]
        self.threads = threads
        for plan in plans:
            before = earlier.get(plan.name)
            if plan in kept:
                self.say(f"  {plan.name:34} kept: nothing it depends on has changed")
            elif before and before["status"] == "completed":
                why = what_changed(plan, before, expected, threads)
                self.say(f"  {plan.name:34} replaces the earlier result: {why}")
        for plan in plans:
            if plan not in kept:
                # Or a lesson would take over what an earlier run has left, should this one fail.
                for path in kept_models(plan.lesson.hands_over, self.out):
                    path.unlink(missing_ok=True)
        self.results = begin_results(earlier, plans, kept, self.preset)
        self._write(pages=())
        return [plan for plan in plans if plan not in kept]

    def record(self, plan: NotebookJob, outcome: Outcome) -> None:
        """Write how a notebook ended."""
        finish_entry(self.results["notebooks"], plan, outcome, self.out, self.threads)
        self._write(pages=(plan.name,))
        self.say(f"  {plan.name:34} {_describe(outcome, plan.budget)}")

    def has(self, plan: NotebookJob) -> bool:
        """Whether the outcome of a notebook has been recorded."""
        return self.results["notebooks"][plan.name]["status"] != "waiting"

    def close(self) -> None:
        """Write the report for the last time, and say where it is, if it is there."""
        self._write(pages=())
        if not self.unwritten:
            self.say(f"Report: {(self.out / REPORT).resolve()}")

    def _write(self, pages: Collection[str]) -> None:
        write_results(self.out, self.results)
        try:
            self._report(self.out, pages)
        except Exception as error:  # a page that can't be made is no reason to lose a run
            before, self.unwritten = self.unwritten, f"{type(error).__name__}: {error}"
            if self.unwritten != before:
                self.say(f"  the report could not be written: {self.unwritten}")
        else:
            self.unwritten = ""  # pages that were left out are out of date, so they were written now


def _describe(outcome: Outcome, budget: Limits) -> str:
    figures = f"{outcome.seconds:.1f} s, peak {outcome.peak_memory_bytes / 1e6:,.0f} MB"
    where = f" on {outcome.worker}" if outcome.worker else ""
    status = outcome.status.upper() if outcome.failure else outcome.status
    return f"{status} in {figures}{where}{''.join(_over(outcome, budget))}"


def _over(outcome: Outcome, budget: Limits) -> Iterator[str]:
    if budget.seconds is not None and outcome.seconds > budget.seconds:
        yield f", more than the {budget.seconds:,.0f} s that it should take"
    if budget.memory_bytes is not None and outcome.peak_memory_bytes > budget.memory_bytes:
        yield f", more than the {budget.memory_bytes / 1e6:,.0f} MB that it should take"


def _refuse_foreign(plans: Sequence[NotebookJob], out: Path) -> None:
    """Raise `UserError` where a run would overwrite what no run has written: lessons, someone's files."""
    names = [*(f"{plan.name}.ipynb" for plan in plans), str(REPORT), RESULTS]
    ours = [out / name for name in names]
    ours += [path for plan in plans for path in kept_models(plan.lesson.hands_over, out)]
    there = [str(path.relative_to(out)) for path in ours if path.exists()]
    if there and not (out / LOCK).exists():
        raise unfit_folder(out, f"{', '.join(there)}, not written by a run", "run")


@contextmanager
def _only_run_in(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the system frees the lock of a run that was killed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            out, found="another run is writing here", todo="wait for it, or choose another folder with --out"
        ) from None
    except OSError as error:
        raise UserError(
            out,
            found=error.strerror or error,
            expected="a folder to write into",
            todo="choose another folder with --out",
        ) from error
    try:
        for folder in (out, out / "models", (out / REPORT).parent):
            remove_scratch(folder)
        yield
    finally:
        lock.release()
