"""What pages of the site are made of: the lessons, their parameters and exercises, and the pages of a run.

Each directive gives Markdown that is made from the course while the site is built: nothing of it is written
twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from mnistkit.course.lessons import Lesson, find, find_folder
from mnistkit.course.parameters import read_preset, read_schema
from mnistkit.course.report.html.layout import Link, frame
from mnistkit.course.report.pages.site import MENU, Site
from mnistkit.course.running.results import read_results
from mnistkit.errors import UserError
from mnistkit.files import write_atomically
from mnistkit.grading.exercises import read_exercises
from mnistkit.records.lesson_facts import read_lesson_facts

_logger = logging.getLogger(__name__)

_LESSONS_PAGE = "docs/lessons"
_PARAMETERS = "| parameter | type | smoke | lab | full | meaning |\n|---|---|---|---|---|---|"
_FOLDER = "lessons"  # of a run's pages on the site


# ---- Markdown


def lesson_plan(lesson: Lesson) -> str:
    """Write what a teacher wants to know of a lesson before teaching it.

    Parameters
    ----------
    lesson : Lesson
        Which.

    Returns
    -------
    str
        Markdown: its first cell (question, sections with minutes, what it needs and leads to, its time
        and memory), then each exercise with its points, typical errors, and an answer that opens on demand.
    """
    cells = {cell["id"]: cell for cell in json.loads(lesson.text)["cells"]}
    wrong = read_lesson_facts(lesson.path).wrong_answers
    lines = [f"## {lesson.title}", _on_the_page(lesson.cells[0].source)]
    shown = set[str]()
    for exercise in read_exercises(lesson):
        way = "checked" if exercise.automatic else "marked by hand"
        lines.append(f"**{exercise.title}** ({exercise.points:g} points, {way})")
        for name in exercise.work:
            if name not in shown:
                errors = "\n".join(f"- {label}" for label in wrong.get(name, ()))
                lines += [f"Typical errors:\n\n{errors}"] if errors else []
                lines.append(_answer(cells[name]))
                shown.add(name)
    return "\n\n".join(lines)


def _answer(cell: dict[str, Any]) -> str:
    source = re.sub(r"^[ \t]*(###|<!--) (BEGIN|END) SOLUTION.*\n?", "", "".join(cell["source"]), flags=re.M)
    if cell["cell_type"] == "code":
        return f"<details><summary>Answer</summary>\n\n```python\n{source}\n```\n\n</details>"
    return source


def _on_the_page(cell: str) -> str:
    """Let the first cell of a lesson be a part of the page: headings one deeper, links as on the site."""
    text = re.sub(r"^(##+ )", r"#\1", cell.split("\n", 1)[1], flags=re.M)
    return re.sub(
        r"\]\(\.\./docs/([\w-]+\.md)(#[^)]*)?\)",
        lambda found: f"](../{found[1]}{(found[2] or '').lower()})",
        text,
    )


def parameter_tables() -> str:
    """Write a table of the parameters of each lesson, with their values in the three presets.

    Returns
    -------
    str
        Markdown. The ranges stand in the last column, as in the notebooks' parameters cells.
    """
    lessons = find(find_folder())
    smoke, full = (read_preset(find_folder(), preset, lessons) for preset in ("smoke", "full"))
    parts = []
    for lesson in lessons:
        parts.append(f"## {lesson.title}\n\n{_PARAMETERS}")
        for name, parameter in read_schema(lesson).items():
            lab = parameter.default
            values = (
                smoke.get(lesson.name, {}).get(name, lab),
                lab,
                full.get(lesson.name, {}).get(name, lab),
            )
            shown = " | ".join(f"`{value}`" for value in values)
            parts[-1] += f"\n| `{name}` | {parameter.type} | {shown} | {parameter.help} |"
    return "\n\n".join(parts)


def lesson_list() -> str:
    """List the lessons, each with its question.

    Returns
    -------
    str
        Markdown, with links to the notebooks.
    """
    return "\n".join(
        f"- [{lesson.title}](../notebooks/{lesson.path.name}): {lesson.question}"
        for lesson in find(find_folder())
    )


def _lesson_plans() -> str:
    return "\n\n".join(map(lesson_plan, find(find_folder())))


# ---- Sphinx


class _CourseDirective(SphinxDirective):
    """A directive without content of its own."""

    markdown: Callable[[], str]

    def run(self) -> list[nodes.Node]:
        """Give what the Markdown means."""
        return self.parse_text_to_nodes(type(self).markdown(), allow_section_headings=True)


def _lead_to_pages_of_lessons(app: Sphinx, document: nodes.document) -> None:
    """Let a link to a lesson's notebook, which has its solutions, mean the lesson's page of the run.

    Where the run has none, it is the page that says how to get one.
    """
    notebooks, shown = find_folder().resolve(), _lessons_of(app.config.course_run)
    for link in list(document.findall(addnodes.download_reference)):
        _, path = app.env.relfn2path(link["reftarget"], app.env.docname)
        if Path(path).resolve().parent == notebooks and path.endswith(".ipynb"):
            name = Path(path).stem
            page = f"{_FOLDER}/{name}" if name in shown else _LESSONS_PAGE
            uri = app.builder.get_relative_uri(app.env.docname, page)
            link.replace_self(nodes.reference("", "", *link.children, refuri=uri, internal=True))


@cache
def _lessons_of(run: str) -> frozenset[str]:
    try:
        return frozenset(read_results(Path(run))["notebooks"]) if run else frozenset()
    except UserError as error:
        _logger.warning(str(error))  # the build fails by it, without a traceback
        return frozenset()


def _write_pages_of_run(app: Sphinx, failure: Exception | None) -> None:
    """Put the report of the run onto the site, with a link back."""
    if failure or not _lessons_of(app.config.course_run):
        return
    run = Site(Path(app.config.course_run))
    menu = (Link("Documentation", f"../{app.config.root_doc}.html"), *MENU)
    for page in (*map(run.lesson, run.entries), *run.overviews()):
        write_atomically(Path(app.outdir) / _FOLDER / page.file, frame(page, menu))


def _for_keyboards_and_screen_readers(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Complete what Sphinx and the theme leave out: a heading's level, and a way into what scrolls."""
    for part in {"body", "furo_navigation_tree"} & set(context):
        for found, put in (
            ('role="heading"', 'role="heading" aria-level="2"'),
            ("<pre>", '<pre tabindex="0">'),
            ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
        ):
            context[part] = context[part].replace(found, put)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what this module has."""
    app.add_config_value("course_run", "", "env", str)
    for name, markdown in (
        ("lesson-list", lesson_list),
        ("lesson-plans", _lesson_plans),
        ("parameter-tables", parameter_tables),
    ):
        app.add_directive(name, type(name, (_CourseDirective,), {"markdown": staticmethod(markdown)}))
    app.connect("doctree-read", _lead_to_pages_of_lessons, priority=100)  # before downloads are collected
    app.connect("html-page-context", _for_keyboards_and_screen_readers, priority=900)  # after the theme
    app.connect("build-finished", _write_pages_of_run)
    return {"parallel_read_safe": True}
