"""A Dask scheduler and its workers, started on loopback as Dask's own commands start them."""

import contextlib
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import process_helpers
import psutil

START_SECONDS = 60


@contextmanager
def started(command, *arguments, wait_for):
    """Start one of Dask's commands; give what follows `wait_for` in the line in which it first appears."""
    with tempfile.NamedTemporaryFile() as file:
        log = Path(file.name)
        process = process_helpers.start(f"distributed.cli.{command}", arguments, log)
        try:
            yield _following(wait_for, process, log)
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
