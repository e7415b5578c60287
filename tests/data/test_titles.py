"""Which data set names say that something is, and what is taken from a folder with several."""

import gzip
import logging
import os

import numpy as np
import pytest
from data_helpers import make_tiny

from mnistkit.data import DataError, discovery, export, load, loader, verify
from mnistkit.data.dataset import part_sha256
from mnistkit.data.dataset_titles import title
from mnistkit.data.registry import PARTS

pytestmark = pytest.mark.usefixtures("fresh_cache")

OTHERS = [
    "EMNIST/raw", "MyEMNIST", "emnist-byclass", "emnist-mnist", "kuzushiji49", "k49", "Kannada_MNIST",
    "notMNIST_large", "not-mnist", "cifar-10-batches-py", "svhn_cropped", "USPS", "medmnist", "PathMNIST",
    "sign-language-mnist", "sign_mnist", "mnist-c", "mnist_m", "MNIST-1D", "moving-mnist", "colored_mnist", "affNIST",
    "chinese_mnist", "arabic-handwritten-digits", "tmnist", "AfroMNIST",
]  # fmt: skip
OURS = {
    "MNIST/raw": "mnist",
    "mnist_original": "mnist",
    "my-mnist-copy": "mnist",
    "mymnist": "mnist",
    "themnist": "mnist",
    "digits": "mnist",
    "mnist-csv": "mnist",
    "mnist_model_data": "mnist",
    "design-mnist": "mnist",
    "FashionMNIST/raw": "fashion-mnist",
    "fashion_mnist": "fashion-mnist",
    "fmnist": "fashion-mnist",
    "digit-recognizer": "digit-recognizer",
    "twist": "twist",
    "KMNIST/raw": "kmnist",
    "Kuzushiji-MNIST": "kmnist",
    "QMNIST": "qmnist",
    "emnist-digits": "emnist-digits",
    "EMNIST/gzip/emnist-letters": "emnist-letters",
    "emnist_balanced": "emnist-balanced",
}


@pytest.fixture(autouse=True)
def small_standin(monkeypatch, tiny):
    """Draw no stand-ins, and give each notice anew."""
    monkeypatch.setattr(loader, "_make_standin", lambda name: {part: getattr(tiny, part) for part in PARTS})
    loader._announce.cache_clear()


def said(path, folder, *, own_name=True):
    found = title(path, folder, own_name=own_name)
    return found and found.said


@pytest.mark.parametrize("name", OTHERS)
def test_another_data_set_is_never_taken(name, tiny, tmp_path, monkeypatch, caplog):
    export(tiny, tmp_path / "given" / name, "idx-gz")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "given"))
    with caplog.at_level(logging.WARNING):
        assert load("mnist").is_standin
    assert name.partition("/")[0] in caplog.text  # the notice says what is there
    for source in (
        tmp_path / "given",
        tmp_path / "given" / name.partition("/")[0],
        tmp_path / "given" / name,
    ):
        for wanted in ("mnist", "fashion-mnist", "twist", "digit-recognizer"):
            if source != tmp_path / "given" and name in ("tmnist", "AfroMNIST"):
                continue  # not on the list: whoever gives exactly this folder is believed
            with pytest.raises(DataError) as info:
                load(wanted, source)
            assert name.partition("/")[0] in info.value.found
            assert "move them" in info.value.todo
    assert {row.status for row in verify(tmp_path / "given")} == {"other"}


@pytest.mark.parametrize("name", OURS)
def test_our_data_sets_are_known_by_usual_names(name, tmp_path):
    assert said(tmp_path / name / "train-images-idx3-ubyte", tmp_path) == OURS[name]


def test_a_name_in_the_file_counts_like_a_folder_s(tiny, tmp_path):
    for path in export(tiny, tmp_path / "gzip", "idx-gz"):
        path.rename(path.with_name(f"emnist-digits-{path.name.replace('t10k', 'test')}"))
    with pytest.raises(DataError, match=r"emnist-digits \(emnist-digits-"):
        load("mnist", tmp_path)
    with pytest.raises(DataError, match="emnist-digits"):
        load("mnist", next((tmp_path / "gzip").iterdir()))


def test_inside_the_given_folder_any_other_name_wins_and_around_it_the_nearest(tmp_path):
    file = tmp_path / "a" / "emnist" / "mnist" / "train-images"
    assert said(file, tmp_path) == "EMNIST"
    assert said(file, tmp_path / "a") == "EMNIST"
    assert said(file, file.parent) == "mnist"  # whoever gives this folder means it
    assert said(file, file.parent, own_name=False) is None
    plain = tmp_path / "a" / "emnist" / "b" / "c" / "train-images"
    assert said(plain, plain.parent, own_name=False) == "EMNIST"
    inner = tmp_path / "all-of-emnist-and-more" / "MNIST" / "raw" / "train-images"
    assert said(inner, tmp_path / "all-of-emnist-and-more") == "mnist"
    assert said(inner, inner.parent, own_name=False) is None


def test_a_link_to_another_data_set_is_that_one(tiny, tmp_path):
    export(tiny, tmp_path / "EMNIST" / "raw", "idx")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "mnist").symlink_to(tmp_path / "EMNIST" / "raw")
    for source in ("given", "given/mnist"):
        with pytest.raises(DataError, match="EMNIST"):
            load("mnist", tmp_path / source)


def test_of_several_sets_the_right_one_is_chosen(tmp_path, monkeypatch):
    root = tmp_path / "torch-emnist"
    made = {
        name: make_tiny(seed=seed)
        for seed, name in enumerate(["EMNIST", "FashionMNIST", "KMNIST", "MNIST"], 50)
    }
    for name, dataset in made.items():
        export(dataset, root / name / "raw", "idx")
    monkeypatch.setenv("MNISTKIT_DATA", str(root))
    for source in (root, "auto"):
        assert load("mnist", source).sha256 == made["MNIST"].sha256
        assert load("fashion-mnist", source).sha256 == made["FashionMNIST"].sha256
    assert load("mnist", root / "MNIST").sha256 == made["MNIST"].sha256
    assert sorted(row.status for row in verify(root)) == ["other"] + ["readable"] * 12


@pytest.mark.parametrize("fmt", ["idx", "npy"])
def test_official_content_wins_over_names(fmt, tiny, tmp_path, monkeypatch):
    owners = {part_sha256(getattr(tiny, part)): [("mnist", part)] for part in PARTS}
    monkeypatch.setattr("mnistkit.data.registry._owners", lambda: owners)
    if fmt == "npy":
        (tmp_path / "KMNIST").mkdir()
        for part in PARTS:
            np.save(tmp_path / "KMNIST" / f"{part}.npy", getattr(tiny, part))
    else:
        export(tiny, tmp_path / "KMNIST", "idx")
    assert load("mnist", tmp_path).sha256 == tiny.sha256


# --- names of files --------------------------------------------------------------------------------------

IDX = {
    "train-images-idx3-ubyte": "x_train",
    "train-labels-idx1-ubyte": "y_train",
    "t10k-images-idx3-ubyte": "x_test",
    "t10k-labels-idx1-ubyte": "y_test",
}
RENAMED = {
    "short ending": lambda name: name.replace("-idx", ".idx").replace("-ubyte", ""),
    "no ending": lambda name: name.partition("-idx")[0],
    "underscores": lambda name: name.replace("-", "_"),
    "browser's copy": lambda name: f"{name} (1)",
    "browser's copy, close": lambda name: f"{name}(2)",
    "from a CD": lambda name: f"{name.upper()};1",
    "copy of a copy": lambda name: f"{name} (1) (1)",
    "7-Zip's folder": lambda name: f"{name}/{name.replace('-idx', '.idx')}",
    "halves": lambda name: f"{'train' if 'train' in name else 'test'}/{name}",
    "kinds": lambda name: f"{'images' if 'images' in name else 'labels'}/{name}",
    "one in a folder": lambda name: f"train-images-idx3-ubyte/{name[:-6]}" if "train-im" in name else name,
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rename", RENAMED)
def test_idx_names_in_use(rename, packed, tiny, tmp_path, monkeypatch):
    for path in export(tiny, tmp_path / "plain", "idx"):
        target = tmp_path / "given" / "mnist" / RENAMED[rename](path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if packed:
            target.with_name(f"{target.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        else:
            path.rename(target)
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "given"))
    for source in (tmp_path / "given", "auto"):
        assert load("mnist", source).sha256 == tiny.sha256
    assert {row.status for row in verify(tmp_path / "given")} == {"readable"}
    assert load("mnist", tmp_path / "given").source.endswith("mnist")


@pytest.mark.parametrize(
    "spelling", ["x_train.csv (1)", "mnist_train (1).csv", "mnist_train_100.csv", "mnist_train - Copy.csv"]
)
def test_tables_with_a_mark_of_a_copy_or_a_size(spelling, tiny, tmp_path):
    export(tiny, tmp_path, "csv" if "mnist" in spelling else "twist")
    for path in list(tmp_path.glob("*.csv")):
        mark = spelling.replace("mnist_train", "").replace("x_train", "")
        path.rename(path.with_name(f"{path.stem}{mark}"))
    assert load("mnist", tmp_path).sha256 == tiny.sha256


def test_the_original_is_taken_before_its_copy(tiny, tmp_path):
    export(make_tiny(seed=7), tmp_path, "csv")
    for path in list(tmp_path.glob("*.csv")):
        path.rename(path.with_name(f"{path.stem} (1).csv"))
    export(tiny, tmp_path, "csv")
    assert load("mnist", tmp_path).sha256 == tiny.sha256


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("mnist-train-images", "mnist-train-labels", "mnist-test-images", "mnist-test-labels"),
        ("train/x_train", "train/y_train", "test/x_test", "test/y_test"),
    ],
)
def test_npy_names_in_use(names, tiny, tmp_path):
    for name, part in zip(names, PARTS, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.save(tmp_path / f"{name}.npy", getattr(tiny, part))
    assert load("mnist", tmp_path).sha256 == tiny.sha256


def test_npz_of_two_halves(tiny, tmp_path):
    np.savez(tmp_path / "mnist_train.npz", x=tiny.x_train, y=tiny.y_train)
    np.savez(tmp_path / "mnist_test.npz", x=tiny.x_test, y=tiny.y_test)
    assert load("mnist", tmp_path).sha256 == tiny.sha256
    assert load("mnist", tmp_path / "mnist_test.npz").sha256 == tiny.sha256


def test_npz_of_everything_whatever_its_name_says(tiny, tmp_path):
    np.savez(tmp_path / "mnist_train.npz", **{part: getattr(tiny, part) for part in PARTS})
    for source in (tmp_path, tmp_path / "mnist_train.npz"):
        assert load("mnist", source).sha256 == tiny.sha256


def test_one_file_of_another_set_among_ours_is_enough(tiny, tmp_path):
    files = export(tiny, tmp_path / "mnist", "idx")
    (tmp_path / "EMNIST").mkdir()
    files[2].rename(tmp_path / "EMNIST" / "images")
    files[2].symlink_to(tmp_path / "EMNIST" / "images")
    with pytest.raises(DataError, match="EMNIST"):
        load("mnist", tmp_path)


@pytest.mark.parametrize("places", [("old", "new"), ("train", "test", "train2")])
def test_halves_that_may_not_belong_together_are_not_joined(places, tiny, tmp_path):
    for seed, place in enumerate(places):
        half = "t10k" if place in ("new", "test") else "train"
        for path in export(make_tiny(seed=seed), tmp_path / place, "idx"):
            if half not in path.name:
                path.unlink()
    with pytest.raises(DataError, match="but no file with"):
        load("mnist", tmp_path)


def test_parts_in_folders_of_folders_are_not_joined(tmp_path):
    dataset = make_tiny()
    for place, parts in {"train": "x_train", "train/labels": "y_train", "test": "x_test y_test"}.items():
        (tmp_path / place).mkdir(parents=True)
        for part in parts.split():
            np.save(tmp_path / place / f"{part}.npy", getattr(dataset, part))
    with pytest.raises(DataError, match="but no file with"):
        load("mnist", tmp_path)


def test_what_the_kit_itself_keeps_is_no_data(tiny, tmp_path, monkeypatch, fresh_cache):
    export(tiny, tmp_path / "given" / "mnist", "idx")
    load("mnist", tmp_path / "given")
    assert list(fresh_cache.rglob("x_train.npy"))
    assert discovery.candidates(fresh_cache) == []


# --- what is broken, and what is absent -------------------------------------------------------------------

PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"


@pytest.mark.parametrize(
    ("file", "data", "words"),
    [
        ("mnist_train.csv", PAGE, "mnist_train.csv"),
        ("mnist/train.csv", PAGE, "train.csv"),
        ("some/train.csv", PAGE, "a web page (Sign in)"),
        ("digit-recognizer/train.csv", PAGE, "a web page (Sign in)"),
        ("mnist_train.csv", b"V1;V2\n", "mnist_train.csv"),
        ("train-images-idx3-ubyte", PAGE, "a web page (Sign in)"),
        ("mnist/x_train.npy", PAGE, "x_train.npy"),
        ("mnist.npz", PAGE, "a web page (Sign in)"),
        ("mnist.zip", b"PK\3\4" + bytes(40), "unpack"),
        ("mnist.pkl.gz", gzip.compress(b"\x80\x03]q\0."), "never opened"),
        ("mnist_784.csv", b"pixel1\n1\n", "mnist_train.csv"),
        ("MNIST-full.mat", b"MATLAB 5.0 MAT-file", "a MATLAB file"),
        ("mnist_test.xlsx", b"PK\3\4" + bytes(40), "unpack"),
        ("mnist.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        ("mnist.npz.part", b"PK", "an unfinished download"),
        ("mnist_train.csv.crdownload", b"label,pixel0\n", "an unfinished download"),
        ("t10k-labels-idx1-ubyte.gz.crdownload", b"\x1f\x8b12", "an unfinished download"),
        ("mnist/train-images-idx3-ubyte.xz", b"\xfd7zXZ\0" + bytes(40), "packed with xz"),
        ("mnist/test.parquet", b"PAR1" + bytes(40), "a Parquet file"),
        ("mnist/data/train-00000-of-00001.parquet", b"PAR1" + bytes(40), "a Parquet file"),
        (
            "mnist_train.txt",
            b"label," + b",".join(b"%d" % at for at in range(784)) + b"\n5" + b",0" * 784,
            "usual names",
        ),
        ("mnist-in-csv.zip", b"PK\3\4" + bytes(40), "unpack"),
        ("mnist/train/7/1.png", b"\x89PNG\r\n\x1a\n", "a subfolder for each class"),
    ],
)
def test_a_broken_file_is_never_an_absent_one(file, data, words, tiny, tmp_path, monkeypatch):
    path = tmp_path / "given" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "given"))
    for source in ("auto", tmp_path / "given"):
        with pytest.raises(DataError) as info:
            load("mnist", source)
        assert path.name in str(info.value)
        assert words in str(info.value)
    try:
        statuses = {row.status for row in verify("mnist")}
        assert "BROKEN" in statuses or file.startswith("some")
    except DataError as error:
        pytest.fail(f"a row was promised: {error}")


def test_a_link_that_leads_nowhere_is_broken(tiny, tmp_path, monkeypatch):
    export(tiny, tmp_path / "given" / "mnist", "idx")
    for path in (tmp_path / "given" / "mnist").iterdir():
        path.unlink()
        path.symlink_to(tmp_path / "annex" / path.name)
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "given"))
    with pytest.raises(DataError) as info:
        load("mnist")
    assert "a link to" in info.value.found
    assert str(tmp_path / "annex") in info.value.found


@pytest.mark.parametrize(
    "name",
    [
        *("mnist_model.npz.md", "mnist_cnn.keras", "mnist_results.csv", "notes.csv", "titanic.zip"),
        *(
            "mnist.txt",
            "mnist/train_log.json",
            "mnist/plots/train.png",
            "mnist_model.h5",
            "some/train.parquet",
        ),
    ],
)
def test_what_is_no_data_by_its_name_is_no_broken_data(name, tmp_path, monkeypatch):
    (tmp_path / "given" / name).parent.mkdir(parents=True)
    (tmp_path / "given" / name).write_text("epoch,loss\n1,0.3\n")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "given"))
    assert load("mnist").is_standin


def test_a_table_about_something_else_is_no_broken_data_in_any_encoding(tmp_path, monkeypatch):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "train.csv").write_text("PassengerId,Survived\n1,0\n", encoding="utf-16")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "given"))
    assert load("mnist").is_standin


def test_a_folder_without_usual_names_is_described(tmp_path):
    for number in range(12):
        (tmp_path / f"img_{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "archive.zip").write_bytes(b"PK\3\4" + bytes(40))
    (tmp_path / "data.pt").write_bytes(b"?")
    with pytest.raises(DataError) as info:
        load("mnist", tmp_path)
    assert "archive.zip, data.pt, img_0.png" in info.value.found
    assert "and 8 more" in info.value.found
    assert "train-images-idx3-ubyte" in info.value.expected
    for words in (
        "archive.zip is a zip archive: unpack it",
        "data.pt is a Python pickle",
        "img_0.png is a picture",
    ):
        assert words in info.value.todo
    assert info.value.todo.count("picture:") == 1
    with pytest.raises(DataError) as again:
        verify(tmp_path)
    assert again.value.found == info.value.found


@pytest.mark.parametrize("packed", ["mnist_test.csv.zip", "mnist_test.csv.crdownload", "sub/mnist.7z"])
def test_a_missing_half_that_is_there_in_another_form_is_named(packed, tiny, tmp_path):
    _, test = export(tiny, tmp_path, "csv")
    test.unlink()
    (tmp_path / packed).parent.mkdir(exist_ok=True)
    (tmp_path / packed).write_bytes(b"?")
    (tmp_path / "sample_submission.csv").write_text("id,label\n1,0\n")
    with pytest.raises(DataError, match="no file with x_test, y_test") as info:
        load("mnist", tmp_path)
    assert info.value.todo.startswith(f"{packed.rpartition('/')[2]} is ")
    assert "submission" not in info.value.todo


def test_files_that_are_too_deep_are_told_where_is_searched(tiny, tmp_path):
    export(tiny, tmp_path / "a" / "b" / "c" / "d", "csv")
    with pytest.raises(DataError, match="3 deep") as info:
        load("mnist", tmp_path)
    assert "deeper folder" in info.value.todo


def test_one_file_that_is_no_data_says_what_it_is(tmp_path):
    (tmp_path / "mnist.pkl").write_bytes(b"\x80\x03]q\0.")
    with pytest.raises(DataError, match="a Python pickle"):
        load("mnist", tmp_path / "mnist.pkl")


@pytest.mark.skipif(os.name == "nt", reason="Windows' file names are text")
def test_a_folder_whose_name_is_no_text(tiny, tmp_path, monkeypatch):
    folder = tmp_path / os.fsdecode(b"d\xe9p\xf4t")
    export(tiny, folder / "mnist", "idx")
    monkeypatch.setenv("MNISTKIT_DATA", str(folder))
    for source in (folder, "auto"):
        dataset = load("mnist", source)
        assert dataset.sha256 == tiny.sha256
        dataset.source.encode()
    for row in verify(folder):
        row.file.encode()
    (folder / "mnist" / "train-images-idx3-ubyte").write_bytes(PAGE)
    with pytest.raises(DataError) as info:
        load("mnist", folder)
    str(info.value).encode()
