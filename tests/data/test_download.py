"""The downloader against a server on this machine: good, missing, cut off, wrong, silent, and none at all."""

import hashlib
import http.server
import os
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from data_helpers import make_tiny

from mnistkit.data import DataError, download, export, fetch, load, loader, registry
from mnistkit.data.registry import IDX_STEM, OfficialPart

pytestmark = pytest.mark.usefixtures("fresh_cache", "network")

STEMS = tuple(f"{stem}.gz" for stem in IDX_STEM.values())


@pytest.fixture
def network(monkeypatch):
    """Allow the network (all addresses are loopback), and forget what a process remembers of it."""
    monkeypatch.delenv("MNISTKIT_OFFLINE")
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(download, "CONNECT_TIMEOUT", 0.5)
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.3)
    for cached in (download.is_online, loader._try_download, loader._announce):
        cached.cache_clear()
    yield
    for cached in (download.is_online, loader._try_download, loader._announce):
        cached.cache_clear()


def republish(monkeypatch, name, **changes):
    """Change where a data set's official files are, or what they hold."""
    spec = registry.dataset_spec(name)
    monkeypatch.setitem(registry.datasets(), name, replace(spec, origin=replace(spec.origin, **changes)))


@pytest.fixture
def official(tiny, tmp_path, monkeypatch):
    """Publish the tiny data set: its files become the official ones. Gives file name to content."""
    files = {path.name: path.read_bytes() for path in export(tiny, tmp_path / "published", "idx-gz")}
    parts = {
        part: OfficialPart(hashlib.sha256(files[f"{stem}.gz"]).hexdigest(), len(files[f"{stem}.gz"]), "")
        for part, stem in IDX_STEM.items()
    }
    republish(monkeypatch, "mnist", files=parts)
    return files


@contextmanager
def mirror(answer):
    """Serve ``answer(file name) -> (status, body, declared length)``; give the URL and the list of requests."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rsplit("/", 1)[1]
            requests.append(name)
            status, body, length = answer(name)
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            if "gzip" in self.headers.get("Accept-Encoding", ""):
                # As some servers do for .gz files: a client that allows it gets them unpacked.
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/files/", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent():
    """Accept connections and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", []


def closed():
    """Give the address of a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def use(monkeypatch, *urls):
    republish(monkeypatch, "mnist", mirrors=urls)
    republish(monkeypatch, "fashion-mnist", mirrors=urls)


def good(files):
    return lambda name: (200, files[name], len(files[name]))


def not_found(name):
    return 404, b"", 0


def truncated(files):
    return lambda name: (200, files[name][:-10], len(files[name]))


def short(files):
    return lambda name: (200, files[name][:-10], len(files[name]) - 10)


def login_page(name):
    page = b"<html>Please log in to the campus network</html>"
    return 200, page, len(page)


def stored(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_download_and_load(official, tiny, monkeypatch):
    with mirror(good(official)) as (url, requests):
        use(monkeypatch, url)
        dataset = load("mnist", "download")
        assert dataset.sha256 == tiny.sha256
        assert not dataset.is_standin
        assert "official" in dataset.source
        assert sorted(requests) == sorted(STEMS)
        assert load("mnist", "download").sha256 == tiny.sha256
        fetch("mnist")
        assert len(requests) == 4  # nothing was asked for twice
    assert stored(download.downloads_folder("mnist")) == sorted(STEMS)


def test_auto_downloads_where_there_are_no_files(official, tiny, monkeypatch):
    with mirror(good(official)) as (url, _):
        use(monkeypatch, url)
        recognizer = load("digit-recognizer")
    assert not recognizer.is_standin
    assert len(recognizer.x_train) == 48
    monkeypatch.setenv("MNISTKIT_OFFLINE", "1")
    assert load("mnist").sha256 == tiny.sha256  # from the cache, with no network
    assert stored(fetch("mnist")) == sorted(STEMS)
    assert load("mnist", "download").sha256 == tiny.sha256


@pytest.mark.parametrize("first", ["not-found", "truncated", "short", "wrong", "silent", "closed"])
def test_next_mirror_is_used(first, official, tiny, monkeypatch):
    bad = {
        "not-found": not_found,
        "truncated": truncated(official),
        "short": short(official),
        "wrong": login_page,
    }
    start = time.monotonic()
    with mirror(bad[first]) if first in bad else silent() as (bad_url, _), mirror(good(official)) as (url, _):
        use(monkeypatch, closed() if first == "closed" else bad_url, url)
        fetch("mnist")
    assert time.monotonic() - start < 10
    assert load("mnist", "download").sha256 == tiny.sha256


@pytest.mark.parametrize("kind", ["truncated", "short", "wrong", "silent", "not-found"])
def test_all_mirrors_fail(kind, official, monkeypatch):
    bad = {
        "not-found": not_found,
        "truncated": truncated(official),
        "short": short(official),
        "wrong": login_page,
    }
    with mirror(bad[kind]) if kind in bad else silent() as (url, _):
        use(monkeypatch, url, url)
        with pytest.raises(DataError) as info:
            fetch("mnist")
    assert url in info.value.found
    wanted = registry.dataset_spec("mnist").published.files["x_train"].gz_sha256
    assert wanted in info.value.expected
    if kind == "wrong":
        assert hashlib.sha256(login_page("")[1]).hexdigest() in info.value.found
    assert stored(download.downloads_folder("mnist")) == []  # nothing half-written


def test_interrupted_download_goes_on_where_it_stopped(official, tiny, monkeypatch):
    def half(name):
        return good(official)(name) if name.startswith("train") else not_found(name)

    with mirror(half) as (url, _):
        use(monkeypatch, url)
        with pytest.raises(DataError):
            fetch("mnist")
    assert not download.is_downloaded("mnist")
    with mirror(good(official)) as (url, requests):
        use(monkeypatch, url)
        fetch("mnist")
    assert sorted(requests) == sorted(name for name in STEMS if name.startswith("t10k"))
    assert load("mnist", "download").sha256 == tiny.sha256


def test_what_a_killed_download_left_goes_with_the_next(official, tiny, monkeypatch):
    folder = download.downloads_folder("mnist")
    folder.mkdir(parents=True)
    for name in ("tmpold", "tmpnew"):
        (folder / name).write_bytes(b"half")
    os.utime(folder / "tmpold", (0, 0))
    os.utime(folder / "tmpnew", (time.time() + 600,) * 2)  # the time-out of the tests is very short
    with mirror(good(official)) as (url, _):
        use(monkeypatch, url)
        fetch("mnist")
    assert {path.name for path in folder.iterdir()} == {*STEMS, "tmpnew"}  # somebody may be writing that


def test_damaged_download_is_an_error_and_fetch_repairs_it(official, tiny, monkeypatch):
    with mirror(good(official)) as (url, _):
        use(monkeypatch, url)
        file = fetch("mnist") / STEMS[0]
        file.write_bytes(b"damaged")
        with pytest.raises(DataError, match=STEMS[0]):
            load("mnist")
        fetch("mnist")
    assert load("mnist").sha256 == tiny.sha256


def test_offline_is_noticed_once_and_soon(monkeypatch, tiny, caplog):
    attempts = []
    release = threading.Event()

    def hang(address, timeout):  # as looking up a host name does behind some firewalls
        attempts.append(address)
        release.wait(10)
        raise OSError("no route")

    monkeypatch.setattr(socket, "create_connection", hang)
    monkeypatch.setattr(
        loader, "_make_standin", lambda name: {part: getattr(tiny, part) for part in registry.PARTS}
    )
    start = time.monotonic()
    try:
        for name in ("mnist", "fashion-mnist", "twist", "digit-recognizer"):
            assert load(name).is_standin
        assert time.monotonic() - start < 3
        hosts = {"ossci-datasets.s3.amazonaws.com", "storage.googleapis.com", "raw.githubusercontent.com"}
        assert hosts < {host for host, _ in attempts}
        assert len(attempts) == len(set(attempts))
        with pytest.raises(DataError, match="no network"):
            load("mnist", "download")
    finally:
        release.set()
    assert "no network" in caplog.text


def test_failed_download_is_not_tried_again_by_auto(official, monkeypatch, tiny):
    monkeypatch.setattr(
        loader, "_make_standin", lambda name: {part: getattr(tiny, part) for part in registry.PARTS}
    )
    with mirror(not_found) as (url, requests):
        use(monkeypatch, url)
        assert load("mnist").is_standin
        assert load("mnist").is_standin
        assert load("digit-recognizer").is_standin
        assert requests == [STEMS[0]]


def test_dead_mirror_is_waited_for_once(official, monkeypatch):
    with mirror(not_found) as (bad_url, refused), mirror(good(official)) as (url, served):
        use(monkeypatch, bad_url, url)
        fetch("mnist")
        assert (len(refused), len(served)) == (1, 4)


def test_one_reachable_host_is_enough(monkeypatch):
    with silent() as (url, _):
        use(monkeypatch, closed(), url, closed())
        assert download.is_online()


@pytest.mark.parametrize(
    ("variable", "value", "target"),
    [
        ("https_proxy", "http://proxy.example:3128", ("proxy.example", 3128)),
        ("https_proxy", "proxy.example:8080", ("proxy.example", 8080)),
        ("all_proxy", "socks5://proxy.example:1080", ("proxy.example", 1080)),
        ("http_proxy", "http://proxy.example:3128", ("mirror.example", 443)),
        ("no_proxy", "mirror.example", ("mirror.example", 443)),
    ],
)
def test_proxy_is_what_has_to_answer(monkeypatch, variable, value, target):
    if variable == "no_proxy":
        monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv(variable, value)
    assert download._target("https://mirror.example/files/") == target


def test_nonsense_for_a_proxy_is_no_network(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example:port")
    assert not download.is_online()


@pytest.mark.parametrize("value", ["1", "true"])
def test_network_switched_off(monkeypatch, value):
    monkeypatch.setenv("MNISTKIT_OFFLINE", value)
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kwargs: pytest.fail("used the network"))
    with pytest.raises(DataError, match="MNISTKIT_OFFLINE"):
        fetch("mnist")


def test_offline_0_means_online(monkeypatch):
    monkeypatch.setenv("MNISTKIT_OFFLINE", "0")
    assert not download.is_off()


def test_full_disk(official, monkeypatch):
    import pooch

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with mirror(good(official)) as (url, _):
        use(monkeypatch, url)
        monkeypatch.setattr(pooch, "retrieve", full)
        with pytest.raises(DataError, match="MNISTKIT_CACHE"):
            fetch("mnist")


def test_fetch_of_an_unknown_name():
    with pytest.raises(DataError, match="did you mean 'mnist'"):
        fetch("mnst")


def test_other_content_with_the_right_name_is_not_stored(official, monkeypatch):
    # A mirror that serves another data set's perfectly sound files.
    other = make_tiny(seed=4)
    files = {path.name: path.read_bytes() for path in export(other, "other", "idx-gz")}
    with mirror(good(files)) as (url, _):
        use(monkeypatch, url)
        with pytest.raises(DataError, match="does not match the known hash"):
            fetch("mnist")
    assert stored(download.downloads_folder("mnist")) == []
