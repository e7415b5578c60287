"""A class of honest, careless and hostile students: everybody gets what was earned, and nothing else happens."""

import hashlib
import re
import socket
import time
from pathlib import Path

import pytest
from class_helpers import ANSWERS, NAME, grade, hand_in, make_batch, notebook, release_small, scores
from grades_helpers import class_page
from message_helpers import collected_messages
from sandbox_helpers import make_sandbox

from mnistkit.grading.collect.command import Collected
from mnistkit.grading.ledger import read_graded

pytestmark = [pytest.mark.slow, pytest.mark.long]

SECONDS = 240
"""The batch has to end in this time on any machine; on a quiet one it takes a fifth of it."""

# What each one hands in instead of the right answers, what it gets (double, total, mine), and what the teacher
# is told. A trick that works would give points for `double`, whose answer is wrong without it.
WRONG = "def double(x):\n    return x\n"
STUDENTS = {
    "solved": ({}, (2, 3, 1), ""),
    "partly": ({"total": "def total(x):\n    return 3"}, (2, 0, 1), ""),
    "wrong": ({name: f"def {name}(*x):\n    return None" for name in ANSWERS}, (0, 0, 0), ""),
    "loop": ({"double": "def double(x):\n    while True:\n        pass"}, (0, 3, 1), "it took longer than"),
    "quits": ({"double": "import os\n\ndef double(x):\n    os._exit(0)"}, (0, 3, 1), "ended its own process"),
    "memory": ({"double": "def double(x):\n    return b'x' * (1 << 33)"}, (0, 3, 1), ""),
    "hoard": (
        {"double": "def double(x):\n    kept = []\n    while True:\n        kept.append(bytearray(1 << 24))"},
        (0, 3, 1),
        "",
    ),
    "forks": (
        {"double": "import os\n\ndef double(x):\n    while True:\n        os.fork()"},
        (0, 3, 1),
        "double-check: ",
    ),
    "disk": (
        {
            "double": "def double(x):\n    for i in range(10_000):\n        with open(f'/tmp/{i}', 'wb') as file:\n"
            "            file.write(bytes(1 << 22))\n    return [2 * n for n in x]"
        },
        (0, 3, 1),
        "",
    ),
    "equals": (
        {
            "double": "class Right:\n    __array_priority__ = 1e9\n    def __eq__(self, other): return True\n"
            "    def __array__(self, *a, **k): return np.array([2, 4])\n"
            "    def __array_ufunc__(self, *a, **k): return True\n    def __bool__(self): return True\n\n"
            "def double(x):\n    return Right()"
        },
        (0, 3, 1),
        "",
    ),
    "hooks": (
        {
            "double": WRONG + "import ast, builtins, sys\n"
            "class Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
            "get_ipython().ast_transformers.append(Drop())\n"
            "get_ipython().showtraceback = lambda *a, **k: None\n"
            "sys.excepthook = lambda *a: None\nbuiltins.AssertionError = type('Never', (Exception,), {})\n"
            "class Finder:\n    def find_spec(self, name, *rest): return None\nsys.meta_path.insert(0, Finder())"
        },
        (0, 3, 1),
        "",
    ),
    "patches": (
        {
            "double": WRONG + "np.allclose = np.isclose = lambda *a, **k: True\n"
            "import mnistkit.grading.sandbox.codec as exchange, mnistkit.grading.sandbox.child as inside\n"
            "import mnistkit.grading.autograde.checks\n"
            "exchange.encode = inside.encode = lambda value: [2, 4]\n"
            "inside._error = lambda error: {'value': True}"
        },
        (0, 3, 1),
        "",
    ),
    "lies": (
        {
            "double": WRONG + "import os\nfor n in range(3, 30):\n    try:\n"
            '        os.write(n, b\'{"value": [2, 4], "changed": {}}\\n\' * 50)\n    except OSError:\n        pass'
        },
        None,
        "",
    ),
    "reads": (
        {
            "double": "import glob, os, sys\n\ndef double(x):\n    found = []\n"
            "    ours = ('/proc', '/sys', '/usr', '/lib', sys.prefix, sys.base_prefix)  # packages have such files\n"
            "    for folder, _, files in os.walk('/'):\n        if folder.startswith(ours):\n"
            "            continue\n        found += [f for f in files if f.endswith(('.ipynb', '.db', '.key'))]\n"
            "    found += [line for line in open('/etc/passwd') if 'root' in line]\n"
            "    for secret in SECRETS:\n        found += [secret] if os.path.exists(secret) else []\n"
            "    return [2 * n for n in x] if found else x"
        },
        (0, 3, 1),
        "",
    ),
    "posing": (  # as if the system had killed it: it would be graded again and again
        {"double": "import os\n\ndef double(x):\n    os._exit(128 + 9)"},
        (0, 3, 1),
        "double-check: it crashed (signal 31)",
    ),
    "killing": (
        {
            "double": "import ctypes, fcntl, os, resource\nlibc = ctypes.CDLL(None)\n\ndef double(x):\n"
            "    for attempt in (lambda: os.kill(os.getpid(), 9), lambda: os.kill(0, 19), lambda: libc.prctl(1, 9),\n"
            "        lambda: fcntl.fcntl(1, 10, 9), lambda: libc.syscall(56, 9, 0, 0, 0, 0),\n"
            "        lambda: resource.setrlimit(resource.RLIMIT_CPU, (0, 0))):\n        try:\n"
            "            attempt()\n        except (OSError, ValueError):\n            pass\n    return x"
        },
        (0, 3, 1),
        "",
    ),
    "stuffing": (  # memory that counts for nobody
        {
            "double": "import os, socket\nkept = []\n\ndef double(x):\n    while True:\n        try:\n"
            "            pair = socket.socketpair()\n            pair[0].setblocking(False)\n"
            "            kept.append(pair)\n            pair[0].send(bytes(1 << 20))\n"
            "        except OSError:\n            if os.fork():\n                continue\n"
            "            os.closerange(20, 256)\n            kept.clear()"
        },
        (0, 3, 1),
        "double-check: ",
    ),
    "littering": (
        {
            "double": "import os\n\ndef double(x):\n    for i in range(10**9):\n"
            "        os.close(os.open(f'/tmp/{i}', os.O_CREAT | os.O_WRONLY))"
        },
        (0, 3, 1),
        "double-check: ",
    ),
    "passing": (  # to another submission, or from an earlier one
        {
            "double": "import ctypes, fcntl, os\nlibc = ctypes.CDLL(None)\n\ndef double(x):\n"
            "    hints = [libc.syscall(248, b'user', b'hint', b'%r' % x, 3, place) >= 0 for place in (-3, -4, -5)]\n"
            "    hints += [libc.syscall(250, 10, place, b'user', b'hint', 0) >= 0 for place in (-3, -4, -5)]\n"
            "    for lock in (fcntl.flock, fcntl.lockf):\n        with open(np.__file__) as file:\n"
            "            try:\n                lock(file, fcntl.LOCK_SH)\n                hints.append(True)\n"
            "            except OSError:\n                pass\n"
            "    return [2 * n for n in x] if any(hints) else x"
        },
        (0, 3, 1),
        "",
    ),
    "network": (
        {
            "double": "import socket\n\ndef double(x):\n    try:\n"
            "        socket.create_connection(('127.0.0.1', PORT), timeout=1)\n"
            "    except OSError:\n        return x\n    return [2 * n for n in x]"
        },
        (0, 3, 1),
        "",
    ),
    "tells": (  # what a hidden check has sent, by another exercise and by a file
        {
            "double": "kept = []\n\ndef double(x):\n    kept.append(list(x))\n"
            "    open('/tmp/kept', 'a').write(str(kept))\n    return 2 * np.asarray(x)",
            "total": "def total(x):\n    raise ValueError(str(kept) + open('/tmp/kept').read())",
        },
        (2, 0, 1),
        "",
    ),
    "tells-late": (  # by how a hidden check ends
        {
            "double": "import os\n\ndef double(x):\n    if x[0] < 0:\n        os._exit(int(-10 * x[0]))\n"
            "    return 2 * np.asarray(x)"
        },
        (0, 3, 1),
        "exit status 45",
    ),
    "twice": (  # another answer in each process
        {"double": "def double(x):\n    return [2 * n for n in x] if 'mine' in globals() else x"},
        (0, 3, 1),
        "globals",
    ),
    "nothing": ({"double": "def double(x):\n    return np.empty((0, 2))"}, (0, 3, 1), "it is empty"),
    "stretched": (
        {"double": "def double(x):\n    return np.full((9_999, 1), 2 * x[-1])"},
        (0, 3, 1),
        "it has the shape",
    ),
    "masked": (
        {"double": "def double(x):\n    return np.ma.MaskedArray([9] * len(x), [True] * len(x))"},
        (0, 3, 1),
        "some of its values are missing",
    ),
    "enormous": (
        {
            "double": "from decimal import Decimal\n\ndef double(x):\n    return [Decimal('1e999999999')] * len(x)"
        },
        (0, 3, 1),
        "too large a number",
    ),
}


def fingerprint(*folders: Path) -> dict[str, str]:
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def without(made, *names):
    kept = [c for c in made["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") not in names]
    return {**made, "cells": kept}


def with_points(made, points):
    for cell in made["cells"]:
        if "points" in (mark := cell["metadata"].get("nbgrader", {})):
            mark["points"] = points
    return made


def with_faked_outputs(made):
    for cell in made["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "1000"}}]
            cell["source"] = "1000"
    return made


def hand_everything_in(course: Path, port: int) -> dict[str, tuple]:
    """Hand in for the whole class; give what each should get, and what is said of it."""
    expected = {}
    secrets = [course, course / "secret.key", course.parent / "victim.txt"]
    secrets += [path for path in Path.home().iterdir() if path.is_file()]
    for student, (answers, points, said) in STUDENTS.items():
        filled = {
            name: text.replace("SECRETS", repr(list(map(str, secrets)))).replace("PORT", str(port))
            for name, text in answers.items()
        }
        hand_in(course, student, notebook(course, filled))
        expected[student] = (points, said)
    wrong = {"double": WRONG}
    others = {
        "untouched": ((course / "release" / NAME / f"{NAME}.ipynb").read_text(), (0, 0, 0), ""),
        "deleted": (
            without(notebook(course, wrong), "double-check", "total-check"),
            (0, 3, 1),
            "'double-check' is missing",
        ),
        "changed": (with_points(notebook(course, wrong), 1000), (0, 3, 1), "points of 'double-check' were"),
        "faked": (with_faked_outputs(notebook(course, wrong)), (0, 3, 1), "text of check 'double-check'"),
        "halves": (
            notebook(course, {"total": "def total(x):\n    raise ValueError('\ud800')", "why": "\ud800"}),
            (2, 0, 1),
            "",
        ),
        "nojson": ("<html>not a notebook</html>", (0, 0, 0), "not a notebook but a web page"),
        "empty": (b"", (0, 0, 0), "it is empty, and not a notebook"),
        "scripts": (
            notebook(
                course, {"why": "<script>alert(1)</script><img src=x onerror=alert(1)> ![](http://x/y)"}
            ),
            (2, 3, 1),
            "",
        ),
    }
    for student, (content, points, said) in others.items():
        hand_in(course, student, content)
        expected[student] = (points, said)
    return expected


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade the class once; give what came of it."""
    make_sandbox()
    home = tmp_path_factory.mktemp("class")
    course = release_small(home)
    (course / "secret.key").write_text("0" * 64)
    (home / "victim.txt").write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        expected = hand_everything_in(course, listener.getsockname()[1])
        watched = [course / "submitted", course / "source", course / "release", home / "victim.txt"]
        before = fingerprint(*watched)
        start = time.monotonic()
        with collected_messages() as said:
            grade(make_batch(course, seconds=20, call_seconds=2, cell_seconds=4))
        seconds = time.monotonic() - start
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody waits to be let in
            listener.accept()
    return course, expected, said, seconds, before == fingerprint(*watched)


def test_everybody_gets_exactly_what_was_earned(graded):
    course, expected, *_ = graded
    found = scores(course)
    assert set(found) == set(expected)
    for student, (points, _) in expected.items():
        mine = tuple(found[student][name][0] for name in ANSWERS)
        if points is None:  # who answers in advance may spoil other answers of its own
            assert mine[0] == 0, student
        else:
            assert mine == points, (
                student,
                [m.reason for m in read_graded(course, NAME)[student].results[NAME].marks],
            )
        assert all(
            waits is (name == "why" and student not in ("untouched", "nojson", "empty"))
            for name, (_, waits) in found[student].items()
        ), student


def test_nobody_is_told_what_a_hidden_check_has_sent(graded):
    course, *_ = graded
    for student in ("tells", "tells-late"):
        said = [mark.reason for mark in read_graded(course, NAME)[student].results[NAME].marks]
        assert not any("4.5" in reason or "45" in reason for reason in said), said
    assert said[0] == "hidden check 1 of 1 failed: negative numbers too"


def test_what_is_odd_is_said(graded):
    _, expected, said, *_ = graded
    for student, (_, odd) in expected.items():
        if odd:
            assert any(line.startswith(f"  {student}: ") and odd in line for line in said), student
    assert not any(line.startswith(("  solved", "  partly", "  wrong", "  untouched")) for line in said)


def test_everything_odd_is_on_the_teachers_page_and_nobody_else(graded):
    course, expected, *_ = graded
    page = class_page(course, NAME, Collected({}, ()))
    look = page.split('id="mk-look"')[1].split('id="mk-points"')[0]
    honest = {"solved", "partly", "wrong", "untouched", "halves"}
    named = set(re.findall(r'"row">([\w-]+)</th>', look))
    for many in re.findall(r'"row">\d+ students</th>\s*<td class="text">(.*?)</td>', look, re.S):
        named |= set(many.rpartition(": ")[2].split(", "))
    assert named == set(expected) - honest


def test_nothing_outside_the_sandbox_changes_and_the_batch_ends(graded):
    *_, seconds, unchanged = graded
    assert unchanged
    assert seconds < SECONDS


def test_what_formgrader_shows_is_harmless(graded):
    course, expected, *_ = graded
    for student in expected:
        text = (course / "autograded" / student / NAME / f"{NAME}.ipynb").read_text()
        assert "<script" not in text, student
        assert "<img" not in text
        assert "](http" not in text.replace("!\\\\[](http", "")
