"""The words of the glossary that a lesson links to, at the end of its page: it is read without the others."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from bs4 import BeautifulSoup

from mnistkit.course.report.html.math import markdown_to_html
from mnistkit.course.report.html.sanitize import OUR_IDS, clean_html
from mnistkit.course.start_page import find_page
from mnistkit.records.lesson_facts import course_folder

_LINK = re.compile(r"(?:\.\./)?docs/glossary\.md#(.+)")


def glossary() -> dict[str, str]:
    """Read the glossary of the course that is worked in.

    Returns
    -------
    dict of str to str
        Each word's section, Markdown, by what links call it; empty where there is no glossary.
    """
    page = find_page(course_folder(), "glossary.md")
    return _sections(page.read_text(encoding="utf-8")) if page else {}


@lru_cache(maxsize=1)
def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^###? (.+)\n", text, flags=re.M)
    sections = zip(parts[1::2], parts[2::2], strict=True)
    return {word.replace(" ", "-"): about.strip() for word, about in sections if about.strip()}


def explain_words(soup: BeautifulSoup) -> None:
    """Put the words that a page links to at its end, and let the links go there.

    Parameters
    ----------
    soup : bs4.BeautifulSoup
        A part of a page, clean; it is changed.
    """
    linked = [
        (link, found) for link in soup.find_all("a") if (found := _LINK.fullmatch(str(link.get("href"))))
    ]
    sections = glossary()
    words = {word: f"{OUR_IDS}word-{word}" for _, found in linked if (word := unquote(found[1])) in sections}
    for link, found in linked:
        if place := words.get(unquote(found[1])):
            link["href"] = f"#{place}"
    if words:
        section = soup.new_tag("section", attrs={"class": "words"})
        section.append(soup.new_tag("h2", string="Words"))
        for word, place in words.items():
            section.append(soup.new_tag("h3", string=word.replace("-", " "), attrs={"id": place}))
            about = clean_html(markdown_to_html({}, sections[word]))
            section.append(BeautifulSoup(about, "html.parser"))
        soup.append(section)
