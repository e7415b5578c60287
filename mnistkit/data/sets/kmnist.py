"""KMNIST (Kuzushiji-MNIST): cursive Japanese characters, by T. Clanuwat and others, ROIS-CODH."""

from __future__ import annotations

from mnistkit.data.registry import DatasetSpec, OfficialPart, Published

KMNIST = DatasetSpec(
    name="kmnist",
    rank=5,
    summary="cursive Japanese characters, 60,000 + 10,000",
    licence="CC BY-SA 4.0",
    full_name="KMNIST",
    item="character",
    # お き す つ な は ま や れ を: romanised, because few fonts have the characters.
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    spelling=r"(?<![a-z])k[-_ ]?mnist|ku[zj]ushiji",
    origin=Published(
        mirrors=(
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        ),
        # Hashes and sizes of the files: TensorFlow Datasets, url_checksums/kmnist.txt.
        files={
            "x_train": OfficialPart(
                gz_sha256="51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                gz_bytes=18_165_135,
            ),
            "y_train": OfficialPart(
                gz_sha256="e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                gz_bytes=29_497,
            ),
            "x_test": OfficialPart(
                gz_sha256="edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                gz_bytes=3_041_136,
            ),
            "y_test": OfficialPart(
                gz_sha256="20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
                gz_bytes=5_120,
            ),
        },
    ),
)
