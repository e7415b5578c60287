"""Commands in processes of their own that don't take seconds to import what they need.

They are forked from one process that has imported it already.
"""

import importlib
import multiprocessing
import os
from pathlib import Path

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_PROCESSES = multiprocessing.get_context(_METHOD)
_PROCESSES.set_forkserver_preload(
    [
        "distributed.cli.dask_scheduler",
        "distributed.cli.dask_worker",
        "matplotlib.figure",
        "mnistkit.cli",
        "mnistkit.course.report.pages.comparison",
        "mnistkit.course.report.pages.sweep",
        "mnistkit.course.running.executors.dask",
        "mnistkit.course.sweeps.runner",
        "mnistkit.grading.autograde.worker_pool",
        "papermill",
        "pyarrow.parquet",
        "seaborn",
    ]
)


def _main(module, arguments, env, folder, log):
    """Be a command, as if started in this environment and this folder."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    for descriptor in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), descriptor)
    importlib.import_module(module).main(arguments)


def start(module, arguments, log, folder=None):
    """Start a module's `main`, in the environment that is set here; what it says goes to the file `log`."""
    log.touch()
    process = _PROCESSES.Process(
        target=_main, args=(module, arguments, dict(os.environ), folder or Path.cwd(), log)
    )
    process.start()
    return process
