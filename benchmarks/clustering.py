"""Time the sweeps over the number of clusters against scikit-learn, on the same data in the same process.

``python benchmarks/clustering.py silhouette`` compares the sweep over k = 2...14 on 42,000
standardised MNIST images with scikit-learn's time of `silhouette_score` for one k, and on 10,000 of them with
its time for all k. The labels come from a quick clustering: the time does not depend on how good they are.

``python benchmarks/clustering.py kmeans`` compares the sweep of K-means on 42,000 images, pixels 0 to 1 in
float32, with `KMeans` for each k alone: with one start, where both must end at the same inertia, and with
three.

``--n`` sets the number of images. The ratios matter: both sides slow down together on a busy machine.
"""

import argparse
import time

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from mnistkit.clustering import kmeans_sweep, silhouette_sweep
from mnistkit.data import load

KS = range(2, 15)
ALL_K_ROWS = 10_000


def compare_silhouettes(x: np.ndarray, ks: range, source: str) -> dict[str, object]:
    """Time the sweep over KS and scikit-learn over `ks`; give a row of the result table."""
    labels = {k: MiniBatchKMeans(k, n_init=1, random_state=0).fit_predict(x) for k in KS}
    start = time.perf_counter()
    sweep = silhouette_sweep(x, labels, progress=False)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    theirs = {k: silhouette_score(x, labels[k]) for k in ks}
    sklearn = time.perf_counter() - start
    means = sweep.table.set_index("k")["silhouette"]
    return {
        "n": len(x),
        "data": source,
        "sweep, 13 k (s)": round(ours, 1),
        "scikit-learn": f"{len(ks)} k",
        "scikit-learn (s)": round(sklearn, 1),
        "ratio": round(sklearn / ours, 2),
        "max |difference|": f"{max(abs(means[k] - theirs[k]) for k in ks):.1e}",
    }


def compare_kmeans(x: np.ndarray, n_init: int, source: str) -> dict[str, object]:
    """Time the sweep of K-means over KS and `KMeans` for each of them, by turns; give a row of the table."""
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(3):
        start = time.perf_counter()
        theirs = [KMeans(k, n_init=n_init, random_state=42).fit(x).inertia_ for k in KS]
        seconds["theirs"].append(time.perf_counter() - start)
        start = time.perf_counter()
        ours = kmeans_sweep(x, KS, n_init=n_init, progress=False).table["inertia"]
        seconds["ours"].append(time.perf_counter() - start)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    return {
        "n": len(x),
        "data": source,
        "starts": n_init,
        "sweep, 13 k (s)": round(median["ours"], 1),
        "scikit-learn, 13 k (s)": round(median["theirs"], 1),
        "ratio": round(median["theirs"] / median["ours"], 2),
        "inertia, largest difference": f"{np.abs(ours / np.array(theirs) - 1).max():.1e}",
    }


def main() -> None:
    """Print the table of the comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["silhouette", "kmeans"])
    parser.add_argument("--n", type=int, default=42_000, help="rows")
    parser.add_argument("--data", default="auto", help="source of the images, as for mnistkit.data.load")
    options = parser.parse_args()
    mnist = load("mnist", source=options.data)
    source = f"MNIST, {'stand-in' if mnist.is_standin else 'real'}"
    images = mnist.x_train[: options.n].reshape(-1, 28 * 28)
    if options.what == "kmeans":
        rows = [compare_kmeans(images.astype(np.float32) / 255, n_init, source) for n_init in (1, 3)]
    else:
        x = StandardScaler().fit_transform(images.astype(np.float64))
        rows = [
            compare_silhouettes(x, range(10, 11), source),
            compare_silhouettes(x[:ALL_K_ROWS], KS, source),
        ]
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
