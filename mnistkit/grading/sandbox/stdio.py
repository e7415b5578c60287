"""A process that answers over the two pipes it begins with, one JSON text a line: the answering end."""

from __future__ import annotations

import os
from typing import IO


def own_pipes() -> tuple[IO[str], IO[str]]:
    """Keep the line to who started this process apart from what code in it reads and prints.

    Returns
    -------
    tuple of file
        Requests to read and answers to write. From now on standard input is empty, and what is printed goes
        to standard error.
    """
    requests, replies = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, replies
