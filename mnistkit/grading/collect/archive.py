"""The files of a hand-in: those of a folder or an archive, and of archives in it, with limits on it all."""

from __future__ import annotations

import hashlib
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import IO

from mnistkit.errors import UserError
from mnistkit.grading.collect.match_student import is_noise, on_one_line, shown
from mnistkit.grading.dates.due_dates import in_zone

__all__ = [
    "MAX_FILE",
    "ArchiveEntry",
    "Copied",
    "Refused",
    "copy_to",
    "entries_of",
    "entries_of_archive",
    "is_single",
]

MAX_FILE = 300_000_000
"""Bytes that a file may have, unpacked; a larger one is not read."""

_NOTEBOOK = (".ipynb", ".ipynb.txt", ".ipynb.json")  # browsers add an ending
_SINGLE = (*_NOTEBOOK, ".eml")
_MAX_ENTRIES = 100_000  # of the source
_MAX_OWN_ENTRIES = 5_000  # of an archive that a student handed in
_MAX_DEPTH = 20
_MAX_OWN_BYTES = 2 * MAX_FILE  # all that is read of an archive that a student handed in
_UNSUSPICIOUS = 20_000_000  # bytes to which any small file may expand
_MAX_RATIO = 200  # beyond that it expands too well: text outputs compress up to some ten times
_CHUNK = 1 << 20

# In the record at the end of a zip: how long its directory is, and where the record is.
_SIZE, _PLACE = 5, 9
_ZIP64_END = 76
_LONGEST_ENTRY = 1_000  # bytes of a directory a file, on the average

# All that Python's zip reader raises on archives that are damaged, encrypted, too new or made to deceive.
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, LookupError),
    *(OverflowError, zlib.error, lzma.LZMAError, struct.error),
)


class Refused(Exception):  # noqa: N818 (a finding about a hand-in)
    """A file that is not read; the message says why."""


@dataclass(frozen=True)
class ArchiveEntry:
    """One file of a hand-in.

    Attributes
    ----------
    path : tuple of str
        Folders and archives it is in, and its name, as they were found: of unknown origin.
    opened : callable
        Opens it for reading; what it gives is closed by whoever called. Raises `Refused`.
    changed : datetime or None
        When it was last changed, as far as the folder or archive knows.
    """

    path: tuple[str, ...]
    opened: Callable[[], IO[bytes]]
    changed: datetime | None = None

    @property
    def is_notebook(self) -> bool:
        """Whether it is named as a notebook is, also as a browser saves one."""
        return self.path[-1].casefold().endswith(_NOTEBOOK)

    @property
    def place(self) -> str:
        """Its path as one text, by which it is known; all of it, without control characters."""
        return on_one_line("/".join(self.path))

    @property
    def shown(self) -> str:
        """Its path, to be shown."""
        return shown("/".join(self.path))


@dataclass(frozen=True)
class Copied:
    """What was copied of a file.

    Attributes
    ----------
    size : int
        Bytes.
    sha256 : str
        Of the content.
    """

    size: int
    sha256: str


def is_single(source: Path) -> bool:
    """Tell whether a file is what was handed in, a notebook or a mail, and no archive of it."""
    return source.name.casefold().endswith(_SINGLE)


@contextmanager
def entries_of(source: Path, course: Path, zone: tzinfo | None = None) -> Iterator[list[ArchiveEntry]]:
    """List what is in a folder or an archive, without reading it.

    Parameters
    ----------
    source : pathlib.Path
        A folder, a zip, one notebook, or one mail.
    course : pathlib.Path
        The course's folder, which is passed over.
    zone : datetime.tzinfo, optional
        Of the times in a zip, which have none. Default: that of this machine.

    Yields
    ------
    list of ArchiveEntry
        In the order of their paths; they can be opened as long as the context lasts.

    Raises
    ------
    UserError
        If the source can't be read, is encrypted, or has too many files.
    """
    with ExitStack() as stack:
        try:
            if source.is_dir():
                found = list(_of_folder(source, course.resolve()))
            elif is_single(source):
                found = [_of_file(source, (source.name,))]
                found[0].opened().close()
            else:
                archive = _open_zip(stack.enter_context(source.open("rb")), _MAX_ENTRIES)
                found = list(_of_zip(archive, (), zone))
                if any(info.flag_bits & 1 for info in archive.infolist()):
                    raise Refused("an archive with a password")
        except (Refused, *_ZIP_ERRORS) as error:
            said = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
            raise UserError(
                source,
                found=said,
                expected="a folder or a zip with what was handed in, or one notebook",
                todo="download it again, or unpack it by hand and name the folder",
            ) from error
        yield sorted(found, key=lambda entry: entry.path)


def _of_folder(folder: Path, course: Path) -> Iterator[ArchiveEntry]:
    """Walk through a folder; links are listed, and refused when they are opened.

    In a clone of a repository the date of a file is that of the clone, and says nothing.
    """
    waiting: list[tuple[Path, tuple[str, ...], bool]] = [(folder, (), False)]
    count = 0
    while waiting:
        here, above, cloned = waiting.pop()
        cloned = cloned or (here / ".git").exists()
        if here.resolve() == course:
            continue
        with os.scandir(here) as found:
            for item in found:
                count += 1
                if count > _MAX_ENTRIES:
                    raise Refused(f"more than {_MAX_ENTRIES:,} files")
                path = (*above, item.name)
                if is_noise(path):
                    continue
                if not item.is_dir(follow_symlinks=False):
                    file = _of_file(here / item.name, path)
                    yield replace(file, changed=None) if cloned else file
                elif len(path) <= _MAX_DEPTH:
                    waiting.append((here / item.name, path, cloned))


def _of_file(file: Path, path: tuple[str, ...]) -> ArchiveEntry:
    def opened() -> IO[bytes]:
        try:
            # Not through a link, and not waiting for a pipe's other end.
            flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # not on Windows
            descriptor = os.open(file, os.O_RDONLY | flags)
        except OSError as error:
            what = "it is a link" if file.is_symlink() else f"it can't be read ({error.strerror})"
            raise Refused(what) from error
        stream = os.fdopen(descriptor, "rb")
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or file.is_symlink():
            stream.close()
            raise Refused("it is a link" if file.is_symlink() else "it is no ordinary file")
        return stream

    try:
        changed = datetime.fromtimestamp(file.lstat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        changed = None
    return ArchiveEntry(path, opened, changed)


def entries_of_archive(stream: IO[bytes], inside: ArchiveEntry, zone: tzinfo | None) -> list[ArchiveEntry]:
    """List what is in an archive that a student handed in.

    Parameters
    ----------
    stream : binary file
        The archive; it must stay open as long as the entries are read.
    inside : ArchiveEntry
        What the archive is in the source.
    zone : datetime.tzinfo or None
        As for `entries_of`.

    Returns
    -------
    list of ArchiveEntry
        In the order of their paths.

    Raises
    ------
    Refused
        If it is no archive, has too many files, or expands too much.
    """
    try:
        archive = _open_zip(stream, _MAX_OWN_ENTRIES)
        found = list(_of_zip(archive, inside.path, zone))
        size = sum(info.file_size for info in archive.infolist())
        packed = stream.seek(0, os.SEEK_END)
    except _ZIP_ERRORS as error:
        raise Refused(f"it is no zip that can be opened ({type(error).__name__})") from error
    _check_expansion(size, packed)
    if size > _MAX_OWN_BYTES:
        raise Refused(
            f"it has {size / 1e6:,.0f} MB unpacked; at most {_MAX_OWN_BYTES / 1e6:,.0f} MB are read"
        )
    return sorted(found, key=lambda entry: entry.path)


def _check_expansion(size: int, packed: int) -> None:
    if size > max(_UNSUSPICIOUS, _MAX_RATIO * packed):
        raise Refused(f"{packed:,} bytes would expand to {size:,}, as only a zip bomb does")


def _open_zip(stream: IO[bytes], most: int) -> zipfile.ZipFile:
    """Open a zip whose directory is not too long: Python reads all of it, 400 bytes of memory an entry."""
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]
    if end:
        size, place = end[_SIZE], end[_PLACE]
        start = place - size - (_ZIP64_END if end[0] == b"PK\x06\x06" else 0)
        if size > most * _LONGEST_ENTRY:
            raise Refused(f"a list of its files with {size / 1e6:,.0f} MB; at most {most:,} files are read")
        stream.seek(max(0, start))
        count = _count_entries(stream.read(size))
        if count > most:
            raise Refused(f"{count:,} files; at most {most:,} are read")
    stream.seek(0)
    return zipfile.ZipFile(stream)


def _count_entries(directory: bytes) -> int:
    """Count the entries of a zip's directory, without making anything of them."""
    place = count = 0
    while directory.startswith(b"PK\x01\x02", place) and place + 46 <= len(directory):
        place += 46 + sum(struct.unpack_from("<3H", directory, place + 28))
        count += 1
    return count


def _of_zip(archive: zipfile.ZipFile, above: tuple[str, ...], zone: tzinfo | None) -> Iterator[ArchiveEntry]:
    for info in archive.infolist():
        if info.is_dir():
            continue
        # Never used as a path: what could lead somewhere else is only a part of a name here.
        path = tuple(
            part for part in _name(info).replace("\\", "/").split("/") if part not in ("", ".", "..")
        )
        if path and not is_noise(path):
            yield ArchiveEntry((*above, *path), partial(_open_in_zip, archive, info), _date(info, zone))


def _open_in_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise Refused("it is a link" if stat.S_ISLNK(mode) else "it is no ordinary file")
    if info.flag_bits & 1:
        raise Refused("it is encrypted with a password")
    _check_expansion(info.file_size, info.compress_size)
    try:
        return archive.open(info)
    except _ZIP_ERRORS as error:
        raise Refused(f"it can't be unpacked ({type(error).__name__})") from error


def _name(info: zipfile.ZipInfo) -> str:
    """Give an entry's name: many programs write UTF-8 without saying so."""
    if not info.flag_bits & 0x800:
        try:
            return info.orig_filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return info.filename


def _date(info: zipfile.ZipInfo, zone: tzinfo | None) -> datetime | None:
    try:
        return in_zone(datetime(*info.date_time), zone) if info.date_time[0] > 1980 else None
    except (ValueError, OverflowError, OSError):
        return None


def copy_to(entry: ArchiveEntry, target: IO[bytes]) -> Copied:
    """Copy a file's content, up to `MAX_FILE` bytes.

    Parameters
    ----------
    entry : ArchiveEntry
        What to read.
    target : binary file
        Where to.

    Returns
    -------
    Copied
        How many bytes, and their hash.

    Raises
    ------
    Refused
        If it can't be read or is larger.
    """
    size, content = 0, hashlib.sha256()
    with entry.opened() as stream:
        while chunk := _read(stream):
            size += len(chunk)
            if size > MAX_FILE:
                raise Refused(f"it has more than {MAX_FILE / 1e6:,.0f} MB, which is the most that is read")
            content.update(chunk)
            target.write(chunk)
    return Copied(size, content.hexdigest())


def _read(stream: IO[bytes]) -> bytes:
    try:
        return stream.read(_CHUNK)
    except _ZIP_ERRORS as error:
        raise Refused(f"it can't be unpacked ({type(error).__name__})") from error
