"""What an instructor does with the notebooks: parameters, runs, sweeps and reports."""

from __future__ import annotations

from pathlib import Path

from mnistkit.errors import UserError


class CourseError(UserError):
    """A request that can't be carried out as it stands: what was found, what was expected, what to do."""


def unfit_folder(out: Path, found: str, kind: str) -> CourseError:
    """Say that a folder is not one to write into.

    Parameters
    ----------
    out : pathlib.Path
        The folder.
    found : str
        What is wrong with it.
    kind : str
        What is to be written: ``run``, ``sweep``, ``comparison``.

    Returns
    -------
    CourseError
        To be raised.
    """
    return CourseError(
        out,
        found=found,
        expected=f"a new folder, or that of an earlier {kind}",
        todo="choose another folder with --out",
    )
