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


def test_rows_with_names_and_error_bars_are_told_row_by_row():
    shares = pd.DataFrame({"test": [0.7, 0.8]}, index=["none", "dropout"])
    figure = plots.accuracy_intervals(shares, 0 * shares + 0.01, title="Dropout pays")
    assert describe_figure(figure).endswith("test: none 0.7, dropout 0.8.")
    assert "curve" not in describe_figure(figure)


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
    figure = plots.cluster_heatmap(table.rename_axis(columns="digit"), {"a": "one"}, title="Counts")
    assert describe_figure(figure) == (
        "Counts. cluster over digit: a table, the largest number of each row: a: one (5), b: two (7)."
    )
