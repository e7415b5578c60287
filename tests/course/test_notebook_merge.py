"""A newer edition merged into a student's copy: nothing that the student wrote is lost, and nothing stays old."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistkit.course.notebook_merge import merge


def cell(name, source, **more):
    return {"cell_type": "code", "id": name, "metadata": {}, "source": source, "outputs": [], **more}


def sources(merged):
    return [(c["id"], c["source"]) for c in merged.cells]


GIVEN = [cell("a", "1"), cell("b", "2"), cell("c", "3")]


def test_what_the_student_has_not_touched_becomes_the_newer_editions():
    own = [{**c, "outputs": ["seen"]} for c in GIVEN]
    newer = [cell("a", "1", metadata={"tags": ["x"]}), cell("new", "0"), cell("b", "two")]
    merged = merge(GIVEN, newer, own)
    assert sources(merged) == [("a", "1"), ("new", "0"), ("b", "two")]
    assert (merged.updated, merged.added, merged.removed, merged.kept) == (["b"], ["new"], ["c"], [])
    assert merged.cells[0]["outputs"] == ["seen"], "what came out of an unchanged cell stays"
    assert merged.cells[0]["metadata"] == {"tags": ["x"]}
    assert merged.cells[2]["outputs"] == [], "what came out of other code does not"


def test_what_the_student_changed_stays_and_is_named_where_the_kit_changed_it_too():
    own = [cell("a", "mine"), cell("b", "my own"), cell("c", "also")]
    merged = merge(GIVEN, [cell("a", "1"), cell("b", "two")], own)
    assert sources(merged) == [("a", "mine"), ("b", "my own"), ("c", "also")]
    assert merged.kept == ["c", "b"]
    assert not merged.updated


def test_the_students_own_cells_follow_what_they_followed():
    own = [
        cell("p", "first"),
        GIVEN[0],
        cell("q", "after a"),
        cell("r", "and more"),
        GIVEN[2],
        cell("b", "2"),
    ]
    newer = [GIVEN[1], cell("new", "0"), GIVEN[0]]
    merged = merge(GIVEN, newer, own)
    assert [name for name, _ in sources(merged)] == ["p", "b", "new", "a", "q", "r"]
    assert merged.removed == ["c"]


def test_a_deleted_cell_does_not_come_back_and_what_followed_it_stays():
    merged = merge(
        GIVEN, [cell("a", "1"), cell("b", "changed"), cell("c", "3")], [GIVEN[0], cell("x", "y"), GIVEN[2]]
    )
    assert sources(merged) == [("a", "1"), ("x", "y"), ("c", "3")]


def test_of_two_cells_with_one_id_the_first_is_the_editions_and_both_stay():
    merged = merge(GIVEN, GIVEN, [*GIVEN, cell("a", "a copy that was changed"), cell("", "no id")])
    assert sources(merged)[3:] == [("a", "a copy that was changed"), ("", "no id")]


@pytest.mark.parametrize(("key", "value"), [("cell_type", "raw"), ("attachments", {"x": {}})])
def test_more_than_the_source_can_be_changed(key, value):
    own = [{**GIVEN[0], key: value}, *GIVEN[1:]]
    assert merge(GIVEN, [cell("a", "newer"), *GIVEN[1:]], own).cells[0] == own[0]


def test_a_source_as_lines_is_the_same_as_one_as_text():
    merged = merge([cell("a", "1\n2")], [cell("a", "new")], [cell("a", ["1\n", "2"])])
    assert sources(merged) == [("a", "new")]


NAMES = st.sampled_from("abcdef")
EDITION = st.lists(NAMES, unique=True, max_size=6).flatmap(
    lambda names: st.tuples(*(st.builds(cell, st.just(name), st.sampled_from(["1", "2"])) for name in names))
)
OWN = st.lists(
    st.builds(cell, st.sampled_from(["a", "b", "c", "d", "x", ""]), st.sampled_from(["1", "2", "mine", ""])),
    max_size=8,
)


@settings(max_examples=500, deadline=None)
@given(EDITION, EDITION, OWN)
def test_no_character_of_the_students_is_lost(before, newer, own):
    merged = merge(before, newer, own)
    known = {c["id"]: c["source"] for c in before}
    written = [c for c in own if c["source"] != known.get(c["id"])]
    there = [c["source"] for c in merged.cells]
    for source in {c["source"] for c in written}:
        needed = sum(c["source"] == source for c in written)
        assert there.count(source) >= needed
    own_ids = {c["id"] for c in own}
    for c in newer:
        if c["id"] in own_ids or c["id"] not in known:
            assert c["id"] in {m["id"] for m in merged.cells}
        else:
            assert c["id"] not in {m["id"] for m in merged.cells}, "the student deleted it"
