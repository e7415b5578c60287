"""The skeleton of a lesson: a notebook that runs, and what stands beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from mnistkit.course.check_cells import CHECK_TAG, FOLDED
from mnistkit.course.lessons import KERNEL, notebook_text
from mnistkit.errors import UserError
from mnistkit.files import read_yaml, write_atomically
from mnistkit.records.lesson_facts import course_folder
from mnistkit.utils.extras import typed
from mnistkit.utils.yaml_text import load_yaml

_FOLDER = "notebooks"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([ _-]+[A-Za-z0-9]+)*")
_MOST = 99  # the highest number of two digits


def new_lesson(name: str, folder: Path | None = None) -> list[Path]:
    """Write the skeleton of a lesson into a course, which is made where there is none.

    Parameters
    ----------
    name : str
        What the lesson is about: ``edge detection``.
    folder : pathlib.Path, optional
        The course's folder ``notebooks``. Default: the one that is found here or above, else a new one here.

    Returns
    -------
    list of pathlib.Path
        What was written: the notebook and its YAML file, the presets, which get a section of it, and a
        ``.gitignore`` for a new course.

    Raises
    ------
    UserError
        If the name can't be one, there is such a lesson already, the folder has another name than all
        commands look for, its numbers are used up, or a preset can't be added to. Nothing is written then,
        and nothing ever overwritten.
    """
    folder = _folder(folder)
    if not _NAME.fullmatch(name):
        raise UserError(
            f"mnistkit new lesson {name!r}",
            found=repr(name),
            expected="letters and digits, the first a letter, with single words apart by spaces, - or _",
            todo="leave the number out, it is the next that is free; for example: edge_detection",
        )
    topic = re.sub(r"[ _-]+", "_", name).lower()
    number = _next_number(folder, topic)
    stem, words = f"{number:02}_{topic}", re.sub("[ _-]+", " ", name)
    texts: dict[Path, str | bytes] = {
        folder / f"{stem}.ipynb": _notebook(f"{number:02} · {words[0].upper()}{words[1:]}"),
        folder / f"{stem}.yaml": _FACTS,
    }
    presets = (folder / "presets" / f"{preset}.yaml" for preset in _PRESETS)
    texts |= {path: section for path in presets if (section := _with_lesson(path, stem))}
    ignored = folder.parent / ".gitignore"
    if not folder.exists() and not ignored.exists():
        texts[ignored] = _IGNORED
    for path, text in texts.items():
        write_atomically(path, text)
    return list(texts)


def _with_lesson(path: Path, stem: str) -> bytes:
    """Give a preset's file with a lesson's section at its end, as bytes: people's comments stay.

    Nothing where it has one already, or is no mapping: the run says what is wrong with it.
    """
    title, section = _PRESETS[path.stem]
    before = path.read_bytes() if path.exists() else title.encode()
    content = (read_yaml(path) if path.exists() else None) or {}
    if not isinstance(content, dict) or stem in content:
        return b""
    after = before + b"\n" * (not before.endswith(b"\n") and before != b"") + section.format(stem).encode()
    try:
        complete = set(load_yaml(after)) == {*content, stem}
    except yaml.YAMLError:
        complete = False
    if not complete:
        raise UserError(
            path,
            found="a file at whose end no lesson can be added",
            expected="the lessons one below the other, each name at the beginning of its line",
            todo="write it so, then try again",
        )
    return after


def _folder(given: Path | None) -> Path:
    if given is None:
        found, here = course_folder(), Path.cwd()
        at_home = found is not None and found.parent in (here, *here.parents)
        return found if found is not None and at_home else here / _FOLDER
    folder = given.resolve()
    if folder.name != _FOLDER:
        raise UserError(
            given,
            found=f"a folder named {folder.name!r}",
            expected=f"the name {_FOLDER!r}, by which all commands find a course from the folder above it",
            todo=f"--notebooks {typed(folder / _FOLDER)}",
        )
    return folder


def _next_number(folder: Path, topic: str) -> int:
    """Find the number after the highest in use, of notebooks and of what stands beside them."""
    names = sorted(path.stem for path in folder.glob("[0-9][0-9]_*") if path.suffix in (".ipynb", ".yaml"))
    if same := [name for name in names if name[3:].lower() == topic]:
        raise UserError(
            folder,
            found=f"the lesson {same[0]}",
            expected="a name that no lesson has yet",
            todo="choose another name",
        )
    number = int(names[-1][:2]) + 1 if names else 1
    if number > _MOST:
        raise UserError(folder, found=names[-1], expected=f"a number below {_MOST} to be the last")
    return number


def _notebook(title: str) -> str:
    cells = [
        markdown_cell("title", _TITLE.format(title=title)),
        code_cell("parameters", _PARAMETERS, tags=["parameters"]),
        code_cell("setup", _SETUP),
        markdown_cell("classes-question", _CLASSES_QUESTION),
        code_cell("classes-prediction", _PREDICTION),
        code_cell("classes", _CLASSES),
        code_cell("look", _LOOK, tags=["thumbnail"]),
        code_cell("classes-finding", _FINDING),
        code_cell("classes-record", _RECORD, tags=[CHECK_TAG], **FOLDED),
        markdown_cell("exercise-mean-text", _EXERCISE),
        code_cell("exercise-mean", _SOLUTION, nbgrader=exercise_mark("exercise-mean", solution=True)),
        code_cell("exercise-mean-check", _CHECK, nbgrader=exercise_mark("exercise-mean-check", points=2)),
        markdown_cell("conclusion", "## In five sentences"),
        code_cell("five-sentences", _SENTENCES),
        markdown_cell("further", "## Going further"),
        code_cell("further-test-part", _FURTHER),
        code_cell("summary", "summary()"),
    ]
    notebook = {"cells": cells, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}
    return notebook_text(notebook)


def markdown_cell(identity: str, source: str, **metadata: Any) -> dict[str, Any]:
    """Make a cell of text, as a notebook's JSON has it."""
    return {
        "cell_type": "markdown",
        "id": identity,
        "metadata": metadata,
        "source": source.splitlines(keepends=True),
    }


def code_cell(identity: str, source: str, **metadata: Any) -> dict[str, Any]:
    """Make a cell of code, as a notebook's JSON has it."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identity,
        "metadata": metadata,
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def exercise_mark(identity: str, *, solution: bool = False, points: int = 0) -> dict[str, Any]:
    """Make nbgrader's metadata of a cell: one that students write, one with points, or both at once."""
    return {
        "grade": points > 0,
        "grade_id": identity,
        "locked": not solution,
        **({"points": points} if points else {}),
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }


_TITLE = """\
# {title}

**The question.** What do we want to know, and why? Say it in two sentences: the start page shows the first
question, and the last cell of the lesson answers it.

| section | minutes |
|---|---|
| **Part A** | 45 |
| 1 · Are all classes equally common? | 45 |
| **Part B** | 45 |
| In five sentences | 45 |

**Time and memory** (preset lab, real data, 2 cores): measure it with `mnistkit run`, and say it here."""

_PARAMETERS = """\
data: str = "auto"  # where to load from: auto, bundled, download, or a folder
seed: int = 42  # seed of every random choice (0 to 2,000,000,000)
n_train: int = 1_000  # training images (at least 100)
further: bool = False  # run the part "Going further" too"""

_SETUP = """\
import numpy as np

from mnistkit import plots
from mnistkit.data import load, subset
from mnistkit.lesson import check, finding, in_five_sentences, predict
from mnistkit.records import record, show_data, summary

plots.use_style()
whole = load("mnist", data)
ds = subset(whole, min(n_train, len(whole.x_train)), seed=seed)
show_data(ds)"""

_CLASSES_QUESTION = """\
## 1 · Are all classes equally common?

A section asks a question. Students predict the answer, see the method, and read what their own run shows. The
exercise at its end belongs to it."""

_PREDICTION = """\
guess = predict("The largest class of ten: which share of the images has it?", ["under 15 %", "15 % or more"])
guess"""

_CLASSES = """\
counts = np.bincount(ds.y_train, minlength=len(ds.class_names))
largest_share = counts.max() / counts.sum()"""

_LOOK = """\
classes = np.unique(ds.y_train)
first = [int(np.flatnonzero(ds.y_train == label)[0]) for label in classes]
names = [ds.class_names[label] for label in classes]
plots.show(plots.image_grid(ds.x_train[first], names, columns=5, title="One image of each class"))"""

_FINDING = """\
finding(
    f"The largest class has {largest_share:.0%} of the images.",
    prediction=guess,
    answer="under 15 %" if largest_share < 0.15 else "15 % or more",
)"""

_RECORD = """\
record("largest_class_share", largest_share, data=ds)
check(largest_share < 0.5, f"no class has half of the images: the largest has {largest_share:.0%}")"""

_EXERCISE = """\
### Exercise 1 · How bright is an image?

Write `mean_grey(images)`. `images` is an array of the shape (images, height, width). Return the mean grey
value of each image, as an array with one number an image. The cell after it checks it; your teacher's copy
checks a little more.

<details><summary>Hint</summary>

`mean` takes several axes at once.

</details>"""

_SOLUTION = '''\
def mean_grey(images):
    """Return the mean grey value of each image."""
    ### BEGIN SOLUTION
    return np.asarray(images).mean(axis=(1, 2))
    ### END SOLUTION'''

_CHECK = """\
black_and_white = np.stack([np.zeros((2, 2)), np.full((2, 2), 255)])
assert np.allclose(mean_grey(black_and_white), [0, 255]), "a black image and a white one"
### BEGIN HIDDEN TESTS
steps = np.arange(24.0).reshape(2, 3, 4)
assert np.allclose(mean_grey(steps), [5.5, 17.5]), "images that are not square"
### END HIDDEN TESTS"""

_SENTENCES = """\
in_five_sentences(
    f"Here the answer to the question in the title, with its uncertainty: {largest_share:.0%}.",
    "What surprised us.",
    "What it depends on.",
    "What it can't tell.",
    "What comes next.",
)"""

_FURTHER = """\
if further:
    test_counts = np.bincount(ds.y_test, minlength=len(ds.class_names))
    assert test_counts.min() > 0, "a class without any test image"
    record("largest_class_share_test", test_counts.max() / test_counts.sum(), data=ds)"""

_FACTS = """\
# What the course knows of this lesson besides the notebook. Every section may be left out.

# Figures of other people's reports, under the names of the records that reproduce them. A figure is one draw,
# as a run's is: the tolerance says how far apart two may lie and still be the same. Better: higher, lower, or
# equal.
references: []
#  - name: largest_class_share
#    report: R1
#    what: "MNIST: share of the largest class in the training images"
#    value: 0.1124
#    tolerance: 0.005
#    better: equal

# What it should take with each preset, kernel start included: a run says so where it takes more.
budgets:
  smoke: {seconds: 120, memory_mb: 1000}
  lab: {seconds: 360, memory_mb: 1500}

# Parameters of which each student can get numbers of his own (mnistkit assignment release --personal).
personal: [seed]

# What students typically write: each must lose its points.
wrong_answers:
  exercise-mean:
    one number for all images: |
      return np.asarray(images).mean()

# Solutions in another style than yours: each must get its points.
right_answers:
  exercise-mean:
    one image at a time: |
      return [image.mean() for image in images]
"""

_PRESETS = {
    "smoke": (
        "# What the preset smoke (a minute, on stand-ins) changes of the lessons' parameters.\n",
        "{}:\n  data: bundled\n  further: true\n  n_train: 200\n",
    ),
    "full": (
        "# What the preset full (as large as it is ever wanted) changes of the lessons' parameters.\n",
        "{}:\n  further: true\n  n_train: 60000\n",
    ),
}
"""By preset: how its file begins, and a lesson's section."""

_IGNORED = """\
# Students' work and grades, copies of the lessons, and results: none of it belongs into a repository.
/course/
/work/
runs/
build/
.ipynb_checkpoints/
"""
