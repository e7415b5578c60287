"""Claims of a lesson that its run must bear out."""

from __future__ import annotations

import os

from mnistkit.utils.arguments import checked

__all__ = ["STRICT", "check"]

STRICT = "MNISTKIT_STRICT"
"""The environment variable that makes a claim that does not hold an error: tests set it to 1."""


@checked()
def check(holds: bool, claim: str) -> None:
    """Check a claim of the lesson against this run (check cells of every lesson).

    A student who trains for one epoch, or takes other data, has done nothing wrong: the notebook goes on,
    with a note. Tests run strictly, so that a lesson can't say what its own run refutes.

    Parameters
    ----------
    holds : bool
        Whether the claim holds in this run.
    claim : str
        The claim, with what was found.

    Raises
    ------
    AssertionError
        If it does not hold and the environment variable ``MNISTKIT_STRICT`` is ``1``.

    Examples
    --------
    >>> check(0.9 > 0.5, "the network should beat the baseline: 0.9 against 0.5")
    >>> check(0.4 > 0.5, "the network should beat the baseline: 0.4 against 0.5")
    This run does not show it: the network should beat the baseline: 0.4 against 0.5
    """
    if holds:
        return
    if os.environ.get(STRICT) == "1":
        raise AssertionError(claim)
    from IPython.display import display

    display(
        {
            "text/markdown": f"**This run does not show it:** {claim}",
            "text/plain": f"This run does not show it: {claim}",
        },
        raw=True,
    )
