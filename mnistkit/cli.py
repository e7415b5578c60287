"""The command `mnistkit`: thin, every subcommand calls one function of the package.

What a subcommand needs is imported inside it, so that ``mnistkit --help`` answers at once.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistkit.errors import UserError

if TYPE_CHECKING:
    from mnistkit.course.commands import ExecutionOptions
    from mnistkit.data import Dataset

_HELP = {"help_option_names": ["-h", "--help"]}
_SOURCE = click.option(
    "--source",
    default="auto",
    show_default=True,
    help="auto, bundled (the stand-in), download, or a folder or file.",
)


_PARAMETER = click.option(
    "-p", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a parameter (repeatable)."
)
_COURSE = click.option(
    "--course",
    type=click.Path(path_type=Path),
    default=Path("course"),
    show_default=True,
    help="The course's folder, from which NAME was released.",
)
_DATA = click.option("--data", "source", help="Where the data is: short for -p data=SOURCE.")


class _Memory(click.ParamType):  # type: ignore[type-arg] # generic in click's newest versions only
    """An amount of memory, with its unit."""

    name = "memory"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read ``800MB`` or ``3GB`` as bytes."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB)", str(value), re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r} is no amount of memory like 800MB or 3GB", param, ctx)
        return int(float(match[1]) * {"MB": 1e6, "GB": 1e9}[match[2].upper()])


def _with_means(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say with what a run or a sweep is carried out."""
    options = [
        click.option(
            "-j", "--jobs", type=click.IntRange(min=1), help="How many at a time. Default: what fits here."
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Run on the workers of this Dask scheduler, like tcp://host:8786.",
        ),
        click.option(
            "--max-seconds",
            type=click.FloatRange(min=0, min_open=True),
            help="Stop a notebook that takes longer.",
        ),
        click.option(
            "--max-memory",
            "max_memory_bytes",
            type=_Memory(),
            help="Stop a notebook that takes more: 800MB, 3GB.",
        ),
    ]

    @functools.wraps(command)
    def with_means(
        *arguments: object,
        jobs: int | None,
        scheduler: str | None,
        max_seconds: float | None,
        max_memory_bytes: int | None,
        **options: object,
    ) -> None:
        from mnistkit.course.commands import ExecutionOptions

        means = ExecutionOptions(jobs, scheduler, max_seconds, max_memory_bytes)
        command(*arguments, means=means, **options)

    for option in reversed(options):
        with_means = option(with_means)
    return with_means


_NO_ROOM = ("no space left to write it", "make room there, then give the same command again")
_NOT_ALLOWED = ("no permission", "choose another folder, or ask its owner for permission")
_NO_FOLDER = ("a file, or a path through one", "name a folder")
_REASONS = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: ("a file system that can only be read", "choose another folder"),
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ENOENT: ("nothing of that name", "check the path"),
    errno.EIO: ("a fault of the disk or the network drive", "check it, then give the same command again"),
}
"""What the system's commonest refusals mean to the person who gave the command, and what to do."""


def _explain(error: OSError) -> str:
    """Say in words what the system refused, and about which file."""
    found, todo = _REASONS.get(error.errno or 0, (error.strerror or str(error), "give the command again"))
    reason = f"{found} ({error.strerror})" if error.errno in _REASONS else found
    if error.filename is None and _is_from_echo(error):
        return str(UserError("standard output", found=reason, todo=todo))
    return str(UserError(error.filename, found=reason, todo=todo)) if error.filename else str(error)


def _is_from_echo(error: OSError) -> bool:
    """Whether it was standard output that could not be written; what is still to be written is dropped then.

    Or Python would try once more when it ends, and say so in its own words.
    """
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    if not any(frame.f_code is click.echo.__code__ for frame in frames):
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return True


@contextmanager
def _clean_errors() -> Iterator[None]:
    """Show an error that has been foreseen on stderr without a traceback, and end with exit status 1."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _is_from_echo(error):
            raise click.exceptions.Exit(1) from error  # `mnistkit list | head`: who reads has enough
        raise click.ClickException(_explain(error)) from error
    except UserError as error:
        raise click.ClickException(str(error)) from error


class _Commands(click.Group):
    """The one place where a command ends that can't go on: one message on stderr, and exit status 1."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Start a command, with streams that can be written to."""
        self._prepare_streams()
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Carry a command out; an error that was foreseen is shown without a traceback."""
        with _clean_errors():
            return super().invoke(ctx)

    @staticmethod
    def _prepare_streams() -> None:
        """See that all three streams are open, and that any text can be written.

        A file that is opened later would get the number of a closed one, and all that is printed.
        """
        for descriptor in range(3):
            try:
                os.fstat(descriptor)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        if sys.stdout is None:
            closed = UserError("standard output is closed", todo="> /dev/null, or a file")
            click.echo(f"Error: {closed}", err=True)
            sys.exit(1)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # its encoding may not have all characters
                stream.reconfigure(errors="backslashreplace")


@click.group(cls=_Commands, context_settings=_HELP)
@click.version_option(package_name="mnistkit")
def main() -> None:
    """Lessons, reports and assignments on MNIST and Fashion-MNIST."""


@main.command("list")
def list_lessons() -> None:
    """Show the lessons in the order of the course, with the parameters that `run -p` takes."""
    from mnistkit.course.commands import find_course
    from mnistkit.course.parameters import read_schema

    for lesson in find_course()[1]:
        click.secho(f"{lesson.title}", bold=True)
        for parameter in read_schema(lesson).values():
            left = f"{parameter.name}={parameter.default}"
            click.echo(f"    {left:<24} {parameter.type:<6} {parameter.help}")


@main.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option("--preset", default="lab", show_default=True, help="smoke, lab or full: how much work to do.")
@_PARAMETER
@_DATA
@_with_means
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder. Default: runs/PRESET.")
@click.option("--prepare-only", is_flag=True, help="Write the notebooks with parameters, run nothing.")
def run(
    lessons: tuple[str, ...],
    preset: str,
    assignments: tuple[str, ...],
    source: str | None,
    means: ExecutionOptions,
    out: Path | None,
    prepare_only: bool,
) -> None:
    """Run LESSONs (all, if none is given) into a folder, with a report.

    A lesson is given by its number or name. What is unchanged since the last run in the same folder is kept.
    The exit status is 1 if a lesson fails.

    \b
    Presets:
      smoke  a minute, to see that everything works
      lab    the notebooks' own sizes, for a class on slow laptops
      full   the source reports' own sizes; takes what it takes

    \b
    Examples:
      mnistkit run
      mnistkit run 02 -p k_max=20 -p seed=7
      mnistkit run 01 02 --preset full --data ~/mnist-files --out runs/tomorrow
      mnistkit run --scheduler tcp://host:8786
    """
    from mnistkit.course.commands import run_command

    ok = run_command(
        lessons, preset, assignments, source=source, means=means, out=out, prepare_only=prepare_only
    )
    if not ok:
        raise click.exceptions.Exit(1)


@main.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option(
    "--grid", multiple=True, metavar="NAME=VALUES", help="What to vary: 8,12,16 or 0..4 (repeatable)."
)
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    help="What to vary, in a YAML file with grid, list or random.",
)
@click.option("--preset", help="smoke, lab or full. Default: the plan's, else lab.")
@_PARAMETER
@_DATA
@_with_means
@click.option("--out", type=click.Path(path_type=Path), help="The sweep's folder. Default: runs/sweep-….")
def sweep(
    lessons: tuple[str, ...],
    grid: tuple[str, ...],
    plan: Path | None,
    preset: str | None,
    assignments: tuple[str, ...],
    source: str | None,
    means: ExecutionOptions,
    out: Path | None,
) -> None:
    """Run LESSONs many times, each with another setting of its parameters.

    Every run is one like those of `mnistkit run`, in a folder of its own. Finished ones are kept: a sweep
    that was stopped goes on when the same command is given again. At the end there is a page with plots of
    every figure, and a table of all of them as CSV and Parquet.

    \b
    Examples:
      mnistkit sweep 02 --grid k_max=8,12,16 --grid seed=0..4
      mnistkit sweep 03 04 --grid seed=0..2 --preset smoke -j 2
      mnistkit sweep --plan plan.yaml --scheduler tcp://host:8786

    \b
    A plan has one or more of grid, list and random:
      lessons: [02]
      grid: {k_max: [8, 12], seed: 0..4}
      list:
        - {k_max: 20, seed: 0}
      random: {samples: 10, seed: 1, parameters: {k_max: 4..20}}
    """
    from mnistkit.course.commands import sweep_command

    ok = sweep_command(
        lessons, preset, assignments, grid=grid, plan=plan, source=source, means=means, out=out
    )
    if not ok:
        raise click.exceptions.Exit(1)


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--single-file", is_flag=True, help="Also write RUN/report.html: all pages in one, for mail.")
@click.option("--pdf", is_flag=True, help="Also print RUN/report.pdf; needs Chromium, Chrome or Edge.")
def report(folder: Path, single_file: bool, pdf: bool) -> None:
    """Write the report of the run in the folder RUN again.

    \b
    Examples:
      mnistkit report runs/lab
      mnistkit report runs/full --pdf --single-file
    """
    from mnistkit.course import report as reports

    click.echo(f"Report: {reports.write_report(folder).resolve()}")
    if single_file or pdf:
        for path in reports.export(folder, single_file=single_file, pdf=pdf):
            click.echo(f"In one file: {path.resolve()}")


@main.command()
@click.argument("runs", nargs=-1, metavar="RUN_A RUN_B [RUN]...", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs", "comparison"), help="Folder to write into."
)
def compare(runs: tuple[Path, ...], out: Path) -> None:
    """Put two or more runs side by side: parameters, data, records, times, figures.

    Differences are from the first run. The page is runs/comparison/index.html unless --out names a folder.

    \b
    Examples:
      mnistkit compare runs/lab runs/full
      mnistkit compare runs/seed1 runs/seed2 runs/seed3 --out runs/seeds
    """
    from mnistkit.course.report.pages.comparison import compare as write

    click.echo(write(runs, out))
    click.echo(f"Comparison: {(out / 'index.html').resolve()}")


@main.group()
def assignment() -> None:
    """Hand out, collect and grade the lessons' exercises, with nbgrader (needs `mnistkit[assignments]`)."""


@assignment.command("release", short_help="Make what to hand out.")
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option(
    "--course",
    type=click.Path(path_type=Path),
    default=Path("course"),
    show_default=True,
    help="The course's folder; made where there is none. It holds solutions: keep it to yourself.",
)
@click.option("--name", help="Make one assignment of all LESSONs, with this name. Default: one a lesson.")
@click.option(
    "--personal",
    "roster",
    metavar="ROSTER.CSV",
    type=click.Path(path_type=Path),
    help="Give each student of this list (id, first_name, last_name, email) own data.",
)
def release_assignment(lessons: tuple[str, ...], course: Path, name: str | None, roster: Path | None) -> None:
    """Make assignments of LESSONs (of all, if none is given) and write what to hand out.

    Solutions and hidden checks are taken out; should one be left, nothing is released. Hand out the zip in
    COURSE/release, or with --personal each student's own. The points are in COURSE/release/…-points.md.

    \b
    Examples:
      mnistkit assignment release 02
      mnistkit assignment release 01 02 --name week1
      mnistkit assignment release 05 --personal roster.csv
    """
    from mnistkit.grading.release.command import release_command

    release_command(lessons, course, name, roster, click.echo)


@assignment.command("collect", short_help="Put what was handed in where it is graded.")
@click.argument("name")
@click.argument("source", type=click.Path(path_type=Path))
@_COURSE
@click.option(
    "--roster",
    metavar="ROSTER.CSV",
    type=click.Path(path_type=Path),
    help="Who takes part (id, first_name, last_name, email). Default: who is in the gradebook.",
)
@click.option(
    "--due",
    metavar="TIME",
    help='When it was due, like "2026-11-20 18:00": who was late is named. Kept in the gradebook.',
)
@click.option("--move-due", is_flag=True, help="Let --due take the place of another date, for everybody.")
def collect_assignment(
    name: str, source: Path, course: Path, roster: Path | None, due: str | None, move_due: bool
) -> None:
    """Put what was handed in for the assignment NAME where it is graded: COURSE/submitted/ID/NAME.

    SOURCE is a folder, a zip as Moodle, Canvas, Blackboard, ILIAS or others export it, or one notebook. Whose
    a file is stands in its name or its folder's; which notebook it is, in its cells. What is odd is shown and
    stops nothing. Collect again as often as you like: what is newer replaces, nothing is taken away.

    \b
    Examples:
      mnistkit assignment collect week1 export.zip --roster roster.csv
      mnistkit assignment collect week1 ~/mails --due "2026-11-20 18:00"
    """
    from mnistkit.grading.collect.command import collect_command

    collect_command(name, source, course, roster, due, click.echo, move_due=move_due)


@assignment.command("grade", short_help="Give points, by visible and hidden checks.")
@click.argument("name")
@_COURSE
@_with_means
@click.option(
    "--unsandboxed",
    is_flag=True,
    help="Without bubblewrap: only for submissions of people whom you trust with all your files.",
)
def grade_assignment(name: str, course: Path, means: ExecutionOptions, unsandboxed: bool) -> None:
    """Give points for what was handed in of the assignment NAME, by its visible and hidden checks.

    Each student's code runs in a sandbox (bubblewrap) and only answers; the checks run outside of it. Points
    go into nbgrader's gradebook; questions in words wait there for you, in nbgrader's formgrader. What was
    graded already is kept, so the command can be given again at any time. The limits are those of one
    submission (300 s and 2 GiB, where none are given).

    \b
    Examples:
      mnistkit assignment grade 02_kmeans_elbow_silhouette
      mnistkit assignment grade week1 -j 2 --max-seconds 120
      mnistkit assignment grade week1 --scheduler tcp://host:8786
    """
    from mnistkit.grading.autograde.command import grade_command

    grade_command(name, course, means, unsandboxed, click.echo)


@assignment.command("feedback", short_help="Write what students get back, and your page.")
@click.argument("name")
@_COURSE
def assignment_feedback(name: str, course: Path) -> None:
    """Write what students get back for the assignment NAME, and your page and table of grades.

    Again after every time that you have graded by hand: points and comments are those of the gradebook.

    \b
    COURSE/feedback/ID/NAME/      a page for each notebook, for the student
    COURSE/grades/NAME/index.html your page
    COURSE/grades/NAME/grades.csv the grades as a table

    \b
    Example:
      mnistkit assignment feedback week1
    """
    from mnistkit.grading.feedback.student_page import feedback_command

    feedback_command(course, name, click.echo)


@main.group()
def data() -> None:
    """Find, download, check and write the data sets.

    \b
    MNISTKIT_DATA     folders with data, searched first (several: separated like PATH)
    MNISTKIT_CACHE    where downloads and parsed arrays are kept
    MNISTKIT_OFFLINE  1: never use the network
    """


@data.command("list")
def list_data() -> None:
    """Show the data sets and where each would come from now; nothing is read or downloaded."""
    from mnistkit.data import describe

    for row in describe.survey():
        click.echo(f"{row.name:<17} {row.summary}")
        for place in row.places:
            click.echo(f"{'':<17} {place}")


@data.command()
@click.argument("name")
@_SOURCE
def info(name: str, source: str) -> None:
    """Load the data set NAME and describe it.

    \b
    Examples:
      mnistkit data info mnist
      mnistkit data info twist --source ~/assignment3
    """
    from mnistkit.data import load
    from mnistkit.data.describe import describe

    click.echo(describe(load(name, source, verify=True)))


@data.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def fetch(names: tuple[str, ...]) -> None:
    """Download the official files of NAME (of all, if none is given) into the cache.

    \b
    Examples:
      mnistkit data fetch
      mnistkit data fetch fashion-mnist
    """
    from mnistkit.data import download, registry

    for name in names:
        registry.check_dataset_name(name)
    for base in dict.fromkeys(registry.dataset_spec(name).base.name for name in names or registry.names()):
        click.echo(f"{base}: {download.fetch(base)}")


@data.command()
@click.argument("target", metavar="[PATH|NAME]", required=False)
def verify(target: str | None) -> None:
    """Read every file in PATH, or of the data set NAME, and compare it with the official content.

    Without an argument: everything that `auto` could use. The exit status is 1 if a file is broken, or
    all are another data set's.

    \b
    Examples:
      mnistkit data verify /mnt/usb/data
      mnistkit data verify mnist
    """
    from mnistkit.data import registry
    from mnistkit.data.verify import BROKEN, OTHER
    from mnistkit.data.verify import verify as check

    targets = registry.names() if target is None else [target]
    rows = list(dict.fromkeys(row for each in targets for row in check(each)))
    for row in rows:
        click.echo(f"{row.status:<9} {row.file}\n{'':<9} {row.detail}")
    if not rows:
        raise click.ClickException(f"no data files with the usual names for {target or 'any data set'}")
    if any(row.status == BROKEN for row in rows) or all(row.status == OTHER for row in rows):
        raise click.exceptions.Exit(1)


@data.command()
@click.argument("name")
@click.option("--format", "fmt", required=True, help="idx, idx-gz, csv, kaggle, twist or npz.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write into.")
@_SOURCE
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option("--n-train", type=int, help="Only this many training images, balanced over the classes.")
@click.option("--n-test", type=int, help="Only this many test images.")
def export(
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
    from mnistkit.data import export as write
    from mnistkit.data import load
    from mnistkit.errors import printable

    dataset = _part(load(name, source, verify=True), n_train, n_test)
    for path in write(dataset, out, fmt, overwrite=overwrite):
        click.echo(f"{printable(path)}  {path.stat().st_size:,} bytes")
    click.echo(f"from {dataset.source}")


def _part(dataset: Dataset, n_train: int | None, n_test: int | None) -> Dataset:
    """Return the part of a data set that was asked for, or all of it."""
    from mnistkit.data import subset

    if n_train is None and n_test is None:
        return dataset
    return subset(dataset, len(dataset.x_train) if n_train is None else n_train, n_test)


@main.group()
def new() -> None:
    """Begin something of your own."""


@new.command("lesson")
@click.argument("name")
@click.option(
    "--notebooks",
    type=click.Path(path_type=Path),
    help="The course's folder 'notebooks'. Default: the one here or above, else a new one here.",
)
def begin_lesson(name: str, notebooks: Path | None) -> None:
    """Write the skeleton of a lesson called NAME: a notebook that runs, and a YAML file beside it.

    Its number is the next that is free. Where there is no course yet, one is made: a folder 'notebooks' with
    presets. All commands work in the folder above it, so your exercises can stay private. Nothing that is
    there is changed.

    \b
    Examples:
      mnistkit new lesson edge_detection
      mnistkit new lesson "Edge detection" --notebooks ~/my-course/notebooks
    """
    from mnistkit.course.new_lesson import new_lesson

    for path in new_lesson(name, notebooks):
        click.echo(f"written: {path}")


if __name__ == "__main__":
    main()
