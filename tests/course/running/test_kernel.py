"""What counts as an executed notebook, and what may come out of a cell."""

import json
import os
import time

import nbformat
import pytest
from course_helpers import task_of, write_lesson
from nbformat.v4 import new_output

from mnistkit.course.lessons import KERNEL
from mnistkit.course.running import bounded_output
from mnistkit.course.running.bounded_output import MAX_TEXT, CellOutput, shorten, without_overwritten
from mnistkit.course.running.execute import Limits, execute, prepare_notebook

pytestmark = pytest.mark.slow


def executed(task):
    notebook = nbformat.read(task.output, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def with_tags(path, index, *tags):
    """Tag a code cell behind the parameters."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2 + index].metadata["tags"] = list(tags)
    nbformat.write(notebook, path)
    return path


@pytest.mark.parametrize(
    ("cell", "kind", "message"),
    [
        ("import sys; sys.exit(0)", "error", "SystemExit: 0"),
        ("raise SystemExit", "error", "SystemExit"),
        ("exit()", "error", "exit() or quit()"),
        ("quit", "error", "exit() or quit()"),  # without a call: IPython takes it for one
        ("raise KeyboardInterrupt", "error", "KeyboardInterrupt"),
        ("import os; os._exit(0)", "dead kernel", "the cell ended it"),
        ("%nosuchmagic 1", "error", "`%nosuchmagic` not found"),
        ("x = 1\n%%nosuchcell\n1", "error", "`%%nosuchcell` not found"),
    ],
)
def test_a_cell_that_leaves_early_is_a_failure_that_names_it(tmp_path, cell, kind, message):
    task = task_of(write_lesson(tmp_path, "01_x", "1", cell, "print('after')"), tmp_path)
    outcome = execute(task)
    assert (outcome.status, outcome.failure.kind, outcome.failure.cell) == ("failed", kind, cell)
    assert message in outcome.failure.message
    assert not executed(task)[-1].outputs, "nothing behind it is executed"


def test_the_last_cell_must_reach_its_end_too(tmp_path):
    outcome = execute(task_of(write_lesson(tmp_path, "01_x", "exit()"), tmp_path))
    assert (outcome.status, outcome.failure.cell) == ("failed", "exit()")


def test_a_cell_that_is_tagged_to_be_skipped_means_that_not_all_was_executed(tmp_path):
    path = with_tags(write_lesson(tmp_path, "01_x", "1", "2", "print(3)"), 1, "skip-execution")
    outcome = execute(task_of(path, tmp_path))
    assert (outcome.status, outcome.failure.cell) == ("failed", "2")
    assert "not executed (its tags: skip-execution)" in outcome.failure.message


def test_behind_an_expected_exception_the_rest_is_executed_and_the_notebook_is_not_completed(tmp_path):
    cells = ("1 / 0", "import sys; sys.exit(0)", "print('after')")
    path = with_tags(
        with_tags(write_lesson(tmp_path, "01_x", *cells), 0, "raises-exception"), 1, "raises-exception"
    )
    task = task_of(path, tmp_path)
    outcome = execute(task)
    assert (outcome.status, outcome.failure.cell) == ("failed", "1 / 0")
    assert executed(task)[-1].outputs[0].text == "after\n"


def test_empty_cells_and_markdown_need_not_be_executed(tmp_path):
    assert execute(task_of(write_lesson(tmp_path, "01_x", "", "  \n", "1"), tmp_path)).status == "completed"


def test_long_output_is_cut_with_a_mark_and_takes_no_time(tmp_path):
    """All in one kernel: each of these took minutes, or made a file that nobody can open."""
    cells = (
        "print('begin' + 'x' * 5_000_000 + 'end')",
        "print('\\n'.join(map(str, range(1_000_000))))",
        "for i in range(2_000): print(f'\\rstep {i}', end='')\nprint('\\rdone  ')",
        "from IPython.display import HTML, display\ndisplay(HTML('a' * 30_000_000))\nprint('after')",
        "'y' * 5_000_000",
        "from IPython.display import clear_output\nfor i in range(5):\n    clear_output(wait=True)\n"
        "    display(HTML('b' * 9_000_000))",
        "for word in ('one ', 'two ', 'three'): print(word, end='', flush=True)",
        "raise ValueError('z' * 5_000_000)",
    )
    start = time.monotonic()
    task = task_of(write_lesson(tmp_path, "01_x", *cells), tmp_path)
    outcome = execute(task)
    assert time.monotonic() - start < 60
    assert outcome.failure.cell == cells[-1]
    assert len(outcome.failure.message) < 2 * MAX_TEXT
    line, lines, bar, shown, plain, cleared, flushed, raised = (cell.outputs for cell in executed(task)[1:])
    assert len(line) == 1
    assert line[0].text.startswith("beginxxx")
    assert line[0].text.endswith("xxxend\n")
    assert "characters of output were cut here" in line[0].text
    assert len(line[0].text) < MAX_TEXT + 100
    assert lines[0].text.startswith("0\n1\n")
    assert lines[0].text.endswith("\n999999\n")
    assert bar[0].text == "done  \n"
    assert [output.output_type for output in shown] == ["stream", "stream"]
    assert "1 output of this cell, 30.0 MB, left out" in "".join(output.text for output in shown)
    assert "after\n" in [output.text for output in shown]
    assert "were cut here" in plain[0].data["text/plain"]
    assert [len(output.data["text/html"]) for output in cleared] == [9_000_000]
    assert [output.text for output in flushed] == ["one two three"]
    assert "were cut here" in raised[0].evalue


def test_text_is_kept_whole_up_to_the_limit():
    text = "a" * MAX_TEXT
    assert shorten(text) == text
    cut = shorten("b" + text)
    assert cut.startswith("b")
    assert "[… 1 characters of output were cut here …]" in cut


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("10%\r20%\r30%", "30%"),
        ("a\r\nb\r\n", "a\r\nb\r\n"),
        ("10%\r", "10%\r"),
        ("x\na\rb\rc\nd", "x\nc\nd"),
        ("a\r\r", "\r"),
    ],
)
def test_what_was_overwritten_is_left_out_as_nbclient_does(printed, shown):
    from nbclient.client import _RGX_CARRIAGERETURN

    assert without_overwritten(printed) == shown == _RGX_CARRIAGERETURN.sub("", printed)


@pytest.mark.parametrize("size", [1, 7, 100, 5_000])
def test_what_is_cut_does_not_depend_on_how_it_arrives(size, monkeypatch):
    monkeypatch.setattr(bounded_output, "MAX_TEXT", 100)
    monkeypatch.setattr(bounded_output, "_HALF", 50)
    text = "".join(f"{i}\n" for i in range(1_000))
    output, outputs = CellOutput(), []
    for start in range(0, len(text), size):
        outputs.append(new_output("stream", name="stdout", text=text[start : start + size]))
        output.join(outputs)
    output.finish(outputs)
    (kept,) = outputs
    assert (
        kept.text
        == f"{text[:50]}\n[… {len(text) - 100:,} characters of output were cut here …]\n{text[-50:]}"
    )


def test_thousands_of_small_outputs_are_cut_too():
    output, outputs = CellOutput(), []
    kept = sum(
        output.admit({"msg_type": "display_data", "content": {"data": {"text/plain": "1"}}}, outputs)
        for _ in range(10_000)
    )
    output.finish(outputs)
    assert kept == 2_000
    assert "8,000 outputs of this cell" in outputs[0].text


@pytest.mark.parametrize("endless", ["while True: print('x' * 100)", "while True: print('x', flush=True)"])
def test_a_cell_that_never_stops_printing_is_stopped(tmp_path, endless):
    task = task_of(write_lesson(tmp_path, "01_x", endless), tmp_path, limits=Limits(seconds=4.0))
    start = time.monotonic()
    outcome = execute(task)
    assert time.monotonic() - start < 30
    assert (outcome.status, outcome.failure.kind, outcome.failure.cell) == ("failed", "over budget", endless)


def test_the_time_that_a_kernel_takes_to_start_counts(tmp_path):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import time\ntime.sleep(50)")
    path = write_lesson(tmp_path, "01_x", "1")
    env = {"IPYTHONDIR": str(tmp_path / "ipython")}
    start = time.monotonic()
    outcome = execute(task_of(path, tmp_path, env=env, limits=Limits(seconds=2.0)))
    assert time.monotonic() - start < 30
    assert (outcome.status, outcome.failure.kind) == ("failed", "over budget")


def test_the_memory_of_child_processes_counts(tmp_path):
    cell = """
import subprocess, sys
code = "x = b'1' * 400_000_000; input()"
child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
short = [subprocess.Popen([sys.executable, "-c", ""]) for _ in range(2)]  # one that ends must not hide it
child.wait()
"""
    task = task_of(write_lesson(tmp_path, "01_x", cell), tmp_path, limits=Limits(memory_bytes=300_000_000))
    outcome = execute(task)
    assert (outcome.status, outcome.failure.kind) == ("failed", "over budget")
    assert outcome.peak_memory_bytes > 300_000_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system with fork")
def test_the_memory_that_a_forked_process_shares_counts_once(tmp_path):
    """As each program is that a notebook starts, until it has its own code; this one can be seen."""
    cell = """
import os, time
x = b'1' * 400_000_000
if not (child := os.fork()):
    time.sleep(0.7)
    os._exit(0)
os.waitpid(child, 0)
"""
    task = task_of(write_lesson(tmp_path, "01_x", cell), tmp_path, limits=Limits(memory_bytes=700_000_000))
    outcome = execute(task)
    assert outcome.status == "completed"
    assert 400_000_000 < outcome.peak_memory_bytes < 600_000_000


@pytest.mark.parametrize(
    "kernelspec",
    [
        {},
        {"name": "conda-env-ml-py", "display_name": "Python [conda env:ml]", "language": "python"},
        {"name": "", "display_name": ""},
        {"name": "no-such-kernel"},
    ],
)
def test_a_prepared_notebook_names_the_courses_own_kernel(tmp_path, kernelspec):
    path = write_lesson(tmp_path, "01_x", "1")
    content = json.loads(path.read_text())
    content["metadata"] = {"kernelspec": kernelspec, "orig_nbformat": 4} if kernelspec else {}
    path.write_text(json.dumps(content))
    task = task_of(path, tmp_path, parameters={"seed": 7})
    prepare_notebook(task)
    notebook = nbformat.read(task.output, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec == KERNEL
    assert "seed = 7" in notebook.cells[2].source


def test_a_kernel_of_the_same_name_elsewhere_is_not_taken(tmp_path, monkeypatch):
    """Somebody's ``ipykernel install --user`` writes a kernel python3 that starts another Python."""
    kernels = tmp_path / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(
        json.dumps({"argv": ["/bin/false"], "display_name": "Python 3", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    path = write_lesson(tmp_path, "01_x", "import mnistkit")
    assert execute(task_of(path, tmp_path)).status == "completed"
