"""The commands of data sets: list, info, fetch, verify, export, collect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistkit.cli.options import PATH, SOURCE

if TYPE_CHECKING:
    from mnistkit.data import Dataset


@click.group("data")
def data_group() -> None:
    """Find, download, check and write the data sets.

    \b
    MNISTKIT_DATA     folders with data, searched first (several: separated like PATH)
    MNISTKIT_CACHE    where downloads and parsed arrays are kept
    MNISTKIT_OFFLINE  1: never use the network

    The folder `data` here, and the one beside the environment, are searched next.
    """


@data_group.command("list")
def list_datasets() -> None:
    """Show the data sets and where each would come from now; nothing is read or downloaded."""
    from mnistkit.data import describe

    for row in describe.survey():
        click.echo(f"{row.name:<17} {row.summary}")
        for place in row.places:
            click.echo(f"{'':<17} {place}")


@data_group.command("info")
@click.argument("name")
@SOURCE
def show_info(name: str, source: str) -> None:
    """Load the data set NAME, or a folder with images of your own, and describe it.

    \b
    Examples:
      mnistkit data info mnist
      mnistkit data info ~/shapes
      mnistkit data info twist --source ~/assignment3
    """
    from mnistkit.data import load
    from mnistkit.data.describe import describe

    click.echo(describe(load(name, source, verify=True)))


@data_group.command("fetch")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def fetch_files(names: tuple[str, ...]) -> None:
    """Download the official files of NAME into the cache (MNIST and Fashion-MNIST, if none is given).

    VGG16's weights are no data set: the first run of the lesson that borrows them downloads them.

    \b
    Examples:
      mnistkit data fetch
      mnistkit data fetch fashion-mnist
      mnistkit data fetch emnist-letters
    """
    from mnistkit.data import download, registry

    for name in names:
        registry.check_dataset_name(name)
    # The others are large, and nobody gets along without a stand-in who has not asked for them.
    needed = [name for name in registry.names() if registry.dataset_spec(name).published.standin]
    for base in dict.fromkeys(registry.dataset_spec(name).base.name for name in names or needed):
        click.echo(f"{base}: {download.fetch(base)}")


@data_group.command("verify")
@click.argument("target", metavar="[PATH|NAME]", required=False)
def verify_files(target: str | None) -> None:
    """Read every file in PATH, or of the data set NAME, and compare it with the official content.

    Without an argument: everything that `auto` could use. The exit status is 1 if a file is broken, or
    all are another data set's.

    \b
    Examples:
      mnistkit data verify /mnt/usb/data
      mnistkit data verify mnist
    """
    from mnistkit.data.verify import BROKEN, OTHER, verify

    rows = verify(target)
    for row in rows:
        click.echo(f"{row.status:<9} {row.file}\n{'':<9} {row.detail}")
    if not rows:
        raise click.ClickException(f"no data files with the usual names for {target or 'any data set'}")
    if any(row.status == BROKEN for row in rows) or all(row.status == OTHER for row in rows):
        raise click.exceptions.Exit(1)


@data_group.command("export")
@click.argument("name")
@click.option("--format", "fmt", required=True, help="idx, idx-gz, csv, kaggle, twist or npz.")
@click.option("--out", type=PATH, required=True, help="Folder to write into.")
@SOURCE
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option("--n-train", type=int, help="Only this many training images, balanced over the classes.")
@click.option("--n-test", type=int, help="Only this many test images.")
def export_files(
    name: str, fmt: str, out: Path, source: str, overwrite: bool, n_train: int | None, n_test: int | None
) -> None:
    """Write the data set NAME as files.

    \b
    Formats:
      idx     train-images-idx3-ubyte, …     idx-gz  the same, gzipped
      csv     NAME_train.csv, NAME_test.csv  (label,pixel1,…,pixel784)
      kaggle  train.csv (label,pixel0,…,pixel783), test.csv (without labels)
      twist   x_train.csv, y_train.csv, x_test.csv, y_test.csv
      npz     NAME.npz

    \b
    Examples:
      mnistkit data export digit-recognizer --format kaggle --out data/digit-recognizer
      mnistkit data export mnist --format csv --out small --n-train 1000 --n-test 200
    """
    from mnistkit.data import export, load
    from mnistkit.errors import printable

    dataset = _part(load(name, source, verify=True), n_train, n_test)
    for path in export(dataset, out, fmt, overwrite=overwrite):
        click.echo(f"{printable(path)}  {path.stat().st_size:,} bytes")
    click.echo(f"from {dataset.source}")


def _part(dataset: Dataset, n_train: int | None, n_test: int | None) -> Dataset:
    """Return the part of a data set that was asked for, or all of it."""
    from mnistkit.data import subset

    if n_train is None and n_test is None:
        return dataset
    return subset(dataset, len(dataset.x_train) if n_train is None else n_train, n_test)


@data_group.command("collect")
@click.argument("source", type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder to collect into.")
def collect_files(source: Path, out: Path) -> None:
    """Collect the drawings that students have handed in, in folders of any depth, into a data set.

    What is no drawing is left out, with a warning. The drawings do not say whose they are.

    \b
    Examples:
      mnistkit data collect handed-in --out class-digits
      mnistkit run 02 -p dataset=class-digits
    """
    from mnistkit.data import collect_drawings
    from mnistkit.errors import printable

    counts = collect_drawings(source, out)
    for name, count in counts.items():
        click.echo(f"{count:>6,}  {name}")
    click.echo(f"{sum(counts.values()):>6,}  in {printable(out)}")
