"""What the kit wrote and reads back is as its model says, or an error that names file and field."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, NotRequired, TypedDict

import pytest
from jsonschema import Draft202012Validator

from mnistkit import files
from mnistkit.course.stored_files import PlainName, is_plain_name, json_schema, read_stored, validated
from mnistkit.errors import UserError


@dataclass(frozen=True)
class Part:
    name: PlainName
    points: float | None = None
    tags: tuple[str, ...] = ()
    seen: dict[PlainName, int] = field(default_factory=dict)


class Whole(TypedDict):
    schema: Literal[1]
    parts: list[Part]
    note: NotRequired[Annotated[bool | int | float | str, "What else there is to say."]]


GOOD = {"schema": 1, "parts": [{"name": "a.b-c ü", "points": 1, "tags": ["x"], "seen": {"y": 2}, "later": 3}]}


def test_what_fits_is_given_typed_and_unknown_fields_are_left_out(tmp_path):
    path = tmp_path / "stored.json"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_text(json.dumps(GOOD, ensure_ascii=False), encoding=encoding)
        found = read_stored(path, Whole, "nothing")
        assert found == {"schema": 1, "parts": [Part("a.b-c ü", 1, ("x",), {"y": 2})]}


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("schema", {"schema": 2, "parts": []}),
        ("schema", {"schema": True, "parts": []}),
        ("parts", {"schema": 1}),
        ("parts", {"schema": 1, "parts": {}}),
        ("parts[0]", {"schema": 1, "parts": [None]}),
        ("parts[0].name", {"schema": 1, "parts": [{}]}),
        ("parts[0].name", {"schema": 1, "parts": [{"name": "../x"}]}),
        ("parts[0].points", {"schema": 1, "parts": [{"name": "x", "points": "1"}]}),
        ("parts[0].points", {"schema": 1, "parts": [{"name": "x", "points": False}]}),
        ("parts[0].points", {"schema": 1, "parts": [{"name": "x", "points": 1e999}]}),
        ("parts[0].tags[0]", {"schema": 1, "parts": [{"name": "x", "tags": ["\ud800"]}]}),
        ("parts[0].seen.y", {"schema": 1, "parts": [{"name": "x", "seen": {"y": 10**30}}]}),
        ("parts[0].seen: the name", {"schema": 1, "parts": [{"name": "x", "seen": {"..": 1}}]}),
        ("note", {"schema": 1, "parts": [], "note": []}),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(place, content):
    with pytest.raises(UserError) as error:
        validated(content, Whole, "stored.json", "write it again")
    first, found, expected, todo = str(error.value).splitlines()
    assert first == f"stored.json: {place}"
    assert found.startswith("  found:    ")
    assert expected.startswith("  expected: ")
    assert todo == "  to do:    write it again"


def test_a_model_is_described_as_a_json_schema():
    schema = json_schema(Whole)
    validator = Draft202012Validator(schema)
    validator.validate(GOOD)
    assert schema["$defs"]["Whole"]["required"] == ["schema", "parts"]
    assert schema["$defs"]["Whole"]["properties"]["note"]["description"] == "What else there is to say."
    assert schema["$defs"]["Part"]["required"] == ["name"]
    for content in (
        GOOD | {"schema": 2},
        {"schema": 1},
        GOOD | {"parts": [{"name": "a/b"}]},
        GOOD | {"note": []},
    ):
        assert not validator.is_valid(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"schema": NaN, "parts": []}',
        b"[" * 100_000,
        b"9" * 5000,
        b'{"schema": 1, "parts": "\xe9"}',
        b"[]",
    ],
)
def test_what_is_no_json_of_ours_is_an_error_that_names_the_file(tmp_path, content):
    path = tmp_path / "stored.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"stored\.json"):
        read_stored(path, Whole, "write it again")


def test_a_plain_name_is_one_part_of_a_path():
    for name in ("01_a", "k=1,seed=2", "müller", "a b", "x.json"):
        assert is_plain_name(name), name
    for name in ("", ".", "..", ".x", "a/b", "a\\b", "C:x", "a\0", "a\n", "x" * 300, "x.", " x", "/x"):
        assert not is_plain_name(name), name


def test_what_a_killed_command_was_writing_is_cleaned_by_the_next_and_nothing_else_is(isolated):
    """A process that has ended left scratch; one that is at work, another machine and people have theirs."""
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    here = Path.cwd()
    path = here / "a.txt"
    ours = files.scratch_beside(here / "1")
    left = Path(str(ours).replace(f"-{os.getpid()}-", f"-{ended.stdout.strip()}-"))
    elsewhere = here / f".writing-another.machine-{ended.stdout.strip()}-1"
    mine = [here / name for name in (".a.txt.tmp", "a.tmp", ".writing", "writing-1")]
    for one in (ours, left, elsewhere, *mine):
        one.touch()
    (here / f"{left.name}printing" / "inner").mkdir(parents=True)
    files.write_atomically(path, "whole")
    assert set(here.iterdir()) == {path, ours, elsewhere, *mine}
    os.utime(elsewhere, (0, 0))
    files.write_atomically(path, "whole")
    assert set(here.iterdir()) == {path, ours, *mine}
