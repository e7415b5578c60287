"""Clustering: silhouettes against scikit-learn, scores against cases worked out by hand."""

import itertools
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_samples, silhouette_score

from mnistkit import clustering
from mnistkit.clustering import (
    cluster_table,
    confused_pairs,
    elbow,
    kmeans_sweep,
    match_clusters,
    one_to_one_accuracy,
    purity,
    scores,
    silhouette_sweep,
)


def sweep(x, labels_by_k, **options):
    return silhouette_sweep(x, labels_by_k, progress=False, **options)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(n_samples=300, n_features=5, centers=6, cluster_std=3.0, random_state=0)


# --- silhouettes


@st.composite
def clustered_rows(draw):
    """Rows with duplicates, and clusterings with singletons, gaps in the labels and clusters of any size."""
    n = draw(st.integers(3, 40))
    d = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        # Small whole numbers repeat, and distances between them are exact in float32 as well.
        x = rng.integers(-2, 3, (n, d)) + draw(st.sampled_from([0, 1000]))
    else:
        x = rng.normal(size=(n, d)) * draw(st.sampled_from([1e-3, 1.0, 1e4]))
    labels_by_k = {}
    for k in draw(st.sets(st.integers(2, n - 1), min_size=1, max_size=4)):
        labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
        names = rng.choice(np.arange(-5, 100), k, replace=False)
        labels_by_k[k] = names[rng.permutation(labels)]
    return x.astype(draw(st.sampled_from([np.float32, np.float64]))), labels_by_k


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(clustered_rows(), st.sampled_from([1, 7, "n", "more than n"]))
def test_silhouettes_equal_those_of_scikit_learn(case, block_rows):
    x, labels_by_k = case
    block_rows = {"n": len(x), "more than n": len(x) + 5}.get(block_rows, block_rows)
    result = sweep(x, labels_by_k, block_rows=block_rows)
    assert result.table["k"].tolist() == list(labels_by_k)
    assert result.rows.tolist() == list(range(len(x)))
    for k, labels in labels_by_k.items():
        # float64: scikit-learn's own float32 silhouettes are only good to about 1e-6 at best.
        expected = silhouette_samples(x.astype(np.float64), labels)
        np.testing.assert_allclose(result.samples[k], expected, rtol=0, atol=1e-6)
        mean = result.table.set_index("k").loc[k, "silhouette"]
        assert mean == pytest.approx(silhouette_score(x.astype(np.float64), labels), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_silhouettes_do_not_depend_on_the_dtype_of_whole_numbers(dtype):
    x = np.random.default_rng(0).integers(0, 256, (120, 30))
    labels = np.arange(120) % 4
    result = sweep(x.astype(dtype), {4: labels}, block_rows=50)
    np.testing.assert_allclose(result.samples[4], silhouette_samples(x.astype(float), labels), atol=1e-9)


def test_as_many_clusters_as_rows_but_one():
    x = np.array([[0.0], [1.0], [10.0], [20.0]])
    samples = sweep(x, {3: [0, 0, 1, 2]}).samples[3]
    # Rows 0 and 1: a = 1, b = 10 and 9. The others are alone in their clusters.
    np.testing.assert_allclose(samples, [0.9, 8 / 9, 0, 0])


def test_duplicates_are_exactly_zero_apart():
    # Far from the origin and from each other: a squared distance by |x|² + |y|² - 2xy would be noise.
    spots = np.random.default_rng(1).normal(size=(3, 50)) * 1e5
    x = np.repeat(spots, 4, axis=0)
    labels = np.repeat([0, 1, 2], 4)
    np.testing.assert_array_equal(sweep(x, {3: labels}).samples[3], np.ones(12))
    same_spot = np.tile(spots[0], (6, 1))
    np.testing.assert_array_equal(sweep(same_spot, {2: [0, 0, 0, 1, 1, 1]}).samples[2], np.zeros(6))


@pytest.mark.parametrize("block_rows", [5, 100])
@pytest.mark.parametrize("far", [1e3, 1e5])
def test_close_clusters_far_from_a_third_keep_their_digits(block_rows, far):
    # Two groups 1e-3 apart, each 1e-4 wide, and one far away: next to the distance of the third group, those
    # among the first two lose some (1e3) or all (1e5) of their digits in a float64 matrix product.
    rng = np.random.default_rng(2)
    offsets = np.repeat([0.0, 1e-3, far], 8)
    x = rng.normal(size=(24, 2)) * 1e-4 + offsets[:, np.newaxis]
    labels = np.repeat([0, 1, 2], 8)
    exact = np.sqrt(((x[:, np.newaxis] - x) ** 2).sum(axis=2))
    expected = silhouette_samples(exact, labels, metric="precomputed")
    assert 0.5 < expected[:16].min() < 0.99
    np.testing.assert_allclose(sweep(x, {3: labels}, block_rows=block_rows).samples[3], expected, atol=1e-9)


def test_sample_is_the_one_that_scikit_learn_draws(blobs):
    x, y = blobs
    result = sweep(x, {6: y, 2: y % 2}, sample_size=50, seed=3)
    table = result.table.set_index("k")["silhouette"]
    for k, labels in {6: y, 2: y % 2}.items():
        assert table[k] == pytest.approx(silhouette_score(x, labels, sample_size=50, random_state=3))
    assert len(result.rows) == 50
    np.testing.assert_allclose(result.samples[6], silhouette_samples(x[result.rows], y[result.rows]))
    assert set(sweep(x, {6: y}, sample_size=50, seed=4).rows) != set(result.rows)
    assert sweep(x, {6: y}, sample_size=1000).rows.tolist() == list(range(300))


def test_cluster_without_a_sampled_row_takes_no_part(blobs):
    x, y = blobs
    rows = sweep(x, {6: y}, sample_size=100, seed=0).rows
    y = y.copy()
    left_out = np.setdiff1d(np.arange(300), rows)
    y[left_out] = 77
    result = sweep(x, {7: y}, sample_size=100, seed=0)
    np.testing.assert_allclose(result.samples[7], silhouette_samples(x[rows], y[rows]))
    y[rows] = 5
    with pytest.raises(ValueError, match=r"labels_by_k\[7\] has 1 clusters among the 100 rows used"):
        sweep(x, {7: y}, sample_size=100, seed=0)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_number_of_clusters_outside_2_to_n_less_1(labels):
    x = np.arange(4.0).reshape(4, 1)
    with pytest.raises(ValueError, match="expected 2 to 3"):
        sweep(x, {2: [0, 0, 1, 1], 9: labels})


@pytest.mark.parametrize(
    ("x", "labels_by_k", "options", "message"),
    [
        ([[0.0], [np.nan], [1.0]], {2: [0, 0, 1]}, {}, "NaN"),
        ([[0.0], [np.inf], [1.0]], {2: [0, 0, 1]}, {}, "x has 1 numbers that are NaN or infinite"),
        (
            [0.0, 1.0, 2.0],
            {2: [0, 0, 1]},
            {},
            r"x is an array of float64, shape \(3,\); expected an array of numbers with 2 dimensions",
        ),
        ([[0.0], [1.0], [2.0]], {2: [0, 1]}, {}, r"shape \(2,\); expected \(3,\)"),
        ([[0.0], [1.0], [2.0]], {}, {}, "labels_by_k is a dict of 0"),
        ([[0.0], [1.0], [2.0]], {2: [0, 0, 1]}, {"sample_size": 0}, "sample_size is 0"),
        ([[0.0], [1.0], [2.0]], {2: [0, 0, 1]}, {"block_rows": 0}, "block_rows is 0"),
    ],
)
def test_bad_input_of_the_silhouette_sweep(x, labels_by_k, options, message):
    with pytest.raises(ValueError, match=message):
        sweep(x, labels_by_k, **options)


def test_each_distance_is_computed_once_for_all_clusterings(monkeypatch):
    computed = []
    distances = clustering._distances

    def counting(a, b):
        computed.append(len(a) * len(b))
        return distances(a, b)

    monkeypatch.setattr(clustering, "_distances", counting)
    x = np.random.default_rng(0).normal(size=(100, 3))
    sweep(x, {k: np.arange(100) % k for k in range(2, 15)}, block_rows=10)
    # 45 blocks above the diagonal and 10 on it, 100 distances each.
    assert sum(computed) == 5500


def test_rows_without_duplicates_need_no_second_computation(monkeypatch):
    # That a row is 0 from itself must not send whole blocks to the slow way.
    monkeypatch.setattr(clustering, "cdist", None)
    x = np.random.default_rng(0).normal(size=(100, 20))
    labels = np.arange(100) % 4
    samples = sweep(x, {4: labels}, block_rows=30).samples[4]
    np.testing.assert_allclose(samples, silhouette_samples(x, labels))


@pytest.mark.slow
def test_memory_is_far_below_all_distances():
    n = 6000
    x = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    labels_by_k = {k: np.arange(n) % k for k in (2, 5, 10)}
    tracemalloc.start()
    sweep(x, labels_by_k, block_rows=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Two float64 blocks and a mask of 512 x 512, and 17 sums a row: about 6 MB. All distances: 288 MB.
    assert peak < 10e6 < n * n * 8 / 20


def test_progress_is_one_plain_line(blobs, capsys):
    x, y = blobs
    silhouette_sweep(x, {6: y}, block_rows=100)
    shown = capsys.readouterr()
    assert "silhouette: 100%" in shown.out
    assert shown.out.count("\n") == 1
    assert shown.err == ""
    sweep(x, {6: y})
    assert capsys.readouterr().out == ""


# --- K-means


def test_kmeans_sweep_keeps_what_it_found(blobs):
    x, _ = blobs
    result = kmeans_sweep(x, [4, 1, 6], progress=False)
    assert result.ks == (1, 4, 6)
    assert result.table["k"].tolist() == [1, 4, 6]
    assert result.table.columns.tolist() == ["k", "inertia", "n_iter", "seconds"]
    for k, inertia in zip(result.ks, result.table["inertia"], strict=True):
        labels, centers = result.labels[k], result.centers[k]
        assert labels.dtype == np.int32
        assert set(labels) == set(range(k))
        squares = ((x[:, np.newaxis] - centers) ** 2).sum(axis=2)
        np.testing.assert_array_equal(labels, squares.argmin(axis=1))
        assert inertia == pytest.approx(squares.min(axis=1).sum())
    assert result.rises == ()


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_kmeans_sweep_finds_what_scikit_learn_finds_for_each_k_alone(blobs, dtype, monkeypatch):
    x = (100 * blobs[0]).astype(dtype)
    ks, chosen = range(2, 15), []

    def noting(*args, **kwargs):
        chosen.append(args[1])
        return kmeans_plusplus(*args, **kwargs)

    monkeypatch.setattr(clustering, "kmeans_plusplus", noting)
    result = kmeans_sweep(x, ks, seed=5, n_init=1, progress=False)
    for k in ks:
        alone = KMeans(k, n_init=1, random_state=5).fit(x)
        np.testing.assert_array_equal(result.labels[k], alone.labels_)
        assert result.table.set_index("k")["inertia"][k] == pytest.approx(alone.inertia_, rel=1e-6)
    assert chosen == [2, 7, 14], "the starts of all k with as many candidates are chosen together"


@pytest.fixture
def wide(monkeypatch):
    """Groups that only some rows tell apart by the leading components."""
    monkeypatch.setattr(clustering, "_COMPONENTS", 8)
    return make_blobs(n_samples=800, n_features=60, centers=6, cluster_std=9.0, random_state=0)[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_kmeans_in_the_leading_components_finds_what_it_finds_in_all(wide, dtype):
    x = wide.astype(dtype)
    result = kmeans_sweep(x, range(2, 15), seed=5, n_init=1, progress=False)
    for k in result.ks:
        alone = KMeans(k, n_init=1, random_state=5).fit(x)
        np.testing.assert_array_equal(result.labels[k], alone.labels_)
        row = result.table.set_index("k").loc[k]
        assert (row["inertia"], row["n_iter"]) == (pytest.approx(alone.inertia_, rel=1e-6), alone.n_iter_)
        np.testing.assert_allclose(result.centers[k], alone.cluster_centers_, atol=1e-4)


def test_nearest_centre_where_the_leading_components_mislead(wide):
    rows = clustering._Rows.of(wide - wide.mean(axis=0))
    centers = rows.x[:10]
    expected = cdist(rows.x, centers).argmin(axis=1)
    np.testing.assert_array_equal(rows.nearest(centers), expected)
    misled = replace(rows, residual=np.zeros(len(rows.x))).nearest(centers)
    assert (misled != expected).any(), "or these rows show nothing"


def test_kmeans_multiplies_few_rows_in_full(monkeypatch):
    monkeypatch.setattr(clustering, "_COMPONENTS", 8)
    rng = np.random.default_rng(0)  # as of images: most of the variance is in a few directions
    x = rng.normal(size=(2000, 80)) * 0.8 ** np.arange(80)
    multiplied = []
    product = clustering._relative_squares

    def counting(columns, *centers):
        multiplied.append(columns.size)
        return product(columns, *centers)

    monkeypatch.setattr(clustering, "_relative_squares", counting)
    iterations = kmeans_sweep(x, [10], n_init=1, progress=False).table["n_iter"][0]
    assert sum(multiplied) < 0.3 * iterations * x.size


def test_kmeans_of_fewer_spots_than_clusters():
    with pytest.warns(ConvergenceWarning, match="distinct clusters"):
        result = kmeans_sweep([[5.0], [5.0], [5.0], [7.0]], [3], progress=False)
    assert result.table["inertia"].tolist() == [0]
    assert sorted(set(result.centers[3].ravel())) == [5, 7]


def test_kmeans_sweep_repeats_with_its_seed(blobs):
    x, _ = blobs
    first, again, other = (kmeans_sweep(x, [12], seed=s, n_init=1, progress=False) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.labels[12], again.labels[12])
    assert (first.labels[12] != other.labels[12]).any()


def test_more_starts_find_a_lower_inertia(blobs):
    x, _ = blobs
    few, many = (kmeans_sweep(x, [12], n_init=m, progress=False).table["inertia"][0] for m in (1, 10))
    assert many < few


def test_rises_name_the_k_with_an_unlucky_start():
    table = pd.DataFrame({"k": [2, 3, 5, 6], "inertia": [9.0, 7.0, 8.0, 8.0]})
    assert clustering.KMeansSweep(table, {}, {}).rises == (5,)


@pytest.mark.parametrize(
    ("ks", "message"),
    [
        ([], "ks is a list of 0"),
        ([2, 3, 2], "repeat"),
        ([0, 2], r"ks\[0\] is 0"),
        ([2, 11], "up to 11; expected at most 10"),
    ],
)
def test_bad_numbers_of_clusters(ks, message):
    with pytest.raises(ValueError, match=message):
        kmeans_sweep(np.arange(10.0).reshape(10, 1), ks, progress=False)


# --- elbow


def test_elbow_of_a_bent_line():
    # Steep to k = 4, nearly flat after it.
    inertia = [100, 70, 40, 10, 9, 8, 7, 6]
    assert elbow(range(1, 9), inertia) == 4
    assert type(elbow(range(1, 9), inertia)) is int
    order = [3, 0, 7, 1, 5, 2, 6, 4]
    assert elbow([o + 1 for o in order], [inertia[o] for o in order]) == 4


def test_elbow_of_a_hyperbola():
    # 1/k from 1 to 16, both axes scaled to 0...1: the line between the ends has slope -1/16, as -1/k² at 4.
    ks = np.arange(1, 17)
    assert elbow(ks, 1 / ks) == 4


def test_elbow_of_well_separated_blobs():
    x, _ = make_blobs(n_samples=300, centers=10 * np.eye(4), cluster_std=0.3, random_state=3)
    result = kmeans_sweep(x, range(1, 10), progress=False)
    assert elbow(result.ks, result.table["inertia"]) == 4


def test_start_of_a_curve_is_no_elbow():
    # Nearly flat to k = 2, then steep to 4, then flat: at 2 the curve is above the line between its ends.
    assert elbow(range(1, 8), [100, 98, 50, 6, 4, 2, 0]) == 4


@pytest.mark.parametrize(
    "inertia",
    [[5, 5, 5, 5], [4, 3, 2, 1], [1, 2, 3, 4], [10, 9.9, 9, 0]],
    ids=["flat", "straight", "rising", "concave"],
)
def test_no_elbow(inertia):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert elbow(range(1, 5), inertia) is None


@pytest.mark.parametrize(
    ("ks", "inertia", "message"),
    [
        ([1, 2], [3, 1], "is a list of 2; expected a list of 3 or more"),
        ([1, 2, 3, 4], [3, 2, 1], "ks has 4, inertia has 3"),
        ([1, 2, 2], [3, 2, 1], "repeat"),
        ([1, 2, 3], [3, np.nan, 1], r"inertia\[1\] is nan"),
    ],
)
def test_bad_input_of_elbow(ks, inertia, message):
    with pytest.raises(ValueError, match=message):
        elbow(ks, inertia)


# --- clusters against classes

# Clusters 0 and 1 are both mostly class 1; class 2 is nowhere the most common.
CLASSES = np.array([1, 1, 1, 0, 1, 1, 2, 0, 0, 0, 2, 2])
CLUSTERS = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2])


def test_table_counts_classes_in_clusters():
    table = cluster_table(CLASSES, CLUSTERS)
    assert table.index.name == "cluster"
    assert table.columns.name == "class"
    np.testing.assert_array_equal(table, [[1, 3, 0], [0, 2, 1], [3, 0, 2]])
    named = cluster_table(CLASSES, CLUSTERS + 5, class_names=["zero", "one", "two", "three"])
    assert named.columns.tolist() == ["zero", "one", "two", "three"]
    assert named.index.tolist() == [5, 6, 7]
    np.testing.assert_array_equal(named, [[1, 3, 0, 0], [0, 2, 1, 0], [3, 0, 2, 0]])


def test_two_clusters_of_one_class_are_pure_but_not_right():
    assert purity(CLASSES, CLUSTERS) == pytest.approx(8 / 12)
    assert match_clusters(CLASSES, CLUSTERS) == {0: 1, 1: 2, 2: 0}
    assert one_to_one_accuracy(CLASSES, CLUSTERS) == pytest.approx(7 / 12)


def test_fewer_clusters_than_classes():
    clusters = np.minimum(CLUSTERS, 1)
    # Cluster 0: 1, 3, 0 of the classes; cluster 1: 3, 2, 3.
    assert purity(CLASSES, clusters) == pytest.approx(6 / 12)
    assert one_to_one_accuracy(CLASSES, clusters) == pytest.approx(6 / 12)
    matched = match_clusters(CLASSES, clusters)
    assert matched[0] == 1
    assert matched[1] in (0, 2)


def test_more_clusters_than_classes_leaves_the_rest_wrong():
    y = np.array([0, 0, 0, 1, 1, 1])
    clusters = np.array([7, 7, 8, 9, 9, 9])
    assert match_clusters(y, clusters) == {7: 0, 9: 1}
    assert one_to_one_accuracy(y, clusters) == pytest.approx(5 / 6)
    assert purity(y, clusters) == 1.0


LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@pytest.mark.slow
@settings(deadline=None)
@given(LABELS)
def test_match_is_the_best_of_all_one_to_one_matches(pairs):
    y, c = np.array(pairs).T
    counts = np.zeros((5, 5), int)
    np.add.at(counts, (c, y), 1)
    best = max(counts[range(5), order].sum() for order in itertools.permutations(range(5)))
    assert one_to_one_accuracy(y, c) == pytest.approx(best / len(y))
    matched = match_clusters(y, c)
    assert len(set(matched.values())) == len(matched) == min(len(set(y)), len(set(c)))
    assert sum(counts[cluster, label] for cluster, label in matched.items()) == best


@pytest.mark.slow
@settings(deadline=None)
@given(LABELS, st.permutations(range(5)), st.permutations(range(5)))
def test_scores_do_not_depend_on_the_names(pairs, class_names, cluster_names):
    y, c = np.array(pairs).T
    renamed = scores(np.array(class_names)[y], np.array(cluster_names)[c] - 2)
    assert renamed == pytest.approx(scores(y, c))
    assert renamed["one_to_one"] <= renamed["purity"]


def test_scores_of_a_perfect_and_of_a_useless_clustering():
    y = np.repeat([0, 1, 2], 4)
    assert scores(y, (y + 1) % 3) == pytest.approx({"purity": 1, "one_to_one": 1, "ari": 1, "nmi": 1})
    useless = scores(y, np.zeros(12, int))
    assert useless == pytest.approx({"purity": 1 / 3, "one_to_one": 1 / 3, "ari": 0, "nmi": 0})


def test_ari_and_nmi_are_not_swapped():
    # Four rows, classes 0 0 1 1, clusters 0 0 0 1. Pairs: 1 together in both, expected 2 * 3 / 6 = 1: ARI 0.
    # Mutual information ln 2 - 3/4 H(1/3) = 0.2158, over the mean of ln 2 and H(1/4): NMI 0.3437.
    result = scores([0, 0, 1, 1], [0, 0, 0, 1])
    assert result["ari"] == pytest.approx(0.0)
    assert result["nmi"] == pytest.approx(0.3437, abs=1e-4)


def test_confused_pairs():
    table = cluster_table(
        ["a"] * 10 + ["b"] * 4 + ["c"] * 2, [0] * 5 + [1] * 5 + [1] * 2 + [2] * 2 + [3, 3], class_names=None
    )
    pairs = confused_pairs(table)
    # a: half in cluster 0, half in 1; b: half in 1, half in 2; c alone in 3.
    first = pairs.iloc[0].to_dict()
    assert first == {"class_a": "a", "class_b": "b", "overlap": 0.5, "cluster": 1, "n_a": 5, "n_b": 2}
    assert pairs["overlap"].tolist() == [0.5, 0.0, 0.0]
    assert list(zip(pairs["class_a"], pairs["class_b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_confused_pairs_of_classes_spread_alike_and_of_a_class_without_rows():
    table = cluster_table([0, 0, 2, 2, 2, 2], [0, 1, 0, 0, 1, 1], class_names=["x", "nothing", "y"])
    pairs = confused_pairs(table)
    assert pairs[["class_a", "class_b", "overlap"]].to_numpy().tolist() == [["x", "y", 1.0]]


@pytest.mark.parametrize("function", [cluster_table, match_clusters, one_to_one_accuracy, purity, scores])
@pytest.mark.parametrize(
    ("y", "clusters", "message"),
    [
        ([0, 1], [0, 1, 1], "y_true has 2, clusters has 3"),
        ([], [], r"y_true is an array of float64, shape \(0,\)"),
        ([[0], [1]], [[0], [1]], r"y_true is an array of int64, shape \(2, 1\)"),
        ([0.0, np.nan], [0, 1], "y_true has 1 numbers that are NaN"),
    ],
)
def test_bad_labels(function, y, clusters, message):
    with pytest.raises(ValueError, match=message):
        function(y, clusters)


def test_class_without_a_name():
    with pytest.raises(
        ValueError,
        match=r"y_true has classes without a name in class_names: \[2\]; expected integers from 0 to 1",
    ):
        cluster_table([0, 1, 2], [0, 0, 1], class_names=["zero", "one"])
