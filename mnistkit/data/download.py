"""Downloading the official files into the cache: several mirrors, known hashes, no long wait when offline."""

from __future__ import annotations

import functools
import hashlib
import os
import queue
import socket
import threading
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from mnistkit.data.cache import cache_root
from mnistkit.data.registry import (
    PARTS,
    OfficialArchive,
    OfficialPart,
    check_dataset_name,
    dataset_spec,
    datasets,
)
from mnistkit.errors import DataError
from mnistkit.files import file_sha256, read_up_to, reading, write_atomically

CONNECT_TIMEOUT = 3.0  # seconds: to find out whether there is a network, and for each connection
READ_TIMEOUT = 15.0  # seconds without a byte before the next mirror is tried

_OFFLINE_TODO = "connect to a network, or put the files into a folder and set MNISTKIT_DATA to it"
_STANDIN_TODO = ', or choose the source "bundled", a stand-in'


class _NotServedError(DataError):
    """No mirror has the right file."""


def downloads_folder(name: str) -> Path:
    """Return the folder in the cache for the official files of a data set, or of the one it is made from."""
    return cache_root() / "downloads" / dataset_spec(name).base.name


def is_downloaded(name: str) -> bool:
    """Whether all official files of a data set are in the cache (they were checked when they arrived)."""
    stems = dataset_spec(name).published.idx_stem.values()
    return all((downloads_folder(name) / f"{stem}.gz").is_file() for stem in stems)


def fetch(name: str) -> Path:
    """Download the official files of a data set into the cache; files that are there and sound are kept.

    Parameters
    ----------
    name : str
        One of the data sets; ``twist`` fetches Fashion-MNIST, ``digit-recognizer`` fetches MNIST.

    Returns
    -------
    pathlib.Path
        The folder with the files.

    Raises
    ------
    DataError
        If there is no network, no mirror serves the right file, or the cache can't be written.

    Examples
    --------
    >>> folder = fetch("fashion-mnist")  # doctest: +SKIP
    >>> fetch("cifar-10")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    mnistkit.errors.DataError: data set
      found:    the name 'cifar-10'
      expected: one of mnist, fashion-mnist, twist, digit-recognizer, kmnist, qmnist, ...
      to do:    choose one of these names
    """
    check_dataset_name(name)
    folder, published = downloads_folder(name), dataset_spec(name).published
    files = {part: f"{published.idx_stem[part]}.gz" for part in PARTS}
    missing = [part for part in PARTS if not _is_sound(folder / files[part], published.files[part])]
    if missing:
        _remove_leftovers(folder)
        _check_network(name)
    mirrors = list(published.mirrors)
    for part in missing:
        try:
            served = _fetch_file(mirrors, files[part], published.files[part].gz_sha256, folder)
        except _NotServedError:
            if published.archive is None:
                raise
            _unpack(published.archive, {files[each]: published.files[each] for each in missing}, folder)
            break
        # The one that works goes first: a dead one is waited for once, not for every file.
        mirrors.remove(served)
        mirrors.insert(0, served)
    return folder


def _unpack(archive: OfficialArchive, files: Mapping[str, OfficialPart], folder: Path) -> None:
    """Get an archive, which stays for the other data sets in it, and take files out of it."""
    shared = folder.parent / f"archive-{archive.sha256[:12]}"
    _fetch_file(list(archive.mirrors), archive.file, archive.sha256, shared)
    with reading(shared / archive.file), zipfile.ZipFile(shared / archive.file) as packed:
        for file, official in files.items():
            with packed.open(f"{archive.folder}{file}") as stream:
                content = bytes(read_up_to(stream, official.gz_bytes + 1))
            if hashlib.sha256(content).hexdigest() != official.gz_sha256:
                raise DataError(
                    f"{shared / archive.file}: {archive.folder}{file}",
                    found="another file than the one that is known",
                    expected=f"SHA-256 {official.gz_sha256}",
                    todo="report this: the list of known files is wrong",
                )
            write_atomically(folder / file, content)


def _remove_leftovers(folder: Path) -> None:
    """Delete what downloads that were killed have left: pooch's temporary files, to which nobody writes."""
    for path in folder.glob("tmp*"):
        with suppress(OSError):  # gone meanwhile, or another user's: it takes room, and nothing else
            if time.time() - path.stat().st_mtime > 2 * READ_TIMEOUT:
                path.unlink()


def _is_sound(path: Path, official: OfficialPart) -> bool:
    if not path.is_file():
        return False
    with reading(path):
        return file_sha256(path) == official.gz_sha256


def _check_network(name: str) -> None:
    """Raise `DataError` if the network must not or can't be used."""
    spec = dataset_spec(name)
    if is_off():
        raise DataError(
            f"download of {spec.base.name}",
            found=f"MNISTKIT_OFFLINE is set: {os.environ['MNISTKIT_OFFLINE']}",
            expected="permission to use the network",
            todo="unset MNISTKIT_OFFLINE, or give a folder with the files: source=…, or MNISTKIT_DATA",
        )
    if not is_online():
        raise DataError(
            f"download of {spec.base.name}",
            found=f"no network: no mirror's host answered within {CONNECT_TIMEOUT:g} s",
            expected=f"a connection to one of {', '.join(spec.published.mirrors)}",
            todo=_OFFLINE_TODO + (_STANDIN_TODO if spec.published.standin else ""),
        )


def is_off() -> bool:
    """Whether ``MNISTKIT_OFFLINE`` forbids the network."""
    return os.environ.get("MNISTKIT_OFFLINE", "") not in ("", "0")


@functools.cache
def is_online() -> bool:
    """Whether any mirror's host, or the proxy in front of it, accepts a connection; asked once a process."""
    try:
        targets = {_target(mirror) for spec in datasets().values() for mirror in spec.published.mirrors}
    except ValueError:  # a proxy variable that is no address
        return False
    deadline = time.monotonic() + CONNECT_TIMEOUT
    answers: queue.Queue[bool] = queue.Queue()
    for target in targets:
        # Daemon threads, because looking up a host name can hang for longer than any timeout of ours.
        threading.Thread(target=_probe, args=(target, answers), daemon=True).start()
    try:
        return any(answers.get(timeout=max(0.0, deadline - time.monotonic())) for _ in targets)
    except queue.Empty:
        return False


def _target(url: str) -> tuple[str, int]:
    """Return host and port that a request for `url` first connects to."""
    # A fifth of this package's import time, and only for downloads.
    from urllib.request import getproxies, proxy_bypass

    parsed = urlsplit(url)
    host = parsed.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(parsed.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(host):
        parsed = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host = parsed.hostname or ""
    return host, parsed.port or (443 if parsed.scheme == "https" else 80)


def _probe(target: tuple[str, int], answers: queue.Queue[bool]) -> None:
    try:
        socket.create_connection(target, timeout=CONNECT_TIMEOUT).close()
    except OSError:
        answers.put(False)
    else:
        answers.put(True)


def _fetch_file(mirrors: list[str], file: str, sha256: str, folder: Path) -> str:
    """Get one file (pooch: temp file, hash, rename); return the first mirror that serves it right."""
    import pooch
    import requests

    downloader = pooch.HTTPDownloader(
        progressbar=True,
        timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
        headers={"Accept-Encoding": "identity"},  # or a server may unpack the .gz on the way
    )
    failures = []
    for mirror in mirrors:
        try:
            pooch.retrieve(
                mirror + file, known_hash=f"sha256:{sha256}", fname=file, path=folder, downloader=downloader
            )
            return mirror
        except (requests.RequestException, ValueError) as error:  # ValueError: wrong hash, both in its text
            failures.append(f"{mirror}: {error}")
        except OSError as error:
            raise DataError(
                str(folder),
                found=f"{file} can't be stored ({error.strerror or error})",
                expected="a folder with permission to write and room for the file",
                todo="free some space, or set MNISTKIT_CACHE to another folder",
            ) from error
    raise _NotServedError(
        f"download of {file}",
        found="; ".join(failures),
        expected=f"a file with SHA-256 {sha256} from one of the mirrors",
        todo="try again later, or copy the files from elsewhere into a folder and set MNISTKIT_DATA to it",
    )
