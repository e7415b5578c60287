"""A plugin for pytest with nbval: a lesson that takes a data set is executed, strictly, with another than its own.

What it shows then speaks of that data set alone; with their own, the smoke run executes the lessons.
"""

import re

import pytest
from course_helpers import sentences

from mnistkit.course.lessons import Lesson
from mnistkit.course.parameters import read_schema
from mnistkit.records import DATA_MIME, RECORD_MIME

OTHER = {"mnist": "fashion-mnist", "digit-recognizer": "fashion-mnist", "fashion-mnist": "mnist"}
OF_ITS_OWN = {"mnist": r"\bclothes|garment|Ankle boot", "fashion-mnist": r"\bdigits?\b"}
COMPARES_BOTH = "01_explore_the_data.ipynb"


def pytest_collection_modifyitems(items):
    """Set the parameter; the claims of these lessons hold at the least sizes too."""
    notebooks = {item.parent: item for item in items}  # with the last cell of each
    for notebook, last_cell in notebooks.items():
        schema = read_schema(Lesson(notebook.path)).values()
        own = next((parameter.default for parameter in schema if parameter.is_dataset), None)
        takes_another = own and notebook.path.name != COMPARES_BOTH
        notebook.other_data = OTHER[own] if takes_another else None
        notebook.last_cell, notebook.said, notebook.loaded = last_cell, "", []
    for item in items:
        if item.parent.other_data and "injected-parameters" in item.cell.metadata.get("tags", ()):
            strictly = "import os\nos.environ['MNISTKIT_STRICT'] = '1'"
            item.cell.source = f"{item.cell.source}\ndataset = {item.parent.other_data!r}\n{strictly}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a cell that shows what is of the lesson's own data set, and the last one if no class was named."""
    result = yield
    if other := item.parent.other_data:
        for output in item.test_outputs:
            if data := output.get("data", {}).get(DATA_MIME):
                item.parent.loaded.append((data["name"], data["is_standin"]))
            if record := output.get("data", {}).get(RECORD_MIME):
                assert record["dataset"] == other
                of_data = record["reference"] is not None and "parameters" not in record["name"]
                assert not of_data or other in record["differs"]
            item.parent.said += sentences(output)
            assert not re.search(OF_ITS_OWN[other], sentences(output)), sentences(output)
        if item is item.parent.last_cell:
            assert ("Ankle boot" in item.parent.said) == (other == "fashion-mnist")
            assert item.parent.loaded[0] == (other, True)
    return result
