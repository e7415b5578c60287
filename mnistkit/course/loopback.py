"""The machine's connection to itself, by which notebooks talk to their kernels and browsers to JupyterLab."""

from __future__ import annotations

import socket

from mnistkit.errors import UserError

_SECONDS = 5.0


def check_loopback() -> None:
    """See that this machine can be connected to itself.

    Raises
    ------
    UserError
        If it can't: no kernel would answer, and a minute would pass before anybody said so.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=_SECONDS).close()
    except OSError as error:
        raise UserError(
            "127.0.0.1",
            found=f"no connection from this machine to itself ({error.strerror or error})",
            expected="the loopback interface: notebooks talk to their kernels by it",
            todo="let the firewall allow 127.0.0.1; in a container or a namespace: ip link set lo up",
        ) from error
