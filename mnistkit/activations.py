"""What the layers of a convolutional network see, and which pixels decide.

Every function takes a Sequential or functional Keras classifier of images (one input, one output of class
scores) as it is, trained or not, and leaves it unchanged. Images are arrays of shape (n, height, width,
channels) in the values that the model was trained on; maps come back in the height and width of the images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.extmath import randomized_svd

from mnistkit.utils.arguments import IMAGES, LABELS, SEED, TEXTS, Array, Integer, Items, Number, Pair, checked
from mnistkit.utils.keras_backend import fitting_images, import_keras

if TYPE_CHECKING:
    import keras

__all__ = [
    "FilterResponses",
    "Patches",
    "Planted",
    "ReceptiveField",
    "cover_strongest",
    "dead_filters",
    "filter_responses",
    "grad_cam",
    "kernels",
    "layer_activations",
    "linear_probes",
    "localisation",
    "maximise_filters",
    "mean_by_class",
    "mixed_up_maps",
    "occlusion",
    "planted_patches",
    "receptive_field",
    "redrawn",
    "saliency",
    "strongest_patches",
]

Images = NDArray[np.float32]

_BATCH = 250
_LABELLED = Pair(Array(), LABELS)
_GROUNDS = (0.5, 0.1, 0.9)
"""Mean values that activation maximisation starts from: which leads furthest depends on the filter."""
_PLACES_AT_ONCE = 5000
"""Covered copies of an image that are held in memory together: 16 MB for 28 × 28 pixels."""
_TRIES = 30
"""Orders in which patches that lie apart are looked for: where the first one lies in the middle, few do."""


@checked(layers=TEXTS, batch_size=Integer())
def layer_activations(
    model: keras.Model, images: ArrayLike, layers: Sequence[str] | None = None, *, batch_size: int = _BATCH
) -> dict[str, NDArray[np.float32]]:
    """Compute what layers put out for images.

    Parameters
    ----------
    model : keras.Model
        The network.
    images : array-like of shape (n, height, width, channels)
        Its input.
    layers : sequence of str, optional
        Names of layers; every layer by default. All outputs are held in memory: for many images, ask for
        few layers.
    batch_size : int
        Images that go through the network together.

    Returns
    -------
    dict of str to numpy.ndarray of float32, shape (n, ...)
        The outputs by layer name, in the order asked for.

    Raises
    ------
    ValueError
        If a layer is not in the model, or the images do not fit its input.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> maps = layer_activations(models.cnn(), np.zeros((2, 28, 28, 1)), ["conv1", "pool1"])
    >>> {name: values.shape for name, values in maps.items()}
    {'conv1': (2, 26, 26, 32), 'pool1': (2, 13, 13, 32)}
    """
    graph = _one_call_each(model)
    x = fitting_images(graph, images)
    names = [layer.name for layer in _layers(graph)] if layers is None else list(layers)
    return _layer_outputs(graph, x, names, batch_size)


def _layer_outputs(
    graph: keras.Model, x: Images, names: Sequence[str], batch_size: int
) -> dict[str, NDArray[np.float32]]:
    """Run a model whose layers have been called once, and give what these layers put out."""
    tensors = {name: _layer(graph, name).output for name in names}
    outputs = _outputs(import_keras().Model(graph.inputs[0], tensors), x, batch_size)
    return {name: outputs[name] for name in names}


@checked()
def kernels(model: keras.Model, layer: str) -> NDArray[np.float32]:
    """Read the weights of a convolution as one small image a filter and input channel.

    Parameters
    ----------
    model : keras.Model
        The network.
    layer : str
        Name of a ``Conv2D`` layer.

    Returns
    -------
    numpy.ndarray of float32, shape (filters, height, width, channels)
        The weights; the bias is not among them.

    Raises
    ------
    ValueError
        If there is no such layer, or it is no ``Conv2D``.

    Examples
    --------
    >>> from mnistkit import models
    >>> kernels(models.cnn(), "conv1").shape
    (32, 3, 3, 1)
    """
    return np.moveaxis(_convolution(model, layer).get_weights()[0], -1, 0)


@dataclass(frozen=True)
class FilterResponses:
    """How strongly each filter of a layer answers to each image, as `filter_responses` returns it.

    Attributes
    ----------
    layer : str
        Name of the layer.
    mean : numpy.ndarray of float32, shape (n, filters)
        Mean of the filter's map.
    peak : numpy.ndarray of float32, shape (n, filters)
        Largest value of the map.
    place : numpy.ndarray of int, shape (n, filters, 2)
        Row and column of that value in the map (not in the image); the first one where there are several.
    """

    layer: str
    mean: NDArray[np.float32]
    peak: NDArray[np.float32]
    place: NDArray[np.intp]


@checked(batch_size=Integer())
def filter_responses(
    model: keras.Model, images: ArrayLike, layer: str, *, batch_size: int = _BATCH
) -> FilterResponses:
    """Reduce each filter's map to its mean, its largest value and the place of it.

    The maps themselves are held for one batch only, so that thousands of images fit into memory.

    Parameters
    ----------
    model : keras.Model
        The network.
    images : array-like of shape (n, height, width, channels)
        Its input.
    layer : str
        Name of a layer whose output has a height and a width.
    batch_size : int
        Images that go through the network together.

    Returns
    -------
    FilterResponses

    Raises
    ------
    ValueError
        If there is no such layer, its output is no map, or the images do not fit the model.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> responses = filter_responses(models.cnn(), np.zeros((2, 28, 28, 1)), "conv1")
    >>> responses.mean.shape, responses.place.shape
    ((2, 32), (2, 32, 2))
    """
    graph = _one_call_each(model)
    x = fitting_images(graph, images)
    maps_of = import_keras().Model(graph.inputs[0], {"maps": _maps_layer(graph, layer).output})
    parts = []
    for start in range(0, len(x), batch_size):
        maps = _outputs(maps_of, x[start : start + batch_size], batch_size)["maps"]
        n, _, width, filters = maps.shape
        flat = maps.reshape(n, -1, filters)
        best = flat.argmax(axis=1)
        parts.append((flat.mean(axis=1), flat.max(axis=1), np.stack([best // width, best % width], axis=-1)))
    mean, peak, place = (np.concatenate(part) for part in zip(*parts, strict=True))
    return FilterResponses(layer, mean, peak, place)


@checked("values y", values=Array((2,)), y=LABELS, n_classes=Integer())
def mean_by_class(values: NDArray[Any], y: NDArray[np.integer], n_classes: int) -> NDArray[np.float64]:
    """Average each filter's values over the images of each class.

    Parameters
    ----------
    values : numpy.ndarray, shape (n, filters)
        One number an image and filter, such as `FilterResponses.mean`.
    y : numpy.ndarray of int, shape (n,)
        The classes, 0 to `n_classes` - 1.
    n_classes : int
        Number of classes.

    Returns
    -------
    numpy.ndarray of float64, shape (filters, n_classes)

    Raises
    ------
    ValueError
        If a class has no image: its mean would not be a number.

    Examples
    --------
    >>> import numpy as np
    >>> mean_by_class(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), 2).tolist()
    [[2.0, 5.0]]
    """
    sizes = np.bincount(y, minlength=n_classes)
    if (sizes == 0).any():
        raise ValueError(f"no image of class {np.flatnonzero(sizes == 0).tolist()}: nothing to average")
    member = (y[:, np.newaxis] == np.arange(n_classes)).astype("float64")
    return values.T.astype("float64") @ member / sizes


@checked()
def dead_filters(responses: FilterResponses) -> NDArray[np.intp]:
    """Find the filters that are above 0 nowhere in any image.

    After a ReLU such a filter is always 0: it tells the next layer nothing, and it can't learn, because its
    gradient is 0 too. Dead is a statement about these images; others may wake a filter.

    Parameters
    ----------
    responses : FilterResponses
        The answers to many images.

    Returns
    -------
    numpy.ndarray of int
        Numbers of the dead filters, ascending.

    Examples
    --------
    >>> import numpy as np
    >>> peak = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    >>> dead_filters(FilterResponses("conv1", peak / 4, peak, np.zeros((2, 3, 2), int))).tolist()
    [0]
    """
    return np.flatnonzero(responses.peak.max(axis=0) <= 0)


@dataclass(frozen=True)
class ReceptiveField:
    """Which pixels one place of a layer's map can see, as `receptive_field` returns it.

    Attributes
    ----------
    size : tuple of int
        Height and width in pixels.
    stride : tuple of int
        Pixels from the field of one place to that of the next, down and across.
    start : tuple of int
        Row and column of the top left pixel that place (0, 0) sees: negative where the image is padded.

    Examples
    --------
    >>> field = ReceptiveField(size=(3, 3), stride=(2, 2), start=(-1, -1))
    >>> field.corner((0, 4)).tolist()
    [-1, 7]
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    start: tuple[int, int]

    def corner(self, place: ArrayLike) -> NDArray[np.intp]:
        """Give the top left pixel that places see: rows and columns (..., 2) in, and out."""
        return np.asarray(place) * np.array(self.stride) + np.array(self.start)

    def cut(self, image: NDArray[Any], place: ArrayLike) -> NDArray[Any]:
        """Cut out what a place sees of an image (height, width, channels); 0 beyond its borders."""
        top, left = self.corner(place)
        height, width = self.size
        rows, columns = np.arange(top, top + height), np.arange(left, left + width)
        inside = np.ix_((rows >= 0) & (rows < image.shape[0]), (columns >= 0) & (columns < image.shape[1]))
        patch = np.zeros((height, width, image.shape[2]), image.dtype)
        patch[inside] = image[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        return patch

    def spread(self, maps: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Draw maps (n, rows, columns) at the size of the image, each value at the centre of its field.

        Between the centres linearly, beyond the outermost ones constant. (Stretching a map to the image's
        size puts its border at the image's border, up to half a field away from what it saw.)
        """
        weights = []
        for axis in range(2):
            centre = self.start[axis] + (self.size[axis] - 1) / 2
            at = (np.arange(shape[axis]) - centre) / self.stride[axis]
            count = maps.shape[1 + axis]
            weights.append(np.stack([np.interp(at, np.arange(count), row) for row in np.eye(count)], axis=1))
        return np.einsum("hr,nrc,wc->nhw", weights[0], maps, weights[1], optimize=True).astype("float32")


@checked()
def receptive_field(model: keras.Model, layer: str) -> ReceptiveField:
    """Compute which pixels one place of a layer's map can see.

    From the windows and strides of the layers on the way; where branches meet, from all of them.

    Parameters
    ----------
    model : keras.Model
        The network.
    layer : str
        Name of a layer whose output has a height and a width.

    Returns
    -------
    ReceptiveField

    Raises
    ------
    ValueError
        If there is no such layer, its output is no map, a layer on the way moves pixels in a way not known
        here, or branches of different strides meet.

    Examples
    --------
    >>> from mnistkit import models
    >>> receptive_field(models.cnn(), "conv2")
    ReceptiveField(size=(8, 8), stride=(2, 2), start=(0, 0))
    """
    graph = _one_call_each(model)
    _maps_layer(graph, layer)
    makers = {id(inner.output): inner for inner in _layers(graph)}

    def seen_by(tensor: Any) -> ReceptiveField:
        if tensor is graph.inputs[0]:
            return ReceptiveField((1, 1), (1, 1), (0, 0))
        inner = makers[id(tensor)]
        return _through(inner, _union(inner.name, [seen_by(source) for source in _sources(inner)]))

    return seen_by(_layer(graph, layer).output)


def _sources(layer: keras.Layer) -> list[Any]:
    """List the tensors that go into a layer."""
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _through(layer: keras.Layer, before: ReceptiveField) -> ReceptiveField:
    """Widen a field by a layer's window."""
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    sizes = [tuple(source.shape[1:3]) for source in _sources(layer)]
    if window is None:
        if any(size != tuple(layer.output.shape[1:3]) for size in sizes):
            raise ValueError(f"{type(layer).__name__} {layer.name!r} moves pixels in a way not known here")
        return before
    dilation = getattr(layer, "dilation_rate", (1, 1))
    reach = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    strides = tuple(layer.strides)
    expected = tuple(
        -(-n // s) if layer.padding == "same" else (n - r) // s + 1
        for n, r, s in zip(sizes[0], reach, strides, strict=True)
    )
    if expected != tuple(layer.output.shape[1:3]):  # such as a transposed convolution
        raise ValueError(f"{type(layer).__name__} {layer.name!r} moves pixels in a way not known here")
    size, stride, start = [], [], []
    for axis in range(2):
        padded = max((expected[axis] - 1) * strides[axis] + reach[axis] - sizes[0][axis], 0)
        above = padded // 2 if layer.padding == "same" else 0
        size.append(before.size[axis] + (reach[axis] - 1) * before.stride[axis])
        stride.append(before.stride[axis] * strides[axis])
        start.append(before.start[axis] - above * before.stride[axis])
    return ReceptiveField((size[0], size[1]), (stride[0], stride[1]), (start[0], start[1]))


def _union(name: str, fields: list[ReceptiveField]) -> ReceptiveField:
    """Join the fields of the branches that meet in a layer."""
    if len({field.stride for field in fields}) > 1:
        raise ValueError(f"branches of different strides meet in {name!r}")
    start = [min(field.start[axis] for field in fields) for axis in range(2)]
    end = [max(field.start[axis] + field.size[axis] for field in fields) for axis in range(2)]
    return ReceptiveField((end[0] - start[0], end[1] - start[1]), fields[0].stride, (start[0], start[1]))


@dataclass(frozen=True)
class Patches:
    """The images that excite a filter most, strongest first, as `strongest_patches` returns it.

    Attributes
    ----------
    image : numpy.ndarray of int, shape (k,)
        Numbers of the images.
    value : numpy.ndarray of float32, shape (k,)
        Largest value of the filter's map on each.
    corner : numpy.ndarray of int, shape (k, 2)
        Row and column of the top left pixel of what the filter saw there; may lie outside the image.
    patch : numpy.ndarray, shape (k, height, width, channels)
        What it saw; 0 beyond the image's borders.
    """

    image: NDArray[np.intp]
    value: NDArray[np.float32]
    corner: NDArray[np.intp]
    patch: NDArray[Any]


@checked(images=Array((4,)), filter_number=Integer(0), count=Integer())
def strongest_patches(
    images: NDArray[Any], responses: FilterResponses, field: ReceptiveField, filter_number: int, count: int
) -> Patches:
    """Find the images that excite a filter most, and the part of each that does.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width, channels)
        The images of `responses`.
    responses : FilterResponses
        What `filter_responses` found on them.
    field : ReceptiveField
        That of the same layer.
    filter_number : int
        Which filter.
    count : int
        How many images; all of them if there are fewer.

    Returns
    -------
    Patches

    Raises
    ------
    ValueError
        If the layer has no such filter, or `responses` are of other images.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> model, images = models.cnn(), np.random.default_rng(0).random((5, 28, 28, 1))
    >>> responses = filter_responses(model, images, "conv1")
    >>> patches = strongest_patches(images, responses, receptive_field(model, "conv1"), 0, 2)
    >>> patches.patch.shape
    (2, 3, 3, 1)
    """
    n, filters = responses.peak.shape
    if filter_number >= filters:
        raise ValueError(f"{responses.layer!r} has filters 0 to {filters - 1}, not {filter_number}")
    if len(images) != n:
        raise ValueError(f"{len(images)} images, but responses to {n}")
    peak = responses.peak[:, filter_number]
    image = np.argsort(-peak, kind="stable")[:count]
    place = responses.place[image, filter_number]
    patch = np.stack([field.cut(images[i], at) for i, at in zip(image, place, strict=True)])
    return Patches(image, peak[image], field.corner(place), patch)


@checked(filters=Items(Integer(0)), steps=Integer(0), rate=Number(0, above=True), decay=Number(0), seed=SEED)
def maximise_filters(
    model: keras.Model,
    layer: str,
    filters: Sequence[int],
    *,
    steps: int = 60,
    rate: float = 0.15,
    decay: float = 0.3,
    seed: int = 42,
) -> Images:
    """Make images that excite filters strongly, by gradient ascent from grey noise.

    Erhan et al., "Visualizing higher-layer features of a deep network", 2009; the decay is that of Yosinski
    et al., 2015 (https://arxiv.org/abs/1506.06579). What rises is the mean of the filter's map, plus a
    hundredth of the same before the activation function: where a ReLU is silent, only that has a direction.
    An ascent can end on a low hill: three are made, from grey, dark and bright noise, and the best is kept.

    Parameters
    ----------
    model : keras.Model
        The network; its images have values from 0 to 1.
    layer : str
        Name of a ``Conv2D`` layer.
    filters : sequence of int
        Which filters; one image is made for each.
    steps : int
        Steps of the ascent.
    rate : float
        Length of the first step, as the root mean square over the pixels; it falls to 0 linearly.
    decay : float
        How strongly pixels are pulled to 0, beside a pull of 1 by the average gradient: what the filter does
        not need turns black.
    seed : int
        Seed of the noise.

    Returns
    -------
    numpy.ndarray of float32, shape (number of filters, height, width, channels)
        Images with values from 0 to 1.

    Raises
    ------
    ValueError
        If there is no such layer, it is no ``Conv2D``, or it has no such filter.

    Examples
    --------
    >>> from mnistkit import models
    >>> maximise_filters(models.cnn(), "conv1", [0, 5], steps=3).shape
    (2, 28, 28, 1)
    """
    import tensorflow as tf

    keras = import_keras()
    graph = _one_call_each(model)
    convolution = _convolution(graph, layer)
    wrong = [number for number in filters if number >= convolution.filters]
    if wrong:
        raise ValueError(f"{layer!r} has filters 0 to {convolution.filters - 1}, not {wrong}")
    rising = keras.Model(graph.inputs[0], _without_activation(convolution))
    wanted = np.tile(np.array(filters), len(_GROUNDS))
    own = keras.ops.one_hot(wanted, convolution.filters)[:, None, None, :]
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, (len(wanted), *graph.input_shape[1:]))
    grounds = np.repeat(_GROUNDS, len(filters)).reshape(-1, 1, 1, 1)
    x = tf.constant(grounds + noise, "float32")
    for step in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            before = keras.ops.sum(rising(x, training=False) * own, axis=-1)
            excitement = keras.ops.mean(convolution.activation(before) + 0.01 * before, axis=(1, 2))
        gradient = tape.gradient(excitement, x)
        length = keras.ops.sqrt(keras.ops.mean(gradient**2, axis=(1, 2, 3), keepdims=True))
        x = keras.ops.clip(x + rate * (1 - step / steps) * (gradient / (length + 1e-12) - decay * x), 0, 1)
    maps = convolution.activation(keras.ops.sum(rising(x, training=False) * own, axis=-1))
    reached = keras.ops.convert_to_numpy(keras.ops.mean(maps, axis=(1, 2))).reshape(len(_GROUNDS), -1)
    made = keras.ops.convert_to_numpy(x).reshape(len(_GROUNDS), len(filters), *x.shape[1:])
    return made[reached.argmax(axis=0), np.arange(len(filters))]


@checked(classes=LABELS)
def saliency(model: keras.Model, images: ArrayLike, classes: ArrayLike) -> Images:
    """Measure how much each pixel would change a class's score if it changed a little.

    Simonyan et al., "Deep inside convolutional networks", 2013 (https://arxiv.org/abs/1312.6034): the size of
    the gradient of the class's score before the softmax; the largest over the channels.

    Parameters
    ----------
    model : keras.Model
        The network.
    images : array-like of shape (n, height, width, channels)
        A few images; they go through the network together.
    classes : array-like of int, shape (n,)
        The class to explain, for each image.

    Returns
    -------
    numpy.ndarray of float32, shape (n, height, width)
        Score per pixel value, at least 0.

    Raises
    ------
    ValueError
        If images or classes do not fit the model, or its output is no dense or softmax layer.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> maps = saliency(models.cnn(), np.random.default_rng(0).random((2, 28, 28, 1)), [7, 3])
    >>> maps.shape, bool((maps >= 0).all())
    ((2, 28, 28), True)
    """
    graph = _one_call_each(model)
    _, gradient = _score_gradient(graph, graph.inputs[0], images, classes)
    return np.abs(gradient).max(axis=-1)


@checked(classes=LABELS)
def grad_cam(model: keras.Model, images: ArrayLike, classes: ArrayLike, layer: str | None = None) -> Images:
    """Show where a convolution saw what speaks for a class.

    Grad-CAM, Selvaraju et al., 2017 (https://arxiv.org/abs/1610.02391): the layer's maps, each weighted by
    the mean gradient of the class's score with respect to it, summed, and the negative part set to 0. The
    score is the one before the softmax: a probability near 1 hardly changes, whatever the maps do. Each value
    is drawn at the centre of what it saw.

    Parameters
    ----------
    model : keras.Model
        The network.
    images : array-like of shape (n, height, width, channels)
        A few images; they go through the network together.
    classes : array-like of int, shape (n,)
        The class to explain, for each image.
    layer : str, optional
        Name of a layer whose output has a height and a width; the last ``Conv2D`` by default.

    Returns
    -------
    numpy.ndarray of float32, shape (n, height, width)
        At least 0, in no unit that can be compared between images: look at the shape.

    Raises
    ------
    ValueError
        If there is no such layer, images or classes do not fit the model, or its output is no dense or
        softmax layer.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> maps = grad_cam(models.cnn(), np.random.default_rng(0).random((2, 28, 28, 1)), [7, 3])
    >>> maps.shape, bool((maps >= 0).all())
    ((2, 28, 28), True)
    """
    graph = _one_call_each(model)
    if layer is None:
        layer = _convolutions(graph)[-1]
    maps, gradient = _score_gradient(graph, _maps_layer(graph, layer).output, images, classes)
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    positive = np.maximum((weights * maps).sum(axis=-1), 0)
    return receptive_field(graph, layer).spread(positive, graph.input_shape[1:3])


@checked(classes=LABELS, patch=Integer(), batch_size=Integer())
def occlusion(
    model: keras.Model,
    images: ArrayLike,
    classes: ArrayLike,
    *,
    patch: int = 5,
    fill: float = 0.0,
    batch_size: int = _BATCH,
) -> Images:
    """Cover a square around each pixel in turn, and measure how the class's probability falls.

    Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013
    (https://arxiv.org/abs/1311.2901). No gradient is needed: any classifier could be asked in this way.

    Parameters
    ----------
    model : keras.Model
        The network.
    images : array-like of shape (n, height, width, channels)
        The images. Each costs height × width predictions.
    classes : array-like of int, shape (n,)
        The class to explain, for each image.
    patch : int
        Side of the square in pixels; odd, so that it has a middle.
    fill : float
        What the square is filled with, in the values of the images.
    batch_size : int
        Covered images that go through the network together.

    Returns
    -------
    numpy.ndarray of float32, shape (n, height, width)
        Fall of the probability, -1 to 1, at the middle of the square; negative where covering helps.

    Raises
    ------
    ValueError
        If images or classes do not fit the model, or `patch` is even or below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> occlusion(models.ann(), np.zeros((1, 28, 28, 1)), [7]).max()  # black on black covers nothing
    np.float32(0.0)
    """
    reach = _reach(patch)
    graph = _one_call_each(model)
    x = fitting_images(graph, images)
    wanted = _checked_classes(graph, x, classes)
    height, width = x.shape[1:3]
    rows, columns = np.divmod(np.arange(height * width), width)
    near_row = np.abs(np.arange(height) - rows[:, np.newaxis]) <= reach
    near_column = np.abs(np.arange(width) - columns[:, np.newaxis]) <= reach
    asked = import_keras().Model(graph.inputs[0], {"answer": graph.outputs[0]})
    before = _outputs(asked, x, batch_size)["answer"]
    after = np.empty((len(x), height * width), "float32")
    for image, label, row in zip(x, wanted, after, strict=True):
        for start in range(0, height * width, _PLACES_AT_ONCE):
            part = slice(start, start + _PLACES_AT_ONCE)
            covered = near_row[part, :, np.newaxis, np.newaxis] & near_column[part, np.newaxis, :, np.newaxis]
            variants = np.where(covered, np.float32(fill), image)
            row[part] = _outputs(asked, variants, batch_size)["answer"][:, label]
    fall = before[np.arange(len(x)), wanted, np.newaxis] - after
    return fall.reshape(len(x), height, width)


@checked("images maps", images=Array((4,)), maps=IMAGES, patch=Integer())
def cover_strongest(
    images: NDArray[Any], maps: NDArray[Any], *, patch: int = 5, fill: float = 0.0
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Cover the square around the largest value of each image's map.

    What `occlusion` calls decisive can be tested so: what does the network say without it?

    Parameters
    ----------
    images : numpy.ndarray, shape (n, height, width, channels)
        The images; they stay as they are.
    maps : numpy.ndarray, shape (n, height, width)
        One map an image.
    patch : int
        Side of the square in pixels, odd.
    fill : float
        What it is filled with.

    Returns
    -------
    covered : numpy.ndarray
        The images, each with one square covered.
    corners : numpy.ndarray of int, shape (n, 2)
        Row and column of the square's top left pixel; may lie outside the image.

    Raises
    ------
    ValueError
        If `patch` is even or below 1.

    Examples
    --------
    >>> import numpy as np
    >>> maps = np.zeros((1, 5, 5))
    >>> maps[0, 0, 3] = 1
    >>> covered, corners = cover_strongest(np.ones((1, 5, 5, 1)), maps, patch=3)
    >>> corners.tolist(), int((covered == 0).sum())
    ([[-1, 2]], 6)
    """
    reach = _reach(patch)
    covered = images.copy()
    places = np.stack(np.divmod(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[2]), axis=-1)
    for image, (row, column) in zip(covered, places, strict=True):
        image[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = fill
    return covered, places - reach


@dataclass(frozen=True)
class Planted:
    """Images whose class is decided by one small patch, as `planted_patches` makes them.

    Attributes
    ----------
    images : numpy.ndarray of float32, shape (n, height, width, 1)
        Values from 0 to 1.
    classes : numpy.ndarray of int, shape (n,)
        Which pattern the patch has, 0 to 3.
    masks : numpy.ndarray of bool, shape (n, height, width)
        Where the patch is.
    class_names : tuple of str
        Names of the patterns.
    """

    images: Images
    classes: NDArray[np.intp]
    masks: NDArray[np.bool_]
    class_names: tuple[str, ...]


@checked(backgrounds=IMAGES, size=Integer(), seed=SEED)
def planted_patches(backgrounds: NDArray[Any], *, size: int = 8, seed: int = 42) -> Planted:
    """Sew a small striped patch onto each image at a random place: its stripes are the class.

    The answer to "which pixels decide?" is known here, so a method that draws maps can be checked. The
    patterns are equally bright, and nothing else of the image has to do with the class.

    Parameters
    ----------
    backgrounds : numpy.ndarray, shape (n, height, width)
        Images of any kind; they are drawn at half their brightness.
    size : int
        Side of the patch in pixels, a multiple of 4: then every pattern has as many bright pixels.
    seed : int
        Seed of classes and places.

    Returns
    -------
    Planted

    Raises
    ------
    ValueError
        If `size` is no multiple of 4, or the patch is larger than the image.

    Examples
    --------
    >>> import numpy as np
    >>> planted = planted_patches(np.zeros((4, 28, 28)), size=8)
    >>> sorted(planted.classes.tolist()), planted.class_names
    ([0, 1, 2, 3], ('across', 'down', 'rising', 'falling'))
    >>> planted.masks.sum(axis=(1, 2)).tolist()
    [64, 64, 64, 64]
    """
    n, height, width = backgrounds.shape
    if size % 4 or not 0 < size <= min(height, width):
        raise ValueError(
            f"size is {size}: it must be a multiple of 4 that fits into {height} × {width} pixels"
        )
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size))
    phases = {"across": rows, "down": columns, "rising": rows + columns, "falling": rows - columns}
    patterns = np.stack([phase % 4 < 2 for phase in phases.values()])
    classes = rng.permutation(np.arange(n) % len(patterns))
    tops, lefts = rng.integers(0, height - size + 1, n), rng.integers(0, width - size + 1, n)
    images = backgrounds.astype("float32") * np.float32(0.5 / max(backgrounds.max(), 1))
    masks = np.zeros(images.shape, bool)
    for i, (label, top, left) in enumerate(zip(classes, tops, lefts, strict=True)):
        where = (i, slice(top, top + size), slice(left, left + size))
        images[where], masks[where] = patterns[label], True
    return Planted(images[..., np.newaxis], classes, masks, tuple(phases))


def _reach(patch: int) -> int:
    """Give how far a square of this side reaches from its middle: it must have one."""
    if patch % 2 == 0:
        raise ValueError(f"patch is {patch}: the side of the square must be odd, so that it has a middle")
    return patch // 2


@checked(wrong=Integer(2), seed=SEED)
def mixed_up_maps(planted: Planted, *, wrong: int = 3, seed: int = 42) -> Images:
    """Draw a map for each image as a good method would, and give some of them to another image.

    For an exercise: which maps are in the wrong place can be found with `localisation` alone. Nobody could
    tell by the brightness: some of the maps are faint.

    Parameters
    ----------
    planted : Planted
        Images whose deciding place is known.
    wrong : int
        How many maps change places with each other.
    seed : int
        Seed of the noise, and of which maps these are.

    Returns
    -------
    numpy.ndarray of float32, shape (n, height, width)

    Raises
    ------
    ValueError
        If there are not as many images whose patches lie apart from each other.

    Examples
    --------
    >>> import numpy as np
    >>> planted = planted_patches(np.zeros((8, 28, 28)), seed=1)
    >>> inside = localisation(mixed_up_maps(planted), planted.masks)["hit"]
    >>> len(inside) - inside.sum()
    np.int64(3)
    """
    rng = np.random.default_rng(seed)
    masks = planted.masks.astype("float32")
    maps = masks + rng.uniform(0, 0.15, masks.shape).astype("float32")
    maps *= rng.choice([0.1, 1.0, 3.0], len(maps))[:, np.newaxis, np.newaxis].astype("float32")
    apart = max((_apart(planted.masks, rng.permutation(len(maps))) for _ in range(_TRIES)), key=len)
    if len(apart) < wrong:
        raise ValueError(
            f"wrong is {wrong}; only {len(apart)} patches were found that lie apart from each other"
        )
    mixed = rng.permutation(apart)[:wrong]
    maps[mixed] = maps[np.roll(mixed, 1)]
    return maps


def _apart(masks: NDArray[np.bool_], order: NDArray[np.intp]) -> list[int]:
    """Choose images in this order whose masks overlap with no mask chosen before."""
    chosen: list[int] = []
    for number in order:
        if not (masks[number] & masks[chosen].any(axis=0)).any():
            chosen.append(int(number))
    return chosen


@checked("maps masks", maps=IMAGES, masks=IMAGES)
def localisation(maps: NDArray[Any], masks: NDArray[np.bool_]) -> pd.DataFrame:
    """Measure how well maps point at the place that is known to decide.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, height, width)
        What a method drew; negative values count as 0.
    masks : numpy.ndarray of bool, shape (n, height, width)
        Where the answer is.

    Returns
    -------
    pandas.DataFrame
        One row an image: ``mass``, the share of the map's sum inside the mask (0 for a map without positive
        values); ``area``, the share of the pixels inside it, which is what a map that is the same everywhere
        gets; ``hit``, whether the largest value is inside (never for a map without positive values).

    Examples
    --------
    >>> import numpy as np
    >>> maps, masks = np.array([[[3.0, 1.0], [0.0, 0.0]]]), np.array([[[True, False], [False, False]]])
    >>> localisation(maps, masks)
       mass  area   hit
    0  0.75  0.25  True
    """
    flat, inside = np.maximum(maps, 0).reshape(len(maps), -1), masks.reshape(len(masks), -1)
    total = flat.sum(axis=1, dtype="float64")
    within = np.where(inside, flat, 0).sum(axis=1, dtype="float64")
    mass = np.divide(within, total, out=np.zeros(len(flat)), where=total > 0)
    hit = inside[np.arange(len(flat)), flat.argmax(axis=1)] & (total > 0)
    return pd.DataFrame({"mass": mass, "area": inside.mean(axis=1), "hit": hit})


@checked(layers=TEXTS, train=_LABELLED, test=_LABELLED, max_features=Integer(), seed=SEED)
def linear_probes(
    model: keras.Model,
    layers: Sequence[str],
    train: tuple[NDArray[Any], NDArray[np.integer]],
    test: tuple[NDArray[Any], NDArray[np.integer]],
    *,
    max_features: int = 64,
    seed: int = 42,
) -> pd.DataFrame:
    """Ask each layer how much of the class a linear classifier can read from it.

    Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016
    (https://arxiv.org/abs/1610.01644). Every layer is treated alike: flattened, reduced to its first
    principal components where it has more than `max_features` numbers, standardised, and given to logistic
    regression.

    Parameters
    ----------
    model : keras.Model
        The network.
    layers : sequence of str
        Names of layers, in the order of the rows.
    train, test : tuple (images, classes)
        What the probes are fitted to, and what they are judged on. Use images that the network was not
        trained on for both: the last layers know the network's own training images by heart.
    max_features : int
        Principal components to keep.
    seed : int
        Seed of the components' random start.

    Returns
    -------
    pandas.DataFrame
        Index ``layer``: ``pixels``, then `layers`. ``numbers`` (how many a layer puts out for an image),
        ``kept`` (after the reduction), ``train_accuracy``, ``test_accuracy`` and ``seconds``.

    Raises
    ------
    ValueError
        If a layer is not in the model, or the images do not fit its input.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> images, classes = np.random.default_rng(0).random((20, 28, 28, 1)), np.arange(20) % 2
    >>> half = slice(10), slice(10, 20)
    >>> train, test = ((images[part], classes[part]) for part in half)
    >>> linear_probes(models.ann(), ["dense1"], train, test)[["numbers", "kept"]]
            numbers  kept
    layer
    pixels      784     9
    dense1      128     9
    """
    rows = {}
    graph = _one_call_each(model)
    for name in ("pixels", *layers):
        start = time.perf_counter()
        x = _flat_output(graph, name, train[0])
        numbers = x.shape[1]
        # One fewer than images: a further component would be rounding noise, which standardising blows up.
        kept = min(max_features, len(x) - 1, numbers)
        reduced, reduce = _reducer(x, kept, seed) if kept < numbers else (x, lambda values: values)
        classifier = LogisticRegression(C=0.1, max_iter=2000)  # a firm penalty: there are few images
        probe = make_pipeline(StandardScaler(), classifier).fit(reduced, train[1])
        del x
        rows[name] = {
            "numbers": numbers,
            "kept": kept,
            "train_accuracy": probe.score(reduced, train[1]),
            "test_accuracy": probe.score(reduce(_flat_output(graph, name, test[0])), test[1]),
            "seconds": time.perf_counter() - start,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("layer")


def _reducer(x: Images, kept: int, seed: int) -> tuple[Images, Callable[[Images], Images]]:
    """Reduce rows to their first principal components, and give what does the same to other rows.

    Both overwrite the rows that they are given.

    Like scikit-learn's ``PCA``, but in place (the output of a first convolution takes as much memory as the
    rest of a lesson), and with two iterations: 64 rough components hold as much as 64 exact ones, in a third
    of the time. Both parts must be projected alike then: ``PCA.fit_transform`` takes a short cut that
    differs from ``transform`` where components are rough, and standardising makes the difference large.
    """
    mean = x.mean(axis=0)
    x -= mean
    _, _, axes = randomized_svd(x, kept, n_iter=2, random_state=seed)
    return x @ axes.T, lambda other: np.subtract(other, mean, out=other) @ axes.T


def _flat_output(graph: keras.Model, name: str, images: NDArray[Any]) -> Images:
    """Give a new array (n, numbers) of what a layer, or the input itself (``pixels``), puts out."""
    x = fitting_images(graph, images)
    if name == "pixels":
        return np.array(x).reshape(len(images), -1)
    return _layer_outputs(graph, x, [name], _BATCH)[name].reshape(len(images), -1)


@checked(seed=SEED)
def redrawn(model: keras.Model, layers: Sequence[str], *, seed: int = 42) -> keras.Model:
    """Copy a model and draw the weights of some layers anew: they forget what they learnt.

    Adebayo et al., "Sanity checks for saliency maps", 2018 (https://arxiv.org/abs/1810.03292): a map that
    stays the same then does not show what the network has learnt.

    Parameters
    ----------
    model : keras.Model
        The network; it stays as it is.
    layers : sequence of str
        Names of the layers that lose what they have learnt.
    seed : int
        Seed of the new weights. Keras' own seed is set too, to another number that is made from it: a model
        that was built after seeding with `seed` itself would get back the weights that it began with.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If a layer is not in the model.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistkit import models
    >>> model = models.cnn()
    >>> fresh = redrawn(model, ["conv2"])
    >>> [np.array_equal(kernels(fresh, layer), kernels(model, layer)) for layer in ("conv1", "conv2")]
    [True, False]
    """
    keras = import_keras()
    for name in layers:
        _layer(model, name)
    keras.utils.set_random_seed(int(np.random.SeedSequence([seed, len(model.layers)]).generate_state(1)[0]))
    fresh = keras.models.clone_model(model)
    for old, new in zip(model.layers, fresh.layers, strict=True):
        if old.name not in layers:
            new.set_weights(old.get_weights())
    return fresh


def _one_call_each(model: keras.Model) -> keras.Model:
    """Copy a model so that each layer has been called once, and its `output` is on the way to the model's.

    In a Sequential model that was loaded from a file, it is not: a layer's `output` belongs to a call that
    the model's own output does not depend on, and the gradient between the two is None.
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"model {model.name!r} has no input: begin it with keras.Input((height, width, channels))"
        )
    keras = import_keras()
    # Cloned by way of a model that is not compiled: a clone of a compiled one builds an optimiser too.
    graph = keras.models.clone_model(keras.Model(model.inputs, model.outputs, name=model.name))
    graph.set_weights(model.get_weights())
    return graph


def _outputs(model: keras.Model, x: Images, batch_size: int) -> dict[str, NDArray[np.float32]]:
    """Run a model with named outputs batch by batch.

    Not with `predict`, which compiles every new model: that takes longer than a few batches, and TensorFlow
    warns when it happens often.
    """
    results: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(x), batch_size):
        part = slice(start, start + batch_size)
        for name, output in model(x[part], training=False).items():
            if name not in results:
                results[name] = np.empty((len(x), *output.shape[1:]), "float32")
            results[name][part] = output
    return results


def _layers(model: keras.Model) -> list[keras.Layer]:
    """List the layers that compute something."""
    return [layer for layer in model.layers if not isinstance(layer, import_keras().layers.InputLayer)]


def _layer(model: keras.Model, name: str) -> keras.Layer:
    known = {layer.name: layer for layer in _layers(model)}
    if name not in known:
        raise ValueError(f"no layer {name!r} in model {model.name!r}; it has {', '.join(known)}")
    return known[name]


def _convolutions(model: keras.Model) -> list[str]:
    """List the names of the model's convolutions, from the first to the last."""
    convolution = import_keras().layers.Conv2D
    names = [layer.name for layer in model.layers if isinstance(layer, convolution)]
    if not names:
        raise ValueError(f"model {model.name!r} has no Conv2D layer")
    return names


def _convolution(model: keras.Model, name: str) -> keras.Layer:
    layer = _layer(model, name)
    if name not in (known := _convolutions(model)):
        raise ValueError(
            f"layer {name!r} is no Conv2D but a {type(layer).__name__}; the model's are {', '.join(known)}"
        )
    return layer


def _maps_layer(model: keras.Model, name: str) -> keras.Layer:
    layer = _layer(model, name)
    if len(layer.output.shape) != 4:
        known = [inner.name for inner in _layers(model) if len(inner.output.shape) == 4]
        raise ValueError(f"the output of {name!r} has no height and width; that of {', '.join(known)} has")
    return layer


def _checked_classes(model: keras.Model, x: Images, classes: ArrayLike) -> NDArray[np.intp]:
    wanted = np.asarray(classes)
    outputs = model.output_shape[-1]
    if wanted.shape != (len(x),) or not np.issubdtype(wanted.dtype, np.integer):
        raise ValueError(
            f"expected {len(x)} integers, one class an image; found {wanted.dtype} of shape {wanted.shape}"
        )
    if wanted.min() < 0 or wanted.max() >= outputs:
        raise ValueError(f"classes are 0 to {outputs - 1}; found {wanted.min()} to {wanted.max()}")
    return wanted.astype(np.intp)


def _without_activation(layer: keras.Layer) -> Any:
    """Give a layer's output as it is before the layer's activation function."""
    config = layer.get_config() | {"activation": "linear", "name": f"{layer.name}_linear"}
    linear = type(layer).from_config(config)
    output = linear(layer.input)
    linear.set_weights(layer.get_weights())
    return output


def _scores(model: keras.Model) -> Any:
    """Give the classes' scores before the softmax."""
    keras = import_keras()
    last = next(layer for layer in _layers(model) if layer.output is model.outputs[0])
    if isinstance(last, keras.layers.Softmax | keras.layers.Activation):
        return last.input
    if isinstance(last, keras.layers.Dense):
        return _without_activation(last)
    raise ValueError(
        f"the last layer, {last.name!r}, is a {type(last).__name__}: expected Dense, Activation or Softmax"
    )


def _score_gradient(
    graph: keras.Model, tensor: Any, images: ArrayLike, classes: ArrayLike
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute a tensor of the graph, and the gradient of each image's class score with respect to it."""
    import tensorflow as tf

    keras = import_keras()
    x = tf.constant(fitting_images(graph, images))
    wanted = _checked_classes(graph, x, classes)
    both = keras.Model(graph.inputs[0], [tensor, _scores(graph)])
    with tf.GradientTape() as tape:
        tape.watch(x)  # frozen weights are not watched, so that nothing else might be
        values, scores = both(x, training=False)
        chosen = keras.ops.sum(scores * keras.ops.one_hot(wanted, scores.shape[-1]))
    return values.numpy(), tape.gradient(chosen, values).numpy()
