"""A digit of one's own in MNIST's form: the same from any paper, at any place, and better known."""

import numpy as np
import pytest

from mnistkit.data import load, normalisation_steps
from mnistkit.data.handwriting import centred

NAMES = ["grey", "white on black", "ink only", "box of 20 pixels", "centred"]


def a_five(top=20, left=30, paper=230, ink=30):
    """Draw a 5 whose upper bar does not touch the rest."""
    sheet = np.full((140, 180), paper, dtype=np.uint8)
    for row, column, height, width in (
        (0, 6, 6, 34),
        (9, 4, 26, 6),
        (32, 4, 6, 30),
        (38, 30, 24, 6),
        (58, 0, 6, 34),
    ):
        sheet[top + row : top + row + height, left + column : left + column + width] = ink
    return sheet


def in_form(picture):
    return normalisation_steps(picture)["centred"]


def middle(image):
    """Give the centre of mass: distances from the upper and the left edge."""
    places = np.arange(len(image)) + 0.5
    return image.sum(axis=1) @ places / image.sum(), image.sum(axis=0) @ places / image.sum()


def test_each_step_is_what_its_name_says():
    picture = a_five()
    steps = normalisation_steps(picture)
    assert list(steps) == NAMES
    assert {step.dtype for step in steps.values()} == {np.dtype("uint8")}
    assert np.array_equal(steps["grey"], picture)
    assert np.array_equal(steps["white on black"], 255 - picture)
    assert np.array_equal(steps["ink only"], np.where(picture == 30, 255, 0))
    assert steps["box of 20 pixels"].shape == (20, 12)  # of 64 × 40 pixels
    assert steps["centred"].shape == (28, 28)
    assert steps["centred"].max() == 255


def test_paper_may_be_white_or_black_and_the_digit_anywhere_on_it():
    expected = in_form(a_five())
    for other in (255 - a_five(), a_five(top=70, left=2), a_five(top=0, left=139), a_five(paper=140, ink=90)):
        assert np.array_equal(in_form(other), expected)


def test_the_longer_side_is_20_and_the_relation_of_the_sides_stays():
    for high, wide, expected in ((80, 8, (20, 2)), (8, 80, (2, 20)), (60, 45, (20, 15)), (5, 5, (20, 20))):
        sheet = np.zeros((400, 400), dtype=np.uint8)
        sheet[7 : 7 + high, 9 : 9 + wide] = 200
        assert normalisation_steps(sheet)["box of 20 pixels"].shape == expected


def test_the_centre_of_mass_lies_in_the_middle_as_in_mnist():
    rng = np.random.default_rng(0)
    for height, width in ((20, 20), (20, 9), (7, 20)):
        glyph = rng.integers(0, 256, (height, width)).astype(np.uint8)
        glyph[: height // 2] //= 3  # heavier at its foot
        image = centred(glyph)
        assert image.sum(dtype=int) == glyph.sum(dtype=int), "nothing is cut off"
        assert all(14 <= place < 15 for place in middle(image)), middle(image)
    heavy = np.zeros((28, 28), dtype=np.uint8)
    heavy[0, 27] = 9
    assert np.array_equal(centred(heavy), heavy), "no room to move: whole, and not in the middle"


def test_an_image_in_mnists_form_stays_as_it_is():
    image = in_form(a_five())
    again = in_form(image)
    assert np.abs(again.astype(int) - image).mean() < 6
    assert np.abs(np.subtract(middle(again), middle(image))).max() < 0.5


def test_a_shadow_over_the_paper_changes_nothing_that_matters():
    light = np.linspace(1, 0.45, 180) * np.linspace(1, 0.8, 140)[:, None]
    shaded = np.rint(a_five() * light).astype(np.uint8)
    assert np.abs(in_form(shaded).astype(int) - in_form(a_five())).mean() < 3


def test_a_speck_is_dust_and_a_bar_of_its_own_is_not():
    dusty = a_five()
    dusty[120:123, 160:163] = 40
    assert np.array_equal(in_form(dusty), in_form(a_five()))
    assert normalisation_steps(a_five())["ink only"][22, 50] == 255, "the upper bar of the 5"


def test_a_large_photo_is_made_smaller_first():
    steps = normalisation_steps(np.kron(a_five(), np.ones((12, 12), dtype=np.uint8)))
    assert steps["grey"].shape == (311, 400)
    assert np.abs(steps["centred"].astype(int) - in_form(a_five())).mean() < 10


def test_where_nothing_is_drawn_there_is_no_digit():
    with pytest.raises(ValueError, match="picture is of one grey level, 250: nothing is drawn"):
        normalisation_steps(np.full((50, 50), 250, dtype=np.uint8))


@pytest.mark.slow
def test_digits_anywhere_on_a_sheet_are_known_at_least_20_points_better_in_mnists_form():
    from sklearn.svm import SVC

    digits = load("mnist", "bundled")
    rng = np.random.default_rng(3)
    sheets = np.full((len(digits.x_test), 56, 56), 240, dtype=np.uint8)
    for sheet, image in zip(sheets, digits.x_test, strict=True):
        top, left = rng.integers(0, 29, 2)
        sheet[top : top + 28, left : left + 28] -= (image * 0.8).astype(np.uint8)
    smaller = 255 - sheets.reshape(-1, 28, 2, 28, 2).mean(axis=(2, 4))  # white on black, but not in its form
    machine = SVC(C=10).fit(digits.x_train.reshape(-1, 784) / 255, digits.y_train)

    def share(images):
        return machine.score(np.reshape(images, (-1, 784)) / 255, digits.y_test)

    before, after = share(smaller), share([in_form(sheet) for sheet in sheets])
    assert after >= before + 0.2, (before, after)
    assert after > share(digits.x_test) - 0.1, "nearly as good as where they come from"
