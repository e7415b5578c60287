"""QMNIST: MNIST's digits reconstructed, with 60,000 test images, by C. Yadav and L. Bottou."""

from __future__ import annotations

from mnistkit.data.registry import DatasetSpec, OfficialPart, Published
from mnistkit.data.sets.mnist import MNIST

QMNIST = DatasetSpec(
    name="qmnist",
    rank=6,
    summary="MNIST's digits with a larger test part, 60,000 + 60,000",
    licence="BSD-3-Clause",
    full_name="QMNIST",
    item=MNIST.item,
    class_names=MNIST.class_names,
    spelling=r"(?<![a-z])q[-_ ]?mnist",
    origin=Published(
        mirrors=(
            "https://raw.githubusercontent.com/facebookresearch/qmnist/main/",
            "https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
        ),
        idx_stem={
            "x_train": "qmnist-train-images-idx3-ubyte",
            "y_train": "qmnist-train-labels-idx2-int",
            "x_test": "qmnist-test-images-idx3-ubyte",
            "y_test": "qmnist-test-labels-idx2-int",
        },
        # Hashes and sizes of the files: TensorFlow Datasets, url_checksums/qmnist.txt. The labels' contents
        # (the first of their eight columns) were hashed from those very files.
        files={
            "x_train": OfficialPart(
                gz_sha256="9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d",
                gz_bytes=9_704_059,
            ),
            "y_train": OfficialPart(
                gz_sha256="2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
                gz_bytes=463_024,
                content_sha256=MNIST.published.files["y_train"].content_sha256,
            ),
            "x_test": OfficialPart(
                gz_sha256="43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375",
                gz_bytes=9_742_279,
            ),
            "y_test": OfficialPart(
                gz_sha256="9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
                gz_bytes=526_800,
                content_sha256="345d044ae3c895fa4a9bb02d95611b705912608481cf5613f70445a1ae95485b",
            ),
        },
    ),
)
