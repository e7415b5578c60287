"""A question that is answered before anything is computed."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import ipywidgets

from mnistkit.utils.arguments import TEXTS, Integer, checked

__all__ = ["Prediction", "predict"]

_FEWEST, _MOST = 2, 4


class Prediction(ipywidgets.VBox):
    """A question with its answers as buttons; `predict` makes one.

    Buttons, which Tab and Enter press: JupyterLab takes the arrow keys, which radio buttons need.

    Parameters
    ----------
    question : str
        What is asked.
    answers : sequence of str
        What may be chosen.
    chosen : int or None
        Number of the answer to begin with, from 1.

    Attributes
    ----------
    question : str
        What is asked.
    answers : tuple of str
        What may be chosen.
    buttons : ipywidgets.ToggleButtons
        The pressed one is the choice.
    """

    def __init__(self, question: str, answers: Sequence[str], chosen: int | None) -> None:
        self.question, self.answers = question, tuple(answers)
        self.buttons = ipywidgets.ToggleButtons(
            options=self.answers,
            value=None if chosen is None else self.answers[chosen - 1],
            style=ipywidgets.ToggleButtonsStyle(button_width="max-content"),
            tooltip=question,
        )
        super().__init__([ipywidgets.HTML(self._asked()), self.buttons])

    def _asked(self) -> str:
        return f"<strong>Your prediction.</strong> {html.escape(self.question)}"

    @property
    def chosen(self) -> str:
        """The answer that was chosen; empty while none is."""
        return self.buttons.value or ""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live buttons, and for places without a kernel the question and its answers in words."""
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        lines = [f"{number}. {answer}" for number, answer in enumerate(self.answers, start=1)]
        items = "".join(f"<li>{html.escape(answer)}</li>" for answer in self.answers)
        bundle |= {
            "text/html": f"<p>{self._asked()}</p><ol>{items}</ol>",
            "text/plain": "\n".join([f"Your prediction. {self.question}", *lines]),
        }
        return bundle, {}


@checked(answers=TEXTS, chosen=Integer(1, _MOST))
def predict(question: str, answers: Sequence[str], *, chosen: int | None = None) -> Prediction:
    """Ask for a prediction, before the figure that answers it (every section of a lesson).

    Nobody has to answer: a run without a person goes on, and so does a student who only runs the cells.

    Parameters
    ----------
    question : str
        What will be seen.
    answers : sequence of str
        Two to four different answers.
    chosen : int, optional
        Number of the answer, from 1, where no buttons can be shown: the student writes it into the cell.

    Returns
    -------
    Prediction
        To be the last line of the cell, which shows it, and to be handed to `mnistkit.lesson.finding`.

    Raises
    ------
    ValueError
        If there are not two to four different answers, or none has the number `chosen`.

    References
    ----------
    Crouch, Fagen, Callan & Mazur (2004), Classroom demonstrations: learning tools or entertainment? American
    Journal of Physics 72: students who predict what a demonstration will show understand it better.

    Examples
    --------
    >>> guess = predict("Which input gives the higher ARI?", ["pixels", "standardised pixels"], chosen=1)
    >>> guess.chosen
    'pixels'
    """
    if not _FEWEST <= len(answers) <= _MOST or len({*answers, ""}) <= len(answers):
        raise ValueError(
            f"answers are {list(answers)}; expected {_FEWEST} to {_MOST} answers, none empty, no two the same"
        )
    if chosen is not None and chosen > len(answers):
        raise ValueError(f"chosen is {chosen}; expected the number of an answer, from 1 to {len(answers)}")
    return Prediction(question, answers, chosen)
