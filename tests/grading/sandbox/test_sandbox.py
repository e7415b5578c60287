"""The sandbox with real processes: what a student's code can reach, and how it ends."""

import dataclasses
import errno
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sandbox_helpers import LIMITS, make_sandbox

import mnistkit
from mnistkit.grading.sandbox import bwrap as module
from mnistkit.grading.sandbox.bwrap import Ended, Sandbox, SandboxError, SandboxFailure
from mnistkit.grading.sandbox.codec import NotSerializable, decode

HOME = Path(mnistkit.__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def sandbox():
    return make_sandbox()


@pytest.fixture
def session(sandbox):
    with sandbox.start() as session:
        yield session


def run(session, source, seconds=10):
    return session.ask({"do": "run", "source": source}, seconds)


def value(session, expression):
    """Evaluate an expression in the student's process; an exception is its type's name."""
    answer = run(session, f"it = {expression}")
    return answer["error"] if answer else decode(session.ask({"do": "get", "name": "it"}, 5)["value"])


@pytest.mark.slow
def test_it_runs_cells_and_calls_functions(session):
    assert run(session, "def f(x, *, y=1):\n    return x + y") == {}
    assert session.ask({"do": "call", "name": "f", "args": [2, 3], "kwargs": ["y"]}, 5)["value"] == 5
    assert run(session, "%%time\n1 / 0") in (
        {},
        {"error": "ZeroDivisionError", "message": "division by zero"},
    )
    assert run(session, "raise SystemExit")["error"] == "SystemExit"
    assert session._process.poll() is None


@pytest.mark.slow
def test_numpy_and_this_package_can_be_used(session):
    assert run(session, "import numpy as np\nfrom mnistkit import clustering") == {}
    assert value(session, "clustering.purity([0, 1], [1, 0])") == 1
    assert value(session, "np.arange(2.0)").tolist() == [0, 1]


def test_the_file_system_has_only_what_is_needed(session, tmp_path):
    (tmp_path / "gradebook.db").write_text("secret")
    hidden = [
        tmp_path / "gradebook.db",
        HOME / "tests",
        HOME / "notebooks",
        HOME / ".git",
        HOME / "pyproject.toml",
    ]
    hidden += [
        Path(path)
        for path in (
            "/etc/shadow",
            "/etc/hostname",
            "/etc/group",
            "/var",
            "/usr/local",
            "/srv",
            "/mnt",
            "/sys",
        )
    ]
    hidden += [Path.home() / ".ssh", Path.home() / ".bashrc"]
    for path in hidden:
        assert value(session, f"__import__('os').path.lexists({str(path)!r})") is False, path
    assert value(session, "open('/etc/passwd').read().count(chr(10))") == 1
    assert value(session, "'root' in open('/etc/passwd').read()") is False
    # Of this project its package, and the environment where that is below it.
    assert set(value(session, f"__import__('os').listdir({str(HOME)!r})")) <= {"mnistkit", ".venv"}
    assert value(session, "__import__('os').path.lexists('/home')") is False


@pytest.mark.slow
def test_the_data_and_the_cache_can_be_read_and_nothing_else_beside_them(tmp_path):
    for name in ("data", "cache", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with make_sandbox(data=[tmp_path / "data"], cache=tmp_path / "cache").start() as session:
        assert value(session, f"sorted(__import__('os').listdir({str(tmp_path)!r}))") == ["cache", "data"]
        os.utime(tmp_path / "data" / "file", (0, 0))
        assert value(session, f"open({str(tmp_path / 'data' / 'file')!r}).read()") == "data"
        assert (tmp_path / "data" / "file").stat().st_atime == 0, "others could see that it was read"
        assert value(session, "__import__('os').environ['MNISTKIT_DATA']") == str(tmp_path / "data")
        assert value(session, f"open({str(tmp_path / 'data' / 'new')!r}, 'w')") in (
            "OSError",
            "PermissionError",
        )
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["file"]


def test_nothing_of_the_graders_environment_is_there(monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "key")
    with make_sandbox().start() as session:
        assert value(session, "'key' in str(dict(__import__('os').environ))") is False
        assert value(session, "len(__import__('os').listdir('/proc/self/fd'))") <= 12


def test_the_network_is_shut_off(session):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        answer = run(session, f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=2)")
        assert answer["error"] == "PermissionError"
        listener.settimeout(0.2)
        listener.accept()[0].close()  # the test's own
        with pytest.raises(TimeoutError):
            listener.accept()
    names = value(session, "[line.split(':')[0].strip() for line in open('/proc/net/dev')][2:]")
    assert names == ["lo"]


@pytest.mark.slow
def test_nothing_can_be_written_but_in_memory_and_only_a_little(session):
    for folder in (
        "/",
        "/dev",
        "/etc",
        "/usr/lib",
        "/home",
        str(HOME / "mnistkit"),
        sys.prefix,
        "/proc/sys/kernel",
    ):
        assert value(session, f"open({folder + '/new'!r}, 'w')") in (
            "OSError",
            "PermissionError",
            "FileNotFoundError",
        ), folder
    fill = "for i in range(100):\n    with open(f'{FOLDER}/{i}', 'wb') as file:\n        file.write(bytes(1 << 20))"
    for folder in ("/tmp", "/student", "/dev/shm"):
        assert run(session, f"FOLDER = {folder!r}\n{fill}")["error"] == "OSError"
        assert (
            value(
                session, f"sum(e.stat().st_size for e in __import__('os').scandir({folder!r}) if e.is_file())"
            )
            <= LIMITS.file_bytes
        )


def test_one_file_is_limited_too(session):
    assert run(session, "with open('/tmp/a', 'wb') as f:\n    f.truncate(1 << 40)").get("error") == "OSError"


def test_there_are_no_privileges(session):
    assert value(session, "__import__('os').getuid()") != 0 or os.getuid() != 0
    status = value(session, "open('/proc/self/status').read()")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"
    assert value(session, "__import__('os').setuid(0)") in ("PermissionError", "OSError")
    assert (
        value(
            session,
            "__import__('subprocess').run(['mount', '-t', 'tmpfs', 'x', '/tmp'], capture_output=True).returncode",
        )
        != 0
    )
    assert value(session, "len([p for p in __import__('os').listdir('/proc') if p.isdigit()])") <= 3


@pytest.mark.slow
def test_an_endless_loop_is_ended_at_the_time_limit(sandbox):
    with sandbox.start() as session:
        start = time.monotonic()
        with pytest.raises(Ended, match="longer than 1 s"):
            run(session, "while True: pass", seconds=1)
        assert time.monotonic() - start - session._lost.seconds < 5
        assert session._process.poll() is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nos._exit(3)", "ended its own process"),
        ("import os\nos.closerange(0, 50)", "ended its own|closed its connection|signal"),
        ("import ctypes\nctypes.string_at(0)", "signal 11"),
        ("while True: print('x' * 10_000)", "printed more than 1 MB"),
        ("import os\nwhile True: os.write(2, bytes(10_000))", "printed more than 1 MB"),
        ("import time\nkept = []\nwhile True:\n    kept.append(b'x' * 5_000_000)", "MB of memory|printed"),
        (
            "import os, time\nfor _ in range(20):\n    if not os.fork():\n        kept = b'x' * 50_000_000\n"
            "        time.sleep(60)\ntime.sleep(60)",
            "MB of memory",
        ),
    ],
)  # fmt: skip
def test_what_goes_too_far_is_ended_and_the_reason_is_told(sandbox, source, reason):
    with sandbox.start() as session, pytest.raises(Ended, match=reason):
        run(session, source)


def main_process(session):
    """Find the process that runs the student's code, as the grader's system sees it."""
    return max(session._family(), key=lambda process: process.pid)


@pytest.mark.parametrize("who", ["the code's process", "bubblewrap"])
def test_who_is_killed_from_outside_has_not_done_it(sandbox, who):
    with sandbox.start() as session:
        victim = (
            main_process(session) if who == "the code's process" else psutil.Process(session._process.pid)
        )
        threading.Timer(0.3, victim.kill).start()
        with pytest.raises(SandboxFailure, match="killed from outside by signal 9") as failed:
            run(session, "while True: pass")
        again = pickle.loads(pickle.dumps(failed.value))
        assert isinstance(again, SandboxFailure) and str(again) == str(failed.value)


def test_a_shutdown_is_not_the_codes_doing(session):
    main_process(session).terminate()
    assert value(session, "1 + 1") == 2
    source = "import multiprocessing, time\nchild = multiprocessing.Process(target=time.sleep, args=(60,))\n"
    assert run(session, f"{source}child.start()\nchild.terminate()\nchild.join()") == {}
    assert value(session, "child.exitcode") == -signal.SIGTERM


@pytest.mark.parametrize(
    "look",
    [
        module._waited_seconds,
        module._processor_seconds,
        module._stopped,
        module._runs,
        module._own_bytes,
        module._buffers,
        lambda process: module._inode_bytes(process, 0),
    ],
)
def test_a_process_that_ends_while_it_is_looked_at_takes_nothing(look):
    child = psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    child.communicate()
    assert not look(process)


def test_who_can_no_longer_be_watched_is_ended_and_has_not_done_it(session, monkeypatch):
    monkeypatch.setattr(module, "_memory_bytes", lambda family, most: 1 / 0)
    with pytest.raises(SandboxFailure, match=r"nobody could see any longer .*division by zero"):
        run(session, "while True: pass", seconds=30)


@pytest.mark.slow
def test_who_is_stopped_from_outside_was_not_slow(sandbox, monkeypatch):
    monkeypatch.setattr(module, "LOST_MOST", 1)
    with sandbox.start() as session:
        main_process(session).suspend()
        with pytest.raises(SandboxFailure, match="stopped"):
            run(session, "1", seconds=1)
    with sandbox.start() as session:
        victim = main_process(session)
        victim.suspend()
        threading.Timer(1.5, victim.resume).start()
        assert run(session, "1", seconds=1) == {}


@pytest.mark.parametrize(
    ("waits", "computes", "lost"), [(4, 0.5, 0.5), (4, 2, 0), (0, 0, 0), (0.3, 0.1, 0.3)]
)
def test_time_is_lost_only_where_a_processor_was_wanted_and_others_had_it(monkeypatch, waits, computes, lost):
    at = {"clock": 0.0, "waited": 0.0, "spent": 0.0}
    monkeypatch.setattr(module.time, "monotonic", lambda: at["clock"])
    monkeypatch.setattr(module, "_waited_seconds", lambda process: {process: at["waited"]})
    monkeypatch.setattr(module, "_processor_seconds", lambda process: at["spent"])
    monkeypatch.setattr(module, "_stopped", lambda process: False)
    time_lost = module._LostTime()
    time_lost.look(["a process"], None)
    at.update(clock=1.0, waited=waits, spent=computes)
    time_lost.look(["a process"], None)
    assert time_lost.seconds == pytest.approx(lost)
    at.update(clock=2.0, waited=2 * waits, spent=2 * computes)
    time_lost.look(["a process"], None, group_seconds=9.0)  # of processes that have ended unseen
    assert time_lost.seconds == pytest.approx(lost)


STOPPED_CHILD = """
import os, pty, time
pid, terminal = pty.fork()
if pid == 0:
    if os.fork() == 0:
        os.setpgid(0, 0)
        os.read(0, 1)  # in the background: it is stopped
    time.sleep(60)
while True:
    pass
"""


@pytest.mark.slow
def test_who_stops_what_it_has_started_has_lost_nothing(sandbox):
    with sandbox.start() as session, ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, session, STOPPED_CHILD, seconds=2)
        while not any(map(module._stopped, session._family())):
            assert not running.done()
            time.sleep(0.01)
        assert str(running.exception()) == "it took longer than 2 s"


def test_what_cannot_start_now_says_nothing_about_the_code(sandbox, monkeypatch):
    def no_memory(*args, **kwargs):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patch, pytest.raises(SandboxFailure, match="Cannot allocate memory"):
        patch.setattr(module.subprocess, "Popen", no_memory)
        sandbox.start()
    small = dataclasses.replace(LIMITS, address_bytes=30 << 20)
    with pytest.raises(SandboxFailure, match="did not start"):
        dataclasses.replace(sandbox, limits=small).start()


def test_one_allocation_that_is_too_large_is_an_error_of_the_student(session):
    assert run(session, "x = bytearray(50 << 30)")["error"] == "MemoryError"
    assert session._process.poll() is None


def sandboxed():
    """Find the sandboxes of this process that still run."""
    return [child for child in psutil.Process().children(recursive=True) if child.name() == "bwrap"]


FORK_BOMB = (
    "import os, time\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)"
)


@pytest.mark.slow
def test_a_fork_bomb_hits_the_limit_and_leaves_nothing(sandbox):
    with sandbox.start() as session, pytest.raises((Ended, NotSerializable)):
        run(session, FORK_BOMB, seconds=2)
        run(session, "pass", seconds=2)
    assert not sandboxed()


@pytest.mark.slow
def test_without_the_systems_limit_the_watch_ends_a_fork_bomb(monkeypatch):
    settings = module._settings

    def lenient(*args):
        given = settings(*args)
        del given["limits"]["RLIMIT_NPROC"]
        return given

    monkeypatch.setattr(module, "_settings", lenient)
    slow_bomb = "import os, time\nwhile True:\n    os.fork()\n    time.sleep(0.1)"
    with make_sandbox().start() as session, pytest.raises(Ended, match=r"40 processes|MB of memory"):
        run(session, slow_bomb, seconds=5)
    assert not sandboxed()


@pytest.mark.slow
def test_without_the_watch_the_systems_limit_holds_a_fork_bomb(monkeypatch):
    monkeypatch.setattr(module.Session, "_watch", lambda self: None)
    with make_sandbox().start() as session:
        source = "import os, time\npids = []\ntry:\n    while len(pids) < 200:\n        pid = os.fork()\n        if not pid:\n            time.sleep(60)\n        pids.append(pid)\nexcept OSError as error:\n    print(error)"
        assert run(session, source) == {}
        assert 10 < value(session, "len(pids)") < LIMITS.processes


def test_nothing_survives_the_end(sandbox):
    with sandbox.start() as session:
        run(
            session,
            "from subprocess import PIPE, Popen\nkept = []\nfor _ in range(3):\n"
            "    waits = ['sh', '-c', 'echo; read line']\n"
            "    kept.append(Popen(waits, stdin=PIPE, stdout=PIPE, start_new_session=True))\n"
            "    kept[-1].stdout.read(1)",
        )
        begun = [process for process in session._family() if process.name() == "sh"]
        assert len(begun) == 3
    assert not any(map(module._runs, begun))


@pytest.mark.slow
def test_the_whole_time_is_limited(sandbox):
    limits = dataclasses.replace(LIMITS, seconds=2)
    quick = dataclasses.replace(sandbox, limits=limits)
    with quick.start() as session, pytest.raises(Ended, match="longer than 2 s in all"):
        for _ in range(10):
            run(session, "import time\ntime.sleep(0.5)")


def test_an_answer_is_limited(session):
    run(session, "it = 'x' * 5_000_000")
    with pytest.raises(Ended, match="larger than 1 MB"):
        session.ask({"do": "get", "name": "it"}, 5)


@pytest.mark.slow
def test_a_process_that_does_not_read_is_ended_too(session):
    run(session, "import os, time, threading")
    with pytest.raises((Ended, NotSerializable)):
        session.ask({"do": "run", "source": "time.sleep(60)", "more": "x" * 5_000_000}, 1)
        session.ask({"do": "run", "source": "1"}, 1)


def test_junk_on_the_line_is_no_answer(session):
    with pytest.raises((NotSerializable, Ended)):
        run(
            session,
            "import os\nfor fd in range(3, 30):\n    try:\n        os.write(fd, b'nonsense\\n')\n    except OSError:\n        pass",
        )


def test_without_bubblewrap_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match=r"(?s)apt-get install bubblewrap.*--unsandboxed"):
        Sandbox().start()


@pytest.mark.slow
def test_unsandboxed_works_where_there_is_no_bubblewrap(monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with Sandbox(limits=LIMITS, unsandboxed=True).start() as session:
        assert value(session, "1 + 1") == 2
        with pytest.raises(Ended, match="longer than 1 s"):
            run(session, "while True: pass", seconds=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "os.write(os.memfd_create('x'), bytes(1 << 20))",
        "assert libc.shmget(0, 1 << 20, 0o1600) >= 0, 'PermissionError'",
        "assert libc.msgget(0, 0o1600) >= 0, 'PermissionError'",
        "mmap.mmap(-1, 1 << 20)",
        "mmap.mmap(os.open('/dev/zero', os.O_RDWR), 1 << 20)",
    ],
)
def test_no_memory_can_be_had_that_counts_for_no_process(session, source):
    answer = run(session, f"import ctypes, mmap, os\nlibc = ctypes.CDLL(None)\n{source}")
    assert answer.get("error") in ("PermissionError", "OSError") or answer["message"] == "PermissionError"


@pytest.mark.slow
def test_ordinary_programs_work(session):
    assert run(session, "import subprocess, threading\nsubprocess.run(['true'], check=True)") == {}
    assert (
        run(
            session, "import mmap\nthreading.Thread(target=print).start()\nmmap.mmap(-1, 9, mmap.MAP_PRIVATE)"
        )
        == {}
    )
    assert run(session, "import multiprocessing\nmultiprocessing.Lock()\nmultiprocessing.Array('i', 9)") == {}
    assert run(session, "with multiprocessing.Pool(1) as pool:\n    assert pool.map(abs, [-1]) == [1]") == {}
    assert run(session, "import asyncio\nasyncio.run(asyncio.sleep(0))\nopen('a', 'w').close()") == {}
    assert (
        run(session, "get_ipython().system('ls > b && test -s b && cp b c')\nassert open('c').read()") == {}
    )


# What is held is kept until the watch has looked: also by a process that may start no other one.
_NEXT = (
    "    except OSError:\n        try:\n            child = os.fork() == 0\n        except OSError:\n"
    "            child = False\n        if not child:\n            time.sleep(60)\n"
)

HIDING = {
    "socket pairs": (
        "import os, socket, time\nkept = []\nwhile True:\n    try:\n        pair = socket.socketpair()\n"
        "        pair[0].setblocking(False)\n        kept.append(pair)\n        pair[0].send(bytes(1 << 20))\n"
        f"{_NEXT}        os.closerange(20, 256)\n        kept.clear()"
    ),
    "pipes": (
        "import os, time\nwhile True:\n    try:\n        read, write = os.pipe()\n"
        "        os.set_blocking(write, False)\n        os.write(write, bytes(1 << 20))\n"
        f"{_NEXT}        os.closerange(20, 256)"
    ),
    "empty files": (
        "import os\nfor i in range(10**9):\n    os.close(os.open(f'/tmp/{i}', os.O_CREAT | os.O_WRONLY))"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HIDING)
def test_memory_that_the_system_counts_for_no_process_counts_all_the_same(sandbox, name):
    limits = dataclasses.replace(LIMITS, memory_bytes=230 << 20, processes=400)
    with dataclasses.replace(sandbox, limits=limits).start() as session:
        before = psutil.virtual_memory().available
        with pytest.raises(Ended, match="MB of memory"):
            run(session, HIDING[name], seconds=20)
        assert before - psutil.virtual_memory().available < 1 << 30


@pytest.mark.parametrize(
    ("source", "each"),
    [("os.pipe()", module._PIPE_BYTES), ("socket.socketpair()", 2 * module._SOCKET_BYTES)],
)
def test_what_waits_in_pipes_and_sockets_counts(session, source, each):
    # Beside the process's own memory, which alone would end the code of the test above.
    process = main_process(session)

    def held():
        return module._memory_bytes([process], LIMITS.file_bytes) - module._own_bytes(process)

    run(session, "import os, socket")
    before = held()
    run(session, f"kept = [{source} for _ in range(30)]")
    assert held() - before >= 30 * each


def test_a_file_system_of_the_machine_itself_is_not_the_codes(session):
    own = psutil.Process()
    assert module._inode_bytes(own, LIMITS.file_bytes) == 0
    assert 0 < module._inode_bytes(main_process(session), LIMITS.file_bytes) < 1 << 20


# Ways in which one submission may leave something for another one, at the same time or later.
CHANNELS = """
import contextlib, ctypes, fcntl, os, platform, socket, struct
import numpy
libc = ctypes.CDLL(None)
ADD_KEY, KEYCTL = (248, 250) if platform.machine() == "x86_64" else (217, 219)
SHARED = open(numpy.__file__, "rb")
USER_KEYRING, SEARCH = -4, 10
kept = []

def flock(find):
    fcntl.flock(SHARED, fcntl.LOCK_EX | fcntl.LOCK_NB)

def lock(find):
    if not find:
        fcntl.fcntl(SHARED, fcntl.F_SETLK, struct.pack("hhqqi", fcntl.F_RDLCK, 0, 3, 5, 0))
        return
    held = fcntl.fcntl(SHARED, fcntl.F_GETLK, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 3, 5, 0))
    if struct.unpack("hhqqi", held)[0] != fcntl.F_UNLCK:
        raise BlockingIOError

def abstract_socket(find):
    kept.append(socket.socket(socket.AF_UNIX))
    (kept[-1].connect if find else kept[-1].bind)(chr(0) + NAME)
    find or kept[-1].listen()

def file(find):
    with open("/tmp/" + NAME, "x"):
        pass

def shared_memory(find):
    with open("/dev/shm/" + NAME, "x"):
        pass

def system_v(find):
    assert libc.shmget(KEY, 4096, 0o666 if find else 0o1666) >= 0

def semaphore(find):
    libc.sem_open.restype = ctypes.c_void_p
    assert libc.sem_open(NAME.encode(), 0 if find else os.O_CREAT, 0o666, 1)

def key(find):
    name = ctypes.c_char_p(NAME.encode())
    kind = ctypes.c_char_p(b"user")
    if find:
        assert libc.syscall(KEYCTL, SEARCH, USER_KEYRING, kind, name, 0) > 0
    else:
        assert libc.syscall(ADD_KEY, kind, name, name, 3, USER_KEYRING) > 0

found = set()
for channel in (flock, lock, abstract_socket, file, shared_memory, system_v, semaphore, key):
    if FIND and channel in (abstract_socket, system_v, semaphore, key):
        with contextlib.suppress(OSError, AssertionError):
            channel(True)
            found.add(channel.__name__)
        continue
    try:
        channel(FIND)
    except (BlockingIOError, FileExistsError):
        found.add(channel.__name__)
    except (OSError, AssertionError):
        pass
found = sorted(found)
"""


def left_and_found(start):
    """Let one process leave what it can while another one looks."""
    name = f"mnistkit-{os.getpid()}-{time.monotonic_ns()}"
    where = f"NAME, KEY = {name!r}, {time.monotonic_ns() % 2**31}\n"
    with start() as one, start() as other:
        for session, find in ((one, False), (other, True)):
            assert run(session, f"FIND = {find}\n{where}{CHANNELS}") == {}
        found = decode(other.ask({"do": "get", "name": "found"}, 5)["value"])
    for folder in ("/tmp", "/dev/shm"):
        Path(folder, name).unlink(missing_ok=True)
        Path(folder, f"sem.{name}").unlink(missing_ok=True)
    return found


@pytest.mark.slow
def test_nothing_that_one_submission_leaves_is_found_by_another(sandbox):
    assert left_and_found(sandbox.start) == []
    if os.getuid() == 0:
        numbers = [value(session, "__import__('os').getuid()") for session in two_sessions(sandbox)]
        assert numbers[0] != numbers[1]


def two_sessions(sandbox):
    for _ in range(2):
        with sandbox.start() as session:
            yield session


@pytest.mark.slow
def test_without_the_sandbox_it_would_be_found():
    found = left_and_found(Sandbox(limits=LIMITS, unsandboxed=True).start)
    assert {"flock", "lock", "abstract_socket", "file", "shared_memory"} <= set(found)


POSES = ["os._exit(128 + 9)", "libc.syscall(60 if X86 else 93, 128 + 9)"]
FAKES = {
    "a signal": "os.kill(os.getpid(), 9)",
    "a signal to all": "os.kill(0, 9)",
    "a signal of a queue": "info = ctypes.create_string_buffer(128)\n"
    "assert libc.syscall(129 if X86 else 138, os.getpid(), 9, info) == 0, 'refused'",
    "a stop": "os.kill(os.getpid(), 19)",
    "a timer": (
        "event = (ctypes.c_int * 16)(0, 0, 9, 0)\ntimer = ctypes.c_int()\n"
        "assert libc.syscall(222 if X86 else 107, 1, event, ctypes.byref(timer)) == 0, 'refused'"
    ),
    "a child's end": "assert libc.syscall(56 if X86 else 220, 9, 0, 0, 0, 0) >= 0, 'refused'",
    "a file's signal": "import fcntl\nfcntl.fcntl(os.pipe()[0], 10, 9)",
    "its own limit": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))",
    "a parent's end": "assert libc.prctl(1, 9) == 0, 'refused'",
    "a filter of its own": "assert libc.prctl(22, 1) == 0, 'refused'",
    "what is around it": "open('/proc/1/mem', 'r+b')",
    "more appetite": "open('/proc/self/oom_score_adj', 'w').write('1000')",
}


@pytest.mark.slow
def test_no_end_that_the_code_brings_about_looks_like_somebody_elses(sandbox, session):
    start = "import ctypes, os, platform\nlibc = ctypes.CDLL(None)\nX86 = platform.machine() == 'x86_64'\n"
    refused = ("PermissionError", "OSError", "ValueError")  # the last one is setrlimit's
    for name, source in FAKES.items():
        answer = run(session, start + source, seconds=3)
        assert answer.get("error") in refused or answer.get("message") == "refused", name
    for source in POSES:
        with sandbox.start() as another, pytest.raises(Ended, match=r"crashed \(signal 31\)"):
            run(another, start + source)


@pytest.mark.slow
@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="root's rights are taken away here"
)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "namespace failed: Operation not permitted"),
        (",+sys_admin", "loopback"),
        (",+sys_admin,+net_admin", ""),
    ],
)
def test_with_the_rights_of_a_container_it_refuses_or_works(sandbox, given, said):
    """Docker's default rights, and what the refusal asks for: with both of them it must work."""
    rights = (
        "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service"
        f",+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap{given}"
    )
    code = "from mnistkit.grading.autograde.worker_pool import sandbox_problem; print(sandbox_problem())"
    command = ["setpriv", f"--bounding-set={rights}", "--inh-caps=-all", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said in done.stdout
    assert ("to do:" in done.stdout) == bool(said)
