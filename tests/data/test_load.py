"""`load`: which source it takes, what it refuses, and its cache."""

import errno
import gzip
import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from data_helpers import make_tiny

from mnistkit.data import DataError, cache, discovery, download, export, known_labels, load, loader
from mnistkit.data.dataset import content_sha256, part_sha256
from mnistkit.data.describe import survey
from mnistkit.data.registry import PARTS, OfficialPart, dataset_spec, published_names

pytestmark = pytest.mark.usefixtures("fresh_cache")

WITH_STANDIN = ("mnist", "fashion-mnist", "twist", "digit-recognizer")


@pytest.fixture(autouse=True)
def forget():
    """Forget what a process remembers: that the download failed, and which notices were given."""
    loader._try_download.cache_clear()
    loader._announce.cache_clear()


@pytest.fixture
def shared(tiny, tiny_fashion, tmp_path):
    """A class's shared folder with both data sets."""
    export(tiny, tmp_path / "shared" / "MNIST" / "raw", "idx-gz")
    export(tiny_fashion, tmp_path / "shared" / "fashion-mnist", "idx")
    return tmp_path / "shared"


def small_standins(monkeypatch, tiny):
    """Stand in for the stand-ins, which take seconds to draw."""
    monkeypatch.setattr(loader, "_make_standin", lambda name: {part: getattr(tiny, part) for part in PARTS})


# --- sources ---------------------------------------------------------------------------------------------


def test_finds_each_data_set_in_a_shared_folder(shared, monkeypatch, tiny, tiny_fashion):
    monkeypatch.setenv("MNISTKIT_DATA", str(shared))
    assert load("mnist").sha256 == tiny.sha256
    fashion = load("fashion-mnist")
    assert fashion.sha256 == tiny_fashion.sha256
    assert fashion.source == str(shared / "fashion-mnist")
    assert not fashion.is_standin
    twist = load("twist")
    assert np.array_equal(twist.x_test, tiny_fashion.x_test)
    assert set(twist.y_train) == {0, 1, 2, 3, 4}
    recognizer = load("digit-recognizer")
    assert (len(recognizer.x_train), len(recognizer.x_test), recognizer.y_test) == (48, 32, None)


def test_order_of_sources(tmp_path, monkeypatch, tiny):
    # Copies that differ, in the documented order; the first is taken away after each load.
    places = [
        tmp_path / "one",
        tmp_path / "two",
        Path("data"),
        tmp_path / "kit" / "data",  # beside the environment, as in a bundle
        download.downloads_folder("mnist"),
    ]
    monkeypatch.setattr(loader, "sys", sys)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "kit" / ".venv"))
    digests = []
    for seed, place in enumerate(places):
        copy = make_tiny(seed=10 + seed)
        export(copy, place / "mnist" if place.name != "mnist" else place, "idx-gz")
        digests.append(copy.sha256)
    small_standins(monkeypatch, tiny)
    for place in (tmp_path / "one", tmp_path / "two"):
        (place / "notes.txt").write_text("kept, so that the folder exists")
    monkeypatch.setenv("MNISTKIT_DATA", os.pathsep.join(map(str, places[:2])))
    for place, sha256 in zip(places, digests, strict=True):
        assert load("mnist").sha256 == sha256
        for file in place.rglob("*ubyte*"):
            file.unlink()
    standin = load("mnist")
    assert standin.is_standin
    assert standin.sha256 == tiny.sha256


def test_data_folder_is_found_from_notebooks_too(tiny, monkeypatch):
    export(tiny, "data", "npz")
    Path("notebooks").mkdir()
    monkeypatch.chdir("notebooks")
    assert load("mnist").sha256 == tiny.sha256


@pytest.mark.slow
def test_standins_are_named_as_such(caplog, session_cache, monkeypatch):
    monkeypatch.setenv("MNISTKIT_CACHE", str(session_cache))
    for name in WITH_STANDIN:
        dataset = load(name, "bundled")
        assert dataset.is_standin
        assert dataset.source.startswith("stand-in: ")
        assert dataset.name == name
        assert len(dataset.x_train) > len(dataset.x_test) > 200
    assert not caplog.records  # asked for, so no notice
    assert not load("mnist", "bundled").x_train.flags.writeable


def test_notice_of_a_standin_is_given_once(caplog, monkeypatch, tiny):
    small_standins(monkeypatch, tiny)
    with caplog.at_level(logging.WARNING):
        for name in ("mnist", "digit-recognizer", "mnist"):
            assert load(name).is_standin
    (record,) = caplog.records
    for words in ("stand-in", "not MNIST", "MNISTKIT_OFFLINE", "mnistkit data fetch mnist"):
        assert words in record.getMessage()


@pytest.mark.parametrize("source", ["folder", "file", "string", "home"])
def test_explicit_path(source, tiny, tmp_path, monkeypatch):
    (path,) = export(tiny, tmp_path / "home" / "any", "npz")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    given = {"folder": path.parent, "file": path, "string": str(path.parent), "home": "~/any"}[source]
    assert load("mnist", given).sha256 == tiny.sha256


def test_one_file_of_several_stands_for_its_siblings(tiny, tmp_path):
    files = export(tiny, tmp_path, "idx") + export(tiny, tmp_path, "csv")
    for path in files:
        assert load("mnist", path).sha256 == tiny.sha256


def test_files_that_name_no_data_set(tiny, tmp_path, monkeypatch):
    export(tiny, tmp_path / "files", "idx")
    assert load("mnist", tmp_path / "files").sha256 == tiny.sha256
    assert load("fashion-mnist", tmp_path / "files").sha256 == tiny.sha256  # at the user's word
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "files"))
    with pytest.raises(DataError, match="use the same names"):
        load("mnist")


@pytest.mark.parametrize("folder", ["KMNIST", "emnist-letters"])
def test_other_data_sets_with_the_same_file_names_are_not_taken(folder, tiny, tmp_path, monkeypatch):
    export(tiny, tmp_path / folder, "idx")
    small_standins(monkeypatch, tiny)
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))
    assert load("mnist").is_standin
    with pytest.raises(DataError):
        load("mnist", tmp_path)


@pytest.mark.parametrize("header", ["PassengerId,Survived,Pclass", "label,review,stars"])
def test_other_tables_are_not_taken(header, monkeypatch, tiny):
    small_standins(monkeypatch, tiny)
    Path("data").mkdir()
    for half in ("train", "test"):
        Path(f"data/{half}.csv").write_text(f"{header}\n1,0,3\n")
    assert load("digit-recognizer").is_standin


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("mnits", "auto", ["'mnits'", "did you mean 'mnist'"]),
        ("Fashion_MNIST", "auto", ["did you mean 'fashion-mnist'"]),
        ("cifar10", "auto", ["digit-recognizer"]),
        ("mnist", "bundle", ["did you mean 'bundled'"]),
        ("mnist", "nowhere/at/all", ["no such file or folder", "check the path"]),
        ("mnist", "", ["an empty text"]),
        ("mnist", " ", ["an empty text"]),
        ("mnist", "x" * 5000, ["read error"]),
        ("mnist", "a\0b", ["no such file"]),
        ("mnist", "~nobody-of-this-name/data", ["no such file", "~nobody"]),
        ("mnist", "download", ["MNISTKIT_OFFLINE"]),
    ],
)
def test_wrong_names_and_sources(name, source, words):
    with pytest.raises(DataError) as info:
        load(name, source)
    for word in words:
        assert word in str(info.value)


def test_missing_folder_in_the_environment(tiny, monkeypatch):
    export(tiny, "data/mnist", "idx")
    monkeypatch.setenv("MNISTKIT_DATA", "/no/such/folder")
    with pytest.raises(DataError, match="/no/such/folder"):
        load("mnist")


def test_current_folder_has_a_name_too(tiny, monkeypatch):
    export(tiny, "mnist", "idx")
    monkeypatch.chdir("mnist")
    monkeypatch.setenv("MNISTKIT_DATA", ".")
    assert load("mnist").sha256 == tiny.sha256


def test_empty_entries_in_the_environment_are_nothing(shared, monkeypatch, tiny):
    monkeypatch.setenv("MNISTKIT_DATA", os.pathsep + str(shared) + os.pathsep)
    assert load("mnist").sha256 == tiny.sha256


@pytest.mark.parametrize("damage", ["cut", "gone", "locked"])
def test_broken_data_never_falls_through_to_the_next_source(damage, shared, tiny, monkeypatch):
    export(tiny, "data/mnist", "idx")  # the next source is sound
    monkeypatch.setenv("MNISTKIT_DATA", str(shared))
    file = shared / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-5])
    elif damage == "gone":
        file.unlink()
    else:  # root may read everything, so a real chmod proves nothing
        opener = Path.open

        def locked(self, *args, **kwargs):
            if self.name == file.name:
                raise PermissionError(errno.EACCES, "Permission denied")
            return opener(self, *args, **kwargs)

        monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(DataError) as info:
        load("mnist")
    assert str(file.parent) in info.value.where


def test_locked_subfolder_without_data_is_passed_over(shared, tiny, monkeypatch):
    (shared / "lost+found").mkdir()
    scandir = os.scandir

    def locked(path):
        if Path(path).name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    assert load("mnist", shared).sha256 == tiny.sha256


def test_search_is_bounded(tiny, tmp_path):
    export(tiny, tmp_path / "a" / "b" / "mnist", "idx")
    export(tiny, tmp_path / "x" / "a" / "b" / "c" / "mnist", "idx")  # one level too deep
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    depths = {len(found.folder.relative_to(tmp_path).parts) for found in discovery.candidates(tmp_path)}
    assert 3 in depths
    assert max(depths) == 3


def test_search_ends_in_a_large_tree_and_looks_at_telling_names_first(tiny, tmp_path, monkeypatch):
    for number in range(2 * discovery.MAX_FOLDERS):
        (tmp_path / "tree" / f"folder{number}").mkdir(parents=True)
    export(tiny, tmp_path / "tree" / "z-mnist", "idx")
    scandir, visited = os.scandir, []
    monkeypatch.setattr(os, "scandir", lambda path: visited.append(path) or scandir(path))
    (found,) = discovery.candidates(tmp_path / "tree")
    assert len(visited) == discovery.MAX_FOLDERS
    assert found.identity == "mnist"


# --- whose content is it? --------------------------------------------------------------------------------


@pytest.fixture
def official(tiny, tiny_fashion, monkeypatch):
    """Let the tiny data sets be the official ones."""
    owners = {
        part_sha256(getattr(dataset, part)): [(dataset.name, part)]
        for dataset in (tiny, tiny_fashion)
        for part in PARTS
    }
    # Their labels are different permutations, as the real ones' are.
    assert len(owners) == 8
    monkeypatch.setattr("mnistkit.data.registry._owners", lambda: owners)


def test_unnamed_files_are_recognised_by_content(official, tiny, tiny_fashion, tmp_path, monkeypatch):
    export(tiny_fashion, tmp_path / "one" / "raw", "idx-gz")
    export(tiny, tmp_path / "two" / "raw", "idx")
    monkeypatch.setenv("MNISTKIT_DATA", os.pathsep.join([str(tmp_path / "one"), str(tmp_path / "two")]))
    assert load("mnist").sha256 == tiny.sha256
    assert load("fashion-mnist").sha256 == tiny_fashion.sha256
    assert load("twist").source.startswith(str(tmp_path / "one"))


@pytest.mark.parametrize("fmt", ["idx", "csv", "npz", "twist"])
@pytest.mark.parametrize("explicit", [True, False])
def test_digits_served_as_clothes(official, tiny, tmp_path, monkeypatch, fmt, explicit):
    folder = tmp_path / "shared" / "fashion-mnist"
    for path in export(tiny, folder, fmt):
        path.rename(folder / path.name.replace("mnist", "fashion-mnist"))
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "shared"))
    with pytest.raises(DataError, match="mnist"):
        load("fashion-mnist", folder if explicit else "auto")


@pytest.mark.parametrize("part", PARTS)
def test_one_part_of_the_other_data_set(official, tiny, tiny_fashion, tmp_path, part):
    arrays = {p: getattr(tiny_fashion if p == part else tiny, p) for p in PARTS}
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(DataError, match=f"official fashion-mnist {part}"):
        load("mnist", tmp_path)


def test_test_part_served_as_training_part(official, tiny, tmp_path):
    test = {"x": tiny.x_test, "y": tiny.y_test}
    np.savez(tmp_path / "mnist.npz", x_train=test["x"], y_train=test["y"], x_test=test["x"], y_test=test["y"])
    with pytest.raises(DataError, match="official mnist x_test"):
        load("mnist", tmp_path)


def test_asking_for_the_other_name(shared, tmp_path):
    (tmp_path / "only").mkdir()
    (shared / "fashion-mnist").rename(tmp_path / "only" / "fashion-mnist")
    with pytest.raises(DataError, match="fashion-mnist"):
        load("mnist", tmp_path / "only")


@pytest.mark.parametrize("folder", ["mnist-as-twist", "fashion-twist", "fashion-mnist"])
def test_name_of_the_folder_that_was_asked_for_does_not_count(folder, tiny, tmp_path):
    export(tiny, tmp_path / folder, "twist")
    assert load("mnist", tmp_path / folder).sha256 == tiny.sha256


def test_unlabelled_npz_is_no_mnist(tiny, tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=tiny.x_train, y_train=tiny.y_train, x_test=tiny.x_test)
    with pytest.raises(DataError, match="no y_test"):
        load("mnist", tmp_path)


# --- spellings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("t10k", "test"),
        lambda name: name.upper(),
        lambda name: f"{name}/{name}",  # what some unpacking tools make
    ],
)
def test_idx_spellings(rename, tiny, tmp_path):
    for path in export(tiny, tmp_path / "plain", "idx"):
        target = tmp_path / "mnist" / rename(path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    assert load("mnist", tmp_path / "mnist").sha256 == tiny.sha256


def test_raw_and_gzipped_side_by_side(tiny, tmp_path):
    export(tiny, tmp_path, "idx")
    export(tiny, tmp_path, "idx-gz")
    assert load("mnist", tmp_path).sha256 == tiny.sha256


def test_gzipped_tables(tiny, tmp_path):
    for path in export(tiny, tmp_path, "csv"):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert load("mnist", tmp_path).sha256 == tiny.sha256


def test_kaggle_files_are_taken_before_mnist_is_shuffled(shared, tiny, monkeypatch):
    made = load("digit-recognizer", shared)
    other = make_tiny(seed=5)
    export(other, shared / "digit-recognizer", "kaggle")
    monkeypatch.setenv("MNISTKIT_DATA", str(shared))
    found = load("digit-recognizer")
    assert found.y_test is None
    assert np.array_equal(found.y_train, other.y_train)
    assert not np.array_equal(found.x_train, made.x_train[:60])
    assert load("mnist").sha256 == tiny.sha256  # not disturbed by the files beside it


def test_quartet_is_a_twist_where_nothing_else_is_said(tiny_fashion, tmp_path):
    from mnistkit.data import make_twist

    twist = make_twist(tiny_fashion, [0, 1, 2, 2, 2, 2, 2, 2, 2, 2])
    export(twist, tmp_path / "assignment3", "twist")
    loaded = load("twist", tmp_path / "assignment3")
    assert loaded.sha256 == twist.sha256
    assert loaded.class_names == ("group 0", "group 1", "group 2")


def test_unnamed_clothes_are_twisted_and_not_taken_for_groups(tiny_fashion, tmp_path):
    export(tiny_fashion, tmp_path / "files", "idx")
    twist = load("twist", tmp_path / "files")
    assert set(twist.y_train) == {0, 1, 2, 3, 4}
    assert twist.source.endswith("; relabelled as 5 groups"), "the source must not tell which class is where"


# --- data sets made from others --------------------------------------------------------------------------


def test_recognizer_is_a_shuffle_with_a_key(tiny, shared):
    recognizer = load("digit-recognizer", shared)
    images = np.concatenate([tiny.x_train, tiny.x_test]).reshape(80, -1)
    labels = np.concatenate([tiny.y_train, tiny.y_test])
    by_image = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert len(by_image) == 80
    assert [by_image.pop(image.tobytes()) for image in recognizer.x_train] == recognizer.y_train.tolist()
    hidden = known_labels(recognizer.x_test, tiny)
    assert hidden.dtype == np.uint8
    assert [by_image.pop(image.tobytes()) for image in recognizer.x_test] == hidden.tolist()
    assert not np.array_equal(recognizer.x_train, images[:48].reshape(48, 28, 28))


def test_images_that_mnist_does_not_have_have_no_known_labels(tiny):
    changed = tiny.x_test.copy()
    assert known_labels(changed, tiny).tolist() == tiny.y_test.tolist()
    changed[3, 0, 0] ^= 1
    assert known_labels(changed, tiny) is None


def test_recognizer_needs_mnist(tiny_fashion):
    with pytest.raises(DataError, match="fashion-mnist"):
        known_labels(tiny_fashion.x_test, tiny_fashion)


# --- the cache -------------------------------------------------------------------------------------------


def entries(folder):
    return sorted(path.name for path in (folder / "arrays").iterdir())


def test_second_load_maps_and_does_not_parse(shared, monkeypatch, tiny):
    first = load("mnist", shared)
    monkeypatch.setattr(loader.readers, "read_dataset", lambda *args: pytest.fail("parsed again"))
    monkeypatch.setattr(cache, "content_sha256", lambda *args: pytest.fail("hashed again"))
    second = load("mnist", shared)
    for dataset in (first, second):
        assert dataset.sha256 == tiny.sha256 == content_sha256(*(getattr(dataset, part) for part in PARTS))
        for part in PARTS:
            array = getattr(dataset, part)
            assert isinstance(array, np.memmap)
            assert array.dtype == np.uint8
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_others_may_read_the_cache(shared, fresh_cache):
    load("mnist", shared)
    (name,) = entries(fresh_cache)
    for path in (fresh_cache / "arrays" / name, *(fresh_cache / "arrays" / name).iterdir()):
        assert path.stat().st_mode & 0o044 == 0o044


def test_every_data_set_is_read_only(shared, monkeypatch):
    monkeypatch.setenv("MNISTKIT_DATA", str(shared))
    for name in WITH_STANDIN:
        dataset = load(name)
        for part in PARTS:
            array = getattr(dataset, part)
            assert array is None or not array.flags.writeable, f"{name} {part}"


@pytest.mark.parametrize("change", ["content", "touched", "other size, same time"])
def test_changed_files_are_read_again(change, tiny, tmp_path, fresh_cache):
    (path,) = export(tiny, tmp_path / "files", "npz")
    load("mnist", path)
    before = path.stat()
    if change == "touched":
        os.utime(path, ns=(1, 1))
        assert load("mnist", path).sha256 == tiny.sha256
    else:
        other = make_tiny(seed=9, n_train=50)
        export(other, tmp_path / "files", "npz", overwrite=True)
        if change != "content":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert load("mnist", path).sha256 == other.sha256
    assert len(entries(fresh_cache)) == 2


def damage_truncated(entry):
    array = entry / "x_train.npy"
    array.write_bytes(array.read_bytes()[:-1])


def damage_header(entry):
    array = entry / "y_train.npy"
    array.write_bytes(b"\x00" * array.stat().st_size)


def damage_other_shape(entry):
    np.save(entry / "y_train.npy", np.zeros((60, 1), np.uint8))


def damage_missing(entry):
    (entry / "x_test.npy").unlink()


def damage_meta(entry):
    (entry / "meta.json").write_text('{"sha256": ')


def damage_meta_type(entry):
    (entry / "meta.json").write_text("[]")


def damage_meta_keys(entry):
    (entry / "meta.json").write_text(json.dumps({"sha256": "0", "shapes": {"x_train": None}}))


def damage_all(entry):
    for path in entry.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        damage_truncated,
        damage_header,
        damage_other_shape,
        damage_missing,
        damage_meta,
        damage_meta_type,
        damage_meta_keys,
        damage_all,
    ],
)
def test_damaged_entries_are_rebuilt(damage, shared, tiny, fresh_cache):
    load("mnist", shared)
    (name,) = entries(fresh_cache)
    damage(fresh_cache / "arrays" / name)
    again = load("mnist", shared)
    assert content_sha256(*(getattr(again, part) for part in PARTS)) == tiny.sha256 == again.sha256
    assert entries(fresh_cache) == [name]


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), PermissionError(errno.EACCES, "Permission denied")],
)
@pytest.mark.parametrize("where", ["np.save", "scratch_beside"])
def test_cache_that_cannot_be_written(shared, monkeypatch, fresh_cache, error, where):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(f"{cache.__name__}.{where}", fail)
    with pytest.raises(DataError) as info:
        load("mnist", shared)
    text = str(info.value)
    for word in (str(fresh_cache), error.strerror, "MNISTKIT_CACHE", f"{80 * 785:,} bytes"):
        assert word in text
    assert [*fresh_cache.glob("arrays/*")] == []
    monkeypatch.undo()


def test_sound_entry_of_another_process_is_kept(tiny, fresh_cache):
    arrays = {part: getattr(tiny, part) for part in PARTS}
    cache.get_or_make("kept", [], lambda: arrays)
    (name,) = entries(fresh_cache)
    place = fresh_cache / "arrays" / name
    before = place.stat().st_ino
    cache._store(place, arrays)  # as by a process that found nothing a moment before
    assert place.stat().st_ino == before
    assert entries(fresh_cache) == [name]


def test_leftovers_of_killed_processes_go(shared, fresh_cache):
    old, new = (fresh_cache / "arrays" / f".writing-{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "x_train.npy").write_bytes(b"half")
    os.utime(old, (0, 0))
    load("mnist", shared)
    assert not old.exists()
    assert new.exists()  # may still be in use


LOAD = """
import sys
from mnistkit.data import load
sys.stdin.readline()
print(load("mnist", sys.argv[1]).sha256)
heavy = {"pandas", "sklearn", "scipy", "requests", "pooch", "tensorflow"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.slow
def test_processes_that_load_at_once(shared, tiny, fresh_cache):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD, str(shared)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:  # all have been started, so they load together
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert answers == [tiny.sha256] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert len(entries(fresh_cache)) == 1


def test_threads_that_store_over_damage_at_once(tiny, fresh_cache):
    arrays = {part: getattr(tiny, part) for part in PARTS}
    place = cache.get_or_make("stress", [], lambda: arrays).arrays["x_train"].filename.parent
    failures = []

    def hammer():
        try:
            for _ in range(15):
                (place / "meta.json").unlink(missing_ok=True)
                entry = cache.get_or_make("stress", [], lambda: arrays)
                assert np.array_equal(entry.arrays["x_train"], tiny.x_train)
        except (AssertionError, DataError) as error:
            failures.append(error)

    threads = [threading.Thread(target=hammer) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # With damage going on all the time a writer may find its own entry damaged, but never a wrong one.
    assert not [error for error in failures if isinstance(error, AssertionError)]
    assert np.array_equal(cache.get_or_make("stress", [], lambda: arrays).arrays["x_test"], tiny.x_test)


def test_changed_standin_code_reaches_the_cache(monkeypatch, tiny, tiny_fashion):
    small_standins(monkeypatch, tiny)
    assert load("mnist", "bundled").sha256 == tiny.sha256
    small_standins(monkeypatch, tiny_fashion)
    assert load("mnist", "bundled").sha256 == tiny.sha256  # from the cache
    monkeypatch.setattr(loader, "_standins_version", lambda: "another")
    assert load("mnist", "bundled").sha256 == tiny_fashion.sha256


# --- Dataset and DataError -------------------------------------------------------------------------------


def test_content_hash_depends_on_every_part_and_its_place(tiny):
    arrays = [getattr(tiny, part) for part in PARTS]
    variants = [arrays, [*arrays[:3], None], [arrays[0], arrays[1][::-1], *arrays[2:]]]
    for index in range(4):
        changed = arrays[index].copy()
        changed.flat[-1] ^= 1
        variants.append([*arrays[:index], changed, *arrays[index + 1 :]])
    # The same bytes, cut elsewhere.
    variants.append([arrays[0][:50], arrays[1], np.concatenate([arrays[0][50:], arrays[2]]), arrays[3]])
    assert len({content_sha256(*variant) for variant in variants}) == len(variants)


def test_data_error_survives_pickling():
    error = DataError("a.csv, line 3", found="'x'", expected="an integer", todo="correct it")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.todo == "correct it"


def test_official_facts_are_complete():
    emnist = ("emnist-digits", "emnist-letters", "emnist-balanced")
    assert published_names() == ("mnist", "fashion-mnist", "kmnist", "qmnist", *emnist)
    published = [dataset_spec(name).published for name in published_names()]
    parts = [part for each in published for part in each.files.values()]
    assert all(isinstance(part, OfficialPart) and len(part.gz_sha256) == 64 for part in parts)
    contents = [part.content_sha256 for part in parts if part.content_sha256]
    # QMNIST's training labels are MNIST's.
    assert (len({part.gz_sha256 for part in parts}), len(contents), len(set(contents))) == (28, 10, 9)
    places = [[*each.mirrors, *(each.archive.mirrors if each.archive else ())] for each in published]
    assert all(len(urls) >= 2 and all(url.endswith("/") for url in urls) for urls in places)


def test_folder_with_copies_of_everything(tiny, tmp_path):
    for fmt in ("idx", "idx-gz", "csv", "twist", "npz"):
        export(tiny, tmp_path, fmt)
    shutil.copytree(tmp_path, tmp_path / "mnist")
    assert load("mnist", tmp_path).sha256 == tiny.sha256


def test_only_kernels_of_a_course_look_into_the_folder_above(tmp_path, monkeypatch, tiny):
    small_standins(monkeypatch, make_tiny(seed=9))
    export(tiny, tmp_path / "data" / "mnist", "npz")
    for name, found in (("notebooks", True), ("work", True), ("elsewhere", False)):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        assert (load("mnist").sha256 == tiny.sha256) is found


def test_exported_standins_stay_standins(tmp_path, monkeypatch, tiny):
    small_standins(monkeypatch, tiny)
    export(load("mnist", "bundled"), tmp_path / "out", "kaggle")
    found = load("digit-recognizer", tmp_path / "out")
    assert found.is_standin
    assert "stand-in" in found.source
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "out"))
    assert load("digit-recognizer").is_standin
    places = next(row.places for row in survey() if row.name == "digit-recognizer")
    assert places[0].endswith(", stand-in")
    with pytest.raises(DataError, match="the files there are stand-ins"):
        export(tiny, tmp_path / "out", "npz")
    export(tiny, tmp_path / "real", "npz")
    assert not load("mnist", tmp_path / "real").is_standin
