"""Options that several commands share."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path

import click


class _Path(click.Path):
    """A path, with ``~`` for the home folder also where the shell leaves it: behind ``--out=``, in cmd."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Read a path as people type it."""
        from mnistkit.files import expanded

        return super().convert(expanded(value), param, ctx)


PATH = _Path(path_type=Path)
SOURCE = click.option(
    "--source",
    default="auto",
    show_default=True,
    help="auto, bundled (the stand-in), download, or a folder or file.",
)
PARAMETER = click.option(
    "-p", "assignments", multiple=True, metavar="NAME=VALUE", help="Set a parameter (repeatable)."
)
COURSE = click.option(
    "--course",
    type=PATH,
    default=Path("course"),
    show_default=True,
    help="The course's folder, from which NAME was released.",
)
WITH_SOLUTIONS = click.option(
    "--with-solutions", is_flag=True, help="The report shows solutions and hidden checks: for teachers."
)
DATA = click.option("--data", "source", help="Where the data is: short for -p data=SOURCE.")


class _Memory(click.ParamType):  # type: ignore[type-arg] # generic in click's newest versions only
    """An amount of memory, with its unit."""

    name = "memory"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read ``800MB`` or ``3GB`` as bytes."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB)", str(value), re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r} is no amount of memory like 800MB or 3GB", param, ctx)
        return int(float(match[1]) * {"MB": 1e6, "GB": 1e9}[match[2].upper()])


SECONDS_LIMIT = click.option(
    "--max-seconds", type=click.FloatRange(min=0, min_open=True), help="Stop a notebook that takes longer."
)
MEMORY_LIMIT = click.option(
    "--max-memory", "max_memory_bytes", type=_Memory(), help="Stop a notebook that takes more: 800MB, 3GB."
)


def execution_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say with what a run or a sweep is carried out.

    Parameters
    ----------
    command : callable
        Takes them together, as the argument `execution`.

    Returns
    -------
    callable
    """
    options = [
        click.option(
            "-j", "--jobs", type=click.IntRange(min=1), help="How many at a time. Default: what fits here."
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Run on the workers of this Dask scheduler, like tcp://host:8786.",
        ),
        SECONDS_LIMIT,
        MEMORY_LIMIT,
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

        execution = ExecutionOptions(jobs, scheduler, max_seconds, max_memory_bytes)
        command(*arguments, execution=execution, **options)

    for option in reversed(options):
        with_means = option(with_means)
    return with_means
