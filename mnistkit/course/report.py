"""The report of a run: one page a lesson and an index, which open anywhere with no network.

nbconvert turns cells into HTML. It would also let a notebook's scripts, frames and styles through, and load
four libraries from the network; here an allow-list cleans everything that comes out of a notebook, and the
page's own security policy forbids the rest.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import nbformat
import nh3
from nbconvert import HTMLExporter

from mnistkit import __version__
from mnistkit.course.files import write_atomically
from mnistkit.course.run import read_results

FOLDER = "report"
THUMBNAIL_PIXELS = 480

_TEMPLATES = Path(__file__).parent / "templates"
_SHOWN_TYPES = ["image/png", "image/jpeg", "text/html", "text/markdown", "text/plain"]
_ATTRIBUTES = {
    "*": {"class", "id", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
    "details": {"open"},
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
    return nh3.clean(
        markup,
        tags=nh3.ALLOWED_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_keep_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    """Images only from inside the page, links only to outside it."""
    if attribute == "src" and not value.startswith(
        ("data:image/png;", "data:image/jpeg;", "data:image/gif;")
    ):
        return None
    if attribute == "href" and value.strip().lower().startswith("data:"):
        return None
    return value


def write_report(out: Path) -> Path:
    """Write the report of a run as far as it has got.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.

    Returns
    -------
    pathlib.Path
        The index page.

    Raises
    ------
    CourseError
        If `out` holds no run.
    """
    results = read_results(out)
    folder = out / FOLDER
    names = [name for name in results["notebooks"] if (out / f"{name}.ipynb").exists()]
    lessons = []
    for name, entry in results["notebooks"].items():
        lesson = {"entry": entry, "page": None, "thumbnail": None, "alt": ""}
        if name in names and entry["status"] in ("completed", "failed"):
            notebook = nbformat.read(out / f"{name}.ipynb", as_version=4)
            page = _page(notebook, entry, _links(name, names))
            write_atomically(folder / f"{name}.html", page)
            lesson["page"] = f"{name}.html"
            lesson["thumbnail"], lesson["alt"] = _thumbnail(notebook)
        lessons.append(lesson)
    standins = sorted(
        {d["name"] for entry in results["notebooks"].values() for d in entry["data"] if d["is_standin"]}
    )
    content = _render("index.html.j2", results=results, lessons=lessons, standins=standins)
    write_atomically(folder / "index.html", _frame("mnistkit: report", content, []))
    return folder / "index.html"


def _links(name: str, names: list[str]) -> list[tuple[str, str]]:
    """List where to go from a lesson's page: index, the one before, the one after."""
    position = names.index(name)
    links = [("All lessons", "index.html")]
    if position > 0:
        links.append((f"← {names[position - 1]}", f"{names[position - 1]}.html"))
    if position + 1 < len(names):
        links.append((f"{names[position + 1]} →", f"{names[position + 1]}.html"))
    return links


def _page(notebook: Any, entry: Mapping[str, Any], links: list[tuple[str, str]]) -> str:
    exporter = HTMLExporter(
        template_name="page",
        extra_template_basedirs=[str(_TEMPLATES)],
        sanitize_html=True,
        filters={"clean_html": clean_html},
    )
    # What can run or fetch something has no place in the list: scripts, SVG, live widgets.
    exporter.config.NbConvertBase.display_data_priority = _SHOWN_TYPES
    cells, _ = exporter.from_notebook_node(notebook)
    content = _render("lesson.html.j2", entry=entry, cells=cells)
    return _frame(entry["title"], content, links)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), undefined=jinja2.StrictUndefined)


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


def _frame(title: str, content: str, links: list[tuple[str, str]]) -> str:
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    return _render(
        "frame.html.j2", title=title, content=content, links=links, style=style, version=__version__
    )


def _thumbnail(notebook: Any) -> tuple[str | None, str]:
    """Find the figure that stands for a lesson, and give it made small, with its alt text.

    It is the one of the cell tagged ``thumbnail``, or else the first; none if the notebook shows none.
    """
    from PIL import Image

    figures = [
        ("thumbnail" not in cell.metadata.get("tags", ()), output)
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    if not figures:
        return None, ""
    output = min(figures, key=lambda figure: figure[0])[1]
    picture = Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).convert("RGB")
    picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    small = io.BytesIO()
    picture.quantize(64).save(small, "PNG", optimize=True)
    alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
    return base64.b64encode(small.getvalue()).decode(), alt
