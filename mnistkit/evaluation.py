"""How good a classifier's probabilities are, and how it bears small changes of its images.

What scikit-learn measures (accuracy, confusion matrix, precision and recall) is used from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import binomtest, norm

from mnistkit.utils.arguments import LABELS, SEED, Array, Integer, Number, checked
from mnistkit.utils.keras_backend import fitting_images

if TYPE_CHECKING:
    import keras

__all__ = [
    "accuracy_table",
    "best_temperature",
    "calibration_error",
    "confident_mistakes",
    "cross_entropy",
    "damaged_comparison",
    "damaged_report",
    "predict_proba",
    "reliability",
    "shift_pixels",
    "with_temperature",
]

_SMALLEST = 1e-12
"""A probability of 0 in float32 may have been a tiny one: its logarithm must stay finite."""


@checked(batch_size=Integer())
def predict_proba(
    model: keras.Model, images: NDArray[np.floating], batch_size: int = 200
) -> NDArray[np.floating]:
    """Compute a model's answers as ``model.predict`` does, but without compiling first.

    ``model.predict`` compiles a function for each new model: with many small models that takes longer than
    the answers, and TensorFlow warns about it.

    Parameters
    ----------
    model : keras.Model
        Any model with one input and one output.
    images : numpy.ndarray, shape (n, ...)
        What the model takes, at least one.
    batch_size : int
        Images at a time: memory grows with it.

    Returns
    -------
    numpy.ndarray, shape (n, ...)
        The model's output; dropout and augmentation are off.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    >>> predict_proba(model, np.zeros((1, 2), "float32")).tolist()
    [[0.5, 0.5]]
    """
    images = fitting_images(model, images)
    parts = range(0, len(images), batch_size)
    return np.concatenate(
        [np.asarray(model(images[part : part + batch_size], training=False)) for part in parts]
    )


@checked("probabilities y", probabilities=Array((2,)), y=LABELS, n_bins=Integer())
def reliability(
    probabilities: NDArray[np.floating], y: NDArray[np.integer], n_bins: int = 10
) -> pd.DataFrame:
    """Compare how sure a classifier is with how often it is right.

    Parameters
    ----------
    probabilities : numpy.ndarray, shape (n, k)
        Probability of each class for each image, 0 to 1.
    y : numpy.ndarray of int, shape (n,)
        True classes.
    n_bins : int
        Number of bins of equal width from 0 to 1. An image's bin is that of its confidence: the largest of
        its probabilities. A confidence on a border belongs to the lower bin.

    Returns
    -------
    pandas.DataFrame
        One row a bin that holds images, from the lowest up: ``images`` (how many), ``confidence`` (their
        mean) and ``accuracy`` (share that is right).

    Raises
    ------
    ValueError
        If the shapes do not fit, there is no image, or a number is no probability.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.75, 0.25], [0.75, 0.25]])
    >>> reliability(p, np.array([0, 1]))["accuracy"].tolist()
    [0.5]
    """
    _check(probabilities, y)
    confidence = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == y
    edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    bins = pd.Series(np.searchsorted(edges, confidence), name="bin")
    table = pd.DataFrame({"images": 1, "confidence": confidence, "accuracy": right.astype("float64")})
    return table.groupby(bins).agg({"images": "sum", "confidence": "mean", "accuracy": "mean"})


@checked("probabilities y", probabilities=Array((2,)), y=LABELS, n_bins=Integer())
def calibration_error(probabilities: NDArray[np.floating], y: NDArray[np.integer], n_bins: int = 10) -> float:
    """Compute the expected calibration error: mean distance of confidence and accuracy.

    Guo et al., "On Calibration of Modern Neural Networks", 2017 (https://arxiv.org/abs/1706.04599).

    Parameters
    ----------
    probabilities, y, n_bins
        As for `reliability`.

    Returns
    -------
    float
        Mean over the bins of the distance between accuracy and confidence, each bin weighted by its images:
        0 is best, 1 worst.

    Raises
    ------
    ValueError
        As `reliability`.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.75, 0.25], [0.75, 0.25]])
    >>> float(calibration_error(p, np.array([0, 1])))
    0.25
    """
    table = reliability(probabilities, y, n_bins)
    return float(np.average(np.abs(table["accuracy"] - table["confidence"]), weights=table["images"]))


@checked()
def accuracy_table(
    hits: Mapping[str, Mapping[str, NDArray[np.bool_]]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute accuracies with their standard errors.

    Parameters
    ----------
    hits : mapping of str to mapping of str to numpy.ndarray of bool
        For each model and each series (such as ``validation``): which images it got right.

    Returns
    -------
    accuracies, errors : pandas.DataFrame
        One row a model, one column a series. The standard error of a share p of n images is √(p(1 − p)/n):
        how far chance moves the share when other images of the same kind are drawn.

    Examples
    --------
    >>> import numpy as np
    >>> accuracies, errors = accuracy_table({"net": {"test": np.array([True, True, False, False])}})
    >>> accuracies.loc["net", "test"], errors.loc["net", "test"]
    (np.float64(0.5), np.float64(0.25))
    """
    shares = {name: {part: right.mean() for part, right in parts.items()} for name, parts in hits.items()}
    counts = {name: {part: right.size for part, right in parts.items()} for name, parts in hits.items()}
    accuracies = pd.DataFrame(shares).T
    return accuracies, (accuracies * (1 - accuracies) / pd.DataFrame(counts).T) ** 0.5


@checked(seed=SEED)
def damaged_report(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Make a confusion matrix, and a report of it in which one thing is wrong: to find it is an exercise.

    Parameters
    ----------
    seed : int
        Which matrix and which fault.

    Returns
    -------
    matrix : pandas.DataFrame of int
        Five classes, truth down and prediction across; each class has its own number of images.
    report : pandas.DataFrame
        ``precision``, ``recall`` (three decimals) and ``support`` of each class, perhaps damaged: two columns
        or two rows may have traded places.
    accuracy : float
        Three decimals; where the report is not damaged, this is.

    Examples
    --------
    >>> matrix, report, accuracy = damaged_report(1)
    >>> list(report.columns)
    ['precision', 'recall', 'support']
    """
    names = ["T-shirt/top", "Pullover", "Coat", "Shirt", "Dress"]
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 15, (len(names), len(names)))
    support = 60 + rng.permutation(8 * np.arange(len(names))) + rng.integers(0, 8, len(names))
    np.fill_diagonal(counts, 0)
    np.fill_diagonal(counts, support - counts.sum(axis=1))
    matrix = pd.DataFrame(counts, index=names, columns=names)
    right = np.diag(counts)
    report = pd.DataFrame(
        {"precision": right / counts.sum(axis=0), "recall": right / support, "support": support}, index=names
    ).round(3)
    accuracy = round(float(right.sum() / support.sum()), 3)
    match rng.integers(3):
        case 0:
            report[["precision", "recall"]] = report[["recall", "precision"]].to_numpy()
        case 1:
            first, second = rng.choice(len(names), 2, replace=False)
            report.iloc[[first, second]] = report.iloc[[second, first]].to_numpy()
        case _:
            accuracy = round(accuracy + float(rng.choice([-1, 1])) * rng.uniform(0.02, 0.06), 3)
    return matrix, report.astype({"support": int}), accuracy


@checked(seed=SEED)
def damaged_comparison(seed: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Make a comparison of two classifiers in which one thing is wrong: to find it is an exercise.

    Parameters
    ----------
    seed : int
        Which comparison and which fault.

    Returns
    -------
    counts : pandas.DataFrame of int
        Test images: rows say whether A is right or wrong on them, columns whether B is.
    report : dict of str to float
        ``accuracy of A``, ``accuracy of B``, ``images that decide`` (only one is right), and ``p``, which
        should be McNemar's, exact and two-sided. Either the accuracies have traded places, or p is one-sided,
        or it comes from a test for different images (z-test of two shares).

    Examples
    --------
    >>> counts, report = damaged_comparison(1)
    >>> list(report)
    ['accuracy of A', 'accuracy of B', 'images that decide', 'p']
    """
    rng = np.random.default_rng(seed)
    fewer = int(rng.integers(10, 40))
    more = fewer + int(rng.integers(10, 20))
    only_a, only_b = rng.permutation([fewer, more])
    both, none = int(rng.integers(1800, 2800)), int(rng.integers(40, 120))
    counts = pd.DataFrame(
        [[both, only_a], [only_b, none]], index=["A right", "A wrong"], columns=["B right", "B wrong"]
    )
    n = counts.to_numpy().sum()
    a, b = (both + only_a) / n, (both + only_b) / n
    p = float(binomtest(fewer, fewer + more).pvalue)
    match rng.integers(3):
        case 0:
            a, b = b, a
        case 1:
            p /= 2
        case _:
            pooled = (a + b) / 2
            p = float(2 * norm.sf(abs(a - b) / np.sqrt(2 * pooled * (1 - pooled) / n)))
    report = {"accuracy of A": a, "accuracy of B": b, "images that decide": fewer + more, "p": p}
    return counts, {name: round(float(value), 4) for name, value in report.items()}


@checked("probabilities y", probabilities=Array((2,)), y=LABELS)
def cross_entropy(probabilities: NDArray[np.floating], y: NDArray[np.integer]) -> float:
    """Compute the mean of −log(probability of the true class) in nats.

    scikit-learn's ``log_loss`` does the same, but cuts float32 probabilities at 1.2e-7, which is more than a
    network gives where it is sure and wrong; of float64 ones it warns that they don't sum to 1.

    Parameters
    ----------
    probabilities, y
        As for `reliability`.

    Returns
    -------
    float
        0 is best; ln(k) for a classifier that always answers 1/k.

    Raises
    ------
    ValueError
        As `reliability`.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(cross_entropy(np.array([[0.5, 0.5]]), np.array([0]))), 3)
    0.693
    """
    _check(probabilities, y)
    true = probabilities[np.arange(len(y)), y].astype("float64")
    return float(-np.log(np.maximum(true, _SMALLEST)).mean())


@checked(probabilities=Array((2,), low=0), temperature=Number(0, above=True))
def with_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Make a classifier less sure (temperature above 1) or surer (below 1) of the same answers.

    Dividing the numbers before the softmax by the temperature comes to the same as raising the
    probabilities to the power 1 / temperature and scaling them to sum to 1: so the softmax need not be
    taken off the model.

    Parameters
    ----------
    probabilities : numpy.ndarray, shape (n, k)
        Probability of each class, 0 to 1.
    temperature : float
        Above 0.

    Returns
    -------
    numpy.ndarray of float64, shape (n, k)
        The classes stay in the same order.

    Raises
    ------
    ValueError
        If the temperature is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> with_temperature(np.array([[0.9, 0.1]]), 2.0).round(2).tolist()
    [[0.75, 0.25]]
    """
    logarithms = np.log(np.maximum(probabilities.astype("float64"), _SMALLEST))
    return np.asarray(softmax(logarithms / temperature, axis=1))


@checked("probabilities y", probabilities=Array((2,)), y=LABELS)
def best_temperature(probabilities: NDArray[np.floating], y: NDArray[np.integer]) -> float:
    """Find the temperature with the smallest cross-entropy (Guo et al., 2017).

    Parameters
    ----------
    probabilities, y
        As for `reliability`. Take images that the model was not trained on.

    Returns
    -------
    float
        Between 0.05 and 20.

    Raises
    ------
    ValueError
        As `reliability`.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    >>> bool(best_temperature(p, np.array([0, 0, 0, 1])) > 1)
    True
    """
    _check(probabilities, y)
    found = minimize_scalar(
        lambda power: cross_entropy(with_temperature(probabilities, np.exp(power)), y),
        bounds=(np.log(0.05), np.log(20)),
        method="bounded",
    )
    return float(np.exp(found.x))


@checked("probabilities y", probabilities=Array((2,)), y=LABELS, n=Integer(0))
def confident_mistakes(
    probabilities: NDArray[np.floating], y: NDArray[np.integer], n: int
) -> NDArray[np.intp]:
    """Find the wrong answers of which a classifier was surest.

    Parameters
    ----------
    probabilities, y
        As for `reliability`.
    n : int
        How many at most.

    Returns
    -------
    numpy.ndarray of int, shape (n,) or shorter
        Numbers of the images, the surest mistake first; fewer where there are fewer mistakes.

    Raises
    ------
    ValueError
        As `reliability`.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> confident_mistakes(p, np.array([1, 1]), 1).tolist()
    [0]
    """
    _check(probabilities, y)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != y)
    return wrong[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")][:n]


@checked(images=Array((3, 4)))
def shift_pixels(images: NDArray[np.floating], down: int, right: int) -> NDArray[np.floating]:
    """Move images by whole pixels and fill what becomes free with 0.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width, ...)
        Images in which 0 is the background.
    down, right : int
        Pixels to move by; negative for up and left.

    Returns
    -------
    numpy.ndarray, shape and dtype of `images`
        Moved copies; what leaves the frame is lost.

    Raises
    ------
    ValueError
        If nothing of the image would be left.

    Examples
    --------
    >>> import numpy as np
    >>> shift_pixels(np.array([[[1.0, 2.0], [3.0, 4.0]]]), 1, 0).tolist()
    [[[0.0, 0.0], [1.0, 2.0]]]
    """
    height, width = images.shape[1:3]
    if abs(down) >= height or abs(right) >= width:
        raise ValueError(f"down={down}, right={right}: that leaves nothing of {height} × {width} pixels")
    moved = np.zeros_like(images)
    moved[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = images[
        :, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return moved


def _check(probabilities: NDArray[np.floating], y: NDArray[np.integer]) -> None:
    if not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-6):
        raise ValueError(
            f"probabilities lie between 0 and 1, found {probabilities.min()} to {probabilities.max()}: "
            "does the model end in a softmax?"
        )
    if y.max() >= probabilities.shape[1]:
        raise ValueError(
            f"y has labels up to {y.max()}; expected 0 to {probabilities.shape[1] - 1}, one for each column "
            "of probabilities"
        )
