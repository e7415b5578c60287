"""Opening files that may be anything (failing with a `DataError`), and writing them whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
import re
import shutil
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

import yaml

from mnistkit.errors import DataError, UserError
from mnistkit.utils.yaml_text import load_yaml

_GZIP_MAGIC = b"\x1f\x8b"
_WRITER = re.compile(r"\.writing-(?P<host>.*)-(?P<pid>\d+)-[^-]*")
_STALE = 3600.0  # seconds: a writer that can't be asked for is surely dead then, or has another's number
_MAX_LAYERS = 2
_CHUNK = 1 << 20
_UNSUSPICIOUS = 16 * 2**20  # bytes that any small file may expand to
_MAX_EXPANSION = 100  # beyond that: real images compress 2 to 10 times, never 100


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` replaced by the home folder (left as it is where nobody has that name)."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the operating system, gzip and zip raise about `path` into a `DataError`."""
    try:
        yield
    except PermissionError as error:
        raise DataError(
            str(path),
            found="no permission to read it",
            expected="a readable file",
            todo="ask the owner for read permission (chmod a+r), or copy it to a folder of your own",
        ) from error
    except FileNotFoundError as error:
        linked = f"a link to {path.readlink()}, which does not exist" if path.is_symlink() else ""
        raise DataError(
            str(path),
            found=linked or "no such file",
            expected="an existing file",
            todo="copy the file itself (or get it: git annex get, dvc pull)" if linked else "check the path",
        ) from error
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(
            str(path),
            found=f"damaged compressed data ({str(error) or type(error).__name__})",
            expected="a complete compressed file",
            todo="copy or download it again",
        ) from error
    except OSError as error:
        raise DataError(
            str(path),
            found=f"a read error ({error.strerror or error})",
            expected="a readable file",
            todo="check the disk or network drive, then try again",
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for reading bytes, through gzip where its content (not its name) is gzip's, also twice.

    Servers that pack what is packed already make ``.gz`` files with another one inside.

    Raises
    ------
    DataError
        If it cannot be opened, or reading from it fails inside the ``with`` block.
    """
    with reading(path), ExitStack() as stack:
        stream: BufferedReader | gzip.GzipFile = stack.enter_context(path.open("rb"))
        for _ in range(_MAX_LAYERS):
            if not stream.peek(2).startswith(_GZIP_MAGIC):
                break
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream, mode="rb"))
        yield cast(IO[bytes], stream)


def read_yaml(path: Path) -> Any:
    """Read a YAML file that people have written.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    object
        As for `mnistkit.utils.yaml_text.load_yaml`.

    Raises
    ------
    UserError
        If it can't be read, or is no YAML.
    """
    try:
        return load_yaml(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise UserError(
            path, found=error, expected="a readable YAML file", todo="correct the file, then try again"
        ) from error


def file_sha256(path: Path) -> str:
    """Hash a file's bytes, without reading all of it into memory.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        SHA-256 in hexadecimal.

    Raises
    ------
    OSError
        If it can't be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def scratch_beside(path: Path) -> Path:
    """Name a file or folder to be written and then moved to its place, so that nobody sees half of it.

    Parameters
    ----------
    path : pathlib.Path
        The place; its folder is made where it is missing, and what writers that were killed have left there
        is removed.

    Returns
    -------
    pathlib.Path
        A name in the same folder, with the same ending, that is hidden and tells who writes it.

    Raises
    ------
    OSError
        If the folder can't be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_scratch(path.parent)
    return path.with_name(f".writing-{platform.node()}-{os.getpid()}-{uuid.uuid4().hex}{path.suffix}")


def remove_scratch(folder: Path) -> None:
    """Delete what processes that were killed while writing have left in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where things are written with names of `scratch_beside`. What may still be written stays: by a process
        that runs here, or within the last hour by one of another computer.
    """
    for path in folder.glob(".writing-*"):
        with suppress(OSError):  # its writer has just finished, or it is another user's: it only takes room
            if not _is_left(path):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _is_left(path: Path) -> bool:
    """Whether no process writes this any more."""
    import psutil  # only where there is something to ask about

    changed = path.stat().st_mtime
    writer = _WRITER.match(path.name)
    if not writer or writer["host"] != platform.node():
        return time.time() - changed > _STALE
    try:
        # The time of a folder stays while a large file in it grows; its writer can't be younger.
        return psutil.Process(int(writer["pid"])).create_time() - changed > _STALE
    except psutil.NoSuchProcess:
        return True


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that no reader ever sees half of it.

    Parameters
    ----------
    path : pathlib.Path
        Where to; its folder is made where it is missing, a file there is replaced.
    content : str or bytes
        The content; a text is written as UTF-8 with its line ends as they are, the same bytes on every
        system.

    Raises
    ------
    OSError
        If it can't be written (no permission, disk full); what was at `path` before is still there.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to write instead of `path`; whole, it takes its place when the ``with`` block ends.

    Parameters
    ----------
    path : pathlib.Path
        What to write; its folder is made where it is missing.

    Yields
    ------
    pathlib.Path
        A name in the same folder, with the same ending.

    Raises
    ------
    OSError
        If it can't be written; what was at `path` before is still there.
    """
    temporary = scratch_beside(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # or a power cut could leave the new name with no content
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # the name that people know
    finally:
        temporary.unlink(missing_ok=True)


def zip_entry(name: str, permissions: int = 0o644) -> zipfile.ZipInfo:
    """Make the entry of a file in a zip: the same for the same file, wherever and whenever it is packed.

    Parameters
    ----------
    name : str
        Its path in the zip.
    permissions : int, optional
        As of ``chmod``.

    Returns
    -------
    zipfile.ZipInfo
    """
    entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
    entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3  # Unix: it has permissions
    entry.external_attr = permissions << 16
    return entry


def read_up_to(stream: IO[bytes], count: int) -> bytearray:
    """Read `count` bytes, or fewer if the stream ends: memory grows with what is there, not with `count`."""
    data = bytearray()
    while len(data) < count:
        chunk = stream.read(min(_CHUNK, count - len(data)))
        if not chunk:
            break
        data += chunk
    return data


def check_expansion(path: Path, count: int) -> None:
    """Refuse content that only a decompression bomb has.

    Parameters
    ----------
    path : pathlib.Path
        The file on disk.
    count : int
        Bytes of content that it declares, or that were read so far.

    Raises
    ------
    DataError
        If `count` is over 16 MB and over 100 times the file's size.
    """
    with reading(path):
        size = path.stat().st_size
    if count > max(_UNSUSPICIOUS, _MAX_EXPANSION * size):
        raise DataError(
            str(path),
            found=f"{count:,} bytes of content in a file of {size:,} bytes",
            expected=f"at most {_MAX_EXPANSION} times the file's size",
            todo="do not use this file: it is damaged or made to fill the memory",
        )
