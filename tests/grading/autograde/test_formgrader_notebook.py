"""What graders open: the assignment's cells exactly once, and nothing that a browser would carry out."""

import base64
import json

import nbformat
import pytest
from assignment_helpers import mark
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from mnistkit.grading.autograde.formgrader_notebook import (
    MAX_KEPT_CELLS,
    MAX_OUTPUT_TEXT,
    MAX_SOURCE,
    rebuild,
    sanitize_markdown,
)
from mnistkit.grading.ledger import Mark

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()


def code(source, grade_id="", *, outputs=(), **extra):
    metadata = mark(grade_id, **extra) if grade_id else {}
    return {
        "cell_type": "code",
        "id": f"id-{grade_id}",
        "metadata": metadata,
        "source": source,
        "outputs": list(outputs),
        "execution_count": None,
    }


def text(source, grade_id="", **extra):
    metadata = mark(grade_id, **extra) if grade_id else {}
    return {"cell_type": "markdown", "id": f"id-{grade_id}", "metadata": metadata, "source": source}


RELEASED = [
    text("<details>a hint</details>"),
    code("stub one", "one", solution=True),
    code("check one", "one-check", grade=True, points=2),
    code("stub two", "two", solution=True),
    code("check two", "two-check", grade=True, points=3),
    text("*Your answer*", "why", grade=True, solution=True, points=4),
]
MARKS = [Mark("one-check", 2, 2), Mark("two-check", 0, 3, "not <b>solved</b> yet")]


def rebuilt(*cells, marks=MARKS, problem=""):
    released = json.dumps({"cells": RELEASED, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    made = rebuild(released, cells, marks, problem)
    nbformat.validate(nbformat.from_dict(made))
    return made["cells"]


def names(cells):
    return [cell["metadata"].get("nbgrader", {}).get("grade_id", "") for cell in cells]


def test_students_text_stands_where_students_write_and_nowhere_else():
    cells = rebuilt(
        *RELEASED[:1],
        code("mine", "one", solution=True),
        code("my own check", "one-check", grade=True, points=99),
        *RELEASED[3:5],
        text("because <b>so</b>", "why", grade=True, points=99),
    )
    assert names(cells) == ["", "one", "one-check", "two", "two-check", "why"]
    assert [cell["source"] for cell in cells] == [
        "<details>a hint</details>",
        "mine",
        "check one",
        "stub two",
        "check two",
        "because &lt;b>so&lt;/b>",
    ]
    assert [cell["metadata"]["nbgrader"].get("points") for cell in cells if names([cell])[0]] == [
        *(None, 2, None, 3, 4)
    ]
    assert cells[2]["outputs"] == []
    assert cells[4]["outputs"] == [
        {
            "output_type": "error",
            "ename": "no points",
            "evalue": MARKS[1].reason,
            "traceback": [MARKS[1].reason],
        }
    ]


def test_an_answer_that_was_not_touched_keeps_its_very_text():
    """By it nbgrader knows that there is no answer."""
    assert rebuilt(*RELEASED)[-1]["source"] == "*Your answer*"


@pytest.mark.parametrize(
    "deleted", [{"one"}, {"one", "one-check"}, {"why"}, {"two", "two-check", "why"}, set(names(RELEASED))]
)
def test_deleted_cells_are_put_back_in_their_order(deleted):
    handed_in = [cell for cell in RELEASED if names([cell])[0] not in deleted]
    assert [name for name in names(rebuilt(*handed_in)) if name] == names(RELEASED)[1:]


def test_a_copy_of_a_cell_counts_once_the_first_one():
    cells = rebuilt(*RELEASED[:2], code("again", "one", solution=True), *RELEASED[2:])
    assert names(cells).count("one") == 1
    assert [cell["source"] for cell in cells[1:3]] == ["stub one", "again"]


def test_a_cell_of_another_type_is_what_it_was():
    cells = rebuilt(*RELEASED[:5], code("import os", "why", grade=True, solution=True, points=4))
    assert (cells[-1]["cell_type"], cells[-1]["source"]) == ("markdown", "import os")


@pytest.mark.parametrize(
    "cell",
    [
        {},
        {"cell_type": "code"},
        {"cell_type": "unknown", "source": "x"},
        {"cell_type": "code", "source": 5, "metadata": []},
        {"cell_type": "code", "source": [1, "a"], "metadata": {"nbgrader": []}, "outputs": "x"},
        {"cell_type": "markdown", "source": None, "metadata": {"nbgrader": {"grade_id": ["one"]}}},
        {
            "cell_type": "code",
            "source": "",
            "outputs": [1, {}, {"data": 5}, {"text": {}}, {"data": {"image/png": 7}}],
        },
        {"cell_type": "raw", "source": "<script>", "attachments": {"a": 1}},
    ],
)
def test_whatever_a_cell_is_the_notebook_is_one(cell):
    cells = rebuilt(cell)
    assert [name for name in names(cells) if name] == names(RELEASED)[1:]
    assert "<script" not in json.dumps(cells)


def test_of_outputs_only_pictures_and_text_are_shown_and_marked_as_handed_in():
    outputs = [
        {"output_type": "stream", "name": "stderr", "text": ["a\n", "b"]},
        {
            "output_type": "display_data",
            "data": {"image/png": [PNG[:10] + "\n", PNG[10:]], "text/plain": "figure"},
        },
        {
            "output_type": "display_data",
            "data": {"image/png": '"><script>alert(1)</script>', "text/html": "<b>"},
        },
        {"output_type": "display_data", "data": {"image/png": base64.b64encode(b"GIF89a").decode()}},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "execute_result", "data": {"text/plain": "x" * (MAX_OUTPUT_TEXT + 1)}},
        {"output_type": "error", "traceback": ["boom"]},
    ]
    made = rebuilt(code("plot()", outputs=outputs))[-1]["outputs"]
    assert "As handed in" in made[0]["text"]
    assert [output["data"] for output in made[1:]] == [
        {"text/plain": "a\nb"},
        {"image/png": PNG},
        {"text/plain": "x" * MAX_OUTPUT_TEXT},
    ]


def test_the_size_is_bounded(monkeypatch):
    monkeypatch.setattr("mnistkit.grading.autograde.formgrader_notebook.MAX_PICTURES", int(1.5 * len(PNG)))
    picture = [{"output_type": "display_data", "data": {"image/png": PNG}}]
    cells = rebuilt(*(code("y" * (MAX_SOURCE + 5), outputs=picture) for _ in range(MAX_KEPT_CELLS + 5)))
    assert f"first {MAX_KEPT_CELLS:,} of {MAX_KEPT_CELLS + 5:,}" in cells[0]["source"]
    assert len(cells) == MAX_KEPT_CELLS + 1 + 5
    assert max(len(cell["source"]) for cell in cells) == MAX_SOURCE
    assert json.dumps(cells).count(PNG) == 1


def test_what_could_not_be_read_is_said_at_the_top():
    cells = rebuilt(problem="What was handed in can't be shown: it is no file.")
    assert cells[0]["source"].startswith("What was handed in")
    assert names(cells)[1:] == names(RELEASED)[1:]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("a < b and <3", "a < b and <3"),
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("<!-- x --><?php", "&lt;!-- x -->&lt;?php"),
        ("![](http://x)", "!\\[](http://x)"),
        (r"$\href{javascript:x}{y}$", r"$href{javascript:x}{y}$"),
    ],
)
def test_markdown_loses_what_a_browser_would_carry_out(given, made):
    assert sanitize_markdown(given) == made


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x]( javascript:alert(1))",
        "[x](<javascript:alert(1)>)",
        "[x](\njava&#115;cript:alert(1))",
        "[x](data:text/html,alert)",
        "[x][a]\n\n[a]: javascript:alert(1)",
        "[a]\n\n[a]:\n  <javascript:alert(1)>",
        "\\\\[x](javascript:alert(1))",
        "[x\\](javascript:alert(1))",
        "[x] (javascript:alert(1))\n\n[x] : javascript:alert(1)",
    ],
)
def test_a_link_that_is_a_script_is_none(text):
    assert "href" not in markdown2html_mistune(sanitize_markdown(text))


def test_links_to_pages_stay_and_formulas_can_not_make_any():
    for text in ("[x](https://a.org)", "[x][a]\n\n[a]: https://a.org"):
        assert '<a href="https://a.org">x</a>' in markdown2html_mistune(sanitize_markdown(text))
    for text in (r"$\href{x}$", r"$\\href{x}$", r"$\\\href{x}$", r"$\mmlToken{mi}[href='x']{y}$"):
        assert "\\href" not in sanitize_markdown(text)
        assert "\\mmlToken" not in sanitize_markdown(text)
