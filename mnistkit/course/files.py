"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that no reader ever sees half of it.

    Parameters
    ----------
    path : pathlib.Path
        Where to; its folder is made where it is missing, a file there is replaced.
    text : str
        The content, written as UTF-8.

    Raises
    ------
    OSError
        If it can't be written (no permission, disk full); what was at `path` before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would lock a class out of a shared folder
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
