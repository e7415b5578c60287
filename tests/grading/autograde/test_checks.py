"""Points: what is earned is given, and nothing else, whatever a submission does."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sandbox_helpers import (
    LIMITS,
    POINTS,
    SOLVED,
    cell,
    hand_in,
    instructor_cells,
    make_sandbox,
    notebook,
    student_cells,
)

from mnistkit.errors import UserError
from mnistkit.grading import submission as cells_module
from mnistkit.grading.autograde import checks
from mnistkit.grading.autograde.checks import check_submission
from mnistkit.grading.autograde.reference_solution import prepare
from mnistkit.grading.sandbox.bwrap import Sandbox, SandboxFailure, Strayed
from mnistkit.grading.submission import read_notebook

pytestmark = pytest.mark.slow

STUB = "def {name}(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


@pytest.fixture(scope="module")
def sandbox():
    return make_sandbox()


@pytest.fixture(scope="module")
def harmless(warm):
    """Give processes for answers that do nothing but answer: what they are worth does not depend on walls."""
    return replace(warm, limits=LIMITS)


@pytest.fixture(scope="module")
def instructor():
    return prepare(notebook(instructor_cells()), {"n": 4})


@pytest.fixture
def graded(instructor, sandbox, tmp_path):
    """Grade cells, or the text of a file."""

    def grade(cells):
        return check_submission(instructor, hand_in(tmp_path, cells), sandbox)

    return grade


@pytest.fixture
def marked(instructor, harmless, tmp_path):
    """Grade cells that do nothing but answer."""

    def grade(cells):
        return check_submission(instructor, hand_in(tmp_path, cells), harmless)

    return grade


def points(result):
    return {mark.grade_id.removesuffix("-check"): mark.points for mark in result.marks}


def test_an_instructor_gets_every_point_and_the_rest_of_the_lesson_is_not_run(graded):
    for cells in (student_cells(), instructor_cells()):
        result = graded(cells)
        assert points(result) == POINTS
        assert result.points == 6
        assert result.warnings == ()
        assert not any(mark.reason for mark in result.marks)


def test_an_untouched_release_gets_nothing_and_is_not_odd(graded):
    result = graded(
        student_cells(
            **{name: STUB.format(name=name) for name in ("double", "total")},
            answer="# YOUR CODE HERE\nraise NotImplementedError()",
        )
    )
    assert result.points == 0
    assert [mark.reason for mark in result.marks[:2]] == ["not solved yet"] * 2
    assert result.marks[2].reason == "answer raised NameError: name 'answer' is not defined"


WRONG = {
    "double": [
        "def double(x):\n    return x + x",
        "def double(x):\n    return np.array([2, 4])",
        "def double(x):\n    x = np.asarray(x)\n    x *= 2\n    return x",
        "def double(x):\n    return np.empty((0, 1))",
        "def double(x):\n    return []",
        "def double(x):\n    return x",
        "def double(y):\n    return 2 * np.asarray(x)",
        "def double():\n    return 3",
        "double = 3",
        "import missing_library",
        "def double(x):\n  return 1\n return 2",
    ],
    "total": [
        "def total(x):\n    return int(sum(x))",
        "def total(x):\n    return 3.0",
        "def total(x):\n    return np.float64(sum(x)) if len(x) == 2 else 0",
        "def total(numbers):\n    return float(sum(numbers))",
        "def total(x):\n    return sum(x)",
        "def total(x):\n    return [float(sum(x))]",
        "def total(x):\n    return str(float(sum(x)))",
        "def total(x):\n    return None",
    ],
    "answer": ["answer = 4", "answer = None", "answer = '3'"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "source"), [(name, source) for name in WRONG for source in WRONG[name]])
def test_a_wrong_answer_gets_no_point_and_costs_no_other_exercise_any(marked, name, source):
    result = marked(student_cells(**{name: source}))
    assert points(result) == POINTS | {name: 0}
    (mark,) = [mark for mark in result.marks if not mark.points]
    assert mark.reason
    assert "SECRET" not in str(result)


def test_reasons_of_visible_checks_are_shown_and_those_of_hidden_ones_are_not(marked):
    shown, hidden, raised = (
        marked(student_cells(total=f"def total(x):\n    {body}")).marks[1]
        for body in ("return 4", "return 3.0", "return float(sum(x)) if len(x) < 3 else 1 / 0")
    )
    assert (shown.reason, shown.hidden) == ("1 + 2 is 3", False)
    assert (hidden.reason, hidden.hidden) == ("hidden check 1 of 2 failed: a longer list", True)
    assert (raised.reason, raised.hidden) == (hidden.reason, True)


EVERYTHING = "    def __eq__(self, other): return True\n    def __sub__(self, other): return self\n    def __array__(self, *a, **k): return np.array(0.)\n    def __abs__(self): return self\n    def __le__(self, other): return True\n"
ATTACKS = {
    "equals everything": f"class Trick:\n{EVERYTHING}def total(x): return Trick()",
    "a float that equals everything": f"class Trick(float):\n{EVERYTHING}def total(x): return Trick()",
    "an array that equals everything": f"class Trick(np.ndarray):\n{EVERYTHING}def total(x): return np.zeros(1).view(Trick)",
    "a class that says it is float": f"class Trick:\n{EVERYTHING}    __class__ = float\ndef total(x): return Trick()",
    "a metaclass": "class Meta(type):\n    def __eq__(self, other): return True\n    __hash__ = None\nclass Trick(metaclass=Meta): pass\ndef total(x): return Trick()",
    "asserts taken out": "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\nget_ipython().ast_transformers.append(Drop())\ndef total(x): return 0",
    "no traceback": "get_ipython().showtraceback = lambda *a, **k: None\nget_ipython().run_cell = lambda *a, **k: type('R', (), {'error_in_exec': None, 'error_before_exec': None})\ndef total(x): return 0",
    "import hook": "import sys\nclass Hook:\n    def find_spec(self, name, *a): raise ImportError\nsys.meta_path.insert(0, Hook())\ndef total(x): return 0",
    "patched numpy": "import numpy\nfor name in ('isclose', 'allclose', 'array_equal', 'all'):\n    setattr(numpy, name, lambda *a, **k: True)\ndef total(x): return 0",
    "patched builtins": "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.AssertionError = BaseException\ndef total(x): return 0",
    "patched json": "import json\njson.dumps = lambda *a, **k: '{\"value\": true}'\ndef total(x): return 0",
    "pickle in the answer": "import json\njson.dumps = lambda *a, **k: '{\"value\": {\"$\": \"pickle\", \"v\": \"gASVBQAAAAAAAABLAy4=\"}}'\ndef total(x): return 0",
    "patched package": "import mnistkit.grading.sandbox.codec as e, mnistkit.grading.sandbox.child as i, sys\nfor m in (e, i, sys.modules['__main__']):\n    m.encode = lambda v: {'$': 'Trick'}\ndef total(x): return 0",
    "answers written ahead": "import os\ndef total(x):\n    for fd in range(3, 20):\n        try: os.write(fd, b'{\"value\": 3.0}\\n' * 3)\n        except OSError: pass\n    return 0",
    "a thread that answers": "import os, threading\ndef spam():\n    while True:\n        for fd in range(3, 20):\n            try: os.write(fd, b'{\"value\": 3.0}\\n')\n            except OSError: pass\ndef total(x):\n    threading.Thread(target=spam).start()\n    return 0",
    "deep answer": "def total(x):\n    for _ in range(100_000): x = [x]\n    return x",
    "huge answer": "def total(x): return [0] * 10_000_000",
    "a string of code": "def total(x): return '__import__(\"os\").system(\"id\")'",
    "an exception that passes": "class AssertionPassed(Exception): pass\ndef total(x): raise AssertionPassed('3.0')",
    "an exception that can't be shown": "class Bad(Exception):\n    def __str__(self): raise SystemExit\ndef total(x): raise Bad",
    "all names": "total = type('Any', (), {'__call__': lambda s, x: s, '__eq__': lambda s, o: True})()",
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_tricks_gain_nothing(graded, attack):
    result = graded(student_cells(total=ATTACKS[attack]))
    got = points(result)
    assert got["total"] == 0
    assert got["double"] == POINTS["double"]
    assert all(points in (0, POINTS[name]) for name, points in got.items())
    assert "SECRET" not in str(result)


FATAL = {
    "endless loop": "while True: pass",
    "exit": "import os\nos._exit(0)",
    "segmentation fault": "import ctypes\nctypes.string_at(0)",
    "memory": "kept = []\nwhile True: kept.append(b'x' * 5_000_000)",
    "output": "while True: print('x' * 10_000)",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
}


@pytest.mark.parametrize("attack", FATAL)
def test_what_ends_the_process_in_a_function_costs_that_exercise_alone(graded, attack):
    body = FATAL[attack].replace("\n", "\n    ")
    result = graded(student_cells(double=f"def double(x):\n    {body}"))
    assert points(result) == POINTS | {"double": 0}
    assert any("double-check" in line for line in result.warnings), result
    assert result.seconds < 20


LEFT = {  # what a function leaves running behind it, which takes from what is run and asked after it
    "processes that take memory": "for _ in range(12):\n    if not os.fork():\n        kept = bytes(range(256)) * (1 << 17)\n        time.sleep(100)",
    "processes at work": "for _ in range(30):\n    if not os.fork():\n        while True: pass",
    "threads that take memory": "threading.Thread(target=lambda: [time.sleep(0.1), bytes(range(256)) * (1 << 22)], daemon=True).start()",
}  # fmt: skip


@pytest.mark.parametrize("left", LEFT)
def test_what_a_function_leaves_running_costs_that_exercise_alone(graded, left):
    body = f"{LEFT[left]}\nreturn x".replace("\n", "\n    ")
    slow = "time.sleep(0.5)\n" + SOLVED["total"]  # the cell after it takes long enough to be hit
    double = f"import os, threading, time\ndef double(x):\n    {body}"
    result = graded(student_cells(double=double, total=slow))
    assert points(result) == POINTS | {"double": 0}, result


def test_what_ends_the_process_in_a_cell_costs_what_the_cell_defines(graded):
    result = graded(
        student_cells(double="import os\nos._exit(0)\ndef double(x):\n    return 2 * np.asarray(x)")
    )
    assert points(result) == POINTS | {"double": 0}
    assert any("ended its own process" in line for line in result.warnings)


def test_deleted_checks_count_all_the_same_and_deleted_solutions_do_not(marked):
    cells = [
        one for one in student_cells(total="def total(x): return 0") if "check" not in str(one["metadata"])
    ]
    result = marked(cells)
    assert points(result) == POINTS | {"total": 0}
    assert [line for line in result.warnings if "is missing" in line] == [
        f"cell '{name}-check' is missing" for name in POINTS
    ]
    assert marked([]).points == 0


def test_points_and_checks_are_the_instructors(marked):
    cells = student_cells(total="def total(x): return 0")
    for one in cells:
        given = one["metadata"].get("nbgrader", {})
        if "points" in given:
            given["points"] = 100
            one["source"] = "pass"
    result = marked(cells)
    assert points(result) == POINTS | {"total": 0}
    assert sum("points of" in line for line in result.warnings) == 3
    assert sum("text of check" in line for line in result.warnings) == 3


def test_a_check_that_is_there_twice_counts_once(marked):
    cells = student_cells()
    result = marked([*cells, *cells])
    assert points(result) == POINTS
    assert "cell 'total-check' is there 2 times" in result.warnings


def test_stored_outputs_count_for_nothing(marked):
    cells = student_cells(total="def total(x): return 0")
    for one in cells:
        one["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": "All tests passed: 6 of 6 points"}
        ]
    assert points(marked(cells)) == POINTS | {"total": 0}


def test_cells_of_the_students_own_are_run_where_they_are_needed(marked):
    cells = student_cells(total="def total(x):\n    return helper(x)")
    at = next(i for i, one in enumerate(cells) if one["source"].startswith("def total"))
    helper = [cell("import math"), cell("%xmode Plain\ndef helper(x):\n    return math.fsum(x)")]
    assert marked([*cells[:at], *helper, *cells[at:]]).points == 6
    assert marked([*cells[: at + 1], *helper, *cells[at + 1 :]]).points == 6  # defined before it is called
    assert points(marked([*cells, *helper])) == POINTS | {"total": 0}  # not at the time of the check


def test_settings_that_no_name_shows_are_tried_before_points_are_lost(marked):
    cells = student_cells(
        total="def total(x):\n    def add(i): return add(i - 1) if i else 0\n    add(3000)\n    return float(sum(x))"
    )
    assert points(marked(cells))["total"] == 0
    assert marked([*cells[:1], cell("import sys\nsys.setrecursionlimit(10_000)"), *cells[1:]]).points == 6


def test_names_made_by_exec_are_found_by_running_everything(marked):
    cells = student_cells(total="exec('def total(x):\\n    return float(sum(x))')")
    assert marked(cells).points == 6


def test_a_lesson_cell_that_a_student_changed_counts_as_changed(marked):
    cells = student_cells(double="def double(x):\n    return factor * np.asarray(x)")
    source = next(one for one in cells if one["source"].startswith("scale"))
    source["source"] = "factor = 2\nscale = 2"
    assert marked(cells).points == 6


def test_a_later_cell_does_not_change_an_earlier_check(marked):
    assert marked([*student_cells(), cell("def total(x): return 0\nanswer = 4\nscale = 9")]).points == 6
    assert (
        points(marked([*student_cells(total=STUB.format(name="total")), cell(SOLVED["total"])]))["total"] == 0
    )


@pytest.mark.parametrize(
    "text",
    ["", "not JSON", "[]", "{}", '{"cells": 3}', "[" * 100_000, '{"cells": [1, null, {}, {"cell_type": "code"}]}', "\0",
     json.dumps({"cells": [{"cell_type": "code", "source": [1, {}], "metadata": {"nbgrader": 3, "tags": 4}}]})],
)  # fmt: skip
def test_what_is_no_notebook_gets_nothing_and_is_reported(graded, text):
    result = graded(text)
    assert result.points == 0
    assert len(result.marks) == 3
    assert result.warnings


def test_what_is_no_file_or_too_large_is_not_read(instructor, tmp_path, monkeypatch):
    sandbox = Sandbox()  # never started
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "link.ipynb").symlink_to(__file__)
    (tmp_path / "large.ipynb").write_text("x" * 2000)
    monkeypatch.setattr(cells_module, "MAX_BYTES", 1000)
    for name in ("folder", "link"):  # no student has decided that
        with pytest.raises(OSError, match="put the file itself there"):
            read_notebook(tmp_path / f"{name}.ipynb")
    for name, reason in {"missing": "no file", "large": "MB"}.items():
        result = check_submission(instructor, read_notebook(tmp_path / f"{name}.ipynb"), sandbox)
        assert result.points == 0
        assert reason in result.warnings[0]


def test_source_that_breaks_the_parser_costs_that_cell_alone(graded):
    for bomb in ("(" * 100_000, "a" + ".a" * 100_000, "def f(:", "x = '\0'"):
        assert graded([cell(bomb), *student_cells()]).points == 6


def test_parameters_are_the_graders(marked):
    cells = student_cells(answer="answer = n - 1")  # 4 where it is graded, 9 in the notebook
    assert marked(cells).points == 6
    assert marked(cells[1:]).points == 6


def test_an_instructors_notebook_that_fails_its_own_checks_is_an_error():
    cells = instructor_cells()
    cells[-2]["source"] = "answer = 4"
    del cells[3]
    with pytest.raises(UserError, match="answer-check"):
        prepare(notebook(cells), {})


def test_an_instructors_notebook_is_run_whole_where_its_text_does_not_show_what_is_needed():
    cells = [
        cell("settings = {}"),
        cell("part = settings\npart['k'] = 3"),
        cell("def f(x):\n    return x", "f"),
        cell("assert f(3) == settings['k']", "f-check", grade=True, points=1),
    ]
    assert len(prepare(notebook(cells), {}).checks) == 1


def test_an_exercise_that_passes_other_objects_is_left_to_the_teacher(harmless, tmp_path):
    cells = [
        cell("def make():\n    return object()", "make"),
        cell("assert make() is not None", "make-check", grade=True, points=2),
    ]
    state = prepare(notebook(cells), {})
    result = check_submission(state, hand_in(tmp_path, cells), harmless)
    assert result.points == 0
    assert "make-check must be graded by hand: make: a object object is not plain data" in result.warnings


def test_a_check_sees_the_lesson_as_it_was_there(harmless, tmp_path):
    cells = [
        cell("size = 3\ndef helper():\n    return f(size)"),
        cell("def f(x):\n    return x", "f"),
        cell("assert helper() == 3", "f-check", grade=True, points=1),
        cell("size = 4\ndef g():\n    return size", "g"),
        cell("assert g() == 4", "g-check", grade=True, points=1),
    ]
    state = prepare(notebook(cells), {})
    assert check_submission(state, hand_in(tmp_path, cells), harmless).points == 2


HINTS = """\
import numpy as np
def near(value):
    assert value < 7, "the function says so"
assert f(0) >= 0
### BEGIN HIDDEN TESTS
assert f(1) >= 0, "first"
for i in (2, 3):
    assert f(i) >= 0, f"second, {i}"
assert f(4) >= 0
np.testing.assert_allclose(f(5), 5, err_msg="SECRET")
assert np.ones(3)[f(6)] == 1, "of the fourth"
near(f(7))
assert f(8) >= 0, "LONG"
### END HIDDEN TESTS""".replace("LONG", 10_000 * "x")


HINTS_OF = {
    0: "this is not true: f0(0) >= 0",
    1: "hidden check 1 of 5 failed: first",
    3: "hidden check 2 of 5 failed",
    4: "hidden check 3 of 5 failed",
    5: "hidden check 4 of 5 failed",  # the error of a library: it tells what was expected
    6: "hidden check 4 of 5 failed: of the fourth",
    7: "hidden check 5 of 5 failed",
    8: "hidden check 5 of 5 failed: " + "x" * 300,
}
"""What is read by whose function is wrong for this number."""


def test_a_hidden_check_is_named_by_its_number_and_its_own_hint(harmless, tmp_path):
    def lesson(**wrong):
        cells = []
        for number in HINTS_OF:
            name = f"f{number}"
            answers = f"{{5: 5, 6: 0, 7: 0{wrong.get(name, '')}}}"
            cells.append(cell(f"def {name}(x):\n    return {answers}.get(x, 1)", name))
            cells.append(cell(HINTS.replace("f(", f"{name}("), f"{name}-check", grade=True, points=1))
        return cells

    state = prepare(notebook(lesson()), {})
    wrong = lesson(**{f"f{n}": f", {n}: {9 if n in (5, 6, 7) else -1}" for n in HINTS_OF})
    marks = check_submission(state, hand_in(tmp_path, wrong), harmless).marks
    assert {mark.grade_id: (mark.points, mark.reason, mark.hidden) for mark in marks} == {
        f"f{number}-check": (0, reason, number > 0) for number, reason in HINTS_OF.items()
    }


SHARED = {
    "an array": ("np.array([1.0, 2.0])", "x[0] = 5.0"),
    "a list": ("[1.0, 2.0]", "x.append(5.0)"),
    "a dict": ("{'a': 1.0}", "x['b'] = 5.0"),
    "a table": ("pd.DataFrame({'a': [1.0, 2.0]})", "x['b'] = 5.0"),
    "a generator": ("np.random.default_rng(3)", "x.random()"),
}


@pytest.mark.parametrize("kind", SHARED)
def test_what_one_student_does_to_the_lessons_data_is_undone_for_the_next(harmless, tmp_path, kind):
    value, change = SHARED[kind]
    cells = [
        cell("import numpy as np\nimport pandas as pd\nimport copy"),
        cell(f"shared = {value}\nkept = copy.deepcopy(shared)"),
        cell("def f(x):\n    return 1", "f"),
        cell(
            "def plain(x):\n    return str(getattr(x, 'bit_generator', x) if not hasattr(x, 'bit_generator') "
            "else x.bit_generator.state)\nassert f(shared) == 1\nassert plain(shared) == plain(kept)",
            "f-check", grade=True, points=1,
        ),
    ]  # fmt: skip
    state = prepare(notebook(cells), {})
    greedy = [*cells[:2], cell(f"def f(x):\n    {change}\n    return 1", "f"), *cells[3:]]
    for handed_in, expected in ((cells, 1), (greedy, 0), (cells, 1)):
        assert check_submission(state, hand_in(tmp_path, handed_in), harmless).points == expected


def test_a_table_may_be_changed_where_no_check_forbids_it(harmless, tmp_path):
    cells = [
        cell("import pandas as pd"),
        cell("def f(x):\n    return x['a'].max()", "f"),
        cell("t = pd.DataFrame({'a': [2, 1]})\nassert f(t) == 2\nassert f(t) == 2", "f-check", grade=True, points=1),
    ]  # fmt: skip
    state = prepare(notebook(cells), {})
    body = "x['b'] = 2 * x['a']\n    x.sort_values('b', inplace=True)\n    return x['a'].iloc[-1]"
    cells[1] = cell(f"def f(x):\n    {body}", "f")
    assert check_submission(state, hand_in(tmp_path, cells), harmless).points == 1


AFTERWARDS = (
    "data = np.array([2, 5])\nassert double(data)[0] == 2 * data[0]\n### BEGIN HIDDEN TESTS\n"
    "more = np.array([3, 7, 8])\nassert np.allclose(double(more), 2 * more), 'more'\n### END HIDDEN TESTS"
)


def grade_with(sandbox, tmp_path, check, solution, answer):
    """Grade an answer to `double` with a check of its own."""
    cells = [cell("import numpy as np"), cell(solution, "double")]
    cells.append(cell(check, "double-check", grade=True, points=2))
    instructor = prepare(notebook(cells), {})
    cells[1] = cell(answer, "double")
    return check_submission(instructor, hand_in(tmp_path, cells), sandbox).marks[0]


def test_what_a_check_expects_can_not_be_changed_through_its_arguments(harmless, tmp_path):
    solution = "def double(x):\n    return 2 * x"
    cheat = "def double(x):\n    x[...] = 0\n    return x.copy()"
    assert grade_with(harmless, tmp_path, AFTERWARDS, solution, cheat).points == 0
    honest = (
        "def double(x):\n    y = 2 * x\n    x[...] = 0\n    return y"  # changes them, and the check compares
    )
    assert grade_with(harmless, tmp_path, AFTERWARDS, solution, honest).points == 0
    unread = "assert np.allclose(double(np.array([3, 7])), [6, 14])"
    assert grade_with(harmless, tmp_path, unread, solution, honest).points == 2


def test_a_function_that_must_change_its_argument_gets_its_points(harmless, tmp_path):
    solution = "def double(x):\n    x *= 2"
    check = "data = np.array([2, 5])\ndouble(data)\ndouble(data)\nassert data.tolist() == [8, 20]"
    assert grade_with(harmless, tmp_path, check, solution, "def double(x):\n    x += x").points == 2
    assert grade_with(harmless, tmp_path, check, solution, "def double(x):\n    x += 2").points == 0
    assert grade_with(harmless, tmp_path, check, solution, "def double(x):\n    return 2 * x").points == 0


@pytest.mark.parametrize(
    "telling",
    [
        "raise type('Told' + str(x), (Exception,), {})",
        "import mnistkit.grading.sandbox.codec as e\n    raise e.NotSerializable('Told' + str(x))",
        "return type('Told' + str(x), (), {})()",
    ],
)
def test_students_do_not_learn_what_a_hidden_check_sends(graded, telling):
    answer = f"def total(x):\n    if len(x) == 2:\n        return 3.0\n    {telling}"
    mark = graded(student_cells(total=answer)).marks[1]
    assert mark.hidden
    assert "Told" not in mark.reason
    assert "hidden check" in mark.reason


def test_control_characters_and_half_characters_of_a_student_go_nowhere(graded):
    cells = student_cells(
        double="raise type('\\x1b[2J\\nhonest: ', (Exception,), {})('\\x07')",
        total="def total(x):\n    raise ValueError('\\ud800\\x1b[2J')",
        answer="answer = 3  # \ud800",
    )
    result = graded(cells)
    assert points(result) == POINTS | {"double": 0, "total": 0}
    for text in [*result.warnings, *(mark.reason + mark.kind for mark in result.marks)]:
        assert text.isprintable()  # half characters are not
    assert any("honest" in line for line in result.warnings)


def test_a_text_full_of_beginnings_of_hidden_tests_is_compared_at_once(marked):
    """Quadratic time would take hours."""
    cells = student_cells()
    cells[-1] = cell("### BEGIN HIDDEN TESTS\n" * 200_000, "answer-check", grade=True, points=1)
    result = marked(cells)
    assert points(result) == POINTS
    assert result.warnings == ("the text of check 'answer-check' was changed",)


def test_a_question_that_is_asked_again_brings_its_arrays_along():
    """To a process, the content of a large array is sent once: a new one has none of it."""

    class Process:
        spent_seconds, processes = 0.0, 1

        def __init__(self, answers):
            self.answers, self.asked = answers, []

        def ask(self, request, seconds):
            self.asked.append(request)
            if (answer := self.answers.pop(0)) is None:
                raise Strayed("it answered what it was not asked")
            return answer

        def close(self):
            """Nothing is open."""

    first, second = Process([{"value": 1}, None]), Process([{"value": 2}])
    started = iter([first, second])
    sandbox = SimpleNamespace(limits=LIMITS, start=lambda: next(started))
    student = checks._Student(sandbox, (), (), [], checks._Spent())
    large = np.zeros(1_000_000)
    assert [student.call("double", (large,), {}, len) for _ in range(2)] == [1, 2]
    contents = [request["args"][0]["v"] for process in (first, second) for request in process.asked]
    assert [bool(content) for content in contents] == [True, False, True]
    assert student.warnings == ["it answered what it was not asked"]
    assert student.called, "what goes on to talk is the call's, and not the next cell's"


def test_only_time_that_the_code_has_taken_counts_for_the_whole_submission():
    spent = checks._Spent()
    student = checks._Student(SimpleNamespace(limits=LIMITS), (), (), [], spent)
    student.session = SimpleNamespace(spent_seconds=LIMITS.seconds - 5, close=lambda: None)
    assert student._left() == pytest.approx(5)
    student._end()
    assert student._left() == pytest.approx(5 - checks._PROCESS_SECONDS)
    assert student.fresh(())._left() == LIMITS.seconds, "each exercise has its own, up to a limit for all"
    spent.seconds = checks.MAX_RUNS * LIMITS.seconds
    with pytest.raises(checks.Ended, match="longer than 60 s in all"):
        student.fresh(())._left()


TELLING = {
    "an error": ("raise ValueError(str(kept))", "total raised ValueError: [[1, 2]]"),
    "a type's name": ("raise type(str(kept), (Exception,), {})", "total raised [[1, 2]]"),
    "a value's type": ("return type(str(kept), (), {})()", "can't be used: a [[1, 2]] object"),
    "a wrong value": ("return len(kept) + 0.5", "1 + 2 is 3"),
    "the exit status": ("os._exit(len(kept))", "exit status 1"),
    "a file": ("raise ValueError(open('/tmp/kept').read())", "total raised ValueError: [[1, 2]]"),
    "a missing name": ("raise NameError(str(kept))", "total raised NameError: [[1, 2]]"),
}


@pytest.mark.parametrize("how", TELLING)
def test_what_one_function_was_sent_in_a_hidden_check_no_other_one_tells(graded, how):
    """The hidden check of `double` comes before the visible one of `total` in the notebook."""
    body, reason = TELLING[how]
    double = (
        "import os\nkept = []\ndef double(x):\n    kept.append(np.asarray(x).tolist())\n"
        "    open('/tmp/kept', 'w').write(str(kept))\n    return scale * np.asarray(x)"
    )
    result = graded(student_cells(double=double, total=f"def total(x):\n    {body}"))
    assert points(result)["double"] == POINTS["double"]
    assert reason in result.marks[1].reason


@pytest.mark.parametrize(
    "body",
    ["return 0", "raise ValueError('told')", "raise NotImplementedError", "raise NameError('told')", "return []",
     "return type('Told', (), {})()", "import os; os._exit(7)", "import time; time.sleep(9)", "return 'told'"],
)  # fmt: skip
def test_however_a_hidden_check_fails_a_student_reads_the_same(graded, body):
    answer = f"def total(x):\n    if len(x) == 2:\n        return 3.0\n    {body}"
    mark = graded(student_cells(total=answer)).marks[1]
    assert (mark.points, mark.hidden) == (0, True)
    assert mark.reason == "hidden check 1 of 2 failed: a longer list"


def test_code_that_knows_in_which_process_it_is_gets_no_second_answer(marked):
    own = cell("marker = 1")
    for answer in (
        "answer = 3 if 'marker' in globals() else 4",
        "answer = 4 if 'marker' in globals() else 3",
        "if 'marker' not in globals():\n    raise NameError('marker')\nanswer = 4",
    ):
        cells = student_cells(answer=answer)
        alone = marked(cells)
        assert points(alone)["answer"] == (3 if "else 3" in answer else 0) / 3
        assert points(marked([*cells[:-2], own, *cells[-2:]]))["answer"] in (0, points(alone)["answer"])


def test_a_hidden_check_may_stand_before_a_visible_one(harmless, tmp_path):
    check = "### BEGIN HIDDEN TESTS\nassert f(2) == 2, 'two'\n### END HIDDEN TESTS\nassert f(3) == 3, 'three'"
    cells = [cell("def f(x):\n    return x", "f"), cell(check, "f-check", grade=True, points=1)]
    state = prepare(notebook(cells), {})
    assert check_submission(state, hand_in(tmp_path, cells), harmless).points == 1
    cells[0] = cell("kept = []\ndef f(x):\n    kept.append(x)\n    return x if x == 2 else kept", "f")
    (mark,) = check_submission(state, hand_in(tmp_path, cells), harmless).marks
    assert (mark.points, mark.reason) == (0, "hidden check 1 of 1 failed")


def test_a_process_is_started_only_where_there_is_something_hidden_to_ask(instructor, harmless, tmp_path):
    starts = []

    def start():
        starts.append(1)
        return harmless.start()

    counted = SimpleNamespace(limits=harmless.limits, start=start)
    for answers, expected in (
        ({}, 3),
        ({"double": "def double(x): return x"}, 2),
        ({"answer": "answer = 4"}, 3),
    ):
        starts.clear()
        check_submission(instructor, hand_in(tmp_path, student_cells(**answers)), counted)
        assert len(starts) == expected, answers


VALUES = {
    "np.array([1.0, 1.0, 1.0])": (
        ["[1.0, 1.0, 1.0]", "(1, 1, 1)", "np.ones((1, 3))", "pd.Series([1.0, 1, 1])", "pd.Index([1, 1, 1])"],
        ["np.empty((0, 3))", "np.empty((3, 0))", "np.empty(0)", "[]", "pd.DataFrame()", "pd.Series(dtype=float)",
         "1.0", "[1.0]", "np.ones((2, 3))", "np.ones((5, 1))", "[[1, 1, 1]] * 4", "np.ones(())", "{}", "set()"],
    ),
    "([1.0, 1.0], np.array([[1.0, 1.0]]))": (
        ["(np.ones(2), [1, 1])", "np.ones((2, 2))"],
        ["([], [1, 1])", "([1.0, 1.0], np.empty((0, 2)))", "1.0", "(np.ones((3, 2)), np.ones((3, 2)))"],
    ),
    "1.0": (["1", "np.float32(1)", "np.ones(1)", "[1]"], ["[]", "np.empty(0)", "np.ones(3)", "[1, 1]"]),
    "pd.DataFrame({'a': [1.0, 1.0]})": (
        ["np.ones((2, 1))", "pd.DataFrame({'b': [1, 1]})"],
        ["pd.DataFrame()", "pd.DataFrame({'a': []})", "1.0", "pd.DataFrame({'a': [1.0]})", "np.ones((2, 4))"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", ["{} = {}", "def {}():\n    return {}"])
def test_an_answer_that_numpy_would_stretch_or_pass_over_is_none(harmless, tmp_path, form):
    true, given, expected = {}, {}, {}
    for number, (value, (right, wrong)) in enumerate(VALUES.items()):
        for position, answer in enumerate([value, *right, *wrong]):
            name = f"answer_{number}_{position}"
            true[name], given[name], expected[name] = value, answer, float(answer not in wrong)

    def lesson(answers):
        cells = [cell("import numpy as np\nimport pandas as pd")]
        for name, answer in answers.items():
            asked = name + "()" * ("def" in form)
            check = (
                f"a = {asked}\nassert all(np.allclose(v, 1) for v in (a if isinstance(a, tuple) else (a,)))"
            )
            cells.append(cell(form.format(name, answer), name))
            cells.append(cell(check, f"{name}-check", grade=True, points=1))
        return cells

    result = check_submission(prepare(notebook(lesson(true)), {}), hand_in(tmp_path, lesson(given)), harmless)
    found = points(result)
    assert {given[name]: found[name] for name in given} == {given[name]: expected[name] for name in given}
    assert found == expected
    assert all(mark.reason for mark in result.marks if not mark.points)


def test_a_check_may_expect_an_exception(harmless, tmp_path):
    check = "try:\n    f(-1)\nexcept ValueError as error:\n    assert 'negative' in str(error)\nelse:\n    assert False"
    right = "def f(x):\n    if x < 0:\n        raise {}('negative')\n    return x"
    cells = [cell(right.format("ValueError"), "f"), cell(check, "f-check", grade=True, points=1)]
    state = prepare(notebook(cells), {})
    own = f"class Own(ValueError):\n    pass\n\n{right.format('Own')}"
    for answer, expected in (
        (cells[0]["source"], 1),
        (right.format("KeyError"), 0),
        ("def f(x): return x", 0),
        (own, 0),
    ):
        cells[0] = cell(answer, "f")
        assert check_submission(state, hand_in(tmp_path, cells), harmless).points == expected, answer


def test_a_check_may_expect_an_exception_of_the_lesson_or_of_a_library(harmless, tmp_path):
    lesson = "import numpy as np\n\nclass NotADigit(ValueError):\n    pass"
    check = (
        "for bad, kind in ((-1, NotADigit), (0, np.linalg.LinAlgError)):\n    try:\n        f(bad)\n"
        "    except (NotADigit, np.linalg.LinAlgError) as error:\n"
        "        assert isinstance(error, kind), 'the right one'\n    else:\n        assert False, 'no error'"
    )
    right = "def f(x):\n    if x < 0:\n        raise NotADigit(x)\n    return np.linalg.inv(np.zeros((2, 2)))"
    cells = [cell(lesson), cell(right, "f"), cell(check, "f-check", grade=True, points=1)]
    state = prepare(notebook(cells), {})
    limit = "class MemoryError(ValueError):\n    pass\n\n"
    for answer, expected in (
        (right, 1),
        (right.replace("NotADigit(x)", "ValueError(x)"), 0),
        (right.replace("x < 0", "True"), 0),
        (limit + right.replace("NotADigit", "MemoryError"), 0),
        ("def f(x): return x", 0),
    ):
        cells[1] = cell(answer, "f")
        assert check_submission(state, hand_in(tmp_path, cells), harmless).points == expected, answer


def test_a_fitted_model_crosses_as_its_documented_values(harmless, tmp_path):
    lesson = "import numpy as np\nfrom sklearn.cluster import KMeans\nx = np.array([[0.0], [1], [10], [11]])"
    right = "def fit(x):\n    return KMeans(2, n_init=3, random_state=0).fit(x)"
    check = (
        "model = fit(x)\nassert model.n_clusters == 2, 'two'\n### BEGIN HIDDEN TESTS\n"
        "assert np.allclose(sorted(fit(x).cluster_centers_[:, 0]), [0.5, 10.5]), 'centers'\n### END HIDDEN TESTS"
    )
    cells = [cell(lesson), cell(right, "fit"), cell(check, "fit-check", grade=True, points=1)]
    state = prepare(notebook(cells), {})
    for answer, expected in ((right, 1), (right.replace("KMeans(2", "KMeans(3"), 0)):
        cells[1] = cell(answer, "fit")
        assert check_submission(state, hand_in(tmp_path, cells), harmless).points == expected, answer


def test_a_long_cell_costs_nothing_but_itself(graded):
    numbers = f"pasted = [{', '.join(map(str, range(150_000)))}]"
    assert len(numbers) > 1_000_000
    result = graded([cell(numbers), *student_cells()])
    assert result.points == 6, result


@pytest.mark.parametrize(
    "line",
    ["%matplotlib inline", "%matplotlib widget", "%config InlineBackend.figure_format = 'retina'", "%load_ext nowhere",
     "%autoreload 2", "import sys\nsys.setrecursionlimit(5000)", "import warnings\nwarnings.simplefilter('error')"],
)  # fmt: skip
def test_what_only_a_notebook_has_ends_no_cell(graded, line):
    cells = student_cells(double=f"{line}\n{SOLVED['double']}", answer=f"{line}\nanswer = 3")
    assert graded(cells).points == 6


def test_a_copy_of_an_answers_cell_without_its_metadata_counts(marked):
    """Another editor keeps the text and loses nbgrader's name of the cell."""
    cells = student_cells()
    for one in cells:
        if one["source"] in SOLVED.values():
            one["metadata"] = {}
    result = marked(cells)
    assert points(result) == POINTS
    assert [line for line in result.warnings if "is missing" in line] == [
        f"cell {name!r} is missing" for name in POINTS
    ]


def test_a_failure_of_the_sandbox_is_no_answer(tmp_path):
    """Even where a check takes every exception for the one that it expects."""

    class Failing(Sandbox):
        def start(self):
            session = super().start()
            ask = session.ask

            def failing(request, seconds):
                if request["do"] == "call":
                    raise SandboxFailure("it was killed from outside")
                return ask(request, seconds)

            session.ask = failing
            return session

    check = "try:\n    f(-1)\nexcept Exception:\n    pass"
    cells = [cell("def f(x):\n    raise ValueError", "f"), cell(check, "f-check", grade=True, points=1)]
    state = prepare(notebook(cells), {})
    with pytest.raises(SandboxFailure):
        check_submission(state, hand_in(tmp_path, cells), Failing(make_sandbox().limits))


def test_a_small_answer_that_takes_gigabytes_to_compare_costs_that_check_alone(sandbox, tmp_path):
    answers = "one = np.zeros(60_000, 'i1')", "other = np.zeros(60_000, 'i1')"
    cells = [cell("import numpy as np"), *(cell(text, text.split()[0]) for text in answers)]
    cells.append(cell("assert (one == other).all()", "both-check", grade=True, points=1))
    cells.append(cell("assert one.sum() == 0", "one-check", grade=True, points=1))
    state = prepare(notebook(cells), {})
    assert check_submission(state, hand_in(tmp_path, cells), sandbox).points == 2
    cells[1], cells[2] = cell(f"{answers[0]}[:, None]", "one"), cell(f"{answers[1]}[None]", "other")
    result = check_submission(state, hand_in(tmp_path, cells), sandbox)
    assert points(result) == {"both": 0, "one": 1}
    assert any("of memory" in line for line in result.warnings), result


def test_hidden_statements_get_what_their_functions_read_of_the_visible_ones(harmless, tmp_path):
    check = (
        "made = f(1)\nassert made == 1\ndef twice():\n    return made + made\n### BEGIN HIDDEN TESTS\n"
        "assert list(map(lambda x: made + x, [1])) == [2], 'a lambda'\nassert twice() == 2, 'a function'\n### END HIDDEN TESTS"
    )
    cells = [cell("def f(x):\n    return x", "f"), cell(check, "f-check", grade=True, points=1)]
    state = prepare(notebook(cells), {})
    assert check_submission(state, hand_in(tmp_path, cells), harmless).points == 1
