"""The commands that begin something of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from mnistkit.cli.options import PATH


@click.group("new")
def new_group() -> None:
    """Begin something of your own."""


@new_group.command("lesson")
@click.argument("name")
@click.option(
    "--notebooks",
    type=PATH,
    help="The course's folder 'notebooks'. Default: the one here or above, else a new one here.",
)
def begin_lesson(name: str, notebooks: Path | None) -> None:
    """Write the skeleton of a lesson called NAME: a notebook that runs, and a YAML file beside it.

    Its number is the next that is free. Where there is no course yet, one is made: a folder 'notebooks' with
    presets, and a .gitignore that keeps students' work out of a repository. All commands work in the folder
    above it, so your exercises can stay private. Presets get the lesson's section at their end; nothing else
    that is there is changed.

    \b
    Examples:
      mnistkit new lesson edge_detection
      mnistkit new lesson "Edge detection" --notebooks ~/my-course/notebooks
    """
    from mnistkit.course.new_lesson import new_lesson

    for path in new_lesson(name, notebooks):
        click.echo(f"written: {path}")
