"""Time a class's way through one assignment: collect, grade, mark by hand, feedback, export.

The assignment is the tests' small one: three exercises with hidden checks, one in words. Of three students
one has solved it, one in part, and one has changed nothing; who solved it has a mark by hand already when
feedback is written. The export is one that Moodle makes, and the grades go back into Moodle's table.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from mnistkit.course.commands import ExecutionOptions
from mnistkit.files import write_atomically
from mnistkit.grading.autograde.command import grade_command
from mnistkit.grading.collect.command import collect_command
from mnistkit.grading.export.command import ExportOptions, export_command
from mnistkit.grading.feedback.student_page import feedback_command
from mnistkit.grading.marking.gradebook_sheet import GradebookSheet
from mnistkit.grading.marking.server import Desk, _MarkRequest, _Said
from mnistkit.grading.nbgrader_bridge import gradebook

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from class_helpers import NAME, notebook, release_small

WRONG = {"double": "def double(x):\n    return x", "total": "def total(x):\n    return 0.0"}


def write_class(folder: Path, students: int) -> tuple[Path, Path, Path]:
    """Release the assignment, and write a list of students and what Moodle exports."""
    course = release_small(folder)
    released = (course / "release" / NAME / f"{NAME}.ipynb").read_text()
    kinds = [json.dumps(notebook(course)), json.dumps(notebook(course, WRONG)), released]
    roster, export = folder / "roster.csv", folder / "export.zip"
    people = [(f"s{number:05}", f"First{number:05}", f"Last{number:05}") for number in range(students)]
    roster.write_text("id,first_name,last_name\n" + "".join(f"{','.join(one)}\n" for one in people))
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, (_, first, last) in enumerate(people):
            path = f"{first} {last}_{number}_assignsubmission_file_/{NAME}.ipynb"
            packed.writestr(path, kinds[number % len(kinds)])
    return course, roster, export


def mark_by_hand(course: Path) -> dict[str, float]:
    """Give points for all answers in words that wait, as the page for marking does; return what that took."""
    with gradebook(course) as book:
        desk, shown, saved = Desk(GradebookSheet(course, book, NAME), "marker"), {}, []
        waiting = [number for number, question in enumerate(desk.questions()) if question["waiting"]]
        seconds = {"show a question": timed(lambda: shown.update(desk.question(waiting[0])))}
        for answer in shown["answers"]:
            if answer["open"]:
                before = _Said(**answer["mark"])
                mark = replace(before, points=2.0, sha256=answer["sha256"])
                saved.append(timed(partial(desk.save, answer["key"], _MarkRequest(mark, before))))
    return seconds | {"save a mark, the slowest": max(saved), "save a mark, median": statistics.median(saved)}


def timed(work: Callable[[], None]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 3)


def run(students: int, jobs: int | None) -> dict[str, float]:
    """Take a class through; return the seconds of each command."""
    with tempfile.TemporaryDirectory() as folder:
        course, roster, export = write_class(Path(folder), students)
        execution = ExecutionOptions(jobs=jobs)
        seconds = {"collect": timed(lambda: collect_command(NAME, export, course, roster, None))}
        seconds["grade"] = timed(lambda: grade_command(NAME, course, execution, unsandboxed=False))
        seconds |= mark_by_hand(course)
        seconds["grade again"] = timed(lambda: grade_command(NAME, course, execution, unsandboxed=False))
        seconds["feedback"] = timed(lambda: feedback_command(course, NAME))
        options = ExportOptions("moodle")
        seconds["export"] = timed(lambda: export_command([NAME], course, options))
    return seconds


def main() -> None:
    """Read the options, time, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--jobs", type=int, help="submissions at a time; default: what fits here")
    parser.add_argument("--to", type=Path, help="a JSON file to write")
    options = parser.parse_args()
    result = {"students": options.students, "exercises": 4, "seconds": run(options.students, options.jobs)}
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if options.to:
        write_atomically(options.to, text)


if __name__ == "__main__":
    main()
