"""Marks, rubrics and parts: in the gradebook and in files, with nothing run and no page."""

import shutil
from dataclasses import replace

import pytest
from class_helpers import NAME
from click.testing import CliRunner
from marking_helpers import enter_all, hand_in_all

from mnistkit.cli import main
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.marking.gradebook_sheet import GradebookSheet
from mnistkit.grading.marking.sheet import MarkConflict, PartFile, RubricItem
from mnistkit.grading.nbgrader_bridge import gradebook

REASON = RubricItem("r1", NAME, "why", "gives a reason", 2.0)
SLIP = RubricItem("r2", NAME, "why", "a slip", -0.5)
ANSWERS = {"ada": "Since it is so.", "bob": "No idea.", "cyd": "Because."}


@pytest.fixture(scope="module")
def handed_in(make_course):
    return make_course(ANSWERS)


@pytest.fixture
def course(handed_in, tmp_path):
    return shutil.copytree(handed_in, tmp_path / "course")


@pytest.fixture
def store(course):
    with gradebook(course) as book:
        yield GradebookSheet(course, book, NAME)


def mark_of(store, student, exercise="why"):
    return next(m for m in store.sheet().marks if m.place == (student, NAME, exercise))


def answer_of(store, student, exercise="why"):
    return next(a for a in store.sheet().answers if a.place == (student, NAME, exercise))


def give(store, student, points=None, exercise="why", **more):
    """Give points as the page does."""
    seen = mark_of(store, student, exercise)
    given = {"sha256": answer_of(store, student, exercise).sha256, "points": points, **more}
    if "items" in more:
        given["points"] = 0.0  # to be counted
    return store.save(replace(seen, **given), seen)


def test_a_mark_is_what_formgrader_would_have_written(course, store):
    give(store, "ada", 3.5, comment=" Well said. ", marker="grace")
    give(store, "bob", 1.0, "double-check", comment="A start.")
    with gradebook(course) as book:
        why, double = (
            book.find_grade(name, NAME, NAME, s) for name, s in (("why", "ada"), ("double-check", "bob"))
        )
        assert (why.manual_score, why.score, why.needs_manual_grade) == (3.5, 3.5, False)
        assert (double.manual_score, double.auto_score, double.needs_manual_grade) == (1, 2, False)
        assert book.find_comment("why", NAME, NAME, "ada").manual_comment == "Well said."
        assert book.find_comment("double", NAME, NAME, "bob").manual_comment == "A start."
    scores = {s.student: s for s in read_class_scores(course, NAME).students}
    assert (scores["ada"].total, scores["ada"].waiting, scores["cyd"].waiting) == (9.5, 0, 1)
    assert scores["bob"].scores[0].comment == "A start."
    assert mark_of(store, "ada").marker == "grace"
    give(store, "ada", None, sha256="")
    assert read_class_scores(course, NAME).students[0].waiting == 1


def test_a_changed_rubric_item_scores_all_anew_and_nobody_else(course, store):
    for item in (REASON, SLIP):
        store.set_item(item, None)
    assert give(store, "ada", items=("r1", "r2")).points == 1.5
    assert give(store, "bob", items=("r2",)).points == 0, "never below"
    give(store, "cyd", items=("r1",))
    with gradebook(course) as book:  # in formgrader
        book.find_grade("why", NAME, NAME, "cyd").manual_score = 2.5
        book.db.commit()
    store.set_item(replace(REASON, points=9.0), REASON)
    assert [mark_of(store, student).points for student in ANSWERS] == [4, 0, 2.5]
    assert mark_of(store, "cyd").items == ()
    # On top of what the checks gave.
    enter_all(course, ["bob"], auto=0.5)
    bonus = RubricItem("r3", NAME, "double-check", "nearly", 1.0)
    store.set_item(bonus, None)
    assert give(store, "bob", exercise="double-check", items=("r3",)).points == 1.5
    assert store.sheet().items == (replace(REASON, points=9.0), SLIP, bonus)


def test_two_markers_at_once_lose_nothing(course, store):
    with gradebook(course) as book:
        other = GradebookSheet(course, book, NAME)
        seen = mark_of(store, "ada")
        give(other, "ada", 2.0, comment="Good.", marker="grace")
        give(other, "bob", 1.0)
        sha256 = answer_of(store, "ada").sha256
        with pytest.raises(MarkConflict, match=r"2 points by grace with a comment is kept.*and not 4 points"):
            store.save(replace(seen, points=4.0, sha256=sha256), seen)
        assert mark_of(store, "ada").comment == "Good."
        other.set_item(REASON, None)
        with pytest.raises(MarkConflict, match="'gives a reason' with 2 points is kept"):
            store.set_item(replace(REASON, text="why"), None)
        give(store, "cyd", 3.0)
        assert [mark_of(other, student).points for student in ANSWERS] == [2, 1, 3]


def test_a_mark_is_for_the_answer_that_was_seen(course, store):
    give(store, "ada", 3.0)
    before, seen = answer_of(store, "ada"), mark_of(store, "ada")
    unmarked = mark_of(store, "bob"), answer_of(store, "bob")
    hand_in_all(course, {"ada": "Another reason.", "bob": "Now I know."})
    with pytest.raises(MarkConflict, match=r"bob, .*another answer was handed in meanwhile"):
        store.save(replace(unmarked[0], points=4.0, sha256=unmarked[1].sha256), unmarked[0])
    assert answer_of(store, "ada").cells == ("Another reason.",)
    assert mark_of(store, "ada").sha256 == before.sha256 != answer_of(store, "ada").sha256
    # A comment decides nothing; the points stand once somebody says so.
    store.save(replace(seen, comment="Better before."), seen)
    assert read_class_scores(course, NAME).students[0].waiting == 1
    give(store, "ada", 3.0)
    assert read_class_scores(course, NAME).students[0].waiting == 0


def test_what_was_handed_in_and_not_graded_yet_is_not_marked(course, store, tmp_path):
    made = tmp_path / "another"
    shutil.copytree(course, made)
    path = made / "submitted" / "ada" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text().replace("Since it is so.", "Handed in anew."))
    with gradebook(made) as book:
        answers = GradebookSheet(made, book, NAME).sheet().answers
    assert {a.student for a in answers if a.exercise == "why"} == {"bob", "cyd"}


def run(*arguments):
    return CliRunner().invoke(main, ["assignment", "mark", *map(str, arguments)])


def test_parts_are_marked_without_the_course_and_merged(course, store):
    store.set_item(REASON, None)
    give(store, "ada", items=("r1",))
    assert "2 students" in run(NAME, "--course", course, "--split", 2).output
    paths = [course / "marking" / f"{NAME}-part-{number}.json" for number in (1, 2)]
    first, second = map(PartFile, paths)
    assert {a.student for a in first.sheet().answers} == {"ada", "cyd"}
    give(first, "cyd", items=("r1",), comment="Short.", marker="grace")
    first.set_item(replace(REASON, points=3.0), REASON)
    assert [mark_of(first, student).points for student in ("ada", "cyd")] == [3, 3]
    give(second, "bob", 1.0, marker="alan")
    refused = run(NAME, "--course", course, "--split", 2)
    assert "may have marks in it" in refused.output
    arguments = [NAME, "--course", course, "--merge", paths[0], "--merge", paths[1]]
    merged = run(*arguments)
    assert merged.exit_code == 0, merged.output
    assert [(mark_of(store, s).points, mark_of(store, s).comment) for s in ANSWERS] == [
        (3, ""),
        (1, ""),
        (3, "Short."),
    ]
    assert run(*arguments).exit_code == 0, "once more changes nothing"
    # What was changed on both sides is named, and stays.
    give(store, "bob", 2.0, marker="ada")
    store.set_item(replace(REASON, points=1.0), replace(REASON, points=3.0))
    give(second, "bob", 4.0)
    give(first, "cyd", 0.0)
    result = run(*arguments)
    assert result.exit_code == 1
    assert "bob, 01_small, why: 2 points by ada is kept" in result.output
    assert "rubric of why: 'gives a reason' with 1 points is kept" in result.output
    assert [mark_of(store, s).points for s in ANSWERS] == [1, 2, 1]


def test_a_file_that_is_no_part_is_refused(course, store, tmp_path):
    path = tmp_path / "part.json"
    for text, said in (("{}", "part.json"), ("no json", "part.json")):
        path.write_text(text)
        assert said in run(path).output
    assert "no such file" in run(tmp_path / "none.json").output
    assert run(NAME, "--course", course, "--split", 2).exit_code == 0
    part = course / "marking" / f"{NAME}-part-1.json"
    part.write_text(part.read_text().replace(f'"assignment": "{NAME}"', '"assignment": "other"'))
    assert "a part of 'other'" in run(NAME, "--course", course, "--merge", part).output
