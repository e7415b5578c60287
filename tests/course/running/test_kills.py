"""Commands killed at any moment (kill -9): nothing is lost, nothing half-written is believed, the same goes on.

A few kills of each here; as many as one likes with ``MNISTKIT_KILLS=200 pytest tests/course/running/test_kills.py``.
"""

import contextlib
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import process_helpers
import psutil
import pytest
from class_helpers import NAME, hand_in, notebook, release_small, scores, small_lesson
from course_helpers import write_course, write_lesson
from nbformat.v4 import new_markdown_cell
from report_helpers import figure_cell, write_run

from mnistkit.course.running.results import read_results
from mnistkit.grading.ledger import read_graded

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

KILLS = int(os.environ.get("MNISTKIT_KILLS", "0"))
"""How many over all commands; 0: one of each that is quick."""
IN_A_ROW = 4
"""So often a command is killed before it may end."""
SECONDS = 600
RECORD = """
from mnistkit.data import load
from mnistkit.records import record
ds = load("mnist", "bundled")
record("x", k_max + seed, data=ds)
"""
STUDENTS = {"ada": {}, "bob": {"total": "def total(x):\n    return 3"}}


@dataclass
class Work:
    """A command on small work: how it is made ready, what must hold at any time, and what came of it."""

    arguments: str
    quick: bool = True
    seen: dict = field(default_factory=dict)

    def prepare(self, home):
        """Make what the command needs."""

    def check(self, home):
        """See that nothing is lost or half-written; called after each kill."""

    def result(self, home):
        """Give what the command has made, to compare with that of an undisturbed one."""


def lessons_with_a_log(home):
    course = write_course(home)
    for name in ("01_a", "02_b"):
        log = f"from pathlib import Path\nPath({str(home / name)!r}).open('a').write('ran ')"
        write_lesson(course, name, log, RECORD)


def assert_whole_pages(folder):
    for page in folder.rglob("*.html"):
        assert page.read_text(encoding="utf-8").rstrip().endswith("</html>"), page


class Run(Work):
    def prepare(self, home):
        lessons_with_a_log(home)

    def _times(self, home):
        return {
            name: len((home / name).read_text().split())
            for name in ("01_a", "02_b")
            if (home / name).exists()
        }

    def check(self, home):
        assert_whole_pages(home / "made")
        for name, times in self.seen.items():
            assert self._times(home)[name] == times, "what is completed is kept, and never run again"
        if not (home / "made" / "results.json").exists():
            assert not self.seen
            return
        for name, entry in read_results(home / "made")["notebooks"].items():
            if entry["status"] == "completed":
                content = (home / "made" / f"{name}.ipynb").read_bytes()
                assert hashlib.sha256(content).hexdigest() == entry["notebook_sha256"]
                self.seen[name] = self._times(home)[name]
            else:
                assert name not in self.seen, "what was completed is lost"

    def result(self, home):
        entries = read_results(home / "made")["notebooks"]
        pages = sorted(page.name for page in (home / "made" / "report").iterdir())
        return [(name, e["status"], [r["value"] for r in e["records"]]) for name, e in entries.items()], pages


class Sweep(Work):
    def prepare(self, home):
        write_lesson(write_course(home), "01_a", RECORD)

    def check(self, home):
        assert_whole_pages(home / "swept")
        done = set()
        for path in home.glob("swept/runs/*/results.json"):
            entry = read_results(path.parent)["notebooks"]["01_a"]
            assert entry["status"] in ("waiting", "completed"), entry
            if entry["status"] == "completed":
                done.add(path.parent.name)
        assert set(self.seen) <= done, "what was completed is lost"
        self.seen = dict.fromkeys(done)
        if (home / "swept" / "sweep.csv").exists():
            pd.read_csv(home / "swept" / "sweep.csv")

    def result(self, home):
        tables = pd.read_parquet(home / "swept" / "sweep.parquet"), pd.read_csv(home / "swept" / "sweep.csv")
        as_parquet, as_csv = (
            t[t["record"] == "x"][["run", "value", "status"]].to_dict("list") for t in tables
        )
        assert as_parquet == as_csv
        return as_csv


class Report(Work):
    def prepare(self, home):
        for name in ("one", "two"):
            write_run(
                home / name,
                {
                    f"0{i}_a": ([new_markdown_cell("# x", id="x"), figure_cell(i, cell_id="y")], {})
                    for i in range(1, 6)
                },
            )

    def check(self, home):
        assert_whole_pages(home)

    def result(self, home):
        pages = {path.relative_to(home): path.read_text() for path in home.rglob("*.html")}
        assert pages
        return {path: re.sub(r'content="\w{64}"', "", text) for path, text in pages.items()}


class Export(Work):
    def check(self, home):
        for path in (home / "exported").glob("[!.]*.csv"):
            assert len(pd.read_csv(path)) in (200, 50), path

    def result(self, home):
        return {
            path.name: path.read_bytes()
            for path in (home / "exported").iterdir()
            if not path.name.startswith(".")
        }


class Release(Work):
    def prepare(self, home):
        course = write_course(home)
        small_lesson(course)

    def check(self, home):
        for path in home.glob("course/release/**/[!.]*.ipynb"):
            assert json.loads(path.read_text())["cells"]

    def result(self, home):
        made = home / "course" / "release" / NAME / f"{NAME}.ipynb"
        return [cell["source"] for cell in json.loads(made.read_text())["cells"]]


class Collect(Work):
    def prepare(self, home):
        course = release_small(home)
        (home / "handed").mkdir()
        for student, answers in STUDENTS.items():
            path = home / "handed" / f"{student}_01_small.ipynb"
            path.write_text(json.dumps(notebook(course, answers)))
        (home / "roster.csv").write_text("id,first_name,last_name\nada,Ada,Lovelace\nbob,Bob,Builder\n")

    def check(self, home):
        for path in home.glob("course/submitted/*/*/[!.]*.ipynb"):
            assert json.loads(path.read_text())["cells"], path
            self.seen[path] = path.read_bytes()
        for path, content in self.seen.items():
            assert path.read_bytes() == content, "what was collected is lost"

    def result(self, home):
        self.check(home)
        return sorted(path.relative_to(home) for path in self.seen if path.is_relative_to(home))


class Grade(Work):
    def prepare(self, home):
        course = release_small(home)
        for student, answers in STUDENTS.items():
            hand_in(course, student, notebook(course, answers))

    def check(self, home):
        for student, graded in read_graded(home / "course", NAME).items():
            points = {
                mark.grade_id: mark.points for result in graded.results.values() for mark in result.marks
            }
            assert points == {"double-check": 2, "total-check": 0 if student == "bob" else 3, "mine-check": 1}
            self.seen[student] = points
        assert set(self.seen) <= set(read_graded(home / "course", NAME)), "a grade is lost"

    def result(self, home):
        self.check(home)
        return scores(home / "course")


EXPORT = (
    "data export mnist --source bundled --format csv --out exported --overwrite --n-train 200 --n-test 50"
)
WORKS = {
    "run": lambda: Run("run --out made -j 1"),
    "sweep": lambda: Sweep("sweep --grid seed=0..1 --out swept -j 1"),
    "report": lambda: Report("report one --single-file", quick=False),
    "compare": lambda: Report("compare one two --out compared"),
    "export": lambda: Export(EXPORT),
    "release": lambda: Release("assignment release 01 --course course", quick=False),
    "collect": lambda: Collect(f"assignment collect {NAME} handed --roster roster.csv", quick=False),
    "grade": lambda: Grade(f"assignment grade {NAME}", quick=False),
}


def start(work, home):
    return process_helpers.start("mnistkit.cli", work.arguments.split(), home / "log", home)


def finish(work, home):
    """Let the command end; give how long it took."""
    began = time.monotonic()
    process = start(work, home)
    process.join(SECONDS)
    status = process.exitcode
    process.kill()
    assert status == 0, (home / "log").read_text()
    return time.monotonic() - began


def kill_within(work, home, seconds, rng):
    """Kill the command with no chance to tidy up; its children end with it."""
    process = start(work, home)
    process.join(rng.uniform(0.3, 1.0) * seconds)
    with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended before
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive, "what the command has started ends with it"
    process.join()


def scratch(home):
    return list(home.rglob(".writing-*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, make in WORKS.items() if KILLS or make().quick])
def test_a_command_that_is_killed_loses_nothing_and_goes_on(tmp_path, name):
    rng = random.Random(f"{name} {KILLS}")
    reference, work = tmp_path / "reference", WORKS[name]()
    reference.mkdir()
    work.prepare(reference)
    seconds = finish(work, reference)
    expected = work.result(reference)
    left = max(1, KILLS // len(WORKS))
    while left > 0:
        home, work = tmp_path / f"home {left}", WORKS[name]()
        home.mkdir()
        work.prepare(home)
        for _ in range(min(left, rng.randint(1, IN_A_ROW))):
            kill_within(work, home, seconds, rng)
            work.check(home)
            left -= 1
        finish(work, home)
        work.check(home)
        assert work.result(home) == expected
        assert not scratch(home)


def test_half_a_file_is_never_left_under_its_own_name(tmp_path):
    """The writer is killed in the middle of a file, again and again."""
    path = tmp_path / "a.npy"
    code = f"""
import os, signal
from pathlib import Path
from mnistkit.files import replacing
with replacing(Path({str(path)!r})) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    np.save(path, np.arange(3))
    whole = path.read_bytes()
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=False)
        assert path.read_bytes() == whole
        assert len(scratch(tmp_path)) == 1  # the second has cleaned what the first has left
