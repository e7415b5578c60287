"""Rows about explorers: from the move of a control to the new picture, each place for the first time.

What stays of a picture is its ground, which is drawn once. The plain way draws all of it for each move.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from comparison import Comparison, Given

CLASSES = [f"class {number}" for number in range(10)]


def _nothing(given: Given) -> str:
    return "random images"


def _made(kind: str, n: int) -> tuple[Any, Any]:
    """Make an explorer of n images, with the control to be moved."""
    import numpy as np
    import pandas as pd

    from mnistkit import plots, widgets

    plots.use_style()
    rng = np.random.default_rng(0)
    y = np.arange(n) % 10
    if kind == "eps":
        points = rng.normal(size=(n, 2)) + 8 * rng.normal(size=(10, 2))[y]
        by_eps = {float(eps): np.where(rng.random(n) < eps / 40, y, -1) for eps in range(1, 31)}
        explorer = widgets.eps_explorer(points, by_eps, 5.0)
        return explorer, explorer.slider
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    chances = rng.dirichlet(np.ones(10), n) / 2 + 0.5 * np.eye(10)[y]
    if kind == "confusion":
        explorer = widgets.confusion_explorer(images, chances, y, CLASSES)
        return explorer, explorer.answer
    thresholds = [0, *(np.arange(5, 10) / 10), 0.95, 0.98, 0.99, 0.995]
    columns = {"answered": np.linspace(1, 0.5, len(thresholds)), "right": 0.9, "error": 0.002}
    table = pd.DataFrame(columns, index=thresholds)
    explorer = widgets.threshold_explorer(table, 0.9, images, chances, y, CLASSES)
    return explorer, explorer.slider


def _moved(kind: str, anew: bool, given: Given) -> Callable[[], list[bytes]]:
    explorer, control = _made(kind, given.size["n"])
    # The first picture has fonts and the ground to find.
    control.index = 1

    def work() -> list[bytes]:
        pictures = []
        for place in range(2, min(len(control.options), 2 + given.size["moves"])):
            if anew:
                explorer._kept_ground = (None, None)
            control.index = place
            pictures.append(bytes(explorer.image.value))
        return pictures

    return work


def _hashes(pictures: list[bytes], given: Given) -> list[str]:
    return [hashlib.sha256(picture).hexdigest() for picture in pictures]


def _row(kind: str, n: int) -> Comparison:
    return Comparison(
        f"explorer of {kind}",
        ("the whole picture for each move", "what lies on its ground"),
        _nothing,
        partial(_moved, kind, True),
        partial(_moved, kind, False),
        {"n": n, "moves": 8},
        {"n": n // 5, "moves": 3},
        summary=_hashes,
    )


ROWS = [_row("confusion", 10_000), _row("threshold", 10_000), _row("eps", 2_000)]
