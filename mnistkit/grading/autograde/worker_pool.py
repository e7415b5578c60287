"""One submission graded in bounded time, whatever it is, on this machine or on a worker of a cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from mnistkit.course.running.executors.calls import Call, current_call
from mnistkit.data.cache import cache_root
from mnistkit.data.loader import search_folders
from mnistkit.errors import UserError
from mnistkit.grading.autograde.check_limits import MAX_RUNS
from mnistkit.grading.ledger import Result, result_from
from mnistkit.grading.sandbox.bwrap import Sandbox, SandboxError, SandboxFailure, SandboxLimits
from mnistkit.grading.submission import SubmittedNotebook
from mnistkit.utils import threads

PREPARE_SECONDS = 1800.0
"""Longest time for the instructor's own notebook: far above what any takes, so that a hang ends."""
CHECK_SECONDS = 120.0
"""Time for the checks themselves, beside the students' code: the longest one trains a small network."""
_LAST_BYTES = 2000
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Job:
    """One notebook that a student handed in; plain data, so that it can be sent to another machine.

    Attributes
    ----------
    student, lesson : str
        Whose it is, and which notebook.
    source : str
        The instructor's notebook, as the text of its file.
    parameters : dict
        Values to set after the parameters cell, in both notebooks.
    notebook : SubmittedNotebook
        What was handed in.
    limits : SandboxLimits
        What the student's code may take.
    unsandboxed : bool
        Run it as an ordinary process.
    """

    student: str
    lesson: str
    source: str
    parameters: dict[str, Any]
    notebook: SubmittedNotebook = field(repr=False)
    limits: SandboxLimits = field(default_factory=SandboxLimits)
    unsandboxed: bool = False


class _CannotGrade(Exception):  # noqa: N818 (about one submission)
    """A submission that could not be graded: by a fault of this program, or as it ended the grader."""


class _TooSlow(_CannotGrade):
    """A grading process that has not answered in time."""


class InstructorHangs(UserError):  # noqa: N818
    """The instructor's own notebook takes longer than any does."""


class _Examiner:
    """A grading process at work, which keeps the instructor's notebook ready between submissions."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        self._folder = tempfile.TemporaryDirectory(prefix="mnistkit-")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mnistkit.grading.autograde.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**_environment(), "TMPDIR": self._folder.name},  # it is killed, so others clean up
        )

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for the answer, as long as it may take and the call goes on."""
        assert self._process.stdin and self._process.stdout
        answered, end = threading.Event(), time.monotonic() + seconds
        watch = threading.Thread(target=self._watch, args=(answered, end, current_call()), daemon=True)
        watch.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = b""
        finally:
            answered.set()
            watch.join()  # or it could still kill what the next call is asking
        if time.monotonic() >= end:  # also where the answer came before it was killed
            raise _TooSlow(f"the grader's process took longer than {seconds:,.0f} s")
        if answer.endswith(b"\n"):
            return json.loads(answer)
        raise _CannotGrade(f"the grader's process ended: {self._last_words()}")

    def _watch(self, answered: threading.Event, end: float, call: Call) -> None:
        """Kill the process when its time is over or the call is cancelled (runs in a thread of its own)."""
        while not answered.wait(min(_POLL_SECONDS, max(0.0, end - time.monotonic()))):
            if call.cancelled or time.monotonic() >= end:
                self._process.kill()
                self._process.wait()  # so that it is not `alive`
                return

    def _last_words(self) -> str:
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST_BYTES))
        return self._errors.read().decode(errors="replace").strip() or "it said nothing"

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and what it has started with it."""
        assert self._process.stdin and self._process.stdout
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(OSError):  # of a request that could not be sent
                file.close()
        self._folder.cleanup()


_examiners: dict[int, _Examiner] = {}
"""Those at rest, by thread: the instructor's objects are shared by the checks of a process, so one submission
at a time. One at work is not in it: only the call that it works for may end it."""


def examine(job: Job) -> Result:
    """Give a notebook its points by its checks.

    Parameters
    ----------
    job : Job
        What was handed in, and what to grade it with.

    Returns
    -------
    Result
        ``completed`` whatever the submission is or does; ``failed`` where the grading process died, was too
        slow or met a fault that is not the student's code's: nothing is known of the submission then.

    Raises
    ------
    UserError
        If the instructor's notebook fails or never ends.
    """
    try:
        return _ask_examiner(job)
    except UserError:
        raise
    except _CannotGrade as error:
        return Result((), status="failed", why=str(error))
    except Exception as error:  # no memory, thread or process to be had, for one
        return Result((), status="failed", why=f"{type(error).__name__}: {error}")


def _ask_examiner(job: Job) -> Result:
    thread = threading.get_ident()
    examiner = _examiners.pop(thread, None)
    if examiner is None or not examiner.alive:
        if examiner is not None:
            examiner.close()
        examiner = _Examiner()
    try:
        answer = _answer(examiner, job)
        if "failure" in answer:
            raise _CannotGrade(answer["failure"])
    except BaseException:
        examiner.close()  # who knows what is left of it
        raise
    _examiners[thread] = examiner
    if "problem" in answer:
        raise UserError(f"{job.lesson}: {answer['problem']}")
    try:
        return result_from(answer["result"])
    except UserError as error:
        raise _CannotGrade(f"the grader's answer is no result: {error}") from error


def _answer(examiner: _Examiner, job: Job) -> dict[str, Any]:
    """Let the lesson be prepared, with time of its own, and the submission be graded."""
    lesson = {
        "source": job.source,
        "parameters": job.parameters,
        "limits": dataclasses.asdict(job.limits),
        "unsandboxed": job.unsandboxed,
    }
    try:
        answer = examiner.ask(lesson, PREPARE_SECONDS)
    except _TooSlow as error:
        raise InstructorHangs(
            f"{job.lesson}: the instructor's notebook",
            found=f"it took longer than {PREPARE_SECONDS:,.0f} s",
            expected="a notebook that ends",
            todo="run it by itself: mnistkit run",
        ) from error
    if answer.get("ready"):  # what follows depends on the student, and gets no more time than is a student's
        notebook = {"cells": job.notebook.cells, "problem": job.notebook.problem}
        answer = examiner.ask({**lesson, "notebook": notebook}, MAX_RUNS * job.limits.seconds + CHECK_SECONDS)
    return answer


def end_examiners() -> None:
    """End the grading processes of this process that are at rest; those at work are other calls'."""
    while _examiners:
        _, examiner = _examiners.popitem()
        examiner.close()


def sandbox_problem() -> str:
    """Say why students' code can't be shut in on this machine; empty where it can."""
    try:
        Sandbox().start().close()
    except (SandboxError, SandboxFailure) as error:
        return str(error)
    return ""


def _environment() -> dict[str, str]:
    """Make the environment of a grading process.

    One thread for each library: as many of these processes work as there are cores, and the last digits of
    some figures depend on it.
    """
    folders = os.pathsep.join(str(folder.resolve()) for folder in search_folders())
    return {
        **os.environ,
        **threads.environment(1),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MPLBACKEND": "Agg",
        "MNISTKIT_DATA": folders,
        "MNISTKIT_CACHE": str(cache_root().resolve()),
    }
