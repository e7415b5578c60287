"""Every public function refuses what it can't take, and names the argument; no wrong input hangs or crashes."""

import inspect
from collections.abc import Callable
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mnistkit import (
    activations,
    augmentation,
    clustering,
    data,
    duplicates,
    embedding,
    evaluation,
    exploration,
    input_pipeline,
    kaggle_submission,
    lesson,
    models,
    plots,
    records,
    training,
    transfer,
    widgets,
)
from mnistkit.data import DataError
from mnistkit.records import artifacts
from mnistkit.utils.keras_backend import import_keras

REFUSALS = (ValueError, TypeError, DataError, training.ModelFileError)
RNG = np.random.default_rng(0)
N = 12
PIXELS = RNG.integers(0, 256, (N, 28, 28)).astype(np.uint8)
Y = (np.arange(N) % 3).astype(np.uint8)
ROWS = RNG.normal(size=(N, 4)).astype("float32")
PROBABILITIES = RNG.dirichlet(np.ones(3), N)
GREY = (PIXELS[..., np.newaxis] / 255).astype("float32")


@cache
def network():
    keras = import_keras()
    layers = [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(2, 5, strides=4, activation="relu", name="conv"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(3, activation="softmax", name="answer"),
    ]
    return keras.Sequential(layers)


def fresh_network():
    return import_keras().models.clone_model(network())


@cache
def standin():
    return data.load("mnist", "bundled")


@cache
def garments():
    return data.load("fashion-mnist", "bundled")


@cache
def responses():
    return activations.filter_responses(network(), GREY, "conv")


@cache
def sweep():
    return clustering.kmeans_sweep(ROWS, [2, 3], progress=False)


@cache
def silhouettes():
    return clustering.silhouette_sweep(ROWS, {2: Y % 2}, progress=False)


def part_files(folder):
    return input_pipeline.write_parts(PIXELS, Y, folder, 2)


def csv_file(folder):
    (folder / "s.csv").write_text("a,b\n1,2\n3,4\n")
    return folder / "s.csv"


# For each function a call that works: its arguments, made in a folder of its own.
CALLS = {
    activations.layer_activations: lambda _: {
        "model": network(),
        "images": GREY[:2],
        "layers": ["conv"],
        "batch_size": 2,
    },
    activations.kernels: lambda _: {"model": network(), "layer": "conv"},
    activations.filter_responses: lambda _: {
        "model": network(),
        "images": GREY[:2],
        "layer": "conv",
        "batch_size": 2,
    },
    activations.mean_by_class: lambda _: {"values": ROWS, "y": Y, "n_classes": 3},
    activations.dead_filters: lambda _: {"responses": responses()},
    activations.receptive_field: lambda _: {"model": network(), "layer": "conv"},
    activations.strongest_patches: lambda _: {
        "images": GREY,
        "responses": responses(),
        "field": activations.receptive_field(network(), "conv"),
        "filter_number": 1,
        "count": 2,
    },
    activations.maximise_filters: lambda _: {
        "model": network(),
        "layer": "conv",
        "filters": [0],
        "steps": 1,
        "rate": 0.1,
        "decay": 0.3,
        "seed": 1,
    },
    activations.saliency: lambda _: {"model": network(), "images": GREY[:2], "classes": [0, 1]},
    activations.grad_cam: lambda _: {
        "model": network(),
        "images": GREY[:2],
        "classes": [0, 1],
        "layer": "conv",
    },
    activations.occlusion: lambda _: {
        "model": network(),
        "images": GREY[:1],
        "classes": [0],
        "patch": 5,
        "fill": 0.0,
        "batch_size": 400,
    },
    activations.cover_strongest: lambda _: {"images": GREY, "maps": GREY[..., 0], "patch": 3, "fill": 0.5},
    activations.planted_patches: lambda _: {"backgrounds": PIXELS, "size": 8, "seed": 1},
    activations.mixed_up_maps: lambda _: {
        "planted": activations.planted_patches(PIXELS, size=4),
        "wrong": 2,
        "seed": 1,
    },
    activations.localisation: lambda _: {"maps": GREY[..., 0], "masks": PIXELS > 100},
    activations.linear_probes: lambda _: {
        "model": network(),
        "layers": ["conv"],
        "train": (GREY, Y),
        "test": (GREY, Y),
        "max_features": 4,
        "seed": 1,
    },
    activations.redrawn: lambda _: {"model": network(), "layers": ["conv"], "seed": 1},
    clustering.kmeans_sweep: lambda _: {"x": ROWS, "ks": [2, 3], "seed": 1, "n_init": 1, "progress": False},
    clustering.silhouette_sweep: lambda _: {
        "x": ROWS,
        "labels_by_k": {3: Y},
        "sample_size": 8,
        "seed": 1,
        "block_rows": 4,
        "progress": False,
    },
    clustering.elbow: lambda _: {"ks": [1, 2, 3, 4], "inertia": [9.0, 4.0, 3.0, 2.5]},
    clustering.cluster_table: lambda _: {"y_true": Y, "clusters": Y, "class_names": ["a", "b", "c"]},
    clustering.match_clusters: lambda _: {"y_true": Y, "clusters": Y},
    clustering.one_to_one_accuracy: lambda _: {"y_true": Y, "clusters": Y},
    clustering.purity: lambda _: {"y_true": Y, "clusters": Y},
    clustering.scores: lambda _: {"y_true": Y, "clusters": Y},
    clustering.confused_pairs: lambda _: {"table": clustering.cluster_table(Y, Y)},
    data.known_labels: lambda _: {"images": standin().x_test[:3], "mnist": standin()},
    data.make_twist: lambda _: {"fashion": garments(), "mapping": data.DEFAULT_TWIST},
    data.normalisation_steps: lambda _: {"picture": PIXELS[0]},
    data.random_twist: lambda _: {"seed": 1, "sizes": (2, 1, 2, 2, 3)},
    data.subset: lambda _: {"dataset": standin(), "n_train": 20, "n_test": 10, "seed": 1},
    data.load: lambda _: {"name": "mnist", "source": "bundled", "verify": False},
    data.export: lambda folder: {
        "dataset": data.subset(standin(), 20, 10),
        "folder": folder / "out",
        "fmt": "idx",
        "overwrite": False,
    },
    data.save_drawing: lambda folder: {"image": PIXELS[0], "class_name": "1", "folder": folder},
    data.collect_drawings: lambda folder: {
        "source": data.save_drawing(PIXELS[0], "1", folder / "in").parent,
        "folder": folder / "class",
    },
    data.verify: lambda folder: {
        "target": data.export(data.subset(standin(), 20, 10), folder / "idx", "idx", overwrite=True)[0].parent
    },
    data.fetch: None,  # would go to the network: tests/data/test_download.py
    embedding.tsne: lambda _: {
        "x": RNG.normal(size=(N, 4)),
        "dimensions": 2,
        "components": 3,
        "perplexity": 2.0,
        "iterations": 251,
        "init": "pca",
        "seed": 1,
        "progress": "",
    },
    embedding.distance_matrix: lambda _: {"x": ROWS},
    embedding.k_distances: lambda _: {"distances": embedding.distance_matrix(ROWS), "k": 2},
    embedding.neighbourhood_preservation: lambda _: {"before": ROWS, "after": ROWS[:, :2], "k": 2},
    evaluation.predict_proba: lambda _: {"model": network(), "images": GREY[:2], "batch_size": 2},
    evaluation.reliability: lambda _: {"probabilities": PROBABILITIES, "y": Y, "n_bins": 5},
    evaluation.calibration_error: lambda _: {"probabilities": PROBABILITIES, "y": Y, "n_bins": 5},
    evaluation.accuracy_table: lambda _: {"hits": {"m": {"test": np.array([True, False])}}},
    evaluation.damaged_comparison: lambda _: {"seed": 1},
    evaluation.damaged_report: lambda _: {"seed": 1},
    evaluation.cross_entropy: lambda _: {"probabilities": PROBABILITIES, "y": Y},
    evaluation.with_temperature: lambda _: {"probabilities": PROBABILITIES, "temperature": 2.0},
    evaluation.best_temperature: lambda _: {"probabilities": PROBABILITIES, "y": Y},
    evaluation.confident_mistakes: lambda _: {"probabilities": PROBABILITIES, "y": Y, "n": 2},
    evaluation.shift_pixels: lambda _: {"images": GREY, "down": 1, "right": -1},
    exploration.at_most: lambda _: {"dataset": standin(), "n_train": 20, "n_test": 10, "seed": 1},
    exploration.sample_by_class: lambda _: {"x": PIXELS, "y": Y, "per_class": 2, "seed": 1},
    exploration.damaged_csv: lambda folder: {
        "source": csv_file(folder),
        "target": folder / "t.csv",
        "line": 2,
        "column": "a",
        "text": "x",
    },
    exploration.private_cache: lambda folder: {"folder": folder},
    exploration.class_densities: lambda _: {"values": ROWS[:, 0], "y": Y, "grid": np.linspace(-1, 1, 5)},
    exploration.planned_damage: lambda _: {"n": 12, "seed": 1},
    exploration.damaged_copy: lambda _: {"x": PIXELS, "y": Y, "n": 3, "seed": 1},
    exploration.class_means: lambda _: {"x": PIXELS, "y": Y},
    duplicates.pixel_distance: lambda _: {"a": PIXELS, "b": PIXELS[::-1]},
    duplicates.exact_duplicates: lambda _: {"x": PIXELS},
    duplicates.nearest_images: lambda _: {
        "x": PIXELS[:, :8, :8],
        "reference": PIXELS[:, :8, :8],
        "n_components": 3,
        "candidates": 2,
    },
    augmentation.resaved: lambda _: {"x": PIXELS, "noise": 3, "seed": 1},
    augmentation.rotated: lambda _: {"image": PIXELS[0], "degrees": 10.0},
    augmentation.shifted: lambda _: {"image": PIXELS[0], "down": 1.0, "right": 1.0},
    augmentation.with_contrast: lambda _: {"image": PIXELS[0], "factor": 1.1},
    augmentation.augmented: lambda _: {
        "image": PIXELS[0],
        "rng": np.random.default_rng(0),
        "turn": 0.1,
        "contrast": 0.1,
        "translation": 0.1,
    },
    exploration.suspect_labels: lambda _: {"x": ROWS, "y": Y, "n_neighbors": 3},
    models.twist_default: lambda _: {"groups": 3},
    models.twist_custom: lambda _: {"groups": 3, "norm_momentum": 0.9},
    models.vgg16_head: lambda _: {"features": (1, 1, 8)},
    models.vgg16_transfer: lambda _: {"base": small_base()},
    models.multiply_adds: lambda _: {"layer": network()},
    models.layer_table: lambda _: {"model": network()},
    models.drawing: lambda _: {"model": network()},
    input_pipeline.write_parts: lambda folder: {
        "images": PIXELS,
        "labels": Y,
        "folder": folder,
        "parts": 2,
        "name": "p",
        "progress": "",
    },
    input_pipeline.from_parts: lambda folder: {
        "paths": part_files(folder),
        "batch_size": 4,
        "readers": 2,
        "shuffle": 3,
        "cache": False,
        "seed": 1,
    },
    input_pipeline.from_arrays: lambda _: {
        "images": PIXELS,
        "labels": Y,
        "batch_size": 4,
        "shuffle": 3,
        "seed": 1,
    },
    input_pipeline.images_per_second: lambda _: {
        "batches": input_pipeline.from_arrays(PIXELS, Y, 4),
        "passes": 1,
    },
    kaggle_submission.write_submission: lambda folder: {
        "labels": Y,
        "path": folder / "submission.csv",
        "rows": N,
    },
    kaggle_submission.read_submission: lambda folder: {
        "path": kaggle_submission.write_submission(Y, folder / "submission.csv", rows=N),
        "rows": N,
    },
    training.adam: lambda _: {"steps": 10},
    training.one_cycle: lambda _: {"steps": 10, "peak": 0.01, "warm_up": 0.3},
    training.fit: lambda _: {
        "build": fresh_network,
        "x": GREY,
        "y": Y,
        "validation": (GREY, Y),
        "epochs": 1,
        "batch_size": 6,
        "optimizer": training.adam,
        "label_smoothing": 0.1,
        "seed": 1,
        "callbacks": (),
        "progress": "",
    },
    training.save_model: lambda folder: {"model": network(), "path": folder / "m.keras"},
    training.load_model: lambda folder: {"path": training.save_model(network(), folder / "m.keras")},
    transfer.vgg16: lambda _: {"weights": "random", "image_size": 32, "seed": 1},
    transfer.identify_weights: lambda _: {"weights": "random"},
    transfer.as_rgb: lambda _: {"images": PIXELS[:2], "image_size": 32},
    transfer.frozen_features: lambda _: {"backbone": backbone(), "images": PIXELS[:2], "progress": ""},
}
FEW = ["a", "b", "c"]
BY_EPS = {1.0: Y.astype(int) - 1, 2.0: np.zeros(N, dtype=int)}
THRESHOLDS = pd.DataFrame({"answered": [1.0, 0.8], "right": [0.9, 0.95], "error": [0.01, 0.01]})
COUNTS = pd.DataFrame(RNG.integers(1, 9, (3, 3)), index=FEW, columns=FEW)
RUNS = pd.DataFrame({"way": ["x", "x", "y"], "score": [0.5, 0.6, 0.7], "seconds": [1.0, 2.0, 3.0]})
HISTORY = pd.DataFrame(
    {name: [0.5, 0.6] for name in ("loss", "val_loss", "accuracy", "val_accuracy", "learning_rate")},
    index=pd.RangeIndex(1, 3, name="epoch"),
)
SHARES = np.linspace(0.1, 0.9, 5)
MAPS = RNG.random((3, 6, 6))
CALLS |= {
    plots.show: lambda _: {"figure": plt.figure(), "alt": "an empty figure"},
    plots.series_style: lambda _: {"position": 3},
    plots.image_grid: lambda _: {
        "images": MAPS,
        "titles": FEW,
        "title": "t",
        "columns": 2,
        "row_labels": ["r", "s"],
        "cell_inches": 0.5,
    },
    plots.curves: lambda _: {
        "table": HISTORY,
        "title": "t",
        "xlabel": "x",
        "ylabel": "y",
        "marks": {1.0: "here"},
        "log_x": False,
    },
    plots.pixel_maps: lambda _: {
        "maps": MAPS,
        "titles": FEW,
        "title": "t",
        "unit": "u",
        "columns": 2,
        "diverging": True,
        "signs": True,
        "cell_inches": 1.0,
    },
    plots.accuracy_ladder: lambda _: {
        "accuracies": {"one": [0.1, 0.2, 0.3]},
        "methods": FEW,
        "title": "t",
        "margins": {"one": [0.01, 0.02, 0.03]},
    },
    plots.method_comparison: lambda _: {
        "table": RUNS,
        "way": "way",
        "scores": ["score"],
        "title": "t",
        "xlabel": "x",
    },
    plots.name_places: lambda _: {
        "ax": plt.figure().subplots(),
        "names": FEW,
        "places": ROWS[:3, :2],
        "least": np.array([0.1, 0.1]),
        "fontsize": 8,
    },
    plots.pushed_apart: lambda _: {"places": ROWS[:, :2], "least": np.array([0.1, 0.1])},
    plots.scaling_maps: lambda _: {
        "variance": MAPS[0],
        "scaled_variance": MAPS[1],
        "image": MAPS[2],
        "scaled_image": MAPS[0],
        "title": "t",
    },
    plots.score_strips: lambda _: {
        "table": RUNS,
        "group": "way",
        "title": "t",
        "marked": [1],
        "marked_as": "chosen",
    },
    plots.elbow_figure: lambda _: {
        "inertia": pd.DataFrame({"one": [1.0, 0.5, 0.4]}, index=[1, 2, 3]),
        "elbows": {"one": 2},
        "by_range": {3: 2},
        "title": "t",
    },
    plots.own_against_next: lambda _: {"a": SHARES, "b": SHARES + 0.1, "title": "t"},
    plots.silhouette_profile: lambda _: {
        "samples": SHARES,
        "clusters": np.array([0, 0, 1, 1, 1]),
        "title": "t",
        "matched": {0: 1, 1: 0},
        "class_names": FEW,
    },
    plots.distance_histograms: lambda _: {"panels": {"one": (SHARES, SHARES)}, "title": "t", "xlabel": "x"},
    plots.projection_pair: lambda _: {
        "points": ROWS[:, :2],
        "clusters": Y,
        "classes": Y,
        "class_names": FEW,
        "axis_names": ("x", "y"),
        "title": "t",
        "matched": {0: 1, 1: 0},
    },
    plots.kmeans_moves: lambda _: {
        "points": ROWS[:, :2],
        "steps": [(Y, ROWS[:3, :2]), (Y, ROWS[3:6, :2])],
        "moves": [0, 2],
        "title": "t",
    },
    plots.cluster_heatmap: lambda _: {
        "table": COUNTS,
        "matched": {"a": "a", "b": "b", "c": "c"},
        "title": "t",
        "unit": "images",
    },
    plots.clustering_overview: lambda _: {
        "clusters": Y,
        "points": ROWS[:, :2],
        "centers": MAPS,
        "sizes": np.array([4, 4, 4]),
        "title": "t",
        "matched": {0: 1, 1: 0},
        "class_names": FEW,
    },
    plots.views: lambda _: {
        "panels": {"one": (ROWS[:, :2], Y.astype(int), FEW)},
        "title": "t",
        "axis_names": [("x", "y")],
    },
    plots.k_distance_curves: lambda _: {"curves": {"k": SHARES}, "chosen": {"k": 0.5}, "title": "t"},
    plots.sample_sheets: lambda _: {
        "sheets": [RNG.random((3, 2, 6, 6))],
        "row_labels": [FEW],
        "titles": ["one"],
        "title": "t",
    },
    plots.class_counts: lambda _: {
        "counts": [np.array([3, 4, 5])],
        "class_names": [FEW],
        "titles": ["one"],
        "title": "t",
    },
    plots.class_boxes: lambda _: {
        "values": [[SHARES, SHARES, SHARES]],
        "class_names": [FEW],
        "titles": ["one"],
        "title": "t",
        "xlabel": "x",
    },
    plots.value_histograms: lambda _: {
        "histograms": [np.histogram(SHARES, 3)],
        "titles": ["one"],
        "units": ["u"],
        "title": "t",
    },
    plots.intensity_by_class: lambda _: {
        "grid": SHARES,
        "densities": RNG.random((3, 5)),
        "mean_intensity": [SHARES, SHARES, SHARES],
        "class_names": FEW,
        "title": "t",
    },
    plots.distance_histogram: lambda _: {
        "groups": {"one": SHARES},
        "title": "t",
        "xlabel": "x",
        "threshold": 0.5,
        "threshold_label": "l",
    },
    plots.scree: lambda _: {
        "ratios": {"one": np.array([0.6, 0.3, 0.1])},
        "share": 0.9,
        "needed": {"one": 2},
        "title": "t",
    },
    plots.class_scatters: lambda _: {
        "points": [ROWS[:, :2]],
        "labels": [Y],
        "class_names": [FEW],
        "titles": ["one"],
        "title": "t",
    },
    plots.rotation_answers: lambda _: {
        "angles": np.array([-10.0, 0, 10]),
        "shares": {"one": np.array([0.1, 0.2, 0.3])},
        "limit": 5.0,
        "strip": MAPS,
        "title": "t",
    },
    plots.feature_maps: lambda _: {"image": MAPS[0], "maps": MAPS, "title": "t", "columns": 3},
    plots.dense_answers: lambda _: {
        "image": MAPS[0],
        "dense": SHARES,
        "probabilities": np.array([0.1, 0.2, 0.7]),
        "class_names": FEW,
        "title": "t",
    },
    plots.convolution_by_hand: lambda _: {
        "image": MAPS[0],
        "place": (1, 1),
        "tables": {"patch": MAPS[0, :3, :3]},
        "title": "t",
    },
    plots.filter_class_heatmap: lambda _: {"table": COUNTS, "title": "t", "unit": "u"},
    plots.strongest_images: lambda _: {
        "made": MAPS,
        "images": RNG.random((3, 2, 6, 6)),
        "corners": np.ones((3, 2, 2), int),
        "size": (3, 3),
        "row_labels": FEW,
        "title": "t",
    },
    plots.probe_ladder: lambda _: {
        "curves": {"one": pd.Series([0.1, 0.2], index=["l", "m"])},
        "title": "t",
        "ylabel": "y",
        "xlabel": "x",
        "errors": {"one": pd.Series([0.01, 0.02], index=["l", "m"])},
    },
    plots.shares_with_intervals: lambda _: {
        "table": pd.DataFrame({"share": [0.5], "error": [0.1]}, index=["one"]),
        "title": "t",
        "xlabel": "x",
        "against": 0.4,
        "against_label": "all alike",
    },
    plots.evidence_maps: lambda _: {
        "images": MAPS,
        "maps": {"one": MAPS},
        "titles": FEW,
        "title": "t",
        "corners": np.ones((3, 2), int),
        "size": 2,
        "one_scale": True,
        "mark_brightest": True,
    },
    plots.layer_overview: lambda _: {"image": MAPS[0], "maps": MAPS, "chosen": 1, "title": "t"},
    plots.accuracy_intervals: lambda _: {
        "accuracies": pd.DataFrame({"test": [0.5, 0.6]}),
        "errors": pd.DataFrame({"test": [0.1, 0.1]}),
        "title": "t",
        "xlabel": "x",
    },
    plots.convolution_step: lambda _: {
        "image": MAPS[0],
        "kernel": MAPS[0, :3, :3],
        "filled": MAPS[0, :4, :4],
        "corner": (1, 1),
        "title": "t",
    },
    plots.drawings: lambda _: {"pictures": {"one": models.drawing(network())}, "title": "t"},
    plots.learning_curves: lambda _: {
        "histories": {"one": HISTORY},
        "after": {"one": (0.6, 0.5)},
        "title": "t",
    },
    plots.handwriting_steps: lambda _: {
        "steps": {"grey": PIXELS[0], "centred": PIXELS[1]},
        "answers": list(PROBABILITIES[:2]),
        "class_names": FEW,
        "title": "t",
    },
    plots.answer_bars: lambda _: {
        "image": MAPS[0],
        "answers": {"m": PROBABILITIES[0], "n": PROBABILITIES[1]},
        "class_names": FEW,
        "truth": "a",
        "title": "t",
    },
    plots.unplaced: lambda _: {"width": 5, "height": 4, "places": [(0, 0, 1, 1)]},
    plots.cluster_members: lambda _: {
        "clusters": Y,
        "points": ROWS[:, :2],
        "cluster": 1,
        "center": MAPS[0],
        "nearest": (MAPS, FEW),
        "farthest": (MAPS, FEW),
        "title": "t",
        "matched": {1: 2},
    },
    plots.occlusion_maps: lambda _: {"maps": {"a": RNG.random((6, 6))}},
    plots.occlusion_step: lambda _: {
        "image": MAPS[0],
        "maps": {"a": RNG.random((6, 6))},
        "before": {"a": 0.5},
        "place": (0, 1),
        "patch": 3,
        "title": "t",
    },
    plots.confusion_ground: lambda _: {"table": COUNTS},
    plots.threshold_ground: lambda _: {"table": THRESHOLDS},
    plots.eps_ground: lambda _: {"clusterings": BY_EPS},
    plots.embedding_planes: lambda _: {"planes": {"a": ROWS[:, :2]}, "groups": Y, "names": FEW},
    plots.embedding_choice: lambda _: {
        "planes": {"a": ROWS[:, :2]},
        "plane": "a",
        "place": (0.0, 1.0),
        "chosen": np.array([2, 1, 0]),
        "images": MAPS,
        "captions": FEW,
        "title": "t",
    },
    plots.eps_step: lambda _: {
        "points": ROWS[:, :2],
        "clusterings": BY_EPS,
        "eps": 1.0,
        "title": "t",
        "axis_names": ["x", "y"],
        "over_ground": True,
        "to_scale": True,
    },
    plots.confusion_cell: lambda _: {
        "table": COUNTS,
        "truth": 0,
        "answer": 1,
        "images": list(MAPS),
        "probabilities": list(PROBABILITIES[:3]),
        "over_ground": True,
        "title": "t",
    },
    plots.mistake_sheet: lambda _: {
        "images": MAPS,
        "probabilities": PROBABILITIES[:3],
        "truth": np.array([0, 1, 2]),
        "class_names": FEW,
        "title": "t",
        "columns": 2,
    },
    plots.reliability_curves: lambda _: {
        "tables": {"one": evaluation.reliability(PROBABILITIES, Y)},
        "title": "t",
    },
    plots.cost_panels: lambda _: {
        "table": pd.DataFrame({"accuracy": [0.5, 0.6], "s": [1.0, 9.0]}, index=["m", "n"]),
        "costs": {"s": "seconds"},
        "title": "t",
        "ylabel": "y",
    },
    plots.paired_runs: lambda _: {
        "runs": pd.DataFrame({"m": [0.5, 0.6], "n": [0.6, 0.7]}),
        "level": 0.5,
        "level_name": "l",
        "title": "t",
    },
    plots.rate_range: lambda _: {
        "rates": [1e-4, 1e-3, 1e-2],
        "losses": np.array([2.0, 1.0, 3.0]),
        "chosen": 1e-3,
        "title": "t",
    },
    plots.dot_rows: lambda _: {
        "table": pd.DataFrame({"one": [1.0, 2.0]}, index=["m", "n"]),
        "title": "t",
        "xlabel": "x",
        "number": "{:.3g}",
        "log_x": False,
    },
    plots.threshold_curves: lambda _: {
        "table": THRESHOLDS,
        "chosen": 1,
        "images": list(MAPS),
        "probabilities": list(PROBABILITIES[:3]),
        "truth": [0, 1, 2],
        "class_names": FEW,
        "over_ground": True,
        "title": "t",
    },
}
CALLS |= {
    artifacts.save_artifact: lambda _: {"name": "cnn", "model": network(), "data": standin(), "facts": {}},
    artifacts.load_artifact: lambda _: {"name": "cnn", "data": standin()},
    artifacts.kept_models: lambda folder: {"names": ["cnn"], "run": folder},
    records.record: lambda _: {"name": "a_figure", "value": 1, "data": standin(), "differs": ""},
    records.differs_in: lambda _: {"facts": [(1, 2, "epochs")]},
    records.read: None,  # of the runner: anything in a notebook is tried in tests/records/test_records.py
    records.figure: None,  # of tables and pages: their own figures
    records.signed: None,
    records.show_data: lambda _: {"datasets": [standin()]},
    widgets.kmeans_explorer: lambda _: {
        "sweep": sweep(),
        "projection": ROWS[:, :2],
        "rows": np.arange(N),
        "shape": (2, 2),
        "k": 2,
        "matched": {2: {0: 1, 1: 0}},
        "class_names": FEW,
        "x": ROWS,
        "silhouettes": silhouettes(),
    },
    widgets.kmeans_steps: lambda _: {
        "points": ROWS[:, :2],
        "steps": [(Y, ROWS[:3, :2]), (Y, ROWS[3:6, :2])],
    },
    widgets.convolution_explorer: lambda _: {"images": MAPS, "titles": FEW},
    widgets.confusion_explorer: lambda _: {
        "images": PIXELS,
        "probabilities": PROBABILITIES,
        "truth": Y,
        "class_names": FEW,
    },
    widgets.shift_explorer: lambda _: {
        "images": RNG.random((3, 3, 6, 6)),
        "answers": {"net": RNG.random((3, 3, 3))},
        "truth": 1,
        "class_names": FEW,
    },
    widgets.drawn_digit: lambda _: {
        "classifier": lambda images: PROBABILITIES[: len(images)],
        "example": PIXELS[0],
        "class_names": FEW,
        "folder": "drawings",
    },
    widgets.occlusion_explorer: lambda _: {
        "image": MAPS[0],
        "before": {"a": 0.5},
        "falls": {"a": MAPS[1] - 0.5},
        "patch": 3,
    },
    widgets.embedding_explorer: lambda _: {
        "images": PIXELS,
        "planes": {"a": ROWS[:, :2]},
        "colourings": {"class": (Y, FEW)},
    },
    widgets.eps_explorer: lambda _: {
        "points": ROWS[:, :2],
        "clusterings": BY_EPS,
        "eps": 1.0,
        "axis_names": ["x", "y"],
        "to_scale": True,
    },
    widgets.threshold_explorer: lambda _: {
        "table": THRESHOLDS,
        "threshold": 0,
        "images": PIXELS,
        "probabilities": PROBABILITIES,
        "truth": Y,
        "class_names": FEW,
    },
    lesson.predict: lambda _: {"question": "Why?", "answers": ["a", "b"], "chosen": 1},
    lesson.finding: lambda _: {
        "text": "t",
        "prediction": lesson.predict("Why?", ["a", "b"]),
        "answer": "a",
    },
    lesson.in_five_sentences: lambda _: {"sentences": ["a"] * 5},
    lesson.check: lambda _: {"holds": True, "claim": "c"},
    lesson.read_findings: None,  # of the report: anything in a notebook is tried in tests/lessons
    widgets.activation_explorer: lambda _: {
        "images": MAPS,
        "activations": {"conv": RNG.random((3, 4, 4, 2))},
        "titles": FEW,
    },
}
MODULES = (
    activations,
    clustering,
    data,
    embedding,
    evaluation,
    exploration,
    duplicates,
    augmentation,
    artifacts,
    models,
    input_pipeline,
    plots,
    records,
    kaggle_submission,
    lesson,
    training,
    transfer,
    widgets,
)
NO_ARGUMENTS = {
    artifacts.run_folder,
    transfer.find_imagenet_weights,
    records.summary,
    plots.use_style,
    models.ann,
    models.cnn,
    models.mlp,
    models.pattern_spotter,
    models.deep_cnn,
    models.recognizer,
    models.small_recognizer,
}


def small_base():
    keras = import_keras()
    return keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3, strides=32, padding="same")])


@cache
def backbone():
    return transfer.Backbone(small_base(), "random", "0" * 64)


def wrong_inputs(value):
    """Give ten usual slips: wrong dtype, shape, NaN, empty, negative, float for int, list, text, huge, None."""
    try:
        array = np.asarray(value if isinstance(value, np.ndarray | list | tuple) else None)
    except ValueError:  # a tuple of arrays
        array = np.asarray(None)
    is_array = array.dtype.kind in "iufb" and array.size > 0 and array.ndim > 0
    with_nan = array.astype("float64").copy() if is_array else None
    if with_nan is not None:
        with_nan.flat[0] = np.nan
    return {
        "dtype": array.astype(str) if is_array else b"bytes",
        "shape": array[np.newaxis] if is_array else np.zeros((2, 2, 2, 2, 2)),
        "nan": with_nan if is_array else float("nan"),
        "empty": array[:0] if is_array else [],
        "negative": -1 - array.astype("int64") if is_array else -1,
        "float": array + 0.5 if is_array and array.dtype.kind in "iuf" else 2.5,
        "list": list(array) if is_array else [1, 2],
        "text": "abc",
        "huge": array * 1e30 if is_array else 10**18,
        "none": None,
    }


def public_functions(module):
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    found = [getattr(module, name) for name in names]
    return [f for f in found if inspect.isfunction(f) and f.__module__.startswith("mnistkit")]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_function_is_called(module):
    own = {f for f in public_functions(module) if f.__module__.startswith(module.__name__)}
    missing = sorted(f.__name__ for f in own - set(CALLS) - NO_ARGUMENTS)
    assert not missing, "a new function needs a call that works, for wrong inputs"


def call(function, arguments):
    """Call a function with all its arguments, each by its name where it has one."""
    parameters = inspect.signature(function).parameters.values()
    several = [value for p in parameters if p.kind is p.VAR_POSITIONAL for value in arguments[p.name]]
    others = {k: v for p in parameters if p.kind is p.VAR_KEYWORD for k, v in arguments[p.name].items()}
    named = {p.name: arguments[p.name] for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    return function(*several, **named, **others)


FUNCTIONS = [pytest.param(f, id=f"{f.__module__}.{f.__name__}") for f, make in CALLS.items() if make]


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_call_works(function: Callable, tmp_path):
    arguments = CALLS[function](tmp_path)
    assert set(arguments) == set(inspect.signature(function).parameters), "every argument is tried"
    call(function, arguments)
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_wrong_argument_is_named_or_works(function, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a file called abc may be written
    wrong = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        for kind in wrong_inputs(0):
            arguments = CALLS[function](tmp_path)
            value = wrong_inputs(arguments[name])[kind]
            try:
                call(
                    function,
                    arguments | {name: [value] if parameter.kind is parameter.VAR_POSITIONAL else value},
                )
            except REFUSALS as error:
                said = str(error)
                if name not in said and not (isinstance(value, str) and value in said):
                    wrong[name, kind] = said
            except BaseException as error:  # SystemExit too
                wrong[name, kind] = repr(error)
            plt.close("all")
    assert not wrong


def test_tables_are_not_arrays():
    with pytest.raises(TypeError, match=r"table is a list of 1; expected a pandas\.DataFrame"):
        clustering.confused_pairs([[1]])
    with pytest.raises(ValueError, match=r"table\['a'\] has numbers from -1 to -1"):
        clustering.confused_pairs(pd.DataFrame({"a": [-1]}))
