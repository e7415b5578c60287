"""Facts that hold on the real files; skipped where MNISTKIT_DATA does not name a folder with them."""

import numpy as np
import pytest

from mnistkit.data import load
from mnistkit.data.dataset import part_sha256
from mnistkit.data.registry import PARTS, dataset_spec, owners, published_names


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_content_is_the_official_one(real_data, name):
    dataset = load(name, real_data)
    for part in PARTS:
        assert (name, part) in owners(part_sha256(getattr(dataset, part)))
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))


def test_downloads_would_be_these_files(real_data):
    import hashlib

    checked = 0
    for name in published_names():
        published = dataset_spec(name).published
        for part, official in published.files.items():
            for path in real_data.rglob(f"{name}/{published.idx_stem[part]}.gz"):
                assert path.stat().st_size == official.gz_bytes
                assert hashlib.sha256(path.read_bytes()).hexdigest() == official.gz_sha256
                checked += 1
    if not checked:
        pytest.skip("no official .gz files in MNISTKIT_DATA")


def test_first_6000_training_labels(real_data):
    labels = load("mnist", real_data).y_train[:6000]
    assert np.bincount(labels).tolist() == [592, 671, 581, 608, 623, 514, 608, 651, 551, 601]


def test_twist_has_the_assignment_s_counts(real_data):
    twist = load("twist", real_data)
    assert np.bincount(twist.y_train).tolist() == [12_000, 6_000, 12_000, 12_000, 18_000]
    assert np.bincount(twist.y_test).tolist() == [2_000, 1_000, 2_000, 2_000, 3_000]


def test_digit_recognizer_has_kaggle_s_sizes(real_data):
    recognizer = load("digit-recognizer", real_data)
    assert (len(recognizer.x_train), len(recognizer.x_test)) == (42_000, 28_000)
    assert recognizer.y_test is None


@pytest.mark.slow
@pytest.mark.long
def test_knn_on_raw_fashion_pixels(real_data):
    from sklearn.neighbors import KNeighborsClassifier

    fashion = load("fashion-mnist", real_data)
    x_train, x_test = (x.reshape(len(x), -1).astype(np.float32) for x in (fashion.x_train, fashion.x_test))
    model = KNeighborsClassifier(n_neighbors=3).fit(x_train, fashion.y_train)
    assert model.score(x_test, fashion.y_test) == 0.8541
