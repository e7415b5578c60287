"""Ten kinds of garments drawn by code: the stand-in for Fashion-MNIST where the real files can't be had.

Every lesson on garments runs on these drawings in continuous integration and wherever there is no data. No
pixel comes from Fashion-MNIST; what is kept is what its lessons rest on:

- The ten classes and their order, one garment upright in the middle, shoes with the toe to the left.
- Shirt is the hardest class. Its cuts span those of T-shirts, pullovers and coats; what tells a shirt are
  its collar and the row of buttons, a few pixels that are never quite in the same place.
- Pullovers and coats are cut much alike and differ in the front; sneakers, ankle boots and sandals overlap in
  outline; trousers and bags are easy.
- So a method that compares raw pixels does fairly, one that learns weights does better, and one that finds
  local detail wherever it is, a convolutional network, does best.
- Brightness differs by class: sandals are thin and dark, pullovers and coats large and bright.

A garment is drawn on a `Canvas` by painting shapes over each other. Numbers in the drawing functions are
pixels; ``between(a, b)`` marks what varies from one garment to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mnistkit.data.dataset import SIDE

_Point = tuple[float, float]

_MIDDLES = np.arange(SIDE) + 0.5 - SIDE / 2  # of the pixels, from the middle of the image
_GRID_X, _GRID_Y = np.meshgrid(_MIDDLES, _MIDDLES)


class Canvas:
    """One image being drawn, in the garment's own coordinates.

    x runs from -14 (left) over 0 (the axis of the garment) to 14, y from 0 (top) to 28; the unit is a pixel.
    Each canvas is shifted, turned and scaled a little, so that no two garments lie alike. A shape is a signed
    distance for every pixel, negative inside, from which `paint` makes smooth edges. The union of two shapes
    is their minimum, the intersection their maximum, and ``abs(shape) - w / 2`` an outline of width w.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything that is random about this image.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        right, down = rng.normal(0.0, 0.8, 2).clip(-2.0, 2.0)
        angle = rng.normal(0.0, 0.03)  # radians
        zoom_x, zoom_y = rng.normal(0.99, 0.03, 2)
        column, row = _GRID_X - right, _GRID_Y - down
        self.x = (np.cos(angle) * column + np.sin(angle) * row) / zoom_x
        self.y = (np.cos(angle) * row - np.sin(angle) * column) / zoom_y + SIDE / 2
        self.grey = np.zeros((SIDE, SIDE))

    def between(self, low: float, high: float) -> float:
        """Draw a number from low…high, each equally likely."""
        return low + (high - low) * self.rng.random()

    def chance(self, probability: float) -> bool:
        """Say yes with this probability."""
        return self.rng.random() < probability

    def tone(self, mean: float) -> float:
        """Draw the grey of a cloth, 0.12 (nearly black) to 0.93; widely spread, `mean` on average."""
        return min(max(self.rng.beta(4.0 * mean, 4.0 * (1.0 - mean)), 0.12), 0.93)

    def column(self, profile: Sequence[_Point], centre: float = 0.0) -> np.ndarray:
        """Shape symmetric about x = centre, from pairs of y and half-width there, top to bottom."""
        heights, widths = zip(*profile, strict=True)
        beside = np.abs(self.x - centre) - np.interp(self.y, heights, widths)
        return np.maximum(beside, np.maximum(heights[0] - self.y, self.y - heights[-1]))

    def row(self, skyline: Sequence[_Point], bottom: float | np.ndarray) -> np.ndarray:
        """Shape under a skyline of (x, y) points, left to right, down to y = bottom."""
        places, heights = zip(*skyline, strict=True)
        above = np.maximum(np.interp(self.x, places, heights) - self.y, self.y - bottom)
        return np.maximum(above, np.maximum(places[0] - self.x, self.x - places[-1]))

    def line(self, start: _Point, end: _Point, width: float, end_width: float | None = None) -> np.ndarray:
        """Stroke with round ends that goes from `width` to `end_width` (without it, `width` all along)."""
        along_x, along_y = end[0] - start[0], end[1] - start[1]
        away_x, away_y = self.x - start[0], self.y - start[1]
        t = ((away_x * along_x + away_y * along_y) / (along_x**2 + along_y**2)).clip(0.0, 1.0)
        radius = width / 2 if end_width is None else (width + (end_width - width) * t) / 2
        return np.hypot(away_x - t * along_x, away_y - t * along_y) - radius

    def path(self, points: Sequence[_Point], width: float) -> np.ndarray:
        """Stroke of one width through all points."""
        strokes = [self.line(a, b, width) for a, b in pairwise(points)]
        return np.minimum.reduce(strokes)

    def ellipse(self, centre: _Point, half_width: float, half_height: float) -> np.ndarray:
        """Shape of an ellipse (the distance is of first order, exact at the edge)."""
        x, y = self.x - centre[0], self.y - centre[1]
        scaled = np.hypot(x / half_width, y / half_height)
        slope = np.hypot(x / half_width**2, y / half_height**2)
        return scaled * (scaled - 1.0) / (slope + 1e-9)

    def polygon(self, *corners: _Point) -> np.ndarray:
        """Shape of a convex polygon, its corners clockwise as one looks at the image."""
        inside = np.full_like(self.x, -np.inf)
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
            edge = (self.x - x0) * (y1 - y0) - (self.y - y0) * (x1 - x0)
            inside = np.maximum(inside, edge / np.hypot(x1 - x0, y1 - y0))
        return inside

    def paint(self, shape: np.ndarray, tone: float | np.ndarray) -> None:
        """Cover the shape with this grey, 0 to 1."""
        self.grey += (0.5 - shape).clip(0.0, 1.0) * (tone - self.grey)

    def sew(self, shape: np.ndarray, cloth: np.ndarray) -> None:
        """Cover the shape with cloth that darkens towards its edge, as a rounded, lit body does."""
        self.paint(shape, cloth * (1.0 - 0.3 * np.exp(1.2 * np.minimum(shape, 0.0))))

    def shade(self, shape: np.ndarray, factor: float) -> None:
        """Multiply the grey inside the shape: below 1 darkens, above 1 lightens."""
        self.grey *= 1.0 + (factor - 1.0) * (0.5 - shape).clip(0.0, 1.0)

    def pixels(self) -> np.ndarray:
        """Return the image as uint8, with some grain on the cloth and none on the background."""
        grain = 1.0 + 0.025 * self.rng.standard_normal((SIDE, SIDE))
        return np.rint(255.0 * (self.grey * grain).clip(0.0, 1.0)).astype(np.uint8)


# Patterns of cloth: a factor for every pixel, about 1 where the cloth is brightest


def _plain(canvas: Canvas) -> np.ndarray:
    """Nothing but soft folds."""
    between = canvas.between
    folds = np.sin(between(0.3, 0.9) * canvas.x + between(-0.25, 0.25) * canvas.y + between(0, 6))
    return 1.0 + between(0.02, 0.1) * folds


def _melange(canvas: Canvas) -> np.ndarray:
    """Yarn of many greys."""
    return _plain(canvas) * (1.0 - canvas.between(0.1, 0.35) * canvas.rng.random(canvas.x.shape))


def _bands(canvas: Canvas, along: np.ndarray, depth: float) -> np.ndarray:
    """Stripes across the direction `along`, 3 to 7 pixels apart, as dark as 1 - depth."""
    wave = np.sin(2 * np.pi * along / canvas.between(3, 7) + canvas.between(0, 6))
    return 1.0 - depth * (0.5 + 2.0 * wave).clip(0.0, 1.0)


def _stripes(canvas: Canvas) -> np.ndarray:
    return _bands(canvas, canvas.y, canvas.between(0.25, 0.7))


def _pinstripes(canvas: Canvas) -> np.ndarray:
    return _bands(canvas, canvas.x, canvas.between(0.2, 0.5))


def _plaid(canvas: Canvas) -> np.ndarray:
    depth = canvas.between(0.2, 0.5)
    return 1.1 * _bands(canvas, canvas.x, depth) * _bands(canvas, canvas.y, depth)


def _flowers(canvas: Canvas) -> np.ndarray:
    """Irregular blobs: the crests of three waves that cross at about 60 degrees."""
    crests, first = np.zeros_like(canvas.x), canvas.between(0, np.pi)
    for turn in (first, first + np.pi / 3, first + 2 * np.pi / 3):
        frequency = canvas.between(1.0, 1.9)
        along = np.cos(turn) * canvas.x + np.sin(turn) * canvas.y
        crests += np.sin(frequency * along + canvas.between(0, 6))
    return 1.1 - canvas.between(0.3, 0.7) * (0.2 + crests).clip(0.0, 1.0)


def _quilted(canvas: Canvas) -> np.ndarray:
    """Horizontal seams that hold a padding."""
    seams = np.sin(np.pi * canvas.y / canvas.between(2.5, 4) + canvas.between(0, 3))
    return 1.1 - 0.45 * np.exp(-8.0 * seams**2)


def _cloth(canvas: Canvas, mean: float, *patterns: Callable[[Canvas], np.ndarray]) -> np.ndarray:
    """Weave a cloth, `mean` grey on average: two in three are plain, the others have one of the patterns."""
    pattern = _plain if canvas.chance(0.65) else patterns[canvas.rng.integers(len(patterns))]
    return (canvas.tone(mean) * pattern(canvas)).clip(0.06, 0.97)


# What tops, dresses and coats are made of


@dataclass(frozen=True)
class _Cut:
    """Outline of a garment for the upper body; all in pixels."""

    shoulder: float  # half-width at y = 2.5
    chest: float  # half-width under the arms
    hem: float  # half-width at the lower end
    length: float  # y of the hem
    sleeve: float = 0.0  # y where the sleeves end; 0: there are none
    spread: float = 0.0  # how far the sleeves' ends are away from the body
    slack: float = 4.8  # width of long sleeves at the elbow


def _mirrored(side: int, corners: list[_Point]) -> list[_Point]:
    """Put corners that are drawn for the right side (1) on either side (-1: left); they stay clockwise."""
    return corners if side == 1 else [(-x, y) for x, y in reversed(corners)]


def _sleeve(canvas: Canvas, cut: _Cut, side: int) -> np.ndarray:
    """Shape of the sleeve on one side, -1 (left) or 1."""
    s, out, end = cut.shoulder, cut.spread, cut.sleeve
    if end < 15.0:
        corners = [(s - 2.0, 1.2), (s + 1.8 + out, end - 1.5), (s - 0.8 + out, end + 0.8), (s - 2.0, 9.5)]
        return canvas.polygon(*_mirrored(side, corners))
    elbow = (side * (s + 0.4 + 0.7 * out), 0.55 * end)
    upper = canvas.line((side * (s - 1.6), 4.2), elbow, 5.4, cut.slack)
    lower = canvas.line(elbow, (side * (s + 0.6 + out), end), cut.slack, cut.slack - 1.4)
    return np.maximum(np.minimum(upper, lower), canvas.y - end)


def _sew_top(canvas: Canvas, cut: _Cut, cloth: np.ndarray) -> None:
    """Sew sleeves, then the body in front of them."""
    if cut.sleeve:
        canvas.sew(np.minimum(_sleeve(canvas, cut, -1), _sleeve(canvas, cut, 1)), 0.95 * cloth)
    body = [(0.0, 2.6), (2.5, cut.shoulder), (9.0, cut.chest), (16.0, cut.chest - 0.3), (cut.length, cut.hem)]
    canvas.sew(canvas.column(body), cloth)


def _short_cut(canvas: Canvas) -> _Cut:
    """Outline of a top with short sleeves."""
    between = canvas.between
    chest = between(6.0, 8.3)
    return _Cut(
        shoulder=chest + between(-0.2, 1.0),
        chest=chest,
        hem=chest + between(-0.6, 1.2),
        length=between(26.0, 28.0),
        sleeve=between(7.5, 13.0),
        spread=between(0.8, 3.0),
    )


def _long_cut(canvas: Canvas, flare: float, longest: float) -> _Cut:
    """Outline of a top with long sleeves, its hem `flare` wider than the chest, of at most this length."""
    between = canvas.between
    chest = between(5.8, 7.8)
    return _Cut(
        shoulder=chest + between(-0.8, 0.6),
        chest=chest,
        hem=chest + flare + between(-0.6, 0.6),
        length=longest - between(0.0, 2.0),
        sleeve=between(22.0, 27.0),
        spread=between(1.0, 3.6),
        slack=between(3.6, 4.8),
    )


def _round_neck(canvas: Canvas, depth: float) -> None:
    """Cut out the neck and border it with a rib; the back of the garment shows dark behind it."""
    neck = canvas.ellipse((0, 0), canvas.between(2.8, 4.0), depth)
    canvas.shade(np.abs(neck) - 0.7, 0.75)
    canvas.shade(neck, canvas.between(0.0, 0.5))


def _v_neck(canvas: Canvas, depth: float) -> None:
    """Cut out a pointed neck, bordered like the round one."""
    half = canvas.between(2.2, 3.2)
    neck = canvas.polygon((-half, -0.5), (half, -0.5), (0, depth))
    canvas.shade(np.abs(neck) - 0.7, 0.75)
    canvas.shade(neck, canvas.between(0.0, 0.4))


def _polo_neck(canvas: Canvas, cloth: np.ndarray) -> None:
    """Sew on a collar that stands up about the neck."""
    canvas.sew(canvas.column([(-0.8, 3.0), (2.8, 3.4)]), cloth)


def _hood(canvas: Canvas, cloth: np.ndarray) -> None:
    """Lay a hood behind the neck; its two cords hang down."""
    canvas.sew(canvas.ellipse((0, 2.6), canvas.between(4.4, 5.6), 3.6), cloth)
    canvas.shade(canvas.ellipse((0, 2.2), 2.6, 2.2), 0.35)
    for side in (-1, 1):
        canvas.shade(canvas.line((side * 1.2, 5), (side * 1.4, canvas.between(8, 11)), 0.7), 0.55)


def _collar(canvas: Canvas, cloth: np.ndarray, x: float) -> None:
    """Lay two pointed flaps about the neck, open at x."""
    canvas.shade(canvas.polygon((-2, -0.5), (2, -0.5), (x, 3.2)), 0.3)
    point = canvas.between(3.4, 5.2)
    for side in (-1, 1):
        flap = [(side * x + 0.3, 2.2), (2.6, -0.6), (4.0, 1.6), (side * x + 2.4, point)]
        canvas.sew(canvas.polygon(*_mirrored(side, flap)), 1.25 * cloth)


def _lapels(canvas: Canvas, x: float) -> None:
    """Fold the front back into two light lapels that meet at x."""
    canvas.shade(canvas.polygon((-2.4, -0.5), (2.4, -0.5), (x, canvas.between(7, 11))), 0.35)
    for side in (-1, 1):
        canvas.shade(canvas.line((side * 3.2, 1.0), (x + side * 0.4, 10.0), 1.2), 1.3)


def _open_front(canvas: Canvas, x: float) -> None:
    """Part the front along x."""
    canvas.shade(canvas.line((x, 3), (x, 28), canvas.between(1.0, 1.8)), canvas.between(0.2, 0.5))


def _buttons(canvas: Canvas, x: float, top: float, bottom: float, contrast: float) -> None:
    """Close the front at x with a placket and a row of buttons."""
    canvas.shade(canvas.line((x + 0.9, top), (x + 0.9, bottom), 0.6), 0.7)
    canvas.shade(canvas.line((x - 0.9, top), (x - 0.9, bottom), 0.6), 0.85)
    for y in np.arange(top + canvas.between(0.5, 2), bottom, canvas.between(2.6, 4.0)):
        canvas.shade(canvas.ellipse((x, y), 0.8, 0.8), contrast)


def _chest_pockets(canvas: Canvas, both: bool) -> None:
    x, y = canvas.between(3.0, 4.2), canvas.between(8.5, 11.0)
    for side in (-1, 1) if both else (1,):
        left, right, low = side * x - 1.6, side * x + 1.6, y + 3.2
        pocket = canvas.polygon((left, y), (right, y), (right, low), (left, low))
        canvas.shade(np.abs(pocket) - 0.4, 0.65)


def _print(canvas: Canvas) -> None:
    """Print a disc, a block of letters or three lines of text on the chest, or sew a label on it."""
    between = canvas.between
    x, y, tone = between(-1.5, 1.5), between(9, 14), between(0.05, 1.0)
    kind = canvas.rng.integers(4)
    if kind == 0:
        canvas.paint(canvas.ellipse((x, y), between(2, 4), between(2, 4)), tone)
        canvas.paint(canvas.ellipse((x, y), 1.2, 1.2), 1.0 - tone)
    elif kind == 1:
        half = between(1.8, 4)
        canvas.paint(canvas.line((x - half, y), (x + half, y), between(1.2, 3)), tone)
    elif kind == 2:
        for line in (y, y + 2, y + 4):
            half = between(1.5, 4)
            canvas.paint(canvas.line((x - half, line), (x + half, line), 0.9), tone)
    else:
        canvas.paint(canvas.line((x - 4.2, y - 4), (x - 2.8, y - 4), 1.4), tone)


def _seam(canvas: Canvas, y: float) -> None:
    """Draw the line where the knitted band at a hem begins."""
    canvas.shade(np.abs(canvas.y - y) - 0.4, 0.65)


# The ten garments


def _t_shirt(canvas: Canvas) -> None:
    cloth = _cloth(canvas, 0.72, _melange, _melange, _stripes, _flowers)
    cut = _short_cut(canvas)
    if canvas.chance(0.07):  # a tank top
        cut = _Cut(canvas.between(3.6, 4.8), canvas.between(5.2, 6.8), canvas.between(5.5, 7.5), cut.length)
    elif canvas.chance(0.04):
        cut = _long_cut(canvas, 0.0, 27.5)
    _sew_top(canvas, cut, cloth)
    if canvas.chance(0.05):  # a polo shirt: collar and two or three buttons
        _collar(canvas, cloth, 0.0)
        _buttons(canvas, 0.0, 2.5, canvas.between(7, 9), 0.5)
    elif canvas.chance(0.2):
        _v_neck(canvas, canvas.between(3.5, 5.0))
    else:
        _round_neck(canvas, canvas.between(2.0, 4.5))
    if canvas.chance(0.55):
        _print(canvas)


def _trouser(canvas: Canvas) -> None:
    between = canvas.between
    cloth = _cloth(canvas, 0.76, _melange, _melange, _melange, _pinstripes, _flowers)
    hip, foot = between(4.6, 6.4), between(2.6, 5.0)
    width, end = between(4.8, 6.2), between(3.4, 6.0)
    length = between(14.0, 20.0) if canvas.chance(0.05) else between(26.5, 28.0)  # now and then, shorts
    for side in (-1, 1):
        leg = canvas.line((side * (hip - 2.4), 6.0), (side * foot, 29.0), width, end)
        canvas.sew(np.maximum(leg, canvas.y - length), cloth)
    canvas.sew(canvas.column([(0.2, hip - 1.0), (4.0, hip - 0.2), (8.5, hip)]), cloth)
    canvas.shade(canvas.line((0, 8.5), (0, 28), 0.6, 1.2), 0.3)
    canvas.shade(canvas.line((0, 1.5), (0, 7), 0.6), 0.7)  # the fly
    canvas.shade(np.abs(canvas.y - 1.8) - 0.2, 0.7)  # the waistband
    for side in (-1, 1):
        canvas.shade(canvas.line((side * (hip - 1.8), 2.2), (side * hip, 5.0), 0.6), 0.65)  # the pockets
        if canvas.chance(0.5):  # faded thighs
            canvas.shade(canvas.ellipse((side * 2.6, between(9, 13)), 1.2, between(3, 5)), 1.25)


def _pullover(canvas: Canvas) -> None:
    cloth = _cloth(canvas, 0.74, _melange, _melange, _stripes)
    cut = _long_cut(canvas, -0.6, 26.5)
    _sew_top(canvas, cut, cloth)
    kind = canvas.rng.random()
    if kind < 0.2:
        _hood(canvas, cloth)
    elif kind < 0.4:
        _polo_neck(canvas, cloth)
    elif kind < 0.55:
        _v_neck(canvas, canvas.between(3.5, 6.0))
    else:
        _round_neck(canvas, canvas.between(1.5, 3.5))
    if canvas.chance(0.5):
        _seam(canvas, cut.length - 2.5)
    if canvas.chance(0.4):
        _print(canvas)


def _dress(canvas: Canvas) -> None:
    between = canvas.between
    cloth = _cloth(canvas, 0.76, _melange, _flowers, _stripes)
    loose = canvas.chance(0.2)  # hangs straight from the shoulders
    waist = between(4.6, 6.6) if loose else between(3.2, 4.8)
    hem = waist + (between(0.0, 1.6) if loose else between(0.4, 4.4))
    shoulder, y, length = between(3.4, 5.0) + 0.3 * loose, between(10.0, 13.0), between(26.0, 28.5)
    sleeve = 0.0 if canvas.chance(0.5) else between(6.5, 11.0) if canvas.chance(0.5) else between(15.0, 24.0)
    if sleeve:
        for side in (-1, 1):
            wrist = (side * (waist + between(1.2, 4.0)), sleeve)
            canvas.sew(canvas.line((side * (shoulder - 1.0), 4.0), wrist, 4.0, 2.8), 0.95 * cloth)
    bodice = [(0.0, shoulder - 1.2), (2.5, shoulder), (8.0, waist + 0.4), (y, waist)]
    canvas.sew(canvas.column([*bodice, (between(19, 22), 0.4 * waist + 0.6 * hem), (length, hem)]), cloth)
    if canvas.chance(0.5):
        _v_neck(canvas, between(3.0, 6.5))
    else:
        _round_neck(canvas, between(2.0, 5.0))
    if canvas.chance(0.45):
        canvas.shade(np.abs(canvas.y - y) - 0.6, between(0.3, 0.7))  # a belt
    if canvas.chance(0.5):  # pleats
        for x in (-0.5, 0.0, 0.5):
            canvas.shade(canvas.line((x * waist, y + 2), (x * 1.3 * hem, 28), 0.6), 0.72)


def _coat(canvas: Canvas) -> None:
    between = canvas.between
    cloth = _cloth(canvas, 0.78, _melange, _quilted)
    cut = _long_cut(canvas, 1.2, 28.5)
    _sew_top(canvas, cut, cloth)
    x = between(-0.8, 0.8)
    kind = canvas.rng.random()
    if kind < 0.3:
        _hood(canvas, cloth)
    elif kind < 0.65:
        _lapels(canvas, x)
    elif kind < 0.85:
        _polo_neck(canvas, cloth)
    else:
        _collar(canvas, cloth, x)
    _open_front(canvas, x)
    if canvas.chance(0.35):
        _buttons(canvas, x + 1.6, 9.0, 24.0, 0.4)
    if canvas.chance(0.75):  # slanting pockets
        y = between(16.5, 18.5)
        for side in (-1, 1):
            canvas.shade(canvas.line((side * 3.0, y), (side * 5.2, y + 2.5), 0.9), 0.5)


def _sandal(canvas: Canvas) -> None:
    tone = canvas.tone(0.62)
    straps = _heel_sandal(canvas, tone) if canvas.chance(0.35) else _flat_sandal(canvas, tone)
    for points in straps:
        canvas.paint(canvas.path(points, canvas.between(1.2, 2.8)), tone * canvas.between(0.75, 1.2))


def _flat_sandal(canvas: Canvas, tone: float) -> list[list[_Point]]:
    """Draw the sole of a flat sandal or a wedge; return its straps as paths."""
    between = canvas.between
    ground = between(18.5, 21.5)
    rise = between(2.5, 8.0) if canvas.chance(0.4) else 0.0  # of a wedge's heel
    step = ground - between(1.4, 2.6)
    sole = [(-13.5, step), (-5.0, step), (13.5, step - rise)]
    canvas.paint(canvas.row(sole, ground + between(0.0, 0.6)), tone * between(0.6, 1.2))
    peak, top = between(-2.0, 3.0), step - between(4.5, 8.0) - 0.5 * rise
    straps: list[list[_Point]] = []
    if canvas.chance(0.3):  # a thong
        side = (between(5, 9), step - 0.5 * rise)
        straps.append([(-9.0, step), (peak - 2, top), (peak + 2.5, top + 0.6), side])
    else:
        for share in np.linspace(0.1, 0.95, canvas.rng.integers(2, 6)):
            x = -11.0 + share * (peak + 11.0)
            straps.append([(x, step), (x + between(1.0, 3.5), step - 0.5 - share * (step - top - 0.5))])
    if canvas.chance(0.75):  # about the ankle
        heel = (between(11, 13), step - 0.8 * rise)
        straps.append([(peak, top), (between(8, 11), top + between(-2, 1)), heel])
    return straps


def _heel_sandal(canvas: Canvas, tone: float) -> list[list[_Point]]:
    """Draw sole and heel of a high-heeled sandal; return its straps as paths."""
    between = canvas.between
    seat, ground = between(12.0, 18.0), between(25.0, 27.0)
    sole = [(-12.5, ground), (-7.0, ground - 0.3), (3.0, seat + 4), (11.0, seat)]
    canvas.paint(canvas.path(sole, between(1.7, 2.8)), tone)
    foot = between(9.5, 12.0)
    canvas.paint(canvas.line((11.0, seat), (foot, ground), between(2.0, 4.5), between(1.2, 3.5)), tone)
    ankle = max(2.0, seat - between(5.0, 11.0))
    back = [(11.0, seat), (between(10, 12), ankle), (between(2, 5), ankle + between(-0.5, 1.5))]
    toes = [[(x, ground - 1), (x + between(1, 3), ground - between(3.5, 5.5))] for x in (-10.0, -7.5)]
    return [back, *toes]


def _shirt(canvas: Canvas) -> None:
    cloth = _cloth(canvas, 0.7, _melange, _plaid, _plaid, _plaid, _flowers, _pinstripes)
    short = canvas.chance(0.4)
    cut = _short_cut(canvas) if short else _long_cut(canvas, canvas.between(-0.6, 1.2), 28.0)
    _sew_top(canvas, cut, cloth)
    x = canvas.between(-1.0, 1.0)
    if canvas.chance(0.78 if short else 0.62):
        _collar(canvas, cloth, x)
        _buttons(canvas, x, 4.0, cut.length, canvas.between(0.3, 0.6))
        if canvas.chance(0.45):
            _chest_pockets(canvas, canvas.chance(0.5))
    elif not short and canvas.chance(0.35):  # worn open
        _lapels(canvas, x)
        _open_front(canvas, x)
    elif canvas.chance(0.5):  # a blouse
        _round_neck(canvas, canvas.between(2.0, 4.5))
    else:
        _v_neck(canvas, canvas.between(3.5, 8.0))


def _sneaker(canvas: Canvas) -> None:
    between = canvas.between
    cloth = _cloth(canvas, 0.7, _melange, _flowers)
    height = between(13.0, 18.0) if canvas.chance(0.15) else between(8.5, 11.5)  # now and then, a high-top
    ground = 14.7 + height / 2
    tongue, heel = ground - height, ground - height + between(0.0, 1.5)
    at = between(0.5, 3.5)
    toe = [(-13.5, ground - 2.2), (-12.0, ground - 3.8), (-7.0, ground - 5.2)]
    ankle = [(at, tongue), (at + 1.6, tongue + 0.4), (at + 4, heel + 2.0), (11.0, heel + 1.2), (12.8, heel)]
    canvas.sew(canvas.row([*toe, *ankle, (13.5, heel + 1)], ground), cloth)
    for share in np.linspace(0.2, 0.9, 4):  # laces
        x, y = -7.0 + share * (at + 7.0), ground - 5.2 + share * (tongue - ground + 5.2)
        canvas.shade(canvas.line((x, y + 0.4), (x + 1.3, y + 2.4), 0.8), 1.5 if share > 0.5 else 0.6)
    if canvas.chance(0.5):  # stripes on the side
        tone, left = between(0.05, 1.0), between(-3.0, 1.0)
        for x in (left, left + 2.2, left + 4.4):
            canvas.paint(canvas.line((x, tongue + 5), (x - 1.8, ground - 2.5), 1.0), tone)
    elif canvas.chance(0.6):
        swoosh = canvas.line((-3.0, ground - 3), (between(6, 9), ground - 6), 2.2, 0.6)
        canvas.paint(swoosh, between(0.05, 1.0))
    canvas.shade(canvas.line((9.5, heel + 2), (10.5, ground), 0.8), 0.6)  # the heel's cap
    canvas.shade(canvas.line((-13.0, ground - 1.5), (13.0, ground - 1.5), 0.6), 0.4)
    canvas.paint(canvas.line((-12.8, ground), (12.8, ground), between(1.4, 2.6)), canvas.tone(0.5))


def _bag(canvas: Canvas) -> None:
    between = canvas.between
    cloth = _cloth(canvas, 0.76, _melange, _flowers, _plaid)
    wide, bottom = between(8.5, 13.8), between(26.0, 28.0)
    top = between(3.0, 8.0) if canvas.chance(0.3) else between(8.0, 13.0)
    if canvas.chance(0.8):  # a handle
        reach = between(3.0, 0.6 * wide)
        handle = np.abs(canvas.ellipse((0, top + 1), reach, top + 1 - between(0.5, 3.5))) - between(0.5, 0.8)
        canvas.paint(np.maximum(handle, canvas.y - top - 2), canvas.tone(0.6))
    else:  # a clutch
        top, bottom = between(4.0, 9.0), between(20.0, 25.0)
    if canvas.chance(0.3):
        middle = (top + bottom) / 2
        canvas.sew(canvas.ellipse((0, middle), wide, bottom - middle), cloth)
    else:
        outline = [(top, wide * between(0.75, 1.0)), (bottom - 1, wide), (bottom, wide - 0.8)]
        canvas.sew(canvas.column(outline), cloth)
    if canvas.chance(0.45):  # a flap with a clasp
        fold = top + between(0.35, 0.6) * (bottom - top)
        canvas.shade(canvas.line((-wide, fold), (wide, fold), 0.9), 0.5)
        canvas.paint(canvas.ellipse((0, fold), 1.3, 1.3), between(0.1, 1.0))
    elif canvas.chance(0.6):  # a pocket
        half, high, low = 0.6 * wide, between(top + 4, bottom - 6), bottom - 2
        pocket = canvas.polygon((-half, high), (half, high), (half, low), (-half, low))
        canvas.shade(np.abs(pocket) - 0.4, 0.6)
    canvas.shade(np.abs(canvas.y - top - 1.2) - 0.3, 0.7)  # the zip


def _ankle_boot(canvas: Canvas) -> None:
    between = canvas.between
    cloth = _cloth(canvas, 0.78, _melange)
    high = canvas.chance(0.35)
    height, front = between(13.0, 26.5), between(-0.5, 3.0)
    ground, top = 14.2 + height / 2, 14.2 - height / 2
    instep = max(top + 1.0, ground - between(9.0, 11.5))
    arch = ground - between(2.0, 6.0) if high else ground
    toe = [(-13.2, ground - 1.6), (-12.4, ground - 3.2), (-9.5, ground - 4.6), (-4.5, ground - 6.6)]
    ankle = [(front - 1.5, instep + 1.6), (front + 0.6, instep - 1.5), (13.2, instep - 1.5)]
    foot = canvas.row([*toe, *ankle], np.interp(canvas.x, [-6.0, 4.0], [ground, arch]))
    half = (13.2 - front) / 2
    leg = [(top, half - between(0.0, 1.0)), (instep + 2, half), (arch, half - 0.4)]
    shaft = canvas.column(leg, centre=13.2 - half)
    canvas.sew(np.minimum(foot, shaft), cloth)
    if high:
        heel = canvas.line((10.5, arch), (11.0, ground), 5.0, between(1.4, 5.0))
        canvas.paint(np.maximum(heel, canvas.y - ground), 0.8 * cloth)
    else:
        sole = canvas.tone(0.45)
        canvas.paint(canvas.row([(-13.0, ground - between(1.0, 2.4)), (13.2, ground - 1.6)], ground), sole)
        heel = canvas.polygon((6, ground - 1), (13, ground - 1), (13, ground + 1), (6.5, ground + 1))
        canvas.paint(heel, sole)
    kind = canvas.rng.random()
    if kind < 0.35:  # laces
        for y in np.arange(top + 1.5, instep + 3, between(2.0, 2.8)):
            canvas.shade(canvas.line((front + 0.3, y), (front + 3.2, y + 0.6), 0.9), between(0.35, 0.6))
    elif kind < 0.65:  # an elastic panel
        x, low = between(6.0, 8.5), instep + 4
        canvas.shade(canvas.polygon((x - 2, top + 1), (x + 2, top + 1), (x + 1, low), (x - 1, low)), 0.5)
    elif kind < 0.85:  # a strap
        canvas.shade(canvas.line((front, instep), (13.0, instep - between(-1, 2)), 1.4), 0.5)


GARMENTS: tuple[Callable[[Canvas], None], ...] = (
    _t_shirt,
    _trouser,
    _pullover,
    _dress,
    _coat,
    _sandal,
    _shirt,
    _sneaker,
    _bag,
    _ankle_boot,
)
"""How to draw each class, in Fashion-MNIST's order."""

N_GARMENTS = len(GARMENTS)


def draw_garments(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw `per_class` images of each of the ten kinds.

    Parameters
    ----------
    per_class : int
        Images of each class.
    seed : int
        Not negative. The same seed draws the same images.

    Returns
    -------
    images : numpy.ndarray of uint8, shape (10 * per_class, 28, 28)
        Ordered by class; 0 (background) to 255.
    labels : numpy.ndarray of uint8, shape (10 * per_class,)
        Class of each image, in Fashion-MNIST's order.
    """
    images = np.empty((N_GARMENTS, per_class, SIDE, SIDE), dtype=np.uint8)
    for label, draw in enumerate(GARMENTS):
        # A generator for each class: a change to one garment leaves the others as they are.
        rng = np.random.default_rng([seed, label])
        for image in images[label]:
            canvas = Canvas(rng)
            draw(canvas)
            image[:] = canvas.pixels()
    return images.reshape(-1, SIDE, SIDE), np.repeat(np.arange(N_GARMENTS, dtype=np.uint8), per_class)
