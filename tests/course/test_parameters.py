import re
from pathlib import Path

import nbformat
import papermill
import pytest
from course_helpers import task_of, write_course, write_lesson

from mnistkit.course import parameters as p
from mnistkit.course.lessons import Lesson, find, find_folder, providers, select, unknown
from mnistkit.course.running.execute import prepare_notebook
from mnistkit.errors import UserError


@pytest.fixture
def course(tmp_path):
    folder = write_course(tmp_path)
    write_lesson(folder, "01_first", "1 + 1", parameters="seed: int = 42  # random seed")
    write_lesson(folder, "02_second", "1 + 1")
    return folder


def schema_of(tmp_path, source):
    return p.read_schema(Lesson(write_lesson(tmp_path, "01_x", parameters=source)))


def test_schema_is_read_from_the_cell(course):
    schema = p.read_schema(Lesson(course / "02_second.ipynb"))
    assert list(schema) == ["seed", "k_max", "rate", "name", "further"]
    assert schema["k_max"] == p.Parameter("k_max", "int", 5, "largest k")
    assert schema["further"].default is False


def test_schema_agrees_with_papermill_on_every_lesson():
    for lesson in find(find_folder()):
        theirs = papermill.inspect_notebook(str(lesson.path))
        ours = p.read_schema(lesson)
        assert list(theirs) == list(ours)
        for name, parameter in ours.items():
            assert theirs[name]["inferred_type_name"] == parameter.type
            assert theirs[name]["help"] == parameter.help


def test_every_lesson_has_the_shared_parameters_with_help():
    for lesson in find(find_folder()):
        schema = p.read_schema(lesson)
        shared = {name: (schema[name].type, schema[name].default) for name in ("data", "seed", "further")}
        assert shared == {"data": ("str", "auto"), "seed": ("int", 42), "further": ("bool", False)}
        assert all(parameter.help for parameter in schema.values())


@pytest.mark.parametrize(
    "source",
    [
        "k = 5  # no type",
        "k: complex = 5  # unknown type",
        "k: int = 'five'  # wrong default",
        "k: float = 'nan'  # not finite",
        "import os",
        "k: int",
        "k: int = 2 * 3",
        "k: float = '1e-3'  # a text",
        "k: int = 1\nk: int = 2",
    ],
)
def test_a_line_that_is_no_parameter_is_refused(tmp_path, source):
    with pytest.raises(UserError, match="expected"):
        schema_of(tmp_path, source)


@pytest.mark.parametrize("source", ["k: int = (", "%matplotlib inline", "k: str = 'a"])
def test_a_cell_that_is_no_python_is_refused(tmp_path, source):
    with pytest.raises(UserError, match="the parameters cell is not Python"):
        schema_of(tmp_path, source)


def test_two_parameters_cells_are_refused(tmp_path):
    import nbformat

    path = write_lesson(tmp_path, "01_x")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("x: int = 1", metadata={"tags": ["parameters"]}))
    nbformat.write(notebook, path)
    with pytest.raises(UserError, match="one cell tagged 'parameters', found 2"):
        p.read_schema(Lesson(path))


def resolve(course, *assignments, preset="lab", chosen=()):
    lessons = find(course)
    changes = p.read_preset(course, preset, lessons)
    return p.resolve(select(lessons, chosen), changes, p.parse_assignments(assignments))


def test_command_line_wins_over_preset_over_default(course):
    (course / "presets" / "smoke.yaml").write_text("02_second: {k_max: 3, rate: 1e-3}")
    assert resolve(course)["02_second"]["k_max"] == 5
    smoke = resolve(course, preset="smoke")["02_second"]
    assert (smoke["k_max"], smoke["rate"], smoke["seed"]) == (3, 0.001, 42)
    assert resolve(course, "k_max=9", preset="smoke")["02_second"]["k_max"] == 9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k_max=7", 7),
        ("k_max=-7", -7),
        ("rate=1e-3", 0.001),
        ("rate=2", 2.0),
        ("name=007", "007"),
        ("name=no", "no"),
        ("name=", ""),
        ("name=a=b", "a=b"),
        ("further=yes", True),
        ("further=False", False),
        ("further=0", False),
    ],
)
def test_values_take_the_type_of_the_notebook(course, text, value):
    found = resolve(course, text)["02_second"][text.split("=")[0]]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k_max=ten", "expected int, found 'ten'"),
        ("k_max=7.0", "expected int, found '7.0'"),
        ("k_max=true", "expected int, found 'true'"),
        ("rate=fast", "expected float, found 'fast'"),
        ("rate=nan", "expected a finite number"),
        ("rate=inf", "expected a finite number"),
        ("further=2", "expected bool .*, found '2'"),
        ("k_maxx=5", "unknown parameter 'k_maxx', did you mean 'k_max'?"),
        ("k_max", "expected NAME=VALUE"),
        ("x\nimport os=1", "unknown parameter"),
    ],
)
def test_bad_values_and_names_stop_before_anything_runs(course, text, message):
    with pytest.raises(UserError, match=message):
        resolve(course, text)


def test_a_parameter_of_one_lesson_leaves_the_others_alone(course):
    values = resolve(course, "k_max=7")
    assert values["02_second"]["k_max"] == 7
    assert values["01_first"] == {"seed": 42}


def test_a_parameter_of_a_lesson_that_is_not_run_is_refused(course):
    with pytest.raises(UserError, match="unknown parameter 'k_max'"):
        resolve(course, "k_max=7", chosen=["01"])


def test_a_name_given_twice_is_refused():
    with pytest.raises(UserError, match="given twice"):
        p.parse_assignments(["k=1", "k=2"])


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("02_secnd: {k_max: 3}", "unknown lesson '02_secnd', did you mean '02_second'"),
        ("02_second: {k_mx: 3}", "unknown parameter 'k_mx', did you mean 'k_max'"),
        ("02_second: {k_max: '3'}", "expected int, found str '3'"),
        ("02_second: {k_max: 3.0}", "expected int, found float 3.0"),
        ("02_second: {k_max: true}", "expected int, found bool True"),
        ("02_second: {name: no}", "expected str .quote it., found bool False"),
        ("02_second: {further: 1}", "expected bool, found int 1"),
        ("02_second: {rate: quick}", "expected float, found 'quick'"),
        ("02_second: 3", "expected 'name: value' lines"),
        ("- 02_second", "expected 'name: value' lines"),
        ("02_second: {k_max: ", "readable YAML"),
        ("02_second: {name: 2026-13-45}", "readable YAML"),
    ],
)
def test_a_mistake_in_a_preset_is_refused(course, yaml, message):
    (course / "presets" / "full.yaml").write_text(yaml)
    with pytest.raises(UserError, match=message):
        resolve(course, preset="full")


def test_an_unknown_preset_is_refused(course):
    with pytest.raises(UserError, match="did you mean 'smoke'"):
        resolve(course, preset="smok")


@pytest.mark.parametrize(
    "word", ["02", "2", "second", "02_second", "notebooks/02_second.ipynb", "sec", "02_s"]
)
def test_lessons_are_chosen_by_any_of_their_names(course, word):
    assert [lesson.name for lesson in select(find(course), [word])] == ["02_second"]


def test_lessons_come_in_the_order_of_the_course_and_once(course):
    names = [lesson.name for lesson in select(find(course), ["02", "01_first", "2"])]
    assert names == ["01_first", "02_second"]


def test_an_unknown_lesson_is_refused_with_the_nearest(course):
    with pytest.raises(UserError, match="unknown lesson 'secnd', did you mean 'second'"):
        select(find(course), ["secnd"])


def test_titles_and_models_of_others_come_from_the_notebook(tmp_path):
    cells = (
        'model = load_artifact("mnist", data)',
        "def f():\n    return load_artifact('twist')",
        "%matplotlib inline\nx = records.load_artifact(name='digit-recognizer')",
        "load_artifact(name)",
        "x = (",
    )
    lesson = Lesson(write_lesson(tmp_path, "01_x", *cells))
    assert lesson.title == "Title of 01_x"
    assert lesson.takes_over == ("mnist", "twist", "digit-recognizer")


def test_who_hands_what_over_comes_from_the_notebooks_calls(tmp_path):
    course = write_course(tmp_path)
    write_lesson(course, "01_a", 'save_artifact("cnn", model, data=ds)')
    write_lesson(
        course, "02_b", "save_artifact(name='vgg', model=model, data=ds)", 'load_artifact("cnn", data=ds)'
    )
    write_lesson(course, "03_c", 'handover.load_artifact("vgg", data=ds)\nload_artifact("cnn", data=ds)')
    write_lesson(course, "04_d", 'save_artifact("cnn", other, data=ds)', "load_artifact(x)")
    lessons = {lesson.name[:2]: lesson for lesson in find(course)}
    assert lessons["02"].hands_over == ("vgg",)
    assert lessons["03"].takes_over == ("vgg", "cnn")
    assert providers(lessons["01"]) == providers(lessons["04"]) == ()
    assert providers(lessons["02"]) == ("01_a",)
    assert providers(lessons["03"]) == ("01_a", "02_b")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"cells": [1]}', '{"cells": [{}]}', '{"cells": 3}']
)
def test_a_file_that_is_no_notebook_is_named(tmp_path, content):
    path = tmp_path / "01_x.ipynb"
    path.write_text(content)
    with pytest.raises(UserError, match=r"01_x\.ipynb\n  found:    not a readable notebook"):
        Lesson(path).title  # noqa: B018


RANGES = """
seed: int = 42  # seed (0 to 4,000,000,000)
n_init: int = 3  # starts of K-means (at least 1); more is better
rate: float = 0.5  # step (at most 0.9)
temperature: float = -1  # (-1.5 to 1e3)
loss: str = "mse"  # what is minimised (one of: mse, 'mae')
side: int = 28  # side of the images (one of: 28, 224)
n: int = 5  # images (at most what there is), (32 to 224 pixels)
"""


@pytest.fixture
def ranges(tmp_path):
    folder = write_course(tmp_path)
    write_lesson(folder, "01_x", parameters=RANGES)
    return folder


def test_ranges_and_choices_stand_in_the_comments(ranges):
    schema = p.read_schema(Lesson(ranges / "01_x.ipynb"))
    found = {name: (x.least, x.most, x.choices) for name, x in schema.items()}
    assert found == {
        "seed": (0, 4_000_000_000, ()),
        "n_init": (1, None, ()),
        "rate": (None, 0.9, ()),
        "temperature": (-1.5, 1000.0, ()),
        "loss": (None, None, ("mse", "mae")),
        "side": (None, None, (28, 224)),
        "n": (None, None, ()),
    }
    assert schema["n_init"].help == "starts of K-means (at least 1); more is better"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed=-1", "-p seed: expected 0 to 4000000000, found -1"),
        ("seed=4000000001", "expected 0 to 4000000000"),
        ("n_init=0", "-p n_init: expected at least 1, found 0"),
        ("rate=0.91", "-p rate: expected at most 0.9, found 0.91"),
        ("temperature=-2", "expected -1.5 to 1000.0, found -2.0"),
        ("loss=mean", "-p loss: expected one of mse, mae, found 'mean'"),
        ("side=29", "expected one of 28, 224, found 29"),
    ],
)
def test_a_value_out_of_its_range_is_refused_wherever_it_comes_from(ranges, text, message):
    with pytest.raises(UserError, match=re.escape(message)):
        resolve(ranges, text)
    name, _, value = text.partition("=")
    (ranges / "presets" / "smoke.yaml").write_text(f"01_x: {{{name}: {value}}}")
    with pytest.raises(UserError, match=re.escape(f"smoke.yaml: 01_x.{name}: expected")):
        resolve(ranges, preset="smoke")
    with pytest.raises(UserError, match=re.escape(f"plan.yaml {name}: expected")):
        p.resolve(find(ranges), {}, {name: value}, "plan.yaml")


@pytest.mark.parametrize(
    "text", ["seed=0", "n_init=1", "rate=0.9", "rate=-5", "loss=mae", "side=224", "n=1000"]
)
def test_the_ends_of_a_range_and_all_choices_are_taken(ranges, text):
    resolve(ranges, text)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("k: int = 5  # largest (10 to 50)", "k: expected 10 to 50, found 5"),
        ("k: int = 5  # largest (50 to 1)", "from a lower to a higher"),
        ("k: int = 5  # largest (1 to 50) (at least 2)", "expected one range"),
        ("k: str = 'a'  # (1 to 50)", "expected a range only for an int or a float"),
        ("k: bool = True  # (one of: yes, no)", "choices like"),
        ("k: str = 'a'  # (one of: )", "choices like"),
        ("k: int = 5  # (one of: 5, five)", "expected int, found 'five'"),
        ("k: str = 'c'  # (one of: a, b)", "expected one of a, b, found 'c'"),
    ],
)
def test_a_range_that_is_none_is_refused_with_its_parameter(tmp_path, source, message):
    with pytest.raises(UserError, match=re.escape(message)):
        schema_of(tmp_path, source)


def test_texts_may_have_any_signs_and_lines(tmp_path):
    """Papermill's reading of this cell fails: it looks for an =, a # and the end of the line."""
    source = (
        'a: str = "x=y"  # with =\n'
        'b: str = "x # y"\n'
        "c: str = 'it\\'s \"so\"'  # quotes\n"
        'd: str = """one\ntwo # = """  # lines\n'
        'e: str = (\n    "x"\n    "y=1"  # joined (one of: xy=1, z)\n)\n'
        "f: int = -1  # negative"
    )
    schema = schema_of(tmp_path, source)
    assert {name: (x.default, x.help) for name, x in schema.items()} == {
        "a": ("x=y", "with ="),
        "b": ("x # y", ""),
        "c": ('it\'s "so"', "quotes"),
        "d": ("one\ntwo # = ", "lines"),
        "e": ("xy=1", "joined (one of: xy=1, z)"),
        "f": (-1, "negative"),
    }


VALUES = {
    "a": "c=d # no comment",
    "b": "two\nlines",
    "c": 'it\'s "so" \\ {odd} ü ☃',
    "k": -7,
    "rate": 1e-300,
    "further": True,
}


def test_values_reach_the_notebook_as_they_are_and_nothing_is_said(tmp_path, capfd, caplog):
    parameters = "\n".join(f"{name}: {type(v).__name__} = {v!r}" for name, v in VALUES.items())
    path = write_lesson(tmp_path, "01_x", parameters=parameters.replace("-7", "1"))
    task = task_of(path, tmp_path, parameters=VALUES)
    prepare_notebook(task)
    (cell,) = [
        cell
        for cell in nbformat.read(task.output, as_version=4).cells
        if "injected-parameters" in cell.metadata.get("tags", ())
    ]
    found = {}
    exec(cell.source, found)
    assert {name: found[name] for name in VALUES} == VALUES
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_every_number_of_the_lessons_has_a_range_that_its_presets_keep():
    folder = find_folder()
    lessons = find(folder)
    for lesson in lessons:
        schema = p.read_schema(lesson)
        assert not [x.name for x in schema.values() if x.type in ("int", "float") and x.least is None]
        assert (schema["seed"].least, schema["seed"].most) == (0, 4_000_000_000)
    for preset in p.PRESETS:
        p.read_preset(folder, preset, lessons)


# --- data sets -------------------------------------------------------------------------------------------


@pytest.fixture
def about(tmp_path, monkeypatch):
    """A lesson with a parameter that names a data set."""
    folder = write_course(tmp_path)
    write_lesson(
        folder, "01_x", "1", parameters='dataset: str = "mnist"  # what it is about (a data set or a folder)'
    )
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_data_set_is_one_that_there_is_or_a_folder(about, tmp_path):
    assert resolve(about, "dataset=kmnist")["01_x"]["dataset"] == "kmnist"
    (tmp_path / "shapes").mkdir()
    for given in ("shapes", "./shapes", str(tmp_path / "shapes")):  # a kernel runs in another folder
        assert Path(resolve(about, f"dataset={given}")["01_x"]["dataset"]) == tmp_path / "shapes"
    with pytest.raises(UserError, match="did you mean 'emnist-letters'") as info:
        resolve(about, "dataset=emnist-leters")
    assert info.value.where == "-p dataset"
    assert "a folder with images of your own" in info.value.expected


def test_only_a_text_names_a_data_set(tmp_path):
    path = write_lesson(tmp_path, "01_x", parameters="dataset: int = 1  # which (a data set or a folder)")
    with pytest.raises(UserError, match="a data set only for a str"):
        p.read_schema(Lesson(path))


@pytest.mark.parametrize(("found", "known"), [("QUIZZ", "QUIZ"), ("quizz", "QUIZ"), ("Quizz", "quiz")])
def test_a_near_name_is_found_whatever_its_case_and_shown_as_it_is(found, known):
    assert f"{found!r}, did you mean {known!r}?" in unknown("lesson", found, [known, "other"])
    assert "did you mean" not in unknown("lesson", "different", [known])
