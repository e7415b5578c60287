"""What an instructor does with the notebooks: parameters, runs, sweeps and reports."""

from __future__ import annotations

from pathlib import Path

from mnistkit.errors import UserError


def unfit_folder(out: Path, found: str, kind: str) -> UserError:
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
    UserError
        To be raised.
    """
    return UserError(
        out,
        found=found,
        expected=f"a new folder, or that of an earlier {kind}",
        todo="choose another folder with --out",
    )
