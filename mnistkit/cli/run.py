"""The commands that run lessons and show what came of it: list, run, sweep, report, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistkit.cli.options import DATA, PARAMETER, PATH, WITH_SOLUTIONS, execution_options

if TYPE_CHECKING:
    from mnistkit.course.commands import ExecutionOptions


@click.command("list")
def list_lessons() -> None:
    """Show the lessons in the order of the course, with the parameters that `run -p` takes."""
    from mnistkit.course.commands import find_course
    from mnistkit.course.parameters import read_schema

    for lesson in find_course()[1]:
        click.secho(f"{lesson.title}", bold=True)
        for parameter in read_schema(lesson).values():
            left = f"{parameter.name}={parameter.default}"
            click.echo(f"    {left:<24} {parameter.type:<6} {parameter.help}")


@click.command("run")
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option("--preset", default="lab", show_default=True, help="smoke, lab or full: how much work to do.")
@PARAMETER
@DATA
@execution_options
@click.option("--out", type=PATH, help="The run's folder. Default: runs/PRESET.")
@click.option("--prepare-only", is_flag=True, help="Write the notebooks with parameters, run nothing.")
@WITH_SOLUTIONS
def run_lessons(
    lessons: tuple[str, ...],
    preset: str,
    assignments: tuple[str, ...],
    source: str | None,
    execution: ExecutionOptions,
    out: Path | None,
    prepare_only: bool,
    with_solutions: bool,
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
        lessons,
        preset,
        assignments,
        source=source,
        execution=execution,
        out=out,
        prepare_only=prepare_only,
        with_solutions=with_solutions,
    )
    if not ok:
        raise click.exceptions.Exit(1)


@click.command("sweep")
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option(
    "--grid", multiple=True, metavar="NAME=VALUES", help="What to vary: 8,12,16 or 0..4 (repeatable)."
)
@click.option(
    "--plan",
    type=PATH,
    help="What to vary, in a YAML file with grid, list or random.",
)
@click.option("--preset", help="smoke, lab or full. Default: the plan's, else lab.")
@PARAMETER
@DATA
@execution_options
@click.option("--out", type=PATH, help="The sweep's folder. Default: runs/sweep-….")
def sweep_lessons(
    lessons: tuple[str, ...],
    grid: tuple[str, ...],
    plan: Path | None,
    preset: str | None,
    assignments: tuple[str, ...],
    source: str | None,
    execution: ExecutionOptions,
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
        lessons, preset, assignments, grid=grid, plan=plan, source=source, execution=execution, out=out
    )
    if not ok:
        raise click.exceptions.Exit(1)


@click.command("report")
@click.argument("folder", metavar="RUN", type=PATH)
@click.option("--single-file", is_flag=True, help="Also write RUN/report.html: all pages in one, for mail.")
@click.option("--pdf", is_flag=True, help="Also print RUN/report.pdf; needs Chromium, Chrome or Edge.")
@WITH_SOLUTIONS
def rewrite_report(folder: Path, single_file: bool, pdf: bool, with_solutions: bool) -> None:
    """Write the report of the run in the folder RUN again.

    It shows no solutions of exercises and no hidden checks, unless it is for teachers.

    \b
    Examples:
      mnistkit report runs/lab
      mnistkit report runs/full --pdf --single-file
    """
    from mnistkit.course.report import export_report, write_report

    click.echo(f"Report: {write_report(folder, with_solutions=with_solutions).resolve()}")
    if single_file or pdf:
        for path in export_report(folder, single_file=single_file, pdf=pdf, with_solutions=with_solutions):
            click.echo(f"In one file: {path.resolve()}")


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="RUN_A RUN_B [RUN]...", type=PATH)
@click.option("--out", type=PATH, default=Path("runs", "comparison"), help="Folder to write into.")
def compare_runs(runs: tuple[Path, ...], out: Path) -> None:
    """Put two or more runs side by side: parameters, data, records, times, figures.

    Differences are from the first run. The page is runs/comparison/index.html unless --out names a folder.

    \b
    Examples:
      mnistkit compare runs/lab runs/full
      mnistkit compare runs/seed1 runs/seed2 runs/seed3 --out runs/seeds
    """
    from mnistkit.course.report.pages.comparison import compare

    click.echo(compare(runs, out))
    click.echo(f"Comparison: {(out / 'index.html').resolve()}")
