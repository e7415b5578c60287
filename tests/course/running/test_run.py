"""The runner with real kernels: what is kept, what fails and how, what an interrupt leaves."""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
from course_helpers import task_of, write_course, write_lesson
from filelock import FileLock

from mnistkit import transfer
from mnistkit.course.lessons import find
from mnistkit.course.parameters import parse_assignments, read_preset, resolve
from mnistkit.course.report import write_report
from mnistkit.course.running import jobs
from mnistkit.course.running import results as results_file
from mnistkit.course.running import runner as runner
from mnistkit.course.running.execute import NO_LIMITS, Limits, execute, prepare_notebook
from mnistkit.course.running.executors import installation, local
from mnistkit.data import DataError
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.utils import threads

pytestmark = pytest.mark.slow

SHOW = "from mnistkit.records import show_data\nshow_data(load(name))"
GOOD = "from pathlib import Path\nPath(LOG).open('a').write('ran ')\nprint(k_max)"


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path)


def good(course, name, log):
    return write_lesson(course, name, f"LOG = {str(log)!r}", GOOD)


def plans(course, *assignments):
    lessons = find(course)
    values = resolve(lessons, read_preset(course, "lab", lessons), parse_assignments(assignments))
    return jobs.JobMaker().make(lessons, values)


def run(course, *assignments, out=None, **options):
    """Run a course; give success, results and the lines that were said."""
    said = []
    options = {"preset": "lab", "jobs": 2, "report": lambda *_: None, **options}
    out = out or course.parent / "run"
    ok = runner.run(plans(course, *assignments), out, say=said.append, **options)
    return ok, results_file.read_results(out), said


def test_a_run_writes_notebooks_and_results(course, tmp_path):
    good(course, "01_good", tmp_path / "log")
    ok, results, said = run(course, "k_max=7")
    assert ok
    entry = results["notebooks"]["01_good"]
    assert entry["status"] == "completed"
    assert entry["failure"] is None
    assert entry["parameters"] == {"seed": 42, "k_max": 7, "rate": 0.5, "name": "a", "further": False}
    assert entry["seconds"] > 0
    assert entry["peak_memory_bytes"] > 20e6
    assert entry["versions"]["numpy"]
    executed = nbformat.read(tmp_path / "run" / "01_good.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "7\n"
    assert any("01_good" in line and "completed" in line for line in said)


def test_what_is_unchanged_is_kept_and_what_changed_is_run_again(course, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "code_hash", lambda: "code")
    monkeypatch.setattr(results_file, "code_hash", lambda: "code")
    logs = {name: tmp_path / name for name in ("01_a", "02_b")}
    for name, log in logs.items():
        good(course, name, log)

    def times():
        return [log.read_text().split().count("ran") for log in logs.values()]

    run(course)
    assert times() == [1, 1]
    ok, results, said = run(course)
    assert ok
    assert times() == [1, 1]
    assert sum("kept:" in line for line in said) == 2
    assert results["notebooks"]["01_a"]["kept"]
    _, _, said = run(course, "k_max=6")  # another parameter
    assert times() == [2, 2]
    assert sum("replaces the earlier result: another k_max" in line for line in said) == 2
    write_lesson(course, "02_b", f"LOG = {str(logs['02_b'])!r}", GOOD, "1")  # another cell
    run(course, "k_max=6")
    assert times() == [2, 3]
    (tmp_path / "run" / "01_a.ipynb").write_text("{}")  # a damaged result is not believed
    run(course, "k_max=6")
    assert times() == [3, 3]


def test_changed_data_and_changed_lesson_code_change_the_fingerprint(course, tmp_path, monkeypatch):
    write_lesson(course, "01_a", 'load("mnist")')
    before = plans(course)[0]
    assert before.data[0]["is_standin"]
    real = jobs.datasets.load

    def other(name, source, **options):
        return __import__("dataclasses").replace(real(name, source, **options), sha256="0" * 64)

    monkeypatch.setattr(jobs.datasets, "load", other)
    assert plans(course)[0].fingerprint != before.fingerprint
    monkeypatch.setattr(jobs.datasets, "load", real)
    assert plans(course)[0].fingerprint == before.fingerprint
    monkeypatch.setattr(jobs, "code_hash", lambda: "other code")
    assert plans(course)[0].fingerprint != before.fingerprint


def test_other_installed_versions_change_the_fingerprint(course, monkeypatch):
    write_lesson(course, "01_a", "1")
    before = plans(course)[0].fingerprint
    installed = list(importlib.metadata.distributions())

    def with_installed(distributions):
        monkeypatch.setattr(importlib.metadata, "distributions", lambda: distributions)
        installation.installed_versions.cache_clear()
        return plans(course)[0].fingerprint

    assert with_installed(installed[1:]) != before
    assert with_installed(installed[::-1]) == before
    monkeypatch.setattr(jobs.platform, "python_version", lambda: "3.99.0")
    assert plans(course)[0].fingerprint != before


def test_of_two_copies_the_one_that_is_imported_counts_and_a_packages_own_do_not(tmp_path, monkeypatch):
    """Importing setuptools puts its folder of copies on the path, in one process and not in another."""
    installation.installed_versions.cache_clear()
    before = installation.installed_versions()
    for folder in ("_vendor", "later"):
        for name in ("numpy", "made-up"):
            metadata = tmp_path / folder / f"{name}-0.0.1.dist-info" / "METADATA"
            metadata.parent.mkdir(parents=True)
            metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.0.1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "_vendor"), *sys.path, str(tmp_path / "later")])
    installation.installed_versions.cache_clear()
    after = installation.installed_versions()
    installation.installed_versions.cache_clear()
    assert after.pop("made-up") == "0.0.1"
    assert after == before


def test_one_byte_of_lesson_code_counts_and_the_runners_code_does_not(tmp_path, monkeypatch):
    # In a folder called course, as people's folders are.
    package = tmp_path / "course" / "mnistkit"
    for name in ("clustering.py", "data/loader.py", "course/run.py", "grading/roster.py", "cli/main.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("x = 1\n")
    monkeypatch.setattr(installation, "__file__", str(package / "course/running/executors/installation.py"))
    first = installation.code_hash()
    for name, counts in (
        ("cli/main.py", False),
        ("course/run.py", False),
        ("grading/roster.py", False),
        ("data/loader.py", True),
    ):
        (package / name).write_text("x = 2\n")
        assert (installation.code_hash() != first) is counts, name


def test_code_that_changes_while_a_notebook_runs_is_not_believed_later(course, tmp_path, monkeypatch):
    good(course, "01_good", tmp_path / "log")
    made = plans(course)
    monkeypatch.setattr(results_file, "code_hash", lambda: "edited meanwhile")
    out = tmp_path / "run"
    options = {"preset": "lab", "jobs": 1, "say": lambda _: None, "report": lambda *_: None}
    assert runner.run(made, out, **options)
    monkeypatch.undo()
    assert not results_file.is_unchanged(made[0], results_file.read_results(out), out, {})


def test_weights_that_appear_or_change_are_not_overlooked(course, tmp_path, monkeypatch):
    """Without the file lesson 06 runs on random weights; a file that is there later is another result."""
    parameters = 'vgg_weights: str = "auto"  # which'
    write_lesson(course, "01_a", "from mnistkit import transfer\nprint('ran')", parameters=parameters)
    path = course / "01_a.ipynb"
    text = path.read_text().replace("print('ran')", "None and transfer.vgg16(vgg_weights, 48)")
    path.write_text(text)
    share = tmp_path / "share" / "vgg16"
    share.mkdir(parents=True)
    monkeypatch.setenv("MNISTKIT_DATA", str(share.parent))
    monkeypatch.setattr(transfer, "TENSORS_SHA256", hashlib.sha256(b"weights").hexdigest())
    before = plans(course)[0]
    assert before.needs[0]["sha256"] == "random"
    assert jobs.make_task(before, tmp_path, "lab", NO_LIMITS).env["MNISTKIT_OFFLINE"] == "1"
    (share / transfer.IMAGENET_FILE).write_bytes(b"half of the weigh")
    assert plans(course)[0].fingerprint == before.fingerprint  # not the official file
    (share / transfer.IMAGENET_FILE).write_bytes(b"weights")
    found = plans(course)[0]
    assert found.fingerprint != before.fingerprint
    assert "MNISTKIT_OFFLINE" not in jobs.make_task(found, tmp_path, "lab", NO_LIMITS).env
    mine = tmp_path / "mine.h5"
    prints = []
    for content in (b"one", b"two"):
        mine.write_bytes(content)
        prints.append(plans(course, f"vgg_weights={mine}")[0].fingerprint)
    assert len({*prints, before.fingerprint, found.fingerprint}) == 4
    with pytest.raises(DataError, match="no such file"):
        plans(course, f"vgg_weights={tmp_path / 'nowhere'}")


def test_a_result_of_which_nobody_knows_what_it_loads_is_never_kept(course, tmp_path, monkeypatch):
    """Nor one that takes a model over from it."""
    load = "from mnistkit.data import load\nfor one in ['mnist']:\n    load(one, 'bundled')"
    write_lesson(course, "01_hands", load, HANDS)
    write_lesson(course, "02_takes", TAKES)
    good(course, "03_other", tmp_path / "log")
    for expected in ("completed", "replaces"):
        _, _, said = run(course)
        assert sum(expected in line for line in said) >= 2
    lines = {line.split()[0]: line for line in said if "replaces" in line}
    assert "only known when it runs: load(one, 'bundled')" in lines["01_hands"]
    assert "another result of 01_hands" in lines["02_takes"]
    assert "03_other" not in lines


def test_another_number_of_threads_is_another_result(course, tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 4)
    for name in threads.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    good(course, "01_good", tmp_path / "log")

    def said(**options):
        return run(course, **options)[2][0]

    assert "completed" in said(jobs=None)
    assert "kept" in said(jobs=None)
    assert "kept" in said(jobs=1)  # 4 threads, as there were for the only lesson
    assert "another number of threads" in said(jobs=2)
    assert "kept" in said(jobs=2)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "another number of threads" in said(jobs=2)
    assert "kept" in said(jobs=2)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert "another number of threads" in said(jobs=2)


def test_bad_data_stops_before_any_kernel(course, tmp_path):
    write_lesson(course, "01_a", 'load("mnist", data)', parameters='data: str = "auto"  # data')
    with pytest.raises(DataError):
        plans(course, f"data={tmp_path / 'nowhere'}")


def test_a_failing_notebook_does_not_stop_the_others(course, tmp_path):
    write_lesson(course, "01_bad", "x = 1", "raise ValueError('bad ' + 'thing')", "print('not reached')")
    good(course, "02_good", tmp_path / "log")
    ok, results, _ = run(course, jobs=1)
    assert not ok
    assert results["notebooks"]["02_good"]["status"] == "completed"
    failure = results["notebooks"]["01_bad"]["failure"]
    assert failure["kind"] == "error"
    assert failure["cell"] == "raise ValueError('bad ' + 'thing')"
    assert "ValueError: bad thing" in failure["message"]
    assert "\x1b" not in failure["message"]
    text = "\n".join(results_file.failures(results, plans(course)))
    assert "01_bad: error" in text
    assert "| raise ValueError" in text
    # Failed: not kept, run again.
    _, _, said = run(course, jobs=1)
    assert not any("01_bad" in line and "kept:" in line for line in said)


def test_a_kernel_that_dies_is_noticed_soon_and_its_last_words_are_shown(tmp_path):
    dying = "import os, sys\nos.write(2, b'last words')\nos._exit(1)"
    path = write_lesson(tmp_path, "01_dies", "1 + 1", dying, "print('not reached')")
    start = time.monotonic()
    outcome = execute(task_of(path, tmp_path))
    assert time.monotonic() - start < 30
    assert (outcome.status, outcome.failure.kind) == ("failed", "dead kernel")
    assert outcome.failure.cell == dying
    assert "last words" in outcome.failure.message
    assert (tmp_path / "out" / "01_dies.ipynb").exists()


def test_a_cell_that_never_ends_is_stopped(tmp_path):
    path = write_lesson(tmp_path, "01_hangs", "while True:\n    pass")
    before = set(psutil.Process().children(recursive=True))
    start = time.monotonic()
    outcome = execute(task_of(path, tmp_path, cell_seconds=1.0))
    assert time.monotonic() - start < 30
    assert (outcome.status, outcome.failure.kind) == ("failed", "timeout")
    assert outcome.failure.cell == "while True:\n    pass"
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_kernel_that_ignores_interrupts_is_stopped_too(tmp_path):
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    outcome = execute(task_of(write_lesson(tmp_path, "01_x", stubborn), tmp_path, cell_seconds=1.0))
    assert outcome.failure.kind == "timeout"


def test_a_notebook_over_its_time_is_stopped(tmp_path):
    path = write_lesson(tmp_path, "01_x", "1", "while True:\n    pass")
    start = time.monotonic()
    outcome = execute(task_of(path, tmp_path, limits=Limits(seconds=3.0)))
    assert time.monotonic() - start < 30
    assert (outcome.status, outcome.failure.kind) == ("failed", "over budget")
    assert outcome.failure.cell == "while True:\n    pass"
    assert "more than 3 s, its limit (--max-seconds)" in outcome.failure.message
    assert (tmp_path / "out" / "01_x.ipynb").exists()


def test_a_notebook_over_its_memory_is_stopped_and_one_below_is_not(tmp_path):
    greedy = "x = b'1' * 400_000_000\nwhile True:\n    pass"
    limits = Limits(memory_bytes=300_000_000)
    outcome = execute(task_of(write_lesson(tmp_path, "01_x", greedy), tmp_path, limits=limits))
    assert (outcome.status, outcome.failure.kind) == ("failed", "over budget")
    assert outcome.failure.cell == greedy
    assert "its limit is 300 MB (--max-memory)" in outcome.failure.message
    modest = task_of(write_lesson(tmp_path, "02_x", "1"), tmp_path, limits=limits)
    assert execute(modest).status == "completed"


def test_a_kernel_that_does_not_start_is_a_failure_of_its_notebook(tmp_path):
    path = write_lesson(tmp_path, "01_x", "1")
    outcome = execute(task_of(path, tmp_path, env={"PYTHONHOME": "/nowhere"}))
    assert (outcome.status, outcome.failure.kind) == ("failed", "no kernel")
    assert "Fatal Python error" in outcome.failure.message


def test_peak_memory_sees_a_short_allocation(tmp_path):
    cells = ("x = bytearray(400_000_000)\nx[::4096] = b'1' * len(x[::4096])\ndel x", "1")
    small = execute(task_of(write_lesson(tmp_path, "01_small", "1"), tmp_path))
    large = execute(task_of(write_lesson(tmp_path, "02_large", *cells), tmp_path))
    assert large.peak_memory_bytes - small.peak_memory_bytes > 350e6


def test_parameters_reach_the_notebook_and_nothing_else_does(tmp_path):
    path = write_lesson(tmp_path, "01_x", "print(k_max, name)")
    task = task_of(path, tmp_path, parameters={"k_max": 9, "name": "it's {odd}"})
    assert execute(task).status == "completed"
    executed = nbformat.read(task.output, as_version=4)
    assert executed.cells[-1].outputs[0].text == "9 it's {odd}\n"
    assert not nbformat.read(path, as_version=4).cells[-1].outputs


def test_kernels_talk_encrypted(tmp_path):
    show = "from ipykernel.kernelapp import IPKernelApp\nimport json\nprint(open(IPKernelApp.instance().abs_connection_file).read())"
    task = task_of(write_lesson(tmp_path, "01_x", show), tmp_path)
    execute(task)
    text = nbformat.read(task.output, as_version=4).cells[-1].outputs[0].text
    assert any("curve" in key for key in json.loads(text))


def test_a_folder_name_with_braces_and_spaces_works(course, tmp_path):
    good(course, "01_good", tmp_path / "log")
    ok, _, _ = run(course, out=tmp_path / "run {x} y")
    assert ok
    assert (tmp_path / "run {x} y" / "01_good.ipynb").exists()


def test_prepared_notebooks_have_their_parameters_and_no_outputs(tmp_path):
    task = task_of(write_lesson(tmp_path, "01_x", "k_max"), tmp_path, parameters={"k_max": 9})
    prepare_notebook(task)
    notebook = nbformat.read(task.output, as_version=4)
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", ())]
    assert "k_max = 9" in injected[0].source
    assert all(not c.outputs for c in notebook.cells if c.cell_type == "code")


def test_a_second_run_in_the_same_folder_is_refused(course, tmp_path):
    good(course, "01_good", tmp_path / "log")
    out = tmp_path / "run"
    out.mkdir()
    with FileLock(out / ".lock"), pytest.raises(UserError, match="another run"):
        run(course)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 99}'])
def test_a_damaged_results_file_means_running_again(course, tmp_path, damage):
    good(course, "01_good", tmp_path / "log")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / "results.json").write_text(damage)
    ok, results, _ = run(course)
    assert ok
    assert results["notebooks"]["01_good"]["status"] == "completed"


def test_reading_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="expected: the folder of a run"):
        results_file.read_results(tmp_path)


def test_the_report_is_written_after_each_notebook(course, tmp_path):
    for name in ("01_a", "02_b"):
        good(course, name, tmp_path / "log")
    seen = []

    def report(out, pages):
        results = results_file.read_results(out)
        seen.append((pages, [entry["status"] for entry in results["notebooks"].values()]))

    run(course, jobs=1, report=report)
    assert seen == [
        ((), ["waiting", "waiting"]),
        (("01_a",), ["completed", "waiting"]),
        (("02_b",), ["completed", "completed"]),
        ((), ["completed", "completed"]),
    ]


def test_a_report_that_cannot_be_written_does_not_stop_the_run_and_is_said_once(course, tmp_path):
    good(course, "01_good", tmp_path / "log")
    calls = []

    def report(out, pages):
        calls.append(pages)
        raise OSError("no space left")

    ok, results, said = run(course, report=report)
    assert not ok
    assert results["notebooks"]["01_good"]["status"] == "completed"
    assert len(calls) == 3
    assert sum("the report could not be written: OSError: no space left" in line for line in said) == 1
    assert not any("Report:" in line for line in said)
    ok, _, said = run(course)
    assert ok
    assert "kept" in said[0]
    assert "Report:" in said[1]


def test_results_that_cannot_be_written_end_the_run_with_that_reason(course, tmp_path):
    for name in ("01_a", "02_b"):
        good(course, name, tmp_path / "log")
    results = tmp_path / "run" / "results.json"
    write_lesson(course, "01_a", f"import os\nos.remove({str(results)!r})\nos.mkdir({str(results)!r})")
    said = []
    with pytest.raises(IsADirectoryError) as error:
        runner.run(
            plans(course), tmp_path / "run", preset="lab", jobs=1, say=said.append, report=lambda *_: None
        )
    assert error.value.filename == str(results)
    assert not any("Report:" in line for line in said)


def test_odd_outputs_do_not_stop_the_run_or_the_next_one(course):
    odd = """
from IPython.display import display
display({"image/png": "AAAA"}, raw=True)
display({"application/vnd.mnistkit.record+json": {"name": "x", "value": float("nan")}}, raw=True)
display({"application/vnd.mnistkit.record+json": [1]}, raw=True)
display({"application/vnd.mnistkit.data+json": {}}, raw=True)
"""
    write_lesson(course, "01_odd", odd)
    for _ in range(2):
        ok, results, said = run(course, report=write_report)
        assert ok
        assert results["notebooks"]["01_odd"]["records"] == []
        assert not [line for line in said if "could not" in line]


def test_a_standin_that_only_the_notebook_knows_of_is_noted(course):
    write_lesson(course, "01_a", 'name = "mnist"', "from mnistkit.data import load", SHOW)
    _, results, _ = run(course)
    (data,) = results["notebooks"]["01_a"]["data"]
    assert (data["name"], data["is_standin"]) == ("mnist", True)


class Noting:
    """An executor that only notes what it is given; who waits sees the first one end."""

    threads, shares_files = 1, True

    def __init__(self, slots):
        self.slots, self.given = slots, []

    def submit(self, function, task):
        self.given.append(Path(task.output).stem)
        return Future()

    def progress(self, futures):
        return 0

    def wait(self, futures, **_):
        first, *others = futures
        first.set_result(None)
        return {first}, set(others)


@pytest.mark.parametrize(
    ("slots", "order"),
    [(2, ["01_a", "04_d", "03_c", "02_b", "05_e"]), (1, ["01_a", "03_c", "02_b", "04_d", "05_e"])],
)
def test_the_longest_of_several_starts_first_and_none_before_its_models_are_there(
    course, slots, order, monkeypatch
):
    seconds = {"01_a": 10, "02_b": 25, "03_c": 20, "04_d": 30, "05_e": 1}
    after = {"02_b": ("01_a",)}
    for name in seconds:
        good(course, name, "log")
    plans_ = [
        dataclasses.replace(plan, budget=Limits(seconds[plan.name]), after=after.get(plan.name, ()))
        for plan in plans(course)
    ]
    executor = Noting(slots)
    monkeypatch.setattr(runner, "wait", executor.wait)
    task_of = lambda plan: runner.make_task(plan, course, "lab", NO_LIMITS)  # noqa: E731
    work = runner._Work(plans_, executor, task_of, False)
    assert len(list(work.as_finished(threading.Event()))) == 5
    assert executor.given == order


def test_two_run_at_a_time(course, tmp_path):
    """Each of two lessons waits for the other: run one after the other, both would end in a timeout."""
    for mine, other in (("a", "b"), ("b", "a")):
        meet = f"""
import os
open({str(tmp_path / ("to_" + other))!r}, "w").close() if {mine!r} == "a" else open({str(tmp_path / "to_b")!r}).close()
"""
        write_lesson(course, f"0{'ab'.index(mine) + 1}_{mine}", meet)
    os.mkfifo(tmp_path / "to_b")
    ok, _, _ = run(course, jobs=2)
    assert ok


def test_kernels_share_the_cores_and_what_the_user_has_set_stays(course, tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY")
    write_lesson(course, "01_a", f"import os\nprint(*(os.environ[name] for name in {names}))")
    run(course, jobs=2)
    assert printed(tmp_path / "run", "01_a") == "4 3 PASSIVE"


def test_a_kernel_that_has_a_standin_does_not_try_the_network(course):
    parameters = 'data: str = "auto"  # where from'
    write_lesson(course, "01_a", 'load("mnist", data)', parameters=parameters)
    write_lesson(course, "02_b", "1", parameters=parameters)

    def task(made):
        return jobs.make_task(made, Path("out"), "lab", NO_LIMITS)

    first, second = (task(p).env for p in plans(course))
    assert first["MNISTKIT_OFFLINE"]
    assert "MNISTKIT_OFFLINE" not in second
    assert "MNISTKIT_OFFLINE" not in task(plans(course, "data=bundled")[0]).env


@pytest.mark.parametrize("name", ["01_good.ipynb", "results.json", "report/index.html", "models/cnn.keras"])
def test_files_that_no_run_has_written_are_not_overwritten(course, tmp_path, name):
    good(course, "01_good", tmp_path / "log")
    write_lesson(course, "02_hands", HANDS)
    mine = tmp_path / "run" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(UserError, match="not written by a run"):
        run(course)
    assert mine.read_text() == "mine"


def test_a_folder_that_is_a_file_is_refused(course, tmp_path):
    good(course, "01_good", tmp_path / "log")
    (tmp_path / "run").write_text("a file")
    with pytest.raises(UserError, match="expected: a folder to write into"):
        run(course)


def test_a_kernel_that_does_not_start_leaves_no_earlier_result(course, tmp_path, monkeypatch):
    path = good(course, "01_good", tmp_path / "log")
    run(course)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("1"))
    nbformat.write(notebook, path)
    ok, results, _ = run(course)
    assert not ok
    assert results["notebooks"]["01_good"]["failure"]["kind"] == "no kernel"
    cells = nbformat.read(tmp_path / "run" / "01_good.ipynb", as_version=4).cells
    assert all(not cell.outputs for cell in cells if cell.cell_type == "code")


def test_a_file_is_whole_or_what_it_was_before(tmp_path, monkeypatch):
    path = tmp_path / "new" / "a.txt"
    write_atomically(path, "one\n")
    assert path.read_bytes() == b"one\n"
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "two")
    assert path.read_text() == "one\n"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("lessons", "cores", "free_bytes", "jobs"),
    [(7, 2, 24e9, 2), (1, 8, 24e9, 1), (7, 16, 7e9, 3), (7, 4, 0.2e9, 1), (0, 2, 24e9, 1)],
)
def test_as_many_at_a_time_as_lessons_cores_and_memory_allow(monkeypatch, lessons, cores, free_bytes, jobs):
    monkeypatch.setattr(local, "cores", lambda: cores)
    monkeypatch.setattr(local, "available_memory", lambda: free_bytes)
    assert local.default_jobs(lessons) == jobs


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_stops_the_kernels_and_keeps_what_is_finished(course, tmp_path):
    log, pipe = tmp_path / "log", tmp_path / "pipe"
    good(course, "01_good", log)
    os.mkfifo(pipe)
    slow = f"""
import os, subprocess, time
from pathlib import Path
if Path({str(pipe)!r}).exists():
    child = subprocess.Popen(["sleep", "300"]).pid
    Path({str(pipe)!r}).write_text(f"{{os.getpid()}} {{child}}")
    time.sleep(300)
"""
    write_lesson(course, "02_slow", slow)
    command = [sys.executable, "-m", "mnistkit.cli", "run", "-j", "1", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert select.select([reader], [], [], 60)[0], "the second notebook did not start"
    kernel, child = map(int, os.read(reader, 100).split())
    os.close(reader)
    pipe.unlink()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "stopping the kernels" in output
    assert "Traceback" not in output
    assert not psutil.pid_exists(kernel) or psutil.Process(kernel).status() == psutil.STATUS_ZOMBIE
    results = results_file.read_results(tmp_path / "run")
    assert results["notebooks"]["01_good"]["status"] == "completed"
    assert results["notebooks"]["02_slow"]["status"] == "interrupted"
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE

    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert again.returncode == 0, again.stderr
    assert log.read_text().split() == ["ran"]
    assert Path(tmp_path / "run" / "report" / "index.html").exists()


def test_a_run_that_is_stopped_ends_its_own_kernels_and_nothing_else_on_the_executor(course, tmp_path):
    begun, go, stop = tmp_path / "begun", threading.Event(), threading.Event()
    hang = f"from pathlib import Path\nPath({str(begun)!r}).touch()\nwhile True:\n    pass"
    write_lesson(course, "01_hangs", hang)
    write_lesson(course, "02_waits", "1")
    with local.LocalExecutor(2) as executor, ThreadPoolExecutor(1) as pool:
        other = executor.submit(go.wait, 60)
        stopped = pool.submit(run, course, executor=executor, stop=stop)
        while not begun.exists():
            assert not stopped.done(), stopped
            time.sleep(0.1)
        stop.set()
        with pytest.raises(CancelledError):
            stopped.result(60)
        assert not other.done()
        go.set()
    entries = results_file.read_results(tmp_path / "run")["notebooks"]
    assert [entry["status"] for entry in entries.values()] == ["interrupted", "waiting"]


HANDS = """
import os
from pathlib import Path

def save_artifact(name):
    folder = Path(os.environ["MNISTKIT_RUN"]) / "models"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text("")
    (folder / f"{name}.keras").write_text(str(k_max))

save_artifact("cnn")
"""
TAKES = """
import os
from pathlib import Path

def load_artifact(name):
    path = Path(os.environ["MNISTKIT_RUN"]) / "models" / f"{name}.keras"
    print(path.read_text() if path.exists() else "none")

load_artifact("cnn")
"""


class Watching(local.LocalExecutor):
    """Notes which lessons were completed when each one was started."""

    def __init__(self, out):
        super().__init__(4)
        self.out, self.seen = out, {}

    def submit(self, function, task):
        notebooks = json.loads((self.out / "results.json").read_text())["notebooks"]
        self.seen[Path(task.output).stem] = {
            name for name, entry in notebooks.items() if entry["status"] != "waiting"
        }
        return super().submit(function, task)


@pytest.fixture
def relay(course):
    """A course in which 03 takes over what 02 keeps; 01 has nothing to do with it."""
    write_lesson(course, "01_other", "1")
    write_lesson(course, "02_hands", HANDS)
    write_lesson(course, "03_takes", TAKES)
    return course


def printed(out, name):
    notebook = nbformat.read(out / f"{name}.ipynb", as_version=4)
    return "".join(o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", ())).strip()


def test_a_lesson_waits_for_the_one_whose_model_it_takes_over_and_for_no_other(relay, tmp_path):
    with Watching(tmp_path / "run") as executor:
        ok, _, _ = run(relay, executor=executor)
        assert run(relay, "k_max=6", executor=executor)[0], "the executor stays open"
    assert ok
    assert printed(tmp_path / "run", "03_takes") == "6"
    assert executor.seen["01_other"] == executor.seen["02_hands"] == set()
    assert "02_hands" in executor.seen["03_takes"]


def test_a_lesson_starts_even_if_the_one_before_it_failed(relay, tmp_path):
    write_lesson(relay, "02_hands", "def save_artifact(name): raise ValueError", 'save_artifact("cnn")')
    ok, results, _ = run(relay)
    assert not ok
    assert results["notebooks"]["03_takes"]["status"] == "completed"
    assert printed(tmp_path / "run", "03_takes") == "none"
    # Repaired: the lesson that had to do without runs again.
    write_lesson(relay, "02_hands", HANDS)
    ok, _, said = run(relay)
    assert ok
    assert printed(tmp_path / "run", "03_takes") == "5"
    assert any("another result of 02_hands" in line for line in said)


def test_a_model_of_an_earlier_run_is_not_taken_over_when_its_lesson_fails_now(relay, tmp_path):
    assert run(relay)[0]
    write_lesson(relay, "02_hands", "1 / 0", 'save_artifact("cnn")')
    _, results, _ = run(relay)
    assert results["notebooks"]["03_takes"]["status"] == "completed"
    assert printed(tmp_path / "run", "03_takes") == "none"


def test_a_lesson_whose_model_was_deleted_runs_again(relay, tmp_path):
    run(relay)
    (tmp_path / "run" / "models" / "cnn.keras").unlink()
    _, results, _ = run(relay)
    kept = {name for name, entry in results["notebooks"].items() if entry["kept"]}
    assert kept == {"01_other", "03_takes"}, "the same fingerprint gives the same model"
    assert (tmp_path / "run" / "models" / "cnn.keras").exists()


def test_lessons_that_wait_do_not_take_cores_from_the_one_they_wait_for(relay):
    assert runner._at_a_time(plans(relay)) == 2
    assert runner._at_a_time([p for p in plans(relay) if p.name != "02_hands"]) == 2


def test_what_took_a_model_over_is_kept_until_that_model_changes(relay, tmp_path):
    run(relay)
    assert sum("kept:" in line for line in run(relay)[2]) == 3
    # Alone it still has the model of the earlier run beside it.
    alone = [p for p in plans(relay) if p.name == "03_takes"]
    said = []
    runner.run(alone, tmp_path / "run", preset="lab", jobs=2, say=said.append, report=lambda *_: None)
    assert "kept" in said[0]
    # Another parameter of 02 makes another model; 03's own parameters are as they were.
    changed = [dataclasses.replace(p, fingerprint="x") if p.name == "02_hands" else p for p in plans(relay)]
    said = []
    runner.run(changed, tmp_path / "run", preset="lab", jobs=2, say=said.append, report=lambda *_: None)
    assert any(line.split()[0] == "03_takes" and "another result of 02_hands" in line for line in said)
    assert any(line.split()[0] == "01_other" and "kept" in line for line in said)


def test_the_slowest_cells_are_named_slowest_first_with_their_memory(course, tmp_path):
    wait = "import time\ntime.sleep({})"
    large = "x = b'1' * 300_000_000\n" + wait.format(0.8)
    write_lesson(
        course, "01_a", "1", large, "del x", wait.format(0.3), wait.format(4.0) + "\nraise ValueError"
    )
    ok, results, _ = run(course)
    assert not ok
    cells = nbformat.read(tmp_path / "run" / "01_a.ipynb", as_version=4).cells
    ids = {cell.source: cell.id for cell in cells}
    slowest = results["notebooks"]["01_a"]["slowest_cells"]
    named = [ids[cells[-1].source], ids[large], ids[wait.format(0.3)]]
    assert [entry["cell"] for entry in slowest] == named, "the one that failed too"
    assert 4.0 <= slowest[0]["seconds"] < results["notebooks"]["01_a"]["seconds"]
    assert slowest[1]["peak_memory_bytes"] - slowest[2]["peak_memory_bytes"] > 250e6
    assert slowest[2]["peak_memory_bytes"] > 20e6


def test_the_cell_that_was_stopped_is_among_the_slowest(tmp_path):
    path = write_lesson(tmp_path, "01_hangs", "1", "while True:\n    pass")
    outcome = execute(task_of(path, tmp_path, cell_seconds=1.0))
    assert outcome.slowest_cells[0]["cell"] == nbformat.read(path, as_version=4).cells[-1].id
    assert outcome.slowest_cells[0]["seconds"] >= 1.0


def test_more_than_the_preset_should_take_is_said_and_stops_nothing(course, tmp_path, monkeypatch):
    good(course, "01_a", tmp_path / "log")
    (course / "01_a.yaml").write_text("budgets:\n  lab: {seconds: 0.01, memory_mb: 1}\n")
    lessons = find(course)
    budgets = jobs.read_budgets(lessons, "lab")
    made = jobs.JobMaker().make(lessons, resolve(lessons, {}, {}), budgets)
    said = []
    options = {"preset": "lab", "jobs": 1, "say": said.append, "report": lambda *_: None}
    assert runner.run(made, tmp_path / "run", **options)
    (line,) = [line for line in said if "01_a" in line]
    assert "more than the 0 s that it should take" in line
    assert "more than the 1 MB that it should take" in line
    entry = results_file.read_results(tmp_path / "run")["notebooks"]["01_a"]
    assert entry["budget"] == {"seconds": 0.01, "memory_bytes": 1_000_000}
    assert jobs.read_budgets(lessons, "smoke") == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("budgets: {lab: 5}", r"01_a\.yaml: budgets\.lab\n  found: "),
        ("budgets: {lab: {seconds: 5}}", r"01_a\.yaml: budgets\.lab\n  found: "),
        ("[1]", r"01_a\.yaml\n  found: "),
        ("budgets: {lab: {seconds: x, memory_mb: 1}}", r"01_a\.yaml: budgets\.lab: seconds\n  found: "),
        ("budgets: {lap: {seconds: 1, memory_mb: 1}}", r"01_a\.yaml: .* 'lap', did you mean 'lab'\?"),
    ],
)
def test_a_budget_that_is_none_is_answered(course, tmp_path, text, place):
    good(course, "01_a", tmp_path / "log")
    (course / "01_a.yaml").write_text(text)
    with pytest.raises(UserError, match=place):
        jobs.read_budgets(find(course), "lab")
