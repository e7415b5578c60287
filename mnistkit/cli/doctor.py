"""The command that looks whether all is well: doctor."""

from __future__ import annotations

import click

_COLOURS = {"fine": "green", "note": "yellow", "fault": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON list, for programs.")
def see_doctor(as_json: bool) -> None:
    """Look whether this machine has what the lessons need, and say what to type where not.

    Nothing is changed or downloaded. A note keeps no lesson from running; with a fault the exit status is 1.
    """
    import dataclasses
    import json

    from mnistkit.doctor import diagnose

    diagnoses = []
    for diagnosis in diagnose():
        diagnoses.append(diagnosis)
        if not as_json:
            mark = click.style(f"{diagnosis.severity:<6}", fg=_COLOURS[diagnosis.severity])
            click.echo(f"{mark} {diagnosis.check:<12} {diagnosis.found}")
            if diagnosis.todo:
                click.echo(f"{'':<19} to do: {diagnosis.todo}")
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(diagnosis) for diagnosis in diagnoses], indent=1))
    if any(diagnosis.severity == "fault" for diagnosis in diagnoses):
        raise click.exceptions.Exit(1)
