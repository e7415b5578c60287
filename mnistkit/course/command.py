"""What `mnistkit run` does: check everything, then run, then say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistkit.course import CourseError
from mnistkit.course.lessons import find, find_folder, select
from mnistkit.course.parameters import parse_assignments, read_preset, resolve
from mnistkit.data.files import expanded
from mnistkit.data.loader import KEYWORDS

if TYPE_CHECKING:
    from mnistkit.course.plan import Plan


def run_command(
    wanted: Sequence[str],
    preset: str,
    assignments: Sequence[str],
    *,
    source: str | None,
    jobs: int | None,
    out: Path | None,
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
    source : str or None
        One more assignment: that of the parameter ``data``.
    jobs : int or None
        How many notebooks at a time; None: what fits this machine.
    out : pathlib.Path or None
        The run's folder; None: ``runs/PRESET``, or ``build/PRESET`` for prepared notebooks.
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
    if source is not None:
        assignments = (*assignments, f"data={_source(source)}")
    values = resolve(lessons, read_preset(folder, preset, course), parse_assignments(assignments))

    # Only now what takes seconds to import: a typo has been answered by here.
    from mnistkit.course.kernel import NO_LIMITS, prepare
    from mnistkit.course.plan import make_plans, make_task
    from mnistkit.course.results import LOCK

    plans = make_plans(lessons, values)
    if prepare_only:
        out = out or Path("build") / preset
        if (out / LOCK).exists() or out.resolve() == folder.resolve():
            raise CourseError(f"{out} holds notebooks that would be lost: choose another folder with --out")
        for plan in plans:
            prepare(make_task(plan, out, preset, NO_LIMITS))
        click.echo(f"{len(plans)} notebooks with their parameters set, not run: {out}")
        return True
    return _run(plans, out or Path("runs") / preset, preset, jobs)


def _source(text: str) -> str:
    """Make a path of ``--data`` absolute, so that results say which folder it was; keywords stay."""
    if text in KEYWORDS:
        return text
    path = expanded(text)
    return str(path.resolve()) if path.exists() else text


def _run(plans: Sequence[Plan], out: Path, preset: str, jobs: int | None) -> bool:
    from mnistkit.course.report import write_report
    from mnistkit.course.results import failures, read_results
    from mnistkit.course.run import run

    click.echo(f"{len(plans)} lesson{'s' * (len(plans) > 1)}, preset {preset}, into {out}")
    if preset == "full":
        click.echo("  full takes long: 'Time and memory' at the top of each lesson says how long")
    for data in {d["name"]: d for plan in plans for d in plan.data}.values():
        click.echo(f"  data: {data['name']}: {data['source'].replace('stand-in', 'STAND-IN', 1)}")
    ok = run(plans, out, preset=preset, jobs=jobs, say=click.echo, report=write_report)
    for failure in failures(read_results(out), plans):
        click.echo(f"\n{failure}", err=True)
    return ok
