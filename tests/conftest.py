"""Shared fixtures: every test runs offline, in an empty folder, away from the machine's data and cache."""

import gc
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from dask_helpers import started
from data_helpers import make_tiny
from ipywidgets.widgets.widget import CallbackDispatcher
from message_helpers import collected_messages

from mnistkit.data import loader
from mnistkit.utils.garbage import collector_at_rest
from mnistkit.utils.threads import environment_as_asked, threads_each

_REAL = os.environ.get("MNISTKIT_DATA", "")
_REAL_FOLDERS = [Path(entry).expanduser().resolve() for entry in _REAL.split(os.pathsep) if entry]


def pytest_configure(config):
    """Share the cores between the processes that test at a time, and with all that they start."""
    if at_a_time := getattr(config.option, "numprocesses", None):
        shared = environment_as_asked(threads_each(at_a_time))
        del shared["LOKY_MAX_CPU_COUNT"]  # how many cores there are is the same for a test
        os.environ |= shared


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Spare the garbage collector the thousands of tests, which stay, and let it come less often: a sixth of the time."""
    with collector_at_rest():
        collected = yield
        gc.freeze()
    gc.set_threshold(50_000)
    return collected


def pytest_collection_modifyitems(items):
    """Put long tests first: what a process has left at the end is worked on by nobody else."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_make_parametrize_id(val, argname):
    """Name bytes by their argument: packed ones have the time in them, and all processes must collect the same."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory):
    """One cache for all tests, so that the stand-ins are drawn once."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o755)  # as caches are: when root grades, students' code is another user's
    return folder


@pytest.fixture(scope="session", autouse=True)
def end_of_examiners():
    """End the grading processes that tests share."""
    yield
    if module := sys.modules.get("mnistkit.grading.autograde.worker_pool"):
        module.end_examiners()


@pytest.fixture(scope="session", autouse=True)
def callbacks_raise():
    """Let through what a button's or a canvas's callback raises: ipywidgets logs it, and a test would pass over it."""

    def call(dispatcher, *args):
        for callback in dispatcher.callbacks:
            callback(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CallbackDispatcher, "__call__", call)
        yield


@pytest.fixture(autouse=True)
def isolated(session_cache, tmp_path, monkeypatch):
    """Use no network, and neither the cache nor the data of the machine."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("MNISTKIT_CACHE", str(session_cache))
    monkeypatch.setenv("MNISTKIT_OFFLINE", "1")
    monkeypatch.delenv("MNISTKIT_DATA", raising=False)
    monkeypatch.setattr(loader, "sys", SimpleNamespace(prefix="", base_prefix=""))  # nor the clone's `data`
    monkeypatch.delenv("MNISTKIT_STRICT", raising=False)


@pytest.fixture
def said():
    """Collect what the package's loggers say, from here on."""
    with collected_messages() as lines:
        yield lines


@pytest.fixture
def fresh_cache(isolated, tmp_path, monkeypatch):
    """Give a cache of the test's own, empty at first."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("MNISTKIT_CACHE", str(cache))
    return cache


@pytest.fixture(scope="session")
def real_data():
    """Give the folder of MNISTKIT_DATA as it was when the tests started."""
    if not _REAL_FOLDERS:
        pytest.skip("set MNISTKIT_DATA to a folder with the real MNIST and Fashion-MNIST files")
    return _REAL_FOLDERS[0]


@pytest.fixture
def course_style():
    """Draw as the lessons do; afterwards matplotlib's settings are as before, and no figure is left."""
    import matplotlib.pyplot as plt

    from mnistkit import plots

    with plt.rc_context():
        plots.use_style()
        yield
        plt.close("all")


@pytest.fixture(scope="session")
def tiny():
    """60 + 20 images of noise, named mnist."""
    return make_tiny()


@pytest.fixture(scope="session")
def tiny_fashion():
    """60 + 20 other images, named fashion-mnist."""
    return make_tiny("fashion-mnist", seed=1)


@pytest.fixture(scope="module")
def scheduler():
    """Give the address of a Dask scheduler without workers."""
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    with started("dask_scheduler", *options, wait_for="Scheduler at:") as address:
        yield address


@pytest.fixture
def drawn(monkeypatch):
    """Collect what the explorers ask to be drawn, by the name of the plot, without drawing it."""
    from matplotlib.figure import Figure

    from mnistkit import plots

    calls = []
    for ground in ("confusion_ground", "eps_ground", "threshold_ground"):
        monkeypatch.setattr(plots, ground, lambda *args: Figure())

    def catch(name):
        monkeypatch.setattr(plots, name, lambda *args, **rest: calls.append((args, rest)) or Figure())
        return calls

    return catch
