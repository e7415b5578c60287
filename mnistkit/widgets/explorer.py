"""What all explorers have in common: controls, a picture that is kept, the same in words."""

from __future__ import annotations

import html
from collections.abc import Hashable, Sequence
from io import BytesIO
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

_WIDTH_PIXELS = 1000


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG of the explorers' width, and close it: a notebook shows what is open."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_WIDTH_PIXELS / figure.get_figwidth())
    plt.close(figure)
    return buffer.getvalue()


class Explorer(ipywidgets.VBox):
    """Controls, the picture of what they choose, and the same in words.

    A picture is drawn when its choice is first made, and kept. An explorer says which choice its controls
    stand at, what to draw for it, and how to say it. Sliders have no number of their own beside them: the
    browser would move it when no kernel draws any more, after a restart or in a saved notebook, and it would
    be another one than the picture's. The title and the words are the kernel's, and change with the picture.

    Parameters
    ----------
    controls : sequence of ipywidgets.Widget
        What chooses, from top to bottom.

    Attributes
    ----------
    image : ipywidgets.Image
        The picture, PNG.
    text : ipywidgets.HTML
        The same in words, or the error if drawing failed.
    """

    def __init__(self, controls: Sequence[Any]) -> None:
        self._pictures: dict[Hashable, bytes] = {}
        self.image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width=f"{_WIDTH_PIXELS}px"))
        self.text = ipywidgets.HTML()
        for control in controls:
            control.observe(self._on_move, names="value")
        self._draw()
        super().__init__([*controls, self.image, self.text])

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        raise NotImplementedError

    def _choice(self) -> Hashable:
        """Say what the controls stand at."""
        raise NotImplementedError

    def _name(self) -> str:
        """Name the choice in a few words: what could not be drawn."""
        raise NotImplementedError

    def _figure(self) -> Figure:
        """Draw the choice."""
        raise NotImplementedError

    def _picture(self) -> bytes:
        """Return the PNG of the choice, drawn when it is first asked for."""
        if self._choice() not in self._pictures:
            self._pictures[self._choice()] = png(self._figure())
        return self._pictures[self._choice()]

    def _still(self) -> tuple[bytes, str]:
        """Return what stands for the explorer where nothing moves, and the same in words: the choice."""
        return self._picture(), self.describe()

    def _draw(self) -> None:
        self.image.value = self._picture()
        self.text.value = html.escape(self.describe())

    def _on_move(self, change: dict[str, Any]) -> None:
        try:
            self._draw()
        except Exception as error:
            # JupyterLab hides a callback's traceback in its log: say it where the student looks.
            self.text.value = (
                f"<strong>Can't draw {html.escape(self._name())}:</strong> {html.escape(repr(error))}"
            )
            raise

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live widget, and for places without a kernel its picture and its text."""
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        picture, text = self._still()
        bundle |= {"image/png": picture, "text/plain": text}
        return bundle, {"image/png": {"alt": text}}
