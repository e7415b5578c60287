"""results.json has a documented, versioned schema: what a run writes fits it, and what it means is written down."""

import json
import re
from pathlib import Path

import pytest
from course_helpers import write_course, write_lesson
from jsonschema import Draft202012Validator
from report_helpers import write_run

import mnistkit
from mnistkit.course.lessons import Lesson, find
from mnistkit.course.running import jobs, results, runner
from mnistkit.course.running.results import read_earlier, read_results, results_schema
from mnistkit.errors import UserError

DOCS = Path(mnistkit.__file__).parents[1] / "docs" / "reports"
SCHEMA = json.loads((DOCS / "results.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
RECORD = """
from mnistkit.data import load
from mnistkit.records import record, show_data
data = load("mnist", "bundled")
show_data(data)
record("images", len(data.x_train), data=data)
"""


@pytest.fixture
def started(tmp_path):
    """A course of a lesson that records something and one that fails, and how to run it."""
    course = write_course(tmp_path)
    write_lesson(course, "01_a", RECORD, parameters="seed: int = 1  # seed")
    write_lesson(course, "02_b", "1 / 0", parameters="seed: int = 1  # seed")

    def run():
        plans = jobs.JobMaker().make(find(course), {"01_a": {"seed": 1}, "02_b": {"seed": 1}})
        said = []
        runner.run(plans, tmp_path / "run", preset="lab", say=said.append, report=lambda *_: None)
        return said

    return tmp_path / "run", run


def edit(out, **changes):
    path = out / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_the_committed_schema_is_what_the_model_gives():
    assert (DOCS / "results.schema.json").read_text() == results_schema()
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.slow
def test_what_a_run_writes_fits_the_schema_and_a_later_major_version_is_refused_and_kept(started):
    out, run = started
    run()
    content = json.loads((out / "results.json").read_text())
    VALIDATOR.validate(content)
    assert content["version"] == "1.0"
    assert [entry["status"] for entry in content["notebooks"].values()] == ["completed", "failed"]
    assert [record["name"] for record in content["notebooks"]["01_a"]["records"]] == ["images"]
    later = edit(out, version="2.0", notebooks=[]).read_bytes()
    with pytest.raises(UserError, match=r"version 2\.0, written by a later mnistkit"):
        run()
    assert (out / "results.json").read_bytes() == later
    assert not VALIDATOR.is_valid(json.loads(later))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "2.0"},
        {"version": 1},
        {"machine": {}},
        {"notebooks": {"../x": {}}},
        {"notebooks": {"01_a": {"status": "done"}}},
        {"started": None},
    ],
)
def test_the_schema_and_the_kit_refuse_the_same(tmp_path, changes):
    out = write_run(tmp_path, {"01_a": (None, {})})
    VALIDATOR.validate(json.loads((out / "results.json").read_text()))
    path = edit(out, **changes)
    assert not VALIDATOR.is_valid(json.loads(path.read_text()))
    with pytest.raises(UserError):
        read_results(out)


def test_each_notebook_has_the_commit_of_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "git_commit", lambda folder: f"commit of {folder.name}")
    for name in ("course", "mine"):
        (tmp_path / name).mkdir()
    paths = [write_lesson(tmp_path / "course", "01_a"), write_lesson(tmp_path / "mine", "own")]
    plans = [jobs.NotebookJob(Lesson(path), {}, (), "", "") for path in paths]
    entries = results.begin_results({}, plans, [], "lab")["notebooks"]
    assert {name: entry["git_commit"] for name, entry in entries.items()} == {
        "01_a": "commit of course",
        "own": "commit of mine",
    }


def test_a_notebook_below_the_root_has_a_clone_to_look_in(tmp_path):
    plan = jobs.NotebookJob(Lesson(Path(tmp_path.anchor, "own.ipynb")), {}, (), "", "")
    assert results.begin_results({"own": {}}, [plan], [plan], "lab")["lock_sha256"] == ""


def test_a_file_without_version_and_one_of_a_later_minor_version_are_read(tmp_path):
    out = write_run(tmp_path, {"01_a": (None, {})})
    read = read_results(out)
    path = edit(out, version="1.7", later="field")
    assert read_results(out) == read | {"version": "1.7"}
    content = json.loads(path.read_text())
    del content["version"], content["later"]
    path.write_text(json.dumps({"schema": 1} | content))  # as it was before there was a version
    VALIDATOR.validate(json.loads(path.read_text()))
    assert read_results(out).get("version") is None
    assert read_results(out)["notebooks"] == read["notebooks"]


def test_a_later_major_version_is_an_error_that_says_what_to_do(tmp_path):
    out = write_run(tmp_path, {"01_a": (None, {})})
    path = edit(out, version="12.3", machine="another meaning")
    for reader in (read_results, read_earlier):
        with pytest.raises(UserError) as error:
            reader(out)
        assert error.value.where == f"{path}: version"
        assert error.value.found == "version 12.3, written by a later mnistkit"
        assert error.value.expected.startswith("version 1.x, which mnistkit ")
        assert error.value.todo.startswith("update mnistkit")
    edit(out, version="1")  # no later one, but not as it was written
    assert read_earlier(out) == {}


def test_the_page_explains_every_field():
    explained = set(re.findall(r"`(\w+)`", (DOCS / "results.md").read_text()))
    for name, model in SCHEMA["$defs"].items():
        assert set(model["properties"]) <= explained, name


def test_the_pages_example_of_pandas_runs(tmp_path, monkeypatch):
    record = {"name": "purity", "value": 0.5, "is_standin": False, "reference": 0.8, "report": "R2"}
    lessons = {
        "01_a": (None, {"records": [record]}),
        "02_b": (None, {"status": "failed", "records": [record]}),
    }
    write_run(tmp_path / "runs" / "lab", lessons)
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "results.md").read_text(), re.S)
    made = {}
    exec(example, made)
    assert made["records"][["lesson", "name", "value"]].values.tolist() == [["01_a", "purity", 0.5]]
    assert made["costs"].loc["01_a", "seconds"] == 12.3
