"""Rows about grading: nbgrader's own autograder, and ours, here and on Dask workers.

The assignment is the tests' small one: three exercises with hidden checks, one in words. Of three students
one has solved it, one in part, and one has changed nothing.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from comparison import Comparison, Given, Growth
from course import ON_ONE_WORKER, call, program, scheduler

WRONG = {"double": "def double(x):\n    return x"}


def _class(given: Given) -> str:
    """Release the small assignment, and hand in for so many students."""
    from class_helpers import NAME, hand_in, notebook, release_small

    course = release_small(given.folder)
    released = (course / "release" / NAME / f"{NAME}.ipynb").read_text()
    for number in range(given.size["students"]):
        # With a line of each student's own: a class of copies would be listed pair by pair.
        solved = {"total": f"def total(x):\n    mine = {number} + {number} ** 2\n    return float(sum(x))"}
        kinds = (notebook(course, solved), notebook(course, WRONG | solved), released)
        hand_in(course, f"student{number:05}", kinds[number % len(kinds)])
    return "submissions made for it"


def _copied(given: Given) -> Path:
    """Copy the course: nothing is graded in it yet."""
    copy = given.fresh_folder() / "course"
    shutil.copytree(given.folder / "course", copy)
    return copy


def _nbgrader(given: Given) -> Callable[[], Path]:
    from class_helpers import NAME

    course = _copied(given)

    def work() -> Path:
        call(program("nbgrader"), "autograde", NAME, f"--course-dir={course}")
        return course

    return work


def _ours(given: Given, *, jobs: int | None = None, workers: int = 0) -> Callable[[], Path]:
    """Grade in this process, which leads, so many at a time here or on so many Dask workers."""
    from class_helpers import NAME

    from mnistkit.course.commands import ExecutionOptions
    from mnistkit.grading.autograde.command import grade_command

    course = _copied(given)
    execution = ExecutionOptions(jobs=jobs, scheduler=scheduler(given, workers) if workers else None)

    def work() -> Path:
        grade_command(NAME, course, execution, unsandboxed=False)
        return course

    return work


def _points(course: Path, given: Given) -> dict[str, float]:
    """Read each student's points of the checks from nbgrader's gradebook."""
    from class_helpers import scores

    return {
        f"{student}, {exercise}": points
        for student, found in scores(course).items()
        for exercise, (points, _) in found.items()
        if exercise != "why"
    }


def _grading(
    name: str,
    ways: tuple[str, str],
    plain: Callable[[Given], Callable[[], Path]],
    ours: Callable[[Given], Callable[[], Path]],
    students: tuple[int, int],
) -> Comparison:
    full, quick = ({"students": number} for number in students)
    return Comparison(name, ways, _class, plain, ours, full, quick, summary=_points, pairs=1)


ONE_WORKER = partial(_ours, workers=1)
CLASS = _grading(
    "grading, 2 jobs",
    ("`mnistkit assignment grade NAME -j 1`", "`-j 2`"),
    partial(_ours, jobs=1),
    partial(_ours, jobs=2),
    (40, 12),
)
ROWS = [
    _grading(
        "grading a submission",
        ("`nbgrader autograde`, no sandbox", "`mnistkit assignment grade`"),
        _nbgrader,
        partial(_ours, jobs=1),
        (1, 1),
    ),
    _grading(
        "grading a small class",
        ("`nbgrader autograde`, no sandbox", "`mnistkit assignment grade NAME -j 2`"),
        _nbgrader,
        partial(_ours, jobs=2),
        (20, 6),
    ),
    CLASS,
    _grading(
        "grading, 1 Dask worker",
        ("`mnistkit assignment grade NAME -j 1`", ON_ONE_WORKER),
        partial(_ours, jobs=1),
        ONE_WORKER,
        (40, 12),
    ),
    _grading(
        "grading, 2 Dask workers",
        (ON_ONE_WORKER, "2 workers"),
        ONE_WORKER,
        partial(_ours, workers=2),
        (40, 12),
    ),
    _grading(
        "grading, 4 Dask workers",
        (ON_ONE_WORKER, "4 workers"),
        ONE_WORKER,
        partial(_ours, workers=4),
        (40, 12),
    ),
]


GROWTH = [
    Growth(
        CLASS,
        "students",
        (250, 500, 1_000),
        (6, 12, 24),
        "Each submission is graded by itself; its points and the pieces of its answers stay.",
        only_ours=True,
        turns=1,
    )
]
