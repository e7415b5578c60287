"""The figures on the pages of docs and in the lessons' headers: taken from runs, and written into them.

    python docs/measured.py take RUN [RUN ...] --to docs/measured/full.json
    python docs/measured.py write

`take` keeps of each completed lesson of a run what the page says about it; other lessons that are in the
file stay. `write` writes what stands between `<!-- measured: ... -->` and `<!-- end -->` anew, on the
pages and in the first cell of each lesson. In the table of lessons the first two columns are the page's own;
a row for a new lesson is added there by hand. What no run tells, such as the size of an installation, stands
with its conditions in docs/measured/by_hand.json, and on the pages between such comments within a line.
docs/measured/bench.json is written by benchmarks/run.py; its tables stand in docs/engineer/speed.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.parameters import read_preset, read_schema
from mnistkit.course.report.pages.reproduction import Reproduced, reproduce
from mnistkit.course.running.results import read_results
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.records import figure
from mnistkit.records.lesson_facts import course_references

HOME = Path(__file__).resolve().parents[1]
COURSE, README = HOME / "docs" / "course.md", HOME / "README.md"
MACHINES = HOME / "docs" / "teacher" / "machines.md"
SPEED = HOME / "docs" / "engineer" / "speed.md"
_LIMIT = "limit of "  # as `benchmarks/comparison.py` begins the names of such rows
PAGES = (*sorted((HOME / "docs").rglob("*.md")), HOME / "CONTRIBUTING.md")
MEASURED = HOME / "docs" / "measured"
BY_HAND = MEASURED / "by_hand.json"
STUDENTS = (1, 10, 20, 30)
PRESETS = ("lab", "full")
NAMES = {
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "twist": "Fashion-MNIST, Twist",
    "digit-recognizer": "MNIST as Digit Recognizer",
}


# ---- Taken from runs


def take(runs: Sequence[Path], to: Path) -> None:
    """Keep what the page says about the lessons of finished runs.

    Parameters
    ----------
    runs : sequence of pathlib.Path
        Folders of runs; a later one replaces an earlier one's lesson.
    to : pathlib.Path
        The file; its name is the runs' preset.

    Raises
    ------
    UserError
        If a folder holds no run, or a lesson that was not completed or ran with another preset.
    """
    lessons = dict(read(to))
    for run in runs:
        results = read_results(run)
        for name, entry in results["notebooks"].items():
            if entry["status"] != "completed" or entry["preset"] != to.stem:
                found = f"{name}, {entry['status']}, preset {entry['preset']}"
                raise UserError(run, found=found, expected=f"completed, preset {to.stem}")
            executed = nbformat.read(run / entry["notebook"], as_version=4)
            lessons[name] = extract(name, entry, results["machine"], executed)
    content = {"schema": 1, "lessons": dict(sorted(lessons.items()))}
    write_atomically(to, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read(path: Path) -> dict[str, Any]:
    """Read what was taken: lessons by name; none where the file isn't there yet."""
    return json.loads(path.read_text(encoding="utf-8"))["lessons"] if path.exists() else {}


def extract(
    name: str, entry: Mapping[str, Any], machine: Mapping[str, Any], executed: nbformat.NotebookNode
) -> dict[str, Any]:
    """Keep of a lesson's results what may be published: no paths, no names of machines.

    Parameters
    ----------
    name : str
        The lesson's name.
    entry : mapping
        Its place in ``results.json``.
    machine : mapping
        The run's machine.
    executed : nbformat.NotebookNode
        The executed notebook.

    Returns
    -------
    dict
        Plain data. `changed` has the parameters that differ from the preset as well.
    """
    lessons = find(find_folder())
    schema = read_schema(next(lesson for lesson in lessons if lesson.name == name))
    defaults = {key: parameter.default for key, parameter in schema.items()}
    preset = defaults | read_preset(find_folder(), entry["preset"], lessons).get(name, {})
    # What names a folder stays out; the data's names are in `data`.
    given = {key: _no_path(v) for key, v in entry["parameters"].items() if key in schema and key != "data"}
    return {
        "preset": entry["preset"],
        "seconds": entry["seconds"],
        "slowest_cells": {cell["cell"]: cell["seconds"] for cell in entry["slowest_cells"]},
        "peak_memory_bytes": entry["peak_memory_bytes"],
        "finished": entry["finished"],
        "git_commit": entry["git_commit"],
        "code_sha256": code_sha256(executed),
        "machine": {key: machine[key] for key in ("cores", "memory_bytes")},
        "after": sorted(entry.get("after", {})),
        "data": [{key: data[key] for key in ("name", "is_standin")} for data in entry["data"]],
        "parameters": given,
        "changed": {key: value for key, value in given.items() if value != preset[key]},
        "records": {r["name"]: _record(r, entry["preset"]) for r in entry["records"]},
    }


def code_sha256(notebook: nbformat.NotebookNode) -> str:
    """Hash a lesson's code, which tells whether it is still what was measured."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    own = [c.source for c in cells if "injected-parameters" not in c.metadata.get("tags", [])]
    return hashlib.sha256("\0".join(own).encode()).hexdigest()


def _record(record: Mapping[str, Any], preset: str) -> dict[str, Any]:
    kept = {"value": _no_path(record["value"]), "data": record["dataset"]}
    if record["is_standin"]:
        kept["is_standin"] = True
    if record["reference"] is not None:
        kept |= {"reference": record["reference"], "report": record["report"]}
        # Runs of earlier versions don't say what differs; with a preset of fewer images something does.
        unknown = "" if preset == "full" else "what differs was not recorded"
        kept["differs"] = record.get("differs", unknown)
    return kept


def _no_path(value: Any) -> Any:
    """Keep only the last part of what may be a path."""
    return (
        re.split(r"[/\\]", value)[-1] if isinstance(value, str) and re.match(r"/|~|\w:\\", value) else value
    )


# ---- Written into the page and the lessons


def written(page: str, folder: Path = MEASURED) -> str:
    """Write the measured parts of the page anew.

    Parameters
    ----------
    page : str
        Its text.
    folder : pathlib.Path, optional
        Where the files of `take` are.

    Returns
    -------
    str
        Its text with today's figures.
    """
    taken = {preset: read(folder / f"{preset}.json") for preset in PRESETS}
    for part, lines in (("lessons", lesson_lines(page, taken)), ("reports", report_lines(taken))):
        page = _replaced(page, part, "\n".join(lines), COURSE.name)
    return page


def written_readme(readme: str, folder: Path = MEASURED) -> str:
    """Write into the README anew what all lessons take together.

    Parameters
    ----------
    readme : str
        Its text.
    folder : pathlib.Path, optional
        Where the files of `take` are.

    Returns
    -------
    str
        Its text with today's figures.

    Raises
    ------
    UserError
        If no lab run was taken.
    """
    lessons = read(folder / "lab.json").values()
    if not lessons:
        raise _no_lab_run(README.name)
    seconds = sum(lesson["seconds"] for lesson in lessons)
    most = max(lesson["peak_memory_bytes"] for lesson in lessons) / 1e9
    cores = {lesson["machine"]["cores"] for lesson in lessons}
    words = f"All {len(lessons)} lessons with their defaults take {duration(seconds)} in all, and at most"
    return _replaced(readme, "all", f"{words} {most:.1f} GB of memory, on {max(cores)} cores.", README.name)


def written_memory(page: str, folder: Path = MEASURED) -> str:
    """Write the table of memory for a class anew.

    Parameters
    ----------
    page : str
        The page's text.
    folder : pathlib.Path, optional
        Where the files of `take` are.

    Returns
    -------
    str
        Its text with today's figures.
    """
    lessons = read(folder / "lab.json")
    lines = [
        f"| lesson | {' | '.join(f'{n} student' + 's' * (n > 1) for n in STUDENTS)} |",
        "|---" * (1 + len(STUDENTS)) + "|",
    ]
    for name, lesson in lessons.items():
        gigabytes = lesson["peak_memory_bytes"] / 1e9
        shown = (f"{gigabytes * n:.1f} GB" if n == 1 else f"{gigabytes * n:.0f} GB" for n in STUDENTS)
        lines.append(f"| {name[:2]} | {' | '.join(shown)} |")
    return _replaced(page, "memory", "\n".join(lines), MACHINES.name)


def written_speed(page: str, folder: Path = MEASURED) -> str:
    """Write the tables of the benchmarks anew.

    Parameters
    ----------
    page : str
        The page's text.
    folder : pathlib.Path, optional
        Where ``bench.json`` is, which ``benchmarks/run.py`` writes.

    Returns
    -------
    str
        Its text with today's figures.
    """
    path = folder / "bench.json"
    bench = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": {}, "growth": {}}
    limits = {
        name.removeprefix(_LIMIT): row for name, row in bench["rows"].items() if name.startswith(_LIMIT)
    }
    rows = {name: row for name, row in bench["rows"].items() if not name.startswith(_LIMIT)}
    for part, lines in (
        ("speed", speed_lines(rows)),
        ("limits", limit_lines(limits)),
        ("growth", growth_lines(bench["growth"])),
        ("bench", bench_lines([*bench["rows"].values(), *bench["growth"].values()])),
    ):
        page = _replaced(page, part, "\n".join(lines), SPEED.name)
    return page


def written_figures(page: str, where: str, folder: Path = MEASURED) -> str:
    """Write the measured figures within lines anew.

    Parameters
    ----------
    page : str
        A page's text.
    where : str
        Its name, for messages.
    folder : pathlib.Path, optional
        Where the files are.

    Returns
    -------
    str
        Its text with today's figures.

    Raises
    ------
    UserError
        If it names a figure that nobody has measured.
    """
    figures = {name: figure["figure"] for name, figure in read_by_hand(folder / BY_HAND.name).items()}
    figures["all-lessons"] = duration(sum(lesson["seconds"] for lesson in read(folder / "lab.json").values()))

    def figure(found: re.Match[str]) -> str:
        if found[2] not in figures:
            raise UserError(where, found=f"measured: {found[2]}", expected=f"one of {', '.join(figures)}")
        return f"{found[1]}{figures[found[2]]}{found[3]}"

    return re.sub(r"(<!-- measured: ([\w-]+) -->)(?!\n).*?(<!-- end -->)", figure, page)


def read_by_hand(path: Path = BY_HAND) -> dict[str, dict[str, str]]:
    """Read what was measured by hand: each `figure` with its `conditions` and its `date`."""
    return json.loads(path.read_text(encoding="utf-8"))["figures"]


def written_header(header: str, name: str, folder: Path = MEASURED) -> str:
    """Write the measured part of a lesson's first cell anew.

    Parameters
    ----------
    header : str
        The cell's text.
    name : str
        The lesson's name.
    folder : pathlib.Path, optional
        Where the files of `take` are.

    Returns
    -------
    str
        Its text with today's figures.

    Raises
    ------
    UserError
        If no lab run of it was taken.
    """
    lab, full = (read(folder / f"{preset}.json").get(name) for preset in PRESETS)
    if lab is None:
        raise _no_lab_run(name)
    longest, cores = duration(max(lab["slowest_cells"].values())), lab["machine"]["cores"]
    data = standins([lab, full] if full else [lab]) or "the real data"
    words = f"Measured with {data} on {cores} cores: {cost(lab)}, longest cell {longest}"
    words += f" (preset lab); {cost(full)} (preset full)" if full else " (preset lab)"
    return _replaced(
        header, "time", f"{words}. Other programs that keep the cores busy make it slower.", name
    )


def _no_lab_run(where: str) -> UserError:
    return UserError(where, found="no lab run in docs/measured", todo="take one")


def _replaced(text: str, part: str, new: str, where: str) -> str:
    pattern = rf"(<!-- measured: {part} -->\n).*?(<!-- end -->)"
    text, count = re.subn(pattern, lambda found: f"{found[1]}{new}\n{found[2]}", text, flags=re.S)
    if count != 1:
        raise UserError(where, found=f"{count} parts 'measured: {part}'", expected="one")
    return text


def write() -> None:
    """Write all measured parts anew."""
    for page in PAGES:
        text = written_figures(page.read_text(encoding="utf-8"), page.name)
        whole = {COURSE: written, MACHINES: written_memory, SPEED: written_speed}.get(page)
        write_atomically(page, whole(text) if whole else text)
    write_atomically(README, written_readme(README.read_text(encoding="utf-8")))
    for lesson in find(find_folder()):
        notebook = nbformat.reads(lesson.text, as_version=4)
        notebook.cells[0].source = written_header(notebook.cells[0].source, lesson.name)
        write_atomically(lesson.path, nbformat.writes(notebook) + "\n")


def lesson_lines(page: str, taken: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Yield the lines about the lessons: where it was measured, and the table with times and memory."""
    yield where(taken)
    yield ""
    yield "| lesson | what it is about | lab preset | full preset |"
    yield "|---|---|---|---|"
    for link, name, about in re.findall(r"^\| (\[(\w+)\.ipynb\]\([^)]*\)) \| (.*?) \|", page, re.M):
        cells = [cost(taken[preset].get(name)) for preset in PRESETS]
        yield f"| {link} | {about} | {' | '.join(cells)} |"


def speed_lines(rows: Mapping[str, Any]) -> Iterable[str]:
    """Yield the table of the benchmarks' rows."""
    if not rows:
        yield "Not measured yet."
        return
    yield "| what | plain way | ours | input | plain, s | ours, s | ratio | peak MB of both | apart |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        plain, ours = (f"{statistics.median(side):.3g}" for side in zip(*row["seconds"], strict=True))
        peaks = " / ".join(f"{peak / 1e6:,.0f}" for peak in row["peak_bytes"])
        apart = f"{row['difference']:.1g}" if row["difference"] else "0"
        cells = (name, *row["ways"], _input(row), plain, ours, f"**{row['ratio']:.3g}**", peaks, apart)
        yield f"| {' | '.join(cells)} |"


def _input(row: Mapping[str, Any]) -> str:
    return ", ".join([row["data"], *(f"{size} {value:,}" for size, value in row["size"].items())])


def limit_lines(rows: Mapping[str, Any]) -> Iterable[str]:
    """Yield the table of what our way takes beside the part of it that can't be left out."""
    if not rows:
        yield "Not measured yet."
        return
    yield "| what | ours | what can't be left out | input | ours, s | that part, s | share |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        ours, part = (statistics.median(side) for side in zip(*row["seconds"], strict=True))
        cells = (name, *row["ways"], _input(row), f"{ours:.3g}", f"{part:.3g}", f"**{1 / row['ratio']:.0%}**")
        yield f"| {' | '.join(cells)} |"


def growth_lines(growths: Mapping[str, Any]) -> Iterable[str]:
    """Yield the table of how costs grow."""
    if not growths:
        yield "Not measured yet."
        return
    yield "| what | by | way | seconds | slope | peak MB | why |"
    yield "|---|---|---|---|---|---|---|"
    for growth in growths.values():
        values = ", ".join(f"{value:,}" for value in growth["values"])
        for way, costs in growth["ways"].items():
            seconds = ", ".join(f"{each:.3g}" for each in costs["seconds"])
            peaks = ", ".join(f"{each / 1e6:,.0f}" for each in costs["peak_bytes"])
            by = f"{growth['by']} = {values}"
            cells = (growth["row"], by, way, seconds, f"{costs['slope']:.2f}", peaks, growth["why"])
            yield f"| {' | '.join(cells)} |"


def bench_lines(measurements: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Yield what the benchmarks were measured with: each version, machine and command once."""
    made = [measurement["made_with"] for measurement in measurements]
    if not made:
        yield "Not measured yet."
        return
    machines = {(m["machine"]["cores"], round(m["machine"]["memory_bytes"] / 1e9)) for m in made}
    facts = {
        "machine": [f"{cores} cores, {memory} GB of memory, no GPU" for cores, memory in sorted(machines)],
        "date": sorted({m["date"] for m in made}),
        "commit": sorted({m["git_commit"] for m in made}),
        "command": sorted({f"`{m['command']}`" for m in made}),
        "versions": sorted({f"{name} {version}" for m in made for name, version in m["versions"].items()}),
    }
    for name, values in facts.items():
        yield f"- {name}: {', '.join(values)}"


def where(taken: Mapping[str, Mapping[str, Any]]) -> str:
    """Say on which machines and which data all of it was measured."""
    lessons = [lesson for preset in PRESETS for lesson in taken[preset].values()]
    machines = {
        (m["cores"], round(m["memory_bytes"] / 1e9)) for m in (lesson["machine"] for lesson in lessons)
    }
    # The locked TensorFlow comes without CUDA: it computes on the processor wherever it runs.
    words = " or ".join(f"{cores} cores with {memory} GB of memory" for cores, memory in sorted(machines))
    data = standins(lessons) or "the real MNIST and Fashion-MNIST"
    return f"Time and peak memory were measured on {words}, no GPU, with {data} (`mnistkit run -j 1`)."


def standins(lessons: Iterable[Mapping[str, Any]]) -> str:
    """Name the data that was not the real one; empty where all was."""
    names = sorted({d["name"] for lesson in lessons for d in lesson["data"] if d["is_standin"]})
    return f"stand-ins for {', '.join(names)}" if names else ""


def cost(lesson: Mapping[str, Any] | None) -> str:
    """Write what a lesson takes: ``4½ min, 2.2 GB``; what was not as in the preset stands in brackets."""
    if lesson is None:
        return "–"
    after = "".join(f" after {other[:2]}" for other in lesson["after"])
    gigabytes = lesson["peak_memory_bytes"] / 1e9
    earlier = "" if lesson.get("code_sha256") in codes_of_today() else ", an earlier version"
    return f"{duration(lesson['seconds'])}{after}, {gigabytes:.1f} GB{changed(lesson)}{earlier}"


@cache
def codes_of_today() -> frozenset[str]:
    """Hash the code of all lessons, once: what `write` changes in them is no code."""
    return frozenset(code_sha256(nbformat.reads(lesson.text, as_version=4)) for lesson in find(find_folder()))


def changed(lesson: Mapping[str, Any]) -> str:
    """Name the parameters that were not as in the preset."""
    words = ", ".join(f"`{name}={value}`" for name, value in lesson["changed"].items())
    return f" ({words})" if words else ""


def duration(seconds: float) -> str:
    """Write a time as exactly as it is worth: ``19 s``, ``4½ min``, ``48 min``, ``2½ h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    unit, name = (60, "min") if seconds < 90 * 60 else (3600, "h")
    if seconds >= 10 * unit:
        return f"{seconds / unit:.0f} {name}"
    halves = max(2, round(2 * seconds / unit))
    return f"{halves // 2}{'½' if halves % 2 else ''} {name}"


def report_lines(taken: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Yield the lines about the reports' figures: a table, then what is exact and what isn't compared."""
    rows = best_rows(taken)
    compared = [(row, lesson) for row, lesson in rows if row.verdict != "not comparable"]
    exact = [row for row, _ in compared if row.is_count]
    equal = [row for row in exact if row.verdict == "reached"]
    yield "| report | figure | report's | ours | verdict | run | data |"
    yield "|---|---|---|---|---|---|---|"
    yield from (report_line(row, lesson) for row, lesson in compared if row not in equal)
    if exact:
        yield ""
        yield f"Parameters, sizes and counts leave nothing to chance: {len(equal)} of {len(exact)} are equal."
    reasons: dict[str, list[str]] = {}
    for row, _ in rows:
        if row.verdict == "not comparable":
            reasons.setdefault(row.reason, []).append(f"`{row.record}`")
    if reasons:
        yield ""
        yield "Recorded, but not as the report did it:"
        yield "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items()) + "."


def report_line(row: Reproduced, lesson: Mapping[str, Any]) -> str:
    """Write one row of the table of the reports' figures."""
    data = lesson["records"][row.record]["data"]
    run = f"{row.lesson[:2]}, {lesson['preset']}{changed(lesson)}"
    ours = f"{row.value:.10g}" if row.value == int(row.value) else figure(row.value)
    cells = (row.report, row.what, f"{row.reference:.10g}", ours, row.verdict, run)
    return f"| {' | '.join(cells)} | {NAMES.get(data, data)} |"


def best_rows(taken: Mapping[str, Mapping[str, Any]]) -> list[tuple[Reproduced, Mapping[str, Any]]]:
    """Choose for each reference the run that can be compared with it, the full preset's first.

    Returns
    -------
    list of (Reproduced, mapping)
        The row and the lesson it is from, for what was recorded at all.
    """
    by_preset = [(lessons, reproduce(_as_results(lessons))) for lessons in (taken["full"], taken["lab"])]
    worth = ("reached", "missed", "not comparable")
    chosen = []
    for position in range(len(course_references())):
        rows = [(table[position], lessons) for lessons, table in by_preset]
        rows = [(row, lessons[row.lesson]) for row, lessons in rows if row.verdict in worth]
        chosen += sorted(rows, key=lambda found: found[0].verdict == "not comparable")[:1]
    return chosen


def _as_results(lessons: Mapping[str, Any]) -> dict[str, Any]:
    notebooks = {
        name: lesson
        | {"status": "completed", "records": [{"name": n} | r for n, r in lesson["records"].items()]}
        for name, lesson in lessons.items()
    }
    return {"notebooks": notebooks}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("take", help="keep the figures of finished runs")
    taking.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    taking.add_argument("--to", required=True, type=Path, help="docs/measured/PRESET.json")
    commands.add_parser("write", help="write them into the pages and the lessons")
    options = parser.parse_args(arguments)
    try:
        if options.command == "take":
            take(options.runs, options.to)
        else:
            write()
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
