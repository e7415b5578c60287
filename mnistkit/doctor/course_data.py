"""Checks of what the lessons read: data sets and VGG16's weights."""

from __future__ import annotations

from collections.abc import Iterator

from mnistkit import transfer
from mnistkit.data import download, registry
from mnistkit.data.verify import BROKEN, OFFICIAL, verify
from mnistkit.doctor.diagnosis import Diagnosis, fault, fine, note
from mnistkit.errors import DataError


def check_data() -> Iterator[Diagnosis]:
    """See where the data sets are that the lessons need, and whether they are whole."""
    for name in registry.published_names():
        if registry.dataset_spec(name).published.standin:
            yield from _check(name)


def _check(name: str) -> Iterator[Diagnosis]:
    try:
        rows = verify(name)
    except DataError as error:
        yield fault(f"{name}: {error.where}: {error.found}", error.todo)
        return
    broken = [row for row in rows if row.status == BROKEN]
    if broken:
        yield fault(
            f"{name}: {broken[0].file}: {broken[0].detail}",
            f"remove that file, then: mnistkit data fetch {name}",
        )
    elif any(row.status == OFFICIAL for row in rows):
        yield fine(f"{name}: official and whole, {rows[0].file}")
    elif rows:
        yield note(
            f"{name}: {rows[0].file}: readable, not the official files", f"mnistkit data verify {name}"
        )
    elif download.is_off() or not download.is_online():
        yield note(
            f"{name}: not here, and no network: lessons take a stand-in",
            f"with a network: mnistkit data fetch {name}; else set MNISTKIT_DATA to a folder that has it",
        )
    else:
        yield note(f"{name}: not here yet: the first lesson downloads it", f"mnistkit data fetch {name}")


def check_weights() -> Iterator[Diagnosis]:
    """See whether VGG16's weights are here, which one lesson borrows."""
    path = transfer.find_imagenet_weights()
    if path:
        yield fine(f"VGG16: {path}")
    else:
        yield note(
            "VGG16: not here: its lesson downloads them (58.9 MB), or takes random ones without a network",
            f"put {transfer.IMAGENET_FILE} into a folder of MNISTKIT_DATA",
        )
