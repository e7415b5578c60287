"""The stand-ins: they look like the real data to code, and teach the same lessons."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.neighbors import KNeighborsClassifier

from mnistkit.data.dataset import content_sha256
from mnistkit.data.registry import FourArrays
from mnistkit.data.sets import standins
from mnistkit.data.sets.drawn_garments import Canvas, draw_garments

SHIRT = 6
SHOES = [5, 7, 9]  # sandal, sneaker, ankle boot
# Mean grey of each class of the drawn garments; the real ones: 83, 57, 96, 66, 98, 35, 85, 43, 90, 77.
BRIGHTNESS = (79, 54, 90, 57, 102, 26, 83, 41, 76, 62)


@pytest.fixture(scope="module")
def digits() -> FourArrays:
    return standins.digits()


@pytest.fixture(scope="module")
def garments() -> FourArrays:
    return standins.garments()


@pytest.fixture(scope="module")
def knn_prediction(garments) -> np.ndarray:
    x_train, y_train, x_test, _ = garments
    return KNeighborsClassifier(3).fit(_rows(x_train), y_train).predict(_rows(x_test))


def _rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_train", "n_test"), [("digits", 1500, 297), ("garments", 6000, 1000)])
def test_arrays_have_the_form_of_the_real_files(name, n_train, n_test, request):
    x_train, y_train, x_test, y_test = request.getfixturevalue(name)
    assert x_train.shape == (n_train, 28, 28)
    assert x_test.shape == (n_test, 28, 28)
    assert y_train.shape == (n_train,)
    assert y_test.shape == (n_test,)
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert set(y_train) == set(y_test) == set(range(10))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "garments"])
def test_every_call_gives_the_same_arrays(name, request):
    assert content_sha256(*getattr(standins, name)()) == content_sha256(*request.getfixturevalue(name))


@pytest.mark.parametrize("name", ["digits", "garments"])
def test_no_image_twice(name, request):
    x_train, _, x_test, _ = request.getfixturevalue(name)
    images = np.concatenate([x_train, x_test])
    assert len(np.unique(_rows(images), axis=0)) == len(images)


@pytest.mark.parametrize("name", ["digits", "garments"])
def test_labels_come_in_no_order(name, request):
    # A lesson that takes the first n images must meet all classes, in the training and in the test part.
    _, y_train, _, y_test = request.getfixturevalue(name)
    for labels in (y_train, y_test):
        assert np.bincount(labels[:200], minlength=10).min() >= 8


def test_digits_are_stratified(digits):
    _, y_train, _, y_test = digits
    assert np.abs(np.bincount(y_train) / len(y_train) - np.bincount(y_test) / len(y_test)).max() < 0.005


def test_digits_lie_as_in_mnist(digits):
    images = digits[0]
    centres = np.array([ndimage.center_of_mass(image) for image in images])
    assert np.abs(centres - 13.5).max() < 0.75
    heights = (images > 64).any(axis=2).sum(axis=1)
    assert 18 <= np.median(heights) <= 20
    assert (images.max(axis=(1, 2)) == 255).mean() > 0.9
    # MNIST: 33 on average, 81 % of the pixels background.
    assert 25 < images.mean() < 45
    assert 0.7 < (images == 0).mean() < 0.85


def test_digits_are_readable(digits):
    x_train, y_train, x_test, y_test = digits
    assert KNeighborsClassifier(3).fit(_rows(x_train), y_train).score(_rows(x_test), y_test) > 0.95


def test_garments_are_balanced(garments):
    _, y_train, _, y_test = garments
    assert np.bincount(y_train).tolist() == [600] * 10
    assert np.bincount(y_test).tolist() == [100] * 10


def test_garments_depend_on_the_seed():
    images, labels = draw_garments(3, seed=5)
    again, _ = draw_garments(3, seed=5)
    other, _ = draw_garments(3, seed=6)
    assert labels.tolist() == np.repeat(range(10), 3).tolist()
    assert np.array_equal(images, again)
    assert not (images == other).all(axis=(1, 2)).any()


def test_garments_have_the_brightness_of_their_class(garments):
    # A tolerance and not a hash, because sines and logarithms differ in the last digit between machines.
    x_train, y_train, _, _ = garments
    by_class = np.array([x_train[y_train == label].mean() for label in range(10)])
    assert by_class == pytest.approx(BRIGHTNESS, abs=4)
    assert by_class.argmin() == 5
    assert set(by_class.argsort()[-2:]) == {2, 4}


def test_garments_are_in_fashion_mnists_order(garments):
    # What brightness can't tell apart, the mean images do.
    x_train, y_train, _, _ = garments
    t_shirt, trouser, pullover, dress, coat, sandal, _, sneaker, bag, boot = (
        x_train[y_train == label].mean(axis=0) for label in range(10)
    )
    assert trouser[24, 13:15].mean() < 0.5 * dress[24, 13:15].mean()  # between the legs
    assert t_shirt[20, 3:6].mean() < 0.3 * pullover[20, 3:6].mean()  # where long sleeves are
    assert coat[15, 13:15].mean() < 0.8 * coat[15, 9:11].mean()  # the open front
    assert bag[22, [3, -4]].mean() > 2 * t_shirt[22, [3, -4]].mean()  # wide at the bottom
    assert sandal[16:20].mean() < 0.6 * sneaker[16:20].mean()
    assert boot[8, 18:24].mean() > 2 * boot[8, 4:10].mean()  # the toe is to the left
    assert boot[6, 18:24].mean() > 2 * sneaker[6, 18:24].mean()


def test_garments_stand_on_black_and_inside_the_image(garments):
    x_train = garments[0]
    assert 0.4 < (x_train == 0).mean() < 0.7
    assert (x_train[:, [0, 0, -1, -1], [0, -1, 0, -1]] == 0).mean() > 0.98  # the corners
    assert (x_train > 0).sum(axis=(1, 2)).min() > 40
    assert (x_train.max(axis=(1, 2)) - x_train.min(axis=(1, 2))).min() > 25


def test_knn_scores_about_as_on_fashion_mnist(garments, knn_prediction):
    assert 0.80 < (knn_prediction == garments[3]).mean() < 0.90


def test_shirt_is_the_hardest_for_knn(garments, knn_prediction):
    recall = recall_score(garments[3], knn_prediction, average=None)
    assert recall[SHIRT] < np.delete(recall, SHIRT).min() - 0.1


def test_shirts_are_taken_for_other_tops(garments, knn_prediction):
    taken_for = np.bincount(knn_prediction[garments[3] == SHIRT], minlength=10)
    assert min(taken_for[[0, 2, 4]]) >= 3
    assert taken_for[[0, 2, 4, SHIRT]].sum() >= 90


def test_shoes_are_not_taken_for_clothes(garments, knn_prediction):
    y_test = garments[3]
    are_shoes, taken_for_shoes = np.isin(y_test, SHOES), np.isin(knn_prediction, SHOES)
    assert (are_shoes == taken_for_shoes).mean() > 0.98
    assert (knn_prediction[are_shoes] != y_test[are_shoes]).any()  # but sometimes for other shoes


@pytest.mark.slow
def test_shirt_is_the_hardest_for_learned_weights(garments):
    x_train, y_train, x_test, y_test = garments
    model = LogisticRegression(C=0.02, max_iter=60, tol=1e-2)
    prediction = model.fit(_rows(x_train), y_train).predict(_rows(x_test))
    recall = recall_score(y_test, prediction, average=None)
    assert 0.8 < (prediction == y_test).mean() < 0.95
    assert recall.argmin() == SHIRT


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (lambda canvas: canvas.ellipse((0, 14), 8, 4), np.pi * 8 * 4),
        (lambda canvas: np.abs(canvas.ellipse((0, 14), 8, 8)) - 1, np.pi * (9**2 - 7**2)),
        (lambda canvas: canvas.polygon((-6, 8), (6, 8), (0, 20)), 12 * 12 / 2),
        (lambda canvas: canvas.column([(6, 3), (10, 6), (20, 6)]), 4 * 9 + 10 * 12),
        (lambda canvas: canvas.row([(-8, 16), (8, 10)], 20), 16 * 7),
        (lambda canvas: canvas.line((-6, 10), (6, 18), 4), np.hypot(12, 8) * 4 + np.pi * 2**2),
        (lambda canvas: canvas.path([(-6, 10), (0, 10), (0, 18)], 3), 14 * 3 + np.pi * 1.5**2),
    ],
    ids=["ellipse", "ring", "polygon", "column", "row", "line", "path"],
)
def test_shapes_cover_their_area(shape, area):
    # Averaged over canvases, because each is shifted, turned and scaled (by 0.99 in the mean, both ways).
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(50):
        canvas = Canvas(rng)
        canvas.paint(shape(canvas), 1.0)
        covered.append(canvas.grey.sum())
    assert np.mean(covered) == pytest.approx(area * 0.99**2, rel=0.05)
