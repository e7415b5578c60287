"""results.json as anybody may have edited it: it is used, or one error says what is wrong; nothing else happens."""

import copy
import json
import random
from concurrent.futures import Future
from pathlib import Path

import pytest
from click.testing import CliRunner
from course_helpers import write_course, write_lesson
from nbformat.v4 import new_code_cell, new_markdown_cell
from report_helpers import png, shown, write_run

from mnistkit.cli import main
from mnistkit.course.lessons import find
from mnistkit.course.report import write_report
from mnistkit.course.running import jobs
from mnistkit.course.running import results as results_file
from mnistkit.course.running import runner as runner
from mnistkit.course.running.delivery import Delivery
from mnistkit.course.running.execute import Outcome
from mnistkit.course.sweeps import table
from mnistkit.course.sweeps.runner import Trial
from mnistkit.errors import UserError

EDITS = 300
RECORD = {
    "name": "purity",
    "value": 0.5,
    "is_standin": False,
    "reference": 0.8,
    "report": "R2",
    "differs": "",
}
FAILURE = {"kind": "error", "cell": "1 / 0", "message": "ZeroDivisionError"}
SLOWEST = [{"cell": "fit", "seconds": 7.25, "peak_memory_bytes": 321_000_000}]
THREADS = {"asked": {"each": "1"}, "told": {"OMP_NUM_THREADS": "1"}}
ENDED = {
    "records": [RECORD],
    "slowest_cells": SLOWEST,
    "notebook": "01_a.ipynb",
    "notebook_sha256": "0" * 64,
    "fingerprint": "f",
    "after": {"02_b": "f"},
    "budget": {"seconds": None, "memory_bytes": 10**9},
    "threads": THREADS,
}
NAMES = ["../../x", "../x", "/tmp/x", "..", "", ".x", "a\\b", "a\x00b", "x" * 5000, "index", "é", "\ud800"]
VALUES = [None, True, 0, -1, 1.5, 10**400, -(10**400), 1e308, float("nan"), float("inf"), "", "text", [], {}, [[]], {"a": 1}, *NAMES]  # fmt: skip


def places(content, path=()):
    """Yield the path of every value in plain data."""
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def edited(content, rng):
    """Edit plain data as a hand or a program may, and give it as the bytes of a file."""
    content = copy.deepcopy(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        *way, last = rng.choice(list(places(content)))
        inner = content
        for key in way:
            inner = inner[key]
        kind = rng.choice(["delete", "value", "value", "value", "name"])
        if kind == "delete":
            del inner[last]
        elif kind == "name" and isinstance(inner, dict):
            inner[rng.choice(NAMES)] = inner.pop(last)
        else:
            inner[last] = rng.choice(VALUES)
    text = json.dumps(content, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    match rng.randrange(8):
        case 0:
            return text[: rng.randrange(len(text))]
        case 1:
            return text.decode("utf-8", "replace").encode(
                rng.choice(["utf-16", "utf-8-sig", "utf-32", "latin-1"]), "replace"
            )
        case 2:
            at = rng.randrange(len(text))
            return text[:at] + rng.randbytes(3) + text[at:]
    return text


@pytest.fixture
def folders(tmp_path):
    """Two runs, with files around them that no command may touch."""
    home = tmp_path / "home"
    figure = new_code_cell("x", outputs=[shown({"image/png": png(size=(8, 8))})])
    lessons = {"01_a": ([new_markdown_cell("# x"), figure], ENDED), "02_b": ([figure], {"status": "failed", "failure": FAILURE})}  # fmt: skip
    for name in ("one", "two"):
        write_run(home / "runs" / name, lessons, lock_sha256="1")
        (home / "runs" / name / ".lock").touch()
    for name in ("x", "x.html", "x.ipynb", "runs/x", "runs/x.html", "runs/x.ipynb"):
        (home / name).write_text("mine")
    return home


def around(home):
    """What is there outside of the runs and of what is written on purpose."""
    skipped = [home / "runs" / name for name in ("one", "two", "out")]
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in home.parent.rglob("*")
        if not any(path.is_relative_to(one) for one in skipped) and "work" not in path.parts
    }


class Pretended:
    """An executor on which every notebook is completed at once."""

    threads = asked = slots = 1
    shares_files = True

    def submit(self, function, task):
        Path(task.output).write_text(task.notebook)
        future = Future()
        future.set_result(Delivery(Outcome("completed", 1.0, 1)))
        return future

    def progress(self, futures):
        return 0

    def cancel(self, futures):
        raise AssertionError("nothing is to be cancelled")


@pytest.fixture
def plans(tmp_path):
    course = write_course(tmp_path)
    for name in ("01_a", "02_b"):
        write_lesson(course, name, parameters="seed: int = 1  # seed")
    return jobs.JobMaker().make(find(course), {"01_a": {"seed": 1}, "02_b": {"seed": 1}})


def invoke(*arguments):
    """Invoke a command; an error of it is one message, and no traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), arguments
    assert result.exit_code in (0, 1)
    errors = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == result.exit_code, result.output
    return result


@pytest.mark.slow
def test_an_edited_file_is_used_or_explained(folders, plans):
    one = folders / "runs" / "one"
    path = one / "results.json"
    valid = json.loads(path.read_text())
    before, refused = around(folders), 0
    for seed in range(EDITS):
        content = edited(valid, random.Random(seed))
        path.write_bytes(content)
        result = invoke("report", one)
        refused += result.exit_code
        if result.exit_code:
            assert str(path) in result.output or "a run" in result.output, seed
        if seed % 5 == 0:
            again = invoke("compare", one, folders / "runs" / "two", "--out", folders / "runs" / "out")
            assert again.exit_code == result.exit_code, seed
        point = Trial("one", {"seed": 1}, plans)
        table.tidy([point], folders)
        if seed % 10 == 1:
            assert runner.run(plans, one, preset="lab", executor=Pretended(), progress=False, say=print, report=lambda *_: None)  # fmt: skip
            statuses = {entry["status"] for entry in results_file.read_results(one)["notebooks"].values()}
            assert "completed" in statuses
        assert around(folders) == before, seed
    assert EDITS / 4 < refused < EDITS  # neither everything is taken, nor nothing


@pytest.mark.parametrize("name", ["../../x", "../x", "/tmp/x", "index", ".hidden"])
def test_a_lesson_whose_name_is_a_path_is_named_and_written_nowhere(folders, name):
    path = folders / "runs" / "one" / "results.json"
    content = json.loads(path.read_text())
    content["notebooks"][name] = content["notebooks"].pop("01_a")
    path.write_text(json.dumps(content))
    before = around(folders)
    result = invoke("report", path.parent)
    assert result.exit_code == 1
    assert f"{path}: notebooks" in result.output
    assert name in result.output
    assert around(folders) == before


def test_an_executed_notebook_that_was_changed_is_named(folders):
    path = folders / "runs" / "one" / "01_a.ipynb"
    for content in (
        b"",
        b"{}",
        b'{"cells": 1, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        b"\xff\xfe",
    ):
        path.write_bytes(content)
        for command in (("report",), ("compare", folders / "runs" / "two")):
            result = invoke(
                *command, path.parent, *(["--out", folders / "runs" / "out"] * (command[0] == "compare"))
            )
            assert result.exit_code == 1
            assert str(path) in result.output


def test_a_report_of_what_was_read_has_no_page_but_its_own(folders):
    write_report(folders / "runs" / "one")
    pages = {page.name for page in (folders / "runs" / "one" / "report").iterdir()}
    assert pages == {"01_a.html", "02_b.html", "index.html", "provenance.html", "reproduction.html"}
    with pytest.raises(UserError):
        write_report(folders / "runs")
