"""The command for those who change the kit: test."""

from __future__ import annotations

import click


@click.command("test")
@click.option("--quick", is_flag=True, help="Format, types, and the tests that are not marked slow.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    help="Run the tests in so many processes. Default: one for each core, where each has 4 GB of memory.",
)
def test_project(quick: bool, jobs: int | None) -> None:
    """Run every check of the project, offline and on stand-in data, in the clone that this is installed from.

    A few tests need the real files: MNISTKIT_DATA. The exit status is 1 if a check fails.

    \b
    Examples:
      mnistkit test --quick
      mnistkit test -j 4
    """
    from mnistkit.course import project_checks

    if not project_checks.run_checks(jobs, quick=quick):
        raise click.exceptions.Exit(1)
