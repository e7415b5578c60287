"""Compare what mnistkit does with the plain way, and measure how its cost grows.

    python benchmarks/run.py list
    python benchmarks/run.py compare                  every row: about an hour
    python benchmarks/run.py compare --quick          small sizes: a few minutes
    python benchmarks/run.py compare K-means t-SNE    the rows whose names have one of these words
    python benchmarks/run.py growth                   how the cost grows with n, k, cores
    python benchmarks/run.py growth students --sizes 15,30,60
    python benchmarks/run.py compare --to docs/measured/bench.json

Both ways take turns on the same input, each in a process of its own; a row whose results do not agree is an
error and no number. `--to` keeps what was measured, with what it was measured on; `python docs/measured.py
write` then writes it into docs/engineer/speed.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import shlex
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comparison import Comparison, Growth, compare, grow, in_process

from mnistkit.errors import UserError
from mnistkit.files import write_atomically

ROOMS = ("clustering", "embedding", "training", "tables", "explorers", "course", "grading")
HOME = Path(__file__).resolve().parents[1]
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "keras",
    "tensorflow",
    "openTSNE",
    "papermill",
    "nbgrader",
)


def rows() -> dict[str, Comparison]:
    """List all rows by name."""
    return {row.name: row for room in ROOMS for row in importlib.import_module(room).ROWS}


def growths() -> dict[str, Growth]:
    """List what is measured at several sizes, by name."""
    found = [each for room in ROOMS for each in getattr(importlib.import_module(room), "GROWTH", ())]
    return {f"{growth.row.name}, by {growth.by}": growth for growth in found}


def chosen(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """Choose the names that have one of the words in them; all without words."""
    unknown = [word for word in words if not any(word.lower() in name.lower() for name in names)]
    if unknown:
        raise UserError(
            unknown[0], found="no row of this name", expected=f"part of one of: {', '.join(names)}"
        )
    return [name for name in names if not words or any(word.lower() in name.lower() for word in words)]


def provenance(arguments: Sequence[str]) -> dict[str, Any]:
    """Say with what it was measured."""
    from importlib.metadata import version

    import psutil

    from mnistkit.course.running.results import git_commit
    from mnistkit.utils.threads import cores

    return {
        "date": datetime.now(UTC).date().isoformat(),
        # A page says the command as everybody can type it, without this machine's folder of data.
        "command": re.sub(
            r"--data[ =]\S+", "--data PATH", shlex.join(["python", "benchmarks/run.py", *arguments])
        ),
        "git_commit": git_commit(HOME),
        "machine": {"cores": cores(), "memory_bytes": psutil.virtual_memory().total},
        "versions": {name: version(name) for name in PACKAGES},
    }


def line_of(name: str, found: dict[str, Any]) -> str:
    """Write a measured row in a line."""
    plain, ours = zip(*found["seconds"], strict=True)
    memory = " / ".join(f"{peak / 1e6:,.0f}" for peak in found["peak_bytes"])
    seconds = f"{statistics.median(plain):8.3g} s {statistics.median(ours):8.3g} s"
    apart = f"differ by {found['difference']:.1g}"
    return f"{name:28} {seconds}  ratio {found['ratio']:6.3g}  {memory:>15} MB  {apart:16} {found['data']}"


def lines_of(name: str, found: dict[str, Any]) -> str:
    """Write a measured growth in a few lines."""
    lines = [f"{name}: {found['by']} = {', '.join(f'{value:,}' for value in found['values'])}"]
    for way, costs in found["ways"].items():
        seconds = ", ".join(f"{each:.3g}" for each in costs["seconds"])
        memory = ", ".join(f"{each / 1e6:,.0f}" for each in costs["peak_bytes"])
        lines.append(f"  {way:6} {seconds} s: slope {costs['slope']:.2f}; peak {memory} MB")
    return "\n".join(lines)


def measure(
    names: Sequence[str],
    kind: str,
    one: Callable[[str], dict[str, Any]],
    shown: Callable[[str, dict[str, Any]], str],
    made_with: dict[str, Any],
    to: Path | None,
) -> list[str]:
    """Measure one after the other, and keep each as soon as it is there.

    Parameters
    ----------
    names : sequence of str
        What.
    kind : str
        Under which name the file has them: ``rows`` or ``growth``.
    one, shown : callable
        Measure one, and write it for the terminal.
    made_with : dict
        What is kept with each.
    to : pathlib.Path or None
        The file; others that are there stay.

    Returns
    -------
    list of str
        Those without a result; why was said.
    """
    failed = []
    for name in names:
        try:
            found = one(name)
        except Exception as error:  # of any way, in its own process: the others are measured all the same
            failed.append(name)
            print(f"{name:34} NO RESULT: {error}", file=sys.stderr, flush=True)
            continue
        print(shown(name, found), flush=True)
        if to:
            kept = json.loads(to.read_text(encoding="utf-8")) if to.exists() else {"rows": {}, "growth": {}}
            kept[kind][name] = found | {"made_with": made_with}
            write_atomically(to, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return failed


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the rows")
    comparing = commands.add_parser("compare", help="compare both ways of each row")
    comparing.add_argument("--pairs", type=int, help="how often the two take turns")
    growing = commands.add_parser("growth", help="measure how the cost of rows grows")
    growing.add_argument("--sizes", type=lambda text: [*map(int, text.split(","))], help="15,30,60 instead")
    for each in (comparing, growing):
        each.add_argument("words", nargs="*", metavar="WORD", help="only what has one of these in its name")
        each.add_argument("--quick", action="store_true", help="small sizes")
        each.add_argument("--data", default="auto", help="source of the images, as for mnistkit.data.load")
        each.add_argument("--to", type=Path, help="keep the results in this file too")
    given = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(given)
    # As the Makefile does: OpenMP's threads that spin while they wait slow each other down.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        known = growths() if options.command == "growth" else rows()
        if options.command == "list":
            print("\n".join([*known, *growths()]))
            return
        names = chosen(options.words, list(known))
        how = {"quick": options.quick, "source": options.data}
        if options.command == "growth":
            sizes = {"full": options.sizes, "quick": options.sizes} if options.sizes else {}
            one, kind, shown = (lambda name: grow(replace(known[name], **sizes), **how)), "growth", lines_of
        else:
            names = [name for name in names if known[name].quick is not None or not options.quick]
            one, kind, shown = (
                (lambda name: compare(known[name], pairs=options.pairs, **how)),
                "rows",
                line_of,
            )
        failed = measure(names, kind, one, shown, in_process(provenance, given), options.to)
    except UserError as error:
        sys.exit(str(error))
    if failed:
        sys.exit(f"no result: {', '.join(failed)}")


if __name__ == "__main__":
    main()
