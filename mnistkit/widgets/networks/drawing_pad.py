"""A sheet to draw on with mouse, pen or finger, where ipycanvas is installed."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

import ipywidgets
import traitlets
from PIL import Image, ImageDraw

_SIDE, _PEN = 280, 20  # ten times an image; MNIST's strokes are about two pixels wide
_PAPER, _INK = 255, 0


def can_draw() -> bool:
    """Say whether the library that draws is installed."""
    return find_spec("ipycanvas") is not None


class DrawingPad(ipywidgets.VBox):
    """A white sheet, and a button that clears it.

    What the mouse does is drawn twice: in the browser for the eye, and here for `value`.

    Attributes
    ----------
    value : bytes
        The drawing as a PNG, after each stroke; empty while nothing is drawn.
    canvas : ipycanvas.Canvas
        The sheet.
    clear : ipywidgets.Button
        Takes a new sheet.
    """

    value = traitlets.Bytes(b"")

    def __init__(self) -> None:
        from ipycanvas import Canvas

        border = ipywidgets.Layout(border="1px solid gray", width=f"{_SIDE}px", height=f"{_SIDE}px")
        self.canvas = Canvas(width=_SIDE, height=_SIDE, layout=border)
        self.clear = ipywidgets.Button(description="new sheet", tooltip="Take a new sheet to draw on")
        self._last: tuple[float, float] | None = None  # where the pen is, while it is down
        self.canvas.on_mouse_down(self._put_down)
        self.canvas.on_mouse_move(self._move)
        self.canvas.on_mouse_up(self._lift)
        self.canvas.on_mouse_out(self._lift)
        self.canvas.on_touch_start(lambda touches: self._put_down(*touches[0]))
        self.canvas.on_touch_move(lambda touches: self._move(*touches[0]))
        self.canvas.on_touch_end(lambda touches: self._lift())
        self.clear.on_click(lambda _: self._take_new_sheet())
        self._take_new_sheet()
        super().__init__([self.canvas, self.clear])

    def _take_new_sheet(self) -> None:
        self._sheet = Image.new("L", (_SIDE, _SIDE), _PAPER)
        self.canvas.clear()
        self.canvas.line_width, self.canvas.line_cap = _PEN, "round"

    def _put_down(self, x: float, y: float) -> None:
        self._last = (x, y)
        self._move(x, y)

    def _move(self, x: float, y: float) -> None:
        if self._last is None:
            return
        pen, half = ImageDraw.Draw(self._sheet), _PEN / 2
        pen.line((*self._last, x, y), fill=_INK, width=_PEN)
        pen.ellipse((x - half, y - half, x + half, y + half), fill=_INK)  # a round pen
        self.canvas.stroke_line(*self._last, x, y)
        self._last = (x, y)

    def _lift(self, *place: Any) -> None:
        if self._last is None:
            return
        self._last = None
        content = io.BytesIO()
        self._sheet.save(content, "PNG")
        self.value = content.getvalue()
