"""Opening files that may be anything (failing with a `DataError`), and writing them whole or not at all."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import os
import platform
import re
import shutil
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from mnistkit.data.dataset import DataError

_SCRATCH = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)-\d+\.tmp(?:\.[^.]+)?")
_SURELY_LEFT = 24 * 3600.0  # seconds after which nobody is still writing a file
_GZIP_MAGIC = b"\x1f\x8b"
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
        raise DataError(
            str(path), found="no such file", expected="an existing file", todo="check the path"
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
    """Open `path` for reading bytes, through gzip if its content (not its name) is gzip's.

    Raises
    ------
    DataError
        If it cannot be opened, or reading from it fails inside the ``with`` block.
    """
    with reading(path), path.open("rb") as raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if compressed:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield cast(IO[bytes], stream)
        else:
            yield raw


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
    path.parent.mkdir(parents=True, exist_ok=True)
    clean_scratch(path.parent)
    temporary = scratch_path(path)
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


def scratch_path(path: Path) -> Path:
    """Name a scratch file or folder beside `path`, by which `clean_scratch` knows whose it is.

    Parameters
    ----------
    path : pathlib.Path
        What it is for.

    Returns
    -------
    pathlib.Path
        Hidden, with the same ending, and no other thread's.
    """
    whose = f"{_this_machine()}-{os.getpid()}-{threading.get_ident()}"
    return path.with_name(f".{path.name}.{whose}.tmp{path.suffix}")


def clean_scratch(folder: Path) -> None:
    """Remove from a folder what commands that were killed have left there of what they were writing.

    Parameters
    ----------
    folder : pathlib.Path
        A folder; it need not be there.
    """
    with contextlib.suppress(OSError):  # whose it is cleans it
        for entry in os.scandir(folder):
            if (found := _SCRATCH.fullmatch(entry.name)) and _is_left(entry, found[1], int(found[2])):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)


def _is_left(entry: os.DirEntry[str], machine: str, pid: int) -> bool:
    """Whether the process that was writing has ended; of another machine's, whether it must have."""
    import psutil

    if machine == _this_machine():
        return not psutil.pid_exists(pid)
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _SURELY_LEFT


@functools.cache
def _this_machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


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
