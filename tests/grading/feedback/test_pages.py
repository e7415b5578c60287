"""What people read after grading: feedback, the teacher's page, the table of grades."""

import contextlib
import csv
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import time
import warnings
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from course_helpers import write_course
from grades_helpers import (
    HIDDEN,
    LESSON,
    PASSED,
    SECRET,
    check,
    class_feedback,
    class_page,
    collected,
    enter,
    enter_all,
    fill_class,
    hand_in,
    release_small,
    score,
)
from report_helpers import EVIL, Tags, assert_harmless, evil_cells, figure_cell

from mnistkit.cli import main
from mnistkit.errors import UserError
from mnistkit.grading import nbgrader_bridge, submission
from mnistkit.grading.exercises import Exercise
from mnistkit.grading.feedback import instructor_page, student_page
from mnistkit.grading.feedback.gradebook_scores import ClassScores, Score, StudentScore, read_class_scores
from mnistkit.grading.feedback.grades_csv import grades_csv
from mnistkit.grading.feedback.instructor_page import difficulties, remarks
from mnistkit.grading.feedback.notebook_excerpt import MAX_SHOWN_CELLS, shown_notebook
from mnistkit.grading.feedback.page_states import check_pages
from mnistkit.grading.feedback.similarity import WrittenAnswers
from mnistkit.grading.ledger import Graded, Mark, Result, read_graded, write_graded
from mnistkit.grading.plain_text import plain, plain_lines
from mnistkit.grading.submission import (
    NotANotebook,
    read_any_cells,
    read_handed_in,
    submission_sha256,
)

EVERYTHING = "".join(EVIL.values())


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Give a course with a released assignment and a class, made once: nbgrader takes seconds for it."""
    home = tmp_path_factory.mktemp("ready")
    release_small(home / "course", write_course(home / "work"))
    fill_class(home / "course")
    release_small(home / "course", write_course(home / "two"), ("01_double", "02_again"), "week1")
    return home / "course"


@pytest.fixture
def course(ready, tmp_path):
    return shutil.copytree(ready, tmp_path / "course")


def page_of(course, student, lesson=LESSON, assignment=LESSON):
    return (course / "feedback" / student / assignment / f"{lesson}.html").read_text()


def text_of(page):
    return " ".join(Tags(page).text.split())


def overview_of(course, *args, **kwargs):
    return class_page(course, LESSON, collected(*args, **kwargs))


# What the gradebook has.


@pytest.mark.slow
def test_everybody_in_the_gradebook_has_a_standing(course):
    standings = read_class_scores(course, LESSON)
    assert [e.title for e in standings.exercises] == ["Exercise 1 · Double it", "Exercise 2 · Why?"]
    assert [e.work for e in standings.exercises] == [("double",), ("why",)]
    assert standings.most == 5
    ada, alan, grace, linus = standings.students
    assert (ada.student, ada.name, ada.email) == ("ada", "Ada Lovelace, Countess", "ada@example.org")
    assert ada.scores == (
        Score(2.0, 2.0),
        Score(2.5, 3.0, by_hand=True, comment="Good: 1 < 2, <b>yes</b>.\nGo on!"),
    )
    assert (ada.total, ada.waiting, ada.seconds_late, ada.handed_in) == (4.5, 0, 0, True)
    assert ada.received == "2026-11-20T17:00:00+00:00"
    assert alan.scores[1] == Score(0.0, 3.0, waiting=True)
    assert (alan.total, alan.waiting) == (0.0, 1)
    assert (grace.seconds_late, grace.penalty) == (3 * 3600, 1.0)
    assert grace.total == 0, "never below"
    assert (linus.handed_in, linus.received, linus.total, linus.waiting) == (False, "", 0, 0)


def test_a_persons_points_and_words_come_before_the_machines(course):
    enter(course, "ada", [score("double-check", 2.0, 0.5, comment="a trick")])
    with nbgrader_bridge.gradebook(course) as book:
        book.find_comment("double", LESSON, LESSON, "ada").auto_comment = "No response."
        book.find_grade("why", LESSON, LESSON, "ada").extra_credit = 1.0
        book.db.commit()
    first, second = read_class_scores(course, LESSON).students[0].scores
    assert (first.points, first.by_hand, first.comment) == (0.5, True, "a trick")
    assert second.points == 3.5


def test_an_extension_is_not_late(course):
    with nbgrader_bridge.gradebook(course) as book:
        book.grant_extension(LESSON, "grace", hours=5)
    assert read_class_scores(course, LESSON).students[2].seconds_late == 0


@pytest.mark.slow
def test_exercises_of_the_same_name_in_two_notebooks_are_told_apart(course, said):
    enter(
        course,
        "ada",
        [
            score("double-check", 2.0, lesson="02_again"),
            score("double-check", 0.0, lesson="01_double"),
            score("why", manual=3.0, lesson="01_double", comment="yes"),
        ],
        assignment="week1",
    )
    hand_in(course, "ada", lesson="02_again", assignment="week1")
    check(course, "ada", PASSED, lesson="02_again", assignment="week1")
    standings = read_class_scores(course, "week1")
    assert [score.points for score in standings.students[0].scores] == [0, 3, 2, 0]
    assert [score.waiting for score in standings.students[0].scores] == [False, False, False, True]
    assert [score.comment for score in standings.students[0].scores] == ["", "yes", "", ""]
    assert standings.label(standings.exercises[2]) == "02 · Exercise 1 · Double it"
    class_feedback(course, "week1")
    assert said == ["ada, 01_double: the file can't be shown: it is no file"]
    first, second = (page_of(course, "ada", n, "week1") for n in ("01_double", "02_again"))
    assert "3 of 5 points in this notebook, 5 of 10 in the whole assignment" in text_of(first)
    assert "2 of 5 points so far in this notebook" in text_of(second)
    assert any(a.get("href") == "02_again.html" for a in Tags(first).all("a"))
    page = class_page(course, "week1", collected("ada"))
    assert f"../../feedback/ada/week1/{LESSON}.html" in page
    assert "02 · Exercise 1 · Double it" in page


def test_what_was_not_released_here_is_refused(course):
    with pytest.raises(UserError, match="mnistkit assignment release"):
        read_class_scores(course, "other")
    with nbgrader_bridge.gradebook(course) as book:
        book.remove_assignment(LESSON)
    with pytest.raises(UserError, match="no such assignment"):
        read_class_scores(course, LESSON)


def test_the_gradebook_of_a_large_class_is_read_with_few_queries(course):
    from sqlalchemy import event

    with warnings.catch_warnings(), nbgrader_bridge.gradebook(course) as book:
        warnings.simplefilter("ignore")
        for i in range(30):
            book.add_student(f"s{i}")
            book.add_submission(LESSON, f"s{i}")
    asked = []
    real = nbgrader_bridge.gradebook

    def counting(folder):
        context = real(folder)

        class Counting:
            def __enter__(self):
                book = context.__enter__()
                event.listen(book.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
                return book

            def __exit__(self, *error):
                return context.__exit__(*error)

        return Counting()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnistkit.grading.feedback.gradebook_scores.gradebook", counting)
        standings = read_class_scores(course, LESSON)
    assert len(standings.students) == 34
    assert 3 <= len(asked) <= 8


# The table of grades.


def rows_of(standings):
    return list(csv.DictReader(io.StringIO(grades_csv(standings).decode("utf-8-sig"), newline="")))


def test_the_table_has_everybody_and_what_waits_is_no_zero(course):
    ada, alan, grace, linus = rows_of(read_class_scores(course, LESSON))
    assert (ada["id"], ada["last_name"], ada["email"]) == ("ada", "Lovelace, Countess", "ada@example.org")
    assert (ada["Exercise 1 · Double it (of 2)"], ada["Exercise 2 · Why? (of 3)"]) == ("2", "2.5")
    assert (ada["total"], ada["most"], ada["waiting_for_a_person"]) == ("4.5", "5", "0")
    assert (alan["Exercise 2 · Why? (of 3)"], alan["waiting_for_a_person"]) == ("", "1")
    assert (grace["hours_late"], grace["late_penalty"], grace["total"]) == ("3.0", "1", "0")
    assert (linus["handed_in"], linus["Exercise 1 · Double it (of 2)"], linus["total"]) == ("no", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " =", "\r\n=", "\u200b=", "＝"])
def test_a_name_is_never_a_formula(start):
    standing = StudentScore("@me", f"{start}1+2", 'a "b", c\nd', "\ud800x", ())
    content = grades_csv(ClassScores("a", {"x": "X"}, (), (standing,)))
    assert content.startswith(b"\xef\xbb\xbf")
    [row] = csv.reader(io.StringIO(content.decode("utf-8-sig").split("\r\n")[1] + "\r\n"))
    assert row[0] == "'@me"
    assert row[1] == 'a "b", c d'
    assert row[2].startswith("'")
    assert row[3] == "x"


# Feedback.


@pytest.mark.slow
def test_a_student_reads_points_reasons_and_comments(course):
    assert class_feedback(course, LESSON) == 3
    page = page_of(course, "ada")
    text = text_of(page)
    assert "Feedback: 01 · Doubling" in text
    assert "4.5 of 5 points" in text
    assert "2 of 2 points. All checks passed, the hidden ones too." in text
    assert "2.5 of 3 points. Read by your teacher." in text
    assert "Good: 1 < 2, <b>yes</b>." in text, "as it was written"
    assert "wait" not in text
    text = text_of(page_of(course, "alan"))
    assert "0 of 2 points. Hidden check 1 of 1 failed: below zero" in text
    assert "– of 3 points. Your teacher has not read this yet." in text
    assert "1 answer waits to be read." in text
    assert "0 of 5 points so far" in text
    text = text_of(page_of(course, "grace"))
    assert "Not solved yet" in text
    assert "Handed in 3 h 00 min late. 1 point is taken away" in text
    assert "There is no answer here." in text
    assert not (course / "feedback" / "linus").exists()


@pytest.mark.slow
def test_nothing_of_a_hidden_check_or_of_another_student_is_on_a_page(course):
    check(course, "alan", HIDDEN, odd=["grace has the same file"])
    class_feedback(course, LESSON)
    for student in ("ada", "alan", "grace"):
        page = page_of(course, student)
        assert SECRET not in page
        assert "negative numbers too" not in page
        assert "twofold" not in page
        others = {"ada": "Lovelace", "alan": "I can't say", "grace": "grace"}
        for other in set(others) - {student}:
            assert others[other] not in page.replace("&#39;", "'"), other


@pytest.mark.slow
def test_what_was_handed_in_anew_has_no_points_of_the_earlier_file(course):
    path = course / "submitted" / "ada" / LESSON / f"{LESSON}.ipynb"
    graded = read_graded(course, LESSON)["ada"]
    known = submission_sha256(read_handed_in(path))
    results = {lesson: replace(result, content=known) for lesson, result in graded.results.items()}
    write_graded(course, LESSON, replace(graded, results=results))
    class_feedback(course, LESSON)
    assert "4.5 of 5 points" in text_of(page_of(course, "ada"))
    check_pages(course, read_class_scores(course, LESSON))
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError, match="work of ada"):
        check_pages(course, read_class_scores(course, LESSON))
    class_feedback(course, LESSON)
    text = text_of(page_of(course, "ada"))
    assert "4.5" not in text
    assert text.count("It was not graded yet.") == 2
    row = next(
        line for line in grades_csv(read_class_scores(course, LESSON)).decode().splitlines() if "ada" in line
    )
    assert "4.5" not in row


@pytest.mark.slow
def test_what_a_person_changed_is_said_to_be_a_persons(course):
    enter(course, "alan", [score("double-check", 0.0, 1.0), score("why", manual=0.0)])
    class_feedback(course, LESSON)
    text = text_of(page_of(course, "alan"))
    assert "1 of 2 points. Your teacher gave these points. Before, by its checks: hidden check 1" in text
    assert "0 of 3 points. Read by your teacher." in text


@pytest.mark.slow
def test_visible_checks_show_their_message(course):
    check(course, "alan", Mark("double-check", 0.0, 2.0, "twice 1 is 2", False, "AssertionError"))
    class_feedback(course, LESSON)
    assert "A check failed: twice 1 is 2" in text_of(page_of(course, "alan"))


@pytest.mark.slow
def test_the_students_notebook_is_on_the_page_with_its_own_work_open(course):
    figure = figure_cell(120, "My own figure")
    output = {"output_type": "stream", "name": "stdout", "text": ["\x1b[31mred\x1b[0m ", "text"]}
    added = {"cell_type": "code", "metadata": {}, "source": "further = 1", "outputs": [output]}
    hand_in(course, "ada", more=[figure, added], why="**Because** $x + x = 2 x$.")
    class_feedback(course, LESSON)
    page = page_of(course, "ada")
    tags = Tags(page)
    opened = [a for a in tags.all("details") if a.get("class") == "code own"]
    assert len(opened) == 1
    assert all("open" in a for a in opened)
    assert [a for a in tags.all("details") if a.get("class") == "code" and "open" not in a]
    assert {a["alt"] for a in tags.all("img")} == {"My own figure"}
    assert "red text" in tags.text
    assert {"math", "strong"} <= {tag for tag, _ in tags.seen}
    assert "was not run again" in text_of(page)
    links = [a["href"] for a in tags.all("a") if a.get("href", "").startswith("#cell-id=")]
    assert len(links) == 2
    assert {link[1:] for link in links} <= {a.get("id") for _, a in tags.seen}


@pytest.mark.slow
def test_nothing_that_a_student_wrote_takes_effect(course, said):
    """A few kinds of evil for each student: an unclosed comment must not hide all others."""
    kinds = list(EVIL.values())
    students = {f"s{number}": kinds[number::6] for number in range(6)}
    for student, markups in students.items():
        hand_in(course, student, why=markups[0], more=[c for m in markups for c in evil_cells(m)])
        marks = [Mark("double-check", 0.0, 2.0, markups[1], False, markups[2])]
        check(course, student, *marks, odd=markups)
    names = ("first_name", "last_name", "email")
    enter_all(
        course,
        {
            student: (
                [score("double-check", 0.0, comment="".join(markups))],
                dict.fromkeys(names, markups[0]),
            )
            for student, markups in students.items()
        },
    )
    assert class_feedback(course, LESSON) == 3 + len(students)
    assert said == []
    for student in students:
        assert_harmless(page_of(course, student))
    assert_harmless(overview_of(course, **students, unclear=kinds))


def broken(**cell):
    return json.dumps({"cells": [cell]})


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[" * 100_000,
        '{"cells": 5}',
        '{"cells": [1, "x", null, {}, {"cell_type": ["code"]}]}',
        broken(cell_type="code", source={"a": 1}, outputs={"a": 1}, metadata=7),
        broken(cell_type="code", source=["a", 1], outputs=[5, {}, {"output_type": {}}]),
        broken(cell_type="code", source="x", outputs=[{"output_type": "stream", "text": 5}]),
        broken(cell_type="code", outputs=[{"output_type": "error", "traceback": 5, "evalue": ["a", {}]}]),
        broken(cell_type="code", outputs=[{"output_type": "display_data", "data": [1], "metadata": 4}]),
        broken(cell_type="code", outputs=[{"output_type": "display_data", "data": {"text/html": {"a": 2}}}]),
        broken(cell_type="code", outputs=[{"output_type": "display_data", "data": {"image/png": "?"}}]),
        broken(
            cell_type="markdown", source="\ud800 \x00 \u202e text", metadata={"nbgrader": {"grade_id": []}}
        ),
        broken(cell_type="markdown", source="x", metadata={"nbgrader": [], "tags": {"a": 1}}),
    ],
)
def test_any_file_gives_a_page(course, content):
    hand_in(course, "alan").write_text(content)
    class_feedback(course, LESSON)
    page = page_of(course, "alan")
    assert_harmless(page)
    assert "Hidden check 1 of 1 failed" in page
    assert not re.search("[\x00\u202e]", page)
    assert overview_of(course, "alan")


@pytest.mark.slow
def test_each_submission_is_parsed_once_for_its_page_and_the_comparison(course, monkeypatch):
    parsed, parse = Counter(), submission._parse
    monkeypatch.setattr(submission, "_parse", lambda text: parsed.update([text]) or parse(text))
    student_page.feedback_command(course, LESSON)
    contents = {path.read_bytes() for path in course.glob(f"submitted/*/{LESSON}/*.ipynb")}
    assert [parsed[content] for content in contents] == [1, 1, 1]


@pytest.mark.slow
def test_a_link_is_not_followed(course, tmp_path, said):
    secret = tmp_path / "secret.ipynb"
    secret.write_text(broken(cell_type="code", source="the secret"))
    path = hand_in(course, "alan")
    path.unlink()
    path.symlink_to(secret)
    class_feedback(course, LESSON)
    assert said == [f"alan, {LESSON}: the file can't be shown: it is no file"]
    assert "the secret" not in page_of(course, "alan")
    with pytest.raises(NotANotebook):
        read_any_cells(path)


@pytest.mark.slow
@pytest.mark.parametrize("student", ["..", "a/../../../b", "a\\b", "a\nb"])
def test_an_id_that_is_a_way_to_another_place_gets_no_page(course, student, said):
    enter(course, student)
    before = sorted(course.parent.rglob("*.html"))
    assert class_feedback(course, LESSON) == 3
    assert "can't be the name of a folder" in said[0]
    new = set(course.parent.rglob("*.html")) - set(before)
    assert {path.parents[1].name for path in new} == {"ada", "alan", "grace"}
    assert_harmless(overview_of(course))


@pytest.mark.slow
def test_a_huge_notebook_gives_a_page_of_bounded_size(course):
    stream = {"output_type": "stream", "name": "stdout", "text": "x" * 20_000_000}
    html = {"output_type": "display_data", "data": {"text/html": "<b>" * 1_000_000}, "metadata": {}}
    long = {"cell_type": "code", "metadata": {}, "source": "z" * 5_000_000, "outputs": [stream, html]}
    long["outputs"] += [{**stream, "text": "y" * 9_000}] * 100
    many = {"cell_type": "markdown", "metadata": {}, "source": "text"}
    hand_in(course, "alan", more=[long, *[many] * (2 * MAX_SHOWN_CELLS)])
    class_feedback(course, LESSON)
    page = page_of(course, "alan")
    assert len(page) < 1_500_000
    text = text_of(page)
    assert "more characters are not shown" in text
    assert "[an output with 3,000,000 characters is not shown here" in text
    assert "[the rest of the output with 42 parts" in text
    assert "[the rest of the notebook with 312 cells" in text


def test_all_of_a_notebook_together_has_a_limit():
    stream = {"output_type": "stream", "name": "stdout", "text": "y" * 10_000}
    cell = {"cell_type": "code", "metadata": {}, "source": "z" * 30_000, "outputs": [stream] * 60}
    notebook, _ = shown_notebook([cell] * 20, ())
    assert 7_000_000 < len(str(notebook)) < 9_500_000


def test_pictures_have_a_limit_too():
    picture = {"output_type": "display_data", "data": {"image/png": "A" * 2_900_000}, "metadata": {}}
    cell = {"cell_type": "code", "metadata": {}, "source": "x", "outputs": [picture] * 10}
    notebook, _ = shown_notebook([cell], ())
    kinds = [set(output.data) for output in notebook.cells[0].outputs]
    assert kinds == [{"image/png"}] * 2 + [{"text/plain"}] * 8


def fails(notebook, title):
    """Do what a library may do to a notebook that was made to break it."""
    raise RecursionError


def dies(notebook, title):
    """Do what a library in C may do."""
    os.kill(os.getpid(), signal.SIGSEGV)


def hoards(notebook, title):
    """Take ever more memory."""
    kept = []
    while True:
        kept.append(bytes(1 << 28))


def endless(notebook, title):
    """Go on whatever interrupts it, as a callback of a library does."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (fails, "only its text is shown (RecursionError)"),
        (dies, "only its text is shown (its process ended with status -11)"),
        (hoards, "only its text is shown (MemoryError)"),
        (endless, "it took more than"),
    ],
)
def test_a_notebook_that_cannot_be_laid_out_or_not_in_time_is_shown_as_text(
    course, monkeypatch, wrong, says, said
):
    if wrong is endless:
        monkeypatch.setattr(student_page, "MAX_SECONDS", 0.5)
    hand_in(course, "alan", double="def double(x): return '<b>'")
    monkeypatch.setattr(student_page, "notebook_content", wrong)
    class_feedback(course, LESSON)
    assert len(said) == 3
    assert all(says in line for line in said)
    page = page_of(course, "alan")
    assert_harmless(page)
    assert "return '<b>'" in Tags(page).text
    assert not multiprocessing.active_children()


# The teacher's page.


@pytest.mark.slow
def test_the_teacher_sees_counts_and_everybody(course):
    page = overview_of(course, "ada", "alan", "grace")
    text = text_of(page)
    assert "4 students: 3 handed in, 1 missing, 1 late, 0 with all points, 1 waiting for a person." in text
    assert "Handed in nothing (1): linus" in text
    assert "Ada Lovelace, Countess ada 2 2.5 4.5" in text
    assert "grace 0 0 3 h 00 min, −1 0" in text
    assert "linus – – –" in text
    assert "without the sandbox" not in text
    [image] = Tags(page).all("img")
    assert image["alt"].startswith("Histogram of the points of 3 students, from 0 to 5: lowest 0, median 0")
    assert "1 of them still wait" in image["alt"]
    assert (course / "grades" / LESSON / "grades.csv").exists()
    assert not [a for a in Tags(page).all("a") if "feedback/" in a.get("href", "")], "there is none yet"
    class_feedback(course, LESSON)
    links = [a["href"] for a in Tags(overview_of(course)).all("a") if "feedback/" in a.get("href", "")]
    assert f"../../feedback/alan/{LESSON}/{LESSON}.html" in links
    assert all((course / "grades" / LESSON / link).is_file() for link in links)


def test_whoever_needs_a_look_is_named_with_the_reason(course):
    check(course, "grace", PASSED, sandboxed=False)
    enter(course, "new")
    page = overview_of(
        course, ada=["2 files, the later one is used"], stranger=[], unclear=["photo.jpg: what is it?"]
    )
    text = text_of(page)
    assert "ada 2 files, the later one is used" in text
    assert "alan the points of 'double-check' were changed" in text.replace("<i>", "").replace("=1+2 ", "")
    assert "grace was run without the sandbox" in text
    assert "the gradebook has 0 points, the checks gave 2, and no person has changed them" in text
    assert "new was not graded by the checks yet" in text
    assert "stranger is not in the gradebook" in text
    assert "photo.jpg: what is it?" in text
    assert "Run without the sandbox. The code of 1 of these" in text


def test_a_hand_graded_change_and_an_honest_class_are_not_odd(course):
    enter(course, "ada", [score("double-check", 2.0, 1.0)])
    standings = read_class_scores(course, LESSON)
    graded = {"ada": Graded("ada", {LESSON: Result((PASSED,))})}
    assert "ada" not in remarks(standings, graded, collected("ada"))


def test_remarks_are_bounded():
    odd = tuple(f"{i} " + "x" * 5000 for i in range(500))
    graded = {"a": Graded("a", {"l": Result((), odd)})}
    [texts] = remarks(ClassScores("n", {"l": "L"}, (), ()), graded, collected("a")).values()
    assert len(texts) == 21
    assert max(map(len, texts)) < 310
    assert texts[-1] == "… and 481 more remarks"


def test_exercises_are_ordered_by_difficulty_with_the_commonest_reasons():
    exercises = tuple(Exercise("l", name, name, 2.0, True) for name in ("easy", "hard", "unread"))

    def standing(i, easy, hard):
        scores = (Score(easy, 2.0), Score(hard, 2.0), Score(0.0, 2.0, waiting=True))
        return StudentScore(f"s{i}", "", "", "", scores, handed_in=True)

    students = [standing(0, 2, 0), standing(1, 2, 2), standing(2, 1, 0)]
    absent = StudentScore("s3", "", "", "", (Score(0, 2), Score(0, 2), Score(0, 2)))
    reasons = ["too \x07slow", "too slow", "wrong"]
    graded = {
        f"s{i}": Graded(f"s{i}", {"l": Result((Mark("hard", 0, 2, reason),))})
        for i, reason in enumerate(reasons)
    }
    found = difficulties(ClassScores("a", {"l": "L"}, exercises, (*students, absent)), graded)
    assert [d.label for d in found] == ["hard", "easy", "unread"]
    hard, easy, unread = found
    assert hard.share == pytest.approx(1 / 3)
    assert (hard.full, hard.graded, hard.waiting) == (1, 3, 0)
    assert hard.reasons == (("too slow", 2), ("wrong", 1))
    assert easy.share == pytest.approx(5 / 6)
    assert (unread.share, unread.full, unread.graded, unread.waiting) == (None, 0, 0, 3)


def test_similar_submissions_are_a_hint_with_the_exercises_named(course):
    why = "Adding a number to itself counts every unit of it twice, and that is what the word double means here."
    hand_in(course, "ada", why=why)
    hand_in(course, "grace", double=None, why=why.upper())
    text = text_of(overview_of(course))
    assert "Ada Lovelace, Countess ada grace 100 % Exercise 2 · Why?" in text
    assert "A hint where to look, and no more" in text
    for accusing in ("plagiari", "cheat", "copied", "suspicious"):
        assert accusing not in text.lower()


@pytest.mark.parametrize("source", ["# x\n", '"""\n', "x = (", "a ", "\\\n", "\n  a\n b", "f'{"])
def test_a_huge_answer_is_compared_in_bounded_time(course, source):
    cell = {"cell_type": "code", "metadata": {}, "source": "y = 2\n" + source, "outputs": []}
    hand_in(course, "ada", double=source * 1_000_000, why=source * 500_000, more=[cell] * 5_000)
    start = time.monotonic()
    answers = WrittenAnswers(course, read_class_scores(course, LESSON))
    assert answers.similar_pairs(["ada", "alan"]) == []
    assert time.monotonic() - start < 20


def test_a_course_without_students_has_a_page(course):
    with nbgrader_bridge.gradebook(course) as book:
        for student in [s.id for s in book.students]:
            book.remove_student(student)
    shutil.rmtree(course / "submitted")
    page = overview_of(course)
    assert "Nobody has points yet." in text_of(page)
    assert_harmless(page)


# The command.


@pytest.fixture
def collect(monkeypatch):
    """Stand in for what collecting has noted."""
    module = SimpleNamespace(read_collected=lambda course, name: collected("ada"))
    monkeypatch.setitem(sys.modules, "mnistkit.grading.collect.command", module)


@pytest.mark.slow
def test_feedback_is_written_again_after_grading_by_hand(course, collect, monkeypatch):
    read = []

    def count(course, assignment):
        read.append(assignment)
        return read_class_scores(course, assignment)

    for module in (student_page, instructor_page):
        monkeypatch.setattr(module, "read_class_scores", count, raising=False)

    def run():
        return CliRunner().invoke(main, ["assignment", "feedback", LESSON, "--course", str(course)])

    result = run()
    assert result.exit_code == 0, result.output
    assert "feedback for 3 students" in result.output
    assert read == [LESSON], "the class is read once"
    assert str(course / "grades" / LESSON / "index.html") in result.output
    enter(course, "alan", [score("why", manual=3.0, comment="Now I see.")])
    assert run().exit_code == 0
    page = page_of(course, "alan")
    assert "Now I see." in page
    assert "3 of 3 points" in page
    assert "1 waiting" not in text_of((course / "grades" / LESSON / "index.html").read_text())
    assert "alan,<i>,'=1+2," in (course / "grades" / LESSON / "grades.csv").read_text("utf-8-sig")


@pytest.mark.parametrize("name", ["other", "../x", "*"])
def test_the_command_refuses_what_is_no_assignment(course, collect, name):
    result = CliRunner().invoke(main, ["assignment", "feedback", name, "--course", str(course)])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "expected:" in result.output


# Texts.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a  b\n c\t", "a b c"),
        ("a\x00b\x1b[31m\u202ec\u2066\u200b", "ab[31mc"),
        ("\ud800x\ue000", "x"),
        ("x" * 20, "x" * 9 + " …"),
        ("ä 漢 →", "ä 漢 →"),
        (" " * 1000 + "x", " …"),
    ],
)
def test_plain_text_is_one_short_line(text, shown):
    assert plain(text, 9) == shown


def test_lines_stay_lines():
    assert plain_lines("a\n\tb\x00\u202e", 100) == "a\n\tb"
    assert plain_lines("abcdef", 2) == "ab\n[… 4 more characters are not shown]"


def test_the_page_of_grades_tells_its_kind(course):
    assert instructor_page.OVERVIEW_PAGE == "index.html"
    assert re.search(r'<meta name="generator" content="mnistkit [^"]*, grades">', overview_of(course))
    assert replace(read_class_scores(course, LESSON), students=()).most == 5


@pytest.mark.slow
def test_nbgraders_own_exchange_takes_the_feedback(course, tmp_path):
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.exchange.default import ExchangeReleaseFeedback
    from nbgrader.utils import notebook_hash
    from traitlets.config import Config

    (course / "submitted" / "alan" / LESSON / "submission_secret.txt").write_text("made by submit")
    (course / "submitted" / "alan" / LESSON / "timestamp.txt").write_text("2026-11-20 17:00:00 UTC")
    class_feedback(course, LESSON)
    secret = (course / "feedback" / "ada" / LESSON / "submission_secret.txt").read_text()
    class_feedback(course, LESSON)
    assert (course / "feedback" / "ada" / LESSON / "submission_secret.txt").read_text() == secret
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    config = Config(Exchange={"root": str(exchange)})
    config.CourseDirectory.update(root=str(course), course_id="c", assignment_id=LESSON)
    ExchangeReleaseFeedback(CourseDirectory(config=config), config=config).start()
    released = {path.stem for path in (exchange / "c" / "feedback").iterdir()}
    assert len(released) == 3
    assert {
        notebook_hash(secret=known, notebook_id=LESSON) for known in ("made by submit", secret)
    } < released
