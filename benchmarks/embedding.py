"""Time what lessons 05 and 06 do against the other way of doing it: each pair in one run, on the same images.

``tsne``: scikit-learn's t-SNE against `mnistkit.embedding.tsne`, which is openTSNE's, both on 50 principal
components of MNIST (``--n``, and ``--dimensions 3`` as report R2 has it). ``columns``: t-SNE on 150,528
columns as report R2 has them (224 × 224, three channels) against the 784 that they are copies of, and against
50 components.
``neighbours``: the k-distance curve and DBSCAN with one distance matrix against a search each, on 2,304
columns. ``frozen``: ten epochs of a head on VGG16's features, computed once, against ten epochs of the whole
frozen network.

Peak memory is measured in a process of its own for each way. The ratios matter: both sides slow down together
on a busy machine.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd

from mnistkit.data import load

SEED = 0
STEPS = 750  # of t-SNE, for both libraries


def measured(job: Callable[[], dict[str, object]]) -> dict[str, object]:
    """Run one job in a process of its own; add its seconds and its peak memory beyond the start's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_timed, job).result()


def _timed(job: Callable[[], dict[str, object]]) -> dict[str, object]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    row = job()
    row.setdefault("seconds", time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return row | {"peak MB": (peak - before) / 1024}


def digits(source: str, n: int) -> np.ndarray:
    """Give the first n training images of MNIST, 0 to 1, a row each."""
    return load("mnist", source).x_train[:n].reshape(n, -1).astype("float32") / 255


def reduced(source: str, n: int) -> np.ndarray:
    """Give the first 50 principal components of them."""
    from sklearn.decomposition import PCA

    return PCA(50, random_state=SEED).fit_transform(digits(source, n))


def lay_out(library: str, source: str, n: int, dimensions: int) -> dict[str, object]:
    """Time one library's t-SNE, without reading and reducing; and how many of ten neighbours it keeps."""
    from mnistkit.embedding import neighbourhood_preservation, tsne

    x = reduced(source, n)
    start = time.perf_counter()
    if library == "scikit-learn":
        from sklearn.manifold import TSNE

        method = TSNE(dimensions, init="pca", max_iter=STEPS, random_state=SEED, n_jobs=-1)
        places = method.fit_transform(x)
    else:
        places = tsne(x, dimensions, iterations=STEPS, seed=SEED)
    seconds = time.perf_counter() - start
    part = slice(0, 5000)
    kept = neighbourhood_preservation(x[part], places[part])
    return {"library": library, "n": n, "dimensions": dimensions, "seconds": seconds, "kept": kept}


def on_columns(columns: str, source: str, n: int) -> dict[str, object]:
    """Time t-SNE in 3 dimensions on R2's columns, on the pixels, or on components."""
    from mnistkit.embedding import tsne

    x = digits(source, n)
    if columns == "150,528":  # each pixel 8 × 8 times, in three channels: TensorFlow's own memory stays out
        x = x.reshape(n, 28, 28).repeat(8, axis=1).repeat(8, axis=2).reshape(n, -1).repeat(3, axis=1)
    components = 50 if columns == "50 components of 784" else x.shape[1]
    start = time.perf_counter()
    tsne(x, 3, components=components, seed=SEED)
    return {"columns": columns, "n": n, "seconds": time.perf_counter() - start}


def search(shared: bool, n: int) -> dict[str, object]:
    """Time the k-distance curve and one DBSCAN on rows as wide as report R1's encoding."""
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import NearestNeighbors

    from mnistkit.embedding import distance_matrix, k_distances

    rng = np.random.default_rng(SEED)
    x = (rng.normal(size=(n, 60)) @ rng.normal(size=(60, 2304))).astype("float32")
    start = time.perf_counter()
    if shared:
        distances = distance_matrix(x)
        eps = float(np.median(k_distances(distances, 14)))
        labels = DBSCAN(eps=eps, min_samples=15, metric="precomputed").fit_predict(distances)
    else:
        found, _ = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(x).kneighbors(x)
        eps = float(np.median(found[:, 14]))
        labels = DBSCAN(eps=eps, min_samples=15, algorithm="brute").fit_predict(x)
    row = {"way": "one distance matrix" if shared else "a search each", "n": n}
    return row | {"seconds": time.perf_counter() - start, "noise": int((labels < 0).sum())}


def train_head(once: bool, source: str, n: int, image_size: int, epochs: int) -> dict[str, object]:
    """Time a head on features computed once, or the whole frozen network in each epoch."""
    from mnistkit import models, training, transfer

    data = load("mnist", source)
    images, y = data.x_train[:n], data.y_train[:n]
    backbone = transfer.vgg16("random", image_size, seed=SEED)
    recipe = {"epochs": epochs, "seed": SEED}
    start = time.perf_counter()
    if once:
        features = transfer.frozen_features(backbone, images)
        build = partial(models.vgg16_head, backbone.model.output_shape[1:])
        fitted = training.fit(build, np.asarray(features), y, **recipe)
    else:
        rgb = transfer.as_rgb(images, image_size)
        fitted = training.fit(partial(models.vgg16_transfer, backbone.model), rgb, y, **recipe)
    row = {"way": "features once" if once else "each epoch", "n": n, "image_size": image_size}
    losses = fitted.history["loss"]
    return row | {
        "seconds": time.perf_counter() - start,
        "first loss": losses[1],
        "last loss": losses[epochs],
    }


def jobs(options: argparse.Namespace) -> list[Callable[[], dict[str, object]]]:
    """List the ways that are compared."""
    source, n = options.data, options.n
    if options.what == "tsne":
        libraries = ("scikit-learn", "openTSNE")
        return [partial(lay_out, library, source, n, options.dimensions) for library in libraries]
    if options.what == "columns":
        kinds = ("150,528", "784", "50 components of 784")
        return [partial(on_columns, columns, source, n) for columns in kinds]
    if options.what == "neighbours":
        return [partial(search, shared, n) for shared in (False, True)]
    return [partial(train_head, once, source, n, options.image_size, 10) for once in (False, True)]


def main() -> None:
    """Print the table of one comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["tsne", "columns", "neighbours", "frozen"])
    parser.add_argument("--data", default="auto", help="source of the images, as for mnistkit.data.load")
    parser.add_argument("--n", type=int, default=2_000, help="images")
    parser.add_argument("--dimensions", type=int, default=2, help="tsne: 2 or 3")
    parser.add_argument("--image-size", type=int, default=64, help="frozen: pixels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTKIT_CACHE"] = folder  # features of an earlier run would be no measurement
        rows = [measured(job) for job in jobs(options)]
    table = pd.DataFrame(rows)
    table["ratio"] = table["seconds"].iloc[0] / table["seconds"]
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
