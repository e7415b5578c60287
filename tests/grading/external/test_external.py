"""One submission graded as a platform's container does it, and the files that platforms read."""

import json
import shutil
import subprocess
import zipfile
from dataclasses import replace

import pytest
from class_helpers import NAME, make_batch, notebook, release_small
from click.testing import CliRunner
from data_helpers import SHAPES, draw_shapes
from jsonschema import Draft202012Validator
from sandbox_helpers import LIMITS, make_sandbox

from mnistkit.cli import main
from mnistkit.cli.grading import assignment_group
from mnistkit.data import load
from mnistkit.errors import UserError
from mnistkit.grading.external import bundle, command
from mnistkit.grading.external.result_formats import RESULT_FORMATS, ExerciseResult, SubmissionResult
from mnistkit.grading.ledger import Mark, Result

TEXT, NUMBER = {"type": "string"}, {"type": "number", "minimum": 0}


def thing(required, **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
SCHEMAS = {
    # gradescope-autograders.readthedocs.io/en/latest/specs, "Output format"
    "gradescope": thing(
        ["score", "tests"],
        score=NUMBER,
        execution_time=NUMBER,
        output=TEXT,
        visibility=VISIBILITY,
        stdout_visibility=VISIBILITY,
        extra_data={"type": "object"},
        tests={
            "type": "array",
            "items": thing(
                [],
                score=NUMBER,
                max_score=NUMBER,
                name=TEXT,
                number=TEXT,
                output=TEXT,
                tags={"type": "array", "items": TEXT},
                visibility=VISIBILITY,
                extra_data={"type": "object"},
            ),
        },
    ),
    # prairielearn.readthedocs.io/en/latest/externalGrading, "Grading results"
    "prairielearn": {
        **thing(
            [],
            gradable={"type": "boolean"},
            score={"type": "number", "minimum": 0, "maximum": 1},
            message=TEXT,
            output=TEXT,
            format_errors={"type": "array", "items": TEXT},
            tests={
                "type": "array",
                "items": thing(
                    ["name", "points", "max_points"],
                    name=TEXT,
                    description=TEXT,
                    points=NUMBER,
                    max_points=NUMBER,
                    message=TEXT,
                    output=TEXT,
                ),
            },
        ),
        "anyOf": [
            {"required": ["score"]},
            {"properties": {"gradable": {"const": False}}, "required": ["gradable"]},
        ],
    },
    # classroom-resources/autograding-io-grader writes it, autograding-grading-reporter reads it (src/main.js)
    "github": thing(
        ["version", "status", "max_score", "tests"],
        version={"const": 1},
        status={"enum": ["pass", "fail", "error"]},
        max_score=NUMBER,
        tests={
            "type": "array",
            "items": thing(
                ["name", "status", "message", "score"],
                name=TEXT,
                status={"enum": ["pass", "fail", "error"]},
                message={"type": ["string", "null"]},
                test_code=TEXT,
                filename=TEXT,
                line_no=NUMBER,
                duration=NUMBER,
                score=NUMBER,
            ),
        },
    ),
}

RESULT = SubmissionResult(
    (
        ExerciseResult("Double", 2.0, 2.0, "All checks passed, the hidden ones too.", automatic=True),
        ExerciseResult("Total", 3.0, 0.0, "A check failed: ##[set-output name=result;]5", automatic=True),
        ExerciseResult("Mine", 1.0, None, "Your teacher looks at this.", automatic=True),
        ExerciseResult("Why", 4.0, None, "Your teacher looks at this.", automatic=False),
    ),
    seconds=2.345,
    notes=("01_small was handed in as 'a.ipynb'",),
    readable=True,
)
GOLDEN = {
    "gradescope": {
        "score": 2.0,
        "execution_time": 2.3,
        "output": "01_small was handed in as 'a.ipynb'",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": "Double",
                "score": 2.0,
                "max_score": 2.0,
                "output": "All checks passed, the hidden ones too.",
                "visibility": "visible",
            },
            {
                "name": "Total",
                "score": 0.0,
                "max_score": 3.0,
                "output": "A check failed: ##[set-output name=result;]5",
                "visibility": "visible",
            },
            {"name": "Mine", "output": "Your teacher looks at this.", "visibility": "visible"},
            {"name": "Why", "output": "Your teacher looks at this.", "visibility": "visible"},
        ],
    },
    "prairielearn": {
        "gradable": True,
        "score": 2 / 6,
        "message": "01_small was handed in as 'a.ipynb'",
        "tests": [
            {
                "name": "Double",
                "points": 2.0,
                "max_points": 2.0,
                "message": "All checks passed, the hidden ones too.",
            },
            {
                "name": "Total",
                "points": 0.0,
                "max_points": 3.0,
                "message": "A check failed: ##[set-output name=result;]5",
            },
            {"name": "Mine", "points": 0.0, "max_points": 1.0, "message": "Your teacher looks at this."},
        ],
    },
    "github": {
        "version": 1,
        "status": "fail",
        "max_score": 6.0,
        "tests": [
            {"name": name, "status": status, "message": says, "score": points}
            | {"test_code": "", "filename": "", "line_no": 0}
            for name, status, says, points in (
                ("Double", "pass", None, 2.0),
                ("Total", "fail", "A check failed: ## [set-output name=result;]5", 0.0),
                ("Mine", "fail", "Your teacher looks at this.", 0.0),
            )
        ],
    },
}


@pytest.mark.parametrize("platform", RESULT_FORMATS)
def test_each_platform_gets_what_its_documentation_describes(platform):
    content = RESULT_FORMATS[platform](RESULT)
    assert content == GOLDEN[platform]
    for one in (content, RESULT_FORMATS[platform](replace(RESULT, readable=False))):
        Draft202012Validator(SCHEMAS[platform]).validate(one)


def test_the_commands_know_every_platform():
    for one in (assignment_group.commands["grade-file"], assignment_group.commands["autograder"]):
        platform = next(param for param in one.params if param.name == "platform")
        assert tuple(platform.type.choices) == tuple(RESULT_FORMATS)


def test_what_is_no_notebook_costs_no_attempt_on_prairielearn():
    content = RESULT_FORMATS["prairielearn"](replace(RESULT, readable=False))
    assert content == {"gradable": False, "format_errors": ["01_small was handed in as 'a.ipynb'"]}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return release_small(tmp_path_factory.mktemp("external"))


def told(**got):
    """Give an `examine` that runs nothing."""

    def examine(job):
        marks = [Mark(f"{name}-check", points, most, reason) for name, (points, most, reason) in got.items()]
        return Result(tuple(marks), ("uses `os` ##[x]",), 1.0)

    return examine


GOOD = {"double": (2.0, 2, ""), "total": (3.0, 3, ""), "mine": (1.0, 1, "")}


@pytest.fixture
def grade(course, tmp_path, monkeypatch):
    """Give what grades a folder with these files on the command line, by a grading process that is told."""
    monkeypatch.setattr(command, "sandbox_problem", lambda: "")

    def call(files, platform="gradescope", examine=None):
        monkeypatch.setattr(command, "examine", examine or told(**GOOD))
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
        for name, content in files.items():
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        (tmp_path / "in").mkdir(exist_ok=True)
        to = tmp_path / "out" / "results.json"
        arguments = ["assignment", "grade-file", "01", str(tmp_path / "in"), "--course", str(course)]
        done = CliRunner().invoke(main, [*arguments, "--for", platform, "--to", str(to)])
        return done, json.loads(to.read_text()) if to.exists() else None

    return call


def test_the_exit_status_says_for_github_whether_all_points_are_there(grade, course):
    files = {"sub/my work.ipynb": notebook(course), "README.md": "hello"}
    done, content = grade(files, "github")
    assert (done.exit_code, content["status"]) == (0, "pass")
    assert "##[" not in done.output
    worse = told(**GOOD | {"total": (0.0, 3, "a number is missing")})
    done, content = grade(files, "github", worse)
    assert (done.exit_code, content["status"]) == (1, "fail")
    assert content["tests"][1]["message"] == "A number is missing"
    assert grade(files, "gradescope", worse)[0].exit_code == 0


@pytest.mark.parametrize("ending", ["", ".txt", ".json"])
def test_a_notebook_is_found_under_the_name_that_a_browser_gives_it(grade, course, ending):
    done, content = grade({f"{NAME}.ipynb{ending}": notebook(course)})
    assert (done.exit_code, content["score"]) == (0, 6)


def test_nothing_handed_in_gets_no_points_and_says_so(grade):
    done, content = grade({"notes.txt": "hello"}, examine=None)
    assert done.exit_code == 0
    assert content["score"] == 0
    assert content["output"] == f"{NAME}: nothing was handed in for this notebook"
    assert grade({}, "prairielearn")[1]["gradable"] is False


def test_what_could_not_be_graded_has_no_result_and_no_earlier_one_stays(grade, course, tmp_path):
    files = {f"{NAME}.ipynb": notebook(course)}
    assert grade(files)[1]["score"] == 6
    tries = []
    done, content = grade(
        files, examine=lambda job: tries.append(job) or Result((), status="failed", why="out of memory")
    )
    assert (done.exit_code, content, len(tries)) == (1, None, 2)
    assert "out of memory" in done.output


def test_an_assignment_with_own_numbers_is_refused(course, tmp_path):
    batch = make_batch(course)
    with pytest.raises(UserError, match="own numbers"):
        command.check_gradable_alone(replace(batch, released=replace(batch.released, personal=True)))


def test_the_bundle_has_all_that_grading_needs_and_nothing_of_students(course, monkeypatch, tmp_path):
    def built(home, folder):
        (folder / "any").mkdir()
        (folder / "any" / "mnistkit-1-py3-none-any.whl").write_text("wheel")

    monkeypatch.setattr(bundle, "build_wheel", built)
    (course / "submitted" / "ada").mkdir(parents=True)
    (course / "submitted" / "ada" / "secret.txt").write_text("of a student")
    (course / "secret.key").write_text("key")
    for platform, script in (
        ("gradescope", "run_autograder"),
        ("prairielearn", "question/tests/run.sh"),
        ("github", "grade.sh"),
    ):
        path = bundle.write_autograder(course, "01", platform, unsandboxed=False)
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            packed.extractall(tmp_path / platform)
            assert packed.getinfo(script).external_attr >> 16 == 0o755
        assert not [name for name in names if "submitted" in name or "secret" in name or "gradebook" in name]
        for name in (name for name in names if name.endswith((".sh", "run_autograder"))):
            subprocess.run(["bash", "-n", tmp_path / platform / name], check=True)
        words = (tmp_path / platform / script).read_text()
        arguments = words.replace("\\\n", "").split("mnistkit assignment grade-file ")[1].split()
        main.commands["assignment"].commands["grade-file"].make_context("grade-file", arguments)
    # What is in it is enough to grade with.
    inside = command.read_batch(tmp_path / "gradescope" / "course", NAME, command.ExecutionOptions(), False)
    assert [plan.lesson.text for plan in inside.plans] == [
        plan.lesson.text for plan in make_batch(course).plans
    ]
    assert json.loads((tmp_path / "prairielearn" / "question" / "info.json").read_text())


@pytest.fixture
def write_with(course, monkeypatch, tmp_path):
    """Give what writes an autograder whose lesson loads this, where there are images of one's own."""
    draw_shapes(tmp_path / "data" / "more" / "shapes", 15)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundle, "build_wheel", lambda home, folder: (folder / "any").mkdir())

    def write(name, source="auto"):
        need = {"name": name, "source": source, "sha256": ""}
        batch = make_batch(course)
        batch = replace(batch, plans=tuple(replace(plan, needs=(need,)) for plan in batch.plans))
        monkeypatch.setattr(bundle, "read_batch", lambda *_: batch)
        return bundle.write_autograder(course, "01", "gradescope", unsandboxed=False)

    return write


def test_own_images_keep_their_classes_names(write_with, tmp_path, monkeypatch):
    with zipfile.ZipFile(write_with("more/shapes")) as packed:
        packed.extractall(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "there" / "data"))
    assert load("more/shapes").class_names == SHAPES


@pytest.mark.parametrize(
    "change", [{"name": "{}/data/more/shapes"}, {"name": "../{.name}/data/more/shapes"}, {"source": "data"}]
)
def test_own_images_that_a_container_would_not_find_are_refused(write_with, tmp_path, change):
    asked = {"name": "more/shapes"} | {key: text.format(tmp_path) for key, text in change.items()}
    with pytest.raises(UserError, match="nothing else") as refused:
        write_with(**asked)
    assert "'shapes' from 'auto'" in refused.value.todo
    assert not list((tmp_path / "data" / "more" / "shapes").glob("*.gz")), "nothing is written beside them"


@pytest.mark.slow
def test_the_very_grading_is_used_with_its_sandbox_and_what_is_hidden_stays_hidden(course, tmp_path):
    make_sandbox()
    answers = {
        "double": "def double(x):\n    return 2 * np.asarray(x) if np.min(x) > 0 else 0",
        "total": "def total(x):\n    return open('results.json', 'w').write('100')",
    }
    (tmp_path / "ada.ipynb").write_text(json.dumps(notebook(course, answers)))
    batch = replace(make_batch(course), limits=LIMITS)
    result = command.grade_source(batch, tmp_path / "ada.ipynb")
    assert [exercise.points for exercise in result.exercises] == [0, 0, 1, None]
    text = json.dumps(RESULT_FORMATS["gradescope"](result))
    assert "negative numbers too" in text
    assert "-4.5" not in text
