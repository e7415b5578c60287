"""The commands that hand the course on: bundle and serve for labs without internet, wheel for students."""

from __future__ import annotations

from pathlib import Path

import click

from mnistkit.cli.options import PATH

_SYSTEMS = ("windows", "macos", "linux")
_PYTHONS = ("3.11", "3.12", "3.13")


class _List(click.ParamType):  # type: ignore[type-arg] # generic in click's newest versions only
    """Words from a choice, with commas between them."""

    name = "list"

    def __init__(self, choices: tuple[str, ...]) -> None:
        self._choices = choices

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Read ``windows,linux``."""
        words = tuple(dict.fromkeys(value.split(","))) if isinstance(value, str) else value
        for word in words:
            if word not in self._choices:
                self.fail(f"{word!r} is none of {', '.join(self._choices)}", param, ctx)
        return words


@click.command("bundle")
@click.argument("out", type=PATH)
@click.option("--for", "systems", type=_List(_SYSTEMS), required=True, help="windows, macos, linux.")
@click.option(
    "--python",
    "pythons",
    type=_List(_PYTHONS),
    default=",".join(_PYTHONS),
    show_default=True,
    help="For which Pythons.",
)
def bundle_course(out: Path, systems: tuple[str, ...], pythons: tuple[str, ...]) -> None:
    """Write the course into the folder OUT, for machines without internet.

    It has the packages as wheels, MNIST and Fashion-MNIST as far as they are here or can be downloaded,
    VGG16's weights where a run of their lesson has got them, the lessons without solutions, install.py, and a
    page that opens by a double click.

    \b
    Examples:
      mnistkit bundle --for windows,macos,linux /media/stick/mnistkit
      mnistkit bundle --for linux --python 3.12 lab
    """
    from mnistkit.course.bundle.command import write_bundle
    from mnistkit.course.commands import find_course
    from mnistkit.course.project_checks import clone_folder

    write_bundle(clone_folder(), find_course()[1], out, systems, pythons)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    click.echo(f"{out}: {size / 1e9:.1f} GB. Open {out / 'index.html'}")


@click.command("wheel")
@click.argument("out", type=PATH)
def build_student_wheel(out: Path) -> None:
    """Write a wheel for students into the folder OUT: mnistkit with the course, without solutions.

    It has the lessons of the course that you are in, your own course's too, and no hidden check. The locked
    packages that it needs are listed beside it.

    \b
    Example:
      mnistkit wheel ~/for-students
    """
    from mnistkit.course.bundle.student_wheel import REQUIREMENTS, write_student_wheel
    from mnistkit.course.commands import find_course
    from mnistkit.course.project_checks import clone_folder

    wheel = write_student_wheel(clone_folder(), find_course()[1], out)
    click.echo(f"{wheel}. Students install it in an environment of their own, from that folder:")
    for command in (
        f"pip install --no-deps -r {REQUIREMENTS}",
        f"pip install --no-deps {wheel.name}",
        "mnistkit lab",
    ):
        click.echo(f"  {command}")


@click.command("serve")
@click.argument("bundle", type=PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, help="The port.")
def serve_bundle(bundle: Path, host: str, port: int) -> None:
    """Offer the folder BUNDLE, which `mnistkit bundle` has written, in your own network until Ctrl + C.

    Whoever can reach the address can read the folder, and nothing else. Without --host that is this machine.

    \b
    Examples:
      mnistkit serve mnistkit-bundle
      mnistkit serve mnistkit-bundle --host 192.168.1.10
    """
    from contextlib import suppress

    from mnistkit.course.bundle.serve import make_server

    with make_server(bundle, host, port) as server, suppress(KeyboardInterrupt):
        click.echo(f"http://{host}:{server.server_port}/ until Ctrl + C")
        server.serve_forever()
