"""What a cell may leave behind it: its output is kept up to a limit, and where some was cut, it says so.

The rule, for one cell:

- Of what it prints, to standard output and to standard error, the first and the last `MAX_TEXT` / 2
  characters each. What a carriage return has overwritten, as a progress bar does, is not part of it.
- Of what it shows (pictures, tables, results), the first outputs that together have `MAX_SHOWN` characters.
- Of plain text that is shown, and of an error, as much as of what is printed.

All of it takes time in proportion to what the cell puts out. nbclient's own joining of what is printed does
not: one line of a million characters takes it minutes, in which nothing can stop it.
"""

from __future__ import annotations

import json
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

MAX_TEXT = 200_000
"""Most characters of one text."""
MAX_SHOWN = 20_000_000
"""Most characters of all that a cell shows."""
_LEAST = 10_000
"""What the smallest output counts for: thousands of them are too many as well."""
_HALF = MAX_TEXT // 2
_SHOWN = ("display_data", "execute_result", "update_display_data")


def shorten(text: str) -> str:
    """Cut the middle out of a text that is too long.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The same, or its first and last characters with a mark between them.
    """
    return text if len(text) <= MAX_TEXT else _with_gap(text[:_HALF], len(text) - MAX_TEXT, text[-_HALF:])


def _with_gap(head: str, missing: int, tail: str) -> str:
    return f"{head}\n[… {missing:,} characters of output were cut here …]\n{tail}"


def without_overwritten(text: str) -> str:
    r"""Leave out what a carriage return has overwritten in each line.

    Parameters
    ----------
    text : str
        What was printed.

    Returns
    -------
    str
        Each line from behind its last ``\r``, but for one at its end.
    """
    if "\r" not in text:
        return text
    return "\n".join(line[line.rfind("\r", 0, len(line) - 1) + 1 :] for line in text.split("\n"))


class _Printed:
    """One text that grows: its beginning is kept, and its end."""

    def __init__(self) -> None:
        self._head, self._missing = "", 0
        self._parts: list[str] = []
        self._size = 0

    def add(self, text: str) -> None:
        """Take what was printed now."""
        self._parts.append(text)
        self._size += len(text)
        if self._size > 2 * MAX_TEXT:  # not each time: it would take as long as the text is
            self._shorten()

    def _shorten(self) -> None:
        rest = without_overwritten("".join(self._parts))
        if len(rest) > (_HALF if self._missing else MAX_TEXT):
            if not self._missing:
                self._head, rest = rest[:_HALF], rest[_HALF:]
            self._missing += len(rest) - _HALF
            rest = rest[-_HALF:]
        self._parts, self._size = [rest], len(rest)

    def text(self) -> str:
        """Give what is kept."""
        self._shorten()
        rest = self._parts[0]
        return _with_gap(self._head, self._missing, rest) if self._missing else rest


class CellOutput:
    """Keeps the outputs of one cell within their limits while they come, up to the next `clear_output`."""

    def __init__(self) -> None:
        self._printed: dict[str, tuple[NotebookNode, _Printed]] = {}
        self._room = MAX_SHOWN
        self._left_out: list[int] = []
        self._mark: NotebookNode | None = None

    def admit(self, message: dict[str, Any], outputs: list[NotebookNode]) -> bool:
        """Shorten the text in a message of the kernel; False if it must be left out.

        Parameters
        ----------
        message : dict
            A message, which is changed.
        outputs : list of nbformat.NotebookNode
            The cell's outputs: they get a mark where one is left out.

        Returns
        -------
        bool
            Whether there is room for it.
        """
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            content["evalue"] = shorten(content["evalue"])
            content["traceback"] = [shorten(line) for line in content["traceback"]]
        if kind not in _SHOWN:
            return True
        if isinstance(plain := content["data"].get("text/plain"), str):
            content["data"]["text/plain"] = shorten(plain)
        size = max(_LEAST, len(json.dumps(content["data"])))
        if size > self._room:
            self._leave_out(size, outputs)
            return False
        if kind != "update_display_data":  # which replaces one
            self._room -= size
        return True

    def _leave_out(self, size: int, outputs: list[NotebookNode]) -> None:
        self._left_out.append(size)
        if self._mark is None:
            self._mark = new_output("stream", name="stderr")
            outputs.append(self._mark)

    def join(self, outputs: list[NotebookNode]) -> None:
        """Join what was printed now, the last output, to what was printed before it to the same stream.

        Parameters
        ----------
        outputs : list of nbformat.NotebookNode
            The cell's outputs.
        """
        latest = outputs[-1]
        if latest.name in self._printed:
            outputs.pop()
        else:
            self._printed[latest.name] = latest, _Printed()
        self._printed[latest.name][1].add(latest.text)
        latest.text = ""

    def finish(self, outputs: list[NotebookNode]) -> None:
        """Write into the outputs what was printed and left out.

        Parameters
        ----------
        outputs : list of nbformat.NotebookNode
            The cell's outputs; standard output comes first: the kernel sends the two in any order.
        """
        for node, printed in self._printed.values():
            node.text = printed.text()
        if self._mark is not None:
            n, size = len(self._left_out), sum(self._left_out) / 1e6
            self._mark.text = (
                f"[… {n:,} output{'s' * (n > 1)} of this cell, {size:,.1f} MB, left out: a run keeps "
                f"{MAX_SHOWN / 1e6:,.0f} MB a cell …]\n"
            )
        for i in range(len(outputs) - 1):
            if [output.get("name") for output in outputs[i : i + 2]] == ["stderr", "stdout"]:
                outputs[i], outputs[i + 1] = outputs[i + 1], outputs[i]
