"""The commands with which a student begins: copies to work in, and JupyterLab to work with."""

from __future__ import annotations

from pathlib import Path

import click

from mnistkit.cli.options import PATH

INTO = click.option(
    "--into",
    type=PATH,
    help="The folder to work in. Default: the folder 'work' beside the notebooks, or 'mnistkit-work' in your "
    "home where nothing can be written there.",
)


@click.command("start")
@click.argument("lessons", nargs=-1)
@INTO
def start_lessons(lessons: tuple[str, ...], into: Path | None) -> None:
    """Put lessons into a folder to work in, without the solutions.

    LESSONS are numbers, names or parts of names; without them, it is the whole course. What is there already
    is never overwritten: where the kit has a newer edition of a lesson, it is merged into your copy, and what
    you have written stays as it is. START.md there lists the lessons; `mnistkit lab` opens it.

    \b
    Examples:
      mnistkit start 02
      mnistkit start --into ~/machine-learning
    """
    from mnistkit.utils.extras import typed

    paths = _start(lessons, into)
    for path in paths:
        click.echo(path)
    click.echo(f"Next: mnistkit lab --into {typed(paths[-1].parent)}" if into else "Next: mnistkit lab")


def _start(lessons: tuple[str, ...], into: Path | None) -> list[Path]:
    """Put lessons into the folder, then the page about them, whose path is the last one."""
    from mnistkit.course.lessons import find, find_folder, select
    from mnistkit.course.start_page import write_start_page
    from mnistkit.course.student_edition import start, work_folder

    notebooks = find_folder()
    course = find(notebooks)
    folder = into or work_folder(notebooks)
    return [*start(select(course, lessons), folder), write_start_page(course, folder)]


@click.command("lab", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@INTO
@click.option("--teach", is_flag=True, help="Open the sources, with solutions and hidden checks.")
def open_lessons(options: tuple[str, ...], into: Path | None, teach: bool) -> None:
    """Open the lessons in JupyterLab, in a folder to work in, with a start page.

    It does what `mnistkit start` does for the whole course, then serves JupyterLab there until Ctrl + C.
    OPTIONS are JupyterLab's own.

    \b
    Examples:
      mnistkit lab
      mnistkit lab --into ~/machine-learning --no-browser --port 9999
      mnistkit lab --teach
    """
    from mnistkit.course.lab import open_lab
    from mnistkit.course.lessons import find_folder

    if teach and into:
        raise click.UsageError("--teach opens the folder of the notebooks: leave --into out")
    notebooks = find_folder()
    folder = notebooks if teach else _start((), into)[-1].parent
    open_lab(notebooks, folder, options, teach=teach)
