"""Fashion-MNIST: clothes, by Zalando SE."""

from __future__ import annotations

from mnistkit.data.registry import DatasetSpec, FourArrays, OfficialPart, Published


def _standin() -> FourArrays:
    from mnistkit.data.sets.standins import garments

    return garments()


FASHION_MNIST = DatasetSpec(
    name="fashion-mnist",
    rank=2,
    summary="clothes, 60,000 + 10,000",
    licence="MIT",
    full_name="Fashion-MNIST",
    item="garment",
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    spelling="fashion[-_ ]?mnist",
    title=r"fashion|(?<![a-z])f[-_]?mnist",
    origin=Published(
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        standin=_standin,
        standin_source="stand-in: garments drawn by code (not Fashion-MNIST)",
        files={
            "x_train": OfficialPart(
                gz_sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                gz_bytes=26_421_880,
                content_sha256="2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            ),
            "y_train": OfficialPart(
                gz_sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                gz_bytes=29_515,
                content_sha256="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
            ),
            "x_test": OfficialPart(
                gz_sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                gz_bytes=4_422_102,
                content_sha256="c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            ),
            "y_test": OfficialPart(
                gz_sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                gz_bytes=5_148,
                content_sha256="3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
            ),
        },
    ),
)
