"""One's own images: what is read, what is said of it, and what is refused."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from data_helpers import SHAPES, draw_shapes
from PIL import Image

from mnistkit.cli import main
from mnistkit.data import DataError, export, load, subset, verify
from mnistkit.data.formats import pictures
from mnistkit.data.own_images import _pictures_in, load_folder

pytestmark = pytest.mark.usefixtures("fresh_cache")


@pytest.fixture
def shapes(tmp_path):
    return draw_shapes(tmp_path / "shapes", 30)


def flat(path, colour, size=(28, 28), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def test_a_folder_of_pictures_is_a_data_set(shapes):
    ours = load(str(shapes))
    assert (ours.name, ours.title, ours.item, ours.is_standin) == ("shapes", "shapes", "image", False)
    assert ours.class_names == SHAPES
    assert (ours.x_train.shape, ours.x_test.shape) == ((24, 28, 28), (6, 28, 28))
    assert np.bincount(ours.y_train).tolist() == [8] * 3
    assert np.bincount(ours.y_test).tolist() == [2] * 3
    for words in ("brought to 28 × 28 from", "one fifth of each class", str(shapes)):
        assert words in ours.source
    assert "bright" not in ours.source
    again = load(str(shapes))
    assert again.sha256 == ours.sha256
    assert not again.x_train.flags.writeable
    assert len(np.unique(ours.y_train[:8])) > 1, "the order is random, as lessons take the first images"


def test_a_changed_picture_is_read_again(shapes):
    before = load(str(shapes))
    flat(next((shapes / "bar").iterdir()), 200)
    assert load(str(shapes)).sha256 != before.sha256


def test_a_folder_is_found_beside_a_kernel_and_among_the_data(shapes, tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert load("shapes").name == "shapes"
    monkeypatch.chdir(tmp_path / "work")
    shutil.move(shapes, tmp_path / "all" / "shapes")
    with pytest.raises(DataError, match="no data set and no folder of this name") as refused:
        load("shapes")
    assert "grading looks only into the folder data and those of MNISTKIT_DATA" in refused.value.todo
    assert load("shapes", tmp_path / "all").name == "shapes"
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "all"))
    assert load("shapes").name == "shapes"


def test_train_and_test_are_kept_apart(tmp_path):
    for half, count in (("training", 3), ("test", 2)):
        for name in ("1", "2", "10"):
            for number in range(count):
                flat(tmp_path / "own" / half / name / f"{number}.bmp", 10 * int(name) + number)
    ours = load(str(tmp_path / "own"))
    assert ours.class_names == ("1", "2", "10")
    assert (len(ours.x_train), len(ours.x_test)) == (9, 6)
    assert {int(image[0, 0]) for image in ours.x_test[ours.y_test == 2]} == {100, 101}
    assert "as they are in the folder" in ours.source
    assert "brought" not in ours.source


def test_classes_and_pictures_have_one_order_on_every_machine(tmp_path, monkeypatch):
    for name in ("1", "01", "2", "b", "A"):
        for grey, picture in enumerate(("img_1", "IMG_2", "a", "b", "c")):
            flat(tmp_path / "own" / name / f"{picture}.png", 50 * grey)
    assert load(str(tmp_path / "own")).class_names == ("A", "b", "01", "1", "2")
    monkeypatch.setattr(Path, "__lt__", lambda one, other: str(one).lower() < str(other).lower())  # Windows
    assert [path.stem for path in _pictures_in(tmp_path / "own" / "1")] == ["IMG_2", "a", "b", "c", "img_1"]


def test_colours_transparency_sizes_and_depths(tmp_path):
    flat(tmp_path / "red.png", (255, 0, 0), mode="RGB")
    assert pictures.read_grey_image(tmp_path / "red.png")[0][0, 0] == 76  # 0.299 of 255
    flat(tmp_path / "glass.png", (0, 0, 0, 0), mode="RGBA")
    assert pictures.read_grey_image(tmp_path / "glass.png")[0].min() == 255  # as on white paper
    Image.fromarray(np.full((28, 28), 25_700, np.uint16)).save(tmp_path / "deep.png")
    assert pictures.read_grey_image(tmp_path / "deep.png")[0].max() == 100
    wide = Image.new("L", (80, 20), 30)
    wide.paste(200, (30, 5, 50, 15))
    wide.save(tmp_path / "wide.png")
    image, size = pictures.read_grey_image(tmp_path / "wide.png")
    assert size == (80, 20)
    assert image[0, 0] == image[-1, -1] == 30, "what is missing has the grey of the border"
    rows, columns = np.nonzero(image > 150)
    assert np.ptp(columns) > 1.5 * np.ptp(rows), "the shape is not distorted"


def test_bright_ground_is_said_and_nothing_is_inverted(tmp_path):
    draw_shapes(tmp_path / "paper", 30, background=255)
    ours = load(str(tmp_path / "paper"))
    assert "the border of 100% is bright" in ours.source
    assert "invert" in ours.source
    assert np.median(ours.x_train) > 250


def write_animation(path):
    frames = [Image.new("L", (8, 8), grey) for grey in (0, 90)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def write_cut_off(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:400])


def write_bomb(path):
    """Write a PNG of a few bytes that says it has 30,000 × 30,000 pixels."""
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )


BAD = {
    "animation.gif": (write_animation, "2 pictures in one file"),
    "cut.png": (write_cut_off, "a damaged picture"),
    "stub.png": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIH"), "cut off"),
    "bomb.png": (write_bomb, "900000000 pixels"),
    "page.png": (lambda path: path.write_text("<html><title>Sign in</title>"), "a web page (Sign in)"),
    "empty.jpg": (lambda path: path.write_bytes(b""), "an empty file"),
    "words.png": (
        lambda path: path.write_text("five words of plain text"),
        "no picture, whatever its name says",
    ),
    "floats.tif": (lambda path: Image.new("F", (9, 9)).save(path), "floats"),
    "gone.png": (lambda path: path.symlink_to(path.parent / "nowhere.png"), "a link to"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_picture_is_refused_by_name(name, shapes):
    write, found = BAD[name]
    write(shapes / "bar" / name)
    with pytest.raises(DataError, match=name) as info:
        load(str(shapes))
    assert found in info.value.found
    assert info.value.todo
    (broken,) = verify(shapes)
    assert (broken.status, found in broken.detail) == ("BROKEN", True)
    (shapes / "bar" / name).unlink()
    assert verify(shapes)[0][1:] == ("readable", "30 pictures in 3 classes")


def remove_two_classes(folder):
    for name in ("circle", "triangle"):
        shutil.rmtree(folder / name)


def add_many_classes(folder):
    for number in range(60):
        for picture in range(5):
            flat(folder / f"c{number}" / f"{picture}.png", picture)


def empty_a_class(folder):
    for path in (folder / "bar").iterdir():
        path.rename(path.with_suffix(".txt"))


def leave_two(folder):
    for path in sorted((folder / "bar").iterdir())[2:]:
        path.unlink()


def move_up(folder):
    for path in list(folder.rglob("*.png")):
        path.rename(folder / f"{path.parent.name}{path.name}")
    for name in SHAPES:
        (folder / name).rmdir()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (remove_two_classes, "1 class (bar)"),
        (add_many_classes, "63 classes"),
        (empty_a_class, "no pictures"),
        (leave_two, "2 images of bar"),
        (move_up, "pictures, but no subfolders"),
        (lambda folder: (folder / "bar" / "more").mkdir(), "a folder in it: more"),
    ],
)
def test_classes_that_are_none_are_refused(change, found, shapes):
    change(shapes)
    with pytest.raises(DataError) as info:
        load_folder(shapes)
    assert info.value.found == found
    assert info.value.expected
    assert info.value.todo


@pytest.mark.parametrize("fmt", ["idx", "csv", "npz"])
def test_arrays_and_tables_with_other_classes(fmt, shapes, tmp_path):
    ours = load(str(shapes))
    export(ours, tmp_path / "written", fmt)
    again = load(str(tmp_path / "written"))
    assert (again.name, again.class_names) == ("written", ("0", "1", "2"))
    assert sorted(image.tobytes() for image in again.x_test) == sorted(
        image.tobytes() for image in ours.x_test
    )


def test_arrays_of_another_size_without_a_test_part(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 8, 10), np.uint8), np.arange(40, dtype=np.uint8) % 2 + 7
    np.savez(tmp_path / "tomorrow.npz", x_train=images, y_train=labels)
    with pytest.raises(DataError, match="call the file train"):
        load(str(tmp_path))
    (tmp_path / "tomorrow.npz").rename(tmp_path / "train.npz")
    with pytest.raises(DataError) as info:
        load(str(tmp_path / "train.npz"))
    assert info.value.todo == f"give its folder: {tmp_path}"
    ours = load(str(tmp_path))
    assert ours.class_names == ("7", "8")
    assert (ours.x_train.shape, ours.x_test.shape) == ((32, 28, 28), (8, 28, 28))
    assert "from 10 × 8 pixels" in ours.source
    assert {row.status for row in verify(tmp_path)} == {"readable"}
    with pytest.raises(DataError):
        load("mnist", tmp_path)


def test_a_table_with_another_name_is_told_the_name_that_will_do(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (10, 785))
    rows[:, 0] = np.arange(10) % 2
    table = tmp_path / "tomorrow.csv"
    header = ",".join(["label", *(f"pixel{number}" for number in range(784))])
    np.savetxt(table, rows, fmt="%d", delimiter=",", header=header, comments="")
    with pytest.raises(DataError) as info:
        load(str(tmp_path))
    assert "train.csv alone will do" in info.value.todo
    table.rename(tmp_path / "train.csv")
    assert len(load(str(tmp_path)).x_train) == 8


def test_pictures_that_are_given_as_files_of_a_data_set_are_told_to_be_one(shapes):
    with pytest.raises(DataError) as info:
        load("mnist", shapes)
    assert "a subfolder for each class as the dataset" in info.value.todo


def test_a_known_data_set_in_a_folder_is_that_one(tmp_path):
    export(subset(load("mnist", "bundled"), 100, 50), tmp_path / "some" / "mnist", "idx")
    assert load(str(tmp_path / "some" / "mnist")).name == "mnist"
    draw_shapes(tmp_path / "fashion-mnist", 30)
    assert load(str(tmp_path / "fashion-mnist")).name == "own-fashion-mnist"


@pytest.mark.parametrize("source", ["bundled", "download"])
def test_nothing_stands_in_for_own_images(source, shapes):
    with pytest.raises(DataError, match="nothing stands in"):
        load(str(shapes), source)


def test_the_commands_take_a_folder(shapes):
    told = CliRunner().invoke(main, ["data", "info", str(shapes)])
    assert told.exit_code == 0, told.output
    for words in ("your own images", "triangle", "one fifth"):
        assert words in told.output
    wrong = CliRunner().invoke(main, ["data", "info", "fashion-mnits"])
    assert wrong.exit_code
    assert "did you mean 'fashion-mnist'?" in str(wrong.exception) + wrong.output


# --- which of several things in a folder is meant ---------------------------------------------------------


@pytest.fixture
def table(shapes, tmp_path):
    """Write the shapes as train.csv and test.csv of a folder, and return the folder."""
    export(load(str(shapes)), tmp_path / "ours", "csv")
    for path in (tmp_path / "ours").iterdir():
        path.rename(path.with_name(path.name.removeprefix("shapes_")))
    return tmp_path / "ours"


@pytest.mark.parametrize("figures", ["preview/a.png", "logo.png"])
def test_pictures_beside_tables_do_not_hide_them(figures, table):
    flat(table / figures, 9)
    ours = load(str(table))
    assert (len(ours.x_train), ours.class_names) == (24, ("0", "1", "2"))
    (table / "test.csv").unlink()
    assert {row.status for row in verify(table)} == {"readable"}, "verify takes what load takes"


def add_pictures(folder):
    for place in ("figures", "plots"):
        flat(folder / place / "a.png", 9)


def add_archives(folder):
    for path in folder.iterdir():
        path.unlink()
    for name in ("a.npz", "b.npz"):
        np.savez(folder / name, x_train=np.zeros((9, 9, 9)), x_test=np.ones((9, 9, 9)))


def add_second_pair(folder):
    for path in list(folder.iterdir()):
        (folder / "old").mkdir(exist_ok=True)
        shutil.copy(path, folder / "old")


@pytest.mark.parametrize(
    ("add", "named"),
    [
        (add_pictures, "train.csv, test.csv; pictures in figures, plots"),
        (add_archives, "a.npz; b.npz"),
        (add_second_pair, "train.csv, test.csv; old/train.csv, old/test.csv"),
    ],
)
def test_of_two_data_sets_none_is_taken(add, named, table):
    add(table)
    with pytest.raises(DataError) as info:
        load(str(table))
    assert info.value.found.replace("\\", "/") == f"2 data sets: {named}"


@pytest.mark.parametrize(
    ("folder", "prefix", "name"),
    [
        ("class 7b digits", "", "class 7b digits"),
        ("old-fashioned letters", "", "old-fashioned letters"),
        ("twisted shapes", "", "twisted shapes"),
        ("mnist of our school", "", "mnist of our school"),
        ("shapes", "fashion_", "shapes"),
        ("shapes", "mnist_", "mnist"),
        ("Fashion-MNIST data", "", "fashion-mnist"),
        ("mnist_784", "", "mnist"),
    ],
)
def test_a_word_in_a_name_makes_no_known_data_set(folder, prefix, name, table, tmp_path):
    place = tmp_path / "places" / folder
    place.mkdir(parents=True)
    for path in list(table.iterdir()):
        path.rename(place / f"{prefix}{path.name}")
    assert load(str(place)).name == name


@pytest.mark.parametrize("folder", ["digits", "letters and shapes"])
def test_labels_of_ones_own_are_any_numbers(folder, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28))
    (tmp_path / folder).mkdir()
    np.savez(tmp_path / folder / "train.npz", x_train=images, y_train=np.arange(20) % 3 + 200)
    assert load(str(tmp_path / folder)).class_names == ("200", "201", "202")


@pytest.mark.parametrize("name", ["emnist-byclass-{}.csv", "EMNIST/{}.csv"])
def test_emnist_as_ones_own_is_upright(name, table, tmp_path):
    upright = load(str(table))
    assert "taken as upright, although 'test_emnist" in upright.source
    for half in ("train", "test"):
        target = tmp_path / "given" / name.format(half)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(table / f"{half}.csv", target)
    ours = load(str(tmp_path / "given"))
    assert np.array_equal(ours.x_train, upright.x_train.swapaxes(1, 2))
    assert "rows and columns exchanged" in ours.source


def test_a_test_part_without_labels_is_told_what_will_do(table, shapes):
    lines = (table / "test.csv").read_text().splitlines()
    (table / "test.csv").write_text("\n".join(line.partition(",")[2] for line in lines))
    for name in SHAPES:
        (shapes / "train").mkdir(exist_ok=True)
        (shapes / name).rename(shapes / "train" / name)
    flat(shapes / "test" / "a.png", 9)
    for folder in (table, shapes):
        with pytest.raises(DataError, match="leave the test part out") as info:
            load(str(folder))
        assert info.value.found == "no labels for the test images"


# --- what can be seen, and what is left out ---------------------------------------------------------------


def white_ink(image):
    return Image.merge("LA", [Image.new("L", image.size, 255), image])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (white_ink, "nothing on the images: all grey values are 255"),
        (lambda image: Image.fromarray(np.asarray(image).astype(np.uint16)), "all grey values are 0"),
        (lambda image: Image.fromarray((np.asarray(image) > 0).astype(np.uint8)), "grey values are 0 or 1"),
        (lambda image: Image.fromarray(np.asarray(image).astype(np.uint16) * 16), None),
    ],
)
def test_images_that_lost_their_content_are_no_data(change, found, shapes):
    for path in shapes.rglob("*.png"):
        change(Image.open(path).resize((28, 28))).save(path)
    if found is None:
        assert "faint: grey values only from 0 to 15" in load(str(shapes)).source
        return
    with pytest.raises(DataError) as info:
        load(str(shapes))
    assert found in info.value.found


def test_arrays_of_two_values_are_said_to_be_black_and_white(shapes, tmp_path):
    images = (load(str(shapes)).x_train > 99).astype(int)
    (tmp_path / "ours").mkdir()
    np.savez(tmp_path / "ours" / "train.npz", x_train=images, y_train=load(str(shapes)).y_train)
    ours = load(str(tmp_path / "ours"))
    assert np.unique(ours.x_train).tolist() == [0, 255]
    assert "black and white" in ours.source


def test_what_is_left_out_is_said(shapes):
    for name in ("bar/a.heic", "circle/b.svg", "square.zip", "stray.png", "notes.txt"):
        (shapes / name).write_bytes(b"?")
    assert "not used: bar/a.heic, circle/b.svg, square.zip and 1 more;" in load(str(shapes)).source.replace(
        "\\", "/"
    )
    next((shapes / "bar").glob("*.png")).rename(shapes / "bar" / "a.jfif")
    assert len(load(str(shapes)).x_train) == 24
    (shapes / "hats").mkdir()
    (shapes / "hats" / "1.avif").write_bytes(b"?")
    with pytest.raises(DataError) as info:
        load(str(shapes))
    assert info.value.found == "no pictures but 1.avif, which can't be read"


def test_names_that_end_like_a_part_may_be_classes(shapes):
    (shapes / "bar").rename(shapes / "bullet train")
    (shapes / "circle").rename(shapes / "crash test")
    assert load(str(shapes)).class_names == ("bullet train", "crash test", "triangle")


@pytest.mark.parametrize(("names", "read"), [(("train_set", "test_set"), True), (("seg_train", "seg_test"), True),
                                             (("train", "val"), False), (("Training images", "valid"), False)])  # fmt: skip
def test_other_names_of_the_two_parts(names, read, shapes):
    for place in names:
        shutil.copytree(shapes, shapes.parent / "parts" / place)
    if read:
        assert len(load(str(shapes.parent / "parts")).x_test) == 30
        return
    with pytest.raises(DataError) as info:
        load(str(shapes.parent / "parts"))
    assert "or rename two of them: train and test" in info.value.todo
