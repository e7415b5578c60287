"""How many threads the libraries of a process use, and what there is for them: the one place for both.

Some figures depend on it in their last digits, and threads of one process take the cores from another's. So
every process that the kit starts, a lesson's kernel, a grading process, a student's sandbox, gets its number
from `environment`; what takes a number as an argument instead of from there asks `allowed`.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "LOKY_MAX_CPU_COUNT",  # joblib's own processes, as scikit-learn starts them with n_jobs=-1
)
"""The environment variables by which the libraries of the lessons are told."""


def environment(threads: int) -> dict[str, str]:
    """Make the part of a child's environment that says how many threads its libraries use.

    Parameters
    ----------
    threads : int
        For each library.

    Returns
    -------
    dict of str to str
        Values by name.
    """
    # Threads that spin while they wait take the cores away from the other processes.
    return {**dict.fromkeys(THREAD_VARIABLES, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}


def environment_as_asked(threads: int) -> dict[str, str]:
    """Make the same where the user's own settings go first.

    Parameters
    ----------
    threads : int
        For each library that the user has set nothing for.

    Returns
    -------
    dict of str to str
        Values by name; those that are set in this process' environment are as they are there.
    """
    return {name: os.environ.get(name, value) for name, value in environment(threads).items()}


def threads_each(jobs: int) -> int:
    """Divide the cores among processes that work at the same time.

    Parameters
    ----------
    jobs : int
        How many at a time.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, cores() // jobs)


def asked_for(threads: int | None) -> dict[str, str]:
    """Write down what was asked for, to compare it with another time.

    Parameters
    ----------
    threads : int or None
        For each library; None where the kit chooses what fits.

    Returns
    -------
    dict of str to str
        With the user's own settings; equal where the same was asked for on as many cores.
    """
    own = {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}
    return {"each": str(threads) if threads else f"what fits {cores()} cores", **own}


def allowed() -> int:
    """Say how many threads a library may use that does not read the environment itself (openTSNE).

    Returns
    -------
    int
        What ``OMP_NUM_THREADS`` says, else as many as there are cores for this process; at least 1.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else cores()


def cores() -> int:
    """Count the cores that this process may use.

    Returns
    -------
    int
        At least 1: what a scheduler, a container's limit or ``LOKY_MAX_CPU_COUNT`` leaves of the machine's.
    """
    import joblib

    return max(1, joblib.cpu_count())


def available_memory() -> float:
    """Measure the memory that this process and its children can have.

    Returns
    -------
    float
        Bytes: what the machine has free, but not more than a container may take.
    """
    import psutil

    try:
        limit = float(_GROUP_LIMIT.read_text())
    except (OSError, ValueError):  # no such file, or the word "max"
        limit = math.inf
    return min(psutil.virtual_memory().available, limit)
