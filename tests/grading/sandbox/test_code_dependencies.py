"""Which statements of a notebook some names need."""

import pytest

from mnistkit.grading.sandbox.code_dependencies import needed, units


def sliced(wanted, *cells, whole=(), always=()):
    """Give the needed text of cells at the end of a notebook, and the slice."""
    parts = [unit for i, cell in enumerate(cells) for unit in units(cell, whole=i in whole)]
    found = needed(parts, {len(parts): frozenset(wanted.split())}, always=always)
    return "\n".join(parts[i].source for i in found.chosen), found


@pytest.mark.parametrize(
    ("wanted", "cell", "expected"),
    [
        ("a", "a = 1\nb = 2", "a = 1"),
        ("c", "a = 1\nb = 2\nc = a + 1", "a = 1\nc = a + 1"),
        ("a", "a = 1\na = 2", "a = 2"),
        ("a", "a = 1\na += 2", "a = 1\na += 2"),
        ("a", "a = []\na.append(b)\nb = 1", "a = []\na.append(b)"),
        ("a", "a = {}\na['x'] = 1\nprint(a)", "a = {}\na['x'] = 1"),
        ("a", "a = f()\na.b.c = 1", "a = f()\na.b.c = 1"),
        ("a", "a = f()\nb = Model(a).fit(c).score(c)\nb = Other(a).run(c)", "a = f()\nb = Other(a).run(c)"),
        ("a", "a = f()\nb = c.fit(a).score(a)\nb = c.predict(a)\nb = d.mix(a).run(1)", "a = f()\nb = d.mix(a).run(1)"),
        ("a", "a = f()\nplots.show(a)\nwidgets.explorer(a, 1)\nrecord('x', a[0])\nfitted.show(a)", "a = f()\nfitted.show(a)"),
        ("a", "def record(x): x.pop()\na = f()\nrecord(a)", "def record(x): x.pop()\na = f()\nrecord(a)"),
        ("a", "a = f()\nb = a.fit(c)\nb = a.predict(c)\nb = a.get_layer('x')", "a = f()\nb = a.fit(c)"),
        ("a", "a = f()\na.part(1).set(b)\na.parts[2].get", "a = f()\na.part(1).set(b)"),
        ("a", "import b\na = f()\nb.part.mix(a, 1)", "import b\na = f()\nb.part.mix(a, 1)"),
        ("b", "import b\na = f()\nb.part.mix(a, 1)\nshow(b.part(a), a)", "import b"),
        ("a", "a = [2, 1]\nshuffle(a)", "a = [2, 1]\nshuffle(a)"),
        ("a", "a = 1\nif x:\n    a = 2", "a = 1\nif x:\n    a = 2"),
        ("a", "a = 1\nfor i in []:\n    a = i", "a = 1\nfor i in []:\n    a = i"),
        ("i", "for i in range(3):\n    pass", "for i in range(3):\n    pass"),
        ("np", "import numpy as np, os\nimport re", "import numpy as np"),
        ("b", "from .x import a, b, c as d\na = b", "from .x import b"),
        ("a", "print(a)\na = 1\nprint(a)\nb = print", "a = 1"),
        ("a", "x = slow()\nfor x, y in b:\n    a = x + y\nb = 1", "for x, y in b:\n    a = x + y"),
        ("a", "x = slow()\nwith f() as x:\n    c = x\n    a = c\nc = 1", "with f() as x:\n    c = x\n    a = c"),
        ("a", "x = 1\nfor i in b:\n    if i:\n        x = 2\n    a = x", "x = 1\nfor i in b:\n    if i:\n        x = 2\n    a = x"),
        ("a", "x = 1\nfor i in b:\n    a = x\n    x = i", "x = 1\nfor i in b:\n    a = x\n    x = i"),
        ("os", "import os.path", "import os.path"),
        ("b", "from x import a as b\nfrom x import a", "from x import a as b"),
        ("f", "def f(x):\n    return g(x)\ndef g(x):\n    return x\nh = 1", "def f(x):\n    return g(x)\ndef g(x):\n    return x"),
        ("f", "x = 1\ndef f(x):\n    return x", "def f(x):\n    return x"),
        ("f", "d = 1\ndef f(x=d):\n    return x", "d = 1\ndef f(x=d):\n    return x"),
        ("f", "d = 1\n@d\ndef f(): pass", "d = 1\n@d\ndef f(): pass"),
        ("f", "d = 1\nf = lambda x: x + d", "d = 1\nf = lambda x: x + d"),
        ("C", "d = 1\nclass C:\n    e = d\n    def m(self): return g\ng = 2", "d = 1\nclass C:\n    e = d\n    def m(self): return g\ng = 2"),
        ("a", "x = 9\na = [x for x in b]\nb = 1", "a = [x for x in b]"),
        ("a", "b = [1]\na = [x for x in b]", "b = [1]\na = [x for x in b]"),
        ("a", "(a, b), *c = 1, 2", "(a, b), *c = 1, 2"),
        ("a", "print(a := 3)", "print(a := 3)"),
        ("a", "with f() as a:\n    pass", "with f() as a:\n    pass"),
        ("a", "match 1:\n    case a:\n        pass", "match 1:\n    case a:\n        pass"),
        ("a", "a = 1; b = 2", "a = 1"),
        ("a", "a = 1\nassert b\nraise ValueError", "a = 1"),
        ("a", "a = [1]\nlast = a.pop()\nn = a.count(1)", "a = [1]\nlast = a.pop()"),
        ("a", "a = [1]\nif a.pop(): pass\nn = len(a)", "a = [1]\nif a.pop(): pass"),
        ("a", "a = f()\na.drop('x', inplace=True)\na.drop('y')", "a = f()\na.drop('x', inplace=True)"),
        ("a", "a = f()\nb = a.sort_values(inplace=True)\nb = a.max()", "a = f()\nb = a.sort_values(inplace=True)"),
        ("a", "a = f()\nsetattr(a, 'x', 1)\ngetattr(a, 'x')", "a = f()\nsetattr(a, 'x', 1)"),
        ("a", "a = f()\nvars(a)['x'] = 1\nvars(a)['x']", "a = f()\nvars(a)['x'] = 1"),
        ("a", "a = iter(b)\nfirst = next(a)", "a = iter(b)\nfirst = next(a)"),
        ("a", "a = f()\nx = [a.pop() for _ in b]\ny = [a[0] for _ in b]", "a = f()\nx = [a.pop() for _ in b]"),
        ("a", "import numpy as np\na = f()\nc = np.add(1, 2, out=a)", "import numpy as np\na = f()\nc = np.add(1, 2, out=a)"),
        ("b", "a = rng()\nx = a.normal()\nb = a.normal()", "a = rng()\nx = a.normal()\nb = a.normal()"),
        ("b", "import random\nrandom.seed(3)\nx = random.random()\nb = random.choice(c)\ny = random.random()",
         "import random\nrandom.seed(3)\nx = random.random()\nb = random.choice(c)"),
        ("b", "import numpy as np\nnp.random.seed(0)\nc = np.random.default_rng(0)\nb = np.random.rand()",
         "import numpy as np\nnp.random.seed(0)\nb = np.random.rand()"),
        ("b", "from random import seed, random\nseed(0)\nb = random()", "from random import seed\nfrom random import random\nseed(0)\nb = random()"),
        ("b", "import numpy as np\nnp.random.seed(0)\nb = 1", "b = 1"),
        ("f", "import numpy as np\nnp.random.seed(0)\ndef f(): return np.random.rand()", "import numpy as np\nnp.random.seed(0)\ndef f(): return np.random.rand()"),
        ("f", "import sys\nsys.setrecursionlimit(9)\ndef f(): pass", "import sys\nsys.setrecursionlimit(9)\ndef f(): pass"),
        ("f", "import numpy as np\nnp.seterr(all='raise')\nnp.ones(3)\ndef f(): return np", "import numpy as np\nnp.seterr(all='raise')\ndef f(): return np"),
        ("f", "import numpy as np\nnp.seterr(all='raise')\ndef f(): pass", "def f(): pass"),
        ("a", "def take(x): return x.pop()\ndef see(x): return x[0]\na = [1]\nb = take(a)\nb = see(a)",
         "def take(x): return x.pop()\na = [1]\nb = take(a)"),
        ("a", "a = []\ndef note(x): a.append(x)\nb = note(3)\nc = len([note])", "a = []\ndef note(x): a.append(x)\nb = note(3)"),
        ("k", "k = import_k()\nx = k.layers.Dense(3)\ny = k.ops.sum(x)\nk.part.clear()", "k = import_k()"),
    ],
)  # fmt: skip
def test_statements_that_a_name_needs(wanted, cell, expected):
    assert sliced(wanted, cell)[0] == expected


def test_a_cell_of_the_student_is_run_whole_or_not_at_all():
    cells = ("b = 1", "import sys\nsys.setrecursionlimit(5000)\na = b", "c = 1")
    assert sliced("a", *cells, whole=(1, 2))[0] == "b = 1\nimport sys\nsys.setrecursionlimit(5000)\na = b"


def test_what_a_whole_cell_binds_itself_it_does_not_need():
    assert sliced("a", "b = slow()", "b = 1\na = b", whole=(1,))[0] == "b = 1\na = b"


def test_in_a_cell_of_the_student_any_function_may_change_what_it_gets():
    cells = ("a = [1]", "b = other.take(a)", "print(len(a))\nb = a[0]")
    assert sliced("a", *cells)[0] == "a = [1]"
    assert sliced("a", *cells, whole=(1, 2))[0] == "a = [1]\nb = other.take(a)"


def test_a_function_of_pythons_own_does_not_change_as_it_gives_an_argument():
    cells = ("a = [1]", "b = other.take(len(a))", "print(len(a))")
    assert sliced("a len", *cells, whole=(1,))[0] == "a = [1]"
    assert sliced("a len", "len = [1]", *cells, whole=(2,))[0] == "len = [1]\na = [1]\nb = other.take(len(a))"


@pytest.mark.parametrize("seed", ["seed = 1", "seed: int = 1", "seed = 'x'", "seed = other = None\nseed = 2"])
def test_numbers_and_texts_do_not_change_whoever_gets_them(seed):
    assert sliced("seed", seed, "b = other.take(seed)\ntake(seed)", whole=(0, 1))[0] == seed


@pytest.mark.parametrize(
    "seed",
    ["seed = [1]", "seed = 1\nseed = [seed]", "a, *seed = 'xy'", "seed = 1\nfor seed in b: pass", "seed: list\nseed = f()"],
)  # fmt: skip
def test_what_is_not_always_a_number_or_a_text_may_change(seed):
    text = sliced("seed", seed, "take(seed)", whole=(0, 1))[0]
    assert text == f"{seed}\ntake(seed)"
    assert sliced("seed", "seed = 1", "exec('seed = [1]')", "take(seed)")[0].endswith("take(seed)")


def test_what_comes_after_the_question_does_not_count():
    parts = [unit for cell in ("a = 1", "a = 2", "b = a") for unit in units(cell, whole=True)]
    assert needed(parts, {1: frozenset({"a"})}).chosen == (0,)
    assert needed(parts, {1: frozenset({"a"}), 3: frozenset({"b"})}).chosen == (0, 1, 2)


def test_missing_names_are_told_but_builtins_are_not():
    assert sliced("f", "def f(x):\n    y = len(x)\n    return nowhere + y")[1].missing == {"nowhere"}


@pytest.mark.parametrize(
    "cell",
    ["exec('a = 1')", "globals()['a'] = 1", "from x import *", "get_ipython().run_line_magic('run', 'a.py')",
     "def f():\n    global a\n    a = 1\nf()"],
)  # fmt: skip
def test_a_notebook_may_bind_names_that_its_text_does_not_show(cell):
    assert sliced("a", cell)[1].opaque
    assert not sliced("a", "a = 1")[1].opaque


@pytest.mark.parametrize(
    "cell", ["def broken(:", "x = '\0'", "(" * 5000, "- " * 100_000 + "1", "a" + ".a" * 100_000]
)
def test_what_is_not_python_is_one_unit_that_binds_nothing(cell):
    (unit,) = units(cell, whole=False)
    assert unit.source == cell
    assert not unit.binds


def test_units_that_are_always_taken_bring_what_they_need():
    assert sliced("", "a = 1", "b = 2", "print(b)", always=[2])[0] == "b = 2\nprint(b)"
