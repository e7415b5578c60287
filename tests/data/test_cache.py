"""Arrays computed piece by piece: kept whole or not at all."""

import errno
import os

import numpy as np
import psutil
import pytest

from mnistkit.data import DataError, cache, export, load
from mnistkit.data.dataset import content_sha256

ROWS = np.arange(30, dtype="float32").reshape(10, 3)


def in_blocks(rows=ROWS, size=4):
    return lambda: (rows[start : start + size] for start in range(0, len(rows), size))


def never():
    raise AssertionError("it is there already: nothing is to be computed")


def test_blocks_become_one_array_that_is_mapped_and_computed_once(fresh_cache):
    first = cache.get_or_compute("some", ["key"], (10, 3), in_blocks())
    again = cache.get_or_compute("some", ["key"], (10, 3), never)
    for array in (first, again):
        assert isinstance(array, np.memmap)
        np.testing.assert_array_equal(array, ROWS)
        assert not array.flags.writeable


def test_another_key_kind_or_shape_is_another_array(fresh_cache):
    cache.get_or_compute("some", ["key"], (10, 3), in_blocks())
    for asked in (("some", ["other"], (10, 3)), ("more", ["key"], (10, 3)), ("some", ["key"], (5, 3))):
        rows = np.ones(asked[2], "float32")
        np.testing.assert_array_equal(cache.get_or_compute(*asked, in_blocks(rows)), rows)


def test_any_number_becomes_float32_in_c_order(fresh_cache):
    rows = np.asfortranarray(np.arange(12, dtype="int64").reshape(3, 4))
    kept = cache.get_or_compute("some", ["other dtype"], (3, 4), in_blocks(rows))
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(kept, rows)


def change_a_byte(path):
    """Change the last byte as a disk might: nothing else of the file changes."""
    data, status = bytearray(path.read_bytes()), path.stat()
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "damage",
    [lambda p: p.write_bytes(p.read_bytes()[:-5]), lambda p: p.write_bytes(b""), change_a_byte],
    ids=["cut", "empty", "a byte"],
)
def test_a_damaged_file_is_computed_again(fresh_cache, damage):
    cache.get_or_compute("some", ["key"], (10, 3), in_blocks())
    (path,) = (fresh_cache / "computed").iterdir()
    damage(path)
    np.testing.assert_array_equal(cache.get_or_compute("some", ["key"], (10, 3), in_blocks()), ROWS)


def test_nothing_is_kept_of_what_ends_early(fresh_cache):
    def broken():
        yield ROWS[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get_or_compute("some", ["key"], (10, 3), broken)
    with pytest.raises(ValueError, match=r"96 bytes; shape \(10, 3\) needs 120"):
        cache.get_or_compute("some", ["key"], (10, 3), in_blocks(ROWS[:8]))
    assert list((fresh_cache / "computed").iterdir()) == []


def test_a_full_disk_is_told_with_what_was_needed(fresh_cache):
    def full():
        yield ROWS[:4]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DataError) as caught:
        cache.get_or_compute("some", ["key"], (10, 3), full)
    for words in ("No space left", "120 bytes", "MNISTKIT_CACHE"):
        assert words in str(caught.value)
    assert list((fresh_cache / "computed").iterdir()) == []


def test_old_leftovers_go_and_those_in_use_stay(fresh_cache):
    folder = fresh_cache / "computed"
    folder.mkdir(parents=True)
    for name in ("old", "new"):
        (folder / f".writing-{name}").write_bytes(b"half")
    os.utime(folder / ".writing-old", (0, 0))
    cache.get_or_compute("some", ["key"], (10, 3), in_blocks())
    assert not (folder / ".writing-old").exists()
    assert (folder / ".writing-new").exists()


# --- what is believed -------------------------------------------------------------------------------------


@pytest.fixture
def entry(tiny, tmp_path, fresh_cache):
    """Export and load a data set; give the folder with the files, and the cache's entry."""
    export(tiny, tmp_path / "mnist", "idx")
    load("mnist", tmp_path / "mnist")
    (place,) = (fresh_cache / "arrays").iterdir()
    return tmp_path / "mnist", place


@pytest.mark.parametrize("part", ["x_train", "y_train", "x_test", "y_test"])
@pytest.mark.parametrize("name", ["mnist", "digit-recognizer"])
def test_a_changed_byte_in_the_cache_is_noticed_when_a_run_begins(name, part, entry, tiny, fresh_cache):
    folder, _ = entry
    sound = load(name, folder)
    for path in fresh_cache.rglob(f"{part}.npy"):
        change_a_byte(path)
    checked = load(name, folder, verify=True)
    arrays = (checked.x_train, checked.y_train, checked.x_test, checked.y_test)
    assert checked.sha256 == sound.sha256 == content_sha256(*arrays)
    assert load(name, folder).sha256 == content_sha256(*arrays)  # mended for those who do not look


def test_a_wrong_hash_beside_sound_arrays_is_not_believed(entry, tiny):
    folder, place = entry
    meta = place / "meta.json"
    meta.write_text(meta.read_text().replace(tiny.sha256, "0" * 64))
    assert load("mnist", folder, verify=True).sha256 == tiny.sha256


@pytest.mark.skipif(not hasattr(psutil.Process, "io_counters"), reason="the system does not count reads")
@pytest.mark.parametrize("fmt", ["csv", "idx-gz"])
def test_files_are_read_once_and_then_only_their_first_lines(fmt, tmp_path, fresh_cache):
    paths, me = export(load("mnist", "bundled"), tmp_path / "mnist", fmt), psutil.Process()
    size, read = sum(path.stat().st_size for path in paths), [me.io_counters().read_chars]
    for _ in range(2):
        load("mnist", tmp_path / "mnist")
        read.append(me.io_counters().read_chars)
    first, again = np.diff(read) / size
    assert 1 <= first < 1.5
    assert again < 0.2


def test_what_is_sound_is_not_made_anew(entry, monkeypatch):
    folder, _ = entry
    monkeypatch.setattr(
        "mnistkit.data.loader.readers.read_dataset", lambda *args: pytest.fail("parsed again")
    )
    load("mnist", folder, verify=True)
    monkeypatch.setattr(cache, "content_sha256", lambda *args: pytest.fail("hashed by a lesson"))
    load("mnist", folder)


@pytest.mark.parametrize("how", ["renamed into its place", "written into it"])
def test_another_file_of_the_same_size_and_time_is_noticed(how, entry):
    folder, _ = entry
    path = folder / "t10k-labels-idx1-ubyte"
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-1] = (data[-1] + 1) % 10
    other = folder / "other" if how.startswith("renamed") else path
    other.write_bytes(data)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert load("mnist", folder).y_test[-1] == data[-1]
