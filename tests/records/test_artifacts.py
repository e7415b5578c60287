"""What lesson 03 leaves for lesson 04: the model of the same run, for the same data, or none."""

import json
from pathlib import Path

import numpy as np
import pytest
from data_helpers import make_tiny

from mnistkit.records import artifacts
from mnistkit.records.artifacts import load_artifact, save_artifact
from mnistkit.utils.keras_backend import import_keras

IMAGES = np.random.default_rng(0).random((5, 28, 28, 1), dtype="float32")


@pytest.fixture
def model():
    keras = import_keras()
    keras.utils.set_random_seed(0)
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    return keras.Sequential(layers)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Give the folder of a run that this process belongs to."""
    folder = tmp_path / "run {0}"  # a name that str.format would change
    monkeypatch.setenv(artifacts.RUN_FOLDER, str(folder))
    return folder


@pytest.mark.slow
def test_a_model_comes_back_as_it_was_with_its_facts(run, model, tiny, capsys):
    save_artifact("cnn", model, data=tiny, test_accuracy=0.91, epochs=3)
    assert "models/cnn.keras" in capsys.readouterr().out
    handed = load_artifact("cnn", data=tiny)
    assert handed.facts == {"test_accuracy": 0.91, "epochs": 3}
    np.testing.assert_array_equal(handed.model.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    assert "is used" in capsys.readouterr().out
    assert sorted(path.name for path in (run / "models").iterdir()) == ["cnn.json", "cnn.keras"]


def test_without_a_run_nothing_is_kept_and_nothing_found(tmp_path, monkeypatch, model, tiny, capsys):
    monkeypatch.delenv(artifacts.RUN_FOLDER, raising=False)
    save_artifact("cnn", model, data=tiny)
    assert load_artifact("cnn", data=tiny) is None
    out = capsys.readouterr().out
    assert "is not kept" in out
    assert "not started by 'mnistkit run'" in out
    assert not list(tmp_path.rglob("*.keras"))


def test_a_run_without_that_lesson_has_none(run, tiny, capsys):
    assert load_artifact("cnn", data=tiny) is None
    assert "no earlier lesson of this run has kept one" in capsys.readouterr().out


def test_a_model_for_other_data_is_not_taken(run, model, tiny, capsys):
    save_artifact("cnn", model, data=tiny)
    assert load_artifact("cnn", data=make_tiny(seed=5)) is None
    assert "trained on other data" in capsys.readouterr().out


def test_a_model_that_was_replaced_or_damaged_is_not_taken(run, model, tiny, capsys):
    save_artifact("cnn", model, data=tiny)
    path = run / "models" / "cnn.keras"
    path.write_bytes(path.read_bytes()[:-10])
    assert load_artifact("cnn", data=tiny) is None
    assert "has changed since" in capsys.readouterr().out
    path.unlink()
    assert load_artifact("cnn", data=tiny) is None
    assert "has changed since" in capsys.readouterr().out


@pytest.mark.parametrize("note", ["", "[]", "{}", json.dumps({"sha256": "a", "data_sha256": 1, "facts": 3})])
def test_a_note_that_cannot_be_read_is_said(run, model, tiny, note, capsys):
    save_artifact("cnn", model, data=tiny)
    (run / "models" / "cnn.json").write_text(note)
    assert load_artifact("cnn", data=tiny) is None
    assert "its note can't be read" in capsys.readouterr().out


def test_a_model_with_code_in_it_is_not_taken(run, tiny, capsys):
    keras = import_keras()
    unsafe = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)])
    save_artifact("cnn", unsafe, data=tiny)
    assert load_artifact("cnn", data=tiny) is None
    assert "Python code in the model" in capsys.readouterr().out


def test_results_go_into_the_runs_folder_or_where_the_notebook_is(run, monkeypatch):
    assert artifacts.run_folder() == run
    monkeypatch.delenv(artifacts.RUN_FOLDER)
    assert artifacts.run_folder() == Path()
