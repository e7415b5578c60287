"""The command `mnistkit`: the streams it writes to, and how an error ends it.

Every subcommand is thin: it calls one function of the package, and imports what it needs inside itself, so
that ``mnistkit --help`` answers at once.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from mnistkit.cli.bundle import build_student_wheel, bundle_course, serve_bundle
from mnistkit.cli.data import data_group
from mnistkit.cli.develop import test_project
from mnistkit.cli.doctor import see_doctor
from mnistkit.cli.grading import assignment_group
from mnistkit.cli.new import new_group
from mnistkit.cli.run import compare_runs, list_lessons, rewrite_report, run_lessons, sweep_lessons
from mnistkit.cli.start import open_lessons, start_lessons
from mnistkit.errors import UserError

_NO_ROOM = ("no space left to write it", "make room there, then give the same command again")
_NOT_ALLOWED = ("no permission", "choose another folder, or ask its owner for permission")
_NO_FOLDER = ("a file, or a path through one", "name a folder")
_REASONS = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: ("a file system that can only be read", "choose another folder"),
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ENOENT: ("nothing of that name", "check the path"),
    errno.EIO: ("a fault of the disk or the network drive", "check it, then give the same command again"),
}
"""What the system's commonest refusals mean to the person who gave the command, and what to do."""


def _explain(error: OSError) -> str:
    """Say in words what the system refused, and about which file."""
    found, todo = _REASONS.get(error.errno or 0, (error.strerror or str(error), "give the command again"))
    reason = f"{found} ({error.strerror})" if error.errno in _REASONS else found
    if error.filename is None and _is_from_echo(error):
        return str(UserError("standard output", found=reason, todo=todo))
    return str(UserError(error.filename, found=reason, todo=todo)) if error.filename else str(error)


def _is_from_echo(error: OSError) -> bool:
    """Whether it was standard output that could not be written; what is still to be written is dropped then.

    Or Python would try once more when it ends, and say so in its own words.
    """
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    if not any(frame.f_code is click.echo.__code__ for frame in frames):
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return True


@contextmanager
def _clean_errors() -> Iterator[None]:
    """Show an error that has been foreseen on stderr without a traceback, and end with exit status 1."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _is_from_echo(error):
            raise click.exceptions.Exit(1) from error  # `mnistkit list | head`: who reads has enough
        raise click.ClickException(_explain(error)) from error
    except UserError as error:
        raise click.ClickException(str(error)) from error


class _Messages(logging.Handler):
    """Shows what the package's loggers say to who waits, as plain lines: warnings and errors on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message; where that can't be done, the command ends as it does after any failed write."""
        click.echo(self.format(record), err=record.levelno >= logging.WARNING)


@contextmanager
def _messages_shown() -> Iterator[None]:
    """Show messages for as long as a command is at work: a program that uses the package has its own way."""
    logger, handler = logging.getLogger("mnistkit"), _Messages()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Commands(click.Group):
    """The one place where a command ends that can't go on: one message on stderr, and exit status 1."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Start a command, with streams that can be written to."""
        self._prepare_streams()
        with _messages_shown():
            return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Carry a command out; an error that was foreseen is shown without a traceback."""
        with _clean_errors():
            return super().invoke(ctx)

    @staticmethod
    def _prepare_streams() -> None:
        """See that all three streams are open, and that any text can be written.

        A file that is opened later would get the number of a closed one, and all that is printed.
        """
        for descriptor in range(3):
            try:
                os.fstat(descriptor)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        if sys.stdout is None:
            closed = UserError("standard output is closed", todo="> /dev/null, or a file")
            click.echo(f"Error: {closed}", err=True)
            sys.exit(1)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # its encoding may not have all characters
                stream.reconfigure(errors="backslashreplace")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mnistkit")
def main() -> None:
    """Lessons, reports and assignments on MNIST and Fashion-MNIST."""


for _command in (
    list_lessons,
    run_lessons,
    sweep_lessons,
    rewrite_report,
    compare_runs,
    assignment_group,
    data_group,
    new_group,
    start_lessons,
    open_lessons,
    bundle_course,
    serve_bundle,
    build_student_wheel,
    see_doctor,
    test_project,
):
    main.add_command(_command)
