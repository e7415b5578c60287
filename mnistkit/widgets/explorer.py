"""What all explorers have in common: controls, a picture that is kept, the same in words."""

from __future__ import annotations

import base64
import html
import os
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mnistkit.errors import UserError
from mnistkit.records.artifacts import RUN_FOLDER
from mnistkit.records.states import MOST_STATES, State, States, states_output
from mnistkit.utils.garbage import collector_at_rest
from mnistkit.widgets.cells import close_earlier, executed_cell

_WIDTH_PIXELS = 1000
_LEAST_WIDTH_PIXELS = 700  # with less, the text in a picture can't be read: it scrolls in its frame
_COLOURS = 192  # beside 64 greys
_KEPT = 60  # pictures of one explorer: about 3 MB
_DRAWING = threading.RLock()
"""JupyterLab has controls answered by another thread than cells', and pyplot is made for one."""


def drawn(figure: Figure, ground: FigureCanvasAgg | None = None) -> FigureCanvasAgg:
    """Draw a figure in the explorers' width, and close it: a notebook shows what is open.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    ground : FigureCanvasAgg, optional
        A drawn figure of the same size, on which this one is laid like a sheet of glass.

    Returns
    -------
    FigureCanvasAgg
    """
    figure.set_dpi(_WIDTH_PIXELS / figure.get_figwidth())
    canvas = FigureCanvasAgg(figure)
    if ground is None:
        canvas.draw()
    else:
        figure.patch.set_visible(False)
        canvas.get_renderer().restore_region(ground.copy_from_bbox(ground.figure.bbox))
        figure.draw(canvas.get_renderer())
    plt.close(figure)
    return canvas


def png(canvas: FigureCanvasAgg) -> bytes:
    """Return what is drawn as a PNG of 256 colours, which has a third of the bytes of a full one.

    64 are greys, for images, paper and ink. The others are found by an octree: Pillow's median cut takes a
    tenth of a second and more where many points lie over each other.
    """
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    coloured = Image.fromarray(pixels).quantize(_COLOURS, Image.Quantize.FASTOCTREE)
    red, green, blue = np.moveaxis(pixels, 2, 0)
    numbers = np.where((red == green) & (green == blue), _COLOURS + red // 4, np.asarray(coloured))
    picture = Image.fromarray(numbers)
    greys = np.linspace(0, 255, 256 - _COLOURS).round().astype(np.uint8).repeat(3)
    picture.putpalette([*(coloured.getpalette() or ())[: 3 * _COLOURS], *greys.tolist()])
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def picture_of(
    figure: Callable[[], Figure], ground: Callable[[], FigureCanvasAgg | None] = lambda: None
) -> bytes:
    """Make a figure and return it as a PNG, whatever other threads draw meanwhile.

    Parameters
    ----------
    figure, ground : callable
        Make what `drawn` takes.

    Returns
    -------
    bytes
    """
    # Not interactive: else the end of a cell shows each figure that pyplot has only begun. And no collection:
    # a figure is so many objects that every tenth one sets off a search through all that there are, which in
    # a lesson, with its libraries, takes three times as long as the figure.
    with _DRAWING, plt.ioff(), collector_at_rest():
        return png(drawn(figure(), ground()))


def arrow_slider(kind: type[Any], *, description: str, about: str, **options: Any) -> Any:
    """Make a slider for an explorer, without a number of its own: see `Explorer`.

    Parameters
    ----------
    kind : type
        ``ipywidgets.SelectionSlider`` or ``ipywidgets.IntSlider``.
    description : str
        What stands before it.
    about : str
        What it chooses; the tooltip says also that arrow keys move it.
    **options
        What it can be moved to, and its value.

    Returns
    -------
    ipywidgets.Widget
    """
    tooltip = f"{about}; the arrow keys move it"
    layout = ipywidgets.Layout(width="480px", max_width="98%")  # less on a narrow screen
    return kind(description=description, tooltip=tooltip, readout=False, layout=layout, **options)


def _state(label: str, picture: bytes, text: str) -> State:
    return State(label, base64.b64encode(picture).decode(), text)


def buttons(options: Sequence[Any], *, description: str, about: str, value: Any = None) -> Any:
    """Make buttons for an explorer, of which one is pressed: by mouse, or by Tab and Enter.

    A list that folds out could not be used by keyboard: JupyterLab takes the arrow keys to go to other cells.

    Parameters
    ----------
    options : sequence
        What can be chosen: names, or pairs of a name and a value.
    description : str
        What stands before them.
    about : str
        What they choose.
    value : object, optional
        What is chosen to begin with; the first otherwise.

    Returns
    -------
    ipywidgets.ToggleButtons
    """
    made = ipywidgets.ToggleButtons(options=options, description=description, tooltip=about)
    made.style.button_width = "auto"
    # The description to the left: above the buttons, as it comes, three rows of them fill a screen.
    made.add_class("widget-inline-hbox")
    if value is not None:
        made.value = value
    return made


class Explorer(ipywidgets.VBox):
    """Controls, the picture of what they choose, and the same in words.

    A picture is drawn when its choice is first made, and kept. An explorer says which choice its controls
    stand at, what to draw for it, and how to say it; and it may offer stops of its controls, of which a
    report's page lets people choose one. Sliders have no number of their own beside them: the browser would
    move it when no kernel draws any more, after a restart or in a saved notebook, and it would be another one
    than the picture's. The title and the words are the kernel's, and change with the picture.

    Parameters
    ----------
    controls : sequence of ipywidgets.Widget
        What chooses, from top to bottom.
    below : sequence of ipywidgets.Widget
        What stands under the words and chooses nothing.

    Attributes
    ----------
    image : ipywidgets.Image
        The picture, PNG.
    text : ipywidgets.HTML
        The same in words, or the error if drawing failed.
    shown_in : set of str
        The cells whose output it is.
    """

    def __init__(self, controls: Sequence[Any], below: Sequence[Any] = ()) -> None:
        self._pictures: dict[Hashable, bytes] = {}
        self._kept_ground: tuple[Hashable, FigureCanvasAgg | None] = (None, None)
        self._controls = controls
        self.shown_in: set[str] = set()
        self._is_quiet = False
        width = {"min_width": f"{_LEAST_WIDTH_PIXELS}px", "max_width": f"{_WIDTH_PIXELS}px"}
        self.image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(**width))
        self._frame = ipywidgets.Box([self.image], layout=ipywidgets.Layout(overflow="auto"))
        self.text = ipywidgets.HTML()
        for control in controls:
            control.observe(self._on_move, names="value")
        self._draw()
        super().__init__([*controls, self._frame, self.text, *below])
        close_earlier(self)

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
        """Draw the choice, or what of it lies on the ground."""
        raise NotImplementedError

    def _ground(self) -> tuple[Hashable, Callable[[], Figure] | None]:
        """Say what of the picture stays for many choices, which of these it is, and how it is drawn."""
        return None, None

    def _adapt(self, control: Any) -> None:
        """Make the others fit to a control that was moved, before anything is drawn."""

    def _stops(self) -> tuple[str, Mapping[str, Mapping[Any, Any]]]:
        """Offer what a report's page lets people choose: what it is, and by its label each stop.

        A stop says at which value each control stands; those that it does not name stay where they are.
        """
        return "", {}

    def states(self) -> States | None:
        """Draw and say what the controls can be moved to, as far as a page without a kernel can show it.

        Returns
        -------
        States or None
            The chosen one is what the controls stand at, or else the first. Of many stops every second,
            third, … is taken. An explorer whose still is another picture has it as its first state. None
            where there are not two stops.
        """
        legend, stops = self._stops()
        stands = [
            all(control.value == value for control, value in values.items()) for values in stops.values()
        ]
        here = stands.index(True) if any(stands) else 0
        step = -(-len(stops) // (MOST_STATES - 1)) or 1  # one may be the still
        taken = list(stops.items())[here % step :: step]
        if len(taken) < 2:
            return None
        before = [(control, control.value) for control in self._controls]
        with self._quietly():
            try:
                drawn = tuple(self._state_at(label, values) for label, values in taken)
            finally:
                for control, value in before:
                    control.value = value
        picture, text = self._still()
        if picture == self._picture():
            return States(legend, drawn, here // step)
        return States(legend, (_state("at a glance", picture, text), *drawn), 0)

    def _state_at(self, label: str, values: Mapping[Any, Any]) -> State:
        for control, value in values.items():
            control.value = value
        return _state(label, self._picture(), self.describe())

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Move controls without drawing."""
        before, self._is_quiet = self._is_quiet, True
        try:
            yield
        finally:
            self._is_quiet = before

    def _picture(self) -> bytes:
        """Return the PNG of the choice, drawn when it is first asked for, and kept for a while."""
        if self._choice() not in self._pictures:
            if len(self._pictures) == _KEPT:
                del self._pictures[next(iter(self._pictures))]  # the oldest
            self._pictures[self._choice()] = picture_of(self._figure, self._drawn_ground)
        return self._pictures[self._choice()]

    def _drawn_ground(self) -> FigureCanvasAgg | None:
        """Return the ground of the choice, drawn anew only where it is another one than the last."""
        which, draw = self._ground()
        if draw is None:
            return None
        if self._kept_ground[1] is None or self._kept_ground[0] != which:
            self._kept_ground = which, drawn(draw())
        return self._kept_ground[1]

    def _still(self) -> tuple[bytes, str]:
        """Return what stands for the explorer where nothing moves, and the same in words: the choice."""
        return self._picture(), self.describe()

    def _draw(self) -> None:
        self.image.value = self._picture()
        self.text.value = html.escape(self.describe())

    def _on_move(self, change: dict[str, Any]) -> None:
        with self._error_shown(self.text, "draw"):
            with self._quietly():
                self._adapt(change["owner"])
            if not self._is_quiet:
                self._draw()

    @contextmanager
    def _error_shown(self, place: Any, verb: str) -> Iterator[None]:
        """Say a callback's error where the student looks: JupyterLab hides its traceback in its log."""
        try:
            yield
        except Exception as error:
            reason = str(error) if isinstance(error, UserError) else repr(error)
            place.value = f"<strong>Can't {verb} {html.escape(self._name())}:</strong> {html.escape(reason)}"
            raise

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live widget, and for places without a kernel its picture and its text.

        In a run, of which a report is made, also its states: a student's notebook would grow by them.
        """
        self.shown_in.add(executed_cell())
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        picture, text = self._still()
        bundle |= {"image/png": picture, "text/plain": text}
        if RUN_FOLDER in os.environ and (states := self.states()):
            bundle |= states_output(states)
        return bundle, {"image/png": {"alt": text}}
