"""Time silhouette_sweep against scikit-learn's silhouette_score, on the same data in the same process.

``python benchmarks/silhouette.py`` compares the sweep over k = 2...14 on 42,000 standardised MNIST images
with scikit-learn's time for one k, and on 10,000 of them with its time for all k; ``--n`` sets the first
number. The labels come from a quick clustering: the time does not depend on how good they are.
The ratios matter: both sides slow down together on a busy machine.
"""

import argparse
import time

import numpy as np
import pandas as pd
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from mnistkit.clustering import silhouette_sweep
from mnistkit.data import load

KS = range(2, 15)
ALL_K_ROWS = 10_000


def compare(x: np.ndarray, ks: range, source: str) -> dict[str, object]:
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


def main() -> None:
    """Print the table of the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=42_000, help="rows for the comparison with one k")
    parser.add_argument("--data", default="auto", help="source of the images, as for mnistkit.data.load")
    options = parser.parse_args()
    mnist = load("mnist", source=options.data)
    kind = "stand-in" if mnist.is_standin else "real"
    images = mnist.x_train[: options.n].reshape(-1, 28 * 28)
    x = StandardScaler().fit_transform(images.astype(np.float64))
    source = f"MNIST, {kind}"
    rows = [compare(x, range(10, 11), source), compare(x[:ALL_K_ROWS], KS, source)]
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
