"""EMNIST: digits and letters from NIST's Special Database 19, by G. Cohen and others.

Three of its six splits. In its files rows and columns are exchanged, and the letters count from 1.
"""

from __future__ import annotations

from mnistkit.data.registry import DatasetSpec, OfficialArchive, OfficialPart, Published

# NIST's own archive of all six splits (561,753,746 bytes).
# Its hash: TensorFlow Datasets, url_checksums/emnist.txt.
_ARCHIVE = OfficialArchive(
    file="gzip.zip",
    mirrors=(
        "https://biometrics.nist.gov/cs_links/EMNIST/",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
    ),
    sha256="fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    folder="gzip/",
)
_MIRRORS = ("https://github.com/aurelienduarte/emnist/raw/master/gzip/",)  # the archive, unpacked
_LICENCE = "public domain (NIST, USA)"


def _split(name: str, files: dict[str, OfficialPart], first_label: int = 0) -> Published:
    return Published(
        files=files,
        mirrors=_MIRRORS,
        archive=_ARCHIVE,
        idx_stem={
            "x_train": f"emnist-{name}-train-images-idx3-ubyte",
            "y_train": f"emnist-{name}-train-labels-idx1-ubyte",
            "x_test": f"emnist-{name}-test-images-idx3-ubyte",
            "y_test": f"emnist-{name}-test-labels-idx1-ubyte",
        },
        transposed=True,
        first_label=first_label,
    )


# Hashes and sizes of the files: the Git LFS pointers of the repository aurelienduarte/emnist. With the other
# splits' the sizes add up to the archive's. Classes: the files emnist-…-mapping.txt beside them.
EMNIST_DIGITS = DatasetSpec(
    name="emnist-digits",
    rank=7,
    summary="handwritten digits, 240,000 + 40,000",
    licence=_LICENCE,
    full_name="EMNIST digits",
    item="digit",
    class_names=tuple("0123456789"),
    spelling=r"(?<![a-z])e[-_ ]?mnist[-_ ]?digits",
    origin=_split(
        "digits",
        {
            "x_train": OfficialPart(
                gz_sha256="f7c95004d14d81af89522e67d8f0c781dfb3bd544181c81bfe1eb6b41c35b726",
                gz_bytes=59_515_779,
            ),
            "y_train": OfficialPart(
                gz_sha256="6638a6ff5fe2eefd9cca2471995b46c82986b8e4b2a70d2f5ce8e05d7edb319e",
                gz_bytes=113_859,
            ),
            "x_test": OfficialPart(
                gz_sha256="20ebe43509264f7639d37c835a3f0b009e90b29e00a099a03101abe1644a3f63",
                gz_bytes=9_908_519,
            ),
            "y_test": OfficialPart(
                gz_sha256="bad1834c45d5988e270b99d43b13edc3fd898f658ffbc2caf2846ef27f7b05b0",
                gz_bytes=19_960,
            ),
        },
    ),
)
EMNIST_LETTERS = DatasetSpec(
    name="emnist-letters",
    rank=8,
    summary="handwritten letters, capital and small in one class, 124,800 + 20,800",
    licence=_LICENCE,
    full_name="EMNIST letters",
    item="letter",
    class_names=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    spelling=r"(?<![a-z])e[-_ ]?mnist[-_ ]?letters",
    origin=_split(
        "letters",
        {
            "x_train": OfficialPart(
                gz_sha256="6288f418a917e007bf5fddb823a2dc7a5c6a35031401b93292a539cb12bd881f",
                gz_bytes=30_804_864,
            ),
            "y_train": OfficialPart(
                gz_sha256="9759af91ea6bccdf07a6040fd085861f2ec88e37f7c3f5760f6feb57106fbe5c",
                gz_bytes=79_283,
            ),
            "x_test": OfficialPart(
                gz_sha256="50f0e93d75b99b463e9760b8345866f22587fa2c2fba472730a5ba09c693412d",
                gz_bytes=5_039_157,
            ),
            "y_test": OfficialPart(
                gz_sha256="924955c31fe7fd809b7303b5c0141282955f4b8390c74cdfd5d80435e0f4b4cb",
                gz_bytes=144,
            ),
        },
        first_label=1,
    ),
)
EMNIST_BALANCED = DatasetSpec(
    name="emnist-balanced",
    rank=9,
    summary="handwritten digits and letters in 47 classes, 112,800 + 18,800",
    licence=_LICENCE,
    full_name="EMNIST balanced",
    item="character",
    class_names=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    spelling=r"(?<![a-z])e[-_ ]?mnist[-_ ]?balanced",
    origin=_split(
        "balanced",
        {
            "x_train": OfficialPart(
                gz_sha256="74295e75e4e9fa2c102147460ee7eb763653d5132d883a84fb88932bfb8d2db4",
                gz_bytes=28_207_740,
            ),
            "y_train": OfficialPart(
                gz_sha256="b46d41e5156a0a8aaaa4d18979fdd1588850fa8571018acffd5d93b325a7d6ed",
                gz_bytes=80_618,
            ),
            "x_test": OfficialPart(
                gz_sha256="117fc12b015e37ea98bfb2cbba3f77c3782c056cdbd219b87abfc8661d7135db",
                gz_bytes=4_714_707,
            ),
            "y_test": OfficialPart(
                gz_sha256="a67cac948379b67270b9a4d0a01c8ec661598accf2f2b1964340b7c83cb175cd",
                gz_bytes=13_504,
            ),
        },
    ),
)
