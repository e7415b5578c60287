"""Students' processes without walls, which don't take seconds to import what the lessons import.

Each is forked from one process that has imported it. For tests of what answers are worth: the instructor's
answers need no walls, and what these hold has tests of its own.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mnistkit.grading.sandbox.bwrap import Ended, Sandbox, SandboxLimits

LARGE = (
    "mnistkit.grading.sandbox.child",
    "keras",  # imported, not started: what TensorFlow starts survives no fork
    "mnistkit.data",
    "mnistkit.clustering",
    "mnistkit.embedding",
    "mnistkit.evaluation",
    "mnistkit.training",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.manifold",
    "sklearn.mixture",
    "sklearn.model_selection",
    "sklearn.neighbors",
)
"""What takes long to import, and stands in lessons and in answers."""


@dataclass(frozen=True)
class WarmSandbox:
    """What `mnistkit.grading.autograde.checks.check_submission` needs of a sandbox."""

    parent: socket.socket
    cache: Path
    limits: SandboxLimits = field(default_factory=SandboxLimits)

    def start(self):
        environment = Sandbox(limits=self.limits, cache=self.cache, unsandboxed=True).environment()
        return _Session(self.parent, environment)


class _Session:
    spent_seconds, processes = 0.0, 1

    def __init__(self, parent, environment):
        self._line, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(parent, [json.dumps(environment).encode()], [theirs.fileno()])
        self._replies = self._line.makefile("r", encoding="utf-8")
        self.ask({"uid": os.getuid(), "limits": {}, "confined": False}, seconds=60)

    def ask(self, request, seconds):
        self._line.settimeout(seconds)
        with contextlib.suppress(OSError):
            self._line.sendall(json.dumps({**request, "number": ""}).encode() + b"\n")
            if answer := self._replies.readline():
                return json.loads(answer)
        raise Ended("it ended, or took too long")

    def close(self):
        self._replies.close()
        self._line.close()


@contextlib.contextmanager
def warm_sandbox(cache):
    """Give the sandbox, and start the process that its students are forked from."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, __file__, str(theirs.fileno())]
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=quiet)
    with process, ours:  # without its line it ends
        yield WarmSandbox(ours, cache)


def _fork_students(orders):
    for name in LARGE:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    while True:
        environment, descriptors, *_ = socket.recv_fds(orders, 1 << 16, 1)
        if not environment:
            return
        if not os.fork():
            _be_student(json.loads(environment), *descriptors)
        os.close(*descriptors)


def _be_student(environment, line):
    from mnistkit.grading.sandbox.child import serve

    os.environ.clear()
    os.environ.update(environment)
    for standard in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), standard)
    with contextlib.suppress(OSError):
        serve(os.fdopen(line, encoding="utf-8"), os.fdopen(os.dup(line), "w", encoding="utf-8"))
    os._exit(0)


if __name__ == "__main__":
    _fork_students(socket.socket(fileno=int(sys.argv[1])))
