"""What all figures share; the figures themselves are drawn by every run of the notebooks."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats
from IPython.utils.capture import capture_output
from matplotlib.patches import Rectangle

from mnistkit import plots


def test_a_shown_figure_carries_its_alt_text_and_is_closed():
    select_figure_formats(InteractiveShell.instance(), {"png"})
    figure, _ = plt.subplots()
    with capture_output() as captured:
        plots.show(figure, alt="what is to be seen")
    (output,) = captured.outputs
    assert output.data["image/png"]
    assert output.metadata["image/png"]["alt"] == "what is to be seen"
    assert figure.number not in plt.get_fignums()


def test_many_series_are_all_drawn_and_can_be_told_apart():
    rng, names = np.random.default_rng(0), [str(number) for number in range(47)]  # EMNIST has so many classes
    points, labels = rng.normal(size=(94, 2)), np.repeat(np.arange(47), 2)
    scatter = plots.class_scatters([points], [labels], [names], ["one"], title="t")
    looks = {
        (each.get_facecolor().tobytes(), each.get_paths()[0].vertices.tobytes())
        for each in scatter.axes[0].collections
    }
    assert len(looks) == 47
    groups = {name: rng.uniform(1, 9, 30) for name in names[:6]}
    counts = plots.distance_histogram(groups, title="t", xlabel="x")
    answers = plots.rotation_answers(np.arange(30.0), groups, 5.0, np.zeros((30, 8, 8)), title="t")
    ratios = {name: values / values.sum() for name, values in groups.items()}
    components = plots.scree(ratios, 0.9, dict.fromkeys(groups, 9), title="t")
    for figure in (counts, answers, components):
        assert set(names[:6]) <= {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    for figure in (scatter, counts, answers, components):
        plt.close(figure)


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_figure_without_alt_text_is_refused(alt):
    figure, _ = plt.subplots()
    with pytest.raises(ValueError, match="alt text"):
        plots.show(figure, alt=alt)
    plt.close(figure)


def test_the_style_is_set_by_the_call_and_not_by_the_import():
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        before = dict(matplotlib.rcParams)
        assert before["image.cmap"] == "viridis", "importing mnistkit.plots changed the settings"
        plots.use_style()
        assert matplotlib.rcParams["image.cmap"] == "gray"


def test_a_grid_shows_every_image_on_one_grey_scale_and_leaves_the_rest_empty():
    images = np.arange(5)[:, np.newaxis, np.newaxis] * np.ones((5, 28, 28))
    figure = plots.image_grid(images, list("abcde"), title="five", columns=3, row_labels=["x", "y"])
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == list("abcde")
    assert [ax.images[0].get_array().mean() for ax in shown] == [0, 1, 2, 3, 4]
    assert {ax.images[0].get_clim() for ax in shown} == {(0, 4)}
    assert [ax.get_ylabel() for ax in shown if ax.get_ylabel()] == ["x", "y"]
    assert len(figure.axes) == 6
    plt.close(figure)


def test_a_layers_maps_stand_in_the_order_of_its_filters_and_the_chosen_one_is_framed():
    maps = np.ones((2, 3, 5)) * np.arange(5)
    figure = plots.layer_overview(np.zeros((4, 4)), maps, 4, title="filter 4")
    sheet = next(ax for ax in figure.axes if ax.get_title() == "all 5 filters")
    drawn = sheet.images[0].get_array()
    assert drawn.shape == (5, 15), "two rows of four maps of 2 × 3, one empty pixel between them"
    assert [drawn[3 * (n // 4), 4 * (n % 4)] for n in range(5)] == [0, 1, 2, 3, 4]
    assert drawn.mask[2].all()
    assert drawn.mask[:, 3].all()
    frame = next(
        artist
        for artist in sheet.get_children()
        if isinstance(artist, Rectangle) and artist is not sheet.patch
    )
    left, top = frame.get_xy()
    assert -1 < left < 0, "filter 4 is the first of the second row"
    assert 2 < top < 3
    assert (figure.axes[1].images[0].get_array() == 4).all()


def test_labels_are_pushed_apart_until_none_hides_another():
    places = np.array([[0.0, 0], [0, 0], [0.1, 0.02], [5, 5]])
    moved = plots.pushed_apart(places, np.array([1.0, 0.5]))
    gaps = np.abs(moved[:, None] - moved[None]) / (1.0, 0.5)
    assert (gaps.max(axis=-1)[~np.eye(4, dtype=bool)] >= 1).all()
    assert moved[3].tolist() == [5, 5], "a label that hides nothing stays"
    assert places[0].tolist() == [0, 0], "the input must stay as it is"


def test_places_that_are_close_on_a_logarithmic_axis_share_a_name(course_style):
    table = pd.DataFrame({"right": range(5)}, index=[300, 600, 1200, 4800, 6000])
    figure = plots.curves(table, title="t", xlabel="x", ylabel="y", log_x=True)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == [
        "300",
        "600",
        "1200",
        "",
        "6000",
    ]
    assert figure.axes[0].get_xticks().tolist() == table.index.tolist()


def few_of_everything():
    """Figures with an axis that counts, and little on it; give these axes."""
    ones, two = np.ones((2, 1, 1)), np.array([1, 1])
    eps = plots.eps_ground({0.5: np.zeros(3, int), 0.7: np.zeros(3, int), 0.9: np.zeros(3, int)})
    yield "clusters by eps", eps.axes[1].yaxis
    sweep = pd.DataFrame({"pixels": [1.0, 0.5]}, index=[1, 2])
    inertia, found = plots.elbow_figure(sweep, {"pixels": 2}, {2: 2}, title="t").axes
    yield from (("k", inertia.xaxis), ("last k", found.xaxis), ("k found", found.yaxis))
    overview = plots.clustering_overview(np.arange(2), np.eye(2), ones, two, title="t")
    yield "images in a cluster", overview.axes[2].yaxis
    counts = plots.class_counts([two], [["a", "b"]], ["few"], title="t")
    yield "images of a class", counts.axes[0].xaxis
    distances = plots.k_distance_curves({"d": np.array([1.0, 2])}, {"d": 1.5}, title="t")
    yield "images by distance", distances.axes[0].xaxis
    history = pd.DataFrame({"accuracy": [0.5], "val_accuracy": [0.5]}, index=[1])
    yield "epochs", plots.learning_curves({"ANN": history}, {"ANN": (0.5, 0.5)}, title="t").axes[0].xaxis
    yield "steps", plots.curves(sweep, title="t", xlabel="step", ylabel="loss").axes[0].xaxis
    unit = plots.dense_answers(np.zeros((2, 2)), np.ones(1), two / 2, ["a", "b"], title="t")
    yield "units", unit.axes[1].xaxis


def test_an_axis_that_counts_has_whole_numbers_also_where_there_is_little_to_count(course_style):
    for name, axis in few_of_everything():
        low, high = axis.get_view_interval()
        labels = [place for place in axis.get_ticklocs() if min(low, high) <= place <= max(low, high)]
        assert labels, name
        assert all(float(place).is_integer() for place in labels), (name, labels)
    plt.close("all")


def test_an_axis_that_does_not_count_keeps_its_fractions(course_style):
    table = pd.DataFrame({"ANN": [0.1, 0.9]}, index=[0.2, 0.7])
    figure = plots.curves(table, title="t", xlabel="seconds", ylabel="accuracy")
    assert any(place % 1 for place in figure.axes[0].get_xticks())


def test_seconds_are_written_without_powers_of_ten(course_style):
    table = pd.DataFrame({"way": ["a", "b", "c"], "right": [0.5, 0.6, 0.7], "seconds": [0.123, 3925.0, 14.4]})
    figure = plots.method_comparison(table, "way", ["right"], title="t")
    assert [text.get_text() for text in figure.axes[1].texts] == ["0.12 s", "3,925 s", "14 s"]


def test_each_row_of_points_stands_at_its_name_and_a_single_column_has_numbers(course_style):
    table = pd.DataFrame({"images": [3000.0, 10.0]}, index=["fast", "slow"])
    figure = plots.dot_rows(table, title="speed", xlabel="images a second", number="{:,.0f}", log_x=True)
    (ax,) = figure.axes
    (points,) = ax.lines
    names = dict(zip(ax.get_yticks(), [label.get_text() for label in ax.get_yticklabels()], strict=True))
    assert {names[y]: x for x, y in points.get_xydata()} == {"fast": 3000, "slow": 10}
    assert [text.get_text() for text in ax.texts] == ["3,000", "10"]
    assert ax.yaxis_inverted(), "the first row stands on top"
    assert ax.get_xscale() == "log"
    plt.close(figure)


def test_a_cross_marks_the_brightest_place_where_there_is_one(course_style):
    maps = np.zeros((2, 3, 3))
    maps[0, 1, 2] = 1
    figure = plots.evidence_maps(np.ones((2, 3, 3)), {"m": maps}, ["a", "b"], title="t", mark_brightest=True)
    crosses = [[line.get_xydata().tolist() for line in ax.lines] for ax in figure.axes[2:4]]
    assert crosses == [[[[2, 1]]] * 2, []]
    plt.close(figure)


def test_a_cluster_has_the_colour_and_marker_of_its_matched_class_in_both_panels():
    points = np.array([[0.0, 0], [1, 0], [5, 5], [6, 5]])
    clusters, classes = np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1])
    figure = plots.projection_pair(
        points, clusters, classes, ["a", "b"], axis_names=("x", "y"), title="t", matched={1: 0, 0: 1}
    )
    look = []
    for ax in figure.axes:
        clouds = {
            tuple(map(tuple, cloud.get_offsets())): tuple(cloud.get_facecolor()[0])
            for cloud in ax.collections
        }
        look.append(clouds)
    assert look[0] == look[1]
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["c0: b", "c1: a"]
    plt.close(figure)


def test_a_cluster_without_a_class_looks_like_no_class_and_like_none_of_the_others(course_style):
    points, pictures = np.arange(22.0).reshape(11, 2), np.ones((11, 2, 2))
    matched = {cluster: cluster for cluster in range(10)}
    figure = plots.clustering_overview(
        np.arange(11), points, pictures, np.ones(11, int), title="t", matched=matched
    )
    *with_class, without = [tuple(cloud.get_facecolor()[0]) for cloud in figure.axes[0].collections]
    assert without not in with_class
    few, grey = (pictures[:1], ["a"]), 7  # the class that is grey
    of_one = plots.cluster_members(
        np.arange(11), points, grey, pictures[0], few, few, title="t", matched=matched
    )
    others, own = (cloud.get_facecolor()[0][:3] for cloud in of_one.axes[1].collections)
    assert np.all(others - own > 0.25)


def test_a_sweep_without_an_elbow_is_marked_where_it_ends(course_style):
    inertia = pd.DataFrame({"pixels": [1.0, 0.5, 0.4]}, index=[1, 2, 3])
    _, found = plots.elbow_figure(inertia, {"pixels": 2}, {6: None, 7: 2, 8: None}, title="t").axes
    (crosses,) = found.collections
    assert crosses.get_offsets().tolist() == [[6, 0], [8, 0]]
    assert [text.get_text() for text in found.get_legend().get_texts()] == ["no elbow"]


def test_a_convolution_by_hand_shows_pixels_as_in_the_image_and_signed_numbers_on_one_scale(course_style):
    image = np.array([[0, 0.5, 1], [0, 0.5, 1]])
    tables = {"pixels": image[:, 1:], "weights": np.full((2, 2), -3.0), "products": -3 * image[:, 1:]}
    figure = plots.convolution_by_hand(image, (0, 1), tables, title="t")
    look = [(ax.images[0].get_cmap().name, ax.images[0].get_clim()) for ax in figure.axes]
    assert look == [("gray", (0, 1)), ("gray", (0, 1)), ("BrBG", (-3, 3)), ("BrBG", (-3, 3))]


def test_moves_of_kmeans_are_drawn_with_the_way_of_the_centres():
    points = np.array([[0.0, 0], [0, 2], [9, 0], [9, 2]])
    steps = [(np.array([0, 1, 0, 1]), points[:2]), (np.array([0, 1, 0, 1]), points[:2] + np.array([4.5, 0]))]
    figure = plots.kmeans_moves(points, steps, [0, 1, 2], title="three")
    shown = [ax for ax in figure.axes if ax.get_title(loc="left") or ax.get_title()]
    ways = [ax.lines[0].get_xdata().tolist() for ax in shown]
    assert ways == [[0.0], [0.0, 4.5], [0.0, 4.5]]
    plt.close(figure)
    with pytest.raises(ValueError, match="moves go up to 3; expected at most 2"):
        plots.kmeans_moves(points, steps, [3], title="t")
    with pytest.raises(ValueError, match="steps and points do not fit"):
        plots.kmeans_moves(points[:3], steps, [0], title="t")
