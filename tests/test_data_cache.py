"""Arrays computed piece by piece: kept whole or not at all."""

import errno
import os

import numpy as np
import pytest

from mnistkit.data import DataError, cache

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


@pytest.mark.parametrize(
    "damage", [lambda p: p.write_bytes(p.read_bytes()[:-5]), lambda p: p.write_bytes(b"")]
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
