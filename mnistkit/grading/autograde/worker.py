"""A process that grades one submission after the other; `mnistkit.grading.autograde.worker_pool` starts it.

Of its own because the instructor's notebook runs in it, which may load TensorFlow and gigabytes, and because
a check that hangs or crashes over a strange answer can then be ended without losing the batch.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import signal
import sys
import tempfile
import traceback
from typing import Any

from mnistkit.data.cache import cache_root
from mnistkit.data.loader import search_folders
from mnistkit.errors import UserError
from mnistkit.grading.autograde.checks import check_submission
from mnistkit.grading.autograde.reference_solution import ReferenceSolution, prepare
from mnistkit.grading.ledger import Result
from mnistkit.grading.sandbox.bwrap import Sandbox, SandboxLimits
from mnistkit.grading.sandbox.stdio import own_pipes
from mnistkit.grading.submission import SubmittedNotebook, parse_notebook

_PR_SET_PDEATHSIG = 1


class _Grader:
    """Grades; keeps what an instructor's notebook left for the next submission of the same assignment."""

    def __init__(self) -> None:
        self._prepared: tuple[object, ReferenceSolution] | None = None
        self._rehearsed: set[str] = set()

    def grade(self, request: dict[str, Any]) -> dict[str, Any]:
        """Give the result of a submission as plain data; without one, only get ready."""
        source = request["source"]
        state = self._state(source, request["parameters"])
        sandbox = Sandbox(
            SandboxLimits(**request["limits"]),
            data=search_folders(),
            cache=cache_root() if cache_root().is_dir() else None,
            unsandboxed=request["unsandboxed"],
        )
        if source not in self._rehearsed:
            _self_check(check_submission(state, parse_notebook(source.encode()), sandbox))
            self._rehearsed.add(source)
        if "notebook" not in request:
            return {"ready": True}
        notebook = SubmittedNotebook(None, request["notebook"]["cells"], request["notebook"]["problem"])
        return {"result": dataclasses.asdict(check_submission(state, notebook, sandbox))}

    def _state(self, source: str, parameters: dict[str, Any]) -> ReferenceSolution:
        wanted = (source, parameters)
        if self._prepared is None or self._prepared[0] != wanted:
            self._prepared = None  # before the next one needs memory
            self._prepared = (wanted, prepare(source, parameters))
        return self._prepared[1]


def _self_check(result: Result) -> None:
    """Check that the instructor's own notebook gets all points in the sandbox, before any student's is in it.

    Otherwise a whole class would lose points over data that can't be read there, or a limit that is too low.
    """
    failed = [mark for mark in result.marks if mark.points < mark.most and not mark.by_hand]
    lost = [f"{mark.grade_id}: {mark.reason}" for mark in failed]
    if lost:
        raise UserError(
            "the instructor's own solutions lose points in the sandbox",
            found="\n".join([*lost, *result.warnings]),
            expected="all points",
            todo="correct the check or the solution; or see that every account may read the data"
            " and the cache (chmod -R a+rX), and that --max-seconds and --max-memory are not"
            " too low",
        )


def _main() -> None:
    """Answer requests until there are no more."""
    requests, replies = own_pipes()
    # Who started this may be killed, and nobody waits for the answer then; the sandbox ends with this.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    grader = _Grader()
    with tempfile.TemporaryDirectory(prefix="mnistkit-") as folder:
        os.chdir(folder)  # where the instructor's notebook may write
        for line in requests:
            try:
                answer = grader.grade(json.loads(line))
            except UserError as error:
                answer = {"problem": str(error)}
            except Exception as error:
                traceback.print_exc()
                answer = {"failure": f"{type(error).__name__}: {error}"}
            replies.write(json.dumps(answer) + "\n")
            replies.flush()
        os.chdir("/")


if __name__ == "__main__":
    _main()
