"""Rows about t-SNE: what lessons 05 and 06 do, with scikit-learn's and on more columns."""

from collections.abc import Callable
from functools import partial
from typing import Any

from comparison import Comparison, Given, Growth, rows_of_pixels

STEPS = 750  # for both libraries


def _components(given: Given) -> str:
    from sklearn.decomposition import PCA

    images, _, data = rows_of_pixels(given)
    given.save("x", PCA(50, random_state=0).fit_transform(images.astype("float32") / 255))
    return data


def _pixels(given: Given) -> str:
    images, _, data = rows_of_pixels(given)
    given.save("x", images.astype("float32") / 255)
    return data


def _scikit_learn(dimensions: int, given: Given) -> Callable[[], Any]:
    from sklearn.manifold import TSNE

    x = given.array("x")
    method = TSNE(dimensions, init="pca", max_iter=STEPS, random_state=0, n_jobs=-1)
    return lambda: method.fit_transform(x)


def _open_tsne(dimensions: int, given: Given) -> Callable[[], Any]:
    import openTSNE  # noqa: F401  # `tsne` imports it when it is called

    from mnistkit.embedding import tsne

    x = given.array("x")
    return lambda: tsne(x, dimensions, components=x.shape[1], iterations=STEPS, seed=0)


def _on_copies(given: Given) -> Callable[[], Any]:
    """Lay out report R2's columns: each pixel 8 × 8 times, in three channels."""
    import openTSNE  # noqa: F401

    from mnistkit.embedding import tsne

    x = given.array("x")
    n = len(x)
    wide = x.reshape(n, 28, 28).repeat(8, axis=1).repeat(8, axis=2).reshape(n, -1).repeat(3, axis=1)
    return lambda: tsne(wide, 3, components=wide.shape[1], seed=0)


def _on_pixels(given: Given) -> Callable[[], Any]:
    import openTSNE  # noqa: F401

    from mnistkit.embedding import tsne

    x = given.array("x")
    return lambda: tsne(x, 3, components=x.shape[1], seed=0)


def _neighbours_kept(places: Any, given: Given) -> float:
    """Measure which share of ten neighbours stays, in the first rows: layouts themselves are never equal."""
    from mnistkit.embedding import neighbourhood_preservation

    return neighbourhood_preservation(given.array("x")[:5_000], places[:5_000])


def _row(name: str, n: int, quick: int | None, *, dimensions: int = 2, pairs: int = 1) -> Comparison:
    return Comparison(
        name,
        ("scikit-learn's `TSNE`", "`embedding.tsne` (openTSNE)"),
        _components,
        partial(_scikit_learn, dimensions),
        partial(_open_tsne, dimensions),
        {"n": n},
        None if quick is None else {"n": quick},
        tolerance=0.05,
        summary=_neighbours_kept,
        pairs=pairs,
    )


IN_THE_PLANE = _row("t-SNE in 2-D", 5_000, 1_000, pairs=2)
ROWS = [
    IN_THE_PLANE,
    _row("t-SNE in 2-D, more rows", 10_000, None),
    _row("t-SNE in 2-D, all rows", 60_000, None),
    _row("t-SNE in 3-D", 5_000, 500, dimensions=3),
    Comparison(
        "t-SNE in 3-D, copied columns",
        ("report R2's 150,528 columns", "the 784 that they are copies of"),
        _pixels,
        _on_copies,
        _on_pixels,
        {"n": 2_400},
        {"n": 200},
        tolerance=0.05,
        summary=_neighbours_kept,
        pairs=1,
    ),
]
GROWTH = [
    Growth(
        IN_THE_PLANE,
        "n",
        (2_500, 5_000, 20_000),
        (400, 800, 1_500),
        "Barnes-Hut's tree costs n log n a step; above 10,000 rows ours interpolates on a grid instead.",
        turns=1,
    )
]
