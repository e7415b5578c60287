"""Few dimensions and near neighbours: against scikit-learn, by hand, and in cases with a known answer."""

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

from mnistkit import embedding


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 20, (3, 60))
    return np.repeat(centers, 40, axis=0) + rng.normal(0, 1, (120, 60)), np.repeat(range(3), 40)


def test_tsne_keeps_groups_apart_and_neighbours_near(blobs):
    x, groups = blobs
    flat = embedding.tsne(x, components=10, perplexity=10, iterations=300)
    assert flat.shape == (120, 2)
    assert flat.dtype == np.float32
    _, nearest = NearestNeighbors(n_neighbors=6).fit(flat).kneighbors(flat)
    assert (groups[nearest] == groups[:, None]).all()


def test_tsne_repeats_with_its_seed_and_has_as_many_dimensions_as_asked(blobs):
    x, _ = blobs
    settings = {"components": 10, "perplexity": 5, "iterations": 275, "init": "random"}
    first, again, other = (embedding.tsne(x[::4], 3, seed=seed, **settings) for seed in (1, 1, 2))
    assert first.shape == (30, 3)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_tsne_reduces_to_principal_components_first(blobs, monkeypatch):
    seen = []
    monkeypatch.setattr("openTSNE.TSNE.fit", lambda self, rows: seen.append(rows.shape) or rows[:, :2])
    for components in (10, 60, 500):
        embedding.tsne(blobs[0], components=components)
    assert seen == [(120, 10), (120, 60), (120, 60)]


def test_tsne_shows_one_line_of_progress_that_ends_complete(blobs, capsys):
    embedding.tsne(blobs[0], components=10, perplexity=10, iterations=300, progress="layout")
    out = capsys.readouterr().out
    assert out.count("\n") <= 1
    assert "layout: 100%" in out.split("\r")[-1]
    embedding.tsne(blobs[0], components=10, perplexity=10, iterations=275)
    assert capsys.readouterr().out == ""


def test_many_rows_are_laid_out_by_interpolation_and_three_dimensions_never(blobs, monkeypatch):
    used = []
    monkeypatch.setattr(
        "openTSNE.TSNE.fit", lambda self, rows: used.append(self.negative_gradient_method) or rows[:, :2]
    )
    embedding.tsne(blobs[0])
    monkeypatch.setattr(embedding, "_INTERPOLATION_PAYS", 119)
    embedding.tsne(blobs[0])
    embedding.tsne(blobs[0], 3)
    assert used == ["bh", "fft", "bh"]


def test_distances_are_those_of_scikit_learn_and_serve_dbscan(blobs):
    x, groups = blobs
    distances = embedding.distance_matrix(x)
    expected, _ = NearestNeighbors(n_neighbors=120, algorithm="brute").fit(x).kneighbors(x)
    np.testing.assert_allclose(np.sort(distances, axis=1), expected, rtol=1e-4, atol=1e-4)
    assert (np.diag(distances) == 0).all()
    shared = DBSCAN(eps=12, min_samples=5, metric="precomputed").fit_predict(distances)
    own_search = DBSCAN(eps=12, min_samples=5).fit_predict(x)
    np.testing.assert_array_equal(shared, own_search)
    assert len(np.unique(shared)) == 3
    assert (shared == groups).all()


@pytest.mark.slow
def test_many_chunks_give_the_same_distances(monkeypatch):
    x = np.random.default_rng(1).normal(size=(3000, 4)).astype("float32")  # 72 MB in float64: two chunks
    distances = embedding.distance_matrix(x)
    np.testing.assert_allclose(distances[2999, 5], np.linalg.norm(x[2999] - x[5]), rtol=1e-4)
    np.testing.assert_allclose(distances, distances.T, atol=1e-3)


def test_k_distances_count_the_other_rows():
    places = np.array([[0.0], [1.0], [3.0], [7.0]])
    distances = embedding.distance_matrix(places)
    assert embedding.k_distances(distances, 1).tolist() == [1, 1, 2, 4]
    assert embedding.k_distances(distances, 2).tolist() == [2, 3, 3, 6]
    assert embedding.k_distances(distances, 3).tolist() == [4, 6, 7, 7]


@pytest.mark.parametrize("k", [0, 4, -1])
def test_k_out_of_range_is_refused(k):
    with pytest.raises(ValueError, match=f"k is {k}"):
        embedding.k_distances(np.zeros((4, 4), "float32"), k)


def test_core_points_are_those_whose_k_distance_is_within_eps(blobs):
    distances = embedding.distance_matrix(blobs[0])
    curve = embedding.k_distances(distances, 4)
    eps = float(np.median(curve))
    cores = DBSCAN(eps=eps, min_samples=5, metric="precomputed").fit(distances).core_sample_indices_
    assert len(cores) == np.count_nonzero(curve <= eps)
    assert 0 < len(cores) < 120


def test_neighbours_kept_is_1_for_the_same_rows_and_chance_for_strangers(blobs):
    x, _ = blobs
    rng = np.random.default_rng(2)
    assert embedding.neighbourhood_preservation(x, 3 * x + 1, k=7) == 1
    assert embedding.neighbourhood_preservation(x, rng.normal(size=(120, 2)), k=12) == pytest.approx(
        12 / 119, abs=0.05
    )
    line = np.array([[0.0], [1.0], [2.1], [3.3]])
    moved = np.array([[0.0], [1.0], [2.1], [-0.5]])  # 3 leaves 2 for 0, and takes 0's place beside 1
    assert embedding.neighbourhood_preservation(line, moved, k=1) == 0.5


def test_different_numbers_of_rows_are_refused(blobs):
    with pytest.raises(ValueError, match="before has 120, after has 119"):
        embedding.neighbourhood_preservation(blobs[0], blobs[0][1:])


def test_wide_rows_are_searched_few_at_a_time(monkeypatch):
    """The search holds so many rows as float64 for each thread."""
    held = []

    def search(rows, k):
        held.append(sklearn.get_config()["pairwise_dist_chunk_size"])
        return csr_matrix(np.eye(len(rows)))

    monkeypatch.setattr(embedding, "kneighbors_graph", search)
    before = sklearn.get_config()
    embedding.neighbourhood_preservation(np.zeros((3, 10_000), "float32"), np.zeros((3, 2)))
    assert held == [20, 256]
    assert sklearn.get_config() == before
