"""A bundle in the lab's own network: its page, its files, and one archive for each system."""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mnistkit.course.bundle.command import SUMS
from mnistkit.course.bundle.page import BUNDLE_PAGE, render_page, systems_of
from mnistkit.errors import UserError

_ARCHIVE = re.compile(r"/mnistkit-(\w+)\.zip")
_logger = logging.getLogger(__name__)


def read_sums(folder: Path) -> list[str]:
    """List the files of a bundle.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle.

    Returns
    -------
    list of str
        Their paths in it, with ``/``.

    Raises
    ------
    UserError
        If it is no bundle.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(
            folder,
            found=f"no {SUMS} ({error.strerror})",
            expected="a folder that mnistkit bundle has written",
            todo="write one: mnistkit bundle --for windows,macos,linux OUT",
        ) from error
    return [SUMS, *(line.split("  ", 1)[1] for line in lines)]


def make_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Make a server that offers a bundle, read-only: no file that is not the bundle's own.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle.
    host : str
        The address to listen at.
    port : int
        The port; 0: any that is free.

    Returns
    -------
    http.server.ThreadingHTTPServer

    Raises
    ------
    UserError
        If it is no bundle, or the address can't be had.
    """
    files = read_sums(folder)
    handler = partial(_Handler, directory=str(folder), files=files)
    try:
        return ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise UserError(
            f"{host}:{port}",
            found=f"it can't be listened at ({error.strerror})",
            expected="an address of this machine, and a free port",
            todo="choose others: --host, --port",
        ) from error


class _Handler(SimpleHTTPRequestHandler):
    """Answers GET and HEAD, for the bundle's own files."""

    def __init__(self, *arguments: Any, files: list[str], **options: Any) -> None:
        self._files = files
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        """Send the page, an archive, or a file."""
        self._answer(super().do_GET)

    def do_HEAD(self) -> None:
        """Say what GET would send."""
        self._answer(super().do_HEAD)

    def _answer(self, send_file: Callable[[], None]) -> None:
        path = unquote(urlsplit(self.path).path)
        if path in ("/", f"/{BUNDLE_PAGE}"):
            self._send_page()
        elif (found := _ARCHIVE.fullmatch(path)) and found[1] in systems_of(Path(self.directory)):
            self._send_archive(found[1])
        elif path[1:] in self._files:
            send_file()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send_page(self) -> None:
        content = render_page(Path(self.directory), served=True).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _send_archive(self, system: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/zip")
        self.end_headers()  # no length: it is packed while it is sent
        if self.command != "GET":
            return
        with (
            suppress(ConnectionError),  # who asked has gone
            zipfile.ZipFile(self.wfile, "w", zipfile.ZIP_STORED) as archive,
        ):
            for name in self._files_for(system):
                archive.write(Path(self.directory) / name, f"mnistkit/{name}")

    def _files_for(self, system: str) -> Iterator[str]:
        others = [f"wheels/{other}/" for other in systems_of(Path(self.directory)) if other != system]
        return (name for name in self._files if not name.startswith(tuple(others)))

    def log_message(self, format: str, *arguments: Any) -> None:  # the base class's name
        """Show requests as the kit shows messages."""
        _logger.info(f"{self.address_string()} {format % arguments}")
