"""The form of a lesson: predictions, what a run shows, and claims that it must bear out."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from mnistkit.lesson import check, finding, in_five_sentences, predict, read_findings
from mnistkit.lesson.findings import FINDING_MIME, Finding

ANSWERS = ["more <b>bold</b>", "fewer"]
SENTENCES = [f"Sentence {n}." for n in range(5)]


@pytest.fixture
def shown(monkeypatch):
    """Collect what is displayed, as the outputs of an executed notebook."""
    import IPython.display

    found = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, raw: found.append(new_output("display_data", data))
    )
    return found


def text(outputs):
    return [output.data["text/plain"] for output in outputs]


def test_nobody_has_to_predict_and_a_choice_is_taken_by_click_or_by_number():
    guess = predict("How many?", ANSWERS)
    assert guess.chosen == ""
    guess.buttons.value = "fewer"
    assert guess.chosen == "fewer"
    assert predict("How many?", ANSWERS, chosen=1).chosen == ANSWERS[0]


def test_a_prediction_can_be_read_without_a_kernel_and_nothing_in_it_is_markup():
    bundle, _ = predict("a < b?", ANSWERS)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == "Your prediction. a < b?\n1. more <b>bold</b>\n2. fewer"
    assert "a &lt; b?" in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]


@pytest.mark.parametrize("answers", [["a"], list("abcde"), ["a", "a"], "ab", ["a", ""], ["a", 1]])
def test_a_prediction_has_two_to_four_different_answers(answers):
    with pytest.raises((ValueError, TypeError), match="answers"):
        predict("?", answers)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_the_number_of_a_choice_is_that_of_an_answer(number):
    with pytest.raises(ValueError, match="chosen is"):
        predict("?", ANSWERS, chosen=number)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (None, "Here: “fewer”."),
        (2, "You said “fewer”, and so it is here."),
        (1, "You said “more <b>bold</b>”; here: “fewer”."),
    ],
)
def test_a_finding_answers_what_was_predicted(shown, chosen, said):
    finding("Three are left.", prediction=predict("How many?", ANSWERS, chosen=chosen), answer="fewer")
    assert text(shown) == [f"What this run shows. {said} Three are left."]


def test_a_finding_without_a_question_stands_alone(shown):
    finding("Three are left.")
    assert text(shown) == ["What this run shows. Three are left."]


def test_a_finding_that_answers_nothing_that_was_asked_is_refused(shown):
    with pytest.raises(ValueError, match=r"expected one of \['more <b>bold</b>', 'fewer'\]"):
        finding("Three.", prediction=predict("How many?", ANSWERS), answer="none")
    with pytest.raises(ValueError, match="beside it"):
        finding("Three.", answer="fewer")
    with pytest.raises(ValueError, match="needs a text"):
        finding(" ")
    assert not shown


def test_a_lesson_ends_in_exactly_five_sentences(shown):
    in_five_sentences(*SENTENCES)
    assert all(sentence in text(shown)[0] for sentence in SENTENCES)
    for wrong in (SENTENCES[:4], [*SENTENCES, "Six."], [*SENTENCES[:4], " "]):
        with pytest.raises(ValueError, match="expected five"):
            in_five_sentences(*wrong)


def test_what_was_found_is_read_from_the_notebook_and_nothing_else_is(shown):
    finding("Three.", prediction=predict("How many?", ANSWERS), answer="fewer")
    in_five_sentences(*SENTENCES)
    odd = [{FINDING_MIME: data} for data in ([{"text": 1}], {"text": "a"}, [{"word": "a"}], "text", None)]
    outputs = [*shown, *(new_output("display_data", data) for data in odd), new_output("stream", text="a")]
    notebook = nbformat.from_dict(new_notebook(cells=[new_code_cell("", outputs=outputs)]))
    found = read_findings(notebook)
    assert found[0] == Finding("Three.", "How many?", "fewer")
    assert found[1:] == [Finding(sentence, is_conclusion=True) for sentence in SENTENCES]


def test_a_claim_that_does_not_hold_is_a_note_for_students_and_an_error_in_tests(shown, monkeypatch):
    monkeypatch.delenv("MNISTKIT_STRICT", raising=False)
    check(1 < 2, "1 is less than 2")
    assert not shown
    check(1 > 2, "1 is more than 2")
    assert text(shown) == ["This run does not show it: 1 is more than 2"]
    monkeypatch.setenv("MNISTKIT_STRICT", "1")
    check(1 < 2, "1 is less than 2")
    with pytest.raises(AssertionError, match="1 is more than 2"):
        check(1 > 2, "1 is more than 2")
    assert len(shown) == 1
