"""What explorers of a network's answers are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked_answers(
    probabilities: ArrayLike, truth: ArrayLike, class_names: Sequence[str]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Check that answers and true classes are of the classes that have names.

    Parameters
    ----------
    probabilities : array-like of shape (n, k)
        What a network answered.
    truth : array-like of int, shape (n,)
        True classes.
    class_names : sequence of str
        Names of the classes.

    Returns
    -------
    probabilities, truth : numpy.ndarray
        The same as arrays.

    Raises
    ------
    ValueError
        If they are not.
    """
    chances, classes = np.asarray(probabilities), np.asarray(truth)
    if chances.shape[1] != len(class_names):
        raise ValueError(
            f"probabilities are of {chances.shape[1]} classes, class_names has {len(class_names)} names"
        )
    if classes.max() >= len(class_names):
        raise ValueError(f"truth has the class {classes.max()}; class_names has {len(class_names)} names")
    return chances, classes
