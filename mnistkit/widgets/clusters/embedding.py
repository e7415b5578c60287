"""The explorer of embeddings: which images lie at a place of a plane, and where they lie in another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistkit import plots
from mnistkit.utils.arguments import IMAGES, POINTS, TEXTS, Array, Items, checked, text
from mnistkit.widgets.explorer import Explorer, arrow_slider, buttons

_STEPS = 40  # from one side of a plane to the other
_ALL = -2  # of the groups; −1 is noise


def _colouring(name: str, value: Any) -> Any:
    """Check a colouring: the group of each image, and the groups' names."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} is a {type(value).__name__}; expected a pair: groups and their names")
    return Array((1,), -1, integers=True)(f"{name}[0]", value[0]), TEXTS(f"{name}[1]", value[1])


class EmbeddingExplorer(Explorer):
    """A cross to move over a plane; see `embedding_explorer`, which checks what it is given.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width)
        The images.
    planes : dict of str to numpy.ndarray, shape (n, 2)
        Where each embedding places them.
    colourings : dict of str to (numpy.ndarray of int, sequence of str)
        For each colouring the group of each image, and the groups' names.

    Attributes
    ----------
    colour : ipywidgets.ToggleButtons
        The colouring.
    group : ipywidgets.ToggleButtons
        All groups of the colouring or one of them, to which the chosen images then belong.
    plane : ipywidgets.ToggleButtons
        The embedding in which the cross is moved.
    across, up : ipywidgets.IntSlider
        Where the cross is, from 0 (left, bottom) to 40. Arrow keys move it.
    """

    def __init__(
        self,
        images: NDArray[Any],
        planes: dict[str, NDArray[Any]],
        colourings: dict[str, tuple[NDArray[Any], Sequence[str]]],
    ) -> None:
        self._images, self._planes, self._colourings = images, planes, colourings
        self.colour, self.plane = (
            buttons(list(options), description=name, about=about)
            for options, name, about in (
                (colourings, "colour by", "What colours and markers say"),
                (planes, "cross in", "The embedding in which the cross is moved"),
            )
        )
        self.group = buttons(self._groups(), description="show", about="All groups, or images of one only")
        self.across, self.up = (
            arrow_slider(
                ipywidgets.IntSlider,
                value=_STEPS // 2,
                min=0,
                max=_STEPS,
                description=name,
                about=f"Where the cross is, from {ends}",
            )
            for name, ends in (("across", "left to right"), ("up", "bottom to top"))
        )
        super().__init__([self.colour, self.group, self.plane, self.across, self.up])

    def _groups(self) -> list[tuple[str, int]]:
        """List the groups that have images, by name and number, behind all of them together."""
        groups, names = self._colourings[self.colour.value]
        present = np.unique(groups).tolist()
        return [("all", _ALL), *((names[group], group) for group in present if group >= 0)]

    def _adapt(self, control: Any) -> None:
        if control is self.colour:
            self.group.options = self._groups()

    def describe(self) -> str:
        """Say in words what the picture shows: the alt text."""
        colour, *_, across, up = self._choice()
        chosen = self._chosen()
        counts = Counter(self._caption(image).replace("\n", " / ") for image in chosen)
        found = ", ".join(f"{count} × {name}" for name, count in counts.most_common())
        spans = " and ".join(f"{self._span(name, chosen):.0%} of {name}" for name in self._planes)
        return (
            f"{' and '.join(self._planes)}, coloured by {colour}. {self._name()}, {across / _STEPS:.0%} from "
            f"the left and {up / _STEPS:.0%} from the bottom: {found}. They span {spans}."
        )

    def _choice(self) -> tuple[str, int, str, int, int]:
        return self.colour.value, self.group.value, self.plane.value, self.across.value, self.up.value

    def _name(self) -> str:
        which = "" if self.group.value == _ALL else f" of {self.group.label}"
        return f"Images{which} nearest to the cross in {self.plane.value}"

    def _caption(self, image: int) -> str:
        """Name the group of an image, behind that of the first colouring: its class, as a rule."""
        colours = dict.fromkeys([next(iter(self._colourings)), self.colour.value])
        return "\n".join(self._group_name(colour, image) for colour in colours)

    def _group_name(self, colour: str, image: int) -> str:
        groups, names = self._colourings[colour]
        return names[groups[image]] if groups[image] >= 0 else "noise"

    def _place(self) -> NDArray[np.float64]:
        points = self._planes[self.plane.value]
        low, high = points.min(axis=0), points.max(axis=0)
        return low + (high - low) * (self.across.value, self.up.value) / _STEPS

    def _span(self, plane: str, chosen: NDArray[np.intp]) -> float:
        """Give the way across the box round the chosen, as a share of that across the plane."""
        points = self._planes[plane]
        whole = np.linalg.norm(np.ptp(points, axis=0))
        return float(np.linalg.norm(np.ptp(points[chosen], axis=0)) / whole) if whole else 0.0

    def _shown(self) -> NDArray[np.integer]:
        """Give each image's group, where it is of the groups that are shown."""
        groups, _ = self._colourings[self.colour.value]
        return groups if self.group.value == _ALL else np.where(groups == self.group.value, groups, -1)

    def _chosen(self) -> NDArray[np.intp]:
        """Give the numbers of the images nearest to the cross, the nearest first."""
        away = np.linalg.norm(self._planes[self.plane.value] - self._place(), axis=1)
        if self.group.value != _ALL:
            away[self._shown() < 0] = np.inf
        nearest = np.argsort(away, kind="stable")[: plots.MOST_CHOSEN]
        return nearest[np.isfinite(away[nearest])]

    def _stops(self) -> tuple[str, dict[str, dict[Any, Any]]]:
        return "colour by", {colour: {self.colour: colour} for colour in self._colourings}

    def _ground(self) -> tuple[Hashable, Callable[[], Figure]]:
        _, names = self._colourings[self.colour.value]
        return (self.colour.value, self.group.value), lambda: plots.embedding_planes(
            self._planes, self._shown(), names
        )

    def _figure(self) -> Figure:
        chosen = self._chosen()
        return plots.embedding_choice(
            self._planes,
            self.plane.value,
            self._place().tolist(),
            chosen,
            self._images[chosen],
            [self._caption(image) for image in chosen],
            title=self._name(),
        )


@checked(
    images=IMAGES,
    planes=Items(POINTS, keys=text),
    colourings=Items(_colouring, keys=text),
)
def embedding_explorer(
    images: ArrayLike,
    planes: Mapping[str, ArrayLike],
    colourings: Mapping[str, tuple[ArrayLike, Sequence[str]]],
) -> EmbeddingExplorer:
    """Make an explorer of one or two embeddings: move a cross over a plane, see the images that lie there.

    The same images have a ring in both planes. Nothing is computed.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Grey images.
    planes : mapping of str to array-like of shape (n, 2)
        One or two embeddings of all of them, such as PCA or t-SNE: the name, and where each image is.
    colourings : mapping of str to (array-like of int of shape (n,), sequence of str)
        What colours may say, such as class, cluster or mistake: the group of each image, −1 for noise, and
        the name of group 0, 1, … The first one's names stand at the images whatever is chosen.

    Returns
    -------
    EmbeddingExplorer

    Raises
    ------
    ValueError
        If planes and colourings are not of all images, a plane has not two numbers for each, or a group has
        no name.

    Examples
    --------
    >>> points = [[0.0, 0], [1, 1], [5, 2]]
    >>> classes = [0, 0, 1], ["cat", "dog"]
    >>> explorer = embedding_explorer(np.zeros((3, 5, 5)), {"PCA": points}, {"class": classes})
    >>> explorer.group.value = 1
    >>> explorer.describe().split(". ")[1]
    'Images of dog nearest to the cross in PCA, 50% from the left and 50% from the bottom: 1 × dog'
    """
    pictures = np.asarray(images)
    places = {name: np.asarray(points) for name, points in planes.items()}
    for name, points in places.items():
        if points.shape != (len(pictures), 2):
            raise ValueError(f"planes[{name!r}]: expected shape ({len(pictures)}, 2), found {points.shape}")
    coloured = {name: (np.asarray(groups), names) for name, (groups, names) in colourings.items()}
    for name, (groups, names) in coloured.items():
        if len(groups) != len(pictures):
            raise ValueError(
                f"colourings[{name!r}] is of {len(groups):,} images; there are {len(pictures):,}"
            )
        if groups.max() >= len(names):
            raise ValueError(f"colourings[{name!r}] has the group {groups.max()}, and {len(names)} names")
    return EmbeddingExplorer(pictures, places, coloured)
