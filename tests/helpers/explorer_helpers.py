"""One of each explorer on small made data: the same in a notebook's cell and in a test."""

SOURCE = """
import numpy as np
import pandas as pd
from mnistkit import clustering, plots, widgets

plots.use_style()
rng = np.random.default_rng(0)
names = ["cat", "dog", "owl"]
y = np.arange(60) % 3
points = rng.normal(size=(60, 2)) + np.array([[0, 0], [6, 0], [0, 6]])[y]
images = rng.random((60, 8, 8))
chances = rng.dirichlet(np.ones(3), 60)
sweep = clustering.kmeans_sweep(points, [2, 3, 5], progress=False)
silhouettes = clustering.silhouette_sweep(points, sweep.labels, progress=False)
steps = [(sweep.labels[3], sweep.centers[3]), (y, sweep.centers[3])]
by_eps = {eps: (y - (points[:, 0] > eps)).clip(-1) for eps in (0.5, 1.0, 2.0)}
table = pd.DataFrame({"answered": [1.0, 0.7, 0.2], "right": [0.5, 0.7, 0.9], "error": 0.01}, index=[0, 0.5, 0.8])
wrong = (chances.argmax(axis=1) != y).astype(int)
colours = {"class": (y, names), "answer": (wrong, ["right", "wrong"])}
maps = {"conv1": rng.random((3, 6, 6, 4)), "conv2": rng.random((3, 3, 3, 5))}
moved = rng.dirichlet(np.ones(3), (2, 5, 5))
explorers = [
    widgets.kmeans_explorer(sweep, points, shape=(1, 2), k=3, x=points, silhouettes=silhouettes),
    widgets.kmeans_steps(points, steps),
    widgets.embedding_explorer(images, {"PCA": points, "mirrored": -points}, colours),
    widgets.eps_explorer(points, by_eps, 1.0),
    widgets.convolution_explorer(images[:3], names),
    widgets.confusion_explorer(images, chances, y, names),
    widgets.threshold_explorer(table, 0.5, images, chances, y, names),
    widgets.shift_explorer(rng.random((5, 5, 8, 8)), dict(zip(("ANN", "CNN"), moved)), 0, names),
    widgets.occlusion_explorer(images[0], {"cat": 0.6}, {"cat": rng.random((8, 8)) / 2}, patch=3),
    widgets.activation_explorer(images[:3], maps, names),
]
"""


def made_explorers():
    """Make them here: what they show is what those in a notebook have to show."""
    made = {}
    exec(SOURCE, made)
    return made["explorers"]
