"""What the figures of lessons 05 and 06 must say: each point in its group's style, each name on its island."""

import numpy as np
import pytest

from mnistkit import plots

pytestmark = pytest.mark.usefixtures("course_style")


def islands():
    """Group 0 on two islands, the first one fuller; group 1 on one; two points of noise."""
    rng = np.random.default_rng(0)
    middles = {(0.0, 0.0): (60, 0), (40.0, 0.0): (20, 0), (20.0, 40.0): (30, 1), (20.0, 20.0): (2, -1)}
    points = [rng.normal(middle, 1, (count, 2)) for middle, (count, _) in middles.items()]
    groups = [np.full(count, group) for count, group in middles.values()]
    return np.concatenate(points), np.concatenate(groups)


def test_a_name_stands_on_its_groups_fullest_island_and_in_the_legend():
    points, groups = islands()
    figure = plots.views({"a view": (points, groups, ["left", "top"])}, title="t", axis_names=[("x", "y")])
    figure.canvas.draw()
    (ax,) = figure.axes
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert np.allclose(places["left"], (0, 0), atol=4)  # not at (10, 0), the mean of both islands
    assert np.allclose(places["top"], (20, 40), atol=4)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["left", "top"]
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("a view", "x", "y")


def test_noise_is_grey_and_unnamed_and_groups_differ_in_colour_and_marker():
    points, groups = islands()
    figure = plots.views({"v": (points, groups, ["left", "top"])}, title="t", axis_names=[("", "")])
    noise, left, top = figure.axes[0].collections
    assert [len(part.get_offsets()) for part in (noise, left, top)] == [2, 80, 30]
    assert len(set(noise.get_facecolor()[0][:3])) == 1
    assert not np.array_equal(left.get_facecolor()[0], top.get_facecolor()[0])
    assert left.get_paths()[0].vertices.shape != top.get_paths()[0].vertices.shape


def test_a_view_of_noise_alone_and_a_group_without_points_are_drawn():
    points, groups = islands()
    panels = {
        "noise": (points, np.full(len(points), -1), ["c0"]),
        "gap": (points, groups * 2, ["a", "b", "c"]),
    }
    figure = plots.views(panels, title="t", axis_names=[("", "")] * 2)
    figure.canvas.draw()
    assert [text.get_text() for text in figure.axes[1].texts] == ["a", "c"]
    assert not figure.axes[0].texts


def test_each_panel_has_its_own_axes_names_or_an_error():
    points, groups = islands()
    with pytest.raises(ValueError, match="panels has 1, axis_names has 2"):
        plots.views({"v": (points, groups, ["a", "b"])}, title="t", axis_names=[("", "")] * 2)


def test_eps_is_marked_on_its_own_curve():
    curves = {"right": np.array([1.0, 2, 3, 9]), "wrong": np.array([0.5, 1, 1.5, 4])}
    figure = plots.k_distance_curves(curves, {"right": 3.0, "wrong": 1.5}, title="t")
    (ax,) = figure.axes
    marks = [line.get_xydata().tolist() for line in ax.lines if len(line.get_xdata()) == 1]
    assert marks == [[[3, 3.0]], [[3, 1.5]]]
    assert [text.get_text() for text in ax.texts] == ["eps = 3.0", "eps = 1.5"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["right", "wrong"]
    styles = {line.get_linestyle() for line in ax.lines if len(line.get_xdata()) == 4}
    assert len(styles) == 2
