"""What `mnistkit run` does: check everything, then run, then say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistkit.course.lessons import find, find_folder, select
from mnistkit.course.parameters import parse_assignments, read_preset, resolve

if TYPE_CHECKING:
    from mnistkit.course import run as runner


def run_command(
    wanted: Sequence[str],
    preset: str,
    assignments: Sequence[str],
    jobs: int | None,
    out: Path,
    prepare_only: bool,
) -> bool:
    """Carry out ``mnistkit run``.

    Parameters
    ----------
    wanted : sequence of str
        Lessons as `mnistkit.course.lessons.select` takes them.
    preset : str
        ``smoke``, ``lab`` or ``full``.
    assignments : sequence of str
        ``NAME=VALUE`` texts.
    jobs : int or None
        How many notebooks at a time; None: what fits this machine.
    out : pathlib.Path
        The run's folder.
    prepare_only : bool
        Write the notebooks with their parameters set, and run nothing.

    Returns
    -------
    bool
        True if every lesson was completed.

    Raises
    ------
    CourseError
        If a lesson, preset or parameter is unknown or a value has the wrong type: before anything runs.
    DataError
        If the data can't be had: before anything runs.
    """
    folder = find_folder()
    course = find(folder)
    lessons = select(course, wanted)
    values = resolve(lessons, read_preset(folder, preset, course), parse_assignments(assignments))

    # Only now what takes seconds to import: a typo has been answered by here.
    from mnistkit.course import run as runner
    from mnistkit.course.kernel import prepare

    plans = runner.make_plans(lessons, values, folder.parent)
    jobs = jobs or runner.default_jobs(len(plans))
    if prepare_only:
        for plan in plans:
            prepare(runner.make_task(plan, out, preset, jobs))
        return True
    return _run(plans, out, preset, jobs)


def _run(plans: Sequence[runner.Plan], out: Path, preset: str, jobs: int) -> bool:
    from mnistkit.course import run as runner
    from mnistkit.course.report import FOLDER, write_report

    click.echo(f"{len(plans)} lesson{'s' * (len(plans) > 1)}, preset {preset}, {jobs} at a time, into {out}")
    if preset == "full":
        click.echo("  full takes long: 'Time and memory' at the top of each lesson says how long")
    for data in {d["name"]: d for plan in plans for d in plan.data}.values():
        click.echo(f"  data: {data['name']}: {data['source'].replace('stand-in', 'STAND-IN', 1)}")
    try:
        ok = runner.run(plans, out, preset=preset, jobs=jobs, say=click.echo, report=write_report)
    finally:
        if (out / FOLDER / "index.html").exists():
            click.echo(f"Report: {(out / FOLDER / 'index.html').resolve()}")
    for failure in runner.failures(runner.read_results(out), plans):
        click.echo(f"\n{failure}", err=True)
    return ok
