"""The explorer of a confusion matrix: which images stand behind a cell."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.utils.arguments import IMAGES, LABELS, TEXTS, Array, checked
from mnistkit.widgets.explorer import Explorer, buttons
from mnistkit.widgets.networks.answers import checked_answers

_MOST_MISTAKES = 12  # on a report's page


class ConfusionExplorer(Explorer):
    """A choice of truth and answer; see `confusion_explorer`, which checks what it is given.

    Parameters
    ----------
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
    truth, answer : ipywidgets.ToggleButtons
        Row and column of the cell.
    """

    def __init__(
        self,
        images: NDArray[Any],
        probabilities: NDArray[Any],
        truth: NDArray[Any],
        class_names: Sequence[str],
    ) -> None:
        self._images, self._probabilities, self._true = images, probabilities, truth
        self._names = list(class_names)
        self._answers = probabilities.argmax(axis=1)
        k = len(class_names)
        self._counts = np.zeros((k, k), dtype=np.int64)
        np.add.at(self._counts, (truth, self._answers), 1)
        self._mistakes = self._counts - np.diag(np.diag(self._counts))
        row, column = np.unravel_index(self._mistakes.argmax(), self._mistakes.shape)  # the most common one
        options = [(name, number) for number, name in enumerate(class_names)]
        self.truth, self.answer = (
            buttons(options, value=int(value), description=name, about=about)
            for name, value, about in (
                ("truth", row, "The class that the images have: a row"),
                ("answer", column, "The class that the network names: a column"),
            )
        )
        super().__init__([self.truth, self.answer])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        row, column = self._choice()
        count, total = self._counts[row, column], self._counts[row].sum()
        chosen = self._shown()
        share = f" ({count / total:.1%})" if total else ""
        text = (
            f"Confusion matrix of {len(self._true):,} images, truth down, answer across. "
            f"{self._name()}: {count:,} of {total:,}{share}."
        )
        if not len(chosen):
            return text
        each = ", ".join(
            f"{self._probabilities[image, column]:.1%}"
            + (f" against {self._probabilities[image, row]:.1%}" if row != column else "")
            for image in chosen
        )
        against = f" against {self._names[row]}" if row != column else ""
        return f"{text} The surest, with the probability of {self._names[column]}{against}: {each}."

    def _choice(self) -> tuple[int, int]:
        return self.truth.value, self.answer.value

    def _name(self) -> str:
        truth, answer = (self._names[number] for number in self._choice())
        return f"{truth} recognised" if truth == answer else f"{truth} taken for {answer}"

    def _shown(self) -> NDArray[np.intp]:
        """Return the numbers of the images that are drawn, the surest answer first."""
        row, column = self._choice()
        inside = np.flatnonzero((self._true == row) & (self._answers == column))
        order = np.argsort(-self._probabilities[inside, column], kind="stable")
        return inside[order][: plots.MOST_ANSWERS]

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        """Offer the most common mistakes, as far as there are any."""
        commonest = np.argsort(-self._mistakes, axis=None, kind="stable")[:_MOST_MISTAKES]
        cells = zip(*np.unravel_index(commonest, self._mistakes.shape), strict=True)
        return "truth taken for answer, the most common first", {
            f"{self._names[row]} taken for {self._names[column]}": {
                self.truth: int(row),
                self.answer: int(column),
            }
            for row, column in cells
            if self._mistakes[row, column]
        }

    def _table(self) -> pd.DataFrame:
        return pd.DataFrame(self._counts, index=self._names, columns=self._names)

    def _ground(self) -> tuple[Hashable, Callable[[], Figure]]:
        return None, lambda: plots.confusion_ground(self._table())

    def _figure(self) -> Figure:
        shown, count = self._shown(), self._counts[self._choice()]
        which = f"; the {len(shown)} surest" if len(shown) < count else ""
        return plots.confusion_cell(
            self._table(),
            *self._choice(),
            list(self._images[shown]),
            list(self._probabilities[shown]),
            title=f"{self._name()}: {count:,} images{which}",
            over_ground=True,
        )


@checked(
    "images probabilities truth", images=IMAGES, probabilities=Array((2,), 0), truth=LABELS, class_names=TEXTS
)
def confusion_explorer(
    images: ArrayLike, probabilities: ArrayLike, truth: ArrayLike, class_names: Sequence[str]
) -> ConfusionExplorer:
    """Make an explorer of a confusion matrix: choose truth and answer, see the images.

    It begins with the most common mistake. A picture is drawn when its cell is first chosen, and kept.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Grey images.
    probabilities : array-like of shape (n, k)
        What a network answered, 0 to 1; the largest is its answer.
    truth : array-like of int, shape (n,)
        True classes.
    class_names : sequence of str
        Names of the k classes.

    Returns
    -------
    ConfusionExplorer

    Raises
    ------
    ValueError
        If the numbers of images, answers and classes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> answers = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    >>> explorer = confusion_explorer(np.zeros((3, 5, 5)), answers, [0, 1, 1], ["cat", "dog"])
    >>> explorer.truth.label, explorer.answer.label
    ('dog', 'cat')
    """
    answers = checked_answers(probabilities, truth, class_names)
    return ConfusionExplorer(np.asarray(images), *answers, class_names)
