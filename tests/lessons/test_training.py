"""Training: the same as ``model.fit``, only faster; repeatable; model files that can be trusted."""

import contextlib
import io
import os
import stat
import zipfile

import numpy as np
import pytest

from mnistkit import training
from mnistkit.utils.keras_backend import import_keras

N = 130


@pytest.fixture(scope="module")
def data():
    """Images of noise whose class is their brightest row: learnable, and quick."""
    rng = np.random.default_rng(0)
    x = rng.random((N + 40, 6, 6, 1), dtype="float32")
    y = rng.integers(0, 3, N + 40)
    x[np.arange(N + 40), y] += 1
    return (x[:N], y[:N]), (x[N:], y[N:])


def dense():
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def convolutional():
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def plain(build, data, *, epochs, batch_size, seed, optimizer="adam"):
    """Train as the reports do: compile and fit with Keras' own settings."""
    import_keras().utils.set_random_seed(seed)
    model = build()
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    (x, y), validation = data
    result = model.fit(x, y, epochs=epochs, batch_size=batch_size, validation_data=validation, verbose=0)
    return model, result.history


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [2, 64, 500])
@pytest.mark.parametrize("build", [dense, convolutional])
def test_the_same_is_learnt_as_with_plain_fit(build, batch_size, data, monkeypatch):
    """2: 65 steps, of which 20 are executed at once, and a remainder; 500: one batch that is not full."""
    monkeypatch.setattr(training, "_STEPS_AT_ONCE", 20)
    monkeypatch.setattr(training, "_CONVOLUTION_STEPS_AT_ONCE", 20)
    fitted = training.fit(build, *data[0], validation=data[1], epochs=2, batch_size=batch_size, seed=3)
    model, history = plain(build, data, epochs=2, batch_size=batch_size, seed=3)
    assert fitted.history[["loss", "accuracy"]].to_dict("list") == {
        n: history[n] for n in ("loss", "accuracy")
    }
    # Validation goes in larger batches, so its mean is summed in another order.
    np.testing.assert_allclose(fitted.history["val_loss"], history["val_loss"], rtol=1e-6)
    np.testing.assert_allclose(fitted.history["val_accuracy"], history["val_accuracy"], rtol=1e-6)
    for ours, theirs in zip(fitted.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_seed_repeats_everything_and_another_seed_does_not(data):
    first, again, other = (training.fit(dense, *data[0], epochs=2, seed=seed) for seed in (1, 1, 2))
    for ours, theirs in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert first.history["loss"].tolist() == again.history["loss"].tolist()
    assert first.history["loss"].tolist() != other.history["loss"].tolist()
    assert (first.seed, other.seed) == (1, 2)


@pytest.mark.slow
def test_what_is_used_before_does_not_change_a_seeds_result(data):
    first = training.fit(dense, *data[0], epochs=1, seed=1)
    np.random.rand(7)  # noqa: NPY002
    training.fit(convolutional, *data[0], epochs=1, seed=9)
    again = training.fit(dense, *data[0], epochs=1, seed=1)
    assert first.history["loss"].tolist() == again.history["loss"].tolist()


@pytest.mark.slow
def test_label_smoothing_asks_for_less_certainty(data):
    settings = {
        "validation": data[1],
        "epochs": 8,
        "batch_size": 16,
        # Ten times the usual rate: certain after eight epochs, not forty.
        "optimizer": lambda _: import_keras().optimizers.Adam(0.01),
    }
    sure, unsure = (training.fit(dense, *data[0], **settings, label_smoothing=share) for share in (0, 0.6))
    confidence = [f.model.predict(data[0][0], verbose=0).max(axis=1).mean() for f in (sure, unsure)]
    assert confidence[1] < confidence[0] - 0.05
    # 0.6 of the probability spread over three classes: the true one should get 0.4 + 0.2.
    assert unsure.history["loss"].min() > -(0.6 * np.log(0.6) + 2 * 0.2 * np.log(0.2)) - 1e-6
    assert unsure.history["accuracy"].iloc[-1] > 0.5
    assert unsure.history["val_accuracy"].iloc[-1] > 0.4


@pytest.mark.slow
def test_history_has_one_row_an_epoch(data):
    fitted = training.fit(dense, *data[0], validation=data[1], epochs=3, batch_size=32)
    history = fitted.history
    assert history.index.tolist() == [1, 2, 3]
    assert history.index.name == "epoch"
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"}
    assert history["learning_rate"].tolist() == pytest.approx([0.001] * 3)
    assert (history["seconds"] > 0).all()
    assert history["seconds"].sum() <= fitted.seconds
    assert "val_loss" not in training.fit(dense, *data[0], epochs=1).history


def test_one_cycle_rises_to_its_peak_and_falls_to_zero():
    rates = training.one_cycle(100, peak=0.01, warm_up=0.2)._learning_rate
    values = [float(rates(step)) for step in range(101)]
    assert values[0] == pytest.approx(0.01 / 25)
    assert np.argmax(values) == 20
    assert values[20] == pytest.approx(0.01)
    assert (np.diff(values[:21]) > 0).all()
    assert (np.diff(values[20:]) < 0).all()
    assert values[100] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_the_optimizer_is_made_for_all_steps(data):
    asked = []

    def optimizer(steps):
        asked.append(steps)
        return training.one_cycle(steps)

    fitted = training.fit(dense, *data[0], epochs=3, batch_size=50, optimizer=optimizer)
    assert asked == [9]  # 130 images: 50 + 50 + 30
    assert fitted.history["learning_rate"].iloc[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_early_stopping_and_checkpoints_work_as_keras_has_them(data, tmp_path, capsys):
    keras = import_keras()
    path = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=100, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(path, monitor="val_loss", save_best_only=True),
    ]
    fitted = training.fit(
        dense, *data[0], validation=data[1], epochs=9, seed=4, callbacks=callbacks, progress="x"
    )
    assert len(fitted.history) == 2
    assert "100%" in capsys.readouterr().out.split("\r")[-1]
    one_epoch, _ = plain(dense, data, epochs=1, batch_size=32, seed=4)
    np.testing.assert_array_equal(fitted.model.get_weights()[0], one_epoch.get_weights()[0])
    assert training.load_model(path).count_params() == fitted.model.count_params()


@pytest.mark.slow
def test_progress_is_one_line_that_ends_complete(data, monkeypatch):
    monkeypatch.setattr(training, "_STEPS_AT_ONCE", 20)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        training.fit(dense, *data[0], validation=data[1], epochs=2, batch_size=2, progress="a network")
    assert out.getvalue().count("\n") == 1
    last = out.getvalue().split("\r")[-1]
    assert "a network: 100%" in last
    assert "130/130" in last
    assert "val_accuracy=" in last


def test_nothing_is_written_without_progress(data, capfd):
    training.fit(dense, *data[0], epochs=1)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"label_smoothing": 1.0}, r"label_smoothing is 1\.0"),
        ({"label_smoothing": -0.1}, r"label_smoothing is -0\.1"),
        ({"y": np.zeros(129, int)}, "x has 130, y has 129"),
        (
            {"x": np.zeros((0, 6, 6, 1)), "y": np.zeros(0, int)},
            "x is an array of float64, shape \\(0, 6, 6, 1\\)",
        ),
        ({"y": np.full(130, 3)}, "y has classes up to 3; expected 0 to 2: the model has 3 outputs"),
        ({"y": np.full(130, -1)}, "y has numbers from -1 to -1"),
        ({"y": np.zeros((130, 3), int)}, r"y is an array of int64, shape \(130, 3\)"),
        ({"y": np.zeros(130)}, "y is an array of float64"),
        ({"x": np.full((130, 6, 6, 1), np.nan)}, "x has 4,680 numbers that are NaN"),
        (
            {"x": np.full((130, 6, 6, 1), 200.0)},
            r"x has whole numbers up to 200, as pixels .*astype\('float32'\)",
        ),
        ({"build": dense()}, "build is a model, 'sequential.*'; expected a function"),
        ({"validation": (np.zeros((4, 6, 6, 1)), np.full(4, 7))}, r"validation\[1\] has classes up to 7"),
        (
            {"validation": (np.zeros((4, 6, 6, 1)), np.zeros(3, int))},
            r"validation\[0\] has 4, validation\[1\] has 3",
        ),
    ],
)
def test_bad_input_is_refused_before_training(data, change, message):
    arguments = {"build": dense, "x": data[0][0], "y": data[0][1], "epochs": 1} | change
    with pytest.raises((ValueError, TypeError), match=message):
        training.fit(**arguments)


def test_a_model_that_scales_may_be_given_pixels_as_files_have_them(data):
    keras = import_keras()
    layers = [keras.Input((6, 6, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    scaling = [*layers, keras.layers.Dense(3, activation="softmax")]
    pixels = np.full((130, 6, 6, 1), 200, np.uint8)
    assert training.fit(lambda: keras.Sequential(scaling), pixels, data[0][1], epochs=1).seconds > 0


@pytest.fixture
def model():
    import_keras().utils.set_random_seed(0)
    return dense()


@pytest.mark.slow
def test_a_saved_model_predicts_the_same(model, data, tmp_path):
    path = training.save_model(model, tmp_path / "new folder" / "model.keras")
    loaded = training.load_model(str(path))
    (x, _), _ = data
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [p.name for p in path.parent.iterdir()] == ["model.keras"]


def test_saving_that_fails_leaves_the_earlier_file(model, tmp_path, monkeypatch):
    path = training.save_model(model, tmp_path / "model.keras")
    before = path.read_bytes()

    def half(self, to):
        to.write_bytes(b"PK half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(model), "save", half)
    with pytest.raises(training.ModelFileError, match="No space left on device"):
        training.save_model(model, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.glob("*.keras")] == ["model.keras"]
    assert not list(tmp_path.glob(".model*"))


def test_saving_into_a_file_is_refused(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(training.ModelFileError, match="can't be written"):
        training.save_model(model, tmp_path / "file" / "model.keras")


@pytest.mark.parametrize("name", ["model.h5", "model", "model.keras.zip"])
def test_other_formats_are_refused(model, tmp_path, name):
    with pytest.raises(training.ModelFileError, match=r"expected: \.keras"):
        training.save_model(model, tmp_path / name)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(training.ModelFileError, match=r"expected: \.keras"):
        training.load_model(tmp_path / name)


def test_files_that_are_no_models_are_refused(model, tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(training.ModelFileError, match="no such file"):
        training.load_model(path)
    whole = training.save_model(model, path).read_bytes()
    for damaged in (b"", b"not a model", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(training.ModelFileError, match=r"no \.keras file \(or half of one\)"):
            training.load_model(path)

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "not a model")
    with pytest.raises(training.ModelFileError, match="copy or save it again"):
        training.load_model(path)


def test_code_in_a_model_file_is_not_run(tmp_path):
    keras = import_keras()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)])
    path = training.save_model(model, tmp_path / "model.keras")
    with pytest.raises(training.ModelFileError, match="Python code in the model"):
        training.load_model(path)


def test_a_model_file_is_readable_for_whoever_may_read_the_folder(model, tmp_path):
    path = training.save_model(model, tmp_path / "model.keras")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
