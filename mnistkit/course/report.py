"""The report of a run: one page a lesson and an index, which open anywhere with no network.

nbconvert turns cells into HTML. It would also let a notebook's scripts, frames and styles through, and load
four libraries from the network; here an allow-list cleans everything that comes out of a notebook, and the
page's own security policy forbids the rest.
"""

from __future__ import annotations

import base64
import copy
import io
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jinja2
import nbformat
import nh3
from nbconvert import HTMLExporter

from mnistkit import __version__
from mnistkit.course.results import REPORT, read_results
from mnistkit.data.files import write_atomically

THUMBNAIL_PIXELS = 480

_TEMPLATES = Path(__file__).parent / "templates"
_SHOWN_TYPES = ["image/png", "image/jpeg", "text/html", "text/markdown", "text/latex", "text/plain"]
_IMAGES = ("data:image/png;", "data:image/jpeg;", "data:image/gif;")
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
    """Keep images only from inside the page, and links only to pages."""
    if attribute == "src" and not value.startswith(_IMAGES):
        return None
    # Browsers take no notice of control characters and blanks in a scheme.
    if attribute == "href" and re.sub(r"[\x00-\x20]", "", value).lower().startswith("data:"):
        return None
    return value


def _without_metadata(notebook: Any) -> Any:
    """Copy a notebook with only that metadata that pages need: nbconvert writes some of it unquoted."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", ()) if re.fullmatch(r"[\w-]+", str(tag))]
        cell.metadata = nbformat.from_dict({"tags": tags})
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                alt = {mime: _alt(output, mime) for mime in ("image/png", "image/jpeg")}
                output.metadata = nbformat.from_dict(
                    {mime: {"alt": text} for mime, text in alt.items() if text}
                )
    return notebook


def _alt(output: Any, mime: str) -> str:
    about = output.get("metadata", {}).get(mime, {})
    return str(about.get("alt", "")) if isinstance(about, Mapping) else ""


def write_report(out: Path, pages: Collection[str] | None = None) -> Path:
    """Write the report of a run as far as it has got.

    Parameters
    ----------
    out : pathlib.Path
        The run's folder.
    pages : collection of str, optional
        The lessons whose pages to write; all by default. The index is always written.

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
    index = out / REPORT
    ready = [name for name, entry in results["notebooks"].items() if _is_ready(out, name, entry)]
    lessons = []
    for name, entry in results["notebooks"].items():
        lesson = {"entry": entry, "page": None, "thumbnail": None, "alt": ""}
        if name in ready:
            notebook = nbformat.read(out / f"{name}.ipynb", as_version=4)
            lesson["page"] = f"{name}.html"
            lesson["thumbnail"], lesson["alt"] = _thumbnail(notebook)
            page = index.parent / f"{name}.html"
            if pages is None or name in pages or not page.exists():
                write_atomically(page, _page(notebook, entry, _links(name, ready)))
        lessons.append(lesson)
    standins = sorted(
        {d["name"] for entry in results["notebooks"].values() for d in entry["data"] if d["is_standin"]}
    )
    content = _render("index.html.j2", results=results, lessons=lessons, standins=standins)
    write_atomically(index, _frame("mnistkit: report", content, []))
    return index


def _is_ready(out: Path, name: str, entry: Mapping[str, Any]) -> bool:
    return entry["status"] not in ("waiting", "interrupted") and (out / f"{name}.ipynb").exists()


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
    with warnings.catch_warnings():
        # An output of no type that can be shown is left out of the page; it is still in the notebook.
        warnings.filterwarnings("ignore", message=".*not able to be represented")
        cells, _ = exporter.from_notebook_node(_without_metadata(notebook))
    # Once more as a whole: what nbconvert itself wrote around the parts has not been cleaned yet.
    content = _render("lesson.html.j2", entry=entry, cells=clean_html(cells))
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
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):  # a student can display anything as a PNG
        return None, ""
    picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    small = io.BytesIO()
    picture.quantize(64).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode(), _alt(output, "image/png")
