"""Every command where something is wrong around it: it works, or ends with one message and exit status 1."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from class_helpers import NAME, hand_in, notebook, release_small, small_lesson
from course_helpers import write_course, write_lesson
from nbformat.v4 import new_markdown_cell
from report_helpers import write_run

from mnistkit.data import save_drawing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="needs fork and POSIX limits"),
]

COMMANDS = {
    "list": ["list"],
    "run": ["run", "01", "--out", "made"],
    "sweep": ["sweep", "01", "--grid", "seed=1", "--out", "swept"],
    "report": ["report", "one"],
    "report one file": ["report", "one", "--single-file"],
    "compare": ["compare", "one", "two", "--out", "compared"],
    "data list": ["data", "list"],
    "data info": ["data", "info", "mnist", "--source", "bundled"],
    "data fetch": ["data", "fetch", "mnist"],
    "data export": [
        *("data", "export", "mnist", "--source", "bundled", "--format", "npz", "--out", "exported"),
        *("--n-train", "20", "--n-test", "20", "--overwrite"),
    ],
    "data verify": ["data", "verify", "exported"],
    "data collect": ["data", "collect", "drawings", "--out", "collected"],
    "release": ["assignment", "release", "02", "--course", "another"],
    "collect": ["assignment", "collect", NAME, "handed", "--course", "course"],
    "grade": ["assignment", "grade", NAME, "--course", "course"],
    "feedback": ["assignment", "feedback", NAME, "--course", "course"],
}
SHOW = {"list", "data list", "data info", "data verify"}
"""Commands that only show something."""
NEVER = {"data fetch"}
"""Commands that fail anyway: there is no network."""
SLOW = {"release", "grade"}
"""Commands that start kernels or grading processes before they say or write anything."""

# Each command in a process of its own that has imported everything already, with what is wrong in it; a line
# a request.
DRIVER = """
import ctypes, io, json, os, resource, struct, sys
from mnistkit import cli
import mnistkit.course.commands, mnistkit.course.report.pages.comparison, mnistkit.course.report, mnistkit.course.report.pages.sweep
import mnistkit.course.running.runner, mnistkit.course.sweeps.runner, mnistkit.grading.feedback.student_page
import mnistkit.grading.collect.command, mnistkit.grading.autograde.command, mnistkit.grading.release.command
import matplotlib.figure, pandas, papermill, pyarrow.parquet

def full_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

def read_only():  # without its capabilities root may no more than what the mode of a folder says
    assert ctypes.CDLL(None).capset(struct.pack("Ii", 0x20080522, 0), bytes(24)) == 0

def full_output():
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding="utf-8")

def closed_output():
    os.close(1)
    sys.stdout = None

def gone_reader():
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding="utf-8")

def odd():
    os.umask(0o077)
    os.environ.update(HOME="/proc/none", LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii")
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding="ascii", errors="strict")
    sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), encoding="ascii", errors="strict")

def answer(condition, arguments, env):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(writer, 2)
        os.environ.clear()
        os.environ.update(env)
        status = 99
        try:
            globals()[condition]()
            cli.main(arguments)
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream and stream.flush()
                except OSError:
                    status = 98
            os._exit(status)
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as said:
        text = said.read()
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text]

while request := sys.stdin.readline():
    condition, commands, env = json.loads(request)
    print(json.dumps({name: answer(condition, arguments, env) for name, arguments in commands.items()}), flush=True)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A clone with a lesson, two runs, and an assignment that was handed in; open to other accounts."""
    home = tmp_path_factory.mktemp("conditions")
    course = write_course(home)
    write_lesson(course, "01_a", "1")
    small_lesson(course, "02_small")
    lessons = {"01_a": ([new_markdown_cell("# é – ü")], {"title": "é – ü"})}
    for name in ("one", "two"):
        write_run(home / name, lessons)
    hand_in(release_small(home), "ada", notebook(home / "course"))
    save_drawing(np.eye(28, dtype=np.uint8), "1", home / "drawings")
    (home / "handed").mkdir()
    (home / "handed" / "bob_small.ipynb").write_text(json.dumps(notebook(home / "course")))
    return home


@pytest.fixture(scope="module")
def driver(home):
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        cwd=home,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def answers(driver):
    """Give what the commands of these names answer in a condition: for each its status and what it said."""

    def ask(condition, names, cache):
        commands = {name: COMMANDS[name] for name in names}
        env = {**os.environ, "MNISTKIT_CACHE": str(cache), "OPENBLAS_NUM_THREADS": "1"}
        print(json.dumps([condition, commands, env]), file=driver.stdin, flush=True)
        answer = driver.stdout.readline()
        assert answer, driver.stderr.read()
        return json.loads(answer)

    return ask


def assert_one_message(name, status, said):
    assert status == 1, (name, status, said)
    assert "Traceback" not in said, (name, said)
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, (name, said)


@pytest.mark.parametrize("condition", ["full_output", "closed_output"])
def test_without_an_output_every_command_says_so(answers, session_cache, condition):
    names = set(COMMANDS) if condition == "closed_output" else set(COMMANDS) - SLOW
    for name, (status, said) in answers(condition, names, session_cache).items():
        assert_one_message(name, status, said)
        assert "standard output" in said or name in {*NEVER, "data verify", "collect", "feedback"}, (
            name,
            said,
        )


def test_a_reader_that_has_enough_ends_a_command_without_a_word(answers, session_cache):
    for name, (status, said) in answers(
        "gone_reader", ["list", "data list", "report"], session_cache
    ).items():
        assert (status, said) == (1, ""), name


def test_a_full_disk_is_named_once_by_every_command_that_writes(answers, tmp_path):
    for name, (status, said) in answers("full_disk", COMMANDS, tmp_path / "cache").items():
        if name in SHOW:
            assert status == 0 or said.count("Error: ") == 1, (name, said)
        else:
            assert_one_message(name, status, said)


def test_a_folder_that_can_only_be_read_is_named_by_every_command_that_writes(home, answers, session_cache):
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    modes = {folder: folder.stat().st_mode for folder in folders}
    for folder in folders:
        folder.chmod(modes[folder] & ~0o222)
    try:
        names = [name for name in COMMANDS if name not in SHOW]
        for name, (status, said) in answers("read_only", names, session_cache).items():
            assert_one_message(name, status, said)
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)


def test_no_home_another_locale_and_a_strict_umask_stop_nothing(answers, session_cache, tmp_path):
    names = [name for name in COMMANDS if name not in {*NEVER, *SLOW, "sweep", "data verify"}]
    for name, (status, said) in answers("odd", [*names, "data verify"], session_cache).items():
        assert status == 0, (name, status, said)
        assert "Traceback" not in said


def test_the_interpreters_own_ways_to_start_are_no_other():
    """Without an output, and with one that has no other characters than ASCII."""
    command = f"{sys.executable} -m mnistkit.cli data list"
    closed = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, text=True)
    assert closed.returncode == 1
    assert closed.stderr.startswith("Error: standard output is closed")
    env = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    plain = subprocess.run(["sh", "-c", f"{command} 2>&-"], capture_output=True, env=env)
    assert plain.returncode == 0
    assert b"mnist" in plain.stdout
