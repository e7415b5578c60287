"""The examples in the docstrings of public functions run, and say what comes out."""

import doctest
import importlib
import inspect

import pytest
from IPython.core.interactiveshell import InteractiveShell

from mnistkit import records

MODULES = ["activations", "clustering", "data", "embedding", "evaluation", "lesson", "records", "training"]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_each_public_function_has_an_example_that_runs(name, monkeypatch):
    InteractiveShell.instance()  # with which `display` shows the text, as in a notebook
    monkeypatch.setattr(records, "_recorded", {})
    module = importlib.import_module(f"mnistkit.{name}")
    public = [getattr(module, each) for each in module.__all__]
    functions = [each for each in public if inspect.isfunction(each)]
    assert functions
    assert not [function.__name__ for function in functions if ">>>" not in (function.__doc__ or "")]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    finder = doctest.DocTestFinder()
    for each in public:
        if not (inspect.isfunction(each) or inspect.isclass(each)):
            continue
        for test in finder.find(inspect.unwrap(each), each.__name__, module=module, globs=dict(vars(module))):
            runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
