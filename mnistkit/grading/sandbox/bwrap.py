"""A process for a student's code, shut in with bubblewrap: no network, few files, and limits.

What is in it: the system's libraries, Python, its packages, this package and the data, all read-only, and
two small folders in memory. What is not: the submission, the course, the gradebook, other students' work,
the grader's home, the list of accounts. The grader and the process talk through two pipes that the process
begins with, one JSON text a line: unlike a Jupyter kernel's sockets they need no folder that both can write
to, and no key; nobody else can reach them. (`mnistkit.grading.sandbox.child` is the other end.)

Limits stand twice: the kernel's own (memory, processor, file size, open files, processes), which the
process sets for itself before any code of the student runs, and a watch from outside over all its processes
together (number, memory, output, time). When the first process ends or is ended, so are all others: they
have a process table of their own.
"""

from __future__ import annotations

import contextlib
import errno
import json
import mmap
import os
import platform
import re
import secrets
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import mnistkit
from mnistkit.errors import UserError
from mnistkit.grading.sandbox.cgroups import make_group
from mnistkit.grading.sandbox.codec import NotSerializable, parse
from mnistkit.grading.sandbox.containers import way_out
from mnistkit.grading.sandbox.seccomp import unsupported
from mnistkit.utils import threads

HOME = "/student"
POLL_SECONDS = 0.2
START_SECONDS = 60.0
"""Time to start, far above what it takes: nothing of a student runs then."""
LEAST_BYTES = 100 << 20
"""Memory that the machine must have left."""
LOST_MOST = 10
"""So many times its limit of time a process may lose because of others before that is given up."""
LAST_BYTES = 2000
_FOLDERS = ("/tmp", HOME, "/dev/shm")
"""In memory, and all that can be written to."""
_SOCKET_BYTES, _PIPE_BYTES, _INODE_BYTES = 1 << 18, 1 << 16, 3 << 9
"""What each may hold: net.core.wmem_default, the usual size of a pipe, a file in memory with its name."""
_KILL_SECONDS = 5.0
_CHUNK = 1 << 16
_SCARCE = (errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EMFILE, errno.ENFILE)
"""What does not mean that there can be no sandbox on a machine."""
_UIDS = range(2**30, 2**31 - 2)
"""User numbers that nobody has: when root grades, each process gets one of its own."""


@dataclass(frozen=True)
class SandboxLimits:
    """What one student's process may take.

    Attributes
    ----------
    seconds : float
        Wall time of all calls and cells together, as for each of them without what it lost because of others.
    call_seconds : float
        Wall time of one call of a student's function.
    cell_seconds : float
        Wall time of one cell.
    cpu_seconds : int
        Processor time of one process.
    address_bytes : int
        Address space of one process; TensorFlow needs 4 GiB.
    memory_bytes : int
        Resident memory of all processes together.
    file_bytes : int
        Size of one file, and of each of the folders that can be written to (they are in memory).
    processes : int
        Processes and threads of the student.
    open_files : int
        Open files of one process.
    output_bytes : int
        What it may print.
    answer_bytes : int
        Size of one answer.
    """

    seconds: float = 300.0
    call_seconds: float = 20.0
    cell_seconds: float = 60.0
    cpu_seconds: int = 300
    address_bytes: int = 6 << 30
    memory_bytes: int = 2 << 30
    file_bytes: int = 64 << 20
    processes: int = 128
    open_files: int = 256
    output_bytes: int = 10_000_000
    answer_bytes: int = 16_000_000


class SandboxError(UserError):
    """A sandbox that can't be made on this machine."""


class SandboxFailure(Exception):  # noqa: N818 (not the student's fault, and perhaps nobody's)
    """A student's process ended, was late or did not begin, and its code is not the cause.

    The rule, here and nowhere else: **it is the code's doing** (`Ended`) what the code can bring about: its
    own exit, a crash, a limit that it has exceeded by its own work, time in which it computed or slept.
    **It is not** (this exception), whatever the code is:

    - it could not start: no memory, no process, a limit from outside (``ulimit -v``);
    - it, or bubblewrap around it, was killed by SIGKILL, which its code can't send in the sandbox, nor an
      exit status that looks like it (`mnistkit.grading.sandbox.seccomp`): the system was out of
      memory, or a person did it. bubblewrap itself can't be reached from within by any signal;
    - the machine has next to no memory left, while the process keeps within its limits;
    - it was late because it was stopped, or waited for a processor that others had: such time is not
      counted; where it gets too long, nothing is known about the code.

    It says nothing about an answer: no points, not even 0, may come of it; the submission is tried again.
    The message is one line.
    """


class Ended(Exception):  # noqa: N818 (what happened to the student's process is no fault of this program)
    """The student's process is no more by its code's own doing: the message says why."""


class Strayed(Ended):
    """The process answered what it was not asked: something that was started earlier still talks."""


@dataclass(frozen=True)
class Sandbox:
    """How to start students' processes.

    Parameters
    ----------
    limits : SandboxLimits
        What each may take.
    data : sequence of pathlib.Path
        Folders with data, in the order of ``MNISTKIT_DATA``; they can be read at the same paths.
    cache : pathlib.Path, optional
        The kit's cache, which can be read as well.
    unsandboxed : bool
        Start plain processes, with the limits but nothing hidden: for submissions of people whom one trusts.
    """

    limits: SandboxLimits = field(default_factory=SandboxLimits)
    data: Sequence[Path] = ()
    cache: Path | None = None
    unsandboxed: bool = False

    def start(self) -> Session:
        """Start a process.

        Returns
        -------
        Session
            To be closed, or used in a ``with`` statement.

        Raises
        ------
        SandboxError
            If this machine can't make a sandbox.
        SandboxFailure
            If it can, but the process did not start now.
        """
        return Session(self)

    def environment(self) -> dict[str, str]:
        """Give the environment of the process: nothing of the grader's own is in it."""
        values = {
            "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
            "HOME": HOME,
            "LANG": "C.UTF-8",
            "TMPDIR": "/tmp",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": f"{HOME}/.matplotlib",
            "IPYTHONDIR": f"{HOME}/.ipython",
            "KERAS_HOME": f"{HOME}/.keras",
            "HDF5_USE_FILE_LOCKING": "FALSE",  # no locks in the sandbox
            "PYTHONDONTWRITEBYTECODE": "1",
            "MNISTKIT_OFFLINE": "1",
            "MNISTKIT_DATA": os.pathsep.join(str(path.resolve()) for path in self.data),
            "MNISTKIT_CACHE": str(self.cache.resolve()) if self.cache else f"{HOME}/.cache",
        }
        values |= threads.environment(1)
        home = _package_home()
        if not _within(home, Path(sys.prefix)):  # an editable installation, or none
            values["PYTHONPATH"] = str(home)
        return values

    def command(self, passwd: int) -> list[str]:
        """Give the command line of the process.

        Parameters
        ----------
        passwd : int
            File descriptor to read the list of accounts from.

        Raises
        ------
        SandboxError
            If there is no bubblewrap, or the machine is of a kind that is not known.
        """
        python = [sys.executable, "-m", "mnistkit.grading.sandbox.child"]
        if self.unsandboxed:
            return python
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise SandboxError(
                "bwrap",
                found="bubblewrap is not installed: students' code can't be shut in",
                expected="the command bwrap",
                todo="apt-get install bubblewrap (or dnf, pacman …); or, only for submissions of"
                " people whom you trust with your files, --unsandboxed",
            )
        if problem := unsupported():
            raise SandboxError(
                "the sandbox",
                found=f"{problem}: students' code can't be shut in",
                expected="Linux on x86_64 or aarch64",
                todo="grade on such a machine; or, only for submissions of people whom you trust with"
                " your files, --unsandboxed",
            )
        given = [*self.data, *([self.cache] if self.cache else [])]
        return [bwrap, *_isolation(), *_files(passwd, self.limits.file_bytes, given), "--", *python]


def check_system() -> None:
    """Refuse a system on which students' code can't be run, in a sandbox or without one.

    Raises
    ------
    UserError
        On Windows: a process there has no limits, and no pipes of the kind that a session needs.
    """
    if platform.system() == "Windows":
        raise UserError(
            "exercises and their checks",
            found="Windows: they can't be run here, in a sandbox or without one (--unsandboxed)",
            expected="Linux",
            todo="release, check, grade and grade-file on Linux: on another machine, in a virtual machine, or"
            " in WSL 2, which was not tried; all other commands of assignments need no Linux",
        )


def _package_home() -> Path:
    return Path(mnistkit.__file__).resolve().parents[1]


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _isolation() -> list[str]:
    """Shut off everything but files.

    Root needs no user namespace, and in one it could not become somebody else. It must: the limit on
    processes does not hold for root. `child` does so first thing; a changed user has no capabilities.
    """
    names = ("ipc", "pid", "net", "uts", "cgroup-try", *(() if os.getuid() == 0 else ("user",)))
    flags = [f"--unshare-{name}" for name in names]
    flags += [
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--hostname",
        "student",
        "--cap-drop",
        "ALL",
    ]
    if os.getuid() == 0:
        flags += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return flags


def _files(passwd: int, size: int, given: Sequence[Path]) -> list[str]:
    """Say what can be read, and where something can be written (in memory, of limited size)."""
    arguments = _folders("/etc", "/usr", "/usr/share")
    for path in _system():
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            arguments += ["--ro-bind", str(path), str(path)]
    arguments += ["--perms", "0444", "--file", str(passwd), "/etc/passwd"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    arguments += ["--dev-bind", "/dev/null", "/dev/zero"]  # mapped, it is memory that counts for nobody
    for folder in _FOLDERS:
        arguments += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    for path in (*_python(), *(path.resolve() for path in given)):
        arguments += [*_folders(*map(str, list(path.parents)[-2::-1])), "--ro-bind", str(path), str(path)]
    # bubblewrap makes /dev and / without a limit on what they hold; in /proc its own memory could be written.
    for folder in ("/proc", "/dev", "/"):
        arguments += ["--remount-ro", folder]
    return [*arguments, "--chdir", HOME]


def _folders(*paths: str) -> list[str]:
    """Make empty folders that everybody may enter: bubblewrap itself makes them for root alone."""
    return [part for path in paths for part in ("--perms", "0755", "--dir", path)]


def _system() -> list[Path]:
    """List what programs need of the system; not /usr/local, where nbgrader keeps its exchange."""
    usr = [Path("/usr") / name for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec")]
    shared = [Path("/usr/share") / name for name in ("fonts", "fontconfig", "zoneinfo")]
    top = [Path("/") / name for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32")]
    names = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "localtime", "alternatives")
    return [*usr, *shared, *top, *(Path("/etc") / name for name in names)]


def _python() -> list[Path]:
    """Find Python, its packages and this package."""
    found = [_package_home() / "mnistkit"]
    for prefix in {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()}:
        if prefix != Path("/usr"):
            found += [prefix / name for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    return [path for path in found if path.exists() and not path.is_symlink()]


class Session:
    """A student's process at work.

    Parameters
    ----------
    sandbox : Sandbox
        How to start it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.limits = sandbox.limits
        self._sandboxed = not sandbox.unsandboxed
        self._reason = ""
        self._printed = 0
        self._last_words = b""
        self._buffer = bytearray()
        self._closed = threading.Event()
        self._failed = False
        self.spent_seconds = 0.0
        """What requests have taken so far, without what was lost because of others."""
        self._lost = _LostTime()
        self._main: psutil.Process | None = None  # which runs the code
        uid = secrets.choice(_UIDS) if os.getuid() == 0 and not sandbox.unsandboxed else os.getuid()
        self._process = _launch(sandbox, uid)
        self._group = None if sandbox.unsandboxed else make_group(*_group_limits(sandbox.limits))
        if self._group:
            self._group.add(self._process.pid)
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._requests, self._replies = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._requests, False)
        self._threads: list[threading.Thread] = []
        try:
            answer = self._begin(_settings(sandbox, uid))
            if "failure" in answer:
                raise SandboxFailure(answer["failure"])
        except (
            Ended,
            NotSerializable,
            SandboxFailure,
            RuntimeError,
        ) as error:  # RuntimeError: no more threads
            self.close()
            words = self._last_words.decode(errors="replace").strip()
            if words.startswith("bwrap: ") and not words.endswith(tuple(map(os.strerror, _SCARCE))):
                found = f"the sandbox did not start: {words}"
                raise SandboxError("bwrap", found=found, todo=way_out(words)) from error
            raise SandboxFailure(_one_line(f"the sandbox did not start: {error} {words}")) from error
        if "unsuitable" in answer:
            self.close()
            raise SandboxError("the sandbox", found=answer["unsuitable"])

    def _begin(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Start to watch the process, and let it take on its limits; nothing of a student is in it yet."""
        for work in (self._drain, self._watch):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)
        answer = self.ask(settings, START_SECONDS)
        self.spent_seconds = 0.0
        family = self._family()
        self._main = family[-1] if family else None
        if self._group:
            for process in family:  # some began before the first one was in it
                self._group.add(process.pid)
        return answer

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Parameters
        ----------
        request : mapping
            What `json.dumps` can write.
        seconds : float
            How long it may take.

        Returns
        -------
        dict
            Whatever the process has written: it may be a lie, and anything in it may be of any type.

        Raises
        ------
        Ended
            If the process has ended by its code's doing, or was ended because of this request.
        Strayed
            If it was ended because it answered something else: this request may be sent to another process.
        SandboxFailure
            If it has ended, or was late, for another reason.
        NotSerializable
            If the answer is not a message.
        """
        left = max(0.0, self.limits.seconds - self.spent_seconds)
        clock = _Clock(min(seconds, left), self._lost)
        number = secrets.token_hex(8)  # which no answer that was written in advance can have
        try:
            self._send(json.dumps({**request, "number": number}).encode() + b"\n", clock)
            answer = parse(self._receive(clock))
            if answer.pop("number", None) == number:
                return answer
            self._kill("it answered what it was not asked")
            raise Strayed(self._reason)
        except TimeoutError:
            if clock.exhausted:
                self._fail(f"it waited for a processor, or was stopped, for {clock.lost:,.0f} s")
            elif left < seconds:
                self._kill(f"it took longer than {self.limits.seconds:,.0f} s in all")
            else:
                self._kill(f"it took longer than {seconds:,.0f} s")
        except OSError:  # the pipe is closed
            pass
        finally:
            self.spent_seconds += clock.spent
        reason = self._why()
        raise SandboxFailure(reason) if self._failed else Ended(reason)

    def _send(self, data: bytes, clock: _Clock) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._requests, select.POLLOUT, clock)
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(self._requests, view[: 1 << 20]) :]

    def _receive(self, clock: _Clock) -> bytes:
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > self.limits.answer_bytes:
                self._kill(f"its answer was larger than {self.limits.answer_bytes / 1e6:,.0f} MB")
                raise BrokenPipeError
            self._wait(self._replies, select.POLLIN, clock)
            chunk = os.read(self._replies, _CHUNK)
            if not chunk:
                raise BrokenPipeError
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _wait(self, descriptor: int, event: int, clock: _Clock) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        while not poll.poll(max(0.0, clock.left) * 1000):  # at least once: this process may have been stopped
            if clock.left <= 0:
                raise TimeoutError

    def _why(self) -> str:
        """Say why the process has ended, and note whether that is the code's doing (`SandboxFailure`)."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.poll()
        if code is None:
            self._kill("it closed its connection to the grader")
        elif not self._reason:
            self._reason = self._ended_with(code)
        return self._reason

    def _ended_with(self, code: int) -> str:
        """Say what an exit status means: bubblewrap passes on a signal as 128 and its number."""
        killed = -code if code < 0 else max(0, code - 128)
        if self._group and self._group.exceeded:
            return self._too_much()
        if killed == signal.SIGKILL or (code < 0 and self._sandboxed):
            self._failed = True
            return f"it was killed from outside by signal {killed}: was the system out of memory?"
        if killed == signal.SIGXCPU:
            return f"it took more than {self.limits.cpu_seconds:,} s of processor time"
        if killed:
            return f"it crashed (signal {killed})"
        return f"it ended its own process (exit status {code})"

    def _drain(self) -> None:
        """Read what the process prints, and end it when that is too much."""
        assert self._process.stderr
        buffer = bytearray(_CHUNK)  # once: this process may be at its own limit of memory for a while
        while size := os.readv(self._process.stderr.fileno(), [buffer]):
            self._printed += size
            with contextlib.suppress(MemoryError):
                self._last_words = (self._last_words + buffer[:size])[-LAST_BYTES:]
            if self._printed > self.limits.output_bytes:
                self._kill(f"it printed more than {self.limits.output_bytes / 1e6:,.0f} MB")

    def _watch(self) -> None:
        """End the process when all its processes together take too much, or when nobody can see that."""
        while not self._closed.wait(POLL_SECONDS):
            try:
                self._look()
            except MemoryError:  # a check's (`limited`), which ends soon
                continue
            except Exception as error:
                self._fail(f"nobody could see any longer what it takes ({error!r})")

    def _look(self) -> None:
        most = self.limits
        family = self._family()
        self._lost.look(family, self._main, self._group.processor_seconds if self._group else 0.0)
        if len(family) > most.processes:
            self._kill(f"it started more than {most.processes} processes")
        exceeded = self._group is not None and self._group.exceeded
        if exceeded or _memory_bytes(family, most.file_bytes) > most.memory_bytes:
            self._kill(self._too_much())
        elif psutil.virtual_memory().available < LEAST_BYTES:
            self._fail("the machine had next to no memory left")

    def _too_much(self) -> str:
        return f"it used more than {self.limits.memory_bytes / 1e6:,.0f} MB of memory"

    def _family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self._process.pid)
            return [*([] if self._sandboxed else [process]), *process.children(recursive=True)]
        except psutil.Error:
            return []

    @property
    def processes(self) -> int:
        """How many processes there are, the first one and all that it has started."""
        return len(self._family())

    def _fail(self, reason: str) -> None:
        """End the process for something that its code has not done."""
        self._failed = self._failed or not self._reason
        self._kill(reason)

    def _kill(self, reason: str) -> None:
        """End the process and everything it has started."""
        self._reason = self._reason or reason
        family = self._family()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        end = time.monotonic() + _KILL_SECONDS
        while any(map(_runs, family)) and time.monotonic() < end:
            time.sleep(0.01)

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._closed.set()
        self._kill("the grader ended it")
        self._process.wait()
        for thread in self._threads:
            thread.join(5)
        if self._group:
            self._group.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _launch(sandbox: Sandbox, uid: int) -> subprocess.Popen[bytes]:
    environment = sandbox.environment()
    passwd = _to_read(f"student:x:{uid}:{uid}::{HOME}:/bin/sh\n".encode())
    try:
        command = sandbox.command(passwd)
        if not sandbox.unsandboxed:
            at = command.index("--")
            command[at:at] = [part for pair in environment.items() for part in ("--setenv", *pair)]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=[passwd],
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxFailure(_one_line(f"the sandbox did not start: {error}")) from error
    finally:
        os.close(passwd)


def _to_read(content: bytes) -> int:
    """Give a file descriptor from which a short text can be read."""
    try:
        read, write = os.pipe()
    except OSError as error:
        raise SandboxFailure(_one_line(f"the sandbox did not start: {error}")) from error
    os.write(write, content)
    os.close(write)
    return read


def _group_limits(limits: SandboxLimits) -> tuple[int, int]:
    """Give the memory and the processes of a control group: what is watched, full folders and bubblewrap."""
    return limits.memory_bytes + len(_FOLDERS) * limits.file_bytes, limits.processes + 8


def _settings(sandbox: Sandbox, uid: int) -> dict[str, Any]:
    """Tell the process its limits, and whom to become."""
    limits = sandbox.limits
    return {
        "uid": uid,
        "confined": not sandbox.unsandboxed,
        "limits": {
            "RLIMIT_AS": limits.address_bytes,
            "RLIMIT_DATA": limits.address_bytes,
            "RLIMIT_CPU": limits.cpu_seconds,
            "RLIMIT_FSIZE": limits.file_bytes,
            "RLIMIT_NOFILE": limits.open_files,
            "RLIMIT_CORE": 0,
        }
        | ({} if sandbox.unsandboxed else {"RLIMIT_NPROC": limits.processes}),
    }


class _LostTime:
    """How long a student's processes could not go on because of others: what is nobody's time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._at = time.monotonic()
        self._spent = 0.0
        self._waited: dict[str, float] = {}

    def look(
        self, family: Sequence[psutil.Process], main: psutil.Process | None, group_seconds: float = 0.0
    ) -> None:
        """Add what was lost since the last look, all threads of all processes together.

        Time counts as lost only as far as the processes together did not compute: who waits for a processor
        that its own other processes have has lost nothing. A process can't stop itself, but what it has
        started (on a terminal of its own), so that only its own stop counts.

        Parameters
        ----------
        family : sequence of psutil.Process
            All processes.
        main : psutil.Process, optional
            Which of them runs the code.
        group_seconds : float
            Processor time of all that ever were in the control group; 0 where there is none.
        """
        now, waited = time.monotonic(), dict[str, float]()
        for process in family:
            waited |= _waited_seconds(process)
        spent = max(group_seconds, sum(map(_processor_seconds, family)))
        passed = now - self._at
        computed = max(0.0, spent - self._spent)
        lost = sum(max(0.0, seconds - self._waited.get(task, 0.0)) for task, seconds in waited.items())
        if main is not None and _stopped(main):
            lost = passed
        self.seconds += min(lost, max(0.0, passed - computed))
        self._at, self._spent, self._waited = now, spent, waited


class _Clock:
    """Time that a student's process has; what it loses because of others is added, up to a limit.

    Parameters
    ----------
    seconds : float
        How long it may take.
    lost : _LostTime
        What the process has lost.
    """

    def __init__(self, seconds: float, lost: _LostTime) -> None:
        self._lost, self._before, self._most = lost, lost.seconds, LOST_MOST * max(1.0, seconds)
        self._begin = time.monotonic()
        self._end = self._begin + seconds

    @property
    def lost(self) -> float:
        """Seconds that it has lost."""
        return self._lost.seconds - self._before

    @property
    def exhausted(self) -> bool:
        """Whether more was lost than is added."""
        return self.lost >= self._most

    @property
    def spent(self) -> float:
        """Seconds that it has taken and not lost."""
        return max(0.0, time.monotonic() - self._begin - self.lost)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._end + min(self.lost, self._most) - time.monotonic()


def _processor_seconds(process: psutil.Process) -> float:
    """Give the processor time of a process and of those that it has waited for."""
    try:
        return sum(process.cpu_times()[:4])
    except psutil.Error:
        return 0.0


def _waited_seconds(process: psutil.Process) -> dict[str, float]:
    """Give the time that each thread was ready and had no processor (Linux' sched-stats.rst)."""
    waited = {}
    with contextlib.suppress(OSError):  # the process has ended
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            with contextlib.suppress(OSError, IndexError):  # the thread has; or this kernel doesn't count
                waited[task.name] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return waited


def _stopped(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LAST_BYTES]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _memory_bytes(family: Sequence[psutil.Process], folder_bytes: int) -> int:
    """Give the memory that processes hold together, also what the system counts for none of them."""
    held: set[str] = set()
    for process in family:
        held |= _buffers(process)
    alone = sum(map(_own_bytes, family))
    shared = sum(_SOCKET_BYTES if name.startswith("socket") else _PIPE_BYTES for name in held)
    return alone + shared + max((_inode_bytes(process, folder_bytes) for process in family), default=0)


def _own_bytes(process: psutil.Process) -> int:
    """Give the memory that a process has for itself, its tables, and what it holds in shared memory."""
    try:
        text = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    return 1024 * sum(int(kb) for kb in re.findall(r"(?:RssAnon|RssShmem|VmSwap|VmPTE):\s+(\d+) kB", text))


def _buffers(process: psutil.Process) -> set[str]:
    """Name the pipes and sockets that a process has open: what is written into them is in memory."""
    names = set()
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                names.add(str(path.readlink()))
    return {name for name in names if name.startswith(("pipe:", "socket:"))}


def _inode_bytes(process: psutil.Process, folder_bytes: int) -> int:
    """Give the memory of the files in memory, beside their content."""
    count = 0
    for folder in _FOLDERS:
        with contextlib.suppress(OSError):
            system = os.statvfs(f"/proc/{process.pid}/root{folder}")
            if system.f_blocks * system.f_frsize <= folder_bytes + mmap.PAGESIZE:  # not the machine's own
                count += system.f_files - system.f_ffree
    return count * _INODE_BYTES
