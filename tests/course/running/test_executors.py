"""What runs, sweeps and grading rely on, on either executor."""

import operator
import threading
import time
from concurrent.futures import CancelledError, wait

import executor_helpers
import pytest
from dask_helpers import worker
from executor_helpers import count_to, mark, until_cancelled, until_exists

from mnistkit.course.running.executors.calls import current_call
from mnistkit.course.running.executors.dask import DaskExecutor
from mnistkit.course.running.executors.local import LocalExecutor

pytestmark = pytest.mark.slow

SECONDS = 60


@pytest.fixture(scope="module")
def cluster(scheduler, tmp_path_factory):
    """Give the address of a scheduler with one worker that takes two calls at a time."""
    with worker(scheduler, tmp_path_factory.mktemp("worker"), "--no-nanny", "--nthreads", "2"):
        yield scheduler


@pytest.fixture(params=["local", "dask"])
def executor(request):
    if request.param == "local":
        with LocalExecutor(2) as made:
            yield made
    else:
        with DaskExecutor(request.getfixturevalue("cluster")) as made:
            made.check([])
            yield made


def seen(path, future):
    """Wait until a call has made a file."""
    end = time.monotonic() + SECONDS
    while not path.exists():
        assert not future.done(), future
        assert time.monotonic() < end, path
        time.sleep(0.02)


def test_results_and_exceptions_come_back(executor):
    assert executor.slots == 2
    futures = [executor.submit(operator.mul, n, 7) for n in range(5)]
    with pytest.raises(ZeroDivisionError, match="zero"):
        executor.submit(operator.truediv, 1, 0).result(SECONDS)
    assert [future.result(SECONDS) for future in futures] == [0, 7, 14, 21, 28]


def test_to_cancel_some_ends_neither_the_others_nor_the_executor(executor, tmp_path):
    go = tmp_path / "go"
    stopped = executor.submit(until_cancelled, tmp_path / "stopped")
    other = executor.submit(until_exists, tmp_path / "other", go)
    seen(tmp_path / "stopped", stopped)
    seen(tmp_path / "other", other)
    queued = executor.submit(mark, tmp_path / "queued")
    later = executor.submit(mark, tmp_path / "later")
    executor.cancel([stopped, queued])
    assert stopped.done()
    assert queued.done()
    seen(tmp_path / "stopped.ended", other)
    assert not other.done()
    with pytest.raises(CancelledError):
        queued.result(SECONDS)
    assert later.result(SECONDS) == "marked"
    assert executor.submit(operator.add, 1, 2).result(SECONDS) == 3
    go.touch()
    assert other.result(SECONDS) == "went on"
    assert not (tmp_path / "queued").exists()
    executor.cancel([stopped, other])  # which have ended
    assert other.result() == "went on"


def test_steps_are_counted_only_for_the_calls_that_are_asked_for(executor, tmp_path):
    known = executor.shares_files  # nothing comes from a worker before the end
    go = tmp_path / "go"
    three = executor.submit(count_to, 3, tmp_path / "three", go)
    four = executor.submit(count_to, 4, tmp_path / "four", go)
    seen(tmp_path / "three", three)
    seen(tmp_path / "four", four)
    assert executor.progress([three]) == 3 * known
    assert executor.progress([three, four]) == 7 * known
    go.touch()
    wait([three, four], SECONDS)
    assert executor.progress([three, four]) == 0, "what has ended is counted by who waits for it"


def test_what_is_to_be_done_at_the_end_is_done_where_the_work_was_and_not_before(executor, tmp_path):
    executor.on_close(executor_helpers.write_notes)
    executor.submit(executor_helpers.note, tmp_path / "note").result(SECONDS)
    assert not (tmp_path / "note").exists()
    executor.__exit__()
    assert (tmp_path / "note").exists()


def test_a_call_without_an_executor_is_cancelled_by_nobody():
    assert not current_call().cancelled
    assert current_call() is not current_call()


def test_two_users_of_a_cluster_end_only_what_is_their_own(tmp_path, cluster):
    with DaskExecutor(cluster) as one:
        kept = one.submit(until_exists, tmp_path / "kept", tmp_path / "go")
        with DaskExecutor(cluster) as two:
            ended = two.submit(until_cancelled, tmp_path / "ended")
            seen(tmp_path / "ended", ended)
            seen(tmp_path / "kept", kept)
            two.cancel([ended])
            seen(tmp_path / "ended.ended", kept)
        (tmp_path / "go").touch()
        assert kept.result(SECONDS) == "went on"


def test_to_cancel_does_not_wait_for_the_calls_of_others(tmp_path):
    """A call that waits for its turn has ended at once, however long the one takes that is at work."""
    go = threading.Event()
    with LocalExecutor(1) as executor:
        at_work = executor.submit(go.wait, SECONDS)
        queued = executor.submit(operator.add, 1, 2)
        began = time.monotonic()
        executor.cancel([queued])
        assert time.monotonic() - began < 5
        assert not at_work.done()
        go.set()
