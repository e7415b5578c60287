"""The examples in the docstrings of public functions run, and say what comes out."""

import doctest
import importlib
import inspect

import pytest

MODULES = ["mnistkit.clustering", "mnistkit.evaluation"]


@pytest.mark.parametrize("name", MODULES)
def test_each_public_function_has_an_example_that_runs(name):
    module = importlib.import_module(name)
    functions = [getattr(module, public) for public in module.__all__]
    functions = [function for function in functions if inspect.isfunction(function)]
    assert functions
    assert not [function.__name__ for function in functions if ">>>" not in (function.__doc__ or "")]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    finder = doctest.DocTestFinder()
    for function in functions:
        for test in finder.find(
            inspect.unwrap(function), function.__name__, module=module, globs=dict(vars(module))
        ):
            runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
