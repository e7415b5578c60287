"""The explorer of a moved image, and of what networks answer to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.utils.arguments import TEXTS, Array, Integer, Items, checked, text
from mnistkit.widgets.explorer import Explorer, arrow_slider

_MOST_CLASSES = 12


class ShiftExplorer(Explorer):
    """Two sliders that move an image; see `shift_explorer`, which checks what it is given.

    Parameters
    ----------
    images : numpy.ndarray, shape (2m + 1, 2m + 1, height, width)
        The image, moved.
    answers : dict of str to numpy.ndarray, shape (2m + 1, 2m + 1, k)
        What each network answered.
    truth : int
        The class of the image.
    class_names : sequence of str
        Names of the k classes.

    Attributes
    ----------
    down, right : ipywidgets.IntSlider
        Pixels that the image is moved by; negative for up and left. Arrow keys move them.
    """

    def __init__(
        self,
        images: NDArray[Any],
        answers: dict[str, NDArray[Any]],
        truth: int,
        class_names: Sequence[str],
    ) -> None:
        self._images, self._answers, self._truth, self._names = images, answers, truth, class_names
        self._most = len(images) // 2
        largest = np.max([array.max(axis=(0, 1)) for array in answers.values()], axis=0)
        self._classes = np.sort(
            np.argsort(-largest, kind="stable")[:_MOST_CLASSES]
        )  # the same for all places
        self.right, self.down = (
            arrow_slider(
                ipywidgets.IntSlider,
                value=0,
                min=-self._most,
                max=self._most,
                description=name,
                about=f"Pixels that the image is moved {ways}",
            )
            for name, ways in (("right", "right, or left"), ("down", "down, or up"))
        )
        super().__init__([self.right, self.down])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        return f"{self._title()}: {'; '.join(map(self._answer, self._answers))}."

    def _answer(self, network: str) -> str:
        chances = self._answers[network][self._place()]
        said = chances.argmax()
        text = f"{network} answers {self._names[said]} ({chances[said]:.1%})"
        return (
            text if said == self._truth else f"{text}, {self._names[self._truth]} {chances[self._truth]:.1%}"
        )

    def _choice(self) -> tuple[int, int]:
        return self.down.value, self.right.value

    def _place(self) -> tuple[int, int]:
        """Give row and column of the choice in the arrays, whose middle is the image as it is."""
        return self.down.value + self._most, self.right.value + self._most

    def _name(self) -> str:
        ways = (self.down.value, "down", "up"), (self.right.value, "right", "left")
        moves = [f"{abs(pixels)} {one if pixels > 0 else other}" for pixels, one, other in ways if pixels]
        return f"moved {' and '.join(moves)}" if moves else "as it is"

    def _title(self) -> str:
        return f"{self._names[self._truth]}, {self._name()}"

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        return "pixels to the right", {
            f"{pixels:+d}" if pixels else "0": {self.right: pixels}
            for pixels in range(-self._most, self._most + 1)
        }

    def _figure(self) -> Figure:
        panels = {}
        for network, answers in self._answers.items():
            right = int((answers.argmax(axis=2) == self._truth).sum())
            heading = f"{network}: right at {right} of {answers[..., 0].size} places"
            panels[heading] = answers[self._place()][self._classes]
        return plots.answer_bars(
            self._images[self._place()],
            panels,
            [self._names[number] for number in self._classes],
            self._names[self._truth],
            title=self._title(),
        )


@checked(
    images=Array((4,)),
    answers=Items(Array((3,), 0), keys=text),
    truth=Integer(0),
    class_names=TEXTS,
)
def shift_explorer(
    images: ArrayLike, answers: Mapping[str, ArrayLike], truth: int, class_names: Sequence[str]
) -> ShiftExplorer:
    """Make an explorer of a moved image: move it by two sliders, and see what networks answer.

    Nothing is computed; a picture is drawn when its place is first chosen, and kept.

    Parameters
    ----------
    images : array-like of shape (2m + 1, 2m + 1, height, width)
        An image, moved by −m to m pixels, down along the first axis and right along the second.
    answers : mapping of str to array-like of shape (2m + 1, 2m + 1, k)
        For each network its probabilities for each of these, 0 to 1.
    truth : int
        The class of the image.
    class_names : sequence of str
        Names of the k classes.

    Returns
    -------
    ShiftExplorer

    Raises
    ------
    ValueError
        If there are not as many places to both sides, or answers, classes and names do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> answers = np.full((3, 3, 2), 0.5)
    >>> answers[2, 1] = 0.1, 0.9
    >>> explorer = shift_explorer(np.zeros((3, 3, 5, 5)), {"net": answers}, 0, ["shoe", "bag"])
    >>> explorer.down.value = 1
    >>> explorer.describe()
    'shoe, moved 1 down: net answers bag (90.0%), shoe 10.0%.'
    """
    moved = np.asarray(images)
    side = len(moved)
    if moved.shape[1] != side or side % 2 == 0:
        raise ValueError(
            f"images have shape {moved.shape}; expected as many places down as right, an odd number"
        )
    arrays = {name: np.asarray(values) for name, values in answers.items()}
    shape = (side, side, len(class_names))
    for name, values in arrays.items():
        if values.shape != shape:
            raise ValueError(f"answers[{name!r}]: expected shape {shape}, found {values.shape}")
    if truth >= len(class_names):
        raise ValueError(f"truth is {truth}; class_names has {len(class_names)} names")
    return ShiftExplorer(moved, arrays, truth, class_names)
