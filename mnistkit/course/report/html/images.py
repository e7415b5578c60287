"""Pictures: read from notebooks with distrust, and made small."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THUMBNAIL_PIXELS = 480
_DPI = 110
_FORMATS = ("PNG", "JPEG", "GIF")


def alt_text(output: Any, mime: str = "image/png") -> str:
    """Read the text that stands for a figure.

    Parameters
    ----------
    output : nbformat.NotebookNode
        An output.
    mime : str
        Which of its pictures.

    Returns
    -------
    str
        Empty if there is none.
    """
    about = output.get("metadata", {}).get(mime, {})
    return str(about.get("alt", "")) if isinstance(about, Mapping) else ""


def read_picture(encoded: str) -> Image.Image | None:
    """Read a picture of a notebook.

    Parameters
    ----------
    encoded : str
        PNG, JPEG or GIF in base64.

    Returns
    -------
    PIL.Image.Image or None
        None if it is none, damaged, or of a size that no figure has: anything can be displayed as a PNG.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(base64.b64decode(encoded)), formats=_FORMATS)
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    return picture


def figure_png(figure: Figure) -> str:
    """Draw a figure of Matplotlib for a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.

    Returns
    -------
    str
        PNG in base64.
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return base64.b64encode(file.getvalue()).decode()


def shrink(picture: Image.Image, pixels: int, colors: int) -> str:
    """Make a picture small: fewer pixels, few colours.

    Parameters
    ----------
    picture : PIL.Image.Image
        Stays as it is.
    pixels : int
        The most that it may be wide or high.
    colors : int
        How many colours.

    Returns
    -------
    str
        PNG in base64.
    """
    small = picture.convert("RGB")
    small.thumbnail((pixels, pixels))
    file = io.BytesIO()
    small.quantize(colors).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def lighter(encoded: str) -> str:
    """Store a picture with fewer bytes: 256 colours are enough for charts.

    Parameters
    ----------
    encoded : str
        PNG, JPEG or GIF in base64.

    Returns
    -------
    str
        PNG in base64; empty where that would not be smaller, or the picture can't be read.
    """
    picture = read_picture(encoded)
    small = shrink(picture, max(picture.size), 256) if picture is not None else ""
    return small if len(small) < len(encoded) else ""


def thumbnail(notebook: Any) -> tuple[str, str]:
    """Find the figure that stands for a lesson, and make it small.

    It is the one of the cell tagged ``thumbnail``, or else the first.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook.

    Returns
    -------
    picture : str
        PNG in base64; empty if the notebook shows no figure.
    alt : str
        Its alt text.
    """
    figures = [
        ("thumbnail" not in cell.metadata.get("tags", ()), output)
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    if not figures:
        return "", ""
    output = min(figures, key=lambda figure: figure[0])[1]
    picture = read_picture(output["data"]["image/png"])
    if picture is None:
        return "", ""
    return shrink(picture, THUMBNAIL_PIXELS, 64), alt_text(output)
