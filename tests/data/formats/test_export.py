"""What is written is there whole or not at all, whatever ends the process, and nothing stays behind."""

import errno
import os
import platform
from pathlib import Path

import numpy as np
import psutil
import pytest
from data_helpers import make_tiny

from mnistkit import files
from mnistkit.data import DataError, cache, export, load
from mnistkit.data.formats import export as writing
from mnistkit.data.registry import PARTS, STANDIN_NOTE
from mnistkit.files import remove_scratch, scratch_beside, write_atomically

pytestmark = [
    pytest.mark.usefixtures("fresh_cache"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
]


def killed_at(step, work, *args, **kwargs):
    """Work in a child that ends, as by kill -9, before its step-th renaming or deleting; return if it did."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counted(operation):
            def call(self, *rest, **options):
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)  # runs no finally, as a kill
                return operation(self, *rest, **options)

            return call

        for name in ("replace", "rename", "unlink", "chmod"):
            setattr(Path, name, counted(getattr(Path, name)))
        try:
            work(*args, **kwargs)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def scratch(folder):
    return list(folder.rglob(".writing-*"))


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["idx", "csv", "twist", "npz"])
def test_a_killed_export_leaves_the_old_the_new_or_an_error_and_goes_on(fmt, tiny, tmp_path):
    other = make_tiny(seed=8)
    for step in range(100):
        folder = tmp_path / str(step) / "mnist"
        export(other, folder, fmt)
        if not killed_at(step, export, tiny, folder, fmt, overwrite=True):
            break
        try:
            assert load("mnist", folder).sha256 in (tiny.sha256, other.sha256), f"a mixture at {step}"
        except DataError as error:
            assert "but no file with" in error.found
        export(tiny, folder, fmt, overwrite=True)
        assert load("mnist", folder).sha256 == tiny.sha256
        assert scratch(folder) == []
    assert step >= len(list(folder.iterdir()))  # each renaming was tried


@pytest.mark.slow
def test_a_killed_first_export_is_completed_by_the_same_call(tiny, tmp_path):
    steps = 0
    while killed_at(steps, export, tiny, tmp_path / str(steps), "idx"):
        if not (
            tmp_path / str(steps) / "train-images-idx3-ubyte"
        ).exists():  # the last one: then it is complete
            export(tiny, tmp_path / str(steps), "idx")
            assert scratch(tmp_path / str(steps)) == []
        assert load("mnist", tmp_path / str(steps)).sha256 == tiny.sha256
        steps += 1
    assert steps >= 8


def test_files_of_others_are_not_completed(tiny, tmp_path):
    export(make_tiny(seed=8), tmp_path, "idx")
    (tmp_path / "train-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match="already there"):
        export(tiny, tmp_path, "idx")


def test_a_full_disk_leaves_nothing(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "write_idx", lambda stream, array: fail() if array.ndim == 1 else None)

    def fail():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "_holds", lambda *args: True)
    standin = make_standin(tiny)
    with pytest.raises(DataError, match="No space left"):
        export(standin, tmp_path / "out", "idx")
    assert list((tmp_path / "out").iterdir()) == []


def make_standin(tiny):
    from dataclasses import replace

    return replace(tiny, is_standin=True, source="stand-in: made")


@pytest.mark.slow
def test_the_note_beside_stand_ins_is_there_before_them_and_goes_where_none_are(tiny, tmp_path):
    standin, steps = make_standin(tiny), 0
    while killed_at(steps, export, standin, tmp_path / str(steps), "idx"):
        folder, steps = tmp_path / str(steps), steps + 1
        note = folder / STANDIN_NOTE
        assert note.is_file() or not list(folder.glob("*ubyte")), "stand-ins without a note"
        assert not note.is_file() or "stand-in: made" in note.read_text(), "half a note"
        if not list(folder.glob("*ubyte")):
            export(tiny, folder, "idx")
            assert not load("mnist", folder).is_standin
    export(standin, tmp_path / "whole", "idx")
    with pytest.raises(DataError, match="the files there are stand-ins"):
        export(tiny, tmp_path / "whole", "npz")


def test_a_killed_load_is_made_good_by_the_next(tiny, tmp_path, fresh_cache):
    export(tiny, tmp_path / "mnist", "idx")
    steps = 0
    while killed_at(steps, load, "mnist", tmp_path / "mnist"):
        assert load("mnist", tmp_path / "mnist").sha256 == tiny.sha256
        assert scratch(fresh_cache) == []
        for path in fresh_cache.rglob("meta.json"):
            path.unlink()
        steps += 1
    assert steps >= 2


def test_a_killed_computation_is_made_good_by_the_next(fresh_cache):
    rows = np.arange(12, dtype="float32").reshape(4, 3)
    steps = 0
    while killed_at(steps, cache.get_or_compute, "some", [steps], (4, 3), lambda: [rows]):
        np.testing.assert_array_equal(cache.get_or_compute("some", [steps], (4, 3), lambda: [rows]), rows)
        assert scratch(fresh_cache) == []
        steps += 1
    assert steps >= 1


def test_a_text_is_written_whole_and_scratch_goes_with_the_next(tmp_path):
    place = tmp_path / "folder" / "page.html"
    write_atomically(place, "old")
    assert killed_at(0, write_atomically, place, "new")
    assert place.read_text() == "old"
    assert scratch(tmp_path)
    write_atomically(place, "newer")
    assert place.read_text() == "newer"
    assert scratch(tmp_path) == []


def test_only_what_nobody_writes_any_more_goes(tmp_path):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    host = platform.node()
    names = {
        f".writing-{host}-{child}-a": False,
        f".writing-{host}-{child}-b.csv": False,
        scratch_beside(tmp_path / "c").name: True,  # ours: a thread may be writing it
        f".writing-{host}-{os.getppid()}-d": True,
        f".writing-another.host-{child}-e": True,
        f".writing-other-name-{host}x-{child}-f": True,
        "writing-a": True,
    }
    for name in names:
        (tmp_path / name).write_text("half")
    (tmp_path / ".writing-another.host-1-old").mkdir()
    os.utime(tmp_path / ".writing-another.host-1-old", (0, 0))
    remove_scratch(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} - {"work"} == {
        name for name, stays in names.items() if stays
    }


def test_a_writer_is_known_by_its_number_and_its_age(tmp_path, monkeypatch):
    begun = psutil.Process().create_time()
    times = {
        scratch_beside(tmp_path / "a"): begun + 1,  # a large file in it has grown for two hours
        scratch_beside(tmp_path / "b"): begun - 7200,  # by a process that is gone: ours has its number now
    }
    for folder, changed in times.items():
        folder.mkdir()
        os.utime(folder, (changed, changed))
    monkeypatch.setattr(files.time, "time", lambda: begun + 7200)
    remove_scratch(tmp_path)
    assert [path.exists() for path in times] == [True, False]


def test_what_cannot_be_removed_stops_nobody_from_writing(tmp_path, monkeypatch):
    def locked(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    old = tmp_path / ".writing-other-1-a"
    old.write_text("another user's")
    os.utime(old, (0, 0))
    monkeypatch.setattr(Path, "unlink", lambda self, **options: locked(self) if self == old else None)
    write_atomically(tmp_path / "page.html", "new")
    assert (tmp_path / "page.html").read_text() == "new"
    assert old.exists()


def test_every_part_is_compared_after_it_was_written(tiny, tmp_path, monkeypatch):
    real = writing.write_idx
    monkeypatch.setattr(writing, "write_idx", lambda stream, array: real(stream, array[::-1]))
    with pytest.raises(DataError, match="other content than was written"):
        export(tiny, tmp_path / "out", "idx")
    assert list((tmp_path / "out").iterdir()) == []
    assert len(PARTS) == 4
