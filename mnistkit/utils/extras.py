"""How to get what not everybody has installed: the one place that says it."""

from __future__ import annotations

import sys
from pathlib import Path

_READERS = {"networks": "student", "drawing": "student", "assignments": "teacher", "cluster": "teacher"}
"""For whom ``install.py`` installs an extra of pyproject.toml; the others are for developers."""


def how_to_install(extra: str) -> str:
    """Say what to type to get the packages of an extra.

    Parameters
    ----------
    extra : str
        Its name in pyproject.toml.

    Returns
    -------
    str
        A command: that of ``install.py``, where this package is from a clone, or else pip's.
    """
    installer = Path(__file__).resolve().parents[2] / "install.py"
    if installer.is_file():
        return f"{Path(sys.executable).name} {installer} --for {_READERS.get(extra, 'developer')}"
    return f"pip install 'mnistkit[{extra}]'"
