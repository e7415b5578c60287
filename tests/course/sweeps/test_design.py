"""What a sweep varies: grids, lists and random samples, and plans that are wrong."""

import pytest
from course_helpers import write_course, write_lesson

from mnistkit.course.lessons import Lesson
from mnistkit.course.running import jobs
from mnistkit.course.sweeps.design import make_plan, parse_grid, read_plan
from mnistkit.course.sweeps.runner import make_trials
from mnistkit.errors import UserError


def settings(**content):
    return make_plan(content, "plan.yaml").settings


def test_a_grid_is_every_combination():
    made = make_plan({"grid": parse_grid(["k_max=8,12", "seed=0..2"])}, "--grid").settings
    assert len(made) == 6
    assert {(s["k_max"], s["seed"]) for s in made} == {(k, s) for k in ("8", "12") for s in range(3)}


def test_a_range_has_both_its_ends_and_may_be_negative_and_stand_among_values():
    assert [s["x"] for s in settings(grid={"x": ["-1..1", 7]})] == [-1, 0, 1, 7]


def test_the_parts_of_a_plan_are_joined_and_what_is_set_holds_for_all():
    made = settings(
        set={"name": "b", "seed": 9},
        grid={"seed": "0..1"},
        list=[{"k_max": 3}],
        random={"samples": 2, "seed": 1, "parameters": {"k_max": [5, 6, 7]}},
    )
    assert made[:3] == [
        {"name": "b", "seed": 0},
        {"name": "b", "seed": 1},
        {"name": "b", "seed": 9, "k_max": 3},
    ]
    assert len(made) == 5
    assert all(s["name"] == "b" and s["seed"] == 9 and s["k_max"] in (5, 6, 7) for s in made[3:])


def test_random_samples_follow_their_seed_and_bounds_and_are_python_numbers():
    def rates(seed, **change):
        rate = {"low": 0.001, "high": 0.1, "scale": "log", **change}
        return [
            s["rate"] for s in settings(random={"samples": 200, "seed": seed, "parameters": {"rate": rate}})
        ]

    assert rates(1) == rates(1) != rates(2)
    assert all(type(r) is float and 0.001 <= r <= 0.1 for r in rates(1))
    assert 60 < sum(r < 0.01 for r in rates(1)) < 140, "half of a log scale is below its middle"
    assert sum(r < 0.01 for r in rates(1, scale="linear")) < 40


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "nothing to vary"),
        ({"set": {"k": 1}}, "nothing to vary"),
        ({"grid": ["k"]}, "grid\n  found:    \\['k'\\]"),
        ({"grid": {"k": []}}, "grid: k"),
        ({"grid": {"k": None}}, "grid: k"),
        ({"grid": {"k": [[1]]}}, "grid: k"),
        ({"grid": {1: [1]}}, "expected: name"),
        ({"grid": {"k": "9..2"}}, "from a lower to a higher"),
        ({"grid": {"k": "0..99999999999"}}, "below 100,000 values"),
        ({"list": {"k": 1}}, "list"),
        ({"list": [1]}, "list"),
        ({"random": {"samples": 2}}, "random"),
        ({"random": {"samples": 0, "seed": 0, "parameters": {"k": [1]}}}, "samples: a number"),
        ({"random": {"samples": True, "seed": 0, "parameters": {"k": [1]}}}, "samples: a number"),
        ({"random": {"samples": 2, "seed": -1, "parameters": {"k": [1]}}}, "seed"),
        ({"random": {"samples": 2, "seed": 0, "parameters": {"k": {"low": 2, "high": 1}}}}, "low below high"),
        ({"random": {"samples": 2, "seed": 0, "parameters": {"k": {"low": "a", "high": 1}}}}, "random: k"),
        (
            {"random": {"samples": 2, "seed": 0, "parameters": {"k": {"low": 0, "high": 1, "scale": "log"}}}},
            "above 0",
        ),
        (
            {"random": {"samples": 2, "seed": 0, "parameters": {"k": {"low": 0, "high": 1, "sclae": "log"}}}},
            "random: k",
        ),
        ({"grid": {"k": [1]}, "lessons": "02"}, "lessons"),
        ({"grid": {"k": [1]}, "preset": 5}, "expected: one of smoke, lab, full"),
        ({"grid": {"k": [1]}, "set": [1]}, "set"),
    ],
)
def test_a_plan_that_is_wrong_is_answered_with_the_place(content, message):
    with pytest.raises(UserError, match=message):
        make_plan(content, "plan.yaml")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["k"], "expected NAME=VALUE"),
        (["k="], "expected NAME"),
        (["k=1,"], "expected NAME"),
        (["k=1", "k=2"], "twice"),
    ],
)
def test_a_grid_that_is_mistyped_is_answered(texts, message):
    with pytest.raises(UserError, match=message):
        parse_grid(texts)


def test_a_file_with_an_unknown_part_is_answered_with_the_near_one(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("girds: {k: [1]}")
    with pytest.raises(UserError, match="unknown part 'girds', did you mean 'grid'"):
        read_plan(path)
    for text in ("[1]", "", "{", "grid: {k: [1", "grid: {seed: [2026-13-45]}"):
        path.write_text(text)
        with pytest.raises(UserError, match="expected:"):
            read_plan(path)


def test_lessons_in_a_file_are_numbers_or_names(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("lessons: [02, 08, kmeans]\npreset: smoke\ngrid: {k: [1]}")
    made = make_plan(read_plan(path), path.name)
    assert (made.lessons, made.preset) == (("2", "08", "kmeans"), "smoke")


def test_the_runs_of_a_sweep_load_each_data_set_and_read_all_else_once(tmp_path, monkeypatch):
    path = write_lesson(write_course(tmp_path), "01_a", 'ds = load("mnist", "bundled")')
    calls = []

    def counted(name):
        function = getattr(jobs, name)
        return lambda *given: calls.append(name) or function(*given)

    for name in ("_load", "code_hash", "read_dependencies", "read_references"):
        monkeypatch.setattr(jobs, name, counted(name))
    trials = make_trials([Lesson(path)], {}, {}, [{"seed": seed} for seed in range(5)], "--grid")
    assert sorted(calls) == ["_load", "code_hash", "read_dependencies", "read_references"]
    assert len({trial.plans[0].fingerprint for trial in trials}) == 5
    again = jobs.JobMaker().make([Lesson(path)], {"01_a": trials[2].plans[0].parameters})
    assert again[0].fingerprint == trials[2].plans[0].fingerprint


def test_a_sweep_over_data_sets_knows_what_each_run_loads(tmp_path):
    path = write_lesson(write_course(tmp_path), "01_a", 'ds = load(name, "bundled")')
    settings = [{"name": name, "seed": seed} for name in ("mnist", "fashion-mnist") for seed in (0, 1)]
    trials = make_trials([Lesson(path)], {}, {}, settings, "list")
    assert [[data["name"] for data in trial.plans[0].data] for trial in trials] == [
        [setting["name"]] for setting in settings
    ]
