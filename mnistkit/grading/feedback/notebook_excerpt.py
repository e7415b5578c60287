"""A notebook that somebody handed in, as far as a page shows it: of known parts and of a bounded size.

Whatever the file has, what comes out is a notebook with cells of code and text and with outputs of the kinds
that a page can show. It is still hostile: `mnistkit.course.report.pages.lesson` cleans it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mnistkit.grading.plain_text import plain, plain_lines
from mnistkit.grading.submission import grade_id_of, joined

if TYPE_CHECKING:
    from nbformat import NotebookNode

MAX_SHOWN_CELLS = 300
"""Cells that are shown; the longest lesson has 60."""

MAX_SHOWN_CHARACTERS = 8_000_000
"""Characters of all cells and outputs of a notebook that are shown."""

_SOURCE = {"code": 30_000, "markdown": 15_000}
_OUTPUTS = 60  # of a cell
_TEXT = 10_000
# What takes long to format is kept shorter than what is copied as it is.
_MOST = {
    "image/png": 3_000_000,
    "image/jpeg": 3_000_000,
    "text/html": 150_000,
    "text/markdown": _SOURCE["markdown"],
    "text/latex": 4_000,
    "text/plain": _TEXT,
}


class _Room:
    """What may still be shown."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def takes(self, characters: int) -> bool:
        """Take room for a text, where there is so much."""
        fits = characters <= self.left
        self.left -= characters * fits
        return fits


def shown_notebook(
    cells: Iterable[Mapping[str, Any]], own: Collection[str]
) -> tuple[NotebookNode, dict[str, int]]:
    """Make a notebook that can be shown from what was handed in.

    Parameters
    ----------
    cells : iterable of mapping
        From `mnistkit.grading.submission.read_any_cells`.
    own : collection of str
        Names of the cells that students write: they are tagged ``own``.

    Returns
    -------
    notebook : nbformat.NotebookNode
        Its cells have whole numbers as ids.
    places : dict of str to int
        The number of each of the student's cells, by name.
    """
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    room, shown, places = _Room(MAX_SHOWN_CHARACTERS), [], dict[str, int]()
    readable = [cell for cell in cells if cell.get("cell_type") in tuple(_SOURCE)]
    for number, cell in enumerate(readable[:MAX_SHOWN_CELLS]):
        kind, name = cell["cell_type"], grade_id_of(cell)
        source = plain_lines(joined(cell.get("source")), _SOURCE[kind])
        if not room.takes(len(source)):
            source = _left_out("a cell", len(source))
        about = {"id": str(number), "metadata": {"tags": ["own"] if name in own else []}}
        if name in own:
            places.setdefault(name, number)
        if kind == "code":
            outputs = list(_outputs(cell.get("outputs"), room))
            shown.append(new_code_cell(source, outputs=outputs, **about))
        else:
            shown.append(new_markdown_cell(source, **about))
    if len(readable) > MAX_SHOWN_CELLS:
        shown.append(
            new_markdown_cell(_left_out("the rest of the notebook", len(readable) - MAX_SHOWN_CELLS, "cells"))
        )
    return new_notebook(cells=shown), places


def _left_out(what: str, size: int, unit: str = "characters") -> str:
    return f"[{what} with {size:,} {unit} is not shown here; it is in the notebook]"


def _outputs(outputs: Any, room: _Room) -> Iterator[NotebookNode]:
    """Give those outputs that can be shown, and say where some can't."""
    from nbformat.v4 import new_output

    found = [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []
    for output in found[:_OUTPUTS]:
        match output.get("output_type"):
            case "stream":
                text = _plain_output(output.get("text"))
                name = "stderr" if output.get("name") == "stderr" else "stdout"
                yield new_output("stream", name=name, text=_fitting(text, room))
            case "error":
                traceback = output.get("traceback")
                lines = "\n".join(filter(None, map(joined, traceback))) if isinstance(traceback, list) else ""
                text = _plain_output(
                    lines or f"{joined(output.get('ename'))}: {joined(output.get('evalue'))}"
                )
                yield new_output("error", ename="", evalue="", traceback=[_fitting(text, room)])
            case "display_data" | "execute_result":
                data, metadata = _data(output, room)
                yield new_output("display_data", data=data, metadata=metadata)
    if len(found) > _OUTPUTS:
        yield new_output("stream", text=_left_out("the rest of the output", len(found) - _OUTPUTS, "parts"))


def _plain_output(text: Any) -> str:
    from nbconvert.filters import strip_ansi

    return plain_lines(strip_ansi(joined(text)[: 4 * _TEXT]), _TEXT)


def _fitting(text: str, room: _Room) -> str:
    return text if room.takes(len(text)) else _left_out("an output", len(text))


def _data(output: Mapping[str, Any], room: _Room) -> tuple[dict[str, str], dict[str, Any]]:
    """Give what of an output's data can be shown, and the alt texts of its pictures."""
    given, about = output.get("data"), output.get("metadata")
    texts = (
        {mime: joined(given.get(mime)) for mime in _MOST if mime in given} if isinstance(given, dict) else {}
    )
    data = {}
    for mime, text in texts.items():
        if mime == "text/plain":
            data[mime] = _fitting(_plain_output(text), room)
        elif len(text) <= _MOST[mime] and room.takes(len(text)):
            data[mime] = plain_lines(text, len(text))
    if texts and not data:
        data["text/plain"] = _left_out("an output", max(map(len, texts.values())))
    alts = {mime: _alt(about.get(mime)) for mime in data} if isinstance(about, dict) else {}
    metadata = {mime: {"alt": alt} for mime, alt in alts.items() if alt}
    return data, metadata


def _alt(about: Any) -> str:
    alt = about.get("alt") if isinstance(about, dict) else None
    return plain(alt, 1000) if isinstance(alt, str) else ""
