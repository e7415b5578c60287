"""The explorers of clusters, convolutions and layers: what they show live, and what they leave in a saved notebook."""

import base64
import gc
import html
import io
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from explorer_helpers import made_explorers
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from PIL import Image
from traitlets import TraitError

from mnistkit import plots, widgets
from mnistkit.clustering import KMeansSweep, SilhouetteSweep
from mnistkit.records.artifacts import RUN_FOLDER
from mnistkit.records.states import MOST_STATES, STATES_MIME, read_states
from mnistkit.widgets import (
    activation_explorer,
    cells,
    convolution_explorer,
    eps_explorer,
    kmeans_explorer,
    kmeans_steps,
)
from mnistkit.widgets.explorer import drawn as drawn_canvas
from mnistkit.widgets.explorer import picture_of

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


@pytest.mark.slow
def test_no_number_is_shown_that_the_browser_moves_without_the_picture(explorer, layer_explorer):
    """After a restart of the kernel sliders still move, and nothing is drawn any more."""
    sliders = (explorer.slider, layer_explorer.pick, layer_explorer.filter)
    assert not [slider.description for slider in sliders if slider.readout]
    explorer.slider.value = 12
    assert "k = 12:" in explorer.text.value
    layer_explorer.pick.value = 1
    layer_explorer.filter.value = 2
    assert "image 1 (Bag): filter 2 reaches" in layer_explorer.text.value


@pytest.mark.slow
def test_every_k_has_its_own_picture_and_the_same_k_the_same(explorer):
    pictures = {}
    for k in (*KS, 2, 1):
        explorer.slider.value = k
        shown = bytes(explorer.image.value)
        assert shown.startswith(PNG)
        assert pictures.setdefault(k, shown) == shown
    assert len(set(pictures.values())) == len(KS)


@pytest.mark.slow
def test_picture_is_drawn_when_first_asked_for_and_once(sweep, points, monkeypatch):
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


@pytest.mark.slow
def test_saved_output_has_widget_picture_and_words(explorer):
    explorer.slider.value = 12
    data, metadata = DisplayFormatter().format(explorer)
    assert data[WIDGET]["model_id"] == explorer.model_id
    assert data["image/png"] == bytes(explorer.image.value)
    assert "k = 12" in data["text/plain"]
    assert metadata["image/png"]["alt"] == data["text/plain"]
    json.dumps(data[WIDGET])


def test_where_no_widget_can_be_shown_each_explorer_is_a_picture_with_a_sentence():
    """VS Code without its renderer, nbval, a page of GitHub: each shows the richest that it knows."""
    explorers = made_explorers()
    assert {type(explorer).__name__ for explorer in explorers} == {
        n for n in widgets.__all__ if n[0].isupper()
    }
    for explorer in explorers:
        data, metadata = DisplayFormatter().format(explorer)
        assert set(data) == {WIDGET, "image/png", "text/plain"}
        picture = Image.open(io.BytesIO(data["image/png"]))
        assert (picture.format, picture.width) == ("PNG", 1000)
        assert len(picture.getcolors()) > 2, "something is drawn"
        assert html.unescape(explorer.text.value) in data["text/plain"]
        assert data["text/plain"].endswith(".")
        assert metadata["image/png"]["alt"] == data["text/plain"]


@pytest.mark.parametrize(
    "failing", ["plots.clustering_overview", "widgets.clusters.kmeans.KMeansExplorer._clusters"]
)
def test_an_error_while_something_is_drawn_or_offered_is_seen_and_raised(explorer, monkeypatch, failing):
    def fail(*args, **kwargs):
        raise RuntimeError("no <room> left")

    monkeypatch.setattr(f"mnistkit.{failing}", fail)
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


def test_clusters_can_have_the_colours_of_their_digits(sweep, points, monkeypatch):
    seen, real = [], plots.clustering_overview
    monkeypatch.setattr(
        plots, "clustering_overview", lambda *a, **kw: seen.append(kw["matched"]) or real(*a, **kw)
    )
    matched = {2: {0: 7, 1: 1}, 3: {0: 7}}
    explorer = kmeans_explorer(sweep, points, shape=(3, 4), k=2, matched=matched)
    plain = kmeans_explorer(sweep, points, shape=(3, 4), k=2)
    assert seen == [matched[2], None]
    assert bytes(explorer.image.value) != bytes(plain.image.value)


# -- one cluster of a sweep ---------------------------------------------------------------------------------------


@pytest.fixture
def members(drawn):
    """Eight rows of two numbers, in two clusters, with the silhouettes of some; and what is drawn of one."""
    x = np.array([[0.0, 0], [1, 0], [4, 0], [9, 0], [0, 20], [0, 21], [0, 22], [0, 24]])
    labels = {1: np.zeros(8, dtype=int), 2: np.repeat([1, 0], 4), 3: np.repeat([1, 0], 4)}  # 3: one is empty
    centers = {
        1: np.zeros((1, 2)),
        2: np.array([[0, 22.0], [4, 0]]),
        3: np.array([[0, 22.0], [4, 0], [50, 50]]),
    }
    table = pd.DataFrame({"k": [1, 2, 3], "inertia": 1.0, "n_iter": 1, "seconds": 0.1})
    values = np.array([0.5, -0.1, 0.3])  # of rows 0, 2 and 5
    silhouettes = SilhouetteSweep(table, {2: values, 3: values}, np.array([0, 2, 5]))
    drawn("clustering_overview")
    calls = drawn("cluster_members")
    explorer = kmeans_explorer(
        KMeansSweep(table, labels, centers), x, shape=(1, 2), k=2, x=x, silhouettes=silhouettes
    )
    return explorer, calls


def test_a_chosen_cluster_shows_its_images_from_the_centre_outwards_and_back(members):
    explorer, calls = members
    assert explorer.cluster.label == "all clusters"
    explorer.cluster.value = 1
    (_, _, cluster, center, nearest, farthest), look = calls[-1]
    assert (cluster, center.tolist()) == (1, [[4, 0]])
    assert nearest[0].reshape(-1, 2)[:, 0].tolist() == [4, 1, 0, 9]
    assert farthest[0].reshape(-1, 2)[:, 0].tolist() == [9, 0, 1, 4]
    assert nearest[1] == [
        "distance 0.00\nsilhouette -0.10",
        "distance 3.00",
        "distance 4.00\nsilhouette 0.50",
        "distance 5.00",
    ]
    assert look["title"] == "K-means, k = 2, cluster c1: 4 images, mean silhouette 0.20"
    assert explorer.text.value == (
        f"{look['title']}. Its images lie 0.00 to 5.00 from the centre, 50% of them with a silhouette below 0."
    )


def test_another_k_keeps_the_cluster_where_it_has_one_of_that_number(members):
    explorer, _ = members
    explorer.cluster.value = 1
    explorer.slider.value = 3
    assert explorer.cluster.label == "c1"
    assert [label for label, _ in explorer.cluster.options] == ["all clusters", "c0", "c1"], "c2 is empty"
    explorer.slider.value = 1
    assert explorer.cluster.label == "all clusters"
    explorer.cluster.value = 0
    assert "8 images. Its images lie 0.00 to 24.00 from the centre." in explorer.text.value, "none has one"


def test_a_report_offers_the_clusters_of_the_k_where_one_is_shown_and_else_each_k(members):
    explorer, _ = members
    assert [state.label for state in explorer.states().states] == ["1", "2", "3"]
    explorer.cluster.value = 1
    states = explorer.states()
    assert (states.legend, states.chosen) == ("cluster of k = 2", 1)
    assert [state.text.split(":")[0] for state in states.states] == [
        f"K-means, k = 2, cluster c{c}" for c in "01"
    ]


def test_the_figure_of_a_cluster_has_its_points_its_centre_and_both_kinds_of_images():
    points, clusters = np.arange(12.0).reshape(6, 2), np.array([0, 1, 1, 0, 2, 2])
    images, center = np.arange(10.0)[:, None, None] + np.zeros((10, 2, 2)), np.full((2, 2), 7.0)
    near, far = (images, [str(n) for n in range(10)]), (images[::-1][:2], ["9", "8"])
    middle, plane, *sheets = plots.cluster_members(clusters, points, 1, center, near, far, title="t").axes
    assert middle.images[0].get_array()[0, 0] == 7
    others, own = (cloud.get_offsets().tolist() for cloud in plane.collections)
    assert own == points[[1, 2]].tolist()
    assert others == points[[0, 3, 4, 5]].tolist()
    assert [image.get_array()[0, 0] for image in sheets[0].images] == list(range(9))
    assert [text.get_text() for text in sheets[1].texts] == ["9", "8"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((60, 11))}, r"x has shape \(60, 11\); the sweep needs \(60, 12\)"),
        (
            {"silhouettes": SilhouetteSweep(pd.DataFrame(), {}, np.array([3, 60]))},
            "rows up to 60; expected at most 59",
        ),
    ],
)
def test_rows_and_silhouettes_must_be_the_sweeps(sweep, points, change, message):
    with pytest.raises(ValueError, match=message):
        kmeans_explorer(sweep, points, shape=(3, 4), k=2, **change)


# -- the explorer of steps ----------------------------------------------------------------------------------------


@pytest.fixture
def steps():
    """Four points, two of which start as the centres, and what K-means does with them."""
    points = np.array([[0.0, 0], [0, 2], [9, 0], [9, 2]])
    centers = [points[:2], np.array([[4.5, 0], [4.5, 2]])]
    return points, [(np.array([0, 1, 0, 1]), center) for center in centers]


def test_each_step_is_two_moves_and_the_words_follow(steps):
    explorer = kmeans_steps(*steps)
    assert (explorer.slider.min, explorer.slider.max, explorer.slider.value) == (0, 2, 0)
    assert not explorer.slider.readout
    assert explorer.describe() == "Step 1 of 2: the points have a new cluster, inertia 162."
    explorer.slider.value = 1
    assert explorer.text.value == "Step 1 of 2: the centres have moved to the mean, inertia 81."
    explorer.slider.value = 2
    assert explorer.text.value == "Step 2 of 2: the points have a new cluster, inertia 81."


def test_without_a_kernel_a_few_moves_stand_side_by_side(steps):
    explorer = kmeans_steps(*steps)
    data, metadata = DisplayFormatter().format(explorer)
    assert data[WIDGET]["model_id"] == explorer.model_id
    assert data["image/png"].startswith(PNG)
    assert data["image/png"] != bytes(explorer.image.value)
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert data["text/plain"].count("Step") == 3


def test_one_step_is_enough(steps):
    points, (first, _) = steps
    data, _ = DisplayFormatter().format(kmeans_steps(points, [first]))
    assert data["text/plain"] == "Step 1 of 1: the points have a new cluster, inertia 162."


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (([0, 1], [[0.0, 0], [1, 1]]), "2 clusters"),
        (([0, 1, 1, 1], [[0.0, 0, 0], [1, 1, 1]]), "centres of 3 numbers"),
        (([0, 1, 2, 1], [[0.0, 0], [1, 1]]), "the cluster 2; there are 2 centres"),
    ],
)
def test_steps_that_do_not_fit_are_refused(steps, step, message):
    with pytest.raises(ValueError, match=message):
        kmeans_steps(steps[0], [step])


# -- the explorer of layers ---------------------------------------------------------------------------------------


@pytest.fixture
def maps():
    rng = np.random.default_rng(2)
    found = {"conv1": rng.random((2, 5, 5, 3)), "conv2": rng.random((2, 3, 3, 6))}
    found["conv2"][1, ..., 4] = 0  # a filter that is silent on image 1
    found["conv2"][1, 2, 0, 5] = 7
    return found


@pytest.fixture
def layer_explorer(maps):
    return activation_explorer(np.random.default_rng(3).random((2, 6, 6)), maps, ["Coat", "Bag"])


@pytest.mark.slow
def test_layer_explorer_offers_images_layers_and_the_filters_of_the_layer(layer_explorer):
    assert layer_explorer.pick.options == (("0: Coat", 0), ("1: Bag", 1))
    assert layer_explorer.layer.options == ("conv1", "conv2")
    assert (layer_explorer.filter.min, layer_explorer.filter.max) == (0, 2)
    layer_explorer.layer.value = "conv2"
    assert (layer_explorer.filter.min, layer_explorer.filter.max) == (0, 5)
    layer_explorer.filter.value = 5
    layer_explorer.layer.value = "conv1"  # which has no filter 5
    assert layer_explorer.filter.value == 2
    assert "Layer conv1" in layer_explorer.text.value
    assert "filter 2 reaches" in layer_explorer.text.value


@pytest.mark.slow
def test_layer_explorer_draws_each_choice_once_and_shows_what_is_chosen(layer_explorer, monkeypatch):
    drawn, real = [], plots.layer_overview
    monkeypatch.setattr(plots, "layer_overview", lambda *a, **kw: drawn.append((*a, kw)) or real(*a, **kw))
    layer_explorer.pick.value = 1
    layer_explorer.layer.value = "conv2"
    layer_explorer.filter.value = 2
    pictures = {bytes(layer_explorer.image.value)}
    layer_explorer.pick.value = 0
    pictures.add(bytes(layer_explorer.image.value))
    layer_explorer.pick.value = 1  # drawn before
    assert bytes(layer_explorer.image.value) in pictures
    assert len(pictures) == 2
    assert [call[-1]["title"] for call in drawn] == [
        "Bag in layer conv1, filter 0",
        "Bag in layer conv2, filter 0",
        "Bag in layer conv2, filter 2",
        "Coat in layer conv2, filter 2",
    ]
    image, values, number, _ = drawn[2]
    assert np.array_equal(image, layer_explorer._images[1])
    assert values[2, 0, 5] == 7
    assert number == 2


@pytest.mark.slow
def test_layer_explorer_says_it_in_words(layer_explorer, maps):
    layer_explorer.pick.value = 1
    layer_explorer.layer.value = "conv2"
    layer_explorer.filter.value = 1
    words = layer_explorer.text.value
    assert "image 1 (Bag)" in words
    assert f"filter 1 reaches {maps['conv2'][1, ..., 1].max():.2f}" in words
    assert "the strongest filter, 5, 7.00" in words
    assert "1 of 6 filters are silent" in words


def test_layer_explorer_shows_errors(layer_explorer, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no <room> left")

    monkeypatch.setattr("mnistkit.plots.layer_overview", fail)
    with pytest.raises(RuntimeError, match="room"):
        layer_explorer.filter.value = 2
    assert "no &lt;room&gt; left" in layer_explorer.text.value
    assert "image 0, layer conv1, filter 2" in layer_explorer.text.value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titles": ["Coat"]}, "images has 2, titles has 1"),
        ({"images": np.zeros((2, 6, 6, 1))}, r"images is an array of float64, shape \(2, 6, 6, 1\)"),
        ({"images": np.zeros((0, 6, 6))}, r"images is an array of float64, shape \(0, 6, 6\)"),
        ({"activations": {}}, "activations is a dict of 0"),
        ({"activations": {"dense1": np.zeros((2, 128))}}, r"'dense1'.*\(2, 128\)"),
        ({"activations": {"conv1": np.zeros((3, 5, 5, 3))}}, r"'conv1'.*\(3, 5, 5, 3\)"),
    ],
)
def test_layers_that_do_not_fit_are_refused(maps, change, message):
    arguments = {"images": np.zeros((2, 6, 6)), "activations": maps, "titles": ["Coat", "Bag"]} | change
    with pytest.raises(ValueError, match=message):
        activation_explorer(**arguments)


# -- the explorer of a convolution --------------------------------------------------------------------------------


@pytest.fixture
def convolution():
    step = np.zeros((2, 5, 6))
    step[0, :, 3:] = 1  # dark on the left, bright on the right
    return convolution_explorer(step, ["a step", "nothing"])


def test_a_convolution_says_what_its_window_gives(convolution):
    assert convolution.place.max == 3 * 4
    assert "row 1, column 1 gives 3.00" in convolution.text.value, "it begins where something is to see"
    assert "6 of 12 places are visited" in convolution.text.value
    convolution.place.value = 2  # columns 1 to 3: 0 0 1 in each row
    assert "row 0, column 1 gives 3.00" in convolution.text.value
    assert "2 of 12 places are visited" in convolution.text.value
    convolution.pick.value = 1
    assert "column 1 gives 0.00" in convolution.text.value


def test_each_weight_can_be_edited_and_a_known_kernel_fills_all_nine_at_once(convolution, monkeypatch):
    drawn = []
    monkeypatch.setattr(type(convolution), "_draw", lambda explorer: drawn.append(explorer.kernel.tolist()))
    convolution.weights[4].value = 7
    convolution.start.value = "top edges"
    assert drawn == [[[-1, 0, 1], [-1, 7, 1], [-1, 0, 1]], [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]]


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [(np.zeros((1, 2, 5)), ["a"], "2 × 5 pixels"), (np.zeros((1, 5, 5)), ["a", "b"], "titles")],
)
def test_a_convolution_needs_room_and_a_title_for_each_image(images, titles, message):
    with pytest.raises(ValueError, match=message):
        convolution_explorer(images, titles)


# -- states, for the page of a report -----------------------------------------------------------------------------


def shown_by(explorer):
    """Give what an explorer shows now: picture and words."""
    return bytes(explorer.image.value), html.unescape(explorer.text.value)


def content(state):
    return base64.b64decode(state.picture), state.text


@pytest.mark.slow
def test_states_of_a_sweep_are_its_clusterings(explorer, sweep, points):
    states = explorer.states()
    assert states.legend == "clusters k"
    assert [state.label for state in states.states] == list(map(str, KS))
    assert len({state.picture for state in states.states}) == len(KS)
    for k, inertia, state in zip(KS, sweep.table["inertia"], states.states, strict=True):
        assert state.text.startswith(f"K-means with k = {k}: inertia {inertia:.0f}.")
        assert content(state) == shown_by(kmeans_explorer(sweep, points, shape=(3, 4), k=k))


@pytest.mark.slow
def test_the_chosen_state_is_where_the_slider_stands_and_drawing_them_moves_nothing(explorer):
    shown = shown_by(explorer)
    states = explorer.states()
    assert states.states[states.chosen].label == "2"
    assert explorer.slider.value == 2
    assert shown_by(explorer) == shown
    explorer.slider.value = 12
    assert explorer.states().chosen == 3
    assert "k = 12" in explorer.text.value


@pytest.mark.slow
def test_states_of_steps_are_the_moves_behind_all_at_a_glance(steps):
    explorer = kmeans_steps(*steps)
    states = explorer.states()
    assert (states.legend, states.chosen) == ("move", 0)
    assert [state.label for state in states.states] == ["at a glance", "0", "1", "2"]
    assert states.states[0].text.count("Step") == 3
    for move, state in enumerate(states.states[1:]):
        explorer.slider.value = move
        assert content(state) == shown_by(explorer)


@pytest.mark.slow
def test_states_of_layers_are_the_strongest_filters_of_the_chosen_image(layer_explorer, maps):
    maps["conv2"][1, ..., 0] = 0.001  # the second weakest: filter 4 is silent
    layer_explorer.pick.value = 1
    layer_explorer.layer.value, layer_explorer.filter.value = "conv2", 4
    shown = layer_explorer.describe()
    states = layer_explorer.states()
    labels = [f"conv1, {n}" for n in range(3)] + [f"conv2, {n}" for n in (0, 1, 2, 3, 5)]
    assert [state.label for state in states.states] == labels
    assert (layer_explorer.layer.value, layer_explorer.filter.value) == ("conv2", 4)
    assert layer_explorer.describe() == shown
    for state in states.states:
        layer, number = state.label.split(", ")
        reached = maps[layer][1, ..., int(number)].max()
        assert f"Layer {layer}, image 1 (Bag): filter {number} reaches {reached:.2f}" in state.text


@pytest.mark.slow
def test_states_of_a_convolution_are_the_known_kernels_and_leave_edited_weights(convolution):
    convolution.weights[4].value = 7
    edited = convolution.kernel
    states = convolution.states()
    assert np.array_equal(convolution.kernel, edited)
    assert [state.label for state in states.states] == ["left edges", "top edges", "blur", "all edges"]
    for state in [
        *states.states[1:],
        states.states[0],
    ]:  # it begins with the first: choosing it changes nothing
        convolution.start.value = state.label
        assert content(state) == shown_by(convolution)


@pytest.mark.slow
def test_of_many_stops_some_are_taken_and_the_chosen_one_is_among_them(points, monkeypatch):
    ks = range(1, 60)
    labels = {k: np.arange(60) % k for k in ks}
    table = pd.DataFrame({"k": ks, "inertia": 1.0, "n_iter": 1, "seconds": 0.1})
    sweep = KMeansSweep(table, labels, {k: np.zeros((k, 1)) for k in ks})
    monkeypatch.setattr("mnistkit.plots.clustering_overview", lambda *a, **kw: Figure(figsize=(2, 1)))
    states = kmeans_explorer(sweep, points, shape=(1, 1), k=29).states()
    found = [int(state.label) for state in states.states]
    assert len(found) <= MOST_STATES
    assert found[states.chosen] == 29
    assert set(np.diff(found)) == {3}


def test_an_explorer_with_one_stop_has_no_states(points):
    table = pd.DataFrame({"k": [1], "inertia": 1.0, "n_iter": 1, "seconds": 0.1})
    sweep = KMeansSweep(table, {1: np.zeros(60, dtype=int)}, {1: np.zeros((1, 12))})
    assert kmeans_explorer(sweep, points, shape=(3, 4), k=1).states() is None


@pytest.mark.slow
def test_only_a_run_keeps_the_states_in_the_notebook(explorer, monkeypatch):
    monkeypatch.delenv(RUN_FOLDER, raising=False)
    data, metadata = DisplayFormatter().format(explorer)
    assert set(data) == {"text/plain", "image/png", WIDGET}
    monkeypatch.setenv(RUN_FOLDER, "somewhere")
    in_a_run, same = DisplayFormatter().format(explorer)
    assert same == metadata
    states = read_states({"data": json.loads(json.dumps({STATES_MIME: in_a_run.pop(STATES_MIME)}))})
    assert states == explorer.states()
    assert in_a_run == data


@pytest.mark.slow
def test_a_picture_has_few_colours_and_an_explorers_width(explorer):
    picture = Image.open(io.BytesIO(explorer.image.value))
    assert (picture.mode, picture.size) == ("P", (1000, 520))
    colors = {rgb for _, rgb in picture.convert("RGB").getcolors()}
    assert {(255, 255, 255), (0, 0, 0)} <= colors


@pytest.mark.slow
def test_no_garbage_is_collected_while_a_picture_is_drawn_but_afterwards():
    collected = []

    def figure():
        gc.callbacks.append(lambda phase, info: collected.append(phase))
        made = [[] for _ in range(3 * gc.get_threshold()[0])]
        raise ValueError(f"{len(made)} objects, {len(collected)} collections")

    try:
        with pytest.raises(ValueError, match="objects, 0 collections"):
            picture_of(figure)
        assert [[] for _ in range(3 * gc.get_threshold()[0])] and collected
    finally:
        gc.callbacks.pop()


def test_pictures_are_kept_up_to_a_limit(explorer, monkeypatch):
    monkeypatch.setattr("mnistkit.widgets.explorer._KEPT", 2)
    for k in KS:
        explorer.slider.value = k
    assert [k for k, _ in explorer._pictures] == [3, 12]


# -- a cell that is run again --------------------------------------------------------------------------------------


@pytest.fixture
def cell(monkeypatch):
    """Give a function that says which cell is executed from now on, as a kernel knows it."""
    numbers = itertools.count()
    parent = {}
    kernel = SimpleNamespace(get_parent=lambda channel: parent)
    monkeypatch.setattr(cells, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    monkeypatch.setattr(cells, "_made", {})

    def executed(name):
        metadata = {"cellId": name} if name else {}
        parent.update(header={"msg_id": str(next(numbers))}, metadata=metadata)

    return executed


def shown_sweep(sweep, points):
    explorer = kmeans_explorer(sweep, points, shape=(3, 4), k=2)
    explorer._repr_mimebundle_()
    return explorer


def is_open(explorer):
    states = {w.comm is not None for w in (explorer, explorer.slider, explorer.image, explorer.text)}
    assert len(states) == 1, "an explorer is closed with all of its parts"
    return states.pop()


@pytest.mark.slow
def test_the_explorers_of_a_cell_that_is_run_again_are_closed(sweep, points, cell):
    cell("a")
    two = [shown_sweep(sweep, points) for _ in range(2)]
    cell("b")
    other = shown_sweep(sweep, points)
    assert all(map(is_open, [*two, other]))
    cell("a")
    again = shown_sweep(sweep, points)
    assert list(map(is_open, [*two, other, again])) == [False, False, True, True]


@pytest.mark.slow
def test_an_explorer_that_another_cell_shows_stays_open(sweep, points, cell):
    cell("a")
    explorer = shown_sweep(sweep, points)
    cell("b")
    explorer._repr_mimebundle_()
    cell("a")
    shown_sweep(sweep, points)
    assert is_open(explorer)


@pytest.mark.slow
def test_without_the_name_of_a_cell_nothing_is_closed(sweep, points, cell):
    explorers = []
    for _ in range(2):
        cell("")
        explorers.append(shown_sweep(sweep, points))
    assert all(map(is_open, explorers))


# -- the explorer of eps ------------------------------------------------------------------------------------------

FIVE = np.array([[0.0, 0], [1, 0], [4, 0], [5, 0], [30, 40]])
COUNTS = pd.DataFrame([[5, 2], [1, 7]], index=["cat", "dog"], columns=["cat", "dog"])
CURVES = pd.DataFrame({"answered": [1, 0.9], "right": [0.9, 0.95], "error": 0.01}, index=[0, 0.9])
FOUND = {5.0: [0, 0, 0, 0, -1], 1.0: [0, 0, 1, 1, -1], 0.5: [-1] * 5, 60.0: [0] * 5}

ASCENDING = {eps: np.array(FOUND[eps]) for eps in sorted(FOUND)}


def test_each_eps_is_offered_from_the_smallest_up_and_the_words_count_its_clusters():
    explorer = eps_explorer(FIVE, FOUND, 1.3)
    assert explorer.slider.options == (("0.5", 0.5), ("1", 1.0), ("5", 5.0), ("60", 60.0))
    assert explorer.slider.value == 1.0, "the nearest to 1.3"
    words = {}
    for _, eps in explorer.slider.options:
        explorer.slider.value = eps
        words[eps] = explorer.text.value.removeprefix("DBSCAN with ")
    assert words == {
        0.5: "eps = 0.5: 0 clusters, 100% noise (5 of 5 points). Points in each cluster: none.",
        1.0: "eps = 1: 2 clusters, 20% noise (1 of 5 points). Points in each cluster: c0: 2, c1: 2.",
        5.0: "eps = 5: 1 cluster, 20% noise (1 of 5 points). Points in each cluster: c0: 4.",
        60.0: "eps = 60: 1 cluster, 0% noise (0 of 5 points). Points in each cluster: c0: 5.",
    }
    states = explorer.states()
    assert [state.text.removeprefix("DBSCAN with ") for state in states.states] == list(words.values())
    assert [state.label for state in states.states] == ["0.5", "1", "5", "60"]
    assert states.chosen == 3


def test_the_clusters_of_the_chosen_eps_are_drawn_and_all_eps_are_beside_them():
    names = {"title": "t", "axis_names": ("x", "y")}
    left, *curves = plots.eps_step(FIVE, ASCENDING, 1.0, **names, to_scale=True).axes
    drawn = {cloud.get_label(): cloud.get_offsets().tolist() for cloud in left.collections}
    assert drawn["c0"] == FIVE[:2].tolist()
    assert drawn["c1"] == FIVE[2:4].tolist()
    assert [points for name, points in drawn.items() if name not in ("c0", "c1")] == [[[30, 40]]]
    (circle,) = left.patches
    assert circle.radius == 1.0
    assert circle.center == (5, 0), "the point nearest to the mean, (8, 8)"
    for ax, expected in zip(curves, ([0, 2, 1, 1], [1, 0.2, 0.2, 0]), strict=True):
        curve, mark = ax.lines
        assert curve.get_xdata().tolist() == [0.5, 1, 5, 60]
        assert curve.get_ydata().tolist() == expected
        assert mark.get_xdata() == [1, 1]
    assert not plots.eps_step(FIVE, ASCENDING, 5.0, **names).axes[0].patches, "not to scale: no circle"


@pytest.mark.parametrize(
    ("whole", "ground"),
    [
        (
            lambda **over: plots.eps_step(FIVE, ASCENDING, 1.0, title="t", axis_names=("x", "y"), **over),
            lambda: plots.eps_ground(ASCENDING),
        ),
        (
            lambda **over: plots.confusion_cell(COUNTS, 0, 1, [], [], title="t", **over),
            lambda: plots.confusion_ground(COUNTS),
        ),
        (
            lambda **over: plots.threshold_curves(CURVES, 0.9, [], [], [], ["no", "yes"], title="t", **over),
            lambda: plots.threshold_ground(CURVES),
        ),
    ],
    ids=["eps", "confusion", "threshold"],
)
def test_what_lies_on_its_ground_is_the_whole_figure(course_style, whole, ground):
    laid = drawn_canvas(whole(over_ground=True), drawn_canvas(ground()))
    at_once = drawn_canvas(whole())
    difference = np.abs(np.asarray(laid.buffer_rgba(), int) - np.asarray(at_once.buffer_rgba(), int))[..., :3]
    assert (difference > 8).mean() < 1e-3, "but for the order of lines that cross"


def test_an_eps_on_other_axes_has_their_names():
    explorer = eps_explorer(FIVE, FOUND, 5.0, axis_names=("t-SNE 1", "t-SNE 2"))
    axes = explorer._figure().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("t-SNE 1", "t-SNE 2")


@pytest.mark.parametrize(
    ("points", "clusterings", "message"),
    [
        (FIVE, {1.0: [0, 0]}, r"clusterings\[1.0\] is of 2 points; there are 5"),
        (FIVE, {1.0: [-2] * 5}, "of at least -1"),
        (np.zeros((5, 3)), FOUND, r"\(5, 3\); expected two numbers"),
        (FIVE, {}, "clusterings is a dict of 0"),
    ],
)
def test_clusterings_must_be_of_the_points(points, clusterings, message):
    with pytest.raises(ValueError, match=message):
        eps_explorer(points, clusterings, 1.0)
