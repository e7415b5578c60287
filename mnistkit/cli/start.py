"""The command with which a student begins."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("start")
@click.argument("lessons", nargs=-1)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="The folder to work in. Default: the folder 'work' beside the notebooks.",
)
def start_lessons(lessons: tuple[str, ...], into: Path | None) -> None:
    """Put lessons into a folder to work in, without the solutions.

    LESSONS are numbers, names or parts of names; without them, it is the whole course. What is there already
    is never overwritten: where the kit has a newer edition of a lesson, it is merged into your copy, and what
    you have written stays as it is.

    \b
    Examples:
      mnistkit start 02
      mnistkit start --into ~/machine-learning
    """
    from mnistkit.course.lessons import find, find_folder, select
    from mnistkit.course.student_edition import start
    from mnistkit.files import expanded

    folder = find_folder()
    course = find(folder)
    chosen = select(course, lessons) if lessons else course
    for path in start(chosen, expanded(into) if into else folder.parent / "work"):
        click.echo(path)
