"""What a run shows, in words made from its own values."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from typing import Any

from mnistkit.lesson.predictions import Prediction
from mnistkit.utils.arguments import checked

__all__ = ["FINDING_MIME", "Finding", "finding", "in_five_sentences", "read_findings"]

FINDING_MIME = "application/vnd.mnistkit.finding+json"
_SENTENCES = 5


@dataclass(frozen=True)
class Finding:
    """What a run has shown.

    Attributes
    ----------
    text : str
        The finding itself, a sentence or two of Markdown.
    question, answer : str
        The prediction that it answers, and which answer was right; empty where nothing was asked.
    is_conclusion : bool
        Whether it is one of the sentences at the end of the lesson.
    """

    text: str
    question: str = ""
    answer: str = ""
    is_conclusion: bool = False


@checked()
def finding(text: str, *, prediction: Prediction | None = None, answer: str = "") -> None:
    """Say what this run shows, and what the student had predicted (every section of a lesson).

    Parameters
    ----------
    text : str
        A sentence or two, Markdown, made from the run's own values: it must be true whatever the run found.
    prediction : Prediction, optional
        What was asked before.
    answer : str, optional
        Which of its answers this run gives.

    Raises
    ------
    ValueError
        If the text is empty, or `answer` is none of the prediction's answers.

    Examples
    --------
    >>> from mnistkit.lesson import predict
    >>> guess = predict("Which input gives the higher ARI?", ["pixels", "standardised pixels"], chosen=2)
    >>> finding("Mean ARI: 0.37 against 0.31.", prediction=guess, answer="pixels")
    What this run shows. You said “standardised pixels”; here: “pixels”. Mean ARI: 0.37 against 0.31.
    """
    if not text.strip():
        raise ValueError("a finding needs a text: say what this run shows")
    if prediction is None:
        if answer:
            raise ValueError(f"answer is {answer!r}; expected the prediction that it answers beside it")
        _show("What this run shows.", text, Finding(text))
        return
    if answer not in prediction.answers:
        raise ValueError(f"answer is {answer!r}; expected one of {list(prediction.answers)}")
    _show(
        "What this run shows.",
        f"{_compared(prediction.chosen, answer)} {text}",
        Finding(text, prediction.question, answer),
    )


def _compared(said: str, answer: str) -> str:
    if said == answer:
        return f"You said “{said}”, and so it is here."
    return f"You said “{said}”; here: “{answer}”." if said else f"Here: “{answer}”."


@checked()
def in_five_sentences(*sentences: str) -> None:
    """End a lesson with what it found (its last cell but the summary).

    Parameters
    ----------
    *sentences : str
        Five sentences, made from the run's own values. The first answers the question in the lesson's title:
        a report shows it beside the lesson's name.

    Raises
    ------
    ValueError
        If there are not five, or one is empty.

    Examples
    --------
    >>> in_five_sentences("Yes, by far.", "Two.", "Three.", "Four.", "But not on all images.")
    In five sentences.
    <BLANKLINE>
    1. Yes, by far.
    2. Two.
    3. Three.
    4. Four.
    5. But not on all images.
    """
    if len(sentences) != _SENTENCES or not all(sentence.strip() for sentence in sentences):
        raise ValueError(f"found {len(sentences)} sentences: {list(sentences)}; expected five, none empty")
    lines = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, start=1))
    _show("In five sentences.", f"\n\n{lines}", *(Finding(text, is_conclusion=True) for text in sentences))


def _show(heading: str, text: str, *findings: Finding) -> None:
    from IPython.display import display

    display(
        {
            FINDING_MIME: [asdict(found) for found in findings],
            "text/markdown": f"**{heading}** {text}",
            "text/plain": f"{heading} {text}",
        },
        raw=True,
    )


def read_findings(notebook: Any) -> list[Finding]:
    """Read what an executed notebook has shown.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook, from anybody: what is not as `finding` makes it is none.

    Returns
    -------
    list of Finding
        In order.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
    >>> output = new_output("display_data", {FINDING_MIME: [{"text": "Purity is 0.6."}]})
    >>> read_findings(new_notebook(cells=[new_code_cell("...", outputs=[output])]))[0].text
    'Purity is 0.6.'
    """
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                found += [_checked(Finding(**facts)) for facts in output["data"][FINDING_MIME]]
    return found


def _checked(found: Finding) -> Finding:
    texts = (found.text, found.question, found.answer)
    if not all(isinstance(text, str) for text in texts) or not isinstance(found.is_conclusion, bool):
        raise TypeError("a finding has texts")
    return found
