"""One's own handwriting: a picture of a digit, brought into MNIST's form, and what a classifier answers."""

from __future__ import annotations

import hashlib
import html
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from mnistkit import plots
from mnistkit.data import normalisation_steps, save_drawing
from mnistkit.data.formats.pictures import fitted, grey_picture
from mnistkit.utils.arguments import TEXTS, Array, checked
from mnistkit.widgets.explorer import Explorer, buttons
from mnistkit.widgets.networks.drawing_pad import DrawingPad, can_draw

Classifier = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""Takes images of shape (n, 28, 28), gives probabilities of shape (n, k)."""


class DrawnDigit(Explorer):
    """A picture to upload; see `drawn_digit`, which checks what it is given.

    Parameters
    ----------
    classifier : callable
        What is asked: a network, or another method.
    example : numpy.ndarray of uint8, shape (height, width)
        The picture to begin with.
    class_names : sequence of str
        Name of class 0, 1, …
    folder : str or path-like, optional
        Where drawings are kept.

    Attributes
    ----------
    upload : ipywidgets.FileUpload
        Takes a photo or drawing from this computer; on a telephone also from the camera.
    pad : DrawingPad or None
        A sheet to draw on, where ipycanvas is installed.
    label : ipywidgets.ToggleButtons
        What the drawing is meant to be.
    keep : ipywidgets.Button
        Keeps the drawing; shown where there is a folder to keep it in.
    kept : ipywidgets.HTML
        What came of it.
    """

    def __init__(
        self,
        classifier: Classifier,
        example: NDArray[Any],
        class_names: Sequence[str],
        folder: str | os.PathLike[str] | None,
    ) -> None:
        self._classifier, self._example, self._names = classifier, example, class_names
        self._answered: dict[str, tuple[dict[str, NDArray[Any]], list[NDArray[Any]]]] = {}
        self.upload = ipywidgets.FileUpload(
            accept="image/*", description="your picture", tooltip="A photo or a drawing of one digit"
        )
        self.pad = DrawingPad() if can_draw() else None
        self._latest = (b"", "the example")
        self._folder = folder
        self.label = buttons(class_names, description="it is a", about="What the drawing is meant to be")
        self.label.value = None
        self.keep = ipywidgets.Button(
            description="keep it", tooltip="Keep the drawing for the class's data set"
        )
        self.kept = ipywidgets.HTML()
        self.keep.on_click(self._on_keep)
        below = [self.label, self.keep, self.kept] if folder else []
        super().__init__([self.upload, *([self.pad] if self.pad else [])], below)

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        steps, answers = self._steps_and_answers()
        each = "; ".join(
            f"{step}: {self._names[int(chances.argmax())]} ({chances.max():.1%})"
            for step, chances in zip(steps, answers, strict=True)
        )
        order = np.argsort(-answers[-1], kind="stable")[1:3]
        others = ", ".join(f"{self._names[number]} {answers[-1][number]:.1%}" for number in order)
        return f"The answer after each step, {self._name()}: {each}. Next likely at the end: {others}."

    def _choice(self) -> str:
        """Return a short text that is another one for each picture."""
        return hashlib.sha256(self._latest[0]).hexdigest()

    def _name(self) -> str:
        return self._latest[1]

    def _adapt(self, control: Any) -> None:
        if control is self.upload:
            file = self.upload.value[-1]
            self._latest = bytes(file["content"]), str(file["name"])
        else:
            self._latest = control.value, "your drawing"
        self.label.value, self.kept.value = None, ""  # the next one may be another digit

    def _on_keep(self, button: ipywidgets.Button) -> None:
        with self._error_shown(self.kept, "keep"):
            self._keep()

    def _keep(self) -> None:
        if not self._latest[0] or self.label.value is None:
            self.kept.value = "Draw or upload something, and choose what it is."
            return
        assert self._folder is not None, "without a folder the button is not shown"
        path = save_drawing(self._steps_and_answers()[0]["centred"], self.label.value, self._folder)
        count = len(list(path.parents[1].glob("*/*.png")))
        self.kept.value = html.escape(f"Kept as {path}, in MNIST's form, without your name; {count} so far.")

    def _steps_and_answers(self) -> tuple[dict[str, NDArray[Any]], list[NDArray[Any]]]:
        """Normalise the picture and ask the classifier after each step; only once, for picture and words."""
        choice = self._choice()
        if choice not in self._answered:
            content, name = self._latest
            picture = np.asarray(grey_picture(content, Path(name))) if content else self._example
            steps = normalisation_steps(picture)
            images = np.stack([fitted(Image.fromarray(step)) for step in steps.values()])
            self._answered = {choice: (steps, list(self._classifier(images)))}
        return self._answered[choice]

    def _figure(self) -> Figure:
        steps, answers = self._steps_and_answers()
        said = self._names[int(answers[-1].argmax())]
        return plots.handwriting_steps(
            steps, answers, self._names, title=f"{self._name()}: in MNIST's form it is read as {said}"
        )


@checked(example=Array((2,), 0, 255, integers=True), class_names=TEXTS)
def drawn_digit(
    classifier: Callable[[np.ndarray], np.ndarray],
    example: ArrayLike,
    class_names: Sequence[str],
    folder: str | os.PathLike[str] | None = None,
) -> DrawnDigit:
    """Make a place to try one's own handwriting: draw or upload a digit, see what a classifier answers.

    Each step of MNIST's normalisation is drawn, with what the classifier would answer there: all but the last
    are only brought to 28 × 28 pixels. Drawing needs ipycanvas (the extra ``drawing``).

    Parameters
    ----------
    classifier : callable
        Takes images (uint8, shape (n, 28, 28)), returns the probability of each class, shape (n, k).
    example : array-like of int, shape (height, width)
        The picture to begin with, grey levels of 0 to 255.
    class_names : sequence of str
        Names of the k classes.
    folder : str or path-like, optional
        Where to keep drawings for the class's data set: it then has a button to do so. ``mnistkit data
        collect`` brings those of many students together.

    Returns
    -------
    DrawnDigit

    Raises
    ------
    ValueError
        If nothing is drawn on the example.

    Examples
    --------
    >>> paper = np.full((90, 60), 250, dtype=np.uint8)
    >>> paper[10:50, 40:44] = 20
    >>> def middle_is_bright(images):
    ...     bright = images[:, 14, 14] / 255
    ...     return np.stack([1 - bright, bright], axis=1)
    >>> drawn_digit(middle_is_bright, paper, ["no", "yes"]).describe().split(". ")[0].rpartition("; ")[2]
    'centred: yes (100.0%)'
    """
    return DrawnDigit(classifier, np.asarray(example), class_names, folder)
