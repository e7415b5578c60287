"""The command line: one file a command group, and `main`, which they all hang on."""

from mnistkit.cli.main import main

__all__ = ["main"]
