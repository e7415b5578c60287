"""Explorers on a page without a script: radio buttons choose which of an explorer's pictures is shown.

The style sheet hides the pictures of what is not chosen (``fieldset.states``). A browser that can't do that
shows all of them, each behind its button.
"""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup, Tag

from mnistkit.course.report.html.sanitize import OUR_IDS
from mnistkit.records.states import State, States, read_states

_ROOM = 2_000_000
"""Most characters of all such pictures of a page; explorers beyond it stay the picture that they were."""


def states_by_picture(notebook: Any) -> dict[str, States]:
    """Find the explorers in a notebook that say which states they have.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook, from anybody.

    Returns
    -------
    dict of str to States
        By the picture that stands for the explorer, PNG in base64, so far as there is room on a page.
    """
    found, room = {}, _ROOM
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if (states := read_states(output)) is None:
            continue
        still = _packed(str(output["data"].get("image/png", "")))
        size = sum(len(state.picture) for state in states.states)
        if still and still not in found and size <= room:
            found[still] = states
            room -= size
    return found


def offer_states(soup: BeautifulSoup, found: dict[str, States]) -> None:
    """Put the states of explorers in the place of their pictures.

    Parameters
    ----------
    soup : bs4.BeautifulSoup
        A part of a page, clean; it is changed.
    found : dict
        What `states_by_picture` gave; what is put there is taken out.
    """
    for image in soup.select(".output_png img[src]"):
        still = _packed(str(image["src"]).partition("base64,")[2])
        if states := found.pop(still, None):  # the same pictures are not put there a second time
            image.replace_with(_fieldset(soup, f"{OUR_IDS}states-{len(found)}", states))


def _packed(encoded: str) -> str:
    """Give a picture in base64 without the line breaks that it may have."""
    return "".join(encoded.split())


def _fieldset(soup: BeautifulSoup, name: str, states: States) -> Tag:
    fieldset = soup.new_tag("fieldset", attrs={"class": "states"})
    fieldset.append(soup.new_tag("legend", string=states.legend))
    for position, state in enumerate(states.states):
        about = f"{name}-{position}"
        button = {"type": "radio", "name": name, "aria-describedby": about}
        if position == states.chosen:
            button["checked"] = ""
        label = soup.new_tag("label")
        label.extend([soup.new_tag("input", attrs=button), f" {state.label}"])
        fieldset.extend([label, _figure(soup, about, state)])
    return fieldset


def _figure(soup: BeautifulSoup, about: str, state: State) -> Tag:
    """Make a picture with its words below it; who hears them as its alt text need not hear them twice."""
    figure = soup.new_tag("figure")
    source = f"data:image/png;base64,{state.picture}"
    figure.append(soup.new_tag("img", attrs={"src": source, "alt": state.text, "id": about}))
    figure.append(soup.new_tag("figcaption", string=state.text, attrs={"aria-hidden": "true"}))
    return figure
