"""Small courses made for the tests of the runner and the report."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mnistkit.course.lessons import Lesson, find, find_folder
from mnistkit.course.parameters import read_preset, read_schema
from mnistkit.course.running.execute import Task

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
PARAMETERS = 'seed: int = 42  # random seed\nk_max: int = 5  # largest k\nrate: float = 0.5  # step\nname: str = "a"  # a text\nfurther: bool = False  # more'


def write_lesson(folder: Path, name: str, *cells: str, parameters: str = PARAMETERS) -> Path:
    """Write a notebook with a title, a parameters cell and code cells; give its path."""
    notebook = new_notebook(metadata={"kernelspec": KERNEL})
    notebook.cells = [
        new_markdown_cell(f"# Title of {name}"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        *(new_code_cell(cell) for cell in cells),
    ]
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def lesson_that_breaks_its_run(out: Path) -> str:
    """Make a cell with which the run of seed 0 can't write its results any more; others are as usual."""
    results = out / "runs" / "seed=0" / "results.json"
    return f"""
from pathlib import Path
if seed == 0:
    Path({str(results)!r}).unlink()
    Path({str(results)!r}).mkdir()
"""


def write_course(home: Path, **presets: str) -> Path:
    """Make an empty course folder with presets; give it."""
    folder = home / "notebooks"
    (folder / "presets").mkdir(parents=True)
    for preset in ("smoke", "full"):
        (folder / "presets" / f"{preset}.yaml").write_text(presets.get(preset, ""))
    return folder


def least_sizes(lesson: Lesson) -> dict[str, object]:
    """Give what the preset "smoke" sets the least value that the lesson allows; of a batch that is more work."""
    folder, schema = lesson.path.parent, read_schema(lesson)
    sizes = read_preset(folder, "smoke", find(folder)).get(lesson.name, {})
    least = {name: schema[name].least for name in sizes if name != "batch_size"}
    return {name: value for name, value in least.items() if value is not None}


def with_least_sizes(folder: Path, name: str) -> Path:
    """Make a lesson small, in a copy of the course that is given: what it allows at least becomes its default."""
    copy = Path(shutil.copytree(find_folder(), folder / "notebooks"))
    path = copy / f"{name}.ipynb"
    set_parameters(path, least_sizes(Lesson(path)))
    return copy


def set_parameters(path: Path, values: Mapping[str, object]) -> None:
    """Give parameters of a notebook other defaults."""
    notebook = nbformat.read(path, 4)
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    for name, value in values.items():
        default = rf"(?m)^({name}: \w+ = ).*?(?=  #|$)"
        cell.source, count = re.subn(default, lambda line, value=value: f"{line[1]}{value!r}", cell.source)
        assert count == 1, name
    nbformat.write(notebook, path)


def sentences(output: Mapping[str, Any]) -> str:
    """Give what a student reads in an output: a finding, an answer to a prediction, the title of a figure."""
    alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
    return f"{output.get('data', {}).get('text/markdown', '')}\n{alt}\n"


def task_of(path: Path, tmp_path: Path, **changes: object) -> Task:
    """Make a notebook into a task that writes to the folder ``out``."""
    values = {
        "notebook": Lesson(path).text,
        "output": str(tmp_path / "out" / path.name),
        "parameters": {},
        "env": dict(os.environ),
        "cell_seconds": 60.0,
        **changes,
    }
    return Task(**values)
