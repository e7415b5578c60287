"""The allow-list: what of a notebook's HTML may stand on a page. Everything else is left out."""

from __future__ import annotations

import re
from collections.abc import Callable

import nh3

OUR_IDS = "mk-"
"""Ids of our own on a page begin so; a notebook's ids can't."""

_IMAGES = ("data:image/png;", "data:image/jpeg;", "data:image/gif;")
_MATHML_TAGS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mpadded", "mphantom", "menclose"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mfrac", "msqrt", "mroot"),
    *("mtable", "mtr", "mtd"),
}
_TAGS = nh3.ALLOWED_TAGS | _MATHML_TAGS | {"section"}
# Nothing that fetches, links, colours or sets a style. Lengths are kept short by `_keep_attribute`.
_MATHML_ATTRIBUTES = {
    "math": {"display"},
    "mi": {"mathvariant"},
    "mtext": {"mathvariant"},
    "mo": {"stretchy", "fence", "form", "accent", "minsize", "maxsize"},
    "mspace": {"width"},
    "mover": {"accent"},
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
    "mfrac": {"linethickness"},
    "mtable": {"displaystyle"},
    "mtd": {"columnalign"},
    "mstyle": {"displaystyle", "scriptlevel"},
}
_LENGTHS = {"width", "minsize", "maxsize", "linethickness"}
_ATTRIBUTES = {
    "*": {"class", "id", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
    "details": {"open"},
    **_MATHML_ATTRIBUTES,
}
# What pages add to make boxes that scroll reachable by keyboard, and to choose among pictures.
_OUR_TAGS = {"fieldset", "legend", "label", "input"}
_OUR_ATTRIBUTES = {"input": {"name", "aria-describedby"}}  # only with ids of ours
_OUR_VALUES = {
    "div": {
        "tabindex": {"0"},
        "role": {"group"},
        "aria-label": {"Table", "Code", "Text", "Formula", "Picture"},
    },
    "input": {"type": {"radio"}, "checked": {""}},
    "figcaption": {"aria-hidden": {"true"}},
}


def clean_html(markup: str) -> str:
    """Keep of a notebook's HTML what can only be read: no script, style, frame, form or outside image.

    Parameters
    ----------
    markup : str
        HTML from a markdown cell or an output.

    Returns
    -------
    str
        The same with everything else left out.
    """
    return _clean(markup, _keep_attribute, _TAGS, _ATTRIBUTES, {})


def clean_page(markup: str) -> str:
    """Clean a part of a page that is made of cleaned parts; marks that pages add to them stay.

    Parameters
    ----------
    markup : str
        HTML made from what `clean_html` gave.

    Returns
    -------
    str
        The same, clean whatever was done to it since.
    """
    return _clean(markup, _keep_our_attribute, _TAGS | _OUR_TAGS, _ATTRIBUTES | _OUR_ATTRIBUTES, _OUR_VALUES)


def _clean(
    markup: str,
    keep: Callable[[str, str, str], str | None],
    tags: set[str],
    attributes: dict[str, set[str]],
    values: dict[str, dict[str, set[str]]],
) -> str:
    return nh3.clean(
        markup,
        tags=tags,
        attributes=attributes,
        tag_attribute_values=values,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    """Drop what would take the place of an id of ours, and all that `_keep_our_attribute` drops."""
    if attribute == "id" and value.startswith(OUR_IDS):
        return None
    return _keep_our_attribute(tag, attribute, value)


def _keep_our_attribute(tag: str, attribute: str, value: str) -> str | None:
    """Keep images only from inside the page, links only to pages, and lengths in formulas only if short."""
    if tag == "input" and attribute in _OUR_ATTRIBUTES["input"] and not value.startswith(OUR_IDS):
        return None
    if attribute == "src" and not value.startswith(_IMAGES):
        return None
    # Browsers take no notice of control characters and blanks in a scheme.
    if attribute == "href" and re.sub(r"[\x00-\x20]", "", value).lower().startswith("data:"):
        return None
    # A formula must not reach out of its place, or grow over the page.
    if (
        tag.startswith("m")
        and attribute in _LENGTHS
        and not re.fullmatch(r"-?0?\.\d+em|[0-3](\.\d+)?(em)?", value)
    ):
        return None
    if attribute == "scriptlevel" and value not in ("0", "1", "2"):
        return None
    return value
