"""Runs on the workers of a Dask scheduler."""

import operator
import sys

import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner
from course_helpers import lesson_that_breaks_its_run, write_course, write_lesson
from dask_helpers import worker
from test_run import HANDS, TAKES

from mnistkit.cli import main
from mnistkit.course.running.executors.dask import (
    DaskExecutor,
    Installation,
    UnfitWorker,
    installation_difference,
)
from mnistkit.course.running.results import read_results
from mnistkit.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    return folder


def invoke(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_a_scheduler_that_does_not_answer_or_has_no_workers_is_an_answer(course, scheduler, monkeypatch):
    write_lesson(course, "01_a", "1")
    result = invoke("run", "--scheduler", scheduler)
    assert result.exit_code == 1
    assert "a scheduler without workers" in result.output
    monkeypatch.setattr("mnistkit.course.running.executors.dask.CONNECT_SECONDS", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1:1"):
        result = invoke("run", "--scheduler", address)
        assert result.exit_code == 1
        assert "no Dask scheduler" in result.output, address
    assert not (course.parent / "runs").exists()


def test_models_go_to_the_worker_and_everything_comes_back(course, tmp_path, scheduler):
    """Nothing of the run's folder is shared: the worker writes into a folder of its own."""
    write_lesson(course, "01_other", "import os\nprint(os.environ['MNISTKIT_RUN'], k_max)")
    write_lesson(course, "02_hands", HANDS)
    write_lesson(course, "03_takes", TAKES)
    write_lesson(course, "04_fails", "1 / 0")
    with worker(scheduler, tmp_path):
        result = invoke("run", "--scheduler", scheduler, "-p", "k_max=7")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.output
    out = tmp_path / "runs" / "lab"
    entries = read_results(out)["notebooks"]
    assert [entry["status"] for entry in entries.values()] == ["completed"] * 3 + ["failed"]
    assert all(entry["worker"].startswith("tcp://127.0.0.1") for entry in entries.values())
    assert all(entry["peak_memory_bytes"] > 20e6 for entry in entries.values())
    printed = nbformat.read(out / "01_other.ipynb", as_version=4).cells[-1].outputs[0].text.split()
    assert printed[1] == "7"
    assert not printed[0].startswith(str(out))
    assert (out / "models" / "cnn.keras").read_text() == "7"
    assert nbformat.read(out / "03_takes.ipynb", as_version=4).cells[-1].outputs[0].text == "7\n"
    assert (out / "report" / "02_hands.html").exists()


def test_a_sweep_gives_what_it_gives_here_though_a_worker_is_killed(course, tmp_path, scheduler, monkeypatch):
    """One run kills the worker that it is on, the first time."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    mark = tmp_path / "mark"
    kill = f"""
import os, signal
from pathlib import Path
if seed == 1 and Path({str(mark)!r}).exists():
    Path({str(mark)!r}).unlink()
    os.kill(os.getppid(), signal.SIGKILL)
    while True:
        pass
"""
    figure = """
from mnistkit.data import load
from mnistkit.records import record
ds = load("mnist", "bundled")
record("x", k_max / (seed + 1), data=ds)
record("threads", int(os.environ["OMP_NUM_THREADS"]), data=ds)
"""
    write_lesson(course, "01_a", kill, figure)
    grid = ["--grid", "k_max=3,4", "--grid", "seed=1..2"]
    assert invoke("sweep", *grid, "--out", "here").exit_code == 0
    mark.touch()
    with (
        worker(scheduler, tmp_path / "one", "--no-nanny"),
        worker(scheduler, tmp_path / "two", "--no-nanny"),
    ):
        result = invoke("sweep", *grid, "--out", "there", "--scheduler", scheduler)
    assert result.exit_code == 0, result.output
    assert not mark.exists(), "the worker was killed"
    threads = pd.read_parquet(tmp_path / "there" / "sweep.parquet").query("record == 'threads'")
    assert set(threads["value"]) == {1.0}, "or t-SNE would give other figures than with as many jobs here"
    columns = ["run", "lesson", "k_max", "seed", "status", "record", "value"]
    here, there = (
        pd.read_parquet(tmp_path / name / "sweep.parquet").query("record == 'x'")[columns]
        for name in ("here", "there")
    )
    assert len(here) == 4
    pd.testing.assert_frame_equal(here, there)


def test_a_run_that_ends_by_a_fault_of_its_own_ends_no_other(course, tmp_path, scheduler, monkeypatch):
    out = tmp_path / "out"
    see_threads = "import os\nprint(os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS'])"
    write_lesson(course, "01_a", lesson_that_breaks_its_run(out), see_threads)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with worker(scheduler, tmp_path / "local", "--no-nanny"):
        result = invoke("sweep", "--grid", "seed=0..2", "--out", str(out), "--scheduler", scheduler)
    assert result.exit_code == 1
    assert result.output.count("seed=0: FAILED: ") == 1
    statuses = pd.read_csv(out / "sweep.csv").set_index("seed")["status"].to_dict()
    assert statuses.pop(0) == "waiting"
    assert set(statuses.values()) == {"completed"}
    executed = nbformat.read(out / "runs" / "seed=1" / "01_a.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "2 1\n"  # as asked for here, whatever the worker has


MISFITS = {
    "another Python": (
        "import platform\nplatform.python_version = lambda: '3.99.1'",
        "it has Python 3.99.1; here",
    ),
    "another mnistkit": (
        "from mnistkit.course.running.executors import dask as cluster\ncluster.package_hash = lambda: 'other'",
        "its mnistkit has other code than the one here",
    ),
    "other packages": (
        "from mnistkit.course.running.executors import dask as cluster\nreal = cluster.installed_versions()\n"
        "cluster.installed_versions = lambda: {**real, 'numpy': '1.0'}",
        "numpy 1.0 (here ",
    ),
    "no mnistkit": (
        "import sys\nfor name in [name for name in sys.modules if name.startswith('mnistkit')]:\n"
        "    del sys.modules[name]\nsys.modules['mnistkit'] = None",
        "has no mnistkit, or another one than here",
    ),
    "other data": (
        "import dataclasses\nfrom mnistkit.course.running.executors import dask as cluster\nfrom mnistkit.data import load as real\n"
        "cluster.load = lambda *a, **k: dataclasses.replace(real(*a, **k), sha256='0' * 64)",
        "its 'mnist' is other data",
    ),
    "other weights": (
        "from mnistkit.course.running.executors import dask as cluster\ncluster.identify_weights = lambda asked: '0' * 32",
        'its "VGG16\'s weights" is other data',
    ),
}


def test_a_worker_that_does_not_fit_is_named_before_anything_runs(course, tmp_path, scheduler):
    write_lesson(
        course, "01_a", 'load("mnist", "bundled"), transfer.vgg16("random")', "from mnistkit import transfer"
    )
    for kind, (patch, message) in MISFITS.items():
        preload = tmp_path / "preload.py"
        preload.write_text(patch)
        with worker(scheduler, tmp_path / "local", "--no-nanny", "--preload", str(preload)):
            result = invoke("run", "--scheduler", scheduler)
        assert result.exit_code == 1, kind
        assert message in result.output, kind
        assert "workers that can't run these notebooks\n  tcp://127.0.0.1" in result.output
        assert not (tmp_path / "runs").exists(), kind


def test_a_worker_that_joins_with_other_code_does_nothing(tmp_path, scheduler):
    preload = tmp_path / "preload.py"
    preload.write_text(MISFITS["another mnistkit"][0])
    with (
        DaskExecutor(scheduler) as executor,
        worker(scheduler, tmp_path, "--no-nanny", "--preload", str(preload)),
        pytest.raises(UnfitWorker, match=r"the worker tcp://127.*: its mnistkit has other code than the one"),
    ):
        executor.submit(operator.add, 1, 2).result(60)


def test_what_only_one_side_has_does_not_count_and_every_difference_does():
    here = Installation("3.11.1", "a", {"numpy": "2.4", "ruff": "1"})
    assert installation_difference(here, Installation("3.11.1", "a", {"numpy": "2.4", "dask": "9"})) == ""
    assert "Python 3.11.2" in installation_difference(here, Installation("3.11.2", "a", here.versions))
    assert "numpy 2.5 (here 2.4)" in installation_difference(
        here, Installation("3.11.1", "a", {"numpy": "2.5"})
    )
    assert "other code" in installation_difference(here, Installation("3.11.1", "b", here.versions))
    many = {f"p{i}": "1" for i in range(9)}
    text = installation_difference(
        Installation("3", "a", many), Installation("3", "a", dict.fromkeys(many, "2"))
    )
    assert text.endswith("and 4 more")


def test_without_dask_the_command_to_install_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"install\.py --for teacher"):
        DaskExecutor("tcp://127.0.0.1:1")
