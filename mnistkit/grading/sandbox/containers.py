"""What stands in bubblewrap's way on a machine or in a container, and what lets it work.

Measured with bubblewrap's own words, under the rights that Docker gives by default and with one after the
other of those named here. Podman takes the same options but for masked paths and SELinux.
"""

from __future__ import annotations

import os
from pathlib import Path

_CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Left by Docker and by Podman."""
_NAMESPACES = ("namespace", "uid map", "loopback", "mount", "make / slave", "pivot_root")
"""Words of bubblewrap about what a container or a kernel may refuse it."""

_FOR_ROOT = (
    "start the container with `--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt apparmor=unconfined`"
)
_FOR_OTHERS = (
    "start the container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    " --security-opt systempaths=unconfined` (podman: `--security-opt unmask=ALL` for the last)"
)
_AT_ALL = (
    " (docker run or podman run; with SELinux also `--security-opt label=disable`); the container itself then"
    " shuts in less. Where a platform starts it without such options, collect and grade on a machine of your"
    " own; or, only for submissions of people whom you trust, --unsandboxed"
)
_NO_CONTAINER = (
    "let users make namespaces: sysctl kernel.unprivileged_userns_clone=1, on Ubuntu sysctl"
    " kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap"
)


def way_out(words: str) -> str:
    """Say what to do where bubblewrap may not make a sandbox.

    Parameters
    ----------
    words : str
        What it said.

    Returns
    -------
    str
        The options of a container, or the settings of a machine; empty where the words are about neither.
    """
    if not any(part in words for part in _NAMESPACES):
        return ""
    if not any(file.exists() for file in _CONTAINER_FILES) and "container" not in os.environ:
        return _NO_CONTAINER
    return (_FOR_ROOT if os.getuid() == 0 else _FOR_OTHERS) + _AT_ALL
