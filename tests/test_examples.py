"""The examples in the docstrings of public functions run, and say what comes out."""

import doctest
import importlib
import inspect

import matplotlib
import matplotlib.pyplot as plt
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
    assert failed_examples(module, public) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plots", "widgets"])
def test_the_examples_that_there_are_run_also_with_matplotlibs_own_settings(name):
    module = importlib.import_module(f"mnistkit.{name}")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        assert failed_examples(module, vars(module).values()) == 0
    plt.close("all")


def failed_examples(module, public):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    finder = doctest.DocTestFinder()
    for each in public:
        if not (inspect.isfunction(each) or inspect.isclass(each)):
            continue
        names = {**vars(inspect.getmodule(each)), **vars(module)}
        for test in finder.find(inspect.unwrap(each), each.__name__, module=module, globs=names):
            runner.run(test)
    return runner.summarize(verbose=False).failed
