"""A Dask scheduler and its workers, started on loopback with Dask's own commands."""

import select
import subprocess
import sys
from contextlib import contextmanager

import psutil

START_SECONDS = 60


@contextmanager
def started(*arguments, wait_for):
    """Start one of Dask's commands; give what follows `wait_for` in the line in which it first appears."""
    command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    # Unbuffered: what a buffer has read ahead, select does not see.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0) as process:
        try:
            lines = [""]
            while wait_for not in lines[-1] and select.select([process.stderr], [], [], START_SECONDS)[0]:
                lines.append(process.stderr.readline().decode())
                assert lines[-1], "".join(lines)
            yield lines[-1].partition(wait_for)[2].split()[0]
        finally:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()


def worker(address, tmp_path, *options):
    folder = ["--local-directory", str(tmp_path), "--no-dashboard", "--nthreads", "1"]
    return started("dask_worker", address, *folder, *options, wait_for="Registered to:")
