"""A plugin for pytest with nbval: lessons are executed as students get them, without the solutions.

The checks of the exercises must notice that the work is missing, and nothing else may fail or print warnings.
Each size is the least that the lesson allows. With the solutions, and with sizes that show what a lesson
claims, the same lessons are executed by the smoke run.
"""

import pytest
from course_helpers import least_sizes
from nbgrader.preprocessors import ClearSolutions
from nbval.plugin import IPyNbCell

from mnistkit.course.lessons import find, find_folder


def _is_check(item):
    return bool(item.cell.metadata.get("nbgrader", {}).get("grade"))


def pytest_collection_modifyitems(items):
    """Clear the solutions in the cells that are executed; an error of a check does not end its cell."""
    cells = [item for item in items if isinstance(item, IPyNbCell)]
    sizes = {lesson.path.name: least_sizes(lesson) for lesson in find(find_folder())}
    for notebook in {item.parent for item in cells}:
        ClearSolutions().preprocess(notebook.nb, {})
    for item in cells:
        if "injected-parameters" in item.cell.metadata.get("tags", ()):
            least = [f"{name} = {value!r}" for name, value in sizes.get(item.path.name, {}).items()]
            item.cell.source = "\n".join([item.cell.source, *least])
        item.options["check_exception"] = _is_check(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a check that passes on an untouched exercise, and a cell that prints what libraries warn of."""
    result = yield
    if isinstance(item, IPyNbCell):
        failed = any(output.output_type == "error" for output in item.test_outputs)
        assert failed == _is_check(item), "the check passes though nothing was done"
        printed = [output.text for output in item.test_outputs if output.get("name") == "stderr"]
        assert not printed, printed
    return result
