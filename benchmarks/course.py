"""Rows about what people wait for: the command line, runs, their reports, sweeps here and on workers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from comparison import Comparison, Given, Growth

# The tests' small lesson, class and answers: one of each is enough.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

LESSONS = ("02", "01")
TIMINGS = ("seconds", "faster")
"""In the names of figures that are times."""


def program(name: str) -> str:
    """Give the path of a command of this environment."""
    return str(Path(sys.executable).with_name(name))


def call(*command: object, **environment: str) -> str:
    """Run a command to its end; give what it printed."""
    words, variables = list(map(str, command)), {**os.environ, **environment}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def no_input(given: Given) -> str:
    """Write nothing."""
    return "no data"


# ---- Start-up


def _start(command: tuple[str, ...], given: Given) -> Callable[[], bool]:
    return lambda: call(*command) is not None  # that it ended well; there is nothing else to compare


def _empty_lesson(given: Given) -> str:
    """Write a course of one lesson with nothing to compute."""
    from course_helpers import write_course, write_lesson

    write_lesson(write_course(given.folder), "01_empty", "1 + 1")
    return "no data"


# ---- Runs


def _lessons(given: Given) -> str:
    """Prepare lessons with the parameters of the preset smoke; how many is a size."""
    names = LESSONS[: given.size["lessons"]]
    prepared = given.folder / "prepared"
    call(program("mnistkit"), "run", *names, "--preset", "smoke", "--prepare-only", "--out", prepared)
    return "stand-ins (preset smoke)"


def _papermill(folder: str, given: Given) -> Callable[[], dict[str, object]]:
    """Execute the prepared notebooks, one after the other, with papermill's own command."""

    def work() -> dict[str, object]:
        out = given.fresh_folder()
        for path in sorted((given.folder / folder).glob("*.ipynb")):
            call(program("papermill"), "--no-progress-bar", path, out / path.name)
        return {path.name: path for path in sorted(out.glob("*.ipynb"))}

    return work


def _run(warm: bool, given: Given) -> Callable[[], dict[str, object]]:
    out = given.fresh_folder() / "run"
    command = ("run", *LESSONS[: given.size["lessons"]], "--preset", "smoke", "-j", "1", "--out", out)
    if warm:
        call(program("mnistkit"), *command)

    def work() -> dict[str, object]:
        call(program("mnistkit"), *command)
        return {path.name: path for path in sorted(out.glob("*.ipynb"))}

    return work


def _run_empty(given: Given) -> Callable[[], dict[str, object]]:
    out = given.fresh_folder() / "run"

    def work() -> dict[str, object]:
        call(program("mnistkit"), "run", "--out", out, MNISTKIT_NOTEBOOKS=str(given.folder / "notebooks"))
        return {path.name: path for path in sorted(out.glob("*.ipynb"))}

    return work


def _figures(executed: dict[str, Path], given: Given) -> dict[str, object]:
    """Read what executed notebooks recorded, but for times."""
    import nbformat

    from mnistkit.records import read

    found = {}
    for name, path in executed.items():
        records, _ = read(nbformat.read(path, as_version=4))
        found[name] = {r.name: r.value for r in records if not any(word in r.name for word in TIMINGS)}
    return found


# ---- The report of a run


def _finished_run(given: Given) -> str:
    names = LESSONS[: given.size["lessons"]]
    call(program("mnistkit"), "run", *names, "--preset", "smoke", "--out", given.folder / "run")
    return "stand-ins (preset smoke)"


def _nbconvert(given: Given) -> Callable[[], list[Path]]:
    out, notebooks = given.fresh_folder(), sorted((given.folder / "run").glob("*.ipynb"))

    def work() -> list[Path]:
        call(program("jupyter"), "nbconvert", "--to", "html", "--output-dir", out, *notebooks)
        return sorted(out.glob("*.html"))

    return work


def _report(given: Given) -> Callable[[], list[Path]]:
    def work() -> list[Path]:
        call(program("mnistkit"), "report", given.folder / "run", "--with-solutions")
        return sorted((given.folder / "run" / "report").glob("0*.html"))

    return work


def _headings(pages: list[Path], given: Given) -> dict[str, list[str]]:
    """Read the headings of pages, in order, without nbconvert's marks."""
    from bs4 import BeautifulSoup

    found = {}
    for page in pages:
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        found[page.name] = [heading.get_text().rstrip("¶").strip() for heading in soup.select("h2, h3")]
    return found


# ---- Sweeps


def _small_lesson(given: Given) -> str:
    """Write a course of one lesson that computes for a second or two and records what came of it."""
    from course_helpers import write_course, write_lesson

    write_lesson(
        write_course(given.folder),
        "01_small",
        "from mnistkit.data import load\nfrom mnistkit.records import record\n"
        "digits = load('mnist', 'bundled')",
        "from sklearn.cluster import KMeans\nx = digits.x_train.reshape(-1, 784) / 255\n"
        "model = KMeans(10, n_init=n_init, random_state=seed).fit(x)\n"
        "record('inertia', model.inertia_, data=digits)",
        parameters=f"seed: int = 42  # seed\nn_init: int = {given.size['starts']}  # starts",
    )
    return "stand-in for MNIST"


def _sweep(given: Given, *, jobs: int = 1, workers: int = 0) -> Callable[[], dict[str, object]]:
    """Sweep over seeds, so many at a time here, or on so many Dask workers."""
    out = given.fresh_folder() / "sweep"
    where = ("--scheduler", scheduler(given, workers)) if workers else ("-j", jobs)
    grid = f"seed=1..{given.size['trials']}"

    def work() -> dict[str, object]:
        notebooks = str(given.folder / "notebooks")
        call(program("mnistkit"), "sweep", "--grid", grid, *where, "--out", out, MNISTKIT_NOTEBOOKS=notebooks)
        return {
            path.parent.name: json.loads(path.read_text())["notebooks"]["01_small"]["records"][0]["value"]
            for path in sorted(out.glob("runs/*/results.json"))
        }

    return work


def scheduler(given: Given, workers: int) -> str:
    """Start a Dask scheduler with workers on loopback, until the measurement ends; give its address."""
    from distributed import LocalCluster

    options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    return given.stack.enter_context(LocalCluster(**options)).scheduler_address


def sweeping(name: str, ways: tuple[str, str], plain: dict[str, int], ours: dict[str, int]) -> Comparison:
    """Make the row that compares two places for the same sweep."""
    return Comparison(
        name,
        ways,
        _small_lesson,
        partial(_sweep, **plain),
        partial(_sweep, **ours),
        {"trials": 8, "starts": 10},
        {"trials": 4, "starts": 1},
        tolerance=1e-6,  # another number of threads, another order of sums
        pairs=1,
    )


BARE = partial(_start, (sys.executable, "-c", "pass"))
RUN = {"full": {"lessons": 2}, "quick": {"lessons": 1}}
ON_ONE_WORKER = "1 Dask worker"
ROWS = [
    *(
        Comparison(
            name, ("the bare interpreter", name), no_input, BARE, partial(_start, command), {}, {}, pairs=5
        )
        for name, command in (
            ("`import mnistkit`", (sys.executable, "-c", "import mnistkit")),
            ("`mnistkit --help`", (program("mnistkit"), "--help")),
            ("`mnistkit list`", (program("mnistkit"), "list")),
        )
    ),
    Comparison(
        "Keras with TensorFlow",
        ("`import keras`", "`import_keras()`"),
        no_input,
        partial(_start, (sys.executable, "-c", "import keras, tensorflow; tensorflow.constant(0)")),
        partial(
            _start,
            (sys.executable, "-c", "from mnistkit.utils.keras_backend import import_keras; import_keras()"),
        ),
        {},
        {},
        pairs=5,
    ),
    Comparison(
        "an empty notebook",
        ("`papermill`", "`mnistkit run`, with a report"),
        _empty_lesson,
        partial(_papermill, "notebooks"),
        _run_empty,
        {},
        {},
        summary=_figures,
    ),
    *(
        Comparison(
            f"lessons, {name}",
            ("`papermill`, one after the other", "`mnistkit run -j 1`, with a report"),
            _lessons,
            partial(_papermill, "prepared"),
            partial(_run, warm),
            **RUN,
            tolerance=1e-6,
            summary=_figures,
            pairs=1,
        )
        for name, warm in (("cold", False), ("again", True))
    ),
    Comparison(
        "report of a run",
        ("`jupyter nbconvert`", "`mnistkit report`"),
        _finished_run,
        _nbconvert,
        _report,
        **RUN,
        summary=_headings,
    ),
    sweeping("sweep, 2 jobs", ("`mnistkit sweep -j 1`", "`-j 2`"), {"jobs": 1}, {"jobs": 2}),
    sweeping("sweep, 1 Dask worker", ("`mnistkit sweep -j 1`", ON_ONE_WORKER), {"jobs": 1}, {"workers": 1}),
    sweeping("sweep, 2 Dask workers", (ON_ONE_WORKER, "2 workers"), {"workers": 1}, {"workers": 2}),
    sweeping("sweep, 4 Dask workers", (ON_ONE_WORKER, "4 workers"), {"workers": 1}, {"workers": 4}),
]
GROWTH = [
    Growth(
        ROWS[-4],
        "trials",
        (4, 8, 16),
        (2, 4, 8),
        "Each trial is a run of its own; the start of the command is shared.",
        only_ours=True,
    )
]
