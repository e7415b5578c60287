"""What lesson 03's figures must say: the right number at the right place."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mnistkit import plots
from mnistkit.plots.alt_text import describe_figure

pytestmark = pytest.mark.usefixtures("course_style")


def drawn(figure):
    figure.canvas.draw()
    return figure


def line_named(ax, name):
    return next(line for line in ax.lines if line.get_label() == name)


def test_a_mistake_stands_beside_its_likeliest_classes():
    probabilities = np.array([[0.1, 0.6, 0.05, 0.25], [0.0, 0.1, 0.9, 0.0]])
    figure = plots.mistake_sheet(
        np.zeros((2, 4, 4)), probabilities, np.array([3, 0]), ["w", "x", "y", "z"], title="t", columns=2
    )
    pictures, bars = figure.axes[:2], figure.axes[2:]
    assert [ax.get_title() for ax in pictures] == ["truth: z", "truth: w"]
    first = bars[0]
    assert [text.get_text() for text in first.texts] == ["x 60.0%", "z 25.0%", "w 10.0%"]
    assert [text.get_weight() for text in first.texts] == ["normal", "bold", "normal"]
    assert [bar.get_width() for bar in first.patches] == pytest.approx([0.6, 0.25, 0.1])
    assert [bool(bar.get_hatch()) for bar in first.patches] == [False, True, False]
    assert first.yaxis_inverted()  # the likeliest on top


def test_a_sheet_with_an_empty_place_draws_nothing_there():
    figure = plots.mistake_sheet(
        np.zeros((3, 4, 4)), np.full((3, 2), 0.5), np.zeros(3, int), ["a", "b"], title="t", columns=2
    )
    assert sum(bool(ax.images) for ax in figure.axes) == 3
    assert sum(bool(ax.patches) for ax in figure.axes) == 3


def test_learning_curves_show_both_measures_and_the_gap():
    history = pd.DataFrame(
        {"accuracy": [0.5, 0.8], "val_accuracy": [0.6, 0.7]}, index=pd.RangeIndex(1, 3, name="epoch")
    )
    figure = plots.learning_curves({"net": history}, {"net": (0.9, 0.7)}, title="t")
    ax = figure.axes[0]
    assert ax.get_title(loc="left") == "net: gap +20.0 points"
    assert line_named(ax, "training, as Keras reports it").get_ydata().tolist() == [0.5, 0.8]
    assert line_named(ax, "validation").get_ydata().tolist() == [0.6, 0.7]
    star = next(line for line in ax.lines if line.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (2, 0.9)


def test_reliability_draws_accuracy_over_confidence_and_shares_of_images():
    table = pd.DataFrame({"images": [1, 3], "confidence": [0.5, 0.9], "accuracy": [0.4, 0.8]})
    left, right = plots.reliability_curves({"net": table}, title="t").axes
    line = line_named(left, "net")
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([0.5, 0.9], [0.4, 0.8])
    assert line_named(right, "net").get_ydata().tolist() == [0.25, 0.75]


def test_a_model_without_a_cost_is_left_out_of_that_panel_only():
    table = pd.DataFrame(
        {"accuracy": [0.1, 0.9], "parameters": [0, 10], "seconds": [2.0, 3.0]}, index=["none", "net"]
    )
    figure = plots.cost_panels(table, {"parameters": "p", "seconds": "s"}, title="t")
    points = [
        [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if np.isfinite(line.get_xdata()[0])]
        for ax in figure.axes
    ]
    assert points == [[(10, 0.9)], [(2.0, 0.1), (3.0, 0.9)]]
    assert describe_figure(figure) == (
        "t. accuracy on test images over p: net 0.9 at 10. s: none 0.1 at 2; net 0.9 at 3."
    )
    assert [text.get_text() for text in figure.legends[0].texts] == ["none", "net"]


def test_paired_runs_join_the_models_of_one_seed():
    runs = pd.DataFrame({"A": [0.80, 0.82], "B": [0.90, 0.88]}, index=[7, 8])
    ax = plots.paired_runs(runs, 0.7, "level", title="t").axes[0]
    assert line_named(ax, "seed 8").get_ydata().tolist() == [0.82, 0.88]
    assert line_named(ax, "level: 70.0%").get_ydata()[0] == 0.7
    assert [text.get_text() for text in ax.get_xticklabels()] == ["A\n80.0%\nto 82.0%", "B\n88.0%\nto 90.0%"]
    low, high = ax.get_ylim()
    assert low < 0.7 and high > 0.9


def test_drawings_are_shown_pixel_for_pixel():
    pictures = {}
    for name, shape in {"wide": (30, 300, 3), "high": (200, 100, 3)}.items():
        buffer = io.BytesIO()
        plt.imsave(buffer, np.random.default_rng(0).integers(0, 255, shape, dtype="uint8"))
        pictures[name] = buffer.getvalue()
    figure = drawn(plots.drawings(pictures, title="t"))
    for ax, (columns, rows) in zip(figure.axes, [(300, 30), (100, 200)], strict=True):
        box = ax.get_window_extent()
        assert (box.width, box.height) == pytest.approx((columns, rows))
    tops = [ax.get_window_extent().y1 for ax in figure.axes]
    assert tops[0] == pytest.approx(tops[1])


def test_the_rate_range_marks_the_chosen_rate():
    ax = plots.rate_range([1e-4, 1e-3, 1e-2], np.array([2.0, 1.0, 5.0]), 4e-3, title="t").axes[0]
    assert ax.get_xscale() == "log"
    assert line_named(ax, "peak of our schedule: 0.004").get_xdata()[0] == 4e-3


def test_a_convolutions_step_shows_products_and_what_is_not_visited():
    image = np.arange(20.0).reshape(4, 5)
    filled = np.full((2, 3), np.nan)
    filled[0, :2] = -3, 6
    kernel = np.array([[0.0, 0, 0], [0, 2, 0], [0, 0, 0]])
    figure = drawn(plots.convolution_step(image, kernel, filled, (0, 1), title="t"))
    left, middle, right = figure.axes[:3]
    assert middle.get_title(loc="left") == "sum of the products: 14.00"
    assert "7.00\n× 2" in [text.get_text() for text in middle.texts]
    frames = [[patch.get_xy(), patch.get_width(), patch.get_height()] for patch in left.patches]
    assert frames == [[(0.5, -0.5), 3, 3]]
    assert [patch.get_xy() for patch in right.patches] == [(0.5, -0.5)]
    (shown,) = right.get_images()
    assert shown.get_clim() == (-6, 6)
    assert right.patch.get_hatch() == "///"


def test_intervals_reach_two_standard_errors_and_are_named_in_the_alt_text():
    accuracies = pd.DataFrame({"validation": [0.8, 0.9], "test": [0.7, np.nan]}, index=["net", "other"])
    errors = pd.DataFrame({"validation": [0.01, 0.02], "test": [0.03, np.nan]}, index=["net", "other"])
    figure = drawn(plots.accuracy_intervals(accuracies, errors, title="t"))
    ax = figure.axes[0]
    validation, test = (group[2][0].get_segments() for group in ax.containers)
    np.testing.assert_allclose(validation[0][:, 0], [0.78, 0.82])
    np.testing.assert_allclose(test[0][:, 0], [0.64, 0.76])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["net", "other"]
    assert (
        "net: validation at 0.8 (0.78 to 0.82), test at 0.7 (0.64 to 0.76); other: validation at 0.9 (0.86 to 0.94)."
        in describe_figure(figure)
    )
