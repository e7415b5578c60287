"""Fitted scikit-learn models as plain data: parameters and documented values, and nothing that computes.

scikit-learn documents what a fitted model has found as attributes that end with ``_`` (``cluster_centers_``,
``coef_``), and its settings as parameters (``n_clusters``). Those of them that are plain data cross; methods
do not. To call ``predict`` in the grader's process would mean to build an object from what a student's
process says, and to run compiled code on it.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Mapping
from typing import Any

_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


class FittedModel:
    """What crosses of a fitted model.

    Parameters
    ----------
    kind : str
        Name of its class.
    values : mapping of str to object
        Parameters and documented values, as plain data; they are read as attributes.

    Raises
    ------
    ValueError
        If a name can't be one of them.
    """

    def __init__(self, kind: str, values: Mapping[str, Any]) -> None:
        if not all(isinstance(name, str) and _VALUE.fullmatch(name) for name in (kind, *values)):
            raise ValueError("not the name of a parameter or value")
        self._kind, self._values = kind, dict(values)

    @property
    def values(self) -> dict[str, Any]:
        """All of them, by name."""
        return self._values

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._values:
            return self._values[name]
        raise AttributeError(
            f"a fitted model ({self.__dict__.get('_kind')}) crosses as its parameters and documented values,"
            f" without {name!r}; let a function of the student predict"
        )

    def __repr__(self) -> str:
        return f"FittedModel({self._kind})"


def is_model(value: object) -> bool:
    """Tell whether something is an object of one of scikit-learn's own classes, without importing them."""
    return type(value).__module__.split(".")[0] == "sklearn" and hasattr(value, "get_params")


def documented_values(model: Any) -> dict[str, Any]:
    """Give the parameters and documented values of a fitted model, by name.

    Parameters
    ----------
    model : sklearn.base.BaseEstimator
        Of one of scikit-learn's classes.

    Returns
    -------
    dict of str to object
        Also those that are no plain data, but not what another version will not have.
    """
    found: dict[str, Any] = model.get_params(deep=False)
    for name in dir(model):
        if name.endswith("_") and not name.startswith("_"):
            # A property that this model does not have raises; one that is to go warns.
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("error")
                found[name] = getattr(model, name)
    return found
