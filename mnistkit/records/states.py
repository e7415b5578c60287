"""The states of an explorer: pictures and words that a report shows in its place, where nothing computes.

They travel inside the executed notebook as records do, in the output of the explorer, with a MIME type of our
own: what shows notebooks (JupyterLab, VS Code, nbconvert) passes over a type that it does not know, and takes
the widget or the picture beside it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["MOST_STATES", "STATES_MIME", "State", "States", "read_states", "states_output"]

STATES_MIME = "application/vnd.mnistkit.states+json"
MOST_STATES = 30
"""More to choose from is a slider's, and no list's."""
_LONGEST_LABEL = 60
_LONGEST_TEXT = 3000


@dataclass(frozen=True)
class State:
    """One of them.

    Attributes
    ----------
    label : str
        What is chosen: ``10``, ``conv1, filter 3``.
    picture : str
        PNG in base64.
    text : str
        The same in words.
    """

    label: str
    picture: str
    text: str


@dataclass(frozen=True)
class States:
    """All that can be chosen.

    Attributes
    ----------
    legend : str
        What the labels are: ``clusters k``.
    states : tuple of State
        In order; at least two, at most `MOST_STATES`.
    chosen : int
        Position of the one to begin with.
    """

    legend: str
    states: tuple[State, ...]
    chosen: int


def states_output(states: States) -> dict[str, Any]:
    """Write states as a part of an output's data.

    Parameters
    ----------
    states : States
        What an explorer offers.

    Returns
    -------
    dict
        To be displayed beside the explorer.
    """
    return {STATES_MIME: asdict(states)}


def read_states(output: Any) -> States | None:
    """Read the states in an output.

    Parameters
    ----------
    output : nbformat.NotebookNode
        An output, from anybody.

    Returns
    -------
    States or None
        None if there are none, or they are not as `States` says. Nothing is known of the pictures.

    Examples
    --------
    >>> states = States("k", (State("1", "iVBO", "One cluster."), State("2", "iVBO", "Two.")), chosen=1)
    >>> read_states({"data": states_output(states)}) == states
    True
    >>> read_states({"data": {STATES_MIME: {"legend": "k", "states": [], "chosen": 0}}}) is None
    True
    """
    try:
        found = output["data"][STATES_MIME]
        states = States(found["legend"], tuple(State(**state) for state in found["states"]), found["chosen"])
    except (TypeError, LookupError):
        return None
    return states if _is_whole(states) else None


def _is_whole(states: States) -> bool:
    if not 2 <= len(states.states) <= MOST_STATES or type(states.chosen) is not int:
        return False
    texts = [(states.legend, _LONGEST_LABEL)]
    for state in states.states:
        texts += [(state.label, _LONGEST_LABEL), (state.text, _LONGEST_TEXT), (state.picture, sys.maxsize)]
    whole = all(isinstance(text, str) and text.strip() and len(text) <= most for text, most in texts)
    return whole and 0 <= states.chosen < len(states.states)
