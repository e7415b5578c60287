"""The explorer of lesson 02: what it shows live, and what it leaves in a saved notebook."""

import json

import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from traitlets import TraitError

from mnistkit.clustering import KMeansSweep
from mnistkit.widgets import kmeans_explorer

PNG = b"\x89PNG\r\n\x1a\n"
WIDGET = "application/vnd.jupyter.widget-view+json"
KS = (1, 2, 3, 12)


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(60, 2))


@pytest.fixture
def sweep():
    rng = np.random.default_rng(1)
    labels = {k: (np.arange(60) % k).astype(np.int32) for k in KS}
    labels[3][:] = 0  # a clustering whose clusters 1 and 2 are empty
    centers = {k: rng.random((k, 12)) for k in KS}
    table = pd.DataFrame({"k": KS, "inertia": [40.0, 30.0, 20.0, 10.0], "n_iter": 1, "seconds": 0.1})
    return KMeansSweep(table, labels, centers)


@pytest.fixture
def explorer(sweep, points):
    return kmeans_explorer(sweep, points, shape=(3, 4), k=2)


def test_slider_offers_the_sweep_and_nothing_else(explorer):
    assert explorer.slider.options == KS
    with pytest.raises(TraitError):
        explorer.slider.value = 4
    assert explorer.slider.value == 2


def test_slider_is_described(explorer):
    assert explorer.slider.description == "clusters k"
    assert "arrow keys" in explorer.slider.tooltip


def test_every_k_has_its_own_picture_and_the_same_k_the_same(explorer):
    pictures = {}
    for k in (*KS, 2, 1):
        explorer.slider.value = k
        shown = bytes(explorer.image.value)
        assert shown.startswith(PNG)
        assert pictures.setdefault(k, shown) == shown
    assert len(set(pictures.values())) == len(KS)


def test_picture_is_drawn_when_first_asked_for_and_once(sweep, points, monkeypatch):
    from mnistkit import plots

    drawn = []
    real = plots.clustering_overview
    monkeypatch.setattr(
        plots, "clustering_overview", lambda *a, **kw: drawn.append(len(a[2])) or real(*a, **kw)
    )
    explorer = kmeans_explorer(sweep, points, shape=(3, 4), k=2)
    assert drawn == [2]
    for k in (12, 2, 12):
        explorer.slider.value = k
    assert drawn == [2, 12]


def test_words_follow_the_slider_and_count_every_row(explorer):
    explorer.slider.value = 3
    assert "k = 3: inertia 20." in explorer.text.value
    assert "c0: 60, c1: 0, c2: 0" in explorer.text.value


def test_points_can_be_fewer_than_the_rows_counted(sweep, points):
    few = kmeans_explorer(sweep, points, rows=[0, 1, 2], shape=(3, 4), k=2)
    everything = kmeans_explorer(sweep, points, shape=(3, 4), k=2)
    assert "c0: 30, c1: 30" in few.text.value
    assert bytes(few.image.value) != bytes(everything.image.value)


def test_saved_output_has_widget_picture_and_words(explorer):
    explorer.slider.value = 12
    data, metadata = DisplayFormatter().format(explorer)
    assert data[WIDGET]["model_id"] == explorer.model_id
    assert data["image/png"] == bytes(explorer.image.value)
    assert "k = 12" in data["text/plain"]
    assert metadata["image/png"]["alt"] == data["text/plain"]
    json.dumps(data[WIDGET])


def test_error_while_drawing_is_seen_and_raised(explorer, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no <room> left")

    monkeypatch.setattr("mnistkit.plots.clustering_overview", fail)
    with pytest.raises(RuntimeError, match="room"):
        explorer.slider.value = 12
    assert "no &lt;room&gt; left" in explorer.text.value
    assert "k = 12" in explorer.text.value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 5}, r"k = 5 is not in the sweep; it has 1, 2, 3, 12"),
        ({"shape": (28, 28)}, r"12 values"),
        ({"projection": np.zeros((60, 3))}, r"\(60, 3\).*\(60, 2\)"),
        ({"projection": np.zeros((59, 2))}, r"\(59, 2\).*\(60, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(sweep, points, change, message):
    arguments = {"projection": points, "shape": (3, 4), "k": 2} | change
    with pytest.raises(ValueError, match=message):
        kmeans_explorer(sweep, **arguments)
