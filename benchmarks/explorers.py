"""Time the explorers: from the move of a control to the new picture, each place for the first time.

``python benchmarks/explorers.py`` moves the first control of each explorer through all of its places, on made
data of the lessons' sizes, and prints the median and the longest, and how often one takes more than 200 ms.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mnistkit import plots, widgets

CLASSES = [f"class {number}" for number in range(10)]
PATIENCE = 0.2  # seconds; what takes longer is felt as waiting


def made(n: int) -> Iterator[tuple[str, Any, Any]]:
    """Give explorers of n images, each with the control to be moved."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 10
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    points = rng.normal(size=(n, 2)) + 8 * rng.normal(size=(10, 2))[y]
    chances = rng.dirichlet(np.ones(10), n) / 2 + 0.5 * np.eye(10)[y]
    thresholds = [0, *(np.arange(5, 10) / 10), 0.95, 0.98, 0.99, 0.995]
    table = pd.DataFrame(
        {"answered": np.linspace(1, 0.5, 10), "right": 0.9, "error": 0.002}, index=thresholds
    )
    planes = {"PCA": points, "t-SNE": points[:, ::-1]}
    colours = {"class": (y, CLASSES), "cluster": (np.arange(n) % 20, [f"c{c}" for c in range(20)])}
    by_eps = {float(eps): np.where(rng.random(2000) < eps / 40, y[:2000], -1) for eps in range(1, 31)}
    explorers = {
        "embedding": widgets.embedding_explorer(images, planes, colours),
        "confusion": widgets.confusion_explorer(images, chances, y, CLASSES),
        "threshold": widgets.threshold_explorer(table, 0.9, images, chances, y, CLASSES),
        "eps": widgets.eps_explorer(points[:2000], by_eps, 5.0),
        "occlusion": widgets.occlusion_explorer(images[0], {"a": 0.9}, {"a": rng.random((28, 28))}, patch=7),
    }
    controls = {"embedding": "across", "confusion": "answer", "occlusion": "across"}
    for name, explorer in explorers.items():
        yield name, explorer, getattr(explorer, controls.get(name, "slider"))
    yield "embedding, colours", explorers["embedding"], explorers["embedding"].colour


def waits(explorer: Any, control: Any) -> list[float]:
    """Move a control to each place, and give the seconds that each takes."""
    taken = []
    name = "index" if hasattr(control, "options") else "value"
    last = len(control.options) - 1 if name == "index" else control.max
    for place in range(last + 1):
        before = bytes(explorer.image.value)
        start = time.perf_counter()
        setattr(control, name, place)
        if explorer.image.value != before:
            taken.append(time.perf_counter() - start)
    return taken


def main() -> None:
    """Print a row for each explorer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="images")
    plots.use_style()
    rows = []
    for name, explorer, control in made(parser.parse_args().n):
        taken = np.array(waits(explorer, control))
        row = {"explorer": name, "places": len(taken), "median, ms": round(1000 * np.median(taken))}
        rows.append(
            row | {"longest, ms": round(1000 * taken.max()), "above 200 ms": (taken > PATIENCE).sum()}
        )
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
