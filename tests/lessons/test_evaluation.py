"""Reliability, temperature, mistakes and shifts, on cases whose answer is known."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from mnistkit import evaluation
from mnistkit.utils.keras_backend import import_keras


@pytest.fixture
def guesses():
    """Probabilities of 4 classes for 500 images, and labels drawn from exactly these probabilities."""
    rng = np.random.default_rng(3)
    probabilities = softmax(2 * rng.normal(size=(500, 4)), axis=1)
    y = np.array([rng.choice(4, p=row) for row in probabilities])
    return probabilities, y


def test_predict_gives_what_the_model_gives_with_dropout_off():
    keras = import_keras()
    layers = [keras.Input((3,)), keras.layers.Dropout(0.9), keras.layers.Dense(2, activation="softmax")]
    keras.utils.set_random_seed(0)
    model = keras.Sequential(layers)
    images = np.random.default_rng(1).normal(size=(7, 3)).astype("float32")
    expected = softmax(images @ model.layers[-1].kernel.numpy(), axis=1)
    for batch_size in (1, 3, 7, 100):
        np.testing.assert_allclose(evaluation.predict_proba(model, images, batch_size), expected, atol=1e-6)


def test_reliability_of_a_case_counted_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.91, 0.09], [0.35, 0.65], [0.61, 0.39], [0.5, 0.5]])
    y = np.array([0, 1, 1, 1, 0])
    table = evaluation.reliability(probabilities, y)
    assert table.index.tolist() == [4, 6, 9]  # 0.5 lies on a border: the lower bin
    assert table["images"].tolist() == [1, 2, 2]
    assert table["confidence"].tolist() == pytest.approx([0.5, 0.63, 0.93])
    assert table["accuracy"].tolist() == [1, 0.5, 0.5]
    by_hand = (1 * 0.5 + 2 * 0.13 + 2 * 0.43) / 5
    assert evaluation.calibration_error(probabilities, y) == pytest.approx(by_hand)


def test_reliability_agrees_with_scikit_learn(guesses):
    probabilities, y = guesses
    right = probabilities.argmax(axis=1) == y
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=1), n_bins=7)
    table = evaluation.reliability(probabilities, y, n_bins=7)
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], confidence)
    assert table["images"].sum() == 500


def test_a_boaster_has_the_error_that_it_should_have():
    certain = np.tile([1.0, 0.0], (100, 1))
    y = np.repeat([0, 1], [70, 30])
    assert evaluation.calibration_error(certain, y) == pytest.approx(0.3)
    assert evaluation.calibration_error(certain, np.zeros(100, int)) == 0


def test_cross_entropy_is_scikit_learns_and_stays_finite(guesses):
    assert evaluation.cross_entropy(*guesses) == pytest.approx(log_loss(guesses[1], guesses[0]))
    assert evaluation.cross_entropy(np.full((5, 10), 0.1), np.arange(5)) == pytest.approx(np.log(10))
    assert np.isfinite(evaluation.cross_entropy(np.array([[1.0, 0.0]], "float32"), np.array([1])))


def test_a_temperature_divides_what_goes_into_the_softmax():
    logits = np.random.default_rng(0).normal(scale=3, size=(20, 5))
    cooled = evaluation.with_temperature(softmax(logits, axis=1), 2.5)
    np.testing.assert_allclose(cooled, softmax(logits / 2.5, axis=1))
    for wrong in (0, -1, np.nan):
        with pytest.raises(ValueError, match="above 0"):
            evaluation.with_temperature(cooled, wrong)


def test_the_best_temperature_undoes_boasting(guesses):
    probabilities, y = guesses
    boasting = evaluation.with_temperature(probabilities, 1 / 3)
    assert evaluation.best_temperature(boasting, y) == pytest.approx(
        3 * evaluation.best_temperature(probabilities, y), rel=1e-3
    )
    assert evaluation.best_temperature(probabilities, y) == pytest.approx(1, abs=0.15)
    timid = evaluation.with_temperature(probabilities, 3)
    assert evaluation.best_temperature(timid, y) < 0.5


def test_confident_mistakes_are_wrong_and_the_surest_comes_first():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.99, 0.01], [0.7, 0.3]])
    y = np.array([0, 1, 0, 0, 1])  # wrong: 1 (0.6), 2 (0.8), 4 (0.7)
    assert evaluation.confident_mistakes(probabilities, y, 2).tolist() == [2, 4]
    assert evaluation.confident_mistakes(probabilities, y, 9).tolist() == [2, 4, 1]
    assert evaluation.confident_mistakes(probabilities, np.array([0, 0, 1, 0, 0]), 3).tolist() == []


@pytest.mark.parametrize("down, right", [(0, 0), (2, 0), (-2, 0), (0, 3), (0, -3), (1, -2), (-1, 2)])
def test_shifting_moves_every_pixel_and_fills_with_zero(down, right):
    images = np.arange(1, 2 * 5 * 6 + 1, dtype="float32").reshape(2, 5, 6, 1)
    moved = evaluation.shift_pixels(images, down, right)
    assert moved.shape == images.shape and moved.dtype == images.dtype
    for row in range(5):
        for column in range(6):
            inside = 0 <= row - down < 5 and 0 <= column - right < 6
            expected = images[:, row - down, column - right] if inside else np.zeros((2, 1))
            np.testing.assert_array_equal(moved[:, row, column], expected)


def test_a_shift_leaves_the_original_alone_and_can_not_empty_the_frame():
    images = np.ones((1, 4, 4))
    evaluation.shift_pixels(images, 1, 1)
    assert images.all()
    with pytest.raises(ValueError, match="leaves nothing of 4 × 4"):
        evaluation.shift_pixels(images, 0, -4)


@pytest.mark.parametrize(
    "probabilities, y, message",
    [
        (np.full((3, 2), 0.5), np.zeros(2, int), "probabilities has 3, y has 2"),
        (np.zeros((0, 2)), np.zeros(0, int), "probabilities is an array of float64, shape \\(0, 2\\)"),
        (np.array([[4.0, -1.0]]), np.array([0]), "softmax"),
        (np.array([[np.nan, 0.5]]), np.array([0]), "probabilities has 1 numbers that are NaN"),
        (np.array([[0.5, 0.5]]), np.array([2]), "y has labels up to 2; expected 0 to 1"),
    ],
)
def test_what_is_no_probability_is_refused(probabilities, y, message):
    for function in (evaluation.reliability, evaluation.cross_entropy, evaluation.best_temperature):
        with pytest.raises(ValueError, match=message):
            function(probabilities, y)
    with pytest.raises(ValueError, match=message):
        evaluation.confident_mistakes(probabilities, y, 1)


def test_bins_are_needed():
    with pytest.raises(ValueError, match="n_bins is 0"):
        evaluation.reliability(np.array([[0.5, 0.5]]), np.array([0]), n_bins=0)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_report_has_one_fault(seed):
    matrix, report, accuracy = evaluation.damaged_report(seed)
    counts = matrix.to_numpy()
    right, support = np.diag(counts), counts.sum(axis=1)
    recall, precision = right / support, right / counts.sum(axis=0)
    assert counts.min() >= 1
    assert len(set(support)) == len(support), "rows that traded places must be seen"
    rows = (report["support"].to_numpy() != support).any()
    columns = not rows and np.allclose(report["recall"], precision, atol=1e-3)
    other = not np.isclose(accuracy, right.sum() / support.sum(), atol=1e-3)
    assert rows + columns + other == 1
    if not rows and not columns:
        assert np.allclose(report["recall"], recall, atol=1e-3)
        assert np.allclose(report["precision"], precision, atol=1e-3)


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_comparison_has_one_fault_that_can_be_seen(seed):
    counts, report = evaluation.damaged_comparison(seed)
    (both, only_a), (only_b, none) = counts.to_numpy()
    n, p = both + only_a + only_b + none, binomtest(min(only_a, only_b), only_a + only_b).pvalue
    swapped = not np.isclose(report["accuracy of A"], (both + only_a) / n, atol=1e-4)
    one_sided = np.isclose(report["p"], p / 2, atol=1e-4)
    unpaired = report["p"] > 1.15 * p
    assert swapped + one_sided + unpaired == 1
    assert report["images that decide"] == only_a + only_b
    assert p > 0.0005, "four decimals must show it"
    assert p < 0.5, "twice a one-sided p would be above 1"
