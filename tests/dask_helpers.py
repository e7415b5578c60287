"""A Dask scheduler and its workers, started on loopback as Dask's own commands start them."""

import contextlib
import importlib
import multiprocessing
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

START_SECONDS = 60

# A worker takes three seconds to import what it needs: they are forked from a process that has it already.
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_PROCESSES = multiprocessing.get_context(_METHOD)
_PROCESSES.set_forkserver_preload(
    [
        "distributed.cli.dask_scheduler",
        "distributed.cli.dask_worker",
        "mnistkit.course.running.executors.dask",
        "mnistkit.grading.autograde.worker_pool",
    ]
)


def _main(command, arguments, env, folder, log):
    """Be one of Dask's commands, as if started in this environment and this folder."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(log, os.O_WRONLY), 2)
    importlib.import_module(f"distributed.cli.{command}").main(arguments)


@contextmanager
def started(command, *arguments, wait_for):
    """Start one of Dask's commands; give what follows `wait_for` in the line in which it first appears."""
    with tempfile.NamedTemporaryFile() as log:
        process = _PROCESSES.Process(
            target=_main, args=(command, arguments, dict(os.environ), Path.cwd(), log.name)
        )
        process.start()
        try:
            yield _following(wait_for, process, Path(log.name))
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):  # a test may have killed it
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.join()


def _following(text, process, log):
    end = time.monotonic() + START_SECONDS
    while True:
        said = log.read_text()
        _, found, rest = said.partition(text)
        if found and "\n" in rest:
            return rest.split()[0]
        assert process.is_alive(), said
        assert time.monotonic() < end, said
        time.sleep(0.05)


def worker(address, tmp_path, *options):
    folder = ["--local-directory", str(tmp_path), "--no-dashboard", "--nthreads", "1"]
    return started("dask_worker", address, *folder, *options, wait_for="Registered to:")
