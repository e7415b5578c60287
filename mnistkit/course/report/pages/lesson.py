"""The page of a lesson: its notebook with folded code, cleaned, described and reachable by keyboard."""

from __future__ import annotations

import copy
import logging
import re
import secrets
import warnings
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

import nbformat
from bs4 import BeautifulSoup, Tag
from ipython_pygments_lexers import IPython3Lexer
from markupsafe import Markup
from nbconvert import HTMLExporter
from pygments import highlight
from pygments.formatters import HtmlFormatter

from mnistkit.course.report.html.glossary import explain_words
from mnistkit.course.report.html.images import alt_text, read_picture
from mnistkit.course.report.html.layout import TEMPLATES, Link, render
from mnistkit.course.report.html.math import latex_output, markdown_to_html
from mnistkit.course.report.html.sanitize import clean_html, clean_page
from mnistkit.course.report.html.states import offer_states, states_by_picture
from mnistkit.course.student_edition import Secrets
from mnistkit.records import RECORD_MIME

NO_ALT = "Figure without description"

_NBCONVERTS_ALT = "No description has been provided for this image"
_SHOWN_TYPES = ["image/png", "image/jpeg", "text/html", "text/markdown", "text/latex", "text/plain"]
_BAR = re.compile(r"\d+%\|.*\| \d+/\d+ \[")  # tqdm's
_LONG_LINE = 80  # characters that a box of text shows without scrolling, on a screen that is not a phone's


def lesson_content(
    notebook: Any, entry: Mapping[str, Any], lessons: Collection[str] = (), *, with_solutions: bool = False
) -> tuple[Markup, list[Link]]:
    """Make what stands on the page of a lesson that has ended.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The executed notebook.
    entry : mapping
        Its place in the results.
    lessons : collection of str
        The lessons that have a page: links to their notebooks go there.
    with_solutions : bool
        Whether to show the solutions of its exercises, and the hidden checks: not to students.

    Returns
    -------
    content : markupsafe.Markup
        Clean HTML.
    contents : list of Link
        Its headings.
    """
    if not with_solutions:
        notebook, entry = _for_others(notebook, entry)
    cells, contents = notebook_content(notebook, entry["title"], lessons)
    return render("lesson.html.j2", entry=entry, cells=cells), contents


def _for_others(notebook: Any, entry: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Leave solutions and hidden checks out of a notebook, its tracebacks and what is said of a failure."""
    secrets = Secrets(notebook)
    for cell in secrets.edition["cells"]:
        for output in cell.get("outputs", ()):
            if output.get("output_type") == "error":
                output["traceback"] = secrets.left_out("\n".join(output["traceback"])).split("\n")
    if failure := entry.get("failure"):
        said = {key: secrets.left_out(str(failure.get(key) or "")) for key in ("cell", "message")}
        entry = {**entry, "failure": {**failure, **said}}
    return secrets.edition, entry


def notebook_content(notebook: Any, title: str, lessons: Collection[str] = ()) -> tuple[Markup, list[Link]]:
    """Make a notebook's cells into a part of a page, with folded code.

    The code of cells tagged ``own`` is open.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A notebook, from anybody.
    title : str
        What the page is called: the notebook's own title is left out where it is the same.
    lessons : collection of str
        The notebooks that have a page: links to them go there.

    Returns
    -------
    content : markupsafe.Markup
        Clean HTML.
    contents : list of Link
        Its headings.
    """
    # Cleaned as a whole, because what nbconvert itself wrote around the parts has not been cleaned yet.
    soup = BeautifulSoup(clean_html(_cells(notebook)), "html.parser")
    _one_title(soup, title)
    _unique_ids(soup)
    explain_words(soup)
    _links(soup, lessons)
    offer_states(soup, states_by_picture(notebook))
    _pictures(soup)
    _headers_of_tables(soup)
    _scroll_boxes(soup)
    # And once more, as the last thing that happens to it.
    return Markup(clean_page(_in_colours(soup))), _contents(soup)


def _cells(notebook: Any) -> str:
    with warnings.catch_warnings():
        # An output of no type that can be shown is left out of the page; it is still in the notebook.
        warnings.filterwarnings("ignore", message=".*not able to be represented")
        cells, _ = _exporter().from_notebook_node(_without_metadata(notebook))
    return cells


@cache
def _exporter() -> HTMLExporter:
    """Make the exporter once for all notebooks: compiling its templates takes longer than exporting one."""
    quiet = logging.getLogger(__name__)
    quiet.setLevel(logging.ERROR)  # it warns of figures without description, which is for the page to say
    exporter = HTMLExporter(
        log=quiet,
        template_name="page",
        extra_template_basedirs=[str(TEMPLATES)],
        sanitize_html=True,
        filters={
            "clean_html": clean_html,
            "markdown2html": markdown_to_html,
            "latex_output": latex_output,
        },
    )
    # What can run or fetch something has no place in the list: scripts, SVG, live widgets.
    exporter.config.NbConvertBase.display_data_priority = _SHOWN_TYPES
    return exporter


def _without_metadata(notebook: Any) -> Any:
    """Copy a notebook with only that metadata that pages need: nbconvert writes some of it unquoted."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", ()) if re.fullmatch(r"[\w-]+", str(tag))]
        cell.metadata = nbformat.from_dict({"tags": tags})
        if "outputs" in cell:
            cell.outputs = [output for output in map(_for_readers, cell.outputs) if output is not None]
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                alt = {mime: alt_text(output, mime) for mime in ("image/png", "image/jpeg")}
                output.metadata = nbformat.from_dict(
                    {mime: {"alt": text} for mime, text in alt.items() if text}
                )
    return notebook


def _for_readers(output: Any) -> Any:
    """Leave out what is for the run or for who waits: figures that it recorded, bars of progress."""
    if RECORD_MIME in output.get("data", {}):
        return None
    if output.get("output_type") != "stream":
        return output
    text = "".join(output.text)
    kept = "".join(line for line in re.findall(r"[^\r\n]*[\r\n]*", text) if not _BAR.search(line))
    return nbformat.from_dict({**output, "text": kept}) if kept.strip() or not text.strip() else None


def _one_title(soup: BeautifulSoup, title: str) -> None:
    """Take the lesson's title out, as the page has it above; further headings of its rank go down by one."""
    for mark in soup.select("a.anchor-link"):
        mark.decompose()
    headings = soup.find_all("h1")
    if headings and headings[0].get_text().split() == title.split():
        headings.pop(0).decompose()
    for heading in headings:
        heading.name = "h2"


def _unique_ids(soup: BeautifulSoup) -> None:
    """Put a number to ids that occur again: a notebook may have two headings of the same text."""
    seen: set[str] = set()
    for tag in soup.find_all(id=True):
        plain, number = str(tag["id"]), 1
        while tag["id"] in seen:
            number += 1
            tag["id"] = f"{plain}-{number}"
        seen.add(str(tag["id"]))


def _links(soup: BeautifulSoup, lessons: Collection[str]) -> None:
    """Let links between notebooks go to their pages; others that lead to no place are only text."""
    places = {tag["id"] for tag in soup.find_all(id=True)}
    for link in soup.find_all("a", href=True):
        target = str(link["href"])
        notebook = re.fullmatch(r"(?:\./)?(\w+)\.ipynb(#.*)?", target)
        if notebook and notebook[1] in lessons:
            link["href"] = f"{notebook[1]}.html"
        elif target.startswith("#"):
            if unquote(target[1:]) not in places:
                del link["href"]
        elif not re.match(r"(https?|mailto):", target):
            del link["href"]


def _pictures(soup: BeautifulSoup) -> None:
    """Give each picture a text and its size; one that browsers would show as broken becomes its text."""
    for image in soup.find_all("img"):
        alt = str(image.get("alt", "")).replace(_NBCONVERTS_ALT, "").strip()
        picture = read_picture(str(image.get("src", "")).partition("base64,")[2])
        if picture is None:
            image.replace_with(f"[picture not shown: {alt or 'not in the notebook, or damaged'}]")
            continue
        image["alt"] = alt or NO_ALT
        if not {"width", "height"} & set(image.attrs):
            image["width"], image["height"] = str(picture.width), str(picture.height)


def _headers_of_tables(soup: BeautifulSoup) -> None:
    """Say what each header of a table is for; an empty one, as pandas has in the corner, is none."""
    for header in soup.select("table th"):
        if not header.get_text(strip=True) and not header.find("img"):
            header.name = "td"
            del header["scope"]
        elif not header.get("scope"):
            header["scope"] = "col" if header.find_parent("thead") else "row"


def _scroll_boxes(soup: BeautifulSoup) -> None:
    """Put what can be wider than the page into boxes that scroll by keyboard too."""
    for table in soup.find_all("table"):
        if not table.find_parent("table"):
            _box(soup, table, "Table")
    for formula in soup.select('math[display="block"], .output_latex > math'):
        _box(soup, formula, "Formula")
    for picture in soup.select("fieldset.states img, .output_png > img, .output_jpeg > img"):
        _box(soup, picture, "Picture")
    for text in soup.find_all("pre"):
        code = text.find_parent("details", class_="code") is not None
        if code or max(map(len, text.get_text().split("\n"))) > _LONG_LINE:
            _box(soup, text, "Code" if code else "Text")


def _in_colours(soup: BeautifulSoup) -> str:
    """Write the page, with its code in colours: only now, as a tag for each word would slow all the rest."""
    place, coloured = secrets.token_hex(), []  # nobody's text has this
    for code in soup.select("details.code pre"):
        coloured.append(highlight(code.get_text(), IPython3Lexer(), HtmlFormatter(nowrap=True)))
        code.string = f"{place}{len(coloured) - 1}."
    return re.sub(rf"{place}(\d+)\.", lambda found: coloured[int(found[1])], str(soup))


def _box(soup: BeautifulSoup, tag: Tag, label: str) -> None:
    attributes = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": label}
    tag.wrap(soup.new_tag("div", attrs=attributes))


def _contents(soup: BeautifulSoup) -> list[Link]:
    """List the headings of the text, not those in outputs."""
    return [
        Link(heading.get_text().strip(), f"#{heading['id']}", int(heading.name[1]))
        for heading in soup.select(".text_cell h2[id], .text_cell h3[id]")
        if heading.get_text().strip()
    ]
