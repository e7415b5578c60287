"""Alt text from what is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mnistkit import plots
from mnistkit.plots.alt_text import describe_figure

pytestmark = pytest.mark.usefixtures("course_style")


def test_curves_are_told_by_their_ends_and_their_top():
    table = pd.DataFrame({"pixels": [0.1, 0.3, 0.2], "standardised": [0.2, 0.2, 0.2]}, index=[2, 3, 4])
    figure = plots.curves(table, title="Pixels win", xlabel="k", ylabel="silhouette", marks={3: "ten digits"})
    assert describe_figure(figure) == (
        "Pixels win. silhouette over k: pixels rises from 0.1 at 2 to 0.2 at 4, highest 0.3 at 3; "
        "standardised is 0.2 at 2 and at 4."
    )


def test_gaps_in_a_curve_are_left_out_and_many_curves_are_counted():
    _, ax = plt.subplots()
    ax.plot([1, 2, 3], [np.nan, 5, 4], label="a")
    for n in range(12):
        ax.plot([0, 1], [0, n], label=f"c{n}")
    text = describe_figure(ax.figure)
    assert "a falls from 5 at 2 to 4 at 3" in text
    assert "c8 rises" in text
    assert "c9" not in text
    assert "and 3 more curves" in text


def test_lines_that_only_mark_a_place_are_no_curves():
    _, ax = plt.subplots()
    ax.axhline(0.5)
    ax.axvline(3)
    ax.plot([0, 1], [0, 1], linestyle="--")  # a diagonal
    ax.plot([1, 2, 3], [3, 2, 1])
    assert describe_figure(ax.figure) == "a curve falls from 3 at 1 to 1 at 3."


@pytest.mark.parametrize("is_drawn_at_once", [True, False], ids=["one call", "curve and bars"])
def test_the_ends_of_error_bars_are_no_curves(is_drawn_at_once):
    _, ax = plt.subplots()
    x, y = [1, 2, 3], [0.1, 0.2, 0.4]
    if is_drawn_at_once:
        ax.errorbar(x, y, yerr=0.1, capsize=3, label="k")
    else:
        ax.plot(x, y, label="k")
        ax.errorbar(x, y, yerr=0.1, capsize=3, fmt="none")
    assert describe_figure(ax.figure) == "k rises from 0.1 at 1 to 0.4 at 3."


def test_rows_with_names_and_error_bars_are_told_row_by_row_and_gaps_are_left_out():
    shares = pd.DataFrame({"training": [0.9, np.nan], "test": [0.7, 0.8]}, index=["none", "dropout"])
    figure = plots.accuracy_intervals(shares, 0 * shares + 0.01, title="Dropout pays")
    assert describe_figure(figure).endswith(
        ": none: training at 0.9 (0.88 to 0.92), test at 0.7 (0.68 to 0.72); dropout: test at 0.8 (0.78 to 0.82)."
    )


def test_error_bars_without_a_label_are_told_with_their_ends():
    table = pd.DataFrame({"share": [2.5, 1.0], "error": [4.0, 0.5]}, index=["big", "small"])
    figure = plots.shares_with_intervals(table, title="Leads", xlabel="points")
    assert describe_figure(figure) == "Leads. points: big: 2.5 (-1.5 to 6.5); small: 1 (0.5 to 1.5)."


def test_points_without_a_line_are_told_by_the_names_of_their_rows():
    table = pd.DataFrame({"by position": [-0.9, 0.3], "stratified": [0.0, 0.1]}, index=["digit 0", "digit 1"])
    assert describe_figure(plots.dot_rows(table, title="Off", xlabel="points")) == (
        "Off. points: digit 0: by position at -0.9, stratified at 0; "
        "digit 1: by position at 0.3, stratified at 0.1."
    )
    _, ax = plt.subplots()
    ax.plot([1, 2, 3], [9, 4, 1], "o", label="owls")
    assert describe_figure(ax.figure) == "owls: 3 points."


def test_several_points_at_a_name_are_told_by_their_mean_and_range():
    runs = pd.DataFrame({"way": ["a", "b", "b"], "ARI": [0.1, 0.2, 0.6], "seconds": [1.0, 2.0, 4.0]})
    figure = plots.method_comparison(runs, "way", ["ARI"], title="Ways", xlabel="score")
    assert describe_figure(figure) == (
        "Ways. score: a: ARI at 0.1; b: ARI at 0.4 on average (0.2 to 0.6). "
        "mean seconds a run (log): a: 1; b: 3."
    )


def test_marked_runs_are_told_beside_the_others_and_explained_once():
    runs = pd.DataFrame({"way": ["a", "b", "b"], "ARI": [0.1, 0.2, 0.6], "NMI": [0.3, 0.4, 0.8]}, [7, 5, 5])
    figure = plots.score_strips(runs, "way", title="t", marked=[0, 2], marked_as="the likeliest")
    assert describe_figure(figure).endswith(
        "ARI: a at 0.1, a, the likeliest at 0.1, b at 0.4 on average (0.2 to 0.6), b, the likeliest at 0.6; "
        "NMI: a at 0.3, a, the likeliest at 0.3, b at 0.6 on average (0.4 to 0.8), b, the likeliest at 0.8."
    )
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.texts] == ["a", "b", "ring: the likeliest"]
    with pytest.raises(ValueError, match="marked names row 3; the table has rows 0 to 2"):
        plots.score_strips(runs, "way", title="t", marked=[3])


def test_a_line_over_named_places_is_told_by_their_names_and_a_level_by_its_label():
    runs = pd.DataFrame({"big": [0.8, 0.9], "small": [0.7, 0.6]}, index=[1, 2])
    assert describe_figure(plots.paired_runs(runs, 0.75, "trees", title="Seeds")) == (
        "Seeds. accuracy on test images: big 80.0% to 90.0%: seed 1 at 0.8, seed 2 at 0.9; "
        "small 60.0% to 70.0%: seed 1 at 0.7, seed 2 at 0.6; trees: 75.0% (a line at 0.75)."
    )


@pytest.mark.parametrize(
    ("places", "names", "expected"),
    [
        ([1, 2, 3], ["1", "2", "3"], "a falls from 9 at 1 to 1 at 3."),
        ([1, 3], ["start", "end"], "a falls from 9 at 1 to 1 at 3."),
        ([1, 2, 3], ["16", "32", "64"], "16: a at 9; 32: a at 4; 64: a at 1."),
    ],
    ids=["numbers", "some places only", "other numbers than the places"],
)
def test_a_line_is_a_curve_unless_all_its_points_stand_at_names(places, names, expected):
    _, ax = plt.subplots()
    ax.plot([1, 2, 3], [9, 4, 1], label="a")
    ax.set_xticks(places, names)
    assert describe_figure(ax.figure) == expected


def test_a_line_over_words_is_told_by_them():
    _, ax = plt.subplots()
    ax.plot(["cat", "owl"], [9, 4])
    ax.plot(["cat", "owl"], [1, 2], label="a")
    assert describe_figure(ax.figure) == "cat: a at 1; owl: a at 2."


def test_at_most_ten_names_are_told():
    table = pd.DataFrame({"one": range(12)}, index=[f"n{row}" for row in range(12)])
    assert describe_figure(plots.dot_rows(table, title="t", xlabel="x")).endswith("n9: one at 9; ….")


def test_histograms_without_bars_are_told_by_their_range_and_peak():
    same, different = np.array([1.0, 2, 2, 3]), np.array([0.0, 0, 4])
    figure = plots.distance_histograms({"pixels": (same, different)}, title="Near", xlabel="distance")
    assert describe_figure(figure) == (  # bins are 4 / 79 wide
        "Near. pixels. density of pairs over distance: same class from 0.962 to 3.038, highest at 1.975; "
        "different classes from 0 to 4, highest at 0."
    )


def test_a_panel_of_which_nothing_is_told_keeps_its_title_and_axes():
    _, (boxes, empty) = plt.subplots(1, 2)
    boxes.boxplot([[1.0, 2, 3, 30, 31, 32]], positions=[0], orientation="horizontal")
    boxes.set_yticks([0], ["owls"])
    boxes.set(title="Sizes", xlabel="cm")
    empty.set_title("nothing")
    assert describe_figure(boxes.figure) == "Sizes. cm."


def test_bars_are_told_with_their_names_and_heights():
    _, (standing, lying) = plt.subplots(1, 2)
    standing.bar(["ann", "cnn"], [0.85, 0.91])
    standing.set(ylabel="accuracy")
    lying.barh(["t-shirt"], [0.25], label="intensity")
    lying.set_title("Easy?")
    assert (
        describe_figure(standing.figure)
        == "accuracy: bars: ann 0.85, cnn 0.91. Easy? intensity: t-shirt 0.25."
    )


def test_points_are_counted_by_their_names():
    _, ax = plt.subplots()
    ax.scatter([1, 2], [3, 4], label="zero")
    ax.scatter(range(1200), range(1200))
    assert describe_figure(ax.figure) == "zero: 2 points; 1,200 more points."
    _, ax = plt.subplots()
    ax.scatter([1], [3])
    assert describe_figure(ax.figure) == "1 point."


def test_images_are_counted_and_named_and_a_colour_scale_is_none():
    grid = plots.image_grid(np.zeros((3, 4, 4)), ["a 7", "a\n9", "a 1"], title="Mistakes", columns=2)
    assert describe_figure(grid) == "Mistakes. 3 images: a 7, a 9, a 1."
    many = plots.image_grid(np.zeros((12, 4, 4)), [f"n{n}" for n in range(12)], title="Many")
    assert describe_figure(many).endswith("n8, n9, ….")
    maps = plots.pixel_maps(
        np.random.default_rng(0).random((1, 4, 4)), ["mean"], title="A map", unit="x", columns=1
    )
    assert describe_figure(maps) == "A map. mean. An image."


def test_a_figure_without_anything_to_name_has_no_text_and_is_not_shown():
    assert describe_figure(plt.figure()) == ""
    with pytest.raises(ValueError, match="needs alt text"):
        plots.show(plt.figure())


def test_a_figure_is_shown_with_its_own_text_or_the_authors(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(
        IPython.display, "display", lambda _, metadata: shown.append(metadata["image/png"]["alt"])
    )
    for alt in (None, "A better one"):
        figure, ax = plt.subplots()
        ax.set_title("Empty")
        ax.plot([1, 2], [1, 2], label="a")
        plots.show(figure, *([] if alt is None else [alt]))
    assert shown == ["Empty. a rises from 1 at 1 to 2 at 2.", "A better one"]


def test_a_table_names_the_largest_number_of_each_row():
    table = pd.DataFrame([[5, 1], [0, 7]], index=pd.Index(["a", "b"], name="cluster"), columns=["one", "two"])
    figure = plots.cluster_heatmap(table.rename_axis(columns="digit"), {}, title="Counts")
    assert describe_figure(figure) == (
        "Counts. cluster over digit: a table, the largest number of each row: a: one (5), b: two (7)."
    )


def test_a_table_names_ties_and_rows_of_equal_numbers_and_framed_cells():
    rows = [[0, 0, 0], [4, 1, 4], [2, 3, 1]]
    table = pd.DataFrame(rows, index=["a", "b", "c"], columns=["one", "two", "three"])
    figure = plots.cluster_heatmap(table, {"c": "one", "a": "two"}, title="Counts")
    assert describe_figure(figure).endswith(
        "a table, the largest number of each row: a: all 0, b: one and three (4), c: two (3); "
        "framed: a: two (0), c: one (2)."
    )
