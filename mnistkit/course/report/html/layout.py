"""What all pages share: templates, how figures are written, and the frame with its security policy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from mnistkit import __version__
from mnistkit.records import figure, signed

TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True)
class Link:
    """A link to another page, or to a place on the same one.

    Attributes
    ----------
    label, target : str
        What is shown, and where it goes.
    level : int
        Depth in a contents list, from 2 as headings are.
    """

    label: str
    target: str
    level: int = 2


@dataclass(frozen=True)
class Page:
    """One page of a report, without its frame.

    Attributes
    ----------
    name : str
        The file's name without its ending, unique in the report.
    title : str
        Its heading.
    content : markupsafe.Markup
        What stands in its ``main``: clean HTML that begins with the only h1.
    contents : sequence of Link
        Its headings, for pages long enough to have a list of them.
    before, after : Link or None
        The pages before and after it.
    """

    name: str
    title: str
    content: Markup
    contents: Sequence[Link] = field(default=())
    before: Link | None = None
    after: Link | None = None

    @property
    def file(self) -> str:
        """Name of the page's file."""
        return f"{self.name}.html"


def render(template: str, **values: Any) -> Markup:
    """Fill in a template; every value is escaped that is no `markupsafe.Markup`.

    Parameters
    ----------
    template : str
        Name of its file.
    **values
        What it needs: a name that is missing is an error.

    Returns
    -------
    markupsafe.Markup
        HTML.
    """
    return Markup(_environment().get_template(template).render(**values))


def frame(page: Page, menu: Sequence[Link] = (), kind: str = "report", state: str = "") -> str:
    """Put a page into its frame: policy, style, links, footer.

    Parameters
    ----------
    page : Page
        What stands in it.
    menu : sequence of Link
        The pages that every page links to.
    kind : str
        ``report`` or ``comparison``: by it such a file is known again.
    state : str
        A mark of what the page was made from.

    Returns
    -------
    str
        The whole file.
    """
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    values = {
        "page": page,
        "menu": menu,
        "kind": kind,
        "state": state,
        "style": style,
        "version": __version__,
    }
    return str(render("frame.html.j2", **values))


@cache
def templates_hash() -> str:
    """Hash what pages are made with: the templates and the code of reports.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    files = [*TEMPLATES.rglob("*.*"), *Path(__file__).parents[1].rglob("*.py")]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(files))).hexdigest()


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["contains"] = lambda container, item: item in container
    environment.filters |= {
        "figure": figure,
        "difference": difference,
        "moment": moment,
        "duration": duration,
        "size": size,
    }
    return environment


def difference(value: float) -> str:
    """Write the difference between two figures.

    Parameters
    ----------
    value : float
        Any number.

    Returns
    -------
    str
        As in a notebook (`mnistkit.records.signed`), with a typographic minus.
    """
    return signed(value).replace("-", "−")


def moment(text: str) -> str:
    """Write a point in time for people.

    Parameters
    ----------
    text : str
        ISO 8601, in UTC.

    Returns
    -------
    str
        To the minute.
    """
    return f"{text[:16].replace('T', ' ')} UTC"


def duration(seconds: float) -> str:
    """Write a duration for people.

    Parameters
    ----------
    seconds : float
        How long.

    Returns
    -------
    str
        In seconds up to ten minutes, then in minutes, or hours and minutes.
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 599.5:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def size(count: float) -> str:
    """Write an amount of memory for people.

    Parameters
    ----------
    count : float
        Bytes.

    Returns
    -------
    str
        In MB or, from 10 GB on, in GB.
    """
    return f"{count / 1e9:,.0f} GB" if count >= 1e10 else f"{count / 1e6:,.0f} MB"
