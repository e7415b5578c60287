"""VGG16, trained on photos, as a fixed maker of features for small grey images.

Simonyan and Zisserman, "Very deep convolutional networks", 2015 (https://arxiv.org/abs/1409.1556). A frozen
network gives the same features for an image in each epoch, so they are computed once and kept in the cache:
training a head on them learns the same as training the whole network, at a fraction of the cost.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mnistkit.data.cache import cache_root, get_or_compute
from mnistkit.data.dataset import part_sha256
from mnistkit.data.download import READ_TIMEOUT, is_off, is_online
from mnistkit.data.loader import search_folders
from mnistkit.errors import DataError
from mnistkit.files import expanded, file_sha256, reading
from mnistkit.utils.arguments import IMAGES, SEED, Integer, checked
from mnistkit.utils.keras_backend import import_keras

if TYPE_CHECKING:
    import keras

__all__ = [
    "IMAGENET_FILE",
    "TENSORS_SHA256",
    "Backbone",
    "as_rgb",
    "find_imagenet_weights",
    "frozen_features",
    "identify_weights",
    "vgg16",
]

IMAGENET_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
"""Keras' own file of VGG16's weights without the head, 58.9 MB."""

TENSORS_SHA256 = "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"
"""SHA-256 of VGG16's ImageNet weights: of all arrays, as float32, in the order of ``get_weights``.

Weights with this hash are ImageNet's in whatever file they come: Keras' own, or a copy of the values.
"""

_IMAGENET_MD5 = "6d6bbae143d832006294945121d1f1fc"  # of Keras' own file, as Keras checks it
_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{IMAGENET_FILE}"
_SMALLEST_SIDE = 32  # five poolings halve it to one pixel
_PIXELS_AT_ONCE = 4 * 224**2  # 4 images of 224 × 224: of more, the layers' own numbers take much memory
_PREPARED = "bilinear, Keras' scaling"  # by `as_rgb`; what it did otherwise must not be found in the cache
_INPUT_SPREAD = 64.0  # of grey values less their mean; random features of that size would swamp a head
_RANDOM = "random weights (the control: nothing was learnt from photos)"


@dataclass(frozen=True)
class Backbone:
    """VGG16 without its head, frozen, and what its weights are.

    Attributes
    ----------
    model : keras.Model
        Takes RGB images as `as_rgb` makes them, gives (height / 32, width / 32, 512) numbers.
    kind : str
        What the weights are, in a word: ``ImageNet``, ``random``, or the file's name.
    sha256 : str
        Hash of the weights.
    """

    model: keras.Model
    kind: str
    sha256: str

    @property
    def weights(self) -> str:
        """What the weights are, for people: to be written beside every figure that they lead to."""
        known = {"ImageNet": "ImageNet weights", "random": _RANDOM}
        return known.get(self.kind, f"weights of the file {self.kind}")

    @property
    def image_size(self) -> int:
        """Height and width of the images that it takes, in pixels."""
        return int(self.model.input_shape[1])


@checked(image_size=Integer(_SMALLEST_SIDE, 2048), seed=SEED)
def vgg16(weights: str = "auto", image_size: int = 224, *, seed: int = 42) -> Backbone:
    """Build VGG16 without its head, with learnt or with random weights.

    Parameters
    ----------
    weights : str
        ``imagenet``: the published ones (`TENSORS_SHA256`), from any file ``vgg16*.h5`` in a folder of
        ``MNISTKIT_DATA``, in ``./data`` or in ``data`` beside the virtual environment (or in its subfolder
        ``vgg16``), from the cache or Keras' own, or downloaded and checked by Keras. ``random``: nothing
        learnt, the control; drawn as He et al. (2015, https://arxiv.org/abs/1502.01852) do, so that 13 layers
        of ReLU neither shrink nor blow up what goes through, and the first layer's divided by 64, the spread
        of its input. ``auto``: as ``imagenet``, and ``random`` where that is not to be had; it says so.
        Anything else is the path of a weights file (``.h5``, or a whole ``.keras`` model) with VGG16's
        layers.
    image_size : int
        Height and width of the images in pixels, at least 32; 224 is what it was made for.
    seed : int
        Seed of random weights.

    Returns
    -------
    Backbone

    Raises
    ------
    DataError
        If the weights can't be had, or the file does not hold VGG16's weights.
    ValueError
        If `image_size` is below 32.
    """
    if weights == "random":
        return _random(image_size, seed)
    if weights not in ("auto", "imagenet"):
        path = expanded(weights)
        return _from_file(path, image_size)
    try:
        return _from_file(_imagenet_file(), image_size)
    except DataError as error:
        if weights == "imagenet":
            raise
        print(f"VGG16 has {_RANDOM}. ImageNet weights are not to be had: {error.found}.")  # noqa: T201
        return _random(image_size, seed)


@checked()
def identify_weights(weights: str) -> str:
    """Say which weights `vgg16` takes, without building the network: a result depends on them.

    Parameters
    ----------
    weights : str
        As for `vgg16`.

    Returns
    -------
    str
        ``random``, or a hash: that of the arrays (`TENSORS_SHA256` for ImageNet's) in a file of Keras' layout
        for weights, or else that of the file; downloaded now where `vgg16` would do so.

    Raises
    ------
    DataError
        If the weights can't be had.
    """
    if weights == "random":
        return "random"
    if weights not in ("auto", "imagenet"):
        return _identify(expanded(weights))
    try:
        _imagenet_file()
    except DataError:
        if weights == "imagenet":
            raise
        return "random"
    return TENSORS_SHA256


@checked(images=IMAGES, image_size=Integer(1, 2048))
def as_rgb(images: NDArray[np.uint8], image_size: int) -> NDArray[np.float32]:
    """Make grey images what VGG16 takes: larger, three times the same channel, Keras' scaling.

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape (n, 28, 28)
        Grey values.
    image_size : int
        New height and width, by bilinear interpolation.

    Returns
    -------
    numpy.ndarray of float32, shape (n, image_size, image_size, 3)
        At 224 × 224, 768 times the bytes of the grey image: for a few images at a time.
    """
    keras = import_keras()
    grey = np.asarray(images, "float32")[..., np.newaxis]
    larger = np.asarray(keras.ops.image.resize(grey, (image_size, image_size), interpolation="bilinear"))
    return keras.applications.vgg16.preprocess_input(np.repeat(larger, 3, axis=-1))


@checked(images=IMAGES)
def frozen_features(
    backbone: Backbone, images: NDArray[np.uint8], *, progress: str = ""
) -> NDArray[np.float32]:
    """Compute what the frozen network makes of images, once: kept in the cache by content.

    The enlarged RGB images exist for one small batch at a time; report R2 held all of them, 3.6 GB.

    Parameters
    ----------
    backbone : Backbone
        From `vgg16`.
    images : numpy.ndarray of uint8, shape (n, 28, 28)
        Grey values.
    progress : str
        What to write before the progress bar; no bar where empty, or where the cache has the features.

    Returns
    -------
    numpy.memmap of float32, shape (n, image_size // 32, image_size // 32, 512)
        Read-only.

    Raises
    ------
    DataError
        If the cache can't be written.
    """
    batch_size = max(1, _PIXELS_AT_ONCE // backbone.image_size**2)
    key = [backbone.sha256, part_sha256(images), _PREPARED]

    def blocks() -> Iterator[NDArray[np.float32]]:
        starts = range(0, len(images), batch_size)
        bar = tqdm(starts, desc=progress, unit="batch", file=sys.stdout, ncols=100, disable=not progress)
        for start in bar:
            rgb = as_rgb(images[start : start + batch_size], backbone.image_size)
            yield np.asarray(backbone.model(rgb, training=False))

    shape = (len(images), *backbone.model.output_shape[1:])
    return get_or_compute(f"vgg16-{backbone.image_size}", key, shape, blocks)


def _build(image_size: int) -> keras.Model:
    shape = (image_size, image_size, 3)
    model = import_keras().applications.VGG16(include_top=False, weights=None, input_shape=shape)
    model.trainable = False
    return model


def _random(image_size: int, seed: int) -> Backbone:
    keras = import_keras()
    model = _build(image_size)
    seeds = np.random.SeedSequence(seed).generate_state(len(model.layers))
    scale = _INPUT_SPREAD
    for layer, own in zip(model.layers, seeds, strict=True):
        if layer.weights:
            kernel = keras.initializers.HeNormal(seed=int(own))(layer.kernel.shape)
            layer.set_weights([np.asarray(kernel) / scale, np.zeros(layer.bias.shape, "float32")])
            scale = 1.0
    return Backbone(model, "random", _hash(model.get_weights()))


def _from_file(path: Path, image_size: int) -> Backbone:
    with reading(path):
        path.stat()  # a file that is missing or can't be read is no file of other content
    model = _build(image_size)
    with _loading(path):
        if path.suffix == ".keras":
            from mnistkit import training

            _take_weights(model, training.load_model(path))
        else:
            model.load_weights(path)
    sha256 = _hash(model.get_weights())
    return Backbone(model, "ImageNet" if sha256 == TENSORS_SHA256 else path.name, sha256)


def _identify(path: Path) -> str:
    """Hash a file's arrays without TensorFlow, whose start takes seconds; or the file itself."""
    import h5py

    with reading(path), path.open("rb") as stream:
        try:
            with h5py.File(stream) as file:
                groups = [file[layer] for layer in file.attrs["layer_names"]]
                return _hash(group[name][()] for group in groups for name in group.attrs["weight_names"])
        except (KeyError, OSError):  # another layout, or no HDF5
            return file_sha256(path)


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    """Turn whatever Keras and h5py raise about a weights file into a `DataError`."""
    try:
        yield
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            str(path),
            found=f"no weights of VGG16 ({type(error).__name__}: {reason})",
            expected=f"Keras' {IMAGENET_FILE} (58.9 MB), or a file with the same 13 convolutions",
            todo="copy the file again, or choose vgg_weights='random'",
        ) from error


def _take_weights(model: keras.Model, source: keras.Model) -> None:
    """Copy the convolutions of a whole model by their names: it may have a head, or another image size."""
    there = {layer.name: layer for layer in source.layers}
    for layer in model.layers:
        if layer.weights:
            if layer.name not in there:
                raise ValueError(f"the model has no layer {layer.name!r}")
            layer.set_weights(there[layer.name].get_weights())


def find_imagenet_weights() -> Path | None:
    """Find a file with VGG16's published weights on this machine.

    Returns
    -------
    pathlib.Path or None
        Any file ``vgg16*.h5`` that holds them, in a folder of data, in the cache, or in Keras' own.

    Raises
    ------
    DataError
        If ``MNISTKIT_DATA`` names a folder that does not exist, or such a file can't be read.
    """
    keras_home = expanded(os.environ.get("KERAS_HOME", "~/.keras"))
    folders = [folder / inner for folder in search_folders() for inner in (".", "vgg16")]
    for folder in (*folders, _downloads() / "vgg16", keras_home / "models"):
        for path in sorted(folder.glob("vgg16*.h5")):
            if path.is_file() and _identify(path) == TENSORS_SHA256:
                return path
    return None


def _downloads() -> Path:
    return cache_root() / "downloads"


def _imagenet_file() -> Path:
    """Find a file with the published weights, or have Keras download and check its own."""
    if found := find_imagenet_weights():
        return found
    if is_off():
        raise _no_weights("no file with these arrays, and MNISTKIT_OFFLINE is set")
    if not is_online():
        raise _no_weights("no file with these arrays, and no network")
    return _download(_downloads())


def _download(folder: Path) -> Path:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(READ_TIMEOUT)  # Keras sets none: a silent server would hold up a class
    try:
        folder.mkdir(parents=True, exist_ok=True)  # or Keras takes a folder of its own choice
        found = import_keras().utils.get_file(
            IMAGENET_FILE, _URL, file_hash=_IMAGENET_MD5, cache_dir=str(folder), cache_subdir="vgg16"
        )
    except Exception as error:  # Keras raises a bare Exception for a failed download
        raise _no_weights(f"the download failed: {error}".splitlines()[0]) from error
    finally:
        socket.setdefaulttimeout(before)
    return Path(found)


def _no_weights(failure: str) -> DataError:
    return DataError(
        "VGG16's ImageNet weights",
        found=failure,
        expected=f"{IMAGENET_FILE} from the network, or a file vgg16*.h5 with the same arrays",
        todo="put such a file into a folder of MNISTKIT_DATA, or give a path as vgg_weights, "
        "or choose vgg_weights='random', the control",
    )


def _hash(arrays: Iterable[NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()
