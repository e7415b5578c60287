"""A control group for students' processes, where one can be had."""

import os
import subprocess

import psutil
import pytest
from sandbox_helpers import LIMITS, make_sandbox

from mnistkit.grading.sandbox import bwrap as sandboxes
from mnistkit.grading.sandbox import cgroups
from mnistkit.grading.sandbox.bwrap import Ended
from mnistkit.grading.sandbox.cgroups import make_group


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Make what a system with version 2 looks like, as far as it is read."""
    own = tmp_path / "user.slice" / "app.slice" / "jupyter.scope"
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").write_text("\n")
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (own.parent.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "mounts").write_text(f"proc /proc proc rw 0 0\ncgroup2 {tmp_path} cgroup2 rw,nosuid 0 0\n")
    (tmp_path / "cgroup").write_text("0::/user.slice/app.slice/jupyter.scope\n")
    monkeypatch.setattr(cgroups, "_TREE", tmp_path)
    return own


def test_the_nearest_place_that_passes_memory_on_is_taken(tree):
    group = make_group(1 << 20, 9)
    (folder,) = tree.parent.glob("mnistkit-*")
    assert (folder / "memory.max").read_text() == str(1 << 20)
    group.add(17)
    assert (folder / "cgroup.procs").read_text() == "17"
    assert group.processor_seconds == 0
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert group.processor_seconds == 2.5
    for events, exceeded in (("oom 0\noom_kill 3\n", False), ("low 0\noom 2\noom_kill 1\n", True)):
        (folder / "memory.events").write_text(f"max 5\n{events}")
        assert group.exceeded is exceeded, "killed because the machine had no memory is another matter"


def test_where_none_can_be_had_there_is_none(tree, tmp_path):
    for path in tmp_path.rglob("cgroup.subtree_control"):
        path.write_text("cpu\n")
    assert make_group(1 << 20, 9) is None
    (tmp_path / "mounts").unlink()
    assert make_group(1 << 20, 9) is None


def test_what_a_killed_grader_has_left_is_removed_and_nothing_else(tree):
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = tree.parent / f"mnistkit-{ended.pid}-ab"
    at_work = tree.parent / f"mnistkit-{os.getppid()}-ab"
    left.mkdir()
    at_work.mkdir()
    make_group(1 << 20, 9)
    assert at_work.exists()
    assert not left.exists()


@pytest.mark.slow
def test_the_kernel_holds_the_limit_and_whose_doing_it_was_is_known(monkeypatch):
    sandbox = make_sandbox()
    if (group := make_group(1 << 20, 9)) is None:
        pytest.skip("this account can't make a control group here")
    group.close()
    monkeypatch.setattr(sandboxes, "_memory_bytes", lambda *args: 0)  # the watch sees nothing
    with sandbox.start() as session:
        folder = session._group._folder
        pids = {process.pid for process in [psutil.Process(session._process.pid), *session._family()]}
        assert set(map(int, (folder / "cgroup.procs").read_text().split())) == pids
        with pytest.raises(Ended, match="more than 419 MB of memory"):
            session.ask(
                {
                    "do": "run",
                    "source": "kept = b'x' * (LIMIT * 2)".replace("LIMIT", str(LIMITS.memory_bytes)),
                },
                20,
            )
    assert not folder.exists()
