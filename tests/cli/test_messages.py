"""What the package's loggers say is what a command shows."""

import logging

import click
from click.testing import CliRunner

from mnistkit.cli import main


def invoke(command):
    main.add_command(command)
    try:
        return CliRunner().invoke(main, [command.name])
    finally:
        del main.commands[command.name]


def test_messages_are_plain_lines_and_warnings_and_errors_go_to_stderr():
    @click.command("speak")
    def speak():
        logger = logging.getLogger("mnistkit.course.some_module")
        logger.debug("for who mends it")
        logger.info("100% of\n  it")
        click.echo("of the command itself")
        logger.warning("note: this")
        logger.error("\nthat failed")
        logger.info("the end")

    result = invoke(speak)
    assert result.exit_code == 0, result.output
    assert result.stdout == "100% of\n  it\nof the command itself\nthe end\n"
    assert result.stderr == "note: this\n\nthat failed\n"


def test_loggers_are_as_before_when_a_command_has_ended():
    @click.command("fail")
    def fail():
        raise SystemExit(3)

    logger = logging.getLogger("mnistkit")
    before = logger.level, list(logger.handlers)
    assert invoke(fail).exit_code == 3
    assert (logger.level, logger.handlers) == before
