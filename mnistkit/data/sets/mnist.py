"""MNIST: handwritten digits, by Y. LeCun, C. Cortes and C. Burges."""

from __future__ import annotations

from mnistkit.data.registry import DatasetSpec, FourArrays, OfficialPart, Published


def _standin() -> FourArrays:
    from mnistkit.data.sets.standins import digits

    return digits()


MNIST = DatasetSpec(
    name="mnist",
    rank=1,
    summary="handwritten digits, 60,000 + 10,000",
    licence="CC BY-SA 3.0",
    full_name="MNIST",
    item="digit",
    class_names=tuple("0123456789"),
    spelling="mnist",
    title=r"(?<![a-z])(my|the|raw|real|full|small|tiny|mini|test|train|new|old|data)?mnist|digits?\b",
    origin=Published(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
        standin=_standin,
        standin_source="stand-in: scikit-learn's 1,797 handwritten digits, scaled to 28 × 28 (not MNIST)",
        files={
            "x_train": OfficialPart(
                gz_sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                gz_bytes=9_912_422,
                content_sha256="741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            ),
            "y_train": OfficialPart(
                gz_sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                gz_bytes=28_881,
                content_sha256="1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            ),
            "x_test": OfficialPart(
                gz_sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                gz_bytes=1_648_877,
                content_sha256="6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            ),
            "y_test": OfficialPart(
                gz_sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                gz_bytes=4_542,
                content_sha256="ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
            ),
        },
    ),
)
