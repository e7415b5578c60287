"""The pages that students read beside the lessons, and the links to them."""

import re
from pathlib import Path

import nbformat
import pytest
from course_helpers import task_of

import mnistkit
from mnistkit.course.lessons import find, find_folder
from mnistkit.course.running.execute import execute
from mnistkit.course.start_page import COURSE_PAGES
from mnistkit.data import load

HOME = Path(mnistkit.__file__).parents[1]
LESSONS = find(find_folder())
PAGES = [HOME / "docs" / name for name in COURSE_PAGES if name.endswith(".md")]


def anchors(page):
    """What JupyterLab calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    assert len(headings) == len(set(headings)), "two headings of one name"
    return {heading.strip().replace(" ", "-") for heading in headings}


def assert_links_lead_somewhere(text, folder):
    for target, fragment in re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#([^)\s]+))?\)", text):
        path = folder / target
        assert path.exists(), target
        if fragment and path.suffix == ".md":
            assert fragment in anchors(path), f"{target}#{fragment}"


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])
def test_a_lesson_links_to_pages_and_words_that_are_there(lesson):
    for cell in lesson.cells:
        if cell.kind == "markdown":
            assert_links_lead_somewhere(cell.source, lesson.path.parent)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_page_links_to_what_lies_beside_it(page):
    """Students get copies of these pages only: a link to anything else would be dead there."""
    assert_links_lead_somewhere(page.read_text(), page.parent)
    targets = set(re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()))
    assert targets <= set(COURSE_PAGES)


def test_the_lines_that_a_student_should_be_able_to_read_say_what_they_do():
    """Each line runs, and where the right column has a value in code first, it is that."""
    import numpy as np

    text = (HOME / "docs" / "before-you-start.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (?:`([^`]+)`)?", text, re.M)
    assert len(rows) == 20
    names = {"scores": np.array([0.1, 0.7]), "seed": 1, "share": 0.125, "n": 1000}
    for line, _ in rows:
        exec(f"{line} pass" if line.endswith(":") else line, names)
    for line, said in rows:
        if said and line.startswith(("f", "images.shape")) and "=" not in line:
            assert str(eval(line, names)) == said, line
        elif said and said.startswith("["):
            assert eval(line, names).tolist() == eval(said), line


@pytest.mark.slow
def test_the_page_to_draw_on_runs_and_reads_its_example(tmp_path):
    (tmp_path / "out").mkdir()
    task = task_of(HOME / "docs" / "draw-a-digit.ipynb", tmp_path)
    assert execute(task).status == "completed"
    _, cell = (c for c in nbformat.read(task.output, as_version=4).cells if c.cell_type == "code")
    words = cell.outputs[-1].metadata["image/png"]["alt"]
    assert f"centred: {load('mnist', 'bundled').y_test[0]} (" in words
