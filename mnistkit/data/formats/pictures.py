"""Pictures (PNG, JPEG, …) made into grey images of 28 × 28 pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnistkit.data.dataset import SIDE
from mnistkit.data.formats.content_type import PICTURE, describe_content, describe_head
from mnistkit.errors import DataError
from mnistkit.files import reading

if TYPE_CHECKING:
    from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
"""What the names of pictures end with, in small letters."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MAX_BYTES = 50_000_000
_MAX_PIXELS = 50_000_000  # more than most cameras have; a bomb of a few kilobytes can have far more


def read_grey_image(path: Path) -> tuple[np.ndarray, tuple[int, int]]:
    """Read a picture as a grey image of 28 × 28 pixels.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    image : numpy.ndarray of uint8, shape (28, 28)
        See `fitted`. Colours become grey by their luminosity; what is transparent becomes white.
    size : tuple of int
        Width and height of the picture in the file, upright.

    Raises
    ------
    DataError
        If it can't be read, is no picture or more than one, is too large, or has no grey levels.
    """
    with reading(path):
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise _too_large(path, f"{size:,} bytes", f"at most {_MAX_BYTES:,}")
        content = path.read_bytes()
    picture = grey_picture(content, path)
    return fitted(picture), picture.size


def grey_picture(content: bytes, path: Path) -> Image.Image:
    """Read the content of a picture's file as grey levels.

    Parameters
    ----------
    content : bytes
        What is in the file, or was sent.
    path : pathlib.Path
        Its name, for messages.

    Returns
    -------
    PIL.Image.Image
        Grey, of 8 bits, upright. Colours become grey by their luminosity; what is transparent becomes white.

    Raises
    ------
    DataError
        As `read_grey_image`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:  # reads the header only
            _check(path, picture)
            return _grey(path, ImageOps.exif_transpose(picture))  # as the camera was held
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, str(error), f"at most {_MAX_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        there = describe_content(path) if path.is_file() else describe_head(content)
        found = f"no picture, but {there.what}" if there else "no picture, whatever its name says"
        if there and there.what == PICTURE:
            found = "a picture that is cut off or damaged near its beginning"
        raise DataError(
            path,
            found=found,
            expected=f"a picture: {', '.join(_FORMATS)}",
            todo="save it again as PNG, or take it out of the folder",
        ) from error
    except Exception as error:  # Pillow raises whatever a damaged file leads to
        raise DataError(
            path,
            found=f"a damaged picture ({error})",
            expected="a picture that can be opened",
            todo="copy or save it again, or take it out of the folder",
        ) from error


def _check(path: Path, picture: Image.Image) -> None:
    """Refuse what can't be one grey image, before a pixel of it is unpacked."""
    if picture.width * picture.height > _MAX_PIXELS:
        size = f"{picture.width:,} × {picture.height:,} pixels"
        raise _too_large(path, size, f"at most {_MAX_PIXELS:,} pixels")
    if (frames := getattr(picture, "n_frames", 1)) > 1:
        raise DataError(
            path,
            found=f"{frames} pictures in one file, such as an animation",
            expected="one picture a file",
            todo="save the one that is meant as PNG",
        )


def _grey(path: Path, picture: Image.Image) -> Image.Image:
    """Return a picture in 256 grey levels."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))  # 65,535 is white, as 255 is
    if picture.mode in ("I", "F"):
        raise DataError(
            path,
            found="whole numbers of 32 bits" if picture.mode == "I" else "floats",
            expected="grey levels or colours of 8 or 16 bits",
            todo="save it as PNG",
        )
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return picture.convert("L")


def fitted(picture: Image.Image) -> np.ndarray:
    """Bring a grey picture of any size to 28 × 28 pixels.

    Parameters
    ----------
    picture : PIL.Image.Image
        Grey, of 8 bits.

    Returns
    -------
    numpy.ndarray of uint8, shape (28, 28)
        Its height keeps its relation to its width: what is missing to a square has the median grey of the
        picture's border.
    """
    from PIL import Image, ImageOps

    if picture.size == (SIDE, SIDE):
        return np.array(picture)
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = int(np.median(border))
    return np.array(ImageOps.pad(picture, (SIDE, SIDE), Image.Resampling.BICUBIC, color=ground))


def _too_large(path: Path, found: str, expected: str) -> DataError:
    todo = "make the picture smaller (28 × 28 pixels are used), or take it out of the folder"
    return DataError(path, found=found, expected=expected, todo=todo)
