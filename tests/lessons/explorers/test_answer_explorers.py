"""The explorers of what networks answer to single images, and the figures that they draw."""

import datetime
import io

import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw

from mnistkit import plots
from mnistkit.data import DataError, load, normalisation_steps
from mnistkit.widgets import (
    confusion_explorer,
    drawn_digit,
    occlusion_explorer,
    shift_explorer,
    threshold_explorer,
)

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = ["Shirt", "Coat", "Bag"]
TRUTH = np.array([0, 0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.4, 0.5, 0.1],  # a shirt taken for a coat
        [0.1, 0.8, 0.1],  # another, and surer
        [0.3, 0.4, 0.3],
        [0.6, 0.3, 0.1],  # a coat taken for a shirt
        [0.2, 0.7, 0.1],
        [0.0, 0.1, 0.9],
    ]
)
IMAGES = np.arange(7)[:, None, None] + np.zeros((7, 5, 5))  # each image is its number


def numbers(images):
    return [int(np.max(image)) for image in images]


# -- the confusion matrix -----------------------------------------------------------------------------------------


def test_a_confusion_matrix_begins_with_the_most_common_mistake_and_its_surest_images(drawn):
    calls = drawn("confusion_cell")
    explorer = confusion_explorer(IMAGES, PROBABILITIES, TRUTH, NAMES)
    (table, truth, answer, images, probabilities), look = calls[0]
    assert table.loc["Shirt"].tolist() == [1, 3, 0]  # truth down
    assert table.loc["Coat"].tolist() == [1, 1, 0]
    assert (truth, answer) == (0, 1)
    assert numbers(images) == [2, 1, 3]
    np.testing.assert_array_equal(probabilities, PROBABILITIES[[2, 1, 3]])
    assert look["title"] == "Shirt taken for Coat: 3 images"
    assert "Shirt taken for Coat: 3 of 4 (75.0%)" in explorer.text.value
    assert (
        "Coat against Shirt: 80.0% against 10.0%, 50.0% against 40.0%, 40.0% against" in explorer.text.value
    )


def test_each_cell_can_be_chosen_and_shows_its_own_images(drawn):
    calls = drawn("confusion_cell")
    explorer = confusion_explorer(IMAGES, PROBABILITIES, TRUTH, NAMES)
    for truth in range(3):
        explorer.truth.value = truth
        for answer in range(3):
            explorer.answer.value = answer
            inside = [i for i in range(7) if TRUTH[i] == truth and PROBABILITIES[i].argmax() == answer]
            drawn_now = next(c for c in calls if c[0][1:3] == (truth, answer))[0]
            assert sorted(numbers(drawn_now[3])) == inside
            assert f": {len(inside)} of {(truth == TRUTH).sum()} (" in explorer.text.value
    explorer.truth.value = 2
    assert explorer.text.value.count("Bag recognised: 1 of 1 (100.0%)") == 1
    assert [name for name, _ in explorer.answer.options] == NAMES


def test_a_class_without_images_is_no_division_by_nothing(drawn):
    drawn("confusion_cell")
    explorer = confusion_explorer(IMAGES[:4], PROBABILITIES[:4], TRUTH[:4], NAMES)
    explorer.truth.value = 2
    assert "Bag taken for Coat: 0 of 0." in explorer.text.value


def test_of_many_images_the_surest_are_shown_and_the_title_says_so(drawn):
    calls = drawn("confusion_cell")
    chances = np.linspace(0.6, 0.9, 20)
    confusion_explorer(np.zeros((20, 4, 4)), np.c_[chances, 1 - chances], np.ones(20, int), ["a", "b"])
    assert calls[0][0][4][0][0] == 0.9
    assert len(calls[0][0][4]) == plots.MOST_ANSWERS
    assert calls[0][1]["title"] == "b taken for a: 20 images; the 8 surest"


def test_a_cell_is_marked_in_its_row_and_column_and_the_truth_is_bold():
    table = pd.DataFrame([[5, 3, 0], [1, 7, 0], [0, 0, 0]], index=NAMES, columns=NAMES)
    figure = plots.confusion_cell(table, 0, 1, [IMAGES[2]], [PROBABILITIES[2]], title="t")
    matrix, sheet = figure.axes
    (mark,) = [patch for patch in matrix.patches if isinstance(patch, Rectangle)]
    assert mark.get_xy() == (0.5, -0.5)  # column 1, row 0
    written = {text.get_position(): text.get_text() for text in matrix.texts}
    assert written == {(0, 0): "5", (1, 0): "3", (0, 1): "1", (1, 1): "7"}
    assert (matrix.get_xlabel(), matrix.get_ylabel()) == ("answer", "truth")
    np.testing.assert_allclose(matrix.images[0].get_array(), [[0, 3 / 8, 0], [1 / 8, 0, 0], [0, 0, 0]])
    assert [text.get_text() for text in sheet.texts] == ["Coat: 80.0%", "Shirt: 10.0%", "Bag: 10.0%"]
    assert [text.get_weight() for text in sheet.texts] == ["normal", "bold", "normal"]
    full = sheet.patches[0].get_width() / 0.8
    assert [bar.get_width() / full for bar in sheet.patches] == pytest.approx([0.8, 0.1, 0.1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": NAMES[:2]}, "probabilities are of 3 classes, class_names has 2 names"),
        ({"truth": TRUTH + 1}, "truth has the class 3; class_names has 3 names"),
        ({"truth": TRUTH[:3]}, "truth has 3"),
    ],
)
def test_a_confusion_matrix_needs_answers_for_its_classes(change, message):
    arguments = {"images": IMAGES, "probabilities": PROBABILITIES, "truth": TRUTH, "class_names": NAMES}
    with pytest.raises(ValueError, match=message):
        confusion_explorer(**arguments | change)


# -- the threshold on the confidence ------------------------------------------------------------------------------

SURE = np.array([0.95, 0.6, 0.9, 0.7, 0.8, 0.55, 0.85, 0.65, 0.75, 0.99])
RIGHT = np.array([1, 0, 1, 0, 1, 0, 1, 1, 1, 1], dtype=bool)
THRESHOLDS = pd.DataFrame(
    {"answered": [1.0, 0.7, 0.2], "right": [0.7, 6 / 7, 1.0], "error": [0.1, 0.05, 0.0]}, index=[0, 0.7, 0.95]
)


@pytest.fixture
def answered():
    images = np.arange(10)[:, None, None] + np.zeros((10, 4, 4))
    return images, np.c_[SURE, 1 - SURE], np.where(RIGHT, 0, 1), ["no", "yes"]


def test_each_threshold_shows_the_images_on_both_sides_the_nearest_first(drawn, answered):
    calls = drawn("threshold_curves")
    explorer = threshold_explorer(THRESHOLDS, 0.7, *answered)
    assert [label for label, _ in explorer.slider.options] == ["0", "0.7", "0.95"]
    explorer.slider.value = 0
    explorer.slider.value = 0.95
    shown = {args[1]: numbers(args[2]) for args, _ in calls}
    assert shown == {
        0.7: [7, 1, 5, 3, 8, 4, 6],  # 0.65, 0.6, 0.55 below; exactly 0.7 is answered
        0: [5, 1, 7, 3],
        0.95: [2, 6, 4, 8, 0, 9],
    }
    for args, look in calls:
        table, chosen, images, probabilities, truth, names = args
        assert table is THRESHOLDS
        assert names == ["no", "yes"]
        assert np.max(probabilities, axis=1).tolist() == SURE[numbers(images)].tolist()
        assert truth == np.where(RIGHT, 0, 1)[numbers(images)].tolist()
        assert look["title"].startswith(f"From {chosen:g} on: {table.loc[chosen, 'answered']:.1%} answered")


def test_a_threshold_says_what_it_does_and_which_answers_are_next_to_it(drawn, answered):
    drawn("threshold_curves")
    explorer = threshold_explorer(THRESHOLDS, 0.95, *answered)
    explorer.slider.value = 0.7
    assert explorer.text.value == (
        "From 0.7 on: 70.0% answered, 85.71% of these right, ± 10.00% (two standard errors). "
        "Just below: no 65.0% (right), no 60.0% (truth yes), no 55.0% (truth yes). "
        "Just above: no 70.0% (truth yes), no 75.0% (right), no 80.0% (right), no 85.0% (right)."
    )
    explorer.slider.value = 0
    assert "Just below" not in explorer.text.value


def test_thresholds_stand_at_equal_distances_and_answers_on_their_sides(course_style):
    images = [np.full((4, 4), number) for number in range(6)]
    probabilities = [np.array([1 - sure, sure]) for sure in (0.95, 0.85, 0.9, 0.94, 0.96, 0.97)]
    shown = images, probabilities, [1, 0, 1, 1, 1, 1], ["no", "yes"]
    table = THRESHOLDS.set_axis([0, 0.9, 0.999])
    figure = plots.threshold_curves(table, 0.9, *shown, title="t")
    *curves, sheet = figure.axes
    for ax, column in zip(curves, ("answered", "right"), strict=True):
        curve, mark = ax.lines
        assert curve.get_xdata().tolist() == [0, 1, 2]
        assert curve.get_ydata().tolist() == table[column].tolist()
        assert mark.get_xdata() == [1, 1]
    assert [label.get_text() for label in curves[1].get_xticklabels()] == ["0", "0.9", "0.999"]
    band = curves[1].collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == 1, "no share above 1"
    columns = {int(picture.get_array()[0, 0]): picture.get_extent()[0] for picture in sheet.images}
    below, above = min(columns.values()), max(columns.values())
    assert columns == {0: above, 1: below, 2: above, 3: above, 4: above}, "four of a side, the nearest"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 0.5}, "threshold is 0.5; expected one of the table's, 0.0, 0.7, 0.95"),
        ({"class_names": ["no"]}, "probabilities are of 2 classes"),
        ({"table": THRESHOLDS[["right"]]}, "among them answered"),
    ],
)
def test_a_threshold_must_be_one_of_the_tables(answered, change, message):
    names = ("table", "threshold", "images", "probabilities", "truth", "class_names")
    arguments = dict(zip(names, (THRESHOLDS, 0.7, *answered), strict=True))
    with pytest.raises(ValueError, match=message):
        threshold_explorer(**arguments | change)


# -- a moved image ------------------------------------------------------------------------------------------------


@pytest.fixture
def moved():
    """An image in 5 × 5 places, each with its own number, and answers that change with row and column."""
    images = np.arange(25.0).reshape(5, 5, 1, 1) + np.zeros((5, 5, 4, 4))
    by_row = np.stack([np.tile(np.linspace(0.9, 0.1, 5)[:, None], 5), np.zeros((5, 5))], axis=2)
    by_row[..., 1] = 1 - by_row[..., 0]
    return images, {"ANN": by_row, "CNN": by_row.transpose(1, 0, 2)}


def test_down_is_the_row_and_right_the_column_of_what_is_shown(drawn, moved):
    calls = drawn("answer_bars")
    explorer = shift_explorer(*moved, 0, ["shoe", "bag"])
    assert [(slider.min, slider.max, slider.value) for slider in (explorer.down, explorer.right)] == [
        (-2, 2, 0)
    ] * 2
    for down in range(-2, 3):
        for right in range(-2, 3):
            explorer.down.value, explorer.right.value = down, right
            expected = 5 * (down + 2) + right + 2
            args, look = next(call for call in calls if numbers([call[0][0]]) == [expected])
            ann, cnn = args[1].values()
            assert ann.tolist() == moved[1]["ANN"][down + 2, right + 2].tolist()
            assert cnn.tolist() == moved[1]["CNN"][down + 2, right + 2].tolist()
            words = [
                f"{abs(n)} {ways[n > 0]}"
                for n, ways in ((down, ("up", "down")), (right, ("left", "right")))
                if n
            ]
            assert look["title"] == f"shoe, {'moved ' + ' and '.join(words) if words else 'as it is'}"
    assert len(calls) == 25, "each place once"


def test_a_moved_image_says_who_is_right_and_at_how_many_places(drawn, moved):
    calls = drawn("answer_bars")
    explorer = shift_explorer(*moved, 0, ["shoe", "bag"])
    assert list(calls[0][0][1]) == ["ANN: right at 15 of 25 places", "CNN: right at 15 of 25 places"]
    explorer.down.value = 2
    assert explorer.text.value == (
        "shoe, moved 2 down: ANN answers bag (90.0%), shoe 10.0%; CNN answers shoe (50.0%)."
    )


def test_of_many_classes_those_that_are_ever_likely_have_bars(drawn):
    calls = drawn("answer_bars")
    answers = np.zeros((3, 3, 40))
    answers[0, 0, 30] = answers[1, 1, 3] = 1
    shift_explorer(np.zeros((3, 3, 4, 4)), {"net": answers}, 3, [f"class {n}" for n in range(40)])
    (_, panels, names, truth), _ = calls[0]
    assert {"class 3", "class 30"} <= set(names)
    assert len(names) == 12
    (bars,) = panels.values()
    assert dict(zip(names, bars, strict=True))["class 3"] == 1
    assert truth == "class 3"


def test_bars_stand_beside_their_class_and_the_truth_is_black(course_style):
    answers = {"ANN": np.array([0.7, 0.3, 0.0]), "CNN": np.array([0.1, 0.2, 0.7])}
    left, ann, cnn = plots.answer_bars(IMAGES[1], answers, NAMES, "Coat", title="t").axes
    assert left.images[0].get_array().shape == (5, 5)
    assert ann.get_ylim()[0] > ann.get_ylim()[1], "the first class on top"
    for ax, (name, probabilities) in zip((ann, cnn), answers.items(), strict=True):
        assert ax.get_title("left") == name
        assert [bar.get_width() for bar in ax.patches] == probabilities.tolist()
        assert [bar.get_facecolor()[:3] == (0, 0, 0) for bar in ax.patches] == [False, True, False]
    assert [label.get_text() for label in ann.get_yticklabels()] == NAMES
    assert [text.get_text() for text in ann.texts] == ["70%", "30%", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 4, 5, 5))}, "an odd number"),
        ({"images": np.zeros((5, 3, 5, 5))}, "as many places down as right"),
        ({"class_names": ["shoe"]}, r"expected shape \(5, 5, 1\), found \(5, 5, 2\)"),
        ({"truth": 2}, "truth is 2; class_names has 2 names"),
    ],
)
def test_a_moved_image_needs_an_answer_at_each_place(moved, change, message):
    arguments = {"images": moved[0], "answers": moved[1], "truth": 0, "class_names": ["shoe", "bag"]}
    with pytest.raises(ValueError, match=message):
        shift_explorer(**arguments | change)


# -- a square to move over an image -------------------------------------------------------------------------------

FALLS = {"Coat": np.arange(20).reshape(4, 5) / 25, "Shirt": np.arange(20)[::-1].reshape(4, 5) / -40}
BEFORE = {"Coat": 0.8, "Shirt": 0.1}


def test_the_square_begins_where_the_first_class_loses_most_and_each_place_has_its_probabilities(drawn):
    drawn("occlusion_maps")
    calls = drawn("occlusion_step")
    explorer = occlusion_explorer(np.ones((4, 5)), BEFORE, FALLS, patch=3)
    assert (explorer.across.max, explorer.down.max) == (4, 3)
    assert calls[0][0][3] == (3, 4), "row and column"
    assert explorer.text.value == (
        "3 × 3 pixels covered, the middle in row 3, column 4: Coat 4.0%, uncovered 80.0%; "
        "Shirt 10.0%, uncovered 10.0%."
    )
    explorer.across.value, explorer.down.value = 2, 1
    _, maps, before, place, patch = calls[-1][0]
    assert (place, patch, before) == ((1, 2), 3, BEFORE)
    np.testing.assert_allclose(maps["Coat"], 0.8 - FALLS["Coat"])
    assert "row 1, column 2: Coat 52.0%, uncovered 80.0%; Shirt 40.0%," in explorer.text.value


def test_the_square_covers_its_place_and_the_bars_have_its_probabilities():
    image, maps = np.ones((4, 5)), {name: BEFORE[name] - FALLS[name] for name in FALLS}
    figure = plots.occlusion_step(image, maps, BEFORE, (3, 1), 3, title="t")
    left, coat, _shirt, *bars = figure.axes
    covered = np.ones((4, 5))
    covered[2:, :3] = 0  # a row of the square lies outside
    assert left.images[0].get_array().tolist() == covered.tolist()
    assert image.all(), "the image itself stays"
    middles = {(f.get_x() + f.get_width() / 2, f.get_y() + f.get_height() / 2) for f in coat.patches}
    assert np.allclose([*middles], (1, 3), atol=0.01)
    for bar, name in zip(bars, maps, strict=True):
        assert bar.patches[0].get_width() == maps[name][3, 1]
        assert bar.lines[0].get_xdata()[0] == BEFORE[name]
    ground = plots.occlusion_maps(maps)
    for over, under, values in zip(figure.axes[1:3], ground.axes[1:3], maps.values(), strict=True):
        assert under.images[0].get_array().tolist() == values.tolist()
        assert over.get_position().bounds == under.get_position().bounds
        assert (over.get_xlim(), over.get_ylim()) == (under.get_xlim(), under.get_ylim())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"before": {"Coat": 0.8}}, "before is of Coat, falls is of Coat, Shirt"),
        ({"image": np.ones((5, 4))}, r"falls\['Coat'\]: expected shape \(5, 4\), found \(4, 5\)"),
        (
            {"before": dict.fromkeys("abc", 0.1), "falls": dict.fromkeys("abc", FALLS["Coat"])},
            "3 classes; expected at most 2",
        ),
    ],
)
def test_a_square_needs_a_map_of_the_image_for_each_class(change, message):
    arguments = {"image": np.ones((4, 5)), "before": BEFORE, "falls": FALLS, "patch": 3} | change
    with pytest.raises(ValueError, match=message):
        occlusion_explorer(**arguments)


# -- one's own handwriting ----------------------------------------------------------------------------------------


def drawing(shape):
    """Draw a digit in the upper left corner of a white sheet, as the content of a PNG."""
    sheet = Image.new("L", (300, 240), 245)
    pen = ImageDraw.Draw(sheet)
    if shape == "0":
        pen.ellipse((20, 15, 90, 125), outline=20, width=14)
    else:
        pen.line((60, 15, 52, 125), fill=20, width=14)
    content = io.BytesIO()
    sheet.save(content, "PNG")
    return content.getvalue()


def uploaded(content, name):
    file = {"name": name, "type": "", "size": len(content), "content": memoryview(content)}
    return (file | {"last_modified": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},)


EXAMPLE = np.pad(np.full((40, 8), 255, dtype=np.uint8), ((5, 60), (70, 5)))


def bright_middle(images):
    """Answer "no" and "yes" by the middle of each image, as a network would."""
    bright = np.asarray(images)[:, 12:17, 12:17].mean(axis=(1, 2)) / 255
    return np.stack([1 - bright, bright], axis=1)


def test_each_step_and_what_is_answered_there_are_shown(drawn):
    calls = drawn("handwriting_steps")
    asked = []
    explorer = drawn_digit(lambda x: asked.append(x) or bright_middle(x), EXAMPLE, ["no", "yes"])
    (steps, answers, names), look = calls[0]
    assert len(asked) == 1, "once for picture and words"
    assert asked[0].shape == (5, 28, 28)
    assert asked[0].dtype == np.uint8
    for name, step in normalisation_steps(EXAMPLE).items():
        np.testing.assert_array_equal(steps[name], step)
    np.testing.assert_array_equal(asked[0][-1], steps["centred"])
    np.testing.assert_array_equal(answers, bright_middle(asked[0]))
    assert names == ["no", "yes"]
    assert look["title"] == f"the example: in MNIST's form it is read as {names[answers[-1].argmax()]}"
    assert f"grey: no ({1 - bright_middle(asked[0][:1])[0, 1]:.1%})" in explorer.text.value


def test_an_upload_takes_the_place_of_the_example_and_one_that_is_no_picture_says_so(drawn):
    calls = drawn("handwriting_steps")
    explorer = drawn_digit(bright_middle, EXAMPLE, ["no", "yes"])
    assert "image" in explorer.upload.accept
    explorer.upload.value = uploaded(drawing("1"), "one.png")
    explorer.upload.value = uploaded(drawing("0"), "zero.png")
    explorer.upload.value = uploaded(drawing("1"), "one.png")
    assert [look["title"].split(":")[0] for _, look in calls] == ["the example", "one.png", "zero.png"]
    assert "one.png: grey" in explorer.text.value
    shown = [args[0]["grey"].shape for args, _ in calls]
    assert shown == [EXAMPLE.shape, (240, 300), (240, 300)]
    with pytest.raises(DataError, match="no picture"):
        explorer.upload.value = uploaded(b"<b>hello</b>", "<b>.png")
    assert "Can't draw &lt;b&gt;.png:" in explorer.text.value
    assert "to do:    save it again" in explorer.text.value
    assert "<b>" not in explorer.text.value


def test_an_empty_sheet_is_no_digit(drawn):
    drawn("handwriting_steps")
    explorer = drawn_digit(bright_middle, EXAMPLE, ["no", "yes"])
    content = io.BytesIO()
    Image.new("L", (60, 60), 255).save(content, "PNG")
    with pytest.raises(ValueError, match="nothing is drawn"):
        explorer.upload.value = uploaded(content.getvalue(), "empty.png")
    assert "nothing is drawn" in explorer.text.value


def test_a_drawing_is_kept_in_mnists_form_under_what_it_is_meant_to_be(drawn, tmp_path):
    drawn("handwriting_steps")
    explorer = drawn_digit(bright_middle, EXAMPLE, ["no", "T-shirt/top"], tmp_path / "kept")
    explorer.label.value = "no"
    explorer.keep.click()
    assert "Draw or upload something" in explorer.kept.value, "the example is nobody's drawing"
    explorer.upload.value = uploaded(drawing("1"), "one.png")
    assert explorer.label.value is None, "it has to be chosen for each drawing"
    explorer.keep.click()
    assert "choose what it is" in explorer.kept.value
    explorer.label.value = "T-shirt/top"
    explorer.keep.click()
    explorer.keep.click()
    (path,) = tmp_path.rglob("*.png")
    assert path.parent == tmp_path / "kept" / "T-shirt-top"
    assert str(path) in explorer.kept.value
    assert "1 so far" in explorer.kept.value, "the same drawing twice is one"
    picture = Image.open(path)
    assert picture.info["class"] == "T-shirt/top"
    np.testing.assert_array_equal(picture, explorer._steps_and_answers()[0]["centred"])
    assert "one" not in path.name


def test_a_drawing_that_cannot_be_kept_says_so(drawn, tmp_path):
    drawn("handwriting_steps")
    (tmp_path / "kept").write_text("a file where the folder should be")
    explorer = drawn_digit(bright_middle, EXAMPLE, ["no", "yes"], tmp_path / "kept")
    explorer.upload.value = uploaded(drawing("1"), "one.png")
    explorer.label.value = "yes"
    with pytest.raises(NotADirectoryError):
        explorer.keep.click()
    assert "<strong>Can't keep one.png:</strong> NotADirectoryError" in explorer.kept.value


def test_without_a_folder_nothing_offers_to_keep_a_drawing(drawn, tmp_path):
    drawn("handwriting_steps")
    bare, with_folder = (drawn_digit(bright_middle, EXAMPLE, ["no", "yes"], f) for f in (None, tmp_path))
    assert set(with_folder.children) > {with_folder.kept}
    assert bare.kept not in bare.children


@pytest.mark.slow
def test_a_drawn_0_is_a_0_and_a_drawn_1_is_a_1():
    from sklearn.neighbors import KNeighborsClassifier

    digits = load("mnist", "bundled")
    machine = KNeighborsClassifier(5).fit(digits.x_train.reshape(-1, 784), digits.y_train)
    explorer = drawn_digit(
        lambda x: machine.predict_proba(x.reshape(-1, 784)), EXAMPLE, [str(digit) for digit in range(10)]
    )
    for digit in ("0", "1"):
        explorer.upload.value = uploaded(drawing(digit), f"{digit}.png")
        assert f"centred: {digit} (" in explorer.text.value
        data, _ = DisplayFormatter().format(explorer)
        assert data["image/png"] == bytes(explorer.image.value)
        assert f"centred: {digit} (" in data["text/plain"]


def test_steps_are_numbered_with_their_answers_and_the_last_one_has_bars(course_style):
    steps = {"grey": np.full((9, 12), 200), "centred": np.full((28, 28), 7)}
    answers = [np.array([0.6, 0.4]), np.array([0.25, 0.75])]
    first, last, bars = plots.handwriting_steps(steps, answers, ["no", "yes"], title="t").axes
    assert [ax.get_title("left") for ax in (first, last)] == ["1. grey", "2. centred"]
    assert [ax.get_xlabel() for ax in (first, last)] == ["answer: no (60%)", "answer: yes (75%)"]
    assert first.images[0].get_array().shape == (9, 12)
    assert [bar.get_height() for bar in bars.patches] == [0.25, 0.75]
    assert [label.get_text() for label in bars.get_xticklabels()] == ["no", "yes"]


@pytest.mark.slow
def test_what_the_mouse_draws_is_read_when_it_is_lifted(drawn):
    pytest.importorskip("ipycanvas", reason="the extra drawing is not installed")
    calls = drawn("handwriting_steps")
    explorer = drawn_digit(bright_middle, EXAMPLE, ["no", "yes"])

    def mouse(event, x, y):
        explorer.pad.canvas._handle_frontend_event(None, {"event": f"mouse_{event}", "x": x, "y": y}, [])

    mouse("move", 10, 10)  # the button is up
    mouse("up", 10, 10)
    mouse("down", 200, 40)
    mouse("move", 200, 90)
    mouse("move", 200, 240)
    assert len(calls) == 1, "not before the stroke has ended"
    mouse("up", 200, 240)
    mouse("move", 20, 20)
    assert len(calls) == 2
    sheet = calls[1][0][0]["grey"]
    assert calls[1][1]["title"].startswith("your drawing: in MNIST's form")
    rows, columns = np.nonzero(sheet < 128)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((30, 250, 190, 210), abs=1)
    explorer.pad.clear.click()
    mouse("down", 60, 60)
    mouse("out", 60, 60)
    rows, columns = np.nonzero(calls[2][0][0]["grey"] < 128)
    assert (rows.mean(), columns.mean()) == pytest.approx((60, 60), abs=1), "a dot on a new sheet"
    explorer.upload.value = uploaded(drawing("1"), "one.png")
    assert calls[3][1]["title"].startswith("one.png")


# -- on a report's page -------------------------------------------------------------------------------------------


def test_a_report_offers_the_common_mistakes_all_thresholds_and_the_places_to_the_right(
    drawn, answered, moved
):
    for name in ("confusion_cell", "threshold_curves", "answer_bars"):
        drawn(name)
    mistakes = confusion_explorer(IMAGES, PROBABILITIES, TRUTH, NAMES).states()
    assert [state.label for state in mistakes.states] == ["Shirt taken for Coat", "Coat taken for Shirt"]
    assert [state.text.split(". ")[1] for state in mistakes.states] == [
        "Shirt taken for Coat: 3 of 4 (75.0%)",
        "Coat taken for Shirt: 1 of 2 (50.0%)",
    ]
    thresholds = threshold_explorer(THRESHOLDS, 0.7, *answered).states()
    assert thresholds.chosen == 1
    assert [state.text.split(" on:")[0] for state in thresholds.states] == [
        f"From {state.label}" for state in thresholds.states
    ]
    shifted = shift_explorer(*moved, 0, ["shoe", "bag"])
    shifted.down.value = 1
    places = shifted.states()
    assert [state.label for state in places.states] == ["-2", "-1", "0", "+1", "+2"]
    assert [state.text.split(":")[0] for state in places.states] == [
        "shoe, moved 1 down and 2 left",
        "shoe, moved 1 down and 1 left",
        "shoe, moved 1 down",
        "shoe, moved 1 down and 1 right",
        "shoe, moved 1 down and 2 right",
    ]
    assert (places.chosen, shifted.right.value) == (2, 0)


@pytest.mark.slow
def test_nothing_is_cut_off_at_the_edges_of_a_picture(course_style, answered, moved):
    """Axes that are placed by hand leave room for their numbers and names, as long as they get."""
    exact = pd.DataFrame(
        {"answered": [1.0, 0.957, 0.617], "right": [0.98462, 0.99778, 0.99991], "error": [1e-3, 4e-4, 1e-4]},
        index=[0, 0.995, 0.999],
    )
    long_names = ["T-shirt/top", "Ankle boot", "Pullover"]
    explorers = {
        "confusion": confusion_explorer(IMAGES, PROBABILITIES, TRUTH, long_names),
        "threshold": threshold_explorer(exact, 0.995, *answered),
        "shift": shift_explorer(*moved, 0, long_names[:2]),
    }
    figures = [(name, explorer._figure()) for name, explorer in explorers.items()]
    figures += [(f"{name}'s ground", draw()) for name, e in explorers.items() if (draw := e._ground()[1])]
    assert len(figures) == 5
    for name, figure in figures:
        FigureCanvasAgg(figure).draw()
        drawn, whole = figure.get_tightbbox(), figure.get_size_inches()
        assert drawn.x0 >= 0 and drawn.y0 >= 0, (name, drawn)
        assert drawn.x1 <= whole[0] and drawn.y1 <= whole[1], (name, drawn)
