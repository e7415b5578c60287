"""The explorer of embeddings: the nearest images of a place, one group of them, and the same ones in another plane."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mnistkit import plots
from mnistkit.widgets import embedding_explorer
from mnistkit.widgets.explorer import png

SIDE = 5
NUMBERS = np.arange(SIDE * SIDE)
IMAGES = NUMBERS[:, None, None] + np.zeros((SIDE * SIDE, 4, 4))  # each image is its number
GRID = np.stack([NUMBERS % SIDE, NUMBERS // SIDE], axis=1).astype(float)
PLANES = {"PCA": GRID, "t-SNE": 10 * GRID[:, ::-1]}  # rows and columns exchanged
PARITY = NUMBERS % 2, ["even", "odd"]
EDGES = np.where(NUMBERS == 24, 1, np.where(NUMBERS < 20, 0, -1)), ["most", "last", "nobody"]


@pytest.fixture
def explorer(drawn):
    drawn("embedding_planes")
    explorer = embedding_explorer(IMAGES, PLANES, {"parity": PARITY, "edge": EDGES})
    explorer.calls = drawn("embedding_choice")
    return explorer


def choice(explorer, across, up):
    """Move the cross; give the last drawing's chosen numbers, captions and place."""
    explorer.across.value, explorer.up.value = across, up
    (planes, plane, place, chosen, images, captions), _ = explorer.calls[-1]
    assert list(planes) == list(PLANES)
    assert images[:, 0, 0].tolist() == chosen.tolist()
    return plane, place, chosen.tolist(), captions


def test_the_images_nearest_to_the_cross_are_shown_and_all_of_the_plane_can_be_reached(explorer):
    plane, place, chosen, captions = choice(explorer, 0, 40)
    assert (plane, place) == ("PCA", [0, 4])
    assert chosen[0] == 20, "left and top"
    assert {chosen[1], chosen[2]} == {15, 21}
    assert len(chosen) == plots.MOST_CHOSEN
    assert captions[:2] == ["even", "odd"]
    assert choice(explorer, 40, 0)[2][0] == 4, "right and bottom"
    assert choice(explorer, 20, 30)[2][0] == 17, "half of the way, three quarters up"


def test_the_cross_can_be_moved_in_the_other_plane(explorer):
    choice(explorer, 0, 39)
    explorer.plane.value = "t-SNE"
    plane, place, chosen, _ = choice(explorer, 0, 40)
    assert (plane, place) == ("t-SNE", [0, 40])
    assert chosen[0] == 4


def test_the_words_count_what_is_shown_and_say_how_far_it_lies_apart_in_each_plane(drawn):
    for name in ("embedding_planes", "embedding_choice"):
        drawn(name)
    shuffled = np.random.default_rng(0).permutation(GRID)
    explorer = embedding_explorer(IMAGES, {"map": GRID, "chaos": shuffled}, {"parity": PARITY})
    explorer.across.value = explorer.up.value = 0
    near = np.argsort(np.linalg.norm(GRID, axis=1), kind="stable")[:12]
    spans = [np.linalg.norm(np.ptp(points[near], axis=0)) / np.hypot(4, 4) for points in (GRID, shuffled)]
    assert explorer.text.value == (
        "map and chaos, coloured by parity. Images nearest to the cross in map, 0% from the left and 0% from "
        f"the bottom: 6 × even, 6 × odd. They span {spans[0]:.0%} of map and {spans[1]:.0%} of chaos."
    )


def test_one_group_can_be_shown_alone_and_another_colouring_shows_all_again(explorer):
    assert [label for label, _ in explorer.group.options] == ["all", "even", "odd"]
    explorer.group.value = 1
    assert {number % 2 for number in choice(explorer, 0, 0)[2]} == {1}
    explorer.colour.value = "edge"
    assert explorer.group.label == "all"
    assert [label for label, _ in explorer.group.options] == ["all", "most", "last"], "nobody has no image"
    _, _, chosen, captions = choice(explorer, 30, 40)
    assert chosen[0] == 23
    assert captions[0] == "odd\nnoise", "the first colouring's name stays"
    explorer.group.value = 1
    assert choice(explorer, 0, 0)[2] == [24], "however far"


def test_the_ground_is_drawn_once_for_all_places_and_anew_for_other_colours(drawn):
    grounds = drawn("embedding_planes")
    explorer = embedding_explorer(IMAGES, PLANES, {"parity": PARITY, "edge": EDGES})
    explorer.across.value = 1
    explorer.plane.value = "t-SNE"
    explorer.colour.value = "edge"
    explorer.up.value = 1
    explorer.group.value = 0
    assert [args[1].tolist() for args, _ in grounds if len(args) == 3] == [
        PARITY[0].tolist(),
        EDGES[0].tolist(),
        np.where(EDGES[0] == 0, 0, -1).tolist(),
    ]


def test_a_report_offers_the_colourings(explorer):
    explorer.group.value = 1
    states = explorer.states()
    assert states.legend == "colour by"
    assert [state.label for state in states.states] == ["parity", "edge"]
    assert [state.text.split(". ")[0] for state in states.states] == [
        f"PCA and t-SNE, coloured by {name}" for name in ("parity", "edge")
    ]
    assert (explorer.colour.value, explorer.group.value) == ("parity", 1), "as before"


def test_the_chosen_points_have_a_ring_in_each_plane_and_the_cross_is_in_one():
    chosen = np.array([3, 7])
    captions = ["a", "b\nc"]
    figure = plots.embedding_choice(PLANES, "t-SNE", (1, 2), chosen, IMAGES[chosen], captions, title="t")
    first, second, sheet = figure.axes
    (rings,) = first.lines
    assert rings.get_xydata().tolist() == GRID[chosen].tolist()
    rings, cross = second.lines
    assert rings.get_xydata().tolist() == PLANES["t-SNE"][chosen].tolist()
    assert cross.get_xydata().tolist() == [[1, 2]]
    assert [text.get_text() for text in sheet.texts] == captions
    assert [image.get_array()[0, 0] for image in sheet.images] == [3, 7]
    ground = plots.embedding_planes(PLANES, *PARITY)
    for over, under in zip(figure.axes, ground.axes, strict=False):
        assert over.get_position().bounds == under.get_position().bounds
        assert (over.get_xlim(), over.get_ylim()) == (under.get_xlim(), under.get_ylim())


def test_a_picture_has_what_is_chosen_on_its_ground(course_style):
    explorer = embedding_explorer(IMAGES, PLANES, {"parity": PARITY})
    ground = explorer._kept_ground[1]
    alone = FigureCanvasAgg(plots.embedding_planes(PLANES, *PARITY))
    alone.figure.set_dpi(ground.figure.dpi)
    alone.draw()
    assert png(ground) == png(alone), "nothing that was laid on the ground stays on it"
    before = bytes(explorer.image.value)
    explorer.across.value += 1
    assert bytes(explorer.image.value) != before
    explorer._pictures.clear()
    explorer.across.value -= 1
    assert bytes(explorer.image.value) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"planes": {"a": GRID[:3]}}, r"planes\['a'\]: expected shape \(25, 2\), found \(3, 2\)"),
        ({"planes": {"a": np.zeros((25, 3))}}, r"expected shape \(25, 2\), found \(25, 3\)"),
        ({"planes": dict.fromkeys("abc", GRID)}, "planes has 3 embeddings; expected at most 2"),
        ({"colourings": {"a": (NUMBERS[:3], ["x"])}}, r"colourings\['a'\] is of 3 images; there are 25"),
        ({"colourings": {"a": (NUMBERS, ["x"])}}, r"colourings\['a'\] has the group 24, and 1 names"),
        ({"colourings": {}}, "colourings is a dict of 0"),
    ],
)
def test_planes_and_colourings_must_be_of_all_images(change, message):
    arguments = {"images": IMAGES, "planes": PLANES, "colourings": {"parity": PARITY}} | change
    with pytest.raises(ValueError, match=message):
        embedding_explorer(**arguments)
