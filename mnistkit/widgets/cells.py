"""Explorers of a cell that is run again: the earlier ones are closed.

Nobody can see them any more, and with each the saved notebook and the memory of kernel and browser would grow
by its pictures.
"""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython

_made: dict[str, tuple[str, list[Any]]] = {}
"""By cell: the execution that was last, and what it made."""


def close_earlier(widget: Any) -> None:
    """Close what an earlier execution of this cell made, where it is shown in this cell only.

    Parameters
    ----------
    widget : ipywidgets.Widget
        A new one, with a set ``shown_in`` of cells. Outside of a notebook, and where nothing names the cell
        that is executed, nothing is closed.
    """
    cell, execution = _executed()
    if not cell:
        return
    if cell not in _made or _made[cell][0] != execution:
        for earlier in _made.pop(cell, ("", []))[1]:
            if earlier.shown_in == {cell}:
                _close(earlier)
        _made[cell] = (execution, [])
    _made[cell][1].append(widget)


def executed_cell() -> str:
    """Name the cell that is executed; empty where nothing names it."""
    return _executed()[0]


def _executed() -> tuple[str, str]:
    """Give the cell that is executed, and which execution it is."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return "", ""
    request = kernel.get_parent("shell")
    return request.get("metadata", {}).get("cellId", ""), request.get("header", {}).get("msg_id", "")


def _close(widget: Any) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()
