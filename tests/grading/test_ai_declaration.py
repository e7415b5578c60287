"""The declaration on the use of AI: handed out, read back, shown; it is nobody's answer, and costs nothing."""

import json
import shutil

import pytest
from class_helpers import NAME, release_small, small_lesson
from grades_helpers import class_feedback, class_page
from marking_helpers import hand_in_all

from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.ai_declaration import DECLARATION_FILE, is_declaration, read_declaration
from mnistkit.grading.autograde.batch import read_submitted
from mnistkit.grading.collect.command import Collected
from mnistkit.grading.feedback import killable_call
from mnistkit.grading.marking.gradebook_sheet import GradebookSheet
from mnistkit.grading.release.command import Assignment, release


def declared(course, student, change):
    """Change the declaration that a student handed in."""
    path = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if is_declaration(text):
            cell["source"] = change(text)
            cell.pop("id"), cell.pop("metadata")  # as some editors do
    path.write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("declaration")
    return release_small(folder)


@pytest.fixture
def course(released, tmp_path):
    return shutil.copytree(released, tmp_path / "course")


def given(course):
    notebook = json.loads((course / "release" / NAME / f"{NAME}.ipynb").read_text())
    return ["".join(cell["source"]) for cell in notebook["cells"]]


TOOL = "Which tool, and for what:"
SAID = {
    "nothing": (lambda text: text, ""),
    "a choice": (
        lambda text: text.replace("[ ] I used no", "[x] I used no"),
        "I used no AI tool for this assignment.",
    ),
    "two and words": (
        lambda text: text.replace("- [ ] I used an", "* [ X ] I used an").replace(
            TOOL, f"{TOOL} a chatbot\nexercise 2"
        ),
        "I used an AI tool to understand the exercises, an error or a term.; I used an AI tool for code or text"
        " that I hand in.; a chatbot; exercise 2",
    ),
    "own lines": (lambda text: text + "\n- [v] Only spelling\u202e", "Only spelling"),
}


@pytest.mark.parametrize("case", SAID)
def test_choices_and_own_words_are_read(released, case):
    change, said = SAID[case]
    texts = given(released)
    assert read_declaration(texts, [*texts[:-1], change(texts[-1])]).said == said
    assert read_declaration(texts, texts[:-1]).said == "", "the cell was deleted"
    assert read_declaration(texts[:-1], texts) is None, "nobody was asked"


def test_the_text_is_the_courses_own_and_an_empty_one_asks_nobody(tmp_path):
    course, lesson = release_small(tmp_path), small_lesson(tmp_path)
    (course / DECLARATION_FILE).write_text("Say which *tools* you used.\n- [ ] none")
    release(Assignment(NAME, (lesson,)), course)
    assert given(course)[-1].endswith("\nSay which *tools* you used.\n- [ ] none")
    (course / DECLARATION_FILE).write_text("")
    release(Assignment(NAME, (lesson,)), course)
    assert not any(map(is_declaration, given(course)))
    assert (course / DECLARATION_FILE).read_text() == ""


def test_it_is_shown_to_both_and_an_empty_one_is_named(course, monkeypatch):
    def not_laid_out(*_, **__):
        raise killable_call.Failed  # which takes seconds, and is another test's

    monkeypatch.setattr(killable_call, "call", not_laid_out)
    hand_in_all(course, {"ada": "Because.", "bob": "So."})
    declared(course, "ada", lambda text: text.replace(TOOL, f"{TOOL} <b>a chatbot</b>"))
    class_feedback(course, NAME)
    ada = (course / "feedback" / "ada" / NAME / f"{NAME}.html").read_text()
    bob = (course / "feedback" / "bob" / NAME / f"{NAME}.html").read_text()
    assert "Your declaration on the use of AI: &lt;b&gt;a chatbot&lt;/b&gt;" in ada
    assert "Your declaration on the use of AI: left empty, which costs no points" in bob
    page = class_page(course, NAME, Collected({}, ()))
    section = page[page.index('id="mk-declared"') : page.index('id="mk-everybody"')]
    assert section.index("&lt;b&gt;a chatbot") < section.index("ada") < section.index("left empty")
    assert section.index("left empty") < section.index("bob")


def test_the_marking_page_has_it(course):
    hand_in_all(course, {"ada": "Because."})
    declared(course, "ada", lambda text: text.replace(TOOL, f"{TOOL} a chatbot"))
    with nbgrader_bridge.gradebook(course) as book:
        sheet = GradebookSheet(course, book, NAME).sheet()
    assert {answer.declaration for answer in sheet.answers} == {"a chatbot"}


def test_it_is_never_taken_for_an_answer_in_words(course):
    """The cell of the question is deleted: the declaration would be the only other text."""
    hand_in_all(course, {"ada": "Because."})
    path = course / "submitted" / "ada" / NAME / f"{NAME}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") != "why"]
    path.write_text(json.dumps(notebook))
    declared(course, "ada", lambda text: text.replace(TOOL, f"{TOOL} a chatbot"))
    assert read_submitted(course, NAME, "ada", NAME).restored.notes == ("cell 'why' is missing",)
