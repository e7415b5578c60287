"""What a process runs with, on which results depend: the package's code, and the versions installed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from functools import cache
from pathlib import Path
from typing import Any

WEIGHTS = "VGG16's weights"
"""Their name among what a lesson needs: no data set is called so."""


def json_hash(value: Any) -> str:
    """Hash what can be written as JSON.

    Parameters
    ----------
    value : object
        The order of a dictionary's names does not count.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def code_hash() -> str:
    """Hash the files of the package that a notebook can import: all but the runner's own.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    return json_hash(
        [
            entry
            for entry in _package()
            if entry[0].partition("/")[0] not in ("course", "grading", "doctor", "cli")
        ]
    )


def package_hash() -> str:
    """Hash all the code of the package, the runner's too.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    return json_hash(_package())


def _package() -> list[tuple[str, str]]:
    """List the package's files with their text, in the order of their names."""
    package = Path(__file__).resolve().parents[3]
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    return [(name, files[name].read_text(encoding="utf-8")) for name in sorted(files)]


@cache
def installed_versions() -> dict[str, str]:
    """List what is installed in this process' environment.

    Returns
    -------
    dict of str to str
        Version by name, in the order of the names. Copies that packages bring along for themselves are not in
        it: setuptools puts its own on the path of whoever imports it.
    """
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        if "_vendor" not in Path(str(distribution.locate_file(""))).parts:
            found.setdefault(distribution.name, distribution.version)  # the first on the path is imported
    return dict(sorted(found.items()))
