"""Sweeps with real kernels: many runs, resumed after a kill, with a table and a page."""

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import process_helpers
import psutil
import pytest
from click.testing import CliRunner
from course_helpers import lesson_that_breaks_its_run, write_course, write_lesson

from mnistkit.cli import main
from mnistkit.course.sweeps import runner as sweeps

pytestmark = pytest.mark.slow

RECORD = """
from mnistkit.data import load
from mnistkit.records import record
ds = load("mnist", "bundled")
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    return folder


def recording(course, log, name="01_a"):
    """A lesson that notes each time it runs, and records figures that depend on its parameters."""
    cells = [
        f"from pathlib import Path\nPath({str(log)!r}).open('a').write(f'{{k_max}}-{{seed}} ')",
        RECORD,
        "record('double', 2 * k_max + seed / 10, data=ds)\nrecord('word', name, data=ds)",
    ]
    return write_lesson(course, name, *cells)


def invoke(*arguments):
    result = CliRunner().invoke(main, ["sweep", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def test_a_sweep_runs_every_setting_and_makes_one_table(course, tmp_path):
    recording(course, tmp_path / "log")
    result = invoke("01", "--grid", "k_max=3,4", "--grid", "seed=0..1", "-p", "name=b")
    assert result.exit_code == 0, result.output
    assert sorted((tmp_path / "log").read_text().split()) == ["3-0", "3-1", "4-0", "4-1"]
    out = tmp_path / "runs" / "sweep-all-lab"
    assert f"Sweep: {out / 'index.html'}" in result.output
    assert "[4/4, 00:00 left]" in result.output
    for point in ("k_max=3,seed=0", "k_max=4,seed=1"):
        for name in ("results.json", "01_a.ipynb", "report/index.html"):
            assert (out / "runs" / point / name).exists()
    frame, parquet = pd.read_csv(out / "sweep.csv"), pd.read_parquet(out / "sweep.parquet")
    assert frame.shape == parquet.shape
    doubles = parquet[parquet["record"] == "double"].set_index(["k_max", "seed"])["value"]
    assert doubles.to_dict() == {(k, s): 2 * k + s / 10 for k in (3, 4) for s in (0, 1)}
    assert set(parquet[parquet["record"] == "word"]["text"]) == {"b"}
    assert set(parquet["status"]) == {"completed"}
    assert parquet[parquet["record"].isin(["double", "word"])]["is_standin"].all()
    assert (parquet[parquet["record"] == "seconds"]["value"] > 0).sum() == 4


def test_finished_runs_are_kept_and_more_settings_can_be_added(course, tmp_path):
    recording(course, tmp_path / "log")
    invoke("01", "--grid", "seed=0..1")
    result = invoke("01", "--grid", "seed=0..2")
    assert result.exit_code == 0
    assert sorted((tmp_path / "log").read_text().split()) == ["5-0", "5-1", "5-2"]
    assert result.output.count("kept: nothing it depends on has changed") == 2


def test_a_run_that_fails_is_listed_and_stops_nothing(course, tmp_path):
    write_lesson(course, "01_a", RECORD, "record('x', 1 / (k_max - 4), data=ds)")
    result = invoke("01", "--grid", "k_max=3..5")
    assert result.exit_code == 1
    assert "k_max=4: 01_a FAILED" in result.output
    out = tmp_path / "runs" / "sweep-all-lab"
    frame = pd.read_parquet(out / "sweep.parquet")
    assert frame[frame["record"] == "x"]["value"].tolist() == [-1.0, 1.0]
    failed = frame[frame["status"] == "failed"]
    assert failed["k_max"].unique().tolist() == [4]
    assert failed["failure"].str.contains("ZeroDivisionError").all()
    page = (out / "index.html").read_text()
    assert "1 failed" in page
    assert "ZeroDivisionError" in page


def test_a_run_whose_results_cannot_be_written_ends_no_other(course, tmp_path):
    out = tmp_path / "out"
    write_lesson(course, "01_a", lesson_that_breaks_its_run(out))
    result = invoke("--grid", "seed=0..3", "-j", "1", "--out", str(out))
    assert result.exit_code == 1
    assert result.output.count("seed=0: FAILED: ") == 1
    statuses = pd.read_csv(out / "sweep.csv").set_index("seed")["status"].to_dict()
    assert statuses.pop(0) == "waiting"
    assert set(statuses.values()) == {"completed"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to vary"),
        (["--grid", "k_maxx=1,2"], "unknown parameter 'k_maxx', did you mean 'k_max'?"),
        (["--grid", "k_max=1,two"], "--grid k_max: expected int, found 'two'"),
        (["--grid", "k_max=1", "--plan", "plan.yaml"], "either --grid or a plan"),
        (["--plan", "nowhere.yaml"], "nowhere.yaml"),
        (["99", "--grid", "k_max=1"], "unknown lesson"),
        (["--grid", "k_max=1", "--max-memory", "3"], "800MB or 3GB"),
        (["--grid", "k_max=1", "--scheduler", "tcp://127.0.0.1:1", "-j", "2"], "-j says how many"),
    ],
)
def test_a_mistake_is_answered_before_anything_runs(course, tmp_path, arguments, message):
    recording(course, tmp_path / "log")
    (tmp_path / "plan.yaml").write_text("grid: {k_max: [1]}")
    result = invoke(*arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "log").exists()


def test_a_plan_file_says_lessons_preset_and_settings(course, tmp_path):
    recording(course, tmp_path / "log")
    write_lesson(course, "02_b", "1 / 0")
    (tmp_path / "plan.yaml").write_text(
        "lessons: [1]\npreset: smoke\nlist: [{k_max: 7, seed: 1}, {k_max: 6, seed: 1}, {seed: 2}]"
    )
    result = invoke("--plan", "plan.yaml")
    assert result.exit_code == 0, result.output
    assert sorted((tmp_path / "log").read_text().split()) == ["5-2", "6-1", "7-1"]
    out = tmp_path / "runs" / "sweep-01-smoke"
    assert (out / "runs" / "seed=2").is_dir()
    page = (out / "index.html").read_text()
    words = [" ".join(line.split()) for line in re.sub(r"<[^>]*>", " ", page).splitlines()]
    assert [line for line in words if line.startswith("double ")] == [
        f"double {place} {value} {value} {value} 1"
        for place, value in (
            ("k_max = 7", "14.1000"),
            ("k_max = 6", "12.1000"),
            ("as in the preset", "10.2000"),
        )
    ]
    assert not re.search(r"\b(nan|None|<NA>|7\.0)\b", " ".join(words))


@pytest.mark.parametrize("name", ["index.html", "sweep.csv", "sweep.parquet"])
def test_files_that_no_sweep_has_written_are_not_overwritten(course, tmp_path, name):
    recording(course, tmp_path / "log")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("mine")
    for out, found in (
        ("mine", f"{name}, not written by a sweep"),
        (f"mine/{name}", "File exists|Not a dir"),
    ):
        result = invoke("--grid", "seed=0", "--out", out)
        assert result.exit_code == 1
        assert re.search(found, result.output)
    assert (tmp_path / "mine" / name).read_text() == "mine"
    assert not (tmp_path / "log").exists()


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_sweep_that_was_killed_goes_on_where_it_was(course, tmp_path):
    """The third of four runs blocks until the whole command has been killed with no chance to tidy up."""
    log, pipe = tmp_path / "log", tmp_path / "pipe"
    os.mkfifo(pipe)
    block = f"from pathlib import Path\nif seed == 2 and Path({str(pipe)!r}).exists():\n    Path({str(pipe)!r}).write_text('here')\n    while True:\n        pass"
    write_lesson(course, "01_a", block, f"Path({str(log)!r}).open('a').write(f'{{seed}} ')")
    command, said = ["sweep", "--grid", "seed=0..3", "-j", "1"], tmp_path / "said"
    process = process_helpers.start("mnistkit.cli", command, said, tmp_path)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    begun = select.select([reader], [], [], 120)[0]
    os.close(reader)
    children = psutil.Process(process.pid).children(recursive=True) if begun else []
    process.kill()
    process.join()
    assert begun, "the third run did not start"
    assert log.read_text().split() == ["0", "1"]
    pipe.unlink()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive, "a kernel ends with the command that started it"
    again = process_helpers.start("mnistkit.cli", command, said, tmp_path)
    again.join(120)
    status = again.exitcode
    again.kill()
    assert status == 0, said.read_text()
    assert log.read_text().split() == ["0", "1", "2", "3"]
    frame = pd.read_parquet(tmp_path / "runs" / "sweep-all-lab" / "sweep.parquet")
    assert sorted(frame["seed"].unique()) == [0, 1, 2, 3]
    assert set(frame["status"]) == {"completed"}


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_ends_a_sweep_soon_and_leaves_its_table(course, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    block = f"from pathlib import Path\nif seed == 1:\n    Path({str(pipe)!r}).write_text('here')\n    while True:\n        pass"
    write_lesson(course, "01_a", block)
    command = [sys.executable, "-m", "mnistkit.cli", "sweep", "--grid", "seed=0..5", "-j", "1"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert select.select([reader], [], [], 120)[0], "the second run did not start"
    os.close(reader)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "finished runs are kept" in output
    assert "Traceback" not in output
    frame = pd.read_parquet(tmp_path / "runs" / "sweep-all-lab" / "sweep.parquet")
    statuses = frame.drop_duplicates("run").set_index("seed")["status"].to_dict()
    assert statuses.pop(0) == "completed"
    assert statuses.pop(1) == "interrupted"
    assert set(statuses.values()) == {"waiting"}


def test_folders_say_what_is_special_and_never_collide():
    name = sweeps.folder_name
    assert name({"seed": 0, "k_max": 8}) == "k_max=8,seed=0"
    odd = [
        {"name": text} for text in ("a/b", "a\\b", "../x", "a b", "", "x" * 300, "x" * 301, "é", ".", "a.")
    ]
    names = [name(setting) for setting in odd]
    assert len(set(names)) == len(odd)
    for folder in names:
        assert Path(folder).name == folder
        assert len(folder) <= 100
        assert not folder.endswith((".", " "))
        assert folder.isascii()


def test_a_parameter_named_like_a_column_of_the_table_has_a_column_of_its_own(course, tmp_path):
    write_lesson(course, "01_a", "1", parameters='report: str = "a"  # a text')
    assert invoke("--grid", "report=x,y").exit_code == 0
    frame = pd.read_parquet(tmp_path / "runs" / "sweep-all-lab" / "sweep.parquet")
    assert set(frame["set_report"]) == {"x", "y"}
