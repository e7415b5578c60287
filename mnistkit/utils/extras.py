"""How to get what not everybody has installed, and how what people are told to type is written."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shlex
import sys
from pathlib import Path

_READERS = {"networks": "student", "drawing": "student", "assignments": "teacher", "cluster": "teacher"}
"""For whom ``install.py`` installs an extra of pyproject.toml; the others are for developers."""


def typed(path: object, *, begins: bool = False) -> str:
    """Write a path as it is typed in a command: in quotes, where it has a space or the like.

    Parameters
    ----------
    path : object
        The path.
    begins : bool
        Whether the command begins with it: PowerShell takes what is in quotes for a text.

    Returns
    -------
    str
    """
    text = str(path)
    if os.name != "nt":
        return shlex.quote(text)
    if re.fullmatch(r"[\w.:\\/~-]+", text):
        return text
    return f'& "{text}"' if begins else f'"{text}"'


def installer() -> Path | None:
    """Find the ``install.py`` of this installation: in the clone, or in the bundle beside its environment.

    Returns
    -------
    pathlib.Path or None
        None where a wheel was installed by itself.
    """
    homes = (Path(__file__).resolve().parents[2], Path(sys.prefix).parent)
    return next((home / "install.py" for home in homes if (home / "install.py").is_file()), None)


def how_to_install(extra: str) -> str:
    """Say what to type to get the packages of an extra.

    Parameters
    ----------
    extra : str
        Its name in pyproject.toml.

    Returns
    -------
    str
        A command: that of ``install.py``, where this installation has one, or else pip's.
    """
    if script := installer():
        return f"{Path(sys.executable).name} {typed(script)} --for {_READERS.get(extra, 'developer')}"
    return f"pip install '{_for_pip(f'mnistkit[{extra}]')}'"


def how_to_install_again(options: str = "") -> str:
    """Say what to type to get all packages anew.

    Parameters
    ----------
    options : str
        Of ``install.py``, where there is one.

    Returns
    -------
    str
        As `how_to_install`.
    """
    if script := installer():
        return f"remove {sys.prefix}, then: {' '.join(['python', typed(script), options]).strip()}"
    return f"pip install --force-reinstall '{_for_pip('mnistkit')}'"


def _for_pip(name: str) -> str:
    """Name a package as pip gets it again: from an index, or from where its wheel was taken."""
    origin = importlib.metadata.distribution("mnistkit").read_text("direct_url.json")
    return f"{name} @ {json.loads(origin)['url']}" if origin else name
