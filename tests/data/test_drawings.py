"""Drawings of many students become one data set; what is none is left out, and said."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mnistkit.cli import main
from mnistkit.data import DataError, collect_drawings, load, save_drawing

pytestmark = pytest.mark.usefixtures("fresh_cache")


def a_digit(number):
    """Give an image that is another one for each number."""
    image = np.zeros((28, 28), dtype=np.uint8)
    image[4:24, 14] = 255
    image[4, 4 + number % 20] = 200
    return image


@pytest.fixture
def handed(tmp_path):
    """Six students' ones and sevens, in folders and under names as platforms make them."""
    folder = tmp_path / "handed"
    for student in range(6):
        place = folder / f"Student {student}_1234_assignsubmission_file"
        for label in ("1", "7"):
            path = save_drawing(a_digit(2 * student + (label == "7")), label, place / "drawings")
            if student == 0:  # taken out of its folder, and renamed
                path.rename(place / f"my {label}.PNG")
    return folder


def test_drawings_of_many_students_are_a_data_set(handed, tmp_path):
    assert collect_drawings(handed, tmp_path / "class") == {"1": 6, "7": 6}
    ours = load(str(tmp_path / "class"))
    assert ours.class_names == ("1", "7")
    assert np.bincount(np.r_[ours.y_train, ours.y_test]).tolist() == [6, 6]
    sevens = np.concatenate([ours.x_train[ours.y_train == 1], ours.x_test[ours.y_test == 1]])
    expected = {a_digit(2 * student + 1).tobytes() for student in range(6)}
    assert {image.tobytes() for image in sevens} == expected
    named = [path for path in (tmp_path / "class").rglob("*") if "tudent" in path.name or "my" in path.name]
    assert not named, "nobody's name stays"
    assert len(list(handed.rglob("*.*"))) == 12, "what was handed in is still there"


def test_who_hands_in_later_is_added_and_the_same_drawing_counts_once(handed, tmp_path):
    collect_drawings(handed, tmp_path / "class")
    save_drawing(a_digit(0), "1", tmp_path / "late")
    save_drawing(a_digit(19), "1", tmp_path / "late")
    assert collect_drawings(tmp_path / "late", tmp_path / "class") == {"1": 2}
    assert len(list((tmp_path / "class" / "1").iterdir())) == 7


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_text("hello"), "no picture, whatever its name says"),
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), "damaged picture"),
        (lambda path: path.write_bytes(bytes(20_000)), "20,000 bytes"),
        (lambda path: Image.new("L", (28, 30)).save(path), "28 × 30 pixels"),
        (lambda path: Image.new("L", (28, 28)).save(path), "does not say its class"),
        (lambda path: path.unlink() or path.symlink_to("nowhere"), None),
    ],
)
def test_what_is_no_drawing_is_left_out_and_said(handed, tmp_path, said, spoil, reason):
    spoil(handed / "Student 0_1234_assignsubmission_file" / "my 7.PNG")
    assert collect_drawings(handed, tmp_path / "class") == {"1": 6, "7": 5}
    words = "\n".join(map(str, said))
    assert ("my 7.PNG" in words and reason in words) if reason else not words


def test_a_systems_own_files_are_nobodys_drawings(handed, tmp_path, said):
    for name in (".DS_Store", "__MACOSX/my 1.png"):
        (handed / name).parent.mkdir(exist_ok=True)
        (handed / name).write_text("x")
    assert collect_drawings(handed, tmp_path / "class") == {"1": 6, "7": 6}
    assert not said


def test_where_no_drawing_is_nothing_is_made(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    for place, found in (
        ("notes", "1 files, no drawing"),
        ("notes/a.txt", "a file"),
        ("nowhere", "no such file"),
    ):
        with pytest.raises(DataError, match=found):
            collect_drawings(tmp_path / place, tmp_path / "class")
    assert not (tmp_path / "class").exists()


@pytest.mark.parametrize("name", ["", "/", "__", "a" * 61])
def test_a_class_needs_a_name_that_a_folder_can_have(tmp_path, name):
    with pytest.raises(ValueError, match="class_name is"):
        save_drawing(a_digit(1), name, tmp_path)


def test_only_an_image_in_mnists_form_is_kept(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(20, 20\); expected \(28, 28\)"):
        save_drawing(np.zeros((20, 20), dtype=np.uint8), "1", tmp_path)
    save_drawing(a_digit(1), "../up", tmp_path / "in")
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["up"]


def test_the_command_counts_what_it_has_collected(handed, tmp_path):
    result = CliRunner().invoke(main, ["data", "collect", str(handed), "--out", str(tmp_path / "class")])
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.output.splitlines()] == ["6", "6", "12"]
    result = CliRunner().invoke(main, ["data", "collect", str(tmp_path / "none"), "--out", "class"])
    assert result.exit_code == 1
    assert "no such file" in result.output
