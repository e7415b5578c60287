"""Explorers on a report's page: radio buttons, each with its picture and its words, whatever a notebook says."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from report_helpers import assert_harmless, explored, png, shown, states_of, write_run

from mnistkit.course import report
from mnistkit.course.report.html import states as states_module
from mnistkit.records.states import MOST_STATES, STATES_MIME, State, States, read_states


def page_of(out, *cells):
    run = write_run(out, {"01_a": (list(cells), {})})
    return (report.write_report(run).parent / "01_a.html").read_text()


def cell(*outputs):
    return new_code_cell("x", outputs=list(outputs))


def read_fieldset(fieldset):
    """Give what a fieldset lets people choose: label, whether it is chosen, alt text, caption and picture."""
    choices = []
    for label in fieldset.find_all("label"):
        button, figure = label.find("input"), label.find_next_sibling()
        assert figure.name == "figure"
        image = figure.img
        assert button["aria-describedby"] == image["id"]
        assert figure.figcaption["aria-hidden"] == "true", "the same words would be heard twice"
        choices.append(
            (
                label.get_text().strip(),
                button.has_attr("checked"),
                image["alt"],
                figure.figcaption.get_text(),
                image["src"].partition("base64,")[2],
            )
        )
    return choices


def test_each_state_is_a_button_with_its_picture_and_its_words(tmp_path):
    states = states_of('<b> & "k"')
    page = BeautifulSoup(page_of(tmp_path, cell(explored(states))), "html.parser")
    (fieldset,) = page.find_all("fieldset")
    assert fieldset.legend.get_text() == states.legend
    assert read_fieldset(fieldset) == [
        (state.label, n == states.chosen, state.text, state.text, state.picture)
        for n, state in enumerate(states.states)
    ]
    assert {button["type"] for button in page.find_all("input")} == {"radio"}
    assert len({button["name"] for button in page.find_all("input")}) == 1
    sizes = {(image["width"], image["height"]) for image in fieldset.find_all("img")}
    assert sizes == {("30", "20")}


def test_the_picture_that_stood_for_the_explorer_is_not_stored_beside_its_states(tmp_path):
    still = png(77)
    page = page_of(tmp_path, cell(explored(states_of(), f"{still[:76]}\n{still[76:]}\n")))
    assert still[:70] not in page
    assert page.count("<img") == 3


def test_an_explorer_that_is_shown_twice_is_not_repeated(tmp_path):
    states = states_of()
    page = page_of(tmp_path, cell(explored(states)), cell(explored(states)))
    assert page.count("<fieldset") == 1
    assert page.count(states.states[0].picture) == 1
    assert page.count("<img") == 4, "the second is the picture that stands for it"


def test_explorers_of_a_page_and_of_a_whole_report_choose_apart_from_each_other(tmp_path):
    cells = [cell(explored(states_of("a"))), cell(explored(states_of("b", (5, 6))))]
    write_run(tmp_path, {"01_a": (cells, {}), "02_b": (cells, {})})
    whole = BeautifulSoup(report.export_report(tmp_path, single_file=True)[0].read_text(), "html.parser")
    groups = [
        {button["name"] for button in fieldset.find_all("input")} for fieldset in whole.find_all("fieldset")
    ]
    assert [len(group) for group in groups] == [1] * 4
    assert len(set.union(*groups)) == 4
    for fieldset in whole.find_all("fieldset"):
        assert sum(chosen for _, chosen, *_ in read_fieldset(fieldset)) == 1
    ids = [tag["id"] for tag in whole.find_all(id=True)]
    assert len(ids) == len(set(ids))


GOOD = {"label": "1", "picture": "AAAA", "text": "One."}
BROKEN = {
    "no mapping": ["x"],
    "a text": "states",
    "nothing": None,
    "no states": {"states": []},
    "one state": {"states": [GOOD]},
    "too many": {"states": [GOOD] * (MOST_STATES + 1)},
    "states in a text": {"states": "aa"},
    "states in a mapping": {"states": {"label": 1}},
    "a state more": {"states": [GOOD, GOOD | {"onclick": "x"}]},
    "a state less": {"states": [GOOD, {"label": "1"}]},
    "no text": {"states": [GOOD, GOOD | {"text": " "}]},
    "a label that is none": {"states": [GOOD, GOOD | {"label": ["x"]}]},
    "a picture that is none": {"states": [GOOD, GOOD | {"picture": {"a": 1}}]},
    "a long label": {"states": [GOOD, GOOD | {"label": "x" * 1000}]},
    "a long text": {"states": [GOOD, GOOD | {"text": "x" * 100_000}]},
    "a long legend": {"legend": "x" * 1000},
    "no legend": {"legend": ""},
    "chosen outside": {"chosen": 2},
    "chosen before": {"chosen": -1},
    "chosen in words": {"chosen": "0"},
    "chosen by a half": {"chosen": 0.5},
    "chosen by truth": {"chosen": True},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_not_as_an_explorer_writes_it_stays_the_picture_that_it_was(tmp_path, kind):
    good = {"legend": "k", "states": [GOOD, GOOD], "chosen": 0}
    assert read_states({"data": {STATES_MIME: good}}) is not None
    broken = good | BROKEN[kind] if isinstance(BROKEN[kind], dict) else BROKEN[kind]
    still = png(88)
    output = shown({"image/png": still, STATES_MIME: broken}, **{"image/png": {"alt": "A still."}})
    page = BeautifulSoup(page_of(tmp_path, cell(output)), "html.parser")
    assert not page.find_all(["fieldset", "input"])
    (image,) = page.select("main img")
    assert (image["alt"], image["src"].partition("base64,")[2]) == ("A still.", still)


def test_states_without_a_picture_to_stand_for_them_are_passed_over(tmp_path):
    content = explored(states_of()).data
    outputs = [shown({STATES_MIME: content[STATES_MIME], "text/plain": "plain words"})]
    outputs.append(shown({STATES_MIME: content[STATES_MIME], "text/html": '<img src="data:image/png;,x">'}))
    page = page_of(tmp_path, cell(*outputs))
    assert "<fieldset" not in page
    assert "plain words" in page


@pytest.mark.parametrize(
    "markup", ['" autofocus onfocus="x', '"><input name=mk-x>', "x\x00y", "\u202e</label>"]
)
def test_labels_words_and_pictures_are_text_and_nothing_else(tmp_path, markup):
    hostile = State(f"{markup}<script>1</script>", f'AAAA" onerror="{markup}', f"<img src=x>{markup}")
    page = page_of(tmp_path, cell(explored(States(markup, (hostile, *states_of().states), 0), png(3))))
    assert_harmless(page)
    soup = BeautifulSoup(page, "html.parser")
    assert len(soup.find_all("input")) == 4
    assert len(soup.select("main img")) == 3
    assert "[picture not shown" in soup.find("fieldset").get_text()


def test_a_notebook_cannot_make_buttons_in_another_way(tmp_path):
    markup = (
        '<fieldset class="states"><legend>x</legend><label><input type="radio" name="mk-states-0" checked> y'
        '</label></fieldset><input type="radio" name="mk-states-0" aria-describedby="mk-states-0-0">'
    )
    outputs = [shown({"text/html": markup}), explored(states_of()), shown({"text/markdown": markup})]
    soup = BeautifulSoup(page_of(tmp_path, cell(*outputs), new_markdown_cell(markup)), "html.parser")
    assert len(soup.find_all("fieldset")) == 1
    assert len(soup.find_all("input")) == len(soup.find_all("label")) == 3


def test_there_is_room_for_so_many_bytes_of_states_on_a_page(tmp_path, monkeypatch):
    first, second, third = states_of("a"), states_of("b", (5, 6)), states_of("c", (7, 8, 9))
    sizes = [sum(len(state.picture) for state in states.states) for states in (first, second, third)]
    assert sizes[0] + sizes[1] < sizes[0] + sizes[2]
    monkeypatch.setattr(states_module, "_ROOM", sizes[0] + sizes[1])
    soup = BeautifulSoup(
        page_of(tmp_path, *(cell(explored(states)) for states in (third, first, second))), "html.parser"
    )
    assert [fieldset.legend.get_text() for fieldset in soup.find_all("fieldset")] == ["c", "b"]
    (left,) = (image for image in soup.select("main img") if not image.find_parent("fieldset"))
    assert left["src"].endswith(first.states[1].picture)


def test_only_an_explorers_own_picture_becomes_its_states(tmp_path):
    states = states_of()
    picture = f"![the same](data:image/png;base64,{states.states[1].picture})"
    soup = BeautifulSoup(page_of(tmp_path, new_markdown_cell(picture), cell(explored(states))), "html.parser")
    assert [image["alt"] for image in soup.select("main img")][:2] == ["the same", states.states[0].text]


def test_states_are_valid_in_a_notebook_and_nothing_else_looks_at_them():
    notebook = new_notebook(cells=[cell(explored(states_of()))])
    nbformat.validate(notebook)
    again = nbformat.reads(nbformat.writes(notebook), as_version=4)
    assert read_states(again.cells[0].outputs[0]) == states_of()
