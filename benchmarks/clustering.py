"""Rows about clustering and neighbours: what lessons 01, 02 and 05 do with scikit-learn."""

from collections.abc import Callable

from comparison import CORES, LIMIT, Comparison, Given, Growth, kind_of, nothing, rows_of_pixels


def _standardised(given: Given) -> str:
    """Keep standardised images, and labels for each k: the time does not depend on how good they are."""
    import numpy as np
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.preprocessing import StandardScaler

    images, _, data = rows_of_pixels(given)
    x = StandardScaler().fit_transform(images.astype(np.float64))
    ks = range(2, given.size["k"] + 1)
    given.save("x", x)
    given.save("labels", np.stack([MiniBatchKMeans(k, n_init=1, random_state=0).fit_predict(x) for k in ks]))
    return data


def _score_for_each_k(given: Given) -> Callable[[], list[float]]:
    from sklearn.metrics import silhouette_score

    x, labels = given.array("x"), given.array("labels")
    return lambda: [float(silhouette_score(x, each)) for each in labels]


def _one_pass(given: Given) -> Callable[[], list[float]]:
    from mnistkit.clustering import silhouette_sweep

    x, labels = given.array("x"), dict(enumerate(given.array("labels"), 2))
    return lambda: list(silhouette_sweep(x, labels, progress=False).table["silhouette"])


def _scaled(given: Given) -> str:
    images, _, data = rows_of_pixels(given)
    given.save("x", images.astype("float32") / 255)
    return data


def _kmeans_for_each_k(given: Given) -> Callable[[], list[float]]:
    from sklearn.cluster import KMeans

    x, ks = given.array("x"), range(2, given.size["k"] + 1)
    return lambda: [KMeans(k, n_init=1, random_state=42).fit(x).inertia_ for k in ks]


def _kmeans_sweep(given: Given) -> Callable[[], list[float]]:
    from mnistkit.clustering import kmeans_sweep

    x, ks = given.array("x"), range(2, given.size["k"] + 1)
    return lambda: list(kmeans_sweep(x, ks, n_init=1, progress=False).table["inertia"])


def _wide_rows(given: Given) -> str:
    """Keep rows as wide as report R1's encoding."""
    import numpy as np

    rng = np.random.default_rng(0)
    given.save("x", (rng.normal(size=(given.size["n"], 60)) @ rng.normal(size=(60, 2304))).astype("float32"))
    return "random rows"


def _search_each(given: Given) -> Callable[[], list[float]]:
    import numpy as np
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import NearestNeighbors

    x = given.array("x")

    def work() -> list[float]:
        distances, _ = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(x).kneighbors(x)
        eps = float(np.median(distances[:, 14]))
        labels = DBSCAN(eps=eps, min_samples=15, algorithm="brute").fit_predict(x)
        return [eps, (labels < 0).mean()]

    return work


def _one_matrix(given: Given) -> Callable[[], list[float]]:
    import numpy as np
    from sklearn.cluster import DBSCAN

    from mnistkit.embedding import distance_matrix, k_distances

    x = given.array("x")

    def work() -> list[float]:
        distances = distance_matrix(x)
        eps = float(np.median(k_distances(distances, 14)))
        labels = DBSCAN(eps=eps, min_samples=15, metric="precomputed").fit_predict(distances)
        return [eps, (labels < 0).mean()]

    return work


def _to_classify(given: Given) -> str:
    from mnistkit.data import load

    data = load("fashion-mnist", given.source)
    for part, number in (("train", given.size["n"]), ("test", given.size["tests"])):
        given.save(f"x_{part}", getattr(data, f"x_{part}")[:number].reshape(-1, 784))
        given.save(f"y_{part}", getattr(data, f"y_{part}")[:number])
    return kind_of(data)


def _knn_0_to_1(given: Given) -> Callable[[], float]:
    x, x_test = given.array("x_train") / 255, given.array("x_test") / 255
    return _knn(given, x, x_test)


def _knn_as_in_lesson_01(given: Given) -> Callable[[], float]:
    x, x_test = given.array("x_train").astype("float32"), given.array("x_test").astype("float32")
    return _knn(given, x, x_test)


def _knn(given: Given, x: object, x_test: object) -> Callable[[], float]:
    from sklearn.neighbors import KNeighborsClassifier

    y, y_test = given.array("y_train"), given.array("y_test")
    return lambda: KNeighborsClassifier(n_neighbors=3).fit(x, y).score(x_test, y_test)


def _products_alone(given: Given) -> Callable[[], None]:
    """Multiply as many numbers as distances need, in float64, which scikit-learn adds up in."""
    import numpy as np

    x, x_test = (given.array(f"x_{part}").astype(np.float64) for part in ("train", "test"))
    rows = np.empty((256, len(x)))

    def work() -> None:
        for start in range(0, len(x_test) - 255, 256):
            np.matmul(x_test[start : start + 256], x.T, out=rows)

    return work


SILHOUETTES = Comparison(
    "silhouette sweep",
    ("`silhouette_score` for each k", "`clustering.silhouette_sweep`"),
    _standardised,
    _score_for_each_k,
    _one_pass,
    {"n": 10_000, "k": 14},
    {"n": 1_500, "k": 14},
    tolerance=1e-9,
    pairs=2,
)
KMEANS = Comparison(
    "K-means sweep",
    ("`KMeans` for each k", "`clustering.kmeans_sweep`"),
    _scaled,
    _kmeans_for_each_k,
    _kmeans_sweep,
    {"n": 42_000, "k": 14},
    {"n": 1_500, "k": 14},
    tolerance=1e-4,  # of the inertia: float32 sums in another order
    pairs=2,
)
NEIGHBOURS = Comparison(
    "k-distances and DBSCAN",
    ("a search each", "one `embedding.distance_matrix`"),
    _wide_rows,
    _search_each,
    _one_matrix,
    {"n": 10_000},
    {"n": 1_500},
    tolerance=1e-3,
)
KNN = Comparison(
    "KNN, k = 3",
    ("`KNeighborsClassifier`, pixels 0 to 1", "the same on bytes in float32, as lesson 01"),
    _to_classify,
    _knn_0_to_1,
    _knn_as_in_lesson_01,
    {"n": 60_000, "tests": 5_000},
    {"n": 1_500, "tests": 200},
    tolerance=5e-4,
)
ROWS = [
    SILHOUETTES,
    KMEANS,
    NEIGHBOURS,
    KNN,
    Comparison(
        f"{LIMIT}KNN, k = 3",
        ("on bytes in float32, as lesson 01", "its products of matrices alone (BLAS)"),
        _to_classify,
        _knn_as_in_lesson_01,
        _products_alone,
        KNN.full,
        {"n": 1_500, "tests": 256},
        summary=nothing,
    ),
]
GROWTH = [
    Growth(
        SILHOUETTES,
        "n",
        (2_500, 5_000, 10_000),
        (400, 800, 1_500),
        "Each row is compared with each other: n².",
    ),
    Growth(
        SILHOUETTES,
        "k",
        (4, 8, 16),
        (4, 8, 16),
        "The plain way computes all distances again for each k, the sweep only adds them up.",
    ),
    Growth(
        KMEANS,
        "n",
        (10_500, 21_000, 42_000),
        (400, 800, 1_500),
        "An iteration is linear in n; how many there are hardly depends on it.",
    ),
    Growth(
        KMEANS,
        "k",
        (5, 10, 20),
        (5, 10, 20),
        "A sweep to k fits 2 + 3 + … + k clusters: k², if each takes as many iterations.",
    ),
    Growth(
        SILHOUETTES,
        CORES,
        (1, 2),
        (1, 2),
        "Products of matrices use all cores; the rest of the work uses one.",
    ),
    Growth(
        KNN,
        "n",
        (15_000, 30_000, 60_000),
        (400, 800, 1_500),
        "Each image is compared with all training images.",
    ),
]
