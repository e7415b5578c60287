"""The explorer of a threshold on the confidence, below which a person is asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.utils.arguments import IMAGES, LABELS, TEXTS, Array, Table, checked
from mnistkit.widgets.explorer import Explorer, arrow_slider
from mnistkit.widgets.networks.answers import checked_answers

_EACH_SIDE = plots.MOST_ANSWERS // 2


class ThresholdExplorer(Explorer):
    """A slider over thresholds; see `threshold_explorer`, which checks what it is given.

    Parameters
    ----------
    table : pandas.DataFrame
        What each threshold does.
    threshold : float
        The one to begin with.
    images : numpy.ndarray, shape (n, height, width)
        The images.
    probabilities : numpy.ndarray, shape (n, k)
        What the network answered.
    truth : numpy.ndarray of int, shape (n,)
        Their classes.
    class_names : sequence of str
        Name of class 0, 1, …

    Attributes
    ----------
    slider : ipywidgets.SelectionSlider
        The threshold: its options are those of the table. Arrow keys move it.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        threshold: float,
        images: NDArray[Any],
        probabilities: NDArray[Any],
        truth: NDArray[Any],
        class_names: Sequence[str],
    ) -> None:
        self._table, self._names = table, class_names
        self._images, self._probabilities, self._truth = images, probabilities, truth
        self._sure = probabilities.max(axis=1)
        self._order = np.argsort(self._sure, kind="stable")
        self.slider = arrow_slider(
            ipywidgets.SelectionSlider,
            options=[(f"{one:g}", one) for one in table.index],
            value=threshold,
            description="threshold",
            about="Least confidence for an answer",
        )
        super().__init__([self.slider])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        error = self._table["error"][self._choice()]
        below, above = self._nearest()
        parts = [f"{self._title()}, ± {2 * error:.2%} (two standard errors)."]
        for side, images in (("Just below", below), ("Just above", above)):
            if len(images):
                parts.append(f"{side}: {', '.join(map(self._answer, images))}.")
        return " ".join(parts)

    def _answer(self, image: int) -> str:
        answer, truth = self._probabilities[image].argmax(), self._truth[image]
        verdict = "right" if answer == truth else f"truth {self._names[truth]}"
        return f"{self._names[answer]} {self._sure[image]:.1%} ({verdict})"

    def _choice(self) -> float:
        return self.slider.value

    def _name(self) -> str:
        return f"threshold {self._choice():g}"

    def _title(self) -> str:
        row = self._table.loc[self._choice()]
        return (
            f"From {self._choice():g} on: {row['answered']:.1%} answered, {row['right']:.2%} of these right"
        )

    def _nearest(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the numbers of the images below and above the threshold, the nearest first."""
        first = int(np.searchsorted(self._sure[self._order], self._choice()))
        below = self._order[max(0, first - _EACH_SIDE) : first][::-1]
        return below, self._order[first : first + _EACH_SIDE]

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        return "threshold", {label: {self.slider: one} for label, one in self.slider.options}

    def _ground(self) -> tuple[Hashable, Callable[[], Figure]]:
        return None, lambda: plots.threshold_ground(self._table)

    def _figure(self) -> Figure:
        shown = np.concatenate(self._nearest())
        return plots.threshold_curves(
            self._table,
            self._choice(),
            list(self._images[shown]),
            list(self._probabilities[shown]),
            self._truth[shown].tolist(),
            self._names,
            title=self._title(),
            over_ground=True,
        )


@checked(
    "images probabilities truth",
    table=Table(("answered", "right", "error")),
    images=IMAGES,
    probabilities=Array((2,), 0),
    truth=LABELS,
    class_names=TEXTS,
)
def threshold_explorer(
    table: pd.DataFrame,
    threshold: float,
    images: ArrayLike,
    probabilities: ArrayLike,
    truth: ArrayLike,
    class_names: Sequence[str],
) -> ThresholdExplorer:
    """Make an explorer of a threshold: what is answered, how often that is right, and the images next to it.

    Nothing is computed; a picture is drawn when its threshold is first chosen, and kept.

    Parameters
    ----------
    table : pandas.DataFrame
        The index has the thresholds, from low to high; ``answered`` is the share of images whose confidence
        is at least that, ``right`` the share of these with the right answer, ``error`` its standard error.
    threshold : float
        The threshold to begin with, one of the table's.
    images : array-like of shape (n, height, width)
        Grey images.
    probabilities : array-like of shape (n, k)
        What a network answered, 0 to 1; the largest is its confidence.
    truth : array-like of int, shape (n,)
        True classes.
    class_names : sequence of str
        Names of the k classes.

    Returns
    -------
    ThresholdExplorer

    Raises
    ------
    ValueError
        If the threshold is not in the table, or the numbers of images, answers and classes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> columns = {"answered": [1.0, 0.5], "right": [0.5, 1.0], "error": [0.35, 0.0]}
    >>> table = pd.DataFrame(columns, index=[0, 0.8])
    >>> answers = [[0.7, 0.3], [0.1, 0.9]]
    >>> explorer = threshold_explorer(table, 0.8, np.zeros((2, 5, 5)), answers, [1, 1], ["0", "1"])
    >>> explorer.describe().split(". ")[1]
    'Just below: 0 70.0% (truth 1)'
    """
    if threshold not in table.index:
        raise ValueError(
            f"threshold is {threshold}; expected one of the table's, {', '.join(map(str, table.index))}"
        )
    answers = checked_answers(probabilities, truth, class_names)
    return ThresholdExplorer(table, threshold, np.asarray(images), *answers, class_names)
