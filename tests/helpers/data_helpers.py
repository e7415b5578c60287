"""Data made for a test: noise with all ten classes, and pictures of bars, circles and triangles of many sizes."""

import numpy as np
from PIL import Image, ImageDraw

from mnistkit.data import Dataset
from mnistkit.data.dataset import content_sha256
from mnistkit.data.registry import dataset_spec

SHAPES = ("bar", "circle", "triangle")


def make_tiny(name="mnist", n_train=60, n_test=20, seed=0):
    """Make a data set of noise with all ten classes in both parts."""
    rng = np.random.default_rng(seed)
    # Sparse like handwriting, so that files compress as real ones do.
    x_train, x_test = (
        (rng.integers(0, 256, (n, 28, 28)) * (rng.random((n, 28, 28)) < 0.2)).astype(np.uint8)
        for n in (n_train, n_test)
    )
    y_train, y_test = (rng.permutation(np.arange(n, dtype=np.uint8) % 10) for n in (n_train, n_test))
    arrays = (x_train, y_train, x_test, y_test)
    return Dataset(name, *arrays, dataset_spec(name).class_names, "made", content_sha256(*arrays), False)


def draw(shape, rng, background=0):
    """Draw one shape in a light grey, at a random place, in a picture of 32 to 96 pixels."""
    height = int(rng.integers(32, 97))
    width = height + int(rng.integers(0, 17))
    picture = Image.new("L", (width, height), background)
    pen, ink, thick = ImageDraw.Draw(picture), int(rng.integers(170, 256)), int(rng.integers(2, 6))
    radius = rng.uniform(0.2, 0.4) * height
    middle = np.array([rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)])
    corners = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(3) / 3
    points = middle + radius * np.stack([np.cos(corners), np.sin(corners)], axis=1)
    if shape == "circle":
        pen.ellipse([*(middle - radius), *(middle + radius)], outline=ink, width=thick)
    elif shape == "triangle":
        pen.polygon([tuple(point) for point in points], outline=ink, width=thick)
    else:
        pen.line([*points[0], *(2 * middle - points[0])], fill=ink, width=thick)
    return picture


def draw_shapes(folder, count=200, background=0):
    """Draw pictures in three classes, a subfolder each; the same ones on every call."""
    rng = np.random.default_rng(1)
    for number in range(count):
        shape = SHAPES[number % len(SHAPES)]
        (folder / shape).mkdir(parents=True, exist_ok=True)
        draw(shape, rng, background).save(folder / shape / f"{number:03}.png")
    return folder
