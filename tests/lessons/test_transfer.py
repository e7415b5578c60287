"""VGG16 as a maker of features: its weights from anywhere, its features once, and the same as Keras' own."""

import hashlib

import h5py
import numpy as np
import pytest

from mnistkit import models, training, transfer
from mnistkit.data import DataError
from mnistkit.utils.keras_backend import import_keras

pytestmark = pytest.mark.slow

SIDE = 32


@pytest.fixture(autouse=True)
def no_keras_cache(isolated, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture(scope="module")
def plain():
    """VGG16 as Keras builds it, with weights of its own."""
    import_keras().utils.set_random_seed(1)
    return import_keras().applications.VGG16(include_top=False, weights=None, input_shape=(48, 48, 3))


@pytest.fixture(scope="module")
def weights_file(plain, tmp_path_factory):
    """A file of the layout of Keras' download: legacy HDF5, no head."""
    path = tmp_path_factory.mktemp("weights") / transfer.IMAGENET_FILE
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in plain.layers]
        for layer in plain.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0" for kind in "Wb"] if layer.weights else []
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, values in zip(names, layer.get_weights(), strict=True):
                group[name] = values
    return path


@pytest.fixture(scope="module")
def backbone():
    """VGG16 with random weights of seed 1, which no test changes: a second goes into making one."""
    return transfer.vgg16("random", SIDE, seed=1)


@pytest.fixture(scope="module")
def other():
    """VGG16 with random weights of seed 2."""
    return transfer.vgg16("random", SIDE, seed=2)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


def same_weights(model, plain):
    return all(np.array_equal(a, b) for a, b in zip(model.get_weights(), plain.get_weights(), strict=True))


def test_the_whole_network_has_report_r2s_parameters():
    backbone = transfer.vgg16("random", 224)
    model = models.vgg16_transfer(backbone.model)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert (model.count_params(), trainable) == (17_927_370, 3_212_682)
    assert models.vgg16_head((7, 7, 512)).count_params() == 3_212_682
    assert backbone.image_size == 224


def test_random_weights_are_named_repeatable_and_keep_the_size_of_what_goes_through(images, backbone, other):
    first, again = backbone, transfer.vgg16("random", SIDE, seed=1)
    assert "random" in first.weights
    assert first.kind == "random"
    assert first.sha256 == again.sha256 != other.sha256
    features = np.asarray(first.model(transfer.as_rgb(images, SIDE), training=False))
    assert 0.1 < features.std() < 10  # Keras' own first weights: below 0.01; He's alone: above 100
    kernels = [layer.get_weights()[0] for layer in first.model.layers if layer.weights]
    assert not np.array_equal(kernels[2].ravel()[:100], kernels[3].ravel()[:100])


def test_a_weights_file_of_keras_own_layout_is_read(weights_file, plain):
    backbone = transfer.vgg16(str(weights_file), SIDE)
    assert same_weights(backbone.model, plain)
    assert backbone.kind == transfer.IMAGENET_FILE
    assert backbone.weights == f"weights of the file {transfer.IMAGENET_FILE}"  # not ImageNet's: another hash
    assert backbone.model.trainable_weights == []


def test_a_whole_model_is_read_for_its_convolutions_even_with_a_head(plain, tmp_path):
    path = training.save_model(models.vgg16_transfer(plain), tmp_path / "whole.keras")
    with pytest.raises(DataError, match="no layer 'block1_conv1'"):
        transfer.vgg16(str(path), SIDE)  # nested: its layers are those of the head
    path = training.save_model(plain, tmp_path / "base.keras")
    assert same_weights(transfer.vgg16(str(path), SIDE).model, plain)


@pytest.fixture
def published(plain, monkeypatch):
    """Take the weights of `plain` for the published ones."""
    monkeypatch.setattr(transfer, "TENSORS_SHA256", transfer._hash(plain.get_weights()))


def test_auto_and_imagenet_take_the_published_weights_from_a_data_folder(
    weights_file, plain, published, tmp_path, monkeypatch
):
    folder = tmp_path / "shared" / "vgg16"
    folder.mkdir(parents=True)
    (folder / "vgg16_first.h5").write_bytes(b"no weights")
    (folder / "vgg16_mine.h5").write_bytes(weights_file.read_bytes())
    monkeypatch.setenv("MNISTKIT_DATA", str(folder.parent))
    for weights in ("auto", "imagenet"):
        backbone = transfer.vgg16(weights, SIDE)
        assert backbone.weights == "ImageNet weights"
        assert backbone.kind == "ImageNet"
        assert same_weights(backbone.model, plain)


def test_the_published_weights_are_known_by_their_arrays_in_whatever_file(
    weights_file, plain, published, tmp_path
):
    longer = tmp_path / "copy.h5"
    longer.write_bytes(weights_file.read_bytes())
    with h5py.File(longer, "a") as file:
        file.attrs["note"] = "other bytes, the same arrays"
    whole = training.save_model(plain, tmp_path / "whole.keras")
    for path in (longer, whole):
        assert transfer.vgg16(str(path), SIDE).kind == "ImageNet"
    assert transfer.identify_weights(str(longer)) == transfer.identify_weights(str(weights_file))
    assert transfer.identify_weights(str(longer)) == transfer.TENSORS_SHA256
    with h5py.File(longer, "a") as file:
        file["block1_conv1"]["block1_conv1_b_1:0"][0] += 1
    assert transfer.vgg16(str(longer), SIDE).kind == "copy.h5"
    assert transfer.identify_weights(str(longer)) != transfer.TENSORS_SHA256


def test_the_real_weights_are_imagenets(real_data, monkeypatch):
    monkeypatch.setenv("MNISTKIT_DATA", str(real_data))
    assert transfer.vgg16("imagenet", SIDE).sha256 == transfer.TENSORS_SHA256
    assert transfer.identify_weights("auto") == transfer.TENSORS_SHA256


def test_a_file_of_other_content_under_the_official_name_is_not_imagenet(weights_file, tmp_path, monkeypatch):
    (tmp_path / transfer.IMAGENET_FILE).write_bytes(weights_file.read_bytes())
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))
    with pytest.raises(DataError, match="no file with these arrays"):
        transfer.vgg16("imagenet", SIDE)


def test_without_weights_imagenet_fails_with_advice_and_auto_names_the_control(capsys):
    with pytest.raises(DataError) as caught:
        transfer.vgg16("imagenet", SIDE)
    for words in ("MNISTKIT_OFFLINE", transfer.IMAGENET_FILE, "MNISTKIT_DATA", "vgg_weights='random'"):
        assert words in str(caught.value)
    backbone = transfer.vgg16("auto", SIDE)
    assert backbone.kind == "random"
    assert "random weights (the control" in capsys.readouterr().out


def test_keras_downloads_checks_and_keeps_the_file(weights_file, plain, published, fresh_cache, monkeypatch):
    official = hashlib.md5(weights_file.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(transfer, "_IMAGENET_MD5", official)
    monkeypatch.setattr(transfer, "_URL", weights_file.as_uri())
    monkeypatch.setattr(transfer, "is_off", lambda: False)
    monkeypatch.setattr(transfer, "is_online", lambda: True)
    assert same_weights(transfer.vgg16("imagenet", SIDE).model, plain)
    assert (fresh_cache / "downloads" / "vgg16" / transfer.IMAGENET_FILE).is_file()
    monkeypatch.setattr(transfer, "is_off", lambda: True)
    assert transfer.vgg16("imagenet", SIDE).weights == "ImageNet weights"


def test_a_download_of_other_content_is_refused(weights_file, fresh_cache, monkeypatch):
    monkeypatch.setattr(transfer, "_URL", weights_file.as_uri())
    monkeypatch.setattr(transfer, "is_off", lambda: False)
    monkeypatch.setattr(transfer, "is_online", lambda: True)
    with pytest.raises(DataError, match="the download failed"):
        transfer.vgg16("imagenet", SIDE)


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all"])
def test_a_file_that_holds_no_weights_is_refused_by_name(content, tmp_path):
    path = tmp_path / "broken.h5"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        transfer.vgg16(str(path), SIDE)
    assert "broken.h5" in str(caught.value)
    assert "13 convolutions" in str(caught.value)


def test_another_networks_weights_are_refused(tmp_path):
    path = training.save_model(models.cnn(), tmp_path / "cnn.keras")
    with pytest.raises(DataError, match="no layer 'block1_conv1'"):
        transfer.vgg16(str(path), SIDE)


def test_a_missing_file_and_too_small_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        transfer.vgg16(str(tmp_path / "nothing.h5"), SIDE)
    with pytest.raises(ValueError, match="image_size is 28; expected a whole number from 32"):
        transfer.vgg16("random", 28)


def test_images_are_enlarged_and_scaled_as_keras_wants_them(images):
    rgb = transfer.as_rgb(images, 56)
    assert rgb.shape == (7, 56, 56, 3)
    assert rgb.dtype == np.float32
    means = np.array([103.939, 116.779, 123.68])  # blue, green, red: VGG16's own
    grey = rgb + means.astype("float32")
    np.testing.assert_allclose(grey[..., 0], grey[..., 2], atol=1e-3)
    # Bilinear, twice as large: a corner is a pixel of the original, others are weighted means of four.
    np.testing.assert_allclose(grey[:, 0, 0, 0], images[:, 0, 0], atol=1e-3)
    a, b, c, d = (images[:, row, column].astype(float) for row in (0, 1) for column in (0, 1))
    np.testing.assert_allclose(grey[:, 1, 1, 0], (9 * a + 3 * b + 3 * c + d) / 16, atol=1e-3)
    np.testing.assert_allclose(grey.mean(), images.mean(), rtol=0.02)


@pytest.mark.parametrize("at_once", [1, 3 * SIDE**2, 200_000])
def test_features_are_those_of_the_network_whatever_the_batch(
    images, backbone, fresh_cache, monkeypatch, at_once
):
    monkeypatch.setattr(transfer, "_PIXELS_AT_ONCE", at_once)
    features = transfer.frozen_features(backbone, images)
    expected = backbone.model.predict(transfer.as_rgb(images, SIDE), verbose=0)
    assert features.shape == (7, 1, 1, 512)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-3)
    assert not features.flags.writeable


def test_features_are_computed_once_for_the_same_images_weights_and_size(
    images, backbone, other, fresh_cache, monkeypatch
):
    enlarged = []
    as_rgb = transfer.as_rgb
    monkeypatch.setattr(
        transfer, "as_rgb", lambda part, size: enlarged.append(len(part)) or as_rgb(part, size)
    )
    first = transfer.frozen_features(backbone, images)
    assert enlarged == [7]
    assert np.array_equal(transfer.frozen_features(backbone, images.copy()), first)
    assert enlarged == [7]
    changed = images.copy()
    changed[0, 0, 0] ^= 1
    for asked in ((backbone, changed), (other, images), (backbone, images[:6])):
        count = len(enlarged)
        transfer.frozen_features(*asked)
        assert len(enlarged) == count + 1


def test_a_head_on_kept_features_learns_what_the_whole_frozen_network_learns(images, backbone, fresh_cache):
    y = np.arange(7) % 3
    features = transfer.frozen_features(backbone, images)
    rgb = transfer.as_rgb(images, SIDE)
    settings = {"epochs": 2, "batch_size": 2, "seed": 5}
    head = training.fit(lambda: models.vgg16_head((1, 1, 512)), np.array(features), y, **settings)
    whole = training.fit(lambda: models.vgg16_transfer(backbone.model), rgb, y, **settings)
    np.testing.assert_allclose(head.history["loss"], whole.history["loss"], rtol=1e-3)
    assert head.history["loss"].iloc[-1] != head.history["loss"].iloc[0]
