"""Files that are either whole or not there."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that no reader ever sees half of it.

    Parameters
    ----------
    path : pathlib.Path
        Where to; its folder is made where it is missing, a file there is replaced.
    text : str
        The content, written as UTF-8 with its line ends as they are: the same bytes on every system.

    Raises
    ------
    OSError
        If it can't be written (no permission, disk full); what was at `path` before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name with no content
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
