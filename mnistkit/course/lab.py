"""JupyterLab for the course: a student's in the work folder, a teacher's in the sources."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mnistkit.course.loopback import check_loopback
from mnistkit.course.start_page import START_PAGE, update_start_page
from mnistkit.data.loader import named_folders
from mnistkit.records.lesson_facts import NOTEBOOKS_VARIABLE

_SETTINGS = Path(__file__).parent / "lab_settings"


def lab_environment(notebooks: Path) -> dict[str, str]:
    """Say what kernels must know to find the course, wherever the notebooks lie that they run.

    Parameters
    ----------
    notebooks : pathlib.Path
        The course's folder ``notebooks``.

    Returns
    -------
    dict of str to str
        Variables. Relative folders would mean others there, so they are absolute.

    Raises
    ------
    mnistkit.errors.DataError
        If ``MNISTKIT_DATA`` names a folder that does not exist.
    """
    notebooks = notebooks.resolve()
    folders = [folder.resolve() for folder in named_folders()]
    if (own := notebooks.parent / "data").is_dir() and own not in folders:
        folders.append(own)
    return {
        NOTEBOOKS_VARIABLE: str(notebooks),
        "MNISTKIT_DATA": os.pathsep.join(map(str, folders)),
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, also where the user has another
    }


def lab_options(folder: Path, *, teach: bool = False) -> list[str]:
    """Give JupyterLab's options.

    Parameters
    ----------
    folder : pathlib.Path
        What is opened: a student's folder, or with `teach` the folder of the notebooks.
    teach : bool
        Whether to show the sources, with JupyterLab as it comes.

    Returns
    -------
    list of str
        For the command line. Only this environment's own kernel is offered: mnistkit is in no other.
    """
    kernel = "--KernelSpecManager.allowed_kernelspecs=python3"
    if teach:
        # From the folder above, so that links to the course's pages can be opened; with tabs of its own.
        root, opened = folder.parent, f"/lab/workspaces/teach/tree/{folder.name}"
        return [kernel, f"--ServerApp.root_dir={root}", f"--LabApp.default_url={opened}"]
    return [
        kernel,
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{START_PAGE}",
        *student_options(),
    ]


def student_options() -> list[str]:
    """Give what makes a JupyterLab one for students, wherever it is started: also by a JupyterHub.

    Returns
    -------
    list of str
        For the command line, or for ``c.Spawner.args``.
    """
    return [
        # Pages are shown as pages, nothing is asked about news, and instructors' tools are away.
        f"--LabApp.app_settings_dir={_SETTINGS}",
        # After Run All the first figure is in sight; the start page says how far the student is now.
        f"--LabApp.extra_labextensions_path={_SETTINGS / 'labextensions'}",
        f"--FileContentsManager.post_save_hook={update_start_page.__module__}.{update_start_page.__name__}",
    ]


def open_lab(notebooks: Path, folder: Path, more: Sequence[str] = (), *, teach: bool = False) -> None:
    """Serve JupyterLab until it is ended.

    Parameters
    ----------
    notebooks : pathlib.Path
        The course's folder ``notebooks``.
    folder : pathlib.Path
        As for `lab_options`.
    more : sequence of str
        JupyterLab's own options, such as ``--no-browser``.
    teach : bool
        As for `lab_options`.

    Raises
    ------
    UserError
        If this machine can't be connected to itself.
    """
    from jupyterlab.labapp import LabApp

    check_loopback()
    os.environ |= lab_environment(notebooks)
    folder = folder.resolve()
    os.chdir(folder)  # nbgrader's Validate looks for its settings where the server was started
    LabApp.launch_instance([*lab_options(folder, teach=teach), *more])
